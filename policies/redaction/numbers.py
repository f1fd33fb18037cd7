"""Find known numbers, phones, e-mails, handles, links, dates of birth, plates and addresses in a clean text.

Numbers are compared without separators and with a scanner's O/0, I/1, S/5, B/8, Z/2 taken as equal; phones with and
without country code and trunk zero. Numbers shorter than four characters are not searched: they say nothing alone.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from itertools import accumulate, chain, filterfalse
from operator import itemgetter
from typing import TypeVar

import phonenumbers

from policies.redaction.dates import DateFound, Day, born_before
from policies.redaction.identity import Finding, Identity
from policies.redaction.number_words import numbers_of
from policies.redaction.page import Page, Tokens, occurrences
from policies.redaction.scripts import HAN, SHIELD, TOKEN, clean, fold
from policies.redaction.words import COMMON, listed

_SLIP = str.maketrans(
    {
        "O": "0",
        "Q": "0",
        "О": "0",
        "Ο": "0",
        "I": "1",
        "L": "1",
        "І": "1",
        "S": "5",
        "Ѕ": "5",
        "B": "8",
        "В": "8",
        "Z": "2",
        "А": "A",
        "С": "C",
        "Е": "E",
        "Н": "H",
        "К": "K",
        "М": "M",
        "Р": "P",
        "Т": "T",
        "Х": "X",
    }
)
_SEPARATORS = re.compile(r"[\s.\-/_()+#:,·*']{0,4}")
_SERIES = re.compile(r"[A-Z]{1,3}([0-9]{6,10})|([0-9]{6,10})[A-Z]{1,2}")
_AT_BEFORE = re.compile(r"@\s?$")
_DIGIT = re.compile(r"\d")
_WITHOUT_BLANKS = "\u0590-\u06ff\u3041-\u30ff\u3400-\u9fff\uac00-\ud7af"
_NO_BLANKS = re.compile(f"[{_WITHOUT_BLANKS}]")  # may be grown together with anything
_ENDING_WORDS = listed(
    """
    ending ends ended end endings last final finishing finishes terminating digits
    terminat termina terminado terminada terminando terminand terminat acaba finaliza finit finissant termine
    endet endend endziffern endung konczy konczacy konczacym zakonczony konczacy ostatnie
    zakinchuyetsya zakinchuvavsya zakanchivaetsya okanchivaetsya zavershaetsya ostanni poslednie
    vegzodik vegzodo utolso biten bitiyor son mbaron perfundon eindigt eindigend finisce finale terminante
    ligei teleutaia zavurshva baigiasi beidzas konci loppuu slutar
    """
)
_POSTCODE_WORDS = listed(
    "postcode postal zip plz cap cp code cod kod iranyitoszam indeks index kodi postleitzahl tk pk postnummer"
)
_MASKED = re.compile(r"(?:[*x•X#·]{2,}|…|\.{3})[\s-]?(\d{2,6})(?!\w)")
_DIGIT_WORDS = {
    word: str(n)
    for n, words in enumerate(
        (
            "zero oh nil null nula nol ноль нуль cero sifir",
            "one uno un une eins ein unu один одна jeden bir",
            "two dos deux zwei zwo doi due dois два dwa iki",
            "three tres trois drei trei tre три trzy",
            "four cuatro quatre vier patru quattro quatro чотири четыре cztery",
            "five cinco cinq fünf cinci cinque п'ять пять pięć",
            "six seis sechs șase sase sei шість шесть sześć",
            "seven siete sept sieben șapte sapte sette sete сім семь siedem",
            "eight ocho huit acht opt otto oito вісім восемь osiem",
            "nine nueve neuf neun nouă noua nove дев'ять девять dziewięć",
        )
    )
    for word in words.split()
}
STREET_WORDS = listed(
    """
    street st road rd avenue ave lane ln drive dr close court ct square sq place pl terrace way row crescent
    gardens grove mews quay wharf steps yard flat apt apartment unit floor block house no nr number room strada
    str bulevardul bulevard bd aleea calea soseaua bloc bl scara sc etaj et ap ulica ul vulytsya vulytsia vul
    ulitsa prospekt prospect prosp bud kv calle avenida av plaza paseo rue boulevard blvd allee via piazza viale
    corso strasse str platz weg gasse rua travessa sokak sokagi cadde caddesi cad mahallesi mah duong pho ngo
    quarter district postcode zip straat laan
    """
)
_BETWEEN_PARTS = listed("de la le del della of on do da dos des du van der m lok mieszk")
_INSIDE_ADDRESS = re.compile(r"[\s,.\-/·•|'()]{0,3}")
_POSTCODE = re.compile(r"(?<!\w)(?:[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}|\d{5,6}|\d{2}-\d{3}|\d{4}\s?[A-Z]{2})(?!\w)")


def squeezed(text: str) -> str:
    """Letters and digits only, upper case, slips evened out."""
    return "".join(TOKEN.findall(clean(text).text)).upper().translate(_SLIP)


@dataclass(frozen=True, slots=True)
class Code:
    text: str
    kind: str
    whose: tuple[str, ...]
    lead: tuple[str, ...] = ()  # digits that may stand before it (country code, trunk zero)


@dataclass(frozen=True, slots=True)
class Needle:
    """A text to look for as it stands. `plain`: a piece that must be there first; `marked`: only behind an "@"."""

    plain: str
    pattern: re.Pattern[str]
    kind: str
    whose: tuple[str, ...]
    marked: bool

    def find(self, lower: str) -> list[Finding]:
        found: list[Finding] = []
        for m in self.pattern.finditer(lower):
            start = m.start()
            if start and lower[start - 1].isalnum() and not _NO_BLANKS.match(lower[start - 1]):
                continue
            at = _AT_BEFORE.search(lower, max(0, start - 2), start)
            if at or not self.marked:
                found += _of_each(self.whose, at.start() if at else start, m.end(), self.kind, 1.0)
        return found


@dataclass(frozen=True, slots=True)
class Street:
    whose: tuple[str, ...]
    names: frozenset[str]
    numbers: frozenset[str]
    every: frozenset[str]


_OneKnown = TypeVar("_OneKnown", Code, Needle, Street)


def _shared(known: Iterable[_OneKnown]) -> list[_OneKnown]:
    """Everything once, with all of whom it is known: a case's persons are told of in each of its messages."""
    whose: dict[_OneKnown, list[str]] = {}
    for one in known:
        whose.setdefault(replace(one, whose=()), []).extend(one.whose)
    return [replace(one, whose=tuple(dict.fromkeys(all_of_them))) for one, all_of_them in whose.items()]


