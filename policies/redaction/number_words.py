"""Days and years in words, in some twenty languages: "the fourteenth", "two thousand and one", "ezerkilencszáz".

Words of a number are of one language. A word may be several grown together ("neunzehnhundertsechsundneunzig") and may
have an ending of its language. What is read here counts only beside the name of a month (`dates`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from policies.redaction.lexica import lines
from policies.redaction.memo import remembered
from policies.redaction.page import Tokens
from policies.redaction.scripts import fold
from policies.redaction.words import listed

MISLEADING = listed("on due once sei un um een nove sete pare opt elf bes uno tres dos tre kater do dy bin sex hat")
"""Days that are plain words of another language: they count only beside a month of no English name."""
_JOIN = re.compile(r"[\s\-\u00a0]{1,2}|'")
_AND = listed("and y e et und i si es kai dhe en a de i te wa ve")
_SKIPPED = listed("of de in anul the year del do roku roka da la a o godina u nam")
_YEAR_WORDS = listed("roku goda roku godina rok year anul ano ano metu gada ev yil yili vit etous etos")
_GLUE = ("und", "en", "e", "y", "och")
_MOST_WORDS = 10
_Values = tuple[int, ...]


@cache
def _stems() -> dict[str, dict[str, tuple[int, bool]]]:
    """For each language its folded number words: value, and whether an ending may follow."""
    found: dict[str, dict[str, tuple[int, bool]]] = {}
    for language, value, *words in lines("numbers.txt"):
        for word in words:
            stem = fold(word.rstrip("*"))
            inflects = word.endswith("*")
            known = found.setdefault(language, {})
            if stem not in known or inflects:
                known[stem] = (int(value), inflects)
    return found


@remembered
def _values(word: str) -> dict[str, _Values]:
    """What a folded word counts, by language; nothing if it is no number."""
    found: dict[str, _Values] = {}
    for language, stems in _stems().items():
        options = [word, word[1:]] if language == "ar" and word[:1] == "w" else [word]
        for option in options:
            values = _cut(option, stems, language, 0)
            if values:
                found[language] = values
                break
    return found


def numbers_of(word: str) -> set[int]:
    """The numbers that a single word may name: "dvanayset" is twelve."""
    return {_counted(list(values), language) for language, values in _values(fold(word)).items()}


def _cut(word: str, stems: dict[str, tuple[int, bool]], language: str, depth: int) -> _Values | None:
    """A word taken apart into number words, the longest first."""
    if not word or depth > 6:
        return None
    for size in range(min(len(word), 18), 0, -1):
        known = stems.get(word[:size])
        if known is None:
            continue
        value = known[0]
        rest = word[size:]
        if not rest:
            return (value,)
        for glue in ("", *_GLUE) if language in {"de", "nl", "it", "hu", "tr", "sv", "es", "el"} else ():
            if rest.startswith(glue) and len(rest) > len(glue) and (size > 2 or value in (10, 100)):
                more = _cut(rest[len(glue) :], stems, language, depth + 1)
                if more:
                    return (value, *more)
    for size in range(min(len(word), 18), 2, -1):  # no whole: then one with an ending
        known = stems.get(word[:size])
        if known is not None and known[1] and len(word) - size <= 6:
            return (known[0],)
    return None


def _counted(values: list[int], language: str) -> int:
    """The number that counted words make together."""
    total = now = 0
    for value in values:
        if value == 1000:
            total, now = total + max(now, 1) * 1000, 0
        elif value > 1000:
            total += value
        elif value == 100 and 0 < now < 100:
            now *= 100
        elif language == "en" and not total and 10 <= now < 100 and (value >= 10 or value == 0):
            now = now * 100 + value  # "nineteen ninety", "twenty oh four"
        elif language == "fr" and value == 20 and now % 100 == 4:
            now += 76
        elif language in {"vi", "sq"} and value == 10 and 0 < now % 100 < 10:
            now += 9 * (now % 10)
        else:
            now += value
    return total + now


def _whole(text: str, tokens: Tokens, i: int) -> tuple[str, int]:
    """The folded word at `i` and its last piece: an apostrophe may stand inside ("п'ятого")."""
    word = fold(tokens[i][0])
    if i + 1 < len(tokens) and text[tokens[i][2] : tokens[i + 1][1]] == "'":
        both = word + fold(tokens[i + 1][0])
        if _values(both):
            return both, i + 1
    return word, i


def _may_begin(text: str, tokens: Tokens, i: int) -> bool:
    """Whether word `i` may begin a number: most do not."""
    if not 0 <= i < len(tokens):
        return False
    word, _, end = tokens[i]
    return word.isalpha() and (bool(_values(fold(word))) or text[end : end + 1] == "'")


def _readings(text: str, tokens: Tokens, i: int, most: int, comma: str = "") -> Iterator[tuple[str, list[int], int]]:
    """Language, values and last word of every run of number words from `i` on, of one language."""
    word, start = _whole(text, tokens, i)
    for language, first in _values(word).items():
        values = list(first)
        yield language, list(values), start
        last, k = start, start + 1
        while k < len(tokens) and k - i < most:
            gap = text[tokens[k - 1][2] : tokens[k][1]]
            if not (_JOIN.fullmatch(gap) or gap == comma):
                break
            word, upto = _whole(text, tokens, k)
            more = _values(word).get(language)
            if more is None:
                if word not in _AND or last != k - 1:
                    break
            else:
                values += more
                last = upto
                yield language, list(values), last
            k = upto + 1


def day_in_words(text: str, tokens: Tokens, i: int) -> tuple[int, int] | None:
    """The day that the words from `i` on name, and its last word; the longest reading."""
    best: tuple[int, int] | None = None
    if not _may_begin(text, tokens, i):
        return best
    for language, values, last in _readings(text, tokens, i, 4):
        day = _counted(values, language)
        if 1 <= day <= 31 and (best is None or last > best[1]):
            best = (day, last)
    return best


def small_number(text: str, tokens: Tokens, i: int, most: int) -> tuple[int, int] | None:
    """The first number up to `most` that the words from `i` on name, and its last word: "mười hai", but "ba"."""
    best: tuple[int, int] | None = None
    if not _may_begin(text, tokens, i):
        return best
    for language, values, last in _readings(text, tokens, i, 2):
        number = _counted(values, language)
        if 1 <= number <= most and (best is None or best[0] == 10):
            best = (number, last)
    return best


def year_in_words(text: str, tokens: Tokens, i: int) -> tuple[int | None, int] | None:
    """The year that the words from `i` on name, if it can be told, and where they end; None if they name none."""
    for _ in range(2):
        if i < len(tokens) and fold(tokens[i][0]) in _SKIPPED:
            i += 1
    best: tuple[int | None, int] | None = None
    if not _may_begin(text, tokens, i):
        return best
    for language, values, last in _readings(text, tokens, i, _MOST_WORDS, ", "):
        year = _counted(values, language)
        behind = fold(tokens[last + 1][0]) if last + 1 < len(tokens) else ""
        if 30 < year < 100 or (0 < year < 100 and behind in _YEAR_WORDS):
            year += 1900 if year > 30 else 2000
        told = year if 1900 <= year <= 2100 else None
        if told is None and len(values) < 2:
            continue
        if best is None or last > best[1] or (last == best[1] and best[0] is None):
            best = (told, last)
    if best is None:
        return None
    last = best[1]
    if last + 1 < len(tokens) and fold(tokens[last + 1][0]) in _YEAR_WORDS and text[tokens[last][2]] == " ":
        last += 1
    return best[0], tokens[last][2]


def year_before(text: str, tokens: Tokens, i: int) -> tuple[int, int] | None:
    """The year in words that ends right before word `i`, and its first word: "kétezer-négy március"."""
    for first in range(max(0, i - _MOST_WORDS), i):
        if not _may_begin(text, tokens, first):
            continue
        for language, values, last in _readings(text, tokens, first, i - first + 1):
            year = _counted(values, language)
            if last == i - 1 and 1900 <= year <= 2100:
                return year, first
    return None
