"""Safeconduct's own processes for tests: started as a person would, waited for by what they say, never by time."""

import asyncio
import atexit
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import IO, Any
from unittest import mock

from cli.services import READY
from cli.warm import Running, Warm
from tests.support.patience import PATIENCE

ROOT = Path(__file__).resolve().parent.parent.parent
ACTORS = ROOT / "examples" / "operation-orchid" / "actors.py"


def environment() -> dict[str, str]:
    """Ours, with this tree's code first and without settings that would reach the commands."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SAFECONDUCT_")}
    return {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}


def start(*arguments: str, log: Path) -> Running:
    """`safeconduct ARGUMENTS` as a process of its own, ready to be used."""
    with log.open("ab") as sink:
        process = _warm().start(arguments, sink)
    line = process.said_first()
    assert line.startswith(READY), (arguments, line, log.read_text(errors="replace")[-2000:])
    return process


def stop(process: Running, number: int = signal.SIGTERM) -> None:
    """Stop one process that `start` made, and wait for its end."""
    if process.poll() is None:
        process.send_signal(number)
    process.wait(timeout=PATIENCE)
    process.stdout.close()


@contextmanager
def service(*arguments: str, log: Path) -> Iterator[Running]:
    """A service for the time of the block."""
    process = start(*arguments, log=log)
    try:
        yield process
    finally:
        stop(process)


@cache
def _warm() -> Warm:
    warm = Warm(environment(), str(ROOT))
    atexit.register(warm.close)
    return warm


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """One command as a process of its own, to its end."""
    code, out, err = _warm().run(arguments)
    return subprocess.CompletedProcess(arguments, code, out, err)


def actor(*arguments: str) -> Running:
    """One of the example's people who do not go through the command."""
    with Path(os.devnull).open("wb") as nowhere:
        return _warm().start(arguments, nowhere, script=ACTORS)


def told(process: Running) -> list[dict[str, Any]]:
    """What an actor told until its end, one JSON object a line."""
    lines = list(process.stdout)
    assert process.wait(timeout=120) == 0
    process.stdout.close()
    return [json.loads(line) for line in lines if line.startswith("{")]


@contextmanager
def forking() -> Iterator[None]:
    """What is started in the block through asyncio as `python -m MODULE …` is forked from the process that has loaded
    the program, and loads MODULE once for all of them.
    """
    with mock.patch.object(asyncio, "create_subprocess_exec", partial(_begun, asyncio.create_subprocess_exec)):
        yield


async def _begun(otherwise: Callable[..., Awaitable[Any]], *words: str, **how: Any) -> Any:
    if words[:2] != (sys.executable, "-m"):
        return await otherwise(*words, **how)
    return await Forked.begin(*words[2:], **how)


class Forked:
    """A forked process as asyncio would tell of it, as far as anybody asks."""

    def __init__(self, running: Running, stdin: IO[bytes], stdout: asyncio.StreamReader) -> None:
        self.pid, self.stdin, self.stdout = running.pid, stdin, stdout
        self._running, self._told = running, running.fileno()
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(self._told, self._look)

    @classmethod
    async def begin(
        cls,
        module: str,
        *arguments: str,
        stdout: int,
        stderr: IO[bytes] | int | None = None,
        stdin: int | None = None,
        env: dict[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        cwd: Path = ROOT,
        limit: int = 1 << 16,
    ) -> "Forked":
        """`python -m MODULE ARGUMENTS`, its standard output a pipe, its standard input one or nothing."""
        assert stdout == subprocess.PIPE and stdin in (None, subprocess.PIPE) and cwd == ROOT
        assert not isinstance(stderr, int) or stderr == subprocess.DEVNULL
        reads, writes = os.pipe()
        given = os.fdopen(writes, "wb", buffering=0)
        if stdin is None:
            given.close()
        with Path(os.devnull).open("wb") as nowhere:
            err = sys.__stderr__ if stderr is None else nowhere if isinstance(stderr, int) else stderr
            running = _warm().start(
                arguments,
                err,
                module=None if module == "cli.main" else module,
                stdin=reads,
                env=env,
                pass_fds=pass_fds,
            )
        os.close(reads)
        said = asyncio.StreamReader(limit=limit)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(said), running.stdout)
        return cls(running, given, said)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._told)
        code = self._running.poll()
        if code is None:  # it has only begun to end
            loop.add_reader(self._told, self._look)
        else:
            self.stdin.close()
            self._ended.set_result(code)

    @property
    def returncode(self) -> int | None:
        return self._ended.result() if self._ended.done() else None

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    def send_signal(self, number: int) -> None:
        if not self._ended.done():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)
