"""The sealed chunks of evidence files at the broker: taken where room was reserved, handed out for a ticket.

    filechunk     an agency hands in one sealed chunk of a file that it reserved room for (`broker.files`)
    fileread      with its ticket, a recipient fetches one chunk

All that is needed for it is here: no trust bundle, no rules. So the bytes of files can go through a process that loads
none of these (`broker.chunkserver`). A ticket is a word of ours to ourselves, so that a view of megabytes need not come
with every chunk.
"""

import hmac
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Final, Protocol

from bus.files import FileHead, FileStore
from messages import cbor, ids
from messages.cbor import Reader
from messages.errors import RemoteError, Stale, Unverified
from messages.evidencefile import SEALED_CHUNK, Chunk
from messages.ids import AgencyHandle

VERBS: Final = frozenset({"filechunk", "fileread"})
SPARE: Final = 1024**3
"""Bytes of disk that no evidence file takes: messages and the log need them."""
REMEMBERED: Final = 1024

TAKEN, UNRESERVED, DISK_FULL = "taken", "unreserved", "disk-full"
MISSING: Final = "missing"


class Kept(Protocol):
    """What of the store is used (`bus.files.FileStore`)."""

    async def reserve(self, owner: AgencyHandle, stored: bytes, head: FileHead, seconds: int) -> FileHead: ...
    async def head(self, owner: AgencyHandle, stored: bytes) -> FileHead | None: ...
    async def reserved(self, owner: AgencyHandle) -> tuple[int, int]: ...
    async def put(self, owner: AgencyHandle, stored: bytes, number: int, data: bytes, seconds: int) -> bool: ...
    async def get(self, owner: AgencyHandle, stored: bytes, number: int) -> bytes | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """That an agency may fetch the chunks of one file for a while."""

    asker: AgencyHandle
    owner: AgencyHandle
    object: bytes
    chunks: int
    until: int

    def sealed(self, secret: bytes) -> bytes:
        """The ticket under a code that only who has the broker's secret can make."""
        body = cbor.dump([self.asker, self.owner, self.object, self.chunks, self.until])
        return blake2b(b"file-ticket" + body, key=secret, digest_size=32).digest() + body


def read_ticket(sealed: bytes, asker: AgencyHandle, secret: bytes, now: int) -> Ticket:
    """The ticket, or raise `Unverified`, or `Stale` where its time is over."""
    code, body = sealed[:32], sealed[32:]
    if not hmac.compare_digest(code, blake2b(b"file-ticket" + body, key=secret, digest_size=32).digest()):
        raise Unverified("This ticket for an evidence file is not ours.")
    asked_by, owner, stored, chunks, until = cbor.load(body, 256, "ticket")
    ticket = Ticket(asker=asked_by, owner=owner, object=stored, chunks=chunks, until=until)
    if ticket.asker != asker:
        raise Unverified("This ticket for an evidence file was given to somebody else.")
    if now > ticket.until:
        raise Stale("This ticket for an evidence file is over; show the view again.")
    return ticket


class Room:
    """How many bytes evidence files may still take on this host: half of what the disk had for them when the broker
    started (the server keeps three quarters of it for all streams together), and `SPARE` less than what is free now.
    """

    def __init__(self, folder: Path, store: FileStore, clock: Callable[[], int]) -> None:
        self._folder, self._store, self._clock = folder, store, clock
        self._whole: int | None = None
        self._left, self._looked = 0, 0

    async def __call__(self) -> int:
        """The bytes, as of at most a second ago."""
        now = self._clock()
        if self._whole is None or now - self._looked >= 1000:
            taken, free = await self._store.taken(), shutil.disk_usage(self._folder).free
            self._whole = self._whole if self._whole is not None else (free + taken) // 2
            self._left, self._looked = min(self._whole - taken, free - SPARE), now
        return self._left


async def _plenty() -> int:
    return 1 << 62


@dataclass(slots=True, kw_only=True)
class Chunks:
    """Answers the questions of `VERBS`. `room` tells how many bytes may still be taken, if that is known."""

    store: Kept
    secret: bytes = field(repr=False)
    clock: Callable[[], int]
    room: Callable[[], Awaitable[int]] = _plenty
    _heads: dict[tuple[AgencyHandle, bytes], FileHead] = field(default_factory=dict)

    async def answer(self, agency: AgencyHandle, verb: str, data: bytes) -> bytes:
        """The answer to one question; whoever asks nonsense hears a code too."""
        try:
            return await (self._chunk(agency, data) if verb == "filechunk" else self._read(agency, data))
        except RemoteError as error:
            return cbor.dump({"code": error.code})

    async def _chunk(self, owner: AgencyHandle, data: bytes) -> bytes:
        chunk, now = Chunk.from_bytes(data), self.clock()
        head = await self._head(owner, chunk.object)
        if head is None or chunk.number >= head.chunks or now >= head.until:
            return cbor.dump({"code": UNRESERVED})
        if await self.room() < SEALED_CHUNK:
            return cbor.dump({"code": DISK_FULL})
        done = await self.store.put(owner, chunk.object, chunk.number, chunk.data, seconds_of(head.until - now))
        return cbor.dump({"code": None if done else TAKEN})

    async def _head(self, owner: AgencyHandle, stored: bytes) -> FileHead | None:
        """What is reserved, remembered for a while: a head never changes."""
        known = self._heads.get((owner, stored))
        if known is not None:
            return known
        found = await self.store.head(owner, stored)
        if found is not None:
            if len(self._heads) >= REMEMBERED:
                self._heads.clear()
            self._heads[owner, stored] = found
        return found

    async def _read(self, asker: AgencyHandle, data: bytes) -> bytes:
        reader = Reader(cbor.load(data, 512, "question"), "question")
        sealed, number = reader.raw("ticket", 33, 320), reader.number("number")
        reader.end()
        ticket = read_ticket(sealed, asker, self.secret, self.clock())
        if number >= ticket.chunks:
            return cbor.dump({"code": MISSING})
        found = await self.store.get(ids.agency_handle(ticket.owner), ticket.object, number)
        return cbor.dump({"code": MISSING} if found is None else {"code": None, "data": found})


def seconds_of(milliseconds: int) -> int:
    """Whole seconds, at least one: what the store counts a life in."""
    return max(1, -(-milliseconds // 1000))
