"""A proposal: what two people are about to decide, as one file that travels between them. Pure.

It carries only the files that change, the signatures gathered so far, and the steps that were taken. Everything that
is signed is made from it anew on each side (`keys.publishing.draft` gives the same bytes everywhere), so what a person
reviews on their own machine is what they sign, and a signature over anything else does not fit.

    {"format", "base": 7, "at", "renew", "signers": [two handles], "changes": {path: text}, "root", "rehearsal",
     "signatures", "steps"}

What changes who may get what is rehearsed first: the report of that (`policies.report`) is part of the proposal, its
digest part of what both compare and sign, and nobody signs without it. What is in the report is not this module's to
know: whoever signs passes the digest of the report that was made again on their own machine.

Nobody can be both signatures. An agency's head counts as one of two where a proposal changes nothing but that agency's
contacts; a head works from its own extract and never sees the whole (`Standing.scope`).
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Final

from securesystemslib.signer import Signature

from keys import content, decisions, publishing
from keys.bundle import Verifier, first_root, next_root
from keys.content import Content, Share
from keys.decisions import Hand
from keys.domains import Tag
from keys.fingerprints import fingerprint
from keys.metadata import (
    FULL,
    METADATA_BYTES,
    TARGETS_LIFETIME,
    THRESHOLD,
    Audience,
    Metadata,
    Root,
    Targets,
    expiry,
    new_root,
    parse,
    public_key,
    raw_key,
    sign,
    signers,
    titles_of,
)
from keys.publishing import Unsigned
from keys.repository import Repository, State, follows
from keys.signing import Signer, verify
from messages import ids
from messages.ceremony import CeremonyStep, StepCode
from messages.directory import Agency, Bundle, Contact, Directory, Mandate, Officer
from messages.errors import BadInput, BundleRefused, KeyTrouble, Malformed, NotPermitted, Stale, Unverified
from messages.ids import AgencyHandle, OfficerHandle
from messages.limits import CLOCK_SKEW
from messages.signed import Signed

_FORMAT: Final = "safeconduct-proposal-1"
PROPOSAL_BYTES: Final = 128 * 1024 * 1024
"""A founding proposal of a task force with 10,000 contacts is about 30 MB: their encryption keys are long."""
STEPS: Final = 10_000

SharesOf = Callable[[Content], Mapping[AgencyHandle, Share]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What is proposed; `edited` and `signed_by` give the next state of it."""

    base: int  # the epoch that is in force; 0 before the first
    at: int  # from when the new metadata's life is counted
    signers: tuple[OfficerHandle, OfficerHandle]  # who are to sign: the proposer and the second person
    changes: Mapping[str, bytes] = field(default_factory=dict)  # over `content.files`
    renew: bool = False  # sign unchanged parts too
    root: bytes | None = None  # the next root's metadata, with the holders' signatures so far
    rehearsal: bytes = b""  # the report of what the changes would let pass and block
    signatures: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # part to key id to signature
    steps: tuple[bytes, ...] = ()

    @property
    def epoch(self) -> int:
        """The epoch that it leads to."""
        return self.base + 1

    @property
    def hand(self) -> Hand:
        """Who decides it."""
        return Hand(self.signers, self.epoch, self.at)

    def to_bytes(self) -> bytes:
        """The file."""
        value = {
            "format": _FORMAT,
            "base": self.base,
            "at": self.at,
            "renew": self.renew,
            "signers": list(self.signers),
            "changes": {path: data.decode() for path, data in self.changes.items()},
            "root": self.root.hex() if self.root is not None else None,
            "rehearsal": self.rehearsal.decode(),
            "signatures": {part: dict(found) for part, found in self.signatures.items()},
            "steps": [s.hex() for s in self.steps],
        }
        return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> "Proposal":
        """Read it, or raise `Malformed`."""
        try:
            if len(data) > PROPOSAL_BYTES:
                raise ValueError
            value = json.loads(data)
            if set(value) != _FIELDS or value["format"] != _FORMAT or type(value["renew"]) is not bool:
                raise ValueError
            first, second = (ids.officer_handle(handle) for handle in value["signers"])
            proposal = cls(
                base=_number(value["base"]),
                at=_number(value["at"]),
                signers=(first, second),
                changes={str(path): text.encode() for path, text in value["changes"].items()},
                renew=value["renew"],
                root=bytes.fromhex(value["root"]) if value["root"] is not None else None,
                rehearsal=value["rehearsal"].encode(),
                signatures={
                    str(part): {_hex(k): _hex(v) for k, v in found.items()}
                    for part, found in value["signatures"].items()
                },
                steps=tuple(bytes.fromhex(s) for s in value["steps"]),
            )
            if len(proposal.steps) > STEPS or (proposal.root is not None and len(proposal.root) > METADATA_BYTES):
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, Malformed):
            raise Malformed("The proposal cannot be read; get it again from whoever sent it.") from None
        if first == second:
            raise NotPermitted("One person cannot be both signatures.")
        return proposal


