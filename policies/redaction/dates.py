"""Dates as people write them, read into every (year, month, day) they may mean. Nothing here knows an identity."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from policies.redaction.lexica import months
from policies.redaction.memo import remembered
from policies.redaction.number_words import MISLEADING, day_in_words, small_number, year_before, year_in_words
from policies.redaction.page import Page, Tokens
from policies.redaction.scripts import fold
from policies.redaction.words import listed

Day = tuple[int | None, int | None, int | None]

MONTHS_IN_ENGLISH = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

_ENGLISH = frozenset(month.lower() for month in MONTHS_IN_ENGLISH) | {month[:3].lower() for month in MONTHS_IN_ENGLISH}
_ROMAN = {
    "I": 1,
    "II": 2,
    "III": 3,
    "IV": 4,
    "V": 5,
    "VI": 6,
    "VII": 7,
    "VIII": 8,
    "IX": 9,
    "X": 10,
    "XI": 11,
    "XII": 12,
}
_UNSLIP = str.maketrans("OoIl|", "00111")
_N = "[0-9OoIl]"


_W = "[^\\W々〇㐀-䶿一-鿿\u0590-\u06ff\uac00-\ud7af]"  # a character that a date cannot touch
_NUMERIC = re.compile(
    rf"(?<![/.\-])(?<!{_W})({_N}{{1,4}})(\s?[./\-\u2044|·•]\s?|[ \u00a0])({_N}{{1,2}}|[IVX]{{1,4}})"
    rf"(\s?[./\-\u2044|·•]\s?|[ \u00a0])'?"
    rf"({_N}{{4}}|{_N}{{2}}|{_N})(?:T[\d:.]{{4,12}}Z?|(?!{_W}|[./\-]\d))"
)
_ORDINAL = (
    r"(?:st|nd|rd|th|er|ère|ere|re|º|ª|°|-?go|-?e|-?a|-?я|-?ше|-?го|-?е|\.?-?[aeáéií]n|\.?-?j[eé]n?|\.?-?ik[aá]n)?"
)
_DAY = re.compile(rf"(?<!\w)({_N}{{1,2}}){_ORDINAL}(?!\w)")
_BETWEEN = re.compile(
    r"[\s\-/.,\u00a0]{0,3}"
    r"(?:(?:day of|of the month of|of the|of|de|di|du|des|del|d'|do"
    r"|la|the|dia|den|της|του|ngày|tháng|من|في|من شهر|شهر|在)[\s\u00a0]{1,2}){0,2}"
)
_SMALL = re.compile(r"[\s\-/.,\u00a0]{0,3}(?:(?:the|le|den|el|il|o|de|a)[\s\u00a0])?")
_YEAR = re.compile(
    rf"[\s,\-/.\u00a0]{{0,3}}(?:(?:de|of|del|do|an|anul|in|en|al|року|года|р\.|г\.|عام|سنة|الأول|الثاني|الاول|الآخر)[\s\u00a0]{{1,2}}){{0,2}}(?:'\s?(\d{{2}})|({_N}{{4}})|(\d{{2}}))(?!\w)(?![.,/]\d)"
)
_YEAR_BEFORE = re.compile(rf"(?<!\w)({_N}{{4}})(?:[.,\-/\s\u00a0]|\.\s|-?(?:ei|es|ik|m\.|metų|gada)\.?\s){{1,2}}$")
_NUMERIC_MONTH_YEAR = re.compile(
    rf"(?<![/.\-])(?<!{_W})(?:(\d{{1,2}})[./\-](\d{{4}})|(\d{{4}})[./\-](\d{{1,2}}))(?!{_W}|[./\-]\d)"
)
_DAY_AND_MONTH = re.compile(rf"(?<![/.\-])(?<!{_W})({_N}{{1,2}})\s?[./\-]\s?({_N}{{1,2}})(?!{_W}|[./\-]\d)")
_HAN_UNIT = re.compile("[年月년월]")
_DATE_GOES_ON = re.compile(r"[\s./\-\u2044\u00a0·•年月년월]{1,3}[\dOoIlVX]")
_HAN = re.compile(r"(\d{4})\s?[年년]\s?(\d{1,2})\s?[月월](?:\s?(\d{1,2})\s?[日号號일])?")
_GLUED = re.compile(r"(\d{1,2})([^\W\d_]{3,9})(\d{4}|\d{2})(?!\w)")
_MONTH_WORDS = listed("thang")
_YEAR_OF = listed("nam")
_HAN_WORDS = re.compile(
    "([〇零○一二三四五六七八九]{4})年([一二三四五六七八九十]{1,2})月(?:([一二三四五六七八九十廿卅]{1,3})[日号號])?"
)
_HAN_DIGITS = {sign: n % 10 for n, sign in enumerate("〇一二三四五六七八九")} | {"零": 0, "○": 0}
_BORN = (  # how words for birth begin
    *("birth", "născ", "nasc", "nacid", "gebor", "geburt", "urodz", "народ", "род", "szül", "doğum", "γενν", "مواليد"),
    *("ولد", "lindu", "datëlind", "gim", "dzim", "synt", "född", "fødd", "출생"),
)
_BORN_WHOLE = frozenset({"born", "dob", "b", "né", "née", "nee", "nato", "nata", "ur", "geb", "нар", "lindi", "生"})
_CUT = re.compile(r"[\n\x00\d;]|\.\s(?=\S*[A-Z])")
_SHORT_MONTHS = listed(
    """
    jan feb mar apr may jun jul aug sep oct nov dec mai mei maj abr ago set out dez dic gen mag giu lug ott ene fev
    okt des avr ian iun iul sty lut kwi cze lip sie wrz paz lis gru oca sub nis haz tem agu eyl eki kas ara mej maa
    """
)


def born_before(text: str, at: int) -> bool:
    """Whether the words right before `at` speak of a birth."""
    tail = _CUT.split(text[max(0, at - 36) : at])[-1].lower()
    words = tail.replace(".", " ").replace("(", " ").replace(":", " ").split()[-4:]
    return any(word.startswith(_BORN) or word in _BORN_WHOLE for word in words) or words[-3:] == ["d", "o", "b"]


@dataclass(frozen=True, slots=True)
class DateFound:
    """A date at `text[start:end]` and the days it may mean; `exact` when it names a day, `plain` when nobody
    would read it as anything but a date."""

    start: int
    end: int
    readings: tuple[Day, ...]
    exact: bool
    plain: bool


@remembered
def months_of(word: str) -> tuple[int, ...]:
    """The months a word may name, in any of the listed languages, with a scanner's 1 for l."""
    folded = fold(word)
    known = months()
    return known.get(folded) or known.get(folded.replace("1", "l").replace("0", "o")) or ()


