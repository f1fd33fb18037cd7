"""The word that an urgent message was not opened, as whoever is told checks it. Pure."""

from adapters.promised import promised, record_of
from audit.record import UNREAD_ESCALATED, ActRecord
from keys.domains import Tag
from messages.directory import Bundle
from messages.errors import Unverified
from messages.ids import ContactHandle
from messages.unread import UnreadDelivery, UnreadNotice


def check(data: bytes, to: ContactHandle, bundle: Bundle) -> UnreadNotice:
    """The notice, by a worker of the trust bundle, to this very contact, over the record that came with it; else the
    `RemoteError` that says what does not hold.
    """
    delivery = UnreadDelivery.from_bytes(data)
    notice = promised(
        delivery.unread, Tag.UNREAD, UnreadNotice.from_bytes, delivery.salt, delivery.record, bundle.directory, "notice"
    )
    if notice.to != to:
        raise Unverified("The notice is to somebody else.")
    record = record_of(delivery.record, "notice")
    if not isinstance(record, ActRecord) or (record.act, record.outcome, record.subject, record.recipient) != (
        UNREAD_ESCALATED,
        notice.stage.value,
        notice.message,
        notice.recipient,
    ):
        raise Unverified("The record that came with a notice is about something else.")
    return notice
