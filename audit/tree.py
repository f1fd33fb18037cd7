"""The log's Merkle tree: RFC 6962 / RFC 9162 hashing, an append-only store of node hashes, and proofs.

A `Tree` appends leaves and answers roots and proofs of any size it has had; `audit.proofs` checks them and shares
nothing with this module but the two hash functions. A `HashStore` keeps, per level, the hashes of all *complete*
subtrees of 2^level leaves, left to right; that is enough for every root and proof, and only ever grows at the end.
`FileStore` keeps one file a level, so memory stays flat and a proof is a few seeks.

The stored hashes are a projection: the log is the leaves, and any host can build the store again from them.
"""

import os
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()

_CHUNK: Final = 4096  # hashes a write: 128 kB


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(0x00 || leaf)."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


class RunningRoot:
    """The root of leaves given one after another, in memory that grows with the logarithm of their number."""

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []  # roots of the complete subtrees that make up the tree, largest first

    def add(self, hashed_leaf: bytes) -> None:
        node = hashed_leaf
        below = self.size
        while below & 1:
            node = node_hash(self._peaks.pop(), node)
            below >>= 1
        self._peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        if not self._peaks:
            return EMPTY_ROOT
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = node_hash(peak, node)
        return node


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over `leaves` (leaf data, not leaf hashes)."""
    running = RunningRoot()
    for leaf in leaves:
        running.add(leaf_hash(leaf))
    return running.root()


class HashStore(Protocol):
    """Where node hashes are kept. Level 0 holds leaf hashes; level k the complete subtrees of 2^k leaves."""

    def count(self, level: int) -> int:
        """How many hashes the level holds."""
        ...

    def get(self, level: int, index: int) -> bytes:
        """One hash; `index` is below `count(level)`."""
        ...

    def extend(self, level: int, hashes: Sequence[bytes]) -> None:
        """Append hashes to a level."""
        ...

    def sync(self) -> None:
        """Return when everything appended so far survives a crash."""
        ...


class MemoryStore:
    """A `HashStore` that forgets everything when the process ends."""

    def __init__(self) -> None:
        self._levels: list[list[bytes]] = []

    def count(self, level: int) -> int:
        return len(self._levels[level]) if level < len(self._levels) else 0

    def get(self, level: int, index: int) -> bytes:
        return self._levels[level][index]

    def extend(self, level: int, hashes: Sequence[bytes]) -> None:
        while level >= len(self._levels):
            self._levels.append([])
        self._levels[level].extend(hashes)

    def sync(self) -> None:
        return


class FileStore:
    """A `HashStore` in a directory: one append-only file a level, and `synced`, the size that is safe on disk.

    Opening cuts off whatever was appended after the last `sync`, because a crash may have left any part of it torn or
    blank; whoever appends takes up from there (`Tree.size`). If `synced` itself is missing or torn, the whole leaf
    hashes of level 0 count, and every level above is built again from them.

    One process at a time may hold it. Whoever opens it closes it (it is a context manager).
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._files: list[int] = []
        self._counts: list[int] = []
        self._dirty: set[int] = set()
        self._generation = 0
        self._marker: int | None = os.open(directory / "synced", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._recover()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "FileStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files. Does not sync."""
        for file in self._files:
            os.close(file)
        self._files.clear()
        if self._marker is not None:
            os.close(self._marker)
            self._marker = None

    def count(self, level: int) -> int:
        return self._counts[level] if level < len(self._counts) else 0

    def get(self, level: int, index: int) -> bytes:
        raw = os.pread(self._files[level], HASH_BYTES, index * HASH_BYTES)
        if len(raw) != HASH_BYTES:
            raise OSError(f"level {level} of the hash store ends before hash {index}")
        return raw

    def extend(self, level: int, hashes: Sequence[bytes]) -> None:
        while level >= len(self._files):
            self._open_level()
        for start in range(0, len(hashes), _CHUNK):
            piece = b"".join(hashes[start : start + _CHUNK])
            _write_all(self._files[level], piece, self._counts[level] * HASH_BYTES)
            self._counts[level] += len(piece) // HASH_BYTES
        self._dirty.add(level)

    def sync(self) -> None:
        """Levels first, then the marker: a crash between them opens at the sync before."""
        if self._marker is None:
            raise ValueError("the hash store is closed")
        for level in sorted(self._dirty):
            os.fsync(self._files[level])
        self._dirty.clear()
        self._generation += 1
        body = self.count(0).to_bytes(8, "big") + self._generation.to_bytes(8, "big")
        slot = body + sha256(body).digest()[:16]  # two slots in turn: a torn write spoils only the newer one
        _write_all(self._marker, slot, (self._generation & 1) * len(slot))
        os.fsync(self._marker)

    def _recover(self) -> None:
        while (self._directory / f"level-{len(self._files):02d}").exists():
            self._open_level()
        safe = self._read_marker()
        whole = self.count(0)
        trusted = safe is not None and safe <= whole
        size = safe if safe is not None and trusted else whole
        for level in range(len(self._files)):
            keep = min(self._counts[level], size >> level) if trusted or level == 0 else 0
            os.ftruncate(self._files[level], keep * HASH_BYTES)
            self._counts[level] = keep
            self._dirty.add(level)
        level = 0
        while size >> (level + 1):
            missing = range(self.count(level + 1), size >> (level + 1))
            for start in range(missing.start, missing.stop, _CHUNK):
                stop = min(start + _CHUNK, missing.stop)
                self.extend(
                    level + 1,
                    [node_hash(self.get(level, 2 * i), self.get(level, 2 * i + 1)) for i in range(start, stop)],
                )
            level += 1
        self.sync()

    def _read_marker(self) -> int | None:
        raw = os.pread(self._marker, 64, 0) if self._marker is not None else b""
        best: tuple[int, int] | None = None
        for slot in (raw[:32], raw[32:64]):
            if len(slot) == 32 and sha256(slot[:16]).digest()[:16] == slot[16:]:
                found = (int.from_bytes(slot[8:16], "big"), int.from_bytes(slot[:8], "big"))
                best = max(best, found) if best else found
        if best is None:
            return None
        self._generation = best[0]
        return best[1]

    def _open_level(self) -> None:
        path = self._directory / f"level-{len(self._files):02d}"
        made = not path.exists()
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        self._files.append(file)
        self._counts.append(os.fstat(file).st_size // HASH_BYTES)
        if made:
            folder = os.open(self._directory, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _write_all(file: int, data: bytes, at: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, at)
        view, at = view[written:], at + written


class Tree:
    """An append-only Merkle tree over a `HashStore`. Leaf data goes in; leaf hashes are what is stored."""

    def __init__(self, store: HashStore | None = None) -> None:
        self.store: HashStore = MemoryStore() if store is None else store

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self.store.count(0)

    def append(self, leaf: bytes) -> int:
        """Append one leaf and return its index. Durable after the next `store.sync()`."""
        index = self.size
        self.extend([leaf])
        return index

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Append leaves in order. Durable after the next `store.sync()`."""
        added = [leaf_hash(leaf) for leaf in leaves]
        start, level = self.size, 0
        while added:
            self.store.extend(level, added)
            if start & 1:
                added = [self.store.get(level, start - 1), *added]
                start -= 1
            added = [node_hash(added[i], added[i + 1]) for i in range(0, len(added) - 1, 2)]
            start, level = start >> 1, level + 1

    def leaf(self, index: int) -> bytes:
        """The leaf hash at `index`."""
        self._within(index + 1)
        return self.store.get(0, index)

    def root(self, size: int | None = None) -> bytes:
        """The root of the first `size` leaves (all of them without an argument)."""
        size = self._within(size)
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """The audit path of leaf `index` in the tree of the first `size` leaves (RFC 9162, 2.1.3.1)."""
        size = self._within(size)
        if not 0 <= index < size:
            raise ValueError(f"leaf {index} is not among the first {size}")
        start, stop = 0, size
        path: list[bytes] = []
        while stop - start > 1:
            middle = start + _split(stop - start)
            if index < middle:
                path.append(self._range(middle, stop))
                stop = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        path.reverse()
        return path

    def consistency_proof(self, first: int, second: int | None = None) -> list[bytes]:
        """Proof that the tree of `first` leaves is the beginning of that of `second` (RFC 9162, 2.1.4.1)."""
        second = self._within(second)
        if not 0 < first <= second:
            raise ValueError(f"there is no proof from {first} to {second} leaves")
        start, stop = 0, second
        path: list[bytes] = []
        while first != stop:  # SUBPROOF, from the root downwards
            middle = start + _split(stop - start)
            if first <= middle:
                path.append(self._range(middle, stop))
                stop = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        if start:  # the old tree is not itself one complete subtree at the left: say which one it ends in
            path.append(self._range(start, stop))
        path.reverse()
        return path

    def _within(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise ValueError(f"the tree has {self.size} leaves, not {size}")
        return size

    def _range(self, start: int, stop: int) -> bytes:
        """The root of leaves start … stop-1, which always begin at a multiple of the subtree they fill."""
        width = stop - start
        if width & (width - 1) == 0:
            level = width.bit_length() - 1
            return self.store.get(level, start >> level)
        middle = start + _split(width)
        return node_hash(self._range(start, middle), self._range(middle, stop))


def _split(width: int) -> int:
    """The largest power of two below `width` (which is at least 2)."""
    return 1 << ((width - 1).bit_length() - 1)
