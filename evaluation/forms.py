"""The forms in which one identity can be written: at least eighty of a person, in families, the same for the same seed.

*Plain* forms are what people write every day; none may survive. *Hard* forms are what goes wrong or is done on purpose:
slips, scans, other scripts, case endings, handles, words for numbers. Made without a look at how the redactor works,
and where a library is used, not with one of its own.

A maker writes the core, what must be hidden, between ⟦ and ⟧; the rest of the form (a title, a domain) may stay.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import cyrtranslit
import iuliia
from pypinyin import Style, lazy_pinyin

PLAIN: Final = (
    "parts", "order", "case", "titles", "possessive", "initial", "no-accents", "decomposed", "no-break", "line",
    "soft-hyphen", "zero-width", "look-alikes", "alias", "number", "phone", "date",
)  # fmt: skip
HARD: Final = (
    "slip", "scan", "spaced", "nickname", "script", "variant", "ending", "e-mail", "user-name", "url", "hashtag",
    "file-name", "date-words", "date-odd", "number-odd", "phone-odd", "initials", "address", "doubled-split",
)  # fmt: skip

PARTICLES: Final = frozenset("ben al el bin von van der de da dos di".split())
NEIGHBOURS: Final = {
    row[i]: row[max(0, i - 1) : i] + row[i + 1 : i + 2]
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for i in range(len(row))
}
SCAN: Final = (("rn", "m"), ("m", "rn"), ("l", "1"), ("o", "0"), ("cl", "d"), ("d", "cl"), ("e", "c"), ("i", "l"),
               ("h", "li"), ("s", "5"), ("a", "o"), ("t", "f"), ("n", "ri"), ("u", "ii"))  # fmt: skip
CYRILLIC_TWINS: Final = dict(zip("aeopcxyisjABEKMHOPCTXSIJ", "аеорсхуіѕјАВЕКМНОРСТХЅІЈ", strict=True))
GREEK_TWINS: Final = dict(zip("ovABEZHIKMNOPTYX", "ονΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", strict=True))
MONTHS: Final[dict[str, tuple[str, ...]]] = {
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December"),
    "fr": ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
           "décembre"),
    "de": ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
           "Dezember"),
    "es": ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
           "noviembre", "diciembre"),
    "it": ("gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre",
           "novembre", "dicembre"),
    "pl": ("stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca", "lipca", "sierpnia", "września",
           "października", "listopada", "grudnia"),
    "ro": ("ianuarie", "februarie", "martie", "aprilie", "mai", "iunie", "iulie", "august", "septembrie", "octombrie",
           "noiembrie", "decembrie"),
    "tr": ("Ocak", "Şubat", "Mart", "Nisan", "Mayıs", "Haziran", "Temmuz", "Ağustos", "Eylül", "Ekim", "Kasım",
           "Aralık"),
    "ru": ("января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября",
           "декабря"),
    "el": ("Ιανουαρίου", "Φεβρουαρίου", "Μαρτίου", "Απριλίου", "Μαΐου", "Ιουνίου", "Ιουλίου", "Αυγούστου",
           "Σεπτεμβρίου", "Οκτωβρίου", "Νοεμβρίου", "Δεκεμβρίου"),
    "hu": ("január", "február", "március", "április", "május", "június", "július", "augusztus", "szeptember", "október",
           "november", "december"),
    "pt": ("janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro",
           "novembro", "dezembro"),
}  # fmt: skip
ROMAN: Final = "I II III IV V VI VII VIII IX X XI XII".split()
ONES: Final = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
               "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")  # fmt: skip
TENS: Final = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
ORDINALS: Final = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
                   "nine": "ninth", "twelve": "twelfth", "twenty": "twentieth", "thirty": "thirtieth"}  # fmt: skip
SHORT_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "robert": ("Bob", "Robbie"), "john": ("Johnny", "Jack"), "james": ("Jimmy", "Jamie"), "andrew": ("Andy", "Drew"),
    "david": ("Dave", "Davie"), "kevin": ("Kev",), "albert": ("Bert", "Bertie"), "thomas": ("Tommy", "Tom"),
    "edgar": ("Ed", "Eddie"), "sydney": ("Syd",), "sean": ("Seánie",), "darren": ("Daz",), "louis": ("Lou",),
    "anna": ("Annie", "Anya"), "gertrude": ("Trudi", "Gerti"), "heidemarie": ("Heidi",), "helmut": ("Helmi",),
    "wolfgang": ("Wolfi", "Wolf"), "johann": ("Hannes", "Hansi"), "josef": ("Sepp", "Pepi"), "karl": ("Karli",),
    "hans-jürgen": ("Hansi", "Jürgen"), "heinz": ("Heini",), "karsten": ("Kalle",), "gisela": ("Gisi", "Gila"),
    "gerda": ("Gerdi",), "philemon": ("Phil",), "andrzej": ("Andrzejek", "Jędrek"), "tomasz": ("Tomek", "Tomuś"),
    "józef": ("Józek", "Ziutek"), "roman": ("Romek",), "sławomir": ("Sławek",), "mirosław": ("Mirek",),
    "krzysztofa": ("Krysia",), "urszula": ("Ula", "Urszulka"), "waleria": ("Walerka",), "jarosław": ("Jarek",),
    "jaroslaw": ("Jarek",), "grzegorz": ("Grzesiek", "Grześ"), "dariusz": ("Darek",), "czesław": ("Czesiek",),
    "zdzisław": ("Zdzisiek",), "bogdan": ("Boguś",), "zbigniew": ("Zbyszek",), "jerzy": ("Jurek",),
    "jean-claude": ("Jeannot",), "jean-michel": ("Jean-Mi",), "christos": ("Christakis",), "mehmet": ("Memo",),
    "mustafa": ("Mustı",), "ahmet": ("Ahmo",), "hasan": ("Haso",), "osman": ("Osmancık",), "ibrahim": ("İbo",),
    "süleyman": ("Sülo",), "fatih": ("Fato",), "yusuf": ("Yusufcuk",), "gisèle": ("Gigi",), "myra": ("Myroula",),
    "oksana": ("Ksenia", "Oksanka"), "maria": ("Marusia", "Mimi"), "elena": ("Lena", "Lenuța"), "ioana": ("Ionela",),
    "ana": ("Anuța", "Anicuța"), "nadezhda": ("Nadya",), "katarzyna": ("Kasia", "Kaśka"), "ekaterina": ("Katya",),
}  # fmt: skip
SUFFIXES: Final[dict[str, tuple[str, ...]]] = {
    "tr": ("’ın", "’a", "’dan", "’la", "'nin", "'ye"),
    "pl": ("a", "owi", "em", "u", "owie"),
    "de": ("s", "sche"),
    "hu": ("nak", "val", "tól", "hez"),
    "ro": ("ului", "ei", "escu"),
}
COUNTRY_LANGUAGE: Final = {"TUR": "tr", "POL": "pl", "AUT": "de", "DEU": "de"}


def _pairs(table: str) -> tuple[tuple[str, str], ...]:
    pairs = (pair.partition("=") for pair in table.split())
    return tuple((old, new) for old, _, new in pairs)


DIGRAPHS: Final = {
    "tr": _pairs("ş=ш ç=ч c=дж ğ=г ı=ы ö=ё ü=ю ya=я yu=ю j=ж h=х y=й"),
    "pl": _pairs(
        "szcz=щ sz=ш cz=ч rz=ж ch=х dz=дз ś=сь ć=ць ń=нь ź=зь ż=ж ł=л ó=у ą=он ę=ен w=в ie=е ia=я j=й y=ы c=ц h=х"
    ),
    "de": _pairs(
        "tsch=ч sch=ш ch=х ck=к ei=ай eu=ой äu=ой ie=и st=шт w=в v=ф z=ц ö=ё ü=ю ä=е ß=сс h=х j=й y=и c=к x=кс q=к"
    ),
    "": _pairs("sh=ш ch=ч ph=ф th=т ck=к kh=х oo=у ee=и ya=я x=кс w=в c=к h=х j=дж q=к y=и é=е è=е ï=и"),
}
LETTERS: Final = dict(zip("abvgdezijklmnoprstufy", "абвгдезийклмнопрстуфы", strict=True))
GREEK: Final = _pairs(
    "tsch=τσ sch=σ sh=σ ch=χ th=θ ph=φ ou=ου ş=σ ç=τσ c=κ ğ=γ b=μπ d=ντ g=γκ v=β w=β x=ξ z=ζ f=φ h=χ j=τζ k=κ l=λ m=μ"
    " n=ν p=π q=κ r=ρ s=σ t=τ u=ου y=ι a=α e=ε i=ι o=ο"
)
ARABIC: Final = _pairs(
    "sch=ش sh=ش ch=تش kh=خ gh=غ th=ث ph=ف ou=و oo=و ş=ش ç=تش c=ج b=ب p=ب t=ت j=ج d=د r=ر z=ز s=س f=ف v=ف w=و q=ق k=ك"
    " l=ل m=م n=ن h=ه g=غ ğ=غ x=كس y=ي a=ا i=ي u=و o=و e="
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who is to be written in many forms: parts of the name as a clerk would split them, and details.

    `native` is how the name is written at home; the redactor is not told, so that it has to find it by itself.
    """

    given: str
    family: str
    middle: str = ""
    aliases: tuple[str, ...] = ()
    born: date
    document: str
    phone: str
    email: str
    address: str
    number: str = ""
    language: str = ""
    native: str = ""
    family_first: bool = False

    @property
    def full(self) -> str:
        parts = (self.family, self.middle, self.given) if self.family_first else (self.given, self.middle, self.family)
        return " ".join(p for p in parts if p)

    @property
    def identity(self) -> dict[str, object]:
        return {
            "names": [self.full],
            "aliases": list(self.aliases),
            "date_of_birth": self.born.isoformat(),
            "documents": [self.document],
            "phones": [self.phone],
            "emails": [self.email],
            "address": self.address,
            "other_numbers": [self.number] if self.number else [],
        }


