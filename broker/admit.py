"""The inbound flow: start reading here. No await, no clock, no randomness, no log line.

`admit` takes the bytes that one agency submitted and says everything that follows from them, in the numbered steps of
docs/protocol.md:

 1. parse the bytes;
 2. find the sender, its agency and its key: the submitting agency must be the sender's;
 3. verify the signature over the manifest;
 4. check freshness;
 5. hold sections, grants and attestations against the signed digests and the directory;
 6. decide every (recipient, section);
 7. make the entry: evidence and records;
 8. make the views and their stamps.

What cannot be tied to its signers in all its bytes (steps 1 to 3 and 5) never claims the message id: else a damaged
copy that arrives first would burn it. Such a refusal is stored under the digest of the bytes instead; that is why the
code looks at freshness (step 4) only after step 5.
Step 7's salts and step 8's view ids are derived from the worker's secret and the bytes, so the function stays pure and
a repeat by the same worker is the same answer.

`retrieve` takes a recipient's signed word that it has a view. What is said about trust itself goes the same way into
the log (`broker.trust`), and so does that a consent was withdrawn (`broker.withdrawals`).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import blake2b, sha256
from typing import Final

from audit.record import (
    ActRecord,
    Record,
    TrustRecord,
    decision_record,
    retrieval_record,
    submission_record,
)
from audit.record import leaf as commitment
from audit.tree import leaf_hash
from broker import records
from bus.subjects import Watch
from keys.domains import Tag
from keys.sealing import key_id
from keys.signing import Signer, digest, verify
from keys.verifying import Attested, Verified, check_attestations, check_content, check_signature
from messages import limits, wire
from messages.catalogue import Catalogue
from messages.directory import Bundle, Contact, Directory, KeyStatement
from messages.envelope import COVER, Delivery, Envelope, Opening, SectionDetail, View
from messages.errors import Malformed, RemoteError, Replayed, Stale, UnknownSender
from messages.escalation import clock_of
from messages.evidence import Entry, Evidence, EvidenceType, Outcome, RecipientOutcome, Retrieval, Stamp
from messages.ids import AgencyHandle, ContactHandle, MessageId, ViewId
from messages.labels import Lane
from messages.manifest import Manifest
from messages.signed import Signed
from messages.withdrawals import Holding
from policies import judge
from policies.agreements import Agreement
from policies.decide import Engine
from policies.extracts import own_agreements
from policies.judge import Judgement
from policies.kept import Kept, keep

Judged = tuple[Judgement, Kept | None]
"""A judgement, and what its record keeps of the facts."""

NOT_PERMITTED: Final = "not-permitted"
REMEMBERED: Final = 4096
"""Judgements kept. Real traffic has hundreds; the bound is against a sender who varies what they depend on."""
WAITING: Final = 10_000
"""Most views that may wait for one contact: a limit here, never of the stream, which would refuse the others too."""
REFUSAL_KEPT: Final = 8 * limits.DAY
GRACE: Final = 8 * limits.DAY
"""So much longer than its message a view stays in the store if nobody takes it away. `broker.watching` does so within
seconds, and says before that it was not retrieved; this covers brokers that were down for a week.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All that the flow may look at besides the bytes: one trust bundle, one engine, one worker's keys."""

    bundle: Bundle
    agreements: Mapping[str, Agreement]
    engine: Engine
    catalogue: Catalogue
    worker: Signer
    secret: bytes = field(repr=False)  # 32 bytes of this worker, from which salts and view ids are derived
    waiting: Mapping[ContactHandle, int] = field(default_factory=dict)
    # Encryption keys that were accepted since the bundle was signed: they count as the bundle's own do.
    stated: Mapping[ContactHandle, tuple[KeyStatement, ...]] = field(default_factory=dict)
    # Ids of consents that were withdrawn: no grant rests on them any more.
    withdrawn: Collection[bytes] = frozenset()
    # Of whom each agency's extract tells, itself included. None: everybody of everybody, as in an extract's own world.
    seen_by: Mapping[AgencyHandle, frozenset[AgencyHandle]] | None = None
    # Judgements already made in this very world: `replace` makes an empty one, so none outlives bundle or agreements.
    judged: dict[tuple[object, ...], Judged] = field(init=False, default_factory=dict, repr=False, compare=False)
    _parts: dict[AgencyHandle, "World"] = field(init=False, default_factory=dict, repr=False, compare=False)

    def of(self, agency: AgencyHandle) -> "World":
        """The world as one agency's extract shows it. What the agency submits is decided in it alone.

        So whatever is answered, it tells nothing of any other agency: whoever is not in the asker's extract does not
        exist here, and two bundles that give it the same extract give it the same answers, byte for byte.
        """
        if self.seen_by is None:
            return self
        part = self._parts.get(agency)
        if part is None:
            known = self.seen_by.get(agency, frozenset())
            directory = self.bundle.directory.limited_to(known)
            own = own_agreements(self.agreements, next((a.name for a in directory.agencies if a.handle == agency), ""))
            part = replace(self, bundle=replace(self.bundle, directory=directory), agreements=own, seen_by=None)
            self._parts[agency] = part
        return part

    def statements(self, contact: Contact) -> tuple[KeyStatement, ...]:
        """All that this contact stated, as far as the bundle and what was accepted since tell."""
        return contact.statements + self.stated.get(contact.handle, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewOut:
    """One delivery to store for one contact."""

    agency: AgencyHandle
    contact: ContactHandle
    lane: Lane
    view_id: ViewId
    data: bytes
    ttl: int  # milliseconds
    watch: Watch | None = None  # of a message's view


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingOut:
    """That a view rests on a consent, to store with it: see `messages.withdrawals.Holding`."""

    consent: bytes
    view_id: ViewId
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What to store, all together or not at all, and what to answer."""

    agency: AgencyHandle  # or `OPERATOR`, where nobody submitted anything
    key: str  # under which the entry is stored at most once
    submission: bytes
    entry: bytes
    evidence: Signed
    views: tuple[ViewOut, ...]
    ttl: int | None  # milliseconds; None: for ever
    retrieved: tuple[ContactHandle, ViewId] | None = None  # a view that may leave once the entry is stored
    holdings: tuple[HoldingOut, ...] = ()
    code: str | None = None  # why the whole submission was refused
    stated: tuple[ContactHandle, KeyStatement] | None = None  # an encryption key that counts once the entry is stored


def submission_digest(raw: bytes) -> bytes:
    """How the log names submitted bytes: a stranger must not choose what it says."""
    return sha256(raw).digest()


def admit(raw: bytes, submitter: AgencyHandle, world: World, now: int) -> Admitted:
    """Say what follows from `raw`, submitted by `submitter` and looked at at `now` (milliseconds)."""
    draft = Draft(submission_digest(raw), submitter, world, now)
    manifest: Manifest | None = None
    sender: Contact | None = None
    try:
        envelope = wire.decode(raw)  # (1)
        claimed = _sender(envelope, submitter, world.bundle)  # (2)
        check_signature(envelope.manifest_bytes, envelope.signature, claimed, now)  # (3)
        verified = check_content(envelope, claimed)  # (5)
        attested = check_attestations(  # (5)
            envelope.attestations, world.bundle.directory, claimed, envelope.manifest, verified.manifest_digest, now
        )
        if sum(map(len, _consents(attested).values())) > limits.CONSENTS:
            raise Malformed("The message rests on more consents than one entry can hold.")
        manifest, sender = envelope.manifest, claimed
        check_fresh(manifest, world.bundle, now)  # (4), last: a stale message claims its id, a damaged copy does not
    except RemoteError as error:
        return draft.refuse(error.code, manifest, sender)
    judged = [(r, _judge(verified, r, attested, world, now)) for r in sorted(verified.grants)]  # (6)
    return draft.admit(verified, attested, judged)  # (7), (8)


def _consents(attested: Attested) -> dict[ContactHandle, list[bytes]]:
    """The consents on which each recipient's view rests, as the guard attests."""
    return {r: sorted({s.consent for s in g.sections if s.consent is not None}) for r, g in attested.guards.items()}


def refuse_stray(raw: bytes, submitter: AgencyHandle, world: World, now: int, code: str = Replayed.code) -> Admitted:
    """Refuse bytes that may not claim a message id (a used one, say), recorded under the digest of the bytes."""
    return Draft(submission_digest(raw), submitter, world, now).refuse(code, None, None)


def retrieve(raw: bytes, submitter: AgencyHandle, world: World, now: int) -> Admitted:
    """Say what follows from a retrieval evidence: a record, and that the view may leave."""
    draft = Draft(submission_digest(raw), submitter, world, now)
    try:
        signed = Signed.from_bytes(raw, limits.ATTESTATION_BYTES)
        contact = own_contact(signed, submitter, world.bundle.directory)
        retrieval = Retrieval.from_bytes(verify(signed, Tag.RETRIEVAL, contact.key_at(now)))
        if retrieval.recipient != contact.handle:
            raise UnknownSender("A retrieval is signed by the recipient itself.")
    except RemoteError as error:
        return draft.refuse(error.code, None, None)
    return draft.retrieved(retrieval, raw)


def retrieval_key(retrieval: Retrieval) -> str:
    """The entry's key, of contact and view: a colleague's word about a view that is not its own claims nothing."""
    return retrieved_key(retrieval.recipient, retrieval.view_id)


def retrieved_key(recipient: ContactHandle, view: ViewId) -> str:
    """Under which key the entry stands once this contact has retrieved this view."""
    return "r" + blake2b(f"{recipient}|{view}".encode(), digest_size=16).hexdigest()


def own_contact(signed: Signed, submitter: AgencyHandle, directory: Directory) -> Contact:
    """The contact that says to have signed, of the agency that submits."""
    contact = directory.contact(signed.by)
    if contact is None:
        raise UnknownSender
    if contact.agency != submitter:
        raise Replayed("This was signed for another agency than the one that submits it.")
    return contact


def check_fresh(manifest: Manifest, bundle: Bundle, now: int) -> None:
    """Raise `Stale` unless the message is fresh at `now` (docs/design.md section 5)."""
    urgent = manifest.urgency.lane is Lane.URGENT
    window = limits.ADMISSION_WINDOW_URGENT if urgent else limits.ADMISSION_WINDOW
    if manifest.created > now + limits.CLOCK_SKEW:
        raise Stale("The message is dated in the future; check the clock of the sending machine.")
    if now > manifest.expires or now - manifest.created > window:
        raise Stale
    if manifest.epoch > bundle.epoch:
        raise Stale("The message was made under a newer trust bundle than this broker has.")


def _sender(envelope: Envelope, submitter: AgencyHandle, bundle: Bundle) -> Contact:
    sender = bundle.directory.contact(envelope.manifest.sender)
    if sender is None:
        raise UnknownSender
    if sender.agency != submitter:
        raise Replayed("The message was signed for another agency than the one that submits it.")
    return sender


def _judge(verified: Verified, recipient: ContactHandle, attested: Attested, world: World, now: int) -> Judged:
    grant = verified.grants[recipient]
    sections = [verified.sections[name] for name in grant.sections]
    contact = world.bundle.directory.contact(recipient)
    if contact is None:
        return judge.refused(judge.NO_SUCH_CONTACT, sections), None
    created = verified.manifest.created
    known = world.statements(contact)
    if not any(s.start <= created < s.end and _key_id(s.key) == grant.key for s in known):
        return judge.refused(judge.KEY_NOT_IN_FORCE, sections), None
    if world.waiting.get(recipient, 0) >= WAITING:
        return judge.refused(judge.RECIPIENT_FULL, sections), None
    agreement = world.agreements.get(grant.agreement)
    if verified.envelope.attestations:  # they are about this one message
        return _judged(verified, contact, sections, attested, agreement, world, now)
    key = _alike(verified, contact, sections, agreement, now)
    found = world.judged.get(key)
    if found is None:
        found = _judged(verified, contact, sections, attested, agreement, world, now)
        if len(world.judged) >= REMEMBERED:
            world.judged.clear()
        world.judged[key] = found
    return found


_key_id = lru_cache(maxsize=REMEMBERED)(key_id)


def _alike(
    verified: Verified, recipient: Contact, sections: list[SectionDetail], agreement: Agreement | None, now: int
) -> tuple[object, ...]:
    """All that a judgement without attestations can depend on in one world: equal keys, equal judgements.

    Every code of the manifest is in it, whether a rule looks at it today or not. Of the two moments it holds what is in
    force then; mandates go by identity, for the world keeps them all alive.
    """
    manifest, sender = verified.manifest, verified.sender
    created = manifest.created
    return (
        sender.handle,
        recipient.handle,
        id(sender.mandate_at(created)),
        id(sender.mandate_at(now)),
        id(recipient.mandate_at(created)),
        id(recipient.mandate_at(now)),
        agreement and (agreement.id, agreement.in_force(created), agreement.in_force(now)),
        manifest.kind,
        manifest.purpose,
        manifest.basis,
        manifest.area,
        manifest.handling,
        manifest.urgency,
        manifest.lineage,
        manifest.evidence_use,
        manifest.exercise,
        tuple((s.name, s.type, s.part, s.media, s.roles, s.flags) for s in sections),
    )


def _judged(
    verified: Verified,
    contact: Contact,
    sections: list[SectionDetail],
    attested: Attested,
    agreement: Agreement | None,
    world: World,
    now: int,
) -> Judged:
    recipient, grant = contact.handle, verified.grants[contact.handle]
    found = judge.judge(
        manifest=verified.manifest,
        sender=verified.sender,
        recipient=contact,
        sections=sections,
        attested=lambda detail: attested.section(recipient, detail, grant),
        papers=attested.papers(world.withdrawn),
        searched=attested.searched(recipient),
        agreement=agreement,
        directory=world.bundle.directory,
        engine=world.engine,
        catalogue=world.catalogue,
        admitted=now,
    )
    facts = [(facts, verified.sections[name].media) for name, facts, _ in found.decisions]
    return found, keep(verified.manifest, grant.agreement, facts)


def make_view(
    verified: Verified, recipient: ContactHandle, agency: AgencyHandle, attested: Attested, shown: Iterable[str]
) -> View:
    """The envelope as one recipient gets it: its sections, its grant, the attestations about it, and the *kinds* of
    withheld sections where they are of a data type in `shown`. Nothing of any other recipient.
    """
    grant = verified.grants[recipient]
    own = set(grant.sections)
    openings = [verified.section_openings[name] for name in grant.sections]
    openings.append(verified.grant_openings[recipient])
    types = set(shown)
    for name, detail in verified.sections.items():
        if name not in own and (detail.type in types or detail.type == COVER):
            openings.append(Opening(outer=verified.section_openings[name].outer, detail=None))
    return View(
        manifest_bytes=verified.envelope.manifest_bytes,
        manifest=verified.manifest,
        signature=verified.envelope.signature,
        openings=tuple(openings),
        sections={name: verified.envelope.sections[name] for name in grant.sections},
        grant=verified.envelope.grants[recipient],
        attestations=tuple(a for a in verified.envelope.attestations if attested.concerns(a, recipient, agency)),
    )


class Draft:
    """Steps 7 and 8: records, evidence, entry, views and stamps of one submission."""

    def __init__(self, submission: bytes, submitter: AgencyHandle, world: World, now: int) -> None:
        self._submission = submission
        self._agency = submitter
        self._world = world
        self._now = now
        self._include_by = now + limits.INCLUDE_BY
        self._records: list[tuple[bytes, bytes]] = []
        self.last = (b"", b"", b"")  # salt, record and leaf hash that were noted last

    def _derive(self, what: str, about: str = "") -> bytes:
        return blake2b(f"{what}|{about}".encode() + self._submission, key=self._world.secret, digest_size=32).digest()

    def _record(self, record: Record | TrustRecord | ActRecord) -> tuple[bytes, bytes, bytes]:
        """Salt, record and leaf hash, once noted."""
        if isinstance(record, TrustRecord):
            salt, data = self._derive("salt"), records.write_trust(record)
        elif isinstance(record, ActRecord):  # many of one submission, each in an entry of its own
            data = records.write_act(record)
            salt = self._derive("salt", data.hex())
        else:
            salt, data = self._derive("salt", record.recipient or ""), records.write(record)
        self._records.append((salt, data))
        self.last = (salt, data, leaf_hash(commitment(salt, data)))
        return self.last

    def _entry(
        self,
        evidence: Signed,
        views: tuple[tuple[ViewId, ContactHandle, bytes], ...] = (),
        word: bytes | None = None,
    ) -> bytes:
        records = tuple(self._records)
        entry = Entry(submission=self._submission, evidence=evidence, records=records, views=views, word=word)
        return self._world.worker.sign(Tag.ENTRY, entry.to_bytes()).to_bytes()

    def _evidence(
        self,
        type_: EvidenceType,
        message: MessageId | None,
        code: str | None,
        leaf: bytes,
        outcomes: tuple[RecipientOutcome, ...] = (),
    ) -> Signed:
        evidence = Evidence(
            type=type_,
            submission=self._submission,
            message=message,
            at=self._now,
            epoch=self._world.bundle.epoch,
            code=code,
            outcomes=outcomes,
            leaf=leaf,
            include_by=self._include_by,
        )
        return self._world.worker.sign(Tag.EVIDENCE, evidence.to_bytes())

    def refuse(self, code: str, manifest: Manifest | None, sender: Contact | None) -> Admitted:
        """Refuse the whole submission; `manifest` only where every byte was tied to its sender's signature."""
        record = submission_record(
            at=self._now,
            epoch=self._world.bundle.epoch,
            by=self._world.worker.handle,
            agency=self._agency,
            submission=self._submission,
            outcome="refused",
            rules=(code,),
            message=manifest.id if manifest else None,
            sender=sender.handle if sender else None,
            kind=manifest.kind.value if manifest else None,
        )
        _, _, leaf = self._record(record)
        evidence = self._evidence(EvidenceType.SUBMISSION_REJECTION, manifest.id if manifest else None, code, leaf)
        return Admitted(
            agency=self._agency,
            key=manifest.id.hex() if manifest else "x" + self._submission[:16].hex(),
            submission=self._submission,
            entry=self._entry(evidence),
            evidence=evidence,
            views=(),
            ttl=max(REFUSAL_KEPT, manifest.expires - self._now + limits.DAY if manifest else 0),
            code=code,
        )

    def retrieved(self, retrieval: Retrieval, word: bytes) -> Admitted:
        """Record that the recipient has the view, and keep its `word` as it was submitted, for the sender."""
        record = retrieval_record(
            at=self._now,
            epoch=self._world.bundle.epoch,
            by=self._world.worker.handle,
            agency=self._agency,
            submission=self._submission,
            recipient=retrieval.recipient,
            view=retrieval.view,
            message=retrieval.message,
            manifest=retrieval.manifest,
        )
        _, _, leaf = self._record(record)
        evidence = self._evidence(EvidenceType.RETRIEVAL, retrieval.message, None, leaf)
        return Admitted(
            agency=self._agency,
            key=retrieval_key(retrieval),
            submission=self._submission,
            entry=self._entry(evidence, word=word),
            evidence=evidence,
            views=(),
            ttl=limits.LIFETIME,
            retrieved=(retrieval.recipient, retrieval.view_id),
        )

    def told(
        self,
        key: str,
        record: TrustRecord | ActRecord,
        ttl: int | None,
        *,
        type_: EvidenceType = EvidenceType.SUBMISSION_ACCEPTANCE,
        message: MessageId | None = None,
        code: str | None = None,
    ) -> Admitted:
        """One record about trust or of an act, accepted."""
        _, _, leaf = self._record(record)
        evidence = self._evidence(type_, message, code, leaf)
        return Admitted(
            agency=self._agency,
            key=key,
            submission=self._submission,
            entry=self._entry(evidence),
            evidence=evidence,
            views=(),
            ttl=ttl,
        )

    def admit(self, verified: Verified, attested: Attested, judged: list[tuple[ContactHandle, Judged]]) -> Admitted:
        """Records of all decisions, evidence, entry, and a stamped view for each permitted recipient."""
        manifest = verified.manifest
        permitted = any(j.outcome is Outcome.PERMITTED for _, (j, _) in judged)
        submitted = submission_record(
            at=self._now,
            epoch=self._world.bundle.epoch,
            by=self._world.worker.handle,
            agency=self._agency,
            submission=self._submission,
            outcome="accepted" if permitted else "refused",
            rules=() if permitted else (NOT_PERMITTED,),
            message=manifest.id,
            manifest=verified.manifest_digest,
            sender=manifest.sender,
            kind=manifest.kind.value,
        )
        _, _, submission_leaf = self._record(submitted)
        outcomes: list[RecipientOutcome] = []
        views: list[ViewOut] = []
        named: list[tuple[ViewId, ContactHandle, bytes]] = []
        holdings: list[HoldingOut] = []
        consents = _consents(attested)
        for recipient, (judgement, facts) in judged:
            view = None
            if judgement.outcome is Outcome.PERMITTED:
                contact = self._world.bundle.directory.contact(recipient)
                if contact is None:
                    raise AssertionError("nobody outside the directory is permitted anything")
                shown = self._shown(verified, recipient)
                view = make_view(verified, recipient, contact.agency, attested, shown).to_bytes()
            view_digest = digest("view", view) if view is not None else None
            salt, data, leaf = self._record(
                decision_record(
                    at=self._now,
                    epoch=self._world.bundle.epoch,
                    by=self._world.worker.handle,
                    agency=self._agency,
                    submission=self._submission,
                    message=manifest.id,
                    manifest=verified.manifest_digest,
                    sender=manifest.sender,
                    recipient=recipient,
                    kind=manifest.kind.value,
                    outcome=judgement.outcome.value,
                    rules=judgement.rules,
                    sections=judgement.sections,
                    view=view_digest,
                    facts=facts,
                )
            )
            told = judgement.rules if judge.BEYOND_EXTRACT.isdisjoint(judgement.rules) else (judge.NOT_DELIVERABLE,)
            outcomes.append(RecipientOutcome(recipient=recipient, outcome=judgement.outcome, rules=told, leaf=leaf))
            if view is not None and view_digest is not None:
                out = self._view(verified, recipient, judgement, view, view_digest, (salt, data, leaf))
                views.append(out)
                named.append((out.view_id, recipient, view_digest))
                holdings += (self._holding(c, out, view_digest, manifest) for c in consents.get(recipient, ()))
        evidence = self._evidence(
            EvidenceType.SUBMISSION_ACCEPTANCE if permitted else EvidenceType.SUBMISSION_REJECTION,
            manifest.id,
            None if permitted else NOT_PERMITTED,
            submission_leaf,
            tuple(outcomes),
        )
        return Admitted(
            agency=self._agency,
            key=manifest.id.hex(),
            submission=self._submission,
            entry=self._entry(evidence, tuple(named)),
            evidence=evidence,
            views=tuple(views),
            holdings=tuple(holdings),
            ttl=max(REFUSAL_KEPT, manifest.expires - self._now + limits.DAY),
        )

    def _holding(self, consent: bytes, out: ViewOut, view: bytes, manifest: Manifest) -> HoldingOut:
        holding = Holding(
            consent=consent,
            agency=out.agency,
            contact=out.contact,
            view_id=out.view_id,
            view=view,
            message=manifest.id,
            sender=manifest.sender,
            at=self._now,
        )
        signed = self._world.worker.sign(Tag.HOLDING, holding.to_bytes())
        return HoldingOut(consent=consent, view_id=out.view_id, data=signed.to_bytes())

    def _shown(self, verified: Verified, recipient: ContactHandle) -> frozenset[str]:
        """Data types whose existence this recipient may know: those its agreement lets it have at all."""
        agreement = self._world.agreements.get(verified.grants[recipient].agreement)
        contact = self._world.bundle.directory.contact(recipient)
        if agreement is None or contact is None:
            return frozenset()
        directory = self._world.bundle.directory
        exchanges = agreement.exchanges(directory.agency_of(verified.sender).name, directory.agency_of(contact).name)
        return frozenset(t for e in exchanges for t in e.types)

    def _view(
        self,
        verified: Verified,
        recipient: ContactHandle,
        judgement: Judgement,
        view: bytes,
        view_digest: bytes,
        record: tuple[bytes, bytes, bytes],
    ) -> ViewOut:
        salt, data, leaf = record
        stamp = Stamp(
            view=view_digest,
            manifest=verified.manifest_digest,
            recipient=recipient,
            outcome=Outcome.PERMITTED,
            rules=judgement.rules,
            epoch=self._world.bundle.epoch,
            admitted=self._now,
            leaf=leaf,
            include_by=self._include_by,
        )
        delivery = Delivery(
            view=view, stamp=self._world.worker.sign(Tag.STAMP, stamp.to_bytes()), record=data, salt=salt
        )
        contact = self._world.bundle.directory.contact(recipient)
        if contact is None:
            raise AssertionError("only known contacts are permitted")
        return ViewOut(
            agency=contact.agency,
            contact=recipient,
            lane=verified.manifest.urgency.lane,
            view_id=ViewId(self._derive("view", recipient)[:16].hex()),
            data=delivery.to_bytes(),
            ttl=verified.manifest.expires - self._now + GRACE,
            watch=Watch(self._now, verified.manifest.expires, clock_of(verified.manifest, self._world.catalogue)),
        )
