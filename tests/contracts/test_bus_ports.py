"""What broker and adapters may rely on, whichever bus they are given."""

import asyncio
from contextlib import aclosing

import pytest

from bus import bounds
from bus.queue import (
    Admission,
    AlreadyStored,
    BrokerPort,
    ConsentWithdrawn,
    Delivery,
    Holding,
    Outline,
    Submission,
    View,
    Watch,
)
from bus.store import Fenced
from bus.subjects import OPERATOR, Lane, withdrawn_key
from messages.errors import DependencyError, LocalError
from messages.ids import AgencyHandle, ContactHandle, ViewId
from tests.contracts.conftest import Ports
from tests.support.nats_server import DESK, HARBOUR, HELPER, SHELTER
from tests.support.patience import PATIENCE
from tests.support.pulling import pulled, read

NOTHING = 0.1  # for what must not come


def key(number: int) -> str:
    return f"{number:032x}"


def view(number: int, lane: Lane = "normal", data: bytes = b"view") -> View:
    return View(SHELTER, HELPER, lane, ViewId(key(number)), data)


def admission(number: int, *views: View, agency: AgencyHandle = HARBOUR, entry: bytes = b"entry") -> Admission:
    return Admission(agency, key(number), entry, 3600, views)


async def delivered(bus: Ports, agency: AgencyHandle, contact: ContactHandle, count: int) -> list[Delivery]:
    """The next `count` deliveries, each acknowledged."""
    found: list[Delivery] = []
    port = await bus.agency(agency)
    async with asyncio.timeout(PATIENCE), aclosing(port.deliveries(contact)) as deliveries:
        async for delivery in deliveries:
            await delivery.ack()
            found.append(delivery)
            if len(found) == count:
                break
    await port.close()
    return found


# Submissions


async def test_a_submission_arrives_unchanged_under_the_name_of_its_agency(bus: Ports) -> None:
    broker = await bus.broker()
    await (await bus.agency(HARBOUR)).submit("message", b"\x00\xff envelope")
    await (await bus.agency(SHELTER)).submit("retrieval", b"evidence")
    await (await bus.agency(SHELTER)).submit("statement", b"statement")
    found = await pulled(broker, 3)
    assert sorted((one.agency, one.kind, one.data, one.attempt) for one in found) == [
        (HARBOUR, "message", b"\x00\xff envelope", 1),
        (SHELTER, "retrieval", b"evidence", 1),
        (SHELTER, "statement", b"statement", 1),
    ]


async def test_pulling_an_empty_queue_gives_an_empty_list(bus: Ports) -> None:
    assert await (await bus.broker()).pull(10, NOTHING) == []


async def test_a_pull_returns_at_most_its_limit_and_the_rest_later(bus: Ports) -> None:
    broker, agency = await bus.broker(), await bus.agency(HARBOUR)
    for number in range(5):
        await agency.submit("message", b"%d" % number)
    first = await broker.pull(2, PATIENCE)
    assert 1 <= len(first) <= 2
    rest = await pulled(broker, 5 - len(first))
    assert [one.data for one in first + rest] == [b"0", b"1", b"2", b"3", b"4"]


async def test_a_pull_waits_for_what_comes_later(bus: Ports) -> None:
    broker, agency = await bus.broker(), await bus.agency(HARBOUR)
    pulling = asyncio.create_task(pulled(broker, 1))
    assert not pulling.done()
    await agency.submit("message", b"late")
    assert [one.data for one in await pulling] == [b"late"]


async def test_what_is_acknowledged_does_not_come_again(bus: Ports) -> None:
    broker, agency = await bus.broker(), await bus.agency(HARBOUR)
    await agency.submit("message", b"once")
    [one] = await pulled(broker, 1)
    await one.ack()
    assert await broker.pull(1, NOTHING) == []


