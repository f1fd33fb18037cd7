"""The text pass: find every form of the known identities, and what looks like an identifier, and replace it.

`redact` returns a text in which `search`, with its looser thresholds, finds nobody, or raises. `search` is what the
release guard asks of every string it lets out, file names and values of JSON included: any finding means no release.
Both are pure. Both raise `UnsupportedScript` for text in which they cannot promise anything.

Decisions that fail towards redaction:
- `kept` (suspects) protects full mentions only: a surname shared with a protected person goes where it stands alone,
  as "[name]" where it may mean either of two protected people, otherwise as that person's pseudonym;
- a first word of a sentence that is both a name and a word goes, unless the words beside it show the plain word;
- where findings overlap, their whole stretch goes;
- after replacement the strict search runs over the *output*; what it finds goes too, and it runs again. If it still
  finds somebody, nothing is released.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

from policies.redaction.dates import find_dates
from policies.redaction.errors import NetMissing, StillIdentifying
from policies.redaction.identity import DEFAULT, Finding, Identity, Name, Redacted, Settings
from policies.redaction.lexica import any_language, family_names, given_names, languages
from policies.redaction.names import NameMatcher
from policies.redaction.numbers import NumberMatcher
from policies.redaction.page import Page
from policies.redaction.patterns import find_patterns
from policies.redaction.relatives import find_relatives
from policies.redaction.replace import PLACEHOLDER, replaced, replacement
from policies.redaction.scripts import SHIELD, TOKEN, Clean, clean, encoded, fold, supported
from policies.redaction.senses import Traits, title

_WEIGHT = {
    "email": 9,
    "url": 9,
    "address": 8,
    "account": 7,
    "wallet": 7,
    "document": 7,
    "birthdate": 7,
    "plate": 7,
    "number": 7,
    "phone": 6,
    "handle": 5,
    "name": 4,
    "date": 1,
}
_LOOKS = 3  # how often the strict search may add to the findings before the text is refused
_NEAR = 120  # characters around a finding that are looked at again
_OVERLAP = 2_000  # characters that a window looks at before and behind what it answers for
_GLUE = re.compile(r"[\w+@#&=%/-]|\.\w")


class Net(Protocol):
    """A model that names other people. It only adds: the known-identity matcher decides, and suspects' names stay."""

    def find(self, text: str, lang: str | None) -> Sequence[tuple[int, int]]:
        """Spans of `text` that name a person. Raises what it wants; a failure is never taken for "nobody"."""
        ...


@dataclass(frozen=True, slots=True)
class _Look:
    """How a text is looked at: settings None for known people alone; `net` are the net's spans in it."""

    strict: bool
    settings: Settings | None
    traits: Traits
    net: list[tuple[int, int]]


