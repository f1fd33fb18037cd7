"""`python -m evaluation` from end to end, with a redactor that masks nothing."""

import json
import sys
from pathlib import Path

import pytest

from evaluation import __main__ as command
from evaluation import cases, report

NOTHING = """
import json, sys
source, target = sys.argv[-2:]
with open(target, "w") as out:
    for line in open(source):
        asked = json.loads(line)
        out.write(json.dumps({"id": asked["id"], "redacted": asked["text"], "findings": []}) + "\\n")
"""


@pytest.fixture
def nothing(tmp_path: Path) -> str:
    script = tmp_path / "nothing.py"
    script.write_text(NOTHING)
    return f"{sys.executable} {script}"


def test_a_quick_run_prints_every_figure_and_writes_them_for_machines(
    nothing: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "figures.json"
    assert command.main(["--quick", "--command", nothing, "--json", str(figures)]) == 0
    printed = capsys.readouterr().out
    for label in ("documents that leak", "near misses masked", "ordinary prose: words masked", "by family", "by trap"):
        assert label in printed
    columns = json.loads(figures.read_text())["columns"]
    assert columns.keys() == {"without the model", "with the model"}
    assert columns["with the model"]["known person: mentions left, by trap"]["birth"]["hits"] > 100


def test_the_figures_are_published_with_date_and_versions(
    nothing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "docs" / "redaction.md"
    page.parent.mkdir()
    page.write_text(f"# x\n{report.BEGIN}\n{report.END}\n")
    monkeypatch.setattr(command, "PAGE", page)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    asked = ["--model", "without", "--only", "narratives", "--write", "--command", nothing]
    assert command.main([*asked, "--root", str(tmp_path)]) == 0
    written = page.read_text()
    assert "Measured on 20" in written
    assert "safeconduct 0." in written
    assert "| own narratives: documents that leak |" in written
    assert "court cases" not in written  # not asked for, so not claimed
    assert "forms in sentences" not in written


def test_without_the_sample_what_rests_on_it_is_skipped_by_name(
    nothing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cases, "SAMPLE", tmp_path / "nowhere.jsonl")
    assert command.main(["--quick", "--model", "without", "--only", "cases", "--command", nothing]) == 0
    assert cases.MISSING in " ".join(capsys.readouterr().out.split())


def test_a_redactor_that_cannot_be_run_ends_it_with_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    failing = f"{sys.executable} -c 'raise SystemExit(\"no model here\")'"
    assert command.main(["--quick", "--model", "with", "--only", "narratives", "--command", failing]) == 1
    assert "Cannot measure with the model" in capsys.readouterr().err
