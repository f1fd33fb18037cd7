"""An evidence file: what a message says of a file that travels beside it, in chunks (docs/evidence-files.md).

The file's section has the part `file`, the real media type, and in its *name* the random id of the stored object and
how many chunks it has: the only things about the file that the broker reads, and both are signed with the description.
The section's plaintext has the key, the digest and the exact size. An evidence file is never changed on its way, so it
goes only where identities may go.

`check_ends` looks at the first and last bytes of a file alone: what stands between them nobody has looked at.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from messages import cbor, ids, limits
from messages.cbor import Reader
from messages.errors import ContentRefused, Malformed
from messages.ids import MessageId

CHUNK: Final = 512 * 1024
"""Plaintext of one chunk: four in flight are 2 MB, and a file of 5 GB has ten thousand."""
SEALED_CHUNK: Final = CHUNK + 17
"""One sealed chunk; the first has the stream's header of 24 bytes before it."""
HEADER: Final = 24
FILE_BYTES: Final = 5 * 1024**3
CHUNKS: Final = FILE_BYTES // CHUNK + 1
OBJECT: Final = 16

_WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_SHEET: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
EXTENSIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "application/pdf": "pdf",
        "text/plain": "txt",
        "text/csv": "csv",
        _WORD: "docx",
        _SHEET: "xlsx",
        "image/jpeg": "jpg",
        "image/png": "png",
        "audio/wav": "wav",
        "audio/mpeg": "mp3",
        "video/mp4": "mp4",
        "application/zip": "zip",
        "application/x-ewf": "e01",
    }
)
"""Media types that an evidence file may have, and the one extension of each."""
MEDIA_OF: Final[Mapping[str, str]] = MappingProxyType({**{e: m for m, e in EXTENSIONS.items()}, "jpeg": "image/jpeg"})

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?\.(?P<ext>[a-z0-9]{3,4})", re.ASCII)
_SECTION: Final = re.compile(r"evidence\.([0-9a-f]{16})\.([0-9a-f]{16})\.([1-9][0-9]{0,5})", re.ASCII)
ENDS: Final = 4096
"""How many first, and how many last, bytes `check_ends` wants, or the whole file where it has fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFile:
    """One file as its section describes it. `about` is the id that its object has in this message."""

    name: str
    about: str
    size: int  # bytes
    digest: bytes  # SHA-256 of the file
    key: bytes = field(repr=False)

    def to_bytes(self) -> bytes:
        """The section's plaintext."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "name": self.name,
                "about": self.about,
                "size": self.size,
                "digest": self.digest,
                "key": self.key,
            }
        )

    def to_value(self, media: str) -> dict[str, object]:
        """What people and programs are shown: never the key."""
        return {
            "name": self.name,
            "about": self.about,
            "media": media,
            "size": self.size,
            "sha256": self.digest.hex(),
        }


def chunks_of(size: int) -> int:
    """How many chunks a file of `size` bytes has: the last one always holds the mark at which it ends."""
    return size // CHUNK + 1


def length_of(chunks: int) -> int:
    """How many bytes so many sealed chunks have, header included."""
    return HEADER + chunks * SEALED_CHUNK


def section_name(identifier: bytes, chunks: int) -> str:
    """The name of the section of the file that is stored as `identifier`."""
    text = identifier.hex()
    return f"evidence.{text[:16]}.{text[16:]}.{chunks}"


def object_of(name: str) -> tuple[bytes, int] | None:
    """Id and number of chunks of the stored object, from a section's name; None where it is no evidence file's."""
    found = _SECTION.fullmatch(name)
    return (bytes.fromhex(found[1] + found[2]), int(found[3])) if found is not None else None


def read(plaintext: bytes, name: str, media: str) -> EvidenceFile:
    """The file that a section of this name and media type describes, or raise `ContentRefused`."""
    stored = object_of(name)
    if stored is None:
        raise ContentRefused("This section names no evidence file.")
    try:
        reader = Reader(cbor.load(plaintext, 1024, "evidence file"), "evidence file")
        reader.version()
        file = EvidenceFile(
            name=reader.text("name", 64),
            about=reader.text("about", 64),
            size=reader.number("size", FILE_BYTES),
            digest=reader.fixed("digest", limits.DIGEST),
            key=reader.fixed("key", limits.SECTION_KEY),
        )
        reader.end()
    except Malformed as error:
        raise ContentRefused(str(error)) from None
    found = _NAME.fullmatch(file.name)
    if found is None or found["ext"] != EXTENSIONS.get(media):
        raise ContentRefused(
            "An evidence file's name has small letters, digits and hyphens, and the extension of its media type."
        )
    # Only here: the catalogue is large, and whoever carries chunks of files needs nothing of it.
    from messages.catalogue.values import shaped

    if not shaped("id", file.about):
        raise ContentRefused("An evidence file names the object that it belongs to by its id in the message.")
    if file.size < 1 or chunks_of(file.size) != stored[1]:
        raise ContentRefused("An evidence file has another size than its section's name says.")
    return file


