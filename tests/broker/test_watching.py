"""What becomes of views that wait, as their senders hear it: in memory where calls must fail, on a real server too."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from adapters import acknowledging, unopened
from adapters.evidences import Proof, check, ours
from adapters.home import clock
from adapters.journal import NEW, Incoming
from broker import steps
from broker.admit import Draft, World, submission_digest
from broker.steps import step_of
from broker.timelines import timeline
from broker.watching import AFRESH, Watcher
from keys.domains import Tag
from messages import cbor
from messages.acknowledgements import Acknowledgement, Fault, Said
from messages.directory import Directory
from messages.envelope import Envelope
from messages.errors import DependencyError, RemoteError, ShareError, UnknownSender, Unverified
from messages.escalation import Stage, due, reached
from messages.evidence import EvidenceType, Retrieval, Step, is_step
from messages.ids import ContactHandle, ViewId
from messages.labels import Keeping, Urgency
from messages.limits import DAY, HOUR
from messages.signed import Signed
from messages.unread import UnreadDelivery, UnreadNotice
from messages.waiting import claimed
from tests.broker.test_worker import FIRMS, Desk, a_desk, fake_desk, signed_retrieval, take, waiting
from tests.support.orchid import DEPUTY, DESK, FOREIGN, PROSECUTOR, RELEASER, TaskForce

DELIVERY, NON_DELIVERY = EvidenceType.DELIVERY, EvidenceType.NON_DELIVERY
RETRIEVAL, NON_RETRIEVAL = EvidenceType.RETRIEVAL, EvidenceType.NON_RETRIEVAL


@dataclass
class Watched:
    """A desk whose views are watched; `now` is the watcher's time."""

    desk: Desk
    watcher: Watcher
    now: int

    @property
    def force(self) -> TaskForce:
        return self.desk.force

    async def send(self, *to: str) -> Envelope:
        envelope = self.force.send(FIRMS, *to)
        ((evidence, _),) = await self.desk.work(envelope.to_bytes())
        assert evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE
        return envelope

    async def taken(self, address: str) -> Any:
        """One delivery, acknowledged, and seen to be so."""
        contact = self.force.contact(address)
        stream = self.desk.agency(address).deliveries(contact.handle)
        async with asyncio.timeout(10):
            delivery = await anext(stream)
            await delivery.ack()
            await stream.aclose()
            while await self.desk.port.waiting(contact.agency, contact.handle):
                await asyncio.sleep(0.01)
        return delivery

    async def told(self, to: str = DESK) -> Proof:
        """What the sender is told next, checked."""
        async with asyncio.timeout(10):
            async for raw in self.desk.agency(to).answers():
                assert is_step(raw)
                return check(Step.from_bytes(raw), self.force.bundle.directory)
        raise AssertionError

    async def asked(self, envelope: Envelope, by: str = DESK) -> list[Proof]:
        """What is on record about a message, as its sender asks for it."""
        agency, directory = self.force.agency(by), self.force.bundle.directory
        reply = await timeline(envelope.manifest.id, agency, directory, self.desk.port)
        proofs = [check(Step.from_bytes(raw), directory) for raw in cbor.load(reply, 10**6)["steps"]]
        return sorted(proofs, key=lambda p: (p.at, list(EvidenceType).index(p.type)))


def watching(desk: Desk, now: int | None = None) -> Watched:
    made = Watched(desk, None, desk.force.now if now is None else now)  # type: ignore[arg-type]
    made.watcher = Watcher(desk.port, lambda: desk.worker.world, lambda: made.now)
    return made


@pytest.fixture(params=["in-memory", "nats-server"])
async def watched(request: pytest.FixtureRequest, tmp_path: Path, force: TaskForce) -> AsyncIterator[Watched]:
    async with a_desk(request.param, tmp_path / "bus", force) as made:
        yield watching(made)


def by(force: TaskForce, proof: Proof) -> tuple[EvidenceType, str, str | None]:
    return proof.type, proof.recipient, proof.code


