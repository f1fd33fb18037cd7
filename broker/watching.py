"""Watches every view that waits: that it was handed over, that nobody opens what is urgent, that its time has ended.

The shell around `broker.steps`. It knows the views by their outsides, in the order in which they were stored, and reads
one only when there is something to say about it; a view that was retrieved meanwhile is never read at all, and needs
no Delivery: its Retrieval says more. Nothing here has to survive a crash: at the next start all that waits is seen
again, and every step is stored at most once.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

import structlog

from broker import steps
from broker.admit import Admitted, World
from broker.rounds import stopped
from broker.steps import Waiting, step_of
from broker.worker import stored
from bus.queue import AlreadyStored, BrokerPort, Outline
from bus.subjects import LANES, Lane
from messages.errors import DependencyError, RemoteError
from messages.escalation import reached
from messages.ids import AgencyHandle, ContactHandle, ViewId
from messages.limits import MINUTE

log = structlog.get_logger("broker.watching")

LOOK_SECONDS: Final = 2.0
READ: Final = 500  # outlines in one reading
LANES_AT_ONCE: Final = 64  # lanes of contacts looked into at each look: ten thousand of them are seen in five minutes
STORED_AT_ONCE: Final = 100
AFRESH: Final = 10 * MINUTE
"""Between two readings of all that waits: so what another broker's worker took away is forgotten here too."""

_Lane = tuple[ContactHandle, Lane]


