"""What a message has to bring along is found whole: enough, minimal, and from the facts that `gather` finds itself."""

import random
from dataclasses import replace
from itertools import combinations

import pytest

from messages.labels import Flag, Kind, Purpose, Role
from policies import edition
from policies.agreements import read
from policies.cases import BORNE, Case, Setting, facts_of
from policies.passage import MOST, PROBES, About, Frame, abouts, needs, passages
from policies.quick import compact
from policies.words import COMES_WITH
from tests.policies.test_rehearsal import ABROAD, SHELTER
from tests.policies.world import AGENCIES, CATALOGUE, DESKS, NOW

ENGINE = edition.installed().engine


def between(recipient: str, text: str) -> Setting:
    return Setting(
        sender=DESKS["police"], sender_agency=AGENCIES["police"], recipient=DESKS[recipient],
        recipient_agency=AGENCIES[recipient], agreement=read(text, "x"), catalogue=CATALOGUE, moment=NOW,
    )  # fmt: skip


ABROAD_SETTING, SHELTER_SETTING = between("counterpart", ABROAD), between("shelter", SHELTER)


def test_a_frame_finds_the_facts_that_are_gathered_whatever_is_brought_along() -> None:
    """Roles and flags are put in afterwards; everything else was asked of `gather` once."""
    chance = random.Random(11)
    for setting, data_type, kind in (
        (ABROAD_SETTING, "A01", Kind.INTEL_REPORT),
        (SHELTER_SETTING, "A22", Kind.VICTIM_REFERRAL),
        (SHELTER_SETTING, "A24", Kind.VICTIM_REFERRAL),
    ):
        frame = Frame(setting)
        for part in CATALOGUE.types[data_type].parts:
            for _ in range(60):
                roles = frozenset(chance.sample(list(Role), chance.randint(0, 2)))
                flags = frozenset(chance.sample(list(Flag), chance.randint(0, 2)))
                brings = frozenset(chance.sample(BORNE, chance.randint(0, 3)))
                case = Case(kind=kind, data_type=data_type, part=part, purpose=Purpose.PROTECT_VICTIM)
                asked = frame.about(case, roles, flags).with_(brings)
                whole = facts_of(replace(case, roles=roles, flags=flags, brings=brings), setting)
                assert asked == compact(whole), (part, roles, flags, brings)


@pytest.mark.parametrize("about", [a for a in About if a is not About.NOBODY], ids=lambda a: a.name)
def test_each_set_of_needs_is_enough_none_of_it_can_be_left_out_and_none_is_missing(about: About) -> None:
    roles, flags = PROBES[about]
    case = Case(kind=Kind.INTEL_REPORT, data_type="A01", part="report", purpose=Purpose.PROSECUTE)
    section = Frame(ABROAD_SETTING).about(case, roles, flags)
    found, _ = needs(section, ENGINE)

    def passes(brings: frozenset[str]) -> bool:
        whole = facts_of(replace(case, roles=roles, flags=flags, brings=brings), ABROAD_SETTING)
        return ENGINE.decide_afresh(whole).permitted

    assert found
    for way in found:
        assert passes(way)
        assert not any(passes(way - {name}) for name in way)
    for n in range(min(MOST, 2) + 1):
        for brings in map(frozenset, combinations(BORNE, n)):
            assert not passes(brings) or any(way <= brings | _implied(brings) for way in found), brings


def _implied(brings: frozenset[str]) -> frozenset[str]:
    return frozenset().union(*(COMES_WITH.get(name, frozenset()) for name in brings))


def test_what_is_about_nobody_is_tried_as_that_and_what_is_about_people_is_not() -> None:
    assert About.NOBODY in abouts(CATALOGUE, "A28") and About.NOBODY not in abouts(CATALOGUE, "A02")


def test_every_part_kind_and_purpose_of_an_exchange_is_told() -> None:
    agreement = SHELTER_SETTING.agreement
    assert agreement is not None
    (exchange,) = agreement.exchanges("police", "shelter")
    found = list(passages(SHELTER_SETTING, exchange, "A24", ENGINE))
    assert {p.part for p in found} >= set(CATALOGUE.types["A24"].parts)
    assert {(p.kind, p.purpose) for p in found} == {(Kind.VICTIM_REFERRAL, Purpose.PROTECT_VICTIM)}
    sealed = [p for p in found if (p.part, p.about) == ("sealed", About.VICTIM)]
    assert all("accepted" in way and "consent_covers" in way for p in sealed for way in p.needs)
    assert [p.possible for p in sealed] == [True]
