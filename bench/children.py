"""What runs in a process of its own while the parent measures: worker, relay, naive service, and the two adapters.

    python -m bench.children '{"role": "worker", "folder": …, "url": …, "count": …}'

It prints `ready`, waits for a line on standard input, does its work, and prints one JSON object: wall seconds, CPU
seconds (user and system, of this process alone) and the largest resident size.
"""

import asyncio
import cProfile
import itertools
import json
import os
import resource
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import uvloop

from adapters.client import connect
from adapters.home import Home
from bench import baselines, world
from bench.figures import resident
from broker.sequencer import Sequencer
from broker.service import BrokerHome, clock
from broker.worker import Worker
from bus import subjects
from bus.connection import Connection, connected
from bus.connection import connect as dial
from bus.intake import Bucket
from bus.overruns import FULL, load
from bus.queue import NatsAgency, NatsBroker, NatsSequencer
from bus.subjects import KINDS, URGENT_KINDS, Kind
from cli.common import quiet_logs, service_logs
from messages.errors import DependencyError

PROFILES = os.environ.get("SAFECONDUCT_BENCH_PROFILES", "")
"""A folder for a cProfile of every measured process, for finding costs: figures taken with it are not to be quoted."""
MEMORIES = 10
"""How often on its way a worker looks at its resident size."""
DRY_SECONDS = 3.0
LATE_SECONDS = 60.0
"""How long a flood goes on until something of it was taken: on a machine that is busy with others it runs late."""
LOOK_SECONDS = 0.005
FLOOD = 64
"""Submissions of a flooding agency that are under way at once."""
FLOOD_LARGE = 8
"""The same of large ones."""
Work = Callable[[], Awaitable[dict[str, Any] | None]]


async def _go() -> None:
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)


async def _measured(work: Work) -> None:
    await _go()
    profile = cProfile.Profile() if PROFILES else None
    cpu, start = time.process_time(), time.perf_counter()
    if profile:
        profile.enable()
    more = await work()
    seconds, spent = time.perf_counter() - start, time.process_time() - cpu
    if profile:
        profile.disable()
        profile.dump_stats(Path(PROFILES) / f"{json.loads(sys.argv[1])['role']}.{os.getpid()}.prof")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "cpu": spent, "peak_kib": peak, **(more or {})}), flush=True)


@asynccontextmanager
async def _broker(job: dict[str, Any]) -> AsyncIterator[tuple[BrokerHome, Connection]]:
    folder = Path(job["folder"])
    home = BrokerHome.open(folder / "broker", (folder / "passphrase").read_text())
    async with connected(job["url"], home.nkey_seed, inbox_prefix=subjects.BROKER_INBOX, name="bench") as connection:
        yield home, connection


async def worker(job: dict[str, Any]) -> None:
    """The broker's worker, logging as `safeconduct up` does; with `sequencer`, the log beside it as there."""
    service_logs()
    count = job["count"]
    async with AsyncExitStack() as stack:
        home, connection = await stack.enter_async_context(_broker(job))
        port = await NatsBroker.open(connection)
        stack.push_async_callback(port.close)
        await port.take_from(a.handle for a in home.bundle.directory.agencies)
        sequencer: Sequencer | None = None
        if job.get("sequencer"):
            sequencing = NatsSequencer(connection)
            stack.push_async_callback(sequencing.close)
            operator = home.bundle.directory.operator
            sequencer = Sequencer(
                sequencing, Path(job["log"]), home.log_signer, operator.log_vkey, home.bundle.directory, clock
            )
            stack.callback(sequencer.close)
            await sequencer.start()
        working = Worker(port, home.world(), clock)

        async def until(done: Callable[[], bool]) -> float:
            """Work as in a broker until `done`, which is looked at every few milliseconds; in how many seconds."""
            stop, start = asyncio.Event(), time.perf_counter()
            running = asyncio.create_task(working.run(stop))
            while not done():
                if running.done():
                    await running
                await asyncio.sleep(LOOK_SECONDS)
            await connection.flush()
            stop.set()  # it has asked for more, and waits for that a second
            stack.push_async_callback(asyncio.wait, [running])
            return time.perf_counter() - start

        async def alone() -> dict[str, Any]:
            memory: list[float] = []

            def all_of_them() -> bool:
                while working.admitted >= (len(memory) + 1) * count / MEMORIES:
                    memory.append(resident())
                return working.admitted >= count

            return {"seconds": await until(all_of_them), "memory": memory}

        async def among_others() -> dict[str, Any]:
            """Until nothing is left; the wait that tells is not counted."""
            start, begun = time.perf_counter(), time.process_time()
            seen, last, spent = 0, start, begun

            def dry() -> bool:
                nonlocal seen, last, spent
                now = time.perf_counter()
                if working.admitted > seen:
                    seen, last, spent = working.admitted, now, time.process_time()
                return now - last >= DRY_SECONDS

            await until(dry)
            return {"seconds": last - start, "cpu": spent - begun, "admitted": seen}

        async def both(log: Sequencer) -> dict[str, Any]:
            stop, start = asyncio.Event(), time.perf_counter()
            running = asyncio.create_task(log.run(stop))
            found = await alone()
            while log.size < 2 * count:
                await asyncio.sleep(LOOK_SECONDS)
            stop.set()
            await running
            return {**found, "seconds": time.perf_counter() - start}

        working_alone = job.get("alone", True)
        await _measured(lambda: both(sequencer) if sequencer else alone() if working_alone else among_others())


