"""Make verified forms of envelopes and views: this module alone does, so "was it checked?" is a type.

A `Verified` has: the sender's signature over the manifest; every opening among the manifest's digests, once; every
section and grant the very bytes its signed description names. An `Attested` has: every attestation signed by somebody
whom the directory names for that duty. Not checked here: mandates, freshness, and whether anybody may get anything.

A contact's signing key can be followed by another, so everything here is checked `at` a moment: the admission (at a
recipient, the one that the stamp names). The manifest's own date decides nothing: whoever stole a key that was given
up since would write any date.
"""

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Protocol, TypeVar

from keys.consents import consent_id
from keys.domains import Tag
from keys.sealing import DecryptionKey, grant_length, open_grant, open_section
from keys.signing import check, digest, verify
from messages.attestations import (
    Acceptance,
    AttestedSection,
    BreakGlass,
    Consent,
    GuardAttestation,
    Papers,
    Permission,
    Release,
    Review,
)
from messages.directory import Contact, Directory
from messages.envelope import GRANT, Envelope, GrantDetail, Opening, Outer, SectionDetail, View
from messages.errors import Unverified
from messages.ids import AgencyHandle, ContactHandle, MessageId
from messages.labels import Duty, PartyClass
from messages.limits import digest_slots
from messages.manifest import Manifest
from messages.signed import Signed


class _Said(Protocol):
    @property
    def message(self) -> MessageId: ...
    @property
    def manifest(self) -> bytes: ...


