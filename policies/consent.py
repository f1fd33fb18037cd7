"""What a person's consent allows (CATALOGUE R-07, R-08; docs/design.md section 6).

A `Consent` is terms without a person: random id, purposes, recipient or class, (type, flags) items, dates, route. Who
calls this has already held its signatures against the directory, the second contact's where one is due included, and
passes the ids of those that were withdrawn. What is answered here is only: do these terms cover this use, now?

Consent is limited to its purposes: "services" is not "investigation". Children need no consent to be protected, and
none is ever enough to expose them, so the route `child` serves protection alone. A vital interest releases the minimum
to one named person for at most a day. The anonymous route carries no identity at all (R-26).
"""

from collections.abc import Collection
from typing import Final

from messages.attestations import Consent, ConsentForm, ConsentPurpose, ConsentRoute
from messages.directory import Agency
from messages.labels import Flag, Purpose
from messages.limits import DAY

IDENTIFYING: Final = frozenset({Flag.DIRECT, Flag.LOCATION, Flag.SENSITIVE})
"""The flags that need a right or a consent; Q alone is pseudonymous."""

PURPOSES: Final[dict[ConsentPurpose, frozenset[Purpose]]] = {
    ConsentPurpose.SERVICES: frozenset({Purpose.PROTECT_VICTIM}),
    ConsentPurpose.TRACING: frozenset({Purpose.TRACE_PERSON}),
    ConsentPurpose.INVESTIGATION: frozenset({Purpose.INVESTIGATE}),
    ConsentPurpose.PROSECUTION: frozenset({Purpose.PROSECUTE}),
    ConsentPurpose.STATISTICS: frozenset({Purpose.STATISTICS}),
    ConsentPurpose.RESEARCH: frozenset(),  # no purpose of the broker is research
}
_PROTECTIVE: Final = frozenset({Purpose.PROTECT_VICTIM, Purpose.TRACE_PERSON})
"""What serves the person: the only purposes of the routes that need no consent."""
_NO_IDENTITY: Final = frozenset({ConsentPurpose.STATISTICS, ConsentPurpose.RESEARCH})
"""Purposes that were explained to the person as non-identifying, so they never cover D, L or S."""


def purposes_of(consent: Consent) -> frozenset[Purpose]:
    """The purposes of processing for which D, L and S may be given under `consent`."""
    if consent.route is ConsentRoute.ANONYMOUS:
        return frozenset()
    allowed: frozenset[Purpose] = frozenset()
    for purpose in consent.purposes:
        if purpose not in _NO_IDENTITY:
            allowed |= PURPOSES[purpose]
    return allowed if consent.route is ConsentRoute.CONSENT else allowed & _PROTECTIVE


def live(consent: Consent, created: int, admitted: int) -> bool:
    """Whether it was given before the message was made and admitted, and had not ended by then."""
    if consent.route is ConsentRoute.VITAL_INTEREST and consent.expires - consent.given > DAY:
        return False
    return consent.given <= min(created, admitted) and max(created, admitted) < consent.expires


def names(consent: Consent, recipient: Agency) -> bool:
    """Whether it names the recipient's agency, or its class."""
    if consent.recipient is not None:
        return consent.recipient == recipient.handle
    return consent.party_class is not None and consent.party_class is recipient.party_class


def items_cover(consent: Consent, data_type: str, flags: Collection[Flag]) -> bool:
    """Whether its items for `data_type` name every identifying flag among `flags`."""
    named = {flag for item_type, item_flags in consent.items if item_type == data_type for flag in item_flags}
    return named.issuperset(IDENTIFYING.intersection(flags))


def covers(
    consent: Consent,
    *,
    data_type: str,
    flags: Collection[Flag],
    purpose: Purpose,
    recipient: Agency,
    to_person: bool,
    created: int,
    admitted: int,
    withdrawn: Collection[bytes] = frozenset(),
    written_only: bool = False,
) -> bool:
    """Whether these terms allow D, L and S of `data_type` to go to `recipient` for `purpose`.

    `to_person`: the receiving contact is one named person (asked for by the route `vital-interest`).
    `written_only`: the collector is bound to written consent (a provider under VAWA).
    """
    return (
        consent.id not in withdrawn
        and live(consent, created, admitted)
        and names(consent, recipient)
        and purpose in purposes_of(consent)
        and items_cover(consent, data_type, flags)
        and (to_person or consent.route is not ConsentRoute.VITAL_INTEREST)
        and (consent.form is ConsentForm.WRITTEN or not written_only)
    )
