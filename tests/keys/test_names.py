"""Short forms that people read to each other, and names that stand for a person towards one agency only."""

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.fingerprints import fingerprint
from keys.nkey import new_nkey, public_of
from keys.pseudonyms import _ALPHABET, pseudonym, reference
from messages.errors import KeyTrouble
from tests.keys import world

KEY = world.seed("register")


def test_a_pseudonym_has_at_least_fifty_bits() -> None:
    assert len(set(_ALPHABET)) == len(_ALPHABET) == 32
    letters = pseudonym(KEY, world.SHELTER, "P-1").removeprefix("V-").replace("-", "")
    assert len(letters) * log2(len(_ALPHABET)) >= 50
    drawn = [pseudonym(KEY, world.SHELTER, f"P-{i}") for i in range(3000)]
    assert len(set(drawn)) == len(drawn)
    for place in range(len(drawn[0])):
        seen = {d[place] for d in drawn}
        assert seen == set(_ALPHABET) or len(seen) == 1, "every letter of the alphabet is drawn at every place"


def test_a_pseudonym_has_no_letters_that_are_confused_over_the_telephone() -> None:
    assert not set(_ALPHABET) & set("ILO1")


def test_it_is_stable_for_one_agency() -> None:
    assert pseudonym(KEY, world.SHELTER, "P-1") == pseudonym(KEY, world.SHELTER, "P-1")


def test_it_is_another_one_for_another_agency_person_or_register() -> None:
    names = {
        pseudonym(KEY, world.SHELTER, "P-1"),
        pseudonym(KEY, world.COURT, "P-1"),
        pseudonym(KEY, world.SHELTER, "P-2"),
        pseudonym(world.seed("other"), world.SHELTER, "P-1"),
        pseudonym(KEY, world.SHELTER, "p-1"),
        pseudonym(KEY, world.SHELTER, "0|P-1"),
    }
    assert len(names) == 6


def test_names_towards_two_agencies_have_no_letter_in_common_more_often_than_chance() -> None:
    same = sum(
        a == b
        for i in range(1000)
        for a, b in zip(
            pseudonym(KEY, world.SHELTER, f"P-{i}")[2:].replace("-", ""),
            pseudonym(KEY, world.COURT, f"P-{i}")[2:].replace("-", ""),
            strict=True,
        )
    )
    assert 200 < same < 430  # 10,000 places at one in 32: 312; nothing is drawn at random here


def test_a_taken_name_is_drawn_again_and_stays_so() -> None:
    first = pseudonym(KEY, world.SHELTER, "P-1")
    second = pseudonym(KEY, world.SHELTER, "P-1", {first})
    assert second != first
    assert pseudonym(KEY, world.SHELTER, "P-1", {first}) == second
    assert pseudonym(KEY, world.SHELTER, "P-1", {first, second}) not in (first, second)


@pytest.mark.parametrize("key", [b"", b"x", bytes(31), bytes(33), bytes(64)])
def test_a_register_key_has_thirty_two_bytes_and_is_never_empty(key: bytes) -> None:
    with pytest.raises(KeyTrouble):
        pseudonym(key, world.SHELTER, "P-1")
    with pytest.raises(KeyTrouble):
        reference(key, world.SHELTER, "case")


def test_references_differ_by_agency_and_are_no_pseudonyms() -> None:
    made = {reference(KEY, a, n) for a in (world.SHELTER, world.COURT) for n in ("thread", "case", "дело")}
    assert len(made) == 6
    assert {len(r) for r in made} == {16}


def test_a_fingerprint_is_eight_groups_of_five_digits() -> None:
    shown = fingerprint(world.signer(world.DESK).public)
    assert [len(g) for g in shown.split(" ")] == [5] * 8
    assert shown.replace(" ", "").isdigit()
    assert 40 * log2(10) >= 128


@given(st.binary(min_size=32, max_size=32), st.integers(0, 255))
def test_keys_that_differ_in_one_bit_have_fingerprints_that_differ(key: bytes, bit: int) -> None:
    other = (int.from_bytes(key) ^ 1 << bit).to_bytes(32)
    assert fingerprint(key) != fingerprint(other)


def test_an_nkey_is_made_fresh_and_its_public_part_found_again() -> None:
    seed, public = new_nkey()
    assert seed.startswith(b"SU")
    assert public.startswith("U")
    assert public_of(seed) == public
    assert new_nkey()[1] != public


@pytest.mark.parametrize("seed", [b"", b"SU", b"x" * 58, "Имя".encode()])
def test_what_is_no_seed_of_a_user_is_trouble_with_keys(seed: bytes) -> None:
    with pytest.raises(KeyTrouble, match="begins with SU"):
        public_of(seed)
