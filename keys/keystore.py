"""Our own private keys at rest: Argon2id and secretbox (libsodium), in files only their owner can read.

A file is CBOR: format version, Argon2id parameters, salt, and a secretbox over the secrets. A key file that others can
read, that belongs to somebody else, that is a link, or that lies in a folder others can enter, is refused: fix it, and
think about who has been there.

A file is replaced whole: written beside the old one, flushed to the disk, renamed. Whatever is killed at whatever step,
the old or the new one is there; what is left over beside it is removed by the next write. One writer at a time holds
the folder's lock.
"""

import fcntl
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nacl import pwhash
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox
from nacl.utils import random

from keys.unlocking import Passphrase, as_passphrase
from messages import cbor
from messages.cbor import Reader
from messages.errors import KeyTrouble, Malformed

_FORMAT: Final = "safeconduct-keystore-1"
_LIMIT: Final = 1024 * 1024
MIN_OPS: Final = 1
MAX_OPS: Final = 16
MIN_MEMORY: Final = 8 * 1024 * 1024
MAX_MEMORY: Final = 2 * 1024 * 1024 * 1024
OTHERS: Final = 0o077
"""Mode bits of everybody but the owner."""

_NO_KEY_FILE: Final = "is not a Safeconduct key file, or it is damaged; restore it from your backup."


@dataclass(frozen=True, slots=True)
class Cost:
    """Argon2id's passes and memory in bytes; stored in the file, so that they can rise over the years."""

    ops: int = pwhash.argon2id.OPSLIMIT_MODERATE
    memory: int = pwhash.argon2id.MEMLIMIT_MODERATE


SERVICE: Final = Cost(pwhash.argon2id.OPSLIMIT_INTERACTIVE, pwhash.argon2id.MEMLIMIT_INTERACTIVE)
"""For keys of a duty desk or service, whose passphrase is machine-made and long."""


def _derive(passphrase: Passphrase | str, salt: bytes, cost: Cost) -> bytes:
    if not (MIN_OPS <= cost.ops <= MAX_OPS and MIN_MEMORY <= cost.memory <= MAX_MEMORY):
        raise KeyTrouble("The key file asks for an unreasonable amount of work; it may have been tampered with.")
    words = as_passphrase(passphrase).reveal().encode(errors="surrogatepass")
    return pwhash.argon2id.kdf(SecretBox.KEY_SIZE, words, salt, cost.ops, cost.memory)


def seal(secrets: Mapping[str, object], passphrase: Passphrase | str, cost: Cost = Cost()) -> bytes:
    """The file's bytes. `secrets` is a map of CBOR values."""
    if not as_passphrase(passphrase).reveal():
        raise KeyTrouble("A key file needs a passphrase.")
    salt = random(pwhash.argon2id.SALTBYTES)
    box = SecretBox(_derive(passphrase, salt, cost)).encrypt(cbor.dump(dict(secrets)))
    return cbor.dump({"format": _FORMAT, "ops": cost.ops, "memory": cost.memory, "salt": salt, "box": bytes(box)})


def unseal(data: bytes, passphrase: Passphrase | str, name: str = "This") -> dict[str, object]:
    """The secrets, or raise `KeyTrouble` about the file called `name`."""
    return _unseal(data, passphrase, name)[0]


def _unseal(data: bytes, passphrase: Passphrase | str, name: str) -> tuple[dict[str, object], Cost]:
    try:
        reader = Reader(cbor.load(data, _LIMIT, "key file"), "key file")
        if reader.text("format") != _FORMAT:
            raise KeyTrouble(f"{name} {_NO_KEY_FILE}")
        cost = Cost(reader.number("ops"), reader.number("memory"))
        salt = reader.fixed("salt", pwhash.argon2id.SALTBYTES)
        box = reader.raw("box", 1, _LIMIT)
        reader.end()
        plain = SecretBox(_derive(passphrase, salt, cost)).decrypt(box)
        secrets = cbor.load(plain, _LIMIT, "key file")
    except Malformed:
        raise KeyTrouble(f"{name} {_NO_KEY_FILE}") from None
    except CryptoError:
        raise KeyTrouble("The passphrase does not open this key file, or the file was altered.") from None
    if not isinstance(secrets, dict):
        raise KeyTrouble(f"{name} {_NO_KEY_FILE}")
    return secrets, cost


# files


def read(path: Path, passphrase: Passphrase | str) -> dict[str, object]:
    """Check owner and modes, read and unseal, or raise `KeyTrouble`."""
    return unseal(_read_key_file(path), passphrase, str(path))


