"""Short forms of keys for people to read to each other over the telephone."""

from hashlib import sha256

from messages.signed import pae


def fingerprint(public: bytes) -> str:
    """Eight groups of five digits, about 132 bits: "03127 88460 …"."""
    number = int.from_bytes(sha256(pae("fingerprint", public)).digest(), "big")
    return " ".join(f"{number // 100_000**i % 100_000:05d}" for i in range(8))
