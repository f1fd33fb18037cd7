"""What lies in a folder while somebody works in it."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def contents(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below `folder` and what is in it. One that is gone before it is read, because its service has just
    put another in its place, is left out: the other is there.
    """
    for path in sorted(folder.rglob("*")):
        with suppress(FileNotFoundError):
            if path.is_file():
                yield path, path.read_bytes()
