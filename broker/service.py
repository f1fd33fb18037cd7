"""The broker as a process: server, log-ins, trust bundle, streams, workers, sequencer, and what adapters ask.

Whoever opens it closes it: `serving` starts everything in order and, when its block ends, finishes what is in hand and
stops. Its folder holds nothing that a reader could open: ciphertext, digests, records without personal data.

    HOME/broker.json       addresses, and whether TLS is used
    HOME/keys/broker.key   the worker's, the log's and the online key, and the broker's log-ins, sealed
    HOME/trust/            the trust bundle (`broker.bundles`)
    HOME/tls/              key and certificate of this machine (`keys.tls`)
    HOME/nats/  HOME/log/  the server's store; projections of the log, the database of records among them
    HOME/run/              where adapters on this machine find us, while we run
"""

import asyncio
import json
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import structlog

from audit.expiry import LEAST_DAYS
from audit.logdir import DeliveryLine, EntryLine, RecordLine, write_atomically, write_log_dir
from broker import http
from broker.admit import World
from broker.alarming import Alarming, Facts, Relay
from broker.apart import Apart
from broker.bundles import BrokerTrust, Epoch
from broker.chunks import Room
from broker.chunkserver import ChunkServer
from broker.copies import copies
from broker.doors import Doors
from broker.entries import entry_of
from broker.expiring import KEPT_DAYS, Expiring
from broker.files import OPENING, Files
from broker.gate import Gate
from broker.metrics import Readings
from broker.projecting import Projector, Remembered
from broker.recordsdb import FILE as RECORDS_FILE
from broker.recordsdb import VARIABLE as RECORDS_VARIABLE
from broker.recordsdb import RecordsDb
from broker.sequencer import Lag, Sequencer
from broker.stated import Stated
from broker.timelines import timeline
from broker.trust import STEP_TOLD, announce_epoch, announce_step, epoch_key
from broker.watching import Watcher
from broker.witnessing import Witnessing
from broker.worker import Worker
from bus import bounds, subjects
from bus.callout import answering_logins
from bus.connection import Connection, connected
from bus.doorkeeper import Doorkeeper
from bus.files import FileStore
from bus.queue import BrokerPort, NatsBroker, NatsSequencer
from bus.server import ClusterSpec, EmbeddedServer, TlsFiles
from bus.store import Store, until_answered
from keys import keystore, tls
from keys.certificates import Kind as TlsKind
from keys.domains import KeyKind
from keys.jwt import Issuer
from keys.nkey import public_of
from keys.signing import Signer
from keys.unlocking import Passphrase
from messages import cbor
from messages.catalogue import load as load_catalogue
from messages.directory import Bundle, Contact, Directory
from messages.errors import BadInput, BundleRefused, DependencyError, KeyTrouble, Malformed, RemoteError, ShareError
from messages.evidence import Entry
from messages.ids import AgencyHandle
from messages.signed import Signed
from policies import edition, rights
from policies.agreements import Reader
from policies.decide import Engine
from policies.extracts import Sight

try:
    import fcntl
except ImportError:  # pragma: no cover - not a POSIX system: the folder is not locked there
    fcntl = None  # type: ignore[assignment]

log = structlog.get_logger("broker.service")

KEY_FILE: Final = "keys/broker.key"
AT_ONCE: Final = 64  # contacts whose consumers are made at the same time
NEWER: Final = 50
"""How many epochs past ours a broker asks the log about before it starts: those of a year."""
DRAIN: Final = 10.0
"""Seconds to finish what is in hand at the end; what is not finished then is handed out again."""
PORT_FREES: Final = 3.0
"""Seconds for which the port of the run before is waited for."""
LOOK_SECONDS: Final = 0.5
"""Between two looks for a newer epoch: a revocation has to be in force within five seconds of its publication."""