async def relay(job: dict[str, Any]) -> None:
    """See `baselines.relay`."""
    async with _broker(job) as (_, connection):
        to = job["agency"], job["contact"]
        await _measured(lambda: baselines.relay(connection, *to, job["count"], batched=job["batched"]))


async def naive(job: dict[str, Any]) -> None:
    """See `baselines.naive`."""
    async with _broker(job) as (_, connection):
        await _measured(lambda: baselines.naive(connection, job["agency"], job["contact"], job["count"]))


async def sender(job: dict[str, Any]) -> None:
    """Seal and send `rate` messages a second through the SDK; says when each was sealed (milliseconds)."""
    bench = await asyncio.to_thread(world.reopen, Path(job["folder"]))
    async with connect(bench.home.folder, world.SENDER, bench.passphrase, job["url"]) as agency:
        sealed: dict[str, float] = {}

        async def work() -> dict[str, Any]:
            loop = asyncio.get_running_loop()
            start = loop.time()
            async with asyncio.TaskGroup() as sending:
                for number in range(job["count"]):
                    await asyncio.sleep(max(0.0, start + number / job["rate"] - loop.time()))
                    envelope = world.compose(bench)
                    sealed[envelope.manifest.id.hex()] = time.time_ns() / 1e6
                    sending.create_task(agency.submit(envelope, bench.plan))
            return {"sealed": sealed}

        await _measured(work)


async def receiver(job: dict[str, Any]) -> None:
    """Receive through the SDK; says when each message was opened, and when the broker had admitted it."""
    folder = Path(job["folder"])
    passphrase = (folder / "passphrase").read_text()
    name = world.TO.partition("/")[2]
    async with connect(folder / world.PROSECUTOR, name, passphrase, job["url"]) as agency:
        opened: dict[str, tuple[float, int]] = {}

        async def work() -> dict[str, Any]:
            async for received in agency.deliveries():
                if received.opened is None:
                    raise AssertionError(f"a measured message was quarantined: {received.code}")
                opened[received.opened.manifest.id.hex()] = (time.time_ns() / 1e6, received.opened.stamp.admitted)
                if len(opened) == job["count"]:
                    break
            return {"opened": opened}

        await _measured(work)


def _flood(what: str, port: NatsAgency, messages: list[bytes]) -> Iterator[Coroutine[Any, Any, Any]]:
    """Submissions or questions without end; `what` is one of `flow.FLOODS`."""
    kinds: list[Kind] = ["message", *(kind for kind in KINDS if kind not in URGENT_KINDS | {"message"})]
    for number in itertools.count():
        match what:
            case "valid" | "allowed":
                yield port.submit("message", messages[number % len(messages)])
            case "urgent":
                yield port.submit("urgent", messages[number % len(messages)])
            case "garbage":
                yield port.submit(kinds[number % len(kinds)], os.urandom(3_000))
            case "large":
                yield port.submit("message", os.urandom(1_000_000))
            case "questions":
                yield port.ask("head", b"")


