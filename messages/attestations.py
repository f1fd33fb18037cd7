"""What others than the sender sign beside the manifest: the guard, a releasing or reviewing contact, whoever breaks a
glass, a consent's collector, a provider that accepted a referral, the originator of what is passed on.

Each has a row in the table of docs/envelope.md section 7. These are shapes; `keys.verifying` checks the signatures
against the directory.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from messages import cbor, ids, limits
from messages.cbor import Reader
from messages.errors import Malformed
from messages.ids import AgencyHandle, ContactHandle, MessageId
from messages.labels import Flag, Ground, Lift, PartyClass, Purpose, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestedSection:
    """What the guard found one section to be: computed by it, not copied from the sender's claim."""

    name: str
    type: str
    part: str
    media: str
    roles: tuple[Role, ...]
    flags: tuple[Flag, ...]
    consent: bytes | None  # id of the consent of the person this section is about
    digest: bytes
    commitment: bytes

    def to_value(self) -> dict[str, object]:
        """The map that is signed."""
        return {
            "name": self.name,
            "type": self.type,
            "part": self.part,
            "media": self.media,
            "roles": sorted(r.value for r in self.roles),
            "flags": sorted(f.value for f in self.flags),
            "consent": self.consent,
            "digest": self.digest,
            "commitment": self.commitment,
        }

    @classmethod
    def read(cls, value: object) -> "AttestedSection":
        """Read it, or raise `Malformed`."""
        reader = Reader(value, "attested section")
        section = cls(
            name=reader.code("name", ids.section_name),
            type=reader.text("type", 16),
            part=reader.text("part", 16),
            media=reader.text("media", 128),
            roles=reader.codes("roles", Role),
            flags=reader.codes("flags", Flag),
            consent=reader.maybe("consent", 16),
            digest=reader.fixed("digest", limits.DIGEST),
            commitment=reader.fixed("commitment", limits.DIGEST),
        )
        reader.end()
        return section


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardAttestation:
    """The release guard's word over what one recipient without identity rights gets (docs/design.md section 7.3)."""

    message: MessageId
    sender: ContactHandle
    recipient: ContactHandle
    sections: tuple[AttestedSection, ...]
    grant: bytes  # SHA-256 of the grant, which the guard sealed itself
    identities: int  # how many known identities were searched for
    rules: str  # version of guard and detectors
    at: int

    def section(self, name: str) -> AttestedSection | None:
        """The attested section of this name."""
        return next((s for s in self.sections if s.name == name), None)

    def to_bytes(self) -> bytes:
        """The body to sign (tag `guard-attestation`)."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "message": self.message,
                "sender": self.sender,
                "recipient": self.recipient,
                "sections": [s.to_value() for s in self.sections],
                "grant": self.grant,
                "identities": self.identities,
                "rules": self.rules,
                "at": self.at,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "GuardAttestation":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "guard's attestation"), "guard's attestation")
        reader.version()
        attestation = cls(
            message=ids.message_id(reader.fixed("message", 16)),
            sender=reader.code("sender", ids.contact_handle),
            recipient=reader.code("recipient", ids.contact_handle),
            sections=tuple(map(AttestedSection.read, reader.items("sections", limits.SECTIONS))),
            grant=reader.fixed("grant", limits.DIGEST),
            identities=reader.number("identities"),
            rules=reader.text("rules", 128),
            at=reader.number("at"),
        )
        reader.end()
        if len({s.name for s in attestation.sections}) != len(attestation.sections):
            raise Malformed("A guard's attestation names a section twice.")
        return attestation


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A second contact's release of this very message to one recipient, where a rule demands it."""

    message: MessageId
    manifest: bytes  # SHA-256 of pae("manifest", manifest bytes)
    recipient: ContactHandle
    at: int

    def to_bytes(self) -> bytes:
        """The body to sign (tag `release-attestation`)."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "message": self.message,
                "manifest": self.manifest,
                "recipient": self.recipient,
                "at": self.at,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Release":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "release"), "release")
        reader.version()
        release = cls(
            message=ids.message_id(reader.fixed("message", 16)),
            manifest=reader.fixed("manifest", limits.DIGEST),
            recipient=reader.code("recipient", ids.contact_handle),
            at=reader.number("at"),
        )
        reader.end()
        return release


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A second contact's word that it has read what goes to one recipient, where a rule demands a person's eyes."""

    message: MessageId
    manifest: bytes  # SHA-256 of pae("manifest", manifest bytes)
    recipient: ContactHandle
    sections: tuple[str, ...]  # names of those that were read
    at: int

    def to_bytes(self) -> bytes:
        """The body to sign (tag `review-attestation`)."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "message": self.message,
                "manifest": self.manifest,
                "recipient": self.recipient,
                "sections": sorted(self.sections),
                "at": self.at,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Review":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "review"), "review")
        reader.version()
        review = cls(
            message=ids.message_id(reader.fixed("message", 16)),
            manifest=reader.fixed("manifest", limits.DIGEST),
            recipient=reader.code("recipient", ids.contact_handle),
            sections=reader.codes("sections", ids.section_name, limits.SECTIONS),
            at=reader.number("at"),
        )
        reader.end()
        return review


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlass:
    """A second contact's word that a vital interest demands this message now (R-07). It makes a task for a reviewer."""

    message: MessageId
    manifest: bytes
    recipient: ContactHandle
    ground: Ground
    at: int

    def to_bytes(self) -> bytes:
        """The body to sign (tag `break-glass`)."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "message": self.message,
                "manifest": self.manifest,
                "recipient": self.recipient,
                "ground": self.ground.value,
                "at": self.at,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "BreakGlass":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "break-glass"), "break-glass")
        reader.version()
        broken = cls(
            message=ids.message_id(reader.fixed("message", 16)),
            manifest=reader.fixed("manifest", limits.DIGEST),
            recipient=reader.code("recipient", ids.contact_handle),
            ground=reader.code("ground", Ground),
            at=reader.number("at"),
        )
        reader.end()
        return broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A provider's word on a referral that it was offered: with it the sealed part may follow (R-27)."""

    message: MessageId  # of the offer
    manifest: bytes  # of the offer
    referrer: AgencyHandle
    recipient: ContactHandle  # who accepts or declines, and signs
    accepted: bool
    at: int

    def to_bytes(self) -> bytes:
        """The body to sign (tag `acceptance-evidence`)."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "message": self.message,
                "manifest": self.manifest,
                "referrer": self.referrer,
                "recipient": self.recipient,
                "accepted": self.accepted,
                "at": self.at,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Acceptance":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "acceptance"), "acceptance")
        reader.version()
        acceptance = cls(
            message=ids.message_id(reader.fixed("message", 16)),
            manifest=reader.fixed("manifest", limits.DIGEST),
            referrer=reader.code("referrer", ids.agency_handle),
            recipient=reader.code("recipient", ids.contact_handle),
            accepted=reader.flag("accepted"),
            at=reader.number("at"),
        )
        reader.end()
        return acceptance


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """An originator's permission to somebody who holds its content: to whom, for what, and until when (R-17, R-18)."""

    message: MessageId  # the originator's own message
    originator: ContactHandle  # who permits, and signs
    grantee: AgencyHandle  # who may pass it on
    recipient: AgencyHandle  # to whom
    purposes: tuple[Purpose, ...]
    lifts: tuple[Lift, ...]
    at: int
    expires: int

    def to_bytes(self) -> bytes:
        """The body to sign (tag `dissemination-permission`)."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "message": self.message,
                "originator": self.originator,
                "grantee": self.grantee,
                "recipient": self.recipient,
                "purposes": sorted(p.value for p in self.purposes),
                "lifts": sorted(lift.value for lift in self.lifts),
                "at": self.at,
                "expires": self.expires,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Permission":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "permission"), "permission")
        reader.version()
        permission = cls(
            message=ids.message_id(reader.fixed("message", 16)),
            originator=reader.code("originator", ids.contact_handle),
            grantee=reader.code("grantee", ids.agency_handle),
            recipient=reader.code("recipient", ids.agency_handle),
            purposes=reader.codes("purposes", Purpose),
            lifts=reader.codes("lifts", Lift),
            at=reader.number("at"),
            expires=reader.number("expires"),
        )
        reader.end()
        if not (permission.purposes and permission.lifts and permission.at < permission.expires):
            raise Malformed("A permission names a purpose, what it lifts, and an end after its beginning.")
        return permission


class ConsentPurpose(StrEnum):
    """What a person may allow (A23)."""

    SERVICES = "services"
    TRACING = "tracing"
    INVESTIGATION = "investigation"
    PROSECUTION = "prosecution"
    STATISTICS = "statistics-non-identifiable"
    RESEARCH = "research"


class ConsentForm(StrEnum):
    """How it was given. A provider bound by VAWA accepts `written` only."""

    WRITTEN = "written"
    VERBAL_WITNESSED = "verbal-witnessed"
    THUMBPRINT = "thumbprint"


class ConsentRoute(StrEnum):
    """On what ground there is, or need not be, a consent (R-02, R-07, R-26)."""

    CONSENT = "consent"
    CHILD = "child"
    VITAL_INTEREST = "vital-interest"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """The terms of a person's consent, without the person: no name, no pseudonym (docs/design.md section 6)."""

    id: bytes
    collector: ContactHandle
    purposes: tuple[ConsentPurpose, ...]
    recipient: AgencyHandle | None  # exactly one of `recipient` and `party_class`
    party_class: PartyClass | None
    items: tuple[tuple[str, tuple[Flag, ...]], ...]  # ("A24", (D, L)), …
    form: ConsentForm
    language: str
    interpreter: bool
    given: int
    expires: int
    route: ConsentRoute
    paper: bytes  # salted SHA-256 of the signed paper, which stays with the collector

    def to_bytes(self) -> bytes:
        """The body to sign (tag `consent`; the countersignature signs the same body under its own tag)."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "id": self.id,
                "collector": self.collector,
                "purposes": sorted(p.value for p in self.purposes),
                "recipient": self.recipient,
                "class": self.party_class.value if self.party_class else None,
                "items": [[t, sorted(f.value for f in flags)] for t, flags in self.items],
                "form": self.form.value,
                "language": self.language,
                "interpreter": self.interpreter,
                "given": self.given,
                "expires": self.expires,
                "route": self.route.value,
                "paper": self.paper,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Consent":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "consent"), "consent")
        reader.version()
        recipient = reader.maybe_code("recipient", ids.agency_handle)
        party_class = reader.maybe_code("class", PartyClass)
        if (recipient is None) == (party_class is None):
            raise Malformed("A consent names one recipient agency or one class of agencies.")
        consent = cls(
            id=reader.fixed("id", 16),
            collector=reader.code("collector", ids.contact_handle),
            purposes=reader.codes("purposes", ConsentPurpose),
            recipient=recipient,
            party_class=party_class,
            items=tuple(_item(i) for i in reader.items("items", limits.SECTIONS)),
            form=reader.code("form", ConsentForm),
            language=reader.text("language", 16),
            interpreter=reader.flag("interpreter"),
            given=reader.number("given"),
            expires=reader.number("expires"),
            route=reader.code("route", ConsentRoute),
            paper=reader.fixed("paper", limits.DIGEST),
        )
        reader.end()
        return consent


def _item(value: object) -> tuple[str, tuple[Flag, ...]]:
    if type(value) is not list or len(value) != 2 or type(value[0]) is not str or type(value[1]) is not list:
        raise Malformed("A consent's item has the wrong form.")
    reader = Reader({"type": value[0], "flags": value[1]}, "consent's item")
    return reader.text("type", 16), reader.codes("flags", Flag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """That a consent holds no longer: from its receipt on grants are refused and holders told (R-08)."""

    consent: bytes
    at: int

    def to_bytes(self) -> bytes:
        """The body to sign (tag `consent-withdrawal`)."""
        return cbor.dump({"v": limits.VERSION, "consent": self.consent, "at": self.at})

    @classmethod
    def from_bytes(cls, data: bytes) -> "Withdrawal":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "withdrawal"), "withdrawal")
        reader.version()
        withdrawal = cls(consent=reader.fixed("consent", 16), at=reader.number("at"))
        reader.end()
        return withdrawal


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """The attestations beside one message that were verified: signatures, duties and countersignatures hold.

    Made by `keys.verifying` for what travels, and by whoever plans for what will. `reviews` and the like are about any
    recipient of the message: who judges picks those of the recipient in question.
    """

    consents: Collection[Consent] = ()
    countersigned: Collection[bytes] = ()  # ids of consents that a second contact countersigned
    withdrawn: Collection[bytes] = ()  # ids of consents
    releases: Collection[Release] = ()
    reviews: Collection[Review] = ()
    broken: Collection[BreakGlass] = ()
    acceptances: Collection[tuple[Acceptance, AgencyHandle]] = ()  # with the agency that accepted
    permissions: Collection[tuple[Permission, AgencyHandle, PartyClass]] = ()  # with the originator's agency and class
