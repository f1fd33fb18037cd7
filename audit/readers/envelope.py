"""Manifests, views, envelopes and deliveries, read and checked a second time without the code that made them.

`read_*` give shapes and no trust. `check_view` and `check_envelope`, given the sender's public key, return what the
sender signed, or raise `Unproved`: the signature over the manifest, every description's digest among the manifest's,
every detail's digest in its description, every ciphertext's digest in its detail, and nothing beside what is
described. Nothing here opens a section: that takes a private key, which no auditor has.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from audit.errors import ProofFailed, Unreadable
from audit.readers import bounds, cbor, codes
from audit.readers.cbor import Value
from audit.readers.fields import (
    Fields,
    as_bytes,
    as_bytes_within,
    as_handle,
    as_section_name,
    as_text,
    as_tuple,
    as_uint,
    read_map,
)
from audit.readers.signed import digest, pae, read_signed, verify_bytes

GRANT: Final = "grant"
COVER: Final = "cover"

_SECTION_BYTES: Final = (bounds.MIN_SECTION, bounds.MAX_SECTION)
_GRANT_BYTES: Final = (bounds.grant_length(1), bounds.grant_length(bounds.SECTIONS))

_AGREEMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """Who may see it (TLP, H) and what may be done with it (PAP, caveats)."""

    tlp: str
    h: str
    pap: str
    caveats: tuple[str, ...]
    rel_to: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The signed header. Each code is one of its list; what it means is not this reader's business."""

    id: bytes
    kind: str
    sender: str
    purpose: str
    basis: str
    area: str
    handling: Handling
    urgency: str
    lineage: str
    evidence_use: str
    created: int
    expires: int
    exercise: bool
    epoch: int
    checkpoint: tuple[int, bytes] | None
    digests: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionDetail:
    """What the sender says of one section."""

    salt: bytes
    name: str
    type: str
    part: str
    media: str
    roles: tuple[str, ...]
    flags: tuple[str, ...]
    size: int
    digest: bytes
    commitment: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantDetail:
    """What the sender says of one recipient's grant."""

    salt: bytes
    recipient: str
    agreement: str
    key: bytes
    sections: tuple[str, ...]
    digest: bytes
    thread: bytes
    case: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What opens one digest of the manifest; without a detail it says only that such a kind was withheld."""

    outer: bytes
    kind: str
    detail_digest: bytes
    detail_bytes: bytes | None
    detail: SectionDetail | GrantDetail | None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """An envelope as one recipient gets it. A shape, no trust."""

    manifest_bytes: bytes
    manifest: Manifest
    sig: bytes
    openings: tuple[Opening, ...]
    sections: Mapping[str, bytes]
    grant: bytes
    attestations: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An envelope as it was submitted. A shape, no trust."""

    manifest_bytes: bytes
    manifest: Manifest
    sig: bytes
    openings: tuple[Opening, ...]
    sections: Mapping[str, bytes]
    grants: Mapping[str, bytes]
    attestations: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What waits for a recipient: its view, the broker's stamp (a signed object), record and salt. No trust."""

    view: bytes
    stamp: bytes
    record: bytes
    salt: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What openings say, each of them among the signed digests."""

    sections: tuple[SectionDetail, ...]
    grants: tuple[GrantDetail, ...]
    withheld: tuple[str, ...]  # the kinds that are opened without their detail, sorted


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedView:
    """What the holder of the sender's key signed, as far as this view shows it."""

    manifest: Manifest
    sections: tuple[SectionDetail, ...]
    grant: GrantDetail
    withheld: tuple[str, ...]  # the kinds of what this recipient may know to exist and did not get


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedEnvelope:
    """What the holder of the sender's key signed, everything described."""

    manifest: Manifest
    sections: tuple[SectionDetail, ...]
    grants: tuple[GrantDetail, ...]


def manifest_digest(manifest: bytes) -> bytes:
    """How stamps, attestations and records name a manifest."""
    return digest("manifest", manifest)


def view_digest(view: bytes) -> bytes:
    """How stamps, entries and records name a view."""
    return digest("view", view)


