"""Commands as processes of their own without each of them loading the program first.

    with Warm() as warm:
        code, text, error = warm.run(["inbox", "list", "--json"])
        code, text, error = warm.run(["rogue", "stale"], script=Path("actors.py"))

One process loads `cli.main`, catalogue and rules, and does nothing else; each command is forked from it, so it has its
own memory, files, end and exit code, as if started by hand, and costs a fiftieth of the time. For whoever runs many:
demonstration and tests.
"""

import fcntl
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, NamedTuple, Self, TextIO

from messages.catalogue import loader as catalogue
from messages.errors import DependencyError
from policies.decide import Engine

PATIENCE: Final = 120.0
_REQUEST: Final = 1 << 18
_DESCRIPTORS: Final = 16


class _Program(NamedTuple):
    """What is run, in which environment: the command, or a Python file, or a module."""

    arguments: Sequence[str]
    script: Path | None = None
    module: str | None = None
    env: dict[str, str] | None = None


class Warm:
    """The process that has loaded the program. Not for a process that has threads of its own forked from it."""

    def __init__(self, env: Mapping[str, str] | None = None, cwd: str | None = None) -> None:
        """`env` and `cwd` are those of every command."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cli.warm", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=None if env is None else dict(env),
                cwd=cwd,
            )
        self._socket = ours

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it; commands that run still go on to their end."""
        self._socket.close()
        self._process.wait()

    def run(
        self, arguments: Sequence[str], patience: float = PATIENCE, script: Path | None = None
    ) -> tuple[int, str, str]:
        """One command to its end: exit code (negative: by which signal), standard output, standard error. With `script`
        it is this Python file that is run, as `python SCRIPT ARGUMENTS` would.

        Raises `DependencyError` if it takes longer than `patience` seconds (and ends it), or cannot be started. May be
        called from several threads at once.
        """
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            status = self._fork(_Program(arguments, script), {1: out.fileno(), 2: err.fileno()})
            try:
                code = _ended(status, patience)
            finally:
                os.close(status)
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode(errors="replace"))
        return code, texts[0], texts[1]

    def start(
        self,
        arguments: Sequence[str],
        err: IO[bytes],
        script: Path | None = None,
        *,
        module: str | None = None,
        stdin: int | None = None,
        env: dict[str, str] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> "Running":
        """One service, or with `script` that file, or with `module` what `python -m` would run, whose standard error
        goes to `err`; it runs until it ends or is stopped.

        `stdin` is what it reads (nothing, if not given), `env` its environment (else that of every command), and
        `pass_fds` are descriptors that it finds open under the same numbers.
        """
        reads, writes = os.pipe()
        descriptors = {1: writes, 2: err.fileno(), **{fd: fd for fd in pass_fds}}
        if stdin is not None:
            descriptors[0] = stdin
        try:
            status = self._fork(_Program(arguments, script, module, env), descriptors)
        except DependencyError:
            os.close(reads)
            raise
        finally:
            os.close(writes)
        return Running(status, os.fdopen(reads))

    def _fork(self, program: "_Program", descriptors: Mapping[int, int]) -> int:
        """Have a command forked that finds these descriptors of ours open under those numbers; the pipe that tells its
        process id, and at its end its exit code.
        """
        request = json.dumps([*program, list(descriptors)], default=str).encode()
        if len(request) > _REQUEST:
            raise DependencyError("The command line is too long.")
        status, told = os.pipe()
        try:
            socket.send_fds(self._socket, [request], [told, *descriptors.values()])
        except OSError:
            os.close(status)
            raise DependencyError("The process that commands are forked from has ended.") from None
        finally:
            os.close(told)
        return status


class Running:
    """A service that was forked: what `subprocess.Popen` of it would offer, as far as anybody asks."""

    def __init__(self, status: int, stdout: TextIO) -> None:
        self._status = status
        self._said = b""
        self.stdout = stdout
        self.returncode: int | None = None
        while b" " not in self._said:
            if not (more := os.read(status, 64)):
                raise DependencyError("A service could not be started.")
            self._said += more
        self.pid = int(self._said.split()[0])

    def fileno(self) -> int:
        """What can be waited for with `select` and its like: there is something to read once it has ended."""
        return self._status

    def said_first(self, patience: float = PATIENCE) -> str:
        """The first line that it says, by which a service tells that it can be used; "" where none comes in time."""
        return self.stdout.readline() if select.select([self.stdout], [], [], patience)[0] else ""

    def stop(self, patience: float = 15.0) -> None:
        """Ask it to end, and after `patience` seconds see to it."""
        self.terminate()
        try:
            self.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            self.wait()
        self.stdout.close()

    def poll(self) -> int | None:
        """The exit code (negative: it was killed), or None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, or `subprocess.TimeoutExpired` after so many seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            left = None if until is None else max(0.0, until - time.monotonic())
            if not select.select([self._status], [], [], left)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
            more = os.read(self._status, 64)
            self._said += more
            if not more:
                os.close(self._status)
                self.returncode = _code(self._said)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs: its number may have become another's."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def _code(said: bytes) -> int:
    words = said.split()
    # A process that could not say its code was killed.
    return int(words[1]) if len(words) == 2 else -signal.SIGKILL


def _ended(status: int, patience: float) -> int:
    """The exit code that comes through the pipe after the process id."""
    said, until = b"", time.monotonic() + patience
    while True:
        ready, _, _ = select.select([status], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            if said:
                os.kill(int(said.split()[0]), signal.SIGKILL)
            raise DependencyError("A command did not come to its end.")
        more = os.read(status, 64)
        if not more:
            return _code(said)
        said += more


def serve(number: int) -> None:
    """Fork a command for each request on this socket, until its other end closes."""
    from cli.main import program, run_app

    list(program().commands.values())  # each is read when it is asked for
    catalogue.load()
    Engine.load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them: they tell their end themselves
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    gc.freeze()  # it stays as it is in each of them
    with socket.socket(fileno=number) as requests:
        while True:
            data, fds, _, _ = socket.recv_fds(requests, _REQUEST, 1 + _DESCRIPTORS)
            if not data:
                return
            *asked, numbers = json.loads(data)
            one = _Program(*asked)
            if one.module is not None:
                with suppress(Exception):  # that is said by the process that was asked for
                    runpy.run_module(one.module)  # so that it and the next find loaded what it imports
            if os.fork() == 0:
                requests.close()
                _become(one, _opened(fds, numbers), run_app)
            for fd in fds:
                os.close(fd)


def _opened(fds: Sequence[int], numbers: Sequence[int]) -> int:
    """Open all but the first of these descriptors under the numbers that they are to have; the first, under one that no
    program of its own finds open.
    """
    above = max([2, *fds, *numbers]) + 1
    told, *kept = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, above) for fd in fds)
    for fd in fds:
        os.close(fd)
    for fd, number in zip(kept, numbers, strict=True):
        os.dup2(fd, number)
        os.close(fd)
    return told


def _become(one: _Program, told: int, command: Callable[[], object]) -> None:
    """Be this program, in a process just forked; does not return. `command` is what runs ours."""
    code = 1
    try:
        os.write(told, b"%d " % os.getpid())
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if one.env is not None:
            os.environ.clear()
            os.environ.update(one.env)
        sys.argv = [str(one.script or one.module or "safeconduct"), *one.arguments]
        sys.modules["__main__"].__package__ = None  # else help texts call the program "python -m cli.warm"
        if one.script is not None:
            runpy.run_path(str(one.script), run_name="__main__")
        elif one.module is not None:
            runpy.run_module(one.module, run_name="__main__", alter_sys=True)
        else:
            command()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        try:
            for stream in (sys.stdout, sys.stderr):
                if not stream.closed:
                    stream.flush()
            os.write(told, b"%d" % code)
        finally:
            os._exit(code)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
