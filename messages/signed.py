"""What every signature covers, and how a signed object travels.

`pae` is the pre-authentication encoding (after DSSE): `safeconduct/1 SP len(kind) SP kind SP len(payload) SP payload`.
A `Signed` found here has a shape and no trust; `keys.signing.verify` gives its body to whoever holds the right key.
"""

from dataclasses import dataclass
from typing import Final

from messages import cbor, ids, limits
from messages.cbor import Reader
from messages.errors import Malformed

TAG: Final = 64


def pae(kind: str, payload: bytes) -> bytes:
    """The bytes that are signed or hashed for a `payload` of this `kind` (docs/envelope.md section 2)."""
    name = kind.encode()  # lengths count bytes, not characters
    return b"safeconduct/1 %d %b %d %b" % (len(name), name, len(payload), payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Body bytes, the tag they were signed under, who says to have signed, and the signature.

    `by` narrows which key to try; it is covered by no signature, so it is an input to nothing else.
    """

    tag: str
    by: str
    body: bytes
    signature: bytes

    def to_bytes(self) -> bytes:
        """The object as it travels."""
        return cbor.dump({"body": self.body, "by": self.by, "sig": self.signature, "tag": self.tag})

    @classmethod
    def from_bytes(cls, data: bytes, limit: int = limits.ENVELOPE_BYTES) -> "Signed":
        """Read it back, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limit, "signed object"), "signed object")
        signed = cls(
            body=reader.raw("body", 1, limit),
            by=reader.code("by", ids.signer_handle),
            signature=reader.fixed("sig", limits.SIGNATURE),
            tag=reader.code("tag", _tag),
        )
        reader.end()
        return signed


def _tag(text: str) -> str:
    """Printable ASCII, for tags are shown before anybody has checked a signature; or raise `Malformed`."""
    if len(text) > TAG or not (text.isascii() and text.isprintable()):
        raise Malformed("A tag is short printable ASCII.")
    return text
