"""An officer's word that records must not expire, because a court, a prosecutor or proceedings need them; and its end.

Shapes only. `broker.holds` says who may; `audit.expiry` says what follows for whoever checks the log. A hold is on
records alone, by the leaves that they open: never on content, of which no broker has any.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from messages import cbor, limits
from messages.cbor import Reader
from messages.errors import Malformed

RANGES: Final = 512  # of leaves: those of one message stand together but for what was done with it afterwards
LEAVES: Final = 2**40  # as many as a record can name
LONGEST: Final = 3653 * limits.DAY
"""A hold ends after ten years at most; officers who still need the records then sign another one before."""


class HoldGround(StrEnum):
    """Why."""

    COURT_ORDER = "court-order"
    PROSECUTOR = "prosecutors-order"
    PROCEEDINGS = "pending-proceedings"
    SUPERVISION = "supervisory-authority"


class HoldStanding(StrEnum):
    """Whether it begins or ends."""

    HELD = "held"
    RELEASED = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldWord:
    """An officer's word on the records of these leaves, each range from its first to before its end."""

    standing: HoldStanding
    ranges: tuple[tuple[int, int], ...]  # rising, and none touches the next
    ends: int  # until when they are held; of a release, that of the hold which it ends
    ground: HoldGround | None  # exactly where it begins
    at: int

    def to_bytes(self) -> bytes:
        """The body to sign (tag `records-hold`)."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "standing": self.standing.value,
                "ranges": [list(r) for r in self.ranges],
                "ends": self.ends,
                "ground": self.ground.value if self.ground else None,
                "at": self.at,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "HoldWord":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "hold on records"), "hold on records")
        reader.version()
        word = cls(
            standing=reader.code("standing", HoldStanding),
            ranges=tuple(_range(item) for item in reader.items("ranges", RANGES)),
            ends=reader.number("ends"),
            ground=reader.maybe_code("ground", HoldGround),
            at=reader.number("at"),
        )
        reader.end()
        if (word.ground is None) != (word.standing is HoldStanding.RELEASED):
            raise Malformed("A ground goes with records that are held, and with none that are released.")
        ends = [-1, *(until for _, until in word.ranges)]
        if not word.ranges or any(first <= before for (first, _), before in zip(word.ranges, ends[:-1], strict=True)):
            raise Malformed("A hold names ranges of leaves, rising and apart.")
        return word


def _range(value: object) -> tuple[int, int]:
    if type(value) is list and len(value) == 2 and all(type(n) is int and 0 <= n < LEAVES for n in value):
        first, until = value
        if first < until:
            return first, until
    raise Malformed("A range of leaves has the wrong form.")
