"""Faults at random moments under load, on three servers with two brokers and an adapter; then the ledger.

    python -m tests.faults --minutes 10 --seed 7

One fault at a time strikes and is mended again: a server, a broker or the adapter is killed; a server hangs (SIGSTOP);
lines are cut; lines are slow; the next write of a broker or the adapter to its disk fails; a clock jumps; the disk of a
server is full, where the kit may mount a small one (`unshare -Urm`, as `make soak` does). Where nothing was killed for
ten seconds, something is killed next. At the end everything is mended, all servers are killed at once and started
again, and whatever was handed in is handed in again. Then nothing may be lost, nothing be there twice, everything that
arrived be in the log, and the log hold.
"""

import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from audit import fsck
from audit.logdir import LogDir
from audit.tree import leaf_hash
from bench import world
from broker.service import export_log, stores
from bus.server import EmbeddedServer
from cli import loopback
from cli.loopback import Loopback
from cli.services import start_service, stop_service
from keys.unlocking import as_passphrase
from messages.errors import DependencyError
from messages.evidence import Evidence
from messages.signed import Signed
from tests.faults.failing import JUMPS
from tests.faults.load import Traffic
from tests.faults.wire import Wire, laid

RATE = 20.0
"""Messages a second."""
UNDER_WAY = 200
"""Messages that may wait while things are broken; more would be a measure of the machine."""
KILL_EVERY = 10.0
"""Seconds after which a kill is due."""
LEAST = 10
"""Messages that are handed in at least, however slow the lines are at that moment."""
EACH = 3
"""Leaves of every message: submission, decision, retrieval."""
DISK_MB = 512
"""Of the disk that is filled: more than an hour of the load takes."""
Say = Callable[[str], None]


