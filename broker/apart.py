"""The database of records written by a process of its own, once there is much to write: one without keys and log-in.

Reading records and marking what they are found by is the most work that a broker has beside deliveries. In one process
the two get in each other's way: every signature that a worker checks gives its turn away and waits for the next one.
Apart, and with a lower priority, the search falls behind where the machine is too small, and deliveries do not.

The process reads requests from its input and ends when that does, so also where we are killed.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

import structlog

from broker.projecting import Found, Here, put
from broker.recordsdb import Moved, RecordsDb, RecordsDown
from messages import cbor
from messages.directory import Directory

log = structlog.get_logger("broker.apart")

MUCH: Final = 24
"""Leaves at once with which the process begins: below it, it would cost more than it brings."""
END_SECONDS: Final = 2.0
"""For the process to end by itself, with what it has in hand."""
NICE: Final = 10
MOVED: Final = "moved"
SIZE: Final = 4
"""Bytes before each request and answer, that say how long it is."""


class Apart:
    """Puts leaves into the database at `where`: few of them here, and more in the process. Close it."""

    def __init__(self, db: RecordsDb, where: Path | str) -> None:
        self._here = Here(db)
        self._where = where
        self._process: asyncio.subprocess.Process | None = None
        self._known: Directory | None = None  # whose contacts the process has been told

    async def take(self, first: int, found: Sequence[Found], directory: Directory) -> list[int]:
        """As `projecting.put`. Raises `RecordsDown` also where the process has ended; the next one begins anew."""
        if self._process is None and (len(found) < MUCH or not await self._begin()):
            return await self._here.take(first, found, directory)
        asked: dict[str, Any] = {"first": first, "found": [list(one) for one in found]}
        if self._known is not directory:
            asked["homes"] = {contact.handle: contact.agency for contact in directory.contacts}
        answer = await self._asked(asked)
        self._known = directory
        if answer.get("error") == MOVED:
            raise Moved
        if "foreign" not in answer:
            raise RecordsDown
        return list(answer["foreign"])

    async def _begin(self) -> bool:
        passed = {k: v for k, v in os.environ.items() if not k.startswith("SAFECONDUCT_")}  # no passphrase
        # -P: a folder called `broker` where we were started is no module of ours
        words = [sys.executable, "-P", "-m", __name__]
        try:
            self._process = await asyncio.create_subprocess_exec(
                *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL, env=passed, start_new_session=True,
            )  # fmt: skip
        except OSError:  # no process, memory or file is left
            log.warning("records-writer-missing")
            return False
        local = isinstance(self._where, Path)
        where = str(self._where.absolute()) if isinstance(self._where, Path) else self._where
        # By its input, for others on this machine can read a command line: the URL may hold a password.
        await self._asked({"where": where, "local": local})
        return True

    async def _asked(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None  # noqa: S101
        try:
            data = cbor.dump(dict(asked))
            process.stdin.write(len(data).to_bytes(SIZE, "big") + data)
            await process.stdin.drain()
            size = int.from_bytes(await process.stdout.readexactly(SIZE), "big")
            answer: dict[str, Any] = cbor.load(await process.stdout.readexactly(size), size, "answer")
        except (OSError, asyncio.IncompleteReadError):
            log.error("records-writer-ended")
            await self.close()
            raise RecordsDown from None
        except BaseException:  # given up in the middle: what it answers later would be read as the answer to another
            self._kill()
            raise
        return answer

    def _kill(self) -> None:
        process, self._process, self._known = self._process, None, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()

    async def close(self) -> None:
        """End the process, if there is one; what it has in hand is finished, or is not in the database at all."""
        process, self._process, self._known = self._process, None, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(END_SECONDS):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


# The process, from inside


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICE)
    reading, writing = sys.stdin.buffer, sys.stdout.buffer
    db: RecordsDb | None = None
    homes: dict[str, str] = {}
    while (asked := _read(reading)) is not None:
        answer: dict[str, Any] = {}
        if db is None:
            db = RecordsDb.open(Path(asked["where"]) if asked["local"] else str(asked["where"]))
        else:
            homes = asked.get("homes", homes)
            found = [(leaf, raw) for leaf, raw in asked["found"]]
            try:
                answer = {"foreign": put(db, asked["first"], found, homes.get)}
            except Moved:
                answer = {"error": MOVED}
            except RecordsDown as error:
                answer = {"error": error.code}
        data = cbor.dump(answer)
        writing.write(len(data).to_bytes(SIZE, "big") + data)
        writing.flush()


def _read(reading: IO[bytes]) -> Any:
    head = reading.read(SIZE)
    if len(head) < SIZE:
        return None
    size = int.from_bytes(head, "big")
    data = reading.read(size)
    return cbor.load(data, size, "request") if len(data) == size else None


if __name__ == "__main__":
    _main()
