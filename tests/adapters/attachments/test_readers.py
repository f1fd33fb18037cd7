"""What each format says in words, what of it stays behind, and that hostile bytes only ever make the one error."""

import zipfile
from collections.abc import Callable
from datetime import date
from io import BytesIO

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader

from adapters.attachments.errors import AttachmentRefused
from adapters.attachments.formats import FORMATS, format_of
from adapters.attachments.reading import Rendition
from messages import attachment
from tests.adapters.attachments import documents

SECRET = "Ilse Vantongeren"


def words(extension: str, data: bytes) -> Rendition:
    return format_of(extension, data).text_of(data)


def clean(extension: str, data: bytes) -> bytes:
    return format_of(extension, data).clean(data)


def refusal(function: Callable[[str, bytes], object], extension: str, data: bytes) -> str:
    with pytest.raises(AttachmentRefused) as caught:
        function(extension, data)
    assert SECRET not in str(caught.value)
    return caught.value.kind


def everything(data: bytes) -> bytes:
    """All that a file holds, unpacked."""
    if not data.startswith(b"PK"):
        return data
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return b"\n".join([data, *(n.encode() + archive.read(n) for n in archive.namelist())])


# DOCX


def test_a_word_document_says_all_that_can_be_seen_in_it() -> None:
    found = words("docx", documents.docx("One\nTwo", header="Top", footnote="Note", table=("a", "b"), box="Boxed"))
    assert found.text.split("\n")[:3] == ["One", "Two", "a | b"]
    for said in ("Top", "Note", "Boxed"):
        assert said in found.text
    assert found.left_out == ()


@pytest.mark.parametrize(
    ("place", "said"), [("deleted", "tracked changes"), ("hidden", "hidden text"), ("comment", "comments")]
)
def test_what_cannot_be_seen_in_a_word_document_is_left_out_and_named(place: str, said: str) -> None:
    data = documents.docx(**{place: SECRET})
    found = words("docx", data)
    assert SECRET not in found.text and documents.BODY in found.text
    assert said in found.left_out
    assert refusal(clean, "docx", data) == "attachment-changes"


def test_an_insertion_that_was_not_accepted_is_text_and_keeps_the_file_itself_back() -> None:
    data = documents.docx(inserted="and left", author=SECRET)
    assert "and left" in words("docx", data).text
    assert SECRET not in words("docx", data).text
    assert refusal(clean, "docx", data) == "attachment-changes"


def test_a_clean_word_document_has_no_properties_and_still_says_the_same() -> None:
    data = documents.docx(author=SECRET, custom=SECRET)
    assert SECRET.encode() in everything(data)
    done = clean("docx", data)
    assert SECRET.encode() not in everything(done)
    assert words("docx", done).text == words("docx", data).text
    attachment.check_bytes(done, FORMATS["docx"].media)


def test_pictures_in_a_word_document_lose_their_notes_and_the_picture_of_its_first_page_goes() -> None:
    parts = documents.docx_parts()
    parts["word/media/image1.jpeg"] = documents.jpeg(note=SECRET)
    parts["docProps/thumbnail.jpeg"] = documents.jpeg(note=SECRET)
    parts["_rels/.rels"] = str(parts["_rels/.rels"]).replace(
        "</Relationships>",
        '<Relationship Id="t" Type="http://x/thumbnail" Target="docProps/thumbnail.jpeg"/></Relationships>',
    )
    done = clean("docx", documents.archive(parts, comment=SECRET.encode()))
    assert SECRET.encode() not in everything(done)
    assert b"thumbnail" not in everything(done)
    with zipfile.ZipFile(BytesIO(done)) as archive:
        assert Image.open(BytesIO(archive.read("word/media/image1.jpeg"))).size == (32, 48)


@pytest.mark.parametrize(
    ("kind", "relation"),
    [
        (
            "attachment-external",
            '<Relationship Id="a" Type="x/attachedTemplate" TargetMode="External" Target="http://x"/>',
        ),
        ("attachment-external", '<Relationship Id="a" Type="x/image" TargetMode="External" Target="file://x"/>'),
        ("attachment-active", '<Relationship Id="a" Type="x/vbaProject" Target="vbaProject.bin"/>'),
        ("attachment-nested", '<Relationship Id="a" Type="x/oleObject" Target="o.bin"/>'),
        ("attachment-nested", '<Relationship Id="a" Type="x/aFChunk" Target="o.html"/>'),
    ],
)
def test_a_document_that_loads_runs_or_holds_something_else_is_refused_in_both_forms(kind: str, relation: str) -> None:
    data = documents.docx(relations=relation)
    assert refusal(words, "docx", data) == kind
    assert refusal(clean, "docx", data) == kind


