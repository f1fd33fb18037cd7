"""Bytes against the media type that they claim to be: what a careless or hostile sender would slip through is refused.

`check` returns nothing or raises `ContentRefused`, whatever the bytes; the sentence names the data type and the media
type, never the content. Promised: the type permits the media type and the size; the bytes have its structure from the
first to the last one, so nothing else stands before, behind or (as a second format) inside; nothing in them runs by
itself (macros, scripts, launch actions, embedded files); an archive names no path outside itself and does not unpack to
a thousand times its size.

Not checked here: what a picture or a document shows or says, metadata inside a file (a photograph may name its place),
and files inside an archive, which is opened and looked at file by file by whoever unpacks it. A file that cannot be
looked into, because it is encrypted or uses what is not known here, is refused.
"""

import csv
import re
import struct
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from messages.catalogue.jsontext import parse_json
from messages.errors import ContentRefused

if TYPE_CHECKING:
    from messages.catalogue.datatype import DataType

MIB: Final = 1024 * 1024
ZIP_ENTRIES: Final = 20_000  # the extraction of one phone has about ten thousand
ZIP_GROWTH: Final = 200  # text packs to a twentieth; a bomb grows a thousandfold
INFLATED: Final = 64 * MIB  # of object streams and of lists of parts, all together
CSV_CELLS: Final = 10_000  # in one row: the widest public statistics have some hundred columns


class _Wrong(Exception):
    """The bytes are not what they claim; the text goes into the sentence."""


def check(media_type: str, data: bytes, data_type: "DataType") -> None:
    """Raise `ContentRefused` unless `data` may be content of this data type, and is what `media_type` says."""
    limit = data_type.media_limits.get(media_type)
    if limit is None:
        raise ContentRefused(
            f"{data_type.id}: this media type is not permitted; it may be {', '.join(data_type.media_limits)}."
        )
    if len(data) > limit:
        raise ContentRefused(f"{data_type.id}: {media_type} may have at most {limit:,} bytes.")
    check_bytes(media_type, data, data_type.id)


def check_bytes(media_type: str, data: bytes, whose: str) -> None:
    """Raise `ContentRefused` unless `data` is what `media_type` says; `whose` begins the sentence."""
    reads = MEDIA.get(media_type)
    if reads is None:
        raise ContentRefused(f"{whose}: this media type is not known.")
    try:
        reads(data)
    except _Wrong as wrong:
        raise ContentRefused(f"{whose}: the bytes are refused as {media_type}: {wrong}.") from None
    except ContentRefused as refused:
        raise ContentRefused(f"{whose}: the bytes are refused as {media_type}: {refused}") from None


# text


def _json(data: bytes) -> None:
    parse_json(data, max_bytes=len(data))


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def _text(data: bytes) -> None:
    if any(data.startswith(magic) for magic in _MAGIC):
        raise _Wrong("it begins like a file of another format")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise _Wrong("it is not text in UTF-8") from None
    if _CONTROL.search(text):
        raise _Wrong("it holds control characters")


def _csv(data: bytes) -> None:
    _text(data)
    widths: set[int] = set()
    try:
        for row in csv.reader(data.decode("utf-8").splitlines(keepends=True), strict=True):
            widths.add(len(row))
            if len(row) > CSV_CELLS:
                raise _Wrong("a row has too many cells")
            if any(_runs(cell) for cell in row):
                raise _Wrong("a cell begins like a formula, which a spreadsheet would run; put an apostrophe before it")
    except csv.Error:
        raise _Wrong("its rows cannot be read") from None
    if len(widths - {0}) != 1:
        raise _Wrong("its rows do not all have the same number of cells")


def _runs(cell: str) -> bool:
    """Whether a spreadsheet would take the cell for a formula; a number or telephone number with a sign is none."""
    if cell[:1] in ("+", "-"):
        return not re.fullmatch(r"[+-]?[0-9 ().,/-]*", cell)
    return cell[:1] in ("=", "@", "\t")


