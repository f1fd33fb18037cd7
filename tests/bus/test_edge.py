"""The three attacks of "the NATS edge" (docs/design.md section 8), each by an agency with a real login.

Foreign reply subject: the server publishes its replies to whatever subject an asker names, past the asker's rights.
Foreign message id: the server drops a message whose id it has seen, whoever used it first, and says that all is well.
Foreign submit subject: handing in under another agency's name.
"""

import asyncio
from contextlib import aclosing

import pytest
from nats.aio.msg import Msg

from bus import subjects
from bus.connection import connected
from bus.queue import Admission, NatsAgency, View
from bus.store import Store
from keys.nkey import public_of
from messages.ids import ViewId
from tests.support.nats_server import DESK, HARBOUR, HELPER, SHELTER, RunningBus, new_seed
from tests.support.patience import PATIENCE
from tests.support.pulling import pulled

KEY = "0" * 32
SUBMIT = subjects.submit(HARBOUR, "message")
PULL = f"$JS.API.CONSUMER.MSG.NEXT.FLOW.{DESK}-normal"


async def provoke(bus: RunningBus, reply: str) -> None:
    """Make the server send everything an agency can make it send to `reply`: a PubAck, a refusal, a view, a status, an
    answer to an ask. HARBOUR does it, with its own rights only.
    """
    attacker = await bus.adapter(HARBOUR)
    broker = await bus.broker()

    async def handler(agency: str, verb: str, data: bytes) -> bytes:
        return b"an answer to an ask"

    async with broker.serve_asks(handler):
        client = attacker.client
        await client.publish(SUBMIT, b"x", reply=reply)
        await client.publish(SUBMIT, b"x", reply=reply, headers={"Nats-Expected-Stream": "OTHER"})
        await client.publish(PULL, b'{"batch":1,"no_wait":true}', reply=reply)
        await client.publish(PULL, b"nonsense", reply=reply)
        await client.publish(subjects.ask(HARBOUR, "head"), b"", reply=reply)
        await attacker.flush()
        await (await bus.agency(HARBOUR)).ask("head", b"", PATIENCE)  # whatever came before has been served
    assert not attacker.denied
    await broker.close()


async def leave_a_view(bus: RunningBus) -> None:
    """A view for the attacker itself, in the shape of an answer."""
    broker = await bus.broker()
    await broker.store(
        [Admission(HARBOUR, KEY, b"entry", 60, [View(HARBOUR, DESK, "normal", ViewId(KEY), b"\xa1view")])]
    )


# Foreign reply subject


@pytest.mark.parametrize(
    "reply",
    [
        subjects.LEAF,
        subjects.HEAD,
        subjects.record(0),
        subjects.entry(SHELTER, KEY),
        subjects.deliver(SHELTER, HELPER, "urgent", ViewId(KEY)),
        subjects.submit(SHELTER, "message"),
        "$JS.API.STREAM.PURGE.FLOW",
        "$JS.API.STREAM.DELETE.LOG",
        f"$JS.API.CONSUMER.DELETE.FLOW.{HELPER}-normal",
        f"$JS.API.CONSUMER.MSG.NEXT.FLOW.{HELPER}-normal",
    ],
)
async def test_no_reply_of_the_server_gets_into_a_stream_or_does_anything_there(bus: RunningBus, reply: str) -> None:
    await leave_a_view(bus)
    store = (await bus.broker()).streams
    names = [spec for spec in subjects.STREAMS if spec is not subjects.SUBMIT]
    before = [await store.state(spec) for spec in names]
    await provoke(bus, reply)
    assert [await store.state(spec) for spec in names] == before
    broker = await bus.broker()
    assert [(one.agency, one.data) for one in await pulled(broker, 1)] == [(HARBOUR, b"x")]
    assert await broker.pull(1, 0.2) == []
    assert await store.waiting(subjects.FLOW, subjects.consumer(HELPER, "normal")) == 0


async def test_a_confirmation_lands_among_anothers_answers_and_is_not_taken_for_one(bus: RunningBus) -> None:
    await leave_a_view(bus)
    reported: list[str] = []
    connection = await bus.adapter(SHELTER)
    victim = await NatsAgency.open(connection, SHELTER, reported.append)
    spy = await connection.client.subscribe(subjects.answer(SHELTER))
    await provoke(bus, subjects.answer(SHELTER))
    landed = [await spy.next_msg(timeout=PATIENCE)]
    await (await bus.broker()).answer(SHELTER, b"\xa0")
    while landed[-1].data != b"\xa0":
        landed.append(await spy.next_msg(timeout=PATIENCE))
    assert any(b'"stream":"SUBMIT"' in one.data for one in landed)  # the attack is real: the server did send it there
    assert len(landed) > 2
    async with asyncio.timeout(PATIENCE), aclosing(victim.answers()) as answers:
        assert await anext(answers) == b"\xa0"
    assert victim.foreign == len(landed) - 1
    assert set(reported) == {"answer"}


