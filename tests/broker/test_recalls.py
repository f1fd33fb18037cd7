"""A message that its sender takes back, at the worker and at whoever got it: in memory where calls must fail, on a real
server where it matters most.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters import acknowledging, recalls
from adapters.evidences import Proof, check
from adapters.journal import NEW, Incoming
from audit.record import ActRecord, read_record
from broker import acknowledgements, leaks
from broker import recalls as broker_recalls
from broker.timelines import timeline
from broker.worker import Worker
from bus.subjects import Kind
from keys.domains import Tag
from messages import cbor
from messages.envelope import Envelope
from messages.errors import DependencyError, ShareError, Unverified
from messages.evidence import EvidenceType, Step
from messages.ids import MessageId
from messages.limits import DAY
from messages.recalls import Recall, RecallDelivery, RecallGround, Standing
from messages.waiting import claimed
from tests.broker.test_worker import FIRMS, Desk, a_desk, fake_desk, flood, signed_retrieval, take, views, waiting
from tests.support.orchid import DEPUTY, DESK, FOREIGN, PROSECUTOR, TaskForce

OTHER = MessageId(bytes.fromhex("0102030405064708890a0b0c0d0e0f10"))


@pytest.fixture(params=["in-memory", "nats-server"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path, force: TaskForce) -> AsyncIterator[Desk]:
    async with a_desk(request.param, tmp_path / "bus", force) as made:
        yield made


def recall(force: TaskForce, message: MessageId, by: str = DESK, **changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "message": message,
        "ground": RecallGround.INACCURATE,
        "corrected_by": None,
        "at": force.now,
    }
    return force.keys(by).signer.sign(Tag.RECALL, Recall(**(fields | changes)).to_bytes()).to_bytes()


async def sent(desk: Desk, *to: str) -> Envelope:
    envelope = desk.force.send(FIRMS, *to)
    ((evidence, _),) = await desk.work(envelope.to_bytes())
    assert evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE
    return envelope


async def steps(desk: Desk, envelope: Envelope) -> list[tuple[str, EvidenceType, str | None]]:
    """What is on record for the sender: whose view, which evidence, and what else it says."""
    directory = desk.force.bundle.directory
    reply = await timeline(envelope.manifest.id, desk.force.agency(DESK), directory, desk.port)
    proofs: list[Proof] = [check(Step.from_bytes(raw), directory) for raw in cbor.load(reply, 10**6)["steps"]]
    names = {desk.force.contact(a).handle: a for a in (PROSECUTOR, FOREIGN)}
    return sorted((names[p.recipient], p.type, p.other) for p in proofs)


async def test_what_waits_is_taken_away_and_whoever_has_it_is_told_confirms_and_is_seen_to(desk: Desk) -> None:
    force = desk.force
    envelope = await sent(desk, PROSECUTOR, FOREIGN)
    (view,) = await take(desk, PROSECUTOR, 1)
    (listed,) = [v for v in force.admit(envelope).views if v.contact == force.contact(PROSECUTOR).handle]
    await desk.work(signed_retrieval(force, listed.view_id, view, PROSECUTOR), by=PROSECUTOR, kind="retrieval")

    raw = recall(force, envelope.manifest.id)
    for repeated in (False, True):
        ((evidence, again),) = await desk.work(raw, kind="recall")
        assert (evidence.type, evidence.code, again) == (EvidenceType.SUBMISSION_ACCEPTANCE, None, repeated)
    assert await steps(desk, envelope) == [
        (PROSECUTOR, EvidenceType.RETRIEVAL, None),
        (PROSECUTOR, EvidenceType.SUBMISSION_ACCEPTANCE, "recalled"),
        (FOREIGN, EvidenceType.NON_RETRIEVAL, "recalled"),
    ]
    assert await waiting(desk, FOREIGN) == 1  # the word alone: the view is gone
    for address in (PROSECUTOR, FOREIGN):
        (told,) = await take(desk, address, 1)
        assert claimed(told) == "recall"
        checked = recalls.check(told, force.contact(address).handle, force.bundle.directory)
        assert checked.recall == Recall.from_bytes(RecallDelivery.from_bytes(told).recall.body)
        incoming = Incoming(checked.view_id, force.contact(address).handle, view, force.now, NEW, None)
        here = incoming if address == PROSECUTOR else None
        said = acknowledging.withdrawn_from_use(checked, here, checked.signer, force.keys(address), force.now)
        ((evidence, _),) = await desk.work(said, by=address, kind="acknowledgement")
        assert evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE
    assert [s for s in await steps(desk, envelope) if s[2] == "recall confirmed"] == [
        (PROSECUTOR, EvidenceType.SUBMISSION_ACCEPTANCE, "recall confirmed"),
        (FOREIGN, EvidenceType.SUBMISSION_ACCEPTANCE, "recall confirmed"),
    ]


async def test_a_word_in_its_form_is_taken_from_an_agency_that_hands_in_garbage_too(force: TaskForce) -> None:
    _, desk = fake_desk(force)
    envelope = await sent(desk, PROSECUTOR)
    await desk.port.ensure_consumers(force.agency(PROSECUTOR), force.contact(PROSECUTOR).handle)
    (view,) = await take(desk, PROSECUTOR, 1)
    (listed,) = force.admit(envelope).views
    await flood(desk, DESK, PROSECUTOR)
    incoming = Incoming(listed.view_id, force.contact(PROSECUTOR).handle, view, force.now, NEW, None)
    said: list[tuple[str, Kind, bytes]] = [
        (PROSECUTOR, "retrieval", signed_retrieval(force, listed.view_id, view, PROSECUTOR)),
        (PROSECUTOR, "acknowledgement", acknowledging.acceptance(incoming, force.keys(PROSECUTOR), force.now)),
        (DESK, "recall", recall(force, envelope.manifest.id)),
    ]
    for by, kind, raw in said:
        ((evidence, _),) = await desk.work(raw, by=by, kind=kind)
        assert evidence.type in (EvidenceType.RETRIEVAL, EvidenceType.ACCEPTANCE, EvidenceType.SUBMISSION_ACCEPTANCE)


async def test_a_message_is_corrected_once_and_may_be_recalled_afterwards(desk: Desk) -> None:
    force = desk.force
    envelope = await sent(desk, PROSECUTOR)
    identifier = envelope.manifest.id
    for raw, code in (
        (recall(force, identifier, corrected_by=OTHER), None),
        (recall(force, identifier, corrected_by=MessageId(OTHER[:-1] + b"\0")), "replayed"),
        (recall(force, identifier), None),
        (recall(force, identifier, ground=RecallGround.COURT_ORDER), "replayed"),
    ):
        ((evidence, _),) = await desk.work(raw, kind="recall")
        assert evidence.code == code
    told = [RecallDelivery.from_bytes(data) for data in await take(desk, PROSECUTOR, 2)]
    assert [Recall.from_bytes(t.recall.body).standing for t in told] == [Standing.CORRECTED, Standing.RECALLED]


# In memory


async def test_a_recall_that_its_agency_repeats_gets_the_first_answer_and_is_not_carried_out_again(
    force: TaskForce, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, desk = fake_desk(force)
    envelope = await sent(desk, PROSECUTOR, FOREIGN)
    raw = recall(force, envelope.manifest.id)
    ((first, _),) = await desk.work(raw, kind="recall")
    touched: list[object] = []

    async def remove_view(*what: object) -> bool:
        touched.append(what)
        return False

    monkeypatch.setattr(desk.port, "remove_view", remove_view)
    assert await desk.work(raw, kind="recall") == [(first, True)]
    assert not touched
    await desk.submit(raw, kind="recall")
    (again,) = await desk.port.pull(1, 0.1)
    await desk.worker.handle([replace(again, attempt=2)])  # but what may have broken off is
    assert len(touched) == 2


async def test_a_message_is_taken_back_by_a_contact_of_its_agency_and_nobody_else(force: TaskForce) -> None:
    _, desk = fake_desk(force)
    envelope = await sent(desk, PROSECUTOR)
    identifier = envelope.manifest.id
    for raw, by, code in (
        (recall(force, identifier, PROSECUTOR), PROSECUTOR, "message-unknown"),
        (recall(force, identifier), PROSECUTOR, "replayed"),
        (recall(force, OTHER), DESK, "message-unknown"),
        (recall(force, identifier, DEPUTY), DESK, "undesignated-sender"),  # off duty
        (recall(force, identifier, at=force.now - 8 * DAY), DESK, "stale"),
        (recall(force, identifier, at=force.now + DAY), DESK, "stale"),
        (b"junk", DESK, "malformed"),
    ):
        ((evidence, _),) = await desk.work(raw, by=by, kind="recall")
        assert (evidence.type, evidence.code) == (EvidenceType.SUBMISSION_REJECTION, code)
    assert await waiting(desk, PROSECUTOR) == 1


@pytest.mark.parametrize("failing", ["store", "entry", "take_view", "answer", "settle"])
async def test_a_recall_that_breaks_off_anywhere_is_finished_by_whoever_gets_it_next(
    force: TaskForce, failing: str
) -> None:
    bus, desk = fake_desk(force)
    envelope = await sent(desk, PROSECUTOR, FOREIGN)
    await desk.submit(recall(force, envelope.manifest.id), kind="recall")
    bus.failing.add(failing)
    with pytest.raises(DependencyError):
        await desk.worker.step(0.1)
    bus.failing.clear()
    bus.give_back()
    desk.worker = Worker(bus.broker(), force.world(), lambda: force.now + 1)
    assert await desk.worker.step(0.1) == 1
    assert [s[1:] for s in await steps(desk, envelope)] == [(EvidenceType.NON_RETRIEVAL, "recalled")] * 2
    assert len(views(bus)) == 2 and all(
        claimed(k.data) == "recall" for k in bus.flow.values() if "deliver." in k.subject
    )
    assert not bus.submissions


async def test_a_holder_believes_no_recall_that_does_not_hold_in_every_part(force: TaskForce) -> None:
    _, desk = fake_desk(force)
    contact, directory = force.contact(PROSECUTOR), force.bundle.directory
    await desk.port.ensure_consumers(contact.agency, contact.handle)
    envelope, other = await sent(desk, PROSECUTOR), await sent(desk, PROSECUTOR)
    view, second = await take(desk, PROSECUTOR, 2)
    await desk.work(recall(force, envelope.manifest.id), kind="recall")
    (told,) = await take(desk, PROSECUTOR, 1)
    good = RecallDelivery.from_bytes(told)
    checked = recalls.check(told, contact.handle, directory)
    incoming = Incoming(good.view_id, contact.handle, view, force.now, NEW, None)
    recalls.belongs(checked, incoming, directory)

    record = read_record(good.record)
    assert isinstance(record, ActRecord)
    body = good.recall.body
    for bad in (
        replace(good, recall=force.keys(PROSECUTOR).signer.sign(Tag.RECALL, body)),  # its digest is not the one ordered
        replace(good, recall=replace(good.recall, signature=bytes(64))),
        replace(good, record=replace(record, outcome="corrected").to_bytes()),
        replace(good, record=replace(record, recipient=force.contact(FOREIGN).handle).to_bytes()),
        replace(good, record=b"junk"),
    ):
        with pytest.raises(ShareError):
            recalls.check(bad.to_bytes(), contact.handle, directory)
    with pytest.raises(ShareError):
        recalls.check(told, force.contact(FOREIGN).handle, directory)
    with pytest.raises(Unverified):
        recalls.belongs(checked, replace(incoming, delivery=second), directory)
    with pytest.raises(Unverified):  # an agency that recalls what another one sent
        recalls.belongs(replace(checked, agency=force.agency(FOREIGN)), incoming, directory)
    assert other.manifest.id != envelope.manifest.id


@pytest.mark.parametrize("kind", ["leak", "recall", "acknowledgement"])
async def test_a_word_on_which_the_flow_fails_is_refused_on_record_and_kept_for_the_operator(
    force: TaskForce, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    bus, desk = fake_desk(force)
    flow = {"leak": leaks, "recall": broker_recalls, "acknowledgement": acknowledgements}[kind]

    def broken(*_: object) -> None:
        raise ZeroDivisionError("what nobody may see")

    monkeypatch.setattr(flow, "read", broken)
    ((evidence, _),) = await desk.work(b"a word", kind=kind)
    assert (evidence.type, evidence.code) == (EvidenceType.SUBMISSION_REJECTION, "broker-failed")
    assert desk.worker.set_aside == 1
    assert b"nobody may see" not in b"".join(k.data for k in bus.flow.values())
