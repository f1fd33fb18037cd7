"""What waits is told as the bus has it, and read again only once something has moved."""

import random
from collections.abc import Mapping
from typing import Any

import pytest

from broker.console import waiting as module
from broker.console.waiting import HOLD, Clock, Queue, Waits, waiting
from bus import subjects
from bus.queue import Outline
from bus.subjects import StreamSpec, Watch
from messages.escalation import Stage
from messages.ids import AgencyHandle, ContactHandle, ViewId
from messages.limits import DAY, HOUR

A, DESK, OTHER = AgencyHandle("a" + "b" * 12), ContactHandle("c" + "d" * 12), ContactHandle("c" + "e" * 12)
T0 = 1_800_000_000_000


def outline(
    seq: int, contact: ContactHandle = DESK, *, lane: subjects.Lane = "normal", at: int = 0, clock: int = 0
) -> Outline:
    return Outline(seq, A, contact, lane, ViewId(f"{seq:032x}"), Watch(T0 + at, T0 + 30 * DAY, clock))


def test_views_are_counted_by_contact_and_what_is_urgent_or_longest_comes_first() -> None:
    views = [outline(1, at=5), outline(2, at=3), outline(3, OTHER, lane="urgent", at=9), outline(4, OTHER, at=7)]
    views.append(outline(5, OTHER, lane="urgent", at=8))
    for seed in range(5):
        random.Random(seed).shuffle(views)
        told = waiting(views, {A: 2, AgencyHandle("a" + "c" * 12): 0}, 1, T0 + 10)
        assert told.queues == (Queue(OTHER, 3, 2, T0 + 7), Queue(DESK, 2, 0, T0 + 3))
        assert (told.views, told.urgent, told.at_the_broker, told.submitted, told.aside) == (5, 2, 2, ((A, 2),), 1)
        assert told.clocks == () and told.overdue == 0


def test_a_clock_ends_after_its_time_from_admission_on_and_tells_who_was_told_last() -> None:
    short, long = outline(1, at=0, clock=8 * HOUR), outline(2, OTHER, at=-DAY, clock=10 * DAY)
    later = outline(3, at=HOUR, clock=8 * HOUR)
    for now, stage, overdue in (
        (T0, None, 0), (T0 + HOUR, Stage.CONTACT, 0), (T0 + 4 * HOUR, Stage.DUTY_DESK, 0),
        (T0 + 8 * HOUR - 1, Stage.SENDER, 0), (T0 + 8 * HOUR, Stage.SENDER, 1), (T0 + 9 * HOUR, Stage.SENDER, 2),
    ):  # fmt: skip
        told = waiting([long, later, short], {}, 0, now)
        assert told.clocks[0] == Clock(DESK, T0, T0 + 8 * HOUR, stage)
        assert [c.ends for c in told.clocks] == [T0 + 8 * HOUR, T0 + 9 * HOUR, T0 + 9 * DAY]
        assert told.clocks[2].stage is None, "whoever has days is not told"
        assert (told.overdue, told.urgent) == (overdue, 2)


class Bus:
    """Views in a stream, and how often they were read."""

    def __init__(self, views: list[Outline]) -> None:
        self.views, self.read, self.asked = views, 0, 0

    async def handed_in(self) -> Mapping[AgencyHandle, int]:
        self.asked += 1
        return {A: 1}

    async def outlines(self, after_flow_seq: int, limit: int) -> tuple[list[Outline], int]:
        self.read += after_flow_seq == 0
        found = [view for view in self.views if view.seq > after_flow_seq][:limit]
        return found, found[-1].seq if found else after_flow_seq

    async def state(self, stream: StreamSpec) -> dict[str, int]:
        last = max((view.seq for view in self.views), default=0)
        return {"messages": len(self.views) if stream is subjects.FLOW else 3, "first_seq": 1, "last_seq": last}


def waits(bus: Any, now: list[int]) -> Waits:
    return Waits(bus, bus, lambda: now[0])


@pytest.mark.asyncio
async def test_the_bus_is_asked_every_five_seconds_at_most_and_views_are_read_once_something_has_moved() -> None:
    bus, now = Bus([outline(n) for n in range(1, 4)]), [T0]
    looks = waits(bus, now)
    assert (await looks.look()).views == 3 and (await looks.look()).aside == 3
    now[0] += HOLD - 1
    bus.views.append(outline(4))
    assert (await looks.look()).views == 3 and (bus.asked, bus.read) == (1, 1)
    now[0] += 1
    assert (await looks.look()).views == 4 and (bus.asked, bus.read) == (2, 2)
    now[0] += HOLD
    assert (await looks.look()).views == 4 and (bus.asked, bus.read) == (3, 2), "nothing came or went"
    del bus.views[0]
    now[0] += HOLD
    assert (await looks.look()).views == 3 and bus.read == 3, "and what went is noticed as well"
    now[0] = T0 - DAY
    await looks.look()
    assert bus.asked == 5, "a clock that was set back keeps nobody from looking"


@pytest.mark.asyncio
async def test_of_very_many_views_those_that_wait_longest_are_looked_at_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST", 25)
    monkeypatch.setattr(module, "READ", 10)
    for count, more in ((25, False), (26, True), (90, True)):
        told = await waits(Bus([outline(n, at=n) for n in range(1, count + 1)]), [T0]).look()
        assert (told.views, told.more) == (25, more)
        assert told.queues[0].since == T0 + 1
