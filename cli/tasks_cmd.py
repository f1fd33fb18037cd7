"""`safeconduct tasks`: what officers have to review, and that they did."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from audit.record import ActRecord
from broker.leaks import reported
from broker.service import BrokerHome, all_records, clock, stores
from broker.tasks import Task, close_review, find, tasks
from broker.worker import Worker
from bus.queue import NatsBroker
from cli import show
from cli.common import BrokerOption, JsonOption, UrlOption, command, out, passphrase, run
from cli.enrol import officer_signer
from cli.unlock import own_passphrase
from keys.domains import Tag
from messages.directory import Directory
from messages.errors import BadInput, Unverified
from messages.ids import contact_handle, message_id, message_text
from messages.withdrawals import ReviewClosed, ReviewNote

tasks_app = typer.Typer(
    help="What officers have to review: broken glasses, and reports of leaks.", no_args_is_help=True
)


@tasks_app.command("list")
@command
def tasks_list(
    home: BrokerOption,
    everything: Annotated[bool, typer.Option("--all", help="Those that are done too.")] = False,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Broken glasses that nobody has reviewed yet; each is due within 72 hours."""
    broker = BrokerHome.open(home, passphrase(home))

    async def main() -> list[Task]:
        async with stores(broker, _address(home, url)) as connection:
            return tasks(await all_records(connection))

    known = [t for t in run(main()) if everything or t.closed is None]
    directory, now = broker.bundle.directory, clock()
    if as_json:
        out.print_json(data=[_json(directory, t, now) for t in known])
        return
    table = Table("task", "glass broken", "message", "from", "to", "state")
    table.columns[0].no_wrap = True
    for task in known:
        row = _json(directory, task, now)
        table.add_row(task.id, show.moment(task.decision.at)[:16], row["message"], row["from"], row["to"], row["state"])
    out.print(table if known else "There is nothing to review.")


def _address(home: Path, url: str | None) -> str | None:
    address = home / "run" / "address"
    return url or (address.read_text(encoding="utf-8").strip() if address.is_file() else None)


def _json(directory: Directory, task: Task, now: int) -> dict[str, str]:
    decision = task.decision
    state = task.closed.outcome if task.closed else "overdue" if task.overdue(now) else "open"
    return {
        "task": task.id,
        "at": show.moment(decision.at),
        "message": message_text(decision.message or b""),
        "from": show.address(directory, decision.sender or ""),
        "to": show.address(directory, decision.recipient or ""),
        "kind": decision.kind or "",
        "state": state,
        "by": task.closed.signer if task.closed else "",
    }


@tasks_app.command("done")
@command
def tasks_done(
    task: Annotated[str, typer.Argument(help="The task's id, or how it begins.")],
    note: Annotated[str, typer.Option("--note-code", help="What the review found: justified, unjustified, training.")],
    officer: Annotated[Path, typer.Option("--officer", help="The officer's folder, whose key signs.")],
    home: BrokerOption,
    url: UrlOption = None,
) -> None:
    """Say, as an officer, what the review of a broken glass found; it goes into the log."""
    try:
        found_note = ReviewNote(note)
    except ValueError:
        raise BadInput(f"--note-code is one of {', '.join(ReviewNote)}.") from None
    signer = officer_signer(officer, own_passphrase("the officer's key"))
    broker = BrokerHome.open(home, passphrase(home))

    async def main() -> Task:
        async with stores(broker, _address(home, url)) as connection:
            found = find(tasks(await all_records(connection)), task)
            decision, now = found.decision, clock()
            word = ReviewClosed(
                message=message_id(decision.message),
                recipient=contact_handle(decision.recipient),
                view=decision.view or b"",
                note=found_note,
                at=now,
            )
            signed = signer.sign(Tag.REVIEW_CLOSED, word.to_bytes())
            world = broker.world()
            port = await NatsBroker.open(connection)
            try:
                await Worker(port, world, clock).announce([close_review(signed, found, world, now)])
            except Unverified:
                raise BadInput("That task was done by somebody else meanwhile; see: safeconduct tasks list") from None
            finally:
                await port.close()
            return found

    done = run(main())
    out.print(f"task {done.id}: {found_note.value}; the log has it")


@tasks_app.command("leaks")
@command
def tasks_leaks(home: BrokerOption, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """What recipients kept aside because it seems to identify somebody, and what they released: never the words."""
    broker = BrokerHome.open(home, passphrase(home))

    async def main() -> list[ActRecord]:
        async with stores(broker, _address(home, url)) as connection:
            return reported(await all_records(connection))

    directory = broker.bundle.directory
    rows = [
        {
            "at": show.moment(act.at),
            "message": message_text(message_id(act.subject)),
            "recipient": show.address(directory, act.recipient or ""),
            "outcome": act.outcome,
        }
        for act in run(main())
    ]
    if as_json:
        out.print_json(data=rows)
        return
    table = Table("at", "message", "recipient", "")
    table.columns[1].no_wrap = True
    for row in rows:
        table.add_row(row["at"][:16], row["message"], row["recipient"], row["outcome"])
    out.print(table if rows else "No leak was reported.")
