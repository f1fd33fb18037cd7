"""The sequencer: one order, whatever dies between two of its writes; judged by `audit` alone."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from audit.checkpoint import VerifierKey
from audit.checkpoint import verify as verify_head
from audit.proofs import verify_consistency, verify_inclusion
from audit.record import leaf as commitment
from audit.tree import leaf_hash, root_of
from broker.admit import Admitted
from broker.sequencer import Lag, Sequencer
from broker.worker import stored
from bus.queue import StoredEntry
from bus.store import Fenced
from keys.domains import Tag
from keys.signing import Signer
from messages import cbor
from messages.errors import DependencyError
from messages.evidence import Entry
from messages.limits import INCLUDE_BY
from messages.signed import Signed
from tests.fakes.bus import FakeBus, FakeSequencer
from tests.support.nats_server import running_bus
from tests.support.orchid import FOREIGN, PROSECUTOR, SHELTER, TaskForce
from tests.support.patience import PATIENCE


@pytest.fixture(scope="session")
def admissions(force: TaskForce) -> list[Admitted]:
    """A few submissions of all sorts: two recipients, one, a refusal, garbage."""
    found = [
        force.admit(force.send("08-organisations.json", PROSECUTOR, FOREIGN)),
        force.admit(b"garbage"),
        force.admit(force.send("03-referral-adult.json", SHELTER)),
        force.admit(force.compose(force.one("01-full-report.json", PROSECUTOR, FOREIGN))),
        force.admit(b"more garbage"),
    ]
    assert sum(len(pairs(a)) for a in found) == 3 + 1 + 2 + 3 + 1
    return found


def pairs(admitted: Admitted) -> list[tuple[bytes, bytes]]:
    return list(Entry.from_bytes(Signed.from_bytes(admitted.entry).body).records)


def leaves_of(admissions: list[Admitted]) -> list[bytes]:
    return [commitment(salt, record) for a in admissions for salt, record in pairs(a)]


async def store(bus: FakeBus, *admissions: Admitted) -> None:
    await bus.broker().store([stored(a) for a in admissions])


def sequencer(force: TaskForce, port: Any, folder: Path, clock: Any = None) -> Sequencer:
    home = force.broker
    vkey = home.bundle.directory.operator.log_vkey
    return Sequencer(port, folder, home.log_signer, vkey, home.bundle.directory, clock or (lambda: force.now))


async def drain(writer: Sequencer) -> None:
    while await writer.step(0.0):
        pass


def assert_complete(force: TaskForce, bus: FakeBus, wanted: list[Admitted]) -> None:
    """LOG has every record's leaf once, in FLOW's order; RECORDS opens each; the newest head covers all of it."""
    leaves = [leaf for leaf, _ in bus.log]
    assert leaves == leaves_of(wanted)
    for index, leaf in enumerate(leaves):
        value = cbor.load(bus.records[index], 1 << 20, "record")
        assert commitment(value["salt"], value["record"]) == leaf
    key = VerifierKey.parse(force.bundle.directory.operator.log_vkey)
    head = verify_head(bus.heads[-1], key)
    assert (head.size, head.root) == (len(leaves), root_of(leaves))
    assert head.origin == force.bundle.directory.operator.log_origin
    sizes = [verify_head(h, key).size for h in bus.heads]
    assert sizes == sorted(sizes)


async def test_leaves_stand_in_the_order_in_which_entries_were_stored(
    force: TaskForce, admissions: list[Admitted], tmp_path: Path
) -> None:
    bus = FakeBus()
    writer = sequencer(force, bus.sequencer(), tmp_path)
    await writer.start()
    await store(bus, *admissions[:2])
    assert await writer.step(0.0) == 4
    await store(bus, *admissions[2:])
    await drain(writer)
    assert_complete(force, bus, admissions)
    assert writer.size == 10
    writer.close()


async def test_what_no_worker_signed_never_comes_into_the_log(
    force: TaskForce, admissions: list[Admitted], tmp_path: Path
) -> None:
    bus = FakeBus()
    agency = force.agency("harbour-police")
    genuine = Signed.from_bytes(admissions[0].entry)
    stranger = Signer(force.broker.worker.kind, "wstranger2222", bytes(32)).sign(Tag.ENTRY, genuine.body)
    impostor = Signer(force.broker.worker.kind, genuine.by, bytes(32)).sign(Tag.ENTRY, genuine.body)
    as_stamp = force.broker.worker.sign(Tag.STAMP, genuine.body)
    for number, planted in enumerate((b'{"seq":1}', stranger.to_bytes(), impostor.to_bytes(), as_stamp.to_bytes())):
        bus.put_flow(f"entry.{agency}.x{number:032x}", planted, None)
    writer = sequencer(force, bus.sequencer(), tmp_path)
    await writer.start()
    assert await writer.step(0.0) == 0
    await store(bus, *admissions)
    await drain(writer)
    assert_complete(force, bus, admissions)
    writer.close()


@pytest.mark.parametrize("where", ["append-records", "append", "put_head"])
@pytest.mark.parametrize("folder", ["kept", "lost"])
async def test_killed_between_two_writes_the_next_one_loses_and_doubles_nothing(
    force: TaskForce, admissions: list[Admitted], tmp_path: Path, where: str, folder: str
) -> None:
    bus = FakeBus()
    first = sequencer(force, bus.sequencer(), tmp_path / "first")
    await first.start()
    await store(bus, *admissions[:2])
    await drain(first)
    await store(bus, *admissions[2:4])
    bus.failing.add(where)
    with pytest.raises(DependencyError):
        await first.step(0.0)
    written = {"append-records": (4, 4), "append": (9, 4), "put_head": (9, 9)}[where]
    assert (len(bus.records), len(bus.log)) == written
    first.close()  # killed: nothing more is written
    bus.failing.clear()
    await store(bus, admissions[4])
    second = sequencer(force, bus.sequencer(), tmp_path / ("first" if folder == "kept" else "second"))
    await second.start()
    await drain(second)
    assert_complete(force, bus, admissions)
    second.close()


@pytest.mark.parametrize("where", ["entries", "append-records", "append", "put_head"])
async def test_trouble_with_the_bus_that_passes_loses_and_doubles_nothing(
    force: TaskForce, admissions: list[Admitted], tmp_path: Path, where: str
) -> None:
    bus = FakeBus()
    writer = sequencer(force, bus.sequencer(), tmp_path)
    await writer.start()
    await store(bus, *admissions)
    bus.failing.add(where)
    for _ in range(3):
        with pytest.raises(DependencyError):
            await writer.step(0.0)
    bus.failing.clear()
    await drain(writer)
    assert_complete(force, bus, admissions)
    writer.close()


async def test_a_lost_reply_to_a_write_that_happened_doubles_nothing(
    force: TaskForce, admissions: list[Admitted], tmp_path: Path
) -> None:
    bus = FakeBus()
    port = bus.sequencer()
    real = port.append
    lost = True

    async def append(*args: Any) -> int:
        nonlocal lost
        done = await real(*args)
        if lost:
            lost = False
            raise DependencyError
        return done

    port.append = append  # type: ignore[method-assign]
    writer = sequencer(force, port, tmp_path)
    await store(bus, *admissions)
    stop = asyncio.Event()
    await writer.start()
    running = asyncio.create_task(writer.run(stop))
    async with asyncio.timeout(20):
        while not bus.heads or verify_head(bus.heads[-1], VerifierKey.parse(_vkey(force))).size < 10:
            await bus.change(0.1)
    stop.set()
    await running
    assert_complete(force, bus, admissions)
    writer.close()


def _vkey(force: TaskForce) -> str:
    return force.bundle.directory.operator.log_vkey


async def test_a_second_sequencer_loses_the_race_and_goes_on_from_what_stands(
    force: TaskForce, admissions: list[Admitted], tmp_path: Path
) -> None:
    bus = FakeBus()
    one = sequencer(force, bus.sequencer(), tmp_path / "one")
    two = sequencer(force, bus.sequencer(), tmp_path / "two")
    await one.start()
    await two.start()
    await store(bus, *admissions[:3])
    assert await one.step(0.0) == 6
    with pytest.raises(Fenced):
        await two.step(0.0)
    await two.start()
    await store(bus, *admissions[3:])
    assert await two.step(0.0) == 4
    with pytest.raises(Fenced):
        await one.step(0.0)
    assert_complete(force, bus, admissions)
    one.close()
    two.close()


async def test_beside_one_that_writes_a_sequencer_stands_by_and_takes_over_when_the_log_stands_still(
    force: TaskForce, admissions: list[Admitted], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = FakeBus()
    taken: list[int] = []

    class Watched(FakeSequencer):
        async def entries(self, after_flow_seq: int, limit: int, wait: float) -> list[StoredEntry]:
            found = await super().entries(after_flow_seq, limit, min(wait, 0.01))
            taken.append(len(found))
            return found

    leader = sequencer(force, bus.sequencer(), tmp_path / "leader")
    second = sequencer(force, Watched(bus), tmp_path / "second")
    await leader.start()
    await second.start()
    stop, grows = asyncio.Event(), iter(admissions[1:4])

    async def goes_on(_stop: asyncio.Event, _seconds: float) -> None:
        one = next(grows, None)
        if one is not None:
            await store(bus, one)
            await leader.step(0)

    monkeypatch.setattr("broker.sequencer.stopped", goes_on)
    await store(bus, admissions[0])
    await leader.step(0)
    await second._stand_by(stop)
    assert second.size == leader.size == sum(len(pairs(a)) for a in admissions[:4])
    assert taken == []  # it followed the log, and took no entry that the leader would take
    assert second.head == leader.head
    await store(bus, admissions[4])
    assert await second.step(0) == len(pairs(admissions[4]))
    with pytest.raises(Fenced):
        await leader.step(0)


async def test_whoever_only_admits_stops_when_the_log_stands_still_for_longer_than_its_promise(
    force: TaskForce, admissions: list[Admitted], tmp_path: Path
) -> None:
    bus, now = FakeBus(), force.now
    lag = Lag(bus.sequencer(), lambda: now)
    writer = sequencer(force, bus.sequencer(), tmp_path)
    await writer.start()
    await lag.look()
    assert lag.may_admit()
    await store(bus, *admissions)
    await lag.look()
    now += INCLUDE_BY - 1
    await lag.look()
    assert lag.may_admit()
    now += 1
    assert not lag.may_admit()
    await writer.step(0)
    await lag.look()
    assert lag.may_admit()
    bus.failing.add("newest")
    await lag.look()
    now += INCLUDE_BY
    assert not lag.may_admit()


async def test_a_log_on_the_bus_that_has_lost_leaves_is_not_gone_on_with(
    force: TaskForce, admissions: list[Admitted], tmp_path: Path
) -> None:
    bus = FakeBus()
    writer = sequencer(force, bus.sequencer(), tmp_path)
    await writer.start()
    await store(bus, *admissions)
    await drain(writer)
    writer.close()
    bus.log.pop()
    again = sequencer(force, bus.sequencer(), tmp_path)
    with pytest.raises(DependencyError, match="shorter"):
        await again.start()
    again.close()


async def test_the_projections_are_rebuilt_from_the_log(
    force: TaskForce, admissions: list[Admitted], tmp_path: Path
) -> None:
    bus = FakeBus()
    writer = sequencer(force, bus.sequencer(), tmp_path / "one")
    await writer.start()
    await store(bus, *admissions)
    await drain(writer)
    proofs = [writer.prove(leaf_hash(leaf)) for leaf, _ in bus.log]
    writer.close()
    elsewhere = sequencer(force, bus.sequencer(), tmp_path / "two")
    await elsewhere.start()
    assert [elsewhere.prove(leaf_hash(leaf)) for leaf, _ in bus.log] == proofs
    elsewhere.close()
    with sqlite3.connect(tmp_path / "two" / "leaves.db") as db:  # the index alone is lost
        db.execute("DELETE FROM leaf WHERE idx > 3")
    once_more = sequencer(force, bus.sequencer(), tmp_path / "two")
    await once_more.start()
    assert [once_more.prove(leaf_hash(leaf)) for leaf, _ in bus.log] == proofs
    once_more.close()


def assert_proofs_hold(force: TaskForce, writer: Sequencer, leaves: list[bytes]) -> int:
    """Every proof that is given verifies against the head it names; returns the size of that head."""
    key = VerifierKey.parse(_vkey(force))
    size = 0
    for index, leaf in enumerate(leaves):
        raw = writer.prove(leaf_hash(leaf))
        if raw is None:
            continue
        value = cbor.load(raw, 1 << 20, "proof")
        head = verify_head(value["checkpoint"], key)
        assert (value["index"], value["size"]) == (index, head.size)
        verify_inclusion(index, head.size, leaf_hash(leaf), value["proof"], head.root)
        size = head.size
    for old in range(1, size + 1):
        raw = writer.prove_consistency(old)
        assert raw is not None
        value = cbor.load(raw, 1 << 20, "proof")
        head = verify_head(value["checkpoint"], key)
        verify_consistency(old, head.size, root_of(leaves[:old]), head.root, value["proof"])
    return size


async def test_proofs_verify_with_the_auditors_own_code(
    force: TaskForce, admissions: list[Admitted], tmp_path: Path
) -> None:
    bus = FakeBus()
    writer = sequencer(force, bus.sequencer(), tmp_path)
    await writer.start()
    assert writer.prove(bytes(32)) is None and writer.prove_consistency(1) is None
    for admitted in admissions:
        await store(bus, admitted)
        await drain(writer)
        assert assert_proofs_hold(force, writer, [leaf for leaf, _ in bus.log]) == len(bus.log)
    assert writer.prove(bytes(32)) is None
    assert writer.prove_consistency(0) is None and writer.prove_consistency(11) is None
    writer.close()


async def test_while_a_head_is_not_published_yet_proofs_lead_to_the_last_one(
    force: TaskForce, admissions: list[Admitted], tmp_path: Path
) -> None:
    bus = FakeBus()
    writer = sequencer(force, bus.sequencer(), tmp_path)
    await writer.start()
    await store(bus, *admissions[:2])
    await drain(writer)
    await store(bus, *admissions[2:])
    bus.failing.add("put_head")
    with pytest.raises(DependencyError):
        await writer.step(0.0)
    assert (writer.size, len(bus.log)) == (10, 10)
    assert assert_proofs_hold(force, writer, [leaf for leaf, _ in bus.log]) == 4
    assert writer.prove_consistency(5) is None
    bus.failing.clear()
    assert await writer.step(0.0) == 0  # nothing new, but the head was still owed
    assert assert_proofs_hold(force, writer, [leaf for leaf, _ in bus.log]) == 10
    writer.close()


async def test_admission_stops_only_while_the_log_is_behind_its_promise(
    force: TaskForce, admissions: list[Admitted], tmp_path: Path
) -> None:
    bus = FakeBus()
    now = force.now
    writer = sequencer(force, bus.sequencer(), tmp_path, lambda: now)
    await writer.start()
    stop = asyncio.Event()
    bus.failing.add("entries")
    running = asyncio.create_task(writer.run(stop))
    async with asyncio.timeout(20):
        while writer._behind_since is None:
            await asyncio.sleep(0)
        assert writer.may_admit()
        now += INCLUDE_BY
        assert not writer.may_admit()
        bus.failing.clear()  # and no entry comes: nothing is behind
        while not writer.may_admit():
            await asyncio.sleep(0.01)
    stop.set()
    await running
    writer.close()


async def stepped(log: Sequencer, leaves: int) -> None:
    """Bring in exactly so many, in as many steps as it takes."""
    done = 0
    while done < leaves:
        some = await log.step(PATIENCE)
        assert some > 0
        done += some
    assert done == leaves


async def test_on_a_real_server_the_log_survives_its_writer(
    force: TaskForce, admissions: list[Admitted], tmp_path: Path
) -> None:
    async with running_bus(tmp_path / "bus") as bus:
        port = await bus.broker()
        await port.store([stored(a) for a in admissions[:3]])
        one = sequencer(force, await bus.sequencer(), tmp_path / "one")
        await one.start()
        await stepped(one, 6)
        await port.store([stored(a) for a in admissions[3:]])
        two = sequencer(force, await bus.sequencer(), tmp_path / "two")
        await two.start()
        await stepped(two, 4)
        with pytest.raises(Fenced):
            await one.step(PATIENCE)
        reader = await bus.sequencer()
        assert await reader.leaves(0, 100) == leaves_of(admissions)
        head = verify_head(await reader.last_head() or b"", VerifierKey.parse(_vkey(force)))
        assert (head.size, head.root) == (10, root_of(leaves_of(admissions)))
        one.close()
        two.close()


async def test_entries_gather_after_a_few_were_brought_in(
    force: TaskForce, admissions: list[Admitted], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.sequencer.GATHER", 2.0)
    bus = FakeBus()
    port = bus.sequencer()
    log = sequencer(force, port, tmp_path)
    await log.start()
    appended, append = [asyncio.Event(), asyncio.Event()], port.append
    sizes: list[int] = []

    async def noted(first: int, records: Any, leaves: Any, flow: Any, last: int) -> int:
        done = await append(first, records, leaves, flow, last)
        sizes.append(len(leaves))
        appended[len(sizes) - 1].set()
        return done

    monkeypatch.setattr(port, "append", noted)
    stop = asyncio.Event()
    running = asyncio.create_task(log.run(stop))
    async with asyncio.timeout(60):
        await store(bus, admissions[0])
        await appended[0].wait()
        for admitted in admissions[1:]:
            await store(bus, admitted)
            for _ in range(20):
                await asyncio.sleep(0)  # time enough for whoever waits for entries alone
        await appended[1].wait()
        stop.set()
        await running
    log.close()
    assert sizes == [3, 7]