@dataclass(frozen=True, slots=True)
class Form:
    """`text[start:end]` must be hidden. `means` is what it stands for, and `kind` chooses a sentence to carry it."""

    family: str
    kind: str
    text: str
    start: int
    end: int
    means: str = field(compare=False, default="")

    @property
    def plain(self) -> bool:
        return self.family in PLAIN


def split(name: str) -> tuple[str, str, str]:
    """Given, middle and family name of a name in the western order; particles go with what follows."""
    words = name.split()
    if len(words) == 1:
        return words[0], "", words[0]
    first = len(words) - 1
    while first > 1 and words[first - 1].casefold() in PARTICLES:
        first -= 1
    return words[0], " ".join(words[1:first]), " ".join(words[first:])


def invented(name: str, number: str, country: str, seed: int) -> Person:
    """A person of that name with invented details: numbers that are kept free for drama, addresses that are nowhere."""
    chance = random.Random(f"{seed}/{name}")
    given, middle, family = split(name)
    streets = ("Tanner's Wynd", "Larkspur Rise", "Quarry Bank Terrace", "Ropewalk Lane", "Saltmarsh Parade")
    ascii_name = re.sub(r"[^a-z]", "", bare(given).casefold()) or "x"
    return Person(
        given=given,
        middle=middle,
        family=family,
        aliases=(chance.choice(("Bluebird", "Zuzi", "Little Fox", "Marly", "Koko", "Tiger-Lily")),),
        born=date(chance.randint(1961, 2006), chance.randint(1, 12), chance.randint(13, 28)),
        document=chance.choice("CFHKNPX") + chance.choice("LMRTZ") + f"{chance.randint(2_000_000, 9_999_999)}",
        phone=f"+44 7700 900{chance.randint(100, 999)}",
        email=f"{ascii_name}.{chance.choice(('harbour', 'sparrow', 'orchard'))}{chance.randint(10, 99)}@post.example",
        address=f"{chance.randint(11, 189)} {chance.choice(streets)}, Portwick PW{chance.randint(2, 9)} "
        f"{chance.randint(1, 9)}{chance.choice('ABDEFGH')}{chance.choice('JLNPQRS')}",
        number=number or f"{chance.randint(1000, 9999)}/{chance.randint(10, 25)}-{chance.randint(100, 999)}",
        language=COUNTRY_LANGUAGE.get(country, ""),
    )


