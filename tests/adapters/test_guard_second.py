"""The second detector: what it finds of a person it knows, in how many disguises, and what it lets pass."""

import base64
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.guarding import folding, languages, second
from adapters.guarding.second import Second
from adapters.guarding.settings import Strictness
from messages.catalogue import KnownPerson, load
from messages.labels import Role

ROOT = Path(__file__).parents[2]
WOMAN = KnownPerson(
    role=Role.VICTIM,
    reference="v1",
    names=(("Ilse", "Marijke", "Vantongeren"), ("Ильзе", "Вантонгерен")),
    aliases=("Zwaluwtje",),
    birthdates=("1998-04-17",),
    numbers=("XP 4471-902", "850417/2231"),
    phones=("+44 7700 900123",),
    emails=("ilse.vt98@post.example",),
    handles=("moonriver_77",),
    urls=("https://pages.example/ilse-vt",),
    addresses=("14 Larkspur Lane, Aldermouth",),
    accounts=("GB29 NWBK 6016 1331 9268 19",),
    plates=("AB12 CDE",),
)
CHINESE = KnownPerson(role=Role.VICTIM, reference="v2", names=(("林晓燕",),), birthdates=("2003-07-09",))
ONE = Second([WOMAN, CHINESE])


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("name", "Then Ilse Vantongeren left."),
        ("name", "Then ILSE VANTONGEREN left."),
        ("name", "Then Vantongeren, Ilse left."),
        ("name", "Then I. Vantongeren left."),
        ("name", "We asked Ilse about it."),
        ("name", "Mrs Vantongeren's room"),
        ("name", "I l s e  V a n t o n g e r e n"),
        ("name", "V-A-N-T-O-N-G-E-R-E-N"),
        ("name", "she wrote to Van-\ntongeren"),
        ("name", "Ils\u200be Vanton\u00adgeren"),
        ("name", "Ilsе Vаntongеrеn"),
        ("name", "1l53 V4nt0ng3r3n"),
        ("name", "Vantongeern"),
        ("name", "Vantongerem"),
        ("name", "ilsevantongeren1998"),
        ("name", "@ilsevantongeren"),
        ("name", "#FreeVantongeren #Vantongeren"),
        ("name", "Илзе Вантонгерен уехала"),
        ("name", "Ilse%20Vantongeren"),
        ("name", "&#73;lse &#86;antongeren"),
        ("name", "I\u0301lse Va\u0308ntongeren"),
        ("name", "Ｉｌｓｅ Ｖａｎｔｏｎｇｅｒｅｎ"),
        ("name", "called Zwaluwtje by the others"),
        ("name", base64.b64encode(b"Ilse Vantongeren left").decode()),
        ("name", b"Ilse Vantongeren".hex()),
        ("name", base64.b64encode(base64.b64encode(b"from Ilse Vantongeren")).decode()),
        ("name", "她叫晓燕，在那里工作"),
        ("birthdate", "born 17 April 1998"),
        ("birthdate", "born on the 17th of April, 1998"),
        ("birthdate", "17/04/98"),
        ("birthdate", "1998-04-17"),
        ("birthdate", "17.IV.1998"),
        ("birthdate", "April 17, 1998"),
        ("birthdate", "19980417"),
        ("birthdate", "le 17 avril 1998"),
        ("birthdate", "2003年7月9日"),
        ("number", "document XP4471902"),
        ("number", "document xp 44 71 90 2"),
        ("number", "8504172231"),
        ("number", "GB29NWBK60161331926819"),
        ("number", "plate AB12CDE"),
        ("phone", "07700 900 123"),
        ("phone", "(0)7700-900-123"),
        ("phone", "+447700900123"),
        ("phone", "0 7 7 0 0 9 0 0 1 2 3"),
        ("phone", "٠٧٧٠٠٩٠٠١٢٣"),
        ("email", "mail ilse.vt98@post.example now"),
        ("email", "user ilse.vt98 wrote"),
        ("handle", "on the site as Moonriver_77"),
        ("address", "a flat at 14 Larkspur Lane"),
        ("address", "Larkspur Ln no. 14"),
        ("packed", "A" * 200),
    ],
)
def test_a_known_person_is_found_in_every_disguise(kind: str, text: str) -> None:
    assert kind in ONE.find(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "She left on Monday and took the bus to the harbour.",
        "V-7K3Q-9MXA-TR was asked about it.",
        "Ilse Bergmann interpreted.",
        "Three workers had been there since April 1998.",
        "17 people, 4 rooms, 1998 leaflets",
        "[a date in April 1998], 17 boxes",
        "14 people in Larkspur",
        "Room 14 of the hotel in the lane.",
        "Call the helpline on 0800 800 0000.",
        "The invoice is no. 4471-900.",
        "In the else branch, ulster and vantage are words.",
    ],
)
def test_what_is_about_nobody_known_passes(text: str) -> None:
    assert ONE.find(text) == frozenset()


def test_digits_too_many_for_a_number_are_no_date() -> None:
    long = "9" * 5_000  # Python makes a number of no more than 4,300
    for text in (f"{long} 4 1998", f"1998 {long} 17", f"17 {long} 1998", f"17 4 {long}"):
        assert "birthdate" not in ONE.find(text)


def test_a_suspect_keeps_the_whole_name_that_he_shares_a_part_of() -> None:
    shared = Second([WOMAN], [("Piet", "Vantongeren")])
    assert not shared.find("Piet Vantongeren drove the van.")
    assert shared.find("Vantongeren drove the van.")
    assert shared.find("Piet Vantongeren drove. Ilse stayed.")


