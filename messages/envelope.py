"""Envelopes, views and deliveries, and the descriptions that open a manifest's salted digests.

An `Envelope` or `View` has a shape and no trust; `keys.verifying` alone makes the verified forms, which carry the very
bytes that were checked. A function that acts on content takes a verified form, so "was it checked?" is a type.

A description opens in two steps. Its *outer* part says only of what kind it is ("A02/identity", "grant"); its *detail*
says the rest. A view may hold the outer part alone: the recipient learns that something of that kind was withheld.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from messages import cbor, ids, limits
from messages.cbor import Reader
from messages.errors import Malformed
from messages.ids import AgreementId, ContactHandle, KeyId
from messages.labels import Flag, Role
from messages.manifest import Manifest
from messages.signed import Signed

GRANT = "grant"
COVER = "cover"


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionDetail:
    """What the sender says of one sealed section. Roles and flags are its claim; the guard and recipient check them."""

    salt: bytes
    name: str
    type: str
    part: str
    media: str
    roles: tuple[Role, ...]
    flags: tuple[Flag, ...]
    size: int  # of the padded plaintext, in bytes
    digest: bytes  # SHA-256 of the ciphertext
    commitment: bytes

    @property
    def kind(self) -> str:
        """The kind that its outer part opens to."""
        return section_kind(self.type, self.part)

    def to_bytes(self) -> bytes:
        """The detail as it is hashed and carried."""
        return cbor.dump(
            {
                "salt": self.salt,
                "name": self.name,
                "type": self.type,
                "part": self.part,
                "media": self.media,
                "roles": sorted(r.value for r in self.roles),
                "flags": sorted(f.value for f in self.flags),
                "size": self.size,
                "digest": self.digest,
                "commitment": self.commitment,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "SectionDetail":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.OPENING_BYTES, "section's description"), "section's description")
        detail = cls(
            salt=reader.fixed("salt", limits.SALT),
            name=reader.code("name", ids.section_name),
            type=reader.text("type", 16),
            part=reader.text("part", 16),
            media=reader.text("media", 128),
            roles=reader.codes("roles", Role),
            flags=reader.codes("flags", Flag),
            size=reader.number("size", 2 * limits.SECTION_BYTES),
            digest=reader.fixed("digest", limits.DIGEST),
            commitment=reader.fixed("commitment", limits.DIGEST),
        )
        reader.end()
        return detail


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantDetail:
    """What the sender says of one recipient's grant. Thread and case are random, and another pair for each agency."""

    salt: bytes
    recipient: ContactHandle
    agreement: AgreementId
    key: KeyId
    sections: tuple[str, ...]
    digest: bytes  # SHA-256 of the grant's bytes
    thread: bytes
    case: bytes | None

    kind = GRANT

    def to_bytes(self) -> bytes:
        """The detail as it is hashed and carried."""
        return cbor.dump(
            {
                "salt": self.salt,
                "recipient": self.recipient,
                "agreement": self.agreement,
                "key": self.key,
                "sections": sorted(self.sections),
                "digest": self.digest,
                "thread": self.thread,
                "case": self.case,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "GrantDetail":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.OPENING_BYTES, "grant's description"), "grant's description")
        detail = cls(
            salt=reader.fixed("salt", limits.SALT),
            recipient=reader.code("recipient", ids.contact_handle),
            agreement=reader.code("agreement", ids.agreement_id),
            key=KeyId(reader.fixed("key", 16)),
            sections=reader.codes("sections", ids.section_name, limits.SECTIONS),
            digest=reader.fixed("digest", limits.DIGEST),
            thread=reader.fixed("thread", 16),
            case=reader.maybe("case", 16),
        )
        reader.end()
        if not detail.sections:
            raise Malformed("A grant opens at least one section.")
        return detail


