"""Sharing agreements: what is read, what is refused and how the editor is told."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from messages.errors import BadInput
from messages.labels import HCode, Kind, Tlp
from policies.agreements import Agreement, between, find, read, read_all

TEXT = """\
id: AG-2026-01
title: Harbour police and port prosecutor, trafficking cases
parties: [harbour-police, port-prosecutor]
valid: {from: 2026-01-01, until: 2027-12-31}
purposes: [INVESTIGATE, PROSECUTE]
bases: [LED-8]
areas: [THB-SEX, THB-LAB]
handling: {max_tlp: AMBER+STRICT, h: [H0, H2]}
retention_days: 365
exchange:
  - from: harbour-police
    to: port-prosecutor
    types: [A01, A02, A03]
    kinds: [INTEL-REPORT, EVIDENCE-TRANSFER]
    media: [application/json]
    identity: [A01, A02]
  - from: port-prosecutor
    to: harbour-police
    types: [A01]
    kinds: [RFI]
    media: [application/json]
"""
FIRST = 1_767_225_600_000  # 2026-01-01T00:00Z
END = 1_830_297_600_000  # 2028-01-01T00:00Z


def test_an_agreement_is_read_into_a_frozen_model() -> None:
    agreement = read(TEXT, "ag.yaml")
    assert agreement.id == "AG-2026-01"
    assert agreement.exchanges("harbour-police", "port-prosecutor")[0].kinds == (
        Kind.INTEL_REPORT,
        Kind.EVIDENCE_TRANSFER,
    )
    assert agreement.exchanges("port-prosecutor", "harbour-police")[0].identity == ()
    with pytest.raises(ValidationError):
        agreement.retention_days = 9999  # type: ignore[misc]


@pytest.mark.parametrize(("moment", "expected"), [(FIRST - 1, False), (FIRST, True), (END - 1, True), (END, False)])
def test_it_holds_from_the_first_moment_of_its_first_day_to_the_last_of_its_last(moment: int, expected: bool) -> None:
    assert read(TEXT, "ag.yaml").in_force(moment) is expected


def test_the_ceiling_admits_what_is_less_strict_and_h_codes_only_if_listed() -> None:
    ceiling = read(TEXT, "ag.yaml").handling
    assert ceiling.admits(Tlp.AMBER, HCode.H0) and ceiling.admits(Tlp.AMBER_STRICT, HCode.H2)
    assert not ceiling.admits(Tlp.RED, HCode.H0)
    assert not ceiling.admits(Tlp.GREEN, HCode.H1), "H codes are no ladder: H2 accepted says nothing of H1"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "INVESTIGATE",
            "INVESTIGAT",
            "ag.yaml, line 5: 'INVESTIGAT' is not one of purposes; did you mean INVESTIGATE?",
        ),
        ("[LED-8]", "[LED8]", "ag.yaml, line 6: 'LED8' is not one of bases; did you mean LED-8?"),
        ("THB-LAB", "THB-LABOUR", "ag.yaml, line 7: 'THB-LABOUR' is not one of areas; did you mean THB-LAB?"),
        ("AMBER+STRICT", "ULTRA", "ag.yaml, line 8: 'ULTRA' is not one of max_tlp"),
        ("H2]", "H9]", "ag.yaml, line 8: 'H9' is not one of h; did you mean"),
        ("A03]", "A93]", "ag.yaml, line 13: 'A93' is not a data type of the catalogue; did you mean"),
        ("[RFI]", "[RFII]", "ag.yaml, line 20: 'RFII' is not one of kinds; did you mean RFI?"),
        ("retention_days", "retention_day", "ag.yaml, line 9: there is no field 'retention_day' here; did you mean"),
        ("max_tlp", "max_tpl", "ag.yaml, line 8: there is no field 'max_tpl' here; did you mean max_tlp?"),
        (
            "    identity:",
            "    identities:",
            "ag.yaml, line 16: there is no field 'identities' here; did you mean identity?",
        ),
        ("retention_days: 365\n", "", "ag.yaml, line 1: retention_days is missing."),
        ("365", "0", "ag.yaml, line 9: retention_days: "),
        ("365", "'365'", "ag.yaml, line 9: retention_days: "),
        ("2027-12-31", "2025-12-31", "ag.yaml, line 4: valid: until lies before from."),
        ("2026-01-01", "'2026-01-01'", "ag.yaml, line 4: valid.from: a date is written as 2026-01-31."),
        ("2026-01-01", "2026-01-01T00:00:00", "ag.yaml, line 4: valid.from: a date is written as 2026-01-31."),
        ("to: port-", "to: dock-", "exchange names dock-prosecutor, which is not a party"),
        ("[A01, A02]", "[A01, A07]", "identity names A07, which is not among the types"),
        ("application/json]\n    i", "json]\n    i", "ag.yaml, line 15: "),
        ("title: Harbour", "id: Harbour", "ag.yaml, line 2: 'id' stands twice."),
        ("max_tlp: AMBER+STRICT,", "max_tlp: RED, max_tlp: GREEN,", "ag.yaml, line 8: 'max_tlp' stands twice."),
        ("    media: [a", "    types: [A28]\n    media: [a", "ag.yaml, line 15: 'types' stands twice."),
        ("id: AG-2026-01", "id: &x AG-2026-01", "ag.yaml, line 1: write it out; anchors"),
        ("[harbour-police, port-prosecutor]", "[harbour-police]", "ag.yaml, line 3: parties: "),
        ("[harbour-police, port-prosecutor]", "[harbour-police, harbour-police]", "ag.yaml, line 3: parties: "),
        ("harbour-police, p", "Harbour Police, p", "ag.yaml, line 3: parties: "),
        ("id: AG-2026-01", "id: 'AG 1'", "ag.yaml, line 1: id: "),
        ("[INVESTIGATE, PROSECUTE]", "[]", "ag.yaml, line 5: purposes: "),
        ("[INVESTIGATE, PROSECUTE]", "[PROSECUTE, PROSECUTE]", "the same word stands twice"),
        ("purposes: [", "purposes: {[", "this is not YAML"),
    ],
)
def test_the_editor_is_told_file_line_fault_and_the_nearest_word(old: str, new: str, says: str) -> None:
    assert TEXT.count(old) >= 1
    with pytest.raises(BadInput) as caught:
        read(TEXT.replace(old, new, 1), "ag.yaml")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "just words", "- a\n- b\n", "\x00", "&a [*a]", "!!python/object:os.system {}", "[" * 500]
)
def test_anything_that_is_no_agreement_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput):
        read(text, "ag.yaml")


@settings(max_examples=120, deadline=None)
@given(st.text(max_size=40), st.integers(0, len(TEXT)), st.integers(0, 30))
def test_any_damage_is_read_or_is_bad_input(inserted: str, at: int, removed: int) -> None:
    try:
        assert isinstance(read(TEXT[:at] + inserted + TEXT[at + removed :], "ag.yaml"), Agreement)
    except BadInput as error:
        assert str(error).startswith("ag.yaml")


def test_between_names_every_agreement_in_force_for_the_pair_and_no_other() -> None:
    first = read(TEXT, "a")
    later = read(TEXT.replace("AG-2026-01", "AG-2026-00").replace("2026-01-01", "2027-01-01"), "b")
    other = read(TEXT.replace("AG-2026-01", "AG-X").replace("port-prosecutor", "port-inspectors"), "c")
    everything = (first, later, other)
    assert between(everything, "harbour-police", "port-prosecutor", FIRST) == (first,)
    assert between(everything, "port-prosecutor", "harbour-police", END - 1) == (later, first)
    assert between(everything, "harbour-police", "port-prosecutor", END) == ()
    assert between(everything, "harbour-police", "harbour-police", FIRST) == ()
    assert between(everything, "port-inspectors", "port-prosecutor", FIRST) == ()
    assert find(everything, "AG-X") is other and find(everything, "AG-Y") is None


def test_one_id_names_one_agreement() -> None:
    assert len(read_all([("a", TEXT), ("b", TEXT.replace("AG-2026-01", "AG-2"))])) == 2
    with pytest.raises(BadInput, match="used twice"):
        read_all([("a", TEXT), ("b", TEXT)])


def test_every_packaged_example_agreement_reads() -> None:
    folder = Path(__file__).parents[2] / "examples"
    found = [p for p in folder.rglob("*.yaml") if "agreements" in p.parts]
    assert len(found) >= 5
    read_all([(p.name, p.read_text(encoding="utf-8")) for p in found])
