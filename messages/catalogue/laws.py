"""Content laws: what must hold between the fields of one object. Named in the data files under `laws`.

A law takes a checked object (or the part that holds all its fields) and raises `Broken` with one sentence that names
fields, never values.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from messages.catalogue.conditions import PRECISE, SMALL_CELL
from messages.catalogue.values import moment, shaped

INDICATORS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "ilo-11": 11,
        "deceptive-recruitment": 10,
        "coercive-recruitment": 10,
        "recruitment-by-abuse-of-vulnerability": 16,
        "exploitative-conditions": 9,
        "coercion-at-destination": 15,
        "abuse-of-vulnerability-at-destination": 7,
    }
)
CHILD_BANDS: Final = frozenset({"0-8", "9-17"})
_SEALED: Final = frozenset(
    {
        "name_used",
        "contact",
        "dietary_religious",
        "medical_needs",
        "medication",
        "disability",
        "risk_detail",
        "perpetrator_nearby",
    }
)


class Broken(Exception):
    """A content law does not hold; the text is one sentence without values."""


def palermo_means(obj: Mapping[str, Any]) -> None:
    """Palermo art. 3(c): means are needed unless the victim is a child."""
    if not obj.get("means") and obj.get("child_victim") is not True:
        raise Broken("means needs at least one entry, unless child_victim is true (Palermo Protocol, article 3).")


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


def no_small_cell(obj: Mapping[str, Any]) -> None:
    """R-32: no cell under eleven, and a second release needs differential privacy."""
    method = obj.get("method")
    if "value" not in obj:
        if method != "suppressed":
            raise Broken("value is required unless method is suppressed.")
        return
    if obj["value"] < SMALL_CELL:
        raise Broken(f"value is under {SMALL_CELL}: leave it out and set method to suppressed (CTDC, k = 11).")
    if method == "suppressed":
        raise Broken("a suppressed cell carries no value.")
    if method == "dp" and "epsilon" not in obj:
        raise Broken("epsilon is required where method is dp.")
    if obj.get("release_no", 1) > 1 and method != "dp":
        raise Broken("a repeated release needs method dp: suppression protects one release only.")


def consent_or_reason(obj: Mapping[str, Any]) -> None:
    """R-07: consent, or one listed reason, and the reason fits the person."""
    reason = obj.get("no_consent_reason")
    if "consent_ref" not in obj and reason is None:
        raise Broken("consent_ref is required, or no_consent_reason.")
    if reason == "child" and obj.get("adult_child") == "adult":
        raise Broken("no_consent_reason child does not fit adult_child adult.")
    if reason == "emergency-vital-interest" and obj.get("priority") != "emergency-24h":
        raise Broken("no_consent_reason emergency-vital-interest needs priority emergency-24h.")
    if reason == "duty-to-notify-anonymous" and "consent_ref" in obj:
        raise Broken("an anonymous notification carries no consent_ref: the consent would name the person.")


def anonymous_is_anonymous(obj: Mapping[str, Any]) -> None:
    """R-26: the anonymous route carries no sealed field at all."""
    if obj.get("no_consent_reason") == "duty-to-notify-anonymous" and _SEALED & set(obj):
        raise Broken("an anonymous notification carries no field of the sealed part.")


def band_fits_adult_child(obj: Mapping[str, Any]) -> None:
    band, who = obj.get("age_band"), obj.get("adult_child")
    if band is None or who not in ("adult", "child"):
        return
    if (band in CHILD_BANDS) != (who == "child"):
        raise Broken("age_band and adult_child do not fit each other; use adult_child unknown where age is disputed.")


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


def indicator_numbers(obj: Mapping[str, Any]) -> None:
    """The number of an indicator exists in its dimension."""
    for index, item in enumerate(obj.get("indicators", [])):
        if item["code"] > INDICATORS[item["dimension"]]:
            raise Broken(f"indicators[{index}].code: the dimension has {INDICATORS[item['dimension']]} indicators.")


def consent_is_timed(obj: Mapping[str, Any]) -> None:
    """VAWA: consent is reasonably time-limited, so it ends after it begins; a withdrawal does not precede it."""
    if moment(obj["expires_on"]) <= moment(obj["given_on"]):
        raise Broken("expires_on must lie after given_on: consent is limited in time.")
    if "withdrawn_on" in obj and moment(obj["withdrawn_on"]) < moment(obj["given_on"]):
        raise Broken("withdrawn_on lies before given_on.")


def named_are_named(obj: Mapping[str, Any]) -> None:
    if ("named" in obj["disclose_to"]) != bool(obj.get("named_recipients")):
        raise Broken("named_recipients goes with disclose_to named, and needs at least one entry.")


def precision_is_honest(*names: str) -> Callable[[Mapping[str, Any]], None]:
    """A place that says country or region names nothing smaller, and coordinates are a point."""

    def law(obj: Mapping[str, Any]) -> None:
        for name in names:
            value = obj.get(name)
            for place in value if isinstance(value, list) else [value]:
                if place is None:
                    continue
                precision = place["precision"]
                if ("lat" in place) != ("lon" in place):
                    raise Broken(f"{name}: lat and lon go together.")
                if "lat" in place and precision not in PRECISE:
                    raise Broken(f"{name}: coordinates need precision street or point.")
                if "place" in place and precision in ("country", "admin1"):
                    raise Broken(f"{name}: a named place needs precision city, street or point.")
                if precision == "country" and "admin1" in place:
                    raise Broken(f"{name}: a region needs precision admin1 or finer.")
                if "country" not in place:
                    raise Broken(f"{name}: country is required.")

    return law


LAWS: Final[Mapping[str, Callable[[Mapping[str, Any]], None]]] = MappingProxyType(
    {
        "palermo-means": palermo_means,
        "dates-in-order": in_order("date_from", "date_to"),
        "seen-in-order": in_order("first_seen", "last_seen"),
        "no-small-cell": no_small_cell,
        "consent-or-reason": consent_or_reason,
        "anonymous-is-anonymous": anonymous_is_anonymous,
        "band-fits-adult-child": band_fits_adult_child,
        "identifier-fits-kind": identifier_fits_kind,
        "indicator-numbers": indicator_numbers,
        "consent-is-timed": consent_is_timed,
        "named-are-named": named_are_named,
        "precision-place": precision_is_honest("place"),
        "precision-address": precision_is_honest("address"),
        "precision-victim-places": precision_is_honest("mailing_address", "current_location"),
        "precision-suspect-places": precision_is_honest("addresses", "place_of_birth"),
    }
)
