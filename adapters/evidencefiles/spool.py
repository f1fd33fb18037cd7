"""Sealed evidence files on our disk, and what is known of each: HOME/files.

A file is sealed as a whole before any of it is sent, under a key that seals nothing else. So nothing is ever sealed
twice in different bytes under one key, the file itself may be moved or changed meanwhile, and a process that was killed
goes on with the same bytes. What arrives is kept sealed too until it is complete. Nothing in here can be read without
the key, which stands in the message's section alone.

    HOME/files/files.db    what goes out: for which message, how many chunks, how many the broker has; what ever did
    HOME/files/out/<id>    a sealed file on its way out
    HOME/files/in/<id>     chunks that have arrived, in order
"""

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

from adapters.database import Database
from adapters.evidencefiles.exhibits import Exhibit, Progress, quiet
from keys.filestream import Opener, Sealer
from messages.errors import BadInput, DependencyError, ShareError, Unverified
from messages.evidencefile import CHUNK, HEADER, SEALED_CHUNK, EvidenceFile, chunks_of
from messages.ids import MessageId
from messages.limits import LIFETIME

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS outgoing (
  object BLOB PRIMARY KEY, message BLOB NOT NULL, chunks INTEGER NOT NULL, until INTEGER NOT NULL,
  sent INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS outgoing_message ON outgoing (message);
CREATE TABLE IF NOT EXISTS sealed (object BLOB PRIMARY KEY);  -- for ever, though nothing of it is here any more
"""
AGAIN: Final = "An evidence file of this case was sealed for a message before; read the case file anew, then send it."
FULL: Final = "An evidence file cannot be written; free some disk space, then try again."
_THERE: Final = "{} is there already; name another folder."
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})
"""What a file system without hard links answers, such as that of most memory sticks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One sealed file: `sent` chunks of `chunks` are at the broker."""

    object: bytes
    message: MessageId
    chunks: int
    until: int
    sent: int


def place(number: int) -> tuple[int, int]:
    """Where a sealed chunk stands in a sealed file, and its length."""
    return (HEADER + number * SEALED_CHUNK, SEALED_CHUNK) if number else (0, HEADER + SEALED_CHUNK)


class Spool(Database):
    """The folder. Every method that changes it is durable when it returns."""

    def __init__(self, home: Path) -> None:
        self._out, self._in = home / "files" / "out", home / "files" / "in"
        try:
            for folder in (home / "files", self._out, self._in):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise _unwritten(error, home) from None
        super().__init__(home / "files" / "files.db", _SCHEMA, "The list of evidence files")

    @staticmethod
    def begun(home: Path) -> bool:
        """Whether there ever was an evidence file here."""
        return (home / "files" / "files.db").is_file()

    # going out

    def check_new(self, exhibit: Exhibit) -> None:
        """Raise `BadInput` where this file was sealed for a message before: one key seals one file once. Whoever reads
        the case file anew gets new keys.
        """
        if self._db.execute("SELECT 1 FROM sealed WHERE object = ?", (exhibit.object,)).fetchone() is not None:
            raise BadInput(AGAIN)

    def seal(self, exhibit: Exhibit, message: MessageId, progress: Progress = quiet) -> None:
        """Seal a file for a message that `check_new` lets pass; `note` it then. May run in another thread.

        Raises `BadInput` where it is not any more what it was when it was looked at, or lies here sealed: that is
        never written over, for part of it may be at the broker.
        """
        path = self._out / exhibit.object.hex()
        sealer, hashed = Sealer(exhibit.key, message, exhibit.object, exhibit.size), sha256()
        try:
            out = _new(path)
        except FileExistsError:
            raise BadInput(AGAIN) from None
        except OSError as error:
            raise _unwritten(error, self._out) from None
        try:
            with out as sealed, _opened(exhibit.path) as file:
                for number in range(sealer.chunks):
                    plain = _read(file, exhibit.path, min(CHUNK, exhibit.size - number * CHUNK))
                    hashed.update(plain)
                    sealed.write(sealer.push(plain))
                    progress("sealing", number + 1, sealer.chunks)
                if hashed.digest() != exhibit.digest or _read(file, exhibit.path, 1):
                    raise BadInput("The file changed while it was read; send it again.")
                sealed.flush()
                os.fsync(sealed.fileno())
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise _unwritten(error, self._out) from None
            raise

    def note(self, exhibit: Exhibit, message: MessageId, until: int) -> None:
        """Note a sealed file as one that goes out with this message, which expires at `until`; raises as `check_new`
        does.
        """
        with self._write() as db:
            if not db.execute("INSERT OR IGNORE INTO sealed VALUES (?)", (exhibit.object,)).rowcount:
                raise BadInput(AGAIN)  # by another process, since it was checked
            db.execute(
                "INSERT INTO outgoing (object, message, chunks, until) VALUES (?, ?, ?, ?)",
                (exhibit.object, message, chunks_of(exhibit.size), until),
            )

    def outgoing(self, message: bytes | None = None) -> list[Outgoing]:
        """Files of this message (of all without one) that are not at the broker yet."""
        query, of = "SELECT object, message, chunks, until, sent FROM outgoing", () if message is None else (message,)
        rows = self._db.execute(f"{query} WHERE message = ?" if of else query, of)
        return [Outgoing(object=o, message=MessageId(m), chunks=c, until=u, sent=s) for o, m, c, u, s in rows]

    def chunk(self, stored: bytes, number: int) -> bytes:
        """One sealed chunk of a file that goes out."""
        start, length = place(number)
        try:
            with (self._out / stored.hex()).open("rb") as file:
                file.seek(start)
                data = file.read(length)
        except OSError:
            data = b""
        if len(data) != length:
            raise DependencyError("A sealed evidence file is damaged or gone; send the message again.")
        return data

    def sent(self, stored: bytes, chunks: int) -> None:
        """Note that the broker has so many chunks, from the first on."""
        with self._write() as db:
            db.execute("UPDATE outgoing SET sent = ? WHERE object = ?", (chunks, stored))

    def done(self, stored: bytes) -> None:
        """All of it is at the broker, or it is not to be sent: it goes from here."""
        with self._write() as db:
            db.execute("DELETE FROM outgoing WHERE object = ?", (stored,))
        (self._out / stored.hex()).unlink(missing_ok=True)

    def sweep(self, now: int) -> None:
        """Take away what is of no use any more: files whose message has expired, what a crash left half sealed, and
        what was fetched in part and left so for longer than any message lives.
        """
        for file in self.outgoing():
            if now > file.until:
                self.done(file.object)
        known = {file.object.hex() for file in self.outgoing()}
        for path in self._out.iterdir():
            if path.name not in known and now / 1000 - path.stat().st_mtime > 86_400:
                path.unlink(missing_ok=True)
        for path in self._in.iterdir():
            if now / 1000 - path.stat().st_mtime > LIFETIME / 1000:
                path.unlink(missing_ok=True)

    # coming in

    def arrived(self, stored: bytes) -> int:
        """How many chunks of a file have arrived whole, from the first on."""
        try:
            length = (self._in / stored.hex()).stat().st_size
        except FileNotFoundError:
            return 0
        return max(0, (length - HEADER) // SEALED_CHUNK)

    def receive(self, stored: bytes, number: int, chunks: list[bytes]) -> None:
        """Keep chunks that have arrived: the first of them is `number`, and all before it are here."""
        path = self._in / stored.hex()
        try:
            with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
                file.truncate(place(number)[0])
                file.seek(0, os.SEEK_END)
                file.writelines(chunks)
                file.flush()
                os.fdatasync(file.fileno())
        except OSError as error:
            raise _unwritten(error, self._in) from None

    def open_into(
        self, target: Path, stored: bytes, file: EvidenceFile, message: MessageId, progress: Progress = quiet
    ) -> None:
        """Open a complete file into `target`, which appears only once everything in it was verified.

        Raises `Unverified` where it does not hold (what arrived is thrown away, to be fetched anew), `BadInput` where
        the target is there already or its folder does not take it, `DependencyError` where the disk is full or what
        arrived cannot be read: then it stays as it is.
        """
        self.check_target(target)
        part = target.with_name(f".{target.name}.part")
        try:
            with _ours(part) as plain:
                try:
                    self._open_into(plain, stored, file, message, progress)
                    plain.flush()
                    os.fsync(plain.fileno())
                    _appear(part, target)
                finally:
                    part.unlink(missing_ok=True)
        except Unverified:
            (self._in / stored.hex()).unlink(missing_ok=True)
            raise
        except OSError as error:
            raise _not_taken(error, target) from None
        (self._in / stored.hex()).unlink(missing_ok=True)

    def _open_into(
        self, plain: BinaryIO, stored: bytes, file: EvidenceFile, message: MessageId, progress: Progress
    ) -> None:
        opener, hashed, size = Opener(file.key, message, stored, chunks_of(file.size)), sha256(), 0
        for sealed in self._received(stored, opener.chunks):
            piece = opener.pull(sealed)
            hashed.update(piece)
            size += len(piece)
            plain.write(piece)
            progress("opening", opener.opened, opener.chunks)
        if not opener.complete or size != file.size or hashed.digest() != file.digest:
            raise Unverified("The evidence file is not the one that its sender signed.")

    @staticmethod
    def check_target(target: Path) -> None:
        """Raise `BadInput` where there is something already, or no folder that could take it."""
        if os.path.lexists(target):
            raise BadInput(_THERE.format(target))
        if not target.parent.is_dir():
            raise BadInput(f"There is no folder {target.parent}; make it, or name another folder.")
        if not os.access(target.parent, os.W_OK | os.X_OK):
            raise BadInput(f"Nothing may be written into {target.parent}; correct its rights, or name another folder.")

    def _received(self, stored: bytes, chunks: int) -> Iterator[bytes]:
        try:
            with (self._in / stored.hex()).open("rb") as file:
                for number in range(chunks):
                    yield file.read(place(number)[1])
        except FileNotFoundError:
            raise DependencyError("What had arrived of the evidence file is gone; open the message again.") from None
        except OSError as error:
            raise DependencyError(
                f"What has arrived of the evidence file cannot be read ({error.strerror}); check the disk, then open "
                "the message again."
            ) from None


def _new(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _ours(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _unwritten(error: OSError, folder: Path) -> DependencyError:
    """What to raise where a file of ours cannot be written."""
    if error.errno in _NO_ROOM:
        return DependencyError(FULL)
    return DependencyError(
        f"An evidence file cannot be written into {folder} ({error.strerror}); check the disk and its permissions."
    )


def _appear(part: Path, target: Path) -> None:
    """Give a whole file its name, never over one that is there."""
    try:
        os.link(part, target)
    except OSError as error:
        if error.errno in _NO_LINKS:
            raise BadInput(
                f"The disk of {target.parent} has no hard links, by which the file appears as a whole or not at all; "
                "name a folder on another disk."
            ) from None
        raise


def _not_taken(error: OSError, target: Path) -> ShareError:
    """What to raise where a file that was opened cannot be put where people asked for it."""
    if error.errno in _NO_ROOM:
        return DependencyError(FULL)
    if error.errno == errno.EEXIST:
        return BadInput(_THERE.format(target))
    if error.errno == errno.EFBIG:
        return BadInput(f"The disk of {target.parent} takes no file of this size; name a folder on another disk.")
    return BadInput(
        f"The evidence file cannot be written into {target.parent} ({error.strerror}); correct that, or name another "
        "folder."
    )


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise _unreadable(error, path) from None


def _read(file: BinaryIO, path: Path, length: int) -> bytes:
    try:
        return file.read(length)
    except OSError as error:  # a stick that was pulled out, a share that is gone
        raise _unreadable(error, path) from None


def _unreadable(error: OSError, path: Path) -> BadInput:
    return BadInput(f"The evidence file {path} cannot be read ({error.strerror}).")
