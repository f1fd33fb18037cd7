"""SQLite files that several open at once."""

import sqlite3
import threading
from pathlib import Path

import pytest

from bus import databases
from bus.databases import keep_log
from tests.support.patience import PATIENCE


class Locked(sqlite3.Connection):
    """One that is told that the file is locked, so many times, as SQLite tells one of two at once."""

    times = 0
    asked = 0

    def execute(self, sql: str, *more: object) -> sqlite3.Cursor:  # type: ignore[override]
        type(self).asked += 1
        if type(self).times:
            type(self).times -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error
        return super().execute(sql, *more)


def mode(db: sqlite3.Connection) -> str:
    return str(db.execute("PRAGMA journal_mode").fetchone()[0])


def test_who_is_told_that_a_new_file_is_locked_asks_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "_PAUSE", 0)
    db = sqlite3.connect(tmp_path / "new.db", factory=Locked)
    monkeypatch.setattr(Locked, "times", 20)
    keep_log(db)
    assert mode(db) == "wal"
    monkeypatch.setattr(Locked, "times", 10**9)
    monkeypatch.setattr(databases, "_PATIENCE", 0.1)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        keep_log(db)
    db.close()


def test_who_waits_for_a_lock_by_itself_waits_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "_PATIENCE", 0.1)
    holds = sqlite3.connect(tmp_path / "new.db", isolation_level=None)
    holds.execute("BEGIN EXCLUSIVE")
    waits = sqlite3.connect(tmp_path / "new.db", timeout=0.3, factory=Locked)
    monkeypatch.setattr(Locked, "asked", 0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        keep_log(waits)
    assert Locked.asked == 1
    holds.execute("ROLLBACK")
    keep_log(waits)
    holds.close()
    waits.close()


def test_a_file_that_is_none_is_not_asked_again(tmp_path: Path) -> None:
    (tmp_path / "other.db").write_bytes(b"not a database" * 100)
    db = sqlite3.connect(tmp_path / "other.db")
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        keep_log(db)
    db.close()


def test_many_that_make_the_same_file_at_the_same_time_all_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "_PATIENCE", PATIENCE)

    def one(path: Path) -> None:
        db = sqlite3.connect(path)
        ready.wait()
        keep_log(db)
        found.append(mode(db))
        db.close()

    for number in range(30):
        found, ready = list[str](), threading.Barrier(8, timeout=PATIENCE)
        threads = [threading.Thread(target=one, args=(tmp_path / f"{number}.db",)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert found == ["wal"] * 8
