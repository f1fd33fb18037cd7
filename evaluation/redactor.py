"""Asks the redactor, as anybody would: a file of requests in, a file of answers out. All that this folder knows of it.

An answer is believed only as far as it can be checked: its findings must lie in the text, and the redacted text must
be the text with the findings replaced (`holds_together`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
COMMAND: Final = (sys.executable, "-c", "from cli.main import run_app; run_app()")
SHARE: Final = 400_000
"""Characters to a run of the command, so that two cores end together and the bar moves."""

Request = Mapping[str, Any]
"""`id`, `text`, and where known `lang`, `identity`, `keep_names`: one line of the command's input."""


class RedactorFailed(RuntimeError):
    """The command ended badly, or answered something that is no answer: there is nothing to measure."""


@dataclass(frozen=True, slots=True)
class Finding:
    start: int
    end: int
    kind: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back for one text: findings and the redacted text, or the reason of a refusal."""

    id: str
    redacted: str = ""
    findings: tuple[Finding, ...] = ()
    refused: str | None = None


Redactor = Callable[[Sequence[Request], Callable[[int], None]], dict[str, Answer]]
"""Takes requests and a callback for progress (how many more are done), gives answers by id."""


def by_command(*, net: bool, jobs: int = 2, command: Sequence[str] = COMMAND, root: Path = ROOT) -> Redactor:
    """The redactor of this checkout, in processes of its own; `net` switches the named-entity model on."""

    def redact(requests: Sequence[Request], done: Callable[[int], None]) -> dict[str, Answer]:
        with tempfile.TemporaryDirectory() as folder:
            return _run(requests, done, Path(folder), [*command, "redact", *(["--net"] if net else [])], jobs, root)

    return redact


def _run(
    requests: Sequence[Request], done: Callable[[int], None], folder: Path, command: list[str], jobs: int, root: Path
) -> dict[str, Answer]:
    waiting = list(enumerate(_shares(requests)))[::-1]
    running: dict[int, tuple[subprocess.Popen[bytes], Sequence[Request]]] = {}
    answers: dict[str, Answer] = {}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                number, share = waiting.pop()
                source, target = folder / f"{number}.in.jsonl", folder / f"{number}.out.jsonl"
                source.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in share), encoding="utf-8")
                with (folder / f"{number}.log").open("wb") as log:
                    process = subprocess.Popen(
                        [*command, "--batch", str(source), str(target)], cwd=root, env=environment,
                        stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                    )  # fmt: skip
                running[number] = (process, share)
            for number, (process, share) in list(running.items()):
                if process.poll() is None:
                    continue
                del running[number]
                answered = (folder / f"{number}.out.jsonl").exists()
                if process.returncode and not (process.returncode == 1 and answered):  # 1: some were refused
                    words = (folder / f"{number}.log").read_text(encoding="utf-8", errors="replace").strip()
                    raise RedactorFailed(f"the redactor ended with {process.returncode}: {words[-600:]}")
                answers |= read_answers((folder / f"{number}.out.jsonl").read_text(encoding="utf-8"), share)
                done(len(share))
            time.sleep(0.02)
    finally:
        for process, _ in running.values():
            process.kill()
            process.wait()
    return answers


def _shares(requests: Sequence[Request]) -> Iterable[Sequence[Request]]:
    """Requests in their order, so that those of one person stay together, cut where a share is full."""
    share: list[Request] = []
    size = 0
    for request in requests:
        share.append(request)
        size += len(request["text"]) + 200
        if size > SHARE:
            yield share
            share, size = [], 0
    if share:
        yield share


def read_answers(lines: str, requests: Sequence[Request]) -> dict[str, Answer]:
    """One answer to each request, checked. Raises `RedactorFailed`."""
    asked = {request["id"]: request["text"] for request in requests}
    answers: dict[str, Answer] = {}
    for line in lines.splitlines():
        raw = json.loads(line)
        text = asked.get(raw.get("id"))
        if text is None or raw["id"] in answers:
            raise RedactorFailed("the redactor answered what was not asked")
        if raw.get("refused"):
            answers[raw["id"]] = Answer(id=raw["id"], refused=str(raw["refused"]))
            continue
        found = tuple(Finding(f["start"], f["end"], f["kind"], f.get("reason", "")) for f in raw["findings"])
        if any(not 0 <= f.start < f.end <= len(text) for f in found):
            raise RedactorFailed("a finding lies outside its text")
        answers[raw["id"]] = Answer(id=raw["id"], redacted=raw["redacted"], findings=found)
    if missing := asked.keys() - answers.keys():
        raise RedactorFailed(f"the redactor left {len(missing)} of {len(asked)} texts without an answer")
    return answers


def holds_together(text: str, answer: Answer) -> bool:
    """Whether the redacted text is the text with the findings taken out: what stood between them, in its order."""
    at = last = 0
    for finding in sorted(answer.findings, key=lambda f: f.start):
        if finding.start < at:
            at = max(at, finding.end)
            continue
        between = text[at : finding.start].strip()
        place = answer.redacted.find(between, last)
        if place < 0:
            return False
        last = place + len(between)
        at = finding.end
    return answer.redacted.find(text[at:].strip(), last) >= 0