def write(path: Path, secrets: Mapping[str, object], passphrase: Passphrase | str, cost: Cost = Cost()) -> None:
    """Write a key file whole or not at all; an existing file is replaced.

    A folder that is not there is made with mode 0700; one that others can enter raises `KeyTrouble`.
    """
    if not path.parent.is_dir():
        path.parent.mkdir(mode=0o700, parents=True)
        path.parent.chmod(0o700)
    with _opened_folder(path) as folder:
        sealed = seal(secrets, passphrase, cost)  # before the lock: it takes its time on purpose
        with _locked(folder):
            _replace(folder, path.name, sealed)


def change(
    path: Path,
    passphrase: Passphrase | str,
    new: Callable[[dict[str, object]], Mapping[str, object]],
    *,
    wipe: bool = False,
) -> None:
    """Replace the secrets of a key file by `new(secrets)`, sealed at the same cost; no other writer comes between.

    With `wipe`, the bytes of the file as it was are overwritten once the new one is safe on the disk: as well as a
    program can. Flash disks, file systems that copy on write, snapshots and backups keep what they keep.
    """
    with _opened_folder(path) as folder, _locked(folder):
        secrets, cost = _unseal(_read_key_file(path), passphrase, str(path))
        old = os.open(path.name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder) if wipe else None
        try:
            _replace(folder, path.name, seal(new(secrets), passphrase, cost))
            if old is not None:
                _overwrite(old)
        finally:
            if old is not None:
                os.close(old)


def check_modes(path: Path) -> None:
    """Refuse a key file that others can read, that is a link or another user's, or whose folder others can enter."""
    _read_key_file(path, 0)


def secret(secrets: Mapping[str, object], name: str) -> bytes:
    """One secret of the file, or raise `KeyTrouble`."""
    value = secrets.get(name)
    if not isinstance(value, bytes):
        raise KeyTrouble(f"The key file holds no {name} key; it was made for another purpose.")
    return value


def read_private(path: Path, limit: int, forbidden: int = OTHERS, folder: int | None = None) -> bytes:
    """At most `limit` bytes of a file that is the owner's alone; what is checked is what is read.

    Raises `KeyTrouble` where it is no regular file, is not ours or root's, or has one of the `forbidden` mode bits.
    `folder` is the open folder it lies in. Raises `FileNotFoundError` and other errors of the system as they are.
    """
    name = path if folder is None else path.name
    if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise KeyTrouble(f"{path} is a link to somewhere else; put the file itself there.")
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise KeyTrouble(f"{path} is not a file.")
        _check_owner(path, status)
        if stat.S_IMODE(status.st_mode) & forbidden:
            raise KeyTrouble(f"Others can read {path}; run: chmod 600 {path}")
        return _read_up_to(descriptor, limit)
    finally:
        os.close(descriptor)


def _read_key_file(path: Path, limit: int = _LIMIT + 1) -> bytes:
    try:
        with _opened_folder(path) as folder:
            return read_private(path, limit, folder=folder)
    except FileNotFoundError:
        raise KeyTrouble(f"There is no key file at {path}; make keys first, or name the right folder.") from None


def _check_owner(path: Path, status: os.stat_result) -> None:
    if status.st_uid not in (os.geteuid(), 0):
        raise KeyTrouble(f"{path} belongs to another user; run this as that user, or make it yours with chown.")


@contextmanager
def _opened_folder(path: Path) -> Iterator[int]:
    """The folder of `path`, open, and the owner's alone; or raise `KeyTrouble`."""
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        _check_owner(path.parent, status)
        if stat.S_IMODE(status.st_mode) & OTHERS:
            raise KeyTrouble(f"Others can enter {path.parent}; run: chmod 700 {path.parent}")
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _locked(folder: int) -> Iterator[None]:
    fcntl.flock(folder, fcntl.LOCK_EX)  # let go by the system if we are killed
    try:
        yield
    finally:
        fcntl.flock(folder, fcntl.LOCK_UN)


def _replace(folder: int, name: str, data: bytes) -> None:
    """Under the folder's lock: whatever lies under the temporary name is left over from a crash."""
    temporary = f"{name}.new"
    if temporary in os.listdir(folder):
        os.unlink(temporary, dir_fd=folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o600, dir_fd=folder)
    try:
        _write_all(descriptor, data)
        os.fsync(descriptor)  # before the rename: a name must never point to bytes that a power cut takes away
    finally:
        os.close(descriptor)
    os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)


def _overwrite(descriptor: int) -> None:
    length = os.fstat(descriptor).st_size
    os.lseek(descriptor, 0, os.SEEK_SET)
    _write_all(descriptor, random(length))
    os.fsync(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _read_up_to(descriptor: int, limit: int) -> bytes:
    parts: list[bytes] = []
    while limit and (part := os.read(descriptor, limit)):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)
