"""What the officers decide, and the files of the trust bundle that say it.

One file for each thing that changes by itself: an agency's contacts stand apart from the agency, so that one contact's
new mandate is one small file and not ten thousand. Pure: models in, JSON bytes out, and back.

    operator.json  officers.json  witnesses.json  rules.json  catalogue.json     in every extract
    console.json                                                                in the whole bundle alone
    agency/HANDLE.json  agreement/ID.yaml                                       of whom the extract tells
    contacts/HANDLE.json                                                        in the role of that agency
"""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from messages.directory import Account, Agency, Contact, Directory, Officer, Operator, Witness
from messages.errors import Malformed, ShareError
from messages.ids import AgencyHandle

OPERATOR: Final = "operator.json"
OFFICERS: Final = "officers.json"
WITNESSES: Final = "witnesses.json"
RULES: Final = "rules.json"
CATALOGUE: Final = "catalogue.json"
CONSOLE: Final = "console.json"
AGENCY: Final = "agency/"
AGREEMENT: Final = "agreement/"
CONTACTS: Final = "contacts/"
FILE_BYTES: Final = 8 * 1024 * 1024

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Share:
    """What one agency's extract tells of: agencies (itself included) and agreements, by handle and by file name."""

    agencies: frozenset[AgencyHandle]
    agreements: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Everything that the officers decide, at one moment. `rules` and `catalogue` are the files of the edition."""

    operator: Operator
    officers: tuple[Officer, ...]
    agencies: Mapping[AgencyHandle, Agency]
    contacts: Mapping[AgencyHandle, tuple[Contact, ...]]
    agreements: Mapping[str, str]  # file name to YAML text
    rules: bytes
    catalogue: bytes
    witnesses: tuple[Witness, ...] = ()
    accounts: tuple[Account, ...] = field(default=())

    def directory(self) -> Directory:
        """All of it as a directory, checked as a whole, or raise `Malformed`."""
        try:
            return Directory(
                agencies=tuple(self.agencies.values()),
                contacts=tuple(c for contacts in self.contacts.values() for c in contacts),
                operator=self.operator,
                officers=self.officers,
            )
        except ValidationError as error:
            raise Malformed(f"The directory does not hold together: {_first(error)}.") from None

    def with_contacts(self, agency: AgencyHandle, contacts: Iterable[Contact]) -> "Content":
        """The same with other contacts of one agency."""
        return replace(self, contacts={**self.contacts, agency: tuple(contacts)})

    def with_agency(self, agency: Agency) -> "Content":
        """The same with this agency new or in place of the one with its handle."""
        return replace(
            self,
            agencies={**self.agencies, agency.handle: agency},
            contacts={**self.contacts, agency.handle: self.contacts.get(agency.handle, ())},
        )


def _first(error: ValidationError) -> str:
    return str(error.errors()[0]["msg"]).removeprefix("Value error, ")


# Writing


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, (set, frozenset)):
        return sorted(_plain(v) for v in value)
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def write(*models: BaseModel) -> bytes:
    """A list of models as a file of the bundle."""
    return _json([_plain(m.model_dump()) for m in models])


def write_contacts(contacts: Iterable[Contact]) -> bytes:
    """An agency's contacts; of a key statement only what its contact signed, which holds all the rest."""
    rows = []
    for contact in contacts:
        row = _plain(contact.model_dump(exclude={"statements"}))
        rows.append({**row, "statements": [base64.b64encode(s.signed).decode() for s in contact.statements]})
    return _json(rows)


def common_files(content: Content) -> dict[str, bytes]:
    """The files that stand in every extract."""
    return {
        OPERATOR: write(content.operator),
        OFFICERS: write(*content.officers),
        WITNESSES: write(*content.witnesses),
        RULES: content.rules,
        CATALOGUE: content.catalogue,
    }


def files(decided: Content) -> dict[str, bytes]:
    """Everything as files by path: `from_files` reads it back."""
    return {
        **common_files(decided),
        CONSOLE: write(*decided.accounts),
        **{f"{AGENCY}{h}.json": write(a) for h, a in decided.agencies.items()},
        **{f"{CONTACTS}{h}.json": write_contacts(decided.contacts.get(h, ())) for h in decided.agencies},
        **{f"{AGREEMENT}{name}": text.encode() for name, text in decided.agreements.items()},
    }


def edition(digest: str, texts: Mapping[str, str]) -> bytes:
    """The file of the rules or of the catalogue: the digest that installations compare, and the texts themselves."""
    return _json({"digest": digest, "texts": dict(texts)})


# Reading: whatever the bytes, a model or `Malformed`


@cache
def _list_of(model: type[M]) -> TypeAdapter[tuple[M, ...]]:
    return TypeAdapter(tuple[model, ...])  # type: ignore[valid-type]


def _guarded(what: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError, ShareError):
        raise Malformed(
            f"The trust bundle is signed, but its {what} cannot be read; the officers must publish it again."
        ) from None


def read(data: bytes, model: type[M], what: str) -> tuple[M, ...]:
    """The models of a file, or raise `Malformed` naming `what`."""
    return _guarded(what, lambda: _list_of(model).validate_json(data))


def read_one(data: bytes, model: type[M], what: str) -> M:
    """The one model of a file, or raise `Malformed`."""
    found = read(data, model, what)
    if len(found) != 1:
        raise Malformed(f"The trust bundle is signed, but its {what} is not one; the officers must publish it again.")
    return found[0]


def read_contacts(data: bytes) -> tuple[Contact, ...]:
    """An agency's contacts, or raise `Malformed`. Their statements are read, and held against their signer, on use."""

    return _guarded("contacts", lambda: _list_of(Contact).validate_json(data))


def read_digest(data: bytes, what: str) -> str:
    """The digest that an edition's file names, or raise `Malformed`."""

    def digest() -> str:
        value = json.loads(data)["digest"]
        if type(value) is not str:
            raise TypeError
        return value

    return _guarded(what, digest)


def from_files(found: Mapping[str, bytes]) -> Content:
    """What the officers decided, from its files, or raise `Malformed`."""
    missing = {OPERATOR, OFFICERS, WITNESSES, RULES, CATALOGUE, CONSOLE} - found.keys()
    if missing:
        raise Malformed(f"The trust bundle lacks {min(missing)}.")
    agencies = [read_one(data, Agency, "list of agencies") for path, data in found.items() if path.startswith(AGENCY)]
    return Content(
        operator=read_one(found[OPERATOR], Operator, "operator"),
        officers=read(found[OFFICERS], Officer, "list of officers"),
        agencies={a.handle: a for a in agencies},
        contacts={a.handle: read_contacts(found.get(f"{CONTACTS}{a.handle}.json", b"[]")) for a in agencies},
        agreements={
            path.removeprefix(AGREEMENT): _guarded("agreements", lambda data=data: data.decode())  # type: ignore[misc]
            for path, data in found.items()
            if path.startswith(AGREEMENT)
        },
        rules=found[RULES],
        catalogue=found[CATALOGUE],
        witnesses=read(found[WITNESSES], Witness, "list of witnesses"),
        accounts=read(found[CONSOLE], Account, "accounts"),
    )
