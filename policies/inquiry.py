"""A question about one section between two agencies, and the whole answer to it. Pure.

Permitted or refused, by which rules, how the facts stand that those rules look at, and what would have to change
(`policies.outlook`). Whoever asks passes the directory and the agreements that it may know of: asked over an agency's
own extract, the answer is the same whatever else the trust bundle holds, byte for byte (a law, tested).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from messages.catalogue import Catalogue
from messages.directory import Agency, Contact, Directory
from messages.errors import BadInput
from messages.labels import EvidenceUse, Flag, HCode, Kind, Purpose, Role, Tlp
from policies.agreements import Agreement, Agreements, nearest
from policies.cases import Case, Setting, facts_of, parts, shifted
from policies.decide import HOUSE, Decision, Engine, Rule
from policies.facts import COVER, Facts
from policies.outlook import Alternative, Outlook, outlook
from policies.words import BOOLEANS, Lever, about, state, type_name, words


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One section's decision with everything that a person needs to understand it."""

    section: str  # what it is about, in words
    sender: str
    recipient: str
    agreement: str  # the id of the one that the decision looked at, or ""
    facts: Facts
    outlook: Outlook
    rules: tuple[Rule, ...]
    because: tuple[str, ...]  # how the facts stand that the deciding rules look at, as sentences
    standing: tuple[Rule, ...]  # where nothing would help: the rules that stand

    @property
    def permitted(self) -> bool:
        """Whether the section may go."""
        return self.outlook.permitted

    def to_value(self) -> dict[str, Any]:
        """For programs: plain values, the same for the same answer."""
        return {
            "section": self.section,
            "from": self.sender,
            "to": self.recipient,
            "agreement": self.agreement or None,
            "decision": "permit" if self.permitted else "refuse",
            "rules": [{"id": r.id, "says": r.says, "source": r.source, "kind": r.kind} for r in self.rules],
            "because": list(self.because),
            "would_pass_if": [[{"says": c.says, "who": c.lever.value} for c in way] for way in self.outlook.ways],
            "nothing_helps": bool(self.standing),
            "standing": [{"id": r.id, "says": r.says, "source": r.source} for r in self.standing],
            "facts": facts_value(self.facts),
        }


def facts_value(facts: Facts) -> dict[str, Any]:
    """Facts as plain values."""
    plain: dict[str, Any] = {}
    for name in Facts.__dataclass_fields__:
        value = getattr(facts, name)
        plain[name] = (
            sorted(value) if isinstance(value, frozenset) else value if isinstance(value, bool) else str(value)
        )
    return plain


def answer(
    facts: Facts,
    engine: Engine,
    *,
    sender: str,
    recipient: str,
    agreement: str = "",
    alternatives: Iterable[Alternative] = (),
    redactable: bool = True,
) -> Answer:
    """The whole answer about facts that are known. Agencies by their names."""
    found = outlook(facts, engine, alternatives, sender=sender, recipient=recipient, redactable=redactable)
    rules = tuple(engine.rule(i) for i in found.decision.because)
    return Answer(
        section=subject(facts),
        sender=sender,
        recipient=recipient,
        agreement=agreement,
        facts=facts,
        outlook=found,
        rules=rules,
        because=tuple(_stated(facts, rules, found.decision, sender, recipient)),
        standing=tuple(engine.rule(i) for i in found.standing),
    )


def ask(
    case: Case, setting: Setting, engine: Engine, others: Sequence[Agreement] = (), found: Facts | None = None
) -> Answer:
    """The answer about a section that might be sent, or was, where `found` are the facts that were found of it.

    `others` are further agreements between the same two agencies.
    """
    facts = found if found is not None else facts_of(case, setting)
    return answer(
        facts,
        engine,
        sender=setting.sender_agency.name,
        recipient=setting.recipient_agency.name,
        agreement=setting.agreement.id if setting.agreement is not None else "",
        alternatives=alternatives(facts, case, setting, others),
        redactable=case.part not in _identity_parts(setting.catalogue, case.data_type),
    )


