"""TLS between real peers: Python's, nats-server's and openssl's, each refusal by name; and files after a crash."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import nats
import nats.errors
import pytest
import urllib3
from aiohttp import web
from nats.aio.client import Client

from bus.server import find_binary
from keys import certificates, keystore, tls
from keys.certificates import Authority, CertificateRefused, Kind, inspect, issue, new_authority
from keys.keystore import Cost
from keys.tls import Files, Health, check_files, client_context, guest_context, install, look, server_context
from messages.errors import BadInput, KeyTrouble
from messages.limits import DAY
from tests.support.patience import PATIENCE

NOW = time.time_ns() // 1_000_000_000 * 1000  # what looks at our certificates here has a clock of its own
AGENCY = "aharbour22222"
HOSTS = ("localhost", "127.0.0.1")
CHEAP = Cost(1, keystore.MIN_MEMORY)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return new_authority("Task force", NOW - 200 * DAY)


def made(folder: Path, authority: Authority, kind: Kind, now: int = NOW, *, hosts: tuple[str, ...] = HOSTS) -> Files:
    """A machine with everything installed as of `now`."""
    files = Files(folder / "tls")
    client = kind is Kind.CLIENT
    asked = tls.ask(files, kind, hosts=() if client else hosts, handle=AGENCY if client else None)
    install(files, issue(authority, asked, now), authority.certificate, now)
    return files


def server_of(folder: Path, authority: Authority) -> Files:
    return made(folder / "server", authority, Kind.SERVER)


def client_of(folder: Path, authority: Authority) -> Files:
    return made(folder / "client", authority, Kind.CLIENT)


def bare(files: Files, protocol: int) -> ssl.SSLContext:
    """A context of somebody who checks nothing of itself before it connects."""
    context = ssl.SSLContext(protocol)
    context.load_cert_chain(files.certificate, files.key)
    context.load_verify_locations(files.authorities)
    if protocol == ssl.PROTOCOL_TLS_SERVER:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class Meeting:
    """What each side of one connection found: the other's certificate, or why it would not go on."""

    def __init__(self) -> None:
        self.server = self.client = ""
        self.shown: bytes | None = None
        self.version: str | None = None
        self.resumed = False


def meet(server: ssl.SSLContext, client: ssl.SSLContext, host: str = "localhost") -> Meeting:
    """Connect the two over the loopback; the server greets whom it takes."""
    found = Meeting()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)

        def serve() -> None:
            plain, _ = listener.accept()
            plain.settimeout(PATIENCE)
            try:
                with server.wrap_socket(plain, server_side=True) as stream:
                    found.shown = stream.getpeercert(binary_form=True)
                    stream.sendall(b"hello")
                    stream.recv(1)
            except ssl.SSLError as error:
                found.server = f"{error.reason} {getattr(error, 'verify_message', '')}"
            except OSError as error:
                found.server = type(error).__name__

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with socket.create_connection(listener.getsockname(), PATIENCE) as plain:
                try:
                    with client.wrap_socket(plain, server_hostname=host) as stream:
                        found.version = stream.version()
                        if stream.recv(5) != b"hello":
                            found.client = "closed"
                        found.resumed = bool(stream.session and stream.session.has_ticket)
                except ssl.SSLError as error:
                    found.client = f"{error.reason} {getattr(error, 'verify_message', '')}"
                except OSError as error:
                    found.client = type(error).__name__
        finally:
            thread.join(PATIENCE)
    assert not thread.is_alive()
    return found


# handshakes


def test_two_of_ours_meet_and_know_each_other(authority: Authority, tmp_path: Path) -> None:
    server = server_context(server_of(tmp_path, authority), NOW)
    client = client_context(client_of(tmp_path, authority), NOW)
    for host in HOSTS:
        found = meet(server, client, host)
        assert (found.server, found.client, found.version) == ("", "", "TLSv1.3")
        assert found.shown is not None
        assert inspect(found.shown).handle == AGENCY  # DER, as a connection gives it
        assert not found.resumed  # nothing to come back with: every connection shows its certificate


