"""Plan who may get what, before anything is sealed: pure, and the same decisions that the broker will take.

Recipients whose agencies have identity rights in everything that is sent share one message, in which each agency has
its own pseudonyms. Every agency without them gets a message of its own (recipients of one message can compare its id),
made of generalised facts and redacted words, that the release guard has to check and seal.

A refused section is withheld with the rule that refused it; a recipient for whom nothing is left is refused. What a
rule would let pass after a second contact's act (a release, a review, a broken glass) is planned as granted, and the
plan names what it needs. A consent that lacks the countersignature that is due counts for nothing; where it would have
let more pass, the plan says so.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Final

from adapters import enclosing, ner
from adapters.casefile import CaseFile, complete, complete_known
from adapters.consents import Held, names_recipient, person_of, record_of, terms
from adapters.known import UNNAMED, known_persons, merged, suspects, to_identity
from adapters.linting import check_subject
from messages import evidencefile, workflows
from messages.attachment import FILE, ROLES, to_value
from messages.attachment import flags as file_flags
from messages.attachment import read as read_attachment
from messages.attestations import (
    Acceptance,
    AttestedSection,
    BreakGlass,
    Consent,
    ConsentRoute,
    Papers,
    Permission,
    Release,
    Review,
)
from messages.catalogue import Catalogue, DataType, across
from messages.catalogue.kinds import TEXT
from messages.catalogue.values import shaped
from messages.directory import Agency, Bundle, Contact
from messages.envelope import COVER, section_kind
from messages.errors import BadInput, ContentRefused, LocalError
from messages.ids import AgencyHandle, MessageId
from messages.labels import Flag, Ground, Kind, Lineage, Purpose, Role, Urgency
from messages.limits import DAY, LIFETIME
from messages.manifest import Manifest
from policies import consent as consents_
from policies import inherit
from policies.agreements import Agreement, Agreements, between
from policies.decide import Decision, Effect, Engine
from policies.facts import Facts, gather
from policies.inherit import Source
from policies.judge import countersignature_due
from policies.redaction.engine import Matcher, Net
from policies.redaction.errors import NetMissing, RedactionError
from policies.redaction.identity import ENQUIRY
from policies.redaction.structure import generalise

MEDIA: Final = "application/json"
RELEASABLE: Final = frozenset({"R-29", "R-06", "R-17", "R-24"})
"""Rules that a second contact's release can satisfy."""
REVIEWABLE: Final = frozenset({"SC-43"})
"""Rules that a second contact's review can satisfy."""
VITAL: Final = "SC-63"
"""The rule that permits in a vital interest, once a second contact has broken the glass."""
ANONYMOUS: Final = "R-26"
"""The rule under which a notification carries no identity at all: one field of it refuses the whole notification."""
REDACTION: Final = "redaction-refused"
ONWARD: Final = "SC-70"
"""The rule that keeps somebody else's content from going on without its originator's permission."""
_ACTS: Final = tuple(map(frozenset[str], ((), ("release",), ("review",), ("release", "review"))))
LIFETIMES: Final[Mapping[Urgency, int]] = {Urgency.NONE: 30 * DAY}
_ZERO: Final = bytes(32)
_TELLING: Final = frozenset({Flag.DIRECT, Flag.LOCATION, Flag.SENSITIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionDraft:
    """One section before it is sealed."""

    name: str
    type: str
    part: str
    media: str
    roles: tuple[Role, ...]
    flags: tuple[Flag, ...]
    plaintext: bytes
    replaced: int = 0  # how many passages the text pass replaced

    @property
    def kind(self) -> str:
        """As its description will name it."""
        return section_kind(self.type, self.part)

    def value(self) -> Any:
        """The content as JSON."""
        if evidencefile.object_of(self.name) is not None:
            return evidencefile.read(self.plaintext, self.name, self.media).to_value(self.media)
        if self.part == FILE:
            return to_value(read_attachment(self.plaintext, self.media), self.media)
        return json.loads(self.plaintext)


@dataclass(frozen=True, slots=True)
class Withheld:
    """A section that a recipient does not get, and the rules that say so."""

    name: str
    kind: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientPlan:
    """What one contact gets. `rules` are those that permit, or, where nothing is granted, those that refuse."""

    contact: Contact
    agency: Agency
    agreement: Agreement | None
    granted: tuple[str, ...]
    withheld: tuple[Withheld, ...]
    rules: tuple[str, ...]
    needs_release: bool
    decisions: tuple[tuple[str, Facts, Decision], ...] = ()
    needs_review: bool = False
    needs_break_glass: bool = False
    uncountersigned: tuple[bytes, ...] = ()  # ids of consents that would let more pass if they were countersigned

    @property
    def permitted(self) -> bool:
        """Whether anything but the cover is granted."""
        return bool(self.granted)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePlan:
    """One message: its sections, its recipients, and whether the guard has to seal its grants."""

    header: Manifest
    guarded: bool
    sections: tuple[SectionDraft, ...]
    recipients: tuple[RecipientPlan, ...]
    known: tuple[Mapping[str, Any], ...] = field(repr=False)
    consents: tuple[Held, ...] = ()
    case: str = ""  # the sender's own reference; each agency gets another random one for it
    thread: bytes | None = None  # the one that it answers; without one each agency gets a new one
    event: str = ""  # what it is to the workflow of its kind
    permissions: tuple[Permission, ...] = ()  # of originators, to go beside it
    acceptances: tuple[Acceptance, ...] = ()  # of providers, to go beside it

    def section(self, name: str) -> SectionDraft:
        """The section of this name."""
        return next(s for s in self.sections if s.name == name)

    def needs(self) -> dict[str, list[str]]:
        """What second contacts still have to do before it may go, and for which recipients."""
        found: dict[str, list[str]] = {
            "release": [r.contact.handle for r in self.recipients if r.needs_release],
            "review": [r.contact.handle for r in self.recipients if r.needs_review],
            "break-glass": [r.contact.handle for r in self.recipients if r.needs_break_glass],
        }
        return {what: whom for what, whom in found.items() if whom}


@dataclass(frozen=True, slots=True)
class Plan:
    """All messages that one case file becomes, and the recipients for whom it becomes none."""

    messages: tuple[MessagePlan, ...]
    refused: tuple[RecipientPlan, ...]
    dropped: tuple[str, ...] = ()  # fields that never leave their originator, as "object.field"
    uncountersigned: tuple[Held, ...] = ()  # consents that would let more pass if a second contact countersigned


def _no_salt(record: bytes) -> bytes:
    raise LocalError("Planning a consent record needs the register's salts.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """What planning looks at besides the case: trust, rules, catalogue, register and a source of message ids."""

    sender: Contact
    bundle: Bundle
    agreements: Agreements | Sequence[Agreement]
    engine: Engine
    catalogue: Catalogue
    pseudonym: Callable[[AgencyHandle, str], str]
    new_id: Callable[[], MessageId]
    checkpoint: tuple[int, bytes] | None = None
    held: Papers = field(default_factory=Papers)  # acceptances and permissions that others gave this agency
    sources: tuple[Source, ...] = ()  # what the message at hand draws on
    accepts: bytes | None = None  # the accepted offer that it completes
    consents: Sequence[Held] = ()  # that the case file names
    withdrawn: Collection[bytes] = ()  # ids of consents
    salt: Callable[[bytes], bytes] = _no_salt  # of a consent record, as our register has it
    kept: Callable[[Held], Held] = lambda held: held  # with the signatures that are kept of it
    net: Callable[[], Net] = ner.load  # asked only where an agreement demands it

    def plan(self, case: CaseFile, recipients: Sequence[Contact], now: int) -> Plan:
        """Plan `case` for `recipients`, or raise `BadInput` where the case file itself is wrong."""
        if not recipients:
            raise BadInput("Name at least one recipient, such as --to district-prosecutor/trafficking-desk.")
        self._hold_together(case, now)
        by_agency: dict[AgencyHandle, list[Contact]] = {}
        for recipient in self._with_deputies(recipients, now):
            by_agency.setdefault(recipient.agency, []).append(recipient)
        case = self._inheriting(case, tuple(by_agency), now)
        return replace(self, sources=case.sources, accepts=case.accepts)._plan(case, by_agency, now)

    def _plan(self, case: CaseFile, by_agency: Mapping[AgencyHandle, list[Contact]], now: int) -> Plan:
        shared = self.new_id()
        self._check_cover(case, shared, now)
        full: list[tuple[Agency, list[Contact]]] = []
        made: list[MessagePlan] = []
        for handle, contacts in by_agency.items():
            agency = self.bundle.directory.agency_of(contacts[0])
            if self._guarded(case, agency, contacts[0], shared, now):
                made.append(self._message(case, self.new_id(), [(agency, contacts)], now, guarded=True))
            else:
                full.append((agency, contacts))
            del handle
        if full:
            made.append(self._message(case, shared, full, now, guarded=False))
        messages: list[MessagePlan] = []
        refused: list[RecipientPlan] = []
        waiting: dict[bytes, Held] = {}
        for message in made:
            wanted = {identifier for r in message.recipients for identifier in r.uncountersigned}
            waiting |= {h.consent.id: h for h in message.consents if h.consent.id in wanted}
            self._keep(message, messages, refused)
        if case.kind is Kind.VICTIM_REFERRAL:
            _one_provider(messages)
        return Plan(tuple(messages), tuple(refused), self._dropped(case), tuple(waiting.values()))

    def _hold_together(self, case: CaseFile, now: int) -> None:
        """Raise `BadInput` where the objects of the case, the known ones included, contradict each other."""
        message = self.new_id()
        objects = complete(case, message, now, self.catalogue)
        try:
            across.check([*objects, *complete_known(case, message, now, self.catalogue)], case.kind)
        except ContentRefused as error:
            raise BadInput(f"The objects of the case file do not fit each other: {error}") from None

    def _inheriting(self, case: CaseFile, agencies: tuple[AgencyHandle, ...], now: int) -> CaseFile:
        """The case with its lineage, what it answers and what its sources demand; raises `NotPermitted` if looser."""
        if len(case.sources) != len(case.draws_on):
            raise BadInput("The messages that the file draws on are not here; open them first, in this inbox.")
        lineage = inherit.lineage(case.sources, agencies, case.lineage if case.typed else None)
        if not case.sources:
            return replace(case, lineage=lineage)
        kind = self.catalogue.kinds[case.kind]
        floor = inherit.floor(
            case.sources,
            lineage,
            [p for a in agencies for p in self._permissions(case.sources, a, case.purpose, now)],
        )
        inherit.check(case.handling, case.evidence_use, case.exercise, floor, now)
        for number, obj in enumerate(case.objects):
            inherit.check_object(obj, f"objects[{number}]", floor)
        cover = dict(case.cover)
        if lineage is Lineage.REPLY:
            cover = inherit.answers(case.kind, cover, case.sources, kind.fields)
        if inherit.CONDITIONS in kind.fields and (words := inherit.conditions(cover, floor, TEXT)):
            cover[inherit.CONDITIONS] = words
        return replace(case, lineage=lineage, floor=floor, cover=cover)

    def _permissions(
        self, sources: tuple[Source, ...], recipient: AgencyHandle, purpose: Purpose, moment: int
    ) -> tuple[Permission, ...]:
        """Those of the originators of `sources`, to pass them on to this agency."""
        return inherit.permitted(
            sources,
            [p for p, _, _ in self.held.permissions],
            grantee=self.sender.agency,
            recipient=recipient,
            purpose=purpose,
            moment=moment,
        )

    def _barred(self, header: Manifest, agency: Agency) -> bool:
        """Whether some originator of what is passed on has not permitted it: each of them has to, by itself."""
        return (
            header.lineage.passed_on
            and any(s.closed for s in self.sources)
            and not self._permissions(self.sources, agency.handle, header.purpose, header.created)
        )

    def _given(self, header: Manifest, agency: AgencyHandle) -> Papers:
        """Of the papers that others gave us, those that are about this message and this recipient."""
        own = self._permissions(self.sources, agency, header.purpose, header.created) if self.sources else ()
        return replace(
            self.held,
            permissions=tuple(p for p in self.held.permissions if header.lineage.passed_on and p[0] in own),
            acceptances=tuple(a for a in self.held.acceptances if a[0].message == self.accepts and a[1] == agency),
        )

    def _check_cover(self, case: CaseFile, message: MessageId, now: int) -> None:
        """The cover as its kind demands it, and a subject line that names nobody; raises `BadInput`."""
        try:
            cover = self.catalogue.kinds[case.kind].check(case.cover)
        except ContentRefused as error:
            raise BadInput(str(error)) from None
        objects = complete(case, message, now, self.catalogue) + complete_known(case, message, now, self.catalogue)
        if "subject_line" in cover:
            check_subject(cover["subject_line"], objects, self.catalogue)

    def _with_deputies(self, recipients: Sequence[Contact], now: int) -> list[Contact]:
        """The recipients once each, and after each absent one everybody who stands in for it (docs/design.md, 4)."""
        found: dict[str, Contact] = {}
        for recipient in recipients:
            for contact in (recipient, *self.bundle.directory.deputies(recipient, now)):
                found.setdefault(contact.handle, contact)
        return list(found.values())

    @staticmethod
    def _keep(message: MessagePlan, messages: list[MessagePlan], refused: list[RecipientPlan]) -> None:
        permitted = tuple(r for r in message.recipients if r.permitted)
        refused.extend(r for r in message.recipients if not r.permitted)
        if permitted:
            messages.append(replace(message, recipients=permitted))

    def _dropped(self, case: CaseFile) -> tuple[str, ...]:
        return tuple(
            f"{obj['id']}.{name}"
            for obj in case.objects
            for name in self.catalogue.type(obj.get("type")).withheld_by_originator(obj)
        )

    def header(self, case: CaseFile, message: MessageId, now: int) -> Manifest:
        """The manifest without its digests."""
        lifetime = min(LIFETIMES.get(case.urgency) or (case.urgency.limit or 7 * DAY) + 14 * DAY, LIFETIME)
        return Manifest(
            id=message,
            kind=case.kind,
            sender=self.sender.handle,
            purpose=case.purpose,
            basis=case.basis,
            area=case.area,
            handling=case.handling,
            urgency=case.urgency,
            lineage=case.lineage,
            evidence_use=case.evidence_use,
            created=now,
            expires=min([now + lifetime, *self._until()]),
            exercise=case.exercise,
            epoch=self.bundle.epoch,
            checkpoint=self.checkpoint,
            digests=(),
        )

    def _until(self) -> Iterable[int]:
        """A message in a vital interest ends with it, within a day."""
        for held in self.consents:
            if held.consent.route is ConsentRoute.VITAL_INTEREST:
                yield held.consent.expires

    # drafts

    def _guarded(self, case: CaseFile, agency: Agency, contact: Contact, message: MessageId, now: int) -> bool:
        """Whether this agency lacks identity rights in anything that is agreed for it."""
        objects = complete(case, message, now, self.catalogue)
        header = self.header(case, message, now)
        for agreement in self._agreements(agency, now):
            drafts = self._full(objects, agency) or [_full_cover(case)]
            facts = [self._facts(header, contact, draft, agreement, self.held, None) for draft in drafts]
            relevant = [f for f in facts if f.type_agreed]
            if relevant and all(f.identity_right and not f.consent_demanded for f in relevant):
                return False
        return True

    def _agreements(self, agency: Agency, now: int) -> Sequence[Agreement | None]:
        """The agreements in force with this agency; None stands for there being none, which the rules refuse."""
        sender = self.bundle.directory.agency_of(self.sender)
        return between(self.agreements, sender.name, agency.name, now) or (None,)

    def _full(self, objects: Sequence[Mapping[str, Any]], agency: Agency) -> list[SectionDraft]:
        """Every part of every object as it is, with this agency's pseudonyms."""
        drafts: list[SectionDraft] = []
        for number, obj in enumerate(objects, 1):
            data_type = self.catalogue.type(obj["type"])
            for part, section in data_type.split(self._renamed(data_type, obj, agency)).items():
                flags = data_type.flags(part, section)  # each section is judged alone, here as by whoever opens it
                drafts.append(_draft(data_type.id, number, part, section, data_type.roles(section), flags))
        return drafts

    def _renamed(self, data_type: DataType, obj: Mapping[str, Any], agency: Agency) -> dict[str, Any]:
        return {
            name: self.pseudonym(agency.handle, value)
            if isinstance(value, str) and data_type.fields[name].kind == "pseudonym"
            else value
            for name, value in obj.items()
        }

    def _redacted(
        self, objects: Sequence[Mapping[str, Any]], agency: Agency, matcher: Matcher, persons: Mapping[str, str]
    ) -> tuple[list[SectionDraft], list[Withheld]]:
        """Facts generalised and words redacted, for an agency without identity rights."""

        def pseudonym_of(name: str) -> str:
            known = persons.get(name, name)
            return self.pseudonym(agency.handle, known) if shaped("pseudonym", known) else name

        drafts: list[SectionDraft] = []
        withheld: list[Withheld] = []
        for number, obj in enumerate(objects, 1):
            data_type = self.catalogue.type(obj["type"])
            for part in data_type.split(obj):
                if data_type.identity_part(part):
                    continue
                count = _Counter(matcher)
                try:
                    section = generalise(data_type, part, obj, pseudonym_of=pseudonym_of)
                    section = data_type.validate_part(part, data_type.map_text(section, count.redact))
                except (RedactionError, ContentRefused):
                    withheld.append(
                        Withheld(f"{data_type.id.lower()}.{number}.{part}", f"{data_type.id}/{part}", (REDACTION,))
                    )
                    continue
                roles = data_type.roles(section)
                flags = data_type.flags(part, section, text_cleared=True)
                drafts.append(_draft(data_type.id, number, part, section, roles, flags, count.replaced))
        return drafts, withheld

    def _enclosed(
        self, case: CaseFile, objects: Sequence[Mapping[str, Any]], matcher: Matcher | None
    ) -> tuple[list[SectionDraft], list[Withheld]]:
        """The attachments: cleaned files, or with a matcher their redacted words."""
        if matcher is None:
            found = enclosing.whole(case.attachments, case.objects, objects)
        else:
            found = enclosing.redacted(case.attachments, case.objects, objects, _Counter(matcher).counted)
        exhibits = enclosing.exhibits(case.exhibits, case.objects, objects, searched=matcher is not None)
        drafts: list[SectionDraft] = []
        withheld: list[Withheld] = []
        for one in chain(found, exhibits):
            if one.refused:
                withheld.append(Withheld(one.name, section_kind(one.type, FILE), (one.refused,)))
                continue
            drafts.append(
                SectionDraft(
                    name=one.name,
                    type=one.type,
                    part=FILE,
                    media=one.media,
                    roles=tuple(sorted(ROLES)),
                    flags=tuple(sorted(file_flags(one.media, cleared=matcher is not None))),
                    plaintext=one.plaintext,
                    replaced=one.replaced,
                )
            )
        return drafts, withheld

    # one message

    def _message(
        self,
        case: CaseFile,
        message: MessageId,
        agencies: Sequence[tuple[Agency, list[Contact]]],
        now: int,
        *,
        guarded: bool,
    ) -> MessagePlan:
        objects = complete(case, message, now, self.catalogue)
        known = [*complete_known(case, message, now, self.catalogue), *objects]
        header = self.header(case, message, now)
        persons_known = known_persons(known)
        pool: dict[tuple[str, str, bytes], SectionDraft] = {}
        plans: list[RecipientPlan] = []
        consents: dict[bytes, Held] = {}
        searched = len(persons_known) if guarded else 1
        for agency, contacts in agencies:
            failed: list[Withheld] = []
            if guarded:
                persons = {str(o["id"]): str(o["case_pseudonym"]) for o in known if o["type"] == "A02"}
                matcher = Matcher(
                    merged(
                        to_identity(p, self._stands_for(agency, p.pseudonyms, persons.get(p.reference)))
                        for p in persons_known
                    ),
                    suspects(objects, self.catalogue),
                    self._demanded_net(agency, now),
                )
                drafts, failed = self._redacted(objects, agency, matcher, persons)
                files, unsent = self._enclosed(case, objects, matcher)
                failed += unsent
                cover = _Counter(matcher)
                kind = self.catalogue.kinds[case.kind]
                try:
                    words = kind.check(kind.map_words(case.cover, cover.redact))
                    drafts.append(_cover(words, (), (), cover.replaced))
                except (RedactionError, ContentRefused):
                    failed.append(Withheld(COVER, COVER, (REDACTION,)))
                    drafts.append(_full_cover(case))  # granted to nobody: the signature then says that there is one
                drafts += self._sealed(objects, agency)
            else:
                drafts = self._full(objects, agency)
                drafts.append(_full_cover(case))
                files, failed = self._enclosed(case, objects, None)
            drafts += files
            drafts = [_pooled(pool, d) for d in drafts]
            granted_by = {h.consent.id: h for h in self._consents(objects, agency)}
            consents.update(granted_by)
            for contact in contacts:
                plans.append(
                    self._recipient(
                        header,
                        agency,
                        contact,
                        drafts,
                        failed,
                        tuple(granted_by.values()),
                        now,
                        searched=searched,
                        guarded=guarded,
                    )
                )
        return MessagePlan(
            header=header,
            guarded=guarded,
            sections=tuple(pool.values()),
            recipients=tuple(plans),
            known=tuple(known),
            consents=tuple(consents.values()),
            case=case.case,
            thread=self._thread(header),
            event=workflows.event(case.kind, case.cover, objects, completing=self.accepts is not None),
            permissions=tuple(
                dict.fromkeys(p for a, _ in agencies for p, _, _ in self._given(header, a.handle).permissions)
            ),
            acceptances=tuple(
                dict.fromkeys(p for a, _ in agencies for p, _ in self._given(header, a.handle).acceptances)
            ),
        )

    def _thread(self, header: Manifest) -> bytes | None:
        """The thread that a reply goes on with."""
        return self.sources[0].thread if self.sources and header.lineage is Lineage.REPLY else None

    def _stands_for(self, agency: Agency, pseudonyms: tuple[str, ...], register: str | None) -> str:
        known = register or next(iter(pseudonyms), None)
        return self.pseudonym(agency.handle, known) if known else UNNAMED

    def _sealed(self, objects: Sequence[Mapping[str, Any]], agency: Agency) -> list[SectionDraft]:
        """Identity parts, sealed and granted to nobody: the signature then names what was withheld."""
        return [d for d in self._full(objects, agency) if self.catalogue.type(d.type).identity_part(d.part)]

    def _facts(
        self,
        header: Manifest,
        contact: Contact,
        draft: SectionDraft,
        agreement: Agreement | None,
        papers: Papers,
        consent: bytes | None,
        *,
        searched: int = 1,
        guarded: bool = False,
    ) -> Facts:
        directory = self.bundle.directory
        attested = AttestedSection(
            name=draft.name,
            type=draft.type,
            part=draft.part,
            media=draft.media,
            roles=draft.roles,
            flags=draft.flags,
            consent=consent,
            digest=_ZERO,
            commitment=_ZERO,
        )
        return gather(
            manifest=header,
            sender=self.sender,
            sender_agency=directory.agency_of(self.sender),
            recipient=contact,
            recipient_agency=directory.agency_of(contact),
            claim=draft,
            attested=attested if guarded else None,
            agreement=agreement,
            papers=papers,
            searched=searched,
            catalogue=self.catalogue,
            admitted=header.created,
        )

    def _papers(
        self, header: Manifest, contact: Contact, draft: SectionDraft, consents: Sequence[Held], acts: Collection[str]
    ) -> Papers:
        """The papers as they will be once second contacts have done these `acts`."""
        about: dict[str, Any] = {
            "message": header.id,
            "manifest": _ZERO,
            "recipient": contact.handle,
            "at": header.created,
        }
        vital = any(h.consent.route is ConsentRoute.VITAL_INTEREST for h in consents)
        return replace(
            self._given(header, contact.agency),
            consents=tuple(h.consent for h in consents),
            withdrawn=frozenset(self.withdrawn) | {h.consent.id for h in consents if h.withdrawn is not None},
            releases=(Release(**about),) if "release" in acts else (),
            reviews=(Review(**about, sections=(draft.name,)),) if "review" in acts else (),
            broken=(BreakGlass(**about, ground=Ground.LIFE),) if vital else (),
        )

    def _decide(
        self,
        header: Manifest,
        contact: Contact,
        draft: SectionDraft,
        agreement: Agreement | None,
        consents: Sequence[Held],
        consent: bytes | None,
        *,
        searched: int,
        guarded: bool,
    ) -> tuple[Facts, Decision, frozenset[str]]:
        """What is decided, with the fewest acts of second contacts by which it is permitted, or with none."""
        first: tuple[Facts, Decision, frozenset[str]] | None = None
        for acts in _ACTS:
            papers = self._papers(header, contact, draft, consents, acts)
            facts = self._facts(header, contact, draft, agreement, papers, consent, searched=searched, guarded=guarded)
            decision = self.engine.decide(facts)
            if decision.effect is Effect.PERMIT:
                return facts, decision, acts
            first = first or (facts, decision, frozenset())
            if not set(first[1].because) & (RELEASABLE | REVIEWABLE):
                break  # nobody's act helps
        assert first is not None  # noqa: S101  there is always one round
        return first

    def _recipient(
        self,
        header: Manifest,
        agency: Agency,
        contact: Contact,
        drafts: Sequence[SectionDraft],
        failed: Sequence[Withheld],
        consents: tuple[Held, ...],
        now: int,
        *,
        searched: int,
        guarded: bool,
    ) -> RecipientPlan:
        """Under the agreement that lets most of it pass."""
        due = {h.consent.id for h in consents if countersignature_due(h.consent, self.sender, agency.party_class)}
        # Whoever breaks a glass countersigns the terms by which it goes.
        vital = ConsentRoute.VITAL_INTEREST
        usable = [h for h in consents if h.consent.id not in due or h.countersigned or h.consent.route is vital]
        people = self._people(drafts, consents, agency)
        best: RecipientPlan | None = None
        unsafe = {w.name for w in failed}
        barred = self._barred(header, agency)
        for agreement in self._agreements(agency, now):
            granted: list[str] = []
            withheld: list[Withheld] = list(failed)
            rules: list[str] = []
            decisions: list[tuple[str, Facts, Decision]] = []
            acts: set[str] = set()
            waiting: dict[bytes, None] = {}
            for draft in drafts:
                if draft.name in unsafe:
                    continue
                if barred:
                    withheld.append(Withheld(draft.name, draft.kind, (ONWARD,)))
                    continue
                chosen = consents_.chosen(people.get(draft.name, ()), draft.type, draft.flags, draft.roles)
                consent = chosen.id if chosen is not None else None

                def decide(
                    held: Sequence[Held],
                    of: tuple[SectionDraft, Agreement | None, bytes | None] = (draft, agreement, consent),
                ) -> tuple[Facts, Decision, frozenset[str]]:
                    d, a, c = of
                    return self._decide(header, contact, d, a, held, c, searched=searched, guarded=guarded)

                facts, decision, done = decide(usable)
                decisions.append((draft.name, facts, decision))
                if decision.effect is Effect.PERMIT:
                    granted.append(draft.name)
                    rules.extend(decision.because)
                    acts |= done
                    continue
                withheld.append(Withheld(draft.name, draft.kind, decision.because))
                if consent is not None and consent in due and decide(consents)[1].effect is Effect.PERMIT:
                    waiting[consent] = None
            named = any(ANONYMOUS in w.rules for w in withheld)
            alone = self.catalogue.kinds[header.kind].alone and len(drafts) == 1
            if named or (
                all(name == COVER for name in granted) and not alone
            ):  # words that introduce nothing go to nobody
                granted, acts = [], set()
                rules = [r for w in withheld for r in w.rules if not named or ANONYMOUS in w.rules]
            plan = RecipientPlan(
                contact=contact,
                agency=agency,
                agreement=agreement,
                granted=tuple(granted),
                withheld=tuple(withheld),
                rules=tuple(dict.fromkeys(rules)),
                needs_release="release" in acts,
                decisions=tuple(decisions),
                needs_review="review" in acts,
                needs_break_glass=VITAL in rules,
                uncountersigned=tuple(waiting),
            )
            if best is None or len(plan.granted) > len(best.granted):
                best = plan
        if best is None:
            raise AssertionError("there is always one round")
        return best

    def _people(
        self, drafts: Sequence[SectionDraft], consents: Sequence[Held], agency: Agency
    ) -> dict[str, list[Consent]]:
        """The consents of the person whom each section is about, by the section's name."""
        if not consents:
            return {}
        theirs: dict[str, list[Consent]] = {}
        for held in consents:
            theirs.setdefault(self.pseudonym(agency.handle, held.about), []).append(held.consent)
        return {d.name: theirs.get(person_of(d.value()) or "", []) for d in drafts}

    def _demanded_net(self, agency: Agency, now: int) -> "_DemandedNet | None":
        """The net, where one of the agreements in force with that agency demands it for what goes there."""
        sender = self.bundle.directory.agency_of(self.sender).name
        for agreement in self._agreements(agency, now):
            if agreement and any(exchange.net for exchange in agreement.exchanges(sender, agency.name)):
                return _DemandedNet(agreement, self.net)
        return None

    def _consents(self, objects: Sequence[Mapping[str, Any]], agency: Agency) -> Iterable[Held]:
        """The consents towards this agency: of the consent records among the objects, then those that are named."""
        names = frozenset({agency.name, agency.handle, agency.party_class.value})
        for obj in objects:
            if obj["type"] != "A23" or obj.get("withdrawn_on") or not names_recipient(obj, names):
                continue
            record = record_of(obj)
            salt = self.salt(record)
            try:
                consent = terms(record, salt, self.sender.handle, agency.handle, names)
            except ContentRefused as error:
                raise BadInput(str(error)) from None
            yield self.kept(Held(consent=consent, about=str(obj["about"]), record=record, salt=salt))
        for held in self.consents:
            if consents_.names(held.consent, agency):
                yield held


class _DemandedNet:
    """The net that an agreement demands. Missing or failing, it stops the whole sending: a text without its look must
    not be one more section that could not be redacted, which the sender may overlook."""

    def __init__(self, agreement: Agreement, load: Callable[[], Net]) -> None:
        self._agreement, self._load = agreement, load
        self._net: Net | None = None

    def find(self, text: str, lang: str | None) -> Sequence[tuple[int, int]]:
        """As the net does; raises `LocalError` where it is missing or fails."""
        try:
            if self._net is None:
                self._net = self._load()
            return self._net.find(text, lang)
        except NetMissing as missing:
            raise LocalError(f"Nothing was sent: in the agreement {self._agreement.id} {missing}.") from None


class _Counter:
    """Redacts strings and counts what was replaced."""

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self.replaced = 0

    def redact(self, text: str) -> str:
        done = self._matcher.redact(text, settings=ENQUIRY)
        self.replaced += len(done.findings)
        return done.text

    def counted(self, text: str) -> tuple[str, int]:
        """The text redacted, and how many passages of it were replaced."""
        before = self.replaced
        return self.redact(text), self.replaced - before


def encode_json(value: Mapping[str, Any]) -> bytes:
    """The bytes of a section's content: readable JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _draft(
    data_type: str,
    number: int,
    part: str,
    section: Mapping[str, Any],
    roles: Iterable[Role],
    flags: Iterable[Flag],
    replaced: int = 0,
) -> SectionDraft:
    return SectionDraft(
        name=f"{data_type.lower()}.{number}.{part}",
        type=data_type,
        part=part,
        media=MEDIA,
        roles=tuple(sorted(roles)),
        flags=tuple(sorted(flags)),
        plaintext=encode_json(section),
        replaced=replaced,
    )


def _one_provider(messages: Iterable[MessagePlan]) -> None:
    """M13 goes to exactly one provider, or to several without anything that shows who or where somebody is (C.3)."""
    granted = [(r.agency.handle, m.section(name)) for m in messages for r in m.recipients for name in r.granted]
    shown = [d for _, d in granted if d.type != COVER and _TELLING.intersection(d.flags)]
    if shown and len({agency for agency, _ in granted}) > 1:
        raise BadInput(
            "A referral that shows who somebody is, or where, goes to one provider; name one, or offer it to several "
            "without those fields."
        )


def _full_cover(case: CaseFile) -> SectionDraft:
    """The cover as it was written, which may name anybody."""
    return _cover(case.cover, (Role.UNKNOWN,), (Flag.DIRECT,))


def _cover(
    words: Mapping[str, Any], roles: tuple[Role, ...], flags: tuple[Flag, ...], replaced: int = 0
) -> SectionDraft:
    return SectionDraft(
        name=COVER,
        type=COVER,
        part=COVER,
        media=MEDIA,
        roles=roles,
        flags=flags,
        plaintext=encode_json(dict(words)),
        replaced=replaced,
    )


def _pooled(pool: dict[tuple[str, str, bytes], SectionDraft], draft: SectionDraft) -> SectionDraft:
    """One section for equal content; another name where content differs between agencies."""
    key = (draft.type, draft.part, draft.plaintext)
    if key not in pool:
        names = {d.name for d in pool.values()}
        name, variant = draft.name, 1
        while name in names:
            variant += 1
            name = f"{draft.name}.p{variant}"
        pool[key] = replace(draft, name=name)
    return pool[key]
