"""Snapshot and timestamp: what the broker's online key says about which versions are the newest. Pure.

They hold for three days, so that somebody between broker and adapter cannot hold a new bundle back for longer. Both
follow from the state and the hour alone, and Ed25519 gives one signature for one text: any number of brokers with the
online key serve the same bytes without speaking to each other, and a version is never used twice for different bytes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from keys.bundle import line, listing
from keys.content import CONTACTS
from keys.epochs import extract_leaf
from keys.metadata import (
    FIELD,
    ONLINE_LIFETIME,
    Audience,
    Metadata,
    MetaFile,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
    moment,
    parse,
    sign,
)
from keys.repository import Repository, State, moved
from keys.signing import Signer
from messages import cbor
from messages.errors import BundleRefused
from messages.ids import AgencyHandle
from messages.limits import HOUR

NEWS_BYTES: Final = 2 * 1024 * 1024
"""So much of what is new is given in one answer; the rest is asked for by itself."""
_HOURS_BITS: Final = 24
"""Hours since the epoch need 19 bits until the year 2029, 20 until 2089: 24 leave room for ever."""


def _version(epoch: int, hours: int) -> int:
    return (epoch << _HOURS_BITS) | hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """One audience's extract at one epoch: the signed parts it consists of."""

    audience: Audience
    state: State
    top: "Part"
    roles: "dict[AgencyHandle, Part]"

    @property
    def listing(self) -> bytes:
        """How an epoch's statement counts it: its reader makes the same bytes from what it holds."""
        return listing(self.audience, self.top.digest, [part.line for part in self.roles.values()])

    def names(self, digest: str) -> bool:
        """Whether the file with this SHA-256 belongs to it."""
        return digest in self.top.files or any(digest in part.files for part in self.roles.values())


@dataclass(frozen=True, slots=True)
class Part:
    """What is remembered of a signed part: it never changes, so it is read once for each version."""

    version: int
    digest: bytes
    length: int
    agencies: tuple[AgencyHandle, ...]  # to whose roles a top delegates; of a list, none
    files: frozenset[str] = field(repr=False)
    line: str = ""  # of a list: its line in a listing


