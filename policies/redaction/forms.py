"""The forms in which one known name may stand in a text, made once per set of identities.

Given Identity and Name, `Lexicon` holds every folded form with what it stands for: the parts themselves, spelling and
look-alike variants, listed and regularly derived nicknames, glued forms ("oshevchenko"), and the stems for plurals and
case endings. How a form must stand in the text to count (capital letter, neighbours) is decided in `names`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from nicknames import NickNamer

from policies.redaction.identity import Name
from policies.redaction.lexica import any_language, family_names, given_names, lines
from policies.redaction.scripts import ABJAD, HAN, TOKEN, clean, coarse, consonants, fold, foldings, skeleton
from policies.redaction.transcriptions import in_latin, in_other_scripts, of_pinyin, of_the_other_layout, pinyin
from policies.redaction.words import COMMON, listed

PARTICLES = listed(
    """
    de da do dos das del della dello di du la las le los van von der den dem ter ten zu zum zur el al ul as ash
    bin bint ibn abu umm ben y e i o d l san st mac mc af av
    """
)

_EMPTY = listed(
    """
    the an and or of in on at to for with without from by as is was are were be been my our your his her their its this
    that who no not all one two but if so
    """
)  # say nothing in a nickname of several words; the whole of it is known as a phrase

_ARABIC_NAMES = listed(
    """
    mohammed muhammad mohamed mohammad mohamad muhammed ahmed ahmad ali hassan hasan hussein husain fatima fatimah
    yusuf yousef youssef ibrahim abdullah abdallah abdul abd omar umar khalid khaled mahmoud mustafa aisha layla
    leila maryam mariam amina khadija zainab zahra noor nour salma samira huda rania hala
    """
)

# Case, plural and possessive endings in Latin letters, of some thirty languages: enough to know a name again.
ENDINGS = listed(
    """
    s es a u y i e o n t
    om em am ym im oy ey oi ei iy yy oyu eyu iyu oiu eiu oju eju oho yoho oyi oji ii ie iei ov ev ovi evi ovu ova ovoi
    ou ove ami iam yam akh ax ach ah yx ykh ikh ych ego ogo emu omu owi owie iem iami ia iu ej iej ow owa owej ia iou
    ului lui ulei ule ilor elor ai le
    nak nek val vel ot et at hoz hez ra re rol tol ban ben bol ba be ert ig nal nel ek ne nenak al el ul
    nin nun in un ya ye yi yu da de ta te dan den tan ten la yla yle nda nde ndan nden ca ce lar ler larin lerin
    ssa sta lla lta lle na ksi tta en an on ga lt ile ilt iga isse
    io aus iaus ui iui iai yje oje uje as is us ys os iem ems oms
    it ve
    oy ata at ut
    ens sche
    ma ad its inata inoto inite kinata ina ino ini
    ren rekin rentzat tik nyng nyn ning dyng tyng ding ting gha ga qa ka men jev jeva jevo jevi jevim evim ovoi
    """
)
RISKY_ENDINGS = listed(
    """
    a o in on i e ie ei an en el al ia ov ev ova ev ina io is as us os ita t y ai ei u ne ad
    """
)  # turn one given name into another, or into a surname

_CASES = (
    ("a", listed("e i y u o ei ii oi om ou oyu ie es en")),
    ("ya", listed("i e yu ei eyu ieyu ii io")),
    ("ia", listed("i ie iu io ei")),
)
"""Case endings of names whose last vowel is all they lose: Slavic, Romanian ("Anei"), Albanian ("Anës")."""
_GRADED = (("tt", "t"), ("kk", "k"), ("pp", "p"), ("nt", "nn"), ("lt", "ll"), ("rt", "rr"), ("nk", "ng"), ("mp", "mm"))
_PET_ENDINGS = listed(
    """
    ka ko ek ik chka ochka echka ichka enka onka ushka yushka usha usia usya unia unya ulya sha shka nka inka onko
    ita ito cita cito inha inho ella etta ina uta utza ica ika ico uca ucha uccia icka ecka uska chen lein li tje
    ke cik can jan juan chan isoara el
    ienka iunia iulka eczka eczek ulka ulek utka cia isia iuta icuta isor us ushka utsa ischa itsa oula aki akis
    ino etto ello ella uccio uccia ito illo illa uca ucho eco eca zinho zinha inhas ette on ot ou kin chik inche che cho
    cska cske uska uci i y ie o ush cuk cigim cagiz erl le tje je tsje pie itsu iku
    """
)
_PET_CASES = ("u", "y", "i", "e", "o", "oyu", "oi", "om", "ei", "ou", "ce", "tsi")
PET_ENDINGS = _PET_ENDINGS | {
    ending[:-1] + case
    for ending in _PET_ENDINGS
    if ending[-2:] in {"ka", "ha", "ya", "ia"} or ending == "usha"
    for case in _PET_CASES
}
"""Endings of pet names in a dozen languages, with the cases of the Slavic ones."""


# Family names that change with sex or marriage: endings that stand for one another.
_FAMILY_ENDINGS = (
    ("ov", "ova", "ove", "ovi", "off", "ow", "owa", "ovna"),
    ("ev", "eva", "eff", "ew", "ewa", "yev", "yeva", "evna"),
    ("in", "ina"),
    ("yn", "yna"),
    ("ski", "ska", "sky", "skaya", "skaia", "skyy", "skyi", "skiy", "skij", "skis", "skiene", "skaite"),
    ("cki", "cka", "tskyy", "tskyi", "tskaya", "ckis"),
    ("zki", "zka"),
    ("dzki", "dzka"),
    ("ny", "na", "naya", "nyi", "nyy"),
    ("as", "iene", "aite", "iute", "ai", "a"),
    ("is", "iene", "yte", "i"),
    ("ys", "iene", "yte", "io"),
    ("us", "iene", "ute", "iute"),
    ("os", "ou", "oy", "oulou"),
    ("poulos", "poulou", "poyloy", "poylos"),
    ("idis", "idou", "idoy"),
    ("akis", "aki"),
    ("iadis", "iadou", "iadoy"),
    ("s", "a"),
    ("ic", "iceva"),
)
_DOUBLED = re.compile(r"(.)\1+")
_SHORT_ENDINGS = ("ek", "us", "iek", "ia", "ka", "cio", "ciu", "zio", "usia", "unia", "ik", "ko", "sia", "si", "cia")
_FLEETING = re.compile(r"(?<=[bcdfghjklmnprstvwz])[eo](?=[cklnrt]$)|(?<=[bcdfghjklmnprstvwz])ie(?=[cklnrt]$)")
_SOFTENED = (
    ("ka", ("ce", "tsi", "tci")),
    ("ga", ("dze", "zi")),
    ("ha", ("ze", "zi", "sze")),
    ("ta", ("cie", "tie")),
    ("da", ("dzie", "die")),
    ("ra", ("rze",)),
    ("la", ("le", "li")),
    ("na", ("nie", "ne")),
    ("ca", ("cai",)),
)
_READINGS_OF_SURNAMES = {
    "曾": "zeng",
    "单": "shan",
    "解": "xie",
    "查": "zha",
    "仇": "qiu",
    "朴": "piao",
    "缪": "miao",
    "翟": "zhai",
}


@dataclass(frozen=True, slots=True)
class Form:
    """What one folded form stands for. `weak`: counts only beside another part. `plain`: as it was given."""

    who: int
    kind: str
    part: int
    score: float
    reason: str
    weak: bool = False

    @property
    def plain(self) -> bool:
        return self.reason in {"name", "glued"}


@cache
def _listed() -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for words in lines("short_names.txt"):
        heads, _, tails = " ".join(words).partition(":")
        every = set(tails.split())
        for head in heads.split():
            table.setdefault(head, set()).update(every)
            for tail in every:
                table.setdefault(tail, set()).update(heads.split())
    return {key: frozenset(value) for key, value in table.items()}


@cache
def _abbreviations() -> dict[str, tuple[str, ...]]:
    return {head.removesuffix(":"): tuple(tails) for head, *tails in lines("abbreviations.txt")}


@cache
def _nicknamer() -> NickNamer:
    return NickNamer()


@cache
def _surnames_of_china() -> dict[str, tuple[str, ...]]:
    """Cantonese, Hokkien and older spellings of a surname in Pinyin."""
    return {head.removesuffix(":"): tuple(others) for head, *others in lines("chinese_surnames.txt")}


@cache
def _arabic_spellings() -> dict[str, frozenset[str]]:
    """Names whose Arabic spelling keeps too few consonants to be known by them, and their usual Latin spellings."""
    found: dict[str, frozenset[str]] = {}
    for words in lines("arabic.txt"):
        same = frozenset(fold(word) for word in words)
        for one in same:
            found[one] = same - {one}
    return found


@cache
def _by_skeleton() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for head, tails in _listed().items():
        found.setdefault(skeleton(head), set()).update(tails)
    return {key: frozenset(value) for key, value in found.items()}


def nicknames(folded: str) -> frozenset[str]:
    """Listed short and long forms of a given name, folded; one step away, never nicknames of nicknames."""
    found = set(_listed().get(folded, ())) | set(_by_skeleton().get(skeleton(folded), ()))
    found |= {fold(n) for n in _nicknamer().nicknames_of(folded) | _nicknamer().canonicals_of(folded)}
    return frozenset(n for n in found if len(n) >= 2 and n != folded)


_GREEK = re.compile("[\u0370-\u03ff\u1f00-\u1fff]")
_GREEK_VOWELS = (("ey", "ev"), ("ay", "av"))  # before a vowel or a voiced sound, where the lists have Latin letters


def _from_greek(folded: str) -> str:
    """A name in Greek letters, folded, as it is usually written in Latin ones: "paraskeyi", "eyaggelia"."""
    for greek, latin in _GREEK_VOWELS:
        folded = re.sub(f"{greek}(?=[aeioylrgdmn])", latin, folded)
    return folded.replace("oy", "ou").replace("gg", "ng")


def _as_greek(latin: str) -> str:
    """A name in Latin letters as one in Greek letters folds: "voula" as "voyla"."""
    for greek, sound in _GREEK_VOWELS:
        latin = latin.replace(sound, greek)
    return latin.replace("ou", "oy").replace("ng", "gg")


_FIRST_SYLLABLE = re.compile("[^aeiouy]*[aeiouy][^aeiouy]{2,3}(?=[aeiouy])")


def shortened(folded: str) -> Iterator[str]:
    """Regularly shortened names: "Gabi", "Zsofi", "Alex"."""
    yield from (folded[:size] for size in range(4, len(folded) - 1))
    for size in (3, 4) if len(folded) >= 5 else ():
        root = folded[:size]
        if root[-1] not in "aeiouy":
            doubled = root + root[-1] if root[-2] != root[-1] and root[-2] in "aeiouy" else root
            yield from (one + ending for one in (root, doubled) for ending in ("i", "y", "ie", "o"))
            yield from (root + ending for ending in _SHORT_ENDINGS)
            if size == 3:
                yield root
    yield from (folded[cut:] for cut in range(2, len(folded) - 4) if folded[cut:] in given_names())  # "Lotte"
    first = _FIRST_SYLLABLE.match(folded)
    if first and len(first.group()) == 5:  # "Thandi" for Thandeka: cut where the second syllable begins
        yield from (first.group() + ending for ending in ("i", "y", "ie"))


def family_variants(folded: str) -> Iterator[str]:
    """The other sex's or the married form of a family name, where its ending shows one."""
    for endings in _FAMILY_ENDINGS:
        for ending in endings:
            root = folded.removesuffix(ending)
            if root != folded and len(root) >= 3:
                yield from (root + other for other in endings if other != ending)
    if len(folded) >= 4:
        yield folded.rstrip("aeiouy") + "ova"
        yield folded + "ne"


