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
        ("May Nguyen", "May was a hot month."),
        ("May Nguyen", "May is the busiest month of the year."),
        ("May Nguyen", "May and June were wet."),
        ("April Dawson", "April, May and June: no wages."),
        ("April Dawson", "April showers flooded the field."),
        ("August Brandt", "August 2023: second raid."),
        ("Summer Collins", "Summer was the busiest season."),
        ("Gift Phiri", "Gift cards were used."),
        ("Rose Adeyemi", "Rose leaves were dried on the roof."),
        ("Joy Mensah", "Joy at the acquittal was short-lived."),
        ("Faith Eze", "Faith in the courts is low."),
        ("Hope Osagiede", "they had no hope left"),
        ("Hope Osagiede", "i hope you are ok"),
        ("Mercy Okafor", "have mercy on us"),
        ("Rose Adeyemi", "the price rose again"),
        ("Will Turner", "he will come back"),
        ("Lena Blume", "Eine Blume stand auf dem Fensterbrett."),
        ("Hope Osagiede", "Hope to see you on Friday."),
        ("Will Turner", "Will to live was all they had."),
        ("Will Turner", "Will the driver be charged?"),
        ("May Nguyen", "May to September is the season."),
        ("Mercy Okafor", "Mercy for the others was not on his mind."),
        ("April Dawson", "They must leave by April."),
        ("Faith Eze", "keep faith in god"),
        ("Hope Osagiede", "give hope to them"),
        ("Mercy Okafor", "lord have mercy"),
        ("Joy Mensah", "so much joy today"),
        ("Happy Banda", "happy birthday dear"),
        ("Precious Obi", "very precious to me"),
        ("Charity Owusu", "the charity gave us food"),
        ("Patience Dube", "have patience she will come"),
    ],
)
def test_a_month_a_season_a_thing_or_a_virtue_stays_where_nobody_acts(name: str, text: str) -> None:
    assert redacted(name, text) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("May Nguyen", "May was given a phone by the driver."),
        ("May Nguyen", "May is afraid of him."),
        ("May Nguyen", "May was the first to leave the flat."),
        ("May Nguyen", "May and her cousin shared a mattress."),
        ("April Dawson", "April opened the door."),
        ("April Dawson", "April cooks for all of them."),
        ("April Dawson", "April, who speaks Twi, refused."),
        ("June Walker", "- June: bruises, no interview yet"),
        ("June Walker", "June wept."),
        ("August Brandt", "August was beaten by two of the men."),
        ("Summer Collins", "Summer was the slowest runner of the day shift."),
        ("Summer Collins", "Summer is over at her aunt's."),
        ("Gift Phiri", "Gift cards wool at the mill."),
        ("Comfort Mensah", "Comfort braids hair in the salon."),
        ("Rose Adeyemi", "Rose leaves at six."),
        ("Amy Field", "Field notes that she was paid once."),
        ("Joy Mensah", "Joy at the time was fifteen."),
        ("Joy Mensah", "Joy from the second floor opened."),
        ("Faith Eze", "Faith in the corner seat did not look up."),
        ("Mark Brown", "Mark the victim identified himself."),
        ("Will Turner", "Will cannot read."),
        ("Will Turner", "Will the driver left first."),
        ("Will Turner", "Will suffers from epilepsy."),
        ("Mercy Okafor", "The exam is done. Mercy consents."),
        ("Violet Shaw", "Violet bruises easily."),
        ("Will Turner", "Will to ring back."),
        ("Rose Adeyemi", "Rose to be moved on Friday."),
        ("Rose Adeyemi", "Rose not seen since four."),
        ("Faith Eze", "Faith alone knew the code."),
        ("Hope Osagiede", "Hope of the fourth floor is Nigerian."),
        ("May Nguyen", "May in tears."),
        ("April Dawson", "Statement by April: I was told to sit."),
        ("August Brandt", "August, 17, was found in the hold."),
        ("Rosa Quispe", "Rosa de 16 años."),
        ("Anna Sommer", "Im Fall Sommer wurde ermittelt."),
        ("Paz Montoya", "Paz y su hermana pidieron asilo."),
        ("Rose Petit", "Rose sans nouvelles de son fils."),
        ("Любов Шевченко", "Любов з дитиною в центрі."),
        ("Lê Thị Thu", "Thu nhập viện hôm qua."),
    ],
)
def test_the_person_goes_where_a_month_a_thing_or_a_virtue_would_not_act(name: str, text: str) -> None:
    assert "V-7K3Q-9MXA-TR" in redacted(name, text)