async def test_a_sender_hears_who_was_handed_a_view_who_opened_it_and_whose_time_ended(watched: Watched) -> None:
    force = watched.force
    prosecutor, foreign = force.contact(PROSECUTOR).handle, force.contact(FOREIGN).handle
    envelope = await watched.send(PROSECUTOR, FOREIGN)
    await watched.watcher.look()
    assert await watched.asked(envelope) == [] and watched.watcher.watched == 2

    delivery = await watched.taken(PROSECUTOR)
    await watched.watcher.look()
    assert by(force, await watched.told()) == (DELIVERY, prosecutor, None)
    await watched.watcher.look()  # and it is said once

    raw = signed_retrieval(force, delivery.view_id, delivery.data, PROSECUTOR, (7, bytes(32)))
    await watched.desk.work(raw, by=PROSECUTOR, kind="retrieval")
    opened = await watched.told()
    assert by(force, opened) == (RETRIEVAL, prosecutor, None) and opened.signer == prosecutor
    assert opened.head == (7, bytes(32))  # which log its recipient was shown

    watched.now = envelope.manifest.expires + 1
    expired = replace(force.world().bundle, expires=watched.now + 1)
    await watched.desk.worker.take(replace(watched.desk.worker.world, bundle=expired))
    await watched.watcher.look()
    assert by(force, await watched.told()) == (NON_DELIVERY, foreign, "expired")
    assert await waiting(watched.desk, FOREIGN) == 0 == watched.watcher.watched
    assert [by(force, p) for p in await watched.asked(envelope)] == [
        (DELIVERY, prosecutor, None),
        (RETRIEVAL, prosecutor, None),
        (NON_DELIVERY, foreign, "expired"),
    ]


async def test_a_view_whose_time_somebody_moved_ends_when_its_sender_said_and_no_sooner(force: TaskForce) -> None:
    bus, desk = fake_desk(force)
    for address in (PROSECUTOR, FOREIGN):
        await bus.broker().ensure_consumers(force.agency(address), force.contact(address).handle)
    watched = watching(desk)
    envelope = await watched.send(PROSECUTOR, FOREIGN)
    for kept in bus.flow.values():
        if kept.watch is not None:
            kept.watch = replace(kept.watch, until=force.now - 1)
    await watched.taken(PROSECUTOR)  # one was handed over, the other was not
    for _ in range(3):
        await watched.watcher.look()
    assert [p.type for p in await watched.asked(envelope)] == [DELIVERY]
    assert await waiting(desk, FOREIGN) == 1 and watched.watcher.watched == 2
    assert desk.port.foreign == 2  # told once of each

    watched.now = envelope.manifest.expires + 1
    expired = replace(force.world().bundle, expires=watched.now + 1)
    await desk.worker.take(replace(desk.worker.world, bundle=expired))
    await watched.watcher.look()
    assert [p.type for p in await watched.asked(envelope)] == [DELIVERY, NON_DELIVERY, NON_RETRIEVAL]
    assert await waiting(desk, FOREIGN) == 0 == watched.watcher.watched


async def test_what_waits_for_a_contact_that_is_shut_out_goes_and_each_sender_hears_it(watched: Watched) -> None:
    force = watched.force
    prosecutor = force.contact(PROSECUTOR)
    first = await watched.send(PROSECUTOR, FOREIGN)
    await watched.taken(PROSECUTOR)
    second = await watched.send(PROSECUTOR)
    assert await watched.watcher.shut_out(prosecutor.handle) == 2
    told = [by(force, await watched.told()) for _ in range(3)]
    assert told[0] == (DELIVERY, prosecutor.handle, None)
    assert sorted(told[1:]) == [
        (NON_DELIVERY, prosecutor.handle, "recipient-shut-out"),
        (NON_RETRIEVAL, prosecutor.handle, "recipient-shut-out"),
    ]
    assert [p.type for p in await watched.asked(first)] == [DELIVERY, NON_RETRIEVAL]
    assert [p.type for p in await watched.asked(second)] == [NON_DELIVERY]
    assert (await waiting(watched.desk, PROSECUTOR), await waiting(watched.desk, FOREIGN)) == (0, 1)
    assert await watched.watcher.shut_out(prosecutor.handle) == 0