async def test_replies_and_anothers_view_in_a_pull_inbox_are_not_taken_for_deliveries(bus: RunningBus) -> None:
    await leave_a_view(bus)
    reported: list[str] = []
    connection = await bus.adapter(SHELTER)
    victim = await NatsAgency.open(connection, SHELTER, reported.append)
    guessed: list[str] = []
    really = connection.client.new_inbox

    def noted() -> str:
        guessed.append(really())
        return guessed[-1]

    connection.client.new_inbox = noted  # type: ignore[method-assign]  # as if the attacker could guess it
    async with asyncio.timeout(20), aclosing(victim.deliveries(HELPER)) as deliveries:
        waiting = asyncio.ensure_future(anext(deliveries))
        while len(guessed) < 2:
            await asyncio.sleep(0)
        await connection.flush()
        for inbox in guessed:
            await provoke(bus, inbox)
        view = View(SHELTER, HELPER, "normal", ViewId("1" * 32), b"ours")
        await (await bus.broker()).store([Admission(SHELTER, "1" * 32, b"entry", 60, [view])])
        delivery = await waiting
    assert (delivery.agency, delivery.contact, delivery.data) == (SHELTER, HELPER, b"ours")
    assert "reply-in-inbox" in reported  # confirmations
    assert "not-ours" in reported  # the attacker's own view
    assert victim.foreign == len(reported)


async def test_a_view_of_another_contact_or_lane_is_not_taken_even_from_the_right_consumer(bus: RunningBus) -> None:
    port = await bus.agency(SHELTER)

    def taken(subject: str) -> bool:
        return port._for(HELPER, "normal", Msg(_client=port.connection.client, subject=subject))

    assert taken(subjects.deliver(SHELTER, HELPER, "normal", ViewId(KEY)))
    assert not taken(subjects.deliver(SHELTER, HELPER, "urgent", ViewId(KEY)))
    assert not taken(subjects.deliver(SHELTER, DESK, "normal", ViewId(KEY)))
    assert not taken(subjects.deliver(HARBOUR, HELPER, "normal", ViewId(KEY)))


async def test_a_confirmation_is_not_taken_for_the_reply_to_an_ask(bus: RunningBus) -> None:
    """Each ask has an inbox of its own under a random prefix; a reply to one that has ended goes nowhere."""
    broker, victim = await bus.broker(), await bus.agency(SHELTER)

    async def handler(agency: str, verb: str, data: bytes) -> bytes:
        if agency == SHELTER:  # not for what is asked to provoke it
            await provoke(bus, f"{subjects.inbox(SHELTER)}.guess.0")
        return b"the worker's"

    async with broker.serve_asks(handler):
        assert await victim.ask("head", b"", PATIENCE) == b"the worker's"


async def test_a_worker_answers_no_ask_that_did_not_cross_the_border(bus: RunningBus) -> None:
    """In the workers' own account a reply subject is whatever the asker says, so there it is never used."""
    worker = await bus.worker()
    await worker.client.publish(subjects.ask(HARBOUR, "head"), b"", reply=subjects.LEAF)
    await worker.flush()
    assert len(worker.denied) == 1  # not even a worker may ask there

    seed = new_seed()
    rights = subjects.Permissions(account="BROKER", publish=(subjects.ASKS,), subscribe=())
    await bus.restart(subjects.Login(public_key=public_of(seed), permissions=rights))
    broker = await bus.broker()
    served: list[str] = []

    async def handler(agency: str, verb: str, data: bytes) -> bytes:
        served.append(verb)
        return b"x" * 32

    async with connected(bus.server.url, seed, inbox_prefix="_INBOX_x") as inside, broker.serve_asks(handler):
        await inside.client.publish(subjects.ask(HARBOUR, "inside"), b"", reply=subjects.LEAF)
        await inside.flush()
        await (await bus.agency(HARBOUR)).ask("head", b"", PATIENCE)
    assert served == ["head"]
    assert broker.foreign == 1
    assert (await broker.streams.state(subjects.LOG))["messages"] == 0


# Foreign message id


