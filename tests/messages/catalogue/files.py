"""Small honest files of every media type, made here, and the tools to spoil them."""

import io
import json
import struct
import zipfile
import zlib


def pdf(*objects: bytes, version: bytes = b"1.7") -> bytes:
    """A page that is empty, and whatever else is to stand in the file."""
    page = (
        b"1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n"
    )
    body = b"%PDF-" + version + b"\n%\xe2\xe3\xcf\xd3\n" + page + b"".join(objects)
    return body + b"trailer\n<< /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(body)


def picture(data: bytes) -> bytes:
    """A picture inside a PDF: bytes that are no objects."""
    return b"8 0 obj\n<< /Type /XObject /Length %d >>\nstream\n" % len(data) + data + b"\nendstream\nendobj\n"


def packed_objects(plain: bytes, filters: bytes = b"/FlateDecode") -> bytes:
    """An object stream: objects that stand packed in the file."""
    packed = zlib.compress(plain)
    head = b"9 0 obj\n<< /Type /ObjStm /N 1 /First 4 /Filter %b /Length %d >>\nstream\n" % (filters, len(packed))
    return head + packed + b"\nendstream\nendobj\n"


def png() -> bytes:
    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    head = struct.pack(">2L5B", 1, 1, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(b"\0\0")) + part(b"IEND", b"")


def jpeg() -> bytes:
    """The frame of a picture: what its parts are made of, without a picture that anybody would see."""
    quantised = b"\xff\xdb\x00\x43\x00" + bytes(range(1, 65))
    frame = b"\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x12\xff\x00\x34\xff\xd0\x56"
    return b"\xff\xd8" + b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0" + quantised + frame + scan + b"\xff\xd9"


def wav() -> bytes:
    data = b"fmt " + struct.pack("<LHHLLHH", 16, 1, 1, 8000, 8000, 1, 8) + b"data" + struct.pack("<L", 4) + b"\x80" * 4
    return b"RIFF" + struct.pack("<L", 4 + len(data)) + b"WAVE" + data


def mp3() -> bytes:
    return b"ID3\x04\0\0\0\0\0\0" + b"\xff\xfb\x90\x00" + bytes(413)


def mp4() -> bytes:
    return struct.pack(">L4s4sL", 16, b"ftyp", b"isom", 512) + struct.pack(">L4s", 12, b"free") + b"abcd"


def archive(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as packed:
        for name, data in files.items():
            packed.writestr(zipfile.ZipInfo(name), data, method)
        packed.comment = comment
    return buffer.getvalue()


TYPES = b'<Types><Override PartName="/word/document.xml" ContentType="application/xml"/></Types>'
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def docx(*more: str, types: bytes = TYPES) -> bytes:
    """A letter with `more` parts by their names."""
    extra = dict.fromkeys(more, b"x")
    return archive({"[Content_Types].xml": types, "word/document.xml": b"<w:document/>", **extra})


def xlsx() -> bytes:
    return archive({"[Content_Types].xml": TYPES, "xl/workbook.xml": b"<workbook/>"})


def bag() -> bytes:
    return archive({"bag/bagit.txt": b"BagIt-Version: 1.0\n", "bag/data/ledger.txt": b"12 wages\n"})


GOOD: dict[str, bytes] = {
    "application/json": json.dumps({"type": "A18"}).encode(),
    "text/plain": "Сказано в порту: 12 wages\n\tand no passport\r\n".encode(),
    "text/csv": b'number,"calls, in all"\r\n+31 6 5550 0199,-12\r\n\r\n',
    "application/pdf": pdf(packed_objects(b"10 0 << /Type /Font /BaseFont /Helvetica >>")),
    DOCX: docx(),
    XLSX: xlsx(),
    "image/jpeg": jpeg(),
    "image/png": png(),
    "audio/wav": wav(),
    "audio/mpeg": mp3(),
    "video/mp4": mp4(),
    "application/zip": bag(),
    "application/x-ewf": b"EVF\x09\x0d\x0a\xff\x00" + bytes(64),
}
