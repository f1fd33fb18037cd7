"""Ed25519 (RFC 8032) with domain separation: sign, and verify or raise.

A signature covers `pae(tag, body)`; the tag is bound to the kind of key by `keys.domains`, so that a contact's key can
never make what passes for a guard's, a worker's or an officer's word.
"""

from hashlib import sha256
from typing import Final, Protocol

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError

from keys.domains import KeyKind, Tag, may_sign
from messages.errors import KeyTrouble, Unverified
from messages.limits import SIGNATURE
from messages.signed import Signed, pae

PUBLIC_KEY: Final = 32
_SIGN_METADATA: Final = frozenset({KeyKind.OFFICER, KeyKind.HEAD, KeyKind.ROOT, KeyKind.ONLINE})


class Signs(Protocol):
    """A signing key, wherever it is: in our memory (`Signer`) or in a token (`keys.pkcs11`)."""

    @property
    def kind(self) -> KeyKind: ...
    @property
    def handle(self) -> str: ...
    @property
    def public(self) -> bytes: ...
    def signature(self, tag: Tag, body: bytes) -> bytes:
        """64 bytes over `pae(tag, body)`."""

    def sign(self, tag: Tag, body: bytes) -> Signed:
        """The body with its signature."""


class Signer:
    """A private Ed25519 key of one kind, and the handle its holder has in the directory."""

    __slots__ = ("_secret", "_seed", "handle", "kind", "public")

    def __init__(self, kind: KeyKind, handle: str, seed: bytes) -> None:
        if len(seed) != 32:
            raise KeyTrouble("A signing key's seed has 32 bytes.")
        self._seed = seed
        self.kind = kind
        self.handle = handle
        self.public, self._secret = crypto_sign_seed_keypair(seed)

    def __repr__(self) -> str:
        return f"Signer({self.kind.value}, {self.handle})"

    def export(self) -> bytes:
        """The 32 secret bytes, for the keystore alone."""
        return self._seed

    def signature(self, tag: Tag, body: bytes) -> bytes:
        """64 bytes over `pae(tag, body)`. Raises `KeyTrouble` where this kind of key may not sign that."""
        if not may_sign(self.kind, tag):
            raise KeyTrouble(f"A {self.kind.value}'s key does not sign a {tag.value}.")
        return crypto_sign(pae(tag.value, body), self._secret)[:SIGNATURE]

    def sign(self, tag: Tag, body: bytes) -> Signed:
        """The body with its signature, ready to travel."""
        return Signed(tag=tag.value, by=self.handle, body=body, signature=self.signature(tag, body))

    def sign_note(self, text: bytes) -> bytes:
        """64 bytes over the text of a C2SP signed note. For the log's and a witness's key only."""
        if self.kind not in (KeyKind.LOG, KeyKind.WITNESS):
            raise KeyTrouble(f"A {self.kind.value}'s key does not sign log heads.")
        return crypto_sign(text, self._secret)[:SIGNATURE]

    def sign_metadata(self, payload: bytes) -> bytes:
        """64 bytes over TUF metadata in its canonical form. For those who sign the trust bundle only."""
        if self.kind not in _SIGN_METADATA:
            raise KeyTrouble(f"A {self.kind.value}'s key does not sign the trust bundle.")
        return crypto_sign(payload, self._secret)[:SIGNATURE]


def check(public: bytes, tag: Tag, body: bytes, signature: bytes) -> None:
    """Raise `Unverified` unless `signature` is that key's over `pae(tag, body)`."""
    try:
        if len(public) != PUBLIC_KEY or len(signature) != SIGNATURE:  # libsodium would read past a shorter key
            raise BadSignatureError
        crypto_sign_open(signature + pae(tag.value, body), public)
    except (BadSignatureError, ValueError, TypeError):
        raise Unverified(f"The signature over the {tag.value} does not hold.") from None


def verify(signed: Signed, tag: Tag, public: bytes) -> bytes:
    """The body, if it was signed under `tag` by the holder of `public`; else raise `Unverified`."""
    if signed.tag != tag.value:
        raise Unverified(f"Something else was presented where a {tag.value} is wanted.")
    check(public, tag, signed.body, signed.signature)
    return signed.body


def digest(kind: str, data: bytes) -> bytes:
    """SHA-256 of `pae(kind, data)`: how manifests, views and descriptions are named."""
    return sha256(pae(kind, data)).digest()
