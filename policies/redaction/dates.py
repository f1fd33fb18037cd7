"""Dates as people write them, read into every (year, month, day) they may mean. Nothing here knows an identity."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from policies.redaction.scripts import fold

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

_MONTH_WORDS = """
1 january jan januar janvier enero gennaio janeiro januari ianuarie ian ene gen stycznia styczen yanvarya
1 yanvar sichnya sichen ocak ledna janar siechnia ynr
2 february feb februar fevrier fev febrero febbraio fevereiro februari februarie lutego luty fevralya
2 fevral lyutoho lyutogo lyutyy lyutiy subat unora shkurt
3 march mar marz maerz mars marzo marco maart martie marca marzec marta mart bereznya berezen brezna
4 april apr avril avr abril abr aprile aprilie kwietnia kwiecien aprelya aprel kvitnya kviten nisan dubna
4 prill
5 may mai mayo maggio maio mei maja maj maya travnya traven mayis kvetna
6 june jun juni juin junio giugno giu junho iunie iun czerwca czerwiec iyunya iyun chervnya cherven haziran
6 cervna qershor
7 july jul juli juillet juil julio luglio lug julho iulie iul lipca lipiec iyulya iyul lypnya lypen temmuz
7 cervence korrik
8 august aug aout agosto ago augustus sierpnia sierpien avgusta avgust serpnya serpen agustos srpna gusht
9 september sep sept septembre septiembre settembre set setembro septembrie wrzesnia wrzesien sentyabrya
9 sentyabr veresnya veresen eylul zari shtator
10 october oct okt oktober octobre octubre ottobre ott outubro out octombrie pazdziernika pazdziernik
10 oktyabrya oktyabr zhovtnya zhovten ekim rijna tetor
11 november nov novembre noviembre novembro noiembrie noi listopada listopad noyabrya noyabr lystopada
11 lystopad kasim nentor
12 december dec dez dezember decembre diciembre dic dicembre dezembro decembrie grudnia grudzien dekabrya
12 dekabr hrudnya gruden aralik prosince dhjetor
"""
MONTHS: dict[str, int] = {
    word: int(line.split()[0]) for line in _MONTH_WORDS.strip().splitlines() for word in line.split()[1:]
}
MONTHS |= {
    fold(word): month
    for word, month in (
        ("січня", 1),
        ("лютого", 2),
        ("березня", 3),
        ("квітня", 4),
        ("травня", 5),
        ("червня", 6),
        ("липня", 7),
        ("серпня", 8),
        ("вересня", 9),
        ("жовтня", 10),
        ("листопада", 11),
        ("грудня", 12),
        ("января", 1),
        ("февраля", 2),
        ("марта", 3),
        ("апреля", 4),
        ("мая", 5),
        ("июня", 6),
        ("июля", 7),
        ("августа", 8),
        ("сентября", 9),
        ("октября", 10),
        ("ноября", 11),
        ("декабря", 12),
        ("Ιανουαρίου", 1),
        ("Φεβρουαρίου", 2),
        ("Μαρτίου", 3),
        ("Απριλίου", 4),
        ("Μαΐου", 5),
        ("Ιουνίου", 6),
        ("Ιουλίου", 7),
        ("Αυγούστου", 8),
        ("Σεπτεμβρίου", 9),
        ("Οκτωβρίου", 10),
        ("Νοεμβρίου", 11),
        ("Δεκεμβρίου", 12),
        ("يناير", 1),
        ("فبراير", 2),
        ("مارس", 3),
        ("أبريل", 4),
        ("مايو", 5),
        ("يونيو", 6),
        ("يوليو", 7),
        ("أغسطس", 8),
        ("سبتمبر", 9),
        ("أكتوبر", 10),
        ("نوفمبر", 11),
        ("ديسمبر", 12),
    )
}
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

_NUMERIC = re.compile(
    rf"(?<![\w/.\-])({_N}{{1,4}})(\s?[./\-]\s?|[ ])({_N}{{1,2}}|[IVX]{{1,4}})(\s?[./\-]\s?|[ ])'?"
    rf"({_N}{{4}}|{_N}{{2}}|{_N})(?![\w]|[./\-]\d)"
)
_DAY_MONTH = re.compile(
    rf"(?<!\w)({_N}{{1,2}})(?:st|nd|rd|th|er|ere|º|ª|-?go|-?e)?[\s\-/.,]{{0,3}}(?:day )?"
    rf"(?:of |de |di |d')?(?:the month of )?"
    rf"([^\W\d_][^\W_]{{2,11}})\.?(?:[\s,\-/.]{{1,3}}(?:de |of |del |an )?'?({_N}{{4}}|\d{{2}}))?(?!\w)"
)
_MONTH_DAY = re.compile(
    rf"(?<!\w)([^\W\d_][^\W_]{{2,11}})\.?[\s\-/.]{{1,2}}(?:the )?({_N}{{1,2}})(?:st|nd|rd|th)?"
    rf"(?:[\s,\-/.]{{1,3}}(?:of )?'?({_N}{{4}}|\d{{2}}))?(?!\w)"
)
_MONTH_YEAR = re.compile(r"(?<!\w)([^\W\d_][^\W_]{2,11})\.?[\s,\-/.]{1,2}(?:de |of |del )?'?(\d{4}|\d{2})(?!\w)")
_NUMERIC_MONTH_YEAR = re.compile(r"(?<![\w/.\-])(?:(\d{1,2})[./\-](\d{4})|(\d{4})[./\-](\d{1,2}))(?![\w]|[./\-]\d)")
_WORD_BEFORE = re.compile(r"(?<!\w)([^\W\d_][^\W_]{2,11})\.?[\s\-/.,]{1,2}(?:the |of |de |del )?'?$")
_HAN = re.compile(r"(\d{4})\s?年\s?(\d{1,2})\s?月(?:\s?(\d{1,2})\s?[日号])?")


@dataclass(frozen=True, slots=True)
class DateFound:
    """A date at `text[start:end]` and the days it may mean; `exact` when it names a day, `plain` when nobody
    would read it as anything but a date."""

    start: int
    end: int
    readings: tuple[Day, ...]
    exact: bool
    plain: bool


def month_of(word: str) -> int | None:
    """The month a word names, in any of the listed languages, with a scanner's 1 for l."""
    folded = fold(word)
    return MONTHS.get(folded) or MONTHS.get(folded.replace("1", "l").replace("0", "o"))


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