def test_nodes_of_a_cluster_take_each_other_on_both_sides(authority: Authority, tmp_path: Path) -> None:
    one, two = (made(tmp_path / n, authority, Kind.NODE) for n in ("one", "two"))
    for server, client in ((one, two), (two, one)):
        found = meet(server_context(server, NOW), client_context(client, NOW))
        assert (found.server, found.client) == ("", "")


def test_nobody_without_a_certificate_gets_in(authority: Authority, tmp_path: Path) -> None:
    files = server_of(tmp_path, authority)
    guest = guest_context(files)
    found = meet(server_context(files, NOW), guest)
    assert "PEER_DID_NOT_RETURN_A_CERTIFICATE" in found.server
    assert "CERTIFICATE_REQUIRED" in found.client
    open_to_guests = meet(server_context(files, NOW, mutual=False), guest)
    assert (open_to_guests.server, open_to_guests.client, open_to_guests.shown) == ("", "", None)


def test_an_ended_certificate_is_refused_by_either_side(authority: Authority, tmp_path: Path) -> None:
    then = NOW - 100 * DAY
    server, client = server_of(tmp_path / "now", authority), client_of(tmp_path / "now", authority)
    old_server = made(tmp_path / "old-server", authority, Kind.SERVER, then)
    old_client = made(tmp_path / "old-client", authority, Kind.CLIENT, then)
    found = meet(server_context(server, NOW), client_context(old_client, then))
    assert "certificate has expired" in found.server and found.client
    found = meet(server_context(old_server, then), client_context(client, NOW))
    assert "certificate has expired" in found.client and found.server
    for context in (server_context, client_context):
        with pytest.raises(CertificateRefused, match="ended on") as refused:
            context(old_server if context is server_context else old_client, NOW)
        assert refused.value.why == "expired"


def test_a_certificate_that_has_not_begun_is_refused(authority: Authority, tmp_path: Path) -> None:
    soon = NOW + 2 * DAY
    early = made(tmp_path / "early", authority, Kind.CLIENT, soon)
    found = meet(server_context(server_of(tmp_path, authority), NOW), client_context(early, soon))
    assert "not yet valid" in found.server


def test_another_authoritys_certificate_is_refused_by_either_side(authority: Authority, tmp_path: Path) -> None:
    other = new_authority("Task force", NOW)
    ours, theirs = (server_of(tmp_path / n, a) for n, a in (("ours", authority), ("theirs", other)))
    us, them = (client_of(tmp_path / n, a) for n, a in (("ours", authority), ("theirs", other)))
    assert "CERTIFICATE_VERIFY_FAILED" in meet(server_context(theirs, NOW), client_context(us, NOW)).client
    forgiving = bare(them, ssl.PROTOCOL_TLS_CLIENT)
    forgiving.load_verify_locations(ours.authorities)
    assert "CERTIFICATE_VERIFY_FAILED" in meet(server_context(ours, NOW), forgiving).server


def test_a_server_under_another_name_is_refused(authority: Authority, tmp_path: Path) -> None:
    files = made(tmp_path / "server", authority, Kind.SERVER, hosts=("bus.taskforce.example",))
    client = client_context(client_of(tmp_path, authority), NOW)
    for host in HOSTS:
        assert "ismatch" in meet(server_context(files, NOW), client, host).client
    assert meet(server_context(files, NOW), client, "bus.taskforce.example").client == ""


def test_a_clients_certificate_serves_nobody_and_a_servers_asks_nobody(authority: Authority, tmp_path: Path) -> None:
    server, client = server_of(tmp_path, authority), client_of(tmp_path, authority)
    posing = bare(client, ssl.PROTOCOL_TLS_SERVER)
    assert "nsuitable certificate purpose" in meet(posing, client_context(client, NOW)).client
    asking = bare(server, ssl.PROTOCOL_TLS_CLIENT)
    assert "nsuitable certificate purpose" in meet(server_context(server, NOW), asking).server
    for context, files in ((server_context, client), (client_context, server)):
        with pytest.raises(CertificateRefused) as refused:
            context(files, NOW)
        assert refused.value.why == "wrong-kind"


