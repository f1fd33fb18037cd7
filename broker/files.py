"""Evidence files at the broker: room for them, and to whom their sealed chunks are handed out.

    filereserve   an agency asks for room for a file of so many chunks, until its message expires
    fileopen      a recipient shows its view with the stamp, and signs that it wants a file which the view names
    filechunk, fileread     its chunks, in and out (`broker.chunks`)

An agency writes under its own handle alone, and only where it reserved; the sum of what it may reserve is bounded, so a
flood of chunks ends at its own quota. What is handed out follows from a view: it was stamped for this very contact by
a worker, its signature holds, it grants the section that names the file, and its message has not expired. The broker
holds no key.

Answers are CBOR maps with a `code`, null where it was done.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from broker import chunks
from broker.admit import own_contact
from broker.chunks import DISK_FULL, TAKEN, Chunks, Ticket, seconds_of
from bus.files import FileHead
from keys.domains import Tag
from keys.signing import digest, verify
from keys.verifying import verify_view
from messages import cbor, limits, wire
from messages.cbor import Reader
from messages.directory import Bundle, Contact
from messages.errors import RemoteError, Stale, UnknownSender, Unverified
from messages.evidence import Outcome, Stamp
from messages.evidencefile import CHUNKS, SEALED_CHUNK, FileRequest, Reservation, object_of
from messages.ids import AgencyHandle
from messages.signed import Signed

OPENING: Final = frozenset({"filereserve", "fileopen"})
VERBS: Final = OPENING | chunks.VERBS
QUOTA: Final = 40_000
"""Chunks that one agency may have reserved at once: 20 GB, four files of the largest size."""
FILES: Final = 1_000
"""Files that one agency may have reserved at once."""
TICKET: Final = limits.HOUR

QUOTA_FULL, TOO_LARGE = "quota", "too-large"


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


@dataclass(slots=True, kw_only=True)
class Files(Chunks):
    """Answers all questions about evidence files."""

    bundle: Callable[[], Bundle]
    quota: int = QUOTA
    _reserving: dict[AgencyHandle, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def answer(self, agency: AgencyHandle, verb: str, data: bytes) -> bytes:
        """The answer to one question of `VERBS`; whoever asks nonsense hears a code too."""
        if verb in chunks.VERBS:
            return await Chunks.answer(self, agency, verb, data)
        try:
            if verb == "fileopen":
                return self._open(agency, data)
            asked = Reservation.from_bytes(data)
            async with self._reserving[agency]:  # else all that are asked at once find the same room
                return await self._reserve(agency, asked)
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
            standing = await self.store.reserve(owner, asked.object, wanted, seconds_of(asked.until - now))
            if standing == wanted:
                return cbor.dump({"code": None, "stood": False})
        return cbor.dump({"code": None if standing == wanted else TAKEN, "stood": True})

    def _open(self, asker: AgencyHandle, data: bytes) -> bytes:
        ticket = granted(data, asker, self.bundle(), self.clock())
        return cbor.dump({"code": None, "ticket": ticket.sealed(self.secret)})
