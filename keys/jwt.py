"""NATS JWTs: how a server asks about a login, and how the answer is signed.

A token is three words of base64url with dots between: header, claims, signature. The signature is Ed25519 over the
first two words and the dot, by the NKEY that the claims name as issuer; there is one algorithm, and a header that names
another is refused. `read_token` returns what the signature covers or raises; what the claims *mean* is for its caller.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

from nacl.utils import random
from nkeys import PREFIX_BYTE_ACCOUNT, encode_seed, from_seed

from keys.nkey import check_nkey
from messages.errors import KeyTrouble, Malformed, Unverified

TOKEN_BYTES: Final = 64 * 1024
"""The longest token read: a request names its client's certificates, each of which is a few kilobytes."""
_HEADER: Final = {"typ": "JWT", "alg": "ed25519-nkey"}
_NOT_A_TOKEN: Final = "This is not a login token of the message bus."  # noqa: S105 - a sentence


class Issuer:
    """The account NKEY that signs logins. Its seed is not shown by `repr`, and nothing gives it back."""

    def __init__(self, seed: bytes) -> None:
        """`seed` begins with SA; anything else raises `KeyTrouble`."""
        try:
            raw = base64.b32decode(seed + b"=" * (-len(seed) % 8))
            if encode_seed(raw[2:34], PREFIX_BYTE_ACCOUNT) != seed:  # its kind and its check digits
                raise ValueError
            self._pair = from_seed(bytearray(seed))
            self.public: str = bytes(self._pair.public_key).decode()
        except Exception:  # the library raises many kinds, down to binascii's
            raise KeyTrouble("This is not the seed of an account NKEY; it begins with SA.") from None

    def __repr__(self) -> str:
        return f"Issuer({self.public})"

    def sign(self, claims: Mapping[str, object]) -> str:
        """The token of `claims`, with this key as its issuer."""
        signed = f"{_word(_HEADER)}.{_word({**claims, 'iss': self.public})}"
        return f"{signed}.{_encoded(bytes(self._pair.sign(signed.encode())))}"


def new_issuer_seed() -> bytes:
    """A fresh account seed ("SA…")."""
    return bytes(encode_seed(random(32), PREFIX_BYTE_ACCOUNT))


def read_token(token: bytes, letter: str) -> dict[str, Any]:
    """The claims of a token signed by an NKEY of kind `letter` ("N" a server's, "A" an account's, "U" a user's).

    `Malformed` if it is no token, `Unverified` if its signature does not hold. Nobody has said yet whose key that is.
    """
    if len(token) > TOKEN_BYTES:
        raise Malformed("This login token is longer than any that a server makes.")
    words = token.split(b".")
    if len(words) != 3:
        raise Malformed(_NOT_A_TOKEN)
    header, claims = _object(decoded(words[0])), _object(decoded(words[1]))
    if header != _HEADER:
        raise Malformed("This login token is signed in a way that is not ours.")
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or not issuer.isascii():
        raise Unverified("This login token does not say who signed it.")
    check_nkey(issuer, words[0] + b"." + words[1], decoded(words[2]), letter)
    return claims


def decoded(word: bytes | str) -> bytes:
    """The bytes of a word in base64url without padding, or raise `Malformed`; also for another spelling of them."""
    try:
        raw = word.encode("ascii") if isinstance(word, str) else word
        found = base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise Malformed(_NOT_A_TOKEN) from None
    if _encoded(found).encode() != raw:
        raise Malformed(_NOT_A_TOKEN)
    return found


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _word(value: Mapping[str, object]) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw, object_pairs_hook=_without_doubles, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Malformed(_NOT_A_TOKEN) from None
    if not isinstance(value, dict):
        raise Malformed(_NOT_A_TOKEN)
    return value


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(text: str) -> float:
    raise ValueError(text)
