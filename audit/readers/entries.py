"""What the broker's worker signs: stamps over views, evidence for senders, and the entries that hold the records.

Shapes only: `audit.fsck` verifies the signatures and holds all of it against the log.
"""

import re
from dataclasses import dataclass
from typing import Final

from audit.errors import Unreadable
from audit.readers import bounds, cbor, codes
from audit.readers.cbor import Value
from audit.readers.fields import Fields, as_bytes, as_code, as_handle, as_tuple, read_map
from audit.readers.signed import read_signed

ENTRY: Final = "entry"
EVIDENCE: Final = "evidence"
STAMP: Final = "stamp"
NOTICE: Final = "withdrawal-notice"
UNREAD: Final = "unread-notice"

MAX_RECORDS: Final = bounds.GRANTS + 1  # one for each recipient, and the submission's own
LANES: Final = ("urgent", "normal")
OPERATOR: Final = "operator"  # stands in an entry's subject where no agency submitted anything

_VIEW_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_ENTRY_KEY = re.compile(r"[xrsdcewoktlvaumnqpih]?[0-9a-f]{32}", re.ASCII)
_OPERATORS = "cewotqph"  # what no agency submits, and withdrawals with their orders: they hold for all agencies at once


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
    word: bytes | None = None  # of a retrieval: what was submitted


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySubject:
    """Where a delivery waits."""

    agency: str
    contact: str
    lane: str
    view_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A worker's word to one contact that a consent was withdrawn."""

    consent: bytes
    withdrawal: bytes  # SHA-256 of the signed withdrawal
    to: str
    part: str
    message: bytes | None
    view_id: str | None
    view: bytes | None
    recipient: str | None
    retrieved: bool
    at: int
    confirm_by: int
    epoch: int
    leaf: bytes
    include_by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeDelivery:
    """What waits for a contact beside its views: signed notice and withdrawal as bytes, record and salt."""

    notice: bytes
    withdrawal: bytes
    terms: bytes | None
    record: bytes
    salt: bytes


CLAIMS: Final = ("notice", "unread", "recall", "leak")


def claimed(raw: bytes) -> str | None:
    """Which of `CLAIMS` this claims to be that waits for a contact; None: a view. Raises `Unreadable` for no CBOR."""
    value = cbor.loads(raw, max_bytes=bounds.STORED_BYTES)
    return next((claim for claim in CLAIMS if isinstance(value, dict) and claim in value), None)


def _waiting(raw: bytes, name: str, what: str, *more: str) -> Fields:
    fields = read_map(raw, what, ("v", name, *more, "record", "salt"))
    fields.version()
    return fields


def _signed(fields: Fields, name: str) -> bytes:
    """The bytes of a signed object, which has its shape."""
    signed = fields.octets_within(name, 1, bounds.ATTESTATION_BYTES)
    read_signed(signed, fields.what, max_bytes=bounds.ATTESTATION_BYTES)
    return signed


