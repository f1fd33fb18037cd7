"""Sharing agreements: what is read, what is refused and how the editor is told."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from messages.errors import BadInput
from messages.labels import HCode, Kind, Tlp
from policies import agreements as agreements_module
from policies import yamltext
from policies.agreements import Agreement, Agreements, Reader, between, examine, find, read, read_all

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
        ("purposes: [", "purposes: !!set [", "ag.yaml, line 5: leave it out; tags"),
        ("purposes: [", "!!seq purposes: [", "ag.yaml, line 5: leave it out; tags"),
        ("id: AG-2026-01", "%YAML 1.1\n---\nid: AG-2026-01", "ag.yaml, line 1: leave it out; tags (!) and directives"),
        (
            "[INVESTIGATE",
            "\ufeff[INVESTIGATE",
            "ag.yaml, line 5: an invisible character (U+FEFF) stands here",
        ),
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


def test_a_text_may_begin_with_a_byte_order_mark_as_some_editors_write_it() -> None:
    assert read("\ufeff" + TEXT, "ag.yaml") == read(TEXT, "ag.yaml")


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


# ── every fault at once ──────────────────────────────────────────────────────────────────────────────────────────────

BROKEN = """\
id: AG 1
titel: Something
parties: [harbour-police]
valid: {from: 2026-01-01, until: 2025-01-01}
purposes: [INVESTIGAT]
bases: [LED-8]
areas: []
handling: {max_tlp: PINK, h: [H0]}
retention_days: many
exchange:
  - from: harbour-police
    to: harbour-police
    types: [A01, A99]
    kinds: [RFI]
    media: [json]
"""


def test_every_fault_of_a_file_is_named_at_once_in_the_order_of_its_lines() -> None:
    found = examine(BROKEN, "ag.yaml")
    assert found.agreement is None
    assert [f.line for f in found.faults] == [1, 2, 3, 4, 5, 7, 8, 9, 13, 15]
    assert found.faults[4].column == 12
    assert not any("title is missing" in f.says for f in found.faults), "the misspelling is what has to be mended"
    assert all(f.says.endswith((".", "?")) for f in found.faults)


def test_who_reads_one_sentence_is_told_how_many_more_there_are_and_how_to_see_them() -> None:
    with pytest.raises(BadInput, match=r"^ag.yaml, line 1: .*\(and 9 more; see: safeconduct agreement check\)$"):
        read(BROKEN, "ag.yaml")


def test_contradictions_in_one_exchange_are_all_named_at_their_own_lines() -> None:
    text = TEXT.replace("identity: [A01, A02]", "identity: [A05, A07]").replace("from: harbour", "from: dock", 1)
    assert [(f.line, f.says.split(",")[0]) for f in examine(text, "x").faults] == [
        (16, "identity names A05"),
        (16, "identity names A07"),
    ]
    text = TEXT.replace("- from: harbour-police\n    to: port-prosecutor", "- from: dock\n    to: quay", 1)
    assert [(f.line, f.says.split(",")[0]) for f in examine(text, "x").faults] == [
        (11, "exchange names dock"),
        (12, "exchange names quay"),
    ]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=20), st.integers(0, len(TEXT)), st.integers(0, 20))
def test_the_fast_parser_and_the_slow_one_read_the_same(inserted: str, at: int, removed: int) -> None:
    text = TEXT[:at] + inserted + TEXT[at + removed :]
    found = []
    for loader in (yaml.SafeLoader, yamltext._Loader):
        try:
            tree = yamltext.parse(text, "x", loader)
            found.append((tree.value, tree.place(("exchange", 1, "kinds", 0)), tree.place(("valid", "until"))))
        except yamltext.Faulty as error:
            found.append(type(error))
    if found[0] != found[1]:  # the two differ in what they call YAML (tabs, odd characters), never in what it says
        assert yamltext.Faulty in found


def test_a_text_nested_deeper_than_the_parser_goes_or_longer_than_a_book_is_refused() -> None:
    for text in ("[" * 100_000, "- " * 50_000 + "x", "{a: " * 20_000, "x" * 300_000):
        with pytest.raises(BadInput):
            read(text, "ag.yaml")


def test_agreements_are_found_by_id_by_agency_and_by_pair_as_the_slow_way_finds_them() -> None:
    names = ("aa", "bb", "cc", "dd")
    listed = [
        read(TEXT.replace("AG-2026-01", f"AG-{n}").replace("harbour-police", a).replace("port-prosecutor", b), "x")
        for n, (a, b) in enumerate((a, b) for a in names for b in names if a != b)
    ]
    indexed = Agreements(reversed(listed))
    assert {i: indexed[i] for i in indexed} == {a.id: a for a in listed} and len(indexed) == len(listed)
    for one in names:
        assert {a.id for a in indexed.of(one).values()} == {a.id for a in listed if one in a.parties}
        for other in names:
            for moment in (FIRST - 1, FIRST, END):
                assert between(indexed, one, other, moment) == between(listed, one, other, moment)


def test_of_a_newer_bundle_only_what_changed_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, count = Reader(), []
    real = agreements_module.read
    monkeypatch.setattr(agreements_module, "read", lambda text, source: (count.append(source), real(text, source))[1])
    texts = {"a.yaml": TEXT, "b.yaml": TEXT.replace("AG-2026-01", "AG-2")}
    first = reader.under(texts)
    assert reader.under(texts) is first
    reader.under({**texts, "b.yaml": texts["b.yaml"].replace("365", "30")})
    assert count == ["a.yaml", "b.yaml", "b.yaml"]
