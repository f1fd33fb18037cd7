"""`safeconduct cluster demo`; what it does is done under far more faults in tests/faults/test_kit.py."""

from pathlib import Path

import pytest

from adapters.home import clock
from cli import practice
from messages.errors import BadInput
from tests.support.processes import command


def test_it_clears_no_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("mine")
    done = command("cluster", "demo", "--out", str(tmp_path))
    assert (done.returncode, (tmp_path / "letter").read_text()) == (2, "mine")


@pytest.mark.parametrize("like", ["nodes", "passphrase", "broker"])
def test_what_only_looks_like_a_demonstration_stays(tmp_path: Path, like: str) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / like).mkdir() if like != "passphrase" else (mine / like).write_text("mine")
    with pytest.raises(BadInput):
        practice.stage(mine)
    assert [path.name for path in mine.iterdir()] == [like]
    with pytest.raises(BadInput):
        practice.stage(Path(__file__))


def test_an_earlier_demonstration_goes_and_nothing_that_it_points_to(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "letter").write_text("mine")
    for _ in range(2):
        practice.stage(folder)
        assert [path.name for path in folder.iterdir()] == [practice.MARK]
        practice.make(folder, practice.example_folder(), clock())
        (folder / "link").symlink_to(elsewhere)
    assert (elsewhere / "letter").read_text() == "mine"
    practice.stage(folder)
    assert [path.name for path in folder.iterdir()] == [practice.MARK]
