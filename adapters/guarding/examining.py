"""What the guard does with a request: pure. It opens what will really travel, and looks twice, in two ways.

For each granted section: the format is validated, roles and flags are computed anew, and every string is searched for
every known identity, by the matcher with its looser thresholds and by the second detector. A section that openly
carries one person's identity is searched for all the others. Text in a script or language outside the trust bundle's
list is not let out. Findings name sections, places and kinds, all that there are, so that the sender can mend them at
once.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Final, Protocol

from adapters.consents import at_guard, person_of, renamed
from adapters.guarding.arriving import look
from adapters.guarding.languages import LANGUAGES, SCRIPTS, foreign
from adapters.guarding.protocol import BY_FORM, Found, GuardRefused, GuardRequest, GuardSection
from adapters.guarding.second import Second
from adapters.guarding.settings import GuardSettings
from adapters.known import known_persons, register_names, suspects, to_identity
from keys.sealing import open_section
from messages import attachment
from messages.attachment import FILE
from messages.attestations import AttestedSection, Consent
from messages.catalogue import Catalogue, KnownPerson
from messages.catalogue.jsontext import parse_json
from messages.envelope import COVER
from messages.errors import ContentRefused, ShareError
from messages.labels import Flag, Kind, Role
from policies.consent import chosen
from policies.redaction.engine import Matcher
from policies.redaction.errors import RedactionError
from policies.redaction.identity import Name

SHAPED: Final = frozenset({"id", "ref", "pseudonym"})
PSEUDONYM: Final = re.compile(r"(?<![\w-])[A-Z]-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{2}(?![\w-])")
PLACEHOLDER: Final = re.compile(r"\[[^\[\]\n]{1,60}\]")
"""What stands where something was taken out."""
_IDENTIFYING: Final = frozenset({Flag.DIRECT, Flag.LOCATION, Flag.SENSITIVE})
_WORDS: Final = tuple(
    f.name for f in fields(KnownPerson) if f.name not in ("role", "reference", "pseudonyms", "names", "languages")
)


class Net(Protocol):
    """A model that names people whom nobody knows."""

    def find(self, text: str, lang: str | None) -> Sequence[tuple[int, int]]:
        """Spans that name a person."""
        ...


DEFAULTS: Final = GuardSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One opened section, and what it was found to be."""

    section: GuardSection
    value: Mapping[str, Any]
    roles: frozenset[Role]
    flags: frozenset[Flag]


def examine(
    request: GuardRequest, catalogue: Catalogue, settings: GuardSettings = DEFAULTS, net: Net | None = None
) -> tuple[list[AttestedSection], int]:
    """What each granted section is, and how many identities were searched for; raises `GuardRefused`.

    Fail closed: a section that cannot be opened, validated, read or searched refuses the whole recipient. Where nobody
    was known to search for, finding nobody proves nothing: that is attested as it is, and the rules demand a person who
    reads the words (SC-43).
    """
    opened = [_open(section, request, catalogue) for section in request.sections]
    granted = [e for e in opened if e.section.granted]
    if not granted:
        raise GuardRefused("The guard was asked to seal nothing.")
    if settings.net and net is None:
        raise GuardRefused("The guard refuses: the net for other people's names is demanded, and it is not there.")
    objects = [e.value for e in opened if e.section.detail.type != COVER and e.section.detail.part != FILE]
    known = [_known(raw, catalogue) for raw in request.known]
    consents = _consents(request, known, objects)
    if consents and not request.names:
        raise GuardRefused("The guard refuses: it was not told how a consent may name the recipient.")
    looking = _Looking(
        known_persons([*objects, *known]),
        suspects([*known, *objects], catalogue),
        register_names(known, catalogue),
        renamed(known, objects),
        catalogue,
        settings,
        net if settings.net else None,
    )
    found: list[Found] = []
    attested: list[AttestedSection] = []
    for examined in granted:
        found += looking.at(examined, request.kind)
        attested.append(_attested(examined, consents))
    found += _by_form(granted, request.kind, catalogue)
    if found:
        raise GuardRefused(found=found)
    return attested, looking.identities


def _by_form(granted: Sequence[Examined], kind: Kind, catalogue: Catalogue) -> list[Found]:
    """What identifies somebody by its form, as the recipient will look for it: redaction takes it out."""
    sections: dict[str, Any] = {}
    for one in granted:
        file = one.section.detail.part == FILE
        sections[one.section.detail.name] = {"text": one.value[FILE]} if file else one.value
    details = {e.section.detail.name: replace(e.section.detail, flags=tuple(sorted(e.flags))) for e in granted}
    return [Found(f.section, f.place, BY_FORM + f.kind) for f in look(kind, sections, details, catalogue).found]


