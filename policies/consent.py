"""What a person's consent allows (CATALOGUE R-07, R-08; docs/design.md section 6).

A `Consent` is terms without a person: random id, purposes, recipient or class, (type, flags) items, dates, route. Who
calls this has already held its signatures against the directory, the second contact's where one is due included, and
passes the ids of those that were withdrawn. What is answered here is only: do these terms cover this use, now?

Consent is limited to its purposes, "services" is not "investigation", and in time: to a year. Children need no consent
to be protected, and none is ever enough to expose them, so the route `child` serves protection alone. A vital interest
releases the minimum to one named person for at most a day. The anonymous route carries no identity at all (R-26).
"""

from collections.abc import Collection, Iterable
from typing import Final

from messages.attestations import Consent, ConsentForm, ConsentPurpose, ConsentRoute
from messages.directory import Agency
from messages.labels import Flag, Purpose, Role
from messages.limits import CONSENT_LIFETIME, DAY

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


def lifetime(route: ConsentRoute) -> int:
    """The longest that a consent by this route may last, in milliseconds."""
    return DAY if route is ConsentRoute.VITAL_INTEREST else CONSENT_LIFETIME


def live(consent: Consent, created: int, admitted: int) -> bool:
    """Whether it is limited in time, was given before the message was made and admitted, and had not ended by then."""
    if consent.expires - consent.given > lifetime(consent.route):
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


def fits(consent: Consent, data_type: str, flags: Collection[Flag], roles: Collection[Role]) -> bool:
    """Whether a section of this type, which the guard found to be about that consent's person, can rest on it at all.

    The route `child` is for children and for whoever's age is disputed, whom the catalogue gives the role `child`
    (R-02); the anonymous one for what identifies nobody; a vital interest for the very items that it names.
    """
    identifying = not IDENTIFYING.isdisjoint(flags)
    match consent.route:
        case ConsentRoute.CHILD:
            return Role.CHILD in roles
        case ConsentRoute.VITAL_INTEREST:
            return identifying and items_cover(consent, data_type, flags)
        case ConsentRoute.ANONYMOUS:
            return not identifying
    return True


def chosen(
    consents: Iterable[Consent], data_type: str, flags: Collection[Flag], roles: Collection[Role]
) -> Consent | None:
    """On which of a person's consents a section about that person rests: the first that covers its items, else the
    first that fits. One is named also for what needs none, so that a withdrawal finds everything about the person.
    """
    able = [c for c in consents if fits(c, data_type, flags, roles)]
    covering = (c for c in able if items_cover(c, data_type, flags) and any(t == data_type for t, _ in c.items))
    return next(covering, able[0] if able else None)


def flaws(consent: Consent) -> list[str]:
    """What is wrong with terms that somebody wants to sign, each in one sentence; empty where nothing is."""
    found = []
    if not consent.purposes and consent.route is not ConsentRoute.ANONYMOUS:
        found.append("Name at least one purpose to which the person agreed.")
    if consent.expires <= consent.given:
        found.append("A consent ends after it was given.")
    if consent.expires - consent.given > lifetime(consent.route):
        longest = "a day" if consent.route is ConsentRoute.VITAL_INTEREST else "a year"
        found.append(f"A consent by the route {consent.route.value} lasts {longest} at most.")
    identifying = any(not IDENTIFYING.isdisjoint(flags) for _, flags in consent.items)
    if consent.route is ConsentRoute.ANONYMOUS and identifying:
        found.append("The anonymous route carries nothing that identifies, locates or exposes the person (R-26).")
    protects = {ConsentPurpose.SERVICES, ConsentPurpose.TRACING}
    if consent.route in (ConsentRoute.CHILD, ConsentRoute.VITAL_INTEREST) and not protects.issuperset(consent.purposes):
        found.append("Without the person's consent data serve protection and tracing alone (R-07).")
    if consent.route is ConsentRoute.VITAL_INTEREST and consent.recipient is None:
        found.append("A vital interest names one agency, and in it one person.")
    return found
