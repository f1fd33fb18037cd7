"""Agencies, contacts and their dated mandates, and pure look-ups as of a moment.

These models are the contract; how a directory is signed and distributed is `keys.bundle`'s. A `Directory` found here
has a shape; that two officers signed it is known only to whoever got it from `keys.bundle.open_bundle`. Ended mandates
stay in with their dates, so that "in force at T" can be answered years later.

All moments are milliseconds since the Unix epoch; intervals are half-open, so that a successor may abut.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from messages import ids
from messages.errors import Malformed
from messages.ids import AgencyHandle, ContactHandle, GuardHandle, KeyId, OfficerHandle, WorkerHandle
from messages.labels import CrimeArea, Duty, Keeping, PartyClass

ALL_TYPES = "*"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


def _key32(raw: bytes) -> bytes:
    if len(raw) != 32:
        raise ValueError("an Ed25519 public key has 32 bytes")
    return raw


PublicKey = Annotated[bytes, AfterValidator(_key32)]


class Mandate(_Model):
    """What a contact may do, from when until when, and which two officers said so."""

    start: int
    end: int
    areas: frozenset[CrimeArea]
    types: frozenset[str]  # data type ids, or "*"
    may_send: bool
    may_receive: bool
    duties: frozenset[Duty] = frozenset()
    deputy_for: ContactHandle | None = None
    granted_by: tuple[OfficerHandle, ...] = ()

    def in_force(self, moment: int) -> bool:
        """Whether `moment` lies in [start, end)."""
        return self.start <= moment < self.end

    def covers_type(self, data_type: str) -> bool:
        """Whether content of `data_type` ("A02") may pass; the cover goes with any type."""
        return data_type == "cover" or ALL_TYPES in self.types or data_type in self.types


class KeyStatement(_Model):
    """A numbered encryption key of a contact, signed by that contact (tag `key-statement`)."""

    number: int
    key: bytes  # 1216 bytes: ML-KEM-768 (1184) and X25519 (32) public keys
    start: int
    end: int
    signed: bytes  # the Signed object as it travels; `keys.statements.check` holds it against the fields above


class Contact(_Model):
    """A designated point of contact."""

    handle: ContactHandle
    name: str  # "duty-desk"; with the agency's name it is the address "harbour-police/duty-desk"
    title: str
    agency: AgencyHandle
    signing_key: PublicKey
    keeping: Keeping
    mandates: tuple[Mandate, ...]
    statements: tuple[KeyStatement, ...] = ()

    def mandate_at(self, moment: int) -> Mandate | None:
        """The mandate in force at `moment`; where several are, the latest granted."""
        live = [m for m in self.mandates if m.in_force(moment)]
        return max(live, key=lambda m: m.start) if live else None

    def statement_at(self, moment: int) -> KeyStatement | None:
        """The newest encryption key usable at `moment`."""
        live = [s for s in self.statements if s.start <= moment < s.end]
        return max(live, key=lambda s: s.number) if live else None


class Guard(_Model):
    """The release guard of an agency: a process with its own key."""

    handle: GuardHandle
    key: PublicKey
    start: int
    end: int


class Agency(_Model):
    """An organisation of the task force."""

    handle: AgencyHandle
    name: str
    title: str
    party_class: PartyClass
    country: str
    nkey: str  # the public NKEY of its adapter ("U…")
    guards: tuple[Guard, ...] = ()


class Worker(_Model):
    """A broker worker's signing key; several run side by side."""

    handle: WorkerHandle
    key: PublicKey
    start: int
    end: int


class Operator(_Model):
    """Who runs the broker: its workers and the key that signs checkpoints (as a C2SP verifier key)."""

    name: str
    nkey: str
    workers: tuple[Worker, ...]
    log_origin: str
    log_vkey: str


