"""The five axes: their orders, and mappings that may lose precision but never gain trust."""

from itertools import product

import pytest

from messages.labels import (
    ADMIRALTY_TO_4X4,
    FOUR_TO_ADMIRALTY,
    PROTECTED,
    HCode,
    InformationGrade,
    Lane,
    Pap,
    Role,
    SourceGrade,
    Tlp,
    Urgency,
    _Ordered,
)
from messages.limits import DAY, HOUR

ORDERS: dict[type[_Ordered], list[str]] = {
    Tlp: ["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"],
    HCode: ["H0", "H1", "H2", "H3"],
    Pap: ["CLEAR", "GREEN", "AMBER", "RED"],
    SourceGrade: ["A", "B", "C", "X"],
    InformationGrade: ["1", "2", "3", "4"],
}


@pytest.mark.parametrize("axis", ORDERS, ids=lambda a: a.__name__)
def test_members_stand_from_the_least_to_the_most_restrictive(axis: type[_Ordered]) -> None:
    assert [m.value for m in axis] == ORDERS[axis]
    assert [m.rank for m in axis] == list(range(len(axis)))


@pytest.mark.parametrize("axis", ORDERS, ids=lambda a: a.__name__)
def test_a_ceiling_admits_itself_and_whatever_is_less_and_nothing_more(axis: type[_Ordered]) -> None:
    for ceiling, label in product(axis, axis):
        less = ORDERS[axis].index(label.value) <= ORDERS[axis].index(ceiling.value)
        assert ceiling.covers(label) is less


def test_the_order_is_not_the_alphabets() -> None:
    assert not Tlp.AMBER.covers(Tlp.AMBER_STRICT)
    assert Tlp.RED.covers(Tlp.CLEAR)
    assert not Tlp.CLEAR.covers(Tlp.AMBER)


def test_every_grade_of_either_scale_has_a_place_in_the_other() -> None:
    sources, information = ADMIRALTY_TO_4X4
    assert set(sources) == set("ABCDEF")
    assert set(information) == set("123456")
    back_sources, back_information = FOUR_TO_ADMIRALTY
    assert set(back_sources) == set(SourceGrade)
    assert set(back_information) == set(InformationGrade)


def test_from_4x4_to_admiralty_and_back_never_upgrades() -> None:
    for grade in SourceGrade:
        assert ADMIRALTY_TO_4X4[0][FOUR_TO_ADMIRALTY[0][grade]].rank >= grade.rank
    for info in InformationGrade:
        assert ADMIRALTY_TO_4X4[1][FOUR_TO_ADMIRALTY[1][info]].rank >= info.rank


def test_from_admiralty_to_4x4_and_back_never_upgrades() -> None:
    for letter, grade in ADMIRALTY_TO_4X4[0].items():
        assert (
            FOUR_TO_ADMIRALTY[0][grade] >= letter
        )  # letters and digits of the Admiralty scale rise from best to worst
    for digit, info in ADMIRALTY_TO_4X4[1].items():
        assert FOUR_TO_ADMIRALTY[1][info] >= digit


def test_a_worse_grade_never_maps_to_a_better_one() -> None:
    for mapping in ADMIRALTY_TO_4X4:
        ranks = [mapping[k].rank for k in sorted(mapping)]
        assert ranks == sorted(ranks)
    for back, axis in zip(FOUR_TO_ADMIRALTY, (SourceGrade, InformationGrade), strict=True):
        values = [back[m] for m in axis]  # type: ignore[index]
        assert values == sorted(values)


def test_what_cannot_be_judged_stays_unjudged() -> None:
    assert ADMIRALTY_TO_4X4[0]["F"] is SourceGrade.X
    assert FOUR_TO_ADMIRALTY[0][SourceGrade.X] == "F"
    assert ADMIRALTY_TO_4X4[1]["6"] is InformationGrade.FOUR
    assert FOUR_TO_ADMIRALTY[1][InformationGrade.FOUR] == "6"


@pytest.mark.parametrize(
    ("urgency", "limit", "lane"),
    [
        (Urgency.ISD_URGENT_DIRECT, 8 * HOUR, Lane.URGENT),
        (Urgency.ISD_URGENT_INDIRECT, 3 * DAY, Lane.NORMAL),
        (Urgency.ISD_NORMAL, 7 * DAY, Lane.NORMAL),
        (Urgency.SFI_8H, 8 * HOUR, Lane.URGENT),
        (Urgency.SFI_1W, 7 * DAY, Lane.NORMAL),
        (Urgency.SFI_14D, 14 * DAY, Lane.NORMAL),
        (Urgency.SIRENE_12H, 12 * HOUR, Lane.URGENT),
        (Urgency.EIO_ACK, 7 * DAY, Lane.NORMAL),
        (Urgency.EIO_RECOGNISE, 30 * DAY, Lane.NORMAL),
        (Urgency.EIO_EXECUTE, 90 * DAY, Lane.NORMAL),
        (Urgency.EPOC, 10 * DAY, Lane.NORMAL),
        (Urgency.EPOC_EMERGENCY, 8 * HOUR, Lane.URGENT),
        (Urgency.EPOC_PR, 60 * DAY, Lane.NORMAL),
        (Urgency.FREEZE_URGENT, 2 * DAY, Lane.NORMAL),
        (Urgency.CONFISCATE, 45 * DAY, Lane.NORMAL),
        (Urgency.EAW, 10 * DAY, Lane.NORMAL),
        (Urgency.ARO, 7 * DAY, Lane.NORMAL),
        (Urgency.PRUM_CORE, 2 * DAY, Lane.NORMAL),
        (Urgency.REF_EMERGENCY, DAY, Lane.URGENT),
        (Urgency.REF_URGENT, 3 * DAY, Lane.NORMAL),
        (Urgency.REF_NORMAL, 14 * DAY, Lane.NORMAL),
        (Urgency.NRM_RG, 5 * DAY, Lane.NORMAL),
        (Urgency.RECOVERY, 30 * DAY, Lane.NORMAL),
        (Urgency.NONE, None, Lane.NORMAL),
    ],
)
def test_urgent_is_what_must_be_answered_within_a_day(urgency: Urgency, limit: int | None, lane: Lane) -> None:
    assert (urgency.limit, urgency.lane) == (limit, lane)


def test_every_urgency_has_a_clock_or_says_that_it_has_none() -> None:
    assert {u for u in Urgency if u.limit is None} == {Urgency.NONE}


def test_whoever_could_be_a_victim_is_protected_and_the_unknown_too() -> None:
    open_roles = {"suspect", "convicted", "contact", "associate", "person-of-interest", "third-party"}
    assert {r.value for r in Role if not r.protected} == open_roles
    assert Role.UNKNOWN in PROTECTED
    assert Role.CHILD in PROTECTED
