"""The code lists of section B: where they come from, how sure they are, and that they are the words of the code."""

import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from messages import labels
from messages.catalogue import CodeList, load
from messages.catalogue.conditions import PLATFORMS
from messages.catalogue.datatype import SPECIAL
from messages.catalogue.laws_of_people import INDICATORS
from messages.catalogue.loader import STATES
from messages.limits import DAY, HOUR

HTCDS = Path(__file__).resolve().parents[4] / "shared" / "samples" / "htcds"


def _list(name: str) -> CodeList:
    return load().codes[name]


# source and state


@pytest.mark.parametrize("name", load().codes)
def test_every_list_names_its_source_and_how_sure_it_is(name: str) -> None:
    codes = _list(name)
    assert len(codes.source) > 5 or codes.source in ("Primero",)
    assert codes.state in STATES
    assert codes.codes and all(codes.state_of(code) in STATES for code in codes.codes)
    if codes.open:
        assert not any(code for code in codes.codes if code.startswith("REL-TO-"))
        re.compile(codes.open)


def test_what_was_not_read_in_its_source_is_not_called_verified() -> None:
    """CATALOGUE F.7: the list of what has to be checked before it is quoted."""
    for name in ("strengths", "uk-sources", "uk-assessments", "uk-handling", "label-categories"):
        assert _list(name).state == "R"
    for name, codes in {
        "urgencies": "SFI-8H SFI-1W SFI-14D SIRENE-12H EIO-ACK EPOC EPOC-PR EAW ARO",
        "exploitation-purposes": "surrogacy forced-marriage illegal-adoption forced-begging",
        "age-bands": "18-20 21-23 24-26 27-29 30-38 39-47",
        "lawful-bases": "LED-8 LED-10 LED-9(3) GDPR-6-1-a ISD-7 MLA-UNTOC-18",
    }.items():
        assert {_list(name).state_of(code) for code in codes.split()} == {"R"}
    assert _list("urgencies").state_of("ISD-NORMAL") == "V"


# held against the words of the code

WORDS = {
    "tlp": labels.Tlp,
    "h-codes": labels.HCode,
    "pap": labels.Pap,
    "caveats": labels.Caveat,
    "purposes": labels.Purpose,
    "lawful-bases": labels.Basis,
    "crime-areas": labels.CrimeArea,
    "source-grades": labels.SourceGrade,
    "information-grades": labels.InformationGrade,
    "subject-roles": labels.Role,
    "flags": labels.Flag,
    "party-classes": labels.PartyClass,
}


@pytest.mark.parametrize("name", WORDS)
def test_a_list_and_the_words_of_the_code_are_one(name: str) -> None:
    assert set(_list(name).codes) == {word.value for word in WORDS[name]}
    if name in ("tlp", "h-codes", "pap", "source-grades", "information-grades"):
        assert list(_list(name).codes) == [word.value for word in WORDS[name]], "the order is part of it"


@pytest.mark.parametrize("urgency", labels.Urgency)
def test_every_urgency_of_the_code_has_its_limit_and_source_in_the_list(urgency: labels.Urgency) -> None:
    told = _list("urgencies").attributes.get(urgency.value, {})
    assert urgency.value in _list("urgencies")
    if urgency.limit is None:
        assert "limit" not in told
        return
    number, unit = told["limit"].split()
    if unit != "wd":  # working days depend on a calendar
        assert int(number) * {"h": HOUR, "d": DAY}[unit] == urgency.limit
    assert told["source"]


def test_every_time_limit_of_the_catalogue_is_there() -> None:
    limits = {code: own.get("limit") for code, own in _list("urgencies").attributes.items()}
    assert limits == {
        "ISD-URGENT-DIRECT": "8 h",
        "ISD-URGENT-INDIRECT": "3 d",
        "ISD-NORMAL": "7 d",
        "SFI-8H": "8 h",
        "SFI-1W": "7 d",
        "SFI-14D": "14 d",
        "SIRENE-12H": "12 h",
        "EIO-ACK": "7 d",
        "EIO-RECOGNISE": "30 d",
        "EIO-EXECUTE": "90 d",
        "EPOC": "10 d",
        "EPOC-EMERGENCY": "8 h",
        "EPOC-PR": "60 d",
        "FREEZE-URGENT": "48 h",
        "CONFISCATE": "45 d",
        "EAW": "10 d",
        "ARO": "7 d",
        "PRUM-CORE": "48 h",
        "REF-EMERGENCY": "24 h",
        "REF-URGENT": "72 h",
        "REF-NORMAL": "14 d",
        "NRM-RG": "5 wd",
        "RECOVERY": "30 d",
    }


def test_the_mapping_of_grades_is_that_of_the_code_and_never_upgrades() -> None:
    sources, informations = labels.ADMIRALTY_TO_4X4
    for name, mapping in (("admiralty-sources", sources), ("admiralty-information", informations)):
        told = {code: own["4x4"] for code, own in _list(name).attributes.items()}
        assert told == {code: grade.value for code, grade in mapping.items()}
    back_sources, back_informations = labels.FOUR_TO_ADMIRALTY
    assert {c: a["admiralty"] for c, a in _list("source-grades").attributes.items()} == {
        grade.value: code for grade, code in back_sources.items()
    }
    assert {c: a["admiralty"] for c, a in _list("information-grades").attributes.items()} == {
        grade.value: code for grade, code in back_informations.items()
    }
    for name, scale in (("uk-sources", "source-grades"), ("uk-assessments", "information-grades")):
        assert all(own["4x4"] in _list(scale) for own in _list(name).attributes.values())


