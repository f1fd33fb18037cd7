"""The data files as a whole: immutable, digested, and any fault in them stops the loading."""

from importlib.resources import files

import pytest

from messages.catalogue import CatalogueBroken, load
from messages.catalogue.loader import TYPE_IDS, build
from messages.labels import Kind


def _files() -> dict[str, bytes]:
    folder = files("messages.catalogue")
    return {item.name: item.read_bytes() for item in folder.iterdir() if item.name.endswith(".yaml")}


def test_the_catalogue_is_read_once_and_is_immutable() -> None:
    assert load() is load()
    with pytest.raises(TypeError):
        load().types["A99"] = load().type("A01")  # type: ignore[index]
    with pytest.raises(TypeError):
        load().type("A02").own["x"] = load().type("A02").own["gender"]  # type: ignore[index]
    with pytest.raises(AttributeError):
        load().type("A02").id = "A03"  # type: ignore[misc]


def test_the_digest_covers_every_byte_of_every_file() -> None:
    raw = _files()
    assert len(raw) == 28 + 6
    assert build(raw).digest == load().digest
    for name in raw:
        assert build({**raw, name: raw[name] + b"\n# x\n"}).digest != load().digest


BROKEN = [
    ("A02.yaml", b"flags: D L}", b"flags: d}"),
    ("A02.yaml", b"{full-date: D}", b"{ful-date: D}"),
    ("A02.yaml", b"part: facts, required: true, note", b"part: fact, required: true, note"),
    ("A02.yaml", b"code(gender)", b"code(genders)"),
    ("A02.yaml", b"type: tri", b"type: maybe"),
    ("A02.yaml", b"required: true, generalise: name", b"requird: true, generalise: name"),
    ("A02.yaml", b"generalise: keep", b"generalise: kept"),
    ("A02.yaml", b"laws: {precision-victim-places", b"laws: {precision-victims"),
    ("A02.yaml", b"field: subject_role", b"field: first_name"),
    ("A02.yaml", b"ref(A18)", b"ref(A81)"),
    ("A02.yaml", b"id: A02", b"id: A04"),
    (
        "A02.yaml",
        b"subject_role: {type: code(victim-roles), part: all, required: true}",
        b"subject_role: {type: code(victim-roles), part: all}",
    ),
    ("A02.yaml", b'age_band: ["0-8", "9-17"]', b'age_band: ["0-8", "9-16"]'),
    ("A02.yaml", b"special: sex-life-or-orientation", b"special: sex"),
    (
        "A02.yaml",
        b"marital_status: {type: code(marital-status)",
        b"marital_status: {special: health, type: code(marital-status)",
    ),
    ("A04.yaml", b"{undercover: informant}", b"{under-cover: informant}"),
    ("A04.yaml", b"{undercover: informant}", b"{undercover: spy}"),
    ("A06.yaml", b"[true, unknown, null]", b"[true, unknwon, null]"),
    ("A10.yaml", b"victim_aboard: [true, unknown, null]", b"victims_aboard: [true, unknown, null]"),
    ("A15.yaml", b"whose: {field: role, means", b"whose: {fixed: victim, field: role, means"),
    ("A15.yaml", b"{VCTM: victim}", b"{VICTIM: victim}"),
    ("A15.yaml", b"role: {type: code(party-roles), required: true}", b"role: {type: code(party-roles)}"),
    ("A18.yaml", b"application/x-ewf: 5368709120", b"application/x-msdownload: 5368709120"),
    ("A18.yaml", b"application/x-ewf: 5368709120", b"application/x-ewf: 0"),
    ("A27.yaml", b"only: {NGO-S: [outcome]}", b"only: {NGO-P: [outcome]}"),
    ("A27.yaml", b"only: {NGO-S: [outcome]}", b"only: {NGO-S: [outcomes]}"),
    ("codes.yaml", b"state: R", b"state: X"),
    ("codes.yaml", b"\nprecision:", b"\ntlp:"),
    ("codes-labels.yaml", b"effect: public", b"efect: public"),
    ("codes-labels.yaml", b"  state: V\n", b""),
    ("codes-labels.yaml", b"limit: 8 h", b"limit: 8"),
    ("A02.yaml", b"identity: identity", b"identity: hidden"),
    ("A02.yaml", b"NGO-S: referral", b"NGO-S: everything"),
    ("A02.yaml", b"NGO-S: referral", b"NGO: referral"),
    ("A02.yaml", b"tlp: RED", b"tlp: WHITE"),
    ("A02.yaml", b"  middle_name:", b"  first_name:"),
    ("A02.yaml", b"  middle_name:", b"  created:"),
    ("A01.yaml", b"never_leaves: true, ", b""),
    ("codes.yaml", b'"N": administrative', b"NO: administrative"),
    ("kinds.yaml", b"ACK:\n  number", b"ACKNOWLEDGE:\n  number"),
    ("kinds.yaml", b"STATISTICS-RETURN:", b"ALERT:"),
    ("kinds.yaml", b"driven_by: rfi", b"driven_by: magic"),
    ("kinds.yaml", b"deadline: urgency", b"deadline: whenever"),
    ("kinds.yaml", b"alone: true", b"lonely: true"),
    ("kinds.yaml", b"source_protection]", b"source_protektion]"),
    ("kinds.yaml", b"{outcome: {refused:", b"{outcome: {denied:"),
    ("kinds.yaml", b"{outcome: {refused:", b"{in_reply_to: {refused:"),
    ("kinds.yaml", b"evaluated: [A01, A05, A06]", b"evaluated: [A01, A08]"),
    ("kinds.yaml", b"h_code: manifest", b"h_code: nowhere"),
    ("kinds.yaml", b"h_code: manifest", b"source_protection: manifest"),
    ("kinds.yaml", b"reply: [RFI-RESPONSE, ACK]", b"reply: [ANSWER]"),
    ("kinds.yaml", b"types: [A01..A16]", b"types: [A01..A61]"),
    ("cover.yaml", b"type: code(source-protection)", b"type: code(source-protektion)"),
    ("cover.yaml", b"type: code(source-protection)", b"type: text"),
    ("cover.yaml", b"type: digests", b"type: digest"),
    ("cover.yaml", b"fields:", b"fields:\n  unused: {type: text, says: x}"),
    ("cover.yaml", b"says: why it is sent", b"means: why it is sent"),
    ("cover.yaml", b"{says: none}", b"{says: none, limits: 3}"),
    ("common.yaml", b"structures:", b"structure:"),
]


