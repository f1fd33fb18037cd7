"""A real nats-server for tests, and the people who connect to it.

    async with running_bus(tmp_path, {AGENCY: [CONTACT]}) as bus:
        worker = await bus.worker()              # a Connection with a worker's rights
        adapter = await bus.adapter(AGENCY)      # a Connection with that agency's rights
        broker = await bus.broker()              # NatsBroker on a worker's connection
        port = await bus.agency(AGENCY)          # NatsAgency on the agency's connection

The streams and the consumers of all contacts exist. Leaving the block closes every connection and stops the server.
"""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import nkeys

from bus import subjects
from bus.connection import Connection, connect
from bus.queue import NatsAgency, NatsBroker, NatsSequencer
from bus.server import EmbeddedServer
from bus.store import Store
from keys.nkey import public_of
from messages.ids import AgencyHandle, ContactHandle

HARBOUR = AgencyHandle("aharbour22222")
SHELTER = AgencyHandle("ashelter22222")
DESK = ContactHandle("cdesk22222222")  # of HARBOUR
HELPER = ContactHandle("chelper222222")  # of SHELTER
CONTACTS: Mapping[AgencyHandle, Sequence[ContactHandle]] = {HARBOUR: (DESK,), SHELTER: (HELPER,)}


def new_seed() -> bytes:
    """The seed of a fresh user NKEY."""
    return bytes(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER))


class RunningBus:
    """An embedded server with one worker's login and one login an agency; made by `running_bus`."""

    def __init__(self, folder: Path, contacts: Mapping[AgencyHandle, Sequence[ContactHandle]]) -> None:
        self.contacts = dict(contacts)
        self.worker_seed = new_seed()
        self.seeds = {agency: new_seed() for agency in contacts}
        self.server = EmbeddedServer(folder, self.logins())
        self._opened: list[Connection | NatsBroker | NatsSequencer | NatsAgency] = []

    def logins(self) -> list[subjects.Login]:
        """Every login, as the directory would give them."""
        worker = subjects.Login(public_key=public_of(self.worker_seed), permissions=subjects.worker_permissions())
        return [worker] + [
            subjects.Login(
                public_key=public_of(seed), permissions=subjects.agency_permissions(agency, self.contacts[agency])
            )
            for agency, seed in self.seeds.items()
        ]

    async def prepare(self) -> None:
        """Make streams and consumers."""
        store = Store(await self.worker())
        await store.ensure_streams()
        for agency, contacts in self.contacts.items():
            for contact in contacts:
                await store.ensure_consumers(agency, contact)

    async def worker(self) -> Connection:
        connection = await connect(self.server.url, self.worker_seed, inbox_prefix=subjects.BROKER_INBOX)
        self._opened.append(connection)
        return connection

    async def adapter(self, agency: AgencyHandle) -> Connection:
        connection = await connect(self.server.url, self.seeds[agency], inbox_prefix=subjects.inbox(agency))
        self._opened.append(connection)
        return connection

    async def broker(self) -> NatsBroker:
        port = await NatsBroker.open(await self.worker())
        self._opened.append(port)
        return port

    async def sequencer(self) -> NatsSequencer:
        port = NatsSequencer(await self.worker())
        self._opened.append(port)
        return port

    async def agency(self, agency: AgencyHandle) -> NatsAgency:
        port = await NatsAgency.open(await self.adapter(agency), agency)
        self._opened.append(port)
        return port

    async def close(self) -> None:
        for opened in reversed(self._opened):
            with suppress(Exception):
                await opened.close()
        self._opened.clear()


@asynccontextmanager
async def running_bus(
    folder: Path, contacts: Mapping[AgencyHandle, Sequence[ContactHandle]] = CONTACTS
) -> AsyncIterator[RunningBus]:
    """A server in `folder`, with streams, consumers and logins for `contacts`, for the time of the block."""
    bus = RunningBus(folder, contacts)
    async with bus.server:
        try:
            await bus.prepare()
            yield bus
        finally:
            await bus.close()
