"""Facts that no rule tells apart: one of each kind stands for all, so that many cases need few decisions. Pure.

A rule sees a word of a code list only through the literals that it names. Two roles that stand in just the same sets of
literals are therefore decided alike, and so are two kinds of message or data types that no rule names. That holds of
rules which ask for literals, one by one or whether any of several is there; a rule that compares in another way (two
facts with each other, a set with all of another) tells every word from every other. A law, tested: whatever the facts,
the decision is that of their representative.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from operator import attrgetter
from typing import Any, Final, TypeVar

from messages.labels import Flag, Kind, PartyClass, Purpose, Role
from policies.facts import COVER, Facts

_ENUM: Final = re.compile(r"entity\s+(\w+)\s+enum\s*\[(.*?)\]", re.DOTALL)
_ACTION: Final = re.compile(r"action\s+(.*?)\s+appliesTo", re.DOTALL)
_WORD: Final = re.compile(r'"([^"]*)"')
W = TypeVar("W", bound=str)
Signature = frozenset[int]
Words = tuple[Kind, Purpose, PartyClass, PartyClass, str, str, frozenset[Role], frozenset[Flag]]
WORDS: Final = ("kind", "purpose", "sender_class", "recipient_class", "data_type", "part", "roles", "flags")
"""The facts that are words, in the order in which they are handed around."""

_WORDS_OF: Final = attrgetter(*WORDS)


@dataclass(frozen=True, slots=True)
class Alike:
    """Which words some rules cannot tell apart."""

    _occurrences: Mapping[tuple[str, str], Signature]
    _declared: Mapping[str, frozenset[str]]
    _first: dict[tuple[object, ...], Any] = field(default_factory=dict)

    @classmethod
    def of(cls, policies: Iterable[object], schema: str) -> "Alike":
        """From the rules in Cedar's JSON form and their schema."""
        text = re.sub(r"//.*", "", schema)
        declared = {name: frozenset(_WORD.findall(words)) for name, words in _ENUM.findall(text)}
        declared["Action"] = frozenset(w for words in _ACTION.findall(text) for w in _WORD.findall(words))
        return cls(_occurrences(policies, declared), declared)

    def of_one(self, policy: object) -> "Alike":
        """Which words one of the rules cannot tell apart."""
        return Alike(_occurrences([policy], self._declared), self._declared)

    def classes(self, entity: str, words: Iterable[W]) -> dict[W, W]:
        """Each word with the first of those that no rule tells from it."""
        return {word: self._representative(entity, word) for word in words}

    def declares(self, words: Words) -> bool:
        """Whether the schema knows every one of these words."""
        kind, purpose, sender, recipient, data_type, part, roles, flags = words
        return (
            kind in self._declared.get("Action", ())
            and purpose in self._declared.get("Purpose", (purpose,))
            and {sender, recipient} <= self._declared.get("Class", frozenset())
            and data_type in self._declared.get("DataType", ())
            and (COVER if data_type == COVER else f"{data_type}/{part}") in self._declared.get("Part", ())
            and roles <= self._declared.get("Role", frozenset())
            and flags <= self._declared.get("Flag", frozenset())
        )

    def words(self, words: Words) -> Words:
        """The representative of these words."""
        kind, purpose, sender, recipient, data_type, part, roles, flags = words
        return (
            self._representative("Action", kind),
            self._representative("Purpose", purpose),
            self._representative("Class", sender),
            self._representative("Class", recipient),
            *self.section(data_type, part),
            frozenset(self._representative("Role", r) for r in roles),
            frozenset(self._representative("Flag", f) for f in flags),
        )

    def facts(self, facts: Facts) -> Facts:
        """The representative of these facts."""
        found = self.words(_WORDS_OF(facts))
        changed: dict[str, Any] = dict(zip(WORDS, found, strict=True))
        return replace(facts, **changed)

    def _representative(self, entity: str, word: W) -> W:
        key = entity, word
        found = self._first.get(key)
        if found is None:
            if word not in self._declared.get(entity, ()):
                return word  # a word that the schema does not know is refused as such
            signature = self._occurrences.get((entity, word), frozenset())
            found = self._first[key] = next(
                w for w in _LISTS[entity] if w in self._declared[entity]
                and self._occurrences.get((entity, w), frozenset()) == signature
            )  # fmt: skip
        return found  # type: ignore[no-any-return]

    def section(self, data_type: str, part: str) -> tuple[str, str]:
        """A type and part with the first that no rule tells from them."""
        pair = data_type, part
        found = self._first.get(pair)
        if found is None:
            name = data_type if data_type == COVER else f"{data_type}/{part}"
            known = name in self._declared.get("Part", ()) and data_type in self._declared.get("DataType", ())
            if not known or data_type == COVER:
                return pair
            where = tuple(self._occurrences.get(key, frozenset()) for key in (("DataType", data_type), ("Part", name)))
            found = self._first[pair] = self._first.setdefault(("section", *where), pair)
        return found  # type: ignore[no-any-return]