async def test_one_message_id_for_two_agencies_swallows_the_second_and_confirms_it(bus: RunningBus) -> None:
    """The trap itself, so that nobody ever leans on message ids: the victim is told that all is well."""
    attacker, victim, store = await bus.adapter(HARBOUR), await bus.adapter(SHELTER), Store(await bus.worker())
    longer = {**subjects.SUBMIT.request(1), "duplicate_window": 60 * 10**9}  # than a machine stands still
    await store.api(f"STREAM.UPDATE.{subjects.SUBMIT.name}", longer, "widening the window")
    stolen = {"Nats-Msg-Id": f"{SHELTER}.known"}
    await attacker.ask(SUBMIT, b"attack", stolen)
    await attacker.flush()
    reply = await victim.request(subjects.submit(SHELTER, "message"), b"victim's", stolen)
    assert b'"duplicate": true' in reply.data or b'"duplicate":true' in reply.data


async def test_an_agencys_message_ids_cannot_be_known_before_it_uses_them(bus: RunningBus) -> None:
    victim, used = await bus.agency(SHELTER), list[str]()
    really = victim.connection.client.publish

    async def noted(subject: str, data: bytes = b"", reply: str = "", headers: dict[str, str] | None = None) -> None:
        used.append((headers or {}).get("Nats-Msg-Id", ""))
        await really(subject, data, reply, headers)

    victim.connection.client.publish = noted  # type: ignore[method-assign, assignment]
    for _ in range(3):
        await victim.submit("message", b"same bytes")
    assert len(set(used)) == 3
    for identifier in used:
        agency, random = identifier.split(".")
        assert agency == SHELTER
        assert len(bytes.fromhex(random)) == 16
    assert len(await pulled(await bus.broker(), 3)) == 3


async def test_repeating_anothers_message_id_after_the_fact_takes_nothing_away(bus: RunningBus) -> None:
    victim, attacker = await bus.agency(SHELTER), await bus.adapter(HARBOUR)
    used: list[str] = []
    really = victim.connection.client.publish

    async def noted(subject: str, data: bytes = b"", reply: str = "", headers: dict[str, str] | None = None) -> None:
        used.append((headers or {}).get("Nats-Msg-Id", ""))
        await really(subject, data, reply, headers)

    victim.connection.client.publish = noted  # type: ignore[method-assign, assignment]
    await victim.submit("message", b"victim's")
    await attacker.publish(SUBMIT, b"attack", {"Nats-Msg-Id": used[0]})
    await attacker.flush()
    await victim.submit("message", b"victim's next")
    broker, found = await bus.broker(), list[bytes]()
    async with asyncio.timeout(PATIENCE):
        while len(found) < 2:
            found += [one.data for one in await broker.pull(10, PATIENCE) if one.agency == SHELTER]
    assert found == [b"victim's", b"victim's next"]


async def test_a_repeated_submission_is_not_kept_from_the_worker(bus: RunningBus) -> None:
    """Repeats are for the entry to catch; the duplicate window would answer in the worker's place, and wrongly."""
    port = await bus.agency(HARBOUR)
    await port.submit("message", b"same")
    await port.submit("message", b"same")
    assert [one.data for one in await pulled(await bus.broker(), 2)] == [b"same", b"same"]


# Foreign submit subject


async def test_the_server_denies_handing_in_under_anothers_name(bus: RunningBus) -> None:
    attacker = await bus.adapter(HARBOUR)
    await attacker.publish(subjects.submit(SHELTER, "message"), b"attack")
    await attacker.flush()
    assert len(attacker.denied) == 1
    assert await (await bus.broker()).pull(1, 0.2) == []


async def test_who_submitted_is_read_from_the_subject_whatever_headers_and_bytes_say(bus: RunningBus) -> None:
    attacker = await bus.adapter(HARBOUR)
    claims = {"Nats-Msg-Id": f"{SHELTER}.x", "Agency": SHELTER, "Nats-Subject": subjects.submit(SHELTER, "message")}
    await attacker.request(SUBMIT, SHELTER.encode(), claims)
    [one] = await pulled(await bus.broker(), 1)
    assert one.agency == HARBOUR


async def test_the_headers_of_a_submission_cannot_touch_the_stream(bus: RunningBus) -> None:
    attacker = await bus.adapter(HARBOUR)
    await attacker.request(SUBMIT, b"first")
    for headers in (
        {"Nats-Rollup": "all"},
        {"Nats-TTL": "1s"},
        {"Nats-Batch-Id": "b", "Nats-Batch-Sequence": "1", "Nats-Batch-Commit": "1"},
        {"Nats-Incr": "+1"},
        {"Nats-Schedule": "@at 2030-01-01T00:00:00Z", "Nats-Schedule-Target": subjects.LEAF},
    ):
        reply = await attacker.request(SUBMIT, b"second", headers)
        assert b'"error"' in reply.data, headers
    broker = await bus.broker()
    assert [one.data for one in await pulled(broker, 1)] == [b"first"]
    assert await broker.pull(1, 0.2) == []
