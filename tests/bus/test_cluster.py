"""The same door on three servers: whoever is let in, refused or cut, is so on all of them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bus import bounds, subjects
from bus.connection import connect
from bus.server import EmbeddedServer
from keys.nkey import public_of
from messages.errors import DependencyError
from tests.support.nats_server import HARBOUR, SHELTER, RunningBus, new_seed, running_bus
from tests.support.patience import PATIENCE, within
from tests.support.pulling import pulled
from tests.support.rawnats import raw_client, signature

pytestmark = pytest.mark.asyncio(loop_scope="module")
REFUSED = [b"-ERR 'Authorization Violation'\r\n"]
TOO_LATE = b"-ERR 'Authentication Timeout'\r\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningBus]:
    async with running_bus(tmp_path_factory.mktemp("cluster"), nodes=3) as bus:
        yield bus


async def test_a_message_handed_in_at_one_server_is_pulled_at_another(cluster: RunningBus) -> None:
    port, broker = await cluster.agency(HARBOUR), await cluster.broker()
    await port.submit("message", b"hello")
    [one] = await pulled(broker, 1)
    assert one.data == b"hello"
    await one.ack()


async def test_one_service_answers_for_every_server(cluster: RunningBus) -> None:
    for server in cluster.servers:
        await (await cluster.adapter(HARBOUR, server)).flush()
        with pytest.raises(DependencyError, match="does not know this login"):
            await connect(server.url, new_seed(), inbox_prefix="_INBOX_x")


async def test_a_wrong_signature_is_refused_at_every_server_also_one_made_for_another(cluster: RunningBus) -> None:
    seed = cluster.seeds[HARBOUR]

    async def said_to(server: EmbeddedServer, proof: str) -> list[bytes]:
        async with raw_client(server.port) as client:
            return await client.connect(nkey=public_of(seed), sig=proof)

    async with asyncio.timeout(PATIENCE):
        said = [TOO_LATE]
        while TOO_LATE in said:  # the machine stood still for two seconds
            async with raw_client(cluster.servers[0].port) as first:
                proof = signature(seed, first.nonce)
                heard = await asyncio.gather(*(said_to(server, proof) for server in cluster.servers))
                own = await first.connect(nkey=public_of(seed), sig=proof)
            said = [line for lines in (*heard, own) for line in lines]
    assert heard == [REFUSED] * len(cluster.servers) and own == [b"PONG\r\n"]


async def test_when_one_service_ends_the_other_answers_for_all_servers(cluster: RunningBus) -> None:
    second = await cluster.callout(cluster.servers[2])
    await cluster.service.connection.close()
    for server in cluster.servers:
        await (await cluster.adapter(SHELTER, server)).flush()
    assert second.granted >= len(cluster.servers)


async def test_a_revoked_login_is_cut_off_at_every_server_within_five_seconds_while_others_go_on(
    cluster: RunningBus,
) -> None:
    others = [await cluster.adapter(SHELTER, server) for server in cluster.servers]
    revoked = [await cluster.adapter(HARBOUR, server) for server in cluster.servers]
    seed = cluster.seeds[HARBOUR]
    async with within(5):
        assert await cluster.revoke(HARBOUR) >= 3
        while any(one.connected for one in revoked):
            await asyncio.sleep(0.01)  # until the server's word has come
    for server in cluster.servers:
        with pytest.raises(DependencyError, match="does not know this login"):
            await connect(server.url, seed, inbox_prefix=subjects.inbox(HARBOUR))
    for one in others:
        await one.flush()
        assert one.reconnects == 0


async def test_the_doorkeeper_counts_what_came_at_every_server(cluster: RunningBus) -> None:
    door = await cluster.doorkeeper()
    for pieces, server in enumerate(cluster.servers, start=3):
        connection = await cluster.adapter(SHELTER, server)
        for _ in range(pieces):
            await connection.publish("nobody.may", b"")
        await connection.flush()
    readings = await door.readings()
    login = public_of(cluster.seeds[SHELTER])
    counts = [one.pieces for reading in readings for one in reading.connections if one.login == login]
    assert {3, 4, 5} <= set(counts) and len({reading.server for reading in readings}) == len(cluster.servers)
    assert (await door.totals()).keys() == {reading.server for reading in readings}


async def test_who_cannot_reach_every_server_does_not_say_that_all_are_cut(
    cluster: RunningBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last test of this file: it stops a server without warning."""
    monkeypatch.setattr(bounds, "CUT_SECONDS", 5.0)
    monkeypatch.setattr(bounds, "SWEEP_SECONDS", 1.0)
    door = await cluster.doorkeeper()
    url = door.connection.client.connected_url
    victim = next(server for server in cluster.servers if url is not None and server.port != url.port)
    assert victim.pid is not None
    os.kill(victim.pid, signal.SIGSTOP)
    try:
        with pytest.raises(DependencyError, match="Not every server"):
            await door.cut([public_of(new_seed())])
    finally:
        victim.kill()
