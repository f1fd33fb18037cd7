"""The console's own tree: two consoles on one folder do not spoil it, and a spoiled one is not the log's fault."""

from pathlib import Path

import pytest

from audit.checkpoint import Checkpoint
from audit.proofs import verify_inclusion
from audit.tree import Tree, leaf_hash
from broker.console.owntree import OwnTree
from messages.errors import DependencyError

LEAVES = [n.to_bytes(2, "big") * 16 for n in range(2000)]


def head(size: int) -> Checkpoint:
    tree = Tree()
    tree.extend(LEAVES[:size])
    return Checkpoint(origin="log.example", size=size, root=tree.root())


class Log:
    """A log that counts how often it is read from its beginning."""

    def __init__(self) -> None:
        self.begun = 0

    async def leaves(self, first: int, count: int) -> list[bytes]:
        self.begun += first == 0
        return LEAVES[first : first + count]


async def proves(tree: OwnTree, index: int, size: int) -> bool:
    path = await tree.path(index, head(size))
    if path is None:
        return False
    verify_inclusion(index, size, leaf_hash(LEAVES[index]), path, head(size).root)
    return True


async def test_a_console_that_starts_while_another_grows_its_tree_spoils_nothing(tmp_path: Path) -> None:
    log, second = Log(), []

    async def meanwhile(first: int, count: int) -> list[bytes]:
        if first == 1000:
            second.append(OwnTree(tmp_path, log.leaves))  # opening cuts off what is not synced yet
        return await log.leaves(first, count)

    one = OwnTree(tmp_path, meanwhile)
    assert await proves(one, 3, 2000)
    assert log.begun == 1, "it was grown once and was right"
    (two,) = second
    assert await proves(two, 7, 1500) and await proves(two, 1999, 2000) and await proves(one, 1, 2000)
    two.close()
    one.close()
    begun = log.begun
    again = OwnTree(tmp_path, log.leaves)
    assert await proves(again, 1234, 2000) and log.begun == begun, "what was kept is as good as before"
    again.close()


@pytest.mark.parametrize("cut", [False, True])
async def test_a_spoiled_tree_is_grown_once_more_before_the_log_is_blamed(tmp_path: Path, *, cut: bool) -> None:
    log = Log()
    tree = OwnTree(tmp_path, log.leaves)
    assert await proves(tree, 3, 2000)
    tree.close()
    level = tmp_path / "log" / "console-tree" / ("level-00" if cut else "level-10")
    level.write_bytes(level.read_bytes()[:320] if cut else bytes(32))
    tree = OwnTree(tmp_path, log.leaves)
    assert await proves(tree, 3, 2000) and log.begun == (1 if cut else 2)
    wrong = Checkpoint(origin="log.example", size=2000, root=bytes(32))
    begun = log.begun
    assert await tree.path(3, wrong) is None and await tree.path(3, wrong) is None
    assert log.begun == begun + 1, "it is read once for one wrong head, not at each look"
    assert await proves(tree, 3, 2000)
    tree.close()


async def test_a_log_that_lacks_leaves_is_no_answer(tmp_path: Path) -> None:
    async def nothing(_first: int, _count: int) -> list[bytes]:
        return []

    tree = OwnTree(tmp_path, nothing)
    with pytest.raises(DependencyError):
        await tree.path(0, head(1))
    tree.close()