def _number(text: str) -> int | None:
    plain = text.translate(_UNSLIP)
    return int(plain) if plain.isdigit() and any(c.isdigit() for c in text) else None


def _year(text: str | None) -> int | None:
    if not text:
        return None
    number = _number(text)
    if number is None or len(text) == 4:
        return number
    return number + (1900 if number > 30 else 2000)


def find_dates(page: Page) -> list[DateFound]:
    """Every date in a clean text; one place may be read as several days.

    A month and year inside a day is no date of its own.
    """
    found = list(_numeric_dates(page)) + list(_month_dates(page))
    if page.folds & _MONTH_WORDS:
        found += _numbered_months(page)
    if "年" in page.text:
        found += _han_dates(page.text)
    days = [date for date in found if date.exact and date.plain]
    inside = {at for date in days for at in range(date.start, date.end)}
    return [date for date in found if date.exact or date.start not in inside]


def _numeric_dates(page: Page) -> Iterator[DateFound]:
    text, upto = page.text, -1
    for i in page.numeric:
        word, at, end = page.tokens[i]
        glued = _GLUED.match(text, at) if len(word) > 5 else None
        if glued and (named := months_of(glued.group(2))) and 1 <= int(glued.group(1)) <= 31:
            of = (_year(glued.group(3)), int(glued.group(1)))
            yield DateFound(at, glued.end(), tuple((of[0], month, of[1]) for month in named), True, True)
            continue
        if at < upto or (len(word) > 4 and "T" not in word and not _HAN_UNIT.search(word)):
            continue
        if not _DATE_GOES_ON.match(text, end) and not _HAN_UNIT.match(text, end) and not _HAN_UNIT.search(word):
            continue
        m = _NUMERIC.match(text, at)
        if m:
            readings = tuple(_numeric(m.group(1), m.group(3), m.group(5)))
            if readings:
                spaced = m.group(2) in " \u00a0" or m.group(4) in " \u00a0"
                yield DateFound(m.start(), m.end(), readings, True, not spaced and len(m.group(5)) > 1)
                if not spaced:
                    upto = m.end()
                    continue
        m = _NUMERIC_MONTH_YEAR.match(text, at)
        if m:
            month, year = int(m.group(1) or m.group(4)), int(m.group(2) or m.group(3))
            if 1 <= month <= 12 and 1900 <= year <= 2100:
                yield DateFound(m.start(), m.end(), ((year, month, None),), False, True)
            continue
        m = _HAN.match(text, at)
        if m:
            day = int(m.group(3)) if m.group(3) else None
            yield DateFound(m.start(), m.end(), ((int(m.group(1)), int(m.group(2)), day),), day is not None, True)
            continue
        m = _DAY_AND_MONTH.match(text, at)
        if m and born_before(text, at):
            a, b = _number(m.group(1)) or 0, _number(m.group(2)) or 0
            both = tuple((None, y, x) for x, y in {(a, b), (b, a)} if 1 <= y <= 12 and 1 <= x <= 31)
            if both:
                yield DateFound(m.start(), m.end(), both, True, False)


