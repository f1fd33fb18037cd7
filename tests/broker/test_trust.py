"""What the log learns about trust: stated and destroyed encryption keys, epochs and ceremonies. No server, no clock."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from audit.record import Record, TrustRecord, read_record, trust_record
from audit.record import leaf as commitment
from audit.tree import leaf_hash
from broker import records
from broker.admit import Admitted, World, admit, retrieve
from broker.trust import (
    STATED_EARLY,
    STATED_LATE,
    STEP_TOLD,
    announce_epoch,
    announce_step,
    statement,
    statement_key,
)
from bus.subjects import OPERATOR
from keys import statements
from keys.domains import KeyKind, Tag
from keys.sealing import key_id
from keys.signing import Signer, verify
from messages import cbor
from messages.ceremony import StatementSubmission, StepCode
from messages.directory import FormerKey, Span
from messages.errors import RemoteError, Stale, UnknownSender, Unverified
from messages.evidence import Entry, Evidence, EvidenceType
from messages.limits import CLOCK_SKEW, DAY, HOUR, LIFETIME
from messages.signed import Signed
from policies import judge
from policies.sentences import FLOW
from tests.broker.trusting import (
    COLLEAGUE,
    COURT_HEAD,
    FORMER_OFFICER,
    HEAD,
    LAPSED,
    NOW,
    OFFICER,
    handed_in,
    signer,
    state,
    stated,
    with_contact,
)
from tests.keys import words, world

T0 = world.T0


def taken(raw: bytes, of: World | None = None, now: int = NOW, submitter: str = world.SHELTER) -> Admitted:
    return statement(raw, submitter, of or state(), now)  # type: ignore[arg-type]


def evidence_of(admitted: Admitted) -> Evidence:
    return Evidence.from_bytes(verify(admitted.evidence, Tag.EVIDENCE, world.signer(world.WORKER).public))


def record_of(admitted: Admitted) -> Record | TrustRecord:
    entry = Entry.from_bytes(verify(Signed.from_bytes(admitted.entry), Tag.ENTRY, world.signer(world.WORKER).public))
    ((salt, data),) = entry.records
    assert entry.submission == admitted.submission and not entry.views
    assert evidence_of(admitted).leaf == leaf_hash(commitment(salt, data))
    return read_record(data)


def told(admitted: Admitted) -> TrustRecord:
    """The record, if what was handed in was accepted."""
    evidence = evidence_of(admitted)
    assert (evidence.type, evidence.code) == (EvidenceType.SUBMISSION_ACCEPTANCE, None)
    record = record_of(admitted)
    assert isinstance(record, TrustRecord)
    return record


def refused(admitted: Admitted, code: str) -> None:
    evidence = evidence_of(admitted)
    assert (evidence.type, evidence.code, evidence.message) == (EvidenceType.SUBMISSION_REJECTION, code, None)
    assert admitted.key == "x" + admitted.submission[:16].hex()
    assert admitted.stated is None
    record = record_of(admitted)
    assert isinstance(record, Record) and record.rules == (code,)
    assert code in FLOW


# Encryption keys


def test_the_next_key_on_schedule_is_accepted_and_recorded() -> None:
    made = stated()
    admitted = taken(handed_in(made))
    assert told(admitted) == trust_record(
        at=NOW,
        epoch=7,
        by=world.WORKER,
        step="key-statement",
        subject=world.REFUGE,
        number=2,
        digest=sha256(made.signed).digest(),
        signers=(world.REFUGE,),
    )
    assert admitted.stated == (world.REFUGE, made)
    assert (admitted.agency, admitted.ttl) == (world.SHELTER, LIFETIME)
    assert admitted.key == statement_key(handed_in(made)) and admitted.key.startswith("s")


def test_one_number_of_one_contact_has_one_key_whatever_else_is_said() -> None:
    keys = {
        statement_key(handed_in(stated())),
        statement_key(handed_in(stated(start=NOW + HOUR))),
        statement_key(handed_in(stated(), statements.countersign(signer(OFFICER), stated()))),
    }
    assert len(keys) == 1
    others = {statement_key(handed_in(stated(3))), statement_key(handed_in(stated(by=world.signer(world.DESK))))}
    assert len(keys | others | {statement_key(destroyed())}) == 4
    assert statement_key(b"noise") is None


@pytest.mark.parametrize("number", [0, 1, 3, 2**40])
def test_a_key_carries_the_next_number(number: int) -> None:
    made = stated()
    body = cbor.dump(
        {"v": 1, "contact": world.REFUGE, "number": number, "key": made.key, "start": made.start, "end": made.end}
    )
    signed = world.signer(world.REFUGE).sign(Tag.KEY_STATEMENT, body)
    refused(taken(StatementSubmission(statement=signed).to_bytes()), "key-number")


def test_what_was_accepted_since_the_bundle_counts() -> None:
    since = state(stated={world.REFUGE: (stated(2),)})
    refused(taken(handed_in(stated(2, start=NOW + HOUR)), since), "key-number")
    refused(taken(handed_in(stated(3)), since), "key-off-schedule")
    due = NOW + 20 * DAY
    assert told(taken(handed_in(stated(3, due, due + DAY)), since, due)).number == 3


def test_the_first_key_of_a_contact_is_number_one_at_any_time() -> None:
    new = state(with_contact(statements=()))
    assert told(taken(handed_in(stated(1)), new)).number == 1
    refused(taken(handed_in(stated(2)), new), "key-number")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (NOW - STATED_LATE - 1, NOW + DAY),
        (NOW - STATED_LATE, NOW),
        (NOW + 30 * DAY + 1, NOW + 31 * DAY),
        (NOW, NOW),
        (NOW, NOW + 30 * DAY + 1),
    ],
    ids=["back-dated", "over", "too far ahead", "no time at all", "longer than 30 days"],
)
def test_a_key_is_stated_from_now_on_and_for_thirty_days_at_most(start: int, end: int) -> None:
    key = world.decryption_key(world.REFUGE, 2).public
    body = cbor.dump({"v": 1, "contact": world.REFUGE, "number": 2, "key": key, "start": start, "end": end})
    signed = world.signer(world.REFUGE).sign(Tag.KEY_STATEMENT, body)
    counter = signer(OFFICER).sign(Tag.KEY_STATEMENT_COUNTER, body)
    refused(taken(StatementSubmission(statement=signed, counter=counter).to_bytes()), "key-dates")


def test_a_key_that_begins_a_moment_ago_is_no_back_dating() -> None:
    assert told(taken(handed_in(stated(start=NOW - STATED_LATE)))).number == 2


EARLY = T0 - DAY + 20 * DAY - STATED_EARLY - 1


def test_a_key_off_its_schedule_needs_a_second_signature_and_one_on_it_does_not() -> None:
    assert told(taken(handed_in(stated(start=EARLY + 1)), now=EARLY)).signers == (world.REFUGE,)
    refused(taken(handed_in(stated(start=EARLY)), now=EARLY), "key-off-schedule")
    slow = state(with_contact(rotation_days=21))
    refused(taken(handed_in(stated(start=EARLY + 1)), slow, EARLY), "key-off-schedule")


@pytest.mark.parametrize("by", [COLLEAGUE, HEAD, OFFICER], ids=["second contact", "head", "officer"])
def test_a_second_contact_the_agency_s_head_or_an_officer_may_countersign(by: str) -> None:
    made = stated(start=EARLY)
    record = told(taken(handed_in(made, statements.countersign(signer(by), made)), now=EARLY))
    assert set(record.signers) == {world.REFUGE, by}
    assert record.digest == sha256(made.signed).digest()


@pytest.mark.parametrize(
    "by",
    [world.REFUGE, world.CHIEF, LAPSED, COURT_HEAD, FORMER_OFFICER, world.OFFICERS[2]],
    ids=[
        "itself",
        "another agency's contact",
        "a lapsed colleague",
        "another agency's head",
        "a former officer",
        "nobody",
    ],
)
def test_nobody_else_may_countersign(by: str) -> None:
    made = stated(start=EARLY)
    refused(taken(handed_in(made, statements.countersign(signer(by), made)), now=EARLY), "unverified")


def test_a_countersignature_is_over_this_very_statement_and_is_one() -> None:
    made, other = stated(start=EARLY), stated(start=EARLY - 1)
    refused(taken(handed_in(made, statements.countersign(signer(OFFICER), other)), now=EARLY), "unverified")
    forged = replace(
        signer(COURT_HEAD).sign(Tag.KEY_STATEMENT_COUNTER, Signed.from_bytes(made.signed).body), by=OFFICER
    )
    refused(taken(handed_in(made, forged), now=EARLY), "unverified")
    other_tag = signer(OFFICER).sign(Tag.CEREMONY, Signed.from_bytes(made.signed).body)
    refused(taken(handed_in(made, other_tag), now=EARLY), "unverified")


def test_a_false_countersignature_is_refused_even_where_none_is_needed() -> None:
    made = stated()
    refused(taken(handed_in(made, statements.countersign(signer(COURT_HEAD), made))), "unverified")


def test_a_key_is_stated_by_its_contact_itself_and_through_its_own_agency() -> None:
    refused(taken(handed_in(stated()), submitter=world.POLICE), "replayed")
    refused(
        taken(handed_in(stated(by=Signer(KeyKind.CONTACT, "cmmmmmmmmmmma", world.seed("x"))))), "undesignated-sender"
    )
    refused(taken(handed_in(stated(by=Signer(KeyKind.CONTACT, world.REFUGE, world.seed("thief"))))), "unverified")
    body = cbor.dump({"v": 1, "contact": world.DESK, "number": 2, "key": stated().key, "start": NOW, "end": NOW + DAY})
    other = StatementSubmission(statement=world.signer(world.REFUGE).sign(Tag.KEY_STATEMENT, body))
    refused(taken(other.to_bytes()), "unverified")


@pytest.mark.parametrize("tag", [Tag.RETRIEVAL, Tag.MANIFEST, Tag.RELEASE])
def test_what_is_signed_as_something_else_states_nothing(tag: Tag) -> None:
    body = Signed.from_bytes(stated().signed).body
    signed = world.signer(world.REFUGE).sign(tag, body)
    refused(taken(StatementSubmission(statement=signed).to_bytes()), "unverified")
    moved = replace(signed, tag=Tag.KEY_STATEMENT.value)
    refused(taken(StatementSubmission(statement=moved).to_bytes()), "unverified")


def test_a_forged_statement_is_called_forged_whatever_else_is_wrong_with_it() -> None:
    thief = Signer(KeyKind.CONTACT, world.REFUGE, world.seed("thief"))
    for made in (stated(by=thief, number=9), stated(by=thief, start=T0, end=T0 + DAY)):
        refused(taken(handed_in(made)), "unverified")


def test_the_old_signing_key_states_nothing_after_a_rotation() -> None:
    new = Signer(KeyKind.CONTACT, world.REFUGE, world.seed("new"))
    former = FormerKey(key=world.signer(world.REFUGE).public, start=0, end=NOW)
    rotated = state(with_contact(signing_key=new.public, former_keys=(former,)))
    refused(taken(handed_in(stated()), rotated), "unverified")
    assert told(taken(handed_in(stated(by=new)), rotated)).number == 2


@pytest.mark.parametrize(
    ("changed", "may"),
    [
        ({"mandates": (world.mandate(end=NOW),)}, False),
        ({"mandates": (world.mandate(revoked=NOW),)}, False),
        ({"mandates": (world.mandate(revoked=NOW + 1),)}, True),
        ({"suspended": (Span(start=NOW, end=NOW + 1),)}, False),
        ({"suspended": (Span(start=NOW - 1, end=NOW),)}, True),
        ({"mandates": (world.mandate(start=NOW + DAY),)}, True),
        ({"mandates": (world.mandate(deputy_for=world.CHIEF),)}, True),
        ({"mandates": ()}, False),
    ],
    ids=["ended", "revoked", "not yet revoked", "suspended", "resumed", "to come", "deputy off duty", "none"],
)
def test_a_key_is_stated_under_a_mandate_that_holds_or_is_to_come(changed: dict[str, Any], may: bool) -> None:
    admitted = taken(handed_in(stated()), state(with_contact(**changed)))
    if may:
        assert told(admitted).number == 2
    else:
        refused(admitted, "undesignated-sender")


@pytest.mark.parametrize("raw", [b"", b"noise", b"\xa0", cbor.dump({"v": 1, "statement": b"x", "counter": None})])
def test_what_is_no_statement_is_refused_on_record(raw: bytes) -> None:
    refused(taken(raw), "malformed")


# Keys that are no more


def destroyed(by: str = world.REFUGE, **changed: Any) -> bytes:
    signed = signer(by).sign(Tag.KEY_DESTROYED, words.destroyed(**changed).to_bytes())
    return StatementSubmission(statement=signed).to_bytes()


def test_the_destruction_of_a_key_is_recorded_under_its_number() -> None:
    admitted = taken(destroyed())
    record = told(admitted)
    assert (record.step, record.subject, record.number) == ("key-destroyed", world.REFUGE, 1)
    assert admitted.key == statement_key(destroyed(at=T0 + 1)) and admitted.key.startswith("d")
    assert admitted.stated is None


def test_a_former_contact_may_still_say_that_its_key_is_destroyed() -> None:
    ended = state(with_contact(mandates=(world.mandate(end=T0),)))
    assert told(taken(destroyed(), ended)).step == "key-destroyed"


def test_a_destroyed_key_is_one_that_was_stated_and_is_the_signer_s_own() -> None:
    refused(taken(destroyed(number=2)), "key-unknown")
    refused(taken(destroyed(key_id=bytes(16))), "key-unknown")
    refused(taken(destroyed(by=COLLEAGUE)), "undesignated-sender")
    refused(taken(destroyed(), submitter=world.POLICE), "replayed")
    refused(taken(destroyed(at=NOW + CLOCK_SKEW + 1)), "stale")
    second = key_id(world.decryption_key(world.REFUGE, 2).public)
    assert told(taken(destroyed(number=2, key_id=second), state(stated={world.REFUGE: (stated(2),)}))).number == 2


def test_nobody_countersigns_a_destruction_and_a_forged_one_is_refused() -> None:
    counter = signer(OFFICER).sign(Tag.KEY_STATEMENT_COUNTER, words.destroyed().to_bytes())
    own = StatementSubmission.from_bytes(destroyed())
    refused(taken(replace(own, counter=counter).to_bytes()), "malformed")
    forged = replace(own.statement, signature=bytes(64))
    refused(taken(StatementSubmission(statement=forged).to_bytes()), "unverified")


# Epochs and ceremonies


def test_an_epoch_is_recorded_for_ever_under_its_number_with_those_who_signed_the_bundle() -> None:
    statement_ = words.epoch_statement()
    admitted = announce_epoch(statement_, state(), NOW)
    assert (admitted.agency, admitted.ttl, admitted.key[0]) == (OPERATOR, None, "e")
    assert admitted.submission == sha256(statement_.to_bytes()).digest()
    record = told(admitted)
    assert (record.step, record.epoch, record.digest) == ("epoch", 7, admitted.submission)
    assert record.signers == world.OFFICERS[:2]


def test_one_epoch_has_one_key_whatever_it_consists_of() -> None:
    one = announce_epoch(words.epoch_statement(), state(), NOW)
    other = announce_epoch(words.epoch_statement(root=bytes(32)), state(), NOW)
    assert one.key == other.key and one.submission != other.submission
    later = state()
    later = replace(later, bundle=replace(later.bundle, epoch=8))
    assert announce_epoch(words.epoch_statement(epoch=8), later, NOW).key != one.key


@pytest.mark.parametrize("epoch", [6, 8])
def test_an_epoch_is_announced_under_its_own_bundle(epoch: int) -> None:
    with pytest.raises(Unverified):
        announce_epoch(words.epoch_statement(epoch=epoch), state(), NOW)


def step(by: str = OFFICER, **changed: Any) -> Signed:
    return signer(by).sign(Tag.CEREMONY, words.ceremony_step(**({"at": NOW} | changed)).to_bytes())


@pytest.mark.parametrize("code", StepCode)
def test_every_step_of_a_ceremony_is_recorded_and_can_be_said_in_words(code: StepCode) -> None:
    signed = step(step=code)
    admitted = announce_step(signed, state(), NOW)
    assert (admitted.agency, admitted.ttl) == (OPERATOR, None)
    assert admitted.submission == sha256(signed.to_bytes()).digest()
    assert admitted.key == "c" + admitted.submission[:16].hex()
    record = told(admitted)
    assert (record.step, record.subject, record.signers) == (code.value, world.DESK, (OFFICER,))
    assert OFFICER in record.says and world.DESK in record.says


def test_a_step_about_nobody_alone_has_no_subject() -> None:
    assert told(announce_step(step(subject=""), state(), NOW)).subject is None


@pytest.mark.parametrize("subject", [world.SHELTER, world.REFUGE, HEAD])
def test_an_agency_s_head_takes_steps_about_its_own_agency(subject: str) -> None:
    assert told(announce_step(step(HEAD, subject=subject), state(), NOW)).signers == (HEAD,)


@pytest.mark.parametrize(
    ("signed", "error"),
    [
        (step(HEAD, subject=world.POLICE), Unverified),
        (step(HEAD, subject=world.DESK), Unverified),
        (step(HEAD, subject=world.GUARD), Unverified),
        (step(HEAD, subject=""), Unverified),
        (step(HEAD, subject=OFFICER), Unverified),
        (step(FORMER_OFFICER), Unverified),
        (step(world.OFFICERS[2]), UnknownSender),
        (replace(step(COURT_HEAD), by=OFFICER), Unverified),
        (replace(step(), body=step(subject="").body), Unverified),
        (replace(step(), tag=Tag.ENROLMENT.value), Unverified),
        (signer(OFFICER).sign(Tag.CEREMONY, b"noise"), RemoteError),
        (step(at=NOW - STEP_TOLD - 1), Stale),
        (step(at=NOW + CLOCK_SKEW + 1), Stale),
    ],
)
def test_a_step_that_nobody_with_a_say_took_is_not_recorded(signed: Signed, error: type[RemoteError]) -> None:
    with pytest.raises(error):
        announce_step(signed, state(), NOW)


def test_the_same_worker_says_the_same_again() -> None:
    raw = handed_in(stated())
    assert taken(raw) == taken(raw)
    assert announce_epoch(words.epoch_statement(), state(), NOW) == announce_epoch(
        words.epoch_statement(), state(), NOW
    )


def test_the_fast_writer_of_trust_records_writes_their_one_byte_form() -> None:
    for record in (
        told(taken(handed_in(stated()))),
        told(taken(destroyed())),
        told(announce_epoch(words.epoch_statement(), state(), NOW)),
        told(announce_step(step(subject=""), state(), NOW)),
    ):
        assert records.write_trust(record) == record.to_bytes()


# What follows for messages


def of_message(of: World, now: int = T0) -> Evidence:
    """What the broker says to the message of the test world: made at T0, sealed to the refuge's first key."""
    bare = replace(world.envelope(), attestations=())  # else those would be what is refused
    return evidence_of(admit(bare.to_bytes(), world.POLICE, of, now))  # type: ignore[arg-type]