async def flooder(job: dict[str, Any]) -> None:
    """Hand in without a pause for so many seconds, valid messages over and over where there are not enough; cut off, it
    knocks until it is let in again. With "allowed" it hands in just less than it would be cut off for. It says how many
    were taken (what was refused as too many was refused to this agency alone), and for how long it was inside. With
    "nothing" it only counts.
    """
    bench = await asyncio.to_thread(world.reopen, Path(job["folder"]), world.ABROAD)
    what = job["what"]
    messages = world.compose_many(bench, job["count"] if what in ("valid", "allowed", "urgent") else 1)
    keys, agency = bench.sender, bench.home.agency.handle
    tls = Home.open(bench.home.folder, bench.passphrase, url=job["url"]).tls()
    clock, taken, inside = time.perf_counter, 0, 0.0
    inbox = subjects.contact_inbox(keys.contact.handle)
    door = {"url": job["url"], "seed": keys.nkey_seed, "inbox_prefix": inbox, "name": "flood", "tls": tls}

    async def flood(port: NatsAgency, end: float) -> None:
        nonlocal taken
        pieces, pace = _flood(what, port, messages), Bucket(0.9 * FULL.rate, FULL.burst / 2)
        while True:
            if what == "allowed":
                pace.take(sum(load(1, len(message)) for message in messages[:FLOOD]), clock())
                await asyncio.sleep(pace.owed(clock()))
            some = islice(pieces, FLOOD if what != "large" else FLOOD_LARGE)
            for outcome in await asyncio.gather(*some, return_exceptions=True):
                if not isinstance(outcome, BaseException):
                    taken += 1
                elif not isinstance(outcome, DependencyError):
                    raise outcome
            if clock() >= end and (taken or clock() >= end + LATE_SECONDS):
                return

    async def knock() -> Connection | None:
        with suppress(DependencyError):  # shut out
            return await dial(**door)
        return None

    async def inside_of(connection: Connection, end: float) -> None:
        nonlocal inside
        with suppress(DependencyError):  # shut out between its login and its first word
            port, since = await NatsAgency.open(connection, agency), clock()
            flooding = asyncio.create_task(flood(port, end))
            while connection.connected and not flooding.done():
                await asyncio.wait([flooding], timeout=0.05)
            inside += clock() - since
            flooding.cancel()
            await asyncio.gather(flooding, return_exceptions=True)
        await connection.close()

    async def logins(end: float) -> None:
        nonlocal inside, taken
        while True:
            since, came = clock(), [c for c in await asyncio.gather(*(knock() for _ in range(FLOOD))) if c is not None]
            await asyncio.gather(*(connection.close() for connection in came))
            taken += len(came)
            inside += (clock() - since) * len(came) / FLOOD
            if clock() >= end:
                return

    first = None if what == "nothing" else await dial(**door, patience=LATE_SECONDS)
    # It stands for an agency on a machine of its own, whose CPU is not to be missed here: it runs when others rest.
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:
        os.nice(19)

    async def work() -> dict[str, Any]:
        nonlocal taken
        end, connection = clock() + job["seconds"], first
        while what == "nothing" and clock() < end:
            sum(range(10_000))
            await asyncio.sleep(0)
        if what == "logins":
            if connection is not None:
                taken += 1
                await connection.close()
            await logins(end)
        while what not in ("nothing", "logins") and (connection is not None or clock() < end):
            if connection is not None:
                await inside_of(connection, end)
            connection = await knock() if clock() < end else None
        return {"taken": taken, "inside": inside}

    await _measured(work)


ROLES: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
    "worker": worker,
    "relay": relay,
    "naive": naive,
    "sender": sender,
    "receiver": receiver,
    "flooder": flooder,
}


def main() -> None:
    """One job, as JSON in the first argument."""
    job = json.loads(sys.argv[1])
    quiet_logs()
    uvloop.run(ROLES[job["role"]](job))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
