"""Each rule asked about the facts that it looks at, and its answer remembered: how a decision costs little. Pure.

Rules do not depend on each other, and each looks at few of the facts. So whether a rule applies is asked of Cedar once
for each combination of just those, and a new combination of facts is for the most part decided by answers that are
known: 20 µs where Cedar takes some hundred. Words that no rule tells apart (`policies.alike`) count as one word.

Nothing here knows what a rule says; every answer is Cedar's own, and the decision is that of the whole set, whatever
the facts (a law, tested). What is out of the ordinary (a word that the schema does not know, a rule that errs, rules
that could depend on more than can be seen here) is left to the whole set altogether.
"""

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter
from typing import Any, Final, NamedTuple

from messages.labels import Flag, Kind, PartyClass, Purpose, Role
from policies.alike import WORDS, Alike, Words
from policies.facts import Facts
from policies.words import BOOLEANS

BIT: Final = {name: 1 << 8 * n for n, name in enumerate(BOOLEANS)}
"""A byte for each: that is how a row of booleans becomes one number fastest."""

assert {*WORDS, *BOOLEANS} == set(Facts.__dataclass_fields__), "teach policies/quick.py the new word"  # noqa: S101
_booleans: Final = attrgetter(*BOOLEANS)
_words: Final = attrgetter(*WORDS)
_FIRST: Final = len(WORDS)
_pack: Final = struct.Struct(f"{len(BOOLEANS)}?").pack

FEW: Final = 4
"""Rules not asked yet that are asked one by one; for more of them the whole set is asked at once."""

REMEMBERED: Final = 16_384
"""Answers that are kept of one rule, and words that are kept of senders: the bound is against who varies them."""


class Compact(NamedTuple):
    """Facts as one number of booleans and the words."""

    bits: int
    kind: Kind
    purpose: Purpose
    sender_class: PartyClass
    recipient_class: PartyClass
    data_type: str
    part: str
    roles: frozenset[Role]
    flags: frozenset[Flag]

    @property
    def facts(self) -> Facts:
        """The same facts."""
        given: dict[str, Any] = {name: bool(self.bits & bit) for name, bit in BIT.items()}
        given.update(zip(WORDS, self[1:], strict=True))
        return Facts(**given)


def compact(facts: Facts) -> Compact:
    """Facts in their short form."""
    return Compact(int.from_bytes(_pack(*_booleans(facts)), "little"), *_words(facts))


def from_row(row: tuple[Any, ...]) -> Compact:
    """The short form of facts given as `WORDS` and then `BOOLEANS`."""
    return Compact(int.from_bytes(_pack(*row[_FIRST:]), "little"), *row[:_FIRST])


def mask(names: Iterable[str]) -> int:
    """The bits of these facts."""
    found = 0
    for name in names:
        found |= BIT.get(name, 0)
    return found


def picker(looks_at: Iterable[str]) -> Any:
    """What picks the words among these facts out of a `Compact`."""
    names = frozenset(looks_at)
    fields = [n + 1 for n, name in enumerate(WORDS) if name in names or (name == "data_type" and "part" in names)]
    return itemgetter(*fields) if fields else _nothing


def _nothing(_: object) -> None:
    return None