# documents

_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
# No short name such as /JS: by chance it stands in every few megabytes of a picture. A script has /JavaScript too.
_ACTIVE = re.compile(
    rb"/(?:JavaScript|Launch|EmbeddedFiles?|RichMedia|SubmitForm|ImportData|GoToE|Rendition|Movie|Sound)"
    rb"(?![A-Za-z0-9])|/XFA\s*[\[0-9]"
)
_STREAM = re.compile(rb"(?<!end)stream(?:\r\n|\n|\r)?")
_PLAIN_FILTER = re.compile(rb"/Filter\s*(?:/FlateDecode(?![A-Za-z0-9])|\[\s*/FlateDecode\s*\])")


def _pdf(data: bytes) -> None:
    if not re.match(rb"%PDF-[12]\.[0-9]", data):
        raise _Wrong("it does not begin as a PDF")
    if not re.search(rb"%%EOF\s*\Z", data[-1100:]):
        raise _Wrong("it does not end as a PDF")
    _no_other(data)
    _passive(data)
    room, last, view = INFLATED, 0, memoryview(data)
    for found in _STREAM.finditer(data):
        head, last = _named(data[last : found.start()]), found.end()
        if b"/ObjStm" in head:  # objects packed away: a script may stand in there
            if len(_PLAIN_FILTER.findall(head)) != head.count(b"/Filter") or b"/DecodeParms" in head:
                raise _Wrong("it holds a part that cannot be looked into")
            plain = _inflated(view[last:], room) if b"/Filter" in head else _until_end(data, last)
            room -= len(plain)
            _passive(plain)


def _named(data: bytes) -> bytes:
    """The bytes with names written plainly: a name may spell any of its letters as a number."""
    return _ESCAPE.sub(lambda m: bytes([int(m[1], 16)]), data)


def _passive(data: bytes) -> None:
    plain = _named(data)
    if _ACTIVE.search(plain):
        raise _Wrong("it holds a script, a launch action, a form that sends, or another file; print it to a new PDF")
    if re.search(rb"/Encrypt(?![A-Za-z0-9])", plain):
        raise _Wrong("it is encrypted, so it cannot be looked into")


def _until_end(data: bytes, start: int) -> bytes:
    end = data.find(b"endstream", start)
    return data[start : end if end >= 0 else len(data)]


def _inflated(data: memoryview, room: int) -> bytes:
    try:
        unpack = zlib.decompressobj()
        plain = unpack.decompress(data, max(room, 1))
    except zlib.error:
        raise _Wrong("it holds a part that cannot be looked into") from None
    if not unpack.eof:
        raise _Wrong("it holds a part that unpacks to too much")
    return plain


# archives


def _zip(data: bytes) -> None:
    _entries(data)


