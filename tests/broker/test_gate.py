"""The gate on a real server: whoever hands in without a pause is cut off and refused, and nobody else notices."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog.testing

from broker.gate import NEARLY_FULL, Gate
from bus import bounds, subjects
from bus.callout import ShutOut
from bus.connection import Connection, connect
from bus.files import FileStore
from bus.overruns import Allowance, Overruns
from bus.store import Store
from bus.subjects import Login
from cli.logs import only_allowed
from keys.nkey import public_of
from messages.errors import DependencyError
from messages.evidencefile import SEALED_CHUNK
from messages.ids import AgencyHandle
from tests.support.nats_server import HARBOUR, SHELTER, RunningBus, running_bus
from tests.support.pulling import pulled

PIECE = b"x" * 3_000


class Town:
    """A bus whose logins go through a gate, with a clock of its own for those who are shut out."""

    def __init__(self, bus: RunningBus) -> None:
        self.bus = bus
        self.ahead = 0.0
        self._loop = asyncio.get_running_loop()

    async def begin(self) -> "Town":
        directory: Any = SimpleNamespace(login=self._agency)
        store, look_up = Store(await self.bus.worker()), self.bus.look_up
        self.overruns: Overruns[AgencyHandle] = Overruns()
        for levels in (self.overruns._open, self.overruns._full):  # what a flood in a test can exceed on any machine
            levels.allowance = Allowance(levels.allowance.rate / 10, levels.allowance.burst / 10)
        door = await self.bus.doorkeeper()
        self.gate = Gate(door, store, lambda: directory, look_up, lambda: 0, self.seconds, self.overruns)
        self.bus.service._look_up = self.gate.login
        return self

    def seconds(self) -> float:
        return self._loop.time() + self.ahead

    def _agency(self, nkey: str, _: int) -> tuple[Any, None] | None:
        found = [a for a, seed in self.bus.seeds.items() if public_of(seed) == nkey]
        return (SimpleNamespace(handle=found[0]), None) if found else None

    async def until_cut(self, flood: Callable[[], Awaitable[object]]) -> int:
        """Look as the gate does, while `flood` goes on; how many logins were cut."""
        flooding = asyncio.ensure_future(flood())
        try:
            async with asyncio.timeout(60):
                while not (cut := await self.gate.look()):
                    await asyncio.sleep(bounds.OVERRUN_LOOK)
            return cut
        finally:
            while not flooding.done():  # again: `asyncio.wait_for` of Python 3.11 may swallow the word
                flooding.cancel()
                await asyncio.wait([flooding], timeout=0.1)

    async def refused(self, agency: AgencyHandle) -> None:
        with pytest.raises(DependencyError, match="shut it out for some minutes"):
            await connect(self.bus.urls, self.bus.seeds[agency], inbox_prefix=subjects.inbox(agency))


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with running_bus(tmp_path / "bus") as bus:
        yield await Town(bus).begin()


async def without_a_pause(connection: Connection, subject: str, data: bytes = PIECE) -> None:
    while connection.connected:
        for _ in range(100):
            await connection.client.publish(subject, data)
        await connection.flush()


async def test_whoever_hands_in_without_a_pause_is_cut_off_and_refused_and_others_go_on(town: Town) -> None:
    flood, other = await town.bus.adapter(HARBOUR), await town.bus.agency(SHELTER)
    with structlog.testing.capture_logs() as logs:
        cut = await town.until_cut(lambda: without_a_pause(flood, subjects.submit(HARBOUR, "message")))
    assert cut == town.gate.shut_out == 1
    async with asyncio.timeout(10):
        while flood.connected:
            await asyncio.sleep(0.01)
    await town.refused(HARBOUR)
    assert "shut-out" in town.bus.refusals
    await other.submit("message", b"hello")
    assert other.connection.reconnects == 0
    broker = await town.bus.broker()
    while (await pulled(broker, 1, ack=True))[0].agency != SHELTER:
        pass
    [told] = [one for one in logs if one["event"] == "agency-shut-out"]
    assert (told["agency"], told["logins"], told["seconds"]) == (HARBOUR, 1, bounds.SHUT_SECONDS)
    assert "dropped" not in only_allowed(None, "", {name: told[name] for name in told.keys() - {"log_level"}})


async def test_who_was_shut_out_is_let_in_again_after_its_time_and_nothing_it_handed_in_is_lost(town: Town) -> None:
    port = await town.bus.agency(HARBOUR)
    await port.submit("message", b"before")
    await town.until_cut(lambda: without_a_pause(port.connection, "somewhere.else"))
    await town.refused(HARBOUR)
    assert town.gate.lately() == 1
    town.ahead = bounds.SHUT_SECONDS
    async with asyncio.timeout(60):  # it knocks by itself, more and more slowly
        while not port.connection.connected:
            await asyncio.sleep(0.01)
    await port.submit("message", b"after")
    assert [one.data for one in await pulled(await town.bus.broker(), 2)] == [b"before", b"after"]
    town.ahead = 25 * 3600
    assert (town.gate.lately(), town.gate.shut_out) == (0, 1)


async def test_what_the_server_denies_counts_too(town: Town) -> None:
    flood = await town.bus.adapter(HARBOUR)
    assert await town.until_cut(lambda: without_a_pause(flood, "answer.of.others", b"")) == 1


async def test_who_logs_in_again_and_again_is_shut_out(town: Town) -> None:
    async def knock() -> None:
        while True:
            await asyncio.gather(*(self_contained() for _ in range(20)))

    async def self_contained() -> None:
        seed = town.bus.seeds[HARBOUR]
        connection = await connect(town.bus.urls, seed, inbox_prefix=subjects.inbox(HARBOUR))
        await connection.close()

    assert await town.until_cut(knock) >= 0
    await town.refused(HARBOUR)


async def test_only_evidence_files_that_were_taken_are_not_held_against_whoever_sends_them(town: Town) -> None:
    files, connection = FileStore(Store(await town.bus.worker())), await town.bus.adapter(HARBOUR)
    ticks = itertools.count(1)
    town.gate._seconds = lambda: next(ticks) * 0.05  # some three times in a look: 20 chunks between two are too many
    chunk, numbers = b"x" * SEALED_CHUNK, itertools.count()

    async def cut(taken: bool) -> bool:
        for _ in range(9):
            for number in itertools.islice(numbers, 20):
                await connection.publish("chunk", chunk)
                assert not taken or await files.put(HARBOUR, b"f" * 16, number, chunk, 60)
            await connection.flush()
            if await town.gate.look():
                return True
        return False

    await town.gate.look()
    assert not await cut(taken=True)
    assert await cut(taken=False)


async def test_who_gets_in_by_another_broker_while_it_is_shut_out_is_cut_again_and_told_once(town: Town) -> None:
    flood = await town.bus.adapter(HARBOUR)
    with structlog.testing.capture_logs() as logs:
        await town.until_cut(lambda: without_a_pause(flood, "somewhere.else"))
        town.bus.service._look_up = town.bus.look_up  # one that has not seen it
        back = await town.bus.adapter(HARBOUR)
        assert await town.until_cut(lambda: without_a_pause(back, "somewhere.else")) == 1
    assert town.gate.shut_out == town.gate.lately() == 1
    assert [one["event"] for one in logs].count("agency-shut-out") == 1


async def test_whom_the_bundle_does_not_name_the_gate_does_not_let_in(town: Town) -> None:
    assert town.gate.login(public_of(town.bus.seeds[HARBOUR])) is not None
    key = public_of(town.bus.seeds.pop(HARBOUR))
    assert town.gate.login(key) is None


async def test_the_gate_looks_until_it_is_told_to_stop_also_where_the_servers_do_not_answer(town: Town) -> None:
    looks = 0

    async def totals() -> dict[str, float]:
        nonlocal looks
        looks += 1
        raise DependencyError("Not now.")

    door: Any = SimpleNamespace(totals=totals)
    gate = Gate(door, Store(await town.bus.worker()), lambda: None, lambda _: None, lambda: 0, town.seconds)  # type: ignore[arg-type,return-value]
    stop = asyncio.Event()
    running = asyncio.create_task(gate.run(stop))
    async with asyncio.timeout(20):
        while looks < 3:
            await asyncio.sleep(0.01)
    stop.set()
    await running


def test_a_login_that_is_shut_out_is_not_looked_up() -> None:
    key = "U" * 56
    overruns: Any = SimpleNamespace(shut=lambda login, now: (login, now) == (key, 7.0))
    found: list[str] = []

    def look_up(nkey: str) -> Login | None:
        found.append(nkey)
        return None

    nobody: Any = None
    gate = Gate(nobody, nobody, lambda: nobody, look_up, lambda: 0, lambda: 7.0, overruns)
    with pytest.raises(ShutOut):
        gate.login(key)
    assert not found and gate.login("V" * 56) is None and found == ["V" * 56]


async def test_a_backlog_of_many_kinds_counts_as_a_full_queue(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    port = await town.bus.agency(HARBOUR)
    kinds: tuple[subjects.Kind, ...] = ("message", "retrieval", "statement", "acknowledgement")
    for number in range(NEARLY_FULL + len(kinds)):
        await port.submit(kinds[number % len(kinds)], b"x")
    seen: list[object] = []

    def look(*asked: Any) -> dict[str, Any]:
        seen.append(asked[2])
        return {}

    monkeypatch.setattr(town.overruns, "worth", lambda totals, now: True)
    monkeypatch.setattr(town.overruns, "look", look)
    await town.gate.look()
    assert seen == [{HARBOUR}]


async def test_whoever_fills_its_queue_is_recorded_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now, looks, stop = 0.0, 0, asyncio.Event()

    async def totals() -> dict[str, float]:
        nonlocal now, looks
        looks, now = looks + 1, now + 10.0
        if looks == 9:
            stop.set()
        return {}

    async def handed_in() -> dict[AgencyHandle, int]:
        return {HARBOUR: NEARLY_FULL, SHELTER: NEARLY_FULL - 1}

    monkeypatch.setattr(bounds, "OVERRUN_LOOK", 0.0)
    nobody: Any = None
    door: Any = SimpleNamespace(totals=totals)
    store: Any = SimpleNamespace(handed_in=handed_in)
    with structlog.testing.capture_logs() as logs:
        await Gate(door, store, lambda: nobody, lambda _: None, lambda: 0, lambda: now).run(stop)
    told = [(one["agency"], one["times"]) for one in logs if one["event"] == "agency-floods"]
    assert told == [(HARBOUR, 1), (HARBOUR, 6)]
