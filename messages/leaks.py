"""What a recipient says when words that came through a release guard seem to identify somebody: that it keeps them
aside, and later, that a named person of its own released them and on which ground.

Shapes only. `adapters.guarding.arriving` finds, `broker.leaks` records and tells the sender. Sections, places and kinds
are named, never a word.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from messages import cbor, ids, limits
from messages.cbor import Reader
from messages.errors import Malformed
from messages.ids import ContactHandle, MessageId, ViewId
from messages.signed import Signed

PLACES: Final = 64
"""Most places that one report names."""
_PLACE: Final = re.compile(r"[a-z][a-z0-9_.\[\]-]{0,127}")


class LeakGround(StrEnum):
    """Why words that were kept aside are read all the same."""

    FALSE_ALARM = "false-alarm"  # they identify nobody
    KNOWN_ALREADY = "known-already"  # the recipient may know, and knows, who that is
    VITAL_INTEREST = "vital-interest"  # somebody is in danger, and they are needed


@dataclass(frozen=True, slots=True, order=True)
class LeakPlace:
    """Where something stands, and what kind of thing it is."""

    section: str
    place: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakReport:
    """A recipient's word on one view of its own."""

    message: MessageId
    view_id: ViewId
    view: bytes  # D("view", view bytes)
    sender: ContactHandle
    recipient: ContactHandle  # who says so, and signs
    by: ContactHandle | None  # the person who released it; None: kept aside
    ground: LeakGround | None  # why it was released
    places: tuple[LeakPlace, ...]
    at: int

    def to_bytes(self) -> bytes:
        """The body to sign (tag `leak-report`)."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "message": self.message,
                "view_id": self.view_id,
                "view": self.view,
                "sender": self.sender,
                "recipient": self.recipient,
                "by": self.by,
                "ground": self.ground.value if self.ground else None,
                "places": [[p.section, p.place, p.kind] for p in self.places],
                "at": self.at,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "LeakReport":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "leak report"), "leak report")
        reader.version()
        places = tuple(map(_place, reader.items("places", PLACES)))
        report = cls(
            message=ids.message_id(reader.fixed("message", 16)),
            view_id=reader.code("view_id", ids.view_id),
            view=reader.fixed("view", limits.DIGEST),
            sender=reader.code("sender", ids.contact_handle),
            recipient=reader.code("recipient", ids.contact_handle),
            by=reader.maybe_code("by", ids.contact_handle),
            ground=reader.maybe_code("ground", LeakGround),
            places=places,
            at=reader.number("at"),
        )
        reader.end()
        if (report.by is None) != (report.ground is None):
            raise Malformed("A leak report that releases names person and ground, any other names neither.")
        if not places or list(places) != sorted(set(places)):
            raise Malformed("A leak report names its places, each once, in rising order.")
        return report


def _place(value: object) -> LeakPlace:
    if type(value) is not list or len(value) != 3 or not all(type(v) is str and _PLACE.fullmatch(v) for v in value):
        raise Malformed("A place of a leak report has the wrong form.")
    return LeakPlace(*value)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakDelivery:
    """What waits for the sender beside its views: the recipient's signed word, and the record of it."""

    leak: Signed
    record: bytes
    salt: bytes

    def to_bytes(self) -> bytes:
        """The bytes that wait."""
        return cbor.dump({"v": limits.VERSION, "leak": self.leak.to_bytes(), "record": self.record, "salt": self.salt})

    @classmethod
    def from_bytes(cls, data: bytes) -> "LeakDelivery":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ENVELOPE_BYTES, "leak delivery"), "leak delivery")
        reader.version()
        delivery = cls(
            leak=Signed.from_bytes(reader.raw("leak", 1, limits.ATTESTATION_BYTES)),
            record=reader.raw("record", 1, limits.ATTESTATION_BYTES),
            salt=reader.fixed("salt", limits.DIGEST),
        )
        reader.end()
        return delivery