def test_nothing_older_than_tls_1_3_is_spoken(authority: Authority, tmp_path: Path) -> None:
    server, client = server_of(tmp_path, authority), client_of(tmp_path, authority)
    old = bare(client, ssl.PROTOCOL_TLS_CLIENT)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert meet(server_context(server, NOW), old).client
    old = bare(server, ssl.PROTOCOL_TLS_SERVER)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert meet(old, client_context(client, NOW)).client


def test_forms_are_checked_strictly_on_every_version_of_python(authority: Authority, tmp_path: Path) -> None:
    server, client = server_of(tmp_path, authority), client_of(tmp_path, authority)
    for context in (server_context(server, NOW), client_context(client, NOW), guest_context(client)):
        assert context.verify_flags & ssl.VERIFY_X509_STRICT


def test_a_renewed_certificate_comes_into_a_context_in_use(authority: Authority, tmp_path: Path) -> None:
    files, client = server_of(tmp_path, authority), client_of(tmp_path, authority)
    server, asking = server_context(files, NOW), client_context(client, NOW)
    before = meet(server, asking).shown
    install(client, issue(authority, tls.ask_again(client), NOW), authority.certificate, NOW)
    assert meet(server, asking).shown == before  # nothing changes until it is told
    tls.renew_context(asking, client, NOW, Kind.CLIENT)
    after = meet(server, asking).shown
    assert before and after and inspect(before).serial != inspect(after).serial


def test_both_authorities_are_trusted_while_one_follows_the_other(authority: Authority, tmp_path: Path) -> None:
    successor = new_authority("Task force 2", NOW)
    both = authority.certificate + successor.certificate
    server, client = server_of(tmp_path, authority), client_of(tmp_path, authority)
    for files in (server, client):
        install(files, files.certificate.read_bytes(), both, NOW)
    assert meet(server_context(server, NOW), client_context(client, NOW)).client == ""
    install(client, issue(successor, tls.ask_again(client), NOW), both, NOW)
    found = meet(server_context(server, NOW), client_context(client, NOW))
    assert (found.server, found.client) == ("", "")


# aiohttp


async def test_aiohttp_serves_with_them_and_aiohttp_and_urllib3_ask(authority: Authority, tmp_path: Path) -> None:
    async def whose(request: web.Request) -> web.Response:
        assert request.transport is not None
        shown = request.transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return web.Response(text=inspect(shown).handle)

    app = web.Application()
    app.router.add_get("/", whose)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        files = server_of(tmp_path, authority)
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(files, NOW))
        await site.start()
        port = runner.addresses[0][1]
        async with aiohttp.ClientSession() as session:
            ours = client_context(client_of(tmp_path, authority), NOW)
            async with session.get(f"https://localhost:{port}/", ssl=ours) as answer:
                assert await answer.text() == AGENCY
            with pytest.raises(aiohttp.ClientError):
                await session.get(f"https://localhost:{port}/", ssl=guest_context(files))
        with urllib3.PoolManager(ssl_context=ours, retries=False) as pool:  # what fetches trust bundles
            got = await asyncio.to_thread(pool.request, "GET", f"https://localhost:{port}/")
        assert got.data == AGENCY.encode()
        stranger = urllib3.PoolManager(ssl_context=guest_context(files), retries=False)
        with stranger, pytest.raises(urllib3.exceptions.HTTPError):
            await asyncio.to_thread(stranger.request, "GET", f"https://localhost:{port}/")
    finally:
        await runner.cleanup()


# nats-server, which is written in another language


