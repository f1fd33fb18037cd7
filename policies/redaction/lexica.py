"""Lists of words that come with the package (`lists/`): names, months, and the frequent words of many languages.

They decide nothing alone. They tell which of two readings of a word is likelier: a given name beside a surname, a
month beside a number, or a plain word of the language a text is written in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from policies.redaction.words import COMMON


def lines(name: str) -> list[list[str]]:
    """The words of each line of a list that comes with the package."""
    text = (files("policies.redaction") / "lists" / name).read_text(encoding="utf-8")
    return [line.split() for line in text.splitlines() if line.strip()]


@cache
def given_names() -> frozenset[str]:
    """Given names of many countries, folded."""
    return frozenset(word for line in lines("given.txt") for word in line)


@cache
def family_names() -> frozenset[str]:
    """Family names of many countries, folded."""
    return frozenset(word for line in lines("family.txt") for word in line)


@cache
def months() -> dict[str, tuple[int, ...]]:
    """The months a folded word may name: "listopada" is November in Polish and October in Croatian."""
    found: dict[str, tuple[int, ...]] = {}
    for number, *words in lines("months.txt"):
        for word in words:
            found[word] = (*found.get(word, ()), int(number))
    return found


@cache
def function_words() -> dict[str, tuple[str, ...]]:
    """The languages in which a folded word is one of the most frequent."""
    found: dict[str, tuple[str, ...]] = {}
    for language, *words in lines("function_words.txt"):
        for word in words:
            found[word] = (*found.get(word, ()), language.removesuffix(":"))
    return found


@cache
def words_of(language: str) -> frozenset[str]:
    """The plain words of one language; of English many, of others the most frequent."""
    own = frozenset(word for word, languages in function_words().items() if language in languages)
    return own | COMMON if language == "en" else own


@cache
def any_language() -> frozenset[str]:
    """Words that are plain in some language: never taken for a misspelt name."""
    return frozenset(word for word in function_words() if len(word) >= 4) | COMMON


def languages(folded: Iterable[str]) -> tuple[str, ...]:
    """The one or two languages that most of these words speak for, and English where they say little."""
    known = function_words()
    score: Counter[str] = Counter()
    for word in folded:
        spoken = known.get(word)
        if spoken and len(word) > 1:
            for language in spoken:
                score[language] += 12 // len(spoken)
    best = score.most_common(2)
    spoken = {language for language, count in best if count * 2 >= best[0][1]}
    if not best or best[0][1] < 60:  # too little to tell
        spoken.add("en")
    return tuple(sorted(spoken))
