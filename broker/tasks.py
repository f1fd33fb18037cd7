"""What officers have to review: every glass that was broken (R-07). Found from the records, and nowhere else.

A task is a decision that permits by the rule of a vital interest; it is done when an officer has signed what the review
found, which becomes a record of its own. So nobody has to note a task when a message is admitted, and none can be lost:
the log shows both.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import Final

from audit.errors import AuditError
from audit.record import DECISION, PERMITTED, REVIEW_CLOSED, ActRecord, Record, act_record, read_record
from broker.admit import Admitted, Draft, World
from broker.recordsdb import KIND, RULE, RecordsDb
from bus.subjects import OPERATOR
from keys.domains import Tag
from keys.signing import verify
from messages import limits
from messages.errors import BadInput, Stale, UnknownSender, Unverified
from messages.limits import HOUR
from messages.signed import Signed
from messages.withdrawals import ReviewClosed

VITAL: Final = "SC-63"
"""The rule by which a broken glass permits."""
DUE_WITHIN: Final = 72 * HOUR


MOST: Final = 5_000
"""Broken glasses, and their reviews, that are looked at: the newest."""


def leaves(db: RecordsDb) -> list[int]:
    """In which leaves tasks are found. By one mark each, which is soon looked up; `tasks` knows the rest."""
    found = db.latest({(RULE, VITAL): MOST, (KIND, REVIEW_CLOSED): MOST})
    return [index for indices in found.values() for index in indices]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One broken glass: the decision that permitted it, and what its review found if there was one."""

    id: str  # how people name it: the first digits of the entry that closes it
    decision: Record
    closed: ActRecord | None = None

    def overdue(self, now: int) -> bool:
        """Whether it should have been reviewed by now."""
        return self.closed is None and now > self.decision.at + DUE_WITHIN


def tasks(records: Iterable[bytes]) -> list[Task]:
    """All tasks that the records tell of, oldest first. What cannot be read is no task: `audit.fsck` reports it."""
    found: dict[str, Record] = {}
    closed: dict[str, ActRecord] = {}
    for raw in records:
        try:
            record = read_record(raw)
        except AuditError:
            continue
        if isinstance(record, ActRecord) and record.act == REVIEW_CLOSED and record.recipient and record.view:
            closed[task_key(record.subject, record.recipient, record.view)] = record
        elif isinstance(record, Record) and _broken(record):
            assert record.message is not None and record.recipient is not None and record.view is not None  # noqa: S101
            found[task_key(record.message, record.recipient, record.view)] = record
    made = [Task(id=key[1:13], decision=decision, closed=closed.get(key)) for key, decision in found.items()]
    return sorted(made, key=lambda t: t.decision.at)


def _broken(record: Record) -> bool:
    return record.type == DECISION and record.outcome == PERMITTED and VITAL in record.rules


def find(known: Iterable[Task], text: str) -> Task:
    """The open task whose id begins so, or raise `BadInput`."""
    found = [t for t in known if text and t.id.startswith(text.strip().lower())]
    if len(found) != 1:
        raise BadInput(f"There is no one task {text[:40]!r}; see: safeconduct tasks list")
    if found[0].closed is not None:
        raise BadInput("That task is done already.")
    return found[0]


def task_key(message: bytes, recipient: str, view: bytes) -> str:
    """Under which key the entry that closes a task stands."""
    return "t" + blake2b(message + recipient.encode() + view, digest_size=16).hexdigest()


def close_review(signed: Signed, task: Task, world: World, now: int) -> Admitted:
    """The entry by which the log learns that a broken glass was reviewed; raises the `RemoteError` that says why not:
    not signed by an officer in office, or about another decision.
    """
    officer = next((o for o in world.bundle.directory.officers if o.handle == signed.by), None)
    if officer is None:
        raise UnknownSender("A broken glass is reviewed by a security officer.")
    word = ReviewClosed.from_bytes(verify(signed, Tag.REVIEW_CLOSED, officer.key))
    if not officer.start <= now < officer.end:
        raise Unverified("The review is signed by an officer who is not in office.")
    decision = task.decision
    if (word.message, word.recipient, word.view) != (decision.message, decision.recipient, decision.view):
        raise Unverified("The review is about another decision.")
    if not decision.at <= word.at <= now + limits.CLOCK_SKEW:
        raise Stale("The review is dated before the glass was broken, or in the future.")
    record = act_record(
        at=now,
        epoch=world.bundle.epoch,
        by=world.worker.handle,
        act=REVIEW_CLOSED,
        subject=word.message,
        recipient=word.recipient,
        view=word.view,
        outcome=word.note.value,
        digest=sha256(signed.to_bytes()).digest(),
        signer=signed.by,
    )
    draft = Draft(sha256(signed.to_bytes()).digest(), OPERATOR, world, now)
    return draft.told(task_key(word.message, word.recipient, word.view), record, None)
