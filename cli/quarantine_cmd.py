"""`safeconduct quarantine`: what was kept aside because it seems to identify somebody, and who released it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from adapters.client import connect
from adapters.home import read_settings
from adapters.journal import QUARANTINED, Aside, Journal
from cli import show
from cli.common import ContactOption, HomeOption, JsonOption, UrlOption, command, only_contact, out, passphrase, run
from cli.unlock import own_passphrase
from messages.errors import BadInput
from messages.ids import message_text
from messages.leaks import LeakGround, LeakPlace
from policies.sentences import says

quarantine_app = typer.Typer(help="What was kept aside when it arrived, and why.", no_args_is_help=True)


@quarantine_app.command("list")
@command
def quarantine_list(home: HomeOption = Path(), as_json: JsonOption = False) -> None:
    """Words and messages that were kept aside here, and what recipients reported of messages of ours."""
    read_settings(home)
    journal = Journal(home / "journal.db")
    try:
        asides, leaks = journal.asides(), journal.leaks()
        whole = [i for i in journal.incoming() if i.state == QUARANTINED]
    finally:
        journal.close()
    rows = [
        {"what": "words", "id": a.view, "state": _state(a), "at": show.moment(a.at), **_where(a.places)} for a in asides
    ]
    rows += [
        {
            "what": "message",
            "id": i.view,
            "state": f"kept aside [{i.code}]",
            "at": show.moment(i.received),
            **_where(()),
        }
        for i in whole
    ]
    rows += [
        {
            "what": "ours",
            "id": message_text(k.message),
            "state": f"released by them [{k.ground.value}]" if k.ground else "kept aside by them",
            "at": show.moment(k.at),
            **_where(k.places),
        }
        for k in leaks
    ]
    if as_json:
        out.print_json(data=rows)
        return
    table = Table("", "view or message", "state", "since", "kinds", "where")
    table.columns[1].no_wrap = True
    for row in rows:
        table.add_row(row["what"], row["id"][:12], row["state"], row["at"][:16], row["kinds"], row["where"])
    out.print(table if rows else "Nothing is kept aside.")


@quarantine_app.command("show")
@command
def quarantine_show(
    view: Annotated[str, typer.Argument(help="The view's id, or how it begins.")], home: HomeOption = Path()
) -> None:
    """Why something was kept aside: sections, places and kinds, never the words."""
    read_settings(home)
    journal = Journal(home / "journal.db")
    try:
        found = [a for a in journal.asides() if a.view.startswith(view)]
        whole = [i for i in journal.incoming() if i.state == QUARANTINED and i.view.startswith(view)]
    finally:
        journal.close()
    if len(found) + len(whole) != 1:
        raise BadInput(f"There is no one message {view[:40]!r} that was kept aside; see: safeconduct quarantine list")
    if whole:
        out.print(f"{whole[0].view}: the whole message is kept aside [{whole[0].code}]; nobody can release it.")
        out.print(says(whole[0].code or ""), markup=False)
        return
    (aside,) = found
    out.print(f"{aside.view}: {_state(aside)}", markup=False)
    for place in aside.places:
        out.print(f"  section {place.section}, {place.place}: {place.kind}", markup=False)
    if aside.released is None:
        out.print(
            f"Whoever has looked into it releases it with: safeconduct quarantine release {aside.view[:12]} "
            f"--ground GROUND, where GROUND is one of {', '.join(LeakGround)}",
            soft_wrap=True,
        )


@quarantine_app.command("release")
@command
def quarantine_release(
    view: Annotated[str, typer.Argument(help="The view's id, or how it begins.")],
    ground: Annotated[str, typer.Option("--ground", help="Why: false-alarm, known-already or vital-interest.")],
    by: Annotated[str | None, typer.Option("--by", help="Another contact of ours, a person, who releases it.")] = None,
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
) -> None:
    """Have the words of a message shown that were kept aside; sender and officers are told who did, and why."""
    try:
        why = LeakGround(ground)
    except ValueError:
        raise BadInput(f"--ground is one of {', '.join(LeakGround)}.") from None
    name, secret = only_contact(home, contact), passphrase(home)

    async def main() -> None:
        async with connect(home, name, secret, url, or_offline=True, ask=own_passphrase) as agency:
            person = agency.home.unlock(by) if by else None
            await agency.release_aside(agency.find_view(view), why, person)
            out.print(f"released; read it with: safeconduct inbox open {view} --home {home}", soft_wrap=True)
            if not agency.online:
                out.print("The broker cannot be reached: sender and officers are told with: safeconduct outbox --flush")

    run(main())


def _state(aside: Aside) -> str:
    return f"released [{aside.ground.value}]" if aside.ground else "kept aside"


def _where(places: tuple[LeakPlace, ...]) -> dict[str, str]:
    return {
        "kinds": ", ".join(sorted({p.kind for p in places})),
        "where": ", ".join(sorted({f"{p.section} {p.place}" for p in places})),
    }
