"""An agency without an agreement cannot learn from any answer that another exists: what it submits is decided in its
own extract.

Tried in three worlds that differ in the inspectorate's strangers alone: as they are, without any of them, and with
others in their place. Every answer is the same, byte for byte, in all three; and what is asked about a stranger is
answered as what is asked about nobody.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from adapters.planning import MessagePlan
from audit.record import Record, TrustRecord, read_record
from broker.admit import Admitted, World, admit, retrieve
from broker.trust import statement
from keys import composing, statements
from keys.domains import KeyKind, Tag
from keys.sealing import DecryptionKey
from keys.signing import Signer, Signs, verify
from messages.ceremony import StatementSubmission
from messages.directory import Agency, Contact, Directory, Guard
from messages.envelope import Envelope
from messages.evidence import Entry as AuditEntry
from messages.evidence import Evidence, Outcome, Retrieval
from messages.ids import AgencyHandle, ContactHandle, MessageId, ViewId
from messages.limits import DAY
from messages.signed import Signed
from policies.extracts import Sight, shares
from tests.support.orchid import DESK, FOREIGN, INSPECTORS, PROSECUTOR, SHELTER, TaskForce, task_force

SCREENING = "10-inspectors-screening.json"
REVIEWER = "labour-inspectorate/reviewer"
NOBODY = ContactHandle("cnobodyatall2")
OTHER_AGREEMENT = "AGR-2026-01"  # of police and prosecutor
Judge = Callable[[bytes, AgencyHandle, World, int], Admitted]


def signer(label: str, kind: KeyKind = KeyKind.CONTACT, handle: str = NOBODY) -> Signer:
    return Signer(kind, handle, label.encode().ljust(32, b"."))


# Three worlds


def is_stranger(world: World, agency: str, to: AgencyHandle) -> bool:
    assert world.seen_by is not None
    return agency not in world.seen_by[to]


def of_others(world: World, agencies: tuple[Agency, ...], contacts: tuple[Contact, ...]) -> World:
    """The world with this membership, and only those agreements whose parties are in it."""
    directory = world.bundle.directory
    names = {a.name for a in agencies}
    agreements = {i: a for i, a in world.agreements.items() if names.issuperset(a.parties)}
    made = Directory(agencies=agencies, contacts=contacts, operator=directory.operator, officers=directory.officers)
    bundle = replace(world.bundle, directory=made, agreements={})
    return replace(world, bundle=bundle, agreements=agreements, seen_by=Sight().under(made.agencies, agreements))


@cache
def worlds() -> dict[str, World]:
    """By what has become of the inspectorate's strangers."""
    force = task_force()
    world, asker = force.world(), force.agency(INSPECTORS)
    directory = world.bundle.directory
    known = tuple(a for a in directory.agencies if not is_stranger(world, a.handle, asker))
    assert {a.name for a in known} == {"harbour-police", "labour-inspectorate"} and len(directory.agencies) == 7
    handles = {a.handle for a in known}
    kept = tuple(c for c in directory.contacts if c.agency in handles)

    def other_agency(number: int, agency: Agency) -> Agency:
        key = signer(f"guard {number}").public
        guards = tuple(Guard(handle=g.handle, key=key, start=g.start, end=g.end) for g in agency.guards)
        changed = {"title": "Others", "country": "XX", "nkey": f"U{number}", "guards": guards, "head": None}
        return agency if agency in known else agency.model_copy(update=changed)

    def other_contact(number: int, contact: Contact) -> Contact:
        changed = {"signing_key": signer(f"contact {number}").public, "mandates": (), "statements": (), "nkey": None}
        return contact if contact.agency in handles else contact.model_copy(update=changed)

    agencies = tuple(other_agency(n, a) for n, a in enumerate(directory.agencies))
    contacts = tuple(other_contact(n, c) for n, c in enumerate(directory.contacts))
    more = force.contact(FOREIGN).model_copy(
        update={"handle": "cmoreofthem22", "name": "more", "signing_key": signer("more").public, "nkey": None}
    )
    return {
        "as they are": world,
        "none": of_others(world, known, kept),
        "others": of_others(world, agencies, (*contacts, more)),
    }


def answered(raw: bytes, by: Judge, agency: str = INSPECTORS, **changes: Any) -> Admitted:
    """What the inspectorate hears, the same in all three worlds."""
    force = task_force()
    asker = force.agency(agency)
    found = {}
    for name, world in worlds().items():
        whole = replace(world, **changes)
        found[name] = by(raw, asker, whole.of(asker), force.now)
    assert found["none"] == found["as they are"]
    assert found["others"] == found["as they are"]
    return found["none"]


