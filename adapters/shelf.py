"""What the agency keeps about consents: the terms with their signatures, notices of withdrawals, what became of copies,
and messages that wait for a second contact. SQLite, one file beside the journal (`consents.db`), fsynced.

Whose consent it is, the private record and its salt are sealed under the register key, and so are the section keys of
a message that a reviewer still has to read: the file tells ids, dates and states to whoever steals it.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from adapters.consents import Held
from adapters.database import Database
from keys import consents as sealing
from messages.attestations import Consent
from messages.errors import BadInput
from messages.ids import ContactHandle, MessageId, ViewId
from messages.signed import Signed
from messages.withdrawals import KeepGround

FILE: Final = "consents.db"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS consent (
  id BLOB PRIMARY KEY, body BLOB NOT NULL, private BLOB NOT NULL, created INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS gone (consent BLOB PRIMARY KEY, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS paper (consent BLOB NOT NULL, data BLOB NOT NULL, PRIMARY KEY (consent, data));
CREATE TABLE IF NOT EXISTS said (
  submission BLOB PRIMARY KEY, kind TEXT NOT NULL, data BLOB NOT NULL, answered INTEGER NOT NULL DEFAULT 0, code TEXT);
CREATE TABLE IF NOT EXISTS notice (
  id TEXT PRIMARY KEY, contact TEXT NOT NULL, data BLOB NOT NULL, received INTEGER NOT NULL, state TEXT NOT NULL,
  part TEXT, consent BLOB, view TEXT, confirm_by INTEGER, said TEXT);
CREATE INDEX IF NOT EXISTS notice_view ON notice (view);
CREATE TABLE IF NOT EXISTS keep (view TEXT PRIMARY KEY, ground TEXT NOT NULL, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS file (view TEXT NOT NULL, path TEXT NOT NULL, PRIMARY KEY (view, path));
CREATE TABLE IF NOT EXISTS held (message BLOB PRIMARY KEY, needs TEXT NOT NULL, keys BLOB NOT NULL);
"""

NEW, DUE, DONE, ALARM = "new", "due", "done", "alarm"
"""Of a notice: not looked at; a person has to say what becomes of the copy; settled; it cannot be verified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNotice:
    """A notice that arrived. `part`, `consent`, `view` and `confirm_by` stand from the moment that it was verified."""

    id: ViewId
    contact: ContactHandle
    data: bytes = field(repr=False)
    received: int
    state: str
    part: str | None
    consent: bytes | None
    view: ViewId | None
    confirm_by: int | None
    said: str | None  # what we answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a held message still needs of second contacts, and the keys by which a reviewer reads it."""

    message: MessageId
    needs: dict[str, list[str]]  # "release", "review", "break-glass": the handles of the recipients it is needed for
    keys: dict[str, bytes] = field(repr=False)  # section name to section key; empty where nobody has to read it


