"""Characters: which scripts are supported, one plain form of a text with its way back, and folded words.

`supported` refuses any letter outside `SUPPORTED`. `clean` undoes what hides a name without changing how it looks
(zero-width and bidirectional marks, soft hyphens, decomposed accents, styled letters, exotic spaces and digits)
and remembers where each character came from. `fold` brings a word to lower-case Latin letters and digits, so that
"Оксана", "OKSANA" and "Oksána" compare equal.
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass

from anyascii import anyascii

from policies.redaction.errors import UnsupportedScript
from policies.redaction.memo import remembered

SUPPORTED: tuple[str, ...] = (
    *("Latin", "Cyrillic", "Greek", "Arabic", "Han", "Hebrew", "Armenian", "Georgian", "Devanagari", "Bengali"),
    *("Gurmukhi", "Gujarati", "Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala", "Thai", "Lao", "Myanmar"),
    *("Khmer", "Ethiopic", "Hangul", "Hiragana", "Katakana"),
)

SHIELD = "\x00"  # stands in a clean text where nothing may be found; `clean` removes it from what comes in

_LETTERS = (
    "A-Za-zªºÀ-ÖØ-öø-ʯʰ-˿\u0300-\u036fᴀ-ᶿ\u1dc0-\u1dffḀ-ỿⁱⁿₐ-ₜℂ-ℹⅅ-ⅉⅎↃↄⅠ-ↈⱠ-Ɀꜧ-ꞿꟂ-ꟊꟲ-ꟿꬰ-ꭤꭦ-ꭩﬀ-ﬆＡ-Ｚａ-ｚ\U0001d400-\U0001d7ff"
    "Ͱ-ͽͿΆΈ-ϡϰ-Ͽἀ-῾Ω"  # Greek; its Coptic letters stay out
    "Ѐ-\u0483\u0484-\u052fᲀ-ᲈᴫ\u2de0-\u2dffꙀ-ꚟ"  # Cyrillic
    "\u0600-\u06ff\u0750-\u077f\u0870-\u08ff\ufb50-\ufdff\ufe70-\ufefc"  # Arabic
    "々〇㐀-䶿一-鿿\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\u0531-\u058a\ufb13-\ufb17\u0591-\u05f4\ufb1d-\ufb4f"  # Armenian, Hebrew
    "\u0900-\u0aff\u0b82-\u0dff\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff"  # of India, Sri Lanka, Thailand to Cambodia
    "\u10a0-\u10ff\u1c90-\u1cbf\u2d00-\u2d2d\u1200-\u139f"  # Georgian, Ethiopic
    "\uac00-\ud7af\u1100-\u11ff\u3130-\u318f\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Hangul, kana
)
# Vowel signs and the like: part of a word, though Python's \w does not count them.
SIGNS = (  # of the scripts of India, Sri Lanka, Thailand, Laos, Myanmar, Cambodia
    "\u0901-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963\u0981-\u0983\u09bc-\u09cd\u09d7\u0a01-\u0a03"
    "\u0a3c-\u0a4d\u0a70\u0a71\u0a81-\u0a83\u0abc-\u0acd\u0b82\u0bbe-\u0bcd\u0c00-\u0c04\u0c3e-\u0c56"
    "\u0c81-\u0c83\u0cbc-\u0cd6\u0d00-\u0d03\u0d3b-\u0d4d\u0d57\u0d81-\u0d83\u0dca-\u0ddf\u0e31\u0e34-\u0e3a"
    "\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u102b-\u103e\u1056-\u1059\u17b4-\u17d3"
)
_ALONE = (  # written without blanks round them: a word ends where they begin or end
    "々〇㐀-䶿一-鿿\uf900-\ufaff\U00020000-\U0003ffff",
    "\u1100-\u11ff\u3041-\u30ff\u3130-\u318f\u31f0-\u31ff\uac00-\ud7af\uff66-\uff9f",
    "\u0590-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb1d-\ufdff\ufe70-\ufefc",
)
WITHOUT_BLANKS = re.compile(f"[{''.join(_ALONE)}]")
_OTHERS = rf"[^\W_{''.join(_ALONE)}]"
TOKEN = re.compile("|".join([rf"{_OTHERS}+(?:[{SIGNS}]{_OTHERS}*)*", *(rf"(?:(?=\w)[{chars}])+" for chars in _ALONE)]))
_DOUBTFUL = re.compile(rf"[^\x00-\x7f\s{_LETTERS}\u2010-\u203a\u20a0-\u20bf]")
# U+FE00.. are variation selectors, U+20D0.. marks around symbols, U+3000.. Han punctuation
_HARMLESS_MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u08d3-\u08ff\u1ab0-\u1aff"
    "\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]"
)


def supported(text: str) -> None:
    """Return if every letter is of a supported script, else raise `UnsupportedScript`.

    Unpaired surrogates, unassigned and private characters, invisible tag letters and Braille cells are refused
    too: they can carry a name that no form of it would find.
    """
    if text.isascii():
        return
    for found in _DOUBTFUL.finditer(text):
        char = found.group()
        category = unicodedata.category(char)
        if category in {"Cs", "Co", "Cn"}:
            raise UnsupportedScript("not a character", found.start())
        if "\U000e0000" <= char <= "\U000e007f":
            raise UnsupportedScript("invisible tags", found.start())
        if category == "Nd" or char in _STYLED or _HARMLESS_MARKS.match(char):
            continue
        name = unicodedata.name(char, "unnamed")
        if category[0] in "LM" or category == "Nl" or name.startswith("BRAILLE"):
            raise UnsupportedScript(name.split()[0].lower(), found.start())


def _styled() -> dict[str, str]:
    """Look-alike symbols and digits, one character to one ASCII character."""
    table: dict[str, str] = {}
    for first, last in ((0x2460, 0x24FF), (0xFF01, 0xFF5E), (0x1D400, 0x1D7FF), (0x1F100, 0x1F189), (0x2070, 0x209C)):
        for code in range(first, last + 1):
            plain = unicodedata.normalize("NFKD", chr(code)).strip("()")
            if len(plain) == 1 and plain.isascii():
                table[chr(code)] = plain
    for start in (0x1F110, 0x1F130, 0x1F150, 0x1F170, 0x1F1E6):
        table.update({chr(start + n): chr(65 + n) for n in range(26)})
    for code in range(0x80, 0x1FBFA):
        if unicodedata.category(chr(code)) == "Nd":
            table[chr(code)] = str(unicodedata.decimal(chr(code)))
    for char in "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000":
        table[char] = " "
    table.update(dict.fromkeys("‐‑‒–—―−﹘﹣⁃", "-"))
    table.update(dict.fromkeys("’‘ʼʹ′´‛`ˈ", "'"))
    table.update(dict.fromkeys("\u2028\u2029\x85\x0b\x0c", "\n"))
    table.update({"@": "@", "。": ".", "．": "."})
    return table


_STYLED = _styled()
_TABLE = {ord(char): plain for char, plain in _STYLED.items()}
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_STYLED_ONE = re.compile("[" + re.escape("".join(char for char in _STYLED if char < "\U00010000")) + "]")
_ONE_GONE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f\x80-\x84\x86-\x9f\u00ad\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u061c\u0640\u064b-\u065f"
    "\u0670\u06d6-\u06ed\u08d3-\u08ff\u115f\u1160\u17b4\u17b5\u180b-\u180f\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u20d0-\u20ff\u3164\ufe00-\ufe0f\ufe20-\ufe2f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_GONE = re.compile(f"{_ONE_GONE.pattern}{_ONE_GONE.pattern}*")  # a set first: several times as fast


@dataclass(frozen=True, slots=True)
class Clean:
    """A plain text and the way back to the original offsets."""

    text: str
    original_length: int
    breaks: tuple[int, ...]  # offsets in `text` before which something was removed …
    shifts: tuple[int, ...]  # … and how much, in all, up to there

    def back(self, start: int, end: int) -> tuple[int, int]:
        """The original span of `text[start:end]`, with any invisible characters inside or right behind it."""
        if not self.breaks:
            return start, end
        at = bisect_right(self.breaks, start)
        first = start + (self.shifts[at - 1] if at else 0)
        upto = bisect_right(self.breaks, end)
        return first, end + (self.shifts[upto - 1] if upto else 0)

    def forward(self, start: int, end: int) -> tuple[int, int]:
        """The span of `text` that a span of the original became."""
        return self._forward(start), self._forward(end)

    def _forward(self, at: int) -> int:
        gone = 0
        for kept, shift in zip(self.breaks, self.shifts, strict=True):
            if kept + shift > at:
                return max(min(at - gone, kept), 0)
            gone = shift
        return at - gone


_ENCODED = re.compile(
    r"&(?:\#[0-9]{2,6}|\#[xX][0-9a-fA-F]{2,5}|[A-Za-z]{2,8}[0-9]{0,2});"
    r"|%[2-7][0-9A-Fa-f]|%[C-Fc-f][0-9A-Fa-f](?:%[89ABab][0-9A-Fa-f]){1,3}"
    r"|=[C-F][0-9A-F](?:=[89AB][0-9A-F]){1,3}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}"
    r"|[ÃÄÅÐÑÎÏ][\x80-\xaa\xac-\xba\xbc-\xbf€‚ƒ„†‡ˆ‰Š‹ŒŽ•˜™š›œžŸ]"
    r"|</?(?:b|i|u|s|em|strong|span|font|mark|small|big|sup|sub)\s?/?>"  # with attributes it says something: text
)
_EQUALS = re.compile("=[C-F]")
_BEGINS_IN_ASCII = "&%\\<"
_BEGINS_ENCODED = f"{_BEGINS_IN_ASCII}ÃÄÅÐÑÎÏ"
_MARKS_OF_WORDS = frozenset("@.-'_")


_CP1252 = {
    ord(bytes([code]).decode("cp1252")): code
    for code in range(0x80, 0xA0)
    if code not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}
}  # the others are themselves


def _decoded(piece: str) -> str | None:
    """The one character that an entity, a percent sign or an escape stands for, nothing for a tag; None to let it be.

    What is neither a letter nor a digit nor a mark that stands in names and addresses stays as it is, and a space in
    the address of a page stays no space: the address would end there.
    """
    if piece[0] == "<":
        return ""
    try:
        if piece[0] == "&":
            char = html.unescape(piece)
        elif piece[0] > "\x7f":  # two bytes of UTF-8 that were read as two characters
            char = piece.translate(_CP1252).encode("latin-1").decode()
        elif piece[0] in "%=":
            char = bytes.fromhex(piece.replace(piece[0], "")).decode()
        else:
            char = chr(int(piece[2:], 16))
    except ValueError:
        return None
    if char in {" ", "\u00a0"}:
        return "_" if piece[0] == "%" else " "
    plain = len(char) == 1 and (char.isalnum() or char in _MARKS_OF_WORDS or unicodedata.category(char) == "Mn")
    return char if plain and not _DOUBTFUL.match(char) and not _GONE.match(char) else "" if _GONE.match(char) else None


def encoded(text: str) -> bool:
    """Whether anything in `text` may stand for another character: then it means what it says, or what it stands for."""
    return _may_be_encoded(text) and _ENCODED.search(text) is not None


def _may_be_encoded(text: str) -> bool:
    signs = _BEGINS_ENCODED if not text.isascii() else _BEGINS_IN_ASCII
    return any(sign in text for sign in signs) or ("=" in text and _EQUALS.search(text) is not None)


def clean(text: str, *, decode: bool = True) -> Clean:
    """The plain form of `text`: invisible characters go, encoded ones stand for themselves (with `decode`), all keep
    their order.
    """
    encoded = decode and _may_be_encoded(text)
    if text.isascii() and not encoded and not _GONE.search(text):
        return Clean(text, len(text), (), ())
    kept: list[str] = []
    breaks: list[int] = []
    shifts: list[int] = []
    at = length = 0
    for gone in (_GONE_OR_ENCODED if encoded else _GONE).finditer(text):
        piece = gone.group()
        char = _decoded(piece) if piece[0] in f"={_BEGINS_ENCODED}" else ""
        if char is None:
            continue
        kept += [text[at : gone.start()], char]
        length += gone.start() - at + len(char)
        at = gone.end()
        breaks.append(length)
        shifts.append(at - length)
    kept.append(text[at:])
    plain = "".join(kept)
    if _ASTRAL.search(plain):
        plain = plain.translate(_TABLE)
    else:  # several times as fast, where few different characters change
        for char in sorted(set(_STYLED_ONE.findall(plain))):  # in order: "｀" becomes "`", which is a sign itself
            plain = plain.replace(char, _STYLED[char])
    return Clean(plain, len(text), tuple(breaks), tuple(shifts))


_GONE_OR_ENCODED = re.compile(f"{_GONE.pattern}|{_ENCODED.pattern}")
_AS_SPELT = str.maketrans({"ة": "ه", "ى": "ي", "ئ": "", "ؤ": "و", "ء": ""})
_INDIC = re.compile("[\u0900-\u0dff]")
_TAMIL = re.compile("[\u0b80-\u0bff]")
_NASAL = re.compile("[\u0902\u0982\u0a02\u0a70\u0a82\u0b02\u0c02\u0c82\u0d02](?=(.?))")  # a dot over the letter
_SCHOLARS_C = re.compile("c(?!h)")
_NOT_ALNUM = re.compile("[^A-Za-z0-9]+")
_TO_LATIN = str.maketrans(
    "асеорхуіѕјкмтвнгԁԛԝһАВСЕНІЈКМОРЅТХУΑΒΕΖΗΙΚΜΝΟΡΤΥΧοανικρτυχ",
    "aceopxyisjkmtbhrdqwhABCEHIJKMOPSTXYABEZHIKMNOPTYXoavikptux",
)
_SERBIAN = str.maketrans({"ћ": "ч", "Ћ": "Ч", "ђ": "дж", "Ђ": "Дж"})  # "ć" is "ch" as well as "c"
_TO_CYRILLIC = str.maketrans("aceopxyikmtbhABCEHIKMOPTXY", "асеорхуікмтвһАВСЕНІКМОРТХУ")
_SPELT_OUT = str.maketrans(
    {
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "Ä": "Ae",
        "Ö": "Oe",
        "Ü": "Ue",
        "ø": "oe",
        "Ø": "Oe",
        "å": "aa",
        "Å": "Aa",
        "č": "ch",
        "Č": "Ch",
        "š": "sh",
        "Š": "Sh",
        "ž": "zh",
        "Ž": "Zh",
        "ć": "ch",
        "Ć": "Ch",
        "ş": "sh",
        "Ş": "Sh",
        "ș": "sh",
        "Ș": "Sh",
        "ț": "ts",
        "Ț": "Ts",
        "ţ": "ts",
        "Ţ": "Ts",
        "đ": "dj",
        "Đ": "Dj",
        "ñ": "ny",
        "Ñ": "Ny",
        "ç": "ch",
        "Ç": "Ch",
    }
)
_CYRILLIC_OR_GREEK = re.compile("[Ͱ-ԯ]")
_LATIN = re.compile("[A-Za-z]")
ARABIC = re.compile("[\u0600-\u06ff]")
ABJAD = re.compile("[\u0590-\u06ff]")  # Hebrew and Arabic: vowels are not written, small words are glued on
UNVOWELLED = re.compile("[\u0590-\u06ff\u0900-\u0dff\u1000-\u137f]")
HAN = re.compile("[々〇㐀-䶿一-鿿\uf900-\ufaff\U00020000-\U0003ffff]+")


@remembered
def fold(word: str) -> str:
    """Lower-case Latin letters and digits only; other scripts as they are usually written in Latin letters."""
    if word.isascii():
        return (word if word.isalnum() else _NOT_ALNUM.sub("", word)).lower()
    indic = _INDIC.search(word) is not None
    if indic:
        word = _NASAL.sub(_nasal, word)
    base = _HARMLESS_MARKS.sub("", unicodedata.normalize("NFKD", word.translate(_AS_SPELT))).replace("ու", "u")
    latin = _NOT_ALNUM.sub("", anyascii(base)).lower()
    if indic:  # anyascii has the scholars' "c" for what names write "ch", in Tamil "s"
        latin = _SCHOLARS_C.sub("s" if _TAMIL.search(word) else "ch", latin)
    return latin


def _nasal(m: re.Match[str]) -> str:
    """M before a letter that is spoken with the lips, which have one place in each of these scripts, else N."""
    following = m.group(1)
    return "m" if following and 0x2A <= ord(following) & 0x7F <= 0x2E else "n"


@remembered
def foldings(word: str) -> tuple[str, ...]:
    """Every folded reading of a word: as it sounds, and as it looks where letters of two scripts look alike."""
    first = fold(word)
    if word.isascii():
        return (first,)
    readings = {first: None}
    spelt_out = unicodedata.normalize("NFC", word).translate(_SPELT_OUT)
    if spelt_out != word:
        readings[fold(spelt_out)] = None
    if not _CYRILLIC_OR_GREEK.search(word):
        return tuple(readings)
    readings[fold(word.translate(_TO_LATIN))] = None
    readings[fold(word.translate(_SERBIAN))] = None
    if _LATIN.search(word):
        readings[fold(word.translate(_TO_CYRILLIC))] = None
    return tuple(readings)


def small(word: str) -> bool:
    """Whether a word begins with a small letter of a script that uses capitals (Georgian has them and does not)."""
    return word[:1].islower() and not "\u10d0" <= word[0] <= "\u10ff"


_SOUNDS = (
    (re.compile("shch|szcz|stsch|sch|sh|sz"), "S"),
    (re.compile("tsch|tch|cz|ch"), "C"),
    (re.compile("zh|dj|dzh"), "Z"),
    (re.compile("kh|gh"), "h"),
    (re.compile("ck|q|c"), "k"),
    (re.compile("ph"), "f"),
    (re.compile("th"), "t"),
    (re.compile("tz|ts"), "z"),
    (re.compile("x"), "ks"),
    (re.compile("w"), "v"),
    (re.compile("g"), "h"),
    (re.compile("oo|ou"), "u"),
    (re.compile("ee|[ijy]+"), "i"),
    (re.compile("^ie"), "e"),
    (re.compile("ie"), "e"),
    (re.compile(r"(.)\1+"), r"\1"),
)


def skeleton_of(folded: str) -> str:
    """One spelling for the usual ways of writing one sound ("Yuliia", "Julia"; "Oksana", "Oxana")."""
    for pattern, sound in _SOUNDS:
        folded = pattern.sub(sound, folded)
    return folded


skeleton = remembered(skeleton_of)


_COARSE = (
    (re.compile("shch|szcz|tsch|sch|dzh|tch|sh|zh|ch|ts|tz|tx|cz|sz|cs|zs|dj|dz|gj|xh"), "S"),
    (re.compile("ph"), "f"),
    (re.compile("kh|gh|ck|qu|[gkqchx]"), "K"),
    (re.compile("th|[dt]"), "T"),
    (re.compile("[bp]"), "P"),
    (re.compile("[fvw]"), "F"),
    (re.compile("[sz]"), "S"),
    (re.compile("^[aeiouyj]+"), "A"),
    (re.compile("[aeiouyj]"), ""),
    (re.compile(r"(.)\1+"), r"\1"),
)


@remembered
def coarse(folded: str) -> str:
    """The consonants of a name by where they are spoken: enough to tell a foreign spelling beside another one."""
    for pattern, sound in _COARSE:
        folded = pattern.sub(sound, folded)
    return folded


_DIGRAPHS = (
    ("sh", "S"),
    ("zh", "j"),
    ("kh", "x"),
    ("gh", "G"),
    ("th", "t"),
    ("dh", "d"),
    ("ph", "f"),
    ("ch", "S"),
    ("q", "k"),
    ("p", "b"),
    ("v", "f"),
    ("g", "j"),
    ("c", "k"),
)


@remembered
def consonants(folded: str) -> str:
    """What Arabic writing keeps of a name: "Mohammed", "Muhamad" and "محمد" have the same consonants."""
    for pair, single in _DIGRAPHS:
        folded = folded.replace(pair, single)
    kept = ("A" if folded[:1] in "aeiou" else folded[:1]) + re.sub("[wyaeiou]", "", folded[1:])
    kept = re.sub(r"(.)\1+", r"\1", kept)
    return kept[:-1] if len(kept) > 1 and kept.endswith("h") else kept
