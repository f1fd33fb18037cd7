"""What a broker tells the collector of a withdrawn consent: which copies there are, and what became of each.

A holder whom the asker's own extract does not name is counted, and not named. Of the others the asker gets the record
of what they said with its salt, as the log holds it, and can have it proved.
"""

from collections.abc import Collection
from typing import Protocol

from audit.record import ActRecord
from broker.entries import by_worker, entry_of
from broker.withdrawals import collector_of, confirmation_key, order_key
from bus import subjects
from bus.queue import StoredEntry
from keys.domains import Tag
from messages import cbor, limits
from messages.cbor import Reader
from messages.directory import Directory
from messages.errors import ShareError, UnknownSender
from messages.ids import AgencyHandle
from messages.withdrawals import Erasure, Holding


class Stored(Protocol):
    """What of the store is looked at."""

    async def entry(self, agency: AgencyHandle, key: str) -> StoredEntry | None: ...

    async def holdings(self, consent: bytes) -> list[bytes]: ...


async def copies(
    question: bytes, asker: AgencyHandle, seen: Collection[AgencyHandle], directory: Directory, port: Stored
) -> bytes:
    """The answer to a question that names a consent and its terms; raises `UnknownSender` for any agency but the
    collector's. `seen`: of whom the asker's extract tells.
    """
    reader = Reader(cbor.load(question, 2 * limits.ATTESTATION_BYTES, "question"), "question")
    consent, terms = reader.fixed("consent", 16), reader.raw("terms", 1, limits.ATTESTATION_BYTES)
    reader.end()
    collector = directory.contact(collector_of(terms, consent))
    if collector is None or collector.agency != asker:
        raise UnknownSender("What became of a consent is told to the agency that collected it.")
    withdrawn = await _act(subjects.OPERATOR, subjects.withdrawn_key(consent), directory, port)
    told: list[dict[str, object]] = []
    for raw in await port.holdings(consent) if withdrawn is not None else ():
        try:
            held = Holding.from_bytes(by_worker(raw, Tag.HOLDING, directory))
        except ShareError:
            continue
        ordered = await _act(subjects.OPERATOR, order_key(consent, held.contact, held.view), directory, port)
        said = [
            await _act(held.agency, confirmation_key(consent, held.contact, held.view, outcome), directory, port)
            for outcome in (Erasure.ERASED, Erasure.NOT_HERE, Erasure.IMPOSSIBLE)
        ]
        confirmed = next((pair for pair in said if pair is not None), None)
        named = held.agency in seen
        told.append(
            {
                "recipient": held.contact if named else None,
                "ordered": _read(ordered).at if ordered else None,
                "outcome": _read(confirmed).outcome if confirmed else None,
                "record": list(confirmed) if confirmed and named else None,
            }
        )
    return cbor.dump({"withdrawn": _read(withdrawn).at if withdrawn else None, "copies": told})


def _read(pair: tuple[bytes, bytes]) -> ActRecord:
    return ActRecord.from_bytes(pair[1])


async def _act(agency: AgencyHandle, key: str, directory: Directory, port: Stored) -> tuple[bytes, bytes] | None:
    """Salt and record of one act, from its entry; None where no worker's stands there."""
    stored = await port.entry(agency, key)
    if stored is None:
        return None
    try:
        return entry_of(stored.data, directory).records[0]
    except ShareError:
        return None
