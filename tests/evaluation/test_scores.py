"""Counting, tried on answers made by hand: by a redactor that masks nothing, everything, the right thing, or nearly."""

import pytest

from evaluation.redactor import Answer, Finding, holds_together
from evaluation.scores import (
    Precision,
    Rate,
    covered,
    hidden,
    ordinary,
    precision,
    readable,
    touched,
    wilson,
    words_masked,
    words_precision,
)

TEXT = "Then Ana Pop-Ionescu met Mrs Maria da Silva at the mill."
NAME = Finding(5, 20, "name", "")
SILVA = Finding(29, 43, "name", "")


def found(*places: tuple[int, int]) -> tuple[Finding, ...]:
    return tuple(Finding(start, end, "name", "") for start, end in places)


def is_hidden(place: Finding, *places: tuple[int, int]) -> bool:
    return hidden(TEXT, place, covered(len(TEXT), found(*places)))


def test_the_places_of_these_tests_are_what_they_seem() -> None:
    assert TEXT[NAME.start : NAME.end] == "Ana Pop-Ionescu"
    assert TEXT[SILVA.start : SILVA.end] == "Maria da Silva"


@pytest.mark.parametrize(("places", "expected"), [
    ((), False),
    (((0, len(TEXT)),), True),
    (((5, 20),), True),
    (((5, 8), (9, 20)), True),  # the blank between two findings names nobody
    (((5, 12), (13, 20)), True),  # nor does a hyphen
    (((5, 19),), False),  # off by one at the end
    (((6, 20),), False),  # and at the beginning
    (((9, 20),), False),
    (((20, 24),), False),
])  # fmt: skip
def test_a_mention_is_hidden_if_no_letter_of_it_is_left(places: tuple[tuple[int, int], ...], expected: bool) -> None:
    assert is_hidden(NAME, *places) is expected


def test_a_particle_left_beside_a_hidden_name_tells_nobody() -> None:
    assert is_hidden(SILVA, (29, 34), (38, 43))
    assert not is_hidden(SILVA, (29, 34))
    particle = Finding(35, 37, "name", "")
    assert TEXT[35:37] == "da"
    assert not is_hidden(particle)  # nothing of it is hidden


def test_touching_is_enough_to_mask_what_had_to_stay() -> None:
    mask = covered(len(TEXT), found((19, 22)))
    assert touched(NAME, mask)
    assert not touched(SILVA, mask)


def test_ordinary_words_are_those_that_no_mark_touches_or_has_grown_together_with() -> None:
    text = "She wrote to ana@post.example, Ana's aunt, twice."
    marks = found((13, 16), (31, 34))
    assert [text[a:b] for a, b in ordinary(text, marks)] == ["She", "wrote", "to", "aunt", "twice"]


def test_in_chinese_every_character_is_a_word() -> None:
    text = "她叫林晓燕，今天来。"
    assert [text[a:b] for a, b in ordinary(text, found((2, 5)))] == ["她", "叫", "今", "天", "来"]


@pytest.mark.parametrize(("places", "hits"), [((), 0), (((0, 56),), 5), (((5, 20),), 0), (((4, 22),), 1)])
def test_masked_words_are_counted_once_each(places: tuple[tuple[int, int], ...], hits: int) -> None:
    assert words_masked(TEXT, (NAME, SILVA), found(*places)) == Rate(hits, 5)  # Then met at the mill


def test_a_title_may_go_with_its_name_and_is_a_word_elsewhere() -> None:
    text = "The Miss Pop cup: Miss Pop won, Pop asszony lost, and a miss is a miss."
    marks = found((9, 12), (23, 26), (32, 35))
    words = [text[a:b] for a, b in ordinary(text, marks)]
    assert words == ["The", "cup", "won", "lost", "and", "a", "miss", "is", "a", "miss"]


def test_precision_is_the_share_of_what_was_masked_that_had_to_go() -> None:
    assert precision(TEXT, (NAME,), found((5, 20))) == Precision(13, 13)
    assert precision(TEXT, (NAME,), found((0, 20))) == Precision(13, 17)
    assert precision(TEXT, (NAME,), ()).value == 1.0
    assert words_precision(TEXT, (NAME,), found((0, 20))) == Precision(3, 4)
    assert (Precision(1, 2) + Precision(1, 2)).value == 0.5


def test_what_can_be_read_in_the_redacted_text_is_found_by_its_words() -> None:
    text = "Popescu and the other Popescu met."
    places = found((0, 7))
    assert readable(text, "V-1 and the other Popescu met.", places) == []
    assert readable(text, "Popescu and the other Popescu met.", places) == [0]
    assert readable(text, "Popescus and the other Popescu met.", places) == []


def test_an_answer_holds_together_if_only_its_findings_were_replaced() -> None:
    def answer(redacted: str, *places: tuple[int, int]) -> Answer:
        return Answer(id="x", redacted=redacted, findings=found(*places))

    text = "Then Ana came, and Ana left."
    assert holds_together(text, answer("Then V came, and V left.", (5, 8), (19, 22)))
    assert holds_together(text, answer("Then V came, and V left.", (19, 22), (5, 8)))  # in any order
    assert holds_together(text, answer(text))
    assert holds_together(text, answer("V left.", (0, 15), (10, 22)))  # overlapping
    assert not holds_together(text, answer("Then V came, V left.", (5, 8), (19, 22)))
    assert not holds_together(text, answer("Then V came", (5, 8)))


def test_wilsons_interval() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(0, 113)
    assert low == 0.0
    assert high == pytest.approx(0.0329, abs=1e-4)
    low, high = wilson(10, 20)
    assert (low, high) == (pytest.approx(0.2993, abs=1e-4), pytest.approx(0.7007, abs=1e-4))
    assert wilson(7, 7)[1] == 1.0


def test_rates_add_up() -> None:
    assert Rate(1, 10) + Rate(2, 30) == Rate(3, 40)
    assert Rate(0, 0).value == 0.0
