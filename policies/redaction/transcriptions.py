"""How a name is usually written in another script, and back in Latin letters by several systems.

Tables of letters (`lists/transcriptions.txt`), no dictionary: for a name in Latin letters, its usual Cyrillic by the
spelling rules of a dozen languages, from there Greek, Arabic and Georgian; for a name in Cyrillic, its Latin letters by
the rules of passports, libraries and neighbouring languages. A form too many costs little: only whole words count.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache

from policies.redaction.lexica import lines

_CYRILLIC = re.compile("[\u0400-\u052f]")
_NOT_LETTERS = re.compile(r"[^\w]|[\d_]")
_WITHOUT_ACCENTS = str.maketrans({"ı": "i", "ł": "l", "đ": "d", "ø": "o", "ß": "ss", "æ": "ae", "þ": "th", "ð": "d"})
_ENDINGS = (
    ("ий", ("y", "i", "yi", "iy", "ij")),
    ("ый", ("y", "yi", "iy")),
    ("ия", ("ia", "iya", "ija", "iia", "ja")),
)


_KEYS = ("qwertyuiop[]asdfghjkl;'zxcvbnm,.", "йцукенгшщзхъфывапролджэячсмитьбю")
_OTHER_LAYOUT = {ord(a): b for one, two in (_KEYS, _KEYS[::-1]) for a, b in zip(one, two, strict=True)} | {
    ord("і"): "s",
    ord("є"): "'",
}
_INITIALS = "zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw]?"
_FINALS = "iang|iong|uang|ang|eng|ing|ong|ian|iao|uai|uan|ai|ei|ui|ao|ou|iu|ie|ue|er|an|en|in|un|ia|ua|uo|a|o|e|i|u|v"
_SYLLABLE = re.compile(f"({_INITIALS})({_FINALS})(?![aeiouv])")


def _pairs(words: str) -> dict[str, str]:
    return {key: value for key, _, value in (pair.partition("=") for pair in words.split())}


_WADE_GILES = _pairs("b=p d=t g=k j=ch q=ch x=hs zh=ch z=ts c=ts r=j")
_HUNGARIAN = _pairs("zh=cs ch=cs sh=s j=cs q=cs x=hsz z=c c=c s=sz y=j r=zs")
_WADE_FINALS = _pairs("ian=ien ong=ung ie=ieh ue=ueh iong=iung")


def _syllables(folded: str) -> list[tuple[str, ...]]:
    """The syllables of a name in pinyin; none if it is not in pinyin."""
    found = [m.groups() for m in _SYLLABLE.finditer(folded)]
    return found if "".join(a + b for a, b in found) == folded else []


def pinyin(folded: str) -> bool:
    """Whether a name may be in pinyin."""
    return bool(_syllables(folded))


@lru_cache(maxsize=1024)
def of_pinyin(folded: str) -> tuple[str, ...]:
    """A Chinese name in pinyin as older books and Hungarian write it: "Xiaoyan", "Hsiao-yen", "Hsziaojan"."""
    syllables = _syllables(folded)
    if not syllables:
        return ()
    found = {
        "".join(_wade_giles(a, b) for a, b in syllables),
        "".join(_HUNGARIAN.get(a, a) + b for a, b in syllables),
    }
    return tuple(sorted(found - {folded}))


def _wade_giles(initial: str, final: str) -> str:
    if initial == "y":
        return {"an": "yen", "ou": "yu", "i": "i", "ong": "yung", "e": "yeh"}.get(final, "y" + final)
    if final == "i" and initial in {"zh", "ch", "sh", "r"}:
        final = "ih"
    elif final == "i" and initial in {"z", "c", "s"}:
        final = "u"
    elif (final == "uo" and initial not in {"g", "k", "h", "sh"}) or (final == "e" and initial in {"g", "k", "h"}):
        final = "o"
    elif final == "ui" and initial in {"g", "k"}:
        final = "uei"
    return _WADE_GILES.get(initial, initial) + _WADE_FINALS.get(final, final)


@cache
def _tables() -> dict[str, list[dict[str, str]]]:
    """The tables by what they write: Cyrillic (upon a common base), Latin, others from Cyrillic, others by letters."""
    found: dict[str, list[dict[str, str]]] = {}
    base: dict[str, str] = {}
    for name, *pairs in lines("transcriptions.txt"):
        table = dict(pair.split("=", 1) for pair in pairs)
        kind = name.partition(":")[0]
        if name == "cyrillic:base":
            base = table
        elif kind == "cyrillic":
            of_j = {"ja", "je", "jo", "ju"} if table.get("j", "й") != "й" else set()
            found.setdefault(kind, []).append({k: v for k, v in base.items() if k not in of_j} | table)
        else:
            found.setdefault(kind, []).append(table)
    return found


def _written(word: str, table: dict[str, str]) -> str:
    """The word by a table, the longest piece first; what the table does not know falls away with its accent."""
    written: list[str] = []
    at = 0
    while at < len(word):
        for size in (4, 3, 2, 1):
            piece = word[at : at + size]
            if len(piece) == size and piece in table:
                written.append(table[piece])
                at += size
                break
        else:
            written.append(table.get(unicodedata.normalize("NFD", word[at])[0], ""))
            at += 1
    return "".join(written)


def _plain(word: str) -> str:
    return _NOT_LETTERS.sub("", unicodedata.normalize("NFC", word).lower().replace("i\u0307", "i"))


def _cyrillics(word: str) -> Iterable[str]:
    return dict.fromkeys(_written(word, table) for table in _tables()["cyrillic"])


@lru_cache(maxsize=1024)
def in_other_scripts(word: str) -> tuple[str, ...]:
    """A word of a name in Latin or Cyrillic letters as it may stand in Cyrillic, Greek, Arabic and Georgian."""
    plain = _plain(word)
    found: dict[str, None] = {}
    if _CYRILLIC.search(plain):
        cyrillic: Iterable[str] = (plain,)
    elif any("a" <= c <= "z" for c in plain):
        cyrillic = _cyrillics(plain)
        letters = "".join(unicodedata.normalize("NFD", c)[0] for c in plain.translate(_WITHOUT_ACCENTS))
        found.update(dict.fromkeys(_written(letters, table) for table in _tables()["letters"]))
    else:
        return ()
    for one in cyrillic:
        found[one] = None
        for script in ("greek", "arabic", "georgian"):
            found.update(dict.fromkeys(_written(one, table) for table in _tables()[script]))
    found.pop(plain, None)
    return tuple(form for form in found if len(form) >= 2)


@lru_cache(maxsize=1024)
def in_latin(word: str) -> tuple[str, ...]:
    """A word of a name as it may be written in Latin letters once it went through Cyrillic, by several systems."""
    plain = _plain(word)
    found: dict[str, None] = {}
    for one in (plain,) if _CYRILLIC.search(plain) else _cyrillics(plain):
        for table in _tables()["latin"]:
            found[_written(one, table)] = None
            for ending, others in _ENDINGS:
                if one.endswith(ending):
                    found.update(dict.fromkeys(_written(one[: -len(ending)], table) + other for other in others))
    found.pop(plain, None)
    return tuple(form for form in found if len(form) >= 3)


def of_the_other_layout(word: str) -> tuple[str, ...]:
    """What the keys of a word write where the keyboard is set to Russian or Ukrainian, or the other way about: "Фттф"
    for Anna. Nothing where a mark of punctuation is among them: it would be no word."""
    plain = _plain(word)
    if len(plain) < 4:
        return ()
    letters = plain if _CYRILLIC.search(plain) else "".join(unicodedata.normalize("NFD", c)[0] for c in plain)
    russian = letters.translate(_OTHER_LAYOUT)
    found = {russian, russian.replace("ы", "і")} if not _CYRILLIC.search(plain) else {russian}
    return tuple(sorted(form for form in found if form.isalpha() and form != letters))
