"""An agreement in plain words, for the person who is to sign it or to work under it. Pure.

Everything that the text says is said here, and nothing that it does not: what may go, to whom, with or without
identities, what for, on which law, how it has to be handled, until when, and how long it may be kept.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from messages.catalogue import load
from messages.labels import Basis, CrimeArea, Purpose
from policies.agreements import Agreement, Exchange
from policies.words import TLP, H, kind_name, listed, type_name

PURPOSES: Mapping[Purpose, str] = {
    Purpose.PREVENT: "to prevent crime",
    Purpose.INVESTIGATE: "to investigate",
    Purpose.PROSECUTE: "to prosecute",
    Purpose.EXECUTE_SENTENCE: "to execute a sentence",
    Purpose.PROTECT_VICTIM: "to protect victims",
    Purpose.TRACE_PERSON: "to trace a person",
    Purpose.RECOVER_ASSET: "to recover assets",
    Purpose.STATISTICS: "for statistics",
    Purpose.AUDIT: "for audit",
}
AREAS: Mapping[CrimeArea, str] = {
    CrimeArea.SEX: "sexual exploitation",
    CrimeArea.LAB: "labour exploitation",
    CrimeArea.CRIM: "forced criminality",
    CrimeArea.BEG: "forced begging",
    CrimeArea.ORG: "organ removal",
    CrimeArea.OTH: "other trafficking",
}


def paragraphs(agreement: Agreement, titles: Mapping[str, str] | None = None) -> list[str]:
    """The agreement as a few paragraphs. `titles` are the agencies' own names in words, where they are known."""
    named = {name: (titles or {}).get(name, name) for name in agreement.parties}
    first, second = agreement.parties
    said = [
        f"{agreement.title} ({agreement.id}). It holds between {named[first]} and {named[second]} from "
        f"{agreement.valid.start} until {agreement.valid.until}, both days included.",
        *(_way(e, named) for e in agreement.exchange),
    ]
    for sender, recipient in ((first, second), (second, first)):
        if not agreement.exchanges(sender, recipient):
            said.append(f"{named[sender]} sends {named[recipient]} nothing under it.")
    said += [
        f"What is given serves {listed([f'{PURPOSES[p]} ({p})' for p in agreement.purposes], 'or')}, and nothing else. "
        f"It is about {listed([f'{AREAS[a]} ({a})' for a in agreement.areas])}, and rests on "
        f"{listed([_basis(b) for b in agreement.bases], 'or')}.",
        f"It is marked at most TLP:{agreement.handling.max_tlp} ({TLP[agreement.handling.max_tlp]}), with "
        f"{listed([f'{h} ({H[h]})' for h in agreement.handling.h], 'or')}.",
        f"The recipient deletes it {agreement.retention_days} days after it was given.",
    ]
    if agreement.joint_team:
        said.append("It is the agreement of a joint investigation team: what is marked JIT may go under it.")
    return said


def text(agreement: Agreement, titles: Mapping[str, str] | None = None) -> str:
    """The same as one text, paragraphs apart."""
    return "\n\n".join(paragraphs(agreement, titles))


_NET: Final = (
    " Words from which identities are taken out go only once the named-entity model has looked for other people's "
    "names."
)


def _way(exchange: Exchange, named: Mapping[str, str]) -> str:
    return (
        f"{named[exchange.sender]} may send {named[exchange.recipient]} {_types(exchange.types)}, in messages of "
        f"kind {listed([kind_name(k) for k in exchange.kinds], 'or')}, as {listed(list(exchange.media), 'or')}. "
        f"{_identities(exchange)}{_NET if exchange.net else ''}"
    )


def _types(types: Sequence[str]) -> str:
    return listed([type_name(t) for t in types])


def _identities(exchange: Exchange) -> str:
    rest = [t for t in exchange.types if t not in exchange.identity]
    if not exchange.identity:
        return "Nothing in it may name, locate or expose a protected person."
    if not rest:
        return "It may name, locate and expose protected persons, where the rules allow that too."
    return (
        f"Protected persons may be named, located and exposed in {_types(exchange.identity)}, where the rules allow "
        f"that too; in {listed(rest)} they may not."
    )


def _basis(basis: Basis) -> str:
    said = load().codes["lawful-bases"].codes.get(basis, "")
    return f"{basis} ({said})" if said else str(basis)
