"""Lists of words that come with the package (`lists/`): names, months, and the frequent words of many languages.

They decide nothing alone. They tell which of two readings of a word is likelier: a given name beside a surname, a
month beside a number, or a plain word of the language a text is written in.
"""

from __future__ import annotations

import lzma
from collections.abc import Set
from functools import cache
from importlib.resources import files
from struct import unpack

from policies.redaction.scripts import fold, skeleton_of
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
def given_sounds() -> frozenset[str]:
    """Given names by their `skeleton`: "Iryna" is as much a name as "Irina"."""
    return frozenset(skeleton_of(name) for name in given_names())


@cache
def family_sounds() -> frozenset[str]:
    """Family names by their `skeleton`."""
    return frozenset(skeleton_of(name) for name in family_names())


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
def name_words() -> dict[str, frozenset[str]]:
    """For each language, folded plain words that are names too: "esperanza", "nadiya"."""
    return {
        language.removesuffix(":"): frozenset(fold(word) for word in words)
        for language, *words in lines("name_words.txt")
    }


@cache
def plain_words() -> dict[str, frozenset[str]]:
    """For each language, folded names that its dictionary has as words in small letters."""
    return {language.removesuffix(":"): frozenset(words) for language, *words in lines("plain_words.txt")}


@cache
def dictionary(language: str) -> frozenset[str]:
    """Folded base forms that a dictionary of the language has in small letters and no list of names has; none where we
    have no dictionary."""
    packed = files("policies.redaction") / "lists" / "words" / f"{language}.txt.xz"
    if not language or not packed.is_file():
        return frozenset()
    return frozenset(lzma.decompress(packed.read_bytes()).decode("ascii").split())


@cache
def words_of(language: str) -> frozenset[str]:
    """The plain words of one language; of English many, of others the most frequent."""
    if not language:
        return frozenset()
    own = frozenset(word for word, languages in function_words().items() if language in languages)
    return own | COMMON if language == "en" else own | name_words().get(language, frozenset())


@cache
def any_language() -> frozenset[str]:
    """Words that are plain in some language: never taken for a misspelt name."""
    return frozenset(word for word in function_words() if len(word) >= 4) | COMMON


@cache
def _voices() -> tuple[tuple[str, ...], dict[str, int]]:
    """The languages, and how much each word speaks for each: four bytes a language in one number."""
    known = function_words()
    every = tuple(sorted({language for spoken in known.values() for language in spoken}))
    shift = {language: 32 * n for n, language in enumerate(every)}
    return every, {
        word: sum(12 // len(spoken) << shift[language] for language in spoken)
        for word, spoken in known.items()
        if len(word) > 1
    }


def languages(folded: Set[str]) -> tuple[str, ...]:
    """The one or two languages that most of these words speak for. An empty word first tells that they say little:
    then there are up to three, and English."""
    every, known = _voices()
    total = sum(map(known.__getitem__, known.keys() & folded)).to_bytes(4 * len(every), "little")
    score = zip(every, unpack(f"<{len(every)}I", total), strict=True)
    ranked = sorted((item for item in score if item[1]), key=lambda item: (-item[1], item[0]))  # ties: alike each time
    best = ranked[:3]
    sure = bool(best) and best[0][1] >= 60
    found = {language for language, count in best[: 2 if sure else 3] if count * 2 >= best[0][1]}
    return tuple(sorted(found)) if sure else ("", *sorted(found | {"en"}))