async def test_what_is_given_back_comes_again_and_counts_its_attempts(bus: Ports) -> None:
    broker, agency = await bus.broker(), await bus.agency(HARBOUR)
    await agency.submit("message", b"twice")
    [one] = await pulled(broker, 1)
    await one.nak()
    [again] = await pulled(broker, 1)
    assert (again.data, again.attempt) == (b"twice", 2)


async def test_two_workers_share_the_queue_and_none_gets_what_the_other_has(bus: Ports) -> None:
    one, other, agency = await bus.broker(), await bus.broker(), await bus.agency(HARBOUR)
    for number in range(4):
        await agency.submit("message", b"%d" % number)
    found: list[Submission] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < 4:  # a worker may ask ahead, so which of the two gets how many is not promised
            found += await one.pull(2, 0.05) + await other.pull(2, 0.05)
    assert sorted(submission.data for submission in found) == [b"0", b"1", b"2", b"3"]


async def test_what_is_too_large_is_refused_with_one_sentence(bus: Ports) -> None:
    agency = await bus.agency(HARBOUR)
    with pytest.raises(LocalError, match="larger than the message bus carries"):
        await agency.submit("message", bytes(8 * 1024 * 1024 + 1))


# Entries and views


async def test_an_entry_is_stored_with_its_views(bus: Ports) -> None:
    broker = await bus.broker()
    await broker.store([admission(1, view(1), view(2, "urgent"))])
    entry = await broker.entry(HARBOUR, key(1))
    assert entry is not None
    assert (entry.seq, entry.subject, entry.data) == (1, f"entry.{HARBOUR}.{key(1)}", b"entry")
    assert await broker.waiting(SHELTER, HELPER) == 2
    assert await broker.waiting(HARBOUR, DESK) == 0


async def test_an_entry_that_was_never_stored_is_none(bus: Ports) -> None:
    assert await (await bus.broker()).entry(HARBOUR, key(1)) is None


async def test_a_key_is_stored_once_and_a_second_call_changes_nothing(bus: Ports) -> None:
    broker = await bus.broker()
    await broker.store([admission(1, view(1))])
    with pytest.raises(AlreadyStored) as caught:
        await broker.store([admission(1, view(2), entry=b"other")])
    assert caught.value.keys == ((HARBOUR, key(1)),)
    entry = await broker.entry(HARBOUR, key(1))
    assert entry is not None
    assert entry.data == b"entry"
    assert await broker.waiting(SHELTER, HELPER) == 1


async def test_one_repeated_key_stops_the_whole_batch(bus: Ports) -> None:
    broker = await bus.broker()
    await broker.store([admission(2)])
    with pytest.raises(AlreadyStored) as caught:
        await broker.store([admission(1, view(1)), admission(2, view(2)), admission(3, view(3))])
    assert caught.value.keys == ((HARBOUR, key(2)),)
    assert await broker.entry(HARBOUR, key(1)) is None
    assert await broker.entry(HARBOUR, key(3)) is None
    assert await broker.waiting(SHELTER, HELPER) == 0


async def test_the_same_key_of_another_agency_is_another_entry(bus: Ports) -> None:
    broker = await bus.broker()
    await broker.store([admission(1)])
    await broker.store([admission(1, agency=SHELTER, entry=b"theirs")])
    entry = await broker.entry(SHELTER, key(1))
    assert entry is not None
    assert entry.data == b"theirs"


async def test_one_key_twice_in_a_call_is_a_mistake_of_the_caller(bus: Ports) -> None:
    with pytest.raises(LocalError):
        await (await bus.broker()).store([admission(1), admission(1)])


async def test_more_than_a_batch_holds_is_stored_in_several_and_no_admission_is_split(bus: Ports) -> None:
    broker, sequencer = await bus.broker(), await bus.sequencer()
    await broker.store([admission(n, *(view(1000 * n + m) for m in range(400))) for n in range(3)])
    assert await broker.waiting(SHELTER, HELPER) == 1200
    assert [entry.seq for entry in await read(sequencer, 0, 3)] == [1, 402, 803]


