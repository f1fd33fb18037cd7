"""TLS keys and certificates as files, and the contexts made of them.

    TLS/key.pem        our private key, mode 0600 in a folder of mode 0700
    TLS/cert.pem       our certificate
    TLS/ca.pem         the task force's authority, or the old and the new one while they change
    TLS/key.new.pem    the key of a request that waits for its certificate
    TLS/request.pem    that request

    AUTHORITY/ca.key   the authority's private key, sealed like every other of ours
    AUTHORITY/ca.pem   its certificate
    AUTHORITY/issued/  a copy of every certificate that it signed

The machine's key lies here unsealed, because nats-server and Python read it so: whoever owns the machine has it, and
can stand in for the machine until the certificate ends. It opens and signs no message.

Every connection is TLS 1.3, both sides show a certificate of the task force's authority, and no session is resumed, so
an ended certificate is refused at the next connection. A context is made only of files that hold together at that
moment: modes, key, certificate, authority, dates and kind.
"""

import contextlib
import os
import ssl
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from keys import certificates, keystore
from keys.certificates import Authority, CertificateFacts, Kind, Request, TlsKey
from keys.keystore import Cost
from keys.unlocking import Passphrase
from messages.errors import BadInput, KeyTrouble, ShareError

_AUTHORITY_KEY: Final = "tls-key"


@dataclass(frozen=True, slots=True)
class Files:
    """Where a machine's TLS files lie."""

    folder: Path

    @property
    def key(self) -> Path:
        """Our private key."""
        return self.folder / "key.pem"

    @property
    def certificate(self) -> Path:
        """Our certificate."""
        return self.folder / "cert.pem"

    @property
    def authorities(self) -> Path:
        """Whom we trust to sign."""
        return self.folder / "ca.pem"

    @property
    def next_key(self) -> Path:
        """The key of a request that waits."""
        return self.folder / "key.new.pem"

    @property
    def request(self) -> Path:
        """The request that waits."""
        return self.folder / "request.pem"


class Health(StrEnum):
    """How a machine's TLS stands."""

    ABSENT = "absent"
    GOOD = "good"
    DUE = "due"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Look:
    """One finding for people: how it stands, one sentence on that, and what to do ("" where nothing)."""

    health: Health
    says: str
    do: str = ""


# a machine's files


def ask(
    files: Files, kind: Kind, *, hosts: Sequence[str] = (), handle: str | None = None, force: bool = False
) -> Request:
    """Make a key and a request for it beside what is in use, which stays as it is until `install`.

    Raises `BadInput` where a request already waits, unless `force` says to forget that one.
    """
    settle(files)
    if files.request.exists() and files.next_key.exists() and not force:
        raise BadInput(
            f"A request waits already: {files.request}; install its certificate, or make another with --force."
        )
    pem, key = certificates.new_request(kind, hosts=hosts, handle=handle)
    _own_folder(files.folder)
    files.request.unlink(missing_ok=True)  # of an older key: from here until the end there is no request at all
    _replace(files.next_key, key.to_pem(), 0o600)
    _replace(files.request, pem, 0o644)
    return certificates.read_request(pem)


def ask_again(files: Files, *, force: bool = False) -> Request:
    """`ask` for what the installed certificate says, under a new key."""
    facts = certificates.inspect(_read(files.certificate, "There is no certificate to renew; ask for one first."))
    return ask(files, facts.kind, hosts=facts.hosts, handle=facts.handle, force=force)


def install(files: Files, certificate: bytes, authorities: bytes, now: int) -> CertificateFacts:
    """Put a certificate into use with its key, or raise and leave everything as it was.

    The key is that of the waiting request, or the one in use where the certificate was only issued again.
    """
    facts = certificates.check(certificate, authorities, now)
    waiting = files.next_key.exists() and certificates.belongs(certificate, read_key(files.next_key))
    if not waiting and not (files.key.exists() and certificates.belongs(certificate, read_key(files.key))):
        raise KeyTrouble(f"This certificate is for a key that is not in {files.folder}; it answers another request.")
    _own_folder(files.folder)
    _replace(files.authorities, authorities, 0o644)
    _replace(files.certificate, certificate, 0o644)  # a crash after this is mended by `settle`
    settle(files)
    return facts


