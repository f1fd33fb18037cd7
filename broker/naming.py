"""Handles of records as the names that officers know, back again, and lines as rows of a table or a file.

A name is asked of the directory of today: it forgets nobody. What it does not know stays a handle.
"""

import csv
import io
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final

from broker.recordsdb import Line, Query
from messages import ids
from messages.directory import Bundle, Directory
from messages.errors import BadInput, Malformed
from messages.limits import DAY

COLUMNS: Final = (
    "leaf", "at", "form", "kind", "agency", "sender", "recipient", "outcome", "types", "rules", "message", "signers",
    "epoch",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_HANDLE: Final = re.compile(r"\b[acgwo][a-z2-7]{12}\b", re.ASCII)


def moment(milliseconds: int) -> str:
    """A time in UTC, as ISO 8601 has it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(text: str, *, last: bool = False) -> int | None:
    """The first moment of a day (UTC), or the end of it; None for no text. Raises `BadInput`."""
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
        start = int(datetime(found.year, found.month, found.day, tzinfo=UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise BadInput("A day is written as 2026-01-31.") from None
    return max(0, start + DAY if last else start)


class Names:
    """Names of everybody whom a bundle names."""

    def __init__(self, bundle: Bundle) -> None:
        self._directory: Directory = bundle.directory
        self._titles: dict[str, str] = {o.handle: o.title for o in bundle.directory.officers}
        self._titles |= {a.head.handle: a.head.title for a in bundle.directory.agencies if a.head is not None}
        self._titles |= {w.handle: f"broker worker {w.handle}" for w in bundle.directory.operator.workers}
        self._titles |= {a.officer: a.title or self._titles.get(a.officer, a.officer) for a in bundle.accounts}

    def of(self, handle: str) -> str:
        """The name of an agency, the address of a contact, the title of an officer; or the handle itself."""
        if contact := self._directory.contact(handle):
            return self._directory.address(contact)
        if agency := self._directory.agency(handle):
            return agency.name
        return self._titles.get(handle, handle)

    def within(self, text: str) -> str:
        """A sentence with the names of those whose handles it tells."""
        return _HANDLE.sub(lambda found: self.of(found.group()), text)

    def about(self, line: Line) -> str:
        """What a line is about: a message's id as people write it; of a record about trust whose name."""
        return self.of(line.subject) if line.form == "trust" else subject_text(line)

    def find(self, text: str) -> str:
        """The handle of whoever is called so, or raise `BadInput`. A handle is taken as it is, known or not.

        Names come first: one of thirteen letters, such as `coastguardnow`, has the form of a handle.
        """
        wanted = text.strip()
        name, _, person = wanted.partition("/")
        agency = next((a for a in self._directory.agencies if a.name == name), None)
        if agency is not None and not person:
            return agency.handle
        if agency is not None:
            own = [c.handle for c in self._directory.contacts_of(agency.handle) if c.name == person]
            if own:
                return own[0]
        titled = [h for h, title in self._titles.items() if title == wanted]
        if len(titled) == 1:
            return titled[0]
        try:
            return ids.signer_handle(wanted)
        except Malformed:
            pass
        raise BadInput("No agency, contact or officer is called so; write harbour-police, or harbour-police/desk.")

    def row(self, line: Line) -> dict[str, str]:
        """A line in words, by the names of `COLUMNS`."""
        return {
            "leaf": str(line.index),
            "at": moment(line.at),
            "form": line.form,
            "kind": line.kind,
            "agency": self.of(line.agency),
            "sender": self.of(line.sender),
            "recipient": self.of(line.recipient),
            "outcome": line.outcome,
            "types": " ".join(line.types),
            "rules": " ".join(line.rules),
            "message": self.about(line),
            "signers": " ".join(self.of(s) for s in line.signers),
            "epoch": str(line.epoch),
        }


def subject_text(line: Line) -> str:
    """A message's id as people write it; of other things what they are about."""
    if len(line.subject) == 32:
        try:
            return ids.message_text(ids.message_id(bytes.fromhex(line.subject)))
        except (ValueError, Malformed):
            return line.subject
    return line.subject


def subject_of(text: str) -> str:
    """A message's id, in either way of writing it, as the database has it; or raise `BadInput`."""
    digits = text.strip().lower().replace("-", "")
    if len(digits) != 32 or any(c not in "0123456789abcdef" for c in digits):
        raise BadInput("A message's id has 32 hexadecimal digits, as receipts and refusals show it.")
    return digits


def query_of(
    names: Names,
    *,
    start: int | None = None,
    end: int | None = None,
    party: str = "",
    sender: str = "",
    recipient: str = "",
    message: str = "",
    **exact: str,
) -> Query:
    """A search in people's words, or raise `BadInput`. `exact`: rule, type, kind, outcome, form."""

    def handle(name: str) -> str:
        return names.find(name) if name.strip() else ""

    return Query(
        start=start,
        end=end,
        party=handle(party),
        sender=handle(sender),
        recipient=handle(recipient),
        subject=subject_of(message) if message.strip() else "",
        **{name: text.strip() for name, text in exact.items()},
    )


def as_csv(names: Names, lines: Iterable[Line]) -> str:
    """Lines as CSV (RFC 4180). A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(COLUMNS)
    for line in lines:
        row = names.row(line)
        writer.writerow([safe_cell(row[column]) for column in COLUMNS])
    return target.getvalue()


def safe_cell(text: str) -> str:
    """The text, not to be run by a spreadsheet."""
    return f"'{text}" if text.startswith(_FORMULA) else text
