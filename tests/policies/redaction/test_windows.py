"""A long text is looked at piece by piece; nobody can tell from the findings where the pieces met."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from policies.redaction.engine import Matcher
from tests.policies.redaction.people import EVERYONE, OKSANA, SUSPECTS

PIECES = (
    "Oksana", "Popescu", "Ion Popescu", "Hope", "hope", "O.P.", "her sister", "said the", "victim OP",
    "17 April 1998", "07700 900588", "passport FH 736204", "@oks_k94", "王小明", "الخطيب", "3 March 2024",
    "12 Harbour Steps", "a@b.example", "O k s a n a", "the market was closed", "Oks-\nana", "Marin Dobre",
)  # fmt: skip


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher(EVERYONE, SUSPECTS)


@pytest.fixture(scope="module")
def text() -> str:
    chance = random.Random(7)
    return "".join(chance.choice(PIECES) + chance.choice((" ", "\n", "\n\n", ". ", ", ")) for _ in range(600))


@pytest.mark.parametrize("window", [300, 1_111])
def test_the_findings_are_those_of_one_look_whatever_the_window(matcher: Matcher, text: str, window: int) -> None:
    whole = matcher.redact(text)
    assert len(whole.findings) > 200
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
