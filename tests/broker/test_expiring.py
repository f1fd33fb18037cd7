"""What expires and what never does; the sweep that does it is tried in tests/faults."""

from dataclasses import replace

import pytest

from audit.record import (
    ActRecord,
    Record,
    TrustRecord,
    act_record,
    decision_record,
    expired_range,
    expired_subject,
    read_record,
    trust_record,
)
from broker.expiring import Expiring, Found, expire, glass_of, never, old_enough, ranges
from broker.tasks import task_key
from messages.evidence import Entry
from messages.limits import DAY
from messages.signed import Signed
from tests.support.orchid import TaskForce

T0 = 1_800_000_000_000
W, A, C = "w" + "b" * 12, "a" + "b" * 12, "c" + "b" * 12
GLASS = decision_record(
    at=T0, epoch=1, by=W, agency=A, submission=bytes(32), message=bytes(16), manifest=bytes(32), sender=C, recipient=C,
    kind="RFI", outcome="permitted", rules=("SC-63",), sections=(), view=bytes(32),
)  # fmt: skip
EXPIRY = act_record(
    at=T0, epoch=1, by=W, act="records-expired", subject=expired_subject(1, 2, 400), outcome="expired", signer=W,
    digest=bytes(32),
)  # fmt: skip
EPOCH = trust_record(at=T0, epoch=1, by=W, step="epoch", digest=bytes(32), signers=())


def test_records_about_trust_and_of_expiries_stay() -> None:
    assert never(EPOCH) and never(EXPIRY)
    assert not never(GLASS) and not never(replace(EXPIRY, act="looked-up", outcome="searched"))


def test_a_broken_glass_is_one_that_a_vital_interest_permitted() -> None:
    assert glass_of(GLASS) == task_key(bytes(16), C, bytes(32))
    for other in (replace(GLASS, rules=("SC-62",)), replace(GLASS, outcome="refused", view=None), EPOCH, EXPIRY):
        assert glass_of(other) is None


@pytest.mark.parametrize("reviewed", [True, False])
@pytest.mark.parametrize("entry_held", [True, False])
async def test_a_broken_glass_expires_once_it_is_reviewed_and_its_entry_gone(reviewed: bool, entry_held: bool) -> None:
    class Log:
        async def entry_held(self, index: int) -> bool:
            return entry_held

    async def stands(key: str) -> bool:
        assert key == glass_of(GLASS)
        return reviewed

    def unused(*_: object) -> object:
        raise AssertionError

    sweep = Expiring(None, Log(), unused, stands, unused, 400, unused)  # type: ignore[arg-type]
    assert await sweep._goes(Found(3, GLASS)) == (reviewed and not entry_held)


def test_what_stands_behind_a_record_that_is_young_is_no_older_whatever_it_says() -> None:
    def dated(index: int, at: int) -> Found:
        record: Record | TrustRecord | ActRecord = replace(GLASS, at=at)
        return Found(index, record)

    some = [dated(0, T0 - 2), dated(1, T0 - 1), dated(2, T0), dated(3, T0 - 5)]
    assert [one.index for one in old_enough(some, T0)] == [0, 1]
    assert old_enough(some, T0 + 1) == some and old_enough([], T0) == []


def test_indices_are_told_as_ranges() -> None:
    assert ranges([]) == [] and ranges([4]) == [(4, 5)]
    assert ranges([0, 1, 2, 5, 7, 8]) == [(0, 3), (5, 6), (7, 9)]


def test_the_entry_of_an_expiry_says_which_leaves_and_after_how_long_and_nothing_else(force: TaskForce) -> None:
    world = force.world()
    made = expire(40, [bytes([n] * 32) for n in range(3)], 1826, world, force.now)
    ((_, raw),) = Entry.from_bytes(Signed.from_bytes(made.entry).body).records
    record = read_record(raw)
    assert isinstance(record, ActRecord) and expired_range(record.subject) == (40, 43, 1826)
    assert (record.agency, record.recipient, record.view, record.signer) == (None, None, None, world.worker.handle)
    assert record.says == "The records of leaves 40 to 42 expired, 1826 days after they were written."
    assert expire(40, [bytes(32)] * 3, 1826, world, force.now + DAY).key == made.key, "two brokers say it once"
