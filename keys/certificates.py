"""The task force's own small certificate authority for TLS: bytes in, bytes out; times are given, no clock is read.

A certificate says which machine is at the other end of a connection, and nothing of what it may do: that is for the
trust bundle and the login key (NKEY), asked at every connection. So nothing is revoked here: certificates live for 90
days, and an agency or contact that the bundle revokes is refused at once, whatever certificate it still holds.

Keys are ECDSA P-256, which nats-server, Python and every browser take (no browser takes Ed25519 in TLS). A private key
is made where it is used; what travels is a request that the key itself has signed. A client's certificate carries its
opaque handle and no name, because it is shown to whoever runs the server.

    authority   signs the others, and none that signs further ones; its key is sealed and needed only to sign
    server      names hosts; made for the broker's HTTP endpoint and a single message bus
    client      names one handle: an agency ("a…"), a worker of the broker ("w…") or an officer ("o…")
    node        names hosts, and is both: servers of a cluster call each other

Not checked here: whether a handle or host belongs to whoever asks. The person who signs compares the fingerprint of the
request over the telephone first.
"""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from keys.fingerprints import fingerprint
from messages import ids
from messages.errors import BadInput, KeyTrouble, Malformed, Unverified
from messages.limits import DAY, MINUTE

YEARS: Final = 10  # of an authority
DAYS: Final = 90  # of a certificate: what revocation there is
MAX_DAYS: Final = 397  # longer than a year is no short life; browsers refuse more
WARNING_DAYS: Final = 30  # before the end of a certificate, when it is time to renew
AUTHORITY_WARNING_DAYS: Final = 365  # of an authority: everybody has to install its successor
PEM_BYTES: Final = 64 * 1024
HOSTS: Final = 16
AUTHORITIES: Final = 4  # the one in use and its successor, with room
_EARLY: Final = 10 * MINUTE  # a certificate begins that much before it is signed, for clocks that are slow
_HOST: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_URN: Final = re.compile(r"urn:safeconduct:(agency|worker|officer):([awo][a-z2-7]{12})", re.ASCII)
_HOLDERS: Final = {"a": "agency", "w": "worker", "o": "officer"}


class Kind(StrEnum):
    """What a certificate is for."""

    AUTHORITY = "authority"
    SERVER = "server"
    CLIENT = "client"
    NODE = "node"


_USES: Final[dict[Kind, tuple[ObjectIdentifier, ...]]] = {
    Kind.SERVER: (ExtendedKeyUsageOID.SERVER_AUTH,),
    Kind.CLIENT: (ExtendedKeyUsageOID.CLIENT_AUTH,),
    Kind.NODE: (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH),
}
_REQUESTED: Final = {x509.SubjectAlternativeName.oid, x509.ExtendedKeyUsage.oid}
_SERVES: Final = frozenset({Kind.SERVER, Kind.NODE})


class CertificateRefused(Unverified):
    """A certificate is not one to trust for what it is shown for.

    `why`: expired, not-yet-valid, other-authority, wrong-kind.
    """

    code = "certificate-refused"
    says = "The certificate is not one to trust here."

    def __init__(self, why: str = "other-authority", sentence: str = "") -> None:
        super().__init__(sentence)
        self.why = why


class TlsKey:
    """A private key for TLS. It prints nothing of itself."""

    __slots__ = ("_key", "public")

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.public = _public(key.public_key())  # SubjectPublicKeyInfo, DER

    def __repr__(self) -> str:
        return "TlsKey(…)"

    @classmethod
    def new(cls) -> "TlsKey":
        """A fresh one."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, pem: bytes) -> "TlsKey":
        """Read it back, or raise `KeyTrouble`."""
        try:
            key = load_pem_private_key(pem, password=None)
        except Exception:  # the library raises many kinds; for a sealed key, TypeError
            raise KeyTrouble("This is no private key for TLS; it is cut short, sealed, or something else.") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise KeyTrouble("This private key for TLS is of another kind than Safeconduct makes (ECDSA P-256).")
        return cls(key)

    def to_pem(self) -> bytes:
        """PKCS#8, not encrypted: TLS servers read nothing else. For a file of mode 0600 alone."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def _sign_request(self, builder: x509.CertificateSigningRequestBuilder) -> bytes:
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def _sign_certificate(self, builder: x509.CertificateBuilder) -> bytes:
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)


