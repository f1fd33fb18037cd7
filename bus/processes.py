"""Processes of ours beside this one: for what strangers wrote, for what only takes long, and for the bytes of files.

`begun` starts one; it talks with us in frames over its input and output, and ends when its input does, so also where we
are killed. What it holds is what we write to it: it finds no key and no log-in by itself. From inside: `give_way`,
`read_frame`, `say`.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any, Final

from messages import cbor
from messages.errors import Malformed

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


async def tell(process: asyncio.subprocess.Process, said: Mapping[str, Any]) -> None:
    """Write one frame to a process. Raises `OSError` where it has ended."""
    assert process.stdin is not None  # noqa: S101  `begun` asked for it
    process.stdin.write(frame(cbor.dump(dict(said))))
    await process.stdin.drain()


async def hear(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """The next frame of a process, which is a map. Raises `asyncio.IncompleteReadError` where it has ended, `Malformed`
    where it says anything else.
    """
    assert process.stdout is not None  # noqa: S101  `begun` asked for it
    size = int.from_bytes(await process.stdout.readexactly(SIZE), "big")
    said = cbor.load(await process.stdout.readexactly(size), size, "frame")
    if not isinstance(said, dict):
        raise Malformed("A process of ours says what is no map.")
    return said


async def ended(process: asyncio.subprocess.Process, patience: float = 0.0) -> None:
    """End a process that `begun` started: by the end of its input, and after `patience` seconds by force."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(patience):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def say(said: Mapping[str, Any]) -> None:
    """Write one frame to whoever started us."""
    sys.stdout.buffer.write(frame(cbor.dump(dict(said))))
    sys.stdout.buffer.flush()


def give_way() -> None:
    """Go behind deliveries, for as long as this process runs."""
    os.nice(NICE)
