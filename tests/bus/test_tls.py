"""TLS on the bus: both sides show a certificate of the task force's authority before anything else is said."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from bus import bounds, subjects
from bus.connection import connect
from bus.server import ClusterSpec, EmbeddedServer, TlsFiles
from bus.store import Store, until_answered
from bus.subjects import Login
from keys.certificates import Authority, Kind, issue, new_authority, new_request, read_request
from keys.nkey import public_of
from messages.errors import DependencyError, LocalError
from tests.faults.wire import Wire
from tests.support import ports
from tests.support.nats_server import new_seed, now

CLIENT = "aharbour22222"


@dataclass(frozen=True)
class Papers:
    """An authority, and what it signed for whom asks."""

    folder: Path
    authority: Authority

    def files(self, name: str, kind: Kind, *hosts: str, ca: Authority | None = None) -> TlsFiles:
        pem, key = new_request(kind, hosts=hosts, handle=CLIENT if kind is Kind.CLIENT else None)
        found = TlsFiles(
            cert=self.folder / f"{name}.pem", key=self.folder / f"{name}.key", ca=self.folder / f"{name}.ca.pem"
        )
        found.cert.write_bytes(issue(self.authority, read_request(pem), now()))
        found.key.write_bytes(key.to_pem())
        found.ca.write_bytes((ca or self.authority).certificate)
        return found


def context(files: TlsFiles, *, shows: bool = True) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(files.ca)
    if shows:
        made.load_cert_chain(files.cert, files.key)
    return made


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return Papers(tmp_path, new_authority("Task force", now()))


@pytest.fixture
def seed() -> bytes:
    return new_seed()


@pytest.fixture
async def server(tmp_path: Path, papers: Papers, seed: bytes) -> AsyncIterator[EmbeddedServer]:
    login = Login(public_key=public_of(seed), permissions=subjects.worker_permissions())
    tls = papers.files("server", Kind.SERVER, "127.0.0.1", "localhost")
    async with EmbeddedServer(tmp_path / "bus", [login], tls=tls, host="0.0.0.0") as running:  # noqa: S104
        yield running


async def test_the_right_certificates_on_both_sides_work(server: EmbeddedServer, papers: Papers, seed: bytes) -> None:
    mine = context(papers.files("client", Kind.CLIENT))
    assert server.url == f"tls://127.0.0.1:{server.port}"
    connection = await connect(server.url, seed, inbox_prefix=subjects.BROKER_INBOX, tls=mine)
    await Store(connection).ensure_streams()
    await connection.close()


async def test_an_older_tls_is_refused(server: EmbeddedServer, papers: Papers, seed: bytes) -> None:
    mine = context(papers.files("client", Kind.CLIENT))
    mine.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(DependencyError, match="certificates"):
        await connect(server.url, seed, inbox_prefix="_INBOX_x", tls=mine)


async def test_without_a_certificate_nobody_gets_in(server: EmbeddedServer, papers: Papers, seed: bytes) -> None:
    mine = context(papers.files("client", Kind.CLIENT), shows=False)
    with pytest.raises(DependencyError, match="certificates"):
        await connect(server.url, seed, inbox_prefix="_INBOX_x", tls=mine)


async def test_a_certificate_of_another_authority_is_refused(
    server: EmbeddedServer, papers: Papers, seed: bytes, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Papers(tmp_path / "other", new_authority("Task force", now()))
    mine = context(other.files("client", Kind.CLIENT, ca=papers.authority))
    with pytest.raises(DependencyError, match="certificates"):
        await connect(server.url, seed, inbox_prefix="_INBOX_x", tls=mine)


async def test_a_server_of_another_authority_is_refused(
    server: EmbeddedServer, papers: Papers, seed: bytes, tmp_path: Path
) -> None:
    mine = context(papers.files("client", Kind.CLIENT, ca=new_authority("Task force", now())))
    with pytest.raises(DependencyError, match="certificates"):
        await connect(server.url, seed, inbox_prefix="_INBOX_x", tls=mine)


async def test_a_server_by_another_name_than_its_certificates_is_refused(
    server: EmbeddedServer, papers: Papers, seed: bytes
) -> None:
    mine = context(papers.files("client", Kind.CLIENT))
    with pytest.raises(DependencyError, match="certificates"):
        await connect(f"tls://127.0.0.2:{server.port}", seed, inbox_prefix="_INBOX_x", tls=mine)


async def test_a_server_that_hangs_up_in_the_handshake_is_tried_again(
    server: EmbeddedServer, papers: Papers, seed: bytes
) -> None:
    tried = 0

    async def hang_up_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tried
        tried += 1
        if tried > 1:
            await wire.relay(reader, writer)
            return
        await reader.read(100)  # the client's first word
        writer.close()

    mine, wire = context(papers.files("client", Kind.CLIENT)), Wire(server.port)
    async with await asyncio.start_server(hang_up_once, "127.0.0.1", 0) as slow:
        port = slow.sockets[0].getsockname()[1]
        connection = await connect(f"tls://127.0.0.1:{port}", seed, inbox_prefix=subjects.BROKER_INBOX, tls=mine)
        await connection.flush()
        await connection.close()
    assert tried >= 2


async def test_without_tls_the_server_says_not_even_a_greeting(server: EmbeddedServer, seed: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"CONNECT {}\r\nPING\r\n")
    async with asyncio.timeout(10):
        said = await reader.read()
    writer.close()
    assert b"INFO" not in said
    assert b"PONG" not in said


async def test_an_address_and_a_context_that_do_not_fit_are_refused_before_anything_is_sent(
    papers: Papers, seed: bytes
) -> None:
    mine = context(papers.files("client", Kind.CLIENT))
    with pytest.raises(LocalError, match="tls://"):
        await connect("nats://127.0.0.1:1", seed, inbox_prefix="_INBOX_x", tls=mine)
    with pytest.raises(LocalError, match="needs this machine's certificate"):
        await connect("tls://127.0.0.1:1", seed, inbox_prefix="_INBOX_x")
    mine.check_hostname = False
    with pytest.raises(LocalError, match="any server"):
        await connect("tls://127.0.0.1:1", seed, inbox_prefix="_INBOX_x", tls=mine)


async def test_a_server_without_tls_hears_nothing_from_a_client_with_it(papers: Papers, seed: bytes) -> None:
    """Somebody on the way who answers in the server's place and offers no TLS gets a handshake and no login."""
    heard = bytearray()

    async def pretend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"x","version":"2.15.1","nonce":"chosen","auth_required":true}\r\n')
        heard.extend(await reader.read(4096))
        writer.close()

    mine = context(papers.files("client", Kind.CLIENT))
    async with await asyncio.start_server(pretend, "127.0.0.1", 0) as pretender:
        port = pretender.sockets[0].getsockname()[1]
        with pytest.raises(DependencyError):
            await connect(f"tls://127.0.0.1:{port}", seed, inbox_prefix="_INBOX_x", tls=mine, patience=2)
    assert heard
    assert b"CONNECT" not in heard
    assert public_of(seed).encode() not in heard


