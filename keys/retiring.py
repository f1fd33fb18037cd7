"""When a private encryption key is destroyed, and how.

A message sealed to a key was created before the key's statement ended, and expires at most `limits.LIFETIME` later:
until then it may be admitted, delivered and opened. After that no message can need the key, but what arrived and was
not opened yet: its grants name their keys, and those are kept. A key whose statement is not known is kept.

A clock that runs ahead would destroy keys too early, and nothing brings them back: the moment to judge by is one that
somebody else vouches for too (an admission in a stamp, a log head), never our own clock alone.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from keys import keystore
from keys.sealing import PRIVATE_KEY_BYTES, DecryptionKey, key_id
from keys.unlocking import Passphrase
from messages import limits
from messages.directory import KeyStatement
from messages.errors import KeyTrouble
from messages.ids import KeyId


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A private encryption key as the key file holds it, with its number and period."""

    raw: bytes = field(repr=False)
    number: int = 0
    start: int = 0
    end: int | None = None  # None: its statement is not known

    @property
    def key(self) -> DecryptionKey:
        """The key, to open with."""
        return DecryptionKey(self.raw)

    def to_map(self) -> dict[str, object]:
        """As it stands in the key file."""
        return {"number": self.number, "start": self.start, "end": self.end, "raw": self.raw}


@dataclass(frozen=True, slots=True)
class Destroyed:
    """Which key is no more: what the record says of it."""

    number: int
    key_id: KeyId


def stored(secrets: Mapping[str, object], statements: Iterable[KeyStatement] = ()) -> tuple[StoredKey, ...]:
    """The private encryption keys of an unsealed key file, or raise `KeyTrouble`.

    An older file holds bare keys: their number and period are taken from the contact's `statements`.
    """
    listed = secrets.get("decrypt", [])
    if not isinstance(listed, list):
        raise KeyTrouble("The key file's encryption keys cannot be read; restore it from your backup.")
    by_public = {s.key: s for s in statements}
    return tuple(_read(value, by_public) for value in listed)


def to_value(keys: Iterable[StoredKey]) -> list[dict[str, object]]:
    """What a key file holds under `decrypt`."""
    return [key.to_map() for key in keys]


def needed_until(end: int) -> int:
    """The moment after which no message can need a key whose statement ended at `end`."""
    return end + limits.LIFETIME + limits.CLOCK_SKEW


def retired(keys: Iterable[StoredKey], moment: int, waiting: Collection[KeyId] = ()) -> tuple[StoredKey, ...]:
    """Those to destroy at `moment`. `waiting`: key ids of the grants of all that arrived and was not opened."""
    return tuple(
        k for k in keys if k.end is not None and needed_until(k.end) < moment and key_id(k.key.public) not in waiting
    )


def add(path: Path, passphrase: Passphrase | str, key: StoredKey, statements: Iterable[KeyStatement] = ()) -> None:
    """Put a new key, with its number and period, before the others of the file."""

    def with_it(secrets: dict[str, object]) -> dict[str, object]:
        return {**secrets, "decrypt": to_value((key, *stored(secrets, statements)))}

    keystore.change(path, passphrase, with_it)


def destroy(
    path: Path, passphrase: Passphrase | str, numbers: Collection[int], statements: Iterable[KeyStatement] = ()
) -> tuple[Destroyed, ...]:
    """Take the keys of these numbers out of the file for good, and say which were in it.

    The old file is overwritten once the new one is safe on the disk. That is as much as a program can do: flash disks,
    file systems that copy on write, snapshots and backups keep copies, sealed under the passphrase as it was. Called
    again after a crash it destroys what is left, so the caller records before it asks, or compares afterwards.
    """
    gone: list[Destroyed] = []

    def without(secrets: dict[str, object]) -> dict[str, object]:
        keys = stored(secrets, statements)
        going = [k for k in keys if k.number in numbers and k.end is not None]
        gone.extend(Destroyed(k.number, key_id(k.key.public)) for k in going)
        return {**secrets, "decrypt": to_value(k for k in keys if k not in going)}

    keystore.change(path, passphrase, without, wipe=True)
    return tuple(gone)


def _read(value: object, by_public: Mapping[bytes, KeyStatement]) -> StoredKey:
    if isinstance(value, bytes) and len(value) == PRIVATE_KEY_BYTES:
        statement = by_public.get(DecryptionKey(value).public)
        if statement is None:
            return StoredKey(raw=value)
        return StoredKey(raw=value, number=statement.number, start=statement.start, end=statement.end)
    if isinstance(value, dict):
        raw, number, start, end = (value.get(name) for name in ("raw", "number", "start", "end"))
        if (
            isinstance(raw, bytes)
            and len(raw) == PRIVATE_KEY_BYTES
            and isinstance(number, int)
            and isinstance(start, int)
            and (end is None or isinstance(end, int))
        ):
            return StoredKey(raw=raw, number=number, start=start, end=end)
    raise KeyTrouble("The key file's encryption keys cannot be read; restore it from your backup.")
