"""An adapter killed at any write of its journal or any call of its bus, sending or receiving: the next one goes on from
what stands. Nothing that was accepted is lost, nothing goes or is handed to people twice.
"""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from adapters.client import AgencyClient
from adapters.database import Database
from adapters.home import Home, clock
from adapters.journal import ACCEPTED, NEW, QUEUED, Journal
from broker.worker import Worker
from messages.ids import ViewId
from tests.broker.test_worker import FIRMS, Desk, entries, fake_desk, views
from tests.fakes.bus import FakeAgency, FakeBus
from tests.support.orchid import DESK, PROSECUTOR, TaskForce


class Killed(BaseException):
    """What happens to a process that is killed: no handler of its own runs to any effect."""


class Fuse:
    """Kills at the `left`-th write or call, before it has any effect or right after it."""

    def __init__(self, left: int, *, after: bool) -> None:
        self.left, self.after, self.dead = left, after, asyncio.Event()

    @property
    def blown(self) -> bool:
        return self.dead.is_set()

    def blow(self) -> None:
        self.dead.set()
        raise Killed

    def before(self) -> None:
        self.left -= 1
        if self.blown or (self.left == -1 and not self.after):
            self.blow()

    def behind(self) -> None:
        if self.left == -1 and self.after:
            self.blow()


class Mortal(FakeAgency):
    """A port whose process is killed at one of its calls."""

    fuse: Fuse

    async def submit(self, kind: Any, data: bytes) -> None:
        self.fuse.before()
        await super().submit(kind, data)
        self.fuse.behind()


@pytest.fixture
def fuse(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Fuse]]:
    """What is in the list kills; none does while it is empty."""
    burning: list[Fuse] = []
    whole = Database._write

    @contextmanager
    def written(self: Database) -> Iterator[Any]:
        for one in burning:
            one.before()
        with whole(self) as db:
            yield db
        for one in burning:
            one.behind()

    monkeypatch.setattr(Database, "_write", written)
    yield burning


class Agency:
    """One adapter on the bus in memory, in a folder that outlives it."""

    def __init__(self, force: TaskForce, address: str, bus: FakeBus, folder: Path, fuse: Fuse | None) -> None:
        self.agency, _, name = address.partition("/")
        if not folder.exists():
            shutil.copytree(force.practice.party(self.agency), folder)
        home = Home.open(folder, force.passphrase)
        self.journal = Journal(folder / "journal.db")
        self.port = Mortal(bus, home.agency.handle, None)
        self.port.fuse = fuse or Fuse(10**9, after=False)
        self.client = AgencyClient(home, home.unlock(name), self.journal, self.port)
        self._home = home

    async def close(self) -> None:
        await self.port.close()
        self.client.shelf.close()
        self.journal.close()
        self._home.trust.close()


async def worked(desk: Desk, doing: Any, fuse: Fuse | None = None) -> None:
    """Let the worker work while something is done, by a process that may be killed: all of it dies at once."""

    async def working() -> None:
        while True:
            await desk.worker.step(0.05)

    task, own = asyncio.create_task(working()), asyncio.ensure_future(doing)
    dead = asyncio.create_task((fuse or Fuse(0, after=True)).dead.wait())
    await asyncio.wait({own, dead}, return_when=asyncio.FIRST_COMPLETED)
    alive = own.done() and not dead.done()
    for one in (task, own, dead):
        one.cancel()
    done = await asyncio.gather(task, own, dead, return_exceptions=True)
    if alive and isinstance(done[1], BaseException):
        raise done[1]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_sender_killed_at_any_write_sends_once_what_it_had_saved(
    force: TaskForce, tmp_path: Path, fuse: list[Fuse], *, after: bool
) -> None:
    moments = 0
    for moment in range(40):
        bus, desk = fake_desk(force)
        desk.worker = Worker(desk.port, force.world(), clock)  # what a client sends is dated by its own clock
        folder = tmp_path / f"{moment}"
        one = Fuse(moment, after=after)
        sender = Agency(force, DESK, bus, folder, one)
        fuse.append(one)
        listening = asyncio.create_task(sender.client.listen())
        with suppress(Killed):
            await worked(desk, sender.client.send(force.case(FIRMS), [PROSECUTOR]), one)
        with suppress(Killed):
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        fuse.clear()
        await sender.close()

        again = Agency(force, DESK, bus, folder, None)
        saved = again.journal.outgoing()
        listening = asyncio.create_task(again.client.listen())
        await worked(desk, again.client.flush())
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        sent = again.journal.outgoing()
        assert len(saved) == len(sent) <= 1 and not again.journal.outgoing(QUEUED), moment
        if sent:
            assert sent[0].state == ACCEPTED and sent[0].data == saved[0].data
            stored = await desk.port.entry(force.agency(DESK), sent[0].message.hex())
            assert stored is not None
        assert len(entries(bus)) == len(views(bus)) == len(sent), moment
        await again.close()
        if not one.blown:
            moments = moment
            break
    assert moments >= 3  # it is killed at several moments, and once at none


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_recipient_killed_at_any_write_is_handed_each_view_once_and_its_first_retrieval_goes(
    force: TaskForce, tmp_path: Path, fuse: list[Fuse], *, after: bool
) -> None:
    moments = 0
    for moment in range(40):
        bus, desk = fake_desk(force)
        contact = force.contact(PROSECUTOR)
        await desk.port.ensure_consumers(contact.agency, contact.handle)
        envelope = force.send(FIRMS, PROSECUTOR)
        await desk.work(envelope.to_bytes())
        folder = tmp_path / f"{moment}"
        one = Fuse(moment, after=after)
        shown: list[ViewId] = []

        async def read(adapter: Agency, shown: list[ViewId] = shown) -> None:
            await adapter.client.collect(0.05)
            for incoming in adapter.journal.incoming(contact.handle):  # noqa: B023
                if incoming.state == NEW:
                    received = await adapter.client.open(ViewId(incoming.view))
                    assert received.opened is not None
                    shown.append(received.view_id)
            await adapter.client.say()

        first = Agency(force, PROSECUTOR, bus, folder, one)
        fuse.append(one)
        with suppress(Killed):
            await worked(desk, read(first), one)
        fuse.clear()
        signed = first.journal.unsent_retrievals()
        await first.close()
        bus.give_back()

        again = Agency(force, PROSECUTOR, bus, folder, None)
        await worked(desk, read(again))
        while bus.submissions:
            await desk.worker.step(0.05)
        assert len(shown) == len(set(shown)) <= 1, moment
        (incoming,) = again.journal.incoming()
        retrieved = [k for k in entries(bus) if k.rpartition(".")[2].startswith("r")]
        assert len(retrieved) == 1 and not views(bus) and not again.journal.unsent_retrievals(), (moment, retrieved)
        if signed:
            entry = await desk.port.entry(contact.agency, retrieved[0].rpartition(".")[2])
            assert entry is not None and sha256(signed[0][1]).digest() in entry.data
        assert incoming.state != NEW
        await again.close()
        if not one.blown:
            moments = moment
            break
    assert moments >= 3
