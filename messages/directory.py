"""Agencies, contacts and their dated mandates, and pure look-ups as of a moment.

These models are the contract; how a directory is signed and distributed is `keys.bundle`'s. A `Directory` found here
has a shape; that two officers signed it is known only to whoever got it from `keys.bundle.Verifier`. Ended and revoked
mandates stay in with their dates, so that "in force at T" can be answered years later.

A directory may be an agency's extract: then it holds that agency, those with which it has an agreement, and nobody
else.

All moments are milliseconds since the Unix epoch; intervals are half-open, so that a successor may abut.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, model_validator
from pydantic_core import core_schema

from messages import alarms, cbor, ids, limits
from messages.cbor import Reader
from messages.errors import Malformed
from messages.ids import AgencyHandle, ContactHandle, GuardHandle, KeyId, OfficerHandle, WorkerHandle
from messages.labels import CrimeArea, Duty, Keeping, PartyClass
from messages.signed import Signed
from messages.tables import Table

ALL_TYPES = "*"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, val_json_bytes="base64")


def _key32(raw: bytes) -> bytes:
    if len(raw) != 32:
        raise ValueError("an Ed25519 public key has 32 bytes")
    return raw


def _credential(raw: bytes) -> bytes:
    if len(raw) > 1023:  # WebAuthn, section 4: a credential's id
        raise ValueError("a passkey's id has at most 1023 bytes")
    return raw


def _cose_key(raw: bytes) -> bytes:
    if len(raw) > 1024:
        raise ValueError("a passkey's public key has at most 1024 bytes")
    return raw


PublicKey = Annotated[bytes, AfterValidator(_key32)]


class Span(_Model):
    """From `start` until before `end`."""

    start: int
    end: int

    @model_validator(mode="after")
    def _forwards(self) -> "Span":
        if self.end <= self.start:
            raise ValueError("a span ends after it begins")
        return self

    def holds(self, moment: int) -> bool:
        """Whether `moment` lies in [start, end)."""
        return self.start <= moment < self.end


class Mandate(_Model):
    """What a contact may do, from when until when, and which two people said so."""

    start: int
    end: int
    areas: frozenset[CrimeArea]
    types: frozenset[str]  # data type ids, or "*"
    may_send: bool
    may_receive: bool
    duties: frozenset[Duty] = frozenset()
    deputy_for: ContactHandle | None = None
    absences: tuple[Span, ...] = ()  # when the contact it stands in for is away: a deputy has duty in these alone
    granted_by: tuple[OfficerHandle, ...] = ()
    granted_in: int = 0  # the epoch in which it first stood in the trust bundle
    exercise: bool = False  # takes part in exercises: without it no exercise message reaches this contact
    revoked: int | None = None  # the moment from which it holds no longer, whatever `end` says

    def in_force(self, moment: int) -> bool:
        """Whether `moment` lies in [start, end), before any revocation, and for a deputy in an absence."""
        if not self.start <= moment < self.end or (self.revoked is not None and moment >= self.revoked):
            return False
        return self.deputy_for is None or any(a.holds(moment) for a in self.absences)

    def covers_type(self, data_type: str) -> bool:
        """Whether content of `data_type` ("A02") may pass; the cover goes with any type."""
        return data_type == "cover" or ALL_TYPES in self.types or data_type in self.types


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What a key statement says."""

    by: str
    number: int
    key: bytes  # ML-KEM-768 (1184 bytes) and X25519 (32) public keys
    start: int
    end: int


