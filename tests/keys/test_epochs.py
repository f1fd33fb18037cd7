"""The tree over an epoch's extracts is RFC 6962's, held to the audit log's own implementation of it."""

import pytest

from audit.proofs import verify_inclusion
from audit.tree import Tree, leaf_hash
from keys.epochs import check_path, epoch_leaf, epoch_leaves, epoch_tree, extract_leaf, lined_up
from messages.errors import Unverified
from tests.keys import world

SIZES = [*range(1, 18), 31, 32, 33, 100]


def leaves(count: int) -> list[bytes]:
    return [extract_leaf(world.POLICE, b"listing %d" % number) for number in range(count)]


@pytest.mark.parametrize("size", SIZES)
def test_root_and_paths_are_those_of_the_audit_log_s_tree(size: int) -> None:
    tree, other = epoch_tree(leaves(size)), Tree()
    other.extend(leaves(size))
    assert tree.root == other.root()
    for at, leaf in enumerate(leaves(size)):
        index, path = tree.path(leaf)
        assert (index, list(path)) == (at, other.inclusion_proof(at, size))
        check_path(leaf, index, size, path, tree.root)
        verify_inclusion(index, size, leaf_hash(leaf), list(path), tree.root)


def test_the_tree_over_nothing_has_the_empty_root() -> None:
    assert epoch_tree([]).root == Tree().root()


@pytest.mark.parametrize("size", [1, 2, 5, 8, 11])
def test_a_path_of_another_leaf_place_size_or_root_is_refused(size: int) -> None:
    tree = epoch_tree(leaves(size))
    leaf = leaves(size)[size - 1]
    index, path = tree.path(leaf)
    wrong: list[tuple[bytes, int, int, tuple[bytes, ...], bytes]] = [
        (bytes(32), index, size, path, tree.root),
        (leaf, size, size, path, tree.root),
        (leaf, -1, size, path, tree.root),
        (leaf, index, size, (*path, bytes(32)), tree.root),
        (leaf, index, size, path, bytes(32)),
        (leaf, index, 0, path, tree.root),
        (leaf, index, 2**53, path, tree.root),
    ]
    if size > 1:
        wrong += [
            (leaf, index - 1, size, path, tree.root),
            (leaf, index, size, path[:-1], tree.root),
            (leaf, index, size, (path[0][:31], *path[1:]), tree.root),
            (leaf, index, size, (bytes(32), *path[1:]), tree.root),
        ]
    for given in wrong:
        with pytest.raises(Unverified):
            check_path(*given)


def test_a_leaf_is_bound_to_its_listing_and_to_whose_extract_it_is() -> None:
    mine = extract_leaf(world.POLICE, b"listing")
    assert mine == extract_leaf(world.POLICE, b"listing")
    assert len({mine, extract_leaf(world.COURT, b"listing"), extract_leaf(world.POLICE, b"other")}) == 3
    assert len(mine) == 32


@pytest.mark.parametrize(("given", "wanted"), [(0, 4), (1, 4), (4, 4), (5, 8), (9, 16)])
def test_the_leaves_are_filled_up_so_that_their_number_tells_little(given: int, wanted: int) -> None:
    lined = lined_up(leaves(given))
    assert len(lined) == wanted and set(leaves(given)) <= set(lined)
    assert list(lined) == sorted(lined), "a leaf's place depends on nothing but the leaf"
    assert given == wanted or lined != lined_up(leaves(given)), "fillers are drawn"
    assert lined_up(leaves(given), bytes) == lined_up(leaves(given)[::-1], bytes)


def test_an_extract_that_stays_has_another_leaf_in_every_epoch() -> None:
    """Else a neighbour's leaf that comes back would tell an agency that it is somebody's, and no filler."""
    leaf = extract_leaf("apppppppppppp", b"the same listing")
    assert len({epoch_leaf(epoch, leaf) for epoch in range(40)}) == 40
    assert epoch_leaf(1, leaf) == epoch_leaf(1, leaf) != epoch_leaf(1, extract_leaf("apppppppppppp", b"another"))


def test_a_tree_may_have_a_least_size() -> None:
    assert [len(lined_up([bytes(32)] * given, least=1024)) for given in (0, 3, 1024, 1025)] == [1024, 1024, 1024, 2048]


@pytest.mark.parametrize("epoch", [1, 23, 24, 255, 256, 65_536, 2**40])
def test_many_leaves_of_an_epoch_are_each_what_one_would_be(epoch: int) -> None:
    given = dict(enumerate(leaves(20)))
    assert epoch_leaves(epoch, given) == {n: epoch_leaf(epoch, leaf) for n, leaf in given.items()}
    with pytest.raises(ValueError, match="digest"):
        epoch_leaves(epoch, {1: given[1][:31]})