@asynccontextmanager
async def nats_server(folder: Path, files: Files, more: str = "") -> AsyncIterator["Server"]:
    """A server that speaks TLS before anything else, and takes nobody without a certificate."""
    folder.mkdir(parents=True)
    block = (
        f'cert_file: "{files.certificate}", key_file: "{files.key}", ca_file: "{files.authorities}", '
        'verify: true, min_version: "1.3", timeout: 10'
    )
    text = f'listen: "127.0.0.1:-1"\nports_file_dir: "{folder}"\ntls {{ {block}, handshake_first: true }}\n'
    (folder / "nats.conf").write_text(text + more.replace("TLS", block), encoding="utf-8")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([find_binary(), "-c", folder / "nats.conf"], stderr=log)
    ports = folder / f"nats-server_{process.pid}.ports"
    try:
        await until(lambda: (ports.exists() and ports.read_text().endswith("}")) or process.poll() is not None)
        assert process.poll() is None, (folder / "log").read_text()
        listening = json.loads(ports.read_text())
        yield Server(process, folder / "log", *(port_of(listening.get(k)) for k in ("nats", "cluster")))
    finally:
        process.terminate()
        process.wait(PATIENCE)


@dataclass(frozen=True)
class Server:
    process: subprocess.Popen[bytes]
    log: Path
    port: int
    route: int


def port_of(listening: list[str] | None) -> int:
    """The port of the first address."""
    return int(listening[0].rpartition(":")[2]) if listening else 0


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


async def connect(port: int, context: ssl.SSLContext, host: str = "localhost") -> Client:
    async def quiet(_: Exception) -> None:
        return

    return await nats.connect(
        f"tls://{host}:{port}",
        tls=context,
        tls_handshake_first=True,
        allow_reconnect=False,
        connect_timeout=int(PATIENCE),
        error_cb=quiet,
    )


def serial_of(client: Client) -> str:
    transport: Any = client._transport  # the library tells nobody else
    return inspect(transport._io_writer.get_extra_info("ssl_object").getpeercert(binary_form=True)).serial


REFUSALS = (nats.errors.Error, ssl.SSLError, OSError)


async def test_nats_server_takes_our_certificates_and_nobody_without(authority: Authority, tmp_path: Path) -> None:
    files = server_of(tmp_path, authority)
    other = client_of(tmp_path / "other", new_authority("Task force", NOW))
    stranger = bare(other, ssl.PROTOCOL_TLS_CLIENT)
    stranger.load_verify_locations(files.authorities)
    ended = made(tmp_path / "ended", authority, Kind.CLIENT, NOW - 100 * DAY)
    async with nats_server(tmp_path / "nats", files) as server:
        client = await connect(server.port, client_context(client_of(tmp_path, authority), NOW))
        inbox = await client.subscribe("greeting")
        await client.publish("greeting", b"hello")
        assert (await inbox.next_msg(PATIENCE)).data == b"hello"
        await client.close()
        for refused, reason in (
            (guest_context(files), "didn't provide a certificate"),
            (stranger, "unknown authority"),
            (client_context(ended, NOW - 100 * DAY), "expired"),
            (bare(files, ssl.PROTOCOL_TLS_CLIENT), "incompatible key usage"),
        ):
            with pytest.raises(REFUSALS):
                await connect(server.port, refused)
            await until(lambda words=reason: words in server.log.read_text())  # type: ignore[misc]


async def test_nats_server_takes_a_renewed_certificate_at_a_reload(authority: Authority, tmp_path: Path) -> None:
    files = server_of(tmp_path, authority)
    ours = client_context(client_of(tmp_path, authority), NOW)
    async with nats_server(tmp_path / "nats", files) as server:
        staying = await connect(server.port, ours)
        before = serial_of(staying)
        install(files, issue(authority, tls.ask_again(files), NOW), authority.certificate, NOW)
        server.process.send_signal(signal.SIGHUP)
        await until(lambda: "Reloaded server configuration" in server.log.read_text())
        client = await connect(server.port, ours)
        assert serial_of(client) == inspect(files.certificate.read_bytes()).serial != before
        assert staying.is_connected
        await client.close()
        await staying.close()


