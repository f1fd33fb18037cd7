"""A clean text cut into words, once for all who look at it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from policies.redaction.scripts import SIGNS, TOKEN, WITHOUT_BLANKS, fold

_ASCII_TOKEN = re.compile(r"([A-Za-z0-9]+)")
_SPACED_TOKEN = re.compile(rf"([^\W_]+(?:[{SIGNS}][^\W_]*)*)")  # the same words, faster
_NOT_EUROPEAN = re.compile("[\u0589-\u1dff\u2c00-\U0010ffff]")
_EUROPEAN_TOKEN = re.compile(  # and these once more: a set of characters is looked up faster than what \w is
    "(["
    + "".join(c for c in map(chr, range(0x2C00)) if re.fullmatch(r"[^\W_]", c) and not _NOT_EUROPEAN.match(c))
    + "]+)"
)
_ANY_TOKEN = re.compile(f"({TOKEN.pattern})")

Tokens = list[tuple[str, int, int]]  # a word with its start and end in a clean text


def tokens_of(text: str) -> Tokens:
    """The words of a clean text; signs that belong to a letter stay with it."""
    return list(zip(*_columns(text), strict=True))


def _columns(text: str) -> tuple[list[str], list[int], list[int]]:
    """The words, their starts and their ends."""
    if text.isascii():
        pattern = _ASCII_TOKEN
    elif not _NOT_EUROPEAN.search(text):
        pattern = _EUROPEAN_TOKEN
    else:
        pattern = _ANY_TOKEN if WITHOUT_BLANKS.search(text) else _SPACED_TOKEN
    pieces = pattern.split(text)  # what stands between words, and the words: three times as fast as one match a word
    ends = list(accumulate(map(len, pieces)))
    return pieces[1::2], ends[:-1:2], ends[1::2]  # behind the last piece no word begins


def occurrences(piece: str, text: str) -> Iterator[int]:
    """Where a piece stands in a text."""
    at = text.find(piece)
    while at >= 0:
        yield at
        at = text.find(piece, at + 1)


@dataclass(frozen=True)
class Page:
    """The text, its words in order, and which of them hold a digit."""

    text: str
    tokens: Tokens
    words: list[str]  # of the tokens, alone

    @classmethod
    def of(cls, text: str) -> Page:
        words, starts, ends = _columns(text)
        return cls(text, list(zip(words, starts, ends, strict=True)), words)

    @cached_property
    def index(self) -> dict[str, list[int]]:
        """Where each distinct word stands."""
        index: defaultdict[str, list[int]] = defaultdict(list)
        for i, word in enumerate(self.words):
            index[word].append(i)
        return dict(index)

    @property
    def distinct(self) -> Set[str]:
        """Every word once."""
        return self.index.keys()

    @cached_property
    def _folded(self) -> list[tuple[str, str]]:
        """Each distinct word with its folded form: of ASCII, all at once, the small letters."""
        latin = [word for word in self.index if word.isascii()]
        others = [word for word in self.index if not word.isascii()]
        return [*zip(" ".join(latin).lower().split(), latin, strict=True), *((fold(word), word) for word in others)]

    @cached_property
    def folds(self) -> Set[str]:
        """The folded forms of the words."""
        return {form for form, _ in self._folded}

    @cached_property
    def _written_otherwise(self) -> dict[str, list[str]]:
        """The words that are not written as their folded form is, by that."""
        others: dict[str, list[str]] = {}
        for form, word in self._folded:
            if form != word:
                others.setdefault(form, []).append(word)
        return others

    @cached_property
    def letters(self) -> list[str]:
        """Every word of one character, once."""
        return [word for word in self.index if len(word) == 1]

    @cached_property
    def with_digits(self) -> list[str]:
        """Every word that is not of letters alone, once."""
        return [word for word in self.index if not word.isalpha()]

    @cached_property
    def numeric(self) -> list[int]:
        """Where the words with digits are."""
        return self.places(self.with_digits)

    def places(self, words: Iterable[str]) -> list[int]:
        """Where any of these words stand, in order; they may be words that the page does not have."""
        return sorted(i for word in words for i in self.index.get(word, ()))

    def folded(self, forms: Set[str]) -> list[str]:
        """The words whose folded form is one of these, which are folded forms."""
        others = self._written_otherwise
        return [*(self.index.keys() & forms), *(word for form in others.keys() & forms for word in others[form])]
