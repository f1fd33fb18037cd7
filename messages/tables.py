"""A table that is large and changes little: each change makes a new one that shares what stayed with the one before.

Ten thousand contacts are found by handle, by login and by key; an epoch in which one of them changed costs one entry,
not three copies.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

K = TypeVar("K")
V = TypeVar("V")

_GONE: Final[Any] = object()
_AS_BEFORE: Final[Any] = object()
_ASIDE: Final = 64
"""So many changes at least are kept beside the table before it is made anew; of a large one a sixteenth of it."""


class Table(Mapping[K, V]):
    """Never changed once it is made."""

    __slots__ = ("_aside", "_base", "_size")

    def __init__(self, base: dict[K, V]) -> None:
        """`base` is taken over: nobody changes it any more."""
        self._base = base
        self._aside: dict[K, Any] = {}
        self._size = len(base)

    def changed(self, gone: Iterable[K], new: Mapping[K, V]) -> "Table[K, V]":
        """The same without `gone` (`KeyError` where one is not in it), then with `new`."""
        made: Table[K, V] = Table(self._base)
        made._aside, made._size = dict(self._aside), self._size
        for key in gone:
            if key not in made:
                raise KeyError(key)
            made._aside[key] = _GONE
            made._size -= 1
        for key, value in new.items():
            made._size += key not in made
            made._aside[key] = value
        many = len(made._aside) > max(_ASIDE, len(self._base) // 16)
        return Table(dict(made.items())) if many else made

    def __getitem__(self, key: K) -> V:
        found = self._aside.get(key, _AS_BEFORE)
        if found is _AS_BEFORE:
            return self._base[key]
        if found is _GONE:
            raise KeyError(key)
        return found  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[K]:
        for key in self._base:
            if key not in self._aside:
                yield key
        for key, value in self._aside.items():
            if value is not _GONE:
                yield key

    def __len__(self) -> int:
        return self._size
