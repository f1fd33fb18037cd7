"""`safeconduct` with two faults to be had by a signal: `python -m tests.faults.failing`.

SIGUSR1: the next write to the disk fails. The failure comes where data is made durable or a file is put in its place
(fsync, rename): after whatever was written.

SIGRTMIN + n: the clock jumps by `JUMPS[n]`, and SIGUSR2 puts it right again.
"""

import errno
import os
import signal
import time
from typing import Any, Final

from cli.main import run_app

JUMPS: Final = (-110, -50, 50, 110)
"""Seconds. Within what a message may lie in the future (120), so that none is rightly refused; the outer ones are more
than a login may be off (60), so that no new login is granted meanwhile."""

_due = False
_ahead = 0
_true_time_ns = time.time_ns


def _arm(*_: object) -> None:
    global _due
    _due = True


def _failing(whole: Any) -> Any:
    def call(*arguments: Any, **named: Any) -> Any:
        global _due
        if _due:
            _due = False
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return whole(*arguments, **named)

    return call


def _jump(number: int, _: object) -> None:
    global _ahead
    _ahead = 0 if number == signal.SIGUSR2 else JUMPS[number - signal.SIGRTMIN] * 1_000_000_000


def _time_ns() -> int:
    return _true_time_ns() + _ahead


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _arm)
    for number in (signal.SIGUSR2, *(signal.SIGRTMIN + n for n in range(len(JUMPS)))):
        signal.signal(number, _jump)
    time.time_ns = _time_ns
    os.fsync, os.replace, os.rename = _failing(os.fsync), _failing(os.replace), _failing(os.rename)
    run_app()
