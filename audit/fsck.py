"""Does a log hold? `first_break(directory)` is None where it does: the judge of every crash test.

What is checked, in this order; the first break found is the one to look at:

1. **files**: everything is there, and the keys can be read.
2. **checkpoint**: the head is signed by the log's key.
3. **leaves**: the root over the leaves is the checkpoint's, and the log continues the checkpoint that the auditor kept.
4. **records**: every record that is still held opens the leaf at its index; each that is not has expired, by a record
   of the log that names it, dates it late enough, and was written by a known worker.
5. **entries**: each carries a known worker's signature, as does its evidence, and its parts agree.
6. **order**: the records in the entries, in the order in which they were stored, are the leaves, in order.
7. **deliveries**: each waiting view is stamped, permitted by a record of the log, and is the very view that was meant.
8. **views**: each view that a record permits waits, was retrieved, or is reported as neither.
9. **trust**: each epoch of the trust bundle took effect once, after the one before it; nothing was decided under one
   that had not; and each contact's encryption keys were stated in the order of their numbers.

Not a break, because a crash or the passing of time leaves exactly this: entries not yet sequenced; leaves not yet
under a checkpoint; records written ahead of their leaves; a torn last line; records that the log says have expired,
taken away or not yet; entries that expired. Nor, as long as nothing genuine is missing, what does not even claim to be
a worker's: readers drop it. Each is counted in `notes`.

What no file can show: that the operator did not keep another log beside this one. Hold the checkpoint against one
that somebody else kept (`known`), and the log's key against one that came another way (`key`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Final

from audit import checkpoint as heads
from audit.checkpoint import Checkpoint, VerifierKey
from audit.errors import AuditError, BadSignature, Unreadable
from audit.expiry import Expiry, Hold, expiries, fault, holds
from audit.findings import Break, Report, Step, listed, many
from audit.logdir import (
    CHECKPOINT,
    DELIVERIES,
    ENTRIES,
    FINAL,
    LEAVES,
    RECORDS,
    VKEY,
    WORKERS,
    DeliveryLine,
    EntryLine,
    LogDir,
)
from audit.readers import entries as shapes
from audit.readers import envelope
from audit.readers.entries import Entry, ListedView
from audit.readers.signed import read_signed, verify
from audit.record import (
    ALARM_RAISED,
    CONSENT_WITHDRAWN,
    DECISION,
    EPOCH,
    ERASURE_CONFIRMED,
    ERASURE_ORDERED,
    KEY_DESTROYED,
    KEY_STATED,
    LEAK_RELEASED,
    LEAK_SUSPECTED,
    LOOKED_UP,
    MESSAGE_RECALLED,
    PERMITTED,
    RECALL_ORDERED,
    RECORDS_EXPIRED,
    RECORDS_HELD,
    RETRIEVED,
    STEPS,
    UNREAD_ESCALATED,
    VIEW_ACKNOWLEDGED,
    ActRecord,
    Record,
    TrustRecord,
    leaf,
    read_record,
)
from audit.tree import EMPTY_ROOT, RunningRoot, leaf_hash
from audit.witness import NEEDED, WitnessKey, cosignatures

ENTRIES_KEPT_MS: Final = 24 * 3_600_000  # the broker's promise: an entry lives at least so long after admission
MAX_BREAKS: Final = 200

_NOT_COMPARED: Final = "Not compared: there is no checkpoint that holds."


def first_break(directory: Path | str) -> Break | None:
    """The first thing that does not hold in the exported log `directory`, or None."""
    return check(directory).first


def check(
    directory: Path | str,
    *,
    key: VerifierKey | None = None,
    known: bytes | None = None,
    witnesses: Sequence[WitnessKey] = (),
    entries_kept_ms: int = ENTRIES_KEPT_MS,
) -> Report:
    """Check the exported log `directory` completely. Raises nothing but `OSError`.

    `key`: the log's verifier key as the auditor knows it; without it, the one in the directory is taken at its word.
    `known`: a checkpoint of this log that the auditor kept; the log must continue it.
    `witnesses`: keys of witnesses as the auditor knows them; two of them (or the only one) must have seen the log.
    """
    return _Check(LogDir(Path(directory)), key, known, witnesses, entries_kept_ms).run()


@dataclass(slots=True, kw_only=True)
class _Held:
    """A record that is still held."""

    index: int
    commitment: bytes
    record: Record | TrustRecord | ActRecord | None
    trouble: str  # why `record` is None


@dataclass(slots=True, kw_only=True)
class _Stored:
    """An entry whose signature holds and whose parts can be read."""

    seq: int
    leaves: list[bytes]
    records: list[Record | TrustRecord | ActRecord]
    views: tuple[ListedView, ...]


class _Check:
    """One run. Each step is a generator of breaks and leaves its sentence in `says`; facts gather on the way."""

    def __init__(
        self,
        log: LogDir,
        key: VerifierKey | None,
        known: bytes | None,
        witnesses: Sequence[WitnessKey],
        entries_kept_ms: int,
    ) -> None:
        self.log = log
        self.key = key
        self.known = known
        self.witnesses = witnesses
        self.entries_kept_ms = entries_kept_ms
        self.says = ""
        self.steps: list[Step] = []
        self.breaks: list[Break] = []
        self.notes: list[str] = []
        self.workers: dict[str, bytes] = {}
        self.head: Checkpoint | None = None
        self.known_head: Checkpoint | None = None
        self.leaves: list[bytes] = []
        self.positions: dict[bytes, int] = {}
        self.held: dict[int, _Held] = {}
        self.stored: list[_Stored] = []
        self.by_leaf: dict[bytes, tuple[_Stored, Record | TrustRecord | ActRecord]] = {}
        self.pending: list[_Stored] = []  # entries that are not in the log yet
        self.expired: list[int] = []
        self.gone: list[int] = []  # leaves whose entry has expired
        self.waiting: set[bytes] = set()
        self.delivered = 0
        self.leaves_hold = True
        self.expiries: list[Expiry] = []
        self.named = bytearray()  # by index, 1 where an expiry names the leaf
        self.holds: list[Hold] = []
        self.expiry_breaks: list[Break] = []
        self.record_breaks: list[Break] = []
        self.entry_breaks: list[Break] = []
        self.foreign: list[Break] = []  # what stands among the entries and is not a worker's
        self.order_breaks: list[Break] = []

    def run(self) -> Report:
        if self._step("files", self._files):
            self._step("checkpoint", self._checkpoint)
            self.leaves = self.log.leaves()
            self.record_breaks = list(self._load_records())
            self.entry_breaks = list(self._load_entries())
            for index, item in enumerate(self.leaves):
                self.positions.setdefault(item, index)
            self.expiry_breaks = list(self._expiries())
            self.order_breaks = list(self._sequence())
            if any(item.kind == "leaf-without-entry" for item in self.order_breaks):
                self.entry_breaks = sorted(self.entry_breaks + self.foreign, key=lambda item: item.index or 0)
                self.foreign.clear()
            self._step("leaves", self._leaves)
            if self.witnesses:
                self._step("witnesses", self._witnessed)
            elif self.log.final():
                self.notes.append("Whether witnesses saw the log was not checked: give their keys with --witness.")
            self._step("records", self._records)
            self._step("entries", self._entries)
            self._step("order", self._order)
            self._step("deliveries", self._deliveries)
            self._step("views", self._views)
            self._step("trust", self._trust)
            for name in sorted(self.log.torn):
                self.notes.append(f"The end of {name} is torn: a write was cut short. The torn piece is left out.")
        return Report(
            log=self.key.name if self.key else "",
            key_id=self.key.id.hex() if self.key else "",
            size=self.head.size if self.head else 0,
            root=self.head.root if self.head else EMPTY_ROOT,
            leaves=len(self.leaves),
            records=len(self.held),
            entries=len(self.stored),
            deliveries=self.delivered,
            expired=tuple(self.expired),
            unsequenced=len(self.pending),
            steps=tuple(self.steps),
            breaks=tuple(self.breaks[:MAX_BREAKS]),
            notes=tuple(self.notes),
        )

    def _step(self, name: str, judge: Callable[[], Iterable[Break]]) -> bool:
        self.says = ""
        found = list(judge())
        self.breaks += found
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        holds = not found and self.says != _NOT_COMPARED
        self.steps.append(Step(name=name, holds=holds, says=found[0].says + more if found else self.says))
        return not found

    # 1 -------------------------------------------------------------------------------------------------------------

    def _files(self) -> Iterator[Break]:
        missing = self.log.missing()
        for name in missing:
            yield Break(kind="file-missing", index=None, where=name, says=f"The file {name} is missing.")
        if missing:
            return
        try:
            found = VerifierKey.parse(self.log.vkey())
            self.workers = self.log.workers()
        except Unreadable as error:
            yield Break(kind="keys-unreadable", index=None, where=f"{VKEY}, {WORKERS}", says=f"{_sentence(error)}")
            return
        if self.key is not None and self.key != found:
            says = "The log's key in the directory is not the one that was given."
            yield Break(kind="key-differs", index=None, where=VKEY, says=says)
            return
        self.key = found
        self.says = f"All files are there; the log is {found.name}, with {many(len(self.workers), 'worker')}."

    # 2 -------------------------------------------------------------------------------------------------------------

    def _checkpoint(self) -> Iterator[Break]:
        if self.key is None:  # `run` stops where the files do not hold
            return
        raw = self.log.checkpoint()
        if not raw and (self.log.directory / LEAVES).stat().st_size == 0:
            self.notes.append("Nothing has been logged yet, and there is no checkpoint.")
            self.head = Checkpoint(origin=self.key.name, size=0, root=EMPTY_ROOT)
            self.says = "There is nothing to sign yet."
            return
        try:
            self.head = heads.verify(raw, self.key)
        except BadSignature:
            says = "The checkpoint carries no signature of the log's key that holds: it was altered, or is another's."
            yield Break(kind="checkpoint-signature", index=None, where=CHECKPOINT, says=says)
        except AuditError as error:
            says = f"The checkpoint cannot be read ({error})."
            yield Break(kind="checkpoint-unreadable", index=None, where=CHECKPOINT, says=says)
        else:
            self.says = (
                f"The checkpoint over {_these(self.head.size)} is signed by {self.key.name}, key {self.key.id.hex()}."
            )
        if self.known is not None:
            try:
                self.known_head = heads.verify(self.known, self.key)
            except AuditError as error:
                says = f"The checkpoint that was kept is not one of this log ({error})."
                yield Break(kind="known-checkpoint", index=None, where="known checkpoint", says=says)

    # 3 -------------------------------------------------------------------------------------------------------------

    def _leaves(self) -> Iterator[Break]:
        if self.head is None:
            self.says = _NOT_COMPARED
            return
        size = self.head.size
        roots = self._roots({size} | ({self.known_head.size} if self.known_head else set()))
        twice = [index for index, item in enumerate(self.leaves) if self.positions[item] != index]
        if roots.get(size) != self.head.root:
            self.leaves_hold = False
            yield self._locate(size)
        for index in twice:
            if self.leaves_hold:
                says = f"Leaf {index} is the same as leaf {self.positions[self.leaves[index]]}."
                yield Break(kind="leaf-added", index=index, where=LEAVES, says=says)
        if self.known_head and roots.get(self.known_head.size) != self.known_head.root:
            says = "The log does not continue the checkpoint that was kept: its past was changed, or it is another log."
            yield Break(kind="fork", index=min(self.known_head.size, len(self.leaves)), where=CHECKPOINT, says=says)
        if len(self.leaves) > size:
            self.notes.append(f"{many(len(self.leaves) - size, 'leaf')} not yet under a checkpoint.")
        self.says = f"The root over {_these(size)} is the checkpoint's."
        if self.known_head:
            self.says += f" The log continues the checkpoint over {_these(self.known_head.size)} that was kept."

    def _witnessed(self) -> Iterator[Break]:
        if self.key is None or self.head is None:
            self.says = _NOT_COMPARED
            return
        needed = min(NEEDED, len(self.witnesses))
        raw = self.log.final()
        try:
            found = heads.verify(raw, self.key) if raw else None
            seen = cosignatures(raw, self.witnesses) if raw else ()
        except AuditError as error:
            says = f"The head that witnesses are said to have seen does not hold ({error})."
            yield Break(kind="witnessed-checkpoint", index=None, where=FINAL, says=says)
            return
        if found is None or len(seen) < needed:
            says = f"{len(seen)} of the {len(self.witnesses)} witnesses given saw the log; {needed} must."
            yield Break(kind="not-witnessed", index=None, where=FINAL, says=says)
            return
        if self._roots({found.size}).get(found.size) != found.root:
            says = "What the witnesses saw is another log than this one."
            yield Break(kind="fork", index=min(found.size, len(self.leaves)), where=FINAL, says=says)
        day = datetime.fromtimestamp(max(c.time for c in seen), UTC).strftime("%Y-%m-%d %H:%M UTC")
        self.says = f"{len(seen)} of {len(self.witnesses)} saw it with {many(found.size, 'leaf')}, the last at {day}."

    def _roots(self, sizes: set[int]) -> dict[int, bytes]:
        running = RunningRoot()
        roots = {0: EMPTY_ROOT}
        for item in self.leaves:
            running.add(leaf_hash(item))
            if running.size in sizes:
                roots[running.size] = running.root()
        return roots

    def _locate(self, size: int) -> Break:
        """The root is wrong: name the leaf, as far as the records that are still held can tell."""
        wrong = "The root over the leaves is not the checkpoint's"
        for index, held in sorted(self.held.items()):
            if index >= min(len(self.leaves), size) or held.commitment == self.leaves[index]:
                continue
            found = self.positions.get(held.commitment)
            after = self.held.get(index + 1)
            if found == index + 1:
                kind, says = "leaf-added", f"{wrong}: a leaf was added at or just before index {index}."
            elif found == index - 1 or (found is None and after and after.commitment == self.leaves[index]):
                kind, says = "leaf-missing", f"{wrong}: a leaf is missing at or just before index {index}."
            elif found is not None:
                kind, says = "leaf-moved", f"{wrong}: the leaf of index {index} stands at index {found}."
            else:
                kind, says = "leaf-changed", f"{wrong}: leaf {index} was changed, its record does not open it."
            return Break(kind=kind, index=index, where=LEAVES, says=says)
        if len(self.leaves) < size:
            index = len(self.leaves)
            says = f"Leaf {index} is missing: the checkpoint covers {many(size, 'leaf')}, and only {index} are there."
            return Break(kind="leaf-missing", index=index, where=LEAVES, says=says)
        says = f"{wrong}: a leaf without a record was changed, or this is the checkpoint of another log."
        return Break(kind="root-differs", index=None, where=LEAVES, says=says)

    # 4 -------------------------------------------------------------------------------------------------------------

    def _load_records(self) -> Iterator[Break]:
        try:
            for line in self.log.records():
                if line.index in self.held:
                    says = f"There are two records for leaf {line.index}: one was added."
                    yield Break(kind="record-added", index=line.index, where=RECORDS, says=says)
                    continue
                record, trouble = None, ""
                try:
                    record = read_record(line.record)
                except Unreadable as error:
                    trouble = str(error)
                commitment = leaf(line.salt, line.record)
                self.held[line.index] = _Held(index=line.index, commitment=commitment, record=record, trouble=trouble)
        except Unreadable as error:
            yield Break(kind="record-unreadable", index=None, where=RECORDS, says=_sentence(error))

    def _records(self) -> Iterator[Break]:
        yield from self.record_breaks
        ahead = [item for stored in self.pending for item in stored.leaves if item not in self.positions]
        early = 0
        for index, held in sorted(self.held.items()):
            beyond = index - len(self.leaves)
            if beyond >= 0:
                if beyond < len(ahead) and held.commitment == ahead[beyond]:
                    early += 1
                elif self.leaves_hold:
                    says = f"A record for leaf {index} was added: there is no such leaf, and no entry waits to make it."
                    yield Break(kind="record-added", index=index, where=RECORDS, says=says)
            elif held.commitment == self.leaves[index]:
                if held.record is None:
                    says = f"Record {index} opens its leaf, but cannot be read ({held.trouble})."
                    yield Break(kind="record-malformed", index=index, where=RECORDS, says=says)
            elif self.leaves_hold:
                yield self._record_break(index, held)
        yield from self.expiry_breaks
        yield from self._missing_records()
        if early:
            self.notes.append(f"{many(early, 'record')} written ahead of the log.")
        self.says = f"Each of {many(len(self.held), 'record')} opens its leaf."

    def _record_break(self, index: int, held: _Held) -> Break:
        covered = self.head is not None and index < self.head.size
        found = self.positions.get(held.commitment)
        if not covered and held.commitment in self.by_leaf and found is None:
            says = f"Leaf {index} was changed: its entry and its record agree, and open another leaf."
            return Break(kind="leaf-changed", index=index, where=LEAVES, says=says)
        if found is not None:
            says = f"The record of leaf {found} stands at index {index}."
            return Break(kind="record-moved", index=index, where=RECORDS, says=says)
        says = f"Record {index} was changed: it does not open its leaf."
        return Break(kind="record-changed", index=index, where=RECORDS, says=says)

    def _expiries(self) -> Iterator[Break]:
        """Read what the log says has expired; what does not hold of it excuses no record that is missing."""
        known = {i: h.record for i, h in self.held.items() if h.record and self._opens(i, h)}
        known |= {self.positions[c]: r for c, (_, r) in self.by_leaf.items() if c in self.positions}
        found = expiries(known)
        self.holds = holds(known)
        self.named = bytearray(len(self.leaves))
        if not found:
            return
        latest, earliest = _bounds({index: record.at for index, record in known.items()}, len(self.leaves))
        for one in found:
            ends = min(one.until, len(self.leaves))
            wrong = fault(one, self.leaves, latest[ends], earliest[one.index + 1])
            if wrong is None:
                self.expiries.append(one)
                self.named[one.first : one.until] = b"\1" * (one.until - one.first)
            else:
                yield Break(kind=wrong[0], index=one.index, where=RECORDS, says=wrong[1])

    def _held_then(self, index: int) -> Hold | None:
        """The hold that stood, before the log said that this leaf's record expired, and held then."""
        said = [one for one in self.expiries if one.names(index)]
        return next((h for h in self.holds if h.names(index) and any(h.forbids(one) for one in said)), None)

    def _opens(self, index: int, held: _Held) -> bool:
        return index < len(self.leaves) and held.commitment == self.leaves[index]

    def _missing_records(self) -> Iterator[Break]:
        for index, item in enumerate(self.leaves):
            if index in self.held:
                continue
            if item in self.by_leaf:
                says = f"Record {index} was removed: its entry is still held, so it has not expired."
                yield Break(kind="record-removed", index=index, where=RECORDS, says=says)
            elif (hold := self._held_then(index)) is not None:
                says = f"Record {index} was removed, which an officer holds by leaf {hold.index}."
                yield Break(kind="held-removed", index=index, where=RECORDS, says=says)
            elif not self.named[index]:
                says = f"Record {index} was removed, or its leaf added: no record of the log says that it expired."
                yield Break(kind="record-removed", index=index, where=RECORDS, says=says)
            else:
                self.expired.append(index)
        if self.expired:
            said = [e.index for e in self.expiries if any(i not in self.held for i in range(e.first, e.until))]
            self.notes.append(
                f"{many(len(self.expired), 'record')} no longer held: expired, as the log says at {listed(said)}; it"
                f" still proves that they were there: {listed(self.expired)}."
            )
        if self.holds:
            at = listed([hold.index for hold in self.holds])
            self.notes.append(f"{many(len(self.holds), 'hold')} on records, as the log says at {at}.")
        if waiting := sum(index < len(self.named) and self.named[index] for index in self.held):
            self.notes.append(f"{many(waiting, 'record')} expired and not taken away yet.")

    # 5 -------------------------------------------------------------------------------------------------------------

    def _load_entries(self) -> Iterator[Break]:
        last = -1
        try:
            for line in self.log.entries():
                if line.seq <= last:
                    says = f"Entry {line.seq} stands after entry {last}: an entry was added or moved."
                    yield Break(kind="entry-order", index=line.seq, where=ENTRIES, says=says)
                    continue
                last = line.seq
                foreign = self._foreign(line.entry, f"Entry {line.seq}")
                if foreign:
                    kind, says = foreign
                    self.foreign.append(Break(kind=f"entry-{kind}", index=line.seq, where=ENTRIES, says=says))
                    continue
                try:
                    stored = self._read_entry(line)
                except BadSignature as error:
                    says = f"Entry {line.seq} was changed or is not a worker's ({error})."
                    yield Break(kind="entry-signature", index=line.seq, where=ENTRIES, says=says)
                except Unreadable as error:
                    says = f"Entry {line.seq} cannot be read ({error})."
                    yield Break(kind="entry-unreadable", index=line.seq, where=ENTRIES, says=says)
                except _Disagrees as error:
                    says = f"Entry {line.seq} does not agree with itself: {error}."
                    yield Break(kind="entry-inconsistent", index=line.seq, where=ENTRIES, says=says)
                else:
                    self.stored.append(stored)
                    for item, record in zip(stored.leaves, stored.records, strict=True):
                        self.by_leaf.setdefault(item, (stored, record))
        except Unreadable as error:
            yield Break(kind="entry-unreadable", index=None, where=ENTRIES, says=_sentence(error))

    def _foreign(self, raw: bytes, what: str) -> tuple[str, str] | None:
        """Kind and words if `raw` does not even claim to be signed by a known worker, else None.

        Such things can be put into the store past the broker (an acknowledgement of the message server lands wherever
        a client asks for it). Readers drop them; they are a break only where something genuine is missing.
        """
        try:
            by = read_signed(raw).by
        except Unreadable as error:
            return "unreadable", f"{what} cannot be read ({error})."
        return None if by in self.workers else ("signature", f"{what} is signed by nobody whose key is in {WORKERS}.")

    def _read_entry(self, line: EntryLine) -> _Stored:
        agency, key = shapes.read_entry_subject(line.subject)
        by, body = self._worker_signed(line.entry, shapes.ENTRY)
        entry = shapes.read_entry(body)
        records = [read_record(record) for _, record in entry.records]
        leaves = [leaf(salt, record) for salt, record in entry.records]
        for record in records:
            _agree(record.by == by, "a record is another worker's")
            if isinstance(record, TrustRecord):
                _agree(len(records) == 1, "a record about trust stands with others")
                _agree(key == _trust_key(record), "its key is not that of what it records")
                own = agency != shapes.OPERATOR or record.digest == entry.submission
                _agree(own, "a record is of another submission")
                continue
            if isinstance(record, ActRecord):
                _agree(len(records) == 1, "a record of an act stands with others")
                _agree(key == _act_key(record), "its key is not that of what it records")
                _agree(agency in (shapes.OPERATOR, record.agency), "a record is another agency's")
                continue
            _agree(record.agency == agency, "a record is another agency's")
            _agree(record.submission == entry.submission, "a record is of another submission")
            form = shapes.key_form(key)
            _agree(form in ("", "x", "r"), "its key is one of those of records about trust or of an act")
            own_id = record.message is None or form != "" or record.message.hex() == key
            _agree(own_id, "a record is of another message")
        word = entry.word is None or (shapes.key_form(key) == "r" and sha256(entry.word).digest() == entry.submission)
        _agree(word, "the word in it is not the one that was submitted")
        self._check_evidence(entry, leaves)
        decisions = [r for r in records if isinstance(r, Record) and r.type == DECISION]
        permitted = sorted((r.view, r.recipient) for r in decisions if r.view and r.recipient)
        _agree(
            permitted == sorted((view.digest, view.recipient) for view in entry.views),
            "its views are not those that its records permit",
        )
        return _Stored(seq=line.seq, leaves=leaves, records=records, views=entry.views)

    def _check_evidence(self, entry: Entry, leaves: list[bytes]) -> None:
        _, body = self._worker_signed(entry.evidence, shapes.EVIDENCE)
        evidence = shapes.read_evidence(body)
        promised = {evidence.leaf, *(outcome[3] for outcome in evidence.outcomes)}
        _agree(evidence.submission == entry.submission, "its evidence is of another submission")
        _agree(promised <= {leaf_hash(item) for item in leaves}, "its evidence promises a leaf that it does not make")

    def _worker_signed(self, raw: bytes, tag: str) -> tuple[str, bytes]:
        signed = read_signed(raw, tag)
        public = self.workers.get(signed.by)
        if public is None:
            raise BadSignature(f"{tag}: signed by nobody whose key is in {WORKERS}")
        return signed.by, verify(signed, tag, public)

    def _entries(self) -> Iterator[Break]:
        yield from self.entry_breaks
        if self.foreign:
            self.notes.append(f"{many(len(self.foreign), 'thing')} among the entries not a worker's: dropped.")
        self.says = f"Each of {many(len(self.stored), 'entry')} is signed by a known worker and agrees with itself."

    # 6 -------------------------------------------------------------------------------------------------------------

    def _sequence(self) -> Iterator[Break]:
        """Walk entries and leaves side by side; `pending` is what the log does not hold yet."""
        cursor = 0
        bare: list[int] = []  # leaves that no entry accounts for
        for stored in self.stored:
            places = [self.positions.get(item) for item in stored.leaves]
            known = [place for place in places if place is not None]
            if not known:
                self.pending.append(stored)
                continue
            for skipped in self.pending:
                says = f"Entry {skipped.seq} is not in the log, though entry {stored.seq}, stored after it, is."
                yield Break(kind="entry-skipped", index=skipped.seq, where=ENTRIES, says=says)
            self.pending.clear()
            first, count = known[0], len(known)
            if first < cursor:
                says = f"Leaf {first} is of entry {stored.seq}, but stands before the leaves of an earlier entry."
                yield Break(kind="leaf-moved", index=first, where=LEAVES, says=says)
                continue
            whole = places == list(range(first, first + len(places)))
            cut = places[:count] == list(range(first, first + count)) and first + count == len(self.leaves)
            if cut and not whole:
                self.pending.append(stored)  # the log ends in the middle of its leaves: it will go on there
            elif not whole:
                says = f"The records of entry {stored.seq} do not stand together and in order from leaf {first} on."
                yield Break(kind="leaf-missing", index=first, where=LEAVES, says=says)
            bare += range(cursor, first)
            cursor = max(known) + 1
        bare += range(cursor, len(self.leaves))
        yield from self._bare_leaves(bare)

    def _bare_leaves(self, bare: list[int]) -> Iterator[Break]:
        """A leaf without an entry is old, so that its entry may have expired; or it has no business being there."""
        times = {index: held.record.at for index, held in self.held.items() if held.record}
        times |= {self.positions[i]: r.at for i, (_, r) in self.by_leaf.items() if i in self.positions}
        newest = max((*times.values(), *(r.at for _, r in self.by_leaf.values())), default=0)
        wanted = set(bare)
        latest = newest  # no leaf is later than the next one whose time is known
        young: list[int] = []
        for index in range(len(self.leaves) - 1, -1, -1):
            latest = times.get(index, latest)
            if index in wanted:  # one whose record has expired is old, whatever stands behind it
                old = self.named[index] or newest - latest >= self.entries_kept_ms
                (self.gone if old else young).append(index)
        self.gone.reverse()
        for index in reversed(young):
            says = f"No entry accounts for leaf {index}: its entry was removed too early, or the leaf was added."
            yield Break(kind="leaf-without-entry", index=index, where=LEAVES, says=says)

    def _order(self) -> Iterator[Break]:
        yield from self.order_breaks
        if self.gone:
            self.notes.append(f"{many(len(self.gone), 'leaf')} whose entry is no longer held (expired).")
        if self.pending:
            self.notes.append(f"{many(len(self.pending), 'entry')} not yet sequenced.")
        self.says = "The records of the entries, in the order in which they were stored, are the leaves, in order."

    # 7 -------------------------------------------------------------------------------------------------------------

    def _deliveries(self) -> Iterator[Break]:
        subjects: set[str] = set()
        foreign: list[tuple[str, Break]] = []
        number = 0
        try:
            for number, line in enumerate(self.log.deliveries(), 1):
                strange = self._strange(line, number)
                if strange:
                    foreign.append((line.subject, strange))
                    continue
                self.delivered += 1
                kind, says = self._judge_delivery(line)
                if not kind and line.subject in subjects:
                    kind, says = "delivery-twice", "it stands there twice"
                subjects.add(line.subject)
                if kind:
                    yield Break(kind=kind, index=number, where=DELIVERIES, says=f"Delivery {number}: {says}.")
        except Unreadable as error:
            yield Break(kind="delivery-unreadable", index=number + 1, where=DELIVERIES, says=_sentence(error))
        due = self._due()
        dropped = 0
        for subject, item in foreign:
            if subject.rpartition(".")[2] in due:
                yield item
            else:
                dropped += 1
        if dropped:
            self.notes.append(f"{many(dropped, 'thing')} among the deliveries not a worker's: dropped.")
        self.says = f"Each of {many(self.delivered, 'delivery')} is stamped, and permitted by a record of the log."

    def _strange(self, line: DeliveryLine, number: int) -> Break | None:
        """A break if this does not even claim to be stamped by a known worker."""
        try:
            match shapes.claimed(line.delivery):
                case "notice":
                    signed = shapes.read_notice_delivery(line.delivery).notice
                case "unread":
                    signed = shapes.read_unread_delivery(line.delivery).unread
                case "recall":
                    shapes.read_recall_delivery(line.delivery)  # no worker's word: its record tells whether it counts
                    return None
                case "leak":
                    shapes.read_leak_delivery(line.delivery)  # nor this
                    return None
                case _:
                    signed = envelope.read_delivery(line.delivery).stamp
            foreign = self._foreign(signed, f"Delivery {number}: its stamp")
        except Unreadable as error:
            foreign = "unreadable", f"Delivery {number} cannot be read ({error})."
        if foreign is None:
            return None
        kind = "stamp-signature" if foreign[0] == "signature" else "delivery-unreadable"
        return Break(kind=kind, index=number, where=DELIVERIES, says=foreign[1])

    def _due(self) -> set[str]:
        """The ids of views that an entry lists and that neither wait nor were retrieved."""
        stored = (record for _, record in self.by_leaf.values() if isinstance(record, Record))
        done = {record.view for record in stored if record.outcome == RETRIEVED} | self.waiting
        return {view.id for stored in self.stored for view in stored.views if view.digest not in done}

    def _judge_delivery(self, line: DeliveryLine) -> tuple[str, str]:
        """Kind and words of what is wrong with one delivery; two empty strings where nothing is."""
        try:
            subject = shapes.read_delivery_subject(line.subject)
            match shapes.claimed(line.delivery):
                case "notice":
                    return self._judge_notice(subject, shapes.read_notice_delivery(line.delivery))
                case "unread":
                    return self._judge_unread(subject, shapes.read_unread_delivery(line.delivery))
                case "recall":
                    return self._judge_recall(subject, shapes.read_recall_delivery(line.delivery))
                case "leak":
                    return self._judge_leak(shapes.read_leak_delivery(line.delivery))
            delivery = envelope.read_delivery(line.delivery)
            _, body = self._worker_signed(delivery.stamp, shapes.STAMP)
            stamp = shapes.read_stamp(body)
            record = Record.from_bytes(delivery.record)
            manifest = envelope.manifest_digest(envelope.read_view(delivery.view).manifest_bytes)
        except BadSignature as error:
            return "stamp-signature", f"the stamp was changed or is not a worker's ({error})"
        except Unreadable as error:
            return "delivery-unreadable", f"it cannot be read ({error})"
        commitment = leaf(delivery.salt, delivery.record)
        view = envelope.view_digest(delivery.view)
        self.waiting.add(view)
        if commitment not in self.positions and commitment not in self.by_leaf:
            return "delivery-without-record", "its record is neither in the log nor in an entry that waits for it"
        if leaf_hash(commitment) != stamp.leaf:
            return "delivery-changed", "its record is not the one that was stamped"
        if (record.type, record.outcome, stamp.outcome) != (DECISION, PERMITTED, PERMITTED):
            return "delivery-not-permitted", "its record does not permit it"
        if not view == stamp.view == record.view:
            return "delivery-changed", "its view is not the one that was stamped and recorded"
        if not manifest == stamp.manifest == record.manifest:
            return "delivery-changed", "its manifest is not the one that was stamped and recorded"
        if not subject.contact == stamp.recipient == record.recipient:
            return "delivery-misaddressed", "it waits for somebody else than its record permits"
        if (stamp.rules, stamp.epoch) != (record.rules, record.epoch):
            return "delivery-changed", "stamp and record give different rules or epochs"
        if commitment in self.by_leaf:
            stored, _ = self.by_leaf[commitment]
            meant = ListedView(id=subject.view_id, recipient=subject.contact, digest=view)
            if meant not in stored.views:
                return "delivery-misaddressed", f"entry {stored.seq} does not list it under this view id"
        return "", ""

    def _judge_notice(self, subject: shapes.DeliverySubject, waiting: shapes.NoticeDelivery) -> tuple[str, str]:
        """The same for a notice that a consent was withdrawn."""
        _, body = self._worker_signed(waiting.notice, shapes.NOTICE)
        notice = shapes.read_notice(body)
        record = ActRecord.from_bytes(waiting.record)
        commitment = leaf(waiting.salt, waiting.record)
        if commitment not in self.positions and commitment not in self.by_leaf:
            return "delivery-without-record", "its record is neither in the log nor in an entry that waits for it"
        if leaf_hash(commitment) != notice.leaf or record.subject != notice.consent:
            return "delivery-changed", "its record is not the one that the notice names"
        if sha256(waiting.withdrawal).digest() != notice.withdrawal or record.digest != notice.withdrawal:
            return "delivery-changed", "its withdrawal is not the one that was recorded"
        if subject.contact != notice.to:
            return "delivery-misaddressed", "it waits for somebody else than it names"
        if notice.part == "collector":
            about = record.act == CONSENT_WITHDRAWN
        else:
            about = (record.act, record.recipient, record.view) == (ERASURE_ORDERED, notice.recipient, notice.view)
        return ("", "") if about else ("delivery-changed", "its record is about something else")

    def _judge_unread(self, subject: shapes.DeliverySubject, waiting: shapes.UnreadDelivery) -> tuple[str, str]:
        """The same for the word that an urgent message was not opened."""
        _, body = self._worker_signed(waiting.unread, shapes.UNREAD)
        notice = shapes.read_unread(body)
        record = ActRecord.from_bytes(waiting.record)
        commitment = leaf(waiting.salt, waiting.record)
        if commitment not in self.positions and commitment not in self.by_leaf:
            return "delivery-without-record", "its record is neither in the log nor in an entry that waits for it"
        about = (record.act, record.outcome, record.subject, record.recipient)
        if leaf_hash(commitment) != notice.leaf or about != (
            UNREAD_ESCALATED,
            notice.stage,
            notice.message,
            notice.recipient,
        ):
            return "delivery-changed", "its record is not the one that the notice names"
        if subject.contact != notice.to:
            return "delivery-misaddressed", "it waits for somebody else than it names"
        return "", ""

    def _judge_recall(self, subject: shapes.DeliverySubject, waiting: shapes.RecallDelivery) -> tuple[str, str]:
        """The same for a sender's word that a message is recalled or corrected, on its way to a holder."""
        record = ActRecord.from_bytes(waiting.record)
        commitment = leaf(waiting.salt, waiting.record)
        if commitment not in self.positions and commitment not in self.by_leaf:
            return "delivery-without-record", "its record is neither in the log nor in an entry that waits for it"
        if record.act != RECALL_ORDERED or record.digest != sha256(waiting.recall).digest():
            return "delivery-changed", "its recall is not the one that was recorded"
        if subject.contact != record.recipient:
            return "delivery-misaddressed", "it waits for somebody else than it was ordered for"
        return "", ""

    def _judge_leak(self, waiting: shapes.LeakDelivery) -> tuple[str, str]:
        """The same for a recipient's report of a leak, on its way to the sender."""
        record = ActRecord.from_bytes(waiting.record)
        commitment = leaf(waiting.salt, waiting.record)
        if commitment not in self.positions and commitment not in self.by_leaf:
            return "delivery-without-record", "its record is neither in the log nor in an entry that waits for it"
        if record.act not in (LEAK_SUSPECTED, LEAK_RELEASED) or record.digest != sha256(waiting.leak).digest():
            return "delivery-changed", "its report is not the one that was recorded"
        return "", ""

    # 8 -------------------------------------------------------------------------------------------------------------

    def _views(self) -> Iterator[Break]:
        records = {h.commitment: h.record for h in self.held.values() if isinstance(h.record, Record)}
        records |= {c: record for c, (_, record) in self.by_leaf.items() if isinstance(record, Record)}
        permitted = {r.view: r for r in records.values() if r.type == DECISION and r.view}
        retrieved = {r.view: c for c, r in records.items() if r.outcome == RETRIEVED and r.view}
        if not self.expired and not self.gone:  # else the decision may lawfully be out of sight
            for view, commitment in retrieved.items():
                record, decision = records[commitment], permitted.get(view)
                if decision is None or decision.recipient != record.recipient:
                    index = self.positions.get(commitment)
                    says = "A view was retrieved that no record permits to its reader."
                    yield Break(kind="retrieval-without-decision", index=index, where=RECORDS, says=says)
        absent = 0
        for view in permitted:
            absent += view not in self.waiting and view not in retrieved
        if absent:
            self.notes.append(
                f"{many(absent, 'permitted view')} neither waiting nor retrieved (expired, recalled or withdrawn)."
            )
        self.says = (
            f"Of {many(len(permitted), 'permitted view')}, {len(permitted.keys() & self.waiting)} waiting and"
            f" {len(permitted.keys() & retrieved.keys())} retrieved."
        )

    # 9 -------------------------------------------------------------------------------------------------------------

    def _trust(self) -> Iterator[Break]:
        """What the log says of trust, in the order of its leaves; what is not in the log yet comes last."""
        opened = [h for i, h in self.held.items() if i < len(self.leaves) and h.commitment == self.leaves[i]]
        placed = {held.index: held.record for held in opened if held.record}
        placed |= {self.positions[c]: r for c, (_, r) in self.by_leaf.items() if c in self.positions}
        rows: list[tuple[int | None, Record | TrustRecord | ActRecord]] = sorted(placed.items())
        rows += [(None, r) for stored in self.pending for c, r in zip(stored.leaves, stored.records, strict=True)
                 if c not in self.positions]  # fmt: skip
        whole = not self.expired and not self.gone  # else an epoch's record may lawfully be out of sight
        epochs: dict[int, bytes] = {}
        numbers: dict[str, int] = {}
        counts = dict.fromkeys((EPOCH, KEY_STATED, KEY_DESTROYED, "step"), 0)
        for index, record in rows:
            if not isinstance(record, TrustRecord):
                if whole and epochs and record.epoch > max(epochs):
                    says = f"Something was decided under epoch {record.epoch}, which had not taken effect."
                    yield Break(kind="epoch-unannounced", index=index, where=RECORDS, says=says)
                continue
            counts[record.step if record.step in counts else "step"] += 1
            if record.step == EPOCH:
                if record.epoch in epochs:
                    other = "" if epochs[record.epoch] == record.digest else ", as something else the second time"
                    says = f"Epoch {record.epoch} of the trust bundle took effect twice{other}."
                    yield Break(kind="epoch-twice", index=index, where=RECORDS, says=says)
                elif epochs and record.epoch < max(epochs):
                    says = f"Epoch {record.epoch} of the trust bundle took effect after epoch {max(epochs)}."
                    yield Break(kind="epoch-order", index=index, where=RECORDS, says=says)
                epochs.setdefault(record.epoch, record.digest)
            elif record.step == KEY_STATED and record.subject is not None and record.number is not None:
                if record.number <= numbers.get(record.subject, -1):
                    says = f"Contact {record.subject} stated key {record.number} after key {numbers[record.subject]}."
                    yield Break(kind="key-number", index=index, where=RECORDS, says=says)
                numbers[record.subject] = max(record.number, numbers.get(record.subject, -1))
        self.says = (
            f"{_epochs(sorted(epochs))} {many(counts[KEY_STATED], 'encryption key')} stated,"
            f" {counts[KEY_DESTROYED]} destroyed; {many(counts['step'], 'step')} of ceremonies."
        )


