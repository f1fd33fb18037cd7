"""A packet of one message as the log has it: records, evidence, proofs, cosigned heads, and who everybody was then.

No message goes in, for a broker has none to give away: envelope and view are with sender and recipients, whose packets
hold more (docs/packet.md). What nobody here can know is left out, and whoever checks the packet is told so. Nobody gets
one that does not hold.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from typing import Final

from audit import packet
from audit.packet import RECORDED, Packet, Stated
from audit.record import DECISION, EPOCH, PERMITTED, RETRIEVAL, ActRecord, Record, TrustRecord, leaf, read_record
from audit.tree import leaf_hash
from broker.console.reading import Reading
from broker.console.words import mark
from broker.recordsdb import Query
from keys.excerpts import excerpt, lines
from keys.metadata import Audience
from messages.errors import DependencyError, Unverified
from messages.ids import AgencyHandle, agency_handle
from messages.limits import GRANTS

TOO_NEW: Final = mark("No signed head of the log counts the records of this message yet; look again in a moment.")
MOST: Final = 2 * GRANTS - 1
"""Records of one message that go in: as many as a packet takes."""

Held = dict[int, tuple[bytes, bytes, Record | ActRecord]]
"""By their indices: salt, record, and the record read."""


def together(held: Held) -> Held:
    """The records of what was decided about one submission, and of all that followed.

    Somebody may have handed other bytes in under the same id: that was refused, and is another story.
    """
    judged = [r for _, _, r in held.values() if isinstance(r, Record) and _judged(r)]
    if not judged:
        return {}
    first = max(judged, key=lambda r: (r.type == DECISION, -r.at))
    mine = (first.submission, first.at)
    return {
        index: (salt, raw, record)
        for index, (salt, raw, record) in held.items()
        if not isinstance(record, Record) or record.type == RETRIEVAL or (record.submission, record.at) == mine
    }


async def packed(reading: Reading, subject: str) -> bytes | None:
    """The packet of the message with this id, in hexadecimal digits; None where no record of it is held.

    Raises `BadInput` where the trust bundle of then is not kept, `DependencyError` where something does not answer, and
    `Unverified` where what is held would not hold.
    """
    held = together(await _held(reading, subject))
    first = next((r for _, _, r in held.values() if _judged(r)), None)
    if not isinstance(first, Record):
        return None
    evidence = await reading.evidence(first)
    leaves = {index: leaf(salt, raw) for index, (salt, raw, _) in held.items()}
    proofs = {i: proof for i, x in leaves.items() if (proof := await reading.proved(i, leaf_hash(x))) is not None}
    # What neither a proof nor a worker's word vouches for would break the packet: it is too new, and comes next time.
    held = {i: x for i, x in held.items() if i in proofs or (evidence is not None and _judged(x[2]))}
    if not held:
        raise DependencyError(TOO_NEW)
    audience = agency_handle(first.agency)
    trust = reading.home.trust
    root = (trust.folder / "root.json").read_bytes()
    found = excerpt(trust.repository, root, Audience(audience), first.epoch, _agencies(reading, audience, held))
    made = Packet(
        kind=RECORDED,
        message=packet.write_records([(salt, raw) for salt, raw, _ in held.values()]),
        evidence=evidence,
        retrieval=None,
        epoch=first.epoch,
        audience=audience,
        roots=found.roots,
        top=found.top,
        lists=found.lists,
        files=found.files,
        stated=None,
        proofs=(),
    )
    stated = await _stated(reading, audience, made)
    if stated is not None:
        made = replace(made, stated=stated[1])
        if (proof := await reading.proved(stated[0], packet.leaf_of(stated[1]))) is not None:
            proofs[stated[0]] = proof
    data = packet.write(replace(made, proofs=tuple(proofs.values())))
    verdict = packet.check(data)
    if not verdict.holds:
        raise Unverified(f"The packet would not hold: {verdict.steps[-1].says}")
    return data


def _judged(record: Record | ActRecord) -> bool:
    return isinstance(record, Record) and record.type != RETRIEVAL


async def _held(reading: Reading, subject: str) -> Held:
    lines_of = await reading.about(Query(subject=subject), MOST)
    found: Held = {}
    for index, pair in await reading.pairs([line.index for line in lines_of if line.form != "trust"]):
        record = read_record(pair[1])
        if not isinstance(record, TrustRecord):
            found[index] = (*pair, record)
    return found


def _agencies(reading: Reading, sender: AgencyHandle, held: Held) -> set[AgencyHandle]:
    """The sender's, and those of whoever was permitted to receive it."""
    permitted: Iterable[Record] = (
        r for _, _, r in held.values() if isinstance(r, Record) and (r.type, r.outcome) == (DECISION, PERMITTED)
    )
    contacts = (reading.bundle.directory.contact(r.recipient or "") for r in permitted)
    return {sender, *(contact.agency for contact in contacts if contact is not None)}


async def _stated(reading: Reading, audience: AgencyHandle, made: Packet) -> tuple[int, Stated] | None:
    """What the log was told of the epoch, and where that stands; None of one that was not in force at this broker."""
    place = await asyncio.to_thread(reading.home.trust.place, audience, made.epoch)
    if place is None:
        return None
    statement, index, path = place[0].to_bytes(), place[1], place[2]
    told = await reading.about(Query(form="trust", kind=EPOCH), MOST)
    for at, (salt, raw) in await reading.pairs([line.index for line in told if line.epoch == made.epoch]):
        record = read_record(raw)
        if isinstance(record, TrustRecord) and record.digest == sha256(statement).digest():
            listed = lines(reading.home.trust.repository, made.epoch, made.top)
            return at, Stated(statement=statement, index=index, path=path, lines=listed, salt=salt, record=raw)
    return None
