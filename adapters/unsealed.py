"""What waits for the release guard: a message that could not be sealed because the guard did not answer.

It has no envelope yet, so it cannot be journaled as one. Case, attachments, recipients and papers are kept, sealed for
ourselves, and the message is made anew when the guard is back: planned again, by the rules of that moment. Nothing in
here says anything to whoever steals the journal. After the time in which such a message would have had to be admitted
it is not sent any more: a person looks at it again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from adapters.attachments.preparing import Prepared
from adapters.casefile import CaseFile
from adapters.casefile import read as read_case
from adapters.casefile import write as write_case
from messages import cbor, limits
from messages.catalogue.jsontext import parse_json
from messages.cbor import Reader
from messages.labels import Lane
from messages.signed import Signed

_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """One message as it was asked for: for whom, with what beside it."""

    case: CaseFile
    to: tuple[str, ...]  # addresses
    papers: tuple[Signed, ...] = ()

    def until(self, created: int) -> int:
        """The last moment at which it may still be sent without a person having looked at it again."""
        urgent = self.case.urgency.lane is Lane.URGENT
        return created + (limits.ADMISSION_WINDOW_URGENT if urgent else limits.ADMISSION_WINDOW)


def write(waits: Waits) -> bytes:
    """The bytes to be sealed."""
    return cbor.dump(
        {
            "case": write_case(waits.case),
            "accepts": waits.case.accepts,
            "attachments": [_attachment(a) for a in waits.case.attachments],
            "to": list(waits.to),
            "papers": [p.to_bytes() for p in waits.papers],
        }
    )


def read(data: bytes) -> Waits:
    """Read them, or raise `Malformed`, or `BadInput` where the case is none for this version."""
    reader = Reader(cbor.load(data, _BYTES, "waiting message"), "waiting message")
    case = read_case(parse_json(reader.raw("case", 1, _BYTES), max_bytes=_BYTES), "the waiting message")
    accepts = reader.maybe("accepts", 16)
    attachments = tuple(map(_read_attachment, reader.items("attachments", 64)))
    to = tuple(str(address) for address in reader.items("to", limits.GRANTS))
    papers = tuple(Signed.from_bytes(raw) for raw in reader.items("papers", limits.ATTESTATIONS))
    reader.end()
    return Waits(case=replace(case, accepts=accepts, attachments=attachments), to=to, papers=papers)


def of(case: CaseFile, to: Sequence[str], papers: Sequence[Signed]) -> Waits:
    """What is to be kept of a message that was asked for."""
    return Waits(case=case, to=tuple(to), papers=tuple(papers))


def _attachment(prepared: Prepared) -> dict[str, object]:
    return {
        "about": prepared.about,
        "name": prepared.name,
        "media": prepared.media,
        "clean": prepared.clean,
        "clean_refused": prepared.clean_refused,
        "text": prepared.text,
        "text_refused": prepared.text_refused,
        "left_out": list(prepared.left_out),
    }


def _read_attachment(value: object) -> Prepared:
    reader = Reader(value, "waiting attachment")
    prepared = Prepared(
        about=reader.text("about", _BYTES),
        name=reader.text("name"),
        media=reader.text("media"),
        clean=reader.value("clean"),
        clean_refused=reader.text("clean_refused"),
        text=reader.value("text"),
        text_refused=reader.text("text_refused"),
        left_out=tuple(reader.items("left_out", 64)),
    )
    reader.end()
    return prepared
