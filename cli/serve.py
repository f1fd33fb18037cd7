"""Long-running commands: the broker with its embedded server, and an agency's release guard."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import structlog
import typer

from adapters.client import AgencyClient, connect
from adapters.guard import KEY_FILE, check_folder, load_net, open_key, same_user, socket_of
from adapters.guard import serving as guard_serving
from adapters.guarding import settings as guard_settings
from adapters.guarding import wire
from adapters.guarding.client import VARIABLE
from adapters.home import clock
from adapters.witness import is_witness
from adapters.witness import open_key as open_witness
from audit.logdir import write_atomically
from broker.service import BrokerHome, serving
from cli import show
from cli.common import (
    ContactOption,
    HomeOption,
    UrlOption,
    command,
    err,
    only_contact,
    passphrase,
    run,
    service_logs,
    settled,
    until_stopped,
)
from cli.enrol import Sealing, make_witness
from cli.unlock import handing_over
from keys import keystore
from keys.fingerprints import fingerprint
from keys.signing import Signer
from keys.unlocking import Passphrase
from messages.errors import DependencyError, ShareError, Unverified
from messages.ids import message_text

adapter_app = typer.Typer(help="The agency's adapter as a service.")
guard_app = typer.Typer(help="The release guard: checks and seals what goes to recipients without identity rights.")

log = structlog.get_logger("cli.serve")

WATCH_SECONDS = 15.0
"""Between two looks at what the log promised; include-by is ten minutes."""
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
            settled()
            print(f"{READY} {running.server.url} epoch {broker.bundle.epoch} trust {running.endpoint.url}", flush=True)  # noqa: T201
            stopped = asyncio.ensure_future(until_stopped())
            await asyncio.wait({stopped, running.failed}, return_when=asyncio.FIRST_COMPLETED)
            if running.failed.done():
                stopped.cancel()
                await running.failed

    run(main())


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
        told = guard_settings.read(own)
        signer = open_key(own, passphrase(own if folder else home))
        net = load_net(told)
        if same_user(home):
            log.warning("guard-as-adapter", says="It runs as the adapter's own user; see docs/guard.md.")
        async with guard_serving(own, signer, clock, settings=told, socket=socket, net=net):
            print(READY, flush=True)  # noqa: T201
            await until_stopped()

    run(main())


@adapter_app.command("run")
@command
def adapter_run(
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
    folder: Annotated[Path | None, typer.Option("--into", help="Write each opened message here as JSON.")] = None,
) -> None:
    """Receive for one contact until Ctrl-C: journal, check, decide again, open, and write to a folder."""
    service_logs()
    name = only_contact(home, contact)
    secret = passphrase(home)
    target = folder or home / "inbox"

    async def main() -> None:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        witness = open_witness(home, secret) if is_witness(home) else None
        async with connect(home, name, secret, url, unattended=True) as agency:
            settled()
            print(READY, flush=True)  # noqa: T201
            stopped = asyncio.ensure_future(until_stopped())
            tasks = [asyncio.create_task(_receive(agency, target)), asyncio.create_task(_watch(agency, witness))]
            await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
            for task in (*tasks, stopped):
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, ShareError):
                    raise outcome

    run(main())


@adapter_app.command("witness")
@command
def adapter_witness(home: HomeOption = Path()) -> None:
    """Make this agency a witness of the log: a key that cosigns what its adapter saw. `adapter run` then does it.

    The line it prints goes to a security officer, who proposes it with: safeconduct bundle add-witness. The digits are
    what the officer reads to you over the telephone.
    """
    key = make_witness(home, Sealing(passphrase(home), keystore.SERVICE))
    print(key)  # noqa: T201
    err.print(f"digits of its key: {fingerprint(key.public)}", highlight=False)


async def _receive(agency: AgencyClient, target: Path) -> None:
    directory = agency.home.bundle.directory
    async for received in agency.deliveries():
        path = target / f"{received.view_id}.json"
        if received.opened is not None:
            agency.shelf.wrote(received.view_id, path)
        value = json.dumps(show.received_json(directory, received), ensure_ascii=False, indent=1)
        write_atomically(path, [value.encode(), b"\n"])
        for sent in await agency.follow(received):
            log.info("referral-completed", message=message_text(sent.message), state=sent.state)


async def _watch(agency: AgencyClient, witness: Signer | None) -> None:
    """Hold the broker to its promises (every leaf in the log by its include-by, every head a continuation, one log for
    all), and people to what is due: once for each request that is late. A witness cosigns.
    """
    told: set[bytes] = set()
    while True:
        try:
            await agency.flush()
            await agency.check_promises()
            await agency.check_heads()
            if witness is not None:
                await agency.cosign(witness)
            await agency.check_witnessed()
            for late in (s for s in agency.standing() if s.state == s.machine.late and s.message not in told):
                told.add(late.message)
                what = {"workflow": late.machine.name, "message": message_text(late.message), "agency": late.agency}
                log.error("alarm", what=late.state, **what)
        except Unverified as error:
            log.error("alarm", what=error.code, says=str(error))
        except DependencyError as error:
            log.warning("bus-trouble", code=error.code)
        await asyncio.sleep(WATCH_SECONDS)


async def start_service(
    *arguments: str, log: Path | None = None, secret: Passphrase | None = None
) -> asyncio.subprocess.Process:
    """Start `safeconduct ARGUMENTS` as a process of its own and wait until it says that it is ready.

    With `secret` it unlocks its keys with that; else it looks for a passphrase as any command does.
    """
    sink = await asyncio.to_thread(log.open, "ab") if log else asyncio.subprocess.DEVNULL
    with handing_over(secret) if secret else nullcontext() as handed:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cli.main", *arguments, stdout=asyncio.subprocess.PIPE, stderr=sink,
            **(handed.arguments() if handed else {}),
        )  # fmt: skip
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
