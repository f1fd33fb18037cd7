"""What is said when a consent holds no longer: the withdrawal as it is handed in, who holds copies that rest on the
consent, the notices to them, and their word on what became of the copies.

Shapes only. `keys.consents` says who may withdraw, `broker.withdrawals` makes holdings and notices, and
`adapters.erasure` carries out what a notice asks for.
"""

from dataclasses import dataclass
from enum import StrEnum

from messages import cbor, ids, limits
from messages.cbor import Reader
from messages.errors import Malformed
from messages.ids import AgencyHandle, ContactHandle, MessageId, ViewId
from messages.signed import Signed

_CONSENT = 16


class Part(StrEnum):
    """Why somebody gets a notice."""

    HOLDER = "holder"  # a view that rests on the consent was stored for it: erase
    SENDER = "sender"  # it sent that view
    COLLECTOR = "collector"  # it collected the consent, and somebody else withdrew it


class Erasure(StrEnum):
    """What became of a copy."""

    ERASED = "erased"
    NOT_HERE = "not-here"  # the view never arrived
    IMPOSSIBLE = "impossible"  # the law demands that it is kept: the ground says which


class KeepGround(StrEnum):
    """Why a copy is kept although its consent was withdrawn (GDPR art. 17(3); LED art. 16(3))."""

    PROCEEDINGS = "evidence-in-proceedings"
    COURT_ORDER = "court-order"
    LEGAL_DUTY = "legal-duty-to-keep"
    VITAL_INTEREST = "vital-interest-of-the-person"


