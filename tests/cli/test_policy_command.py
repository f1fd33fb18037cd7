"""`safeconduct policy`: the matrix, and what a draft would change, as a person types them."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from cli.ceremonies import rehearsing
from cli.main import app
from policies.decide import packaged_texts
from policies.rehearsal import Comparison
from policies.report import Report
from tests.support.orchid import TaskForce

SHELTER = "AGR-2026-04-shelter.yaml"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["policy", *map(str, words)], catch_exceptions=False)


def refused(*words: str | Path) -> str:
    found = run(*words)
    assert found.exit_code == 2, found.output
    assert "Traceback" not in found.output
    return re.sub(r"\s+", " ", found.output)


@pytest.fixture(scope="module")
def home(force: TaskForce) -> Path:
    return force.practice.broker


@pytest.fixture
def draft(force: TaskForce, tmp_path: Path) -> Path:
    """The agreement with the shelter, with one more identity in it."""
    path = tmp_path / "draft.yaml"
    path.write_text(force.bundle.agreements[SHELTER].replace("identity: [A24]", "identity: [A22, A24]"))
    return path


def edited(draft: Path, *changes: tuple[str, str]) -> Path:
    text = draft.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    draft.write_text(text)
    return draft


# Rehearse


def test_a_draft_is_rehearsed_as_text_as_a_page_and_as_a_report_with_the_same_digits(
    home: Path, draft: Path, tmp_path: Path
) -> None:
    page, data = tmp_path / "r.html", tmp_path / "r.json"
    said = run("rehearse", draft, "--home", home, "--html", page, "--json", data)
    assert said.exit_code == 0, said.output
    assert "Protected persons are newly exposed to wrenfold-support/" in said.stdout
    assert "A22/notes and A22/screening" in said.stdout
    made = Report.from_bytes(data.read_bytes())
    digits = re.search(r"digits of this report: ([\d ]+)", said.stdout)
    assert digits is not None and digits[1] in page.read_text(encoding="utf-8")
    assert {row["class"] for row in made.exposed} == {"NGO-S"}
    assert made.matrix["base"] == 1 and made.traffic is None


def test_what_is_in_force_is_not_touched_by_a_rehearsal(home: Path, draft: Path, force: TaskForce) -> None:
    def state() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in sorted((home / "trust").rglob("*")) if p.is_file()}

    before = state()
    assert run("rehearse", draft, "--home", home).exit_code == 0
    assert refused("rehearse", edited(draft, ("purposes: [", "purposes: [[")), "--home", home)
    assert state() == before


@pytest.mark.parametrize(("change", "line", "says"), [
    (("purposes: [", "purposes: [["), 9, "this is not YAML"),
    (("types: [A22, A23, A24]", "types: [A22, A23, A24, A99]"), 18, "'A99' is not a data type"),
    (("kinds: [VICTIM-REFERRAL]", "kinds: [VICTIM-REFERRAL, INTEL-REPORT]"), 18, "do not receive A03"),
    (("id: AGR-2026-04", "id: AGR-2026-44"), 18, "disagrees with AGR-2026-04"),
    (("wrenfold-support]", "wrenfold-suport]"), 17, "wrenfold-support, which is not a party"),
], ids=["broken YAML", "unknown type", "for nobody", "two that disagree", "unknown party"])  # fmt: skip
def test_a_broken_draft_is_refused_with_file_line_and_sentence(
    home: Path, draft: Path, change: tuple[str, str], line: int, says: str
) -> None:
    more = [("types: [A22, A23, A24]", "types: [A03, A22, A23, A24]")] if "INTEL-REPORT" in change[1] else []
    said = refused("rehearse", edited(draft, change, *more), "--home", home)
    assert f"draft.yaml, line {line}" in said, said
    assert says in said


ABROAD = "abroad.cedar"
RULES = {
    "a file that does not parse": (ABROAD, "forbid (principal", "forbid ((principal", r"abroad\.cedar, line \d+"),
    "a rule without a sentence": (ABROAD, "@says", "@said", r"abroad\.cedar, line \d+.*@says"),
    "a fact that does not exist": (ABROAD, "no_foreign", "no_foriegn", r"abroad\.cedar, line \d+.*no_foriegn"),
    "a word of no code list": (ABROAD, 'Role::"victim"', 'Role::"victm"', r"abroad\.cedar, line \d+.*victm"),
    "a schema that does not fit": (
        "schema.cedarschema", "    abroad?: Bool,\n", "", r"abroad\.cedar, line \d+.*no fact is called abroad",
    ),
    "a schema that does not parse": (
        "schema.cedarschema", "entity Flag enum", "entity Flag enumm", r"schema\.cedarschema, line \d+",
    ),
    "a right of no class": ("rights.yaml", "PRO", "PRESS", r"rights\.yaml, line \d+"),
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_broken_rules_are_refused_with_file_line_and_sentence(home: Path, tmp_path: Path, name: str) -> None:
    file, old, new, says = RULES[name]
    (tmp_path / "rules").mkdir()
    text = packaged_texts()[file]
    assert old in text
    (tmp_path / "rules" / file).write_text(text.replace(old, new, 1))
    said = refused("rehearse", tmp_path, "--home", home)
    assert re.search(says, said), said


def test_a_draft_that_is_not_there_or_says_nothing_is_a_mistake(home: Path, tmp_path: Path) -> None:
    assert "missing.yaml" in refused("rehearse", tmp_path / "missing.yaml", "--home", home)
    assert "holds no proposal" in refused("rehearse", tmp_path, "--home", home)


def test_a_day_chooses_among_records_and_needs_them(home: Path, draft: Path, tmp_path: Path) -> None:
    assert "--records" in refused("rehearse", draft, "--home", home, "--since", "2026-01-01")
    assert "audit export" in refused("rehearse", draft, "--home", home, "--records", tmp_path)


def test_rules_are_rehearsed_over_classes_and_say_which_rule_changed(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Comparison, "_classes", lambda self, at: [])  # tests/policies/test_rehearsal.py looks at them
    monkeypatch.setattr("policies.rehearsal.concerns", lambda before, after: [])
    (tmp_path / "rules").mkdir()
    text = packaged_texts()["abroad.cedar"]
    (tmp_path / "rules" / "abroad.cedar").write_text(text.replace("unless { context has released }", "unless { true }"))
    said = run("rehearse", tmp_path, "--home", home)
    assert said.exit_code == 0 and "rules changed: R-29" in said.output


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    screen = Terminal()
    monkeypatch.setattr(
        rehearsing, "err", Console(file=screen, force_terminal=True, width=100, _environ={"TERM": "xterm"})
    )
    yield screen


def test_a_long_rehearsal_shows_how_far_it_is_on_standard_error_and_only_to_people(terminal: Terminal) -> None:
    with rehearsing.progress("rehearsing") as tick:
        assert tick is not None
        tick(1, 2)
        tick(2, 2)
    assert "rehearsing" in terminal.getvalue() and "2/2" in terminal.getvalue()


def test_nothing_is_drawn_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsing, "err", Console(file=io.StringIO(), force_terminal=True))
    with rehearsing.progress("rehearsing") as tick:
        assert tick is None


# Matrix


def test_the_matrix_is_a_table_a_page_a_picture_and_values(home: Path, tmp_path: Path) -> None:
    table = run("matrix", "--home", home)
    assert table.exit_code == 0 and "district-prosecutor" in table.stdout and "wrenfold-support" in table.stdout
    page, image = tmp_path / "m.html", tmp_path / "m.svg"
    assert run("matrix", "--home", home, "--html", page, "--svg", image).exit_code == 0
    assert "Who may send what to whom" in page.read_text(encoding="utf-8")
    assert image.read_text(encoding="utf-8").startswith("<svg ")
    cells = json.loads(run("matrix", "--home", home, "--json").stdout)
    assert {(c["sender"], c["recipient"], c["data_type"], c["level"]) for c in cells} >= {
        ("harbour-police", "wrenfold-support", "A24", "consent"),
        ("harbour-police", "valea-police", "A02", "release"),
    }
    assert all(c["says"] and c["rules"] for c in cells)


def test_the_matrix_of_one_agency_holds_it_and_its_partners(home: Path, force: TaskForce) -> None:
    cells = json.loads(run("matrix", "--home", home, "--agency", "wrenfold-support", "--json").stdout)
    assert {c["sender"] for c in cells} | {c["recipient"] for c in cells} == {"wrenfold-support", "harbour-police"}
    assert "wrenfold-support" in refused("matrix", "--home", home, "--agency", "wrenfold-suport")


def test_an_agency_sees_its_own_part_of_the_matrix_alone(force: TaskForce) -> None:
    own = force.practice.party("wrenfold-support")
    cells = json.loads(run("matrix", "--home", own, "--json").stdout)
    assert {c["sender"] for c in cells} | {c["recipient"] for c in cells} == {"wrenfold-support", "harbour-police"}
