"""One tag per thing we sign, and who may sign it: a signature of one kind never passes for another.

`TABLE` is the table "who signs what" of docs/envelope.md section 7, later rows included; a test holds page and table
together. A key's type names its kind, and `sign` refuses a tag that its kind may not use.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class KeyKind(StrEnum):
    """Who holds the private half."""

    CONTACT = "contact"
    GUARD = "guard"
    WORKER = "worker"
    OFFICER = "officer"
    HEAD = "agency head"
    LOG = "log"
    WITNESS = "witness"
    ROOT = "root"
    ONLINE = "online"
    RECIPIENT_DEVICE = "contact, other device"


class Tag(StrEnum):
    """Domain tags: the `kind` of `messages.signed.pae`."""

    MANIFEST = "manifest"
    GUARD = "guard-attestation"
    RELEASE = "release-attestation"
    REVIEW = "review-attestation"
    BREAK_GLASS = "break-glass"
    CONSENT = "consent"
    CONSENT_COUNTER = "consent-countersignature"
    CONSENT_WITHDRAWAL = "consent-withdrawal"
    HOLDING = "holding"
    NOTICE = "withdrawal-notice"
    ERASURE = "erasure-confirmation"
    REVIEW_CLOSED = "review-closed"
    LEAK = "leak-report"
    KEY_STATEMENT = "key-statement"
    KEY_STATEMENT_COUNTER = "key-statement-countersignature"
    KEY_DESTROYED = "key-destroyed"
    STAMP = "stamp"
    EVIDENCE = "evidence"
    ENTRY = "entry"
    RETRIEVAL = "retrieval-evidence"
    ACKNOWLEDGEMENT = "acknowledgement"
    UNREAD = "unread-notice"
    ACCEPTANCE = "acceptance-evidence"
    PERMISSION = "dissemination-permission"
    RECALL = "recall"
    ADAPTER_ALARM = "adapter-alarm"
    RECORDS_HOLD = "records-hold"
    ENROLMENT = "enrolment-request"
    CEREMONY = "ceremony-step"
    CONSOLE_ACTION = "console-action"
    EVIDENCE_FILE = "evidence-file-request"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: what is signed, by whom, what it binds, who checks it and when."""

    signers: tuple[KeyKind, ...]
    fields: str
    checked: str
    since: str  # the envelope's version or "later": kept here so that no later row can reuse a tag


_C, _G, _W, _O, _H = KeyKind.CONTACT, KeyKind.GUARD, KeyKind.WORKER, KeyKind.OFFICER, KeyKind.HEAD

