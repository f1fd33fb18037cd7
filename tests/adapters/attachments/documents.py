"""Real documents made in memory, with words in every place where a document keeps some."""

import struct
import zipfile
import zlib
from email.message import EmailMessage
from io import BytesIO

import openpyxl
from openpyxl.comments import Comment
from PIL import Image, PngImagePlugin
from pypdf import PdfWriter
from pypdf.annotations import FreeText
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject, TextStringObject

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
BODY = "She was taken to the packing house in March."


def archive(parts: dict[str, bytes | str], *, comment: bytes = b"", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", method) as written:
        for name, data in parts.items():
            written.writestr(name, data)
        written.comment = comment
    return target.getvalue()


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def docx_parts(
    body: str = BODY,
    *,
    inserted: str = "",
    deleted: str = "",
    hidden: str = "",
    comment: str = "",
    header: str = "",
    footnote: str = "",
    table: tuple[str, ...] = (),
    box: str = "",
    author: str = "",
    custom: str = "",
    relations: str = "",
    types: str = "",
) -> dict[str, bytes | str]:
    def run(text: str, style: str = "") -> str:
        return f'<w:r>{style}<w:t xml:space="preserve">{escaped(text)}</w:t></w:r>'

    inside = "".join(f"<w:p>{run(line)}</w:p>" for line in body.split("\n"))
    if inserted:
        inside += f'<w:p><w:ins w:author="{escaped(author)}">{run(inserted)}</w:ins></w:p>'
    if deleted:
        inside += f"<w:p><w:del><w:r><w:delText>{escaped(deleted)}</w:delText></w:r></w:del></w:p>"
    if hidden:
        inside += f"<w:p>{run(hidden, '<w:rPr><w:vanish/></w:rPr>')}</w:p>"
    if comment:
        inside += f'<w:p><w:commentRangeStart w:id="0"/>{run("noted")}<w:commentReference w:id="0"/></w:p>'
    if table:
        inside += f"<w:tbl><w:tr>{''.join(f'<w:tc><w:p>{run(c)}</w:p></w:tc>' for c in table)}</w:tr></w:tbl>"
    if box:
        inside += f"<w:p><w:r><w:pict><w:txbxContent><w:p>{run(box)}</w:p></w:txbxContent></w:pict></w:r></w:p>"
    parts: dict[str, bytes | str] = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" '
        f'ContentType="application/xml"/>{types}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{R}/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/document.xml": f'<w:document xmlns:w="{W}" xmlns:r="{R}"><w:body>{inside}</w:body></w:document>',
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">{relations}</Relationships>',
        "docProps/core.xml": '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/'
        'core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:creator>{escaped(author)}</dc:creator></cp:coreProperties>",
    }
    if header:
        parts["word/header1.xml"] = f'<w:hdr xmlns:w="{W}"><w:p>{run(header)}</w:p></w:hdr>'
    if footnote:
        parts["word/footnotes.xml"] = f'<w:footnotes xmlns:w="{W}"><w:p>{run(footnote)}</w:p></w:footnotes>'
    if comment:
        parts["word/comments.xml"] = (
            f'<w:comments xmlns:w="{W}"><w:comment w:author="{escaped(author)}"><w:p>{run(comment)}</w:p></w:comment>'
            "</w:comments>"
        )
    if custom:
        parts["docProps/custom.xml"] = (
            '<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties">'
            f"<property><lpwstr>{escaped(custom)}</lpwstr></property></Properties>"
        )
    return parts


def docx(body: str = BODY, **places: object) -> bytes:
    return archive(docx_parts(body, **places))  # type: ignore[arg-type]