_FIELDS: Final = {"format", "base", "at", "renew", "signers", "changes", "root", "rehearsal", "signatures", "steps"}


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise ValueError
    return value


def _hex(text: str) -> str:
    return bytes.fromhex(text).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is in force, as whoever proposes or reviews has verified it."""

    content: Content | None  # None before the first epoch
    state: State | None
    repository: Repository
    root: Metadata[Root] | None = None  # the one in force
    scope: AgencyHandle | None = None  # a head sees its own agency alone
    extract: Bundle | None = None  # … and those with whom its agency has agreements

    @property
    def epoch(self) -> int:
        """The epoch in force; 0 before the first."""
        return self.state.epoch if self.state is not None else 0


def published(repository: Repository, root: bytes | None) -> Standing:
    """What the officers have published in `repository`, verified from `root`, or raise `BundleRefused`.

    `root` is the pinned root of whoever asks; it may be None only where nothing was published yet.
    """
    state = repository.newest()
    if state is None:
        return Standing(content=None, state=None, repository=repository)
    found = verified(repository, state, root)
    before = repository.before(state.epoch)
    if before is not None:
        follows(before, state)
    return Standing(content=found, state=state, repository=repository, root=_followed(root or b"", repository, state))


def verified(repository: Repository, state: State, root: bytes | None) -> Content:
    """The content at one epoch: believed only as far as its signatures reach from the pinned root."""
    if root is None:
        raise BadInput("You have no root of trust yet: see: safeconduct bundle install-root --help")
    bundle = Verifier(root, Audience(FULL)).open(repository, state)
    found = publishing.published(repository, state)
    agreed = (_sorted(found.directory()), dict(found.agreements), found.witnesses, found.accounts)
    if agreed != (_sorted(bundle.directory), dict(bundle.agreements), bundle.witnesses, bundle.accounts):
        raise BundleRefused("mixed", "The trust bundle changed while it was read; run this again.")
    return found


def expires(standing: Standing) -> int:
    """When the first part of what is in force expires. The whole was verified when `standing` was made."""
    if standing.state is None:
        raise BadInput("Nothing is published yet.")
    state, repository = standing.state, standing.repository
    parts = [repository.top(whose, version) for whose, version in state.tops.items()]
    parts += [repository.role(agency, version) for agency, version in state.roles.items()]
    return min(expiry(parse(data, Targets, "bundle").signed) for data in parts)


def _sorted(directory: Directory) -> Directory:
    agencies = tuple(sorted(directory.agencies, key=lambda a: a.handle))
    contacts = sorted(directory.contacts, key=lambda c: c.agency)  # stable: an agency's own order counts
    return directory.model_copy(update={"agencies": agencies, "contacts": tuple(contacts)})


def _followed(pinned: bytes, repository: Repository, state: State) -> Metadata[Root]:
    """The root of that epoch, by its chain from the pinned one and not by what merely lies in the folder."""
    root = first_root(pinned)
    for data in repository.roots(root.signed.version + 1):
        if root.signed.version == state.root:
            break
        root = next_root(root, data)
    return root


def own_extract(bundle: Bundle, state: State, repository: Repository) -> Standing:
    """What an agency's head works from: its own extract, as its adapter has verified it."""
    whose = bundle.audience
    agency = bundle.directory.agency(whose) if whose is not None else None
    if whose is None or agency is None:
        raise BadInput("A head works from its own agency's extract of the trust bundle.")
    own = Content(
        operator=bundle.directory.operator,
        officers=bundle.directory.officers,
        agencies={whose: agency},
        contacts={whose: tuple(bundle.directory.contacts_of(whose))},
        agreements={},
        rules=content.edition(bundle.rules_digest, {}),
        catalogue=content.edition(bundle.catalogue_digest, {}),
    )
    return Standing(content=own, state=state, repository=repository, scope=whose, extract=bundle)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """A proposal worked out: before, after, and what has to be signed, with the signatures so far attached."""

    proposal: Proposal
    standing: Standing
    after: Content
    unsigned: Unsigned
    root: Metadata[Root] | None
    shares: Mapping[AgencyHandle, Share]

    @property
    def before(self) -> Content | None:
        """What is in force."""
        return self.standing.content

    @property
    def digest(self) -> bytes:
        """What the two signers compare, and what the ceremony's steps name. Signatures do not change it."""
        root = sha256(self.root.signed_bytes).digest() if self.root is not None else b""
        return sha256(self.unsigned.digest() + root + rehearsed(self.proposal)).digest()

    @property
    def touches_policy(self) -> bool:
        """Whether who may get what can come out differently, so that it has to be rehearsed before it is signed."""
        return touches_policy(self.before, self.after)

    @property
    def expires(self) -> int:
        """When the newly signed parts expire."""
        return self.proposal.at + TARGETS_LIFETIME

    def given(self) -> list[Officer]:
        """Who has signed everything, and whose signatures hold."""
        keys = publishing.given(self.unsigned, self.after)
        return [p for p in people(self.after) if p.key in keys]

    def root_holders(self) -> frozenset[bytes]:
        """The new root's holders who signed it."""
        if self.root is None:
            return frozenset()
        role = self.root.signed.roles["root"]
        return signers(self.root, {k: self.root.signed.keys[k] for k in role.keyids}, self.root.signed_bytes)

    def check_root(self) -> None:
        """Raise `BundleRefused` while a new root lacks signatures: of its own holders, and of the last one's."""
        if self.root is None:
            return
        data = self.root.to_bytes()
        if self.standing.root is None:
            first_root(data)
        else:
            next_root(self.standing.root, data)