async def urgent(watched: Watched) -> Envelope:
    """A question to the police that is to be answered within eight hours."""
    force = watched.force
    case = replace(force.case("14-question-to-the-police.json"), urgency=Urgency.ISD_URGENT_DIRECT)
    envelope = force.compose(force.one(case, DESK, sender=PROSECUTOR), sender=PROSECUTOR)
    ((evidence, _),) = await watched.desk.work(envelope.to_bytes(), by=PROSECUTOR)
    assert evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE
    return envelope


async def test_an_urgent_view_that_nobody_opens_escalates_once_at_each_fraction_of_its_clock(watched: Watched) -> None:
    force, desk = watched.force, watched.desk
    envelope = await urgent(watched)
    told: dict[str, list[bytes]] = {}
    for hour in (0.9, 1, 2, 2, 4, 6, 7):
        watched.now = force.now + round(hour * HOUR)
        await watched.watcher.look()
        await watching(desk, watched.now).watcher.look()  # another broker finds it too
        for address in (DESK, DEPUTY, PROSECUTOR):
            found = await waiting_for(desk, address)
            told.setdefault(address, []).extend(data for data in found if claimed(data) == "unread")
    notices = {
        address: [unopened.check(data, force.contact(address).handle, force.bundle) for data in found]
        for address, found in told.items()
    }
    assert {a: [(n.stage, n.at - force.now) for n in found] for a, found in notices.items()} == {
        DESK: [(Stage.CONTACT, HOUR)],
        DEPUTY: [(Stage.DEPUTIES, 2 * HOUR)],
        PROSECUTOR: [(Stage.SENDER, 6 * HOUR)],
    }
    for notice in (n for found in notices.values() for n in found):
        assert (notice.message, notice.due) == (envelope.manifest.id, force.now + 8 * HOUR)
    for data in (d for found in told.values() for d in found):
        for changes in ({"salt": bytes(32)}, {"record": b"junk"}):
            with pytest.raises(ShareError):
                unopened.check(
                    replace(UnreadDelivery.from_bytes(data), **changes).to_bytes(),
                    UnreadNotice.from_bytes(UnreadDelivery.from_bytes(data).unread.body).to,
                    force.bundle,
                )


async def test_what_is_opened_in_time_or_is_not_urgent_escalates_to_nobody(watched: Watched) -> None:
    force, desk = watched.force, watched.desk
    await urgent(watched)
    await watched.send(PROSECUTOR)
    delivery = await watched.taken(DESK)
    raw = signed_retrieval(force, delivery.view_id, delivery.data, DESK)
    await desk.work(raw, kind="retrieval")
    watched.now = force.now + 30 * HOUR
    await watched.watcher.look()
    for address in (DESK, DEPUTY, PROSECUTOR):
        assert not any(claimed(data) == "unread" for data in await waiting_for(desk, address))


async def waiting_for(desk: Desk, address: str) -> list[bytes]:
    """Everything that waits for a contact now, handed out and acknowledged."""
    return await take(desk, address, await waiting(desk, address))


def acknowledged(force: TaskForce, delivery: Any, address: str, **changes: Any) -> bytes:
    incoming = Incoming(delivery.view_id, force.contact(address).handle, delivery.data, force.now, NEW, None)
    raw = acknowledging.acceptance(incoming, force.keys(address), force.now)
    assert raw is not None
    if not changes:
        return raw
    said = Acknowledgement.from_bytes(Signed.from_bytes(raw).body)
    return force.keys(address).signer.sign(Tag.ACKNOWLEDGEMENT, replace(said, **changes).to_bytes()).to_bytes()


