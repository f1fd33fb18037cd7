"""When a consent is withdrawn: what follows, and what holders answer (R-08; docs/consent.md).

Pure, as `broker.admit` is. The order in which the worker does it is what makes it hold after any crash:

1. the withdrawal is stored (`withdraw`): from then on the store takes nothing more that rests on the consent, whoever
   tries, so the holdings that stand then are all there will ever be;
2. for each of them an order is stored with its notices, once (`order`): to the holder, to erase; to the sender, that
   its message was taken away undelivered or may have been read;
3. the view is taken away, if it still waits;
4. whoever handed the withdrawal in is answered.

A holder's word on what became of its copy is recorded (`confirm`).
"""

from dataclasses import dataclass, replace
from hashlib import blake2b, sha256
from typing import Final

from audit.record import CONSENT_WITHDRAWN, ERASURE_CONFIRMED, ERASURE_ORDERED, ActRecord, act_record
from broker.admit import Admitted, Draft, ViewOut, World, own_contact, submission_digest
from bus.subjects import OPERATOR, withdrawn_key
from keys.consents import check_withdrawal, consent_id
from keys.domains import Tag
from keys.signing import verify
from messages import limits
from messages.attestations import Consent
from messages.errors import RemoteError, Stale, UnknownSender
from messages.evidence import EvidenceType
from messages.ids import AgencyHandle, ContactHandle, ViewId, contact_handle
from messages.labels import Lane
from messages.signed import Signed
from messages.withdrawals import (
    Erasure,
    ErasureConfirmation,
    Holding,
    Notice,
    NoticeDelivery,
    Part,
    WithdrawalSubmission,
)

WITHDRAWN: Final = "consent-withdrawn"
"""Why a view was taken away, and why a second withdrawal of one consent is refused: it holds no longer already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A withdrawal that was checked, as orders are made from it."""

    consent: bytes
    submission: bytes  # digest of the submitted bytes
    signed: Signed
    terms: bytes | None

    @property
    def digest(self) -> bytes:
        """How records and notices name it."""
        return sha256(self.signed.to_bytes()).digest()


def withdraw(raw: bytes, submitter: AgencyHandle, world: World, now: int) -> tuple[Admitted, Word | None]:
    """Say what follows from a withdrawal that `submitter` hands in; the word is None where it is refused.

    `world` is the whole one: who may withdraw is decided in the submitter's own, and the collector is told wherever
    it is.
    """
    draft = Draft(submission_digest(raw), submitter, world, now)
    own = world.of(submitter).bundle.directory
    try:
        submitted = WithdrawalSubmission.from_bytes(raw)
        if own.contact(submitted.withdrawal.by) is not None:
            own_contact(submitted.withdrawal, submitter, own)
        withdrawal, collector = check_withdrawal(submitted, own, now)
    except RemoteError as error:
        return draft.refuse(error.code, None, None), None
    word = Word(
        consent=withdrawal.consent,
        submission=submission_digest(raw),
        signed=submitted.withdrawal,
        terms=submitted.terms,
    )
    record = act_record(
        at=now,
        epoch=world.bundle.epoch,
        by=world.worker.handle,
        act=CONSENT_WITHDRAWN,
        agency=submitter,
        subject=word.consent,
        outcome="withdrawn",
        digest=word.digest,
        signer=word.signed.by,
    )
    told = draft.told(withdrawn_key(word.consent), record, limits.HOLDING_LIFETIME)
    notices: tuple[ViewOut, ...] = ()
    if collector is not None and collector != word.signed.by:
        notices = _notices(draft, word, record, world, now, [(Part.COLLECTOR, contact_handle(collector))], None, False)
    return replace(told, agency=OPERATOR, views=notices), word


def order(word: Word, holding: Holding, *, retrieved: bool, world: World, now: int) -> Admitted:
    """The order to erase one copy, with its notices. `retrieved`: whether the holder has signed for the view."""
    draft = Draft(word.submission, OPERATOR, world, now)
    record = act_record(
        at=now,
        epoch=world.bundle.epoch,
        by=world.worker.handle,
        act=ERASURE_ORDERED,
        subject=word.consent,
        recipient=holding.contact,
        view=holding.view,
        outcome="retrieved" if retrieved else "undelivered",
        digest=word.digest,
        signer=word.signed.by,
    )
    evidence = EvidenceType.SUBMISSION_ACCEPTANCE if retrieved else EvidenceType.NON_DELIVERY
    told = draft.told(
        order_key(word.consent, holding.contact, holding.view),
        record,
        limits.HOLDING_LIFETIME,
        type_=evidence,
        message=holding.message,
        code=None if retrieved else WITHDRAWN,
    )
    to = [(Part.HOLDER, holding.contact), (Part.SENDER, holding.sender)]
    return replace(told, views=_notices(draft, word, record, world, now, to, holding, retrieved))


