"""Encryption keys that contacts stated since the trust bundle was signed: the broker's file of them.

They count from the moment they were accepted, also after a restart; the officers take them into the next epoch
(`safeconduct bundle take-statements`). One line for each, only ever added; a last line that a crash cut short is left
out, for its statement was not answered and comes again.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from keys.decisions import read_stated, stated_line
from messages.directory import KeyStatement
from messages.errors import DependencyError
from messages.ids import ContactHandle

try:
    import fcntl
except ImportError:  # pragma: no cover - not a POSIX system: one worker only there
    fcntl = None  # type: ignore[assignment]

FILE: Final = "stated.jsonl"


class Stated:
    """The file `trust/stated.jsonl`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def load(self) -> Mapping[ContactHandle, tuple[KeyStatement, ...]]:
        """All that was accepted, or raise `Malformed`, or `DependencyError` where the disk does not give it."""
        try:
            data = self._path.read_bytes() if self._path.exists() else b""
        except OSError as error:
            raise DependencyError(f"The stated encryption keys cannot be read ({error.strerror}).") from None
        whole = data[: data.rfind(b"\n") + 1]
        return {contact: tuple(found) for contact, found in read_stated(whole).items()}

    def add(self, contact: ContactHandle, statement: KeyStatement) -> None:
        """Keep one, for good when this returns; raises `DependencyError` where the disk does not take it.

        One that stands there already, because only its way to the disk failed the time before, is not written twice.
        """
        line = stated_line(contact, statement)
        try:
            self._path.touch(mode=0o600)
            with self._path.open("r+b") as file:
                _alone(file.fileno())  # until it is closed: workers beside us keep theirs in it too
                data = file.read()
                end = data.rfind(b"\n") + 1
                if line not in data[:end].splitlines(keepends=True):
                    file.seek(end)
                    file.truncate()
                    file.write(line)
                    file.flush()
                os.fsync(file.fileno())
            if not data:
                _sync(self._path.parent)
        except OSError as error:
            raise DependencyError(f"A stated encryption key cannot be kept ({error.strerror}).") from None


def _alone(handle: int) -> None:
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_EX)


def _sync(folder: Path) -> None:
    """Make the folder's list of files durable: a new file's name is lost with a power cut otherwise."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
