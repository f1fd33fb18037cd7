"""How long a test waits for what must come."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import pytest

from bus import bounds

PATIENCE: Final = 60.0
"""Seconds; reached only by a failing test, so as long as a busy machine may stand still."""
_MOMENT: Final = 0.05


@contextmanager
def patient() -> Iterator[None]:
    """For the time of the block nothing is handed out once more because a test was slow to say that it is done, and no
    server is given up for having been slow to answer.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds, "ACK_SECONDS", 10 * PATIENCE)
        patch.setattr(bounds, "CUT_SECONDS", PATIENCE)
        patch.setattr(bounds, "SWEEP_SECONDS", PATIENCE / 2)
        yield


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Like `asyncio.timeout`, but a machine that stood still for a while is none of what is measured: each of many
    short sleeps counts as what it should take, or as the CPU that this process took meanwhile, whichever is more.
    """
    async with asyncio.timeout(None) as limit:

        async def count() -> None:
            spent, before = 0.0, time.process_time()
            while spent < seconds:
                await asyncio.sleep(_MOMENT)
                now = time.process_time()
                spent, before = spent + max(_MOMENT, now - before), now
            limit.reschedule(0)

        counting = asyncio.create_task(count())
        try:
            yield
        finally:
            counting.cancel()
