"""Packets: one message with all that proves it, in one file."""

from pathlib import Path
from typing import Annotated

import typer

from adapters.client import connect
from audit.logdir import write_atomically
from audit.packet import check
from cli.common import ContactOption, HomeOption, UrlOption, command, err, only_contact, out, passphrase, run
from cli.unlock import own_passphrase

packet_app = typer.Typer(help="One message with all that proves it, in one file.", no_args_is_help=True)


@packet_app.command("export")
@command
def packet_export(
    message: Annotated[str, typer.Argument(help="The id of a message sent or received, or how its view begins.")],
    into: Annotated[Path, typer.Option("--into", help="The file to write.")] = Path("message.packet"),
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
) -> None:
    """Write a packet: whoever has it and the root of trust checks it offline, with `python -m audit packet verify`."""
    name = only_contact(home, contact)
    secret = passphrase(home)

    async def main() -> None:
        async with connect(home, name, secret, url, or_offline=True, ask=own_passphrase) as agency:
            made = await agency.packet(message)
        if made.lacks is not None:
            err.print(f"safeconduct: {made.lacks}", style="yellow", markup=False, soft_wrap=True)
        write_atomically(into, [made.data])
        out.print(
            f"wrote {into}, {len(made.data):,} bytes; check it with: python -m audit packet verify {into}",
            soft_wrap=True,
        )
        for what in check(made.data).unchecked:
            out.print(f"  it does not show: {what}", markup=False, soft_wrap=True, style="dim")

    run(main())


__all__ = ["packet_app"]
