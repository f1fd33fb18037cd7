"""What is asked of the guard and what it answers: shapes alone, with bounds on all of it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from keys.sealing import SectionKey
from messages import cbor, ids, limits
from messages.cbor import Reader
from messages.envelope import SectionDetail
from messages.errors import Malformed, NotPermitted
from messages.ids import ContactHandle, MessageId
from messages.labels import Kind
from messages.signed import Signed

SECTIONS_BYTES: Final = limits.ENVELOPE_BYTES
KNOWN_BYTES: Final = 4 * 1024 * 1024
REQUEST_BYTES: Final = SECTIONS_BYTES + KNOWN_BYTES + 3 * 1024 * 1024
"""A message, the people who are known, consents and descriptions: what a guard ever holds of one request."""
ANSWER_BYTES: Final = 256 * 1024
FOUND: Final = 64


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """One thing that the guard does not let pass: in which section, where in it, and of which kind. Never a word."""

    section: str
    place: str
    kind: str

    def __str__(self) -> str:
        return f"the section {self.section}: {self.place} {SAYS.get(self.kind, SAYS['refused'])}"


BY_FORM: Final = "form-"
"""Before the kind of what identifies somebody whom nobody here knows."""
_FORMS: Final = ("phone", "email", "account", "document", "birthdate", "address", "name", "packed")
SAYS: Final[Mapping[str, str]] = {
    **{f"form-{kind}": f"identifies somebody by its form ({kind})" for kind in _FORMS},
    "name": "still points to a known person (name)",
    "birthdate": "still points to a known person (birthdate)",
    "number": "still points to a known person (number)",
    "phone": "still points to a known person (phone)",
    "email": "still points to a known person (email)",
    "handle": "still points to a known person (handle)",
    "url": "still points to a known person (url)",
    "address": "still points to a known person (address)",
    "account": "still points to a known person (account)",
    "plate": "still points to a known person (plate)",
    "document": "still points to a known person (document)",
    "other": "points to another known person than the one whom this section is about",
    "packed": "holds a run of signs that is no text; whatever is packed into it cannot be searched",
    "person": "names somebody whom the net for other people's names found",
    "script": "holds a script in which it cannot search",
    "language": "is in a language in which it cannot search",
    "register": "carries a name of the sender's register",
    "refused": "cannot be let out",
}
"""What is said of each kind. A kind that is not here is said as `refused`."""


class GuardRefused(NotPermitted):
    """The guard does not let this pass. The sentence names sections, places and kinds; `found` lists them."""

    code = "guard-refused"

    def __init__(self, sentence: str = "", found: Iterable[Found] = ()) -> None:
        self.found = tuple(sorted(set(found)))
        if self.found and not sentence:
            shown = "; ".join(map(str, self.found[:8]))
            more = f"; and {len(self.found) - 8} places more" if len(self.found) > 8 else ""
            sentence = f"The guard refuses {shown}{more}."
        super().__init__(sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSection:
    """One section as it will travel, with its key; `granted` tells whether this recipient is to open it."""

    detail: SectionDetail
    sealed: bytes
    key: SectionKey
    granted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRequest:
    """What the sender asks the guard to check and seal for one recipient."""

    message: MessageId
    kind: Kind  # what the cover has to say
    sender: ContactHandle
    recipient: ContactHandle
    public: bytes  # the recipient's encryption key
    sections: tuple[GuardSection, ...]
    known: tuple[bytes, ...]  # JSON objects whose identities must not appear, beyond the sections' own
    consents: tuple[bytes, ...] = ()  # that travel beside the message, as `adapters.consents.for_guard` makes them
    names: tuple[str, ...] = ()  # by which a consent record may name the recipient's agency: name, handle, class

    def to_bytes(self) -> bytes:
        """The request as it travels to the guard."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "message": self.message,
                "kind": self.kind.value,
                "sender": self.sender,
                "recipient": self.recipient,
                "public": self.public,
                "sections": [
                    {"detail": s.detail.to_bytes(), "sealed": s.sealed, "key": s.key.raw, "granted": s.granted}
                    for s in self.sections
                ],
                "known": list(self.known),
                "consents": list(self.consents),
                "names": list(self.names),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "GuardRequest":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, REQUEST_BYTES, "request"), "request")
        reader.version()
        request = cls(
            message=ids.message_id(reader.fixed("message", 16)),
            kind=reader.code("kind", Kind),
            sender=reader.code("sender", ids.contact_handle),
            recipient=reader.code("recipient", ids.contact_handle),
            public=reader.raw("public", 1, 4096),
            sections=tuple(map(_read_section, reader.items("sections", limits.SECTIONS))),
            known=cbor.bytes_list(reader.items("known", 1000), "known identities", 1, limits.SECTION_BYTES),
            consents=cbor.bytes_list(reader.items("consents", 64), "consents", 1, 4 * limits.ATTESTATION_BYTES),
            names=tuple(_text(n) for n in reader.items("names", 8)),
        )
        reader.end()
        if sum(len(s.sealed) for s in request.sections) > SECTIONS_BYTES or sum(map(len, request.known)) > KNOWN_BYTES:
            raise Malformed("The request to the guard is too large.")
        return request


def _text(value: object) -> str:
    if type(value) is not str or len(value) > limits.TEXT:
        raise Malformed("A name of the recipient's agency has the wrong form.")
    return value


def _read_section(value: object) -> GuardSection:
    reader = Reader(value, "section")
    section = GuardSection(
        detail=SectionDetail.from_bytes(reader.raw("detail", 1, limits.OPENING_BYTES)),
        sealed=reader.raw("sealed", 1),
        key=SectionKey(reader.fixed("key", limits.SECTION_KEY)),
        granted=reader.flag("granted"),
    )
    reader.end()
    return section


def known_bytes(objects: Sequence[Mapping[str, Any]]) -> tuple[bytes, ...]:
    """Objects as a request carries them."""
    return tuple(json.dumps(o, ensure_ascii=False).encode() for o in objects)


def sealed_answer(grant: bytes, attestation: Signed) -> bytes:
    """That it is let out: the grant and the guard's word."""
    return cbor.dump({"grant": grant, "attestation": attestation.to_bytes()})


def refused_answer(refusal: GuardRefused) -> bytes:
    """That it is not, and why."""
    found = [[f.section, f.place, f.kind] for f in refusal.found[:FOUND]]
    return cbor.dump({"refused": str(refusal), "found": found})


BUSY: Final = cbor.dump({"busy": True})
"""That too many ask at once: nothing was looked at."""


def read_answer(data: bytes) -> tuple[bytes, Signed] | None:
    """The grant and the attestation, or raise `GuardRefused`; None where the guard is busy. Raises `Malformed`."""
    reader = Reader(cbor.load(data, ANSWER_BYTES, "guard's answer"), "guard's answer")
    if reader.has("busy"):
        return None
    if reader.has("refused"):
        sentence, listed = reader.text("refused", 4096), reader.items("found", FOUND)
        reader.end()
        raise GuardRefused(sentence, [_read_found(item) for item in listed])
    grant = reader.raw("grant", 1, ANSWER_BYTES)
    attestation = Signed.from_bytes(reader.raw("attestation", 1, limits.ATTESTATION_BYTES))
    reader.end()
    return grant, attestation


def _read_found(value: object) -> Found:
    if type(value) is not list or len(value) != 3 or not all(type(v) is str and len(v) <= 512 for v in value):
        raise Malformed("A finding of the guard has the wrong form.")
    return Found(*value)
