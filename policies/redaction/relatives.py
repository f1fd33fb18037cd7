"""Unknown people named by their relation: "her sister Maria", "mother of V-…, Ana Ionescu". Nothing here is known."""

from __future__ import annotations

import re

from policies.redaction.forms import PARTICLES
from policies.redaction.identity import Finding
from policies.redaction.lexica import any_language, family_names, given_names
from policies.redaction.page import Page
from policies.redaction.scripts import fold
from policies.redaction.senses import RELATIONS

_GAP = re.compile(
    r"(?:[ \u00a0]|,[ \u00a0]|[ \u00a0]?[(:\u2013-][ \u00a0]?|[ \u00a0]?[\"'“„«]"
    r"|[ \u00a0](?:is|was|named|called|se numea|numita?|heißt|hieß|llamad[ao]|imieniem|na imię)[ \u00a0])"
)
_CLOSE = re.compile(r"[ \u00a0]|-|['’]")


def find_relatives(page: Page) -> list[Finding]:
    """Capitalised names right behind a word for a relative; a word that is no listed name must not be a plain word."""
    text, tokens = page.text, page.tokens
    related = [word for word in page.folded(RELATIONS) if word[:1].islower()]
    found: list[Finding] = []
    for i in page.places(related):
        first = i + 1
        if first < len(tokens) and tokens[first][0] in {"named", "called", "is", "was", "numita", "numit"}:
            first += 1
        if first >= len(tokens) or not _GAP.fullmatch(text[tokens[i][2] : tokens[first][1]]):
            continue
        last = first - 1
        while last + 1 < len(tokens) and last - first < 3:
            word = tokens[last + 1][0]
            gap = text[tokens[last][2] : tokens[last + 1][1]] if last >= first else " "
            initial = gap == ". " and len(tokens[last][0]) == 1
            if not (initial or _CLOSE.fullmatch(gap)) or not _name(word, first=last < first):
                break
            last += 1
        while last >= first and fold(tokens[last][0]) in PARTICLES:
            last -= 1
        if last >= first:
            found.append(Finding(tokens[first][1], tokens[last][2], "name", None, 0.7, "relative"))
    return found


def _name(word: str, *, first: bool) -> bool:
    folded = fold(word)
    if not first and folded in PARTICLES:
        return True
    if not word[:1].isupper() or not word.isalpha() or len(word) < 2:
        return False
    if folded in given_names() or (not first and folded in family_names()):
        return folded not in any_language() or folded in given_names()
    return folded not in any_language() and len(word) > 2 and folded not in RELATIONS
