"""What people type: names in any order with titles, dates and addresses in any form, fields that are missing."""

from __future__ import annotations

import pytest

from messages.errors import BadInput
from policies.redaction.identity import Identity, Name
from policies.redaction.intake import birthdates, identities_of, identity_of, kept_of, names_of


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ms. Ana-Maria POPESCU", Name(given="Ana-Maria", family="POPESCU")),
        ("Popescu, Ana Maria", Name(given="Ana", middle="Maria", family="Popescu")),
        ("Шевченко Оксана Петрівна", Name(given="Оксана", middle="Петрівна", family="Шевченко")),
        ("Оксана Петрівна Шевченко", Name(given="Оксана", middle="Петрівна", family="Шевченко")),
        ("Dr. Ludwig van der Berg", Name(given="Ludwig", family="van der Berg")),
        ("Sister Joy Okafor", Name(given="Joy", family="Okafor")),
        ("王小明", Name(native=("王小明",))),
        ("Ana", Name(given="Ana")),
    ],
)
def test_a_whole_name_is_taken_apart(text: str, name: Name) -> None:
    assert names_of(text)[0] == name


def test_both_orders_are_kept_where_the_order_cannot_be_told() -> None:
    assert {(n.given, n.family) for n in names_of("Szabó Zsófia")} == {("Szabó", "Zsófia"), ("Zsófia", "Szabó")}


def test_another_name_in_quotes_or_brackets_is_an_alias() -> None:
    assert names_of('Oksana "Roxy" Kovalenko')[1] == Name(aliases=("Roxy",))


@pytest.mark.parametrize(
    ("text", "dates"),
    [
        ("2001-03-14", ["2001-03-14"]),
        ("2001-3-4", ["2001-03-04"]),
        ("14 March 2001", ["2001-03-14"]),
        ("14.03.2001", ["2001-03-14"]),
        ("14 березня 2001 року", ["2001-03-14"]),
        ("March 2001", ["2001-03"]),
        ("about 1998?", ["1998"]),
        ("2001-03-14T00:00:00Z", ["2001-03-14"]),
        ("unknown", []),
    ],
)
def test_a_date_of_birth_is_read_in_iso_and_free_form(text: str, dates: list[str]) -> None:
    assert birthdates(text) == dates


def test_a_date_that_may_be_two_days_is_searched_as_both() -> None:
    assert set(birthdates("03/04/1999")) == {"1999-04-03", "1999-03-04"}


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"names": None, "aliases": [], "date_of_birth": "", "documents": None, "phones": [""], "address": None},
        {"names": "Ana Pop", "phones": "0722", "documents": 12345, "other_numbers": [1, 2.5, "x"]},
        {"names": [{"given": "Ana", "family": "Pop"}], "address": {"street": "1 Long Road", "town": "Elm"}},
        {"unknown": {"field": [1]}, "names": ["  ", "-", "\u200b"]},
    ],
)
def test_missing_empty_and_odd_fields_are_fine(value: dict[str, object]) -> None:
    assert isinstance(identity_of(value), Identity)


@pytest.mark.parametrize("value", ["Ana", 3, [["Ana"]], {"names": [object()]}, {"phones": ["1"] * 1000}])
def test_what_is_no_identity_is_refused_without_its_words(value: object) -> None:
    with pytest.raises(BadInput) as refused:
        identities_of(value)
    assert "Ana" not in str(refused.value)


def test_numbers_of_no_stated_kind_are_sorted_by_their_look() -> None:
    known = identity_of({"other_numbers": ["a@b.example", "@ana_p", "https://x.example/a", "123/04"]})
    assert (known.emails, known.handles, known.urls, known.others) == (
        ("a@b.example",),
        ("@ana_p",),
        ("https://x.example/a",),
        ("123/04",),
    )


def test_kept_names_are_one_person_each() -> None:
    assert len(kept_of(["Viktor Popescu", "Mr Ion Dobre"])) == 2
    assert kept_of(None) == ()