class Matcher:
    """Everything made ready once for one set of identities; use it for many texts.

    A long text is looked at in windows that overlap by more than any rule looks around, so memory does not grow with
    it, and its findings are those of one look.
    """

    window = 200_000  # characters

    def __init__(self, identities: tuple[Identity, ...], kept: tuple[Name, ...] = (), net: Net | None = None) -> None:
        self.pseudonyms = tuple(identity.pseudonym for identity in identities)
        self.knows_somebody = any(identity != Identity(pseudonym=identity.pseudonym) for identity in identities)
        self._regions = {identity.pseudonym: identity.region for identity in identities if identity.region}
        self._names = NameMatcher(identities, kept)
        self._numbers = NumberMatcher(identities)
        self._net = net
        self._own_names = frozenset(name for name in self.pseudonyms if name)
        self._own = _pattern_of(self._own_names)
        self._own_heads = {name[:2] for name in self._own_names}  # mostly one: then most texts are looked at once

    def redact(
        self, text: str, *, settings: Settings = DEFAULT, lang: str | None = None, demand_net: bool = False
    ) -> Redacted:
        """See `redact`. With `demand_net` a missing net refuses; a net that is there is always asked."""
        if demand_net and self._net is None:
            raise NetMissing
        supported(text)
        net = self._net.find(text, lang) if self._net is not None else ()
        findings = self._find(text, strict=False, settings=settings, lang=lang, net=net)
        left: tuple[Finding, ...] = ()
        for _ in range(_LOOKS):
            result = Redacted(replaced(text, findings, self._regions), findings)
            again = self._find(result.text, strict=False, settings=settings, lang=lang) if left else ()
            left = (*self.search(result.text, strict=True, lang=lang), *again)
            if not left:
                return result
            findings = tuple(_merged([*findings, *_brought_back(left, findings, self._regions)]))
        raise StillIdentifying(tuple((finding.kind, finding.whose) for finding in left))

    def search(self, text: str, *, strict: bool, lang: str | None = None) -> tuple[Finding, ...]:
        """See `search`."""
        supported(text)
        return self._find(text, strict=strict, settings=None, lang=lang)

    def _find(
        self,
        text: str,
        *,
        strict: bool,
        settings: Settings | None,
        lang: str | None,
        net: Sequence[tuple[int, int]] = (),
    ) -> tuple[Finding, ...]:
        found = self._find_in(clean(text), strict, settings, lang, net)
        if encoded(text):  # "C:\\xFaith" may be a folder as well as one odd letter, so it is read in both ways
            found += self._find_in(clean(text, decode=False), strict, settings, lang, net)
            found = _merged(found)
        return tuple(found)

    def _find_in(
        self,
        plain: Clean,
        strict: bool,
        settings: Settings | None,
        lang: str | None,
        spans: Sequence[tuple[int, int]],
    ) -> list[Finding]:
        ready = self._shield(plain.text)
        net = self._netted(plain, lang, spans) if spans else []
        windows = list(_windows(ready, self.window))
        page = Page.of(ready) if len(windows) == 1 else None
        traits = Traits.of(ready, (lang,) if lang else (), page)
        found: list[Finding] = []
        for start, end, first, last in windows:
            look = _Look(strict, settings, traits, [(a - first, b - first) for a, b in net if first <= a and b <= last])
            for f in self._in_window(page or Page.of(ready[first:last]), look):
                if start <= f.start + first < end:
                    found.append(_moved(f, f.start + first, f.end + first) if first else f)
        merged = _merged(found)
        return [_moved(f, *plain.back(f.start, f.end)) for f in merged] if plain.breaks else merged

    def _in_window(self, page: Page, look: _Look) -> list[Finding]:
        ready, found = page.text, self._once(page, look)
        merged = _merged(found)
        for _ in range(3):  # what stood glued to a finding may be seen only once the finding is gone
            glued = [f for f in merged if _GLUE.match(ready, f.end) or (f.start and _GLUE.match(ready, f.start - 1))]
            if not glued:
                break
            ready = _shielded(ready, merged)
            more: list[Finding] = []
            for start, end in _around(glued, ready):
                piece = self._once(Page.of(ready[start:end]), replace(look, net=[]))
                more += [_moved(f, f.start + start, f.end + start) for f in piece]
            if not more:
                break
            found += more
            merged = _merged(found)
        return merged

    def _shield(self, text: str) -> str:
        """The text with nothing to find in pseudonyms and replacements."""
        if (
            self._own is not None
            and any(head in text for head in self._own_heads)
            and any(name in text for name in self._own_names)
        ):
            text = self._own.sub(_blank, text)
        return PLACEHOLDER.sub(_blank, text) if "[" in text else text

    def _once(self, page: Page, look: _Look) -> list[Finding]:
        settings = look.settings
        dates = find_dates(page) if settings is not None or self._numbers.births else []
        named, kept = self._names.find(page, strict=look.strict, traits=look.traits)
        found = named + self._numbers.find(page, dates, strict=look.strict)
        found = [f if f.whose is None else _told(f, self.pseudonyms[int(f.whose)]) for f in found]
        if settings is not None:
            found += find_patterns(page, dates, settings)
            if settings.relatives:
                found += [f for f in find_relatives(page) if not _inside(f.start, f.end, kept)]
            found += self._of_the_net(page.text, look.net, found, kept)
        return found

    @staticmethod
    def _netted(plain: Clean, lang: str | None, found: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """The net's spans, as offsets of the clean text."""
        spoken = {lang} if lang else set(languages({fold(word) for word in TOKEN.findall(plain.text[:20_000])}))
        spans = [plain.forward(start, end) for start, end in found]
        return spans if "en" in spoken else [span for span in spans if _listed_name(plain.text[span[0] : span[1]])]

    def _of_the_net(
        self, ready: str, spans: list[tuple[int, int]], found: list[Finding], kept: list[tuple[int, int]]
    ) -> list[Finding]:
        """What the net adds: names outside every other finding and every suspect's name."""
        taken = sorted([(f.start, f.end) for f in found] + kept)
        more: list[Finding] = []
        for start, end in spans:
            for a, b in _outside(start, end, taken):
                words = [m for m in TOKEN.finditer(ready, a, b) if self._may_be_a_name(m.group())]
                if words:
                    more.append(Finding(words[0].start(), words[-1].end(), "name", None, 0.6, "model"))
        return more

    def _may_be_a_name(self, word: str) -> bool:
        folded = fold(word)
        return (
            len(folded) > 1
            and not word[:1].islower()
            and not word[:1].isdigit()
            and not title(folded)
            and folded not in any_language()
            and folded not in self._names.kept_words
        )


def _listed_name(words: str) -> bool:
    """Whether a span of the net in a language that it was not made for is a name all the same: two words or three with
    capitals, one of them a listed given name and none of them a plain word."""
    found = TOKEN.findall(words)
    folded = [fold(word) for word in found]
    return (
        2 <= len(found) <= 3
        and all(word[:1].isupper() and word.isalpha() and len(word) > 1 for word in found)
        and any(word in given_names() for word in folded)
        and all(word in given_names() or word in family_names() or word not in any_language() for word in folded)
    )


def _pattern_of(pseudonyms: Set[str]) -> re.Pattern[str] | None:
    """Where pseudonyms stand. Those that no word can be, with a digit or a hyphen, may stand glued together; of others,
    such as "A" and "B", the letters of somebody's name could be made: "ABBA".
    """
    if not pseudonyms:
        return None
    own = sorted(pseudonyms, key=len, reverse=True)
    low, high = min(own), max(own)
    head = low[: next((n for n, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))]

    def behind(start: str, names: list[str]) -> str:
        return "|".join(re.escape(name.removeprefix(start)) for name in names)

    sure = [name for name in own if any(char.isdigit() or char == "-" for char in name)]
    # Atomic: one pseudonym may be made of others. What all begin with stands first, to be found fast.
    repeated = f"|(?>(?:{behind(head, sure)})(?:{behind('', sure)})*)" if sure else ""
    begun = re.escape(head)
    return re.compile(rf"{begun}(?<!\w{begun})(?:(?:{behind(head, own)})(?!\w){repeated})(?!\w)")


def _windows(text: str, size: int) -> Iterator[tuple[int, int, int, int]]:
    """Stretches of about `size` characters that together are the text, each with the wider one that is looked at for
    it; all are cut between words."""
    start = 0
    while start < len(text):
        end = _between_words(text, start + size) if start + size + _OVERLAP < len(text) else len(text)
        first = _between_words(text, start - _OVERLAP) if start > _OVERLAP else 0
        yield start, end, first, _between_words(text, end + _OVERLAP) if end + _OVERLAP < len(text) else len(text)
        start = end


def _between_words(text: str, at: int) -> int:
    """The place behind the last blank before `at`, or `at` where there is none nearby."""
    cut = max(text.rfind("\n", max(0, at - _OVERLAP // 2), at), text.rfind(" ", max(0, at - _OVERLAP // 2), at))
    return cut + 1 if cut >= 0 else at


def _around(findings: list[Finding], text: str) -> list[tuple[int, int]]:
    """The neighbourhoods of findings, in whole words, joined where they overlap."""
    places: list[tuple[int, int]] = []
    for f in findings:
        start, end = max(0, f.start - _NEAR), min(len(text), f.end + _NEAR)
        start = max(text.rfind(" ", 0, start), text.rfind("\n", 0, start), 0) if start else 0
        end = min((at for at in (text.find(" ", end), text.find("\n", end)) if at >= 0), default=len(text))
        if places and start <= places[-1][1]:
            start = places.pop()[0]
        places.append((start, end))
    return places


def _moved(f: Finding, start: int, end: int) -> Finding:
    """The finding in another place; `replace` takes several times as long."""
    return Finding(start, end, f.kind, f.whose, f.score, f.reason)


def _told(f: Finding, whose: str) -> Finding:
    """The finding of somebody by their pseudonym."""
    return Finding(f.start, f.end, f.kind, whose, f.score, f.reason)


def _blank(m: re.Match[str]) -> str:
    return SHIELD * len(m.group())


def _inside(start: int, end: int, spans: list[tuple[int, int]]) -> bool:
    return any(a < end and start < b for a, b in spans)


def _outside(start: int, end: int, taken: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The pieces of a span that no taken span covers."""
    pieces: list[tuple[int, int]] = []
    for a, b in taken:
        if b <= start or a >= end:
            continue
        if a > start:
            pieces.append((start, a))
        start = max(start, b)
    return [*pieces, (start, end)] if start < end else pieces


def _shielded(ready: str, findings: list[Finding]) -> str:
    pieces: list[str] = []
    at = 0
    for f in findings:
        pieces += [ready[at : f.start], SHIELD * (f.end - f.start)]
        at = f.end
    return "".join([*pieces, ready[at:]])


def _brought_back(left: Sequence[Finding], findings: Sequence[Finding], regions: dict[str, str]) -> list[Finding]:
    """Findings of the output as findings of the input; one that touches a replacement takes what it replaced."""
    places: list[tuple[int, int, int, int]] = []  # from, to in the output; from, to in the input
    shift = 0
    for f in findings:
        start = f.start + shift
        end = start + len(replacement(f, regions))
        places.append((start, end, f.start, f.end))
        shift += end - start - (f.end - f.start)

    def back(at: int, *, end: bool) -> int:
        gone = 0
        for a, b, first, last in places:
            if at < a or (end and at == a):
                break
            if at < b or (end and at == b):
                return last if end else first
            gone = b - last
        return at - gone

    return [replace(f, start=back(f.start, end=False), end=back(f.end, end=True)) for f in left]


def _merged(found: Sequence[Finding]) -> list[Finding]:
    """Overlapping findings become one over their whole stretch, of the longest one's kind."""
    merged: list[Finding] = []
    group: list[Finding] = []
    end = -1
    for finding in sorted(found, key=lambda f: (f.start, -f.end)):
        if group and finding.start >= end:
            merged.append(_one(group))
            group = []
        group.append(finding)
        end = max(end, finding.end) if len(group) > 1 else finding.end
    return [*merged, _one(group)] if group else merged


def _one(group: list[Finding]) -> Finding:
    if len(group) == 1:
        return group[0]
    main = max(
        group,
        key=lambda f: (f.kind == "birthdate", f.end - f.start, f.whose is not None, _WEIGHT.get(f.kind, 2), f.score),
    )
    whose = main.whose
    known = {f.whose for f in group if f.whose is not None}
    if main.kind != "name" and whose is None and len(known) == 1:
        whose = known.pop()
    kind = "birthdate" if main.kind == "date" and whose is not None else main.kind
    start, end = group[0].start, max([f.end for f in group])  # they are in the order of their starts
    return Finding(start, end, kind, whose, max([f.score for f in group]), main.reason)


@lru_cache(maxsize=4)
def _matcher(identities: tuple[Identity, ...], kept: tuple[Name, ...]) -> Matcher:
    return Matcher(identities, kept)


def redact(
    text: str, identities: tuple[Identity, ...], *, kept: tuple[Name, ...] = (), settings: Settings = DEFAULT
) -> Redacted:
    """Replace every mention of `identities` and, by `settings`, everything that looks like an identifier.

    Raises `UnsupportedScript` or `StillIdentifying`; the offsets of the findings are those of `text`.
    """
    return _matcher(tuple(identities), tuple(kept)).redact(text, settings=settings)


def search(
    text: str, identities: tuple[Identity, ...], *, strict: bool, kept: tuple[Name, ...] = ()
) -> tuple[Finding, ...]:
    """Where `text` still points to one of `identities`. `strict` looks with the looser thresholds of the guard."""
    return _matcher(tuple(identities), tuple(kept)).search(text, strict=strict)
