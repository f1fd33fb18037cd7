"""What a validated object says about who somebody is, in one neutral form for redaction and search.

Taken from a whole object or from the section of it that identifies: a victim profile, a referral, a suspect who may be
a victim; the telephone, advert, vehicle, ticket, passport, account or statement of somebody protected; the places and
contacts of a protection measure. What an object knows of a person only by reference (a party of a financial report, a
person who was seen) is gathered from the object that it refers to. `KnownPerson` knows nothing of matching; it only
gathers the words that must not appear where they are not granted.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from messages.catalogue.loader import load
from messages.labels import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPerson:
    """One person whose identity is known to the holder of the object.

    `reference` is the id of that person's profile where the object names it, else the object's own.
    """

    role: Role
    reference: str
    pseudonyms: tuple[str, ...] = ()
    names: tuple[tuple[str, ...], ...] = ()
    aliases: tuple[str, ...] = ()
    birthdates: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    handles: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    plates: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


def identities(obj: Mapping[str, Any]) -> tuple[KnownPerson, ...]:
    """The persons that `obj` (a validated object or section of one) identifies; none if it identifies no one protected.

    Raises `ContentRefused` for an unknown data type.
    """
    data_type = load().type(obj.get("type"))
    roles = data_type.subject(obj)
    protected = sorted(role for role in roles if role.protected and role is not Role.CHILD)
    if not protected and Role.CHILD not in roles:
        return ()
    gather = _GATHER.get(data_type.id)
    found = gather(obj) if gather else {}
    if not any(words for name, words in found.items() if name != "languages"):  # a language identifies nobody
        return ()
    found["pseudonyms"] = tuple(obj[name] for name in ("case_pseudonym",) if name in obj)
    role = protected[0] if protected else Role.CHILD
    profile = next((obj[name] for name in _PROFILE if name in obj), obj.get("id", ""))
    return (KnownPerson(role=role, reference=profile, **found),)


_PROFILE: Final = ("subscriber_ref", "keeper_ref", "person_ref", "holder_ref", "maker_ref", "protected_ref")
"""Fields that name the profile of the person whose data an object is."""


def _victim(obj: Mapping[str, Any]) -> dict[str, Any]:
    name = tuple(obj[part] for part in ("first_name", "middle_name", "second_name") if part in obj)
    addresses, places = _places([obj.get("mailing_address"), obj.get("current_location")])
    return {
        "names": (name,) if name else (),
        "aliases": tuple(obj.get("also_known_as", ())),
        "birthdates": _one(obj, "birthdate"),
        "numbers": _one(obj, "identity_number"),
        "phones": _one(obj, "home_phone") + _one(obj, "mobile_phone"),
        "emails": _one(obj, "email"),
        "addresses": addresses,
        "places": places,
        "languages": _one(obj, "primary_language") + _one(obj, "secondary_language"),
    }


def _suspect(obj: Mapping[str, Any]) -> dict[str, Any]:
    names: list[tuple[str, ...]] = []
    aliases: list[str] = []
    for item in obj.get("names", ()):
        parts = tuple(item[part] for part in ("given", "family") if part in item)
        names += [parts] if parts else []
        names += [tuple(item["native_script"].split())] if "native_script" in item else []
        aliases += [item["alias"]] if "alias" in item else []
    addresses, places = _places([*obj.get("addresses", ()), obj.get("place_of_birth")])
    return {
        "names": tuple(names),
        "aliases": tuple(aliases),
        "birthdates": _one(obj, "dob"),
        "addresses": addresses,
        "places": places,
    }


def _identifier(obj: Mapping[str, Any]) -> dict[str, Any]:
    bucket = {"msisdn": "phones", "email": "emails", "url": "urls", "handle": "handles", "messenger-id": "handles"}
    return {bucket.get(str(obj.get("kind")), "numbers"): _one(obj, "value")}


def _referral(obj: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "names": (tuple(obj["name_used"].split()),) if "name_used" in obj else (),
        **_contact(obj, "contact"),
        "languages": tuple(obj.get("languages", ())),
    }


def _contact(obj: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A way to reach somebody, under what it looks like."""
    contact = str(obj.get(name, ""))
    kind = "handles"
    if "@" in contact.strip("@"):
        kind = "emails"
    elif len(re.findall(r"[0-9]", contact)) >= 5:
        kind = "phones"
    return {kind: _one(obj, name)}


def _content(obj: Mapping[str, Any]) -> dict[str, Any]:
    return {"urls": _one(obj, "url")}


def _vehicle(obj: Mapping[str, Any]) -> dict[str, Any]:
    return {"plates": _one(obj, "plate"), "numbers": _one(obj, "vin")}


def _movement(obj: Mapping[str, Any]) -> dict[str, Any]:
    return {"numbers": _one(obj, "number")}


def _document(obj: Mapping[str, Any]) -> dict[str, Any]:
    names = [tuple(obj["holder_name"].split())] if "holder_name" in obj else []
    names += [name for name in [_zone_name(obj.get("mrz", ""))] if name]
    return {"names": tuple(dict.fromkeys(names)), "numbers": _one(obj, "number")}


def _zone_name(zone: str) -> tuple[str, ...]:
    """The name in a machine-readable zone, given names first; it stands in the first line, or in the third of three."""
    lines = zone.split("\n")
    line = lines[2] if len(lines) == 3 else lines[0][5:]
    family, _, given = line.partition("<<")
    return tuple(word for part in (given, family) for word in part.split("<") if word)


def _asset(obj: Mapping[str, Any]) -> dict[str, Any]:
    bucket = {"vehicle": "plates", "bank-account": "accounts", "crypto-wallet": "accounts"}
    return {bucket.get(str(obj.get("kind")), "numbers"): _one(obj, "identifier")}


def _statement(obj: Mapping[str, Any]) -> dict[str, Any]:
    addresses, places = _places([obj.get("place")])
    return {"addresses": addresses, "places": places}


def _measure(obj: Mapping[str, Any]) -> dict[str, Any]:
    addresses, places = _places(list(obj.get("protected_places", ())))
    return {"addresses": addresses, "places": places, **_contact(obj, "emergency_contact")}


def _one(obj: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return (obj[name],) if name in obj else ()


def _places(found: list[Mapping[str, Any] | None]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(addresses, places): a street or point is an address, a town is a place."""
    addresses: list[str] = []
    places: list[str] = []
    for place in found:
        if place is not None and "place" in place:
            (addresses if place.get("precision") in ("street", "point") else places).append(place["place"])
    return tuple(addresses), tuple(places)


_GATHER: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "A02": _victim,
    "A03": _suspect,
    "A07": _identifier,
    "A09": _content,
    "A10": _vehicle,
    "A11": _movement,
    "A12": _document,
    "A16": _asset,
    "A17": _statement,
    "A24": _referral,
    "A26": _measure,
}
