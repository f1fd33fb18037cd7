import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.errors import ProofFailed
from audit.proofs import verify_consistency, verify_inclusion
from audit.tree import EMPTY_ROOT, FileStore, MemoryStore, Tree, leaf_hash, root_of
from tests.audit import oracle

LEAVES = [bytes([number]) * 32 for number in range(64)]
BATCHES = st.lists(st.integers(0, 40), max_size=12)


def tree_of(count: int) -> Tree:
    tree = Tree()
    tree.extend(LEAVES[:count])
    return tree


def test_the_empty_tree_has_the_root_of_nothing() -> None:
    assert Tree().root() == EMPTY_ROOT == root_of([]) == oracle.root([])


def test_known_answers_of_rfc_6962_test_trees() -> None:
    # The first leaves of the test tree that Certificate Transparency implementations share.
    tree = Tree()
    tree.append(b"")
    assert tree.root().hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    tree.append(b"\x00")
    assert tree.root().hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"


def test_every_root_up_to_64_leaves_is_the_definitions() -> None:
    tree = tree_of(64)
    for size in range(65):
        assert tree.root(size) == oracle.root(LEAVES[:size]) == root_of(LEAVES[:size])


def test_every_inclusion_proof_up_to_64_leaves_is_the_definitions_and_verifies() -> None:
    tree = tree_of(64)
    for size in range(1, 65):
        root = tree.root(size)
        for index in range(size):
            proof = tree.inclusion_proof(index, size)
            assert proof == oracle.path(index, LEAVES[:size])
            verify_inclusion(index, size, leaf_hash(LEAVES[index]), proof, root)


def test_every_consistency_proof_up_to_64_leaves_is_the_definitions_and_verifies() -> None:
    tree = tree_of(64)
    for second in range(1, 65):
        for first in range(1, second + 1):
            proof = tree.consistency_proof(first, second)
            assert proof == oracle.proof(first, LEAVES[:second])
            verify_consistency(first, second, tree.root(first), tree.root(second), proof)


def test_no_proof_holds_for_another_index_size_leaf_or_root() -> None:
    tree = tree_of(21)
    for size in range(1, 22):
        for index in range(size):
            proof, root, leaf = tree.inclusion_proof(index, size), tree.root(size), leaf_hash(LEAVES[index])
            wrong: list[tuple[int, int, bytes, list[bytes], bytes]] = [
                (index, size, leaf_hash(b"other"), proof, root),
                (index, size, leaf, proof, tree.root(size - 1)),
                (index, size, leaf, [*proof, root], root),
                (index, size, leaf, [leaf, *proof], root),
                (size, size, leaf, proof, root),
                (-1, size, leaf, proof, root),
                (index, 0, leaf, proof, root),
                (index, 1 << 64, leaf, proof, root),
                (index, size, leaf, [item[:-1] for item in proof] or [b""], root),
                *((other, size, leaf, proof, root) for other in range(size) if other != index),
            ]
            if proof:
                wrong.append((index, size, leaf, proof[:-1], root))
            for case in wrong:
                with pytest.raises(ProofFailed):
                    verify_inclusion(*case)


def test_no_consistency_proof_hides_a_changed_past() -> None:
    tree, forged = tree_of(21), Tree()
    forged.extend([b"\xff" * 32, *LEAVES[1:21]])
    for second in range(2, 22):
        for first in range(1, second):
            for proof in (tree.consistency_proof(first, second), forged.consistency_proof(first, second)):
                with pytest.raises(ProofFailed):
                    verify_consistency(first, second, tree.root(first), forged.root(second), proof)
            with pytest.raises(ProofFailed):
                verify_consistency(first, second, tree.root(first), tree.root(second), [])


def test_a_proof_from_the_empty_tree_says_nothing() -> None:
    with pytest.raises(ProofFailed):
        verify_consistency(0, 5, EMPTY_ROOT, tree_of(5).root(), [])


def test_a_tree_smaller_than_before_is_never_consistent() -> None:
    with pytest.raises(ProofFailed):
        verify_consistency(5, 4, tree_of(5).root(), tree_of(4).root(), [])


def test_two_trees_of_one_size_are_consistent_only_with_one_root_and_no_proof() -> None:
    root = tree_of(5).root()
    verify_consistency(5, 5, root, root, [])
    with pytest.raises(ProofFailed):
        verify_consistency(5, 5, root, tree_of(4).root(), [])
    with pytest.raises(ProofFailed):
        verify_consistency(5, 5, root, root, [root])


def test_sizes_that_the_tree_never_had_are_refused() -> None:
    tree = tree_of(3)
    for call in (
        lambda: tree.root(4),
        lambda: tree.inclusion_proof(3),
        lambda: tree.inclusion_proof(0, 0),
        lambda: tree.inclusion_proof(-1),
        lambda: tree.consistency_proof(0, 3),
        lambda: tree.consistency_proof(2, 1),
        lambda: tree.leaf(3),
    ):
        with pytest.raises(ValueError, match="lea"):
            call()


