"""Long-running commands: the broker with its embedded server, and an agency's release guard."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer

from adapters.guard import SOCKET, open_key
from adapters.guard import serving as guard_serving
from adapters.home import clock
from broker.service import BrokerHome, serving
from cli.common import HomeOption, command, passphrase, run, service_logs, until_stopped
from messages.errors import DependencyError

guard_app = typer.Typer(help="The release guard: checks and seals what goes to recipients without identity rights.")

READY = "ready"
"""The line a service prints when it can be used; whoever starts it waits for that, not for a time."""


@command
def up(
    home: Annotated[Path, typer.Option("--home", envvar="SAFECONDUCT_BROKER", help="The broker's folder.")],
) -> None:
    """Run the broker: embedded NATS server, worker and log. Stops on Ctrl-C, after finishing what is in hand."""
    service_logs()

    async def main() -> None:
        broker = BrokerHome.open(home, passphrase(home))
        async with serving(broker) as running:
            print(f"{READY} {running.server.url} epoch {broker.bundle.epoch}", flush=True)  # noqa: T201
            stopped = asyncio.ensure_future(until_stopped())
            await asyncio.wait({stopped, running.failed}, return_when=asyncio.FIRST_COMPLETED)
            if running.failed.done():
                stopped.cancel()
                await running.failed

    run(main())


@guard_app.command("run")
@command
def guard_run(home: HomeOption = Path()) -> None:
    """Run the agency's release guard until Ctrl-C. Best under a user of its own, with its own folder."""
    service_logs()

    async def main() -> None:
        folder = home / "guard"
        signer = open_key(folder, passphrase(home))
        async with guard_serving(folder, signer, clock):
            print(READY, flush=True)  # noqa: T201
            await until_stopped()

    run(main())


async def start_service(*arguments: str, log: Path | None = None) -> asyncio.subprocess.Process:
    """Start `safeconduct ARGUMENTS` as a process of its own and wait until it says that it is ready."""
    sink = await asyncio.to_thread(log.open, "ab") if log else asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.main", *arguments, stdout=asyncio.subprocess.PIPE, stderr=sink
    )
    assert process.stdout is not None  # noqa: S101  asked for above
    try:
        async with asyncio.timeout(60):
            line = await process.stdout.readline()
    except TimeoutError:
        line = b""
    if not line.startswith(READY.encode()):
        if process.returncode is None:
            process.kill()
        await process.wait()
        raise DependencyError(f"A service did not start: safeconduct {' '.join(arguments[:2])}.")
    return process


async def stop_service(process: asyncio.subprocess.Process) -> None:
    """Ask it to stop, and wait."""
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 15)
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def guard_at_hand(home: Path) -> AsyncIterator[None]:
    """The agency's guard while the block runs: the one that is up, or one of our own for so long."""
    socket = home / "guard" / SOCKET
    try:
        _, writer = await asyncio.open_unix_connection(socket)
        writer.close()
        yield
        return
    except OSError:
        pass
    process = await start_service("guard", "run", "--home", str(home))
    try:
        yield
    finally:
        await stop_service(process)
