"""The worker around `admit`: on the fake bus where calls must fail, on a real server where it matters most."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import structlog
import structlog.testing

from broker.admit import World, admit, retrieval_key
from broker.worker import SUSPECT, TRIES, Worker
from bus.queue import AgencyPort, BrokerPort, StoredEntry
from bus.subjects import KINDS, Kind
from keys.domains import Tag
from keys.signing import verify
from messages import wire
from messages.envelope import Delivery
from messages.errors import DependencyError
from messages.evidence import Answer, Entry, Evidence, EvidenceType, Retrieval, Stamp, is_step
from messages.ids import AgencyHandle, ContactHandle, ViewId
from messages.limits import DAY
from messages.signed import Signed
from tests.fakes.bus import FakeBroker, FakeBus
from tests.support.nats_server import running_bus
from tests.support.orchid import DESK, FOREIGN, INSPECTORS, PROSECUTOR, SHELTER, TaskForce
from tests.support.tampering import flipped

FIRMS = "08-organisations.json"
REFERRAL = "03-referral-adult.json"


@dataclass
class Desk:
    """One worker and the agencies that talk to it, on whatever bus."""

    force: TaskForce
    port: BrokerPort
    worker: Worker
    agencies: dict[AgencyHandle, AgencyPort]

    def agency(self, address: str) -> AgencyPort:
        return self.agencies[self.force.agency(address)]

    async def submit(self, *data: bytes, by: str = DESK, kind: Any = "message") -> None:
        for one in data:
            await self.agency(by).submit(kind, one)

    async def answer(self, to: str = DESK) -> tuple[Evidence, bool]:
        async with asyncio.timeout(10):
            async for raw in self.agency(to).answers():
                if is_step(raw):
                    continue
                answer = Answer.from_bytes(raw)
                worker = self.force.bundle.directory.worker(answer.evidence.by)
                assert worker is not None
                evidence = Evidence.from_bytes(verify(answer.evidence, Tag.EVIDENCE, worker.key))
                assert evidence.submission == answer.submission or answer.repeated
                return evidence, answer.repeated
        raise AssertionError

    async def work(self, *data: bytes, by: str = DESK, kind: Any = "message") -> list[tuple[Evidence, bool]]:
        """Submit, let the worker take all of it in one step, and hear the answers."""
        await self.submit(*data, by=by, kind=kind)
        done = 0
        while done < len(data):
            done += await self.worker.step(5.0)
        return [await self.answer(by) for _ in data]


def fake_desk(force: TaskForce, **world: Any) -> tuple[FakeBus, Desk]:
    bus = FakeBus()
    port = bus.broker()
    agencies: dict[AgencyHandle, AgencyPort] = {a.handle: bus.agency(a.handle) for a in force.bundle.directory.agencies}
    return bus, Desk(force, port, Worker(port, force.world(**world), lambda: force.now), agencies)


@asynccontextmanager
async def a_desk(kind: str, folder: Path, force: TaskForce) -> AsyncIterator[Desk]:
    """A worker at a bus "in-memory", or at a "nats-server" in this folder, for the time of the block."""
    directory = force.bundle.directory
    contacts = {a.handle: [c.handle for c in directory.contacts_of(a.handle)] for a in directory.agencies}
    if kind == "in-memory":
        bus, made = fake_desk(force)
        for agency, handles in contacts.items():
            for handle in handles:
                await bus.broker().ensure_consumers(agency, handle)
        yield made
        return
    async with running_bus(folder, contacts) as running:
        port = await running.broker()
        agencies: dict[AgencyHandle, AgencyPort] = {a: await running.agency(a) for a in contacts}
        yield Desk(force, port, Worker(port, force.world(), lambda: force.now), agencies)


@pytest.fixture(params=["in-memory", "nats-server"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path, force: TaskForce) -> AsyncIterator[Desk]:
    async with a_desk(request.param, tmp_path / "bus", force) as made:
        yield made


async def flood(desk: Desk, *by: str) -> None:
    """Let these agencies hand in so much garbage that no more of theirs is recorded."""
    for address in by:
        await desk.work(*(b"garbage %d" % n for n in range(30)), by=address)


def entries(bus: FakeBus) -> list[str]:
    return [k.subject for k in bus.flow.values() if k.subject.startswith("entry.")]


def views(bus: FakeBus) -> list[str]:
    return [k.subject for k in bus.flow.values() if k.subject.startswith("deliver.")]


async def take(desk: Desk, address: str, count: int) -> list[bytes]:
    """The views that wait for a contact, acknowledged."""
    found = []
    stream = desk.agency(address).deliveries(desk.force.contact(address).handle)
    async with asyncio.timeout(10):
        while len(found) < count:
            delivery = await anext(stream)
            await delivery.ack()
            found.append(delivery.data)
    await stream.aclose()
    return found


async def waiting(desk: Desk, address: str) -> int:
    contact = desk.force.contact(address)
    return await desk.port.waiting(contact.agency, contact.handle)


# On both buses


async def test_a_message_is_stored_with_its_views_answered_and_delivered(desk: Desk) -> None:
    envelope = desk.force.send(FIRMS, PROSECUTOR, FOREIGN)
    ((evidence, repeated),) = await desk.work(envelope.to_bytes())
    assert (evidence.type, repeated) == (EvidenceType.SUBMISSION_ACCEPTANCE, False)
    stored = await desk.port.entry(desk.force.agency(DESK), envelope.manifest.id.hex())
    assert stored is not None
    entry = Entry.from_bytes(Signed.from_bytes(stored.data).body)
    assert len(entry.views) == 2
    for address in (PROSECUTOR, FOREIGN):
        (data,) = await take(desk, address, 1)
        assert desk.force.open(data, address).manifest.id == envelope.manifest.id


async def test_a_repeat_gets_the_first_evidence_marked_repeated_and_nothing_new_is_delivered(desk: Desk) -> None:
    raw = desk.force.send(FIRMS, PROSECUTOR).to_bytes()
    ((first, _),) = await desk.work(raw)
    later = Worker(desk.port, desk.force.world(secret=bytes(32)), lambda: desk.force.now + DAY)
    for worker in (desk.worker, later):  # the same worker, and another one on another day
        desk.worker = worker
        ((again, repeated),) = await desk.work(raw)
        assert (again, repeated) == (first, True)
    assert await waiting(desk, PROSECUTOR) == 1


async def test_the_same_id_with_other_bytes_is_refused_as_replay_on_record(desk: Desk) -> None:
    force = desk.force
    message = force.one(FIRMS, PROSECUTOR)
    first, second = force.compose(message), force.compose(message)
    assert first.manifest.id == second.manifest.id and first.to_bytes() != second.to_bytes()
    await desk.work(first.to_bytes())
    ((refused, repeated),) = await desk.work(second.to_bytes())
    assert (refused.type, refused.code, repeated) == (EvidenceType.SUBMISSION_REJECTION, "replayed", False)
    assert await desk.port.entry(force.agency(DESK), "x" + refused.submission[:16].hex()) is not None
    ((again, repeated),) = await desk.work(second.to_bytes())
    assert (again, repeated) == (refused, True)
    assert await waiting(desk, PROSECUTOR) == 1


async def test_another_agency_that_submits_it_is_refused_and_the_sender_still_gets_through(desk: Desk) -> None:
    raw = desk.force.send(FIRMS, PROSECUTOR).to_bytes()
    ((stolen, _),) = await desk.work(raw, by=INSPECTORS)
    assert (stolen.type, stolen.code) == (EvidenceType.SUBMISSION_REJECTION, "replayed")
    ((genuine, repeated),) = await desk.work(raw)
    assert (genuine.type, repeated) == (EvidenceType.SUBMISSION_ACCEPTANCE, False)


async def test_a_damaged_copy_that_arrives_first_does_not_burn_the_id(desk: Desk) -> None:
    envelope = desk.force.send(FIRMS, PROSECUTOR)
    name, sealed = next(iter(envelope.sections.items()))
    damaged = replace(envelope, sections={**envelope.sections, name: flipped(sealed)})
    answers = await desk.work(damaged.to_bytes(), envelope.to_bytes())
    codes = {e.submission: e.code for e, _ in answers}
    assert sorted(codes.values(), key=str) == [None, "unverified"]
    assert await waiting(desk, PROSECUTOR) == 1


async def test_equal_and_clashing_messages_in_one_batch_are_told_apart(desk: Desk) -> None:
    force = desk.force
    message = force.one(FIRMS, PROSECUTOR)
    first, clash = force.compose(message).to_bytes(), force.compose(message).to_bytes()
    other = force.send(REFERRAL, SHELTER).to_bytes()
    answers = await desk.work(first, first, clash, other, first)
    found = sorted((e.code or "accepted", repeated) for e, repeated in answers)
    assert found == [
        ("accepted", False),
        ("accepted", False),
        ("accepted", True),
        ("accepted", True),
        ("replayed", False),
    ]
    assert (await waiting(desk, PROSECUTOR), await waiting(desk, SHELTER)) == (1, 1)


async def test_a_retrieval_takes_the_view_away_and_leaves_a_record(desk: Desk) -> None:
    force = desk.force
    await desk.work(force.send(REFERRAL, SHELTER).to_bytes())
    stream = desk.agency(SHELTER).deliveries(force.contact(SHELTER).handle)
    async with asyncio.timeout(10):
        delivery = await anext(stream)
    await stream.aclose()  # not acknowledged: it would be handed out again
    raw = signed_retrieval(force, delivery.view_id, delivery.data)
    for repeated in (False, True):
        ((evidence, again),) = await desk.work(raw, by=SHELTER, kind="retrieval")
        assert (evidence.type, again) == (EvidenceType.RETRIEVAL, repeated)
    contact = force.contact(SHELTER)
    assert not await desk.port.remove_view(contact.agency, contact.handle, delivery.view_id)  # it is gone already
    key = retrieval_key(Retrieval.from_bytes(Signed.from_bytes(raw).body))
    stored = await desk.port.entry(force.agency(SHELTER), key)
    assert stored is not None
    assert len(Entry.from_bytes(Signed.from_bytes(stored.data).body).records) == 1


async def test_a_view_that_cannot_be_taken_away_now_holds_up_no_other_and_goes_when_it_is_handed_out_again(
    force: TaskForce, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus, desk = fake_desk(force)
    contact = force.contact(SHELTER)
    await desk.port.ensure_consumers(contact.agency, contact.handle)
    await desk.work(*(force.send(REFERRAL, SHELTER).to_bytes() for _ in range(2)))
    stream = desk.agency(SHELTER).deliveries(contact.handle)
    held = [await anext(stream) for _ in range(2)]
    await stream.aclose()
    take, stays = desk.port.take_view, held[0].view_id

    async def fails(agency: AgencyHandle, whose: ContactHandle, view: ViewId) -> bytes | None:
        if view == stays:
            raise DependencyError("The message bus did not answer.")
        return await take(agency, whose, view)

    monkeypatch.setattr(desk.port, "take_view", fails)
    raws = [signed_retrieval(force, one.view_id, one.data) for one in held]
    await desk.submit(*raws, by=SHELTER, kind="retrieval")
    with pytest.raises(DependencyError):
        await desk.worker.step(5.0)
    assert len(views(bus)) == 1
    monkeypatch.setattr(desk.port, "take_view", take)
    answered = [await desk.answer(SHELTER)]
    bus.give_back()  # what was not acknowledged is handed out again
    await desk.worker.step(5.0)
    answered.append(await desk.answer(SHELTER))
    assert not views(bus) and [repeated for _, repeated in answered] == [False, True]


async def test_the_repeats_of_a_batch_wait_for_the_store_at_the_same_time(
    force: TaskForce, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, desk = fake_desk(force)
    raws = [force.send(REFERRAL, SHELTER).to_bytes() for _ in range(3)]
    await desk.work(*raws)
    entry, together = desk.port.entry, asyncio.Barrier(3)

    async def slow(agency: AgencyHandle, key: str) -> StoredEntry | None:
        async with asyncio.timeout(20), together:  # nobody goes on before all three have asked
            return await entry(agency, key)

    monkeypatch.setattr(desk.port, "entry", slow)
    answers = await desk.work(*raws)
    assert len(answers) == 3 and all(repeated for _, repeated in answers)


def signed_retrieval(
    force: TaskForce, view_id: Any, data: bytes, address: str = SHELTER, head: tuple[int, bytes] | None = None
) -> bytes:
    delivery = Delivery.from_bytes(data)
    stamp = Stamp.from_bytes(delivery.stamp.body)
    keys = force.keys(address)
    body = Retrieval(
        view_id=view_id,
        view=stamp.view,
        manifest=stamp.manifest,
        message=wire.decode_view(delivery.view).manifest.id,
        recipient=keys.contact.handle,
        at=force.now,
        checkpoint=head,
    )
    return keys.signer.sign(Tag.RETRIEVAL, body.to_bytes()).to_bytes()


async def test_two_workers_on_one_queue_store_and_deliver_everything_once(desk: Desk) -> None:
    force = desk.force
    raws = [force.send(FIRMS, PROSECUTOR).to_bytes() for _ in range(12)]
    second = Worker(desk.port, force.world(secret=bytes(range(32))), lambda: force.now)
    await desk.submit(*raws, *raws)
    done = 0
    while done < 2 * len(raws):
        done += sum(await asyncio.gather(desk.worker.step(0.2), second.step(0.2)))
    answers = [await desk.answer() for _ in range(2 * len(raws))]
    assert sum(not repeated for _, repeated in answers) == len(raws)
    by_submission: dict[bytes, set[bytes]] = {}
    for evidence, _ in answers:
        by_submission.setdefault(evidence.submission, set()).add(evidence.leaf)
    assert {len(leaves) for leaves in by_submission.values()} == {1}  # one answer each, whoever gave it
    assert await waiting(desk, PROSECUTOR) == len(raws)


# Where calls fail: the fake alone


@pytest.mark.parametrize("failing", ["store", "answer", "settle", "entry"])
async def test_a_failing_bus_loses_nothing_and_doubles_nothing(force: TaskForce, failing: str) -> None:
    bus, desk = fake_desk(force)
    raw = force.send(FIRMS, PROSECUTOR).to_bytes()
    bus.failing.add(failing)
    await desk.submit(raw, raw)
    with pytest.raises(DependencyError):
        await desk.worker.step(0.1)
    assert len(bus.submissions) in ((2,) if failing != "entry" else (1, 2))  # what is not done stays in the queue
    assert (len(entries(bus)), len(views(bus))) == ((0, 0) if failing == "store" else (1, 1))
    bus.failing.clear()
    bus.give_back()
    while bus.submissions:
        assert await desk.worker.step(0.1)
    assert (len(entries(bus)), len(views(bus))) == (1, 1)


async def test_entry_and_views_are_stored_before_the_answer_and_the_answer_before_the_acknowledgement(
    force: TaskForce,
) -> None:
    bus, desk = fake_desk(force)
    order: list[str] = []

    class Watched(FakeBroker):
        def __getattribute__(self, name: str) -> Any:
            found = super().__getattribute__(name)
            if name not in ("store", "answer"):
                return found

            async def noted(*args: Any) -> Any:
                result = await found(*args)
                order.append(f"{name} {len(entries(bus))} {len(views(bus))} {len(bus.submissions)}")
                return result

            return noted

    desk.worker = Worker(Watched(bus, None), force.world(), lambda: force.now)
    await desk.submit(force.send(FIRMS, PROSECUTOR, FOREIGN).to_bytes())
    await desk.worker.step(0.1)
    assert order == ["store 1 2 1", "answer 1 2 1"]
    assert not bus.submissions


async def test_a_crash_after_the_store_is_found_by_whoever_gets_it_next(force: TaskForce) -> None:
    bus, desk = fake_desk(force)
    raw = force.send(FIRMS, PROSECUTOR).to_bytes()
    bus.failing.add("answer")
    await desk.submit(raw)
    with pytest.raises(DependencyError):
        await desk.worker.step(0.1)
    (stored,) = bus.flow.values() if len(bus.flow) == 1 else [k for k in bus.flow.values() if "entry" in k.subject]
    first = Entry.from_bytes(Signed.from_bytes(stored.data).body).evidence
    bus.failing.clear()
    bus.give_back()
    desk.worker = Worker(bus.broker(), force.world(secret=bytes(32)), lambda: force.now + 1000)
    await desk.worker.step(0.1)
    evidence, repeated = await desk.answer()
    assert repeated and evidence == Evidence.from_bytes(first.body)
    assert len(views(bus)) == 1 and not bus.submissions


class Exploding:
    """An engine that breaks on every message: what no test foresaw."""

    def __getattr__(self, name: str) -> Any:
        raise ZeroDivisionError("a detail that nobody may see")


async def test_what_breaks_the_flow_is_refused_on_record_and_the_others_pass(
    force: TaskForce, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus, desk = fake_desk(force)
    poison, good = force.send(FIRMS, PROSECUTOR).to_bytes(), force.send(REFERRAL, SHELTER).to_bytes()
    real = force.world()
    from broker import worker as module

    def admit(raw: bytes, submitter: AgencyHandle, world: World, now: int) -> Any:
        engine: Any = Exploding() if raw == poison else real.engine
        return genuine(raw, submitter, replace(world, engine=engine), now)

    genuine: Callable[..., Any] = module.admit
    monkeypatch.setattr(module, "admit", admit)
    with structlog.testing.capture_logs() as logged:
        answers = await desk.work(poison, good, poison)
    assert [e["error"] for e in logged if e["event"] == "flow-failed"] == ["ZeroDivisionError"] * 2
    assert not any("exc_info" in e or "nobody may see" in str(e) for e in logged)
    found = sorted((e.code or "accepted", repeated) for e, repeated in answers)
    assert found == [("accepted", False), ("broker-failed", False), ("broker-failed", True)]
    assert len(entries(bus)) == 2 and len(views(bus)) == 1
    assert b"nobody may see" not in b"".join(k.data for k in bus.flow.values())


async def test_an_entry_that_no_worker_signed_is_reported_and_never_answered(force: TaskForce) -> None:
    bus, desk = fake_desk(force)
    envelope = force.send(FIRMS, PROSECUTOR)
    planted = f"entry.{force.agency(DESK)}.{envelope.manifest.id.hex()}"
    bus.put_flow(planted, b'{"stream":"SUBMIT","seq":1}', None)
    ((evidence, repeated),) = await desk.work(envelope.to_bytes())
    assert (evidence.code, repeated) == ("replayed", False)
    assert desk.port.foreign == 1
    assert not views(bus)


async def test_admission_stops_while_the_log_is_too_far_behind(force: TaskForce) -> None:
    bus, desk = fake_desk(force)
    asked = asyncio.Event()
    allowed = False

    def may_admit() -> bool:
        asked.set()
        return allowed

    worker = Worker(bus.broker(), force.world(), lambda: force.now, may_admit)
    stop = asyncio.Event()
    await desk.submit(force.send(FIRMS, PROSECUTOR).to_bytes())
    running: Awaitable[None] = asyncio.create_task(worker.run(stop))
    await asked.wait()
    assert not entries(bus) and len(bus.submissions) == 1
    allowed = True
    evidence, _ = await desk.answer()
    assert evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE
    stop.set()
    await running


async def test_a_worker_goes_on_after_trouble_with_the_bus(force: TaskForce) -> None:
    bus, desk = fake_desk(force)
    bus.failing.add("pull")
    stop = asyncio.Event()
    running = asyncio.create_task(desk.worker.run(stop))
    await desk.submit(force.send(FIRMS, PROSECUTOR).to_bytes())
    await asyncio.sleep(0)
    assert not entries(bus)
    bus.failing.clear()
    evidence, _ = await desk.answer()
    assert evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE
    stop.set()
    await running


async def test_a_contact_for_whom_the_limit_waits_is_refused_until_it_collects(
    force: TaskForce, monkeypatch: pytest.MonkeyPatch
) -> None:
    from broker import admit as flow
    from broker import worker as module

    monkeypatch.setattr(flow, "WAITING", 2)
    monkeypatch.setattr(module, "WAITING", 2)
    bus, desk = fake_desk(force)
    now = force.now
    desk.worker = Worker(bus.broker(), force.world(), lambda: now)
    codes = []
    for _ in range(3):
        ((evidence, _),) = await desk.work(force.send(FIRMS, PROSECUTOR).to_bytes())
        codes.append(evidence.code)
    assert codes == [None, None, "not-permitted"]
    for kept in bus.flow.values():
        kept.acked = True
    now += module.RECOUNT
    codes = []
    for _ in range(2):  # the first finds the old count; it is counted again after it
        ((evidence, _),) = await desk.work(force.send(FIRMS, PROSECUTOR).to_bytes())
        codes.append(evidence.code)
    assert codes == ["not-permitted", None]


async def test_garbage_without_pause_is_recorded_a_few_times_and_then_dropped_and_told_once_a_minute(
    force: TaskForce,
) -> None:
    bus, desk = fake_desk(force)
    now = force.now
    desk.worker = Worker(bus.broker(), force.world(), lambda: now)
    good = force.send(FIRMS, PROSECUTOR).to_bytes()
    with structlog.testing.capture_logs() as logs:
        await desk.submit(*(b"garbage %d" % n for n in range(100)))
        while await desk.worker.step(0.01):
            pass
        await desk.submit(*(b"more %d" % n for n in range(50)), good)
        while await desk.worker.step(0.01):
            pass
    recorded = len(entries(bus)) - 1
    assert (recorded, desk.worker.dropped) == (100, 50)  # what was pulled before the first was judged is recorded
    assert len(views(bus)) == 1 and not bus.submissions
    assert [one["count"] for one in logs if one["event"] == "garbage-dropped"] == [1]
    now += 60_000
    with structlog.testing.capture_logs() as logs:
        await desk.submit(b"again")
        await desk.worker.step(0.01)
    assert [one["count"] for one in logs if one["event"] == "garbage-dropped"] == [50]


@pytest.mark.parametrize("kind", KINDS)
async def test_garbage_is_recorded_a_few_times_whatever_it_is_handed_in_as(force: TaskForce, kind: Kind) -> None:
    bus, desk = fake_desk(force)
    await desk.submit(*(b"garbage %d" % n for n in range(100)), kind=kind)
    while await desk.worker.step(0.01):
        pass
    recorded = len(entries(bus))
    await desk.submit(*(b"more %d" % n for n in range(50)), b"", kind=kind)
    while await desk.worker.step(0.01):
        pass
    assert 20 <= recorded == len(entries(bus)) and not bus.submissions
    assert desk.worker.dropped == 151 - recorded
    ((evidence, _),) = await desk.work(b"by mistake", by=INSPECTORS, kind=kind)
    assert evidence.code == "malformed"


async def test_what_one_agency_hands_in_as_garbage_costs_another_nothing(force: TaskForce) -> None:
    _, desk = fake_desk(force)
    for _ in range(2):
        await desk.submit(*(b"garbage %d" % n for n in range(60)))
        await desk.worker.step(0.01)
    ((evidence, _),) = await desk.work(b"by mistake", by=INSPECTORS)
    assert evidence.code == "malformed"


class Ends(BaseException):
    """Stands for a process that ends: nothing catches it."""


async def killed(desk: Desk, bus: FakeBus, monkeypatch: pytest.MonkeyPatch, poison: bytes) -> int:
    """Let worker after worker take what waits, each ended by the poison, until one lives on; how many were ended."""
    from broker import worker as module

    def deadly(raw: bytes, *rest: Any) -> Any:
        if raw == poison:
            raise Ends
        return admit(raw, *rest)

    monkeypatch.setattr(module, "admit", deadly)
    for ended in range(30):
        dying = Worker(DyingPort(bus, None), desk.force.world(), lambda: desk.force.now)
        try:
            await dying.step(0.01)
        except Ends:
            bus.give_back()
        else:
            return ended
    raise AssertionError


class DyingPort(FakeBroker):
    """What a process that has ended can no longer do."""

    async def take_back(self, submission: Any) -> None:
        import sys

        if not isinstance(sys.exc_info()[1], Ends):
            await super().take_back(submission)


async def test_a_submission_that_ends_worker_after_worker_is_set_aside_and_the_others_go_through(
    force: TaskForce, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus, desk = fake_desk(force)
    poison = force.send(FIRMS, PROSECUTOR).to_bytes()
    good = [force.send(FIRMS, PROSECUTOR).to_bytes() for _ in range(3)]
    await desk.submit(good[0], poison, *good[1:])
    ended = await killed(desk, bus, monkeypatch, poison)
    assert ended == SUSPECT + TRIES
    assert not bus.submissions and len(views(bus)) == 3
    ((letter, tries),) = bus.dead.values()
    assert (letter.data, tries) == (poison, TRIES)
    told = [await desk.answer() for _ in range(4)]
    assert sorted(str(evidence.code) for evidence, _ in told) == ["None", "None", "None", "broker-failed"]


async def test_trouble_with_the_bus_never_sets_anything_aside(force: TaskForce) -> None:
    bus, desk = fake_desk(force)
    bus.failing.add("store")
    await desk.submit(force.send(FIRMS, PROSECUTOR).to_bytes())
    for _ in range(4 * (SUSPECT + TRIES)):
        with pytest.raises(DependencyError):
            await desk.worker.step(0.01)
        bus.give_back()
    bus.failing.clear()
    assert not bus.dead
    await desk.worker.step(0.01)
    evidence, _ = await desk.answer()
    assert evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE and not bus.dead


async def test_trouble_with_the_bus_between_the_note_and_the_store_counts_for_nothing(force: TaskForce) -> None:
    bus, desk = fake_desk(force)
    await desk.submit(force.send(FIRMS, PROSECUTOR).to_bytes())
    for kept in bus.submissions.values():
        kept.attempts = SUSPECT
    for _ in range(2 * TRIES):
        bus.failing |= {"store", "take_back"}
        with pytest.raises(DependencyError):
            await desk.worker.handle(await desk.port.pull(1, 0.01))
        assert bus.dead  # the note stands, for the bus was away
        bus.failing.clear()
        bus.give_back()
    await desk.worker.step(0.01)
    evidence, _ = await desk.answer()
    assert evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE and not bus.dead and not desk.worker.set_aside


async def test_what_the_flow_failed_on_is_kept_for_the_operator(
    force: TaskForce, monkeypatch: pytest.MonkeyPatch
) -> None:
    from broker import worker as module

    bus, desk = fake_desk(force)
    raw = force.send(FIRMS, PROSECUTOR).to_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(module, "admit", lambda *_: 1 / 0)
        ((evidence, _),) = await desk.work(raw)
    assert evidence.code == "broker-failed"
    ((letter, tries),) = bus.dead.values()
    assert (letter.data, tries) == (raw, TRIES)
