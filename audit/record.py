"""Records and their salted commitments.

A record says what happened, never what was said: random ids, digests, codes, the outcome, the rule ids. The log holds
only `leaf(salt, record)`, so a record can expire, its salt with it, and the log still proves everything else.

Three forms: a `Record` is about a message, a `TrustRecord` about who is trusted to send one, an `ActRecord` about what
somebody did afterwards: handed a view over, acknowledged it, withdrew a consent, erased a copy, reviewed a broken
glass, reported a leak, raised an alarm, looked records up, let records expire. The broker makes records with the
builders below; this module alone turns them into bytes and back (`read_record`). A record has one byte form:
`from_bytes` takes nothing that `to_bytes` would have written otherwise.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from audit.errors import Unreadable
from audit.readers import bounds, cbor, codes
from audit.readers.cbor import Value
from audit.readers.fields import Fields, as_code, as_handle, as_list, as_set, as_tuple, read_map
from audit.readers.signed import SIGNERS, digest

SALT_BYTES: Final = 32
MAX_RECORD_BYTES: Final = bounds.ATTESTATION_BYTES  # what a delivery takes; 64 sections with outcomes are 8 kB
MAX_SECTIONS: Final = 256
_LATEST: Final = 253_402_300_799_000  # the last second of the year 9999: what can be said as a date
MAX_HEADER: Final = 64  # codes of the signed header that a decision keeps; most of them are countries

SUBMISSION: Final = "submission"
DECISION: Final = "decision"
RETRIEVAL: Final = "retrieval"
TYPES: Final = frozenset({SUBMISSION, DECISION, RETRIEVAL})

ACCEPTED: Final = "accepted"
REFUSED: Final = "refused"
PERMITTED: Final = "permitted"
RETRIEVED: Final = "retrieved"

TRUST: Final = "trust"
EPOCH: Final = "epoch"
KEY_STATED: Final = "key-statement"
KEY_DESTROYED: Final = "key-destroyed"
TRUST_STEPS: Final = codes.STEP | {EPOCH, KEY_STATED, KEY_DESTROYED}
MAX_SIGNERS: Final = 16

ACT: Final = "act"
CONSENT_WITHDRAWN: Final = "consent-withdrawn"
ERASURE_ORDERED: Final = "erasure-ordered"
ERASURE_CONFIRMED: Final = "erasure-confirmed"
REVIEW_CLOSED: Final = "review-closed"
LEAK_SUSPECTED: Final = "leak-suspected"
LEAK_RELEASED: Final = "leak-released"
LOOKED_UP: Final = "looked-up"
VIEW_DELIVERED: Final = "view-delivered"
VIEW_EXPIRED: Final = "view-expired"
VIEW_PURGED: Final = "view-purged"
VIEW_ACKNOWLEDGED: Final = "view-acknowledged"
UNREAD_ESCALATED: Final = "unread-escalated"
MESSAGE_RECALLED: Final = "message-recalled"
RECALL_ORDERED: Final = "recall-ordered"
RECORDS_EXPIRED: Final = "records-expired"
ALARM_RAISED: Final = "alarm-raised"
RECORDS_HELD: Final = "records-held"
ACTS: Final = {
    CONSENT_WITHDRAWN: frozenset({"withdrawn"}),
    ERASURE_ORDERED: frozenset({"retrieved", "undelivered"}),
    ERASURE_CONFIRMED: frozenset({"erased", "not-here", "impossible"}),
    REVIEW_CLOSED: frozenset({"justified", "unjustified", "training"}),
    LEAK_SUSPECTED: frozenset({"kept-aside"}),
    LEAK_RELEASED: codes.LEAK_GROUND,
    VIEW_DELIVERED: frozenset({"handed-over"}),
    VIEW_EXPIRED: frozenset({"unretrieved", "undelivered"}),
    VIEW_PURGED: frozenset({"unretrieved", "undelivered"}),
    VIEW_ACKNOWLEDGED: codes.SAID,
    UNREAD_ESCALATED: codes.STAGE,
    MESSAGE_RECALLED: codes.RECALLED,
    RECALL_ORDERED: codes.RECALLED,
    LOOKED_UP: frozenset(
        {"logged-in", "searched", "viewed", "exported"}  # records; then proposals, then saved searches
        | {"handed-in", "reviewed", "fetched", "discarded", "saved", "forgotten"}
    ),
    RECORDS_EXPIRED: frozenset({"expired"}),
    ALARM_RAISED: codes.ADAPTER_ALARM,
    RECORDS_HELD: frozenset({"held", "released"}),
}
"""Each act, and how it can come out."""
STEPS: Final = frozenset({VIEW_DELIVERED, VIEW_EXPIRED, VIEW_PURGED})
"""Acts of the broker itself on a view that waits; their digest is that of the view's signed stamp."""
_ABOUT_NO_COPY: Final = frozenset(
    {CONSENT_WITHDRAWN, MESSAGE_RECALLED, LOOKED_UP, RECORDS_EXPIRED, ALARM_RAISED, RECORDS_HELD}
)
_OWN: Final = frozenset({ERASURE_CONFIRMED, LEAK_SUSPECTED, LEAK_RELEASED, VIEW_ACKNOWLEDGED})
_GROUNDS: Final = {"impossible": codes.KEEP_GROUND, "rejected": codes.FAULT, "held": codes.HOLD_GROUND}
"""Outcomes that have a ground, and which there are."""

