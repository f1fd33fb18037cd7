"""Recognisers that know no identity: phones, e-mails, links, accounts, wallets, documents, devices, places, dates.

Check digits and context words keep them from taking ordinary numbers. Nothing scans the whole text that can be started
from a word with digits or from a word that speaks of a document, a phone, a street; every expression is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

import phonenumbers

from policies.redaction.checksums import base58check, luhn, mod97, national
from policies.redaction.dates import DateFound, born_before, generalised
from policies.redaction.identity import Finding, Settings
from policies.redaction.memo import remembered
from policies.redaction.page import Page
from policies.redaction.scripts import SHIELD, fold
from policies.redaction.words import listed

_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+%-]{1,64}(?:@|\s@\s|\s?[(\[{]at[)\]}]\s?)[\w-]{1,63}"
    r"(?:(?:\.|\s?[(\[{]dot[)\]}]\s?|\s\.\s)[\w-]{1,63}){1,5}"
    r"|(?<![\w.+-])[\w.+%-]{1,64} at [\w-]{1,63}(?: dot [\w-]{1,63}){1,4}(?!\w)"
)
_HANDLE = re.compile(r"(?<![\w@/.])@[A-Za-z0-9_](?:[\w.-]{0,28}[\w])?")
_TLD = (
    "com|org|net|info|io|me|ru|ua|ro|uk|de|fr|it|es|pl|eu|example|test|onion|app|online|site|biz|co|ng|ph|vn|cn|th|in|ly"
    "|cc|tv|to|gg|gr|bg|hu|cz|sk|nl|be|ch|at|tr|al|md|lt|lv|ee|se|no|fi|dk|pt|br|mx|ca|au|us|shop|live|xyz|club|link"
)
_LINK = re.compile(r"\b(?:[A-Za-z][A-Za-z0-9+]{1,9}://|www\.|mailto:|tel:)[^\s<>\"'\x00]{2,2000}", re.IGNORECASE)
_HAS_DOMAIN = re.compile(rf"\.(?:{_TLD})(?![\w@])")
_AT = re.compile(r"@|[(\[{]at[)\]}]")
_AT_SPELT = re.compile(r"@|[(\[{]at[)\]}]| at [\w-]{1,63} dot ")
_LINK_MARK = re.compile(r"://|www\.|mailto:|tel:", re.IGNORECASE)
_DOMAIN = re.compile(
    rf"(?<![\w@.-])(?:[a-z0-9][a-z0-9-]{{0,62}}\.){{1,4}}(?:{_TLD})(?:/[^\s<>\"'\x00]{{0,2000}})?(?![\w@])",
    re.IGNORECASE,
)
_IBAN = re.compile(r"[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{2,4}){3,8}(?:[ -]?[A-Z0-9]{1,3})?(?!\w)", re.IGNORECASE)
_CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?!\w)")
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_COLONS = re.compile(r"(?<![\w:])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_MAC = re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![\w:-])")
_COORDINATES = re.compile(
    r"(?<![\w.])[-+]?\d{1,2}\.\d{3,8}°?\s?[NS]?\s?[,;/ ]\s?[-+]?\d{1,3}\.\d{3,8}°?\s?[EW]?(?!\w)"
    r"|\d{1,3}°\s?\d{1,2}['′]\s?(?:\d{1,2}(?:[.,]\d{1,4})?[\"″]?\s?)?[NSEWO](?!\w)",
    re.IGNORECASE,
)
_WALLET = re.compile(
    r"(?<!\w)(?:(?:bc1|tb1|ltc1)[ac-hj-np-z02-9]{25,71}|0x[0-9a-fA-F]{40}|[13LMTDr][1-9A-HJ-NP-Za-km-z]{24,34})(?!\w)"
)
_PHONE = re.compile(r"(?:\+|\(\+?)?\d(?:[\s().\-/\u00a0]{0,3}\d){5,16}(?![\w@])")
_CODE = re.compile(
    r"(?:[A-Za-z]{1,4}[ -]?)?\d[\dA-Za-z]*(?:[ /.-][\dA-Za-z]*\d[\dA-Za-z]*){0,5}(?:[ -][A-Z](?!\w))?(?!\w)"
)
_SOCIAL_SECURITY = re.compile(r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")
_NATIONAL_INSURANCE = re.compile(r"(?<!\w)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)")
_CENTURY = re.compile(r"\d{6,8}[-+A]\d{3,4}[A-Z0-9]?(?!\w)")
_CASE = re.compile(r"(?<![\w/.])\d{1,6}/\d{2,4}(?![\w/])")
_MACHINE_ZONE = re.compile(r"(?<!\w)[PIACV][A-Z<][A-Z]{3}[A-Z<]{10,39}(?:\n?[A-Z0-9<]{28,44})?")
_GLUED_TO = re.compile(r"[\w.@/\-]$")
_BLANK = re.compile(r"\s")
_NOT_DIGIT = re.compile(r"\D")
_FILLER = re.compile(r"[\s:#.,(\"'=–—-]*")

_DOCUMENT_WORDS = listed(
    """
    passport passports pasaport pasaportul pasaportului pasaporte passeport reisepass paszport paszportu pasport
    pasporta pasporti
    diavatirio pasaportu utlevel utlevele utlevelszam paspoort passaporto passaporte pasaporta pasas
    identity id ids card permit visa licence license cnp pesel ssn nin bvn nric nino dni nie nif egn oib jmbg
    rodne codice fiscale
    buletin buletinul cedula carnet ausweis personalausweis aufenthaltstitel dowod dowodu osobisty kimlik tckn
    szemelyi
    certificate document insurance tax crnn rnokpp inn ipn kod personnummer bsn curp aadhaar matricule
    """
)
_ACCOUNT_WORDS = listed(
    """
    account iban cont contul konto kontonummer cuenta compte conto rachunek hesap szamlaszam rahunok schet
    wallet bic swift
    """
)
_CASE_WORDS = listed(
    """
    application applications case cases file files docket ref reference referral no nos nr number dosar dosarul
    dossier
    """
)
_PHONE_WORDS = listed(
    """
    tel telephone phone phones mobile mob call called calls calling cell whatsapp viber signal telegram sms text
    texted ring rang number contact
    telefon telefonul telefonu telefono movil portable handy rufnummer numar numarul numero numer cep gsm
    tilefono kinito
    telefonas talrunis puhelin nomer hatf jwal dianhua shouji fax
    """
)
_PLATE_WORDS = listed(
    """
    plate plates registration reg registered car van vehicle lorry truck minibus bus taxi numberplate
    kennzeichen matricula
    inmatriculare inmatriculat auto masina plaka rendszam rendszamu tablica rejestracyjny targa immatriculation
    plaque kenteken
    nomer targat numurs
    """
)
_PLATE = re.compile(
    r"(?<![\w-])(?=[A-ZА-ЯΑ-Ω0-9 -]{5,11}(?!\w))(?=[^\d\n]{0,4}\d)(?=\d{0,4}[ -]?[A-ZА-ЯΑ-Ω])"
    r"[A-ZА-ЯΑ-Ω0-9]{1,4}(?:[ -]?[A-ZА-ЯΑ-Ω0-9]{1,4}){1,3}(?!\w)"
)
_SOCIAL_WORDS = listed(
    """
    instagram insta facebook telegram tiktok snapchat snap twitter viber skype discord wechat vk vkontakte
    onlyfans username user nickname handle profile account
    """
)
_USER = re.compile(r"[A-Za-z][\w.-]{2,29}")
_DEVICE_WORDS = listed("imei imsi iccid serial meid")
_STREET_AFTER_WORDS = listed(
    """
    Street St Road Rd Avenue Ave Lane Ln Drive Close Court Square Terrace Crescent Gardens Grove Mews Quay
    Boulevard Blvd Place
    Steps Row
    """
)
_STREETS_OF_OTHERS = listed(
    """
    utca utja út tér caddesi cad sokak sok bulvarı gatvė g iela gatan katu tänav Street Road Avenue
    """
)
_STREET_AFTER = re.compile(
    r"(?<![\w.])\d{1,4}[A-Za-z]?(?:[-/]\d{1,4})?,? (?:[^\W\d_a-z][\w'’-]{1,20} ){1,3}"
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Close|Court|Square|Terrace|Crescent|Gardens|Grove|Mews|Quay|Boulevard"
    r"|Blvd|Place|Steps|Row)\b\.?"
)
_STREET_THEN_NUMBER = re.compile(
    r"(?<!\w)(?:[^\W\d_a-z][\w'’.-]{1,24} ){1,3}"
    r"(?:utca|utja|út|tér|caddesi|cad\.|sokak|sok\.|bulvarı|gatvė|g\.|iela|gatan|katu|tänav|Street|Road|Avenue),?"
    r" (?:no\.?:? ?|nr\.? ?)?\d{1,4}[A-Za-z]?\.?(?!\w)"
)
_STREET_BEFORE_WORDS = listed(
    """
    Strada strada Str str Bulevardul bd Bd Aleea Calea ul ulica вул вулиця ул улица vul Calle calle Avenida Av
    Rue rue Via via Viale
    Piazza Rua Travessa Rruga rruga Odos οδός Οδός Ulitsa ulitsa bul бул Mahallesi
    """
)
_STREET_BEFORE = re.compile(
    r"\.?\s(?:[\w'’.-]{1,20}\s){0,3}[\w'’-]{1,20},?\s(?:nr\.?\s?|no\.?\s?|n\.?\s?|№\s?)?\d{1,4}[A-Za-z]?(?!\w)"
)
_STREET_GLUED = re.compile(
    r"(?<!\w)[^\W\d_a-z][\w-]{2,20}(?:straße|strasse|str\.|gasse|weg|platz|straat|laan|gracht|plein)\s\d{1,4}[a-z]?(?!\w)"
)
_STREET_ENDINGS = ("straße", "strasse", "str", "gasse", "weg", "platz", "straat", "laan", "gracht", "plein")
_AGES = (
    re.compile(r"(?<!\w)(\d{1,2})[- ]years?[- ]old(?!\w)", re.IGNORECASE),
    re.compile(r"(?<!\w)(?:aged?|age of|at)\s(\d{1,2})(?=[,.;)]|\s(?:and|when|at|was|who)|$)", re.IGNORECASE),
    re.compile(
        r"(?<!\w)(?:de\s)?(\d{1,2})\s(?:de\s)?"
        r"(?:ani|años|ans|anni|anos|Jahre(?: alt)?|jaar|lat|років|лет|éves|yaşında|vjeç)(?!\w)"
    ),
)
_BANDS = (
    (8, "0-8"),
    (17, "9-17"),
    (20, "18-20"),
    (23, "21-23"),
    (26, "24-26"),
    (29, "27-29"),
    (38, "30-38"),
    (47, "39-47"),
)


def _finding(start: int, end: int, kind: str, score: float, reason: str = "pattern") -> Finding:
    return Finding(start, end, kind, None, score, reason)


def find_patterns(page: Page, dates: Sequence[DateFound], settings: Settings) -> list[Finding]:
    """Everything in a clean text that looks like an identifier, whoever's it is; spans may overlap."""
    found: list[Finding] = []
    if settings.patterns:
        found += _written(page.text)
        if page.numeric:
            found += _numbered(page, dates)
            found += [f for f in _in_context(page) if settings.plates or f.kind != "plate"]
        found += _streets(page)
    if settings.ages:
        found += _ages(page.text)
    if settings.patterns and settings.generalise_dates:
        found += _dated(page.text, dates)
    return found


