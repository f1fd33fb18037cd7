"""What must hold between the objects of one message, beyond what each of them must hold for itself.

`check` takes the validated whole objects of one message, as their sender has them, and returns nothing or raises
`ContentRefused`: one sentence that names the place and the type of an object, never an id or a value. It is for the
sender: a recipient sees sections of some of the objects, and nobody in the middle sees any. References to objects that
are not in the message cannot be followed, so nothing is said about them.
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from messages.catalogue.datatype import DataType, Field, whose
from messages.catalogue.law import Broken
from messages.catalogue.loader import load
from messages.catalogue.values import moment
from messages.errors import ContentRefused
from messages.labels import Kind, Role

Objects = Sequence[Mapping[str, Any]]

_SAID: Final[Mapping[str, str]] = MappingProxyType(
    {
        "A07": "subscriber_ref",
        "A10": "keeper_ref",
        "A11": "person_ref",
        "A12": "holder_ref",
        "A16": "holder_refs",
        "A17": "maker_ref",
        "A26": "protected_ref",
        "A27": "person_ref",
    }
)
"""By type, the field that names the person of whom the type's own role field speaks."""
_LISTED: Final = ("person_ref", "ref")
"""Fields of the same meaning in lists of other people."""
_VICTIM: Final = frozenset({Role.VICTIM, Role.PRESUMED_VICTIM})


@dataclass(frozen=True, slots=True)
class AcrossLaw:
    """One law between objects: what it demands, where that comes from, and the check that raises `Broken`."""

    says: str
    source: str
    check: Callable[[Objects, Kind | None], None]


def check(objects: Objects, kind: Kind | None = None) -> None:
    """Raise `ContentRefused` unless every law between the objects holds; `kind` is that of the message, if known."""
    for law in ACROSS.values():
        try:
            law.check(objects, kind)
        except Broken as broken:
            raise ContentRefused(str(broken)) from None


def _type(obj: Mapping[str, Any]) -> DataType:
    return load().type(obj.get("type"))


def _place(number: int, obj: Mapping[str, Any]) -> str:
    return f"objects[{number}] ({obj['type']})"


def _by_id(objects: Objects) -> dict[str, Mapping[str, Any]]:
    return {str(obj["id"]): obj for obj in objects}


def references_fit(objects: Objects, _: Kind | None) -> None:
    """A reference points at a type that its field permits: victim_refs at victims, and not at suspects."""
    known = _by_id(objects)
    for number, obj in enumerate(objects):
        for path, spec, target in _type(obj).strings(obj):
            if spec.kind == "ref" and target in known and known[target]["type"] not in spec.refers:
                raise Broken(
                    f"{_place(number, obj)}.{path} points at an object that is not {' or '.join(spec.refers)}."
                )


def _said(objects: Objects) -> Iterator[tuple[int, Mapping[str, Any], Mapping[str, Any], frozenset[Role]]]:
    """Whenever an object names a person of this message: (its number, itself, the profile, the category it gives)."""
    known = _by_id(objects)
    for number, obj in enumerate(objects):
        data_type = _type(obj)
        for name, value in obj.items():
            spec = data_type.own.get(name)
            if spec is None:
                continue
            if name == _SAID.get(data_type.id):
                for target in spec.items(value):
                    if isinstance(target, str) and target in known:
                        yield number, obj, known[target], data_type.subject(obj)
            elif spec.whose is not None:
                yield from ((number, obj, known[t], roles) for t, roles in _people(spec, value) if t in known)


def _people(spec: Field, value: object) -> Iterator[tuple[str, frozenset[Role]]]:
    for item in spec.items(value):
        if isinstance(item, Mapping):
            yield from ((str(item[name]), whose(spec, item)) for name in _LISTED if name in item)


def one_category(objects: Objects, _: Kind | None) -> None:
    """Whoever is protected by the own profile is protected wherever the message speaks of the same person."""
    for number, obj, profile, said in _said(objects):
        protected = any(role.protected for role in _type(profile).subject(profile))
        if profile["type"] in ("A02", "A03", "A04") and protected and not any(role.protected for role in said):
            raise Broken(
                f"{_place(number, obj)} gives a person another category than the profile in this message, which is "
                "that of somebody protected (R-01)."
            )


