"""The adapter's journal: saved before it is sent, saved before it is acknowledged. SQLite, one file, fsynced.

It holds ciphertext, digests and states, never plaintext. A process killed at any point leaves a journal that the next
one goes on from: what was queued is sent again with the same bytes, and the broker's first evidence comes back.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.database import Database
from messages.ids import MessageId
from messages.leaks import LeakGround, LeakPlace
from messages.limits import LIFETIME

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
  submission BLOB PRIMARY KEY, message BLOB NOT NULL, contact TEXT NOT NULL, data BLOB NOT NULL, state TEXT NOT NULL,
  created INTEGER NOT NULL, evidence BLOB, repeated INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS outbox_message ON outbox (message);
CREATE INDEX IF NOT EXISTS outbox_state ON outbox (state, created);
CREATE TABLE IF NOT EXISTS inbox (
  view TEXT PRIMARY KEY, contact TEXT NOT NULL, delivery BLOB NOT NULL, received INTEGER NOT NULL, state TEXT NOT NULL,
  code TEXT);
CREATE TABLE IF NOT EXISTS retrieval (
  view TEXT PRIMARY KEY, signed BLOB NOT NULL, sent INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS promise (
  leaf BLOB PRIMARY KEY, include_by INTEGER NOT NULL, proved INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS head (size INTEGER PRIMARY KEY, root BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS gossip (
  contact TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, heard INTEGER NOT NULL,
  proved INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS pseudonym (
  agency TEXT NOT NULL, person TEXT NOT NULL, pseudonym TEXT NOT NULL UNIQUE, PRIMARY KEY (agency, person));
CREATE TABLE IF NOT EXISTS epoch (epoch INTEGER PRIMARY KEY, seen INTEGER NOT NULL, confirmed INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS word (submission BLOB PRIMARY KEY, data BLOB NOT NULL, answered INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS seen (contact TEXT PRIMARY KEY, number INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS step (
  message BLOB NOT NULL, agency TEXT NOT NULL, outgoing INTEGER NOT NULL, contact TEXT NOT NULL, thread BLOB NOT NULL,
  kind TEXT NOT NULL, event TEXT NOT NULL, urgency TEXT NOT NULL, at INTEGER NOT NULL, view TEXT,
  PRIMARY KEY (message, agency, outgoing));
CREATE INDEX IF NOT EXISTS step_thread ON step (agency, thread);
CREATE INDEX IF NOT EXISTS step_kind ON step (kind);
CREATE TABLE IF NOT EXISTS paper (
  body BLOB PRIMARY KEY, tag TEXT NOT NULL, signed BLOB NOT NULL, message BLOB NOT NULL, expires INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS kept (message BLOB PRIMARY KEY, sealed BLOB NOT NULL, until INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS unsealed (
  message BLOB PRIMARY KEY, contact TEXT NOT NULL, sealed BLOB NOT NULL, created INTEGER NOT NULL, reason TEXT);
CREATE TABLE IF NOT EXISTS aside (
  view TEXT PRIMARY KEY, places TEXT NOT NULL, at INTEGER NOT NULL, by TEXT, ground TEXT, released INTEGER);
CREATE TABLE IF NOT EXISTS evidence (
  leaf BLOB PRIMARY KEY, message BLOB NOT NULL, step BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS evidence_message ON evidence (message);
CREATE TABLE IF NOT EXISTS recall (
  view TEXT NOT NULL, standing TEXT NOT NULL, message BLOB NOT NULL, ground TEXT NOT NULL, corrected_by BLOB,
  at INTEGER NOT NULL, PRIMARY KEY (view, standing));
CREATE TABLE IF NOT EXISTS early (
  view TEXT NOT NULL, data BLOB NOT NULL, agency TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (view, data));
CREATE TABLE IF NOT EXISTS retention (view TEXT PRIMARY KEY, until INTEGER NOT NULL, word BLOB);
CREATE TABLE IF NOT EXISTS unread (
  id TEXT PRIMARY KEY, contact TEXT NOT NULL, stage TEXT NOT NULL, message BLOB NOT NULL, view TEXT NOT NULL,
  recipient TEXT NOT NULL, sender TEXT NOT NULL, due INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS leak (
  id TEXT PRIMARY KEY, message BLOB NOT NULL, recipient TEXT NOT NULL, ground TEXT, places TEXT NOT NULL,
  at INTEGER NOT NULL);
"""

