"""Alarms that agencies' adapters hand in: recorded once an hour for each kind, shown to the officers, and sent on.

Pure. A broker that is itself the liar drops what is handed in here: that is why the adapter shows its alarm where it
runs, whatever is answered, and why forks are also told from agency to agency. What is taken here is for the officers of
a broker that is honest and of which something else, or somebody before it, was not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import Final

from audit.record import ALARM_RAISED, act_record
from broker.admit import Admitted, Draft, World, own_contact, submission_digest
from broker.recordsdb import Line
from keys.domains import Tag
from keys.signing import verify
from messages import limits
from messages.errors import Stale, UnknownSender
from messages.ids import AgencyHandle
from messages.limits import DAY, HOUR
from messages.raised import BYTES, Raised
from messages.signed import Signed

STANDS: Final = DAY
"""An alarm stands for a day after it was raised last: whatever lasts is raised every hour."""
MOST: Final = 1_000
"""Records of alarms that are looked at: the newest."""


def raised(raw: bytes, submitter: AgencyHandle, world: World, now: int) -> Admitted:
    """What follows, a record, or raise the `RemoteError` that says why it is refused. `world` is the submitter's."""
    signed = Signed.from_bytes(raw, BYTES)
    contact = own_contact(signed, submitter, world.bundle.directory)
    alarm = Raised.from_bytes(verify(signed, Tag.ADAPTER_ALARM, contact.key_at(now)))
    if alarm.contact != contact.handle:
        raise UnknownSender("An alarm is signed by the contact whose adapter raises it.")
    if not contact.may_log_in(now):
        raise UnknownSender("An alarm is raised by a contact that may log in.")
    if not now - STANDS - HOUR <= alarm.hour <= now + limits.CLOCK_SKEW:
        raise Stale("The alarm is of another day than today, or of an hour that has not begun.")
    record = act_record(
        at=now,
        epoch=world.bundle.epoch,
        by=world.worker.handle,
        act=ALARM_RAISED,
        agency=submitter,
        subject=_subject(alarm),
        outcome=alarm.what.value,
        digest=sha256(raw).digest(),
        signer=signed.by,
    )
    return Draft(submission_digest(raw), submitter, world, now).told(raised_key(alarm), record, limits.LIFETIME)


def raised_key(alarm: Raised) -> str:
    """Under which key of the contact's agency an alarm stands: once for each contact, kind and hour."""
    return "i" + _subject(alarm).hex()


def _subject(alarm: Raised) -> bytes:
    about = f"{alarm.contact}|{alarm.what.value}|{alarm.hour}".encode()
    return blake2b(about, digest_size=16).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stands:
    """An alarm of one contact's adapter that was raised within the last day."""

    what: str
    agency: str
    contact: str
    first: int  # of the records that are looked at
    last: int
    index: int  # of the newest record
    times: int


def standing(lines: Iterable[Line], now: int) -> list[Stands]:
    """What the records of alarms say stands now, what was raised last first."""
    found: dict[tuple[str, str], Stands] = {}
    for line in sorted(lines, key=lambda one: one.index):
        contact = line.signers[0] if line.signers else ""
        before = found.get((contact, line.outcome))
        found[contact, line.outcome] = Stands(
            what=line.outcome,
            agency=line.agency,
            contact=contact,
            first=before.first if before is not None else line.at,
            last=line.at,
            index=line.index,
            times=before.times + 1 if before is not None else 1,
        )
    return sorted((one for one in found.values() if now - one.last < STANDS), key=lambda one: (-one.last, one.index))
