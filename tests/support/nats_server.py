"""A real nats-server for tests, or a cluster of three, and the people who connect to it.

    async with running_bus(tmp_path, {AGENCY: [CONTACT]}) as bus:
        worker = await bus.worker()              # a Connection with a worker's rights
        adapter = await bus.adapter(AGENCY)      # a Connection with that agency's rights, granted by the callout
        broker = await bus.broker()              # NatsBroker on a worker's connection
        port = await bus.agency(AGENCY)          # NatsAgency on the agency's connection
        await bus.revoke(AGENCY)                 # its login is gone, and its connections are cut

The streams and the consumers of all contacts exist, and one callout service answers. Leaving the block closes every
connection and stops the servers.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import nkeys

from bus import bounds, subjects
from bus.callout import CalloutService, answering_logins
from bus.connection import Connection, connect
from bus.doorkeeper import Doorkeeper
from bus.queue import NatsAgency, NatsBroker, NatsSequencer
from bus.server import ClusterSpec, EmbeddedServer
from bus.store import Store, until_answered
from bus.subjects import Login
from keys.jwt import Issuer, new_issuer_seed
from keys.nkey import public_of
from messages.ids import AgencyHandle, ContactHandle
from tests.support import ports
from tests.support.patience import PATIENCE, patient

HARBOUR = AgencyHandle("aharbour22222")
SHELTER = AgencyHandle("ashelter22222")
DESK = ContactHandle("cdesk22222222")  # of HARBOUR
HELPER = ContactHandle("chelper222222")  # of SHELTER
CONTACTS: Mapping[AgencyHandle, Sequence[ContactHandle]] = {HARBOUR: (DESK,), SHELTER: (HELPER,)}


def new_seed() -> bytes:
    """The seed of a fresh user NKEY."""
    return bytes(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER))


def now() -> int:
    """Milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


class RunningBus:
    """One or three servers with the broker's own logins, a callout service and one login an agency; made by
    `running_bus`.
    """

    def __init__(self, folder: Path, contacts: Mapping[AgencyHandle, Sequence[ContactHandle]], nodes: int) -> None:
        self.contacts = dict(contacts)
        self.worker_seed, self.callout_seed, self.doorkeeper_seed = new_seed(), new_seed(), new_seed()
        self.seeds = {agency: new_seed() for agency in contacts}
        self.issuer = Issuer(new_issuer_seed())
        self.refusals: list[str] = []
        self.servers = _servers(folder, self.logins(), self.issuer.public, nodes)
        self.server = self.servers[0]
        self._stack = AsyncExitStack()
        self._opened: list[Connection | NatsBroker | NatsSequencer | NatsAgency] = []

    @property
    def urls(self) -> list[str]:
        """Every server's."""
        return [server.url for server in self.servers]

    def logins(self) -> list[Login]:
        """The logins in the configuration: the broker's own."""
        return [
            Login(public_key=public_of(self.worker_seed), permissions=subjects.worker_permissions()),
            Login(public_key=public_of(self.callout_seed), permissions=subjects.callout_permissions()),
            Login(public_key=public_of(self.doorkeeper_seed), permissions=subjects.doorkeeper_permissions()),
        ]

    def look_up(self, public_key: str) -> Login | None:
        """The login of an agency, as the directory would give it now."""
        for agency, seed in self.seeds.items():
            if public_of(seed) == public_key:
                rights = subjects.agency_permissions(agency, self.contacts[agency])
                return Login(public_key=public_key, permissions=rights)
        return None

    async def prepare(self) -> None:
        """Make streams and consumers, and answer logins."""
        self.service = await self.callout()
        store = Store(await self.worker())
        await until_answered(lambda: store.ensure_streams(len(self.servers)), bounds.BEGIN_SECONDS)
        for agency, contacts in self.contacts.items():
            for contact in contacts:
                await store.ensure_consumers(agency, contact)

    async def callout(self, server: EmbeddedServer | None = None) -> CalloutService:
        """One more service that answers logins; `connection.close()` ends it."""
        urls = self.urls if server is None else server.url
        connection = await connect(urls, self.callout_seed, inbox_prefix=subjects.CALLOUT_INBOX)
        self._opened.append(connection)
        answering = answering_logins(connection, self.look_up, self.issuer, now, self.refusals.append)
        return await self._stack.enter_async_context(answering)

    async def restart(self, *more: Login) -> None:
        """Start the first server anew, with `more` logins of the broker's own; returns when logins are answered."""
        connection = self.service.connection
        before = connection.reconnects
        self.server.logins = (*self.logins(), *more)
        await self.server.restart()
        async with asyncio.timeout(PATIENCE):
            while connection.reconnects == before:
                await asyncio.sleep(0.01)
        await connection.flush()

    async def cut(self, *agencies: AgencyHandle) -> int:
        """Close the connections of these agencies, on all servers."""
        keys = [public_of(self.seeds[agency]) for agency in agencies]
        return await (await self.doorkeeper()).cut(keys)

    async def doorkeeper(self) -> Doorkeeper:
        connection = await connect(self.urls, self.doorkeeper_seed, inbox_prefix=subjects.DOORKEEPER_INBOX)
        self._opened.append(connection)
        return Doorkeeper(connection)

    async def revoke(self, agency: AgencyHandle) -> int:
        """Take an agency out of the directory, then close its connections; how many there were."""
        door = await self.doorkeeper()
        return await door.cut([public_of(self.seeds.pop(agency))])

    async def worker(self) -> Connection:
        connection = await connect(self.urls, self.worker_seed, inbox_prefix=subjects.BROKER_INBOX)
        self._opened.append(connection)
        return connection

    async def adapter(self, agency: AgencyHandle, server: EmbeddedServer | None = None) -> Connection:
        urls = self.urls if server is None else server.url
        connection = await connect(urls, self.seeds[agency], inbox_prefix=subjects.inbox(agency))
        self._opened.append(connection)
        return connection

    async def broker(self) -> NatsBroker:
        port = await NatsBroker.open(await self.worker())
        await port.take_from(self.contacts)
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
        with suppress(Exception):
            await self._stack.aclose()
        for opened in reversed(self._opened):
            with suppress(Exception):
                await opened.close()
        self._opened.clear()


def _servers(folder: Path, logins: Sequence[Login], issuer: str, nodes: int) -> list[EmbeddedServer]:
    if nodes == 1:
        return [EmbeddedServer(folder, logins, issuer=issuer, port=ports.free(1)[0])]  # after a restart it is the same
    numbers = ports.free(nodes)
    routes = tuple(f"127.0.0.1:{port}" for port in numbers)
    return [
        EmbeddedServer(
            folder / f"node{number}",
            logins,
            name=f"node{number}",
            issuer=issuer,
            cluster=ClusterSpec(name="safeconduct", port=port, routes=routes),
        )
        for number, port in enumerate(numbers)
    ]


@asynccontextmanager
async def running_bus(
    folder: Path, contacts: Mapping[AgencyHandle, Sequence[ContactHandle]] = CONTACTS, *, nodes: int = 1
) -> AsyncIterator[RunningBus]:
    """A server in `folder`, or a cluster of `nodes`, with streams, consumers and logins for `contacts`, for the time of
    the block.
    """
    bus = RunningBus(folder, contacts, nodes)
    async with AsyncExitStack() as stack:
        stack.enter_context(patient())
        for server in bus.servers:
            await stack.enter_async_context(server)
        try:
            await bus.prepare()
            yield bus
        finally:
            await bus.close()
