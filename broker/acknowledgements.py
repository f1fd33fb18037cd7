"""A recipient's word on a view that it got: accepted, or rejected. Recorded once for each, and told to the sender.

Pure. `read` checks who speaks; `told` says what follows, once the worker has found the entry of the message and that
this very view was delivered to whoever speaks.
"""

from hashlib import blake2b, sha256

from audit.record import VIEW_ACKNOWLEDGED, act_record
from broker import words
from broker.admit import Admitted, Draft, World, submission_digest
from broker.words import Word
from keys.domains import Tag
from messages import limits
from messages.acknowledgements import Acknowledgement, Said
from messages.errors import Unverified
from messages.evidence import Entry, EvidenceType
from messages.ids import AgencyHandle

_EVIDENCE = {Said.ACCEPTED: EvidenceType.ACCEPTANCE, Said.REJECTED: EvidenceType.REJECTION}
"""What ETSI names; any other word is taken like whatever else is handed in."""


def read(raw: bytes, submitter: AgencyHandle, world: World, now: int) -> Word[Acknowledgement]:
    """The word, or raise the `RemoteError` that says why it is refused. `world` is the submitter's own."""
    of, what = Acknowledgement.from_bytes, "acknowledgement"
    return words.read(raw, submitter, world, now, tag=Tag.ACKNOWLEDGEMENT, of=of, what=what)


def told(
    raw: bytes, word: Word[Acknowledgement], entry: Entry | None, submitter: AgencyHandle, world: World, now: int
) -> Admitted:
    """What follows: a record. `entry` is that of the message, as it is stored under its sender."""
    draft = Draft(submission_digest(raw), submitter, world, now)
    said = word.said
    if not word.was_delivered(entry):
        return draft.refuse(Unverified.code, None, None)
    record = act_record(
        at=now,
        epoch=world.bundle.epoch,
        by=world.worker.handle,
        act=VIEW_ACKNOWLEDGED,
        agency=submitter,
        subject=said.message,
        recipient=said.recipient,
        view=said.view,
        outcome=said.said.value,
        ground=said.fault.value if said.fault else None,
        digest=sha256(word.signed.to_bytes()).digest(),
        signer=word.signed.by,
    )
    key = acknowledgement_key(said.message, said.recipient, said.view, said.said)
    return draft.told(
        key,
        record,
        limits.LIFETIME,
        type_=_EVIDENCE.get(said.said, EvidenceType.SUBMISSION_ACCEPTANCE),
        message=said.message,
    )


def acknowledgement_key(message: bytes, recipient: str, view: bytes, said: Said) -> str:
    """Under which key of the recipient's agency its word on one view stands: once for each thing it can say."""
    about = message + recipient.encode() + view + said.value.encode()
    return "a" + blake2b(about, digest_size=16).hexdigest()
