"""What a message says of an evidence file, and what is asked of the broker about one."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages import evidencefile, ids
from messages.errors import ContentRefused, Malformed
from messages.evidencefile import (
    CHUNK,
    CHUNKS,
    FILE_BYTES,
    HEADER,
    SEALED_CHUNK,
    Chunk,
    EvidenceFile,
    FileRequest,
    Reservation,
    chunks_of,
    object_of,
    section_name,
)
from messages.ids import MessageId

ABOUT = "5b2f6f2e-0b7e-4a55-9a8e-3f0f5f9d2a11"
MEDIA = "application/x-ewf"
STORED = bytes(range(16))


def file(**other: object) -> EvidenceFile:
    fields = {"name": "phone.e01", "about": ABOUT, "size": 3 * CHUNK, "digest": bytes(32), "key": bytes(32)}
    return EvidenceFile(**{**fields, **other})  # type: ignore[arg-type]


def test_the_sections_name_says_object_and_chunks_and_is_a_name_like_any_other() -> None:
    for chunks in (1, 7, CHUNKS):
        name = section_name(STORED, chunks)
        assert ids.section_name(name) == name
        assert object_of(name) == (STORED, chunks)


@pytest.mark.parametrize("name", ["a18.1.file1", "evidence", "evidence.00.00.1", section_name(STORED, 1) + "x"])
def test_no_other_section_names_an_evidence_file(name: str) -> None:
    assert object_of(name) is None


def test_what_a_section_says_comes_back_and_shows_no_key() -> None:
    secret = b"\xa5" * 32
    said = file(key=secret)
    assert evidencefile.read(said.to_bytes(), section_name(STORED, 4), MEDIA) == said
    assert secret.hex() not in repr(said.to_value(MEDIA)) and "xa5" not in repr(said)


@pytest.mark.parametrize(
    ("said", "name", "media"),
    [
        (file(), section_name(STORED, 3), MEDIA),  # another number of chunks
        (file(), "a18.1.file1", MEDIA),
        (file(), section_name(STORED, 4), "application/zip"),  # another extension
        (file(name="Phone.e01"), section_name(STORED, 4), MEDIA),
        (file(name="../phone.e01"), section_name(STORED, 4), MEDIA),
        (file(about="the suspect"), section_name(STORED, 4), MEDIA),
        (file(size=0), section_name(STORED, 1), MEDIA),
        (file(size=FILE_BYTES + 1), section_name(STORED, CHUNKS), MEDIA),
    ],
)
def test_a_section_that_does_not_hold_together_is_refused(said: EvidenceFile, name: str, media: str) -> None:
    with pytest.raises(ContentRefused):
        evidencefile.read(said.to_bytes(), name, media)


def test_the_largest_file_has_the_largest_number_of_chunks() -> None:
    assert chunks_of(FILE_BYTES) == CHUNKS and chunks_of(CHUNK - 1) == 1 and chunks_of(CHUNK) == 2


def test_questions_come_back_as_they_were_asked() -> None:
    reservation = Reservation(object=STORED, chunks=9, until=1)
    assert Reservation.from_bytes(reservation.to_bytes()) == reservation
    for number, length in ((0, SEALED_CHUNK + HEADER), (5, SEALED_CHUNK)):
        chunk = Chunk(object=STORED, number=number, data=bytes(length))
        assert Chunk.from_bytes(chunk.to_bytes()) == chunk
        with pytest.raises(Malformed):
            Chunk.from_bytes(Chunk(object=STORED, number=5 - number, data=bytes(length)).to_bytes())
    request = FileRequest(object=STORED, view=bytes(32), message=MessageId(bytes(6) + b"\x40\x00\x80" + bytes(7)), at=5)
    assert FileRequest.from_bytes(request.to_bytes()) == request


@given(st.binary(max_size=300))
def test_whatever_bytes_come_in_a_reader_returns_or_raises_the_promised_error(data: bytes) -> None:
    for read in (Reservation.from_bytes, Chunk.from_bytes, FileRequest.from_bytes):
        with contextlib.suppress(Malformed):
            read(data)
    with contextlib.suppress(ContentRefused):
        evidencefile.read(data, section_name(STORED, 1), MEDIA)


@pytest.mark.parametrize(
    ("media", "head", "tail", "holds"),
    [
        ("application/x-ewf", b"EVF\x09\x0d\x0a\xff\x00rest", b"x", True),
        ("application/x-ewf", b"PK\x03\x04", b"x", False),
        ("application/zip", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), True),
        ("application/zip", b"PK\x03\x04", b"PK\x05\x06" + bytes(19), False),
        ("application/pdf", b"%PDF-1.7", b"%%EOF\n", True),
        ("application/pdf", b"%PDF-1.7", b"%%EOF\nmore", False),
        ("image/jpeg", b"\xff\xd8\xff\xe0", b"\xff\xd9", True),
        ("image/jpeg", b"\xff\xd8\xff\xe0", b"\xff\xd9PK", False),
        ("text/plain", "ein Täter".encode(), b"", True),
        ("text/plain", b"MZ\x00\x01", b"", False),
        ("application/x-msdownload", b"MZ", b"", False),
    ],
)
def test_a_file_begins_and_ends_as_its_media_type_does(media: str, head: bytes, tail: bytes, holds: bool) -> None:
    if holds:
        evidencefile.check_ends(media, head, tail)
        return
    with pytest.raises(ContentRefused):
        evidencefile.check_ends(media, head, tail)
