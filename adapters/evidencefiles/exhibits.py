"""A file that is to travel as an evidence file: what is found out about it before anything is planned.

It is read once, in pieces, for its digest; it is not changed and not looked into. Whether it may go is said by its data
type (media types and sizes), and where the exhibit says that its file is carried, the file is held against its hash.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from anyascii import anyascii

from keys.filestream import new_key, new_object
from messages import evidencefile
from messages.errors import BadInput, ContentRefused
from messages.evidencefile import ENDS, EXTENSIONS, FILE_BYTES, MEDIA_OF, EvidenceFile

if TYPE_CHECKING:  # the catalogue is large, and the process that carries files needs nothing of it
    from messages.catalogue import Catalogue

Progress = Callable[[str, int, int], None]
"""Told what is done ("reading", "sealing", "sending", "fetching", "opening"), and how many of how many bytes."""

ATTACHED: Final = 1024 * 1024
"""What is larger is no attachment."""
ALONE: Final = frozenset({"wav", "mp3", "mp4", "zip", "e01"})
"""Extensions that no attachment has, whatever its size."""
EXHIBIT: Final = "A18"
"""The data type whose file is held to what its object says of it."""
_PIECE: Final = 1024 * 1024


def quiet(_: str, __: int, ___: int) -> None:
    """Nobody is watching."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """One such file. Key and id are made here, so that every plan of the case has the same."""

    path: Path
    about: str  # the local id of the object that it belongs to
    name: str
    media: str
    size: int
    digest: bytes
    object: bytes
    key: bytes = field(repr=False)

    @property
    def section(self) -> str:
        """The name of its section."""
        return evidencefile.section_name(self.object, evidencefile.chunks_of(self.size))

    def described(self, about: str) -> EvidenceFile:
        """What the section says of it, where its object has this id in the message."""
        return EvidenceFile(name=self.name, about=about, size=self.size, digest=self.digest, key=self.key)


def is_exhibit(path: Path, about: Mapping[str, Any]) -> bool:
    """Whether a file goes as an evidence file rather than as an attachment: it is too large for one, of a format of
    its own, or the very file of an exhibit, which goes byte for byte.
    """
    try:
        size = path.stat().st_size
    except OSError:
        return False  # whoever reads it as an attachment says what is wrong
    return size > ATTACHED or _extension(path) in ALONE or _carried(about)


def _carried(about: Mapping[str, Any]) -> bool:
    return about.get("type") == EXHIBIT and about.get("file_carried") is True


def _extension(path: Path) -> str:
    return path.suffix.lower().removeprefix(".")


def examine(path: Path, about: Mapping[str, Any], catalogue: "Catalogue", progress: Progress = quiet) -> Exhibit:
    """Read a file for its digest, or raise `BadInput` with what keeps it from travelling. One of a size that cannot is
    refused before it is read.
    """
    media = MEDIA_OF.get(_extension(path))
    if media is None:
        raise BadInput(f"{path} is of no format that travels as an evidence file: {', '.join(EXTENSIONS.values())}.")
    try:
        data_type = catalogue.type(about.get("type"))
        limit = min(data_type.media_limits.get(media, 0), FILE_BYTES)
        size = path.stat().st_size
        if not 0 < size <= limit:
            allowed = f"at most {limit:,} bytes of {media}" if limit else f"no file of {media}"
            raise BadInput(f"{path} has {size:,} bytes; {data_type.id} carries {allowed}.")
        digest, head, tail = _read(path, size, progress)
        evidencefile.check_ends(media, head, tail)
    except ContentRefused as error:
        raise BadInput(f"{path}: {error}") from None
    except OSError as error:
        raise BadInput(f"The evidence file {path} cannot be read ({error.strerror}).") from None
    _hold_against(path, about, media, size, digest)
    stem = re.sub(r"[^a-z0-9]+", "-", anyascii(path.stem).lower())[:60].strip("-")
    return Exhibit(
        path=path.absolute(),
        about=str(about["id"]),
        name=f"{stem or 'file'}.{EXTENSIONS[media]}",
        media=media,
        size=size,
        digest=digest,
        object=new_object(),
        key=new_key(),
    )


def _read(path: Path, size: int, progress: Progress) -> tuple[bytes, bytes, bytes]:
    """Digest, and the first and last bytes; raises `BadInput` where it has not this size (any more)."""
    hashed, done, head, tail = sha256(), 0, b"", b""
    with path.open("rb") as file:
        while done <= size and (piece := file.read(_PIECE)):
            hashed.update(piece)
            done += len(piece)
            head = head or piece[:ENDS]
            tail = (tail + piece)[-ENDS:]
            progress("reading", done, size)
    if done != size:
        raise BadInput("The file changed while it was read; send it again.")
    return hashed.digest(), head, tail


def _hold_against(path: Path, about: Mapping[str, Any], media: str, size: int, digest: bytes) -> None:
    """An exhibit's file is the one that its hash names; of one that does not say so, no file goes (R-24)."""
    if about.get("type") != EXHIBIT:
        return
    if not _carried(about):
        raise BadInput(
            f"The exhibit {about['id']!r} does not say that its file travels; where it may (R-24), set file_carried to "
            "true, and media_type, size and the SHA-256 to those of the file."
        )
    hashes = about.get("hashes")
    told = [h.get("value") for h in hashes if isinstance(h, dict)] if isinstance(hashes, list) else []
    if digest.hex() not in told or about.get("size") != size or about.get("media_type") != media:
        raise BadInput(
            f"{path} is not the file that the exhibit {about['id']!r} describes: its SHA-256 is {digest.hex()}, it has "
            f"{size} bytes and is {media}."
        )
