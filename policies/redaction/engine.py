"""The text pass: find every form of the known identities, and what looks like an identifier, and replace it.

`redact` returns a text in which `search`, with its looser thresholds, finds nobody, or raises. `search` is what the
release guard asks of every string it lets out, file names and values of JSON included: any finding means no release.
Both are pure. Both raise `UnsupportedScript` for text in which they cannot promise anything.

Decisions that fail towards redaction:
- `kept` (suspects) protects full mentions only: a surname shared with a protected person goes where it stands alone,
  as "[name]" where it may mean either of two protected people, otherwise as that person's pseudonym;
- a first word of a sentence that is both a name and a word goes, unless the next word shows the plain word;
- where findings overlap, their whole stretch goes.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from policies.redaction.dates import find_dates
from policies.redaction.errors import StillIdentifying
from policies.redaction.forms import TOKEN
from policies.redaction.identity import DEFAULT, Finding, Identity, Name, Redacted, Settings
from policies.redaction.names import NameMatcher
from policies.redaction.numbers import NumberMatcher
from policies.redaction.patterns import find_patterns
from policies.redaction.replace import PLACEHOLDER, replaced
from policies.redaction.scripts import SHIELD, clean, supported

_WEIGHT = {
    "email": 9,
    "url": 9,
    "address": 8,
    "account": 7,
    "document": 7,
    "birthdate": 7,
    "plate": 7,
    "phone": 6,
    "handle": 5,
    "name": 4,
    "date": 1,
}


_GLUE = re.compile(r"[\w+@#&=%/-]|\.\w")


class Matcher:
    """Everything made ready once for one set of identities; use it for many texts."""

    def __init__(self, identities: tuple[Identity, ...], kept: tuple[Name, ...] = ()) -> None:
        self.pseudonyms = tuple(identity.pseudonym for identity in identities)
        self._names = NameMatcher(identities, kept)
        self._numbers = NumberMatcher(identities)
        own = "|".join(re.escape(p) for p in sorted(set(self.pseudonyms), key=len, reverse=True) if p)
        self._shield = re.compile(rf"(?<!\w)(?:{own})(?!\w)|{PLACEHOLDER.pattern}" if own else PLACEHOLDER.pattern)

    def redact(self, text: str, *, settings: Settings = DEFAULT) -> Redacted:
        """See `redact`."""
        supported(text)
        findings = self._find(text, strict=False, settings=settings)
        result = Redacted(replaced(text, findings), findings)
        left = self.search(result.text, strict=True)
        if left:
            raise StillIdentifying(tuple((finding.kind, finding.whose) for finding in left))
        return result

    def search(self, text: str, *, strict: bool) -> tuple[Finding, ...]:
        """See `search`."""
        supported(text)
        return self._find(text, strict=strict, settings=None)

    def _find(self, text: str, *, strict: bool, settings: Settings | None) -> tuple[Finding, ...]:
        plain = clean(text)
        ready = self._shield.sub(lambda m: SHIELD * len(m.group()), plain.text)
        found = self._once(ready, strict=strict, settings=settings)
        merged = _merged(found)
        for _ in range(3):  # what stood glued to a finding may be seen only once the finding is gone
            if not any(_GLUE.match(ready, f.end) or (f.start and _GLUE.match(ready, f.start - 1)) for f in merged):
                break
            ready = _shielded(ready, merged)
            more = self._once(ready, strict=strict, settings=settings)
            if not more:
                break
            found += more
            merged = _merged(found)
        return tuple(replace(f, start=start, end=end) for f in merged for start, end in (plain.back(f.start, f.end),))

    def _once(self, ready: str, *, strict: bool, settings: Settings | None) -> list[Finding]:
        tokens = [(m.group(), m.start(), m.end()) for m in TOKEN.finditer(ready)]
        numbers = [token[1] for token in tokens if not token[0].isalpha()]
        dates = find_dates(ready, numbers) if settings is not None or self._numbers.births else []
        found = self._names.find(ready, tokens, strict=strict) + self._numbers.find(ready, tokens, dates, strict=strict)
        found = [replace(f, whose=self.pseudonyms[int(f.whose)]) if f.whose is not None else f for f in found]
        if settings is not None:
            found += find_patterns(ready, dates, settings)
        return found


def _shielded(ready: str, findings: list[Finding]) -> str:
    pieces: list[str] = []
    at = 0
    for f in findings:
        pieces += [ready[at : f.start], SHIELD * (f.end - f.start)]
        at = f.end
    return "".join([*pieces, ready[at:]])


def _merged(found: list[Finding]) -> list[Finding]:
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
    if main.kind == "date" and whose is not None:
        main = replace(main, kind="birthdate")
    return replace(
        main,
        start=min(f.start for f in group),
        end=max(f.end for f in group),
        whose=whose,
        score=max(f.score for f in group),
    )


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
