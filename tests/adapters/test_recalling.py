"""Why a message of our journal went or did not, decided again from its bytes, and never more than our extract tells."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from adapters.journal import Incoming, Outgoing
from adapters.recalling import Recalled, Recaller
from broker.admit import Admitted, World, admit
from keys.domains import Tag
from keys.signing import verify
from messages.envelope import Envelope
from messages.errors import BadInput, RemoteError
from messages.evidence import Evidence
from messages.limits import DAY
from policies import explain, inquiry
from policies.agreements import Agreements
from policies.inquiry import Known
from policies.sentences import FLOW
from tests.broker.test_world_of import worlds
from tests.support.orchid import (
    DESK,
    FORMER,
    INSPECTORS,
    PROSECUTOR,
    SHELTER,
    TaskForce,
    leaks,
    task_force,
)

ORGANISATIONS = "08-organisations.json"
SCREENING = "10-inspectors-screening.json"


@pytest.fixture(scope="module")
def force() -> TaskForce:
    return task_force()


def recaller(world: World) -> Recaller:
    return Recaller(
        directory=world.bundle.directory,
        agreements=Agreements(world.agreements.values()),
        engine=world.engine,
        catalogue=world.catalogue,
    )


def outgoing(envelope: Envelope, admitted: Admitted | None) -> Outgoing:
    return Outgoing(
        submission=b"",
        message=envelope.manifest.id,
        contact=envelope.manifest.sender,
        data=envelope.to_bytes(),
        state="accepted",
        created=envelope.manifest.created,
        evidence=admitted.evidence.to_bytes() if admitted else None,
        repeated=False,
    )


def told(found: Recalled) -> set[str]:
    return {rule for _, answer in found.answers for rule in answer.outlook.decision.because}


def test_a_delivered_message_is_explained_by_the_rules_of_its_evidence(force: TaskForce) -> None:
    envelope = force.send(ORGANISATIONS, PROSECUTOR)
    code, (found,) = recaller(force.world().of(force.agency(DESK))).sent(outgoing(envelope, force.admit(envelope)), 0)
    assert code is None and found.permitted and found.recipient == PROSECUTOR
    assert found.admitted == force.now and set(found.told) == told(found)
    assert all(answer.permitted for _, answer in found.answers) and found.answers


def test_a_refused_message_is_explained_section_by_section_with_what_would_help(force: TaskForce) -> None:
    message = force.one(ORGANISATIONS, PROSECUTOR)
    former = force.keys(FORMER)
    message = replace(message, header=replace(message.header, sender=former.contact.handle))
    envelope = force.compose(message, signer=former.signer)
    _, (found,) = recaller(force.world().of(force.agency(DESK))).sent(outgoing(envelope, force.admit(envelope)), 0)
    assert not found.permitted and set(found.told) == {"SC-01"} == told(found)
    for _, answer in found.answers:
        assert [c.lever.value for way in answer.outlook.ways for c in way] == ["two officers, by a mandate"]


def test_a_queued_message_is_judged_as_of_now(force: TaskForce) -> None:
    envelope = force.send(ORGANISATIONS, PROSECUTOR)
    _, (found,) = recaller(force.world().of(force.agency(DESK))).sent(outgoing(envelope, None), force.now)
    assert found.permitted and found.admitted is None and found.told == ()


def test_a_message_refused_before_any_rule_has_its_code_and_no_answers(force: TaskForce) -> None:
    envelope = force.send(ORGANISATIONS, PROSECUTOR)
    late = admit(envelope.to_bytes(), force.agency(DESK), force.world(), force.now + 400 * DAY)
    code, found = recaller(force.world().of(force.agency(DESK))).sent(outgoing(envelope, late), force.now)
    assert code == "stale" and code in FLOW and found == ()


def test_a_recipient_of_whom_our_extract_does_not_tell_stays_a_handle(force: TaskForce) -> None:
    envelope = force.send(ORGANISATIONS, PROSECUTOR)
    mine = recaller(force.world().of(force.agency(INSPECTORS)))
    desk = force.contact(DESK)
    known = mine.directory.model_copy(update={"contacts": (*mine.directory.contacts_of(desk.agency),)})
    _, (found,) = replace(mine, directory=known).sent(outgoing(envelope, None), force.now)
    assert found.recipient == force.contact(PROSECUTOR).handle and not found.permitted and found.answers == ()


def test_the_recipient_can_ask_why_it_was_let_through(force: TaskForce) -> None:
    envelope = force.send("03-referral-adult.json", SHELTER)
    (view,) = force.admit(envelope).views
    incoming = Incoming("", force.contact(SHELTER).handle, view.data, 0, "new", None)
    found = recaller(force.world().of(force.agency(SHELTER))).received(incoming)
    assert found.permitted and set(found.told) == told(found)
    assert leaks(json.dumps([a.to_value() for _, a in found.answers]).encode()) == []


def test_a_damaged_journal_is_an_error_of_ours_and_not_an_answer(force: TaskForce) -> None:
    envelope = force.send(ORGANISATIONS, PROSECUTOR)
    broken = replace(outgoing(envelope, None), data=envelope.to_bytes()[:-1])
    with pytest.raises(RemoteError):
        recaller(force.world().of(force.agency(DESK))).sent(broken, force.now)


def test_the_evidence_is_believed_only_from_a_worker(force: TaskForce) -> None:
    envelope = force.send(ORGANISATIONS, PROSECUTOR)
    admitted = force.admit(envelope)
    forged = replace(outgoing(envelope, admitted), evidence=replace(admitted.evidence, signature=bytes(64)).to_bytes())
    with pytest.raises(RemoteError):
        recaller(force.world().of(force.agency(DESK))).sent(forged, force.now)
    worker = force.bundle.directory.worker(admitted.evidence.by)
    assert worker is not None and Evidence.from_bytes(verify(admitted.evidence, Tag.EVIDENCE, worker.key)).outcomes


# Two full bundles with equal extracts give byte-equal explanations


def same_in_all_worlds(explained: Callable[[World], str]) -> str:
    asker = task_force().agency(INSPECTORS)
    found = {name: explained(world.of(asker)) for name, world in worlds().items()}
    assert len(found) == 3
    assert found["none"].encode() == found["as they are"].encode() == found["others"].encode()
    return found["none"]


def whole(recalled: tuple[Recalled, ...]) -> str:
    rows = [
        (r.recipient, r.permitted, r.told, [(n, a.to_value(), explain.answer(a)) for n, a in r.answers])
        for r in recalled
    ]
    return json.dumps(rows, sort_keys=True)


@pytest.mark.parametrize("guarded", [True, False])
def test_what_is_explained_of_a_message_tells_nothing_of_strangers(force: TaskForce, guarded: bool) -> None:
    message = force.one(SCREENING, DESK, sender=INSPECTORS)
    envelope = force.compose(replace(message, guarded=guarded), sender=INSPECTORS)

    def explained(world: World) -> str:
        return whole(recaller(world).sent(outgoing(envelope, None), force.now)[1])

    text = same_in_all_worlds(explained)
    assert ('"refuse"' in text) is not guarded


@pytest.mark.parametrize("data_type", ["A01", "A02", "A13", "A22", "cover"])
@pytest.mark.parametrize("to", ["harbour-police", "district-prosecutor", "wrenfold-support", "nobody-at-all"])
def test_what_is_explained_of_a_question_tells_nothing_of_strangers(force: TaskForce, to: str, data_type: str) -> None:
    def explained(world: World) -> str:
        mine = recaller(world)
        known = Known(
            directory=mine.directory, agreements=mine.agreements, engine=mine.engine, catalogue=mine.catalogue
        )
        try:
            setting, others = inquiry.between(known, "labour-inspectorate", to, data_type, force.now)
        except BadInput as error:
            return str(error)
        case = inquiry.favourable(data_type, setting, {})
        answer = inquiry.ask(case, setting, known.engine, others)
        return json.dumps(answer.to_value(), sort_keys=True) + explain.answer(answer)

    text = same_in_all_worlds(explained)
    if to != "harbour-police":
        assert text.startswith("There is no agency")
        assert "district-prosecutor" not in text.replace(f"{to!r}", "")