def read_manifest(raw: bytes) -> Manifest:
    """Read a manifest, or raise `Unreadable`."""
    names = (
        "v id kind sender purpose basis area handling urgency lineage evidence_use created expires exercise epoch"
        " checkpoint digests"
    )
    fields = read_map(raw, "manifest", names.split(), max_bytes=bounds.MANIFEST_BYTES)
    fields.version()
    handling = Fields(fields.raw("handling"), "manifest: handling", ("tlp", "h", "pap", "caveats", "rel_to"))
    digests = tuple(as_bytes(item, "manifest: digests", 32) for item in fields.items("digests", bounds.DIGESTS))
    count = len(digests)
    if count < 4 or count & (count - 1) or list(digests) != sorted(set(digests)):
        raise Unreadable("manifest: the digests are not 4, 8, 16 … different ones in rising order")
    created, expires = fields.uint("created"), fields.uint("expires")
    if not created < expires <= created + bounds.LIFETIME:
        raise Unreadable("manifest: expires is not within ninety days after created")
    return Manifest(
        id=fields.message_id("id"),
        kind=fields.choice("kind", codes.KIND),
        sender=fields.handle("sender", "c"),
        purpose=fields.choice("purpose", codes.PURPOSE),
        basis=fields.choice("basis", codes.BASIS),
        area=fields.choice("area", codes.AREA),
        handling=Handling(
            tlp=handling.choice("tlp", codes.TLP),
            h=handling.choice("h", codes.H),
            pap=handling.choice("pap", codes.PAP),
            caveats=handling.choices("caveats", codes.CAVEATS),
            rel_to=handling.countries("rel_to", bounds.COUNTRIES),
        ),
        urgency=fields.choice("urgency", codes.URGENCY),
        lineage=fields.choice("lineage", codes.LINEAGE),
        evidence_use=fields.choice("evidence_use", codes.EVIDENCE_USE),
        created=created,
        expires=expires,
        exercise=fields.flag("exercise"),
        epoch=fields.uint("epoch"),
        checkpoint=_gossip(fields.raw("checkpoint")),
        digests=digests,
    )


def read_opening(value: Value) -> Opening:
    """Read one opening (a CBOR value, not bytes), or raise `Unreadable`. Checks no digest."""
    fields = Fields(value, "opening", ("outer", "detail"))
    outer = fields.octets("outer")
    try:
        salt, kind, detail_digest = as_tuple(cbor.loads(outer, max_bytes=bounds.OPENING_BYTES), "description", 3)
    except Unreadable as error:
        raise Unreadable(f"description: {error}") from None
    as_bytes(salt, "description: salt", bounds.SALT)
    kind = as_text(kind, "description: kind", bounds.KIND)
    if not kind:
        raise Unreadable("description: kind is empty")
    detail_bytes = fields.octets_or_none("detail")
    detail: SectionDetail | GrantDetail | None = None
    if detail_bytes is not None:
        detail = _grant_detail(detail_bytes) if kind == GRANT else _section_detail(detail_bytes)
    return Opening(
        outer=outer,
        kind=kind,
        detail_digest=as_bytes(detail_digest, "description: detail digest", 32),
        detail_bytes=detail_bytes,
        detail=detail,
    )


def read_view(raw: bytes) -> View:
    """Read a view, or raise `Unreadable`."""
    names = ("v", "manifest", "sig", "openings", "sections", "grant", "attestations")
    fields = read_map(raw, "view", names, max_bytes=bounds.ENVELOPE_BYTES)
    fields.version()
    manifest_bytes = fields.octets("manifest")
    return View(
        manifest_bytes=manifest_bytes,
        manifest=read_manifest(manifest_bytes),
        sig=fields.octets("sig", bounds.SIGNATURE),
        openings=tuple(read_opening(item) for item in fields.items("openings", bounds.DIGESTS)),
        sections=_bytes_map(fields, "sections", bounds.SECTIONS, as_section_name, *_SECTION_BYTES),
        grant=as_bytes_within(fields.raw("grant"), "view: grant", *_GRANT_BYTES),
        attestations=_attestations(fields),
    )