def clock() -> int:
    """Milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerHome:
    """The broker's folder, read and checked."""

    folder: Path
    trust: BrokerTrust = field(repr=False)
    agreements: Reader = field(repr=False)
    sight: Sight = field(repr=False)
    stated: Stated = field(repr=False)
    worker: Signer
    log_signer: Signer
    nkey_seed: bytes = field(repr=False)
    callout_seed: bytes = field(repr=False)
    system_seed: bytes = field(repr=False)
    issuer: Issuer = field(repr=False)
    secret: bytes = field(repr=False)
    host: str
    port: int | None
    http_port: int
    tls: tls.Files | None
    records: Path | str = field(repr=False)  # the database in which officers search; a URL may hold a password
    kept_days: int  # how long the readable form of a leaf is kept
    relay: Relay | None = None  # by which alarms leave as mail

    @classmethod
    def open(cls, folder: Path, passphrase: Passphrase | str) -> "BrokerHome":
        """Read `folder`, or raise `KeyTrouble`, `BadInput` or `Unverified` with what to do."""
        settings = _settings(folder)
        secrets = keystore.read(folder / KEY_FILE, passphrase)
        handle = secrets.get("worker")
        if not isinstance(handle, str):
            raise KeyTrouble("This is not a broker's key file.")
        agreements = Reader()
        trust = BrokerTrust(
            folder / "trust",
            Signer(KeyKind.ONLINE, handle, keystore.secret(secrets, "online-seed")),
            lambda bundle: _take_over(bundle, agreements),
        )
        worker = Signer(KeyKind.WORKER, handle, keystore.secret(secrets, "worker-seed"))
        known = trust.current.bundle.directory.worker(handle)
        if known is None or known.key != worker.public:
            raise KeyTrouble("The broker's key is not in the trust bundle; the officers must publish it first.")
        return cls(
            folder=folder,
            trust=trust,
            agreements=agreements,
            sight=Sight(),
            stated=Stated(folder / "trust"),
            worker=worker,
            log_signer=Signer(KeyKind.LOG, handle, keystore.secret(secrets, "log-seed")),
            nkey_seed=keystore.secret(secrets, "nkey"),
            callout_seed=keystore.secret(secrets, "callout"),
            system_seed=keystore.secret(secrets, "system"),
            issuer=Issuer(keystore.secret(secrets, "issuer")),
            secret=keystore.secret(secrets, "secret"),
            host=str(settings.get("host", http.LOOPBACK)),
            port=_port(settings.get("port")),
            http_port=_port(settings.get("http_port")) or 0,
            tls=tls.Files(folder / "tls") if settings.get("tls") is True else None,
            records=_records(folder, settings),
            kept_days=_kept_days(settings),
            relay=Relay.read(settings.get("smtp"), settings.get("mail_from")),
        )

    @property
    def bundle(self) -> Bundle:
        """The bundle in force."""
        return self.trust.current.bundle

    def world(self) -> World:
        """What `admit` may look at."""
        rights.load()  # read once here, not while the first message waits
        agreements = self.agreements.under(self.bundle.agreements)
        return World(
            bundle=self.bundle,
            agreements=agreements,
            seen_by=self.sight.under(self.bundle.directory.agencies, agreements),
            engine=Engine.load(),
            catalogue=load_catalogue(),
            worker=self.worker,
            secret=self.secret,
            stated=self.stated.load(),
        )

    def seen(self, agency: AgencyHandle) -> frozenset[AgencyHandle]:
        """Of whom the agency's extract tells, itself included."""
        agreements = self.agreements.under(self.bundle.agreements)
        return self.sight.under(self.bundle.directory.agencies, agreements).get(agency, frozenset())

    def server(self) -> EmbeddedServer:
        """The server of this folder."""
        if self.port is not None:
            _frees(self.host, self.port)  # if it does not, the server says so
        port = self.port or _last_port(self.folder)
        return self._server(self.folder / "nats", "safeconduct", self.host, port, None)

    def node(self, folder: Path, name: str, cluster: ClusterSpec) -> EmbeddedServer:
        """One server of a cluster for this broker, in a folder of its own; `name` is unique in the cluster."""
        return self._server(folder, name, cluster.host, None, cluster)

    def _server(
        self, folder: Path, name: str, host: str, port: int | None, cluster: ClusterSpec | None
    ) -> EmbeddedServer:
        """Agencies and contacts log in through the callout, and only we by configuration."""
        own = {
            self.nkey_seed: subjects.worker_permissions(),
            self.callout_seed: subjects.callout_permissions(),
            self.system_seed: subjects.doorkeeper_permissions(),
        }
        return EmbeddedServer(
            folder,
            [subjects.Login(public_key=public_of(seed), permissions=rights) for seed, rights in own.items()],
            name=name,
            host=host,
            port=port,
            issuer=self.issuer.public,
            tls=self._server_tls(),
            cluster=cluster,
        )

    def _server_tls(self) -> TlsFiles | None:
        if self.tls is None:
            return None
        tls.check_files(self.tls, clock(), TlsKind.NODE)
        return TlsFiles(cert=self.tls.certificate, key=self.tls.key, ca=self.tls.authorities)

    def client_tls(self) -> ssl.SSLContext | None:
        """For our own connections to the server."""
        return tls.client_context(self.tls, clock()) if self.tls is not None else None

    def login(self, nkey: str) -> subjects.Login | None:
        """What the holder of a login may do now: the answer to the server's question at every connection."""
        found = self.bundle.directory.login(nkey, clock())
        if found is None:
            return None
        agency, contact = found
        return subjects.Login(
            public_key=nkey,
            permissions=subjects.contact_permissions(agency.handle, contact.handle)
            if contact is not None
            else subjects.agency_permissions(agency.handle, ()),
        )


