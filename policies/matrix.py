"""Who may send what to whom: every ordered pair of agencies with every type, as rows for the officers' console.

A row says what is agreed and lawful at a moment between two agencies. It is a map, not a decision: mandates are
summed up over contacts, and what is asked of one message (guard, consent, release, purpose) is named as a condition.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from messages.catalogue.loader import Catalogue
from messages.directory import Agency, Directory
from messages.labels import Kind, PartyClass, Purpose
from policies import rights
from policies.agreements import Agreement, between
from policies.facts import ABROAD, BY_REFERRAL, NGO


class Identity(StrEnum):
    """Whether, and on what condition, a protected person's identity may go along."""

    NEVER = "never"
    RIGHT = "right"
    CONSENT = "with consent"
    RELEASE = "with release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One type in one direction under one agreement."""

    sender: str
    sender_class: PartyClass
    recipient: str
    recipient_class: PartyClass
    agreement: str
    data_type: str
    kinds: tuple[Kind, ...]
    media: tuple[str, ...]
    purposes: tuple[Purpose, ...]
    identity: Identity
    guard: bool  # the sender's release guard must attest every section
    release: bool  # protected persons' data need a second contact's release
    senders: tuple[str, ...]  # contacts with a mandate for it, by name
    recipients: tuple[str, ...]
    until: int

    @property
    def open(self) -> bool:
        """Whether anybody on both sides may use it at that moment."""
        return bool(self.kinds and self.senders and self.recipients)


def rows(directory: Directory, agreements: Iterable[Agreement], catalogue: Catalogue, moment: int) -> tuple[Row, ...]:
    """All rows in force at `moment`, sorted by sender, recipient, type and agreement."""
    agreed = tuple(agreements)
    found = [
        row
        for sender in directory.agencies
        for recipient in directory.agencies
        for agreement in between(agreed, sender.name, recipient.name, moment)
        for row in _rows(directory, agreement, catalogue, sender, recipient, moment)
    ]
    return tuple(sorted(found, key=lambda r: (r.sender, r.recipient, r.data_type, r.agreement, r.kinds)))


def _rows(
    directory: Directory, agreement: Agreement, catalogue: Catalogue, sender: Agency, recipient: Agency, moment: int
) -> Iterable[Row]:
    abroad = recipient.party_class in ABROAD or sender.country != recipient.country
    for exchange in agreement.exchanges(sender.name, recipient.name):
        for data_type in exchange.types:
            entry = catalogue.types.get(data_type)
            how = entry.receivers.get(recipient.party_class) if entry else None
            right = rights.load().right(data_type, recipient.party_class)
            if how is None and right is not rights.Right.RELEASE:
                continue  # agreed on paper, but agencies of this class do not receive the type
            kinds = tuple(
                k
                for k in exchange.kinds
                if data_type in catalogue.kinds[k].types and (how != "referral" or k in BY_REFERRAL)
            )
            identity = _identity(right, data_type in exchange.identity, sender, abroad)
            yield Row(
                sender=sender.name,
                sender_class=sender.party_class,
                recipient=recipient.name,
                recipient_class=recipient.party_class,
                agreement=agreement.id,
                data_type=data_type,
                kinds=kinds,
                media=exchange.media,
                purposes=agreement.purposes,
                identity=identity,
                guard=identity in (Identity.NEVER, Identity.CONSENT) or recipient.party_class in NGO,
                release=abroad,
                senders=mandated(directory, sender, data_type, agreement, moment, sending=True),
                recipients=mandated(directory, recipient, data_type, agreement, moment, sending=False),
                until=agreement.end,
            )


def _identity(right: rights.Right, listed: bool, sender: Agency, abroad: bool) -> Identity:
    if right is rights.Right.NEVER or not listed:
        return Identity.NEVER
    if right is rights.Right.CONSENT or sender.party_class in NGO:
        return Identity.CONSENT
    return Identity.RELEASE if abroad or right is rights.Right.RELEASE else Identity.RIGHT


def mandated(
    directory: Directory, agency: Agency, data_type: str, agreement: Agreement, moment: int, *, sending: bool
) -> tuple[str, ...]:
    names = []
    for contact in directory.contacts_of(agency.handle):
        mandate = contact.mandate_at(moment)
        if (
            mandate is not None
            and (mandate.may_send if sending else mandate.may_receive)
            and mandate.covers_type(data_type)
            and not mandate.areas.isdisjoint(agreement.areas)
        ):
            names.append(contact.name)
    return tuple(sorted(names))
