"""A packet: one message with all that proves it, in one file; written by an agency, checked by anybody, offline.

Or the log's records of one message, as a broker has them: it holds no message, and the steps that need one say so.

`write` makes its one byte form, `read` gives its shape, `check` goes through it in numbered steps and says of each what
held, in plain words, and at the end what could not be checked. It trusts one thing: the root of trust, which whoever
checks has from elsewhere (or takes from the packet, and is told so). Mandates and keys are those of the trust bundle
that was in force when the message was admitted, so a packet holds as long as it is kept.

    1 packet     it is one, complete, in its one byte form, and holds nothing that no step looks at
    2 root       each root of trust is signed by those whom the one before names
    3 bundle     officers and heads signed the parts of the trust bundle, and their signatures were in date
    4 epoch      the log holds this bundle as that of its epoch
    5 contacts   sender, and recipient of what was received, had a mandate at creation and at admission
    6 message    the sender signed the manifest, and everything described is what was signed
    7 papers     whatever is attested beside the message is signed by whom it says
    8 broker     a worker's stamp (or evidence) is about exactly these bytes
    9 record     the decision's record says the same, and is the one that the log was promised; or what the records say
   10 retrieval  the recipient signed that it got this view
   11 log        every leaf that was promised is in the log, under a head that the log's key signed
   12 witnesses  enough of the witnesses whom the trust bundle names cosigned each of these heads

A step whose object is not in the packet is not left out silently: it is named as not checked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, NoReturn

from audit import checkpoint
from audit.errors import AuditError, BadSignature, NotComparable, ProofFailed, Unreadable
from audit.findings import many
from audit.proofs import verify_inclusion
from audit.readers import bounds, cbor, entries, envelope
from audit.readers.bundle import Contact, Part, Trust, read_part, roots, trust
from audit.readers.cbor import Value
from audit.readers.envelope import Delivery, Manifest
from audit.readers.fields import Fields, as_bytes, as_handle, as_text, as_tuple, read_map
from audit.readers.signed import Signed, digest, read_signed, verify
from audit.readers.trust import read_epoch_statement
from audit.record import (
    DECISION,
    PERMITTED,
    RETRIEVAL,
    SUBMISSION,
    ActRecord,
    Record,
    TrustRecord,
    leaf,
    read_record,
)
from audit.tree import leaf_hash
from audit.witness import NEEDED, cosignatures

MAX_BYTES: Final = cbor.MAX_BYTES
RECEIVED, SENT, RECORDED = "received", "sent", "recorded"
_FILES: Final = 2_000
_LISTS: Final = bounds.GRANTS + 1  # of each recipient's agency, and of the sender's
_LINES: Final = 20_000
_PATH: Final = 64
_RECORDS: Final = 2 * bounds.GRANTS - 1  # with the record of the epoch as many as there may be proofs


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """That a leaf stands in the log, with the head that it leads to."""

    leaf: bytes  # its hash
    index: int
    size: int
    path: tuple[bytes, ...]
    head: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What the log holds about the epoch: its statement, this extract's place in it, and the salted record."""

    statement: bytes
    index: int
    path: tuple[bytes, ...]
    lines: tuple[str, ...]  # of all lists of contacts of the extract
    salt: bytes
    record: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A packet's shape. Nothing in it is proved."""

    kind: str  # RECEIVED: `message` is a delivery; SENT: an envelope; RECORDED: what `write_records` makes
    message: bytes
    evidence: bytes | None  # a worker's signed evidence about what was sent
    retrieval: bytes | None  # the recipient's signed retrieval evidence
    epoch: int
    audience: str  # the agency whose extract of the trust bundle this is
    roots: tuple[bytes, ...]
    top: bytes
    lists: Mapping[str, bytes]  # signed lists of contacts by agency
    files: tuple[bytes, ...]
    stated: Stated | None
    proofs: tuple[Proof, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One step: what held, or why it does not."""

    name: str
    holds: bool
    says: str
    comparable: bool = True  # False: nothing is broken; what whoever checks gave does not meet the packet


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What `check` found: steps up to the first that does not hold, and what could not be checked."""

    steps: tuple[Told, ...]
    unchecked: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return all(step.holds for step in self.steps)

    @property
    def comparable(self) -> bool:
        """Whether the packet could be held against the root that was given; where not, it neither holds nor breaks."""
        return all(step.comparable for step in self.steps)


def write(packet: Packet) -> bytes:
    """The packet's one byte form."""
    stated = packet.stated
    said: Value = None
    if stated is not None:
        said = {
            "statement": stated.statement,
            "index": stated.index,
            "path": list(stated.path),
            "lines": list(stated.lines),
            "salt": stated.salt,
            "record": stated.record,
        }
    lists: dict[str, Value] = dict(packet.lists)
    return cbor.dumps(
        {
            "v": 1,
            "kind": packet.kind,
            "message": packet.message,
            "evidence": packet.evidence,
            "retrieval": packet.retrieval,
            "epoch": packet.epoch,
            "audience": packet.audience,
            "roots": list(packet.roots),
            "top": packet.top,
            "lists": lists,
            "files": list(packet.files),
            "stated": said,
            "proofs": [
                {"leaf": p.leaf, "index": p.index, "size": p.size, "path": list(p.path), "head": p.head}
                for p in packet.proofs
            ],
        }
    )


def write_records(records: Sequence[tuple[bytes, bytes]]) -> bytes:
    """What stands for the message where there are only records of it, each with its salt."""
    return cbor.dumps({"v": 1, "records": [[salt, record] for salt, record in records]})


def read(raw: bytes) -> Packet:
    """Read a packet's shape, or raise `Unreadable`."""
    names = "v kind message evidence retrieval epoch audience roots top lists files stated proofs"
    fields = read_map(raw, "packet", names.split(), max_bytes=MAX_BYTES)
    fields.version()
    lists = fields.raw("lists")
    if not isinstance(lists, dict) or len(lists) > _LISTS:
        raise Unreadable(f"packet: lists is not a map of at most {_LISTS} lists")
    packet = Packet(
        kind=fields.choice("kind", {RECEIVED, SENT, RECORDED}),
        message=fields.octets("message"),
        evidence=fields.octets_or_none("evidence"),
        retrieval=fields.octets_or_none("retrieval"),
        epoch=fields.uint("epoch"),
        audience=fields.handle("audience", "a"),
        roots=_many(fields, "roots", _FILES),
        top=fields.octets("top"),
        lists={as_handle(k, "packet: lists", "a"): as_bytes(v, "packet: lists") for k, v in lists.items()},
        files=_many(fields, "files", _FILES),
        stated=_stated(fields.raw("stated")),
        proofs=tuple(_proof(item) for item in fields.items("proofs", 2 * bounds.GRANTS)),
    )
    if write(packet) != raw:
        raise Unreadable("packet: not in its one byte form")
    return packet


def _many(fields: Fields, name: str, most: int, length: int | None = None) -> tuple[bytes, ...]:
    return tuple(as_bytes(item, f"{fields.what}: {name}", length) for item in fields.items(name, most))


def _stated(value: Value) -> Stated | None:
    if value is None:
        return None
    fields = Fields(value, "packet: stated", ("statement", "index", "path", "lines", "salt", "record"))
    return Stated(
        statement=fields.octets_within("statement", 1, bounds.ATTESTATION_BYTES),
        index=fields.uint("index"),
        path=_many(fields, "path", _PATH, bounds.DIGEST),
        lines=tuple(as_text(item, "packet: lines", 128) for item in fields.items("lines", _LINES)),
        salt=fields.octets("salt", 32),
        record=fields.octets_within("record", 1, bounds.ATTESTATION_BYTES),
    )


def _proof(value: Value) -> Proof:
    fields = Fields(value, "packet: proof", ("leaf", "index", "size", "path", "head"))
    return Proof(
        leaf=fields.octets("leaf", bounds.DIGEST),
        index=fields.uint("index"),
        size=fields.uint("size"),
        path=_many(fields, "path", _PATH, bounds.DIGEST),
        head=fields.octets_within("head", 1, checkpoint.MAX_NOTE_BYTES),
    )


def leaf_of(stated: Stated) -> bytes:
    """The leaf hash of the log's record about the epoch."""
    return leaf_hash(leaf(stated.salt, stated.record))


def check(raw: bytes, root: bytes | None = None) -> Verdict:
    """Go through a packet. `root`: the root of trust that whoever checks knows; without it the packet's own is taken.

    Never raises for what the bytes hold: a step that does not hold is the last one. A root from before or after those
    in the packet makes it not comparable, which is neither: it does not hold, and nothing of it is broken.
    """
    return _Check(raw, root).run()


class _Check:
    """One pass; each step leaves behind what the next ones stand on."""

    packet: Packet
    delivery: Delivery | None
    records: "_Records | None"  # of a packet that has nothing else
    manifest: Manifest  # of every other one
    root: Part
    trust: Trust

    def __init__(self, raw: bytes, root: bytes | None) -> None:
        self._raw = raw
        self._known = root
        self._unchecked: list[str] = []
        self._promised: dict[bytes, str] = {}  # leaf hashes, and whose they are
        self._unvouched: set[bytes] = set()  # those that no signature in the packet promised: the log alone has them
        self._heads: dict[bytes, int] = {}  # notes of the log's heads, and their sizes
        self._at = 0  # when the broker admitted it
        self.delivery = None
        self.records = None

    def run(self) -> Verdict:
        steps: list[Told] = []
        names = "packet root bundle epoch contacts message papers broker record retrieval log witnesses"
        for name in names.split():
            step: Callable[[], str | None] = getattr(self, f"_{name}")
            try:
                says = step()
            except AuditError as error:
                comparable = not isinstance(error, NotComparable)
                steps.append(Told(name=name, holds=False, says=f"{error}.", comparable=comparable))
                break
            if says is not None:
                steps.append(Told(name=name, holds=True, says=says))
        self._unchecked += [
            "What the sections say: they are sealed, and only a recipient's key opens them.",
            "Whether the rules permit it: the recipient's program decides that again, this one does not.",
        ]
        return Verdict(steps=tuple(steps), unchecked=tuple(self._unchecked))

    def _packet(self) -> str:
        self.packet = packet = read(self._raw)
        if packet.kind == RECORDED:
            if packet.retrieval is not None:
                raise Unreadable("packet: what the log holds of a message has no retrieval beside its records")
            self.records = found = _read_records(packet)
            self._at = found.first.at
            return f"{many(len(found.all), 'record')} of the log about one message, decided at {moment(self._at)}."
        if packet.kind == SENT:
            self.manifest = envelope.read_envelope(packet.message).manifest
            if packet.retrieval is not None:
                raise Unreadable("packet: a sender has no retrieval of its own")
            if packet.evidence is None:
                raise Unreadable("packet: what was sent comes with the broker's evidence")
            self._at = entries.read_evidence(read_signed(packet.evidence).body).at
        else:
            self.delivery = envelope.read_delivery(packet.message)
            self.manifest = envelope.read_view(self.delivery.view).manifest
            if packet.evidence is not None:
                raise Unreadable("packet: what was received comes with a stamp, not with the sender's evidence")
            self._at = entries.read_stamp(read_signed(self.delivery.stamp).body).admitted
        what = "A message as its sender handed it in" if packet.kind == SENT else "A message as its recipient got it"
        return f"{what}, {self.manifest.kind}, of {moment(self.manifest.created)}."

    def _root(self) -> str:
        chain = roots(self.packet.roots)
        self.root = chain[-1]
        first = sha256(self.packet.roots[0]).hexdigest()
        if self._known is None:
            self._unchecked.append(
                f"Whether the root of trust is the task force's: it was taken from the packet (SHA-256 {first}). "
                "Compare it, or give --root."
            )
        elif self._known not in self.packet.roots:
            self._foreign(self._known, chain)
        return f"{many(len(chain), 'root')} of trust, each signed by enough of its holders."

    def _foreign(self, known: bytes, chain: list[Part]) -> NoReturn:
        """A root that is not in the chain: another one than that of its number there, or of a number before or after.

        An agency keeps the roots from the one that it began with to that of the epoch, so an honest packet may lack
        the one that whoever checks has: nothing is shown by that, and nothing is proved.
        """
        try:
            version = read_part(known, "root", "the root of trust that you gave").version
        except Unreadable as error:
            raise NotComparable(str(error)) from None
        first, last = chain[0].version, chain[-1].version
        if first <= version <= last:
            raise ProofFailed("the root of trust is not the one that you gave")
        held = f"number {first}" if first == last else f"numbers {first} to {last}"
        raise NotComparable(
            f"the root of trust that you gave is number {version}, and the packet holds {held}: give one of these"
        )

    def _bundle(self) -> str:
        packet = self.packet
        self.trust = found = trust(self.root, packet.top, packet.lists, packet.files)
        if found.audience != packet.audience:
            raise ProofFailed("the extract of the trust bundle was made for somebody else")
        idle = [f for f in packet.files if sha256(f).hexdigest() not in found.files | set(found.agreements.values())]
        if idle or len(set(packet.files)) != len(packet.files):
            raise ProofFailed("the packet holds a file that no part of the trust bundle names, or one twice")
        if not self._at < min(found.expires, self.root.expires):
            raise ProofFailed("the signatures under the trust bundle had ended when the message was admitted")
        return (
            f"{many(len(found.contacts), 'contact')} of {many(len(found.agencies), 'list')}, each signed by two people,"
            f" in date until {moment(found.expires)}."
        )

    def _epoch(self) -> str | None:
        stated = self.packet.stated
        if stated is None:
            self._unchecked.append(
                "Whether just these parts of the trust bundle were in force together: the packet does not hold the "
                f"log's record of epoch {self.packet.epoch}."
            )
            return None
        said = read_epoch_statement(stated.statement)
        lines = list(stated.lines)
        if lines != sorted(set(lines)) or not set(self.trust.lines) <= set(lines):
            raise ProofFailed("the lists of contacts are not those of the extract that the log holds")
        listing = "\n".join([f"for {self.trust.audience}", f"top {self.trust.top.hex()}", *lines, ""]).encode()
        mine = digest("extract", cbor.dumps([self.trust.audience, listing]))
        place = digest("epoch-leaf", cbor.dumps([said.epoch, mine]))
        verify_inclusion(stated.index, said.extracts, leaf_hash(place), stated.path, said.root)
        record = read_record(stated.record)
        if not isinstance(record, TrustRecord) or (record.step, record.epoch, record.digest) != (
            "epoch",
            self.packet.epoch,
            sha256(stated.statement).digest(),
        ):
            raise ProofFailed("the log's record is about another epoch of the trust bundle")
        if said.epoch != self.packet.epoch:
            raise ProofFailed("the statement is about another epoch of the trust bundle")
        self._promised[leaf_of(stated)] = f"epoch {said.epoch} of the trust bundle"
        return f"The record of epoch {said.epoch} of the trust bundle is about just this extract."

    def _contacts(self) -> str:
        if self.records is not None:
            return self._recorded_contacts(self.records)
        sender = self._contact(self.manifest.sender, "the sender")
        mandates = [sender.mandate_at(at) for at in (self.manifest.created, self._at)]
        if not all(m is not None and m.may_send for m in mandates):
            raise ProofFailed("the sender had no mandate to send, at creation or at admission")
        told = [f"{self._address(sender)} might send at {moment(self.manifest.created)} and at {moment(self._at)}"]
        if self.delivery is not None:
            recipient = self._contact(
                entries.read_stamp(read_signed(self.delivery.stamp).body).recipient, "the recipient"
            )
            mandates = [recipient.mandate_at(at) for at in (self.manifest.created, self._at)]
            if not all(m is not None and m.may_receive for m in mandates):
                raise ProofFailed("the recipient had no mandate to receive, at creation or at admission")
            told.append(f"{self._address(recipient)} might receive")
        else:
            self._unchecked.append("Whether the recipients might receive it: that is in the records of the decisions.")
        return f"{'; '.join(told)}."

    def _recorded_contacts(self, records: "_Records") -> str:
        """Of what was permitted: whoever was only refused may have had no mandate, and may not be named here."""
        self._unchecked.append("Whether the sender had its mandate when it made the message: the message says when.")
        told = []
        for record in records.permitted:
            sender = self._contact(record.sender or "", "the sender")
            recipient = self._contact(record.recipient or "", "a recipient")
            mandates = sender.mandate_at(self._at), recipient.mandate_at(self._at)
            if mandates[0] is None or not mandates[0].may_send or sender.agency != record.agency:
                raise ProofFailed("the sender had no mandate to send at admission")
            if mandates[1] is None or not mandates[1].may_receive:
                raise ProofFailed("the recipient had no mandate to receive at admission")
            told.append(f"{self._address(sender)} might send at {moment(self._at)}, {self._address(recipient)} receive")
        return f"{'; '.join(told) or 'Nothing was permitted'}."

    def _message(self) -> str | None:
        if self.records is not None:
            listed = set(self.trust.agreements.values())
            if any(sha256(data).hexdigest() in listed for data in self.packet.files):
                raise ProofFailed("the packet holds an agreement, and no grant that rests on it")
            self._unchecked.append(
                "What the sender signed: the packet holds no envelope and no view, only the digest of what was "
                f"submitted (SHA-256 {self.records.first.submission.hex()}). Packets of sender and recipient hold them."
            )
            return None
        key = self._contact(self.manifest.sender, "the sender").key_at(self._at)
        if self.delivery is not None:
            stamp = entries.read_stamp(read_signed(self.delivery.stamp).body)
            view = envelope.check_view(envelope.read_view(self.delivery.view), key, stamp.recipient)
            self._agreements({view.grant.agreement})
            withheld = f", {many(len(view.withheld), 'other')} withheld" if view.withheld else ""
            return f"The sender signed it; {many(len(view.sections), 'sealed section')}{withheld}, all as described."
        whole = envelope.check_envelope(envelope.read_envelope(self.packet.message), key)
        self._agreements({grant.agreement for grant in whole.grants})
        return (
            f"The sender signed it; {many(len(whole.sections), 'sealed section')} and "
            f"{many(len(whole.grants), 'grant')}, all as described."
        )

    def _agreements(self, named: set[str]) -> None:
        """Say which of the agreements that the grants name are not here; refuse one that no grant names."""
        listed, here = set(self.trust.agreements.values()), set[str]()
        for data in self.packet.files:
            if sha256(data).hexdigest() in listed:
                mine = {one for one in named if f"id: {one}".encode() in data.splitlines()}
                if not mine:
                    raise ProofFailed("the packet holds an agreement on which no grant in it rests")
                here |= mine
        self._unchecked.append(
            "For which types and areas the mandates and the agreement were: they are here, not decided."
            if here == named
            else "For which types and areas the mandates were: they are here, not decided."
        )
        if lacking := ", ".join(sorted(named - here)):
            self._unchecked.append(f"What the agreement allows on which it rests: the packet does not hold {lacking}.")

    def _papers(self) -> str | None:
        if self.records is not None:
            self._unchecked.append("What was attested beside it: that goes with the message.")
            return None
        if self.delivery is not None:
            papers = envelope.read_view(self.delivery.view).attestations
        else:
            papers = envelope.read_envelope(self.packet.message).attestations
        held = 0
        for raw in papers:
            paper = read_signed(raw, "attestation", max_bytes=bounds.ATTESTATION_BYTES)
            key = self._attester(paper)
            if key is None:
                self._unchecked.append(f"A {paper.tag} by {paper.by}, whom the packet's trust bundle does not name.")
                continue
            verify(paper, paper.tag, key)
            held += 1
        if not papers:
            self._unchecked.append("Whether anything had to be attested: the packet holds no attestation.")
            return None
        self._unchecked.append("Whether what is attested had to be, and by whom: only who signed it is checked.")
        return f"{many(held, 'attestation')} signed by whom it says."

    def _attester(self, paper: Signed) -> bytes | None:
        guard = self.trust.guards.get(paper.by)
        if guard is not None:
            if not guard.span.holds(self.manifest.created):
                raise ProofFailed("an attestation is by a guard whose key was not in force")
            return guard.public
        contact = self.trust.contacts.get(paper.by)
        return contact.key_at(self._at) if contact is not None else None

    def _broker(self) -> str | None:
        if self.records is not None and self.packet.evidence is None:
            self._unchecked.append("What the broker answered the sender: its signed evidence is not in the packet.")
            return None
        if self.delivery is None:
            return self._evidence()
        signed = read_signed(self.delivery.stamp, "stamp", max_bytes=bounds.ATTESTATION_BYTES)
        stamp = entries.read_stamp(self._by_worker(signed, "stamp"))
        view = envelope.read_view(self.delivery.view)
        if stamp.view != envelope.view_digest(self.delivery.view):
            raise ProofFailed("the stamp is about another view")
        if stamp.manifest != envelope.manifest_digest(view.manifest_bytes) or stamp.epoch != self.packet.epoch:
            raise ProofFailed("the stamp is about another message, or another epoch of the trust bundle")
        if stamp.outcome != "permitted":
            raise ProofFailed("the stamp is no permission")
        self._promised[stamp.leaf] = "the decision about this recipient"
        rules = ", ".join(stamp.rules)
        return f"Worker {signed.by} stamped exactly this view at {moment(self._at)}: permitted by {rules}."

    def _evidence(self) -> str:
        signed = read_signed(self.packet.evidence or b"", "evidence")
        told = entries.read_evidence(self._by_worker(signed, "evidence"))
        recorded = self.records.first if self.records is not None else None
        submitted = recorded.submission if recorded is not None else sha256(self.packet.message).digest()
        if told.submission != submitted or told.epoch != self.packet.epoch or told.at != self._at:
            raise ProofFailed("the evidence is about other bytes, another time, or another epoch of the trust bundle")
        if told.message not in (None, recorded.message if recorded is not None else self.manifest.id):
            raise ProofFailed("the evidence is about another message")
        self._promised[told.leaf] = "the submission"
        for recipient, _, _, hashed in told.outcomes:
            self._promised[hashed] = f"the decision about {recipient}"
        outcomes = "; ".join(f"{recipient} {outcome}" for recipient, outcome, _, _ in told.outcomes)
        return f"Worker {signed.by} answered {told.type} at {moment(told.at)}{': ' + outcomes if outcomes else ''}."

    def _by_worker(self, signed: Signed, tag: str) -> bytes:
        worker = self.trust.workers.get(signed.by)
        if worker is None or not worker.span.holds(self._at):
            raise BadSignature(f"{tag}: by nobody whom the trust bundle names as a worker of then")
        return verify(signed, tag, worker.public)

    def _record(self) -> str | None:
        if self.records is not None:
            return self._recorded(self.records)
        if self.delivery is None:
            self._unchecked.append("The records of the decisions: their recipients have them, a sender has not.")
            return None
        stamp = entries.read_stamp(read_signed(self.delivery.stamp).body)
        record = Record.from_bytes(self.delivery.record)
        if leaf_hash(leaf(self.delivery.salt, self.delivery.record)) != stamp.leaf:
            raise ProofFailed("the record is not the one that the stamp promises to the log")
        said = (record.outcome, record.recipient, record.manifest, record.view, record.rules, record.epoch)
        if said != (stamp.outcome, stamp.recipient, stamp.manifest, stamp.view, stamp.rules, stamp.epoch):
            raise ProofFailed("the record says something else than the stamp")
        return (
            f"The record of the decision is the one that was promised: {many(len(record.sections), 'section')} decided."
        )

    def _recorded(self, records: "_Records") -> str:
        if self.packet.evidence is not None:
            judged = {h for h, r in records.all.items() if isinstance(r, Record) and r.type != RETRIEVAL}
            if not judged <= self._promised.keys():
                raise ProofFailed("a record in the packet is none that the broker's evidence promised to the log")
        self._unvouched = records.all.keys() - self._promised.keys()
        told = []
        for hashed, record in records.all.items():
            if isinstance(record, ActRecord):
                told.append(record.says.rstrip("."))
                self._promised.setdefault(hashed, f"the record of {record.act}")
            elif record.type == DECISION:
                told.append(f"to {record.recipient} {record.outcome} by {', '.join(record.rules)}")
                self._promised[hashed] = f"the decision about {record.recipient}"
            else:
                told.append(f"{record.type} {record.outcome}")
                self._promised.setdefault(hashed, f"the record of the {record.type}")
        return f"The records say: {'; '.join(told)}."

    def _retrieval(self) -> str | None:
        if self.records is not None:
            self._unchecked.append(
                "Who opened it: its recipients signed that, and have it; a record is the broker's word."
            )
            return None
        if self.delivery is None:
            self._unchecked.append("Whether any recipient has opened it: their own packets can show that.")
            return None
        if self.packet.retrieval is None:
            self._unchecked.append("Whether the recipient has opened it: the packet holds no retrieval evidence.")
            return None
        signed = read_signed(self.packet.retrieval, "retrieval evidence", max_bytes=bounds.ATTESTATION_BYTES)
        names = ("v", "view_id", "view", "manifest", "message", "recipient", "at", "checkpoint")
        fields = read_map(signed.body, "retrieval evidence", names)
        fields.version()
        stamp = entries.read_stamp(read_signed(self.delivery.stamp).body)
        at, recipient = fields.uint("at"), self._contact(stamp.recipient, "the recipient")
        verify(signed, "retrieval-evidence", recipient.key_at(at))
        said = (fields.octets("view"), fields.octets("manifest"), fields.octets("message"), fields.raw("recipient"))
        if said != (stamp.view, stamp.manifest, self.manifest.id, stamp.recipient) or signed.by != stamp.recipient:
            raise ProofFailed("the retrieval is of another view, or by somebody else")
        self._unchecked.append("Whether the retrieval is in the log: its record is the broker's.")
        return f"{self._address(recipient)} signed at {moment(at)} that it got this view."

    def _log(self) -> str | None:
        proved, head = set[bytes](), None
        for proof in self.packet.proofs:
            if proof.leaf not in self._promised or proof.leaf in proved:
                raise ProofFailed("the packet proves a leaf that nothing in it promises, or one twice")
            self._heads[proof.head] = proof.size
            head = checkpoint.verify(proof.head, self.trust.log)
            if head.size != proof.size:
                raise ProofFailed("the head of the log is of another size than the proof")
            verify_inclusion(proof.index, proof.size, proof.leaf, proof.path, head.root)
            proved.add(proof.leaf)
        for hashed, whose in self._promised.items():
            if hashed not in proved:
                self._unchecked.append(f"Whether {whose} is in the log: the packet holds no proof of it.")
        if self._unvouched - proved:
            raise ProofFailed("a record in the packet is neither proved to be in the log nor promised by a worker")
        if head is None:
            return None
        return f"{many(len(proved), 'promised leaf')} in the log {head.origin}, the last of {many(head.size, 'leaf')}."

    def _witnesses(self) -> str | None:
        keys, fewest = self.trust.witnesses or (), None
        for note, size in self._heads.items():
            read = checkpoint.read_note(note)
            held = len(cosignatures(read, keys))
            if others := len(read.signatures) - 1 - held:
                self._unchecked.append(f"{many(others, 'other signature')} under the head over {many(size, 'leaf')}.")
            fewest = held if fewest is None else min(held, fewest)
        if fewest is not None and fewest >= NEEDED:
            return f"{fewest} of {many(len(keys), 'witness')} cosigned each head that the proofs lead to."
        why = (
            "the packet holds no head of the log"
            if fewest is None
            else "the packet does not hold their keys"
            if self.trust.witnesses is None
            else f"{fewest} of {many(len(keys), 'witness')} cosigned a head in it, and {NEEDED} have to"
        )
        self._unchecked.append(f"Whether witnesses saw the same log: {why}.")
        return None

    def _contact(self, handle: str, whose: str) -> Contact:
        found = self.trust.contacts.get(handle)
        if found is None:
            raise ProofFailed(f"the trust bundle in the packet does not name {whose}, {handle}")
        return found

    def _address(self, contact: Contact) -> str:
        return f"{self.trust.agencies[contact.agency]}/{contact.name}"


@dataclass(frozen=True, slots=True)
class _Records:
    """Records of one message by their leaf hashes, and the one of its submission or, without that, of a decision."""

    all: Mapping[bytes, Record | ActRecord]
    first: Record

    @property
    def permitted(self) -> list[Record]:
        return [r for r in self.all.values() if isinstance(r, Record) and (r.type, r.outcome) == (DECISION, PERMITTED)]


def _read_records(packet: Packet) -> _Records:
    """The records that a packet holds, all of one message and decided together under the packet's epoch; or raise."""
    fields = read_map(packet.message, "packet: records", ("v", "records"), max_bytes=MAX_BYTES)
    fields.version()
    found: dict[bytes, Record | ActRecord] = {}
    for item in fields.items("records", _RECORDS):
        salt, raw = as_tuple(item, "packet: record", 2)
        salt, raw = as_bytes(salt, "packet: salt", 32), as_bytes(raw, "packet: record")
        record = read_record(raw)
        if isinstance(record, TrustRecord):
            raise Unreadable("packet: a record about trust is about no message")
        found[leaf_hash(leaf(salt, raw))] = record
    judged = [r for r in found.values() if isinstance(r, Record) and r.type != RETRIEVAL]
    if len(found) != len(fields.items("records", _RECORDS)) or not judged:
        raise Unreadable("packet: a record stands there twice, or none of what was decided")
    first = min(judged, key=lambda r: r.type != SUBMISSION)
    about = {r.subject if isinstance(r, ActRecord) else r.message for r in found.values()}
    if len(about) != 1 or about == {None}:
        raise ProofFailed("the records in the packet are about several messages, or about none")
    if {(r.submission, r.at, r.epoch, r.sender, r.agency) for r in judged} != {
        (first.submission, first.at, packet.epoch, first.sender, first.agency)
    }:
        raise ProofFailed(
            "the records in the packet were not decided together, under the epoch of the trust bundle in it"
        )
    return _Records(found, first)


def moment(at: int) -> str:
    """A time in words, UTC."""
    year_9999 = 253_402_300_000_000
    return datetime.fromtimestamp(min(at, year_9999 - 1) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


__all__ = [
    "RECEIVED",
    "RECORDED",
    "SENT",
    "Packet",
    "Proof",
    "Stated",
    "Told",
    "Verdict",
    "check",
    "leaf_of",
    "read",
    "write",
    "write_records",
]
