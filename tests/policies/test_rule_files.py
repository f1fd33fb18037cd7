"""Rule files that somebody edits: whatever is wrong, the file, the line and a sentence; and what a rule looks at."""

from dataclasses import fields, replace

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.errors import BadInput
from policies import cedartext, edition, rights
from policies.decide import HOUSE, Engine, RulesBroken, packaged_texts
from policies.facts import Facts
from tests.policies.casebook import BOOLEANS, scenarios

TEXTS = packaged_texts()


def broken(file: str, old: str, new: str) -> dict[str, str]:
    assert old in TEXTS[file]
    return {**TEXTS, file: TEXTS[file].replace(old, new, 1)}


def line_of(file: str, text: str) -> int:
    return TEXTS[file][: TEXTS[file].index(text)].count("\n") + 1


@pytest.mark.parametrize(
    ("file", "old", "new", "at", "says"),
    [
        ("abroad.cedar", "forbid (principal, action", "forbid (principal action", "forbid (", "unexpected token"),
        (
            "mandates.cedar",
            "unless { context has sender_m",
            "unles { context has sender_m",
            "unless { context has s",
            "unles",
        ),
        (
            "mandates.cedar",
            "has sender_mandated",
            "has sender_mandate",
            "has sender_m",
            "no fact is called sender_mandate.",
        ),
        ("mandates.cedar", '"SC-02"', '"SC-01"', '@id("SC-02")', "SC-01 is used already"),
        ("mandates.cedar", '@kind("hard")\n', "", '@id("SC-01")', "needs @id, @source, @says and @kind"),
        ("identity.cedar", 'Role::"child"', 'Role::"chld"', 'Role::"child"', "chld"),
        ("referral.cedar", "has accepted };", "has accepted }", "has accepted }", "not finished"),
        ("schema.cedarschema", "abroad?: Bool", "abroad Bool", "abroad?: Bool", "unexpected token"),
        ("schema.cedarschema", "entity Flag enum [", "entity Flag enum", "entity Flag enum [", "unexpected token"),
    ],
)
def test_a_rule_file_that_does_not_load_is_refused_with_its_file_and_line(
    file: str, old: str, new: str, at: str, says: str
) -> None:
    with pytest.raises(RulesBroken) as caught:
        Engine.of(broken(file, old, new))
    (fault,) = caught.value.faults
    assert (fault.source, fault.line) == (file, line_of(file, at))
    assert says in fault.says
    assert f"{file}, line {fault.line}: " in str(caught.value)
    with pytest.raises(BadInput, match=f"{file}, line {fault.line}: "):
        edition.read(broken(file, old, new))


def test_a_schema_that_names_a_type_which_is_none_is_refused_with_the_word() -> None:
    with pytest.raises(RulesBroken, match=r"schema\.cedarschema, line \d+: .*Bol"):
        Engine.of(broken("schema.cedarschema", "abroad?: Bool", "abroad?: Bol"))


def test_a_schema_with_a_fact_that_nothing_finds_out_is_refused() -> None:
    with pytest.raises(RulesBroken, match="weather"):
        Engine.of(broken("schema.cedarschema", "abroad?: Bool", "weather?: Bool,\n    abroad?: Bool"))


def test_every_file_that_does_not_fit_is_named_at_once() -> None:
    texts = broken("identity.cedar", 'Role::"child"', 'Role::"chld"')
    texts["abroad.cedar"] = texts["abroad.cedar"].replace('Role::"victim"', 'Role::"victm"', 1)
    with pytest.raises(RulesBroken) as caught:
        Engine.of(texts)
    assert {f.source for f in caught.value.faults} == {"abroad.cedar", "identity.cedar"}


@settings(max_examples=80, deadline=None)
@given(st.integers(0, len(TEXTS["abroad.cedar"])), st.text(max_size=6), st.integers(0, 8))
def test_any_damage_to_a_rule_file_loads_or_is_refused_with_a_place_in_that_file(
    at: int, inserted: str, removed: int
) -> None:
    text = TEXTS["abroad.cedar"]
    try:
        Engine.of({**TEXTS, "abroad.cedar": text[:at] + inserted + text[at + removed :]})
    except RulesBroken as error:
        for fault in error.faults:
            assert fault.source in TEXTS
            assert 1 <= fault.line <= max(t.count("\n") for t in TEXTS.values()) + 8
    except UnicodeEncodeError:
        pass  # text that is no Unicode does not come out of a file


