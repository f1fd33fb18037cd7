"""What a validated object says about who somebody is, in one neutral form for redaction and search.

Taken from a whole object or from its identity section: a victim profile, a referral, a communications identifier of a
protected owner, a suspect who may be a victim. `KnownPerson` knows nothing of matching; it only gathers the words
that must not appear where they are not granted.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from messages.catalogue.loader import load
from messages.labels import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPerson:
    """One person whose identity is known to the holder of the object. `reference` is the object's id."""

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
    roles = data_type.roles(obj)
    protected = sorted(role for role in roles if role.protected and role is not Role.CHILD)
    if not protected and Role.CHILD not in roles:
        return ()
    gather = {"A02": _victim, "A03": _suspect, "A07": _identifier, "A24": _referral}.get(data_type.id)
    found = gather(obj) if gather else {}
    if not any(words for name, words in found.items() if name != "languages"):  # a language identifies nobody
        return ()
    found["pseudonyms"] = tuple(obj[name] for name in ("case_pseudonym",) if name in obj)
    role = protected[0] if protected else Role.CHILD
    return (KnownPerson(role=role, reference=obj.get("id", ""), **found),)


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
    contact = str(obj.get("contact", ""))
    kind = "handles"
    if "@" in contact.strip("@"):
        kind = "emails"
    elif len(re.findall(r"[0-9]", contact)) >= 5:
        kind = "phones"
    return {
        "names": (tuple(obj["name_used"].split()),) if "name_used" in obj else (),
        kind: _one(obj, "contact"),
        "languages": tuple(obj.get("languages", ())),
    }


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