def bare(text: str) -> str:
    """Without accents."""
    text = text.translate(str.maketrans("łŁıøØđĐßæÆ", "lLioOdDsaA"))
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def forms(person: Person, seed: int, wanted: Mapping[str, Maker] | None = None) -> tuple[Form, ...]:
    """All forms of the person that differ from each other, in the order of the families (`MAKERS`, or those given)."""
    chance = random.Random(f"{seed}/{person.full}")
    made: dict[str, Form] = {}
    for family, makers in (MAKERS if wanted is None else wanted).items():
        for kind, marked, means in makers(person, chance):
            before, _, rest = marked.partition("⟦")
            core, closed, after = rest.partition("⟧")
            if not closed or not core.strip():
                raise ValueError(f"a form of {family} has no core")
            form = Form(family, kind, before + core + after, len(before), len(before) + len(core), means)
            made.setdefault(form.text, form)
    return tuple(made.values())


Made = Iterator[tuple[str, str, str]]
Maker = Callable[[Person, random.Random], Made]


def _parts(p: Person, _: random.Random) -> Made:
    yield "name", f"⟦{p.full}⟧", p.full
    yield "name", f"⟦{p.given} {p.family}⟧", p.full
    yield "name", f"⟦{p.given}⟧", p.given
    yield "name", f"⟦{p.family}⟧", p.family
    if p.middle:
        yield "name", f"⟦{p.given} {p.middle}⟧", p.full
        yield "name", f"⟦{p.middle} {p.family}⟧", p.full


def _order(p: Person, _: random.Random) -> Made:
    yield "name", f"⟦{p.family} {p.given}⟧", p.full
    yield "name", f"⟦{p.family}, {p.given}⟧", p.full
    yield "name", f"⟦{p.family.upper()} {p.given}⟧", p.full
    yield "name", f"⟦{p.family.upper()}, {p.given} {p.middle}⟧".replace(" ⟧", "⟧"), p.full


def _case(p: Person, _: random.Random) -> Made:
    yield "name", f"⟦{p.full.upper()}⟧", p.full
    yield "name", f"⟦{p.given.lower()} {p.family.lower()}⟧", p.full
    yield "name", f"⟦{p.given} {p.family.upper()}⟧", p.full
    yield "name", f"⟦{p.family.upper()}⟧", p.family


