"""The signed head of the log: C2SP signed-note carrying a C2SP tlog-checkpoint.

    harbour-task-force/safeconduct-log
    42
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — harbour-task-force/safeconduct-log Az3grlgt…

`read_note` and `read_checkpoint` give shapes; `verify` alone gives a checkpoint that the log's key signed. Signatures
by unknown keys are passed over, as the specification demands: witnesses add theirs to the same text.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from audit.errors import BadSignature, Unreadable
from audit.readers.bounds import SIGNATURE
from audit.readers.fields import UINT_LIMIT, base64_bytes, base64_text
from audit.readers.signed import KEY_BYTES, verify_bytes
from audit.tree import HASH_BYTES

ED25519: Final = b"\x01"
MAX_NOTE_BYTES: Final = 1024 * 1024
MAX_SIGNATURES: Final = 100

_DASH: Final = "— "  # U+2014 and a space


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """A note key: name and Ed25519 public key. Its id is a hint for finding it, not a fingerprint."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The first four bytes of SHA-256(name || 0x0A || 0x01 || public key)."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64_text(ED25519 + self.public)}"

    @staticmethod
    def parse(text: str) -> "VerifierKey":
        """Read `name+hex id+base64(0x01 || public key)`, or raise `Unreadable`."""
        parts = text.strip("\n").split("+", 2)
        if len(parts) != 3 or not _is_name(parts[0]):
            raise Unreadable("verifier key: not of the form name+id+key")
        raw = base64_bytes(parts[2], "verifier key", 1 + KEY_BYTES)
        if raw[:1] != ED25519:
            raise Unreadable("verifier key: not an Ed25519 key")
        key = VerifierKey(name=parts[0], public=raw[1:])
        if key.id.hex() != parts[1]:
            raise Unreadable("verifier key: its id does not fit its name and key")
        return key


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSignature:
    """One signature line: who says so, which key that is, and the signature."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A signed note's shape: its text (ending in a newline) and signature lines. Nothing is proved."""

    text: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The head of a log: the root over its first `size` leaves."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The note text. Raises `ValueError` where a field would frame another checkpoint than this one."""
        lines = (self.origin, str(self.size), base64_text(self.root), *self.extensions)
        text = "".join(f"{line}\n" for line in lines)
        try:
            if read_checkpoint(text) != self:
                raise ValueError("checkpoint: a line of it contains a line break")
        except Unreadable as error:
            raise ValueError(str(error)) from None
        return text


def sign_note(text: str, key: VerifierKey, sign: Callable[[bytes], bytes]) -> bytes:
    """The note `text` with one signature line; `sign` gives the Ed25519 signature of `key`'s private half."""
    signature = sign(text.encode())
    if len(signature) != SIGNATURE:
        raise ValueError(f"an Ed25519 signature has {SIGNATURE} bytes")
    note = f"{text}\n{_DASH}{key.name} {base64_text(key.id + signature)}\n".encode()
    verify_note(note, key)  # never hand out what nobody could verify
    return note


def sign_checkpoint(checkpoint: Checkpoint, key: VerifierKey, sign: Callable[[bytes], bytes]) -> bytes:
    """The signed note over `checkpoint`."""
    return sign_note(checkpoint.text(), key, sign)


def read_note(raw: bytes) -> Note:
    """Read a signed note's shape, or raise `Unreadable`."""
    if len(raw) > MAX_NOTE_BYTES:
        raise Unreadable("note: too long")
    try:
        whole = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("note: not UTF-8") from None
    if any(char < " " and char != "\n" for char in whole):
        raise Unreadable("note: a control character")
    body, blank, tail = whole.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise Unreadable("note: no blank line before the signatures, or no line end after them")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise Unreadable(f"note: more than {MAX_SIGNATURES} signatures")
    return Note(text=body + "\n", signatures=tuple(_signature(line) for line in lines))


def verify_note(raw: bytes, key: VerifierKey) -> str:
    """Return the text that `key` signed, or raise `Unreadable` or `BadSignature`."""
    note = read_note(raw)
    own = [line for line in note.signatures if line.name == key.name and line.key_id == key.id]
    if not own:
        raise BadSignature(f"note: not signed by {key.name} with key {key.id.hex()}")
    for line in own:
        verify_bytes(key.public, line.signature, note.text.encode(), f"note by {key.name}")
    return note.text


def read_checkpoint(text: str) -> Checkpoint:
    """Read a note's text as a checkpoint, or raise `Unreadable`."""
    if not text.endswith("\n"):
        raise Unreadable("checkpoint: its last line does not end")
    lines = text[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise Unreadable("checkpoint: not three lines or more, none empty")
    origin, number, root, *extensions = lines
    if not (number.isascii() and number.isdigit()) or len(number) > 19 or (number != "0" and number.startswith("0")):
        raise Unreadable("checkpoint: the size is not a plain decimal number")
    size = int(number)
    if size >= UINT_LIMIT:
        raise Unreadable("checkpoint: the size is out of range")
    return Checkpoint(
        origin=origin,
        size=size,
        root=base64_bytes(root, "checkpoint: root", HASH_BYTES),
        extensions=tuple(extensions),
    )


def verify(raw: bytes, key: VerifierKey) -> Checkpoint:
    """Return the checkpoint that `key` signed for the log of its own name, or raise `Unreadable` or `BadSignature`."""
    checkpoint = read_checkpoint(verify_note(raw, key))
    if checkpoint.origin != key.name:
        raise BadSignature("checkpoint: it is of another log than the key's")
    return checkpoint


def _signature(line: str) -> NoteSignature:
    if not line.startswith(_DASH):
        raise Unreadable("note: a signature line without its dash")
    name, space, encoded = line[len(_DASH) :].partition(" ")
    if not space or not _is_name(name):
        raise Unreadable("note: a signature line without a key name")
    raw = base64_bytes(encoded, "note: signature")
    if len(raw) < 5:
        raise Unreadable("note: a signature too short to be one")
    return NoteSignature(name=name, key_id=raw[:4], signature=raw[4:])


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(char.isspace() for char in name)