def people(decided: Content) -> list[Officer]:
    """Officers, former ones too, and agencies' heads."""
    return [*decided.officers, *(a.head for a in decided.agencies.values() if a.head is not None)]


def person(decided: Content, handle: str) -> Officer:
    """The officer or head with this handle, or raise `BadInput`."""
    found = next((p for p in people(decided) if p.handle == handle), None)
    if found is None:
        raise BadInput(f"{handle} is neither an officer nor an agency's head here.")
    return found


def edited(proposal: Proposal, standing: Standing, after: Content, at: int) -> Proposal:
    """The proposal with `after` as what it leads to. Signatures over what it was before fall away."""
    before = content.files(standing.content) if standing.content is not None else {}
    changes = {path: data for path, data in content.files(after).items() if before.get(path) != data}
    return replace(proposal, changes=changes, at=at, rehearsal=b"", signatures={})


def with_rehearsal(proposal: Proposal, report: bytes) -> Proposal:
    """The proposal with this report of a rehearsal. Signatures over what it was before fall away."""
    return replace(proposal, rehearsal=report, signatures={})


def rehearsed(proposal: Proposal) -> bytes:
    """The digest of the report that a proposal carries; empty where it carries none."""
    return sha256(proposal.rehearsal).digest() if proposal.rehearsal else b""


_NOT_POLICY: Final = {
    Agency: {"title", "nkey", "guards", "head", "retired"},
    Contact: {"title", "nkey", "signing_key", "former_keys", "statements", "rotation_days"},
    Mandate: {"granted_by", "granted_in"},
}
"""What no rule can see: names for people, keys and log-ins, who signed, who has left.

Whatever is not named here counts, and so whatever is added later.
"""


def touches_policy(before: Content | None, after: Content) -> bool:
    """Whether anything changes on which a decision can rest: agreements, mandates, classes, rules or catalogue.

    New keys, other officers, another root and signing unchanged content again touch none of it, so that no rehearsal
    could come out otherwise than "nothing changes". Before the first agreement nobody can send anybody anything.
    """
    if before is None:
        return bool(after.agreements)
    return _policy(before) != _policy(after)


