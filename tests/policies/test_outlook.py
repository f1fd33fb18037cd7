"""What would have to change: every way is enough and minimal, none is left out, and where there is none that is so."""

from collections.abc import Iterable
from dataclasses import fields, replace
from itertools import combinations

import pytest
from hypothesis import given, settings

from messages.labels import Flag, HCode, Kind, PartyClass, Role, Tlp
from policies.decide import HOUSE, Engine
from policies.facts import RELAXING, Facts
from policies.outlook import WAYS, Alternative, Change, _applied, _clash, _Search, outlook
from policies.words import BOOLEANS, FACTS, FLAGS, ROLES, H, Lever, filled, state, words
from policies.words import TLP as TLP_WORDS
from tests.policies.casebook import scenarios, twins
from tests.policies.test_laws import any_facts

ENGINE = Engine.load()


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_boolean_fact_has_its_words_and_no_other() -> None:
    assert set(FACTS) == set(BOOLEANS) == {f.name for f in fields(Facts) if f.type in (bool, "bool")}


@pytest.mark.parametrize("name", BOOLEANS)
def test_a_fact_is_told_in_sentences_with_the_case_s_own_words_in_them(name: str) -> None:
    facts = scenarios()["report-to-prosecutor"]
    for value in (True, False):
        said = state(replace(facts, **{name: value}), name, "harbour-police", "district-prosecutor")
        assert said.endswith(".") or (not said and name == "own_agency")
        assert "{" not in said
    assert state(replace(facts, **{name: True}), name) != state(replace(facts, **{name: False}), name)


@pytest.mark.parametrize("name", sorted(RELAXING))
def test_every_relaxing_fact_says_who_can_bring_it_about_or_that_nobody_can(name: str) -> None:
    found = words(name)
    assert found.eased
    assert bool(found.change) is (found.lever is not Lever.NOBODY)
    if found.change:
        assert found.change[0].islower() and not found.change.endswith(".")
        assert "{" not in filled(found.change, scenarios()["report-to-prosecutor"])


def test_every_role_flag_and_marking_has_words() -> None:
    assert set(ROLES) == set(Role) and set(FLAGS) == set(Flag)
    assert set(TLP_WORDS) == set(Tlp) and set(H) == set(HCode)


def test_a_fact_that_the_table_does_not_know_is_named_and_not_left_out() -> None:
    assert words("approved_by_two").holds == "It holds: approved by two."


# ── ways ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def minimal_by_trying_everything(facts: Facts, changes: Iterable[Change], most: int) -> set[frozenset[Change]]:
    found: set[frozenset[Change]] = set()
    for size in range(1, most + 1):
        for some in map(frozenset, combinations(changes, size)):
            if any(_clash(a, b) for a, b in combinations(some, 2)):
                continue
            if not any(other <= some for other in found) and ENGINE.decide(_applied(facts, some)).permitted:
                found.add(some)
    return found


@pytest.mark.parametrize("twin", twins(), ids=lambda t: f"{t.rule}-{t.story[:30]}")
def test_the_search_finds_just_what_trying_everything_finds(twin) -> None:  # type: ignore[no-untyped-def]
    search = _Search(ENGINE, "one", "other", True)
    changes = search.changes(twin.blocked)
    tried = minimal_by_trying_everything(twin.blocked, changes, 2)
    assert {w for w in map(frozenset, search.ways(twin.blocked)) if len(w) <= 2} == tried


@settings(max_examples=250, deadline=None)
@given(any_facts())
def test_each_way_is_enough_and_without_any_of_its_changes_it_is_not(facts: Facts) -> None:
    found = outlook(facts, ENGINE)
    assert found.permitted is ENGINE.decide(facts).permitted
    assert len(found.ways) <= WAYS
    assert not found.permitted or not (found.ways or found.standing)
    for way in found.ways:
        assert ENGINE.decide(_applied(facts, way)).permitted
        for one in way:
            assert not ENGINE.decide(_applied(facts, set(way) - {one})).permitted


@settings(max_examples=250, deadline=None)
@given(any_facts())
def test_where_nothing_helps_no_two_changes_help_and_rules_stand(facts: Facts) -> None:
    found = outlook(facts, ENGINE)
    if found.permitted or found.ways:
        return
    assert found.standing
    changes = _Search(ENGINE, "", "", True).changes(facts)
    assert not minimal_by_trying_everything(facts, changes, 2)


def says(scenario: str, **changes: object) -> list[list[str]]:
    facts = replace(scenarios()[scenario], **changes)
    return [[c.says for c in way] for way in outlook(facts, ENGINE, sender="police", recipient="shelter").ways]


def test_a_release_a_second_contact_and_an_identity_listed_are_told_as_such() -> None:
    (released,) = [w for w in says("report-to-counterpart", released=False) if "releases" in w[0]]
    assert released == ["a second contact of the sender's agency releases the message to this recipient"]
    assert ["the agreement lists A02 (victim profile) under identity"] in says(
        "victim-facts-to-prosecutor", identity_right=False, flags=frozenset({Flag.QUASI})
    ) or says("victim-facts-to-prosecutor", identity_right=False)


def test_without_an_agreement_one_is_proposed_whole_and_not_its_clauses() -> None:
    none = {n: False for n in BOOLEANS if words(n).lever is Lever.AGREEMENT}
    found = says("report-to-prosecutor", **none)
    assert found
    for way in found:
        assert sum("agreement" in c for c in way if "under identity" not in c) == 1
        assert any(c.startswith("an agreement between police and shelter is in force that lists A01") for c in way)


def test_who_may_never_hold_an_identity_is_not_told_to_have_it_agreed() -> None:
    found = says("organisation-to-labour-inspectors", attested=False, recipient_class=PartyClass.LAB)
    assert found and not any("under identity" in c for way in found for c in way)


def test_a_hard_law_of_the_class_table_stands_whatever_anybody_changes() -> None:
    found = outlook(replace(scenarios()["organisation-to-labour-inspectors"], class_may_receive=False), ENGINE)
    assert not found.ways and found.standing == ("SC-20",)


def test_a_sealed_part_is_not_told_to_be_redacted() -> None:
    facts = replace(scenarios()["referral-to-shelter"], sealed_part=True, accepted=False, part="sealed")
    found = [[c.says for c in way] for way in outlook(facts, ENGINE).ways]
    assert found == [["the recipient accepts the referral"]]


def test_another_kind_is_told_once_with_all_kinds_that_help_alike() -> None:
    facts = replace(scenarios()["report-to-prosecutor"], kind_carries_type=False)
    better = [
        Alternative("kind", k, "it goes in a message of kind {value}", replace(facts, kind=k, kind_carries_type=True))
        for k in (Kind.RFI, Kind.RFI_RESPONSE)
    ]
    (way,) = outlook(facts, ENGINE, better).ways
    assert [c.says for c in way] == ["it goes in a message of kind RFI or RFI-RESPONSE"]


def test_the_easiest_way_stands_first() -> None:
    facts = replace(scenarios()["report-to-counterpart"], released=False)
    ranks = [max(c.lever.rank for c in way) for way in outlook(facts, ENGINE).ways]
    assert ranks == sorted(ranks)


def test_the_house_s_own_rules_can_stand_too() -> None:
    assert {r.id for r in HOUSE} >= set(
        outlook(replace(scenarios()["report-to-prosecutor"], part="?"), ENGINE).standing
    )