def undoubled(folded: str) -> str:
    """Every doubled or drawn-out letter once: "leaaa", "Andreea"."""
    return _DOUBLED.sub(r"\1", folded)


def words_of(text: str) -> list[str]:
    """The words of a name as they stand in a text."""
    return TOKEN.findall(clean(text).text)


def _slips(form: str) -> Iterator[str]:
    """What a scanner makes of a form: "rn" for "m" and the like, one at a time."""
    for one, other in (
        ("m", "rn"),
        ("rn", "m"),
        ("w", "vv"),
        ("d", "cl"),
        ("cl", "d"),
        ("h", "li"),
        ("i", "l"),
        ("l", "i"),
        ("u", "ii"),
        ("n", "ri"),
        ("b", "lo"),
        ("k", "lc"),
    ):
        at = form.find(one)
        while at >= 0:
            yield form[:at] + other + form[at + len(one) :]
            at = form.find(one, at + 1)


@dataclass(slots=True)
class Person:
    """One person's parts: kind and folded readings of each, in the order they were given."""

    parts: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    native: set[str] = field(default_factory=set)  # forms in scripts without spaces or with endings glued on
    arabic: bool = False
    particles: set[str] = field(default_factory=set)
    letters: set[str] = field(default_factory=set)  # parts of one letter, and first letters in their own script
    written: dict[str, set[str]] = field(default_factory=dict)  # how the parts were given, by their first reading

    def add(self, kind: str, word: str) -> None:
        readings = foldings(word)
        self.written.setdefault(readings[0], set()).add(word)
        if len(readings[0]) == 1:
            self.letters.add(readings[0])
        elif readings[0] and (kind, readings) not in self.parts:
            self.parts.append((kind, readings))

    @property
    def chinese(self) -> bool:
        """Whether the name is written in Chinese characters, or has a Chinese family name in pinyin."""
        words = self.of("given", "middle", "family")
        return any(HAN.search(form) for form in self.native) or (
            any(word in _surnames_of_china() for word in words) and all(pinyin(word) for word in words)
        )

    def of(self, *kinds: str) -> list[str]:
        return list(dict.fromkeys(readings[0] for kind, readings in self.parts if kind in kinds))


