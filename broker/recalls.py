"""When a sender recalls or corrects a message: what follows, for whoever got a view of it (LED art. 7(3)).

Pure, as `broker.admit` is. The order in which the worker does it makes it hold after any crash:

1. the word is stored (`recalled`), once for each of the two things that it can say of a message;
2. for each view that the message's entry lists an order is stored with its delivery to the holder, once (`order`);
3. the view is taken away, if it waits, and the sender is told;
4. whoever handed the word in is answered.

All views of a message are in its entry, so no holder can be missed and none comes later.
"""

from dataclasses import dataclass, replace
from hashlib import blake2b, sha256
from typing import Final

from audit.record import MESSAGE_RECALLED, RECALL_ORDERED, act_record
from broker.admit import Admitted, Draft, ViewOut, World, own_contact, submission_digest
from keys.domains import Tag
from keys.signing import verify
from messages import limits
from messages.errors import Stale, UnknownSender
from messages.evidence import Entry, EvidenceType
from messages.ids import AgencyHandle, ContactHandle, ViewId
from messages.labels import Lane
from messages.recalls import Recall, RecallDelivery, Standing
from messages.signed import Signed

UNKNOWN: Final = "message-unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A recall that was checked."""

    recall: Recall
    signed: Signed
    agency: AgencyHandle
    submission: bytes

    @property
    def digest(self) -> bytes:
        """How records name it."""
        return sha256(self.signed.to_bytes()).digest()


def read(raw: bytes, submitter: AgencyHandle, world: World, now: int) -> Word:
    """The word, or raise the `RemoteError` that says why it is refused."""
    signed = Signed.from_bytes(raw, limits.ATTESTATION_BYTES)
    contact = own_contact(signed, submitter, world.bundle.directory)
    recall = Recall.from_bytes(verify(signed, Tag.RECALL, contact.key_at(now)))
    mandate = contact.mandate_at(now)
    if mandate is None or not mandate.may_send:
        raise UnknownSender("A message is recalled by a contact of its agency that may send.")
    if not now - limits.ADMISSION_WINDOW <= recall.at <= now + limits.CLOCK_SKEW:
        raise Stale("The recall is too old or dated in the future; sign it again.")
    return Word(recall=recall, signed=signed, agency=submitter, submission=submission_digest(raw))


def recalled(word: Word, entry: Entry | None, world: World, now: int) -> Admitted:
    """What follows: a record. `entry` is that of the message under the submitting agency, as it is stored."""
    draft = Draft(word.submission, word.agency, world, now)
    if entry is None or not entry.views:
        return draft.refuse(UNKNOWN, None, None)
    record = act_record(
        at=now,
        epoch=world.bundle.epoch,
        by=world.worker.handle,
        act=MESSAGE_RECALLED,
        agency=word.agency,
        subject=word.recall.message,
        outcome=word.recall.standing.value,
        digest=word.digest,
        signer=word.signed.by,
    )
    key = recall_key(word.recall.message, word.recall.standing)
    return draft.told(key, record, limits.LIFETIME, message=word.recall.message)


def order(
    word: Word, view: tuple[ViewId, ContactHandle, bytes], *, retrieved: bool, world: World, now: int
) -> Admitted:
    """The order to the holder of one view. `retrieved`: whether it has signed for it; else it is taken away unopened,
    and the order's evidence says so.
    """
    view_id, recipient, digest = view
    draft = Draft(word.submission, word.agency, world, now)
    record = act_record(
        at=now,
        epoch=world.bundle.epoch,
        by=world.worker.handle,
        act=RECALL_ORDERED,
        agency=word.agency,
        subject=word.recall.message,
        recipient=recipient,
        view=digest,
        outcome=word.recall.standing.value,
        digest=word.digest,
        signer=word.signed.by,
    )
    told = draft.told(
        order_key(word.recall.message, recipient, digest, word.recall.standing),
        record,
        limits.LIFETIME,
        type_=EvidenceType.SUBMISSION_ACCEPTANCE if retrieved else EvidenceType.NON_RETRIEVAL,
        message=word.recall.message,
        code=None if retrieved else word.recall.standing.value,
    )
    contact = world.bundle.directory.contact(recipient)
    if contact is None:
        return told
    salt, data, _ = draft.last
    about = f"{view_id}{word.recall.standing.value}".encode()
    waits = ViewOut(
        agency=contact.agency,
        contact=recipient,
        lane=Lane.URGENT,
        view_id=ViewId(blake2b(about, digest_size=16, person=b"sc1-recall").hexdigest()),
        data=RecallDelivery(recall=word.signed, view_id=view_id, record=data, salt=salt).to_bytes(),
        ttl=limits.LIFETIME,
    )
    return replace(told, views=(waits,))


def recall_key(message: bytes, standing: Standing) -> str:
    """Under which key of the sender's agency its word on a message stands."""
    return "m" + blake2b(message + standing.value.encode(), digest_size=16).hexdigest()


def order_key(message: bytes, recipient: str, view: bytes, standing: Standing) -> str:
    """Under which key of the sender's agency the order to one holder stands."""
    return "n" + blake2b(message + recipient.encode() + view + standing.value.encode(), digest_size=16).hexdigest()
