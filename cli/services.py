"""Services as processes of their own: started, waited for by what they say, and stopped."""

import asyncio
import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, Final

from cli.unlock import handing_over
from keys.unlocking import Passphrase
from messages.errors import DependencyError

READY: Final = "ready"
"""The line a service prints when it can be used; whoever starts it waits for that, not for a time."""

READY_SECONDS: Final = 120.0
"""For it to say so; what a service waits for at its start has shorter times of its own."""


async def start_service(
    *arguments: str,
    log: Path | None = None,
    secret: Passphrase | None = None,
    tied: bool = False,
    module: str = "cli.main",
) -> asyncio.subprocess.Process:
    """Start `safeconduct ARGUMENTS` as a process of its own and wait until it says that it is ready.

    With `secret` it unlocks its keys with that; else it looks for a passphrase as any command does. If `tied` it logs
    where we do, and its standard input ends when we do. `module` is what stands for the command. Raises
    `DependencyError` where the machine has no room for it, or it does not get ready.
    """
    sink: Any = await asyncio.to_thread(log.open, "ab") if log else None if tied else asyncio.subprocess.DEVNULL
    try:
        with handing_over(secret) if secret else nullcontext() as handed:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", module, *arguments, stdout=asyncio.subprocess.PIPE, stderr=sink,
                stdin=asyncio.subprocess.PIPE if tied else None,
                **(handed.arguments() if handed else {}),
            )  # fmt: skip
    except OSError:  # no process, memory or file is left
        raise DependencyError(
            f"The machine did not let another process start: safeconduct {' '.join(arguments[:2])}."
        ) from None
    assert process.stdout is not None  # noqa: S101  asked for above
    try:
        async with asyncio.timeout(READY_SECONDS):
            line = await process.stdout.readline()
    except TimeoutError:
        line = b""
    except asyncio.CancelledError:  # we are told to stop meanwhile: nobody would see it out
        await _killed(process)
        raise
    if not line.startswith(READY.encode()):
        await _killed(process)
        where = f"; see {log}" if log else ""
        raise DependencyError(f"A service did not start: safeconduct {' '.join(arguments[:2])}{where}.")
    return process


async def stop_service(process: asyncio.subprocess.Process) -> None:
    """Ask it to stop, and wait."""
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 15)
        except TimeoutError:
            await _killed(process)


async def _killed(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    await process.wait()
