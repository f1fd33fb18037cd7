"""Which of thousands of intakes are asked for more, and when."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

import pytest
from nats.aio.msg import Msg

from bus import bounds
from bus.intake import Bucket
from bus.queue import AgencyPort, NatsBroker, Submission, _Intake, _Intakes
from messages.ids import AgencyHandle
from tests.support.nats_server import HARBOUR, SHELTER, RunningBus
from tests.support.pulling import pulled, settled


def any_number(_agency: AgencyHandle, _lane: str) -> int:
    return 100


AGENCIES = [AgencyHandle(f"a{letter * 12}") for letter in "bcd"]


@dataclass
class Pull:
    """A puller that notes when it is asked, and can be told what the server says."""

    ready: deque[str] = field(default_factory=deque)
    asked: int = 0
    counts: list[int] = field(default_factory=list)
    trouble: str | None = None
    more_on_its_way: bool = False
    fails: bool = False
    intakes: "_Intakes | None" = None
    agency: AgencyHandle | None = None
    ended: bool = True

    def over(self, now: float) -> bool:
        return self.ended

    async def request(self, count: int, seconds: float, size: int = 0) -> None:
        assert count > 0 and seconds > 0 and size > 0
        if self.fails:
            raise ConnectionError
        self.asked += 1
        self.counts.append(count)
        if self.intakes is not None and self.agency is not None and self.asked == 1:
            self.intakes.heard("normal", self.agency)  # the server's word on the request before comes in between


class World:
    def __init__(self) -> None:
        self.now = 100.0
        self.intakes = _Intakes(lambda: self.now)
        self.pulls = {agency: Pull() for agency in AGENCIES}
        for agency, pull in self.pulls.items():
            self.intakes.add(_Intake(agency, "normal", pull, Bucket(10.0, 20.0)))  # type: ignore[arg-type]

    @property
    def asked(self) -> list[int]:
        return [pull.asked for pull in self.pulls.values()]


@pytest.fixture
async def world() -> World:
    made = World()
    assert not await made.intakes.ask(any_number)
    assert made.asked == [1, 1, 1]
    return made


async def test_nobody_is_asked_again_before_its_request_ends_or_what_came_is_taken(world: World) -> None:
    await world.intakes.ask(any_number)
    assert world.asked == [1, 1, 1]
    first = AGENCIES[0]
    world.intakes.heard("normal", first)  # it has ended
    await world.intakes.ask(any_number)
    assert world.asked == [2, 1, 1]
    world.pulls[first].ready.append("message")
    world.intakes.heard("normal", first)
    await world.intakes.ask(any_number)
    assert world.asked == [2, 1, 1] and list(world.intakes.filled["normal"]) == [first]
    world.pulls[first].ready.clear()
    world.intakes.taken("normal")
    await world.intakes.ask(any_number)
    assert world.asked == [3, 1, 1] and not world.intakes.filled["normal"]


async def test_an_end_of_which_no_word_came_is_found_at_the_next_round(world: World) -> None:
    world.now += bounds.INTAKE_ROUND - 0.1
    await world.intakes.ask(any_number)
    assert world.asked == [1, 1, 1]
    world.now += 0.1
    world.pulls[AGENCIES[1]].ended = False
    await world.intakes.ask(any_number)
    assert world.asked == [2, 1, 2]


async def test_what_the_server_says_while_somebody_is_asked_is_not_forgotten() -> None:
    world = World()
    pull = world.pulls[AGENCIES[1]]
    pull.intakes, pull.agency = world.intakes, AGENCIES[1]
    await world.intakes.ask(any_number)
    await world.intakes.ask(any_number)
    assert world.asked == [1, 2, 1]


async def test_whoever_could_not_be_asked_is_asked_again() -> None:
    world = World()
    for pull in world.pulls.values():
        pull.fails = True
    with pytest.raises(ConnectionError):
        await world.intakes.ask(any_number)
    for pull in world.pulls.values():
        pull.fails = False
    await world.intakes.ask(any_number)
    assert world.asked == [1, 1, 1]


async def test_whoever_has_used_up_its_rate_is_asked_once_it_has_some_again(world: World) -> None:
    first = AGENCIES[0]
    world.intakes.all["normal", first].bucket.take(20, world.now)
    world.intakes.heard("normal", first)
    assert await world.intakes.ask(any_number)
    assert world.asked == [1, 1, 1]
    world.now += 0.2
    assert not await world.intakes.ask(any_number)
    assert world.asked == [2, 1, 1]


async def test_no_more_is_asked_for_than_may_be_here_and_than_the_rate_allows() -> None:
    world = World()
    world.intakes.all["normal", AGENCIES[2]].bucket.take(17, world.now)
    await world.intakes.ask(lambda agency, _lane: 2 if agency == AGENCIES[0] else 10)
    assert [pull.counts for pull in world.pulls.values()] == [[2], [10], [3]]


async def test_whatever_is_urgent_is_asked_for_first() -> None:
    world, order = World(), list[str]()
    for agency in AGENCIES:
        for lane in ("normal", "urgent"):
            pull = Pull()
            pull.request = lambda *_, lane=lane: told(lane)  # type: ignore[method-assign,misc,assignment]
            world.intakes.add(_Intake(agency, lane, pull, Bucket(10.0, 20.0)))  # type: ignore[arg-type]

    async def told(lane: str) -> None:
        order.append(lane)

    await world.intakes.ask(any_number)
    assert order == ["urgent"] * 3 + ["normal"] * 3


async def test_trouble_is_told_once_and_what_still_flows_as_long_as_it_does(world: World) -> None:
    pull = world.pulls[AGENCIES[2]]
    pull.trouble, pull.more_on_its_way = "503", True
    world.intakes.heard("normal", AGENCIES[2])
    assert world.intakes.trouble() and not world.intakes.trouble() and pull.trouble is None
    assert world.intakes.more_on_its_way(lambda lane, agency: (lane, agency) != ("normal", AGENCIES[2]))
    assert not world.intakes.more_on_its_way(
        lambda _lane, agency: agency == AGENCIES[2]
    )  # of whoever rests nothing comes
    pull.more_on_its_way = False
    assert not world.intakes.more_on_its_way(lambda _lane, _agency: False)


async def test_a_backlog_comes_in_small_batches_while_another_agency_hands_in_too(
    bus: RunningBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "COMPANY_SECONDS", 600.0)
    broker = await bus.broker()
    await (await bus.agency(SHELTER)).submit("message", b"of the other")
    await pulled(broker, 1, ack=True)
    harbour = await bus.agency(HARBOUR)
    for number in range(30):
        await harbour.submit("message", b"%d" % number)
    found: list[bytes] = []
    async with asyncio.timeout(60):
        while len(found) < 30:
            some = await broker.pull(100, 5.0)
            assert len(some) <= bounds.COMPANY_BATCH
            await settled(some)
            found += [one.data for one in some]
    assert found == [b"%d" % number for number in range(30)]


async def test_a_request_of_which_all_came_is_no_trouble_and_ends_none_that_follows(bus: RunningBus) -> None:
    broker = await bus.broker()
    harbour = await bus.agency(HARBOUR)
    intake = broker._intakes.all["normal", HARBOUR]
    said: list[str] = []
    arrived = intake.puller._arrived

    async def heard(message: Msg) -> None:
        await arrived(message)
        if message.subject == intake.puller._inbox:
            said.append((message.headers or {}).get("Description", ""))

    intake.puller._arrived = heard  # type: ignore[method-assign]
    await intake.puller._leave()
    await intake.puller.open()
    await intake.puller.request(2, 60.0, bounds.INTAKE_BYTES)
    for number in range(2):
        await harbour.submit("message", b"%d" % number)
    async with asyncio.timeout(60):
        while not said:
            await asyncio.sleep(0.01)
    assert said == ["Batch Completed"] and intake.puller.trouble is None and len(intake.puller.ready) == 2
    await intake.puller.request(5, 60.0, bounds.INTAKE_BYTES)

    def word(pending: str) -> Msg:
        headers = {"Status": "409", "Description": "Batch Completed", "Nats-Pending-Messages": pending}
        return Msg(broker.connection.client, subject=intake.puller._inbox, headers=headers)

    await arrived(word("0"))  # of the request before, later than the next one was opened
    assert not intake.puller.over(asyncio.get_running_loop().time())
    await arrived(word("5"))  # as many bytes came as were asked for
    assert intake.puller.over(asyncio.get_running_loop().time()) and intake.puller.trouble is None


async def beside_a_backlog(
    bus: RunningBus, monkeypatch: pytest.MonkeyPatch, since: float = 0.0
) -> tuple[NatsBroker, AgencyPort, list[Submission]]:
    """A broker that has taken the first of thirty submissions of HARBOUR's while SHELTER is about, SHELTER's port, and
    what was taken. SHELTER handed in a message `since` seconds before; within 200 is lately.
    """
    monkeypatch.setattr(bounds, "COMPANY_SECONDS", 600.0)
    monkeypatch.setattr(bounds, "REST_SECONDS", 200.0)
    monkeypatch.setattr(bounds, "PER_SUBJECT", 20)  # so that thirty are a full queue
    broker = await bus.broker()
    shelter, harbour = await bus.agency(SHELTER), await bus.agency(HARBOUR)
    await shelter.submit("message", b"of the other")
    await pulled(broker, 1, ack=True)
    for number in range(30):
        await harbour.submit("message", b"%d" % number)
    goes_on(broker, monkeypatch, since)
    return broker, shelter, await broker.pull(100, 20.0)


def goes_on(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let the broker's clock be ahead by so much."""
    monkeypatch.setattr(broker, "_clock", lambda: asyncio.get_running_loop().time() + seconds)