def _attested(examined: Examined, consents: Mapping[str, list[Consent]]) -> AttestedSection:
    detail = examined.section.detail
    own = consents.get(person_of(examined.value) or "", [])
    consent = chosen(own, detail.type, examined.flags, examined.roles)
    return AttestedSection(
        name=detail.name,
        type=detail.type,
        part=detail.part,
        media=detail.media,
        roles=tuple(sorted(examined.roles)),
        flags=tuple(sorted(examined.flags)),
        consent=consent.id if consent is not None else None,
        digest=detail.digest,
        commitment=detail.commitment,
    )


def _consents(
    request: GuardRequest, known: Sequence[Mapping[str, Any]], objects: Sequence[Mapping[str, Any]]
) -> dict[str, list[Consent]]:
    """The consents by the name that this recipient has for the person whose they are."""
    theirs = renamed(known, objects)
    found: dict[str, list[Consent]] = {}
    for data in request.consents:
        try:
            held = at_guard(data, request.names)
        except ShareError as error:
            raise GuardRefused(f"The guard refuses: {error}") from None
        if held.about in theirs:
            found.setdefault(theirs[held.about], []).append(held.consent)
    return found


def _open(section: GuardSection, request: GuardRequest, catalogue: Catalogue) -> Examined:
    """Open what will really travel, and compute what it is: nothing of the sender's claim is taken over."""
    detail = section.detail
    try:
        plaintext = open_section(section.key, section.sealed, detail, request.message)
        if detail.part == FILE:
            return _open_file(section, plaintext, catalogue)
        if detail.media != "application/json":
            raise ContentRefused("The guard reads application/json only.")
        value = parse_json(plaintext)
        if detail.type == COVER:
            cover = catalogue.kinds[request.kind].check(value)
            return Examined(section=section, value=cover, roles=frozenset(), flags=frozenset())
        data_type = catalogue.type(detail.type)
        checked = data_type.validate_part(detail.part, value)
        roles = data_type.roles(checked)
        flags = data_type.flags(detail.part, checked, text_cleared=True)
    except ShareError as error:
        raise GuardRefused(f"The guard refuses the section {detail.name}: {error}") from None
    return Examined(section=section, value=checked, roles=roles, flags=flags)


def _open_file(section: GuardSection, plaintext: bytes, catalogue: Catalogue) -> Examined:
    """An attachment: of a recipient without identity rights, plain text under a name that says nothing, or nothing."""
    detail = section.detail
    catalogue.type(detail.type)
    file = attachment.read(plaintext, detail.media)
    if section.granted and detail.media != attachment.PLAIN:
        raise ContentRefused("Nobody can search a file that is not plain text.")
    if section.granted and not attachment.is_generic(file.name):
        raise ContentRefused("The file's name may say something; it has to be attachment-1.txt or the like.")
    return Examined(
        section=section,
        value={"type": detail.type, FILE: file.text if detail.media == attachment.PLAIN else ""},
        roles=attachment.ROLES,
        flags=attachment.flags(detail.media, cleared=True),
    )


def _known(raw: bytes, catalogue: Catalogue) -> Mapping[str, Any]:
    try:
        value = parse_json(raw)
        if not isinstance(value, dict):
            raise ContentRefused("A known identity is an object.")
        return catalogue.type(value.get("type")).validate(value)
    except ShareError:
        raise GuardRefused(
            "The guard refuses: a known identity cannot be read, so it cannot be searched for."
        ) from None