T = TypeVar("T", bound=_Said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """An envelope whose signature, digests and descriptions hold for `sender`."""

    envelope: Envelope
    sender: Contact
    manifest_digest: bytes
    sections: Mapping[str, SectionDetail]
    grants: Mapping[ContactHandle, GrantDetail]
    section_openings: Mapping[str, Opening]
    grant_openings: Mapping[ContactHandle, Opening]

    @property
    def manifest(self) -> Manifest:
        """The signed header."""
        return self.envelope.manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedView:
    """A view whose signature, digests and descriptions hold, as its recipient may open it."""

    view: View
    sender: Contact
    manifest_digest: bytes
    sections: Mapping[str, SectionDetail]
    grant: GrantDetail
    withheld: tuple[str, ...]  # kinds of sections that exist and were not granted

    @property
    def manifest(self) -> Manifest:
        """The signed header."""
        return self.view.manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """Attestations whose signers the directory names for that duty."""

    guards: Mapping[ContactHandle, GuardAttestation] = field(default_factory=dict)
    releases: Mapping[ContactHandle, Release] = field(default_factory=dict)
    reviews: Mapping[ContactHandle, Review] = field(default_factory=dict)
    broken: Mapping[ContactHandle, BreakGlass] = field(default_factory=dict)
    consents: Mapping[bytes, Consent] = field(default_factory=dict)
    countersigned: frozenset[bytes] = frozenset()
    acceptances: tuple[tuple[Acceptance, AgencyHandle], ...] = ()  # with the agency that accepted
    permissions: tuple[tuple[Permission, AgencyHandle, PartyClass], ...] = ()  # with the originator's agency and class
    sender: AgencyHandle | None = None  # whose message they stand beside
    vouched: tuple[Permission, ...] = ()  # by originators whom nobody here knows: the broker's word is all there is

    def papers(self, withdrawn: Collection[bytes] = ()) -> Papers:
        """What rules may look at; `withdrawn` holds the ids of consents that are known to hold no longer."""
        return Papers(
            consents=tuple(self.consents.values()),
            countersigned=self.countersigned,
            withdrawn=withdrawn,
            releases=tuple(self.releases.values()),
            reviews=tuple(self.reviews.values()),
            broken=tuple(self.broken.values()),
            acceptances=self.acceptances,
            permissions=self.permissions,
        )

    def searched(self, recipient: ContactHandle) -> int:
        """How many known identities the guard searched what goes to this recipient for."""
        guard = self.guards.get(recipient)
        return guard.identities if guard is not None else 0

    def concerns(self, signed: Signed, recipient: ContactHandle, agency: AgencyHandle) -> bool:
        """Whether this attestation, one of those verified here, is about this recipient of that agency.

        Everything else would tell a recipient of other recipients.
        """
        body = signed.body
        guard = self.guards.get(recipient)
        match signed.tag:
            case Tag.GUARD.value:
                return guard is not None and guard.to_bytes() == body
            case Tag.RELEASE.value:
                return recipient in self.releases and self.releases[recipient].to_bytes() == body
            case Tag.REVIEW.value:
                return recipient in self.reviews and self.reviews[recipient].to_bytes() == body
            case Tag.BREAK_GLASS.value:
                return recipient in self.broken and self.broken[recipient].to_bytes() == body
            case Tag.ACCEPTANCE.value:
                return any(self._told(a, by) == agency and a.to_bytes() == body for a, by in self.acceptances)
            case Tag.PERMISSION.value:
                return any(self._granted(p, by) == agency and p.to_bytes() == body for p, by, _ in self.permissions)
        named = {s.consent for s in guard.sections} if guard else set()
        return any(c.id in named and c.to_bytes() == body for c in self.consents.values())

    def recipients(self) -> frozenset[ContactHandle]:
        """Every contact whom an attestation names as recipient."""
        return frozenset(self.guards.keys() | self.releases.keys() | self.reviews.keys() | self.broken.keys())

    def agencies(self) -> frozenset[AgencyHandle]:
        """Every agency whom an attestation names as recipient."""
        told = {self._told(a, by) for a, by in self.acceptances}
        return frozenset(told | {self._granted(p, by) for p, by, _ in self.permissions})

    def _told(self, acceptance: Acceptance, by: AgencyHandle) -> AgencyHandle:
        """Whom an acceptance is for: the referrer, while its author hands it in; the author, once the referrer does."""
        return acceptance.referrer if by == self.sender else by

    def _granted(self, permission: Permission, by: AgencyHandle) -> AgencyHandle:
        """Whom a permission is for: the grantee, while the originator hands it in; after that the recipient."""
        return permission.grantee if by == self.sender else permission.recipient

    def section(self, recipient: ContactHandle, detail: SectionDetail, grant: GrantDetail) -> AttestedSection | None:
        """What the guard found this section to be for this recipient, or None.

        None too where the guard's word is about other bytes: another ciphertext, commitment or grant.
        """
        guard = self.guards.get(recipient)
        if guard is None or guard.grant != grant.digest:
            return None
        section = guard.section(detail.name)
        if section is None or section.digest != detail.digest or section.commitment != detail.commitment:
            return None
        return section


def manifest_digest(manifest_bytes: bytes) -> bytes:
    """How releases, stamps and evidences name a manifest."""
    return digest("manifest", manifest_bytes)


def _open(manifest: Manifest, openings: tuple[Opening, ...]) -> list[tuple[Outer, Opening]]:
    signed = set(manifest.digests)
    opened = []
    for opening in openings:
        name = digest("description", opening.outer)
        if name not in signed:
            raise Unverified("A description is not among those the sender signed, or stands twice.")
        signed.discard(name)
        outer = Outer.from_bytes(opening.outer)
        if opening.detail is not None and not hmac.compare_digest(
            digest("description-detail", opening.detail), outer.detail_digest
        ):
            raise Unverified("A description's detail is not the one the sender signed.")
        opened.append((outer, opening))
    return opened


def _section(outer: Outer, raw: bytes) -> SectionDetail:
    detail = SectionDetail.from_bytes(raw)
    if detail.kind != outer.kind:
        raise Unverified("A section's description says two different things.")
    return detail


def check_signature(manifest_bytes: bytes, signature: bytes, sender: Contact, at: int) -> None:
    """Step 3 of docs/protocol.md: raise `Unverified` unless the key that counted for the contact `at` that moment
    signed exactly these bytes.
    """
    check(sender.key_at(at), Tag.MANIFEST, manifest_bytes, signature)


def check_content(envelope: Envelope, sender: Contact) -> Verified:
    """Step 5 of docs/protocol.md, after `check_signature`: hold everything against the signed digests."""
    if len(envelope.manifest.digests) != digest_slots(len(envelope.openings)):
        raise Unverified("The manifest signs more descriptions than were submitted.")
    sections: dict[str, SectionDetail] = {}
    grants: dict[ContactHandle, GrantDetail] = {}
    section_openings: dict[str, Opening] = {}
    grant_openings: dict[ContactHandle, Opening] = {}
    for outer, opening in _open(envelope.manifest, envelope.openings):
        if opening.detail is None:
            raise Unverified("A submitted description lacks its detail.")
        if outer.kind == GRANT:
            grant = GrantDetail.from_bytes(opening.detail)
            if grant.recipient in grants:
                raise Unverified("Two grants are addressed to one recipient.")
            grants[grant.recipient], grant_openings[grant.recipient] = grant, opening
        else:
            section = _section(outer, opening.detail)
            if section.name in sections:
                raise Unverified("Two sections have one name.")
            sections[section.name], section_openings[section.name] = section, opening
    if sections.keys() != envelope.sections.keys() or grants.keys() != envelope.grants.keys() or not grants:
        raise Unverified("Sections or grants are not the ones that were described and signed.")
    for name, section in sections.items():
        _check_section(section, envelope.sections[name])
    for recipient, grant in grants.items():
        _check_grant(grant, envelope.grants[recipient])
        if not sections.keys() >= set(grant.sections):
            raise Unverified("A grant names a section that does not exist.")
    return Verified(
        envelope=envelope,
        sender=sender,
        manifest_digest=manifest_digest(envelope.manifest_bytes),
        sections=sections,
        grants=grants,
        section_openings=section_openings,
        grant_openings=grant_openings,
    )


def verify_envelope(envelope: Envelope, sender: Contact, at: int) -> Verified:
    """Signature and content at once, for whoever has no steps to number."""
    check_signature(envelope.manifest_bytes, envelope.signature, sender, at)
    return check_content(envelope, sender)


def verify_view(view: View, sender: Contact, recipient: ContactHandle, at: int) -> VerifiedView:
    """What a recipient checks of the view itself, admitted `at` that moment; raises `Unverified`."""
    check_signature(view.manifest_bytes, view.signature, sender, at)
    grant: GrantDetail | None = None
    sections: dict[str, SectionDetail] = {}
    withheld: list[str] = []
    for outer, opening in _open(view.manifest, view.openings):
        if outer.kind == GRANT:
            if grant is not None or opening.detail is None:
                raise Unverified("A view holds more than its recipient's own grant.")
            grant = GrantDetail.from_bytes(opening.detail)
        elif opening.detail is None:
            withheld.append(outer.kind)
        else:
            section = _section(outer, opening.detail)
            if section.name in sections:
                raise Unverified("Two sections have one name.")
            sections[section.name] = section
    if grant is None or grant.recipient != recipient:
        raise Unverified("The view holds no grant to this recipient.")
    if set(grant.sections) != sections.keys() or sections.keys() != view.sections.keys():
        raise Unverified("The view does not hold exactly the sections that were granted.")
    _check_grant(grant, view.grant)
    for name, section in sections.items():
        _check_section(section, view.sections[name])
    return VerifiedView(
        view=view,
        sender=sender,
        manifest_digest=manifest_digest(view.manifest_bytes),
        sections=sections,
        grant=grant,
        withheld=tuple(sorted(withheld)),
    )


def open_view(verified: VerifiedView, private: DecryptionKey) -> dict[str, bytes]:
    """The plaintext of every granted section, or raise `Unverified`."""
    manifest = verified.manifest
    keys = open_grant(private, verified.view.grant, verified.grant, manifest.id, manifest.sender)
    return {
        name: open_section(keys[name], verified.view.sections[name], detail, manifest.id)
        for name, detail in verified.sections.items()
    }


def _check_section(detail: SectionDetail, sealed: bytes) -> None:
    if not hmac.compare_digest(sha256(sealed).digest(), detail.digest):
        raise Unverified("A sealed section is not the one the sender signed.")


def _check_grant(detail: GrantDetail, sealed: bytes) -> None:
    if len(sealed) != grant_length(len(detail.sections)) or not hmac.compare_digest(
        sha256(sealed).digest(), detail.digest
    ):
        raise Unverified("A grant is not the one the sender signed.")


def check_attestations(
    attestations: tuple[Signed, ...],
    directory: Directory,
    sender: Contact,
    manifest: Manifest,
    manifest_hash: bytes,
    at: int,
    *,
    vouched: bool = False,
) -> Attested:
    """Hold every attestation against the directory: duties as of the manifest's creation, keys as of `at`.

    With `vouched`, a permission by an originator whom the directory does not know is taken as the broker took it:
    whoever receives what was passed on may have no agreement with its originator, and then no extract tells of that
    one.

    One that cannot be tied to somebody with that duty makes the whole message `Unverified`: a stranger's paper beside
    an honest manifest is an attack or a mistake, and both want a person's eyes.
    """
    guards: dict[ContactHandle, GuardAttestation] = {}
    releases: dict[ContactHandle, Release] = {}
    reviews: dict[ContactHandle, Review] = {}
    broken: dict[ContactHandle, BreakGlass] = {}
    consents: dict[bytes, Consent] = {}
    counters: dict[bytes, set[str]] = {}
    acceptances: list[tuple[Acceptance, AgencyHandle]] = []
    permissions: list[tuple[Permission, AgencyHandle, PartyClass]] = []
    unknown: list[Permission] = []
    about = _About(directory, sender, manifest, manifest_hash, at)
    for signed in attestations:
        match signed.tag:
            case Tag.GUARD.value:
                guard = _guard(signed, directory, sender, manifest)
                if guard.recipient in guards:
                    raise Unverified("The guard attested one recipient twice.")
                guards[guard.recipient] = guard
            case Tag.RELEASE.value:
                release = Release.from_bytes(about.second(signed, Tag.RELEASE, Duty.RELEASE).body)
                releases[about.this(release).recipient] = release
            case Tag.REVIEW.value:
                review = Review.from_bytes(about.second(signed, Tag.REVIEW, Duty.REVIEW).body)
                reviews[about.this(review).recipient] = review
            case Tag.BREAK_GLASS.value:
                glass = BreakGlass.from_bytes(about.second(signed, Tag.BREAK_GLASS, Duty.BREAK_GLASS).body)
                broken[about.this(glass).recipient] = glass
            case Tag.CONSENT.value:
                consent = _consent(signed, directory, manifest, at)
                if consent.id in consents:
                    raise Unverified("Two consents have one id.")
                consents[consent.id] = consent
            case Tag.CONSENT_COUNTER.value:
                counters.setdefault(signed.body, set()).add(_counter(signed, directory, manifest, at))
            case Tag.ACCEPTANCE.value:
                acceptances.append(about.acceptance(signed))
            case Tag.PERMISSION.value if vouched and directory.contact(signed.by) is None:
                unknown.append(about.unknown(signed))
                permissions.append((unknown[-1], _NOBODY, PartyClass.FIU))
            case Tag.PERMISSION.value:
                permissions.append(about.permission(signed))
            case _:
                raise Unverified("An attestation is of a kind this program does not know.")
    countersigned = frozenset(
        consent.id for consent in consents.values() if counters.get(consent.to_bytes(), set()) - {consent.collector}
    )
    return Attested(
        guards=guards,
        releases=releases,
        reviews=reviews,
        broken=broken,
        consents=consents,
        countersigned=countersigned,
        acceptances=tuple(acceptances),
        permissions=tuple(permissions),
        sender=sender.agency,
        vouched=tuple(unknown),
    )


_NOBODY: Final = AgencyHandle("")


@dataclass(frozen=True, slots=True)
class _About:
    """The message that attestations stand beside, and whom the directory names for their duties."""

    directory: Directory
    sender: Contact
    manifest: Manifest
    manifest_hash: bytes
    at: int

    def second(self, signed: Signed, tag: Tag, duty: Duty) -> Signed:
        """`signed`, if it is by a second contact of the sending agency whose mandate names `duty`."""
        contact = self.directory.contact(signed.by)
        mandate = contact.mandate_at(self.manifest.created) if contact is not None else None
        if contact is None or contact.agency != self.sender.agency or mandate is None:
            raise Unverified(f"A {tag.value} is not by a designated contact of the sending agency.")
        verify(signed, tag, contact.key_at(self.at))
        if contact.handle == self.sender.handle or duty not in mandate.duties:
            raise Unverified(f"A {tag.value} is not by a second contact whose mandate names that duty.")
        return signed

    def this(self, said: T) -> T:
        """`said`, if it is about exactly this message."""
        if said.message != self.manifest.id or said.manifest != self.manifest_hash:
            raise Unverified("A second contact's word is about another message.")
        return said

    def acceptance(self, signed: Signed) -> tuple[Acceptance, AgencyHandle]:
        """A provider's word on an offer: its own, beside its decision, or the one that it gave the sending agency."""
        contact = self._designated(signed, Tag.ACCEPTANCE)
        acceptance = Acceptance.from_bytes(signed.body)
        if acceptance.recipient != contact.handle:
            raise Unverified("An acceptance is not by the one who accepts.")
        if (contact.agency == self.sender.agency) == (acceptance.referrer == self.sender.agency):
            raise Unverified("An acceptance is about another agency's referral.")
        return acceptance, contact.agency

    def permission(self, signed: Signed) -> tuple[Permission, AgencyHandle, PartyClass]:
        """An originator's permission: its own, beside its answer, or the one that it gave the sending agency."""
        contact = self._designated(signed, Tag.PERMISSION)
        mandate = contact.mandate_at(self.manifest.created)
        permission = Permission.from_bytes(signed.body)
        if permission.originator != contact.handle or mandate is None or Duty.RELEASE not in mandate.duties:
            raise Unverified("A permission is not by a contact of the originator whose mandate names that duty.")
        if (contact.agency == self.sender.agency) == (permission.grantee == self.sender.agency):
            raise Unverified("A permission is for another agency than the one that sends.")
        return permission, contact.agency, self.directory.agency_of(contact).party_class

    def unknown(self, signed: Signed) -> Permission:
        """A permission to the sending agency by somebody whom nobody here can look up."""
        permission = Permission.from_bytes(signed.body)
        if permission.originator != signed.by or permission.grantee != self.sender.agency:
            raise Unverified("A permission is for another agency than the one that sends.")
        return permission

    def _designated(self, signed: Signed, tag: Tag) -> Contact:
        contact = self.directory.contact(signed.by)
        if contact is None or contact.mandate_at(self.manifest.created) is None:
            raise Unverified(f"A {tag.value} is not by a designated contact.")
        verify(signed, tag, contact.key_at(self.at))
        return contact


def _guard(signed: Signed, directory: Directory, sender: Contact, manifest: Manifest) -> GuardAttestation:
    found = directory.guard(signed.by)
    if found is None or found[0].handle != sender.agency or not found[1].start <= manifest.created < found[1].end:
        raise Unverified("A guard's attestation is not by the release guard of the sending agency.")
    attestation = GuardAttestation.from_bytes(verify(signed, Tag.GUARD, found[1].key))
    if attestation.message != manifest.id or attestation.sender != manifest.sender:
        raise Unverified("A guard's attestation is about another message.")
    return attestation


def _consent(signed: Signed, directory: Directory, manifest: Manifest, at: int) -> Consent:
    collector = directory.contact(signed.by)
    if collector is None or collector.mandate_at(manifest.created) is None:
        raise Unverified("A consent is not signed by a designated contact.")
    consent = Consent.from_bytes(verify(signed, Tag.CONSENT, collector.key_at(at)))
    if consent.collector != collector.handle:
        raise Unverified("A consent names another collector than the one who signed it.")
    if consent.id != consent_id(consent):
        raise Unverified("A consent's id is not the one that its terms give it.")
    return consent


def _counter(signed: Signed, directory: Directory, manifest: Manifest, at: int) -> str:
    contact = directory.contact(signed.by)
    if contact is None or contact.mandate_at(manifest.created) is None:
        raise Unverified("A consent's countersignature is not by a designated contact.")
    verify(signed, Tag.CONSENT_COUNTER, contact.key_at(at))
    return contact.handle