def _numbered_months(page: Page) -> Iterator[DateFound]:
    """Dates whose months have numbers: "8 tháng 3 năm 1998", in digits or in words."""
    text, tokens = page.text, page.tokens
    for i in page.places(page.folded(_MONTH_WORDS)):
        month = _number_at(text, tokens, i + 1, 12)
        day: tuple[int, int] | None = None
        for back in range(1, 4):
            one = _number_at(text, tokens, i - back, 31) if i >= back else None
            if one and one[1] == i - 1 and 1 <= one[0] <= 31:
                day = (one[0], tokens[i - back][1])
        if not month or not 1 <= month[0] <= 12 or day is None:
            continue
        year, last = None, month[1]
        if last + 2 < len(tokens) and fold(tokens[last + 1][0]) in _YEAR_OF:
            if tokens[last + 2][0].isdigit() and len(tokens[last + 2][0]) == 4:
                year, last = int(tokens[last + 2][0]), last + 2
            elif words := year_in_words(text, tokens, last + 2):
                yield DateFound(day[1], words[1], ((words[0], month[0], day[0]),), True, True)
                continue
        yield DateFound(day[1], tokens[last][2], ((year, month[0], day[0]),), True, True)


def _number_at(text: str, tokens: Tokens, i: int, most: int) -> tuple[int, int] | None:
    """The small number at word `i`, in digits or in words, and its last word."""
    if not 0 <= i < len(tokens):
        return None
    if tokens[i][0].isdigit() and len(tokens[i][0]) <= 2:
        return int(tokens[i][0]), i
    return day_in_words(text, tokens, i) if most > 12 else small_number(text, tokens, i, most)


def _han_dates(text: str) -> Iterator[DateFound]:
    """Dates in Chinese numerals: "一九八八年三月五日"."""
    for m in _HAN_WORDS.finditer(text):
        year = int("".join(str(_HAN_DIGITS[sign]) for sign in m.group(1)))
        month, day = _han_number(m.group(2)), _han_number(m.group(3)) if m.group(3) else None
        if 1 <= month <= 12 and (day is None or 1 <= day <= 31):
            yield DateFound(m.start(), m.end(), ((year, month, day),), day is not None, True)


def _han_number(signs: str) -> int:
    signs = signs.replace("廿", "二十").replace("卅", "三十")
    tens, ten, ones = signs.partition("十")
    if not ten:
        return _HAN_DIGITS[tens] if len(tens) == 1 else 0
    return 10 * (_HAN_DIGITS.get(tens, 1) if tens else 1) + (_HAN_DIGITS.get(ones, 0) if ones else 0)


def _month_dates(page: Page) -> Iterator[DateFound]:
    words = page.folded(months().keys()) + [word for word in page.with_digits if not word.isdigit()]
    named = {word: found for word in words if (found := months_of(word))}
    for i in page.places(named):
        word, start, end = page.tokens[i]
        yield from _around(page.text, page.tokens, i, named[word], word, start, end)


def _around(
    text: str, tokens: Tokens, i: int, named: tuple[int, ...], word: str, start: int, end: int
) -> Iterator[DateFound]:
    """Day and year on either side of a month's name."""
    if text[end : end + 1] == "." and len(word) <= 5:
        end += 1
    known = len(word) > 3 or not word.isascii() or fold(word) in _SHORT_MONTHS
    capital = not word[:1].islower() or not word.isascii()
    after = _YEAR.match(text, end)
    year = _year(next((g for g in after.groups() if g), None)) if after else None
    if after and after.group(3) and not (after.group(0).startswith((" ", "-", "/", "."))):
        after, year = None, None
    four = bool(after and after.group(2)) and year is not None and 1800 < year < 2200
    if after and after.group(2) and not four:
        after, year = None, None
    first, last = start, end
    day = _day_before(text, tokens, i, start)
    if day is not None and text[day[0]].isalpha() and year_before(text, tokens, i) and _day_after(text, tokens, i, end):
        day = None  # it was the end of the year: "kétezer-négy március huszadikán"
    words = year_in_words(text, tokens, i + 1) if day is not None and not after else None
    dated = bool(year or words)
    spelt = day is not None and text[day[0]].isalpha()
    if day is not None and (known or four) and (len(word) > 3 or capital or dated) and (capital or dated or not spelt):
        first, number = day
        earlier = _YEAR_BEFORE.search(text, max(0, first - 12), first) if not four else None
        if earlier:
            first, year, last = earlier.start(), _year(earlier.group(1)), end
        elif after:
            last = after.end()
        elif words:
            year, last = words
        elif spelled := year_before(text, tokens, _word_at(tokens, first, i)):
            year, first = spelled[0], tokens[spelled[1]][1]
        yield DateFound(first, last, tuple((year, month, number) for month in named), True, True)
        return
    behind = _day_after(text, tokens, i, end)
    if behind is not None and (known or four):
        last, number, at = behind
        following = _YEAR.match(text, last)
        before = _YEAR_BEFORE.search(text, max(0, start - 12), start)
        if before:
            first, year = before.start(), _year(before.group(1))
        elif following and (following.group(1) or following.group(2)):
            last, year = following.end(), _year(following.group(1) or following.group(2))
        elif words := year_in_words(text, tokens, at + 1):
            year, last = words
        elif spelled := year_before(text, tokens, i):
            year, first = spelled[0], tokens[spelled[1]][1]
        else:
            year = None
        yield DateFound(first, last, tuple((year, month, number) for month in named), True, capital or year is not None)
    if after and known and (four or after.group(1) or capital) and min(named) >= 1:
        yield DateFound(start, after.end(), tuple((year, month, None) for month in named), False, True)
        return
    before = _YEAR_BEFORE.search(text, max(0, start - 12), start)
    if before and behind is None:
        yield DateFound(
            before.start(), end, tuple((_year(before.group(1)), month, None) for month in named), False, True
        )


