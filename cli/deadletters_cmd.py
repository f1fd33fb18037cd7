"""`safeconduct deadletters`: what the broker could not finish, for the operator."""

from typing import Annotated

import typer
from rich.table import Table

from broker import deadletters
from broker.service import BrokerHome, stores
from cli.common import BrokerOption, JsonOption, UrlOption, command, out, passphrase, run

deadletters_app = typer.Typer(
    help="Submissions that the broker could not finish, set aside for the operator.", no_args_is_help=True
)


def _address(home: BrokerHome, url: str | None) -> str | None:
    running = home.folder / "run" / "address"
    return url or (running.read_text(encoding="utf-8").strip() if running.is_file() else None)


@deadletters_app.command("list")
@command
def dead_list(home: BrokerOption, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """What was set aside: whose it is and what kind. Nobody can read what it says."""
    broker = BrokerHome.open(home, passphrase(home))

    async def main() -> list[deadletters.DeadLetter]:
        async with stores(broker, _address(broker, url)) as connection:
            return await deadletters.waiting(connection)

    found = run(main())
    names = {a.handle: a.name for a in broker.bundle.directory.agencies}
    if as_json:
        rows = [{"name": f.name, "agency": f.agency, "kind": f.kind, "bytes": len(f.data)} for f in found]
        out.print_json(data=rows)
        return
    if not found:
        out.print("nothing was set aside")
        return
    table = Table("name", "agency", "kind", "bytes")
    for one in found:
        table.add_row(one.name[:12], names.get(one.agency, one.agency), one.kind, f"{len(one.data):,}")
    out.print(table)


@deadletters_app.command("retry")
@command
def dead_retry(
    home: BrokerOption,
    names: Annotated[list[str] | None, typer.Argument(help="Which ones; all without a name.")] = None,
    url: UrlOption = None,
) -> None:
    """Take dead letters through the flow again, in this process. What is accepted is answered and delivered."""
    broker = BrokerHome.open(home, passphrase(home))

    async def main() -> tuple[int, int]:
        async with stores(broker, _address(broker, url)) as connection:
            return await deadletters.retry(broker, connection, names or ())

    done, failed = run(main())
    out.print(f"{done} went through, {failed} failed again")
    if failed:
        raise typer.Exit(3)
