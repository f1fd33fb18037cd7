"""Who is shut out for what it hands the servers: the pure decision."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus import bounds
from bus.intake import Bucket
from bus.overruns import BYTES, CONNECTION, FULL, OPEN, WRITTEN, Connected, Cut, Overruns, Reading, load
from messages import limits

EPOCH = datetime(2026, 11, 28, tzinfo=UTC)
LOOK = bounds.OVERRUN_LOOK


@dataclass
class Town:
    """Servers that count, one broker that looks at them, and a clock. A login is named `agency/contact`."""

    overruns: Overruns[str] = field(default_factory=Overruns)
    now: float = 1_000.0
    counts: dict[tuple[str, int], tuple[str, float, int, int, bool]] = field(default_factory=dict)
    full: set[str] = field(default_factory=set)
    hidden: set[tuple[str, int]] = field(default_factory=set)

    def came(self, login: str, server: str = "s") -> tuple[str, int]:
        place = (server, len(self.counts) + 1)
        self.counts[place] = (login, self.now, 0, 0, False)
        return place

    def sent(self, place: tuple[str, int], pieces: float, size: int = 0) -> None:
        login, began, before, size_before, closed = self.counts[place]
        self.counts[place] = (login, began, before + int(pieces), size_before + size, closed)

    def left(self, place: tuple[str, int]) -> None:
        self.counts[place] = (*self.counts[place][:4], True)

    def readings(self) -> list[Reading]:
        found: dict[str, list[Connected]] = {"s": []}
        for place, (login, began, pieces, size, closed) in self.counts.items():
            if place not in self.hidden:
                at = EPOCH + timedelta(seconds=began)
                one = Connected(place=place, login=login, began=at, pieces=pieces, bytes=size, closed=closed)
                found.setdefault(place[0], []).append(one)
        at = EPOCH + timedelta(seconds=self.now)
        return [Reading(server=server, now=at, connections=tuple(some)) for server, some in found.items()]

    def look(self, after: float = LOOK, excused: float = 0.0, excused_bytes: float = 0.0) -> dict[str, Cut[str]]:
        self.now += after
        agency_of = {login: login.partition("/")[0] for login, *_ in self.counts.values()}.get
        return self.overruns.look(self.readings(), agency_of, self.full, self.now, excused, excused_bytes)

    def looks(self, times: int, rates: dict[tuple[str, int], float]) -> Iterable[set[str]]:
        """Whom each look cuts, while these connections send so many pieces a second."""
        for _ in range(times):
            for place, rate in rates.items():
                self.sent(place, rate * LOOK)
            yield set(self.look())


@pytest.fixture
def town() -> Town:
    made = Town()
    made.look()
    return made


def test_whoever_sends_faster_than_any_adapter_is_cut_off_within_a_second(town: Town) -> None:
    flood, other = town.came("flood/desk"), town.came("other/desk")
    cut = [*town.looks(4, {flood: 10_000, other: 200})]
    assert set().union(*cut) == {"flood/desk"}
    assert town.overruns.shut("flood/desk", town.now) and not town.overruns.shut("other/desk", town.now)


def test_beside_a_full_queue_less_is_too_much(town: Town) -> None:
    flood, busy = town.came("flood/desk"), town.came("busy/desk")
    town.full = {"flood"}
    cut = [*town.looks(40, {flood: 2_000, busy: 2_000})]
    assert set().union(*cut) == {"flood/desk"}
    assert not town.overruns.shut("busy/desk", town.now)


@given(st.lists(st.tuples(st.floats(0.05, 30.0), st.floats(0.0, 1.0), st.booleans()), max_size=40), st.booleans())
def test_nobody_is_ever_cut_off_who_keeps_within_the_rate(
    steps: list[tuple[float, float, bool]], always_full: bool
) -> None:
    town = Town(full={"one"} if always_full else set())
    town.look()
    place = town.came("one/desk")
    for seconds, share, again in steps:
        town.sent(place, FULL.rate * seconds * share)
        assert not town.look(seconds)
        if again:  # a login lives for minutes: it comes back on another connection
            town.left(place)
            place = town.came("one/desk")


@given(
    st.lists(st.floats(0.05, 2.0), min_size=1, max_size=15),
    st.sampled_from([3_000, 100_000, limits.ENVELOPE_BYTES]),
    st.sampled_from([(1, True), (2, False)]),
)
def test_adapters_of_ours_at_their_fastest_are_never_cut_off(
    waits: list[float], size: int, how: tuple[int, bool]
) -> None:
    adapters, full = how
    town = Town(full={"one"} if full else set())
    town.look()
    paces = [bounds.SENT_BY_US, bounds.SENT_BY_US_URGENT] * adapters
    lanes = [(town.came(f"one/{number // 2}"), Bucket(*pace)) for number, pace in enumerate(paces)]

    def turn(bucket: Bucket, at: float) -> float:
        """When the next goes that is at hand at `at`: whenever the bucket lets it."""
        bucket.take(load(1, size), at)
        return at + max(0.0001, bucket.owed(at))

    due = [turn(bucket, town.now) for _, bucket in lanes]
    for seconds in waits:
        for number, (place, bucket) in enumerate(lanes):
            while due[number] <= town.now + seconds:
                town.sent(place, 1, size)
                due[number] = turn(bucket, due[number])
        assert not town.look(seconds)


def test_a_quiet_colleague_of_whoever_floods_stays_inside(town: Town) -> None:
    flood, quiet = town.came("one/flood"), town.came("one/quiet")
    cut = [*town.looks(8, {flood: 20_000, quiet: 20})]
    assert set().union(*cut) == {"one/flood"}


def test_many_logins_of_one_agency_count_together_and_those_left_are_within_bounds(town: Town) -> None:
    places = {town.came(f"one/{number}"): 500.0 for number in range(20)}
    cut = [*town.looks(60, places)]
    gone = set().union(*cut)
    assert 500 * (20 - len(gone)) <= OPEN.rate < 500 * (20 - len(gone) + 1)


def test_it_helps_nobody_to_spread_over_servers_or_connections(town: Town) -> None:
    places = {town.came("one/desk", f"s{number % 3}"): 10_000 / 30 for number in range(30)}
    town.look()
    cut = [*town.looks(8, places)]
    assert set().union(*cut) == {"one/desk"}


def test_it_helps_nobody_to_leave_before_anybody_looks(town: Town) -> None:
    for _ in range(8):
        for _ in range(5):
            place = town.came("one/desk")
            town.sent(place, 500)
            town.left(place)
        if town.look():
            break
    assert town.overruns.shut("one/desk", town.now)


def test_logging_in_again_and_again_is_too_much_by_itself(town: Town) -> None:
    for _ in range(20):
        for _ in range(int(2 * OPEN.rate / CONNECTION * LOOK)):
            town.left(town.came("one/desk"))
        if town.look():
            break
    assert town.overruns.shut("one/desk", town.now)


def test_everybody_who_comes_back_at_once_beside_full_queues_is_let_in(town: Town) -> None:
    town.full = {"one"}
    for number in range(70):
        town.came(f"one/{number}")
    assert not town.look()


def test_who_sends_large_pieces_is_over_sooner_than_by_their_number(town: Town) -> None:
    place, size = town.came("one/desk"), 8 * 2**20
    cut = []
    for _ in range(2):
        town.sent(place, 2, 2 * size)
        cut.append(bool(town.look()))
    assert cut == [False, True]  # of 64 MB a second, after half a second
    assert OPEN.burst > load(4, 4 * size) - OPEN.rate * 2 * LOOK


def test_bytes_that_were_asked_for_are_not_held_against_anybody(town: Town) -> None:
    place, size = town.came("one/desk"), 16 * 2**20
    for _ in range(8):
        town.sent(place, 2, size)
        assert not town.look(excused=load(2, size), excused_bytes=size)
    town.sent(place, 2, 2 * size)
    assert not town.look(excused=load(2, size), excused_bytes=size)  # nor against what it sends besides
    town.sent(place, 2, 2 * size)
    assert town.look(excused=load(2, 2 * size), excused_bytes=size)


def test_bytes_count_besides_pieces(town: Town) -> None:
    large, small = town.came("one/desk"), town.came("two/desk")
    for _ in range(8):
        town.sent(large, 15, 120 * BYTES * 15)
        town.sent(small, 15, BYTES * 15)
        town.look()
    assert town.overruns.shut("one/desk", town.now) and not town.overruns.shut("two/desk", town.now)


def test_what_was_asked_for_is_not_held_against_anybody(town: Town) -> None:
    place = town.came("one/desk")
    for _ in range(20):
        town.sent(place, 3_000)
        assert not town.look(excused=3_000)
    town.sent(place, 3_000 + OPEN.burst * 0.9)  # nor against what it sends besides
    assert not town.look(excused=3_000)


def test_a_connection_that_was_still_at_the_door_counts_from_its_beginning(town: Town) -> None:
    place = town.came("one/desk")
    town.hidden = {place}
    town.look()
    town.hidden = set()
    town.sent(place, OPEN.burst + OPEN.rate)
    assert set(town.look()) == {"one/desk"}


def test_what_an_old_connection_sent_before_it_was_seen_does_not_count(town: Town) -> None:
    place = town.came("one/desk")
    town.hidden = {place}
    town.look(60.0)
    town.hidden = set()
    town.sent(place, 10 * OPEN.burst)
    assert not town.look()
    town.sent(place, 10 * OPEN.burst)
    assert set(town.look()) == {"one/desk"}


def test_a_broker_that_has_just_started_looks_twice_before_it_cuts() -> None:
    town = Town()
    place = town.came("one/desk")
    town.sent(place, 100_000)
    assert not town.look()
    town.sent(place, 100_000)
    assert set(town.look()) == {"one/desk"}


def test_who_is_shut_out_comes_back_later_each_time_and_is_forgiven_after_a_good_while(town: Town) -> None:
    def until_cut() -> float:
        place = town.came("one/desk")
        while True:
            town.sent(place, 20_000 * LOOK)
            found = town.look()
            if found:
                town.left(place)
                return found["one/desk"].seconds

    seconds = []
    for _ in range(6):
        seconds.append(until_cut())
        assert town.overruns.shut("one/desk", town.now + seconds[-1] - 0.1)
        town.look(seconds[-1])
        assert not town.overruns.shut("one/desk", town.now)
    first, longest = bounds.SHUT_SECONDS, bounds.SHUT_LONGEST
    assert seconds == [min(longest, first * 2**number) for number in range(6)] and seconds[-1] == longest
    town.look(2 * longest)
    assert until_cut() == first


def test_who_is_shut_out_and_inside_all_the_same_is_cut_again_and_not_for_longer(town: Town) -> None:
    place = town.came("one/desk")
    while not (found := town.look()):
        town.sent(place, 20_000 * LOOK)
    assert (found["one/desk"].agency, found["one/desk"].again) == ("one", False)
    [again] = town.look().values()
    assert again == Cut("one", pytest.approx(found["one/desk"].seconds - LOOK), again=True)
    colleague = town.came("one/colleague")
    town.look(10.0)
    for pieces in (0, 0, OPEN.burst * 0.9):  # whatever goes on counts no more against those who stay
        town.sent(place, 100_000)
        town.sent(colleague, pieces)
        assert set(town.look()) == {"one/desk"}
    town.left(place)
    assert not town.look()


def test_a_login_that_is_nobodys_is_not_asked_for(town: Town) -> None:
    place = town.came("one/desk")
    for _ in range(8):
        town.now += LOOK
        town.sent(place, 20_000)
        assert not town.overruns.look(town.readings(), lambda _: None, set(), town.now)


def test_nobody_is_looked_at_before_the_servers_are_handed_more_than_one_may_send() -> None:
    overruns: Overruns[str] = Overruns()
    assert not overruns.worth({"s": 1e9}, 10.0)  # what came before we did
    assert not overruns.worth({"s": 1e9 + FULL.rate}, 11.0)
    assert overruns.worth({"s": 1e9 + 2 * FULL.rate + 2}, 12.0)
    assert overruns.worth({"s": 2 * FULL.rate}, 13.0)  # a server that was started again counts from nothing
    assert not overruns.worth({"s": 2 * FULL.rate, "t": FULL.rate / 2}, 14.0)
    assert overruns.worth({"s": 2.6 * FULL.rate, "t": FULL.rate}, 15.0)


def test_an_old_flood_does_not_count_for_ever_against_those_of_its_agency_who_stay(town: Town) -> None:
    flood = town.came("one/flood")
    town.sent(flood, 10_000_000)
    assert set(town.look()) == {"one/flood"}
    town.left(flood)
    quiet = town.came("one/quiet")
    cut = [*town.looks(20, {quiet: OPEN.rate * 0.2})]
    town.sent(quiet, OPEN.burst * 0.9)  # much at once, and no more than anybody may
    assert not set().union(*cut, town.look())


def test_the_bounds_leave_room_between_what_an_adapter_sends_and_what_is_too_much() -> None:
    ours, burst = (sum(both) for both in zip(bounds.SENT_BY_US, bounds.SENT_BY_US_URGENT, strict=True))
    assert ours < FULL.rate < OPEN.rate
    assert burst < FULL.burst < OPEN.burst
    assert 2 * ours * BYTES < WRITTEN.rate and WRITTEN.rate > FULL.rate * BYTES  # else nobody would look
    assert bounds.KNOCK_SECONDS < bounds.AUTH_SECONDS
