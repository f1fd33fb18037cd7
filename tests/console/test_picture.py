"""The picture of flows: all is in it, nothing overlaps, and it stays legible with two agencies and with forty."""

import re
from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.console.picture import BAR, EACH, GAP, LEFT, ROW, SHOWN, SPREAD, THIN, WIDTH, Flow, Picture, picture

parties = st.integers(0, 40).map(lambda n: f"agency-{n}")
flows = st.lists(st.tuples(parties, parties, st.integers(0, 5000), st.integers(0, 5000)), max_size=80)


def numbers(path: str) -> list[float]:
    return [float(text) for text in re.findall(r"-?\d+\.\d", path)]


@settings(max_examples=60, deadline=None)
@given(flows)
def test_every_decision_is_in_the_picture_once_on_either_side(given_flows: list[Flow]) -> None:
    made = picture(given_flows)
    permitted, refused = sum(f[2] for f in given_flows), sum(f[3] for f in given_flows)
    assert made.total == permitted + refused
    for outcome, count in ((True, permitted), (False, refused)):
        assert sum(r.count for r in made.ribbons if r.permitted == outcome) == count
    for bars in (made.left, made.right):
        assert sum(b.permitted for b in bars) == permitted and sum(b.refused for b in bars) == refused
        assert len(bars) <= SHOWN and all(b.height >= ROW for b in bars)
        for one, two in pairwise(bars):
            assert two.y - (one.y + one.height) == pytest.approx(GAP, abs=0.2), "names do not run into each other"
        assert all(b.y + b.height <= made.height + 0.2 for b in bars)


@settings(max_examples=60, deadline=None)
@given(flows)
def test_no_ribbon_leaves_its_bars_or_lies_upon_another(given_flows: list[Flow]) -> None:
    made = picture(given_flows)
    for side, bars, at in ((0, made.left, (1, 15)), (1, made.right, (7, 9))):
        ends: defaultdict[int, float] = defaultdict(float)
        for ribbon in made.ribbons:
            place = (ribbon.sender, ribbon.recipient)[side]
            top, bottom = (numbers(ribbon.path)[n] for n in at)
            assert bars[place].y - 0.2 <= top and bottom <= bars[place].y + bars[place].height + 0.2
            assert top == pytest.approx(bars[place].y + ends[place], abs=0.3)
            ends[place] += ribbon.width
        assert all(LEFT + BAR <= x <= WIDTH - LEFT - BAR for r in made.ribbons for x in numbers(r.path)[::2])


def test_a_ribbon_is_as_wide_as_decisions_were_many_and_a_single_refusal_is_still_seen() -> None:
    made = picture([("a", "b", 3000, 0), ("a", "c", 1000, 1)])
    many, few, one = made.ribbons
    assert many.width == pytest.approx(3 * few.width) and many.width == pytest.approx(SPREAD * 3000 / 4001)
    assert (one.permitted, one.count, one.width) == (False, 1, THIN)
    assert [b.party for b in made.left] == ["a"] and [b.party for b in made.right] == ["b", "c"]


def test_of_forty_agencies_the_busiest_have_names_and_the_rest_is_gathered() -> None:
    made = picture([(f"agency-{n}", "centre", n + 1, 0) for n in range(40)])
    assert len(made.left) == SHOWN and made.left[0].party == "agency-39"
    last = made.left[-1]
    assert (last.party, last.others) == (None, 40 - SHOWN + 1)
    assert last.permitted == sum(n + 1 for n in range(40 - SHOWN + 1))
    exact = picture([(f"agency-{n}", "centre", 1, 0) for n in range(SHOWN)])
    assert all(b.party is not None for b in exact.left) and len(exact.left) == SHOWN


def test_one_decision_is_a_ribbon_and_no_wall() -> None:
    (ribbon,) = picture([("a", "b", 1, 0)]).ribbons
    assert ribbon.width == EACH


def test_nothing_gives_an_empty_picture() -> None:
    for nothing in ([], [("a", "b", 0, 0)]):
        assert picture(nothing) == Picture(0.0, (), (), (), 0)
