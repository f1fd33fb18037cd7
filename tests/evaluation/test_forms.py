"""Every generated form differs from the others, stands for the person, and can be read back."""

import random
import re
import unicodedata
from collections import Counter
from datetime import date

import pytest
from rapidfuzz.distance import OSA

from evaluation import forms, measure
from evaluation.forms import CYRILLIC_TWINS, GREEK_TWINS, HARD, MAKERS, MONTHS, PLAIN, SCAN, Form, Person, bare

SEED = measure.SEED
PEOPLE = measure.people()
EVERY = [(person, form) for person in PEOPLE for form in forms.forms(person, SEED)]
TWINS = {twin: plain for table in (CYRILLIC_TWINS, GREEK_TWINS) for plain, twin in table.items()}


def of(*families: str) -> list[tuple[Person, Form]]:
    chosen = [(person, form) for person, form in EVERY if form.family in families]
    assert {form.family for _, form in chosen} == set(families)
    return chosen


def letters(text: str) -> str:
    """The letters that a reader sees, small and without accents."""
    text = unicodedata.normalize("NFKC", "".join(TWINS.get(c, c) for c in text))
    return re.sub(r"[\W\d_]", "", bare(text).casefold())


def core(form: Form) -> str:
    return form.text[form.start : form.end]


def test_there_is_a_maker_for_every_family_and_nothing_else() -> None:
    assert set(MAKERS) == set(PLAIN) | set(HARD)
    assert not set(PLAIN) & set(HARD)
    assert {form.family for _, form in EVERY} == set(MAKERS)


def test_each_person_has_at_least_eighty_forms_all_different() -> None:
    assert len(PEOPLE) >= 30
    for person in PEOPLE:
        made = forms.forms(person, SEED)
        assert len(made) >= 80, person.full
        assert len({form.text for form in made}) == len(made)
        assert sum(form.plain for form in made) >= 40


def test_the_same_seed_makes_the_same_forms_and_another_makes_others() -> None:
    for person in PEOPLE[:5]:
        assert forms.forms(person, 1) == forms.forms(person, 1)
        assert forms.forms(person, 1) != forms.forms(person, 2)
    assert measure.people() == PEOPLE


def test_the_core_lies_in_the_form_and_begins_and_ends_with_what_counts() -> None:
    for _, form in EVERY:
        assert 0 <= form.start < form.end <= len(form.text)
        assert core(form).strip() == core(form)


def test_name_forms_hold_no_letter_that_the_name_has_not() -> None:
    families = (
        "parts", "order", "case", "titles", "possessive", "initial", "no-accents", "decomposed", "no-break", "line",
        "soft-hyphen", "zero-width", "look-alikes", "alias", "spaced", "initials", "user-name", "url", "hashtag",
        "file-name", "doubled-split",
    )  # fmt: skip
    for _, form in of(*families):
        assert not Counter(letters(core(form))) - Counter(letters(form.means)), form


@pytest.mark.parametrize("family", [
    "order", "no-accents", "decomposed", "no-break", "line", "soft-hyphen", "zero-width", "look-alikes", "spaced",
    "doubled-split", "initials",
])  # fmt: skip
def test_a_family_of_disguises_never_makes_the_plain_form(family: str) -> None:
    for person, form in of(family):
        assert core(form) not in (person.full, person.given, person.family, form.means), form


@pytest.mark.parametrize("family", ["no-accents", "decomposed", "soft-hyphen", "zero-width", "look-alikes", "spaced"])
def test_a_disguise_taken_off_gives_the_name_back(family: str) -> None:
    for person, form in of(family):
        undone = letters(core(form))
        names = {letters(n) for n in (form.means, person.given + person.family, person.family + person.given)}
        assert undone in names, form


def test_a_slip_is_one_slip_and_a_scanners_confusion_one_confusion() -> None:
    for person, form in of("slip"):
        meant = person.family if form.means == person.family else f"{person.given} {person.family}"
        assert OSA.distance(core(form), meant) == 1, form
    for person, form in of("scan"):
        wrong = core(form).removeprefix(f"{person.given} ")
        back = {
            wrong[:i] + right + wrong[i + len(bad) :]
            for right, bad in SCAN
            for i in range(1, len(wrong))
            if wrong.startswith(bad, i)
        }
        assert person.family in back, form


def test_single_slips_are_one_edit_away_and_keep_the_first_letter() -> None:
    chance = random.Random(1)
    for word in ("Karadzhova", "Hoxhaj", "Zhou", "Okonkwo"):
        for _ in range(50):
            for slip in forms.slips(word, chance):
                assert OSA.distance(slip, word) == 1
                assert slip[0] == word[0]