class Directory(_Model):
    """Everybody, at one epoch."""

    agencies: tuple[Agency, ...]
    contacts: tuple[Contact, ...]
    operator: Operator

    @model_validator(mode="after")
    def _consistent(self) -> "Directory":
        def unique(what: str, values: Iterable[object]) -> None:
            seen: set[object] = set()
            for value in values:
                if value in seen:
                    raise ValueError(f"{what} stands twice in the directory")
                seen.add(value)

        for agency in self.agencies:
            ids.agency_handle(agency.handle)
            ids.name(agency.name)
        for contact in self.contacts:
            ids.contact_handle(contact.handle)
            ids.name(contact.name)
            if contact.agency not in {a.handle for a in self.agencies}:
                raise ValueError("a contact belongs to no agency of the directory")
        guards = [g for a in self.agencies for g in a.guards]
        for guard in guards:
            ids.guard_handle(guard.handle)
        for worker in self.operator.workers:
            ids.worker_handle(worker.handle)
        unique("an agency's handle", (a.handle for a in self.agencies))
        unique("an agency's name", (a.name for a in self.agencies))
        unique("a contact's handle", (c.handle for c in self.contacts))
        unique("a contact's address", ((c.agency, c.name) for c in self.contacts))
        unique("a guard's handle", (g.handle for g in guards))
        unique("a worker's handle", (w.handle for w in self.operator.workers))
        # One key, one holder: else one person could be both signatures, or a guard its own sender (law 7).
        unique(
            "a signing key",
            [c.signing_key for c in self.contacts] + [g.key for g in guards] + [w.key for w in self.operator.workers],
        )
        return self

    @cached_property
    def _contacts(self) -> Mapping[str, Contact]:
        return {c.handle: c for c in self.contacts}

    @cached_property
    def _agencies(self) -> Mapping[str, Agency]:
        return {a.handle: a for a in self.agencies}

    @cached_property
    def _addresses(self) -> Mapping[str, Contact]:
        return {f"{self._agencies[c.agency].name}/{c.name}": c for c in self.contacts}

    @cached_property
    def _workers(self) -> Mapping[str, Worker]:
        return {w.handle: w for w in self.operator.workers}

    @cached_property
    def _guards(self) -> Mapping[str, tuple[Agency, Guard]]:
        return {g.handle: (a, g) for a in self.agencies for g in a.guards}

    def contact(self, handle: str) -> Contact | None:
        """The contact with this handle, in force or not."""
        return self._contacts.get(handle)

    def agency(self, handle: str) -> Agency | None:
        """The agency with this handle."""
        return self._agencies.get(handle)

    def agency_of(self, contact: Contact) -> Agency:
        """The agency a contact of this directory belongs to."""
        return self._agencies[contact.agency]

    def worker(self, handle: str) -> Worker | None:
        """The broker worker with this handle."""
        return self._workers.get(handle)

    def guard(self, handle: str) -> tuple[Agency, Guard] | None:
        """A release guard and the agency it guards."""
        return self._guards.get(handle)

    def find(self, address: str) -> Contact:
        """The contact at an address such as "harbour-police/duty-desk", or raise `Malformed` naming near ones."""
        found = self._addresses.get(address)
        if found is None:
            raise Malformed(f"There is no designated contact at {address!r}; known are: {', '.join(self.addresses())}.")
        return found

    def address(self, contact: Contact) -> str:
        """The address people use for a contact."""
        return f"{self._agencies[contact.agency].name}/{contact.name}"

    def addresses(self) -> list[str]:
        """All addresses, sorted."""
        return sorted(self._addresses)

    def contacts_of(self, agency: AgencyHandle) -> list[Contact]:
        """The contacts of an agency, in force or not."""
        return [c for c in self.contacts if c.agency == agency]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The trust bundle at one epoch, as `keys.bundle.open_bundle` returns it: the signatures have been checked.

    `agreements` are the YAML texts as the officers signed them; `policies.agreements` reads them.
    """

    epoch: int
    created: int
    expires: int
    directory: Directory
    agreements: Mapping[str, str] = field(default_factory=dict)
    rules_digest: str = ""
    catalogue_digest: str = ""
    digest: bytes = b""
    officers: tuple[OfficerHandle, ...] = ()


def key_id_text(key: KeyId | bytes) -> str:
    """A key id as people compare it: hexadecimal in groups of four."""
    text = key.hex()
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))
