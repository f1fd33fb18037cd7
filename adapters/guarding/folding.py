"""Text as the second detector reads it: plain small letters, with what hides a name undone. Pure.

Nothing here is shared with `policies.redaction`: two programs that fold alike would miss alike.
"""

import html
import re
import unicodedata
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from anyascii import anyascii

# Letters of other alphabets that look like a Latin one. Only a word that mixes alphabets is read through this.
_LOOKS: Final = str.maketrans(
    "авсԁеғһіјкӏмпорԛгѕтυνѡхуzʏαβεηικμνορτυχωɑɡıʟɴʀꜱᴏ",
    "abcdefhijklmnopqrstuvwxyzyabehikmvoptuxwagilnrso",
)
_LARGE: Final = str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧАВЕКМНОРСТХУІЈЅ", "ABEZHIKMNOPTYXABEKMHOPCTXYIJS")
_DIGITS: Final = str.maketrans("013457890@$!|", "oieastbgoasil")
_WORD: Final = re.compile(r"[^\W_]+(?:['’ʼ`´][^\W_]+)*|[@#]\w+")
_LEET: Final = re.compile(r"[\w@$!|]+")
_INITIAL: Final = re.compile(r"(?:^|\W)\w\.\s$")
_CODED: Final = re.compile(r"(?<![\w+/=])(?:[A-Za-z0-9+/_-]{12,}={0,2}|(?:[0-9A-Fa-f]{2}[ :]?){8,})(?![\w+/=])")
CODED_LONG: Final = 160
"""A run of letters without a space that is longer than this is no word of any language."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word: its folded letters, how it was written, and where."""

    letters: str
    written: str
    start: int
    end: int
    first: bool  # the first of a sentence, a line or a bracket
    fresh: bool  # the first after a sentence's end

    @property
    def capital(self) -> bool:
        """Whether it is written as a name is; scripts without capitals always are."""
        first = self.written.lstrip("@#")[:1]
        return first.isupper() or first.istitle() or (first.isalpha() and first.lower() == first.upper())


def plain(text: str) -> str:
    """The text with what cannot be seen taken out and what is written in another way written plainly."""
    if "&" in text:
        text = html.unescape(text)
    if "%" in text:
        text = unquote(text, errors="ignore")
    if text.isascii():  # all of it is seen, and written in one way
        return text
    text = unicodedata.normalize("NFKD", text)
    return "".join(_shown(c) for c in text)


def _shown(character: str) -> str:
    if character.isascii():
        return character
    kind = unicodedata.category(character)
    if kind in ("Cf", "Mn", "Me", "Cc", "Cn", "Co", "Cs"):
        return ""
    if kind == "Nd":
        return str(unicodedata.decimal(character))
    return "-" if kind == "Pd" else " " if kind in ("Zs", "Zl", "Zp") else character


@lru_cache(maxsize=65_536)
def letters_of(word: str) -> str:
    """A word in small Latin letters and digits: look-alikes and other alphabets read as they sound."""
    small = word.casefold()
    if not small.isascii():
        if any("a" <= c <= "z" or c.isdigit() for c in small):
            small = word.translate(_LARGE).casefold().translate(_LOOKS)
        small = anyascii(small).casefold()
    return "".join(c for c in small if c.isalnum() and c.isascii())


_BROKEN: Final = re.compile(r"(?<=[^\W\d_])-\s*\n\s*(?=[^\W\d_])")
_BEGINS: Final = re.compile(r"[.!?:;•\n\"“”«»()\[\]]")
_ENDED: Final = re.compile(r"[.!?;]\s")


def words(text: str) -> list[Word]:
    """The words of a plain text, hyphens and line breaks inside a word closed."""
    closed = _BROKEN.sub("", text)
    found: list[Word] = []
    end = 0
    for match in _WORD.finditer(closed):
        gap = closed[end : match.start()]
        first = not found or bool(_BEGINS.search(gap))
        end = match.end()
        letters = letters_of(match.group())
        if letters:
            fresh = bool(_ENDED.search(gap)) and not _INITIAL.search(closed[max(0, match.start() - 4) : match.start()])
            found.append(Word(letters, match.group(), match.start(), end, first, fresh))
    return found


_SPACED: Final = re.compile(r"(?<![^\W_])[^\W\d_](?:([ .\-_·*])[^\W\d_](?![^\W_]))(?:\1[^\W\d_](?![^\W_])){1,40}")


def unspaced(text: str) -> str:
    """The text with words whose letters were set apart closed again; unchanged without such."""
    return _SPACED.sub(lambda m: "".join(c for c in m.group() if c.isalpha()), text)


def _read_digits(run: str) -> str:
    letters = sum(c.isalpha() for c in run)
    return run.translate(_DIGITS) if 3 <= letters < len(run) <= 60 else run


def unleeted(text: str) -> str:
    """The text with digits and signs inside words read as the letters that they stand for; unchanged without such."""
    return _LEET.sub(lambda m: _read_digits(m.group()), text)


def decoded(text: str) -> Iterator[str]:
    """What stands in base64 or hexadecimal in the text, where it is text."""
    for match in _CODED.finditer(text):
        run = match.group()
        for read in (_hexadecimal, _base64):
            found = read(run)
            if found and sum(c.isprintable() or c.isspace() for c in found) == len(found):
                yield found


def _hexadecimal(run: str) -> str:
    try:
        return bytes.fromhex(run.replace(":", " ")).decode("utf-8")
    except ValueError:
        return ""


def _base64(run: str) -> str:
    body = run.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return b64decode(body + "=" * (-len(body) % 4), validate=True).decode("utf-8")
    except ValueError:
        return ""


def has_long_run(text: str) -> bool:
    """Whether there is a run of characters that no language writes: something packed into text."""
    return any(len(run) > CODED_LONG and run.isascii() for run in text.split())


_GROUPS: Final = (
    ("tsch", "c"), ("shch", "s"), ("sch", "s"), ("tch", "c"), ("kh", "h"), ("gh", "g"), ("zh", "z"), ("sh", "s"),
    ("ch", "c"), ("cz", "c"), ("sz", "s"), ("rz", "z"), ("dj", "z"), ("dz", "z"), ("ts", "c"), ("tz", "c"), ("ph", "f"),
    ("th", "t"), ("ck", "k"), ("qu", "k"), ("x", "ks"), ("dh", "d"), ("ng", "n"), ("nj", "n"), ("lj", "l"),
)  # fmt: skip
_ALIKE: Final = str.maketrans("qwvbpfj", "kvvvvvz")


@lru_cache(maxsize=65_536)
def skeleton(letters: str) -> str:
    """The consonants that a name keeps however it is carried from one alphabet to another."""
    for group, one in _GROUPS:
        letters = letters.replace(group, one)
    bare = re.sub(r"[aeiouyh0-9]", "", letters).translate(_ALIKE).replace("c", "s").replace("z", "s").replace("g", "k")
    return re.sub(r"(.)\1+", r"\1", bare)
