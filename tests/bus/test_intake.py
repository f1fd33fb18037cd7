"""Fairness and rates: a flood of one agency slows that agency alone."""

from collections import Counter, deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus import bounds
from bus.intake import TURN_BYTES, Bucket, Company, Once, Pace, Rests, Turns, cost, portion, shares

SIZES = st.integers(1, 3 * TURN_BYTES)


def taken(turns: Turns[str], queues: dict[str, deque[int]], limit: int) -> list[tuple[str, int]]:
    return turns.take(queues, lambda size: size, limit)


def test_whoever_hands_in_one_message_is_in_the_next_batch_whatever_others_have_waiting() -> None:
    turns: Turns[str] = Turns()
    queues = {"flood": deque([3000] * 10_000), "other": deque([3000])}
    assert "other" in {who for who, _ in taken(turns, queues, 10)}
    queues["third"] = deque([3000])
    assert "third" in {who for who, _ in taken(turns, queues, 10)}


def test_those_who_always_have_something_waiting_get_equal_shares_of_bytes() -> None:
    turns: Turns[str] = Turns()
    sizes = {"small": 500, "middle": 3_000, "large": 40_000}
    queues = {who: deque([size] * 50_000) for who, size in sizes.items()}
    bytes_of: Counter[str] = Counter()
    for _ in range(400):
        for who, size in taken(turns, queues, 100):
            bytes_of[who] += size
    least, most = min(bytes_of.values()), max(bytes_of.values())
    assert most < 1.3 * least


def test_a_message_larger_than_a_turn_is_taken_once_enough_turns_have_come_round() -> None:
    turns: Turns[str] = Turns()
    assert taken(turns, {"one": deque([20 * TURN_BYTES])}, 5) == [("one", 20 * TURN_BYTES)]


@given(st.dictionaries(st.sampled_from("abcde"), st.lists(SIZES, max_size=20)), st.integers(1, 30))
def test_everything_is_taken_once_and_each_queue_in_its_order(waiting: dict[str, list[int]], limit: int) -> None:
    turns: Turns[str] = Turns()
    queues = {who: deque(sizes) for who, sizes in waiting.items()}
    found: dict[str, list[int]] = {who: [] for who in waiting}
    while some := taken(turns, queues, limit):
        assert len(some) <= limit
        for who, size in some:
            found[who].append(size)
    assert found == waiting


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = Bucket(rate=2.0, burst=10.0)
    assert bucket.available(100.0) == 10
    bucket.take(10, 100.0)
    assert [bucket.available(100.0 + t) for t in (0, 0.4, 0.5, 1.0, 3.0, 1000.0)] == [0, 0, 1, 2, 6, 10]


def test_what_was_taken_beyond_the_bucket_is_owed_and_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = Bucket(rate=1.0, burst=5.0)
    bucket.take(8, 10.0)
    assert (bucket.available(12.0), bucket.available(4.0), bucket.available(14.0)) == (0, 0, 1)


def test_whoever_handed_in_lately_is_about_and_nobody_else() -> None:
    company: Company[str] = Company(2.0)
    assert company.size(100.0) == 0
    for who, at in (("a", 100.0), ("b", 101.0), ("a", 101.5)):
        company.came(who, at)
    assert not company.alone("a", 101.5)
    assert [company.size(at) for at in (101.5, 103.0, 103.1)] == [2, 2, 1]
    assert company.alone("a", 103.1) and not company.alone("b", 103.1)
    assert company.size(103.6) == 0 and not company.alone("a", 103.6)


def test_a_backlog_makes_a_large_batch_alone_or_beside_others_and_a_small_one_where_few_wait_beside_it() -> None:
    assert portion([500], 1, 100, 10) == portion([], 0, 100, 10) == 100
    assert [portion([500, *others], 2, 100, 10) for others in ((), (1,), (10,), (30,), (30, 20), (500,))] == [
        10, 11, 20, 60, 100, 100,
    ]  # fmt: skip
    assert portion([500, 1], 2, 5, 10) == 5 and portion([], 2, 100, 10) == 10


def rests(full: int = 100) -> Rests[str]:
    return Rests(3.0, full, longest=5.0)


