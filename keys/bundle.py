"""Verify the trust bundle of one epoch, or one agency's extract of it: this module alone makes a `Bundle`.

In order: the chain of roots from the one that was installed by hand; the top of the extract, signed by two officers,
for this audience and no other; every agency's list of contacts, signed by two of the officers and that agency's head;
every file by its digest; and that each mandate names two different people who may grant it. Whatever does not hold
raises `BundleRefused` with its reason, or `Malformed`; the caller keeps the bundle it had.

What was verified is remembered with its bytes and with what vouched for it, so that a new epoch in which one
contact changed costs one list and one file, not all of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from keys import content
from keys.epochs import extract_leaf
from keys.metadata import (
    FULL,
    THRESHOLD,
    Audience,
    Metadata,
    Root,
    TargetFile,
    Targets,
    check_keys,
    check_root,
    expiry,
    ours,
    parse,
    payload,
    role_keys,
    signers,
)
from keys.repository import Repository, State, moved
from messages.directory import Account, Agency, Bundle, Contact, Directory, Officer, Operator, Witness
from messages.errors import BundleRefused, Malformed, Stale
from messages.ids import AgencyHandle, OfficerHandle


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """A verified top: what stands in it, for whom, and by what it is remembered: root and very bytes."""

    root: int  # the version of the root that it was verified under
    data: bytes = field(repr=False)
    digest: bytes  # SHA-256 of its bytes
    metadata: Metadata[Targets]
    epoch: int
    expires: int
    signers: frozenset[bytes]
    floors: Mapping[str, int]
    agencies: tuple[Agency, ...]
    officers: tuple[Officer, ...]
    operator: Operator
    agreements: Mapping[str, str]
    rules_digest: str
    catalogue_digest: str
    witnesses: tuple[Witness, ...]
    accounts: tuple[Account, ...]
    vouchers: Mapping[str, bytes]  # by agency: what vouches for its list of contacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A verified list of one agency's contacts."""

    digest: bytes
    line: str  # its line in a listing
    version: int
    epoch: int
    expires: int
    contacts: tuple[Contact, ...]


@dataclass(frozen=True, slots=True)
class _Opened:
    """What was opened last; with where an agency stands in the lists."""

    top: Top
    state: State
    listed: list[Listed]
    places: Mapping[AgencyHandle, int]
    directory: Directory