@dataclass(frozen=True, slots=True)
class Authority:
    """Who signs certificates: its own certificate (PEM), and the key."""

    certificate: bytes
    key: TlsKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody asks for, whose key has signed exactly that. Made by `read_request` alone."""

    kind: Kind
    hosts: tuple[str, ...]
    handle: str | None
    public: bytes

    @property
    def fingerprint(self) -> str:
        """Of the key, for the telephone; the certificate for it has the same."""
        return fingerprint(self.public)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """What a certificate says of itself; nothing of this is proved before `check`."""

    kind: Kind
    name: str
    hosts: tuple[str, ...]
    handle: str | None
    start: int
    end: int  # exclusive, as everywhere here; the certificate itself names the last second
    serial: str
    issuer: str  # the name of the key that signed, as the certificate gives it (hexadecimal)
    key_name: str  # the same of its own key
    public: bytes

    @property
    def fingerprint(self) -> str:
        """Of the key, for the telephone."""
        return fingerprint(self.public)


@dataclass(frozen=True, slots=True)
class Due:
    """How many whole days are left (negative once it has ended), and whether it is time to renew."""

    days_left: int
    renew: bool


def new_authority(name: str, now: int, years: int = YEARS) -> Authority:
    """A fresh authority. `name` is seen by everybody who connects: the task force's public name, or none of it."""
    if not 1 <= len(name) <= 64 or not name.isprintable():
        raise BadInput("An authority's name has 1 to 64 printable characters.")
    if not 1 <= years <= 20:
        raise BadInput("An authority lasts 1 to 20 years.")
    key = TlsKey.new()
    builder = (
        _builder(_named(name), _named(name), key.public, now - _EARLY, now + years * 365 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier(_key_name(key.public), None, None), critical=False)
    )
    return Authority(key._sign_certificate(builder), key)


def new_request(kind: Kind, *, hosts: Sequence[str] = (), handle: str | None = None) -> tuple[bytes, TlsKey]:
    """The request (PEM) to send to the authority, and the private key to keep.

    A server or node names its hosts, DNS names or addresses; a client its handle. Raises `BadInput` otherwise.
    """
    names = _asked(kind, tuple(hosts), handle)
    key = TlsKey.new()
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(_subject(kind, handle))
        .add_extension(names, critical=False)
        .add_extension(x509.ExtendedKeyUsage(_USES[kind]), critical=False)
    )
    return key._sign_request(builder), key


def read_request(pem: bytes) -> Request:
    """What is asked for; or raise `Malformed`, or `Unverified` where its signature does not hold.

    A request that asks for anything Safeconduct's own would not (another extension, a wildcard, the right to sign
    others) is refused whole: nothing of it is left out in silence.
    """
    with _reading("a request for a certificate"):
        asked = x509.load_pem_x509_csr(_bounded(pem))
        signed = asked.is_signature_valid
        extensions = asked.extensions
        subject = asked.subject
        public = _public(asked.public_key())
        hosts, handle = _names_of(extensions)
        kind = _kind_of(extensions)
        oids = {e.oid for e in extensions}
        attributes = len(list(asked.attributes))
    if not signed:
        raise Unverified("The signature of this request does not hold: it was altered, or its key is not the asker's.")
    if kind is None or kind is Kind.AUTHORITY or oids != _REQUESTED or attributes != 1:
        raise Malformed("This request asks for more or other than a certificate of Safeconduct has.")
    try:
        _asked(kind, hosts, handle)
    except BadInput as error:
        raise Malformed(f"This request cannot be granted. {error}") from None
    if subject != _subject(kind, handle):
        raise Malformed("This request asks for more or other than a certificate of Safeconduct has.")
    return Request(kind=kind, hosts=hosts, handle=handle, public=public)


def issue(authority: Authority, request: Request, now: int, days: int = DAYS) -> bytes:
    """The certificate (PEM) for what was asked, from a little before `now` for `days`.

    Raises `BadInput` where the authority would end first: everybody needs its successor by then.
    """
    if not 1 <= days <= MAX_DAYS:
        raise BadInput(f"A certificate lasts 1 to {MAX_DAYS} days.")
    own = inspect(authority.certificate)
    if own.kind is not Kind.AUTHORITY or own.public != authority.key.public:
        raise KeyTrouble("The authority's key does not belong to its certificate.")
    check_dates(own, now)
    end = now + days * DAY
    if end > own.end:
        raise BadInput(
            f"The authority itself ends on {day(own.end)}, before this certificate would; make its successor now."
        )
    builder = (
        _builder(
            _subject(request.kind, request.handle),
            _subject_of(authority.certificate),
            request.public,
            max(now - _EARLY, own.start),
            end,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(_USES[request.kind]), critical=False)
        .add_extension(_asked(request.kind, request.hosts, request.handle), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier(_key_name(authority.key.public), None, None), critical=False)
    )
    return authority.key._sign_certificate(builder)


def inspect(certificate: bytes) -> CertificateFacts:
    """What one certificate (PEM, or DER as a TLS connection gives it) says; or raise `Malformed`.

    A certificate of another kind than the four of this module is not read.
    """
    with _reading("a certificate"):
        return _facts(_load(certificate))