class _Looking:
    """Everybody who is known in one request, made ready once."""

    def __init__(
        self,
        persons: Sequence[KnownPerson],
        kept: Sequence[Name],
        register: frozenset[str],
        theirs: Mapping[str, str],
        catalogue: Catalogue,
        settings: GuardSettings,
        net: Net | None,
    ) -> None:
        self._persons = tuple(dict.fromkeys(persons))
        self._kept = tuple(kept)
        self._register = register
        self._theirs = theirs
        self._catalogue = catalogue
        self._settings = settings
        self._net = net
        listed = frozenset(catalogue.codes[LANGUAGES].codes)
        self._languages = listed & frozenset(settings.languages) if settings.languages else listed
        self._scripts = frozenset(catalogue.codes[SCRIPTS].codes)

    @property
    def identities(self) -> int:
        """How many people are searched for."""
        return len({to_identity(p, "person") for p in self._persons})

    @cached_property
    def _all(self) -> "_Detectors":
        return _Detectors(self._persons, self._kept, self._settings)

    def at(self, examined: Examined, kind: Kind) -> list[Found]:
        """Everything in one granted section that may not go out."""
        name = examined.section.detail.name
        found: list[Found] = []
        if any(own in json.dumps(examined.value) for own in self._register):
            # With the sender's own name for somebody two agencies could join what they know of that person.
            found.append(Found(name, "it", "register"))
        strings = self._strings(examined, kind)
        if examined.flags & _IDENTIFYING:
            others, kept = self._others(examined)
            detectors = _Detectors(others, (*self._kept, *kept), self._settings)
            found += [Found(name, path, "other") for path, text, _ in strings if detectors.kinds(text)]
            return found
        for path, text, free in strings:
            found += [Found(name, path, what) for what in self._all.kinds(text)]
            if free:
                outside = foreign(PLACEHOLDER.sub(" ", PSEUDONYM.sub(" ", text)), self._scripts, self._languages)
                if outside is not None:
                    found.append(Found(name, path, outside))
                if self._net is not None and self._names_somebody(text):
                    found.append(Found(name, path, "person"))
        return found

    def _strings(self, examined: Examined, kind: Kind) -> list[tuple[str, str, bool]]:
        """(place, string, whether it was written freely) of everything in a section that is no id of closed shape."""
        detail = examined.section.detail
        if detail.type == COVER:
            return [(path, text, True) for path, text in self._catalogue.kinds[kind].words(examined.value)]
        if detail.part == FILE:
            return [(FILE, examined.value[FILE], True)]
        # Ids and pseudonyms have a closed shape that was validated; by chance their random letters look like names.
        return [
            (path, text, field.free)
            for path, field, text in self._catalogue.type(detail.type).strings(examined.value)
            if field.kind not in SHAPED
        ]

    def _others(self, examined: Examined) -> tuple[list[KnownPerson], list[Name]]:
        """Everybody but the person whom a section is openly about, and that person's names.

        What both share (a surname in a family, a home, a telephone) is taken off the others: the section carries it by
        right. Whom it cannot be told to be about, it is about nobody.
        """
        own = known_persons([examined.value]) if "type" in examined.value else []
        named = person_of(examined.value)
        theirs = {ours for ours, shown in self._theirs.items() if shown == named}
        own += [p for p in self._persons if theirs & set(p.pseudonyms) or any(_same(p, o) for o in own)]
        if not own:
            return list(self._persons), []
        shared = {word for p in own for field in _WORDS for word in getattr(p, field)}
        parts = {part for p in own for name in p.names for part in name}
        others = []
        for person in self._persons:
            if person in own:
                continue
            bare: dict[str, Any] = {f: tuple(w for w in getattr(person, f) if w not in shared) for f in _WORDS}
            names = tuple(tuple(part for part in name if part not in parts) for name in person.names)
            others.append(replace(person, **bare, names=tuple(n for n in names if n)))
        return others, [Name.of(" ".join(name)) for p in own for name in p.names if name]

    def _names_somebody(self, text: str) -> bool:
        if self._net is None:
            return False
        kept = {word for name in self._kept for word in (name.given, *name.middle.split(), *name.family.split())}
        for start, end in self._net.find(text, None):
            said = PSEUDONYM.sub(" ", text[start:end])
            words = [w for w in re.findall(r"[^\W\d_]+", said) if w not in kept]
            if words and "[" not in text[max(0, start - 1) : start]:
                return True
        return False


class _Detectors:
    """The two detectors for one set of people."""

    def __init__(self, persons: Sequence[KnownPerson], kept: Sequence[Name], settings: GuardSettings) -> None:
        identities = tuple(dict.fromkeys(to_identity(p, "person") for p in persons))
        self._matcher = Matcher(identities, tuple(kept))
        spoken = [(*n.given.split(), *n.middle.split(), *n.family.split()) for n in kept]
        self._second = Second(persons, [*spoken, *(n.native for n in kept)], settings.strictness)

    def kinds(self, text: str) -> Iterable[str]:
        """Of which kinds is what points to one of them; "script" where the matcher cannot search."""
        try:
            first = {f.kind for f in self._matcher.search(PSEUDONYM.sub(" person ", text), strict=True)}
        except RedactionError:
            first = {"script"}
        return sorted(first | self._second.find(text))


def _same(one: KnownPerson, other: KnownPerson) -> bool:
    """Whether two objects are about the same person: the same object, or a whole name or an identifier in common."""
    if one.reference and one.reference == other.reference:
        return True
    if any(_same_name(a, b) for a in one.names for b in other.names):
        return True
    return any(
        set(getattr(one, f)) & set(getattr(other, f)) for f in ("numbers", "phones", "emails", "handles", "accounts")
    )


def _same_name(one: Sequence[str], other: Sequence[str]) -> bool:
    """The same first name and one more part in common, in whatever order: brothers and sisters share only the rest."""
    a = re.findall(r"[^\W\d_]+", " ".join(one).casefold())
    b = re.findall(r"[^\W\d_]+", " ".join(other).casefold())
    return len(set(a) & set(b)) > 1 and (a[0] in b or b[0] in a)