async def test_servers_of_a_nats_cluster_know_each_other_by_them(authority: Authority, tmp_path: Path) -> None:
    files = made(tmp_path / "node", authority, Kind.NODE)
    no_node = server_of(tmp_path, authority)

    def cluster(*routes: int) -> str:
        to = ", ".join(f'"nats-route://127.0.0.1:{port}"' for port in routes)
        return f'cluster {{ name: c, listen: "127.0.0.1:-1", routes: [{to}], tls {{ TLS }} }}\n'

    ours = client_context(client_of(tmp_path, authority), NOW)
    async with (
        nats_server(tmp_path / "one", files, cluster()) as one,
        nats_server(tmp_path / "two", files, cluster(one.route)) as two,
        nats_server(tmp_path / "three", no_node, cluster(one.route)),
    ):
        here, there = await connect(one.port, ours), await connect(two.port, ours)
        inbox = await there.subscribe("greeting")
        await there.flush()
        async with asyncio.timeout(PATIENCE):
            while True:
                await here.publish("greeting", b"hello")
                with contextlib.suppress(nats.errors.TimeoutError):
                    assert (await inbox.next_msg(0.2)).data == b"hello"
                    break
        await until(lambda: "incompatible key usage" in one.log.read_text())  # the third is a server alone
        await here.close()
        await there.close()


