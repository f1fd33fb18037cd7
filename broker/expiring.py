"""Records expire: after the time for which they are kept the readable form of a leaf goes, and its salt with it.

The order makes a crash harmless. First the log says which leaves lose their records (`records-expired`, a range and the
digest of its leaves); an hour later, so that an export or a check that began before still finds what it counts, the
records are overwritten, from the last of a range to the first: while the first is there, the range is not finished. The
databases of records drop their lines when they read of it. Several brokers on one bus may all do this; it comes to the
same.

What stays: a record about trust and that of an expiry (they date what stood beside them, and name nobody but by
handle); a broken glass that nobody has reviewed; what an officer holds, and whatever else is about the same message;
whatever has its entry still in FLOW, for there it stands readable anyway; and everything behind a record that is not
old enough, whatever its own date says.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from audit.expiry import Expiry, Hold, digest_of, expiries, holds
from audit.record import (
    DECISION,
    PERMITTED,
    RECORDS_EXPIRED,
    RECORDS_HELD,
    ActRecord,
    Record,
    TrustRecord,
    act_record,
    expired_subject,
)
from broker.admit import Admitted, Draft, World
from broker.holds import about, in_force, of_records, on_hold
from broker.projecting import opened
from broker.recordsdb import MAX_PAGE, Query, RecordsDb
from broker.rounds import stopped
from broker.tasks import VITAL, task_key
from bus.subjects import OPERATOR
from messages import limits
from messages.errors import DependencyError, ShareError
from messages.limits import DAY, HOUR

log = structlog.get_logger("broker.expiring")

KEPT_DAYS: Final = 1826
"""Five years, unless `records_days` in broker.json says otherwise."""
FIRST_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 3600.0
WAIT: Final = HOUR
"""Milliseconds between the word in the log and the deed."""
AT_ONCE: Final = 20_000
"""Leaves that are looked at in one round: a log that has grown for years is caught up with over some hours."""
ASKED_AT_ONCE: Final = 50


class Removes(Protocol):
    """What of the log is read, and what of RECORDS is taken away."""

    async def leaves(self, from_index: int, count: int) -> list[bytes]: ...

    async def record(self, index: int) -> bytes | None: ...

    async def entry_held(self, index: int) -> bool: ...

    async def remove_record(self, index: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Found:
    """A leaf whose record is held and opens it."""

    index: int
    record: Record | TrustRecord | ActRecord


def glass_of(record: Record | TrustRecord | ActRecord) -> str | None:
    """Under which key a review of it stands, where this is a broken glass."""
    if not isinstance(record, Record) or (record.type, record.outcome) != (DECISION, PERMITTED):
        return None
    if VITAL not in record.rules or record.message is None or record.recipient is None or record.view is None:
        return None
    return task_key(record.message, record.recipient, record.view)


def never(record: Record | TrustRecord | ActRecord) -> bool:
    """Whether a record of this form does not expire at all."""
    return isinstance(record, TrustRecord) or (isinstance(record, ActRecord) and record.act == RECORDS_EXPIRED)


def old_enough(found: Sequence[Found], before: int) -> list[Found]:
    """Those up to the first that is not older than this moment: what stands behind it is no older, whatever it says."""
    young = next((place for place, one in enumerate(found) if one.record.at >= before), len(found))
    return list(found[:young])


def ranges(indices: Sequence[int]) -> list[tuple[int, int]]:
    """Rising indices as ranges, each from its first to before its end."""
    made: list[tuple[int, int]] = []
    for index in indices:
        if made and made[-1][1] == index:
            made[-1] = (made[-1][0], index + 1)
        else:
            made.append((index, index + 1))
    return made


def expire(first: int, leaves: Sequence[bytes], days: int, world: World, now: int) -> Admitted:
    """The entry by which the log says that the records of these leaves, from `first` on, have expired."""
    subject, digest = expired_subject(first, first + len(leaves), days), digest_of(leaves)
    record = act_record(
        at=now,
        epoch=world.bundle.epoch,
        by=world.worker.handle,
        act=RECORDS_EXPIRED,
        subject=subject,
        outcome="expired",
        digest=digest,
        signer=world.worker.handle,
    )
    return Draft(digest, OPERATOR, world, now).told("p" + subject.hex(), record, limits.LIFETIME)


class Expiring:
    """One broker's sweep. `announce` stores an entry; `reviewed` says whether an entry of the operator stands."""

    def __init__(
        self,
        db: RecordsDb,
        port: Removes,
        announce: Callable[[list[Admitted]], Awaitable[None]],
        reviewed: Callable[[str], Awaitable[bool]],
        world: Callable[[], World],
        days: int,
        clock: Callable[[], int],
    ) -> None:
        self._db = db
        self._port = port
        self._announce = announce
        self._reviewed = reviewed
        self._world = world
        self._days = days
        self._clock = clock
        self._done: set[int] = set()  # leaves of expiries whose records are all gone

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep every hour until `stop` is set, and first a minute from now, when the database has been made and has
        caught up. Bus or database that do not answer are told, and tried again.
        """
        pause = FIRST_SECONDS
        while True:
            if await stopped(stop, pause):
                return
            pause = LOOK_SECONDS
            try:
                await self.sweep()
            except ShareError as error:
                log.warning("records-not-expired", code=error.code)

    async def sweep(self) -> None:
        """Take away what the log says has expired, and let the log say what expires next."""
        now = self._clock()
        said = expiries(await self._acts(RECORDS_EXPIRED))
        held = in_force(holds(await self._acts(RECORDS_HELD)), now)
        for expiry in said:
            if expiry.index in self._done or now < expiry.at + WAIT:
                continue
            if any(h.forbids(expiry) and h.first < expiry.until and expiry.first < h.until for h in held):
                # It was held a moment before, and whoever said that it expired had not read so yet.
                log.error("records-held-not-removed", index=expiry.index)
                continue
            await self._remove(expiry)
            self._done.add(expiry.index)
        if now < self._world().bundle.expires:  # nothing is signed under a bundle that has expired
            await self._say(now, said, held)

    async def _acts(self, act: str) -> dict[int, Record | TrustRecord | ActRecord]:
        """What the log holds of these acts: of the database's word only what the leaves bear out."""
        lines = await asyncio.to_thread(lambda: list(self._db.each(Query(kind=act), AT_ONCE)))
        found = await self._read(sorted(line.index for line in lines))
        return {one.index: one.record for one in found}

    async def _read(self, indices: Sequence[int]) -> list[Found]:
        """The records of these leaves that are held and open them."""
        found: list[Found] = []
        for first in range(0, len(indices), ASKED_AT_ONCE):
            found += [
                one for one in await asyncio.gather(*map(self._one, indices[first : first + ASKED_AT_ONCE])) if one
            ]
        return found

    async def _one(self, index: int) -> Found | None:
        raw, leaves = await self._port.record(index), await self._port.leaves(index, 1)
        record = opened(leaves[0], raw) if raw is not None and leaves else None
        return Found(index, record) if record is not None else None

    async def _remove(self, expiry: Expiry) -> None:
        if await self._port.record(expiry.first) is None:
            return
        leaves = await self._leaves(expiry.first, expiry.until)
        if digest_of(leaves) != expiry.digest:
            raise DependencyError("The log says of other leaves than its own that they expired; run the log check.")
        for index in range(expiry.until - 1, expiry.first - 1, -1):
            await self._port.remove_record(index)
        log.info("records-removed", records=expiry.until - expiry.first)

    async def _leaves(self, first: int, until: int) -> list[bytes]:
        leaves: list[bytes] = []
        while len(leaves) < until - first:
            more = await self._port.leaves(first + len(leaves), min(1000, until - first - len(leaves)))
            if not more:
                raise DependencyError("The log on the bus lacks leaves; run the log check.")
            leaves += more
        return leaves

    async def _say(self, now: int, said: Sequence[Expiry], held: Sequence[Hold]) -> None:
        before = now - self._days * DAY
        leaves_held = sorted({index for hold in held for index in range(hold.first, hold.until)})
        subjects = of_records({one.index: one.record for one in await self._read(leaves_held)})
        going: list[int] = []
        after = -1
        while len(going) < AT_ONCE:
            lines = await asyncio.to_thread(self._db.oldest, after, before, MAX_PAGE)
            found = await self._read([line.index for line in lines])
            old = old_enough(found, before)
            free = (one for one in old if on_hold(one.index, held) is None and about(one.record) not in subjects)
            going += [one.index for one in free if await self._goes(one)]
            if len(old) < MAX_PAGE:
                break
            after = lines[-1].index
        named = [index for index in going if not any(expiry.names(index) for expiry in said)]
        for first, until in ranges(named):
            leaves = await self._leaves(first, until)
            await self._announce([expire(first, leaves, self._days, self._world(), now)])
            log.info("records-expired", records=until - first, days=self._days)

    async def _goes(self, one: Found) -> bool:
        if never(one.record) or await self._port.entry_held(one.index):
            return False
        glass = glass_of(one.record)
        return glass is None or await self._reviewed(glass)
