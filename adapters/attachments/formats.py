"""Which format a file is, by its name and its first bytes, and what becomes of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from adapters.attachments import mail, picture, plain, word
from adapters.attachments.errors import AttachmentRefused
from adapters.attachments.reading import Rendition

_ARCHIVE: Final = b"PK\x03\x04"
_OLD_OFFICE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # also how an encrypted DOCX or XLSX begins


Readers = tuple[Callable[[bytes], Rendition], Callable[[bytes], bytes]]
"""`text_of` and `clean` of one format."""


@dataclass(frozen=True, slots=True)
class Format:
    """One format: what its bytes begin with (nothing for text), the media type in which it travels, and its readers."""

    begins: bytes
    media: str
    readers: Callable[[], Readers]  # called when they are needed: two libraries take half a second to load

    def text_of(self, data: bytes) -> Rendition:
        """The words of a file of this format, or raise `AttachmentRefused`."""
        return self.readers()[0](data)

    def clean(self, data: bytes) -> bytes:
        """The file as it may travel to whoever may know, or raise `AttachmentRefused`."""
        return self.readers()[1](data)


def _sheet() -> Readers:
    from adapters.attachments import sheet

    return sheet.text_of, sheet.clean


def _pdf() -> Readers:
    from adapters.attachments import pdf

    return pdf.text_of, pdf.clean


def _picture() -> Readers:
    return picture.text_of, picture.clean


_WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_SHEET: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        "txt": Format(b"", "text/plain", lambda: (plain.text_of, plain.clean)),
        "csv": Format(b"", "text/csv", lambda: (plain.rows_of, plain.clean_rows)),
        "eml": Format(b"", "text/plain", lambda: (mail.text_of, mail.clean)),
        "pdf": Format(b"%PDF-", "application/pdf", _pdf),
        "docx": Format(_ARCHIVE, _WORD, lambda: (word.text_of, word.clean)),
        "xlsx": Format(_ARCHIVE, _SHEET, _sheet),
        "jpg": Format(b"\xff\xd8\xff", "image/jpeg", _picture),
        "jpeg": Format(b"\xff\xd8\xff", "image/jpeg", _picture),
        "png": Format(b"\x89PNG\r\n\x1a\n", "image/png", _picture),
    }
)
"""By the extension of the file's name. Everything else is refused."""


def format_of(extension: str, data: bytes) -> Format:
    """The format that both name and bytes say, or raise `AttachmentRefused`."""
    found = FORMATS.get(extension)
    if data.startswith(_OLD_OFFICE) and extension in ("docx", "xlsx"):
        raise AttachmentRefused("attachment-encrypted")
    if found is None or not data.startswith(found.begins):
        raise AttachmentRefused("attachment-format")
    if not found.begins and data.startswith((b"%PDF-", _ARCHIVE, _OLD_OFFICE, b"\x89PNG", b"\xff\xd8\xff", b"{\\rtf")):
        raise AttachmentRefused("attachment-format")
    return found
