"""The forms in which one known name may stand in a text, made once per set of identities.

Given Identity and Name, `Lexicon` holds every folded form with what it stands for: the parts themselves, spelling and
look-alike variants, listed nicknames, glued forms ("oshevchenko"), and the stems for plurals and case endings.
How a form must stand in the text to count (capital letter, neighbours) is decided in `names`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from nicknames import NickNamer

from policies.redaction.identity import Identity, Name
from policies.redaction.scripts import ARABIC, HAN, clean, consonants, fold, foldings, skeleton
from policies.redaction.words import COMMON, listed

TOKEN = re.compile(r"[^\W_]+")
Tokens = list[tuple[str, int, int]]  # a word with its start and end in a clean text

PARTICLES = listed(
    """
    de da do dos das del della dello di du la las le los van von der den dem ter ten zu zum zur el al ul as ash
    bin bint ibn abu umm ben y e i o d l san st mac mc af av
    """
)

_ARABIC_NAMES = listed(
    """
    mohammed muhammad mohamed mohammad mohamad muhammed ahmed ahmad ali hassan hasan hussein husain fatima fatimah
    yusuf yousef youssef ibrahim abdullah abdallah abdul abd omar umar khalid khaled mahmoud mustafa aisha layla
    leila maryam mariam
    """
)

# Case and plural endings in Latin letters (Slavic, Baltic, Romanian, Hungarian, Turkish, English), longest first.
ENDINGS = listed(
    """
    s es a u y i e o om em am ym im oy ey iy yy oyu eyu iyu oiu eiu oju eju oho oyi oji oi ei ii ie iei ului lui
    ulei ov ev ovi evi ovu ovy ova ovoi ami iam yam akh ax ach ah yx ykh ykh ych ego ogo emu omu owi owie ban ben
    val vel tol hez nin nun in un
    """
)
RISKY_ENDINGS = listed(
    """
    a o in un on i e ie ei
    """
)  # turn one given name into another


_DIMINUTIVES = """
aleksandr aleksander alexander alexandru: sasha sashko shura sanya alex sandu
aleksandra alexandra: sasha shura sanya alex sanda ola
anastasia anastasiya: nastya nastia nastja stasia asya nastka
anna hanna ana: anya ania anja asya anechka anuta annushka hania anka nyura nusha anita
antonina: tonya tosya
daria darya: dasha dashka
dmitri dmytro dmitry dumitru: dima mitya mitica dimka
ekaterina kateryna katarzyna catalina yekaterina katerina: katya katia kasia katka kate katyusha catinca
elena olena yelena helena: lena lenochka lenka olenka alyona alena nutsi ilenuta lenuta
elisabeta yelizaveta elizaveta: liza lizka veta beti
evgenia yevheniia yevgenia: zhenya jenya zhenka
fatima fatoumata fatma: fati fatou fatimah fatoum
francisca francisco: paca paco pancho
galina halyna: galya halya galochka
gheorghe george georgi: ghita gicu gogu zhora gosho
guadalupe: lupe lupita
ibrahim: ibro ibou
ioana joanna johanna: oana asia joasia ionela nuta
ion ioan ivan: ionel nelu ionut vanya vanka nicu jan
irina iryna irena: ira irka irochka irynka
jose: pepe chepe
kseniia ksenia xenia: ksyusha ksusha ksenya
liudmyla lyudmila ludmila: lyuda luda mila
magdalena: magda lena magdusia
malgorzata: gosia malgosia
margarita margareta: rita margo
maria mariya mariia: masha marusya mashka marichka marysia mariyka marioara mia mimi maricica
mohammed muhammad mohamed mehmet: mo hamo moha momo
mykola nikolai nicolae: kolya mykolka nicu nelu
nadia nadiya nadezhda: nadya nadenka nadiyka
natalia nataliya natalya: natasha nata natalka natashka tasha
oksana oxana: ksana oksanka oksanochka ksenia ksyusha oksanka
olga olha: olya olia olenka olechka olka
pavel pavlo: pasha pavlik
petro petru pyotr: petya petrica petrus
rosario: charo
sergei serhii: seryozha serhiyko serozha
sofia sofiya zofia: sonya sonia sofiyka zosia
svetlana svitlana: sveta svitlanka lana
tatiana tetiana tetyana: tanya tania tanyusha
valentina: valya vala
vasile vasyl vasili: vasya vasilica
vera vira: verochka
victoria viktoria viktoriia: vika vicky
vladimir volodymyr: vova volodya vovka vlad
yulia yuliia julia iuliia: yulya yulka iulka julcia
zainab zeynep: zeina zozo
blessing: bless blessy
chiamaka chinyere chioma ngozi: chi chichi amaka ngo
oluwaseun oluwaseyi: seun seyi
temitope: temi tope
yetunde babatunde: tunde
ifeoma: ify ifeo
"""


@dataclass(frozen=True, slots=True)
class Form:
    """What one folded form stands for. `word`: also an ordinary word. `weak`: counts only beside another part."""

    who: int
    kind: str
    part: int
    score: float
    reason: str
    word: bool = False
    weak: bool = False


@cache
def _listed() -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for line in _DIMINUTIVES.strip().splitlines():
        heads, _, tails = line.partition(":")
        every = set(tails.split())
        for head in heads.split():
            table.setdefault(head, set()).update(every)
            for tail in every:
                table.setdefault(tail, set()).update(heads.split())
    return {key: frozenset(value) for key, value in table.items()}


@cache
def _nicknamer() -> NickNamer:
    return NickNamer()


def nicknames(folded: str) -> frozenset[str]:
    """Listed short and long forms of a given name, folded; one step away, never nicknames of nicknames."""
    found = set(_listed().get(folded, ()))
    found |= {fold(n) for n in _nicknamer().nicknames_of(folded) | _nicknamer().canonicals_of(folded)}
    return frozenset(n for n in found if len(n) >= 2 and n != folded)


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
    ):
        at = form.find(one)
        while at >= 0:
            yield form[:at] + other + form[at + len(one) :]
            at = form.find(one, at + 1)


@dataclass(slots=True)
class Person:
    """One person's parts: kind and folded readings of each, in the order they were given."""

    parts: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    han: set[str] = field(default_factory=set)  # native Han forms
    pinyin: set[tuple[str, ...]] = field(default_factory=set)  # (family, syllables …) glued per part
    arabic: bool = False
    particles: set[str] = field(default_factory=set)

    def add(self, kind: str, word: str) -> None:
        readings = foldings(word)
        if readings[0] and (kind, readings) not in self.parts:
            self.parts.append((kind, readings))

    def of(self, *kinds: str) -> list[str]:
        return [readings[0] for kind, readings in self.parts if kind in kinds]


