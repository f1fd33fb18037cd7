"""Bytes against the media type that they claim: honest files pass, everything else is refused in one kind of error."""

import struct
import zipfile
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.catalogue import DataType, load
from messages.catalogue.media import MEDIA, ZIP_ENTRIES, check
from messages.errors import ContentRefused
from tests.messages.catalogue import files
from tests.messages.catalogue.files import DOCX, GOOD, XLSX, archive, docx, jpeg, mp4, packed_objects, pdf, png, wav

EXHIBIT = replace(load().type("A18"), media_limits=dict.fromkeys(MEDIA, 1 << 20))


def _refused(media_type: str, data: bytes, data_type: DataType = EXHIBIT) -> str:
    with pytest.raises(ContentRefused) as caught:
        check(media_type, data, data_type)
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_there_is_an_honest_file_of_every_media_type() -> None:
    assert set(GOOD) == set(MEDIA)


@pytest.mark.parametrize("media_type", GOOD)
def test_an_honest_file_passes(media_type: str) -> None:
    check(media_type, GOOD[media_type], EXHIBIT)


@pytest.mark.parametrize("claimed", GOOD)
@pytest.mark.parametrize("real", GOOD)
def test_a_file_passes_as_what_it_is_and_as_nothing_else(claimed: str, real: str) -> None:
    same = claimed == real or ({claimed, real} <= {"application/json", "text/plain"} and claimed == "text/plain")
    wider = claimed == "application/zip" and real in (DOCX, XLSX)  # which are archives
    one_cell = (claimed, real) == ("text/csv", "application/json")  # one row of one cell
    if same or wider or one_cell or (claimed, real) == ("text/plain", "text/csv"):
        check(claimed, GOOD[real], EXHIBIT)
    else:
        assert claimed in _refused(claimed, GOOD[real])


@pytest.mark.parametrize("identifier", load().types)
def test_a_media_type_that_the_data_type_does_not_list_is_refused(identifier: str) -> None:
    data_type = load().type(identifier)
    for media_type, data in GOOD.items():
        if media_type in data_type.media:
            check(media_type, data, data_type)
        else:
            assert identifier in _refused(media_type, data, data_type)
    assert identifier in _refused("application/x-msdownload", b"MZ", data_type)


@pytest.mark.parametrize("media_type", GOOD)
def test_a_file_may_be_as_large_as_its_limit_and_no_larger(media_type: str) -> None:
    size = len(GOOD[media_type])
    check(media_type, GOOD[media_type], replace(EXHIBIT, media_limits={media_type: size}))
    smaller = replace(EXHIBIT, media_limits={media_type: size - 1})
    assert f"at most {size - 1:,} bytes" in _refused(media_type, GOOD[media_type], smaller)


