"""What is signed and logged about trust itself: ceremony steps, epochs, stated and destroyed encryption keys.

Shapes only. Who may sign which is `keys.domains`'; `broker.admit` holds the signatures against the directory before it
logs them. Of all of these the log keeps a digest, random handles and numbers, and no word of what was decided.
"""

from dataclasses import dataclass
from enum import StrEnum

from messages import cbor, ids, limits
from messages.cbor import Reader
from messages.errors import Malformed
from messages.ids import ContactHandle, KeyId
from messages.signed import Signed

KEY_ID = 16


class StepCode(StrEnum):
    """The steps of the ceremonies: each is signed by whoever took it (docs/envelope.md section 6)."""

    INIT = "init"
    REQUEST = "request"
    FINGERPRINT_COMPARED = "fingerprint-compared"
    PROPOSE = "propose"
    REHEARSE = "rehearse"
    REVIEW = "review"
    SIGN = "sign"
    PUBLISH = "publish"
    RENEW = "renew"
    ROTATE_SIGNING_KEY = "rotate-signing-key"
    SUSPEND = "suspend"
    RESUME = "resume"
    REVOKE = "revoke"
    RETIRE_AGENCY = "retire-agency"
    REPLACE_OFFICER = "replace-officer"
    ROTATE_ROOT = "rotate-root"
    ADD_AGENCY = "add-agency"
    ADD_CONTACT = "add-contact"
    ADD_AGREEMENT = "add-agreement"
    END_AGREEMENT = "end-agreement"
    CHANGE_MANDATE = "change-mandate"
    ABSENCE = "absence"


@dataclass(frozen=True, slots=True, kw_only=True)
class CeremonyStep:
    """One step that an officer, or an agency's head for its own agency, took (tag `ceremony-step`)."""

    step: StepCode
    subject: str  # the handle of whom it is about, or "" where it is about no one party
    proposal: bytes  # SHA-256 of what was proposed, reviewed, signed or published
    epoch: int  # of the trust bundle that the step leads to
    at: int

    def to_bytes(self) -> bytes:
        """The body to sign."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "step": self.step.value,
                "subject": self.subject,
                "proposal": self.proposal,
                "epoch": self.epoch,
                "at": self.at,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "CeremonyStep":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "ceremony step"), "ceremony step")
        reader.version()
        step = cls(
            step=reader.code("step", StepCode),
            subject=reader.code("subject", _subject),
            proposal=reader.fixed("proposal", limits.DIGEST),
            epoch=reader.number("epoch"),
            at=reader.number("at"),
        )
        reader.end()
        return step


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochStatement:
    """What the trust bundle of one epoch consists of, for everybody alike.

    Not signed by itself: the log holds its digest in a worker's signed entry, once for each epoch. Whoever holds an
    extract, its path to `root` and this statement can show that the log knows that extract and no other one for it.
    """

    epoch: int
    at: int
    root: bytes  # RFC 6962 root over the leaves of all extracts (`keys.epochs`)
    extracts: int  # number of leaves, fillers included
    full: bytes  # digest of the full trust bundle, which only officers and broker hold
    previous: bytes | None  # the same of the epoch before; None for the first

    def to_bytes(self) -> bytes:
        """The bytes that the log's record names by their digest."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "epoch": self.epoch,
                "at": self.at,
                "root": self.root,
                "extracts": self.extracts,
                "full": self.full,
                "previous": self.previous,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "EpochStatement":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "epoch statement"), "epoch statement")
        reader.version()
        statement = cls(
            epoch=reader.number("epoch"),
            at=reader.number("at"),
            root=reader.fixed("root", limits.DIGEST),
            extracts=reader.number("extracts"),
            full=reader.fixed("full", limits.DIGEST),
            previous=reader.maybe("previous", limits.DIGEST),
        )
        reader.end()
        return statement


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDestroyed:
    """A contact's word that the private half of one of its encryption keys is no more (tag `key-destroyed`)."""

    contact: ContactHandle
    number: int
    key_id: KeyId
    at: int

    def to_bytes(self) -> bytes:
        """The body to sign."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "contact": self.contact,
                "number": self.number,
                "key_id": self.key_id,
                "at": self.at,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "KeyDestroyed":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, limits.ATTESTATION_BYTES, "destroyed key"), "destroyed key")
        reader.version()
        destroyed = cls(
            contact=reader.code("contact", ids.contact_handle),
            number=reader.number("number"),
            key_id=KeyId(reader.fixed("key_id", KEY_ID)),
            at=reader.number("at"),
        )
        reader.end()
        return destroyed


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementSubmission:
    """What an agency hands in about a contact's encryption keys: a key statement, or the word that one is destroyed."""

    statement: Signed
    counter: Signed | None = None  # the countersignature that a key statement off its schedule needs

    def to_bytes(self) -> bytes:
        """The bytes to submit."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "statement": self.statement.to_bytes(),
                "counter": self.counter.to_bytes() if self.counter else None,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "StatementSubmission":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, 3 * limits.ATTESTATION_BYTES, "statement"), "statement")
        reader.version()
        statement = reader.raw("statement", 1, limits.ATTESTATION_BYTES)
        counter = reader.value("counter")
        reader.end()
        if counter is not None and type(counter) is not bytes:
            raise Malformed("The countersignature of the statement has the wrong form.")
        return cls(
            statement=Signed.from_bytes(statement, limits.ATTESTATION_BYTES),
            counter=Signed.from_bytes(counter, limits.ATTESTATION_BYTES) if counter is not None else None,
        )


def _subject(text: str) -> str:
    return ids.signer_handle(text) if text else ""