def _dated(text: str, dates: Sequence[DateFound]) -> Iterator[Finding]:
    for date in dates:
        if not date.exact:
            continue
        # Month and year of a birth narrow a person down too far, whosever it is.
        if born_before(text, date.start):
            yield _finding(date.start, date.end, "birthdate", 0.9, "a date after a word for birth")
        elif date.plain:
            yield _finding(date.start, date.end, "date", 0.9, f"in {generalised(date.readings)}")


def _ages(text: str) -> Iterator[Finding]:
    for pattern in _AGES:
        for m in pattern.finditer(text):
            age = int(m.group(1))
            yield _finding(m.start(), m.end(), "age", 0.8, next((band for top, band in _BANDS if age <= top), "48+"))


def _written(text: str) -> Iterator[Finding]:
    """What shows itself by a mark: e-mails, links, handles, wallets."""
    lower = text.lower()
    if "@" in text or "at)" in lower or "at]" in lower or "at}" in lower or " dot " in lower:
        marks = [m.start() for m in (_AT_SPELT if " dot " in lower else _AT).finditer(text)]
        yield from (_finding(m.start(), m.end(), "email", 0.95) for m in _beginning_near(_EMAIL, text, marks, 66))
        yield from (_finding(m.start(), m.end(), "handle", 0.8) for m in _beginning_near(_HANDLE, text, marks, 0))
    if "://" in text or "www." in lower or "mailto:" in lower or "tel:" in lower:
        marks = [m.start() for m in _LINK_MARK.finditer(text)]
        yield from (_finding(m.start(), m.end(), "url", 0.9) for m in _beginning_near(_LINK, text, marks, 10))
    if _HAS_DOMAIN.search(lower):
        yield from (_finding(m.start(), m.end(), "url", 0.9) for m in _DOMAIN.finditer(text))
    if "<<" in text:
        yield from (
            _finding(m.start(), m.end(), "document", 0.95, "machine zone") for m in _MACHINE_ZONE.finditer(text)
        )


