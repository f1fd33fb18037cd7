"""A record may be missing where the log itself says that it has expired, and nowhere else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from audit import __main__ as command
from audit.expiry import DAY_MS, LEAST_DAYS
from audit.fsck import check
from audit.logdir import RecordLine
from audit.record import leaf
from tests.audit.genuine import FIRST, T0, Broker, Parts, run, some

YEAR = LEAST_DAYS * DAY_MS
LATER = T0 + 3000 + YEAR
"""From here on all eight leaves of the story are old enough."""


def old(first: int = 0, until: int = 8, at: int = LATER, days: int = LEAST_DAYS) -> Broker:
    """The story a year later: its entries are gone, the log says what has expired, and somebody went on."""
    broker = run()
    broker.parts.entries.clear()
    broker.expire(first, until, at, days)
    broker.message("a year later", at + 1000, {FIRST: "permitted"})
    return broker


def without(parts: Parts, *indices: int) -> Parts:
    parts.records = [line for line in parts.records if line.index not in indices]
    return parts


def test_a_log_whose_records_expired_holds_and_says_which(tmp_path: Path) -> None:
    report = check(without(old().parts, *range(8)).write(tmp_path))
    assert report.first is None and report.expired == tuple(range(8))
    assert any("expired, as the log says at 8" in n and n.endswith("0, 1, 2, 3, 4, 5, 6, 7.") for n in report.notes)


@pytest.mark.parametrize("taken", range(9))
def test_a_broker_killed_while_it_takes_records_away_leaves_a_log_that_holds(taken: int, tmp_path: Path) -> None:
    gone = range(8 - taken, 8)  # it goes from the last to the first
    report = check(without(old().parts, *gone).write(tmp_path))
    assert report.first is None and report.expired == tuple(gone)
    assert any(f"{8 - taken} record" in n and "not taken away yet" in n for n in report.notes) == (taken < 8)


def test_several_expiries_together_name_what_is_gone(tmp_path: Path) -> None:
    broker = run()
    broker.parts.entries.clear()
    broker.expire(0, 2, LATER)
    broker.expire(3, 8, LATER + 1)
    parts = broker.parts.copy()
    assert check(without(parts, 0, 1, 3, 4, 5, 6, 7).write(tmp_path)).first is None
    report = check(without(parts, 2).write(tmp_path))
    assert report.first is not None and (report.first.kind, report.first.index) == ("record-removed", 2)


def shorter(parts: Parts) -> None:
    """Nothing says that record 7 expired."""


def claimed(parts: Parts) -> None:
    """Somebody adds the record of an expiry that no leaf stands for."""
    made = Broker()
    made.parts.leaves = list(parts.leaves)
    made.expire(0, 9, LATER)
    parts.records.append(RecordLine(index=10, salt=some("s", 32), record=made.parts.records[-1].record))


def exchanged(parts: Parts) -> None:
    """Somebody puts such a record in the place of another, whose leaf it does not open."""
    made = Broker()
    made.parts.leaves = list(parts.leaves)
    made.expire(0, 8, LATER)
    line = next(line for line in parts.records if line.index == 8)
    parts.records[parts.records.index(line)] = RecordLine(index=8, salt=line.salt, record=made.parts.records[-1].record)


FORGED: dict[str, tuple[Callable[[], Broker], Callable[[Parts], None], str]] = {
    "not in the range": (lambda: old(until=7), shorter, "record-removed"),
    "claimed without a leaf": (lambda: old(until=7), claimed, "record-removed"),
    "claimed over another record": (lambda: old(until=7), exchanged, "record-changed"),
    "too few days": (lambda: old(days=LEAST_DAYS - 1), shorter, "expired-early"),
    "too early for what stands before": (lambda: old(first=1, at=T0 + YEAR // 2), shorter, "expired-early"),
    "dated in the future": (lambda: future(), shorter, "expired-early"),
    "of other leaves": (lambda: others(), shorter, "expiry-changed"),
    "of itself": (lambda: itself(), shorter, "expiry-changed"),
    "of nothing": (lambda: old(first=8), shorter, "expiry-changed"),
}


def future() -> Broker:
    """Whoever has the worker's key dates the expiry so that everything is old enough; others go on as before."""
    broker = run()
    broker.parts.entries.clear()
    broker.expire(0, 8, LATER)
    broker.message("a minute later", T0 + 60_000, {FIRST: "permitted"})
    return broker