async def test_a_recipients_acceptance_and_rejection_are_recorded_once_each_and_told(watched: Watched) -> None:
    force, desk = watched.force, watched.desk
    envelope = await watched.send(PROSECUTOR)
    delivery = await watched.taken(PROSECUTOR)
    recipient = force.contact(PROSECUTOR).handle
    accepted = acknowledged(force, delivery, PROSECUTOR)
    ((evidence, repeated),) = await desk.work(accepted, by=PROSECUTOR, kind="acknowledgement")
    assert (evidence.type, repeated) == (EvidenceType.ACCEPTANCE, False)
    assert by(force, await watched.told()) == (EvidenceType.ACCEPTANCE, recipient, None)
    ((again, repeated),) = await desk.work(accepted, by=PROSECUTOR, kind="acknowledgement")
    assert (again, repeated) == (evidence, True)
    rejected = acknowledged(force, delivery, PROSECUTOR, said=Said.REJECTED, fault=Fault.MISLABELLED)
    await desk.work(rejected, by=PROSECUTOR, kind="acknowledgement")
    # The repeat before it told the sender nothing.
    assert by(force, await watched.told()) == (EvidenceType.REJECTION, recipient, "mislabelled")
    assert {p.type for p in await watched.asked(envelope)} == {EvidenceType.ACCEPTANCE, EvidenceType.REJECTION}


# In memory


async def test_a_word_on_a_view_is_taken_from_its_recipient_about_what_it_got_alone(force: TaskForce) -> None:
    _, desk = fake_desk(force)
    for contact in (force.contact(PROSECUTOR), force.contact(FOREIGN)):
        await desk.port.ensure_consumers(contact.agency, contact.handle)
    watched = watching(desk)
    await watched.send(PROSECUTOR, FOREIGN)
    delivery, other = await watched.taken(PROSECUTOR), await watched.taken(FOREIGN)
    cases: list[tuple[bytes, str, str]] = [
        (acknowledged(force, delivery, PROSECUTOR), DESK, "replayed"),
        (
            acknowledged(force, delivery, PROSECUTOR, recipient=force.contact(FOREIGN).handle),
            PROSECUTOR,
            "undesignated-sender",
        ),
        (acknowledged(force, delivery, PROSECUTOR, view=bytes(32)), PROSECUTOR, "unverified"),
        (acknowledged(force, other, PROSECUTOR), PROSECUTOR, "unverified"),
        (acknowledged(force, delivery, PROSECUTOR, at=force.now + 10**6), PROSECUTOR, "stale"),
        (acknowledged(force, delivery, PROSECUTOR, sender="c" + "a" * 12), PROSECUTOR, "undesignated-sender"),
        (b"junk", PROSECUTOR, "malformed"),
    ]
    for raw, agency, code in cases:
        ((evidence, _),) = await desk.work(raw, by=agency, kind="acknowledgement")
        assert (evidence.type, evidence.code) == (EvidenceType.SUBMISSION_REJECTION, code)


async def test_only_the_sender_is_told_the_steps_of_its_message(force: TaskForce) -> None:
    _, desk = fake_desk(force)
    watched = watching(desk)
    envelope = await watched.send(PROSECUTOR)
    assert await watched.asked(envelope) == []
    with pytest.raises(UnknownSender):
        await watched.asked(envelope, by=PROSECUTOR)
    with pytest.raises(ShareError):
        await timeline(b"no id", force.agency(DESK), force.bundle.directory, desk.port)


