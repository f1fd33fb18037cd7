"""Everything a rule may look at, for one recipient and one section.

`Facts` are booleans and enumerated words only, so equal facts get equal decisions and decisions can be remembered under
them. Times never enter: `gather` first reduces them, per message, to booleans (mandates in force at creation *and*
admission, agreement in force, consent live). Nothing here is looked up or verified: signatures, digests and the
authority of whoever released or countersigned are the caller's to check before it passes the objects in.

Every boolean is named so that True is the condition under which sharing is easier (`sender_mandated`) or a plain
property of the case (`abroad`, `free_text`); the rules say which is which, and `RELAXING` lists the first kind.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Protocol

from messages.attestations import Acceptance, AttestedSection, ConsentRoute, Papers, Permission
from messages.catalogue.datatype import DataType
from messages.catalogue.loader import Catalogue
from messages.directory import Agency, Contact
from messages.ids import AgencyHandle
from messages.labels import (
    Basis,
    Caveat,
    EvidenceUse,
    Flag,
    HCode,
    Keeping,
    Kind,
    Lift,
    Lineage,
    PartyClass,
    Purpose,
    Role,
    Tlp,
)
from messages.limits import CLOCK_SKEW, DAY
from messages.manifest import Manifest
from policies import consent as consents_
from policies import rights
from policies.agreements import Agreement, Exchange

COVER: Final = "cover"
"""Type and part of the section that holds every word a person wrote for the header."""

SEALED: Final = "sealed"
"""The purpose of a part that nobody may open before an acceptance (R-27)."""

BY_REFERRAL: Final = frozenset({Kind.VICTIM_REFERRAL, Kind.DUTY_TO_NOTIFY})
"""The kinds in which a class that gets a type "by referral only" may receive it."""

ABROAD: Final = frozenset({PartyClass.FOR, PartyClass.IOL})
NGO: Final = frozenset({PartyClass.NGO_S, PartyClass.NGO_P})
SPECIAL: Final = frozenset({Basis.LED_10, Basis.GDPR_9_2_A, Basis.GDPR_9_2_C})
"""The bases on which special-category data (LED art. 10, GDPR art. 9) may be processed at all (R-20)."""

ACCEPTED_WITHIN: Final = 90 * DAY
"""How old a provider's acceptance may be when the sealed part follows it."""

IMPERSONAL: Final = frozenset({"A28"})
"""Types that are about nobody; in every other an undeclared role is `unknown`, which counts as a victim (R-02)."""


