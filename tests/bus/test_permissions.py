"""The server itself enforces what `subjects` says. Every attempt is made with a real login."""

import asyncio

import pytest

from bus import subjects
from bus.connection import Connection
from bus.queue import Admission, View
from messages.errors import DependencyError
from messages.ids import ViewId
from tests.support.nats_server import DESK, HARBOUR, HELPER, SHELTER, RunningBus

KEY = "0" * 32

FORBIDDEN_TO_PUBLISH = [
    subjects.submit(SHELTER, "message"),
    subjects.submit(SHELTER, "retrieval"),
    subjects.submit(SHELTER, "statement"),
    f"submit.{HARBOUR}.other",
    subjects.entry(HARBOUR, KEY),
    subjects.entry(subjects.OPERATOR, KEY),
    subjects.deliver(HARBOUR, DESK, "normal", ViewId(KEY)),
    subjects.LEAF,
    subjects.record(0),
    subjects.file_head(HARBOUR, bytes(16)),
    subjects.file_chunk(HARBOUR, bytes(16), 0),
    subjects.HEAD,
    subjects.answer(HARBOUR),
    subjects.answer(SHELTER),
    subjects.ask(SHELTER, "head"),
    f"{subjects.inbox(SHELTER)}.x",
    f"{subjects.inbox(HARBOUR)}.x",
    f"{subjects.BROKER_INBOX}.x",
    "$JS.API.INFO",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.NAMES",
    *(
        f"$JS.API.STREAM.{verb}.{spec.name}"
        for spec in subjects.STREAMS
        for verb in ("INFO", "CREATE", "UPDATE", "DELETE")
    ),
    *(f"$JS.API.STREAM.{verb}.{spec.name}" for spec in subjects.STREAMS for verb in ("PURGE", "MSG.GET", "MSG.DELETE")),
    *(f"$JS.API.DIRECT.GET.{spec.name}" for spec in subjects.STREAMS),
    f"$JS.API.DIRECT.GET.FLOW.deliver.{SHELTER}.>",
    "$JS.API.CONSUMER.CREATE.FLOW",
    "$JS.API.CONSUMER.CREATE.FLOW.mine",
    f"$JS.API.CONSUMER.CREATE.FLOW.{DESK}-normal",
    "$JS.API.CONSUMER.DURABLE.CREATE.FLOW.mine",
    "$JS.API.CONSUMER.LIST.FLOW",
    "$JS.API.CONSUMER.NAMES.FLOW",
    f"$JS.API.CONSUMER.INFO.FLOW.{HELPER}-normal",
    f"$JS.API.CONSUMER.DELETE.FLOW.{DESK}-normal",
    f"$JS.API.CONSUMER.MSG.NEXT.FLOW.{HELPER}-normal",
    f"$JS.API.CONSUMER.MSG.NEXT.FLOW.{HELPER}-urgent",
    f"$JS.API.CONSUMER.MSG.NEXT.SUBMIT.{subjects.WORKERS}",
    f"$JS.ACK.FLOW.{HELPER}-normal.1.1.1.1.0",
    f"$JS.ACK.SUBMIT.{subjects.WORKERS}.1.1.1.1.0",
    "$SYS.REQ.SERVER.PING",
    "_R_.x",
]

FORBIDDEN_TO_HEAR = [
    ">",
    "*",
    "submit.>",
    f"submit.{HARBOUR}.message",
    "entry.>",
    "deliver.>",
    f"deliver.{HARBOUR}.>",
    "log.leaf",
    "answer.*",
    f"answer.{SHELTER}",
    "ask.>",
    f"ask.{HARBOUR}.*",
    "_INBOX.>",
    f"{subjects.inbox(SHELTER)}.>",
    f"{subjects.BROKER_INBOX}.>",
    "$JS.>",
    "$SYS.>",
    "_R_.>",
]


async def denied(connection: Connection) -> int:
    await connection.flush()
    return len(connection.denied)


@pytest.fixture
async def adapter(bus: RunningBus) -> Connection:
    return await bus.adapter(HARBOUR)


async def test_an_agency_can_publish_to_nothing_else(adapter: Connection, bus: RunningBus) -> None:
    store = (await bus.broker()).streams
    for count, subject in enumerate(FORBIDDEN_TO_PUBLISH, start=1):
        await adapter.publish(subject, b"{}")
        assert await denied(adapter) == count, subject
    for spec in subjects.STREAMS:
        assert (await store.state(spec))["last_seq"] == 0


async def test_an_agency_can_hear_nothing_else(adapter: Connection) -> None:
    for count, subject in enumerate(FORBIDDEN_TO_HEAR, start=1):
        await adapter.client.subscribe(subject)
        assert await denied(adapter) == count, subject


async def test_what_it_may_do_is_not_denied(adapter: Connection) -> None:
    for subject in subjects.agency_permissions(HARBOUR, [DESK]).publish:
        await adapter.publish(subject.replace("*", "head").replace(">", "1.1.1.1.0"), b"{}")
    await adapter.client.subscribe(subjects.answer(HARBOUR))
    await adapter.client.subscribe(f"{subjects.inbox(HARBOUR)}.>")
    assert await denied(adapter) == 0


async def test_it_gets_nothing_of_what_waits_for_another(bus: RunningBus) -> None:
    broker, port = await bus.broker(), await bus.agency(HARBOUR)
    await broker.store([Admission(SHELTER, KEY, b"e", 60, [View(SHELTER, HELPER, "normal", ViewId(KEY), b"view")])])
    deliveries = port.deliveries(HELPER)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(deliveries), 0.3)
    await deliveries.aclose()
    assert await denied(port.connection) >= 2
    assert await broker.waiting(SHELTER, HELPER) == 1


async def test_an_agencys_word_alone_does_not_make_it_a_worker(bus: RunningBus) -> None:
    adapter = await bus.adapter(HARBOUR)
    heard = await adapter.client.subscribe(subjects.ASKS, queue=subjects.WORKERS)
    assert await denied(adapter) == 1
    with pytest.raises(DependencyError):
        await (await bus.agency(SHELTER)).ask("head", b"", 0.3)
    assert heard.delivered == 0


async def test_even_a_pull_of_its_own_creates_and_changes_no_consumer(bus: RunningBus) -> None:
    store = (await bus.broker()).streams
    before = await store.api("STREAM.INFO.FLOW", None, "looking")
    port = await bus.agency(HARBOUR)
    deliveries = port.deliveries(DESK)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(deliveries), 0.1)
    await deliveries.aclose()
    after = await store.api("STREAM.INFO.FLOW", None, "looking")
    assert before["state"]["consumer_count"] == after["state"]["consumer_count"] == 4
    assert await denied(port.connection) == 0
