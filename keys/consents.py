"""Consents: the id that terms have, who may withdraw one, and how its collector keeps what nobody else may read.

The id is a hash of the terms, so whoever attests the id has attested the terms; and terms name their collector, so
they prove who may end them. The paper's digest is salted and covers the collector's private record: whose consent it
is, which paper was signed, and what was withheld from whom. Record and salt never leave the collector.
"""

from dataclasses import replace
from hashlib import blake2b
from typing import Final

from nacl.exceptions import CryptoError
from nacl.secret import Aead
from nacl.utils import random

from keys.domains import Tag
from keys.signing import digest, verify
from messages import limits
from messages.attestations import Consent, Withdrawal
from messages.directory import Directory
from messages.errors import KeyTrouble, Stale, UnknownSender, Unverified
from messages.withdrawals import WithdrawalSubmission

_BLANK = bytes(16)
SALT: Final = 16
"""Bytes of a paper's salt."""


def consent_id(consent: Consent) -> bytes:
    """16 bytes of SHA-256 over `pae("consent-terms", body with a blank id)` (docs/envelope.md)."""
    return digest("consent-terms", replace(consent, id=_BLANK).to_bytes())[:16]


def with_id(consent: Consent) -> Consent:
    """The consent with the id that its terms give it; the id it came with is ignored."""
    return replace(consent, id=consent_id(consent))


def new_salt() -> bytes:
    """A random salt for a consent that is taken down."""
    return random(SALT)


def paper_digest(salt: bytes, record: bytes) -> bytes:
    """What the terms show of the collector's private record: SHA-256 over `pae("consent-paper", salt ‖ record)`."""
    if len(salt) != SALT:
        raise KeyTrouble(f"The salt of a consent's paper has {SALT} bytes.")
    return digest("consent-paper", salt + record)


def check_withdrawal(submitted: WithdrawalSubmission, directory: Directory, at: int) -> tuple[Withdrawal, str | None]:
    """The withdrawal and the consent's collector (None where an officer has no terms), if whoever signed may withdraw.

    That is an officer in office; or, of the agency whose contact collected the consent, anybody who may still log in:
    that somebody's mandate ended by its date must not keep a person's word from taking effect. Raises the
    `RemoteError` that says why not.
    """
    signed = submitted.withdrawal
    withdrawal = Withdrawal.from_bytes(signed.body)
    collector: str | None = None
    if submitted.terms is not None:
        consent = Consent.from_bytes(submitted.terms)
        if not withdrawal.consent == consent.id == consent_id(consent):
            raise Unverified("The terms beside a withdrawal are not those of the consent that it ends.")
        collector = consent.collector
    if withdrawal.at > at + limits.CLOCK_SKEW:
        raise Stale("The withdrawal is dated in the future; check the clock of the machine that signed it.")
    officer = next((o for o in directory.officers if o.handle == signed.by), None)
    if officer is not None:
        verify(signed, Tag.CONSENT_WITHDRAWAL, officer.key)
        if not officer.start <= at < officer.end:
            raise Unverified("The withdrawal is signed by an officer who is not in office.")
        return withdrawal, collector
    contact = directory.contact(signed.by)
    if contact is None or not contact.may_log_in(at):
        raise UnknownSender("A consent is withdrawn by a designated contact or by an officer.")
    verify(signed, Tag.CONSENT_WITHDRAWAL, contact.key_at(at))
    known = directory.contact(collector) if collector is not None else None
    if known is None or known.agency != contact.agency:
        raise Unverified("A consent is withdrawn by the agency that collected it, which its terms name, or an officer.")
    return withdrawal, collector


# What the collector keeps


def register_salt(register_key: bytes, record: bytes) -> bytes:
    """The salt that a record has in our register: the same for the same record, and known to nobody without the key."""
    if len(register_key) != 32:
        raise KeyTrouble("A register key has 32 bytes.")
    return blake2b(record, key=register_key, digest_size=SALT, person=b"sc1-consent-salt").digest()


def seal_record(register_key: bytes, record: bytes) -> bytes:
    """A private record as it lies in the journal."""
    return bytes(Aead(_record_key(register_key)).encrypt(record))


def open_record(register_key: bytes, sealed: bytes) -> bytes:
    """Read it back, or raise `KeyTrouble`."""
    try:
        return bytes(Aead(_record_key(register_key)).decrypt(sealed))
    except (CryptoError, ValueError):
        raise KeyTrouble("A consent in the journal was sealed with another register key, or damaged.") from None


def _record_key(register_key: bytes) -> bytes:
    if len(register_key) != 32:
        raise KeyTrouble("A register key has 32 bytes.")
    return blake2b(b"records", key=register_key, digest_size=32, person=b"sc1-consent-keep").digest()