_NAMES: Final = (
    "v",
    "type",
    "at",
    "epoch",
    "by",
    "agency",
    "message",
    "submission",
    "manifest",
    "sender",
    "recipient",
    "kind",
    "outcome",
    "rules",
    "sections",
    "view",
)
_ACT_NAMES: Final = (
    "v",
    "type",
    "at",
    "epoch",
    "by",
    "act",
    "agency",
    "subject",
    "recipient",
    "view",
    "outcome",
    "ground",
    "digest",
    "signer",
)
_FACTS: Final = "facts"  # of a decision of which rules were asked; left out where there are none
_TRUST_NAMES: Final = ("v", "type", "at", "epoch", "by", "step", "subject", "number", "digest", "signers")


Considered = tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]
"""Of one section: its media type, whose data it is (roles), what it does to them (flags), and unusual facts."""

Facts = tuple[tuple[str, ...], tuple[str, ...], tuple[Considered, ...]]
"""Codes of the signed header, facts that were unusual of every section, and each section's own, in their order."""


def _held_to(read: Callable[[bytes], object], raw: bytes) -> bytes:
    """What was written, if whoever reads it takes it; else `ValueError`."""
    try:
        read(raw)
    except Unreadable as error:
        raise ValueError(str(error)) from None
    return raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One thing that happened. Made by the builders or `from_bytes`; `to_bytes` checks every field."""

    type: str
    at: int  # milliseconds since the epoch, UTC
    epoch: int  # of the trust bundle that was decided under
    by: str  # the worker
    agency: str  # the submitting agency
    message: bytes | None  # 16 bytes
    submission: bytes  # SHA-256 of the submitted bytes
    manifest: bytes | None  # 32 bytes: digest("manifest", …)
    sender: str | None
    recipient: str | None
    kind: str | None
    outcome: str
    rules: tuple[str, ...]
    sections: tuple[tuple[str, str, str], ...]  # (name, type/part, outcome)
    view: bytes | None  # 32 bytes: digest("view", …)
    facts: Facts | None = None  # what the rules looked at, in codes

    def to_bytes(self) -> bytes:
        """The record's one byte form. Raises `ValueError` where a field is not what it must be."""
        return _held_to(_read, self._dump())

    def _dump(self) -> bytes:
        sections: list[Value] = [list(section) for section in self.sections]
        facts: dict[str, Value] = {} if self.facts is None else {_FACTS: _facts_value(self.facts)}
        return cbor.dumps(
            {
                **facts,
                "v": 1,
                "type": self.type,
                "at": self.at,
                "epoch": self.epoch,
                "by": self.by,
                "agency": self.agency,
                "message": self.message,
                "submission": self.submission,
                "manifest": self.manifest,
                "sender": self.sender,
                "recipient": self.recipient,
                "kind": self.kind,
                "outcome": self.outcome,
                "rules": list(self.rules),
                "sections": sections,
                "view": self.view,
            }
        )

    @staticmethod
    def from_bytes(raw: bytes) -> "Record":
        """Read a record, or raise `Unreadable`."""
        record = _read(raw)
        if record._dump() != raw:
            raise Unreadable("record: not in its one byte form")
        return record


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRecord:
    """One thing that changed whom, or which key, the task force trusts. Made by `trust_record` or `from_bytes`."""

    at: int  # milliseconds since the epoch, UTC
    epoch: int  # of the trust bundle under which it was recorded; for `epoch`, the one that took effect
    by: str  # the worker
    step: str  # one of `TRUST_STEPS`
    subject: str | None  # the handle of whom it is about
    number: int | None  # of the encryption key that was stated or destroyed
    digest: bytes  # SHA-256 of the signed object, for `epoch` of the epoch statement
    signers: tuple[str, ...]  # handles of those who signed, in rising order

    def to_bytes(self) -> bytes:
        """The record's one byte form. Raises `ValueError` where a field is not what it must be."""
        return _held_to(_read_trust, self._dump())

    def _dump(self) -> bytes:
        return cbor.dumps(
            {
                "v": 1,
                "type": TRUST,
                "at": self.at,
                "epoch": self.epoch,
                "by": self.by,
                "step": self.step,
                "subject": self.subject,
                "number": self.number,
                "digest": self.digest,
                "signers": list(self.signers),
            }
        )

    @staticmethod
    def from_bytes(raw: bytes) -> "TrustRecord":
        """Read a record about trust, or raise `Unreadable`."""
        record = _read_trust(raw)
        if record._dump() != raw:
            raise Unreadable("record: not in its one byte form")
        return record

    @property
    def says(self) -> str:
        """What happened, as one sentence for a person."""
        if self.step == EPOCH:
            return f"Epoch {self.epoch} of the trust bundle took effect."
        if self.step == KEY_STATED:
            return f"Contact {self.subject} stated encryption key {self.number}."
        if self.step == KEY_DESTROYED:
            return f"Contact {self.subject} destroyed the private half of encryption key {self.number}."
        about = f" about {self.subject}" if self.subject else ""
        return f"{', '.join(self.signers)} {_DONE[self.step]}{about}."


