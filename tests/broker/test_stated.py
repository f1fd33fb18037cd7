"""Encryption keys that were stated since the last epoch: kept through crashes, a full disk and a restart."""

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from broker.stated import FILE, Stated
from broker.worker import Worker
from keys import statements
from keys.decisions import read_stated, stated_line
from messages.directory import KeyStatement
from messages.errors import DependencyError, Malformed
from messages.evidence import Answer, Evidence
from messages.ids import AgencyHandle, ContactHandle
from messages.limits import DAY
from tests.broker.trusting import NOW, OFFICER, handed_in, signer, state, stated
from tests.fakes.bus import FakeAgency, FakeBus
from tests.keys import world

REFUGE = ContactHandle(world.REFUGE)
SHELTER = AgencyHandle(world.SHELTER)


def kept(folder: Path) -> list[int]:
    """The numbers that count for the refuge, as a broker that starts now reads them."""
    return [s.number for s in Stated(folder).load().get(REFUGE, ())]


def test_what_was_added_is_there_after_a_restart_in_its_order(tmp_path: Path) -> None:
    assert Stated(tmp_path).load() == {}
    file, desk = Stated(tmp_path), ContactHandle(world.DESK)
    for contact, new in ((REFUGE, stated(2)), (desk, stated(7)), (REFUGE, stated(3))):
        file.add(contact, new)
    assert Stated(tmp_path).load() == {REFUGE: (stated(2), stated(3)), desk: (stated(7),)}


def test_the_officers_read_the_same_file(tmp_path: Path) -> None:
    Stated(tmp_path).add(REFUGE, stated(2))
    assert read_stated((tmp_path / FILE).read_bytes()) == {REFUGE: [stated(2)]}


def test_a_last_line_that_a_crash_cut_short_anywhere_costs_nothing_that_was_answered(tmp_path: Path) -> None:
    path, whole = tmp_path / FILE, stated_line(REFUGE, stated(2))
    torn = stated_line(REFUGE, stated(3))
    ends = [*range(0, len(torn), 61), *range(len(torn) - 20, len(torn))]
    for size in ends:
        path.write_bytes(whole + torn[:size])
        assert kept(tmp_path) == [2]
        Stated(tmp_path).add(REFUGE, stated(3))  # the word comes again
        assert path.read_bytes() == whole + torn


def test_nothing_of_a_longer_line_that_was_cut_short_stays_behind_a_shorter_one(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"x" * 10_000)
    Stated(tmp_path).add(REFUGE, stated(2))
    assert (tmp_path / FILE).read_bytes() == stated_line(REFUGE, stated(2))


def test_a_first_line_that_a_crash_cut_short_is_none(tmp_path: Path) -> None:
    for size in (0, 1, 100):
        (tmp_path / FILE).write_bytes(stated_line(REFUGE, stated(2))[:size])
        assert kept(tmp_path) == []
        Stated(tmp_path).add(REFUGE, stated(2))
        assert kept(tmp_path) == [2]
        (tmp_path / FILE).unlink()


class FullDisk:
    """`os.fsync` that fails, as it does where the disk is full or breaks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._genuine = os.fsync
        self.full = True
        monkeypatch.setattr(os, "fsync", self)

    def __call__(self, handle: int) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._genuine(handle)


def test_what_the_disk_does_not_take_is_not_kept_and_costs_nothing_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Stated(tmp_path).add(REFUGE, stated(2))
    disk = FullDisk(monkeypatch)
    with pytest.raises(DependencyError, match="No space left"):
        Stated(tmp_path).add(REFUGE, stated(3))
    disk.full = False
    assert 2 in kept(tmp_path)
    Stated(tmp_path).add(REFUGE, stated(3))
    assert kept(tmp_path) == [2, 3]  # once, although the first time it had come as far as the file


def test_a_new_file_counts_as_kept_only_when_its_name_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bool] = []
    genuine = os.fsync

    def noted(handle: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(handle).st_mode))
        genuine(handle)

    monkeypatch.setattr(os, "fsync", noted)
    Stated(tmp_path).add(REFUGE, stated(2))
    assert synced == [False, True]  # the file, then the folder
    Stated(tmp_path).add(REFUGE, stated(3))
    assert synced == [False, True, False]


def test_a_folder_that_cannot_be_written_or_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(DependencyError, match="cannot be kept"):
        Stated(tmp_path).add(REFUGE, stated(2))
    with pytest.raises(DependencyError, match="cannot be read"):
        Stated(tmp_path).load()
    with pytest.raises(DependencyError, match="cannot be kept"):
        Stated(tmp_path / "absent").add(REFUGE, stated(2))


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b"[]\n", b"\xff\n", b'{"contact": "c", "signed": "00"}\n'])
def test_a_line_that_nobody_wrote_is_told_and_nothing_is_guessed(tmp_path: Path, line: bytes) -> None:
    (tmp_path / FILE).write_bytes(stated_line(REFUGE, stated(2)) + line)
    with pytest.raises(Malformed):
        Stated(tmp_path).load()


class Office:
    """A worker with the file behind it, and the shelter that hands its words in."""

    def __init__(self, folder: Path) -> None:
        self.bus = FakeBus()
        self.folder = folder
        self.shelter: FakeAgency = self.bus.agency(SHELTER)
        self.now = NOW

    def start(self, **changed: Any) -> Worker:
        """The broker starts, or starts again."""
        file = Stated(self.folder)
        fields = {"stated": file.load()} | changed
        return Worker(self.bus.broker(), state(**fields), lambda: self.now, on_statement=file.add)

    async def ask(self, worker: Worker, made: KeyStatement, **more: Any) -> tuple[str, bool]:
        await self.shelter.submit("statement", handed_in(made, **more))
        assert await worker.step(1.0) == 1
        return await self.hear()

    async def hear(self) -> tuple[str, bool]:
        async for raw in self.shelter.answers():
            answer = Answer.from_bytes(raw)
            return Evidence.from_bytes(answer.evidence.body).code or "accepted", answer.repeated
        raise AssertionError


async def test_a_stated_key_counts_after_a_restart_and_its_number_is_used(tmp_path: Path) -> None:
    office = Office(tmp_path)
    assert await office.ask(office.start(), stated(2)) == ("accepted", False)
    again = office.start()
    contact = again.world.bundle.directory.contact(REFUGE)
    assert contact is not None
    assert [s.number for s in again.world.statements(contact)] == [1, 2]
    of_shelter = again.world.of(SHELTER)
    assert [s.number for s in of_shelter.statements(contact)] == [1, 2]  # also in its agency's own extract
    assert await office.ask(again, stated(2, start=NOW + 1)) == ("key-number", False)
    third = stated(3)
    assert await office.ask(again, third, counter=statements.countersign(signer(OFFICER), third)) == ("accepted", False)
    assert kept(tmp_path) == [2, 3]


async def test_a_word_that_could_not_be_kept_is_taken_again_and_stands_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, disk = Office(tmp_path), FullDisk(monkeypatch)
    worker = office.start()
    await office.shelter.submit("statement", handed_in(stated(2)))
    with pytest.raises(DependencyError):
        await worker.step(1.0)
    assert worker.world.stated == {}  # it does not count before it is kept
    disk.full = False
    office.bus.give_back()
    office.now += DAY
    await worker.step(1.0)
    assert await office.hear() == ("accepted", True)
    assert worker.world.stated == {REFUGE: (stated(2),)}
    assert kept(tmp_path) == [2]
    assert office.start().world.stated == {REFUGE: (stated(2),)}
