"""JPEG and PNG: the pixels alone, written anew, so that nothing of where and with what they were taken stays."""

from io import BytesIO
from typing import Any, Final

from adapters.attachments.errors import AttachmentRefused
from adapters.attachments.reading import Rendition, promised

PIXELS: Final = 60_000_000
_FORMATS: Final = {"JPEG": "image/jpeg", "PNG": "image/png"}
_NOTES: Final = frozenset({*range(0xE1, 0xEE), 0xEF, 0xFE})
"""Markers of a JPEG that the pixels do not need: applications' (but 0, JFIF, and 14, colours), comments."""
_INSIDE: Final = ("word/media/", "xl/media/")


def _pillow() -> tuple[Any, Any]:
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise AttachmentRefused("attachment-library") from None
    return Image, ImageOps


@promised
def text_of(_: bytes) -> Rendition:
    """Never: nobody can search a picture."""
    raise AttachmentRefused("attachment-picture")


@promised
def clean(data: bytes) -> bytes:
    """The same picture without metadata, turned as it was meant to be seen; or raise `AttachmentRefused`."""
    image_of, ops = _pillow()
    with image_of.open(BytesIO(data), formats=tuple(_FORMATS)) as image:
        if image.width * image.height > PIXELS:
            raise AttachmentRefused("attachment-too-large")
        if getattr(image, "n_frames", 1) != 1:
            raise AttachmentRefused("attachment-nested")
        kind = image.format
        image.load()
        upright = ops.exif_transpose(image)
        modes = ("L", "RGB") if kind == "JPEG" else ("1", "L", "LA", "RGB", "RGBA")
        upright = upright if upright.mode in modes else upright.convert("RGB" if kind == "JPEG" else "RGBA")
        bare = image_of.frombytes(upright.mode, upright.size, upright.tobytes())
        target = BytesIO()
        if kind == "JPEG":
            bare.save(target, "JPEG", quality=92)
        else:
            bare.save(target, "PNG", optimize=False)
    return target.getvalue()


def without_markers(data: bytes) -> bytes:
    """A JPEG as it stands in a PDF, with the same pixels and without what a camera notes."""
    kept, place = [data[:2]], 2
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] not in (0xDA, 0xD9):
        marker, end = data[place + 1], place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        if marker not in _NOTES:
            kept.append(data[place:end])
        place = end
    return b"".join([*kept, data[place:]])


def media_of(data: bytes) -> str | None:
    """Which kind of picture the bytes begin as."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    return "image/png" if data.startswith(b"\x89PNG\r\n\x1a\n") else None


def clean_inside(name: str, data: bytes) -> bytes:
    """A part of an office document: its pictures are cleaned, and one that cannot be is refused with the document."""
    if not name.startswith(_INSIDE):
        return data
    if media_of(data) is None:
        raise AttachmentRefused(
            "attachment-changes" if name.endswith((".emf", ".wmf", ".svg")) else "attachment-format"
        )
    return clean(data)
