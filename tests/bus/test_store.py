"""What the store itself guarantees, also through a sudden death: all or nothing, once, by one writer, for a time."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bus import bounds, subjects
from bus.connection import NoAnswer, NobodyThere, connect
from bus.queue import Admission, AlreadyStored, View
from bus.store import (
    EXPECT_STREAM,
    EXPECT_SUBJECT,
    TTL,
    Conflict,
    Fenced,
    Outgoing,
    Refused,
    Store,
    until_answered,
    within_batches,
)
from keys.nkey import public_of
from messages.errors import DependencyError, LocalError
from messages.ids import ViewId
from tests.support.nats_server import HARBOUR, HELPER, SHELTER, RunningBus, new_seed
from tests.support.pulling import pulled, read

KEY = "0" * 32


def admission(key: str = KEY, ttl: int | None = 3600) -> Admission:
    return Admission(HARBOUR, key, b"entry", ttl, [View(SHELTER, HELPER, "normal", ViewId(KEY), b"view", ttl)])


async def test_a_batch_whose_condition_fails_at_its_end_stores_nothing_of_its_beginning(bus: RunningBus) -> None:
    store = Store(await bus.worker())
    stands = Outgoing(subjects.entry(HARBOUR, KEY), b"first", {EXPECT_SUBJECT: "0"})
    await store.batch([stands])
    before = await store.state(subjects.FLOW)
    fresh = [Outgoing(subjects.entry(HARBOUR, f"{n:032x}"), b"x", {EXPECT_SUBJECT: "0"}) for n in range(1, 50)]
    with pytest.raises(Conflict):
        await store.batch([*fresh, stands])
    assert await store.state(subjects.FLOW) == before


async def test_a_batch_that_is_never_committed_stores_nothing(bus: RunningBus) -> None:
    worker = await bus.worker()
    for number in (1, 2):
        headers = {"Nats-Batch-Id": "abandoned", "Nats-Batch-Sequence": str(number)}
        await worker.publish(subjects.entry(HARBOUR, f"{number:032x}"), b"x", headers)
    await worker.flush()
    assert (await Store(worker).state(subjects.FLOW))["messages"] == 0


async def test_reads_wait_for_a_stream_that_nobody_leads_yet(bus: RunningBus) -> None:
    seed = new_seed()
    rights = subjects.Permissions(
        account="BROKER", publish=("$JS.API.STREAM.DELETE.LOG",), subscribe=(f"{subjects.BROKER_INBOX}.>",)
    )
    await bus.restart(subjects.Login(public_key=public_of(seed), permissions=rights))
    store = Store(await bus.worker())
    destroyer = Store(await connect(bus.server.url, seed, inbox_prefix=subjects.BROKER_INBOX))

    class Early(Store):
        """Its first try comes before the stream, as a read may come before a leader."""

        @staticmethod
        async def tries() -> AsyncIterator[bool]:
            yield False
            await store.ensure_streams()
            await store.put(subjects.LEAF, b"a" * 32)
            yield True

    early = Early(store.connection)
    try:
        await destroyer.api("STREAM.DELETE.LOG", None, "removing the log")
        assert [found.data for found in await early.several(subjects.LOG, subjects.LEAF, 1, 1)] == [b"a" * 32]
        await destroyer.api("STREAM.DELETE.LOG", None, "removing the log")
        assert (found := await early.direct(subjects.LOG, subjects.LEAF)) is not None and found.data == b"a" * 32
    finally:
        await destroyer.connection.close()


async def test_what_may_be_done_again_is_until_it_is_answered_or_refused_for_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounds, "RETRY_PAUSE", 0.0)
    silence, later, never = NoAnswer(), Refused("trying", 10008), Refused("trying", 10025)
    meets = [silence, later, NobodyThere(), None, never]

    async def once() -> str:
        if (error := meets.pop(0)) is not None:
            raise error
        return "done"

    assert await until_answered(once) == "done"
    with pytest.raises(Refused, match="10025"):
        await until_answered(once)
    meets = [silence, None]
    with pytest.raises(NoAnswer):
        await until_answered(once, 0.0)  # its time is up after the first try
    assert meets == [None]
    store = Store(None)  # type: ignore[arg-type]  # of which nothing is asked
    meets = [NobodyThere(), later, None]
    assert await store._patient(once) == "done"
    meets = [silence, None]
    with pytest.raises(NoAnswer):
        await store._patient(once)  # a read waits for a silent server once
    assert meets == [None]


async def test_a_bound_that_is_lowered_drops_nothing_that_waits(
    bus: RunningBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server itself would drop the oldest above the bound."""
    broker, harbour = await bus.broker(), await bus.agency(HARBOUR)
    store = broker.streams

    async def bound() -> object:
        info = await store.api(f"STREAM.INFO.{subjects.SUBMIT.name}", None, "looking")
        return info["config"]["max_msgs_per_subject"]

    def release(most: int) -> None:
        monkeypatch.setattr(subjects, "STREAMS", (replace(subjects.SUBMIT, max_msgs_per_subject=most),))

    release(40)
    await store.ensure_streams()
    for number in range(30):
        await harbour.submit("message", b"%d" % number)
    release(10)
    await store.ensure_streams()
    assert await bound() == 40 and await broker.handed_in() == {HARBOUR: 30}
    release(50)
    await store.ensure_streams()
    assert await bound() == 50
    taken = await pulled(broker, 30, ack=True)
    assert [one.data for one in taken] == [b"%d" % number for number in range(30)]
    async with asyncio.timeout(20):
        while await broker.handed_in():
            await asyncio.sleep(0.01)
    release(10)
    await store.ensure_streams()
    assert await bound() == 10


