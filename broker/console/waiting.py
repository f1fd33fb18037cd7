"""What waits now: submissions at the broker, views for their recipients, and clocks that run out.

Asked of the bus and of nothing else, for whoever looks, and again only once something in it has moved. The views are
known by their outsides, as `broker.watching` knows them: to whom, since when, until when; never what or about whom.
What stands beside a view is unsigned, so all of this is for people to look at, and nothing is decided by it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from bus import subjects
from bus.queue import Outline
from bus.store import Store
from messages.escalation import Stage, reached
from messages.escalation import urgent as escalates
from messages.ids import AgencyHandle, ContactHandle

HOLD: Final = 5_000
"""Milliseconds: how long what was read holds, also for whoever looks meanwhile."""
MOST: Final = 5_000
"""Views that are looked at: those that wait longest."""
READ: Final = 500
SHOWN: Final = 12
"""Queues, and clocks, that are shown."""


class Looks(Protocol):
    """What of the bus is asked."""

    async def handed_in(self) -> Mapping[AgencyHandle, int]: ...

    async def outlines(self, after_flow_seq: int, limit: int) -> tuple[list[Outline], int]: ...


@dataclass(frozen=True, slots=True)
class Queue:
    """What one contact has not opened, and since when the oldest of it waits. Urgent is what goes before all else, and
    what others are told of when it lies unopened.
    """

    contact: ContactHandle
    views: int
    urgent: int
    since: int


@dataclass(frozen=True, slots=True)
class Clock:
    """A view that nobody has opened and whose clock runs: the urgency's or the kind's, whichever ends first."""

    contact: ContactHandle
    admitted: int
    ends: int
    stage: Stage | None  # who was told last that it lies unopened


@dataclass(frozen=True, slots=True)
class Waiting:
    """All that waits. Queues begin with those that hold urgent messages, and the longest; clocks with the next to end.

    `more`: that there are more views than were looked at.
    """

    submitted: tuple[tuple[AgencyHandle, int], ...]  # handed in and not taken yet, by agency
    aside: int  # copies of submissions on which the broker failed
    views: int
    urgent: int
    overdue: int  # whose clock has ended
    queues: tuple[Queue, ...]
    clocks: tuple[Clock, ...]
    more: bool

    @property
    def at_the_broker(self) -> int:
        """Submissions that are not taken yet."""
        return sum(count for _, count in self.submitted)


def waiting(
    outlines: Iterable[Outline], submitted: Mapping[AgencyHandle, int], aside: int, now: int, *, more: bool = False
) -> Waiting:
    """What these come to at a moment."""
    views, urgent, since = Counter[ContactHandle](), Counter[ContactHandle](), dict[ContactHandle, int]()
    clocks = []
    for outline in outlines:
        contact, watch = outline.contact, outline.watch
        views[contact] += 1
        urgent[contact] += outline.lane == "urgent" or escalates(watch.clock)
        since[contact] = min(watch.admitted, since.get(contact, watch.admitted))
        if watch.clock:
            stages = reached(watch.admitted, watch.clock, now)
            clocks.append(Clock(contact, watch.admitted, watch.admitted + watch.clock, stages[-1] if stages else None))
    queues = [Queue(contact, count, urgent[contact], since[contact]) for contact, count in views.items()]
    return Waiting(
        submitted=tuple(sorted((agency, count) for agency, count in submitted.items() if count)),
        aside=aside,
        views=views.total(),
        urgent=urgent.total(),
        overdue=sum(clock.ends <= now for clock in clocks),
        queues=tuple(sorted(queues, key=lambda q: (-q.urgent, -q.views, q.since, q.contact))),
        clocks=tuple(sorted(clocks, key=lambda c: (c.ends, c.contact))),
        more=more,
    )


class Waits:
    """Looks, for everybody who wants to see it. Raises `DependencyError` where the bus does not answer."""

    def __init__(self, port: Looks, store: Store, clock: Callable[[], int]) -> None:
        self._port = port
        self._store = store
        self._clock = clock
        self._looking = asyncio.Lock()
        self._looked = -HOLD
        self._stood: tuple[object, ...] = ()
        self._views: list[Outline] = []
        self._more = False
        self._submitted: Mapping[AgencyHandle, int] = {}
        self._aside = 0

    async def look(self) -> Waiting:
        """What waits at this moment, as it was known at most five seconds ago."""
        async with self._looking:
            now = self._clock()
            if not 0 <= now - self._looked < HOLD:
                await self._read()
                self._looked = now
            return waiting(self._views, self._submitted, self._aside, now, more=self._more)

    async def _read(self) -> None:
        self._submitted = await self._port.handed_in()
        self._aside = (await self._store.state(subjects.DEAD))["messages"]
        flow = await self._store.state(subjects.FLOW)
        stands = (flow["messages"], flow["first_seq"], flow["last_seq"])
        if stands != self._stood:  # nothing has come or gone: that is told without reading any of it
            self._views, self._more = await self._outlines()
            self._stood = stands

    async def _outlines(self) -> tuple[list[Outline], bool]:
        found: list[Outline] = []
        after = 0
        while True:
            outlines, stands = await self._port.outlines(after, READ)
            found += outlines
            if stands == after:
                return found, False
            if len(found) > MOST:
                return found[:MOST], True
            after = stands
