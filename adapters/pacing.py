"""How fast one adapter submits: no faster than a broker takes from anybody, so that it is never cut off for flooding.

The broker's side is `bus.overruns`. What is urgent has a pace of its own, so it never waits behind much that is not.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from bus import bounds
from bus.intake import Bucket
from bus.overruns import load
from bus.subjects import Kind, lane_of

_MOMENT: Final = 0.01


class Pacing:
    """One adapter's. `seconds` is a clock that never goes back, with `sleep` to wait on it."""

    def __init__(self, seconds: Callable[[], float], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._seconds = seconds
        self._sleep = sleep
        self._lanes = {"urgent": Bucket(*bounds.SENT_BY_US_URGENT), "normal": Bucket(*bounds.SENT_BY_US)}

    async def turn(self, kind: Kind, data: bytes) -> None:
        """Return when `data` may be submitted; those who ask have their turns in the order in which they ask."""
        lane = self._lanes[lane_of(kind)]
        lane.take(load(1, len(data)), self._seconds())
        await self._sleep(lane.owed(self._seconds()))

    def turned_away(self, kind: Kind) -> None:
        """Note that something was not taken: what else there is waits a moment, and nobody for long."""
        lane, now = self._lanes[lane_of(kind)], self._seconds()
        if lane.owed(now) <= _MOMENT:
            lane.take(bounds.TURNED_AWAY, now)
