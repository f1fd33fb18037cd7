"""A killed process or a full disk at any write of the log leaves what `audit.fsck` accepts."""

import asyncio
import itertools
import pickle
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import audit.tree
from audit import fsck
from audit.logdir import DeliveryLine, EntryLine, RecordLine, write_log_dir
from audit.tree import FileStore, Tree, root_of
from broker.admit import Admitted
from broker.sequencer import Sequencer
from broker.worker import stored
from messages import cbor
from tests.fakes.bus import FakeBus
from tests.faults.logwriter import leaf
from tests.support.orchid import FOREIGN, PROSECUTOR, SHELTER, TaskForce

ROOT = Path(__file__).resolve().parent.parent.parent


def writer(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.logwriter", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_after(process: subprocess.Popen[str], lines: int) -> list[str]:
    """Kill it after so many lines; all whole lines that it said."""
    assert process.stdout is not None
    said = [process.stdout.readline().strip() for _ in range(lines)]
    process.kill()
    rest = process.stdout.read()
    process.wait()
    process.stdout.close()
    return [line for line in [*said, *rest.split("\n")[:-1]] if line]


def assert_tree(folder: Path, least: int) -> int:
    with FileStore(folder) as store:
        tree = Tree(store)
        assert tree.size >= least
        assert tree.root() == root_of(leaf(n) for n in range(tree.size))
        return tree.size


def test_a_tree_whose_writer_is_killed_has_all_that_was_synced_and_goes_on(tmp_path: Path) -> None:
    chance = random.Random(11)
    size = 0
    for _ in range(6):
        said = kill_after(writer("tree", tmp_path / "tree"), chance.randrange(1, 60))
        assert int(said[0]) > size
        size = assert_tree(tmp_path / "tree", int(said[-1]))
    assert size > 50


@pytest.mark.parametrize("limit", [1, 33, 1000, 5000])
def test_a_tree_on_a_full_disk_has_all_that_was_synced_and_goes_on(tmp_path: Path, limit: int) -> None:
    process = writer("tree", tmp_path / "tree", limit)
    output, _ = process.communicate(timeout=60)
    *said, last = output.split()
    assert (last, process.returncode) == ("full", 0)
    size = assert_tree(tmp_path / "tree", int(said[-1]) if said else 0)
    with FileStore(tmp_path / "tree") as store:  # with room again
        tree = Tree(store)
        tree.extend(leaf(n) for n in range(size, size + 50))
        store.sync()
    assert_tree(tmp_path / "tree", size + 50)


@pytest.fixture(scope="module")
def admissions(force: TaskForce) -> list[Admitted]:
    found = [force.admit(force.send("08-organisations.json", PROSECUTOR, FOREIGN)) for _ in range(3)]
    found += [force.admit(b"garbage %d" % n) for n in range(3)]
    return [*found, force.admit(force.send("03-referral-adult.json", SHELTER))]


def sequencer(force: TaskForce, bus: FakeBus, folder: Path) -> Sequencer:
    home = force.broker
    vkey = home.bundle.directory.operator.log_vkey
    return Sequencer(bus.sequencer(), folder, home.log_signer, vkey, home.bundle.directory, lambda: force.now)


def exported(force: TaskForce, bus: FakeBus) -> dict[str, Any]:
    """The log as it stands on the bus, as `write_log_dir` takes it."""
    operator = force.bundle.directory.operator
    records = {i: cbor.load(raw, 1 << 20, "record") for i, raw in sorted(bus.records.items())}
    flow = sorted(bus.flow.values(), key=lambda k: k.seq)
    return {
        "leaves": [leaf for leaf, _ in bus.log],
        "records": [RecordLine(index=i, salt=v["salt"], record=v["record"]) for i, v in records.items()],
        "entries": [EntryLine(seq=k.seq, subject=k.subject, entry=k.data) for k in flow if k.subject[0] == "e"],
        "deliveries": [DeliveryLine(subject=k.subject, delivery=k.data) for k in flow if k.subject[0] == "d"],
        "workers": {w.handle: w.key for w in operator.workers},
        "vkey": operator.log_vkey,
        "checkpoint": bus.heads[-1] if bus.heads else b"",
    }


def assert_log_holds(force: TaskForce, bus: FakeBus, folder: Path) -> None:
    write_log_dir(folder, **exported(force, bus))
    report = fsck.check(folder)
    assert report.first is None, report.breaks[:2]


@pytest.fixture(scope="module")
def snapshots(
    force: TaskForce, admissions: list[Admitted], tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, Any]]:
    """A growing log, as it would be exported after each of its submissions."""
    return asyncio.run(_snapshots(force, admissions, tmp_path_factory.mktemp("log")))