def alternatives(facts: Facts, case: Case, setting: Setting, others: Sequence[Agreement] = ()) -> Iterator[Alternative]:
    """What could be sent instead: another kind, part, purpose or marking, or under another agreement."""
    usual = facts_of(case, setting)

    def instead(
        axis: str, value: str, says: str, changed: Case, where: Setting = setting, lever: Lever = Lever.SENDER
    ) -> Alternative:
        return Alternative(axis, value, says, shifted(facts, usual, facts_of(changed, where)), lever)

    catalogue = setting.catalogue
    for kind in Kind:
        entry = catalogue.kinds.get(kind)
        carries = case.data_type == COVER or (entry is not None and case.data_type in entry.types)
        if kind is not case.kind and carries:
            yield instead("kind", kind, "it goes in a message of kind {value}", replace(case, kind=kind))
    for part in parts(catalogue, case.data_type):
        if part != case.part and part not in _identity_parts(catalogue, case.data_type):
            # Other content: what it would say of whom is for the guard to find.
            other = replace(case, part=part, flags=case.flags & {Flag.QUASI}, brings=case.brings | {"attested"})
            says = "{value} is sent instead, checked by the release guard"
            yield instead("part", f"the part {case.data_type}/{part}", says, other, lever=Lever.GUARD)
    for purpose in Purpose:
        if purpose is not case.purpose:
            yield instead("purpose", purpose, "it is given for {value}", replace(case, purpose=purpose))
    if setting.agreement is not None:
        ceiling = setting.agreement.handling
        for tlp in Tlp:
            if tlp.rank < case.tlp.rank and ceiling.admits(tlp, case.h):
                says = "its originator marks it {value}"
                yield instead("tlp", f"TLP:{tlp}", says, replace(case, tlp=tlp))
        for h in HCode:
            if h is not case.h and ceiling.admits(case.tlp, h):
                yield instead("h", h, "its originator puts it under {value}", replace(case, h=h))
        for basis in setting.agreement.bases:
            if basis is not case.basis:
                yield instead("basis", basis, "it rests on {value}", replace(case, basis=basis))
    for use, says in _EVIDENCE.items():
        if use is not case.evidence_use:
            yield instead("evidence", use, says, replace(case, evidence_use=use))
    for agreement in others:
        if setting.agreement is None or agreement.id != setting.agreement.id:
            says = "it goes under the agreement {value}"
            yield instead("agreement", agreement.id, says, case, replace(setting, agreement=agreement))


_EVIDENCE: Final = {
    EvidenceUse.INTELLIGENCE_ONLY: "it is given as intelligence only, not as evidence",
    EvidenceUse.EVIDENCE: "its sender lets it be used as evidence",
}


def _identity_parts(catalogue: Catalogue, data_type: str) -> frozenset[str]:
    entry = catalogue.types.get(data_type)
    return frozenset(p for p in entry.parts if entry.identity_part(p)) if entry is not None else frozenset()


def subject(facts: Facts) -> str:
    """What a section is and what it does to whom, in words."""
    if facts.data_type == COVER:
        return f"the cover, which {about(facts)}, in a message of kind {facts.kind}"
    return f"{type_name(facts.data_type)}, part {facts.part}, which {about(facts)}, in a message of kind {facts.kind}"


def _stated(facts: Facts, rules: Sequence[Rule], decision: Decision, sender: str, recipient: str) -> Iterator[str]:
    """Each fact that a deciding rule looks at and that pulls its way: for a refusal what is missing."""
    house = {r.id for r in HOUSE}
    looked_at = frozenset().union(*(r.looks_at for r in rules if r.id not in house)) if rules else frozenset()
    for name in BOOLEANS:
        eased = words(name).eased
        if name in looked_at and (getattr(facts, name) is eased) is decision.permitted:
            said = state(facts, name, sender, recipient)
            if said:
                yield said


