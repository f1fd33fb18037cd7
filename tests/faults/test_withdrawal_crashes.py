"""Killed at any step of a withdrawal, at the broker or at a holder: `audit.fsck` judges what is left, and the next
one finishes it. Everybody is told once, nothing waits, nothing is shown that is to be erased.
"""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from adapters import erasure
from adapters.erasure import Eraser, blocked
from adapters.journal import ERASED, Journal
from adapters.shelf import ALARM, NEW, Shelf
from broker.worker import Worker
from keys.domains import Tag
from messages.attestations import Withdrawal
from messages.errors import DependencyError, NotPermitted
from messages.evidence import Answer, Evidence, EvidenceType
from messages.ids import ContactHandle, ViewId
from messages.withdrawals import ErasureConfirmation, KeepGround, NoticeDelivery, WithdrawalSubmission
from tests.fakes.bus import FakeAgency, FakeBroker, FakeBus
from tests.faults.test_log_writes import assert_log_holds, sequencer
from tests.support.consenting import NAME, SAFEGUARDING, Consenting, consenting
from tests.support.orchid import DESK, SHELTER

PORT = ("store", "entry", "holdings", "remove_view", "answer")


class Killed(BaseException):
    """What happens to a process that is killed: no handler of its own runs to any effect."""


@pytest.fixture(scope="module")
def force() -> Consenting:
    return consenting()


class Mortal(FakeBroker):
    """A port whose worker is killed at the `left`-th call, before it has any effect or right after it."""

    left = -1
    after = False

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in PORT:
            return found

        async def called(*args: Any) -> Any:
            self.left -= 1
            if self.left == -1 and not self.after:
                raise Killed
            result = await found(*args)
            if self.left == -1:
                raise Killed
            return result

        return called


def submitted(force: Consenting, consent: bytes, terms: bytes) -> bytes:
    body = Withdrawal(consent=consent, at=force.now).to_bytes()
    signed = force.keys(DESK).signer.sign(Tag.CONSENT_WITHDRAWAL, body)
    return WithdrawalSubmission(withdrawal=signed, terms=terms).to_bytes()


async def answered(agency: FakeAgency) -> list[Evidence]:
    found = []
    while not agency._heard.empty():
        found.append(Evidence.from_bytes(Answer.from_bytes(agency._heard.get_nowait()).evidence.body))
    return found


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
async def test_a_worker_killed_at_any_call_leaves_what_the_next_one_finishes(
    force: Consenting, tmp_path: Path, after: bool
) -> None:
    held = force.countersigned(force.take_down())
    raws = [force.compose(force.resting(held, to=to)).to_bytes() for to in (SHELTER, SAFEGUARDING)]
    word = submitted(force, held.consent.id, held.consent.to_bytes())
    killed = 0
    for calls in range(40):
        bus = FakeBus()
        desk = bus.agency(force.agency(DESK))
        before = Worker(bus.broker(), force.world(), lambda: force.now)
        for raw in raws:
            await desk.submit("message", raw)
        while bus.submissions:
            await before.step(0.1)
        assert len(await bus.broker().holdings(held.consent.id)) == 2
        await answered(desk)
        port = Mortal(bus, None)
        port.left, port.after = calls, after
        dying = Worker(port, force.world(), lambda: force.now)
        await desk.submit("withdrawal", word)
        try:
            while bus.submissions:
                await dying.step(0.1)
        except Killed:
            killed += 1
        else:
            break
        log = sequencer(force, bus, tmp_path / f"log-{after}-{calls}")
        await log.start()
        while await log.step(0.0):
            pass
        assert_log_holds(force, bus, tmp_path / "exported")
        bus.give_back()
        next_one = Worker(bus.broker(), force.world(secret=bytes(32)), lambda: force.now + 1)
        while bus.submissions:
            await next_one.step(0.1)
        while await log.step(0.0):
            pass
        assert_log_holds(force, bus, tmp_path / "exported")
        log.close()
        said = await answered(desk)
        assert said and {e.type for e in said} == {EvidenceType.SUBMISSION_ACCEPTANCE} and len(set(said)) == 1
        orders = [k for k in bus.flow.values() if k.subject.startswith("entry.operator.o")]
        waits = [k.subject.split(".")[2] for k in bus.flow.values() if k.subject.startswith("deliver.")]
        both = [force.contact(SHELTER).handle, force.contact(SAFEGUARDING).handle]
        assert len(orders) == 2
        assert sorted(waits) == sorted([*both, *[force.contact(DESK).handle] * 2])  # the notices, and no view
        refused = Worker(bus.broker(), force.world(), lambda: force.now)
        await desk.submit("message", force.compose(force.resting(held)).to_bytes())
        while bus.submissions:
            await refused.step(0.1)
        ((last,)) = await answered(desk)
        assert last.code == "not-permitted"
    assert killed >= 8, "there is less to be killed at than there was"


