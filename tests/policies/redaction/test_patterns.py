"""What looks like an identifier goes whoever's it is, by check digits and context; ordinary numbers stay."""

from __future__ import annotations

import pytest

from policies.redaction.checksums import base58check, luhn, mod97, national
from policies.redaction.engine import redact
from policies.redaction.identity import ENQUIRY, Settings


def patterns(text: str) -> str:
    return redact(text, ()).text


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("sent to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa then", "sent to [wallet] then"),
        ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq is hers", "[wallet] is hers"),
        ("to 0x52908400098527886E0F7030069857D2E4169EE7.", "to [wallet]."),
        ("IMEI 490154203237518 was", "IMEI [device number] was"),
        ("mac 00:1A:2B:3C:4D:5E seen", "mac [device number] seen"),
        ("from 2001:db8::8a2e:370:7334 at", "from [network address] at"),
        ("the number 1800101221144 says", "the number [document number] says"),  # Romania
        ("PESEL 44051401359", "PESEL [document number]"),  # Poland
        ("12345678Z lives", "[document number] lives"),  # Spain
        ("car with plate B 123 XYZ left", "car with plate [plate] left"),
        ("application no. 18403/91 was", "application no. [case number] was"),
        ("on Instagram as lily_rose99 daily", "on Instagram as [account] daily"),
        ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "[document number]"),
        ("at Kossuth utca 12. today", "at [address] today"),
        ("in der Gartenstraße 7 war", "in der [address] war"),
        ("pe Strada Florilor nr. 12 azi", "pe [address] azi"),
        ("at 46°14′32″N there", "at [coordinates] there"),
        ("Call +40722123456+40722123457", "Call [phone][phone]"),
        ("her sister Maria left", "her sister [name] left"),
        ("mother of the child, Ana Ionescu", "mother of the child, Ana Ionescu"),
        ("her brother, Ion Ionescu, left", "her brother, [name], left"),
    ],
)
def test_what_looks_like_an_identifier_goes(text: str, after: str) -> None:
    assert patterns(text) == after


@pytest.mark.parametrize(
    "text",
    [
        "1800101221145 fails its check digit",
        "Article 5 § 1 (c) and Rule 44 § 1 (b)",
        "paid 1 200 000 euro in 12 months",
        "room 12, floor 3, 24 men",
        "see paragraphs 12-15 and 20",
        "her sister was there",
        "the car was blue and had 4 doors",
        "between 10.30 and 11.45",
        "ISO 9001 and 2.5 percent",
    ],
)
def test_ordinary_numbers_and_words_stay(text: str) -> None:
    assert patterns(text) == text


def test_a_plate_stays_where_vehicles_are_lines_of_enquiry() -> None:
    text = "The van, registration VX 27 DBR, left."
    assert redact(text, (), settings=ENQUIRY).text == text
    assert redact(text, ()).text == "The van, registration [plate], left."


def test_ages_become_bands_only_where_that_is_wanted() -> None:
    text = "A 16-year-old girl, aged 16, came."
    assert patterns(text) == text
    assert redact(text, (), settings=Settings(ages=True)).text == "A [aged 9-17] girl, [aged 9-17], came."


def test_a_replacement_is_not_redacted_again() -> None:
    text = "A [aged 9-17] girl at [an address in Bacau county] on [a date in March 2024] had [wallet]."
    assert redact(text, (), settings=Settings(ages=True)).text == text


@pytest.mark.parametrize(
    "number",
    [
        "1800101221144",
        "44051401359",
        "7523169263",
        "12345678Z",
        "RSSMRA85T10A562S",
        "37605030299",
        "10000000146",
        "131052-308T",
    ],
)
def test_national_numbers_are_known_by_their_check_digits(number: str) -> None:
    assert national(number)
    last = number[-1]
    assert not national(number[:-1] + ("1" if last != "1" else "2" if last.isdigit() else "X"))


def test_check_digits_of_accounts_cards_and_wallets() -> None:
    assert mod97("GB33BUKB20201555555555")
    assert not mod97("GB33BUKB20201555555556")
    assert luhn("4111 1111 1111 1111")
    assert not luhn("4111 1111 1111 1112")
    assert base58check("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa")
    assert not base58check("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb")
