"""A small file as a section: its framing, its name, and what its bytes must look like (docs/attachments.md).

An attachment belongs to an object of the message and travels under that object's data type, in the part `file`, with
its real media type in the description. So the rights in the data type are the rights in its attachments, and the
agreement has to name the media type. The plaintext is one CBOR map; the name is inside the seal.

Whoever may be in a file is not known: its role is `unknown`, which counts as a victim, and it is D until somebody has
searched it. Only text can be searched, so only `text/plain` ever loses the D.

The bytes are held against the media type whoever reads them; what stands in them, `adapters.attachments` looks at.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from messages import cbor, limits
from messages.catalogue.media import check_bytes as media_check
from messages.catalogue.values import shaped
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

REFUSALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "attachment-format": "The file is of no format that may be attached, or its bytes are not what its name says.",
        "attachment-unreadable": "The file cannot be read; save it anew with the program that made it.",
        "attachment-too-large": "The file, or what it unpacks to, is too large; send it as an evidence file.",
        "attachment-too-slow": "The file takes too much time or memory to read; make it smaller.",
        "attachment-encrypted": "The file is encrypted; save it without a password, what travels is sealed anyway.",
        "attachment-active": "The file holds a macro, a script, a formula that runs, or a form; save it without.",
        "attachment-external": "The file loads something from elsewhere; save it so that it holds everything itself.",
        "attachment-nested": "The file holds other files; take them out and attach each by itself.",
        "attachment-evidence": "An evidence file does not go where identities may not go: nobody can search it.",
        "attachment-picture": "A picture does not go where identities may not go, for nobody can search it.",
        "attachment-no-text": "The file holds no text that can be read, as a scan does; it cannot be searched.",
        "attachment-changes": "The file holds tracked changes, comments or hidden parts; accept or remove them first.",
        "attachment-library": "What cleans pictures is not installed: pip install 'safeconduct[attachments]'.",
    }
)
"""Why a file, or one form of it, does not leave, by kind. The sentences name formats and remedies, never content."""

ROLES: Final = frozenset({Role.UNKNOWN})
FILE_BYTES: Final = limits.SECTION_BYTES - 1024
"""The frame around it (version, name, id and lengths) has under 300 bytes."""
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?\.(?P<ext>[a-z]{3,4})", re.ASCII)
_GENERIC: Final = re.compile(r"attachment-[1-9][0-9]?\.[a-z]{3,4}", re.ASCII)


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
    if not shaped("id", attachment.about):
        raise ContentRefused("An attachment names the object that it belongs to by the id that it has in the message.")
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
    """Raise `ContentRefused` unless the bytes are what `media` says, with nothing in them that runs."""
    if media not in EXTENSIONS:
        raise ContentRefused("A file of this media type is no attachment.")
    media_check(media, data, "The attachment")


def to_value(attachment: Attachment, media: str) -> dict[str, object]:
    """A file as JSON shows it: its words where it is plain text, else its bytes in base64."""
    shown: dict[str, object] = {"name": attachment.name, "about": attachment.about, "media": media}
    if media == PLAIN:
        return {**shown, "text": attachment.text}
    return {**shown, "base64": b64encode(attachment.data).decode()}


def of_value(value: Mapping[str, object]) -> bytes:
    """The bytes of a file from what `to_value` made."""
    text, coded = value.get("text"), value.get("base64")
    return text.encode() if isinstance(text, str) else b64decode(str(coded))


def flags(media: str, *, cleared: bool) -> frozenset[Flag]:
    """What a file counts as: D, unless it is plain text that somebody searched and says so."""
    return frozenset() if cleared and media == PLAIN else frozenset({Flag.DIRECT})
