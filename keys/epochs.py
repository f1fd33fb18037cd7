"""One epoch's extracts as one tree: its root stands in the log, so telling two agencies different things is provable.

A leaf is the digest of one extract's listing together with whose extract it is. The leaves are hashed as those of the
log are (RFC 6962), in their own order and filled up to a power of two with random ones, so that neither an agency's
place nor their number tells it how many others there are. Whoever holds an extract recomputes its leaf and follows
the path to the root that the epoch statement names (`messages.ceremony.EpochStatement`).
"""

import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_bytes
from typing import TypeVar

from keys.signing import digest
from messages import cbor
from messages.errors import Unverified
from messages.limits import DIGEST
from messages.signed import pae

K = TypeVar("K")


def extract_leaf(audience: str, listing: bytes) -> bytes:
    """The leaf of one extract: its canonical listing, bound to the handle of the agency whose extract it is."""
    return digest("extract", cbor.dump([audience, listing]))


def epoch_leaf(epoch: int, leaf: bytes) -> bytes:
    """The leaf of an extract as one epoch's tree holds it: another one in every epoch, although the extract stays.

    Else whoever sees a neighbour's leaf in its path could tell by its return that it is an agency's and no filler.
    """
    return digest("epoch-leaf", cbor.dump([epoch, leaf]))


def epoch_leaves(epoch: int, leaves: Mapping[K, bytes]) -> dict[K, bytes]:
    """`epoch_leaf` of many leaves. They differ in their last bytes alone, so what comes before is hashed once."""
    blank = bytes(DIGEST)
    head = sha256(pae("epoch-leaf", cbor.dump([epoch, blank])).removesuffix(blank))
    found = {}
    for key, leaf in leaves.items():
        if len(leaf) != DIGEST:
            raise ValueError("the leaf of an extract is a digest")
        hashed = head.copy()
        hashed.update(leaf)
        found[key] = hashed.digest()
    return found


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
    levels: tuple[tuple[bytes, ...], ...] = field(repr=False)  # hashes of the leaves, of their pairs, and so on

    def path(self, leaf: bytes) -> tuple[int, tuple[bytes, ...]]:
        """Where `leaf` stands, and the hashes that lead from it to the root. Raises `ValueError` if it is not there."""
        index = at = self.leaves.index(leaf)
        found = []
        for level in self.levels:
            beside = at ^ 1
            if beside < len(level):
                found.append(level[beside])
            at >>= 1
        return index, tuple(found)


def epoch_tree(leaves: Sequence[bytes]) -> EpochTree:
    """The tree over the leaves of all extracts of one epoch."""
    level = [_leaf(item) for item in leaves]
    levels = [tuple(level)]
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []  # goes up as it is: so says RFC 6962 of the last of an odd number
        level = [_node(left, right) for left, right in zip(level[::2], level[1::2], strict=False)] + odd
        levels.append(tuple(level))
    return EpochTree(leaves=tuple(leaves), root=level[0] if level else sha256(b"").digest(), levels=tuple(levels))


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


def _follow(node: bytes, index: int, size: int, steps: list[bytes]) -> bytes:
    """The root that `node` leads to. Takes the steps it needs off the end of `steps`; `IndexError` if they run out."""
    if size < 2:
        return node
    at = _split(size)
    last = steps.pop()
    if index < at:
        return _node(_follow(node, index, at, steps), last)
    return _node(last, _follow(node, index - at, size - at, steps))
