"""A small genuine log, made here from nothing but `audit`'s own builders and Ed25519 keys, to be damaged by tests.

Four submissions: a message to two recipients (both permitted, the first view already retrieved), something unreadable,
a message to two recipients of whom one is refused, and the retrieval.
"""

import copy
import dataclasses
from collections.abc import Sequence
from hashlib import blake2b, sha256
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.checkpoint import Checkpoint, VerifierKey, sign_checkpoint
from audit.expiry import digest_of
from audit.logdir import DeliveryLine, EntryLine, RecordLine, write_log_dir
from audit.readers import cbor
from audit.readers.cbor import Value
from audit.readers.envelope import manifest_digest, view_digest
from audit.readers.signed import Signed, digest, pae, write_signed
from audit.record import (
    ActRecord,
    Record,
    TrustRecord,
    act_record,
    decision_record,
    expired_subject,
    held_subject,
    leaf,
    retrieval_record,
    submission_record,
    trust_record,
)
from audit.tree import leaf_hash, root_of

T0 = 1_780_000_000_000
HOUR = 3_600_000
ORIGIN = "harbour-task-force/safeconduct-log"
WORKER = "w" + "b" * 12
AGENCY = "a" + "b" * 12
NGO = "a" + "c" * 12
SENDER = "c" + "s" * 12
FIRST = "c" + "d" * 12
SECOND = "c" + "e" * 12


