"""What officers may decide, as functions from one content of the trust bundle to the next. Pure; each checks its input.

Nothing is ever taken out: a mandate ends or is revoked, a key becomes a former one, an agreement runs out. `remembers`
says so of any two contents, whoever made them. Who decided a mandate, and in which epoch, is written into it here.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import ValidationError

from keys import statements
from keys.content import Content
from messages import alarms
from messages.directory import Agency, AlarmAddress, Contact, FormerKey, KeyStatement, Mandate, Officer, Span, Witness
from messages.errors import BadInput, Malformed, NotPermitted
from messages.ids import ContactHandle, OfficerHandle, contact_handle

FAR: Final = 2**52
"""The end of a suspension that nobody has ended yet."""


@dataclass(frozen=True, slots=True)
class Hand:
    """Who decides, for which epoch, and when."""

    signers: tuple[OfficerHandle, ...]
    epoch: int
    at: int

    def grants(self, mandate: Mandate) -> Mandate:
        """The mandate as these two grant it."""
        return mandate.model_copy(update={"granted_by": self.signers, "granted_in": self.epoch})


def address(content: Content, contact: Contact) -> str:
    """The address people use for a contact."""
    return f"{content.agencies[contact.agency].name}/{contact.name}"


def contacts(content: Content) -> list[Contact]:
    """All of them."""
    return [c for own in content.contacts.values() for c in own]


def find_contact(content: Content, wanted: str) -> Contact:
    """The contact at an address or with a handle, or raise `BadInput` naming those there are."""
    for contact in contacts(content):
        if wanted in (contact.handle, address(content, contact)):
            return contact
    known = ", ".join(sorted(address(content, c) for c in contacts(content))[:20])
    raise BadInput(f"There is no contact {wanted!r}; known are: {known or 'none yet'}.")


def find_agency(content: Content, wanted: str) -> Agency:
    """The agency with a name or a handle, or raise `BadInput` naming those there are."""
    for agency in content.agencies.values():
        if wanted in (agency.handle, agency.name):
            return agency
    known = ", ".join(sorted(a.name for a in content.agencies.values())[:20])
    raise BadInput(f"There is no agency {wanted!r}; known are: {known or 'none yet'}.")


def find_officer(content: Content, wanted: str) -> Officer:
    """The officer with a handle or a title, or raise `BadInput` naming those there are."""
    found = [o for o in content.officers if wanted in (o.handle, o.title)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{o.handle} ({o.title})" for o in content.officers)
    raise BadInput(f"There is no one officer {wanted!r}; known are: {known}.")


# Agencies


def add_agency(content: Content, agency: Agency) -> Content:
    """A new agency, without contacts. Raises `BadInput` where its name is taken."""
    if agency.handle in content.agencies:
        raise BadInput("This agency is enrolled already.")
    if any(a.name == agency.name for a in content.agencies.values()):
        raise BadInput(f"There is an agency {agency.name} already; the new one needs another name.")
    return _whole(content.with_agency(agency))


def retire_agency(content: Content, agency: Agency, hand: Hand) -> Content:
    """Nobody logs in for this agency any longer, and all mandates of its contacts end now."""
    if agency.retired is not None:
        raise BadInput(f"{agency.name} is retired already.")
    ended = [_revoked(c, hand.at) for c in content.contacts.get(agency.handle, ())]
    changed = content.with_agency(agency.model_copy(update={"retired": hand.at}))
    return _whole(changed.with_contacts(agency.handle, ended))


def replace_head(content: Content, agency: Agency, head: Officer | None, hand: Hand) -> Content:
    """Another head for an agency, or none.

    Mandates that the former one granted are granted again by those who sign now: a mandate has to name two people that
    its reader knows, and a former head's name is kept in the epochs before.
    """
    if head is not None and agency.head is not None and head.key == agency.head.key:
        raise BadInput(f"This is the head that {agency.name} has.")
    former = agency.head.handle if agency.head is not None else None
    own = []
    for contact in content.contacts.get(agency.handle, ()):
        mandates = tuple(hand.grants(m) if former in m.granted_by else m for m in contact.mandates)
        own.append(contact.model_copy(update={"mandates": mandates}))
    changed = content.with_agency(agency.model_copy(update={"head": head}))
    return _whole(changed.with_contacts(agency.handle, own))


# Contacts


def add_contact(content: Content, contact: Contact, mandate: Mandate, hand: Hand) -> Content:
    """A new contact with its first mandate. Raises `BadInput` where its agency is unknown or its name is taken."""
    agency = content.agencies.get(contact.agency)
    if agency is None:
        raise BadInput("The contact's agency is not enrolled; add the agency first.")
    if agency.retired is not None:
        raise BadInput(f"{agency.name} is retired; nobody joins it.")
    if any(c.handle == contact.handle for c in contacts(content)):
        raise BadInput(f"{address(content, contact)} is enrolled already; to change its mandate use: bundle mandate")
    if any(c.name == contact.name for c in content.contacts.get(agency.handle, ())):
        raise BadInput(f"There is a contact {agency.name}/{contact.name} already; the new one needs another name.")
    new = contact.model_copy(update={"mandates": (_checked(content, contact, mandate, hand),)})
    return _whole(content.with_contacts(agency.handle, [*content.contacts.get(agency.handle, ()), new]))


def give_mandate(content: Content, contact: Contact, mandate: Mandate, hand: Hand) -> Content:
    """A new mandate in place of those that would hold beside it: they end where it begins."""
    new = _checked(content, contact, mandate, hand)
    before = []
    for old in contact.mandates:
        if old.revoked is None and old.deputy_for == new.deputy_for and old.end > new.start:
            ends = {"end": new.start} if old.start < new.start else {"revoked": min(old.start, hand.at)}
            before.append(old.model_copy(update=ends))
        else:
            before.append(old)
    return _changed(content, contact, {"mandates": (*before, new)})


def revoke(content: Content, contact: Contact, moment: int) -> Content:
    """No mandate of this contact holds from `moment` on, nor may it log in."""
    ended = _revoked(contact, moment)
    if ended == contact:
        raise BadInput(f"{address(content, contact)} has no mandate that holds after that moment.")
    return _changed(content, contact, {"mandates": ended.mandates})


def suspend(content: Content, contact: Contact, span: Span) -> Content:
    """The contact's mandates rest during `span`, and it cannot log in."""
    if any(s.start < span.end and span.start < s.end for s in contact.suspended):
        raise BadInput(f"{address(content, contact)} is suspended then already.")
    return _changed(content, contact, {"suspended": (*contact.suspended, span)})


