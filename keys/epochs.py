"""One epoch's extracts as one tree: its root stands in the log, so telling two agencies different things is provable.

A leaf is the digest of one extract's listing together with whose extract it is. The leaves are hashed as those of the
log are (RFC 6962), in their own order and filled up to a power of two with random ones, so that neither an agency's
place nor their number tells it how many others there are. Whoever holds an extract recomputes its leaf and follows
the path to the root that the epoch statement names (`messages.ceremony.EpochStatement`).
"""

import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_bytes

from keys.signing import digest
from messages import cbor
from messages.errors import Unverified
from messages.limits import DIGEST


def extract_leaf(audience: str, listing: bytes) -> bytes:
    """The leaf of one extract: its canonical listing, bound to the handle of the agency whose extract it is."""
    return digest("extract", cbor.dump([audience, listing]))


def epoch_leaf(epoch: int, leaf: bytes) -> bytes:
    """The leaf of an extract as one epoch's tree holds it: another one in every epoch, although the extract stays.

    Else whoever sees a neighbour's leaf in its path could tell by its return that it is an agency's and no filler.
    """
    return digest("epoch-leaf", cbor.dump([epoch, leaf]))


def lined_up(leaves: Iterable[bytes], draw: Callable[[int], bytes] = token_bytes, least: int = 4) -> tuple[bytes, ...]:
    """The leaves of one epoch as the tree takes them: filled up to `least`, its double … and sorted. Keep them with the
    epoch: the fillers are drawn afresh each time.
    """
    given = list(leaves)
    wanted = least
    while wanted < len(given):
        wanted *= 2
    return tuple(sorted([*given, *(draw(DIGEST) for _ in range(wanted - len(given)))]))


@dataclass(frozen=True, slots=True)
class EpochTree:
    """The tree over `leaves`, in the order given. Made by `epoch_tree`."""

    leaves: tuple[bytes, ...]
    root: bytes

    def path(self, leaf: bytes) -> tuple[int, tuple[bytes, ...]]:
        """Where `leaf` stands, and the hashes that lead from it to the root. Raises `ValueError` if it is not there."""
        index = self.leaves.index(leaf)
        return index, tuple(_path(index, [_leaf(item) for item in self.leaves]))


def epoch_tree(leaves: Sequence[bytes]) -> EpochTree:
    """The tree over the leaves of all extracts of one epoch."""
    return EpochTree(leaves=tuple(leaves), root=_root([_leaf(item) for item in leaves]))


def check_path(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Raise `Unverified` unless `path` leads from `leaf`, at `index` of `size`, to `root`."""
    steps = list(path)
    if 0 <= index < size and all(len(step) == DIGEST for step in steps):
        try:
            found = _follow(_leaf(leaf), index, size, steps)
        except IndexError:
            found = b""
        if not steps and hmac.compare_digest(found, root):
            return
    raise Unverified("This extract of the trust bundle is not among those that the log holds for its epoch.")


def _leaf(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def _root(hashes: list[bytes]) -> bytes:
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256(b"").digest()
    at = _split(len(hashes))
    return _node(_root(hashes[:at]), _root(hashes[at:]))


def _path(index: int, hashes: list[bytes]) -> list[bytes]:
    """From the leaf upwards (RFC 9162, 2.1.3.1)."""
    if len(hashes) < 2:
        return []
    at = _split(len(hashes))
    if index < at:
        return [*_path(index, hashes[:at]), _root(hashes[at:])]
    return [*_path(index - at, hashes[at:]), _root(hashes[:at])]


def _follow(node: bytes, index: int, size: int, steps: list[bytes]) -> bytes:
    """The root that `node` leads to. Takes the steps it needs off the end of `steps`; `IndexError` if they run out."""
    if size < 2:
        return node
    at = _split(size)
    last = steps.pop()
    if index < at:
        return _node(_follow(node, index, at, steps), last)
    return _node(last, _follow(node, index - at, size - at, steps))
