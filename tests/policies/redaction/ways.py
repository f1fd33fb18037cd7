# ruff: noqa: E501 -- one way of writing a line reads better than three
"""Ways of writing a known identity into a text: a generator for the laws, which shares no code with the engine.

`plain` ways must never survive; of the others a share may, and the tests count them. Every way is a pure function of
the person, so a failure names itself: culture, way and the words that were left.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """An invented person with everything that a case file would know."""

    given: str
    family: str
    born: tuple[int, int, int]
    phone: str  # international, digits grouped by spaces
    document: str
    email: str
    address: tuple[str, str, str, str]  # number, street, town, postcode
    alias: str = ""
    short: tuple[str, ...] = ()  # usual short forms of the given name that nobody listed
    cases: tuple[str, ...] = ()  # case endings and other inflected forms
    native: tuple[str, ...] = ()  # the name in its own script or, for those, in Latin letters

    @property
    def full(self) -> str:
        return f"{self.given} {self.family}"


@dataclass(frozen=True, slots=True)
class Way:
    name: str
    text: str
    plain: bool


PEOPLE = (
    Known("Oksana", "Kovalenko", (2001, 3, 14), "+380 44 123 45 67", "FE482913", "oks.kov@post.example",
          ("14", "Harbour Street", "Portwick", "PW4 2AB"), "Ksyu", ("Ksenya", "Oksanka", "Ksana"),
          ("Oksany", "Oksanu", "Oksanoyu", "Oksani"), ("Оксана Коваленко", "Оксану Коваленко")),
    Known("Ioana", "Dumitrescu", (1999, 11, 2), "+40 21 555 0143", "RX 713 902", "ioanad@mail.example",
          ("7", "Strada Florilor", "Bacau", "600123"), "Jo", ("Ionela", "Oana"), ("Ioanei", "Dumitreascăi"[:10] + "ului"), ()),
    Known("Zsófia", "Szabó", (1997, 8, 30), "+36 1 555 0199", "BA0917345", "zsofi.szabo@posta.example",
          ("22", "Kossuth utca", "Szeged", "6720"), "", ("Zsófi",), ("Zsófiának", "Zsófiával", "Szabónak", "Szabóval"), ()),
    Known("Agnieszka", "Wiśniewska", (2003, 1, 5), "+48 22 555 01 88", "CBX402918", "agaw@poczta.example",
          ("3", "ulica Polna", "Radom", "26-600"), "Aga", ("Agnisia",),
          ("Agnieszki", "Agnieszce", "Agnieszkę", "Wiśniewskiej", "Wiśniewską", "Wiśniewski"), ()),
    Known("Aisha", "Al-Khatib", (2004, 6, 19), "+962 6 555 0112", "N7720134", "aisha.k@barid.example",
          ("9", "Rainbow Street", "Amman", "11183"), "", ("Aysha", "Aicha"), (), ("عائشة الخطيب",)),
    Known("Xiuying", "Zhang", (1995, 12, 9), "+86 10 5550 1234", "E60291847", "xy.zhang@youxiang.example",
          ("88", "Zhongshan Road", "Fuzhou", "350001"), "Lily", (), (), ("张秀英", "Zhang Xiu-ying")),
    Known("Thi Lan", "Nguyen", (2002, 10, 24), "+84 24 5550 198", "C4412087", "lan.ng@thu.example",
          ("51", "Tran Phu", "Vinh", "460000"), "", (), (), ("Nguyễn Thị Lan",)),
    Known("Blessing", "Osagiede", (2000, 2, 28), "+234 1 555 0177", "A08831295", "blessed1@post.example",
          ("16", "Airport Road", "Benin City", "300102"), "Bless", (), (), ()),
    Known("Ayşe", "Yılmaz", (1998, 9, 7), "+90 212 555 01 32", "U20481736", "ayse@eposta.example",
          ("40", "Lale Sokak", "Adana", "01120"), "", ("Aysel",), ("Ayşe'nin", "Ayşe'ye", "Yılmaz'ın", "Yılmaz'dan"), ()),
    Known("María Guadalupe", "Hernández", (2001, 5, 17), "+52 55 5550 1420", "G31840275", "lupita@correo.example",
          ("210", "Calle Hidalgo", "Puebla", "72000"), "Lupita", ("Lupe",), (), ()),
    Known("Elena", "Georgieva", (1996, 4, 3), "+359 2 555 0147", "384102957", "elenag@poshta.example",
          ("5", "Vitosha Boulevard", "Sofia", "1000"), "", ("Lena", "Lenka"), (), ("Елена Георгиева", "Георгиев")),
    Known("Eleni", "Papadopoulou", (1994, 7, 21), "+30 21 0555 0163", "AN4829170", "eleni.p@tachy.example",
          ("12", "Odos Ermou", "Patra", "26221"), "", ("Lena",), ("Elenis",), ("Ελένη Παπαδοπούλου", "Ελένης Παπαδοπούλου")),
    Known("Jurgita", "Kazlauskienė", (1993, 3, 30), "+370 5 555 0182", "24918305", "jurgita.k@pastas.example",
          ("19", "Gedimino gatvė", "Kaunas", "44246"), "", (), ("Jurgitos", "Jurgitai", "Jurgitą", "Kazlauskienės"), ()),
    Known("Arta", "Hoxha", (2005, 1, 26), "+355 4 555 0115", "BJ4920183", "arta.h@posta.example",
          ("2", "Rruga Durrësit", "Tirana", "1001"), "", (), ("Artës", "Artën", "Hoxhës"), ()),
)  # fmt: skip

MONTHS = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "ro": "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    "uk": "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "hu": "január február március április május június július augusztus szeptember október november december",
    "tr": "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "el": "Ιανουαρίου Φεβρουαρίου Μαρτίου Απριλίου Μαΐου Ιουνίου Ιουλίου Αυγούστου Σεπτεμβρίου Οκτωβρίου Νοεμβρίου Δεκεμβρίου",
    "bg": "януари февруари март април май юни юли август септември октомври ноември декември",
    "sq": "janar shkurt mars prill maj qershor korrik gusht shtator tetor nëntor dhjetor",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "fi": "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta",
    "cs": "ledna února března dubna května června července srpna září října listopadu prosince",
    "ar": "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
}  # fmt: skip
_ORDINALS = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
    "twenty-first",
    "twenty-second",
    "twenty-third",
    "twenty-fourth",
    "twenty-fifth",
    "twenty-sixth",
    "twenty-seventh",
    "twenty-eighth",
    "twenty-ninth",
    "thirtieth",
    "thirty-first",
]
_ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TENS = {1990: "nineteen ninety", 2000: "two thousand"}
_HOMOGLYPHS = str.maketrans("aeopcxyiABEHKMOPCTX", "аеорсхуіАВЕНКМОРСТХ")
_OCR = (("m", "rn"), ("o", "0"), ("l", "1"), ("d", "cl"), ("w", "vv"), ("i", "l"), ("s", "5"), ("e", "c"))
_KEYS = {"a": "s", "e": "r", "i": "o", "o": "p", "n": "m", "s": "d", "r": "t", "l": "k", "u": "y", "t": "r", "k": "l"}


def bare(text: str) -> str:
    """Without accents."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return plain.translate(str.maketrans("łŁıøØđĐ", "lLioOdD"))


