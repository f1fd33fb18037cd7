"""A rehearsal (`broker.proposals`) with a bar while it runs, and in a few lines for whoever is about to sign."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from broker import proposals
from broker.proposals import Tick
from cli.common import err
from keys import ceremony
from keys.ceremony import Assembled
from keys.fingerprints import fingerprint
from policies import report
from policies.rehearsal import Past
from policies.report import Report


@contextmanager
def progress(what: str) -> Iterator[Tick | None]:
    """A bar on a terminal, for work that may take a minute; nothing elsewhere."""
    if not err.is_terminal or not err.file.isatty():  # colours may be forced where nobody looks
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn(), console=err, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def rehearse(found: Assembled, past: list[Past] | None = None) -> Report:
    """The report about a proposal, from the proposal's own date."""
    with progress("rehearsing") as tick:
        return proposals.rehearse(found, past, tick)


def carrying(found: Assembled, past: list[Past] | None = None) -> tuple[ceremony.Proposal, Report | None]:
    """The proposal with a report, where it needs one."""
    if not found.touches_policy:
        return replace(found.proposal, rehearsal=b""), None
    made = rehearse(found, past)
    return ceremony.with_rehearsal(found.proposal, made.to_bytes()), made


def checked(found: Assembled) -> Report | None:
    """The report that a proposal carries, once it was made again here; raises `BadInput` (`broker.proposals`)."""
    with progress("rehearsing") as tick:
        return proposals.checked(found, tick)


def lines(made: Report | None) -> list[str]:
    """A report in a few lines, for whoever is about to sign."""
    if made is None:
        return ["nothing in it changes who may get what"]
    found = [report.headline(made)]
    for title, items in report.paragraphs(made):
        found.append(f"{title}:")
        found += [f"  {item}" for item in items[:8]]
        if len(items) > 8:
            found.append(f"  … and {len(items) - 8} more: safeconduct bundle rehearse --html FILE")
    found.append(f"digits of the rehearsal: {fingerprint(made.digest)}")
    return found