def _beginning_near(pattern: re.Pattern[str], text: str, marks: Sequence[int], before: int) -> Iterator[re.Match[str]]:
    """As `finditer`, of a pattern whose matches begin at most so many characters before one of the marks in them."""
    upto = 0
    for mark in marks:
        for start in range(max(upto, mark - before), mark + 1):
            m = pattern.match(text, start)
            if m:
                yield m
                upto = m.end()
                break


def _numbered(page: Page, dates: Sequence[DateFound]) -> Iterator[Finding]:
    """What starts at a word with digits."""
    text = page.text
    dated = bytearray(len(text)) if dates else b""
    for date in dates:
        if date.exact and date.plain:
            dated[date.start : date.end] = b"\x01" * (date.end - date.start)  # type: ignore[index]
    upto = 0
    for i in page.numeric:
        start = page.tokens[i][1]
        if start < upto or (dated and dated[start]):
            continue
        finding = _at(page, i, dated, upto)
        if finding:
            upto = max(upto, finding.end)
            yield finding


def _at(page: Page, i: int, dated: bytes | bytearray, upto: int) -> Finding | None:
    """What word `i`, which holds a digit, begins."""
    text = page.text
    word, start, end = page.tokens[i]
    following = text[end : end + 1]
    if word[0].isdigit():
        return (
            _network(text, start, len(word), following)
            or _card_or_document(text, word, start, end, following, dated)
            or _phone(page, i, start, dated, upto)
        )
    if len(word) >= 4 and word[:2].isalpha() and word[2:4].isdigit():
        m = _IBAN.match(text, start)
        length = _iban(m.group()) if m else 0
        if length:
            return _finding(start, start + length, "account", 0.95, "iban")
    if len(word) >= 26:
        return _wallet(text, start)
    if 9 <= len(word) <= 16 and national(word):
        return _finding(start, end, "document", 0.85, "check digit")
    m = _NATIONAL_INSURANCE.match(text, start)
    if m:
        return _finding(start, m.end(), "document", 0.7, "national insurance")
    return _network(text, start, len(word), following)


