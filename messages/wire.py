"""Bytes to envelope and back, in one place: strict, bounded, never repairing.

`decode(any bytes)` gives an `Envelope` or raises `Malformed`, and nothing else; a fuzz test says so.
"""

from messages.envelope import Delivery, Envelope, View, decode_envelope, decode_view
from messages.signed import pae

__all__ = ["Delivery", "Envelope", "View", "decode", "decode_view", "encode", "pae"]


def decode(data: bytes) -> Envelope:
    """Read an envelope from any bytes, or raise `Malformed`."""
    return decode_envelope(data)


def encode(envelope: Envelope) -> bytes:
    """Write an envelope; `decode` of the result gives it back."""
    return envelope.to_bytes()
