"""What the broker's worker signs: stamps over views, evidence for senders, and the entries that hold the records.

Shapes only: `audit.fsck` verifies the signatures and holds all of it against the log.
"""

import re
from dataclasses import dataclass
from typing import Final

from audit.errors import Unreadable
from audit.readers import bounds, codes
from audit.readers.cbor import Value
from audit.readers.fields import Fields, as_bytes, as_code, as_handle, as_tuple, read_map
from audit.readers.signed import read_signed

ENTRY: Final = "entry"
EVIDENCE: Final = "evidence"
STAMP: Final = "stamp"

MAX_RECORDS: Final = bounds.GRANTS + 1  # one for each recipient, and the submission's own
LANES: Final = ("urgent", "normal")
OPERATOR: Final = "operator"  # stands in an entry's subject where no agency submitted anything

_VIEW_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_ENTRY_KEY = re.compile(r"[xrsdce]?[0-9a-f]{32}", re.ASCII)
_OPERATORS = "ce"  # ceremony steps and epochs: no agency submits them


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """The broker's promise over one delivered view and its decision."""

    view: bytes
    manifest: bytes
    recipient: str
    outcome: str
    rules: tuple[str, ...]
    epoch: int
    admitted: int
    leaf: bytes  # the leaf hash of this recipient's record
    include_by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The broker's word on one submission, and the leaf hashes it promised to log."""

    type: str
    submission: bytes
    message: bytes | None
    at: int
    epoch: int
    code: str | None
    outcomes: tuple[tuple[str, str, tuple[str, ...], bytes], ...]  # recipient, outcome, rules, leaf hash
    leaf: bytes
    include_by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedView:
    """A view as its entry lists it."""

    id: str
    recipient: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What was stored together with the views: evidence, salted records, and the views' digests."""

    submission: bytes
    evidence: bytes  # a signed object
    records: tuple[tuple[bytes, bytes], ...]  # salt, record
    views: tuple[ListedView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySubject:
    """Where a delivery waits."""

    agency: str
    contact: str
    lane: str
    view_id: str


def read_stamp(body: bytes) -> Stamp:
    """Read a stamp's body, or raise `Unreadable`."""
    names = ("v", "view", "manifest", "recipient", "outcome", "rules", "epoch", "admitted", "leaf", "include_by")
    fields = read_map(body, "stamp", names, max_bytes=bounds.ATTESTATION_BYTES)
    fields.version()
    return Stamp(
        view=fields.octets("view", 32),
        manifest=fields.octets("manifest", 32),
        recipient=fields.handle("recipient", "c"),
        outcome=fields.choice("outcome", codes.OUTCOME),
        rules=fields.rules("rules"),
        epoch=fields.uint("epoch"),
        admitted=fields.uint("admitted"),
        leaf=fields.octets("leaf", 32),
        include_by=fields.uint("include_by"),
    )


def read_evidence(body: bytes) -> Evidence:
    """Read an evidence's body, or raise `Unreadable`."""
    names = ("v", "type", "submission", "message", "at", "epoch", "code", "outcomes", "leaf", "include_by")
    fields = read_map(body, "evidence", names, max_bytes=bounds.ENVELOPE_BYTES)
    fields.version()
    return Evidence(
        type=fields.choice("type", codes.EVIDENCE_TYPE),
        submission=fields.octets("submission", 32),
        message=fields.message_id_or_none("message"),
        at=fields.uint("at"),
        epoch=fields.uint("epoch"),
        code=fields.text_or_none("code", bounds.RULE),
        outcomes=tuple(_outcome(item) for item in fields.items("outcomes", bounds.GRANTS)),
        leaf=fields.octets("leaf", 32),
        include_by=fields.uint("include_by"),
    )


def read_entry(body: bytes) -> Entry:
    """Read an entry's body, or raise `Unreadable`."""
    names = ("v", "submission", "evidence", "records", "views")
    fields = read_map(body, "entry", names, max_bytes=bounds.STORED_BYTES)
    fields.version()
    records: list[tuple[bytes, bytes]] = []
    for item in fields.items("records", MAX_RECORDS):
        salt, record = as_tuple(item, "entry: record", 2)
        records.append((as_bytes(salt, "entry: salt", 32), as_bytes(record, "entry: record")))
    views: list[ListedView] = []
    for item in fields.items("views", bounds.GRANTS):
        identifier, recipient, digest = as_tuple(item, "entry: view", 3)
        views.append(
            ListedView(
                id=_matching(identifier, _VIEW_ID, "entry: view id"),
                recipient=as_handle(recipient, "entry: recipient of a view", "c"),
                digest=as_bytes(digest, "entry: view digest", 32),
            )
        )
    evidence = fields.octets("evidence")
    read_signed(evidence, "entry: evidence")
    return Entry(
        submission=fields.octets("submission", 32),
        evidence=evidence,
        records=tuple(records),
        views=tuple(views),
    )


def read_entry_subject(subject: str) -> tuple[str, str]:
    """Return agency and key of `entry.<agency>.<key>`, or raise `Unreadable`. The agency is `OPERATOR` for what the
    broker itself records.
    """
    parts = subject.split(".")
    if len(parts) != 3 or parts[0] != "entry":
        raise Unreadable("the subject is not that of an entry")
    key = _matching(parts[2], _ENTRY_KEY, "the entry's key")
    if (parts[1] == OPERATOR) != (key_form(key) in tuple(_OPERATORS)):
        raise Unreadable("the entry's key is not one of those that stand there")
    return parts[1] if parts[1] == OPERATOR else as_handle(parts[1], "the entry's agency", "a"), key


def key_form(key: str) -> str:
    """The letter before an entry's 32 digits, "" where these are a message id."""
    return key[:-32]


def read_delivery_subject(subject: str) -> DeliverySubject:
    """Take `deliver.<agency>.<contact>.<lane>.<view id>` apart, or raise `Unreadable`."""
    parts = subject.split(".")
    if len(parts) != 5 or parts[0] != "deliver" or parts[3] not in LANES:
        raise Unreadable("the subject is not that of a delivery")
    return DeliverySubject(
        agency=as_handle(parts[1], "the delivery's agency", "a"),
        contact=as_handle(parts[2], "the delivery's contact", "c"),
        lane=parts[3],
        view_id=_matching(parts[4], _VIEW_ID, "the delivery's view id"),
    )


def _outcome(value: Value) -> tuple[str, str, tuple[str, ...], bytes]:
    fields = Fields(value, "evidence: outcome", ("recipient", "outcome", "rules", "leaf"))
    outcome = fields.choice("outcome", codes.OUTCOME)
    return fields.handle("recipient", "c"), outcome, fields.rules("rules"), fields.octets("leaf", 32)


def _matching(value: Value, pattern: re.Pattern[str], what: str) -> str:
    text = as_code(value, what)
    if not pattern.fullmatch(text):
        raise Unreadable(f"{what} has the wrong form")
    return text