def settle(files: Files) -> None:
    """Finish an `install` that a crash cut short: the certificate in use is that of the waiting key. Repeatable."""
    try:
        fits = certificates.belongs(files.certificate.read_bytes(), read_key(files.next_key))
    except (FileNotFoundError, ShareError):
        return  # nothing waits, or what is there is for `check_files` to name
    if fits:
        files.next_key.replace(files.key)  # the old key is gone with this
        _sync(files.folder)
        files.request.unlink(missing_ok=True)


def check_files(files: Files, now: int, kind: Kind | None = None) -> CertificateFacts:
    """Prove that the files hold together and are in force, or raise what is wrong with them.

    `KeyTrouble` for the key, `CertificateRefused` for the certificate, `BadInput` for what is not there.
    """
    settle(files)
    absent = f"There is no certificate in {files.folder}; see: safeconduct tls request --help"
    certificate = _read(files.certificate, absent)
    authorities = _read(files.authorities, f"{files.authorities} is missing: the authority's certificate.")
    key = read_key(files.key)
    facts = certificates.check(certificate, authorities, now, kind)
    if facts.public != key.public:
        raise KeyTrouble(f"{files.key} is not the key of {files.certificate}; install the certificate again, or renew.")
    return facts


def look(files: Files, now: int) -> Look:
    """The state of a machine's TLS in one sentence, with what to do. Raises nothing of ours."""
    home = files.folder.parent
    if not files.certificate.exists():
        if files.request.exists():
            return Look(
                Health.ABSENT,
                "A request for a certificate waits.",
                f"Have {files.request} signed, then: safeconduct tls install --home {home} CERTIFICATE",
            )
        return Look(
            Health.ABSENT, "There is no certificate; fine on one machine.", f"safeconduct tls request --home {home}"
        )
    try:
        facts = check_files(files, now)
        trusted = certificates.inspect_all(files.authorities.read_bytes())
    except (ShareError, OSError) as error:
        return Look(Health.BROKEN, str(error), f"Mend that, or ask anew: safeconduct tls renew --home {home}")
    left = certificates.due(facts, now)
    if left.renew:
        says = f"The certificate ends on {certificates.day(facts.end)}, in {left.days_left} days."
        if files.request.exists():
            return Look(Health.DUE, says, f"Have {files.request} signed and install the certificate.")
        return Look(Health.DUE, says, f"safeconduct tls renew --home {home}")
    if all(certificates.due(one, now).renew for one in trusted):
        last = max(one.end for one in trusted)
        return Look(
            Health.DUE,
            f"The task force's authority ends on {certificates.day(last)}.",
            "Ask whoever keeps it for its successor, and install both.",
        )
    return Look(Health.GOOD, f"The certificate is good for {left.days_left} more days.")


def read_key(path: Path) -> TlsKey:
    """Check the modes and read a private key, or raise `KeyTrouble`."""
    keystore.check_modes(path)
    try:
        return TlsKey.from_pem(path.read_bytes())
    except KeyTrouble as error:
        raise KeyTrouble(f"{path}: {error}") from None


# contexts


def server_context(files: Files, now: int, *, mutual: bool = True) -> ssl.SSLContext:
    """For a server: TLS 1.3, and nobody connects without a certificate of ours unless `mutual` is False.

    Raises what `check_files` raises: a server whose certificate nobody would take does not start.
    """
    check_files(files, now, Kind.SERVER)
    context = _context(ssl.PROTOCOL_TLS_SERVER, files)
    context.num_tickets = 0  # a resumed session would not show its certificate again
    context.verify_mode = ssl.CERT_REQUIRED if mutual else ssl.CERT_NONE
    _load(context, files)
    return context


