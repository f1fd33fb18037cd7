"""The limits that the redactor must keep on our own narratives, with nothing but its command: no model, every run.

What fails is named by document and trap; `python -m evaluation --only narratives --model without` shows the places.
"""

import pytest

from evaluation import measure, report
from evaluation.corpus import PLAIN, load, prose
from evaluation.redactor import by_command
from evaluation.scores import Rate


@pytest.fixture(scope="module")
def narratives() -> measure.Narratives:
    return measure.narratives(load(), by_command(net=False), lambda _: None)


@pytest.fixture(scope="module")
def forms() -> measure.Forms:
    return measure.in_sentences(by_command(net=False), lambda _: None, only=8)


def left(narratives: measure.Narratives, *, plain: bool) -> list[tuple[str, str]]:
    return [(d, trap) for what, d, trap, _ in narratives.failures if what == "left" and (trap in PLAIN or not plain)]


def test_no_narrative_leaks_a_plain_form_of_the_known_person(narratives: measure.Narratives) -> None:
    assert left(narratives, plain=True) == []


def test_no_narrative_leaks_any_form_of_the_known_person(narratives: measure.Narratives) -> None:
    assert left(narratives, plain=False) == []


def test_no_narrative_is_refused_and_every_answer_is_the_text_with_its_findings_replaced(
    narratives: measure.Narratives,
) -> None:
    assert narratives.refused == []
    assert narratives.torn == []


def test_at_most_three_ordinary_words_in_a_thousand_are_masked(narratives: measure.Narratives) -> None:
    assert narratives.words.all.total > 8_000
    assert narratives.words.all.value <= 0.003, report.per_cent(narratives.words.all)


def test_at_most_three_words_in_a_thousand_of_ordinary_prose_are_masked() -> None:
    masked, refused = measure.prose(prose(), load(), by_command(net=False), lambda _: None)
    assert refused == 0
    assert masked.all.total > 5_000
    assert masked.all.value <= 0.003, report.per_cent(masked.all)


def test_at_most_one_near_miss_in_a_hundred_is_masked_because_of_the_person(narratives: measure.Narratives) -> None:
    assert narratives.near_for_identity.all.total > 300
    masked = sorted(trap for trap, rate in narratives.near_for_identity.items() if rate.hits)
    assert narratives.near_for_identity.all.value <= 0.01, masked


def test_suspects_whose_names_are_their_own_stay(narratives: measure.Narratives) -> None:
    rate = narratives.kept[measure.OWN_NAME]
    assert rate.total > 100
    assert rate.value <= 0.01, report.per_cent(rate)


def test_no_plain_form_of_an_invented_person_survives(forms: measure.Forms) -> None:
    assert report.plain(forms).total > 500
    assert [(family, form) for family, _, form in forms.failures if family in measure.forms.PLAIN] == []


def test_at_most_one_form_in_a_hundred_survives(forms: measure.Forms) -> None:
    every: Rate = forms.survivors.all
    assert every.value <= 0.01, report.per_cent(every)