async def test_one_admission_of_more_than_a_batch_is_refused_before_anything_is_stored(bus: Ports) -> None:
    broker = await bus.broker()
    with pytest.raises(LocalError):
        await broker.store([admission(1, *(view(m) for m in range(1000)))])
    assert await broker.entry(HARBOUR, key(1)) is None


async def test_an_entry_of_the_operator_stands_among_the_others_in_their_order(bus: Ports) -> None:
    broker, sequencer = await bus.broker(), await bus.sequencer()
    await broker.store([admission(1)])
    await broker.store([Admission(OPERATOR, "c" + key(1), b"a step", 3600)])
    found = await read(sequencer, 0, 2)
    assert [entry.subject for entry in found] == [f"entry.{HARBOUR}.{key(1)}", f"entry.operator.c{key(1)}"]


async def test_storing_nothing_is_nothing(bus: Ports) -> None:
    await (await bus.broker()).store([])


@pytest.mark.parametrize("bad", ["a.b", "*", "", "x" + "0" * 31, "0" * 33, "0" * 31 + "\n"])
async def test_only_a_key_may_stand_in_a_subject(bus: Ports, bad: str) -> None:
    with pytest.raises(LocalError):
        await (await bus.broker()).entry(HARBOUR, bad)


# Consents

CONSENT, OTHER = bytes(range(16)), bytes(range(16, 32))


def resting(number: int, *consents: bytes) -> Admission:
    """A message whose one view rests on these consents."""
    held = [Holding(consent, ViewId(key(number)), b"holding %d" % number, 3600) for consent in consents]
    return Admission(HARBOUR, key(number), b"entry", 3600, [view(number)], held)


def withdrawal(consent: bytes) -> Admission:
    return Admission(OPERATOR, withdrawn_key(consent), b"withdrawal")


async def test_who_holds_what_on_a_consent_is_stored_with_the_view_and_outlives_it(bus: Ports) -> None:
    broker = await bus.broker()
    await broker.store([resting(1, CONSENT, OTHER), resting(2, CONSENT), admission(3, view(3))])
    await broker.remove_view(SHELTER, HELPER, ViewId(key(1)))
    assert await broker.holdings(CONSENT) == [b"holding 1", b"holding 2"]
    assert await broker.holdings(OTHER) == [b"holding 1"]
    assert await broker.holdings(bytes(16)) == []


async def test_nothing_that_rests_on_a_withdrawn_consent_is_stored_any_more(bus: Ports) -> None:
    broker = await bus.broker()
    await broker.store([resting(1, CONSENT)])
    await broker.store([withdrawal(CONSENT)])
    with pytest.raises(ConsentWithdrawn) as refused:
        await broker.store([admission(2, view(2)), resting(3, OTHER, CONSENT)])
    assert refused.value.consents == (CONSENT,)
    assert await broker.entry(HARBOUR, key(2)) is None and await broker.entry(HARBOUR, key(3)) is None
    assert await broker.waiting(SHELTER, HELPER) == 1
    assert await broker.holdings(OTHER) == []
    await broker.store([admission(2, view(2)), resting(3, OTHER)])


async def test_what_was_stored_before_is_told_first_though_its_consent_was_withdrawn_since(bus: Ports) -> None:
    broker = await bus.broker()
    await broker.store([resting(1, CONSENT)])
    await broker.store([withdrawal(CONSENT)])
    with pytest.raises(AlreadyStored) as repeated:
        await broker.store([resting(1, CONSENT), resting(2, CONSENT)])
    assert repeated.value.keys == ((HARBOUR, key(1)),)


