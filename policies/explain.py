"""A decision as one screen of plain words: what may go, what may not, which rule says so and where it is written.

Names are the caller's to give (`section` labels, the recipient's title); nothing here knows content, so nothing here
can repeat any.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from policies.decide import Decision, Engine, Rule, ViewDecision
from policies.inquiry import Answer
from policies.outlook import Change
from policies.words import listed

WIDTH = 100


@dataclass(frozen=True, slots=True)
class SectionWords:
    """One section's outcome, ready to show."""

    section: str
    permitted: bool
    rules: tuple[Rule, ...]


def sections(view: ViewDecision, engine: Engine | None = None) -> tuple[SectionWords, ...]:
    """Every section of a decided view with the rules that decided it."""
    engine = engine or Engine.load()
    return tuple(
        SectionWords(name, decision.permitted, tuple(engine.rule(i) for i in decision.because))
        for name, decision in view.sections
    )


def sentences(because: Sequence[str], engine: Engine | None = None) -> tuple[str, ...]:
    """What the rules with these ids say; an id of another edition of the rules is named, not explained."""
    engine = engine or Engine.load()
    known = {rule.id: rule.says for rule in engine.rules}
    return tuple(known.get(i, f"Rule {i} is not part of this edition of the rules.") for i in because)


def decision(subject: str, decided: Decision, engine: Engine | None = None) -> str:
    """One decision as a few lines."""
    engine = engine or Engine.load()
    return "\n".join(_section(SectionWords(subject, decided.permitted, tuple(map(engine.rule, decided.because)))))


def view(recipient: str, decided: ViewDecision, engine: Engine | None = None) -> str:
    """A whole view as one screen: the outcome first, then each section; what is refused stands before the rest."""
    words = sorted(sections(decided, engine), key=lambda w: w.permitted)
    if decided.permitted:
        head = f"{recipient} may have this message."
    elif not words:
        head = f"{recipient} gets nothing: no section is granted."
    else:
        refused = sum(not w.permitted for w in words)
        verb = "is" if refused == 1 else "are"
        head = (
            f"{recipient} may not have this message: {refused} of {len(words)} sections {verb} refused, "
            "and then nothing is delivered."
        )
    lines = [head]
    for item in words:
        lines += ["", *_section(item)]
    return "\n".join(lines)


def _section(item: SectionWords) -> list[str]:
    lines = [f"{'permitted' if item.permitted else 'REFUSED  '}  {item.section}"]
    for rule in item.rules:
        lines += wrap(
            f"{rule.id}: {rule.says}", WIDTH, initial_indent=" " * 11, subsequent_indent=" " * (13 + len(rule.id))
        )
        lines += wrap(
            f"({rule.source})",
            WIDTH,
            initial_indent=" " * (13 + len(rule.id)),
            subsequent_indent=" " * (13 + len(rule.id)),
        )
    return lines


# A whole answer


def answer(found: Answer, width: int = WIDTH) -> str:
    """One answer as a screen: the outcome, the rules with their sources, how things stand, and what would help."""
    head = f"{'PERMITTED' if found.permitted else 'REFUSED'}  {found.section}"
    under = f", under the agreement {found.agreement}" if found.agreement else ""
    lines = [
        *wrap(head, width, subsequent_indent=" " * 11),
        *wrap(f"from {found.sender} to {found.recipient}{under}", width, initial_indent=" " * 11),
    ]
    for title, items in paragraphs(found):
        lines += ["", f"  {title}"]
        for mark, text in items:
            first, rest = f"    {mark} ", " " * (len(mark) + 5)
            for number, part in enumerate(text.split("\n")):
                lines += wrap(part, width, initial_indent=rest if number else first, subsequent_indent=rest)
    return "\n".join(lines)


def paragraphs(found: Answer) -> list[tuple[str, list[tuple[str, str]]]]:
    """What is to be read after the outcome: titled lists of (mark, text)."""
    by = "Permitted by" if found.permitted else "Refused by"
    said = [(by, [(rule.id, f"{rule.says}\n({rule.source})") for rule in found.rules])]
    if found.because:
        said.append(("How things stand", [("-", text) for text in found.because]))
    if found.outlook.ways:
        said.append(("It would pass if", [(f"{n}.", way(w)) for n, w in enumerate(found.outlook.ways, 1)]))
    elif found.standing:
        said.append(("Nothing that anybody could change would let it pass", [(r.id, r.says) for r in found.standing]))
    return said


def way(changes: Sequence[Change]) -> str:
    """One way: a sentence, and on a line of its own who can bring it about."""
    said = "; and ".join(c.says for c in changes)
    who = list(dict.fromkeys(c.lever.value for c in changes))
    return f"{said}.\n(who can bring it about: {listed(who)})"
