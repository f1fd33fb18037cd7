"""Sizes, counts and versions, each with the reason for its number.

Everything here is a bound on what a stranger can make us do before a signature has been checked.
"""

from typing import Final

VERSION: Final = 1  # of manifest, envelope, view; a reader refuses any other

ENVELOPE_BYTES: Final = (
    4 * 1024 * 1024
)  # half of the server's max_payload (8 MB): views must fit beside stamp and record
MANIFEST_BYTES: Final = 32 * 1024  # 512 digests of 34 bytes and 1 kB of codes, with room
OPENING_BYTES: Final = 8 * 1024  # a grant over 64 section names is 2.5 kB
SECTION_BYTES: Final = 1024 * 1024  # typed content is text; files travel as evidence chunks
SECTIONS: Final = 64  # a case file with twenty persons makes about fifty
GRANTS: Final = 256  # an entry and its views are one atomic batch, and a batch holds 1,000
DIGESTS: Final = 512  # the next power of two over SECTIONS + GRANTS
ATTESTATIONS: Final = 512  # a guard's and a release for each recipient
CONSENTS: Final = 512  # (recipient, consent) pairs of one message: they are stored in its batch, beside entry and views
ATTESTATION_BYTES: Final = 32 * 1024  # 64 sections described in full
DEPTH: Final = 8  # nothing we write is nested deeper than 6
COUNTRIES: Final = 64  # of REL TO: more is no limit
TEXT: Final = 256  # longest code, name or handle in any signed header

SALT: Final = 16  # of descriptions: 128 bits against guessing a low-entropy description
DIGEST: Final = 32  # SHA-256
SIGNATURE: Final = 64  # Ed25519
ENCRYPTION_KEY: Final = 1184 + 32  # ML-KEM-768 and X25519
SECTION_KEY: Final = 32
NONCE: Final = 24  # XChaCha20
TAG: Final = 16  # Poly1305
ENCAPSULATION: Final = 1120  # MLKEM768-X25519: 1088 + 32

MINUTE: Final = 60_000  # all times are milliseconds
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
CLOCK_SKEW: Final = 2 * MINUTE  # "created ≤ now + 2 min" (docs/design.md section 5)
ADMISSION_WINDOW: Final = 7 * DAY  # longest time between signing and admission
ADMISSION_WINDOW_URGENT: Final = 1 * DAY
LIFETIME: Final = 90 * DAY  # longest `expires - created`: the entry that stops replays lives this long
INCLUDE_BY: Final = 10 * MINUTE  # a permitted view's leaf must be in the log by then
KEY_STATEMENT_LIFETIME: Final = 30 * DAY
CONSENT_LIFETIME: Final = 366 * DAY  # a consent is limited in time: a year, leap years included
HOLDING_LIFETIME: Final = 2 * CONSENT_LIFETIME  # a copy made on a consent's last day is still found a year later
CONFIRM_BY: Final = 72 * HOUR  # a holder says by then what became of its copy (CATALOGUE C.2, M24)


def padme(length: int) -> int:
    """The padded length for `length` bytes by Padmé (Nikitin et al., PoPETs 2019): at most 12 % more, and the
    result tells only O(log log n) bits about the length.
    """
    if length < 2:
        return length
    exponent = length.bit_length() - 1
    low_bits = exponent - exponent.bit_length()
    mask = (1 << low_bits) - 1
    return (length + mask) & ~mask


def digest_slots(descriptions: int) -> int:
    """How many digests a manifest carries for so many descriptions: 4, 8, 16 …, so the count tells little."""
    slots = 4
    while slots < descriptions:
        slots *= 2
    return slots