class Claim(Protocol):
    """What somebody says a section is: the sender in its description, or the guard in its attestation."""

    @property
    def type(self) -> str: ...
    @property
    def part(self) -> str: ...
    @property
    def media(self) -> str: ...
    @property
    def roles(self) -> Collection[Role]: ...
    @property
    def flags(self) -> Collection[Flag]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts of one (recipient, section). Hashable; equal facts are decided once."""

    # what passes between whom
    kind: Kind
    purpose: Purpose
    sender_class: PartyClass
    recipient_class: PartyClass
    data_type: str  # "A02", or "cover"
    part: str  # "identity"
    roles: frozenset[Role]  # as the guard found them; else as declared, and `unknown` where nothing was
    flags: frozenset[Flag]  # as the guard found them; else as declared, and D for every free-form part
    roles_declared: bool  # the sender says whose data it is, or the type is about nobody
    # the two contacts
    sender_mandated: bool  # in force at creation and admission, may send, covers type and crime area
    recipient_mandated: bool  # the same, may receive
    named_person: bool  # the recipient's key is unlocked by that person alone
    sender_person: bool  # the sender's is
    own_agency: bool  # both contacts belong to one agency
    abroad: bool  # class FOR or IOL, or another country than the sender's
    # the agreement that the grant names
    agreement_in_force: bool  # between these two agencies, at creation and admission
    type_agreed: bool  # in this direction
    kind_agreed: bool
    media_agreed: bool
    purpose_agreed: bool
    basis_agreed: bool
    area_agreed: bool
    handling_agreed: bool  # TLP within the ceiling, H code among those accepted
    joint_team: bool  # the agreement is one of a joint investigation team
    # handling of this message
    exercise_fits: bool  # no exercise, or the recipient takes part in exercises
    named_only: bool  # TLP:RED
    no_foreign: bool  # caveat NOFORN
    state_only: bool  # caveat FED-ONLY
    team_only: bool  # caveat JIT
    releasable_to: bool  # no REL TO, or the recipient's country is in it
    not_in_proceedings: bool  # H1
    special_basis: bool  # a legal basis on which special-category data may be processed
    as_evidence: bool  # the sender lets it be used as evidence
    # where the content comes from
    passed_on: bool  # somebody else's, forwarded or derived from
    onward_closed: bool  # it carries H2, ORCON, EGMONT or a TLP over GREEN
    onward_permitted: bool  # its originator permitted this sender to pass it on to this recipient for this purpose
    proceedings_permitted: bool  # and to use it in proceedings
    fiu_consent: bool  # a financial intelligence unit sends it as its own, or permitted this
    # the catalogue
    class_may_receive: bool
    redacted_only: bool  # the class receives this type redacted or coded, nothing of flags D, L and S
    kind_carries_type: bool
    free_text: bool  # this part has fields that people write freely
    picture: bool  # an image or a video
    sealed_part: bool
    # the guard
    attested: bool
    declared_as_attested: bool  # type, part, media, roles and flags; True where nothing is attested
    searched: bool  # the guard knew at least one identity to search for; True where nothing is attested
    reviewed: bool  # a second contact whose mandate names that duty has read this section for this recipient
    # identity
    identity_right: bool  # the class may hold it (`rights.yaml`) and the agreement lists it
    consent_demanded: bool  # the right rests on consent, or an NGO is on either side
    consent_covers: bool
    consent_stands: bool  # the consent that the guard names was not withdrawn; True where none is named
    vital_interest: bool  # two contacts claim a vital interest: a consent by that route, and a glass broken
    released: bool  # a second contact released this message to this recipient
    accepted: bool  # the recipient's agency accepted a referral of the sender's agency

    @property
    def section_kind(self) -> str:
        """ "A02/identity", or "cover"."""
        return COVER if self.data_type == COVER else f"{self.data_type}/{self.part}"

    @property
    def identifying(self) -> bool:
        """Whether it can identify, find or hurt somebody whose role is protected (CATALOGUE 0.4)."""
        return any(r.protected for r in self.roles) and not self.flags.isdisjoint(consents_.IDENTIFYING)


RELAXING: Final = frozenset(
    {
        "roles_declared",
        "sender_mandated",
        "recipient_mandated",
        "named_person",
        "sender_person",
        "own_agency",
        "agreement_in_force",
        "type_agreed",
        "kind_agreed",
        "media_agreed",
        "purpose_agreed",
        "basis_agreed",
        "area_agreed",
        "handling_agreed",
        "joint_team",
        "exercise_fits",
        "releasable_to",
        "special_basis",
        "onward_permitted",
        "proceedings_permitted",
        "fiu_consent",
        "class_may_receive",
        "kind_carries_type",
        "declared_as_attested",
        "searched",
        "reviewed",
        "identity_right",
        "consent_covers",
        "consent_stands",
        "vital_interest",
        "released",
        "accepted",
    }
)
"""Facts that can only help: turning one from False to True never turns a permit into a refusal (a law, tested).

