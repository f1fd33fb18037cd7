"""The database of records written by a process of its own, once there is much to write: one without keys and log-in.

Reading records and marking what they are found by is the most work that a broker has beside deliveries. In one process
the two get in each other's way: every signature that a worker checks gives its turn away and waits for the next one.
Apart, and with a lower priority, the search falls behind where the machine is too small, and deliveries do not.

The process reads requests from its input and ends when that does, so also where we are killed.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import structlog

from broker.projecting import Found, Here, put
from broker.recordsdb import Moved, RecordsDb, RecordsDown
from bus.processes import begun, ended, give_way, hear, read_frame, say, tell
from messages import cbor
from messages.directory import Directory
from messages.errors import Malformed

log = structlog.get_logger("broker.apart")

MUCH: Final = 24
"""Leaves at once with which the process begins: below it, it would cost more than it brings."""
END_SECONDS: Final = 2.0
"""For the process to end by itself, with what it has in hand."""
MOVED: Final = "moved"


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
        try:
            self._process = await begun(__name__)
        except OSError:
            log.warning("records-writer-missing")
            return False
        local = isinstance(self._where, Path)
        where = str(self._where.absolute()) if isinstance(self._where, Path) else self._where
        # By its input, for others on this machine can read a command line: the URL may hold a password.
        await self._asked({"where": where, "local": local})
        return True

    async def _asked(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        process = self._process
        assert process is not None  # noqa: S101
        try:
            await tell(process, asked)
            answer = await hear(process)
        except (OSError, asyncio.IncompleteReadError, Malformed):
            log.error("records-writer-ended")
            await self.close()
            raise RecordsDown from None
        except BaseException:  # given up in the middle: what it answers later would be read as the answer to another
            self._kill(self._let_go())
            raise
        return answer

    async def close(self) -> None:
        """End the process, if there is one; what it has in hand is finished, or is not in the database at all."""
        process = self._let_go()
        if process is not None:
            await ended(process, END_SECONDS)

    def _let_go(self) -> asyncio.subprocess.Process | None:
        process, self._process, self._known = self._process, None, None
        return process

    @staticmethod
    def _kill(process: asyncio.subprocess.Process | None) -> None:
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()


# The process, from inside


def _main() -> None:
    give_way()
    db: RecordsDb | None = None
    homes: dict[str, str] = {}
    while (data := read_frame(sys.stdin.buffer)) is not None:
        asked = cbor.load(data, len(data), "request")
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
        say(answer)


if __name__ == "__main__":
    _main()