@dataclass
class Outcome:
    """What a run did."""

    faults: Counter[str] = field(default_factory=Counter)
    submitted: int = 0
    leaves: int = 0
    answers: int = 0
    seconds: float = 0.0


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A file system of `DISK_MB` on this new folder while the block runs; None where this process may mount none."""
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if mount is None or unmount is None:
        yield None
        return
    folder.mkdir(parents=True, mode=0o700)
    making = [mount, "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=700", "none", folder]
    if subprocess.run(making, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run([unmount, folder], check=True)


class Kit:
    """One run."""

    def __init__(self, folder: Path, seed: int, say: Say = lambda _line: None) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.say = say
        self.outcome = Outcome()
        self.adapter: asyncio.subprocess.Process | None = None
        self.disk: Path | None = None
        self._killed = 0.0
        self.leaves: set[bytes] = set()  # what the stamps of arrived views promise to be in the log
        self.town: Loopback
        self.traffic: Traffic
        self.wires: list[Wire]

    async def run(self, seconds: float, ports: list[int] | None = None, *, small: bool = False) -> Outcome:
        """Load and faults for so long; raises `AssertionError` where the ledger does not hold. `small`: one server gets
        a small disk of its own, which is filled.
        """
        began = time.monotonic()
        bench = await asyncio.to_thread(world.make, self.folder)
        async with AsyncExitStack() as stack:
            if small:
                self.disk = stack.enter_context(small_disk(self.folder / "nodes" / "node1" / "store"))
                if self.disk is None:
                    self.say("no disk is going to be full: that needs the right to mount one (unshare -Urm)")
            stack.push(self._tell_of)
            self.town = await stack.enter_async_context(
                loopback.running(
                    self.folder, bench.passphrase, ports or loopback.free_ports(3), module="tests.faults.failing"
                )
            )
            self.wires = await stack.enter_async_context(laid(*(s.port for s in self.town.servers)))
            self.url = ",".join(f"tls://127.0.0.1:{wire.port}" for wire in self.wires)
            self.bench = bench
            await self._start_adapter()
            stack.push_async_callback(self._stop_adapter)
            self.traffic = await stack.enter_async_context(Traffic.on(bench, self.url.split(","), receive=False))
            looking = asyncio.create_task(self._look())
            try:
                await self._strike_for(seconds)
                await self._mend_everything()
            finally:
                looking.cancel()
                await asyncio.gather(looking, return_exceptions=True)
            await self._judge()
        self.outcome.seconds = time.monotonic() - began
        return self.outcome

    def _tell_of(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """What brokers and adapter said last is told with whatever went wrong: their logs are gone later."""
        for log in ("brokers.log", "adapter.log") if error is not None else ():
            with suppress(OSError):
                error.add_note(f"{log} ends:\n{(self.folder / log).read_text(errors='replace')[-4_000:]}")

    async def _strike_for(self, seconds: float) -> None:
        load = asyncio.create_task(self.traffic.send(1 << 30, pause=1 / RATE, under_way=UNDER_WAY))
        self._killed = time.monotonic()
        end = self._killed + seconds
        try:
            while time.monotonic() < end or len(self.traffic.ledger.submitted) < LEAST:
                await asyncio.sleep(self.random.uniform(0.3, 2.0))
                if load.done():
                    await load
                await self._strike()
        finally:
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)

    async def _strike(self) -> None:
        kills = [self._server_killed, self._broker_killed, self._adapter_killed]
        others = [
            self._server_hangs,
            self._lines_cut,
            self._lines_slow,
            self._write_fails,
            self._clock_jumps,
            *([self._disk_full] if self.disk else []),
        ]
        strike = self.random.choice(kills if time.monotonic() - self._killed > KILL_EVERY else kills + others)
        if strike in kills:
            self._killed = time.monotonic()
        name = strike.__name__.strip("_").replace("_", " ")
        self.outcome.faults[name] += 1
        self.say(
            f"{len(self.traffic.ledger.submitted):>7} handed in, "
            f"{len(self.traffic.ledger.accepted):>7} accepted: {name}"
        )
        await strike()
        await self._all_up()

    async def _server_killed(self) -> None:
        server = self.random.choice(self.town.servers)
        server.kill()
        await asyncio.sleep(self.random.uniform(0.5, 4.0))
        await self._started(server)

    async def _server_hangs(self) -> None:
        server = self.random.choice(self.town.servers)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(self.random.uniform(0.5, 4.0))
        finally:
            os.kill(server.pid, signal.SIGCONT)

    async def _broker_killed(self) -> None:
        await self.town.kill_broker(self.random.randrange(len(self.town.brokers)))
        await asyncio.sleep(self.random.uniform(0.0, 2.0))

    async def _adapter_killed(self) -> None:
        assert self.adapter is not None
        self.adapter.kill()
        await self.adapter.wait()
        await self._start_adapter()

    async def _lines_cut(self) -> None:
        for wire in self.wires:
            wire.cut()

    async def _lines_slow(self) -> None:
        for wire in self.wires:
            wire.delay = self.random.uniform(0.02, 0.3)
        await asyncio.sleep(self.random.uniform(0.5, 3.0))
        for wire in self.wires:
            wire.delay = 0.0

    async def _write_fails(self) -> None:
        for process in self._one_that_runs():
            process.send_signal(signal.SIGUSR1)
            await asyncio.sleep(self.random.uniform(0.5, 2.0))

    async def _clock_jumps(self) -> None:
        for process in self._one_that_runs():
            process.send_signal(signal.SIGRTMIN + self.random.randrange(len(JUMPS)))
            await asyncio.sleep(self.random.uniform(0.5, 4.0))
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGUSR2)

    def _one_that_runs(self) -> list[asyncio.subprocess.Process]:
        up = [p for p in (*self.town.brokers, self.adapter) if p is not None and p.returncode is None]
        return [self.random.choice(up)] if up else []

    async def _disk_full(self) -> None:
        """The server gives its store up and has to be started again when there is room, as its operators would."""
        assert self.disk is not None
        ballast, server = self.disk / "ballast", self.town.servers[0]
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(1 << 16))
        await asyncio.sleep(self.random.uniform(2.0, 5.0))
        ballast.unlink()
        server.kill()
        await self._started(server)

    async def _started(self, server: EmbeddedServer) -> None:
        """Started again as whoever supervises services does: until it is there."""
        for left in reversed(range(5)):
            try:
                await server.start()
                return
            except DependencyError:
                if not left:
                    raise

    async def _all_up(self) -> None:
        """As whoever supervises services does: what has ended is started again, until it stays."""
        for number, broker in enumerate(self.town.brokers):
            while broker is None or broker.returncode is not None:
                try:
                    await self.town.start_broker(number)
                except DependencyError:
                    await asyncio.sleep(0.5)
                broker = self.town.brokers[number]
        if self.adapter is not None and self.adapter.returncode is not None:
            await self._start_adapter()

    async def _start_adapter(self) -> None:
        party, _, name = world.TO.partition("/")
        arguments = ("adapter", "run", "--home", str(self.folder / party), "--as", name, "--url", self.url)
        secret = as_passphrase(self.bench.passphrase)
        for _ in range(20):
            try:
                self.adapter = await start_service(
                    *arguments, log=self.folder / "adapter.log", secret=secret, module="tests.faults.failing"
                )
                return
            except DependencyError:  # no server may be there just now
                await asyncio.sleep(0.5)
        raise AssertionError("the adapter does not start")

    async def _stop_adapter(self) -> None:
        if self.adapter is not None:
            await stop_service(self.adapter)

    async def _mend_everything(self) -> None:
        self.say("everything is mended: what is on its way arrives")
        await self.traffic.settled(300)
        self.say("all servers die at once, and everything is handed in again")
        for server in self.town.servers:
            server.kill()
        await asyncio.gather(*map(self._started, self.town.servers))
        await self._all_up()
        await self.town.leader()
        await self.traffic.send_everything_again()
        await self.traffic.settled(300)

    async def _look(self) -> None:
        """What the adapter has written for people: one file for each view."""
        inbox = self.folder / world.PROSECUTOR / "inbox"
        seen: set[Path] = set()
        while True:
            for path in set(inbox.glob("*.json")) - seen:
                seen.add(path)
                shown = json.loads(path.read_text())
                self.traffic.ledger.arrived[shown["message"].replace("-", "")][path.stem] = 1
                self.leaves.add(bytes.fromhex(shown["leaf"]))
            self.traffic.changed()
            await asyncio.sleep(0.2)

    async def _judge(self) -> None:
        ledger, target = self.traffic.ledger, self.folder / "exported"
        async with stores(self.town.home, self.town.url) as connection:
            for left in reversed(range(300)):
                shutil.rmtree(target, ignore_errors=True)
                try:
                    await export_log(self.town.home, connection, target)
                    report = await asyncio.to_thread(fsck.check, target)
                    if not report.unsequenced and report.leaves >= EACH * len(ledger.submitted):
                        break
                except DependencyError:  # the streams may still be choosing who leads, and nobody answers until then
                    if not left:
                        raise
                await asyncio.sleep(0.2)
        assert report.first is None, report.first
        assert report.leaves >= EACH * len(ledger.submitted), "something that happened is not in the log"
        ledger.check()
        logged = {leaf_hash(leaf) for leaf in LogDir(target).leaves()}
        assert self.leaves and self.leaves <= logged, "something arrived that is not in the log"
        for evidence in (e for found in ledger.accepted.values() for e in found):
            told = Evidence.from_bytes(Signed.from_bytes(evidence).body)
            assert {told.leaf, *(o.leaf for o in told.outcomes)} <= logged, (
                "something was delivered that is not in the log"
            )
        self.outcome.submitted, self.outcome.leaves = len(ledger.submitted), report.leaves
        self.outcome.answers = ledger.answers
        assert {sha256(raw).digest() for raw in self.traffic.everything.values()} == ledger.submitted.keys()
