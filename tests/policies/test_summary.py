"""An agreement in plain words says everything that the text says; its schema completes it in an editor."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from policies import agreement_schema, summary
from policies.agreements import Agreement, read
from tests.policies.test_agreements import TEXT

ROOT = Path(__file__).parents[2]
AGREEMENT = read(TEXT, "ag.yaml")

CHANGES = {
    "id": ("AG-2026-01", "AG-2026-09"),
    "title": ("trafficking cases", "other cases"),
    "parties": ("port-prosecutor", "dock-prosecutor"),
    "valid.from": ("from: 2026-01-01", "from: 2026-01-02"),
    "valid.until": ("2027-12-31", "2027-12-30"),
    "purposes": ("PROSECUTE]", "PREVENT]"),
    "bases": ("[LED-8]", "[LED-8, LED-10]"),
    "areas": ("THB-LAB]", "THB-BEG]"),
    "handling.max_tlp": ("AMBER+STRICT", "RED"),
    "handling.h": ("[H0, H2]", "[H0, H3]"),
    "retention_days": ("365", "364"),
    "joint_team": ("retention_days", "joint_team: true\nretention_days"),
    "exchange.types": ("[A01, A02, A03]", "[A01, A02, A05]"),
    "exchange.kinds": ("[RFI]", "[ACK]"),
    "exchange.media": ("media: [application/json]\n    id", "media: [text/plain]\n    id"),
    "exchange.identity": ("identity: [A01, A02]", "identity: [A01]"),
    "exchange.net": ("    identity: [A01, A02]", "    net: true\n    identity: [A01, A02]"),
    "exchange.from": ("from: harbour-police\n    to: port-prosecutor", "from: port-prosecutor\n    to: harbour-police"),
}


def fields(model: type[Any], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        inner = {"valid": "Validity", "handling": "Ceiling", "exchange": "Exchange"}.get(name)
        label = field.alias or name
        if inner:
            from policies import agreements

            found |= fields(getattr(agreements, inner), f"{label}.")
        else:
            found.add(prefix + label)
    return found


def test_every_field_of_an_agreement_is_tried_below() -> None:
    assert set(CHANGES) | {"exchange.to"} == fields(Agreement)


@pytest.mark.parametrize("name", CHANGES)
def test_no_two_agreements_that_differ_read_alike(name: str) -> None:
    old, new = CHANGES[name]
    assert old in TEXT
    other = read(TEXT.replace(old, new), "ag.yaml")
    assert other != AGREEMENT
    assert summary.text(other) != summary.text(AGREEMENT)


def test_it_reads_as_sentences() -> None:
    text = summary.text(AGREEMENT, {"harbour-police": "Harbour Police"})
    assert "Harbour Police may send port-prosecutor A01 (intelligence report), A02 (victim profile) and A03" in text
    assert "Protected persons may be named, located and exposed in A01 (intelligence report) and A02" in text
    assert "in A03 they may not" in text
    assert "from 2026-01-01 until 2027-12-31, both days included" in text
    assert "to investigate (INVESTIGATE) or to prosecute (PROSECUTE), and nothing else" in text
    assert "at most TLP:AMBER+STRICT (for the recipient's agency alone)" in text
    assert all(p.endswith(".") for p in summary.paragraphs(AGREEMENT))


def test_a_direction_without_an_exchange_is_told_to_carry_nothing() -> None:
    one_way = AGREEMENT.model_copy(update={"exchange": AGREEMENT.exchange[:1]})
    assert "port-prosecutor sends harbour-police nothing under it." in summary.text(one_way)


# ── the schema ───────────────────────────────────────────────────────────────────────────────────────────────────────


def plain(text: str) -> Any:
    """A YAML text as JSON would say it."""
    return json.loads(json.dumps(yaml.safe_load(text), default=str))


SCHEMA = agreement_schema.schema()
CHECK = jsonschema.Draft202012Validator(SCHEMA)


def test_the_published_schema_is_the_one_that_the_code_makes() -> None:
    assert agreement_schema.FILE.read_text(encoding="utf-8") == agreement_schema.text(), (
        "write it again: python -m policies.agreement_schema"
    )
    CHECK.check_schema(SCHEMA)


def test_every_example_agreement_fits_it() -> None:
    files = [p for p in (ROOT / "examples").rglob("*.yaml") if "agreements" in p.parts]
    assert len(files) >= 5
    for text in (TEXT, *(p.read_text(encoding="utf-8") for p in files)):
        CHECK.validate(plain(text))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("INVESTIGATE", "INVESTIGAT"),
        ("A03]", "A93]"),
        ("retention_days", "retention_day"),
        ("365", "0"),
        ("365", "many"),
        ("[harbour-police, port-prosecutor]", "[harbour-police]"),
        ("AMBER+STRICT", "PINK"),
        ("[RFI]", "[]"),
        ("[RFI]", "[RFI, RFI]"),
        ("title: Harbour", "titel: Harbour"),
    ],
)
def test_what_the_reader_refuses_the_schema_refuses_where_it_can(old: str, new: str) -> None:
    assert not CHECK.is_valid(plain(TEXT.replace(old, new, 1)))


def test_every_word_of_a_list_has_its_meaning_beside_it() -> None:
    for name in ("Purpose", "Basis", "CrimeArea", "Tlp", "HCode", "Kind"):
        definition = SCHEMA["$defs"][name]
        assert len(definition["enum"]) == len(definition["enumDescriptions"])
