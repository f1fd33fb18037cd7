"""What counts as a leak, as found, as masked too much. Pure; the figures of docs/redaction.md are these functions.

- A mention is *hidden* if every letter and digit of it lies in a finding; a title, a particle or the word for street
  left beside what is hidden tells nobody (`LEFT_BEHIND`). A refused text hides everything, and is counted as refused:
  it is no use to anyone.
- A document *leaks* if a mention of the known person is not hidden, or if it can be read in the redacted text.
- An *ordinary word* is outside all marks, not grown together with one, and no title beside one; it is *masked* if a
  finding touches it.
- A near miss is *masked* if a finding touches it, and masked *for the identity* if it is not when nobody is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, Protocol

from evaluation.redactor import Finding

WORD: Final = re.compile(r"[^\W\d_]+(?:[’'][^\W\d_]+)*")
CHARACTER_IS_WORD: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
TITLES: Final = frozenset(
    "mr mrs ms miss mx dr prof sir madam herr frau fräulein hr fr mme mlle m monsieur madame mademoiselle sr sra srta"
    " señor señora señorita doña don dona dom d pan pani pana panu panią paní bay bayan hanım sig sigra signor signora"
    " signorina dl dna doamna domnul d-na tanti asszony kisasszony znj zonja г-жа г-н госпожа госпожица господин гр"
    " гражданка пані пан κα κυρία κύριος السيدة السيد الآنسة chị anh bà ông em 女士 先生 小姐".split()
)
PARTICLES: Final = frozenset(
    "de da do dos das del della di du van von der den zu af al el bin binti bint ibn ben y e et und and i ve και и"
    " street road lane rue des via dei calle strada aleea travessa ulica ul utca utcát οδό οδός ул вул".split()
)
LEFT_BEHIND: Final = TITLES | PARTICLES


class Place(Protocol):
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Rate:
    """`hits` of `total`, with its 95 % interval (Wilson): with few cases the interval is the news."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        return self.hits / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.hits, self.total)

    def __add__(self, other: Rate) -> Rate:
        return Rate(self.hits + other.hits, self.total + other.total)


def wilson(hits: int, total: int, z: float = 1.959964) -> tuple[float, float]:
    """The Wilson score interval of a share; (0, 1) of nothing."""
    if not total:
        return 0.0, 1.0
    p, square = hits / total, z * z
    centre = p + square / (2 * total)
    spread = z * sqrt(p * (1 - p) / total + square / (4 * total * total))
    low, high = (centre - spread) / (1 + square / total), (centre + spread) / (1 + square / total)
    return (0.0 if not hits else max(0.0, low)), (1.0 if hits == total else min(1.0, high))


def covered(length: int, places: Iterable[Place]) -> bytearray:
    """One byte a character: whether it lies in one of `places`."""
    mask = bytearray(length)
    for place in places:
        mask[place.start : place.end] = b"\x01" * (place.end - place.start)
    return mask


def hidden(text: str, place: Place, mask: bytearray) -> bool:
    """Whether nothing that tells is left of the mention; `mask` is what the findings cover."""
    inside = text[place.start : place.end]
    left = [i for i, c in enumerate(inside) if c.isalnum() and not mask[place.start + i]]
    if not left:
        return True
    if len(left) == sum(c.isalnum() for c in inside):
        return False
    free = set(left)
    for match in re.finditer(r"[^\W_]+(?:-[^\W_]+)?", inside):
        letters = [i for i in range(match.start(), match.end()) if inside[i].isalnum()]
        if free.intersection(letters) and not (free.issuperset(letters) and match.group().casefold() in LEFT_BEHIND):
            return False
    return True


def touched(place: Place, mask: bytearray) -> bool:
    return any(mask[place.start : place.end])


def readable(text: str, redacted: str, places: Sequence[Place]) -> list[int]:
    """Which of `places` (as indices) can be read in the redacted text, oftener than the text has it elsewhere."""
    rest = list(text)
    for place in places:
        rest[place.start : place.end] = "\0" * (place.end - place.start)
    elsewhere = "".join(rest)
    return [
        number
        for number, place in enumerate(places)
        if len(word := text[place.start : place.end]) >= 4 and _times(word, redacted) > _times(word, elsewhere)
    ]


def _times(word: str, text: str) -> int:
    return len(re.findall(rf"(?<!\w){re.escape(word)}(?!\w)", text))


def ordinary(text: str, marks: Sequence[Place]) -> list[tuple[int, int]]:
    """The words of `text` that no mark touches or has grown together with; in Chinese each character is a word.

    A title beside a mark may go with the name or stay, so it is not among them.
    """
    mask = covered(len(text), marks)
    words: list[tuple[int, int]] = []
    for chunk in re.finditer(r"\S+", text):
        if CHARACTER_IS_WORD.search(chunk.group()):
            words += [(i, i + 1) for i in range(*chunk.span()) if text[i].isalpha() and not mask[i]]
        elif not any(mask[chunk.start() : chunk.end()]) and not _title_beside_a_mark(text, chunk.span(), mask):
            words += [m.span() for m in WORD.finditer(text, *chunk.span())]
    return words


def _title_beside_a_mark(text: str, word: tuple[int, int], mask: bytearray) -> bool:
    start, end = word
    if text[start:end].strip('.,;:()“”"„«»').casefold() not in TITLES:
        return False
    after, before = re.compile(r"\s*").match(text, end), text[:start].rstrip()
    return bool(after and after.end() < len(text) and mask[after.end()]) or bool(before and mask[len(before) - 1])


def words_masked(text: str, marks: Sequence[Place], findings: Sequence[Finding]) -> Rate:
    mask = covered(len(text), findings)
    words = ordinary(text, marks)
    return Rate(sum(any(mask[start:end]) for start, end in words), len(words))


@dataclass(frozen=True, slots=True)
class Precision:
    """Of the letters and digits that were masked, how many lay in something that should go."""

    right: int
    masked: int

    def __add__(self, other: Precision) -> Precision:
        return Precision(self.right + other.right, self.masked + other.masked)

    @property
    def value(self) -> float:
        return self.right / self.masked if self.masked else 1.0


def precision(text: str, wanted: Iterable[Place], findings: Iterable[Place]) -> Precision:
    mask, gold = covered(len(text), findings), covered(len(text), wanted)
    masked = [i for i, c in enumerate(text) if mask[i] and c.isalnum()]
    return Precision(sum(gold[i] for i in masked), len(masked))


def words_precision(text: str, wanted: Iterable[Place], findings: Iterable[Place]) -> Precision:
    """The same by words and numbers, as the public benchmark counts."""
    mask, gold = covered(len(text), findings), covered(len(text), wanted)
    masked = [m.span() for m in re.finditer(r"\w+", text) if any(mask[m.start() : m.end()])]
    return Precision(sum(any(gold[start:end]) for start, end in masked), len(masked))
