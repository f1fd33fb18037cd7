"""Long-running commands: the broker with its embedded server, and an agency's release guard."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer

from adapters.client import AgencyClient, Received, connect
from adapters.guard import KEY_FILE, check_folder, load_net, open_key, same_user, socket_of
from adapters.guard import serving as guard_serving
from adapters.guarding import settings as guard_settings
from adapters.guarding import wire
from adapters.guarding.client import VARIABLE
from adapters.home import clock
from adapters.journal import OPENED
from adapters.witness import is_witness
from adapters.witness import open_key as open_witness
from audit.logdir import write_atomically
from broker.console.serving import consoling
from broker.metrics import watched
from broker.service import BrokerHome, Cluster, serving, working
from broker.supervisor import kept_running
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
from cli.console_cmd import say
from cli.enrol import Sealing, make_witness
from cli.unlock import handing_over
from keys import keystore
from keys.fingerprints import fingerprint
from keys.signing import Signer
from keys.unlocking import Passphrase
from messages.errors import DependencyError, RemoteError, ShareError
from messages.ids import ViewId, message_text

adapter_app = typer.Typer(help="The agency's adapter as a service.")
guard_app = typer.Typer(help="The release guard: checks and seals what goes to recipients without identity rights.")

log = structlog.get_logger("cli.serve")

WATCH_SECONDS = 15.0
"""Between two looks at what the log promised; include-by is ten minutes."""
MISSING_SECONDS = 60.0
"""Between two looks for evidence that is missing."""
READY = "ready"
"""The line a service prints when it can be used; whoever starts it waits for that, not for a time."""


BrokerOption = Annotated[Path, typer.Option("--home", envvar="SAFECONDUCT_BROKER", help="The broker's folder.")]


@command
def up(
    home: BrokerOption,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=64, help="How many processes admit messages, this one included.")
    ] = 1,
    nats: Annotated[
        list[str] | None,
        typer.Option(
            "--nats",
            help="Address of a server of a NATS cluster that runs already; none of our own is started. Repeat it.",
        ),
    ] = None,
    replicas: Annotated[
        int, typer.Option("--replicas", min=1, max=5, help="With --nats: on how many servers each stream is kept.")
    ] = 3,
    metrics: Annotated[
        int | None,
        typer.Option(
            "--metrics", min=0, max=65535, help="Serve metrics and health on this port of the loopback; 0: any."
        ),
    ] = None,
    with_console: Annotated[
        int | None, typer.Option("--console", help="The officers' console too, on this port.")
    ] = None,
) -> None:
    """Run the broker: embedded NATS server, workers and log. Stops on Ctrl-C, after finishing what is in hand."""
    service_logs()
    cluster = Cluster(urls=tuple(nats), replicas=replicas) if nats else None

    async def main() -> None:
        secret = passphrase(home)
        broker = BrokerHome.open(home, secret)
        async with serving(broker, cluster) as running:

            async def one_more() -> asyncio.subprocess.Process:
                addresses = [part for url in running.urls for part in ("--nats", url)]
                return await start_service("worker", "--home", str(home), *addresses, secret=secret, tied=True)

            async with AsyncExitStack() as stack:
                await stack.enter_async_context(kept_running(workers - 1, one_more))
                if metrics is not None:
                    address = await stack.enter_async_context(watched(running.readings, metrics))
                    write_atomically(home / "run" / "metrics", [address.encode()])
                console = None
                if with_console is not None:
                    serving_console = consoling(broker, ",".join(running.urls), port=with_console, follow=False)
                    console = await stack.enter_async_context(serving_console)
                settled()
                stopped = until_stopped()
                where = f"{running.urls[0]} epoch {broker.bundle.epoch} trust {running.endpoint.url}"
                print(f"{READY} {where}", flush=True)  # noqa: T201
                if console is not None:
                    say(console)
                await _until(running.failed, stopped)

    run(main())


@command
def worker(
    home: BrokerOption, nats: Annotated[list[str], typer.Option("--nats", help="Addresses of the bus.")]
) -> None:
    """One worker beside a broker, which starts it and keeps it running. Ends when its standard input does."""
    service_logs()

    async def main() -> None:
        ended = asyncio.Event()
        loop, stdin = asyncio.get_running_loop(), sys.stdin.fileno()

        def left_alone() -> None:
            loop.remove_reader(stdin)  # else it would be called without a pause until we have drained
            ended.set()

        loop.add_reader(stdin, left_alone)  # nothing else tells us that the broker was killed
        async with working(BrokerHome.open(home, passphrase(home)), nats) as failed:
            settled()
            stopped = until_stopped()
            print(READY, flush=True)  # noqa: T201
            await _until(failed, stopped, ended.wait())

    run(main())


async def _until(failed: "asyncio.Future[None]", *others: Coroutine[Any, Any, object]) -> None:
    """Until one of `others` is done; raises what made `failed` so."""
    waiting: list[asyncio.Future[Any]] = [asyncio.ensure_future(one) for one in others]
    try:
        await asyncio.wait([*waiting, failed], return_when=asyncio.FIRST_COMPLETED)
        if failed.done():
            await failed
    finally:
        for one in waiting:
            one.cancel()


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
            stopped = until_stopped()
            print(READY, flush=True)  # noqa: T201
            await stopped

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
            stopped = asyncio.ensure_future(until_stopped())
            print(READY, flush=True)  # noqa: T201
            tasks = [asyncio.create_task(_receive(agency, target)), asyncio.create_task(_watch(agency, witness))]
            ended, _ = await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
            for task in (*tasks, stopped):
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            for task, outcome in zip(tasks, outcomes, strict=True):
                if isinstance(outcome, ShareError) or (task in ended and isinstance(outcome, Exception)):
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
    """Write each message as it is opened, first those that we had opened and not written when we were killed."""
    for view in _unwritten(agency, target):
        _write(agency, target, await agency.open(view))
    async for received in agency.deliveries():
        _write(agency, target, received)
        for sent in await agency.follow(received):
            log.info("referral-completed", message=message_text(sent.message), state=sent.state)


def _unwritten(agency: AgencyClient, target: Path) -> list[ViewId]:
    """What was opened since this folder is in use and is not noted as written, or whose writing was broken off.

    A file that is not there any more may have been taken away by whoever handled it: that alone means nothing.
    """
    since = target / ".since"
    if not since.exists():
        write_atomically(since, [str(clock()).encode()])
    first = int(since.read_bytes() or b"0")
    return [
        ViewId(one.view)
        for one in agency.journal.incoming(agency.keys.contact.handle)
        if one.state == OPENED
        and one.received >= first
        and (not agency.shelf.files(ViewId(one.view)) or (target / f".{one.view}").exists())
    ]


def _write(agency: AgencyClient, target: Path, received: Received) -> None:
    path, broken_off = target / f"{received.view_id}.json", target / f".{received.view_id}"
    broken_off.touch(mode=0o600)
    if received.opened is not None:
        agency.shelf.wrote(received.view_id, path)
    value = json.dumps(show.received_json(agency.home.bundle.directory, received), ensure_ascii=False, indent=1)
    write_atomically(path, [value.encode(), b"\n"])
    broken_off.unlink()


async def _watch(agency: AgencyClient, witness: Signer | None) -> None:
    """Hold the broker to its promises (every leaf in the log by its include-by, every head a continuation, one log for
    all), and people to what is due: once for each request that is late. A witness cosigns.
    """
    told: set[bytes] = set()
    missed: set[tuple[bytes, str | None, str]] = set()
    asked = 0.0
    while True:
        try:
            await agency.flush()
            await agency.check_promises()
            if (now := asyncio.get_running_loop().time()) - asked >= MISSING_SECONDS:
                asked = now
                agency.delete_due()
                await _missing(agency, missed)
            await agency.check_heads()
            if witness is not None:
                await _cosign(agency, witness)
            await agency.check_witnessed()
            for late in (s for s in agency.standing() if s.state == s.machine.late and s.message not in told):
                told.add(late.message)
                what = {"workflow": late.machine.name, "message": message_text(late.message), "agency": late.agency}
                log.error("alarm", what=late.state, **what)
        except RemoteError as error:
            log.error("alarm", what=error.code, says=str(error))
        except DependencyError as error:
            log.warning("bus-trouble", code=error.code)
        await asyncio.sleep(WATCH_SECONDS)


async def _cosign(agency: AgencyClient, witness: Signer) -> None:
    """Cosign, and say where that fails: a broker that takes no word of ours must not keep us from looking whether it
    takes anybody's.
    """
    try:
        await agency.cosign(witness)
    except RemoteError as error:
        log.error("alarm", what=error.code, says=str(error))
    except DependencyError as error:
        log.warning("not-cosigned", code=error.code)
    except Exception as error:  # whatever is wrong with our key or clock, the watching goes on
        log.error("not-cosigned", error=type(error).__name__)


async def _missing(agency: AgencyClient, told: set[tuple[bytes, str | None, str]]) -> None:
    """Ask for the steps of our messages that lack one, and raise an alarm for each that is late: once."""
    for made in agency.open_timelines():
        if made.submitted is not None:
            try:
                await agency.ask_steps(made.message)
            except DependencyError as error:
                log.info("bus-trouble", code=error.code)
        for recipient, missing in agency.timeline(made.message).overdue(clock()):
            name = (made.message, recipient, missing.name)
            if name not in told:
                told.add(name)
                ids = {"message": message_text(made.message), "recipient": recipient}
                log.error("alarm", what="evidence-missing", evidence=missing.name, due=missing.due, **ids)


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