# at a holder


@dataclass
class Holder:
    """The shelter's folder with one view and one notice in it, and what carries notices out."""

    force: Consenting
    folder: Path
    view: ViewId
    written: Path

    def open(self) -> tuple[Journal, Shelf, Eraser]:
        journal = Journal(self.folder / "journal.db")
        shelf = Shelf(self.folder, bytes(range(32)))
        return journal, shelf, Eraser(journal, shelf, lambda: self.force.keys(SHELTER), lambda: self.force.now)

    def work(self) -> None:
        """What an adapter does when it starts."""
        journal, shelf, eraser = self.open()
        try:
            for stored in shelf.notices():
                if stored.state == NEW:
                    eraser.take(stored, self.force.bundle)
        finally:
            journal.close()
            shelf.close()

    def said(self) -> list[ErasureConfirmation]:
        from messages.signed import Signed

        journal, shelf, _ = self.open()
        try:
            return [ErasureConfirmation.from_bytes(Signed.from_bytes(d).body) for _, d in shelf.unsaid()]
        finally:
            journal.close()
            shelf.close()


def holder(force: Consenting, folder: Path) -> Holder:
    return asyncio.run(_holder(force, folder))


async def _holder(force: Consenting, folder: Path) -> Holder:
    folder.mkdir()
    held = force.countersigned(force.take_down())
    bus = FakeBus()
    desk = bus.agency(force.agency(DESK))
    worker = Worker(bus.broker(), force.world(), lambda: force.now)
    await desk.submit("message", force.compose(force.resting(held)).to_bytes())
    await worker.step(0.1)
    contact = ContactHandle(force.contact(SHELTER).handle)
    (view,) = [k for k in bus.flow.values() if k.subject.startswith("deliver.")]
    await desk.submit("withdrawal", submitted(force, held.consent.id, held.consent.to_bytes()))
    await worker.step(0.1)
    (notice,) = [k for k in bus.flow.values() if k.subject.startswith(f"deliver.{force.agency(SHELTER)}.")]
    made = Holder(force, folder, ViewId(view.subject.split(".")[4]), folder / "view.json")
    journal, shelf, _ = made.open()
    journal.received(made.view, contact, view.data, force.now)
    shelf.wrote(made.view, made.written)
    made.written.write_text(f"everything about {NAME}")
    shelf.noticed(ViewId(notice.subject.split(".")[4]), contact, notice.data, force.now)
    journal.close()
    shelf.close()
    return made


@pytest.fixture
def place(force: Consenting, tmp_path: Path) -> Holder:
    return holder(force, tmp_path / "holder")


STEPS = ("settle", "withdrawn", "wipe", "erase", "confirm")


