"""What a consent covers, one term at a time."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.attestations import Consent, ConsentForm, ConsentPurpose, ConsentRoute
from messages.labels import Flag, PartyClass, Purpose, Role
from messages.limits import CONSENT_LIFETIME, DAY, MINUTE
from policies.consent import PURPOSES, chosen, covers, fits, flaws, purposes_of
from tests.policies.world import AGENCIES, CONSENT, CONSENT_ID, LATER, NOW


def covered(consent: Consent = CONSENT, **changes: Any) -> bool:
    given: dict[str, Any] = {
        "data_type": "A24",
        "flags": {Flag.DIRECT, Flag.QUASI},
        "purpose": Purpose.PROTECT_VICTIM,
        "recipient": AGENCIES["shelter"],
        "to_person": True,
        "created": NOW,
        "admitted": LATER,
    }
    return covers(consent, **{**given, **changes})


def test_it_covers_what_it_names() -> None:
    assert covered()
    assert covered(flags={Flag.DIRECT, Flag.LOCATION})
    assert covered(flags={Flag.QUASI}) and covered(flags=()), "pseudonymous facts need no item"


@pytest.mark.parametrize(
    "changes",
    [
        {"data_type": "A02"},
        {"data_type": "A22"},
        {"flags": {Flag.DIRECT, Flag.SENSITIVE}},
        {"purpose": Purpose.INVESTIGATE},
        {"purpose": Purpose.STATISTICS},
        {"recipient": AGENCIES["police"]},
        {"created": CONSENT.given - 1},
        {"admitted": CONSENT.expires},
        {"withdrawn": {CONSENT_ID}},
    ],
)
def test_it_covers_nothing_else(changes: dict[str, Any]) -> None:
    assert not covered(**changes)


def test_it_must_hold_at_creation_and_at_admission_whichever_clock_is_ahead() -> None:
    assert covered(created=CONSENT.given, admitted=CONSENT.given)
    assert covered(created=CONSENT.expires - 1, admitted=CONSENT.expires - 1)
    assert covered(created=LATER + MINUTE)
    assert not covered(created=CONSENT.expires, admitted=LATER)
    assert not covered(created=NOW, admitted=CONSENT.given - 1)


def test_a_class_may_be_named_instead_of_an_agency() -> None:
    anyone = replace(CONSENT, recipient=None, party_class=PartyClass.NGO_S)
    assert covered(anyone) and not covered(anyone, recipient=AGENCIES["police"])
    assert not covered(replace(CONSENT, recipient=None))


@pytest.mark.parametrize(
    ("purpose", "allowed"),
    [
        (ConsentPurpose.SERVICES, {Purpose.PROTECT_VICTIM}),
        (ConsentPurpose.TRACING, {Purpose.TRACE_PERSON}),
        (ConsentPurpose.INVESTIGATION, {Purpose.INVESTIGATE}),
        (ConsentPurpose.PROSECUTION, {Purpose.PROSECUTE}),
        (ConsentPurpose.STATISTICS, set()),
        (ConsentPurpose.RESEARCH, set()),
    ],
)
def test_each_purpose_is_its_own_and_statistics_never_cover_identity(
    purpose: ConsentPurpose, allowed: set[Purpose]
) -> None:
    assert purposes_of(replace(CONSENT, purposes=(purpose,))) == allowed
    assert set(PURPOSES) == set(ConsentPurpose)


@pytest.mark.parametrize("route", [ConsentRoute.CHILD, ConsentRoute.VITAL_INTEREST])
def test_the_routes_without_consent_protect_and_never_expose(route: ConsentRoute) -> None:
    everything = replace(
        CONSENT, route=route, purposes=tuple(ConsentPurpose), given=NOW - DAY // 2, expires=NOW + DAY // 2
    )
    assert purposes_of(everything) == {Purpose.PROTECT_VICTIM, Purpose.TRACE_PERSON}
    assert covered(everything) and not covered(everything, purpose=Purpose.PROSECUTE)


def test_the_anonymous_route_covers_no_identity() -> None:
    anonymous = replace(CONSENT, route=ConsentRoute.ANONYMOUS, purposes=tuple(ConsentPurpose))
    assert purposes_of(anonymous) == frozenset()
    assert not covered(anonymous)


def test_a_vital_interest_lasts_a_day_and_goes_to_a_person() -> None:
    vital = replace(CONSENT, route=ConsentRoute.VITAL_INTEREST, given=NOW, expires=NOW + DAY)
    assert covered(vital)
    assert not covered(vital, to_person=False)
    assert not covered(replace(vital, expires=NOW + DAY + 1))


def test_some_providers_accept_paper_only() -> None:
    spoken = replace(CONSENT, form=ConsentForm.VERBAL_WITNESSED)
    assert covered(spoken) and not covered(spoken, written_only=True) and covered(written_only=True)


@given(
    st.sets(st.sampled_from(Flag)),
    st.sets(st.sampled_from(Flag)),
    st.sampled_from(Purpose),
    st.sampled_from(ConsentRoute),
    st.sets(st.sampled_from(ConsentPurpose)),
)
def test_more_flags_or_fewer_items_never_help(
    asked: set[Flag], more: set[Flag], purpose: Purpose, route: ConsentRoute, purposes: set[ConsentPurpose]
) -> None:
    consent = replace(CONSENT, route=route, purposes=tuple(purposes))
    if not covered(consent, flags=asked, purpose=purpose):
        assert not covered(consent, flags=asked | more, purpose=purpose)
    assert not covered(replace(consent, items=()), flags=asked | {Flag.DIRECT}, purpose=purpose)


def test_no_consent_lasts_longer_than_a_year() -> None:
    year = replace(CONSENT, given=NOW - DAY, expires=NOW - DAY + CONSENT_LIFETIME)
    assert covered(year)
    assert not covered(replace(year, expires=year.expires + 1))


DIRECT = {Flag.DIRECT, Flag.QUASI}
ADULT, CHILD = {Role.PRESUMED_VICTIM}, {Role.PRESUMED_VICTIM, Role.CHILD}


@pytest.mark.parametrize(
    ("route", "flags", "roles", "expected"),
    [
        (ConsentRoute.CONSENT, DIRECT, ADULT, True),
        (ConsentRoute.CONSENT, {Flag.QUASI}, ADULT, True),
        (ConsentRoute.CHILD, DIRECT, CHILD, True),
        (ConsentRoute.CHILD, DIRECT, ADULT, False),
        (ConsentRoute.CHILD, {Flag.QUASI}, ADULT, False),
        (ConsentRoute.VITAL_INTEREST, DIRECT, ADULT, True),
        (ConsentRoute.VITAL_INTEREST, {Flag.QUASI}, ADULT, False),
        (ConsentRoute.VITAL_INTEREST, {Flag.SENSITIVE}, ADULT, False),
        (ConsentRoute.ANONYMOUS, DIRECT, ADULT, False),
        (ConsentRoute.ANONYMOUS, {Flag.QUASI}, ADULT, True),
    ],
)
def test_each_route_fits_what_it_is_for(
    route: ConsentRoute, flags: set[Flag], roles: set[Role], expected: bool
) -> None:
    assert fits(replace(CONSENT, route=route), "A24", flags, roles) is expected


def test_of_several_consents_the_first_that_covers_is_chosen_and_one_is_named_also_for_what_needs_none() -> None:
    narrow = replace(CONSENT, id=b"n" * 16, items=(("A22", (Flag.DIRECT,)),))
    child = replace(CONSENT, id=b"c" * 16, route=ConsentRoute.CHILD)
    assert chosen([narrow, CONSENT], "A24", DIRECT, ADULT) is CONSENT
    assert chosen([narrow, CONSENT], "A22", DIRECT, ADULT) is narrow
    assert chosen([narrow, CONSENT], "A02", {Flag.QUASI}, ADULT) is narrow, "a withdrawal finds it by this"
    assert chosen([child, narrow], "A24", DIRECT, ADULT) is narrow
    assert chosen([child], "A24", DIRECT, ADULT) is None
    assert chosen([], "A24", DIRECT, ADULT) is None


@given(st.permutations([CONSENT, replace(CONSENT, id=b"n" * 16, items=())]), st.sets(st.sampled_from(Flag)))
def test_the_order_of_a_person_s_consents_never_hides_the_one_that_covers(
    order: list[Consent], flags: set[Flag]
) -> None:
    found = chosen(order, "A24", flags, ADULT)
    assert found is not None
    if covered(CONSENT, flags=flags):
        assert covered(found, flags=flags)


def test_terms_that_somebody_wants_to_sign_are_told_what_is_wrong_with_them() -> None:
    assert flaws(CONSENT) == []
    for changes, says in (
        ({"purposes": ()}, "purpose"),
        ({"expires": CONSENT.given}, "ends after"),
        ({"expires": CONSENT.given + CONSENT_LIFETIME + 1}, "a year"),
        ({"route": ConsentRoute.VITAL_INTEREST, "expires": CONSENT.given + DAY + 1}, "a day"),
        ({"route": ConsentRoute.ANONYMOUS}, "R-26"),
        ({"route": ConsentRoute.CHILD, "purposes": (ConsentPurpose.PROSECUTION,)}, "protection"),
        (
            {"route": ConsentRoute.VITAL_INTEREST, "expires": CONSENT.given + DAY, "recipient": None,
             "party_class": PartyClass.NGO_S},
            "one agency",
        ),
    ):  # fmt: skip
        (one,) = flaws(replace(CONSENT, **changes))
        assert says in one
