"""Make verified forms of envelopes and views: this module alone does, so "was it checked?" is a type.

A `Verified` has: the sender's signature over the manifest; every opening among the manifest's digests, once; every
section and grant the very bytes its signed description names. An `Attested` has: every attestation signed by somebody
whom the directory names for that duty. Not checked here: mandates, freshness, and whether anybody may get anything.

A contact's signing key can be followed by another, so everything here is checked `at` a moment: the admission (at a
recipient, the one that the stamp names). The manifest's own date decides nothing: whoever stole a key that was given
up since would write any date.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from keys.consents import consent_id
from keys.domains import Tag
from keys.sealing import DecryptionKey, grant_length, open_grant, open_section
from keys.signing import check, digest, verify
from messages.attestations import AttestedSection, Consent, GuardAttestation, Release
from messages.directory import Contact, Directory
from messages.envelope import GRANT, Envelope, GrantDetail, Opening, Outer, SectionDetail, View
from messages.errors import Unverified
from messages.ids import ContactHandle
from messages.labels import Duty
from messages.limits import digest_slots
from messages.manifest import Manifest
from messages.signed import Signed


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
    consents: Mapping[bytes, Consent] = field(default_factory=dict)
    countersigned: frozenset[bytes] = frozenset()

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
) -> Attested:
    """Hold every attestation against the directory: duties as of the manifest's creation, keys as of `at`.

    One that cannot be tied to somebody with that duty makes the whole message `Unverified`: a stranger's paper beside
    an honest manifest is an attack or a mistake, and both want a person's eyes.
    """
    guards: dict[ContactHandle, GuardAttestation] = {}
    releases: dict[ContactHandle, Release] = {}
    consents: dict[bytes, Consent] = {}
    counters: dict[bytes, set[str]] = {}
    for signed in attestations:
        if signed.tag == Tag.GUARD.value:
            guard = _guard(signed, directory, sender, manifest)
            if guard.recipient in guards:
                raise Unverified("The guard attested one recipient twice.")
            guards[guard.recipient] = guard
        elif signed.tag == Tag.RELEASE.value:
            release = _release(signed, directory, sender, manifest, manifest_hash, at)
            releases[release.recipient] = release
        elif signed.tag == Tag.CONSENT.value:
            consent = _consent(signed, directory, manifest, at)
            if consent.id in consents:
                raise Unverified("Two consents have one id.")
            consents[consent.id] = consent
        elif signed.tag == Tag.CONSENT_COUNTER.value:
            counters.setdefault(signed.body, set()).add(_counter(signed, directory, manifest, at))
        else:
            raise Unverified("An attestation is of a kind this program does not know.")
    countersigned = frozenset(
        consent.id for consent in consents.values() if counters.get(consent.to_bytes(), set()) - {consent.collector}
    )
    return Attested(guards=guards, releases=releases, consents=consents, countersigned=countersigned)


def _colleague(signed: Signed, directory: Directory, sender: Contact, manifest: Manifest, tag: Tag, at: int) -> Contact:
    contact = directory.contact(signed.by)
    if contact is None or contact.agency != sender.agency or contact.mandate_at(manifest.created) is None:
        raise Unverified(f"A {tag.value} is not by a designated contact of the sending agency.")
    verify(signed, tag, contact.key_at(at))
    return contact


def _guard(signed: Signed, directory: Directory, sender: Contact, manifest: Manifest) -> GuardAttestation:
    found = directory.guard(signed.by)
    if found is None or found[0].handle != sender.agency or not found[1].start <= manifest.created < found[1].end:
        raise Unverified("A guard's attestation is not by the release guard of the sending agency.")
    attestation = GuardAttestation.from_bytes(verify(signed, Tag.GUARD, found[1].key))
    if attestation.message != manifest.id or attestation.sender != manifest.sender:
        raise Unverified("A guard's attestation is about another message.")
    return attestation


def _release(
    signed: Signed, directory: Directory, sender: Contact, manifest: Manifest, manifest_hash: bytes, at: int
) -> Release:
    contact = _colleague(signed, directory, sender, manifest, Tag.RELEASE, at)
    mandate = contact.mandate_at(manifest.created)
    if contact.handle == sender.handle or mandate is None or Duty.RELEASE not in mandate.duties:
        raise Unverified("A release is not by a second contact whose mandate names that duty.")
    release = Release.from_bytes(signed.body)
    if release.message != manifest.id or release.manifest != manifest_hash:
        raise Unverified("A release is about another message.")
    return release


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
