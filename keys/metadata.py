"""TUF metadata (The Update Framework 1.0) of the trust bundle: keys, signatures, our own fields, and refusals.

The bytes that are signed are TUF's own (canonical JSON, which begins with a brace), without our domain tag: they cannot
be mistaken for a `pae`, which begins with "safeconduct". python-tuf's own client reads all of this unchanged; the field
`safeconduct` holds what TUF does not know: for whom an extract is, and its epoch.

Roles. `root` (offline, of the root holders) names the officers' keys for `targets` and the broker's online key for
`snapshot` and `timestamp`. `targets` is the top of one extract; it delegates `contacts/HANDLE.json` of each agency that
it tells of to a role named as that agency, whose keys are the officers' and its head's, two of them needed.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final, NewType, TypeVar

from securesystemslib.exceptions import Error as LibraryError
from securesystemslib.signer import Key, Signature, SSlibKey
from securesystemslib.signer import Signer as LibrarySigner
from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    UnsignedMetadataError,
)
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Signed,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization import DeserializationError, SerializationError

from keys.canonical import ED25519, RememberingKey, canonical
from keys.signing import Signer
from messages.errors import BundleRefused, DependencyError, KeyTrouble, Malformed, ShareError
from messages.limits import DAY

FIELD: Final = "safeconduct"
HOLDERS: Final = "holders"
TITLE: Final = 200
FULL: Final = "full"
"""The audience of the whole bundle: officers and broker."""
TARGETS_LIFETIME: Final = 7 * DAY
ONLINE_LIFETIME: Final = 3 * DAY
ROOT_LIFETIME: Final = 2 * 365 * DAY
THRESHOLD: Final = 2
ROOT_BYTES: Final = 512_000
METADATA_BYTES: Final = 32_000_000
"""Of one file of a bundle: officers and broker of ten thousand agencies with two agreements each need half of it."""

Audience = NewType("Audience", str)  # an agency's handle, or FULL
S = TypeVar("S", Root, Timestamp, Snapshot, Targets)


def public_key(raw: bytes) -> SSlibKey:
    """An Ed25519 public key as TUF names it; its id is the SHA-256 of its canonical form."""
    return RememberingKey(_keyid(raw), ED25519, ED25519, {"public": raw.hex()})


@lru_cache(maxsize=4096)
def _keyid(raw: bytes) -> str:
    value = {"keytype": ED25519, "scheme": ED25519, "keyval": {"public": raw.hex()}}
    return sha256(str(canonical(value)).encode()).hexdigest()


def raw_key(key: Key) -> bytes:
    """The 32 bytes of a key of ours, or raise `Malformed`."""
    try:
        raw = bytes.fromhex(key.keyval["public"])
    except (KeyError, ValueError, TypeError):
        raw = b""
    if key.keytype != ED25519 or key.scheme != ED25519 or len(raw) != 32:
        raise Malformed("The trust bundle names a key that is not Ed25519.")
    return raw


class KeystoreSigner(LibrarySigner):
    """A key of our keystore as the library's signer. It cannot be made from a URI: keys come from the keystore."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._public = public_key(signer.public)

    @classmethod
    def from_priv_key_uri(cls, priv_key_uri: str, public_key: Key, secrets_handler: Any = None) -> "KeystoreSigner":
        """Raises `KeyTrouble`, always: a private key's place is the keystore, and no URI names one there."""
        raise KeyTrouble("A key that signs the trust bundle is opened from its sealed file, not from a URI.")

    @property
    def public_key(self) -> SSlibKey:
        """The public half."""
        return self._public

    def sign(self, payload: bytes) -> Signature:
        """Sign metadata; raises `KeyTrouble` where this kind of key signs none."""
        return Signature(self._public.keyid, self._signer.sign_metadata(payload).hex())


def sign(metadata: Metadata[S], signer: Signer) -> None:
    """Add this signer's signature, or renew it. Raises `KeyTrouble` where this kind of key signs none."""
    try:
        metadata.sign(KeystoreSigner(signer), append=True)
    except UnsignedMetadataError as error:  # the library's name for whatever its signer raised
        if isinstance(error.__cause__, ShareError):
            raise error.__cause__ from None
        raise


