"""A small file as a section: its framing, its name, and what its bytes must look like (docs/attachments.md).

An attachment belongs to an object of the message and travels under that object's data type, in the part `file`, with
its real media type in the description. So the rights in the data type are the rights in its attachments, and the
agreement has to name the media type. The plaintext is one CBOR map; the name is inside the seal.

Whoever may be in a file is not known: its role is `unknown`, which counts as a victim, and it is D until somebody has
searched it. Only text can be searched, so only `text/plain` ever loses the D.

`check_bytes` looks at the outside alone: the format that the bytes begin as, and nothing that runs. What stands in
them, `adapters.attachments` looks at.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from messages import cbor, limits
from messages.cbor import Reader
from messages.errors import ContentRefused, Malformed
from messages.labels import Flag, Role

FILE: Final = "file"
"""The part that every data type has beside those of the catalogue: an attachment to an object of that type."""

PLAIN: Final = "text/plain"
_WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_SHEET: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
EXTENSIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        PLAIN: "txt",
        "text/csv": "csv",
        "application/pdf": "pdf",
        _WORD: "docx",
        _SHEET: "xlsx",
        "image/jpeg": "jpg",
        "image/png": "png",
    }
)
"""Media types that an attachment may have when it travels, and the one extension of each."""

ROLES: Final = frozenset({Role.UNKNOWN})
FILE_BYTES: Final = limits.SECTION_BYTES - 1024
"""The frame around it (version, name, id and lengths) has under 300 bytes."""
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?\.(?P<ext>[a-z]{3,4})", re.ASCII)
_GENERIC: Final = re.compile(r"attachment-[1-9][0-9]?\.[a-z]{3,4}", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_RUNS: Final = re.compile(rb"vbaProject|macroEnabled|oleObject|activeX", re.IGNORECASE)
_OTHERS: Final = (
    b"%PDF-",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"MZ",
    b"\x7fELF",
    b"{\\rtf",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One file as its section holds it: `about` is the id that its object has in this message."""

    name: str
    about: str
    data: bytes

    def __repr__(self) -> str:
        return f"Attachment({len(self.data)} bytes)"

    def to_bytes(self) -> bytes:
        """The section's plaintext."""
        return cbor.dump({"v": limits.VERSION, "name": self.name, "about": self.about, "data": self.data})

    @property
    def text(self) -> str:
        """The words of a `text/plain` attachment; `read` has seen that they are UTF-8."""
        return self.data.decode("utf-8")


def read(plaintext: bytes, media: str) -> Attachment:
    """The file in a section's plaintext, its name and bytes held against its media type; or raise `ContentRefused`."""
    try:
        reader = Reader(cbor.load(plaintext, limits.SECTION_BYTES, "attachment"), "attachment")
        reader.version()
        attachment = Attachment(
            name=reader.text("name", 64), about=reader.text("about", 64), data=reader.raw("data", 1, FILE_BYTES)
        )
        reader.end()
    except Malformed as error:
        raise ContentRefused(str(error)) from None
    check_name(attachment.name, media)
    check_bytes(attachment.data, media)
    return attachment


def generic_name(number: int, media: str) -> str:
    """A name that says nothing: what a file is called for a recipient without identity rights."""
    return f"attachment-{number}.{EXTENSIONS[media]}"


def is_generic(name: str) -> bool:
    """Whether a file's name says nothing."""
    return _GENERIC.fullmatch(name) is not None


def check_name(name: str, media: str) -> None:
    """Raise `ContentRefused` unless the name is a normalised one with the extension of its media type."""
    found = _NAME.fullmatch(name)
    if found is None or found["ext"] != EXTENSIONS.get(media):
        raise ContentRefused(
            "A file's name has small letters, digits and hyphens, and the extension of its media type."
        )


def check_bytes(data: bytes, media: str) -> None:
    """Raise `ContentRefused` unless the bytes begin and, where it has an end, end as `media` does, with no macro."""
    if not _CHECKS.get(media, _never)(data):
        raise ContentRefused("The bytes of the file are not what its media type says.")


def flags(media: str, *, cleared: bool) -> frozenset[Flag]:
    """What a file counts as: D, unless it is plain text that somebody searched and says so."""
    return frozenset() if cleared and media == PLAIN else frozenset({Flag.DIRECT})


def _never(_: bytes) -> bool:
    return False


def _text(data: bytes) -> bool:
    if data.startswith(_OTHERS):
        return False
    try:
        return not _CONTROL.search(data.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _pdf(data: bytes) -> bool:
    return re.match(rb"%PDF-[12]\.[0-9]", data) is not None and re.search(rb"%%EOF\s*\Z", data[-1100:]) is not None


def _office(main: bytes, data: bytes) -> bool:
    """By the list of contents at the end alone: an archive with the one main part, without macros or other files."""
    end = data.rfind(b"PK\x05\x06")
    if not data.startswith(b"PK\x03\x04") or end < 0 or end + 22 != len(data):
        return False
    listed = data[int.from_bytes(data[end + 16 : end + 20], "little") : end]
    return main in listed and b"[Content_Types].xml" in listed and not _RUNS.search(listed)


_CHECKS: Final[Mapping[str, Callable[[bytes], bool]]] = {
    PLAIN: _text,
    "text/csv": _text,
    "application/pdf": _pdf,
    _WORD: lambda data: _office(b"word/document.xml", data),
    _SHEET: lambda data: _office(b"xl/workbook.xml", data),
    "image/jpeg": lambda data: data.startswith(b"\xff\xd8\xff") and data.endswith(b"\xff\xd9"),
    "image/png": lambda data: data.startswith(b"\x89PNG\r\n\x1a\n") and data.endswith(b"IEND\xaeB`\x82"),
}
