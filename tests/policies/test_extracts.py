"""Of whom an extract tells: the parties of one's own agreements, and nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.directory import Agency
from messages.errors import BadInput
from messages.ids import AgencyHandle
from messages.labels import PartyClass
from policies.extracts import shares
from tests.policies.test_agreements import TEXT

NAMES = ("harbour-police", "port-prosecutor", "refuge", "quiet-agency")
HANDLES = {name: AgencyHandle("a" + name[0] * 12) for name in NAMES}
AGENCIES = {
    handle: Agency(handle=handle, name=name, title=name, party_class=PartyClass.POL, country="PL", nkey=name)
    for name, handle in HANDLES.items()
}
PAIRS = [(a, b) for a in NAMES for b in NAMES if a < b]


def agreement(one: str, other: str, until: str = "2027-12-31") -> str:
    text = TEXT.replace("harbour-police", "\0").replace("port-prosecutor", other).replace("\0", one)
    return text.replace("AG-2026-01", f"{one}.{other}").replace("2027-12-31", until)


@given(st.sets(st.sampled_from(PAIRS)))
def test_two_agencies_see_each_other_if_and_only_if_they_are_parties_of_one_agreement(
    pairs: set[tuple[str, str]],
) -> None:
    found = shares(AGENCIES, {f"{a}.{b}.yaml": agreement(a, b) for a, b in sorted(pairs)})
    assert set(found) == set(AGENCIES)
    for one in NAMES:
        seen, held = found[HANDLES[one]]
        assert seen == {HANDLES[one]} | {HANDLES[o] for o in NAMES if tuple(sorted((one, o))) in pairs}
        assert held == {f"{a}.{b}.yaml" for a, b in pairs if one in (a, b)}


def test_without_an_agreement_an_agency_sees_itself_alone() -> None:
    assert shares(AGENCIES, {})[HANDLES["refuge"]] == ({HANDLES["refuge"]}, frozenset())


def test_an_agreement_that_ended_still_counts() -> None:
    found = shares(AGENCIES, {"old.yaml": agreement("harbour-police", "refuge", "2026-01-02")})
    assert HANDLES["refuge"] in found[HANDLES["harbour-police"]][0]


def test_an_agreement_with_a_stranger_is_refused() -> None:
    with pytest.raises(BadInput, match=r"new\.yaml: nobody-known is no agency"):
        shares(AGENCIES, {"new.yaml": agreement("harbour-police", "nobody-known")})
