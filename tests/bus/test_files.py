"""Chunks of evidence files on a real server: written once, under their owner, and gone when their time is over."""

import asyncio

import pytest

from bus import subjects
from bus.files import FileHead, FileStore
from bus.store import TTL, Store
from messages.errors import DependencyError
from tests.support.nats_server import HARBOUR, SHELTER, RunningBus

STORED, OTHER = bytes(range(16)), bytes(16)
HEAD = FileHead(3, 5_000)


async def test_a_place_and_a_chunk_are_written_once(bus: RunningBus) -> None:
    store = Store(await bus.worker())
    files = FileStore(store)
    assert await files.head(HARBOUR, STORED) is None and await files.reserved(HARBOUR) == (0, 0)
    assert await files.reserve(HARBOUR, STORED, HEAD, 60) == HEAD
    assert await files.reserve(HARBOUR, STORED, FileHead(9, 9), 60) == HEAD  # the first one stands
    assert await files.reserve(HARBOUR, OTHER, FileHead(2, 9), 60) == FileHead(2, 9)
    assert (await files.reserved(HARBOUR), await files.reserved(SHELTER)) == ((2, 5), (0, 0))

    data = bytes(600_000)
    assert await files.put(HARBOUR, STORED, 1, data, 60)
    assert await files.put(HARBOUR, STORED, 1, data, 60)  # again, after a lost answer
    assert not await files.put(HARBOUR, STORED, 1, data[1:], 60)
    assert await files.get(HARBOUR, STORED, 1) == data
    assert await files.get(HARBOUR, STORED, 0) is None and await files.get(SHELTER, STORED, 1) is None
    assert await files.taken() > len(data)
    kept = await store.last(subjects.FILES, subjects.file_chunk(HARBOUR, STORED, 1))
    assert kept is not None and kept.headers[TTL] == "60"
    assert await files.remove(HARBOUR, STORED) == 2 and await files.head(HARBOUR, OTHER) == FileHead(2, 9)


async def test_what_a_replica_does_not_have_yet_is_asked_of_the_leader(
    bus: RunningBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(await bus.worker())
    files = FileStore(store)
    await files.reserve(HARBOUR, STORED, HEAD, 60)

    async def lagging(*_: object) -> None:
        return None

    monkeypatch.setattr(store, "direct", lagging)
    assert await files.put(HARBOUR, STORED, 1, b"sealed", 60)
    assert await files.put(HARBOUR, STORED, 1, b"sealed", 60)
    assert not await files.put(HARBOUR, STORED, 1, b"other", 60)
    assert await files.get(HARBOUR, STORED, 1) == b"sealed" and await files.get(HARBOUR, STORED, 2) is None


async def test_a_chunk_whose_time_ends_while_it_is_put_again_is_not_said_to_be_another(
    bus: RunningBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(await bus.worker())
    files = FileStore(store)
    assert await files.put(HARBOUR, STORED, 1, b"sealed", 60)

    async def gone(*_: object) -> None:
        return None

    monkeypatch.setattr(store, "last", gone)
    with pytest.raises(DependencyError):
        await files.put(HARBOUR, STORED, 1, b"sealed", 60)


async def test_the_store_itself_takes_a_file_away_when_its_time_is_over(bus: RunningBus) -> None:
    files = FileStore(Store(await bus.worker()))
    await files.reserve(HARBOUR, STORED, HEAD, 1)
    assert await files.put(HARBOUR, STORED, 0, b"sealed", 1)
    async with asyncio.timeout(30):
        while await files.get(HARBOUR, STORED, 0) is not None or await files.head(HARBOUR, STORED) is not None:
            await asyncio.sleep(0.1)  # the server wakes nobody when it removes
    assert await files.reserved(HARBOUR) == (0, 0)
