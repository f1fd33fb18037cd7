"""A small task force for tests: seven agencies, their contacts, and the messages they might send."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from messages.attestations import AttestedSection, Consent, ConsentForm, ConsentPurpose, ConsentRoute, Release
from messages.catalogue import load
from messages.directory import Agency, Contact, Directory, Mandate, Operator
from messages.ids import AgencyHandle, AgreementId, ContactHandle, MessageId
from messages.labels import (
    Basis,
    CrimeArea,
    EvidenceUse,
    Flag,
    HCode,
    Keeping,
    Kind,
    Lineage,
    Pap,
    PartyClass,
    Purpose,
    Role,
    Tlp,
    Urgency,
)
from messages.limits import DAY
from messages.manifest import Handling, Manifest
from policies.agreements import Agreement, Ceiling, Exchange, Validity
from policies.facts import Facts, gather

START = 1_767_225_600_000  # 2026-01-01T00:00Z
NOW = START + 100 * DAY
LATER = NOW + 60_000
CATALOGUE = load()
MESSAGE = MessageId(bytes.fromhex("00112233445546778899aabbccddeeff"))
CONSENT_ID = b"consent-0000-001"

_CLASSES = {
    "police": (PartyClass.POL, "AA"),
    "prosecutor": (PartyClass.PRO, "AA"),
    "labour": (PartyClass.LAB, "AA"),
    "border": (PartyClass.BOR, "AA"),
    "shelter": (PartyClass.NGO_S, "AA"),
    "rapporteur": (PartyClass.RAP, "AA"),
    "counterpart": (PartyClass.FOR, "BB"),
    "farpolice": (PartyClass.POL, "BB"),
}


def _handle(letter: str, name: str) -> str:
    return letter + (name + "a" * 12)[:12]


MANDATE = Mandate(
    start=START,
    end=START + 365 * DAY,
    areas=frozenset(CrimeArea),
    types=frozenset({"*"}),
    may_send=True,
    may_receive=True,
    exercise=True,
)
AGENCIES = {
    name: Agency(
        handle=AgencyHandle(_handle("a", name)),
        name=name,
        title=name.title(),
        party_class=party_class,
        country=country,
        nkey="U" + name,
    )
    for name, (party_class, country) in _CLASSES.items()
}
DESKS = {
    name: Contact(
        handle=ContactHandle(_handle("c", name)),
        name="duty-desk",
        title="Duty desk",
        agency=agency.handle,
        signing_key=name.encode().ljust(32, b"."),
        keeping=Keeping.PERSON,
        mandates=(MANDATE,),
    )
    for name, agency in AGENCIES.items()
}
DIRECTORY = Directory(
    agencies=tuple(AGENCIES.values()),
    contacts=tuple(DESKS.values()),
    operator=Operator(name="operator", nkey="U", workers=(), log_origin="op/log", log_vkey="op/log+1+a"),
)
MANIFEST = Manifest(
    id=MESSAGE,
    kind=Kind.EVIDENCE_TRANSFER,
    sender=DESKS["police"].handle,
    purpose=Purpose.INVESTIGATE,
    basis=Basis.LED_8,
    area=CrimeArea.LAB,
    handling=Handling(tlp=Tlp.AMBER_STRICT, h=HCode.H0, pap=Pap.AMBER),
    urgency=Urgency.NONE,
    lineage=Lineage.ORIGINAL,
    evidence_use=EvidenceUse.EVIDENCE,
    created=NOW,
    expires=NOW + 30 * DAY,
    exercise=False,
    epoch=1,
    checkpoint=None,
    digests=(),
)
SHIPPED = tuple(CATALOGUE.types)


def agreement(first: str, second: str, **changes: Any) -> Agreement:
    """Everything agreed in both directions, identities of every type included."""
    both = [
        Exchange(
            sender=a,
            recipient=b,
            types=SHIPPED,
            kinds=tuple(Kind),
            media=("application/json",),
            identity=SHIPPED,
        )
        for a, b in ((first, second), (second, first))
    ]
    whole = Agreement(
        id=AgreementId(f"{first}-{second}"),
        title="Everything",
        parties=(first, second),
        valid=Validity(start=date(2026, 1, 1), until=date(2026, 12, 31)),
        purposes=tuple(Purpose),
        bases=tuple(Basis),
        areas=tuple(CrimeArea),
        handling=Ceiling(max_tlp=Tlp.RED, h=tuple(HCode)),
        retention_days=365,
        exchange=tuple(both),
    )
    return whole.model_copy(update=changes)


@dataclass(frozen=True)
class Claimed:
    """A section as its sender describes it."""

    type: str = "A02"
    part: str = "identity"
    media: str = "application/json"
    roles: tuple[Role, ...] = (Role.VICTIM,)
    flags: tuple[Flag, ...] = (Flag.DIRECT, Flag.QUASI)


def attest(claim: Claimed, consent: bytes | None = None, **changes: Any) -> AttestedSection:
    """The guard finds what was claimed, but for `changes`."""
    found = AttestedSection(
        name="a02.1.identity",
        type=claim.type,
        part=claim.part,
        media=claim.media,
        roles=claim.roles,
        flags=claim.flags,
        consent=consent,
        digest=bytes(32),
        commitment=bytes(32),
    )
    return replace(found, **changes)


CONSENT = Consent(
    id=CONSENT_ID,
    collector=DESKS["police"].handle,
    purposes=(ConsentPurpose.SERVICES,),
    recipient=AGENCIES["shelter"].handle,
    party_class=None,
    items=(("A24", (Flag.DIRECT, Flag.LOCATION)), ("A22", (Flag.SENSITIVE,))),
    form=ConsentForm.WRITTEN,
    language="ro",
    interpreter=True,
    given=NOW - DAY,
    expires=NOW + 30 * DAY,
    route=ConsentRoute.CONSENT,
    paper=bytes(32),
)
RELEASE = Release(message=MESSAGE, manifest=bytes(32), recipient=DESKS["counterpart"].handle, at=NOW)


def facts(sender: str = "police", recipient: str = "prosecutor", **changes: Any) -> Facts:
    """Facts of one section from one duty desk to another; by default everything holds."""
    given: dict[str, Any] = {
        "manifest": MANIFEST,
        "sender": DESKS[sender],
        "sender_agency": AGENCIES[sender],
        "recipient": DESKS[recipient],
        "recipient_agency": AGENCIES[recipient],
        "claim": Claimed(),
        "attested": None,
        "agreement": agreement(sender, recipient) if sender != recipient else None,
        "catalogue": CATALOGUE,
        "admitted": LATER,
    }
    return gather(**{**given, **changes})