def moment(at: int) -> datetime:
    """Milliseconds as TUF's expiry: whole seconds, UTC."""
    return datetime.fromtimestamp(at // 1000, UTC)


def expiry(signed: Signed) -> int:
    """TUF's expiry as milliseconds."""
    return int(signed.expires.timestamp()) * 1000


def ours(signed: Signed) -> Mapping[str, Any]:
    """The field `safeconduct`, or raise `Malformed`."""
    found = signed.unrecognized_fields.get(FIELD)
    if not isinstance(found, dict):
        raise Malformed("This is TUF metadata of another system: it lacks the field `safeconduct`.")
    return found


def parse(data: bytes, kind: type[S], what: str) -> Metadata[S]:
    """The metadata in `data`, unverified, or raise `BundleRefused` (truncated, altered)."""
    if len(data) > METADATA_BYTES:
        raise BundleRefused("too-large", f"The {what} of the trust bundle is too large.")
    try:
        found: Metadata[Any] = Metadata.from_bytes(data)
    except (DeserializationError, RecursionError):
        raise BundleRefused("unreadable", f"The {what} of the trust bundle cannot be read.") from None
    if not isinstance(found.signed, kind):
        raise BundleRefused("unreadable", f"Something else stands where the {what} of the trust bundle should.")
    return found


def payload(metadata: Metadata[S]) -> bytes:
    """The bytes that its signatures are over, or raise `BundleRefused`: it holds what the canonical form has not."""
    try:
        return metadata.signed_bytes
    except (SerializationError, RecursionError):
        raise BundleRefused("unreadable", "A part of the trust bundle cannot be read.") from None


def role_keys(root: Metadata[Root], name: str) -> dict[str, Key]:
    """The keys of one of the root's roles, by id."""
    return {k: root.signed.keys[k] for k in root.signed.roles[name].keyids if k in root.signed.keys}


def new_root(
    holders: Iterable[bytes], officers: Iterable[bytes], online: Iterable[bytes], now: int, *, version: int = 1,
    threshold: int = THRESHOLD, titles: Mapping[bytes, str] = MappingProxyType({}),
) -> Metadata[Root]:  # fmt: skip
    """Unsigned root metadata: who holds the root, who are the officers, and which keys are online.

    `titles` say of a holder's key who that is: for the people who review and sign, and nothing is decided by them.
    """
    holders = list(holders)
    told = {FIELD: {HOLDERS: {_keyid(k): titles[k] for k in holders if k in titles}}} if titles else None
    root = Root(
        version=version,
        expires=moment(now + ROOT_LIFETIME),
        consistent_snapshot=True,
        unrecognized_fields=told,
    )
    for name, keys in (("root", holders), ("targets", officers), ("snapshot", online), ("timestamp", online)):
        for raw in keys:
            root.add_key(public_key(raw), name)
    root.roles["root"].threshold = threshold
    root.roles["targets"].threshold = THRESHOLD
    metadata = Metadata(root)
    check_root(metadata)
    return metadata


def titles_of(root: Metadata[Root]) -> dict[bytes, str]:
    """Who the holders of a root are, by key, as far as it says so."""
    told = root.signed.unrecognized_fields.get(FIELD)
    named = told.get(HOLDERS) if isinstance(told, dict) else None
    known = role_keys(root, "root")
    return {
        raw_key(known[keyid]): title
        for keyid, title in (named.items() if isinstance(named, dict) else ())
        if keyid in known and isinstance(title, str) and 0 < len(title) <= TITLE and title.isprintable()
    }


def check_root(metadata: Metadata[Root]) -> None:
    """Raise `BundleRefused` unless at least two different people hold the root, and two others or the same the targets.

    TUF counts key ids; two ids of one key would make one person two. Their ids are the keys' own digests here.
    """
    root = metadata.signed
    for name, needed in (("root", THRESHOLD), ("targets", THRESHOLD), ("snapshot", 1), ("timestamp", 1)):
        check_keys(role_keys(metadata, name), root.roles[name].threshold, needed)
    if not root.consistent_snapshot:
        raise BundleRefused("unreadable", "The root of the trust bundle lacks consistent snapshots.")


def check_keys(keys: Mapping[str, Key], threshold: int, needed: int) -> None:
    """Raise `BundleRefused` unless these are enough different keys, each under its own id."""
    raws = {raw_key(k) for k in keys.values()}
    if any(_keyid(raw_key(k)) != keyid for keyid, k in keys.items()):
        raise BundleRefused("unsigned", "The trust bundle names a key under an id that is not its own.")
    if threshold < needed or len(raws) < threshold:
        raise BundleRefused("unsigned", f"The trust bundle would be content with fewer than {needed} people's word.")


def signers(metadata: Metadata[S], keys: Mapping[str, Key], signed: bytes) -> frozenset[bytes]:
    """The raw ones of these keys whose signatures over `signed` hold."""
    found = set()
    for keyid, signature in metadata.signatures.items():
        key = keys.get(keyid)
        if key is not None:
            try:
                key.verify_signature(signature, signed)
            except LibraryError:
                continue
            found.add(raw_key(key))
    return frozenset(found)


def refusal(error: Exception) -> ShareError:
    """What python-tuf's client raised, in our words: a `BundleRefused` that names what was tried, or a fault."""
    match error:
        case ShareError():
            return error
        case DownloadLengthMismatchError():
            return BundleRefused("too-large", "The server sent more than the trust bundle can be; nothing was taken.")
        case DownloadHTTPError() if error.status_code in (401, 403):
            return BundleRefused("refused", "The broker does not give us a trust bundle: our login may be revoked.")
        case DownloadError():
            return DependencyError("The trust bundle cannot be fetched now; the one we have stays in use.")
        case ExpiredMetadataError():
            frozen = any(name in str(error) for name in ("timestamp", "snapshot"))
            return (
                BundleRefused(
                    "frozen",
                    "The broker offers no trust bundle of the last days; it may hold some back: tell the officers.",
                )
                if frozen
                else BundleRefused("expired", "The trust bundle has expired; the officers have to sign it again.")
            )
        case BadVersionNumberError():
            return BundleRefused("rolled-back", "An older trust bundle than ours was offered. Tell the officers.")
        case LengthOrHashMismatchError():
            return BundleRefused("mixed", "Parts of different trust bundles were offered together. Tell the officers.")
        case UnsignedMetadataError():
            return BundleRefused("unsigned", "The trust bundle lacks the signatures of enough officers.")
        case RepositoryError():
            return BundleRefused("unreadable", "What was offered as the trust bundle cannot be read.")
        case OSError():
            return DependencyError(f"The trust bundle cannot be stored ({error.strerror or type(error).__name__}).")
        case _:
            return BundleRefused("unreadable", "What was offered as the trust bundle cannot be read.")


__all__ = [
    "FIELD",
    "FULL",
    "THRESHOLD",
    "Audience",
    "DelegatedRole",
    "Delegations",
    "KeystoreSigner",
    "MetaFile",
    "Metadata",
    "Root",
    "Snapshot",
    "TargetFile",
    "Targets",
    "Timestamp",
]
