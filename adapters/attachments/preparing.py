"""From a file on disk to what may leave: the cleaned file, its words, or the kinds of refusal in their place.

Everything that looks into the file happens in a process of its own (`worker`), which is killed when it takes too long.
Nothing is released because that process failed: then there is neither form.
"""

import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from anyascii import anyascii

from adapters.attachments.reading import TEXT
from messages import cbor
from messages.attachment import EXTENSIONS, FILE_BYTES, REFUSALS
from messages.cbor import Reader
from messages.errors import BadInput, Malformed

SECONDS: Final = 20
"""The process has ten seconds of computing; the rest is for a busy machine."""
MOST: Final = 1024 * 1024
_ANSWER: Final = FILE_BYTES + 4 * TEXT + 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One file, ready for whoever may have which form. Where a form is None, the kind beside it says why."""

    about: str  # the local id of the object that it belongs to
    name: str  # normalised
    media: str  # of the cleaned file
    clean: bytes | None = field(repr=False)
    clean_refused: str
    text: str | None = field(repr=False)
    text_refused: str
    left_out: tuple[str, ...]


def normalised(name: str, media: str) -> str:
    """A file's name in small letters, digits and hyphens; what cannot be written so is left out."""
    stem = re.sub(r"[^a-z0-9]+", "-", anyascii(Path(name).stem).lower())[:60].strip("-")
    return f"{stem or 'file'}.{EXTENSIONS[media]}"


def prepare(path: Path, about: str) -> Prepared:
    """Read a file and have it looked into, or raise `BadInput` where it cannot be read or is too large."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST + 1)
    except OSError as error:
        raise BadInput(f"The attachment {path} cannot be read ({error.strerror}).") from None
    if len(data) > MOST:
        raise BadInput(f"The attachment {path} has more than {MOST // 1024} kB; send it as an evidence file.")
    return prepared(path.name, data, about)


def prepared(name: str, data: bytes, about: str) -> Prepared:
    """The same for a file in memory."""
    extension = Path(name).suffix.lower().removeprefix(".")
    answer = _ask(extension, data)
    try:
        return _read(answer, name, about) if answer is not None else _neither(about)
    except Malformed:
        return _neither(about)


def _neither(about: str) -> Prepared:
    """Whatever befell the process, there is neither form of the file."""
    slow = "attachment-too-slow"
    return Prepared(
        about=about,
        name="file.txt",
        media="text/plain",
        clean=None,
        clean_refused=slow,
        text=None,
        text_refused=slow,
        left_out=(),
    )


def _read(answer: bytes, name: str, about: str) -> Prepared:
    reader = Reader(cbor.load(answer, _ANSWER, "worker's answer"), "worker's answer")
    media = reader.text("media", 128) or "text/plain"
    clean, text = reader.value("clean"), reader.value("text")
    refused, unsaid = reader.text("clean_refused", 64), reader.text("text_refused", 64)
    left_out = reader.items("left_out", 32)
    reader.end()
    if not (
        media in EXTENSIONS
        and (clean is None or type(clean) is bytes)
        and (text is None or type(text) is str)
        and (clean is None) == (refused in REFUSALS)
        and (text is None) == (unsaid in REFUSALS)
        and all(type(item) is str for item in left_out)
    ):
        raise Malformed("The worker's answer has the wrong form.")
    return Prepared(
        about=about,
        name=normalised(name, media),
        media=media,
        clean=clean,
        clean_refused=refused,
        text=text,
        text_refused=unsaid,
        left_out=tuple(left_out),
    )


def _ask(extension: str, data: bytes) -> bytes | None:
    request = cbor.dump({"extension": extension[:16], "data": data, "most": FILE_BYTES})
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-m", "adapters.attachments.worker"],
            input=request,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a traceback may quote the file
            timeout=SECONDS,
            check=False,
            env={},
            cwd="/",
        )
    except (subprocess.TimeoutExpired, OSError):
        return None
    return done.stdout if done.returncode == 0 else None
