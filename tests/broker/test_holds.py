"""Who may hold records, who may release them, and what a word on them may say."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from audit.expiry import Expiry, Hold, holds
from audit.record import ActRecord, read_record
from broker.holds import checked, entered, find, gathered, on_hold
from cli.enrol import officer_signer
from keys.domains import KeyKind, Tag
from keys.signing import Signer
from messages.errors import BadInput, RemoteError
from messages.evidence import Entry
from messages.holds import LONGEST, HoldGround, HoldStanding, HoldWord
from messages.limits import DAY, HOUR
from messages.signed import Signed
from tests.keys.world import seed
from tests.support.orchid import DESK, TaskForce

SIZE = 40


def officers(force: TaskForce) -> tuple[Signer, Signer]:
    folder = force.practice.folder / "officers"
    return tuple(officer_signer(folder / f"officer-{n}", force.passphrase) for n in ("one", "two"))  # type: ignore[return-value]


def word(force: TaskForce, **changed: Any) -> HoldWord:
    made = HoldWord(
        standing=HoldStanding.HELD,
        ranges=((3, 6), (9, 10)),
        ends=force.now + 30 * DAY,
        ground=HoldGround.COURT_ORDER,
        at=force.now,
    )
    return replace(made, **changed)


def release(force: TaskForce, **changed: Any) -> HoldWord:
    return word(force, standing=HoldStanding.RELEASED, ground=None, **changed)


def recorded(force: TaskForce, signer: Signer, said: HoldWord, first: int = SIZE) -> dict[int, ActRecord]:
    """The records of a word, as they would stand from this leaf on."""
    signed = signer.sign(Tag.RECORDS_HOLD, said.to_bytes())
    found = {}
    for place, made in enumerate(entered(signed, said, force.world(), force.now)):
        ((_, raw),) = Entry.from_bytes(Signed.from_bytes(made.entry).body).records
        record = read_record(raw)
        assert isinstance(record, ActRecord) and made.key.startswith("h") and made.ttl is None
        found[first + place] = record
    return found


def check(force: TaskForce, signer: Signer, said: HoldWord, known: list[Hold], expired: list[Expiry]) -> HoldWord:
    signed = signer.sign(Tag.RECORDS_HOLD, said.to_bytes())
    return checked(signed, SIZE, known, expired, force.world(), force.now)


def test_one_officer_holds_and_another_one_releases(force: TaskForce) -> None:
    one, two = officers(force)
    assert check(force, one, word(force), [], []) == word(force)
    made = recorded(force, one, word(force))
    known = holds(made)
    assert [(h.first, h.until, h.officer, h.ground) for h in known] == [
        (3, 6, one.handle, "court-order"),
        (9, 10, one.handle, "court-order"),
    ]
    assert made[SIZE].says.startswith(f"{one.handle} holds the records of leaves 3 to 5 until ")
    assert on_hold(5, known) == known[0] and on_hold(6, known) is None
    (together,) = gathered(known)
    assert find(known, together[0].id[:6]) == together == known
    with pytest.raises(BadInput):
        find(known, "no such")

    assert check(force, two, release(force), known, []) == release(force)
    with pytest.raises(RemoteError, match="Another officer"):
        check(force, one, release(force), known, [])
    ended = holds(made | recorded(force, two, release(force), SIZE + 2))
    assert not any(h.in_force(force.now) for h in ended)
    assert all(h.in_force(force.now) for h in holds(made | recorded(force, one, release(force), SIZE + 2)))
    with pytest.raises(RemoteError, match="not held so"):
        check(force, two, release(force), ended, [])


EXPIRED = Expiry(index=30, at=1, first=5, until=8, days=400, digest=bytes(32))
REFUSED: dict[str, Callable[[TaskForce], tuple[HoldWord, list[Expiry]]]] = {
    "it has ended": lambda f: (word(f, ends=f.now), []),
    "it lasts for more than ten years": lambda f: (word(f, ends=f.now + LONGEST + HOUR), []),
    "it was signed yesterday": lambda f: (word(f, at=f.now - DAY), []),
    "it is dated tomorrow": lambda f: (word(f, at=f.now + DAY), []),
    "the log has no such leaf": lambda f: (word(f, ranges=((3, SIZE + 1),)), []),
    "some of it has expired": lambda f: (word(f), [EXPIRED]),
    "nothing of it is held": lambda f: (release(f), []),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_word_on_records_is_refused_where(why: str, force: TaskForce) -> None:
    one, _ = officers(force)
    said, expired = REFUSED[why](force)
    with pytest.raises(RemoteError):
        check(force, one, said, [], expired)


def test_nobody_but_an_officer_in_office_holds_records(force: TaskForce) -> None:
    one, _ = officers(force)
    forged = Signer(KeyKind.OFFICER, one.handle, seed("somebody"))
    contact = force.keys(DESK).signer
    body = word(force).to_bytes()
    for signed in (
        forged.sign(Tag.RECORDS_HOLD, body),
        replace(forged.sign(Tag.RECORDS_HOLD, body), by=contact.handle),
        replace(one.sign(Tag.RECORDS_HOLD, body), tag=Tag.REVIEW_CLOSED.value),
    ):
        with pytest.raises(RemoteError):
            checked(signed, SIZE, [], [], force.world(), force.now)
    after = max(o.end for o in force.bundle.directory.officers)
    late = one.sign(Tag.RECORDS_HOLD, word(force, at=after, ends=after + DAY).to_bytes())
    with pytest.raises(RemoteError, match="in office"):
        checked(late, SIZE, [], [], force.world(), after)
