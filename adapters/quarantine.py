"""Words that seem to identify somebody who may not be known here: kept aside, reported, released by a named person.

`adapters.guarding.arriving` finds them each time that a view is opened; this module keeps what was found and who
released it, and makes and checks the signed reports. The sender gets the report itself, the log a record of it; neither
has a word of what was kept aside. What is kept aside is never erased: it stays sealed in its view.
"""

from dataclasses import replace
from typing import Final

from adapters.guarding import arriving
from adapters.home import ContactKeys
from adapters.journal import Aside, Incoming, Journal, Leak
from adapters.promised import record_of
from adapters.receiving import Opened
from audit.record import LEAK_RELEASED, LEAK_SUSPECTED, ActRecord
from keys.domains import Tag
from keys.signing import verify
from messages import wire
from messages.catalogue import Catalogue
from messages.directory import Bundle
from messages.errors import BadInput, NotPermitted, Unverified
from messages.ids import ContactHandle, ViewId
from messages.labels import Keeping
from messages.leaks import LeakDelivery, LeakGround, LeakPlace, LeakReport

WARNING: Final = (
    "Words in {} are kept aside: they seem to identify somebody ({}). Everything else is shown. "
    "See: safeconduct quarantine show {}"
)


def screened(opened: Opened, view: str, journal: Journal, catalogue: Catalogue) -> Opened:
    """The view with what has to be kept aside taken out, unless a person released it; without a trace.

    Only what a release guard sealed is looked at: whoever has identity rights may read who somebody is.
    """
    if not opened.guarded or any(a.released is not None for a in journal.asides(view)):
        return opened
    looked = arriving.look(opened.manifest.kind, opened.sections, opened.details, catalogue)
    if not looked.found:
        return opened
    places = tuple(LeakPlace(f.section, f.place, f.kind) for f in looked.found)
    named = ", ".join(sorted({p.section for p in places}))
    kinds = ", ".join(sorted({p.kind for p in places}))
    warning = WARNING.format(named, kinds, view[:12])
    return replace(opened, sections=looked.sections, aside=places, warnings=(*opened.warnings, warning))


def report(opened: Opened, incoming: Incoming, keys: ContactKeys, now: int, released: Aside | None = None) -> bytes:
    """The signed report: that these words are kept aside, or that they were released, by whom and on which ground."""
    said = LeakReport(
        message=opened.manifest.id,
        view_id=ViewId(incoming.view),
        view=opened.view_digest,
        sender=opened.sender.handle,
        recipient=keys.contact.handle,
        by=ContactHandle(released.by) if released is not None and released.by is not None else None,
        ground=released.ground if released is not None else None,
        places=released.places if released is not None else opened.aside,
        at=now,
    )
    return keys.signer.sign(Tag.LEAK, said.to_bytes()).to_bytes()


def released(view: str, by: ContactKeys, agency: str, ground: LeakGround, journal: Journal, now: int) -> Aside:
    """What is kept aside of a view, with who releases it and why; or raise what keeps that person from it."""
    if by.contact.agency != agency or by.contact.keeping is not Keeping.PERSON or by.contact.mandate_at(now) is None:
        raise NotPermitted(
            "What was kept aside is released by a person of ours with a mandate in force, unlocked by that person; "
            "see --by."
        )
    for aside in journal.asides(view):
        if aside.released is None:
            return replace(aside, by=by.contact.handle, ground=ground, released=now)
    raise BadInput("Nothing of this message is kept aside; see: safeconduct quarantine list")


def heard(data: bytes, to: ContactHandle, bundle: Bundle, journal: Journal) -> Leak:
    """What a recipient says of a message of ours, checked: by whom we sent it to, of a message that we sent.

    Raises the `RemoteError` that says what does not hold.
    """
    delivery = LeakDelivery.from_bytes(data)
    said = LeakReport.from_bytes(delivery.leak.body)
    contact = bundle.directory.contact(delivery.leak.by)
    if contact is None:
        raise Unverified("The report of a leak is by nobody whom we know.")
    verify(delivery.leak, Tag.LEAK, contact.key_at(said.at))
    sent = journal.sent(said.message)
    if said.recipient != contact.handle or said.sender != to or sent is None:
        raise Unverified("The report of a leak is about no message of ours.")
    if contact.handle not in wire.decode(sent.data).grants:
        raise Unverified("The report of a leak is by somebody to whom we did not send that message.")
    record = record_of(delivery.record, "report of a leak")
    if not isinstance(record, ActRecord) or (record.act, record.subject, record.recipient, record.view) != (
        LEAK_SUSPECTED if said.ground is None else LEAK_RELEASED,
        said.message,
        said.recipient,
        said.view,
    ):
        raise Unverified("The record that came with a report of a leak is about something else.")
    return Leak(message=said.message, recipient=said.recipient, ground=said.ground, places=said.places, at=said.at)