def section_kind(data_type: str, part: str) -> str:
    """The kind of a section as an outer description names it: "A02/identity", or "cover"."""
    return COVER if data_type == COVER else f"{data_type}/{part}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    """The first step of a description: its kind, and the digest of its detail."""

    salt: bytes
    kind: str
    detail_digest: bytes

    def to_bytes(self) -> bytes:
        """The outer part as it is hashed and carried."""
        return cbor.dump([self.salt, self.kind, self.detail_digest])

    @classmethod
    def from_bytes(cls, data: bytes) -> "Outer":
        """Read it, or raise `Malformed`."""
        value = cbor.load(data, limits.OPENING_BYTES, "description")
        if (
            type(value) is not list
            or len(value) != 3
            or type(value[0]) is not bytes
            or len(value[0]) != limits.SALT
            or type(value[1]) is not str
            or not 1 <= len(value[1]) <= 40
            or type(value[2]) is not bytes
            or len(value[2]) != limits.DIGEST
        ):
            raise Malformed("A description has the wrong form.")
        return cls(salt=value[0], kind=value[1], detail_digest=value[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What opens one digest of the manifest: the outer part, and the detail unless it is withheld."""

    outer: bytes
    detail: bytes | None

    def to_value(self) -> dict[str, object]:
        """The map that travels."""
        return {"outer": self.outer, "detail": self.detail}

    @classmethod
    def read(cls, value: object) -> "Opening":
        """Read it, or raise `Malformed`."""
        reader = Reader(value, "opening")
        detail = reader.value("detail")
        if detail is not None and (type(detail) is not bytes or len(detail) > limits.OPENING_BYTES):
            raise Malformed("In the opening, detail has the wrong form.")
        opening = cls(outer=reader.raw("outer", 1, limits.OPENING_BYTES), detail=detail)
        reader.end()
        return opening


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What the sending adapter submits: everything sealed, every description open to the broker."""

    manifest_bytes: bytes
    manifest: Manifest
    signature: bytes
    openings: tuple[Opening, ...]
    sections: Mapping[str, bytes]
    grants: Mapping[ContactHandle, bytes]
    attestations: tuple[Signed, ...]

    def to_bytes(self) -> bytes:
        """The bytes that are submitted."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "manifest": self.manifest_bytes,
                "sig": self.signature,
                "openings": [o.to_value() for o in self.openings],
                "sections": dict(self.sections),
                "grants": dict(self.grants),
                "attestations": [a.to_bytes() for a in self.attestations],
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The envelope as one recipient gets it: only what is its own, and the one signature."""

    manifest_bytes: bytes
    manifest: Manifest
    signature: bytes
    openings: tuple[Opening, ...]
    sections: Mapping[str, bytes]
    grant: bytes
    attestations: tuple[Signed, ...]

    def to_bytes(self) -> bytes:
        """The bytes that the stamp covers."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "manifest": self.manifest_bytes,
                "sig": self.signature,
                "openings": [o.to_value() for o in self.openings],
                "sections": dict(self.sections),
                "grant": self.grant,
                "attestations": [a.to_bytes() for a in self.attestations],
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A view with the broker's stamp, and the record and salt that the stamp's leaf commits to."""

    view: bytes
    stamp: Signed
    record: bytes
    salt: bytes

    def to_bytes(self) -> bytes:
        """The bytes that wait for the recipient."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "view": self.view,
                "stamp": self.stamp.to_bytes(),
                "record": self.record,
                "salt": self.salt,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Delivery":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, 2 * limits.ENVELOPE_BYTES, "delivery"), "delivery")
        reader.version()
        delivery = cls(
            view=reader.raw("view", 1),
            stamp=Signed.from_bytes(reader.raw("stamp", 1, limits.ATTESTATION_BYTES), limits.ATTESTATION_BYTES),
            record=reader.raw("record", 1, limits.ATTESTATION_BYTES),
            salt=reader.fixed("salt", limits.DIGEST),
        )
        reader.end()
        return delivery


MIN_SECTION = limits.NONCE + limits.TAG + 1
MAX_SECTION = limits.NONCE + limits.TAG + 2 * limits.SECTION_BYTES
MIN_GRANT = limits.ENCAPSULATION + limits.SECTION_KEY + limits.TAG
MAX_GRANT = limits.ENCAPSULATION + limits.SECTION_KEY * limits.SECTIONS + limits.TAG


def _common(reader: Reader) -> tuple[bytes, Manifest, bytes, tuple[Opening, ...], dict[str, bytes], tuple[Signed, ...]]:
    reader.version()
    manifest_bytes = reader.raw("manifest", 1, limits.MANIFEST_BYTES)
    return (
        manifest_bytes,
        Manifest.from_bytes(manifest_bytes),
        reader.fixed("sig", limits.SIGNATURE),
        tuple(map(Opening.read, reader.items("openings", limits.DIGESTS))),
        cbor.bytes_map(
            reader.map("sections", limits.SECTIONS), ids.section_name, "list of sections", MIN_SECTION, MAX_SECTION
        ),
        tuple(
            Signed.from_bytes(raw, limits.ATTESTATION_BYTES)
            for raw in cbor.bytes_list(
                reader.items("attestations", limits.ATTESTATIONS),
                "list of attestations",
                1,
                limits.ATTESTATION_BYTES,
            )
        ),
    )


def decode_envelope(data: bytes) -> Envelope:
    """Read an envelope from any bytes, or raise `Malformed`; nothing is repaired."""
    reader = Reader(cbor.load(data, limits.ENVELOPE_BYTES, "envelope"), "envelope")
    manifest_bytes, manifest, signature, openings, sections, attestations = _common(reader)
    envelope = Envelope(
        manifest_bytes=manifest_bytes,
        manifest=manifest,
        signature=signature,
        openings=openings,
        sections=sections,
        grants=cbor.bytes_map(
            reader.map("grants", limits.GRANTS), ids.contact_handle, "list of grants", MIN_GRANT, MAX_GRANT
        ),
        attestations=attestations,
    )
    reader.end()
    return envelope


def decode_view(data: bytes) -> View:
    """Read a view from any bytes, or raise `Malformed`."""
    reader = Reader(cbor.load(data, limits.ENVELOPE_BYTES, "view"), "view")
    manifest_bytes, manifest, signature, openings, sections, attestations = _common(reader)
    view = View(
        manifest_bytes=manifest_bytes,
        manifest=manifest,
        signature=signature,
        openings=openings,
        sections=sections,
        grant=reader.raw("grant", MIN_GRANT, MAX_GRANT),
        attestations=attestations,
    )
    reader.end()
    return view