def told(admitted: Admitted, *, instead: str = "") -> tuple[object, ...]:
    """All that an answer and its records say but for ids and digests of the very bytes that were asked; the handle
    that the asker gave itself becomes "X".
    """
    force = task_force()
    worker = force.bundle.directory.worker(admitted.evidence.by)
    assert worker is not None
    evidence = Evidence.from_bytes(verify(admitted.evidence, Tag.EVIDENCE, worker.key))
    entry = AuditEntry.from_bytes(verify(Signed.from_bytes(admitted.entry), Tag.ENTRY, worker.key))

    def hidden(handle: str | None) -> str | None:
        return "X" if handle == instead else handle

    outcomes = sorted((str(hidden(o.recipient)), o.outcome, o.rules) for o in evidence.outcomes)
    records: list[object] = []
    for _, data in entry.records:
        record = read_record(data)
        if isinstance(record, TrustRecord):
            records.append((record.step, record.subject, record.number))
        else:
            assert isinstance(record, Record)
            sections = sorted(record.sections)
            said = (record.type, hidden(record.recipient), record.outcome, record.rules, sections, record.kind)
            records.append((*said, record.sender, record.message is None, record.view is None))
    views = sorted((v.contact, v.lane) for v in admitted.views)
    claims = len(admitted.key) == 32  # the id that the sender gave it; else a digest, after a letter
    said_of_all = (evidence.type, evidence.code, evidence.message is None, claims, admitted.ttl, admitted.retrieved)
    return (*said_of_all, outcomes, sorted(map(repr, records)), views, admitted.stated)


# What an extract's world is


def test_an_agencys_world_is_its_extract(force: TaskForce) -> None:
    world = force.world()
    directory = world.bundle.directory
    published = shares({a.handle: a for a in directory.agencies}, force.bundle.agreements)
    for agency in directory.agencies:
        part = world.of(agency.handle)
        seen, files = published[agency.handle]
        assert {a.handle for a in part.bundle.directory.agencies} == seen
        assert {c.agency for c in part.bundle.directory.contacts} <= seen
        assert set(part.agreements) == {a.id for a in world.agreements.values() if agency.name in a.parties}
        assert len(part.agreements) == len(files)
        assert part.of(directory.agencies[0].handle) is part  # nothing widens it again


def test_of_an_agency_that_nobody_knows_the_world_is_empty(force: TaskForce) -> None:
    part = force.world().of(AgencyHandle("azzzzzzzzzzzz"))
    assert (part.bundle.directory.agencies, part.bundle.directory.contacts, part.agreements) == ((), (), {})


def test_an_agencys_world_is_made_once_and_goes_with_its_bundle(force: TaskForce) -> None:
    world = force.world()
    asker = force.agency(INSPECTORS)
    assert world.of(asker) is world.of(asker)
    other = replace(world, seen_by={asker: frozenset({asker})})
    assert [a.handle for a in other.of(asker).bundle.directory.agencies] == [asker]


def test_what_is_in_ones_extract_is_decided_as_in_the_whole(force: TaskForce) -> None:
    envelope = force.send(SCREENING, DESK, sender=INSPECTORS).to_bytes()
    asker = force.agency(INSPECTORS)
    whole = replace(force.world(), seen_by=None)
    within = answered(envelope, admit)
    assert within == admit(envelope, asker, whole, force.now)
    assert [v.contact for v in within.views] == [force.contact(DESK).handle]


# Messages


@cache
def screening() -> MessagePlan:
    """Planned once: what is tried here is what becomes of it."""
    return task_force().one(SCREENING, DESK, sender=INSPECTORS)


@cache
def sealed() -> Envelope:
    return task_force().compose(screening(), sender=INSPECTORS)


def letter(force: TaskForce, recipient: str, *, agreement: str | None = None, key: bytes | None = None) -> Envelope:
    """A genuine message by the inspectorate to the police, its only recipient changed past every planner."""
    message = screening()
    (known,) = message.recipients
    contact = known.contact.model_copy(update={"handle": recipient})
    assert known.agreement is not None
    named = known.agreement.model_copy(update={"id": agreement or known.agreement.id})
    public = key or statements.usable(force.contact(DESK), force.now).key
    changed = replace(message, recipients=(replace(known, contact=contact, agreement=named),))
    return force.compose(changed, sender=INSPECTORS, public=lambda _: public)


@cache
def nobodys(agreement: str | None) -> Any:
    """What is said of a message to nobody."""
    return told(answered(letter(task_force(), NOBODY, agreement=agreement).to_bytes(), admit), instead=NOBODY)


