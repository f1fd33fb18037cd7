"""Signed objects: CBOR {"body": bytes, "by": key name, "sig": 64 bytes, "tag": what kind of promise this is}.

The signature is Ed25519 over `pae(tag, body)`, so a signature of one kind never passes for another. `read_signed`
gives a shape and no trust; `verify` alone gives the body as something that was said by the holder of the key.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.errors import BadSignature, Unreadable
from audit.readers import bounds, cbor
from audit.readers.fields import read_map

KEY_BYTES: Final = 32
SIGNERS: Final = "acgwo"  # every letter of a handle


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A signed object as it stands on the wire. Nothing in it is proved until `verify` has returned."""

    body: bytes
    by: str
    sig: bytes
    tag: str


def pae(kind: str, payload: bytes) -> bytes:
    """`safeconduct/1 SP len(kind) SP kind SP len(payload) SP payload`; the lengths count bytes."""
    name = kind.encode()
    return b"safeconduct/1 %d %b %d %b" % (len(name), name, len(payload), payload)


def digest(kind: str, payload: bytes) -> bytes:
    """SHA-256 over `pae(kind, payload)`: a digest of one kind of thing never passes for another."""
    return sha256(pae(kind, payload)).digest()


def read_signed(raw: bytes, what: str = "signed object", *, max_bytes: int = bounds.ENVELOPE_BYTES) -> Signed:
    """Read a signed object, or raise `Unreadable`. Does not look at the signature."""
    fields = read_map(raw, what, ("body", "by", "sig", "tag"), max_bytes=max_bytes)
    tag = fields.text("tag", bounds.TAG_TEXT)
    if not (tag.isascii() and tag.isprintable()):  # it is shown before anybody has checked a signature
        raise Unreadable(f"{what}: tag is not printable ASCII")
    return Signed(
        body=fields.octets_within("body", 1, max_bytes),
        by=fields.handle("by", SIGNERS),
        sig=fields.octets("sig", bounds.SIGNATURE),
        tag=tag,
    )


def write_signed(signed: Signed) -> bytes:
    """The wire form of a signed object."""
    return cbor.dumps({"body": signed.body, "by": signed.by, "sig": signed.sig, "tag": signed.tag})


def verify_bytes(public: bytes, signature: bytes, message: bytes, what: str) -> None:
    """Return if the Ed25519 `signature` over `message` holds under `public`, or raise `BadSignature`."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise BadSignature(f"{what}: the signature does not hold") from None


def verify(signed: Signed, tag: str, public: bytes) -> bytes:
    """Return the body if `signed` is a `tag` and its signature holds under `public`; or raise `BadSignature`."""
    if signed.tag != tag:
        raise BadSignature(f"{tag}: this is signed as something else")
    verify_bytes(public, signed.sig, pae(tag, signed.body), f"{tag} by {signed.by}")
    return signed.body


def public_key(raw: bytes) -> bytes:
    """Return `raw` if it is an Ed25519 public key, or raise `Unreadable`."""
    if len(raw) != KEY_BYTES:
        raise Unreadable(f"a public key has {KEY_BYTES} bytes")
    return raw