def xlsx(
    rows: tuple[tuple[object, ...], ...] = (("worker", "wage"), ("first", 12)),
    *,
    hidden_sheet: str = "",
    hidden_row: str = "",
    hidden_column: str = "",
    comment: str = "",
    author: str = "",
    sheet: str = "wages",
) -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = sheet
    for row in rows:
        page.append(list(row))
    if hidden_row:
        page.append([hidden_row])
        page.row_dimensions[page.max_row].hidden = True
    if hidden_column:
        page["H1"] = hidden_column
        page.column_dimensions["H"].hidden = True
    if comment:
        page["A1"].comment = Comment(comment, author or "x")
    if hidden_sheet:
        other = book.create_sheet("other")
        other["A1"] = hidden_sheet
        other.sheet_state = "veryHidden"
    book.properties.creator = author
    target = BytesIO()
    book.save(target)
    return target.getvalue()


def pdf(
    *lines: str, title: str = "", remark: str = "", script: bool = False, password: str = "", embedded: bytes = b""
) -> bytes:
    """One page with these lines in Helvetica (WinAnsi), as any program writes it."""
    writer = PdfWriter()
    page = writer.add_blank_page(595, 842)
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
            NameObject("/Encoding"): NameObject("/WinAnsiEncoding"),
        }
    )
    page[NameObject("/Resources")] = DictionaryObject(
        {NameObject("/Font"): DictionaryObject({NameObject("/F1"): writer._add_object(font)})}
    )
    plain = {ord(sign): f"\\{sign}" for sign in "()\\"}
    shown = "".join(f"({line.translate(plain)}) Tj 0 -16 Td\n" for line in lines or (BODY,))
    content = DecodedStreamObject()
    content.set_data(f"BT /F1 12 Tf 50 800 Td\n{shown}ET".encode("cp1252"))
    page[NameObject("/Contents")] = writer._add_object(content)
    if title:
        writer.add_metadata({"/Title": title, "/Author": title})
    if remark:
        writer.add_annotation(0, FreeText(text=remark, rect=(50, 550, 200, 650)))
    if script:
        action = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert(1);")}
        writer.root_object[NameObject("/OpenAction")] = DictionaryObject(action)
    if embedded:
        writer.add_attachment("other.bin", embedded)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    target = BytesIO()
    writer.write(target)
    return target.getvalue()


def eml(
    body: str = BODY, *, subject: str = "Packing house", sender: str = "desk@police.example", attached: str = "",
    html: str = "", trace: str = "",
) -> bytes:  # fmt: skip
    mail = EmailMessage()
    if trace:
        mail["Received"] = f"from {trace} by mx.example; Mon, 9 Mar 2026 10:00:00 +0000"
    mail["From"], mail["To"], mail["Subject"] = sender, "inspections@inspectorate.example", subject
    mail["Date"] = "Mon, 9 Mar 2026 10:00:00 +0000"
    if html:
        mail.set_content(html, subtype="html")
    else:
        mail.set_content(body)
    if attached:
        mail.add_attachment(b"some bytes", maintype="application", subtype="octet-stream", filename=attached)
    return mail.as_bytes()


def jpeg(*, note: str = "", size: tuple[int, int] = (48, 32)) -> bytes:
    image = Image.new("RGB", size, (200, 30, 30))
    exif = Image.Exif()
    if note:
        exif[0x010E], exif[0x013B] = note, note  # description, artist
        exif[0x0112] = 6  # to be turned
    target = BytesIO()
    image.save(target, "JPEG", exif=exif, comment=note.encode())
    return target.getvalue()


def png(*, note: str = "", size: tuple[int, int] = (48, 32)) -> bytes:
    info = PngImagePlugin.PngInfo()
    if note:
        info.add_itxt("Comment", note)
    target = BytesIO()
    Image.new("RGBA", size, (0, 90, 0, 120)).save(target, "PNG", pnginfo=info)
    return target.getvalue()


def bomb() -> bytes:
    """A document whose text unpacks to two hundred megabytes."""
    parts = docx_parts()
    parts["word/document.xml"] = b"<w:document>" + b" " * 200_000_000
    return archive(parts)


def deep_xml(levels: int) -> bytes:
    parts = docx_parts()
    parts["word/document.xml"] = b"<a>" * levels + b"</a>" * levels
    return archive(parts)


def png_claiming(width: int, height: int) -> bytes:
    """A picture that says it is enormous and is next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    head = struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
