"""An SQLite file that several processes or threads open, also in the moment in which it is made."""

import sqlite3
import time
from typing import Final

_TURNS: Final = 100
_TURN: Final = 0.05


def keep_log(db: sqlite3.Connection) -> None:
    """Let readers of this file wait for no writer (write-ahead log); the file remembers. Raises `sqlite3.Error`, after
    some five seconds also where somebody else has it locked.

    Of two that turn a new file into one with a log, SQLite tells one at once that it is locked, whatever it was told
    to wait: both read it already, and neither can write before the other has ended.
    """
    for left in reversed(range(_TURNS)):
        try:
            db.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or not left:
                raise
            time.sleep(_TURN)
