"""Entries as they stand in FLOW, read back. Others can put bytes there, so only what a worker signed counts."""

from keys.domains import Tag
from keys.signing import verify
from messages.directory import Directory
from messages.errors import Unverified
from messages.evidence import Entry
from messages.signed import Signed


def by_worker(raw: bytes, tag: Tag, directory: Directory) -> bytes:
    """What a worker of the directory signed under `tag`. Raises `Malformed`, or `Unverified` where it is another's."""
    signed = Signed.from_bytes(raw)
    worker = directory.worker(signed.by)
    if worker is None:
        raise Unverified("This is not by a worker of the directory.")
    return verify(signed, tag, worker.key)


def entry_of(raw: bytes, directory: Directory) -> Entry:
    """The entry in these bytes. Raises as `by_worker` does."""
    return Entry.from_bytes(by_worker(raw, Tag.ENTRY, directory))
