"""Names that are words, words that are names, and other people of the same name."""

from __future__ import annotations

import pytest

from policies.redaction.engine import Matcher
from policies.redaction.identity import Settings
from policies.redaction.intake import identity_of, kept_of

ONLY_KNOWN = Settings(patterns=False, relatives=False)

STAYS = {
    "Hope Osagiede": (
        "We hope to see her.",
        "There is hope for the others.",
        "Hope springs eternal.",
        "Hope of rescue faded.",
        "They live in Hope Street.",
        "HOPE AND GLORY",
        "with hope and care",
    ),
    "Rose Adeyemi": ("He gave her a rose.", "Rose petals lay on the floor.", "The sun rose early.", "Roses were sold."),
    "Will Turner": ("Will they come back?", "He will turn left.", "It was the will of the people."),
    "May Nguyen": ("In May they left.", "May I go?", "It may rain.", "on 4 May 2021", "May 2021 was hot."),
    "Grace Eze": ("A grace period of ten days.", "with grace and ease", "By the grace of God."),
    "Mark Brown": ("Mark my words.", "a brown mark on the wall", "Brown bags stood there."),
    "Sunday Okafor": ("On Sunday they rested.", "Sunday morning came.", "every Sunday", "Sunday was quiet."),
    "Precious Obi": ("Precious little was known.", "Precious metals were found."),
    "Blessing Ade": ("a blessing in disguise", "Blessing of the boats"),
    "Joy Mensah": ("tears of joy", "full of joy"),
    "Esperanza Cruz": ("No había esperanza para ellos.", "La esperanza de vida era baja."),
    "Надія Мороз": ("Є ще надія на порятунок.", "Був мороз."),
    "Mai Tran": ("Nu mai este nimeni aici și nici nu a fost.", "Mai târziu au plecat cu toții la gară."),
    "Can Demir": ("You can go.", "Can you go?"),
    "An Wang": ("An old man sat.", "an apple"),
}
GOES = {
    "Hope Osagiede": (
        "Hope said nothing.",
        "They saw Hope there.",
        "Hope, who was 19, left.",
        "Hope and Joy left.",
        "HOPE OSAGIEDE",
        "Ms Hope",
        "hope osagiede",
        "Hope's bag",
        "her friend Hope",
    ),
    "May Nguyen": ("May said no.", "I met May there.", "her sister May", "with May and Lan", "May's phone"),
    "Will Turner": ("Will said no.", "They hit Will twice.", "Will Turner"),
    "Sunday Okafor": ("Sunday said so.", "I saw Sunday Okafor."),
    "Rose Adeyemi": ("Rose told us.", "Rose left early.", "I met Rose yesterday.", "Rose walked home."),
    "Grace Eze": ("Grace was in the car.", "Grace slept.", "they beat Grace"),
    "Mai Tran": ("Au văzut-o pe Mai acolo.", "Mai Tran"),
    "Esperanza Cruz": ("Esperanza dijo que no.", "vieron a Esperanza allí", "esperanza cruz"),
}


def redacted(name: str, text: str, *keep: str, lang: str | None = None) -> str:
    known = identity_of({"names": [name]}, pseudonym="V-7K3Q-9MXA-TR")
    return Matcher((known,), kept_of(list(keep))).redact(text, settings=ONLY_KNOWN, lang=lang).text


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in STAYS.items() for text in texts])
def test_a_word_that_equals_a_name_stays_where_it_is_a_word(name: str, text: str) -> None:
    assert redacted(name, text) == text


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in GOES.items() for text in texts])
def test_a_name_that_equals_a_word_goes_where_it_is_the_name(name: str, text: str) -> None:
    assert "V-7K3Q-9MXA-TR" in redacted(name, text)