def person_of(names: Iterable[Name]) -> Person:
    """Take names apart. Particles ("de", "al") are dropped where the part has another word."""
    person = Person()
    for name in names:
        for kind, text in (("given", name.given), ("middle", name.middle), ("family", name.family)):
            _add(person, kind, text)
        for alias in name.aliases:
            _alias(person, alias)
        for native in name.native:
            words = words_of(native)
            for at, word in enumerate(words):
                whole = len(words) == 1 and HAN.fullmatch(word)
                _add(person, "family" if whole or (at == len(words) - 1 and at) else "given", word)
    return person


def _alias(person: Person, alias: str) -> None:
    words = words_of(alias)
    if len(words) == 1:
        _add(person, "alias", words[0])
        return
    for word in words:
        folded = fold(word)
        if len(folded) > 2 and folded not in any_language():
            _add(person, "alias", word)
        elif folded not in PARTICLES and folded not in _EMPTY and len(folded) >= 2:
            person.add("weak", word)
    if words:
        person.add("phrase", "".join(words))


def _add(person: Person, kind: str, text: str) -> None:
    words = words_of(text)
    folded = [fold(word) for word in words]
    if any(ABJAD.search(word) for word in words) or any(w in {"al", "el", "bin", "ibn", "abu", "bint"} for w in folded):
        person.arabic = True
    if len(words) > 1:
        person.particles |= {word for word in folded if word in PARTICLES}
    if any(word in _ARABIC_NAMES for word in folded):
        person.arabic = True
    real = [word for word, plain in zip(words, folded, strict=True) if plain not in PARTICLES] or words
    for word in real:
        if HAN.fullmatch(word):
            _add_han(person, kind, word)
        else:
            person.add(kind, word)
            if word.startswith("ال") and len(word) > 4:  # the article may be apart, or left out
                person.add(kind, word[2:])
            if not word.isascii():
                person.letters.add(word[0].lower())
            if _GLUING.search(word):
                person.native.add(word)
    if len(words) > 1:
        person.add("phrase", "".join(words))


