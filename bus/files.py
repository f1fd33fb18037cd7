"""Sealed chunks of evidence files in a stream of their own, beside the flow of messages.

A file is stored under its owner's handle and a random id: a head, which says how many chunks there may be and until
when, and the chunks. Each is written once and never changed (compare-and-set), and goes by itself when its time is
over. Only workers touch the stream: agencies hand chunks in and get them through questions (`ask.<agency>.<verb>`).
"""

from dataclasses import dataclass

from bus import subjects
from bus.store import EXPECT_SUBJECT, TTL, Conflict, Outgoing, Store
from messages import cbor, limits
from messages.cbor import Reader
from messages.errors import DependencyError, ShareError
from messages.ids import AgencyHandle


@dataclass(frozen=True, slots=True)
class FileHead:
    """What is reserved for one file."""

    chunks: int
    until: int  # milliseconds


class FileStore:
    """The stream FILES, seen through one worker's connection."""

    def __init__(self, streams: Store) -> None:
        self._streams = streams

    async def reserve(self, owner: AgencyHandle, stored: bytes, head: FileHead, seconds: int) -> FileHead:
        """Write the head, once; the one that stands, if one stood before."""
        data = cbor.dump({"v": limits.VERSION, "chunks": head.chunks, "until": head.until})
        if await self._put(subjects.file_head(owner, stored), data, seconds):
            return head
        standing = await self.head(owner, stored)
        if standing is None:
            raise DependencyError("The place for the file has just run out of its time; try again.")
        return standing

    async def head(self, owner: AgencyHandle, stored: bytes) -> FileHead | None:
        """What is reserved for this file."""
        found = await self._streams.last(subjects.FILES, subjects.file_head(owner, stored))
        return _read(found.data) if found is not None else None

    async def reserved(self, owner: AgencyHandle) -> tuple[int, int]:
        """(files, chunks) reserved for this agency."""
        files = chunks = 0
        async for found in self._streams.each(subjects.FILES, subjects.file_heads(owner)):
            files, chunks = files + 1, chunks + _read(found.data).chunks
        return files, chunks

    async def put(self, owner: AgencyHandle, stored: bytes, number: int, data: bytes, seconds: int) -> bool:
        """Store one chunk; the same bytes again change nothing, other bytes in its place are refused: False."""
        if await self._put(subjects.file_chunk(owner, stored, number), data, seconds):
            return True
        standing = await self._streams.last(subjects.FILES, subjects.file_chunk(owner, stored, number))
        if standing is None:
            raise DependencyError("The place for the file has just run out of its time; try again.")
        return standing.data == data

    async def _put(self, subject: str, data: bytes, seconds: int) -> bool:
        """False where something stands there already."""
        headers = {EXPECT_SUBJECT: "0", TTL: str(max(1, seconds))}
        try:
            await self._streams.batch([Outgoing(subject, data, headers)], "storing a chunk")
        except Conflict:
            return False
        return True

    async def get(self, owner: AgencyHandle, stored: bytes, number: int) -> bytes | None:
        """One chunk, or None where it is not there."""
        subject = subjects.file_chunk(owner, stored, number)
        found = await self._streams.direct(subjects.FILES, subject)
        if found is None:  # or not yet on the replica that answered
            found = await self._streams.last(subjects.FILES, subject)
        return found.data if found is not None else None

    async def taken(self) -> int:
        """How many bytes all files together take."""
        return (await self._streams.state(subjects.FILES))["bytes"]

    async def remove(self, owner: AgencyHandle, stored: bytes) -> int:
        """Take a file away with its head; how many parts went."""
        return await self._streams.purge(subjects.FILES, subjects.file_parts(owner, stored))


def _read(data: bytes) -> FileHead:
    """A head that a worker wrote; raises `DependencyError` where it is none."""
    try:
        reader = Reader(cbor.load(data, 256, "head"), "head")
        reader.version()
        head = FileHead(reader.number("chunks"), reader.number("until"))
        reader.end()
    except ShareError:
        raise DependencyError("The head of a stored file cannot be read; tell the operator.") from None
    return head
