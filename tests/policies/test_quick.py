"""A decision put together from answers about single rules is the one that all rules give at once."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, product

import pytest
from hypothesis import given, settings

from messages.labels import Flag, Kind, PartyClass, Purpose, Role
from policies import quick
from policies.decide import _KEY, UNKNOWN, Engine, packaged, packaged_texts
from policies.facts import Facts
from policies.quick import BIT, compact, from_row
from policies.words import BOOLEANS
from tests.policies.casebook import scenarios, twins
from tests.policies.test_decide import ALLOW_ALL, GOOD, MISSING, SCHEMA, rule
from tests.policies.test_laws import any_facts

ENGINE = Engine.of(packaged_texts())
"""One of its own, that no other test has asked anything."""


def test_facts_come_back_from_their_short_form() -> None:
    for facts in scenarios().values():
        assert compact(facts).facts == facts
    assert sorted(BIT.values()) == [1 << 8 * n for n in range(len(BOOLEANS))]


def test_the_row_that_is_remembered_gives_the_same_short_form() -> None:
    for facts in scenarios().values():
        assert from_row(_KEY(facts)) == compact(facts)


@settings(max_examples=300, deadline=None)
@given(any_facts())
def test_slice_by_slice_decides_as_the_whole_set_does(facts: Facts) -> None:
    assert ENGINE.decide_compact(compact(facts)) == ENGINE.decide_afresh(facts)


def test_every_twin_and_each_of_its_facts_turned_round_is_decided_as_the_whole_set_does() -> None:
    """Each rule is asked at the border where its answer changes, and each fact is turned beside many of them."""
    tried = [t.blocked for t in twins()]
    turned = [(f, name) for f in tried for name in BOOLEANS][::23]
    assert len(tried) > 100 and {name for _, name in turned} == set(BOOLEANS)
    for facts in [*tried, *(replace(f, **{name: not getattr(f, name)}) for f, name in turned)]:
        assert ENGINE.decide(facts) == ENGINE.decide_afresh(facts)


AWKWARD = {
    "compares two facts": "when { context.sender == principal }",
    "asks for all of a set": 'when { context.roles.containsAll([Role::"victim", Role::"witness"]) }',
    "asks that nothing else is there": 'when { [Role::"victim", Role::"witness"].containsAll(context.roles) }',
    "compares a whole set": 'when { context.flags == [Flag::"D", Flag::"L"] }',
    "looks for a fact in a set with a fact": 'when { [context.sender, Class::"FIU"].contains(principal) }',
    "chooses": "when { if context has abroad then context.sender == principal else context has free_text }",
    "holds a fact in an if": 'when { (if context has abroad then context.sender else principal) == Class::"POL" }',
    "asks which part": 'when { resource == Part::"A02/identity" || resource in [Part::"A01/report"] }',
    "excepts": 'when { context has attested } unless { context.purpose == Purpose::"AUDIT" }',
    "errs, but for some": 'when { !(context has abroad) || Paper::"lost".signed }',
}


@pytest.mark.parametrize("body", AWKWARD.values(), ids=AWKWARD)
def test_however_a_rule_compares_its_slice_says_what_it_says_in_the_whole_set(body: str) -> None:
    engine = Engine(ALLOW_ALL + rule("SC-71", f"forbid (principal, action, resource) {body};"), MISSING)
    outcomes = set()
    for facts in _near():
        decided = engine.decide(facts)
        assert decided == engine.decide_afresh(facts)
        outcomes.add(decided.because)
    assert len(outcomes) > 1, "the rule was never seen to make a difference"


def _near() -> Iterator[Facts]:
    roles = [frozenset(c) for n in range(3) for c in combinations((Role.VICTIM, Role.WITNESS, Role.CHILD), n)]
    flags = [frozenset(c) for n in range(3) for c in combinations((Flag.DIRECT, Flag.LOCATION), n)]
    for whose, does, abroad in product(roles, flags, (False, True)):
        yield replace(GOOD, roles=whose, flags=does, abroad=abroad)
    parties = (PartyClass.NGO_S, PartyClass.NGO_P, PartyClass.POL, PartyClass.FIU)
    for sender, recipient, abroad in product(parties, parties, (False, True)):
        yield replace(GOOD, sender_class=sender, recipient_class=recipient, abroad=abroad, free_text=True)
    for purpose, attested in product(Purpose, (False, True)):
        yield replace(GOOD, purpose=purpose, attested=attested)
    for data_type, part in (("A02", "identity"), ("A02", "facts"), ("A01", "report"), ("A01", "narrative")):
        yield replace(GOOD, data_type=data_type, part=part)


def test_rules_that_see_more_than_one_form_of_a_request_are_always_asked_together() -> None:
    last = SCHEMA[SCHEMA.index("appliesTo") :]
    two = SCHEMA.replace('"ACK"\nappliesTo', f'"GOSSIP"\n{last}\naction "ACK"\nappliesTo').replace(', "GOSSIP"', "")
    engine = Engine(packaged()[0], two)
    assert not engine._slices and ENGINE._slices
    for facts in list(scenarios().values())[:5]:
        assert engine.decide(facts) == engine.decide_afresh(facts) == ENGINE.decide(facts)


def test_a_word_that_the_schema_does_not_know_is_refused_as_such() -> None:
    for changed in ({"data_type": "A99"}, {"part": "gossip"}, {"roles": frozenset({"friend"})}, {"kind": "GOSSIP"}):
        assert ENGINE.decide(replace(GOOD, **changed)).because == (UNKNOWN.id,)  # type: ignore[arg-type]


def test_who_varies_facts_and_words_without_end_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "REMEMBERED", 8)
    engine = Engine.of(packaged_texts())
    base = scenarios()["report-to-prosecutor"]
    for kind, role, flag in product(Kind, (Role.VICTIM, Role.SUSPECT), (Flag.DIRECT, Flag.QUASI)):
        engine.decide(replace(base, kind=kind, roles=frozenset({role}), flags=frozenset({flag})))
    inside = engine._quick
    rules = (*inside._forbids, *inside._permits)
    assert max(len(memory) for r in rules for memory in (r.applies, r._same)) <= 8
    assert len(inside._same) <= 8


def test_few_answers_decide_many_cases() -> None:
    """What makes a decision cheap: new combinations of facts need new answers of very few rules."""
    engine = Engine.of(packaged_texts())
    asked: list[object] = []
    ask, whole = engine._quick._ask, engine._quick._whole
    engine._quick._ask = lambda *a: (asked.append(a[0]), ask(*a))[1]
    engine._quick._whole = lambda facts: (asked.append("all"), whole(facts))[1]
    cases = {replace(f, purpose=purpose, abroad=abroad)
             for f in scenarios().values() for purpose in Purpose for abroad in (False, True)}  # fmt: skip
    for facts in cases:
        engine.decide(facts)
    assert len(asked) < len(cases) / 2
