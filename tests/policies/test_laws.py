"""Laws of the packaged rules, tried on every case where cases can be counted and on many where they cannot."""

import random
from dataclasses import fields, replace
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.attachment import FILE
from messages.catalogue import load
from messages.labels import Flag, Kind, PartyClass, Purpose, Role
from policies.consent import IDENTIFYING
from policies.decide import Engine
from policies.facts import COVER, RELAXING, Facts
from tests.policies.casebook import BOOLEANS, scenarios

ENGINE = Engine.load()
NAMES = sorted(scenarios())
PARTS = [(t.id, part) for t in load().types.values() for part in t.parts] + [(COVER, COVER)]
PARTS += [(t, FILE) for t in load().types if t not in ("A04", "A28")]


def _drawn(seed: bytes) -> Facts:
    """Any facts that the schema can say; the likely ones more often, so that permits are seen too."""
    chance = random.Random(seed)
    base = scenarios()[chance.choice(NAMES)]
    flips = chance.sample(BOOLEANS, chance.randint(0, 4))
    changed: dict[str, object] = {name: not getattr(base, name) for name in flips}
    if chance.random() < 0.5:
        changed["roles"] = frozenset(chance.sample(list(Role), chance.randint(0, 3)))
        changed["flags"] = frozenset(chance.sample(list(Flag), chance.randint(0, len(Flag))))
    if chance.random() < 0.5:
        changed["kind"] = chance.choice(list(Kind))
    if chance.random() < 0.5:
        changed["purpose"] = chance.choice(list(Purpose))
    if chance.random() < 0.5:
        changed["data_type"], changed["part"] = chance.choice(PARTS)
    if chance.random() < 0.5:
        changed["sender_class"] = chance.choice(list(PartyClass))
        changed["recipient_class"] = chance.choice(list(PartyClass))
    return replace(base, **changed)  # type: ignore[arg-type]


def any_facts() -> st.SearchStrategy[Facts]:
    """Drawn from one seed each: word by word the drawing took longer than the deciding."""
    return st.binary(min_size=8, max_size=8).map(_drawn)


@settings(max_examples=300, deadline=None)
@given(any_facts())
def test_a_decision_always_has_reasons_and_the_same_facts_the_same_one(facts: Facts) -> None:
    decided = ENGINE.decide(facts)
    assert decided.because == tuple(sorted(set(decided.because)))
    assert ENGINE.decide_afresh(facts) == decided
    assert all(ENGINE.rule(i).permits is decided.permitted for i in decided.because)


@settings(max_examples=600, deadline=None)
@given(any_facts())
def test_facts_that_no_rule_tells_apart_are_decided_alike(facts: Facts) -> None:
    assert ENGINE.decide_alike(facts) == ENGINE.decide_afresh(facts)


@settings(max_examples=600, deadline=None)
@given(any_facts(), st.sampled_from(sorted(RELAXING - {"vital_interest"})))
def test_a_right_a_consent_or_any_other_relaxing_fact_never_turns_a_permit_into_a_refusal(
    facts: Facts, name: str
) -> None:
    without, with_it = replace(facts, **{name: False}), replace(facts, **{name: True})
    assert ENGINE.decide(with_it).permitted or not ENGINE.decide(without).permitted


@settings(max_examples=300, deadline=None)
@given(any_facts())
def test_a_vital_interest_takes_the_place_of_every_other_ground_and_helps_nobody_without_the_right(
    facts: Facts,
) -> None:
    without, with_it = (ENGINE.decide(replace(facts, vital_interest=v)) for v in (False, True))
    if with_it.permitted:
        assert set(with_it.because) <= {"SC-62", "SC-63"} and (facts.identity_right or facts.data_type == COVER)
    elif without.permitted:
        assert with_it.because == ("SC-00",) and not facts.identity_right


@settings(max_examples=600, deadline=None)
@given(any_facts())
def test_no_identity_of_a_protected_person_passes_without_a_right(facts: Facts) -> None:
    bare = replace(facts, identity_right=False, consent_covers=False)
    if bare.identifying:
        assert not ENGINE.decide(bare).permitted
        assert not ENGINE.decide(replace(bare, consent_covers=True)).permitted, "a consent is no right"


@pytest.mark.parametrize("part", PARTS, ids="/".join)
def test_whatever_else_holds_no_protected_role_with_an_identifying_flag_passes_without_the_right(
    part: tuple[str, str],
) -> None:
    """Exhaustive over part, role, flag, attestation and class; everything else as favourable as it can be."""
    best = _best(part)
    for role, flag, attested, party in product(Role, IDENTIFYING, (True, False), PartyClass):
        if role.protected:
            facts = replace(
                best,
                roles=frozenset({role, Role.SUSPECT}),
                flags=frozenset({flag, Flag.QUASI}),
                attested=attested,
                recipient_class=party,
                identity_right=False,
            )
            decided = ENGINE.decide(facts)
            assert not decided.permitted
            assert {"R-02", "R-03", "R-04"} & set(decided.because)


@pytest.mark.parametrize("kind", Kind)
def test_whatever_else_holds_nobody_gets_a_sealed_part_before_an_acceptance(kind: Kind) -> None:
    for party, attested in product(PartyClass, (True, False)):
        facts = replace(
            _best(("A24", "sealed")),
            kind=kind,
            recipient_class=party,
            attested=attested,
            sealed_part=True,
            accepted=False,
        )
        assert "R-27" in ENGINE.decide(facts).because


@pytest.mark.parametrize("name", sorted(scenarios()))
def test_each_fact_that_fails_alone_is_enough_or_does_not_matter_and_two_are_never_better_than_one(name: str) -> None:
    facts = scenarios()[name]
    relaxing = [n for n in sorted(RELAXING) if getattr(facts, n)]
    alone = {n: ENGINE.decide(replace(facts, **{n: False})).permitted for n in relaxing}
    assert not alone["sender_mandated"] and not alone["recipient_mandated"]
    for first, second in combinations(relaxing, 2):
        both = ENGINE.decide(replace(facts, **{first: False, second: False})).permitted
        assert not both or (alone[first] and alone[second])


def test_facts_are_booleans_and_words_and_hold_no_time_or_name() -> None:
    words = {"kind", "purpose", "sender_class", "recipient_class", "data_type", "part", "roles", "flags"}
    assert {f.name for f in fields(Facts)} == words | set(BOOLEANS)
    assert set(BOOLEANS) >= RELAXING


def _best(part: tuple[str, str]) -> Facts:
    good = {name: name in RELAXING | {"as_evidence"} for name in BOOLEANS}
    return Facts(
        kind=Kind.EVIDENCE_TRANSFER,
        purpose=Purpose.INVESTIGATE,
        sender_class=PartyClass.POL,
        recipient_class=PartyClass.PRO,
        data_type=part[0],
        part=part[1],
        roles=frozenset(),
        flags=frozenset(),
        **good,
    )