def its_key(force: TaskForce, address: str) -> bytes:
    return statements.usable(force.contact(address), force.now).key


@pytest.mark.parametrize("stranger", [FOREIGN, PROSECUTOR, SHELTER, "wrenfold-support/safeguarding"])
@pytest.mark.parametrize("agreement", [None, OTHER_AGREEMENT, "AGR-2026-03", "NO-SUCH-1"])
def test_a_grant_to_a_stranger_is_refused_like_one_to_nobody(force: TaskForce, stranger: str, agreement: str) -> None:
    handle = force.contact(stranger).handle
    nobody = nobodys(agreement)
    for key in (None, its_key(force, stranger), DecryptionKey(bytes(96)).public):
        raw = letter(force, handle, agreement=agreement, key=key).to_bytes()
        assert told(answered(raw, admit), instead=handle) == nobody
    assert "undesignated-recipient" in repr(nobody)


def test_that_a_strangers_queue_is_full_is_not_told(force: TaskForce) -> None:
    handle = force.contact(FOREIGN).handle
    raw = letter(force, handle, key=its_key(force, FOREIGN)).to_bytes()
    assert told(answered(raw, admit, waiting={handle: 1 << 20})) == told(answered(raw, admit))


def test_a_stranger_among_ones_own_recipients_changes_nothing_for_them(force: TaskForce) -> None:
    message = screening()
    (known,) = message.recipients
    key = its_key(force, DESK)
    said = []
    for handle in (force.contact(FOREIGN).handle, NOBODY):
        other = replace(known, contact=known.contact.model_copy(update={"handle": handle}))
        changed = replace(message, recipients=(known, other))
        admitted = answered(force.compose(changed, sender=INSPECTORS, public=lambda _: key).to_bytes(), admit)
        assert [v.contact for v in admitted.views] == [known.contact.handle]
        said.append(told(admitted, instead=handle))
    assert said[0] == said[1]


def test_an_agreement_of_strangers_is_none_like_one_that_was_never_made(force: TaskForce) -> None:
    """Granted to somebody known, so that the rules are asked."""
    desk = force.contact(DESK).handle
    said = [
        told(answered(letter(force, desk, agreement=name).to_bytes(), admit))
        for name in (OTHER_AGREEMENT, "AGR-2026-03", "AGR-2026-04", "AGR-2026-05", "NO-SUCH-1")
    ]
    assert said == [said[0]] * 5
    assert Outcome.REFUSED in [outcome for _, outcome, _ in said[0][6]]  # type: ignore[attr-defined]


@pytest.mark.parametrize("genuine", [True, False], ids=["with-the-right-key", "forged"])
def test_a_message_in_a_strangers_name_is_refused_like_one_in_nobodys(force: TaskForce, genuine: bool) -> None:
    message = screening()
    own = force.keys(FOREIGN).signer if genuine else signer("forged", handle=force.contact(FOREIGN).handle)
    said = []
    for by in (own, signer("nobody")):
        changed = replace(message, header=replace(message.header, sender=ContactHandle(by.handle)))
        said.append(told(answered(force.compose(changed, sender=INSPECTORS, signer=by).to_bytes(), admit)))
    assert said[0] == said[1]
    assert said[0][1] == "undesignated-sender"


def test_a_strangers_genuine_message_handed_in_by_another_is_refused_like_nobodys(force: TaskForce) -> None:
    theirs = force.send("07-supplementary-report.json", PROSECUTOR).to_bytes()  # by the police, whom all know
    asker = force.agency(INSPECTORS)
    assert told(answered(theirs, admit))[1] == "replayed"
    prosecutors = force.agency(PROSECUTOR)
    part = force.world().of(prosecutors)
    assert told(admit(sealed().to_bytes(), prosecutors, part, force.now))[1] == "undesignated-sender"
    assert asker not in {a.handle for a in part.bundle.directory.agencies}


# Attestations and consents


def attached(*extra: Signed) -> bytes:
    return composing.attach(sealed(), list(extra)).to_bytes()


