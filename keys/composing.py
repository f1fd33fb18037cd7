"""Make an envelope: seal sections, seal grants, describe them with fresh salts, sign the manifest.

The order matters: the guard attests sections and seals grants *before* the manifest is signed; releases are signed
over the finished manifest. Nothing here decides who may get what.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from nacl.utils import random

from keys.domains import Tag
from keys.sealing import SectionKey, commitment, key_id, seal_grant, seal_section, section_context
from keys.signing import Signs, digest
from messages import limits
from messages.envelope import GRANT, Envelope, GrantDetail, Opening, Outer, SectionDetail
from messages.errors import BadInput
from messages.ids import AgreementId, ContactHandle, MessageId
from messages.labels import Flag, Role
from messages.manifest import Manifest
from messages.signed import Signed


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSection:
    """A section ready to travel, with the key that only grants may carry on."""

    detail: SectionDetail
    sealed: bytes
    key: SectionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedGrant:
    """A grant ready to travel."""

    detail: GrantDetail
    sealed: bytes


def new_message_id() -> MessageId:
    """A random UUID of version 4, as 16 bytes."""
    raw = bytearray(random(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    return MessageId(bytes(raw))


def seal(
    message: MessageId,
    *,
    name: str,
    data_type: str,
    part: str,
    media: str,
    roles: Iterable[Role],
    flags: Iterable[Flag],
    plaintext: bytes,
) -> SealedSection:
    """Seal one section under a fresh key and describe it. Roles and flags are the sender's claim."""
    key = SectionKey(random(limits.SECTION_KEY))
    sealed = seal_section(key, random(limits.NONCE), plaintext, section_context(message, name, data_type, part))
    detail = SectionDetail(
        salt=random(limits.SALT),
        name=name,
        type=data_type,
        part=part,
        media=media,
        roles=tuple(sorted(set(roles))),
        flags=tuple(sorted(set(flags))),
        size=len(sealed) - limits.NONCE - limits.TAG,
        digest=sha256(sealed).digest(),
        commitment=commitment(key, plaintext),
    )
    return SealedSection(detail=detail, sealed=sealed, key=key)


def describe_grant(
    sealed: bytes,
    *,
    recipient: ContactHandle,
    agreement: AgreementId,
    public: bytes,
    sections: Iterable[str],
    thread: bytes,
    case: bytes | None,
) -> SealedGrant:
    """Describe a grant that was sealed here or by the guard."""
    return SealedGrant(
        detail=GrantDetail(
            salt=random(limits.SALT),
            recipient=recipient,
            agreement=agreement,
            key=key_id(public),
            sections=tuple(sorted(sections)),
            digest=sha256(sealed).digest(),
            thread=thread,
            case=case,
        ),
        sealed=sealed,
    )


def grant(
    message: MessageId,
    sender: ContactHandle,
    sections: Sequence[SealedSection],
    *,
    recipient: ContactHandle,
    agreement: AgreementId,
    public: bytes,
    thread: bytes,
    case: bytes | None = None,
) -> SealedGrant:
    """Seal the keys of exactly these sections to one recipient with identity rights."""
    ordered = sorted(sections, key=lambda s: s.detail.name)
    sealed = seal_grant([s.key for s in ordered], public, message, sender, recipient)
    return describe_grant(
        sealed,
        recipient=recipient,
        agreement=agreement,
        public=public,
        sections=[s.detail.name for s in ordered],
        thread=thread,
        case=case,
    )


def open_description(kind: str, detail: bytes) -> Opening:
    """Wrap a detail in its outer part with a fresh salt."""
    outer = Outer(salt=random(limits.SALT), kind=kind, detail_digest=digest("description-detail", detail))
    return Opening(outer=outer.to_bytes(), detail=detail)


def sign_envelope(
    signer: Signs,
    header: Manifest,
    sections: Sequence[SealedSection],
    grants: Sequence[SealedGrant],
    attestations: Iterable[Signed] = (),
) -> Envelope:
    """Fill the header's digests, padded with random ones to 4, 8, 16 …, and sign the manifest's bytes.

    `header.digests` is ignored. Raises `BadInput` beyond the bounds of `messages.limits`.
    """
    if not sections or not grants or len(sections) > limits.SECTIONS or len(grants) > limits.GRANTS:
        raise BadInput(
            f"A message has 1 to {limits.SECTIONS} sections and 1 to {limits.GRANTS} recipients; split this one."
        )
    names, recipients = {s.detail.name for s in sections}, {g.detail.recipient for g in grants}
    if len(names) != len(sections) or len(recipients) != len(grants):
        raise BadInput("A message names each section and each recipient once.")
    openings = [open_description(s.detail.kind, s.detail.to_bytes()) for s in sections]
    openings += [open_description(GRANT, g.detail.to_bytes()) for g in grants]
    digests = [digest("description", o.outer) for o in openings]
    digests += [random(limits.DIGEST) for _ in range(limits.digest_slots(len(digests)) - len(digests))]
    manifest = replace(header, digests=tuple(sorted(digests)))
    manifest_bytes = manifest.to_bytes()
    return Envelope(
        manifest_bytes=manifest_bytes,
        manifest=manifest,
        signature=signer.signature(Tag.MANIFEST, manifest_bytes),
        openings=tuple(openings),
        sections={s.detail.name: s.sealed for s in sections},
        grants={g.detail.recipient: g.sealed for g in grants},
        attestations=tuple(attestations),
    )


def attach(envelope: Envelope, attestations: Iterable[Signed]) -> Envelope:
    """The envelope with more attestations beside its manifest; the signature is untouched."""
    return replace(envelope, attestations=(*envelope.attestations, *attestations))


__all__ = [
    "SealedGrant",
    "SealedSection",
    "attach",
    "describe_grant",
    "grant",
    "new_message_id",
    "seal",
    "sign_envelope",
]
