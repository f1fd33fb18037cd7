"""What identifies somebody by its form alone, whoever it is: the recipient's own list, for text that was redacted.

Whoever receives does not know whom the sender protected. A phone number, a mail address, a document or a full date of
birth in words that came through a release guard is a sign that something went wrong; so is a name beside a pseudonym.
Only forms that are hardly ever anything else are here: what is found keeps words from being read, so a false alarm
costs something. Nothing is shared with `policies.redaction`. Pure.
"""

import re
from collections.abc import Iterator
from typing import Final

from adapters.guarding.folding import has_long_run, letters_of, plain
from adapters.guarding.vocabulary import BORN, DOCUMENT, LIKE_A_NAME, TITLES

Spotted = tuple[int, int, str]
"""Where it stands in the text as it was written, and of which kind it is."""

_EMAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")
_PHONE: Final = re.compile(r"(?<![\w+])(?:\+|00)[1-9](?:[ \-./()]{0,2}\d){7,14}(?!\d)")
_IBAN: Final = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?!\w)")
_CARD: Final = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?!\w)")
_ZONE: Final = re.compile(r"(?<!\w)[PIACV][A-Z<][A-Z]{3}[A-Z]+<<[A-Z<]{4,}")
_PLACE: Final = re.compile(r"(?<![\w.])-?\d{1,2}\.\d{4,8}°?\s?[NS]?\s?[,;]\s?-?\d{1,3}\.\d{4,8}(?!\w)")
_NUMBERED: Final = re.compile(
    rf"(?<!\w)(?:{DOCUMENT})\W{{0,3}}(?:\w{{1,3}}\.?:?\W{{1,2}})?([A-Z]{{0,3}} ?\d{{6,13}})(?!\w)", re.I
)
_BORN: Final = re.compile(
    rf"(?<!\w)(?:{BORN})\W{{1,3}}(?:\w{{2,3}}\s)?(\d{{1,2}}[./-]\d{{1,2}}[./-]\d{{2,4}}|\d{{4}}-\d{{2}}-\d{{2}})(?!\d)",
    re.I,
)
_PSEUDONYM: Final = r"[A-Z]-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{2}"
_NAMES: Final = r"[^\W\d_a-z]\w+(?:[ -][^\W\d_a-z]\w+){1,3}"
_BEHIND: Final = re.compile(rf"(?<![\w-]){_PSEUDONYM}(?![\w-])\s?(?:\(|\[|=|(?:{LIKE_A_NAME})\s)\s?({_NAMES})")
_BEFORE: Final = re.compile(rf"(?<!\w)({_NAMES})\s?[(\[=]\s?{_PSEUDONYM}(?![\w-])")


def spot(text: str) -> list[Spotted]:
    """Everything of such a form, in its order; what is written so that nobody sees it, as a whole."""
    found = _spot(text) or [(0, len(text), kind) for _, _, kind in _spot(plain(text))]
    if has_long_run(text):
        found.append((0, len(text), "packed"))
    return sorted(found)


def _spot(text: str) -> list[Spotted]:
    found = [(m.start(), m.end(), "email") for m in _EMAIL.finditer(text)]
    found += [(m.start(), m.end(), "phone") for m in _PHONE.finditer(text)]
    found += [(m.start(), m.end(), "account") for m in _IBAN.finditer(text) if _is_iban(m.group())]
    found += [(m.start(), m.end(), "account") for m in _CARD.finditer(text) if _is_card(m.group())]
    found += [(m.start(), m.end(), "document") for m in _ZONE.finditer(text)]
    found += [(m.start(1), m.end(1), "document") for m in _NUMBERED.finditer(text)]
    found += [(m.start(1), m.end(1), "birthdate") for m in _BORN.finditer(text)]
    found += [(m.start(), m.end(), "address") for m in _PLACE.finditer(text)]
    for pattern in (_BEHIND, _BEFORE):
        found += [(m.start(1), m.end(1), "name") for m in pattern.finditer(text) if _names(m.group(1))]
    return found


def covered(text: str, found: list[Spotted], instead: str) -> str:
    """The text with what was found covered."""
    pieces, at = [], 0
    for start, end in _joined(found):
        pieces += [text[at:start], instead]
        at = end
    return "".join([*pieces, text[at:]])


def _joined(found: list[Spotted]) -> Iterator[tuple[int, int]]:
    begun: tuple[int, int] | None = None
    for start, end, _ in sorted(found):
        if begun is not None and start <= begun[1]:
            begun = (begun[0], max(begun[1], end))
            continue
        if begun is not None:
            yield begun
        begun = (start, end)
    if begun is not None:
        yield begun


def _names(words: str) -> bool:
    return all(letters_of(word) not in TITLES for word in words.split())


def _is_iban(text: str) -> bool:
    bare = text.replace(" ", "")
    return len(bare) >= 15 and int("".join(str(int(c, 36)) for c in bare[4:] + bare[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    digits = [int(c) for c in text if c.isdigit()]
    doubled = [d if n % 2 == 0 else d * 2 - 9 * (d > 4) for n, d in enumerate(reversed(digits))]
    return digits[0] in (2, 3, 4, 5, 6) and len(set(digits)) > 1 and sum(doubled) % 10 == 0
