"""CBOR (RFC 8949) as we allow it: a strict, bounded subset, the same everywhere.

Definite lengths; no tags, floats, undefined or simple values but false, true and null; no duplicate keys; text keys;
nothing after the item; nesting of at most `limits.DEPTH`. Whatever comes in, `load` returns or raises `Malformed`.
Nothing is canonicalised: what is signed is carried as a byte string and read once, from exactly those bytes.
"""

from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import Any, Never, TypeVar

import cbor2

from messages import limits
from messages.errors import Malformed

T = TypeVar("T")
Value = int | bytes | str | bool | None | list["Value"] | dict[str, "Value"]


def _refuse_tag(*_: object) -> Never:
    raise cbor2.CBORDecodeError("tags are not allowed")


# Without these, tag 35 compiles a stranger's regular expression and tag 2 makes a number of any size.
_BUILT_IN_TAGS = (
    0, 1, 2, 3, 4, 5, 21, 22, 23, 24, 25, 28, 29, 30, 32, 33, 34, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004,
    43000, 55799,
)  # fmt: skip
_TAGS = dict.fromkeys(_BUILT_IN_TAGS, _refuse_tag)
_LEAVES = frozenset({bytes, str, int, bool, type(None)})
_MISSING = object()


def _plain(value: object) -> bool:
    kind = type(value)
    if kind is dict:
        for key, item in value.items():  # type: ignore[attr-defined]
            if type(key) is not str or (type(item) not in _LEAVES and not _plain(item)):
                return False
        return True
    if kind is list:
        return all(type(item) in _LEAVES or _plain(item) for item in value)  # type: ignore[attr-defined]
    return kind in _LEAVES


def load(data: bytes, limit: int, what: str = "object") -> Any:
    """Read one item from `data`, at most `limit` bytes long, or raise `Malformed`.

    The value is built of int, bytes, str, bool, None, list and dict with text keys, and nothing else.
    """
    if not isinstance(data, bytes):
        raise Malformed(f"The {what} is not bytes.")
    if len(data) > limit:
        raise Malformed(f"The {what} has {len(data)} bytes; at most {limit} are accepted.")
    stream = BytesIO(data)
    try:
        decoder = cbor2.CBORDecoder(
            stream,
            tag_hook=_refuse_tag,
            semantic_decoders=_TAGS,
            max_depth=limits.DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            read_size=1,
        )
        value = decoder.decode()
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, MemoryError, RecursionError, EOFError):
        raise Malformed(f"The {what} is not in the CBOR that Safeconduct allows.") from None
    if stream.tell() != len(data) or not _plain(value):
        raise Malformed(f"The {what} is not in the CBOR that Safeconduct allows.")
    return value


def dump(value: Any) -> bytes:
    """Write `value`; maps keep the order given, numbers take their shortest form."""
    return cbor2.dumps(value)


