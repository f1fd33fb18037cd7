"""What officers have to review is found in the records, and closed by an officer's word alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from audit.record import ActRecord, Record, decision_record, read_record
from broker.tasks import DUE_WITHIN, Task, close_review, find, tasks
from cli.enrol import officer_signer
from keys.domains import KeyKind, Tag
from keys.signing import Signer
from messages.errors import BadInput, RemoteError, Stale, UnknownSender, Unverified
from messages.evidence import Entry
from messages.ids import contact_handle, message_id
from messages.limits import DAY, HOUR, MINUTE
from messages.signed import Signed
from messages.withdrawals import ReviewClosed, ReviewNote
from tests.support.orchid import DESK, SHELTER, TaskForce

MESSAGE = bytes.fromhex("0f0e0d0c0b0a4908870605040302aabb")


@pytest.fixture(scope="module")
def officer(force: TaskForce) -> Signer:
    return officer_signer(force.practice.folder / "officers" / "officer-one", force.passphrase)


def decision(force: TaskForce, **changes: Any) -> Record:
    fields: dict[str, Any] = {
        "at": force.now, "epoch": 1, "by": force.broker.worker.handle, "agency": force.agency(DESK),
        "submission": bytes(32), "message": MESSAGE, "manifest": bytes(32), "sender": force.contact(DESK).handle,
        "recipient": force.contact(SHELTER).handle, "kind": "DUTY-TO-NOTIFY", "outcome": "permitted",
        "rules": ("SC-62", "SC-63"), "sections": (), "view": b"\x07" * 32,
    }  # fmt: skip
    return decision_record(**(fields | changes))


def word(force: TaskForce, of: Record, **changes: Any) -> ReviewClosed:
    fields: dict[str, Any] = {
        "message": message_id(of.message), "recipient": contact_handle(of.recipient), "view": of.view,
        "note": ReviewNote.JUSTIFIED, "at": force.now + HOUR,
    }  # fmt: skip
    return ReviewClosed(**(fields | changes))


def test_every_permitted_vital_interest_is_a_task_and_nothing_else_is(force: TaskForce) -> None:
    vital = decision(force)
    others = [
        decision(force, rules=("SC-61",)),
        decision(force, outcome="refused", view=None),
        decision(force, rules=("SC-63",), outcome="refused", view=None),
    ]
    found = tasks([r.to_bytes() for r in [*others, vital, vital]] + [b"junk"])
    assert [t.decision for t in found] == [vital] and found[0].closed is None
    second = decision(force, recipient=force.contact(DESK).handle, at=force.now - HOUR)
    assert [t.decision for t in tasks([vital.to_bytes(), second.to_bytes()])] == [second, vital], "oldest first"


def test_a_task_is_overdue_after_three_days_until_it_is_done(force: TaskForce) -> None:
    task = Task(id="0" * 12, decision=decision(force))
    assert not task.overdue(force.now + DUE_WITHIN) and task.overdue(force.now + DUE_WITHIN + 1)
    assert DUE_WITHIN == 3 * DAY


def closed(force: TaskForce, officer: Signer) -> tuple[Task, ActRecord]:
    vital = decision(force)
    (task,) = tasks([vital.to_bytes()])
    signed = officer.sign(Tag.REVIEW_CLOSED, word(force, vital).to_bytes())
    admitted = close_review(signed, task, force.world(), force.now + HOUR)
    ((_, raw),) = Entry.from_bytes(Signed.from_bytes(admitted.entry).body).records
    record = read_record(raw)
    assert isinstance(record, ActRecord) and admitted.key.startswith("t" + task.id)
    return task, record


def test_an_officer_s_word_closes_it(force: TaskForce, officer: Signer) -> None:
    task, record = closed(force, officer)
    assert (record.outcome, record.signer, record.agency) == ("justified", officer.handle, None)
    (done,) = tasks([record.to_bytes(), task.decision.to_bytes()])
    assert done.closed == record and not done.overdue(force.now + 9 * DAY)
    with pytest.raises(BadInput, match="done already"):
        find([done], done.id)
    assert find([task], task.id[:4].upper()) == task
    for text in ("", "zzzz", "g"):
        with pytest.raises(BadInput):
            find([task], text)


REFUSED: dict[str, tuple[Callable[[TaskForce, Signer, Record], Signed], type[RemoteError]]] = {
    "by a contact": (
        lambda f, o, r: replace(o.sign(Tag.REVIEW_CLOSED, word(f, r).to_bytes()), by=f.contact(DESK).handle),
        UnknownSender,
    ),
    "by a stranger under an officer's handle": (
        lambda f, o, r: Signer(KeyKind.OFFICER, o.handle, bytes(32)).sign(Tag.REVIEW_CLOSED, word(f, r).to_bytes()),
        Unverified,
    ),
    "of another decision": (
        lambda f, o, r: o.sign(Tag.REVIEW_CLOSED, word(f, r, view=bytes(32)).to_bytes()), Unverified,
    ),
    "before the glass was broken": (
        lambda f, o, r: o.sign(Tag.REVIEW_CLOSED, word(f, r, at=f.now - 1).to_bytes()), Stale,
    ),
    "of tomorrow": (
        lambda f, o, r: o.sign(Tag.REVIEW_CLOSED, word(f, r, at=f.now + HOUR + 3 * MINUTE).to_bytes()), Stale,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_nothing_else_closes_it(force: TaskForce, officer: Signer, what: str) -> None:
    make, error = REFUSED[what]
    vital = decision(force)
    (task,) = tasks([vital.to_bytes()])
    with pytest.raises(error):
        close_review(make(force, officer, vital), task, force.world(), force.now + HOUR)


def test_an_officer_out_of_office_closes_nothing(force: TaskForce, officer: Signer) -> None:
    vital = decision(force)
    (task,) = tasks([vital.to_bytes()])
    signed = officer.sign(Tag.REVIEW_CLOSED, word(force, vital).to_bytes())
    ends = next(o.end for o in force.bundle.directory.officers if o.handle == officer.handle)
    with pytest.raises(Unverified, match="not in office"):
        close_review(signed, task, force.world(), ends)
