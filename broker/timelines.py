"""What a broker tells a sender of one message of its own: every step of every view that is on record.

Answers are told once, to whoever listens; this is how a sender learns what it missed. Whoever asks is told of its own
messages alone, because the message's entry stands under the asker's own agency.
"""

import asyncio
from typing import Protocol

from audit.record import STEPS
from broker.acknowledgements import acknowledgement_key
from broker.admit import retrieved_key
from broker.entries import by_worker
from broker.recalls import order_key
from broker.steps import step_key, step_of
from bus.queue import StoredEntry
from keys.domains import Tag
from messages import cbor
from messages.acknowledgements import Said
from messages.directory import Directory
from messages.errors import ShareError, UnknownSender
from messages.evidence import Entry
from messages.ids import AgencyHandle, message_id
from messages.recalls import Standing
from messages.signed import Signed

AT_ONCE = 16  # looks into the store at the same time


class Stored(Protocol):
    """What of the store is looked at."""

    async def entry(self, agency: AgencyHandle, key: str) -> StoredEntry | None: ...


async def timeline(question: bytes, asker: AgencyHandle, directory: Directory, port: Stored) -> bytes:
    """The steps of the message whose id is asked for, as a CBOR map of one list; raises `UnknownSender` where the asker
    sent no such message, `Malformed` for what is no id.
    """
    identifier = message_id(question)
    message = await _entry(asker, identifier.hex(), directory, port)
    if message is None:
        raise UnknownSender("No message of that id was taken from this agency.")
    wanted: list[tuple[AgencyHandle, str]] = []
    for view_id, recipient, view in Entry.from_bytes(Signed.from_bytes(message).body).views:
        wanted += ((asker, step_key(act, identifier, recipient, view)) for act in sorted(STEPS))
        wanted += ((asker, order_key(identifier, recipient, view, standing)) for standing in Standing)
        contact = directory.contact(recipient)
        if contact is not None:
            wanted.append((contact.agency, retrieved_key(recipient, view_id)))
            wanted += ((contact.agency, acknowledgement_key(identifier, recipient, view, said)) for said in Said)
    room = asyncio.Semaphore(AT_ONCE)

    async def found(agency: AgencyHandle, key: str) -> bytes | None:
        async with room:
            return await _entry(agency, key, directory, port)

    entries = await asyncio.gather(*(found(*name) for name in wanted))
    return cbor.dump({"steps": [step_of(entry).to_bytes() for entry in entries if entry is not None]})


async def _entry(agency: AgencyHandle, key: str, directory: Directory, port: Stored) -> bytes | None:
    """The entry that stands under this key, if a worker of the directory wrote it."""
    stored = await port.entry(agency, key)
    if stored is None:
        return None
    try:
        by_worker(stored.data, Tag.ENTRY, directory)
    except ShareError:
        return None
    return stored.data