def test_a_link_in_a_document_is_no_reference_that_loads() -> None:
    link = '<Relationship Id="a" Type="x/hyperlink" TargetMode="External" Target="https://example.org"/>'
    assert words("docx", documents.docx(relations=link)).text == documents.BODY


@pytest.mark.parametrize(
    ("kind", "name", "data"),
    [
        ("attachment-active", "word/vbaProject.bin", b"x"),
        ("attachment-active", "word/activeX/activeX1.xml", b"<x/>"),
        ("attachment-nested", "word/embeddings/other.docx", documents.docx()),
        ("attachment-nested", "more.zip", b"PK\x05\x06" + bytes(18)),
        ("attachment-unreadable", "../word/document.xml", b"<x/>"),
        ("attachment-unreadable", "WORD/document.xml", b"<x/>"),
    ],
)
def test_an_archive_with_a_part_that_does_not_belong_is_refused(kind: str, name: str, data: bytes) -> None:
    assert refusal(words, "docx", documents.archive({**documents.docx_parts(), name: data})) == kind


def test_a_document_that_unpacks_to_far_more_than_it_is_is_refused_before_it_is_unpacked() -> None:
    assert refusal(words, "docx", documents.bomb()) == "attachment-too-large"


def test_an_archive_that_lies_about_its_sizes_is_refused() -> None:
    data = bytearray(
        documents.archive({**documents.docx_parts(), "word/document.xml": b"<a>" + b" " * 60_000 + b"</a>"})
    )
    for place in range(len(data) - 4):
        if data[place : place + 4] == (60_007).to_bytes(4, "little"):
            data[place : place + 4] = (10).to_bytes(4, "little")
    assert refusal(words, "docx", bytes(data)) == "attachment-unreadable"


def test_xml_with_a_document_type_or_an_entity_is_refused() -> None:
    parts = documents.docx_parts()
    for head in ('<!DOCTYPE a [<!ENTITY b "c">]>', '<!DOCTYPE a SYSTEM "file:///etc/passwd">'):
        hostile = {**parts, "word/document.xml": head + str(parts["word/document.xml"])}
        assert refusal(words, "docx", documents.archive(hostile)) == "attachment-unreadable"


def test_an_encrypted_office_document_is_refused_as_such() -> None:
    assert refusal(words, "docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)) == "attachment-encrypted"


def test_an_archive_with_a_password_is_refused_as_such() -> None:
    data = bytearray(documents.docx())
    place = data.find(b"PK\x01\x02")
    while place >= 0:
        data[place + 8] |= 1
        place = data.find(b"PK\x01\x02", place + 4)
    assert refusal(words, "docx", bytes(data)) == "attachment-encrypted"


# XLSX


def test_a_workbook_says_its_visible_values_row_by_row_and_dates_as_dates() -> None:
    found = words("xlsx", documents.xlsx((("born", date(2001, 4, 17)), ("wage", 12.0), ("share", 0.5))))
    assert "born | 2001-04-17" in found.text and "wage | 12\n" in found.text + "\n" and "share | 0.5" in found.text


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("hidden_sheet", "hidden sheets"),
        ("hidden_row", "hidden rows"),
        ("hidden_column", "hidden columns"),
        ("comment", "comments"),
    ],
)
def test_what_cannot_be_seen_in_a_workbook_is_left_out_and_named(place: str, said: str) -> None:
    data = documents.xlsx(**{place: SECRET})  # type: ignore[arg-type]
    found = words("xlsx", data)
    assert SECRET not in found.text and "worker | wage" in found.text
    assert said in found.left_out
    assert refusal(clean, "xlsx", data) == "attachment-changes"


def test_a_clean_workbook_has_no_properties_and_still_says_the_same() -> None:
    data = documents.xlsx(author=SECRET)
    done = clean("xlsx", data)
    assert SECRET.encode() in everything(data) and SECRET.encode() not in everything(done)
    assert words("xlsx", done).text == words("xlsx", data).text
    assert openpyxl.load_workbook(BytesIO(done)).active is not None
    attachment.check_bytes(done, FORMATS["xlsx"].media)


def test_a_cell_at_the_far_corner_of_a_sheet_makes_no_million_rows() -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page["XFD1048576"] = "far"
    target = BytesIO()
    book.save(target)
    assert words("xlsx", target.getvalue()).text == "Sheet\nfar"


def test_a_workbook_that_reads_from_another_one_is_refused() -> None:
    with zipfile.ZipFile(BytesIO(documents.xlsx())) as archive:
        parts: dict[str, bytes | str] = {n: archive.read(n) for n in archive.namelist()}
    parts["xl/externalLinks/externalLink1.xml"] = b"<x/>"
    assert refusal(words, "xlsx", documents.archive(parts)) == "attachment-external"