async def test_withdrawn_consents_are_read_in_order_from_where_one_stopped(bus: Ports) -> None:
    broker = await bus.broker()
    assert await broker.withdrawals(0) == ([], 0)
    await broker.store([Admission(OPERATOR, "e" + key(1), b"an epoch"), withdrawal(OTHER), admission(1)])
    found, last = await broker.withdrawals(0)
    assert found == [OTHER]
    await broker.store([withdrawal(CONSENT)])
    found, last = await broker.withdrawals(last)
    assert found == [CONSENT]
    assert await broker.withdrawals(last) == ([], last)


# Deliveries


async def test_a_view_reaches_its_contact_unchanged(bus: Ports) -> None:
    await (await bus.broker()).store([admission(1, view(7, data=b"\x00view"))])
    [one] = await delivered(bus, SHELTER, HELPER, 1)
    assert (one.agency, one.contact, one.lane, one.view_id, one.data, one.attempt) == (
        SHELTER,
        HELPER,
        "normal",
        key(7),
        b"\x00view",
        1,
    )


async def test_everything_urgent_comes_before_anything_normal(bus: Ports) -> None:
    broker = await bus.broker()
    await broker.store([admission(1, view(1), view(2), view(3, "urgent"), view(4), view(5, "urgent"))])
    found = await delivered(bus, SHELTER, HELPER, 5)
    assert sorted(one.view_id for one in found) == [key(n) for n in range(1, 6)]
    urgent = [one.view_id for one in found if one.lane == "urgent"]
    normal = [one.view_id for one in found if one.lane == "normal"]
    assert (urgent, normal) == ([key(3), key(5)], [key(1), key(2), key(4)])


async def test_an_urgent_view_overtakes_normal_ones_that_wait(bus: Ports) -> None:
    broker, port = await bus.broker(), await bus.agency(SHELTER)
    await broker.store([admission(1, *(view(n) for n in range(5)))])
    async with asyncio.timeout(PATIENCE), aclosing(port.deliveries(HELPER)) as deliveries:
        first = await anext(deliveries)
        await broker.store([admission(2, view(9, "urgent"))])
        order = [first]
        while order[-1].lane == "normal":
            order.append(await anext(deliveries))
    assert order[-1].view_id == key(9)


async def test_an_acknowledged_view_no_longer_waits(bus: Ports) -> None:
    broker = await bus.broker()
    await broker.store([admission(1, view(1))])
    await delivered(bus, SHELTER, HELPER, 1)
    assert await broker.waiting(SHELTER, HELPER) == 0


async def test_a_view_that_is_given_back_comes_again(bus: Ports) -> None:
    await (await bus.broker()).store([admission(1, view(1))])
    port = await bus.agency(SHELTER)
    async with asyncio.timeout(PATIENCE), aclosing(port.deliveries(HELPER)) as deliveries:
        await (await anext(deliveries)).nak()
        assert (await anext(deliveries)).attempt == 2


async def test_closing_the_iterator_gives_back_what_was_not_handed_out(bus: Ports) -> None:
    await (await bus.broker()).store([admission(1, *(view(n) for n in range(6)))])
    port = await bus.agency(SHELTER)
    async with asyncio.timeout(PATIENCE), aclosing(port.deliveries(HELPER)) as deliveries:
        one = await anext(deliveries)
        await one.ack()
    rest = await delivered(bus, SHELTER, HELPER, 5)
    assert sorted(found.view_id for found in [one, *rest]) == [key(n) for n in range(6)]


async def test_two_devices_of_one_contact_share_its_views(bus: Ports) -> None:
    await (await bus.broker()).store([admission(1, *(view(n) for n in range(4)))])
    first, second = await delivered(bus, SHELTER, HELPER, 2), await delivered(bus, SHELTER, HELPER, 2)
    assert sorted(one.view_id for one in first + second) == [key(n) for n in range(4)]