def test_the_statements_of_a_file_are_its_rules_in_cedars_order() -> None:
    for name, text in TEXTS.items():
        if name.endswith(".cedar"):
            written = list(cedartext.statements(name, text))
            assert len(written) == text.count("@id(")
            for statement in written:
                cedarpy.PolicySet.from_str(statement.text)
                assert text.splitlines()[statement.line - 1].startswith("@id(")


def test_every_rule_knows_its_file_and_line_and_only_facts_that_there_are() -> None:
    names = {f.name for f in fields(Facts)}
    for rule in Engine.load().rules:
        if rule not in HOUSE:
            assert TEXTS[rule.source_file].splitlines()[rule.line - 1] == f'@id("{rule.id}")'
            assert rule.looks_at and rule.looks_at <= names


def test_a_rule_looks_at_just_the_facts_and_words_that_it_names() -> None:
    engine = Engine.load()
    assert engine.rule("R-29").looks_at == {"abroad", "roles", "flags", "released"}
    assert engine.rule("R-14").looks_at == {"recipient_class", "sender_class", "roles"}
    assert {'Class::"BOR"', 'Class::"LAB"', 'Role::"child"'} <= engine.rule("R-14").words
    assert engine.rule("SC-62").looks_at == {"part", "attested", "identity_right"}


def test_an_edition_is_read_back_from_its_own_texts() -> None:
    assert edition.read(TEXTS) is edition.installed()
    other = edition.read(
        broken("abroad.cedar", "context has no_foreign && context has abroad", "context has no_foreign")
    )
    assert other.digests[0] != edition.rules_digest() and other.digests[1] == edition.installed().digests[1]


def test_every_misspelt_fact_is_named_with_its_place() -> None:
    texts = broken("abroad.cedar", "has no_foreign", "has noforeign")
    texts["referral.cedar"] = texts["referral.cedar"].replace("has accepted", "has accept")
    with pytest.raises(RulesBroken) as caught:
        Engine.of(texts)
    assert [(f.source, f.says) for f in caught.value.faults] == [
        ("abroad.cedar", "no fact is called noforeign."),
        ("referral.cedar", "no fact is called accept."),
    ]


def test_rules_of_an_edition_that_asks_for_every_fact_s_value_are_told_false_ones_too() -> None:
    older = {n: t.replace("context has ", "context.") for n, t in TEXTS.items()}
    older["schema.cedarschema"] = TEXTS["schema.cedarschema"].replace("?: Bool", ": Bool")
    engine, ours = Engine.of(older), Engine.load()
    for facts in scenarios().values():
        for name in BOOLEANS:
            changed = replace(facts, **{name: not getattr(facts, name)})
            assert engine.decide(changed) == ours.decide(changed)


def test_rules_of_an_edition_that_knows_fewer_facts_are_told_those_alone() -> None:
    older = {**TEXTS, "abroad.cedar": TEXTS["abroad.cedar"].split('@id("SC-53")')[0]}
    older["schema.cedarschema"] = TEXTS["schema.cedarschema"].replace("    team_only?: Bool,\n", "")
    team = replace(scenarios()["report-to-prosecutor"], team_only=True)
    assert Engine.of(older).decide(team).permitted and not Engine.load().decide(team).permitted


def test_the_table_of_rights_is_part_of_what_the_officers_sign() -> None:
    widened = broken("rights.yaml", "A04:\n", "A04:  # a wider table\n")
    assert edition.digest(widened) != edition.rules_digest()


@pytest.mark.parametrize(
    ("old", "new", "at"),
    [
        ("{POL: right, PRO: right, SOC: right", "{POL: right, RAP: right, SOC: right", "{POL: right, PRO: right, SOC"),
        ("{POL: right, PRO: right, SOC: right", "{POL: maybe, PRO: right, SOC: right", "{POL: right, PRO: right, SOC"),
        ("A04:\n", "A04\n", ""),
    ],
)
def test_a_table_of_rights_that_does_not_hold_is_refused_with_its_line(old: str, new: str, at: str) -> None:
    with pytest.raises(BadInput, match=r"rights\.yaml, line \d+: ") as caught:
        edition.read(broken("rights.yaml", old, new))
    if at:
        assert f"line {line_of('rights.yaml', at)}: " in str(caught.value)


def test_rights_are_chosen_for_a_block_and_no_longer() -> None:
    usual = rights.load()
    other = rights.read(broken("rights.yaml", "{POL: right, SOC: right, NGO-S: consent}", "{}")["rights.yaml"], "r")
    with rights.using(other):
        assert rights.load() is other
    assert rights.load() is usual
