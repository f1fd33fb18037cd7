"""Taking a map apart field by field: each field has a type and a bound, and none may be missing or left over."""

import base64
import binascii
import re
from collections.abc import Iterable, Set
from typing import Final

from audit.errors import Unreadable
from audit.readers import bounds, cbor
from audit.readers.cbor import Value

UINT_LIMIT: Final = 1 << 53  # sizes, times and epochs stay below it: every JSON reader takes such numbers exactly

_CODE = re.compile(r"[!-~]{1,256}", re.ASCII)  # printable, no spaces: a code cannot carry a sentence
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_HANDLE = re.compile(r"[a-z][a-z2-7]{12}", re.ASCII)
_SECTION = re.compile(r"[a-z][a-z0-9]{0,15}(\.[a-z0-9]{1,16}){0,3}", re.ASCII)
_MOST_OF_A_SET: Final = 64  # codes in one list: no code list has so many


class Fields:
    """One map with exactly the keys `names`, and of `maybe` any. Every method returns a checked value or raises
    `Unreadable`.
    """

    __slots__ = ("values", "what")

    def __init__(self, value: Value, what: str, names: Iterable[str], maybe: Iterable[str] = ()) -> None:
        self.what = what
        if not isinstance(value, dict):
            raise Unreadable(f"{what}: not a map")
        wanted = set(names)
        for name in sorted(wanted - value.keys()):
            raise Unreadable(f"{what}: the field {name} is missing")
        if len(value) > len(wanted) and value.keys() - wanted - set(maybe):
            raise Unreadable(f"{what}: a field that this version does not know")
        self.values = value

    def has(self, name: str) -> bool:
        return name in self.values

    def raw(self, name: str) -> Value:
        return self.values[name]

    def version(self, name: str = "v") -> None:
        if self.uint(name) != 1:
            raise Unreadable(f"{self.what}: not version 1")

    def octets(self, name: str, length: int | None = None) -> bytes:
        return as_bytes(self.values[name], f"{self.what}: {name}", length)

    def octets_within(self, name: str, least: int, most: int) -> bytes:
        return as_bytes_within(self.values[name], f"{self.what}: {name}", least, most)

    def octets_or_none(self, name: str, length: int | None = None) -> bytes | None:
        return None if self.values[name] is None else self.octets(name, length)

    def message_id(self, name: str) -> bytes:
        value = self.octets(name, 16)
        if value[6] >> 4 != 4 or value[8] >> 6 != 2:
            raise Unreadable(f"{self.what}: {name} is not a random UUID (version 4)")
        return value

    def message_id_or_none(self, name: str) -> bytes | None:
        return None if self.values[name] is None else self.message_id(name)

    def uint(self, name: str) -> int:
        return as_uint(self.values[name], f"{self.what}: {name}")

    def uint_or_none(self, name: str) -> int | None:
        return None if self.values[name] is None else self.uint(name)

    def flag(self, name: str) -> bool:
        value = self.values[name]
        if not isinstance(value, bool):
            raise Unreadable(f"{self.what}: {name} is neither true nor false")
        return value

    def code(self, name: str) -> str:
        return as_code(self.values[name], f"{self.what}: {name}")

    def code_or_none(self, name: str) -> str | None:
        return None if self.values[name] is None else self.code(name)

    def choice(self, name: str, among: Set[str]) -> str:
        return as_choice(self.values[name], f"{self.what}: {name}", among)

    def choices(self, name: str, among: Set[str]) -> tuple[str, ...]:
        what = f"{self.what}: {name}"
        return as_set(tuple(as_choice(item, what, among) for item in self.items(name, _MOST_OF_A_SET)), what)

    def countries(self, name: str, most: int) -> tuple[str, ...]:
        what = f"{self.what}: {name}"
        return as_set(tuple(as_country(item, what) for item in self.items(name, most)), what)

    def section_names(self, name: str) -> tuple[str, ...]:
        what = f"{self.what}: {name}"
        return as_set(tuple(as_section_name(item, what) for item in self.items(name, bounds.SECTIONS)), what)

    def rules(self, name: str) -> tuple[str, ...]:
        what = f"{self.what}: {name}"
        return tuple(as_text(item, what, bounds.RULE) for item in self.items(name, bounds.RULES))

    def text(self, name: str, most: int) -> str:
        return as_text(self.values[name], f"{self.what}: {name}", most)

    def text_or_none(self, name: str, most: int) -> str | None:
        return None if self.values[name] is None else self.text(name, most)

    def handle(self, name: str, letters: str) -> str:
        return as_handle(self.values[name], f"{self.what}: {name}", letters)

    def handle_or_none(self, name: str, letters: str) -> str | None:
        return None if self.values[name] is None else self.handle(name, letters)

    def items(self, name: str, most: int) -> list[Value]:
        return as_list(self.values[name], f"{self.what}: {name}", most)

    def codes(self, name: str, most: int = 256) -> tuple[str, ...]:
        return tuple(as_code(item, f"{self.what}: {name}") for item in self.items(name, most))


