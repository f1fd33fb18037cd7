"""The task force's certificates: who may be named how, what is signed, and what is refused by name."""

import ipaddress
import pickle
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from keys.certificates import (
    Authority,
    CertificateRefused,
    Kind,
    TlsKey,
    belongs,
    check,
    check_dates,
    due,
    inspect,
    inspect_all,
    issue,
    new_authority,
    new_request,
    read_request,
)
from messages.errors import BadInput, KeyTrouble, Malformed, RemoteError, ShareError, Unverified
from messages.limits import DAY, MINUTE
from tests.support.tampering import flipped

NOW = 1_795_000_000_000
AGENCY = "aharbour22222"
HOSTS = ("bus.taskforce.example", "192.0.2.7", "2001:db8::7")
NAMES = {"hosts": HOSTS}
HANDLE = {"handle": AGENCY}
ASKED = [(Kind.SERVER, NAMES), (Kind.NODE, NAMES), (Kind.CLIENT, HANDLE)]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return new_authority("Task force", NOW)


@pytest.fixture(scope="module")
def other() -> Authority:
    return new_authority("Task force", NOW)  # of the same name: a name proves nothing


def certificate(authority: Authority, kind: Kind = Kind.CLIENT, now: int = NOW, days: int = 90) -> tuple[bytes, TlsKey]:
    names = HANDLE if kind is Kind.CLIENT else NAMES
    pem, key = new_request(kind, **names)
    return issue(authority, read_request(pem), now, days), key


# what is issued


@pytest.mark.parametrize(("kind", "names"), ASKED)
def test_what_was_asked_for_is_signed_and_nothing_else(
    authority: Authority, kind: Kind, names: dict[str, tuple[str, ...] | str]
) -> None:
    pem, key = new_request(kind, **names)  # type: ignore[arg-type]
    facts = check(issue(authority, read_request(pem), NOW), authority.certificate, NOW, kind)
    assert (facts.kind, facts.hosts, facts.handle) == (kind, names.get("hosts", ()), names.get("handle"))
    assert facts.public == key.public
    assert facts.issuer == inspect(authority.certificate).key_name
    assert facts.start == (NOW - 10 * MINUTE) // 1000 * 1000 and facts.end == NOW + 90 * DAY


