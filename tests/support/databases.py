"""What a question to one of our SQLite files costs, counted and not timed."""

from collections.abc import Callable

from adapters.database import Database


def work(database: Database, question: Callable[[], object]) -> int:
    """How many instructions of SQLite's machine it takes."""
    count = 0

    def one() -> int:
        nonlocal count
        count += 1
        return 0

    database._db.set_progress_handler(one, 1)
    try:
        question()
    finally:
        database._db.set_progress_handler(None, 1)
    return count
