"""Tells pages that are open that something has moved, by server-sent events.

What is sent is that word alone, and the page asks for itself anew: so a stream holds nothing of anybody's, and a reader
that is slow has one word waiting and never two. Nothing is looked at while nobody has a page open. Streams are few for
an account and few in all, and each asks before every word whether its session still holds.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import structlog

from messages.errors import DependencyError

log = structlog.get_logger("broker.console")

LOOK_SECONDS: Final = 2.0
BEAT_SECONDS: Final = 30.0
"""Without a change a page renews itself after this long: clocks run also where nothing happens."""
OF_ACCOUNT: Final = 4
IN_ALL: Final = 64


class Live:
    """`look` gives something that differs once there is something new to show; `pause` waits before the next look."""

    def __init__(
        self,
        look: Callable[[], Awaitable[object]],
        pause: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(LOOK_SECONDS),
    ) -> None:
        self._look = look
        self._pause = pause
        self._streams: dict[asyncio.Event, str] = {}
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def open(self) -> int:
        """How many streams there are."""
        return len(self._streams)

    @contextmanager
    def watching(self, account: str) -> Iterator[AsyncIterator[None] | None]:
        """For the time of the block, an iterator that gives something whenever the page should renew itself, and ends
        with the console; None where the account, or all of them together, have as many as there may be.
        """
        if self._closed or len(self._streams) >= IN_ALL or Counter(self._streams.values())[account] >= OF_ACCOUNT:
            yield None
            return
        moved = asyncio.Event()
        self._streams[moved] = account
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._watch())
        try:
            yield self._words(moved)
        finally:
            del self._streams[moved]
            if not self._streams and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    async def _words(self, moved: asyncio.Event) -> AsyncIterator[None]:
        while not self._closed:
            with suppress(TimeoutError):  # the beat
                await asyncio.wait_for(moved.wait(), BEAT_SECONDS)
            if self._closed:
                return
            moved.clear()
            yield

    async def _watch(self) -> None:
        seen: object = None
        while True:
            try:
                found = await self._look()
                if found != seen:
                    if seen is not None:
                        self._tell()
                    seen = found
            except DependencyError as error:
                log.warning("console", code=error.code)
            await self._pause()

    def _tell(self) -> None:
        for moved in self._streams:
            moved.set()

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        self._tell()
