"""The bounds of docs/envelope.md section 9 that a reader without private keys needs. A test holds them to the page."""

from typing import Final

ENVELOPE_BYTES: Final = 4 * 1024 * 1024  # also of a view, an evidence and any other signed object
STORED_BYTES: Final = 2 * ENVELOPE_BYTES  # of an entry's body and a delivery, which hold such things
MANIFEST_BYTES: Final = 32 * 1024
OPENING_BYTES: Final = 8 * 1024  # each of outer part and detail
SECTION_BYTES: Final = 1024 * 1024  # of plaintext; padding at most doubles it
SECTIONS: Final = 64
GRANTS: Final = 256
DIGESTS: Final = 512  # also of openings
ATTESTATIONS: Final = 512
ATTESTATION_BYTES: Final = 32 * 1024  # also of a stamp and a record
COUNTRIES: Final = 64  # of REL TO
TEXT: Final = 256  # characters of the longest code, name or handle
KIND: Final = 40
TAG_TEXT: Final = 64
RULE: Final = 64  # characters of a rule id, or of the code why all was rejected
RULES: Final = 64
LIFETIME: Final = 90 * 24 * 3_600_000  # milliseconds between `created` and `expires`

SALT: Final = 16
DIGEST: Final = 32
SIGNATURE: Final = 64
SECTION_KEY: Final = 32
NONCE: Final = 24
TAG: Final = 16
ENCAPSULATION: Final = 1120

MIN_SECTION: Final = NONCE + TAG + 1
MAX_SECTION: Final = NONCE + TAG + 2 * SECTION_BYTES


def grant_length(sections: int) -> int:
    """The one length that a grant over so many sections has."""
    return ENCAPSULATION + SECTION_KEY * sections + TAG


def digest_slots(descriptions: int) -> int:
    """How many digests a manifest over so many descriptions has: 4, 8, 16 …"""
    slots = 4
    while slots < descriptions:
        slots *= 2
    return slots
