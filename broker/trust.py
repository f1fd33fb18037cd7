"""What is said about trust itself, on its way into the log: encryption keys stated and destroyed, epochs, ceremonies.

Pure, as `broker.admit` is: the same world, entries and evidence. What an agency submits is answered whatever it is
(`statement`); what the broker's own bundle brings (`announce_epoch`, `announce_step`) raises if it does not hold. Every
accepted word is one `TrustRecord`: who, which step, which number, and the digest of what was signed.
"""

from dataclasses import replace
from hashlib import blake2b
from typing import Final

from audit.record import EPOCH, KEY_DESTROYED, KEY_STATED, TrustRecord, trust_record
from broker.admit import Admitted, Draft, World, own_contact, submission_digest
from bus.subjects import OPERATOR
from keys import statements
from keys.domains import Tag
from keys.sealing import key_id
from keys.signing import verify
from messages import limits
from messages.ceremony import CeremonyStep, EpochStatement, KeyDestroyed, StatementSubmission
from messages.directory import Contact, Directory, KeyStatement, Officer
from messages.errors import Malformed, RemoteError, Stale, UnknownSender, Unverified
from messages.ids import AgencyHandle, contact_handle
from messages.signed import Signed

KEY_NUMBER: Final = "key-number"
KEY_DATES: Final = "key-dates"
KEY_OFF_SCHEDULE: Final = "key-off-schedule"
KEY_UNKNOWN: Final = "key-unknown"
STATED_LATE: Final = 10 * limits.MINUTE
"""How far in the past an encryption key's first moment may lie when it is stated: no back-dating."""
STATED_EARLY: Final = 2 * limits.DAY
"""How much earlier than the enrolled schedule says a key may follow the one before without a countersignature."""
STEP_TOLD: Final = limits.ADMISSION_WINDOW
"""How long after a step of a ceremony the broker takes word of it: officers work offline."""


