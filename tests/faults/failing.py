"""`safeconduct` in which the next write to the disk fails, whenever SIGUSR1 says so: `python -m tests.faults.failing`.

The failure comes where data is made durable or a file is put in its place (fsync, rename): after whatever was written.
"""

import errno
import os
import signal
from typing import Any

from cli.main import run_app

_due = False


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


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _arm)
    os.fsync, os.replace, os.rename = _failing(os.fsync), _failing(os.replace), _failing(os.rename)
    run_app()
