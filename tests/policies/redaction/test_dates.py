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


@pytest.mark.parametrize(
    "text",
    [
        "twenty-first of May nineteen ninety-eight",
        "veintiuno de mayo de mil novecientos noventa y ocho",
        "vingt et un mai mille neuf cent quatre-vingt-dix-huit",
        "vinte e um de maio de mil novecentos e noventa e oito",
        "ventuno maggio millenovecentonovantotto",
        "einundzwanzigsten Mai neunzehnhundertachtundneunzig",
        "eenentwintig mei negentienhonderdachtennegentig",
        "douăzeci și unu mai o mie nouă sute nouăzeci și opt",
        "dwudziestego pierwszego maja tysiąc dziewięćset dziewięćdziesiątego ósmego",
        "двадцать первого мая тысяча девятьсот девяносто восьмого",
        "двадцять першого травня тисяча дев'ятсот дев'яносто восьмого",
        "двайсет и първи май хиляда деветстотин деветдесет и осма",
        "ezerkilencszázkilencvennyolc május huszonegyedikén",
        "yirmi bir Mayıs bin dokuz yüz doksan sekiz",
        "είκοσι μία Μαΐου χίλια εννιακόσια ενενήντα οκτώ",
        "njëzet e një maj një mijë e nëntëqind e nëntëdhjetë e tetë",
        "الحادي والعشرين من مايو ألف وتسعمائة وثمانية وتسعين",
        "hai mươi mốt tháng năm năm một nghìn chín trăm chín mươi tám",
        "一九九八年五月二十一日",
        "1998年5月21日",
        "21 tháng 5 năm 1998",
        "21MAY1998",
    ],
)
def test_a_date_in_words_is_read_whole_in_each_listed_language(text: str) -> None:
    assert (text, ((1998, 5, 21),)) in found(f"({text})")


def test_a_day_and_month_alone_are_a_date_behind_a_word_for_birth() -> None:
    assert found("born 14/3, she said") == [("14/3", ((None, 3, 14),))]
    assert found("rule 14/3 stands") == []


@pytest.mark.parametrize(
    "text", ["in march they will march", "the first march", "version 2.10.3", "chapter 4 Sat 3 men", "on April Street"]
)
def test_what_only_looks_like_a_date_is_none(text: str) -> None:
    assert found(text) == []
