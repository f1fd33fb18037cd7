"""What spares an ordinary word never spares the person: saints, firms, marks, pseudonyms and other alphabets."""

import pytest

from policies.redaction.engine import Matcher
from policies.redaction.identity import Identity, Name


def person(given: str, family: str, pseudonym: str = "V-1") -> Identity:
    return Identity(pseudonym=pseudonym, names=(Name(given=given, family=family),))


@pytest.mark.parametrize(
    "text",
    [
        "We met Santa Maria Popescu.", "Saint Maria Popescu", "Sfanta Maria Popescu a fost aici",
        "Santa Popescu Maria", "our santa maria popescu", "Saint-Popescu", "Saint-Maria-Popescu",
        "POPESCU HOLDING A KNIFE", "MRS POPESCU CLEANING THE HOTEL", "Ms Popescu Travel Document No. 12 was shown.",
        "Victim Popescu Hotel Room 12", "Mrs Popescu Group chat", "Victim: Popescu Travel booked",
        'See <span title="Maria Popescu">her</span>', "<b Maria Popescu>", "<i maria.popescu@x.com>",
        '<em data-owner="Maria Popescu">x</em>', "Ma<b>ria</b> Popescu", "Maria%20Popescu",
    ],
)  # fmt: skip
def test_a_name_goes_whatever_stands_beside_it(text: str) -> None:
    done = Matcher((person("Maria", "Popescu"),)).redact(text).text
    assert "popescu" not in done.lower()


@pytest.mark.parametrize("text", ["She lives behind Santa Maria.", "He drove for Popescu Travel and was paid."])
def test_a_church_and_a_firm_of_that_name_stay(text: str) -> None:
    assert Matcher((person("Maria", "Popescu"),)).redact(text).text == text


@pytest.mark.parametrize("given", ["Faith", "Fatima", "Dada"])
def test_what_may_be_a_folder_or_an_escape_is_read_in_both_ways(given: str) -> None:
    matcher = Matcher((person(given, "Okoro"),))
    assert given not in matcher.redact(f"It lies in C:\\x{given} report").text
    assert matcher.search(f"C:\\x{given} report", strict=True)


def test_a_name_that_can_be_made_of_pseudonyms_is_still_a_name() -> None:
    matcher = Matcher((person("Abba", "Sow", "A"), person("Xi", "Lo", "B")))
    assert matcher.redact("The girl ABBA Sow fled").text == "The girl A fled"


def test_pseudonyms_made_of_each_other_take_no_time() -> None:
    matcher = Matcher(
        tuple(person(g, f, p) for g, f, p in (("Ann", "Lee", "V"), ("Bo", "Li", "VV"), ("Cy", "Lu", "VVV")))
    )
    assert matcher.redact("V" * 5000 + " x").text == "V" * 5000 + " x"  # in a pattern that tries all ways it never ends


@pytest.mark.parametrize(
    ("given", "family", "text"),
    [
        ("Sang", "Lee", "At the bar I sang every night."), ("Young", "Lee", "Young I was, and I young too."),
        ("Young", "Seo", "So young she was."), ("Soon", "Yu", "You soon come home."),
        ("Hung", "Han", "They han hung it."),
    ],
)  # fmt: skip
def test_words_that_sound_like_a_korean_name_are_words(given: str, family: str, text: str) -> None:
    matcher = Matcher((person(given, family),))
    assert matcher.redact(text).text == text
    assert matcher.redact(f"I saw {family} {given} and left.").text == "I saw V-1 and left."


@pytest.mark.parametrize("text", ["Pak Su Jin left", "we saw Bak Sujin", "Park Soo-jin", "박수진"])
def test_a_korean_name_goes_in_every_spelling(text: str) -> None:
    assert "V-1" in Matcher((person("Soo-jin", "Park"),)).redact(text).text
