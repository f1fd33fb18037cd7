"""From RECORDS and LOG into the database that officers search: after the sequencer, and never in its way.

A record goes in only where LOG holds its leaf: what somebody else put into RECORDS is told and left out. A leaf without
a record is passed over where a later leaf says that it has expired; else it stops there and says so, for a leaf that is
passed over is never found again. A host that was away, or has lost its database, goes on or begins anew by itself.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias

import structlog

from audit.errors import AuditError
from audit.expiry import Expiry, expiries, naming
from audit.record import ActRecord, Record, TrustRecord, read_record
from audit.record import leaf as commitment
from broker.recordsdb import Line, Moved, RecordsDb, line_of
from broker.rounds import stopped
from messages import cbor
from messages.directory import Directory
from messages.errors import DependencyError, Malformed

log = structlog.get_logger("broker.projecting")

AT_ONCE: Final = 500
ASKED_AT_ONCE: Final = 100
"""Records that are asked for at the same time, each by itself."""
LOOK_SECONDS: Final = 0.5
REST_SECONDS: Final = 2.0
HELD: Final = 1 << 20

Found: TypeAlias = tuple[bytes, bytes | None]
"""A leaf as LOG has it, and what RECORDS holds of it: None once that has expired."""


class Reads(Protocol):
    """What of the log is read."""

    async def leaves(self, from_index: int, count: int) -> list[bytes]: ...

    async def record(self, index: int) -> bytes | None: ...

    async def records(self, from_index: int, count: int) -> list[bytes | None]: ...


class Writes(Protocol):
    """Who puts leaves into the database."""

    async def take(self, first: int, found: Sequence[Found], directory: Directory) -> list[int]:
        """As `put`, which see."""


class Here:
    """In a thread of this process."""

    def __init__(self, db: RecordsDb) -> None:
        self._db = db

    async def take(self, first: int, found: Sequence[Found], directory: Directory) -> list[int]:
        return await asyncio.to_thread(put, self._db, first, found, directory.home_of)


class RecordMissing(DependencyError):
    """A leaf of the log has no record in RECORDS, and nothing in the log says that it has expired."""

    code = "record-missing"

    def __init__(self, index: int) -> None:
        super().__init__(
            f"The record of leaf {index} is not on the bus, so the search ends before it; check the log and its backup."
        )


async def held(port: Reads, index: int) -> tuple[bytes, bytes] | None:
    """Salt and record of one leaf as RECORDS holds them, or None; not yet held against the log."""
    raw = await port.record(index)
    return _parted(raw) if raw is not None else None


class Remembered:
    """Records that are asked for again and again, read from the bus once: what a leaf commits to does not change.

    What is no longer asked for is forgotten, so nothing is held here longer than somebody finds it.
    """

    def __init__(self, port: Reads) -> None:
        self._port = port
        self._records: dict[int, bytes] = {}

    async def records(self, indices: list[int]) -> list[bytes]:
        """The records of these leaves, as far as they are held."""
        fresh = [index for index in indices if index not in self._records]
        read = await pairs(self._port, fresh)
        found = self._records | {i: pair[1] for i, pair in zip(fresh, read, strict=True) if pair is not None}
        self._records = {index: found[index] for index in indices if index in found}
        return list(self._records.values())


async def pairs(port: Reads, indices: list[int]) -> list[tuple[bytes, bytes] | None]:
    """Salt and record of each of these leaves, as far as they are held; `ASKED_AT_ONCE` are asked for at a time."""
    found: list[tuple[bytes, bytes] | None] = []
    for first in range(0, len(indices), ASKED_AT_ONCE):  # thousands at once would keep the bus from deliveries
        found += await asyncio.gather(*(held(port, index) for index in indices[first : first + ASKED_AT_ONCE]))
    return found


def _parted(raw: bytes) -> tuple[bytes, bytes] | None:
    try:
        value = cbor.load(raw, HELD, "record")
        return bytes(value["salt"]), bytes(value["record"])
    except (Malformed, KeyError, TypeError, ValueError):
        return None


def opened(leaf: bytes, raw: bytes) -> Record | TrustRecord | ActRecord | None:
    """What RECORDS holds of a leaf, if it is what LOG holds of it; else None."""
    pair = _parted(raw)
    try:
        return read_record(pair[1]) if pair is not None and commitment(*pair) == leaf else None
    except (AuditError, ValueError):
        return None


def put(db: RecordsDb, first: int, found: Sequence[Found], home_of: Callable[[str], str | None]) -> list[int]:
    """Put the leaves from `first` on into the database. The indices of those whose record is not what LOG holds: they
    are left out. Blocks; raises as `RecordsDb.take`.
    """
    lines: list[Line] = []
    foreign: list[int] = []
    for index, (leaf, raw) in enumerate(found, start=first):
        if raw is None:
            continue
        record = opened(leaf, raw)
        if record is None:
            foreign.append(index)
        else:
            lines.append(line_of(index, record))
    db.take(first, first + len(found), lines, home_of)
    return foreign


class Projector:
    """Keeps the database of records up with the log. `directory` is asked anew for each batch."""

    def __init__(
        self, db: RecordsDb, port: Reads, directory: Callable[[], Directory], writes: Writes | None = None
    ) -> None:
        """`writes` into `db`; without it a thread does."""
        self._db = db
        self._writes: Writes = writes or Here(db)
        self._port = port
        self._directory = directory
        self._prepared = False
        self.missing = False  # whether it stands before a leaf whose record is missing
        self._expiries: list[Expiry] = []
        self._looked = 0  # until before which leaf the log was searched for what it says of expired records

    async def step(self) -> int:
        """Take one batch of leaves; how many. Raises `DependencyError` where log or database do not answer, and
        `RecordMissing` where the next leaf has no record.
        """
        if not self._prepared:
            await asyncio.to_thread(self._db.prepare)
            self._prepared = True
        first = await asyncio.to_thread(self._db.next)
        leaves = await self._port.leaves(first, AT_ONCE)
        if not leaves:
            return 0
        found: list[Found] = []
        for leaf, raw in zip(leaves, await self._port.records(first, len(leaves)), strict=True):
            if raw is None and not await self._expired(first + len(found)):
                break
            found.append((leaf, raw))
        if not found:
            raise RecordMissing(first)
        try:
            foreign = await self._writes.take(first, found, self._directory())
        except Moved:
            return 1  # another host took them: look again at once
        for index in foreign:
            log.error("foreign-record", index=index)
        return len(found)

    async def _expired(self, index: int) -> bool:
        """Whether the log says that the record of this leaf has expired. Each leaf is looked at for that only once."""
        if naming(self._expiries, index) is not None:
            return True
        self._looked = max(self._looked, index + 1)
        while naming(self._expiries, index) is None and (leaves := await self._port.leaves(self._looked, AT_ONCE)):
            records: dict[int, Record | TrustRecord | ActRecord] = {}
            held = await self._port.records(self._looked, len(leaves))
            for place, (leaf, raw) in enumerate(zip(leaves, held, strict=True), start=self._looked):
                if raw is not None and (record := opened(leaf, raw)) is not None:
                    records[place] = record
            self._expiries += expiries(records)
            self._looked += len(leaves)
        return naming(self._expiries, index) is not None

    async def catch_up(self) -> int:
        """Take all leaves that there are now; how many."""
        total = 0
        while taken := await self.step():
            total += taken
        return total

    async def run(self, stop: asyncio.Event) -> None:
        """Take leaves until `stop` is set. A database that is down is told, and tried again."""
        while not stop.is_set():
            pause = LOOK_SECONDS
            try:
                taken = await self.step()
                self.missing = False
                if taken >= AT_ONCE:  # else what comes meanwhile is taken together: a step costs as much for one leaf
                    continue
            except DependencyError as error:
                self.missing = isinstance(error, RecordMissing)
                log.warning("records-behind", code=error.code)
                pause = REST_SECONDS
            await stopped(stop, pause)
