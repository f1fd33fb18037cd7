"""What waits is seen whole over a slow way to the server too: nothing has come yet is not nothing is there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bus import bounds, subjects
from bus.connection import connect
from bus.queue import Admission, NatsBroker, View
from bus.subjects import Watch
from messages.errors import DependencyError
from messages.ids import ViewId
from tests.faults.wire import Wire, laid
from tests.support.nats_server import HARBOUR, HELPER, SHELTER, RunningBus


@asynccontextmanager
async def far_away(bus: RunningBus) -> AsyncIterator[tuple[Wire, NatsBroker]]:
    """A worker's port whose way to the server is 30 ms long each way, and three views that wait."""
    near = await bus.broker()
    for number in range(3):
        view = View(SHELTER, HELPER, "normal", ViewId(f"{number:032x}"), b"view", 3600, Watch(1, 10**13, 0))
        await near.store([Admission(HARBOUR, f"{number:032x}", b"entry", 3600, [view])])
    async with laid(bus.server.port) as (wire,):
        url = f"nats://127.0.0.1:{wire.port}"
        connection = await connect(url, bus.worker_seed, inbox_prefix=subjects.BROKER_INBOX)
        wire.delay = 0.03
        try:
            yield wire, await NatsBroker.open(connection)
        finally:
            wire.delay = 0.0
            await connection.close()


async def test_over_a_slow_way_all_that_waits_is_seen_and_then_that_there_is_no_more(bus: RunningBus) -> None:
    async with far_away(bus) as (_, port):
        seen, after = 0, 0
        while True:
            outlines, last = await port.outlines(after, 500)
            if last == after:
                break
            seen, after = seen + len(outlines), last
        assert seen == 3


async def test_what_waits_and_does_not_come_in_time_is_not_taken_for_nothing(
    bus: RunningBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "REQUEST_SECONDS", 0.001)  # of a reader that hears nothing
    async with far_away(bus) as (_, port):

        async def told(*_: object) -> bool:
            return True

        monkeypatch.setattr(port.streams, "holds", told)
        with pytest.raises(DependencyError):
            await port.outlines(10**6, 500)
