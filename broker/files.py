"""Evidence files at the broker: room for them, their sealed chunks, and to whom these are handed out.

    filereserve   an agency asks for room for a file of so many chunks, until its message expires
    filechunk     it hands in one sealed chunk
    fileopen      a recipient shows its view with the stamp, and signs that it wants a file which the view names
    fileread      with the ticket that it got for that, it fetches one chunk

An agency writes under its own handle alone, and only where it reserved; the sum of what it may reserve is bounded, so a
flood of chunks ends at its own quota. What is handed out follows from a view: it was stamped for this very contact by
a worker, its signature holds, it grants the section that names the file, and its message has not expired. The ticket is
a word of ours to ourselves, so that a view of megabytes need not come with every chunk. The broker holds no key.

Answers are CBOR maps with a `code`, null where it was done.
"""

import asyncio
import hmac
import shutil
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Final, Protocol

from broker.admit import own_contact
from bus.files import FileHead, FileStore
from keys.domains import Tag
from keys.signing import digest, verify
from keys.verifying import verify_view
from messages import cbor, ids, limits, wire
from messages.cbor import Reader
from messages.directory import Bundle, Contact
from messages.errors import RemoteError, Stale, UnknownSender, Unverified
from messages.evidence import Outcome, Stamp
from messages.evidencefile import CHUNKS, SEALED_CHUNK, Chunk, FileRequest, Reservation, object_of
from messages.ids import AgencyHandle
from messages.signed import Signed

VERBS: Final = frozenset({"filereserve", "filechunk", "fileopen", "fileread"})
QUOTA: Final = 40_000
"""Chunks that one agency may have reserved at once: 20 GB, four files of the largest size."""
FILES: Final = 1_000
"""Files that one agency may have reserved at once."""
TICKET: Final = limits.HOUR
SPARE: Final = 1024**3
"""Bytes of disk that no evidence file takes: messages and the log need them."""
REMEMBERED: Final = 1024

QUOTA_FULL, TOO_LARGE, TAKEN, UNRESERVED, DISK_FULL = "quota", "too-large", "taken", "unreserved", "disk-full"
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


def granted(data: bytes, asker: AgencyHandle, bundle: Bundle, now: int) -> Ticket:
    """The ticket that follows from a signed request with view and stamp, or the `RemoteError` that says why not."""
    reader = Reader(cbor.load(data, limits.ENVELOPE_BYTES + 2 * limits.ATTESTATION_BYTES, "request"), "request")
    request = Signed.from_bytes(reader.raw("request", 1, limits.ATTESTATION_BYTES), limits.ATTESTATION_BYTES)
    stamp = Signed.from_bytes(reader.raw("stamp", 1, limits.ATTESTATION_BYTES), limits.ATTESTATION_BYTES)
    view = reader.raw("view", 1)
    reader.end()
    contact = own_contact(request, asker, bundle.directory)
    asked = FileRequest.from_bytes(verify(request, Tag.EVIDENCE_FILE, contact.key_at(now)))
    if abs(now - asked.at) > limits.CLOCK_SKEW:
        raise Stale("The request for an evidence file is from another time; check the clock of this machine.")
    if contact.mandate_at(now) is None:
        raise UnknownSender("Only a contact with a mandate in force fetches an evidence file.")
    _check_stamp(stamp, view, asked, contact, bundle)
    return _named(view, stamp, asked, contact, bundle, now)


def _check_stamp(signed: Signed, view: bytes, asked: FileRequest, contact: Contact, bundle: Bundle) -> None:
    worker = bundle.directory.worker(signed.by)
    if worker is None:
        raise Unverified("The stamp is not by a worker of the trust bundle.")
    stamp = Stamp.from_bytes(verify(signed, Tag.STAMP, worker.key))
    if (stamp.recipient, stamp.outcome) != (contact.handle, Outcome.PERMITTED):
        raise Unverified("The stamp is not a permission for this recipient.")
    if not stamp.view == asked.view == digest("view", view):
        raise Unverified("The stamp is about another view.")


