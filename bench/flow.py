"""Measurements on a real server, with everything that is measured in a process of its own."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice, product
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from bench import world
from bench.figures import Figure, Target
from bench.world import Bench
from bus import subjects
from bus.connection import connected
from bus.queue import NatsAgency, NatsBroker
from bus.server import ClusterSpec, EmbeddedServer
from bus.store import Store
from cli.loopback import free_ports
from cli.services import start_service, stop_service
from keys.nkey import public_of
from messages.errors import DependencyError

ROOT = Path(__file__).resolve().parent.parent
AT_ONCE = 256
PATIENCE = 3600.0
"""Seconds for a measured process to say that it is done: a million messages take a while."""
FULL_PAUSE = 0.5
"""Seconds between two tries of what a full queue did not take."""


class Child:
    """One process of `bench.children`."""

    def __init__(self, process: asyncio.subprocess.Process, errors: Path) -> None:
        self._process = process
        self._errors = errors

    async def _line(self) -> bytes:
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = await self._process.stdout.readline()
        if not line:
            code, said = await self._process.wait(), self._errors.read_text(errors="replace")[-4_000:]
            raise RuntimeError(f"a measured process ended early (exit code {code}): {said}")
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
    started = Child(process, errors)
    try:
        await started.ready()
        yield started
    finally:
        await started.end()


def _logins(bench: Bench) -> list[subjects.Login]:
    """The broker and the police unit in the server's configuration: logging in is not what is measured here."""
    rights = {
        bench.broker.nkey_seed: subjects.worker_permissions(),
        bench.home.nkey_seed: subjects.agency_permissions(bench.home.agency.handle, ()),
    }
    return [subjects.Login(public_key=public_of(seed), permissions=allowed) for seed, allowed in rights.items()]


@asynccontextmanager
async def served(bench: Bench, folder: Path, servers: int = 1) -> AsyncIterator[str]:
    """Fresh servers with the streams on each of them and the contacts' consumers: their addresses."""
    routes = tuple(f"127.0.0.1:{port}" for port in free_ports(servers)) if servers > 1 else ()
    async with AsyncExitStack() as stack:
        urls = []
        for number, route in enumerate(routes or ("",), start=1):
            spec = ClusterSpec(name="bench", port=int(route.rpartition(":")[2]), routes=routes) if route else None
            name = f"node{number}"
            server = EmbeddedServer(folder / f"nats-{name}", _logins(bench), name=name, cluster=spec)
            urls.append((await stack.enter_async_context(server)).url)
        url = ",".join(urls)
        async with connected(url, bench.broker.nkey_seed, inbox_prefix=subjects.BROKER_INBOX) as connection:
            store = Store(connection)
            await store.ensure_streams(servers)
            # What is measured is to find everything there: more than an agency may have waiting.
            roomy = replace(subjects.SUBMIT, max_msgs_per_subject=1_000_000).request(servers)
            await store.api(f"STREAM.UPDATE.{subjects.SUBMIT.name}", roomy, "making room")
            port = await NatsBroker.open(connection)
            for contact in bench.broker.bundle.directory.contacts:
                await port.ensure_consumers(contact.agency, contact.handle)
            await port.close()
        yield url


