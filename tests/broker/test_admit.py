"""`broker.admit`, step by step, on real messages of Operation Orchid; no server, no clock."""

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.readers import signed as audit_signed
from audit.record import Record, decision_record, retrieval_record, submission_record
from audit.record import leaf as audit_leaf
from audit.tree import leaf_hash
from broker import records
from broker.admit import (
    GRACE,
    NOT_PERMITTED,
    WAITING,
    Admitted,
    admit,
    check_fresh,
    refuse_stray,
    retrieval_key,
    retrieve,
)
from keys import composing
from keys.domains import KeyKind, Tag
from keys.sealing import DecryptionKey
from keys.signing import Signer, digest, verify
from messages import wire
from messages.directory import Directory
from messages.envelope import Delivery, Envelope, GrantDetail, Outer, SectionDetail
from messages.errors import RemoteError, Stale
from messages.evidence import Entry, Evidence, EvidenceType, Outcome, Retrieval, Stamp
from messages.ids import contact_handle
from messages.labels import Flag, Lane, Purpose
from messages.limits import CLOCK_SKEW, DAY, INCLUDE_BY, LIFETIME, MINUTE
from messages.manifest import Manifest
from messages.signed import Signed
from policies import judge
from policies.decide import Engine
from policies.sentences import FLOW, says
from tests.support.orchid import (
    CASES,
    DESK,
    FOREIGN,
    FORMER,
    INSPECTORS,
    PROSECUTOR,
    RELEASER,
    SAFEGUARDING,
    SHELTER,
    TaskForce,
    expected,
    leaks,
    task_force,
)
from tests.support.tampering import flipped

REFERRAL = "03-referral-adult.json"
ALERT = "09-person-in-danger.json"
FIRMS = "08-organisations.json"


def evidence_of(force: TaskForce, admitted: Admitted) -> Evidence:
    """The evidence, its signature checked with the worker's key of the directory."""
    worker = force.bundle.directory.worker(admitted.evidence.by)
    assert worker is not None
    return Evidence.from_bytes(verify(admitted.evidence, Tag.EVIDENCE, worker.key))


def entry_of(force: TaskForce, admitted: Admitted) -> Entry:
    signed = Signed.from_bytes(admitted.entry)
    worker = force.bundle.directory.worker(signed.by)
    assert worker is not None
    return Entry.from_bytes(verify(signed, Tag.ENTRY, worker.key))


def records_of(force: TaskForce, admitted: Admitted) -> list[Record]:
    return [Record.from_bytes(record) for _, record in entry_of(force, admitted).records]


def assert_rejected(force: TaskForce, admitted: Admitted, code: str, *, claims: bytes | None) -> None:
    """The whole submission was refused with `code`; it claimed the message id `claims`, or none."""
    evidence = evidence_of(force, admitted)
    assert (evidence.type, evidence.code) == (EvidenceType.SUBMISSION_REJECTION, code)
    assert evidence.outcomes == () and admitted.views == ()
    assert evidence.message == claims
    assert admitted.key == (claims.hex() if claims else "x" + admitted.submission[:16].hex())
    (record,) = records_of(force, admitted)
    assert (record.type, record.outcome, record.rules, record.message) == ("submission", "refused", (code,), claims)
    assert (record.sender, record.kind, record.manifest) == (None, None, None) or claims is not None
    assert admitted.ttl >= 7 * DAY


def with_header(force: TaskForce, case: str, to: str, **header: Any) -> Envelope:
    message = force.one(case, to)
    return force.compose(replace(message, header=replace(message.header, **header)))


# What passes


def test_the_cases_are_those_of_the_example() -> None:
    told = {name: (case["sender"], tuple(case["recipients"])) for name, case in expected()["cases"].items()}
    assert dict(CASES) == told


@pytest.mark.parametrize("name", sorted(set(CASES) - {"12-suspect-to-inspectorate.json"}))
def test_every_case_that_should_be_delivered_is_permitted_stamped_and_evidenced(force: TaskForce, name: str) -> None:
    sender, to = CASES[name]
    messages = force.plan(name, *to, sender=sender).messages
    reached: list[str] = []
    for message in messages:
        held = [force.bundle.directory.address(r.contact) for r in message.recipients if r.needs_release]
        admitted = force.admit(force.compose(message, sender=sender, releases=held), sender)
        evidence = evidence_of(force, admitted)
        assert evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE and evidence.code is None
        assert {o.outcome for o in evidence.outcomes} == {Outcome.PERMITTED}
        assert admitted.key == message.header.id.hex() == (evidence.message or b"").hex()
        for view in admitted.views:
            contact = force.bundle.directory.contact(view.contact)
            assert contact is not None and contact.agency == view.agency
            reached.append(force.bundle.directory.address(contact))
            assert view.lane is message.header.urgency.lane
            assert view.ttl == message.header.expires - force.now + GRACE
            assert view.watch is not None and view.watch.until == message.header.expires
    assert sorted(reached) == sorted(to)


