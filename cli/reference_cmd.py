"""`safeconduct rules`, `types` and `bench`: what the program knows by itself, and how fast it is."""

import runpy
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cli import catalogue_view
from cli.common import JsonOption, command, out
from messages.errors import BadInput
from policies.decide import Engine
from policies.sentences import FLOW


@command
def rules(
    identifier: Annotated[str | None, typer.Argument(help="A rule's id; all without one.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The rules in plain words, with their sources."""
    engine = Engine.load()
    found = [r for r in engine.rules if identifier in (None, r.id)]
    flow = {code: says for code, says in FLOW.items() if identifier in (None, code)}
    if not found and not flow:
        raise BadInput(f"There is no rule {str(identifier)[:40]!r}; see: safeconduct rules")
    if as_json:
        rows = [{"id": r.id, "kind": r.kind, "says": r.says, "source": r.source} for r in found]
        out.print_json(data=[*rows, *({"id": code, "kind": "flow", "says": says} for code, says in flow.items())])
        return
    table = Table("id", "kind", "says", "source", show_lines=True)
    for rule in found:
        table.add_row(rule.id, rule.kind, rule.says, rule.source)
    for code, says in flow.items():
        table.add_row(code, "flow", says, "docs/protocol.md")
    out.print(table)


@command
def types(
    identifier: Annotated[str | None, typer.Argument(help="A data type such as A24, or a code list.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The data types: their fields, parts and identity flags; or the words of one code list."""
    catalogue_view.show(identifier, as_json=as_json)


@command
def bench(
    as_json: JsonOption = False,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer messages: for trying, not for quoting.")] = False,
) -> None:
    """Measure speed as ratios against a raw relay and a naive service, in one run."""
    root = Path(__file__).resolve().parent.parent
    if not (root / "bench" / "run.py").is_file():
        raise BadInput("The benchmarks are part of the source tree: run this from a clone of the project.")
    sys.path.insert(0, str(root))
    runpy.run_module("bench.run")["main"](as_json=as_json, quick=quick)
