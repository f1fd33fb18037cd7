"""A PostgreSQL server of Debian's package for the time of a block, on a port of its own, with nothing kept."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.ports import free

_FOUND = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
PROGRAMS = _FOUND[-1].parent if _FOUND else None

needs_postgresql = pytest.mark.skipif(
    PROGRAMS is None or find_spec("pg8000") is None,
    reason="PostgreSQL is not installed (Debian: postgresql; Python: pg8000)",
)


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of an empty database. The server does not run as root: then as the user that the package made."""
    assert PROGRAMS is not None
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="sc-pg-"))
    port = free(1)[0]
    try:
        if user is not None:
            shutil.chown(folder, user)
        data = folder / "data"
        subprocess.run(
            [PROGRAMS / "initdb", "-D", data, "-U", "safeconduct", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True, capture_output=True, user=user, cwd=folder,
        )  # fmt: skip
        options = f"-p {port} -h 127.0.0.1 -k {folder} -c fsync=off"
        control = [PROGRAMS / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
        subprocess.run([*control, "-o", options, "start"], check=True, capture_output=True, user=user, cwd=folder)
        try:
            yield f"postgresql://safeconduct@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run(
                [*control, "-m", "immediate", "stop"], check=True, capture_output=True, user=user, cwd=folder
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
