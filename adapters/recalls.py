"""A recall or correction as its holder checks and carries it out.

A recall takes a message out of people's hands, so it counts only if all of it holds together: a contact of the agency
that sent the message signed it, with the key that counted then; it names the message that the view brought; and the
record that came with it is the order to this very holder. What does not hold is an alarm, and changes nothing. One
that overtook its view is kept and held to that view when it arrives, not before: until then nobody knows whose it is.
"""

from dataclasses import dataclass
from hashlib import sha256

from adapters.journal import Incoming, TakenBack
from adapters.promised import record_of
from audit.record import RECALL_ORDERED, ActRecord
from keys.domains import Tag
from keys.signing import digest, verify
from messages import wire
from messages.directory import Directory
from messages.envelope import Delivery
from messages.errors import UnknownSender, Unverified
from messages.ids import AgencyHandle, ContactHandle, MessageId, ViewId, contact_handle, message_text
from messages.recalls import Recall, RecallDelivery, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A recall that holds, about one view of ours."""

    recall: Recall
    view_id: ViewId
    view: bytes  # D("view", view bytes) of the copy that it is about
    signer: ContactHandle
    agency: AgencyHandle


def check(data: bytes, to: ContactHandle, directory: Directory) -> Checked:
    """The recall that arrived, or the `RemoteError` that says what does not hold. `belongs` holds it to the copy."""
    delivery = RecallDelivery.from_bytes(data)
    signer = directory.contact(delivery.recall.by)
    if signer is None:
        raise UnknownSender("A recall is by nobody whom we know.")
    claimed = Recall.from_bytes(delivery.recall.body)
    recall = Recall.from_bytes(verify(delivery.recall, Tag.RECALL, signer.key_at(claimed.at)))
    if signer.mandate_at(recall.at) is None:
        raise UnknownSender("A recall is by a contact that had no mandate.")
    record = record_of(delivery.record, "recall")
    if (
        not isinstance(record, ActRecord)
        or (record.act, record.outcome, record.subject, record.recipient)
        != (RECALL_ORDERED, recall.standing.value, recall.message, to)
        or record.digest != sha256(delivery.recall.to_bytes()).digest()
        or record.view is None
    ):
        raise Unverified("The record that came with a recall is about something else.")
    return Checked(
        recall=recall, view_id=delivery.view_id, view=record.view, signer=signer.handle, agency=signer.agency
    )


def held_before(data: bytes, agency: AgencyHandle) -> Checked:
    """A recall that `check` let pass when it came, by a contact of this agency then: read again, not verified again."""
    delivery = RecallDelivery.from_bytes(data)
    record = record_of(delivery.record, "recall")
    if not isinstance(record, ActRecord) or record.view is None:
        raise Unverified("The record that came with a recall is about something else.")
    return Checked(
        recall=Recall.from_bytes(delivery.recall.body),
        view_id=delivery.view_id,
        view=record.view,
        signer=contact_handle(delivery.recall.by),
        agency=agency,
    )


def belongs(checked: Checked, incoming: Incoming, directory: Directory) -> None:
    """Raise `Unverified` where the copy is of another message, or of another agency than the one that recalls it."""
    view = Delivery.from_bytes(incoming.delivery).view
    manifest = wire.decode_view(view).manifest
    sender = directory.contact(manifest.sender)
    if digest("view", view) != checked.view or manifest.id != checked.recall.message:
        raise Unverified("The recall is about another view than the one that arrived under its id.")
    if sender is None or sender.agency != checked.agency:
        raise Unverified("The recall is by another agency than the one that sent the message.")


def taken_back(recall: Recall) -> TakenBack:
    """What the journal keeps of one that holds."""
    return TakenBack(recall.standing.value, recall.message, recall.ground.value, recall.corrected_by, recall.at)


def warning(standing: str, ground: str, corrected_by: bytes | None) -> str:
    """What stands above a message that its sender took back."""
    if standing == Standing.CORRECTED and corrected_by is not None:
        return (
            f"CORRECTED by its sender ({ground}): message {message_text(MessageId(corrected_by))} stands in its place."
        )
    return f"RECALLED by its sender ({ground}): do not use it, and take back what you drew from it."