def inspect_all(pem: bytes) -> tuple[CertificateFacts, ...]:
    """The same for a file of several: the authorities that somebody trusts. At least one, and of that kind."""
    with _reading("a file of certificates"):
        found = tuple(_facts(c) for c in _load_all(pem))
    if not all(f.kind is Kind.AUTHORITY for f in found):
        raise CertificateRefused("wrong-kind", "This is the certificate of a machine where an authority's is wanted.")
    return found


def check(certificate: bytes, authorities: bytes, now: int, kind: Kind | None = None) -> CertificateFacts:
    """What it says, proved: one of `authorities` (PEM) signed it, both are in force, and it is for `kind`.

    A node's certificate passes as a server's and as a client's. Raises `CertificateRefused`, or `Malformed`.
    """
    facts = inspect(certificate)
    trusted = inspect_all(authorities)
    with _reading("a certificate"):
        leaf, signers = _load(certificate), _load_all(authorities)
    signer = next((f for f, c in zip(trusted, signers, strict=True) if _signed_by(leaf, c)), None)
    if signer is None:
        raise CertificateRefused("other-authority", "The certificate was not signed by the authority that is trusted.")
    if facts.kind is Kind.AUTHORITY:
        raise CertificateRefused("wrong-kind", "This is an authority's certificate where a machine's is wanted.")
    if not (kind is None or facts.kind is kind or (facts.kind is Kind.NODE and kind in (Kind.SERVER, Kind.CLIENT))):
        raise CertificateRefused("wrong-kind", f"This is the certificate of a {facts.kind}, not of a {kind}.")
    check_dates(facts, now)
    check_dates(signer, now)
    return facts


def check_dates(facts: CertificateFacts, now: int) -> None:
    """Raise `CertificateRefused` unless `now` lies in the certificate's time."""
    what = "authority's certificate" if facts.kind is Kind.AUTHORITY else "certificate"
    if now < facts.start:
        raise CertificateRefused(
            "not-yet-valid", f"The {what} begins on {day(facts.start)}; look at this machine's clock."
        )
    if now >= facts.end:
        raise CertificateRefused("expired", f"The {what} ended on {day(facts.end)}; it has to be renewed.")


