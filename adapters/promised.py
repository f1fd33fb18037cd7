"""A worker's word that came with the salted record of what it says: whose it is, and that it promises that very record.

Pure. What the record has to be about is for the caller to say.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from audit.errors import Unreadable
from audit.record import ActRecord, Record, TrustRecord, read_record
from audit.record import leaf as record_leaf
from audit.tree import leaf_hash
from keys.domains import Tag
from keys.signing import verify
from messages.directory import Directory
from messages.errors import Malformed, Unverified
from messages.signed import Signed


class Promise(Protocol):
    """What every such word names."""

    @property
    def at(self) -> int: ...

    @property
    def leaf(self) -> bytes: ...


T = TypeVar("T", bound=Promise)


def promised(
    signed: Signed, tag: Tag, of: Callable[[bytes], T], salt: bytes, record: bytes, directory: Directory, what: str
) -> T:
    """The word, by a worker of the directory whose key was in force when it was said, over the record that came with
    it; else the `RemoteError` that says what does not hold. `what` is how a sentence names it.
    """
    worker = directory.worker(signed.by)
    if worker is None:
        raise Unverified(f"The {what} is not by a worker of the trust bundle.")
    said = of(verify(signed, tag, worker.key))
    if not worker.start <= said.at < worker.end:
        raise Unverified(f"The {what} is by a worker whose key was not in force.")
    if leaf_hash(record_leaf(salt, record)) != said.leaf:
        raise Unverified(f"The record that came with the {what} is not the one that it promises to the log.")
    return said


def record_of(raw: bytes, what: str) -> Record | TrustRecord | ActRecord:
    """The record that came with something, or raise `Malformed`."""
    try:
        return read_record(raw)
    except Unreadable:
        raise Malformed(f"The record that came with the {what} cannot be read.") from None
