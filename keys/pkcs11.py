"""A contact's signing key in a token (PKCS#11): a smart card, a security module, or SoftHSM for trying.

The key signs inside the token and never leaves it; one that could leave is refused. Its place in the token and the PIN
stand in the contact's sealed key file where the key itself would stand, so everything is unlocked with one passphrase.
Needs the extra `pkcs11` (python-pkcs11) and the token's own library, and a token that knows EdDSA over Ed25519 in its
plain form (CKM_EDDSA). The encryption keys stay in the key file: no token knows ML-KEM yet.
"""

import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, Final

from keys.domains import KeyKind, Tag, may_sign
from keys.signing import PUBLIC_KEY, check
from messages.errors import DependencyError, KeyTrouble, Unverified
from messages.limits import SIGNATURE
from messages.signed import Signed, pae

_CURVE_OID: Final = bytes.fromhex("06032b6570")
_CURVE_NAME: Final = b"\x13\x0cedwards25519"
"""CKA_EC_PARAMS of Ed25519: PKCS#11 3.0 allows its OID and its name."""
_OCTETS: Final = bytes([0x04, PUBLIC_KEY])
"""DER of an OCTET STRING of 32 bytes; PKCS#11 3.0 wants the public point in one, some tokens give it bare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """Where a key is: the token's library, the token's label, the key's label, and the PIN of its user."""

    module: str
    token: str
    label: str
    pin: str = field(repr=False)

    def to_map(self) -> dict[str, object]:
        """What stands in a key file under `token`, instead of `sign`."""
        return {"module": self.module, "token": self.token, "label": self.label, "pin": self.pin}


def token_key(secrets: Mapping[str, object]) -> TokenKey | None:
    """The place of the signing key that an unsealed key file names, or None where it holds the key itself."""
    value = secrets.get("token")
    if value is None:
        return None
    if isinstance(value, dict):
        module, token, label, pin = (value.get(name) for name in ("module", "token", "label", "pin"))
        if isinstance(module, str) and isinstance(token, str) and isinstance(label, str) and isinstance(pin, str):
            return TokenKey(module=module, token=token, label=label, pin=pin)
    raise KeyTrouble("The key file names a token in a way that cannot be read; restore it from your backup.")


class Pkcs11Signer:
    """Signs as `keys.signing.Signer` does, inside a token. `opened` alone makes one; there is nothing to export."""

    __slots__ = ("_key", "_lock", "_mechanism", "handle", "kind", "public")

    def __init__(self, kind: KeyKind, handle: str, public: bytes, key: Any, mechanism: Any) -> None:
        self.kind = kind
        self.handle = handle
        self.public = public
        self._key = key
        self._mechanism = mechanism
        self._lock = Lock()  # one session does one thing at a time

    def __repr__(self) -> str:
        return f"Pkcs11Signer({self.kind.value}, {self.handle})"

    def signature(self, tag: Tag, body: bytes) -> bytes:
        """64 bytes over `pae(tag, body)`. Raises `KeyTrouble` where this kind of key may not sign that.

        Raises `DependencyError` where the token does not answer, or what it gives does not hold: a fault in the
        making of a signature can give the key away, so none leaves here unchecked.
        """
        if not may_sign(self.kind, tag):
            raise KeyTrouble(f"A {self.kind.value}'s key does not sign a {tag.value}.")
        with self._lock, _translated():
            made = bytes(self._key.sign(pae(tag.value, body), mechanism=self._mechanism))
        try:
            check(self.public, tag, body, made)
        except Unverified:
            raise DependencyError("The token gave a signature that does not hold; nothing was signed.") from None
        return made[:SIGNATURE]

    def sign(self, tag: Tag, body: bytes) -> Signed:
        """The body with its signature, ready to travel."""
        return Signed(tag=tag.value, by=self.handle, body=body, signature=self.signature(tag, body))


