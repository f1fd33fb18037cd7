"""An alarm that an agency's adapter hands in: which kind of thing it has noticed, and in which hour. Codes alone.

Shapes only. `broker.raised` says who may and keeps it; whatever it is about stands in the adapter's own log. What
lasts is said once an hour, in the same bytes however often it is handed in: so an alarm costs one record an hour.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from messages import cbor, ids, limits
from messages.cbor import Reader
from messages.errors import Malformed
from messages.ids import ContactHandle

BYTES: Final = 512
"""Of a signed alarm; one has 250."""


class What(StrEnum):
    """What the adapter has noticed."""

    LOG_DIFFERS = "log-differs"  # somebody else was shown another log
    LOG_NOT_PROVED = "log-not-proved"  # a head or proof that was shown does not hold, or is of another log
    LOG_SHORTER = "log-shorter"  # for ten minutes the log has been shorter than it was
    LOG_UNWITNESSED = "log-unwitnessed"  # the log has gone on for an hour without its witnesses
    NOT_IN_LOG = "not-in-log"  # a record that was promised by a time is not in the log
    EPOCH_MISSED = "epoch-missed"  # something was signed under a trust bundle that cannot be had
    BUNDLE_DIFFERS = "bundle-differs"  # the log holds another extract for the agency than the one it was given
    BUNDLE_REFUSED = "bundle-refused"  # the trust bundle that was served does not hold
    EVIDENCE_MISSING = "evidence-missing"  # what became of a message is not told in time


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """One adapter's word that it has noticed something of this kind within the hour that began at `hour`."""

    what: What
    contact: ContactHandle  # whose adapter says so, and signs
    hour: int  # milliseconds

    def to_bytes(self) -> bytes:
        """The body to sign (tag `adapter-alarm`)."""
        return cbor.dump({"v": limits.VERSION, "what": self.what.value, "contact": self.contact, "hour": self.hour})

    @classmethod
    def from_bytes(cls, data: bytes) -> "Raised":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, BYTES, "alarm"), "alarm")
        reader.version()
        alarm = cls(
            what=reader.code("what", What),
            contact=reader.code("contact", ids.contact_handle),
            hour=reader.number("hour"),
        )
        reader.end()
        if alarm.hour % limits.HOUR:
            raise Malformed("An alarm names the hour in which it was raised, and no moment.")
        return alarm


def raised_in(now: int) -> int:
    """The hour in which a moment lies, as alarms name it."""
    return now - now % limits.HOUR
