"""The trust bundle as a folder: everything that was ever published, or as much of it as one agency may hold.

    root/N.json            the root metadata, version after version
    top/AUDIENCE/N.json    the top (TUF `targets`) of one extract, or of the whole
    role/AGENCY/N.json     the signed list of one agency's contacts
    file/SHA256            the files that those name
    epoch/N.json           which of them are in force at epoch N, and the ceremony steps that led to it

Nothing here is ever changed or removed, so that any past moment can be proved again. Files are written whole or not at
all, and an epoch's own file last. What a file says is believed by nobody before `keys.bundle.Verifier` has checked it.
"""

import json
import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar

from keys.metadata import FULL, Audience
from messages import ids
from messages.errors import BundleRefused, DependencyError, Malformed
from messages.ids import AgencyHandle

STATE_BYTES: Final = 8 * 1024 * 1024
_READING: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0)

K = TypeVar("K", bound=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Which versions are in force at one epoch."""

    epoch: int
    at: int  # when it was published, in milliseconds
    root: int
    tops: Mapping[Audience, int]
    roles: Mapping[AgencyHandle, int]
    steps: tuple[bytes, ...] = ()  # signed ceremony steps, for the audit log
    online: Mapping[str, bytes] = field(default_factory=dict)  # an agency's copy of snapshot and timestamp

    def to_bytes(self) -> bytes:
        """As it is stored."""
        value = {
            "epoch": self.epoch,
            "at": self.at,
            "root": self.root,
            "tops": dict(self.tops),
            "roles": dict(self.roles),
            "steps": [s.hex() for s in self.steps],
            "online": {k: v.hex() for k, v in self.online.items()},
        }
        return json.dumps(value, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "State":
        """Read it, or raise `BundleRefused`."""
        try:
            if len(data) > STATE_BYTES:
                raise ValueError
            value = json.loads(data)
            roles = dict(zip(ids.agency_handles(value["roles"]), _numbers(value["roles"].values()), strict=True))
            for other in value["tops"].keys() - roles.keys():
                audience(other)
            return cls(
                epoch=_number(value["epoch"]),
                at=_number(value["at"]),
                root=_number(value["root"]),
                tops=dict(zip(map(Audience, value["tops"]), _numbers(value["tops"].values()), strict=True)),
                roles=roles,
                steps=tuple(bytes.fromhex(s) for s in value["steps"]),
                online={str(k): bytes.fromhex(v) for k, v in value["online"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, Malformed):
            raise BundleRefused("unreadable", "An epoch of the trust bundle cannot be read; fetch it again.") from None


def _numbers(values: Collection[object]) -> list[int]:
    """All of these as `_number` takes each: there is one for each list of contacts, at every epoch."""
    found = [value for value in values if type(value) is int]
    if len(found) != len(values) or (found and not 0 <= min(found) <= max(found) < 2**53):
        raise ValueError
    return found


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise ValueError
    return value


def audience(text: object) -> Audience:
    """Return `text` as an audience (an agency's handle, or "full"), or raise `Malformed`."""
    return Audience(FULL) if text == FULL else Audience(ids.agency_handle(text))


def moved(before: Mapping[K, int], after: Mapping[K, int]) -> set[K]:
    """Whose version is another one in these two, or is in one of them alone. A walk: sets of the pairs cost five times
    as much, at every epoch.
    """
    return {key for key, version in after.items() if before.get(key) != version} | (before.keys() - after.keys())


def follows(before: State, after: State) -> None:
    """Raise `BundleRefused` unless `after` can have come after `before`: nothing in it is older, and nothing is gone.

    The state of an epoch is signed by nobody as a whole. Without this, whoever can write to a folder could put an older
    list beside a newer one, and undo what two people signed in between.
    """
    older = after.root < before.root or after.at < before.at
    older = older or any(after.tops.get(a, -1) < version for a, version in before.tops.items())
    older = older or any(after.roles.get(a, -1) < version for a, version in before.roles.items())
    if older or after.epoch < before.epoch:
        raise BundleRefused(
            "rolled-back", f"Epoch {after.epoch} holds older parts than epoch {before.epoch}. Tell the officers."
        )


class Repository:
    """The folder. Reading what is not there raises `BundleRefused("mixed")`: a part of the whole is missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._place = str(folder)
        self._touched: set[Path] = set()

    # reading

    def root(self, version: int) -> bytes | None:
        """Root metadata of one version, or None."""
        return self._maybe(f"root/{_number(version)}.json")

    def roots(self, first: int = 1) -> Iterator[bytes]:
        """Root metadata from version `first` on, without a gap."""
        version = first
        while (data := self.root(version)) is not None:
            yield data
            version += 1

    def top(self, whose: Audience, version: int) -> bytes:
        """The top of an extract."""
        return self._read(f"top/{audience(whose)}/{_number(version)}.json")

    def role(self, agency: AgencyHandle, version: int) -> bytes:
        """The signed list of an agency's contacts."""
        return self._read(f"role/{ids.agency_handle(agency)}/{_number(version)}.json")

    def file(self, digest: str) -> bytes:
        """The file with this SHA-256 in hexadecimal."""
        data = self._read(f"file/{_hex(digest)}")
        if sha256(data).hexdigest() != digest:
            raise BundleRefused("mixed", "A file of the trust bundle was altered where it is stored; fetch it again.")
        return data

    def has_file(self, digest: str) -> bool:
        """Whether the file is here."""
        return self._has(f"file/{_hex(digest)}")

    def has_top(self, whose: Audience, version: int) -> bool:
        """Whether this top is here."""
        return self._has(f"top/{audience(whose)}/{_number(version)}.json")

    def has_role(self, agency: AgencyHandle, version: int) -> bool:
        """Whether this list of contacts is here."""
        return self._has(f"role/{ids.agency_handle(agency)}/{_number(version)}.json")

    def epochs(self) -> list[int]:
        """The epochs that are here, oldest first."""
        try:
            names = [p.name for p in (self.folder / "epoch").iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            names = []
        stems = [n.removesuffix(".json") for n in names if n.endswith(".json")]
        return sorted(int(n) for n in stems if n.isascii() and n.isdecimal() and len(n) < 16)

    def state(self, epoch: int) -> State:
        """Which versions are in force at an epoch."""
        state = State.from_bytes(self._read(f"epoch/{_number(epoch)}.json"))
        if state.epoch != epoch:
            raise BundleRefused("mixed", "An epoch of the trust bundle is stored under another number.")
        return state

    def before(self, epoch: int) -> State | None:
        """The state of the epoch before `epoch`, or None where none is here."""
        earlier = [e for e in self.epochs() if e < epoch]
        return self.state(earlier[-1]) if earlier else None

    def newest(self) -> State | None:
        """The newest epoch's state, or None where nothing was published yet."""
        epochs = self.epochs()
        return self.state(epochs[-1]) if epochs else None

    # adding

    def add_root(self, version: int, data: bytes) -> None:
        """Keep root metadata."""
        self._add(f"root/{_number(version)}.json", data)

    def add_top(self, whose: Audience, version: int, data: bytes) -> None:
        """Keep the top of an extract."""
        self._add(f"top/{audience(whose)}/{_number(version)}.json", data)

    def add_role(self, agency: AgencyHandle, version: int, data: bytes) -> None:
        """Keep the signed list of an agency's contacts."""
        self._add(f"role/{ids.agency_handle(agency)}/{_number(version)}.json", data)

    def add_file(self, data: bytes) -> str:
        """Keep a file; its SHA-256 in hexadecimal."""
        digest = sha256(data).hexdigest()
        if not self.has_file(digest):
            self._add(f"file/{digest}", data)
        return digest

    def add_state(self, state: State) -> None:
        """Publish an epoch: last, when all that it names is here."""
        self._durable()
        self._add(f"epoch/{_number(state.epoch)}.json", state.to_bytes())
        self._durable()

    def _has(self, name: str) -> bool:
        return (self.folder / name).is_file()

    def _read(self, name: str) -> bytes:
        data = self._maybe(name)
        if data is None:
            raise BundleRefused("mixed", "A part of the trust bundle is missing; fetch it again.")
        return data

    def _maybe(self, name: str) -> bytes | None:
        try:
            handle = os.open(f"{self._place}/{name}", _READING)  # thousands of small files: no object for each
            try:
                size = os.fstat(handle).st_size
                data = os.read(handle, size + 1)
                while len(data) < size and (more := os.read(handle, size + 1 - len(data))):
                    data += more
                return data
            finally:
                os.close(handle)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DependencyError(f"The trust bundle cannot be read ({error.strerror}).") from None

    def _add(self, name: str, data: bytes) -> None:
        path = self.folder / name
        write_whole(path, data)
        self._touched.add(path.parent)

    def _durable(self) -> None:
        """Make the folders' lists of files durable: a power cut takes no part of an epoch from under it."""
        while self._touched:
            handle = os.open(self._touched.pop(), os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


class Staged(Repository):
    """What a refresh brings, held in memory above what is kept: `settle` writes it when all of it holds.

    So what is refused in the end leaves nothing behind that would stand in an honest bundle's way later.
    """

    def __init__(self, kept: Repository, *, trusting: bool = True) -> None:
        """`trusting`: whether what is kept counts; where it was damaged, everything is fetched anew."""
        super().__init__(kept.folder)
        self._kept = kept
        self._trusting = trusting
        self._held: dict[str, bytes] = {}

    def _maybe(self, name: str) -> bytes | None:
        if name in self._held:
            return self._held[name]
        return self._kept._maybe(name) if self._trusting or name.startswith("root/") else None

    def _has(self, name: str) -> bool:
        return name in self._held or (self._trusting and self._kept._has(name))

    def _add(self, name: str, data: bytes) -> None:
        self._held[name] = data

    def _durable(self) -> None:
        """Nothing here has to last; `settle` sees to what is brought over."""

    def settle(self) -> None:
        """Write everything; the epoch last, when all that it names is there for good."""
        for kind in ("file", "role", "top", "epoch"):
            if kind == "epoch":
                self._kept._durable()
            for name, data in self._held.items():
                if name.startswith(f"{kind}/"):
                    self._kept._add(name, data)
        self._kept._durable()


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. Raises `OSError`."""
    if not path.parent.is_dir():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _hex(digest: str) -> str:
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise Malformed("This is not the name of a file of the trust bundle.")
    return digest


def copy(source: Repository, target: Repository, state: State) -> None:
    """Bring everything that `state` names from one folder to the other, and the state itself last."""
    for version in range(1, state.root + 1):
        data = source.root(version)
        if data is not None and target.root(version) is None:
            target.add_root(version, data)
    for whose, version in state.tops.items():
        if not target.has_top(whose, version):
            target.add_top(whose, version, source.top(whose, version))
    for agency, version in state.roles.items():
        if not target.has_role(agency, version):
            target.add_role(agency, version, source.role(agency, version))
    for digest in sorted(p.name for p in (source.folder / "file").iterdir() if len(p.name) == 64):
        if not target.has_file(digest):
            target.add_file(source.file(digest))
    target.add_state(state)
