"""Records of a real broker are found by search, through restarts, lost and broken databases; look-ups are recorded."""

import asyncio
import json
import os
import shutil
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import structlog.testing
from typer.testing import CliRunner

from adapters.client import connect
from adapters.guard import open_key
from adapters.guard import serving as guarding
from adapters.home import clock
from audit.record import LOOKED_UP
from broker.lookups import Deed, look_up
from broker.naming import moment
from broker.projecting import Projector, RecordMissing
from broker.recordsdb import Query, RecordsDb, RecordsDown, opened
from broker.service import BrokerHome, Serving, serving, stores
from bus.queue import NatsSequencer
from cli.main import app
from cli.practice import Practice
from messages import cbor
from messages.evidence import EvidenceType
from messages.ids import message_text
from messages.limits import DAY
from tests.flows.test_quarantine import Town, case, town
from tests.support.orchid import DESK, INSPECTORS, TaskForce, search_for, task_force
from tests.support.patience import PATIENCE

__all__ = ["town"]


async def caught_up(broker: Serving, db: RecordsDb) -> int:
    """Wait until the broker has brought a decision, and all of its log, into the database; how many leaves that are."""
    for _ in range(200):
        if db.search(Query(form="decision")).lines and db.next() == broker.sequencer.size:
            return db.next()
        await asyncio.sleep(0.05)  # the projector is another task; nothing here is woken by it
    raise AssertionError("the database of records does not catch up")


async def test_what_the_broker_decided_is_found_by_search_and_every_look_up_is_in_the_log(
    town: Town, tmp_path: Path
) -> None:
    desk = await town.adapter(DESK)
    _, (sent,) = await desk.send(case(town.force), [INSPECTORS])
    assert sent.evidence is not None
    home = town.broker.home
    with opened(home.records) as db:
        count = await caught_up(town.broker, db)
        lines = db.search(Query(), size=500).lines
        assert len(lines) == count
        (decided,) = db.search(Query(party=town.force.agency(INSPECTORS), form="decision")).lines
        assert decided.recipient == town.force.contact(INSPECTORS).handle
        assert (decided.subject, decided.outcome) == (sent.message.hex(), "permitted") and decided.types
    assert isinstance(home.records, Path)
    written = home.records.read_bytes() + home.records.with_name("records.db-wal").read_bytes()
    assert not [word for word in search_for() if word in written]  # no key stands there, and columns have no seams

    async def said(*words: str, fails: bool = False) -> str:
        reading, writing = os.pipe()  # the command closes it
        os.write(writing, town.force.passphrase.encode())
        os.close(writing)
        command = ["--passphrase-fd", str(reading), "audit", *words, "--home", str(home.folder)]
        result = await asyncio.to_thread(CliRunner().invoke, app, command)
        assert result.exit_code == (2 if fails else 0), result.output
        return result.output

    rows = json.loads(await said("search", "--agency", "labour-inspectorate", "--form", "decision", "--json"))
    assert [(r["recipient"], r["outcome"]) for r in rows] == [(INSPECTORS, "permitted")]
    officer = town.force.practice.folder / "officers" / "officer-one"
    told = await said("search", "--kind", rows[0]["kind"], "--csv", "--officer", str(officer))
    assert told.splitlines()[0].startswith("leaf,at,form") and INSPECTORS in told
    assert "No count" in await said("signs") and "broke" not in told
    few = await said("search", "--most", "1")
    assert "these are the 1 newest" in few and "newest" not in told
    async with asyncio.timeout(30):
        while town.broker.sequencer.size < count + 4:  # four look-ups are leaves too
            await asyncio.sleep(0.05)
    assert str(count + 4) in await said("rebuild")
    with opened(home.records) as db:
        assert db.search(Query(), size=500).lines[4:] == lines, "and a rebuilt database is the same"

    looked = [a for a in await town.log(tmp_path / "log") if a.act == LOOKED_UP]
    first = town.force.bundle.directory.officers[0].handle
    assert [(a.signer, a.outcome) for a in looked] == [
        (home.worker.handle, "exported"),
        (first, "exported"),
        (home.worker.handle, "searched"),
        (home.worker.handle, "searched"),
    ]

    second = town.force.practice.folder / "officers" / "officer-two"
    why = ("--ground", "court-order", "--until", moment(clock() + 30 * DAY)[:10])
    held = await said("hold", message_text(sent.message), *why, "--officer", str(officer))
    with opened(home.records) as db:
        about = db.search(Query(subject=sent.message.hex()), size=500).lines
    assert held.startswith(f"{len(about)} records are held until ")
    (hold,) = json.loads(await said("holds", "--json"))
    assert (hold["ground"], hold["state"]) == ("court-order", "in force")
    spans = [span.partition("-") for span in hold["leaves"].split(", ")]
    named = {n for first, _, last in spans for n in range(int(first), int(last or first) + 1)}
    assert named == {line.index for line in about}
    assert "Another officer" in await said("release", hold["hold"], "--officer", str(officer), fails=True)
    assert "is released" in await said("release", hold["hold"], "--officer", str(second))
    assert "No record is held" in await said("holds") and "released" in await said("holds", "--all")