def some(name: str, length: int = 32) -> bytes:
    """Bytes that look random and are the same every time."""
    return (sha256(name.encode()).digest() * (1 + length // 32))[:length]


def message_id(name: str) -> bytes:
    """A UUID of version 4 that is the same every time."""
    return UUID(bytes=some(name, 16), version=4).bytes


def private(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(some("key " + name))


def public(name: str) -> bytes:
    return private(name).public_key().public_bytes_raw()


LOG_KEY = VerifierKey(name=ORIGIN, public=public("log"))


def signed(tag: str, body: bytes, by: str = WORKER, key: str = WORKER) -> bytes:
    return write_signed(Signed(body=body, by=by, sig=private(key).sign(pae(tag, body)), tag=tag))


def head_over(leaves: list[bytes], key: str = "log") -> bytes:
    head = Checkpoint(origin=ORIGIN, size=len(leaves), root=root_of(leaves))
    return sign_checkpoint(head, VerifierKey(name=ORIGIN, public=public(key)), private(key).sign)


def make_view(
    name: str,
    recipient: str,
    withheld: tuple[str, ...] = ("A02/identity",),
    kind: str = "A01/report",
    granted: tuple[str, ...] = ("a01.1",),
) -> tuple[bytes, bytes]:
    """A view with one section, signed by the sender; returns its bytes and those of its manifest.

    `kind` is what the section's description says outside, `granted` what the grant says it opens.
    """
    ciphertext, grant = some(name + " ciphertext", 100), some(name + recipient + " grant", 1136 + 32 * len(granted))
    section: dict[str, Value] = {
        "salt": some(name + "s", 16),
        "name": "a01.1",
        "type": "A01",
        "part": "report",
        "media": "application/json",
        "roles": [],
        "flags": ["Q"],
        "size": 60,
        "digest": sha256(ciphertext).digest(),
        "commitment": some(name + " commitment"),
    }
    detail: dict[str, Value] = {
        "salt": some(name + "g", 16),
        "recipient": recipient,
        "agreement": "AGR-1",
        "key": some("key id", 16),
        "sections": [*granted],
        "digest": sha256(grant).digest(),
        "thread": some("thread", 16),
        "case": None,
    }
    openings: list[Value] = []
    digests: list[bytes] = []
    described = [(kind, section), ("grant", detail), *((other, None) for other in withheld)]
    for stated, content in described:
        raw = cbor.dumps(content) if content else b"never shown"
        outer = cbor.dumps([some(name + stated, 16), stated, digest("description-detail", raw)])
        openings.append({"outer": outer, "detail": raw if content else None})
        digests.append(digest("description", outer))
    while len(digests) < 4:
        digests.append(some(f"{name} filler {len(digests)}"))
    manifest = cbor.dumps(
        {
            "v": 1,
            "id": message_id(name + " id"),
            "kind": "INTEL-REPORT",
            "sender": SENDER,
            "purpose": "INVESTIGATE",
            "basis": "LED-9(3)",
            "area": "THB-LAB",
            "handling": {"tlp": "AMBER", "h": "H1", "pap": "AMBER", "caveats": [], "rel_to": ["NL", "RO"]},
            "urgency": "ISD-NORMAL",
            "lineage": "ORIGINAL",
            "evidence_use": "INTELLIGENCE-ONLY",
            "created": T0,
            "expires": T0 + HOUR,
            "exercise": False,
            "epoch": 7,
            "checkpoint": [3, some("root")],
            "digests": [*sorted(digests)],
        }
    )
    view = cbor.dumps(
        {
            "v": 1,
            "manifest": manifest,
            "sig": private(SENDER).sign(pae("manifest", manifest)),
            "openings": openings,
            "sections": {"a01.1": ciphertext},
            "grant": grant,
            "attestations": [],
        }
    )
    return view, manifest


@dataclasses.dataclass
class Parts:
    """Everything that an exported log holds, open to damage."""

    leaves: list[bytes]
    records: list[RecordLine]
    entries: list[EntryLine]
    deliveries: list[DeliveryLine]
    workers: dict[str, bytes]
    vkey: str
    checkpoint: bytes

    def copy(self) -> "Parts":
        return copy.deepcopy(self)

    def sign_head(self) -> None:
        """What only a dishonest operator can do after the fact."""
        self.checkpoint = head_over(self.leaves)

    def write(self, directory: Path) -> Path:
        write_log_dir(
            directory,
            leaves=self.leaves,
            records=self.records,
            entries=self.entries,
            deliveries=self.deliveries,
            workers=self.workers,
            vkey=self.vkey,
            checkpoint=self.checkpoint,
        )
        return directory


def empty() -> Parts:
    return Parts([], [], [], [], {WORKER: public(WORKER)}, str(LOG_KEY), head_over([]))


class Broker:
    """Does what the broker does, one write at a time, in the order of the real one."""

    def __init__(self) -> None:
        self.parts = empty()
        self.states: list[tuple[str, Parts, int]] = []  # after every single write: what was written, all, unsequenced
        self.seq = 0
        self.unsequenced = 0
        self._wrote("the empty head")

    def _wrote(self, what: str) -> None:
        self.states.append((what, self.parts.copy(), self.unsequenced))

    def admit(
        self,
        agency: str,
        key: str,
        submission: bytes,
        records: Sequence[Record | TrustRecord | ActRecord],
        views: list[tuple[str, str, bytes, bytes]] | None = None,
        sequence: bool = True,
    ) -> None:
        """Store an entry with its views in one batch, then its records, its leaves and the head."""
        raws = [record.to_bytes() for record in records]
        salts = [some(f"salt {self.seq} {number}") for number in range(len(raws))]
        leaves = [leaf(salt, raw) for salt, raw in zip(salts, raws, strict=True)]
        outcomes: list[Value] = [
            {"recipient": r.recipient, "outcome": r.outcome, "rules": list(r.rules), "leaf": leaf_hash(item)}
            for r, item in zip(records, leaves, strict=True)
            if isinstance(r, Record) and r.type == "decision"
        ]
        evidence = cbor.dumps(
            {
                "v": 1,
                "type": "SubmissionAcceptance",
                "submission": submission,
                "message": records[0].message if isinstance(records[0], Record) else None,
                "at": records[0].at,
                "epoch": 7,
                "code": None,
                "outcomes": outcomes,
                "leaf": leaf_hash(leaves[0]),
                "include_by": records[0].at + 600_000,
            }
        )
        views = views or []
        body = cbor.dumps(
            {
                "v": 1,
                "submission": submission,
                "evidence": signed("evidence", evidence),
                "records": [[salt, raw] for salt, raw in zip(salts, raws, strict=True)],
                "views": [[view_id, recipient, view_digest(view)] for view_id, recipient, view, _ in views],
            }
        )
        parts = self.parts
        self.seq += 1
        parts.entries.append(EntryLine(seq=self.seq, subject=f"entry.{agency}.{key}", entry=signed("entry", body)))
        self.unsequenced += 1
        for view_id, recipient, view, manifest in views:
            at, record = next(
                (i, r) for i, r in enumerate(records) if isinstance(r, Record) and r.view == view_digest(view)
            )
            stamp = cbor.dumps(
                {
                    "v": 1,
                    "view": view_digest(view),
                    "manifest": manifest_digest(manifest),
                    "recipient": recipient,
                    "outcome": "permitted",
                    "rules": list(record.rules),
                    "epoch": 7,
                    "admitted": record.at,
                    "leaf": leaf_hash(leaves[at]),
                    "include_by": record.at + 600_000,
                }
            )
            delivery = cbor.dumps(
                {"v": 1, "view": view, "stamp": signed("stamp", stamp), "record": raws[at], "salt": salts[at]}
            )
            subject = f"deliver.{NGO}.{recipient}.normal.{view_id}"
            self.seq += 1
            parts.deliveries.append(DeliveryLine(subject=subject, delivery=delivery))
        self._wrote("entry and views")
        if not sequence:
            return
        for salt, raw in zip(salts, raws, strict=True):
            parts.records.append(RecordLine(index=len(parts.records), salt=salt, record=raw))
            self._wrote("a record")
        parts.leaves += leaves
        self.unsequenced -= 1
        self._wrote("the leaves")
        parts.sign_head()
        self._wrote("the head")

    def message(self, name: str, at: int, outcomes: dict[str, str], sequence: bool = True) -> None:
        """One message; `outcomes` says permitted or refused for each recipient."""
        submission, message = some(name + " submission"), message_id(name + " id")
        common = {"at": at, "epoch": 7, "by": WORKER, "agency": AGENCY, "submission": submission, "message": message}
        views: list[tuple[str, str, bytes, bytes]] = []
        decisions: list[Record] = []
        manifest = b""
        for recipient, outcome in outcomes.items():
            view, manifest = make_view(name, recipient)
            permitted = outcome == "permitted"
            if permitted:
                views.append((some(name + recipient, 16).hex(), recipient, view, manifest))
            decisions.append(
                decision_record(
                    **common,  # type: ignore[arg-type]
                    manifest=manifest_digest(manifest),
                    sender=SENDER,
                    recipient=recipient,
                    kind="INTEL-REPORT",
                    outcome=outcome,
                    rules=("designated-contact", "agreement") if permitted else ("no-rule-permits",),
                    sections=(("a01.1", "A01/report", outcome),),
                    view=view_digest(view) if permitted else None,
                )
            )
        whole = submission_record(
            **common,  # type: ignore[arg-type]
            outcome="accepted",
            manifest=manifest_digest(manifest),
            sender=SENDER,
            kind="INTEL-REPORT",
        )
        self.admit(AGENCY, message.hex(), submission, [whole, *decisions], views, sequence)

    def unreadable(self, name: str, at: int) -> None:
        submission = some(name)
        record = submission_record(
            at=at, epoch=7, by=WORKER, agency=AGENCY, submission=submission, outcome="refused", rules=("malformed",)
        )
        self.admit(AGENCY, "x" + submission[:16].hex(), submission, [record])

    def retrieval(self, name: str, recipient: str, at: int) -> None:
        """The recipient signs for its view; afterwards the view leaves the store."""
        view, _ = make_view(name, recipient)
        submission = some(name + recipient + " retrieval")
        view_id = some(name + recipient, 16).hex()
        record = retrieval_record(
            at=at, epoch=7, by=WORKER, agency=NGO, submission=submission, recipient=recipient, view=view_digest(view)
        )
        self.admit(NGO, "r" + view_id, submission, [record])
        self.parts.deliveries = [line for line in self.parts.deliveries if not line.subject.endswith(view_id)]
        self._wrote("the purge of the view")

    def trust(self, record: TrustRecord, sequence: bool = True) -> None:
        """One word about trust; what the operator announces is named by its own digest."""
        form = {"epoch": "e", "key-statement": "s", "key-destroyed": "d"}.get(record.step, "c")
        about = str(record.epoch) if form == "e" else f"{record.subject}|{record.number}"
        key = form + blake2b(about.encode(), digest_size=16).hexdigest()
        if form == "c":
            key = form + record.digest[:16].hex()
        agency = "operator" if form in "ce" else NGO
        submission = record.digest if form in "ce" else some(f"submission of {key}")
        self.admit(agency, key, submission, [record], sequence=sequence)

    def epoch(self, number: int, at: int, digest: bytes = b"") -> None:
        """An epoch of the trust bundle takes effect."""
        named = digest or some(f"epoch {number}")
        officers = ("o" + "a" * 12, "o" + "b" * 12)
        self.trust(trust_record(at=at, epoch=number, by=WORKER, step="epoch", digest=named, signers=officers))

    def expire(self, first: int, until: int, at: int, days: int = 365, digest: bytes = b"") -> None:
        """The records of these leaves expire; they are still there."""
        subject = expired_subject(first, until, days)
        record = act_record(
            at=at, epoch=7, by=WORKER, act="records-expired", subject=subject, outcome="expired", signer=WORKER,
            digest=digest or digest_of(self.parts.leaves[first:until]),
        )  # fmt: skip
        self.admit("operator", "p" + subject.hex(), record.digest, [record])

    def hold(self, first: int, until: int, ends: int, at: int, *, officer: str = "a", released: bool = False) -> None:
        """An officer holds the records of these leaves, or releases them."""
        record = act_record(
            at=at, epoch=7, by=WORKER, act="records-held", subject=held_subject(first, until, ends),
            outcome="released" if released else "held", ground=None if released else "court-order",
            digest=some(f"{officer} at {at}"), signer="o" + officer * 12,
        )  # fmt: skip
        key = "h" + sha256(record.digest + record.subject).hexdigest()[:32]
        self.admit("operator", key, record.digest, [record])

    def key(self, number: int, at: int, step: str = "key-statement", contact: str = FIRST) -> None:
        """A contact states an encryption key, or says that one is destroyed."""
        named = some(f"{step} {number} of {contact}")
        self.trust(
            trust_record(
                at=at, epoch=7, by=WORKER, step=step, digest=named, signers=(contact,), subject=contact, number=number
            )
        )


def run() -> Broker:
    """The whole story: 8 leaves, 4 entries, 2 deliveries."""
    broker = Broker()
    broker.message("one", T0, {FIRST: "permitted", SECOND: "permitted"})
    broker.unreadable("noise", T0 + 1000)
    broker.message("two", T0 + 2000, {FIRST: "permitted", SECOND: "refused"})
    broker.retrieval("one", FIRST, T0 + 3000)
    return broker


def genuine() -> Parts:
    return run().parts
