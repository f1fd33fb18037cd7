"""Every error that `audit` raises on purpose.

AuditError
├─ Unreadable       the bytes do not have the promised shape, or exceed a bound
├─ NotComparable    they have the shape; what one has to hold them against does not meet them
└─ Unproved         they have the shape; what they claim does not hold
   ├─ BadSignature  a signature does not verify under the key it must verify under
   └─ ProofFailed   a digest, an inclusion proof or a consistency proof does not lead to its root

Whatever bytes a reader is given, it returns or raises `Unreadable`; whatever a verifier is given, it returns or
raises `AuditError`. Anything else is a bug, and the fuzz tests say so. A sentence names ids and places, never content.
"""

from typing import ClassVar


class AuditError(Exception):
    """Root of the tree; `str(error)` is one sentence."""

    code: ClassVar[str] = "audit"


class Unreadable(AuditError):
    """The bytes do not have the promised shape, or exceed a bound."""

    code = "unreadable"


class NotComparable(AuditError):
    """Nothing is shown to be false: what the bytes have to be held against does not meet them."""

    code = "not-comparable"


class Unproved(AuditError):
    """The bytes can be read; what they claim does not hold."""

    code = "unproved"


class BadSignature(Unproved):
    """A signature does not verify under the key it must verify under."""

    code = "bad-signature"


class ProofFailed(Unproved):
    """A digest or a Merkle proof does not lead where it must."""

    code = "proof-failed"