@dataclass(frozen=True)
class KeyStatement:
    """A numbered encryption key of a contact, signed by that contact (tag `key-statement`).

    Only what was signed is kept, so nothing can be said beside it; `keys.statements.check` holds it against its signer.
    It is read when it is first asked for, and whatever asks then gets `Malformed` where it cannot be: a task force has
    tens of thousands of them, of which a day needs a few.
    """

    signed: bytes  # the Signed object as it travels; in JSON this alone, in base64

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """How a contact's statements are read, without a model for each of tens of thousands."""
        return core_schema.json_or_python_schema(
            core_schema.no_info_after_validator_function(cls, core_schema.bytes_schema()),
            core_schema.is_instance_schema(cls),
        )

    @cached_property
    def said(self) -> Stated:
        """What it says, or raise `Malformed`."""
        body = Signed.from_bytes(self.signed).body
        reader = Reader(cbor.load(body, limits.ATTESTATION_BYTES, "key statement"), "key statement")
        reader.version()
        said = Stated(
            by=reader.text("contact"),
            number=reader.number("number"),
            key=reader.fixed("key", limits.ENCRYPTION_KEY),
            start=reader.number("start"),
            end=reader.number("end"),
        )
        reader.end()
        return said

    @property
    def number(self) -> int:
        """The first key of a contact is number 1; each later one counts one more."""
        return self.said.number

    @property
    def key(self) -> bytes:
        """The public encryption key."""
        return self.said.key

    @property
    def start(self) -> int:
        """The first moment at which it may be sealed to."""
        return self.said.start

    @property
    def end(self) -> int:
        """The first moment at which it may no longer be."""
        return self.said.end


class FormerKey(_Model):
    """A signing key that a contact had before."""

    key: PublicKey
    start: int
    end: int


class Contact(_Model):
    """A designated point of contact."""

    handle: Annotated[ContactHandle, AfterValidator(ids.contact_handle)]
    name: Annotated[str, AfterValidator(ids.name)]  # "duty-desk"; its address is "harbour-police/duty-desk"
    title: str
    agency: Annotated[AgencyHandle, AfterValidator(ids.agency_handle)]
    signing_key: PublicKey  # the newest
    keeping: Keeping
    mandates: tuple[Mandate, ...]
    statements: tuple[KeyStatement, ...] = ()
    former_keys: tuple[FormerKey, ...] = ()
    suspended: tuple[Span, ...] = ()
    nkey: str | None = None  # the public NKEY with which its own devices log in ("U…"); None: it cannot connect
    rotation_days: Annotated[int, Field(ge=1, le=30)] = 20  # the enrolled schedule of its encryption keys

    def mandate_at(self, moment: int) -> Mandate | None:
        """The mandate in force at `moment`; where several are, the latest granted. None while suspended."""
        if any(s.holds(moment) for s in self.suspended):
            return None
        live = [m for m in self.mandates if m.in_force(moment)]
        return max(live, key=lambda m: m.start) if live else None

    def may_log_in(self, moment: int) -> bool:
        """Whether its devices may connect: some mandate began, none was revoked without another that holds, and it is
        not suspended. A mandate that ended by its date still lets its contact collect what waits for it.
        """
        if any(s.holds(moment) for s in self.suspended):
            return False
        begun = [m for m in self.mandates if m.start <= moment]
        if any(moment < m.end and (m.revoked is None or moment < m.revoked) for m in begun):
            return True
        return bool(begun) and all(m.revoked is None or moment < m.revoked for m in begun)

    def statement_at(self, moment: int) -> KeyStatement | None:
        """The newest encryption key usable at `moment`."""
        live = [s for s in self.statements if s.start <= moment < s.end]
        return max(live, key=lambda s: s.number) if live else None

    def key_at(self, moment: int) -> bytes:
        """The public signing key whose signatures count at `moment`.

        At a broker `moment` is the admission, at a recipient the stamp's: else a stolen old key could sign a message
        that is dated back to before the rotation.
        """
        for former in self.former_keys:
            if former.start <= moment < former.end:
                return former.key
        return self.signing_key


class Guard(_Model):
    """The release guard of an agency: a process with its own key."""

    handle: GuardHandle
    key: PublicKey
    start: int
    end: int


class Officer(_Model):
    """A security officer of the task force, or the head of one agency: somebody whose signature grants mandates."""

    handle: OfficerHandle
    title: str
    key: PublicKey
    start: int
    end: int

    @model_validator(mode="after")
    def _shaped(self) -> "Officer":
        ids.officer_handle(self.handle)
        return self


