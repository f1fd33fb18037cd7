"""What was made of a word, remembered. A text asks for few different words, each of them many times."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Made = TypeVar("Made")
_MOST = 65_536


class _Memo(dict[str, Made]):
    """Looking a word up writes nothing, as a cache of the least recently used does for each: half of its time."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[str], Made]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, word: str) -> Made:
        if len(self) >= _MOST:
            self.clear()
        made = self[word] = self._make(word)
        return made


def remembered(make: Callable[[str], Made]) -> Callable[[str], Made]:
    """The function of one word, which has to be pure; asked for too many words, it forgets them all."""
    return _Memo(make).__getitem__
