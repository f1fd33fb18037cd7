"""The traps of Cedar, each sprung on purpose, and what is remembered."""

from dataclasses import fields, replace
from enum import StrEnum

import cedarpy
import pytest

from messages.labels import Flag, Role
from policies import decide as module
from policies.decide import Decision, Effect, Engine, RulesBroken, packaged
from policies.facts import Facts
from tests.policies.casebook import BOOLEANS, scenarios

POLICIES, SCHEMA = packaged()
GOOD = scenarios()["victim-facts-to-prosecutor"]
NOTES = '@source("a test")\n@says("Said for a test, in a sentence.")\n@kind("hard")\n'
ALLOW_ALL = f'@id("SC-70")\n{NOTES}permit (principal, action, resource);\n'


def rule(identifier: str, text: str) -> str:
    return f'@id("{identifier}")\n{NOTES}{text}\n'


def test_silence_refuses() -> None:
    quiet = Engine(rule("SC-71", "forbid (principal, action, resource) when { context has no_foreign };"), SCHEMA)
    assert quiet.decide(GOOD) == Decision(Effect.REFUSE, ("SC-00",))


def test_a_forbid_beats_any_number_of_permits() -> None:
    permits = "".join(rule(f"SC-7{n}", "permit (principal, action, resource);") for n in range(9))
    forbid = rule("SC-79", "forbid (principal, action, resource);")
    assert Engine(permits, SCHEMA).decide(GOOD).because == tuple(f"SC-7{n}" for n in range(9))
    assert Engine(permits + forbid, SCHEMA).decide(GOOD) == Decision(Effect.REFUSE, ("SC-79",))


# An entity with attributes that is not in the store: Cedar then errs while it evaluates a rule, and skips that rule.
MISSING = SCHEMA.replace("entity Flag enum", "entity Paper { signed: Bool };\nentity Flag enum")
ERRS = 'Paper::"lost".signed'


def test_cedar_itself_allows_beside_an_error_which_is_why_errors_are_looked_at() -> None:
    broken = ALLOW_ALL + rule("SC-72", f"forbid (principal, action, resource) when {{ {ERRS} }};")
    engine = Engine(broken, MISSING)
    answer = cedarpy.is_authorized(module._request(GOOD), engine._policies, engine._entities, schema=engine._schema)
    assert answer.allowed and answer.diagnostics.errors


def test_a_forbid_that_cannot_be_judged_still_refuses() -> None:
    broken = ALLOW_ALL + rule("SC-72", f"forbid (principal, action, resource) when {{ {ERRS} }};")
    assert Engine(broken, MISSING).decide(GOOD) == Decision(Effect.REFUSE, ("SC-98",))


def test_a_permit_that_cannot_be_judged_refuses_even_beside_one_that_can() -> None:
    broken = rule("SC-72", f"permit (principal, action, resource) when {{ {ERRS} }};")
    assert Engine(broken, MISSING).decide(GOOD) == Decision(Effect.REFUSE, ("SC-98",))
    assert Engine(ALLOW_ALL + broken, MISSING).decide(GOOD) == Decision(Effect.REFUSE, ("SC-98",))


def test_a_forbid_that_applies_is_named_beside_one_that_cannot_be_judged() -> None:
    both = rule("SC-71", "forbid (principal, action, resource);") + rule(
        "SC-72", f"forbid (principal, action, resource) when {{ {ERRS} }};"
    )
    assert Engine(both, MISSING).decide(GOOD) == Decision(Effect.REFUSE, ("SC-71", "SC-98"))


def test_an_entity_that_is_there_is_judged_and_a_missing_one_refuses() -> None:
    signed = ALLOW_ALL + rule("SC-72", f"forbid (principal, action, resource) when {{ {ERRS} }};")
    there = '[{"uid": {"type": "Paper", "id": "lost"}, "attrs": {"signed": false}, "parents": []}]'
    assert Engine(signed, MISSING, there).decide(GOOD).permitted
    assert not Engine(signed, MISSING, "[]").decide(GOOD).permitted


@pytest.mark.parametrize(
    "words",
    [
        {"data_type": "A99"},
        {"part": "nothing"},
        {"data_type": "a02"},
        {"part": 'facts"'},
        {"part": "\ud800"},
        {"part": ""},
        {"roles": frozenset({"Victim"})},
        {"flags": frozenset({"d"})},
        {"kind": "GOSSIP"},
        {"recipient_class": "PRESS"},
        {"sender_class": "pol"},
    ],
)
def test_a_word_that_the_schema_does_not_know_refuses_whatever_the_rules_permit(words: dict[str, object]) -> None:
    strange = replace(GOOD, **words)
    for engine in (Engine.load(), Engine(ALLOW_ALL, SCHEMA)):
        assert engine.decide(strange) == Decision(Effect.REFUSE, ("SC-99",))


