"""`safeconduct adapter`: an agency's adapter as a service, which receives for one contact and watches the broker."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import structlog
import typer

from adapters.client import AgencyClient, Received, connect
from adapters.home import clock
from adapters.journal import OPENED
from adapters.watching import LogShorter
from adapters.witness import is_witness
from adapters.witness import open_key as open_witness
from audit.logdir import write_atomically
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
from cli.services import READY
from keys import keystore
from keys.fingerprints import fingerprint
from keys.signing import Signer
from messages.errors import DependencyError, RemoteError, ShareError
from messages.ids import ViewId, message_text
from messages.limits import INCLUDE_BY
from messages.raised import What

adapter_app = typer.Typer(help="The agency's adapter as a service.")

log = structlog.get_logger("cli.adapter")

WATCH_SECONDS = 15.0
"""Between two looks at what the log promised; include-by is ten minutes."""
MISSING_SECONDS = 60.0
"""Between two looks for evidence that is missing."""


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
    shorter: int | None = None  # since when the log has been shorter than it was
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
            shorter = None
            if witness is not None:
                await _cosign(agency, witness)
            await _witnessed(agency)
            for late in (s for s in agency.standing() if s.state == s.machine.late and s.message not in told):
                told.add(late.message)
                what = {"workflow": late.machine.name, "message": message_text(late.message), "agency": late.agency}
                log.error("alarm", what=late.state, **what)
        except RemoteError as error:
            log.error("alarm", what=error.code, says=str(error))
            agency.raise_alarm(What.LOG_NOT_PROVED)
        except LogShorter as error:
            shorter = clock() if shorter is None else shorter
            log.warning("bus-trouble", code=error.code)
            if clock() - shorter > INCLUDE_BY:  # a broker that only lags behind has caught up by then
                log.error("alarm", what=error.code, says=str(error))
                agency.raise_alarm(What.LOG_SHORTER)
        except DependencyError as error:
            log.warning("bus-trouble", code=error.code)
        await asyncio.sleep(WATCH_SECONDS)


async def _witnessed(agency: AgencyClient) -> None:
    """Look whether witnesses see the log; where they do not, people are to hear it."""
    try:
        await agency.check_witnessed()
    except RemoteError as error:
        log.error("alarm", what=error.code, says=str(error))
        agency.raise_alarm(What.LOG_UNWITNESSED)


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
                agency.raise_alarm(What.EVIDENCE_MISSING)