class Verifier:
    """Verifies states of one repository for one audience. Holds what it has verified; never what it has not."""

    def __init__(self, root: bytes, audience: Audience) -> None:
        """`root`: the root metadata that was installed by hand and compared by telephone."""
        self.audience = audience
        self._pinned = root
        self._root = first_root(root)
        self._tops: dict[int, Top] = {}
        self._listed: dict[AgencyHandle, tuple[int, bytes, Listed]] = {}  # with version and voucher
        self._last: _Opened | None = None

    @property
    def root(self) -> Metadata[Root]:
        """The newest root that was followed."""
        return self._root

    def digest_of(self, agency: AgencyHandle, version: int) -> bytes | None:
        """The SHA-256 of an agency's signed list, if just this version of it was verified last; else None."""
        known = self._listed.get(agency)
        return known[2].digest if known is not None and known[0] == version else None

    def open(self, repository: Repository, state: State) -> Bundle:
        """The bundle at `state`, or raise `BundleRefused` or `Malformed`."""
        self._follow(repository.roots(self._root.signed.version + 1))
        root = self.root_at(repository, state.root)
        version = state.tops.get(self.audience)
        if version is None:
            raise BundleRefused("not-for-us", "There is no extract of the trust bundle for us; ask the officers.")
        top = self._top(root, repository, version)
        listed = self._all_contacts(top, repository, state)
        newest = max([top.epoch, *(one.epoch for one in listed)])
        if state.epoch < newest:
            raise BundleRefused("mixed", "A part of the trust bundle is newer than the epoch that names it.")
        if self.audience == FULL and state.epoch != newest:
            raise BundleRefused("mixed", "The epoch's number is not that of what was signed last. Tell the officers.")
        expires = min([top.expires, *(one.expires for one in listed)])
        return Bundle(
            epoch=state.epoch,
            created=state.at,
            expires=expires,
            signed_until=expires,
            directory=self._whole(top, state, listed),
            agreements=top.agreements,
            rules_digest=top.rules_digest,
            catalogue_digest=top.catalogue_digest,
            digest=extract_leaf(self.audience, listing(self.audience, top.digest, [one.line for one in listed])),
            officers=_handles(top),
            audience=None if self.audience == FULL else AgencyHandle(self.audience),
            witnesses=top.witnesses,
            accounts=top.accounts,
        )

    def _follow(self, roots: Iterable[bytes]) -> None:
        for data in roots:
            self._root = next_root(self._root, data)

    def root_at(self, repository: Repository, version: int) -> Metadata[Root]:
        """The root that was in force then: for history the one of that day, else the newest."""
        if version == self._root.signed.version:
            return self._root
        if version > self._root.signed.version:
            raise BundleRefused("mixed", "The root of the trust bundle is missing; fetch it again.")
        root = first_root(self._pinned)
        if version < root.signed.version:
            raise BundleRefused("mixed", "That epoch is older than the root that was installed here.")
        for data in repository.roots(root.signed.version + 1):
            if root.signed.version == version:
                break
            root = next_root(root, data)
        if root.signed.version != version:
            raise BundleRefused("mixed", "The root of the trust bundle is missing; fetch it again.")
        return root

    def _top(self, root: Metadata[Root], repository: Repository, version: int) -> Top:
        data = repository.top(self.audience, version)
        known = self._tops.get(version)
        if known is None or known.root != root.signed.version or known.data != data:
            self._tops = {version: (known := self._verified_top(root, repository, data, version))}
            kept = set(known.vouchers.values())
            self._listed = {agency: one for agency, one in self._listed.items() if one[1] in kept}
        return known

    def _verified_top(self, root: Metadata[Root], repository: Repository, data: bytes, version: int) -> Top:
        metadata = parse(data, Targets, "top")
        role = root.signed.roles["targets"]
        by = signers(metadata, role_keys(root, "targets"), payload(metadata))
        if len(by) < max(role.threshold, THRESHOLD):
            raise BundleRefused("unsigned", f"The trust bundle needs two officers' signatures; it has {len(by)}.")
        told = ours(metadata.signed)
        if told.get("for") != self.audience:
            raise BundleRefused("not-for-us", "This extract of the trust bundle was made for another agency.")
        if metadata.signed.version != version or told.get("epoch") != version:
            raise BundleRefused("mixed", "A part of the trust bundle is stored under another version than its own.")
        files = {path: repository.file(t.hashes["sha256"]) for path, t in _targets(metadata.signed).items()}
        named = {path: data for path, data in files.items() if path.startswith(content.AGENCY)}
        agencies = tuple(content.read_one(data, Agency, "list of agencies") for data in named.values())
        if [content.AGENCY + a.handle + ".json" for a in agencies] != list(named):
            raise BundleRefused("mixed", "An agency stands under another one's name in the trust bundle.")
        if self.audience != FULL and self.audience not in {str(a.handle) for a in agencies}:
            raise BundleRefused("not-for-us", "This extract of the trust bundle does not name our own agency.")
        officers = content.read(_file(files, content.OFFICERS), Officer, "list of officers")
        floors = told.get("floors")
        if not isinstance(floors, dict) or not all(type(v) is int for v in floors.values()):
            raise Malformed("The trust bundle lacks the least versions of its parts.")
        top = Top(
            root=root.signed.version,
            data=data,
            digest=sha256(data).digest(),
            metadata=metadata,
            epoch=version,
            expires=expiry(metadata.signed),
            signers=by,
            floors={str(k): int(v) for k, v in floors.items()},
            agencies=agencies,
            officers=officers,
            operator=content.read_one(_file(files, content.OPERATOR), Operator, "operator"),
            agreements={
                path.removeprefix(content.AGREEMENT): _text(data)
                for path, data in files.items()
                if path.startswith(content.AGREEMENT)
            },
            rules_digest=content.read_digest(_file(files, content.RULES), "rules"),
            catalogue_digest=content.read_digest(_file(files, content.CATALOGUE), "catalogue"),
            witnesses=content.read(_file(files, content.WITNESSES), Witness, "list of witnesses"),
            accounts=content.read(files[content.CONSOLE], Account, "accounts") if content.CONSOLE in files else (),
            vouchers={a.handle: _voucher(metadata.signed, officers, a) for a in agencies},
        )
        keys = {o.key for o in officers}
        if not by <= keys:
            raise BundleRefused("mixed", "The officers who signed the trust bundle are not those that it names.")
        return top

    def _all_contacts(self, top: Top, repository: Repository, state: State) -> list[Listed]:
        """Every agency's list, in the order of the top's agencies. Under the very top that was opened last, only those
        are looked at of which the state names another version than then.
        """
        last = self._last
        if last is None or last.top is not top:
            return [self._contacts(top, agency, repository, state) for agency in top.agencies]
        listed = list(last.listed)
        for handle in moved(last.state.roles, state.roles):
            if handle in last.places:
                place = last.places[handle]
                listed[place] = self._contacts(top, top.agencies[place], repository, state)
        return listed

    def _contacts(self, top: Top, agency: Agency, repository: Repository, state: State) -> Listed:
        delegations = top.metadata.signed.delegations
        if delegations is None or agency.handle not in (delegations.roles or {}):
            raise BundleRefused("mixed", "The trust bundle names an agency whose contacts nobody vouches for.")
        version = state.roles.get(agency.handle)
        if version is None:
            raise BundleRefused("mixed", "The contacts of an agency are missing; fetch the trust bundle again.")
        voucher = top.vouchers[agency.handle]
        known = self._listed.get(agency.handle)
        if known is None or known[:2] != (version, voucher):
            known = version, voucher, self._verified_contacts(top, agency, repository, version)
            self._listed[agency.handle] = known
        if version < top.floors.get(agency.handle, 0):
            raise BundleRefused("rolled-back", "An older list of an agency's contacts was offered. Tell the officers.")
        return known[2]

    def _verified_contacts(self, top: Top, agency: Agency, repository: Repository, version: int) -> Listed:
        data = repository.role(agency.handle, version)
        metadata = parse(data, Targets, "list of contacts")
        delegations = top.metadata.signed.delegations
        assert delegations is not None  # noqa: S101  the caller has seen the role in it
        role = (delegations.roles or {})[agency.handle]
        keys = {k: delegations.keys[k] for k in role.keyids if k in delegations.keys}
        check_keys(keys, role.threshold, THRESHOLD)
        by = signers(metadata, keys, payload(metadata))
        granting = {o.key for o in top.officers} | ({agency.head.key} if agency.head else set())
        if len(by & granting) < THRESHOLD:
            raise BundleRefused(
                "unsigned",
                f"The contacts of an agency need the signatures of two officers, or of one and its head; "
                f"they have {len(by & granting)}.",
            )
        told = ours(metadata.signed)
        if told.get("agency") != agency.handle:
            raise BundleRefused("mixed", "A list of contacts was offered as another agency's.")
        if metadata.signed.version != version or told.get("epoch") != version:
            raise BundleRefused("mixed", "A part of the trust bundle is stored under another version than its own.")
        path = f"{content.CONTACTS}{agency.handle}.json"
        targets = _targets(metadata.signed)
        if set(targets) != {path}:
            raise BundleRefused("mixed", "A list of contacts speaks of more than its own agency.")
        contacts = content.read_contacts(repository.file(targets[path].hashes["sha256"]))
        people = {o.handle: o.key for o in (*top.officers, *([agency.head] if agency.head else []))}
        for contact in contacts:
            if contact.agency != agency.handle:
                raise BundleRefused("mixed", "A contact stands in another agency's list.")
            for mandate in contact.mandates:
                granted = {people[o] for o in mandate.granted_by if o in people}
                if len(granted) < THRESHOLD:
                    raise BundleRefused("unsigned", "A mandate in the trust bundle was not granted by two people.")
                if mandate.granted_in > version:
                    raise BundleRefused("mixed", "A mandate names an epoch that came after it.")
                if mandate.granted_in == version and not granted <= by:
                    raise BundleRefused("unsigned", "A mandate names other people than those who signed it.")
        digest = sha256(data).digest()
        return Listed(
            digest=digest,
            line=line(agency.handle, digest),
            version=version,
            epoch=version,
            expires=expiry(metadata.signed),
            contacts=contacts,
        )

    def _whole(self, top: Top, state: State, listed: list[Listed]) -> Directory:
        last = self._last
        try:
            if last is None or last.top is not top:
                directory = Directory(
                    agencies=top.agencies,
                    contacts=tuple(c for one in listed for c in one.contacts),
                    operator=top.operator,
                    officers=top.officers,
                )
                places: Mapping[AgencyHandle, int] = {agency.handle: place for place, agency in enumerate(top.agencies)}
            else:
                places = last.places
                handles = moved(last.state.roles, state.roles) & places.keys()
                changed = {handle: listed[places[handle]].contacts for handle in handles}
                directory = last.directory.with_contacts(changed) if changed else last.directory
        except ValueError:
            raise Malformed("The trust bundle is signed, but its directory does not hold together.") from None
        self._last = _Opened(top, state, listed, places, directory)
        return directory


