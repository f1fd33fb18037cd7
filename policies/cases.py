"""Messages that nobody has sent: what `gather` finds of one section between two agencies, under any conditions. Pure.

For whoever asks what would be decided: explain, matrix, lint and rehearsal. A `Case` is one section in one message, a
`Setting` the two contacts and the agreement between them. The facts are made by `facts.gather` itself, from a manifest,
attestation, consent and release that were never signed by anybody; nothing here can be sent.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

from messages.attestations import (
    AttestedSection,
    Consent,
    ConsentForm,
    ConsentPurpose,
    ConsentRoute,
    Papers,
    Release,
)
from messages.catalogue import Catalogue
from messages.directory import Agency, Contact, Mandate
from messages.ids import AgencyHandle, ContactHandle, MessageId
from messages.labels import (
    Basis,
    Caveat,
    CrimeArea,
    Duty,
    EvidenceUse,
    Flag,
    HCode,
    Keeping,
    Kind,
    Lineage,
    Pap,
    PartyClass,
    Purpose,
    Role,
    Tlp,
    Urgency,
)
from messages.limits import DAY
from messages.manifest import Handling, Manifest
from policies.agreements import Agreement
from policies.facts import COVER, Facts, _effective, gather
from policies.words import BOOLEANS, COMES_WITH, MESSAGE_BORNE, words

JSON: Final = "application/json"
_MESSAGE: Final = MessageId(bytes(6) + b"\x40\x00\x80" + bytes(7))
_CONSENT: Final = bytes(16)
_DIGEST: Final = bytes(32)

ATTESTED: Final = "attested"
CONSENT: Final = "consent_covers"
RELEASED: Final = "released"
_MADE: Final = frozenset({ATTESTED, CONSENT, RELEASED})

_USUAL: Final = frozenset({"consent_stands", "releasable_to"})  # hold unless a message says otherwise
BORNE: Final = (
    ATTESTED,
    *sorted(n for n in BOOLEANS if words(n).lever in MESSAGE_BORNE and words(n).eased and n not in _USUAL),
)
"""Facts that a single message brings along: its guard's check, a consent, a release, an acceptance."""

Conditions = frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One section of one message, and what the message brings along (`brings`, of `BORNE`)."""

    kind: Kind
    data_type: str
    part: str
    purpose: Purpose = Purpose.INVESTIGATE
    basis: Basis = Basis.LED_8
    area: CrimeArea = CrimeArea.SEX
    tlp: Tlp = Tlp.AMBER
    h: HCode = HCode.H0
    caveats: tuple[Caveat, ...] = ()
    media: str = JSON
    rel_to: tuple[str, ...] = ()
    lineage: Lineage = Lineage.ORIGINAL
    evidence_use: EvidenceUse = EvidenceUse.INTELLIGENCE_ONLY
    roles: frozenset[Role] = frozenset()
    flags: frozenset[Flag] = frozenset()
    brings: Conditions = frozenset()
    exercise: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Between whom, under which agreement, by which catalogue, and when."""

    sender: Contact
    sender_agency: Agency
    recipient: Contact
    recipient_agency: Agency
    agreement: Agreement | None
    catalogue: Catalogue
    moment: int
    created: int | None = None  # when the message was made, if not at `moment`


def facts_of(case: Case, setting: Setting) -> Facts:
    """What `gather` finds. Facts that no attestation of ours can make are set as `case.brings` says."""
    created = setting.created if setting.created is not None else setting.moment
    manifest = Manifest(
        id=_MESSAGE,
        kind=case.kind,
        sender=setting.sender.handle,
        purpose=case.purpose,
        basis=case.basis,
        area=case.area,
        handling=Handling(tlp=case.tlp, h=case.h, pap=Pap.CLEAR, caveats=case.caveats, rel_to=case.rel_to),
        urgency=Urgency.NONE,
        created=created,
        expires=created + DAY,
        exercise=case.exercise,
        lineage=case.lineage,
        evidence_use=case.evidence_use,
        epoch=1,
        checkpoint=None,
        digests=(),
    )
    attested = ATTESTED in case.brings or CONSENT in case.brings
    section = AttestedSection(
        name="section",
        type=case.data_type,
        part=case.part,
        media=case.media,
        roles=tuple(sorted(case.roles)),
        flags=tuple(sorted(case.flags)),
        consent=_CONSENT if CONSENT in case.brings else None,
        digest=_DIGEST,
        commitment=_DIGEST,
    )
    papers = Papers(
        consents=(_consent(case, setting, created),) if CONSENT in case.brings else (),
        releases=(Release(message=_MESSAGE, manifest=_DIGEST, recipient=setting.recipient.handle, at=created),)
        if RELEASED in case.brings
        else (),
    )
    found = gather(
        manifest=manifest,
        sender=setting.sender,
        sender_agency=setting.sender_agency,
        recipient=setting.recipient,
        recipient_agency=setting.recipient_agency,
        claim=section,
        attested=section if attested else None,
        agreement=setting.agreement,
        papers=papers,
        catalogue=setting.catalogue,
        admitted=setting.moment,
    )
    return also(found, case.brings - _MADE)