def person_of(names: Iterable[Name]) -> Person:
    """Take names apart. Particles ("de", "al") are dropped where the part has another word."""
    person = Person()
    for name in names:
        for kind, text in (("given", name.given), ("middle", name.middle), ("family", name.family)):
            _add(person, kind, text)
        for alias in name.aliases:
            words = words_of(alias)
            kind = "alias" if len(words) == 1 else "given"
            for word in words:
                if len(words) == 1 or (fold(word) not in COMMON and len(word) > 2):
                    _add(person, kind, word)
                elif len(word) == 2 and fold(word) not in PARTICLES:
                    person.add("weak", word)
            if len(words) > 1:
                person.add("phrase", "".join(words))
        for native in name.native:
            words = words_of(native)
            for at, word in enumerate(words):
                _add(person, "family" if at == len(words) - 1 and at else "given", word)
    return person


def _add(person: Person, kind: str, text: str) -> None:
    words = words_of(text)
    if any(ARABIC.search(word) for word in words) or any(
        fold(w) in {"al", "el", "bin", "ibn", "abu", "bint"} for w in words
    ):
        person.arabic = True
    person.particles |= {fold(word) for word in words if fold(word) in PARTICLES} if len(words) > 1 else set()
    if any(fold(word) in _ARABIC_NAMES for word in words):
        person.arabic = True
    real = [word for word in words if fold(word) not in PARTICLES] or words
    for word in real:
        if HAN.fullmatch(word):
            syllables = [fold(char) for char in word]
            person.han.add(word)
            if len(syllables) > 1:
                person.parts.extend(
                    part
                    for part in (("family", (syllables[0],)), ("given", ("".join(syllables[1:]),)))
                    if part not in person.parts
                )
            else:
                person.add(kind, word)
        else:
            person.add(kind, word)
    if len(words) > 1:
        person.add("phrase", "".join(words))


