"""Threads: what a message draws on, what it is in a workflow, and the papers that others signed for us.

A thread is a random-looking reference that each agency gives its counterpart (`keys.pseudonyms.reference`); whoever
answers returns it, so both know what belongs together and nobody else can tell. The journal notes every message as a
step of its thread, in codes; the state of a workflow is what its steps make of it. Nothing here sends anything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from adapters.journal import Journal, Step
from adapters.receiving import Opened
from keys.domains import Tag
from messages import workflows
from messages.attestations import Acceptance, Papers, Permission
from messages.catalogue import Catalogue
from messages.clocks import Pause, due, working_days
from messages.directory import Directory
from messages.envelope import COVER
from messages.errors import ContentRefused
from messages.ids import AgencyHandle
from messages.labels import Kind, Lineage, Urgency
from messages.limits import DAY
from messages.signed import Signed
from messages.workflows.machine import Machine
from policies.agreements import Agreement
from policies.facts import ACCEPTED_WITHIN
from policies.inherit import Source

UNKNOWN_THREAD: Final = (
    "It says that it answers a message of ours, and its thread is none that we began with its sender."
)


def cover_of(opened: Opened) -> Mapping[str, Any]:
    """The cover of an opened message; empty where it was withheld."""
    cover = opened.sections.get(COVER)
    return cover if isinstance(cover, Mapping) else {}


def objects_of(opened: Opened) -> list[Mapping[str, Any]]:
    """The sections of an opened message that are parts of objects, each with its type."""
    return [value for name, value in sorted(opened.sections.items()) if name != COVER and isinstance(value, Mapping)]


def source_of(
    view: str, opened: Opened, received: int, agreements: Mapping[str, Agreement], directory: Directory
) -> Source:
    """What an opened message binds to whoever draws on it."""
    agreement = agreements.get(opened.agreement)
    kept = [_end_of_day(d) for o in objects_of(opened) if (d := _delete_on(o)) is not None]
    if agreement is not None:
        kept.append(received + agreement.retention_days * DAY)
    marks = {m for o in objects_of(opened) for m in o.get("originator_conditions", ()) if isinstance(m, str)}
    handling = opened.manifest.handling
    marks |= {c.value for c in handling.caveats} | {f"REL-TO-{country}" for country in handling.rel_to}
    return Source(
        view=view,
        manifest=opened.manifest,
        agency=opened.sender.agency,
        address=directory.address(opened.sender),
        thread=opened.thread,
        delete_by=min(kept, default=received),  # no agreement any more: nothing says that it may be kept
        conditions=str(cover_of(opened).get("conditions", "")),
        marks=tuple(sorted(marks)),
    )


def _delete_on(obj: Mapping[str, Any]) -> str | None:
    handling = obj.get("handling")
    found = handling.get("delete_on") if isinstance(handling, Mapping) else None
    return found if isinstance(found, str) else None


def _end_of_day(day: str) -> int:
    """The end of a day, of the first one where only month or year is said: in doubt the earlier."""
    year, month, date = (*(int(part) for part in day.split("-")), 1, 1)[:3]
    return round(datetime(year, month, date, tzinfo=UTC).timestamp() * 1000) + DAY


def check_reply(opened: Opened, journal: Journal, expected: bytes | None) -> None:
    """Raise `ContentRefused` where a reply's thread is none that we know; `expected` is the one of what it names."""
    if opened.manifest.lineage is not Lineage.REPLY:
        return
    if opened.thread != expected and not journal.knows_thread(opened.sender.agency, opened.thread):
        raise ContentRefused(UNKNOWN_THREAD)


def incoming_step(view: str, opened: Opened, received: int) -> Step:
    """The step that a received message is."""
    objects = objects_of(opened)
    sealed = any(
        opened.details[n].part == "sealed" and opened.details[n].type == "A24"
        for n in opened.sections
        if n in opened.details
    )
    return Step(
        message=opened.manifest.id,
        agency=opened.sender.agency,
        outgoing=False,
        contact=opened.recipient.handle,
        thread=opened.thread,
        kind=opened.manifest.kind.value,
        event=workflows.event(opened.manifest.kind, cover_of(opened), objects, completing=sealed),
        urgency=opened.manifest.urgency.value,
        at=received,
        view=view,
    )