async def _taken(inlet: NatsAgency, message: bytes) -> None:
    """Hand it in again, as an adapter does, until the queue has room for it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await inlet.submit("message", message)
            except DependencyError:
                await asyncio.sleep(FULL_PAUSE)
            else:
                return


async def hand_in(bench: Bench, url: str, messages: Iterable[bytes]) -> None:
    """Put `messages` into the queue, so many at once as fit on the way."""
    agency = bench.home.agency.handle
    async with connected(url, bench.home.nkey_seed, inbox_prefix=subjects.inbox(agency)) as connection:
        inlet = await NatsAgency.open(connection, agency)
        waiting = iter(messages)
        while some := list(islice(waiting, AT_ONCE)):
            await asyncio.gather(*(_taken(inlet, m) for m in some))
        await inlet.close()


async def drained(
    bench: Bench, folder: Path, messages: list[bytes], servers: int = 1, processes: int = 1, **job: Any
) -> dict[str, Any]:
    """Fill SUBMIT of a fresh server, or of a cluster, with `messages`, then let one process or several take them all:
    what they measured, the seconds of the slowest and the CPU of all together.
    """
    folder.mkdir()
    job = {
        "folder": str(bench.folder),
        "count": len(messages),
        "agency": bench.recipient.agency,
        "contact": bench.recipient.handle,
        "log": str(folder / "log"),
        "alone": processes == 1,
        **job,
    }
    async with AsyncExitStack() as stack:
        job["url"] = await stack.enter_async_context(served(bench, folder, servers))
        await hand_in(bench, job["url"], messages)
        children = [await stack.enter_async_context(child(folder / "stderr", **job)) for _ in range(processes)]
        for process in children:
            process.go()
        found = [await process.result() for process in children]
    return {
        **found[0],
        "seconds": max(one["seconds"] for one in found),
        "cpu": sum(one["cpu"] for one in found),
    }


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


@dataclass(frozen=True, slots=True)
class Times:
    """Of messages that were sealed, sent and opened: milliseconds from sealed to opened, and to taken up by the worker;
    how many were opened in a second; and meanwhile, for which part of the time (0 to 1) the host of a virtual machine
    kept a processor from us that we wanted.
    """

    whole: list[float]
    admitted: list[float]
    rate: float
    stolen: float

    def at(self, per_cent: int) -> float:
        """Milliseconds from sealed to opened in which so many per cent were."""
        return quantiles(self.whole, n=100)[per_cent - 1]


def _processors() -> tuple[int, int]:
    """(ticks of all processors since the machine runs, those that its host kept from it); zeros where nobody counts."""
    counts = Path("/proc/stat")
    if not counts.is_file():
        return 0, 0
    ticks = [int(one) for one in counts.read_text().partition("\n")[0].split()[1:9]]  # user … softirq, steal (proc(5))
    return sum(ticks), ticks[7]


@asynccontextmanager
async def up(bench: Bench, scratch: Path) -> AsyncIterator[str]:
    """`safeconduct up` on this task force while the block runs: the address of its server."""
    home = bench.broker.folder
    scratch.mkdir()
    service = await start_service("up", "--home", str(home), log=scratch / "up.log")
    try:
        yield (home / "run" / "address").read_text()
    finally:
        await stop_service(service)


async def crossing(
    bench: Bench,
    scratch: Path,
    url: str,
    count: int,
    rate: float,
    warm: float = 0.0,
    then: Callable[[], None] = lambda: None,
) -> Times:
    """`count` messages, sealed by one adapter and opened by another, `rate` of them offered a second. Those of the
    first `warm` seconds are sent besides and not counted; after them `then` is called.
    """
    before = round(warm * rate)
    job = {"folder": str(bench.folder), "url": url, "count": before + count, "rate": rate}
    async with (
        child(scratch / "receiver", role="receiver", **job) as taking,
        child(scratch / "sender", role="sender", **job) as sending,
    ):
        taking.go()
        sending.go()
        await asyncio.sleep(warm)
        then()
        before_it = _processors()
        sent: dict[str, float] = (await sending.result())["sealed"]
        opened: dict[str, tuple[float, int]] = (await taking.result())["opened"]
        whole, stolen = (after - first for after, first in zip(_processors(), before_it, strict=True))
    sealed = dict(list(sent.items())[before:])
    taken = (max(o for o, _ in opened.values()) - min(sealed.values())) / 1000
    return Times(
        [opened[m][0] - sealed[m] for m in sealed],
        [max(0.01, opened[m][1] - sealed[m]) for m in sealed],
        count / taken,
        stolen / max(1, whole),
    )


async def end_to_end(
    bench: Bench, scratch: Path, rate: int, seconds: float, step: Callable[[str], None]
) -> list[Figure]:
    """Sealed by one adapter, opened by another, through `safeconduct up`: all three processes of their own."""
    count = round(rate * seconds)
    step(f"end to end, {count} messages")
    async with up(bench, scratch) as url:
        times = await crossing(bench, scratch, url, count, rate)
    return [
        Figure("e2e-rate", "end to end: opened", times.rate, "msg/s", note=f"offered {rate} msg/s"),
        Figure("e2e-p50", "end to end, sealed → opened, p50", times.at(50), "ms", Target("<=", 10)),
        Figure("e2e-p95", "end to end, sealed → opened, p95", times.at(95), "ms"),
        Figure("e2e-p99", "end to end, sealed → opened, p99", times.at(99), "ms", Target("<=", 40)),
        Figure(
            "e2e-admitted-p50",
            "of that, sealed → taken up by the worker, p50",
            quantiles(times.admitted, n=100)[49],
            "ms",
        ),
    ]


FLOODS: Final = {
    "valid": "valid messages",
    "allowed": "valid messages, as fast as nobody is shut out for",
    "urgent": "valid messages, all as urgent",
    "garbage": "garbage of 3 kB, as everything that can be handed in",
    "large": "garbage of 1 MB",
    "questions": "questions",
    "logins": "logins",
}
"""What another agency floods with."""
COUNTING: Final = "beside a process that only counts"


def _median(runs: Sequence[Times], per_cent: int) -> float:
    """Milliseconds in which so many per cent of a round's messages were opened, in the middle one of these rounds."""
    return median(run.at(per_cent) for run in runs)


