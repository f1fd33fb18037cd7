"""A whole installation on this machine's loopback, to try what clusters do: three nats-servers, each stream on all of
them, and brokers as processes of their own. Everything in it may be killed and started again.

    folder/broker, broker-2 …   one folder for each broker: the same keys, the same epochs
    folder/nodes/node1 …        the servers
    folder/<party>/             the agencies of a practice task force
"""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from broker.service import BrokerHome
from bus import subjects
from bus.connection import connected
from bus.server import ClusterSpec, EmbeddedServer
from bus.store import Store
from cli.services import start_service, stop_service
from keys.unlocking import as_passphrase
from messages.errors import DependencyError

NODES: Final = 3
ELECTION: Final = 60.0
"""Seconds in which a cluster that has a majority has to have leaders."""


class Loopback:
    """Made by `running`. Servers and brokers are counted from 0."""

    def __init__(self, folder: Path, passphrase: str, ports: Sequence[int], brokers: int, module: str) -> None:
        self.folder = folder
        self.passphrase = passphrase
        self.homes = [folder / "broker", *(folder / f"broker-{n}" for n in range(2, brokers + 1))]
        for home in self.homes[1:]:
            shutil.copytree(self.homes[0], home, ignore=shutil.ignore_patterns("nats", "log", "run"))
        self.home = BrokerHome.open(self.homes[0], passphrase)
        routes = tuple(f"127.0.0.1:{port}" for port in ports)
        self.servers: list[EmbeddedServer] = []
        for number, port in enumerate(ports, start=1):
            spec = ClusterSpec(name="safeconduct", port=port, routes=routes)
            self.servers.append(self.home.node(folder / "nodes" / f"node{number}", f"node{number}", spec))
        self.brokers: list[asyncio.subprocess.Process | None] = [None] * brokers
        self.log = folder / "brokers.log"
        self.module = module  # what stands for the command where a broker is started

    @property
    def url(self) -> str:
        """The addresses of all servers, up or not."""
        return ",".join(server.url for server in self.servers)

    async def start_broker(self, number: int) -> None:
        """Start it, and return when it can be used."""
        addresses = [part for server in self.servers for part in ("--nats", server.url)]
        home = str(self.homes[number])
        secret = as_passphrase(self.passphrase)
        self.brokers[number] = await start_service(
            "up", "--home", home, *addresses, log=self.log, secret=secret, module=self.module
        )

    async def kill_broker(self, number: int) -> None:
        """As a power cut would."""
        process, self.brokers[number] = self.brokers[number], None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def leader(self, stream: subjects.StreamSpec = subjects.FLOW) -> int:
        """Which server leads this stream now. Raises `DependencyError` where none does in `ELECTION` seconds."""
        up = [server.url for server in self.servers if server.running]
        connecting = connected(
            up, self.home.nkey_seed, inbox_prefix=subjects.BROKER_INBOX, name="look", tls=self.home.client_tls()
        )
        async with connecting as connection:
            with suppress(TimeoutError):
                async with asyncio.timeout(ELECTION):
                    while True:
                        name = await self._leader(Store(connection), stream)
                        for number, server in enumerate(self.servers):
                            if server.name == name and server.running:
                                return number
                        await asyncio.sleep(0.1)
        raise DependencyError("The cluster has no leader; see the logs of its servers.")

    async def _leader(self, store: Store, stream: subjects.StreamSpec) -> str | None:
        try:
            info = await store.api(f"STREAM.INFO.{stream.name}", None, "looking for the leader")
        except DependencyError:
            return None
        found = info.get("cluster", {}).get("leader")
        return found if isinstance(found, str) else None


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on just now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


@asynccontextmanager
async def running(
    folder: Path, passphrase: str, ports: Sequence[int], brokers: int = 2, module: str = "cli.main"
) -> AsyncIterator[Loopback]:
    """Servers and brokers on the practice task force in `folder`, while the block runs."""
    made = await asyncio.to_thread(Loopback, folder, passphrase, ports, brokers, module)
    async with AsyncExitStack() as stack:
        for server in made.servers:
            stack.push_async_callback(server.stop)
            await server.start()
        try:
            await asyncio.gather(*map(made.start_broker, range(brokers)))
            yield made
        finally:
            await asyncio.gather(*(stop_service(b) for b in made.brokers if b is not None))
