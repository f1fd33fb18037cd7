"""How a broker follows the bundle: what one part of the bus refuses holds up nothing else, and is done later."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from broker import service
from broker.service import _Following, _Taken
from broker.trust import epoch_key
from messages.directory import Span
from messages.errors import BundleRefused, DependencyError
from tests.broker.test_doors import NOW, directory, nkey, rights
from tests.keys.trust import POLICE


class Town:
    """A broker's parts, each of which can be told to fail; `done` is what they were asked for, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failing: set[str] = set()
        self.done: list[tuple[str, object]] = []
        self.rounds = 0
        self.trust = SimpleNamespace(current=self.epoch(1, directory()), look=self.look, steps=lambda since, after: ())
        self.next: Any = None
        home: Any = self
        worker: Any = SimpleNamespace(
            announce=self.part("announce"), take=self.part("take"), withdrawn=lambda consents: None
        )
        self.logged: set[str] = set()  # keys of entries that stand in FLOW

        async def entry(_: object, key: str) -> object:
            return key if key in self.logged else None

        async def nothing_withdrawn(_: int) -> tuple[list[bytes], int]:
            return [], 0

        async def nothing(_: object) -> None:
            return None

        port: Any = SimpleNamespace(
            remove_notices=self.part("purge", 1),
            ensure_consumers=self.part("consumers"),
            entry=entry,
            withdrawals=nothing_withdrawn,
            take_from=nothing,
        )
        doorkeeper: Any = SimpleNamespace(cut=self.part("cut", 1))
        monkeypatch.setattr(service, "clock", lambda: NOW)
        monkeypatch.setattr(service, "LOOK_SECONDS", 0)
        monkeypatch.setattr(service, "announce_epoch", lambda statement, *_: statement)
        watcher: Any = SimpleNamespace(shut_out=self.part("evidence", 0))
        self.following = _Following(home, port, worker, lambda _: None, doorkeeper, watcher)
        self.taken = _Taken(asyncio.Event())

    @property
    def bundle(self) -> Any:
        return self.trust.current.bundle

    def world(self) -> Any:
        return SimpleNamespace()

    @staticmethod
    def epoch(number: int, of: object) -> Any:
        bundle = SimpleNamespace(directory=of)
        return SimpleNamespace(bundle=bundle, statement=number, state=SimpleNamespace(at=NOW, epoch=number))

    def part(self, name: str, result: object = None) -> Callable[..., Awaitable[object]]:
        async def asked(*what: object) -> object:
            if name in self.failing:
                raise DependencyError("Not now.")
            self.done.append((name, set(what[0]) if isinstance(what[0], set) else what[-1]))
            return result

        return asked

    def login(self, public: str) -> Any:
        return rights(self.trust.current.bundle.directory, NOW)(public)

    def look(self) -> None:
        self.rounds += 1
        if self.next is not None:
            self.trust.current, self.next = self.next, None

    async def rounds_of(self, count: int) -> None:
        """Run until it has looked so often, and has done what follows from all those looks but the last."""
        task = asyncio.create_task(self.following.run(self.taken))
        wanted = self.rounds + count
        async with asyncio.timeout(20):
            while self.rounds < wanted and not task.done():
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def names(self) -> set[str]:
        return {name for name, _ in self.done}


@pytest.fixture
async def town(monkeypatch: pytest.MonkeyPatch) -> Town:
    made = Town(monkeypatch)
    await made.following.begin()
    made.done.clear()
    made.next = made.epoch(2, directory(suspended=(Span(start=NOW - 1, end=NOW + 100),)))
    return made


async def test_a_suspended_contact_is_cut_and_purged_once_and_the_epoch_announced_before_it_counts(town: Town) -> None:
    await town.rounds_of(5)
    desk = town.trust.current.bundle.directory.contacts_of(POLICE)[0]
    assert sorted(town.done, key=str) == sorted(
        [
            ("cut", {nkey("C")}),
            ("announce", [2]),
            ("take", town.done[-3][1]),
            *((name, desk.handle) for name in ("evidence", "purge")),
        ],
        key=str,
    )
    order = [name for name, _ in town.done if name != "cut"]
    assert order == ["announce", "take", "evidence", "purge"]


async def test_a_server_that_does_not_say_whom_it_cut_holds_up_no_decision(town: Town) -> None:
    town.failing.add("cut")
    await town.rounds_of(3)
    assert town.names() == {"announce", "take", "evidence", "purge"}
    town.failing.clear()
    await town.rounds_of(3)
    assert [what for name, what in town.done if name == "cut"] == [{nkey("C")}]


async def test_whoever_is_shut_out_is_cut_although_the_epoch_cannot_be_announced(town: Town) -> None:
    town.failing.add("announce")
    await town.rounds_of(3)
    assert town.names() == {"cut"}  # nothing is decided under it, and nothing purged that could come again
    town.failing.clear()
    await town.rounds_of(3)
    assert town.names() == {"cut", "announce", "take", "evidence", "purge"}


async def test_a_purge_that_failed_is_done_the_next_time(town: Town) -> None:
    town.failing.add("purge")
    await town.rounds_of(3)
    assert "purge" not in town.names() and "take" in town.names()
    town.failing.clear()
    await town.rounds_of(4)
    assert [name for name, _ in town.done].count("purge") == 1
    assert [name for name, _ in town.done].count("take") == 1


async def test_a_broker_does_not_start_under_an_older_epoch_than_the_log_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    town = Town(monkeypatch)
    town.logged.add(epoch_key(2))
    with pytest.raises(BundleRefused, match="newer trust bundle") as refusal:
        await town.following.begin()
    assert refusal.value.why == "rolled-back" and not town.done
    town.logged = {epoch_key(1)}
    await town.following.begin()
    assert "take" in town.names()
