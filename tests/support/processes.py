"""Safeconduct's own processes for tests: started as a person would, waited for by what they say, never by time."""

import atexit
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from cli.services import READY
from cli.warm import Running, Warm

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
    process.wait(timeout=30)
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
