"""`safeconduct agreement`: write a sharing agreement, check it before anybody signs it, and read it in plain words."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import fill
from typing import Annotated, Final

import typer
from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from adapters.home import clock
from cli.common import MISTAKE, JsonOption, command, out
from cli.policy_home import bundle_of
from keys.content import Content
from messages.directory import Bundle
from messages.errors import BadInput
from policies import agreement_schema, edition, summary
from policies.agreements import Agreement, Agreements, Examined, examine, nearest, read_all
from policies.lint import Against, Finding, Severity, errors, lint

agreement_app = typer.Typer(
    help="Sharing agreements: write one, check it before anybody signs it, and read it in plain words.",
    no_args_is_help=True,
)
AgainstOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        envvar="SAFECONDUCT_HOME",
        help="A folder with a trust bundle (an agency's or the broker's): its agencies, mandates and agreements count.",
    ),
]
_COLOURS: Final = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}

TEMPLATE: Final = """\
# yaml-language-server: $schema=agreement.schema.json
# A sharing agreement between two agencies. Everything here is what the two have agreed, and nothing is assumed:
# a word that is left out is not agreed. Check it with: safeconduct agreement check {file}

id: {id}                      # its name in every record; never used again
title: {title}
parties: [{first}, {second}]

valid:                            # days in UTC, both included
  from: {start}
  until: {until}

# What may be done with what is given. See: safeconduct agreement words purposes
purposes: [INVESTIGATE, PROTECT-VICTIM]

# The laws on which giving it may rest. See: safeconduct agreement words bases
bases: [LED-8]

# The crime areas it is about. See: safeconduct agreement words areas
areas: [THB-SEX, THB-LAB]

handling:
  max_tlp: AMBER+STRICT           # the strictest marking that the recipient undertakes to honour
  h: [H0, H1, H2]                 # the handling codes that it accepts, each by itself

retention_days: 365               # after so many days the recipient deletes what it was given

exchange:                         # one entry for each direction; two entries do not add up to a third
  - from: {first}
    to: {second}
    types: [A01, A05]             # see: safeconduct types
    kinds: [INTEL-REPORT, RFI, RFI-RESPONSE]
    media: [application/json]
    identity: []                  # those of the types that may name, locate or expose a protected person
  - from: {second}
    to: {first}
    types: [A01, A05]
    kinds: [INTEL-REPORT, RFI, RFI-RESPONSE]
    media: [application/json]
    identity: []
"""


def read_file(path: Path) -> str:
    """The text of a file that a person names, or raise `BadInput`."""
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise BadInput(f"There is no file {path}.") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not text.") from None


def findings(texts: Mapping[str, str], bundle: Bundle | None) -> tuple[Finding, ...]:
    """What is wrong with these agreements, held against a bundle where there is one."""
    drafts = [examine(text, source) for source, text in texts.items()]
    standing = Agreements(read_all(bundle.agreements.items())) if bundle is not None else Agreements()
    return lint(
        drafts,
        Against(
            edition=edition.installed(),
            moment=clock(),
            directory=bundle.directory if bundle is not None else None,
            standing=standing,
        ),
    )


@agreement_app.command("check")
@command
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Agreements, as YAML.")],
    home: AgainstOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail for warnings too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say everything that is wrong with agreements: file, line, what it is, and what to do.

    Errors are what nobody can read, what the law of the class table or a hard rule forbids whatever is agreed, and
    what disagrees with another agreement. Warnings are words that can never do anything. With --home the agencies,
    mandates and agreements of that trust bundle are taken into account. The exit code is 2 where there are errors.
    """
    found = findings({str(path): read_file(path) for path in files}, bundle_of(home) if home is not None else None)
    bad = [f for f in found if f.severity is Severity.ERROR or (strict and f.severity is Severity.WARNING)]
    if as_json:
        out.print_json(data=[asdict(f) for f in found])
    else:
        for finding in found:
            shown = Text(f"{finding.source}:{finding.line}:{finding.column}: ")
            shown.append(f"{finding.severity}: ", style=_COLOURS[finding.severity])
            shown.append(finding.says)
            shown.append(f" {finding.do}" if finding.do else "", style="bold")
            shown.append(f" [{finding.code}]", style="dim")
            out.print(shown, soft_wrap=True)
        out.print(_counted(found, len(files)))
    if bad:
        raise typer.Exit(MISTAKE)


def _counted(found: Sequence[Finding], files: int) -> str:
    counts = [(n, s) for s in Severity if (n := sum(f.severity is s for f in found))]
    said = ", ".join(f"{n} {s}{'s' if n > 1 else ''}" for n, s in counts) or "nothing is wrong"
    return f"{files} {'agreement' if files == 1 else 'agreements'}: {said}"