TABLE: Final = MappingProxyType(
    {
        Tag.MANIFEST: Row((_C,), "the manifest", "broker at admission; recipient before opening; auditor", "v1"),
        Tag.GUARD: Row(
            (_G,),
            "message id, sender, recipient, per section name, type, media type, roles, flags, consent id, ciphertext "
            "digest, commitment; grant digest, identities searched, rule-set version, time",
            "broker at admission; recipient before opening",
            "v1",
        ),
        Tag.RELEASE: Row((_C,), "message id, manifest digest, recipient, time", "broker; recipient", "v1"),
        Tag.REVIEW: Row(
            (_C,), "message id, manifest digest, recipient, sections read, time", "broker; recipient", "v1"
        ),
        Tag.BREAK_GLASS: Row((_C,), "message id, manifest digest, recipient, ground, time", "broker; recipient", "v1"),
        Tag.CONSENT: Row(
            (_C,),
            "consent id, collector, purposes, recipient or class, items, form, language, interpreter, dates, route, "
            "salted digest of the paper",
            "broker; recipient",
            "v1",
        ),
        Tag.CONSENT_COUNTER: Row((_C,), "the consent's body", "broker; recipient", "v1"),
        Tag.CONSENT_WITHDRAWAL: Row((_C, _O), "consent id, time", "broker on receipt; holders", "v1"),
        Tag.HOLDING: Row(
            (_W,),
            "consent id, agency, contact, view id, view digest, message id, sender, time",
            "broker when the consent is withdrawn",
            "v1",
        ),
        Tag.NOTICE: Row(
            (_W,),
            "consent id, digest of the withdrawal, addressee and its part, message id, view id, view digest, "
            "recipient, whether it was retrieved, time, confirm-by, epoch, leaf hash, include-by",
            "addressee before it erases; auditor",
            "v1",
        ),
        Tag.ERASURE: Row(
            (_C,),
            "consent id, message id, view id, view digest, recipient, outcome, ground, time",
            "broker on receipt; whoever withdrew; auditor",
            "v1",
        ),
        Tag.REVIEW_CLOSED: Row(
            (_O,), "message id, recipient, view digest, note, time", "broker before it is logged; auditor", "v1"
        ),
        Tag.LEAK: Row(
            (_C,),
            "message id, view id, view digest, sender, recipient, who released it, ground, places, time",
            "broker on receipt; sender; auditor",
            "v1",
        ),
        Tag.KEY_STATEMENT: Row(
            (_C,),
            "contact, number, encryption key, from, until",
            "broker when it is stated; sender before sealing; auditor",
            "v1",
        ),
        Tag.KEY_STATEMENT_COUNTER: Row((_C, _O, _H), "the key statement's body", "broker when it is stated", "v1"),
        Tag.KEY_DESTROYED: Row((_C,), "contact, number, key id, time", "broker on receipt; auditor", "v1"),
        Tag.STAMP: Row(
            (_W,),
            "view digest, manifest digest, recipient, outcome, rule ids, epoch, admission time, leaf hash, include-by",
            "recipient before opening; auditor",
            "v1",
        ),
        Tag.EVIDENCE: Row(
            (_W,),
            "type, submission digest, message id, time, epoch, outcomes with rule ids and leaf hashes, include-by",
            "sender on answer; auditor",
            "v1",
        ),
        Tag.ENTRY: Row(
            (_W,), "submission digest, evidence, records with salts, views", "sequencer; readers; auditor", "v1"
        ),
        Tag.RETRIEVAL: Row(
            (_C,),
            "view id, view digest, manifest digest, message id, time, checkpoint",
            "broker before the view leaves; auditor",
            "v1",
        ),
        Tag.ACKNOWLEDGEMENT: Row(
            (_C,),
            "message id, view id, view digest, sender, recipient, accepted or rejected, fault, time",
            "broker on receipt; auditor",
            "v1",
        ),
        Tag.UNREAD: Row(
            (_W,),
            "addressee and stage, message id, view id, recipient, sender, when the clock runs out, time, epoch, leaf "
            "hash, include-by",
            "addressee; auditor",
            "v1",
        ),
        Tag.ACCEPTANCE: Row(
            (_C,),
            "message id and manifest digest of the offer, referrer, recipient, accepted or declined, time",
            "referrer; broker and recipient beside the sealed part",
            "v1",
        ),
        Tag.PERMISSION: Row(
            (_C,),
            "message id, originator, grantee, recipient, purposes, what it lifts, dates",
            "grantee; broker; recipient",
            "v1",
        ),
        Tag.RECALL: Row(
            (_C,), "message id, ground, which message corrects it, time", "broker on receipt; holders", "v1"
        ),
        Tag.ADAPTER_ALARM: Row((_C,), "which kind of alarm, contact, hour", "broker on receipt; auditor", "v1"),
        Tag.RECORDS_HOLD: Row(
            (_O,),
            "held or released, ranges of leaves, until when, ground, time",
            "broker before it is logged; auditor",
            "v1",
        ),
        Tag.ENROLMENT: Row(
            (_C, _G, _W, _O, _H, KeyKind.ROOT, KeyKind.ONLINE),
            "SHA-256 of the request, which names the key and what it is wanted for",
            "officers before they propose",
            "v1",
        ),
        Tag.CEREMONY: Row(
            (_O, _H), "step, subject, digest of the proposal, epoch, time", "broker before it is logged; auditor", "v1"
        ),
        Tag.CONSOLE_ACTION: Row((_O,), "action, subject, time", "auditor", "later"),
        Tag.EVIDENCE_FILE: Row(
            (_C,), "id of the stored file, view digest, message id, time", "broker before it hands out chunks", "v1"
        ),
    }
)


def may_sign(kind: KeyKind, tag: Tag) -> bool:
    """Whether a key of this kind may sign under this tag."""
    return kind in TABLE[tag].signers