def _of_each(
    whose: Iterable[str], start: int, end: int, kind: str, score: float, reason: str = "known"
) -> list[Finding]:
    """One place as a finding of each person of whom it is known."""
    return [Finding(start, end, kind, who, score, reason) for who in whose]


_HEAD = 4  # characters that codes are looked up by: a text of many numbers begins few of them
_FEW = 150  # heads that are found faster one by one
_TRUNKS = {"36": ("06",), "7": ("8",), "370": ("8",), "375": ("80", "8"), "993": ("8",), "52": ("01", "044", "045")}
"""What is dialled before a number inside its country, where that is not a zero."""


def _phone(number: str) -> tuple[str, tuple[str, ...]]:
    """National digits and what may stand before them."""
    plain = clean(number).text.strip()
    if plain.startswith("00"):
        plain = "+" + plain[2:]
    if plain.startswith("+"):
        try:
            parsed = phonenumbers.parse(plain, None)
        except phonenumbers.NumberParseException:
            pass
        else:
            code = str(parsed.country_code)
            trunk = _TRUNKS.get(code, ())
            return (
                phonenumbers.national_significant_number(parsed),
                (f"00{code}0", f"{code}0", f"00{code}", code, *trunk, "0"),
            )
    digits = re.sub(r"\D", "", plain)
    return digits.lstrip("0") or digits, ("0", "00")