def _take_over(bundle: Bundle, agreements: Reader) -> None:
    """What a bundle must be besides signed, before we go on under it: one that we can decide by."""
    edition.check(bundle)
    agreements.under(bundle.agreements)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A message bus that others run: the addresses of its servers, and on how many of them each stream is kept."""

    urls: tuple[str, ...]
    replicas: int


@dataclass(slots=True)
class _Taken:
    """The event of the next epoch that is taken over."""

    event: asyncio.Event

    def tell(self) -> None:
        """One has been; whoever waits from now on waits for the next one."""
        event, self.event = self.event, asyncio.Event()
        event.set()


@dataclass(slots=True)
class Serving:
    """What runs while the block of `serving` does."""

    home: BrokerHome
    server: EmbeddedServer | None
    urls: tuple[str, ...]
    worker: Worker
    gate: Gate
    sequencer: Sequencer
    endpoint: http.Endpoint
    failed: asyncio.Future[None]
    _taken: _Taken
    _port: NatsBroker

    async def readings(self) -> Readings:
        """The state of this process and of the streams now."""
        streams: dict[str, dict[str, int]] = {}
        try:
            for spec in subjects.STREAMS:
                streams[spec.name] = await self._port.streams.state(spec)
        except DependencyError:
            streams = {}
        return Readings(
            now=clock(),
            admitted=self.worker.admitted,
            dropped=self.worker.dropped,
            set_aside=self.worker.set_aside,
            foreign=self._port.foreign,
            shut_out=self.gate.shut_out,
            leaves=self.sequencer.size,
            epoch=self.home.bundle.epoch,
            expires=self.home.bundle.expires,
            keeps_up=self.sequencer.may_admit(),
            streams=streams,
        )

    @property
    def taken(self) -> asyncio.Event:
        """Set when the next epoch has been taken over."""
        return self._taken.event


@asynccontextmanager
async def serving(home: BrokerHome, cluster: Cluster | None = None) -> AsyncIterator[Serving]:
    """Run server, log-ins, worker and sequencer while the block does; leaving it drains and stops them.

    With a `cluster` no server of our own is started. Any number of brokers may serve on one, each with a folder of its
    own: they share what is submitted, and one of them writes the log at a time.
    """
    async with AsyncExitStack() as stack:
        if cluster is None:
            server = await stack.enter_async_context(home.server())
            where = Cluster(urls=(server.url,), replicas=1)
        else:
            stack.enter_context(alone(home.folder))
            server, where = None, cluster
        urls = where.urls
        connection = await _connection(stack, home, urls, home.nkey_seed, subjects.BROKER_INBOX, "broker")
        store = Store(connection)
        await store.ensure_streams(where.replicas)
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
        await until_answered(sequencer.start, bounds.BEGIN_SECONDS)
        doorkeeper = await _doorkeeper(stack, home, urls)
        port, worker, followed, watcher = await _worker(
            stack, home, connection, doorkeeper, sequencer.may_admit, sequencer.renew
        )
        gate = Gate(doorkeeper, store, lambda: home.bundle.directory, home.login, clock, time.monotonic)
        callout = await _connection(stack, home, urls, home.callout_seed, subjects.CALLOUT_INBOX, "callout")
        await stack.enter_async_context(
            answering_logins(
                callout, gate.login, home.issuer, clock, on_refused=lambda code: log.info("login-refused", code=code)
            )
        )
        endpoint = await stack.enter_async_context(
            http.listening(
                home.trust,
                clock,
                host=home.host,
                port=home.http_port or _last_port(home.folder, "trust-port") or 0,
                tls=tls.server_context(home.tls, clock()) if home.tls is not None else None,
            )
        )
        records = RecordsDb.open(home.records)
        stack.callback(records.close)
        writing = Apart(records, home.records)
        stack.push_async_callback(writing.close)
        projector = Projector(records, sequencing, lambda: home.bundle.directory, writing)
        expiring = Expiring(
            records,
            sequencing,
            worker.announce,
            lambda key: _standing(port, key),
            lambda: worker.world,
            home.kept_days,
            clock,
        )
        alarming = Alarming(
            home.folder / "log",
            lambda: home.bundle,
            Facts(
                records,
                Remembered(sequencing),
                lambda: home.bundle,
                sequencer.may_admit,
                lambda: projector.missing,
                gate.lately,
            ),
            home.relay,
            clock,
        )
        kept = FileStore(store)
        files = Files(
            store=kept,
            bundle=lambda: home.bundle,
            secret=home.secret,
            clock=clock,
            room=Room(home.folder, kept, clock),
        )
        needs = {
            "urls": list(urls),
            "seed": home.nkey_seed,
            "secret": home.secret,
            "folder": str(home.folder.absolute()),
            "tls": str(home.tls.folder.absolute()) if home.tls is not None else None,
        }
        chunks = ChunkServer(port, files, needs)
        stack.push_async_callback(chunks.close)
        await chunks.begin()
        await stack.enter_async_context(port.serve_asks(_Asks(home, sequencer, port, chunks), _Asks.VERBS))
        taken = _Taken(asyncio.Event())
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        serving = Serving(home, server, urls, worker, gate, sequencer, endpoint, failed, taken, port)
        run = home.folder / "run"
        run.mkdir(mode=0o700, exist_ok=True)
        addresses = {"address": ",".join(urls), "port": urls[0].rpartition(":")[2], "trust": endpoint.url}
        addresses["trust-port"] = endpoint.url.rpartition(":")[2].partition("/")[0]
        for name, text in addresses.items():
            write_atomically(run / name, [text.encode()])
        log.info("up", epoch=home.bundle.epoch, leaves=sequencer.size)
        try:
            parts = (
                *(worker.run, sequencer.run, watcher.run, gate.run),
                *(projector.run, expiring.run, alarming.run, chunks.run),
            )
            async with _running(*parts, following=followed.run(taken), failed=serving.failed):
                yield serving
        finally:
            for name in ("address", "trust"):
                (run / name).unlink(missing_ok=True)
            log.info("down")


@asynccontextmanager
async def working(home: BrokerHome, urls: Sequence[str]) -> AsyncIterator["asyncio.Future[None]"]:
    """Run one more worker, beside the broker that serves at `urls` with the same folder, while the block does; leaving
    it finishes what is in hand. What is yielded is done when it has failed.
    """
    async with AsyncExitStack() as stack:
        connection = await _connection(stack, home, urls, home.nkey_seed, subjects.BROKER_INBOX, "worker")
        lag = Lag(NatsSequencer(connection), clock)
        await lag.look()
        doorkeeper = await _doorkeeper(stack, home, urls)
        _, worker, followed, _ = await _worker(
            stack, home, connection, doorkeeper, lag.may_admit, lambda _directory: None
        )
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        log.info("up", epoch=home.bundle.epoch)
        async with _running(worker.run, lag.run, following=followed.run(_Taken(asyncio.Event())), failed=failed):
            yield failed
    log.info("down")


async def _standing(port: NatsBroker, key: str) -> bool:
    """Whether an entry of the operator's stands under this key."""
    return await port.entry(subjects.OPERATOR, key) is not None