def _policy(decided: Content) -> object:
    contacts = {
        c.handle: (
            c.model_dump(exclude={*_NOT_POLICY[Contact], "mandates"}),
            [m.model_dump(exclude=_NOT_POLICY[Mandate]) for m in c.mandates],
        )
        for own in decided.contacts.values()
        for c in own
    }
    agencies = {h: a.model_dump(exclude=_NOT_POLICY[Agency]) for h, a in decided.agencies.items()}
    return agencies, contacts, dict(decided.agreements), decided.rules, decided.catalogue


def apply(proposal: Proposal, standing: Standing) -> Content:
    """What the proposal leads to, or raise: it was made for another epoch, or holds what it must not hold."""
    if proposal.base != standing.epoch:
        raise BadInput(
            f"The proposal was made for epoch {proposal.epoch}, but epoch {standing.epoch} is published; propose again."
        )
    before = content.files(standing.content) if standing.content is not None else {}
    own = f"{content.CONTACTS}{standing.scope}.json"
    if standing.scope is not None and set(proposal.changes) != {own}:
        raise NotPermitted("The head of an agency signs for that agency's own contacts alone.")
    merged = {**before, **proposal.changes}
    after = content.from_files(merged)
    if content.files(after) != merged:
        raise Malformed("The proposal holds files that are not written as ours are; propose again.")
    if standing.content is not None:
        decisions.remembers(standing.content, after, proposal.hand)
    return after


def assemble(proposal: Proposal, standing: Standing, shares_of: SharesOf) -> Assembled:
    """Work the proposal out. Raises `BadInput`, `NotPermitted`, `Malformed` or `Unverified` where it does not hold."""
    after = apply(proposal, standing)
    root = _next_root(proposal, standing, after)
    renew = proposal.renew or (root is not None and standing.state is not None)
    version = standing.state.root + (root is not None) if standing.state is not None else 1
    if standing.scope is None:
        shares = shares_of(after)
        unsigned = publishing.draft(
            after, shares, standing.repository, standing.state, epoch=proposal.epoch, root=version, now=proposal.at,
            renew=renew,
        )  # fmt: skip
    else:
        shares = {}
        unsigned = _own_part(after, proposal, version, standing.scope)
    if not unsigned.tops and not unsigned.roles:
        raise BadInput("The proposal changes nothing.")
    for handle in proposal.signers:
        signer = person(after, handle)
        if not publishing.may_sign(unsigned, after, signer.key, proposal.at):
            raise NotPermitted(
                f"{signer.title} cannot sign this: only an officer in office signs it, or an agency's head for that "
                "agency's own contacts alone."
            )
    _attach(proposal, unsigned, after)
    found = Assembled(proposal=proposal, standing=standing, after=after, unsigned=unsigned, root=root, shares=shares)
    for step in proposal.steps:
        _check_step(step, found)
    return found


def _own_part(after: Content, proposal: Proposal, root: int, agency: AgencyHandle) -> Unsigned:
    """The one list that a head signs: the same bytes as the officers make from the whole."""
    nowhere = Repository(Path("/nonexistent"))  # with no state before, nothing is read from it
    made = publishing.draft(after, {}, nowhere, None, epoch=proposal.epoch, root=root, now=proposal.at)
    path = f"{content.CONTACTS}{agency}.json"
    role = made.roles[agency]
    digest = role.signed.targets[path].hashes["sha256"]
    return Unsigned(
        epoch=proposal.epoch,
        state=replace(made.state, tops={}, roles={agency: proposal.epoch}),
        roles={agency: role},
        files={digest: made.files[digest]},
    )


