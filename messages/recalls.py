"""What a sender says when a message of its own must not stand any more: a recall, or that another message corrects it.

Shapes only. `broker.recalls` says who may and passes it on to all who got a view; `adapters.recalls` checks what comes.
"""

from dataclasses import dataclass
from enum import StrEnum

from messages import cbor, ids, limits
from messages.cbor import Reader
from messages.errors import Malformed
from messages.ids import MessageId, ViewId
from messages.signed import Signed


class RecallGround(StrEnum):
    """Why (Directive (EU) 2016/680 art. 7(3)); the words of the catalogue's correction-grounds. A consent that was
    withdrawn goes its own way (`messages.withdrawals`).
    """

    INACCURATE = "inaccurate"
    UNLAWFULLY_SENT = "unlawfully-sent"
    COURT_ORDER = "court-order"


class Standing(StrEnum):
    """What the message is from then on."""

    RECALLED = "recalled"  # nobody uses it
    CORRECTED = "corrected"  # another message stands in its place


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """A contact's word on a message of its agency."""

    message: MessageId
    ground: RecallGround
    corrected_by: MessageId | None  # the message that stands in its place; None: it is recalled
    at: int

    @property
    def standing(self) -> Standing:
        """What the message is from then on."""
        return Standing.RECALLED if self.corrected_by is None else Standing.CORRECTED

    def to_bytes(self) -> bytes:
        """The body to sign (tag `recall`)."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "message": self.message,
                "ground": self.ground.value,
                "corrected_by": self.corrected_by,
                "at": self.at,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Recall":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "recall"), "recall")
        reader.version()
        corrected_by = reader.maybe("corrected_by", 16)
        recall = cls(
            message=ids.message_id(reader.fixed("message", 16)),
            ground=reader.code("ground", RecallGround),
            corrected_by=ids.message_id(corrected_by) if corrected_by is not None else None,
            at=reader.number("at"),
        )
        reader.end()
        if recall.corrected_by == recall.message:
            raise Malformed("A message does not correct itself.")
        return recall


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallDelivery:
    """What waits for whoever got a view of that message: the signed word, which view, and the record of the order."""

    recall: Signed
    view_id: ViewId
    record: bytes
    salt: bytes

    def to_bytes(self) -> bytes:
        """The bytes that wait."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "recall": self.recall.to_bytes(),
                "view_id": self.view_id,
                "record": self.record,
                "salt": self.salt,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "RecallDelivery":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ENVELOPE_BYTES, "recall delivery"), "recall delivery")
        reader.version()
        delivery = cls(
            recall=Signed.from_bytes(reader.raw("recall", 1, limits.ATTESTATION_BYTES)),
            view_id=reader.code("view_id", ids.view_id),
            record=reader.raw("record", 1, limits.ATTESTATION_BYTES),
            salt=reader.fixed("salt", limits.DIGEST),
        )
        reader.end()
        return delivery