# Between whom


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What whoever asks may know of: its extract of the trust bundle, or for officers the whole."""

    directory: Directory
    agreements: Agreements
    engine: Engine
    catalogue: Catalogue

    def agency(self, name: str) -> Agency:
        """The agency with this name or handle, or raise `BadInput` with the nearest name."""
        found = next((a for a in self.directory.agencies if name in (a.name, a.handle)), None)
        if found is None:
            known = sorted(a.name for a in self.directory.agencies)
            raise BadInput(f"There is no agency {name[:60]!r} in this trust bundle{nearest(name, known)}")
        return found

    def contact(self, address: str, moment: int, data_type: str, *, sending: bool) -> tuple[Agency, Contact]:
        """The contact at an address; of an agency's name alone the one that may most likely do it.

        Raises `BadInput` for a name that is none, and for an agency without contacts.
        """
        name, _, contact = address.partition("/")
        agency = self.agency(name)
        own = self.directory.contacts_of(agency.handle)
        if contact:
            found = next((c for c in own if contact in (c.name, c.handle)), None)
            if found is None:
                raise BadInput(
                    f"{agency.name} has no contact {contact[:60]!r}{nearest(contact, [c.name for c in own])}"
                )
            return agency, found
        if not own:
            raise BadInput(f"{agency.name} has no designated contacts yet.")

        def fitness(one: Contact) -> tuple[bool, bool]:
            mandate = one.mandate_at(moment)
            may = mandate is not None and (mandate.may_send if sending else mandate.may_receive)
            return may and mandate is not None and mandate.covers_type(data_type), may

        return agency, max(own, key=fitness)  # of equals the first


def between(
    known: Known, sender: str, recipient: str, data_type: str, moment: int, agreement: str = ""
) -> tuple[Setting, tuple[Agreement, ...]]:
    """The setting of a question by names, and all agreements in force between the two agencies.

    Without `agreement` the first that lists the type in this direction, or the first of all.
    """
    sending, giver = known.contact(sender, moment, data_type, sending=True)
    receiving, taker = known.contact(recipient, moment, data_type, sending=False)
    live = known.agreements.between(sending.name, receiving.name, moment)
    if agreement:
        chosen = known.agreements.get(agreement)
        if chosen is None:
            raise BadInput(f"There is no agreement {agreement[:60]!r} here{nearest(agreement, known.agreements)}")
    else:
        fitting = [a for a in live if any(data_type in e.types for e in a.exchanges(sending.name, receiving.name))]
        # One that has ended explains more than none: it says so by its date.
        ended = known.agreements.binding(sending.name, receiving.name)
        chosen = next(iter((*fitting, *live, *ended)), None)
    setting = Setting(
        sender=giver,
        sender_agency=sending,
        recipient=taker,
        recipient_agency=receiving,
        agreement=chosen,
        catalogue=known.catalogue,
        moment=moment,
    )
    return setting, live


def favourable(case_type: str, setting: Setting, chosen: Mapping[str, Any]) -> Case:
    """A case with what was chosen, and for the rest what agreement and catalogue make most likely to pass."""
    agreement, catalogue = setting.agreement, setting.catalogue
    sender, recipient = setting.sender_agency.name, setting.recipient_agency.name
    ways = agreement.exchanges(sender, recipient) if agreement is not None else []
    agreed = [e for e in ways if case_type in (COVER, *e.types)] or list(ways)
    carrying = [k for k in Kind if case_type == COVER or case_type in catalogue.kinds[k].types]
    given = {k: v for k, v in chosen.items() if v is not None}
    if "part" not in given:
        found = parts(catalogue, case_type)
        named = given.get("flags")
        identity = [p for p in found if p in _identity_parts(catalogue, case_type)]
        given["part"] = next(iter((*(identity if named else ()), *found)), case_type)
    kinds = [k for e in agreed for k in e.kinds if k in carrying] or carrying or [Kind.INTEL_REPORT]
    if agreement is not None:
        given.setdefault("purpose", agreement.purposes[0])
        given.setdefault("basis", agreement.bases[0])
        mandate = setting.recipient.mandate_at(setting.moment)
        both = [a for a in agreement.areas if mandate is not None and a in mandate.areas]
        given.setdefault("area", (both or list(agreement.areas))[0])
        given.setdefault("h", agreement.handling.h[0])
        given.setdefault("tlp", min(agreement.handling.max_tlp, Tlp.AMBER, key=lambda t: t.rank))
        media = [m for e in agreed for m in e.media]
        given.setdefault("media", media[0] if media else "application/json")
    entry = catalogue.types.get(case_type)
    if not given.get("roles") and entry is not None and not entry.role.none:
        given["roles"] = frozenset({entry.role.fixed or Role.VICTIM})  # in doubt it is a victim's
    if "kind" in given:
        return Case(data_type=case_type, **given)
    tried = [Case(data_type=case_type, kind=kind, **given) for kind in kinds]
    return max(tried, key=lambda case: _favour(facts_of(case, setting)))  # of equals the first


def _favour(facts: Facts) -> int:
    return sum(getattr(facts, name) is words(name).eased for name in BOOLEANS)
