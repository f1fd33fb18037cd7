"""A recipient's word on a view of its own, beside its retrieval: that people have taken it on, that it does not hold
and is shown to nobody, what it did when its sender took the message back, or that it deleted its copy.

Shapes only. `broker.acknowledgements` holds it against what was delivered and tells the sender. Codes alone, no word.
"""

from dataclasses import dataclass
from enum import StrEnum

from messages import cbor, ids, limits
from messages.cbor import Reader
from messages.errors import Malformed
from messages.ids import ContactHandle, MessageId, ViewId


class Said(StrEnum):
    """What the recipient says."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN_FROM_USE = "recall-confirmed"  # its sender recalled or corrected it, and people are kept from it
    NOT_HERE = "not-here"  # the view that was recalled never arrived
    DELETED = "deleted"  # the time to keep its copy is over


class Fault(StrEnum):
    """Why a recipient keeps a view aside and shows it to nobody: the codes of `messages.errors`."""

    MALFORMED = "malformed"
    UNVERIFIED = "unverified"
    UNDESIGNATED_SENDER = "undesignated-sender"
    CONTENT = "content"
    DECISION_DIFFERS = "decision-differs"
    MISLABELLED = "mislabelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """A recipient's word on one view of its own."""

    message: MessageId
    view_id: ViewId
    view: bytes  # D("view", view bytes)
    sender: ContactHandle
    recipient: ContactHandle  # who says so, and signs
    said: Said
    fault: Fault | None  # exactly where it was rejected
    at: int

    def to_bytes(self) -> bytes:
        """The body to sign (tag `acknowledgement`)."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "message": self.message,
                "view_id": self.view_id,
                "view": self.view,
                "sender": self.sender,
                "recipient": self.recipient,
                "said": self.said.value,
                "fault": self.fault.value if self.fault else None,
                "at": self.at,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Acknowledgement":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "acknowledgement"), "acknowledgement")
        reader.version()
        word = cls(
            message=ids.message_id(reader.fixed("message", 16)),
            view_id=reader.code("view_id", ids.view_id),
            view=reader.fixed("view", limits.DIGEST),
            sender=reader.code("sender", ids.contact_handle),
            recipient=reader.code("recipient", ids.contact_handle),
            said=reader.code("said", Said),
            fault=reader.maybe_code("fault", Fault),
            at=reader.number("at"),
        )
        reader.end()
        if (word.fault is None) == (word.said is Said.REJECTED):
            raise Malformed("A fault goes with a view that was rejected, and with no other.")
        return word
