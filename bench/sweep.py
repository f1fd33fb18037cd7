"""How the broker's cost changes with what it is given: workers, recipients, sizes, copies, time, and what it refuses.

One figure a point, each on a fresh server, `messages` at a time. The task force is the ring of `bench.trust` with a hub
that has an agreement with everybody: the hub sends, to as many as are wanted.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bench import trust, world
from bench.figures import Figure, Target
from bench.flow import child, drained, hand_in, served
from bench.micro import best
from bench.world import Bench, Route
from broker.admit import admit
from broker.service import clock
from cli import practice
from keys.domains import KeyKind, Tag
from keys.signing import Signer
from messages import cbor

CASE: Final = {name: value for name, value in world.CASE.items() if name != "exercise"}
WARM: Final = 2
"""Of the looks at memory, the one that the last is compared with: before it caches fill."""


def make(folder: Path, recipients: int) -> Bench:
    """The ring, its hub with a message to `recipients` of the others."""
    trust.make(folder, max(recipients, 2) + 2, 1, 1)
    practice.carry_out(folder, clock())
    return _to(folder, recipients)


def _to(folder: Path, recipients: int) -> Bench:
    names = [f"{trust.ring_name(number)}/desk-0" for number in range(1, recipients + 2) if number != trust.LINKED]
    return world.reopen(folder, Route(trust.ring_name(trust.HUB), "desk", tuple(names[:recipients])), CASE)


def _sized(bench: Bench, size: int) -> Bench:
    """The same message, its event with so many bytes: the broker cannot tell what they are."""
    first, *others = bench.plan.sections
    padded = replace(others[-1] if others else first, plaintext=bytes(size))
    sections = (*bench.plan.sections[:-1], padded)
    return replace(bench, plan=replace(bench.plan, sections=sections))


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


async def figures(folder: Path, sizes: Mapping[str, Any], step: Callable[[str], None]) -> list[Figure]:
    """All of them. `sizes`: what each row goes through (`workers`, `recipients`, `sizes`, `servers`), `messages` at a
    point and `bytes` of them at most, `memory` of them for the look at memory, `calls` of each refusal.
    """
    messages = sizes["messages"]
    widest = make(folder / "force", sizes["recipients"][-1])
    one = _to(folder / "force", 1)
    found: list[Figure] = []

    async def point(key: str, says: str, bench: Bench, count: int, **how: Any) -> dict[str, Any]:
        step(says)
        loaded = world.compose_many(bench, count)
        measured = await drained(bench, folder / key, loaded, **{"role": "worker", **how})
        found.append(Figure(key, f"{says}: throughput", count / measured["seconds"], "msg/s"))
        found.append(Figure(f"{key}-cpu", f"{says}: CPU", measured["cpu"] / count * 1e6, "µs/msg"))
        return measured

    for processes in sizes["workers"]:
        await point(f"workers-{processes}", _counted(processes, "worker"), one, messages, processes=processes)
    for recipients in sizes["recipients"]:
        to = _to(folder / "force", recipients)
        await point(f"recipients-{recipients}", _counted(recipients, "recipient"), to, max(1, messages // recipients))
    for size in sizes["sizes"]:
        count = max(1, min(messages, sizes["bytes"] // size))
        await point(f"size-{size}", f"{size / 1000:g} kB", _sized(one, size), count)
    for servers in sizes["servers"]:
        await point(f"copies-{servers}", _counted(servers, "copy", "copies"), one, messages, servers=servers)
        relay = {"servers": servers, "role": "relay", "batched": True}
        await point(
            f"copies-{servers}-relay", f"{_counted(servers, 'copy', 'copies')}, raw relay", one, messages, **relay
        )
    found += await _memory(widest, folder / "memory", sizes["memory"], step)
    step("what a refusal costs")
    return found + refusals(one, sizes["calls"])


async def _memory(bench: Bench, folder: Path, count: int, step: Callable[[str], None]) -> list[Figure]:
    """How much a worker grows on its way through `count` messages; they come while it works."""
    step(f"memory over {count:,} messages")
    folder.mkdir()
    to = [replace(bench, plan=replace(bench.plan, recipients=(planned,))) for planned in bench.plan.recipients]
    arriving = (world.compose(to[number % len(to)]).to_bytes() for number in range(count))
    async with served(bench, folder) as url:
        job = {"role": "worker", "folder": str(bench.folder), "url": url, "count": count}
        async with child(folder / "stderr", **job) as process:
            process.go()
            await hand_in(bench, url, arriving)
            memory: list[float] = (await process.result())["memory"]
    return [
        Figure("memory", f"a worker's memory after {count:,} messages", memory[-1], "MB"),
        Figure(
            "memory-growth",
            f"a worker's memory after {count:,} messages : after {count * WARM // len(memory):,}",
            memory[-1] / memory[WARM - 1],
            "x",
            Target("<=", 1.1),
        ),
    ]


def refusals(bench: Bench, count: int) -> list[Figure]:
    """What the core spends on what it refuses, most of it before any signature is checked."""
    envelope = world.compose(bench)
    raw, agency = envelope.to_bytes(), bench.sender.contact.agency
    now, state = envelope.manifest.created, bench.world
    stranger = Signer(KeyKind.CONTACT, bench.sender.contact.handle, random.randbytes(32))
    forged = replace(envelope, signature=stranger.signature(Tag.MANIFEST, envelope.manifest_bytes)).to_bytes()
    nested: Any = 0
    for _ in range(1000):
        nested = [nested]
    cases = {
        "garbage": ("3 kB of garbage", random.randbytes(len(raw))),
        "cut": ("a message cut short", raw[:-1]),
        "nested": ("a thousand lists in each other", cbor.dump(nested)),
        "large": ("8 MB, more than any message has", bytes(8 << 20)),
        "forged": ("a signature by somebody else", forged),
    }
    found = []
    for key, (says, data) in cases.items():
        if admit(data, agency, state, now).code is None:
            raise AssertionError("what is measured as a refusal is one")
        spent = best(lambda given: admit(given, agency, state, now), [data] * count, 3)
        found.append(Figure(f"refuse-{key}", f"refusing {says}, with its record", spent, "µs"))
    return found