def possible_victim_is_said(objects: Objects, _: Kind | None) -> None:
    """CoE art. 26: whoever is a victim in the same message is no suspect only."""
    victims = [obj for obj in objects if obj["type"] == "A02"]
    papers = {str(obj["id"]): obj for obj in objects if obj["type"] == "A12"}
    told = {str(profile["id"]) for _, _, profile, said in _said(objects) if said & _VICTIM}
    for number, obj in enumerate(objects):
        if obj["type"] != "A03" or obj.get("possible_victim") is True:
            continue
        documents = [papers[i] for i in obj.get("identity_documents", ()) if i in papers]
        if obj["id"] in told or any(_same_person(obj, victim, documents) for victim in victims):
            raise Broken(
                f"{_place(number, obj)}: this message speaks of the same person as a victim, so possible_victim must "
                "be true (CoE Convention, article 26)."
            )


def _same_person(suspect: Mapping[str, Any], victim: Mapping[str, Any], documents: list[Mapping[str, Any]]) -> bool:
    for paper in documents:
        if paper.get("holder_ref") == victim["id"]:
            return True
        number = victim.get("identity_number")
        if number is not None and _plain(paper["number"]) == _plain(number):
            return True
    if not _dates_agree(suspect.get("dob"), victim.get("birthdate")):
        return False
    first, family = _words(victim.get("first_name", "")), _words(victim.get("second_name", ""))
    return bool(first and family) and any(
        _words(name.get("family", "")) == family and _words(name.get("given", ""))[:1] == first[:1]
        for name in suspect.get("names", ())
    )


def _dates_agree(one: str | None, other: str | None) -> bool:
    """Whether two partial dates may be the same day; one that is not known may be any."""
    if one is None or other is None:
        return True
    length = min(len(one), len(other))
    return one[:length] == other[:length]


def _words(text: str) -> list[str]:
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return bare.casefold().replace("-", " ").split()


def _plain(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def consent_is_theirs(objects: Objects, _: Kind | None) -> None:
    """R-07: the consent beside a referral is that of the person who is referred."""
    known = _by_id(objects)
    for number, obj in enumerate(objects):
        consent = known.get(str(obj.get("consent_ref"))) if obj["type"] == "A24" else None
        if consent is not None and consent["type"] == "A23" and consent["about"] != obj["case_pseudonym"]:
            raise Broken(f"{_place(number, obj)}: consent_ref is about somebody else than case_pseudonym (R-07).")


def portrait_in_alert(objects: Objects, kind: Kind | None) -> None:
    """R-24: the one exception from pictures of people is a portrait in an alert."""
    for number, obj in enumerate(objects):
        if obj["type"] == "A18" and obj.get("portrait_released") is True and kind not in (None, Kind.ALERT):
            raise Broken(f"{_place(number, obj)}: a portrait is released for an alert, and for nothing else (R-24).")


def custody_in_order(objects: Objects, _: Kind | None) -> None:
    """Of one exhibit no two events have one number, and a later number is not an earlier time."""
    last: dict[str, tuple[int, str]] = {}
    for number, obj in sorted(enumerate(objects), key=lambda pair: pair[1].get("seq", 0)):
        if obj["type"] != "A19":
            continue
        before = last.get(obj["exhibit_ref"])
        if before is not None and (obj["seq"] == before[0] or moment(obj["at"]) < moment(before[1])):
            raise Broken(f"{_place(number, obj)}: seq repeats, or the event lies before the one it follows.")
        last[obj["exhibit_ref"]] = obj["seq"], obj["at"]


ACROSS: Final[Mapping[str, AcrossLaw]] = MappingProxyType(
    {
        "references-fit": AcrossLaw(
            "A reference to an object of the message points at a type that its field permits.",
            "CATALOGUE A",
            references_fit,
        ),
        "possible-victim-is-said": AcrossLaw(
            "A suspect profile of somebody who is also a victim in the message has possible_victim true.",
            "R-15; CoE Convention art. 26",
            possible_victim_is_said,
        ),
        "one-category": AcrossLaw(
            "A person who is protected by the own profile is given a protected category everywhere in the message.",
            "R-01; LED art. 6",
            one_category,
        ),
        "consent-is-theirs": AcrossLaw(
            "The consent beside a referral is about the person who is referred.", "R-07", consent_is_theirs
        ),
        "portrait-in-alert": AcrossLaw(
            "A portrait is released for an alert only.", "R-24; CoE Convention art. 11(2)", portrait_in_alert
        ),
        "custody-in-order": AcrossLaw(
            "Custody events of one exhibit have their own numbers and stand in the order of time.",
            "ISO/IEC 27037",
            custody_in_order,
        ),
    }
)