class NumberMatcher:
    """Everything known about the identities that is not a name."""

    def __init__(self, identities: tuple[Identity, ...]) -> None:
        self.codes: list[Code] = []
        self.needles: list[Needle] = []
        self.births: dict[Day, list[int]] = {}  # and whose it is
        self.streets: list[Street] = []
        self.postcodes: dict[str, list[tuple[int, frozenset[str]]]] = {}
        for who, one in enumerate(identities):
            for kind, values in (
                ("document", one.numbers),
                ("account", one.accounts),
                ("plate", one.plates),
                ("number", one.others),
            ):
                for value in values:
                    self._code(value, kind, who)
            for phone in one.phones:
                digits, lead = _phone(phone)
                if len(digits) >= 5:
                    self.codes.append(Code(digits, "phone", (str(who),), lead))
                if len(digits) >= 9:
                    self.codes.append(Code(digits[-7:], "phone", (str(who),)))
            for email in one.emails:
                self._needle(email, "email", who)
                local = email.partition("@")[0]
                if len(local) >= 5 and fold(local) not in COMMON:
                    self._needle(local, "handle", who)
            for handle in one.handles:
                self._needle(handle, "handle", who)
            for url in one.urls:
                self._needle(re.sub(r"^(?:[a-z]+://)?(?:www\.)?", "", url.strip().lower()).rstrip("/"), "url", who)
            for birth in one.birthdates:
                self._birth(birth, who)
            for address in one.addresses:
                self._address(address, who)
        self.codes, self.needles, self.streets = _shared(self.codes), _shared(self.needles), _shared(self.streets)
        self._places: dict[str, list[int]] = {}  # of the codes, by their first characters
        for place, code in enumerate(self.codes):
            self._places.setdefault(code.text[:_HEAD], []).append(place)
        self._read_out = [c for c in self.codes if len(c.text) >= 7 and c.text.isdigit() and c.kind != "birthdate"]
        self._read_out_heads = {code.text[:_HEAD] for code in self._read_out}
        self._births_by_month: dict[int | None, list[Day]] = {}
        for born in self.births:
            self._births_by_month.setdefault(born[1], []).append(born)
        last = sorted(((max(whose), born[0]) for born, whose in self.births.items()), key=itemgetter(0))
        self._birth_years = {str(year): who for who, year in last}
        self._street_words = {word for street in self.streets for word in street.names}
        self._long_street_words: dict[str, list[str]] = {}  # by their first four letters
        for word in sorted(self._street_words):
            if len(word) >= 5:
                self._long_street_words.setdefault(word[:4], []).append(word)
        self._inflected: dict[str, str] = {}
        self._no_street: set[str] = set()

    def _code(self, value: str, kind: str, who: int) -> None:
        code = squeezed(value)
        series = _SERIES.fullmatch("".join(TOKEN.findall(clean(value).text)).upper())
        if series:  # people leave its letters out
            self.codes.append(Code((series.group(1) or series.group(2)).translate(_SLIP), kind, (str(who),)))
        if len(code) >= 4 and _DIGIT.search(clean(value).text):
            self.codes.append(Code(code, kind, (str(who),)))
        elif len(code) >= 4 and not all(fold(word) in COMMON for word in TOKEN.findall(clean(value).text)):
            self._needle(value, kind, who)

    def _needle(self, value: str, kind: str, who: int) -> None:
        text = _lower(clean(value).text.strip())
        bare = text.lstrip("@")
        if len(bare) < 2:
            return
        pieces = []
        for char in bare:
            if char == "@":
                pieces.append(r"\s{0,2}(?:@|\(at\)|\[at\]|\{at\}| at )\s{0,2}")
            elif char == ".":
                pieces.append(r"\s{0,2}(?:\.|\(dot\)|\[dot\]|\{dot\}| dot )\s{0,2}")
            elif char in "-_/":
                pieces.append(rf"\s?{re.escape(char)}\s?")
            elif char == " ":
                pieces.append(r"\s{1,2}")
            else:
                pieces.append(re.escape(char))
        body = "".join(pieces)
        plain = max(re.split(r"[@.\-_/ ]", bare), key=len)
        marked = len(bare) < 4 or bare in COMMON
        pattern = re.compile(body + rf"(?![^\W_{_WITHOUT_BLANKS}])")
        self.needles.append(Needle(plain, pattern, kind, (str(who),), marked))

    def _birth(self, birth: str, who: int) -> None:
        numbers = [int(part) for part in re.findall(r"\d+", birth)[:3]]
        if not numbers:
            return
        year, month, day = (*numbers, None, None)[:3]
        self.births.setdefault((year, month, day), []).append(who)
        if month is not None and day is not None:
            y, m, d = f"{year:04d}", f"{month:02d}", f"{day:02d}"
            for code in {y + m + d, d + m + y, m + d + y, d + m + y[2:], y[2:] + m + d}:
                self.codes.append(Code(code.translate(_SLIP), "birthdate", (str(who),)))

    def _address(self, address: str, who: int) -> None:
        text = clean(address).text
        chunks = [chunk for chunk in re.split(r"[,;\n]", text) if chunk.strip()]
        for chunk in chunks:
            if HAN.search(chunk):
                self._needle(re.sub(r"\s", "", chunk), "address", who)
        named = [
            (names, words)
            for words in ([fold(w) for w in TOKEN.findall(chunk)] for chunk in chunks)
            if (names := frozenset(w for w in words if not _DIGIT.search(w) and len(w) > 2 and w not in STREET_WORDS))
        ]
        names, _ = next(
            (n for n in named if any(_DIGIT.search(w) for w in n[1])), named[0] if named else (frozenset(), [])
        )
        numbers = frozenset(fold(w) for w in TOKEN.findall(text) if _DIGIT.search(w))
        every = frozenset(fold(word) for word in TOKEN.findall(text))
        if names:
            self.streets.append(Street((str(who),), names, numbers, every))
        for code in _POSTCODE.findall(text):
            self.codes.append(Code(squeezed(code), "address", (str(who),)))
        for code in re.findall(r"(?<![\w-])\d{4}(?![\w-])", text):
            self.postcodes.setdefault(code, []).append((who, every))

    # -- search ------------------------------------------------------------------------------------------------------

    def find(self, page: Page, dates: Sequence[DateFound], *, strict: bool) -> list[Finding]:
        """All places in a clean text; spans may overlap, the caller merges them."""
        found: list[Finding] = []
        text = page.text
        if self.codes:
            if page.numeric:
                found += self._numbers(page, strict)
                found += self._endings(page)
            if page.numeric or len(_DIGIT_WORDS.keys() & page.distinct) > 2:
                found += self._spread(page)
        if self.needles:
            lower = _lower(text)
            for needle in self.needles:
                if needle.plain in lower:
                    found += needle.find(lower)
        if self.births:
            found += self._births(page, dates)
        if self.streets:
            found += self._addresses(page, strict)
        if self.postcodes:
            found += self._short_postcodes(page)
        return found

    def _numbers(self, page: Page, strict: bool) -> list[Finding]:
        """Codes in the letters and digits of the text, whatever stands between the pieces of one."""
        strip = _Strip.of(page)
        found: list[Finding] = []
        begun = _standing_in(strip.text, self._places.keys())
        for place in sorted(place for head in begun for place in self._places[head]):
            code = self.codes[place]
            for at in occurrences(code.text, strip.text):
                span = self._at(page, code, strip, at, strict)
                if span:
                    found += _of_each(code.whose, *span, code.kind, 1.0)
        return found

    def _at(self, page: Page, code: Code, strip: _Strip, at: int, strict: bool) -> tuple[int, int] | None:
        """Where the code at this place of the strip stands in the text, if it may be that number there."""
        tokens, offsets = page.tokens, strip.offsets
        start, end = at, at + len(code.text)
        first, last = strip.piece(start), strip.piece(end - 1)
        if not all(_joins(page.text, tokens, strip.words[k]) for k in range(first, last)):
            return None
        for lead in code.lead:
            before = at - len(lead)
            if before < 0 or not strip.text.startswith(lead, before):
                continue
            k = strip.piece(before)
            if offsets[k] == before and all(_joins(page.text, tokens, strip.words[j]) for j in range(k, first)):
                start, first = before, k
                break
        begins = start == offsets[first] or _turns(page.words[strip.words[first]], start - offsets[first])
        ends = end == offsets[last + 1] or _turns(page.words[strip.words[last]], end - offsets[last])
        long_enough = len(code.text) >= 8 and code.kind in {"document", "account", "number"}
        inside = strict and len(code.text) >= 7 and code.kind != "birthdate"
        if not ((begins and ends) or inside or (long_enough and (begins or ends))):
            return None
        a, b = tokens[strip.words[first]][1], tokens[strip.words[last]][2]
        if begins and ends:
            a, b = a + start - offsets[first], tokens[strip.words[last]][1] + end - offsets[last]
        while a > 0 and page.text[a - 1] in "+(" and code.kind == "phone":
            a -= 1
        return a, b

    def _spread(self, page: Page) -> list[Finding]:
        """Phones whose groups have words between them, or are read out: "044, then 123 45 67", "zero four four"."""
        pieces = _digit_pieces(page)
        digits = "".join(piece for piece, _ in pieces)
        offsets = list(accumulate((len(piece) for piece, _ in pieces), initial=0))
        found: list[Finding] = []
        begun = _standing_in(digits, self._read_out_heads)
        for code in self._read_out:
            at = digits.find(code.text) if code.text[:_HEAD] in begun else -1
            while at >= 0:
                first, last = bisect_right(offsets, at) - 1, bisect_right(offsets, at + len(code.text) - 1) - 1
                begin = at
                for lead in code.lead:
                    k = bisect_right(offsets, at - len(lead)) - 1
                    if at < len(lead) or offsets[k] != at - len(lead) or not digits.startswith(lead, at - len(lead)):
                        continue
                    if _near(page, pieces, k, first):
                        first, begin = k, offsets[k]
                        break
                whole = begin == offsets[first] and at + len(code.text) == offsets[last + 1]
                if whole and all(_near(page, pieces, k, k + 1) for k in range(first, last)):
                    a, b = page.tokens[pieces[first][1]][1], page.tokens[pieces[last][1]][2]
                    found += _of_each(code.whose, a, b, code.kind, 0.9, "known, spread")
                at = digits.find(code.text, at + 1)
        return found

    def _endings(self, page: Page) -> list[Finding]:
        """The last digits of a known number, where the words before say that they are: "a number ending 911"."""
        found: list[Finding] = []
        text, tokens = page.text, page.tokens
        for i in page.places(page.folded(_ENDING_WORDS)):
            for k in range(i + 1, min(i + 6, len(tokens))):
                if tokens[k][1] - tokens[i][2] > 30 or ". " in text[tokens[k - 1][2] : tokens[k][1]]:
                    break
                if tokens[k][0].isdigit():
                    found += self._tail(page, k)
                    break
        if any(mark in text for mark in ("**", "xx", "XX", "\u2022\u2022", "\u2026", "...", "##", "\u00b7\u00b7")):
            found += [f for m in _MASKED.finditer(text) for f in self._tail_at(m.start(), m.end(), m.group(1))]
        return found

    def _tail(self, page: Page, k: int) -> list[Finding]:
        last, digits = k, page.tokens[k][0]
        while last + 1 < len(page.tokens) and page.tokens[last + 1][0].isdigit() and len(digits) < 8:
            if page.tokens[last + 1][1] - page.tokens[last][2] != 1:
                break
            last += 1
            digits += page.tokens[last][0]
        return self._tail_at(page.tokens[k][1], page.tokens[last][2], digits)

    def _tail_at(self, start: int, end: int, digits: str) -> list[Finding]:
        for code in self.codes:
            if (
                code.kind != "birthdate"
                and len(digits) >= 2
                and code.text.endswith(digits)
                and len(digits) < len(code.text)
            ):
                return _of_each(code.whose[:1], start, end, code.kind, 0.8, "known, its end")
        return []

    def _births(self, page: Page, dates: Sequence[DateFound]) -> list[Finding]:
        found: list[Finding] = []
        for date in dates:
            months = {month for _, month, _ in date.readings}
            whose = [
                who
                for birth in chain.from_iterable(self._births_by_month.get(month, ()) for month in months)
                if any(_same_day(reading, birth) for reading in date.readings)
                for who in self.births[birth]
            ]
            found += _of_each(map(str, sorted(whose)), date.start, date.end, "birthdate", 1.0)
        for i in page.places(self._birth_years.keys() & page.distinct):
            word, start, end = page.tokens[i]
            if born_before(page.text, start):
                found.append(Finding(start, end, "birthdate", str(self._birth_years[word]), 0.9, "known"))
        return found

    def _short_postcodes(self, page: Page) -> list[Finding]:
        """Four digits are a postcode beside the town, or behind a word for it."""
        found: list[Finding] = []
        for i in page.places(self.postcodes.keys() & page.distinct):
            near = {fold(word) for word in page.words[max(0, i - 3) : i]}
            beside = {fold(word) for word in (*page.words[max(0, i - 1) : i], *page.words[i + 1 : i + 2])}
            for who, every in self.postcodes[page.words[i]]:
                if near & _POSTCODE_WORDS or any(len(word) > 2 and not word.isdigit() for word in beside & every):
                    found.append(Finding(page.tokens[i][1], page.tokens[i][2], "address", str(who), 0.8, "known"))
        return found

    def _addresses(self, page: Page, strict: bool) -> list[Finding]:
        text, tokens = page.text, page.tokens
        inflected = self._inflected_streets(page.folds)
        wanted = page.folded(self._street_words | inflected.keys())
        found: list[Finding] = []
        for i in page.places(wanted):
            for street in self.streets:
                here = fold(tokens[i][0])
                if inflected.get(here, here) not in street.names:
                    continue
                first = last = i
                while first > 0 and i - first < 8 and self._belongs(text, tokens, first - 1, first - 1, street):
                    first -= 1
                while last + 1 < len(tokens) and last - i < 12 and self._belongs(text, tokens, last + 1, last, street):
                    last += 1
                run = [fold(token[0]) for token in tokens[first : last + 1]]
                generic = any(
                    word in STREET_WORDS and word not in {"no", "st", "house", "room", "number"} for word in run
                )
                whole = len(street.names) > 1 and street.names <= set(run)
                while first < i and run[0] in _BETWEEN_PARTS:
                    first, run = first + 1, run[1:]
                while last > i and run[-1] in _BETWEEN_PARTS:
                    last, run = last - 1, run[:-1]
                if (
                    any(word in street.numbers for word in run)
                    or any(_spelled(tokens[k][0], street) for k in range(first, last + 1))
                    or (generic and tokens[i][0][:1].isupper())
                    or whole
                    or (
                        strict
                        and len(tokens[i][0]) >= 6
                        and tokens[i][0][:1].isupper()
                        and fold(tokens[i][0]) not in COMMON
                    )
                ):
                    found += _of_each(street.whose, tokens[first][1], tokens[last][2], "address", 0.9)
        return found

    def _inflected_streets(self, folds: Set[str]) -> dict[str, str]:
        """The words that are a street's name with an ending, and the name; remembered, as few words are new."""
        if len(self._no_street) > 200_000:
            self._no_street.clear()
            self._inflected.clear()
        for word in filterfalse(self._no_street.__contains__, folds):
            for name in self._long_street_words.get(word[:4], ()) if word not in self._street_words else ():
                if len(word) >= 5 and word[: len(name) - 1] == name[:-1] and len(word) - len(name) <= 3:
                    self._inflected[word] = name
            if word not in self._inflected:
                self._no_street.add(word)
        return {word: self._inflected[word] for word in folds & self._inflected.keys()}

    @staticmethod
    def _belongs(text: str, tokens: Tokens, i: int, gap_after: int, street: Street) -> bool:
        gap = text[tokens[gap_after][2] : tokens[gap_after + 1][1]]
        word = fold(tokens[i][0])
        return (
            bool(_INSIDE_ADDRESS.fullmatch(gap))
            and SHIELD not in gap
            and (
                word in street.every or word in STREET_WORDS or word in _BETWEEN_PARTS or _spelled(tokens[i][0], street)
            )
        )