def test_the_urgent_lane_is_taken_from_the_signed_urgency(force: TaskForce) -> None:
    urgent = force.admit(force.send("09-person-in-danger.json", PROSECUTOR))
    normal = force.admit(force.send("01-full-report.json", PROSECUTOR))
    assert ([v.lane for v in urgent.views], [v.lane for v in normal.views]) == ([Lane.URGENT], [Lane.NORMAL])


def test_the_stamp_promises_view_record_decision_and_time(force: TaskForce) -> None:
    admitted = force.admit(force.send("01-full-report.json", PROSECUTOR, FOREIGN))
    entry, evidence = entry_of(force, admitted), evidence_of(force, admitted)
    assert [r.type for r in records_of(force, admitted)] == ["submission", "decision", "decision"]
    leaves = {leaf_hash(audit_leaf(salt, record)): Record.from_bytes(record) for salt, record in entry.records}
    assert evidence.leaf in leaves and {o.leaf for o in evidence.outcomes} == leaves.keys() - {evidence.leaf}
    assert len(admitted.views) == 2
    for view in admitted.views:
        delivery = Delivery.from_bytes(view.data)
        worker = force.bundle.directory.worker(delivery.stamp.by)
        assert worker is not None
        stamp = Stamp.from_bytes(verify(delivery.stamp, Tag.STAMP, worker.key))
        by_auditor = audit_signed.read_signed(delivery.stamp.to_bytes())
        assert audit_signed.verify(by_auditor, "stamp", worker.key) == delivery.stamp.body
        assert stamp.view == digest("view", delivery.view)
        assert stamp.manifest == digest("manifest", wire.decode_view(delivery.view).manifest_bytes)
        assert (stamp.recipient, stamp.outcome, stamp.epoch) == (view.contact, Outcome.PERMITTED, force.bundle.epoch)
        assert (stamp.admitted, stamp.include_by) == (force.now, force.now + INCLUDE_BY)
        assert leaf_hash(audit_leaf(delivery.salt, delivery.record)) == stamp.leaf
        record = leaves[stamp.leaf]
        assert (record.recipient, record.view, record.rules) == (view.contact, stamp.view, stamp.rules)
        outcome = next(o for o in evidence.outcomes if o.recipient == view.contact)
        assert (outcome.leaf, outcome.rules) == (stamp.leaf, stamp.rules)
        assert (view.view_id, view.contact, stamp.view) in entry.views


def test_the_same_bytes_world_and_moment_give_the_same_answer(force: TaskForce) -> None:
    for envelope in (force.send("01-full-report.json", PROSECUTOR, FOREIGN), force.send(REFERRAL, SHELTER)):
        first, second = force.admit(envelope), force.admit(envelope)
        assert first == second
        assert force.admit(b"no message") == force.admit(b"no message")
        other = force.admit(envelope, secret=bytes(32))
        assert {v.view_id for v in other.views}.isdisjoint({v.view_id for v in first.views})


def test_salts_and_view_ids_differ_between_recipients_and_messages(force: TaskForce) -> None:
    both = [force.admit(force.send("01-full-report.json", PROSECUTOR, FOREIGN)) for _ in range(2)]
    salts = [salt for a in both for salt, _ in entry_of(force, a).records]
    views = [v.view_id for a in both for v in a.views]
    assert len(set(salts)) == len(salts) == 6
    assert len(set(views)) == len(views) == 4


# (1) parse


@pytest.mark.parametrize("raw", [b"", b"\x00", b"{}", b"\xa0", b"\xbf\xff", b"\x9f" * 40, b"safeconduct" * 1000])
def test_what_does_not_parse_is_malformed_and_claims_no_id(force: TaskForce, raw: bytes) -> None:
    assert_rejected(force, force.admit(raw), "malformed", claims=None)


def test_trailing_bytes_are_malformed(force: TaskForce) -> None:
    raw = force.send(REFERRAL, SHELTER).to_bytes()
    assert_rejected(force, force.admit(raw + b"\x00"), "malformed", claims=None)


# (2) sender


def test_a_sender_whom_no_directory_names_is_refused_and_claims_no_id(force: TaskForce) -> None:
    stranger = Signer(KeyKind.CONTACT, "cstranger2222", bytes(range(32)))
    message = force.one("07-supplementary-report.json", PROSECUTOR)
    message = replace(message, header=replace(message.header, sender=contact_handle(stranger.handle)))
    envelope = force.compose(message, signer=stranger)
    assert_rejected(force, force.admit(envelope), "undesignated-sender", claims=None)


