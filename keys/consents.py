"""The id of a consent is a hash of its terms: whoever attests the id has attested the terms."""

from dataclasses import replace

from keys.signing import digest
from messages.attestations import Consent

_BLANK = bytes(16)


def consent_id(consent: Consent) -> bytes:
    """16 bytes of SHA-256 over `pae("consent-terms", body with a blank id)` (docs/envelope.md)."""
    return digest("consent-terms", replace(consent, id=_BLANK).to_bytes())[:16]


def with_id(consent: Consent) -> Consent:
    """The consent with the id that its terms give it; the id it came with is ignored."""
    return replace(consent, id=consent_id(consent))