class Shelf(Database):
    """One open file. Every method that changes it is durable when it returns."""

    def __init__(self, folder: Path, register_key: bytes) -> None:
        super().__init__(folder / FILE, _SCHEMA, "The file of consents")
        self._key = register_key

    # consents

    def keep(self, held: Held, now: int) -> None:
        """Keep a consent, or add papers to one that is here; whose it is and its record stay as they were first."""
        private = json.dumps({"about": held.about, "record": held.record.hex(), "salt": held.salt.hex()}).encode()
        with self._write() as db:
            db.execute(
                "INSERT OR IGNORE INTO consent (id, body, private, created) VALUES (?, ?, ?, ?)",
                (held.consent.id, held.consent.to_bytes(), sealing.seal_record(self._key, private), now),
            )
            db.executemany(
                "INSERT OR IGNORE INTO paper VALUES (?, ?)", [(held.consent.id, p.to_bytes()) for p in held.papers]
            )

    def add(self, consent: bytes, paper: Signed) -> None:
        """Keep one more signature over terms that are here."""
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO paper VALUES (?, ?)", (consent, paper.to_bytes()))

    def withdrawn(self, consent: bytes, at: int) -> None:
        """From now on it holds no longer; the first moment stays. One that is not here is noted all the same."""
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO gone VALUES (?, ?)", (consent, at))

    def consents(self) -> list[Held]:
        """All that are kept, the newest last."""
        rows = self._db.execute(
            "SELECT body, private, at, id FROM consent LEFT JOIN gone ON consent = id ORDER BY created, consent.rowid"
        ).fetchall()
        papers: dict[bytes, list[Signed]] = {}
        for consent, data in self._db.execute("SELECT consent, data FROM paper ORDER BY rowid"):
            papers.setdefault(bytes(consent), []).append(Signed.from_bytes(bytes(data)))
        return [self._held(body, private, at, papers.get(bytes(i), [])) for body, private, at, i in rows]

    def _held(self, body: bytes, private: bytes, withdrawn: int | None, papers: Sequence[Signed]) -> Held:
        value = json.loads(sealing.open_record(self._key, bytes(private)))
        return Held(
            consent=Consent.from_bytes(bytes(body)),
            about=value["about"],
            record=bytes.fromhex(value["record"]),
            salt=bytes.fromhex(value["salt"]),
            papers=tuple(papers),
            withdrawn=withdrawn,
        )

    def find(self, text: str) -> Held:
        """The consent whose id begins so, or raise `BadInput`."""
        wanted = text.strip().lower()
        found = [h for h in self.consents() if wanted and h.consent.id.hex().startswith(wanted)]
        if len(found) != 1:
            raise BadInput(f"There is no one consent {text[:40]!r} here; see: safeconduct consent list")
        return found[0]

    def withdrawn_ids(self) -> frozenset[bytes]:
        """Consents that hold no longer, as far as we know."""
        return frozenset(bytes(row[0]) for row in self._db.execute("SELECT consent FROM gone"))

    def with_papers(self, held: Held) -> Held:
        """The same consent with the papers that are kept of it, and whether it was withdrawn."""
        row = self._db.execute("SELECT at FROM gone WHERE consent = ?", (held.consent.id,)).fetchone()
        rows = self._db.execute("SELECT data FROM paper WHERE consent = ? ORDER BY rowid", (held.consent.id,))
        kept = tuple(Signed.from_bytes(bytes(data)) for (data,) in rows)
        return replace(held, papers=held.papers + kept, withdrawn=row[0] if row else held.withdrawn)

    # what we say about consents

    def say(self, submission: bytes, kind: str, data: bytes) -> None:
        """Keep a signed word, from now on to be handed in until it is answered."""
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO said (submission, kind, data) VALUES (?, ?, ?)", (submission, kind, data))

    def unsaid(self) -> list[tuple[str, bytes]]:
        """Words that no worker has answered yet, oldest first, with the kind under which they are handed in."""
        rows = self._db.execute("SELECT kind, data FROM said WHERE answered = 0 ORDER BY rowid")
        return [(str(kind), bytes(data)) for kind, data in rows]

    def answered(self, submission: bytes, code: str | None) -> None:
        """A worker's signed evidence about it is here; `code` where it was refused."""
        with self._write() as db:
            db.execute("UPDATE said SET answered = 1, code = ? WHERE submission = ?", (code, submission))

    def answer(self, submission: bytes) -> tuple[bool, str | None]:
        """Whether it was answered, and the code of a refusal."""
        row = self._db.execute("SELECT answered, code FROM said WHERE submission = ?", (submission,)).fetchone()
        return (bool(row[0]), row[1]) if row else (False, None)

    # notices, and what became of copies

    def noticed(self, notice: ViewId, contact: ContactHandle, data: bytes, now: int) -> bool:
        """Keep a notice before it is acknowledged; False if it was here."""
        with self._write() as db:
            done = db.execute(
                "INSERT OR IGNORE INTO notice (id, contact, data, received, state) VALUES (?, ?, ?, ?, ?)",
                (notice, contact, data, now, NEW),
            )
            return done.rowcount == 1

    def notices(self, contact: ContactHandle | None = None) -> list[StoredNotice]:
        """Notices that arrived, oldest first."""
        if contact is None:
            return self._notices("ORDER BY received, rowid", ())
        return self._notices("WHERE contact = ? ORDER BY received, rowid", (contact,))

    def _notices(self, which: str, values: tuple[str, ...]) -> list[StoredNotice]:
        query = "SELECT id, contact, data, received, state, part, consent, view, confirm_by, said FROM notice"
        return [
            StoredNotice(
                id=ViewId(i),
                contact=ContactHandle(c),
                data=bytes(d),
                received=at,
                state=state,
                part=part,
                consent=bytes(consent) if consent is not None else None,
                view=ViewId(v) if v is not None else None,
                confirm_by=by,
                said=said,
            )
            for i, c, d, at, state, part, consent, v, by, said in self._db.execute(f"{query} {which}", values)
        ]

    def settle(
        self,
        notice: ViewId,
        state: str,
        *,
        part: str | None = None,
        consent: bytes | None = None,
        view: ViewId | None = None,
        confirm_by: int | None = None,
        said: str | None = None,
    ) -> None:
        """Move a notice on; what is not given stays as it is."""
        with self._write() as db:
            db.execute(
                "UPDATE notice SET state = ?, part = coalesce(?, part), consent = coalesce(?, consent), "
                "view = coalesce(?, view), confirm_by = coalesce(?, confirm_by), said = coalesce(?, said) WHERE id = ?",
                (state, part, consent, view, confirm_by, said, notice),
            )

    def confirm(self, notice: ViewId, submission: bytes, data: bytes, said: str) -> None:
        """Settle a notice and keep our signed answer to it, together; the answer is handed in from now on."""
        with self._write() as db:
            db.execute(
                "INSERT OR IGNORE INTO said (submission, kind, data) VALUES (?, 'erasure', ?)", (submission, data)
            )
            db.execute("UPDATE notice SET state = ?, said = ? WHERE id = ?", (DONE, said, notice))

    def gone_at(self, consent: bytes) -> int | None:
        """When the person withdrew this consent."""
        row = self._db.execute("SELECT at FROM gone WHERE consent = ?", (consent,)).fetchone()
        return int(row[0]) if row else None

    def about(self, view: ViewId) -> StoredNotice | None:
        """The notice to its holder that this view's consent was withdrawn; one that was verified before any other."""
        found = self._notices("WHERE view = ? AND part = 'holder' ORDER BY state = ?, rowid LIMIT 1", (view, ALARM))
        return found[0] if found else None

    def keep_copy(self, view: ViewId, ground: KeepGround, now: int) -> None:
        """Note that the law demands to keep a copy, whatever happens to its consent."""
        with self._write() as db:
            db.execute("INSERT OR REPLACE INTO keep VALUES (?, ?, ?)", (view, ground.value, now))

    def kept_for(self, view: ViewId) -> KeepGround | None:
        """Why this copy has to be kept."""
        row = self._db.execute("SELECT ground FROM keep WHERE view = ?", (view,)).fetchone()
        return KeepGround(row[0]) if row else None

    def let_go(self, view: ViewId) -> None:
        """Nothing demands any more that this copy is kept."""
        with self._write() as db:
            db.execute("DELETE FROM keep WHERE view = ?", (view,))

    def wrote(self, view: ViewId, path: Path) -> None:
        """Note, before it is written, that content of this view goes into a file."""
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO file VALUES (?, ?)", (view, str(path.absolute())))

    def files(self, view: ViewId) -> list[Path]:
        """Files into which content of this view went."""
        return [Path(p) for (p,) in self._db.execute("SELECT path FROM file WHERE view = ?", (view,))]

    # messages that wait for a second contact

    def hold(self, waiting: Waiting) -> None:
        """Keep what a message needs."""
        keys = json.dumps({name: key.hex() for name, key in waiting.keys.items()}).encode()
        with self._write() as db:
            db.execute(
                "INSERT OR REPLACE INTO held VALUES (?, ?, ?)",
                (waiting.message, json.dumps(waiting.needs), sealing.seal_record(self._key, keys)),
            )

    def waiting(self, message: MessageId) -> Waiting | None:
        """What this message still needs."""
        row = self._db.execute("SELECT needs, keys FROM held WHERE message = ?", (message,)).fetchone()
        if row is None:
            return None
        keys = json.loads(sealing.open_record(self._key, bytes(row[1])))
        return Waiting(message=message, needs=json.loads(row[0]), keys={n: bytes.fromhex(k) for n, k in keys.items()})

    def released(self, messages: Iterable[bytes]) -> None:
        """These messages wait for nobody any more: their keys go."""
        with self._write() as db:
            db.executemany("DELETE FROM held WHERE message = ?", [(m,) for m in messages])
        self._overwrite()
