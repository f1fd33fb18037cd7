"""Processes of ours that hold no key and no log-in: for what strangers wrote, and for what only takes long.

`begun` starts one; it talks with us in frames over its input and output. From inside: `give_way`, `read_frame`.
"""

import asyncio
import os
import sys
from typing import IO, Final

SIZE: Final = 4
"""Bytes before each frame, that say how long it is."""
NICE: Final = 10


async def begun(module: str, *words: str) -> asyncio.subprocess.Process:
    """`python -m MODULE WORDS`, without anything of ours in its environment and without our terminal, whose Ctrl-C is
    for us. Raises `OSError` where no process, memory or file is left.
    """
    passed = {k: v for k, v in os.environ.items() if not k.startswith("SAFECONDUCT_")}  # no passphrase, no database
    # -P: a folder called `broker` where we were started is no module of ours
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", module, *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=passed,
        start_new_session=True,
    )


def frame(data: bytes) -> bytes:
    """These bytes as they are written."""
    return len(data).to_bytes(SIZE, "big") + data


def read_frame(reading: IO[bytes]) -> bytes | None:
    """The next frame; None where the input ends, also in the middle of one."""
    head = reading.read(SIZE)
    data = reading.read(int.from_bytes(head, "big"))
    return data if len(head) == SIZE and len(data) == int.from_bytes(head, "big") else None


def give_way() -> None:
    """Go behind deliveries, for as long as this process runs."""
    os.nice(NICE)