async def test_a_removed_view_is_not_delivered(bus: Ports) -> None:
    broker = await bus.broker()
    await broker.store([admission(1, view(1), view(2, "urgent"), view(3))])
    assert await broker.remove_view(SHELTER, HELPER, ViewId(key(2)))
    assert not await broker.remove_view(SHELTER, HELPER, ViewId(key(2)))
    assert sorted(one.view_id for one in await delivered(bus, SHELTER, HELPER, 2)) == [key(1), key(3)]


async def test_all_notices_of_one_contact_can_be_taken_away_and_no_view_of_a_message(bus: Ports) -> None:
    broker = await bus.broker()
    theirs = View(HARBOUR, DESK, "normal", ViewId(key(9)), b"view")
    await broker.store([admission(1, view(1), watched(3), view(2, "urgent"), theirs)])
    assert await broker.remove_notices(SHELTER, HELPER) == 2
    assert (await broker.waiting(SHELTER, HELPER), await broker.waiting(HARBOUR, DESK)) == (1, 1)
    assert [o.view_id for o in (await outlined(broker))[0]] == [key(3)]
    assert await broker.entry(HARBOUR, key(1)) is not None


async def outlined(broker: BrokerPort, limit: int = 10) -> tuple[list[Outline], int]:
    """All that wait, in as many readings as it takes, and up to where that is all."""
    found, before, after = list[Outline](), -1, 0
    while after != before:
        before = after
        some, after = await broker.outlines(before, limit)
        found += some
    return found, after


def watched(number: int, lane: Lane = "normal") -> View:
    return View(SHELTER, HELPER, lane, ViewId(key(number)), b"view", None, Watch(1, 2, number))


async def test_views_that_wait_are_seen_from_outside_in_order_from_where_one_stopped(bus: Ports) -> None:
    broker = await bus.broker()
    assert await broker.outlines(0, 10) == ([], 0)
    await broker.store([admission(1, watched(1), view(2), watched(3, "urgent")), admission(2, watched(4))])
    assert await broker.remove_view(SHELTER, HELPER, ViewId(key(1)))
    found, end = await outlined(broker, 1)
    assert await outlined(broker) == (found, end)
    assert [(o.view_id, o.lane, o.watch) for o in found] == [
        (key(3), "urgent", Watch(1, 2, 3)),
        (key(4), "normal", Watch(1, 2, 4)),
    ]
    assert [o.seq for o in found] == sorted(o.seq for o in found)
    assert await broker.outlines(end, 10) == ([], end)
    await broker.store([admission(5, watched(5))])
    async with asyncio.timeout(PATIENCE):
        while not (last := (await broker.outlines(end, 10))[0]):
            pass
    assert [o.view_id for o in last] == [key(5)]


async def test_what_was_acknowledged_was_handed_over_and_nothing_after_it(bus: Ports) -> None:
    broker = await bus.broker()
    await broker.store([admission(1, watched(1), watched(2))])
    first, second = (o.seq for o in (await outlined(broker))[0])
    assert await broker.handed_over(HELPER, "normal") < first
    port = await bus.agency(SHELTER)
    async with asyncio.timeout(PATIENCE), aclosing(port.deliveries(HELPER)) as deliveries:
        one, two = await anext(deliveries), await anext(deliveries)
        assert await broker.handed_over(HELPER, "normal") < first
        await one.ack()
        while not first <= await broker.handed_over(HELPER, "normal") < second:
            await asyncio.sleep(0.01)
        await two.ack()
        while await broker.handed_over(HELPER, "normal") < second:
            await asyncio.sleep(0.01)
    assert await broker.handed_over(HELPER, "urgent") < first


async def test_a_view_is_looked_at_until_it_is_taken_away(bus: Ports) -> None:
    broker = await bus.broker()
    await broker.store([admission(1, view(1, "urgent", b"this"))])
    assert await broker.view(SHELTER, HELPER, ViewId(key(1))) == b"this"
    assert await broker.waiting(SHELTER, HELPER) == 1
    assert await broker.take_view(SHELTER, HELPER, ViewId(key(1))) == b"this"
    assert await broker.view(SHELTER, HELPER, ViewId(key(1))) is None
    assert await broker.take_view(SHELTER, HELPER, ViewId(key(1))) is None
    assert await broker.waiting(SHELTER, HELPER) == 0


