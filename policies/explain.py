"""A decision as one screen of plain words: what may go, what may not, which rule says so and where it is written.

Names are the caller's to give (`section` labels, the recipient's title); nothing here knows content, so nothing here
can repeat any.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from policies.decide import Decision, Engine, Rule, ViewDecision

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
