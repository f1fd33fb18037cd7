"""Which records have expired, by the log's own word.

Before the broker takes records away it writes that into the log, as a record of an act (`records-expired`): a range of
leaves, after how many days, and the digest of those leaves. A record that is not held and that no such record names was
removed. A record of an expiry never expires itself, and neither does one about trust: they date what stood beside them.

An officer may hold records, for proceedings say: a record `records-held` of a range of leaves, and until when. While a
hold is in force nothing that it names may expire. Only another officer ends it before its time; a release by the same
one counts for nothing here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from audit.record import RECORDS_EXPIRED, RECORDS_HELD, ActRecord, Record, TrustRecord, expired_range, held_range

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """The records of leaves from `first` until before `until` must not expire before `ends`, unless released."""

    index: int  # of the leaf that says so
    at: int
    first: int
    until: int
    ends: int
    officer: str
    ground: str
    digest: bytes  # of the signed word: that of all its ranges
    released: int | None = None

    @property
    def id(self) -> str:
        """How people name it: the first digits of the signed word's digest."""
        return self.digest.hex()[:12]

    def names(self, index: int) -> bool:
        """Whether it is about this leaf's record."""
        return self.first <= index < self.until

    def in_force(self, now: int) -> bool:
        """Whether it holds at a moment."""
        return self.at <= now < self.ends and (self.released is None or now < self.released)

    def forbids(self, expiry: Expiry) -> bool:
        """Whether this expiry, of records that it names, came while it held."""
        return self.index < expiry.index and self.in_force(max(expiry.at, self.at))


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


def holds(records: Mapping[int, Record | TrustRecord | ActRecord]) -> list[Hold]:
    """The holds that these records, each by its index, tell of, and when each was released; in their order."""
    found: list[Hold] = []
    for index, record in sorted(records.items()):
        if not isinstance(record, ActRecord) or record.act != RECORDS_HELD:
            continue
        first, until, ends = held_range(record.subject)
        if record.ground is not None:
            hold = Hold(
                index=index,
                at=record.at,
                first=first,
                until=until,
                ends=ends,
                officer=record.signer,
                ground=record.ground,
                digest=record.digest,
            )
            found.append(hold)
            continue
        for place, hold in enumerate(found):
            same = (hold.first, hold.until, hold.ends) == (first, until, ends)
            if same and hold.released is None and hold.officer != record.signer:
                found[place] = replace(hold, released=record.at)
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
