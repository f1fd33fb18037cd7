"""A long text is looked at piece by piece; nobody can tell from the findings where the pieces met."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.redaction.engine import Matcher
from tests.policies.redaction.people import EVERYONE, OKSANA, SUSPECTS

PIECES = st.lists(
    st.sampled_from(
        (
            "Oksana", "Popescu", "Ion Popescu", "Hope", "hope", "O.P.", "her sister", "said the", "victim OP",
            "17 April 1998", "07700 900588", "passport FH 736204", "@oks_k94", "王小明", "الخطيب", "3 March 2024",
            "12 Harbour Steps", "a@b.example", "O k s a n a", "the market was closed", "Oks-\nana", "Marin Dobre",
        )
    ),
    min_size=20,
    max_size=80,
)  # fmt: skip


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher(EVERYONE, SUSPECTS)


@given(pieces=PIECES, glue=st.sampled_from([" ", "\n", "\n\n", ". "]), window=st.integers(200, 4_000))
@settings(max_examples=12, deadline=None)
def test_the_findings_are_those_of_one_look_whatever_the_window(
    matcher: Matcher, pieces: list[str], glue: str, window: int
) -> None:
    text = glue.join(pieces) + glue + "The clerk put the sheet away and went on with the list. " * 90
    text = text + glue.join(reversed(pieces))
    whole = matcher.redact(text)
    matcher.window = window
    try:
        assert matcher.redact(text) == whole
    finally:
        del matcher.window


def test_memory_does_not_grow_with_the_text() -> None:
    matcher = Matcher((OKSANA,))
    matcher.window = 20_000
    page = "The clerk wrote that Oksana Popescu had left the house before the winter and had not come back. " * 20

    def peak(pages: int) -> int:
        text = page * pages
        tracemalloc.start()
        matcher.search(text, strict=True)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    small, large = peak(20), peak(80)
    assert large - small < 4 * 60 * len(page), "more than a few bytes for each further character"
