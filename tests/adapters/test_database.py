"""A file of ours on disk: all of a change or nothing of it, for its owner alone, and what is erased is overwritten."""

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.database import Database
from messages.errors import DependencyError

SCHEMA = "CREATE TABLE IF NOT EXISTS row (text TEXT)"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "file.db", SCHEMA, "The file")
    yield made
    made.close()


def rows(database: Database) -> list[str]:
    return [text for (text,) in database._db.execute("SELECT text FROM row")]


def put(database: Database, text: str) -> None:
    with database._write() as db:
        db.execute("INSERT INTO row VALUES (?)", (text,))


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, ValueError, DependencyError])
def test_a_change_that_breaks_off_leaves_nothing_and_the_next_one_is_made(
    database: Database, trouble: type[BaseException]
) -> None:
    with pytest.raises(trouble), database._write() as db:
        db.execute("INSERT INTO row VALUES ('half')")
        raise trouble("broken off")
    put(database, "whole")
    assert rows(database) == ["whole"]


def test_what_the_disk_does_not_take_is_one_sentence_and_leaves_nothing(database: Database) -> None:
    says = r"^The file cannot be written; free some disk space, then try again\.$"
    with pytest.raises(DependencyError, match=says), database._write() as db:
        db.execute("INSERT INTO row VALUES ('half')")
        raise sqlite3.OperationalError("database or disk is full")
    put(database, "whole")
    assert rows(database) == ["whole"]


def test_it_is_for_its_owner_alone_and_erased_text_is_in_no_file_of_it(database: Database, tmp_path: Path) -> None:
    put(database, "a name that is erased")
    with database._write() as db:
        db.execute("DELETE FROM row")
    database._overwrite()
    files = list(tmp_path.iterdir())
    assert [f.name for f in files if b"a name that is erased" in f.read_bytes()] == []
    assert {stat.S_IMODE(f.stat().st_mode) for f in files} == {0o600}


def test_what_is_no_such_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file.db").write_bytes(b"something else" * 100)
    with pytest.raises(DependencyError, match="cannot be opened"):
        Database(tmp_path / "file.db", SCHEMA, "The file")
