"""Frames between adapter and guard: a message is a run of chunks, each with its length before it, and an empty one.

Whoever reads holds no more than the bound it names, however much is sent, and stops at the first byte over it.
"""

import asyncio
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from messages.errors import Malformed

CHUNK: Final = 64 * 1024
ADDRESS: Final = 100
"""Bytes of a socket's path that every system takes; Linux takes 107."""


@contextmanager
def address(path: Path) -> Iterator[str]:
    """A socket's path as the system takes it: where it is too long, by way of its folder, which Linux lets us name by
    its open handle; elsewhere whoever uses it hears an `OSError`.
    """
    handles = Path("/proc/self/fd")
    if len(os.fsencode(path)) <= ADDRESS or not handles.is_dir():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield str(handles / str(folder) / path.name)
    finally:
        os.close(folder)


async def connect(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to whoever answers on this socket; raises `OSError` where nobody does."""
    with address(path) as reachable:
        return await asyncio.open_unix_connection(reachable)


async def read(reader: asyncio.StreamReader, most: int, begun: bytes = b"") -> bytes:
    """One message of at most `most` bytes, or raise `Malformed`; `IncompleteReadError` where it breaks off.

    `begun` is what was read of its first length already.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        (length,) = struct.unpack(">I", begun + await reader.readexactly(4 - len(begun)))
        begun = b""
        if length == 0:
            return b"".join(parts)
        size += length
        if length > CHUNK or size > most:
            raise Malformed("The request to the guard is too large.")
        parts.append(await reader.readexactly(length))


async def write(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send one message, no faster than it is taken."""
    for start in range(0, len(data), CHUNK):
        chunk = data[start : start + CHUNK]
        writer.write(struct.pack(">I", len(chunk)) + chunk)
        await writer.drain()
    writer.write(struct.pack(">I", 0))
    await writer.drain()