def _standing_in(text: str, heads: Set[str]) -> set[str]:
    """Which of the heads the text holds: looked for one by one where they are few, else among all its pieces."""
    if len(heads) <= _FEW:
        return {head for head in heads if head in text}
    sizes = set(map(len, heads))  # one, but for short codes
    return {piece for n in sizes for piece in map("".join, zip(*(text[k:] for k in range(n)), strict=False))} & heads


def _spelled(word: str, street: Street) -> bool:
    """Whether a word spells a number of the address: "dwanaście" for 12."""
    return any(str(number) in street.numbers for number in numbers_of(word))


def _turns(word: str, inside: int) -> bool:
    """Whether digits turn into letters, or letters into digits, at this place inside a word ("tel0722…")."""
    return 0 < inside < len(word) and word[inside - 1].isalpha() != word[inside].isalpha()


def _joins(text: str, tokens: Tokens, i: int) -> bool:
    """Whether words `i` and `i + 1` may be pieces of one number."""
    return bool(_SEPARATORS.fullmatch(text, tokens[i][2], tokens[i + 1][1]))


@dataclass(frozen=True, slots=True)
class _Strip:
    """The words around digits without separators: upper case, slips evened out, every character in its place."""

    text: str
    offsets: list[int]
    words: list[int]  # which word of the page each piece is; -1 for what parts two neighbourhoods

    @classmethod
    def of(cls, page: Page) -> _Strip:
        words: list[int] = []
        upto = begun = 0
        for i in page.numeric:
            if i - 4 > upto:
                words += range(begun, upto)
                if upto:
                    words.append(-1)
                begun = i - 4
            upto = i + 5
        words += range(begun, min(upto, len(page.words)))
        parts = [page.words[i] if i >= 0 else "\x00" for i in words]
        whole = "".join(parts)
        upper = whole.upper()
        if len(upper) != len(whole):
            upper = "".join(c.upper() if len(c.upper()) == 1 else c for c in whole)
        return cls(upper.translate(_SLIP), list(accumulate(map(len, parts), initial=0)), words)

    def piece(self, at: int) -> int:
        """The piece that holds the character at `at`."""
        return bisect_right(self.offsets, at) - 1


