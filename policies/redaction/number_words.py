"""Days and years in words, in the languages that this is usual in: "the fourteenth", "two thousand and one"."""

from __future__ import annotations

import re
from functools import cache

from policies.redaction.lexica import lines
from policies.redaction.page import Tokens
from policies.redaction.scripts import fold
from policies.redaction.words import listed

_ONES = {
    word: n
    for n, words in enumerate(
        (
            "one uno un eins unu um een pervogo pershoho pierwszego egy bir primul",
            "two dos deux zwei due doi dois twee vtorogo druhoho drugiego iki",
            "three tres trois drei tre trei drie tretego tretoho trzeciego uc",
            "four cuatro quatre vier quattro patru quatro chetvertogo chetvertoho czwartego dort",
            "five cinco cinq funf cinque cinci vijf pyatogo pyatoho piatego bes",
            "six seis six sechs sei sase zes shestogo shostoho szostego alti",
            "seven siete sept sieben sette sapte sete zeven sedmogo somoho siodmego yedi",
            "eight ocho huit acht otto opt oito vosmogo vosmoho osmego sekiz",
            "nine nueve neuf neun nove noua negen devyatogo devyatoho dziewiatego dokuz",
        ),
        1,
    )
    for word in words.split()
}
MISLEADING = listed("on due once sei un um een nove sete pare opt elf bes uno tres dos tre kater")
"""Days that are plain words of another language: they count only beside a month of no English name."""
_TWO_THOUSAND = (
    *("two thousand", "twenty oh", "dos mil", "deux mille", "duemila", "zweitausend", "doua mii", "dois mil"),
    *("tweeduizend", "dwa tysiace", "dve tysyachi", "dvi tysyachi"),
)
_JOIN = re.compile(r"[\s\-\u00a0]{1,2}|'")


@cache
def _days() -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    for _, *words in lines("days.txt"):
        for n, day in enumerate(words, 1):
            for one in day.split("/"):
                found.setdefault(tuple(fold(part) for part in one.split("-")), n)
    return found


@cache
def _heads() -> frozenset[str]:
    return frozenset(key[0] for key in _days())


@cache
def _year_words() -> frozenset[str]:
    return frozenset(word for words in lines("years.txt") for word in words)


def day_in_words(text: str, tokens: Tokens, i: int) -> tuple[int, int] | None:
    """The day that the words from `i` on name, and its last word; the longest reading."""
    if i < 0 or not tokens[i][0].isalpha() or fold(tokens[i][0]) not in _heads():
        return None
    days = _days()
    best: tuple[int, int] | None = None
    words: list[str] = []
    for last in range(i, min(i + 3, len(tokens))):
        if last > i and not _JOIN.fullmatch(text, tokens[last - 1][2], tokens[last][1]):
            break
        words.append(fold(tokens[last][0]))
        day = days.get(tuple(words))
        if day is not None:
            best = (day, last)
    return best


def year_in_words(text: str, tokens: Tokens, i: int) -> tuple[int | None, int] | None:
    """The year that the words from `i` on name, if it can be told, and where they end; None if they name none."""
    last = i - 1
    known = _year_words()
    words: list[str] = []
    skipped = {"of", "de", "in", "anul", "the", "year", "del", "do", "roku", "roka"}
    while last + 1 < len(tokens) and last - i < 7:
        gap = text[tokens[last][2] : tokens[last + 1][1]] if last >= 0 else ""
        word = fold(tokens[last + 1][0])
        if gap not in {" ", ", ", "-", "\u00a0", "\n", ",\n"} or (
            word not in known and not (not words and word in skipped)
        ):
            break
        if word in known:
            words.append(word)
        last += 1
    while words and words[-1] in {"and", "y", "e", "si", "et", "o"}:
        words.pop()
        last -= 1
    if not words or (len(words) == 1 and len(words[0]) < 8):
        return None
    text_of = " ".join(words)
    year: int | None = None
    if text_of.startswith(_TWO_THOUSAND):
        one = words[-1]
        for head in ("zweitausend", "duemila", "tweeduizend"):
            one = one.removeprefix(head)
        year = 2000 + _ONES.get(one, 0) if one in _ONES or len(words) <= 2 else None
    return year, tokens[last][2]