# Answers and asks


async def test_an_answer_reaches_only_its_agency(bus: Ports) -> None:
    broker, harbour, shelter = await bus.broker(), await bus.agency(HARBOUR), await bus.agency(SHELTER)
    await broker.answer(SHELTER, b"\xa1theirs")
    await broker.answer(HARBOUR, b"\xa1ours")
    async with asyncio.timeout(PATIENCE):
        async for answer in harbour.answers():
            assert answer == b"\xa1ours"
            break
        async for answer in shelter.answers():
            assert answer == b"\xa1theirs"
            break


async def test_what_is_no_answer_is_dropped_and_counted(bus: Ports) -> None:
    broker, agency = await bus.broker(), await bus.agency(HARBOUR)
    for foreign in (b'{"stream":"SUBMIT","seq":1}', b"", b"text"):
        await broker.answer(HARBOUR, foreign)
    await broker.answer(HARBOUR, b"\xa0")
    async with asyncio.timeout(PATIENCE):
        async for answer in agency.answers():
            assert answer == b"\xa0"
            break
    assert agency.foreign == 3
    agency.report_foreign("unsigned")
    assert agency.foreign == 4


async def test_an_agency_asks_and_hears_the_workers_reply(bus: Ports) -> None:
    broker, agency = await bus.broker(), await bus.agency(HARBOUR)

    async def handler(asker: AgencyHandle, verb: str, data: bytes) -> bytes:
        return b"|".join((asker.encode(), verb.encode(), data))

    async with broker.serve_asks(handler):
        assert await agency.ask("proof", b"7", PATIENCE) == b"%b|proof|7" % HARBOUR.encode()


async def test_some_things_may_be_asked_of_one_and_others_of_another(bus: Ports) -> None:
    broker, agency = await bus.broker(), await bus.agency(HARBOUR)

    async def first(asker: AgencyHandle, verb: str, data: bytes) -> bytes:
        return b"first " + verb.encode()

    async def second(asker: AgencyHandle, verb: str, data: bytes) -> bytes:
        return b"second " + verb.encode()

    async with broker.serve_asks(first, {"head", "proof"}):
        async with broker.serve_asks(second, {"filechunk"}):
            asked = [await agency.ask(verb, b"", PATIENCE) for verb in ("filechunk", "head", "filechunk", "proof")]
            assert asked == [b"second filechunk", b"first head", b"second filechunk", b"first proof"]
        with pytest.raises(DependencyError):
            await agency.ask("filechunk", b"", NOTHING)
        assert await agency.ask("head", b"", PATIENCE) == b"first head"


async def test_an_ask_that_nobody_serves_fails(bus: Ports) -> None:
    agency = await bus.agency(HARBOUR)
    with pytest.raises(DependencyError):
        await agency.ask("head", b"", NOTHING)


async def test_a_handler_that_fails_makes_the_ask_fail_and_serves_the_next(bus: Ports) -> None:
    broker, agency = await bus.broker(), await bus.agency(HARBOUR)

    async def handler(asker: AgencyHandle, verb: str, data: bytes) -> bytes:
        if verb == "bad":
            raise ValueError("a secret")
        return b"good"

    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(str(context["message"])))
    async with broker.serve_asks(handler):
        with pytest.raises(DependencyError) as caught:
            await agency.ask("bad", b"", PATIENCE)
        assert await agency.ask("head", b"", PATIENCE) == b"good"
    assert "secret" not in str(caught.value)
    assert not any("secret" in line for line in reported)


