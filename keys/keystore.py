"""Our own private keys at rest: Argon2id and secretbox (libsodium), in files only their owner can read.

A file is CBOR: format version, Argon2id parameters, salt, and a secretbox over the secrets. A key file that others can
read, or that lies in a folder others can write to, is refused: fix the modes, and think about who has been there.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nacl import pwhash
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox
from nacl.utils import random

from messages import cbor
from messages.cbor import Reader
from messages.errors import KeyTrouble, Malformed

_FORMAT: Final = "safeconduct-keystore-1"
_LIMIT: Final = 1024 * 1024
MIN_OPS: Final = 1
MAX_OPS: Final = 16
MIN_MEMORY: Final = 8 * 1024 * 1024
MAX_MEMORY: Final = 2 * 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """Argon2id's passes and memory in bytes; stored in the file, so that they can rise over the years."""

    ops: int = pwhash.argon2id.OPSLIMIT_MODERATE
    memory: int = pwhash.argon2id.MEMLIMIT_MODERATE


SERVICE: Final = Cost(pwhash.argon2id.OPSLIMIT_INTERACTIVE, pwhash.argon2id.MEMLIMIT_INTERACTIVE)
"""For keys of a duty desk or service, whose passphrase is machine-made and long."""


def _derive(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    if not (MIN_OPS <= cost.ops <= MAX_OPS and MIN_MEMORY <= cost.memory <= MAX_MEMORY):
        raise KeyTrouble("The key file asks for an unreasonable amount of work; it may have been tampered with.")
    return pwhash.argon2id.kdf(
        SecretBox.KEY_SIZE, passphrase.encode(errors="surrogatepass"), salt, cost.ops, cost.memory
    )


def seal(secrets: Mapping[str, object], passphrase: str, cost: Cost = Cost()) -> bytes:
    """The file's bytes. `secrets` is a map of CBOR values."""
    if not passphrase:
        raise KeyTrouble("A key file needs a passphrase.")
    salt = random(pwhash.argon2id.SALTBYTES)
    box = SecretBox(_derive(passphrase, salt, cost)).encrypt(cbor.dump(dict(secrets)))
    return cbor.dump({"format": _FORMAT, "ops": cost.ops, "memory": cost.memory, "salt": salt, "box": bytes(box)})


def unseal(data: bytes, passphrase: str) -> dict[str, object]:
    """The secrets, or raise `KeyTrouble`."""
    try:
        reader = Reader(cbor.load(data, _LIMIT, "key file"), "key file")
        if reader.text("format") != _FORMAT:
            raise KeyTrouble("This is not a Safeconduct key file.")
        cost = Cost(reader.number("ops"), reader.number("memory"))
        salt = reader.fixed("salt", pwhash.argon2id.SALTBYTES)
        box = reader.raw("box", 1, _LIMIT)
        reader.end()
        plain = SecretBox(_derive(passphrase, salt, cost)).decrypt(box)
        secrets = cbor.load(plain, _LIMIT, "key file")
    except Malformed:
        raise KeyTrouble("This is not a Safeconduct key file.") from None
    except CryptoError:
        raise KeyTrouble("The passphrase does not open this key file, or the file was altered.") from None
    if not isinstance(secrets, dict):
        raise KeyTrouble("This is not a Safeconduct key file.")
    return secrets


def check_modes(path: Path) -> None:
    """Refuse a key file that others can read, or whose folder others can write to."""
    try:
        mode, folder = path.stat(), path.parent.stat()
    except FileNotFoundError:
        raise KeyTrouble(f"There is no key file at {path}; make keys first, or name the right folder.") from None
    if stat.S_IMODE(mode.st_mode) & 0o077:
        raise KeyTrouble(f"Others can read {path}; run: chmod 600 {path}")
    if stat.S_IMODE(folder.st_mode) & 0o077:
        raise KeyTrouble(f"Others can enter {path.parent}; run: chmod 700 {path.parent}")


def write(path: Path, secrets: Mapping[str, object], passphrase: str, cost: Cost = Cost()) -> None:
    """Write a key file whole or not at all; an existing file is replaced.

    A folder that is not there is made with mode 0700; one that others can enter raises `KeyTrouble`.
    """
    if not path.parent.is_dir():
        path.parent.mkdir(mode=0o700, parents=True)
        path.parent.chmod(0o700)
    elif stat.S_IMODE(path.parent.stat().st_mode) & 0o077:
        raise KeyTrouble(f"Others can enter {path.parent}; run: chmod 700 {path.parent}")
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(seal(secrets, passphrase, cost))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: Path, passphrase: str) -> dict[str, object]:
    """Check the modes, read and unseal, or raise `KeyTrouble`."""
    check_modes(path)
    return unseal(path.read_bytes(), passphrase)


def secret(secrets: Mapping[str, object], name: str) -> bytes:
    """One secret of the file, or raise `KeyTrouble`."""
    value = secrets.get(name)
    if not isinstance(value, bytes):
        raise KeyTrouble(f"The key file holds no {name} key; it was made for another purpose.")
    return value