def resume(content: Content, contact: Contact, hand: Hand) -> Content:
    """A suspension ends now. That gives back what was taken, so two people decide it like a mandate."""
    if not any(s.holds(hand.at) for s in contact.suspended):
        raise BadInput(f"{address(content, contact)} is not suspended.")
    spans = [
        s.model_copy(update={"end": max(hand.at, s.start + 1)}) if s.holds(hand.at) else s for s in contact.suspended
    ]
    return _changed(content, contact, {"suspended": tuple(spans)})


def stand_in(content: Content, deputy: Contact, span: Span, hand: Hand) -> Content:
    """The deputy has duty during `span`, while the contact it stands in for is away."""
    last = max((m.end for m in deputy.mandates if m.deputy_for is not None and m.revoked is None), default=None)
    if last is None:
        raise BadInput(f"{address(content, deputy)} is nobody's deputy; give it a mandate with --deputy-for first.")
    if last <= span.start:
        raise BadInput(f"The deputy's mandate of {address(content, deputy)} has ended by then.")
    mandates = [
        hand.grants(m.model_copy(update={"absences": (*m.absences, span)}))
        if m.deputy_for is not None and m.revoked is None and m.start < span.end and span.start < m.end
        else m
        for m in deputy.mandates
    ]
    return _changed(content, deputy, {"mandates": tuple(mandates)})


