"""Numbers that check themselves: the published specimens hold, and every single slip of a digit is noticed."""

import pytest

from messages.catalogue.numbers import iban_holds, lei_holds, looks_like_iban, mrz_number

IBANS = ["NL91ABNA0417164300", "DE89370400440532013000", "GB82 WEST 1234 5698 7654 32", "NO9386011117947"]
LEIS = ["5493001KJTIIGC8Y1R12", "F50EOCWSQFAUVO9Q8Z97"]
PASSPORT = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
CARD = "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
TD2 = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"
LONG = "I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<"
VISA = "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL8988901C4XXX4009078F96121096ZE184226B<<<<<<"


@pytest.mark.parametrize("iban", IBANS)
def test_an_iban_holds_however_it_is_grouped_and_no_slip_of_one_digit_does(iban: str) -> None:
    assert looks_like_iban(iban) and iban_holds(iban)
    for place, sign in enumerate(iban):
        if sign.isdigit():
            wrong = iban[:place] + str((int(sign) + 1) % 10) + iban[place + 1 :]
            assert not iban_holds(wrong), place


@pytest.mark.parametrize("text", ["0417164300", "NL91", "nl91abna0417164300", "4411-20", ""])
def test_a_local_account_number_is_not_taken_for_an_iban(text: str) -> None:
    assert not looks_like_iban(text) and not iban_holds(text)


@pytest.mark.parametrize("lei", LEIS)
def test_a_legal_entity_identifier_holds_and_no_slip_of_one_digit_does(lei: str) -> None:
    assert lei_holds(lei)
    for place, sign in enumerate(lei):
        if sign.isdigit():
            assert not lei_holds(lei[:place] + str((int(sign) + 1) % 10) + lei[place + 1 :]), place


@pytest.mark.parametrize(
    ("zone", "number"),
    [(PASSPORT, "L898902C3"), (CARD, "D23145890"), (TD2, "D23145890"), (LONG, "D23145890734"), (VISA, "L8988901C")],
)
def test_the_specimens_of_icao_9303_hold(zone: str, number: str) -> None:
    assert mrz_number(zone) == number


@pytest.mark.parametrize("zone", [PASSPORT, CARD, TD2])
def test_no_slip_in_number_birth_or_expiry_holds(zone: str) -> None:
    second = zone.index("\n") + 1
    places = range(second, second + 9) if zone != CARD else range(5, 14)
    for place in (*places, *(zone.index(date, second) + n for date in ("740812", "120415") for n in range(6))):
        sign = zone[place]
        if sign.isdigit():
            wrong = zone[:place] + str((int(sign) + 1) % 10) + zone[place + 1 :]
            assert mrz_number(wrong) is None, place


def test_a_zone_of_no_known_width_is_none() -> None:
    assert mrz_number("<" * 31 + "\n" + "<" * 31) is None