def test_whoever_filled_most_of_a_batch_and_had_more_rests_while_it_is_in_hand_and_a_multiple_of_that_time() -> None:
    these = rests()
    assert these.took({"flood": 9, "other": 1}, {"flood": 500}, about=2, now=10.0) == "flood"
    assert these.until("flood", 10.4) == 15.0 and these.until("other", 10.4) is None
    these.done("flood", now=10.5)
    assert these.until("flood", 10.5) == pytest.approx(11.85) and these.until("other", 10.5) is None
    assert these.until("flood", 11.86) is None
    these.done("flood", now=12.0)  # said again
    assert these.until("flood", 12.0) is None


@pytest.mark.parametrize(
    ("left", "rest"),
    [
        pytest.param({"one": 100}, 3.0, id="a full queue"),
        pytest.param({"one": 7000}, 3.0, id="more than that"),
        pytest.param({"one": 50}, 1.5, id="half of one"),
        pytest.param({"one": 1}, 0.03, id="a little behind"),
        pytest.param({"one": 100, "other": 100}, 1.5, id="two that flood"),
        pytest.param({"one": 100, "other": 300}, 0.75, id="more of the other"),
    ],
)
def test_the_less_waits_and_the_more_of_others_the_shorter_is_the_rest(left: dict[str, int], rest: float) -> None:
    these = rests()
    these.took({"one": 2}, left, about=2, now=10.0)
    these.done("one", now=11.0)
    assert these.until("one", 11.0) == pytest.approx(11.0 + rest)


def test_a_batch_counts_no_less_than_it_costs_others_and_no_more_than_the_longest_time() -> None:
    these = rests()
    these.took({"one": 2}, {"one": 100}, about=2, now=10.0, least=0.2)
    these.done("one", now=10.001)
    assert these.until("one", 10.001) == pytest.approx(10.001 + 3 * 0.2)
    these.took({"one": 2}, {"one": 100}, about=2, now=20.0, least=7.0)
    these.done("one", now=29.0)
    assert these.until("one", 29.0) == pytest.approx(29.0 + 3 * 5.0)
    assert cost(b"") > 0 and cost(bytes(1_000_000)) - cost(b"") == pytest.approx(0.01)


def test_a_batch_that_nobody_sees_to_is_in_hand_for_no_longer_than_may_be() -> None:
    these = rests()
    these.took({"flood": 1}, {"flood": 500}, about=2, now=10.0)
    assert these.until("flood", 14.9) == 15.0
    assert these.until("flood", 15.0) == 30.0  # as if it had been seen to then
    these.done("flood", now=25.0)
    assert these.until("flood", 30.0) is None


@pytest.mark.parametrize(
    ("batch", "about", "left"),
    [
        pytest.param({"one": 100}, 1, {"one": 500}, id="nobody else is about"),
        pytest.param({"one": 5, "other": 5}, 2, {"one": 500}, id="no more than the others have"),
        pytest.param({"one": 9, "other": 1}, 2, {"other": 3}, id="all of it was taken"),
        pytest.param({"one": 1}, 2, {"one": 0, "other": 500}, id="all of it was taken, while another one rests"),
        pytest.param({}, 2, {"one": 3}, id="nothing was taken"),
    ],
)
def test_nobody_else_rests(batch: dict[str, int], about: int, left: dict[str, int]) -> None:
    these = rests()
    assert these.took(batch, left, about, now=10.0) is None
    assert these.until("one", 10.1) is None
    these.done("one", now=10.5)
    assert these.until("one", 10.5) is None


def test_a_batch_fits_into_its_time_by_the_pace_of_those_before() -> None:
    pace = Pace()
    assert pace.fit(0.1, 10, 100) == 100
    pace.took(100, 0.5)
    assert pace.fit(0.1, 10, 100) == 20 and pace.fit(0.1, 30, 100) == 30
    pace.took(20, 10.0)
    assert pace.fit(0.1, 10, 100) == 10
    for _ in range(40):
        pace.took(10, 0.0001)
    assert pace.fit(0.1, 10, 100) == 100


def test_once_tells_of_each_source_by_itself_and_how_often_it_was() -> None:
    once: Once[str] = Once(60.0)
    assert [once.due("a", 0.0), once.due("a", 1.0), once.due("b", 2.0), once.due("a", 59.0)] == [1, None, 1, None]
    assert once.due("a", 60.0) == 3


def test_all_lanes_together_hold_about_what_one_worker_may_hold() -> None:
    for lanes in (1, 2, 14, 100, 999):
        assert lanes * shares(lanes, bounds.INTAKE_BATCH, bounds.INTAKE_HELD) <= bounds.INTAKE_HELD
    assert shares(5000, bounds.INTAKE_BATCH, bounds.INTAKE_HELD) == 1
