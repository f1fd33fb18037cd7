"""Make what officers sign: from what they decided, the metadata of every extract that changes by it. Pure.

A contact's change makes one new list, signed once and served in every extract that tells of that agency. A change of
agencies or agreements makes new tops, one for each extract it touches and one for the whole. Nothing else changes, so
one ceremony signs exactly what the reviewed difference says. `renew` makes all of them anew with a later expiry.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

from keys import content
from keys.content import Content, Share
from keys.metadata import (
    FIELD,
    FULL,
    TARGETS_LIFETIME,
    THRESHOLD,
    Audience,
    DelegatedRole,
    Delegations,
    Metadata,
    TargetFile,
    Targets,
    moment,
    ours,
    parse,
    public_key,
    sign,
    signers,
)
from keys.repository import Repository, State
from keys.signing import Signer
from messages.directory import Agency, Officer
from messages.errors import BadInput, KeyTrouble, NotPermitted
from messages.ids import AgencyHandle

LIFETIME: Final = TARGETS_LIFETIME


@dataclass(slots=True, kw_only=True)
class Unsigned:
    """Everything of one epoch that is new: metadata that collects signatures, the files it names, and the state."""

    epoch: int
    state: State
    tops: dict[Audience, Metadata[Targets]] = field(default_factory=dict)
    roles: dict[AgencyHandle, Metadata[Targets]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def digest(self) -> bytes:
        """What signers compare with each other before they sign: one digest of all that is new, without signatures."""
        lines = [f"epoch {self.epoch}", f"root {self.state.root}"]
        for whose, top in sorted(self.tops.items()):
            lines.append(f"top {whose} {sha256(top.signed_bytes).hexdigest()}")
        for agency, role in sorted(self.roles.items()):
            lines.append(f"role {agency} {sha256(role.signed_bytes).hexdigest()}")
        return sha256("\n".join(lines).encode()).digest()


def draft(
    decided: Content,
    shares: Mapping[AgencyHandle, Share],
    repository: Repository,
    previous: State | None,
    *,
    epoch: int,
    root: int,
    now: int,
    renew: bool = False,
) -> Unsigned:
    """What has to be signed for `decided` to be in force as epoch `epoch`, compared with `previous`.

    `shares` says what each agency's extract tells of; it comes from the agreements. `renew` signs unchanged parts too.
    Raises `Malformed` where the directory as a whole does not hold together.
    """
    decided.directory()
    officers = [o for o in decided.officers if o.start <= now < o.end]
    if len({o.key for o in officers}) < THRESHOLD:
        raise BadInput("The trust bundle needs at least two officers in office, with two different keys.")
    unsigned = Unsigned(epoch=epoch, state=State(epoch=epoch, at=now, root=root, tops={}, roles={}))
    tops: dict[Audience, int] = {}
    roles: dict[AgencyHandle, int] = {}
    for handle in decided.agencies:
        data = content.write_contacts(decided.contacts.get(handle, ()))
        path = f"{content.CONTACTS}{handle}.json"
        made = _metadata({path: data}, {"agency": handle, "epoch": epoch}, epoch, now)
        version = previous.roles.get(handle) if previous else None
        if version is not None and not renew:
            old = repository.role(handle, version)
            if _same(made, old) and _still_counts(old, decided.agencies[handle], officers):
                roles[handle] = version
                continue
        unsigned.roles[handle], roles[handle] = made, epoch
        unsigned.files[sha256(data).hexdigest()] = data
    common = content.common_files(decided)
    agencies = {h: content.write(a) for h, a in decided.agencies.items()}
    texts = {name: text.encode() for name, text in decided.agreements.items()}
    everything = Share(frozenset(decided.agencies), frozenset(texts))
    for whose, share in [(FULL, everything), *shares.items()]:
        files = dict(common)
        if whose == FULL:
            files[content.CONSOLE] = content.write(*decided.accounts)
        files |= {f"{content.AGENCY}{h}.json": agencies[h] for h in sorted(share.agencies)}
        files |= {f"{content.AGREEMENT}{name}": texts[name] for name in sorted(share.agreements)}
        floors = {h: roles[h] for h in sorted(share.agencies)}
        made = _metadata(files, {"for": whose, "epoch": epoch, "floors": floors}, epoch, now)
        made.signed.delegations = _delegations((decided.agencies[h] for h in sorted(share.agencies)), officers)
        audience = Audience(whose)
        version = previous.tops.get(audience) if previous else None
        if version is not None and not renew and _same(made, repository.top(audience, version)):
            tops[audience] = version
            continue
        unsigned.tops[audience], tops[audience] = made, epoch
        unsigned.files |= {sha256(d).hexdigest(): d for d in files.values()}
    unsigned.state = replace(unsigned.state, tops=tops, roles=roles)
    return unsigned


def _metadata(files: Mapping[str, bytes], told: Mapping[str, object], epoch: int, now: int) -> Metadata[Targets]:
    targets = Targets(
        version=epoch, expires=moment(now + LIFETIME), targets={}, unrecognized_fields={FIELD: dict(told)}
    )
    for path, data in files.items():
        targets.targets[path] = TargetFile(len(data), {"sha256": sha256(data).hexdigest()}, path)
    return Metadata(targets)


def _delegations(agencies: Iterable[Agency], officers: Iterable[Officer]) -> Delegations:
    common = [public_key(o.key) for o in officers]
    keys = {k.keyid: k for k in common}
    roles = {}
    for agency in agencies:
        path = f"{content.CONTACTS}{agency.handle}.json"
        own = [public_key(agency.head.key)] if agency.head is not None else []
        keys |= {k.keyid: k for k in own}
        roles[str(agency.handle)] = DelegatedRole(
            agency.handle,
            [k.keyid for k in (*common, *own)],
            THRESHOLD,
            True,
            # By its hash: for each list, python-tuf's client matches a name with the patterns of all agencies.
            path_hash_prefixes=[sha256(path.encode()).hexdigest()],
        )
    return Delegations(keys, roles)  # type: ignore[arg-type]  # its keys are the library's own class


def _same(made: Metadata[Targets], published: bytes) -> bool:
    """Whether it says the same as what is published, but for version, expiry and least versions."""
    old = parse(published, Targets, "bundle").signed
    new = made.signed

    def gist(signed: Targets) -> object:
        told = {k: v for k, v in ours(signed).items() if k not in ("epoch", "floors")}
        delegated = signed.delegations.to_dict() if signed.delegations is not None else None
        return {p: t.to_dict() for p, t in signed.targets.items()}, told, delegated

    return gist(old) == gist(new)


def _still_counts(published: bytes, agency: Agency, officers: Iterable[Officer]) -> bool:
    """Whether two of those who signed this list may sign it now; else an officer's or a head's leaving would void it.

    Their signatures held when it was published; here only whose they are counts.
    """
    people = [o.key for o in officers] + ([agency.head.key] if agency.head is not None else [])
    signed = parse(published, Targets, "list of contacts").signatures
    return len({public_key(key).keyid for key in people} & set(signed)) >= THRESHOLD


# Signatures


def may_sign(unsigned: Unsigned, decided: Content, signer_key: bytes, now: int) -> bool:
    """Whether this key's word counts for all that is new: an officer's for anything, a head's for its own contacts."""
    if any(o.key == signer_key and o.start <= now < o.end for o in decided.officers):
        return True
    heads = {h for h, a in decided.agencies.items() if a.head is not None and a.head.key == signer_key}
    return not unsigned.tops and bool(unsigned.roles) and set(unsigned.roles) <= heads


