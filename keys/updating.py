"""An agency's copy of the trust bundle: fetched with python-tuf's own client, verified, kept, and opened again offline.

Promises. Nothing is taken that python-tuf's client or `keys.bundle` refuses; what is refused is named, and the bundle
before it stays in use. A refresh that breaks off anywhere leaves the copy as it was. Every epoch that was ever taken
stays, with its signatures, so that any past moment can be proved again. Two processes do not refresh at once.

    FOLDER/root.json      the root metadata that was installed by hand
    FOLDER/repository/    everything that was taken (`keys.repository`); what python-tuf's client remembers is in it
"""

import io
import os
import shutil
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from hashlib import sha256
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote, urlsplit

from tuf.api.exceptions import DownloadError, DownloadHTTPError, DownloadLengthMismatchError
from tuf.ngclient import Updater, UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface

from keys.bundle import Verifier, first_root, line, listing, next_root
from keys.content import FILE_BYTES
from keys.epochs import extract_leaf
from keys.loading import all_stays
from keys.metadata import (
    FULL,
    METADATA_BYTES,
    ROOT_BYTES,
    Audience,
    Metadata,
    MetaFile,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
    expiry,
    ours,
    parse,
    payload,
    refusal,
    role_keys,
    signers,
)
from keys.repository import Repository, Staged, State, write_whole
from messages import cbor
from messages.directory import Bundle
from messages.errors import BadInput, BundleRefused, DependencyError, Malformed
from messages.ids import AgencyHandle
from messages.limits import CLOCK_SKEW

try:
    import fcntl
except ImportError:  # pragma: no cover - not a POSIX system: two refreshes at once are not held apart there
    fcntl = None  # type: ignore[assignment]

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 10.0
REFRESH_SECONDS: Final = 120.0
"""The longest a whole download may take: a server that sends one byte at a time cannot hold a refresh for ever."""
LARGEST: Final = max(FILE_BYTES, METADATA_BYTES)
"""The most bytes of one file, whatever length the broker's own signature announces."""
EPOCHS_AHEAD: Final = 10_000
"""The most epochs that one refresh may skip: a number that runs ahead would make every honest one look older."""
_CHUNK: Final = 64 * 1024
_ERROR_BYTES: Final = 1024
_SCRATCH: Final = ".refresh-"
_TIMESTAMP: Final = "metadata/timestamp.json"
_MEMORY: Final = Path("/dev/shm")  # noqa: S108  Linux; the folder made there is of mode 0700


@dataclass(frozen=True, slots=True)
class Taken:
    """What a refresh found: the bundle, and whether it is another one than before."""

    bundle: Bundle
    changed: bool


class _InMemory(FetcherInterface):
    """The library's fetcher would put each download into a file of its own; ours are small, and bounded."""

    @contextmanager
    def download_file(self, url: str, max_length: int) -> Iterator[IO[bytes]]:
        """What lies at `url`, or `DownloadLengthMismatchError` where it is more than `max_length` bytes."""
        held = io.BytesIO()
        for chunk in self.fetch(url):
            if held.tell() + len(chunk) > max_length:
                raise DownloadLengthMismatchError("more than was announced")
            held.write(chunk)
        held.seek(0)
        yield held


