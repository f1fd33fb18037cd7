"""What the redactor must keep on our own narratives, with nothing but its command: no model, every run.

Some limits that docs/redaction.md asks for are kept and are held here as they are. Others are not kept yet; for those
the tests hold the rate that was last measured, so that it can only get better. Lower the numbers as the engine does.

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


MENTIONS_LEFT = 0.0
PLAIN_LEFT = 0
WORDS_MASKED = 0.003
NEAR_MISSES_MASKED = 0.03  # asked for: 0.01
SUSPECTS_MASKED = 0.025  # asked for: 0.01
FORMS_SURVIVING = 0.005  # asked for: 0.01


def test_no_more_mentions_of_the_known_person_are_left_than_were(narratives: measure.Narratives) -> None:
    left = [(d, trap) for what, d, trap, _ in narratives.failures if what == "left"]
    plain = [x for x in left if x[1] in PLAIN]
    assert narratives.mentions.all.total > 1_000
    assert narratives.mentions.all.value <= MENTIONS_LEFT, report.per_cent(narratives.mentions.all)
    assert len(plain) <= PLAIN_LEFT, plain


def test_no_narrative_is_refused_and_every_answer_is_the_text_with_its_findings_replaced(
    narratives: measure.Narratives,
) -> None:
    assert narratives.refused == []
    assert narratives.torn == []


def test_no_more_ordinary_words_of_narratives_are_masked_than_were(narratives: measure.Narratives) -> None:
    assert narratives.words.all.total > 8_000
    assert narratives.words.all.value <= WORDS_MASKED, report.per_cent(narratives.words.all)


def test_at_most_three_words_in_a_thousand_of_ordinary_prose_are_masked() -> None:
    masked, refused = measure.prose(prose(), load(), by_command(net=False), lambda _: None)
    assert refused == 0
    assert masked.all.total > 5_000
    assert masked.all.value <= 0.003, report.per_cent(masked.all)


def test_no_more_near_misses_are_masked_because_of_the_person_than_were(narratives: measure.Narratives) -> None:
    assert narratives.near_for_identity.all.total > 300
    masked = sorted(trap for trap, rate in narratives.near_for_identity.items() if rate.hits)
    assert narratives.near_for_identity.all.value <= NEAR_MISSES_MASKED, masked


def test_suspects_whose_names_are_their_own_stay_as_often_as_they_did(narratives: measure.Narratives) -> None:
    rate = narratives.kept[measure.OWN_NAME]
    assert rate.total > 100
    assert rate.value <= SUSPECTS_MASKED, report.per_cent(rate)


def test_no_plain_form_of_an_invented_person_survives(forms: measure.Forms) -> None:
    assert report.plain(forms).total > 500
    assert [(family, form) for family, _, form in forms.failures if family in measure.forms.PLAIN] == []


def test_no_more_forms_survive_than_did(forms: measure.Forms) -> None:
    every: Rate = forms.survivors.all
    assert every.value <= FORMS_SURVIVING, report.per_cent(every)