def test_what_was_broken_off_at_any_step_is_finished_and_said_once(
    force: Consenting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = 0
    for step in STEPS:
        for late in (False, True):
            made = holder(force, tmp_path / f"{step}-{late}")
            owner: Any = {"wipe": erasure, "erase": Journal}.get(step, Shelf)
            real = getattr(owner, step)

            def killed(*args: Any, real: Any = real, late: bool = late, **named: Any) -> Any:
                if late:
                    real(*args, **named)
                raise Killed

            with monkeypatch.context() as patch:
                patch.setattr(owner, step, killed)
                with pytest.raises(Killed):
                    made.work()
            journal, shelf, _ = made.open()
            if shelf.notices()[0].part is not None:  # once it is known what it is about, nothing is shown
                assert blocked(made.view, journal, shelf) is not None, (step, late)
            journal.close()
            shelf.close()
            made.work()
            (word,) = made.said()
            assert (word.outcome, word.view_id) == ("erased", made.view), (step, late)
            assert_erased(made)
            tried += 1
    assert tried == 10


def assert_erased(made: Holder) -> None:
    journal, shelf, _ = made.open()
    kept = journal.exactly(made.view)
    assert kept is not None and (kept.state, kept.delivery) == (ERASED, b"")
    assert (blocked(made.view, journal, shelf) or "").startswith("erased: consent withdrawn on ")
    journal.close()
    shelf.close()
    assert NAME not in made.written.read_text()


def test_the_bytes_of_an_erased_view_stand_nowhere_in_the_holder_s_folder(place: Holder) -> None:
    journal, shelf, _ = place.open()
    kept = journal.exactly(place.view)
    assert kept is not None
    middle = kept.delivery[len(kept.delivery) // 2 :][:64]
    journal.close()
    shelf.close()

    def found() -> list[str]:
        return [p.name for p in place.folder.rglob("*") if p.is_file() and middle in p.read_bytes()]

    assert found()  # the search finds what is there
    other, shelf, _ = place.open()  # another process of ours, so that closing does not tidy up by itself
    place.work()
    assert found() == []
    other.close()
    shelf.close()
    assert_erased(place)


def test_a_disk_that_fails_while_a_file_is_erased_keeps_the_confirmation_back_until_it_is_erased(
    place: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(erasure, "write_atomically", full)
        with pytest.raises(DependencyError, match="cannot be erased"):
            place.work()
    assert place.said() == []
    place.work()
    assert [w.outcome for w in place.said()] == ["erased"]


def test_a_withdrawal_that_cannot_be_verified_blocks_the_copy_and_erases_nothing(place: Holder) -> None:
    journal, shelf, eraser = place.open()
    (stored,) = shelf.notices()
    genuine = NoticeDelivery.from_bytes(stored.data)
    forged = replace(genuine, terms=None).to_bytes()
    shelf._db.execute("UPDATE notice SET data = ?", (forged,))
    assert not eraser.take(shelf.notices()[0], place.force.bundle)
    assert shelf.notices()[0].state == ALARM
    assert "cannot be verified" in (blocked(place.view, journal, shelf) or "")
    assert NAME in place.written.read_text() and place.said() == []
    with pytest.raises(NotPermitted, match="security officers"):
        eraser.erase(place.view)
    shelf.noticed(ViewId("1" * 32), stored.contact, stored.data, place.force.now)  # the genuine one comes too
    eraser.take(shelf.notices()[1], place.force.bundle)
    assert_erased(place)
    journal.close()
    shelf.close()


def test_a_person_may_erase_its_own_copy_although_nobody_could_verify_the_withdrawal(place: Holder) -> None:
    journal, shelf, eraser = place.open()
    genuine = NoticeDelivery.from_bytes(shelf.notices()[0].data)
    shelf._db.execute("UPDATE notice SET data = ?", (replace(genuine, terms=None).to_bytes(),))
    eraser.take(shelf.notices()[0], place.force.bundle)
    eraser.erase(place.view, unverified=True)
    journal.close()
    shelf.close()
    assert_erased(place)
    assert [w.outcome for w in place.said()] == ["erased"]


def test_a_notice_about_a_view_that_rests_on_another_consent_erases_nothing(
    place: Holder, force: Consenting, tmp_path: Path
) -> None:
    other = holder(force, tmp_path / "other")
    journal, shelf, eraser = place.open()
    strange = other.open()
    ours = strange[0].exactly(other.view)
    assert ours is not None
    journal.erase(place.view, "gone")
    journal._db.execute("UPDATE inbox SET delivery = ?, state = 'new' WHERE view = ?", (ours.delivery, place.view))
    eraser.take(shelf.notices()[0], place.force.bundle)
    kept = journal.exactly(place.view)
    assert kept is not None and kept.delivery == ours.delivery and shelf.notices()[0].state == ALARM
    for one in (journal, shelf, strange[0], strange[1]):
        one.close()


def test_a_copy_that_the_law_keeps_is_not_erased_and_says_why(place: Holder) -> None:
    journal, shelf, eraser = place.open()
    eraser.keep(place.view, KeepGround.PROCEEDINGS)
    eraser.take(shelf.notices()[0], place.force.bundle)
    assert blocked(place.view, journal, shelf) is None
    journal.close()
    shelf.close()
    (word,) = place.said()
    assert (word.outcome, word.ground) == ("impossible", "evidence-in-proceedings")
    assert NAME in place.written.read_text()