def rotate(content: Content, old: Contact, new: Contact, hand: Hand, *, vouched: bool) -> Content:
    """Other keys for a contact: `new` is what its request says.

    `vouched` says whether the old key signed the request. Where it is lost, the head of the contact's agency has to be
    one of the two who sign: two officers alone cannot hand somebody's name to another key.
    """
    agency = content.agencies[old.agency]
    if (new.handle, new.agency, new.name) != (old.handle, old.agency, old.name):
        raise BadInput("The request is another contact's.")
    if new.signing_key == old.signing_key:
        raise BadInput("The request brings no new signing key.")
    if not vouched and (agency.head is None or agency.head.handle not in hand.signers):
        raise NotPermitted(
            "The request is not signed by the contact's present key; where that is lost, the agency's head has to be "
            "one of the two who sign, or the contact is revoked and enrolled anew."
        )
    began = max((f.end for f in old.former_keys), default=0)
    numbers = {s.number for s in old.statements}
    if any(s.number in numbers for s in new.statements):
        raise BadInput("The request brings an encryption key under a number that was used; ask for a new request.")
    return _changed(
        content,
        old,
        {
            "signing_key": new.signing_key,
            "nkey": new.nkey,
            "former_keys": (*old.former_keys, FormerKey(key=old.signing_key, start=began, end=hand.at)),
            "statements": (*new.statements, *old.statements),
        },
    )


def take_statements(content: Content, stated: Mapping[ContactHandle, Sequence[KeyStatement]]) -> Content:
    """The encryption keys that contacts stated since the last epoch, as the broker accepted them.

    Each is held against its contact's signing keys; `Unverified` where one does not hold.
    """
    lists = {}
    for agency, own in content.contacts.items():
        lists[agency] = tuple(_stated(c, stated.get(c.handle, ())) for c in own)
    return _whole(replace(content, contacts=lists))


def stated_line(contact: ContactHandle, statement: KeyStatement) -> bytes:
    """An accepted statement as one line of the file that the broker keeps for the officers."""
    return json.dumps({"contact": contact, "signed": statement.signed.hex()}).encode() + b"\n"


def read_stated(data: bytes) -> dict[ContactHandle, list[KeyStatement]]:
    """The lines of such a file, or raise `Malformed`."""
    found: dict[ContactHandle, list[KeyStatement]] = {}
    try:
        for line in data.splitlines():
            value = json.loads(line)
            statement = statements.read(bytes.fromhex(value["signed"]))
            found.setdefault(contact_handle(value["contact"]), []).append(statement)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Malformed("The file of stated encryption keys cannot be read; copy it from the broker again.") from None
    return found


def _stated(contact: Contact, new: Sequence[KeyStatement]) -> Contact:
    known = {s.number for s in contact.statements}
    fresh = sorted((s for s in new if s.number not in known), key=lambda s: s.number, reverse=True)
    if not fresh:
        return contact
    for statement in fresh:
        statements.check(contact, statement)
    return contact.model_copy(update={"statements": (*fresh, *contact.statements)})


def _checked(content: Content, contact: Contact, mandate: Mandate, hand: Hand) -> Mandate:
    who = f"{content.agencies[contact.agency].name}/{contact.name}"
    if mandate.end <= mandate.start:
        raise BadInput(f"The mandate of {who} ends before it begins.")
    if not mandate.areas or not mandate.types or not (mandate.may_send or mandate.may_receive):
        raise BadInput(f"A mandate names crime areas, data types, and whether {who} may send or receive.")
    if mandate.deputy_for is not None:
        principal = find_contact(content, mandate.deputy_for)
        if principal.agency != contact.agency or principal.handle == contact.handle:
            raise BadInput("A deputy stands in for another contact of its own agency.")
    return hand.grants(mandate)


