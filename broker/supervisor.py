"""Keeps worker processes running: one that ends is started again, later and later while it goes on ending.

It knows nothing of what a worker does. Whoever ends its block has every worker asked to stop (SIGTERM), which finishes
what it has in hand; one that does not stop in time is killed, and what it held is handed out again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol

import structlog

from messages.errors import DependencyError

log = structlog.get_logger("broker.supervisor")

FIRST_PAUSE: Final = 0.5
"""Seconds before the first restart: long enough not to spin, short enough that no queue grows."""
LONGEST_PAUSE: Final = 30.0
STEADY: Final = 60.0
"""A worker that ran for so many seconds was not broken from the start: its next restart is a first one again."""
STOP: Final = 15.0
"""Seconds a worker has to stop: its own ten to drain, and some to close."""


class Process(Protocol):
    """What is needed of `asyncio.subprocess.Process`."""

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs."""

    async def wait(self) -> int:
        """Until it has ended."""

    def terminate(self) -> None:
        """Ask it to stop."""

    def kill(self) -> None:
        """Stop it."""


Start = Callable[[], Awaitable[Process]]


@asynccontextmanager
async def kept_running(
    count: int, start: Start, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> AsyncIterator[None]:
    """Keep `count` processes running while the block does, all of them started when it begins.

    `start` returns when its process is ready, or raises `DependencyError`; the first time that goes to the caller, for
    then the configuration is wrong.
    """
    running: set[Process] = set()

    async def begin() -> Process:
        process = await start()
        running.add(process)
        return process

    async def keep(process: Process | None) -> None:
        clock, wait = asyncio.get_running_loop().time, FIRST_PAUSE
        began = clock()
        while True:
            if process is not None:
                await process.wait()
                running.discard(process)
                log.error("worker-ended", status=process.returncode)
                wait = FIRST_PAUSE if clock() - began >= STEADY else wait
            await pause(wait)
            wait, began = min(2 * wait, LONGEST_PAUSE), clock()
            try:
                process = await begin()
                log.info("worker-restarted")
            except DependencyError as error:
                process = None
                log.error("worker-not-started", code=error.code)

    keeping: list[asyncio.Task[None]] = []
    try:
        for process in await asyncio.gather(*(begin() for _ in range(count))):
            keeping.append(asyncio.create_task(keep(process)))
        yield
    finally:
        for task in keeping:
            task.cancel()
        await asyncio.gather(*keeping, return_exceptions=True)
        await asyncio.gather(*map(_stopped, running))


async def _stopped(process: Process) -> None:
    with suppress(ProcessLookupError):
        if process.returncode is None:
            process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP)
    except TimeoutError:
        log.error("worker-killed")
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
