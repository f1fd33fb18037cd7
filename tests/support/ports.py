"""Ports that a test has to know before its servers run. Every other server in the tests lets the system choose."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

FIRST: Final = 12_000
"""Below what the system itself gives away, so that nobody's connection takes one between our look and the server."""
EACH: Final = 400
"""To each process of a run that has several, ports of its own."""


def _ours() -> Iterator[int]:
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 40
    while True:
        yield from range(FIRST + number * EACH, FIRST + (number + 1) * EACH)


_next: Final = _ours()


def free(count: int) -> list[int]:
    """So many ports of this machine that nobody listens on; no two calls in a row give the same ones."""
    found: list[int] = []
    for _ in range(EACH):
        port = next(_next)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("all ports for tests are taken")
