"""YAML that a person edits: read once, with the line and column of everything in it.

`parse` returns a `Tree` or raises `Faulty` with every fault that hides the rest. Anchors, references, tags, directives,
a key written twice and an invisible mark within the text are faults: a small file could stand for a huge one, its
second half silently replace the first, and two parsers read two things.
The C parser is used where PyYAML was built with it, and is fifteen times faster; both give the same trees and lines.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

Steps = tuple[str | int, ...]
"""Where something stands in the text: ("exchange", 0, "types", 2)."""

TEXT_BYTES: Final = 256 * 1024
"""What officers sign is a page or two; nobody reads a book before signing it."""
_MARK: Final = "\ufeff"
"""A byte order mark: at the beginning of a text it says how that is written, elsewhere nothing."""
_SIGNS: Final = "&*!%"
_HIDING: Final[dict[tuple[type[yaml.Token], ...], str]] = {
    (yaml.AnchorToken, yaml.AliasToken): "write it out; anchors (&) and references (*) are not read.",
    (yaml.TagToken, yaml.DirectiveToken): "leave it out; tags (!) and directives (%) are not read.",
}
_PLAIN: Final = frozenset({"tag:yaml.org,2002:str"})
_Fast: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Fast):  # type: ignore[misc,valid-type]
    """Asks once what a word is: thousands of agreements are written in the same few."""

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: Any) -> str:
        """The tag of a node that has none of its own."""
        asked = kind, value, implicit
        known = _RESOLVED.get(asked)
        if known is None:
            known = super().resolve(kind, value, implicit)
            if len(_RESOLVED) < _WORDS and (value is None or len(value) <= _WORD):
                _RESOLVED[asked] = known
        return known


_WORD: Final = 64
_WORDS: Final = 4096
_RESOLVED: Final[dict[tuple[type[yaml.Node], str | None, Any], str]] = {}


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong with a text, where, and what to do; `says` ends in a full stop or question mark."""

    source: str
    line: int
    column: int
    says: str

    def __str__(self) -> str:
        return f"{self.source}, line {self.line}: {self.says}"


class Faulty(Exception):
    """A text that cannot be read at all."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(*map(str, faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Tree:
    """What a text says, and where it says it."""

    source: str
    value: Any
    _node: yaml.Node | None

    def place(self, path: Steps) -> tuple[int, int]:
        """Line and column of the deepest thing on `path` that exists, from 1."""
        node = self._node
        found = _place(node)
        for step in path:
            if isinstance(node, yaml.MappingNode):
                pair = next(((k, v) for k, v in node.value if k.value == step), None)
                if pair is None:
                    break
                found, node = _place(pair[0]), pair[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                found = _place(node)
            else:
                break
        return found

    def fault(self, path: Steps, says: str) -> Fault:
        """A fault at `path`."""
        return Fault(self.source, *self.place(path), says)


def parse(text: str, source: str, loader: type[yaml.SafeLoader] = _Loader) -> Tree:
    """Read `text`, or raise `Faulty`."""
    if len(text) > TEXT_BYTES:
        raise Faulty(Fault(source, 1, 1, f"this file is longer than {TEXT_BYTES // 1024} kB; it cannot be meant."))
    odd = text.find(_MARK, 1)
    if odd > 0:  # the two parsers count its columns differently, and nobody sees it
        line, column = text.count("\n", 0, odd) + 1, odd - text.rfind("\n", 0, odd)
        raise Faulty(Fault(source, line, column, "an invisible character (U+FEFF) stands here; delete it."))
    try:
        faults = list(_hiding(text, source, loader)) if any(sign in text for sign in _SIGNS) else []
        if faults:
            raise Faulty(*faults)
        reader = loader(text)
        try:
            node = reader.get_single_node()
            value, faults = _Building(reader, source).of(node)
        finally:
            reader.dispose()
    except yaml.MarkedYAMLError as error:
        line, column = (error.problem_mark.line + 1, error.problem_mark.column + 1) if error.problem_mark else (1, 1)
        problem = error.problem or "it cannot be read"
        raise Faulty(Fault(source, line, column, f"this is not YAML: {problem}.")) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise Faulty(Fault(source, 1, 1, "this is not YAML text.")) from None
    if faults:
        raise Faulty(*faults)
    return Tree(source, value, node)


def _hiding(text: str, source: str, loader: type[yaml.SafeLoader]) -> Iterator[Fault]:
    for token in yaml.scan(text, Loader=loader):
        says = next((says for kinds, says in _HIDING.items() if isinstance(token, kinds)), None)
        if says is not None:
            yield Fault(source, token.start_mark.line + 1, token.start_mark.column + 1, says)


class _Building:
    """Makes values of nodes, and notes keys that stand twice."""

    def __init__(self, reader: yaml.SafeLoader, source: str) -> None:
        self._reader = reader
        self._source = source
        self._faults: list[Fault] = []

    def of(self, node: yaml.Node | None) -> tuple[Any, list[Fault]]:
        return (self._value(node) if node is not None else None), self._faults

    def _value(self, node: yaml.Node) -> Any:
        if node.tag in _PLAIN and isinstance(node, yaml.ScalarNode):
            return node.value
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item) for item in node.value]
        return self._reader.construct_object(node)

    def _mapping(self, node: yaml.MappingNode) -> Mapping[Any, Any]:
        found: dict[Any, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._faults.append(Fault(self._source, *_place(key), "a name is one word, not a list."))
                continue
            name = self._value(key)
            if name in found:
                self._faults.append(Fault(self._source, *_place(key), f"{key.value!r} stands twice."))
            found[name] = self._value(value)
        return found


def _place(node: yaml.Node | None) -> tuple[int, int]:
    return (node.start_mark.line + 1, node.start_mark.column + 1) if node is not None else (1, 1)