def keep_papers(opened: Opened, journal: Journal, own: AgencyHandle) -> None:
    """Keep what the sender signed for us beside its message: permissions to us, and decisions on our offers."""
    for signed in opened.papers:
        if signed.tag == Tag.PERMISSION.value:
            permission = Permission.from_bytes(signed.body)
            if permission.grantee == own:
                journal.keep_paper(signed.tag, signed.body, signed.to_bytes(), permission.message, permission.expires)
        elif signed.tag == Tag.ACCEPTANCE.value:
            acceptance = Acceptance.from_bytes(signed.body)
            if acceptance.referrer == own:
                journal.keep_paper(
                    signed.tag, signed.body, signed.to_bytes(), acceptance.message, acceptance.at + ACCEPTED_WITHIN
                )


@dataclass(frozen=True, slots=True)
class Held:
    """Papers that others signed for us, as rules look at them and as they travel."""

    papers: Papers
    signed: Mapping[bytes, Signed]  # by their bodies


def held(journal: Journal, directory: Directory, now: int) -> Held:
    """All that have not expired and whose signers the directory still knows."""
    acceptances: list[tuple[Acceptance, AgencyHandle]] = []
    permissions = []
    found: dict[bytes, Signed] = {}
    for raw in journal.papers(now):
        signed = Signed.from_bytes(raw)
        contact = directory.contact(signed.by)
        if contact is None:
            continue
        found[signed.body] = signed
        if signed.tag == Tag.ACCEPTANCE.value:
            acceptances.append((Acceptance.from_bytes(signed.body), contact.agency))
        else:
            agency = directory.agency_of(contact)
            permissions.append((Permission.from_bytes(signed.body), agency.handle, agency.party_class))
    return Held(Papers(acceptances=tuple(acceptances), permissions=tuple(permissions)), found)


# the state of a workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a workflow stands: `state` as somebody sees it now, `due` when an answer is due (None: at no time)."""

    machine: Machine
    agency: AgencyHandle
    thread: bytes
    ours: bool  # whether we asked
    message: bytes  # that began it
    kind: Kind
    state: str
    due: int | None
    began: int
    last: int


def standing(steps: Sequence[Step], catalogue: Catalogue, now: int) -> Standing | None:
    """How the workflow stands that these steps of one thread make, or None where they make none."""
    first = next((s for s in steps if Kind(s.kind) in workflows.ASKS), None)
    if first is None:
        return None
    kind = Kind(first.kind)
    machine = workflows.ASKS[kind]
    events = [s.event for s in steps[steps.index(first) :] if s.event not in ("", workflows.BEGIN)]
    state = machine.after(events)
    when = due_at(kind, Urgency(first.urgency), first.at, catalogue, _pauses(steps))
    return Standing(
        machine=machine,
        agency=AgencyHandle(first.agency),
        thread=first.thread,
        ours=first.outgoing,
        message=first.message,
        kind=kind,
        state=machine.seen(state, when, now),
        due=when if state in machine.waiting else None,
        began=first.at,
        last=steps[-1].at,
    )


def due_at(
    kind: Kind, urgency: Urgency, received: int, catalogue: Catalogue, pauses: Iterable[Pause] = ()
) -> int | None:
    """When an answer is due: by the urgency's legal clock, by the kind's own limit, or whichever comes first."""
    stood = list(pauses) if urgency.clock is not None and urgency.clock.pausable else []
    found = [due(urgency, received, stood)]
    if any(p.end is None for p in stood):
        return None
    deadline = catalogue.kinds[kind].deadline
    if deadline.working:
        found.append(working_days(received, deadline.working))
    elif deadline.limit is not None:
        found.append(received + deadline.limit)
    return min((at for at in found if at is not None), default=None)


def _pauses(steps: Iterable[Step]) -> list[Pause]:
    """From each answer that a judicial authorisation is needed to the word that it is there."""
    found: list[Pause] = []
    for step in steps:
        standing_still = bool(found) and found[-1].end is None
        if step.event == "pause" and not standing_still:
            found.append(Pause(step.at))
        elif step.event in ("resume", "answer", "refuse") and standing_still:
            found[-1] = Pause(found[-1].start, step.at)
    return found


def all_standing(journal: Journal, catalogue: Catalogue, now: int) -> list[Standing]:
    """How every workflow stands, oldest first."""
    begun = journal.threads_of(kind.value for kind in workflows.ASKS)
    found = [standing(journal.steps(agency, thread), catalogue, now) for agency, thread in begun]
    return sorted((s for s in found if s is not None), key=lambda s: s.began)


def check_move(journal: Journal, catalogue: Catalogue, agency: str, thread: bytes, event: str, now: int) -> None:
    """Raise `BadInput` where the workflow of this thread cannot take this step, such as a second decision."""
    if event in ("", workflows.BEGIN):
        return
    found = standing(journal.steps(agency, thread), catalogue, now)
    if found is not None:
        found.machine.move(found.state, event)
