"""From validated objects to the identities that the text pass searches for: one place for sender and guard."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, Final

from messages.catalogue import Catalogue
from messages.catalogue.persons import KnownPerson, identities
from policies.redaction.identity import Identity, Name

UNNAMED: Final = "[name]"
"""Stands for a known person who has no pseudonym."""
_LISTS: Final = tuple(f.name for f in fields(Identity) if f.name not in ("pseudonym", "role"))


def known_persons(objects: Iterable[Mapping[str, Any]]) -> list[KnownPerson]:
    """Every protected person that `objects` (validated) identify."""
    return [person for obj in objects for person in identities(obj)]


def _name(parts: tuple[str, ...], aliases: tuple[str, ...]) -> Name:
    given, *middle = parts[:-1] if len(parts) > 1 else parts
    family = parts[-1] if len(parts) > 1 else ""
    return Name(given=given, middle=" ".join(middle), family=family, aliases=aliases)


def to_identity(person: KnownPerson, pseudonym: str) -> Identity:
    """The person as the text pass knows it; `pseudonym` is what stands in its place."""
    plain = tuple(a for a in person.aliases if not a.startswith("@"))
    named = tuple(_name(n, ()) for n in person.names if n)
    names = (*named[:1], *named[1:])
    if plain:
        first = names[0] if names else Name()
        names = (
            Name(given=first.given, middle=first.middle, family=first.family, aliases=plain, native=first.native),
            *names[1:],
        )
    return Identity(
        pseudonym=pseudonym,
        names=names,
        numbers=person.numbers,
        phones=person.phones,
        emails=person.emails,
        handles=(*person.handles, *(a.lstrip("@") for a in person.aliases if a.startswith("@"))),
        urls=person.urls,
        birthdates=person.birthdates,
        addresses=(*person.addresses, *person.places),
        accounts=person.accounts,
        plates=person.plates,
        role=person.role.value,
    )


def merged(identities: Iterable[Identity]) -> tuple[Identity, ...]:
    """One identity for each pseudonym: a victim profile and a referral may both tell of one person."""
    found: dict[str, Identity] = {}
    for identity in identities:
        known = found.get(identity.pseudonym)
        if known is None or identity.pseudonym == UNNAMED:
            found[identity.pseudonym if known is None else f"{identity.pseudonym}#{len(found)}"] = identity
            continue
        joined: dict[str, Any] = {
            name: tuple(dict.fromkeys((*getattr(known, name), *getattr(identity, name)))) for name in _LISTS
        }
        found[identity.pseudonym] = replace(known, **joined)
    return tuple(found.values())


def register_names(objects: Iterable[Mapping[str, Any]], catalogue: Catalogue) -> frozenset[str]:
    """Every name of the sender's own register, of persons and of sources, that `objects` (validated) carry."""
    return frozenset(
        str(value)
        for obj in objects
        for name, value in obj.items()
        if catalogue.type(obj.get("type")).fields[name].kind == "pseudonym"
    )


def suspects(objects: Iterable[Mapping[str, Any]], catalogue: Catalogue) -> tuple[Name, ...]:
    """Names that stay: suspects who are not possible victims themselves."""
    found: list[Name] = []
    for obj in objects:
        if obj.get("type") != "A03" or any(r.protected for r in catalogue.type("A03").roles(obj)):
            continue
        for name in obj.get("names", ()):
            aliases = (name["alias"],) if "alias" in name else ()
            native = (name["native_script"],) if "native_script" in name else ()
            found.append(
                Name(given=name.get("given", ""), family=name.get("family", ""), aliases=aliases, native=native)
            )
    return tuple(found)
