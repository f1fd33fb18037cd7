"""How much memory processes took at their highest (VmHWM, by Linux's word), theirs and that of all they started.

    peaks = Peaks(os.getpid())
    while …:
        peaks.look()
    peaks.of["cli.main up"]      # bytes

A high water mark never falls, so a look misses what a process took after it alone.
"""

import os
from pathlib import Path

PROC = Path("/proc")


def children(pid: int) -> list[int]:
    """The processes that this one has started and that run."""
    try:
        return [int(one) for one in (PROC / str(pid) / "task" / str(pid) / "children").read_text().split()]
    except OSError:
        return []


def words(pid: int) -> list[str]:
    """Its command line, without the interpreter and how that was told of the module; empty where it has ended."""
    try:
        said = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []
    return said[said.index("-m") + 1 :] if "-m" in said else said


def peak(pid: int) -> int:
    """Its high water mark in bytes; 0 where it has ended."""
    try:
        status = (PROC / str(pid) / "status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")), 0)


class Peaks:
    """The highest mark of each kind of process below `root`: named by its first two words, after those of whoever
    started it.
    """

    def __init__(self, root: int | None = None) -> None:
        self.root = root or os.getpid()
        self.of: dict[str, int] = {}

    def look(self) -> None:
        """Read all marks as they are now."""
        self._below(self.root, "")

    def _below(self, pid: int, name: str) -> None:
        for child in children(pid):
            said = [Path(word).name if "/" in word else word for word in words(child)[:2]]
            marked = peak(child)
            if not said or not marked or words(child) == words(pid):  # just forked: not yet what it is going to be
                continue
            own = f"{name} > {said[0]}" if name else " ".join(said)
            self.of[own] = max(self.of.get(own, 0), marked)
            self._below(child, own)
