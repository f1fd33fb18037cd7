"""Narratives as people write them, with braces round what must go, what may go and what must stay.

`{given|Ana} called {not-phone|0700 555 010}` is text with two spans; the word before the bar is the span's trap, and a
trap belongs to one role and one kind (`TRAPS`). `\\x{200b}` is a character that could not be seen, `\\nfd{Zoë}` text
with its accents taken apart. Everything else is what it looks like.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

Role = Literal["known", "other", "kept", "near", "free"]

TRAPS: Final[dict[str, tuple[Role, str, str]]] = {
    # what must go: the person whom the sender knows
    "full": ("known", "name", "the whole name as listed"),
    "given": ("known", "name", "a given name alone"),
    "family": ("known", "name", "a family name alone, or one of two"),
    "order": ("known", "name", "family name first"),
    "upper": ("known", "name", "all capitals"),
    "lower": ("known", "name", "no capitals, as in chats"),
    "title": ("known", "name", "after a title or form of address"),
    "initial": ("known", "name", "an initial with the other name"),
    "initials": ("known", "name", "nothing but initials"),
    "possessive": ("known", "name", "a possessive"),
    "ending": ("known", "name", "a case ending or plural of its language"),
    "diminutive": ("known", "name", "a usual diminutive, not listed"),
    "alias": ("known", "name", "a listed nickname or working name"),
    "accent": ("known", "name", "accents dropped or added"),
    "decomposed": ("known", "name", "accents taken apart"),
    "script": ("known", "name", "written in another script"),
    "variant": ("known", "name", "another transliteration or spelling of it"),
    "lookalike": ("known", "name", "letters of another alphabet that look the same"),
    "zero-width": ("known", "name", "characters without width inside"),
    "no-break": ("known", "name", "no-break spaces"),
    "spaced": ("known", "name", "letters set apart"),
    "hyphen": ("known", "name", "hyphens inside, soft or at the end of a line"),
    "line": ("known", "name", "broken over two lines"),
    "slip": ("known", "name", "a slip of the keyboard"),
    "ocr": ("known", "name", "a slip of a scanner"),
    "in-email": ("known", "name", "inside an e-mail address that is not listed"),
    "in-user": ("known", "name", "inside a user name"),
    "in-url": ("known", "name", "inside a URL"),
    "in-tag": ("known", "name", "inside a hashtag"),
    "in-file": ("known", "name", "inside a file name"),
    "word-name": ("known", "name", "a name that is a word, where it is the name"),
    "shared": ("known", "name", "a surname that the suspect has too, where it means the victim"),
    "birth": ("known", "date", "the date of birth in digits or with the month's name"),
    "birth-words": ("known", "date", "the date of birth in words"),
    "phone": ("known", "phone", "a telephone number as listed"),
    "phone-form": ("known", "phone", "a telephone number grouped or prefixed otherwise"),
    "email": ("known", "email", "a listed e-mail address"),
    "document": ("known", "document", "a document's number as listed"),
    "document-form": ("known", "document", "a document's number with spaces, dashes or small letters"),
    "number": ("known", "number", "another listed number: account, plate, device, handle"),
    "number-form": ("known", "number", "another listed number, grouped otherwise"),
    "address": ("known", "address", "the address as listed"),
    "address-part": ("known", "address", "a part of the address, or its parts in another order"),
    # who else is named: for the net
    "relative": ("other", "name", "a relative, named by the relation"),
    "witness": ("other", "name", "a witness, neighbour or other person"),
    "official": ("other", "name", "somebody who writes or works in the case"),
    # what must stay
    "suspect": ("kept", "name", "a suspect whose name is kept"),
    "not-date": ("near", "date", "another date"),
    "not-number": ("near", "number", "another number"),
    "not-phone": ("near", "phone", "another telephone number"),
    "not-email": ("near", "email", "another e-mail address"),
    "namesake": ("near", "name", "somebody else who shares a name"),
    "word": ("near", "word", "a word that equals a name, where it is the word"),
    "place": ("near", "place", "a place, firm or thing that equals a name"),
    # what may go or stay: to say either would be wrong
    "not-address": ("free", "address", "another house of the same street: the street tells where the person lives"),
}

MARK = re.compile(r"\{([a-z-]+)\|([^{}|]*)\}")
ESCAPE = re.compile(r"\\x\{([0-9a-f]{2,6})\}")
APART = re.compile(r"\\nfd\{([^{}]*)\}")
LEFT = re.compile(r"[{}|]|\\x|\\nfd")


class BadMarkup(ValueError):
    """A narrative that cannot be read; the text says where and what."""


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` with its trap, and what follows from it."""

    start: int
    end: int
    trap: str

    @property
    def role(self) -> Role:
        return TRAPS[self.trap][0]

    @property
    def kind(self) -> str:
        return TRAPS[self.trap][1]


def read(marked: str) -> tuple[str, tuple[Span, ...]]:
    """The text without its marks, and the marks as spans in order. Raises `BadMarkup`."""
    marked = APART.sub(lambda m: unicodedata.normalize("NFD", m[1]), marked)
    marked = ESCAPE.sub(lambda m: chr(int(m[1], 16)), marked)
    pieces: list[str] = []
    spans: list[Span] = []
    length = at = 0
    for match in MARK.finditer(marked):
        plain, trap, inside = marked[at : match.start()], match[1], match[2]
        if trap not in TRAPS:
            raise BadMarkup(f"{trap!r} is no trap")
        if not inside.strip():
            raise BadMarkup(f"a mark {trap!r} holds nothing")
        pieces += [plain, inside]
        start = length + len(plain)
        length = start + len(inside)
        spans.append(Span(start, length, trap))
        at = match.end()
    pieces.append(marked[at:])
    text = "".join(pieces)
    if left := LEFT.search(text):
        raise BadMarkup(
            f"a mark is not closed, or a brace stands alone, near {text[max(0, left.start() - 20) :][:40]!r}"
        )
    return text, tuple(spans)
