"""Names through other scripts, systems of letters and ears; and other people and things, which stay."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from policies.redaction.engine import Matcher
from policies.redaction.identity import Settings
from policies.redaction.intake import identities_of

KNOWN_ALONE = Settings(patterns=False, generalise_dates=False)


def left(name: str | Sequence[str], text: str, lang: str | None = None) -> str:
    matcher = Matcher(identities_of({"names": [name] if isinstance(name, str) else list(name)}))
    return matcher.redact(text, settings=KNOWN_ALONE, lang=lang).text


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("Katarzyna Wójcikiewicz", "Катажына Вуйцикевич"),
        ("Katarzyna Wójcikiewicz", "Katazhyna Vuytsikevich"),
        ("Gerhard Schwarz", "Герхард Шварц"),
        ("Ayşegül Çelik", "Айшегюль Челик"),
        ("Blerta Hoxhaj", "Μπλερτα Χοξχατζ"),
        ("Oksana Hrytsenko", "Оксана Гриценко"),
        ("Oksana Hrytsenko", "Oksana Gricenko"),
        ("Ольга Пасічник", "Olga Pasitschnyk"),
        ("Ольга Пасічник", "Olga Paszicsnik"),
        ("Jussara dos Anjos", "Джуссара дос Анджос"),
        ("Shabnam Akhter", "Shabnom Aktar"),
        ("Lin Xiaoyan", "Lin Hsiaoyen"),
        ("高兴兰", "Xinglan Gao"),
        ("高兴兰", "GAO XINGLAN"),
        ("Małgorzata Nowak", "Gosia Nowak"),
        ("Jarosław Nowak", "Jarek"),
    ],
)
def test_a_name_goes_in_the_spelling_of_another_language(name: str, form: str) -> None:
    assert form not in left(name, f"There they saw {form} at work.", "en")
    assert left(name, f"There they saw {form} at work.", "en") == "There they saw [name] at work."


def test_a_surname_alone_goes_in_another_script() -> None:
    assert left("Jussara dos Anjos", "Затем Анджос ушла.", "ru") == "Затем [name] ушла."


@pytest.mark.parametrize(
    ("name", "text", "lang"),
    [
        ("Mirela Pop", "Vecina se numește Mirela Oancea și doarme.", "ro"),
        ("Yuliana Restrepo", "Otra compañera, Yuliana Mosquera, volvió.", "es"),
        ("Noelia Vega", "Vivía en la calle Vega, dijo.", "es"),
        ("Natalino da Cruz", "Pagámos na Rua da Cruz, em Dili.", "pt"),
        ("Georgiana Moldovan", "Firma se cheamă Moldovan Trans SRL, cred.", "ro"),
        ("Rosa Sommer", "Sie kam in einer Jacke in rosa.", "de"),
        ("Giada Leone", "Sulla porta era dipinto un leone rosso.", "it"),
        ("Wanda Gołąb", "Na dachu siedział gołąb.", "pl"),
        ("Szabó Virág", "Egy virág volt az asztalon.", "hu"),
        ("Joy Banks", "She asked two banks for help.", "en"),
    ],
)
def test_other_people_places_and_words_in_small_letters_stay(name: str, text: str, lang: str) -> None:
    assert left(name, text, lang) == text


@pytest.mark.parametrize("text", ["ruth was here", "[22:05] ruth banks called", "is that you ruthie?"])
def test_where_nobody_writes_capitals_a_name_goes_in_small_letters(text: str) -> None:
    assert "ruth " not in left("Ruth Banks", text + " ", "en")


def test_a_name_in_small_letters_that_is_no_word_goes_everywhere() -> None:
    assert left("Oksana Hrytsenko", "They asked oksana. She left.", "en") == "They asked [name]. She left."


def test_chinese_round_a_finding_stays() -> None:
    assert left("Wang Xiaoli", "护照上写的是Wang Xiaoli，她走了。", "zh") == "护照上写的是[name]，她走了。"


def test_a_sentence_that_begins_behind_a_name_is_no_part_of_it() -> None:
    assert left("Malina Lupescu", "They saw Malina. I went home.", "en") == "They saw [name]. I went home."