def _attach(proposal: Proposal, unsigned: Unsigned, after: Content) -> None:
    """Put the signatures under what they are for; one that does not fit is refused."""
    wanted = {proposal_signer.key for proposal_signer in (person(after, h) for h in proposal.signers)}
    keys = {public_key(raw).keyid: public_key(raw) for raw in wanted}
    parts: dict[str, Metadata[Targets]] = {f"top/{whose}": top for whose, top in unsigned.tops.items()}
    parts |= {f"role/{agency}": role for agency, role in unsigned.roles.items()}
    signed_by: set[str] = set()
    for part, found in proposal.signatures.items():
        metadata = parts.get(part)
        if metadata is None:
            raise Unverified("The proposal carries signatures for something that it does not change; propose again.")
        for keyid, signature in found.items():
            metadata.signatures[keyid] = Signature(keyid, signature)
            signed_by.add(keyid)
        if len(signers(metadata, keys, metadata.signed_bytes)) != len(found):
            raise Unverified("A signature on the proposal does not fit what it says; it was changed after signing.")
    for keyid in signed_by:
        if any(keyid not in metadata.signatures for metadata in parts.values()):
            raise Unverified("Somebody has signed a part of the proposal only; propose again.")


def signed_by(found: Assembled, signer: Signer, now: int, seen: bytes = b"") -> Proposal:
    """The proposal with this person's signature on all of it, and their steps `review` and `sign`.

    `seen` is the digest of the rehearsal's report that this person was shown, once it was made again on their own
    machine and found to be the one. Raises `NotPermitted` for anybody but the two who are to sign, for the same one
    again, and where the changes touch policy and no report, or another one, was seen.
    """
    proposal = found.proposal
    if signer.handle not in proposal.signers or person(found.after, signer.handle).key != signer.public:
        raise NotPermitted("The proposal names two others as those who are to sign it.")
    if not proposal.at - CLOCK_SKEW <= now < found.expires:
        raise Stale("The proposal is too old to be signed, or dated in the future; propose again.")
    if found.touches_policy and (not proposal.rehearsal or not compare_digest(seen, rehearsed(proposal))):
        raise NotPermitted(
            "The proposal changes who may get what, and nobody signs that without having seen what it would let pass: "
            "run safeconduct bundle rehearse, then sign."
        )
    found.check_root()
    publishing.add_signature(found.unsigned, found.after, signer, now)
    keyid = public_key(signer.public).keyid
    parts: dict[str, Metadata[Targets]] = {f"top/{whose}": top for whose, top in found.unsigned.tops.items()}
    parts |= {f"role/{agency}": role for agency, role in found.unsigned.roles.items()}
    signatures = {
        part: {**proposal.signatures.get(part, {}), keyid: metadata.signatures[keyid].signature}
        for part, metadata in parts.items()
    }
    signed = replace(proposal, signatures=signatures)
    subject = _about(found, signer)
    for code in (StepCode.REVIEW, StepCode.SIGN):
        signed = stepped(signed, found, signer, code, subject, now)
    return signed


def stepped(proposal: Proposal, found: Assembled, signer: Signer, code: StepCode, subject: str, now: int) -> Proposal:
    """The proposal with one more step, signed by whoever took it."""
    step = CeremonyStep(step=code, subject=subject, proposal=found.digest, epoch=proposal.epoch, at=now)
    signed = signer.sign(Tag.CEREMONY, step.to_bytes()).to_bytes()
    return replace(proposal, steps=(*proposal.steps, signed))


def _about(found: Assembled, signer: Signer) -> str:
    """An officer's signature is about everything; a head's about its agency."""
    heads = {a.head.handle: h for h, a in found.after.agencies.items() if a.head is not None}
    return heads.get(OfficerHandle(signer.handle), "")


def publish(found: Assembled, signer: Signer, now: int) -> State:
    """Put the proposal into force: store it as the next epoch. Raises while a signature is missing."""
    if found.standing.scope is not None:
        raise NotPermitted("The officers publish; send the proposal back to them.")
    if not now < found.expires:
        raise Stale("The proposal is too old to be published; propose again.")
    found.check_root()
    if len(found.given()) < THRESHOLD:
        raise KeyTrouble(f"The proposal lacks a signature: {_missing(found)} has to sign it.")
    if not _stood_by(found):
        raise KeyTrouble("The proposal was signed before it was rehearsed as it is now; both have to sign it again.")
    final = stepped(found.proposal, found, signer, StepCode.PUBLISH, "", now)
    repository = found.standing.repository
    if found.root is not None:
        repository.add_root(found.root.signed.version, found.root.to_bytes())
    return publishing.store(found.unsigned, found.after, repository, final.steps)


