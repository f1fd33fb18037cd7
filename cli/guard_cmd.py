"""`safeconduct guard`: an agency's release guard, as a service and while one command runs."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import structlog
import typer

from adapters.guard import KEY_FILE, check_folder, load_net, open_key, same_user, serving, socket_of
from adapters.guarding import settings, wire
from adapters.guarding.client import VARIABLE
from adapters.home import clock
from cli.common import HomeOption, command, passphrase, run, service_logs, until_stopped
from cli.services import READY, start_service, stop_service
from keys.unlocking import Passphrase

guard_app = typer.Typer(help="The release guard: checks and seals what goes to recipients without identity rights.")

log = structlog.get_logger("cli.guard")


@guard_app.command("run")
@command
def guard_run(
    home: HomeOption = Path(),
    folder: Annotated[
        Path | None, typer.Option("--folder", help="The guard's own folder, if it is not guard/ in the agency's.")
    ] = None,
    socket: Annotated[
        Path | None, typer.Option("--socket", help="Where to answer, if it is not guard.sock in the guard's folder.")
    ] = None,
) -> None:
    """Run the agency's release guard until Ctrl-C. Best under a user of its own, with its own folder."""
    service_logs()

    async def main() -> None:
        own = folder or home / "guard"
        check_folder(own)
        told = settings.read(own)
        signer = open_key(own, passphrase(own if folder else home))
        net = load_net(told)
        if same_user(home):
            log.warning("guard-as-adapter", says="It runs as the adapter's own user; see docs/guard.md.")
        async with serving(own, signer, clock, settings=told, socket=socket, net=net):
            stopped = until_stopped()
            print(READY, flush=True)  # noqa: T201
            await stopped

    run(main())


@asynccontextmanager
async def guard_at_hand(home: Path, secret: Passphrase) -> AsyncIterator[None]:
    """The agency's guard while the block runs: the one that is up, or one of our own, unlocked with `secret`."""
    socket = socket_of(home)
    try:
        _, writer = await wire.connect(socket)
        writer.close()
        yield
        return
    except OSError:
        pass
    if VARIABLE in os.environ or not (home / "guard" / KEY_FILE).exists():
        yield  # it is somebody else's to start: what needs it waits in the journal
        return
    process = await start_service("guard", "run", "--home", str(home), secret=secret)
    try:
        yield
    finally:
        await stop_service(process)
