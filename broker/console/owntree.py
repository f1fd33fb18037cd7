"""The console's own tree of the log, grown from the leaves that it reads itself.

It is kept between runs in the broker's folder, by one process at a time; a second console has one of its own for as
long as it runs, for two that wrote the same files would spoil them for good. A kept tree that does not give the signed
root is thrown away and grown once more before anybody says that the log is to blame.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from audit.checkpoint import Checkpoint
from audit.tree import FileStore, Tree
from broker.service import alone
from messages.errors import DependencyError

AT_ONCE: Final = 1000

Leaves = Callable[[int, int], Awaitable[list[bytes]]]


class OwnTree:
    """The tree of one running console; `leaves` reads some of the log from an index on."""

    def __init__(self, folder: Path, leaves: Leaves) -> None:
        self._leaves = leaves
        self._growing = asyncio.Lock()
        self._blamed: Checkpoint | None = None
        self._stack = ExitStack()
        try:
            self._stack.enter_context(alone(folder, "console"))
            self._place = folder / "log" / "console-tree"
        except DependencyError:
            self._place = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="safeconduct-tree-")))
        self._store = FileStore(self._place)
        self._tree = Tree(self._store)

    def close(self) -> None:
        """Close the files, and let another console have them."""
        self._store.close()
        self._stack.close()

    async def path(self, index: int, head: Checkpoint) -> list[bytes] | None:
        """The inclusion proof of a leaf under this head, or None where the log's leaves do not give the head's root.

        Raises `DependencyError` where the log does not answer.
        """
        async with self._growing:
            if not await self._gives(head):
                if self._blamed == head:
                    return None  # it was grown anew for this very head
                self._store.close()
                shutil.rmtree(self._place)
                self._store = FileStore(self._place)
                self._tree = Tree(self._store)
                if not await self._gives(head):
                    self._blamed = head
                    return None
            return self._tree.inclusion_proof(index, head.size)

    async def _gives(self, head: Checkpoint) -> bool:
        try:
            while self._tree.size < head.size:
                leaves = await self._leaves(self._tree.size, min(AT_ONCE, head.size - self._tree.size))
                if not leaves:
                    raise DependencyError("The log on the bus lacks leaves that its head counts; call the operator.")
                await asyncio.to_thread(self._tree.extend, leaves)
            self._store.sync()
            return self._tree.root(head.size) == head.root
        except OSError:
            return False  # a level ends before a hash that it should have