@contextmanager
def opened(place: TokenKey, kind: KeyKind, handle: str) -> Iterator[Pkcs11Signer]:
    """The signer of one key while the block runs, or raise `KeyTrouble` or `DependencyError`.

    Refuses a key that is not Ed25519 or that its token would hand out.
    """
    with _session(place, writing=False) as session:
        from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass

        with _translated():
            wanted = {Attribute.LABEL: place.label, Attribute.KEY_TYPE: KeyType.EC_EDWARDS}
            private = _one(session.get_objects({**wanted, Attribute.CLASS: ObjectClass.PRIVATE_KEY}), place)
            public = _one(session.get_objects({**wanted, Attribute.CLASS: ObjectClass.PUBLIC_KEY}), place)
            if not private[Attribute.SENSITIVE] or private[Attribute.EXTRACTABLE]:
                raise KeyTrouble(f"The token would hand out the key {place.label!r}; make a new one that stays in it.")
            if bytes(public[Attribute.EC_PARAMS]) not in (_CURVE_OID, _CURVE_NAME):
                raise KeyTrouble(f"The key {place.label!r} in the token is not an Ed25519 key.")
            point = bytes(public[Attribute.EC_POINT]).removeprefix(_OCTETS)
        if len(point) != PUBLIC_KEY:
            raise KeyTrouble(f"The key {place.label!r} in the token is not an Ed25519 key.")
        yield Pkcs11Signer(kind, handle, point, private, Mechanism.EDDSA)


def make_key(place: TokenKey) -> bytes:
    """Make an Ed25519 key inside the token, never to leave it; the public half. Refuses a label that is in use."""
    with _session(place, writing=True) as session:
        from pkcs11 import Attribute, KeyType, Mechanism

        with _translated():
            if list(session.get_objects({Attribute.LABEL: place.label})):
                raise KeyTrouble(f"The token holds something called {place.label!r} already; choose another label.")
            curve = session.create_domain_parameters(KeyType.EC_EDWARDS, {Attribute.EC_PARAMS: _CURVE_OID}, local=True)
            public, _ = curve.generate_keypair(
                mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
                store=True,
                label=place.label,
                private_template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.PRIVATE: True},
            )
            return bytes(public[Attribute.EC_POINT]).removeprefix(_OCTETS)


@contextmanager
def _session(place: TokenKey, *, writing: bool) -> Iterator[Any]:
    if find_spec("pkcs11") is None:
        raise KeyTrouble("A key in a token needs python-pkcs11; install safeconduct[pkcs11].")
    _check_module(Path(place.module))
    import pkcs11

    with _translated():
        token = pkcs11.lib(place.module).get_token(token_label=place.token)
        session = token.open(rw=writing, user_pin=place.pin)
    try:
        yield session
    finally:
        with _translated():
            session.close()


def _check_module(path: Path) -> None:
    """It runs in our process: a library that others could have put there is not loaded."""
    try:
        found = path.resolve(strict=True).stat()
    except OSError:
        raise KeyTrouble(f"There is no token library at {path}; install it, or correct its path.") from None
    if not path.is_absolute() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise KeyTrouble(f"The token library {path} must be a full path to a file that others cannot write to.")


def _one(found: Any, place: TokenKey) -> Any:
    objects = list(found)
    if len(objects) != 1:
        raise KeyTrouble(
            f"The token {place.token!r} holds {len(objects)} Ed25519 keys called {place.label!r}; it must hold one."
        )
    return objects[0]


@contextmanager
def _translated() -> Iterator[None]:
    """The library's errors as ours; it says nothing of the key or the PIN, but neither do we pass its text on."""
    from pkcs11 import exceptions

    try:
        yield
    except (exceptions.PinIncorrect, exceptions.PinInvalid, exceptions.PinLenRange):
        raise KeyTrouble("The token does not take this PIN; after a few wrong ones it locks itself.") from None
    except (exceptions.PinLocked, exceptions.PinExpired):
        raise KeyTrouble(
            "The token's PIN is locked or has expired; its security officer has to set a new one."
        ) from None
    except (exceptions.NoSuchToken, exceptions.TokenNotPresent, exceptions.MultipleTokensReturned):
        raise KeyTrouble("The token is not there, or more than one has its name; plug in the right one.") from None
    except (exceptions.MechanismInvalid, exceptions.MechanismParamInvalid, exceptions.FunctionNotSupported):
        raise KeyTrouble("The token does not know EdDSA over Ed25519; it cannot hold a contact's key.") from None
    except exceptions.PKCS11Error as error:
        raise DependencyError(f"The token did not answer as it should ({type(error).__name__}); try again.") from None