@pytest.mark.parametrize(
    ("lang", "name", "text"),
    [
        ("en", "Hope Osagiede", "i asked hope if she wanted tea, she said no"),
        ("en", "Grace Eze", "did grace come back last night?"),
        ("en", "Grace Eze", "is grace ok? they left"),
        ("en", "Mercy Okafor", "ok so mercy is coming tmrw, bring cash"),
        ("en", "Mercy Okafor", "he said mercy owes him 3000"),
        ("en", "Precious Obi", "pls find precious, she not answering"),
        ("en", "Faith Eze", "where is faith?"),
        ("en", "Will Turner", "i saw will at the yard"),
        ("en", "Patience Dube", "hi patience its me"),
        ("en", "Hope Osagiede", "her name is hope she is 16"),
        ("en", "Hope Osagiede", "sister hope has not eaten since monday"),
        ("en", "Joy Mensah", "dem lock joy for room o"),
        ("en", "Mercy Okafor", "i dey with mercy for market"),
        ("en", "Blessing Ade", "they sold blessing to another house"),
        ("en", "Patience Dube", "where patience dey"),
        ("en", "Faith Eze", "faith i am outside"),
        ("en", "Rose Adeyemi", "give rose the phone"),
        ("en", "Mercy Okafor", "they keep mercy in the back room"),
        ("es", "Luz Herrera", "oye luz ya salio de la casa?"),
        ("es", "Paz Montoya", "oye viste a paz? no contesta"),
        ("fr", "Rose Petit", "tu as vu rose hier soir?"),
        ("de", "Rosa Engel", "hast du rosa gesehen? sie geht nicht ran"),
        ("es", "Dolores Fuentes", "la dolores se fue anoche"),
        ("fr", "Rose Petit", "rose a peur du patron"),
        ("vi", "Phạm Thị Lan", "em lan ở đâu"),
    ],
)
def test_in_a_chat_in_small_letters_a_word_that_is_spoken_of_like_a_person_goes(
    lang: str, name: str, text: str
) -> None:
    assert "V-7K3Q-9MXA-TR" in redacted(name, text, lang=lang)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Mercy Okafor", "INTERVIEW OF MERCY ON 4 MAY"),
        ("Grace Eze", "GRACE WAS TAKEN TO HULL BY CAR"),
        ("Grace Eze", "THE MAN TOLD GRACE TO GET IN THE VAN"),
        ("Grace Eze", "Interview With Grace On Monday"),
        ("Grace Eze", "Grace Missing Since Monday"),
        ("Hope Osagiede", "HOPE HAS NO PASSPORT"),
        ("Rose Adeyemi", "ROSE AND TWO OTHERS LEFT"),
        ("Faith Eze", "URGENT - FAITH MISSING SINCE MONDAY"),
        ("Will Turner", "WILL SAID HE WAS HIT"),
        ("Will Turner", "STATEMENT OF WILL"),
        ("Mark Brown", "MARK WAS FOUND IN THE BARN"),
        ("Summer Collins", "SUMMER RANG AT NOON"),
        ("Вера Соколова", "ВЕРА УШЛА ИЗ ДОМА"),
        ("Umut Demir", "UMUT BULUNDU"),
    ],
)
def test_the_person_goes_where_everything_is_in_capitals(name: str, text: str) -> None:
    assert "V-7K3Q-9MXA-TR" in redacted(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Hope Osagiede", "THERE IS NO HOPE OF A VISA"),
        ("Grace Eze", "BY THE GRACE OF GOD"),
        ("Grace Eze", "A GRACE PERIOD OF TEN DAYS APPLIES"),
        ("Rose Adeyemi", "PRICES ROSE IN MAY"),
        ("Mercy Okafor", "HAVE MERCY ON US"),
        ("Faith Eze", "FAITH GROUPS WELCOME"),
        ("Will Turner", "WILL THE AGENCY PAY"),
        ("Mark Brown", "MARK ALL BOXES"),
        ("Charity Owusu", "THE CHARITY PAID THE FARE"),
        ("Hope Osagiede", "Hope For Survivors Of Trafficking"),
    ],
)
def test_a_word_in_capitals_stays_where_nothing_speaks_of_a_person(name: str, text: str) -> None:
    assert redacted(name, text) == text


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
