"""The steps of our messages as workers told them, checked. Pure.

Each is signed by a worker of the trust bundle, its record is the one of which it promises the leaf, and both are about
a message and a recipient of ours. That somebody opened it is believed on that recipient's own word alone, which also
tells which head of the log it has seen.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from adapters.promised import promised, record_of
from audit.record import (
    RECALL_ORDERED,
    RETRIEVED,
    VIEW_ACKNOWLEDGED,
    VIEW_DELIVERED,
    VIEW_EXPIRED,
    VIEW_PURGED,
    ActRecord,
    Record,
)
from keys.domains import Tag
from keys.signing import verify
from messages import limits, wire
from messages.directory import Directory
from messages.errors import UnknownSender, Unverified
from messages.evidence import Evidence, EvidenceType, Retrieval, Step
from messages.ids import MessageId
from messages.signed import Signed

_UNREAD: Final = {"undelivered": EvidenceType.NON_DELIVERY, "unretrieved": EvidenceType.NON_RETRIEVAL}
_TYPES: Final = {
    VIEW_DELIVERED: {"handed-over": EvidenceType.DELIVERY},
    VIEW_EXPIRED: _UNREAD,
    VIEW_PURGED: _UNREAD,
    VIEW_ACKNOWLEDGED: {"accepted": EvidenceType.ACCEPTANCE, "rejected": EvidenceType.REJECTION},
}
_OTHER: Final = {
    (VIEW_ACKNOWLEDGED, "recall-confirmed"): "recall confirmed",
    (VIEW_ACKNOWLEDGED, "not-here"): "recall confirmed",
    (VIEW_ACKNOWLEDGED, "deleted"): "deleted",
    (RECALL_ORDERED, "recalled"): "recalled",
    (RECALL_ORDERED, "corrected"): "corrected",
}
"""Steps that have no name of ETSI's. Where an order took an unopened view away, its evidence is NonRetrieval."""
"""Which evidence goes with which record: a worker's word of a retrieval over the record of something else is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One step that was checked. `promised` is the leaf hash of its record, in the log by `include_by`."""

    message: MessageId
    recipient: str  # handle
    type: EvidenceType
    at: int  # milliseconds
    signer: str  # whose word it is: the recipient's, or a worker's
    worker: str  # who signed the evidence
    code: str | None
    other: str | None  # what it says besides, or instead of, the type
    promised: bytes
    include_by: int
    head: tuple[int, bytes] | None = None  # size and root of the log as whoever opened it had verified it


def check(step: Step, directory: Directory) -> Proof:
    """What the step proves, or the `RemoteError` that says why it proves nothing."""
    evidence = promised(step.evidence, Tag.EVIDENCE, Evidence.from_bytes, step.salt, step.record, directory, "step")
    record = record_of(step.record, "step")
    about: bytes
    signer: str | None
    other, head = None, None
    if isinstance(record, ActRecord):
        about, signer, code = record.subject, record.signer, record.ground or evidence.code
        other = _OTHER.get((record.act, record.outcome))
        type_ = _TYPES.get(record.act, {}).get(record.outcome)
        if other is not None:
            unopened = record.act == RECALL_ORDERED and evidence.type is EvidenceType.NON_RETRIEVAL
            type_ = EvidenceType.NON_RETRIEVAL if unopened else EvidenceType.SUBMISSION_ACCEPTANCE
    elif isinstance(record, Record) and record.outcome == RETRIEVED and record.message is not None:
        about, signer, code = record.message, record.recipient, None
        type_ = EvidenceType.RETRIEVAL
        head = _opened(step, record, evidence.at, directory).checkpoint
    else:
        raise Unverified("The record that came with a step is of no step.")
    message = evidence.message
    if type_ is not evidence.type or record.recipient is None or signer is None or message is None or about != message:
        raise Unverified("The record that came with a step is about something else.")
    return Proof(
        message=message,
        recipient=record.recipient,
        type=evidence.type,
        at=evidence.at,
        signer=signer,
        worker=step.evidence.by,
        code=code,
        other=other,
        promised=evidence.leaf,
        include_by=evidence.include_by,
        head=head,
    )


def _opened(step: Step, record: Record, at: int, directory: Directory) -> Retrieval:
    """The recipient's own word that it opened the view, the very one that the record is about; by the key that the
    broker had to check it with.
    """
    if step.word is None or sha256(step.word).digest() != record.submission:
        raise Unverified("The broker says that a message was opened, without the word of whoever opened it.")
    contact = directory.contact(record.recipient or "")
    if contact is None:
        raise UnknownSender
    signed = Signed.from_bytes(step.word, limits.ATTESTATION_BYTES)
    said = Retrieval.from_bytes(verify(signed, Tag.RETRIEVAL, contact.key_at(at)))
    if (said.recipient, said.message, said.view) != (record.recipient, record.message, record.view):
        raise Unverified("The word of whoever opened a message is about another one than its record.")
    return said


def ours(proof: Proof, envelope: bytes | None) -> Proof:
    """The step, if it is about a message that we sent (`envelope`) and somebody to whom we sent it."""
    if envelope is None or proof.recipient not in wire.decode(envelope).grants:
        raise Unverified("A step is about no message of ours, or about somebody to whom we did not send it.")
    return proof
