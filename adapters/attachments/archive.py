"""Open an office document's archive within bounds: the one place where anything is unpacked.

The sizes that an archive claims are believed only to refuse it early; what is read is bounded again while it is read.
"""

import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Final

from adapters.attachments.errors import AttachmentRefused

ENTRIES: Final = 2_000  # a document with five hundred pictures
UNPACKED: Final = 24 * 1024 * 1024  # 24 times the largest file that is attached; text packs to a tenth
RATIO: Final = 200  # of one part; a bomb has 1,000
_NESTED: Final = (".zip", ".7z", ".rar", ".gz", ".docx", ".xlsx", ".pptx", ".eml", ".msg", ".pdf", ".jar", ".exe")
_RUNS: Final = ("vbaproject", "vbadata", "/activex/", "macrosheets/", "/ctrlprops/", "customui/")


class Archive:
    """The parts of one office document, read one at a time; raises `AttachmentRefused` for whatever is wrong."""

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(BytesIO(data))
            infos = self._zip.infolist()
        except Exception:  # a stranger's bytes: the library raises whatever it stumbles over, and each means unreadable
            raise AttachmentRefused("attachment-unreadable") from None
        if len(infos) > ENTRIES or sum(i.file_size for i in infos) > UNPACKED:
            raise AttachmentRefused("attachment-too-large")
        self.names = tuple(i.filename for i in infos)
        if len({n.lower() for n in self.names}) != len(self.names):
            raise AttachmentRefused("attachment-unreadable")  # two readers would see two documents
        self._infos = {i.filename: i for i in infos}
        self._left = UNPACKED
        for info in infos:
            _check(info)

    def __contains__(self, name: str) -> bool:
        return name in self._infos

    def read(self, name: str) -> bytes:
        """One part, unpacked; every byte counts towards the bound of the whole archive."""
        try:
            with self._zip.open(self._infos[name]) as part:
                data = part.read(self._left + 1)
        except Exception:  # as above, and what decompressors raise
            raise AttachmentRefused("attachment-unreadable") from None
        self._left -= len(data)
        if self._left < 0:
            raise AttachmentRefused("attachment-too-large")
        return data

    def parts(self) -> Iterator[tuple[str, bytes]]:
        """All parts in the order of the archive."""
        for name in self.names:
            if not name.endswith("/"):
                yield name, self.read(name)


def _check(info: zipfile.ZipInfo) -> None:
    name = info.filename.lower()
    if info.flag_bits & 0b1:
        raise AttachmentRefused("attachment-encrypted")
    if info.file_size > 4096 + RATIO * info.compress_size:
        raise AttachmentRefused("attachment-too-large")
    if any(mark in name for mark in _RUNS):
        raise AttachmentRefused("attachment-active")
    if name.endswith(_NESTED) or "/embeddings/" in name:
        raise AttachmentRefused("attachment-nested")
    if name.startswith(("/", "\\")) or ".." in name.split("/") or info.external_attr >> 28 == 0o12:
        raise AttachmentRefused("attachment-unreadable")


def pack(parts: list[tuple[str, bytes]]) -> bytes:
    """An archive of these parts alone: no comment, no extra fields, one fixed date."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as written:
        for name, data in parts:
            written.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return target.getvalue()
