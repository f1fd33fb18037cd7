"""A recipient's word that a message seems to leak, or that it was released: recorded, and passed on to its sender.

Pure. `report` reads and checks who speaks; `told` says what follows, once the worker has found the entry of the message
and that this very view was delivered to whoever speaks: nobody reports what it did not get, and nobody learns so
whether a message exists.
"""

from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b, sha256

from audit.errors import AuditError
from audit.record import LEAK_RELEASED, LEAK_SUSPECTED, ActRecord, act_record, read_record
from broker import words
from broker.admit import Admitted, Draft, ViewOut, World, submission_digest
from broker.words import Word
from keys.domains import Tag
from messages import limits
from messages.errors import Unverified
from messages.evidence import Entry
from messages.ids import AgencyHandle, ViewId
from messages.labels import Lane
from messages.leaks import LeakDelivery, LeakReport


def read(raw: bytes, submitter: AgencyHandle, world: World, now: int) -> Word[LeakReport]:
    """The report, or raise the `RemoteError` that says why it is refused. `world` is the submitter's own."""
    of, what = LeakReport.from_bytes, "report of a leak"
    return words.read(raw, submitter, world, now, tag=Tag.LEAK, of=of, what=what)


def told(
    raw: bytes, word: Word[LeakReport], entry: Entry | None, submitter: AgencyHandle, world: World, now: int
) -> Admitted:
    """What follows: a record, and the word itself for the sender. `entry` is that of the message, as it is stored."""
    draft = Draft(submission_digest(raw), submitter, world, now)
    report = word.said
    if not word.was_delivered(entry):
        return draft.refuse(Unverified.code, None, None)
    record = act_record(
        at=now,
        epoch=world.bundle.epoch,
        by=world.worker.handle,
        act=LEAK_SUSPECTED if report.ground is None else LEAK_RELEASED,
        agency=submitter,
        subject=report.message,
        recipient=report.recipient,
        view=report.view,
        outcome=_outcome(report),
        digest=sha256(word.signed.to_bytes()).digest(),
        signer=word.signed.by,
    )
    admitted = draft.told(leak_key(report), record, limits.HOLDING_LIFETIME, message=report.message)
    salt, data, _ = draft.last
    waits = ViewOut(
        agency=word.sender,
        contact=report.sender,
        lane=Lane.URGENT,
        view_id=ViewId(blake2b(leak_key(report).encode(), digest_size=16, person=b"sc1-leak").hexdigest()),
        data=LeakDelivery(leak=word.signed, record=data, salt=salt).to_bytes(),
        ttl=limits.LIFETIME,
    )
    return replace(admitted, views=(waits,))


def reported(records: Iterable[bytes]) -> list[ActRecord]:
    """What recipients reported and released, oldest first. What cannot be read is left to `audit.fsck`."""
    found = []
    for raw in records:
        try:
            record = read_record(raw)
        except AuditError:
            continue
        if isinstance(record, ActRecord) and record.act in (LEAK_SUSPECTED, LEAK_RELEASED):
            found.append(record)
    return sorted(found, key=lambda r: r.at)


def leak_key(report: LeakReport) -> str:
    """The entry's key: of one view it is said once that it is kept aside, and once for each ground that it is not."""
    about = report.message + report.recipient.encode() + report.view + _outcome(report).encode()
    return "l" + blake2b(about, digest_size=16).hexdigest()


def _outcome(report: LeakReport) -> str:
    return report.ground.value if report.ground else "kept-aside"