def test_a_key_that_was_accepted_since_the_bundle_may_be_sealed_to() -> None:
    without = with_contact(statements=())
    (to_refuge,) = [o for o in of_message(state(without)).outcomes if o.recipient == world.REFUGE]
    assert to_refuge.rules == (judge.KEY_NOT_IN_FORCE,)
    since = state(without, stated={world.REFUGE: (world.statement(world.REFUGE),)})
    (to_refuge,) = [o for o in of_message(since).outcomes if o.recipient == world.REFUGE]
    assert judge.KEY_NOT_IN_FORCE not in to_refuge.rules


def test_a_message_signed_with_a_key_that_was_given_up_before_its_admission_is_refused() -> None:
    new = Signer(KeyKind.CONTACT, world.DESK, world.seed("new"))

    def rotated(at: int) -> World:
        former = FormerKey(key=world.signer(world.DESK).public, start=0, end=at)
        return state(with_contact(world.DESK, signing_key=new.public, former_keys=(former,)))

    assert of_message(rotated(T0 + HOUR), T0 + HOUR - 1).code != "unverified"
    assert of_message(rotated(T0 + HOUR), T0 + HOUR).code == "unverified", "whatever date it gives itself"


def test_a_retrieval_signed_with_a_key_that_was_given_up_is_refused() -> None:
    signed = world.signer(world.REFUGE).sign(Tag.RETRIEVAL, world.retrieval(bytes(32), bytes(32)).to_bytes())
    new = Signer(KeyKind.CONTACT, world.REFUGE, world.seed("new"))
    former = FormerKey(key=world.signer(world.REFUGE).public, start=0, end=NOW)
    rotated = state(with_contact(signing_key=new.public, former_keys=(former,)))
    for of, now, kind in ((state(), NOW, "Retrieval"), (rotated, NOW - 1, "Retrieval"), (rotated, NOW, None)):
        evidence = evidence_of(retrieve(signed.to_bytes(), world.SHELTER, of, now))  # type: ignore[arg-type]
        assert evidence.type == (kind or EvidenceType.SUBMISSION_REJECTION)
