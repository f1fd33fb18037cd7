"""Worker processes are kept running, with a longer pause each time, and are asked to stop before they are killed."""

import asyncio
from dataclasses import dataclass, field

import pytest

from broker import supervisor
from broker.supervisor import FIRST_PAUSE, LONGEST_PAUSE, kept_running
from messages.errors import DependencyError
from tests.support.patience import PATIENCE


@dataclass(eq=False)
class FakeProcess:
    """A process that ends when it is told to; a deaf one only when it is killed."""

    deaf: bool = False
    returncode: int | None = None
    heard: list[str] = field(default_factory=list)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self, code: int) -> None:
        self.returncode = code
        self._ended.set()

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def terminate(self) -> None:
        self.heard.append("terminate")
        if not self.deaf:
            self.end(0)

    def kill(self) -> None:
        self.heard.append("kill")
        self.end(-9)


class Yard:
    """Starts processes, and notes how long was waited before each restart."""

    def __init__(self, *, broken_after: int = 1_000, deaf: bool = False) -> None:
        self.started: list[FakeProcess] = []
        self.pauses: list[float] = []
        self.broken_after = broken_after
        self.deaf = deaf
        self.changed = asyncio.Event()

    async def start(self) -> FakeProcess:
        if len(self.started) >= self.broken_after:
            raise DependencyError("A service did not start.")
        self.started.append(FakeProcess(deaf=self.deaf))
        self.changed.set()
        return self.started[-1]

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.changed.set()
        await asyncio.sleep(0)
        if len(self.pauses) == 12:
            await asyncio.Event().wait()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.started) < count:
                self.changed.clear()
                await self.changed.wait()


async def test_a_worker_that_ends_is_started_again_after_a_pause() -> None:
    yard = Yard()
    async with kept_running(2, yard.start, yard.pause):
        await yard.until(2)
        yard.started[0].end(-9)
        await yard.until(3)
        assert yard.pauses == [FIRST_PAUSE]
        assert yard.started[1].returncode is None


async def test_one_that_goes_on_ending_is_started_later_and_later_and_never_given_up() -> None:
    yard = Yard(broken_after=1)
    async with kept_running(1, yard.start, yard.pause):
        yard.started[0].end(1)
        async with asyncio.timeout(PATIENCE):
            while len(yard.pauses) < 12:
                yard.changed.clear()
                await yard.changed.wait()
    assert yard.pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert yard.pauses[-1] == LONGEST_PAUSE == max(yard.pauses)


async def test_at_the_end_every_worker_is_asked_to_stop() -> None:
    yard = Yard()
    async with kept_running(3, yard.start, yard.pause):
        pass
    assert [one.heard for one in yard.started] == [["terminate"]] * 3


async def test_one_that_does_not_stop_in_time_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STOP", 0.01)
    yard = Yard(deaf=True)
    async with kept_running(1, yard.start, yard.pause):
        pass
    assert yard.started[0].heard == ["terminate", "kill"]


async def test_a_first_start_that_fails_is_told_and_leaves_no_worker_behind() -> None:
    yard = Yard(broken_after=1)
    with pytest.raises(DependencyError):
        async with kept_running(2, yard.start, yard.pause):
            raise AssertionError
    assert [one.heard for one in yard.started] == [["terminate"]]