def _titles(p: Person, _: random.Random) -> Made:
    for title in ("Mr", "Ms", "Mrs.", "Dr", "Frau", "Mme", "Pan", "Sig.ra", "the witness", "Bay"):
        yield "name", f"{title} ⟦{p.family}⟧", p.family
    yield "name", f"Miss ⟦{p.given} {p.family}⟧", p.full


def _possessive(p: Person, _: random.Random) -> Made:
    yield "thing", f"⟦{p.given}⟧'s", p.given
    yield "thing", f"⟦{p.family}⟧’s", p.family
    yield "thing", f"⟦{p.given} {p.family}⟧’s", p.full
    if p.family.endswith("s"):
        yield "thing", f"⟦{p.family}⟧'", p.family


def _initial(p: Person, _: random.Random) -> Made:
    g, f = p.given[0].upper(), p.family[0].upper()
    yield "name", f"⟦{g}. {p.family}⟧", p.full
    yield "name", f"⟦{g} {p.family}⟧", p.full
    yield "name", f"⟦{g}.{p.family}⟧", p.full
    yield "name", f"⟦{p.family} {g}.⟧", p.full
    yield "name", f"⟦{p.family}, {g}.⟧", p.full
    yield "name", f"⟦{p.given} {f}.⟧", p.full
    if p.middle:
        yield "name", f"⟦{g}. {p.middle[0].upper()}. {p.family}⟧", p.full
        yield "name", f"⟦{p.given} {p.middle[0].upper()}. {p.family}⟧", p.full


def _no_accents(p: Person, _: random.Random) -> Made:
    for text in (f"{p.given} {p.family}", p.family, p.given):
        if bare(text) != text:
            yield "name", f"⟦{bare(text)}⟧", text


def _decomposed(p: Person, _: random.Random) -> Made:
    for text in (f"{p.given} {p.family}", p.family, p.given):
        if (apart := unicodedata.normalize("NFD", text)) != text:
            yield "name", f"⟦{apart}⟧", text


def _no_break(p: Person, _: random.Random) -> Made:
    for space in ("\u00a0", "\u202f", "  ", "\u2009"):
        yield "name", f"⟦{p.given}{space}{p.family}⟧", p.full


def _line(p: Person, _: random.Random) -> Made:
    yield "name", f"⟦{p.given}\n{p.family}⟧", p.full
    yield "name", f"⟦{p.given} \r\n    {p.family}⟧", p.full
    for text in (main_word(p.family)[1], p.given):
        if len(text) >= 5:
            half = len(text) // 2
            yield "name", f"⟦{text[:half]}-\n{text[half:]}⟧", text


def _soft_hyphen(p: Person, _: random.Random) -> Made:
    for text in (p.family, p.given):
        if len(text) >= 4:
            half = len(text) // 2
            yield "name", f"⟦{text[:half]}\u00ad{text[half:]}⟧", text
    yield "name", f"⟦{p.given}-{p.family}⟧", p.full


def _zero_width(p: Person, chance: random.Random) -> Made:
    for sign in ("\u200b", "\u200d", "\ufeff", "\u2060"):
        text = chance.choice((p.family, f"{p.given} {p.family}"))
        cut = max(1, len(text) // 2)
        yield "name", f"⟦{text[:cut]}{sign}{text[cut:]}⟧", text


def _look_alikes(p: Person, _: random.Random) -> Made:
    for twins in (CYRILLIC_TWINS, GREEK_TWINS):
        for text in (main_word(p.family)[1], f"{p.given} {main_word(p.family)[1]}"):
            if (other := "".join(twins.get(c, c) for c in text)) != text:
                yield "name", f"⟦{other}⟧", text
                first = next(i for i, c in enumerate(text) if c in twins)
                yield "name", f"⟦{text[:first]}{twins[text[first]]}{text[first + 1 :]}⟧", text
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in p.family)
    yield "name", f"⟦{wide}⟧", p.family


def _alias(p: Person, _: random.Random) -> Made:
    for alias in p.aliases:
        yield "name", f"⟦{alias}⟧", alias
        yield "name", f"“⟦{alias}⟧”", alias
        yield "thing", f"⟦{alias}⟧'s", alias


def _number(p: Person, _: random.Random) -> Made:
    d = p.document
    letters, digits = d.rstrip("0123456789"), d[len(d.rstrip("0123456789")) :]
    yield "document", f"⟦{d}⟧", d
    yield "document", f"⟦{d.lower()}⟧", d
    yield "document", f"⟦{letters} {digits}⟧".replace("⟦ ", "⟦"), d
    yield "document", f"⟦{letters}-{digits}⟧".replace("⟦-", "⟦"), d
    yield "document", f"⟦{letters} {digits[:3]} {digits[3:]}⟧".replace("⟦ ", "⟦"), d
    yield "document", f"No. ⟦{d}⟧", d
    yield "document", f"⟦{letters}{digits[:4]}\u00a0{digits[4:]}⟧", d
    if p.number:
        yield "number", f"⟦{p.number}⟧", p.number
        yield "number", f"no. ⟦{p.number}⟧", p.number