async def test_a_backlog_rests_while_another_agency_hands_in_and_loses_nothing(
    bus: RunningBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, shelter, backlog = await beside_a_backlog(bus, monkeypatch)
    goes_on(broker, monkeypatch, 4.0)  # so long it took
    await settled(backlog)
    await shelter.submit("message", b"in between")
    assert {one.data for one in await broker.pull(100, 20.0)} == {b"in between"}
    goes_on(broker, monkeypatch, 300.0)
    rest = await pulled(broker, 30 - len(backlog), ack=True)
    assert [one.data for one in backlog + rest] == [b"%d" % number for number in range(30)]


async def test_while_a_part_of_a_backlog_is_in_hand_the_others_are_taken_and_no_more_of_it(
    bus: RunningBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "ACK_SECONDS", 3600.0)  # so long it would be in hand where nobody said that it is done
    monkeypatch.setattr(bounds, "REST", 0.1)
    broker, shelter, backlog = await beside_a_backlog(bus, monkeypatch)
    for number in range(3):
        await shelter.submit("message", b"in between %d" % number)
        assert [one.data for one in await pulled(broker, 1)] == [b"in between %d" % number]
    assert await broker.pull(100, 0.3) == []
    await settled(backlog[:1])
    assert await broker.pull(100, 0.3) == []
    pulling = asyncio.create_task(broker.pull(100, 3600.0))
    await asyncio.wait([pulling], timeout=0.3)  # it has looked, and waits
    await settled(backlog[1:])
    async with asyncio.timeout(bounds.INTAKE_SECONDS / 3):  # the server's next word comes after all of that
        assert [one.data for one in await pulling] == [b"2", b"3"]


async def test_what_was_settled_twice_is_seen_to_once(bus: RunningBus, monkeypatch: pytest.MonkeyPatch) -> None:
    broker, _, backlog = await beside_a_backlog(bus, monkeypatch)
    seen: list[int] = []
    monkeypatch.setattr(broker._pace, "took", lambda count, _seconds: seen.append(count))
    await settled(backlog[:1] * 2)
    assert len(backlog) > 1 and not seen
    await settled(backlog)
    await settled(backlog)
    assert seen == [len(backlog)]


async def test_of_a_backlog_no_more_is_here_than_is_taken_soon(
    bus: RunningBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All comes on one connection, and what lies here is handed out again after some seconds."""
    broker, _, backlog = await beside_a_backlog(bus, monkeypatch)
    puller = broker._intakes.all["normal", HARBOUR].puller
    most = [len(backlog) + len(puller.ready)]
    told: list[int] = []  # how many had been taken, wherever all that were left were known
    while len(backlog) < 30:
        await settled(backlog)
        goes_on(broker, monkeypatch, 100.0 * len(backlog))  # its rest is over, and SHELTER still about
        monkeypatch.setattr(broker._company, "_last", {SHELTER: broker._clock(), HARBOUR: broker._clock()})
        backlog += await broker.pull(100, 20.0)
        most.append(len(puller.ready))
        if broker._left("normal", [HARBOUR, SHELTER]) == {HARBOUR: 30 - len(backlog), SHELTER: 0}:
            told.append(len(backlog))
    assert max(most) <= bounds.COMPANY_ASKED and [one.data for one in backlog] == [b"%d" % n for n in range(30)]
    assert min(told) < 30 - bounds.COMPANY_ASKED


async def test_what_is_urgent_fills_no_batch_for_those_who_have_only_messages(
    bus: RunningBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "PER_SUBJECT", 5)
    monkeypatch.setattr(bounds, "ACK_SECONDS", 3600.0)
    broker, shelter, harbour = await bus.broker(), await bus.agency(SHELTER), await bus.agency(HARBOUR)
    for number in range(10):
        await harbour.submit("urgent", b"urgent %d" % number)
        await harbour.submit("message", b"mine %d" % number)
    await shelter.submit("message", b"other")
    async with asyncio.timeout(60):
        while not all(
            broker._intakes.all[which].puller.behind + len(broker._intakes.all[which].puller.ready) == count  # type: ignore[index]
            for which, count in {("urgent", HARBOUR): 10, ("normal", HARBOUR): 10, ("normal", SHELTER): 1}.items()
        ):
            await broker._intakes.ask(any_number)
            await asyncio.sleep(0.01)
    first = await broker.pull(100, 20.0)
    assert [one.data for one in first] == [b"urgent 0", b"urgent 1", b"urgent 2", b"other"]
    second = await broker.pull(100, 20.0)  # while those are in hand, no more of their kind
    assert {one.data.split()[0] for one in second} == {b"mine"}
    assert await broker.pull(100, 0.3) == []
    await settled(first)
    async with asyncio.timeout(bounds.INTAKE_SECONDS / 3):
        assert (await broker.pull(100, 3600.0))[0].data == b"urgent 3"


async def test_the_pace_is_that_of_all_that_is_in_hand_together(
    bus: RunningBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, harbour = await bus.broker(), await bus.agency(HARBOUR)
    took: list[float] = []
    monkeypatch.setattr(broker._pace, "took", lambda _count, seconds: took.append(seconds))
    await harbour.submit("message", b"one")
    first = await pulled(broker, 1)
    await harbour.submit("message", b"two")
    second = await pulled(broker, 1)
    goes_on(broker, monkeypatch, 100.0)
    await settled(first + second)
    assert took[0] > 90 > 10 > took[1]


async def test_a_backlog_does_not_rest_for_retrievals(bus: RunningBus, monkeypatch: pytest.MonkeyPatch) -> None:
    broker, shelter, backlog = await beside_a_backlog(bus, monkeypatch, since=250.0)
    await shelter.submit("retrieval", b"of a view")
    async with asyncio.timeout(60):
        while not broker._intakes.all["normal", SHELTER].puller.ready:
            await asyncio.sleep(0.01)
    more: list[Submission] = []
    while b"of a view" not in {one.data for one in more}:
        more += await broker.pull(100, 20.0)
    more += await broker.pull(100, 20.0)
    goes_on(broker, monkeypatch, 280.0)  # so long it took
    await settled(backlog + more)
    more += await pulled(broker, 31 - len(backlog + more), ack=True)
    assert {one.data for one in backlog + more} == {b"of a view", *(b"%d" % n for n in range(30))}


async def test_a_backlog_is_worked_on_where_nobody_else_has_handed_in_lately(
    bus: RunningBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, _, backlog = await beside_a_backlog(bus, monkeypatch, since=250.0)
    goes_on(broker, monkeypatch, 254.0)  # so long it has been in hand
    more = await broker.pull(100, 20.0)
    assert [one.data for one in backlog + more] == [b"%d" % n for n in range(2 * bounds.COMPANY_BATCH)]  # still small


async def test_what_comes_while_the_only_message_of_an_agency_is_seen_to_does_not_wait_for_a_rest(
    bus: RunningBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, shelter, backlog = await beside_a_backlog(bus, monkeypatch)
    goes_on(broker, monkeypatch, 4.0)  # so long it took
    await settled(backlog)
    await shelter.submit("message", b"first")
    assert [one.data for one in await broker.pull(100, 20.0)] == [b"first"]
    await shelter.submit("message", b"second")
    async with asyncio.timeout(60):
        while not broker._intakes.all["normal", SHELTER].puller.ready:
            await asyncio.sleep(0.01)
    goes_on(broker, monkeypatch, 6.0)  # the backlog rests on
    assert [one.data for one in await broker.pull(100, 20.0)] == [b"second"] and len(backlog) < 30