def _entries(data: bytes) -> dict[str, tuple[int, int, int]]:
    """Names in the archive, each with (method, packed size, place of its bytes); raises `_Wrong`."""
    if not data.startswith(b"PK\x03\x04"):
        raise _Wrong("it does not begin as an archive")
    end = data.rfind(b"PK\x05\x06", max(0, len(data) - 65_557))
    if end < 0 or len(data) < end + 22:
        raise _Wrong("its list of contents is missing")
    _, disk, first, here, count, size, start, comment = struct.unpack("<4s4H2LH", data[end : end + 22])
    if end + 22 + comment != len(data) or comment:
        raise _Wrong("something stands behind the archive")
    if disk or first or here != count or 0xFFFF in (count, size >> 16) or start == 0xFFFFFFFF:
        raise _Wrong("it is in parts or too large; make smaller archives")
    if start + size != end or not 0 < count <= ZIP_ENTRIES:
        raise _Wrong("its list of contents does not fit the archive")
    found: dict[str, tuple[int, int, int]] = {}
    place, packed_all, whole_all = start, 0, 0
    for _ in range(count):
        entry = data[place : place + 46]
        if len(entry) < 46 or not entry.startswith(b"PK\x01\x02"):
            raise _Wrong("its list of contents cannot be read")
        flags, method = struct.unpack("<2H", entry[8:12])
        packed, whole, long, extra, says = struct.unpack("<2L3H", entry[20:34])
        (mode, local) = struct.unpack("<2L", entry[38:46])
        name = _path(data[place + 46 : place + 46 + long], flags)
        if name in found or (mode >> 16) & 0o170000 == 0o120000:
            raise _Wrong("it names a file twice, or one that points elsewhere")
        header = data[local : local + 30]
        if len(header) < 30 or not header.startswith(b"PK\x03\x04"):
            raise _Wrong("a file that it names is not there")
        name_here, extra_here = struct.unpack("<2H", header[26:30])
        if data[local + 30 : local + 30 + name_here] != data[place + 46 : place + 46 + long]:
            raise _Wrong("it names a file otherwise than the file names itself")
        found[name] = (method, packed, local + 30 + name_here + extra_here)
        place += 46 + long + extra + says
        packed_all, whole_all = packed_all + packed, whole_all + whole
    if place != end:
        raise _Wrong("its list of contents does not fit the archive")
    if whole_all > MIB + ZIP_GROWTH * packed_all or packed_all > len(data):
        raise _Wrong("it would unpack to far more than it is")
    return found


def _path(raw: bytes, flags: int) -> str:
    if flags & 0b1:
        raise _Wrong("it is encrypted, so it cannot be looked into; what travels is encrypted anyway")
    try:
        name = raw.decode("utf-8" if flags & 0x800 else "cp437")
    except UnicodeDecodeError:
        raise _Wrong("a name in it cannot be read") from None
    steps = re.split(r"[/\\]", name)
    odd = re.match(r"[/\\~]|[A-Za-z]:", name) or re.search(r"[\x00-\x1f\x7f]", name)
    if not name or ".." in steps or odd:
        raise _Wrong("it names a path outside itself")
    return name


def _office(main: str) -> Callable[[bytes], None]:
    def reads(data: bytes) -> None:
        found = _entries(data)
        if "[Content_Types].xml" not in found or main not in found:
            raise _Wrong("it is another kind of archive")
        lowered = [name.lower() for name in found]
        if any("vbaproject" in n or "/activex/" in n or "/embeddings/" in n or n.endswith(".bin") for n in lowered):
            raise _Wrong("it holds macros or another file; save it without them")
        method, packed, place = found["[Content_Types].xml"]
        raw = data[place : place + packed]
        if method not in (0, 8):
            raise _Wrong("it holds a part that cannot be looked into")
        parts = raw if method == 0 else _raw_inflated(raw)
        if re.search(rb"vbaProject|macroEnabled|activeX|oleObject", parts, re.IGNORECASE):
            raise _Wrong("it holds macros or another file; save it without them")

    return reads


def _raw_inflated(data: bytes) -> bytes:
    try:
        unpack = zlib.decompressobj(-zlib.MAX_WBITS)
        plain = unpack.decompress(data, INFLATED)
    except zlib.error:
        raise _Wrong("it holds a part that cannot be looked into") from None
    if not unpack.eof:
        raise _Wrong("it holds a part that unpacks to too much")
    return plain


# pictures, sound, film, images of disks


def _png(data: bytes) -> None:
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        raise _Wrong("it does not begin as a PNG")
    place, first = 8, True
    while place + 12 <= len(data):
        length, kind = struct.unpack(">L4s", data[place : place + 8])
        if place + 12 + length > len(data) or (first and kind != b"IHDR"):
            raise _Wrong("its parts do not fit together")
        (crc,) = struct.unpack(">L", data[place + 8 + length : place + 12 + length])
        if crc != zlib.crc32(data[place + 4 : place + 8 + length]):
            raise _Wrong("one of its parts is damaged")
        place, first = place + 12 + length, False
        if kind == b"IEND":
            break
    else:
        raise _Wrong("it does not end as a PNG")
    if place != len(data):
        raise _Wrong("something stands behind the picture")
    _no_other(data)