async def test_a_batch_of_one_is_a_batch(bus: RunningBus) -> None:
    store = Store(await bus.worker())
    assert await store.batch([Outgoing(subjects.LEAF, b"a" * 32, {EXPECT_STREAM: "0"})]) == 1
    with pytest.raises(Conflict):
        await store.batch([Outgoing(subjects.LEAF, b"a" * 32, {EXPECT_STREAM: "0"})])


async def test_a_batch_of_a_thousand_is_stored_and_one_more_is_refused_here(bus: RunningBus) -> None:
    store = Store(await bus.worker())
    leaves = [Outgoing(subjects.LEAF, bytes(32), {}) for _ in range(999)]
    assert await store.batch([Outgoing(subjects.LEAF, bytes(32), {EXPECT_STREAM: "0"}), *leaves]) == 1000
    with pytest.raises(LocalError):
        await store.batch([*leaves, *leaves[:2]])


async def test_the_same_condition_twice_in_one_batch_is_a_conflict(bus: RunningBus) -> None:
    entry = Outgoing(subjects.entry(HARBOUR, KEY), b"x", {EXPECT_SUBJECT: "0"})
    with pytest.raises(Conflict):
        await Store(await bus.worker()).batch([entry, entry])


async def test_a_repeat_is_still_refused_after_a_sudden_death(bus: RunningBus) -> None:
    broker = await bus.broker()
    await broker.store([admission()])
    bus.server.kill()
    await bus.server.start()
    with pytest.raises(AlreadyStored) as caught:
        await broker.store([admission()])
    assert caught.value.keys == ((HARBOUR, KEY),)
    assert await broker.waiting(SHELTER, HELPER) == 1


async def test_whatever_moment_the_server_dies_an_entry_has_its_view_and_only_once(bus: RunningBus) -> None:
    broker = await bus.broker()
    keys = [f"{number:032x}" for number in range(60)]

    async def store_all() -> None:
        for key in keys:
            one = Admission(HARBOUR, key, b"entry", None, [View(SHELTER, HELPER, "normal", ViewId(key), b"view")])
            try:
                await broker.store([one])
            except AlreadyStored:
                assert await broker.entry(HARBOUR, key) is not None

    storing = asyncio.create_task(store_all())
    for count in (10, 30):
        while (await broker.streams.state(subjects.FLOW))["messages"] < count:
            await asyncio.sleep(0)
        bus.server.kill()
        await bus.server.start()
    await storing
    entries = await read(await bus.sequencer(), 0, len(keys))
    found = {entry.subject.rsplit(".", 1)[1] for entry in entries}
    assert found == set(keys)
    assert (await broker.streams.state(subjects.FLOW))["messages"] == 2 * len(keys)
    for key in keys:
        view = await broker.streams.last(subjects.FLOW, subjects.deliver(SHELTER, HELPER, "normal", ViewId(key)))
        assert view is not None


async def test_a_time_to_live_is_taken_and_kept_to(bus: RunningBus) -> None:
    broker = await bus.broker()
    await broker.store([admission(ttl=1)])
    stored = await broker.streams.at(subjects.FLOW, 1)
    assert stored is None or stored.headers[TTL] == "1"
    async with asyncio.timeout(15):
        while (await broker.streams.state(subjects.FLOW))["messages"]:
            await asyncio.sleep(0.05)  # until the server has let both go
    await broker.store([admission()])


