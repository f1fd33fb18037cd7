"""The gate for agencies' logins: who may come in by the trust bundle, and who is shut out for a while.

The shell around `bus.overruns`. Four times a second it asks the servers how much they were handed; only where that is
more than one agency may send does it ask of whom, and whose queue is full. What was taken of evidence files is not held
against anybody: it is asked for chunk by chunk. Whoever is over is first refused at the door and then cut off. Nothing
here has to survive a crash: who floods is seen again within a second.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

import structlog

from broker.rounds import stopped
from bus import bounds, subjects
from bus.callout import ShutOut
from bus.doorkeeper import Doorkeeper
from bus.intake import Once
from bus.overruns import Overruns, load
from bus.store import Store
from bus.subjects import Login
from messages.directory import Directory
from messages.errors import DependencyError
from messages.evidencefile import SEALED_CHUNK
from messages.ids import AgencyHandle
from messages.limits import DAY

log = structlog.get_logger("broker.gate")

NEARLY_FULL: Final = bounds.PER_SUBJECT * 9 // 10
"""So many wait of an agency and kind that the server refuses what comes, or would had a worker not just taken some."""
FLOOD_LOOK: Final = 10.0
"""Seconds between two looks at whose queue is full."""


class Gate:
    """One broker's. `directory` gives the one in force; `seconds` is a clock that never goes back, `now` milliseconds
    since the Unix epoch.
    """

    def __init__(
        self,
        doorkeeper: Doorkeeper,
        store: Store,
        directory: Callable[[], Directory],
        login: Callable[[str], Login | None],
        now: Callable[[], int],
        seconds: Callable[[], float],
        overruns: Overruns[AgencyHandle] | None = None,
    ) -> None:
        """`login` is what the bundle lets the holder of a public NKEY do, or None."""
        self._doorkeeper = doorkeeper
        self._store = store
        self._directory = directory
        self._login = login
        self._now = now
        self._seconds = seconds
        self._overruns = Overruns[AgencyHandle]() if overruns is None else overruns
        self._chunks: int | None = None  # of evidence files, as many as were ever taken
        self.shut_out = 0
        """How often a login was."""
        self._times: deque[float] = deque()  # when, of the last day
        self._floods: Once[AgencyHandle] = Once(60.0)
        self._look_again = 0.0  # at whose queue is full

    def login(self, nkey: str) -> Login | None:
        """What the holder of a login may do now, or raise `ShutOut`."""
        if self._overruns.shut(nkey, self._seconds()):
            raise ShutOut
        return self._login(nkey)

    def lately(self) -> int:
        """How often a login was shut out in the last day."""
        while self._times and self._times[0] < self._seconds() - DAY / 1000:
            self._times.popleft()
        return len(self._times)

    async def run(self, stop: asyncio.Event) -> None:
        """Look four times a second until `stop` is set."""
        while not stop.is_set():
            try:
                await self.look()
                if self._seconds() >= self._look_again:
                    self._look_again = self._seconds() + FLOOD_LOOK
                    await self.tell_floods()
            except DependencyError as error:
                log.warning("bus-trouble", code=error.code)
            await stopped(stop, bounds.OVERRUN_LOOK)

    async def tell_floods(self) -> None:
        """Record, once a minute and agency, whose queue is so full that the server refuses what comes, or would if a
        worker had not just taken some.
        """
        for agency, waiting in (await self._store.handed_in()).items():
            if waiting >= NEARLY_FULL and (times := self._floods.due(agency, self._seconds())) is not None:
                log.error("agency-floods", agency=agency, waiting=waiting, times=times)

    async def look(self) -> int:
        """Cut off whoever hands in too much; how many logins."""
        if not self._overruns.worth(await self._doorkeeper.totals(), self._seconds()):
            return 0
        readings, waiting, files = await asyncio.gather(
            self._doorkeeper.readings(), self._store.submitted(), self._store.state(subjects.FILES)
        )
        full = {agency for agency, kinds in waiting.items() if kinds.total() >= NEARLY_FULL}
        before, self._chunks = self._chunks, files["last_seq"]
        chunks = max(0, self._chunks - before) if before is not None else 0
        size = chunks * SEALED_CHUNK
        found = self._overruns.look(readings, self._agency, full, self._seconds(), load(chunks, size), size)
        fresh = [cut for cut in found.values() if not cut.again]
        for agency, logins in sorted(Counter(cut.agency for cut in fresh).items()):
            longest = max(cut.seconds for cut in fresh if cut.agency == agency)
            log.error("agency-shut-out", agency=agency, logins=logins, seconds=round(longest))
        self.shut_out += len(fresh)
        self._times += [self._seconds()] * len(fresh)
        if found:
            await self._doorkeeper.cut(found)
        return len(found)

    def _agency(self, nkey: str) -> AgencyHandle | None:
        found = self._directory().login(nkey, self._now())
        return found[0].handle if found is not None else None