HELD, QUEUED, ACCEPTED, REJECTED = "held", "queued", "accepted", "rejected"
NEW, OPENED, DONE, QUARANTINED, ERASED = "new", "opened", "done", "quarantined", "erased"
_UNSAID, _INTENDED = 0, -1  # of a word that no worker has answered; 1 when one has


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way: `state` is held, queued, accepted or rejected."""

    submission: bytes
    message: bytes
    contact: str
    data: bytes
    state: str
    created: int
    evidence: bytes | None
    repeated: bool


@dataclass(frozen=True, slots=True)
class Unsealed:
    """One message that waits for the guard, or with `reason` for a person."""

    message: bytes
    contact: str
    sealed: bytes
    created: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """Words of one view that were kept aside: where and why, never what. Then who released them, on which ground."""

    view: str
    places: tuple[LeakPlace, ...]
    at: int
    by: str | None = None
    ground: LeakGround | None = None
    released: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """What a recipient said of a message of ours: kept aside, or released with a ground."""

    message: bytes
    recipient: str
    ground: LeakGround | None
    places: tuple[LeakPlace, ...]
    at: int


@dataclass(frozen=True, slots=True)
class TakenBack:
    """That a message was recalled or corrected by its sender, why, and by which message."""

    standing: str
    message: bytes
    ground: str
    corrected_by: bytes | None
    at: int


@dataclass(frozen=True, slots=True)
class Unread:
    """That an urgent message was not opened: who of ours was told so, and when its clock runs out."""

    contact: str
    stage: str
    message: bytes
    view: str
    recipient: str
    sender: str
    due: int
    at: int


@dataclass(frozen=True, slots=True)
class Incoming:
    """One view that arrived: `state` is new, opened, done, quarantined or erased (then `code` says why)."""

    view: str
    contact: str
    delivery: bytes
    received: int
    state: str
    code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One message as a step of a thread with one agency: codes, times and random ids, no word of what it says."""

    message: bytes
    agency: str
    outgoing: bool
    contact: str  # ours, who sent or received it
    thread: bytes
    kind: str
    event: str  # what it is to the workflow of its kind; may be empty
    urgency: str
    at: int  # when it was sent, or received
    view: str | None  # of what was received


