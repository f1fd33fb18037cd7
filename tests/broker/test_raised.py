"""Alarms of adapters at the worker: who may raise which, once an hour, bounded, shown as long as they last."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from audit.record import ActRecord, read_record
from broker.raised import STANDS, raised, raised_key, standing
from broker.recordsdb import line_of
from broker.worker import ALARMS
from keys.domains import Tag
from messages import cbor, limits
from messages.directory import Contact
from messages.errors import Malformed, RemoteError
from messages.evidence import Entry, EvidenceType
from messages.ids import ContactHandle
from messages.limits import DAY, HOUR
from messages.raised import BYTES, Raised, What, raised_in
from messages.signed import Signed
from tests.broker.test_worker import Desk, entries, fake_desk
from tests.support.orchid import DESK, INSPECTORS, PROSECUTOR, TaskForce


def alarm(force: TaskForce, what: What = What.LOG_DIFFERS, **changed: Any) -> Raised:
    made = Raised(what=what, contact=force.contact(PROSECUTOR).handle, hour=raised_in(force.now))
    return replace(made, **changed)


def signed(force: TaskForce, said: Raised, by: str = PROSECUTOR) -> bytes:
    return force.keys(by).signer.sign(Tag.ADAPTER_ALARM, said.to_bytes()).to_bytes()


async def hand_in(desk: Desk, raw: bytes, by: str = PROSECUTOR) -> str | None:
    ((evidence, _),) = await desk.work(raw, by=by, kind="alarm")
    return evidence.code


async def test_an_alarm_is_recorded_once_an_hour_whoever_hands_it_in_again(force: TaskForce) -> None:
    bus, desk = fake_desk(force)
    raw = signed(force, alarm(force))
    ((evidence, repeated),) = await desk.work(raw, by=PROSECUTOR, kind="alarm")
    assert (evidence.type, repeated) == (EvidenceType.SUBMISSION_ACCEPTANCE, False)
    stored = await desk.port.entry(force.agency(PROSECUTOR), raised_key(alarm(force)))
    assert stored is not None
    ((_, data),) = Entry.from_bytes(Signed.from_bytes(stored.data).body).records
    record = read_record(data)
    assert isinstance(record, ActRecord) and (record.act, record.outcome) == ("alarm-raised", "log-differs")
    assert record.signer == force.contact(PROSECUTOR).handle and record.says.endswith("log-differs.")

    held = entries(bus)
    ((again, repeated),) = await desk.work(raw, by=PROSECUTOR, kind="alarm")
    assert repeated and again == evidence and entries(bus) == held
    assert await hand_in(desk, signed(force, alarm(force, What.NOT_IN_LOG))) is None
    assert await hand_in(desk, signed(force, alarm(force, hour=raised_in(force.now) - HOUR))) is None
    assert len(entries(bus)) == len(held) + 2


@pytest.mark.parametrize(
    ("code", "by", "through"),
    [("unverified", "forged", PROSECUTOR), ("replayed", PROSECUTOR, INSPECTORS), ("undesignated-sender", DESK, DESK)],
)
def test_an_alarm_is_taken_from_the_contact_that_signed_it_through_its_own_agency_alone(
    force: TaskForce, code: str, by: str, through: str
) -> None:
    """A word of another's key, one that another agency hands in, and a colleague's about somebody else's adapter."""
    raw = signed(force, alarm(force), by if by != "forged" else PROSECUTOR)
    if by == "forged":
        raw = replace(Signed.from_bytes(raw), signature=bytes(64)).to_bytes()
    with pytest.raises(RemoteError) as refused:
        raised(raw, force.agency(through), force.world(), force.now)
    assert refused.value.code == code