async def _connection(
    stack: AsyncExitStack, home: BrokerHome, urls: Sequence[str], seed: bytes, inbox: str, name: str
) -> Connection:
    connecting = connected(
        urls, seed, inbox_prefix=inbox, name=name, patience=bounds.BEGIN_SECONDS, tls=home.client_tls()
    )
    return await stack.enter_async_context(connecting)


async def _doorkeeper(stack: AsyncExitStack, home: BrokerHome, urls: Sequence[str]) -> Doorkeeper:
    return Doorkeeper(await _connection(stack, home, urls, home.system_seed, subjects.DOORKEEPER_INBOX, "doorkeeper"))


async def _worker(
    stack: AsyncExitStack,
    home: BrokerHome,
    connection: Connection,
    doorkeeper: Doorkeeper,
    may_admit: Callable[[], bool],
    renew: Callable[[Directory], None],
) -> tuple[NatsBroker, Worker, "_Following", Watcher]:
    """A worker that has taken over the epoch in force."""
    port = await NatsBroker.open(connection, on_foreign=lambda what: log.error("foreign", what=what))
    stack.push_async_callback(port.close)
    watcher = Watcher(port, lambda: worker.world, clock)
    worker = Worker(port, home.world(), clock, may_admit, home.stated.add, home.stated.load, watcher.forget)
    followed = _Following(home, port, worker, renew, doorkeeper, watcher)
    await until_answered(followed.begin, bounds.BEGIN_SECONDS)
    return port, worker, followed, watcher


