"""Which scripts and languages a text may be in to go to somebody without identity rights, and how that is told. Pure.

The lists stand in the catalogue (`codes-redaction.yaml`), so they are part of the trust bundle that two officers sign.
A script is told by its letters, a language by langdetect, which knows 55 and says with what certainty. A long text is
looked at piece by piece, so that a foreign paragraph does not hide in a supported text.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final

import langdetect
from langdetect.lang_detect_exception import LangDetectException

from adapters.guarding.folding import words

SCRIPTS: Final = "redaction-scripts"
LANGUAGES: Final = "redaction-languages"
"""Code lists of the catalogue."""
WORDS: Final = 25
"""Shorter texts are told by their script alone: a title, a list or a name is in no language."""
TIMES: Final = 3
"""A word counts as often as this and no more: a table that repeats a few words is in no language."""
PIECES: Final = 200
CERTAIN: Final = 0.1
_LETTERS: Final = re.compile(r"[^\W\d_]")
_WIDE: Final = frozenset({"FULLWIDTH", "HALFWIDTH", "MODIFIER", "SUPERSCRIPT", "SUBSCRIPT"})
_LATIN: Final = frozenset({"FEMININE", "MASCULINE", "MICRO", "KELVIN", "ANGSTROM", "OHM", "MATHEMATICAL", "SCRIPT"})

langdetect.DetectorFactory.seed = 0  # the same text, the same answer


def scripts_of(text: str) -> Counter[str]:
    """How many letters of each script there are, by the script's name; `Unknown` where a letter has none."""
    found: Counter[str] = Counter()
    for letter, times in Counter(_LETTERS.findall(text)).items():
        names = unicodedata.name(letter, "UNKNOWN").split()
        first = names[1] if names[0] in _WIDE and len(names) > 1 else names[0]
        script = "Latin" if first in _LATIN else "Han" if first in ("CJK", "IDEOGRAPHIC") else first.capitalize()
        found[script] += times
    return found


def foreign(text: str, scripts: Collection[str], languages: Collection[str]) -> str | None:
    """ "script" or "language" where the text, or a piece of it, is outside the lists, else None."""
    if any(script not in scripts for script in scripts_of(text)):
        return "script"
    return "language" if any(not _listed(piece, languages) for piece in _pieces(text)) else None


def _listed(piece: str, languages: Collection[str]) -> bool:
    try:
        found = langdetect.detect_langs(piece)
    except LangDetectException:  # no letters at all
        return True
    return any(guess.lang.partition("-")[0] in languages and guess.prob >= CERTAIN for guess in found)


def _pieces(text: str) -> Iterator[str]:
    """Lines joined to pieces that are long enough to tell a language by; at most `PIECES` and one."""
    lines = [(line, [w.letters for w in words(line)]) for line in text.splitlines() if line.strip()]
    least = max(WORDS, sum(len(said) for _, said in lines) // PIECES)
    piece: list[str] = []
    size, seen = 0, Counter[str]()
    for line, said in lines:
        piece.append(line)
        before = sum(min(seen[word], TIMES) for word in set(said))
        seen.update(said)
        size += sum(min(seen[word], TIMES) for word in set(said)) - before
        if size >= least:
            yield " ".join(piece)
            piece, size, seen = [], 0, Counter()
    if size and len(lines) > len(piece):  # the rest is short: told together with what stands before it
        yield text[-2_000:]
