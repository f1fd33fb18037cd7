"""Recognisers that know no identity: e-mails, phones, links, accounts, cards, documents, addresses, exact dates.

Check digits and context words keep them from taking ordinary numbers; every expression is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import phonenumbers

from policies.redaction.dates import DateFound, generalised
from policies.redaction.identity import Finding, Settings
from policies.redaction.scripts import SHIELD

_DIGIT = re.compile(r"\d")
_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+%-]{1,64}(?:@|\s@\s|\s?[(\[{]at[)\]}]\s?)[\w-]{1,63}(?:(?:\.|\s?[(\[{]dot[)\]}]\s?|\s\.\s)[\w-]{1,63}){1,5}"
    r"|(?<![\w.+-])[\w.+%-]{1,64} at [\w-]{1,63}(?: dot [\w-]{1,63}){1,4}(?!\w)"
)
_TLD = (
    "com|org|net|info|io|me|ru|ua|ro|uk|de|fr|it|es|pl|eu|example|onion|app|online|site|biz|co|ng|ph|vn|cn|th|in|ly|cc|tv"
    "|to|gg"
)
_LINK = re.compile(r"\b(?:[A-Za-z][A-Za-z0-9+]{1,9}://|www\.)[^\s<>\"'\x00]{2,2000}", re.IGNORECASE)
_HAS_DOMAIN = re.compile(rf"\w\.(?:{_TLD})(?![\w@])", re.IGNORECASE)
_DOMAIN = re.compile(
    rf"(?<![\w@.-])(?:[a-z0-9][a-z0-9-]{{0,62}}\.){{1,4}}(?:{_TLD})(?:/[^\s<>\"'\x00]{{0,2000}})?(?![\w@])",
    re.IGNORECASE,
)
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{2,4}){3,8}(?:[ -]?[A-Z0-9]{1,3})?(?!\w)", re.IGNORECASE)
_CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?!\w)")
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)")
_IPV6 = re.compile(r"(?<![\w:])(?:[0-9a-f]{1,4}:){2,7}(?::?[0-9a-f]{1,4}){1,6}(?![\w:])", re.IGNORECASE)
_COORDINATES = re.compile(
    r"(?<![\w.])[-+]?\d{1,2}\.\d{3,8}°?\s?[NS]?\s?[,;/ ]\s?[-+]?\d{1,3}\.\d{3,8}°?\s?[EW]?(?![\w])"
    r"|\d{1,3}°\s?\d{1,2}['′]\s?(?:\d{1,2}(?:\.\d+)?[\"″]?\s?)?[NSEW]",
    re.IGNORECASE,
)
_HANDLE = re.compile(r"(?<![\w@/.])@[A-Za-z0-9_](?:[\w.-]{0,28}[\w])?")
_PHONE = re.compile(r"(?<![\w.@/-])(?:\+|\(\+?)?\d(?:[\s().\-/]{0,3}\d){5,16}(?![\w@])")
_PHONE_CONTEXT = re.compile(
    r"(?:tel|phone|telephone|mobile|mob|call|called|calls|cell|whatsapp|viber|signal|telegram|sms|text|ring|number|contact|telefon|telefonul|"
    r"teléfono|móvil|téléphone|тел|телефон|номер|هاتف|电话|電話|手机)\W{0,3}(?:\w{0,8}\W{1,3}){0,2}$",
    re.IGNORECASE,
)
_DOCUMENT = re.compile(
    r"(?<![\w.@/-])(?:[A-Za-z]{1,3}[ -]?)?\d[\dA-Za-z]*"
    r"(?:[ -][\dA-Za-z]*\d[\dA-Za-z]*){0,5}(?:[ -][A-Z](?![\w]))?(?!\w)"
)
_DOCUMENT_CONTEXT = re.compile(
    r"\b(?:passports?|pasaport\w*|pașaport\w*|pasaporte|passeport|reisepass|paszport\w*|паспорт\w*|"
    r"id card|identity|national id|"
    r"personal (?:number|code|id)|residence permit|permit|visa|driving licen[cs]e|"
    r"licen[cs]e|cnp|pesel|ssn|nin|bvn|nric|"
    r"social security|document|certificate|case id|insurance|tax)"
    r"(?:\s(?:number|no|nr|num|card|document|id|was|is|series|seria|with)\b)*\.?[\s:#(№º°]{0,4}(?:no\.?\s|n[oº°]\s?)?$",
    re.IGNORECASE,
)
_STREET_AFTER = re.compile(
    r"(?<![\w.])\d{1,4}[A-Za-z]?(?:[-/]\d{1,4})?,? (?:[^\W\d_a-z][\w'’-]{1,20} ){1,3}"
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Close|Court|Square|Terrace|Crescent|Gardens|Grove|Mews|Quay|Boulevard|Blvd|Place|Steps|Row)\b\.?"
)
_STREET_BEFORE = re.compile(
    r"\b(?:Strada|Str\.|Bulevardul|Bd\.|Aleea|Calea|ul\.|ulica|вул\.|вулиця|ул\.|улица|vul\.|Calle|Avenida|Av\.|Rue|rue|Via|Viale|Piazza|Rua|Travessa)\s"
    r"(?:[\w'’.-]{1,20}\s){0,3}[\w'’-]{1,20},?\s(?:nr\.?\s?|no\.?\s?|n\.?\s?)?\d{1,4}[A-Za-z]?(?!\w)"
)
_STREET_GLUED = re.compile(
    r"(?<!\w)[^\W\d_a-z][\w-]{2,20}(?:straße|strasse|gasse|weg|platz|straat|laan)\s\d{1,4}[a-z]?(?!\w)"
)


def _iban(text: str) -> int:
    """How many characters of `text` are an IBAN with right check digits; later words may have been taken along."""
    cuts = [len(text), *(m.start() for m in reversed(list(re.finditer(r"[ -]", text))))]
    return next((cut for cut in cuts if _mod97(text[:cut])), 0)


def _mod97(text: str) -> bool:
    plain = re.sub(r"[^A-Z0-9]", "", text.upper())
    if not 15 <= len(plain) <= 34:
        return False
    digits = "".join(str(int(char, 36)) for char in plain[4:] + plain[:4])
    return int(digits) % 97 == 1


def _luhn(text: str) -> bool:
    digits = [int(char) for char in text if char.isdigit()]
    doubled = [d if n % 2 == 0 else (d * 2 if d < 5 else d * 2 - 9) for n, d in enumerate(reversed(digits))]
    return len(set(digits)) > 1 and sum(doubled) % 10 == 0


def _phone_score(text: str, start: int, found: str) -> float:
    digits = re.sub(r"\D", "", found)
    if not 6 <= len(digits) <= 15:
        return 0.0
    if found.lstrip("(").startswith("+") or digits.startswith("00"):
        international = "+" + (digits[2:] if digits.startswith("00") else digits)
        try:
            parsed = phonenumbers.parse(international, None)
        except phonenumbers.NumberParseException:
            return 0.5 if len(digits) >= 9 else 0.0
        return 0.95 if phonenumbers.is_possible_number(parsed) else 0.5 if len(digits) >= 9 else 0.0
    if _PHONE_CONTEXT.search(text[max(0, start - 40) : start]):
        return 0.8
    grouped = bool(re.search(r"\d[\s().\-]\d", found))
    if digits.startswith("0") and 9 <= len(digits) <= 12 and (grouped or len(digits) >= 10):
        return 0.7
    if re.fullmatch(r"\(\d{2,4}\)\s?\d{3,4}[\s.-]?\d{3,4}|\d{3}[.-]\d{3}[.-]\d{4}", found):
        return 0.7
    return 0.0


_BIRTH = re.compile(
    r"\b(?:born(?:\s+on)?|d\.?\s?o\.?\s?b\.?|b\.|date\s+of\s+birth|birth\s?date|né[e]?(?:\s+le)?)\W{0,4}$", re.I
)


def find_patterns(text: str, dates: Sequence[DateFound], settings: Settings) -> list[Finding]:
    """Everything in a clean text that looks like an identifier, whoever's it is; spans may overlap."""
    return list(_patterns(text, dates, settings)) if settings.patterns else []