def add_signature(unsigned: Unsigned, decided: Content, signer: Signer, now: int) -> None:
    """Sign all that is new. Raises `NotPermitted` where this person's word does not count, or was given already."""
    if not may_sign(unsigned, decided, signer.public, now):
        raise NotPermitted("Only an officer in office signs this, or an agency's head for that agency's own contacts.")
    if signer.public in given(unsigned, decided):
        raise NotPermitted("You have signed this proposal already; a second person has to.")
    for metadata in (*unsigned.tops.values(), *unsigned.roles.values()):
        sign(metadata, signer)


def given(unsigned: Unsigned, decided: Content) -> frozenset[bytes]:
    """The keys of those whose signatures stand under everything that is new, hold, and count for it."""
    people = [*decided.officers, *(a.head for a in decided.agencies.values() if a.head is not None)]
    known = {k.keyid: k for k in (public_key(o.key) for o in people)}
    everything = [*unsigned.tops.values(), *unsigned.roles.values()]
    found = [signers(metadata, known, metadata.signed_bytes) for metadata in everything]
    everywhere = frozenset.intersection(*found) if found else frozenset()
    return frozenset(key for key in everywhere if may_sign(unsigned, decided, key, unsigned.state.at))


def store(unsigned: Unsigned, decided: Content, repository: Repository, steps: Iterable[bytes]) -> State:
    """Put a fully signed epoch into a repository. Raises `KeyTrouble` while a second person's signature is missing."""
    if len(given(unsigned, decided)) < THRESHOLD:
        raise KeyTrouble("The proposal lacks the signature of a second person.")
    for data in unsigned.files.values():
        repository.add_file(data)
    for agency, role in unsigned.roles.items():
        repository.add_role(agency, unsigned.epoch, role.to_bytes())
    for whose, top in unsigned.tops.items():
        repository.add_top(whose, unsigned.epoch, top.to_bytes())
    state = replace(unsigned.state, steps=tuple(steps))
    repository.add_state(state)
    return state


def published(repository: Repository, state: State) -> Content:
    """What the officers decided at `state`, from the whole bundle's files, or raise `BundleRefused` or `Malformed`.

    Verified by nobody here: `keys.bundle.Verifier` has to have opened this state before.
    """
    top = parse(repository.top(Audience(FULL), state.tops[Audience(FULL)]), Targets, "top")
    found = {path: repository.file(t.hashes["sha256"]) for path, t in top.signed.targets.items()}
    for agency, version in state.roles.items():
        role = parse(repository.role(agency, version), Targets, "list of contacts")
        found |= {path: repository.file(t.hashes["sha256"]) for path, t in role.signed.targets.items()}
    return content.from_files(found)