def _stood_by(found: Assembled) -> bool:
    """Whether each signer has signed a step over just this proposal, its rehearsal included."""
    keys = {str(p.handle): p.key for p in people(found.after)}
    signed = [Signed.from_bytes(data) for data in found.proposal.steps]
    steps = [(s.by, CeremonyStep.from_bytes(verify(s, Tag.CEREMONY, keys[s.by]))) for s in signed]
    stood = {by for by, step in steps if step.step is StepCode.SIGN and step.proposal == found.digest}
    return set(found.proposal.signers) <= stood


def _missing(found: Assembled) -> str:
    done = {p.handle for p in found.given()}
    return " and ".join(person(found.after, h).title for h in found.proposal.signers if h not in done)


def _check_step(data: bytes, found: Assembled) -> None:
    signed = Signed.from_bytes(data)
    who = next((p for p in people(found.after) if p.handle == signed.by), None)
    if who is None:
        raise Unverified("The proposal holds a step of somebody who is neither an officer nor an agency's head.")
    step = CeremonyStep.from_bytes(verify(signed, Tag.CEREMONY, who.key))
    if step.epoch != found.proposal.epoch:
        raise Unverified("The proposal holds a step of another ceremony.")


# The root


def make_root(
    holders: Iterable[bytes],
    decided: Content,
    online: bytes,
    standing: Standing,
    at: int,
    threshold: int,
    titles: Mapping[bytes, str],
) -> bytes:
    """The next root's metadata, unsigned: who holds it (by key, with the titles of those who are known by one), and the
    officers in office.
    """
    version = standing.state.root + 1 if standing.state is not None else 1
    officers = [o.key for o in decisions.in_office(decided, at)]
    return new_root(holders, officers, [online], at, version=version, threshold=threshold, titles=titles).to_bytes()


def sign_root(proposal: Proposal, signer: Signer, standing: Standing) -> Proposal:
    """The proposal with a root holder's signature: a holder of the new root, or of the one in force."""
    if proposal.root is None:
        raise BadInput("The proposal does not change the root; there is nothing for a root holder to sign.")
    metadata = parse(proposal.root, Root, "root")
    holders = {k for root in (metadata, standing.root) if root is not None for k in root.signed.roles["root"].keyids}
    keyid = public_key(signer.public).keyid
    if keyid not in holders:
        raise NotPermitted("This key is none of the root's; name the folder with the right keys/root.key.")
    if keyid in metadata.signatures:
        raise NotPermitted("You have signed this root already; another root holder has to.")
    sign(metadata, signer)
    return replace(proposal, root=metadata.to_bytes())


def root_fingerprint(root: Metadata[Root]) -> str:
    """The digits to compare before a root of trust is installed; signatures that are added do not change them."""
    return fingerprint(sha256(root.signed_bytes).digest())


def root_keys(root: Metadata[Root], role: str) -> list[bytes]:
    """The keys that a root names for a role."""
    return [raw_key(root.signed.keys[k]) for k in root.signed.roles[role].keyids]


def holder(root: Metadata[Root], key: bytes) -> str:
    """A root holder for people: by title, where the root says one, and always by the digits of the key."""
    title = titles_of(root).get(key)
    return f"{title} (key {fingerprint(key)})" if title is not None else f"key {fingerprint(key)}"


def _next_root(proposal: Proposal, standing: Standing, after: Content) -> Metadata[Root] | None:
    """The proposal's root, if it is one that may follow, and names just the officers in office."""
    officers = {o.key for o in decisions.in_office(after, proposal.at)}
    if proposal.root is None:
        if standing.state is None:
            raise BadInput("A task force begins with a root; see: safeconduct bundle init --help")
        changed = standing.content is not None and standing.content.officers != after.officers
        if changed and standing.root is not None and set(root_keys(standing.root, "targets")) != officers:
            raise BadInput("Other officers need a new root; see: safeconduct bundle replace-officer --help")
        return None
    metadata = parse(proposal.root, Root, "root")
    if set(root_keys(metadata, "targets")) != officers:
        raise BadInput("The proposed root names other officers than those in office; propose again.")
    wanted = standing.state.root + 1 if standing.state is not None else 1
    if metadata.signed.version != wanted:
        raise BadInput("The proposed root has the wrong version; propose again.")
    return metadata
