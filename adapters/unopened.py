"""The word that an urgent message was not opened, as whoever is told checks it. Pure."""

from audit.errors import Unreadable
from audit.record import UNREAD_ESCALATED, ActRecord, read_record
from audit.record import leaf as record_leaf
from audit.tree import leaf_hash
from keys.domains import Tag
from keys.signing import verify
from messages.directory import Bundle
from messages.errors import Malformed, Unverified
from messages.ids import ContactHandle
from messages.unread import UnreadDelivery, UnreadNotice


def check(data: bytes, to: ContactHandle, bundle: Bundle) -> UnreadNotice:
    """The notice, by a worker of the trust bundle, to this very contact, over the record that came with it; else the
    `RemoteError` that says what does not hold.
    """
    delivery = UnreadDelivery.from_bytes(data)
    worker = bundle.directory.worker(delivery.unread.by)
    if worker is None:
        raise Unverified("The notice is not by a worker of the trust bundle.")
    notice = UnreadNotice.from_bytes(verify(delivery.unread, Tag.UNREAD, worker.key))
    if not worker.start <= notice.at < worker.end or notice.to != to:
        raise Unverified("The notice is by a worker whose key was not in force, or to somebody else.")
    if leaf_hash(record_leaf(delivery.salt, delivery.record)) != notice.leaf:
        raise Unverified("The record that came with the notice is not the one that it promises to the log.")
    try:
        record = read_record(delivery.record)
    except Unreadable:
        raise Malformed("The record that came with a notice cannot be read.") from None
    if not isinstance(record, ActRecord) or (record.act, record.outcome, record.subject, record.recipient) != (
        UNREAD_ESCALATED,
        notice.stage.value,
        notice.message,
        notice.recipient,
    ):
        raise Unverified("The record that came with a notice is about something else.")
    return notice
