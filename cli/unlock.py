"""Where a passphrase comes from: a file descriptor, a systemd credential, a file that the settings name, or a prompt.

Never from the command line or the environment, which other programs can read: `--passphrase-fd` and
SAFECONDUCT_PASSPHRASE_FD hold a descriptor's number. `keys.unlocking` says which keys each source may open.
"""

import json
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from keys.keystore import read_private
from keys.unlocking import Passphrase, Source
from messages.errors import BadInput, KeyTrouble

DESCRIPTOR_VARIABLE: Final = "SAFECONDUCT_PASSPHRASE_FD"
CREDENTIAL: Final = "safeconduct-passphrase"
_LIMIT: Final = 4096
_SETTINGS: Final = ("agency.json", "broker.json")
_BY_OTHERS: Final = 0o027
"""Mode bits that a credential must not have. systemd shows group-read on the credentials of a service with a user of
its own: that is the mask of its access list, and the group is root's."""


def named_descriptor(number: int | None) -> None:
    """Take the passphrase from this descriptor: for the option that stands before the command."""
    if number is not None:
        os.environ[DESCRIPTOR_VARIABLE] = str(number)


DescriptorOption = Annotated[
    int | None,
    typer.Option(
        "--passphrase-fd",
        envvar=DESCRIPTOR_VARIABLE,
        help="Read the passphrase from this file descriptor.",
        callback=named_descriptor,
    ),
]


def passphrase(folder: Path) -> Passphrase:
    """The passphrase of the keys in `folder`, from the first source that there is, or raise `KeyTrouble`."""
    found = _from_descriptor() or _from_credential() or _from_file(folder)
    if found:
        return found
    if not any((folder / name).is_file() for name in _SETTINGS):
        raise BadInput(f"{folder} is not an agency's or a broker's folder; name the right one with --home.")
    return asked("Passphrase")


def own_passphrase(whose: str) -> Passphrase:
    """The passphrase of a person's key, from somebody who is there: a descriptor, or a prompt."""
    return _from_descriptor() or asked(f"Passphrase of {whose}")


def asked(prompt: str) -> Passphrase:
    """Ask on the terminal, without showing what is typed."""
    if not sys.stdin.isatty():
        raise KeyTrouble("The keys are locked: run this where it can ask you, or name --passphrase-fd.")
    return Passphrase(str(typer.prompt(prompt, hide_input=True, err=True)), Source.PROMPT)


@dataclass(frozen=True, slots=True)
class HandedOver:
    """How to start a child so that it finds the passphrase: arguments for `subprocess` and `asyncio`."""

    descriptor: int
    environment: dict[str, str] = field(repr=False)

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `Popen` or `create_subprocess_exec`."""
        return {"pass_fds": (self.descriptor,), "env": self.environment}


@contextmanager
def handing_over(secret: Passphrase) -> Iterator[HandedOver]:
    """A pipe with the passphrase in it for one child, started within the block."""
    reading, writing = os.pipe()  # close-on-exec; `pass_fds` alone lets it through
    try:
        with os.fdopen(writing, "wb") as pipe:  # it fits in a pipe's buffer: nobody has to read yet
            pipe.write(secret.reveal().encode())
        yield HandedOver(reading, {**os.environ, DESCRIPTOR_VARIABLE: str(reading)})
    finally:
        os.close(reading)


def _from_descriptor() -> Passphrase | None:
    named = os.environ.pop(DESCRIPTOR_VARIABLE, None)  # read once: neither we nor a child find it a second time
    if named is None:
        return None
    try:
        number = int(named)
        status = os.fstat(number)
    except (ValueError, OSError, OverflowError):
        raise KeyTrouble("The passphrase's file descriptor is not open; name one that is, such as 3.") from None
    if number in (1, 2) or os.isatty(number):
        raise KeyTrouble("The passphrase's file descriptor must be a pipe or a file that is open for reading.")
    on_disk = stat.S_ISREG(status.st_mode) and status.st_nlink > 0
    if on_disk and stat.S_IMODE(status.st_mode) & 0o077:
        raise KeyTrouble("Others can read the file that the passphrase's descriptor opens; run chmod 600 on it.")
    try:
        data = _drain(number)
    except OSError:
        raise KeyTrouble("The passphrase cannot be read from the file descriptor that was named.") from None
    return Passphrase(_words(data, "The file descriptor"), Source.FILE if on_disk else Source.FD)


def _drain(number: int) -> bytes:
    """Read to the end and close; standard input is left open on nothing, so that no other file takes its number."""
    data = b""
    try:
        while len(data) <= _LIMIT and (part := os.read(number, _LIMIT)):
            data += part
    finally:
        if number == 0:
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, 0)
            os.close(nothing)
        else:
            os.close(number)
    return data


def _from_credential() -> Passphrase | None:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(folder or "/") / CREDENTIAL
    if not folder or not path.exists():  # the service may have other credentials and not this one
        return None
    status = path.parent.stat()
    if stat.S_IMODE(status.st_mode) & _BY_OTHERS or status.st_uid not in (os.geteuid(), 0):
        raise KeyTrouble(f"Others can enter {path.parent}; a folder of credentials is for its service alone.")
    return Passphrase(_words(_private(path, _BY_OTHERS), str(path)), Source.CREDENTIAL)


def _from_file(folder: Path) -> Passphrase | None:
    for name in _SETTINGS:
        try:
            settings = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(settings, dict) and "passphrase_file" in settings:
            path = folder / str(settings["passphrase_file"])
            return Passphrase(_words(_private(path, 0o077), str(path)), Source.FILE)
    return None


def _private(path: Path, forbidden: int) -> bytes:
    try:
        return read_private(path, _LIMIT + 1, forbidden)
    except OSError:
        raise KeyTrouble(f"The passphrase file {path} cannot be read.") from None


def _words(data: bytes, where: str) -> str:
    try:
        words = data.decode().strip()
    except UnicodeDecodeError:
        words = ""
    if not words or len(data) > _LIMIT or "\n" in words or "\0" in words:
        raise KeyTrouble(f"{where} does not hold a passphrase: one line of text is wanted.")
    return words