class Journal(Database):
    """One open journal. Every method that changes it is durable when it returns."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _SCHEMA, "The journal")

    # outgoing

    def save(
        self,
        submission: bytes,
        message: bytes,
        contact: str,
        data: bytes,
        now: int,
        *,
        state: str,
        steps: Iterable[Step] = (),
        waited: bytes | None = None,
    ) -> None:
        """Keep a message, and the steps that it is, before anything is sent. The same bytes again change nothing.

        `waited` is what it waited for the guard as: that is gone in the same moment, so that it goes once.
        """
        with self._write() as db:
            if waited is not None:
                db.execute("DELETE FROM unsealed WHERE message = ?", (waited,))
            for step in steps:
                _step(db, step)
            db.execute(
                "INSERT OR IGNORE INTO outbox (submission, message, contact, data, state, created) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (submission, message, contact, data, state, now),
            )

    def keep_unsealed(self, message: bytes, contact: str, sealed: bytes, now: int) -> None:
        """Keep what the guard has not sealed yet: sealed by the caller for ourselves, never plaintext."""
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO unsealed VALUES (?, ?, ?, ?, NULL)", (message, contact, sealed, now))

    def unsealed(self, contact: str | None = None) -> list[Unsealed]:
        """What waits for the guard, oldest first."""
        rows = self._db.execute("SELECT message, contact, sealed, created, reason FROM unsealed ORDER BY created")
        return [Unsealed(m, c, s, at, r) for m, c, s, at, r in rows if contact in (None, c)]

    def unsendable(self, message: bytes, reason: str) -> None:
        """It will not be sent by itself any more, and why: a person looks at it."""
        with self._write() as db:
            db.execute("UPDATE unsealed SET reason = ? WHERE message = ?", (reason, message))

    def drop_unsealed(self, message: bytes) -> bool:
        """A person takes it back; whether there was one."""
        with self._write() as db:
            return db.execute("DELETE FROM unsealed WHERE message = ?", (message,)).rowcount == 1

    def replace_held(self, submission: bytes, renewed: bytes, data: bytes, *, state: str = QUEUED) -> None:
        """Put a message with a second contact's word in the place of the one that was held for it, ready to be sent or
        held for the next.
        """
        with self._write() as db:
            db.execute(
                "UPDATE outbox SET submission = ?, data = ?, state = ? WHERE submission = ? AND state = ?",
                (renewed, data, state, submission, HELD),
            )

    def answered(self, submission: bytes, evidence: bytes, *, accepted: bool, repeated: bool) -> None:
        """Keep the broker's first evidence; a later one for the same bytes changes nothing, but for an acceptance after
        a rejection: then the operator has tried again what the broker had failed on.
        """
        with self._write() as db:
            db.execute(
                "UPDATE outbox SET state = ?, evidence = ?, repeated = ? "
                "WHERE submission = ? AND (evidence IS NULL OR (? AND state = ?))",
                (
                    ACCEPTED if accepted else REJECTED,
                    evidence,
                    int(repeated),
                    submission,
                    accepted and not repeated,
                    REJECTED,
                ),
            )

    def outgoing(self, state: str | None = None) -> list[Outgoing]:
        """Messages in this state (all without one), oldest first."""
        query = "SELECT submission, message, contact, data, state, created, evidence, repeated FROM outbox"
        if state is None:
            rows = self._db.execute(f"{query} ORDER BY created, rowid")
        else:
            rows = self._db.execute(f"{query} WHERE state = ? ORDER BY created, rowid", (state,))
        return [_outgoing(row) for row in rows]

    def sent(self, message: bytes) -> Outgoing | None:
        """The message with this id."""
        row = self._db.execute(
            "SELECT submission, message, contact, data, state, created, evidence, repeated FROM outbox "
            "WHERE message = ? ORDER BY created, rowid LIMIT 1",
            (message,),
        ).fetchone()
        return _outgoing(row) if row else None

    def told(self, message: bytes, leaf: bytes, step: bytes, include_by: int) -> bool:
        """Keep a step of a message of ours, verified by the caller, with the leaf that it promises; False if it was
        here.
        """
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO promise (leaf, include_by) VALUES (?, ?)", (leaf, include_by))
            return db.execute("INSERT OR IGNORE INTO evidence VALUES (?, ?, ?)", (leaf, message, step)).rowcount == 1

    def steps_told(self, message: bytes) -> list[bytes]:
        """The steps of this message that were told, in the order in which they were."""
        rows = self._db.execute("SELECT step FROM evidence WHERE message = ? ORDER BY rowid", (message,))
        return [bytes(row[0]) for row in rows]

    def accepted_since(self, moment: int, contact: str) -> list[MessageId]:
        """Messages of this contact saved since then that the broker has accepted or not answered yet, oldest first."""
        rows = self._db.execute(
            "SELECT message FROM outbox WHERE state IN (?, ?) AND created >= ? AND contact = ? ORDER BY created, rowid",
            (QUEUED, ACCEPTED, moment, contact),
        )
        return [MessageId(row[0]) for row in rows]

    # incoming

    def received(self, view: str, contact: str, delivery: bytes, now: int) -> bool:
        """Keep a view before it is acknowledged; False if it was here already: it is handed to people once."""
        with self._write() as db:
            cursor = db.execute(
                "INSERT OR IGNORE INTO inbox (view, contact, delivery, received, state) VALUES (?, ?, ?, ?, ?)",
                (view, contact, delivery, now, NEW),
            )
            return cursor.rowcount == 1

    def incoming(self, contact: str | None = None) -> list[Incoming]:
        """Views that arrived, oldest first."""
        query = "SELECT view, contact, delivery, received, state, code FROM inbox"
        if contact is None:
            rows = self._db.execute(f"{query} ORDER BY received, rowid")
        else:
            rows = self._db.execute(f"{query} WHERE contact = ? ORDER BY received, rowid", (contact,))
        return [Incoming(*row) for row in rows]

    def arrived(self, contact: str, prefix: str) -> list[Incoming]:
        """Views of this contact whose id begins so; at most two, which is enough to know that it is not one."""
        rows = self._db.execute(
            "SELECT view, contact, delivery, received, state, code FROM inbox "
            "WHERE contact = ? AND view >= ? AND view < ? LIMIT 2",
            (contact, prefix, prefix + "g"),  # view ids are hexadecimal: "g" follows all of them
        )
        return [Incoming(*row) for row in rows]

    def exactly(self, view: str) -> Incoming | None:
        """The view of exactly this id."""
        row = self._db.execute(
            "SELECT view, contact, delivery, received, state, code FROM inbox WHERE view = ?", (view,)
        ).fetchone()
        return Incoming(*row) if row else None

    def keep_aside(self, aside: Aside) -> bool:
        """Note that words of a view are kept aside; False if that was noted before."""
        with self._write() as db:
            places = _places_text(aside.places)
            done = db.execute(
                "INSERT OR IGNORE INTO aside (view, places, at) VALUES (?, ?, ?)", (aside.view, places, aside.at)
            )
            return done.rowcount == 1

    def release_aside(self, aside: Aside) -> None:
        """Note who released them and why; who did so first stays."""
        ground = aside.ground.value if aside.ground else None
        with self._write() as db:
            db.execute(
                "UPDATE aside SET by = ?, ground = ?, released = ? WHERE view = ? AND released IS NULL",
                (aside.by, ground, aside.released, aside.view),
            )

    def asides(self, view: str | None = None) -> list[Aside]:
        """What was kept aside, oldest first; of one view, or of all."""
        query = "SELECT view, places, at, by, ground, released FROM aside WHERE view = coalesce(?, view)"
        rows = self._db.execute(f"{query} ORDER BY at, rowid", (view,))
        return [
            Aside(
                view=v,
                places=_places(p),
                at=at,
                by=by,
                ground=LeakGround(ground) if ground else None,
                released=released,
            )
            for v, p, at, by, ground, released in rows
        ]

    def told_leak(self, identifier: str, leak: Leak) -> bool:
        """Keep what a recipient said of a message of ours; False if it was here."""
        with self._write() as db:
            done = db.execute(
                "INSERT OR IGNORE INTO leak VALUES (?, ?, ?, ?, ?, ?)",
                (
                    identifier,
                    leak.message,
                    leak.recipient,
                    leak.ground.value if leak.ground else None,
                    _places_text(leak.places),
                    leak.at,
                ),
            )
            return done.rowcount == 1

    def leaks(self) -> list[Leak]:
        """What recipients said of messages of ours, oldest first."""
        rows = self._db.execute("SELECT message, recipient, ground, places, at FROM leak ORDER BY at, rowid")
        return [
            Leak(message=m, recipient=r, ground=LeakGround(g) if g else None, places=_places(p), at=at)
            for m, r, g, p, at in rows
        ]

    def recalled(self, view: str, taken: TakenBack) -> bool:
        """Keep that a message was recalled or corrected, verified by the caller; False if it was here."""
        with self._write() as db:
            done = db.execute(
                "INSERT OR IGNORE INTO recall VALUES (?, ?, ?, ?, ?, ?)",
                (view, taken.standing, taken.message, taken.ground, taken.corrected_by, taken.at),
            )
            return done.rowcount == 1

    def taken_back(self, view: str) -> TakenBack | None:
        """What its sender said of this view's message since: a recall before a correction."""
        row = self._db.execute(
            "SELECT standing, message, ground, corrected_by, at FROM recall WHERE view = ? "
            "ORDER BY standing = 'recalled' DESC LIMIT 1",
            (view,),
        ).fetchone()
        return TakenBack(*row) if row else None

    def early_recall(self, view: str, data: bytes, agency: str, now: int) -> None:
        """Keep a recall by this agency whose view is not here, to be held to that view when it arrives. Those whose
        view cannot come any more go.
        """
        with self._write() as db:
            db.execute("DELETE FROM early WHERE at < ?", (now - LIFETIME,))
            db.execute("INSERT OR IGNORE INTO early VALUES (?, ?, ?, ?)", (view, data, agency, now))

    def early_recalls(self, view: str) -> list[tuple[bytes, str]]:
        """Recalls that came before this view, each with the agency whose contact signed it, oldest first."""
        rows = self._db.execute("SELECT data, agency FROM early WHERE view = ? ORDER BY at, rowid", (view,))
        return [(bytes(data), str(agency)) for data, agency in rows]

    def drop_early(self, view: str) -> None:
        """The view is here, and what came before it was held to it."""
        with self._write() as db:
            db.execute("DELETE FROM early WHERE view = ?", (view,))

    def told_unread(self, identifier: str, unread: Unread, now: int) -> bool:
        """Keep the word that an urgent message was not opened; False if it was here. Others whose clock ran out go."""
        with self._write() as db:
            db.execute("DELETE FROM unread WHERE due <= ? AND id <> ?", (now, identifier))
            done = db.execute(
                "INSERT OR IGNORE INTO unread VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    identifier, unread.contact, unread.stage, unread.message, unread.view, unread.recipient,
                    unread.sender, unread.due, unread.at,
                ),
            )  # fmt: skip
            return done.rowcount == 1

    def unread(self, contact: str, now: int) -> list[Unread]:
        """What this contact was told of unopened messages whose clock still runs, and that are not known to be opened
        since, oldest first.
        """
        rows = self._db.execute(
            "SELECT unread.contact, stage, message, unread.view, recipient, sender, due, at FROM unread "
            "LEFT JOIN inbox ON inbox.view = unread.view "
            "WHERE unread.contact = ? AND due > ? AND (inbox.state IS NULL OR inbox.state = ?) "
            "ORDER BY at, unread.rowid",
            (contact, now, NEW),
        )
        return [Unread(*row) for row in rows]

    def erase(self, view: str, code: str) -> None:
        """Leave of a view nothing but that it was here. What it held is overwritten, also in the log of writes."""
        with self._write() as db:
            db.execute("UPDATE inbox SET delivery = x'', state = ?, code = ? WHERE view = ?", (ERASED, code, view))
        self._overwrite()

    def never(self, view: str, contact: str, now: int, code: str) -> None:
        """Note a view that arrived after it had to be erased: it is not kept at all."""
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO inbox VALUES (?, ?, x'', ?, ?, ?)", (view, contact, now, ERASED, code))

    def mark(self, view: str, state: str, code: str | None = None) -> None:
        """Move a view on."""
        with self._write() as db:
            db.execute("UPDATE inbox SET state = ?, code = ? WHERE view = ?", (state, code, view))

    def opening(
        self,
        view: str,
        signed: bytes,
        promise: tuple[bytes, int] | None = None,
        step: Step | None = None,
        until: int | None = None,
    ) -> bytes:
        """Keep the retrieval evidence before the text is shown, what the stamp promised, the step that it is, and until
        when the copy may be kept; the first ones stay.
        """
        with self._write() as db:
            if until is not None:
                db.execute("INSERT OR IGNORE INTO retention (view, until) VALUES (?, ?)", (view, until))
            if step is not None:
                _step(db, step)
            if promise is not None:
                db.execute("INSERT OR IGNORE INTO promise (leaf, include_by) VALUES (?, ?)", promise)
            db.execute("INSERT OR IGNORE INTO retrieval (view, signed) VALUES (?, ?)", (view, signed))
            db.execute("UPDATE inbox SET state = ? WHERE view = ? AND state = ?", (OPENED, view, NEW))
            row = db.execute("SELECT signed FROM retrieval WHERE view = ?", (view,)).fetchone()
        return bytes(row[0])

    def keep_until(self, now: int) -> list[tuple[str, int]]:
        """Views that may not be kept any more at `now`, with the moment at which that ended, oldest first."""
        rows = self._db.execute("SELECT view, until FROM retention WHERE until <= ? AND word IS NULL", (now,))
        return sorted(((str(v), int(u)) for v, u in rows), key=lambda row: row[1])

    def deleting(self, view: str, word: bytes) -> None:
        """Keep the signed word that this copy is deleted, before it is."""
        with self._write() as db:
            db.execute("UPDATE retention SET word = ? WHERE view = ?", (word, view))

    def deletions(self) -> list[tuple[str, bytes]]:
        """Copies that are being deleted, each with the word on it."""
        rows = self._db.execute("SELECT view, word FROM retention WHERE word IS NOT NULL ORDER BY rowid")
        return [(str(view), bytes(word)) for view, word in rows]

    def deleted(self, view: str) -> None:
        """The copy is gone, and the word on it is on its way."""
        with self._write() as db:
            db.execute("DELETE FROM retention WHERE view = ?", (view,))

    def retrieval(self, view: str) -> bytes | None:
        """The signed retrieval evidence of a view, if it was opened."""
        row = self._db.execute("SELECT signed FROM retrieval WHERE view = ?", (view,)).fetchone()
        return bytes(row[0]) if row else None

    def unsent_retrievals(self) -> list[tuple[str, bytes]]:
        """Retrieval evidences that the bus has not taken yet."""
        return [(str(v), bytes(s)) for v, s in self._db.execute("SELECT view, signed FROM retrieval WHERE sent = 0")]

    def retrieval_sent(self, *views: str) -> None:
        """The bus has taken them."""
        with self._write() as db:
            db.executemany("UPDATE retrieval SET sent = 1 WHERE view = ?", [(view,) for view in views])

    # threads, what others gave us, and what waits for an acceptance

    def threads_of(self, kinds: Iterable[str]) -> list[tuple[str, bytes]]:
        """Agency and reference of every thread in which a message of these kinds stands."""
        found: dict[tuple[str, bytes], None] = {}
        for kind in kinds:
            rows = self._db.execute("SELECT agency, thread FROM step WHERE kind = ? ORDER BY at", (kind,))
            found |= dict.fromkeys((str(agency), bytes(thread)) for agency, thread in rows)
        return list(found)

    def steps(self, agency: str | None = None, thread: bytes | None = None) -> list[Step]:
        """Steps that stand, oldest first: of one thread with one agency, or all. What was rejected is none."""
        query = (
            "SELECT step.message, agency, outgoing, step.contact, thread, kind, event, urgency, at, view FROM step "
            "LEFT JOIN outbox ON outbox.message = step.message AND outgoing = 1 "
            "WHERE (outgoing = 0 OR outbox.state IS NOT ?)"
        )
        wanted: list[object] = [REJECTED]
        if agency is not None:
            query, wanted = f"{query} AND agency = ?", [*wanted, agency]
        if thread is not None:
            query, wanted = f"{query} AND thread = ?", [*wanted, thread]
        rows = self._db.execute(f"{query} ORDER BY at, step.rowid", wanted)
        return [
            Step(message=m, agency=a, outgoing=bool(o), contact=c, thread=t, kind=k, event=e, urgency=u, at=at, view=v)
            for m, a, o, c, t, k, e, u, at, v in rows
        ]

    def knows_thread(self, agency: str, thread: bytes) -> bool:
        """Whether we have sent or received anything in this thread with this agency."""
        row = self._db.execute("SELECT 1 FROM step WHERE agency = ? AND thread = ? LIMIT 1", (agency, thread))
        return row.fetchone() is not None

    def keep_paper(self, tag: str, body: bytes, signed: bytes, message: bytes, expires: int) -> None:
        """Keep what somebody signed for us, such as an originator's permission; verified by the caller."""
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO paper VALUES (?, ?, ?, ?, ?)", (body, tag, signed, message, expires))

    def papers(self, now: int) -> list[bytes]:
        """Papers that have not expired, as signed objects, oldest first."""
        rows = self._db.execute("SELECT signed FROM paper WHERE expires > ? ORDER BY rowid", (now,))
        return [bytes(row[0]) for row in rows]

    def keep_sealed(self, message: bytes, sealed: bytes, until: int) -> None:
        """Keep what has to be sent once an offer is accepted: sealed by the caller, never plaintext."""
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO kept VALUES (?, ?, ?)", (message, sealed, until))

    def sealed(self, message: bytes, now: int) -> bytes | None:
        """What was kept for this offer, unless its time is over."""
        row = self._db.execute("SELECT sealed FROM kept WHERE message = ? AND until > ?", (message, now)).fetchone()
        return bytes(row[0]) if row else None

    def forget_sealed(self, now: int, *messages: bytes) -> None:
        """Destroy what was kept for these offers, and everything whose time is over."""
        with self._write() as db:
            db.executemany("DELETE FROM kept WHERE message = ?", [(m,) for m in messages])
            db.execute("DELETE FROM kept WHERE until <= ?", (now,))

    # what our contacts say of their encryption keys

    def intend(self, submission: bytes, data: bytes) -> None:
        """Keep a signed word that may not be handed in yet: what it says is not done. `say` follows."""
        with self._write() as db:
            db.execute(
                "INSERT OR IGNORE INTO word (submission, data, answered) VALUES (?, ?, ?)",
                (submission, data, _INTENDED),
            )

    def say(self, submission: bytes, data: bytes) -> None:
        """Keep a signed word, from now on to be handed in. One that was answered stays so."""
        with self._write() as db:
            db.execute(
                "INSERT INTO word (submission, data) VALUES (?, ?) "
                "ON CONFLICT (submission) DO UPDATE SET answered = 0 WHERE answered = ?",
                (submission, data, _INTENDED),
            )

    def intended(self) -> list[bytes]:
        """Words that may not be handed in yet, oldest first: a crash came between `intend` and `say`."""
        return self._words(_INTENDED)

    def unsaid(self) -> list[bytes]:
        """Words that no worker has answered yet, oldest first."""
        return self._words(_UNSAID)

    def unanswered(self, submission: bytes) -> bytes | None:
        """This word, if no worker has answered it yet."""
        row = self._db.execute(
            "SELECT data FROM word WHERE submission = ? AND answered = ?", (submission, _UNSAID)
        ).fetchone()
        return bytes(row[0]) if row else None

    def said(self, submission: bytes) -> None:
        """A worker's signed evidence about it is here, and what followed from it is done."""
        with self._write() as db:
            db.execute("UPDATE word SET answered = 1 WHERE submission = ?", (submission,))

    def _words(self, answered: int) -> list[bytes]:
        rows = self._db.execute("SELECT data FROM word WHERE answered = ? ORDER BY rowid", (answered,))
        return [bytes(row[0]) for row in rows]

    # what the log promised

    def promised(self, leaves: Iterable[tuple[bytes, int]]) -> None:
        """Note leaf hashes that a worker promised to be in the log by a time (milliseconds)."""
        with self._write() as db:
            db.executemany("INSERT OR IGNORE INTO promise (leaf, include_by) VALUES (?, ?)", list(leaves))

    def open_promises(self) -> list[tuple[bytes, int]]:
        """Leaf hashes without a proof yet, the most urgent first."""
        rows = self._db.execute("SELECT leaf, include_by FROM promise WHERE proved = 0 ORDER BY include_by")
        return [(bytes(leaf), int(by)) for leaf, by in rows]

    def proved(self, leaves: Iterable[bytes]) -> frozenset[bytes]:
        """Those of these leaf hashes that the log was proved to hold."""
        query = "SELECT 1 FROM promise WHERE leaf = ? AND proved = 1"
        return frozenset(leaf for leaf in leaves if self._db.execute(query, (leaf,)).fetchone())

    def kept_promise(self, leaf: bytes) -> None:
        """A verified proof is here."""
        with self._write() as db:
            db.execute("UPDATE promise SET proved = 1 WHERE leaf = ?", (leaf,))

    # what we know

    def head(self) -> tuple[int, bytes] | None:
        """Size and root of the newest log head we verified."""
        row = self._db.execute("SELECT size, root FROM head ORDER BY size DESC LIMIT 1").fetchone()
        return (int(row[0]), bytes(row[1])) if row else None

    def saw_head(self, size: int, root: bytes) -> None:
        """Keep a head whose consistency with the last one was verified."""
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO head VALUES (?, ?)", (size, root))

    def heard_head(self, contact: str, size: int, root: bytes, now: int) -> None:
        """Note a log head that a contact says, in a signed message, to have verified; of its smaller ones nothing new
        is learnt. Two heads of one size are both held against the log.
        """
        with self._write() as db:
            db.execute(
                "INSERT INTO gossip VALUES (?, ?, ?, ?, 0) ON CONFLICT (contact) DO UPDATE SET size = excluded.size, "
                "root = excluded.root, heard = excluded.heard, proved = 0 "
                "WHERE excluded.size > size OR (excluded.size = size AND excluded.root <> root)",
                (contact, size, root, now),
            )

    def unproved_heads(self) -> list[tuple[str, int, bytes, int]]:
        """Heads that were heard of and not proved to be of the log that we see: contact, size, root, since when."""
        rows = self._db.execute("SELECT contact, size, root, heard FROM gossip WHERE proved = 0 ORDER BY contact")
        return [(str(contact), int(size), bytes(root), int(heard)) for contact, size, root, heard in rows]

    def proved_head(self, contact: str, size: int) -> None:
        """The head of this size that was heard from a contact is of the log that we see."""
        with self._write() as db:
            db.execute("UPDATE gossip SET proved = 1 WHERE contact = ? AND size = ?", (contact, size))

    def saw_epoch(self, epoch: int, now: int) -> None:
        """Note that a worker signed something under this epoch of the trust bundle; the first time stays."""
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO epoch VALUES (?, ?, 0)", (epoch, now))

    def newer_epochs(self, ours: int) -> list[tuple[int, int]]:
        """Epochs that were seen and are newer than ours, and when each was seen first."""
        rows = self._db.execute("SELECT epoch, seen FROM epoch WHERE epoch > ? ORDER BY epoch", (ours,))
        return [(int(epoch), int(seen)) for epoch, seen in rows]

    def confirmed_epoch(self, epoch: int, now: int) -> None:
        """The log holds our extract of this epoch."""
        with self._write() as db:
            db.execute(
                "INSERT INTO epoch VALUES (?, ?, 1) ON CONFLICT (epoch) DO UPDATE SET confirmed = 1", (epoch, now)
            )

    def is_confirmed(self, epoch: int) -> bool:
        """Whether the log is known to hold our extract of this epoch."""
        return (
            self._db.execute("SELECT 1 FROM epoch WHERE epoch = ? AND confirmed = 1", (epoch,)).fetchone() is not None
        )

    def pseudonym(self, agency: str, person: str) -> str | None:
        """The pseudonym this person has towards an agency."""
        row = self._db.execute(
            "SELECT pseudonym FROM pseudonym WHERE agency = ? AND person = ?", (agency, person)
        ).fetchone()
        return str(row[0]) if row else None

    def pseudonyms_taken(self) -> set[str]:
        """All pseudonyms in our register."""
        return {str(row[0]) for row in self._db.execute("SELECT pseudonym FROM pseudonym")}

    def name(self, agency: str, person: str, pseudonym: str) -> None:
        """Note a pseudonym, for good."""
        with self._write() as db:
            db.execute("INSERT INTO pseudonym VALUES (?, ?, ?)", (agency, person, pseudonym))

    def key_number(self, contact: str, number: int) -> int:
        """Note the number of a contact's key statement; the newest number ever seen."""
        with self._write() as db:
            db.execute(
                "INSERT INTO seen VALUES (?, ?) "
                "ON CONFLICT (contact) DO UPDATE SET number = max(number, excluded.number)",
                (contact, number),
            )
            row = db.execute("SELECT number FROM seen WHERE contact = ?", (contact,)).fetchone()
        return int(row[0])


def _outgoing(row: tuple[Any, ...]) -> Outgoing:
    submission, message, contact, data, state, created, evidence, repeated = row
    return Outgoing(submission, message, contact, data, state, created, evidence, bool(repeated))


def _step(db: sqlite3.Connection, step: Step) -> None:
    db.execute(
        "INSERT OR IGNORE INTO step VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            step.message, step.agency, int(step.outgoing), step.contact, step.thread, step.kind, step.event,
            step.urgency, step.at, step.view,
        ),
    )  # fmt: skip


def _places_text(places: Iterable[LeakPlace]) -> str:
    return json.dumps([[p.section, p.place, p.kind] for p in places])


def _places(text: str) -> tuple[LeakPlace, ...]:
    return tuple(LeakPlace(*place) for place in json.loads(text))
