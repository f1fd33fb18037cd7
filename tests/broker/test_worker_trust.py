"""The worker with words about trust: in memory where calls must fail, on a real server where it matters most."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from audit.record import TrustRecord, read_record
from broker.admit import World
from broker.trust import announce_epoch, announce_step, statement_key
from broker.worker import Worker
from bus.queue import Admission, AgencyPort, BrokerPort
from bus.subjects import OPERATOR
from keys import statements
from keys.domains import Tag
from messages.ceremony import StatementSubmission
from messages.directory import KeyStatement
from messages.errors import DependencyError, Unverified
from messages.evidence import Answer, Entry, Evidence
from messages.ids import AgencyHandle, ContactHandle
from messages.limits import DAY, HOUR
from messages.signed import Signed
from tests.broker.trusting import NOW, OFFICER, handed_in, signer, state, stated, with_contact
from tests.fakes.bus import FakeBroker, FakeBus
from tests.keys import words, world
from tests.support.nats_server import running_bus

SHELTER = AgencyHandle(world.SHELTER)


@dataclass
class Counter:
    """A worker, what it told of accepted keys, and the shelter that hands them in."""

    port: BrokerPort
    agency: AgencyPort
    now: int = NOW
    kept: list[tuple[ContactHandle, KeyStatement]] = field(default_factory=list)
    failing: bool = False

    def worker(self, of: World | None = None) -> Worker:
        def keep(contact: ContactHandle, new: KeyStatement) -> None:
            if self.failing:
                raise DependencyError("The disk is full.")
            self.kept.append((contact, new))

        return Worker(self.port, of or state(), lambda: self.now, on_statement=keep)

    async def ask(self, worker: Worker, *raws: bytes) -> list[tuple[str, bool]]:
        """Hand in, let the worker take all of it, and hear: "accepted" or the code, and whether it is a repeat."""
        for raw in raws:
            await self.agency.submit("statement", raw)
        done = 0
        while done < len(raws):
            done += await worker.step(5.0)
        return [await self.hear() for _ in raws]

    async def hear(self) -> tuple[str, bool]:
        async with asyncio.timeout(10):
            async for raw in self.agency.answers():
                answer = Answer.from_bytes(raw)
                return Evidence.from_bytes(answer.evidence.body).code or "accepted", answer.repeated
        raise AssertionError

    async def record(self, agency: AgencyHandle, key: str | None) -> TrustRecord:
        assert key is not None
        stored = await self.port.entry(agency, key)
        assert stored is not None
        ((_, data),) = Entry.from_bytes(Signed.from_bytes(stored.data).body).records
        record = read_record(data)
        assert isinstance(record, TrustRecord)
        return record


@pytest.fixture(params=["in-memory", "nats-server"])
async def counter(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Counter]:
    if request.param == "in-memory":
        bus = FakeBus()
        yield Counter(bus.broker(), bus.agency(SHELTER))
        return
    async with running_bus(tmp_path / "bus", {SHELTER: [ContactHandle(world.REFUGE)]}) as running:
        yield Counter(await running.broker(), await running.agency(SHELTER))


@pytest.fixture
def fake() -> Counter:
    bus = FakeBus()
    return Counter(bus.broker(), bus.agency(SHELTER))


def countersigned(made: KeyStatement) -> bytes:
    return handed_in(made, statements.countersign(signer(OFFICER), made))


async def test_an_accepted_key_is_stored_told_and_counts_from_then_on(counter: Counter) -> None:
    worker, made = counter.worker(), stated()
    assert await counter.ask(worker, handed_in(made)) == [("accepted", False)]
    assert counter.kept == [(world.REFUGE, made)]
    assert worker.world.stated == {world.REFUGE: (made,)}
    record = await counter.record(SHELTER, statement_key(handed_in(made)))
    assert (record.step, record.number) == ("key-statement", 2)
    assert await counter.ask(worker, countersigned(stated(3))) == [("accepted", False)]


async def test_a_destroyed_key_is_stored_and_answered(counter: Counter) -> None:
    signed = world.signer(world.REFUGE).sign(Tag.KEY_DESTROYED, words.destroyed().to_bytes())
    raw = StatementSubmission(statement=signed).to_bytes()
    assert await counter.ask(counter.worker(), raw) == [("accepted", False)]
    assert (await counter.record(SHELTER, statement_key(raw))).step == "key-destroyed"
    assert await counter.ask(counter.worker(), raw) == [("accepted", True)]
    assert counter.kept == []


async def test_a_key_is_taken_from_an_agency_that_hands_in_garbage_too(fake: Counter) -> None:
    worker = fake.worker()
    await fake.ask(worker, *(b"garbage %d" % n for n in range(20)))
    await fake.agency.submit("statement", b"one too many")
    signed = world.signer(world.REFUGE).sign(Tag.KEY_DESTROYED, words.destroyed().to_bytes())
    assert (
        await fake.ask(worker, handed_in(stated()), StatementSubmission(statement=signed).to_bytes())
        == [("accepted", False)] * 2
    )
    assert worker.dropped == 1


async def test_keys_that_follow_one_another_in_one_batch_are_all_accepted(counter: Counter) -> None:
    raws = [handed_in(stated(2)), countersigned(stated(3)), countersigned(stated(4))]
    assert await counter.ask(counter.worker(), *raws) == [("accepted", False)] * 3
    assert [new.number for _, new in counter.kept] == [2, 3, 4]


async def test_a_repeat_gets_the_first_answer_although_the_number_is_no_longer_the_next_nor_the_dates_todays(
    counter: Counter,
) -> None:
    worker, raw = counter.worker(), handed_in(stated())
    await counter.ask(worker, raw)
    assert await counter.ask(worker, raw) == [("accepted", True)]
    counter.now += DAY
    fresh = counter.worker()  # knows of nothing that was accepted
    assert await counter.ask(fresh, raw) == [("accepted", True)]
    assert fresh.world.stated == {world.REFUGE: (stated(),)}
    assert [new for _, new in counter.kept] == [stated(), stated()]  # each worker told once


async def test_a_number_that_was_stated_never_means_another_key(counter: Counter) -> None:
    await counter.ask(counter.worker(), handed_in(stated()))
    other = handed_in(stated(start=NOW + HOUR))
    assert await counter.ask(counter.worker(), other) == [("replayed", False)]  # by a worker that did not hear of it
    assert len(counter.kept) == 1


async def test_a_refused_key_leaves_its_number_to_the_next_one(counter: Counter) -> None:
    worker, early = counter.worker(), stated(start=NOW - 5 * 60_000)
    slow = replace(worker.world, bundle=replace(worker.world.bundle, directory=with_contact(rotation_days=25)))
    await worker.take(slow)
    assert await counter.ask(worker, handed_in(early)) == [("key-off-schedule", False)]
    assert counter.kept == []
    assert await counter.ask(worker, handed_in(early), countersigned(early)) == [
        ("key-off-schedule", True),
        ("accepted", False),
    ]


async def test_what_could_not_be_kept_is_not_answered_and_is_kept_the_next_time(fake: Counter) -> None:
    assert isinstance(fake.port, FakeBroker)
    fake.failing, raw = True, handed_in(stated())
    await fake.agency.submit("statement", raw)
    with pytest.raises(DependencyError):
        await fake.worker().step(1.0)
    fake.failing = False
    fake.now += DAY
    fake.port.bus.give_back()
    await fake.worker().step(1.0)
    assert await fake.hear() == ("accepted", True)
    assert fake.kept == [(world.REFUGE, stated())]


async def test_a_new_bundle_takes_over_the_keys_that_it_holds_and_the_others_go_on(fake: Counter) -> None:
    worker = fake.worker()
    await fake.ask(worker, handed_in(stated(2)), countersigned(stated(3)))
    held = (world.statement(world.REFUGE), stated(2))
    await worker.take(replace(state(with_contact(statements=held))))
    assert worker.world.stated == {world.REFUGE: (stated(3),)}
    await worker.take(state(with_contact(statements=(*held, stated(3)))))
    assert worker.world.stated == {}


async def test_a_worker_starts_with_the_keys_that_were_kept(fake: Counter) -> None:
    worker = fake.worker(state(stated={world.REFUGE: (stated(2),)}))
    assert await fake.ask(worker, handed_in(stated(2, start=NOW + HOUR))) == [("key-number", False)]
    assert await fake.ask(worker, countersigned(stated(3))) == [("accepted", False)]


# What the broker itself announces


async def test_epochs_and_steps_are_announced_once_however_often_they_are_told(counter: Counter) -> None:
    step = signer(OFFICER).sign(Tag.CEREMONY, words.ceremony_step(at=NOW).to_bytes())
    for of in (state(), state(secret=bytes(32))):  # two workers, whose entries differ in their salts
        told = [announce_step(step, of, NOW), announce_epoch(words.epoch_statement(), of, NOW + HOUR)]
        await counter.worker(of).announce(told)
    assert [(await counter.record(OPERATOR, one.key)).step for one in told] == ["review", "epoch"]


async def test_an_epoch_that_is_announced_as_something_else_is_an_alarm(counter: Counter) -> None:
    worker = counter.worker()
    await worker.announce([announce_epoch(words.epoch_statement(), worker.world, NOW)])
    with pytest.raises(Unverified, match="operator"):
        await worker.announce([announce_epoch(words.epoch_statement(root=bytes(32)), worker.world, NOW)])


class Slow(FakeBroker):
    """A store that waits until it is let go."""

    reached: asyncio.Event
    go: asyncio.Event

    async def store(self, admissions: Sequence[Admission]) -> None:
        self.reached.set()
        await self.go.wait()
        await super().store(admissions)


async def test_a_new_bundle_waits_for_the_batch_in_hand(fake: Counter) -> None:
    assert isinstance(fake.port, FakeBroker)
    port = Slow(fake.port.bus, None)
    port.reached, port.go = asyncio.Event(), asyncio.Event()
    fake.port = port
    worker, later = fake.worker(), state()
    later = replace(later, bundle=replace(later.bundle, epoch=8))
    await fake.agency.submit("statement", handed_in(stated()))
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.step(1.0))
        await port.reached.wait()
        taking: asyncio.Task[Any] = tasks.create_task(worker.take(later))
        await asyncio.sleep(0)
        assert not taking.done() and worker.world.bundle.epoch == 7
        port.go.set()
    assert worker.world.bundle.epoch == 8
    assert (await fake.record(SHELTER, statement_key(handed_in(stated())))).epoch == 7