def find_dates(text: str, numbers: Iterable[int]) -> list[DateFound]:
    """Every date in a clean text whose words with digits begin at `numbers`.

    One place may be read as several days; a month and year inside a day is no date of its own.
    """
    found = list(_dates(text, numbers))
    days = [date for date in found if date.exact and date.plain]
    inside = {at for date in days for at in range(date.start, date.end)}
    return [date for date in found if date.exact or date.start not in inside]


def _dates(text: str, numbers: Iterable[int]) -> Iterator[DateFound]:
    for at in numbers:
        m = _NUMERIC.match(text, at)
        if m:
            readings = tuple(_numeric(m.group(1), m.group(3), m.group(5)))
            if readings:
                spaced = m.group(2) == " " or m.group(4) == " "
                yield DateFound(m.start(), m.end(), readings, True, not spaced and len(m.group(5)) > 1)
        m = _DAY_MONTH.match(text, at)
        month = month_of(m.group(2)) if m else None
        if m and month:
            day = _number(m.group(1))
            if day and 1 <= day <= 31 and (len(m.group(2)) > 3 or m.group(2)[0].isupper() or m.group(3)):
                yield DateFound(m.start(), m.end(), ((_year(m.group(3)), month, day),), True, True)
        m = _NUMERIC_MONTH_YEAR.match(text, at)
        if m:
            month, year = int(m.group(1) or m.group(4)), int(m.group(2) or m.group(3))
            if 1 <= month <= 12 and 1900 <= year <= 2100:
                yield DateFound(m.start(), m.end(), ((year, month, None),), False, True)
        m = _HAN.match(text, at)
        if m:
            day = int(m.group(3)) if m.group(3) else None
            yield DateFound(m.start(), m.end(), ((int(m.group(1)), int(m.group(2)), day),), day is not None, True)
        before = _WORD_BEFORE.search(text, max(0, at - 20), at)
        month = month_of(before.group(1)) if before else None
        if before is None or month is None:
            continue
        m = _MONTH_DAY.match(text, before.start())
        day = _number(m.group(2)) if m else None
        if m and day and 1 <= day <= 31:
            capital = m.group(1)[0].isupper()
            yield DateFound(m.start(), m.end(), ((_year(m.group(3)), month, day),), True, capital)
        m = _MONTH_YEAR.match(text, before.start())
        if m:
            yield DateFound(m.start(), m.end(), ((_year(m.group(2)), month, None),), False, True)


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
    years, months = {r[0] for r in readings}, {r[1] for r in readings}
    year = next(iter(years)) if len(years) == 1 else None
    month = next(iter(months)) if len(months) == 1 else None
    if year and month:
        return f"{year:04d}-{month:02d}"
    return f"{year:04d}" if year else f"{month:02d}" if month else ""