class _Refused(Exception):
    """A word about a key is refused with this code, by no fault of its form or its signatures."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def statement(raw: bytes, submitter: AgencyHandle, world: World, now: int) -> Admitted:
    """Say what follows from a contact's signed word about its encryption keys: that one is stated, or destroyed.

    A key's number is the next one, so whoever saw it can refuse an older one; and a number once stated is stored at
    most once, so it never means two keys.
    """
    draft = Draft(submission_digest(raw), submitter, world, now)
    try:
        submitted = StatementSubmission.from_bytes(raw)
        contact = own_contact(submitted.statement, submitter, world.bundle.directory)
        if submitted.statement.tag == Tag.KEY_DESTROYED.value:
            word = _destroyed(submitted, contact, world, now)
            record = _about_key(KEY_DESTROYED, submitted, contact, word.number, world, now)
            return draft.told(_numbered("d", contact.handle, word.number), record, limits.LIFETIME)
        new = _stated(submitted, contact, world, now)
        record = _about_key(KEY_STATED, submitted, contact, new.number, world, now)
        told = draft.told(_numbered("s", contact.handle, new.number), record, limits.LIFETIME)
        return replace(told, stated=(contact.handle, new))
    except (RemoteError, _Refused) as error:
        return draft.refuse(error.code, None, None)


def statement_key(raw: bytes) -> str | None:
    """Under which key the entry of this submission would stand if it is accepted; None where it cannot be read."""
    try:
        signed = StatementSubmission.from_bytes(raw).statement
        if signed.tag == Tag.KEY_DESTROYED.value:
            word = KeyDestroyed.from_bytes(signed.body)
            return _numbered("d", word.contact, word.number)
        return _numbered("s", contact_handle(signed.by), statements.read(signed.to_bytes()).number)
    except RemoteError:
        return None


def announce_epoch(epoch: EpochStatement, world: World, now: int) -> Admitted:
    """The entry by which the log learns that this world's trust bundle took effect, to be stored before anything is
    decided under it. One epoch is stored once, whoever announces it. Raises `Unverified` for another epoch's statement.
    """
    if epoch.epoch != world.bundle.epoch:
        raise Unverified("The epoch statement is not about the trust bundle that takes effect.")
    record = trust_record(
        at=now,
        epoch=epoch.epoch,
        by=world.worker.handle,
        step=EPOCH,
        digest=submission_digest(epoch.to_bytes()),
        signers=world.bundle.officers,
    )
    return Draft(record.digest, OPERATOR, world, now).told(epoch_key(epoch.epoch), record, None)


def epoch_key(epoch: int) -> str:
    """Under which key the entry of an epoch stands."""
    return "e" + blake2b(str(epoch).encode(), digest_size=16).hexdigest()


def announce_step(signed: Signed, world: World, now: int) -> Admitted:
    """The entry by which the log learns of one step of a ceremony, or raise the `RemoteError` that says why it may not:
    not signed by an officer in office or by an agency's head about its own agency, or too long ago.
    """
    officer = world.bundle.directory.officer(signed.by)
    if officer is None:
        raise UnknownSender("A ceremony's step is signed by an officer or by the head of an agency.")
    step = CeremonyStep.from_bytes(verify(signed, Tag.CEREMONY, officer.key))
    if not officer.start <= step.at < officer.end:
        raise Unverified("A ceremony's step is signed by somebody who was not in office then.")
    if not now - STEP_TOLD <= step.at <= now + limits.CLOCK_SKEW:
        raise Stale("A ceremony's step was taken too long ago, or is dated in the future.")
    if not _has_a_say(officer, step.subject, world.bundle.directory):
        raise Unverified("The head of an agency takes steps about its own agency alone.")
    named = submission_digest(signed.to_bytes())
    record = trust_record(
        at=now,
        epoch=world.bundle.epoch,
        by=world.worker.handle,
        step=step.step.value,
        subject=step.subject or None,
        digest=named,
        signers=(signed.by,),
    )
    return Draft(named, OPERATOR, world, now).told("c" + named[:16].hex(), record, None)


def _stated(submitted: StatementSubmission, contact: Contact, world: World, now: int) -> KeyStatement:
    """The key statement, every condition checked; or raise."""
    verify(submitted.statement, Tag.KEY_STATEMENT, contact.key_at(now))
    new = statements.read(submitted.statement.to_bytes())
    if not _may_state(contact, now):
        raise UnknownSender
    if submitted.counter is not None:
        statements.check_counter(new, submitted.counter, _counter_key(submitted.counter, contact, world, now))
    in_time = now - STATED_LATE <= new.start <= now + limits.KEY_STATEMENT_LIFETIME and now < new.end
    if not (in_time and new.start < new.end <= new.start + limits.KEY_STATEMENT_LIFETIME):
        raise _Refused(KEY_DATES)
    statements.check(contact, new, now)
    known = max(world.statements(contact), key=lambda s: s.number, default=None)
    if new.number != (known.number if known else 0) + 1:
        raise _Refused(KEY_NUMBER)
    due = known.start + contact.rotation_days * limits.DAY - STATED_EARLY if known else 0
    if new.start < due and submitted.counter is None:
        raise _Refused(KEY_OFF_SCHEDULE)
    return new


def _may_state(contact: Contact, now: int) -> bool:
    """Whether a mandate holds or is still to come: a deputy, and a contact before its first day, need a key too."""
    if any(s.holds(now) for s in contact.suspended):
        return False
    return any(now < m.end and (m.revoked is None or now < m.revoked) for m in contact.mandates)


def _counter_key(counter: Signed, contact: Contact, world: World, now: int) -> bytes:
    """The key of whoever may countersign: a second contact in force of the same agency, its head, or an officer."""
    directory = world.bundle.directory
    second, officer = directory.contact(counter.by), directory.officer(counter.by)
    colleague = second is not None and second.agency == contact.agency and second.handle != contact.handle
    if second is not None and colleague and second.mandate_at(now) is not None:
        return second.key_at(now)
    if officer is not None and officer.start <= now < officer.end and _has_a_say(officer, contact.handle, directory):
        return officer.key
    raise Unverified("A key statement is countersigned by a second contact of the agency, its head, or an officer.")


def _has_a_say(officer: Officer, subject: str, directory: Directory) -> bool:
    """Whether this person has a say about `subject`: an officer about all, an agency's head about its own agency."""
    if any(o.handle == officer.handle for o in directory.officers):
        return True
    contact, guard = directory.contact(subject), directory.guard(subject)
    agency = directory.agency(contact.agency if contact else guard[0].handle if guard else subject)
    own = agency is not None and agency.head is not None and agency.head.handle == officer.handle
    return own or subject == officer.handle


def _destroyed(submitted: StatementSubmission, contact: Contact, world: World, now: int) -> KeyDestroyed:
    """The contact's word that a key of its is destroyed, checked; or raise. Taken from former contacts too."""
    word = KeyDestroyed.from_bytes(verify(submitted.statement, Tag.KEY_DESTROYED, contact.key_at(now)))
    if word.contact != contact.handle:
        raise UnknownSender("That a key is destroyed is said by its contact itself.")
    if submitted.counter is not None:
        raise Malformed("Nobody countersigns that a key is destroyed.")
    if word.at > now + limits.CLOCK_SKEW:
        raise Stale("The destruction of a key is dated in the future; check the clock of the machine that signed it.")
    if not any(s.number == word.number and key_id(s.key) == word.key_id for s in world.statements(contact)):
        raise _Refused(KEY_UNKNOWN)
    return word


def _about_key(
    step: str, submitted: StatementSubmission, contact: Contact, number: int, world: World, now: int
) -> TrustRecord:
    counter = submitted.counter
    return trust_record(
        at=now,
        epoch=world.bundle.epoch,
        by=world.worker.handle,
        step=step,
        subject=contact.handle,
        number=number,
        digest=submission_digest(submitted.statement.to_bytes()),
        signers=(contact.handle, *((counter.by,) if counter else ())),
    )


def _numbered(letter: str, contact: str, number: int) -> str:
    """The entry's key for one number of one contact's keys."""
    return letter + blake2b(f"{contact}|{number}".encode(), digest_size=16).hexdigest()
