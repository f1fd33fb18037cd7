"""An attestation counts if the directory names its signer for that duty, and it is about this very message."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from keys.domains import Tag
from keys.verifying import Attested, check_attestations
from messages.attestations import Consent
from messages.directory import Contact, Directory
from messages.errors import Malformed, RemoteError, Unverified
from messages.limits import DAY
from messages.signed import Signed
from tests.keys import world
from tests.support.tampering import flipped

PARTS = world.make_parts()
ENVELOPE = world.make_envelope(PARTS)
VERIFIED = world.verify_envelope(ENVELOPE, world.sender(), world.T0)
HASH = VERIFIED.manifest_digest
OTHER_MESSAGE = bytes.fromhex("0f0e0d0c0b0a4908870605040302aabc")


def checked(
    *attestations: Signed, created: int = world.T0, directory: Directory | None = None, at: int = world.T0
) -> Attested:
    manifest = replace(ENVELOPE.manifest, created=created, expires=created + DAY)
    return check_attestations(attestations, directory or world.directory(), world.sender(), manifest, HASH, at)


def refused(*attestations: Signed, **given: Any) -> None:
    with pytest.raises(Unverified):
        checked(*attestations, **given)


def guard(by: str = world.GUARD, **changed: Any) -> Signed:
    return world.signer(by).sign(Tag.GUARD, world.guard_attestation(PARTS, **changed).to_bytes())


def release(by: str = world.CHIEF, manifest: bytes = HASH, **changed: Any) -> Signed:
    return world.signer(by).sign(Tag.RELEASE, world.release(manifest, **changed).to_bytes())


def consent(by: str = world.DESK, **changed: Any) -> Signed:
    return world.signer(by).sign(Tag.CONSENT, world.consent(**{"collector": by} | changed).to_bytes())


def counter(by: str = world.CHIEF, **changed: Any) -> Signed:
    return world.signer(by).sign(Tag.CONSENT_COUNTER, world.consent(**changed).to_bytes())


def with_contacts(*contacts: Contact) -> Directory:
    """A directory made anew: a copy would keep the look-up tables of the old one."""
    known = world.directory()
    return Directory(agencies=known.agencies, contacts=contacts, operator=known.operator)


def test_what_the_right_people_signed_is_taken() -> None:
    attested = checked(guard(), release(), consent(), counter())
    assert set(attested.guards) == set(attested.releases) == {world.REFUGE}
    assert set(attested.consents) == attested.countersigned == {world.consent().id}


def test_nothing_attested_is_nothing() -> None:
    assert checked() == Attested(sender=world.POLICE)


# --- the guard ------------------------------------------------------------------------------------------------------


def test_the_guard_of_another_agency_does_not_count() -> None:
    refused(guard(world.COURT_GUARD))


def test_a_stranger_under_the_guards_handle_does_not_count() -> None:
    refused(replace(guard(world.COURT_GUARD), by=world.GUARD))


@pytest.mark.parametrize("created", [world.T0 + 30 * DAY, world.T0 - 30 * DAY - 1])
def test_a_guard_outside_its_dates_does_not_count(created: int) -> None:
    refused(guard(), created=created)


@pytest.mark.parametrize("created", [world.T0 + 30 * DAY - 1, world.T0 - 30 * DAY])
def test_a_guard_counts_to_the_edges_of_its_dates(created: int) -> None:
    assert checked(guard(), created=created).guards


@pytest.mark.parametrize("changed", [{"message": OTHER_MESSAGE}, {"sender": world.CHIEF}])
def test_a_guards_word_about_another_message_or_sender_does_not_count(changed: dict[str, Any]) -> None:
    refused(guard(**changed))


def test_a_guard_gives_its_word_once_for_each_recipient() -> None:
    refused(guard(), guard(identities=0))
    assert len(checked(guard(), guard(recipient=world.PROSECUTOR)).guards) == 2


def test_a_contact_cannot_stand_in_for_the_guard() -> None:
    body = world.guard_attestation(PARTS).to_bytes()
    forged = world.signer(world.DESK).sign(Tag.MANIFEST, body)
    refused(replace(forged, tag=Tag.GUARD.value))
    refused(replace(forged, tag=Tag.GUARD.value, by=world.GUARD))


def test_the_guards_findings_hold_for_the_very_bytes_it_saw_and_no_others() -> None:
    attested = checked(guard())
    detail, grant = PARTS.facts.detail, PARTS.to_refuge.detail
    found = attested.section(world.REFUGE, detail, grant)
    assert found is not None
    assert found.commitment == detail.commitment
    for other in (replace(detail, digest=bytes(32)), replace(detail, commitment=bytes(32)), PARTS.identity.detail):
        assert attested.section(world.REFUGE, other, grant) is None
    assert attested.section(world.REFUGE, detail, replace(grant, digest=bytes(32))) is None
    assert attested.section(world.PROSECUTOR, detail, grant) is None


# --- releases -------------------------------------------------------------------------------------------------------


def test_the_signer_cannot_release_its_own_message() -> None:
    refused(release(world.DESK))
    known = world.directory()
    both = known.contacts[0].model_copy(update={"mandates": known.contacts[1].mandates})
    refused(release(world.DESK), directory=with_contacts(both, *known.contacts[1:]))


def test_a_contact_without_the_duty_cannot_release() -> None:
    known = world.directory()
    chief = known.contacts[1].model_copy(update={"mandates": (world.mandate(),)})
    others = (known.contacts[0], chief, *known.contacts[2:])
    refused(release(), directory=with_contacts(*others))


@pytest.mark.parametrize("by", [world.LAPSED, world.PROSECUTOR, world.REFUGE])
def test_a_lapsed_contact_or_one_of_another_agency_cannot_release(by: str) -> None:
    refused(release(by))


def test_whoever_may_release_in_another_agency_may_not_release_here() -> None:
    known = world.directory()
    foreign = known.contacts[3].model_copy(update={"mandates": known.contacts[1].mandates})
    assert foreign.handle == world.PROSECUTOR
    directory = with_contacts(*known.contacts[:3], foreign, *known.contacts[4:])
    refused(release(world.PROSECUTOR), directory=directory)


@pytest.mark.parametrize("changed", [{"manifest": bytes(32)}, {"message": OTHER_MESSAGE}])
def test_a_release_of_another_manifest_or_message_does_not_count(changed: dict[str, Any]) -> None:
    refused(release(**changed))


def test_a_release_that_somebody_else_signed_does_not_count() -> None:
    refused(replace(release(world.DESK), by=world.CHIEF))


# --- consents -------------------------------------------------------------------------------------------------------


def test_a_countersignature_by_the_collector_itself_is_none() -> None:
    assert checked(consent(), counter(world.DESK)).countersigned == frozenset()


def test_the_order_of_papers_changes_nothing() -> None:
    papers = [consent(), counter(world.DESK), counter(world.CHIEF)]
    found = {checked(*order).countersigned for order in permutations(papers)}
    assert found == {frozenset({world.consent().id})}


def test_a_countersignature_of_other_terms_is_none() -> None:
    assert checked(consent(), counter(language="pl")).countersigned == frozenset()


def test_a_countersignature_is_not_a_consent_nor_a_consent_a_countersignature() -> None:
    refused(replace(counter(world.DESK), tag=Tag.CONSENT.value))
    refused(consent(), replace(consent(world.CHIEF, collector=world.DESK), tag=Tag.CONSENT_COUNTER.value))


@pytest.mark.parametrize("by", [world.LAPSED, world.GUARD, "czzzzzzzzzzzz"])
def test_a_consent_or_countersignature_by_nobody_designated_does_not_count(by: str) -> None:
    key = world.signer(world.LAPSED)
    body = world.consent(collector=world.LAPSED).to_bytes()
    for tag in (Tag.CONSENT, Tag.CONSENT_COUNTER):
        refused(replace(key.sign(tag, body), by=by))


def test_a_consent_that_stands_twice_is_refused() -> None:
    refused(consent(), consent())


@pytest.mark.parametrize("changed", [{"expires": world.T0 + 80 * world.DAY}, {"items": ()}, {"language": "en"}])
def test_other_terms_under_the_id_of_a_consent_are_refused(changed: dict[str, Any]) -> None:
    """Else a sender could widen the terms that the guard's attestation refers to by id."""
    refused(consent(id=world.consent().id, **changed))