@pytest.mark.parametrize("handle", ["aharbour22222", "wworker222222", "oofficer22222"])
def test_a_client_is_its_opaque_handle_and_no_name(authority: Authority, handle: str) -> None:
    pem, _ = new_request(Kind.CLIENT, handle=handle)
    made = issue(authority, read_request(pem), NOW)
    assert inspect(made).handle == handle
    read = x509.load_pem_x509_certificate(made)
    holder = {"a": "agency", "w": "worker", "o": "officer"}[handle[0]]
    names = list(read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    assert names == [x509.UniformResourceIdentifier(f"urn:safeconduct:{holder}:{handle}")]
    assert read.subject.rfc4514_string() == f"CN={handle}"


def test_a_certificate_has_the_form_that_others_check(authority: Authority) -> None:
    root = x509.load_pem_x509_certificate(authority.certificate)
    own = root.extensions.get_extension_for_class(x509.BasicConstraints)
    assert own.critical and own.value.ca and own.value.path_length == 0
    assert root.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    serials = set()
    for kind, uses in (
        (Kind.SERVER, [ExtendedKeyUsageOID.SERVER_AUTH]),
        (Kind.CLIENT, [ExtendedKeyUsageOID.CLIENT_AUTH]),
        (Kind.NODE, [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
    ):
        made = x509.load_pem_x509_certificate(certificate(authority, kind)[0])
        assert list(made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == uses
        assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        usage = made.extensions.get_extension_for_class(x509.KeyUsage).value
        assert usage.digital_signature and not usage.key_cert_sign
        serials.add(made.serial_number)
    assert len(serials) == 3 and all(number.bit_length() > 128 for number in serials)


@pytest.mark.parametrize("host", ["localhost", "a.b-c.example", "x" * 63 + ".example", "192.0.2.1", "::1"])
def test_a_host_is_a_name_or_an_address(authority: Authority, host: str) -> None:
    pem, _ = new_request(Kind.SERVER, hosts=[host])
    assert inspect(issue(authority, read_request(pem), NOW)).hosts == (host,)


@pytest.mark.parametrize(
    "host",
    [
        "", "*", "*.example", "Bus.example", "bus.example.", "-bus.example", "bus..example", "bus_1.example",
        "é.example", "x" * 64,
        ".".join(["abcdefgh"] * 40), "192.0.2.300", "1.2.3", "2001:DB8::7", "fe80::1%eth0", "http://bus", "a b",
        "bus.example\n", "user@bus", "10.0.0.0/8",
    ],
)  # fmt: skip
def test_anything_else_is_no_host(host: str) -> None:
    with pytest.raises(BadInput):
        new_request(Kind.SERVER, hosts=[host])


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (Kind.SERVER, {}), (Kind.NODE, {}), (Kind.CLIENT, {}), (Kind.AUTHORITY, {}), (Kind.AUTHORITY, NAMES),
        (Kind.SERVER, {**NAMES, **HANDLE}), (Kind.CLIENT, {**NAMES, **HANDLE}), (Kind.CLIENT, NAMES),
        (Kind.SERVER, HANDLE), (Kind.SERVER, {"hosts": ["a.example"] * 2}),
        (Kind.SERVER, {"hosts": [f"h{n}.example" for n in range(17)]}),
        (Kind.CLIENT, {"handle": "cdesk22222222"}), (Kind.CLIENT, {"handle": "harbour-police"}),
        (Kind.CLIENT, {"handle": "aharbour2222"}), (Kind.CLIENT, {"handle": ""}),
    ],
)  # fmt: skip
def test_a_server_names_hosts_and_a_client_a_handle(kind: Kind, names: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        new_request(kind, **names)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "x" * 65, "bad\x1b[31m", "two\nlines"])
def test_an_authority_has_a_name_that_can_be_shown(name: str) -> None:
    with pytest.raises(BadInput):
        new_authority(name, NOW)


@pytest.mark.parametrize("days", [0, -1, 398, 10**6])
def test_no_certificate_lives_long(authority: Authority, days: int) -> None:
    with pytest.raises(BadInput):
        certificate(authority, days=days)


def test_no_certificate_outlives_its_authority(authority: Authority) -> None:
    end = inspect(authority.certificate).end
    assert inspect(certificate(authority, now=end - 90 * DAY)[0]).end == end
    with pytest.raises(BadInput, match="successor"):
        certificate(authority, now=end - 90 * DAY + 1000)
    with pytest.raises(CertificateRefused) as refused:
        certificate(authority, now=end)
    assert refused.value.why == "expired"


def test_only_the_authoritys_own_key_signs(authority: Authority, other: Authority) -> None:
    made, key = certificate(authority)
    for wrong in (Authority(authority.certificate, other.key), Authority(made, key)):
        with pytest.raises(KeyTrouble):
            certificate(wrong)


# requests


def handmade(
    change: Callable[[x509.CertificateSigningRequestBuilder], x509.CertificateSigningRequestBuilder],
    *,
    subject: str = AGENCY,
    names: list[x509.GeneralName] | None = None,
    uses: list[x509.ObjectIdentifier] | None = None,
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | None = None,
) -> bytes:
    """A request as somebody else's tool would make it."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    urn = x509.UniformResourceIdentifier(f"urn:safeconduct:agency:{AGENCY}")
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .add_extension(x509.SubjectAlternativeName([urn] if names is None else names), critical=False)
        .add_extension(x509.ExtendedKeyUsage(uses or [ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )
    signed = change(builder).sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


def as_it_is(builder: x509.CertificateSigningRequestBuilder) -> x509.CertificateSigningRequestBuilder:
    return builder


def test_a_request_of_another_tool_is_read_where_it_asks_for_the_same() -> None:
    asked = read_request(handmade(as_it_is))
    assert (asked.kind, asked.handle) == (Kind.CLIENT, AGENCY)


URN = x509.UniformResourceIdentifier
MORE = {
    "to sign others": handmade(lambda b: b.add_extension(x509.BasicConstraints(True, None), critical=True)),
    "another use": handmade(as_it_is, uses=[ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.CODE_SIGNING]),
    "any use": handmade(as_it_is, uses=[ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]),
    "a further extension": handmade(lambda b: b.add_extension(x509.OCSPNoCheck(), critical=False)),
    "a further attribute": handmade(
        lambda b: b.add_attribute(x509.oid.AttributeOID.CHALLENGE_PASSWORD, b"words")
    ),
    "a readable name": handmade(as_it_is, subject="Harbour Police"),
    "two handles": handmade(
        as_it_is, names=[URN(f"urn:safeconduct:agency:{AGENCY}"), URN("urn:safeconduct:agency:ashelter22222")]
    ),
    "handle and host": handmade(
        as_it_is, names=[URN(f"urn:safeconduct:agency:{AGENCY}"), x509.DNSName("bus.example")]
    ),
    "an agency as a worker": handmade(as_it_is, names=[URN(f"urn:safeconduct:worker:{AGENCY}")]),
    "another address": handmade(as_it_is, names=[URN("https://bus.example")]),
    "a mail address": handmade(as_it_is, names=[x509.RFC822Name("desk@police.example")]),
    "a wildcard": handmade(
        as_it_is,
        subject="safeconduct server",
        names=[x509.DNSName("*.example")],
        uses=[ExtendedKeyUsageOID.SERVER_AUTH],
    ),
    "a network": handmade(
        as_it_is,
        subject="safeconduct server",
        names=[x509.IPAddress(ipaddress.ip_network("10.0.0.0/8"))],
        uses=[ExtendedKeyUsageOID.SERVER_AUTH],
    ),
    "nobody": handmade(as_it_is, names=[]),
    "another key": handmade(as_it_is, key=ec.generate_private_key(ec.SECP384R1())),
    "another kind of key": handmade(as_it_is, key=ed25519.Ed25519PrivateKey.generate()),
}  # fmt: skip


@pytest.mark.parametrize("what", MORE)
def test_a_request_that_asks_for_more_is_refused_whole(what: str) -> None:
    with pytest.raises(Malformed):
        read_request(MORE[what])


def test_an_altered_request_is_refused() -> None:
    pem, _ = new_request(Kind.CLIENT, handle=AGENCY)
    raw = x509.load_pem_x509_csr(pem).public_bytes(serialization.Encoding.DER)
    swapped = raw.replace(AGENCY.encode(), b"ashelter22222")
    assert swapped != raw
    with pytest.raises(Unverified, match="altered"):
        read_request(x509.load_der_x509_csr(swapped).public_bytes(serialization.Encoding.PEM))


def test_request_and_certificate_have_one_fingerprint(authority: Authority) -> None:
    pem, _ = new_request(Kind.CLIENT, handle=AGENCY)
    asked = read_request(pem)
    assert inspect(issue(authority, asked, NOW)).fingerprint == asked.fingerprint
    other_pem, _ = new_request(Kind.CLIENT, handle=AGENCY)
    assert read_request(other_pem).fingerprint != asked.fingerprint
    assert len(asked.fingerprint.split()) == 8


# checks


def why(function: Callable[[], object]) -> str:
    with pytest.raises(CertificateRefused) as refused:
        function()
    assert str(refused.value).endswith(".")
    return refused.value.why


def test_a_certificate_counts_from_its_first_moment_to_its_last(authority: Authority) -> None:
    made, _ = certificate(authority)
    facts = inspect(made)
    for moment in (facts.start, NOW, facts.end - 1):
        assert check(made, authority.certificate, moment) == facts
    assert why(lambda: check(made, authority.certificate, facts.start - 1)) == "not-yet-valid"
    assert why(lambda: check(made, authority.certificate, facts.end)) == "expired"


def test_a_certificate_ends_with_its_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    key = TlsKey.new()
    monkeypatch.setattr(TlsKey, "new", lambda: key)  # one key, and an authority that lasts longer than is trusted here
    short, long = (new_authority("Task force", NOW - 300 * DAY, years) for years in (1, 2))
    monkeypatch.undo()
    made, _ = certificate(long)
    end = inspect(short.certificate).end
    assert end < inspect(made).end
    assert check(made, short.certificate, end - 1).handle == AGENCY
    assert why(lambda: check(made, short.certificate, end)) == "expired"
    assert why(lambda: check_dates(inspect(short.certificate), end)) == "expired"


def test_another_authoritys_certificate_is_refused_even_under_the_same_name(
    authority: Authority, other: Authority
) -> None:
    made, _ = certificate(authority)
    assert why(lambda: check(made, other.certificate, NOW)) == "other-authority"
    both = other.certificate + authority.certificate  # while one follows the other
    assert check(made, both, NOW).handle == AGENCY


def test_each_kind_passes_for_what_it_is_for_alone(authority: Authority) -> None:
    may = {Kind.SERVER: {Kind.SERVER}, Kind.CLIENT: {Kind.CLIENT}, Kind.NODE: {Kind.SERVER, Kind.CLIENT, Kind.NODE}}
    for kind, allowed in may.items():
        made, _ = certificate(authority, kind)
        for wanted in (Kind.SERVER, Kind.CLIENT, Kind.NODE):
            if wanted in allowed:
                assert check(made, authority.certificate, NOW, wanted).kind is kind
            else:
                assert why(lambda w=wanted, m=made: check(m, authority.certificate, NOW, w)) == "wrong-kind"  # type: ignore[misc]


def test_an_authority_is_no_machine_and_a_machine_no_authority(authority: Authority) -> None:
    made, key = certificate(authority)
    assert why(lambda: check(authority.certificate, authority.certificate, NOW)) == "wrong-kind"
    assert why(lambda: check(made, made, NOW)) == "wrong-kind"
    assert why(lambda: inspect_all(authority.certificate + made)) == "wrong-kind"
    assert belongs(made, key) and not belongs(made, TlsKey.new())


def test_renewal_is_due_thirty_days_before_the_end(authority: Authority) -> None:
    facts = inspect(certificate(authority)[0])
    assert not due(facts, NOW).renew and due(facts, NOW).days_left == 90
    assert not due(facts, facts.end - 30 * DAY - 1000).renew
    at = due(facts, facts.end - 30 * DAY)
    assert at.renew and at.days_left == 30
    assert due(facts, facts.end + 1).days_left == -1
    assert due(facts, facts.end - 60 * DAY, days=60).renew is False  # never more than the last third
    week = inspect(certificate(authority, days=9)[0])
    assert not due(week, NOW).renew and due(week, week.end - 3 * DAY).renew
    root = inspect(authority.certificate)
    assert due(root, root.end - 365 * DAY).renew and not due(root, root.end - 366 * DAY).renew


# bytes of anybody


def test_any_bytes_are_read_or_refused_by_our_own_errors(authority: Authority) -> None:
    made, key = certificate(authority)
    pem, _ = new_request(Kind.CLIENT, handle=AGENCY)
    der = x509.load_pem_x509_certificate(made).public_bytes(serialization.Encoding.DER)
    random = Random(20261120)
    read = 0
    for data, parse in (
        (made, inspect),
        (der, inspect),
        (authority.certificate, inspect_all),
        (pem, read_request),
        (key.to_pem(), TlsKey.from_pem),
    ):
        for _ in range(150):
            changed = bytearray(data)
            for _ in range(random.randint(1, 3)):
                changed[random.randrange(len(changed))] = random.randrange(256)
            for bytes_ in (bytes(changed), data[: random.randrange(len(data))]):
                try:
                    parse(bytes_)
                    read += 1
                except (RemoteError, KeyTrouble):
                    pass
    for junk in (
        b"",
        b"\x30",
        b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        b"0" * 70_000,
        made * 2,
        made * 60,
    ):
        for parse in (inspect, read_request, TlsKey.from_pem):
            with pytest.raises(ShareError):
                parse(junk)
    assert read  # some changes hit what is not read, such as the line breaks


def test_nothing_that_a_certificate_says_can_be_altered(authority: Authority) -> None:
    made, _ = certificate(authority)
    read = x509.load_pem_x509_certificate(made)
    der, said = read.public_bytes(serialization.Encoding.DER), read.tbs_certificate_bytes
    refused = 0
    for at in range(len(der)):
        try:
            check(flipped(der, at), authority.certificate, NOW)
        except RemoteError:
            refused += 1
        else:  # the count of unused bits in the signature's own wrapping, at most
            assert x509.load_der_x509_certificate(flipped(der, at)).tbs_certificate_bytes == said
    assert refused >= len(der) - 1


def test_certificates_of_other_kinds_are_not_read() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    start = datetime.fromtimestamp(NOW / 1000, UTC)
    plain = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    with pytest.raises(Malformed):
        inspect(plain.public_bytes(serialization.Encoding.PEM))


# keys


def test_a_key_is_read_back_and_prints_nothing_of_itself() -> None:
    key = TlsKey.new()
    again = TlsKey.from_pem(key.to_pem())
    assert again.public == key.public
    body = b"".join(key.to_pem().splitlines()[1:-1])
    shown = f"{key!r} {key} {Authority(b'', key)!r}".encode()
    assert shown.count(b"TlsKey(") == 3
    assert not any(body[n : n + 16] in shown for n in range(len(body) - 16))
    with pytest.raises(TypeError):
        pickle.dumps(key)


@pytest.mark.parametrize("size", [0, 1, 60, 120, 200])
def test_a_half_written_key_is_refused_in_a_sentence(size: int) -> None:
    with pytest.raises(KeyTrouble, match="cut short"):
        TlsKey.from_pem(TlsKey.new().to_pem()[:size])


def test_keys_of_other_kinds_and_sealed_ones_are_refused() -> None:
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    for other_key in (ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()):
        with pytest.raises(KeyTrouble, match="another kind"):
            TlsKey.from_pem(other_key.private_bytes(pem, form, plain))
    sealed = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        pem, form, serialization.BestAvailableEncryption(b"words")
    )
    with pytest.raises(KeyTrouble, match="sealed"):
        TlsKey.from_pem(sealed)


# another judge

OPENSSL = shutil.which("openssl")


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
def test_openssl_finds_them_in_order_for_their_purpose_alone(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(authority.certificate)

    def accepted(name: str, *more: str) -> bool:
        strict = ["-x509_strict", "-check_ss_sig", "-attime", str(NOW // 1000), "-CAfile", "ca.pem"]
        done = subprocess.run(
            [str(OPENSSL), "verify", *strict, *more, name], cwd=tmp_path, capture_output=True, timeout=60, check=False
        )
        return done.returncode == 0

    assert accepted("ca.pem")
    for kind, server, client in ((Kind.SERVER, True, False), (Kind.CLIENT, False, True), (Kind.NODE, True, True)):
        (tmp_path / f"{kind}.pem").write_bytes(certificate(authority, kind)[0])
        assert accepted(f"{kind}.pem")
        assert accepted(f"{kind}.pem", "-purpose", "sslserver") is server
        assert accepted(f"{kind}.pem", "-purpose", "sslclient") is client
    assert accepted("server.pem", "-verify_hostname", HOSTS[0]) and accepted("server.pem", "-verify_ip", HOSTS[1])
    assert not accepted("server.pem", "-verify_hostname", "other.example")
    pem, _ = new_request(Kind.SERVER, hosts=HOSTS)
    done = subprocess.run([str(OPENSSL), "req", "-verify", "-noout"], input=pem, capture_output=True, check=False)
    assert done.returncode == 0 and b"OK" in done.stderr + done.stdout
