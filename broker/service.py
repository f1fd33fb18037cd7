"""The broker as a process: embedded server, streams, workers, sequencer, and what adapters ask.

Whoever opens it closes it: `serving` starts everything in order and, when its block ends, finishes what is in hand and
stops. Its folder holds nothing that a reader could open: ciphertext, digests, records without personal data.
"""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from audit.logdir import DeliveryLine, EntryLine, RecordLine, write_log_dir
from broker.admit import World
from broker.sequencer import Sequencer
from broker.worker import Worker
from bus import subjects
from bus.connection import Connection, connected
from bus.queue import NatsBroker, NatsSequencer
from bus.server import EmbeddedServer
from bus.store import Store
from keys import keystore
from keys.bundle import Anchor, open_bundle
from keys.domains import KeyKind
from keys.signing import Signer
from messages import cbor
from messages.catalogue import load as load_catalogue
from messages.directory import Bundle
from messages.errors import BadInput, DependencyError, KeyTrouble, Malformed
from messages.ids import AgencyHandle
from policies import edition, rights
from policies.agreements import read_all
from policies.decide import Engine

log = structlog.get_logger("broker.service")

KEY_FILE: Final = "keys/broker.key"


def clock() -> int:
    """Milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerHome:
    """The broker's folder, read and checked."""

    folder: Path
    bundle: Bundle
    bundle_bytes: bytes
    worker: Signer
    log_signer: Signer
    nkey_seed: bytes
    secret: bytes
    port: int | None

    @classmethod
    def open(cls, folder: Path, passphrase: str) -> "BrokerHome":
        """Read `folder`, or raise `KeyTrouble`, `BadInput` or `Unverified` with what to do."""
        if not (folder / "broker.json").is_file():
            raise BadInput(f"{folder} is not a broker's folder; make a practice task force, or name the right folder.")
        try:
            port = json.loads((folder / "broker.json").read_text())["port"]
        except (ValueError, KeyError, TypeError):
            raise BadInput(f"{folder}/broker.json cannot be read; it names the port, or null.") from None
        anchor = Anchor.from_json((folder / "trust" / "officers.json").read_text())
        bundle_bytes = (folder / "trust" / "bundle.cbor").read_bytes()
        bundle = open_bundle(bundle_bytes, anchor)
        edition.check(bundle)
        secrets = keystore.read(folder / KEY_FILE, passphrase)
        handle = secrets.get("worker")
        if not isinstance(handle, str) or bundle.directory.worker(handle) is None:
            raise KeyTrouble("The broker's key is not in the trust bundle; the officers must publish it first.")
        return cls(
            folder=folder,
            bundle=bundle,
            bundle_bytes=bundle_bytes,
            worker=Signer(KeyKind.WORKER, handle, keystore.secret(secrets, "worker-seed")),
            log_signer=Signer(KeyKind.LOG, handle, keystore.secret(secrets, "log-seed")),
            nkey_seed=keystore.secret(secrets, "nkey"),
            secret=keystore.secret(secrets, "secret"),
            port=port if isinstance(port, int) else None,
        )

    def world(self) -> World:
        """What `admit` may look at."""
        agreements = read_all(self.bundle.agreements.items())
        rights.load()  # read once here, not while the first message waits
        return World(
            bundle=self.bundle,
            agreements={a.id: a for a in agreements},
            engine=Engine.load(),
            catalogue=load_catalogue(),
            worker=self.worker,
            secret=self.secret,
        )

    def logins(self) -> list[subjects.Login]:
        """Who may log in to NATS, with what least permissions: the broker, and every agency of the directory."""
        directory = self.bundle.directory
        logins = [subjects.Login(public_key=directory.operator.nkey, permissions=subjects.worker_permissions())]
        for agency in directory.agencies:
            contacts = [c.handle for c in directory.contacts_of(agency.handle)]
            permissions = subjects.agency_permissions(agency.handle, contacts)
            logins.append(subjects.Login(public_key=agency.nkey, permissions=permissions))
        return logins


@dataclass(slots=True)
class Serving:
    """What runs while the block of `serving` does."""

    home: BrokerHome
    server: EmbeddedServer
    worker: Worker
    sequencer: Sequencer
    failed: asyncio.Future[None]


