"""docs/envelope.md says what the code does: its tables, bounds, codes and example are held to it here."""

import re
from enum import Enum
from pathlib import Path

from keys.domains import TABLE, KeyKind
from messages import labels, limits
from messages.acknowledgements import Fault, Said
from messages.attestations import ConsentForm, ConsentPurpose, ConsentRoute
from messages.ceremony import StepCode
from messages.escalation import Stage
from messages.evidence import EvidenceType, Outcome
from messages.holds import HoldGround
from messages.leaks import LeakGround
from messages.raised import What
from messages.recalls import RecallGround, Standing
from messages.withdrawals import Erasure, KeepGround, Part, ReviewNote
from tests.vectors import check as checker

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/envelope.md").read_text(encoding="utf-8")
CODES: list[tuple[str, type[Enum]]] = [
    ("kind", labels.Kind),
    ("purpose", labels.Purpose),
    ("basis", labels.Basis),
    ("area", labels.CrimeArea),
    ("urgency", labels.Urgency),
    ("lineage", labels.Lineage),
    ("evidence_use", labels.EvidenceUse),
    ("lifts", labels.Lift),
    ("ground", labels.Ground),
    ("tlp", labels.Tlp),
    ("h", labels.HCode),
    ("pap", labels.Pap),
    ("caveats", labels.Caveat),
    ("roles", labels.Role),
    ("flags", labels.Flag),
    ("class", labels.PartyClass),
    ("purposes of a consent", ConsentPurpose),
    ("form", ConsentForm),
    ("route", ConsentRoute),
    ("outcome", Outcome),
    ("part of a notice", Part),
    ("outcome of an erasure", Erasure),
    ("ground to keep a copy", KeepGround),
    ("ground to release", LeakGround),
    ("word on a view", Said),
    ("fault of a view", Fault),
    ("note of a review", ReviewNote),
    ("ground to hold records", HoldGround),
    ("alarm of an adapter", What),
    ("ground to recall", RecallGround),
    ("what is said of a message", Standing),
    ("stage of an unopened message", Stage),
    ("type of evidence", EvidenceType),
    ("step of a ceremony", StepCode),
]


def section(number: int) -> str:
    """The text of one numbered section; a page without it fails."""
    found = re.search(rf"^## {number}\. .*?(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/envelope.md has no section {number}"
    return found.group()


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) > 2
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def who_signs_what() -> list[list[str]]:
    return [
        [f"`{tag.value}`", ", ".join(k.value for k in row.signers), row.fields, row.checked, row.since]
        for tag, row in TABLE.items()
    ]


def bounds() -> dict[str, int]:
    return {name: value for name, value in vars(limits).items() if name.isupper() and type(value) is int}


def codes() -> list[list[str]]:
    return [[name, " ".join(f"`{member.value}`" for member in of)] for name, of in CODES]


def test_the_page_has_its_eleven_sections_in_order() -> None:
    assert [int(n) for n in re.findall(r"^## (\d+)\. ", PAGE, re.MULTILINE)] == list(range(1, 12))


def test_who_signs_what_is_the_table_of_the_code() -> None:
    assert rows(section(7)) == who_signs_what()


def test_every_kind_of_key_signs_a_row_or_is_said_to_sign_none() -> None:
    signing = {k for row in TABLE.values() for k in row.signers}
    for kind in set(KeyKind) - signing - {KeyKind.RECIPIENT_DEVICE}:
        assert kind.value in section(7).lower()


def test_the_bounds_are_those_of_the_code() -> None:
    table = rows(section(9))
    assert {name.strip("`"): int(value.replace(" ", "")) for name, value, _ in table} == bounds()
    assert len(table) == len(bounds())
    assert all(reason for _, _, reason in table)


def test_the_code_lists_are_those_of_the_code() -> None:
    assert rows(section(11)) == codes()


def test_every_kind_that_the_code_hashes_or_signs_under_stands_on_the_page() -> None:
    found: set[str] = set()
    for folder in ("messages", "keys"):
        for path in (ROOT / folder).rglob("*.py"):
            found |= set(re.findall(r'(?:pae|digest)\("([a-z-]+)"', path.read_text(encoding="utf-8")))
    assert len(found) >= 8
    for kind in found:
        assert f"`{kind}`" in section(2), kind


def test_the_worked_example_is_a_vector() -> None:
    [vector] = [v for v in checker.load("envelopes") if v["name"] == "smallest"]
    raw = bytes.fromhex(vector["envelope"])
    value = checker.cbor(raw)
    example = " ".join(PAGE.split("\n## ")[0].split())
    shown = [
        *(checker.named("description", o["outer"]).hex() for o in value["openings"]),
        checker.named("manifest", value["manifest"]).hex(),
        f"{len(raw)} bytes",
        f"{len(value['manifest'])} bytes",
        "safeconduct/1 8 manifest 495 ",
    ]
    section_detail, grant_detail = (checker.cbor(o["detail"]) for o in value["openings"])
    shown += [d[:4].hex() + "…" for d in (section_detail["digest"], section_detail["commitment"], grant_detail["key"])]
    shown += [
        f"size {section_detail['size']}",
        "112",
        "1168 bytes",
        grant_detail["agreement"],
        grant_detail["recipient"],
    ]
    for text in shown:
        assert text in example, text
    assert checker.pae("manifest", value["manifest"]).startswith(b"safeconduct/1 8 manifest 495 ")
    [facts] = [v for v in checker.load("sections") if v["name"] == "facts"]
    assert f"({len(facts['output']) // 2} bytes of JSON)" in example


def test_the_fields_of_every_map_stand_on_the_page() -> None:
    for name, shape in {**checker.BODIES, "manifest": checker.MANIFEST, "view": checker.VIEW}.items():
        for field in shape:
            assert re.search(rf'[`"]{field}[`"]', PAGE), f"{name}: {field}"
