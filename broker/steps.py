"""What becomes of a view that waits, as evidence named after ETSI REM: handed over, retrieved, or neither in its time.

Pure, as `broker.admit` is. Every step is one record of an act in an entry of its own, stored at most once, whoever
finds out and however often: so any number of brokers may watch, and a crash repeats nothing. The sender is told each
step with its record (`messages.evidence.Step`); what it missed it asks for (`broker.timelines`).

A view is looked at from outside first; before anything is said about it, `read` holds it to its stamp, because what
stands beside it in the store is nobody's signed word.
"""

from dataclasses import dataclass, replace
from hashlib import blake2b, sha256
from typing import Final

from audit.record import UNREAD_ESCALATED, VIEW_DELIVERED, VIEW_EXPIRED, VIEW_PURGED, act_record
from audit.record import leaf as commitment
from audit.tree import leaf_hash
from broker.admit import Admitted, Draft, ViewOut, World
from keys.domains import Tag
from keys.signing import digest, verify
from messages import limits, wire
from messages.directory import Contact, Directory, Mandate
from messages.envelope import Delivery
from messages.errors import UnknownSender, Unverified
from messages.escalation import Stage, clock_of, reached
from messages.evidence import Entry, EvidenceType, Stamp, Step
from messages.ids import AgencyHandle, ContactHandle, MessageId, ViewId
from messages.labels import Keeping, Lane
from messages.manifest import Manifest
from messages.signed import Signed
from messages.unread import UnreadDelivery, UnreadNotice