class Tampered:
    """A log in which record 0 is not the one that its leaf commits to, 1 is nonsense, and `missing` is not there."""

    missing = 2

    def __init__(self, port: NatsSequencer) -> None:
        self._port = port

    async def leaves(self, from_index: int, count: int) -> list[bytes]:
        return await self._port.leaves(from_index, count)

    async def record(self, index: int) -> bytes | None:
        raw = await self._port.record(index)
        if index == 0 and raw is not None:
            value = cbor.load(raw, 1 << 20, "record")
            return cbor.dump({**value, "salt": bytes(32)})
        if index == 1:
            return b"nonsense"
        return None if index == self.missing else raw

    async def records(self, from_index: int, count: int) -> list[bytes | None]:
        return [await self.record(index) for index in range(from_index, from_index + count)]


async def test_a_record_that_its_leaf_does_not_hold_is_left_out_and_told_and_a_missing_one_is_not_passed_over(
    town: Town, tmp_path: Path
) -> None:
    home, now = town.broker.home, clock()
    some = [look_up(home.worker.handle, Deed.SEARCHED, b"", home.world(), now, bytes([n] * 16)) for n in range(4)]
    await town.broker.worker.announce(some)
    async with stores(home, town.broker.urls[0]) as connection:
        port = NatsSequencer(connection)
        while (await port.tail())[0] < len(some):
            await asyncio.sleep(0.05)  # the sequencer is another task; nothing here is woken by it
        log = Tampered(port)
        with opened(tmp_path / "own.db") as db, structlog.testing.capture_logs() as logs:
            projector = Projector(db, log, lambda: home.bundle.directory)
            with pytest.raises(RecordMissing, match="leaf 2"):
                await projector.catch_up()
            assert db.next() == 2, "it stands before what is missing"
            log.missing = -1
            await projector.catch_up()
            taken = db.next()
            assert taken >= 4
            assert sorted(x.index for x in db.search(Query(), size=500).lines) == list(range(2, taken))
    told = [(e["event"], e["index"]) for e in logs if e["event"] == "foreign-record"]
    assert told == [("foreign-record", 0), ("foreign-record", 1)]


async def test_a_replica_that_lags_does_not_make_a_record_a_missing_one(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = town.broker.home
    await town.broker.worker.announce(
        [look_up(home.worker.handle, Deed.SEARCHED, b"", home.world(), clock(), bytes(16))]
    )

    async def lagging(*_: object) -> None:
        return None

    async with stores(home, town.broker.urls[0]) as connection:
        port = NatsSequencer(connection)
        while not (await port.tail())[0]:
            await asyncio.sleep(0.05)  # the sequencer is another task; nothing here is woken by it
        monkeypatch.setattr(port.streams, "direct", lagging)
        assert await port.record(0) is not None
        assert await port.record(10**6) is None
        assert (await port.records(0, 3))[:1] == [await port.record(0)]


async def test_records_are_read_together_and_those_that_are_gone_or_lag_are_asked_for_by_themselves(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = town.broker.home
    some = [look_up(home.worker.handle, Deed.SEARCHED, b"", home.world(), clock(), bytes([n] * 16)) for n in range(6)]
    await town.broker.worker.announce(some)
    async with stores(home, town.broker.urls[0]) as connection:
        port = NatsSequencer(connection)
        async with asyncio.timeout(PATIENCE):
            while (await port.tail())[0] <= len(some):  # the epoch, and these
                await asyncio.sleep(0.05)  # the sequencer is another task; nothing here is woken by it
        each = [await port.record(index) for index in range(7)]
        asked: list[int] = []
        single = port.record

        async def by_itself(index: int) -> bytes | None:
            asked.append(index)
            return await single(index)

        monkeypatch.setattr(port, "record", by_itself)
        assert await port.records(0, 6) == each[:6] and None not in each[:6] and not asked
        await port.remove_record(3)
        each[3] = None
        assert await port.records(1, 5) == each[1:6] and asked == [3]
        assert await port.records(3, 3) == each[3:6], "also where the first one is gone"
        assert await port.records(5, 2) == each[5:7]


async def test_a_database_that_is_down_stops_no_delivery_and_is_caught_up_later(tmp_path: Path) -> None:
    made = task_force()
    shutil.copytree(made.practice.folder, tmp_path / "force")
    force = TaskForce(Practice(tmp_path / "force"), made.now)
    home = BrokerHome.open(force.practice.broker, force.passphrase)
    assert isinstance(home.records, Path)
    home.records.mkdir()  # no file can be opened there
    folder = force.practice.party("harbour-police") / "guard"
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(serving(home))
        await stack.enter_async_context(guarding(folder, open_key(folder, force.passphrase), clock))
        adapter = connect(force.practice.party("harbour-police"), "desk", force.passphrase)
        desk = await stack.enter_async_context(adapter)
        _, (sent,) = await desk.send(case(force), [INSPECTORS])
        assert sent.evidence is not None and sent.evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE
        with pytest.raises(RecordsDown):
            RecordsDb.open(home.records).search(Query())
        home.records.rmdir()
        with opened(home.records) as db:
            await caught_up(broker, db)
            assert db.search(Query(form="decision")).lines