def due(facts: CertificateFacts, now: int, days: int | None = None) -> Due:
    """Whether to renew: `days` before the end, by default 30, or the last third of a shorter life; a year for an
    authority.
    """
    wanted = days if days is not None else (AUTHORITY_WARNING_DAYS if facts.kind is Kind.AUTHORITY else WARNING_DAYS)
    ahead = min(wanted * DAY, (facts.end - facts.start) // 3)
    return Due((facts.end - now) // DAY, now >= facts.end - ahead)


def belongs(certificate: bytes, key: TlsKey) -> bool:
    """Whether the certificate is for this key."""
    return inspect(certificate).public == key.public


def day(moment: int) -> str:
    """A date as people read it."""
    return f"{datetime.fromtimestamp(moment / 1000, UTC):%Y-%m-%d %H:%M} UTC"


# names and extensions


def _asked(kind: Kind, hosts: tuple[str, ...], handle: str | None) -> x509.SubjectAlternativeName:
    """The one form in which hosts or a handle stand in a certificate, or raise `BadInput`."""
    if kind is Kind.AUTHORITY:
        raise BadInput("An authority is not asked for; it is made.")
    if kind is Kind.CLIENT:
        if hosts or handle is None or handle[:1] not in _HOLDERS:
            raise BadInput("A client's certificate names its handle (a…, w… or o…), and no host.")
        try:
            ids.signer_handle(handle)
        except Malformed:
            raise BadInput("This is not a handle; one is a letter and twelve more of a-z and 2-7.") from None
        return x509.SubjectAlternativeName(
            [x509.UniformResourceIdentifier(f"urn:safeconduct:{_HOLDERS[handle[0]]}:{handle}")]
        )
    if handle is not None or not 1 <= len(hosts) <= HOSTS or len(set(hosts)) != len(hosts):
        raise BadInput(f"A {kind}'s certificate names 1 to {HOSTS} different hosts, and no handle.")
    return x509.SubjectAlternativeName([_host(h) for h in hosts])


def _host(text: str) -> x509.GeneralName:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        pass
    else:
        if str(address) != text or "%" in text:
            raise BadInput(f"Write the address {text[:64]!r} in its short form, without an interface.")
        return x509.IPAddress(address)
    if not _HOST.fullmatch(text) or text.rpartition(".")[2].isdigit():
        raise BadInput(f"{text[:64]!r} is no host: a DNS name in small letters without wildcard, or an address.")
    return x509.DNSName(text)


def _names_of(extensions: x509.Extensions) -> tuple[tuple[str, ...], str | None]:
    """Hosts and handle, or raise `Malformed` at any other kind of name."""
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return (), None
    hosts: list[str] = []
    handles: list[str] = []
    for name in names:
        if isinstance(name, x509.DNSName):
            hosts.append(name.value)
        elif isinstance(name, x509.IPAddress):
            hosts.append(str(name.value))
        elif isinstance(name, x509.UniformResourceIdentifier):
            found = _URN.fullmatch(name.value)
            if not found or _HOLDERS[found[2][0]] != found[1]:
                raise Malformed("This names somebody in a way that no certificate of Safeconduct does.")
            handles.append(found[2])
        else:
            raise Malformed("This names somebody in a way that no certificate of Safeconduct does.")
    if len(handles) > 1:
        raise Malformed("This names somebody in a way that no certificate of Safeconduct does.")
    return tuple(hosts), handles[0] if handles else None


def _kind_of(extensions: x509.Extensions) -> Kind | None:
    try:
        if extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return Kind.AUTHORITY
    except x509.ExtensionNotFound:
        pass
    try:
        uses = tuple(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return None
    return next((kind for kind, known in _USES.items() if uses == known), None)


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_name(public: bytes) -> bytes:
    """How certificates point to each other's keys: 160 bits of SHA-256 (RFC 7093, method 1, over the whole key)."""
    return sha256(public).digest()[:20]


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _subject(kind: Kind, handle: str | None) -> x509.Name:
    """What stands in the subject, which nothing reads: a handle, or the kind. Hosts can be too long for it."""
    return _named(handle or f"safeconduct {kind}")


def _subject_of(certificate: bytes) -> x509.Name:
    return _load(certificate).subject


def _builder(subject: x509.Name, issuer: x509.Name, public: bytes, start: int, end: int) -> x509.CertificateBuilder:
    key = load_der_public_key(public)
    if not isinstance(key, ec.EllipticCurvePublicKey):  # `_public` gave it out
        raise KeyTrouble("This key is of another kind than Safeconduct makes (ECDSA P-256).")
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())  # 159 random bits
        .not_valid_before(_moment(start))
        .not_valid_after(_moment(end) - timedelta(seconds=1))  # the last second that counts
        .add_extension(x509.SubjectKeyIdentifier(_key_name(public)), critical=False)
    )


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds // 1000, UTC)


# reading


@contextmanager
def _reading(what: str) -> Iterator[None]:
    """Whatever the library raises at bytes that somebody sent becomes `Malformed`; our own errors pass."""
    try:
        yield
    except (Malformed, Unverified):
        raise
    except Exception:  # it raises many kinds: ValueError, its own, and UnsupportedAlgorithm
        raise Malformed(f"This is not {what} as Safeconduct writes it.") from None


def _bounded(data: bytes) -> bytes:
    if len(data) > PEM_BYTES:
        raise Malformed(f"This file is too long for certificates: more than {PEM_BYTES // 1024} KiB.")
    return data


def _load(certificate: bytes) -> x509.Certificate:
    if certificate[:1] == b"\x30":
        return x509.load_der_x509_certificate(_bounded(certificate))
    (found,) = x509.load_pem_x509_certificates(_bounded(certificate))
    return found


def _load_all(pem: bytes) -> list[x509.Certificate]:
    found = x509.load_pem_x509_certificates(_bounded(pem))
    if len(found) > AUTHORITIES:
        raise Malformed(f"This file holds more than {AUTHORITIES} certificates.")
    return found


def _facts(certificate: x509.Certificate) -> CertificateFacts:
    extensions = certificate.extensions
    kind = _kind_of(extensions)
    hosts, handle = _names_of(extensions)
    if kind is None or (kind in _SERVES) != bool(hosts) or (kind is Kind.CLIENT) != (handle is not None):
        raise ValueError("not one of our four kinds")
    (name,) = certificate.subject
    if not str(name.value).isprintable():  # it is shown on a terminal
        raise ValueError("not a name")
    issuer = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    return CertificateFacts(
        kind=kind,
        name=str(name.value),
        hosts=hosts,
        handle=handle,
        start=_milliseconds(certificate.not_valid_before_utc),
        end=_milliseconds(certificate.not_valid_after_utc) + 1000,
        serial=f"{certificate.serial_number:x}",
        issuer=(issuer or b"").hex(),
        key_name=extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest.hex(),
        public=_public(certificate.public_key()),
    )


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


def _signed_by(certificate: x509.Certificate, signer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(signer)
    except Exception:  # InvalidSignature, ValueError or TypeError: not signed by it, in any case
        return False
    return True


def _public(key: object) -> bytes:
    """SubjectPublicKeyInfo in DER, or raise `Malformed` for another kind of key than ours."""
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Malformed("This key is of another kind than Safeconduct makes (ECDSA P-256).")
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