def _revoked(contact: Contact, moment: int) -> Contact:
    mandates = [
        m.model_copy(update={"revoked": moment}) if m.end > moment and (m.revoked is None or m.revoked > moment) else m
        for m in contact.mandates
    ]
    return contact.model_copy(update={"mandates": tuple(mandates)})


def _changed(content: Content, contact: Contact, update: Mapping[str, object]) -> Content:
    changed = Contact.model_validate({**dict(contact), **update})
    own = [changed if c.handle == contact.handle else c for c in content.contacts[contact.agency]]
    return _whole(content.with_contacts(contact.agency, own))


# Officers and agreements


def replace_officer(content: Content, officer: Officer, new: Officer | None, hand: Hand) -> Content:
    """An officer's office ends now; `new` takes it over. The root has to change with it."""
    if officer.end <= hand.at:
        raise BadInput(f"{officer.title} is no longer in office.")
    if officer.start >= hand.at:
        raise BadInput(f"{officer.title} has not come into office yet.")
    officers = [o.model_copy(update={"end": hand.at}) if o.handle == officer.handle else o for o in content.officers]
    if new is not None:
        officers.append(new.model_copy(update={"start": min(new.start, hand.at)}))
    return _whole(replace(content, officers=tuple(officers)))


def in_office(content: Content, moment: int) -> tuple[Officer, ...]:
    """The officers at that moment."""
    return tuple(o for o in content.officers if o.start <= moment < o.end)


def add_agreement(content: Content, name: str, text: str) -> Content:
    """A sharing agreement under a file name of its own; it was read before by `policies.agreements`."""
    if name in content.agreements:
        raise BadInput(f"There is an agreement {name} already; an agreement is never replaced, only ended.")
    return replace(content, agreements={**content.agreements, name: text})


def end_agreement(content: Content, name: str, text: str) -> Content:
    """The same agreement with an earlier last day; the caller has made `text` and read it."""
    if name not in content.agreements:
        raise BadInput(f"There is no agreement {name}; there are: {', '.join(sorted(content.agreements)) or 'none'}.")
    return replace(content, agreements={**content.agreements, name: text})


WITNESSES: Final = 7  # more are no safer, and each has to be asked after


def add_witness(content: Content, witness: Witness) -> Content:
    """One more witness of the log; the caller has read its key, and that it is nobody else's."""
    if any(w.label == witness.label or w.vkey == witness.vkey for w in content.witnesses):
        raise BadInput(f"{witness.label} is a witness already.")
    if len(content.witnesses) >= WITNESSES:
        raise BadInput(
            f"A task force names at most {WITNESSES} witnesses; end one first: safeconduct bundle end-witness"
        )
    return replace(content, witnesses=(*content.witnesses, witness))


def add_alarm(content: Content, to: str, *, outside: bool) -> Content:
    """One more address to which alarms go."""
    known = content.operator.alarms or ()
    if any(address.to == to for address in known):
        raise BadInput("Alarms go to that address already.")
    if len(known) >= alarms.MOST:
        raise BadInput(f"Alarms go to {alarms.MOST} addresses at most; end one first: safeconduct bundle end-alarm")
    try:
        added = AlarmAddress(to=to, outside=outside)
    except ValidationError as error:
        raise BadInput(f"{str(error.errors()[0]['msg']).removeprefix('Value error, ').capitalize()}.") from None
    return replace(content, operator=content.operator.model_copy(update={"alarms": (*known, added)}))


def end_alarm(content: Content, to: str) -> Content:
    """Without this address."""
    known = content.operator.alarms or ()
    rest = tuple(address for address in known if address.to != to)
    if len(rest) == len(known):
        raise BadInput("Alarms do not go to that address.")
    return replace(content, operator=content.operator.model_copy(update={"alarms": rest or None}))