def _national(phone: str) -> tuple[str, str]:
    code, _, rest = phone.removeprefix("+").partition(" ")
    return code, re.sub(r"\D", "", rest)


def _phone(p: Person, _: random.Random) -> Made:
    code, digits = _national(p.phone)
    a, b, c = digits[:-6], digits[-6:-3], digits[-3:]
    yield "phone", f"⟦{p.phone}⟧", p.phone
    yield "phone", f"⟦+{code}{digits}⟧", p.phone
    yield "phone", f"⟦00{code} {a} {b}{c}⟧", p.phone
    yield "phone", f"⟦00{code}{digits}⟧", p.phone
    yield "phone", f"⟦+{code} (0){a} {b} {c}⟧", p.phone
    yield "phone", f"⟦0{digits}⟧", p.phone
    yield "phone", f"⟦0{a} {b} {c}⟧", p.phone
    yield "phone", f"⟦0{a}-{b}-{c}⟧", p.phone
    yield "phone", f"⟦0{a}.{b}.{c}⟧", p.phone
    yield "phone", f"⟦0{a}/{b}{c}⟧", p.phone
    yield "phone", f"⟦(0{a}) {b} {c}⟧", p.phone


def _date(p: Person, _: random.Random) -> Made:
    d, m, y = p.born.day, p.born.month, p.born.year
    month = MONTHS["en"][m - 1]
    ending = "th" if 10 < d < 20 else {1: "st", 2: "nd", 3: "rd"}.get(d % 10, "th")
    for text in (
        p.born.isoformat(), f"{d:02}.{m:02}.{y}", f"{d}.{m}.{y}", f"{d:02}/{m:02}/{y}", f"{m:02}/{d:02}/{y}",
        f"{d:02}-{m:02}-{y}", f"{y}/{m:02}/{d:02}", f"{d} {month} {y}", f"{month} {d}, {y}", f"{d} {month[:3]} {y}",
        f"{d}{ending} {month} {y}", f"{d}{ending} of {month}, {y}", f"{d:02}.{m:02}.{y % 100:02}",
        f"{d:02}/{m:02}/{y % 100:02}", f"{d}-{month[:3]}-{y}", f"{d}. {m}. {y}",
    ):  # fmt: skip
        yield "date", f"⟦{text}⟧", p.born.isoformat()
    for lang in ("fr", "de", "es", "pl", "ro", "tr", "ru", "el", "it", "pt"):
        name = MONTHS[lang][m - 1]
        pattern = {"de": "{}. {} {}", "es": "{} de {} de {}", "pt": "{} de {} de {}"}.get(lang, "{} {} {}")
        yield "date", f"⟦{pattern.format(d, name, y)}⟧", p.born.isoformat()
    yield "date", f"⟦{y}. {MONTHS['hu'][m - 1]} {d}.⟧", p.born.isoformat()


def main_word(name: str) -> tuple[str, str]:
    """A family name as what stands before its longest word, with that word: a slip in a particle tells nothing."""
    word = max(name.split(), key=len)
    before, _, after = name.rpartition(word)
    return (before, word) if not after else ("", name)


def slips(word: str, chance: random.Random) -> Iterator[str]:
    """One slip each, never of the first letter: a neighbouring key, two letters swapped, one dropped, one doubled."""
    inner = [i for i in range(1, len(word)) if word[i].isalpha()]
    keys = [i for i in inner if word[i].casefold() in NEIGHBOURS]
    if keys:
        i = chance.choice(keys)
        yield word[:i] + chance.choice(NEIGHBOURS[word[i].casefold()]) + word[i + 1 :]
    swaps = [i for i in inner[:-1] if word[i] != word[i + 1] and word[i + 1].isalpha()]
    if swaps:
        i = chance.choice(swaps)
        yield word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    i = chance.choice(inner)
    yield word[:i] + word[i + 1 :]
    i = chance.choice(inner)
    yield word[:i] + word[i] + word[i:]


def _slip(p: Person, chance: random.Random) -> Made:
    before, word = main_word(p.family)
    if len(word) >= 5:
        for slip in slips(word, chance):
            yield "name", f"⟦{before}{slip}⟧", p.family
        for slip in slips(word, chance):
            yield "name", f"⟦{p.given} {before}{slip}⟧", p.full
    if len(p.given) >= 5:
        for slip in list(slips(p.given, chance))[:2]:
            yield "name", f"⟦{slip} {p.family}⟧", p.full


def scans(word: str, chance: random.Random) -> list[str]:
    """The word as a scanner may read it: one confusion each, up to three."""
    found = [
        word[:i] + wrong + word[i + len(right) :]
        for right, wrong in SCAN
        for i in range(1, len(word))
        if word.startswith(right, i)
    ]
    return chance.sample(found, min(3, len(found)))


