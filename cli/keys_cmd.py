"""`safeconduct keys`: a contact's encryption keys, and the next one."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from adapters.client import AgencyClient, connect, offline
from adapters.home import clock
from adapters.keyring import due, speaker
from cli.common import (
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
from cli.show import moment
from cli.unlock import own_passphrase
from messages.errors import BadInput, NotPermitted


@command
def keys(
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
    renew: Annotated[bool, typer.Option("--renew", help="State the next key now, not when it is due.")] = False,
    countersign: Annotated[
        str | None, typer.Option("--countersign", help="Our second contact, who countersigns a key off its schedule.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """A contact's encryption keys. The next one is stated by itself while an adapter of the contact is connected."""
    if countersign and not renew:
        raise BadInput("--countersign goes with --renew: a key on its schedule needs no second signature.")
    secret = passphrase(home)
    name = only_contact(home, contact)

    async def main() -> None:
        if not renew:
            async with offline(home, name, secret, ask=own_passphrase) as agency:
                _show(agency, as_json=as_json)
            return
        async with connect(home, name, secret, url, ask=own_passphrase) as agency:
            second = agency.home.unlock(countersign) if countersign else None
            number, _ = await agency.tend_keys(renew=True, counter=second)
            answered = await _answered(agency)
            if number in agency.refused_keys:
                raise NotPermitted(agency.sentence([agency.refused_keys[number]]))
            if answered and not as_json:
                out.print(f"stated encryption key {number}; it is used once the officers have published it")
            _show(agency, as_json=as_json)

    run(main())


async def _answered(agency: AgencyClient) -> bool:
    """Whether the broker has answered for each of this contact's words, after a while at most."""
    for _ in range(100):
        if not any(speaker(word) == agency.keys.contact.handle for word in agency.journal.unsaid()):
            return True
        await asyncio.sleep(0.1)
    err.print("the broker has not answered yet; the statement stays in the journal and goes again", style="yellow")
    return False


def _show(agency: AgencyClient, *, as_json: bool) -> None:
    contact = agency.keys.contact
    stored = {k.number: k for k in agency.home.stored_keys(agency.keys)}
    published = {s.number: s for s in contact.statements}
    rows = [
        {
            "number": number,
            "from": (published.get(number) or stored[number]).start,
            "until": (published.get(number) or stored[number]).end,
            "published": number in published,
            "here": number in stored,
        }
        for number in sorted(published.keys() | stored.keys(), reverse=True)
    ]
    late = due(contact, tuple(stored.values()), clock())
    if as_json:
        out.print_json(data={"contact": contact.handle, "due": late, "keys": rows})
        return
    table = Table("key", "from", "until", "in the trust bundle", "private half here")
    for row in rows:
        until = moment(int(row["until"])) if row["until"] is not None else "?"
        table.add_row(
            str(row["number"]), moment(int(row["from"] or 0)), until, _yes(row["published"]), _yes(row["here"])
        )
    out.print(table)
    if late:
        out.print("the next key is due; it is stated when an adapter of this contact is connected")


def _yes(value: object) -> str:
    return "yes" if value else "no"
