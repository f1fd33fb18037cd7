"""Identifiers, checked once where they come in and carried as types after that.

Handles are random and opaque: they stand on the wire, in subjects and in records, and say nothing of who is meant
(law 6). Names and addresses are people's words and live in the directory only.
"""

import re
from collections.abc import Iterable
from typing import NewType
from uuid import UUID

from messages.errors import Malformed

AgencyHandle = NewType("AgencyHandle", str)
ContactHandle = NewType("ContactHandle", str)
GuardHandle = NewType("GuardHandle", str)
WorkerHandle = NewType("WorkerHandle", str)
OfficerHandle = NewType("OfficerHandle", str)
ViewId = NewType("ViewId", str)
MessageId = NewType("MessageId", bytes)
KeyId = NewType("KeyId", bytes)
AgreementId = NewType("AgreementId", str)

_HANDLE = re.compile(r"[acgwo][a-z2-7]{12}", re.ASCII)
_AGENCIES = re.compile(r"(?:a[a-z2-7]{12}\n)*+", re.ASCII)
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
_VIEW = re.compile(r"[0-9a-f]{32}", re.ASCII)
_AGREEMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_SECTION = re.compile(r"[a-z][a-z0-9]{0,15}(\.[a-z0-9]{1,16}){0,3}", re.ASCII)


def _handle(text: object, letter: str, what: str) -> str:
    if not isinstance(text, str) or not _HANDLE.fullmatch(text) or text[0] != letter:
        raise Malformed(f"This is not {what} handle.")
    return text


def agency_handle(text: object) -> AgencyHandle:
    """Return `text` as an agency's handle ("a" and 12 letters of base32) or raise `Malformed`."""
    return AgencyHandle(_handle(text, "a", "an agency"))


def agency_handles(texts: Iterable[str]) -> tuple[AgencyHandle, ...]:
    """All of these as handles of agencies, at once, or raise `Malformed`."""
    found = tuple(texts)
    lines = "\n".join((*found, ""))
    if not _AGENCIES.fullmatch(lines) or len(lines) != 14 * len(found):  # else one of them is two
        raise Malformed("This is not an agency's handle.")
    return tuple(map(AgencyHandle, found))


def contact_handle(text: object) -> ContactHandle:
    """Return `text` as a contact's handle ("c" and 12 letters of base32) or raise `Malformed`."""
    return ContactHandle(_handle(text, "c", "a contact"))


def guard_handle(text: object) -> GuardHandle:
    """Return `text` as a release guard's handle ("g…") or raise `Malformed`."""
    return GuardHandle(_handle(text, "g", "a guard"))


def worker_handle(text: object) -> WorkerHandle:
    """Return `text` as a broker worker's handle ("w…") or raise `Malformed`."""
    return WorkerHandle(_handle(text, "w", "a worker"))


def officer_handle(text: object) -> OfficerHandle:
    """Return `text` as a security officer's handle ("o…") or raise `Malformed`."""
    return OfficerHandle(_handle(text, "o", "an officer"))


def signer_handle(text: object) -> str:
    """Return `text` as the handle of anybody who may sign, or raise `Malformed`."""
    if not isinstance(text, str) or not _HANDLE.fullmatch(text):
        raise Malformed("This is not the handle of a signer.")
    return text


def name(text: object) -> str:
    """Return a name as people write it in configuration ("harbour-police"), or raise `Malformed`."""
    if not isinstance(text, str) or len(text) > 48 or not _NAME.fullmatch(text):
        raise Malformed("A name has small letters, digits and single hyphens, like harbour-police.")
    return text


def section_name(text: object) -> str:
    """Return the name of a section ("a02.1.identity"), or raise `Malformed`."""
    if not isinstance(text, str) or not _SECTION.fullmatch(text):
        raise Malformed("A section's name has small letters, digits and dots, like a02.1.identity.")
    return text


def view_id(text: object) -> ViewId:
    """Return 32 hexadecimal digits as a view id, or raise `Malformed`."""
    if not isinstance(text, str) or not _VIEW.fullmatch(text):
        raise Malformed("This is not a view id.")
    return ViewId(text)


def agreement_id(text: object) -> AgreementId:
    """Return the id of a sharing agreement, or raise `Malformed`."""
    if not isinstance(text, str) or not _AGREEMENT.fullmatch(text):
        raise Malformed("This is not the id of an agreement.")
    return AgreementId(text)


def country(text: object) -> str:
    """Return a country's code (ISO 3166-1 alpha-2, two capitals), or raise `Malformed`."""
    if not isinstance(text, str) or len(text) != 2 or not (text.isascii() and text.isalpha() and text.isupper()):
        raise Malformed("A country is a code of two capital letters (ISO 3166-1), like NL.")
    return text


def message_id(raw: object) -> MessageId:
    """Return 16 bytes as a message id (a UUID of version 4, RFC 9562), or raise `Malformed`."""
    if not isinstance(raw, bytes) or len(raw) != 16 or raw[6] >> 4 != 4 or raw[8] >> 6 != 2:
        raise Malformed("A message id is a random UUID (version 4) of 16 bytes.")
    return MessageId(raw)


def message_text(identifier: bytes) -> str:
    """The id as people read it: the canonical text form of its UUID."""
    return str(UUID(bytes=bytes(identifier)))


def message_from_text(text: str) -> MessageId:
    """Read the text form back, or raise `Malformed`."""
    try:
        return message_id(UUID(text).bytes)
    except ValueError:
        raise Malformed("This is not a message id.") from None