@pytest.mark.parametrize("failing", ["outlines", "handed_over", "view", "store", "answer", "remove_view"])
async def test_whatever_call_fails_every_step_is_on_record_once_and_the_view_gone_in_the_end(
    force: TaskForce, failing: str
) -> None:
    bus, desk = fake_desk(force)
    contact = force.contact(PROSECUTOR)
    await desk.port.ensure_consumers(contact.agency, contact.handle)
    watched = watching(desk)
    envelope = await watched.send(PROSECUTOR)
    await watched.taken(PROSECUTOR)
    failed = 0
    for _ in range(2):
        bus.failing.add(failing)
        try:
            await watched.watcher.look()
        except DependencyError:
            failed += 1
        bus.failing.discard(failing)
        await watched.watcher.look()
        await watching(desk).watcher.look()  # a broker that starts now, or another one
        watched.now = envelope.manifest.expires + 1
        far = replace(force.world().bundle, expires=watched.now + 1)
        await desk.worker.take(replace(desk.worker.world, bundle=far))
    assert failed
    assert [p.type for p in await watched.asked(envelope)] == [DELIVERY, NON_RETRIEVAL]
    assert len([k for k in bus.flow.values() if ".v" in k.subject]) == 2
    assert await desk.port.view(contact.agency, contact.handle, ViewId("0" * 32)) is None
    assert not [k for k in bus.flow.values() if k.subject.startswith("deliver.")]


async def test_what_is_taken_away_elsewhere_is_forgotten_and_what_holds_not_is_reported(force: TaskForce) -> None:
    bus, desk = fake_desk(force)
    watched = watching(desk)
    await watched.send(PROSECUTOR, FOREIGN)
    await watched.watcher.look()
    (kept, other) = [k for k in bus.flow.values() if k.subject.startswith("deliver.")]
    del bus.flow[kept.seq]
    watched.now += AFRESH
    await watched.watcher.look()
    assert watched.watcher.watched == 1
    other.data, other.acked = b"junk", True
    await watched.watcher.look()
    assert desk.port.foreign == 1 and not [k for k in bus.flow.values() if ".v" in k.subject]


async def test_what_was_said_of_a_view_is_not_worked_out_again_when_all_that_waits_is_read_anew(
    force: TaskForce,
) -> None:
    bus, desk = fake_desk(force)
    contact = force.contact(PROSECUTOR)
    await desk.port.ensure_consumers(contact.agency, contact.handle)
    watched = watching(desk)
    await watched.send(PROSECUTOR)
    await watched.taken(PROSECUTOR)
    await watched.watcher.look()
    watched.now += AFRESH
    bus.failing |= {"view", "store"}
    await watched.watcher.look()
    assert watched.watcher.watched == 1


async def test_nothing_is_said_under_a_bundle_that_has_expired(force: TaskForce) -> None:
    bus, desk = fake_desk(force)
    watched = watching(desk)
    await watched.send(PROSECUTOR)
    watched.now = force.bundle.expires
    await watched.watcher.look()
    assert not [k for k in bus.flow.values() if ".v" in k.subject]


# What a sender believes


async def test_a_step_that_is_not_a_workers_or_whose_record_is_another_proves_nothing(force: TaskForce) -> None:
    _, desk = fake_desk(force)
    contact = force.contact(PROSECUTOR)
    await desk.port.ensure_consumers(contact.agency, contact.handle)
    watched = watching(desk)
    envelope = await watched.send(PROSECUTOR, FOREIGN)
    await watched.taken(PROSECUTOR)
    await watched.watcher.look()
    async for raw in desk.agency(DESK).answers():
        step = Step.from_bytes(raw)
        break
    directory = force.bundle.directory
    proof = check(step, directory)
    assert ours(proof, envelope.to_bytes()) is proof
    world: World = force.world()
    body = step.evidence.body
    lied = cbor.load(body, 10**6) | {"type": "Retrieval"}
    for bad in (
        replace(step, salt=bytes(32)),
        replace(step, record=b"junk"),
        replace(step, evidence=force.keys(DESK).signer.sign(Tag.RETRIEVAL, body)),
        replace(step, evidence=replace(step.evidence, signature=bytes(64))),
        replace(step, evidence=world.worker.sign(Tag.EVIDENCE, cbor.dump(lied))),
    ):
        with pytest.raises(ShareError):
            check(bad, directory)
    for other in (None, force.send(FIRMS, FOREIGN).to_bytes()):
        with pytest.raises(Unverified):
            ours(proof, other)
    assert proof.at == force.now <= clock()