@asynccontextmanager
async def _running(
    *parts: Callable[[asyncio.Event], Coroutine[Any, Any, None]],
    following: Coroutine[Any, Any, None],
    failed: "asyncio.Future[None]",
) -> AsyncIterator[None]:
    """Run `parts` until the block ends; then they are told to stop and have `DRAIN` seconds to finish."""
    stop = asyncio.Event()
    working = [asyncio.create_task(part(stop)) for part in parts]
    tasks = [*working, asyncio.create_task(following)]
    for task in tasks:
        task.add_done_callback(lambda t: _tell(t, failed))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait(working, timeout=DRAIN)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def alone(
    folder: Path, what: str = "serving", says: str = "Another broker runs with this folder; stop it first."
) -> Iterator[None]:
    """Nobody else does this with this folder, or raise `DependencyError`; beside a server of our own, that one sees to
    it that nobody else serves.

    Two brokers in one folder would write one tree of the log.
    """
    run = folder / "run"
    run.mkdir(mode=0o700, exist_ok=True)
    with (run / f"{what}.lock").open("w") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise DependencyError(says) from None
        yield


async def check_newest(port: BrokerPort, epoch: int) -> None:
    """Return if the log knows of no epoch after this one, or raise `BundleRefused`."""
    for newer in range(epoch + 1, epoch + 1 + NEWER):
        if await port.entry(subjects.OPERATOR, epoch_key(newer)) is not None:
            raise BundleRefused(
                "rolled-back",
                f"The log knows a newer trust bundle than epoch {epoch}, the newest that holds in this folder; have it "
                "published here again: safeconduct bundle publish",
            )


