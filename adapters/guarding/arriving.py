"""The recipient's own look at what came through a release guard, before anybody reads it. Pure.

Whoever may not know who somebody is gets words that the sender redacted and its guard searched. If a phone number, a
document, a mail address or a name beside a pseudonym stands in them all the same, that is a suspected leak: the words
are kept aside, the rest is shown. What a section says openly, because the recipient has the right to it, is no leak,
and a section that openly identifies its person is not looked at.

A false alarm must not keep an urgent message from being understood. So a section stays with all its codes, dates and
facts, and only the string in question is replaced by `ASIDE`; in the cover it is only the passage.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.guarding.folding import letters_of
from adapters.guarding.patterns import Spotted, covered, spot
from adapters.guarding.protocol import Found
from messages.attachment import FILE
from messages.catalogue import Catalogue
from messages.envelope import COVER, SectionDetail
from messages.labels import Flag, Kind

ASIDE: Final = "[kept aside: see safeconduct quarantine]"
OPENLY: Final = frozenset({("A07", "value")})
"""Fields that are an identifier of somebody who may be known; a protected person's make the section direct."""
MOST: Final = 64
"""Places that are reported of one message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What may be shown, and what was found. `found` names sections, places and kinds, never a word."""

    sections: Mapping[str, Any] = field(repr=False)
    found: tuple[Found, ...] = ()


def look(kind: Kind, sections: Mapping[str, Any], details: Mapping[str, SectionDetail], catalogue: Catalogue) -> Looked:
    """Look at the opened sections of one view that a guard sealed."""
    hidden = {n for n, d in details.items() if n in sections and Flag.DIRECT not in d.flags}
    ours = _Ours(sections, details, catalogue)
    shown: dict[str, Any] = dict(sections)
    found: set[Found] = set()
    for name in sorted(hidden):
        detail, value = details[name], sections[name]
        if detail.type == COVER:
            spoken = catalogue.kinds[kind]
            seen = {Found(name, place, s[2]) for place, text in spoken.words(value) for s in ours.leaks(text)}
            if seen:
                shown[name] = spoken.map_words(value, lambda text: covered(text, ours.leaks(text), ASIDE))
        elif detail.part == FILE:
            seen = {Found(name, FILE, s[2]) for s in ours.leaks(value.get("text", ""))}
            if seen:
                shown[name] = {**value, "text": ASIDE}
        else:
            data_type = catalogue.type(detail.type)
            strings = [(p, text) for p, _, text in data_type.free_strings(value) if (detail.type, p) not in OPENLY]
            seen = {Found(name, place, s[2]) for place, text in strings for s in ours.leaks(text)}
            if seen:
                shown[name] = data_type.map_text(value, lambda text: ASIDE if ours.leaks(text) else text)
        found |= seen
    return Looked(sections=shown, found=tuple(sorted(found))[:MOST])


class _Ours:
    """What this message says openly: identifiers in fields that are not free text, and identified people's sections."""

    def __init__(self, sections: Mapping[str, Any], details: Mapping[str, SectionDetail], catalogue: Catalogue) -> None:
        said: set[str] = set()
        for name, value in sections.items():
            detail = details[name]
            if detail.type == COVER or detail.part == FILE:
                continue
            for path, spec, text in catalogue.type(detail.type).strings(value):
                if not spec.free or Flag.DIRECT in detail.flags or (detail.type, path) in OPENLY:
                    said.add(letters_of(text))
        self._said = frozenset(s for s in said if len(s) >= 5)

    def leaks(self, text: str) -> list[Spotted]:
        """What of the text points to somebody whom the recipient may not know."""
        return [s for s in spot(text) if not self._open(text[s[0] : s[1]])]

    def _open(self, passage: str) -> bool:
        bare = letters_of(passage)
        return any(bare == said or (len(bare) >= 7 and bare[-8:] == said[-8:]) for said in self._said)