async def test_that_a_message_was_opened_is_believed_on_the_word_of_whoever_opened_it_alone(force: TaskForce) -> None:
    """A broker could else say so of what nobody opened, or show each side a log of its own."""
    _, desk = fake_desk(force)
    watched = watching(desk)
    contact = force.contact(PROSECUTOR)
    await desk.port.ensure_consumers(contact.agency, contact.handle)
    await watched.send(PROSECUTOR)
    delivery = await watched.taken(PROSECUTOR)
    raw = signed_retrieval(force, delivery.view_id, delivery.data, PROSECUTOR, (7, bytes(32)))
    await desk.work(raw, by=PROSECUTOR, kind="retrieval")
    async for data in desk.agency(DESK).answers():
        if is_step(data):
            break
    step, directory, world = Step.from_bytes(data), force.bundle.directory, force.world()
    assert step.word == raw and check(step, directory).head == (7, bytes(32))

    def as_a_liar_says_it(word: bytes, retrieval: Retrieval) -> Step:
        """A worker of the directory that records, and promises to the log, whatever it likes."""
        draft = Draft(submission_digest(word), contact.agency, world, force.now)
        return step_of(draft.retrieved(retrieval, word).entry)

    said = Retrieval.from_bytes(Signed.from_bytes(raw).body)
    assert check(as_a_liar_says_it(raw, said), directory).head == (7, bytes(32))
    headless = signed_retrieval(force, delivery.view_id, delivery.data, PROSECUTOR)
    by_sender = force.keys(DESK).signer.sign(Tag.RETRIEVAL, said.to_bytes())
    for bad in (
        replace(step, word=None),
        replace(step, word=headless),  # genuine, but not the one on record
        as_a_liar_says_it(by_sender.to_bytes(), said),
        as_a_liar_says_it(replace(by_sender, by=contact.handle).to_bytes(), said),
        as_a_liar_says_it(raw, replace(said, view=bytes(32))),
        as_a_liar_says_it(b"opened", said),
        as_a_liar_says_it(raw, replace(said, recipient=ContactHandle("cstranger2222"))),
    ):
        with pytest.raises(RemoteError):
            check(bad, directory)


# Who is told when


def test_stages_follow_each_other_before_the_clock_ends_and_only_what_is_urgent_has_any() -> None:
    for runs in (HOUR // 4, 8 * HOUR, DAY):
        moments = [due(1000, runs, stage) for stage in Stage]
        assert moments == sorted(set(moments)) and moments[0] > 1000 and moments[-1] < 1000 + runs
        for number, moment in enumerate(moments):
            assert reached(1000, runs, moment) == tuple(Stage)[: number + 1]
            assert reached(1000, runs, moment - 1) == tuple(Stage)[:number]
    assert reached(1000, 0, 10**15) == reached(1000, DAY + 1, 10**15) == ()


def test_a_duty_desk_is_whoever_of_the_recipients_agency_may_sign_alone(force: TaskForce) -> None:
    envelope = force.send(FIRMS, PROSECUTOR)
    (view,) = force.admit(envelope).views
    read = steps.read(view.data, view.contact, view.view_id, force.bundle.directory)
    directory = force.bundle.directory
    waiting_ = replace(read, contact=force.contact(DESK).handle)  # as if it waited for the police's own desk
    assert steps.told_of(waiting_, Stage.DUTY_DESK, directory, force.now) == []
    releaser = force.contact(RELEASER)
    service = releaser.model_copy(update={"keeping": Keeping.SERVICE})
    changed = Directory(
        agencies=directory.agencies,
        contacts=tuple(service if c.handle == releaser.handle else c for c in directory.contacts),
        operator=directory.operator,
        officers=directory.officers,
    )
    told = {s: [c.name for c in steps.told_of(waiting_, s, changed, force.now)] for s in Stage}
    assert told == {
        Stage.CONTACT: ["desk"],
        Stage.DEPUTIES: ["analyst-deputy"],
        Stage.DUTY_DESK: ["release-officer"],
        Stage.SENDER: ["desk"],
    }
