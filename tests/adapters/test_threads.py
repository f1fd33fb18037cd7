"""Threads and workflows in the journal: what stands, what is due, and which papers are kept."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters import threads
from adapters.client import AgencyClient, Received
from adapters.journal import ACCEPTED, QUEUED, REJECTED, Journal, Step
from adapters.receiving import Opened
from adapters.threads import Standing, all_standing, check_move, check_reply, due_at, source_of, standing
from keys.domains import Tag
from messages.attestations import Acceptance, Permission
from messages.catalogue import load
from messages.errors import BadInput, ContentRefused
from messages.ids import AgencyHandle, ViewId
from messages.labels import Caveat, Keeping, Kind, Lift, Lineage, Purpose, Urgency
from messages.limits import DAY, HOUR
from messages.workflows import BEGIN
from tests.support.orchid import DESK, PROSECUTOR, SHELTER, TaskForce

T0 = 1_800_000_000_000
AGENCY = AgencyHandle("aabcdefghijk2")
CATALOGUE = load()


def step(number: int, event: str, **changed: object) -> Step:
    fields = {
        "message": bytes([number]) * 16,
        "agency": AGENCY,
        "outgoing": number % 2 == 1,
        "contact": "cabcdefghijk2",
        "thread": b"t" * 16,
        "kind": Kind.RFI.value,
        "event": event,
        "urgency": Urgency.ISD_NORMAL.value,
        "at": T0 + number * HOUR,
        "view": None,
    }
    return Step(**(fields | changed))  # type: ignore[arg-type]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    kept = Journal(tmp_path / "journal.db")
    yield kept
    kept.close()


def keep(journal: Journal, *steps: Step, state: str = ACCEPTED) -> None:
    for one in steps:
        if one.outgoing:
            journal.save(one.message + b"s" * 16, one.message, one.contact, b"x", one.at, state=QUEUED, steps=[one])
            if state != QUEUED:
                journal.answered(one.message + b"s" * 16, b"e", accepted=state == ACCEPTED, repeated=False)
        else:
            journal.received(f"{one.message[0]:032x}", one.contact, b"d", one.at)
            journal.opening(f"{one.message[0]:032x}", b"r", None, one)


def one(journal: Journal, now: int) -> Standing:
    (found,) = all_standing(journal, CATALOGUE, now)
    return found


def test_a_request_stands_as_its_messages_make_it(journal: Journal) -> None:
    keep(journal, step(1, BEGIN))
    assert (one(journal, T0 + 2 * HOUR).state, one(journal, T0).due) == ("open", T0 + HOUR + 7 * DAY)
    keep(journal, step(2, "acknowledge", kind=Kind.ACK.value))
    assert one(journal, T0 + 3 * HOUR).state == "acknowledged"
    keep(journal, step(4, "answer", kind=Kind.RFI_RESPONSE.value))
    found = one(journal, T0 + 100 * DAY)
    assert (found.state, found.due, found.ours, found.last) == ("answered", None, True, T0 + 4 * HOUR)


def test_what_nobody_answers_is_overdue_by_the_clock_alone(journal: Journal) -> None:
    keep(journal, step(1, BEGIN))
    due = one(journal, T0).due
    assert due is not None
    assert one(journal, due).state == "open" and one(journal, due + 1).state == "overdue"
    assert one(journal, T0 + 2 * HOUR).state == "open"  # looking changed nothing


def test_the_clock_stands_while_an_authorisation_is_needed(journal: Journal) -> None:
    keep(journal, step(1, BEGIN), step(2, "pause", kind=Kind.RFI_RESPONSE.value, at=T0 + DAY))
    paused = one(journal, T0 + 300 * DAY)
    assert (paused.state, paused.due) == ("paused-judicial", None)
    keep(journal, step(4, "resume", kind=Kind.ACK.value, at=T0 + 11 * DAY))
    resumed = one(journal, T0 + 12 * DAY)
    assert (resumed.state, resumed.due) == ("acknowledged", T0 + HOUR + 17 * DAY)
    assert one(journal, T0 + HOUR + 17 * DAY + 1).state == "overdue"


def test_a_message_that_the_broker_refused_is_no_step(journal: Journal) -> None:
    keep(journal, step(1, BEGIN), state=REJECTED)
    assert all_standing(journal, CATALOGUE, T0) == []
    keep(journal, step(3, BEGIN, thread=b"u" * 16), state=QUEUED)
    assert one(journal, T0).message == bytes([3]) * 16


def test_a_step_is_noted_once_and_two_threads_do_not_mix(journal: Journal) -> None:
    keep(journal, step(1, BEGIN), step(2, "answer"), step(2, "refuse"), step(3, BEGIN, thread=b"u" * 16))
    states = {s.thread: s.state for s in all_standing(journal, CATALOGUE, T0)}
    assert states == {b"t" * 16: "answered", b"u" * 16: "open"}
    assert [s.event for s in journal.steps(AGENCY, b"t" * 16)] == [BEGIN, "answer"]
    assert journal.knows_thread(AGENCY, b"t" * 16)
    assert not journal.knows_thread(AGENCY, b"v" * 16) and not journal.knows_thread("aother2345672", b"t" * 16)


def test_a_step_that_the_workflow_cannot_take_is_refused_before_it_is_sent(journal: Journal) -> None:
    offered = step(2, BEGIN, kind=Kind.VICTIM_REFERRAL.value, urgency=Urgency.REF_URGENT.value)
    keep(journal, offered)
    check_move(journal, CATALOGUE, AGENCY, b"t" * 16, "accept", T0 + DAY)
    with pytest.raises(BadInput, match="lapsed of REFERRAL"):
        check_move(journal, CATALOGUE, AGENCY, b"t" * 16, "accept", T0 + 4 * DAY)
    keep(journal, step(3, "reject", kind=Kind.REFERRAL_DECISION.value))
    with pytest.raises(BadInput, match="rejected of REFERRAL"):
        check_move(journal, CATALOGUE, AGENCY, b"t" * 16, "accept", T0 + DAY)
    check_move(journal, CATALOGUE, AGENCY, b"n" * 16, "accept", T0)  # nothing began there: the broker's rules decide
    check_move(journal, CATALOGUE, AGENCY, b"t" * 16, "", T0)


def test_messages_that_begin_nothing_make_no_workflow() -> None:
    report = step(1, "", kind=Kind.INTEL_REPORT.value)
    assert standing([report], CATALOGUE, T0) is None
    assert standing([], CATALOGUE, T0) is None


def test_what_is_due_is_the_legal_clock_or_the_kinds_own_limit_whichever_comes_first() -> None:
    assert due_at(Kind.RFI, Urgency.ISD_URGENT_DIRECT, T0, CATALOGUE) == T0 + 8 * HOUR
    assert due_at(Kind.RFI, Urgency.NONE, T0, CATALOGUE) is None
    assert due_at(Kind.EVIDENCE_RECEIPT, Urgency.NONE, T0, CATALOGUE) == T0 + DAY
    assert due_at(Kind.EVIDENCE_RECEIPT, Urgency.ISD_URGENT_DIRECT, T0, CATALOGUE) == T0 + 8 * HOUR
    assert due_at(Kind.OFFICER_SAFETY, Urgency.NONE, T0, CATALOGUE) == T0 + 15 * 60_000
    five = due_at(Kind.DISSEMINATION_PERMISSION, Urgency.NONE, T0, CATALOGUE)
    assert five is not None and T0 + 5 * DAY <= five <= T0 + 9 * DAY


def delivered(force: TaskForce, **options: object) -> Opened:
    (view,) = force.admit(force.send("08-organisations.json", PROSECUTOR, **options)).views  # type: ignore[arg-type]
    return force.open(view.data, PROSECUTOR)


def test_a_source_binds_by_the_first_date_of_deletion_the_agreement_or_its_objects_say(force: TaskForce) -> None:
    opened = delivered(force)
    agreements = {a.id: a for a in force.agreements}
    found = source_of("v" * 32, opened, T0, agreements, force.bundle.directory)
    days = agreements[opened.agreement].retention_days
    assert found.delete_by == T0 + days * DAY and found.address == DESK
    assert (found.thread, found.message) == (opened.thread, opened.manifest.id)
    assert source_of("v" * 32, opened, T0, {}, force.bundle.directory).delete_by == T0  # nothing says that it may stay
    name = next(n for n in opened.sections if n != "cover")
    dated = {**opened.sections[name], "handling": {"tlp": "RED", "h": "H2", "delete_on": "2027-01-20"}}
    dated["originator_conditions"] = ["ORCON"]
    handling = replace(opened.manifest.handling, caveats=(Caveat.NOFORN,), rel_to=("GB",))
    marked = replace(
        opened,
        sections={**opened.sections, name: dated},
        manifest=replace(opened.manifest, handling=handling),
    )
    found = source_of("v" * 32, marked, T0, agreements, force.bundle.directory)
    assert found.delete_by == 1_800_489_600_000  # the end of that day
    assert set(found.marks) == {"ORCON", "NOFORN", "REL-TO-GB"}
    assert found.conditions == opened.sections["cover"]["conditions"]


def test_a_replys_thread_is_one_that_we_know_or_that_of_the_message_it_names(
    force: TaskForce, journal: Journal
) -> None:
    opened = delivered(force)
    check_reply(opened, journal, None)  # it is no reply
    said = replace(opened, manifest=replace(opened.manifest, lineage=Lineage.REPLY))
    with pytest.raises(ContentRefused, match="thread"):
        check_reply(said, journal, None)
    with pytest.raises(ContentRefused, match="thread"):
        check_reply(said, journal, b"x" * 16)
    check_reply(said, journal, said.thread)
    keep(journal, step(1, BEGIN, thread=said.thread, agency="aother2345672"))
    with pytest.raises(ContentRefused, match="thread"):
        check_reply(said, journal, None)  # another agency's thread
    keep(journal, step(3, BEGIN, thread=said.thread, agency=said.sender.agency))
    check_reply(said, journal, None)


def test_papers_are_kept_for_whom_they_are_and_until_they_end(force: TaskForce, journal: Journal) -> None:
    own, shelter = force.agency("harbour-police"), force.contact(SHELTER)
    acceptance = Acceptance(
        message=force.one("03-referral-adult.json", SHELTER).header.id,
        manifest=bytes(32),
        referrer=own,
        recipient=shelter.handle,
        accepted=True,
        at=force.now,
    )
    prosecutor = force.contact(PROSECUTOR)
    permission = Permission(
        message=acceptance.message,
        originator=prosecutor.handle,
        grantee=own,
        recipient=shelter.agency,
        purposes=(Purpose.INVESTIGATE,),
        lifts=(Lift.ONWARD,),
        at=force.now,
        expires=force.now + DAY,
    )
    papers = (
        force.keys(SHELTER).signer.sign(Tag.ACCEPTANCE, acceptance.to_bytes()),
        force.keys(PROSECUTOR).signer.sign(Tag.PERMISSION, permission.to_bytes()),
    )
    opened = replace(delivered(force), papers=papers)
    threads.keep_papers(opened, journal, force.agency("valea-police"))
    assert journal.papers(force.now) == []  # neither is for them
    for _ in range(2):
        threads.keep_papers(opened, journal, own)
    found = threads.held(journal, force.bundle.directory, force.now)
    assert found.papers.acceptances == ((acceptance, shelter.agency),)
    assert [p for p, _, _ in found.papers.permissions] == [permission]
    assert set(found.signed) == {acceptance.to_bytes(), permission.to_bytes()}
    assert threads.held(journal, force.bundle.directory, force.now + DAY).papers.permissions == ()
    assert journal.papers(force.now + 91 * DAY) == []


def test_what_waits_for_an_acceptance_goes_when_its_time_is_over(journal: Journal, tmp_path: Path) -> None:
    journal.keep_sealed(b"m" * 16, b"sealed", T0 + DAY)
    journal.keep_sealed(b"m" * 16, b"other", T0 + 9 * DAY)
    assert journal.sealed(b"m" * 16, T0) == b"sealed" and journal.sealed(b"m" * 16, T0 + DAY) is None
    journal.keep_sealed(b"n" * 16, b"sealed", T0 + 5 * DAY)
    journal.forget_sealed(T0 + 2 * DAY)
    with sqlite3.connect(tmp_path / "journal.db") as db:
        assert db.execute("SELECT count(*) FROM kept").fetchone() == (1,)
    journal.forget_sealed(T0, b"n" * 16)
    assert journal.sealed(b"n" * 16, T0) is None


@dataclass
class Desk:
    """What `follow` looks at of an adapter, and what it does with it."""

    keeping: Keeping
    own: AgencyHandle
    completed: list[bytes] = field(default_factory=list)
    fails: bool = False

    @property
    def keys(self) -> Any:
        return SimpleNamespace(contact=SimpleNamespace(keeping=self.keeping))

    @property
    def home(self) -> Any:
        return SimpleNamespace(agency=SimpleNamespace(handle=self.own))

    async def complete(self, offer: bytes) -> tuple[None, list[str]]:
        if self.fails:
            raise BadInput("No.")
        self.completed.append(offer)
        return None, ["sent"]


async def test_a_service_completes_what_was_accepted_and_a_persons_key_is_never_used_for_it(force: TaskForce) -> None:
    own = force.agency("harbour-police")
    said = Acceptance(
        message=force.one("03-referral-adult.json", SHELTER).header.id,
        manifest=bytes(32),
        referrer=own,
        recipient=force.contact(SHELTER).handle,
        accepted=True,
        at=force.now,
    )

    def heard(acceptance: Acceptance) -> Received:
        signed = force.keys(SHELTER).signer.sign(Tag.ACCEPTANCE, acceptance.to_bytes())
        return Received(view_id=ViewId("0" * 32), received=T0, opened=replace(delivered(force), papers=(signed,)))

    async def followed(desk: Desk, received: Received) -> list[Any]:
        return await AgencyClient.follow(desk, received)  # type: ignore[arg-type]

    service = Desk(Keeping.SERVICE, own)
    assert await followed(service, heard(said)) == ["sent"] and service.completed == [said.message]
    for desk, received in (
        (Desk(Keeping.PERSON, own), heard(said)),
        (Desk(Keeping.SERVICE, own), heard(replace(said, accepted=False))),
        (Desk(Keeping.SERVICE, force.agency("valea-police")), heard(said)),
        (Desk(Keeping.SERVICE, own, fails=True), heard(said)),
        (Desk(Keeping.SERVICE, own), Received(view_id=ViewId("0" * 32), received=T0, opened=None)),
    ):
        assert await followed(desk, received) == [] and desk.completed == []
