"""The trust bundle of one epoch: directory, agreements, and digests of rules and catalogue, signed by two officers.

A signed file is this version's distribution; the model (`messages.directory.Bundle`) is the contract. Officers' public
keys are the trust anchor, installed by hand. Nobody can be both signatures: keys and handles must differ.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from pydantic import ValidationError

from keys.domains import KeyKind, Tag
from keys.signing import Signer, check
from messages import cbor, limits
from messages.cbor import Reader
from messages.directory import Bundle, Directory
from messages.errors import KeyTrouble, Malformed, Stale, Unverified
from messages.ids import OfficerHandle, officer_handle

BUNDLE_BYTES: Final = 16 * 1024 * 1024
SIGNATURES: Final = 2
_BYTES_FIELDS: Final = frozenset({"signing_key", "key", "signed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The officers whose signatures count, and how many of them must agree."""

    officers: Mapping[OfficerHandle, bytes]
    threshold: int = SIGNATURES

    def __post_init__(self) -> None:
        if self.threshold < SIGNATURES or len(set(self.officers.values())) < self.threshold:
            raise KeyTrouble("The trust anchor must name at least two officers with two different keys.")

    def to_json(self) -> str:
        """The anchor as it is installed by hand."""
        return json.dumps(
            {"officers": {h: k.hex() for h, k in sorted(self.officers.items())}, "threshold": self.threshold}, indent=2
        )

    @classmethod
    def from_json(cls, text: str) -> "Anchor":
        """Read it, or raise `KeyTrouble`."""
        try:
            value = json.loads(text)
            officers = {officer_handle(h): bytes.fromhex(k) for h, k in value["officers"].items()}
            threshold = int(value["threshold"])
        except (ValueError, KeyError, TypeError, AttributeError, Malformed):
            raise KeyTrouble("The officers' keys (the trust anchor) cannot be read; install them again.") from None
        return cls(officers=officers, threshold=threshold)


def _encode(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {k: _encode(v) for k, v in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(_encode(v) for v in value)
    if isinstance(value, (list, tuple)):
        return [_encode(v) for v in value]
    return value


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            k: bytes.fromhex(v) if k in _BYTES_FIELDS and isinstance(v, str) else _decode(v) for k, v in value.items()
        }
    if isinstance(value, list):
        return [_decode(v) for v in value]
    return value


def write_body(
    *,
    epoch: int,
    created: int,
    expires: int,
    directory: Directory,
    agreements: Mapping[str, str],
    rules_digest: str,
    catalogue_digest: str,
) -> bytes:
    """The JSON that officers review and sign."""
    body = {
        "epoch": epoch,
        "created": created,
        "expires": expires,
        "directory": _encode(directory.model_dump()),
        "agreements": dict(sorted(agreements.items())),
        "rules_digest": rules_digest,
        "catalogue_digest": catalogue_digest,
    }
    return json.dumps(body, indent=1, sort_keys=True, ensure_ascii=False).encode()


def sign_bundle(body: bytes, officers: Sequence[Signer]) -> bytes:
    """The bundle's file: the body and one signature of each officer."""
    if any(o.kind is not KeyKind.OFFICER for o in officers):
        raise KeyTrouble("Only security officers sign the trust bundle.")
    return cbor.dump({"body": body, "signatures": {o.handle: o.signature(Tag.BUNDLE, body) for o in officers}})


def open_bundle(data: bytes, anchor: Anchor) -> Bundle:
    """The bundle, if enough different officers of the anchor signed it; else raise `Unverified` or `Malformed`."""
    reader = Reader(cbor.load(data, BUNDLE_BYTES, "trust bundle"), "trust bundle")
    body = reader.raw("body", 1, BUNDLE_BYTES)
    signatures = cbor.bytes_map(
        reader.map("signatures", 16), officer_handle, "signatures of the trust bundle", limits.SIGNATURE, 64
    )
    reader.end()
    signers: set[bytes] = set()
    officers: list[OfficerHandle] = []
    for officer, signature in sorted(signatures.items()):
        key = anchor.officers.get(officer)
        if key is None:
            continue
        check(key, Tag.BUNDLE, body, signature)
        signers.add(key)
        officers.append(officer)
    if len(signers) < anchor.threshold:
        raise Unverified(
            f"The trust bundle needs the signatures of {anchor.threshold} officers; it has {len(signers)}."
        )
    try:
        value = json.loads(body)
        directory = Directory.model_validate(_decode(value["directory"]))
        bundle = Bundle(
            epoch=int(value["epoch"]),
            created=int(value["created"]),
            expires=int(value["expires"]),
            directory=directory,
            agreements={str(k): str(v) for k, v in value["agreements"].items()},
            rules_digest=str(value["rules_digest"]),
            catalogue_digest=str(value["catalogue_digest"]),
            digest=sha256(data).digest(),
            officers=tuple(officers),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, ValidationError):
        raise Malformed("The trust bundle is signed but cannot be read; the officers must publish it again.") from None
    for contact in bundle.directory.contacts:
        for mandate in contact.mandates:
            granted = {anchor.officers.get(o) for o in mandate.granted_by} - {None}
            if len(granted) < anchor.threshold:
                raise Unverified("A mandate in the trust bundle was not granted by two officers.")
    return bundle


def fresh(bundle: Bundle, now: int) -> None:
    """Raise `Stale` under an expired bundle: sending stops; opening what was delivered goes on with a warning."""
    if now >= bundle.expires:
        raise Stale("The trust bundle has expired; fetch the newest one before sending.")
