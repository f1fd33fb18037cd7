"""`safeconduct cluster demo`; what it does is done under far more faults in tests/faults/test_kit.py."""

from pathlib import Path

from tests.support.processes import command


def test_it_clears_no_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("mine")
    done = command("cluster", "demo", "--out", str(tmp_path))
    assert (done.returncode, (tmp_path / "letter").read_text()) == (2, "mine")