def _scan(p: Person, chance: random.Random) -> Made:
    before, word = main_word(p.family)
    if len(word) >= 5:
        for wrong in scans(word, chance):
            yield "name", f"⟦{before}{wrong}⟧", p.family
        for wrong in scans(word, chance)[:1]:
            yield "name", f"⟦{p.given} {before}{wrong}⟧", p.full


def _spaced(p: Person, _: random.Random) -> Made:
    for sign in (" ", ".", "-", "_", "*"):
        yield "name", f"⟦{sign.join(p.family.replace(' ', ''))}⟧", p.family
    yield "name", f"⟦{' '.join(p.given.replace(' ', ''))}   {' '.join(p.family.replace(' ', ''))}⟧", p.full
    yield "name", f"⟦{' '.join(p.family.upper())}⟧", p.family


def _nickname(p: Person, _: random.Random) -> Made:
    for short in SHORT_NAMES.get(p.given.casefold(), ()):
        yield "name", f"⟦{short}⟧", p.given
        yield "name", f"⟦{short} {p.family}⟧", p.full


def substituted(text: str, *tables: tuple[tuple[str, str], ...]) -> str:
    """Letter groups replaced by the tables, the first that fits; capitals as they were."""
    rules = [rule for table in tables for rule in table]
    out, i, lower = [], 0, text.replace("I", "ı" if "ı" in text else "i").lower()
    lower = lower if len(lower) == len(text) else bare(text).lower()
    while i < len(lower):
        for old, new in rules:
            if lower.startswith(old, i):
                out.append(new.capitalize() if text[i : i + 1].isupper() else new)
                i += len(old)
                break
        else:
            simple = bare(lower[i])
            fits = next((new for old, new in rules if simple == old), lower[i] if not lower[i].isalpha() else "")
            out.append(fits.capitalize() if text[i : i + 1].isupper() else fits)
            i += 1
    return "".join(out)


def in_cyrillic(text: str, language: str) -> str:
    return substituted(text, DIGRAPHS.get(language, DIGRAPHS[""]), tuple(LETTERS.items()), (("q", "к"), ("w", "в"),
                       ("x", "кс"), ("c", "к"), ("h", "х")))  # fmt: skip


def in_greek(text: str) -> str:
    return re.sub(r"σ(?=$|\s)", "ς", substituted(text, GREEK))


def in_arabic(text: str) -> str:
    out = substituted(text, ARABIC)
    return re.sub(r"(?:^|(?<=\s))(?=[^\s\u0600-\u06ff])", "", out)


def _script(p: Person, _: random.Random) -> Made:
    name = f"{p.given} {p.family}"
    if p.native:
        yield "name", f"⟦{p.native}⟧", p.full
        yield "name", f"“⟦{p.native}⟧”", p.full
        if " " in p.native:
            yield "name", f"⟦{p.native.split()[-1]}⟧", p.family
        return
    for text in (name, p.family):
        yield "name", f"⟦{in_cyrillic(text, p.language)}⟧", text
        yield "name", f"⟦{in_greek(text)}⟧", text
    yield "name", f"⟦{in_arabic(name)}⟧", name
    serbian = cyrtranslit.to_cyrillic(bare(name), "sr")
    if not re.search(r"[A-Za-z]", serbian):
        yield "name", f"⟦{serbian}⟧", name  # letter for letter, as a clerk without the language does


def _variant(p: Person, _: random.Random) -> Made:
    native = p.native or in_cyrillic(f"{p.given} {p.family}", p.language)
    if re.search(r"[а-яё]", native):
        for schema in (iuliia.WIKIPEDIA, iuliia.ICAO_DOC_9303, iuliia.ALA_LC_ALT, iuliia.YANDEX_MAPS, iuliia.GOST_52535,
                       iuliia.MOSMETRO, iuliia.TELEGRAM):  # fmt: skip
            latin = schema.translate(native)
            if bare(latin).casefold() != bare(p.full).casefold():
                yield "name", f"⟦{latin}⟧", p.full
    elif re.search(r"[\u4e00-\u9fff]", native):
        syllables = lazy_pinyin(native, style=Style.NORMAL)
        toned = lazy_pinyin(native, style=Style.TONE)
        yield "name", f"⟦{' '.join(s.capitalize() for s in syllables)}⟧", p.full
        yield "name", f"⟦{toned[0].capitalize()} {''.join(toned[1:]).capitalize()}⟧", p.full
        yield "name", f"⟦{syllables[0].upper()} {'-'.join(s.capitalize() for s in syllables[1:])}⟧", p.full