OBJECT = b"5 0 obj\n<< %b >>\nendobj\n"
BAD: dict[str, tuple[str, bytes]] = {
    # text
    "text that is not UTF-8": ("text/plain", "Vantongeren é".encode("latin-1")),
    "text with control characters": ("text/plain", b"a\x00b"),
    "text that is a script": ("text/plain", b"#!/bin/sh\nrm x\n"),
    "text that is rich text": ("text/plain", b"{\\rtf1 x}"),
    "text that is a program": ("text/plain", b"MZ and so on"),
    "a table with a formula": ("text/csv", b"a,b\r\n1,=HYPERLINK(0)\r\n"),
    "a table with a quoted formula": ("text/csv", b'a,b\r\n1,"=1+1"\r\n'),
    "a table with a formula behind a sign": ("text/csv", b"a,b\r\n1,+cmd|' /C calc'!A0\r\n"),
    "a table with an at sign": ("text/csv", b"a,b\r\n1,@SUM(A1)\r\n"),
    "a table whose rows differ": ("text/csv", b"a,b\r\n1\r\n"),
    "a table of nothing": ("text/csv", b""),
    "a table with an open quotation": ("text/csv", b'a,"b\r\n'),
    "JSON with a repeated name": ("application/json", b'{"a":1,"a":2}'),
    # documents
    "a PDF with something before it": ("application/pdf", b"x" + pdf()),
    "a PDF with something behind it": ("application/pdf", pdf() + b"MZ"),
    "a PDF that is cut off": ("application/pdf", pdf()[:-20]),
    "a PDF of no version": ("application/pdf", pdf(version=b"x")),
    "a PDF with a script": ("application/pdf", pdf(OBJECT % b"/S /JavaScript /JS (app.alert(1))")),
    "a PDF with a script in numbers": ("application/pdf", pdf(OBJECT % b"/S /J#61vaScript")),
    "a PDF that launches": ("application/pdf", pdf(OBJECT % b"/S /Launch /F (calc.exe)")),
    "a PDF that holds a file": ("application/pdf", pdf(OBJECT % b"/Type /EmbeddedFile")),
    "a PDF that names files": ("application/pdf", pdf(OBJECT % b"/EmbeddedFiles 6 0 R")),
    "a PDF with a film": ("application/pdf", pdf(OBJECT % b"/Subtype /RichMedia")),
    "a PDF with a form that sends": ("application/pdf", pdf(OBJECT % b"/S /SubmitForm /F (http://x)")),
    "a PDF with a dynamic form": ("application/pdf", pdf(OBJECT % b"/XFA [(template) 7 0 R]")),
    "a PDF that is encrypted": ("application/pdf", pdf(OBJECT % b"/Encrypt 8 0 R")),
    "a PDF with a packed script": ("application/pdf", pdf(packed_objects(b"10 0 << /S /JavaScript >>"))),
    "a PDF packed another way": ("application/pdf", pdf(packed_objects(b"10 0", b"[/ASCIIHexDecode /FlateDecode]"))),
    "a PDF packed twice": ("application/pdf", pdf(packed_objects(b"10 0", b"[/FlateDecode /ASCIIHexDecode]"))),
    "a PDF packed with a key": ("application/pdf", pdf(packed_objects(b"10 0", b"/FlateDecode /DecodeParms << >>"))),
    "a PDF with objects in a picture": ("application/pdf", pdf(files.picture(OBJECT % b"/S /JavaScript"))),
    "a PDF with a damaged packing": ("application/pdf", pdf(packed_objects(b"x").replace(b"\x78\x9c", b"\x00\x00"))),
    "a PDF that unpacks to too much": ("application/pdf", pdf(packed_objects(bytes(80_000_000)))),
    "a PDF that is an archive too": ("application/pdf", pdf() + b"%" + files.bag()),
    # office
    "a letter with macros": (DOCX, docx("word/vbaProject.bin")),
    "a letter with macros under another name": (DOCX, docx("word/a.xml", types=b"x vbaProject x")),
    "a letter that may run macros": (DOCX, docx(types=b"document.macroEnabled.main")),
    "a letter with a control": (DOCX, docx("word/activeX/activeX1.xml")),
    "a letter with another file": (DOCX, docx("word/embeddings/a.doc")),
    "a letter without a list of parts": (DOCX, archive({"word/document.xml": b"x"})),
    "a sheet that is a letter": (XLSX, docx()),
    # archives
    "an archive with a path out of itself": ("application/zip", archive({"../x": b""})),
    "an archive with a path out in the middle": ("application/zip", archive({"a/../../x": b""})),
    "an archive with a path of another system": ("application/zip", archive({"..\\x": b""})),
    "an archive with a path from the root": ("application/zip", archive({"/etc/x": b""})),
    "an archive with a path from a drive": ("application/zip", archive({"C:x": b""})),
    "an archive with a path from home": ("application/zip", archive({"~/x": b""})),
    "an archive with a control character": ("application/zip", archive({"a\nb": b""})),
    "an archive with words behind it": ("application/zip", archive({"a": b""}, comment=b"MZ")),
    "an archive with bytes behind it": ("application/zip", archive({"a": b""}) + b"x"),
    "an archive with a program before it": ("application/zip", b"MZ" + archive({"a": b""})),
    "an archive that is a bomb": ("application/zip", archive({f"{n}": bytes(900_000) for n in range(3)})),
    "an archive of nothing": ("application/zip", archive({})),
    "an archive that is cut off": ("application/zip", archive({"a": b"x"})[:-10]),
    # pictures, sound, film
    "a PNG with something behind it": ("image/png", png() + b"x"),
    "a PNG that is damaged": ("image/png", png()[:40] + b"\x00" + png()[41:]),
    "a PNG that is cut off": ("image/png", png()[:-12]),
    "a PNG that is an archive too": ("image/png", png() + files.bag()),
    "a JPEG with something behind it": ("image/jpeg", jpeg() + b"x"),
    "a JPEG with another picture behind it": ("image/jpeg", jpeg() + jpeg()),
    "a JPEG that is cut off": ("image/jpeg", jpeg()[:-2]),
    "a JPEG without a picture": ("image/jpeg", b"\xff\xd8\xff\xd9"),
    "a JPEG whose parts do not fit": ("image/jpeg", b"\xff\xd8\xff\xe0\xff\xff"),
    "a WAV with something behind it": ("audio/wav", wav() + b"xy"),
    "a WAV that is cut off": ("audio/wav", wav()[:-2]),
    "an MP4 with something behind it": ("video/mp4", mp4() + b"x"),
    "an MP4 whose parts do not fit": ("video/mp4", mp4()[:-1]),
    "an MP4 that is a PDF too": ("video/mp4", mp4() + struct.pack(">L4s", 20, b"free") + b"%PDF-1.7 xxx"),
    "sound that is something else": ("audio/mpeg", b"OggS" + bytes(30)),
    "an image of a disk that is something else": ("application/x-ewf", b"EVF\x09\x0d\x0a\xff\x01" + bytes(60)),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_what_only_claims_to_be_is_refused(what: str) -> None:
    media_type, data = BAD[what]
    wide = replace(EXHIBIT, media_limits={media_type: 1 << 30})
    sentence = _refused(media_type, data, wide)
    assert sentence.startswith("A18: ") and sentence.endswith(".") and "\n" not in sentence
    assert "Vantongeren" not in sentence


def test_an_archive_that_is_encrypted_or_names_a_file_twice_or_a_link_is_refused() -> None:
    good = archive({"a": b"12345", "b": b"12345"}, zipfile.ZIP_STORED)
    entry = good.index(b"PK\x01\x02")
    assert "encrypted" in _refused("application/zip", good[: entry + 8] + b"\x01" + good[entry + 9 :])
    link = bytearray(good)
    link[entry + 38 : entry + 42] = struct.pack("<L", 0o120777 << 16)
    assert "elsewhere" in _refused("application/zip", bytes(link))
    twice = good.replace(b"b", b"a")
    assert "twice" in _refused("application/zip", twice)
    smuggled = good.replace(b"a12345", b"c12345")
    assert "otherwise" in _refused("application/zip", smuggled)


def test_an_archive_of_too_many_files_is_refused_before_it_is_read() -> None:
    many = archive({str(n): b"" for n in range(ZIP_ENTRIES + 1)}, zipfile.ZIP_STORED)
    wide = replace(EXHIBIT, media_limits={"application/zip": 1 << 30})
    assert "list of contents" in _refused("application/zip", many, wide)


def test_a_picture_in_several_scans_and_with_fillers_is_read_to_its_end() -> None:
    scan = jpeg()[jpeg().index(b"\xff\xda") : -2]
    check("image/jpeg", jpeg()[:-2] + b"\xff" + scan + b"\xff\xff\xd9", EXHIBIT)


def test_a_sound_of_an_odd_length_may_be_filled_up() -> None:
    odd = b"RIFF" + struct.pack("<L", 4 + 9) + b"WAVE" + b"data" + struct.pack("<L", 1) + b"\x80"
    for data in (odd, odd + b"\0"):
        check("audio/wav", data, EXHIBIT)


def test_a_film_with_a_long_part_and_a_last_one_without_a_length_is_read_to_its_end() -> None:
    long = struct.pack(">L4sQ", 1, b"mdat", 20) + b"abcd"
    check("video/mp4", mp4() + long + struct.pack(">L4s", 0, b"free") + b"xyz", EXHIBIT)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_any_bytes_pass_or_raise_the_promised_error(media_type: str, data: st.DataObject) -> None:
    good = GOOD[media_type]
    raw = data.draw(
        st.binary(max_size=200)
        | st.tuples(st.integers(0, len(good)), st.binary(max_size=40), st.integers(0, len(good))).map(
            lambda cut: good[: cut[0]] + cut[1] + good[cut[2] :]
        )
    )
    try:
        check(media_type, raw, EXHIBIT)
    except ContentRefused as error:
        assert error.__cause__ is None


@given(st.binary(max_size=60))
def test_whatever_is_packed_away_in_a_pdf_is_looked_into(plain: bytes) -> None:
    script = plain + b" /JavaScript "
    _refused("application/pdf", pdf(packed_objects(script)))
    assert zlib.decompress(zlib.compress(script)) == script


def test_a_picture_in_a_pdf_may_hold_short_names_by_chance() -> None:
    check("application/pdf", pdf(files.picture(b"\x93/JS \x01/AA /XFA\xff stream /F")), EXHIBIT)
