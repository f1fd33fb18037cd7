"""A clean text cut into words, once for all who look at it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from policies.redaction.scripts import TOKEN

_ASCII_TOKEN = re.compile(r"[A-Za-z0-9]+")

Tokens = list[tuple[str, int, int]]  # a word with its start and end in a clean text


def tokens_of(text: str) -> Tokens:
    """The words of a clean text; signs that belong to a letter stay with it."""
    pattern = _ASCII_TOKEN if text.isascii() else TOKEN
    return [(m[0], *m.span()) for m in pattern.finditer(text)]


@dataclass(frozen=True)
class Page:
    """The text, its words in order, and which of them hold a digit."""

    text: str
    tokens: Tokens

    @classmethod
    def of(cls, text: str) -> Page:
        return cls(text, tokens_of(text))

    @cached_property
    def words(self) -> list[str]:
        """The words alone."""
        return [token[0] for token in self.tokens]

    @cached_property
    def distinct(self) -> frozenset[str]:
        """Every word once."""
        return frozenset(self.words)

    @cached_property
    def numeric(self) -> list[int]:
        """Where the words with digits are."""
        odd = {word for word in self.distinct if not word.isalpha()}
        return [i for i, word in enumerate(self.words) if word in odd] if odd else []

    def places(self, words: set[str]) -> list[int]:
        """Where any of these words stand, in order."""
        return [i for i, word in enumerate(self.words) if word in words] if words else []