def _wallet(text: str, start: int) -> Finding | None:
    m = _WALLET.match(text, start)
    if m and (m.group()[:3] in {"bc1", "tb1", "ltc"} or m.group()[:2] == "0x" or base58check(m.group())):
        return _finding(start, m.end(), "wallet", 0.9, "wallet")
    return None


def _network(text: str, start: int, long: int, following: str) -> Finding | None:
    """Addresses of machines, and coordinates."""
    if following == "." and long <= 3:
        m = _IPV4.match(text, start)
        if m and all(int(part) < 256 for part in m.group().split(".")):
            return _finding(start, m.end(), "ip", 0.9)
    if long <= 4 and (following in {":", "-"} or text[start - 1 : start] in {":", "-"}):
        m = _MAC.search(text, max(0, start - 15), start + 18)
        if m and m.start() <= start:
            return _finding(m.start(), m.end(), "device", 0.9, "mac")
        m = _COLONS.search(text, max(0, start - 35), start + 40)
        if m and m.start() <= start < m.end() and (m.group().count(":") >= 4 or "::" in m.group()):
            return _finding(m.start(), m.end(), "ip", 0.8)
    if following in {".", "°", " "} and long <= 3:
        m = _COORDINATES.match(text, start - (text[start - 1 : start] in {"-", "+"}))
        if m:
            return _finding(m.start(), m.end(), "coordinates", 0.9)
    if long >= 26:
        return _wallet(text, start)
    return None