def test_what_one_agency_signed_another_cannot_submit_nor_claim(force: TaskForce) -> None:
    envelope = force.send(REFERRAL, SHELTER)
    admitted = force.admit(envelope, INSPECTORS)
    assert_rejected(force, admitted, "replayed", claims=None)
    assert admitted.agency == force.agency(INSPECTORS)
    assert [r.agency for r in records_of(force, admitted)] == [force.agency(INSPECTORS)]


# (3) signature


def test_a_forged_signature_is_refused_and_claims_no_id(force: TaskForce) -> None:
    genuine = force.send(REFERRAL, SHELTER)
    assert_rejected(
        force, force.admit(replace(genuine, signature=flipped(genuine.signature))), "unverified", claims=None
    )
    by_colleague = force.keys(RELEASER).signer.signature(Tag.MANIFEST, genuine.manifest_bytes)
    assert_rejected(force, force.admit(replace(genuine, signature=by_colleague)), "unverified", claims=None)
    as_consent = force.keys(DESK).signer.signature(Tag.CONSENT, genuine.manifest_bytes)
    assert_rejected(force, force.admit(replace(genuine, signature=as_consent)), "unverified", claims=None)


def test_a_manifest_that_was_changed_after_signing_is_refused_and_claims_no_id(force: TaskForce) -> None:
    genuine = force.send(REFERRAL, SHELTER)
    later = replace(genuine.manifest, expires=genuine.manifest.expires + 1)
    changed = replace(genuine, manifest=later, manifest_bytes=later.to_bytes())
    assert_rejected(force, force.admit(changed), "unverified", claims=None)


# (4) freshness


@pytest.mark.parametrize(
    ("case", "to", "header", "fresh"),
    [
        (REFERRAL, SHELTER, {"created": CLOCK_SKEW, "expires": DAY}, True),
        (REFERRAL, SHELTER, {"created": CLOCK_SKEW + 1, "expires": DAY}, False),
        (REFERRAL, SHELTER, {"created": -MINUTE, "expires": 0}, True),
        (REFERRAL, SHELTER, {"created": -MINUTE, "expires": -1}, False),
        (ALERT, PROSECUTOR, {"created": -DAY, "expires": DAY}, True),
        (ALERT, PROSECUTOR, {"created": -DAY - 1, "expires": DAY}, False),
        ("07-supplementary-report.json", PROSECUTOR, {"created": -7 * DAY, "expires": DAY}, True),
        ("07-supplementary-report.json", PROSECUTOR, {"created": -7 * DAY - 1, "expires": DAY}, False),
        ("07-supplementary-report.json", PROSECUTOR, {"epoch": 1}, True),
        ("07-supplementary-report.json", PROSECUTOR, {"epoch": 2}, False),
    ],
)
def test_a_message_is_fresh_exactly_within_its_window_and_epoch(
    force: TaskForce, case: str, to: str, header: dict[str, int], fresh: bool
) -> None:
    assert (force.case(case).urgency.lane is Lane.URGENT) == (case == ALERT)
    times = {k: v + (force.now if k != "epoch" else 0) for k, v in header.items()}
    envelope = with_header(force, case, to, **times)
    admitted = force.admit(envelope)
    if fresh:
        assert evidence_of(force, admitted).code != "stale"
    else:
        assert_rejected(force, admitted, "stale", claims=envelope.manifest.id)


def test_every_minute_of_the_window_is_judged_alike(force: TaskForce) -> None:
    manifest: Manifest = force.send("09-person-in-danger.json", PROSECUTOR).manifest
    assert manifest.urgency.lane is Lane.URGENT

    def is_fresh(now: int) -> bool:
        try:
            check_fresh(manifest, force.bundle, now)
        except Stale:
            return False
        return True

    for minutes in range(-10, 25 * 60):
        age = minutes * MINUTE
        assert is_fresh(manifest.created + age) == (-CLOCK_SKEW <= age <= DAY), minutes


# (5) digests and attestations


def test_an_altered_ciphertext_grant_or_description_is_refused_and_claims_no_id(force: TaskForce) -> None:
    genuine = force.send(REFERRAL, SHELTER)
    name, sealed = next(iter(genuine.sections.items()))
    handle, grant = next(iter(genuine.grants.items()))
    opening = genuine.openings[0]
    assert opening.detail is not None
    damaged = {
        "ciphertext": replace(genuine, sections={**genuine.sections, name: flipped(sealed)}),
        "grant": replace(genuine, grants={handle: flipped(grant)}),
        "section left out": replace(genuine, sections={k: v for k, v in genuine.sections.items() if k != name}),
        "description left out": replace(genuine, openings=genuine.openings[1:]),
        "description twice": replace(genuine, openings=(*genuine.openings, opening)),
        "detail left out": replace(genuine, openings=(replace(opening, detail=None), *genuine.openings[1:])),
        "detail changed": replace(
            genuine, openings=(replace(opening, detail=opening.detail + b"\x00"), *genuine.openings[1:])
        ),
    }
    for what, envelope in damaged.items():
        admitted = force.admit(envelope)
        assert evidence_of(force, admitted).code in ("unverified", "malformed"), what
        assert admitted.key.startswith("x") and evidence_of(force, admitted).message is None, what
    assert_rejected(force, force.admit(damaged["ciphertext"]), "unverified", claims=None)
    assert evidence_of(force, force.admit(genuine)).type is EvidenceType.SUBMISSION_ACCEPTANCE