_DONE: Final = {
    "init": "made the task force's first trust bundle",
    "request": "asked for an enrolment or a change",
    "fingerprint-compared": "compared a key's fingerprint",
    "propose": "proposed a change to the trust bundle",
    "rehearse": "rehearsed a proposed change",
    "review": "reviewed a proposed change",
    "sign": "signed a proposed change",
    "publish": "published a trust bundle",
    "renew": "signed the unchanged trust bundle again",
    "rotate-signing-key": "had a signing key followed by a new one",
    "suspend": "suspended a mandate",
    "resume": "ended a suspension",
    "revoke": "revoked a mandate",
    "retire-agency": "retired an agency",
    "replace-officer": "replaced an officer",
    "rotate-root": "changed who holds the root keys",
    "add-agency": "added an agency",
    "add-contact": "added a contact",
    "add-agreement": "added a sharing agreement",
    "end-agreement": "ended a sharing agreement",
    "change-mandate": "changed a mandate",
    "absence": "noted an absence, in which a deputy stands in",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActRecord:
    """What somebody did about something that was shared. Made by `act_record` or `from_bytes`."""

    at: int  # milliseconds since the epoch, UTC
    epoch: int
    by: str  # the worker
    act: str  # one of `ACTS`
    agency: str | None  # the submitting agency; None where none submitted it
    subject: bytes  # 16 bytes: the consent's id where one was withdrawn, else the message's; of a look-up its own; of
    # records that expired or are held which ones (`audit.expiry`); of an alarm a digest of contact, kind and hour
    recipient: str | None  # whose copy it is about
    view: bytes | None  # 32 bytes: which copy
    outcome: str
    ground: str | None  # why a copy is kept, a view rejected, or a record held
    digest: bytes  # SHA-256 of the signed object; of a look-up, of what was asked
    signer: str  # the handle of whoever signed it; of a look-up, of whoever asked, by the broker's word

    def to_bytes(self) -> bytes:
        """The record's one byte form. Raises `ValueError` where a field is not what it must be."""
        return _held_to(_read_act, self._dump())

    def _dump(self) -> bytes:
        return cbor.dumps(
            {
                "v": 1,
                "type": ACT,
                "at": self.at,
                "epoch": self.epoch,
                "by": self.by,
                "act": self.act,
                "agency": self.agency,
                "subject": self.subject,
                "recipient": self.recipient,
                "view": self.view,
                "outcome": self.outcome,
                "ground": self.ground,
                "digest": self.digest,
                "signer": self.signer,
            }
        )

    @staticmethod
    def from_bytes(raw: bytes) -> "ActRecord":
        """Read a record of an act, or raise `Unreadable`."""
        record = _read_act(raw)
        if record._dump() != raw:
            raise Unreadable("record: not in its one byte form")
        return record

    @property
    def says(self) -> str:
        """What happened, as one sentence for a person."""
        consent = f"consent {self.subject.hex()[:12]}"
        if self.act == CONSENT_WITHDRAWN:
            return f"{self.signer} withdrew {consent}."
        if self.act == ERASURE_ORDERED:
            how = "which it had retrieved" if self.outcome == "retrieved" else "which it had not retrieved"
            return f"{self.recipient} was told to erase a copy that rests on {consent}, {how}."
        if self.act == ERASURE_CONFIRMED:
            done = {"erased": "erased its copy", "not-here": "has no copy", "impossible": "must keep its copy"}
            why = f" ({self.ground})" if self.ground else ""
            return f"{self.signer} says that it {done[self.outcome]} that rests on {consent}{why}."
        if self.act == LOOKED_UP:
            what = {"logged-in": "logged in to the console", "searched": "searched the records"}
            what |= {"viewed": "looked at a record", "exported": "exported records"}
            what |= {"handed-in": "handed a proposal in", "reviewed": "looked at a proposal"}
            what |= {"fetched": "took a copy of a proposal", "discarded": "took a proposal off the console"}
            what |= {"saved": "saved a search", "forgotten": "removed a saved search"}
            return f"{self.signer} {what[self.outcome]}."
        if self.act == RECORDS_EXPIRED:
            first, until, days = expired_range(self.subject)
            return f"The records of leaves {first} to {until - 1} expired, {days} days after they were written."
        if self.act == RECORDS_HELD:
            first, until, ends = held_range(self.subject)
            which = f"the records of leaves {first} to {until - 1}"
            day = datetime.fromtimestamp(ends / 1000, UTC).strftime("%Y-%m-%d")
            if self.outcome == "released":
                return f"{self.signer} released {which}, which were held until {day}."
            return f"{self.signer} holds {which} until {day} ({self.ground}): they do not expire before."
        if self.act == ALARM_RAISED:
            return f"The adapter of {self.signer} raised an alarm: {self.outcome}."
        if self.act == LEAK_SUSPECTED:
            return f"{self.signer} keeps words of message {self.subject.hex()} aside: they seem to identify somebody."
        if self.act == LEAK_RELEASED:
            return f"{self.signer} released the words of message {self.subject.hex()} kept aside ({self.outcome})."
        if self.act in STEPS:
            about = f"The view of message {self.subject.hex()} for {self.recipient}"
            if self.act == VIEW_DELIVERED:
                return f"{about} was handed over to a connection of its own."
            why = "expired" if self.act == VIEW_EXPIRED else "was taken away, for its recipient is shut out,"
            return f"{about} {why} {self.outcome}."
        if self.act == UNREAD_ESCALATED:
            who = {"contact": self.recipient, "deputies": "its deputies", "duty-desk": "its agency's duty desk"}
            told = who.get(self.outcome, "the sender, to telephone")
            return f"Urgent message {self.subject.hex()} waits unopened for {self.recipient}: told {told}."
        if self.act == MESSAGE_RECALLED:
            return f"{self.signer} {self.outcome} message {self.subject.hex()}."
        if self.act == RECALL_ORDERED:
            return f"{self.recipient} was told that message {self.subject.hex()} is {self.outcome}."
        if self.act == VIEW_ACKNOWLEDGED and self.outcome in ("recall-confirmed", "not-here"):
            does = "keeps people from" if self.outcome == "recall-confirmed" else "never got"
            return f"{self.signer} {does} the view of message {self.subject.hex()}, which its sender took back."
        if self.act == VIEW_ACKNOWLEDGED and self.outcome == "deleted":
            return f"{self.signer} deleted its copy of message {self.subject.hex()}: the time to keep it is over."
        if self.act == VIEW_ACKNOWLEDGED:
            why = f" ({self.ground})" if self.ground else ""
            return f"{self.signer} {self.outcome} the view of message {self.subject.hex()}{why}."
        return f"{self.signer} reviewed the broken glass of a view to {self.recipient}: {self.outcome}."


def expired_subject(first: int, until: int, days: int) -> bytes:
    """The subject of records that expired: from which leaf, until before which (6 bytes each), after how many days."""
    return first.to_bytes(6) + until.to_bytes(6) + days.to_bytes(4)


def expired_range(subject: bytes) -> tuple[int, int, int]:
    """The same, read."""
    return int.from_bytes(subject[:6]), int.from_bytes(subject[6:12]), int.from_bytes(subject[12:])


def held_subject(first: int, until: int, ends: int) -> bytes:
    """The subject of records that are held: from which leaf, until before which (5 bytes each), until when (6)."""
    return first.to_bytes(5) + until.to_bytes(5) + ends.to_bytes(6)


def held_range(subject: bytes) -> tuple[int, int, int]:
    """The same, read."""
    return int.from_bytes(subject[:5]), int.from_bytes(subject[5:10]), int.from_bytes(subject[10:])


def read_record(raw: bytes) -> Record | TrustRecord | ActRecord:
    """Read a record of any form, or raise `Unreadable`."""
    value = cbor.loads(raw, max_bytes=MAX_RECORD_BYTES)
    form = value.get("type") if isinstance(value, dict) else None
    if form == ACT:
        return ActRecord.from_bytes(raw)
    return TrustRecord.from_bytes(raw) if form == TRUST else Record.from_bytes(raw)


def leaf(salt: bytes, record: bytes) -> bytes:
    """The commitment that the log holds: SHA-256(pae("record", salt || record))."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes")
    return digest("record", salt + record)


def submission_record(
    *,
    at: int,
    epoch: int,
    by: str,
    agency: str,
    submission: bytes,
    outcome: str,
    rules: tuple[str, ...] = (),
    message: bytes | None = None,
    manifest: bytes | None = None,
    sender: str | None = None,
    kind: str | None = None,
) -> Record:
    """What became of one submission as a whole. What could not be read of it stays None."""
    return Record(
        type=SUBMISSION,
        at=at,
        epoch=epoch,
        by=by,
        agency=agency,
        message=message,
        submission=submission,
        manifest=manifest,
        sender=sender,
        recipient=None,
        kind=kind,
        outcome=outcome,
        rules=rules,
        sections=(),
        view=None,
    )


def decision_record(
    *,
    facts: Facts | None = None,
    at: int,
    epoch: int,
    by: str,
    agency: str,
    submission: bytes,
    message: bytes,
    manifest: bytes,
    sender: str,
    recipient: str,
    kind: str,
    outcome: str,
    rules: tuple[str, ...],
    sections: tuple[tuple[str, str, str], ...],
    view: bytes | None,
) -> Record:
    """The decision for one recipient; `view` is the digest of what was stored for it, None where it was refused."""
    return Record(
        type=DECISION,
        at=at,
        epoch=epoch,
        by=by,
        agency=agency,
        message=message,
        submission=submission,
        manifest=manifest,
        sender=sender,
        recipient=recipient,
        kind=kind,
        outcome=outcome,
        rules=rules,
        sections=sections,
        view=view,
        facts=facts,
    )


def retrieval_record(
    *,
    at: int,
    epoch: int,
    by: str,
    agency: str,
    submission: bytes,
    recipient: str | None,
    view: bytes | None,
    outcome: str = RETRIEVED,
    rules: tuple[str, ...] = (),
    message: bytes | None = None,
    manifest: bytes | None = None,
    sender: str | None = None,
    kind: str | None = None,
) -> Record:
    """A recipient's signed word that it has a view: `agency` is the recipient's, `submission` that word's digest."""
    return Record(
        type=RETRIEVAL,
        at=at,
        epoch=epoch,
        by=by,
        agency=agency,
        message=message,
        submission=submission,
        manifest=manifest,
        sender=sender,
        recipient=recipient,
        kind=kind,
        outcome=outcome,
        rules=rules,
        sections=(),
        view=view,
    )


def trust_record(
    *,
    at: int,
    epoch: int,
    by: str,
    step: str,
    digest: bytes,
    signers: tuple[str, ...],
    subject: str | None = None,
    number: int | None = None,
) -> TrustRecord:
    """Something that changed whom, or which key, the task force trusts; `signers` in any order."""
    return TrustRecord(
        at=at,
        epoch=epoch,
        by=by,
        step=step,
        subject=subject,
        number=number,
        digest=digest,
        signers=tuple(sorted(set(signers))),
    )


def act_record(
    *,
    at: int,
    epoch: int,
    by: str,
    act: str,
    subject: bytes,
    outcome: str,
    digest: bytes,
    signer: str,
    agency: str | None = None,
    recipient: str | None = None,
    view: bytes | None = None,
    ground: str | None = None,
) -> ActRecord:
    """What somebody did about something that was shared."""
    return ActRecord(
        at=at,
        epoch=epoch,
        by=by,
        act=act,
        agency=agency,
        subject=subject,
        recipient=recipient,
        view=view,
        outcome=outcome,
        ground=ground,
        digest=digest,
        signer=signer,
    )


def _read_act(raw: bytes) -> ActRecord:
    fields = read_map(raw, "record", _ACT_NAMES, max_bytes=MAX_RECORD_BYTES)
    fields.version()
    if fields.code("type") != ACT:
        raise Unreadable("record: not one of an act")
    act = fields.choice("act", frozenset(ACTS))
    record = ActRecord(
        at=fields.uint("at"),
        epoch=fields.uint("epoch"),
        by=fields.handle("by", "w"),
        act=act,
        agency=fields.handle_or_none("agency", "a"),
        subject=fields.octets("subject", 16),
        recipient=fields.handle_or_none("recipient", "c"),
        view=fields.octets_or_none("view", 32),
        outcome=(outcome := fields.choice("outcome", ACTS[act])),
        ground=None if fields.raw("ground") is None else fields.choice("ground", _GROUNDS.get(outcome, frozenset())),
        digest=fields.octets("digest", 32),
        signer=fields.handle("signer", SIGNERS),
    )
    about_copy = record.act not in _ABOUT_NO_COPY
    if {record.recipient is None, record.view is None} != {not about_copy}:
        raise Unreadable("record: an act about a copy names recipient and view, and any other neither")
    if (record.ground is not None) != (record.outcome in _GROUNDS):
        raise Unreadable("record: a ground goes with a copy kept, a view rejected or records held, and nothing else")
    if record.act in (*STEPS, UNREAD_ESCALATED, RECORDS_EXPIRED) and record.signer[0] != "w":
        raise Unreadable("record: a worker hands over and takes away")
    if record.act == ALARM_RAISED and (record.agency is None or record.signer[0] != "c"):
        raise Unreadable("record: an alarm is raised by the adapter of an agency's contact")
    if record.act == RECORDS_HELD and (record.agency is not None or record.signer[0] != "o"):
        raise Unreadable("record: an officer holds records, and no agency")
    if record.act == RECORDS_HELD and held_range(record.subject)[2] > _LATEST:
        raise Unreadable("record: a hold ends some day")
    if record.act == RECORDS_EXPIRED and record.agency is not None:
        raise Unreadable("record: no agency has records expire")
    if record.act in _OWN and record.signer != record.recipient:
        raise Unreadable("record: what becomes of a copy is said by its recipient")
    return record


def _read_trust(raw: bytes) -> TrustRecord:
    fields = read_map(raw, "record", _TRUST_NAMES, max_bytes=MAX_RECORD_BYTES)
    fields.version()
    if fields.code("type") != TRUST:
        raise Unreadable("record: not one about trust")
    what = "record: signers"
    record = TrustRecord(
        at=fields.uint("at"),
        epoch=fields.uint("epoch"),
        by=fields.handle("by", "w"),
        step=fields.choice("step", TRUST_STEPS),
        subject=fields.handle_or_none("subject", SIGNERS),
        number=fields.uint_or_none("number"),
        digest=fields.octets("digest", 32),
        signers=as_set(tuple(as_handle(s, what, SIGNERS) for s in fields.items("signers", MAX_SIGNERS)), what),
    )
    about_key = record.step in (KEY_STATED, KEY_DESTROYED)
    if about_key != (record.number is not None):
        raise Unreadable("record: a number goes with an encryption key, and with nothing else")
    if about_key and (record.subject is None or record.subject not in record.signers):
        raise Unreadable("record: an encryption key is stated and destroyed by its contact")
    if record.step == EPOCH and record.subject is not None:
        raise Unreadable("record: an epoch is about nobody alone")
    if record.step in codes.STEP and not record.signers:
        raise Unreadable("record: a step of a ceremony is signed")
    return record


def _read(raw: bytes) -> Record:
    fields = read_map(raw, "record", _NAMES, maybe=(_FACTS,), max_bytes=MAX_RECORD_BYTES)
    fields.version()
    record = Record(
        type=fields.code("type"),
        at=fields.uint("at"),
        epoch=fields.uint("epoch"),
        by=fields.handle("by", "w"),
        agency=fields.handle("agency", "a"),
        message=fields.octets_or_none("message", 16),
        submission=fields.octets("submission", 32),
        manifest=fields.octets_or_none("manifest", 32),
        sender=fields.handle_or_none("sender", "c"),
        recipient=fields.handle_or_none("recipient", "c"),
        kind=fields.code_or_none("kind"),
        outcome=fields.code("outcome"),
        rules=fields.codes("rules"),
        sections=_sections(fields),
        view=fields.octets_or_none("view", 32),
        facts=_facts(fields) if fields.has(_FACTS) else None,
    )
    _check_whole(record)
    return record


def _facts_value(facts: Facts) -> Value:
    header, common, sections = facts
    return [list(header), list(common), [[media, list(r), list(f), list(own)] for media, r, f, own in sections]]


def _facts(fields: Fields) -> Facts:
    what = "record: facts"
    header, common, sections = as_tuple(fields.raw(_FACTS), what, 3)
    found: list[Considered] = []
    for item in as_list(sections, what, MAX_SECTIONS):
        media, roles, flags, own = as_tuple(item, what, 4)
        found.append(
            (
                as_code(media, what),
                _sorted_codes(roles, what),
                _sorted_codes(flags, what),
                _sorted_codes(own, what),
            )
        )
    codes = tuple(as_code(code, what) for code in as_list(header, what, MAX_HEADER))
    return codes, _sorted_codes(common, what), tuple(found)


def _sorted_codes(value: Value, what: str) -> tuple[str, ...]:
    return as_set(tuple(as_code(item, what) for item in as_list(value, what, MAX_SECTIONS)), what)


def _sections(fields: Fields) -> tuple[tuple[str, str, str], ...]:
    found: list[tuple[str, str, str]] = []
    for item in fields.items("sections", MAX_SECTIONS):
        name, kind, outcome = (as_code(text, "record: sections") for text in as_tuple(item, "record: section", 3))
        found.append((name, kind, outcome))
    return tuple(found)


def _check_whole(record: Record) -> None:
    """What the fields must say together."""
    if record.type not in TYPES:
        raise Unreadable("record: not a submission, decision or retrieval")
    if record.facts is not None and (record.type != DECISION or len(record.facts[2]) != len(record.sections)):
        raise Unreadable("record: facts go with a decision, one for each of its sections")
    if record.type == SUBMISSION and (record.view is not None or record.recipient is not None):
        raise Unreadable("record: a submission names no recipient and no view")
    if record.type == DECISION:
        if None in (record.message, record.manifest, record.sender, record.recipient, record.kind):
            raise Unreadable("record: a decision names message, manifest, kind, sender and recipient")
        if (record.outcome == PERMITTED) != (record.view is not None):
            raise Unreadable("record: a decision names a view exactly where it permits")
    elif record.outcome == PERMITTED:
        raise Unreadable("record: only a decision permits")
    if record.outcome == RETRIEVED and (record.type != RETRIEVAL or record.view is None or record.recipient is None):
        raise Unreadable("record: a retrieval names recipient and view")