def test_a_consent_names_as_collector_whoever_signed_it() -> None:
    with pytest.raises(RemoteError):
        checked(consent(world.CHIEF, collector=world.DESK))


@pytest.mark.parametrize("changed", [{"recipient": None}, {"party_class": world.PartyClass.SOC}])
def test_a_consent_is_for_one_agency_or_one_class(changed: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        Consent.from_bytes(world.consent(**changed).to_bytes())
    classwide = world.consent(recipient=None, party_class=world.PartyClass.NGO_S)
    assert Consent.from_bytes(classwide.to_bytes()) == classwide


# --- anything else --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tag", [t.value for t in Tag if t not in (Tag.GUARD, Tag.RELEASE, Tag.CONSENT, Tag.CONSENT_COUNTER)]
)
def test_a_paper_of_any_other_kind_beside_the_manifest_is_refused(tag: str) -> None:
    refused(replace(release(), tag=tag))


@pytest.mark.parametrize("tag", ["", "guard", "Guard-Attestation", "release-attestation ", "consent\0", "разрешение"])
def test_a_tag_nobody_knows_is_refused(tag: str) -> None:
    refused(replace(release(), tag=tag))


@pytest.mark.parametrize(
    "paper", [guard(), release(), consent(), counter()], ids=["guard", "release", "consent", "counter"]
)
def test_an_altered_paper_spoils_the_message(paper: Signed) -> None:
    refused(replace(paper, signature=bytes(64)))
    for at in range(0, len(paper.body), 5):
        refused(replace(paper, body=flipped(paper.body, at)))