def _named(raw: bytes, signed: Signed, asked: FileRequest, contact: Contact, bundle: Bundle, now: int) -> Ticket:
    view = wire.decode_view(raw)
    sender = bundle.directory.contact(view.manifest.sender)
    if sender is None:
        raise UnknownSender
    verified = verify_view(view, sender, contact.handle, Stamp.from_bytes(signed.body).admitted)
    if view.manifest.id != asked.message:
        raise Unverified("The view is of another message.")
    if now > view.manifest.expires:
        raise Stale("The message has expired, and its evidence files with it.")
    for name in verified.grant.sections:
        stored = object_of(name)
        if stored is not None and stored[0] == asked.object:
            return Ticket(
                asker=contact.agency,
                owner=sender.agency,
                object=asked.object,
                chunks=stored[1],
                until=min(now + TICKET, view.manifest.expires),
            )
    raise Unverified("The view grants no section that names this file.")


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
class Files:
    """Answers the questions about evidence files. `room` tells how many bytes they may still take, if that is known."""

    store: Kept
    bundle: Callable[[], Bundle]
    secret: bytes = field(repr=False)
    clock: Callable[[], int]
    room: Callable[[], Awaitable[int]] = _plenty
    quota: int = QUOTA
    _heads: dict[tuple[AgencyHandle, bytes], FileHead] = field(default_factory=dict)
    _reserving: dict[AgencyHandle, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def answer(self, agency: AgencyHandle, verb: str, data: bytes) -> bytes:
        """The answer to one question of `VERBS`; whoever asks nonsense hears a code too."""
        try:
            match verb:
                case "filereserve":
                    asked = Reservation.from_bytes(data)
                    async with self._reserving[agency]:  # else all that are asked at once find the same room
                        return await self._reserve(agency, asked)
                case "filechunk":
                    return await self._chunk(agency, Chunk.from_bytes(data))
                case "fileopen":
                    return self._open(agency, data)
                case _:
                    return await self._read(agency, data)
        except RemoteError as error:
            return cbor.dump({"code": error.code})

    async def _reserve(self, owner: AgencyHandle, asked: Reservation) -> bytes:
        now = self.clock()
        if not 0 < asked.chunks <= CHUNKS or not now < asked.until <= now + limits.LIFETIME + limits.CLOCK_SKEW:
            return cbor.dump({"code": TOO_LARGE})
        wanted = FileHead(asked.chunks, asked.until)
        standing = await self.store.head(owner, asked.object)
        if standing is None:
            files, chunks = await self.store.reserved(owner)
            if files >= FILES or chunks + asked.chunks > self.quota:
                return cbor.dump({"code": QUOTA_FULL})
            if await self.room() < asked.chunks * SEALED_CHUNK:
                return cbor.dump({"code": DISK_FULL})
            standing = await self.store.reserve(owner, asked.object, wanted, _seconds(asked.until - now))
            if standing == wanted:
                return cbor.dump({"code": None, "stood": False})
        return cbor.dump({"code": None if standing == wanted else TAKEN, "stood": True})

    async def _chunk(self, owner: AgencyHandle, chunk: Chunk) -> bytes:
        now = self.clock()
        head = await self._head(owner, chunk.object)
        if head is None or chunk.number >= head.chunks or now >= head.until:
            return cbor.dump({"code": UNRESERVED})
        if await self.room() < SEALED_CHUNK:
            return cbor.dump({"code": DISK_FULL})
        done = await self.store.put(owner, chunk.object, chunk.number, chunk.data, _seconds(head.until - now))
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

    def _open(self, asker: AgencyHandle, data: bytes) -> bytes:
        ticket = granted(data, asker, self.bundle(), self.clock())
        return cbor.dump({"code": None, "ticket": ticket.sealed(self.secret)})

    async def _read(self, asker: AgencyHandle, data: bytes) -> bytes:
        reader = Reader(cbor.load(data, 512, "question"), "question")
        sealed, number = reader.raw("ticket", 33, 320), reader.number("number")
        reader.end()
        ticket = read_ticket(sealed, asker, self.secret, self.clock())
        if number >= ticket.chunks:
            return cbor.dump({"code": MISSING})
        found = await self.store.get(ids.agency_handle(ticket.owner), ticket.object, number)
        return cbor.dump({"code": MISSING} if found is None else {"code": None, "data": found})


def _seconds(milliseconds: int) -> int:
    return max(1, -(-milliseconds // 1000))