`attested` is not among them although it helps: it also fixes roles and flags, which may then be worse than declared.
`vital_interest` is, with one exception: it takes the place of every other ground, so that where the recipient has no
right of its own, a message that claims it is refused although it would have passed without the claim.
"""


_NONE: Final = Papers()
_ORIGINATOR: Final = frozenset({Caveat.ORCON, Caveat.EGMONT})


def gather(
    *,
    manifest: Manifest,
    sender: Contact,
    sender_agency: Agency,
    recipient: Contact,
    recipient_agency: Agency,
    claim: Claim,
    attested: AttestedSection | None,
    agreement: Agreement | None,
    papers: Papers = _NONE,
    searched: int = 1,
    catalogue: Catalogue,
    admitted: int,
) -> Facts:
    """Reduce what is known about one recipient and one section to facts.

    `claim` is the sender's description of the section, `attested` the guard's entry of the same name, or None where no
    guard attested it to this recipient; `agreement` is the one that the grant names, or None if there is none by that
    id. `papers` are those whose signatures and duties were verified, its consents without those that lack a
    countersignature that is due. `searched` is the number of identities that the guard knew. `admitted` is the broker's
    admission time, or the sender's clock while it plans.
    """
    moments = (manifest.created, admitted)
    own = sender.agency == recipient.agency
    data_type, part = claim.type, claim.part
    is_cover = data_type == COVER
    entry = catalogue.types.get(data_type)
    free_text = _cover_has_words(catalogue, manifest.kind) if is_cover else _free_text(catalogue, data_type, part)
    roles, flags = _effective(claim, attested, free_text)
    in_force = (
        agreement is not None
        and agreement.binds(sender_agency.name, recipient_agency.name)
        and all(agreement.in_force(m) for m in moments)
    )
    agreed = _Agreed(agreement if in_force else None, manifest, sender_agency, recipient_agency, claim)
    right = rights.load().right(data_type, recipient_agency.party_class)
    person = recipient.keeping is Keeping.PERSON
    to, latest = recipient.handle, admitted + CLOCK_SKEW
    released = any(r.message == manifest.id and r.recipient == to and r.at <= latest for r in papers.releases)
    broken = any(b.message == manifest.id and b.recipient == to and b.at <= latest for b in papers.broken)
    covering = [
        c
        for c in papers.consents
        # Only the guard can say that a section is about this consent's person.
        if attested is not None
        and attested.consent == c.id
        and (c.route is not ConsentRoute.VITAL_INTEREST or (broken and manifest.expires <= c.expires))
        and consents_.covers(
            c,
            data_type=data_type,
            flags=flags,
            purpose=manifest.purpose,
            recipient=recipient_agency,
            to_person=person,
            created=manifest.created,
            admitted=admitted,
            withdrawn=papers.withdrawn,
            written_only=sender_agency.written_consent_only,
        )
    ]
    passed_on = manifest.lineage.passed_on
    permissions = [
        (p, party)
        for p, _, party in papers.permissions
        if _permits(p, manifest, sender_agency.handle, recipient_agency.handle, admitted)
    ]
    onward = any(Lift.ONWARD in p.lifts for p, _ in permissions)
    return Facts(
        kind=manifest.kind,
        purpose=manifest.purpose,
        sender_class=sender_agency.party_class,
        recipient_class=recipient_agency.party_class,
        data_type=data_type,
        part=part,
        roles=roles,
        flags=flags,
        roles_declared=bool(claim.roles) or is_cover or (entry is not None and entry.role.may_be_nobody),
        sender_mandated=_mandated(sender, manifest, data_type, moments, sending=True),
        recipient_mandated=_mandated(recipient, manifest, data_type, moments, sending=False),
        named_person=person,
        sender_person=sender.keeping is Keeping.PERSON,
        own_agency=own,
        abroad=recipient_agency.party_class in ABROAD or recipient_agency.country != sender_agency.country,
        agreement_in_force=in_force,
        type_agreed=agreed.type,
        kind_agreed=agreed.kind,
        media_agreed=agreed.media,
        purpose_agreed=agreed.purpose,
        basis_agreed=agreed.basis,
        area_agreed=agreed.area,
        handling_agreed=agreed.handling,
        joint_team=agreement is not None and in_force and agreement.joint_team,
        exercise_fits=not manifest.exercise or all(_exercises(recipient, m) for m in moments),
        named_only=manifest.handling.tlp is Tlp.RED,
        no_foreign=Caveat.NOFORN in manifest.handling.caveats,
        state_only=Caveat.FED_ONLY in manifest.handling.caveats,
        team_only=Caveat.JIT in manifest.handling.caveats,
        releasable_to=not manifest.handling.rel_to or recipient_agency.country in manifest.handling.rel_to,
        not_in_proceedings=manifest.handling.h is HCode.H1,
        special_basis=manifest.basis in SPECIAL,
        as_evidence=manifest.evidence_use is not EvidenceUse.INTELLIGENCE_ONLY,
        passed_on=passed_on,
        onward_closed=manifest.handling.h is HCode.H2
        or bool(_ORIGINATOR.intersection(manifest.handling.caveats))
        or manifest.handling.tlp.rank > Tlp.GREEN.rank,
        onward_permitted=onward,
        proceedings_permitted=any(Lift.PROCEEDINGS in p.lifts for p, _ in permissions),
        fiu_consent=(
            sender_agency.party_class is PartyClass.FIU and manifest.lineage is not Lineage.REPLY and not passed_on
        )
        or any(Lift.ONWARD in p.lifts and party is PartyClass.FIU for p, party in permissions),
        # Who is no normal receiver but has a right "by release" may receive it by that release.
        class_may_receive=is_cover
        or _receives(entry, recipient_agency.party_class, part, manifest.kind)
        or (entry is not None and right is rights.Right.RELEASE and released),
        redacted_only=entry is not None and entry.receivers.get(recipient_agency.party_class) in ("redacted", "coded"),
        kind_carries_type=is_cover or _carries(catalogue, manifest.kind, data_type),
        free_text=free_text,
        picture=claim.media.partition("/")[0] in ("image", "video"),
        sealed_part=entry is not None and entry.purposes.get(part) == SEALED,
        attested=attested is not None,
        declared_as_attested=attested is None or _same(claim, attested),
        # A return of statistics is about nobody: there is nobody to search for.
        searched=attested is None or searched > 0 or manifest.kind is Kind.STATISTICS_RETURN,
        reviewed=attested is not None
        and any(
            r.message == manifest.id and r.recipient == to and attested.name in r.sections and r.at <= latest
            for r in papers.reviews
        ),
        identity_right=right is not rights.Right.NEVER and (own or agreed.identity),
        consent_demanded=right is rights.Right.CONSENT
        or recipient_agency.party_class in NGO
        or sender_agency.party_class in NGO,
        consent_covers=bool(covering),
        consent_stands=attested is None or attested.consent is None or attested.consent not in papers.withdrawn,
        vital_interest=any(c.route is ConsentRoute.VITAL_INTEREST for c in covering),
        released=released,
        accepted=any(_accepts(a, by, manifest, sender_agency, recipient_agency) for a, by in papers.acceptances),
    )


def _permits(
    permission: Permission, manifest: Manifest, grantee: AgencyHandle, recipient: AgencyHandle, admitted: int
) -> bool:
    return (
        (permission.grantee, permission.recipient) == (grantee, recipient)
        and manifest.purpose in permission.purposes
        and permission.at <= manifest.created + CLOCK_SKEW
        and max(manifest.created, admitted) < permission.expires
    )


def _accepts(acceptance: Acceptance, by: AgencyHandle, manifest: Manifest, referrer: Agency, provider: Agency) -> bool:
    return (
        acceptance.accepted
        and by == provider.handle
        and acceptance.referrer == referrer.handle
        and acceptance.message != manifest.id  # the offer comes first
        and 0 <= manifest.created + CLOCK_SKEW - acceptance.at <= ACCEPTED_WITHIN
    )


def _exercises(contact: Contact, moment: int) -> bool:
    mandate = contact.mandate_at(moment)
    return mandate is not None and mandate.exercise


_FREE_TEXT: Final[dict[tuple[str, str, str], bool]] = {}


def _cover_has_words(catalogue: Catalogue, kind: Kind) -> bool:
    """Whether a cover of this kind may hold what somebody wrote freely; whoever opens one holds it to its kind."""
    known = catalogue.kinds.get(kind)
    return known is None or not known.wordless


def _free_text(catalogue: Catalogue, data_type: str, part: str) -> bool:
    """Whether people may write freely in this part; what the catalogue does not know counts as written freely."""
    known = _FREE_TEXT.get((catalogue.digest, data_type, part))
    if known is None:
        entry = catalogue.types.get(data_type)
        if entry is None or part not in entry.parts:
            return True  # not remembered: a stranger chooses these words
        known = _FREE_TEXT[catalogue.digest, data_type, part] = entry.has_free_text(part)
    return known


def _effective(
    claim: Claim, attested: AttestedSection | None, free_text: bool
) -> tuple[frozenset[Role], frozenset[Flag]]:
    """Roles and flags to decide by: the guard's word, else the sender's with the worst assumed where it is silent."""
    roles, flags = frozenset(claim.roles), frozenset(claim.flags)
    if attested is not None:
        roles, flags = frozenset(attested.roles), frozenset(attested.flags)
        # Types that say nothing of persons carry flags without roles: somebody is in there all the same.
        return (roles | {Role.UNKNOWN} if flags and not roles else roles), flags
    if not roles and claim.type not in IMPERSONAL:
        roles = frozenset({Role.UNKNOWN})
    if free_text:
        # Whoever writes freely may name anybody, so the text is about an unknown person until somebody has looked.
        roles, flags = roles | {Role.UNKNOWN}, flags | {Flag.DIRECT}
    return roles, flags


def _mandated(contact: Contact, manifest: Manifest, data_type: str, moments: tuple[int, ...], *, sending: bool) -> bool:
    for moment in moments:
        mandate = contact.mandate_at(moment)
        if mandate is None or not (mandate.may_send if sending else mandate.may_receive):
            return False
        if not mandate.covers_type(data_type) or manifest.area not in mandate.areas:
            return False
    return True


def _receives(entry: DataType | None, party_class: PartyClass, part: str, kind: Kind) -> bool:
    if entry is None or (party_class in entry.only and part not in entry.only[party_class]):
        return False
    how = entry.receivers.get(party_class)
    return kind in BY_REFERRAL if how == "referral" else how is not None


def _carries(catalogue: Catalogue, kind: Kind, data_type: str) -> bool:
    entry = catalogue.kinds.get(kind)
    return entry is not None and data_type in entry.types


def _same(claim: Claim, attested: Claim) -> bool:
    return (
        (claim.type, claim.part, claim.media) == (attested.type, attested.part, attested.media)
        and frozenset(claim.roles) == frozenset(attested.roles)
        and frozenset(claim.flags) == frozenset(attested.flags)
    )


class _Agreed:
    """What one agreement says about one section; all False without an agreement in force.

    Type, kind and media have to be agreed in one and the same exchange: two exchanges do not add up to a third.
    """

    __slots__ = ("area", "basis", "handling", "identity", "kind", "media", "purpose", "type")

    def __init__(
        self, agreement: Agreement | None, manifest: Manifest, sender: Agency, recipient: Agency, claim: Claim
    ) -> None:
        exchanges = agreement.exchanges(sender.name, recipient.name) if agreement else []
        with_type = [e for e in exchanges if claim.type in (COVER, *e.types)]
        with_kind = [e for e in with_type if manifest.kind in e.kinds]
        # The cover is our own form and has one media type, which needs no agreeing.
        with_media = [e for e in with_kind if claim.type == COVER or claim.media in e.media]
        self.type = bool(with_type)
        self.kind = bool(with_kind)
        self.media = bool(with_media)
        self.purpose = agreement is not None and manifest.purpose in agreement.purposes
        self.basis = agreement is not None and manifest.basis in agreement.bases
        self.area = agreement is not None and manifest.area in agreement.areas
        self.handling = agreement is not None and agreement.handling.admits(manifest.handling.tlp, manifest.handling.h)
        self.identity = any(_identity(e, claim.type, recipient.party_class) for e in with_media)


def _identity(exchange: Exchange, data_type: str, recipient: PartyClass) -> bool:
    if data_type == COVER:
        # The cover's words may name whoever the other sections name: it needs a right to at least one identity.
        return any(rights.load().right(t, recipient) is not rights.Right.NEVER for t in exchange.identity)
    return data_type in exchange.identity