def test_a_paper_by_a_stranger_or_by_the_wrong_colleague_makes_the_whole_message_unverified(force: TaskForce) -> None:
    own_guard = force.guard("harbour-police")
    foreign_guard = force.guard("labour-inspectorate")
    nobody = Signer(KeyKind.GUARD, "gstranger2222", bytes(range(32)))
    impostor = Signer(KeyKind.GUARD, own_guard.handle, bytes(range(32)))
    for guard in (foreign_guard, nobody, impostor):
        envelope = force.compose(force.one(REFERRAL, SHELTER), guard=guard)
        assert_rejected(force, force.admit(envelope), "unverified", claims=None)
    full = force.compose(force.one("09-person-in-danger.json", PROSECUTOR, FOREIGN))
    for by in (DESK, "labour-inspectorate/reviewer", FORMER):
        released = force.release(full, FOREIGN, by=by)
        assert_rejected(force, force.admit(released), "unverified", claims=None)
    assert len(force.admit(force.release(full, PROSECUTOR, FOREIGN)).views) == 2


def test_a_release_of_another_message_does_not_count(force: TaskForce) -> None:
    message = force.one("09-person-in-danger.json", PROSECUTOR, FOREIGN)
    released = force.release(force.compose(message), FOREIGN)
    (release,) = released.attestations
    other = composing.attach(force.compose(force.one("09-person-in-danger.json", PROSECUTOR, FOREIGN)), [release])
    assert evidence_of(force, force.admit(other)).code == "unverified"


# (6) decisions


def test_a_recipient_whom_no_directory_names_is_refused(force: TaskForce) -> None:
    message = force.one(FIRMS, PROSECUTOR)
    known = message.recipients[0]
    unknown = replace(known, contact=known.contact.model_copy(update={"handle": contact_handle("cnobodyatall2")}))
    key = known.contact.statements[0].key
    envelope = force.compose(replace(message, recipients=(known, unknown)), public=lambda _: key)
    evidence = evidence_of(force, force.admit(envelope))
    assert {o.recipient: o.rules for o in evidence.outcomes if o.outcome is Outcome.REFUSED} == {
        "cnobodyatall2": (judge.NO_SUCH_CONTACT,)
    }
    assert [v.contact for v in force.admit(envelope).views] == [known.contact.handle]


def test_a_grant_sealed_to_a_key_not_in_force_is_refused(force: TaskForce) -> None:
    key = DecryptionKey(bytes(range(96))).public
    admitted = force.admit(force.compose(force.one(FIRMS, PROSECUTOR), public=lambda _: key))
    (outcome,) = evidence_of(force, admitted).outcomes
    assert (outcome.outcome, outcome.rules) == (Outcome.REFUSED, (judge.KEY_NOT_IN_FORCE,))
    assert evidence_of(force, admitted).code == NOT_PERMITTED and not admitted.views


def test_a_recipient_for_whom_too_many_views_wait_is_refused_and_the_others_are_not(force: TaskForce) -> None:
    envelope = force.send(FIRMS, PROSECUTOR, FOREIGN)
    full = force.contact(PROSECUTOR).handle
    admitted = force.admit(envelope, waiting={full: WAITING})
    outcomes = {o.recipient: (o.outcome, o.rules) for o in evidence_of(force, admitted).outcomes}
    assert outcomes[full] == (Outcome.REFUSED, (judge.NOT_DELIVERABLE,))  # how full it is, is not the sender's to know
    assert [r.rules for r in records_of(force, admitted) if r.recipient == full] == [(judge.RECIPIENT_FULL,)]
    assert [v.contact for v in admitted.views] == [force.contact(FOREIGN).handle]
    assert len(force.admit(envelope, waiting={full: WAITING - 1}).views) == 2


def test_of_a_permitted_and_a_refused_recipient_only_the_first_gets_a_view_and_the_evidence_says_both(
    force: TaskForce,
) -> None:
    message = force.one("01-full-report.json", PROSECUTOR, FOREIGN)
    admitted = force.admit(force.compose(message))  # nobody released it to go abroad
    evidence = evidence_of(force, admitted)
    outcomes = {o.recipient: (o.outcome, o.rules) for o in evidence.outcomes}
    assert evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE
    assert outcomes[force.contact(PROSECUTOR).handle][0] is Outcome.PERMITTED
    assert outcomes[force.contact(FOREIGN).handle][0] is Outcome.REFUSED
    assert "R-29" in outcomes[force.contact(FOREIGN).handle][1]
    assert [v.contact for v in admitted.views] == [force.contact(PROSECUTOR).handle]
    assert [r.outcome for r in records_of(force, admitted)].count("refused") == 1


