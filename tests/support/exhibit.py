"""A case whose exhibit travels with it, as an evidence file."""

import os
from hashlib import sha256
from pathlib import Path
from typing import Any

from adapters.casefile import CaseFile, load_value, read, with_attachments
from cli.practice import example_folder
from messages.evidencefile import CHUNK

SIZE = 5 * CHUNK + 12_345
MAGIC = b"EVF\x09\x0d\x0a\xff\x00"
MEDIA = "application/x-ewf"


def image(folder: Path, size: int = SIZE) -> Path:
    """A disk image with random content."""
    path = folder / "Telephone 3.e01"
    path.write_bytes(MAGIC + os.urandom(size - len(MAGIC)))
    return path


def value(path: Path, **changes: Any) -> dict[str, Any]:
    """The example's case of exhibits, its first exhibit being this file."""
    found = load_value(example_folder() / "cases" / "17-exhibits.json")
    found["objects"][0] |= said_of(sha256(path.read_bytes()).hexdigest(), path.stat().st_size) | changes
    return found


def said_of(digest: str, size: int) -> dict[str, Any]:
    """What an exhibit says of such a file that travels with it."""
    return {
        "hashes": [{"alg": "sha256", "value": digest}],
        "size": size,
        "media_type": MEDIA,
        "kind": "digital-file",
        "file_carried": True,
    }


def case(path: Path, **changes: Any) -> CaseFile:
    """The same as a case, the file beside it."""
    return with_attachments(read(value(path, **changes)), [(path, "e1")])
