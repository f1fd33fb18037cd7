"""Structural redaction (docs/design.md section 7.1): what a recipient without identity rights gets of one section.

`generalise` is pure: D, L and S fields are gone, Q fields are coarser or gone, ids and pseudonyms are this recipient
agency's own. What stands for each field is in the catalogue's data file (`generalise`), and `treatment` tells it. The
defaults are on the safe side:

- no flag: kept; D, L or S: gone, except that a text which is D only because it is free text stays, for the text pass;
- Q without a rule: gone;
- a rule (`month`, `region`, `age-band`, ...) replaces what is more exact.

What is kept of each type (besides codes without flags):

    A01  codes, month of report and period; narrative, title and gist only as text that must still be searched
    A02  pseudonym, role, status, minority, age band, gender (where it is not S), citizenship; no identity part
    A03  everything while no protected role is active; of a possible victim: role, sex, nationality, region of birth
    A04  the code of the source, its role, grade, protection and handler; how it knows only as text to be searched
    A05  acts, means, purposes, type, month, region, industry, recruitment method, references, counts from 11 up
    A06  everything where no victims are; else the role of the place, its region, transport, and months
    A07  kind, role of the owner, months; the identifier itself only of an owner who is not protected
    A08  category, provider, authorisation, months; the summary only as text that must still be searched
    A09  kind, platform, hash, month; link and words only of somebody who is not protected
    A10  colour; the rest only of a vehicle whose keeper is not protected, and sightings with no victim aboard
    A11  kind, who (by pseudonym), regions; everything only of a traveller who is not protected
    A12  type, state, status, months; number, name, zone and picture only of a holder who is not protected
    A13  legal name, sector, role, licence, region of the address
    A14  month, region, findings, measures, counts from 11 up; the narrative only as text that must still be searched
    A15  codes, reference numbers, month, the originator's consent; no transaction and no party
    A16  kind, status, jurisdiction, order; the identifier only of a holder who is not protected
    A17  kind, who (by pseudonym), month, how it was taken; the caution as text; no statement, document or place
    A18  number, kind, hashes, size, authority, month, region; the description as text that must still be searched
    A19  action, day, parties, codes of persons, seals, hashes, region; reasons only as text that must still be searched
    A20  exhibit, tools, method, authority; findings only as text that must still be searched
    A21  kind, authority, months; gist and intrusion only as text that must still be searched; nobody who was seen
    A22  all but the exact day; notes only as text that must still be searched
    A23  the terms, with the day it was given; withheld-from words only as text that must still be searched
    A24  the referral part; of the sealed part nothing but whom it is about
    A25  status and service in codes, months; not whether somebody was trafficked again
    A26  kind, authority, months; not who is protected, where, or under which conditions
    A27  stage, month, restitution, offences, order; no document, and no docket of somebody protected
    A28  everything: it holds no person

Not done here: searching text. Every free-form string that is left still counts as D until the guard has searched it.
Nobody may take this for permission: policies decide, and the guard computes the flags of the result again.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC
from typing import Any, Final

from messages.catalogue import DataType, Field
from messages.catalogue.conditions import SMALL_CELL
from messages.catalogue.datatype import whose
from messages.catalogue.values import moment, youngest_age
from messages.errors import ContentRefused
from messages.labels import Flag

_GONE: Final = frozenset({Flag.DIRECT, Flag.LOCATION, Flag.SENSITIVE})
_BANDS: Final = ((8, "0-8"), (17, "9-17"), (20, "18-20"), (23, "21-23"), (26, "24-26"), (29, "27-29"), (38, "30-38"))


class _Gone:
    """The mark of a field that is left out."""


_OUT: Final = _Gone()


def generalise(
    data_type: DataType, part: str, obj: Mapping[str, Any], *, pseudonym_of: Callable[[str], str]
) -> dict[str, Any]:
    """Return the section `part` of `obj` as a recipient without identity rights gets it, checked by `validate_part`.

    `obj` is a validated whole object (then facts of other parts can be generalised into this one, such as the age band)
    or that section of it. `pseudonym_of` maps a pseudonym of the sender's register, or the id of an object, to what
    this recipient agency is to call it, the same each time; for an object which it gets unchanged it may return the id
    itself. Raises `ContentRefused` where the part makes no sense without what was taken away.
    """
    allowed = data_type.part_fields(part)
    active = data_type.role.none or any(role.protected for role in data_type.subject(obj))
    sections = data_type.split(obj)
    result: dict[str, Any] = {}
    for name, value in sections.get(part, {}).items():
        new = _field(allowed[name], value, pseudonym_of, active=active)
        if new is not _OUT:
            result[name] = new
    if active:
        for name, spec in allowed.items():
            if spec.generalise == "age-band" and name not in result and (band := _age_band(data_type, obj)):
                result[name] = band
    if any(spec.required and name not in result for name, spec in allowed.items()):
        raise ContentRefused(
            f"{data_type.id}/{part}: this part makes no sense without identity; it cannot go to a recipient without "
            "identity rights."
        )
    return data_type.validate_part(part, result)


def treatment(data_type: DataType, part: str) -> dict[str, str]:
    """For each field of the part, in one word, what `generalise` does while a protected role is active.

    keep, drop, may-drop (it depends on the value), text (kept for the text pass), name (this agency's own pseudonym),
    month, day, region, age-band, small-count, unspecified.
    """
    return {name: _treatment(spec) for name, spec in data_type.part_fields(part).items()}


def _treatment(spec: Field) -> str:
    if spec.kind in ("id", "ref") and spec.generalise == "default" and not spec.flags:
        return "name"
    if spec.generalise not in ("default", "keep"):
        return spec.generalise
    if spec.whose is not None:
        return "may-drop"
    if any(_dangerous(spec, flags) or Flag.QUASI in flags for _, flags in spec.flags_if):
        return "may-drop"
    if _dangerous(spec, spec.flags) or (spec.generalise == "default" and Flag.QUASI in spec.flags):
        return "drop"
    return "text" if spec.free else "keep"


def _dangerous(spec: Field, flags: frozenset[Flag]) -> bool:
    """D, L or S; the D of free text alone is for the text pass to clear."""
    if spec.kind == "text" and not spec.identifies:
        flags -= {Flag.DIRECT}
    return bool(flags & _GONE)


def _field(spec: Field, value: Any, pseudonym_of: Callable[[str], str], *, active: bool) -> Any:
    if spec.whose is not None:
        return _people(spec, value, pseudonym_of, active=active)
    if spec.kind == "pseudonym" or (spec.kind in ("id", "ref") and not active):
        return _each(spec, value, pseudonym_of)
    if not active:
        return (
            _each(spec, value, lambda item: _nested(spec, item, pseudonym_of, active=False)) if spec.fields else value
        )
    flags = spec.flags_of(value)
    rule = spec.generalise
    if rule == "region":
        return _each(spec, value, _region)
    if rule == "unspecified":
        return "NonSpecifiedUnknown" if Flag.SENSITIVE in flags else value
    if _dangerous(spec, flags):
        return _OUT
    if spec.kind in ("id", "ref"):
        return _OUT if rule == "drop" or flags else _each(spec, value, pseudonym_of)
    if rule == "drop" or (rule == "default" and Flag.QUASI in flags):
        return _OUT
    if rule == "month":
        return _each(spec, value, _month)
    if rule == "day":
        return _each(spec, value, _day)
    if rule == "small-count":
        return value if value >= SMALL_CELL else _OUT
    if spec.fields:
        return _each(spec, value, lambda item: _nested(spec, item, pseudonym_of, active=True))
    return value


def _people(spec: Field, value: Any, pseudonym_of: Callable[[str], str], *, active: bool) -> Any:
    """A list of other people: each item by its own roles; those of whom nothing may be said are left out."""
    one = replace(spec, whose=None, many=False)
    kept = [
        new
        for item in value
        for new in [_field(one, item, pseudonym_of, active=active or any(role.protected for role in whose(spec, item)))]
        if new is not _OUT
    ]
    return kept or _OUT


def _nested(
    spec: Field, item: Mapping[str, Any], pseudonym_of: Callable[[str], str], *, active: bool
) -> dict[str, Any]:
    result = {}
    for name, value in item.items():
        new = _field(spec.fields[name], value, pseudonym_of, active=active)
        if new is not _OUT:
            result[name] = new
    return result


def _each(spec: Field, value: Any, change: Callable[[Any], Any]) -> Any:
    return [change(item) for item in value] if spec.many else change(value)


def _month(value: Any) -> Any:
    """2026-03-14 becomes 2026-03; a time becomes the first moment of its month."""
    if isinstance(value, list):
        return [_month(item) for item in value]
    if "T" in value:
        return moment(value).astimezone(UTC).strftime("%Y-%m-01T00:00:00Z")
    return value[:7]


def _day(value: str) -> str:
    return moment(value).astimezone(UTC).strftime("%Y-%m-%dT00:00:00Z")


def _region(value: Mapping[str, Any]) -> dict[str, Any]:
    """Country and region, and no word that a person wrote."""
    if "admin1" in value:
        return {"country": value["country"], "admin1": value["admin1"], "precision": "admin1"}
    return {"country": value["country"], "precision": "country"}


def _age_band(data_type: DataType, obj: Mapping[str, Any]) -> str | None:
    """The CTDC band at the time the object was made; in doubt the younger."""
    for name in data_type.role.born:
        if name in obj:
            age = max(youngest_age(obj[name], moment(obj["created"])), 0)
            return next((band for highest, band in _BANDS if age <= highest), "39-47" if age <= 47 else "48+")
    return None