def test_the_schema_is_passed_with_every_request(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    real = cedarpy.is_authorized

    def watched(request: object, policies: object, entities: object, schema: object = None) -> object:
        seen.append(schema)
        return real(request, policies, entities, schema=schema)

    monkeypatch.setattr(cedarpy, "is_authorized", watched)
    engine = Engine(POLICIES, SCHEMA)
    engine.decide(GOOD)
    assert seen == [engine._schema]


def test_cedar_itself_lets_a_misspelt_fact_pass_which_is_why_we_look_for_it() -> None:
    misspelt = rule("SC-71", "forbid (principal, action, resource) when { context has abraod };")
    assert cedarpy.validate_policies(misspelt, cedarpy.Schema.from_str(SCHEMA)).validation_passed
    with pytest.raises(RulesBroken, match="abraod"):
        Engine(ALLOW_ALL + misspelt, SCHEMA)


@pytest.mark.parametrize("name", BOOLEANS)
def test_a_true_fact_is_present_and_a_false_one_absent_so_each_is_heard(name: str) -> None:
    heard = Engine(
        ALLOW_ALL + rule("SC-71", f"forbid (principal, action, resource) when {{ context has {name} }};"), SCHEMA
    )
    assert not heard.decide(replace(GOOD, **{name: True})).permitted
    assert heard.decide(replace(GOOD, **{name: False})).permitted


@pytest.mark.parametrize(
    "text",
    [
        rule("SC-71", 'forbid (principal, action, resource) when { context.flags.contains(Flag::"d") };'),
        rule("SC-71", "forbid (principal, action, resource) when { context has sender_mandate };"),
        rule("SC-71", "forbid (principal, action, resource) when { !(context has sender_mandate || true) };"),
        rule("SC-71", 'forbid (principal, action == Action::"GOSSIP", resource);'),
        rule("SC-71", 'forbid (principal, action, resource) when { context.data_type == "A02" };'),
        "forbid (principal, action, resource);",
        '@id("SC-71") forbid (principal, action, resource);',
        rule("SC-71", "forbid (principal, action, resource);").replace("hard", "soft"),
        rule("", "forbid (principal, action, resource);"),
        rule("SC-00", "forbid (principal, action, resource);"),
        rule("SC-71", "forbid (principal, action, resource);") * 2,
        rule("SC-71", "forbid (principal == ?principal, action, resource);"),
        "this is not Cedar",
    ],
)
def test_a_rule_with_an_unknown_word_or_without_its_notes_does_not_load(text: str) -> None:
    with pytest.raises(RulesBroken):
        Engine(ALLOW_ALL + text, SCHEMA)


def test_a_decision_without_a_reason_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="reason"):
        Decision(Effect.PERMIT, ())


def test_equal_facts_are_judged_once_and_one_changed_fact_is_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(POLICIES, SCHEMA)
    judged: list[Facts] = []
    real = engine._decide_compact
    monkeypatch.setattr(engine, "_decide_compact", lambda of: (judged.append(of.facts), real(of))[1])
    first = engine.decide(GOOD)
    assert engine.decide(replace(GOOD)) == first
    assert judged == [GOOD]
    for name in BOOLEANS:
        engine.decide(replace(GOOD, **{name: not getattr(GOOD, name)}))
    assert len(judged) == 1 + len(BOOLEANS)


def _other(value: object) -> object:
    """Another value that the same fact may have."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, frozenset):
        return value ^ {next(w for w in (*Role, *Flag) if type(w) is type(next(iter(value), Role.CHILD)))}
    if isinstance(value, StrEnum):
        return next(w for w in type(value) if w is not value)
    assert isinstance(value, str), f"a fact of another kind: {value!r}"
    return value + "x"


@pytest.mark.parametrize("name", [f.name for f in fields(Facts)])
def test_whatever_fact_changes_the_decision_is_remembered_under_another_key(name: str) -> None:
    changed = replace(GOOD, **{name: _other(getattr(GOOD, name))})
    assert module._KEY(changed) != module._KEY(GOOD)
    engine, judged = Engine(POLICIES, SCHEMA), []
    real = engine._decide_compact
    engine._decide_compact = lambda of: (judged.append(of.facts), real(of))[1]  # type: ignore[method-assign]
    assert engine.decide(GOOD) == engine.decide(replace(GOOD))
    engine.decide(changed)
    assert judged == [GOOD, changed]


def test_what_is_remembered_is_what_is_decided_afresh() -> None:
    engine = Engine.load()
    for facts in scenarios().values():
        assert engine.decide(facts) == engine.decide(facts) == engine.decide_afresh(facts)


def test_one_refused_section_refuses_the_recipient_s_whole_view() -> None:
    engine = Engine.load()
    cover, sealed = scenarios()["cover-to-shelter"], scenarios()["referral-to-shelter"]
    whole = engine.decide_view([("cover", cover), ("a24.1", sealed)])
    assert whole.permitted and whole.because == ("SC-60", "SC-61", "SC-62")
    refused = engine.decide_view([("cover", cover), ("a24.1", replace(sealed, attested=False))])
    assert not refused.permitted and refused.because == ("SC-40",)
    assert [(name, d.permitted) for name, d in refused.sections] == [("cover", True), ("a24.1", False)]


def test_a_view_of_nothing_is_refused() -> None:
    assert Engine.load().decide_view([]).because == ("SC-97",)


def test_every_reason_ever_given_is_a_rule_that_can_be_looked_up() -> None:
    engine = Engine.load()
    for facts in scenarios().values():
        for name in BOOLEANS:
            for identifier in engine.decide(replace(facts, **{name: not getattr(facts, name)})).because:
                assert engine.rule(identifier).says
    with pytest.raises(KeyError):
        engine.rule("SC-77")


def test_the_module_decides_by_the_packaged_rules() -> None:
    assert module.decide(GOOD) == Engine.load().decide(GOOD)
    assert module.decide_view([("a", GOOD)]) == Engine.load().decide_view([("a", GOOD)])
