"""The same decisions for very many cases at once: each rule is asked only about the facts that it looks at. Pure.

Rules do not depend on each other, and each looks at few facts; so whether a rule applies is asked of Cedar once for
each combination of just those, and remembered. A rehearsal of a hundred thousand cases asks Cedar some hundred times.
The answers are those of `Engine.decide`, whatever the facts (a law, tested); whatever is out of the ordinary (an
unknown word, a rule that errs) is left to it altogether.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, NamedTuple

from messages.labels import Flag, Kind, PartyClass, Purpose, Role
from policies.decide import HOUSE, SILENCE, Decision, Effect, Engine
from policies.facts import Facts
from policies.words import BOOLEANS

BIT: Final = {name: 1 << n for n, name in enumerate(BOOLEANS)}
_WORDS: Final = ("kind", "purpose", "sender_class", "recipient_class", "data_type", "part", "roles", "flags")
assert {*_WORDS, *BOOLEANS} == set(Facts.__dataclass_fields__), "teach policies/quick.py the new word"  # noqa: S101


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
        given.update(zip(_WORDS, self[1:], strict=True))
        return Facts(**given)


def compact(facts: Facts) -> Compact:
    """Facts in their short form."""
    bits = 0
    for name, bit in BIT.items():
        if getattr(facts, name):
            bits |= bit
    return Compact(bits, *(getattr(facts, name) for name in _WORDS))


def mask(names: Iterable[str]) -> int:
    """The bits of these facts."""
    found = 0
    for name in names:
        found |= BIT.get(name, 0)
    return found


@dataclass(slots=True)
class _Rule:
    id: str
    permits: bool
    mask: int
    words: Any  # picks the words that it looks at out of a `Compact`
    applies: dict[object, bool]


class Quick:
    """Decides as an engine does, for whoever asks very often."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        house = {r.id for r in HOUSE}
        self._rules = [
            _Rule(r.id, r.permits, mask(r.looks_at), picker(r.looks_at), {}) for r in engine.rules if r.id not in house
        ]
        self._by_id = {rule.id: rule for rule in self._rules}
        self._declared: dict[tuple[object, ...], bool] = {}
        self._decided: dict[Compact, Decision] = {}

    def decide(self, of: Compact) -> Decision:
        """What `Engine.decide` says of these facts."""
        found = self._decided.get(of)
        if found is None:
            found = self._decided[of] = self._decide(of)
        return found

    def applies(self, identifier: str, of: Compact) -> bool | None:
        """Whether one rule applies; None where there is no such rule, or it cannot be judged."""
        rule = self._by_id.get(identifier)
        return self._applies(rule, of) if rule is not None else None

    def _applies(self, rule: _Rule, of: Compact) -> bool | None:
        key = of.bits & rule.mask, rule.words(of)
        found = rule.applies.get(key)
        if found is None:
            asked = self.engine.applies(rule.id, of.facts)
            if asked is None:
                return None
            found = rule.applies[key] = asked
        return found

    def _decide(self, of: Compact) -> Decision:
        words = of[1:]
        known = self._declared.get(words)
        if known is None:
            known = self._declared[words] = self.engine.alike.declares(of.facts)
        if not known:
            return self.engine.decide(of.facts)
        refusing: list[str] = []
        permitting: list[str] = []
        for rule in self._rules:
            applies = rule.applies.get((of.bits & rule.mask, rule.words(of)))
            if applies is None and (applies := self._applies(rule, of)) is None:
                return self.engine.decide(of.facts)  # it errs: that is not ours to say
            if applies:
                (permitting if rule.permits else refusing).append(rule.id)
        if refusing:
            return Decision(Effect.REFUSE, tuple(refusing))
        if permitting:
            return Decision(Effect.PERMIT, tuple(permitting))
        return Decision(Effect.REFUSE, (SILENCE.id,))


def picker(looks_at: frozenset[str]) -> Any:
    """What picks the words among these facts out of a `Compact`."""
    fields = [
        n + 1 for n, name in enumerate(_WORDS) if name in looks_at or (name == "data_type" and "part" in looks_at)
    ]
    if not fields:
        return lambda _: None
    return itemgetter(*fields)


@lru_cache(maxsize=8)
def quick(engine: Engine) -> Quick:
    """The one for this engine."""
    return Quick(engine)