class HttpFetcher(_InMemory):
    """Fetches over HTTP(S), each request signed by `authorize(method, host, path)`; follows no redirect.

    A body is taken as it is: nothing is unpacked. Whatever breaks off is a `DownloadError`.
    """

    def __init__(self, authorize: Callable[[str, str, str], str], tls: ssl.SSLContext | None = None) -> None:
        self._authorize = authorize
        self._tls = tls
        self._line: HTTPConnection | None = None
        self._origin = ""
        self._late = False

    @contextmanager
    def hurrying(self) -> Iterator[None]:
        """While the block runs, for `REFRESH_SECONDS` at most: then connections are cut, however slowly they drip."""
        self._late = False
        timer = threading.Timer(REFRESH_SECONDS, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        self._late = True
        line = self._line
        if line is not None and line.sock is not None:
            try:
                socket.socket.shutdown(line.sock, socket.SHUT_RDWR)  # the connection itself, below any TLS
            except OSError:
                return  # it has ended already

    def _fetch(self, url: str) -> Iterator[bytes]:
        response = self._response(url)
        if response.status == 200:
            return self._chunks(response)
        if response.length is not None and response.length <= _ERROR_BYTES:
            response.read()
        else:
            self.close()  # of an error's body nothing is wanted
        raise DownloadHTTPError("The server did not give it.", response.status)

    def _response(self, url: str) -> HTTPResponse:
        origin = urlsplit(url)._replace(path="", query="", fragment="").geturl()
        reused = self._line is not None and self._origin == origin
        try:
            return self._asked(url, origin)
        except (ConnectionError, HTTPException):
            if not reused:
                raise
            self.close()
            return self._asked(url, origin)  # the server had closed a connection that was idle

    def _asked(self, url: str, origin: str) -> HTTPResponse:
        parts = urlsplit(url)
        path = quote(parts.path, safe="/%")
        try:
            line = self._connected(origin)
            header = self._authorize("GET", parts.netloc, path)
            line.request("GET", path, headers={"Host": parts.netloc, "Authorization": header})
            return line.getresponse()
        except BaseException:
            self.close()
            raise

    def _connected(self, origin: str) -> HTTPConnection:
        line = self._line
        if line is None or line.sock is None or self._origin != origin:
            self.close()
            parts = urlsplit(origin)
            host = parts.hostname or ""
            if parts.scheme == "https":
                line = HTTPSConnection(host, parts.port, timeout=CONNECT_SECONDS, context=self._tls)
            else:
                line = HTTPConnection(host, parts.port, timeout=CONNECT_SECONDS)
            self._line, self._origin = line, origin
            line.connect()
            line.sock.settimeout(READ_SECONDS)
        if self._late:
            raise TimeoutError
        return line

    def _chunks(self, response: HTTPResponse) -> Iterator[bytes]:
        whole, size = False, 0
        try:
            while chunk := response.read1(_CHUNK):
                size += len(chunk)
                if size > LARGEST:
                    raise DownloadLengthMismatchError("more than a file of the trust bundle can be")
                yield chunk
            if response.length or self._late:
                raise TimeoutError
            response.close()  # else the connection counts as busy, and every file would get a new one
            whole = True
        except (OSError, HTTPException) as error:
            raise DownloadError("The download broke off.") from error
        finally:
            if not whole:
                self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._line is not None:
            self._line.close()
        self._line = None


class FolderFetcher(_InMemory):
    """Reads a TUF repository that lies in a folder, as it comes on a stick."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = (self._folder / urlsplit(url).path.lstrip("/")).resolve()
        if not path.is_relative_to(self._folder) or not path.is_file():
            raise DownloadHTTPError("It is not there.", 404)
        return self._chunks(path)

    @staticmethod
    def _chunks(path: Path) -> Iterator[bytes]:
        try:
            if path.stat().st_size > LARGEST:
                raise DownloadLengthMismatchError("more than a file of the trust bundle can be")
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
        except OSError as error:
            raise DownloadError("The folder cannot be read.") from error


class _Ahead(_InMemory):
    """Gives what was fetched already, each once; everything else is fetched as it would have been."""

    def __init__(self, fetcher: FetcherInterface, ahead: Mapping[str, bytes | None]) -> None:
        """`ahead`: by URL; None where the server said that there is nothing."""
        self._fetcher = fetcher
        self._ahead = dict(ahead)

    def _fetch(self, url: str) -> Iterator[bytes]:
        if url not in self._ahead:
            return self._fetcher.fetch(url)
        data = self._ahead.pop(url)
        if data is None:
            raise DownloadHTTPError("The server did not give it.", 404)
        return iter((data,))


def _news(url: str, epoch: int, fetcher: FetcherInterface) -> dict[str, bytes | None]:
    """What a broker says is new since `epoch`, by URL: as good as fetched one by one, and as little trusted.

    Where there are no news to be had (on a stick, from an older broker), the timestamp alone. Raises what the fetcher
    raises.
    """
    try:
        value = cbor.load(fetcher.download_bytes(f"{url}/news/{epoch}", LARGEST), LARGEST, "news")
    except (DownloadHTTPError, Malformed) as error:
        if isinstance(error, DownloadHTTPError) and error.status_code != 404:
            raise
        value = None
    if type(value) is dict and all(data is None or type(data) is bytes for data in value.values()):
        return {f"{url}/{path}": data for path, data in value.items()}
    wanted = f"{url}/{_TIMESTAMP}"
    return {wanted: fetcher.download_bytes(wanted, UpdaterConfig().timestamp_max_length)}


class TrustCopy:
    """The copy in `folder` for one audience. Not for two threads at once."""

    def __init__(self, folder: Path, audience: Audience) -> None:
        self.folder = folder
        self.audience = audience
        self.repository = Repository(folder / "repository")
        try:
            self._root = (folder / "root.json").read_bytes()
        except OSError:
            raise BadInput(f"{folder} lacks root.json; install the task force's root of trust first.") from None
        self._first = first_root(self._root)
        self._verifier = Verifier(self._root, audience)
        self._opened: tuple[State, Bundle] | None = None  # the newest state that was opened, and what it gave

    def load(self) -> Bundle:
        """The newest bundle that was taken, verified again. Its `expires` counts the online signatures too.

        Raises `BadInput` where none was taken yet, `BundleRefused` or `Malformed` where the copy was damaged.
        """
        state = self.repository.newest()
        if state is None:
            raise BadInput("No trust bundle has been fetched yet; run: safeconduct bundle refresh")
        with all_stays():
            return self._open(state)

    def at(self, moment: int) -> tuple[State, Bundle]:
        """The state that was newest at `moment`, and its bundle, proved again; `BadInput` where none was taken yet."""
        for epoch in reversed(self.repository.epochs()):
            state = self.repository.state(epoch)
            if state.at <= moment:
                return state, self._open(state)
        raise BadInput("No trust bundle of that day is kept here.")

    def _open(self, state: State) -> Bundle:
        bundle = self._verifier.open(self.repository, state)
        if self.audience != FULL or state.online:  # else it is the officers' and the broker's own folder
            bundle = self._vouched(bundle, state, self.repository)
        self._opened = state, bundle
        return bundle

    def _vouched(
        self,
        bundle: Bundle,
        state: State,
        repository: Repository,
        read: tuple[Metadata[Snapshot], Metadata[Timestamp]] | None = None,
    ) -> Bundle:
        """The bundle with its `expires` as far as snapshot and timestamp last, if they name just this state. `read` is
        what these two say, where python-tuf's client has verified them just now.
        """
        root = self._verifier.root_at(repository, state.root)
        snapshot, timestamp = read or (
            parse(state.online.get("snapshot", b""), Snapshot, "snapshot"),
            parse(state.online.get("timestamp", b""), Timestamp, "timestamp"),
        )
        if read is None:
            by_timestamp = signers(timestamp, role_keys(root, "timestamp"), payload(timestamp))
            by_snapshot = signers(snapshot, role_keys(root, "snapshot"), payload(snapshot))
            roles = root.signed.roles
            if len(by_timestamp) < roles["timestamp"].threshold or len(by_snapshot) < roles["snapshot"].threshold:
                raise BundleRefused("unsigned", "The kept trust bundle lacks the broker's signature; fetch it again.")
        named = _state(snapshot, timestamp, state.root, self.audience, state.online)
        digests = {name.removesuffix(".json"): _hash(meta) for name, meta in snapshot.signed.meta.items()}
        top = digests.pop("targets")
        lines = [line(AgencyHandle(name), digest) for name, digest in digests.items()]
        leaf = extract_leaf(self.audience, listing(self.audience, top, lines))
        if named != replace(state, steps=()) or leaf != bundle.digest:
            raise BundleRefused("mixed", "The kept trust bundle is not one whole; fetch it again.")
        return replace(bundle, expires=min(bundle.expires, expiry(timestamp.signed), expiry(snapshot.signed)))

    def _sound(self) -> State | None:
        """The newest state if it still holds; None where there is none, or where the copy was damaged."""
        try:
            state = self.repository.newest()
            if state is not None and (self._opened is None or state != self._opened[0]):
                self._open(state)
        except (BundleRefused, Malformed):
            return None
        return state

    def refresh(self, url: str, fetcher: FetcherInterface) -> Taken:
        """Fetch the newest bundle from `url` (…/metadata/ and …/targets/ lie under it), verify and keep it.

        Raises `BundleRefused` naming what was tried, or `DependencyError` where it could not be fetched or kept; the
        bundle before stays in use.
        """
        limit: AbstractContextManager[None] = nullcontext()
        if isinstance(fetcher, HttpFetcher):
            limit = fetcher.hurrying()
        with _alone(self.folder), limit:
            try:
                for left in self.folder.glob(f"{_SCRATCH}*"):
                    shutil.rmtree(left)
                with tempfile.TemporaryDirectory(dir=_quick(self.folder), prefix=_SCRATCH) as scratch:
                    return self._refresh(url.rstrip("/"), fetcher, Path(scratch))
            except Exception as error:
                raise refusal(error) from None

    def _unchanged(self, before: State | None, url: str, fetcher: FetcherInterface) -> Taken | FetcherInterface:
        """Where the very timestamp is offered that was verified before and still holds, nothing is newer: what we have.
        Else the fetcher to go on with, which does not fetch again what came with it.
        """
        if before is not None and (self._opened is None or self._opened[0] != before):
            return fetcher
        try:
            news = _news(url, before.epoch if before is not None else 0, fetcher)
        except (DownloadError, OSError):
            return fetcher  # the client says what is wrong; and first it looks for a new root, which may end a key
        if before is not None and self._opened is not None:
            bundle, offered = self._opened[1], news.get(f"{url}/{_TIMESTAMP}")
            known = before.online.get("timestamp")
            if offered is not None and offered == known and time.time_ns() // 1_000_000 < bundle.expires:
                return Taken(bundle, False)
        return _Ahead(fetcher, news)

    def _refresh(self, url: str, fetcher: FetcherInterface, scratch: Path) -> Taken:
        before = self._sound()
        found = self._unchanged(before, url, fetcher)
        if isinstance(found, Taken):
            return found
        fetcher = found
        # Where the copy was damaged, all is fetched anew; an older epoch than the newest kept one is a rollback still.
        staged = Staged(self.repository, trusting=before is not None)
        client, files = scratch / "client", scratch / "files"
        files.mkdir()
        self._remind(client, before)
        config = UpdaterConfig(
            root_max_length=ROOT_BYTES, targets_max_length=METADATA_BYTES, snapshot_max_length=METADATA_BYTES
        )
        updater = Updater(
            str(client),
            f"{url}/metadata/",
            str(files),
            f"{url}/targets/",
            fetcher=fetcher,
            config=config,
            bootstrap=self._root,
        )
        try:
            updater.refresh()
        finally:
            self._keep_roots(client)
        parts = {name: (client / f"{name}.json").read_bytes() for name in ("timestamp", "snapshot", "targets")}
        snapshot = parse(parts["snapshot"], Snapshot, "snapshot")
        timestamp = parse(parts["timestamp"], Timestamp, "timestamp")
        newest = max(int(p.name.split(".")[0]) for p in (client / "root_history").glob("*.root.json"))
        online = {"snapshot": parts["snapshot"], "timestamp": parts["timestamp"]}
        state = _state(snapshot, timestamp, newest, self.audience, online)
        self._not_older(state, before)
        if staged.has_top(self.audience, state.tops[self.audience]):
            _same(staged.top(self.audience, state.tops[self.audience]), parts["targets"])
        else:
            self._keep_files(updater, parse(parts["targets"], Targets, "top"), staged, {})
            staged.add_top(self.audience, state.tops[self.audience], parts["targets"])
        for agency, version in state.roles.items():
            named = snapshot.signed.meta[f"{agency}.json"]
            known = self._verifier.digest_of(agency, version) if before is not None else None
            if known is None and staged.has_role(agency, version):
                known = sha256(staged.role(agency, version)).digest()
            if known is not None:
                if known != _hash(named):
                    raise _mixed()
                continue
            info = updater.get_targetinfo(f"contacts/{agency}.json")
            path = client / f"{agency}.json"
            if info is None or not path.is_file():
                raise _mixed()
            data = path.read_bytes()
            path.unlink()
            role = parse(data, Targets, "list of contacts")
            if role.signed.version != version or named.version != version:
                raise _mixed()
            self._keep_files(updater, role, staged, {info.path: info})
            staged.add_role(agency, version, data)
        try:
            bundle = self._vouched(self._verifier.open(staged, state), state, staged, (snapshot, timestamp))
        except Exception:
            self._verifier = Verifier(self._root, self.audience)  # what it took for verified is not what is kept
            raise
        changed = before is None or (before.epoch, before.tops, before.roles) != (state.epoch, state.tops, state.roles)
        if before is None or changed or (before.root, before.online) != (state.root, state.online):
            staged.add_state(state)
            staged.settle()
        self._opened = state, bundle
        return Taken(bundle, changed)

    def _remind(self, client: Path, before: State | None) -> None:
        """Tell python-tuf's client what was taken last, so that it refuses anything older."""
        history = client / "root_history"
        history.mkdir(parents=True)
        start = self._first.signed.version + 1
        for version, data in enumerate(self.repository.roots(start), start):
            (history / f"{version}.root.json").write_bytes(data)
        if before is not None:
            for name, data in before.online.items():
                (client / f"{name}.json").write_bytes(data)
            (client / "targets.json").write_bytes(self.repository.top(self.audience, before.tops[self.audience]))

    def _keep_roots(self, client: Path) -> None:
        """Keep each new root that its predecessors' holders signed, even if the rest is refused: it may end a key."""
        found = {int(p.name.split(".")[0]): p.read_bytes() for p in (client / "root_history").glob("*.root.json")}
        if all(self.repository.root(version) == data for version, data in found.items()):
            return
        root = self._first
        self.repository.add_root(root.signed.version, self._root)
        while (data := found.get(root.signed.version + 1)) is not None:
            root = next_root(root, data)
            self.repository.add_root(root.signed.version, data)

    def _not_older(self, state: State, before: State | None) -> None:
        kept = self.repository.epochs()
        if kept and state.epoch < kept[-1]:
            raise BundleRefused("rolled-back", "An older trust bundle than ours was offered. Tell the officers.")
        if state.at > time.time_ns() // 1_000_000 + CLOCK_SKEW:
            raise BundleRefused(
                "mixed", "A trust bundle of the future was offered: check the clock, tell the officers."
            )
        if before is None:
            return
        if state.epoch > before.epoch + EPOCHS_AHEAD:
            raise BundleRefused("mixed", "A trust bundle of an epoch far ahead was offered. Tell the officers.")
        if state.epoch > before.epoch and state.at < before.at:
            raise BundleRefused("rolled-back", "A trust bundle dated before ours was offered. Tell the officers.")
        one, other = (replace(s, root=0, steps=(), online={}) for s in (state, before))
        if state.epoch == before.epoch and one != other:
            raise _mixed()

    @staticmethod
    def _keep_files(
        updater: Updater, metadata: Metadata[Targets], staged: Staged, found: Mapping[str, TargetFile]
    ) -> None:
        """Download what `metadata` names and is not here; `found` are those that the client has found already."""
        for path, target in metadata.signed.targets.items():
            if set(target.hashes) != {"sha256"}:
                raise BundleRefused("unreadable", "The trust bundle names a file without its SHA-256.")
            if not staged.has_file(target.hashes["sha256"]):
                info = found.get(path) or updater.get_targetinfo(path)
                if info is None or info.hashes != target.hashes:
                    raise BundleRefused("mixed", "A file of the trust bundle is named twice. Tell the officers.")
                staged.add_file(Path(updater.download_target(info)).read_bytes())


def _state(
    snapshot: Metadata[Snapshot],
    timestamp: Metadata[Timestamp],
    root: int,
    audience: Audience,
    online: Mapping[str, bytes],
) -> State:
    """The state that a snapshot names, or raise `BundleRefused` where it was made for another audience."""
    told = ours(snapshot.signed)
    if told.get("for") != audience:
        raise BundleRefused("not-for-us", "This extract of the trust bundle was made for another agency.")
    epoch, at = told.get("epoch"), told.get("at")
    if type(epoch) is not int or type(at) is not int:
        raise Malformed("The snapshot of the trust bundle names no epoch.")
    if timestamp.signed.snapshot_meta.version != snapshot.signed.version or "targets.json" not in snapshot.signed.meta:
        raise _mixed()
    meta = {name.removesuffix(".json"): m.version for name, m in snapshot.signed.meta.items()}
    return State(
        epoch=epoch,
        at=at,
        root=root,
        tops={audience: meta.pop("targets")},
        roles={AgencyHandle(name): version for name, version in meta.items()},
        online=online,
    )


def _quick(folder: Path) -> Path:
    """Where the client's scratch files lie: in memory where the system has a place for that, for our user alone."""
    return _MEMORY if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK | os.X_OK) else folder