def _notices(
    draft: Draft,
    word: Word,
    record: ActRecord,
    world: World,
    now: int,
    to: list[tuple[Part, ContactHandle]],
    holding: Holding | None,
    retrieved: bool,
) -> tuple[ViewOut, ...]:
    salt, data, leaf = draft.last
    made: list[ViewOut] = []
    for part, handle in to:
        contact = world.bundle.directory.contact(handle)
        if contact is None:  # a collector whom nobody here knows
            continue
        notice = Notice(
            consent=word.consent,
            withdrawal=word.digest,
            to=handle,
            part=part,
            message=holding.message if holding else None,
            view_id=holding.view_id if holding else None,
            view=holding.view if holding else None,
            recipient=holding.contact if holding else None,
            retrieved=retrieved,
            at=now,
            confirm_by=now + limits.CONFIRM_BY,
            epoch=record.epoch,
            leaf=leaf,
            include_by=now + limits.INCLUDE_BY,
        )
        delivery = NoticeDelivery(
            notice=world.worker.sign(Tag.NOTICE, notice.to_bytes()),
            withdrawal=word.signed,
            terms=word.terms,
            record=data,
            salt=salt,
        )
        made.append(
            ViewOut(
                agency=contact.agency,
                contact=handle,
                lane=Lane.URGENT,
                view_id=notice_id(word.consent, notice.view, handle, part),
                data=delivery.to_bytes(),
                ttl=limits.LIFETIME,
            )
        )
    return tuple(made)


def confirm(raw: bytes, submitter: AgencyHandle, world: World, now: int) -> Admitted:
    """Say what follows from a holder's word on its copy: a record, and that the notice may leave."""
    draft = Draft(submission_digest(raw), submitter, world, now)
    try:
        signed = Signed.from_bytes(raw, limits.ATTESTATION_BYTES)
        contact = own_contact(signed, submitter, world.bundle.directory)
        said = ErasureConfirmation.from_bytes(verify(signed, Tag.ERASURE, contact.key_at(now)))
        if said.recipient != contact.handle:
            raise UnknownSender("What became of a copy is said by its holder itself.")
        if said.at > now + limits.CLOCK_SKEW:
            raise Stale("An erasure is dated in the future; check the clock of the machine that signed it.")
    except RemoteError as error:
        return draft.refuse(error.code, None, None)
    record = act_record(
        at=now,
        epoch=world.bundle.epoch,
        by=world.worker.handle,
        act=ERASURE_CONFIRMED,
        agency=submitter,
        subject=said.consent,
        recipient=said.recipient,
        view=said.view,
        outcome=said.outcome.value,
        ground=said.ground.value if said.ground else None,
        digest=sha256(signed.to_bytes()).digest(),
        signer=signed.by,
    )
    key = confirmation_key(said.consent, said.recipient, said.view, said.outcome)
    told = draft.told(key, record, limits.HOLDING_LIFETIME, message=said.message)
    return replace(told, retrieved=(said.recipient, notice_id(said.consent, said.view, said.recipient, Part.HOLDER)))


def collector_of(terms: bytes, consent: bytes) -> ContactHandle:
    """Who collected this consent, by terms that are its own; or raise `RemoteError`."""
    read = Consent.from_bytes(terms)
    if not read.id == consent == consent_id(read):
        raise UnknownSender("These terms are not those of the consent.")
    return read.collector


def _about(consent: bytes, recipient: str, view: bytes) -> bytes:
    return consent + recipient.encode() + view


def order_key(consent: bytes, recipient: ContactHandle, view: bytes) -> str:
    """Under which key the order to erase one copy stands."""
    return "o" + blake2b(_about(consent, recipient, view), digest_size=16).hexdigest()


def confirmation_key(consent: bytes, recipient: ContactHandle, view: bytes, outcome: Erasure) -> str:
    """Under which key a holder's word stands: one that had to keep its copy may still erase it later."""
    return "k" + blake2b(_about(consent, recipient, view) + outcome.value.encode(), digest_size=16).hexdigest()


def notice_id(consent: bytes, view: bytes | None, to: ContactHandle, part: Part) -> ViewId:
    """The id under which a notice waits: the same from every worker."""
    about = _about(consent, to, view or b"") + part.value.encode()
    return ViewId(blake2b(about, digest_size=16, person=b"sc1-notice").hexdigest())