def _add_han(person: Person, kind: str, word: str) -> None:
    syllables = [fold(char) for char in word]
    syllables[0] = _READINGS_OF_SURNAMES.get(word[0], syllables[0])
    person.native.add(word)
    if len(syllables) == 1 or kind == "given" or (kind == "alias" and word[0] in _ENDEARING):
        person.add(kind, word)
        return
    for part in (("family", (syllables[0],)), ("given", ("".join(syllables[1:]),))):
        if part not in person.parts:
            person.parts.append(part)


_ENDEARING = frozenset("小阿老大")  # before a pet name, no surname
_GLUING = re.compile("[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\uac00-\ud7af]")


class Lexicon:
    """Every folded form of every identity. Built once; looked into for each distinct word of a text."""

    def __init__(self, people: list[Person]) -> None:
        self.people = people
        self.index: dict[str, tuple[Form, ...]] = {}
        self.foreign: dict[str, tuple[Form, ...]] = {}  # forms in other scripts, which no Latin word can be
        self._strong: set[str] = set()
        self.skeletons: dict[str, list[Form]] = {}
        self.bare_skeletons: dict[str, list[Form]] = {}  # without the last vowel: case endings of other scripts
        self.consonants: dict[str, list[Form]] = {}
        self.coarse: dict[str, list[Form]] = {}  # count only beside one another, or beside a surer part
        self.stems: dict[str, list[tuple[Form, bool]]] = {}
        self.prefixes: set[str] = set()
        self.letters: dict[str, list[Form]] = {}  # names by their letters in the order of the alphabet
        self.single: dict[str, list[Form]] = {}  # names with every doubled letter written once
        self.cases: dict[str, list[Form]] = {}  # of names too short to be known by their stem: "Olę", "Ани"
        for who, person in enumerate(self.people):
            person.particles |= {fold(form) for word in person.particles for form in in_other_scripts(word)}
            for number, (kind, readings) in enumerate(person.parts):
                self._part(who, person, number, kind, readings)
            self._glued(who, person)
        named = {form for form in self._strong if any(h.reason == "name" for h in self.index[form])}
        self.fuzzy = sorted(form for form in named if len(form) >= 4)
        inside = {form for form in named if len(form) >= 4}
        self.inside = re.compile("|".join(map(re.escape, sorted(inside, key=len, reverse=True)))) if inside else None
        for form in self._strong:
            if len(form) >= 3 or form in named:
                for end in range(len(form), 0, -1):
                    if form[:end] in self.prefixes:
                        break  # and so are all that are shorter
                    self.prefixes.add(form[:end])
        self.heads = {form[:3] for form in self.index} | {stem[:3] for stem in self.stems}

    def _put(self, form: str, hit: Form) -> None:
        if len(form) < 2:
            return
        known = self.index.get(form, ())
        for other in known:
            if other.who == hit.who and other.part == hit.part:
                return
        self.index[form] = (*known, hit)
        if hit.reason in {"name", "glued", "slip"}:
            self._strong.add(form)

    def _part(self, who: int, person: Person, number: int, kind: str, readings: tuple[str, ...]) -> None:
        base = Form(who, kind, number, 1.0, "name", weak=kind == "weak")
        for reading in readings:
            self._put(reading, base)
        for reading in dict.fromkeys(readings):
            self._stem(reading, base)
            if kind in {"given", "middle", "alias"}:
                self._in_cases(reading, base)
            if len(reading) >= 3 and kind in {"given", "middle", "family", "alias"}:
                mixed = replace(base, score=0.7, reason="slip", weak=True)
                self.letters.setdefault("".join(sorted(reading)), []).append(mixed)
                self.single.setdefault(undoubled(reading), []).append(replace(base, score=0.8, reason="spelling"))
            bones = skeleton(reading)
            if len(reading) >= 4:
                self.skeletons.setdefault(bones, []).append(replace(base, score=0.9, reason="spelling"))
                if bones[-1:] in "aeiouy" and len(bones) >= 5:
                    self.bare_skeletons.setdefault(bones[:-1], []).append(replace(base, score=0.8, reason="ending"))
            sounds = consonants(reading)
            for key in {sounds, sounds.removeprefix("A")}:  # an initial vowel may have no letter of its own
                if len(key) >= 2:
                    spelling = replace(base, score=0.85, reason="other-script", weak=len(key) < 3)
                    self.consonants.setdefault(key, []).append(spelling)
            if kind in {"given", "middle", "family"}:
                sounding = {coarse(reading), coarse(reading[1:] if reading.startswith("ch") else reading)}  # "Hadji-"
                for sound in sorted(sounding):
                    if len(sound) >= 2 and all(form.part != number for form in self.coarse.get(sound, ())):
                        self.coarse.setdefault(sound, []).append(replace(base, score=0.7, reason="sounds", weak=True))
                if person.chinese:
                    for other in of_pinyin(reading):
                        self._put(other, replace(base, score=0.9))
            if kind in {"given", "middle", "family", "alias"}:
                self._transcribed(person.written.get(reading, set()), base)
            for other in _arabic_spellings().get(reading, ()):
                self._put(other, replace(base, score=0.95, reason="name"))
            for sound, other in (("sh", "ch"), ("ch", "sh"), ("ou", "u"), ("kh", "j")):
                if sound in reading and len(reading) >= 4:
                    self._put(reading.replace(sound, other), replace(base, score=0.85, reason="spelling"))
            if len(reading) >= 5:
                for slip in _slips(reading):
                    self._put(slip, replace(base, score=0.8, reason="slip"))
            if kind in {"given", "alias", "middle"}:
                shorts = nicknames(reading)
                if any(_GREEK.search(word) for word in person.written.get(reading, ())):
                    shorts |= {_as_greek(short) for short in nicknames(_from_greek(reading))}
                for short in sorted(shorts):
                    self._put(short, replace(base, score=0.8, reason="nickname"))
                    self._in_cases(short, base)
                    if len(short) >= 4 and short not in any_language():
                        self._stem(short, replace(base, score=0.75, reason="nickname"))
                self._shortened(reading, base)
            for other in _abbreviations().get(reading, ()):
                self._put(other, replace(base, score=0.7, reason="nickname", weak=True))
            if kind == "family":
                for other in family_variants(reading):
                    if other not in any_language():
                        self._put(other, replace(base, score=0.9, reason="family"))
                        self._stem(other, replace(base, score=0.85, reason="family"))
                if len(reading) >= 7 and reading.endswith("ova"):  # the husband's or father's, who may be another
                    self._put(reading[:-3], replace(base, score=0.8, reason="family", weak=True))
                self._beginnings(reading, base)
                for other in _surnames_of_china().get(reading, ()):
                    self._put(other, replace(base, score=0.7, reason="spelling", weak=True))
                if person.arabic:
                    for particle in ("al", "el"):
                        self._put(particle + reading, base)

    def _transcribed(self, words: set[str], base: Form) -> None:
        """The part in other scripts, and in the Latin letters of other systems."""
        if base.weak:
            return
        script, latin = replace(base, score=0.85, reason="other-script"), replace(base, score=0.8, reason="spelling")
        short, ending = replace(script, weak=True), replace(script, score=0.8)
        for word in sorted(words):
            for form in in_other_scripts(word):
                folded = fold(form)
                if len(folded) < 2 or len(folded) > 24:
                    continue
                if ABJAD.match(form):
                    key = consonants(folded)
                    if len(key) >= 2 and not any(f.part == base.part for f in self.consonants.get(key, ())):
                        self.consonants.setdefault(key, []).append(short if len(key) < 3 else script)
                    continue
                if all(other.part != base.part for other in self.foreign.get(folded, ())):
                    self.foreign[folded] = (*self.foreign.get(folded, ()), short if len(folded) < 4 else script)
                    if "\u0400" <= form[0] <= "\u052f" and len(folded) >= 4:
                        self._bones(folded, script)
                        if folded not in self.stems:
                            self._stem(folded, ending)
            for form in of_the_other_layout(word):
                self._put(fold(form), replace(script, reason="name", score=0.8))
            for form in in_latin(word):
                self._variant(fold(form), latin)

    def _variant(self, folded: str, form: Form) -> None:
        """A spelling that counts like the name, unless it is a word or another name: then beside another part."""
        if folded in self.index or len(folded) < 3 or folded in any_language():
            return
        if len(folded) < 4 or folded in given_names() or folded in family_names():
            if any(other.part == form.part for other in self.skeletons.get(skeleton(folded), ())):
                return  # it sounds the same: that counts more
            form = replace(form, weak=True)
        elif len(folded) >= 5 and folded not in self.stems:
            self._stem(folded, replace(form, score=0.75))
        self._put(folded, form)

    def _bones(self, folded: str, form: Form) -> None:
        if len(folded) >= 5:
            bones = skeleton(folded)
            if all(other.part != form.part for other in self.skeletons.get(bones, ())):
                self.skeletons.setdefault(bones, []).append(form)

    def _stem(self, reading: str, base: Form) -> None:
        self.stems.setdefault(reading, []).append((base, False))
        if reading[-1:] in "aeiouy" and len(reading) > 3:
            self.stems.setdefault(reading[:-1], []).append((base, True))
            if reading[-2] in "aeiouy" and len(reading) > 4:
                self.stems.setdefault(reading[:-2], []).append((base, True))
        elif len(reading) > 4 and reading[-2:] in {"as", "is", "us", "os", "es", "ys"}:  # Baltic and Greek
            self.stems.setdefault(reading[:-2], []).append((base, True))
        for strong, weak in _GRADED:  # Finnish and Estonian: "Hyvätille" for Hyvätti, "Rannan" for Ranta
            if reading[-3:-1] == strong and reading[-1] in "aeiou" and len(reading) >= 5:
                self.stems.setdefault(reading[:-3] + weak + reading[-1], []).append((base, False))
        if reading.endswith("nen") and len(reading) >= 6:  # "Pöyhöseltä" for Pöyhönen
            for stem in (reading[:-3] + "se", reading[:-3] + "s"):
                self.stems.setdefault(stem, []).append((base, False))
        short = _FLEETING.sub("", reading)
        if short != reading and len(short) >= 4:
            self.stems.setdefault(short, []).append((base, False))
        for ending, others in _SOFTENED:
            if reading.endswith(ending) and len(reading) >= 4:
                for other in others:
                    self._put(reading[:-2] + other, replace(base, score=0.85, reason="ending"))

    def _in_cases(self, reading: str, base: Form) -> None:
        """The cases of a name that is too short for its stem to tell it, or of a pet name whose stem does not count."""
        if not 3 <= len(reading) <= 5:
            return
        for vowel, endings in _CASES:
            stem = reading.removesuffix(vowel)
            if stem != reading and len(stem) >= 2 and stem[-1] not in "aeiouy":
                for ending in endings:
                    self.cases.setdefault(stem + ending, []).append(replace(base, score=0.75, reason="case"))

    def _beginnings(self, reading: str, base: Form) -> None:
        """A long family name cut short: "Hallgrims", "Rakoto", "Wickrama"."""
        for size in range(6, len(reading) - 2) if len(reading) >= 9 else ():
            short = reading[:size]
            if short not in self.index and short not in any_language():
                other = short in family_names() or short in given_names()
                self._put(short, replace(base, score=0.7, reason="nickname", weak=other or base.weak))

    def _shortened(self, reading: str, base: Form) -> None:
        sure, weak = ((replace(base, score=0.75, reason="nickname", weak=weak),) for weak in (False, True))
        index, words, families, givens = self.index, any_language(), family_names(), given_names()
        for short in shortened(reading):
            if short not in index and short not in words:
                other = len(short) < 4 and (short in families or short in givens)
                index[short] = weak if other else sure

    def _glued(self, who: int, person: Person) -> None:
        first, last = person.of("given", "alias"), person.of("family", "phrase")
        middle = person.of("middle")
        pairs = {a + b for x in first for y in last for a, b in ((x, y), (y, x), (x[:1], y), (y, x[:1]))}
        pairs |= {m + y for m in middle for y in last} | {y + m for m in middle for y in last}
        pairs |= {x + m + y for x in first for m in (*middle, *(m[:1] for m in middle)) for y in last}
        pairs |= {x + m for x in first for m in middle} | {a + b for a in first for b in first if a != b}
        pairs |= {x + y[:1] for x in first for y in last if len(x) >= 5}
        pairs |= {short + y for x in first for short in nicknames(x) for y in last if len(short) >= 3}
        for pair in pairs:
            if len(pair) >= 5 and pair not in COMMON:
                self._put(pair, Form(who, "full", -1, 0.95, "glued"))
