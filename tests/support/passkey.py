"""A passkey in software (WebAuthn, Ed25519): what an authenticator and a browser answer, and what a thief's would."""

import base64
import json
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Passkey:
    """One credential; it answers as a browser at `origin` would."""

    origin: str
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    count: int = 0

    def _about(self, asked: dict[str, Any], type_: str, origin: str | None) -> bytes:
        client = {"type": type_, "challenge": asked["challenge"], "origin": origin or self.origin, "crossOrigin": False}
        return json.dumps(client).encode()

    def _data(self, flags: int, name: str | None = None) -> bytes:
        rp = name or self.origin.partition("://")[2].partition(":")[0]
        return sha256(rp.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _answer(self, response: dict[str, bytes]) -> dict[str, Any]:
        told = {name: base64url(raw) for name, raw in response.items()}
        return {"id": base64url(self.id), "rawId": base64url(self.id), "type": "public-key", "response": told}

    def register(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The answer to creation options."""
        cose = cbor2.dumps({1: 1, 3: -8, -1: 6, -2: self.key.public_key().public_bytes_raw()})
        data = self._data(PRESENT | VERIFIED | ATTESTED) + bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cose
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._about(asked, "webauthn.create", None)
        return self._answer({"clientDataJSON": client, "attestationObject": attestation})

    def answer(
        self,
        asked: dict[str, Any],
        *,
        origin: str | None = None,
        name: str | None = None,
        flags: int = PRESENT | VERIFIED,
        type_: str = "webauthn.get",
    ) -> dict[str, Any]:
        """The answer to request options; as another origin, name or kind would give it, where one is named."""
        self.count += 1
        client, data = self._about(asked, type_, origin), self._data(flags, name)
        signature = self.key.sign(data + sha256(client).digest())
        return self._answer({"clientDataJSON": client, "authenticatorData": data, "signature": signature})
