"""Bounds and code lists of `audit` are those of docs/envelope.md, read from the page itself."""

import re
from pathlib import Path

import pytest

from audit import record
from audit.readers import bounds, codes, entries

PAGE = (Path(__file__).parents[2] / "docs/envelope.md").read_text(encoding="utf-8")
CODES = {
    "kind": codes.KIND,
    "purpose": codes.PURPOSE,
    "basis": codes.BASIS,
    "area": codes.AREA,
    "urgency": codes.URGENCY,
    "lineage": codes.LINEAGE,
    "evidence_use": codes.EVIDENCE_USE,
    "tlp": codes.TLP,
    "h": codes.H,
    "pap": codes.PAP,
    "caveats": codes.CAVEATS,
    "roles": codes.ROLES,
    "flags": codes.FLAGS,
    "outcome": codes.OUTCOME,
    "part of a notice": codes.PART,
    "ground to keep a copy": codes.KEEP_GROUND,
    "ground to release": codes.LEAK_GROUND,
    "word on a view": codes.SAID,
    "fault of a view": codes.FAULT,
    "stage of an unopened message": codes.STAGE,
    "what is said of a message": codes.RECALLED,
    "type of evidence": codes.EVIDENCE_TYPE,
    "step of a ceremony": codes.STEP,
}
OWN = {"STORED_BYTES", "KIND", "TAG_TEXT", "RULE", "RULES", "MIN_SECTION", "MAX_SECTION"}  # words on the page, not rows


def rows(number: int) -> dict[str, str]:
    found = re.search(rf"^## {number}\. .*?(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/envelope.md has no section {number}"
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in found.group().splitlines() if "|" in line
    ]
    return {row[0].strip("`"): row[1] for row in cells if len(row) > 1}


@pytest.mark.parametrize("name", sorted(CODES))
def test_a_code_list_is_that_of_the_page(name: str) -> None:
    listed = re.findall(r"`([^`]+)`", rows(11)[name])
    assert listed and CODES[name] == set(listed)


@pytest.mark.parametrize("name", sorted(n for n in vars(bounds) if n.isupper() and n not in OWN))
def test_a_bound_is_that_of_the_page(name: str) -> None:
    assert getattr(bounds, name) == int(rows(9)[name])


def test_the_bounds_that_stand_in_words() -> None:
    assert (bounds.KIND, bounds.TAG_TEXT, bounds.RULE, bounds.RULES) == (40, 64, 64, 64)
    assert (bounds.MIN_SECTION, bounds.MAX_SECTION) == (41, 40 + 2 * 1024 * 1024)
    assert (bounds.grant_length(1), bounds.grant_length(64)) == (1168, 1120 + 64 * 32 + 16)
    assert record.MAX_RECORD_BYTES == bounds.ATTESTATION_BYTES
    assert entries.MAX_RECORDS == bounds.GRANTS + 1
    assert [bounds.digest_slots(n) for n in (1, 4, 5, 8, 9, 320)] == [4, 4, 8, 8, 16, 512]
