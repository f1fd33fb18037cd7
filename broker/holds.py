"""Holds on records: an officer's word that they must not expire for now, and another officer's that they may. Pure.

One officer holds: it widens nothing, ends by itself, and a court does not wait for a colleague. To release before the
end takes an officer other than the one who held, so nobody alone can let go what a court asked for. A record that the
log says has expired cannot be held any more: it goes within the hour.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Final

from audit.expiry import Expiry, Hold, naming
from audit.record import RECORDS_HELD, ActRecord, Record, TrustRecord, act_record, held_subject
from broker.admit import Admitted, Draft, World
from bus.subjects import OPERATOR
from keys.domains import Tag
from keys.signing import verify
from messages import limits
from messages.errors import BadInput, Stale, UnknownSender, Unverified
from messages.holds import LONGEST, HoldStanding, HoldWord
from messages.limits import HOUR
from messages.signed import Signed

MOST: Final = 10_000
"""Records of holds that are looked at: the newest."""


def about(record: Record | TrustRecord | ActRecord) -> bytes | None:
    """What a record is about, by which those that belong to it are found: a message, or what an act was about."""
    if isinstance(record, TrustRecord):
        return None
    return record.message if isinstance(record, Record) else record.subject


def checked(
    signed: Signed, size: int, holds: Sequence[Hold], expiries: Iterable[Expiry], world: World, now: int
) -> HoldWord:
    """The word, or raise the `RemoteError` that says why it does not count. `size`: of the log; `holds` and `expiries`:
    what its records say.
    """
    officer = next((o for o in world.bundle.directory.officers if o.handle == signed.by), None)
    if officer is None:
        raise UnknownSender("Records are held and released by a security officer.")
    word = HoldWord.from_bytes(verify(signed, Tag.RECORDS_HOLD, officer.key))
    if not officer.start <= now < officer.end:
        raise Unverified("The word on records is signed by an officer who is not in office.")
    if not now - HOUR <= word.at <= now + limits.CLOCK_SKEW:
        raise Stale("The word on records is too old or dated in the future; sign it again.")
    if word.ranges[-1][1] > size:
        raise Unverified("The word is about leaves that the log does not have.")
    said = list(expiries)
    if word.standing is HoldStanding.HELD:
        if not now < word.ends <= now + LONGEST:
            raise Stale("A hold ends later than today, and within ten years.")
        if any(naming(said, index) for first, until in word.ranges for index in range(first, until)):
            raise Unverified("The log says already that these records have expired; export them within the hour.")
        return word
    for first, until in word.ranges:
        known = [h for h in holds if (h.first, h.until, h.ends) == (first, until, word.ends) and h.in_force(now)]
        if not known:
            raise Unverified("The word releases records that are not held so.")
        if any(h.officer == signed.by for h in known):
            raise Unverified("Another officer than the one who held them releases records before their time.")
    return word


def entered(signed: Signed, word: HoldWord, world: World, now: int) -> list[Admitted]:
    """The entries by which the log learns of it: one for each range, so that it names the very leaves."""
    made = []
    for first, until in word.ranges:
        record = act_record(
            at=now,
            epoch=world.bundle.epoch,
            by=world.worker.handle,
            act=RECORDS_HELD,
            subject=held_subject(first, until, word.ends),
            outcome=word.standing.value,
            ground=word.ground.value if word.ground else None,
            digest=sha256(signed.to_bytes()).digest(),
            signer=signed.by,
        )
        draft = Draft(record.digest, OPERATOR, world, now)
        made.append(draft.told(held_key(record), record, None))
    return made


def held_key(record: ActRecord) -> str:
    """Under which key the entry of a hold, or of its release, stands: once for each signed word and range."""
    return "h" + sha256(record.digest + record.subject).hexdigest()[:32]


def in_force(holds: Iterable[Hold], now: int) -> list[Hold]:
    """Those that hold now."""
    return [hold for hold in holds if hold.in_force(now)]


def on_hold(index: int, holds: Iterable[Hold]) -> Hold | None:
    """The hold that names this leaf, of those that end last."""
    return max((h for h in holds if h.names(index)), key=lambda h: h.ends, default=None)


def gathered(holds: Iterable[Hold]) -> list[list[Hold]]:
    """Holds by the signed word that they are of, the newest first."""
    words: dict[bytes, list[Hold]] = {}
    for hold in holds:
        words.setdefault(hold.digest, []).append(hold)
    return sorted(words.values(), key=lambda of: -of[0].index)


def find(holds: Iterable[Hold], text: str) -> list[Hold]:
    """The one hold whose id begins so, all its ranges; or raise `BadInput`."""
    wanted = text.strip().lower()
    found = [of for of in gathered(holds) if wanted and of[0].id.startswith(wanted)]
    if len(found) != 1:
        raise BadInput(f"There is no one hold {text[:40]!r} in force; see: safeconduct audit holds")
    return found[0]


def of_records(records: Mapping[int, Record | TrustRecord | ActRecord]) -> frozenset[bytes]:
    """What held records are about: whatever else is about it does not expire either."""
    return frozenset(found for record in records.values() if (found := about(record)) is not None)