@pytest.mark.parametrize(
    ("case", "to", "rules"),
    [
        ("12-suspect-to-inspectorate.json", INSPECTORS, {"SC-11", "SC-20"}),
        ("02-labour-disclosure.json", INSPECTORS, {"SC-11", "R-03", "SC-40"}),
        (REFERRAL, SHELTER, {"R-27", "SC-40"}),
    ],
)
def test_a_view_with_one_section_that_is_not_permitted_is_refused_whole(
    force: TaskForce, case: str, to: str, rules: set[str]
) -> None:
    envelope = force.compose(force.forced(case, to))
    admitted = force.admit(envelope)
    evidence = evidence_of(force, admitted)
    assert (evidence.type, evidence.code) == (EvidenceType.SUBMISSION_REJECTION, NOT_PERMITTED)
    assert evidence.message == envelope.manifest.id  # it is signed: the refusal stands under its id
    (outcome,) = evidence.outcomes
    assert outcome.outcome is Outcome.REFUSED and rules <= set(outcome.rules)
    assert admitted.views == ()
    assert {r.outcome for r in records_of(force, admitted)} == {"refused"}


def test_a_sender_whose_mandate_has_ended_is_refused_by_rule(force: TaskForce) -> None:
    message = force.one(FIRMS, PROSECUTOR)
    former = force.keys(FORMER)
    message = replace(message, header=replace(message.header, sender=former.contact.handle))
    (outcome,) = evidence_of(force, force.admit(force.compose(message, signer=former.signer))).outcomes
    assert (outcome.outcome, outcome.rules) == (Outcome.REFUSED, ("SC-01",))


def test_what_the_guard_did_not_attest_or_the_sender_mislabelled_is_refused_by_rule(force: TaskForce) -> None:
    message = force.one(REFERRAL, SHELTER)
    (unguarded,) = evidence_of(force, force.admit(force.compose(replace(message, guarded=False)))).outcomes
    assert "SC-40" in unguarded.rules
    harmless = tuple(replace(s, flags=(), roles=()) if s.type == "A22" else s for s in message.sections)
    (mislabelled,) = evidence_of(force, force.admit(force.compose(replace(message, sections=harmless)))).outcomes
    assert "SC-41" in mislabelled.rules


def test_a_worker_that_remembers_its_judgements_decides_as_one_that_does_not(force: TaskForce) -> None:
    world = force.world()
    former = force.keys(FORMER)
    message = force.one(FIRMS, PROSECUTOR)
    by_former = replace(message, header=replace(message.header, sender=former.contact.handle))
    elsewhere = replace(message, header=replace(message.header, purpose=Purpose.STATISTICS))
    envelopes = [force.compose(by_former, signer=former.signer), force.compose(elsewhere)]
    for case in (FIRMS, "06-communications-update.json", "07-supplementary-report.json", ALERT):
        envelopes += [force.compose(force.one(case, PROSECUTOR)), force.compose(force.forced(case, PROSECUTOR))]
    envelopes += [force.send("02-labour-disclosure.json", INSPECTORS), force.send(REFERRAL, SHELTER)]
    found = []
    for envelope in [*envelopes, *reversed(envelopes), *(force.compose(force.one(FIRMS, PROSECUTOR)) for _ in "12")]:
        raw = envelope.to_bytes()
        remembering = admit(raw, force.agency(DESK), world, force.now)
        assert remembering == admit(raw, force.agency(DESK), force.world(), force.now)
        found.append(bool(remembering.views))
    assert world.judged and set(found) == {True, False}


def test_a_judgement_is_not_remembered_beyond_the_end_of_a_mandate(force: TaskForce) -> None:
    contacts = []
    for contact in force.bundle.directory.contacts:
        if contact.handle == force.contact(PROSECUTOR).handle:
            (mandate,) = contact.mandates
            contact = contact.model_copy(update={"mandates": (mandate.model_copy(update={"end": force.now + 10}),)})
        contacts.append(contact)
    known = force.bundle.directory
    directory = Directory(agencies=known.agencies, contacts=tuple(contacts), operator=known.operator)
    world = force.world(bundle=replace(force.bundle, directory=directory))
    outcomes = []
    for now in (force.now, force.now + 9, force.now + 10, force.now + 11, force.now + 9):
        raw = force.compose(force.one(FIRMS, PROSECUTOR)).to_bytes()
        admitted = admit(raw, force.agency(DESK), world, now)
        (outcome,) = evidence_of(force, admitted).outcomes
        outcomes.append(outcome.rules if outcome.outcome is Outcome.REFUSED else ())
    assert outcomes == [(), (), ("SC-02",), ("SC-02",), ()]


# (7), (8): what is written and what each recipient gets