def end_witness(content: Content, label: str) -> Content:
    """Without the witness of this label; what it cosigned stays provable by the epochs in which it stood."""
    rest = tuple(w for w in content.witnesses if w.label != label)
    if len(rest) == len(content.witnesses):
        there = ", ".join(w.label for w in content.witnesses) or "none"
        raise BadInput(f"There is no witness {label}; there are: {there}.")
    return replace(content, witnesses=rest)


def _whole(content: Content) -> Content:
    """The content, if its directory holds together: no name, handle, login or key twice."""
    try:
        content.directory()
    except Malformed as error:
        raise BadInput(str(error)) from None
    return content


# What every content must keep of the one before


def remembers(before: Content, after: Content, hand: Hand) -> None:
    """Raise `BadInput` where `after` forgets something of `before`, or widens a mandate that these two did not grant.

    Whoever holds a message that was signed under an ended mandate has to be able to prove it years later.
    """
    _keep("an agency", {h: a.name for h, a in before.agencies.items()}, {h: a.name for h, a in after.agencies.items()})
    _keep("an agreement", dict.fromkeys(before.agreements), dict.fromkeys(after.agreements))
    _keep("an officer", {o.handle: o.key for o in before.officers}, {o.handle: o.key for o in after.officers})
    old_contacts = {c.handle: c for c in contacts(before)}
    new_contacts = {c.handle: c for c in contacts(after)}
    _keep(
        "a contact",
        {h: (c.agency, c.name) for h, c in old_contacts.items()},
        {h: (c.agency, c.name) for h, c in new_contacts.items()},
    )
    for whose, new in new_contacts.items():
        _remembers_contact(old_contacts.get(whose), new, hand)
    for handle, agency in after.agencies.items():
        known = before.agencies.get(handle)
        if known is not None and not {g.key for g in known.guards} <= {g.key for g in agency.guards}:
            raise BadInput(f"The proposal forgets a release guard of {agency.name}; end it instead.")


def _remembers_contact(old: Contact | None, new: Contact, hand: Hand) -> None:
    kept = list(old.mandates) if old is not None else []
    for mandate in new.mandates:
        before = next((m for m in kept if mandate == m), None) or next((m for m in kept if _narrows(m, mandate)), None)
        if before is not None:
            kept.remove(before)
        elif (mandate.granted_by, mandate.granted_in) != (hand.signers, hand.epoch):
            raise BadInput("The proposal holds a mandate that names others than those who are to sign it.")
        else:
            same = next((m for m in kept if (m.start, m.deputy_for) == (mandate.start, mandate.deputy_for)), None)
            if same is not None:
                kept.remove(same)
    if kept:
        raise BadInput(f"The proposal forgets a mandate of {new.name}; end or revoke it instead.")
    if old is None:
        return
    keys = {f.key for f in new.former_keys}
    if old.signing_key != new.signing_key and old.signing_key not in keys:
        raise BadInput(f"The proposal forgets the signing key that {new.name} had.")
    if not set(old.former_keys) <= set(new.former_keys) or not set(old.statements) <= set(new.statements):
        raise BadInput(f"The proposal forgets a key of {new.name}.")
    if any(s.start not in {n.start for n in new.suspended} for s in old.suspended):
        raise BadInput(f"The proposal forgets that {new.name} was suspended.")


def _narrows(old: Mandate, new: Mandate) -> bool:
    """Whether `new` is `old` with an earlier end or a revocation, as it was granted then."""
    ends = {"end": old.end, "revoked": old.revoked}
    earlier = new.end <= old.end and (
        new.revoked == old.revoked or (new.revoked is not None and (old.revoked is None or new.revoked < old.revoked))
    )
    return earlier and new.model_copy(update=ends) == old


def _keep(what: str, old: Mapping[Any, object], new: Mapping[Any, object]) -> None:
    for key, value in old.items():
        if key not in new:
            raise BadInput(f"The proposal forgets {what}; end it instead.")
        if new[key] != value:
            raise BadInput(f"The proposal turns {what} into another one.")