async def _snapshots(force: TaskForce, admissions: list[Admitted], folder: Path) -> list[dict[str, Any]]:
    bus = FakeBus()
    working = sequencer(force, bus, folder)
    await working.start()
    found = []
    for admitted in admissions:
        await bus.broker().store([stored(admitted)])
        await working.step(0.0)
        found.append(exported(force, bus))
    working.close()
    assert len(found[-1]["leaves"]) == 14
    return found


def test_an_export_whose_process_is_killed_leaves_a_log_that_holds(
    tmp_path: Path, snapshots: list[dict[str, Any]]
) -> None:
    kept = tmp_path / "snapshots"
    kept.write_bytes(pickle.dumps(snapshots[-1:] + snapshots))  # grows, begins again, grows
    chance = random.Random(5)
    tried = 0
    for number in range(8):
        folder = tmp_path / f"log{number % 2}"
        write_log_dir(folder, **snapshots[0])
        kept.write_bytes(pickle.dumps(snapshots))
        process = writer("export", folder, kept)
        said = kill_after(process, chance.randrange(1, len(snapshots)))
        if len(said) >= len(snapshots):  # it had begun again from a shorter log: that is no export of a real one
            continue
        report = fsck.check(folder)
        assert report.first is None, report.breaks[:2]
        tried += 1
    assert tried >= 1


def test_an_export_that_dies_between_any_two_files_leaves_a_log_that_holds(
    tmp_path: Path, snapshots: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import audit.logdir as module

    real = module.write_atomically
    for files in range(8):
        for before, after in itertools.pairwise(snapshots):
            folder = tmp_path / "log"
            monkeypatch.setattr(module, "write_atomically", real)
            write_log_dir(folder, **before)
            left = files

            def until(path: Path, pieces: Any) -> None:
                nonlocal left
                if left == 0:
                    raise OSError(28, "No space left on device")
                left -= 1
                real(path, pieces)

            monkeypatch.setattr(module, "write_atomically", until)
            try:
                write_log_dir(folder, **after)
            except OSError:
                assert files < 7
            report = fsck.check(folder)
            assert report.first is None, (files, report.breaks[:2])


@pytest.mark.parametrize("limit", [200, 3000, 20_000])
def test_an_export_on_a_full_disk_leaves_the_one_before(
    tmp_path: Path, snapshots: list[dict[str, Any]], limit: int
) -> None:
    write_log_dir(tmp_path / "log", **snapshots[0])
    (tmp_path / "snapshots").write_bytes(pickle.dumps(snapshots))
    process = writer("export", tmp_path / "log", tmp_path / "snapshots", limit)
    output, _ = process.communicate(timeout=60)
    assert output.split()[-1] == "full" and process.returncode == 0
    report = fsck.check(tmp_path / "log")
    assert report.first is None, report.breaks[:2]
    assert not list((tmp_path / "log").glob(".*.tmp"))


async def test_a_sequencer_whose_disk_is_full_at_any_write_loses_and_doubles_nothing(
    force: TaskForce, admissions: list[Admitted], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = audit.tree._write_all
    failed = 0
    for writes in range(12):
        bus = FakeBus()
        folder = tmp_path / f"log{writes}"
        first = sequencer(force, bus, folder)
        await first.start()
        left = writes

        def until(file: int, data: bytes, at: int) -> None:
            nonlocal left
            if left == 0:
                real(file, data[: len(data) // 2], at)  # torn
                raise OSError(28, "No space left on device")
            left -= 1
            real(file, data, at)

        monkeypatch.setattr(audit.tree, "_write_all", until)
        try:
            for admitted in admissions[:4]:
                await bus.broker().store([stored(admitted)])
                await first.step(0.0)
        except OSError:
            failed += 1
        first.close()
        monkeypatch.setattr(audit.tree, "_write_all", real)
        assert_log_holds(force, bus, tmp_path / "exported")
        standing = {k.subject for k in bus.flow.values()}
        missing = [a for a in admissions if f"entry.{a.agency}.{a.key}" not in standing]
        await bus.broker().store([stored(a) for a in missing])
        second = sequencer(force, bus, folder)
        await second.start()
        while await second.step(0.0):
            pass
        second.close()
        assert len(bus.log) == len({leaf for leaf, _ in bus.log}) == 14
        assert_log_holds(force, bus, tmp_path / "exported")
    assert failed > 5