class _Following:
    """Follows the trust bundle: announces each epoch in the log, decides under it, and closes the door behind whoever
    it no longer names.
    """

    def __init__(
        self,
        home: BrokerHome,
        port: NatsBroker,
        worker: Worker,
        renew: Callable[[Directory], None],
        doorkeeper: Doorkeeper,
        watcher: Watcher,
    ) -> None:
        """`renew` is told of each directory that we go on under."""
        self._home = home
        self._port = port
        self._worker = worker
        self._renew = renew
        self._doorkeeper = doorkeeper
        self._watcher = watcher
        self._doors = Doors()
        self._taken: Epoch | None = None
        self._withdrawn_until = 0  # the FLOW sequence up to which we have read what was withdrawn

    async def begin(self) -> None:
        """Take over the epoch that is in force at the start.

        Raises `BundleRefused` where the log holds a newer one: whoever damaged or hid that one on our disk would
        otherwise have put an older bundle back into force.
        """
        current = self._home.trust.current
        await check_newest(self._port, current.state.epoch)
        await self._hear_withdrawals()
        await self._take(current)
        await self._close_doors()
        await self._purge()

    async def _hear_withdrawals(self) -> None:
        """Learn of consents that were withdrawn, before we ran or through another broker on the same store."""
        consents, self._withdrawn_until = await self._port.withdrawals(self._withdrawn_until)
        self._worker.withdrawn(consents)

    async def run(self, taken: _Taken) -> None:
        """Take over every newer epoch, and let no login outlive its mandate, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await asyncio.to_thread(self._home.trust.look)
            # Side by side: a server that does not say whom it cut must not hold up what is decided, nor the reverse.
            await asyncio.gather(
                _tried(self._close_doors()), _tried(self._go_on(taken)), _tried(self._hear_withdrawals())
            )

    async def _go_on(self, taken: _Taken) -> None:
        """Decide under the epoch in force, also one that could not be announced the time before; then purge."""
        current = self._home.trust.current
        newer = current is not self._taken
        if newer:
            await self._take(current)
        await self._purge()
        if newer:
            taken.tell()

    async def _take(self, epoch: Epoch) -> None:
        """Announce, then decide under it: never a decision under an epoch that the log does not hold."""
        home, now = self._home, clock()
        world = home.world()
        await self._worker.announce([announce_epoch(epoch.statement, world, now)])
        told = self._taken.state if self._taken is not None else None
        since, after = (told.at, told.epoch) if told is not None else (now - STEP_TOLD, 0)
        for raw in home.trust.steps(since, after):
            try:
                await self._worker.announce([announce_step(Signed.from_bytes(raw), world, now)])
            except RemoteError as error:  # one that nobody may take, or an old one: it was told, or does not count
                log.warning("step-not-announced", code=error.code)
        await self._ensure_consumers(epoch.bundle.directory)
        await self._worker.take(world)
        self._renew(epoch.bundle.directory)
        self._taken = epoch
        log.info("epoch", epoch=epoch.state.epoch)

    async def _ensure_consumers(self, directory: Directory) -> None:
        """Make sure that every contact that is new since the epoch taken last can pull."""
        before = self._taken.bundle.directory if self._taken is not None else None
        new: list[Contact] = []
        if before is None or before.agencies is not directory.agencies:
            await self._port.take_from(a.handle for a in directory.agencies)
        for agency in directory.changed_since(before):
            handles = {c.handle for c in before.contacts_of(agency)} if before is not None else set()
            new += (c for c in directory.contacts_of(agency) if c.handle not in handles)
        for start in range(0, len(new), AT_ONCE):
            batch = new[start : start + AT_ONCE]
            await asyncio.gather(*(self._port.ensure_consumers(c.agency, c.handle) for c in batch))

    async def _close_doors(self) -> None:
        """Cut whoever may not be inside any more, or has other rights. What fails is done the next time."""
        self._doors.look(self._home.bundle.directory, clock(), self._home.login)
        if self._doors.to_cut:
            cut = await self._doorkeeper.cut(self._doors.to_cut)
            log.info("doors-closed", logins=len(self._doors.to_cut), connections=cut)
            self._doors.to_cut.clear()

    async def _purge(self) -> None:
        """Remove what waits for whoever was shut out; once the worker decides by that, so that nothing follows."""
        for contact in list(self._doors.to_purge.values()):
            purged = await self._watcher.shut_out(contact.handle)
            # Notices alone: a view of a message goes with its evidence or not at all.
            purged += await self._port.remove_notices(contact.agency, contact.handle)
            self._doors.purged(contact.handle)
            log.info("views-purged", contact=contact.handle, views=purged)


async def _tried(doing: Awaitable[None]) -> None:
    """Do what the bus may not let us now; what is left of it is done the next time."""
    try:
        await doing
    except DependencyError as error:
        log.warning("bus-trouble", code=error.code)


def _settings(folder: Path) -> dict[str, object]:
    if not (folder / "broker.json").is_file():
        raise BadInput(f"{folder} is not a broker's folder; make a practice task force, or name the right folder.")
    try:
        value = json.loads((folder / "broker.json").read_text(encoding="utf-8"))
    except (ValueError, OSError):
        value = None
    if not isinstance(value, dict) or "port" not in value:
        raise BadInput(f"{folder}/broker.json cannot be read; it names the port, or null.")
    return value


def _records(folder: Path, settings: dict[str, object]) -> Path | str:
    """Where the database of records is: what the environment says, then broker.json; else a file of our own."""
    named = os.environ.get(RECORDS_VARIABLE) or settings.get("records")
    if isinstance(named, str):
        return named
    (folder / "log").mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / "log" / RECORDS_FILE


def _kept_days(settings: dict[str, object]) -> int:
    days = settings.get("records_days", KEPT_DAYS)
    if type(days) is not int or not LEAST_DAYS <= days < 2**31:
        raise BadInput(f"`records_days` in broker.json is a whole number of days, from {LEAST_DAYS} on.")
    return days


def _port(value: object) -> int | None:
    return value if type(value) is int and 0 < value < 65536 else None


def _last_port(folder: Path, name: str = "port") -> int | None:
    """The port of the run before, if it is free: adapters that are connected look for the broker where it was."""
    try:
        port = int((folder / "run" / name).read_text())
        return port if _frees("127.0.0.1", port) else None
    except (OSError, ValueError, OverflowError):
        return None


def _frees(host: str, port: int) -> bool:
    """Whether this port is free, or becomes so: the server of a broker that was killed ends a moment after it."""
    until = time.monotonic() + PORT_FREES
    while True:
        try:
            with socket.create_server((host, port)):
                return True
        except OSError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.05)


def _tell(task: asyncio.Task[None], failed: asyncio.Future[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None and not failed.done():
        failed.set_exception(error)


class _Asks:
    """What adapters may ask a broker: the time, the epoch in force, the log's head, proofs about leaves, and for room
    for evidence files, or tickets. (Their chunks are asked of the `ChunkServer`.)

    Whoever asks is told of itself alone: no question takes another agency's handle.
    """

    VERBS: Final = OPENING | {
        *("time", "epoch", "head", "proof", "witnessed", "consistency", "timeline", "offered", "cosign", "final"),
        "withdrawal",
    }

    def __init__(self, home: BrokerHome, sequencer: Sequencer, port: NatsBroker, files: ChunkServer) -> None:
        self._home = home
        self._sequencer = sequencer
        self._port = port
        self._files = files
        self._witnessing = Witnessing(port, lambda: sequencer.head, lambda: home.bundle)

    async def __call__(self, agency: AgencyHandle, verb: str, data: bytes) -> bytes:
        match verb:
            case verb if verb in OPENING:
                return await self._files.answer(agency, verb, data)
            case "time":
                return cbor.dump(clock())
            case "epoch":
                return await self._epoch(agency, data)
            case "head":
                return self._sequencer.head or b""
            case "proof":
                return self._sequencer.prove(data) or cbor.dump(None)
            case "witnessed":
                final = await self._port.last_final()
                return (self._sequencer.prove(data, final) if final is not None else None) or cbor.dump(None)
            case "consistency":
                size = cbor.load(data, 16, "size")
                if not isinstance(size, int):
                    raise Malformed("A consistency proof is asked for by a number of leaves.")
                return self._sequencer.prove_consistency(size) or cbor.dump(None)
            case "timeline":
                return await timeline(data, agency, self._home.bundle.directory, self._port)
            case "offered":
                return cbor.dump(self._witnessing.offered(clock()))
            case "cosign":
                return await self._witnessing.take(data, clock())
            case "final":
                return cbor.dump(await self._port.last_final())
            case "withdrawal":
                directory = self._home.bundle.directory
                return await copies(data, agency, self._home.seen(agency), directory, self._port)
            case _:
                raise Malformed("Brokers are not asked that.")

    async def _epoch(self, agency: AgencyHandle, data: bytes) -> bytes:
        """An epoch's statement, the place of this agency's extract in it, and the log's record of it: of the epoch in
        force, or one that was.
        """
        wanted = cbor.load(data, 16, "epoch")
        if type(wanted) is not int or not 0 < wanted <= self._home.trust.current.state.epoch:
            return cbor.dump(None)
        place = await asyncio.to_thread(self._home.trust.place, agency, wanted)
        if place is None:
            return cbor.dump(None)
        statement, index, path = place
        stored = await self._port.entry(subjects.OPERATOR, epoch_key(statement.epoch))
        if stored is None:
            return cbor.dump(None)
        entry = entry_of(stored.data, self._home.bundle.directory)
        if entry.submission != sha256(statement.to_bytes()).digest():
            raise ShareError
        salt, record = entry.records[0]
        return cbor.dump(
            {"statement": statement.to_bytes(), "index": index, "path": list(path), "salt": salt, "record": record}
        )


@asynccontextmanager
async def stores(home: BrokerHome, url: str | None) -> AsyncIterator[Connection]:
    """A connection to the broker's NATS: the running one at `url`, or a server of our own on the same folder."""
    async with AsyncExitStack() as stack:
        if url is None:
            url = (await stack.enter_async_context(home.server())).url
        yield await stack.enter_async_context(
            connected(url, home.nkey_seed, inbox_prefix=subjects.BROKER_INBOX, name="export", tls=home.client_tls())
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
            final=await _final(store, size),
        )
        return size
    finally:
        await sequencing.close()