def _word_at(tokens: Tokens, at: int, i: int) -> int:
    """Which of the words up to `i` begins at this place."""
    while i > 0 and tokens[i][1] > at:
        i -= 1
    return i


def _day_before(text: str, tokens: Tokens, i: int, start: int) -> tuple[int, int] | None:
    """Where a day that belongs to the month at `start` begins, and which it is."""
    best: tuple[int, int] | None = None
    end = -1
    for back in range(1, 7):
        if i < back:
            break
        word, at, _ = tokens[i - back]
        if start - at > 60:
            break
        m = _DAY.match(text, at) if best is None else None
        if m:
            day = _number(m.group(1))
            if day is not None and 1 <= day <= 31 and _BETWEEN.fullmatch(text, m.end(), start):
                return at, day
            break
        found = day_in_words(text, tokens, i - back)
        if found and fold(word) in MISLEADING and fold(tokens[i][0]) in _ENGLISH:
            continue
        if not found or (best is not None and found[1] != end):
            continue
        if best is None and not _BETWEEN.fullmatch(text, tokens[found[1]][2], start):
            continue
        best, end = (at, found[0]), found[1]  # the longest: "twenty first", not "first"
    if best is not None and i and text[max(0, best[0] - 4) : best[0]].lower() == "the ":
        best = (best[0] - 4, best[1])
    return best


def _day_after(text: str, tokens: Tokens, i: int, end: int) -> tuple[int, int, int] | None:
    """Where a day that follows the month ends, which it is, and its last word."""
    for ahead in (1, 2):
        if i + ahead >= len(tokens):
            return None
        at = tokens[i + ahead][1]
        if at - end > 8:
            return None
        if not _SMALL.fullmatch(text, end, at):
            continue
        m = _DAY.match(text, at)
        if m:
            day = _number(m.group(1))
            return (m.end(), day, i + ahead) if day is not None and 1 <= day <= 31 else None
        found = day_in_words(text, tokens, i + ahead)
        if found:
            return tokens[found[1]][2], found[0], found[1]
    return None


def _numeric(first: str, middle: str, last: str) -> Iterator[Day]:
    roman = _ROMAN.get(middle)
    a, b, c = _number(first), roman or _number(middle), _number(last)
    if a is None or b is None or c is None:
        return
    if len(first) == 4:
        if 1 <= b <= 12 and 1 <= c <= 31 and 1900 <= a <= 2100:
            yield a, b, c
        elif 1 <= c <= 12 and 1 <= b <= 31 and 1900 <= a <= 2100:
            yield a, c, b
        return
    if len(first) > 2 or len(last) == 3:
        return
    year = _year(last)
    if year is None or not 1900 <= year <= 2100:
        return
    if 1 <= b <= 12 and 1 <= a <= 31:
        yield year, b, a
    if roman is None and 1 <= a <= 12 and 1 <= b <= 31 and a != b:
        yield year, a, b
    if len(last) == 2 and len(first) == 2 and roman is None and 1 <= b <= 12 and 1 <= c <= 31:
        yield (a + (1900 if a > 30 else 2000)), b, c


def generalised(readings: tuple[Day, ...]) -> str:
    """ "2024-03", "2024", "03" or "": as much of a date as all its readings share, never the day."""
    years, named = {r[0] for r in readings}, {r[1] for r in readings}
    year = next(iter(years)) if len(years) == 1 else None
    month = next(iter(named)) if len(named) == 1 else None
    if year and month:
        return f"{year:04d}-{month:02d}"
    return f"{year:04d}" if year else f"{month:02d}" if month else ""
