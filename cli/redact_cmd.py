"""`safeconduct redact`: hide known people, and what looks like an identifier, in a text or in a file of texts.

Exit codes: 0 done; 1 a text could not be promised (in a batch: at least one, the others are done); 2 your mistake.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

from adapters.redacting import Redactor, found
from cli.common import REFUSED, command, err, fail
from messages.errors import BadInput
from policies.redaction.engine import Net
from policies.redaction.errors import RedactionError
from policies.redaction.identity import Settings


@command
def redact(
    identity: Annotated[
        Path | None, typer.Option("--identity", help="A JSON file with the known person; without it, patterns only.")
    ] = None,
    lang: Annotated[
        str | None, typer.Option("--lang", help="The text's language, such as ro; else it is guessed.")
    ] = None,
    findings: Annotated[bool, typer.Option("--findings", help="Print JSON: the text and every finding.")] = False,
    batch: Annotated[
        tuple[Path, Path] | None, typer.Option("--batch", help="IN.jsonl OUT.jsonl: a text a line, an answer a line.")
    ] = None,
    net: Annotated[
        bool, typer.Option("--net", help="Look for other people's names too, with the installed model.")
    ] = False,
    patterns: Annotated[
        bool | None,
        typer.Option(help="Hide what looks like an identifier, whoever's it is; else only where nobody is known."),
    ] = None,
    ages: Annotated[bool, typer.Option("--ages", help="Turn ages into age bands.")] = False,
) -> None:
    """Redact the text on standard input, or a batch of texts."""
    redactor = Redactor(settings=Settings(ages=ages), patterns=patterns, net=_net() if net else None, demand_net=net)
    if batch is not None:
        if identity is not None:
            raise BadInput("In a batch each line names its own identity; leave out --identity.")
        _batch(redactor, *batch)
        return
    known = _identity(identity) if identity is not None else {}
    try:
        text = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        raise BadInput("Standard input is not text in UTF-8.") from None
    try:
        done = redactor.redact(text, identity=known.get("identity"), keep=known.get("keep_names"), lang=lang)
    except RedactionError as error:
        _refuse(error)
    if findings:
        whole = {
            "redacted": done.text,
            "findings": [{**found(f), "whose": f.whose, "score": f.score} for f in done.findings],
        }
        sys.stdout.write(json.dumps(whole, ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.write(done.text)


def _identity(path: Path) -> dict[str, Any]:
    """The person alone, or an object with `identity` and `keep_names` as in a batch."""
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError:
        raise BadInput(f"{path} is not JSON in UTF-8.") from None
    if isinstance(value, dict) and "identity" in value:
        return value
    return {"identity": value}


def _net() -> Net:
    from adapters.ner import load

    try:
        return load()
    except RedactionError as error:
        _refuse(error)


def _refuse(error: RedactionError) -> NoReturn:
    sentence = str(error)
    fail(f"{sentence[:1].upper()}{sentence[1:]}.", REFUSED)


def _batch(redactor: Redactor, source: Path, target: Path) -> None:
    if source.resolve() == target.resolve():
        raise BadInput("The batch would overwrite itself; name another file for the answers.")
    refused = done = 0
    columns = ("redacting", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with (
        source.open("rb") as lines,
        target.open("w", encoding="utf-8", errors="backslashreplace") as answers,
        Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress,
    ):
        task = progress.add_task("redacting", total=source.stat().st_size)
        for size, answer in redactor.batch(lines):
            answers.write(json.dumps(answer, ensure_ascii=False) + "\n")
            refused += "refused" in answer
            done += 1
            progress.update(task, advance=size)
    err.print(f"redacted {done - refused} of {done} texts into {target}", soft_wrap=True, markup=False)
    if refused:
        fail(f"{refused} of {done} texts could not be promised; their lines say why.", REFUSED)