_LISTS: Final[Mapping[str, tuple[Any, ...]]] = {
    "Action": tuple(Kind),
    "Purpose": tuple(Purpose),
    "Class": tuple(PartyClass),
    "Role": tuple(Role),
    "Flag": tuple(Flag),
}


_LOGIC: Final = frozenset({"&&", "||", "!", "if-then-else"})
_COMPARES: Final = frozenset({"==", "!=", "in", "contains", "containsAny"})


def _by_literals(policy: object) -> bool:
    """Whether a rule compares facts with literals alone, in the ways that the module's docstring says."""
    conditions = policy.get("conditions", ()) if isinstance(policy, Mapping) else ()
    return all(_plain(c.get("body")) for c in conditions)


def _plain(body: object) -> bool:
    if not isinstance(body, Mapping) or len(body) != 1:
        return False
    ((operator, inside),) = body.items()
    if operator in _LOGIC:
        return all(_plain(part) for part in inside.values())
    if operator == "Value":
        return isinstance(inside, bool)
    if operator in ("has", "."):
        return bool(inside.get("left") == {"Var": "context"})
    if operator == "isEmpty":
        return _fact(inside.get("arg"))
    if operator in _COMPARES:
        left, right = inside.get("left"), inside.get("right")
        one = _word(_value(left)) or _word(_value(right))
        several = _literals(left) if operator in ("contains", "containsAny") else False
        return (_fact(left) and (bool(one) or (_literals(right) and operator in ("in", "containsAny")))) or (
            _fact(right) and (bool(one) or several)
        )
    return False


def _fact(side: object) -> bool:
    if not isinstance(side, Mapping) or len(side) != 1:
        return False
    access = side.get(".")
    return "Var" in side or (isinstance(access, Mapping) and access.get("left") == {"Var": "context"})


def _literals(side: object) -> bool:
    inside = side.get("Set") if isinstance(side, Mapping) else None
    return isinstance(inside, list) and all(_word(_value(item)) for item in inside)


def _value(side: object) -> object:
    return side.get("Value") if isinstance(side, Mapping) else None


def _sets(policy: object) -> Iterator[list[tuple[str, str]]]:
    """The literals of a rule: those of one set together, any other alone."""
    if isinstance(policy, list):
        for item in policy:
            yield from _sets(item)
    elif isinstance(policy, dict):
        word = _word(policy)
        if word is not None:
            yield [word]
            return
        for key, value in policy.items():
            if key == "annotations":
                continue
            if key in ("Set", "entities") and isinstance(value, list):
                inner = [_word(v.get("Value", v) if isinstance(v, dict) else v) for v in value]
                yield [w for w in inner if w is not None]
                yield from (s for v, w in zip(value, inner, strict=True) if w is None for s in _sets(v))
            else:
                yield from _sets(value)


def _occurrences(
    policies: Iterable[object], declared: Mapping[str, frozenset[str]]
) -> dict[tuple[str, str], Signature]:
    """In which sets of literals each word stands; in one of its own, where a rule tells every word from every other."""
    found: dict[tuple[str, str], set[int]] = {}
    number = count()
    for policy in policies:
        if _by_literals(policy):
            sets: Iterable[list[tuple[str, str]]] = _sets(policy)
        else:
            sets = ([(entity, word)] for entity, words in declared.items() for word in words)
        for words in sets:
            where = next(number)
            for word in words:
                found.setdefault(word, set()).add(where)
    return {word: frozenset(where) for word, where in found.items()}


def _word(value: object) -> tuple[str, str] | None:
    if isinstance(value, dict) and isinstance(value.get("__entity"), dict):
        value = value["__entity"]
    if isinstance(value, dict) and isinstance(value.get("type"), str) and isinstance(value.get("id"), str):
        return value["type"], value["id"]
    return None
