"""The rules themselves: every one has twins, every one is needed, and every word in them is in a code list."""

import re
from dataclasses import fields

import cedarpy
import pytest
from cedarpy import pst

from messages.attachment import FILE
from messages.catalogue import load
from messages.labels import Flag, Kind, PartyClass, Purpose, Role
from policies.agreements import TYPE_IDS
from policies.decide import HOUSE, Effect, Engine, packaged
from policies.facts import COVER, Facts
from tests.policies.casebook import BOOLEANS, Twin, scenarios, twins

ENGINE = Engine.load()
WRITTEN = [r for r in ENGINE.rules if r not in HOUSE]


def test_there_are_rules_scenarios_and_twins() -> None:
    assert len(WRITTEN) >= 30
    assert len(scenarios()) >= 10
    assert len(twins()) >= len(WRITTEN)


@pytest.mark.parametrize("name", sorted(scenarios()))
def test_every_scenario_passes(name: str) -> None:
    assert ENGINE.decide(scenarios()[name]).permitted


@pytest.mark.parametrize("twin", twins(), ids=lambda t: f"{t.rule}: {t.story}")
def test_the_twin_that_keeps_the_rule_passes_and_the_other_is_refused_for_it(twin: Twin) -> None:
    assert ENGINE.decide(twin.allowed).effect is Effect.PERMIT
    if twin.by:
        assert ENGINE.decide(twin.allowed).because == twin.by
    refused = ENGINE.decide(twin.blocked)
    assert refused.effect is Effect.REFUSE
    assert refused.because == tuple(sorted(twin.because))


@pytest.mark.parametrize("twin", twins(), ids=lambda t: f"{t.rule}: {t.story}")
def test_twins_differ_in_one_fact_or_in_one_and_what_follows_from_it(twin: Twin) -> None:
    follows = {"part", "sealed_part"}
    assert len([d for d in twin.differences if d not in follows]) <= 1 or len(twin.differences) == 1
    assert twin.differences


@pytest.mark.parametrize("rule", WRITTEN, ids=lambda r: r.id)
def test_every_rule_has_an_allowed_and_a_blocked_twin(rule: object) -> None:
    assert any(t.rule == rule.id for t in twins())  # type: ignore[attr-defined]


def _without(identifier: str) -> Engine:
    policies, schema = packaged()
    kept = [p for p in re.split(r"(?=^@id\()", policies, flags=re.M) if not p.startswith(f'@id("{identifier}")')]
    assert len(kept) == len(WRITTEN)  # the text before the first rule, and all rules but one
    return Engine("".join(kept), schema)


@pytest.mark.parametrize("rule", WRITTEN, ids=lambda r: r.id)
def test_without_any_one_rule_some_twin_is_decided_differently(rule: object) -> None:
    weakened = _without(rule.id)  # type: ignore[attr-defined]
    own = [t for t in twins() if t.rule == rule.id]  # type: ignore[attr-defined]
    assert any(
        weakened.decide_afresh(t.allowed).effect is not Effect.PERMIT
        or weakened.decide_afresh(t.blocked).effect is Effect.PERMIT
        for t in own
    )


def test_every_rule_says_something_an_officer_can_read_and_names_its_source() -> None:
    for rule in ENGINE.rules:
        assert rule.says.endswith(".") and rule.says[0].isupper() and 20 < len(rule.says) < 260, rule.id
        assert "_" not in rule.says and '"' not in rule.says, rule.id
        assert len(rule.source) > 5, rule.id
        assert re.fullmatch(r"(SC|R)-\d\d", rule.id), rule.id


def _files(type_id: str) -> tuple[str, ...]:
    """Attachments, but to statistics and to protected sources."""
    return () if type_id in ("A04", "A28") else (FILE,)


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────

WORDS = {
    "Class": set(PartyClass),
    "Role": set(Role),
    "Flag": set(Flag),
    "Purpose": set(Purpose),
    "DataType": {*TYPE_IDS, COVER},
    "Part": {f"{t.id}/{part}" for t in load().types.values() for part in (*t.parts, *_files(t.id))} | {COVER},
    "Action": set(Kind),
}


def test_the_schema_s_words_are_exactly_those_of_the_code_lists() -> None:
    schema = re.sub(r"//.*", "", packaged()[1])
    found = {m[1]: set(re.findall(r'"([^"]+)"', m[2])) for m in re.finditer(r"entity (\w+) enum \[([^\]]*)\]", schema)}
    actions = re.search(r"action (.*?)appliesTo", schema, flags=re.S)
    assert actions
    found["Action"] = set(re.findall(r'"([^"]+)"', actions[1]))
    assert found == WORDS
    attributes = set(re.findall(r"(\w+)\?: Bool", schema))
    assert attributes == set(BOOLEANS)


def test_every_literal_of_every_rule_stands_in_a_code_list() -> None:
    nodes = cedarpy.policies_to_pst(packaged()[0])
    found = pst.entity_uids(nodes)
    assert found
    for uid in found:
        assert uid.id in WORDS[str(uid.type)], uid
    strings = _strings(list(nodes.static_policies.values()))
    assert strings == [], "rules compare enumerated words, never strings"


def _strings(value: object) -> list[str]:
    if isinstance(value, pst.StringLit):
        return [value.value]
    if isinstance(value, pst.Like):
        return ["like"]
    if isinstance(value, list | tuple):
        return [s for item in value for s in _strings(item)]
    if hasattr(value, "__dataclass_fields__"):
        return [s for f in fields(value) for s in _strings(getattr(value, f.name))]  # type: ignore[arg-type]
    return []


def test_every_list_of_protected_roles_in_the_rules_is_complete() -> None:
    """A role that was forgotten in one of the lists would be unprotected there only."""
    policies = packaged()[0]
    lists = [set(re.findall(r'Role::"([^"]+)"', m)) for m in re.findall(r"containsAny\(\[(Role::[^\]]*)\]", policies)]
    protected = {r.value for r in Role if r.protected}
    identity = [listed for listed in lists if listed != protected]
    # share the roles between them, so that each has its own sentence.
    assert set().union(*identity) | {"unknown"} == protected
    assert len(identity) == 2
    assert sum(map(len, identity)) + 1 == len(protected)


def test_victims_go_in_clear_in_exactly_the_kinds_of_the_catalogue() -> None:
    rule = re.search(r'@id\("SC-23"\).*?unless \{(.*?)\};', packaged()[0], flags=re.S)
    assert rule
    assert set(re.findall(r'Action::"([^"]+)"', rule[1])) == {k.value for k, e in load().kinds.items() if e.identity}


def test_a_referral_carries_in_the_rules_what_it_carries_in_the_catalogue() -> None:
    rule = re.search(r'@id\("SC-22"\).*?unless \{(.*?)\};', packaged()[0], flags=re.S)
    assert rule
    assert set(re.findall(r'DataType::"([^"]+)"', rule[1])) == {*load().kinds[Kind.VICTIM_REFERRAL].types, COVER}


def test_every_fact_is_looked_at_by_some_rule() -> None:
    policies = packaged()[0]
    for name in BOOLEANS:
        assert re.search(rf"context has {name}\b", policies), name
    assert {f.name for f in fields(Facts)} - set(BOOLEANS) == {
        "kind",
        "purpose",
        "sender_class",
        "recipient_class",
        "data_type",
        "part",
        "roles",
        "flags",
    }