def _ending(p: Person, _: random.Random) -> Made:
    for suffix in SUFFIXES.get(p.language, ("s",)):
        if suffix[0] in "'’":
            yield f"name-{p.language}", f"⟦{p.family}⟧{suffix}", p.family
        else:
            yield f"name-{p.language}", f"⟦{p.family}{suffix}⟧", p.family
    yield "plural", f"the ⟦{p.family}s⟧", p.family
    for suffix in ("ova", "ovi", "em"):
        yield "name", f"⟦{p.given} {p.family}{suffix}⟧", p.full


def _latin(text: str) -> str:
    return re.sub(r"[^a-z]", "", bare(text).casefold())


def _email(p: Person, _: random.Random) -> Made:
    g, f = _latin(p.given), _latin(p.family)
    yield "e-mail", f"⟦{p.email}⟧", p.email
    yield "e-mail", f"⟦{g}.{f}⟧@mailbox.example", p.full
    yield "e-mail", f"⟦{g[0]}.{f}⟧@mailbox.example", p.full
    yield "e-mail", f"⟦{f}{g[0]}⟧1@mailbox.example", p.full
    yield "e-mail", f"⟦{g}{f}⟧+jobs@mailbox.example", p.full
    yield "e-mail", f"⟦{f}_{g}⟧@mailbox.example", p.full


def _user_name(p: Person, _: random.Random) -> Made:
    g, f, y = _latin(p.given), _latin(p.family), p.born.year
    yield "user", f"@⟦{g}_{f}⟧", p.full
    yield "user", f"@⟦{g}{f}⟧{y % 100:02}", p.full
    yield "user", f"⟦{f}.{g}⟧.x", p.full
    yield "user", f"xX⟦{g.capitalize()}{f.capitalize()}⟧Xx", p.full
    yield "user", f"@real_⟦{f}⟧", p.family


def _url(p: Person, _: random.Random) -> Made:
    g, f = _latin(p.given), _latin(p.family)
    yield "url", f"https://people.example/⟦{g}-{f}⟧", p.full
    yield "url", f"https://people.example/u/⟦{g}.{f}⟧?tab=photos", p.full
    yield "url", f"www.⟦{g}{f}⟧.example/about", p.full


def _hashtag(p: Person, _: random.Random) -> Made:
    g, f = re.sub(r"\W", "", p.given), re.sub(r"\W", "", p.family)
    yield "tag", f"#⟦{g}{f}⟧", p.full
    yield "tag", f"#FindOur⟦{g}{f}⟧", p.full
    yield "tag", f"#⟦{bare(g).lower()}{bare(f).lower()}⟧", p.full


def _file_name(p: Person, _: random.Random) -> Made:
    g, f = bare(p.given), bare(p.family)
    yield "file", f"passport_⟦{g}_{f}⟧_scan.pdf", p.full
    yield "file", f"IMG_⟦{g}{f}⟧_0042.jpg", p.full
    yield "file", f"CV-⟦{f.lower()}-{g.lower()}⟧-final(2).docx", p.full
    yield "file", f"C:\\Cases\\⟦{f.upper()}⟧\\photo.png", p.family
    yield "file", f"/home/intake/⟦{f.lower()}_{g[0].lower()}⟧.eml", p.full


def in_words(number: int) -> str:
    tens, ones = divmod(number, 10)
    return ONES[number] if number < 20 else "-".join(w for w in (TENS[tens], ONES[ones]) if w)


def ordinal_in_words(number: int) -> str:
    *first, last = in_words(number).split("-")
    last = ORDINALS.get(last) or (last + "th" if not last.endswith("t") else last + "h")
    return "-".join([*first, last])


def year_in_words(year: int) -> str:
    if 2000 <= year < 2010:
        return "two thousand" + (f" and {in_words(year - 2000)}" if year > 2000 else "")
    return f"{in_words(year // 100)} {in_words(year % 100)}"


def _date_words(p: Person, _: random.Random) -> Made:
    d, m, y = p.born.day, p.born.month, p.born.year
    month = MONTHS["en"][m - 1]
    yield "date", f"⟦the {ordinal_in_words(d)} of {month} {year_in_words(y)}⟧", p.born.isoformat()
    yield "date", f"⟦{month} {ordinal_in_words(d)}, {year_in_words(y)}⟧", p.born.isoformat()
    yield "date", f"⟦{ordinal_in_words(d)} {month} {y}⟧", p.born.isoformat()
    yield "date", f"⟦the {ordinal_in_words(d)} day of {month} {y}⟧", p.born.isoformat()


def _date_odd(p: Person, _: random.Random) -> Made:
    d, m, y = p.born.day, p.born.month, p.born.year
    for text in (
        f"{d:02}{m:02}{y}", f"{y}{m:02}{d:02}", f"{d}.{ROMAN[m - 1]}.{y}", f"{d:02} {m:02} {y}",
        f"{d:02}. {m:02}.\n{y}",
        f"{y}-{m:02}-{d:02}T00:00:00", f"{d:02}\u200b.{m:02}.{y}", f"{d} / {m} / {y}", f"{d:02}·{m:02}·{y}",
        f"{d:02}{MONTHS['en'][m - 1][:3].upper()}{y}",
    ):  # fmt: skip
        yield "date", f"⟦{text}⟧", p.born.isoformat()


