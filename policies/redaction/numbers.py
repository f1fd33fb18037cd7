"""Find known numbers, phones, e-mails, handles, links, dates of birth, plates and addresses in a clean text.

Numbers are compared without separators and with a scanner's O/0, I/1, S/5, B/8, Z/2 taken as equal; phones with and
without country code and trunk zero. Numbers shorter than four characters are not searched: they say nothing alone.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import phonenumbers

from policies.redaction.dates import DateFound, Day
from policies.redaction.identity import Finding, Identity
from policies.redaction.page import Page, Tokens
from policies.redaction.scripts import SHIELD, TOKEN, clean, fold
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
_AT_BEFORE = re.compile(r"@\s?$")
_DIGIT = re.compile(r"\d")
_BIRTH_WORDS = re.compile(
    r"(?:\bborn|\bb\.|\bbirth|\bd\.?o\.?b\.?|\bn[ăa]scut\w*|\bné\w*|\bnacid\w*|\bgeboren\w*|\bur\.|народ\w*|род\w*|γεννήθηκε|مواليد)"
    r"[^.\n\x00\d]{0,24}$",
    re.IGNORECASE,
)
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
_POSTCODE = re.compile(r"(?<!\w)(?:[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}|\d{5,6}|\d{2}-\d{3}|\d{4}\s?[A-Z]{2})(?!\w)")


def squeezed(text: str) -> str:
    """Letters and digits only, upper case, slips evened out."""
    return "".join(TOKEN.findall(clean(text).text)).upper().translate(_SLIP)


@dataclass(frozen=True, slots=True)
class Code:
    text: str
    kind: str
    who: int
    lead: tuple[str, ...] = ()  # digits that may stand before it (country code, trunk zero)


@dataclass(frozen=True, slots=True)
class Needle:
    """A text to look for as it stands. `plain`: a piece that must be there first; `marked`: only behind an "@"."""

    plain: str
    pattern: re.Pattern[str]
    kind: str
    who: int
    marked: bool

    def find(self, lower: str) -> list[Finding]:
        found: list[Finding] = []
        for m in self.pattern.finditer(lower):
            start = m.start()
            if start and lower[start - 1].isalnum():
                continue
            at = _AT_BEFORE.search(lower, max(0, start - 2), start)
            if at or not self.marked:
                found.append(Finding(at.start() if at else start, m.end(), self.kind, str(self.who), 1.0, "known"))
        return found


@dataclass(frozen=True, slots=True)
class Street:
    who: int
    names: frozenset[str]
    numbers: frozenset[str]
    every: frozenset[str]


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
            return (
                phonenumbers.national_significant_number(parsed),
                (f"00{code}0", f"{code}0", f"00{code}", code, "0"),
            )
    digits = re.sub(r"\D", "", plain)
    return digits.lstrip("0") or digits, ("0", "00")


class NumberMatcher:
    """Everything known about the identities that is not a name."""

    def __init__(self, identities: tuple[Identity, ...]) -> None:
        self.codes: list[Code] = []
        self.needles: list[Needle] = []
        self.births: list[tuple[int, Day]] = []
        self.streets: list[Street] = []
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
                    self.codes.append(Code(digits, "phone", who, lead))
                if len(digits) >= 9:
                    self.codes.append(Code(digits[-7:], "phone", who))
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
        self._by_head: dict[str, list[Code]] = {}
        for code in self.codes:
            self._by_head.setdefault(code.text[:4], []).append(code)
        self._heads = re.compile("|".join(map(re.escape, self._by_head)) or r"(?!)")
        self._street_words = {word for street in self.streets for word in street.names}

    def _code(self, value: str, kind: str, who: int) -> None:
        code = squeezed(value)
        if len(code) >= 4 and _DIGIT.search(code):
            self.codes.append(Code(code, kind, who))
        elif len(code) >= 4:
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
        self.needles.append(Needle(plain, re.compile(body + r"(?![^\W_])"), kind, who, marked))

    def _birth(self, birth: str, who: int) -> None:
        numbers = [int(part) for part in re.findall(r"\d+", birth)[:3]]
        if not numbers:
            return
        year, month, day = (*numbers, None, None)[:3]
        self.births.append((who, (year, month, day)))
        if month is not None and day is not None:
            y, m, d = f"{year:04d}", f"{month:02d}", f"{day:02d}"
            for code in {y + m + d, d + m + y, m + d + y, d + m + y[2:], y[2:] + m + d}:
                self.codes.append(Code(code.translate(_SLIP), "birthdate", who))

    def _address(self, address: str, who: int) -> None:
        text = clean(address).text
        chunks = [chunk for chunk in re.split(r"[,;\n]", text) if chunk.strip()]
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
            self.streets.append(Street(who, names, numbers, every))
        for code in _POSTCODE.findall(text):
            self.codes.append(Code(squeezed(code), "address", who))

    # -- search ------------------------------------------------------------------------------------------------------

    def find(self, page: Page, dates: Sequence[DateFound], *, strict: bool) -> list[Finding]:
        """All places in a clean text; spans may overlap, the caller merges them."""
        found: list[Finding] = []
        text = page.text
        if self.codes and page.numeric:
            found += self._numbers(page, strict)
        if self.needles:
            lower = _lower(text)
            for needle in self.needles:
                if needle.plain in lower:
                    found += needle.find(lower)
        if self.births:
            found += self._births(page, dates)
        if self.streets:
            found += self._addresses(page, strict)
        return found

    def _numbers(self, page: Page, strict: bool) -> list[Finding]:
        text, tokens = page.text, page.tokens
        found: list[Finding] = []
        done = -1
        for i in page.numeric:
            if i <= done:
                continue
            first = last = i
            while (
                first > max(0, done)
                and i - first < 4
                and len(tokens[first - 1][0]) <= 5
                and self._joins(text, tokens, first - 1)
            ):
                first -= 1
            idle = 0
            while last + 1 < len(tokens) and idle < 3 and last - first < 40 and self._joins(text, tokens, last):
                word = tokens[last + 1][0]
                if not _DIGIT.search(word) and len(word) > 5:
                    break
                idle = 0 if _DIGIT.search(word) else idle + 1
                last += 1
            done = max(i, last - idle)
            found += self._in_region(text, tokens[first : last + 1], strict)
        return found

    @staticmethod
    def _joins(text: str, tokens: Tokens, i: int) -> bool:
        return bool(_SEPARATORS.fullmatch(text[tokens[i][2] : tokens[i + 1][1]]))

    def _in_region(self, text: str, tokens: Tokens, strict: bool) -> list[Finding]:
        parts = [
            word.upper().translate(_SLIP) if word.isascii() else _same_length_upper(word).translate(_SLIP)
            for word, _, _ in tokens
        ]
        offsets: list[int] = []
        length = 0
        for part in parts:
            offsets.append(length)
            length += len(part)
        glued = "".join(parts)
        if not self._heads.search(glued):
            return []
        begins, ends = set(offsets), {o + len(p) for o, p in zip(offsets, parts, strict=True)}

        def original(at: int) -> int:
            k = bisect_right(offsets, at) - 1
            return tokens[k][1] + at - offsets[k]

        found: list[Finding] = []
        for first in range(len(glued) - 3):
            for code in self._by_head.get(glued[first : first + 4], ()):
                if not glued.startswith(code.text, first):
                    continue
                at = first
                start, end = at, at + len(code.text)
                for lead in code.lead:
                    if glued[:at].endswith(lead) and at - len(lead) in begins:
                        start = at - len(lead)
                        break
                inside = strict and len(code.text) >= 7 and code.kind != "birthdate"
                long_enough = len(code.text) >= 8 and code.kind in {"document", "account"}
                if (start in begins and end in ends) or inside or (long_enough and (start in begins or end in ends)):
                    a, b = original(start), original(end - 1) + 1
                    if inside or long_enough:
                        a, b = (
                            tokens[bisect_right(offsets, start) - 1][1],
                            tokens[bisect_right(offsets, end - 1) - 1][2],
                        )
                    while a > 0 and text[a - 1] in "+(" and code.kind == "phone":
                        a -= 1
                    found.append(Finding(a, b, code.kind, str(code.who), 1.0, "known"))
        return found

    def _births(self, page: Page, dates: Sequence[DateFound]) -> list[Finding]:
        found: list[Finding] = []
        for date in dates:
            for who, birth in self.births:
                if any(_same_day(reading, birth) for reading in date.readings):
                    found.append(Finding(date.start, date.end, "birthdate", str(who), 1.0, "known"))
        years = {str(birth[0]): who for who, birth in self.births}
        for i in page.places(years.keys() & page.distinct):
            word, start, end = page.tokens[i]
            if _BIRTH_WORDS.search(page.text, max(0, start - 40), start):
                found.append(Finding(start, end, "birthdate", str(years[word]), 0.9, "known"))
        return found

    def _addresses(self, page: Page, strict: bool) -> list[Finding]:
        text, tokens = page.text, page.tokens
        wanted = {word for word in page.distinct if fold(word) in self._street_words}
        found: list[Finding] = []
        for i in page.places(wanted):
            for street in self.streets:
                if fold(tokens[i][0]) not in street.names:
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
                if (
                    any(word in street.numbers for word in run)
                    or (generic and tokens[i][0][:1].isupper())
                    or whole
                    or (
                        strict
                        and len(tokens[i][0]) >= 6
                        and tokens[i][0][:1].isupper()
                        and fold(tokens[i][0]) not in COMMON
                    )
                ):
                    found.append(Finding(tokens[first][1], tokens[last][2], "address", str(street.who), 0.9, "known"))
        return found

    @staticmethod
    def _belongs(text: str, tokens: Tokens, i: int, gap_after: int, street: Street) -> bool:
        gap = text[tokens[gap_after][2] : tokens[gap_after + 1][1]]
        word = fold(tokens[i][0])
        return (
            bool(re.fullmatch(r"[\s,.\-/]{0,3}", gap))
            and SHIELD not in gap
            and (word in street.every or word in STREET_WORDS)
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


def _same_length_upper(text: str) -> str:
    return "".join(c.upper() if len(c.upper()) == 1 else c for c in text)