def names(who: Known) -> Iterator[Way]:
    g, f, full = who.given, who.family, who.full
    first = g.split()[-1] if g.startswith(("Thi ",)) else g.split()[0]
    plain = {
        "full": full, "reversed": f"{f} {g}", "comma": f"{f}, {g}", "upper": full.upper(), "upper family": f"{g} {f.upper()}",
        "family upper comma": f"{f.upper()}, {g}", "lower": full.lower(), "title": f"Ms {f}", "mrs": f"Mrs. {full}",
        "possessive": f"{full}'s", "curly possessive": f"{full}’s", "initial": f"{g[0]}. {f}", "initial after": f"{f} {g[0]}.",
        "initial close": f"{g[0]}.{f}", "initial bare": f"{g[0]} {f}",
        "no-break": full.replace(" ", "\u00a0"), "thin space": full.replace(" ", "\u2009"), "double space": full.replace(" ", "  "),
        "line": full.replace(" ", "\n"), "tab": full.replace(" ", "\t"),
        "decomposed": unicodedata.normalize("NFD", full), "no accents": bare(full), "upper no accents": bare(full).upper(),
        "zero width": "\u200b".join(full), "joiner": f[:3] + "\u2060" + f[3:], "byte order mark": full[:4] + "\ufeff" + full[4:],
        "soft hyphen": f"{g} {f[:3]}\u00ad{f[3:]}", "line hyphen": f"{g} {f[:4]}-\n{f[4:]}", "line hyphen alone": f"{f[:3]}-\n{f[3:]}",
        "given line hyphen": f"{first[:2]}-\n{first[2:]} {f}",
        "look-alikes": full.translate(_HOMOGLYPHS), "one look-alike": f.replace("a", "а", 1).replace("o", "о", 1) if "a" in f or "o" in f else f.translate(_HOMOGLYPHS),
        "family": f, "family possessive": f"{f}'s", "quoted": f"“{full}”", "brackets": f"({f})", "slash": f"{g}/{f}",
        "right to left mark": "\u200f" + full + "\u200f", "wide": "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalpha() else c for c in bare(full)),
        "underscore": full.replace(" ", "_"),
    }  # fmt: skip
    if bare(g).lower() != "blessing":
        plain |= {"given": g, "given possessive": f"{g}'s", "given upper": g.upper()}
    if who.alias:
        plain |= {"alias": who.alias, "alias family": f"{who.alias} {f}"}
    for name, text in plain.items():
        yield Way(name, text, True)
    b = bare(full).lower().replace("-", "")
    bg, bf = bare(first).lower(), bare(f).lower().replace("-", "")
    odd = {
        "spaced": " ".join(f), "spaced full": " ".join(g.replace(" ", "")) + "   " + " ".join(f), "dotted": ".".join(f.upper()),
        "dashes": "-".join(f), "spaced upper": " ".join(f.upper()), "stars": "*".join(f),
        "joined": b.replace(" ", ""), "camel": bare(full).replace(" ", ""), "handle": f"@{bg}_{bf}", "dot handle": f"@{bg}.{bf}99",
        "handle initial": f"@{bg[0]}{bf}", "hashtag": f"#JusticeFor{bare(first)}{bare(f).replace('-', '')}", "mail": f"{bg}.{bf}@work.example",
        "mail initial": f"{bg[0]}{bf}@work.example", "mail reversed": f"{bf}{bg}88@work.example", "url": f"https://social.example/{bg}.{bf}",
        "url bare": f"social.example/{bg}{bf}", "file": f"IMG_{bg}_{bf}_003.jpg", "file joined": f"statement-{bf}{bg}.pdf",
        "file upper": f"{bf.upper()}_{bg.upper()}.DOCX", "user": f"{bg}{bf}2001", "user under": f"{bf}_{bg}_x", "initials dotted": f"{g[0]}.{f[0]}.",
        "plural": f"the {f}s", "plural possessive": f"the {f}s'", "leet": bf.replace("o", "0").replace("i", "1").replace("e", "3"),
        "math bold": "".join(chr(0x1D400 + ord(c) - 65) if "A" <= c <= "Z" else chr(0x1D41A + ord(c) - 97) if "a" <= c <= "z" else c for c in bare(full)),
        "doubled": f[:2] + f[1:2] + f[2:], "dropped": f[:3] + f[4:], "swapped": f[:2] + f[3:4] + f[2:3] + f[4:], "end swapped": f[:-2] + f[-2:][::-1],
        "accent added": f.replace("a", "á", 1).replace("o", "ó", 1).replace("u", "ü", 1),
    }  # fmt: skip
    for one, other in _OCR:
        at = f.find(one, 1)
        if at > 0 and len(f) >= 5:
            odd[f"ocr {one}"] = f[:at] + other + f[at + len(one) :]
    for n, c in enumerate(f[1:-1], 1):
        if c in _KEYS and n % 3 == 1 and len(f) >= 5:
            odd[f"key {n}"] = f[:n] + _KEYS[c] + f[n + 1 :]
    for n, text in enumerate(who.short):
        odd[f"short {n}"] = text
    for n, text in enumerate(who.cases):
        odd[f"case {n}"] = text
    for n, text in enumerate(who.native):
        odd[f"native {n}"] = text
    for name, text in odd.items():
        yield Way(name, text, False)


