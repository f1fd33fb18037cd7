"""Dates as people write them, in many languages and in words."""

from __future__ import annotations

import pytest

from policies.redaction.dates import Day, find_dates
from policies.redaction.page import Page
from policies.redaction.scripts import clean


def found(text: str) -> list[tuple[str, tuple[Day, ...]]]:
    plain = clean(text).text
    return [
        (plain[d.start : d.end], d.readings)
        for d in find_dates(Page.of(plain))
        if d.exact and (d.plain or "born" in text)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "14 March 2001",
        "14. März 2001",
        "2001. március 14.",
        "14 de marzo de 2001",
        "14 mars 2001",
        "14 marca 2001",
        "14 березня 2001",
        "14 марта 2001",
        "14 Mart 2001",
        "14. maaliskuuta 2001",
        "14 martie 2001",
        "14 marzo 2001",
        "14 maart 2001",
        "14 Μαρτίου 2001",
        "2001 m. kovo 14 d.",
        "2001. gada 14. marts",
        "March 14th, 2001",
        "14/3/2001",
        "2001-03-14",
        "2001年3月14日",
        "14-III-2001",
        "14th of March '01",
        "the fourteenth of March two thousand and one",
        "March fourteenth, two thousand and one",
        "catorce de marzo de dos mil uno",
        "vierzehnten März zweitausendeins",
        "quatorze mars deux mille un",
        "paisprezece martie două mii unu",
        "14 мар 2001",
        "14 مارس 2001",
    ],
)
def test_a_day_is_read_in_every_usual_form(text: str) -> None:
    assert [readings for _, readings in found(f"on {text} at noon")] == [((2001, 3, 14),)]


def test_a_year_in_words_is_taken_along_even_where_it_cannot_be_told() -> None:
    ((whole, readings),) = found("on the twenty-first of May nineteen ninety-eight they left")
    assert whole == "twenty-first of May nineteen ninety-eight"
    assert readings == ((None, 5, 21),)


def test_a_day_and_month_alone_are_a_date_behind_a_word_for_birth() -> None:
    assert found("born 14/3, she said") == [("14/3", ((None, 3, 14),))]
    assert found("rule 14/3 stands") == []


@pytest.mark.parametrize(
    "text", ["in march they will march", "the first march", "version 2.10.3", "chapter 4 Sat 3 men", "on April Street"]
)
def test_what_only_looks_like_a_date_is_none(text: str) -> None:
    assert found(text) == []