def details(envelope: Envelope) -> Iterable[tuple[str, SectionDetail | GrantDetail, bytes]]:
    for opening in envelope.openings:
        assert opening.detail is not None
        kind = Outer.from_bytes(opening.outer).kind
        parse = GrantDetail.from_bytes if kind == "grant" else SectionDetail.from_bytes
        yield kind, parse(opening.detail), opening.outer


def test_a_view_holds_nothing_of_the_other_recipients(force: TaskForce) -> None:
    envelope = force.send("01-full-report.json", PROSECUTOR, FOREIGN)
    admitted = force.admit(envelope)
    grants = {d.recipient: d for k, d, _ in details(envelope) if isinstance(d, GrantDetail)}
    sections = {d.name: d for k, d, _ in details(envelope) if isinstance(d, SectionDetail)}
    assert len(admitted.views) == 2 and set(grants) == {v.contact for v in admitted.views}
    for view in admitted.views:
        raw = Delivery.from_bytes(view.data).view + view.data
        (other,) = set(grants) - {view.contact}
        other_contact = force.bundle.directory.contact(other)
        assert other_contact is not None
        theirs = grants[other]
        foreign: list[bytes] = [
            other.encode(),
            other_contact.agency.encode(),
            theirs.agreement.encode(),
            theirs.key,
            theirs.salt,
            theirs.digest,
            theirs.thread,
            envelope.grants[other],
        ]
        withheld = set(sections) - set(grants[view.contact].sections)
        assert withheld
        for name in withheld:
            detail = sections[name]
            foreign += [detail.salt, detail.digest, detail.commitment, envelope.sections[name]]
        for needle in foreign:
            assert needle not in raw
        own = [grants[view.contact].salt, *(sections[n].digest for n in grants[view.contact].sections)]
        assert all(needle in raw for needle in own)  # the search finds what is there


def test_a_view_names_the_kinds_of_withheld_sections_only_where_the_agreement_has_that_type(force: TaskForce) -> None:
    referral = force.admit(force.send(REFERRAL, SHELTER))
    withheld = force.open(referral.views[0].data, SHELTER).withheld
    assert withheld == ("A24/sealed",)
    labour = force.admit(force.send("02-labour-disclosure.json", INSPECTORS))
    assert force.open(labour.views[0].data, INSPECTORS).withheld == ()  # no A02 is agreed, so none is known of


def test_attestations_travel_only_in_the_view_they_are_about(force: TaskForce) -> None:
    envelope = force.release(
        force.compose(force.one("09-person-in-danger.json", PROSECUTOR, FOREIGN)), PROSECUTOR, FOREIGN
    )
    for view in force.admit(envelope).views:
        (attestation,) = wire.decode_view(Delivery.from_bytes(view.data).view).attestations
        assert view.contact.encode() in attestation.body


@pytest.mark.parametrize("name", sorted(CASES))
def test_nothing_the_broker_writes_or_passes_on_holds_a_word_of_a_victim(force: TaskForce, name: str) -> None:
    sender, to = CASES[name]
    planned = force.plan(name, *to, sender=sender).messages
    envelopes = [force.compose(m, sender=sender) for m in planned] + [force.compose(force.forced(name, *to))]
    assert envelopes
    for envelope in envelopes:
        admitted = force.admit(envelope, sender)
        for data in (admitted.entry, admitted.evidence.to_bytes(), *(v.data for v in admitted.views)):
            assert leaks(data) == []
        for record in records_of(force, admitted):
            assert leaks(record.to_bytes()) == []
            for text in (record.outcome, record.kind or "", *record.rules, *(x for s in record.sections for x in s)):
                assert " " not in text  # codes only


def test_the_search_for_victims_words_would_find_them() -> None:
    assert leaks("… Ioana Dobrescu …".encode()) == ["Ioana", "Ioana Dobrescu"]


def test_a_retrieval_is_recorded_and_lets_exactly_that_view_leave(force: TaskForce) -> None:
    admitted = force.admit(force.send(REFERRAL, SHELTER))
    (view,) = admitted.views
    raw = retrieval(force, admitted).to_bytes()
    done = retrieve(raw, force.agency(SHELTER), force.world(), force.now)
    assert done.retrieved == (view.contact, view.view_id)
    assert (done.key, done.views) == (retrieval_key(Retrieval.from_bytes(Signed.from_bytes(raw).body)), ())
    assert evidence_of(force, done).type is EvidenceType.RETRIEVAL
    (record,) = records_of(force, done)
    assert (record.type, record.outcome, record.recipient) == ("retrieval", "retrieved", view.contact)
    assert done.ttl == LIFETIME


def test_two_contacts_words_about_one_view_stand_under_two_keys(force: TaskForce) -> None:
    """Else a colleague could claim the place of the word that lets another contact's view leave."""
    word = Retrieval.from_bytes(retrieval(force, force.admit(force.send(REFERRAL, SHELTER))).body)
    assert retrieval_key(word) != retrieval_key(replace(word, recipient=force.contact(DESK).handle))


