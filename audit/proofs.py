"""Checking Merkle proofs as RFC 9162 says, step by step; nothing here can make one.

Each function returns None, or raises `ProofFailed` with the reason. Sizes and hashes come from strangers: any integers
and any byte strings are judged, none is trusted.
"""

from collections.abc import Sequence
from typing import Final

from audit.errors import ProofFailed
from audit.tree import HASH_BYTES, node_hash

MAX_SIZE: Final = 1 << 63


def verify_inclusion(index: int, size: int, hashed_leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """The leaf with hash `hashed_leaf` stands at `index` in the tree of `size` leaves with this root (2.1.3.2)."""
    _sizes(index, size)
    _hashes(hashed_leaf, root, *proof)
    if index >= size:
        raise ProofFailed(f"leaf {index} cannot be in a tree of {size} leaves")
    fn, sn = index, size - 1
    result = hashed_leaf
    for sibling in proof:
        if sn == 0:
            raise ProofFailed("the proof is longer than the way to the root")
        if fn & 1 or fn == sn:
            result = node_hash(sibling, result)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            result = node_hash(result, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise ProofFailed("the proof ends before the root")
    if result != root:
        raise ProofFailed("the proof leads to another root")


def verify_consistency(first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]) -> None:
    """The tree of `first` leaves is the beginning of the tree of `second` leaves (2.1.4.2).

    A proof from the empty tree says nothing and is refused; equal sizes need equal roots and an empty proof.
    """
    _sizes(first, second)
    _hashes(first_root, second_root, *proof)
    if first > second:
        raise ProofFailed(f"a tree of {first} leaves cannot be the beginning of one of {second}")
    if first == 0:
        raise ProofFailed("a proof from the empty tree says nothing")
    if first == second:
        if proof:
            raise ProofFailed("two trees of one size need no proof, and this one is not empty")
        if first_root != second_root:
            raise ProofFailed("two trees of one size have different roots")
        return
    if not proof:
        raise ProofFailed("the proof is empty")
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if sn == 0:
            raise ProofFailed("the proof is longer than the way to the root")
        if fn & 1 or fn == sn:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            new = node_hash(new, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise ProofFailed("the proof ends before the root")
    if old != first_root:
        raise ProofFailed("the proof leads to another first root")
    if new != second_root:
        raise ProofFailed("the proof leads to another second root")


def _sizes(*sizes: int) -> None:
    if any(not 0 <= size < MAX_SIZE for size in sizes):
        raise ProofFailed("a size or index is out of range")


def _hashes(*hashes: bytes) -> None:
    if any(len(item) != HASH_BYTES for item in hashes):
        raise ProofFailed(f"a hash does not have {HASH_BYTES} bytes")
