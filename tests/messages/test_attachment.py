"""A file as a section: one frame, one plain name, and bytes that begin as its media type says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages import cbor, limits
from messages.attachment import (
    EXTENSIONS,
    FILE_BYTES,
    PLAIN,
    Attachment,
    check_bytes,
    check_name,
    flags,
    generic_name,
    is_generic,
    read,
)
from messages.errors import ContentRefused
from messages.labels import Flag

FILE = Attachment(name="report.txt", about="0b1f3a52-7a51-4c5e-9d0e-2b7c1a9f0001", data="Grüße".encode())


def test_a_file_comes_back_as_it_went() -> None:
    assert read(FILE.to_bytes(), PLAIN) == FILE
    assert read(FILE.to_bytes(), PLAIN).text == "Grüße"
    assert "Gr" not in repr(FILE)


def test_the_largest_file_fits_into_a_section() -> None:
    largest = Attachment(name="a" * 59 + ".txt", about=FILE.about, data=b"c" * FILE_BYTES)
    assert len(largest.to_bytes()) <= limits.SECTION_BYTES
    assert read(largest.to_bytes(), PLAIN) == largest


@pytest.mark.parametrize(
    "name",
    ["", "report", "Report.txt", "../a.txt", "a b.txt", "a.txt.txt", "é.txt", "-a.txt", "a.pdf", "a" * 61 + ".txt"],
)
def test_a_name_that_is_not_plain_is_refused(name: str) -> None:
    with pytest.raises(ContentRefused):
        check_name(name, PLAIN)


def test_a_generic_name_says_nothing_but_a_number_and_the_format() -> None:
    for media in EXTENSIONS:
        name = generic_name(12, media)
        check_name(name, media)
        assert is_generic(name)
    for name in ("attachment.txt", "attachment-0.txt", "attachment-ilse.txt", "report-1.txt", "attachment-123.txt"):
        assert not is_generic(name)


@pytest.mark.parametrize(
    ("media", "data"),
    [
        (PLAIN, b"%PDF-1.7"), (PLAIN, b"PK\x03\x04"), (PLAIN, b"a\x00b"), (PLAIN, b"\xff\xfe"), (PLAIN, b"{\\rtf1"),
        ("application/pdf", b"words"), ("application/pdf", b"%PDF-1.7 without an end"),
        ("image/png", b"\xff\xd8\xff\xd9"),
        ("image/jpeg", b"\x89PNG\r\n\x1a\n"), ("text/html", b"<p>"), ("application/zip", b"PK\x03\x04"),
    ],
)  # fmt: skip
def test_bytes_that_are_not_what_their_media_type_says_are_refused(media: str, data: bytes) -> None:
    with pytest.raises(ContentRefused):
        check_bytes(data, media)


def test_only_plain_text_that_was_searched_counts_as_naming_nobody() -> None:
    assert flags(PLAIN, cleared=True) == frozenset()
    assert flags(PLAIN, cleared=False) == {Flag.DIRECT}
    for media in set(EXTENSIONS) - {PLAIN}:
        assert flags(media, cleared=True) == {Flag.DIRECT}


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.dictionaries(
            st.sampled_from(["v", "name", "about", "data", "x"]), st.sampled_from([1, "a.txt", b"a", None])
        ).map(cbor.dump),
    ),
    st.sampled_from([*EXTENSIONS, "text/html"]),
)
def test_whatever_the_bytes_they_are_a_file_or_refused(data: bytes, media: str) -> None:
    try:
        read(data, media)
    except ContentRefused:
        return
