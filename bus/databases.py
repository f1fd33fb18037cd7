"""An SQLite file that several processes or threads open, also in the moment in which it is made."""

import sqlite3
import time
from typing import Final

_PATIENCE: Final = 5.0
_PAUSE: Final = 0.05


def keep_log(db: sqlite3.Connection) -> None:
    """Let readers of this file wait for no writer (write-ahead log); the file remembers. Raises `sqlite3.Error`, also
    where somebody else has it locked for longer than five seconds, or than `db` waits.

    Of two that turn a new file into one with a log, SQLite tells one at once that it is locked, whatever it was told
    to wait: both read it already, and neither can write before the other has ended.
    """
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                raise
        time.sleep(_PAUSE)