def _digit_pieces(page: Page) -> list[tuple[str, int]]:
    """The digits of the page by word, digits in words among them."""
    spoken = _DIGIT_WORDS.keys() & page.distinct if len(_DIGIT_WORDS.keys() & page.distinct) > 1 else frozenset()
    places = sorted({*page.numeric, *page.places(set(spoken) | ({"double", "triple"} if spoken else set()))})
    pieces: list[tuple[str, int]] = []
    times = 1
    for i in places:
        word = page.words[i]
        if word in {"double", "triple"}:
            times = 2 if word == "double" else 3
            continue
        if word in _DIGIT_WORDS:
            pieces.append((_DIGIT_WORDS[word] * times, i))
        elif word.isdecimal():
            pieces.append((word, i))
        else:
            pieces.append(("".join(c for c in word.upper().translate(_SLIP) if c.isdecimal()), i))
        times = 1
    return pieces


def _near(page: Page, pieces: list[tuple[str, int]], left: int, right: int) -> bool:
    """Whether two pieces are close enough to be of one number: three words and thirty characters at most."""
    a, b = pieces[left][1], pieces[right][1]
    return (
        b - a <= 4
        and page.tokens[b][1] - page.tokens[a][2] <= 30
        and "\n\n" not in page.text[page.tokens[a][2] : page.tokens[b][1]]
    )


def _same_day(reading: Day, birth: Day) -> bool:
    year, month, day = reading
    if birth[1] != month or month is None:
        return False
    if day is None:
        return year == birth[0] and month == birth[1]
    if birth[2] is None:
        return year == birth[0] and month == birth[1]
    return (month, day) == birth[1:] and (year is None or year == birth[0] or (birth[0] or 0) % 100 == year % 100)


def _lower(text: str) -> str:
    return text.replace("İ", "I").lower()  # the one capital whose small form is two characters