def read_envelope(raw: bytes) -> Envelope:
    """Read a submitted envelope, or raise `Unreadable`."""
    names = ("v", "manifest", "sig", "openings", "sections", "grants", "attestations")
    fields = read_map(raw, "envelope", names, max_bytes=bounds.ENVELOPE_BYTES)
    fields.version()
    manifest_bytes = fields.octets("manifest")
    return Envelope(
        manifest_bytes=manifest_bytes,
        manifest=read_manifest(manifest_bytes),
        sig=fields.octets("sig", bounds.SIGNATURE),
        openings=tuple(read_opening(item) for item in fields.items("openings", bounds.DIGESTS)),
        sections=_bytes_map(fields, "sections", bounds.SECTIONS, as_section_name, *_SECTION_BYTES),
        grants=_bytes_map(fields, "grants", bounds.GRANTS, _contact, *_GRANT_BYTES),
        attestations=_attestations(fields),
    )


def read_delivery(raw: bytes) -> Delivery:
    """Read a delivery, or raise `Unreadable`."""
    fields = read_map(raw, "delivery", ("v", "view", "stamp", "record", "salt"), max_bytes=bounds.STORED_BYTES)
    fields.version()
    stamp = fields.octets("stamp")
    read_signed(stamp, "delivery: stamp", max_bytes=bounds.ATTESTATION_BYTES)
    return Delivery(
        view=fields.octets_within("view", 1, bounds.ENVELOPE_BYTES),
        stamp=stamp,
        record=fields.octets_within("record", 1, bounds.ATTESTATION_BYTES),
        salt=fields.octets("salt", 32),
    )


def check_view(view: View, sender: bytes, recipient: str) -> CheckedView:
    """Return what the holder of the public key `sender` signed for `recipient`, or raise `Unproved`."""
    _check_signature(view.manifest_bytes, view.sig, sender)
    described = check_openings(view.manifest.digests, view.openings)
    if GRANT in described.withheld or len(described.grants) != 1:
        raise ProofFailed("view: it tells of another number of grants than the recipient's own one")
    grant = described.grants[0]
    if grant.recipient != recipient:
        raise ProofFailed(f"view: it is not made for {recipient}")
    _check_grant(grant, view.grant)
    _check_ciphertexts(described.sections, view.sections)
    if set(grant.sections) != set(view.sections):
        raise ProofFailed("view: the sections are not those of the grant")
    return CheckedView(manifest=view.manifest, sections=described.sections, grant=grant, withheld=described.withheld)


def check_envelope(envelope: Envelope, sender: bytes) -> CheckedEnvelope:
    """Return what the holder of the public key `sender` signed, or raise `Unproved`."""
    _check_signature(envelope.manifest_bytes, envelope.sig, sender)
    if len(envelope.manifest.digests) != bounds.digest_slots(len(envelope.openings)):
        raise ProofFailed("envelope: the manifest has more digests than the descriptions need")
    described = check_openings(envelope.manifest.digests, envelope.openings)
    if described.withheld:
        raise ProofFailed("envelope: a description is not opened in full")
    _check_ciphertexts(described.sections, envelope.sections)
    if not described.grants or {grant.recipient for grant in described.grants} != set(envelope.grants):
        raise ProofFailed("envelope: the grants are not those described, or there is none")
    for grant in described.grants:
        _check_grant(grant, envelope.grants[grant.recipient])
        if not set(grant.sections) <= set(envelope.sections):
            raise ProofFailed(f"envelope: the grant to {grant.recipient} names a section that is not there")
    return CheckedEnvelope(manifest=envelope.manifest, sections=described.sections, grants=described.grants)


def check_openings(digests: Iterable[bytes], openings: Iterable[Opening]) -> Described:
    """Return what `openings` describe if each is among the signed `digests`, once; or raise `ProofFailed`."""
    unopened = set(digests)
    sections: dict[str, SectionDetail] = {}
    grants: dict[str, GrantDetail] = {}
    withheld: list[str] = []
    for opening in openings:
        found = digest("description", opening.outer)
        if found not in unopened:
            raise ProofFailed("a description is not among those that were signed, or stands twice")
        unopened.remove(found)
        detail = opening.detail
        if opening.detail_bytes is None or detail is None:
            withheld.append(opening.kind)
            continue
        if digest("description-detail", opening.detail_bytes) != opening.detail_digest:
            raise ProofFailed("a description's detail is not the one that was signed")
        if isinstance(detail, GrantDetail):
            if detail.recipient in grants:
                raise ProofFailed("two descriptions are of grants to one recipient")
            grants[detail.recipient] = detail
            continue
        if opening.kind != (COVER if detail.type == COVER else f"{detail.type}/{detail.part}"):
            raise ProofFailed("a description's kind and detail differ")
        if detail.name in sections:
            raise ProofFailed("two descriptions are of one section")
        sections[detail.name] = detail
    return Described(sections=tuple(sections.values()), grants=tuple(grants.values()), withheld=tuple(sorted(withheld)))


