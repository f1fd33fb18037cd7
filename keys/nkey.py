"""NKEYs: how an adapter logs in, to NATS and to the broker's HTTP endpoint. It signs nothing that is kept."""

import base64
import binascii
from collections.abc import Callable
from typing import Final

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError
from nacl.utils import random
from nkeys import PREFIX_BYTE_ACCOUNT, PREFIX_BYTE_SERVER, PREFIX_BYTE_USER, crc16, encode_seed, from_seed

from messages import cbor
from messages.errors import KeyTrouble, Unverified
from messages.limits import MINUTE
from messages.signed import pae

SCHEME: Final = "Safeconduct-NKey"
REQUEST_WINDOW: Final = MINUTE
"""How far a signed request's time may lie from ours; such requests only read, and only the signer's own extract."""


def new_nkey() -> tuple[bytes, str]:
    """A fresh user seed ("SU…") and its public key ("U…")."""
    seed = bytes(encode_seed(random(32), PREFIX_BYTE_USER))
    return seed, public_of(seed)


def public_of(seed: bytes) -> str:
    """The public key ("U…") of a user seed ("SU…"), or raise `KeyTrouble`."""
    try:
        pair = from_seed(bytearray(seed))
        try:
            return bytes(pair.public_key).decode()
        finally:
            pair.wipe()
    except Exception:  # the library raises many kinds, down to binascii's
        raise KeyTrouble("This is not the seed of a user NKEY; it begins with SU.") from None


_PREFIXES: Final = {"U": PREFIX_BYTE_USER, "A": PREFIX_BYTE_ACCOUNT, "N": PREFIX_BYTE_SERVER}


def raw_public(text: str, letter: str = "U") -> bytes:
    """The 32 bytes of a public NKEY ("U…" a user's, "A…" an account's, "N…" a server's), or raise `Unverified`."""
    try:
        raw = base64.b32decode(text.encode("ascii"))
        if len(text) != 56 or len(raw) != 35 or raw[0] != _PREFIXES[letter]:
            raise ValueError
        if crc16(bytearray(raw[:33])) != int.from_bytes(raw[33:], "little"):
            raise ValueError
    except (ValueError, KeyError, binascii.Error):
        raise Unverified("This is not a public NKEY.") from None
    return raw[1:33]


def check_nkey(public: str, data: bytes, signature: bytes, letter: str = "U") -> None:
    """Raise `Unverified` unless `signature` (64 bytes, Ed25519) is that key's over exactly `data`."""
    raw = raw_public(public, letter)
    try:
        if len(signature) != 64:
            raise BadSignatureError
        crypto_sign_open(signature + data, raw)
    except (BadSignatureError, ValueError, TypeError):
        raise Unverified("The login's signature does not hold.") from None


def _asked(method: str, host: str, path: str, at: str, nonce: str) -> bytes:
    return pae("http-request", cbor.dump([method, host.lower(), path, at, nonce]))


def sign_request(seed: bytes, method: str, host: str, path: str, now: int) -> str:
    """The `Authorization` header of one HTTP request: who asks, when, and the signature over just this request."""
    return request_signer(seed)(method, host, path, now)


def request_signer(seed: bytes) -> Callable[[str, str, str, int], str]:
    """`sign_request` for many requests of one login: it holds the unpacked key as long as it is held itself."""
    try:
        pair = from_seed(bytearray(seed))
        public = bytes(pair.public_key).decode()
    except Exception:  # the library raises many kinds, down to binascii's
        raise KeyTrouble("This is not the seed of a user NKEY; it begins with SU.") from None

    def signed(method: str, host: str, path: str, now: int) -> str:
        nonce, at = random(12).hex(), str(now)
        signature = bytes(pair.sign(_asked(method, host, path, at, nonce)))
        return f"{SCHEME} {public}.{at}.{nonce}.{base64.urlsafe_b64encode(signature).decode()}"

    return signed


def check_request(header: str | None, method: str, host: str, path: str, now: int) -> str:
    """The public NKEY that signed this request, or raise `Unverified`, always with the same sentence."""
    refused = Unverified("Refused.")
    scheme, _, rest = (header or "").partition(" ")
    parts = rest.split(".")
    if scheme != SCHEME or len(parts) != 4 or len(rest) > 400:
        raise refused
    public, at, nonce, signature = parts
    if not (rest.isascii() and host.isascii() and path.isascii()):  # headers may come as text that has no bytes
        raise refused
    if not (at.isascii() and at.isdecimal() and len(at) < 16 and abs(now - int(at)) <= REQUEST_WINDOW):
        raise refused
    try:
        raw = base64.b64decode(signature, altchars=b"-_", validate=True)
        if base64.urlsafe_b64encode(raw).decode() != signature:  # another spelling of the same bytes
            raise refused
        check_nkey(public, _asked(method, host, path, at, nonce), raw)
    except (ValueError, Unverified):
        raise refused from None
    return public
