"""Which records have expired, by the log's own word.

Before the broker takes records away it writes that into the log, as a record of an act (`records-expired`): a range of
leaves, after how many days, and the digest of those leaves. A record that is not held and that no such record names was
removed. A record of an expiry never expires itself, and neither does one about trust: they date what stood beside them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from audit.record import RECORDS_EXPIRED, ActRecord, Record, TrustRecord, expired_range

LEAST_DAYS: Final = 365
"""No record expires sooner, whatever an operator sets."""
DAY_MS: Final = 86_400_000
_AFTER_MS: Final = DAY_MS  # what follows an expiry may be dated so much before it: clocks differ


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """The leaves from `first` until before `until` have lost their records, `days` after they were written."""

    index: int  # of the leaf that says so
    at: int
    first: int
    until: int
    days: int
    digest: bytes

    def names(self, index: int) -> bool:
        """Whether this leaf's record has expired."""
        return self.first <= index < self.until


def digest_of(leaves: Sequence[bytes]) -> bytes:
    """SHA-256 of the leaves of an expiry, one after the other: so it is about these and no others."""
    return sha256(b"".join(leaves)).digest()


def expiries(records: Mapping[int, Record | TrustRecord | ActRecord]) -> list[Expiry]:
    """What these records, each by its index, say has expired; in the order of their indices."""
    found: list[Expiry] = []
    for index, record in sorted(records.items()):
        if isinstance(record, ActRecord) and record.act == RECORDS_EXPIRED:
            first, until, days = expired_range(record.subject)
            one = Expiry(index=index, at=record.at, first=first, until=until, days=days, digest=record.digest)
            found.append(one)
    return found


def fault(expiry: Expiry, leaves: Sequence[bytes], before: int | None, after: int | None) -> tuple[str, str] | None:
    """Kind and words of what is wrong with an expiry, or None.

    `before`: the latest time of a known record that stands before the end of its range; `after`: the earliest of one
    that stands behind the expiry. The times of what has expired are gone, so these two bound them.
    """
    what = f"Leaf {expiry.index} says that the records from {expiry.first} until before {expiry.until} expired"
    if (
        not expiry.first < expiry.until <= expiry.index
        or digest_of(leaves[expiry.first : expiry.until]) != expiry.digest
    ):
        return "expiry-changed", f"{what}, but not of which leaves of this log."
    if expiry.days < LEAST_DAYS:
        return "expired-early", f"{what} after {expiry.days} days; none expires before {LEAST_DAYS}."
    if before is not None and expiry.at - before < expiry.days * DAY_MS:
        return "expired-early", f"{what} after {expiry.days} days, but what stands before them is younger than that."
    if after is not None and after < expiry.at - _AFTER_MS:
        return "expired-early", f"{what}, and is dated later than what was recorded after it."
    return None


def naming(found: Iterable[Expiry], index: int) -> Expiry | None:
    """The expiry that names this leaf, or None."""
    return next((one for one in found if one.names(index)), None)