async def test_new_certificates_are_taken_over_without_a_break(
    server: EmbeddedServer, papers: Papers, seed: bytes
) -> None:
    mine = context(papers.files("client", Kind.CLIENT))
    connection = await connect(server.url, seed, inbox_prefix=subjects.BROKER_INBOX, tls=mine)
    before = await _shown(server, mine)
    papers.files("server", Kind.SERVER, "127.0.0.1", "localhost")
    await server.reload()
    assert await _shown(server, mine) != before
    await connection.flush()
    assert connection.reconnects == 0
    await connection.close()


async def _shown(server: EmbeddedServer, mine: ssl.SSLContext) -> bytes:
    _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=mine)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    assert isinstance(shown, bytes)
    return shown


async def test_servers_of_a_cluster_take_each_others_certificates_and_no_clients(
    tmp_path: Path, papers: Papers, seed: bytes
) -> None:
    numbers = ports.free(3)
    routes = tuple(f"localhost:{port}" for port in numbers)
    login = Login(public_key=public_of(seed), permissions=subjects.worker_permissions())
    tls = papers.files("node", Kind.NODE, "localhost", "127.0.0.1")
    servers = [
        EmbeddedServer(
            tmp_path / f"node{number}",
            [login],
            name=f"node{number}",
            tls=tls,
            cluster=ClusterSpec(name="c", port=port, routes=routes, tls=tls),
        )
        for number, port in enumerate(numbers)
    ]
    mine = context(papers.files("client", Kind.CLIENT))
    async with AsyncExitStack() as stack:
        for server in servers:
            await stack.enter_async_context(server)
        urls = [server.url for server in servers]
        connection = await connect(urls, seed, inbox_prefix=subjects.BROKER_INBOX, tls=mine)
        # Three replicas: the servers have found each other.
        await until_answered(lambda: Store(connection).ensure_streams(3), bounds.BEGIN_SECONDS)
        await connection.close()
        for who in (mine, context(papers.files("client", Kind.CLIENT), shows=False)):
            assert not await _route(numbers[0], who)
        assert await _route(numbers[0], context(tls))


async def _route(port: int, mine: ssl.SSLContext) -> bool:
    """Whether whoever shows `mine` may pass for a server of the cluster: then its PING is answered."""
    greeting = b'{"server_id":"NX","server_name":"x","cluster":"c","tls_required":true,"tls_verify":true,"proto":1}'
    try:
        reader, writer = await asyncio.open_connection("localhost", port, ssl=mine, family=socket.AF_INET)
        writer.write(b'CONNECT {"verbose":false,"cluster":"c","name":"NX","protocol":1}\r\n')
        writer.write(b"INFO " + greeting + b"\r\nPING\r\n")
        async with asyncio.timeout(5):
            while line := await reader.readline():
                if line.startswith(b"PONG"):
                    return True
        return False
    except (OSError, TimeoutError):
        return False