def _number_odd(p: Person, _: random.Random) -> Made:
    d = p.document
    yield "document", f"⟦{' '.join(d)}⟧", d
    yield "document", f"⟦{'-'.join(d)}⟧", d
    yield "document", f"⟦{d[:5]}\n{d[5:]}⟧", d
    yield "document", f"⟦{d[:5]}-\n{d[5:]}⟧", d
    yield "document", f"⟦{d[:4]}\u200b{d[4:]}⟧", d
    yield "document", f"⟦{d[:2]}.{d[2:5]}.{d[5:]}⟧", d
    if "0" in d[2:]:
        yield "document", f"⟦{d[:2]}{d[2:].replace('0', 'O')}⟧", d
    if "1" in d[2:]:
        yield "document", f"⟦{d[:2]}{d[2:].replace('1', 'l')}⟧", d
    wide = "".join(chr(ord(c) + 0xFEE0) for c in d)
    yield "document", f"⟦{wide}⟧", d
    yield "document", f"scan_⟦{d}⟧_front.jpg", d
    if p.number:
        yield "number", f"⟦{p.number.replace('/', ' / ').replace('-', ' - ')}⟧", p.number
        yield "number", f"⟦{p.number.replace('/', '_').replace('-', '_')}⟧", p.number


def _phone_odd(p: Person, _: random.Random) -> Made:
    code, digits = _national(p.phone)
    yield "phone", f"⟦{' '.join('0' + digits)}⟧", p.phone
    yield "phone", f"⟦0{digits[:4]}\n{digits[4:]}⟧", p.phone
    yield "phone", f"⟦+{code}\u00a0{digits[:4]}\u00a0{digits[4:]}⟧", p.phone
    yield "phone", f"⟦0{digits[:4]}\u200b{digits[4:]}⟧", p.phone
    yield "phone", f"tel:⟦+{code}-{digits[:4]}-{digits[4:]}⟧", p.phone
    yield "phone", f"https://wa.example/⟦{code}{digits}⟧", p.phone
    yield "phone", f"⟦0{digits.replace('0', 'O')}⟧", p.phone
    arabic = ("0" + digits).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    yield "phone", f"⟦{arabic}⟧", p.phone


def _initials(p: Person, _: random.Random) -> Made:
    names = [w[0].upper() for w in (p.given, p.middle, p.family) if w]
    if len(names) >= 2:
        yield "name", f"⟦{'.'.join(names)}.⟧", p.full
        yield "name", f"⟦{'. '.join(names)}.⟧", p.full


def _address(p: Person, _: random.Random) -> Made:
    street, town = p.address.split(", ", 1)
    number, road = street.split(" ", 1)
    yield "address", f"⟦{p.address}⟧", p.address
    yield "address", f"⟦{street}⟧", p.address
    yield "address", f"⟦{street.upper()}⟧", p.address
    yield "address", f"⟦{road} {number}⟧", p.address
    yield "address", f"⟦{road}, no. {number}⟧", p.address
    yield "address", f"⟦{town} · {street}⟧", p.address
    yield "address", f"⟦{number}\n{road}⟧", p.address
    yield "address", f"⟦{road}⟧", p.address


def _doubled_split(p: Person, _: random.Random) -> Made:
    if len(p.family) >= 6:
        third = len(p.family) // 3
        yield "name", f"⟦{p.family[:third]} {p.family[third:]}⟧", p.family
        yield "name", f"⟦{p.given} {p.family[:-2]} {p.family[-2:]}⟧", p.full
    yield "name", f"⟦{p.given}{p.family}⟧", p.full
    yield "name", f"⟦{p.given}_{p.family}⟧", p.full
    yield "name", f"⟦{p.given.upper()}/{p.family.upper()}⟧", p.full


MAKERS: Final[dict[str, Maker]] = {
    "parts": _parts, "order": _order, "case": _case, "titles": _titles, "possessive": _possessive,
    "initial": _initial, "no-accents": _no_accents, "decomposed": _decomposed, "no-break": _no_break, "line": _line,
    "soft-hyphen": _soft_hyphen, "zero-width": _zero_width, "look-alikes": _look_alikes, "alias": _alias,
    "number": _number, "phone": _phone, "date": _date, "slip": _slip, "scan": _scan, "spaced": _spaced,
    "nickname": _nickname, "script": _script, "variant": _variant, "ending": _ending, "e-mail": _email,
    "user-name": _user_name, "url": _url, "hashtag": _hashtag, "file-name": _file_name, "date-words": _date_words,
    "date-odd": _date_odd, "number-odd": _number_odd, "phone-odd": _phone_odd, "initials": _initials,
    "address": _address, "doubled-split": _doubled_split,
}  # fmt: skip
