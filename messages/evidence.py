"""Signed records of delivery steps, named as in ETSI REM (EN 319 522), and the broker's stamp and entry.

The broker's worker signs stamps, evidences and entries; the recipient's contact signs retrievals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from messages import cbor, ids, limits
from messages.cbor import Reader
from messages.errors import Malformed
from messages.ids import ContactHandle, MessageId, ViewId
from messages.manifest import read_checkpoint
from messages.signed import Signed

RULES = 64  # most rule ids that one outcome names


class EvidenceType(StrEnum):
    """The steps that leave evidence."""

    SUBMISSION_ACCEPTANCE = "SubmissionAcceptance"
    SUBMISSION_REJECTION = "SubmissionRejection"
    DELIVERY = "Delivery"  # handed over to a connection of the recipient, which acknowledged it
    NON_DELIVERY = "NonDelivery"
    RETRIEVAL = "Retrieval"  # opened, by the recipient's signed word
    NON_RETRIEVAL = "NonRetrieval"
    ACCEPTANCE = "Acceptance"  # people of the recipient have taken it on, by its signed word
    REJECTION = "Rejection"  # it does not hold for the recipient and is shown to nobody, by its signed word


class Outcome(StrEnum):
    """What was decided for one recipient."""

    PERMITTED = "permitted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientOutcome:
    """Decision for one recipient: rule ids, and the leaf hash of its record."""

    recipient: ContactHandle
    outcome: Outcome
    rules: tuple[str, ...]
    leaf: bytes

    def to_value(self) -> dict[str, object]:
        """The map that is signed."""
        return {
            "recipient": self.recipient,
            "outcome": self.outcome.value,
            "rules": list(self.rules),
            "leaf": self.leaf,
        }

    @classmethod
    def read(cls, value: object) -> "RecipientOutcome":
        """Read it, or raise `Malformed`."""
        reader = Reader(value, "outcome")
        outcome = cls(
            recipient=reader.code("recipient", ids.contact_handle),
            outcome=reader.code("outcome", Outcome),
            rules=_rules(reader),
            leaf=reader.fixed("leaf", limits.DIGEST),
        )
        reader.end()
        return outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A worker's word on one submission (tag `evidence`)."""

    type: EvidenceType
    submission: bytes  # SHA-256 of the submitted bytes
    message: MessageId | None  # None where the bytes could not be tied to a message id
    at: int
    epoch: int
    code: str | None  # why the whole submission was rejected
    outcomes: tuple[RecipientOutcome, ...]
    leaf: bytes  # leaf hash of the submission's own record
    include_by: int

    def to_bytes(self) -> bytes:
        """The body to sign."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "type": self.type.value,
                "submission": self.submission,
                "message": self.message,
                "at": self.at,
                "epoch": self.epoch,
                "code": self.code,
                "outcomes": [o.to_value() for o in self.outcomes],
                "leaf": self.leaf,
                "include_by": self.include_by,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Evidence":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ENVELOPE_BYTES, "evidence"), "evidence")
        reader.version()
        message = reader.maybe("message", 16)
        evidence = cls(
            type=reader.code("type", EvidenceType),
            submission=reader.fixed("submission", limits.DIGEST),
            message=ids.message_id(message) if message is not None else None,
            at=reader.number("at"),
            epoch=reader.number("epoch"),
            code=reader.maybe_text("code", 64),
            outcomes=tuple(map(RecipientOutcome.read, reader.items("outcomes", limits.GRANTS))),
            leaf=reader.fixed("leaf", limits.DIGEST),
            include_by=reader.number("include_by"),
        )
        reader.end()
        return evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """The broker's signed promise over one delivered view and its decision (tag `stamp`)."""

    view: bytes  # SHA-256 of pae("view", view bytes)
    manifest: bytes
    recipient: ContactHandle
    outcome: Outcome
    rules: tuple[str, ...]
    epoch: int
    admitted: int
    leaf: bytes
    include_by: int

    def to_bytes(self) -> bytes:
        """The body to sign."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "view": self.view,
                "manifest": self.manifest,
                "recipient": self.recipient,
                "outcome": self.outcome.value,
                "rules": list(self.rules),
                "epoch": self.epoch,
                "admitted": self.admitted,
                "leaf": self.leaf,
                "include_by": self.include_by,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Stamp":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "stamp"), "stamp")
        reader.version()
        stamp = cls(
            view=reader.fixed("view", limits.DIGEST),
            manifest=reader.fixed("manifest", limits.DIGEST),
            recipient=reader.code("recipient", ids.contact_handle),
            outcome=reader.code("outcome", Outcome),
            rules=_rules(reader),
            epoch=reader.number("epoch"),
            admitted=reader.number("admitted"),
            leaf=reader.fixed("leaf", limits.DIGEST),
            include_by=reader.number("include_by"),
        )
        reader.end()
        return stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """The recipient's signature over a view, made before the text is shown (tag `retrieval-evidence`)."""

    view_id: ViewId
    view: bytes
    manifest: bytes
    message: MessageId
    recipient: ContactHandle
    at: int
    checkpoint: tuple[int, bytes] | None  # the newest log head the recipient verified: gossip

    def to_bytes(self) -> bytes:
        """The body to sign."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "view_id": self.view_id,
                "view": self.view,
                "manifest": self.manifest,
                "message": self.message,
                "recipient": self.recipient,
                "at": self.at,
                "checkpoint": list(self.checkpoint) if self.checkpoint else None,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Retrieval":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "retrieval evidence"), "retrieval evidence")
        reader.version()
        retrieval = cls(
            view_id=reader.code("view_id", ids.view_id),
            view=reader.fixed("view", limits.DIGEST),
            manifest=reader.fixed("manifest", limits.DIGEST),
            message=ids.message_id(reader.fixed("message", 16)),
            recipient=reader.code("recipient", ids.contact_handle),
            at=reader.number("at"),
            checkpoint=read_checkpoint(reader.value("checkpoint")),
        )
        reader.end()
        return retrieval


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is stored with the views, in one batch: the evidence and the records (tag `entry`)."""

    submission: bytes
    evidence: Signed
    records: tuple[tuple[bytes, bytes], ...]  # salt, record
    views: tuple[tuple[ViewId, ContactHandle, bytes], ...]  # id, recipient, digest
    word: bytes | None = None  # of a retrieval what was submitted: its sender is told by whoever signed it

    def to_bytes(self) -> bytes:
        """The body to sign."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "submission": self.submission,
                "evidence": self.evidence.to_bytes(),
                "records": [[salt, record] for salt, record in self.records],
                "views": [[i, r, d] for i, r, d in self.views],
            }
            | _word(self.word)
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Entry":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, 2 * limits.ENVELOPE_BYTES, "entry"), "entry")
        reader.version()
        entry = cls(
            submission=reader.fixed("submission", limits.DIGEST),
            evidence=Signed.from_bytes(reader.raw("evidence", 1)),
            records=tuple(_pair(r) for r in reader.items("records", limits.GRANTS + 1)),
            views=tuple(_view(v) for v in reader.items("views", limits.GRANTS)),
            word=_read_word(reader),
        )
        reader.end()
        return entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a worker tells the submitting adapter; `repeated` marks an evidence given before. Only that is signed."""

    submission: bytes
    evidence: Signed
    repeated: bool
    code: str | None = None  # set where this submission was refused without replacing the first evidence

    def to_bytes(self) -> bytes:
        """The bytes of the answer."""
        return cbor.dump(
            {
                "submission": self.submission,
                "evidence": self.evidence.to_bytes(),
                "repeated": self.repeated,
                "code": self.code,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Answer":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ENVELOPE_BYTES, "answer"), "answer")
        answer = cls(
            submission=reader.fixed("submission", limits.DIGEST),
            evidence=Signed.from_bytes(reader.raw("evidence", 1)),
            repeated=reader.flag("repeated"),
            code=reader.maybe_text("code", 64),
        )
        reader.end()
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a sender is told about one recipient of its message: a worker's evidence, with the record of which it
    promises the leaf. The record says who it is about, so nothing here is believed before both were held together.
    With a retrieval comes the recipient's own word, of which the record holds the digest.
    """

    evidence: Signed
    record: bytes
    salt: bytes
    word: bytes | None = None

    def to_bytes(self) -> bytes:
        """The bytes that are told."""
        return cbor.dump(
            {"v": limits.VERSION, "evidence": self.evidence.to_bytes(), "record": self.record, "salt": self.salt}
            | _word(self.word)
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Step":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, 3 * limits.ATTESTATION_BYTES, "step"), "step")
        reader.version()
        step = cls(
            evidence=Signed.from_bytes(reader.raw("evidence", 1, limits.ATTESTATION_BYTES)),
            record=reader.raw("record", 1, limits.ATTESTATION_BYTES),
            salt=reader.fixed("salt", limits.DIGEST),
            word=_read_word(reader),
        )
        reader.end()
        return step


def is_step(data: bytes) -> bool:
    """Whether what an agency is told claims to be a step; everything else is read as an answer."""
    try:
        value = cbor.load(data, limits.ENVELOPE_BYTES, "answer")
    except Malformed:
        return False
    return isinstance(value, dict) and "record" in value


def _word(word: bytes | None) -> dict[str, bytes]:
    return {} if word is None else {"word": word}


def _read_word(reader: Reader) -> bytes | None:
    return reader.raw("word", 1, limits.ATTESTATION_BYTES) if reader.has("word") else None


def _rules(reader: Reader) -> tuple[str, ...]:
    values: Sequence[object] = reader.items("rules", RULES)
    if not all(type(v) is str and len(v) <= 64 for v in values):
        raise Malformed("A list of rules has the wrong form.")
    return tuple(str(v) for v in values)


def _pair(value: object) -> tuple[bytes, bytes]:
    if (
        type(value) is list
        and len(value) == 2
        and type(value[0]) is bytes
        and len(value[0]) == limits.DIGEST
        and type(value[1]) is bytes
    ):
        return value[0], value[1]
    raise Malformed("A record of the entry has the wrong form.")


def _view(value: object) -> tuple[ViewId, ContactHandle, bytes]:
    if type(value) is list and len(value) == 3 and type(value[2]) is bytes and len(value[2]) == limits.DIGEST:
        return ids.view_id(value[0]), ids.contact_handle(value[1]), value[2]
    raise Malformed("A view of the entry has the wrong form.")