@dataclass(slots=True)
class Slice:
    """One rule with what is known of it.

    `looks_at` are the names of all facts on which its answer can depend, `alike` the words that it does not tell apart.
    """

    id: str
    permits: bool
    looks_at: frozenset[str]
    alike: Alike
    mask: int = 0
    pick: Any = None
    applies: dict[object, bool] = field(default_factory=dict)
    _same: dict[object, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.mask, self.pick = mask(self.looks_at), picker(self.looks_at)

    def key(self, of: Compact) -> object:
        """All of these facts on which its answer depends."""
        picked = self.pick(of)
        if picked is None:
            return of[0] & self.mask
        same = self._same.get(picked)
        if same is None:
            if len(self._same) >= REMEMBERED:
                self._same.clear()
            same = self._same[picked] = self.pick((0, *self.alike.words(of[1:])))
        return of[0] & self.mask, same

    def learn(self, key: object, applies: bool) -> bool:
        """Remember an answer."""
        if len(self.applies) >= REMEMBERED:
            self.applies.clear()
        self.applies[key] = applies
        return applies


@dataclass(frozen=True, slots=True)
class Whole:
    """What the whole set answered: whether it permits, by which rules, and whether every one of them was judged."""

    permitted: bool
    because: tuple[str, ...]
    judged: bool


class Quick:
    """The rules in slices. Safe to share between threads: what two of them learn of one rule is the same."""

    def __init__(
        self,
        slices: Iterable[Slice],
        alike: Alike,
        alone: Callable[[str, frozenset[str], Facts], bool | None],
        whole: Callable[[Facts], Whole],
    ) -> None:
        found = sorted(slices, key=lambda s: s.id)
        self._forbids = tuple(s for s in found if not s.permits)
        self._permits = tuple(s for s in found if s.permits)
        self._by_id = {s.id: s for s in found}
        self._alike, self._ask, self._whole = alike, alone, whole
        self._same: dict[Words, Words | None] = {}

    def decide(self, of: Compact) -> tuple[bool, tuple[str, ...]] | None:
        """Whether the rules permit, and which of them decide: none where none applies. None: ask the whole set."""
        short = self.short(of)
        if short is None:
            return None
        refusing: list[str] = []
        missing: list[tuple[Slice, object]] = []
        for rule in self._forbids:
            key = rule.key(short)
            applies = rule.applies.get(key)
            if applies:
                refusing.append(rule.id)
            elif applies is None:
                missing.append((rule, key))
        if len(missing) > FEW:
            return self._learn(of, short)
        for rule, key in missing:
            asked = self._ask(rule.id, rule.looks_at, short.facts)
            if asked is None:
                return None
            if rule.learn(key, asked):
                refusing.append(rule.id)
        if refusing:
            return False, tuple(sorted(refusing))
        permitting = []
        for rule in self._permits:
            applies = self._applies(rule, short)
            if applies is None:
                return None
            if applies:
                permitting.append(rule.id)
        return bool(permitting), tuple(permitting)

    def applies(self, identifier: str, of: Compact) -> bool | None:
        """Whether one rule applies; None where there is no such rule, or it cannot be judged."""
        rule, short = self._by_id.get(identifier), self.short(of)
        return self._applies(rule, short) if rule is not None and short is not None else None

    def _applies(self, rule: Slice, short: Compact) -> bool | None:
        key = rule.key(short)
        found = rule.applies.get(key)
        if found is not None:
            return found
        asked = self._ask(rule.id, rule.looks_at, short.facts)
        return None if asked is None else rule.learn(key, asked)

    def _learn(self, of: Compact, short: Compact) -> tuple[bool, tuple[str, ...]] | None:
        """Ask the whole set, and keep what it says of each rule: a refusal names every forbid that applies."""
        answer = self._whole(of.facts)
        if not answer.judged:
            return None
        because = frozenset(answer.because)
        told = (*self._forbids, *self._permits) if answer.permitted else self._forbids
        for rule in told:
            rule.learn(rule.key(short), rule.id in because)
        if not answer.permitted and not because:  # no forbid applies, and no permit either
            for rule in self._permits:
                rule.learn(rule.key(short), False)
        return answer.permitted, answer.because

    def short(self, of: Compact) -> Compact | None:
        """The facts with one word for all that no rule tells apart; None where the schema does not know a word."""
        words: Words = of[1:]
        try:
            same = self._same[words]
        except KeyError:
            if len(self._same) >= REMEMBERED:
                self._same.clear()
            same = self._same[words] = self._alike.words(words) if self._alike.declares(words) else None
        return Compact(of[0], *same) if same is not None else None