def test_a_name_that_is_a_word_counts_as_part_of_the_whole_name_alone() -> None:
    joy = Second([KnownPerson(role=Role.VICTIM, reference="v", names=(("Joy", "Baker"),))])
    assert not joy.find("It was no joy to be a baker. Joy is rare.")
    assert joy.find("Joy Baker came.") and joy.find("Baker, Joy")


def test_how_strictly_it_looks_is_a_setting() -> None:
    slip = "Then Vantongerxn left."
    assert Second([WOMAN], how=Strictness(one_slip=6)).find(slip)
    short = KnownPerson(role=Role.VICTIM, reference="v", names=(("Oana", "Lupescu"),))
    assert not Second([short], how=Strictness(one_slip=9)).find("Then Lupexcu left.")
    assert Second([short], how=Strictness(one_slip=4)).find("Then Lupexcu left.")


def test_it_shares_nothing_with_the_redactor() -> None:
    for module in (second, folding, languages):
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        assert "policies" not in source.replace("`policies.redaction`", "")
        assert "rapidfuzz" not in source and "phonenumbers" not in source


@pytest.mark.parametrize(
    "text",
    ["a" * 400_000, "1 " * 200_000, "A. " * 130_000, "%41" * 130_000, "a-\n" * 130_000, "1998-04-" * 50_000,
     "&" * 400_000, "@$!|" * 100_000, "V a n " * 60_000, "\u200b" * 400_000, "(" * 400_000],
)  # fmt: skip
def test_no_text_takes_it_long(text: str) -> None:
    before = time.process_time()
    ONE.find(text)
    assert time.process_time() - before < 30  # computing, on any machine; a search that explodes takes for ever


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200), st.text(max_size=60))
def test_whatever_the_text_or_the_name_it_answers(text: str, name: str) -> None:
    person = KnownPerson(role=Role.VICTIM, reference="x", names=((name, "Vantongeren"),), aliases=(name,))
    assert isinstance(Second([person]).find(text), frozenset)
    assert "name" in Second([person]).find(f"{text}\n. We saw Vantongeren.")


# languages

CODES = load().codes
SCRIPTS = frozenset(CODES[languages.SCRIPTS].codes)
LISTED = frozenset(CODES[languages.LANGUAGES].codes)
ENGLISH = (
    "She came to the country last spring and worked first in a laundry, where she was not paid at all for months. "
    "The owner kept her passport in the safe and said that the debt had to be paid before she could leave."
)
FOREIGN = {
    "Finnish": "Hän tuli maahan viime keväänä ja työskenteli ensin pesulassa, jossa hänelle ei maksettu mitään. "
    "Omistaja piti hänen passinsa kassakaapissa ja sanoi, että velka on maksettava ennen kuin hän saa lähteä kotiin.",
    "Swahili": "Alifika nchini mwezi wa tatu mwaka jana na kufanya kazi katika nyumba ya mwanamke aliyemchukua hati "
    "zake zote. Hakulipwa chochote na alilala jikoni sakafuni. Aliambiwa kwamba lazima alipe deni la safari.",
    "Tagalog": "Dumating siya sa bansa noong nakaraang taon at nagtrabaho bilang kasambahay sa bahay ng isang "
    "negosyante. Kinuha ang kanyang pasaporte at hindi siya binayaran. Natulog siya sa sahig ng kusina gabi-gabi.",
}


def test_the_lists_are_of_the_catalogue_and_so_of_the_trust_bundle() -> None:
    assert len(LISTED) >= 10 and {"en", "ar", "zh"} <= LISTED
    assert {"Latin", "Cyrillic", "Greek", "Arabic", "Han"} <= SCRIPTS


@pytest.mark.parametrize("name", FOREIGN)
def test_a_text_in_no_listed_language_is_told_also_inside_another(name: str) -> None:
    assert languages.foreign(FOREIGN[name], SCRIPTS, LISTED) == "language"
    assert languages.foreign(f"{ENGLISH}\n\n{FOREIGN[name]}", SCRIPTS, LISTED) == "language"
    assert languages.foreign(f"{FOREIGN[name]}\n\n{ENGLISH}", SCRIPTS, LISTED) == "language"


def test_a_listed_language_and_a_text_too_short_to_tell_pass() -> None:
    assert languages.foreign(ENGLISH, SCRIPTS, LISTED) is None
    assert languages.foreign("Hän tuli maahan.", SCRIPTS, LISTED) is None
    assert languages.foreign("", SCRIPTS, LISTED) is None
    assert languages.foreign(ENGLISH, SCRIPTS, LISTED - {"en"}) == "language"


@pytest.mark.parametrize("text", ["ಹೆಸರು", "ชื่อ", "გიორგი", "ᚠᚢᚦ", "and then ಹೆ", "\U00016800"])
def test_one_letter_of_a_script_that_is_not_listed_is_told(text: str) -> None:
    assert languages.foreign(text, SCRIPTS, LISTED) == "script"


def test_every_narrative_of_the_evaluation_is_told_to_be_in_its_language() -> None:
    """The lists are measured ones: of some two hundred narratives in eighteen languages none is taken for foreign."""
    import re

    from evaluation.corpus import from_yaml

    found = seen = 0
    for path in sorted((ROOT / "evaluation" / "narratives").glob("*.yaml")):
        for one in from_yaml(path):
            text = re.sub(r"\{[^|}]*\|([^}]*)\}", r"\1", one["text"])
            seen += 1
            found += languages.foreign(text, languages.scripts_of(text), LISTED) is not None
    assert seen > 150 and found == 0
