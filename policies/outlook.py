"""What would have to change for a refused section to pass: the smallest sets of changes, or that nothing would help.

Same facts and rules in, same answer out. Only facts that somebody can change are changed (`policies.words`), besides
the alternatives that the caller names, such as another kind of message. Each way is minimal: none of its changes can be
left out. What is looked for is led by the rules that refuse, for only a fact that a rule looks at can satisfy it; so
the search is exact and short.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from messages.labels import Flag
from policies import rights
from policies.consent import IDENTIFYING
from policies.decide import SILENCE, Decision, Engine
from policies.facts import COVER, Facts
from policies.words import AGREED, BOOLEANS, COMES_WITH, Lever, filled, listed, words

MOST: Final = 3
"""Changes in one way that are looked for from the small end; beyond that, one way is found from the other end."""
WAYS: Final = 4
"""Ways that are told: nobody reads a longer list before choosing."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that would have to be otherwise, as a sentence, who can bring it about, and the facts it sets."""

    says: str
    lever: Lever
    sets: tuple[tuple[str, Any], ...]
    axis: str = ""  # of an alternative: what is chosen otherwise, such as "kind"
    value: str = ""

    @property
    def names(self) -> frozenset[str]:
        """The facts that it touches."""
        return frozenset(name for name, _ in self.sets)

    def on(self, facts: Facts) -> Facts:
        """The facts once it has come about."""
        return replace(facts, **dict(self.sets))


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another message that could be sent instead, and the facts it would have.

    `says` holds `{value}`: alternatives on one axis that help alike are told as one.
    """

    axis: str
    value: str
    says: str
    facts: Facts
    lever: Lever = Lever.SENDER


@dataclass(frozen=True, slots=True)
class Outlook:
    """A decision, and what would turn a refusal: `ways` of `Change`s, the easiest first; each is enough by itself.

    Where there is no way, `standing` are the rules that refuse whatever anybody changes.
    """

    decision: Decision
    ways: tuple[tuple[Change, ...], ...] = ()
    standing: tuple[str, ...] = ()

    @property
    def permitted(self) -> bool:
        """Whether nothing needs to change."""
        return self.decision.permitted


def outlook(
    facts: Facts,
    engine: Engine,
    alternatives: Iterable[Alternative] = (),
    *,
    sender: str = "",
    recipient: str = "",
    redactable: bool = True,
) -> Outlook:
    """Decide, and look for what would have to change. `sender` and `recipient` are the agencies' names, for words.

    `redactable`: False of a part that is nothing but identity, of which no redaction leaves anything.
    """
    decision = engine.decide(facts)
    if decision.permitted:
        return Outlook(decision)
    search = _Search(engine, sender, recipient, redactable)
    found = {frozenset(way) for way in search.ways(facts)}
    for other in alternatives:
        instead = Change(other.says, other.lever, _differences(facts, other.facts), other.axis, other.value)
        if not instead.sets:
            continue
        if engine.decide_alike(other.facts).permitted:
            found.add(frozenset({instead}))
        else:
            found |= {frozenset({instead, *way}) for way in search.ways(other.facts, MOST - 1)}
    smallest = [way for way in found if not any(other < way or _less(other, way) for other in found)]
    ways = [tuple(sorted(way, key=_order)) for way in _merged(smallest)]
    if ways:
        return Outlook(decision, tuple(sorted(ways, key=_effort)[:WAYS]))
    return Outlook(decision, (), search.standing(facts))


def _less(one: frozenset[Change], other: frozenset[Change]) -> bool:
    """Whether `one` does in one place less than `other`, and in all others the same."""
    mine, theirs = one - other, other - one
    if len(mine) != 1 or len(theirs) != 1:
        return False
    (a,), (b,) = mine, theirs
    if a.axis or b.axis:
        return False
    stronger = dict(b.sets)
    weaker = all(
        name in stronger and (stronger[name] == v or (name == "flags" and stronger[name] < v)) for name, v in a.sets
    )
    return weaker and a.sets != b.sets


def _merged(ways: Sequence[frozenset[Change]]) -> Iterator[frozenset[Change]]:
    """Ways that differ in the value of one alternative only, told as one."""
    groups: dict[tuple[frozenset[str], str, str], list[frozenset[Change]]] = {}
    for way in ways:
        chosen = next((c for c in way if c.axis), None)
        rest = frozenset(c.says for c in way if not c.axis)
        groups.setdefault((rest, chosen.axis if chosen else "", chosen.says if chosen else ""), []).append(way)
    for (_, axis, says), alike in groups.items():
        first = min(alike, key=lambda way: sorted(c.value for c in way))
        values = sorted({c.value for way in alike for c in way if c.axis})
        yield frozenset(
            replace(c, says=says.format(value=listed(values, "or"))) if c.axis == axis != "" else c for c in first
        )


def _order(change: Change) -> tuple[int, str]:
    return change.lever.rank, change.says


def _effort(way: Sequence[Change]) -> tuple[object, ...]:
    return max(c.lever.rank for c in way), len(way), [_order(c) for c in way]


def _differences(old: Facts, new: Facts) -> tuple[tuple[str, Any], ...]:
    names = Facts.__dataclass_fields__
    return tuple((n, getattr(new, n)) for n in names if getattr(new, n) != getattr(old, n))


@dataclass(frozen=True, slots=True)
class _Search:
    """What stays the same while one question is looked into."""

    engine: Engine
    sender: str
    recipient: str
    redactable: bool

    def _permits(self, facts: Facts, way: Iterable[Change]) -> bool:
        return self.engine.decide_alike(_applied(facts, way)).permitted

    def ways(self, facts: Facts, most: int = MOST) -> Iterator[tuple[Change, ...]]:
        """Minimal ways by changes alone."""
        changes = self.changes(facts)
        best = next((b for b in self._most(changes) if self._permits(facts, b)), None)
        if best is None:
            return
        permits = frozenset().union(*(r.looks_at for r in self.engine.rules if r.permits))
        found: list[frozenset[Change]] = []
        seen: set[frozenset[Change]] = set()
        level: list[frozenset[Change]] = [frozenset()]
        for _ in range(most):
            following: list[frozenset[Change]] = []
            for taken in level:
                # One rule at a time: whatever the way is, it satisfies this one.
                rule = self.engine.decide_alike(_applied(facts, taken)).because[0]
                looked_at = permits if rule == SILENCE.id else self.engine.rule(rule).looks_at
                for change in changes:
                    way = taken | {change}
                    if way in seen or not change.names & looked_at or any(_clash(change, c) for c in taken):
                        continue
                    seen.add(way)
                    if any(other <= way for other in found):
                        continue
                    (found if self._permits(facts, way) else following).append(way)
            level = following
        if not found and most == MOST:
            found.append(self._shrunk(facts, best))
        for way in found:
            if not any(self._permits(facts, way - {one}) for one in way):
                yield tuple(way)

    @staticmethod
    def _most(changes: Sequence[Change]) -> Iterator[list[Change]]:
        """As many of the changes at once as go together.

        A guard's check nearly always helps; but it also fixes what a section is, which may then be worse. A vital
        interest takes the place of every other ground on which something may go.
        """
        usual = [c for c in changes if "vital_interest" not in c.names]
        content = [c for c in usual if "flags" in c.names]
        others = [c for c in usual if "flags" not in c.names]
        yield from ([*others, c] for c in content)
        yield others
        yield [c for c in others if "attested" not in c.names]
        yield [c for c in changes if "flags" not in c.names]

    def _shrunk(self, facts: Facts, changes: Sequence[Change]) -> frozenset[Change]:
        """One minimal way of many changes: all of them, less each that is not needed, the hardest first."""
        way = frozenset(changes)
        for change in sorted(changes, key=_order, reverse=True):
            if self._permits(facts, way - {change}):
                way -= {change}
        return way

    def standing(self, facts: Facts) -> tuple[str, ...]:
        """The rules that refuse, once as much is changed as helps."""
        left = [self.engine.decide_alike(_applied(facts, most)).because for most in self._most(self.changes(facts))]
        return min(left, key=lambda rules: (len(rules), rules))

    def changes(self, facts: Facts) -> list[Change]:
        """Everything that somebody could change about these facts, one thing each."""
        found: list[Change] = []
        right = rights.load().right(facts.data_type, facts.recipient_class)
        for name in BOOLEANS:
            word = words(name)
            if word.lever is Lever.NOBODY or getattr(facts, name) is word.eased or not word.change:
                continue
            sets: dict[str, Any] = {name: word.eased, **dict.fromkeys(COMES_WITH.get(name, ()), True)}
            if name in AGREED and not facts.agreement_in_force:
                if name != "agreement_in_force":
                    continue  # there is no agreement that could be changed
                sets = dict.fromkeys(AGREED, True)
                says = filled(
                    f"{word.change} that lists {{type}} in a message of kind {{kind}}",
                    facts,
                    self.sender,
                    self.recipient,
                )
                found.append(Change(says, word.lever, tuple(sets.items())))
                continue
            if name == "identity_right" and right is rights.Right.NEVER:
                continue  # the law, not the agreement, withholds it
            if name == "released" and right is rights.Right.RELEASE:
                sets["class_may_receive"] = True  # who is no normal receiver may receive it by that release
            says = filled(word.change, facts, self.sender, self.recipient)
            if name == "identity_right" and facts.data_type == COVER:
                says = "the agreement lists under identity some data type to whose identities the recipient has a right"
            found.append(Change(says, word.lever, tuple(sets.items())))
        if self.redactable and not facts.sealed_part:
            found += _redactions(facts)
        return found


def _clash(one: Change, other: Change) -> bool:
    """Whether both cannot come about at once."""
    mine = dict(one.sets)
    return one == other or any(mine.get(name, value) != value for name, value in other.sets)


def _applied(facts: Facts, way: Iterable[Change]) -> Facts:
    for change in sorted(way, key=_order):
        facts = change.on(facts)
    return facts


def _redactions(facts: Facts) -> Iterator[Change]:
    """What the release guard can make of a section that says too much."""
    checked: dict[str, Any] = {"attested": True, "declared_as_attested": True}
    if facts.flags & IDENTIFYING:
        left = facts.flags - IDENTIFYING
        says = (
            "it is redacted so that it neither names nor locates nor exposes anybody, and the release guard checks it"
        )
        yield Change(says, Lever.GUARD, tuple({**checked, "flags": left}.items()))
    if facts.flags - IDENTIFYING and facts.data_type != COVER:
        says = "it is coded so that nothing in it points at anybody, and the release guard checks it"
        yield Change(says, Lever.GUARD, tuple({**checked, "flags": frozenset[Flag]()}.items()))
