"""The chunks of evidence files answered by a process of its own, as soon as somebody has a file: a lean one.

A broker has its rules, its catalogue and its databases in memory. With the bytes of files on top, their buffers and
what is left of them, it would grow, and its turns would go to them. The process loads what `broker.chunks` needs and
nothing else, and what it takes does not depend on how large a file is.

The first question waits a moment for it. Where it does not begin, or has ended, questions are answered here, so nothing
depends on it. It is told what it needs (addresses, the worker's log-in, the secret of tickets) by its input, which
others on this machine cannot read, and it ends when that does, so also where we are killed.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, Final

import structlog

from broker import chunks
from broker.chunks import Chunks, Room
from bus import subjects
from bus.connection import connected
from bus.files import FileStore
from bus.processes import begun, ended, hear, read_frame, say, tell
from bus.queue import BrokerPort, NatsBroker
from bus.store import Store
from keys import tls
from messages import cbor
from messages.errors import DependencyError, Malformed
from messages.ids import AgencyHandle

log = structlog.get_logger("broker.chunkserver")

START_SECONDS: Final = 30.0
"""For the process to be ready."""
PATIENCE: Final = 3.0
"""Seconds that a question waits for it: less than whoever asks waits for the answer."""
END_SECONDS: Final = 5.0
"""For it to finish what it has in hand."""
PAUSE: Final = 5.0
"""Seconds between two tries where it cannot be started, or we cannot answer instead of it."""


class ChunkServer:
    """Has `files` answered: here at first, then the questions of `chunks.VERBS` in the process. `needs` is what that is
    told. Close it.
    """

    def __init__(self, port: BrokerPort, files: Chunks, needs: dict[str, Any]) -> None:
        self._port = port
        self._files = files
        self._needs = needs
        self._wanted = asyncio.Event()
        self._tried = asyncio.Event()  # the process answers (`_apart`), or could not be started
        self._apart = False
        self._here = AsyncExitStack()

    async def answer(self, agency: AgencyHandle, verb: str, data: bytes) -> bytes:
        """Answer here, if the process is not there a moment later."""
        self._wanted.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._tried.wait()
        if self._apart and verb in chunks.VERBS:
            return b""  # no answer: whoever asks again gets it from the process
        return await self._files.answer(agency, verb, data)

    async def begin(self) -> None:
        """Answer the questions of `chunks.VERBS` here from now on."""
        await self._here.enter_async_context(self._port.serve_asks(self.answer, chunks.VERBS))

    async def close(self) -> None:
        """Answer no more."""
        await self._here.aclose()

    async def run(self, stop: asyncio.Event) -> None:
        """Leave them to the process as long as there is one, until told to stop."""
        while True:
            await _first(self._wanted.wait(), stop.wait())
            process = await self._begun(stop)
            if process is None:
                return
            try:
                self._apart = True
                self._tried.set()
                await self._here.aclose()  # not before the process can be asked
                await _first(process.wait(), stop.wait())
            finally:
                self._apart = False
                await ended(process, END_SECONDS)
            if stop.is_set():
                return
            log.error("chunks-process-ended", status=process.returncode)
            self._wanted.clear()
            self._tried.clear()
            await self._begin_again(stop)

    async def _begun(self, stop: asyncio.Event) -> asyncio.subprocess.Process | None:
        """The process, once it can be asked; None where we are told to stop before."""
        while not stop.is_set():
            process = None
            try:
                process = await begun(__name__)
                await tell(process, self._needs)
                async with asyncio.timeout(START_SECONDS):
                    await hear(process)
                return process
            except (OSError, EOFError, Malformed):  # no process, memory or file is left, or it is not ready in time
                log.warning("chunks-process-missing")
            except BaseException:
                if process is not None:
                    await ended(process)
                raise
            if process is not None:
                await ended(process)
            self._tried.set()
            await _first(stop.wait(), asyncio.sleep(PAUSE))
        return None

    async def _begin_again(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self.begin()
                return
            except DependencyError as error:
                log.warning("bus-trouble", code=error.code)
                await _first(stop.wait(), asyncio.sleep(PAUSE))


async def _first(*waiting: Awaitable[object]) -> None:
    """Until one of them is done."""
    tasks = [asyncio.ensure_future(one) for one in waiting]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


# The process, from inside


async def _serve(told: dict[str, Any]) -> None:
    alone = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), alone.set)  # nothing comes any more but its end
    context = tls.client_context(tls.Files(Path(told["tls"])), _clock()) if told["tls"] is not None else None
    connecting = connected(told["urls"], told["seed"], inbox_prefix=subjects.BROKER_INBOX, name="chunks", tls=context)
    async with connecting as connection:
        store = FileStore(Store(connection))
        room = Room(Path(told["folder"]), store, _clock)
        answering = Chunks(store=store, secret=told["secret"], clock=_clock, room=room)
        port = await NatsBroker.open(connection)
        async with port.serve_asks(answering.answer, chunks.VERBS):
            say({})
            await alone.wait()


def _clock() -> int:
    return time.time_ns() // 1_000_000


def _main() -> None:
    data = read_frame(sys.stdin.buffer)
    if data is not None:
        asyncio.run(_serve(cbor.load(data, len(data), "request")))


if __name__ == "__main__":
    _main()
