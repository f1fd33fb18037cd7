"""Bytes to objects, strictly: what a lenient reader would quietly mend is refused.

Duplicate keys (two readers would see two messages), NaN and infinities, numbers too long to be meant, nesting and size
beyond the bounds, anything but UTF-8. Whatever bytes come, the result is an object or `ContentRefused`.
"""

import json
import math
import re
from typing import Any, Final

from messages.errors import ContentRefused
from messages.limits import SECTION_BYTES

DEPTH: Final = 12  # a case file holds lists of objects with lists of objects; nothing real is nested deeper than 7
_DIGITS: Final = 24
_NOT_JSON: Final = "The content is not JSON in UTF-8."
_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|["\[{\]}]', re.DOTALL)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ContentRefused("The JSON text names a field twice.")
    return found


def _integer(text: str) -> int:
    if len(text) > _DIGITS:
        raise ContentRefused("The JSON text holds a number that is too long.")
    return int(text)


def _real(text: str) -> float:
    value = float(text) if len(text) <= 2 * _DIGITS else math.inf
    if not math.isfinite(value):
        raise ContentRefused("The JSON text holds a number that is too long or too large.")
    return value


def _no_constant(_: str) -> float:
    raise ContentRefused("The JSON text holds NaN or an infinity.")


def _shallow(raw: bytes, depth: int) -> None:
    """Count brackets outside strings before the recursive parser sees them."""
    level = 0
    for token in _TOKENS.finditer(raw):
        first = token.group()[:1]
        if first in (b"[", b"{"):
            level += 1
            if level > depth:
                raise ContentRefused(f"The JSON text is nested deeper than {depth} levels.")
        elif first in (b"]", b"}"):
            level -= 1
        elif len(token.group()) == 1:  # a quotation mark that nothing closes; looking on would be slow and useless
            raise ContentRefused(_NOT_JSON)


def _whole(value: Any) -> None:
    """Refuse half of a surrogate pair: no text holds one, and it would fail wherever the text is encoded."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, dict):
        for name, inner in value.items():
            name.encode()
            _whole(inner)
    elif isinstance(value, list):
        for inner in value:
            _whole(inner)


def parse_json(raw: bytes, *, max_bytes: int = SECTION_BYTES, max_depth: int = DEPTH) -> Any:
    """Return the value that `raw` holds, or raise `ContentRefused`; the sentence never quotes the text."""
    if len(raw) > max_bytes:
        raise ContentRefused(f"The JSON text is longer than {max_bytes:,} bytes.")
    _shallow(raw, max_depth)
    try:
        value = json.loads(
            raw.decode("utf-8", errors="strict"),
            object_pairs_hook=_unique,
            parse_int=_integer,
            parse_float=_real,
            parse_constant=_no_constant,
        )
        if _SURROGATE.search(raw):
            _whole(value)
    except (ValueError, RecursionError):  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise ContentRefused(_NOT_JSON) from None
    return value