async def test_who_asks_for_too_much_at_once_is_told_so_and_nobody_else_waits(bus: Ports) -> None:
    broker, flooding, other = await bus.broker(), await bus.agency(HARBOUR), await bus.agency(SHELTER)
    slow = asyncio.Event()

    async def handler(asker: AgencyHandle, verb: str, data: bytes) -> bytes:
        if asker == HARBOUR:
            await slow.wait()
        return b"good"

    async with broker.serve_asks(handler):
        flood = [asyncio.create_task(flooding.ask("head", b"", PATIENCE)) for _ in range(bounds.ASKS_AT_ONCE + 9)]
        refused = len(flood) - bounds.ASKS_OF_AGENCY
        async with asyncio.timeout(PATIENCE):
            while sum(task.done() for task in flood) < refused:
                await asyncio.sleep(0.01)
        assert await other.ask("head", b"", PATIENCE) == b"good"
        slow.set()
        answers = await asyncio.gather(*flood, return_exceptions=True)
        assert answers.count(b"good") == bounds.ASKS_OF_AGENCY
        assert sum(isinstance(answer, DependencyError) for answer in answers) == refused
        assert await flooding.ask("head", b"", PATIENCE) == b"good"  # what was answered counts no longer


async def test_what_is_urgent_is_taken_before_a_backlog_and_another_agency_beside_it(bus: Ports) -> None:
    harbour, shelter = await bus.agency(HARBOUR), await bus.agency(SHELTER)
    for number in range(bounds.PER_SUBJECT):  # as many as may wait, and more than comes in answer to one request
        await harbour.submit("message", b"%d" % number)
    await shelter.submit("message", b"other")
    await harbour.submit("urgent", b"urgent")
    await shelter.submit("withdrawal", b"withdrawal")
    broker = await bus.broker()
    # What came in answer to the first request may have come before the others had answered.
    first, found = {b"urgent", b"withdrawal", b"other"}, await pulled(broker, 20, ack=True)
    while not first <= {one.data for one in found} and len(found) < bounds.INTAKE_BATCH + 40:
        found += await pulled(broker, 20, ack=True)
    assert first <= {one.data for one in found}
    mine = [int(one.data) for one in found if one.data.isdigit()]
    assert mine == list(range(len(mine)))


async def test_a_copy_that_was_set_aside_is_one_for_its_bytes_and_knows_how_often_it_was_tried(bus: Ports) -> None:
    await (await bus.agency(HARBOUR)).submit("message", b"poison")
    broker = await bus.broker()
    [one] = await pulled(broker, 1)
    assert await broker.tries(one) == 0
    await broker.set_aside(one, 1)
    await broker.set_aside(one, 2)
    assert await (await bus.broker()).tries(one) == 2
    await broker.take_back(one)
    assert await broker.tries(one) == 0


async def test_a_broker_knows_how_much_of_each_agency_waits(bus: Ports) -> None:
    for _ in range(3):
        await (await bus.agency(HARBOUR)).submit("message", b"x")
    await (await bus.agency(HARBOUR)).submit("retrieval", b"x")
    assert await (await bus.broker()).handed_in() == {HARBOUR: 3}


# The log


async def test_an_empty_log_has_no_tail(bus: Ports) -> None:
    sequencer = await bus.sequencer()
    assert (await sequencer.tail(), await sequencer.newest()) == ((0, 0), 0)
    assert await sequencer.leaves(0, 10) == []
    assert await sequencer.record(0) is None
    assert await sequencer.last_head() is None
    assert await sequencer.entries(0, 10, NOTHING) == []


async def test_entries_come_in_the_order_of_the_flow_and_views_not_at_all(bus: Ports) -> None:
    broker, sequencer = await bus.broker(), await bus.sequencer()
    await broker.store([admission(n, view(n), entry=b"%d" % n) for n in range(5)])
    found = await read(sequencer, 0, 5)
    assert [(entry.seq, entry.data) for entry in found] == [(1 + 2 * n, b"%d" % n) for n in range(5)]
    assert await read(sequencer, found[2].seq, 2) == found[3:]
    assert await sequencer.entries(found[4].seq, 10, NOTHING) == []
    assert await sequencer.newest() == found[4].seq