def test_a_strangers_attestation_is_refused_like_nobodys(force: TaskForce) -> None:
    envelope = force.compose(force.one("03-referral-adult.json", SHELTER))
    by_guard = next(a for a in envelope.attestations if a.tag == Tag.GUARD.value)
    guard, contact = force.guard("valea-police"), force.keys(FOREIGN).signer
    theirs = {
        Tag.GUARD: (guard, signer("x", KeyKind.GUARD, guard.handle), signer("x", KeyKind.GUARD, "gnobodyatall2")),
        Tag.RELEASE: (contact, signer("x", handle=contact.handle), signer("x")),
        Tag.CONSENT: (contact, signer("x", handle=contact.handle), signer("x")),
        Tag.CONSENT_COUNTER: (contact, signer("x", handle=contact.handle), signer("x")),
    }
    for tag, signers in theirs.items():
        said = [told(answered(attached(by.sign(tag, by_guard.body)), admit)) for by in signers]
        unsigned = [Signed(body=by_guard.body, by=h, signature=bytes(64), tag=tag) for h in (guard.handle, NOBODY)]
        said += [told(answered(attached(one), admit)) for one in unsigned]
        assert said == [said[0]] * 5, tag
        assert said[0][1] in ("unverified", "malformed")


def test_a_consent_that_a_stranger_collected_is_refused_like_one_that_nobody_did(force: TaskForce) -> None:
    """The guard's word too, made by the inspectorate's own guard."""
    referral = force.one("03-referral-adult.json", SHELTER)
    assert referral.consents
    consent = referral.consents[0].consent
    own = force.keys(INSPECTORS).signer
    for tag in (Tag.CONSENT, Tag.CONSENT_COUNTER):
        said = []
        for collector in (force.contact(FOREIGN).handle, force.contact(PROSECUTOR).handle, NOBODY):
            signed = own.sign(tag, replace(consent, collector=collector).to_bytes())
            said.append(told(answered(attached(signed), admit)))
        assert said == [said[0]] * 3


# Words of collection and about keys


def test_a_strangers_word_of_collection_is_refused_like_nobodys(force: TaskForce) -> None:
    def word(by: Signs, recipient: str) -> bytes:
        body = Retrieval(
            view_id=ViewId("0" * 32),
            view=bytes(32),
            manifest=bytes(32),
            message=MessageId(bytes.fromhex("0f0e0d0c0b0a4908870605040302aabb")),
            recipient=ContactHandle(recipient),
            at=force.now,
            checkpoint=None,
        ).to_bytes()
        return by.sign(Tag.RETRIEVAL, body).to_bytes()

    stranger = force.contact(FOREIGN).handle
    said = [
        told(answered(word(force.keys(FOREIGN).signer, stranger), retrieve)),
        told(answered(word(signer("forged", handle=stranger), stranger), retrieve)),
        told(answered(word(signer("nobody"), NOBODY), retrieve)),
    ]
    assert said == [said[0]] * 3 and said[0][1] == "undesignated-sender"
    own = force.keys(INSPECTORS).signer
    for_another = [told(answered(word(own, handle), retrieve)) for handle in (stranger, NOBODY)]
    assert for_another[0] == for_another[1]
    mine = answered(word(own, own.handle), retrieve)
    assert mine.retrieved == (own.handle, ViewId("0" * 32))


def test_a_strangers_word_about_its_keys_is_refused_like_nobodys(force: TaskForce) -> None:
    stranger = force.contact(FOREIGN)
    key = DecryptionKey(bytes(range(96)))

    def stated(by: Signs, counter: Signs | None = None) -> bytes:
        made = statements.make(by, key, 2, force.now, force.now + 20 * DAY)
        second = statements.countersign(counter, made) if counter else None
        return StatementSubmission(statement=Signed.from_bytes(made.signed), counter=second).to_bytes()

    def destroyed(by: Signs) -> bytes:
        return StatementSubmission(statement=statements.destroyed(by, 1, bytes(16), force.now)).to_bytes()

    theirs, nobody = force.keys(FOREIGN).signer, signer("nobody")
    forged = signer("forged", handle=stranger.handle)
    for what in (stated, destroyed):
        said = [told(answered(what(by), statement)) for by in (theirs, forged, nobody)]
        assert said == [said[0]] * 3 and said[0][1] == "undesignated-sender"
    own = force.keys(INSPECTORS).signer
    countersigned = [told(answered(stated(own, by), statement)) for by in (theirs, forged, nobody)]
    assert countersigned == [countersigned[0]] * 3 and countersigned[0][1] == "unverified"
    assert told(answered(stated(own, force.keys(REVIEWER).signer), statement))[1] is None  # a colleague's counts


def test_a_key_that_a_stranger_stated_since_the_bundle_tells_nothing(force: TaskForce) -> None:
    stranger = force.contact(FOREIGN)
    key = DecryptionKey(bytes(range(96)))
    new = statements.make(force.keys(FOREIGN).signer, key, 2, force.now, force.now + 20 * DAY)
    raw = letter(force, stranger.handle, key=key.public).to_bytes()
    assert answered(raw, admit, stated={stranger.handle: (new,)}) == answered(raw, admit)
