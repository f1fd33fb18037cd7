"""A page is told that something moved: once, soon, only as long as it may be, and never more than it takes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import ExitStack
from typing import cast

import pytest

from broker.console import live as module
from broker.console.live import IN_ALL, OF_ACCOUNT, Live
from messages.errors import DependencyError

pytestmark = pytest.mark.asyncio


class World:
    """Something that is looked at as often as a test says."""

    def __init__(self) -> None:
        self.state: object = 0
        self.looks = 0
        self._turn = asyncio.Semaphore(0)
        self._done = asyncio.Semaphore(0)

    async def look(self) -> object:
        self.looks += 1
        if isinstance(self.state, Exception):
            raise self.state
        return self.state

    async def pause(self) -> None:
        self._done.release()
        await self._turn.acquire()

    async def looked(self) -> None:
        """Until it was looked at once more, after which it waits for the next time."""
        await self._done.acquire()

    def turn(self) -> None:
        self._turn.release()


def word(words: AsyncIterator[None]) -> "asyncio.Task[None]":
    return asyncio.create_task(cast("Awaitable[None]", anext(words)))  # type: ignore[arg-type]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_nothing_is_looked_at_while_nobody_watches_and_a_change_is_told_to_everybody() -> None:
    world = World()
    live = Live(world.look, world.pause)
    await settle()
    assert (world.looks, live.open) == (0, 0)
    with live.watching("one") as one, live.watching("two") as two:
        assert one is not None and two is not None and live.open == 2
        told = [word(one), word(two)]
        await world.looked()
        world.turn()
        await world.looked()
        await settle()
        assert not any(task.done() for task in told), "nothing has changed"
        world.state = 1
        world.turn()
        await asyncio.gather(*told)
        await world.looked()
        assert world.looks == 3
    await settle()
    assert (world.looks, live.open) == (3, 0)
    with live.watching("one") as again:
        assert again is not None
        await world.looked()
        assert world.looks == 4, "and for the next one it is looked at again"


async def test_whoever_is_slow_has_one_word_waiting_and_not_one_for_each_change() -> None:
    world = World()
    live = Live(world.look, world.pause)
    with live.watching("slow") as words:
        assert words is not None
        for state in range(50):
            await world.looked()
            world.state = state + 1
            world.turn()
        await world.looked()
        await word(words)
        second = word(words)
        await settle()
        assert not second.done()
        second.cancel()


async def test_an_account_has_few_streams_and_all_together_have_not_many() -> None:
    world = World()
    live = Live(world.look, world.pause)
    with ExitStack() as stack:
        for account in range(IN_ALL // OF_ACCOUNT):
            for _ in range(OF_ACCOUNT):
                assert stack.enter_context(live.watching(str(account))) is not None
            with live.watching(str(account)) as more:
                assert more is None
        with live.watching("somebody else") as more:
            assert more is None
        assert live.open == IN_ALL
    with live.watching("somebody else") as words:
        assert words is not None, "what was closed leaves room"


async def test_a_bus_that_is_down_ends_no_stream_and_what_changed_meanwhile_is_told() -> None:
    world = World()
    live = Live(world.look, world.pause)
    with live.watching("one") as words:
        assert words is not None
        told = word(words)
        await world.looked()
        for state in (DependencyError("down"), 7):
            world.state = state
            world.turn()
            await world.looked()
        await told


async def test_without_a_change_a_page_renews_itself_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.0)
    world = World()
    with Live(world.look, world.pause).watching("one") as words:
        assert words is not None
        await word(words)


async def test_a_console_that_ends_ends_every_stream_and_begins_none() -> None:
    world = World()
    live = Live(world.look, world.pause)
    with live.watching("one") as words:
        assert words is not None
        told = word(words)
        await settle()
        live.close()
        with pytest.raises(StopAsyncIteration):
            await told
    with live.watching("one") as words:
        assert words is None
