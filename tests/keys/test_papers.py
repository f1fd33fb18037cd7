"""Acceptances and permissions: who may sign them, beside whose message they stand, and whom they are for."""

from dataclasses import replace
from typing import Any

import pytest

from keys.domains import Tag
from keys.verifying import Attested, check_attestations
from messages.directory import Contact, Directory
from messages.errors import Unverified
from messages.ids import AgencyHandle, ContactHandle
from messages.labels import Duty, PartyClass
from messages.limits import DAY
from messages.signed import Signed
from tests.keys import world

PARTS = world.make_parts()
ENVELOPE = world.make_envelope(PARTS)
HASH = world.verify_envelope(ENVELOPE, world.sender(), world.T0).manifest_digest
STRANGER = ContactHandle("cstranger2345")


def contact(handle: str) -> Contact:
    found = world.directory().contact(handle)
    assert found is not None
    return found


def checked(
    *papers: Signed, sender: str = world.DESK, directory: Directory | None = None, vouched: bool = False
) -> Attested:
    manifest = replace(ENVELOPE.manifest, sender=sender)
    known = directory or world.directory()
    return check_attestations(papers, known, contact(sender), manifest, HASH, world.T0, vouched=vouched)


def refused(*papers: Signed, **given: Any) -> None:
    with pytest.raises(Unverified):
        checked(*papers, **given)


def acceptance(by: str = world.REFUGE, **changed: Any) -> Signed:
    return world.signer(by).sign(Tag.ACCEPTANCE, world.acceptance(HASH, **{"recipient": by} | changed).to_bytes())


def permission(by: str = world.PROSECUTOR, **changed: Any) -> Signed:
    return world.signer(by).sign(Tag.PERMISSION, world.permission(**{"originator": by} | changed).to_bytes())


def without(handle: str) -> Directory:
    """A directory, such as an extract, that does not tell of somebody's agency."""
    known = world.directory()
    gone = contact(handle).agency
    return Directory(
        agencies=tuple(a for a in known.agencies if a.handle != gone),
        contacts=tuple(c for c in known.contacts if c.agency != gone),
        operator=known.operator,
    )


def test_a_providers_decision_stands_beside_its_own_message_and_is_for_the_referrer() -> None:
    attested = checked(acceptance(), sender=world.REFUGE)
    assert attested.agencies() == {world.POLICE}
    assert attested.concerns(acceptance(), world.DESK, world.POLICE)
    assert not attested.concerns(acceptance(), world.PROSECUTOR, world.COURT)


def test_later_it_stands_beside_the_referrers_message_and_is_for_the_provider() -> None:
    attested = checked(acceptance())
    assert attested.agencies() == {world.SHELTER}
    assert attested.concerns(acceptance(), world.REFUGE, world.SHELTER)
    assert not attested.concerns(acceptance(), world.PROSECUTOR, world.COURT)


def test_an_acceptance_about_others_or_by_another_does_not_count() -> None:
    refused(acceptance(referrer=world.COURT))  # another agency's referral, beside the police's message
    refused(acceptance(referrer=world.COURT), sender=world.PROSECUTOR, directory=without(world.REFUGE))
    refused(acceptance(by=world.DESK, referrer=world.POLICE))  # the police accept their own referral
    refused(acceptance(by=world.PROSECUTOR, recipient=world.REFUGE))
    refused(replace(acceptance(by=world.PROSECUTOR, recipient=world.REFUGE), by=world.REFUGE))
    refused(acceptance(by=world.LAPSED))


def test_an_originators_permission_stands_beside_its_own_answer_and_is_for_the_grantee() -> None:
    attested = checked(permission(), sender=world.PROSECUTOR)
    assert attested.agencies() == {world.POLICE}
    assert attested.concerns(permission(), world.DESK, world.POLICE)
    assert not attested.concerns(permission(), world.REFUGE, world.SHELTER)


def test_later_it_stands_beside_what_is_passed_on_and_is_for_its_recipient() -> None:
    attested = checked(permission())
    assert attested.agencies() == {world.SHELTER}
    assert attested.concerns(permission(), world.REFUGE, world.SHELTER)
    assert not attested.concerns(permission(), world.PROSECUTOR, world.COURT)
    ((_, agency, party),) = attested.permissions
    assert (agency, party) == (world.COURT, PartyClass.PRO)


def test_a_permission_to_others_or_without_the_duty_does_not_count() -> None:
    refused(permission(grantee=world.SHELTER))
    refused(permission(by=world.DESK, originator=world.DESK))  # the police permit themselves
    refused(permission(by=world.CHIEF, originator=world.CHIEF))
    refused(permission(by=world.PROSECUTOR, originator=world.REFUGE))
    refused(permission(by=world.REFUGE))  # whose mandate does not name the duty
    assert Duty.RELEASE not in contact(world.REFUGE).mandates[0].duties


def test_an_originator_whom_we_do_not_know_counts_only_where_the_broker_has_checked_it() -> None:
    extract = without(world.PROSECUTOR)
    refused(permission(), directory=extract)
    attested = checked(permission(), directory=extract, vouched=True)
    assert [p for p, _, _ in attested.permissions] == list(attested.vouched) == [world.permission()]
    assert attested.agencies() == {world.SHELTER}
    refused(permission(grantee=world.SHELTER), directory=extract, vouched=True)
    refused(permission(by=world.PROSECUTOR, originator=STRANGER), directory=extract, vouched=True)


def test_where_we_know_the_originator_the_brokers_word_is_not_enough() -> None:
    forged = replace(permission(), signature=bytes(64))
    refused(forged, vouched=True)
    refused(permission(by=world.REFUGE), vouched=True)
    assert checked(permission(), vouched=True).vouched == ()


def test_a_decision_beside_a_providers_own_message_lets_nothing_pass() -> None:
    papers = checked(acceptance(), permission(by=world.PROSECUTOR)).papers()
    assert papers.acceptances and papers.permissions
    own = checked(acceptance(), sender=world.REFUGE)
    ((said, by),) = own.papers().acceptances
    assert by == world.SHELTER == contact(world.REFUGE).agency and said.referrer != by


def test_the_days_of_the_world_are_as_these_tests_need_them() -> None:
    assert world.permission().expires == world.T0 + DAY and isinstance(world.SHELTER, str)
    assert AgencyHandle(world.POLICE) == contact(world.DESK).agency