def dates(who: Known) -> Iterator[Way]:
    y, m, d = who.born
    month = MONTHS["en"].split()[m - 1]
    th = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}.get(d, "th")
    plain = {
        "iso": f"{y}-{m:02}-{d:02}", "slashes": f"{d:02}/{m:02}/{y}", "dots": f"{d:02}.{m:02}.{y}", "short dots": f"{d}.{m}.{y}",
        "us": f"{m:02}/{d:02}/{y}", "two digits": f"{d:02}/{m:02}/{y % 100:02}", "dashes": f"{d:02}-{m:02}-{y}", "iso slashes": f"{y}/{m:02}/{d:02}",
        "words": f"{d} {month} {y}", "us words": f"{month} {d}, {y}", "ordinal": f"{d}{th} {month} {y}", "the of": f"the {d}{th} of {month} {y}",
        "us ordinal": f"{month} {d}{th}, {y}", "short": f"{d} {month[:3]} {y}", "short dot": f"{month[:3]}. {d}, {y}", "apostrophe": f"{d} {month} '{y % 100:02}",
        "upper": f"{d} {month.upper()} {y}", "no year": f"{d} {month}", "compact": f"{y}{m:02}{d:02}", "spaces": f"{d:02} {m:02} {y}", "dashed month": f"{d:02}-{month[:3]}-{y}",
        "iso dots": f"{y}.{m:02}.{d:02}", "line": f"{d} {month}\n{y}", "no-break": f"{d}\u00a0{month}\u00a0{y}", "iso time": f"{y}-{m:02}-{d:02}T00:00:00",
    }  # fmt: skip
    for lang, words in MONTHS.items():
        word = words.split()[m - 1]
        text = {
            "es": f"{d} de {word} de {y}",
            "pt": f"{d} de {word} de {y}",
            "de": f"{d}. {word} {y}",
            "hu": f"{y}. {word} {d}.",
            "fi": f"{d}. {word} {y}",
        }.get(lang, f"{d} {word} {y}")
        plain[f"month {lang}"] = text
    for name, text in plain.items():
        yield Way(name, text, True)
    ordinal = _ORDINALS[d - 1]
    year = (
        f"two thousand and {_ONES[y - 2000]}"
        if y > 2000
        else "two thousand"
        if y == 2000
        else f"nineteen ninety-{_ONES[y - 1990]}"
    )
    odd = {
        "in words": f"the {ordinal} of {month} {year}", "in words us": f"{month} {ordinal}, {year}", "roman": f"{d}.{['I','II','III','IV','V','VI','VII','VIII','IX','X','XI','XII'][m-1]}.{y}",
        "two digits dots": f"{d:02}.{m:02}.{y % 100:02}", "ocr": f"{d:02}/{m:02}/{y}".replace("0", "O", 1), "chinese": f"{y}年{m}月{d}日",
        "born day month": f"born {d}/{m}", "day of month": f"{d}th day of {month} {y}", "spaced slashes": f"{d:02} / {m:02} / {y}",
    }  # fmt: skip
    for name, text in odd.items():
        yield Way(name, text, False)


