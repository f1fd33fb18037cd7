"""The public court cases: 113 judgments of the Text Anonymization Benchmark in which each identifier is marked.

The sample is not part of this project (its licence is beside it); where it is not to be found, what rests on it is
skipped by name. Its texts are real and public: only ids and families of forms are ever printed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

SAMPLE: Final = Path(__file__).parents[2] / "shared" / "samples" / "tab" / "court-cases.jsonl"
MISSING: Final = "the public court cases are not at ../shared/samples/tab/court-cases.jsonl"
HONORIFIC: Final = re.compile(r"^(?:(?:Mr|Mrs|Ms|Miss|Dr|Prof|Sir|Lady|Lord|Judge|Professor)\b\.?\s+)+")


@dataclass(frozen=True, slots=True)
class Marked:
    """One mention; `need` is DIRECT, QUASI or NO_MASK, `kind` the benchmark's type, `entity` what it is one of."""

    start: int
    end: int
    kind: str
    need: str
    entity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One judgment. `name` is the applicant's longest name form, `codes` the numbers that name the case directly."""

    id: str
    text: str
    marks: tuple[Marked, ...]
    name: str
    codes: tuple[str, ...]
    country: str

    @property
    def identity(self) -> dict[str, Any]:
        return {"names": [self.name], "other_numbers": list(self.codes)}

    def needing(self, *needs: str) -> tuple[Marked, ...]:
        return tuple(mark for mark in self.marks if mark.need in needs)


def read(lines: Iterable[str]) -> tuple[Case, ...]:
    """The cases of a file; a mention without its title, which names nobody."""
    return tuple(_case(json.loads(line)) for line in lines)


def load(path: Path = SAMPLE) -> tuple[Case, ...]:
    with path.open(encoding="utf-8") as lines:
        cases = read(lines)
    if not cases:
        raise ValueError(f"{path.name} holds no cases")
    return cases


def _case(raw: Mapping[str, Any]) -> Case:
    text = raw["text"]
    about = raw["metadata"]
    marks: list[Marked] = []
    for entity in raw["entities"]:
        start, end = entity["start_offset"], entity["end_offset"]
        if text[start:end] != entity["span_text"]:
            raise ValueError(f"{about['data_id']}: a mark does not lie on its text")
        if entity["entity_type"] == "PERSON" and (title := HONORIFIC.match(text[start:end])):
            start += title.end()
        marks.append(Marked(start, end, entity["entity_type"], entity["identifier_type"], entity["entity_id"]))
    direct = [m for m in marks if m.need == "DIRECT"]
    named = [text[m.start : m.end] for m in direct if m.kind == "PERSON"]
    return Case(
        id=about["data_id"],
        text=text,
        marks=tuple(marks),
        name=max([about["provenance"]["applicant"], *named], key=len),
        codes=tuple(sorted({text[m.start : m.end] for m in direct if m.kind == "CODE"})),
        country=str(about["provenance"].get("countries", "")),
    )
