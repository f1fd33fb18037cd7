"""Dead letters: submissions on which the flow failed, or which ended worker after worker, and their second chance.

A copy of each waits in the stream DEAD until the operator tries it again, once whatever broke is mended. Trying again
is done by the operator's own process and no worker: what ends that process ends nothing else. What is accepted then is
answered and delivered as if it had just been handed in.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from broker.service import BrokerHome, clock
from broker.worker import TRIES, Worker
from bus import subjects
from bus.connection import Connection
from bus.queue import NatsBroker, Submission
from bus.store import Store
from bus.subjects import Kind
from messages.errors import BadInput
from messages.ids import AgencyHandle


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

    A name may be shortened. Raises `BadInput` for one that names none.
    """
    letters = await waiting(connection)
    chosen = [one for one in letters if not names or any(one.name.startswith(name) for name in names)]
    if unknown := [name for name in names if not any(one.name.startswith(name) for one in letters)]:
        raise BadInput(f"No dead letter is called {unknown[0][:32]!r}; see: safeconduct deadletters list")
    port = await NatsBroker.open(connection)
    worker = Worker(port, home.world(), clock, on_statement=home.stated.add, kept_statements=home.stated.load)
    worker.withdrawn((await port.withdrawals(0))[0])
    failed = 0
    for one in chosen:
        before = worker.set_aside
        again = Submission(one.agency, one.kind, one.data, 1, _settled)
        await worker.handle([again])
        if worker.set_aside == before:
            await port.take_back(again)
        failed += worker.set_aside != before
    return len(chosen) - failed, failed


async def _settled(_word: bytes) -> None:
    """Nothing waits in the queue for this one."""
