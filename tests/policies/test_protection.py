"""Every rule that the field asks for is held by something that exists, and the page says so."""

import ast
import importlib
import re
from dataclasses import fields, replace
from itertools import product
from pathlib import Path

import pytest

from messages.catalogue import load as catalogue
from policies import protection
from policies.decide import HOUSE, Effect, Engine
from policies.facts import RELAXING, Facts
from policies.protection import Protection
from tests.docs import rules_page
from tests.policies.casebook import scenarios

ROOT = Path(__file__).parents[2]
ROWS = protection.load()
ENGINE = Engine.load()
AGREED = sorted(n for n in RELAXING if n.endswith("_agreed") or n in ("agreement_in_force", "joint_team"))


def test_every_rule_of_the_field_has_its_row() -> None:
    assert [i for i in ROWS if i.startswith("R-")] == [f"R-{n:02}" for n in range(1, 36)]
    assert [i for i in ROWS if i.startswith("C.3")] == [f"C.3-{n}" for n in range(1, 6)]
    assert {"E-conflict", "E-log"} <= ROWS.keys()


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda r: r.id)
def test_whatever_holds_a_rule_exists(row: Protection) -> None:
    assert row.kind in ("hard", "default") and row.says.endswith(".") and len(row.source) > 5
    for way, name in row.held:
        if way == "rule":
            assert ENGINE.rule(name)
        elif way == "law":
            assert name in {n for _, n in rules_page.laws_of(row.id)}, name
        elif way == "fact":
            assert name in {f.name for f in fields(Facts)}
        elif way == "code":
            module, _, symbol = name.partition(":")
            assert hasattr(importlib.import_module(module), symbol), name
        else:
            path, _, test = name.partition(":")
            text = (ROOT / path).read_text(encoding="utf-8")
            found = {n.name for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
            assert test in found if test else any(n.startswith("test_") for n in found), name


def test_every_rule_of_cedar_that_bears_a_number_of_the_field_stands_in_its_row() -> None:
    for rule in ENGINE.rules:
        if rule.id.startswith("R-"):
            assert rule.id in ROWS[rule.id].rules, rule.id
            assert rule.kind == ROWS[rule.id].kind, rule.id


def test_a_row_that_nothing_holds_is_no_row() -> None:
    with pytest.raises(ValueError, match="held by nothing"):
        protection.parse("R-01: {says: A., source: LED, point: submission, kind: hard, held: []}")
    with pytest.raises(ValueError, match="not known"):
        protection.parse("R-01: {says: A., source: LED, point: submission, kind: hard, held: [{hope: yes}]}")


def test_the_page_of_rules_is_what_its_generator_writes() -> None:
    assert rules_page.PAGE.read_text(encoding="utf-8") == rules_page.page()


def test_the_page_links_every_rule_to_its_source_and_its_fixtures() -> None:
    page = rules_page.page()
    for rule in ENGINE.rules:
        [line] = [x for x in page.splitlines() if re.match(rf'\| (<a id="[^"]+"></a>)?{rule.id} \|', x)][:1]
        assert rule.source.replace("|", "\\|") in line
        assert "tests/policies/twins/" in line or rule in HOUSE


def test_no_field_asks_whether_somebody_cooperates_or_consented_to_exploitation() -> None:
    for data_type in catalogue().types.values():
        for name in data_type.fields:
            assert not re.search(r"cooperat|co_operat|consent(ed)?_to_exploit|willing", name), f"{data_type.id}.{name}"


@pytest.mark.parametrize("name", sorted(scenarios()))
def test_an_agreement_never_overrides_a_hard_rule(name: str) -> None:
    """Whatever refuses besides the agreement itself refuses under every agreement, the widest included."""
    facts = scenarios()[name]
    widest = replace(facts, **dict.fromkeys(AGREED, True))
    for fact in sorted(RELAXING - set(AGREED)):
        without = replace(widest, **{fact: False})
        refused = ENGINE.decide(without)
        if refused.effect is Effect.REFUSE:
            for values in product((True, False), repeat=2):
                narrower = replace(without, **dict(zip(("type_agreed", "handling_agreed"), values, strict=True)))
                assert ENGINE.decide(narrower).effect is Effect.REFUSE
                assert set(refused.because) <= set(ENGINE.decide(narrower).because)
