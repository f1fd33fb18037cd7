"""What was measured, in words and numbers: for the terminal, as JSON, and as the section of docs/redaction.md.

Only the project's own narratives and invented forms are quoted; of the public cases, ids and families.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table as Shown

from evaluation.corpus import PLAIN as PLAIN_TRAPS
from evaluation.forms import PLAIN as PLAIN_FAMILIES
from evaluation.held_out import USUAL
from evaluation.measure import OWN_NAME, SAME_NAME, Cases, Column, Forms, Narratives, Table
from evaluation.scores import Rate

BEGIN: Final = "<!-- error rates: begin; written by `make eval WRITE=1` -->"
END: Final = "<!-- error rates: end -->"
QUOTED: Final = 40  # failures that are listed one by one


def per_cent(rate: Rate, *, interval: bool = True) -> str:
    """`3 of 250 = 1.2 % (0.4 to 3.5)`."""
    if not rate.total:
        return "-"
    words = f"{rate.hits} of {rate.total} = {100 * rate.value:.{2 if rate.value < 0.01 else 1}f} %"
    low, high = rate.interval
    return f"{words} ({100 * low:.1f} to {100 * high:.1f})" if interval else words


def plain(forms: Forms) -> Rate:
    return sum((rate for family, rate in forms.survivors.items() if family in PLAIN_FAMILIES), Rate(0, 0))


def plain_left(narratives: Narratives) -> Rate:
    return sum((rate for trap, rate in narratives.mentions.items() if trap in PLAIN_TRAPS), Rate(0, 0))


def headline(column: Column) -> dict[str, str]:
    """The figures that somebody asks for first, by what they are of."""
    own = column.narratives
    rows: dict[str, str] = {}
    if own.documents:
        rows |= {
            "own narratives: documents that leak": per_cent(own.documents.all),
            "own narratives: mentions left": per_cent(own.mentions.all),
            "own narratives: mentions left, plain traps": per_cent(plain_left(own)),
            "own narratives: documents refused": str(len(own.refused)),
            "own narratives: other people found": per_cent(own.others.all),
            "own narratives: precision, letters and digits": f"{100 * own.precision.value:.1f} %",
            "own narratives: near misses masked": per_cent(own.near.all),
            "own narratives: near misses masked for the person": per_cent(own.near_for_identity.all),
            "own narratives: suspects with a name of their own masked": per_cent(own.kept[OWN_NAME]),
            "own narratives: suspects by the victim's name alone masked": per_cent(own.kept[SAME_NAME]),
            "own narratives: ordinary words masked": per_cent(own.words.all),
        }
    if column.prose:
        rows["ordinary prose: words masked"] = per_cent(column.prose.all)
        rows["ordinary prose: passages refused"] = str(column.prose_refused)
    if column.sentences.people:
        rows |= {
            "forms in sentences: surviving": per_cent(column.sentences.survivors.all),
            "forms in sentences: surviving, plain": per_cent(plain(column.sentences)),
            "forms in sentences: refused": str(column.sentences.refused),
        }
    if column.strangers.people:
        every = column.strangers.survivors
        usual = sum((rate for family, rate in every.items() if family in USUAL), Rate(0, 0))
        others = sum((rate for family, rate in every.items() if family not in USUAL), Rate(0, 0))
        rows |= {
            "held out, other people in the usual forms: surviving": per_cent(usual),
            "held out, other people in the plain forms: surviving": per_cent(plain(column.strangers)),
            "held out, other people in other forms: surviving": per_cent(others),
        }
    if column.cases is not None:
        rows |= _cases(column.cases)
    if column.written is not None:
        rows |= {
            "forms in court cases: surviving": per_cent(column.written.survivors.all),
            "forms in court cases: surviving, plain": per_cent(plain(column.written)),
            "forms in court cases: in a refused paragraph": str(column.written.refused),
        }
    rows["time, of one run each, all processes"] = (
        f"{column.seconds:.0f} s for {column.characters / 1e6:.1f} M characters"
    )
    return rows


def _cases(cases: Cases) -> dict[str, str]:
    found, mentions = cases.entities, cases.found
    return {
        "court cases: documents that leak": per_cent(Rate(len(cases.leaking), cases.documents)),
        "court cases: DIRECT mentions left": per_cent(cases.mentions.all),
        "court cases: documents refused": str(len(cases.refused)),
        "court cases: ordinary words masked": per_cent(cases.words),
        "court cases, nobody known: DIRECT entities found": per_cent(found["DIRECT"]),
        "court cases, nobody known: QUASI entities found": per_cent(found["QUASI"]),
        "court cases, nobody known: DIRECT mentions found": per_cent(mentions["DIRECT"]),
        "court cases, nobody known: QUASI mentions found": per_cent(mentions["QUASI"]),
        "court cases, nobody known: precision, words": f"{100 * cases.words_precision.value:.1f} %",
        "court cases, nobody known: ordinary words masked": per_cent(cases.unknown_words),
        "court cases, nobody known: documents refused": str(cases.unknown_refused),
    }


def _labels(tables: Iterable[Table]) -> list[str]:
    return sorted({label for table in tables for label in table})


DETAILS: Final[tuple[tuple[str, Callable[[Column], Table]], ...]] = (
    ("known person: mentions left, by trap", lambda c: c.narratives.mentions),
    ("known person: mentions left, by kind", lambda c: c.narratives.kinds),
    ("known person: documents that leak, by language", lambda c: c.narratives.documents),
    ("known person: documents that leak, by naming culture", lambda c: c.narratives.cultures),
    ("other people found, by trap", lambda c: c.narratives.others),
    ("near misses masked, by trap", lambda c: c.narratives.near),
    ("near misses masked for the person, by trap", lambda c: c.narratives.near_for_identity),
    ("ordinary words of narratives masked, by language", lambda c: c.narratives.words),
    ("words of ordinary prose masked, by language", lambda c: c.prose),
    ("forms in sentences surviving, by family", lambda c: c.sentences.survivors),
    ("held-out forms surviving, by family", lambda c: c.strangers.survivors),
    ("forms in court cases surviving, by family", lambda c: c.written.survivors if c.written else Table()),
    ("court cases, nobody known: entities found", lambda c: c.cases.entities if c.cases else Table()),
)


def show(columns: Sequence[Column], console: Console, *, details: bool = True) -> None:
    table = Shown(title="Redaction: error rates", show_lines=False)
    table.add_column("measured")
    for column in columns:
        table.add_column(column.name, justify="right")
    heads = [headline(column) for column in columns]
    for label in heads[0]:
        table.add_row(label, *(head.get(label, "-") for head in heads))
    console.print(table)
    if not details:
        return
    for title, pick in DETAILS:
        picked = [pick(column) for column in columns]
        labels = _labels(picked)
        if "culture" in title:  # most never fail: those alone that did
            labels = [label for label in labels if any(table[label].hits for table in picked)]
        if not labels:
            continue
        table = Shown(title=title)
        table.add_column("")
        for column in columns:
            table.add_column(column.name, justify="right")
        for label in labels:
            table.add_row(label, *(per_cent(one[label]) for one in picked))
        console.print(table)
    for column in columns:
        failures(column, console)


def failures(column: Column, console: Console) -> None:
    """Every failure on our own texts, and the families of the rest."""
    for what, name in (("left", "left standing"), ("masked", "masked though it had to stay")):
        some = [f for f in column.narratives.failures if f[0] == what]
        if some:
            console.print(f"\n{column.name}: {len(some)} {name}", style="bold")
            for _, document, trap, text in some:
                console.print(f"  {document:<8} {trap:<14} {text!r}", markup=False, highlight=False)
    for name in ("refused", "torn"):
        if ids := getattr(column.narratives, name):
            console.print(f"\n{column.name}: {name}: {' '.join(ids)}")
    if column.cases is not None and (column.cases.leaking or column.cases.refused):
        console.print(f"\n{column.name}: court cases leaking {column.cases.leaking}, refused {column.cases.refused}")
    for words, failures in (("invented", column.sentences.failures), ("held-out", column.strangers.failures)):
        if not failures:
            continue
        console.print(f"\n{column.name}: forms of {words} people that survive, up to three a family", style="bold")
        shown: Counter[str] = Counter()
        for family, who, form in failures:
            shown[family] += 1
            if shown[family] <= 3:
                console.print(f"  {family:<14} {who}: {form!r}", markup=False, highlight=False)


def rate_as_json(rate: Rate) -> dict[str, Any]:
    low, high = rate.interval
    return {"hits": rate.hits, "total": rate.total, "low": round(low, 6), "high": round(high, 6)}


def as_json(columns: Sequence[Column], about: Mapping[str, Any]) -> dict[str, Any]:
    """Everything, for machines; of the public cases no word."""
    return {
        **about,
        "columns": {
            column.name: {
                "headline": headline(column),
                **{title: {k: rate_as_json(v) for k, v in sorted(pick(column).items())} for title, pick in DETAILS},
                "failures": column.narratives.failures,
                "refused": column.narratives.refused,
                "torn": column.narratives.torn,
            }
            for column in columns
        },
    }


def as_markdown(columns: Sequence[Column], about: Mapping[str, Any]) -> str:
    """The section between the markers of docs/redaction.md."""
    lines = [
        f"Measured on {about['date']} with {about['versions']}. "
        f"{about['documents']} narratives in {about['languages']} languages, of {about['cultures']} naming cultures; "
        "in brackets the 95 % interval.",
        "",
        "| measured | " + " | ".join(column.name for column in columns) + " |",
        "|---|" + "---|" * len(columns),
    ]
    heads = [headline(column) for column in columns]
    lines += [f"| {label} | " + " | ".join(h.get(label, "-") for h in heads) + " |" for label in heads[0]]
    for title, pick in DETAILS:
        picked = [pick(column) for column in columns]
        labels = _labels(picked)
        if "naming culture" in title:
            labels = [label for label in labels if any(table[label].hits for table in picked)]
        if not labels:
            continue
        lines += ["", f"**{title[0].upper()}{title[1:]}**", "", "| | " + " | ".join(c.name for c in columns) + " |"]
        lines += ["|---|" + "---|" * len(columns)]
        lines += [f"| {label} | " + " | ".join(per_cent(one[label]) for one in picked) + " |" for label in labels]
    lines += ["", "**What failed, of our own narratives**", ""]
    for column in columns:
        some = column.narratives.failures
        lines.append(f"- {column.name}: {len(some) or 'nothing'}" + (":" if some else "."))
        lines += [f"  - `{d}` {trap} {what}: {_quoted(text)}" for what, d, trap, text in some[:QUOTED]]
        if len(some) > QUOTED:
            lines.append(f"  - and {len(some) - QUOTED} more, which `make eval` prints")
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """A text as Markdown shows it, characters without width written out."""
    seen = "".join(c if c.isprintable() else f"<{ord(c):04x}>" for c in text)
    return "`" + seen.replace("`", "'") + "`"


def write(page: Path, section: str) -> None:
    """Put the section between the markers of the page. Raises `ValueError` where they are missing."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} has no markers for the error rates; put both of them in again")
    page.write_text(f"{before}{begin}\n\n{section}\n\n{end}{after}", encoding="utf-8")
