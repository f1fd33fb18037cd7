"""What somebody on the way may do to bytes. They are changed, not set to a value: that may be what they had before."""


def flipped(data: bytes, at: int = -1, bit: int = 0) -> bytes:
    """`data` with one bit the other way around: bit 0 to 7 of the byte `at`."""
    changed = bytearray(data)
    changed[at] ^= 1 << bit
    return bytes(changed)
