"""Many known people at once: what is looked up for all of them together is what would be looked up for each."""

from __future__ import annotations

import random

import pytest

from policies.redaction.engine import Matcher
from policies.redaction.identity import Identity, Redacted, Settings
from policies.redaction.intake import identity_of
from policies.redaction.page import tokens_of
from policies.redaction.scripts import TOKEN
from tests.policies.redaction.ways import PEOPLE, Known, ways

ONLY_KNOWN = Settings(patterns=False, relatives=False)
EACH = 12  # of a person's ways of being written: one matcher for each person is dear


def known(number: int, who: Known) -> Identity:
    return identity_of(
        {
            "names": [who.full, *who.native],
            "aliases": [who.alias],
            "date_of_birth": "{}-{:02}-{:02}".format(*who.born),
            "documents": [who.document],
            "phones": [who.phone],
            "emails": [who.email],
            "address": f"{who.address[0]} {who.address[1]}, {who.address[2]}, {who.address[3]}",
        },
        pseudonym=f"V-{number:04}-PERSON",
    )


IDENTITIES = tuple(known(number, who) for number, who in enumerate(PEOPLE))


@pytest.fixture(scope="module")
def everyone() -> Matcher:
    return Matcher(IDENTITIES)


def hidden(result: Redacted) -> set[int]:
    return {at for f in result.findings for at in range(f.start, f.end)}


@pytest.mark.parametrize("number", range(len(PEOPLE)), ids=[who.full for who in PEOPLE])
def test_whoever_else_is_known_what_hides_a_person_hides_them_still(everyone: Matcher, number: int) -> None:
    alone = Matcher((IDENTITIES[number],))
    every = list(ways(PEOPLE[number]))
    found = 0
    for way in random.Random(number).sample(every, EACH):
        text = f"According to the file, {way.text} was seen near the depot on that evening."
        by_itself = hidden(alone.redact(text, settings=ONLY_KNOWN))
        assert by_itself <= hidden(everyone.redact(text, settings=ONLY_KNOWN)), way
        found += bool(by_itself)
    assert found > EACH // 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ana",
        " - ",
        "Ana left, at 7.",
        "Olena_Marchenko@post.example",
        "Олена поїхала о 7:30, а Ana лишилась",
        "她叫王小明，住在Lyon。",
        "प्रिया शर्मा ने बताया",
        "قالت هاجر O.P. إنها",
    ],
)
def test_the_words_of_a_text_are_the_same_however_fast_they_are_found(text: str) -> None:
    assert tokens_of(text) == [(m.group(), m.start(), m.end()) for m in TOKEN.finditer(text)]


def test_a_person_known_twice_is_found_as_nobody_in_particular() -> None:
    first, again = (Identity(pseudonym=f"V-{n:04}-PERSON", names=IDENTITIES[0].names) for n in (1, 2))
    name = PEOPLE[0]
    text = f"{name.given} {name.family} was seen, and so was {name.given}."
    alone, twice = (Matcher(people).redact(text, settings=ONLY_KNOWN) for people in ((first,), (first, again)))
    assert [(f.start, f.end) for f in twice.findings] == [(f.start, f.end) for f in alone.findings]
    assert {f.whose for f in alone.findings} == {"V-0001-PERSON"}
    assert {f.whose for f in twice.findings} == {None}