EXPIRED: Final = "expired"
SHUT_OUT: Final = "recipient-shut-out"
NOTICE_KEPT: Final = 7 * limits.DAY
"""So long after the clock ran out the word that nobody opened the message can still be fetched."""
_ENDED: Final = {EXPIRED: VIEW_EXPIRED, SHUT_OUT: VIEW_PURGED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A view that waits, read and held to the stamp that a worker signed over it."""

    contact: ContactHandle
    view_id: ViewId
    view: bytes  # D("view", view bytes)
    manifest: Manifest
    sender: Contact
    stamp: Signed

    @property
    def message(self) -> MessageId:
        """Of which message it is the view."""
        return self.manifest.id


def read(data: bytes, contact: ContactHandle, view_id: ViewId, directory: Directory) -> Waiting:
    """What waits for `contact` under `view_id`, or the `RemoteError` that says why it is no view of a message."""
    delivery = Delivery.from_bytes(data)
    worker = directory.worker(delivery.stamp.by)
    if worker is None:
        raise Unverified("The stamp is not by a worker of the trust bundle.")
    stamp = Stamp.from_bytes(verify(delivery.stamp, Tag.STAMP, worker.key))
    if stamp.recipient != contact or stamp.view != digest("view", delivery.view):
        raise Unverified("The stamp is about another view.")
    manifest = wire.decode_view(delivery.view).manifest
    sender = directory.contact(manifest.sender)
    if sender is None:
        raise UnknownSender
    return Waiting(
        contact=contact, view_id=view_id, view=stamp.view, manifest=manifest, sender=sender, stamp=delivery.stamp
    )


def delivered(waiting: Waiting, world: World, now: int) -> Admitted:
    """Delivery: an authenticated connection of the recipient has acknowledged the view."""
    return _step(waiting, VIEW_DELIVERED, "handed-over", EvidenceType.DELIVERY, None, world, now)


def ended(waiting: Waiting, why: str, world: World, now: int, *, handed_over: bool) -> Admitted:
    """NonRetrieval, or where it was not even handed over NonDelivery: the view leaves because of `EXPIRED` or
    `SHUT_OUT`.
    """
    outcome = "unretrieved" if handed_over else "undelivered"
    evidence = EvidenceType.NON_RETRIEVAL if handed_over else EvidenceType.NON_DELIVERY
    return _step(waiting, _ENDED[why], outcome, evidence, why, world, now)


def due_stages(waiting: Waiting, world: World, now: int) -> tuple[Stage, ...]:
    """The stages that the view has reached unopened, by what was signed."""
    admitted = Stamp.from_bytes(waiting.stamp.body).admitted
    return reached(admitted, clock_of(waiting.manifest, world.catalogue), now)


def escalated(waiting: Waiting, stage: Stage, world: World, now: int) -> Admitted:
    """That this stage is reached, with a notice to each whom it concerns. Where it finds nobody, its record stands all
    the same, and the next one is still to come.
    """
    admitted = _step(waiting, UNREAD_ESCALATED, stage.value, EvidenceType.SUBMISSION_ACCEPTANCE, None, world, now)
    entry = Entry.from_bytes(Signed.from_bytes(admitted.entry).body)
    salt, record = entry.records[0]
    stamp = Stamp.from_bytes(waiting.stamp.body)
    ends = stamp.admitted + clock_of(waiting.manifest, world.catalogue)
    views = []
    for contact in told_of(waiting, stage, world.bundle.directory, now):
        notice = UnreadNotice(
            to=contact.handle,
            stage=stage,
            message=waiting.message,
            view_id=waiting.view_id,
            recipient=waiting.contact,
            sender=waiting.sender.handle,
            due=ends,
            at=now,
            epoch=world.bundle.epoch,
            leaf=leaf_hash(commitment(salt, record)),
            include_by=now + limits.INCLUDE_BY,
        )
        about = waiting.view_id + stage.value + contact.handle
        views.append(
            ViewOut(
                agency=contact.agency,
                contact=contact.handle,
                lane=Lane.URGENT,
                view_id=ViewId(blake2b(about.encode(), digest_size=16, person=b"sc1-unread").hexdigest()),
                data=UnreadDelivery(
                    unread=world.worker.sign(Tag.UNREAD, notice.to_bytes()), record=record, salt=salt
                ).to_bytes(),
                ttl=max(ends - now, 0) + NOTICE_KEPT,
            )
        )
    return replace(admitted, views=tuple(views))


def told_of(waiting: Waiting, stage: Stage, directory: Directory, now: int) -> list[Contact]:
    """Whom a stage concerns, as the directory stands."""
    recipient = directory.contact(waiting.contact)
    if stage is Stage.SENDER:
        return [waiting.sender]
    if recipient is None or stage is Stage.CONTACT:
        return [recipient] if recipient is not None else []
    others = [c for c in directory.contacts_of(recipient.agency) if c is not recipient and c.may_log_in(now)]
    if stage is Stage.DEPUTIES:
        return [c for c in others if any(_stands_in(m, recipient, now) for m in c.mandates)]
    return [c for c in others if c.keeping is Keeping.SERVICE and c.mandate_at(now) is not None]


def _stands_in(mandate: Mandate, contact: Contact, now: int) -> bool:
    """On duty or not: whoever may stand in for somebody can look where that person is."""
    return mandate.deputy_for == contact.handle and mandate.revoked is None and mandate.start <= now < mandate.end


def escalation_key(message: bytes, recipient: str, view: bytes, stage: Stage) -> str:
    """Under which key of the sender's agency it stands that a stage was reached."""
    return "u" + blake2b(message + recipient.encode() + view + stage.value.encode(), digest_size=16).hexdigest()


def _step(
    waiting: Waiting, act: str, outcome: str, type_: EvidenceType, code: str | None, world: World, now: int
) -> Admitted:
    stamped = sha256(waiting.stamp.to_bytes()).digest()
    record = act_record(
        at=now,
        epoch=world.bundle.epoch,
        by=world.worker.handle,
        act=act,
        agency=waiting.sender.agency,
        subject=waiting.message,
        recipient=waiting.contact,
        view=waiting.view,
        outcome=outcome,
        digest=stamped,
        signer=waiting.stamp.by,
    )
    draft = Draft(stamped, waiting.sender.agency, world, now)
    about = (waiting.message, waiting.contact, waiting.view)
    key = escalation_key(*about, Stage(outcome)) if act == UNREAD_ESCALATED else step_key(act, *about)
    return draft.told(key, record, limits.LIFETIME, type_=type_, message=waiting.message, code=code)


def step_key(act: str, message: bytes, recipient: str, view: bytes) -> str:
    """Under which key of the sender's agency a step of one view stands."""
    return "v" + blake2b(act.encode() + message + recipient.encode() + view, digest_size=16).hexdigest()


def step_of(entry: bytes) -> Step:
    """What the sender is told of an entry of one record. The entry is our own, or was verified."""
    held = Entry.from_bytes(Signed.from_bytes(entry).body)
    salt, record = held.records[0]
    return Step(evidence=held.evidence, record=record, salt=salt, word=held.word)


def sender_of(data: bytes, directory: Directory) -> AgencyHandle | None:
    """Which agency sent the view that waits in `data`; None where that cannot be told."""
    return directory.home_of(wire.decode_view(Delivery.from_bytes(data).view).manifest.sender)
