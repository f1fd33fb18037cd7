"""Who saw a head of the log: C2SP tlog-cosignature lines on the log's own note.

A witness states with its signature that it had the head in its hands at a time, and that the head continues every one
that it cosigned before. A head that enough witnesses cosigned cannot be told to them in one version and to others in
another. Ed25519 cosignatures (`cosignature/v1`) alone are read; others are passed over, as every unknown signature is.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from audit.checkpoint import MAX_SIGNATURES, Checkpoint, Note, NoteSignature, VerifierKey, read_checkpoint, read_note
from audit.errors import BadSignature, Unreadable
from audit.readers.bounds import SIGNATURE
from audit.readers.fields import base64_bytes, base64_text
from audit.readers.signed import KEY_BYTES, verify_bytes

COSIGNATURE: Final = b"\x04"
NEEDED: Final = 2  # of the 3 to 7 witnesses that a task force names: then a head is final
_TIME_BYTES: Final = 8
_HEADER: Final = "cosignature/v1\ntime {}\n"
_LATEST: Final = 253_402_300_800  # seconds: the end of the year 9999, after which no date can be written


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessKey:
    """A witness's key by its label, which names nobody. Another id than a log's key of the same bytes would have."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The first four bytes of SHA-256(name || 0x0A || 0x04 || public key)."""
        return sha256(self.name.encode() + b"\n" + COSIGNATURE + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64_text(COSIGNATURE + self.public)}"

    @staticmethod
    def parse(text: str) -> "WitnessKey":
        """Read `name+hex id+base64(0x04 || public key)`, or raise `Unreadable`."""
        parts = text.split("+", 2)
        if len(parts) != 3:
            raise Unreadable("witness key: not of the form name+id+key")
        raw = base64_bytes(parts[2], "witness key", 1 + KEY_BYTES)
        if raw[:1] != COSIGNATURE:
            raise Unreadable("witness key: not an Ed25519 cosignature key")
        # A name that a note's line could not carry is told by the reader of log keys, which is the same.
        VerifierKey.parse(str(VerifierKey(name=parts[0], public=raw[1:])))
        key = WitnessKey(name=parts[0], public=raw[1:])
        if key.id.hex() != parts[1]:
            raise Unreadable("witness key: its id does not fit its name and key")
        return key


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosignature:
    """That a witness saw a head at a time (seconds since the Unix epoch)."""

    witness: WitnessKey
    time: int


def readable(vkeys: Iterable[str]) -> tuple[WitnessKey, ...]:
    """The witness keys among these texts, as officers signed them. One that cannot be read is nobody's, so it counts
    for no head.
    """
    found = []
    for text in vkeys:
        try:
            found.append(WitnessKey.parse(text))
        except Unreadable:
            continue
    return tuple(found)


def cosign(note: bytes, key: WitnessKey, time: int, sign: Callable[[bytes], bytes]) -> bytes:
    """One signature line for a checkpoint's `note`, made at `time` (seconds); `sign` is Ed25519 by the witness's key.

    That the log signed the note, and that it continues what was cosigned before, is for the caller to have proved.
    """
    if not 0 < time < _LATEST:
        raise ValueError("a cosignature carries the time at which it was made")
    text = read_note(note).text
    read_checkpoint(text)
    signature = sign(_message(text, time))
    verify_bytes(key.public, signature, _message(text, time), "cosignature")  # never hand out what nobody could verify
    stamped = time.to_bytes(_TIME_BYTES, "big") + signature
    return f"— {key.name} {base64_text(key.id + stamped)}\n".encode()


def cosignatures(note: bytes | Note, keys: Iterable[WitnessKey]) -> tuple[Cosignature, ...]:
    """The cosignatures by these keys that hold, one for each key: its earliest. Raises `Unreadable` for no note.

    A line that names one of the keys and does not hold raises `BadSignature`: nobody but its witness could have been
    meant, and whoever added it lies.
    """
    found = read_note(note) if isinstance(note, bytes) else note
    read_checkpoint(found.text)
    held = []
    for key in dict.fromkeys(keys):
        times = [_time(line, key, found.text) for line in found.signatures if _names(line, key)]
        if times:
            held.append(Cosignature(witness=key, time=min(times)))
    return tuple(held)


def joined(note: bytes, lines: Iterable[bytes]) -> bytes:
    """The note with these signature lines at its end, none twice. Raises `Unreadable` where that is no note."""
    found = read_note(note)
    more = note
    for line in lines:
        new = read_note(found.text.encode() + b"\n" + line).signatures
        if len(new) != 1:
            raise Unreadable("note: not one signature line")
        if new[0] not in read_note(more).signatures:
            more += line
    if len(read_note(more).signatures) > MAX_SIGNATURES:
        raise Unreadable("note: more signatures than anybody reads")
    return more


def final(note: bytes, keys: Iterable[WitnessKey], needed: int = NEEDED) -> Checkpoint | None:
    """The checkpoint, if that many of these witnesses cosigned it; else None. The log's own signature is not looked at.

    Raises as `cosignatures` does.
    """
    if needed < 1:
        raise ValueError("a head without a witness is never final")
    found = read_note(note)
    return read_checkpoint(found.text) if len(cosignatures(found, keys)) >= needed else None


def _message(text: str, time: int) -> bytes:
    return (_HEADER.format(time) + text).encode()


def _names(line: NoteSignature, key: WitnessKey) -> bool:
    return line.name == key.name and line.key_id == key.id


def _time(line: NoteSignature, key: WitnessKey, text: str) -> int:
    if len(line.signature) != _TIME_BYTES + SIGNATURE:
        raise BadSignature(f"cosignature by {key.name}: of a wrong length")
    time = int.from_bytes(line.signature[:_TIME_BYTES], "big")
    if not 0 < time < _LATEST:
        raise BadSignature(f"cosignature by {key.name}: at no time")
    verify_bytes(key.public, line.signature[_TIME_BYTES:], _message(text, time), f"cosignature by {key.name}")
    return time