def test_another_script_is_another_script() -> None:
    for _, form in of("script"):
        assert not re.search(r"[A-Za-z]", core(form)), form
    assert forms.in_cyrillic("Szczepański", "pl") == "Щепаньски"
    assert forms.in_cyrillic("Çağlar", "tr") == "Чаглар"
    assert forms.in_greek("Doukas") == "Ντουκας"
    assert forms.in_arabic("Samir") == "سامير"


def test_a_variant_is_in_latin_letters_and_is_not_the_listed_name() -> None:
    for person, form in of("variant"):
        assert re.fullmatch(r"[\w\s.’'ʹʺ-]+", core(form)), form
        assert core(form) != person.full


def test_an_ending_stands_behind_the_name() -> None:
    for person, form in of("ending"):
        assert core(form).startswith((person.family, f"{person.given} {person.family}"))
        assert form.text != person.family


def test_nicknames_are_not_listed() -> None:
    for person, form in of("nickname"):
        assert core(form).split()[0] not in (*person.aliases, person.given)


def test_dates_can_be_read_back() -> None:
    for person, form in of("date", "date-odd"):
        day, month, year = person.born.day, person.born.month, person.born.year
        text = re.sub(r"[\u200b\s]+", " ", core(form)).casefold()
        names = [m[month - 1].casefold() for m in MONTHS.values()] + [MONTHS["en"][month - 1][:3].casefold()]
        if re.fullmatch(r"\d{8}", text):
            assert text in (f"{day:02}{month:02}{year}", f"{year}{month:02}{day:02}")
            continue
        numbers = [int(n) for n in re.findall(r"\d+", text)]
        roman = f".{forms.ROMAN[month - 1].casefold()}." in text
        assert day in numbers, form
        assert year in numbers or year % 100 in numbers, form
        assert month in numbers or roman or any(name in text for name in names), form
    assert forms.year_in_words(1998) == "nineteen ninety-eight"
    assert forms.year_in_words(2004) == "two thousand and four"
    assert forms.ordinal_in_words(23) == "twenty-third"
    assert forms.ordinal_in_words(20) == "twentieth"
    for person, form in of("date-words"):
        assert forms.ordinal_in_words(person.born.day) in core(form)


def test_numbers_and_phones_can_be_read_back() -> None:
    for _, form in of("number", "number-odd"):
        undone = re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", core(form))).upper()
        meant = re.sub(r"[\W_]", "", form.means).upper()
        assert len(undone) == len(meant)
        assert all(a == b or {a, b} in ({"0", "O"}, {"1", "L"}) for a, b in zip(undone, meant, strict=True)), form
    for person, form in of("phone", "phone-odd"):
        digits = "".join(str(unicodedata.digit(c)) for c in core(form).replace("O", "0") if c.isdigit())
        assert digits.endswith(re.sub(r"\D", "", person.phone)[-9:]), form


def test_an_address_form_holds_words_of_the_address_only() -> None:
    for person, form in of("address"):
        listed = {w.casefold() for w in re.findall(r"\w+", person.address)} | {"no"}
        assert {w.casefold() for w in re.findall(r"\w+", core(form))} <= listed


@pytest.mark.parametrize(("name", "parts"), [
    ("Ana Pop", ("Ana", "", "Pop")),
    ("Anna Evagora Christou", ("Anna", "Evagora", "Christou")),
    ("Laila Ben Youssef", ("Laila", "", "Ben Youssef")),
    ("Maria Helena dos Santos", ("Maria", "Helena", "dos Santos")),
    ("Sulastri", ("Sulastri", "", "Sulastri")),
])  # fmt: skip
def test_a_name_is_split_as_a_clerk_would(name: str, parts: tuple[str, str, str]) -> None:
    assert forms.split(name) == parts


def test_invented_details_are_nobodys() -> None:
    person = forms.invented("Ana Pop", "", "", 3)
    assert person == forms.invented("Ana Pop", "", "", 3)
    assert re.fullmatch(r"\+44 7700 900\d{3}", person.phone)  # Ofcom keeps these for drama
    assert person.email.endswith(".example")
    assert date(1960, 1, 1) < person.born < date(2007, 1, 1)
    assert person.born.day > 12  # so that day and month cannot be taken for each other


def test_what_is_written_at_home_is_not_told_to_the_redactor() -> None:
    for person in PEOPLE:
        if person.native:
            assert person.native not in str(person.identity)