class Reader:
    """Reads the fields of one map, each once, and refuses what is missing, misshapen or left over."""

    __slots__ = ("_fields", "_what")

    def __init__(self, value: object, what: str) -> None:
        if type(value) is not dict:
            raise Malformed(f"The {what} is not a map.")
        self._fields: dict[str, Any] = dict(value)
        self._what = what

    def _take(self, name: str) -> Any:
        try:
            return self._fields.pop(name)
        except KeyError:
            raise Malformed(f"The {self._what} lacks {name}.") from None

    def _wrong(self, name: str, value: object = None) -> Malformed:
        if value is _MISSING:
            return Malformed(f"The {self._what} lacks {name}.")
        return Malformed(f"In the {self._what}, {name} has the wrong form.")

    def raw(self, name: str, minimum: int = 0, maximum: int = limits.ENVELOPE_BYTES) -> bytes:
        """Bytes of a length within bounds."""
        value = self._fields.pop(name, _MISSING)
        if type(value) is not bytes or not minimum <= len(value) <= maximum:
            raise self._wrong(name, value)
        return value

    def fixed(self, name: str, length: int) -> bytes:
        """Bytes of exactly this length."""
        value = self._fields.pop(name, _MISSING)
        if type(value) is not bytes or len(value) != length:
            raise self._wrong(name, value)
        return value

    def maybe(self, name: str, length: int) -> bytes | None:
        """Bytes of exactly this length, or null."""
        if self._fields.get(name, 0) is None:
            del self._fields[name]
            return None
        return self.fixed(name, length)

    def text(self, name: str, maximum: int = limits.TEXT) -> str:
        """Text of at most `maximum` characters."""
        value = self._fields.pop(name, _MISSING)
        if type(value) is not str or len(value) > maximum:
            raise self._wrong(name, value)
        return value

    def maybe_text(self, name: str, maximum: int = limits.TEXT) -> str | None:
        """Text or null."""
        if self._fields.get(name, 0) is None:
            del self._fields[name]
            return None
        return self.text(name, maximum)

    def number(self, name: str, maximum: int = 2**53 - 1) -> int:
        """An unsigned integer."""
        value = self._fields.pop(name, _MISSING)
        if type(value) is not int or not 0 <= value <= maximum:
            raise self._wrong(name, value)
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._take(name)
        if type(value) is not bool:
            raise self._wrong(name)
        return value

    def version(self) -> None:
        """The field `v`, which must be ours."""
        value = self._take("v")
        if type(value) is not int or value != limits.VERSION:  # `True == 1` in Python, not on the wire
            raise Malformed(f"The {self._what} is of a version this program does not know.")

    def code(self, name: str, of: Callable[[str], T]) -> T:
        """Text that `of` (an enumeration or a checker of `messages.ids`) accepts."""
        value = self._fields.pop(name, _MISSING)
        if type(value) is not str or len(value) > limits.TEXT:
            raise self._wrong(name, value)
        try:
            return of(value)
        except ValueError:
            raise self._wrong(name) from None

    def maybe_code(self, name: str, of: Callable[[str], T]) -> T | None:
        """The same, or null."""
        if self._fields.get(name, 0) is None:
            del self._fields[name]
            return None
        return self.code(name, of)

    def items(self, name: str, maximum: int) -> list[Any]:
        """A list of at most `maximum` items."""
        value = self._take(name)
        if type(value) is not list or len(value) > maximum:
            raise self._wrong(name)
        return value

    def codes(self, name: str, of: Callable[[str], T], maximum: int = 64) -> tuple[T, ...]:
        """A list of distinct codes, in rising order so that one set has one form."""
        values = self.items(name, maximum)
        if any(type(v) is not str or len(v) > limits.TEXT for v in values) or values != sorted(set(values)):
            raise self._wrong(name)
        try:
            return tuple(of(v) for v in values)
        except ValueError:
            raise self._wrong(name) from None

    def map(self, name: str, maximum: int) -> dict[str, Any]:
        """A map of at most `maximum` entries."""
        value = self._take(name)
        if type(value) is not dict or len(value) > maximum:
            raise self._wrong(name)
        return value

    def inner(self, name: str) -> "Reader":
        """A map, to be read in turn."""
        return Reader(self._take(name), f"{name} of the {self._what}")

    def has(self, name: str) -> bool:
        """Whether a field of this name is there and has not been read yet."""
        return name in self._fields

    def value(self, name: str) -> Any:
        """The field as it stands, for the caller to check."""
        return self._take(name)

    def end(self) -> None:
        """Refuse fields nobody asked for: they are never dropped in silence."""
        if self._fields:
            raise Malformed(f"The {self._what} has a field this program does not know.")


def bytes_list(values: Iterable[object], what: str, minimum: int, maximum: int) -> tuple[bytes, ...]:
    """Check that all `values` are bytes within bounds."""
    checked = tuple(values)
    for value in checked:
        if type(value) is not bytes or not minimum <= len(value) <= maximum:
            raise Malformed(f"The {what} has an item of the wrong form.")
    return checked  # type: ignore[return-value]


def bytes_map(
    values: Mapping[str, object], key: Callable[[str], T], what: str, minimum: int, maximum: int
) -> dict[T, bytes]:
    """Check that all keys satisfy `key` and all values are bytes within bounds."""
    checked: dict[T, bytes] = {}
    for name, value in values.items():
        if type(value) is not bytes or not minimum <= len(value) <= maximum:
            raise Malformed(f"The {what} has an item of the wrong form.")
        checked[key(name)] = value
    return checked
