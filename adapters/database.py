"""A file of ours that survives a crash: SQLite with full synchronisation, ours alone, where what is erased is gone.

Acknowledged means on the disk. Journal and shelf are such files; what stands in them is theirs to say.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bus.databases import keep_log
from messages.errors import DependencyError


class Database:
    """One such file, with its tables."""

    def __init__(self, path: Path, schema: str, what: str) -> None:
        """`what` begins the sentence about trouble with it. Raises `DependencyError` where it cannot be opened."""
        self._what = what
        try:
            path.touch(mode=0o600)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=10)
            keep_log(self._db)
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA secure_delete=ON")  # what is erased is overwritten
            self._db.executescript(schema)
        except (sqlite3.Error, OSError):
            raise DependencyError(f"{what} {path} cannot be opened; check the disk and its permissions.") from None

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """All of the block or nothing of it."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise self._unwritable() from None

    def _overwrite(self) -> None:
        """Let what was erased stand in the log of writes no longer either."""
        try:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error:
            raise self._unwritable() from None

    def _unwritable(self) -> DependencyError:
        return DependencyError(f"{self._what} cannot be written; free some disk space, then try again.")
