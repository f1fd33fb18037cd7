"""Dead letters: submissions on which the flow failed, or which ended worker after worker, and their second chance.

A copy of each waits in the stream DEAD until the operator tries it again, once whatever broke is mended. Trying again
is done by the operator's own process and no worker: what ends that process ends nothing else. What is accepted then is
answered and delivered as if it had just been handed in.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from broker.sequencer import Lag
from broker.service import BrokerHome, check_newest, clock
from broker.worker import TRIES, Worker
from bus import subjects
from bus.connection import Connection
from bus.queue import BrokerPort, NatsBroker, NatsSequencer, SequencerPort, Submission
from bus.store import Store
from bus.subjects import Kind
from messages.errors import BadInput, BundleRefused, DependencyError
from messages.ids import AgencyHandle

LOOKS: Final = 10
"""How often the log is looked at before it counts as standing still; a broker that runs takes entries in at once."""
PAUSE: Final = 0.5
"""Seconds between two of these looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One that was set aside. `name` is the beginning of the digest of its bytes, as in the log."""

    name: str
    agency: AgencyHandle
    kind: Kind
    data: bytes = field(repr=False)


async def waiting(connection: Connection) -> list[DeadLetter]:
    """All that wait, oldest first; not what a worker has in hand just now."""
    return [letter async for letter in _each(Store(connection))]


async def _each(store: Store) -> AsyncIterator[DeadLetter]:
    async for stored in store.each(subjects.DEAD, subjects.DEAD.subjects[0]):
        read = subjects.read_dead(stored.subject)
        if read is not None and int(stored.headers.get(subjects.TRIES, "0")) >= TRIES:
            yield DeadLetter(agency=read[0], kind=read[1], name=read[2], data=stored.data)


async def retry(home: BrokerHome, connection: Connection, names: Sequence[str]) -> tuple[int, int]:
    """Take these (all, without names) through the flow again; how many went through, and how many failed again.

    A name may be shortened. Raises `BadInput` for one that names none; `BundleRefused` and `DependencyError` where a
    broker would admit nothing now either.
    """
    letters = await waiting(connection)
    chosen = [one for one in letters if not names or any(one.name.startswith(name) for name in names)]
    if unknown := [name for name in names if not any(one.name.startswith(name) for one in letters)]:
        raise BadInput(f"No dead letter is called {unknown[0][:32]!r}; see: safeconduct deadletters list")
    port = await NatsBroker.open(connection)
    await _may_admit(home, port, NatsSequencer(connection))
    worker = Worker(port, home.world(), clock, on_statement=home.stated.add, kept_statements=home.stated.load)
    worker.withdrawn((await port.withdrawals(0))[0])
    failed = 0
    for one in chosen:
        before = worker.set_aside
        again = Submission(one.agency, one.kind, one.data, 2, _settled)  # a second try: what broke off is finished
        await worker.handle([again])
        if worker.set_aside == before:
            await port.take_back(again)
        failed += worker.set_aside != before
    return len(chosen) - failed, failed


async def _may_admit(home: BrokerHome, port: BrokerPort, sequencing: SequencerPort) -> None:
    """Return if what a worker asks before it admits anything holds here too."""
    if clock() >= home.bundle.expires:
        raise BundleRefused(
            "expired", "The trust bundle has expired; have the officers publish a new one, then try again."
        )
    await check_newest(port, home.bundle.epoch)
    lag = Lag(sequencing, clock)
    for _ in range(LOOKS):
        await lag.look()
        if not lag.behind:
            return
        await asyncio.sleep(PAUSE)
    raise DependencyError(
        "The log does not hold all that was admitted, so nothing may be admitted now; start the broker, then try again."
    )


async def _settled(_word: bytes) -> None:
    """Nothing waits in the queue for this one."""
