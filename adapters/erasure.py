"""What a holder does when a consent was withdrawn: check the notice, erase the copy, say so (docs/consent.md).

A notice makes an adapter destroy something, so no worker's word is enough for it. `check` holds all of it together:

 1. the notice is by a worker of the trust bundle, to this very contact;
 2. the withdrawal that came with it is the one it names, and the record that came with it its promise to the log;
 3. whoever signed the withdrawal may end that consent, by our own trust bundle;
 4. the view that is to be erased is the one that is named, and rests on that consent.

What does not hold is an alarm: nothing is erased, and the copy is not shown until a person has looked at it. A copy
that may be evidence, or that the law demands to keep, is not erased by itself either: a person decides, within the time
that the notice gives.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

import structlog

from adapters.home import ContactKeys
from adapters.journal import ERASED, Incoming, Journal
from adapters.promised import promised
from adapters.shelf import ALARM, DONE, DUE, Shelf, StoredNotice
from audit.logdir import write_atomically
from keys.consents import check_withdrawal
from keys.domains import Tag
from keys.signing import digest
from messages import wire
from messages.attestations import GuardAttestation, Withdrawal
from messages.directory import Bundle
from messages.envelope import Delivery
from messages.errors import BadInput, DependencyError, NotPermitted, RemoteError, Unverified
from messages.ids import ContactHandle, ViewId
from messages.labels import EvidenceUse
from messages.withdrawals import (
    Erasure,
    ErasureConfirmation,
    KeepGround,
    Notice,
    NoticeDelivery,
    Part,
    WithdrawalSubmission,
)

log = structlog.get_logger("adapters.erasure")

WITHDRAWN: Final = "consent-withdrawn"
"""The code under which an erased or blocked view is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A notice that holds, and the withdrawal that it brought."""

    notice: Notice
    withdrawal: Withdrawal


def check(data: bytes, to: ContactHandle, bundle: Bundle) -> Checked:
    """Steps 1 to 3, or the `RemoteError` that says what does not hold."""
    delivery = NoticeDelivery.from_bytes(data)
    notice = promised(
        delivery.notice, Tag.NOTICE, Notice.from_bytes, delivery.salt, delivery.record, bundle.directory, "notice"
    )
    if notice.to != to:
        raise Unverified("The notice is to somebody else.")
    if sha256(delivery.withdrawal.to_bytes()).digest() != notice.withdrawal:
        raise Unverified("The withdrawal that came with the notice is not the one that it names.")
    submitted = WithdrawalSubmission(withdrawal=delivery.withdrawal, terms=delivery.terms)
    withdrawal, _ = check_withdrawal(submitted, bundle.directory, notice.at)
    if withdrawal.consent != notice.consent:
        raise Unverified("The notice is about another consent than the withdrawal.")
    return Checked(notice=notice, withdrawal=withdrawal)


def consents_of(delivery: bytes, recipient: ContactHandle) -> frozenset[bytes]:
    """The consents on which a journaled view rests, as the guard attested when it was made; raises `RemoteError`."""
    view = wire.decode_view(Delivery.from_bytes(delivery).view)
    attested = [GuardAttestation.from_bytes(a.body) for a in view.attestations if a.tag == Tag.GUARD.value]
    own = [a for a in attested if a.recipient == recipient]
    return frozenset(s.consent for a in own for s in a.sections if s.consent is not None)


def belongs(notice: Notice, incoming: Incoming) -> None:
    """Step 4, or raise `Unverified`."""
    if digest("view", Delivery.from_bytes(incoming.delivery).view) != notice.view:
        raise Unverified("The notice names another view than the one that arrived under its id.")
    if notice.consent not in consents_of(incoming.delivery, notice.to):
        raise Unverified("The view does not rest on the consent that was withdrawn.")


class Eraser:
    """Carries out notices for one contact. Every step can be done again; what was said is said once."""

    def __init__(
        self, journal: Journal, shelf: Shelf, keys: Callable[[], ContactKeys], clock: Callable[[], int]
    ) -> None:
        self._journal = journal
        self._shelf = shelf
        self._keys = keys
        self._clock = clock

    def take(self, stored: StoredNotice, bundle: Bundle) -> bool:
        """Do what the notice asks for; whether there is something new to tell the broker."""
        try:
            checked = check(stored.data, stored.contact, bundle)
        except RemoteError as error:
            named = _named(stored.data)  # for the block: what it claims to be about
            self._shelf.settle(
                stored.id,
                ALARM,
                part=named.part.value if named is not None else None,
                view=named.view_id if named is not None else None,
            )
            log.error("alarm", what="withdrawal-not-verified", code=error.code, says=str(error))
            return False
        notice = checked.notice
        self._shelf.withdrawn(notice.consent, checked.withdrawal.at)
        known = {
            "part": notice.part.value,
            "consent": notice.consent,
            "view": notice.view_id,
            "confirm_by": notice.confirm_by,
        }
        if notice.part is not Part.HOLDER or notice.view_id is None:
            said = ("retrieved" if notice.retrieved else "undelivered") if notice.part is Part.SENDER else None
            self._shelf.settle(stored.id, DONE, said=said, **known)  # type: ignore[arg-type]
            log.info(WITHDRAWN, part=notice.part.value, retrieved=notice.retrieved)
            return False
        self._shelf.settle(stored.id, stored.state, **known)  # type: ignore[arg-type]
        incoming = self._journal.exactly(notice.view_id)
        if incoming is None:  # and if it comes yet, it is not kept
            return self._say(stored, notice, Erasure.NOT_HERE)
        if incoming.state == ERASED:
            return self._say(stored, notice, Erasure.ERASED)
        try:
            belongs(notice, incoming)
            ground = self._shelf.kept_for(notice.view_id)
            if ground is not None:
                return self._say(stored, notice, Erasure.IMPOSSIBLE, ground)
            if wire.decode_view(Delivery.from_bytes(incoming.delivery).view).manifest.evidence_use is not (
                EvidenceUse.INTELLIGENCE_ONLY
            ):
                self._shelf.settle(stored.id, DUE)
                log.warning("erasure-due", view=notice.view_id, by=notice.confirm_by)
                return False
        except RemoteError as error:
            self._shelf.settle(stored.id, ALARM)
            log.error("alarm", what="withdrawal-not-verified", code=error.code, says=str(error))
            return False
        return self._erase(stored, notice)

    def erase(self, view: ViewId, *, unverified: bool = False) -> None:
        """Erase a copy because a person says so: one that waits for that word, or that had to be kept until now.

        `unverified`: also where the withdrawal could not be verified, for a person may erase its own copy.
        """
        stored, notice = self._settled(view, unverified=unverified)
        self._shelf.withdrawn(notice.consent, notice.at)
        self._shelf.settle(stored.id, stored.state, consent=notice.consent)
        self._shelf.let_go(view)
        self._erase(stored, notice)

    def keep(self, view: ViewId, ground: KeepGround) -> None:
        """Note that the law demands to keep a copy; where its consent is withdrawn already, the broker is told."""
        if self._journal.exactly(view) is None:
            raise BadInput("There is no copy of that view here.")
        self._shelf.keep_copy(view, ground, self._clock())
        about = self._shelf.about(view)
        if about is not None and about.state == DUE:
            self._say(*self._settled(view), Erasure.IMPOSSIBLE, ground)

    def _settled(self, view: ViewId, *, unverified: bool = False) -> tuple[StoredNotice, Notice]:
        stored = self._shelf.about(view)
        incoming = self._journal.exactly(view)
        notice = _named(stored.data) if stored is not None else None
        if stored is None or notice is None:
            raise BadInput("No consent was withdrawn on which that view rests.")
        if stored.state == ALARM and not unverified:
            raise NotPermitted(
                "The withdrawal could not be verified: ask the security officers first; if it holds, erase the copy "
                "with --unverified."
            )
        if incoming is None or incoming.state == ERASED:
            raise BadInput("That view is erased already.")
        return stored, notice

    def _erase(self, stored: StoredNotice, notice: Notice) -> bool:
        assert notice.view_id is not None  # noqa: S101  a holder's names one
        for path in self._shelf.files(notice.view_id):
            wipe(path, tombstone(notice.view_id, "the consent was withdrawn"))
        self._journal.erase(notice.view_id, WITHDRAWN)
        log.info("erased", view=notice.view_id)
        return self._say(stored, notice, Erasure.ERASED)

    def _say(self, stored: StoredNotice, notice: Notice, outcome: Erasure, ground: KeepGround | None = None) -> bool:
        if notice.message is None or notice.view_id is None or notice.view is None:
            raise AssertionError("a holder's notice names a view")
        said = ErasureConfirmation(
            consent=notice.consent,
            message=notice.message,
            view_id=notice.view_id,
            view=notice.view,
            recipient=notice.to,
            outcome=outcome,
            ground=ground,
            at=self._clock(),
        )
        data = self._keys().signer.sign(Tag.ERASURE, said.to_bytes()).to_bytes()
        self._shelf.confirm(stored.id, sha256(data).digest(), data, outcome.value)
        return True


def blocked(view: ViewId, journal: Journal, shelf: Shelf) -> str | None:
    """Why this view is not shown, in one sentence; None where nothing keeps it from being shown."""
    incoming, about = journal.exactly(view), shelf.about(view)
    if incoming is not None and incoming.state == ERASED and incoming.code == "retention":
        return "deleted: the time to keep it is over"
    if incoming is not None and incoming.state == ERASED:
        when = f" on {day(shelf.gone_at(about.consent))}" if about is not None and about.consent is not None else ""
        return f"erased: consent withdrawn{when}"
    if about is None or (about.state == DONE and about.said == Erasure.IMPOSSIBLE.value):
        return None
    if about.state == ALARM:
        return "A withdrawal of its consent arrived that cannot be verified: tell the security officers."
    return f"The consent was withdrawn; erase it, or say why it is kept: safeconduct erasure erase {view[:12]}"


def day(moment: int | None) -> str:
    """A date as people read it."""
    return datetime.fromtimestamp((moment or 0) / 1000, UTC).strftime("%Y-%m-%d")


def _named(data: bytes) -> Notice | None:
    """What a notice claims, unverified."""
    with suppress(RemoteError):
        return Notice.from_bytes(NoticeDelivery.from_bytes(data).notice.body)
    return None


def tombstone(view: ViewId, why: str) -> bytes:
    """What stands in the place of a view's file."""
    return f'{{"view": "{view}", "erased": "{why}"}}\n'.encode()


def wipe(path: Path, left: bytes) -> None:
    """Overwrite what a file holds, then put the tombstone `left` in its place; a file that is gone is gone.

    Raises `DependencyError` where the disk or its rights do not let us: then nothing is confirmed, and it is tried
    again.
    """
    try:
        if not path.exists():
            return
        with path.open("r+b") as file:
            length = file.seek(0, 2)
            file.seek(0)
            file.write(bytes(length))
            file.flush()
        write_atomically(path, [left])
    except OSError as error:
        raise DependencyError(f"{path} cannot be erased ({error.strerror}); correct its rights.") from None