def others() -> Broker:
    broker = run()
    broker.parts.entries.clear()
    broker.expire(0, 8, LATER, digest=some("another log", 32))
    return broker


def itself() -> Broker:
    broker = run()
    broker.parts.entries.clear()
    broker.expire(0, 9, LATER)
    return broker


@pytest.mark.parametrize("name", FORGED)
def test_whoever_takes_records_away_and_claims_that_they_expired_is_found(name: str, tmp_path: Path) -> None:
    made, change, kind = FORGED[name]
    parts = made().parts
    change(parts)
    missing = range(1, 8) if "before" in name else range(8)
    report = check(without(parts, *missing).write(tmp_path))
    assert kind in {b.kind for b in report.breaks}
    assert any(b.kind == "record-removed" and b.index == 7 for b in report.breaks)  # what does not hold excuses nothing


def test_the_record_of_an_expiry_does_not_go_itself(tmp_path: Path) -> None:
    broker = old()
    broker.parts.entries.clear()
    report = check(without(broker.parts, *range(9)).write(tmp_path))
    assert {b.index for b in report.breaks if b.kind == "record-removed"} >= set(range(9))


def test_a_record_whose_entry_is_held_has_not_expired_whatever_the_log_says(tmp_path: Path) -> None:
    broker = run()
    broker.parts.entries = broker.parts.entries[3:]
    broker.expire(0, 8, LATER)
    report = check(without(broker.parts, 7).write(tmp_path))
    assert report.first is not None and (report.first.kind, report.first.index) == ("record-removed", 7)


def test_inspect_record_tells_an_expired_record_from_a_removed_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = str(without(old(until=7).parts, 3, 7).write(tmp_path))
    assert command.main(["inspect-record", log, "3"]) == command.HOLDS
    assert "expired, 365 days after it was written, as leaf 8 says" in capsys.readouterr().out
    assert command.main(["inspect-record", log, "7"]) == command.BROKEN
    assert "it was removed" in capsys.readouterr().out


def test_the_salt_goes_with_the_record_and_nothing_is_left_to_try_guesses_on(tmp_path: Path) -> None:
    parts = old().parts
    lost = next(line for line in parts.records if line.index == 4)
    log = without(parts, *range(8)).write(tmp_path)
    assert leaf(lost.salt, lost.record) == parts.leaves[4]
    assert not any(lost.salt in file.read_bytes() for file in log.iterdir())


def held(*steps: tuple[str, int], until: int = LATER + YEAR, at: int = T0 + 5000) -> Parts:
    """The story, in which an officer holds leaf 2 and whatever else is done, until it expires and is taken away."""
    broker = run()
    broker.hold(2, 3, until, at)
    for officer, when in steps:
        broker.hold(2, 3, until, when, officer=officer, released=True)
    broker.parts.entries.clear()
    broker.expire(0, 8, LATER)
    return without(broker.parts, *range(8))


def test_a_record_that_an_officer_holds_has_not_expired_whatever_the_log_says(tmp_path: Path) -> None:
    report = check(held().write(tmp_path))
    assert [(b.kind, b.index) for b in report.breaks] == [("held-removed", 2)]
    assert any("1 hold on records, as the log says at 8." in note for note in report.notes)


@pytest.mark.parametrize(
    ("name", "parts", "lawful"),
    [
        ("its time was over", lambda: held(until=LATER - 1), True),
        ("another officer released it", lambda: held(("b", T0 + 6000)), True),
        ("the same officer released it", lambda: held(("a", T0 + 6000)), False),
        ("released once it had gone", lambda: held(("b", LATER + 1)), False),
    ],
)
def test_a_hold_ends_by_its_time_or_by_another_officer(
    name: str, parts: Callable[[], Parts], lawful: bool, tmp_path: Path
) -> None:
    assert (check(parts().write(tmp_path)).first is None) == lawful, name


def test_what_had_expired_before_it_was_held_may_go(tmp_path: Path) -> None:
    broker = old()
    broker.hold(2, 3, LATER + YEAR, LATER + 2000)
    assert check(without(broker.parts, *range(8)).write(tmp_path)).first is None