@agreement_app.command("show")
@command
def show(
    which: Annotated[str, typer.Argument(metavar="ID|FILE", help="An agreement in force by its id, or a file.")],
    home: AgainstOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read an agreement in plain words: who may send what to whom, with what in it, what for, and until when."""
    bundle = bundle_of(home) if home is not None else None
    if Path(which).is_file():
        draft = examine(read_file(Path(which)), which)
        if draft.agreement is None:
            raise BadInput(str(draft.faults[0]))
        agreement = draft.agreement
    else:
        agreement = _standing(which, bundle)
    titles = {a.name: a.title for a in bundle.directory.agencies} if bundle is not None else {}
    if as_json:
        said = summary.paragraphs(agreement, titles)
        out.print_json(data={"agreement": json.loads(agreement.model_dump_json(by_alias=True)), "in_words": said})
    elif out.is_terminal:
        body = Group(*(Text(f"{p}\n") for p in summary.paragraphs(agreement, titles)[1:]))
        out.print(Panel(body, title=Text(f"{agreement.title} ({agreement.id})"), title_align="left"))
    else:
        for paragraph in summary.paragraphs(agreement, titles):
            out.print(fill(paragraph, 100) + "\n", markup=False, soft_wrap=True)


def _standing(identifier: str, bundle: Bundle | None) -> Agreement:
    if bundle is None:
        raise BadInput(f"There is no file {identifier}; for an agreement in force name a trust bundle with --home.")
    known = Agreements(read_all(bundle.agreements.items()))
    found = known.get(identifier)
    if found is None:
        raise BadInput(f"There is no agreement {identifier[:60]!r} in this trust bundle{nearest(identifier, known)}")
    return found


@agreement_app.command("new")
@command
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it; must not exist yet.")],
    first: Annotated[str, typer.Option("--between", help="The one agency's name.")] = "harbour-police",
    second: Annotated[str, typer.Option("--and", help="The other agency's name.")] = "city-prosecutor",
    identifier: Annotated[str, typer.Option("--id", help="Its id.")] = "AGR-0001",
) -> None:
    """Write a new agreement to fill in, with a comment to every line, and its schema beside it for your editor."""
    if file.exists():
        raise BadInput(f"{file} exists already; name a new file.")
    year = int(_today()[:4])
    text = TEMPLATE.format(
        file=file.name,
        id=identifier,
        title=f"{first} and {second}, exchange of case intelligence",
        first=first,
        second=second,
        start=_today(),
        until=f"{year + 1}-12-31",
    )
    draft: Examined = examine(text, str(file))
    if draft.agreement is None:
        raise BadInput(str(draft.faults[0]))
    file.write_text(text, encoding="utf-8")
    (file.parent / "agreement.schema.json").write_text(agreement_schema.text(), encoding="utf-8")
    out.print(f"wrote {file}, and agreement.schema.json for your editor", markup=False, soft_wrap=True)
    out.print(f"when it is filled in: safeconduct agreement check {file}", markup=False, soft_wrap=True)


def _today() -> str:
    from cli.ceremonies.work import moment_text

    return moment_text(clock())[:10]


@agreement_app.command("words")
@command
def words_of(
    field: Annotated[
        str, typer.Argument(help="A field: purposes, bases, areas, max_tlp, h, kinds, types or identity.")
    ] = "",
) -> None:
    """The words that an agreement may use in a field, and what they mean."""
    found = agreement_schema.words()
    if field not in found:
        raise BadInput(f"There are words for: {', '.join(found)}.")
    width = max(map(len, found[field]))
    for word, meaning in found[field].items():
        out.print(f"{word:{width}}  {meaning}".rstrip(), markup=False, soft_wrap=True)


@agreement_app.command("schema")
@command
def schema() -> None:
    """Print the form of an agreement as JSON Schema, for editors and other programs."""
    typer.echo(agreement_schema.text(), nl=False)


def held_against(decided: Content, texts: Mapping[str, str], at: int) -> list[str]:
    """Warnings about agreements that are about to be proposed, or raise `BadInput` for the first error among them."""
    found = lint(
        [examine(text, source) for source, text in texts.items()],
        Against(
            edition=edition.installed(),
            moment=at,
            directory=decided.directory(),
            standing=Agreements(read_all(decided.agreements.items())),
        ),
    )
    refuse_errors(found)
    return [str(f) for f in found]


def refuse_errors(found: Sequence[Finding]) -> None:
    """Raise `BadInput` for the first error among findings, saying how many more there are."""
    bad = errors(found)
    if bad:
        more = f" (and {len(bad) - 1} more; see: safeconduct agreement check)" if len(bad) > 1 else ""
        do = f" {bad[0].do}" if bad[0].do else ""
        raise BadInput(f"{bad[0].source}, line {bad[0].line}: {bad[0].says}{do}{more}")
