"""Measurements on a real server, with everything that is measured in a process of its own."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from statistics import quantiles
from typing import Any

from bench.figures import Figure, Target
from bench.world import Bench
from bus import subjects
from bus.connection import connected
from bus.queue import NatsAgency, NatsBroker
from bus.server import EmbeddedServer
from bus.store import Store
from cli.services import start_service, stop_service
from keys.nkey import public_of

ROOT = Path(__file__).resolve().parent.parent
AT_ONCE = 256
PATIENCE = 600.0


class Child:
    """One process of `bench.children`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def _line(self) -> bytes:
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a measured process ended early (exit code {await self._process.wait()})")
        return line

    async def ready(self) -> None:
        """Return when it waits for `go`."""
        if (await self._line()).strip() != b"ready":
            raise RuntimeError("a measured process did not start")

    def go(self) -> None:
        """Let it work."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")

    async def result(self) -> dict[str, Any]:
        """What it measured, once it is done."""
        found: dict[str, Any] = json.loads(await self._line())
        return found

    async def end(self) -> None:
        """See it out."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        await self._process.wait()


@asynccontextmanager
async def child(errors: Path, **job: Any) -> AsyncIterator[Child]:
    """Start one process and see it out; what it logs goes to `errors`, as a service's would to its file."""
    with errors.open("ab") as sink:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.children",
            json.dumps(job),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=sink,
            cwd=ROOT,
            limit=1 << 26,
        )
    started = Child(process)
    try:
        await started.ready()
        yield started
    finally:
        await started.end()


def _logins(bench: Bench) -> list[subjects.Login]:
    """The broker and the police unit in the server's configuration: logging in is not what is measured here."""
    rights = {
        bench.broker.nkey_seed: subjects.worker_permissions(),
        bench.police.nkey_seed: subjects.agency_permissions(bench.police.agency.handle, ()),
    }
    return [subjects.Login(public_key=public_of(seed), permissions=allowed) for seed, allowed in rights.items()]


async def drained(bench: Bench, folder: Path, messages: list[bytes], **job: Any) -> dict[str, Any]:
    """Fill SUBMIT of a fresh server with `messages`, then let one process take them all; what that process measured."""
    folder.mkdir()
    agency = bench.police.agency.handle
    async with EmbeddedServer(folder / "nats", _logins(bench)) as server:
        async with connected(server.url, bench.broker.nkey_seed, inbox_prefix=subjects.BROKER_INBOX) as connection:
            store = Store(connection)
            await store.ensure_streams()
            port = await NatsBroker.open(connection)
            for contact in bench.broker.bundle.directory.contacts:
                await port.ensure_consumers(contact.agency, contact.handle)
            await port.close()
        async with connected(server.url, bench.police.nkey_seed, inbox_prefix=subjects.inbox(agency)) as connection:
            inlet = await NatsAgency.open(connection, agency)
            for start in range(0, len(messages), AT_ONCE):
                await asyncio.gather(*(inlet.submit("message", m) for m in messages[start : start + AT_ONCE]))
            await inlet.close()
        async with child(
            folder / "stderr",
            folder=str(bench.folder),
            url=server.url,
            count=len(messages),
            agency=bench.recipient.agency,
            contact=bench.recipient.handle,
            log=str(folder / "log"),
            **job,
        ) as process:
            process.go()
            return await process.result()


async def throughput(
    bench: Bench,
    scratch: Path,
    messages: list[bytes],
    naive: int,
    rounds: int,
    step: Callable[[str], None],
) -> list[Figure]:
    """Relay, worker, worker with sequencer, and naive service, in turn and `rounds` times; the best round counts."""
    jobs: dict[str, dict[str, Any]] = {
        "relay-single": {"role": "relay", "batched": False},
        "relay-batch": {"role": "relay", "batched": True},
        "worker": {"role": "worker"},
        "with-log": {"role": "worker", "sequencer": True},
        "naive": {"role": "naive"},
    }
    rate = dict.fromkeys(jobs, 0.0)
    cpu = dict.fromkeys(jobs, float("inf"))
    for turn in range(rounds):
        for name, job in jobs.items():
            step(f"{name}, round {turn + 1}")
            load = messages[:naive] if name == "naive" else messages
            found = await drained(bench, scratch / f"{name}-{turn}", load, **job)
            rate[name] = max(rate[name], len(load) / found["seconds"])
            cpu[name] = min(cpu[name], found["cpu"] / len(load) * 1e6)
    best = max(rate["relay-single"], rate["relay-batch"])
    least = min(cpu["relay-single"], cpu["relay-batch"])
    return [
        Figure("relay-single", "raw relay, published singly", rate["relay-single"], "msg/s"),
        Figure("relay-batch", "raw relay, in atomic batches", rate["relay-batch"], "msg/s"),
        Figure("relay-cpu", "raw relay, CPU (the cheaper way)", least, "µs/msg"),
        Figure("worker", "broker, one worker", rate["worker"], "msg/s"),
        Figure("worker-cpu", "broker, CPU", cpu["worker"], "µs/msg"),
        Figure("worker-ratio", "broker : raw relay, throughput", rate["worker"] / best, "x", Target(">=", 0.6)),
        Figure("worker-cpu-ratio", "broker : raw relay, CPU", cpu["worker"] / least, "x", Target("<=", 3.5)),
        Figure("with-log", "broker with the sequencer in its process, until all is logged", rate["with-log"], "msg/s"),
        Figure("with-log-cpu", "the same, CPU", cpu["with-log"], "µs/msg"),
        Figure("naive", "naive service", rate["naive"], "msg/s"),
        Figure("naive-cpu", "naive service, CPU", cpu["naive"], "µs/msg"),
        Figure("naive-ratio", "broker : naive service, throughput", rate["worker"] / rate["naive"], "x"),
    ]


async def end_to_end(
    bench: Bench, scratch: Path, rate: int, seconds: float, step: Callable[[str], None]
) -> list[Figure]:
    """Sealed by one adapter, opened by another, through `safeconduct up`: all three processes of their own."""
    count = round(rate * seconds)
    step(f"end to end, {count} messages")
    home = bench.broker.folder
    scratch.mkdir()
    service = await start_service("up", "--home", str(home), log=scratch / "up.log")
    try:
        job = {"folder": str(bench.folder), "url": (home / "run" / "address").read_text(), "count": count, "rate": rate}
        async with (
            child(scratch / "receiver", role="receiver", **job) as taking,
            child(scratch / "sender", role="sender", **job) as sending,
        ):
            taking.go()
            sending.go()
            sealed: dict[str, float] = (await sending.result())["sealed"]
            opened: dict[str, tuple[float, int]] = (await taking.result())["opened"]
    finally:
        await stop_service(service)
    whole = quantiles([opened[m][0] - sealed[m] for m in sealed], n=100)
    admitted = quantiles([max(0.01, opened[m][1] - sealed[m]) for m in sealed], n=100)
    taken = (max(o for o, _ in opened.values()) - min(sealed.values())) / 1000
    return [
        Figure("e2e-rate", "end to end: opened", count / taken, "msg/s", note=f"offered {rate} msg/s"),
        Figure("e2e-p50", "end to end, sealed → opened, p50", whole[49], "ms", Target("<=", 10)),
        Figure("e2e-p99", "end to end, sealed → opened, p99", whole[98], "ms", Target("<=", 40)),
        Figure("e2e-admitted-p50", "of that, sealed → taken up by the worker, p50", admitted[49], "ms"),
    ]
