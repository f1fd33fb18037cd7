"""What a passphrase is, where it came from, and which keys it may open.

A contact's key file says under which terms it was made: whether its key belongs to a `person` or to a `service`, and
whether it is for practice. The terms are sealed with the secrets: no settings file changes them. A person's key opens
only for somebody who is there: who typed the passphrase, or whose own command hands it in on a file descriptor. It
never opens with what lies on the machine, and never in a service.

Whether a descriptor was handed in by a person or by a service manager cannot be told here; that it opens a file on the
disk can, and then it counts as that file (`cli.unlock`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NoReturn

from messages.errors import KeyTrouble
from messages.labels import Keeping


class Source(StrEnum):
    """Where a passphrase came from."""

    PROMPT = "prompt"
    FD = "file descriptor"
    CREDENTIAL = "systemd credential"
    FILE = "file"


ATTENDED: Final = frozenset({Source.PROMPT, Source.FD})


class Passphrase:
    """A passphrase and where it came from. It shows neither words nor length, however it is printed, and does not
    pickle; `reveal` is for the keystore and the process we hand it over to.
    """

    __slots__ = ("_words", "source")

    def __init__(self, words: str, source: Source) -> None:
        self._words = words
        self.source = source

    def __repr__(self) -> str:
        return f"Passphrase({self.source.value})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A passphrase is not written out.")

    def reveal(self) -> str:
        """The words."""
        return self._words


def as_passphrase(given: Passphrase | str) -> Passphrase:
    """Bare words count as read from a file: nobody vouches that a person is there."""
    return given if isinstance(given, Passphrase) else Passphrase(given, Source.FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Under which a contact's key file was made."""

    keeping: Keeping
    practice: bool = False  # one machine, one passphrase in a file: for learning

    def to_map(self) -> dict[str, object]:
        """What stands in the key file beside the secrets."""
        return {"keeping": self.keeping.value, "practice": self.practice}


def terms(secrets: Mapping[str, object]) -> Terms:
    """The terms of an unsealed key file. One that says nothing was made for a person, and not for practice."""
    service = secrets.get("keeping") == Keeping.SERVICE.value
    return Terms(
        keeping=Keeping.SERVICE if service else Keeping.PERSON,
        practice=secrets.get("practice") is True,
    )


def may_unlock(keeping: Keeping, source: Source) -> None:
    """Raise `KeyTrouble` where a passphrase of that source opens no key so kept."""
    if keeping is Keeping.PERSON and source not in ATTENDED:
        raise KeyTrouble(
            f"A person's key does not open with a passphrase from a {source.value}: run this where it can ask you, "
            "or name --passphrase-fd."
        )


def stricter(one: Keeping, other: Keeping) -> Keeping:
    """What counts of a key file's keeping and the one in the trust bundle: a person's key is handed to a service by
    neither its owner nor the officers alone.
    """
    return Keeping.SERVICE if one is other is Keeping.SERVICE else Keeping.PERSON


def require_attended(name: str, keeping: Keeping, source: Source, *, unattended: bool, practice: bool) -> None:
    """Raise `KeyTrouble` unless this process may hold the key of the contact `name`.

    `unattended`: a service asks; `practice`: the key was made for learning (`Terms.practice`).
    """
    if practice or keeping is Keeping.SERVICE:
        return
    if unattended:
        raise KeyTrouble(
            f"The key of {name!r} belongs to a person; a service cannot hold it. Use safeconduct inbox yourself, "
            "or have the officers grant a service mandate."
        )
    may_unlock(Keeping.PERSON, source)
