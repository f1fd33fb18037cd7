"""Known numbers, dates, phones, addresses and accounts in every way of writing them; and near misses that stay."""

from __future__ import annotations

import pytest

from policies.redaction.engine import redact
from policies.redaction.identity import Identity, Settings
from tests.policies.redaction.people import OKSANA, out

ONLY_KNOWN = Settings(patterns=False)


def known(text: str) -> str:
    return redact(text, (OKSANA,), settings=ONLY_KNOWN).text


@pytest.mark.parametrize(
    "form",
    [
        "17 April 1998",
        "17 Apr 1998",
        "17th of April '98",
        "17th April, 1998",
        "April 17, 1998",
        "April 17th 1998",
        "17.04.98",
        "17.4.1998",
        "17/04/1998",
        "04/17/1998",
        "1998-04-17",
        "1998/04/17",
        "98-04-17",
        "17-IV-1998",
        "17.IV.98",
        "17 04 1998",
        "19980417",
        "17041998",
        "17/O4/1998",
        "17 Apri1 1998",
        "17 aprilie 1998",
        "17 de abril de 1998",
        "17 avril 1998",
        "17. April 1998",
        "17 квітня 1998",
        "17 апреля 1998",
        "17 kwietnia 1998",
        "1998年4月17日",
        "17 April",
        "April 1998",
        "١٧/٠٤/١٩٩٨",
        "17·04·1998",
        "17. aprillil 1998",
        "17. aprila 1998",
        "17 prillit 1998",
    ],
)
def test_a_known_date_of_birth_goes_in_every_format(form: str) -> None:
    assert known(f"born on {form}; then") == "born on [date of birth]; then"


def test_a_year_of_birth_goes_where_birth_is_spoken_of() -> None:
    assert known("She was born in 1998. In 1998 the firm opened.") == (
        "She was born in [date of birth]. In 1998 the firm opened."
    )


@pytest.mark.parametrize("near", ["18 April 1998", "17 May 1998", "17 April 1999", "04/18/1998", "1998-05-17", "1998"])
def test_another_date_stays_when_only_the_known_is_searched(near: str) -> None:
    assert known(f"on {near} they met") == f"on {near} they met"


@pytest.mark.parametrize(
    "form",
    [
        "+44 7700 900588",
        "+447700900588",
        "0044 7700 900588",
        "07700 900588",
        "07700900588",
        "07700-900-588",
        "(07700) 900 588",
        "07700.900.588",
        "07700/900588",
        "+44 (0)7700 900588",
        "7700 900588",
        "07700\n900 588",
        "O77OO 9OO588",
        "077 00 90 05 88",
        "٠٧٧٠٠٩٠٠٥٨٨",
        "0\u200b7700 900588",
    ],
)
def test_a_known_phone_goes_in_every_grouping(form: str) -> None:
    assert known(f"call {form} now") == "call [phone] now"


@pytest.mark.parametrize(
    "form",
    [
        "FH736204",
        "736204",
        "736 204",
        "FH 736204",
        "FH-736-204",
        "fh736204",
        "FH 736 2O4",
        "FH7З6204".replace("З", "3"),
    ],
)
def test_a_known_document_number_goes_with_separators_and_slips(form: str) -> None:
    assert known(f"passport {form} seen") == "passport [document number] seen"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("AB12 CDE", "[plate]"),
        ("AB12CDE", "[plate]"),
        ("ab-12-cde", "[plate]"),
        ("GB33 BUKB 2020 1555 5555 55", "[account number]"),
        ("GB33BUKB20201555555555", "[account number]"),
        ("oksana.popescu@post.example", "[e-mail]"),
        ("OKSANA.POPESCU@POST.EXAMPLE", "[e-mail]"),
        ("oksana . popescu @ post . example", "[e-mail]"),
        ("oksana.popescu (at) post (dot) example", "[e-mail]"),
        ("@oks_k94", "[account]"),
        ("oks_k94", "[account]"),
        ("Oks_K94", "[account]"),
        ("adverts.example/oks-94", "[link]"),
        ("12 Harbour Steps, Portwick, PW4 2AB", "[address]"),
        ("12 Harbour Steps", "[address]"),
        ("harbour steps 12", "[address]"),
        ("Harbour Steps", "[address]"),
        ("PW4 2AB", "[address]"),
        ("PW42AB", "[address]"),
    ],
)
def test_what_belongs_to_the_person_goes(text: str, hidden: str) -> None:
    assert known(f"It says {text} there") == f"It says {hidden} there"


@pytest.mark.parametrize(
    "near",
    [
        "FH736205",
        "07700 900589",
        "AB12 CDF",
        "12 Mill Lane",
        "the harbour",
        "PW4 2AC",
        "17041999",
        "GB33BUKB20201555555556",
    ],
)
def test_near_misses_stay_when_only_the_known_is_searched(near: str) -> None:
    assert known(f"It says {near} there") == f"It says {near} there"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Write to someone@mail.example.", "Write to [e-mail]."),
        ("Call +40 722 123 456 today", "Call [phone] today"),
        ("Tel: 900 4521 33", "Tel: [phone]"),
        ("see https://x.example/a?b=1 now", "see [link] now"),
        ("visit www.site.example", "visit [link]"),
        ("pay DE89 3704 0044 0532 0130 00 now", "pay [account number] now"),
        ("card 4111 1111 1111 1111", "card [account number]"),
        ("from 10.20.30.40 at", "from [network address] at"),
        ("at 44.42680, 26.10250 exactly", "at [coordinates] exactly"),
        ("passport no. P 4829173 B was", "passport no. [document number] was"),
        ("follow @some.one now", "follow [account] now"),
        ("at 14 Mill Lane today", "at [address] today"),
        ("pe Strada Florilor nr. 12 azi", "pe [address] azi"),
        ("on 3 March 2024 at", "on [a date in March 2024] at"),
        ("on 2024-03-03 at", "on [a date in March 2024] at"),
        ("on 03/04/2024 at", "on [a date in 2024] at"),
        ("on 13/04/2024 at", "on [a date in April 2024] at"),
        ("on 3 March at", "on [a date in March] at"),
    ],
)
def test_what_looks_like_an_identifier_goes(text: str, hidden: str) -> None:
    assert out(text) == hidden


@pytest.mark.parametrize(
    "text",
    [
        "DE89 3704 0044 0532 0130 02 fails its check digits",
        "Room 12, 3 men, 400 euro, 24 hours, article 5 and 7",
        "in March 2024 and in 2023",
        "version 2.10.3 of the form",
        "rule 12/2019 stands",
    ],
)
def test_ordinary_numbers_stay(text: str) -> None:
    assert out(text) == text


def test_short_numbers_are_not_searched() -> None:
    short = Identity(pseudonym="V-S", numbers=("12",))
    assert redact("12 men", (short,)).text == "12 men"


@pytest.mark.parametrize(
    "text",
    [
        "She was born on 11 June 2010.",
        "(b. 12.03.1998)",
        "DOB: 1998-04-17",
        "date of birth 17 April 1998",
        "née le 3/4/1990",
    ],
)
def test_a_date_after_a_word_for_birth_keeps_neither_month_nor_year_whosever_it_is(text: str) -> None:
    done = redact(text, ()).text
    assert "[date of birth]" in done
    assert not any(year in done for year in ("2010", "1998", "1990"))


def test_any_other_exact_date_keeps_its_month() -> None:
    assert redact("They met on 3 May 2024.", ()).text == "They met on [a date in May 2024]."