def _part(version: int, data: bytes, whose: AgencyHandle | None = None) -> Part:
    """What a top says, or the list of `whose` contacts. Its signatures are for others to check: the officers' and the
    broker's own verifier, and each adapter. So it is not made into models here, of a thousand tops at a broker's start.
    """
    try:
        signed = json.loads(data)["signed"]
        if signed["_type"] != "targets":
            raise TypeError
        delegated = [str(role["name"]) for role in (signed.get("delegations") or {}).get("roles", ())]
        files = frozenset(str(target["hashes"]["sha256"]) for target in signed["targets"].values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BundleRefused("unreadable", "A part of the trust bundle cannot be read.") from None
    digest = sha256(data).digest()
    return Part(
        version=version,
        digest=digest,
        length=len(data),
        agencies=tuple(AgencyHandle(name) for name in sorted(set(delegated))),
        files=files,
        line=line(whose, digest) if whose is not None else "",
    )


def snapshot(found: Extract, signer: Signer, now: int) -> tuple[int, bytes]:
    """Version and bytes of the snapshot, the same for a whole day (UTC)."""
    day = now // HOUR // 24 * 24
    version = _version(found.state.epoch, day)
    meta = {"targets.json": _meta(found.top.version, found.top.digest, found.top.length)}
    meta |= {f"{a}.json": _meta(p.version, p.digest, p.length) for a, p in sorted(found.roles.items())}
    told = {FIELD: {"for": found.audience, "epoch": found.state.epoch, "at": found.state.at}}
    metadata = Metadata(
        Snapshot(version=version, expires=moment(day * HOUR + ONLINE_LIFETIME), meta=meta, unrecognized_fields=told)
    )
    sign(metadata, signer)
    return version, metadata.to_bytes()


def timestamp(found: Extract, signer: Signer, now: int, named: tuple[int, bytes]) -> bytes:
    """Bytes of the timestamp over `named` (what `snapshot` gave), the same for a whole hour."""
    hours = now // HOUR
    version, data = named
    metadata = Metadata(
        Timestamp(
            version=_version(found.state.epoch, hours),
            expires=moment(hours * HOUR + ONLINE_LIFETIME),
            snapshot_meta=_meta(version, sha256(data).digest(), len(data)),
        )
    )
    sign(metadata, signer)
    return metadata.to_bytes()


def _meta(version: int, digest: bytes, length: int) -> MetaFile:
    return MetaFile(version, length, {"sha256": digest.hex()})


@dataclass(slots=True)
class _Leaves:
    """Every extract's leaf at one epoch, and which extracts tell of an agency."""

    state: State | None = None
    leaves: dict[Audience, bytes] = field(default_factory=dict)
    told: dict[Audience, tuple[AgencyHandle, ...]] = field(default_factory=dict)
    telling: dict[AgencyHandle, set[Audience]] = field(default_factory=dict)

    def to_make(self, state: State) -> set[Audience]:
        """The extracts in which something is another version at `state`."""
        before = self.state
        if before is None:
            return set(state.tops)
        found = moved(before.tops, state.tops)
        for agency in moved(before.roles, state.roles):
            found |= self.telling.get(agency, set())
        return found & state.tops.keys()

    def take(self, state: State, made: Mapping[Audience, tuple[tuple[AgencyHandle, ...], bytes]]) -> None:
        """Go on at `state`, for which these were made anew."""
        for audience in self.leaves.keys() - state.tops.keys():
            del self.leaves[audience]
            self._tell(audience, ())
        for audience, (agencies, leaf) in made.items():
            self.leaves[audience] = leaf
            self._tell(audience, agencies)
        self.state = state

    def _tell(self, audience: Audience, agencies: tuple[AgencyHandle, ...]) -> None:
        before = self.told.pop(audience, ())
        if agencies:
            self.told[audience] = agencies
        if agencies != before:
            for agency in before:
                self.telling[agency].discard(audience)
            for agency in agencies:
                self.telling.setdefault(agency, set()).add(audience)


class Extracts:
    """Answers an audience's requests as a TUF repository with consistent snapshots would, and nobody else's; and in one
    answer what is new since an epoch (`news/EPOCH`).

    The path says what is wanted; for whom is not in it, but decided by who asks: so there is no path by which to ask
    for another's extract, and a file that an extract does not name is not there, whoever else may have it.
    """

    def __init__(self, repository: Repository, signer: Signer) -> None:
        self._repository = repository
        self._signer = signer
        self._tops: dict[Audience, Part] = {}
        self._roles: dict[AgencyHandle, Part] = {}
        self._leaves = _Leaves()
        self._extracts: dict[Audience, Extract] = {}
        self._snapshots: dict[Audience, tuple[int, tuple[int, bytes]]] = {}
        self._timestamps: dict[Audience, tuple[int, bytes]] = {}
        self.state: State | None = None

    def take(self, state: State) -> None:
        """Serve this state from now on."""
        self.state = state
        self._extracts, self._snapshots, self._timestamps = {}, {}, {}

    def extract(self, audience: Audience) -> Extract | None:
        """The extract of an audience, or None where there is none. Raises `BundleRefused` where a part is missing."""
        state = self.state
        if state is None or audience not in state.tops:
            return None
        found = self._extracts.get(audience)
        if found is None:
            found = self._extracts[audience] = self._extract(state, audience, self._top(state, audience))
        return found

    def _extract(self, state: State, audience: Audience, top: Part) -> Extract:
        return Extract(audience=audience, state=state, top=top, roles={a: self._role(state, a) for a in top.agencies})

    def _top(self, state: State, audience: Audience) -> Part:
        version = state.tops[audience]
        top = self._tops.get(audience)
        if top is None or top.version != version:
            top = self._tops[audience] = _part(version, self._repository.top(audience, version))
        return top

    def _role(self, state: State, agency: AgencyHandle) -> Part:
        part = self._roles.get(agency)
        version = state.roles.get(agency)
        if version is None:
            raise BundleRefused("mixed", "The contacts of an agency are missing; fetch the trust bundle again.")
        if part is None or part.version != version:
            part = self._roles[agency] = _part(version, self._repository.role(agency, version), agency)
        return part

    def leaves(self, state: State | None = None) -> dict[Audience, bytes]:
        """Every extract's leaf, for the statement of an epoch (the served one's, if none is named).

        Only those leaves are made again in whose extract something is another version than in the epoch asked about
        before. What is served is not touched.
        """
        state = state or self.state
        if state is None:
            return {}
        made = {}
        for audience in self._leaves.to_make(state):
            top = self._top(state, audience)
            lines = [
                part.line
                if (part := self._roles.get(agency)) is not None and part.version == state.roles.get(agency)
                else self._role(state, agency).line
                for agency in top.agencies
            ]  # most are known, and whoever has agreements with all has thousands
            made[audience] = top.agencies, extract_leaf(audience, listing(audience, top.digest, lines))
        self._leaves.take(state, made)
        return dict(self._leaves.leaves)

    def answer(self, audience: Audience, path: str, now: int) -> bytes | None:
        """The bytes at `metadata/…` or `targets/…` for this audience, or None: there is no such thing for it."""
        found = self.extract(audience)
        if found is None or len(path) > 200:
            return None
        folder, _, name = path.partition("/")
        if folder == "metadata":
            return self._metadata(found, name, now)
        if folder == "targets":
            digest = name.rpartition("/")[2].partition(".")[0]
            return self._repository.file(digest) if found.names(digest) else None
        if folder == "news":
            return self._news(found, name, now)
        return None

    def _news(self, found: Extract, since: str, now: int) -> bytes | None:
        """At `news/EPOCH`, in one answer: what somebody who has that epoch of its extract will ask for next, by path.

        A convenience for who would ask for each: what is not in it is asked for, and all of it is verified as if it
        had been. Versions are the epochs in which they were signed, so no older state has to be looked at.
        """
        if not since.isascii() or not since.isdecimal() or len(since) > 16:
            return None
        paths = ["metadata/timestamp.json", f"metadata/{self._snapshot(found, now)[0]}.snapshot.json"]
        if found.top.version > int(since):
            paths.append(f"metadata/{found.top.version}.targets.json")
        for agency, part in found.roles.items():
            if part.version > int(since):
                paths.append(f"metadata/{part.version}.{agency}.json")
                paths += (f"targets/{CONTACTS}{digest}.{agency}.json" for digest in part.files)
        # That there is no newer root is an answer too; who lacks more than one asks for the others.
        news: dict[str, bytes | None] = {f"metadata/{found.state.root + 1}.root.json": None}
        size = 0
        for path in paths:
            data = self.answer(found.audience, path, now)
            size += len(data or b"")
            if data is None or size > NEWS_BYTES:
                break
            news[path] = data
        return cbor.dump(news)

    def _metadata(self, found: Extract, name: str, now: int) -> bytes | None:
        if name == "timestamp.json":
            return self._timestamp(found, now)
        version, _, rest = name.partition(".")
        if not version.isascii() or not version.isdecimal() or len(version) > 16:
            return None
        number = int(version)
        match rest:
            case "root.json":
                return self._repository.root(number) if number <= found.state.root else None
            case "snapshot.json":
                current = self._snapshot(found, now)
                return current[1] if current[0] == number else self._yesterdays(found, number, now)
            case "targets.json":
                return self._repository.top(found.audience, number) if number == found.top.version else None
        agency = AgencyHandle(rest.removesuffix(".json"))
        known = found.roles.get(agency)
        return self._repository.role(agency, number) if known is not None and known.version == number else None

    def snapshot_version(self, found: Extract, now: int) -> int:
        """The version of the snapshot that is served now."""
        return self._snapshot(found, now)[0]

    def _snapshot(self, found: Extract, now: int) -> tuple[int, bytes]:
        day = now // HOUR // 24
        known = self._snapshots.get(found.audience)
        if known is None or known[0] != day:
            known = self._snapshots[found.audience] = (day, snapshot(found, self._signer, now))
        return known[1]

    def _yesterdays(self, found: Extract, number: int, now: int) -> bytes | None:
        """Midnight may pass between an adapter's timestamp and its snapshot."""
        before = snapshot(found, self._signer, now - 24 * HOUR)
        return before[1] if before[0] == number else None

    def _timestamp(self, found: Extract, now: int) -> bytes:
        hour = now // HOUR
        known = self._timestamps.get(found.audience)
        if known is None or known[0] != hour:
            data = timestamp(found, self._signer, now, self._snapshot(found, now))
            known = self._timestamps[found.audience] = (hour, data)
        return known[1]


def export(extracts: Extracts, audience: Audience, now: int) -> dict[str, bytes]:
    """A whole extract as the files of a TUF repository, to be carried on a stick; `BundleRefused` if there is none."""
    found = extracts.extract(audience)
    if found is None:
        raise BundleRefused("not-for-us", "There is no extract of the trust bundle for that agency.")
    names = [f"metadata/{v}.root.json" for v in range(1, found.state.root + 1)]
    names += ["metadata/timestamp.json", f"metadata/{extracts.snapshot_version(found, now)}.snapshot.json"]
    signed = [f"metadata/{found.top.version}.targets.json"]
    signed += [f"metadata/{part.version}.{agency}.json" for agency, part in found.roles.items()]
    names += signed
    paths: list[TargetFile] = []
    for name in signed:
        data = extracts.answer(audience, name, now) or b""
        paths += parse(data, Targets, "bundle").signed.targets.values()
    for target in paths:
        folder, slash, base = target.path.rpartition("/")
        names.append(f"targets/{folder}{slash}{target.hashes['sha256']}.{base}")
    files = {name: extracts.answer(audience, name, now) for name in names}
    return {name: data for name, data in files.items() if data is not None}
