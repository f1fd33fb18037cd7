"""The trust bundle's signed parts (TUF metadata), read and verified a second time without the code that made them.

`read_part` gives one part's shape; `roots` follows the chain of roots; `trust` returns whom one extract names, or
raises: two officers signed its top for this audience, two of the officers and the agency's head signed each list of
contacts, every file has the digest that its part names. Parts are taken in their one byte form alone (JSON without
spaces, names sorted), because their signatures cover what they say and not their bytes.

Not here: whether an extract is the one that the log holds for its epoch (`audit.packet`), and snapshot and timestamp,
which protect a download against the network.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from audit.checkpoint import VerifierKey
from audit.errors import ProofFailed, Unreadable
from audit.logdir import load_json
from audit.readers.fields import UINT_LIMIT, base64_bytes
from audit.readers.signed import KEY_BYTES, verify_bytes
from audit.witness import WitnessKey, readable

PART_BYTES: Final = 5_000_000
TWO: Final = 2
OPERATOR, OFFICERS, WITNESSES = "operator.json", "officers.json", "witnesses.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part's shape: what it says, who signed it, and the very bytes."""

    raw: bytes
    canonical: bytes  # what the signatures are over: canonical JSON, as TUF prescribes
    signed: Mapping[str, Any]
    signatures: Mapping[str, bytes]  # by key id

    @property
    def version(self) -> int:
        """Its number, or raise `Unreadable`."""
        return _number(self.signed.get("version"), "version")

    @property
    def expires(self) -> int:
        """The end of its signatures, in milliseconds, or raise `Unreadable`."""
        try:
            moment = datetime.strptime(f"{self.signed.get('expires')}+0000", "%Y-%m-%dT%H:%M:%SZ%z")
        except ValueError:
            raise Unreadable("a part of the trust bundle has no date at which it ends") from None
        return int(moment.timestamp()) * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when until when, in milliseconds; the end is not in it."""

    start: int
    end: int

    def holds(self, moment: int) -> bool:
        return self.start <= moment < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key and when it counts."""

    public: bytes
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """What a contact may do, and when."""

    span: Span
    revoked: int | None
    absences: tuple[Span, ...] | None  # of a deputy: on duty in these alone
    may_send: bool
    may_receive: bool
    granted_by: tuple[str, ...]

    def in_force(self, moment: int) -> bool:
        if not self.span.holds(moment) or (self.revoked is not None and moment >= self.revoked):
            return False
        return self.absences is None or any(span.holds(moment) for span in self.absences)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A designated contact, as the extract names it."""

    handle: str
    name: str
    agency: str
    newest: bytes
    former: tuple[Key, ...]
    mandates: tuple[Mandate, ...]
    suspended: tuple[Span, ...]

    def key_at(self, moment: int) -> bytes:
        """The key whose signatures counted at this moment."""
        return next((key.public for key in self.former if key.span.holds(moment)), self.newest)

    def mandate_at(self, moment: int) -> Mandate | None:
        """The mandate in force at this moment, or None; the latest granted of several."""
        if any(span.holds(moment) for span in self.suspended):
            return None
        live = [mandate for mandate in self.mandates if mandate.in_force(moment)]
        return max(live, key=lambda mandate: mandate.span.start) if live else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whom an extract names, as far as its parts are at hand."""

    audience: str
    top: bytes  # SHA-256 of its top
    lines: tuple[str, ...]  # of the lists of contacts that are at hand, as a listing of the extract has them
    expires: int  # the earliest end of the signatures that were looked at
    workers: Mapping[str, Key]
    log: VerifierKey
    agencies: Mapping[str, str]  # names by handle
    guards: Mapping[str, Key]
    contacts: Mapping[str, Contact]
    files: frozenset[str]  # digests, in hexadecimal, of the files that were looked at
    agreements: Mapping[str, str]  # digests of the agreements' files by path
    witnesses: tuple[WitnessKey, ...] | None  # whose cosignatures count; None where their list is not at hand