def also(facts: Facts, brought: Conditions) -> Facts:
    """The facts with these besides, and whatever they cannot come about without."""
    others: dict[str, Any] = {name: True for name in with_all(brought) if not getattr(facts, name)}
    return replace(facts, **others) if others else facts


def with_all(brought: Conditions) -> Conditions:
    """These, and whatever they cannot come about without."""
    return brought.union(*(COMES_WITH.get(n, frozenset()) for n in brought))


@dataclass(frozen=True, slots=True)
class Claimed:
    """What somebody says a section is."""

    type: str
    part: str
    media: str
    roles: frozenset[Role]
    flags: frozenset[Flag]


def effective(claim: Claimed, *, attested: bool, free_text: bool) -> tuple[frozenset[Role], frozenset[Flag]]:
    """Roles and flags by which such a section would be decided."""
    return _effective(claim, claim if attested else None, free_text)  # type: ignore[arg-type]  # a guard found the same


def case_of(manifest: Manifest, media: str, facts: Facts) -> Case:
    """The case that a message was, by its signed header and the facts that were found of one of its sections."""
    handling = manifest.handling
    return Case(
        kind=manifest.kind,
        data_type=facts.data_type,
        part=facts.part,
        purpose=manifest.purpose,
        basis=manifest.basis,
        area=manifest.area,
        tlp=handling.tlp,
        h=handling.h,
        caveats=handling.caveats,
        media=media,
        roles=facts.roles,
        flags=facts.flags,
        brings=frozenset(name for name in BORNE if getattr(facts, name)),
        rel_to=handling.rel_to,
        lineage=manifest.lineage,
        evidence_use=manifest.evidence_use,
        exercise=manifest.exercise,
    )


def shifted(facts: Facts, before: Facts, after: Facts) -> Facts:
    """The facts with whatever differs between two cases: what neither case knows of stays as it was found."""
    changed: dict[str, Any] = {
        name: getattr(after, name)
        for name in Facts.__dataclass_fields__
        if getattr(after, name) != getattr(before, name)
    }
    return replace(facts, **changed) if changed else facts


def _consent(case: Case, setting: Setting, created: int) -> Consent:
    """The widest that a person could give: what this does not cover, no consent does."""
    return Consent(
        id=_CONSENT,
        collector=setting.sender.handle,
        purposes=tuple(ConsentPurpose),
        recipient=setting.recipient_agency.handle,
        party_class=None,
        items=((case.data_type, tuple(Flag)),),
        form=ConsentForm.WRITTEN,
        language="en",
        interpreter=False,
        given=created - 1,
        expires=max(created, setting.moment) + DAY,
        route=ConsentRoute.CONSENT,
        paper=_DIGEST,
    )


def stand_in(agency: Agency, moment: int, keeping: Keeping = Keeping.PERSON, name: str = "somebody") -> Contact:
    """A contact of an agency who may do all that a mandate can allow: to ask what else would stand in the way."""
    mandate = Mandate(
        start=moment - 400 * DAY,
        end=moment + 400 * DAY,
        areas=frozenset(CrimeArea),
        types=frozenset({"*"}),
        may_send=True,
        may_receive=True,
        duties=frozenset(Duty),
    )
    return Contact(
        handle=ContactHandle("c" + agency.handle[1:]),
        name=name,
        title="Nobody in particular",
        agency=agency.handle,
        signing_key=bytes(32),
        keeping=keeping,
        mandates=(mandate,),
    )


def some_agency(party_class: PartyClass, country: str = "AA", *, letter: str = "a") -> Agency:
    """An agency of a class that stands for all of them."""
    handle = AgencyHandle("a" + letter * 12)
    name = f"{party_class.lower()}-{letter}"
    return Agency(handle=handle, name=name, title=name, party_class=party_class, country=country, nkey="U" + letter)


def parts(catalogue: Catalogue, data_type: str) -> tuple[str, ...]:
    """The parts of a type; none for one that the catalogue does not hold yet."""
    if data_type == COVER:
        return (COVER,)
    entry = catalogue.types.get(data_type)
    return entry.parts if entry is not None else ()
