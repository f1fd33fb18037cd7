"""What a content law is, and how it says that it does not hold. The laws are listed in `laws.py`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


class Broken(Exception):
    """A content law does not hold; the text is one sentence without values."""


@dataclass(frozen=True, slots=True)
class Law:
    """One content law: what it demands, where that comes from, and the check that raises `Broken`."""

    says: str
    source: str
    check: Callable[[Mapping[str, Any]], None]
