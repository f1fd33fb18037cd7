"""Canonical JSON of TUF metadata and Ed25519 signatures over it, as python-tuf's libraries have them, at less cost.

A refresh has python-tuf's own client canonicalise the same metadata several times, in Python, and verify signatures
that this process has verified before. Importing this module puts two things in the place of the library's:

- `canonical` gives the bytes of securesystemslib's `encode_canonical` by the encoder that CPython has in C. Whatever
  that one would write otherwise (a control character, a backslash, a quote, a fraction) is left to the library.
- `RememberingKey` is the library's own Ed25519 key, registered as the library lets one register keys. It has libsodium
  verify, in half the time; libsodium takes nothing that the library's OpenSSL would not, and what it does not take is
  left to the library. Of a signature that *held* it remembers key, signature and SHA-256 of the bytes; one that did not
  hold is never remembered.

Both say what the library says, so whoever verifies without them comes to the same end (tests/keys/test_canonical.py).
"""

import json
import re
from collections.abc import Callable
from hashlib import sha256
from threading import Lock
from typing import Any, Final

import tuf.api.serialization.json as library_json
from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import KEY_FOR_TYPE_AND_SCHEME, Signature, SSlibKey

from keys.signing import PUBLIC_KEY
from messages.limits import SIGNATURE

ED25519: Final = "ed25519"
_REMEMBERED: Final = 1024
"""Signatures at most that are remembered: those of an extract with five hundred partners, some 100 kB."""
_FRACTION: Final = re.compile(r"[\[:,]-?\d+[.eE]")
_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: Any, output_function: Callable[[str], object] | None = None) -> str | None:
    """The canonical form of `value` (the given function is called with it, if there is one), or raise as the library
    does. In place of securesystemslib's function of the same kind.
    """
    if output_function is None and type(value) is dict:
        try:
            text = _ENCODER.encode(value)
        except (ValueError, TypeError):
            return encode_canonical(value)
        if "\\" not in text and not _FRACTION.search(text):
            return text
    return encode_canonical(value, output_function)


class RememberingKey(SSlibKey):
    """An Ed25519 public key that does not verify the same signature over the same bytes twice."""

    _held: Final[dict[tuple[str, str, str, str, bytes], None]] = {}  # oldest first
    _lock: Final = Lock()

    def verify_signature(self, signature: Signature, data: bytes) -> None:
        """Raise `UnverifiedSignatureError` or `VerificationError` as the library does."""
        what = self.keyid, self.keyval["public"], signature.keyid, signature.signature, sha256(data).digest()
        with self._lock:
            if what in self._held:
                return
        if not self._holds(signature, data):
            super().verify_signature(signature, data)
        with self._lock:
            self._held[what] = None
            if len(self._held) > _REMEMBERED:
                del self._held[next(iter(self._held))]

    def _holds(self, signature: Signature, data: bytes) -> bool:
        try:
            key, raw = bytes.fromhex(self.keyval["public"]), bytes.fromhex(signature.signature)
            if signature.keyid != self.keyid or len(key) != PUBLIC_KEY or len(raw) != SIGNATURE:
                return False
            crypto_sign_open(raw + data, key)
        except (BadSignatureError, ValueError, TypeError):
            return False
        return True


setattr(library_json, "encode_canonical", canonical)  # noqa: B010  a name that the library imports, not its own
KEY_FOR_TYPE_AND_SCHEME[(ED25519, ED25519)] = RememberingKey