class Agency(_Model):
    """An organisation of the task force."""

    handle: AgencyHandle
    name: str
    title: str
    party_class: PartyClass
    country: str
    nkey: str  # the public NKEY with which its adapter fetches the trust bundle and asks the broker ("U…")
    guards: tuple[Guard, ...] = ()
    head: Officer | None = None  # counts as one of the two signatures, for this agency's own contacts alone
    written_consent_only: bool = False  # a provider bound by VAWA: a consent given by word of mouth does not count
    retired: int | None = None  # from this moment on nobody may log in for it

    @model_validator(mode="after")
    def _shaped(self) -> "Agency":
        ids.agency_handle(self.handle)
        ids.name(self.name)
        for guard in self.guards:
            ids.guard_handle(guard.handle)
        return self


class Worker(_Model):
    """A broker worker's signing key; several run side by side."""

    handle: WorkerHandle
    key: PublicKey
    start: int
    end: int


class Witness(_Model):
    """Who cosigns the log's heads, under a random label."""

    label: str
    vkey: str  # C2SP verifier key


class Account(_Model):
    """Who may log in to the officers' console, and as what; without a passkey nobody can log in by it.

    Widened by a ceremony alone, which two officers sign. `officer` is an officer's handle, or one of its own for
    somebody who signs nothing. Whoever logged in and looked something up is named by it in the log.
    """

    officer: OfficerHandle
    role: str
    title: str = ""
    credential: Annotated[bytes, AfterValidator(_credential)] = b""  # the passkey's id, as its authenticator gave it
    key: Annotated[bytes, AfterValidator(_cose_key)] = b""  # its public key, in COSE form (RFC 9052), as registered
    ended: int | None = None  # from this moment on it opens nothing


class AlarmAddress(_Model):
    """Where alarms go, without any content. Whether it lies outside the operator's organisation is the officers' word.

    Every agency's extract shows it, as all of the operator: so it is a duty's mail box, not a person's.
    """

    to: Annotated[str, AfterValidator(alarms.checked)]
    outside: bool = False


class Operator(_Model):
    """Who runs the broker: its workers and the key that signs checkpoints (as a C2SP verifier key)."""

    name: str
    nkey: str
    workers: tuple[Worker, ...]
    log_origin: str
    log_vkey: str
    trust_url: str | None = None  # where extracts are fetched, if not from a broker on this machine
    alarms: tuple[AlarmAddress, ...] | None = None


