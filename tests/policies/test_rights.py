"""The table of rights: whole, with sources, and closed to those who may never be in it."""

from importlib.resources import files
from itertools import product

import pytest

from messages.labels import PartyClass
from policies import rights
from policies.agreements import TYPE_IDS
from policies.rights import Right

TEXT = files("policies").joinpath("rights.yaml").read_text(encoding="utf-8")
RIGHTS = rights.load()


def test_every_type_and_the_cover_has_a_source() -> None:
    assert set(RIGHTS.sources) == {*TYPE_IDS, "cover"}
    assert all(len(source) > 5 for source in RIGHTS.sources.values())


def test_labour_border_policy_bodies_and_rapporteurs_hold_no_identity_of_any_type() -> None:
    for data_type, party in product(RIGHTS.sources, (PartyClass.LAB, PartyClass.BOR, PartyClass.NGO_P, PartyClass.RAP)):
        assert RIGHTS.right(data_type, party) is Right.NEVER


def test_abroad_is_by_release_and_providers_are_by_consent_wherever_they_stand() -> None:
    for (_, party), right in RIGHTS.table.items():
        assert (right is Right.RELEASE) == (party in (PartyClass.FOR, PartyClass.IOL))
        assert (right is Right.CONSENT) == (party is PartyClass.NGO_S)


def test_a_victim_s_profile_is_for_police_prosecution_and_social_services() -> None:
    assert {c for c in PartyClass if RIGHTS.right("A02", c) is Right.RIGHT} == {
        PartyClass.POL,
        PartyClass.PRO,
        PartyClass.SOC,
    }


def test_what_the_table_does_not_know_is_never() -> None:
    assert RIGHTS.right("A99", PartyClass.POL) is Right.NEVER


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("A28:", "A29:"),
        ("{POL: right, PRO: right, SOC: right", "{POL: right, RAP: right, SOC: right"),
        ("{POL: right, PRO: right, SOC: right", "{POL: right, PRO: maybe, SOC: right"),
        ("{POL: right, PRO: right, SOC: right", "{POL: right, PRO: never, SOC: right"),
        ("{POL: right, PRO: right, SOC: right", "{POL: right, PRESS: right, SOC: right"),
        ("A02:\n  source", "A02:\n  sauce"),
    ],
)
def test_a_fault_in_the_table_stops_it_from_loading(old: str, new: str) -> None:
    assert old in TEXT
    with pytest.raises(ValueError):
        rights.parse(TEXT.replace(old, new, 1))
