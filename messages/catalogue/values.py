"""The types of values of the catalogue: what each accepts, and how an error names what was expected.

A check returns the value or raises `ValueError` without words: the sentence is made from the field (`Field.expects`),
so that no error text can carry what was typed. Free-form strings are `str` and `text` without a pattern; everything
else is closed enough to hold no sentence.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Final

STR_LENGTH: Final = 200  # characters: a name, a title, a street
TEXT_BYTES: Final = 100_000  # of UTF-8: a narrative of thirty pages; longer papers travel as evidence files
LIST_LENGTH: Final = 200  # nothing in a case file has more; a longer list is a data set and belongs elsewhere
INT_MAX: Final = 1_000_000_000
MAJORITY: Final = 18

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_PSEUDONYM = r"[A-Z]-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{2}"
_SLUG = r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
_NO_SPACE = r"[^\t\n\x0b\x0c\r @]"
# Plates are painted in the letters of their country; the ranges are written out so that every reader takes them alike.
_SIGN = (
    r"[0-9A-Z\u00c0-\u00de\u0391-\u03a9\u0410-\u042f\u05d0-\u05ea\u0621-\u064a\u0660-\u0669\u0e01-\u0e2e"
    r"\u3041-\u3096\u4e00-\u9fff]"
)

_SHAPES: Final[dict[str, tuple[str, str]]] = {
    # kind or pattern: (regular expression for the whole value, what an error says was expected)
    "id": (f"{_UUID}|{_PSEUDONYM}", "an opaque id: a UUID in small letters, or a pseudonym like V-7K3Q-9MXA-TR"),
    "ref": (f"{_UUID}|{_PSEUDONYM}", "the opaque id of another object: a UUID, or a pseudonym like V-7K3Q-9MXA-TR"),
    "pseudonym": (_PSEUDONYM, "a pseudonym like V-7K3Q-9MXA-TR"),
    "contact": (f"c[a-z2-7]{{12}}|{_SLUG}/{_SLUG}", "a designated contact: its handle, or agency/contact"),
    "agency": (f"a[a-z2-7]{{12}}|{_SLUG}", "an agency: its handle, or its name in small letters like harbour-police"),
    "language": (r"[a-z]{2,3}", "a language code of ISO 639, like en or ron"),
    "number": (r"[0-9A-Za-z][0-9A-Za-z ./_-]{0,39}", "a number or reference of up to 40 letters, digits and . / _ -"),
    "phone": (r"\+?[0-9][0-9 ()./-]{3,29}", "a telephone number"),
    "email": (rf"{_NO_SPACE}{{1,64}}@{_NO_SPACE}{{1,120}}\.{_NO_SPACE}{{2,24}}", "an e-mail address"),
    "lei": (r"[0-9A-Z]{18}[0-9]{2}", "a legal entity identifier of 20 characters (ISO 17442)"),
    "sector": (r"[A-U](?:[0-9]{2}(?:\.[0-9]{1,2})?)?", "a section A to U of ISIC or NACE, with division if known"),
    "jurisdiction": (r"[A-Z]{2}(?:-[0-9A-Z]{1,3})?", "a country or region code of ISO 3166, like NL or US-TX"),
    "admin1": (r"[A-Z]{2}-[0-9A-Z]{1,3}", "a region code of ISO 3166-2, like NL-ZH"),
    "return-period": (
        r"[0-9]{4}(?:-(?:Q[1-4]|H[12]|0[1-9]|1[0-2]))?",
        "a period like 2026, 2026-H1 or 2026-09",
    ),
    "grade": (r"[0-9A-GPX]{1,3}", "a grade as it stood in the original scheme, like B2"),
    "condition": (
        r"ORCON|NOFORN|EGMONT|JIT|FED-ONLY|REL-TO-[A-Z]{2}",
        "a condition of the originator: ORCON, NOFORN, EGMONT, JIT, FED-ONLY or REL-TO- and a country",
    ),
    "amount": (r"-?[0-9]{1,15}(?:\.[0-9]{1,4})?", "an amount written as a string of digits, like 1250.00"),
    "currency": (r"[A-Z]{3}", "a currency code of ISO 4217"),
    "hash-value": (r"(?:[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})", "a digest in hexadecimal small letters"),
    "file-hash-value": (
        r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})",
        "a digest in hexadecimal small letters",
    ),
    "person-code": (
        rf"[A-Z]{{1,4}}-?[0-9]{{3,12}}|{_PSEUDONYM}|c[a-z2-7]{{12}}",
        "an opaque code like OP-4471, which the agency that gave it can resolve; never a name",
    ),
    "document-number": (r"[0-9A-Z](?:[ /-]?[0-9A-Z]){3,24}", "the number of a document in capitals and digits"),
    "mrz": (
        r"[0-9A-Z<]{44}\n[0-9A-Z<]{44}|[0-9A-Z<]{36}\n[0-9A-Z<]{36}|[0-9A-Z<]{30}\n[0-9A-Z<]{30}\n[0-9A-Z<]{30}",
        "a machine-readable zone of ICAO 9303: two lines of 44 or 36, or three lines of 30",
    ),
    "plate": (rf"{_SIGN}(?:[ .-]?{_SIGN}){{1,13}}", "a registration plate in capitals and digits"),
    "vin": (r"[0-9A-HJ-NPR-Z]{17}", "a vehicle identification number of 17 signs (ISO 3779)"),
    "bic": (r"[A-Z]{6}[0-9A-Z]{2}(?:[0-9A-Z]{3})?", "a bank's identifier code of 8 or 11 signs (ISO 9362)"),
    "asset-number": (
        r"[0-9A-Za-z](?:[0-9A-Za-z ./:_-]{0,126}[0-9A-Za-z])?",
        "an account, address, plate or register number of up to 128 signs",
    ),
    "media-type": (
        r"[a-z]{3,16}/[a-z0-9](?:[a-z0-9.+-]{0,78}[a-z0-9])?",
        "a media type in small letters, like application/pdf",
    ),
    "software": (r"[0-9A-Za-z][0-9A-Za-z .+_-]{0,59}", "the name or version of a tool"),
    "signature": (r"[A-Za-z0-9+/]{86}==", "a signature of 64 bytes in base64"),
    "date": (r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?", "a date as YYYY, YYYY-MM or YYYY-MM-DD"),
    "time": (
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})",
        "a time of RFC 3339 with its zone, like 2026-03-14T09:26:00Z",
    ),
}
_COMPILED: Final = {name: re.compile(shape, re.ASCII) for name, (shape, _) in _SHAPES.items()}
PATTERNS: Final = frozenset(_SHAPES)

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LINE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_DATA_URI = re.compile(r"data:(?:image|video|audio|application)/", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{60,}={0,2}")
_BASE64_SIGNS: Final = 1000  # no language writes so much without a space; the smallest thumbnail needs more

SCALARS: Final = frozenset({"str", "text", "int", "number", "bool", "tri", "period", "code"}) | (
    frozenset(_SHAPES) - {"number"}
)


def expects(kind: str, pattern: str | None, low: int, high: int) -> str:
    """What an error says about a field of this kind; never anything about the value."""
    if pattern is not None:
        return _SHAPES[pattern][1]
    if kind in _SHAPES and kind != "number":
        return _SHAPES[kind][1]
    return {
        "str": f"one line of 1 to {STR_LENGTH} characters",
        "text": f"text of 1 to {TEXT_BYTES:,} bytes without control characters",
        "int": f"a whole number from {low} to {high}",
        "number": f"a number from {low} to {high}",
        "bool": "true or false",
        "tri": 'true, false or "unknown"',
        "period": "a list of two times of RFC 3339, the second not before the first",
    }[kind]


def shape(name: str) -> str:
    """The regular expression for the whole of a value of the named shape (ASCII classes)."""
    return _SHAPES[name][0]


def shaped(name: str, text: str) -> bool:
    """Whether the whole of `text` has the named shape."""
    return _COMPILED[name].fullmatch(text) is not None


def check_str(value: str) -> str:
    if not 1 <= len(value) <= STR_LENGTH or _LINE.search(value) or not value.strip():
        raise ValueError
    value.encode()  # a lone surrogate is no text; UnicodeEncodeError is a ValueError
    return value


def check_text(value: str) -> str:
    if not value.strip() or len(value) > TEXT_BYTES or _CONTROL.search(value) or len(value.encode()) > TEXT_BYTES:
        raise ValueError
    return value


def embeds(text: str) -> bool:
    """Whether a text holds a file: a data URI, or base64 in one run or in whole lines on end."""
    if "data:" in text.lower() and _DATA_URI.search(text):
        return True
    if len(text) < _BASE64_SIGNS or all(" " in text[at : at + 30] for at in range(0, len(text) - 29, 30)):
        return False  # no word of 60 signs, which would fill one of these: so it is with most of what people write
    run = 0
    for line in text.splitlines():
        for word in line.split():
            run = run + len(word) if _BASE64.fullmatch(word) else 0
            if run >= _BASE64_SIGNS:
                return True
    return False


def check_shape(name: str) -> Callable[[str], str]:
    """A check that the whole string has the named shape (and, for dates and times, exists)."""

    def check(value: str) -> str:
        if not shaped(name, value):
            raise ValueError
        if name == "date":
            _date_exists(value)
        elif name == "time":
            moment(value)
        return value

    return check


def check_code(codes: frozenset[str], open_shape: str | None) -> Callable[[str], str]:
    compiled = re.compile(open_shape, re.ASCII) if open_shape else None

    def check(value: str) -> str:
        if value not in codes and (compiled is None or not compiled.fullmatch(value)):
            raise ValueError
        return value

    return check


def check_range(low: float, high: float) -> Callable[[float], float]:
    def check(value: float) -> float:
        if not low <= value <= high:  # NaN is in no range
            raise ValueError
        return value

    return check


def check_tri(value: object) -> object:
    if value is not True and value is not False and not (isinstance(value, str) and value == "unknown"):
        raise ValueError
    return value


def check_period(value: object) -> object:
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(part, str) for part in value):
        raise ValueError
    first, last = (moment(part) for part in value)
    if last < first:
        raise ValueError
    return list(value)


def _date_exists(value: str) -> None:
    parts = [int(part) for part in value.split("-")]
    date(parts[0], parts[1] if len(parts) > 1 else 1, parts[2] if len(parts) > 2 else 1)


def moment(value: str) -> datetime:
    """Read a time of RFC 3339 with its zone, or raise `ValueError`."""
    if not shaped("time", value):
        raise ValueError
    return datetime.fromisoformat(value)


def full_date(value: str) -> bool:
    """Whether a partial date names the day."""
    return len(value) == 10


def may_be_minor(birth: object, created: object) -> bool:
    """Whether somebody born then may have been under 18 at `created`; in doubt, yes."""
    if not isinstance(birth, str) or not isinstance(created, str):
        return True
    try:
        return youngest_age(birth, moment(created)) < MAJORITY
    except ValueError:
        return True


def youngest_age(birth: str, at: datetime) -> int:
    """The least whole number of years that fits a partial date of birth: in doubt the younger (R-02)."""
    parts = [int(part) for part in birth.split("-")]
    month, day = (parts[1] if len(parts) > 1 else 12), (parts[2] if len(parts) > 2 else 31)
    return at.year - parts[0] - ((at.month, at.day) < (month, day))