def _recorded(fields: Fields) -> dict[str, bytes]:
    """The record that came with it, and its salt."""
    return {
        "record": fields.octets_within("record", 1, bounds.ATTESTATION_BYTES),
        "salt": fields.octets("salt", 32),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A worker's word to one contact that an urgent message was not opened."""

    to: str
    stage: str
    message: bytes
    view_id: str
    recipient: str
    sender: str
    due: int
    at: int
    epoch: int
    leaf: bytes
    include_by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadDelivery:
    """What waits for a contact of whose agency a message was not opened: signed notice as bytes, record and salt."""

    unread: bytes
    record: bytes
    salt: bytes


def read_unread_delivery(raw: bytes) -> UnreadDelivery:
    """Read such a notice as it waits, or raise `Unreadable`."""
    fields = _waiting(raw, "unread", "unread notice")
    return UnreadDelivery(unread=_signed(fields, "unread"), **_recorded(fields))


def read_unread(body: bytes) -> Unread:
    """Read the body of an unread notice, or raise `Unreadable`."""
    names = (
        "v", "to", "stage", "message", "view_id", "recipient", "sender", "due", "at", "epoch", "leaf", "include_by",
    )  # fmt: skip
    fields = read_map(body, "unread notice", names, max_bytes=bounds.ATTESTATION_BYTES)
    fields.version()
    notice = Unread(
        to=fields.handle("to", "c"),
        stage=fields.choice("stage", codes.STAGE),
        message=fields.octets("message", 16),
        view_id=_matching(fields.code("view_id"), _VIEW_ID, "unread notice: view id"),
        recipient=fields.handle("recipient", "c"),
        sender=fields.handle("sender", "c"),
        due=fields.uint("due"),
        at=fields.uint("at"),
        epoch=fields.uint("epoch"),
        leaf=fields.octets("leaf", 32),
        include_by=fields.uint("include_by"),
    )
    own = {"contact": notice.recipient, "sender": notice.sender}.get(notice.stage, notice.to)
    if notice.to != own or (notice.stage != "contact" and notice.to == notice.recipient):
        raise Unreadable("unread notice: it goes to somebody else than its stage says")
    return notice


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallDelivery:
    """What waits for whoever got a view of a message that was taken back: that signed word, view id, record, salt."""

    recall: bytes
    view_id: str
    record: bytes
    salt: bytes


def read_recall_delivery(raw: bytes) -> RecallDelivery:
    """Read a recall as it waits, or raise `Unreadable`."""
    fields = _waiting(raw, "recall", "recall", "view_id")
    view_id = _matching(fields.code("view_id"), _VIEW_ID, "recall: view id")
    return RecallDelivery(recall=_signed(fields, "recall"), view_id=view_id, **_recorded(fields))


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakDelivery:
    """What waits for a sender of whose message a recipient reported a leak: that signed word, record and salt."""

    leak: bytes
    record: bytes
    salt: bytes


def read_leak_delivery(raw: bytes) -> LeakDelivery:
    """Read such a report as it waits, or raise `Unreadable`."""
    fields = _waiting(raw, "leak", "leak")
    return LeakDelivery(leak=_signed(fields, "leak"), **_recorded(fields))


def read_notice_delivery(raw: bytes) -> NoticeDelivery:
    """Read a notice as it waits, or raise `Unreadable`."""
    fields = read_map(raw, "notice", ("v", "notice", "withdrawal", "terms", "record", "salt"))
    fields.version()
    most = bounds.ATTESTATION_BYTES
    delivery = NoticeDelivery(
        notice=fields.octets_within("notice", 1, most),
        withdrawal=fields.octets_within("withdrawal", 1, most),
        terms=None if fields.raw("terms") is None else fields.octets_within("terms", 1, most),
        record=fields.octets_within("record", 1, most),
        salt=fields.octets("salt", 32),
    )
    read_signed(delivery.notice, "notice", max_bytes=most)
    read_signed(delivery.withdrawal, "withdrawal", max_bytes=most)
    return delivery


def read_notice(body: bytes) -> Notice:
    """Read a notice's body, or raise `Unreadable`."""
    names = (
        "v", "consent", "withdrawal", "to", "part", "message", "view_id", "view", "recipient", "retrieved", "at",
        "confirm_by", "epoch", "leaf", "include_by",
    )  # fmt: skip
    fields = read_map(body, "notice", names, max_bytes=bounds.ATTESTATION_BYTES)
    fields.version()
    notice = Notice(
        consent=fields.octets("consent", 16),
        withdrawal=fields.octets("withdrawal", 32),
        to=fields.handle("to", "c"),
        part=fields.choice("part", codes.PART),
        message=fields.message_id_or_none("message"),
        view_id=_maybe_view_id(fields.raw("view_id")),
        view=fields.octets_or_none("view", 32),
        recipient=fields.handle_or_none("recipient", "c"),
        retrieved=fields.flag("retrieved"),
        at=fields.uint("at"),
        confirm_by=fields.uint("confirm_by"),
        epoch=fields.uint("epoch"),
        leaf=fields.octets("leaf", 32),
        include_by=fields.uint("include_by"),
    )
    absent = {value is None for value in (notice.message, notice.view_id, notice.view, notice.recipient)}
    if absent != {notice.part == "collector"}:
        raise Unreadable("notice: to a holder or sender it names the view, to the collector none")
    if notice.part == "holder" and notice.to != notice.recipient:
        raise Unreadable("notice: a holder's is about its own view")
    return notice


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
    fields = read_map(body, "entry", names, maybe=("word",), max_bytes=bounds.STORED_BYTES)
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
        word=fields.octets_within("word", 1, bounds.ATTESTATION_BYTES) if fields.has("word") else None,
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


def _maybe_view_id(value: Value) -> str | None:
    return None if value is None else _matching(value, _VIEW_ID, "notice: view id")


def _outcome(value: Value) -> tuple[str, str, tuple[str, ...], bytes]:
    fields = Fields(value, "evidence: outcome", ("recipient", "outcome", "rules", "leaf"))
    outcome = fields.choice("outcome", codes.OUTCOME)
    return fields.handle("recipient", "c"), outcome, fields.rules("rules"), fields.octets("leaf", 32)


def _matching(value: Value, pattern: re.Pattern[str], what: str) -> str:
    text = as_code(value, what)
    if not pattern.fullmatch(text):
        raise Unreadable(f"{what} has the wrong form")
    return text
