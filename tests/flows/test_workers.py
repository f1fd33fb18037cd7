"""Several worker processes at one queue: one is killed under load, and nothing is lost, nothing twice."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit import fsck
from bench import world
from bench.world import Bench
from tests.faults.load import Traffic
from tests.support.patience import PATIENCE
from tests.support.peaks import words
from tests.support.processes import command, start, stop


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return world.make(tmp_path_factory.mktemp("workers") / "task-force")


@pytest.fixture(scope="module")
def broker(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str, Path]]:
    """A broker with two worker processes: its process id, its address, and its log."""
    log = tmp_path_factory.mktemp("log") / "broker.log"
    process = start("up", "--home", str(bench.folder / "broker"), "--workers", "2", log=log)
    try:
        yield process.pid, (bench.folder / "broker" / "run" / "address").read_text(), log
    finally:
        stop(process)
    assert not workers_of(process.pid), "a worker outlived its broker"


def workers_of(parent: int) -> list[int]:
    """The process ids of the workers that this broker has started."""
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return [int(c) for c in children if b"worker" in Path(f"/proc/{c}/cmdline").read_bytes().split(b"\0")]
    except OSError:
        return []


def test_a_broker_that_is_killed_leaves_no_worker_behind(tmp_path: Path) -> None:
    made = world.make(tmp_path / "task-force")
    process = start("up", "--home", str(made.folder / "broker"), "--workers", "2", log=tmp_path / "broker.log")
    [worker] = workers_of(process.pid)
    stop(process, signal.SIGKILL)
    until = time.monotonic() + PATIENCE
    while words(worker):
        assert time.monotonic() < until, "a worker outlived its broker"
        time.sleep(0.05)


async def test_a_worker_killed_under_load_loses_and_doubles_nothing_and_is_started_again(
    bench: Bench, broker: tuple[int, str, Path], tmp_path: Path
) -> None:
    parent, address, log = broker
    async with Traffic.on(bench, [address]) as traffic:
        await traffic.send(60)
        [victim] = workers_of(parent)
        os.kill(victim, signal.SIGKILL)
        await traffic.send(120)
        await traffic.settled()
        restarted = log.read_text().count("worker-restarted")
        while not restarted:
            await traffic.send(5, pause=0.2)
            restarted = log.read_text().count("worker-restarted")
        [second] = workers_of(parent)
        assert second != victim
        await traffic.send(60)
        os.kill(second, signal.SIGTERM)  # drains: what it has pulled is finished or given back
        await traffic.send(30)
        await traffic.settled()
    traffic.ledger.check()
    assert all(sum(views.values()) == 1 for views in traffic.ledger.arrived.values())
    logged = [line for line in log.read_text().splitlines() if '"submission"' in line]
    assert len(logged) >= len(traffic.ledger.submitted)
    done = command("audit", "export", str(tmp_path / "log"), "--home", str(bench.folder / "broker"))
    assert done.returncode == 0, done.stderr
    assert fsck.first_break(tmp_path / "log") is None
