"""`safeconduct doctor`: how a folder stands, on one screen, with what to do about each finding.

Exit codes: 0 nothing is bad, warnings included; 3 something is bad; 2 the folder is no agency's or broker's.
"""

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from adapters import examining
from adapters.home import clock
from broker import checkup as broker_checkup
from cli.common import DEPENDENCY, HomeOption, JsonOption, UrlOption, command, out, passphrase, run
from messages.errors import BadInput
from messages.health import Finding, Health, worst

SIGNS: Final = {
    Health.GOOD: ("✓", "green"),
    Health.SKIPPED: ("–", "dim"),
    Health.WARN: ("!", "yellow"),
    Health.BAD: ("✗", "bold red"),
}


@command
def doctor(
    home: HomeOption = Path(),
    url: UrlOption = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Look at the folder alone: no key is unlocked, nobody is asked.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """How an agency's or a broker's folder stands, and what to do. Exit code 3 if anything is bad."""
    if (home / "agency.json").is_file():
        examine = examining.examine
    elif (home / "broker.json").is_file():
        examine = broker_checkup.examine
    else:
        raise BadInput(f"{home} is not an agency's or a broker's folder; name the right one with --home.")
    found = run(examine(home, None if offline else lambda: passphrase(home), clock, url))
    if as_json:
        out.print_json(data={"health": worst(found).value, "findings": [f.to_map() for f in found]})
    else:
        show(found)
    if worst(found) is Health.BAD:
        raise typer.Exit(DEPENDENCY)


def show(found: list[Finding]) -> None:
    """One line for what is good, and what to do under what is not."""
    table = Table(box=None, padding=(0, 1), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in found:
        sign, style = SIGNS[finding.health]
        text = Text(finding.says)
        if finding.do:
            text.append(f"\n→ {finding.do}", style="bold")
        table.add_row(Text(sign, style=style), Text(finding.what), text)
    out.print(table)
    counts = [(sum(f.health is health for f in found), health) for health in reversed(Health)]
    out.print(", ".join(f"{count} {health.value}" for count, health in counts if count))
