"""An evidence file as a stream: it opens to exactly what was sealed, or it is refused."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys import filestream
from keys.filestream import Opener, Sealer
from messages.errors import BadInput, Unverified
from messages.evidencefile import CHUNK, HEADER, SEALED_CHUNK, length_of
from messages.ids import MessageId
from tests.support.tampering import flipped

MESSAGE = MessageId(bytes(range(16)))
STORED = bytes(range(16, 32))
KEY = bytes(range(32))


def seal(plain: bytes, key: bytes = KEY, message: MessageId = MESSAGE, stored: bytes = STORED) -> list[bytes]:
    sealer = Sealer(key, message, stored, len(plain))
    return [sealer.push(plain[n * CHUNK : (n + 1) * CHUNK]) for n in range(sealer.chunks)]


def open_all(
    sealed: list[bytes], chunks: int, key: bytes = KEY, message: MessageId = MESSAGE, stored: bytes = STORED
) -> bytes:
    opener = Opener(key, message, stored, chunks)
    plain = b"".join(opener.pull(one) for one in sealed)
    if not opener.complete:
        raise Unverified("It ends too early.")
    return plain


def three() -> list[bytes]:
    plain = bytes(CHUNK) + bytes([7]) * CHUNK + b"the end\x80\x00"
    sealed = seal(plain)
    assert len(sealed) == 3 and open_all(sealed, 3) == plain
    return sealed


@pytest.mark.parametrize("size", [1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_every_size_comes_back_and_shows_no_more_than_its_number_of_chunks(size: int) -> None:
    plain = (b"\x80\x00" * size)[:size]
    sealed = seal(plain)
    assert open_all(sealed, len(sealed)) == plain
    assert len(b"".join(sealed)) == length_of(size // CHUNK + 1)
    assert len(sealed[0]) == SEALED_CHUNK + HEADER and {len(s) for s in sealed[1:]} <= {SEALED_CHUNK}


WRONG: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "the last chunk is missing": lambda s: s[:-1],
    "a chunk in the middle is missing": lambda s: [s[0], s[2]],
    "the first chunk is missing": lambda s: s[1:],
    "two chunks are swapped": lambda s: [s[0], s[2], s[1]],
    "a chunk is repeated": lambda s: [s[0], s[1], s[1], s[2]],
    "a chunk stands in the place of another": lambda s: [s[0], s[1], s[1]],
    "something follows the end": lambda s: [*s, s[2]],
    "a chunk is of another file": lambda s: [s[0], seal(bytes(2 * CHUNK + 9), stored=bytes(16))[1], s[2]],
    "a chunk is of another try with the same key": lambda s: [s[0], three()[1], s[2]],
    "a chunk is cut": lambda s: [s[0], s[1][:-1], s[2]],
    "a chunk is longer": lambda s: [s[0], s[1] + b"\x00", s[2]],
}


@pytest.mark.parametrize("how", WRONG)
def test_a_stream_is_refused_where(how: str) -> None:
    with pytest.raises(Unverified):
        open_all(WRONG[how](three()), 3)


@pytest.mark.parametrize(
    "other",
    [
        {"key": bytes(32)},
        {"message": MessageId(bytes(16))},
        {"stored": bytes(16)},
        {"chunks": 2},
        {"chunks": 4},
    ],
    ids=lambda o: next(iter(o)),
)
def test_a_stream_opens_only_as_the_file_that_it_is(other: dict[str, object]) -> None:
    with pytest.raises(Unverified):
        open_all(three(), **{"chunks": 3, **other})  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(place=st.integers(0, length_of(2) - 1), bit=st.integers(0, 7))
def test_no_bit_of_it_can_be_changed(place: int, bit: int) -> None:
    raw = flipped(b"".join(TWO), place, bit)
    cut = SEALED_CHUNK + HEADER
    with pytest.raises(Unverified):
        open_all([raw[:cut], raw[cut:]], 2)


TWO = seal(bytes(CHUNK) + b"end")


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200))
def test_whatever_bytes_arrive_are_refused_with_the_promised_error(data: bytes) -> None:
    with pytest.raises(Unverified):
        Opener(KEY, MESSAGE, STORED, 1).pull(data.ljust(SEALED_CHUNK + HEADER, b"\x00"))
    with pytest.raises(Unverified):
        Opener(KEY, MESSAGE, STORED, 1).pull(data)


def test_an_end_that_is_not_marked_as_one_or_stands_too_early_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = bytes(CHUNK) + b"end"
    with monkeypatch.context() as patch:
        patch.setattr(filestream, "_FINAL", filestream._MESSAGE)
        endless = seal(plain)
    with monkeypatch.context() as patch:
        patch.setattr(filestream, "_MESSAGE", filestream._FINAL)
        early = seal(plain)
    for sealed in (endless, early):
        with pytest.raises(Unverified, match="ends too early"):
            open_all(sealed, 2)


def test_a_file_that_changes_while_it_is_sealed_is_not_sealed() -> None:
    for pieces in ([b"shorter"], [bytes(CHUNK), b"longer than it was said"], [b""]):
        sealer = Sealer(KEY, MESSAGE, STORED, 10)
        with pytest.raises(BadInput):
            for piece in pieces:
                sealer.push(piece)


def test_two_seals_of_one_file_have_no_chunk_in_common() -> None:
    assert not set(three()) & set(three())
    assert filestream.new_key() != filestream.new_key() and filestream.new_object() != filestream.new_object()
