"""From plain words to an `Identity`: what a person types or a batch file holds, however it is written.

Names come as whole strings in any order and script, with titles; addresses and dates as people write them. Where the
order of a name cannot be told, both orders are kept: searching for a part too many costs nothing.
Raises `BadInput` where the shape is wrong; the sentence names the field, never its value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from messages.errors import BadInput
from policies.redaction.dates import find_dates
from policies.redaction.forms import PARTICLES
from policies.redaction.identity import Identity, Name
from policies.redaction.lexica import family_names, given_names
from policies.redaction.page import Page
from policies.redaction.scripts import HAN, TOKEN, clean, fold
from policies.redaction.senses import RELATIONS, TITLES

SOMEBODY: Final = "[name]"
_PATRONYMIC = re.compile(
    r"(?:ovych|evych|yovych|ivna|yivna|ovna|evna|ichna|ovich|evich|ych|ich|owicz|ogly|kyzy|oglu|qizi)$"
)
_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv", "phd", "esq", "md", "junior", "senior"})
_BRACKETS = re.compile(r"[(\[{\"“”«»](.{1,80}?)[)\]}\"“”«»]")
_ALIAS = re.compile(r"(?i)\b(?:a\.?k\.?a\.?|alias|known as|née|nee|born|geb\.|zis[aă]?|cunoscut[aă] ca)\s+")
_MOST: Final = 200  # strings of one kind: more is a mistake, not a person
_LONG: Final = 2_000

_FIELDS: Final = {
    "documents": "numbers",
    "numbers": "numbers",
    "phones": "phones",
    "emails": "emails",
    "handles": "handles",
    "urls": "urls",
    "addresses": "addresses",
    "address": "addresses",
    "places": "addresses",
    "accounts": "accounts",
    "plates": "plates",
    "other_numbers": "others",
}


def identity_of(value: object, *, pseudonym: str = SOMEBODY) -> Identity:
    """One person from a mapping with any of: names, aliases, date_of_birth, documents, phones, emails, address,
    other_numbers, handles, urls, accounts, plates, pseudonym, region. Missing and empty fields are fine."""
    if not isinstance(value, Mapping):
        raise BadInput("An identity is an object with fields such as names and date_of_birth.")
    names = [one for text in _words(value, "names", "name") for one in names_of(text)]
    aliases = tuple(text for text in _words(value, "aliases", "alias", "nicknames") if not text.startswith("@"))
    handles = [text for text in _words(value, "aliases", "alias") if text.startswith("@")]
    if aliases:
        names.append(Name(aliases=aliases))
    lists: dict[str, list[str]] = {"handles": handles}
    for name, target in _FIELDS.items():
        lists.setdefault(target, []).extend(_words(value, name))
    births = [birth for text in _words(value, "date_of_birth", "dates_of_birth", "dob") for birth in birthdates(text)]
    for text in lists.pop("others"):
        lists.setdefault(_kind_of(text), []).append(text)
    own = value.get("pseudonym")
    region = value.get("region")
    identity = Identity(
        pseudonym=own if isinstance(own, str) and own.strip() else pseudonym,
        names=tuple(dict.fromkeys(names)),
        birthdates=tuple(dict.fromkeys(births)),
        region=region if isinstance(region, str) else "",
    )
    more: dict[str, Any] = {name: tuple(dict.fromkeys(texts)) for name, texts in lists.items()}
    return replace(identity, **more)


def identities_of(value: object) -> tuple[Identity, ...]:
    """One identity, several, or none where `value` is None or empty."""
    if value is None:
        return ()
    several = value if isinstance(value, list) else [value]
    return tuple(identity_of(one) for one in several if one)


def kept_of(value: object) -> tuple[Name, ...]:
    """Names that stay, from a list of whole names; each is one person's."""
    return tuple(name for text in _strings(value, "keep_names") for name in names_of(text)[:1])


def names_of(text: str) -> list[Name]:
    """A whole name taken apart: titles go; "Family, Given"; FAMILY in capitals; else both orders where unclear."""
    plain = clean(text).text.strip()
    others = [m.group(1) for m in _BRACKETS.finditer(plain)]
    plain = _BRACKETS.sub(" ", plain)
    first, *more = _ALIAS.split(plain)
    found = _split(first)
    for other in (*others, *more):
        if other.strip():
            found.append(Name(aliases=(other.strip(),)))
    return found


def _split(text: str) -> list[Name]:
    family, comma, given = text.partition(",")
    if comma and TOKEN.search(given):
        if fold(given.strip()) in _SUFFIXES:
            text = family
        else:
            rest = _untitled(given.split())
            head = _untitled(family.split())
            if rest and head:
                return [Name(given=rest[0], middle=" ".join(rest[1:]), family=" ".join(head))]
    words = _untitled(text.replace(",", " ").split())
    if not words:
        return []
    if len(words) == 1:
        if HAN.fullmatch(words[0]) and len(words[0]) > 1:
            return [Name(native=(words[0],))]
        return [Name(given=words[0])]
    capitals = [word for word in words if len(word) > 1 and word.isupper()]
    if capitals and len(capitals) < len(words):
        rest = [word for word in words if word not in capitals]
        return [Name(given=rest[0], middle=" ".join(rest[1:]), family=" ".join(capitals))]
    return _ordered(words)


