"""The database of records written by a process of its own: the same lines, no secret, and nothing lost with it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audit.record import leaf as commitment
from broker.apart import MUCH, Apart
from broker.entries import entry_of
from broker.lookups import Deed, look_up
from broker.projecting import Found, Here
from broker.recordsdb import Moved, Query, RecordsDb, RecordsDown, opened
from messages import cbor
from tests.support.orchid import TaskForce, task_force


@pytest.fixture(scope="module")
def force() -> TaskForce:
    return task_force()


def leaves(force: TaskForce, count: int) -> list[Found]:
    world = force.broker.world()
    found: list[Found] = []
    for number in range(count):
        salt = number.to_bytes(16, "big")
        admitted = look_up(world.worker.handle, Deed.SEARCHED, b"", world, force.now, salt)
        ((salt, record),) = entry_of(admitted.entry, force.bundle.directory).records
        found.append((commitment(salt, record), cbor.dump({"salt": salt, "record": record})))
    return found


@pytest.fixture
async def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Apart, RecordsDb]]:
    monkeypatch.setenv("SAFECONDUCT_PASSPHRASE", "not for everybody")
    with opened(tmp_path / "apart.db") as db:
        db.prepare()
        made = Apart(db, tmp_path / "apart.db")
        yield made, db
        await made.close()


async def running(made: Apart, force: TaskForce) -> asyncio.subprocess.Process:
    """The process of `made`, which has taken as many leaves as make it begin."""
    await made.take(0, leaves(force, MUCH), force.bundle.directory)
    assert made._process is not None
    return made._process


async def test_few_leaves_need_no_process_and_many_come_to_the_same_lines_through_one(
    force: TaskForce, apart: tuple[Apart, RecordsDb], tmp_path: Path
) -> None:
    made, db = apart
    found = leaves(force, MUCH + 5)
    found[7] = (found[7][0], cbor.dump({"salt": bytes(16), "record": b"nonsense"}))
    found[8] = (found[8][0], None)
    with opened(tmp_path / "here.db") as other:
        other.prepare()
        assert await Here(other).take(0, found, force.bundle.directory) == [7]
        assert await made.take(0, found[:3], force.bundle.directory) == [] and made._process is None
        assert await made.take(3, found[3:], force.bundle.directory) == [7] and made._process is not None
        assert await made.take(len(found), leaves(force, 1), force.bundle.directory) == [], "the directory is known"
        query = Query(end=2**50)
        assert db.search(query, size=500).lines[1:] == other.search(query, size=500).lines and db.next() == MUCH + 6
        assert len(other.search(query, size=500).lines) == MUCH + 3
        with pytest.raises(Moved):
            await made.take(0, found, force.bundle.directory)


async def test_the_process_has_neither_passphrase_nor_key_and_gives_way_to_deliveries(
    force: TaskForce, apart: tuple[Apart, RecordsDb]
) -> None:
    process = await running(apart[0], force)
    proc = Path(f"/proc/{process.pid}")
    if not proc.exists():
        pytest.fail("this test reads what Linux says of a process")
    assert b"SAFECONDUCT" not in (proc / "environ").read_bytes()
    assert str(force.practice.folder).encode() not in (proc / "cmdline").read_bytes()
    assert os.getpriority(os.PRIO_PROCESS, process.pid) > 0


async def test_a_process_that_is_killed_is_told_and_the_next_one_goes_on(
    force: TaskForce, apart: tuple[Apart, RecordsDb]
) -> None:
    made, db = apart
    process, found = await running(made, force), leaves(force, MUCH)
    process.send_signal(signal.SIGKILL)
    with pytest.raises(RecordsDown):
        await made.take(len(found), found, force.bundle.directory)
    assert db.next() == len(found)
    assert await made.take(len(found), found, force.bundle.directory) == [] and db.next() == 2 * len(found)


async def test_a_database_that_is_down_is_told_as_such_and_the_process_goes_on(
    force: TaskForce, tmp_path: Path
) -> None:
    found = leaves(force, MUCH)
    (tmp_path / "down.db").mkdir()
    with opened(tmp_path / "other.db") as db:
        made = Apart(db, tmp_path / "down.db")
        try:
            with pytest.raises(RecordsDown):
                await made.take(0, found, force.bundle.directory)
            assert made._process is not None and made._process.returncode is None
        finally:
            await made.close()


async def test_what_is_given_up_in_the_middle_ends_the_process_so_that_no_answer_is_taken_for_another(
    force: TaskForce, apart: tuple[Apart, RecordsDb]
) -> None:
    made, db = apart
    process, found = await running(made, force), leaves(force, MUCH)
    process.send_signal(signal.SIGSTOP)
    taking = asyncio.create_task(made.take(len(found), found, force.bundle.directory))
    for _ in range(5):
        await asyncio.sleep(0)  # it is asked now, and cannot answer
    assert not taking.done()
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert made._process is None
    after = db.next()
    assert await made.take(after, found, force.bundle.directory) == [] and db.next() == after + len(found)


async def test_it_ends_with_its_input_so_that_it_outlives_no_broker(
    force: TaskForce, apart: tuple[Apart, RecordsDb]
) -> None:
    process = await running(apart[0], force)
    assert process.stdin is not None
    process.stdin.close()  # as the system does it for a broker that is killed
    async with asyncio.timeout(60):
        assert await process.wait() == 0
