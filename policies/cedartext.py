"""Where things stand in Cedar files: cedarpy says what is wrong, not where, so the place is found here.

A parser that reads a text word by word is content until it meets the first wrong one; so the shortest beginning of the
text that fails for another reason than its end is cut where the fault is. Nothing here decides anything.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from policies.yamltext import Fault

_TOKEN: Final = re.compile(
    r"//[^\n]*|\"(?:\\.|[^\"\\])*\"|[A-Za-z_][A-Za-z0-9_]*|\d+|::|==|!=|<=|>=|&&|\|\||\S", re.DOTALL
)
_UNFINISHED: Final = "unexpected end of input"
_QUOTED: Final = re.compile(r"`([^`]+)`|: (\w+)(?:, \w+)*\.?$")

Parse = Callable[[str], object]
"""Raises `ValueError` for a text that does not parse."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One rule as it is written, from its first annotation to its semicolon."""

    source: str
    line: int
    column: int
    text: str

    def fault(self, says: str, below: int = 0) -> Fault:
        """A fault of the whole statement, or of the line so many `below` its first."""
        return Fault(self.source, self.line + below, 1 if below else self.column, says)


def statements(source: str, text: str) -> Iterator[Statement]:
    """The statements of a file, in order; what stands after the last semicolon is one too, if it is not a comment."""
    start: int | None = None
    for token in _TOKEN.finditer(text):
        word = token.group()
        if word.startswith("//"):
            continue
        start = token.start() if start is None else start
        if word == ";":
            yield Statement(source, *_place(text, start), text[start : token.end()])
            start = None
    if start is not None:
        yield Statement(source, *_place(text, start), text[start:].rstrip())


def locate(source: str, text: str, parse: Parse) -> Fault | None:
    """The first fault of a text, or None where it parses. `parse` reads one whole file.

    Some faults are seen only when a statement is whole: so the first statement that does not parse alone is looked
    through, and where its end is what fails, for the word that the message quotes.
    """
    error = _error(parse, text)
    if error is None:
        return None
    begun, cut = 0, text
    for statement in statements(source, text):
        begun = text.index(statement.text, begun)
        cut = statement.text
        if (said := _error(parse, cut)) is not None:
            error = said
            break
        begun += len(cut)
    else:
        begun, cut = 0, text
    tokens = [t for t in _TOKEN.finditer(cut) if not t.group().startswith("//")]

    def wrong(end: int) -> bool:
        found = _error(parse, cut[:end])
        return found is not None and _UNFINISHED not in found

    at = bisect_left([t.end() for t in tokens], True, key=wrong)
    if at == len(tokens):
        return Fault(
            source, *_place(text, begun + len(cut.rstrip())), f"{_plain(error)}: the last rule is not finished."
        )
    place = tokens[at].start()
    if at == len(tokens) - 1:
        place = _quoted(error, cut, place)
    return Fault(source, *_place(text, begun + place), f"{_plain(error)}.")


def find_word(said: str, sources: Mapping[str, str]) -> tuple[str, int, int] | None:
    """File, line and column of the first word that a message quotes, or None."""
    for word in _words(said):
        for source, text in sources.items():
            for token in _TOKEN.finditer(text):
                if token.group() in (word, f'"{word}"'):
                    return (source, *_place(text, token.start()))
    return None


def _quoted(said: str, text: str, otherwise: int) -> int:
    for word in _words(said):
        for token in _TOKEN.finditer(text):
            if token.group() in (word, f'"{word}"'):
                return token.start()
    return otherwise


def _words(said: str) -> Iterable[str]:
    return [w for pair in _QUOTED.findall(said) for w in pair if w]


def _plain(said: str) -> str:
    """The parser's words, without its own preface."""
    return said.removeprefix("error parsing schema: ").rstrip(".")


def _error(parse: Parse, text: str) -> str | None:
    try:
        parse(text)
    except ValueError as error:
        return str(error)
    return None


def _place(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1
