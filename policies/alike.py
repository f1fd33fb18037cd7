"""Facts that no rule tells apart: one of each kind stands for all, so that many cases need few decisions. Pure.

A rule sees a word of a code list only through the literals that it names. Two roles that stand in just the same sets of
literals are therefore decided alike, and so are two kinds of message or data types that no rule names. A law, tested:
whatever the facts, the decision is that of their representative.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from messages.labels import Flag, Kind, PartyClass, Purpose, Role
from policies.facts import COVER, Facts

_ENUM: Final = re.compile(r"entity\s+(\w+)\s+enum\s*\[(.*?)\]", re.DOTALL)
_ACTION: Final = re.compile(r"action\s+(.*?)\s+appliesTo", re.DOTALL)
_WORD: Final = re.compile(r'"([^"]*)"')
W = TypeVar("W", bound=str)
Signature = frozenset[int]


@dataclass(frozen=True, slots=True)
class Alike:
    """Which words some rules cannot tell apart."""

    _occurrences: Mapping[tuple[str, str], Signature]
    _declared: Mapping[str, frozenset[str]]
    _first: dict[tuple[object, ...], Any] = field(default_factory=dict)

    @classmethod
    def of(cls, policies: Iterable[object], schema: str) -> "Alike":
        """From the rules in Cedar's JSON form and their schema."""
        found: dict[tuple[str, str], set[int]] = {}
        for number, words in enumerate(s for policy in policies for s in _sets(policy)):
            for word in words:
                found.setdefault(word, set()).add(number)
        text = re.sub(r"//.*", "", schema)
        declared = {name: frozenset(_WORD.findall(words)) for name, words in _ENUM.findall(text)}
        declared["Action"] = frozenset(w for words in _ACTION.findall(text) for w in _WORD.findall(words))
        return cls({word: frozenset(where) for word, where in found.items()}, declared)

    def classes(self, entity: str, words: Iterable[W]) -> dict[W, W]:
        """Each word with the first of those that no rule tells from it."""
        return {word: self._representative(entity, word) for word in words}

    def facts(self, facts: Facts) -> Facts:
        """The representative of these facts."""
        data_type, part = self._section(facts)
        return replace(
            facts,
            kind=self._representative("Action", facts.kind),
            purpose=self._representative("Purpose", facts.purpose),
            sender_class=self._representative("Class", facts.sender_class),
            recipient_class=self._representative("Class", facts.recipient_class),
            data_type=data_type,
            part=part,
            roles=frozenset(self._representative("Role", r) for r in facts.roles),
            flags=frozenset(self._representative("Flag", f) for f in facts.flags),
        )

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

    def _section(self, facts: Facts) -> tuple[str, str]:
        pair, name = (facts.data_type, facts.part), facts.section_kind
        found = self._first.get(pair)
        if found is None:
            known = name in self._declared.get("Part", ()) and facts.data_type in self._declared.get("DataType", ())
            if not known or facts.data_type == COVER:
                return pair
            where = tuple(
                self._occurrences.get(key, frozenset()) for key in (("DataType", facts.data_type), ("Part", name))
            )
            found = self._first[pair] = self._first.setdefault(("section", *where), pair)
        return found  # type: ignore[no-any-return]


_LISTS: Final[Mapping[str, tuple[Any, ...]]] = {
    "Action": tuple(Kind),
    "Purpose": tuple(Purpose),
    "Class": tuple(PartyClass),
    "Role": tuple(Role),
    "Flag": tuple(Flag),
}


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


def _word(value: object) -> tuple[str, str] | None:
    if isinstance(value, dict) and isinstance(value.get("__entity"), dict):
        value = value["__entity"]
    if isinstance(value, dict) and isinstance(value.get("type"), str) and isinstance(value.get("id"), str):
        return value["type"], value["id"]
    return None