async def test_a_client_that_begins_with_tls_tells_a_bare_server_nothing(authority: Authority, tmp_path: Path) -> None:
    """The client library believes a server that says it needs no TLS, unless it is told to begin with TLS."""
    heard = bytearray()
    done = asyncio.Event()

    async def impostor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"X","version":"2.15.1","max_payload":1048576,"proto":1}\r\n')
        with contextlib.suppress(OSError):
            heard.extend(await reader.read(4096))
        writer.close()
        done.set()

    server = await asyncio.start_server(impostor, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(REFUSALS):
            await connect(port, client_context(client_of(tmp_path, authority), NOW))
        await asyncio.wait_for(done.wait(), PATIENCE)
    assert heard[:1] == b"\x16" and b"CONNECT" not in heard  # a TLS handshake record, and no word of ours


# openssl's own client

OPENSSL = shutil.which("openssl")


@contextmanager
def greeting_server(context: ssl.SSLContext) -> Iterator[int]:
    """Greets one client."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)

        def serve() -> None:
            with contextlib.suppress(OSError):
                plain, _ = listener.accept()
                plain.settimeout(PATIENCE)
                with context.wrap_socket(plain, server_side=True) as stream:
                    stream.sendall(b"hello from the server\n")
                    stream.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(listener.getsockname()[1])
        thread.join(PATIENCE)


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
def test_openssls_own_client_connects_with_our_files(authority: Authority, tmp_path: Path) -> None:
    server, client = server_of(tmp_path, authority), client_of(tmp_path, authority)
    shown = ["-cert", str(client.certificate), "-key", str(client.key)]
    for own, greeted in (((), False), (shown, True)):
        with greeting_server(server_context(server, NOW)) as port:
            done = subprocess.run(
                [
                    str(OPENSSL), "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", str(client.authorities), *own,
                    "-verify_hostname", "localhost", "-verify_return_error", "-x509_strict", "-tls1_3", "-ign_eof",
                ],
                input=b"\n", capture_output=True, timeout=60, check=False,
            )  # fmt: skip
        assert (b"hello from the server" in done.stdout) is greeted
        assert b"Verify return code: 0 (ok)" in done.stdout


# files


@pytest.mark.parametrize("kind", [Kind.SERVER, Kind.CLIENT])
def test_key_and_folder_are_the_owners_alone_whatever_the_umask(
    authority: Authority, tmp_path: Path, kind: Kind
) -> None:
    before = os.umask(0)
    try:
        files = made(tmp_path, authority, kind)
        tls.ask_again(files)
    finally:
        os.umask(before)
    assert files.folder.stat().st_mode & 0o777 == 0o700
    for path in (files.key, files.next_key):
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("what", "mode"), [("key", 0o640), ("key", 0o604), ("folder", 0o750), ("folder", 0o701)])
def test_a_key_that_others_can_reach_is_refused(authority: Authority, tmp_path: Path, what: str, mode: int) -> None:
    files = client_of(tmp_path, authority)
    getattr(files, what).chmod(mode)
    with pytest.raises(KeyTrouble, match="chmod"):
        client_context(files, NOW)
    assert look(files, NOW).health is Health.BROKEN
    if what == "folder":
        with pytest.raises(KeyTrouble, match="chmod 700"):
            tls.ask_again(files)
        assert not files.next_key.exists()


@pytest.mark.parametrize("size", [0, 10, 100, 200])
def test_a_half_written_key_is_one_sentence(authority: Authority, tmp_path: Path, size: int) -> None:
    files = client_of(tmp_path, authority)
    os.truncate(files.key, size)
    with pytest.raises(KeyTrouble, match=r"key\.pem: This is no private key for TLS; it is cut short"):
        client_context(files, NOW)
    assert "renew" in look(files, NOW).do


def test_a_key_of_another_certificate_is_named(authority: Authority, tmp_path: Path) -> None:
    files, other = client_of(tmp_path / "one", authority), client_of(tmp_path / "two", authority)
    shutil.copy(other.key, files.key)
    with pytest.raises(KeyTrouble, match=r"is not the key of"):
        client_context(files, NOW)


def test_what_is_missing_is_named(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="tls request"):
        client_context(Files(tmp_path / "tls"), NOW)
    files = client_of(tmp_path, authority)
    files.authorities.unlink()
    with pytest.raises(BadInput, match=r"ca\.pem is missing"):
        client_context(files, NOW)
    with pytest.raises(BadInput, match=r"ca\.pem is missing"):
        guest_context(files)
    assert look(Files(tmp_path / "none"), NOW).health is Health.ABSENT


def test_what_is_in_use_stays_until_the_new_certificate_is_installed(authority: Authority, tmp_path: Path) -> None:
    files = client_of(tmp_path, authority)
    before = (files.key.read_bytes(), files.certificate.read_bytes())
    asked = tls.ask_again(files)
    assert (files.key.read_bytes(), files.certificate.read_bytes()) == before
    client_context(files, NOW)
    with pytest.raises(BadInput, match="waits already"):
        tls.ask_again(files)
    stranger = tls.ask(Files(tmp_path / "stranger"), Kind.CLIENT, handle=AGENCY)
    with pytest.raises(KeyTrouble, match="another request"):
        install(files, issue(authority, stranger, NOW), authority.certificate, NOW)
    with pytest.raises(CertificateRefused):
        install(files, issue(new_authority("Other", NOW), asked, NOW), authority.certificate, NOW)
    assert (files.key.read_bytes(), files.certificate.read_bytes()) == before
    install(files, issue(authority, asked, NOW), authority.certificate, NOW)
    assert files.key.read_bytes() != before[0]
    assert not files.next_key.exists() and not files.request.exists()
    client_context(files, NOW)


def test_a_disk_that_fails_at_any_write_leaves_what_works(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old or new: whatever was in the middle, the files hold together, and the same step goes through again."""
    genuine = os.fsync
    files = client_of(tmp_path, authority)
    seen = set()
    for after in range(40):
        left = after

        def failing(descriptor: int) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError(28, "No space left on device")
            genuine(descriptor)

        old = check_files(files, NOW)
        monkeypatch.setattr("keys.tls.os.fsync", failing)
        try:
            asked = tls.ask_again(files, force=True)
            install(files, issue(authority, asked, NOW), authority.certificate, NOW)
        except OSError:
            pass
        else:
            break
        finally:
            monkeypatch.setattr("keys.tls.os.fsync", genuine)
        now_used = check_files(files, NOW)
        seen.add("old" if now_used == old else "new")
        install(files, issue(authority, tls.ask_again(files, force=True), NOW), authority.certificate, NOW)
    else:
        pytest.fail("the failures never ended")
    assert seen == {"old", "new"}


def test_what_a_crashed_write_left_behind_is_in_nobodys_way(tmp_path: Path) -> None:
    files = Files(tmp_path / "tls")
    files.folder.mkdir(mode=0o700)
    (files.folder / f".{files.next_key.name}.{os.getpid()}.tmp").write_bytes(b"half a key")
    tls.ask(files, Kind.CLIENT, handle=AGENCY)
    assert tls.read_key(files.next_key).public
    assert sorted(p.name for p in files.folder.iterdir()) == ["key.new.pem", "request.pem"]


def test_an_install_that_a_crash_cut_short_is_finished_by_whoever_comes_next(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[Callable[[Files], object]] = [
        lambda f: client_context(f, NOW),
        lambda f: tls.ask_again(f, force=True),
        lambda f: look(f, NOW),
    ]
    for number, next_step in enumerate(steps):
        files = client_of(tmp_path / str(number), authority)
        certificate = issue(authority, tls.ask_again(files), NOW)
        monkeypatch.setattr("keys.tls.settle", lambda _: None)
        install(files, certificate, authority.certificate, NOW)
        assert not certificates.belongs(certificate, tls.read_key(files.key))
        monkeypatch.undo()
        next_step(files)
        assert certificates.belongs(certificate, tls.read_key(files.key))
        assert check_files(files, NOW) == inspect(certificate)


def test_a_look_says_how_it_stands_and_what_to_do(authority: Authority, tmp_path: Path) -> None:
    files = Files(tmp_path / "tls")
    asked = tls.ask(files, Kind.CLIENT, handle=AGENCY)
    waiting = look(files, NOW)
    assert waiting.health is Health.ABSENT and "install" in waiting.do
    install(files, issue(authority, asked, NOW), authority.certificate, NOW)
    end = inspect(files.certificate.read_bytes()).end
    assert look(files, NOW) == tls.Look(Health.GOOD, "The certificate is good for 90 more days.")
    assert look(files, end - 31 * DAY).health is Health.GOOD
    soon = look(files, end - 30 * DAY)
    assert soon.health is Health.DUE and "in 30 days" in soon.says and "tls renew" in soon.do
    tls.ask_again(files)
    assert str(files.request) in look(files, end - 30 * DAY).do
    assert look(files, end).health is Health.BROKEN and "ended on" in look(files, end).says


def test_an_authority_near_its_end_is_said_a_year_ahead(tmp_path: Path) -> None:
    ending = new_authority("Ending", NOW - 2 * 365 * DAY, years=3)
    files = client_of(tmp_path, ending)
    found = look(files, NOW + DAY)
    assert found.health is Health.DUE and "successor" in found.do
    both = ending.certificate + new_authority("Next", NOW).certificate
    install(files, files.certificate.read_bytes(), both, NOW)
    assert look(files, NOW + DAY).health is Health.GOOD


# the authority's folder


def test_an_authoritys_key_is_sealed_and_opened_by_its_passphrase_alone(tmp_path: Path) -> None:
    folder = tmp_path / "authority"
    made_ = tls.make_authority(folder, "Task force", "correct horse", NOW, cost=CHEAP)
    assert b"PRIVATE KEY" not in b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
    opened = tls.open_authority(folder, "correct horse")
    assert opened.certificate == made_.certificate == (folder / "ca.pem").read_bytes()
    assert opened.key.public == made_.key.public
    with pytest.raises(KeyTrouble, match="passphrase"):
        tls.open_authority(folder, "battery staple")
    with pytest.raises(BadInput, match="already"):
        tls.make_authority(folder, "Task force", "correct horse", NOW, cost=CHEAP)
    assert (folder / "ca.key").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    with pytest.raises(BadInput, match="not an authority's folder"):
        tls.open_authority(tmp_path, "correct horse")


def test_a_crash_between_an_authoritys_two_files_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "authority"
    made_ = tls.make_authority(folder, "Task force", "correct horse", NOW, cost=CHEAP)
    (folder / "ca.pem").unlink()
    assert tls.open_authority(folder, "correct horse").certificate == made_.certificate
    assert (folder / "ca.pem").read_bytes() == made_.certificate
