"""An adapter submits as fast as a broker takes, and no faster, however much there is."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from adapters.pacing import Pacing
from bus import bounds
from bus.overruns import load

RATE, BURST = bounds.SENT_BY_US


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def seconds(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def sent(sizes: list[int], turned_away: bool = False) -> tuple[float, Clock]:
    """What these come to in pieces, submitted one after the other, and the clock after it."""

    async def send() -> Clock:
        clock = Clock()
        pacing = Pacing(clock.seconds, clock.sleep)
        for size in sizes:
            await pacing.turn("message", bytes(size))
            if turned_away:
                pacing.turned_away("message")
        return clock

    return sum(load(1, size) for size in sizes), asyncio.run(send())


@given(st.lists(st.integers(0, 4_000_000), max_size=60))
def test_no_more_goes_than_the_burst_and_then_the_rate(sizes: list[int]) -> None:
    pieces, clock = sent(sizes)
    assert pieces <= BURST + RATE * clock.now + 0.001
    assert clock.now <= max(0.0, pieces - BURST) / RATE + 0.001  # and it never waits for nothing


def test_what_is_sent_now_and_then_never_waits() -> None:
    _, clock = sent([3_000] * 100)
    assert not any(clock.slept)


def test_whoever_is_turned_away_tries_less_often() -> None:
    count = 3_000
    _, clock = sent([3_000] * count, turned_away=True)
    assert count / clock.now < RATE / bounds.TURNED_AWAY * 1.5
    _, taken = sent([3_000] * count)
    assert count / taken.now > RATE / 2


async def test_what_is_urgent_waits_for_nothing_that_is_not_however_much_was_turned_away() -> None:
    clock = Clock()
    pacing = Pacing(clock.seconds, clock.sleep)
    turns = [asyncio.create_task(pacing.turn("message", bytes(3_000))) for _ in range(5_000)]
    for _ in range(5_000):
        pacing.turned_away("message")
    await pacing.turn("urgent", bytes(3_000))
    assert clock.slept == [0.0]
    await asyncio.gather(*turns)
    assert clock.now > 0


async def test_many_that_are_turned_away_together_hold_the_next_up_for_a_moment_only() -> None:
    clock = Clock()
    pacing = Pacing(clock.seconds, clock.sleep)
    for _ in range(10_000):
        pacing.turned_away("message")
    await pacing.turn("message", bytes(3_000))
    assert clock.now < 0.1
