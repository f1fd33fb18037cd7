"""What comes through a port in parts: a pull gives what is there when it is answered, which may be fewer than wait."""

import asyncio

from bus.queue import BrokerPort, SequencerPort, StoredEntry, Submission
from tests.support.patience import PATIENCE


async def pulled(broker: BrokerPort, count: int, *, ack: bool = False) -> list[Submission]:
    """Exactly `count` submissions, in as many pulls as it takes. With `ack` each is done before the next pull, as of a
    worker's: whose backlog is in hand has to wait.
    """
    found: list[Submission] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < count:
            some = await broker.pull(count - len(found), PATIENCE)
            if ack:
                await settled(some)
            found += some
    return found


async def settled(submissions: list[Submission]) -> None:
    """All of these are done."""
    for one in submissions:
        await one.ack()


async def read(sequencer: SequencerPort, after: int, count: int) -> list[StoredEntry]:
    """Exactly `count` entries that follow `after`, in as many readings as it takes."""
    found: list[StoredEntry] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < count:
            found += await sequencer.entries(found[-1].seq if found else after, count - len(found), PATIENCE)
    return found