def first_root(data: bytes) -> Metadata[Root]:
    """The root that was installed by hand, or raise `BundleRefused`. It vouches for itself: compare its fingerprint."""
    root = parse(data, Root, "root")
    check_root(root)
    _check_by(root, root)
    return root


def next_root(root: Metadata[Root], data: bytes) -> Metadata[Root]:
    """The next root, if enough holders of the last and of the new one signed it (TUF section 5.3)."""
    new = parse(data, Root, "root")
    check_root(new)
    _check_by(root, new)
    _check_by(new, new)
    if new.signed.version != root.signed.version + 1:
        raise BundleRefused("rolled-back", "A root of the trust bundle was offered out of its order.")
    return new


def _check_by(vouching: Metadata[Root], root: Metadata[Root]) -> None:
    role = vouching.signed.roles["root"]
    by = signers(root, role_keys(vouching, "root"), payload(root))
    if len(by) < role.threshold:
        raise BundleRefused(
            "unsigned", f"The root of the trust bundle needs {role.threshold} holders' signatures; it has {len(by)}."
        )


def listing(audience: str, top: bytes, lines: Iterable[str]) -> bytes:
    """The digests of an extract's signed parts, as an epoch's statement counts them: the same bytes for everybody.

    `lines`: those of its lists of contacts, in any order.
    """
    return "\n".join([f"for {audience}", f"top {top.hex()}", *sorted(lines), ""]).encode()


