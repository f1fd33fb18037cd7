"""Sealing what an agency keeps for itself, under a key that follows from its register key; no other opens it."""

from hashlib import blake2b

from nacl.exceptions import CryptoError
from nacl.secret import Aead

from messages.errors import KeyTrouble, Unverified


def seal(key: bytes, what: bytes, plaintext: bytes) -> bytes:
    """`plaintext` sealed under the agency's register key, bound to `what` it is kept for."""
    return bytes(_box(key).encrypt(plaintext, aad=what))


def open_(key: bytes, what: bytes, sealed: bytes) -> bytes:
    """The plaintext, or raise `Unverified` where it was sealed under another key, for something else, or altered."""
    try:
        return bytes(_box(key).decrypt(sealed, aad=what))
    except (CryptoError, ValueError, TypeError):
        raise Unverified("What was kept for this message does not open with the keys of this folder.") from None


def _box(key: bytes) -> Aead:
    if len(key) != 32:
        raise KeyTrouble("A register key has 32 bytes.")
    return Aead(blake2b(key=key, digest_size=32, person=b"sc1-at-rest\0\0\0\0\0").digest())