def retrieval(force: TaskForce, admitted: Admitted, by: str = SHELTER, recipient: str = SHELTER) -> Signed:
    (view,) = admitted.views
    delivery = Delivery.from_bytes(view.data)
    stamp = Stamp.from_bytes(delivery.stamp.body)
    body = Retrieval(
        view_id=view.view_id,
        view=stamp.view,
        manifest=stamp.manifest,
        message=wire.decode_view(delivery.view).manifest.id,
        recipient=force.contact(recipient).handle,
        at=force.now,
        checkpoint=None,
    ).to_bytes()
    return force.keys(by).signer.sign(Tag.RETRIEVAL, body)


def test_a_retrieval_counts_only_if_the_recipient_itself_signed_it_and_its_agency_submits_it(force: TaskForce) -> None:
    admitted = force.admit(force.send(REFERRAL, SHELTER))
    genuine = retrieval(force, admitted)
    attempts: dict[str, tuple[bytes, str, str]] = {
        "garbage": (b"\x00", SHELTER, "malformed"),
        "another agency": (genuine.to_bytes(), INSPECTORS, "replayed"),
        "a colleague for the recipient": (
            retrieval(force, admitted, by=SAFEGUARDING).to_bytes(),
            SHELTER,
            "undesignated-sender",
        ),
        "a forged signature": (replace(genuine, signature=bytes(64)).to_bytes(), SHELTER, "unverified"),
        "another tag": (replace(genuine, tag="recall").to_bytes(), SHELTER, "unverified"),
        "a stranger": (replace(genuine, by="cstranger2222").to_bytes(), SHELTER, "undesignated-sender"),
    }
    for what, (raw, submitter, code) in attempts.items():
        refused = retrieve(raw, force.agency(submitter), force.world(), force.now)
        assert (what, evidence_of(force, refused).code) == (what, code)
        assert refused.retrieved is None and refused.key.startswith("x")


# Reasons in words


def test_every_refusal_code_and_rule_id_has_a_sentence() -> None:
    codes = {
        judge.NO_SUCH_CONTACT,
        judge.KEY_NOT_IN_FORCE,
        *judge.BEYOND_EXTRACT,
        judge.NOT_DELIVERABLE,
        NOT_PERMITTED,
        "broker-failed",
    }
    stack: list[type[RemoteError]] = [RemoteError]
    while stack:
        error = stack.pop()
        if error.__module__ == "messages.errors":
            codes.add(error.code)
        stack += error.__subclasses__()
    rules = {r.id for r in Engine.load().rules}
    assert len(codes) > 10 and len(rules) > 30 and codes <= set(FLOW)
    for identifier in codes | rules | set(FLOW):
        sentence = says(identifier)
        assert sentence.endswith(".") and " " in sentence and "not part of this edition" not in sentence


# One byte form

codes = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
handles = {letter: st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=12, max_size=12) for letter in "acw"}
numbers = st.one_of(st.integers(0, 2**53 - 1), st.sampled_from([0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32]))
digests = st.binary(min_size=32, max_size=32)


def handle(letter: str) -> st.SearchStrategy[str]:
    return handles[letter].map(lambda rest: letter + rest)


common: dict[str, st.SearchStrategy[Any]] = {
    "at": numbers,
    "epoch": numbers,
    "by": handle("w"),
    "agency": handle("a"),
    "submission": digests,
}
submissions = st.builds(
    submission_record,
    **common,
    outcome=st.sampled_from(["accepted", "refused"]),
    rules=st.lists(codes, max_size=64).map(tuple),
    message=st.none() | st.binary(min_size=16, max_size=16),
    manifest=st.none() | digests,
    sender=st.none() | handle("c"),
    kind=st.none() | codes,
)
some_codes = st.sets(codes, max_size=5).map(lambda found: tuple(sorted(found)))


@st.composite
def facts_of(draw: st.DrawFn, sections: int) -> Any:
    each = st.tuples(codes, some_codes, some_codes, some_codes)
    listed = draw(st.lists(each, min_size=sections, max_size=sections).map(tuple))
    return draw(st.none() | st.just((draw(st.lists(codes, max_size=20).map(tuple)), draw(some_codes), listed)))


@st.composite
def deciding(draw: st.DrawFn, *, view: bytes | None, **rest: Any) -> Record:
    facts = draw(facts_of(len(rest["sections"])))
    return decision_record(**rest, facts=facts, view=view, outcome="refused" if view is None else "permitted")