@pytest.mark.parametrize(("name", "old", "new"), BROKEN)
def test_a_fault_in_a_data_file_stops_the_loading(name: str, old: bytes, new: bytes) -> None:
    raw = _files()
    assert old in raw[name]
    with pytest.raises(CatalogueBroken):
        build({**raw, name: raw[name].replace(old, new, 1)})


KINDS = {
    Kind.INTEL_REPORT: ("M01", "A01 A02 A03 A05 A06 A07 A09 A10 A11 A12 A13 A14"),
    Kind.VICTIM_REFERRAL: ("M13", "A22 A23 A24"),
    Kind.REFERRAL_DECISION: ("M14", "A25"),
    Kind.DUTY_TO_NOTIFY: ("M16", "A02 A22"),
    Kind.SPONTANEOUS_DISCLOSURE: ("M21", "A01 A14 A15"),
    Kind.STATISTICS_RETURN: ("M25", "A28"),
    Kind.HIT_QUERY: ("M04", ""),
    Kind.HIT_REPLY: ("M05", ""),
    Kind.ACK: ("M27", ""),
}


@pytest.mark.parametrize("kind", KINDS)
def test_payload_types_of_a_kind(kind: Kind) -> None:
    number, types = KINDS[kind]
    assert load().kinds[kind].number == number
    assert load().kinds[kind].types == frozenset(types.split())


def test_every_kind_is_there_with_its_number_once() -> None:
    kinds = load().kinds
    assert set(kinds) == set(Kind)
    assert {kind.number for kind in kinds.values()} == {f"M{number:02d}" for number in range(1, 28)}
    assert kinds[Kind.RFI_RESPONSE].types == frozenset(TYPE_IDS)
    assert kinds[Kind.RFI].types == frozenset(TYPE_IDS[:16])


def test_a_victim_profile_in_clear_goes_only_under_the_listed_kinds() -> None:
    clear = {kind.number for kind in load().kinds.values() if kind.identity}
    assert clear == {"M07", "M08", "M11", "M16", "M17", "M26"}
    assert all("A02" in kind.types for kind in load().kinds.values() if kind.identity)


def test_every_kind_that_people_write_has_a_subject_line() -> None:
    for kind, spec in load().kinds.items():
        assert ("subject_line" in spec.cover) == (kind is not Kind.ACK)
        assert len(set(spec.cover)) == len(spec.cover)