class Directory(_Model):
    """Everybody that its holder may know of, at one epoch."""

    agencies: tuple[Agency, ...]
    contacts: tuple[Contact, ...]
    operator: Operator
    officers: tuple[Officer, ...] = ()  # former ones too

    @model_validator(mode="after")
    def _consistent(self) -> "Directory":
        def unique(what: str, values: list[object]) -> None:
            if len(set(values)) != len(values):
                raise ValueError(f"{what} stands twice in the directory")

        handles = {a.handle for a in self.agencies}
        if not handles.issuperset(c.agency for c in self.contacts):
            raise ValueError("a contact belongs to no agency of the directory")
        for worker in self.operator.workers:
            ids.worker_handle(worker.handle)
        guards = [g for a in self.agencies for g in a.guards]
        unique("an agency's handle", [a.handle for a in self.agencies])
        unique("an agency's name", [a.name for a in self.agencies])
        own = [c.nkey for c in self.contacts if c.nkey is not None]
        unique("a login", [self.operator.nkey, *(a.nkey for a in self.agencies), *own])
        unique("a contact's handle", [c.handle for c in self.contacts])
        unique("a contact's address", [(c.agency, c.name) for c in self.contacts])
        unique("a guard's handle", [g.handle for g in guards])
        unique("a worker's handle", [w.handle for w in self.operator.workers])
        unique("an officer's handle", [o.handle for o in self._granting()])
        # One key, one holder: else one person could be both signatures, or a guard its own sender (law 7).
        unique("a signing key", list(self._all_keys()))
        return self

    def with_contacts(self, changed: Mapping[AgencyHandle, tuple[Contact, ...]]) -> "Directory":
        """The same with other contacts of these agencies; raises `ValueError` wherever making the whole anew would.

        What stands in this directory was checked when it was made, so only what changed is checked, against all of it.
        """
        lists = dict(self._by_agency)
        before = [contact for agency in changed for contact in lists.pop(agency, ())]
        contacts = self._contacts.changed((c.handle for c in before), {})
        logins = self._logins.changed((c.nkey for c in before if c.nkey is not None), {})
        keys = self._keys.changed((key for c in before for key in _keys_of(c)), {})
        new_contacts: dict[str, Contact] = {}
        new_logins: dict[str, tuple[Agency, Contact | None]] = {}
        new_keys: dict[bytes, None] = {}
        for handle, listed in changed.items():
            agency_of_them = self._agencies.get(handle)
            if agency_of_them is None or any(c.agency != handle for c in listed):
                raise ValueError("a contact belongs to no agency of the directory")
            if len({c.name for c in listed}) != len(listed):
                raise ValueError("a contact's address stands twice in the directory")
            for contact in listed:
                if contact.handle in new_contacts or contact.handle in contacts:
                    raise ValueError("a contact's handle stands twice in the directory")
                new_contacts[contact.handle] = contact
                if contact.nkey is not None:
                    taken = contact.nkey in new_logins or contact.nkey in logins
                    if taken or contact.nkey == self.operator.nkey:
                        raise ValueError("a login stands twice in the directory")
                    new_logins[contact.nkey] = (agency_of_them, contact)
                for key in _keys_of(contact):
                    if key in new_keys or key in keys:
                        raise ValueError("a signing key stands twice in the directory")
                    new_keys[key] = None
            lists[handle] = listed
        made = Directory.model_construct(
            agencies=self.agencies,
            contacts=tuple(chain.from_iterable(lists.get(a.handle, ()) for a in self.agencies)),
            operator=self.operator,
            officers=self.officers,
        )
        tables = {
            "_contacts": contacts.changed((), new_contacts),
            "_logins": logins.changed((), new_logins),
            "_keys": keys.changed((), new_keys),
            "_by_agency": lists,
        }
        shared = {name: self.__dict__[name] for name in _OF_AGENCIES if name in self.__dict__}
        made.__dict__.update(tables, **shared)
        return made

    @cached_property
    def _contacts(self) -> Table[str, Contact]:
        return Table({c.handle: c for c in self.contacts})

    @cached_property
    def _by_agency(self) -> Mapping[str, tuple[Contact, ...]]:
        found: dict[str, list[Contact]] = {}
        for contact in self.contacts:
            found.setdefault(contact.agency, []).append(contact)
        return {agency: tuple(contacts) for agency, contacts in found.items()}

    @cached_property
    def _keys(self) -> Table[bytes, None]:
        """Every signing key that somebody holds or held."""
        return Table(dict.fromkeys(self._all_keys()))

    def _all_keys(self) -> Iterator[bytes]:
        for contact in self.contacts:
            yield from _keys_of(contact)
        for agency in self.agencies:
            yield from (g.key for g in agency.guards)
        yield from (w.key for w in self.operator.workers)
        yield from (o.key for o in self._granting())

    def _granting(self) -> Iterator[Officer]:
        yield from self.officers
        yield from (a.head for a in self.agencies if a.head is not None)

    @cached_property
    def _officers(self) -> Mapping[str, Officer]:
        return {o.handle: o for o in self._granting()}

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

    def home_of(self, handle: str) -> AgencyHandle | None:
        """Handle of the agency of the contact with this handle."""
        contact = self.contact(handle)
        return contact.agency if contact is not None else None

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

    def contacts_of(self, agency: AgencyHandle) -> tuple[Contact, ...]:
        """The contacts of an agency, in force or not."""
        return self._by_agency.get(agency, ())

    def changed_since(self, before: "Directory | None") -> Collection[AgencyHandle]:
        """Agencies that may have other contacts, or be others, than in `before`: whatever was not published anew since
        is the very same object in both.
        """
        if before is None or before.agencies is not self.agencies:
            return [a.handle for a in self.agencies]
        known, own = before._by_agency, self._by_agency
        gone = known.keys() - own.keys()
        new = (agency for agency, listed in own.items() if known.get(agency) is not listed)
        return [*map(AgencyHandle, gone), *map(AgencyHandle, new)]

    def limited_to(self, agencies: Collection[AgencyHandle]) -> "Directory":
        """The part of it that tells of these agencies alone. It was checked as a whole, so it is not checked again."""
        kept = tuple(a for a in self.agencies if a.handle in agencies)
        return Directory.model_construct(
            agencies=kept,
            contacts=tuple(c for a in kept for c in self._by_agency.get(a.handle, ())),
            operator=self.operator,
            officers=self.officers,
        )

    def officer(self, handle: str) -> Officer | None:
        """The officer, former officer or agency head with this handle."""
        return self._officers.get(handle)

    @cached_property
    def _logins(self) -> Table[str, tuple[Agency, Contact | None]]:
        found: dict[str, tuple[Agency, Contact | None]] = {a.nkey: (a, None) for a in self.agencies}
        found |= {c.nkey: (self._agencies[c.agency], c) for c in self.contacts if c.nkey is not None}
        return Table(found)

    def login(self, nkey: str, moment: int) -> tuple[Agency, Contact | None] | None:
        """Whose login a public NKEY is at `moment`: an agency's own, or one of its contacts'. None where nobody's.

        A contact logs in while a mandate is in force, and for as long after its natural end as what was delivered
        before may still be collected; from a revocation or suspension on, and when its agency has retired, never.
        """
        found = self._logins.get(nkey)
        if found is None or (found[0].retired is not None and moment >= found[0].retired):
            return None
        contact = found[1]
        if contact is not None and not contact.may_log_in(moment):
            return None
        return found

    def deputies(self, contact: Contact, moment: int) -> list[Contact]:
        """Who stands in for `contact` at `moment`: those with a deputy's mandate in force."""
        return [
            c
            for c in self.contacts_of(contact.agency)
            if (mandate := c.mandate_at(moment)) is not None and mandate.deputy_for == contact.handle
        ]