def read_part(raw: bytes, kind: str, what: str) -> Part:
    """Read one part of this kind ("root" or "targets"), or raise `Unreadable`."""
    if len(raw) > PART_BYTES:
        raise Unreadable(f"{what}: too long")
    value = load_json(raw, what)
    if not isinstance(value, dict) or set(value) != {"signatures", "signed"}:
        raise Unreadable(f"{what}: not signed metadata")
    signed, listed = value["signed"], value["signatures"]
    if not isinstance(signed, dict) or signed.get("_type") != kind or not isinstance(listed, list):
        raise Unreadable(f"{what}: something else stands in its place")
    try:
        form = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
        # A lone surrogate has a byte form with escapes, and none in UTF-8.
        canonical = json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        form = canonical = b""
    if form != raw:
        raise Unreadable(f"{what}: not in its one byte form")
    found: dict[str, bytes] = {}
    for item in listed:
        if not isinstance(item, dict) or set(item) != {"keyid", "sig"} or not isinstance(item["keyid"], str):
            raise Unreadable(f"{what}: a signature without its key")
        if item["keyid"] in found:
            raise Unreadable(f"{what}: two signatures by one key")
        found[item["keyid"]] = _hex(item["sig"], 64, f"{what}: a signature")
    return Part(raw=raw, canonical=canonical, signed=signed, signatures=found)


def roots(chain: Iterable[bytes]) -> list[Part]:
    """The roots, each signed by enough of the holders that the one before names; the first one by its own."""
    found: list[Part] = []
    for raw in chain:
        part = read_part(raw, "root", "root of trust")
        for vouching in (found[-1], part) if found else (part,):
            keys, threshold = _role(vouching, "root")
            _signed_by(part, keys, threshold, "root of trust")
        if found and part.version != found[-1].version + 1:
            raise ProofFailed("the chain of roots has a gap")
        others = set().union(*(_role(p, "root")[0] for p in (*found[-1:], part)))
        _none_besides(part, others, "root of trust")
        found.append(part)
    if not found:
        raise Unreadable("there is no root of trust")
    return found


def trust(root: Part, top: bytes, lists: Mapping[str, bytes], files: Iterable[bytes]) -> Trust:
    """Whom the extract with this top names, with the lists of contacts that are at hand; or raise."""
    by_digest = {sha256(data).hexdigest(): data for data in files}
    part = read_part(top, "targets", "top of the trust bundle")
    keys, threshold = _role(root, "targets")
    signers = _signed_by(part, keys, max(threshold, TWO), "top of the trust bundle")
    _none_besides(part, keys, "top of the trust bundle")
    told = _map(part.signed.get("safeconduct"), "top: safeconduct")
    if told.get("epoch") != part.version:
        raise ProofFailed("the top is of another epoch than its number")
    targets, used = _targets(part), set[str]()

    def file(path: str) -> list[Any]:
        digest = targets.get(path)
        if digest is None or digest not in by_digest:
            raise ProofFailed(f"the file {path} is not here as the trust bundle names it")
        used.add(digest)
        value = load_json(by_digest[digest], path)
        if not isinstance(value, list):
            raise Unreadable(f"{path}: not a list")
        return value

    operator = _map(_one(file(OPERATOR), OPERATOR), OPERATOR)
    officers = _by_handle(file(OFFICERS), OFFICERS)
    if not signers <= {key.public for key in officers.values()}:
        raise ProofFailed("the officers who signed the top are not those that it names")
    agencies: dict[str, str] = {}
    guards: dict[str, Key] = {}
    contacts: dict[str, Contact] = {}
    lines, expires = [], [part.expires]
    for handle, raw in lists.items():
        path = f"agency/{handle}.json"
        agency = _map(_one(file(path), path), path)
        if agency.get("handle") != handle:
            raise ProofFailed("an agency stands under another one's name")
        agencies[handle] = str(agency.get("name"))
        head = agency.get("head")
        granting = {o.public for o in officers.values()} | ({_key(head, path).public} if head is not None else set())
        people = set(officers) | ({str(_map(head, path).get("handle"))} if head is not None else set())
        guards |= _by_handle(agency.get("guards"), path)
        listed = _contacts_part(part, handle, raw, granting, told)
        path = f"contacts/{handle}.json"
        targets = {**_targets(part), **_targets(listed)}
        if set(_targets(listed)) != {path}:
            raise ProofFailed("a list of contacts speaks of more than its own agency")
        for row in file(path):
            contact = _contact(_map(row, path), handle, people)
            contacts[contact.handle] = contact
        expires.append(listed.expires)
        lines.append(f"role {handle} {sha256(raw).hexdigest()}")
    named = targets.get(WITNESSES) in by_digest
    witnesses = readable(str(_map(row, WITNESSES).get("vkey")) for row in file(WITNESSES)) if named else None
    return Trust(
        audience=str(told.get("for")),
        top=sha256(top).digest(),
        lines=tuple(sorted(lines)),
        expires=min(expires),
        workers=_by_handle(operator.get("workers"), OPERATOR),
        log=VerifierKey.parse(str(operator.get("log_vkey"))),
        agencies=agencies,
        guards=guards,
        contacts=contacts,
        files=frozenset(used),
        agreements={path: digest for path, digest in _targets(part).items() if path.startswith("agreement/")},
        witnesses=witnesses,
    )


