"""Expired encryption keys: kept while a message can need them, then taken out of the file for good."""

from dataclasses import replace
from pathlib import Path

import pytest

from keys import keystore, retiring, statements
from keys.domains import KeyKind
from keys.keystore import Cost
from keys.retiring import Destroyed, StoredKey
from keys.sealing import DecryptionKey, key_id
from keys.signing import Signer
from messages import limits
from messages.errors import KeyTrouble
from tests.keys import world

CHEAP = Cost(1, keystore.MIN_MEMORY)
WORDS = "machine-made"
DAY = limits.DAY
SIGNER = Signer(KeyKind.CONTACT, "c" + "a" * 12, world.seed("retiring"))


def raw(n: int) -> bytes:
    return (world.seed(f"retiring {n}") * 3)[:96]


def key(n: int) -> StoredKey:
    return StoredKey(raw=raw(n), number=n, start=n * 20 * DAY, end=n * 20 * DAY + 30 * DAY)


KEYS = (key(3), key(2), key(1))
STATEMENTS = tuple(statements.make(SIGNER, k.key, k.number, k.start, k.end or 0) for k in KEYS)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "desk.key"
    keystore.write(path, {"sign": world.seed("s"), "decrypt": retiring.to_value(KEYS)}, WORDS, CHEAP)
    return path


def held(path: Path) -> tuple[StoredKey, ...]:
    return retiring.stored(keystore.read(path, WORDS), STATEMENTS)


def test_keys_are_read_back_as_they_were_written(file: Path) -> None:
    assert held(file) == KEYS
    assert [k.key.export() for k in held(file)] == [k.raw for k in KEYS]


def test_an_older_file_of_bare_keys_takes_number_and_period_from_the_statements() -> None:
    secrets = {"decrypt": [raw(3), raw(9), key(2).to_map(), raw(1)]}
    three, unknown, two, one = retiring.stored(secrets, STATEMENTS)
    assert (three, two, one) == KEYS
    assert unknown == StoredKey(raw=raw(9))
    assert retiring.stored({}) == ()


@pytest.mark.parametrize(
    "value",
    [
        b"x", 7, [7], [b"short"], [{}], [{**key(1).to_map(), "raw": b"x"}], [{**key(1).to_map(), "number": "1"}],
        [{**key(1).to_map(), "end": "never"}],
    ],
)  # fmt: skip
def test_keys_that_cannot_be_read_are_trouble_and_never_left_out(value: object) -> None:
    with pytest.raises(KeyTrouble, match="backup"):
        retiring.stored({"decrypt": value})


def test_a_key_is_kept_until_the_last_message_sealed_to_it_has_expired() -> None:
    one = key(1)
    assert one.end is not None
    latest = one.end - 1 + limits.CLOCK_SKEW  # the last creation that a sender's clock can give it
    assert retiring.retired([one], latest + limits.LIFETIME) == ()
    assert retiring.retired([one], retiring.needed_until(one.end)) == ()
    assert retiring.retired([one], retiring.needed_until(one.end) + 1) == (one,)


def test_what_arrived_and_was_not_opened_keeps_its_key() -> None:
    late = 10_000 * DAY
    assert retiring.retired(KEYS, late, {key_id(key(2).key.public)}) == (KEYS[0], KEYS[2])


def test_a_key_whose_statement_is_not_known_is_never_retired() -> None:
    assert retiring.retired([replace(key(1), end=None)], 10_000 * DAY) == ()


def test_destroying_takes_the_key_out_of_the_file_and_says_which(file: Path) -> None:
    gone = retiring.destroy(file, WORDS, {1, 2, 99})
    assert gone == tuple(Destroyed(k.number, key_id(k.key.public)) for k in (key(2), key(1)))
    assert held(file) == (key(3),)
    assert keystore.read(file, WORDS)["sign"] == world.seed("s")
    assert retiring.destroy(file, WORDS, {1, 2}) == ()


def test_destroying_overwrites_the_file_as_it_was(file: Path) -> None:
    other = file.with_name("same-bytes")
    other.hardlink_to(file)
    retiring.destroy(file, WORDS, {1})
    with pytest.raises(KeyTrouble):
        keystore.unseal(other.read_bytes(), WORDS)


def test_a_key_of_an_older_file_is_destroyed_by_its_statements_number(file: Path) -> None:
    keystore.write(file, {"decrypt": [raw(3), raw(9), raw(1)]}, WORDS, CHEAP)
    gone = retiring.destroy(file, WORDS, {0, 1}, STATEMENTS)  # 0 is no key's number: one unknown is kept
    assert [g.number for g in gone] == [1]
    assert [k.raw for k in held(file)] == [raw(3), raw(9)]


def test_a_new_key_stands_before_the_others(file: Path) -> None:
    retiring.add(file, WORDS, key(4))
    assert held(file) == (key(4), *KEYS)


def test_no_private_byte_shows_in_what_is_printed() -> None:
    shown = repr(KEYS) + repr(DecryptionKey(raw(1)))
    assert raw(1).hex()[:8] not in shown
    assert repr(raw(1))[2:20] not in shown
