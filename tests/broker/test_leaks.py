"""Reports of leaks at the worker: who may say what of which view, said once, and passed on to the sender alone."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from adapters import quarantine
from audit.record import ActRecord, read_record
from broker.leaks import leak_key, reported
from keys.domains import Tag
from keys.signing import digest
from messages.envelope import Delivery
from messages.errors import Malformed, RemoteError, Unverified
from messages.evidence import Entry, EvidenceType
from messages.ids import ViewId
from messages.leaks import LeakDelivery, LeakGround, LeakPlace, LeakReport
from messages.limits import HOUR
from messages.signed import Signed
from messages.waiting import claimed
from tests.broker.test_worker import Desk, fake_desk, flood, take
from tests.support.orchid import DEPUTY, DESK, INSPECTORS, PROSECUTOR, TaskForce

PLACES = (LeakPlace("a01.1.narrative", "gist", "phone"),)


async def delivered(force: TaskForce) -> tuple[Desk, LeakReport]:
    """A message that waits for the inspectors, and the report that they make of it."""
    bus, desk = fake_desk(force)
    for agency in force.bundle.directory.agencies:
        for contact in force.bundle.directory.contacts_of(agency.handle):
            await bus.broker().ensure_consumers(agency.handle, contact.handle)
    envelope = force.send("02-labour-disclosure.json", INSPECTORS)
    await desk.work(envelope.to_bytes())
    stored = await desk.port.entry(force.agency(DESK), envelope.manifest.id.hex())
    assert stored is not None
    ((view_id, recipient, view),) = Entry.from_bytes(Signed.from_bytes(stored.data).body).views
    (raw,) = await take(desk, INSPECTORS, 1)
    assert digest("view", Delivery.from_bytes(raw).view) == view
    return desk, LeakReport(
        message=envelope.manifest.id, view_id=view_id, view=view, sender=force.contact(DESK).handle,
        recipient=recipient, by=None, ground=None, places=PLACES, at=force.now,
    )  # fmt: skip


def signed(force: TaskForce, report: LeakReport, by: str = INSPECTORS) -> bytes:
    return force.keys(by).signer.sign(Tag.LEAK, report.to_bytes()).to_bytes()


async def test_a_report_is_taken_from_an_agency_that_hands_in_garbage_too(force: TaskForce) -> None:
    desk, report = await delivered(force)
    await flood(desk, INSPECTORS)
    ((evidence, _),) = await desk.work(signed(force, report), by=INSPECTORS, kind="leak")
    assert evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE


async def test_a_report_is_recorded_once_and_waits_for_the_sender_word_for_word(force: TaskForce) -> None:
    desk, report = await delivered(force)
    raw = signed(force, report)
    ((evidence, repeated),) = await desk.work(raw, by=INSPECTORS, kind="leak")
    assert (evidence.type, repeated) == (EvidenceType.SUBMISSION_ACCEPTANCE, False)
    (told,) = await take(desk, DESK, 1)
    assert claimed(told) == "leak" and LeakDelivery.from_bytes(told).leak.to_bytes() == raw
    record = read_record(LeakDelivery.from_bytes(told).record)
    assert isinstance(record, ActRecord) and record.digest == sha256(raw).digest()
    assert (record.act, record.outcome, record.subject) == ("leak-suspected", "kept-aside", report.message)
    assert b"gist" not in LeakDelivery.from_bytes(told).record  # the log has not even the places

    ((_, again),) = await desk.work(raw, by=INSPECTORS, kind="leak")
    ((other, _),) = await desk.work(signed(force, replace(report, at=force.now - 1)), by=INSPECTORS, kind="leak")
    assert again and other.code == "replayed"
    released = replace(report, by=report.recipient, ground=LeakGround.FALSE_ALARM)
    ((after, _),) = await desk.work(signed(force, released), by=INSPECTORS, kind="leak")
    assert after.type is EvidenceType.SUBMISSION_ACCEPTANCE
    stored = await desk.port.entry(force.agency(INSPECTORS), leak_key(released))
    assert stored is not None
    held = [r for _, r in Entry.from_bytes(Signed.from_bytes(stored.data).body).records]
    assert [r.outcome for r in reported([*held, b"nonsense"])] == ["false-alarm"]


@pytest.mark.parametrize(
    ("code", "by", "changes"),
    [
        ("unverified", INSPECTORS, {"view": bytes(32)}),
        ("unverified", INSPECTORS, {"view_id": ViewId("0" * 32)}),
        ("unverified", INSPECTORS, {"message": bytes(6) + b"\x40\0\x80" + bytes(7)}),
        ("undesignated-sender", INSPECTORS, {"sender": PROSECUTOR}),  # whom the inspectors do not know
        ("undesignated-sender", PROSECUTOR, {}),  # somebody else's view
        ("unverified", PROSECUTOR, {"recipient": PROSECUTOR}),  # a view that it never got
        ("stale", INSPECTORS, {"at": HOUR}),
    ],
)
async def test_nobody_reports_what_was_not_delivered_to_it(
    force: TaskForce, code: str, by: str, changes: dict[str, Any]
) -> None:
    desk, report = await delivered(force)
    for name in ("sender", "recipient"):
        if name in changes:
            changes = {**changes, name: force.contact(changes[name]).handle}
    if "at" in changes:
        changes = {"at": force.now + HOUR}
    ((evidence, _),) = await desk.work(signed(force, replace(report, **changes), by), by=by, kind="leak")
    assert evidence.type is EvidenceType.SUBMISSION_REJECTION
    assert evidence.code == code
    marker = await desk.work(signed(force, report), by=INSPECTORS, kind="leak")
    assert marker[0][0].type is EvidenceType.SUBMISSION_ACCEPTANCE
    (told,) = await take(desk, DESK, 1)  # the true one alone
    assert LeakReport.from_bytes(LeakDelivery.from_bytes(told).leak.body) == report


async def test_nonsense_is_refused_on_record(force: TaskForce) -> None:
    desk, _ = await delivered(force)
    for raw in (b"", b"nonsense"):
        ((evidence, _),) = await desk.work(raw, by=INSPECTORS, kind="leak")
        assert evidence.code == "malformed"


class Sent:
    """A journal that knows one message."""

    def __init__(self, data: bytes | None) -> None:
        self._data = data

    def sent(self, _message: bytes) -> Any:
        return type("Outgoing", (), {"data": self._data})() if self._data is not None else None


async def test_a_sender_believes_only_whom_it_sent_that_message(force: TaskForce) -> None:
    desk, report = await delivered(force)
    await desk.work(signed(force, report), by=INSPECTORS, kind="leak")
    (told,) = await take(desk, DESK, 1)
    handle, bundle = force.contact(DESK).handle, force.bundle
    envelope = force.send("02-labour-disclosure.json", INSPECTORS).to_bytes()
    journal: Any = Sent(envelope)
    assert quarantine.heard(told, handle, bundle, journal).places == PLACES

    elsewhere: Any = Sent(force.send("01-full-report.json", PROSECUTOR).to_bytes())
    nothing: Any = Sent(None)
    delivery = LeakDelivery.from_bytes(told)
    forged = replace(delivery, leak=replace(delivery.leak, body=replace(report, at=1).to_bytes()))
    spoken = replace(delivery, leak=force.keys(PROSECUTOR).signer.sign(Tag.LEAK, report.to_bytes()))
    released = replace(report, by=report.recipient, ground=LeakGround.FALSE_ALARM)
    otherwise = replace(delivery, leak=force.keys(INSPECTORS).signer.sign(Tag.LEAK, released.to_bytes()))
    for data, to, known in (
        (told, handle, elsewhere),
        (told, handle, nothing),
        (told, force.contact(DEPUTY).handle, journal),
        (forged.to_bytes(), handle, journal),
        (spoken.to_bytes(), handle, journal),
        (otherwise.to_bytes(), handle, journal),  # its record is about something else
    ):
        with pytest.raises(Unverified):
            quarantine.heard(data, to, bundle, known)
    with pytest.raises(Malformed):
        quarantine.heard(replace(delivery, record=b"x").to_bytes(), handle, bundle, journal)
    with pytest.raises(RemoteError):
        quarantine.heard(b"nonsense", handle, bundle, journal)
