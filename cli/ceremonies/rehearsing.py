"""What a proposal would let pass, block and expose, worked out again on the machine of whoever looks or signs.

Nobody believes a report that came with a proposal: it is made anew, and is the same bytes or refused. What was found in
past decisions is the word of whoever had the records; it is shown, and its digest is signed with the rest.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli.common import err
from keys import ceremony
from keys.ceremony import Assembled, Standing
from keys.content import Content
from keys.fingerprints import fingerprint
from messages.directory import Directory
from messages.errors import BadInput, Malformed
from policies import edition, report
from policies.agreements import Agreements, examine, read_all
from policies.edition import Edition
from policies.lint import Against, errors, lint
from policies.rehearsal import Past, Side
from policies.report import Report

Tick = Callable[[int, int], None]


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


def edition_of(decided: Content) -> Edition:
    """The rules and the catalogue that a content holds, or raise `BadInput` with what is wrong in which file."""
    rules, catalogue = (_texts(data) for data in (decided.rules, decided.catalogue))
    if rules[1]:
        return edition.read(rules[1], catalogue[1] or None)
    installed = edition.installed()
    if (rules[0], catalogue[0]) != installed.digests:
        raise BadInput(
            "The trust bundle names rules or a catalogue that this program does not have; install the edition that the "
            "task force uses."
        )
    return installed


def _texts(data: bytes) -> tuple[str, dict[str, str]]:
    try:
        value = json.loads(data)
        return str(value["digest"]), {str(k): str(v) for k, v in value["texts"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Malformed("The rules or the catalogue of the trust bundle cannot be read.") from None


def side_of(decided: Content, made: Edition | None = None) -> Side:
    """A content as one side of a comparison."""
    return Side(
        edition=made or edition_of(decided),
        directory=decided.directory(),
        agreements=Agreements(read_all(decided.agreements.items())),
    )


def sides(found: Assembled) -> tuple[Side, Side, bool]:
    """Before and after, and whether the rules in force could not be read, so that the new ones stand on both sides."""
    if found.standing.scope is not None:
        return *_own_sides(found.standing, found.after), False
    after = side_of(found.after)
    if found.before is None:
        nothing = Directory(agencies=(), contacts=(), operator=found.after.operator)
        return Side(edition=after.edition, directory=nothing, agreements=Agreements()), after, False
    try:
        made = edition_of(found.before)
    except (BadInput, Malformed):
        return side_of(found.before, after.edition), after, True
    return side_of(found.before, made), after, False


def _own_sides(standing: Standing, after: Content) -> tuple[Side, Side]:
    """As a head sees it: its agency's extract, before and after its own contacts change."""
    bundle, agency = standing.extract, standing.scope
    if bundle is None or agency is None:
        raise BadInput("A head works from its own agency's extract of the trust bundle.")
    edition.check(bundle)
    agreements = Agreements(read_all(bundle.agreements.items()))
    own = tuple(after.contacts.get(agency, ()))
    others = tuple(c for c in bundle.directory.contacts if c.agency != agency)
    changed = Directory(
        agencies=bundle.directory.agencies,
        contacts=(*others, *own),
        operator=bundle.directory.operator,
        officers=bundle.directory.officers,
    )
    made = edition.installed()
    return (
        Side(edition=made, directory=bundle.directory, agreements=agreements),
        Side(edition=made, directory=changed, agreements=agreements),
    )


def rehearse(found: Assembled, past: list[Past] | None = None) -> Report:
    """The report about a proposal, from the proposal's own date."""
    before, after, unread = sides(found)
    with progress("rehearsing") as tick:
        return report.rehearse(before, after, found.proposal.at, past, tick, base=found.proposal.base, unread=unread)


def carrying(found: Assembled, past: list[Past] | None = None) -> tuple[ceremony.Proposal, Report | None]:
    """The proposal with a report, where it needs one."""
    if not found.touches_policy:
        return replace(found.proposal, rehearsal=b""), None
    made = rehearse(found, past)
    return ceremony.with_rehearsal(found.proposal, made.to_bytes()), made


def checked(found: Assembled) -> Report | None:
    """The report that a proposal carries, once it was made again here and is the same; None where none is needed.

    Raises `BadInput` where there is none, or one of other changes, and where an agreement that is new says what no
    agreement may.
    """
    if not found.touches_policy:
        return None
    refuse_bad_agreements(found)
    if not found.proposal.rehearsal:
        raise BadInput("The proposal was not rehearsed yet; run: safeconduct bundle rehearse")
    carried = Report.from_bytes(found.proposal.rehearsal)
    if rehearse(found).matrix_bytes() != carried.matrix_bytes():
        raise BadInput(
            "The rehearsal in the proposal is not of these changes, or was made by another edition of this program; "
            "rehearse again: safeconduct bundle rehearse"
        )
    return carried


def refuse_bad_agreements(found: Assembled) -> None:
    """Raise `BadInput` for a new or changed agreement that the lint refuses: before activation, not after."""
    before = dict(found.before.agreements) if found.before is not None else {}
    new = {n: t for n, t in found.after.agreements.items() if before.get(n) != t}
    if not new or found.standing.scope is not None:
        return
    against = Against(
        edition=edition_of(found.after),
        moment=found.proposal.at,
        directory=found.after.directory(),
        standing=Agreements(read_all((n, t) for n, t in found.after.agreements.items() if n not in new)),
    )
    bad = [
        f for f in errors(lint([examine(t, n) for n, t in new.items()], against)) if not _ends(f.source, before, new)
    ]
    if bad:
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise BadInput(f"{bad[0].source}, line {bad[0].line}: {bad[0].says} {bad[0].do}{more}".strip())


def _ends(name: str, before: dict[str, str], new: dict[str, str]) -> bool:
    """Whether an agreement only ends earlier than it did: that is never refused for what it said all along."""
    if name not in before:
        return False
    old, now = (next(iter(read_all([(name, text)]))) for text in (before[name], new[name]))
    return now.end <= old.end and old.model_copy(update={"valid": now.valid}) == now


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