def check_ends(media: str, head: bytes, tail: bytes) -> None:
    """Raise `ContentRefused` unless a file with these first and last bytes can be what `media` says."""
    wants = _ENDS.get(media)
    if wants is None:
        raise ContentRefused("A file of this media type is no evidence file.")
    begins, ends = wants
    if not begins.match(head) or (ends is not None and not ends.search(tail)):
        raise ContentRefused(f"The file does not begin and end as {media} does.")


_ENDS: Final[Mapping[str, tuple[re.Pattern[bytes], re.Pattern[bytes] | None]]] = MappingProxyType(
    {
        "application/pdf": (re.compile(rb"%PDF-[12]\.[0-9]"), re.compile(rb"%%EOF\s*\Z")),
        "text/plain": (re.compile(rb"[^\x00-\x08\x0e-\x1f]*\Z"), None),
        "text/csv": (re.compile(rb"[^\x00-\x08\x0e-\x1f]*\Z"), None),
        _WORD: (re.compile(rb"PK\x03\x04"), re.compile(rb"PK\x05\x06.{18}\Z", re.DOTALL)),
        _SHEET: (re.compile(rb"PK\x03\x04"), re.compile(rb"PK\x05\x06.{18}\Z", re.DOTALL)),
        "image/jpeg": (re.compile(rb"\xff\xd8\xff"), re.compile(rb"\xff\xd9\Z")),
        "image/png": (re.compile(rb"\x89PNG\r\n\x1a\n"), re.compile(rb"IEND\xae\x42\x60\x82\Z")),
        "audio/wav": (re.compile(rb"RIFF.{4}WAVE", re.DOTALL), None),
        "audio/mpeg": (re.compile(rb"ID3|\xff[\xe2-\xe7\xf2-\xff]"), None),
        "video/mp4": (re.compile(rb".{4}ftyp", re.DOTALL), None),
        "application/zip": (re.compile(rb"PK\x03\x04"), re.compile(rb"PK\x05\x06.{18}\Z", re.DOTALL)),
        "application/x-ewf": (re.compile(rb"EVF\x09\x0d\x0a\xff\x00"), None),
    }
)


# What adapters and brokers ask each other about stored files


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """An agency's question for room for one file, for as long as its message lives."""

    object: bytes
    chunks: int
    until: int

    def to_bytes(self) -> bytes:
        """The question."""
        return cbor.dump({"v": limits.VERSION, "object": self.object, "chunks": self.chunks, "until": self.until})

    @classmethod
    def from_bytes(cls, data: bytes) -> "Reservation":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, 256, "question"), "question")
        reader.version()
        asked = cls(object=reader.fixed("object", OBJECT), chunks=reader.number("chunks"), until=reader.number("until"))
        reader.end()
        return asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One sealed chunk on its way to the store. Numbers begin at 0."""

    object: bytes
    number: int
    data: bytes = field(repr=False)

    def to_bytes(self) -> bytes:
        """The bytes to hand in."""
        return cbor.dump({"v": limits.VERSION, "object": self.object, "number": self.number, "data": self.data})

    @classmethod
    def from_bytes(cls, data: bytes) -> "Chunk":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, SEALED_CHUNK + 512, "chunk"), "chunk")
        reader.version()
        chunk = cls(
            object=reader.fixed("object", OBJECT),
            number=reader.number("number", CHUNKS),
            data=reader.raw("data", SEALED_CHUNK, SEALED_CHUNK + HEADER),
        )
        reader.end()
        if len(chunk.data) != SEALED_CHUNK + (0 if chunk.number else HEADER):
            raise Malformed("A chunk has another length than its number demands.")
        return chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRequest:
    """A recipient's signed word that it wants the file that a view names (tag `evidence-file-request`)."""

    object: bytes
    view: bytes  # digest of the view, as its stamp has it
    message: MessageId
    at: int

    def to_bytes(self) -> bytes:
        """The body to sign."""
        return cbor.dump(
            {"v": limits.VERSION, "object": self.object, "view": self.view, "message": self.message, "at": self.at}
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "FileRequest":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, 512, "request for a file"), "request for a file")
        reader.version()
        request = cls(
            object=reader.fixed("object", OBJECT),
            view=reader.fixed("view", limits.DIGEST),
            message=ids.message_id(reader.fixed("message", 16)),
            at=reader.number("at"),
        )
        reader.end()
        return request