class ReviewNote(StrEnum):
    """What an officer found when reviewing a broken glass."""

    JUSTIFIED = "justified"
    UNJUSTIFIED = "unjustified"
    TRAINING = "training"


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalSubmission:
    """A withdrawal as it is handed in: signed, with the terms that it ends, which name the collector.

    A consent's id is a hash of its terms, so they prove whose consent it is. An officer may not have them.
    """

    withdrawal: Signed
    terms: bytes | None

    def to_bytes(self) -> bytes:
        """The bytes that are submitted."""
        return cbor.dump({"v": limits.VERSION, "withdrawal": self.withdrawal.to_bytes(), "terms": self.terms})

    @classmethod
    def from_bytes(cls, data: bytes) -> "WithdrawalSubmission":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, 2 * limits.ATTESTATION_BYTES, "withdrawal"), "withdrawal")
        reader.version()
        submission = cls(
            withdrawal=Signed.from_bytes(reader.raw("withdrawal", 1, limits.ATTESTATION_BYTES)),
            terms=_maybe_raw(reader, "terms"),
        )
        reader.end()
        return submission


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """That a view which rests on a consent was stored for a contact. It outlives the view, and holds no personal data.

    Stored in one batch with entry and view, so whoever withdraws the consent finds every holder.
    """

    consent: bytes
    agency: AgencyHandle
    contact: ContactHandle
    view_id: ViewId
    view: bytes  # SHA-256 of pae("view", view bytes)
    message: MessageId
    sender: ContactHandle
    at: int

    def to_bytes(self) -> bytes:
        """The body to sign (tag `holding`)."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "consent": self.consent,
                "agency": self.agency,
                "contact": self.contact,
                "view_id": self.view_id,
                "view": self.view,
                "message": self.message,
                "sender": self.sender,
                "at": self.at,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Holding":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "holding"), "holding")
        reader.version()
        holding = cls(
            consent=reader.fixed("consent", _CONSENT),
            agency=reader.code("agency", ids.agency_handle),
            contact=reader.code("contact", ids.contact_handle),
            view_id=reader.code("view_id", ids.view_id),
            view=reader.fixed("view", limits.DIGEST),
            message=ids.message_id(reader.fixed("message", 16)),
            sender=reader.code("sender", ids.contact_handle),
            at=reader.number("at"),
        )
        reader.end()
        return holding


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A worker's word to one contact that a consent was withdrawn, and what that asks of it."""

    consent: bytes
    withdrawal: bytes  # SHA-256 of the signed withdrawal, which comes with the notice
    to: ContactHandle
    part: Part
    message: MessageId | None  # this and the next three: of the view in question; None for the collector
    view_id: ViewId | None
    view: bytes | None
    recipient: ContactHandle | None
    retrieved: bool  # whether the recipient had signed for the view; else it was taken away undelivered
    at: int
    confirm_by: int
    epoch: int
    leaf: bytes  # leaf hash of the record that comes with the notice
    include_by: int

    def to_bytes(self) -> bytes:
        """The body to sign (tag `withdrawal-notice`)."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "consent": self.consent,
                "withdrawal": self.withdrawal,
                "to": self.to,
                "part": self.part.value,
                "message": self.message,
                "view_id": self.view_id,
                "view": self.view,
                "recipient": self.recipient,
                "retrieved": self.retrieved,
                "at": self.at,
                "confirm_by": self.confirm_by,
                "epoch": self.epoch,
                "leaf": self.leaf,
                "include_by": self.include_by,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Notice":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "notice"), "notice")
        reader.version()
        message = reader.maybe("message", 16)
        notice = cls(
            consent=reader.fixed("consent", _CONSENT),
            withdrawal=reader.fixed("withdrawal", limits.DIGEST),
            to=reader.code("to", ids.contact_handle),
            part=reader.code("part", Part),
            message=ids.message_id(message) if message is not None else None,
            view_id=reader.maybe_code("view_id", ids.view_id),
            view=reader.maybe("view", limits.DIGEST),
            recipient=reader.maybe_code("recipient", ids.contact_handle),
            retrieved=reader.flag("retrieved"),
            at=reader.number("at"),
            confirm_by=reader.number("confirm_by"),
            epoch=reader.number("epoch"),
            leaf=reader.fixed("leaf", limits.DIGEST),
            include_by=reader.number("include_by"),
        )
        reader.end()
        absent = {value is None for value in (notice.message, notice.view_id, notice.view, notice.recipient)}
        if absent != {notice.part is Part.COLLECTOR}:
            raise Malformed("A notice to a holder or sender names the view, one to the collector names none.")
        if notice.part is Part.HOLDER and notice.to != notice.recipient:
            raise Malformed("A notice to a holder is about its own view.")
        return notice


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeDelivery:
    """What waits for a contact beside its views: the notice, the withdrawal itself, and the record of it."""

    notice: Signed
    withdrawal: Signed
    terms: bytes | None
    record: bytes
    salt: bytes

    def to_bytes(self) -> bytes:
        """The bytes that wait."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "notice": self.notice.to_bytes(),
                "withdrawal": self.withdrawal.to_bytes(),
                "terms": self.terms,
                "record": self.record,
                "salt": self.salt,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "NoticeDelivery":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ENVELOPE_BYTES, "notice"), "notice")
        reader.version()
        delivery = cls(
            notice=Signed.from_bytes(reader.raw("notice", 1, limits.ATTESTATION_BYTES)),
            withdrawal=Signed.from_bytes(reader.raw("withdrawal", 1, limits.ATTESTATION_BYTES)),
            terms=_maybe_raw(reader, "terms"),
            record=reader.raw("record", 1, limits.ATTESTATION_BYTES),
            salt=reader.fixed("salt", limits.DIGEST),
        )
        reader.end()
        return delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureConfirmation:
    """A holder's word on what became of its copy after the consent was withdrawn."""

    consent: bytes
    message: MessageId
    view_id: ViewId
    view: bytes
    recipient: ContactHandle  # who confirms, and signs
    outcome: Erasure
    ground: KeepGround | None  # exactly where the outcome is `impossible`
    at: int

    def to_bytes(self) -> bytes:
        """The body to sign (tag `erasure-confirmation`)."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "consent": self.consent,
                "message": self.message,
                "view_id": self.view_id,
                "view": self.view,
                "recipient": self.recipient,
                "outcome": self.outcome.value,
                "ground": self.ground.value if self.ground else None,
                "at": self.at,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "ErasureConfirmation":
        """Read it, or raise `Malformed`."""
        what = "erasure confirmation"
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, what), what)
        reader.version()
        confirmation = cls(
            consent=reader.fixed("consent", _CONSENT),
            message=ids.message_id(reader.fixed("message", 16)),
            view_id=reader.code("view_id", ids.view_id),
            view=reader.fixed("view", limits.DIGEST),
            recipient=reader.code("recipient", ids.contact_handle),
            outcome=reader.code("outcome", Erasure),
            ground=reader.maybe_code("ground", KeepGround),
            at=reader.number("at"),
        )
        reader.end()
        if (confirmation.ground is None) == (confirmation.outcome is Erasure.IMPOSSIBLE):
            raise Malformed("A ground goes with an erasure that is impossible, and with no other.")
        return confirmation


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewClosed:
    """An officer's word that one broken glass was reviewed: what it found."""

    message: MessageId
    recipient: ContactHandle
    view: bytes  # as the record of the decision names it
    note: ReviewNote
    at: int

    def to_bytes(self) -> bytes:
        """The body to sign (tag `review-closed`)."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "message": self.message,
                "recipient": self.recipient,
                "view": self.view,
                "note": self.note.value,
                "at": self.at,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "ReviewClosed":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "closed review"), "closed review")
        reader.version()
        closed = cls(
            message=ids.message_id(reader.fixed("message", 16)),
            recipient=reader.code("recipient", ids.contact_handle),
            view=reader.fixed("view", limits.DIGEST),
            note=reader.code("note", ReviewNote),
            at=reader.number("at"),
        )
        reader.end()
        return closed


def _maybe_raw(reader: Reader, name: str) -> bytes | None:
    """Bytes of an attestation's length, or null."""
    value = reader.value(name)
    if value is not None and not (type(value) is bytes and 0 < len(value) <= limits.ATTESTATION_BYTES):
        raise Malformed(f"The field {name} is neither bytes of an attestation's length nor null.")
    return value