_OF_AGENCIES: Final = ("_agencies", "_officers", "_workers", "_guards")
"""Tables that do not depend on contacts."""


def _keys_of(contact: Contact) -> Iterator[bytes]:
    yield contact.signing_key
    yield from (f.key for f in contact.former_keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The trust bundle at one epoch, or one agency's extract of it, as `keys.bundle.Verifier` made it: the signatures
    have been checked.

    `agreements` are the YAML texts as the officers signed them; `policies.agreements` reads them.
    """

    epoch: int
    created: int
    expires: int  # the earliest expiry of anything in it: from then on nothing is sent under it
    directory: Directory
    agreements: Mapping[str, str] = field(default_factory=dict)
    rules_digest: str = ""
    catalogue_digest: str = ""
    digest: bytes = b""
    officers: tuple[OfficerHandle, ...] = ()  # who signed its top
    audience: AgencyHandle | None = None  # whose extract it is; None: everything, for officers and broker
    witnesses: tuple[Witness, ...] = ()
    accounts: tuple[Account, ...] = ()
    signed_until: int | None = None  # the officers' own signatures; `expires` counts the broker's too, where it says so

    @property
    def officers_until(self) -> int:
        """Until when what the officers signed holds: a refresh cannot make that longer, another ceremony can."""
        return self.expires if self.signed_until is None else self.signed_until


def key_id_text(key: KeyId | bytes) -> str:
    """A key id as people compare it: hexadecimal in groups of four."""
    text = key.hex()
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))