def _check_signature(manifest: bytes, sig: bytes, sender: bytes) -> None:
    verify_bytes(sender, sig, pae("manifest", manifest), "manifest")


def _check_ciphertexts(details: tuple[SectionDetail, ...], sections: Mapping[str, bytes]) -> None:
    if {detail.name for detail in details} != set(sections):
        raise ProofFailed("the sections are not those described")
    for detail in details:
        if sha256(sections[detail.name]).digest() != detail.digest:
            raise ProofFailed("a section's ciphertext is not the one that was signed")


def _check_grant(detail: GrantDetail, grant: bytes) -> None:
    if len(grant) != bounds.grant_length(len(detail.sections)):
        raise ProofFailed(f"the grant to {detail.recipient} has room for more or fewer keys than it names sections")
    if sha256(grant).digest() != detail.digest:
        raise ProofFailed(f"the grant to {detail.recipient} is not the one that was signed")


def _section_detail(raw: bytes) -> SectionDetail:
    names = ("salt", "name", "type", "part", "media", "roles", "flags", "size", "digest", "commitment")
    fields = read_map(raw, "section description", names, max_bytes=bounds.OPENING_BYTES)
    size = fields.uint("size")
    if size > 2 * bounds.SECTION_BYTES:
        raise Unreadable("section description: size is more than a section can have")
    return SectionDetail(
        salt=fields.octets("salt", bounds.SALT),
        name=as_section_name(fields.raw("name"), "section description: name"),
        type=fields.text("type", 16),
        part=fields.text("part", 16),
        media=fields.text("media", 128),
        roles=fields.choices("roles", codes.ROLES),
        flags=fields.choices("flags", codes.FLAGS),
        size=size,
        digest=fields.octets("digest", bounds.DIGEST),
        commitment=fields.octets("commitment", bounds.DIGEST),
    )


def _grant_detail(raw: bytes) -> GrantDetail:
    names = ("salt", "recipient", "agreement", "key", "sections", "digest", "thread", "case")
    fields = read_map(raw, "grant description", names, max_bytes=bounds.OPENING_BYTES)
    agreement = fields.text("agreement", bounds.TEXT)
    if not _AGREEMENT.fullmatch(agreement):
        raise Unreadable("grant description: agreement is not the id of one")
    sections = fields.section_names("sections")
    if not sections:
        raise Unreadable("grant description: it opens no section")
    return GrantDetail(
        salt=fields.octets("salt", bounds.SALT),
        recipient=fields.handle("recipient", "c"),
        agreement=agreement,
        key=fields.octets("key", 16),
        sections=sections,
        digest=fields.octets("digest", bounds.DIGEST),
        thread=fields.octets("thread", 16),
        case=fields.octets_or_none("case", 16),
    )


def _bytes_map(
    fields: Fields, name: str, most: int, key: Callable[[Value, str], str], least_bytes: int, most_bytes: int
) -> dict[str, bytes]:
    what, value = f"{fields.what}: {name}", fields.raw(name)
    if not isinstance(value, dict) or len(value) > most:
        raise Unreadable(f"{what} is not a map of at most {most} entries")
    return {key(k, what): as_bytes_within(item, what, least_bytes, most_bytes) for k, item in value.items()}


def _contact(value: Value, what: str) -> str:
    return as_handle(value, what, "c")


def _attestations(fields: Fields) -> tuple[bytes, ...]:
    """Signed objects by their shape; who may sign what, only a directory can tell."""
    what = f"{fields.what}: attestations"
    found = tuple(as_bytes(item, what) for item in fields.items("attestations", bounds.ATTESTATIONS))
    for raw in found:
        read_signed(raw, what, max_bytes=bounds.ATTESTATION_BYTES)
    return found


def _gossip(value: Value) -> tuple[int, bytes] | None:
    if value is None:
        return None
    size, root = as_tuple(value, "manifest: checkpoint", 2)
    return as_uint(size, "manifest: checkpoint"), as_bytes(root, "manifest: checkpoint", bounds.DIGEST)
