"""Pseudonyms: stable for one recipient agency, unlinkable across agencies, of 50 bits (docs/design.md section 7.1)."""

from collections.abc import Container
from hashlib import blake2b
from typing import Final

from messages.errors import KeyTrouble
from messages.ids import AgencyHandle

_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"[:31] + "0"  # no I, L, O, 1: they are read over the telephone
_LETTERS: Final = 10


def _keyed(key: bytes, text: str, person: bytes) -> bytes:
    if len(key) != 32:  # an empty key would make BLAKE2b unkeyed, and every pseudonym guessable
        raise KeyTrouble("A register key has 32 bytes.")
    return blake2b(text.encode(), key=key, digest_size=16, person=person).digest()


def pseudonym(key: bytes, agency: AgencyHandle, person: str, taken: Container[str] = ()) -> str:
    """Such as "V-7K3Q-9MXA-TR" for `person` (the sender's own local id) towards `agency`.

    Keyed BLAKE2b under the sender's 32-byte register key, so that only the sender can go back. Another one is drawn
    where the first is `taken` in the sender's register by somebody else.
    """
    for attempt in range(1_000):
        seed = _keyed(key, f"{agency}|{attempt}|{person}", b"sc1-pseudonym\0\0\0")
        number = int.from_bytes(seed, "big")
        letters = "".join(_ALPHABET[number >> (5 * i) & 31] for i in range(_LETTERS))
        candidate = f"V-{letters[:4]}-{letters[4:8]}-{letters[8:]}"
        if candidate not in taken:
            return candidate
    raise AssertionError("a thousand pseudonyms in a row were taken")


def reference(key: bytes, agency: AgencyHandle, name: str) -> bytes:
    """16 bytes that stand for a thread or case towards one agency, and for nothing towards another."""
    return _keyed(key, f"{agency}|{name}", b"sc1-reference\0\0\0")