def _patterns(text: str, dates: Sequence[DateFound], settings: Settings) -> Iterator[Finding]:
    lower = text.lower()
    if "@" in text or "at)" in lower or "at]" in lower or "at}" in lower or " dot " in lower:
        yield from (Finding(m.start(), m.end(), "email", None, 0.95, "pattern") for m in _EMAIL.finditer(text))
        yield from (Finding(m.start(), m.end(), "handle", None, 0.8, "pattern") for m in _HANDLE.finditer(text))
    if "://" in text or "www." in lower:
        yield from (Finding(m.start(), m.end(), "url", None, 0.9, "pattern") for m in _LINK.finditer(text))
    if _HAS_DOMAIN.search(text):
        yield from (Finding(m.start(), m.end(), "url", None, 0.9, "pattern") for m in _DOMAIN.finditer(text))
    if not _DIGIT.search(text):
        return
    for m in _IBAN.finditer(text):
        length = _iban(m.group())
        if length:
            yield Finding(m.start(), m.start() + length, "account", None, 0.95, "iban")
    yield from (
        Finding(m.start(), m.end(), "account", None, 0.9, "card") for m in _CARD.finditer(text) if _luhn(m.group())
    )
    for m in _IPV4.finditer(text):
        if all(int(part) < 256 for part in m.group().split(".")):
            yield Finding(m.start(), m.end(), "ip", None, 0.9, "pattern")
    yield from (
        Finding(m.start(), m.end(), "ip", None, 0.8, "pattern")
        for m in _IPV6.finditer(text)
        if m.group().count(":") >= 4 or "::" in m.group()
    )
    yield from (Finding(m.start(), m.end(), "coordinates", None, 0.9, "pattern") for m in _COORDINATES.finditer(text))
    for m in _DOCUMENT.finditer(text):
        if (
            m.end() - m.start() >= 5
            and sum(char.isdigit() for char in m.group()) >= 4
            and _DOCUMENT_CONTEXT.search(text, max(0, m.start() - 48), m.start())
        ):
            yield Finding(m.start(), m.end(), "document", None, 0.7, "context")
    for street in (_STREET_AFTER, _STREET_BEFORE, _STREET_GLUED):
        if street is not _STREET_GLUED or any(word in lower for word in ("stra", "gasse", "weg", "platz", "laan")):
            yield from (Finding(m.start(), m.end(), "address", None, 0.7, "pattern") for m in street.finditer(text))
    exact = [date for date in dates if date.exact and date.plain]
    if settings.generalise_dates:
        for d in exact:
            # Month and year of a birth narrow a person down too far, whosever it is.
            if _BIRTH.search(text, max(0, d.start - 24), d.start):
                yield Finding(d.start, d.end, "birthdate", None, 0.9, "a date after a word for birth")
            else:
                yield Finding(d.start, d.end, "date", None, 0.9, f"in {generalised(d.readings)}")
    undated = text  # the same text without its dates: a phone must not run into the day that follows it
    if exact:
        pieces: list[str] = []
        upto = 0
        for d in sorted(exact, key=lambda d: (d.start, -d.end)):
            if d.start >= upto:
                pieces += [text[upto : d.start], SHIELD * (d.end - d.start)]
                upto = d.end
        undated = "".join([*pieces, text[upto:]])
    at = 0
    while phone := _PHONE.search(undated, at):
        whole = phone.group()
        cuts = [len(whole), *(m.start() for m in reversed(list(re.finditer(r"\s", whole))))]  # it may run into the next
        scored = ((cut, _phone_score(text, phone.start(), whole[:cut])) for cut in cuts)
        cut, score = next(((cut, score) for cut, score in scored if score), (0, 0.0))
        at = phone.start() + cut if score else phone.end()
        if score:
            yield Finding(phone.start(), at, "phone", None, score, "pattern")