class _Disagrees(Exception):
    """The parts of one entry do not fit together."""


def _agree(holds: bool, otherwise: str) -> None:
    if not holds:
        raise _Disagrees(otherwise)


def _trust_key(record: TrustRecord) -> str:
    """Under which key the entry of a record about trust stands: one for each epoch, step, and number of a key."""
    about = f"{record.subject}|{record.number}"
    if record.step == EPOCH:
        letter, about = "e", str(record.epoch)
    elif record.step in (KEY_STATED, KEY_DESTROYED):
        letter = "s" if record.step == KEY_STATED else "d"
    else:
        return "c" + record.digest[:16].hex()
    return letter + blake2b(about.encode(), digest_size=16).hexdigest()


def _act_key(record: ActRecord) -> str:
    """Under which key the entry of an act stands: one for each withdrawn consent, each look-up, and for
    each copy and outcome.
    """
    if record.act == CONSENT_WITHDRAWN:
        return "w" + record.subject.hex()
    if record.act == LOOKED_UP:
        return "q" + record.subject.hex()
    if record.act == RECORDS_EXPIRED:
        return "p" + record.subject.hex()
    if record.act == RECORDS_HELD:
        return "h" + sha256(record.digest + record.subject).hexdigest()[:32]
    if record.act == ALARM_RAISED:
        return "i" + record.subject.hex()
    about = record.subject + (record.recipient or "").encode() + (record.view or b"")
    if record.act in STEPS:
        return "v" + blake2b(record.act.encode() + about, digest_size=16).hexdigest()
    if record.act in (MESSAGE_RECALLED, RECALL_ORDERED):
        letter = "m" if record.act == MESSAGE_RECALLED else "n"
        return letter + blake2b(about + record.outcome.encode(), digest_size=16).hexdigest()
    if record.act == UNREAD_ESCALATED:
        return "u" + blake2b(about + record.outcome.encode(), digest_size=16).hexdigest()
    if record.act == VIEW_ACKNOWLEDGED:
        return "a" + blake2b(about + record.outcome.encode(), digest_size=16).hexdigest()
    if record.act == ERASURE_CONFIRMED:
        letter, about = "k", about + record.outcome.encode()
    elif record.act in (LEAK_SUSPECTED, LEAK_RELEASED):
        letter, about = "l", about + record.outcome.encode()
    else:
        letter = "o" if record.act == ERASURE_ORDERED else "t"
    return letter + blake2b(about, digest_size=16).hexdigest()


def _bounds(times: Mapping[int, int], size: int) -> tuple[list[int | None], list[int | None]]:
    """By index, the latest time of all that stands before it, and the earliest of all that stands there or after."""
    latest: list[int | None] = [None] * (size + 1)
    earliest: list[int | None] = [None] * (size + 2)
    for index in range(size):
        at, so_far = times.get(index), latest[index]
        latest[index + 1] = so_far if at is None else at if so_far is None else max(so_far, at)
    for index in range(size - 1, -1, -1):
        at, so_far = times.get(index), earliest[index + 1]
        earliest[index] = so_far if at is None else at if so_far is None else min(so_far, at)
    return latest, earliest


def _epochs(epochs: list[int]) -> str:
    if not epochs:
        return "No epoch of the trust bundle took effect."
    if len(epochs) == 1:
        return f"Epoch {epochs[0]} of the trust bundle took effect."
    return f"Epochs {epochs[0]} to {epochs[-1]} of the trust bundle took effect, {len(epochs)} of them."


def _these(size: int) -> str:
    return f"the first {many(size, 'leaf')}" if size != 1 else "the first leaf"


def _sentence(error: AuditError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