def numbers(who: Known) -> Iterator[Way]:
    digits = re.sub(r"\D", "", who.phone)
    country, *rest = who.phone[1:].split(" ")
    national = "".join(rest)
    plain = {
        "phone": who.phone, "phone glued": "+" + digits, "phone 00": "00" + digits, "phone 00 spaced": "00 " + who.phone[1:], "national": "0" + national,
        "national spaced": "0" + " ".join(rest), "dashes": "-".join(who.phone.split(" ")), "dots": ".".join(rest), "brackets": f"({rest[0]}) {' '.join(rest[1:])}",
        "country brackets": f"(+{country}) {' '.join(rest)}", "zero brackets": f"+{country} (0) {' '.join(rest)}", "pairs": " ".join(re.findall("..?", national)),
        "threes": " ".join(re.findall("..?.?.?", national)), "slash": f"0{rest[0]}/{''.join(rest[1:])}", "digits spaced": " ".join(national),
        "phone no-break": who.phone.replace(" ", "\u00a0"), "phone line": who.phone.replace(" ", "\n", 1), "tel": f"tel:+{digits}",
        "document": who.document, "document spaced": " ".join(re.findall("..?.?", who.document.replace(" ", ""))), "document dashed": "-".join(re.findall("..?.?", who.document.replace(" ", ""))),
        "document lower": who.document.lower(), "document glued": who.document.replace(" ", ""), "document zero width": "\u200b".join(who.document),
        "email": who.email, "email upper": who.email.upper(), "mailto": f"<{who.email}>",
        "address": f"{who.address[0]} {who.address[1]}, {who.address[2]}, {who.address[3]}", "street number": f"{who.address[0]} {who.address[1]}",
        "number after": f"{who.address[1]} {who.address[0]}",
    }  # fmt: skip
    for name, text in plain.items():
        yield Way(name, text, True)
    odd = {
        "document ocr": who.document.replace("0", "O").replace("1", "I"), "phone ocr": who.phone.replace("0", "O"), "email at": who.email.replace("@", " at ").replace(".", " dot "),
        "email brackets": who.email.replace("@", "(at)").replace(".example", "[dot]example"), "street alone": who.address[1], "postcode": f"postcode {who.address[3]}",
        "ending": f"number ending {national[-3:]}", "last four": f"ends in {national[-4:]}", "document line": who.document[:4] + "\n" + who.document[4:],
        "document spaced out": " ".join(who.document.replace(" ", "")), "street upper": f"{who.address[0]} {who.address[1]}".upper(),
        "nr": f"{who.address[1]} nr. {who.address[0]}",
    }  # fmt: skip
    for name, text in odd.items():
        yield Way(name, text, False)


def ways(who: Known) -> Iterator[Way]:
    """All of them."""
    for kind in (names, dates, numbers):
        yield from kind(who)