def _ordered(words: list[str]) -> list[Name]:
    """Given names first or last? Lists and patronymics tell; where they do not, both."""
    folded = [fold(word) for word in words]
    patronymic = next((n for n, word in enumerate(folded) if n and _PATRONYMIC.search(word)), None)
    if len(words) == 3 and patronymic == 2:
        return [Name(given=words[1], middle=words[2], family=words[0])]
    if len(words) == 3 and patronymic == 1:
        return [Name(given=words[0], middle=words[1], family=words[2])]
    start = _family_start(folded)
    usual = Name(given=words[0], middle=" ".join(words[1:start]), family=" ".join(words[start:]))
    if len(words) == 2 and folded[0] in given_names() and folded[1] not in given_names():
        return [usual]
    if len(words) == 2:
        return [usual, Name(given=words[1], family=words[0])]
    if start < len(words) - 1:
        return [usual]
    found = [usual]
    if folded[-2] not in PARTICLES and (folded[-2] in family_names() or folded[-2] not in given_names()):
        found.append(Name(given=words[0], middle=" ".join(words[1:-2]), family=" ".join(words[-2:])))
    if folded[0] in family_names() or folded[0] not in given_names():
        found.append(Name(given=words[-1], middle=" ".join(words[1:-1]), family=words[0]))
    return found


def _family_start(folded: list[str]) -> int:
    """Where the family name begins when it stands last: its particles belong to it."""
    start = len(folded) - 1
    while start > 1 and folded[start - 1] in PARTICLES:
        start -= 1
    return start


def _untitled(words: list[str]) -> list[str]:
    kept = [word for word in words if TOKEN.search(word)]
    while len(kept) > 1 and fold(kept[0]) in TITLES | RELATIONS and fold(kept[0]) not in given_names() - TITLES:
        kept = kept[1:]
    while len(kept) > 1 and fold(kept[-1]) in _SUFFIXES:
        kept = kept[:-1]
    return kept


def birthdates(text: str) -> list[str]:
    """ISO dates, years and months from any way of writing them; an ambiguous one gives each of its readings."""
    plain = clean(text).text
    whole = re.fullmatch(r"\s*(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?:[T ].*)?\s*", plain)
    if whole:
        return ["-".join(part if n == 0 else part.zfill(2) for n, part in enumerate(whole.groups()) if part)]
    found: list[str] = []
    for date in sorted(find_dates(Page.of(plain)), key=lambda date: not date.exact):
        for year, month, day in date.readings:
            if year is not None:
                found.append("-".join([f"{year:04d}", *(f"{part:02d}" for part in (month, day) if part is not None)]))
        if found:
            break
    if not found:
        found = re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", plain)
    return list(dict.fromkeys(found))


def _kind_of(text: str) -> str:
    """A number of no stated kind: what it is replaced by must not be wrong."""
    if "@" in text.strip()[1:]:
        return "emails"
    if text.strip().startswith("@"):
        return "handles"
    if "://" in text or "www." in text:
        return "urls"
    return "others"


def _words(value: Mapping[Any, Any], *names: str) -> list[str]:
    return [text for name in names for text in _strings(value.get(name), name)]


def _strings(value: object, name: str) -> list[str]:
    found = [text for text in _flat(value, name, 0) if text.strip()]
    if len(found) > _MOST or any(len(text) > _LONG for text in found):
        raise BadInput(f"The field {name} holds more than one person can have; give each person an identity.")
    return found


def _flat(value: object, name: str, depth: int) -> Iterator[str]:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, int | float):
        yield str(value)
    elif isinstance(value, list | tuple) and depth < 4:
        for one in value:
            yield from _flat(one, name, depth + 1)
    elif isinstance(value, Mapping) and depth < 4:
        if name in {"names", "name", "keep_names"}:
            yield _named(value)
        elif name in {"address", "addresses"}:
            yield ", ".join(text for one in value.values() for text in _flat(one, name, depth + 1))
        else:
            for one in value.values():
                yield from _flat(one, name, depth + 1)
    else:
        raise BadInput(f"The field {name} is not made of words.")


def _named(value: Mapping[Any, Any]) -> str:
    parts = {str(key): text for key, text in value.items() if isinstance(text, str) and text.strip()}
    if "full" in parts or "name" in parts:
        return parts.get("full") or parts["name"]
    given = " ".join(parts[key] for key in ("given", "first", "first_name", "middle") if key in parts)
    family = next((parts[key] for key in ("family", "last", "last_name", "surname") if key in parts), "")
    return f"{family}, {given}" if family and given else family or given or " ".join(parts.values())
