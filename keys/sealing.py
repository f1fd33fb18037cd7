"""Sections, grants and padding: the envelope's cryptography in its v1 form (docs/envelope.md sections 3 to 5).

Each section has a fresh random 32-byte key, so a nonce never meets a key twice even if the random source repeats a
nonce. XChaCha20-Poly1305 does not commit to its key: the signed commitment does, so that no key opens a ciphertext to
anything but what was signed. `open_section` returns the plaintext or raises `Unverified`; it never returns a part.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from messages import cbor, limits
from messages.envelope import GrantDetail, SectionDetail
from messages.errors import BadInput, KeyTrouble, Unverified
from messages.ids import ContactHandle, KeyId, MessageId
from messages.signed import pae

_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
PUBLIC_KEY_BYTES: Final = limits.ENCRYPTION_KEY
PRIVATE_KEY_BYTES: Final = 64 + 32


@dataclass(frozen=True, slots=True, repr=False)
class SectionKey:
    """32 secret bytes; never printed, never logged."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != limits.SECTION_KEY:
            raise KeyTrouble("A section's key has 32 bytes.")


def pad(plaintext: bytes) -> bytes:
    """0x80 and zeros up to the Padmé length (ISO/IEC 7816-4 marker, so that the length is found again)."""
    return (plaintext + b"\x80").ljust(limits.padme(len(plaintext) + 1), b"\x00")


def unpad(padded: bytes) -> bytes:
    """Take the padding off, or raise `Unverified` where it is not the one `pad` writes."""
    plaintext, marker, zeros = padded.rpartition(b"\x80")
    if not marker or zeros.strip(b"\x00") or limits.padme(len(plaintext) + 1) != len(padded):
        raise Unverified("A section's padding is not the one that Safeconduct writes.")
    return plaintext


def commitment(key: SectionKey, plaintext: bytes) -> bytes:
    """HMAC-SHA-256 under the section's key: binds key and plaintext to what the manifest signs."""
    return hmac.digest(key.raw, pae("commitment", plaintext), sha256)


def section_context(message: MessageId, name: str, data_type: str, part: str) -> bytes:
    """The associated data of a section: where it belongs, so that it cannot be moved."""
    return pae("section", cbor.dump([message, name, data_type, part]))


def seal_section(key: SectionKey, nonce: bytes, plaintext: bytes, context: bytes) -> bytes:
    """nonce ‖ XChaCha20-Poly1305(padded plaintext). `nonce` is 24 random bytes.

    Raises `BadInput` where the plaintext is empty or longer than `limits.SECTION_BYTES`.
    """
    if not 0 < len(plaintext) <= limits.SECTION_BYTES:
        raise BadInput(f"A section holds 1 to {limits.SECTION_BYTES} bytes; send larger files as evidence files.")
    return nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(pad(plaintext), context, nonce, key.raw)


def open_section(key: SectionKey, sealed: bytes, detail: SectionDetail, message: MessageId) -> bytes:
    """The plaintext that the manifest's signature covers, or raise `Unverified`.

    Checks the ciphertext's digest, the seal with its place, the padded size, the padding and the commitment.
    """
    if not hmac.compare_digest(sha256(sealed).digest(), detail.digest):
        raise Unverified("A section's content is not what its description says.")
    context = section_context(message, detail.name, detail.type, detail.part)
    nonce, body = sealed[: limits.NONCE], sealed[limits.NONCE :]
    try:
        padded = crypto_aead_xchacha20poly1305_ietf_decrypt(body, context, nonce, key.raw)
    except (CryptoError, ValueError, TypeError):
        raise Unverified("A section's seal does not hold.") from None
    if len(padded) != detail.size:
        raise Unverified("A section's size is not what its description says.")
    plaintext = unpad(padded)
    if not hmac.compare_digest(commitment(key, plaintext), detail.commitment):
        raise Unverified("A section's content is not what was signed.")
    return plaintext


@lru_cache(maxsize=4096)
def _public(key: bytes) -> MLKEM768X25519PublicKey:
    if len(key) != PUBLIC_KEY_BYTES:
        raise KeyTrouble("An encryption key has 1216 bytes.")
    try:
        return MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(key[:1184]), X25519PublicKey.from_public_bytes(key[1184:])
        )
    except ValueError:
        raise KeyTrouble("An encryption key of the directory is not a valid MLKEM768-X25519 key.") from None


class DecryptionKey:
    """A contact's private encryption key: ML-KEM-768 seed (64 bytes, FIPS 203) and X25519 key (32 bytes)."""

    __slots__ = ("_key", "_raw", "public")

    def __init__(self, raw: bytes) -> None:
        if len(raw) != PRIVATE_KEY_BYTES:
            raise KeyTrouble("A private encryption key has 96 bytes.")
        kem, dh = MLKEM768PrivateKey.from_seed_bytes(raw[:64]), X25519PrivateKey.from_private_bytes(raw[64:])
        self._key = MLKEM768X25519PrivateKey(kem, dh)
        self._raw = raw
        self.public = kem.public_key().public_bytes_raw() + dh.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return f"DecryptionKey({key_id(self.public).hex()})"

    def export(self) -> bytes:
        """The 96 private bytes, for the keystore alone."""
        return self._raw

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """HPKE open, or raise `Unverified`."""
        try:
            return _SUITE.decrypt(sealed, self._key, info=info)
        except (InvalidTag, ValueError):
            raise Unverified("The grant was not sealed to this key, or was altered.") from None


def key_id(public: bytes) -> KeyId:
    """The short name of an encryption key: 16 bytes of its hash."""
    return KeyId(sha256(pae("encryption-key", public)).digest()[:16])


def grant_context(message: MessageId, sender: ContactHandle, recipient: ContactHandle, key: KeyId) -> bytes:
    """HPKE `info`: what the grant is for, so that it opens nowhere else."""
    return pae("grant", cbor.dump([message, sender, recipient, key]))


def seal_grant(
    keys: Sequence[SectionKey],
    public: bytes,
    message: MessageId,
    sender: ContactHandle,
    recipient: ContactHandle,
) -> bytes:
    """The keys of one recipient's sections, in the order of the sorted section names, sealed to it alone.

    1120 + 32 per section + 16 bytes long, exactly: there is no room to smuggle anything.
    """
    info = grant_context(message, sender, recipient, key_id(public))
    return _SUITE.encrypt(b"".join(k.raw for k in keys), _public(public), info=info)


def grant_length(sections: int) -> int:
    """The one length a grant over so many sections has."""
    return limits.ENCAPSULATION + limits.SECTION_KEY * sections + limits.TAG


def open_grant(
    private: DecryptionKey, grant: bytes, detail: GrantDetail, message: MessageId, sender: ContactHandle
) -> dict[str, SectionKey]:
    """The keys by section name, or raise `Unverified`."""
    if not hmac.compare_digest(sha256(grant).digest(), detail.digest) or len(grant) != grant_length(
        len(detail.sections)
    ):
        raise Unverified("The grant is not what its description says.")
    info = grant_context(message, sender, detail.recipient, detail.key)
    raw = private.open(grant, info)
    if len(raw) != limits.SECTION_KEY * len(detail.sections):
        raise Unverified("The grant does not hold one key for each section.")
    return {
        name: SectionKey(raw[i * limits.SECTION_KEY : (i + 1) * limits.SECTION_KEY])
        for i, name in enumerate(detail.sections)
    }
