"""The narratives of `narratives/`: read, checked, counted.

A file holds documents of one language. Everything in them is invented. `load` refuses what would make a figure wrong:
a name of the known person that is not marked, a mark of a plain form that is not in the identity, a repeated id, and
finding nothing at all.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from evaluation.markup import TRAPS, BadMarkup, Span, read

FOLDER: Final = Path(__file__).parent / "narratives"
PROSE: Final = Path(__file__).parent / "prose.yaml"
IDENTITY: Final = frozenset(
    {"names", "aliases", "date_of_birth", "documents", "phones", "emails", "address", "other_numbers"}
)
IDEOGRAPH: Final = re.compile(r"[\u4e00-\u9fff]")
PLAIN: Final = frozenset({
    "full", "given", "family", "order", "upper", "lower", "title", "initial", "possessive", "alias", "accent",
    "decomposed", "lookalike", "zero-width", "no-break", "hyphen", "line", "word-name", "shared", "birth", "phone",
    "phone-form", "email", "document", "document-form", "number", "number-form", "address",
})  # fmt: skip
"""Traps in which not one mention may stay, with or without the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One narrative: `identity` and `keep` go to the redactor, `spans` are what it is judged by."""

    id: str
    lang: str
    culture: str
    genre: str
    text: str
    spans: tuple[Span, ...]
    identity: Mapping[str, Any]
    keep: tuple[str, ...] = ()

    def of(self, *roles: str) -> tuple[Span, ...]:
        return tuple(span for span in self.spans if span.role in roles)


def folded(text: str) -> str:
    """Small letters without accents, to compare what a person would read as the same."""
    apart = unicodedata.normalize("NFKD", text.translate(str.maketrans("ıłŁđĐ", "ilLdD")))
    return "".join(c for c in apart.casefold() if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")


def words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", folded(text))


def parts(document: Document) -> set[str]:
    """The words of the person's names and aliases, folded."""
    return {w for name in (*document.identity["names"], *document.identity.get("aliases", ())) for w in words(name)}


_Fast: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def from_yaml(path: Path) -> Any:
    """What a file of ours says; by the C parser, where PyYAML was built with it."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_Fast)  # noqa: S506  a SafeLoader, both of them


def load(folder: Path = FOLDER) -> tuple[Document, ...]:
    """All narratives, in the order of their files. Raises `BadMarkup` where one is wrong, or where there are none."""
    documents: list[Document] = []
    for path in sorted(folder.glob("*.yaml")):
        for item in from_yaml(path):
            try:
                documents.append(_document(item, path.stem))
            except (BadMarkup, KeyError, TypeError) as error:
                raise BadMarkup(f"{path.name}, {item.get('id', '?')}: {error}") from error
    if not documents:
        raise BadMarkup(f"{folder.name} holds no narratives")
    twice = [name for name, count in Counter(d.id for d in documents).items() if count > 1]
    if twice:
        raise BadMarkup(f"ids stand twice: {', '.join(twice)}")
    return tuple(documents)


def _document(item: Mapping[str, Any], lang: str) -> Document:
    if unknown := set(item["who"]) - IDENTITY:
        raise BadMarkup(f"an identity has no {', '.join(sorted(unknown))}")
    text, spans = read(item["text"].rstrip("\n"))
    names = [*item["who"]["names"], *item["who"].get("aliases", ())]
    spans = tuple(_without_title(text, span, names) if span.trap == "title" else span for span in spans)
    identity = {key: str(value) if key == "date_of_birth" else value for key, value in item["who"].items()}
    document = Document(
        id=item["id"],
        lang=item.get("lang", lang),
        culture=item["culture"],
        genre=item["genre"],
        text=text,
        spans=spans,
        identity=identity,
        keep=tuple(item.get("keep", ())),
    )
    check(document)
    return document


def _without_title(text: str, span: Span, names: Iterable[str]) -> Span:
    """The name in "Mrs Okafor" or "Okafor asszony": the title may stay, so it is no part of the mention."""
    known = {part for name in names for part in words(name)}
    found = [
        match
        for match in re.finditer(r"[^\s]+", text[span.start : span.end])
        if any(word[:4] == part[:4] for word in words(match.group()) for part in known)
    ]
    if not found:
        raise BadMarkup(f"the mark 'title' holds no name: {text[span.start : span.end]!r}")
    return Span(span.start + found[0].start(), span.start + found[-1].end(), span.trap)


def check(document: Document) -> None:
    """Raise `BadMarkup` for a plain form that the identity does not have, and for a name that is left unmarked."""
    known = parts(document)
    for span in document.spans:
        if span.trap in ("full", "given", "family", "order", "upper", "lower", "word-name", "shared", "decomposed"):
            strange = [w for w in words(document.text[span.start : span.end]) if not _is_part(w, known)]
            if strange:
                raise BadMarkup(f"the mark {span.trap!r} holds {strange[0]!r}, which no name has")
    if not document.of("known"):
        raise BadMarkup("nothing of the known person is marked")
    rest = list(document.text)
    for span in document.spans:
        rest[span.start : span.end] = " " * (span.end - span.start)
    own = {word for word in known if len(word) >= 3}
    for word in re.findall(r"[^\W\d_]+", "".join(rest)):
        if (word[0].isupper() and folded(word) in own) or any(p in word for p in own if IDEOGRAPH.search(p)):
            raise BadMarkup(f"{word!r} stands unmarked")


def _is_part(word: str, known: set[str]) -> bool:
    """A word of a name; in Chinese, where names are written together, a piece of one."""
    return word in known or (bool(IDEOGRAPH.search(word)) and any(word in part for part in known))


@dataclass(frozen=True, slots=True)
class Prose:
    """A passage of ordinary text in which no person, number or date is to be found."""

    id: str
    lang: str
    text: str


def prose(path: Path = PROSE) -> tuple[Prose, ...]:
    """Ordinary text without anybody in it, several passages a language."""
    passages = tuple(
        Prose(f"{lang}-prose-{number}", lang, text.strip())
        for lang, texts in from_yaml(path).items()
        for number, text in enumerate(texts, 1)
    )
    if not passages:
        raise BadMarkup(f"{path.name} holds no prose")
    return passages


def counts(documents: Iterable[Document]) -> dict[str, Counter[str]]:
    """How many documents of each language and culture, and how many marks of each trap."""
    documents = list(documents)
    return {
        "language": Counter(d.lang for d in documents),
        "culture": Counter(d.culture for d in documents),
        "genre": Counter(d.genre for d in documents),
        "trap": Counter(dict.fromkeys(TRAPS, 0)) + Counter(s.trap for d in documents for s in d.spans),
    }
