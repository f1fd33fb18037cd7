"""What the console reads: database of records, RECORDS and LOG, the trust bundle in force, and a tree of its own.

The tree is built here from LOG, not taken over from the sequencer: a proof that this page shows as holding was checked
against leaves that this process read itself and against the signed head.
"""

import asyncio
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from audit import fsck, packet
from audit.checkpoint import Checkpoint, VerifierKey, verify
from audit.errors import AuditError
from audit.expiry import Hold, holds
from audit.findings import Report
from audit.proofs import verify_inclusion
from audit.record import (
    ALARM_RAISED,
    ERASURE_CONFIRMED,
    ERASURE_ORDERED,
    LEAK_RELEASED,
    LEAK_SUSPECTED,
    PERMITTED,
    RECALL_ORDERED,
    RECORDS_HELD,
    REFUSED,
    RETRIEVAL,
    VIEW_ACKNOWLEDGED,
    ActRecord,
    Record,
    TrustRecord,
    read_record,
)
from audit.record import leaf as commitment
from audit.tree import leaf_hash
from audit.witness import cosignatures, final, readable
from broker import misuse
from broker.alarming import last_told
from broker.alarms import Kind, Told
from broker.console.owntree import OwnTree
from broker.console.words import mark
from broker.dues import ANSWER, REQUEST, ends_recall, unanswered, unconfirmed
from broker.entries import entry_of
from broker.holds import MOST as HOLDS
from broker.holds import in_force
from broker.projecting import Remembered, held, pairs
from broker.raised import MOST as ALARMS
from broker.raised import Stands, standing
from broker.recordsdb import KIND, MAX_PAGE, Line, Query, RecordsDb, alike, line_of
from broker.service import BrokerHome, export_log
from broker.tasks import Task, leaves, tasks
from bus import subjects
from bus.connection import Connection
from bus.queue import NatsSequencer
from bus.store import Store
from messages.catalogue import load as load_catalogue
from messages.directory import Bundle, Contact, Mandate
from messages.errors import DependencyError, RemoteError
from messages.ids import agency_handle
from messages.limits import DAY, HOUR, MINUTE
from policies import matrix
from policies.agreements import Agreement

log = structlog.get_logger("broker.console")

BLAME: Final = mark("The leaves of the log do not give the root that is signed: call the operator.")
SOON: Final = 14 * DAY
HOURS: Final = 24
"""That the overview counts, the one that is not over yet among them."""
SIGNS_HOLD: Final = 5 * MINUTE
ASKED: Final = 300
"""Records of requests, and of answers, that are looked at: the newest."""
LEAKS: Final = 200
"""Reports of leaks, and releases: the newest."""
ORDERS: Final = 1_000
"""Orders, and words of each kind on them, that are looked at: the newest."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether a leaf stands in the log that the signed head counts."""

    holds: bool
    says: str
    path: tuple[bytes, ...] = ()
    size: int = 0


@dataclass(frozen=True, slots=True)
class Witnessed:
    """The witnesses' labels, up to which leaf a head is final, and who cosigned it when (milliseconds)."""

    labels: tuple[str, ...]
    size: int
    signed: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Detail:
    """One leaf with all that is known of it."""

    line: Line
    record: Record | TrustRecord | ActRecord
    proof: Proof
    related: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Ends:
    """A mandate and how it stands."""

    contact: Contact
    mandate: Mandate
    state: str  # in force, soon, later, ended, revoked, suspended


@dataclass(slots=True)
class Judged:
    """How much was permitted and refused."""

    permitted: int = 0
    refused: int = 0

    def add(self, outcome: str, count: int) -> None:
        """Count so many of this outcome, if it is one of the two."""
        self.permitted += count * (outcome == PERMITTED)
        self.refused += count * (outcome == REFUSED)

    @property
    def all(self) -> int:
        return self.permitted + self.refused


@dataclass(frozen=True, slots=True)
class Counts:
    """What the overview counts: leaves by outcome; what was judged by the hour, and by rule in each hour, those that
    refused most first; and decisions between agencies, most first.
    """

    start: int
    outcomes: Counter[str]
    hours: list[Judged]
    rules: list[tuple[str, list[Judged]]]
    flows: list[tuple[str, str, Judged]]


@dataclass(frozen=True, slots=True)
class Owed:
    """Orders that wait for a word on a copy, requests that wait for an answer, and views that a recipient rejected."""

    erasures: list[ActRecord]
    recalls: list[ActRecord]
    requests: list[Line]
    rejected: list[ActRecord]


@dataclass(frozen=True, slots=True)
class Signs:
    """Signs of misuse, whether there were more records than are counted, and when they were."""

    told: tuple[misuse.Told, ...]
    more: bool
    at: int