def _rounds(runs: Sequence[Times]) -> str:
    """The p99 of each, and for how much of its time the host gave this machine's processors to others."""
    return "rounds: " + ", ".join(f"{run.at(99):.0f} ms ({run.stolen:.1%} stolen)" for run in runs)


async def flooded(folder: Path, sizes: Mapping[str, float], step: Callable[[str], None]) -> list[Figure]:
    """What one agency's messages take while another hands in, asks or logs in as fast as it is answered, and again as
    soon as it is let in where it was shut out. Without a flood, beside a process that floods nobody and beside each
    kind of flood it is measured in turns, so many `rounds`, each flood on a task force of its own; the middle round
    counts: a p99 is the sixth worst of a round's messages, and a moment in which the host does something else makes it
    several times as much. Messages of the first `warm` seconds do not count: the adapters have just started.
    """
    rate, seconds, warm = sizes["rate"], sizes["seconds"], sizes["warm"]
    total, rounds = round(rate * seconds), int(sizes["rounds"])
    runs: dict[str, list[Times]] = {what: [] for what in ("", "nothing", *FLOODS)}
    taken, inside = dict.fromkeys(FLOODS, 0.0), dict.fromkeys(FLOODS, 0.0)
    for turn, (what, measured) in product(range(rounds), runs.items()):
        step(f"beside a flood: {FLOODS.get(what) or what or 'without it'}, round {turn + 1}")
        name = f"{what or 'quiet'}-{turn}"
        bench, scratch = await asyncio.to_thread(world.make, folder / name), folder / f"{name}-up"
        async with up(bench, scratch) as url:
            if not what:
                measured.append(await crossing(bench, scratch, url, total, rate, warm))
                continue
            job = {"role": "flooder", "folder": str(bench.folder), "url": url, "seconds": seconds, "what": what}
            async with child(scratch / "flooder", count=int(sizes["messages"]), **job) as flooding:
                measured.append(await crossing(bench, scratch, url, total, rate, warm, flooding.go))
                found = await flooding.result()
        if what in FLOODS:
            taken[what] += found["taken"] / seconds / rounds
            inside[what] += found["inside"] / seconds / rounds
    quiet, counting = runs.pop(""), runs.pop("nothing")
    alone = _median(quiet, 99)
    figures = [
        Figure("flood-quiet-p50", f"{rate:g} msg/s, end to end, p50", _median(quiet, 50), "ms"),
        Figure("flood-quiet-p99", f"{rate:g} msg/s, end to end, p99", alone, "ms", note=_rounds(quiet)),
        Figure(
            "flood-nothing-p99",
            f"{rate:g} msg/s {COUNTING}, p99",
            _median(counting, 99),
            "ms",
            note=_rounds(counting),
        ),
    ]
    for what, loud in runs.items():
        beside, p99 = f"beside {FLOODS[what]}", _median(loud, 99)
        figures += [
            Figure(
                f"flood-{what}",
                f"another agency floods with {FLOODS[what]}: taken",
                taken[what],
                "/s",
                note=f"inside {min(1.0, inside[what]):.0%} of the time",
            ),
            Figure(f"flood-{what}-p50", f"{rate:g} msg/s {beside}, p50", _median(loud, 50), "ms"),
            Figure(f"flood-{what}-p99", f"{rate:g} msg/s {beside}, p99", p99, "ms", note=_rounds(loud)),
            Figure(f"flood-{what}-ratio", f"p99 {beside} : without", p99 / alone, "x", Target("<=", 2)),
            Figure(
                f"flood-{what}-net", f"p99 {beside} : {COUNTING}", p99 / _median(counting, 99), "x", Target("<=", 2)
            ),
        ]
    return figures
