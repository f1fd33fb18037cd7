"""A known identity in every way of writing it, written into sentences, by a generator that shares no code with us."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import pytest

from policies.redaction.engine import Matcher
from policies.redaction.identity import Settings
from policies.redaction.intake import identity_of
from tests.policies.redaction.ways import PEOPLE, Known, Way, ways

ONLY_KNOWN = Settings(patterns=False, relatives=False)
SENTENCE = "According to the file, {} was seen near the depot on that evening."
# What may stay of a way of writing: the words that are no part of the identity.
HARMLESS = frozenset(
    """
    ms mrs the s img jpg docx pdf x statement justicefor tel number ending ends in born postcode nr th of day mailto doc
    work example social https st nd rd 003 ye nin ın dan
    """.split()  # noqa: SIM905
)


@cache
def matcher(who: Known) -> Matcher:
    return Matcher(
        (
            identity_of(
                {
                    "names": [who.full],
                    "aliases": [who.alias],
                    "date_of_birth": "{}-{:02}-{:02}".format(*who.born),
                    "documents": [who.document],
                    "phones": [who.phone],
                    "emails": [who.email],
                    "address": f"{who.address[0]} {who.address[1]}, {who.address[2]}, {who.address[3]}",
                },
                pseudonym="V-7K3Q-9MXA-TR",
            ),
        )
    )


def left_of(who: Known, way: Way) -> list[str]:
    """The words of the written identity that are still there after redaction."""
    text = SENTENCE.replace("{}", way.text)
    at = SENTENCE.index("{}")
    hidden = [False] * len(text)
    for finding in matcher(who).redact(text, settings=ONLY_KNOWN).findings:
        hidden[finding.start : finding.end] = [True] * (finding.end - finding.start)
    seen = "".join(c if not hidden[at + n] else " " for n, c in enumerate(way.text))
    return [w for w in re.findall(r"[^\W_]+", unicodedata.normalize("NFC", seen)) if w.lower() not in HARMLESS]


def test_there_are_more_than_eighty_ways_for_each_person() -> None:
    assert len(PEOPLE) >= 14
    for who in PEOPLE:
        assert len({way.text for way in ways(who)}) >= 80


@pytest.mark.parametrize("who", PEOPLE, ids=lambda who: who.full)
def test_no_plain_way_of_writing_a_known_identity_survives(who: Known) -> None:
    plain = [way for way in ways(who) if way.plain]
    assert len(plain) > 80
    assert [(way.name, left_of(who, way)) for way in plain if left_of(who, way)] == []


def test_of_all_ways_one_in_a_hundred_survives_at_most() -> None:
    every = [(who.full, way.name) for who in PEOPLE for way in ways(who)]
    survived = [(who.full, way.name) for who in PEOPLE for way in ways(who) if left_of(who, way)]
    assert len(survived) <= len(every) / 100, survived