class Reading:
    """All questions of the console to what is stored. Raises `DependencyError` where that does not answer."""

    def __init__(self, home: BrokerHome, connection: Connection, db: RecordsDb, clock: Callable[[], int]) -> None:
        self.home = home
        self.db = db
        self.clock = clock
        self._connection = connection
        self._port = NatsSequencer(connection)
        self._tree = OwnTree(home.folder, self._port.leaves)
        self._checking = asyncio.Lock()
        self.checked: tuple[int, Report] | None = None
        self._remembered = Remembered(self._port)
        self._acts = Remembered(self._port)
        self._signs: Signs | None = None
        self._counting: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Close the tree, and count no more."""
        if self._counting is not None:
            self._counting.cancel()
            await asyncio.gather(self._counting, return_exceptions=True)
        await self._port.close()
        self._tree.close()

    @property
    def bundle(self) -> Bundle:
        """The bundle in force."""
        return self.home.bundle

    @property
    def agreements(self) -> tuple[Agreement, ...]:
        return tuple(self.home.agreements.under(self.bundle.agreements).values())

    # The log

    async def head(self) -> tuple[Checkpoint | None, str]:
        """The newest head, its signature checked with the log's key of the bundle; else None and why."""
        raw = await self._port.last_head()
        if raw is None:
            return None, mark("The log has no signed head yet.")
        try:
            return verify(raw, VerifierKey.parse(self.bundle.directory.operator.log_vkey)), ""
        except (AuditError, ValueError):
            return None, mark("The newest head is not signed by the log's key in the trust bundle.")

    async def witnessed(self) -> Witnessed:
        """What the witnesses of the bundle cosigned last, of the heads that are final."""
        labels = tuple(w.label for w in self.bundle.witnesses)
        by_key = {w.vkey: w.label for w in self.bundle.witnesses}
        keys = readable(w.vkey for w in self.bundle.witnesses)
        found = await Store(self._connection).last(subjects.HEADS, subjects.FINAL)
        try:
            if found is not None and (head := final(found.data, keys)) is not None:
                signed = tuple((by_key[str(c.witness)], c.time * 1000) for c in cosignatures(found.data, keys))
                return Witnessed(labels, head.size, signed)
        except AuditError:
            return Witnessed(labels, 0, ())
        return Witnessed(labels, 0, ())

    async def prove(self, index: int, leaf: bytes) -> Proof:
        """Whether this leaf stands at this index of the log whose head is signed."""
        head, why = await self.head()
        if head is None:
            return Proof(False, why)
        if index >= head.size:
            return Proof(False, mark("The newest signed head does not count this leaf yet; look again in a moment."))
        path = await self._tree.path(index, head)
        if path is None:
            return Proof(False, BLAME)
        try:
            verify_inclusion(index, head.size, leaf_hash(leaf), path, head.root)
        except AuditError:
            return Proof(False, mark("The record is not what stands at its place in the log: call the operator."))
        says = f"Leaf {index} is in the log of {head.size} leaves whose head is signed; {len(path)} hashes prove it."
        return Proof(True, says, tuple(path), head.size)

    async def proved(self, index: int, hashed: bytes) -> packet.Proof | None:
        """That a leaf stands in the log: under the head that witnesses cosigned where it reaches so far, else under the
        newest; None where no signed head counts it yet. Raises `DependencyError` where the log contradicts its head.
        """
        final = await Store(self._connection).last(subjects.HEADS, subjects.FINAL)
        key = VerifierKey.parse(self.bundle.directory.operator.log_vkey)
        for raw in (final.data if final is not None else None, await self._port.last_head()):
            try:
                head = verify(raw, key) if raw is not None else None
            except AuditError:
                continue
            if raw is None or head is None or index >= head.size:
                continue
            path = await self._tree.path(index, head)
            if path is None:
                raise DependencyError(BLAME)
            return packet.Proof(leaf=hashed, index=index, size=head.size, path=tuple(path), head=raw)
        return None

    async def evidence(self, decided: Record) -> bytes | None:
        """The signed evidence by which the sender was answered; None where its entry is not held any more."""
        if decided.message is None:
            return None
        subject = subjects.entry(agency_handle(decided.agency), decided.message.hex())
        stored = await Store(self._connection).last(subjects.FLOW, subject)
        if stored is None:
            return None
        try:
            entry = entry_of(stored.data, self.bundle.directory)
        except RemoteError:
            return None
        return entry.evidence.to_bytes() if entry.submission == decided.submission else None

    async def check(self) -> Report:
        """The full check of the log, as `python -m audit verify` does it; one at a time."""
        async with self._checking:
            with tempfile.TemporaryDirectory(prefix="safeconduct-check-") as folder:
                await export_log(self.home, self._connection, Path(folder))
                key = VerifierKey.parse(self.bundle.directory.operator.log_vkey)
                report = await asyncio.to_thread(fsck.check, folder, key=key)
            self.checked = (self.clock(), report)
            return report

    # Records

    async def detail(self, index: int) -> Detail | None:
        """One leaf, or None where its record is not held, or no longer."""
        pair = await held(self._port, index)
        if pair is None:
            return None
        try:
            record = read_record(pair[1])
        except AuditError:
            return None
        found = await asyncio.to_thread(self._line, index, record)
        if found is None:
            return None
        line, related = found
        return Detail(line, record, await self.prove(index, commitment(*pair)), related)

    def _line(self, index: int, record: Record | TrustRecord | ActRecord) -> tuple[Line, tuple[Line, ...]] | None:
        line = line_of(index, record)
        if line.form == "trust" or not line.subject or line.kind == "looked-up":
            return line, ()
        around = self.db.search(Query(subject=line.subject), size=200).lines
        return line, tuple(sorted(around, key=lambda x: (x.at, x.index)))

    async def about(self, query: Query, most: int) -> list[Line]:
        """Up to `most` lines of a search, the newest first."""
        return await asyncio.to_thread(lambda: list(self.db.each(query, most)))

    async def pairs(self, indices: list[int]) -> list[tuple[int, tuple[bytes, bytes]]]:
        """Salt and record of these leaves, in the order of the log, as far as they are held."""
        wanted = sorted(indices)
        found = zip(wanted, await pairs(self._port, wanted), strict=True)
        return [(index, pair) for index, pair in found if pair is not None]

    async def raw(self, lines: list[Line]) -> list[bytes]:
        """The records of these lines, in their order, as far as they are held; a hundred are asked for at a time."""
        found = await pairs(self._port, [line.index for line in lines])
        return [pair[1] for pair in found if pair is not None]

    async def decided(self, most: int) -> list[bytes]:
        """The newest decisions, as far as their records are held."""
        lines = await asyncio.to_thread(lambda: list(self.db.each(Query(form="decision"), most)))
        return await self.raw(lines)

    async def tasks(self) -> list[Task]:
        """Broken glasses with what their reviews found."""
        return tasks(await self._remembered.records(await asyncio.to_thread(leaves, self.db)))

    async def owed(self) -> Owed:
        """What somebody still owes."""
        leaves, requests, answers = await asyncio.to_thread(self.owed_leaves)
        raw = await self._acts.records([index for indices in leaves.values() for index in indices])
        acts = [record for data in raw if isinstance(record := read_record(data), ActRecord)]
        by_act = {act: [record for record in acts if record.act == act] for act in leaves}
        said = [word for word in by_act[VIEW_ACKNOWLEDGED] if ends_recall(word)]
        recalls = unconfirmed(by_act[RECALL_ORDERED], said)
        opened = await asyncio.to_thread(self._opened, recalls)
        return Owed(
            erasures=unconfirmed(by_act[ERASURE_ORDERED], by_act[ERASURE_CONFIRMED]),
            recalls=[order for order in recalls if (order.subject, order.recipient) in opened],
            requests=unanswered(requests, answers, self.bundle.directory.home_of),
            rejected=[word for word in by_act[VIEW_ACKNOWLEDGED] if word.outcome == "rejected"],
        )

    def owed_leaves(self) -> tuple[dict[str, list[int]], list[Line], list[Line]]:
        """Which leaves that is found in, and the newest requests and answers."""
        acts = (ERASURE_ORDERED, ERASURE_CONFIRMED, RECALL_ORDERED, VIEW_ACKNOWLEDGED)
        leaves = self.db.latest({(KIND, act): ORDERS for act in acts})
        lines = self.db.latest_lines({(KIND, REQUEST): ASKED, (KIND, ANSWER): ASKED})
        return {act: leaves[KIND, act] for act in acts}, lines[KIND, REQUEST], lines[KIND, ANSWER]

    def _opened(self, recalls: list[ActRecord]) -> set[tuple[bytes, str | None]]:
        """Which of these recalled copies had been opened: of another one nothing is owed."""
        found = set[tuple[bytes, str | None]]()
        for subject in {order.subject for order in recalls}:
            lines = self.db.search(Query(form=RETRIEVAL, subject=subject.hex()), size=MAX_PAGE).lines
            found |= {(subject, line.recipient) for line in lines}
        return found

    async def leaks(self) -> list[Line]:
        """What recipients kept aside, and what they released, the newest first."""
        return await asyncio.to_thread(self.leak_lines)

    def leak_lines(self) -> list[Line]:
        """The same, from the database."""
        both = self.db.latest_lines({(KIND, LEAK_SUSPECTED): LEAKS, (KIND, LEAK_RELEASED): LEAKS})
        return sorted((line for lines in both.values() for line in lines), key=lambda x: -x.at)

    async def holds(self) -> list[Hold]:
        """What officers hold back from expiry now."""
        found = await asyncio.to_thread(self.db.latest, {(KIND, RECORDS_HELD): HOLDS})
        indices = sorted(found[KIND, RECORDS_HELD])
        read = await pairs(self._port, indices)
        said = {i: read_record(pair[1]) for i, pair in zip(indices, read, strict=True) if pair is not None}
        return in_force(holds(said), self.clock())

    async def raised(self) -> list[Stands]:
        """Alarms of agencies' adapters that stand."""
        return await asyncio.to_thread(self.raised_lines)

    def raised_lines(self) -> list[Stands]:
        """The same, from the database."""
        lines = self.db.latest_lines({(KIND, ALARM_RAISED): ALARMS})[KIND, ALARM_RAISED]
        return standing(lines, self.clock())

    def counted(self, now: int) -> Counts:
        """What the overview counts of the last hours, from the beginning of the first of them on."""
        first = now // HOUR - HOURS + 1
        told = self.db.tallied(first * HOUR, now + HOUR)
        outcomes, hours = Counter[str](), [Judged() for _ in range(HOURS)]
        rules: defaultdict[str, list[Judged]] = defaultdict(lambda: [Judged() for _ in range(HOURS)])
        for (_, outcome, hour), count in told.forms.items():
            outcomes[outcome] += count
            hours[min(hour - first, HOURS - 1)].add(outcome, count)  # a clock that is ahead counts to this hour
        for (rule, outcome, hour), count in told.rules.items():
            rules[rule][min(hour - first, HOURS - 1)].add(outcome, count)
        flows: defaultdict[tuple[str, str], Judged] = defaultdict(Judged)
        for (sender, receiver, outcome), count in told.flows.items():
            flows[sender, receiver].add(outcome, count)

        def most(rule: tuple[str, list[Judged]]) -> tuple[int, int, str]:
            return -sum(h.refused for h in rule[1]), -sum(h.permitted for h in rule[1]), rule[0]

        busiest = sorted(flows.items(), key=lambda flow: (-flow[1].all, flow[0]))
        return Counts(first * HOUR, outcomes, hours, sorted(rules.items(), key=most), [(*p, c) for p, c in busiest])

    async def signs(self) -> Signs:
        """Signs of misuse. Whoever asks within five minutes of a count gets that one, and nobody waits for the next: it
        reads all records of the span.
        """
        if self._signs is None:
            self._signs = await asyncio.to_thread(self.count_signs)
        elif self.clock() - self._signs.at >= SIGNS_HOLD and (self._counting is None or self._counting.done()):
            self._counting = asyncio.create_task(self._count_again())
        return self._signs

    async def _count_again(self) -> None:
        try:
            self._signs = await asyncio.to_thread(self.count_signs)
        except DependencyError as error:
            log.warning("signs-not-counted", code=error.code)

    def count_signs(self) -> Signs:
        """Count them now."""
        now = self.clock()
        counted, more = self.db.grouped(Query(start=now - misuse.SPAN), misuse.BY, misuse.COUNTED)
        lines = ((alike(misuse.BY, values), count) for values, count in counted)
        return Signs(tuple(misuse.signs(lines)), more, now)

    async def alarms(self) -> list[tuple[str, list[tuple[Kind, Told]]]]:
        """Each address of the bundle to which alarms leave, and what was told there last, the newest first."""
        told = await asyncio.to_thread(last_told, self.home.folder / "log")
        to = [address.to for address in self.bundle.directory.operator.alarms or ()]
        return [(one, sorted(told.get(one, {}).items(), key=lambda kind: -kind[1].at)) for one in to]

    # Trust

    def mandates(self) -> list[Ends]:
        """Every mandate with how it stands now, those that end soonest first among those in force."""
        now, found = self.clock(), []
        for contact in self.bundle.directory.contacts:
            suspended = any(s.holds(now) for s in contact.suspended)
            for mandate in contact.mandates:
                found.append(Ends(contact, mandate, _state(mandate, now, suspended=suspended)))
        order = ("soon", "in force", "suspended", "later", "revoked", "ended")
        return sorted(found, key=lambda e: (order.index(e.state), e.mandate.end))

    def matrix(self) -> tuple[matrix.Row, ...]:
        """Who may send what to whom now."""
        return matrix.rows(self.bundle.directory, self.agreements, load_catalogue(), self.clock())


def _state(mandate: Mandate, now: int, *, suspended: bool) -> str:
    if mandate.revoked is not None and now >= mandate.revoked:
        return "revoked"
    if now >= mandate.end:
        return "ended"
    if now < mandate.start:
        return "later"
    if suspended:
        return "suspended"
    return "soon" if mandate.end - now < SOON else "in force"
