"""Checks of content laws about people: consent, children, statements, services, proceedings, statistics.

Each takes a checked object (or the part that holds all its fields) and raises `Broken`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from messages.catalogue.conditions import SMALL_CELL
from messages.catalogue.law import Broken
from messages.catalogue.values import may_be_minor, moment

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
_MAKERS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "victim-interview": frozenset({"victim", "presumed-victim", "family-of-victim"}),
        "suspect-interview": frozenset({"suspect", "convicted", "associate", "person-of-interest"}),
        "witness": frozenset({"witness", "victim", "presumed-victim", "family-of-victim", "informant"}),
    }
)


def palermo_means(obj: Mapping[str, Any]) -> None:
    """Palermo art. 3(c): means are needed unless the victim is a child."""
    if not obj.get("means") and obj.get("child_victim") is not True:
        raise Broken("means needs at least one entry, unless child_victim is true (Palermo Protocol, article 3).")


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


def minor_is_said(obj: Mapping[str, Any]) -> None:
    """R-02: each section is judged alone, so a date of birth that may mean under 18 is said in all of them."""
    if "dob" in obj and may_be_minor(obj["dob"], obj["created"]) and obj.get("is_minor", False) is False:
        raise Broken("is_minor must be true or unknown: by dob the person is, or may be, under 18.")


def no_more_than_found(obj: Mapping[str, Any]) -> None:
    found = obj.get("workers_found")
    for name in ("workers_without_contract", "minors_found"):
        if found is not None and obj.get(name, 0) > found:
            raise Broken(f"{name} is more than workers_found.")


def child_is_accompanied(obj: Mapping[str, Any]) -> None:
    """18 USC 3509(d), Directive 2012/29/EU art. 24: who was with the child is said, whatever the answer."""
    if obj["kind"] != "child-interview":
        return
    for name in ("guardian_present", "support_person_present"):
        if name not in obj:
            raise Broken(f"{name} is required for the interview of a child: say true or false.")


def child_has_redacted_copy(obj: Mapping[str, Any]) -> None:
    """R-25: beside the sealed document of a child there is a redacted one, for whoever may not read it."""
    if obj["kind"] == "child-interview" and "document" in obj and "redacted_version" not in obj:
        raise Broken("redacted_version is required beside the document of a child (R-25).")


def statement_fits_maker(obj: Mapping[str, Any]) -> None:
    allowed = _MAKERS.get(obj["kind"])
    if allowed is not None and obj["maker_role"] not in allowed:
        raise Broken("maker_role does not fit the kind of statement; one person has one category in it (R-01, R-15).")


def outcome_is_told(obj: Mapping[str, Any]) -> None:
    if ("reject_reason" in obj) != (obj["status"] == "rejected"):
        raise Broken("reject_reason goes with status rejected, and with no other.")
    if "closure_reason" in obj and obj.get("case_status") not in ("Closed", "ClosedReferred"):
        raise Broken("closure_reason goes with a closed case_status.")


def offences_are_coded(obj: Mapping[str, Any]) -> None:
    offences = obj.get("offences", [])
    if not offences and obj["stage"] in ("charged", "trial", "convicted", "sentenced"):
        raise Broken("offences needs at least one entry at this stage.")
    for index, item in enumerate(offences):
        if not {"national_code", "uniform"} & set(item):
            raise Broken(f"offences[{index}]: national_code or uniform is required.")


def order_is_named(obj: Mapping[str, Any]) -> None:
    if obj["stage"] == "order-issued" and "order_kind" not in obj:
        raise Broken("order_kind is required where the stage is order-issued.")
    if "heads" in obj and "restitution" not in obj:
        raise Broken("heads say what the restitution is for, so restitution is required.")
