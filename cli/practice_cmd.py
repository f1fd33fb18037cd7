"""`safeconduct practice`: a practice task force on this machine, to learn with."""

from pathlib import Path
from typing import Annotated

import typer

from adapters.home import clock
from cli import practice
from cli.common import command, out

practice_app = typer.Typer(help="A practice task force on this machine, to learn with.", no_args_is_help=True)


@practice_app.command("new")
@command
def practice_new(
    folder: Annotated[Path, typer.Argument(help="A new folder for the task force.")],
    example: Annotated[
        Path | None, typer.Option("--parties", help="A folder with parties.yaml and agreements/; else Orchid's.")
    ] = None,
) -> None:
    """Make a practice task force: seven parties with keys, mandates and agreements, and a broker."""
    made = practice.make(folder, example or practice.example_folder(), clock())
    parties = sorted(p.name for p in made.folder.iterdir() if (p / "agency.json").is_file())
    out.print(f"made {made.folder} with {len(parties)} parties: {', '.join(parties)}", soft_wrap=True)
    out.print(f"next: safeconduct up --home {made.broker}", soft_wrap=True)


@practice_app.command("renew")
@command
def practice_renew(folder: Annotated[Path, typer.Argument(help="The practice task force.")]) -> None:
    """Sign the trust bundle again for seven days, with fresh encryption keys; a running broker takes it over."""
    out.print(f"signed epoch {practice.renew(folder, clock())}; broker and adapters take it over by themselves")
