"""What the console keeps on disk: the proposals that officers handed in, and each account's saved searches.

    HOME/console/proposals/DIGEST    a line about it, then the proposal as it was handed in
    HOME/console/searches/HANDLE     one account's saved searches

No secret and no key is in it, and nothing rests on it: a proposal counts by its signatures alone, and each signer reads
it again on their own machine. It is the host's own, and no part of the log.
"""

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from audit.logdir import write_atomically
from broker.console.reviewing import Reviewed
from broker.console.words import mark
from broker.service import alone
from messages.errors import BadInput
from messages.ids import OfficerHandle

PROPOSALS: Final = 8
"""Open proposals at a time: they all lead to the same next epoch, and one of them will."""
SEARCHES: Final = 50
"""Saved searches of one account."""
NAME: Final = 60
"""Characters of a saved search's name."""
NOTE_BYTES: Final = 65_536
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedIn:
    """A proposal on the console, as the list shows it."""

    digest: str
    base: int
    by: str  # the account that handed it in
    at: int
    expires: int
    changes: int
    signed: tuple[str, ...]  # titles
    missing: tuple[str, ...]
    signatures: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A search that somebody saved."""

    id: str
    name: str
    asked: Mapping[str, str]  # the fields of the form that are not empty


class Kept:
    """The folder. Every call reads and writes files; call it in a thread."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._proposals = home / "console" / "proposals"
        self._searches = home / "console" / "searches"

    # Proposals

    def open(self, base: int, now: int) -> list[HandedIn]:
        """The proposals for the epoch after this one that can still be signed, the newest first."""
        found = [n for path in self._files() if (n := _note(path)) is not None and n.base == base and now < n.expires]
        return sorted(found, key=lambda note: (-note.at, note.digest))

    def proposal(self, digest: str) -> tuple[HandedIn, bytes] | None:
        """A proposal as it was handed in; None where there is none."""
        if not _DIGEST.fullmatch(digest):
            return None
        try:
            head, _, data = (self._proposals / digest).read_bytes().partition(b"\n")
        except OSError:
            return None
        note = _read(head)
        return (note, data) if note is not None else None

    def keep(self, data: bytes, reviewed: Reviewed, by: str, at: int) -> None:
        """Take a proposal in, or a copy of one with more signatures; what is no longer open goes.

        Raises `BadInput` for a copy that lacks a signature which the one here has, and where there are too many.
        """
        with self._alone():
            for path in self._files():
                note = _note(path)
                if note is None or note.base != reviewed.base or at >= note.expires:
                    path.unlink()
            there = {path.name: path for path in self._files()}
            before = _note(there[reviewed.digest]) if reviewed.digest in there else None
            if before is not None and not set(before.signatures) <= set(reviewed.signatures):
                raise BadInput(
                    mark(
                        "The console has this proposal with a signature that yours lacks: take the copy from here, "
                        "sign that one, and hand it in again."
                    )
                )
            if before is None and len(there) >= PROPOSALS:
                raise BadInput(mark("There are too many open proposals here; take one off the console first."))
            note = HandedIn(
                digest=reviewed.digest, base=reviewed.base, by=by, at=at, expires=reviewed.expires,
                changes=len(reviewed.changes),
                signed=tuple(s.title for s in reviewed.signers if s.signed),
                missing=tuple(s.title for s in reviewed.signers if not s.signed),
                signatures=reviewed.signatures,
            )  # fmt: skip
            self._proposals.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(self._proposals / reviewed.digest, [_written(note), data])

    def discard(self, digest: str) -> bool:
        """Take a proposal off the console; whether there was one."""
        with self._alone():
            if self.proposal(digest) is None:
                return False
            (self._proposals / digest).unlink()
            return True

    # Saved searches

    def searches(self, who: OfficerHandle) -> list[Search]:
        """Somebody's own, by name."""
        try:
            rows = json.loads((self._searches / who).read_bytes())
            return [Search(id=row["id"], name=row["name"], asked=dict(row["asked"])) for row in rows]
        except (OSError, ValueError, TypeError, KeyError):
            return []  # none yet; or a file that is spoilt, of which nothing can be shown

    def save(self, who: OfficerHandle, name: str, asked: Mapping[str, str], known: Iterable[OfficerHandle]) -> None:
        """Save a search; one of that name is replaced. What accounts that are no longer `known` saved goes.

        Raises `BadInput` for a name that is none, and where there are too many.
        """
        name = " ".join(name.split())
        if not 0 < len(name) <= NAME or not name.isprintable():
            raise BadInput(mark("Give the search a name of at most 60 characters."))
        with self._alone():
            self._searches.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in self._searches.iterdir():
                if path.name not in {*known, who}:
                    path.unlink()
            own = [search for search in self.searches(who) if search.name != name]
            if len(own) >= SEARCHES:
                raise BadInput(mark("You have saved as many searches as can be kept; remove one first."))
            self._store(who, [*own, Search(id=secrets.token_hex(8), name=name, asked=asked)])

    def forget(self, who: OfficerHandle, number: str) -> bool:
        """Remove one of somebody's own; whether there was one. Another's is as unknown as one that never was."""
        with self._alone():
            own = self.searches(who)
            left = [search for search in own if search.id != number]
            if len(left) == len(own):
                return False
            self._store(who, left)
            return True

    def _store(self, who: OfficerHandle, found: list[Search]) -> None:
        rows = [asdict(search) for search in sorted(found, key=lambda search: search.name.casefold())]
        write_atomically(self._searches / who, [json.dumps(rows).encode()])

    def _alone(self) -> AbstractContextManager[None]:
        """Another console may run on this folder."""
        return alone(self._home, "console-kept", mark("Another console is writing here just now; try again."))

    def _files(self) -> list[Path]:
        if not self._proposals.is_dir():
            return []
        return [path for path in self._proposals.iterdir() if _DIGEST.fullmatch(path.name)]


def _written(note: HandedIn) -> bytes:
    return json.dumps(asdict(note)).encode() + b"\n"


def _note(path: Path) -> HandedIn | None:
    """What the first line of a file says; None where it is no such file."""
    try:
        with path.open("rb") as file:
            return _read(file.readline(NOTE_BYTES))
    except OSError:
        return None


def _read(line: bytes) -> HandedIn | None:
    try:
        value = json.loads(line)
        return HandedIn(**value | {name: tuple(value[name]) for name in ("signed", "missing", "signatures")})
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
