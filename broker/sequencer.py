"""Entries into RECORDS and LOG, in the order FLOW has them; one leader, fenced by the store.

The order is RECORDS, LOG, then the signed head. A crash between any two is safe: records of a leaf that is not in the
log yet are written again, the same, because leaf indexes follow from FLOW's order alone; LOG refuses a stale leader's
batch; a head is signed only over leaves that LOG holds. The tree and the index of leaves are projections under
`folder`, rebuilt from LOG by whoever lacks them.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import structlog

from audit.checkpoint import Checkpoint, VerifierKey, read_checkpoint, read_note, sign_checkpoint
from audit.record import leaf as commitment
from audit.tree import FileStore, Tree, leaf_hash
from broker.entries import entry_of
from broker.rounds import stopped
from bus.databases import keep_log
from bus.queue import SequencerPort, StoredEntry
from bus.store import Fenced
from keys.signing import Signer
from messages import cbor, limits
from messages.directory import Directory
from messages.errors import DependencyError, ShareError

log = structlog.get_logger("broker.sequencer")

BATCH: Final = 400
"""Entries taken at once; with a record for submission and recipient each they fill an atomic batch."""
READ_AT_ONCE: Final = 20
GATHER: Final = 0.1
"""Seconds for which entries gather after a few were brought in: each time costs server and disk as much as for many."""


LOOK: Final = 5.0
"""Seconds between two looks at how far the log is behind; include-by is ten minutes."""
STAND_BY: Final = 1.0
"""Seconds in which the one that writes the log has to add to it, while there is something to add."""


class LogLost(DependencyError):
    """LOG holds less than this host has seen: nothing may be signed until somebody has looked."""

    code = "log-lost"


class LeafIndex:
    """Where a leaf hash stands in the log: a projection in SQLite, so that memory stays flat."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        keep_log(self._db)
        self._db.execute("PRAGMA synchronous=OFF")  # rebuilt from LOG if it is lost
        self._db.execute("CREATE TABLE IF NOT EXISTS leaf (hash BLOB PRIMARY KEY, idx INTEGER NOT NULL) WITHOUT ROWID")

    def add(self, first: int, hashes: Sequence[bytes]) -> None:
        """Note that `hashes` stand from index `first` on."""
        self._db.execute("BEGIN")
        self._db.executemany(
            "INSERT OR REPLACE INTO leaf VALUES (?, ?)", [(h, first + i) for i, h in enumerate(hashes)]
        )
        self._db.execute("COMMIT")

    def count(self) -> int:
        """How many leaves are noted."""
        return int(self._db.execute("SELECT count(*) FROM leaf").fetchone()[0])

    def find(self, leaf: bytes) -> int | None:
        """The index of a leaf hash, or None."""
        row = self._db.execute("SELECT idx FROM leaf WHERE hash = ?", (leaf,)).fetchone()
        return int(row[0]) if row else None

    def close(self) -> None:
        """Close the file."""
        self._db.close()