def as_bytes(value: Value, what: str, length: int | None = None) -> bytes:
    if not isinstance(value, bytes):
        raise Unreadable(f"{what} is not bytes")
    if length is not None and len(value) != length:
        raise Unreadable(f"{what} has {len(value)} bytes instead of {length}")
    return value


def as_bytes_within(value: Value, what: str, least: int, most: int) -> bytes:
    found = as_bytes(value, what)
    if not least <= len(found) <= most:
        raise Unreadable(f"{what} has {len(found)} bytes instead of {least} to {most}")
    return found


def as_uint(value: Value, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < UINT_LIMIT:
        raise Unreadable(f"{what} is not a whole number in range")
    return value


def as_country(value: Value, what: str) -> str:
    if not isinstance(value, str) or not _COUNTRY.fullmatch(value):
        raise Unreadable(f"{what} is not a country's code")
    return value


def as_code(value: Value, what: str) -> str:
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        raise Unreadable(f"{what} is not a code")
    return value


def as_text(value: Value, what: str, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise Unreadable(f"{what} is not text of at most {most} characters")
    return value


def as_choice(value: Value, what: str, among: Set[str]) -> str:
    if not isinstance(value, str) or value not in among:
        raise Unreadable(f"{what} is none of its codes")
    return value


def as_section_name(value: Value, what: str) -> str:
    if not isinstance(value, str) or not _SECTION.fullmatch(value):
        raise Unreadable(f"{what} is not the name of a section")
    return value


def as_set(values: tuple[str, ...], what: str) -> tuple[str, ...]:
    """Return `values` if they are distinct and in rising order, so that one set has one form."""
    if list(values) != sorted(set(values)):
        raise Unreadable(f"{what} are not different ones in rising order")
    return values


def as_handle(value: Value, what: str, letters: str) -> str:
    if not isinstance(value, str) or not _HANDLE.fullmatch(value) or value[0] not in letters:
        raise Unreadable(f"{what} is not a handle of the right kind")
    return value


def as_list(value: Value, what: str, most: int) -> list[Value]:
    if not isinstance(value, list):
        raise Unreadable(f"{what} is not a list")
    if len(value) > most:
        raise Unreadable(f"{what} has more than {most} items")
    return value


def as_tuple(value: Value, what: str, length: int) -> list[Value]:
    items = as_list(value, what, length)
    if len(items) != length:
        raise Unreadable(f"{what} has {len(items)} items instead of {length}")
    return items


def read_map(
    raw: bytes, what: str, names: Iterable[str], *, maybe: Iterable[str] = (), max_bytes: int = cbor.MAX_BYTES
) -> Fields:
    """Read `raw` as one CBOR map with exactly the keys `names`, and of `maybe` any, or raise `Unreadable`."""
    try:
        return Fields(cbor.loads(raw, max_bytes=max_bytes), what, names, maybe)
    except Unreadable as error:
        raise Unreadable(str(error) if str(error).startswith(what) else f"{what}: {error}") from None


def base64_bytes(text: object, what: str, length: int | None = None) -> bytes:
    """Read standard base64 in its one canonical form, or raise `Unreadable`."""
    if not isinstance(text, str):
        raise Unreadable(f"{what} is not base64 text")
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable(f"{what} is not base64") from None
    if base64.b64encode(raw).decode() != text:
        raise Unreadable(f"{what} is base64 with stray bits")
    if length is not None and len(raw) != length:
        raise Unreadable(f"{what} has {len(raw)} bytes instead of {length}")
    return raw


def base64_text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
