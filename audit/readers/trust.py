"""What is signed and published about trust: key statements, destroyed keys, ceremony steps, epoch statements.

Shapes only. The log holds a digest of each in a `TrustRecord`; with these an auditor reads the object that it names.
"""

from dataclasses import dataclass
from typing import Final

from audit.readers import bounds, codes
from audit.readers.fields import Fields, as_handle, read_map
from audit.readers.signed import SIGNERS

KEY_BYTES: Final = 1216  # ML-KEM-768 and X25519


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStatement:
    """A contact's word on one of its encryption keys."""

    contact: str
    number: int
    key: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDestroyed:
    """A contact's word that the private half of one is no more."""

    contact: str
    number: int
    key_id: bytes
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CeremonyStep:
    """One step that an officer or an agency's head took."""

    step: str
    subject: str  # "" where it is about no one party
    proposal: bytes
    epoch: int
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochStatement:
    """What the trust bundle of one epoch consists of."""

    epoch: int
    at: int
    root: bytes
    extracts: int
    full: bytes
    previous: bytes | None


def read_key_statement(body: bytes) -> KeyStatement:
    """Read a key statement's body, or raise `Unreadable`."""
    fields = _map(body, "key statement", ("v", "contact", "number", "key", "start", "end"))
    return KeyStatement(
        contact=fields.handle("contact", "c"),
        number=fields.uint("number"),
        key=fields.octets("key", KEY_BYTES),
        start=fields.uint("start"),
        end=fields.uint("end"),
    )


def read_key_destroyed(body: bytes) -> KeyDestroyed:
    """Read the body of a contact's word that a key is destroyed, or raise `Unreadable`."""
    fields = _map(body, "destroyed key", ("v", "contact", "number", "key_id", "at"))
    return KeyDestroyed(
        contact=fields.handle("contact", "c"),
        number=fields.uint("number"),
        key_id=fields.octets("key_id", 16),
        at=fields.uint("at"),
    )


def read_ceremony_step(body: bytes) -> CeremonyStep:
    """Read a ceremony step's body, or raise `Unreadable`."""
    fields = _map(body, "ceremony step", ("v", "step", "subject", "proposal", "epoch", "at"))
    subject = fields.raw("subject")
    return CeremonyStep(
        step=fields.choice("step", codes.STEP),
        subject="" if subject == "" else as_handle(subject, "ceremony step: subject", SIGNERS),
        proposal=fields.octets("proposal", 32),
        epoch=fields.uint("epoch"),
        at=fields.uint("at"),
    )


def read_epoch_statement(body: bytes) -> EpochStatement:
    """Read an epoch statement, or raise `Unreadable`."""
    fields = _map(body, "epoch statement", ("v", "epoch", "at", "root", "extracts", "full", "previous"))
    return EpochStatement(
        epoch=fields.uint("epoch"),
        at=fields.uint("at"),
        root=fields.octets("root", 32),
        extracts=fields.uint("extracts"),
        full=fields.octets("full", 32),
        previous=fields.octets_or_none("previous", 32),
    )


def _map(body: bytes, what: str, names: tuple[str, ...]) -> Fields:
    fields = read_map(body, what, names, max_bytes=bounds.ATTESTATION_BYTES)
    fields.version()
    return fields