def _jpeg(data: bytes) -> None:
    if not data.startswith(b"\xff\xd8\xff"):
        raise _Wrong("it does not begin as a JPEG")
    place = 2
    while True:
        if place + 4 > len(data) or data[place] != 0xFF:
            raise _Wrong("its parts do not fit together")
        marker = data[place + 1]
        if marker == 0xFF:  # filling
            place += 1
            continue
        if marker == 0xD9:
            raise _Wrong("it holds no picture")
        (length,) = struct.unpack(">H", data[place + 2 : place + 4])
        place += 2 + length
        if marker == 0xDA:  # from here on picture data, in which 0xFF is followed by 0 or by a restart mark
            found = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]").search(data, place)
            if found is None:
                raise _Wrong("it does not end as a JPEG")
            place = found.start()
            if data[place + 1] == 0xD9:
                break
    if place + 2 != len(data):
        raise _Wrong("something stands behind the picture")
    _no_other(data)


def _wav(data: bytes) -> None:
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise _Wrong("it does not begin as a WAV")
    (size,) = struct.unpack("<L", data[4:8])
    if len(data) not in (size + 8, size + 8 + (size & 1)):
        raise _Wrong("something stands behind the sound, or some of it is missing")
    _no_other(data)


def _mp3(data: bytes) -> None:
    if not (data.startswith(b"ID3") or re.match(rb"\xff[\xe2-\xe7\xf2-\xff]", data)):
        raise _Wrong("it does not begin as an MP3")
    _no_other(data)


def _mp4(data: bytes) -> None:
    if data[4:8] != b"ftyp":
        raise _Wrong("it does not begin as an MP4")
    place = 0
    while place < len(data):
        head = data[place : place + 16]
        if len(head) < 8:
            raise _Wrong("something stands behind the film")
        size = int.from_bytes(head[:4], "big")
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        size = size or len(data) - place
        if size < 8 or place + size > len(data):
            raise _Wrong("its parts do not fit together")
        place += size
    _no_other(data)


def _ewf(data: bytes) -> None:
    if not data.startswith(b"EVF\x09\x0d\x0a\xff\x00"):
        raise _Wrong("it does not begin as an E01 image")


_MAGIC: Final = (b"%PDF-", b"PK\x03\x04", b"PK\x05\x06", b"\x89PNG", b"GIF8", b"MZ", b"\x7fELF", b"{\\rtf", b"#!")


def _no_other(data: bytes) -> None:
    """Refuse what another reader would take for a PDF (from its head) or for an archive (from its end)."""
    if b"%PDF-" in data[5:1024]:
        raise _Wrong("it can be read as a second format too")
    end = data.rfind(b"PK\x05\x06", max(0, len(data) - 65_557))
    if (
        end >= 0
        and len(data) >= end + 22
        and end + 22 + int.from_bytes(data[end + 20 : end + 22], "little") == len(data)
    ):
        raise _Wrong("it can be read as a second format too")


MEDIA: Final[Mapping[str, Callable[[bytes], None]]] = MappingProxyType(
    {
        "application/json": _json,
        "text/plain": _text,
        "text/csv": _csv,
        "application/pdf": _pdf,
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document": _office("word/document.xml"),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": _office("xl/workbook.xml"),
        "image/jpeg": _jpeg,
        "image/png": _png,
        "audio/wav": _wav,
        "audio/mpeg": _mp3,
        "video/mp4": _mp4,
        "application/zip": _zip,
        "application/x-ewf": _ewf,
    }
)
"""Every media type that content may have, with the check of its bytes. What cannot be checked cannot be permitted."""