def _card_or_document(
    text: str, word: str, start: int, end: int, following: str, dated: bytes | bytearray
) -> Finding | None:
    if len(word) >= 13 or following in {" ", "-"}:
        m = _CARD.match(text, start)
        if m and luhn(m.group()) and not _dated_inside(m, dated):
            device = sum(c.isdigit() for c in m.group()) == 15
            return _finding(start, m.end(), "device" if device else "account", 0.9, "check digit")
    if len(word) == 3 and following == "-":
        m = _SOCIAL_SECURITY.match(text, start)
        if m:
            return _finding(start, m.end(), "document", 0.7, "social security")
    if 9 <= len(word) <= 13 and national(word):
        return _finding(start, end, "document", 0.85, "check digit")
    if following in {"-", "+"} and len(word) in (6, 8):
        m = _CENTURY.match(text, start)
        if m and (national(m.group()) or national(m.group()[2:])):
            return _finding(start, m.end(), "document", 0.85, "check digit")
    return None


def _dated_inside(m: re.Match[str], dated: bytes | bytearray) -> bool:
    return bool(dated) and any(dated[m.start() : m.end()])


def _iban(text: str) -> int:
    """How many characters of `text` are an IBAN with right check digits; later words may have been taken along."""
    cuts = [len(text), *(m.start() for m in reversed(list(re.finditer(r"[ -]", text))))]
    return next((cut for cut in cuts if mod97(text[:cut])), 0)


def _phone(page: Page, i: int, start: int, dated: bytes | bytearray, upto: int) -> Finding | None:
    text = page.text
    before = text[max(0, start - 2) : start]
    lead = 0
    for mark in ("(+", "+", "("):
        if before.endswith(mark):
            lead = len(mark)
            break
    if not lead and _GLUED_TO.search(before):
        return None
    if lead and before[:-lead][-1:].isalpha():
        return None
    if not lead and i and start - page.tokens[i - 1][2] == 1 and page.tokens[i - 1][0][-1].isdigit():
        middle = start > upto + 1 and not (dated and dated[page.tokens[i - 1][1]])
        if middle:  # of a longer number
            return None
    m = _PHONE.match(text, start - lead)
    if m is None:
        return None
    whole = m.group()
    if dated:
        first = next((n for n in range(len(whole)) if dated[m.start() + n]), len(whole))
        whole = whole[:first].rstrip(" \n\t(.-/\u00a0")
    cuts = [len(whole), *(c.start() for c in reversed(list(_BLANK.finditer(whole))))]  # it may run into the next
    context = _speaks_of_a_phone(page, i)
    for cut in cuts:
        score = _phone_score(whole[:cut], context=context)
        if score:
            return _finding(m.start(), m.start() + cut, "phone", score)
    return None


def _speaks_of_a_phone(page: Page, i: int) -> bool:
    start = page.tokens[i][1]
    near = [word for word, _, end in page.tokens[max(0, i - 4) : i] if start - end < 24]
    return any(fold(word) in _PHONE_WORDS for word in near)


@cache
def _kinds() -> dict[str, str]:
    kinds: dict[str, str] = {}
    for kind, words in (
        ("case", _CASE_WORDS), ("social", _SOCIAL_WORDS), ("plate", _PLATE_WORDS), ("account", _ACCOUNT_WORDS),
        ("document", _DOCUMENT_WORDS), ("device", _DEVICE_WORDS),
    ):  # fmt: skip
        kinds |= dict.fromkeys(words, kind)
    return kinds


def _phone_score(found: str, *, context: bool) -> float:
    digits = _NOT_DIGIT.sub("", found)
    if not 6 <= len(digits) <= 16:
        return 0.0
    if found.lstrip("(").startswith("+") or digits.startswith("00"):
        international = "+" + (digits[2:] if digits.startswith("00") else digits)
        try:
            parsed = phonenumbers.parse(international, None)
        except phonenumbers.NumberParseException:
            return 0.5 if len(digits) >= 9 else 0.0
        return 0.95 if phonenumbers.is_possible_number(parsed) else 0.5 if len(digits) >= 9 else 0.0
    if context:
        return 0.8
    grouped = bool(re.search(r"\d[\s().\-\u00a0]\d", found))
    if digits.startswith("0") and 9 <= len(digits) <= 12 and (grouped or len(digits) >= 10):
        return 0.7
    if re.fullmatch(r"\(\d{2,4}\)\s?\d{3,4}[\s.-]?\d{3,4}|\d{3}[.-]\d{3}[.-]\d{4}", found):
        return 0.7
    return 0.0