async def _final(store: Store, size: int) -> bytes | None:
    """The newest head that witnesses cosigned, as far as the leaves that are exported reach."""
    found = await store.last(subjects.HEADS, subjects.FINAL)
    return found.data if found is not None and int(found.data.split(b"\n")[1]) <= size else None


async def all_records(connection: Connection) -> list[bytes]:
    """Every readable record that is held: of the log, and of entries that are on their way into it."""
    store = Store(connection)
    found: dict[bytes, None] = {}
    first = 1
    while some := await store.several(subjects.RECORDS, "record.*", first, 500):
        for one in some:
            found[cbor.load(one.data, 1 << 20, "record")["record"]] = None
        first = some[-1].seq + 1
    async for entry in store.each(subjects.FLOW, subjects.ENTRIES):
        try:
            held = Entry.from_bytes(Signed.from_bytes(entry.data).body)
        except ShareError:
            continue
        found.update((record, None) for _, record in held.records)
    return list(found)


async def _leaves(port: NatsSequencer, size: int) -> list[bytes]:
    leaves: list[bytes] = []
    while len(leaves) < size:
        more = await port.leaves(len(leaves), min(1000, size - len(leaves)))
        if not more:
            raise DependencyError("The log on the bus lacks leaves that its head counts; call the operator.")
        leaves += more
    return leaves
