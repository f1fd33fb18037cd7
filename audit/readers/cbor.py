"""The part of CBOR (RFC 8949) that Safeconduct uses: a strict, bounded reader and a deterministic writer.

Read: integers, byte strings, text, lists, maps with text keys, true, false and null; definite lengths only. Refused:
tags, floats, every other simple value, indefinite lengths, a key that stands twice, bytes after the value, text that
is not UTF-8, and nesting deeper than `MAX_DEPTH` containers.

The reader takes an integer or a length in any width and map keys in any order, because signed bytes are never
canonicalised: what was signed is what is read. The writer has one form (RFC 8949, 4.2.1): shortest widths, keys
sorted by their encoded bytes.
"""

from functools import lru_cache
from typing import Final, TypeAlias

from audit.errors import Unreadable

Value: TypeAlias = "bool | int | bytes | str | list[Value] | dict[str, Value] | None"

MAX_DEPTH: Final = 8  # nothing the wire format defines is nested deeper than 6
MAX_BYTES: Final = 16 * 1024 * 1024  # twice the largest payload the message server takes
MAX_ITEMS: Final = 65_536  # all values of one document together: bounds memory, not only bytes

_UINT, _NINT, _BYTES, _TEXT, _LIST, _MAP = range(6)
_CUT_SHORT: Final = "CBOR: the bytes end in the middle of a value"
_SIMPLE: Final[dict[int, bool | None]] = {0xF4: False, 0xF5: True, 0xF6: None}


def loads(raw: bytes, *, max_bytes: int = MAX_BYTES) -> Value:
    """Read exactly one value out of all of `raw`, or raise `Unreadable`."""
    if len(raw) > max_bytes:
        raise Unreadable(f"CBOR: {len(raw)} bytes are more than the {max_bytes} allowed here")
    reader = _Reader(raw)
    value = reader.value(0)
    if reader.at != len(raw):
        raise Unreadable(f"CBOR: {len(raw) - reader.at} bytes after the end of the value")
    return value


def dumps(value: Value) -> bytes:
    """Write `value` in its one deterministic form. Raises `ValueError` or `TypeError` for what
    the reader would not take.
    """
    out = bytearray()
    _write(value, out, 0)
    return bytes(out)


class _Reader:
    __slots__ = ("at", "items", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0
        self.items = 0

    def value(self, depth: int) -> Value:
        self.items += 1
        if self.items > MAX_ITEMS:
            raise Unreadable(f"CBOR: more than {MAX_ITEMS} values")
        start = self.at
        first = self.byte()
        if first in _SIMPLE:
            return _SIMPLE[first]
        major, number = first >> 5, first & 0x1F
        if major > _MAP:
            raise Unreadable(f"CBOR: a tag, float or simple value at byte {start}, which this format does not use")
        if number > 23:
            number = self.number(number, start)
        if major == _UINT:
            return number
        if major == _NINT:
            return -1 - number
        if number > len(self.raw) - self.at:  # each byte or item takes at least one byte: never allocate on a promise
            raise Unreadable(f"CBOR: the value at byte {start} is longer than the bytes that follow")
        if major == _TEXT:
            return self.text(number, start)
        if major == _BYTES:
            return self.take(number)
        if depth >= MAX_DEPTH:
            raise Unreadable(f"CBOR: nested deeper than {MAX_DEPTH} at byte {start}")
        if major == _LIST:
            return [self.value(depth + 1) for _ in range(number)]
        return self.map(number, depth)

    def map(self, count: int, depth: int) -> dict[str, Value]:
        result: dict[str, Value] = {}
        for _ in range(count):
            start = self.at
            first = self.byte()
            if first >> 5 != _TEXT:
                raise Unreadable(f"CBOR: a key that is not text at byte {start}")
            length = first & 0x1F
            key = self.text(length if length < 24 else self.number(length, start), start)
            if key in result:
                raise Unreadable(f"CBOR: a key stands twice at byte {start}")
            result[key] = self.value(depth + 1)
        return result

    def number(self, info: int, start: int) -> int:
        if info > 27:
            raise Unreadable(f"CBOR: an indefinite or reserved length at byte {start}")
        return int.from_bytes(self.take(1 << (info - 24)), "big")

    def text(self, length: int, start: int) -> str:
        at = self.at
        self.at = end = at + length
        if end > len(self.raw):
            raise Unreadable(_CUT_SHORT)
        try:
            return self.raw[at:end].decode("utf-8")
        except UnicodeDecodeError:
            raise Unreadable(f"CBOR: text that is not UTF-8 at byte {start}") from None

    def byte(self) -> int:
        at = self.at
        if at >= len(self.raw):
            raise Unreadable(_CUT_SHORT)
        self.at = at + 1
        return self.raw[at]

    def take(self, length: int) -> bytes:
        end = self.at + length
        if end > len(self.raw):
            raise Unreadable(_CUT_SHORT)
        piece = self.raw[self.at : end]
        self.at = end
        return piece


def _head(major: int, number: int, out: bytearray) -> None:
    if number < 24:
        out.append(major << 5 | number)
        return
    for info, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << (8 * width):
            out.append(major << 5 | info)
            out += number.to_bytes(width, "big")
            return
    raise ValueError("an integer of more than 64 bits has no place in this format")


def _write(value: Value, out: bytearray, depth: int) -> None:
    if value is None:
        out.append(0xF6)
    elif isinstance(value, bool):
        out.append(0xF5 if value else 0xF4)
    elif isinstance(value, int):
        _head(_UINT, value, out) if value >= 0 else _head(_NINT, -1 - value, out)
    elif isinstance(value, bytes):
        _head(_BYTES, len(value), out)
        out += value
    elif isinstance(value, str):
        encoded = value.encode()
        _head(_TEXT, len(encoded), out)
        out += encoded
    elif depth >= MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    elif isinstance(value, list):
        _head(_LIST, len(value), out)
        for item in value:
            _write(item, out, depth + 1)
    elif isinstance(value, dict):
        _write_map(value, out, depth)
    else:
        raise TypeError(f"{type(value).__name__} has no place in this format")


@lru_cache(maxsize=1024)  # the names of fields; others are soon forgotten
def _key(key: str) -> bytes:
    out = bytearray()
    _write(key, out, 0)
    return bytes(out)


def _write_map(value: dict[str, Value], out: bytearray, depth: int) -> None:
    keys: list[tuple[bytes, str]] = []
    for key in value:
        if not isinstance(key, str):
            raise TypeError("keys are text")
        keys.append((_key(key), key))
    _head(_MAP, len(keys), out)
    for encoded, key in sorted(keys):
        out += encoded
        _write(value[key], out, depth + 1)