def _mixed() -> BundleRefused:
    return BundleRefused("mixed", "Parts of different trust bundles were offered together. Tell the officers.")


def _same(kept: bytes, offered: bytes) -> None:
    if kept != offered:
        raise _mixed()


def _hash(meta: MetaFile) -> bytes:
    """The SHA-256 by which a snapshot names a part, or raise `BundleRefused`: the version alone is not enough."""
    try:
        return bytes.fromhex((meta.hashes or {})["sha256"])
    except (KeyError, ValueError):
        raise BundleRefused("unreadable", "The trust bundle names a part without its SHA-256.") from None


def install_root(folder: Path, data: bytes) -> None:
    """Install the root of trust that somebody brought: `BundleRefused` if it is none, `BadInput` if one is there."""
    first_root(data)
    path = folder / "root.json"
    if path.exists() and path.read_bytes() != data:
        raise BadInput(f"{path} holds another root of trust; remove it by hand if it is to be replaced.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(path, data)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; raises `DependencyError` while another process refreshes."""
    if fcntl is None:
        yield
        return
    try:
        file = (folder / ".lock").open("wb")
    except OSError as error:
        raise DependencyError(f"The trust bundle cannot be stored ({error.strerror}).") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DependencyError("Another process is fetching the trust bundle just now; try again.") from None
        yield
