"""Checks of content laws about things: places, identifiers and numbers, vehicles, authorisations, exhibits, custody.

Each takes a checked object (or the part that holds all its fields) and raises `Broken`.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from messages.catalogue.conditions import PRECISE
from messages.catalogue.law import Broken
from messages.catalogue.numbers import iban_holds, lei_holds, looks_like_iban, mrz_number
from messages.catalogue.values import moment, shaped

_PHYSICAL: Final = frozenset({"physical", "biological", "digital-device"})
_HEX: Final[Mapping[str, int]] = MappingProxyType(
    {"md5": 32, "sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128, "sha3-256": 64}
)


def in_order(first: str, second: str) -> Callable[[Mapping[str, Any]], None]:
    """`second` does not lie before `first` (partial dates are compared as far as both go)."""

    def law(obj: Mapping[str, Any]) -> None:
        one, other = obj.get(first), obj.get(second)
        if one is None or other is None:
            return
        if "T" in one:
            wrong = moment(other) < moment(one)
        else:
            length = min(len(one), len(other))
            wrong = other[:length] < one[:length]
        if wrong:
            raise Broken(f"{second} lies before {first}.")

    return law


def identifier_fits_kind(obj: Mapping[str, Any]) -> None:
    """The value of a communications identifier has the form of its kind."""
    kind, value = obj["kind"], obj["value"]
    fits: dict[str, Callable[[str], bool]] = {
        "msisdn": lambda text: shaped("phone", text),
        "imei": lambda text: _matches(r"[0-9]{14,16}", text),
        "imsi": lambda text: _matches(r"[0-9]{14,15}", text),
        "iccid": lambda text: _matches(r"[0-9]{18,22}", text),
        "email": lambda text: shaped("email", text),
        "handle": lambda text: not _matches(r".*\s.*", text),
        "url": lambda text: _matches(r"(?:https?|hxxps?)://\S+", text),
        "mac": lambda text: _matches(r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}", text),
        "ip": _address,
    }
    check = fits.get(kind)
    if check is not None and not check(value):
        raise Broken("value does not have the form of its kind.")


def _matches(shape: str, text: str) -> bool:
    return re.fullmatch(shape, text) is not None


def _address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def precision_is_honest(*names: str) -> Callable[[Mapping[str, Any]], None]:
    """A place that says country or region names nothing smaller, and coordinates are a point."""

    def law(obj: Mapping[str, Any]) -> None:
        for name in names:
            value = obj.get(name)
            for place in value if isinstance(value, list) else [value]:
                if place is not None:
                    _honest(name, place)

    return law


def _honest(name: str, place: Mapping[str, Any]) -> None:
    precision = place["precision"]
    if ("lat" in place) != ("lon" in place):
        raise Broken(f"{name}: lat and lon go together.")
    if "lat" in place and precision not in PRECISE:
        raise Broken(f"{name}: coordinates need precision street or point.")
    if "place" in place and precision in ("country", "admin1"):
        raise Broken(f"{name}: a named place needs precision city, street or point.")
    if precision == "country" and "admin1" in place:
        raise Broken(f"{name}: a region needs precision admin1 or finer.")


def sightings_are_honest(obj: Mapping[str, Any]) -> None:
    for index, item in enumerate(obj.get("sightings", [])):
        _honest(f"sightings[{index}].place", item["place"])


def no_shelter(obj: Mapping[str, Any]) -> None:
    """R-21: where people are sheltered is in no message except the closed part of A24 and A26."""
    if obj.get("place_role") == "shelter":
        raise Broken("a shelter is never carried as a location; protected places stand in A26 only (R-21).")


def vehicle_is_told(obj: Mapping[str, Any]) -> None:
    if not {"plate", "vin", "make", "model"} & set(obj):
        raise Broken("a vehicle needs a plate, a vin, a make or a model.")


def plate_has_country(obj: Mapping[str, Any]) -> None:
    if "plate" in obj and "plate_country" not in obj:
        raise Broken("plate_country is required with a plate: plates repeat from country to country.")


def journey_is_told(obj: Mapping[str, Any]) -> None:
    if not {"from", "to"} & set(obj):
        raise Broken("a movement needs from or to.")


def authorisation_holds(*periods: str) -> Callable[[Mapping[str, Any]], None]:
    """What was made under an authorisation that had ended is refused, and so is what is about a later time."""

    def law(obj: Mapping[str, Any]) -> None:
        until = obj.get("authorised_until")
        if until is None:
            if obj.get("category") in ("traffic", "content"):
                raise Broken("authorised_until is required for traffic and content data.")
            return
        if moment(until) < moment(obj["created"]):
            raise Broken("the authorisation had expired: authorised_until lies before created.")
        for name in periods:
            for time in obj[name] if isinstance(obj.get(name), list) else [obj.get(name)]:
                if time is not None and moment(time) > moment(until):
                    raise Broken(f"{name} goes beyond authorised_until.")

    return law


def no_capture_of_a_child(obj: Mapping[str, Any]) -> None:
    if obj.get("apparent_minor") is True and "capture" in obj:
        raise Broken("no capture of an apparent minor is carried; its hash stands for it (R-24).")


def abuse_material_stays(obj: Mapping[str, Any]) -> None:
    """Suspected abuse material goes to the authorised unit, never through here: hash and exhibit number only."""
    if obj.get("file_carried") is not True:
        return
    if obj.get("contains_csam") != "no":
        raise Broken("the file is carried only where contains_csam says no; else hash and exhibit number go (R-24).")
    released = obj["kind"] == "image" and obj.get("portrait_released") is True
    if obj["kind"] in ("image", "video") and obj.get("intimate_or_child") != "no" and not released:
        raise Broken("a picture or film is carried only where intimate_or_child says no, or as a portrait (R-24).")
    if obj["kind"] in _PHYSICAL:
        raise Broken("a physical exhibit has no file to carry.")
    if "media_type" not in obj or "size" not in obj:
        raise Broken("media_type and size are required where the file is carried.")


def sha256_is_there(obj: Mapping[str, Any]) -> None:
    """MD5 and SHA-1 can be forged: they may stand beside a SHA-256, never alone."""
    hashes = obj.get("hashes", [])
    if not hashes and obj["kind"] in _PHYSICAL:
        return
    if not any(item["alg"] == "sha256" for item in hashes):
        raise Broken("hashes needs a SHA-256; MD5 and SHA-1 are taken beside it only, never alone.")


def hashes_fit(*names: str) -> Callable[[Mapping[str, Any]], None]:
    def law(obj: Mapping[str, Any]) -> None:
        for name in names:
            found = obj.get(name, [])
            for item in found if isinstance(found, list) else [found]:
                if len(item["value"]) != _HEX[item["alg"]]:
                    raise Broken(f"{name}: the value does not have the length of its algorithm.")

    return law


def mrz_checks(obj: Mapping[str, Any]) -> None:
    """A machine-readable zone that does not check was read wrongly, unless the document itself is false."""
    if "mrz" not in obj or obj.get("status") in ("forged", "counterfeit"):
        return
    number = mrz_number(obj["mrz"])
    if number is None:
        raise Broken("mrz: a check digit does not hold; read it again, or say that the document is forged.")
    if re.sub("[^0-9A-Z]", "", obj["number"]) != number:
        raise Broken("mrz and number name different documents.")


def lei_checks(obj: Mapping[str, Any]) -> None:
    if "lei" in obj and not lei_holds(obj["lei"]):
        raise Broken("lei: the check digits do not hold; read it again.")


def identifier_fits_asset(obj: Mapping[str, Any]) -> None:
    kind, value = obj["kind"], obj["identifier"]
    if kind == "bank-account" and looks_like_iban(value) and not iban_holds(value):
        raise Broken("identifier: the check digits of the IBAN do not hold; read it again.")
    if kind == "crypto-wallet" and not _matches(r"[0-9A-Za-z:]{20,128}", value):
        raise Broken("identifier does not have the form of a wallet's address.")
    if kind == "vehicle" and not (shaped("plate", value) or shaped("vin", value)):
        raise Broken("identifier does not have the form of a plate or vin.")


def custody_links(obj: Mapping[str, Any]) -> None:
    first = set(obj["prev_event_hash"]["value"]) == {"0"}
    if (obj["seq"] == 1) != first:
        raise Broken("prev_event_hash is all zeros for the first event of an exhibit, and for no other.")


def custody_parties(obj: Mapping[str, Any]) -> None:
    if obj["action"] in ("released", "transferred", "received", "returned"):
        for name in ("from_party", "to_party"):
            if name not in obj:
                raise Broken(f"{name} is required where an exhibit passes from one party to another.")


def custody_change(obj: Mapping[str, Any]) -> None:
    before, after = obj.get("hash_before"), obj.get("hash_after")
    if before and after and before["alg"] == after["alg"] and before != after and "unavoidable_change" not in obj:
        raise Broken("unavoidable_change is required where hash_after differs from hash_before: say who, what and why.")
