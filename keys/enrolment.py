"""A request to be enrolled: public keys and names, signed by each of the keys that it names.

Whoever asks makes the keys on their own machine and hands in this file; the private halves never leave. The signatures
show that the keys are held by whoever made the request, and not copied from somebody else's. They do not show who that
is: for that the fingerprint is compared by telephone, and one fingerprint covers all that the request says.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict

from keys import content
from keys.domains import Tag
from keys.fingerprints import fingerprint
from keys.signing import Signs, check
from messages.directory import Agency, Contact, Officer, Operator, PublicKey
from messages.errors import Malformed, Unverified

T = TypeVar("T", bound=BaseModel)

_FORMAT: Final = "safeconduct-request-1"
REQUEST_BYTES: Final = 64 * 1024


class Wanted(StrEnum):
    """As what somebody asks to be enrolled."""

    OFFICER = "officer"
    ROOT = "root holder"
    AGENCY = "agency"
    CONTACT = "contact"
    OPERATOR = "operator"


class BrokerKeys(BaseModel):
    """What an operator asks to have enrolled: itself, and the key that signs snapshot and timestamp."""

    # Keys in base64, as in every file of the bundle: the models of messages.directory say so for themselves alone.
    model_config = ConfigDict(frozen=True, extra="forbid", val_json_bytes="base64")

    operator: Operator
    key: PublicKey  # the online key


_MODELS: Final[Mapping[Wanted, type[BaseModel]]] = {
    Wanted.OFFICER: Officer,
    Wanted.ROOT: Officer,
    Wanted.AGENCY: Agency,
    Wanted.CONTACT: Contact,
    Wanted.OPERATOR: BrokerKeys,
}
Model = Officer | Agency | Contact | BrokerKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request whose signatures hold. Made by `make` and `read` alone."""

    wanted: Wanted
    at: int
    model: Model
    proofs: Mapping[bytes, bytes]  # public key to its signature over `digest`

    @property
    def digest(self) -> bytes:
        """What its keys signed, and what the fingerprint is of."""
        return _digest(_told(self.wanted, self.at, self.model))

    @property
    def fingerprint(self) -> str:
        """The digits to read over the telephone; they cover every key and every name of the request."""
        return fingerprint(self.digest)

    def to_bytes(self) -> bytes:
        """The file."""
        told = _told(self.wanted, self.at, self.model)
        proofs = {key.hex(): signature.hex() for key, signature in self.proofs.items()}
        return json.dumps({**told, "proofs": proofs}, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"

    def officer(self) -> Officer:
        """The officer or root holder who asks, or raise `Malformed`."""
        return _as(self, Officer)

    def agency(self) -> Agency:
        """The agency that asks, or raise `Malformed`."""
        return _as(self, Agency)

    def contact(self) -> Contact:
        """The contact that asks; it has no mandate yet. Or raise `Malformed`."""
        return _as(self, Contact)

    def broker(self) -> BrokerKeys:
        """The operator that asks, or raise `Malformed`."""
        return _as(self, BrokerKeys)


def _as(request: Request, wanted: type[T]) -> T:
    if not isinstance(request.model, wanted):
        raise Malformed(f"This is the request of another kind: {request.wanted.value}.")
    return request.model


def make(wanted: Wanted, model: Model, signers: Iterable[Signs], at: int) -> Request:
    """The request, signed by `signers`: all keys that it names, and for a new key the one before it."""
    digest = _digest(_told(wanted, at, model))
    request = Request(
        wanted=wanted,
        at=at,
        model=model,
        proofs={signer.public: signer.signature(Tag.ENROLMENT, digest) for signer in signers},
    )
    _check(request)
    return request


def read(data: bytes) -> Request:
    """The request in `data`, or raise `Malformed` (it is none) or `Unverified` (not signed by each of its keys)."""
    try:
        if len(data) > REQUEST_BYTES:
            raise ValueError
        value = json.loads(data)
        if set(value) != {"format", "wanted", "at", "asks", "proofs"} or value["format"] != _FORMAT:
            raise ValueError
        wanted = Wanted(value["wanted"])
        if type(value["at"]) is not int or not 0 <= value["at"] < 2**53:
            raise ValueError
        request = Request(
            wanted=wanted,
            at=value["at"],
            model=_read_model(wanted, value["asks"]),
            proofs={bytes.fromhex(k): bytes.fromhex(v) for k, v in value["proofs"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, Malformed):
        raise Malformed("This is not a request to be enrolled; ask for the file again.") from None
    if _told(wanted, request.at, request.model)["asks"] != value["asks"]:
        raise Malformed("This request is not written as ours are; ask for the file again.")
    _check(request)
    return request


def keys_of(request: Request) -> dict[str, bytes]:
    """Every public signing key that the request names, by whose it is."""
    match request.model:
        case Officer() as officer:
            return {request.wanted.value: officer.key}
        case Agency() as agency:
            head = {"head": agency.head.key} if agency.head is not None else {}
            return {**{f"guard {g.handle}": g.key for g in agency.guards}, **head}
        case Contact() as contact:
            return {"contact": contact.signing_key}
        case BrokerKeys() as broker:
            return {**{f"worker {w.handle}": w.key for w in broker.operator.workers}, "online key": broker.key}


def vouched(request: Request, public: bytes) -> bool:
    """Whether the holder of `public` signed this request."""
    try:
        check(public, Tag.ENROLMENT, request.digest, request.proofs.get(public, b""))
    except Unverified:
        return False
    return True


def _check(request: Request) -> None:
    for whose, public in keys_of(request).items():
        if not vouched(request, public):
            raise Unverified(f"The request is not signed by a key that it names ({whose}); ask for the file again.")


def _told(wanted: Wanted, at: int, model: Model) -> dict[str, Any]:
    data = content.write_contacts([model]) if isinstance(model, Contact) else content.write(model)
    return {"format": _FORMAT, "wanted": wanted.value, "at": at, "asks": json.loads(data)[0]}


def _digest(told: Mapping[str, object]) -> bytes:
    return sha256(json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()).digest()


def _read_model(wanted: Wanted, asks: object) -> Model:
    data = json.dumps([asks]).encode()
    if wanted is Wanted.CONTACT:
        (contact,) = content.read_contacts(data)
        if contact.mandates or contact.former_keys or contact.suspended:
            raise Malformed
        return contact
    found = content.read_one(data, _MODELS[wanted], "request")
    assert isinstance(found, Officer | Agency | BrokerKeys)  # noqa: S101  as the table says
    return found