def test_an_alarm_of_another_day_or_of_an_hour_to_come_is_refused(force: TaskForce) -> None:
    hour = raised_in(force.now)
    for at, code in ((hour, None), (hour - DAY, None), (hour - DAY - 2 * HOUR, "stale"), (hour + 2 * HOUR, "stale")):
        said = signed(force, alarm(force, hour=at))
        try:
            raised(said, force.agency(PROSECUTOR), force.world(), force.now)
        except RemoteError as error:
            assert error.code == code
        else:
            assert code is None


def test_what_is_too_large_or_says_more_than_a_code_and_an_hour_is_no_alarm(force: TaskForce) -> None:
    fields = cbor.load(alarm(force).to_bytes(), BYTES)
    for bad in (
        fields | {"says": "Anna"},
        fields | {"what": "Anna"},
        fields | {"hour": fields["hour"] + limits.MINUTE},
        fields | {"contact": "x" * BYTES},
    ):
        raw = force.keys(PROSECUTOR).signer.sign(Tag.ADAPTER_ALARM, cbor.dump(bad)).to_bytes()
        with pytest.raises(Malformed):
            raised(raw, force.agency(PROSECUTOR), force.world(), force.now)


def test_a_contact_that_may_not_log_in_raises_no_alarm(force: TaskForce) -> None:
    world = force.world()
    contact = world.bundle.directory.contact(force.contact(PROSECUTOR).handle)
    assert contact is not None
    revoked = [SimpleNamespace(start=m.start, end=m.end, revoked=force.now - 1) for m in contact.mandates]
    about: Any = SimpleNamespace(handle=contact.handle, suspended=(), mandates=revoked)
    assert not Contact.may_log_in(about, force.now)
    about.agency, about.key_at = contact.agency, contact.key_at
    about.may_log_in = lambda moment: Contact.may_log_in(about, moment)
    there: Any = SimpleNamespace(bundle=SimpleNamespace(directory=SimpleNamespace(contact=lambda _: about)))
    with pytest.raises(RemoteError, match="may log in"):
        raised(signed(force, alarm(force)), force.agency(PROSECUTOR), there, force.now)


async def test_of_a_flood_of_alarms_a_bounded_number_is_recorded_and_others_are_still_heard(force: TaskForce) -> None:
    bus, desk = fake_desk(force)
    before = len(entries(bus))
    forged = [
        replace(Signed.from_bytes(signed(force, alarm(force))), signature=bytes([n]) * 64).to_bytes() for n in range(70)
    ]
    await desk.submit(*forged, by=PROSECUTOR, kind="alarm")
    taken = 0
    while taken < len(forged):
        taken += await desk.worker.step(5.0)
    assert len(entries(bus)) - before == ALARMS[1] and desk.worker.dropped == len(forged) - ALARMS[1]
    theirs = Raised(what=What.NOT_IN_LOG, contact=force.contact(INSPECTORS).handle, hour=raised_in(force.now))
    assert await hand_in(desk, signed(force, theirs, INSPECTORS), INSPECTORS) is None


def test_an_alarm_stands_for_a_day_after_it_was_raised_last_and_counts_once(force: TaskForce) -> None:
    def record(index: int, at: int, what: str, contact: str = "c" + "b" * 12) -> Any:
        made = ActRecord(
            at=at, epoch=1, by="w" + "b" * 12, act="alarm-raised", agency="a" + "b" * 12, subject=bytes(16),
            recipient=None, view=None, outcome=what, ground=None, digest=bytes(32), signer=contact,
        )  # fmt: skip
        return line_of(index, made)

    now = force.now
    lines = [
        record(1, now - 3 * HOUR, "log-differs"),
        record(2, now - 2 * HOUR, "log-differs"),
        record(3, now - HOUR, "log-differs", ContactHandle("c" + "d" * 12)),
        record(4, now - STANDS, "not-in-log"),
    ]
    stands = standing(reversed(lines), now)
    assert [(s.index, s.times, s.first) for s in stands] == [(3, 1, now - HOUR), (2, 2, now - 3 * HOUR)]
    assert standing(lines, now + STANDS) == []