# PDF


def test_a_pdf_says_the_words_of_its_pages() -> None:
    found = words("pdf", documents.pdf("First (one)", "Zoë two"))
    assert found.text == "First (one)\nZoë two"


def test_metadata_and_remarks_of_a_pdf_stay_behind() -> None:
    data = documents.pdf("Words", title=SECRET, remark=SECRET)
    assert SECRET.encode() in data
    found = words("pdf", data)
    assert found.text == "Words" and "comments" in found.left_out
    done = clean("pdf", data)
    assert SECRET.encode() not in done
    assert not PdfReader(BytesIO(done)).metadata
    assert words("pdf", done) == Rendition("Words", ())
    attachment.check_bytes(done, "application/pdf")


def test_an_earlier_version_of_a_pdf_does_not_travel_inside_the_later_one() -> None:
    first = documents.pdf(SECRET)
    start = first.rfind(b"startxref")
    number = first[start + 9 :].split()[0]
    blank = b"6 0 obj\n<< /Length 0 >>\nstream\n\nendstream\nendobj\n"
    place = first.find(b"/Contents ") + 10
    object_number = first[place : first.find(b" ", place)]
    blank = blank.replace(b"6", object_number, 1)
    later = (
        first + blank + b"xref\n" + object_number + b" 1\n" + b"%010d 00000 n \n" % len(first)
        + b"trailer\n<< /Size 20 /Root 1 0 R /Prev " + number + b" >>\n"
        + b"startxref\n%d\n%%%%EOF\n" % (len(first) + len(blank))
    )  # fmt: skip
    assert SECRET.encode() in later
    assert refusal(words, "pdf", later) == "attachment-no-text"
    assert SECRET.encode() not in clean("pdf", later)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("attachment-encrypted", documents.pdf(password="x")),
        ("attachment-active", documents.pdf(script=True)),
        ("attachment-nested", documents.pdf(embedded=b"other")),
    ],
)
def test_a_pdf_that_is_encrypted_runs_or_holds_a_file_is_refused_in_both_forms(kind: str, data: bytes) -> None:
    assert refusal(words, "pdf", data) == kind
    assert refusal(clean, "pdf", data) == kind


def test_a_pdf_without_words_cannot_be_searched() -> None:
    assert refusal(words, "pdf", documents.pdf(" ")) == "attachment-no-text"


# mail, text, tables


def test_a_mail_says_its_words_and_none_of_its_headers() -> None:
    data = documents.eml("She left.", subject=SECRET, sender=f"{SECRET} <x@y.example>", trace="mx.vantongeren.example")
    assert words("eml", data).text == "She left."
    done = clean("eml", data).decode()
    assert done.startswith("From: ") and f"Subject: {SECRET}" in done and "mx.vantongeren" not in done


def test_a_mail_in_html_says_what_is_between_the_tags() -> None:
    data = documents.eml(html="<style>p{}</style><p>One &amp; two</p><script>three</script><p>four</p>")
    assert words("eml", data).text.split() == ["One", "&", "two", "four"]


def test_a_mail_with_a_file_in_it_is_refused_whatever_the_file_is_called() -> None:
    assert refusal(words, "eml", documents.eml(attached=f"{SECRET}.pdf")) == "attachment-nested"


def test_text_is_read_in_utf_8_or_as_its_mark_says_and_never_guessed() -> None:
    assert words("txt", "Grüße\r\n\x07!".encode()).text == "Grüße\n!"
    assert words("txt", "Grüße".encode("utf-16")).text == "Grüße"
    assert refusal(words, "txt", "Grüße".encode("latin-1")) == "attachment-unreadable"
    assert refusal(words, "txt", b"   ") == "attachment-no-text"


def test_a_table_says_its_cells_and_one_that_would_run_is_no_file_to_pass_on() -> None:
    assert words("csv", b"name;wage\na;1\n").text == "name | wage\na | 1"
    assert clean("csv", b"name;wage\na;-1\n") == b"name,wage\na,-1\n"
    assert refusal(clean, "csv", b"name;wage\n=cmd();1\n") == "attachment-active"


# pictures


@pytest.mark.parametrize(("extension", "make"), [("jpg", documents.jpeg), ("png", documents.png)])
def test_a_picture_is_never_words_and_a_clean_one_is_pixels_alone(extension: str, make: Callable[..., bytes]) -> None:
    data = make(note=SECRET)
    assert SECRET.encode() in data
    assert refusal(words, extension, data) == "attachment-picture"
    done = clean(extension, data)
    assert SECRET.encode() not in done and b"Exif" not in done
    before, after = Image.open(BytesIO(data)), Image.open(BytesIO(done))
    assert after.size == ((before.size[1], before.size[0]) if extension == "jpg" else before.size)
    attachment.check_bytes(done, FORMATS[extension].media)