def client_context(files: Files, now: int) -> ssl.SSLContext:
    """For a client: TLS 1.3, the server's certificate and host name checked, our own shown. Raises as above."""
    check_files(files, now, Kind.CLIENT)
    context = _context(ssl.PROTOCOL_TLS_CLIENT, files)
    _load(context, files)
    return context


def guest_context(files: Files) -> ssl.SSLContext:
    """For a client that shows no certificate; it needs `ca.pem` alone."""
    certificates.inspect_all(_read(files.authorities, f"{files.authorities} is missing: the authority's certificate."))
    return _context(ssl.PROTOCOL_TLS_CLIENT, files)


def renew_context(context: ssl.SSLContext, files: Files, now: int, kind: Kind) -> CertificateFacts:
    """Take the files as they are now into a context in use; connections made from now on show the new certificate.

    Authorities are only added: one that is to be trusted no more goes with a restart.
    """
    facts = check_files(files, now, kind)
    _load(context, files)
    context.load_verify_locations(cadata=files.authorities.read_text(encoding="ascii"))
    return facts


def _context(protocol: int, files: Files) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)  # PROTOCOL_TLS_CLIENT checks host names; none takes the system's authorities
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.load_verify_locations(cadata=files.authorities.read_text(encoding="ascii"))
    return context


def _load(context: ssl.SSLContext, files: Files) -> None:
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
    except ssl.SSLError:
        raise KeyTrouble(f"{files.key} and {files.certificate} cannot be used together; renew them.") from None


def _no_password() -> str:
    raise KeyTrouble("A private key for TLS must not be sealed: nats-server could not read it.")  # and never prompt


# an authority's folder


def make_authority(
    folder: Path,
    name: str,
    passphrase: Passphrase | str,
    now: int,
    *,
    years: int = certificates.YEARS,
    cost: Cost | None = None,
) -> Authority:
    """Make an authority in `folder`, its key sealed with `passphrase`. Raises `BadInput` where one is already."""
    if (folder / "ca.key").exists() or (folder / "ca.pem").exists():
        raise BadInput(f"{folder} holds an authority already; name a new folder.")
    authority = certificates.new_authority(name, now, years)
    secrets = {_AUTHORITY_KEY: authority.key.to_pem(), "certificate": authority.certificate}
    keystore.write(folder / "ca.key", secrets, passphrase, cost or Cost())
    _replace(folder / "ca.pem", authority.certificate, 0o644)
    return authority


def open_authority(folder: Path, passphrase: Passphrase | str) -> Authority:
    """Unseal it, or raise `KeyTrouble` or `BadInput`. Its certificate is the one sealed with the key, not `ca.pem`."""
    if not (folder / "ca.key").exists():
        raise BadInput(f"{folder} is not an authority's folder; name the right one, or make it: safeconduct tls init")
    secrets = keystore.read(folder / "ca.key", passphrase)
    certificate = keystore.secret(secrets, "certificate")
    if not (folder / "ca.pem").exists():  # a crash while it was made
        _replace(folder / "ca.pem", certificate, 0o644)
    return Authority(certificate, TlsKey.from_pem(keystore.secret(secrets, _AUTHORITY_KEY)))


def remember_issued(folder: Path, certificate: bytes) -> Path:
    """Keep a copy of what was signed: who has to renew, and when."""
    path = folder / "issued" / f"{certificates.inspect(certificate).serial}.pem"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    _replace(path, certificate, 0o600)
    return path


# writing


def _own_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True)
        folder.chmod(0o700)
    elif stat.S_IMODE(folder.stat().st_mode) & keystore.OTHERS:
        raise KeyTrouble(f"Others can enter {folder}; run: chmod 700 {folder}")


def _read(path: Path, absent: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BadInput(absent) from None


def _replace(path: Path, data: bytes, mode: int) -> None:
    """The file is the old one or the new one, whatever happens; durable on return."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