def _contacts_part(top: Part, handle: str, raw: bytes, granting: set[bytes], told: Mapping[str, Any]) -> Part:
    part = read_part(raw, "targets", "list of contacts")
    delegations = _map(top.signed.get("delegations"), "top: delegations")
    role = next((r for r in _list(delegations.get("roles"), "roles") if _map(r, "role").get("name") == handle), None)
    if role is None:
        raise ProofFailed("the top does not say who may sign an agency's list of contacts")
    keys, threshold = _keys(_map(delegations.get("keys"), "keys"), role)
    by = _signed_by(part, keys, max(threshold, TWO), "list of contacts")
    _none_besides(part, keys, "list of contacts")
    if len(by & granting) < TWO:
        raise ProofFailed("a list of contacts lacks the signatures of two officers, or of one and the agency's head")
    own = _map(part.signed.get("safeconduct"), "list of contacts: safeconduct")
    floors = _map(told.get("floors"), "top: floors")
    if own.get("agency") != handle or own.get("epoch") != part.version:
        raise ProofFailed("a list of contacts is another agency's, or of another epoch than its number")
    if part.version < _number(floors.get(handle, 0), "floor"):
        raise ProofFailed("a list of contacts is older than the top allows")
    return part


def _contact(row: Mapping[str, Any], agency: str, people: set[str]) -> Contact:
    what = "contact"
    if row.get("agency") != agency:
        raise ProofFailed("a contact stands in another agency's list")
    mandates = []
    for item in _list(row.get("mandates"), what):
        mandate = _map(item, "mandate")
        granted = tuple(str(g) for g in _list(mandate.get("granted_by"), "mandate"))
        if len(set(granted)) < TWO or not set(granted) <= people:
            raise ProofFailed("a mandate was not granted by two different people who may")
        deputy = mandate.get("deputy_for") is not None
        absences = tuple(_span(_map(a, "absence")) for a in _list(mandate.get("absences", []), "mandate"))
        revoked = mandate.get("revoked")
        mandates.append(
            Mandate(
                span=_span(mandate),
                revoked=None if revoked is None else _number(revoked, "mandate: revoked"),
                absences=absences if deputy else None,
                may_send=mandate.get("may_send") is True,
                may_receive=mandate.get("may_receive") is True,
                granted_by=granted,
            )
        )
    return Contact(
        handle=str(row.get("handle")),
        name=str(row.get("name")),
        agency=agency,
        newest=base64_bytes(row.get("signing_key"), "contact: signing key", KEY_BYTES),
        former=tuple(_key(k, "former key") for k in _list(row.get("former_keys", []), what)),
        mandates=tuple(mandates),
        suspended=tuple(_span(_map(s, "suspension")) for s in _list(row.get("suspended", []), what)),
    )


