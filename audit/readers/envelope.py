"""Manifests, views, envelopes and deliveries, read and checked a second time without the code that made them.

`read_*` give shapes and no trust. `check_view` and `check_envelope`, given the sender's public key, return what the
sender signed, or raise `Unproved`: the signature over the manifest, every description's digest among the manifest's,
every detail's digest in its description, every ciphertext's digest in its detail. Nothing here opens a section.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from audit.errors import ProofFailed, Unreadable
from audit.readers import cbor
from audit.readers.cbor import Value
from audit.readers.fields import Fields, as_bytes, as_code, as_handle, as_tuple, as_uint, read_map
from audit.readers.signed import SIGNATURE_BYTES, digest, pae, verify_bytes

MAX_DIGESTS: Final = 512
MAX_SECTIONS: Final = 64
MAX_GRANTS: Final = 256
MAX_ATTESTATIONS: Final = 512
MAX_MANIFEST_BYTES: Final = 32 * 1024
MAX_OPENING_BYTES: Final = 8 * 1024

GRANT: Final = "grant"
COVER: Final = "cover"

_SALT_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """Who may see it (TLP, H) and what may be done with it (PAP, caveats)."""

    tlp: str
    h: str
    pap: str
    caveats: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The signed header. Codes are codes here: what they mean is not this reader's business."""

    id: bytes
    kind: str
    sender: str
    purpose: str
    basis: str
    area: str
    handling: Handling
    urgency: str
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
    names = "v id kind sender purpose basis area handling urgency created expires exercise epoch checkpoint digests"
    fields = read_map(raw, "manifest", names.split(), max_bytes=MAX_MANIFEST_BYTES)
    fields.version()
    handling = Fields(fields.raw("handling"), "manifest: handling", ("tlp", "h", "pap", "caveats"))
    digests = tuple(as_bytes(item, "manifest: digests", 32) for item in fields.items("digests", MAX_DIGESTS))
    count = len(digests)
    if count < 4 or count & (count - 1) or list(digests) != sorted(set(digests)):
        raise Unreadable("manifest: the digests are not 4, 8, 16 … different ones in rising order")
    return Manifest(
        id=fields.octets("id", 16),
        kind=fields.code("kind"),
        sender=fields.handle("sender", "c"),
        purpose=fields.code("purpose"),
        basis=fields.code("basis"),
        area=fields.code("area"),
        handling=Handling(
            tlp=handling.code("tlp"), h=handling.code("h"), pap=handling.code("pap"), caveats=handling.codes("caveats")
        ),
        urgency=fields.code("urgency"),
        created=fields.uint("created"),
        expires=fields.uint("expires"),
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
        salt, kind, detail_digest = as_tuple(cbor.loads(outer, max_bytes=MAX_OPENING_BYTES), "description", 3)
    except Unreadable as error:
        raise Unreadable(f"description: {error}") from None
    as_bytes(salt, "description: salt", _SALT_BYTES)
    kind = as_code(kind, "description: kind")
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
    fields = read_map(raw, "view", ("v", "manifest", "sig", "openings", "sections", "grant", "attestations"))
    fields.version()
    manifest_bytes = fields.octets("manifest")
    return View(
        manifest_bytes=manifest_bytes,
        manifest=read_manifest(manifest_bytes),
        sig=fields.octets("sig", SIGNATURE_BYTES),
        openings=tuple(read_opening(item) for item in fields.items("openings", MAX_DIGESTS)),
        sections=_bytes_map(fields, "sections", MAX_SECTIONS),
        grant=fields.octets("grant"),
        attestations=_attestations(fields),
    )


def read_envelope(raw: bytes) -> Envelope:
    """Read a submitted envelope, or raise `Unreadable`."""
    fields = read_map(raw, "envelope", ("v", "manifest", "sig", "openings", "sections", "grants", "attestations"))
    fields.version()
    manifest_bytes = fields.octets("manifest")
    grants = _bytes_map(fields, "grants", MAX_GRANTS)
    for handle in grants:
        as_handle(handle, "envelope: grants", "c")
    return Envelope(
        manifest_bytes=manifest_bytes,
        manifest=read_manifest(manifest_bytes),
        sig=fields.octets("sig", SIGNATURE_BYTES),
        openings=tuple(read_opening(item) for item in fields.items("openings", MAX_DIGESTS)),
        sections=_bytes_map(fields, "sections", MAX_SECTIONS),
        grants=grants,
        attestations=_attestations(fields),
    )


def read_delivery(raw: bytes) -> Delivery:
    """Read a delivery, or raise `Unreadable`."""
    fields = read_map(raw, "delivery", ("v", "view", "stamp", "record", "salt"))
    fields.version()
    return Delivery(
        view=fields.octets("view"),
        stamp=fields.octets("stamp"),
        record=fields.octets("record"),
        salt=fields.octets("salt", 32),
    )


def check_view(view: View, sender: bytes) -> CheckedView:
    """Return what the holder of the public key `sender` signed, or raise `Unproved`."""
    _check_signature(view.manifest_bytes, view.sig, sender)
    sections, grants, withheld = _check_openings(view.manifest, view.openings)
    _check_ciphertexts(sections, view.sections)
    if len(grants) != 1:
        raise ProofFailed(f"view: {len(grants)} grants are described instead of one")
    grant = grants[0]
    if sha256(view.grant).digest() != grant.digest:
        raise ProofFailed("view: the grant is not the one that was signed")
    if set(grant.sections) != set(view.sections):
        raise ProofFailed("view: the sections are not those of the grant")
    return CheckedView(manifest=view.manifest, sections=sections, grant=grant, withheld=withheld)


def check_envelope(envelope: Envelope, sender: bytes) -> CheckedEnvelope:
    """Return what the holder of the public key `sender` signed, or raise `Unproved`."""
    _check_signature(envelope.manifest_bytes, envelope.sig, sender)
    sections, grants, withheld = _check_openings(envelope.manifest, envelope.openings)
    if withheld:
        raise ProofFailed("envelope: a description is not opened in full")
    _check_ciphertexts(sections, envelope.sections)
    if {grant.recipient for grant in grants} != set(envelope.grants) or len(grants) != len(envelope.grants):
        raise ProofFailed("envelope: the grants are not those described")
    for grant in grants:
        if sha256(envelope.grants[grant.recipient]).digest() != grant.digest:
            raise ProofFailed(f"envelope: the grant to {grant.recipient} is not the one that was signed")
        if not set(grant.sections) <= set(envelope.sections):
            raise ProofFailed(f"envelope: the grant to {grant.recipient} names a section that is not there")
    return CheckedEnvelope(manifest=envelope.manifest, sections=sections, grants=grants)


def _check_signature(manifest: bytes, sig: bytes, sender: bytes) -> None:
    verify_bytes(sender, sig, pae("manifest", manifest), "manifest")


def _check_openings(
    manifest: Manifest, openings: tuple[Opening, ...]
) -> tuple[tuple[SectionDetail, ...], tuple[GrantDetail, ...], tuple[str, ...]]:
    unopened = set(manifest.digests)
    sections: dict[str, SectionDetail] = {}
    grants: list[GrantDetail] = []
    withheld: list[str] = []
    for opening in openings:
        found = digest("description", opening.outer)
        if found not in unopened:
            raise ProofFailed("a description is not among those that were signed, or stands twice")
        unopened.remove(found)
        if opening.detail_bytes is None or opening.detail is None:
            withheld.append(opening.kind)
            continue
        if digest("description-detail", opening.detail_bytes) != opening.detail_digest:
            raise ProofFailed("a description's detail is not the one that was signed")
        if isinstance(opening.detail, GrantDetail):
            grants.append(opening.detail)
            continue
        detail = opening.detail
        if opening.kind != (COVER if detail.type == COVER else f"{detail.type}/{detail.part}"):
            raise ProofFailed("a description's kind and detail differ")
        if detail.name in sections:
            raise ProofFailed("two descriptions are of one section")
        sections[detail.name] = detail
    return tuple(sections.values()), tuple(grants), tuple(withheld)


def _check_ciphertexts(details: tuple[SectionDetail, ...], sections: Mapping[str, bytes]) -> None:
    if {detail.name for detail in details} != set(sections):
        raise ProofFailed("the sections are not those described")
    for detail in details:
        if sha256(sections[detail.name]).digest() != detail.digest:
            raise ProofFailed("a section's ciphertext is not the one that was signed")


def _section_detail(raw: bytes) -> SectionDetail:
    names = ("salt", "name", "type", "part", "media", "roles", "flags", "size", "digest", "commitment")
    fields = read_map(raw, "section description", names, max_bytes=MAX_OPENING_BYTES)
    return SectionDetail(
        salt=fields.octets("salt", _SALT_BYTES),
        name=fields.code("name"),
        type=fields.code("type"),
        part=fields.text("part", 16),
        media=fields.text("media", 128),
        roles=fields.codes("roles"),
        flags=fields.codes("flags"),
        size=fields.uint("size"),
        digest=fields.octets("digest", 32),
        commitment=fields.octets("commitment", 32),
    )


def _grant_detail(raw: bytes) -> GrantDetail:
    names = ("salt", "recipient", "agreement", "key", "sections", "digest", "thread", "case")
    fields = read_map(raw, "grant description", names, max_bytes=MAX_OPENING_BYTES)
    return GrantDetail(
        salt=fields.octets("salt", _SALT_BYTES),
        recipient=fields.handle("recipient", "c"),
        agreement=fields.code("agreement"),
        key=fields.octets("key", 16),
        sections=fields.codes("sections", MAX_SECTIONS),
        digest=fields.octets("digest", 32),
        thread=fields.octets("thread", 16),
        case=fields.octets_or_none("case", 16),
    )


def _bytes_map(fields: Fields, name: str, most: int) -> dict[str, bytes]:
    value = fields.raw(name)
    if not isinstance(value, dict) or len(value) > most:
        raise Unreadable(f"{fields.what}: {name} is not a map of at most {most} entries")
    return {
        as_code(key, f"{fields.what}: {name}"): as_bytes(item, f"{fields.what}: {name}") for key, item in value.items()
    }


def _attestations(fields: Fields) -> tuple[bytes, ...]:
    what = f"{fields.what}: attestations"
    return tuple(as_bytes(item, what) for item in fields.items("attestations", MAX_ATTESTATIONS))


def _gossip(value: Value) -> tuple[int, bytes] | None:
    if value is None:
        return None
    size, root = as_tuple(value, "manifest: checkpoint", 2)
    return as_uint(size, "manifest: checkpoint"), as_bytes(root, "manifest: checkpoint", 32)
