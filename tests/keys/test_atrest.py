"""What an agency keeps for itself opens with its own register key, for what it was kept, and with nothing else."""

import pytest

from keys.atrest import open_, seal
from messages.errors import KeyTrouble, Unverified
from tests.support.tampering import flipped

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))


def test_it_opens_to_what_was_sealed_and_reads_differently_every_time() -> None:
    sealed = seal(KEY, b"one", b"a case")
    assert open_(KEY, b"one", sealed) == b"a case"
    assert b"case" not in sealed and sealed != seal(KEY, b"one", b"a case")


def test_another_key_purpose_or_byte_opens_nothing() -> None:
    sealed = seal(KEY, b"one", b"a case")
    attempts = [(OTHER, b"one", sealed), (KEY, b"two", sealed), (KEY, b"one", b""), (KEY, b"one", sealed[:-1])]
    attempts += [(KEY, b"one", flipped(sealed, i)) for i in range(len(sealed))]
    for key, what, data in attempts:
        with pytest.raises(Unverified):
            open_(key, what, data)


@pytest.mark.parametrize("key", [b"", KEY[:-1], KEY + b"x"])
def test_a_key_of_another_length_is_none(key: bytes) -> None:
    with pytest.raises(KeyTrouble):
        seal(key, b"one", b"x")
