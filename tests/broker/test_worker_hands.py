"""A worker with several batches in hand: which begin while others are stored, and which wait."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import structlog.testing

from broker import worker as module
from broker.worker import HANDS, Worker
from bus.queue import Admission
from messages.errors import DependencyError
from messages.evidence import EvidenceType
from tests.broker.test_worker import FIRMS, Desk, entries, fake_desk
from tests.fakes.bus import FakeBroker, FakeBus
from tests.support.orchid import DESK, PROSECUTOR, TaskForce


class Gate(FakeBroker):
    """A store that lets nothing through before it is opened, and notes what began and what ended."""

    def __init__(self, bus: FakeBus) -> None:
        super().__init__(bus, None)
        self.open = asyncio.Event()
        self.said: list[str] = []
        self.fails: Exception | None = None

    async def store(self, admissions: Sequence[Admission]) -> None:
        number = sum(one.startswith("begin") for one in self.said) + 1
        self.said.append(f"begin {number}")
        await self.open.wait()
        if self.fails is not None:
            raise self.fails
        await super().store(admissions)
        self.said.append(f"end {number}")


@dataclass
class Hands:
    """A running worker whose store is shut."""

    desk: Desk
    bus: FakeBus
    gate: Gate
    worker: Worker
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    running: "asyncio.Task[None] | None" = None

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not done():
                await asyncio.sleep(0)

    async def idle(self) -> None:
        """Until it has done what it can do at present."""
        for _ in range(200):
            await asyncio.sleep(0)

    async def send(self, kind: Any = "message", data: bytes | None = None) -> None:
        """One submission, and until the worker has it, or can take none."""
        await self.desk.submit(data or self.desk.force.send(FIRMS, PROSECUTOR).to_bytes(), kind=kind)
        await self.idle()

    async def taken_in_turn(self) -> None:
        """What was sent last has been taken, and is not begun before what was in hand is stored."""
        assert self.waiting() == 0 and self.gate.said == ["begin 1"]
        self.gate.open.set()
        await self.until(lambda: not self.bus.submissions)
        assert self.gate.said == ["begin 1", "end 1", "begin 2", "end 2"]

    def waiting(self) -> int:
        """Submissions that no worker has."""
        return sum(not kept.out for kept in self.bus.submissions.values())


@asynccontextmanager
async def hands(force: TaskForce) -> AsyncIterator[Hands]:
    bus, desk = fake_desk(force)
    gate = Gate(bus)
    made = Hands(desk, bus, gate, Worker(gate, force.world(), lambda: force.now))
    made.running = asyncio.create_task(made.worker.run(made.stop))
    try:
        yield made
    finally:
        made.running.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await made.running


async def test_while_a_batch_is_stored_the_next_is_judged_and_no_more_than_so_many_are_in_hand(
    force: TaskForce,
) -> None:
    async with hands(force) as world:
        for number in range(HANDS):
            await world.send()
            assert world.gate.said == [f"begin {n + 1}" for n in range(number + 1)]
        await world.send()
        assert world.waiting() == 1 and len(world.gate.said) == HANDS
        world.gate.open.set()
        for _ in range(HANDS + 1):
            evidence, repeated = await world.desk.answer()
            assert evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE and not repeated
        assert not world.bus.submissions and len(entries(world.bus)) == HANDS + 1


@pytest.mark.parametrize("kind", sorted(module._IN_TURN))
async def test_what_depends_on_what_is_in_hand_is_not_begun_before_that_is_stored(force: TaskForce, kind: str) -> None:
    async with hands(force) as world:
        await world.send()
        await world.send(kind, b"no such thing")
        await world.taken_in_turn()


async def test_what_may_have_ended_a_worker_is_taken_when_nothing_else_is_in_hand(force: TaskForce) -> None:
    async with hands(force) as world:
        await world.send()
        await world.desk.submit(force.send(FIRMS, PROSECUTOR).to_bytes())
        (again,) = [kept for kept in world.bus.submissions.values() if not kept.out]
        again.attempts = module.SUSPECT
        await world.idle()
        await world.taken_in_turn()


async def test_a_new_bundle_waits_for_every_batch_in_hand(force: TaskForce) -> None:
    async with hands(force) as world:
        await world.send()
        await world.send()
        before = world.worker.world.bundle
        later = force.world()
        later = replace(later, bundle=replace(later.bundle, epoch=before.epoch + 1))
        taking = asyncio.create_task(world.worker.take(later))
        await world.send()
        assert not taking.done() and world.worker.world.bundle is before
        assert world.gate.said == ["begin 1", "begin 2"]  # what comes meanwhile is judged under the new one
        world.gate.open.set()
        await taking
        await world.until(lambda: not world.bus.submissions)
    epochs = [(await world.desk.answer())[0].epoch for _ in range(3)]
    assert epochs == [before.epoch, before.epoch, before.epoch + 1]


async def test_a_worker_that_is_told_to_stop_first_stores_what_is_in_hand(force: TaskForce) -> None:
    async with hands(force) as world:
        await world.send()
        await world.send()
        world.stop.set()
        await world.desk.submit(b"too late")  # so that it looks up
        await world.idle()
        assert world.running is not None and not world.running.done()
        world.gate.open.set()
        await world.running
        assert len(entries(world.bus)) >= 2 and not [k for k in world.bus.submissions.values() if k.out]


async def test_what_a_batch_in_hand_failed_on_is_told_and_its_submissions_come_again(force: TaskForce) -> None:
    async with hands(force) as world:
        with structlog.testing.capture_logs() as logs:
            await world.send()
            world.gate.fails = DependencyError("The message bus did not answer while storing; try again.")
            world.gate.open.set()
            await world.until(lambda: not world.worker._finishing or any(t.done() for t in world.worker._finishing))
            world.gate.fails = None
            await world.send()
            await world.desk.answer()
            assert [one["event"] for one in logs if one["log_level"] == "warning"] == ["bus-trouble"]
        assert len(entries(world.bus)) == 1 and len(world.bus.submissions) == 1
        for kept in world.bus.submissions.values():
            kept.out = False  # nobody acknowledged it in time
        world.bus.changed()
        await world.desk.answer()
        assert len(entries(world.bus)) == 2 and not world.bus.submissions


async def test_a_mistake_of_ours_ends_the_worker_and_is_not_passed_over(force: TaskForce) -> None:
    async with hands(force) as world:
        world.gate.fails = RuntimeError("a mistake")
        world.gate.open.set()
        await world.send()
        await world.send()  # so that it looks up
        assert world.running is not None
        with pytest.raises(RuntimeError, match="a mistake"):
            async with asyncio.timeout(10):
                await world.running


async def test_a_worker_that_is_ended_leaves_nothing_in_hand(force: TaskForce) -> None:
    async with hands(force) as world:
        await world.send()
        (task,) = world.worker._finishing
        assert world.running is not None
        world.running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await world.running
        await world.until(task.done)
        assert task.cancelled() and not entries(world.bus)


async def test_one_message_that_is_handed_in_twice_while_it_is_in_hand_is_accepted_once(force: TaskForce) -> None:
    async with hands(force) as world:
        data = force.send(FIRMS, PROSECUTOR).to_bytes()
        await world.send(data=data)
        await world.send(data=data)
        assert world.gate.said == ["begin 1", "begin 2"]
        world.gate.open.set()
        answers = [await world.desk.answer(DESK) for _ in range(2)]
        assert sorted(repeated for _, repeated in answers) == [False, True]
        assert answers[0][0] == answers[1][0] and len(entries(world.bus)) == 1