def test_conditions_and_laws_use_the_words_of_the_lists() -> None:
    assert frozenset(_list("platforms").codes) == PLATFORMS
    dimensions = {code: int(says.split()[0]) for code, says in _list("indicator-dimensions").codes.items()}
    assert dimensions == INDICATORS
    assert sum(dimensions.values()) - dimensions["ilo-11"] == 67
    assert len(_list("ilo-11").codes) == 11
    assert {s.special for t in load().types.values() for s in t.own.values()} - {""} <= SPECIAL


# printed numbers of entries, and single words that matter

SIZES = {
    "refusals": 17,
    "purposes": 9,
    "lawful-bases": 22,
    "acts": 5,
    "means": 8,
    "exploitation-purposes": 12,
    "control-methods": 16,
    "exploitation-types": 11,
    "recruitment-methods": 10,
    "service-needs": 28,
    "notice-colours": 9,
    "party-classes": 12,
    "cui-victim-labels": 12,
    "venues": 34,
    "industries": 52,
    "platforms": 15,
    "report-codes": 9,
    "party-roles": 13,
    "levels": 4,
    "levels-refused": 3,
}


@pytest.mark.parametrize("name", SIZES)
def test_lists_have_their_number_of_codes(name: str) -> None:
    assert len(_list(name).codes) == SIZES[name]


def test_refusals_are_numbered_without_a_gap() -> None:
    assert list(_list("refusals").codes) == [f"R{number:02d}" for number in range(1, 18)]


def test_tlp_has_the_stix_ids_of_both_versions() -> None:
    told = _list("tlp").attributes
    ids = [own["stix"] for own in told.values()] + [own["stix-tlp1"] for own in told.values() if "stix-tlp1" in own]
    assert len(ids) == len(set(ids)) == 9
    assert all(re.fullmatch(r"marking-definition--[0-9a-f-]{36}", one) for one in ids)
    assert told["AMBER+STRICT"]["stix"] == "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"
    assert "stix-tlp1" not in told["AMBER+STRICT"]
    assert "marking-definition--826578e1-40ad-459f-bc73-ede076f81f37" not in ids, "OpenCTI's own, never emitted"


def test_machine_tags_of_our_own_namespace_say_their_list_and_code() -> None:
    found = {name for name in load().codes if name.startswith("thb-")}
    assert found == {"thb-subject", "thb-field", "thb-consent", "thb-release", "thb-matching"}
    for name in found:
        predicate = name.removeprefix("thb-")
        for code, own in _list(name).attributes.items():
            assert own["mark"] == f'thb:{predicate}="{code}"'


# against the standard itself


def _htcds() -> dict[str, set[str]]:
    """Picklists of the field standard by prefixed field name; the OpenDocument sheet is a ZIP of XML."""
    table = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
    text = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
    with zipfile.ZipFile(HTCDS / "HTCDS Field Standards 2.0.ods") as sheet:
        root = ElementTree.fromstring(sheet.read("content.xml"))  # noqa: S314  a file of our own samples
    found: dict[str, set[str]] = {}
    for row in root.iter(f"{table}table-row"):
        cells: list[list[str]] = []
        for cell in row.findall(f"{table}table-cell"):
            lines = ["".join(p.itertext()).strip() for p in cell.iter(f"{text}p")]
            cells += [lines] * min(int(cell.get(f"{table}number-columns-repeated", "1")), 20)
        if len(cells) > 9 and len(cells[6]) == 1 and len(cells[9]) > 1:
            found[cells[6][0]] = {word for line in cells[9] for word in line.split()}
    return found


FROM_HTCDS = {
    "gender": "prs_Gender",
    "marital-status": "prs_MaritalStatus",
    "education": "prs_HighestLevelOfEducation",
    "trafficking-status": "vic_TraffickingStatus",
    "trafficking-status-by": "vic_TraffickingStatusDecisionMakingOrg",
    "platforms": "vic_RecruitmentWebsitesAndApps",
    "recruitment-methods": "vic_MethodOfRecruitment",
    "control-methods": "vic_MethodsOfControl",
    "exploitation-types": "vic_TypeOfExploitation",
    "sex-exploitation": "vic_TypeOfSexExploitation",
    "role-in-process": "per_RoleInProcess",
    "event-types": "hte_Type",
    "case-statuses": "cas_Status",
}


@pytest.mark.skipif(not HTCDS.is_dir(), reason="shared/samples/htcds is not beside the project")
def test_the_words_taken_from_htcds_are_those_of_the_standard() -> None:
    standard = _htcds()
    assert len(standard) > 15
    for ours, theirs in FROM_HTCDS.items():
        assert set(_list(ours).codes) == standard[theirs], ours
    needs = {code for code, own in _list("service-needs").attributes.items() if own["source"] == "HTCDS 2.0"}
    assert needs == standard["spl_Type"]
    sections = {word.split("_")[0] for word in standard["vic_ForcedLabourIndustry"]}
    assert sections == {code for code in _list("industries").codes if len(code) == 1}
    spelt = standard["vic_RelationshipToTrafficker"]
    assert spelt - set(_list("relationship-to-trafficker").codes) == {"Unaquainted"}