def _in_context(page: Page) -> Iterator[Finding]:
    """What a word before it makes an identifier: documents, accounts, plates, case numbers, user names."""
    kinds = _kinds()
    speaking = {word: kinds[fold(word)] for word in page.folded(kinds.keys())}
    for i in page.places(speaking):
        kind = speaking[page.tokens[i][0]]
        finding = _user_after(page, i) if kind == "social" else _code_after(page, i, kind)
        if finding:
            yield finding


def _near_words(page: Page, i: int) -> Iterator[tuple[int, int]]:
    """The words that word `i` may speak of: their number and start, up to the end of the sentence."""
    text, tokens = page.text, page.tokens
    for k in range(i + 1, min(i + 6, len(tokens))):
        start = tokens[k][1]
        between = text[tokens[k - 1][2] : start]
        stop = SHIELD in between or "\n\n" in between or (". " in between and len(tokens[k - 1][0]) > 3)
        if stop or start - tokens[i][2] > 48:
            return
        yield k, start


def _user_after(page: Page, i: int) -> Finding | None:
    for _, start in _near_words(page, i):
        m = _USER.match(page.text, start)
        if m and page.text[start - 1] in ": @" and re.search(r"\d|_", m.group()):
            return _finding(start, m.end() - (m.group()[-1] in ".-"), "handle", 0.7, "context")
    return None


def _code_after(page: Page, i: int, kind: str) -> Finding | None:
    tokens = page.tokens
    for k, start in _near_words(page, i):
        word = tokens[k][0]
        prefix = word.isupper() and len(word) <= 3 and k + 1 < len(tokens) and not tokens[k + 1][0].isalpha()
        if prefix or not word.isalpha():
            return _labelled(page.text, kind, start)
        if kind in {"case", "device"} and k > i + 3:
            return None
    return None


def _labelled(text: str, kind: str, start: int) -> Finding | None:
    if kind == "case":
        m = _CASE.match(text, start)
        return _finding(start, m.end(), "case", 0.8, "context") if m else None
    if kind == "plate":
        m = _PLATE.match(text, start)
        return _finding(start, m.end(), "plate", 0.7, "context") if m else None
    m = _CODE.match(text, start)
    if m is None:
        return None
    digits = sum(char.isdigit() for char in m.group())
    enough = 14 if kind == "device" else 6 if kind == "account" else 4
    if digits >= enough and len(m.group()) >= 5 and not re.fullmatch(r"(?:19|20)\d\d", m.group()):
        return _finding(start, m.end(), kind, 0.7, "context")
    return None


@remembered
def _ends_as_a_street(word: str) -> bool:
    return word.endswith(_STREET_ENDINGS)


def _streets(page: Page) -> Iterator[Finding]:
    text = page.text
    words = page.distinct
    if words & _STREET_AFTER_WORDS:
        for i in page.numeric:
            m = _STREET_AFTER.match(text, page.tokens[i][1])
            if m:
                yield _finding(m.start(), m.end(), "address", 0.7)
    if page.numeric and words & _STREETS_OF_OTHERS:
        marks = [page.tokens[i][1] for i in page.places(words & _STREETS_OF_OTHERS)]
        found = _beginning_near(_STREET_THEN_NUMBER, text, marks, 81)
        yield from (_finding(m.start(), m.end(), "address", 0.7) for m in found)
    for i in page.places(words & _STREET_BEFORE_WORDS):
        m = _STREET_BEFORE.match(text, page.tokens[i][2])
        if m:
            yield _finding(page.tokens[i][1], m.end(), "address", 0.7)
    for i in page.places([word for word in words if _ends_as_a_street(word)] if page.numeric else []):
        m = _STREET_GLUED.match(text, page.tokens[i][1])
        if m:
            yield _finding(m.start(), m.end(), "address", 0.7)
