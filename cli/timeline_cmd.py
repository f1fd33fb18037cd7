"""`safeconduct timeline`: every step of a message that we sent, who says so, and what is missing."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from adapters.client import AgencyClient, connect
from adapters.home import clock
from adapters.timeline import Done, Missing, Timeline
from cli import show
from cli.common import (
    REFUSED,
    ContactOption,
    HomeOption,
    JsonOption,
    UrlOption,
    command,
    err,
    only_contact,
    out,
    passphrase,
    run,
)
from cli.unlock import own_passphrase
from messages.directory import Directory
from messages.errors import DependencyError
from messages.escalation import Stage
from messages.ids import message_from_text, message_text
from policies.sentences import says

_MISSING = "missing"


@command
def timeline(
    message: Annotated[str, typer.Argument(help="The message's id, as send printed it.")],
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every step of a message that we sent: evidence with time and signer, and what is missing and due when.

    Exit code 1 where something is missing past its time.
    """
    identifier = message_from_text(message)
    name, secret = only_contact(home, contact), passphrase(home)

    async def main() -> None:
        async with connect(home, name, secret, url, or_offline=True, ask=own_passphrase) as agency:
            agency.timeline(identifier)  # or the sentence that says that it is not ours
            if agency.online:
                await _fetch(agency, identifier)
            else:
                err.print("safeconduct: the broker cannot be reached; this is what was told before.", style="yellow")
            made, now, directory = agency.timeline(identifier), clock(), agency.home.bundle.directory
            unread = [u for u in agency.unread() if u.stage == Stage.SENDER and u.message == identifier]
            telephone = [show.address(directory, one.recipient) for one in unread]
        if as_json:
            out.print_json(data=timeline_json(directory, made, now) | {"telephone": telephone})
        else:
            out.print(_table(directory, made, now))
            for address in telephone:
                out.print(f"It is urgent, and {address} has not opened it: telephone.", style="bold red", markup=False)
        if made.overdue(now):
            raise typer.Exit(REFUSED)

    run(main())


async def _fetch(agency: AgencyClient, identifier: Any) -> None:
    try:
        await agency.ask_steps(identifier)
        await agency.check_promises()
    except DependencyError:  # not accepted yet, or the broker is busy: what is here is shown
        err.print("safeconduct: the broker has no steps of this message yet.", style="yellow")


def timeline_json(directory: Directory, made: Timeline, now: int) -> dict[str, Any]:
    """A timeline, for programs. Times in milliseconds."""
    return {
        "message": message_text(made.message),
        "submission": {
            "done": [_done(directory, made.submitted)] if made.submitted else [],
            "missing": [_due(m, now) for m in made.missing],
        },
        "recipients": [
            {
                "recipient": show.address(directory, line.recipient),
                "done": [_done(directory, d) for d in line.done],
                "missing": [_due(m, now) for m in line.missing],
                "refused": list(line.refused),
            }
            for line in made.lines
        ],
        "overdue": bool(made.overdue(now)),
    }


def _done(directory: Directory, done: Done) -> dict[str, Any]:
    return {
        "evidence": done.name,
        "at": done.at,
        "by": show.address(directory, done.signer),
        "signed_by": done.worker,
        "signature": "holds",
        "in_log": done.logged,
        "code": done.code,
    }


def _due(missing: Missing, now: int) -> dict[str, Any]:
    return {"evidence": missing.name, "due": missing.due, "overdue": missing.overdue(now)}


def _table(directory: Directory, made: Timeline, now: int) -> Table:
    table = Table("recipient", "evidence", "when", "by", "checked", title=f"message {message_text(made.message)}")
    if made.submitted is not None:
        _add(table, directory, "—", made.submitted)
    for missing in made.missing:
        _add_missing(table, "—", missing, now)
    for line in made.lines:
        name = show.address(directory, line.recipient)
        for rule in line.refused:
            table.add_row(name, "refused", "", "", f"{says(rule)} [{rule}]")
        for done in line.done:
            _add(table, directory, name, done)
        for missing in line.missing:
            _add_missing(table, name, missing, now)
    return table


def _add(table: Table, directory: Directory, name: str, done: Done) -> None:
    code = f" [{done.code}]" if done.code else ""
    checked = "signature holds, in the log" if done.logged else "signature holds, not seen in the log yet"
    table.add_row(name, done.name + code, show.moment(done.at), show.address(directory, done.signer), checked)


def _add_missing(table: Table, name: str, missing: Missing, now: int) -> None:
    late = missing.overdue(now)
    when = f"{'was due' if late else 'due'} {show.moment(missing.due)}"
    table.add_row(name, f"{missing.name}: {_MISSING}", when, "", "", style="red" if late else "dim")
