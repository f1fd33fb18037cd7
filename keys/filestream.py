"""An evidence file as a stream of sealed chunks: libsodium's secretstream (XChaCha20-Poly1305), one key for one file.

What every chunk is bound to: message, stored object, its own number, how many there are, and by the stream itself all
chunks before it. So a chunk that is left out, moved, repeated or taken from another file is refused, and so is a stream
that ends early: only the last chunk has the final tag. The last chunk's plaintext is the rest of the file, a byte 0x80,
and zeros: all sealed chunks have one length, and nobody without the key learns a size nearer than a chunk.

`Opener.pull` returns plaintext or raises `Unverified`; what it returned before a later chunk fails is *not* the file.
"""

from typing import Final

from nacl.bindings import (
    crypto_secretstream_xchacha20poly1305_ABYTES,
    crypto_secretstream_xchacha20poly1305_init_pull,
    crypto_secretstream_xchacha20poly1305_init_push,
    crypto_secretstream_xchacha20poly1305_pull,
    crypto_secretstream_xchacha20poly1305_push,
    crypto_secretstream_xchacha20poly1305_state,
    crypto_secretstream_xchacha20poly1305_TAG_FINAL,
    crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
)
from nacl.exceptions import CryptoError
from nacl.utils import random

from messages import cbor, limits
from messages.errors import BadInput, Unverified
from messages.evidencefile import CHUNK, HEADER, OBJECT, SEALED_CHUNK, chunks_of
from messages.ids import MessageId
from messages.signed import pae

_MARK: Final = b"\x80"
_FINAL: Final[int] = crypto_secretstream_xchacha20poly1305_TAG_FINAL
_MESSAGE: Final[int] = crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
assert CHUNK + crypto_secretstream_xchacha20poly1305_ABYTES == SEALED_CHUNK  # noqa: S101


def new_key() -> bytes:
    """A fresh key: for one file, once."""
    return random(limits.SECTION_KEY)


def new_object() -> bytes:
    """A random id under which a file is stored."""
    return random(OBJECT)


def context(message: MessageId, stored: bytes, number: int, chunks: int) -> bytes:
    """The associated data of one chunk: where it belongs."""
    return pae("evidence-chunk", cbor.dump([message, stored, number, chunks]))


class Sealer:
    """Seals one file of `size` bytes, chunk by chunk, in order. A key seals one file once: make a new one for another
    try.
    """

    def __init__(self, key: bytes, message: MessageId, stored: bytes, size: int) -> None:
        self.chunks = chunks_of(size)
        self.sealed = 0
        self._left = size
        self._of = (message, stored)
        self._state = crypto_secretstream_xchacha20poly1305_state()
        self._header = crypto_secretstream_xchacha20poly1305_init_push(self._state, key)

    def push(self, plain: bytes) -> bytes:
        """Seal the next `CHUNK` bytes, or what is left of the file; raises `BadInput` where it is another number."""
        last = self.sealed == self.chunks - 1
        if self.sealed >= self.chunks or len(plain) != min(CHUNK, self._left):
            raise BadInput("The file changed while it was read; send it again.")
        if last:
            plain = (plain + _MARK).ljust(CHUNK, b"\x00")
        else:
            self._left -= len(plain)
        data = context(*self._of, self.sealed, self.chunks)
        sealed: bytes = crypto_secretstream_xchacha20poly1305_push(
            self._state, plain, data, _FINAL if last else _MESSAGE
        )
        self.sealed += 1
        return self._header + sealed if self.sealed == 1 else sealed


class Opener:
    """Opens one file of so many chunks, in order."""

    def __init__(self, key: bytes, message: MessageId, stored: bytes, chunks: int) -> None:
        self.chunks = chunks
        self.opened = 0
        self._key = key
        self._of = (message, stored)
        self._state = crypto_secretstream_xchacha20poly1305_state()

    @property
    def complete(self) -> bool:
        """Whether the last chunk was opened: before that there is no file."""
        return self.opened == self.chunks

    def pull(self, sealed: bytes) -> bytes:
        """The plaintext of the next chunk, or raise `Unverified`."""
        first, last = self.opened == 0, self.opened == self.chunks - 1
        if self.complete or len(sealed) != SEALED_CHUNK + (HEADER if first else 0):
            raise Unverified("A chunk of the evidence file is not one that was sealed.")
        try:
            if first:
                crypto_secretstream_xchacha20poly1305_init_pull(self._state, sealed[:HEADER], self._key)
                sealed = sealed[HEADER:]
            data = context(*self._of, self.opened, self.chunks)
            plain, tag = crypto_secretstream_xchacha20poly1305_pull(self._state, sealed, data)
        except (CryptoError, ValueError, TypeError, RuntimeError):
            raise Unverified("A chunk of the evidence file does not hold: altered, missing or moved.") from None
        if tag != (_FINAL if last else _MESSAGE):
            raise Unverified("The evidence file ends too early, or goes on after its end.")
        self.opened += 1
        if not last:
            return bytes(plain)
        rest, mark, zeros = bytes(plain).rpartition(_MARK)
        if not mark or zeros.strip(b"\x00"):
            raise Unverified("The end of the evidence file is not marked as it must be.")
        return rest