@pytest.mark.parametrize(
    ("lang", "name", "text"),
    [
        ("fr", "Rose Petit", "Rose a pleuré toute la nuit."),
        ("fr", "Grace Mbeki", "Grace a été emmenée."),
        ("fr", "Rose Petit", "Rose ne dort plus."),
        ("it", "Sara Conti", "Sara non parlava."),
        ("it", "Joy Mensah", "Joy è scappata."),
        ("it", "Mia Rossi", "Mia piangeva."),
        ("it", "Mia Rossi", "Mia non parlava."),
        ("es", "Mia Rojo", "Mia lloraba."),
        ("hr", "Ali Demir", "Ali nije došao."),
        ("pl", "Inna Koval", "Inna uciekła nocą."),
        ("pl", "Maja Kot", "Maja uciekła nocą."),
        ("ro", "Mai Tran", "Mai a fugit pe fereastră."),
        ("de", "May Nguyen", "May ist verschwunden."),
        ("es", "Ella Adu", "Ella huyó de noche."),
        ("ru", "Мира Зима", "Мира ушла ночью."),
        ("tr", "Deniz Yıldız", "Deniz annesini aradı."),
        ("tr", "Deniz Yıldız", "Deniz'in kenarında oturan adam gitti."),
        ("tr", "Deniz Yıldız", "Deniz kenarda bekledi."),
        ("en", "Amber Stone", "A. Stone was there."),
        ("en", "Amber Stone", "A Stone signed it."),
        ("en", "Ida Popescu", "I popescu signed it."),
        ("en", "Jasmine King", "Jasmine slept."),
    ],
)
def test_the_first_word_of_a_sentence_goes_where_it_may_be_the_name(lang: str, name: str, text: str) -> None:
    assert "V-7K3Q-9MXA-TR" in redacted(name, text, lang=lang)


@pytest.mark.parametrize(
    ("lang", "name", "text"),
    [
        ("tr", "Deniz Yıldız", "Deniz kenarında bir otelde çalıştı."),
        ("tr", "Deniz Yıldız", "Deniz kıyısında çadırda kaldılar."),
        ("tr", "Irmak Demir", "Irmak kenarında bekledi."),
        ("en", "Amber Stone", "A stone was thrown at the window."),
        ("pt", "Olga Lobo", "O lobo foi visto na serra."),
        ("it", "Eva Leone", "E leone e tigre erano dipinti."),
        ("it", "Mia Rossi", "Mia madre piangeva."),
        ("ro", "Mai Tran", "Mai târziu au plecat."),
        ("hu", "Anna Kovács", "A kovács nem tudott semmit."),
        ("en", "Jasmine King", "He smelled of jasmine."),
    ],
)
def test_a_plain_word_stays_where_what_is_beside_it_shows_it(lang: str, name: str, text: str) -> None:
    assert redacted(name, text, lang=lang) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Ana Popescu", "Elena Popescu sold it."),
        ("Ana Popescu", "Ana Ionescu is the clerk."),
        ("Ana Popescu", "Popovici left."),
        ("Ana Popescu", "Mihai Popescu is the mayor."),
        ("Oksana Kovalenko", "Iryna Kovalenko signed."),
        ("Oksana Kovalenko", "Oksana Melnyk signed."),
        ("Oksana Kovalenko", "Kovalchuk came."),
        ("Oksana Kovalenko", "Ірина Коваленко тут"),
    ],
)
def test_another_person_of_the_same_given_or_family_name_stays(name: str, text: str) -> None:
    assert redacted(name, text) == text


@pytest.mark.parametrize("text", ["her brother Mihai Popescu", "Elena Popescu, her mother", "mama ei, Elena Popescu"])
def test_a_shared_name_goes_where_a_relative_is_spoken_of(text: str) -> None:
    assert "Popescu" not in redacted("Ana Popescu", text)


@pytest.mark.parametrize(
    "text",
    ["Viktor Popescu drove.", "V. Popescu paid.", "Popescu Viktor", "I s-a spus lui Viktor Popescu", "VIKTOR POPESCU"],
)
def test_a_suspect_who_shares_the_name_stays(text: str) -> None:
    assert redacted("Ana Popescu", text, "Viktor Popescu") == text


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("Popescu cried.", "V-7K3Q-9MXA-TR cried."),
        ("Ana and Viktor Popescu", "V-7K3Q-9MXA-TR and Viktor Popescu"),
        ("Ms Popescu hid from Viktor Popescu.", "V-7K3Q-9MXA-TR hid from Viktor Popescu."),
        ("A. Popescu", "V-7K3Q-9MXA-TR"),
    ],
)
def test_the_victims_own_mention_goes_beside_the_suspects(text: str, after: str) -> None:
    assert redacted("Ana Popescu", text, "Viktor Popescu") == after