# Small readers


def _role(root: Part, name: str) -> tuple[dict[str, bytes], int]:
    roles = _map(root.signed.get("roles"), "root: roles")
    keys, threshold = _keys(_map(root.signed.get("keys"), "root: keys"), _map(roles.get(name), f"root: {name}"))
    if threshold < TWO or len(set(keys.values())) < threshold:
        raise ProofFailed("the root of trust would be content with fewer than two people")
    return keys, threshold


def _keys(named: Mapping[str, Any], role: Mapping[str, Any]) -> tuple[dict[str, bytes], int]:
    found: dict[str, bytes] = {}
    for keyid in _list(role.get("keyids"), "role: keys"):
        value = _map(named.get(str(keyid)), "a key of the trust bundle")
        form = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
        public = _map(value.get("keyval"), "a key of the trust bundle").get("public")
        if value.get("keytype") != "ed25519" or sha256(form).hexdigest() != keyid:
            raise ProofFailed("the trust bundle names a key under an id that is not its own")
        found[str(keyid)] = _hex(public, KEY_BYTES, "a key of the trust bundle")
    return found, _number(role.get("threshold"), "threshold")


def _signed_by(part: Part, keys: Mapping[str, bytes], threshold: int, what: str) -> set[bytes]:
    """The keys among these that signed; every signature by one of them has to hold, and enough of them be there."""
    found = set()
    for keyid, signature in part.signatures.items():
        if keyid in keys:
            verify_bytes(keys[keyid], signature, part.canonical, what)
            found.add(keys[keyid])
    if len(found) < threshold:
        raise ProofFailed(f"{what}: {len(found)} of the {threshold} signatures that it needs")
    return found


def _none_besides(part: Part, keys: Iterable[str], what: str) -> None:
    if not set(part.signatures) <= set(keys):
        raise ProofFailed(f"{what}: a signature by somebody who has no say in it")


def _targets(part: Part) -> dict[str, str]:
    found: dict[str, str] = {}
    for path, value in _map(part.signed.get("targets"), "targets").items():
        hashes = _map(_map(value, "target").get("hashes"), "target: hashes")
        if set(hashes) != {"sha256"}:
            raise Unreadable("the trust bundle names a file without its SHA-256")
        found[path] = str(hashes["sha256"])
    return found


def _by_handle(rows: object, what: str) -> dict[str, Key]:
    return {str(_map(row, what).get("handle")): _key(row, what) for row in _list(rows, what)}


def _key(value: object, what: str) -> Key:
    row = _map(value, what)
    return Key(public=base64_bytes(row.get("key"), f"{what}: key", KEY_BYTES), span=_span(row))


def _span(row: Mapping[str, Any]) -> Span:
    return Span(start=_number(row.get("start"), "start"), end=_number(row.get("end"), "end"))


def _number(value: object, what: str) -> int:
    if type(value) is not int or not 0 <= value < UINT_LIMIT:
        raise Unreadable(f"{what} is not a number")
    return value


def _hex(value: object, length: int, what: str) -> bytes:
    if not isinstance(value, str) or len(value) != 2 * length or value != value.lower():
        raise Unreadable(f"{what} is not {length} bytes in hexadecimal digits")
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise Unreadable(f"{what} is not {length} bytes in hexadecimal digits") from None


def _one(rows: list[Any], what: str) -> Any:
    if len(rows) != 1:
        raise Unreadable(f"{what}: not one")
    return rows[0]


def _map(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable(f"{what} is not a map")
    return value


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise Unreadable(f"{what} is not a list")
    return value
