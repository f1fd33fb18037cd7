"""Records that expire, killed at any step: the log holds, says which are gone, and the next sweep finishes it."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from audit import fsck
from audit.findings import Report
from audit.logdir import write_log_dir
from broker.admit import Admitted, World
from broker.expiring import KEPT_DAYS, WAIT, Expiring
from broker.holds import entered
from broker.lookups import Deed, look_up
from broker.projecting import Projector, RecordMissing
from broker.recordsdb import Query, RecordsDb, opened
from broker.worker import stored
from bus.store import AlreadyStored
from bus.subjects import read_entry
from keys.domains import Tag
from keys.signing import Signer
from messages import cbor
from messages.holds import HoldGround, HoldStanding, HoldWord
from messages.limits import DAY, HOUR
from tests.broker.test_holds import officers
from tests.fakes.bus import FakeBus, FakeSequencer
from tests.faults.test_log_writes import exported, sequencer
from tests.support.orchid import PROSECUTOR, SHELTER, TaskForce


class Killed(BaseException):
    """What happens to a process that is killed."""


class Mortal(FakeSequencer):
    """Killed at the `left`-th step that has an effect, before it or right after it."""

    left = -1
    after = False

    async def remove_record(self, index: int) -> None:
        self.left -= 1
        if self.left == -1 and not self.after:
            raise Killed
        await super().remove_record(index)
        if self.left == -1:
            raise Killed


class Years:
    """A log on which nothing but look-ups happened for years after its first messages; `now` is the clock."""

    def __init__(self, force: TaskForce, folder: Path, db: RecordsDb) -> None:
        self.force = force
        self.folder = folder
        self.db = db
        self.bus = FakeBus()
        self.now = force.now
        self.port = Mortal(self.bus)
        self.projector = Projector(db, self.port, lambda: force.bundle.directory)

    def world(self) -> World:
        """What is in force: the bundle was renewed all the time."""
        made = self.force.broker.world()
        return replace(made, bundle=replace(made.bundle, expires=self.now + DAY))

    async def store(self, admitted: Admitted) -> None:
        """Through the sequencer into the log, and into the database."""
        await self.bus.broker().store([stored(admitted)])

    async def go_on(self) -> None:
        working = sequencer(self.force, self.bus, self.folder / "log")
        await working.start()
        while await working.step(0.0):
            pass
        working.close()
        await self.projector.catch_up()

    def looked(self) -> Admitted:
        return look_up(self.world().worker.handle, Deed.SEARCHED, b"", self.world(), self.now, bytes(15) + b"\x01")

    def expiring(self) -> Expiring:
        async def announce(entries: list[Admitted]) -> None:
            for one in entries:
                self.port.left -= 1
                if self.port.left == -1 and not self.port.after:
                    raise Killed
                with suppress(AlreadyStored):
                    await self.store(one)
                if self.port.left == -1:
                    raise Killed

        async def reviewed(_: str) -> bool:
            return False

        return Expiring(self.db, self.port, announce, reviewed, self.world, KEPT_DAYS, lambda: self.now)

    def judged(self) -> Report:
        write_log_dir(self.folder / "export", **exported(self.force, self.bus))
        return fsck.check(self.folder / "export")


async def years(force: TaskForce, folder: Path, db: RecordsDb) -> Years:
    """Six leaves that are old enough, of which the last has its entry still in FLOW; then a young one."""
    made = Years(force, folder, db)
    await made.store(force.admit(force.send("08-organisations.json", PROSECUTOR, SHELTER)))
    await made.store(force.admit(b"garbage"))
    await made.store(force.admit(force.send("03-referral-adult.json", SHELTER)))
    await made.go_on()
    last = max(kept.seq for kept in made.bus.flow.values() if read_entry(kept.subject))
    made.bus.flow = {s: k for s, k in made.bus.flow.items() if k.seq == last}
    made.now += KEPT_DAYS * DAY + HOUR
    await made.store(made.looked())
    await made.go_on()
    return made


async def test_the_log_says_first_what_expires_and_an_hour_later_it_is_gone_with_its_salt(
    force: TaskForce, tmp_path: Path
) -> None:
    with opened(tmp_path / "records.db") as db:
        made = await years(force, tmp_path, db)
        before = dict(made.bus.records)
        old = [n for n in sorted(before) if not await made.port.entry_held(n)]
        assert 0 < len(old) < len(before) - 1, "one has its entry still, one is young"
        await made.expiring().sweep()
        await made.go_on()
        assert len(made.bus.log) == len(before) + 1 and before.items() <= made.bus.records.items()
        assert made.judged().first is None and made.judged().expired == ()
        made.now += WAIT - 1
        await made.expiring().sweep()
        assert before.items() <= made.bus.records.items()
        made.now += 1
        await made.expiring().sweep()
        assert sorted(made.bus.records) == [n for n in range(len(before) + 1) if n not in old]
        salts = [cbor.load(before[n], 1 << 20, "record")["salt"] for n in old]
        everywhere = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
        assert made.judged().first is None and made.judged().expired == tuple(old)
        assert not any(salt in everywhere for salt in salts)
        assert {line.index for line in db.each(Query(), 500)} == set(made.bus.records)
        await made.expiring().sweep()
        await made.go_on()
        assert len(made.bus.log) == len(before) + 1, "it is said once"


async def test_a_record_that_an_officer_holds_outlives_its_retention_and_goes_after_its_release(
    force: TaskForce, tmp_path: Path
) -> None:
    one, two = officers(force)

    async def said(made: Years, signer: Signer, word: HoldWord) -> None:
        signed = signer.sign(Tag.RECORDS_HOLD, word.to_bytes())
        for entry in entered(signed, word, made.world(), made.now):
            await made.store(entry)
        await made.go_on()

    async def an_hour_later(made: Years) -> None:
        await made.expiring().sweep()
        await made.go_on()
        made.now += WAIT
        await made.expiring().sweep()

    with opened(tmp_path / "records.db") as db:
        made = await years(force, tmp_path, db)
        old = [n for n in sorted(made.bus.records) if not await made.port.entry_held(n)]
        message = [line.index for line in db.each(Query(), 500) if line.subject and line.index in old][-1]
        about = {line.index: line.subject for line in db.each(Query(), 500)}
        same = {n for n in old if about[n] == about[message]}  # all of one message, of which one leaf is held by name
        assert {message} < same < set(old)
        word = HoldWord(
            standing=HoldStanding.HELD,
            ranges=((message, message + 1),),
            ends=made.now + 30 * DAY,
            ground=HoldGround.COURT_ORDER,
            at=made.now,
        )
        await said(made, one, word)
        await an_hour_later(made)
        assert same == set(old) & set(made.bus.records), "the rest of that message stays with it, and nothing else"
        assert made.judged().first is None

        release = replace(word, standing=HoldStanding.RELEASED, ground=None, at=made.now)
        await said(made, one, release)
        await an_hour_later(made)
        assert same <= set(made.bus.records), "nobody alone lets go what he held"
        await said(made, two, release)
        await an_hour_later(made)
        assert same.isdisjoint(made.bus.records) and made.judged().first is None


async def test_a_record_held_before_its_expiry_was_said_stays_although_whoever_said_so_had_not_read_of_it(
    force: TaskForce, tmp_path: Path
) -> None:
    one, _ = officers(force)
    with opened(tmp_path / "records.db") as db:
        made = await years(force, tmp_path, db)
        old = [n for n in sorted(made.bus.records) if not await made.port.entry_held(n)]
        word = HoldWord(
            standing=HoldStanding.HELD,
            ranges=((old[0], old[0] + 1),),
            ends=made.now + 30 * DAY,
            ground=HoldGround.COURT_ORDER,
            at=made.now,
        )
        for entry in entered(one.sign(Tag.RECORDS_HOLD, word.to_bytes()), word, made.world(), made.now):
            await made.store(entry)
        late, made.projector.catch_up = made.projector.catch_up, _nothing  # type: ignore[method-assign]
        await made.go_on()
        await made.expiring().sweep()
        made.projector.catch_up = late  # type: ignore[method-assign]
        await made.go_on()
        made.now += WAIT
        await made.expiring().sweep()
        assert old[0] in made.bus.records and made.judged().first is None


async def _nothing() -> None:
    """The database lags behind."""


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
async def test_killed_at_any_step_the_log_holds_and_the_next_sweep_finishes_it(
    force: TaskForce, tmp_path: Path, after: bool
) -> None:
    ended = False
    for number in range(100):
        folder = tmp_path / str(number)
        folder.mkdir()
        with opened(folder / "records.db") as db:
            made = await years(force, folder, db)
            made.port.left, made.port.after = number, after
            try:
                for _ in range(2):
                    await made.expiring().sweep()
                    await made.go_on()
                    made.now += WAIT
                ended = True
            except Killed:
                assert made.judged().first is None
            made.port.left = -1
            for _ in range(2):
                await made.expiring().sweep()
                await made.go_on()
                made.now += WAIT
            report = made.judged()
            assert report.first is None and len(report.expired) == 3
        if ended:
            break
    assert ended and number == 4, "the word in the log, and three records"


async def test_a_database_that_is_lost_is_filled_again_past_what_has_expired_and_not_past_what_is_missing(
    force: TaskForce, tmp_path: Path
) -> None:
    with opened(tmp_path / "records.db") as db:
        made = await years(force, tmp_path, db)
        for _ in range(2):
            await made.expiring().sweep()
            await made.go_on()
            made.now += WAIT
        there = list(db.each(Query(), 500))
        db.rebuild()
        await made.projector.catch_up()
        assert list(db.each(Query(), 500)) == there
        db.rebuild()
        await Projector(db, made.port, lambda: force.bundle.directory).catch_up()
        assert list(db.each(Query(), 500)) == there
        young = max(made.bus.records) - 1
        await made.port.remove_record(young)
        db.rebuild()
        with pytest.raises(RecordMissing, match=f"leaf {young}"):
            await Projector(db, made.port, lambda: force.bundle.directory).catch_up()
