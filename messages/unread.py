"""A worker's word to one contact that an urgent message was not opened. Ids, a code and times; never content.

Shapes only. `broker.steps` makes it, `adapters.unopened` checks what arrives.
"""

from dataclasses import dataclass

from messages import cbor, ids, limits
from messages.cbor import Reader
from messages.errors import Malformed
from messages.escalation import Stage
from messages.ids import ContactHandle, MessageId, ViewId
from messages.signed import Signed


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadNotice:
    """Whose view waits, who is told, and until when somebody has to act."""

    to: ContactHandle
    stage: Stage
    message: MessageId
    view_id: ViewId
    recipient: ContactHandle
    sender: ContactHandle
    due: int  # when the message's clock runs out
    at: int
    epoch: int
    leaf: bytes  # leaf hash of the record that comes with the notice
    include_by: int

    def to_bytes(self) -> bytes:
        """The body to sign (tag `unread-notice`)."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "to": self.to,
                "stage": self.stage.value,
                "message": self.message,
                "view_id": self.view_id,
                "recipient": self.recipient,
                "sender": self.sender,
                "due": self.due,
                "at": self.at,
                "epoch": self.epoch,
                "leaf": self.leaf,
                "include_by": self.include_by,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "UnreadNotice":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "unread notice"), "unread notice")
        reader.version()
        notice = cls(
            to=reader.code("to", ids.contact_handle),
            stage=reader.code("stage", Stage),
            message=ids.message_id(reader.fixed("message", 16)),
            view_id=reader.code("view_id", ids.view_id),
            recipient=reader.code("recipient", ids.contact_handle),
            sender=reader.code("sender", ids.contact_handle),
            due=reader.number("due"),
            at=reader.number("at"),
            epoch=reader.number("epoch"),
            leaf=reader.fixed("leaf", limits.DIGEST),
            include_by=reader.number("include_by"),
        )
        reader.end()
        own = {Stage.CONTACT: notice.recipient, Stage.SENDER: notice.sender}.get(notice.stage, notice.to)
        if notice.to != own or (notice.stage is not Stage.CONTACT and notice.to == notice.recipient):
            raise Malformed("An unread notice goes to somebody else than its stage says.")
        return notice


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadDelivery:
    """What waits for a contact beside its views: the notice, and the record of it."""

    unread: Signed
    record: bytes
    salt: bytes

    def to_bytes(self) -> bytes:
        """The bytes that wait."""
        return cbor.dump(
            {"v": limits.VERSION, "unread": self.unread.to_bytes(), "record": self.record, "salt": self.salt}
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "UnreadDelivery":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ENVELOPE_BYTES, "unread notice"), "unread notice")
        reader.version()
        delivery = cls(
            unread=Signed.from_bytes(reader.raw("unread", 1, limits.ATTESTATION_BYTES)),
            record=reader.raw("record", 1, limits.ATTESTATION_BYTES),
            salt=reader.fixed("salt", limits.DIGEST),
        )
        reader.end()
        return delivery