class Sequencer:
    """The one that writes the log. A second one loses every race in the store and starts over."""

    def __init__(
        self,
        port: SequencerPort,
        folder: Path,
        signer: Signer,
        vkey: str,
        directory: Directory,
        clock: Callable[[], int],
    ) -> None:
        self._port = port
        self._signer = signer
        self._key = VerifierKey.parse(vkey)
        self._directory = directory
        self._clock = clock
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._store = FileStore(folder / "tree")
        self._tree = Tree(self._store)
        self._index = LeafIndex(folder / "leaves.db")
        self._flow = 0
        self._behind_since: int | None = None
        self.head: bytes | None = None
        self._head_size = 0  # proofs lead to the head that is published, not to leaves that are not under it yet

    @property
    def size(self) -> int:
        """How many leaves the log has."""
        return self._tree.size

    def may_admit(self) -> bool:
        """Whether the log keeps up: it is not behind FLOW by more than the promise of include-by."""
        return self._behind_since is None or self._clock() - self._behind_since < limits.INCLUDE_BY

    def renew(self, directory: Directory) -> None:
        """Go on under another directory."""
        self._directory = directory

    async def start(self) -> None:
        """Catch up with LOG. Raises `DependencyError` where the projection is ahead of it: LOG has lost leaves."""
        last, self._flow = await self._port.tail()
        if self._tree.size > last:
            raise LogLost(
                "The log on the bus is shorter than what this host has seen; do not go on, call the operator."
            )
        while self._tree.size < last:
            leaves = await self._port.leaves(self._tree.size, min(1000, last - self._tree.size))
            if not leaves:
                raise LogLost("The log on the bus lacks leaves in its middle; call the operator.")
            self._extend(leaves)
        if self._index.count() < self._tree.size:
            for index in range(self._tree.size):
                self._index.add(index, [self._tree.leaf(index)])
        await self._publish()

    async def run(self, stop: asyncio.Event) -> None:
        """Sequence until `stop` is set; stand by while somebody else does."""
        while not stop.is_set():
            try:
                taken = await self.step(0.5)
                self._behind_since = None  # also where there was nothing to do: then nothing is behind
                if 0 < taken < BATCH:
                    await stopped(stop, GATHER)
            except Fenced:
                log.info("fenced")
                await self._stand_by(stop)
            except DependencyError as error:
                self._behind_since = self._behind_since or self._clock()
                log.warning("bus-trouble", code=error.code)
                await asyncio.sleep(0.2)

    async def _stand_by(self, stop: asyncio.Event) -> None:
        """Follow the log that another one writes, so that proofs can be given here too, until it no longer grows.

        Without that two sequencers would take each batch of entries twice, and one of them in vain.
        """
        while not stop.is_set():
            before = self._tree.size
            await self._start_over(stop)
            self._behind_since = None
            if self._tree.size == before:
                return
            await stopped(stop, STAND_BY)

    async def _start_over(self, stop: asyncio.Event) -> None:
        """Read the tail again, however long the bus takes; a log that has lost leaves ends the broker."""
        while not stop.is_set():
            try:
                await self.start()
                return
            except LogLost:
                raise
            except DependencyError as error:
                self._behind_since = self._behind_since or self._clock()
                log.warning("bus-trouble", code=error.code)
                await asyncio.sleep(0.2)

    async def step(self, wait: float) -> int:
        """Bring one batch of entries into the log; how many leaves that were."""
        stored = await self._port.entries(self._flow, BATCH, wait)
        if not stored:
            await self._publish()  # in case the bus did not take the last head
            return 0
        pairs: list[tuple[bytes, bytes]] = []
        flow: list[int] = []
        for number, entry in enumerate(stored):
            if number % READ_AT_ONCE == 0:  # a worker in this process may be waiting for an answer
                await asyncio.sleep(0)
            for pair in self._records(entry):
                pairs.append(pair)
                flow.append(entry.seq)
        if pairs:
            leaves = [commitment(salt, record) for salt, record in pairs]
            await self._port.append(
                self._tree.size,
                [cbor.dump({"salt": salt, "record": record}) for salt, record in pairs],
                leaves,
                flow,
                self._tree.size,
            )
            self._extend(leaves)
        self._flow = stored[-1].seq  # before the head: if that fails, these entries must not be taken again
        await self._publish()
        return len(pairs)

    def _records(self, stored: StoredEntry) -> tuple[tuple[bytes, bytes], ...]:
        """Salt and record of everything a worker's signed entry holds; nothing of what anybody else put there."""
        try:
            return entry_of(stored.data, self._directory).records
        except ShareError as error:
            log.error("foreign-entry", seq=stored.seq, code=error.code)
            return ()

    def _extend(self, leaves: Sequence[bytes]) -> None:
        first = self._tree.size
        self._tree.extend(leaves)
        self._store.sync()
        self._index.add(first, [leaf_hash(leaf) for leaf in leaves])

    async def _publish(self) -> None:
        """Sign and publish the head, unless it stands already."""
        checkpoint = Checkpoint(origin=self._key.name, size=self._tree.size, root=self._tree.root())
        head = sign_checkpoint(checkpoint, self._key, self._signer.sign_note)
        if head != self.head:
            await self._port.put_head(head)
            self.head, self._head_size = head, checkpoint.size

    def prove(self, leaf: bytes, head: bytes | None = None) -> bytes | None:
        """Inclusion proof of a leaf hash with the head it leads to, as an `ask` answers it, or None.

        That is the newest head, or `head`: an older one of this log, as a note with whatever signatures.
        """
        head = head or self.head
        index = self._index.find(leaf)
        if index is None or head is None:
            return None
        size = read_checkpoint(read_note(head).text).size
        if not index < size <= self._head_size:
            return None
        proof = self._tree.inclusion_proof(index, size)
        return cbor.dump({"index": index, "size": size, "proof": proof, "checkpoint": head})

    def prove_consistency(self, old: int) -> bytes | None:
        """Consistency proof from a head of `old` leaves to the newest, as an `ask` answers it, or None."""
        if not 0 < old <= self._head_size or self.head is None:
            return None
        return cbor.dump({"proof": self._tree.consistency_proof(old, self._head_size), "checkpoint": self.head})

    def close(self) -> None:
        """Close the projections."""
        self._store.close()
        self._index.close()


class Lag:
    """How far the log is behind, for a process that admits and does not write it. `look` often; `may_admit` is then as
    the sequencer's own.
    """

    def __init__(self, port: SequencerPort, clock: Callable[[], int]) -> None:
        self._port = port
        self._clock = clock
        self._logged = -1
        self._behind_since: int | None = None

    async def look(self) -> None:
        """Compare FLOW's newest entry with what LOG holds. A log that grows, grows too slowly at worst."""
        now = self._clock()
        try:
            newest = await self._port.newest()
            _, logged = await self._port.tail()
        except DependencyError as error:
            self._behind_since = self._behind_since or now
            log.warning("bus-trouble", code=error.code)
            return
        grows, self._logged = logged != self._logged, logged
        if logged >= newest:
            self._behind_since = None
        elif grows or self._behind_since is None:
            self._behind_since = now

    @property
    def behind(self) -> bool:
        """Whether FLOW held more than the log when we looked last, or we could not look."""
        return self._behind_since is not None

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        while not stop.is_set():
            await self.look()
            await stopped(stop, LOOK)

    def may_admit(self) -> bool:
        """Whether the log keeps up: it has not stood still, behind FLOW, for longer than the promise of include-by."""
        return self._behind_since is None or self._clock() - self._behind_since < limits.INCLUDE_BY