decisions = st.builds(
    lambda view, **rest: {"view": view, **rest},
    **common,
    message=st.binary(min_size=16, max_size=16),
    manifest=digests,
    sender=handle("c"),
    recipient=handle("c"),
    kind=codes,
    rules=st.lists(codes, max_size=30).map(tuple),
    sections=st.lists(st.tuples(codes, codes, codes), max_size=30).map(tuple),
    view=st.none() | digests,
).flatmap(lambda given: deciding(**given))
retrievals = st.builds(
    retrieval_record,
    **common,
    recipient=handle("c"),
    view=digests,
    message=st.none() | st.binary(min_size=16, max_size=16),
    manifest=st.none() | digests,
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(submissions, decisions, retrievals))
def test_the_broker_writes_any_record_as_the_auditor_does(record: Record) -> None:
    written = records.write(record)
    assert written == record.to_bytes()
    assert Record.from_bytes(written) == record


# Hostile input


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_answered_and_none_raises(raw: bytes) -> None:
    force = task_force()
    for function in (admit, retrieve):
        admitted = function(raw, force.agency(DESK), force.world(), force.now)
        assert isinstance(admitted, Admitted)
        assert admitted.views == () and admitted.retrieved is None
    assert isinstance(refuse_stray(raw, force.agency(DESK), force.world(), force.now), Admitted)


Mutation = Callable[[random.Random, bytes, bytes], bytes]


def _flip(r: random.Random, raw: bytes, _: bytes) -> bytes:
    at = r.randrange(len(raw))
    return flipped(raw, at, r.randrange(8))


def _overwrite(r: random.Random, raw: bytes, _: bytes) -> bytes:
    at = r.randrange(len(raw))
    return raw[:at] + r.randbytes(r.randrange(1, 40)) + raw[at + 1 :]


def _cut(r: random.Random, raw: bytes, _: bytes) -> bytes:
    at = r.randrange(len(raw))
    return raw[:at] + raw[at + r.randrange(1, 60) :]


def _splice(r: random.Random, raw: bytes, other: bytes) -> bytes:
    at, length = r.randrange(len(raw)), r.randrange(1, 200)
    return raw[:at] + other[at : at + length] + raw[at + length :]


def _repeat(r: random.Random, raw: bytes, _: bytes) -> bytes:
    at, length = r.randrange(len(raw)), r.randrange(1, 60)
    return raw[: at + length] + raw[at:]


def signed_part(envelope: Envelope) -> tuple[object, ...]:
    """All that the sender's signature covers."""
    return (
        envelope.manifest_bytes,
        envelope.signature,
        frozenset((o.outer, o.detail) for o in envelope.openings),
        dict(envelope.sections),
        dict(envelope.grants),
    )


def test_a_mutated_message_is_permitted_only_if_all_that_was_signed_is_unchanged(force: TaskForce) -> None:
    genuine = [
        force.send(REFERRAL, SHELTER),
        force.send(FIRMS, PROSECUTOR, FOREIGN),
        force.send("05-referral-child.json", SHELTER),
    ]
    raws = [e.to_bytes() for e in genuine]
    chance = random.Random(20261120)
    mutations: list[Mutation] = [_flip, _flip, _overwrite, _cut, _splice, _repeat]
    tried = permitted = 0
    for number in range(4000):
        which = number % len(raws)
        raw = chance.choice(mutations)(chance, raws[which], raws[(which + 1) % len(raws)])
        if raw == raws[which]:
            continue
        tried += 1
        admitted = force.admit(raw)
        if admitted.views:
            permitted += 1
            assert signed_part(wire.decode(raw)) == signed_part(genuine[which])
        else:
            assert evidence_of(force, admitted).type is EvidenceType.SUBMISSION_REJECTION
    assert tried > 3900
    assert permitted < tried / 20


def test_swapping_signed_parts_between_two_genuine_messages_permits_nothing(force: TaskForce) -> None:
    one, two = force.send(REFERRAL, SHELTER), force.send(REFERRAL, SHELTER)
    names = ("manifest_bytes", "signature", "openings", "sections", "grants", "attestations")
    tried = 0
    for mask in range(1, 2 ** len(names) - 1):
        changes = {n: getattr(two, n) for i, n in enumerate(names) if mask >> i & 1}
        if "manifest_bytes" in changes:
            changes["manifest"] = two.manifest
        if changes.keys() - {"manifest"} in ({"attestations"}, set(names) - {"attestations"}):
            wanted = "unverified"  # the guard's word is about the other message
        else:
            wanted = ""
        admitted = force.admit(replace(one, **changes))
        assert admitted.views == ()
        assert not wanted or evidence_of(force, admitted).code == wanted
        tried += 1
    assert tried == 62


def test_a_claim_of_flags_alone_never_turns_a_refusal_into_a_permission(force: TaskForce) -> None:
    message = force.forced("02-labour-disclosure.json", INSPECTORS)
    for flags in ((), (Flag.QUASI,)):
        sections = tuple(replace(s, flags=flags) for s in message.sections)
        assert force.admit(force.compose(replace(message, sections=sections))).views == ()