class Lexicon:
    """Every folded form of every identity. Built once; looked into for each distinct word of a text."""

    def __init__(self, identities: tuple[Identity, ...]) -> None:
        self.people = [person_of(identity.names) for identity in identities]
        self.index: dict[str, list[Form]] = {}
        self.skeletons: dict[str, list[Form]] = {}
        self.bare_skeletons: dict[str, list[Form]] = {}  # without the last vowel: case endings of other scripts
        self.consonants: dict[str, list[Form]] = {}
        self.stems: dict[str, list[tuple[Form, bool]]] = {}
        self.prefixes: set[str] = set()
        for who, person in enumerate(self.people):
            for number, (kind, readings) in enumerate(person.parts):
                self._part(who, person, number, kind, readings)
            self._glued(who, person)
        self.fuzzy = sorted(
            {form for form, hits in self.index.items() if len(form) >= 5 and any(h.reason == "name" for h in hits)}
        )
        inside = {form for form, hits in self.index.items() if len(form) >= 4 and any(h.reason == "name" for h in hits)}
        self.inside = re.compile("|".join(map(re.escape, sorted(inside, key=len, reverse=True)))) if inside else None
        for form, hits in self.index.items():
            if len(form) >= 3 and any(h.reason in {"name", "glued", "slip"} for h in hits):
                self.prefixes.update(form[:n] for n in range(1, len(form) + 1))

    def _put(self, form: str, hit: Form) -> None:
        if len(form) < 2:
            return
        known = self.index.setdefault(form, [])
        if not any(h.who == hit.who and h.part == hit.part for h in known):
            known.append(replace(hit, word=len(form) <= 2 or form in COMMON))

    def _part(self, who: int, person: Person, number: int, kind: str, readings: tuple[str, ...]) -> None:
        base = Form(who, kind, number, 1.0, "name", weak=kind == "weak")
        for reading in readings:
            self._put(reading, base)
        for reading in readings:
            self.stems.setdefault(reading, []).append((base, False))
            if reading[-1:] in "aeiouy":
                self.stems.setdefault(reading[:-1], []).append((base, True))
            if len(reading) >= 4:
                self.skeletons.setdefault(skeleton(reading), []).append(replace(base, score=0.9, reason="spelling"))
                if skeleton(reading)[-1:] in "aeiouy" and len(skeleton(reading)) >= 5:
                    self.bare_skeletons.setdefault(skeleton(reading)[:-1], []).append(
                        replace(base, score=0.8, reason="ending")
                    )
            if len(consonants(reading)) >= 2:
                self.consonants.setdefault(consonants(reading), []).append(
                    replace(base, score=0.85, reason="arabic-spelling", weak=len(consonants(reading)) < 3)
                )
            if len(reading) >= 5:
                for slip in _slips(reading):
                    self._put(slip, replace(base, score=0.8, reason="slip"))
            if kind in {"given", "alias", "middle"}:
                for short in nicknames(reading):
                    self._put(short, replace(base, score=0.8, reason="nickname", weak=kind == "middle"))
            if kind == "family" and person.arabic:
                for particle in ("al", "el"):
                    self._put(particle + reading, base)

    def _glued(self, who: int, person: Person) -> None:
        first, last = person.of("given", "alias"), person.of("family", "phrase")
        middle = person.of("middle")
        pairs = {a + b for x in first for y in last for a, b in ((x, y), (y, x), (x[:1], y), (y, x[:1]))}
        pairs |= {x + m + y for x in first for m in (*middle, *(m[:1] for m in middle)) for y in last}
        pairs |= {x + m for x in first for m in middle} | {a + b for a in first for b in first if a != b}
        for pair in pairs:
            if len(pair) >= 5 and pair not in COMMON:
                self._put(pair, Form(who, "full", -1, 0.95, "glued"))
