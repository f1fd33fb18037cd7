"""PDF: the words of its pages; and the document written anew without metadata, comments and earlier versions."""

from io import BytesIO
from typing import Any, Final

from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, NameObject, StreamObject

from adapters.attachments import picture
from adapters.attachments.errors import AttachmentRefused
from adapters.attachments.reading import Rendition, promised, rendition

PAGES: Final = 300
OBJECTS: Final = 50_000
_ACTIVE: Final = frozenset({"/JS", "/JavaScript", "/XFA", "/RichMediaContent", "/Rendition", "/Movie", "/Sound"})
_NESTED: Final = frozenset({"/EmbeddedFiles", "/EmbeddedFile", "/EF", "/AF", "/Collection"})
_ACTIONS: Final = frozenset({"/JavaScript", "/Launch", "/SubmitForm", "/ImportData", "/RichMediaExecute", "/Rendition"})
_REMOTE: Final = frozenset({"/GoToR", "/GoToE"})
_METADATA: Final = ("/Metadata", "/PieceInfo", "/LastModified", "/Thumb", "/StructTreeRoot", "/MarkInfo", "/Info")
_JPEG: Final = ("/DCTDecode", ["/DCTDecode"])
_SHOWN: Final = frozenset({"/Link", "/Widget"})
"""Annotations that are part of the page; every other kind is a remark that somebody put on it."""


def _open(data: bytes) -> PdfReader:
    if not data.startswith(b"%PDF-"):
        raise AttachmentRefused("attachment-format")
    reader = PdfReader(BytesIO(data), strict=False)
    if reader.is_encrypted:
        raise AttachmentRefused("attachment-encrypted")
    return reader


def _written(data: bytes) -> PdfWriter:
    """All that its pages reach, as a document of our own; raises where something in it runs, loads or is a file."""
    reader = _open(data)
    if len(reader.pages) > PAGES:
        raise AttachmentRefused("attachment-too-large")
    writer = PdfWriter(clone_from=reader)
    if len(writer._objects) > OBJECTS:
        raise AttachmentRefused("attachment-too-large")
    for found in writer._objects:
        _look(found, 0)
    return writer


def _look(value: object, depth: int) -> None:
    if isinstance(value, IndirectObject) or depth > 40:
        return
    if isinstance(value, DictionaryObject):
        names = set(value)
        kind = str(value.get("/S", ""))
        if names & _ACTIVE or kind in _ACTIONS:
            raise AttachmentRefused("attachment-active")
        if names & _NESTED or value.get("/Type") == "/EmbeddedFile" or value.get("/Subtype") == "/FileAttachment":
            raise AttachmentRefused("attachment-nested")
        if kind in _REMOTE or (isinstance(value, StreamObject) and "/F" in value):
            raise AttachmentRefused("attachment-external")
        for inner in value.values():
            _look(inner, depth + 1)
    elif isinstance(value, ArrayObject):
        for inner in value:
            _look(inner, depth + 1)


@promised
def text_of(data: bytes) -> Rendition:
    """The words of all pages, or raise `AttachmentRefused`. What stands in pictures, forms and remarks is left out."""
    writer = _written(data)
    lines: list[str] = []
    left_out: set[str] = {"pictures"} if any(_is_picture(found) for found in writer._objects) else set()
    for page in writer.pages:
        lines += [page.extract_text(), ""]
        kinds = {a.get_object().get("/Subtype") for a in _annotations(page)}
        if kinds - _SHOWN:
            left_out.add("comments")
        if "/Widget" in kinds:
            left_out.add("form fields")
    return rendition(lines, left_out)


def _is_picture(value: Any) -> bool:
    return isinstance(value, StreamObject) and value.get("/Subtype") == "/Image"


def _annotations(page: Any) -> list[Any]:
    found = page.get("/Annots")
    found = found.get_object() if found is not None else None
    return list(found) if isinstance(found, list) else []


@promised
def clean(data: bytes) -> bytes:
    """The document without metadata, remarks and earlier versions, or raise `AttachmentRefused`."""
    writer = _written(data)
    for page in writer.pages:
        shown = [a for a in _annotations(page) if a.get_object().get("/Subtype") in _SHOWN]
        if "/Annots" in page:
            page[NameObject("/Annots")] = ArrayObject(shown)
    for found in writer._objects:
        if isinstance(found, DictionaryObject):
            for name in _METADATA:
                found.pop(name, None)
        if isinstance(found, StreamObject) and _is_picture(found) and found.get("/Filter") in _JPEG:
            found._data = picture.without_markers(found._data)
    writer.metadata = None
    writer.compress_identical_objects(remove_duplicates=False, remove_unreferenced=True)
    target = BytesIO()
    writer.write(target)
    return target.getvalue()