@given(st.lists(st.binary(max_size=3), max_size=90), st.data())
@settings(max_examples=150, deadline=None)
def test_any_leaves_any_proof(leaves: list[bytes], data: st.DataObject) -> None:
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf)
    assert tree.root() == oracle.root(leaves)
    if leaves:
        size = data.draw(st.integers(1, len(leaves)))
        index = data.draw(st.integers(0, size - 1))
        assert tree.inclusion_proof(index, size) == oracle.path(index, leaves[:size])
        assert tree.consistency_proof(size) == oracle.proof(size, leaves)


@given(BATCHES)
@settings(max_examples=100, deadline=None)
def test_batches_and_single_appends_make_the_same_store(batches: list[int]) -> None:
    leaves = [number.to_bytes(2, "big") for number in range(sum(batches))]
    batched, single, at = Tree(MemoryStore()), Tree(MemoryStore()), 0
    for batch in batches:
        batched.extend(leaves[at : at + batch])
        at += batch
    for leaf in leaves:
        single.append(leaf)
    for level in range(12):
        assert batched.store.count(level) == single.store.count(level) == len(leaves) >> level
    assert batched.root() == single.root()


def test_a_file_store_opens_as_it_was_synced(tmp_path: Path) -> None:
    for size in (0, 1, 2, 5, 8, 31, 64):
        with FileStore(tmp_path) as store:
            tree = Tree(store)
            assert tree.root() == oracle.root(LEAVES[: tree.size])
            tree.extend(LEAVES[tree.size : size])
            store.sync()
    with FileStore(tmp_path) as store:
        tree = Tree(store)
        assert tree.size == 64
        assert tree.inclusion_proof(17, 50) == oracle.path(17, LEAVES[:50])
        assert tree.consistency_proof(33, 50) == oracle.proof(33, LEAVES[:50])


@pytest.mark.parametrize("damage", ["cut", "zeros", "gone"])
def test_whatever_a_crash_does_to_unsynced_bytes_the_synced_log_opens(tmp_path: Path, damage: str) -> None:
    synced, appended = 21, 64
    before = tmp_path / "before"
    with FileStore(before) as store:
        tree = Tree(store)
        tree.extend(LEAVES[:synced])
        store.sync()
        tree.extend(LEAVES[synced:appended])  # and the power fails before the next sync
    for level in range(7):
        for lost in (1, 31, 32, 33, 1000):
            crashed = tmp_path / "crashed"
            shutil.copytree(before, crashed)
            file = crashed / f"level-{level:02d}"
            safe = (synced >> level) * 32
            raw = file.read_bytes()
            kept = max(safe, len(raw) - lost)
            if damage == "cut":
                file.write_bytes(raw[:kept])
            elif damage == "zeros":
                file.write_bytes(raw[:kept] + bytes(len(raw) - kept))
            elif safe == 0:
                file.unlink()
            with FileStore(crashed) as store:
                tree = Tree(store)
                assert tree.size == synced
                assert tree.root() == oracle.root(LEAVES[:synced])
                tree.extend(LEAVES[synced:appended])  # taken up again from the log
                assert tree.root() == oracle.root(LEAVES)
            shutil.rmtree(crashed)


def test_a_torn_marker_opens_at_the_sync_before(tmp_path: Path) -> None:
    with FileStore(tmp_path) as store:
        tree = Tree(store)
        for size in (10, 20):
            tree.extend(LEAVES[tree.size : size])
            store.sync()
    marker = tmp_path / "synced"
    raw = marker.read_bytes()
    newest = max((0, 1), key=lambda slot: raw[32 * slot + 8 : 32 * slot + 16])
    torn = bytearray(raw)
    torn[32 * newest + 20] ^= 1
    marker.write_bytes(torn)
    with FileStore(tmp_path) as store:
        assert Tree(store).size == 10
        assert Tree(store).root() == oracle.root(LEAVES[:10])


def test_without_a_marker_all_levels_are_built_again_from_the_leaves(tmp_path: Path) -> None:
    with FileStore(tmp_path) as store:
        Tree(store).extend(LEAVES[:50])
    (tmp_path / "synced").unlink()
    for level in range(1, 6):
        (tmp_path / f"level-{level:02d}").write_bytes(b"\xee" * 77)
    with (tmp_path / "level-00").open("ab") as file:
        file.write(b"torn")
    with FileStore(tmp_path) as store:
        assert Tree(store).size == 50
        assert Tree(store).root() == oracle.root(LEAVES[:50])
        for index in range(50):
            assert Tree(store).inclusion_proof(index) == oracle.path(index, LEAVES[:50])
