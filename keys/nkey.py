"""NKEYs: how an adapter logs in to NATS. A login key; it signs nothing that travels."""

from nacl.utils import random
from nkeys import PREFIX_BYTE_USER, encode_seed, from_seed

from messages.errors import KeyTrouble


def new_nkey() -> tuple[bytes, str]:
    """A fresh user seed ("SU…") and its public key ("U…")."""
    seed = bytes(encode_seed(random(32), PREFIX_BYTE_USER))
    return seed, public_of(seed)


def public_of(seed: bytes) -> str:
    """The public key ("U…") of a user seed ("SU…"), or raise `KeyTrouble`."""
    try:
        pair = from_seed(bytearray(seed))
        try:
            return bytes(pair.public_key).decode()
        finally:
            pair.wipe()
    except Exception:  # the library raises many kinds, down to binascii's
        raise KeyTrouble("This is not the seed of a user NKEY; it begins with SU.") from None
