"""`make demo-ner`: the named-entity net at work on the narratives of Operation Orchid, beside the matcher alone.

Everybody whom the case files of the example know is known here too; so what the net adds are other people: relatives,
witnesses, officials. Suspects' names stay, with the net and without it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from adapters import ner
from adapters.casefile import complete, complete_known, read_file
from adapters.home import clock
from adapters.known import known_persons, suspects, to_identity
from cli import practice
from keys.composing import new_message_id
from messages.catalogue import load as load_catalogue
from policies.redaction.engine import Matcher
from policies.redaction.errors import NetMissing, RedactionError
from policies.redaction.identity import ENQUIRY, Finding

SHOWN = 24  # findings of one narrative


def main(console: Console | None = None) -> int:
    """Show it; 1 where the model is not there, because then there is nothing to show."""
    out = console or Console()
    try:
        net = ner.load()
    except NetMissing as missing:
        out.print(f"The demonstration needs the model: {missing}.", style="red", markup=False)
        return 1
    example, catalogue = practice.example_folder(), load_catalogue()
    objects: list[Mapping[str, Any]] = []
    for path in sorted((example / "cases").glob("*.json")):
        case, message = read_file(path), new_message_id()
        objects += [*complete(case, message, clock(), catalogue), *complete_known(case, message, clock(), catalogue)]
    people = tuple(to_identity(p, f"V-{n:04}") for n, p in enumerate(known_persons(objects), 1))
    kept = suspects(objects, catalogue)
    alone, netted = Matcher(people, kept), Matcher(people, kept, net)
    out.print(
        Panel(
            f"{len(people)} people are known from the case files of Operation Orchid. Each narrative is redacted twice:"
            " by what is known and what looks like an identifier, then with the model that looks for other people.\n"
            "The model only adds. What it touches is marked; a suspect's name stays.",
            title="The named-entity net",
        )
    )
    found = 0
    for path in sorted((example / "narratives").glob("*.txt")):
        found += _narrative(out, path.stem, path.read_text(encoding="utf-8"), alone, netted)
    out.print(f"The net found {found} names of other people that nobody had listed.")
    return 0


def _narrative(out: Console, name: str, text: str, alone: Matcher, netted: Matcher) -> int:
    try:
        without = alone.redact(text, settings=ENQUIRY)
        with_net = netted.redact(text, settings=ENQUIRY, demand_net=True)
    except RedactionError as error:
        out.print(f"{name}: not released: {error}", markup=False)
        return 0
    added = [f for f in with_net.findings if f.reason == "model"]
    out.rule(name)
    out.print(_marked(text, with_net.findings))
    table = Table(title=f"{len(without.findings)} findings without the net, {len(with_net.findings)} with it")
    for column in ("at", "what it said", "kind", "whose", "why", "score"):
        table.add_column(column)
    for f in (*added, *(f for f in with_net.findings if f.reason != "model"))[:SHOWN]:
        style = "bold yellow" if f.reason == "model" else ""
        words = " ".join(text[f.start : f.end].split())
        table.add_row(str(f.start), words, f.kind, f.whose or "", f.reason, f"{f.score:.2f}", style=style)
    out.print(table)
    return len(added)


def _marked(text: str, findings: tuple[Finding, ...]) -> Text:
    """The narrative with what goes struck through: what was known in red, what the net added in yellow."""
    shown = Text(text)
    for f in findings:
        shown.stylize("black on yellow" if f.reason == "model" else "red strike", f.start, f.end)
    return shown


if __name__ == "__main__":
    sys.exit(main())