def line(agency: AgencyHandle, digest: bytes) -> str:
    """An agency's list of contacts in a listing. Handles are equally long, so lines sort as their agencies do."""
    return f"role {agency} {digest.hex()}"


def fresh(bundle: Bundle, now: int) -> None:
    """Raise `Stale` under an expired bundle: sending stops; opening what was delivered goes on with a warning."""
    if now >= bundle.expires:
        raise Stale("The trust bundle has expired; fetch the newest one before sending.")


def _targets(signed: Targets) -> Mapping[str, TargetFile]:
    for target in signed.targets.values():
        if set(target.hashes) != {"sha256"}:
            raise BundleRefused("unreadable", "The trust bundle names a file without its SHA-256.")
    return signed.targets


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise BundleRefused("mixed", f"The trust bundle lacks {name}; the officers must publish it again.")
    return files[name]


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Malformed("An agreement in the trust bundle is not text.") from None


def _handles(top: Top) -> tuple[OfficerHandle, ...]:
    return tuple(o.handle for o in top.officers if o.key in top.signers)


def _voucher(signed: Targets, officers: Iterable[Officer], agency: Agency) -> bytes:
    """Digest of what vouches for a list of contacts: the keys that may sign it and the people who may grant."""
    role = (signed.delegations.roles or {}).get(agency.handle) if signed.delegations else None
    people = sorted((o.handle, o.key.hex()) for o in (*officers, *([agency.head] if agency.head else [])))
    what = (agency.handle, sorted(map(str, role.keyids)) if role else [], role.threshold if role else 0, people)
    return sha256(repr(what).encode()).digest()