async def test_a_stale_sequencer_is_fenced_after_a_sudden_death_too(bus: RunningBus) -> None:
    sequencer = await bus.sequencer()
    await sequencer.append(0, [b"r"], [b"a" * 32], [1], 0)
    bus.server.kill()
    await bus.server.start()
    with pytest.raises(Fenced):
        await sequencer.append(0, [b"r"], [b"b" * 32], [1], 0)
    assert await sequencer.tail() == (1, 1)


async def test_an_entry_lost_on_the_way_to_the_sequencer_is_read_again_in_its_place(bus: RunningBus) -> None:
    broker, sequencer = await bus.broker(), await bus.sequencer()
    await broker.store([admission(f"{number:032x}") for number in range(6)])
    found = await read(sequencer, 0, 1)
    assert sequencer._reader is not None
    puller = sequencer._reader._puller
    await puller.request(3, 5)
    async with asyncio.timeout(10):
        while len(puller.ready) < 3:
            await asyncio.sleep(0)
        del puller.ready[1]  # as a connection that broke in the middle would
        while len(found) < 6:
            found += await sequencer.entries(found[-1].seq, 10, 5)
    assert [entry.seq for entry in found] == [1, 3, 5, 7, 9, 11]


async def test_nobody_can_delete_from_the_log_or_take_that_back(bus: RunningBus) -> None:
    worker = await bus.worker()
    store, sequencer = Store(worker), await bus.sequencer()
    await sequencer.append(0, [b"r"], [b"a" * 32], [1], 0)
    for request in ("STREAM.PURGE.LOG", "STREAM.MSG.DELETE.LOG", "STREAM.DELETE.LOG", "STREAM.DELETE.FLOW"):
        await worker.publish(f"$JS.API.{request}", b"")
    await worker.flush()
    assert len(worker.denied) == 4
    loose = {**subjects.LOG.request(1), "deny_delete": False, "deny_purge": False}
    with pytest.raises(Refused):
        await store.api("STREAM.UPDATE.LOG", loose, "loosening the log")
    assert await sequencer.leaves(0, 5) == [b"a" * 32]


async def test_one_message_is_deleted_by_its_sequence(bus: RunningBus) -> None:
    broker = await bus.broker()
    await broker.store([admission()])
    assert await broker.streams.delete(subjects.FLOW, 2)
    assert not await broker.streams.delete(subjects.FLOW, 2)
    assert await broker.streams.at(subjects.FLOW, 2) is None
    assert await broker.streams.at(subjects.FLOW, 1) is not None


async def test_what_is_erased_is_gone_from_the_disk_too(bus: RunningBus, tmp_path: Path) -> None:
    store = (await bus.broker()).streams
    secret = secrets.token_hex(32).encode()
    seq = await store.put(subjects.record(1), secret)
    await store.put(subjects.record(2), b"stays")

    def on_disk() -> bool:
        return any(secret in path.read_bytes() for path in tmp_path.rglob("*.blk"))

    assert on_disk()
    assert await store.delete(subjects.RECORDS, seq)
    assert not on_disk()


async def test_a_purge_that_names_nothing_is_refused(bus: RunningBus) -> None:
    for pattern in ("", ">"):
        with pytest.raises(LocalError):
            await Store(await bus.worker()).purge(subjects.FLOW, pattern)


async def test_a_leaf_that_no_sequencer_wrote_is_reported_and_not_built_on(bus: RunningBus) -> None:
    await (await bus.worker()).request(subjects.LEAF, b"not a leaf")
    with pytest.raises(DependencyError, match="run the log check"):
        await (await bus.sequencer()).tail()


async def test_a_dead_server_is_one_sentence(bus: RunningBus) -> None:
    worker = await bus.worker()
    bus.server.kill()
    with pytest.raises(DependencyError) as caught:
        await worker.request("$JS.API.STREAM.INFO.LOG", json.dumps({}).encode(), timeout=0.2, doing="looking")
    assert "did not answer while looking" in str(caught.value)


def test_whole_groups_are_put_into_as_few_batches_as_hold_them() -> None:
    def group(size: int, weight: int = 1) -> list[Outgoing]:
        return [Outgoing("s", bytes(weight), {})] * size

    assert [len(batch) for batch in within_batches([group(400), group(600), group(1)])] == [1000, 1]
    assert [len(batch) for batch in within_batches([group(999), group(2), group(998)])] == [999, 1000]
    assert [len(batch) for batch in within_batches([group(2, 10 * 2**20)] * 3)] == [2, 2, 2]
    assert within_batches([]) == []
    with pytest.raises(LocalError):
        within_batches([group(1001)])