async def test_an_entry_that_comes_later_follows(bus: Ports) -> None:
    broker, sequencer = await bus.broker(), await bus.sequencer()
    await broker.store([admission(1)])
    [first] = await read(sequencer, 0, 1)
    await broker.store([admission(2, entry=b"second")])
    assert [entry.data for entry in await read(sequencer, first.seq, 1)] == [b"second"]


async def test_leaves_and_records_are_read_back_by_index(bus: Ports) -> None:
    sequencer = await bus.sequencer()
    leaves = [bytes([n]) * 32 for n in range(4)]
    assert await sequencer.append(0, [b"r0", b"r1", b"r2"], leaves[:3], [5, 5, 8], 0) == 3
    assert await sequencer.append(3, [b"r3"], leaves[3:], [9], 3) == 4
    assert await sequencer.tail() == (4, 9)
    assert await sequencer.leaves(1, 2) == leaves[1:3]
    assert await sequencer.leaves(2, 10) == leaves[2:]
    assert [await sequencer.record(n) for n in range(5)] == [b"r0", b"r1", b"r2", b"r3", None]


async def test_a_record_is_taken_away_once_and_the_leaf_stays(bus: Ports) -> None:
    broker, sequencer = await bus.broker(), await bus.sequencer()
    await broker.store([admission(1, entry=b"e")])
    (entry,) = await read(sequencer, 0, 1)
    leaves = [bytes([n]) * 32 for n in range(3)]
    await sequencer.append(0, [b"r0", b"r1", b"r2"], leaves, [entry.seq, entry.seq, entry.seq + 100], 0)
    for _ in range(2):
        await sequencer.remove_record(1)
        assert [await sequencer.record(n) for n in range(3)] == [b"r0", None, b"r2"]
    assert await sequencer.leaves(0, 3) == leaves
    assert [await sequencer.entry_held(n) for n in range(3)] == [True, True, False]


async def test_a_stale_sequencer_is_fenced_and_the_log_keeps_what_it_has(bus: Ports) -> None:
    leader, stale = await bus.sequencer(), await bus.sequencer()
    await leader.append(0, [b"r"], [b"a" * 32], [1], 0)
    with pytest.raises(Fenced):
        await stale.append(0, [b"r"], [b"a" * 32], [1], 0)
    with pytest.raises(Fenced):
        await stale.append(5, [b"r"], [b"b" * 32], [2], 5)
    assert await leader.leaves(0, 10) == [b"a" * 32]


async def test_more_leaves_than_a_batch_holds_are_all_appended_in_order(bus: Ports) -> None:
    sequencer = await bus.sequencer()
    leaves = [n.to_bytes(32, "big") for n in range(1500)]
    assert await sequencer.append(0, [b"r"] * 1500, leaves, [n // 300 for n in range(1500)], 0) == 1500
    assert await sequencer.leaves(0, 2000) == leaves


async def test_the_caller_must_name_each_leafs_place(bus: Ports) -> None:
    sequencer = await bus.sequencer()
    for call in (
        (0, [b"r"], [b"a" * 32], [1, 2], 0),
        (1, [b"r"], [b"a" * 32], [1], 0),
        (0, [b"r", b"r"], [b"a" * 32, b"b" * 32], [2, 1], 0),
    ):
        with pytest.raises(LocalError):
            await sequencer.append(*call)
    assert await sequencer.tail() == (0, 0)


async def test_the_latest_head_is_kept(bus: Ports) -> None:
    sequencer = await bus.sequencer()
    await sequencer.put_head(b"first")
    await sequencer.put_head(b"second")
    assert await sequencer.last_head() == b"second"