def test_a_picture_that_claims_to_be_enormous_is_refused() -> None:
    with pytest.raises(AttachmentRefused):
        clean("png", documents.png_claiming(60_000, 60_000))


# what is none of them


@pytest.mark.parametrize(
    ("extension", "data"),
    [
        ("docx", documents.pdf()), ("pdf", documents.docx()), ("txt", documents.pdf()), ("csv", documents.docx()),
        ("jpg", documents.png()), ("exe", b"MZ"), ("", b"x"), ("zip", documents.docx()), ("doc", b"x"),
        ("docm", documents.docx()),
    ],
)  # fmt: skip
def test_a_file_whose_bytes_are_not_what_its_name_says_is_refused(extension: str, data: bytes) -> None:
    assert refusal(words, extension, data) == "attachment-format"


def test_every_refusal_has_a_sentence_that_says_what_to_do() -> None:
    assert len(attachment.REFUSALS) > 10
    for kind, sentence in attachment.REFUSALS.items():
        assert kind.startswith("attachment-") and sentence.endswith(".")


# whatever the bytes

SEEDS = {
    "docx": documents.docx(inserted="a", deleted="b", comment="c", table=("d", "e"), header="f"),
    "xlsx": documents.xlsx(comment="a", hidden_row="b"),
    "pdf": documents.pdf("one", "two", title="t", remark="r"),
    "eml": documents.eml(attached="a.bin", trace="x") + documents.eml(html="<p>x</p>"),
    "txt": "Grüße, Ωmega\n".encode(),
    "csv": b"a;b\n1;2\n",
    "jpg": documents.jpeg(note="x"),
    "png": documents.png(note="x"),
}


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    """A real document with bytes changed, cut out, doubled or put in; in archives also inside a part."""
    extension = draw(st.sampled_from(sorted(SEEDS)))
    data = SEEDS[extension]
    if extension in ("docx", "xlsx") and draw(st.booleans()):
        with zipfile.ZipFile(BytesIO(data)) as archive:
            parts: dict[str, bytes | str] = {n: archive.read(n) for n in archive.namelist()}
        name = draw(st.sampled_from(sorted(parts)))
        parts[name] = draw(changed(bytes(parts[name])))  # type: ignore[arg-type]
        return extension, documents.archive(parts)
    return extension, draw(changed(data))


@st.composite
def changed(draw: st.DrawFn, data: bytes) -> bytes:
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.integers(0, 40))
        piece = draw(st.one_of(st.binary(max_size=20), st.just(data[place : place + length])))
        data = data[:place] + piece + data[place + (length if draw(st.booleans()) else 0) :]
    return data


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_whatever_the_bytes_a_reader_returns_or_refuses(case: tuple[str, bytes]) -> None:
    extension, data = case
    for function in (words, clean):
        try:
            found = function(extension, data)
        except AttachmentRefused as refused:
            assert refused.kind in attachment.REFUSALS
        else:
            assert isinstance(found, Rendition | bytes)
            if isinstance(found, Rendition):
                found.text.encode()


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(FORMATS)), st.binary(max_size=400))
def test_any_bytes_after_the_right_beginning_are_read_or_refused(extension: str, data: bytes) -> None:
    for function in (words, clean):
        try:
            function(extension, FORMATS[extension].begins + data)
        except AttachmentRefused:
            continue


def test_a_workbook_forgets_its_printer_and_can_still_be_read() -> None:
    with zipfile.ZipFile(BytesIO(documents.xlsx())) as archive:
        parts: dict[str, bytes | str] = {n: archive.read(n) for n in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    link = f'xmlns:r="{documents.R}"'
    page = bytes(parts[sheet]).decode()  # type: ignore[arg-type]
    parts[sheet] = page.replace("</worksheet>", f'<pageSetup orientation="portrait" {link} r:id="p1"/></worksheet>')
    parts["xl/worksheets/_rels/sheet1.xml.rels"] = (
        f'<Relationships xmlns="{documents.PACKAGE}/relationships"><Relationship Id="p1" '
        f'Type="{documents.R}/printerSettings" Target="../printerSettings/printerSettings1.bin"/></Relationships>'
    )
    parts["xl/printerSettings/printerSettings1.bin"] = SECRET.encode()
    done = clean("xlsx", documents.archive(parts))
    assert SECRET.encode() not in everything(done) and b'r:id="p1"' not in everything(done)
    attachment.check_bytes(done, FORMATS["xlsx"].media)
    assert words("xlsx", done).text == words("xlsx", documents.xlsx()).text