class Watcher:
    """One broker's watch. `world` gives what is in force now; `clock` milliseconds."""

    def __init__(self, port: BrokerPort, world: Callable[[], World], clock: Callable[[], int]) -> None:
        self._port = port
        self._world = world
        self._clock = clock
        self._open: dict[_Lane, dict[ViewId, Outline]] = {}  # not handed over yet; lanes in the order of their turn
        self._handed: dict[ViewId, Outline] = {}  # handed over, and not retrieved yet
        self._told: dict[ViewId, int] = {}  # of an urgent view, how many stages were told
        self._after = 0
        self._afresh = 0
        self._looking = asyncio.Lock()

    @property
    def watched(self) -> int:
        """How many views are known to wait."""
        return len(self._handed) + sum(map(len, self._open.values()))

    def forget(self, view_id: ViewId, contact: ContactHandle) -> None:
        """This view was retrieved."""
        self._handed.pop(view_id, None)
        self._told.pop(view_id, None)
        for lane in LANES:
            self._open.get((contact, lane), {}).pop(view_id, None)

    async def run(self, stop: asyncio.Event) -> None:
        """Look every two seconds until `stop` is set."""
        while not stop.is_set():
            try:
                await self.look()
            except DependencyError as error:
                log.warning("bus-trouble", code=error.code)
            await stopped(stop, LOOK_SECONDS)

    async def look(self) -> None:
        """See what waits, and say what there is to say about it."""
        async with self._looking:
            now = self._clock()
            if now >= self._world().bundle.expires:
                return  # nothing is signed under a bundle that has expired
            await self._catch_up(now)
            await self._end(self._known(lambda o: o.watch.until < now), steps.EXPIRED, now)
            for lane in list(self._open)[:LANES_AT_ONCE]:
                await self._hand_over(lane, now)
            await self._escalate(now)

    async def shut_out(self, contact: ContactHandle) -> int:
        """Take away what waits for a contact that may not have it any more, each with its evidence; how many."""
        async with self._looking:
            now = self._clock()
            await self._catch_up(now)
            return await self._end(self._known(lambda o: o.contact == contact), steps.SHUT_OUT, now)

    def _known(self, wanted: Callable[[Outline], bool]) -> list[Outline]:
        known = chain(self._handed.values(), *(views.values() for views in self._open.values()))
        return [outline for outline in known if wanted(outline)]

    async def _catch_up(self, now: int) -> None:
        known: dict[ViewId, Outline] = {}  # what was said of these before this reading is not said again
        told: dict[ViewId, int] = {}
        if now - self._afresh >= AFRESH:
            known, told = self._handed, self._told
            self._open, self._handed, self._told, self._after, self._afresh = {}, {}, {}, 0, now
        while True:
            outlines, after = await self._port.outlines(self._after, READ)
            for outline in outlines:
                if outline.view_id in known:
                    self._handed[outline.view_id] = outline
                else:
                    self._open.setdefault((outline.contact, outline.lane), {})[outline.view_id] = outline
                if outline.view_id in told:
                    self._told[outline.view_id] = told[outline.view_id]
            if after == self._after:
                return
            self._after = after

    async def _hand_over(self, lane: _Lane, now: int) -> None:
        """Say what of this lane was handed over; the lane has its turn again as long as something else of it waits."""
        views = self._open.pop(lane)
        if not views:
            return
        try:
            floor = await self._port.handed_over(*lane)
            done = [outline for outline in views.values() if outline.seq <= floor]
            waiting = await self._read(done)
            await self._say([(steps.delivered(w, self._world(), now), w.sender.agency) for w in waiting])
            for outline in done:
                del views[outline.view_id]
            self._handed |= {w.view_id: o for w in waiting for o in done if o.view_id == w.view_id}
        finally:
            if views:
                self._open[lane] = views

    async def _escalate(self, now: int) -> None:
        """Tell who has to know that an urgent view was not opened, each stage once."""

        def due(outline: Outline) -> int:
            return len(reached(outline.watch.admitted, outline.watch.clock, now))

        late = self._known(lambda o: due(o) > self._told.get(o.view_id, 0))
        for waiting in await self._read(late):
            world = self._world()
            stages = steps.due_stages(waiting, world, now)[self._told.get(waiting.view_id, 0) :]
            for stage in stages:
                try:
                    await self._port.store([stored(steps.escalated(waiting, stage, world, now))])
                    log.warning("unopened", stage=stage.value, contact=waiting.contact)
                except AlreadyStored:
                    continue  # by another broker, or before we started
        self._told |= {outline.view_id: due(outline) for outline in late}

    async def _end(self, over: Sequence[Outline], why: str, now: int) -> int:
        """Evidence first, then the view goes: after a crash in between it is said no second time, and goes then.

        What stands beside a view says when to look; that its time has ended, its sender's signature alone.
        """
        for lane in {(o.contact, o.lane) for o in over if o.view_id not in self._handed}:
            await self._hand_over(lane, now)
        ended = 0
        for start in range(0, len(over), STORED_AT_ONCE):
            part = over[start : start + STORED_AT_ONCE]
            waiting = await self._read(part)
            if why == steps.EXPIRED:
                early = {w.view_id: w.manifest.expires for w in waiting if w.manifest.expires >= now}
                self._look_again(part, early)
                part = [outline for outline in part if outline.view_id not in early]
                waiting = [w for w in waiting if w.view_id not in early]
            said = [
                (steps.ended(w, why, self._world(), now, handed_over=w.view_id in self._handed), w.sender.agency)
                for w in waiting
            ]
            await self._say(said)
            for outline in part:
                ended += await self._port.remove_view(outline.agency, outline.contact, outline.view_id)
                self.forget(outline.view_id, outline.contact)
        if ended:
            log.info("views-ended", why=why, views=ended)
        return ended

    def _look_again(self, outlines: Iterable[Outline], ends: Mapping[ViewId, int]) -> None:
        """Go by these times, which are signed, for the views that were to end before: somebody has moved what stands
        beside them.
        """
        for outline in outlines:
            until = ends.get(outline.view_id)
            if until is None:
                continue
            self._port.report_foreign("view-time")
            for views in (self._handed, self._open.get((outline.contact, outline.lane), {})):
                if outline.view_id in views:
                    views[outline.view_id] = replace(outline, watch=replace(outline.watch, until=until))

    async def _read(self, outlines: Iterable[Outline]) -> list[Waiting]:
        """Those that still wait and hold. What does not hold is reported."""
        found: list[Waiting] = []
        directory = self._world().bundle.directory
        for outline in outlines:
            data = await self._port.view(outline.agency, outline.contact, outline.view_id)
            try:
                if data is not None:
                    found.append(steps.read(data, outline.contact, outline.view_id, directory))
            except RemoteError:
                self._port.report_foreign("view")
        return found

    async def _say(self, said: Sequence[tuple[Admitted, AgencyHandle]]) -> None:
        """Store what is new of it, in batches, then tell the senders."""
        for start in range(0, len(said), STORED_AT_ONCE):
            left = {(a.agency, a.key): (a, sender) for a, sender in said[start : start + STORED_AT_ONCE]}
            while left:
                try:
                    await self._port.store([stored(a) for a, _ in left.values()])
                    break
                except AlreadyStored as standing:
                    for name in standing.keys:
                        left.pop(name, None)
            for admitted, sender in left.values():
                await self._port.answer(sender, step_of(admitted.entry).to_bytes())