@asynccontextmanager
async def serving(home: BrokerHome) -> AsyncIterator[Serving]:
    """Run server, worker and sequencer while the block does; leaving it drains and stops them."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            EmbeddedServer(home.folder / "nats", home.logins(), port=home.port or _last_port(home.folder))
        )
        connection = await stack.enter_async_context(
            connected(server.url, home.nkey_seed, inbox_prefix=subjects.BROKER_INBOX, name="broker")
        )
        store = Store(connection)
        await store.ensure_streams()
        port = await NatsBroker.open(connection, on_foreign=lambda what: log.error("foreign", what=what))
        stack.push_async_callback(port.close)
        for contact in home.bundle.directory.contacts:
            await port.ensure_consumers(contact.agency, contact.handle)
        sequencing = NatsSequencer(connection)
        stack.push_async_callback(sequencing.close)
        sequencer = Sequencer(
            sequencing,
            home.folder / "log",
            home.log_signer,
            home.bundle.directory.operator.log_vkey,
            home.bundle.directory,
            clock,
        )
        stack.callback(sequencer.close)
        await sequencer.start()
        worker = Worker(port, home.world(), clock, sequencer.may_admit)
        stop = asyncio.Event()
        await stack.enter_async_context(port.serve_asks(_Asks(home, sequencer)))
        tasks = [asyncio.create_task(worker.run(stop)), asyncio.create_task(sequencer.run(stop))]
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for task in tasks:
            task.add_done_callback(lambda t: _tell(t, failed))
        (home.folder / "run").mkdir(mode=0o700, exist_ok=True)
        address = home.folder / "run" / "address"
        address.write_text(server.url)
        (home.folder / "run" / "port").write_text(str(server.port))
        log.info("up", epoch=home.bundle.epoch, leaves=sequencer.size)
        try:
            yield Serving(home, server, worker, sequencer, failed)
        finally:
            stop.set()
            await asyncio.wait(tasks, timeout=10)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            address.unlink(missing_ok=True)
            log.info("down")


def _last_port(folder: Path) -> int | None:
    """The port of the run before, if it is free: adapters that are connected look for the broker where it was."""
    try:
        port = int((folder / "run" / "port").read_text())
        with socket.create_server(("127.0.0.1", port)):
            return port
    except (OSError, ValueError, OverflowError):
        return None


def _tell(task: asyncio.Task[None], failed: asyncio.Future[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None and not failed.done():
        failed.set_exception(error)


class _Asks:
    """What adapters may ask a broker: the trust bundle, the log's head, and proofs about leaves."""

    def __init__(self, home: BrokerHome, sequencer: Sequencer) -> None:
        self._home = home
        self._sequencer = sequencer

    async def __call__(self, agency: AgencyHandle, verb: str, data: bytes) -> bytes:
        match verb:
            case "bundle":
                return self._home.bundle_bytes
            case "head":
                return self._sequencer.head or b""
            case "proof":
                return self._sequencer.prove(data) or cbor.dump(None)
            case "consistency":
                size = cbor.load(data, 16, "size")
                if not isinstance(size, int):
                    raise Malformed("A consistency proof is asked for by a number of leaves.")
                return self._sequencer.prove_consistency(size) or cbor.dump(None)
            case _:
                raise Malformed("Brokers are not asked that.")


@asynccontextmanager
async def stores(home: BrokerHome, url: str | None) -> AsyncIterator[Connection]:
    """A connection to the broker's NATS: the running one at `url`, or a server of our own on the same folder."""
    async with AsyncExitStack() as stack:
        if url is None:
            server = EmbeddedServer(home.folder / "nats", home.logins(), port=home.port)
            url = (await stack.enter_async_context(server)).url
        yield await stack.enter_async_context(
            connected(url, home.nkey_seed, inbox_prefix=subjects.BROKER_INBOX, name="export")
        )


async def export_log(home: BrokerHome, connection: Connection, folder: Path) -> int:
    """Write the log as `python -m audit verify` reads it; how many leaves it has.

    Read order: FLOW first, then the log up to its head. So entries may be missing from FLOW's part that the log has
    already, never the other way round without the reader saying so.
    """
    sequencing = NatsSequencer(connection)
    store = Store(connection)
    try:
        head = await sequencing.last_head()
        if head is None:
            raise DependencyError("The log has no signed head yet; try again in a moment.")
        size = int(head.split(b"\n")[1])
        deliveries = [
            DeliveryLine(subject=m.subject, delivery=m.data) async for m in store.each(subjects.FLOW, "deliver.>")
        ]
        entries = [
            EntryLine(seq=m.seq, subject=m.subject, entry=m.data) async for m in store.each(subjects.FLOW, "entry.>")
        ]
        leaves = await _leaves(sequencing, size)
        records: list[RecordLine] = []
        for index in range(size):
            raw = await sequencing.record(index)
            if raw is not None:
                value = cbor.load(raw, 1 << 20, "record")
                records.append(RecordLine(index=index, salt=value["salt"], record=value["record"]))
        write_log_dir(
            folder,
            leaves=leaves,
            records=records,
            entries=entries,
            deliveries=deliveries,
            workers={w.handle: w.key for w in home.bundle.directory.operator.workers},
            vkey=home.bundle.directory.operator.log_vkey,
            checkpoint=head,
        )
        return size
    finally:
        await sequencing.close()


async def _leaves(port: NatsSequencer, size: int) -> list[bytes]:
    leaves: list[bytes] = []
    while len(leaves) < size:
        more = await port.leaves(len(leaves), min(1000, size - len(leaves)))
        if not more:
            raise DependencyError("The log on the bus lacks leaves that its head counts; call the operator.")
        leaves += more
    return leaves
