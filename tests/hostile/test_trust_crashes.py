"""Killed at any write, or on a full disk: the next start finds the old bundle or the new one, and goes on."""

import errno
import io
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG
from typing import Any

import pytest

from keys.metadata import Audience
from keys.updating import FolderFetcher, TrustCopy, install_root
from messages.directory import Bundle
from messages.errors import BadInput, DependencyError
from tests.keys import trust
from tests.keys.trust import COURT, POLICE, Force

WRITES = ("replace", "rename", "mkdir", "unlink", "remove", "rmdir", "symlink", "fsync")


class Killed(BaseException):
    """What happens to a process that is killed: no handler of its own runs to any effect."""


@pytest.fixture(autouse=True, scope="module")
def _no_waiting_for_the_disk() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


class Sticks:
    """The same task force at two epochs, each on a stick."""

    def __init__(self, folder: Path) -> None:
        self.force = Force(folder / "officers")
        self.force.publish()
        self.first = self.force.stick(folder / "first", POLICE)
        contacts = self.force.content.contacts[COURT]
        changed = self.force.content.with_contacts(
            COURT, (contacts[0].model_copy(update={"title": "second"}), *contacts[1:])
        )
        self.force.publish(changed.with_agency(changed.agencies[COURT].model_copy(update={"title": "second"})))
        self.second = self.force.stick(folder / "second", POLICE)
        self.home = folder / "home"
        install_root(self.home, self.force.root)
        self.old = take(self.home, self.first)
        shutil.copytree(self.home, folder / "newer")
        self.new = take(folder / "newer", self.second)


@pytest.fixture(scope="module")
def sticks(tmp_path_factory: pytest.TempPathFactory) -> Sticks:
    return Sticks(tmp_path_factory.mktemp("sticks"))


def take(home: Path, stick: Path) -> Bundle:
    return TrustCopy(home, Audience(POLICE)).refresh("file:///", FolderFetcher(stick)).bundle


class Faults:
    """Counts the writes to the disk, and at the `number`th raises `error`; one that is killed writes no more at all."""

    def __init__(self, number: int, error: BaseException) -> None:
        self.left, self.error = number, error

    @contextmanager
    def installed(self) -> Iterator[None]:
        """While the block runs."""
        with pytest.MonkeyPatch.context() as patch:
            for name in WRITES:
                patch.setattr(os, name, self._around(getattr(os, name)))
            real_open = io.open

            def opened(file: Any, mode: str = "r", *args: Any, **rest: Any) -> Any:
                if "w" in mode and not isinstance(file, int):
                    self.count()
                return real_open(file, mode, *args, **rest)

            patch.setattr(io, "open", opened)
            yield

    def _around(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **rest: Any) -> Any:
            self.count(*args)
            return real(*args, **rest)

        return wrapped

    def count(self, *args: Any) -> None:
        self.left -= 1
        if self.left == 0 or (self.left < 0 and isinstance(self.error, Killed)):
            if args and isinstance(args[0], int) and S_ISREG(os.fstat(args[0]).st_mode):
                os.ftruncate(args[0], os.fstat(args[0]).st_size // 2)  # an fsync: what was written got there by half
            raise self.error


def writes(act: Callable[[], object], step: int = 1) -> list[int]:
    """The numbers of its writes: every `step`th, and the last ones all."""
    faults = Faults(sys.maxsize, Killed())
    with faults.installed():
        act()
    count = sys.maxsize - faults.left
    assert count > 25
    return [n for n in range(1, count + 1) if n % step == 0 or n > count - 4]


def killed_at(number: int, act: Callable[[], object]) -> None:
    """Run it until its `number`th write to the disk, which is its last."""
    with pytest.raises(Killed), Faults(number, Killed()).installed():
        act()


def another(home: Path, to: Path) -> Path:
    """A copy that shares its files' bytes: whole files are replaced, never written over."""
    shutil.copytree(home, to, copy_function=os.link)
    return to


def test_a_refresh_killed_at_any_write_leaves_the_old_bundle_or_the_new(sticks: Sticks, tmp_path: Path) -> None:
    found = []
    whole = another(sticks.home, tmp_path / "whole")
    for number in writes(lambda: take(whole, sticks.second)):
        home = another(sticks.home, tmp_path / str(number))
        killed_at(number, lambda home=home: take(home, sticks.second))
        bundle = TrustCopy(home, Audience(POLICE)).load()
        found.append(bundle == sticks.new)
        assert bundle in (sticks.old, sticks.new), number
        if number % 5 == 0:
            assert take(home, sticks.second) == sticks.new, number
            assert sorted(p.name for p in home.iterdir()) == [".lock", "repository", "root.json"], number
    assert found == sorted(found), "once it is the new one, it stays so"
    assert set(found) == {True, False}


def test_a_first_refresh_killed_at_any_write_leaves_nothing_or_the_whole(sticks: Sticks, tmp_path: Path) -> None:
    def begin(home: Path) -> Bundle:
        install_root(home, sticks.force.root)
        return take(home, sticks.first)

    for number in writes(lambda: begin(tmp_path / "whole"), 20):
        home = tmp_path / str(number)
        killed_at(number, lambda home=home: begin(home))
        try:
            assert TrustCopy(home, Audience(POLICE)).load() == sticks.old
        except BadInput:
            assert begin(home) == sticks.old, number


def test_a_full_disk_at_any_write_is_said_and_keeps_the_old_bundle(sticks: Sticks, tmp_path: Path) -> None:
    said = 0
    whole = another(sticks.home, tmp_path / "whole")
    for number in writes(lambda: take(whole, sticks.second), 10):
        home = another(sticks.home, tmp_path / str(number))
        try:
            with Faults(number, OSError(errno.ENOSPC, "No space left on device")).installed():
                take(home, sticks.second)
        except DependencyError as error:
            assert "No space left" in str(error)
            said += 1
        assert TrustCopy(home, Audience(POLICE)).load() in (sticks.old, sticks.new), number
        assert take(home, sticks.second) == sticks.new, number
    assert said


def test_what_a_killed_refresh_left_lying_is_cleared_by_the_next(sticks: Sticks, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(sticks.home, home)
    (home / ".refresh-left" / "client").mkdir(parents=True)
    take(home, sticks.second)
    assert not list(home.glob(".refresh-*"))


def test_a_lock_left_by_a_dead_process_holds_nobody_up(sticks: Sticks, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(sticks.home, home)
    (home / ".lock").write_bytes(b"1234")
    assert take(home, sticks.second) == sticks.new


def test_publishing_killed_at_any_write_leaves_the_old_epoch_or_the_new(tmp_path: Path) -> None:
    officers = Force(tmp_path / "officers")
    officers.publish()
    old, at = officers.open(POLICE), trust.now()
    outcomes = set()
    whole = officers.copied(tmp_path / "whole")
    for number in writes(lambda: whole.publish(renew=True, at=at), 12):
        one = officers.copied(tmp_path / str(number))
        killed_at(number, lambda one=one: one.publish(renew=True, at=at))
        outcomes.add(one.open(POLICE).epoch)
        if one.open(POLICE) == old:
            one.publish(renew=True, at=at)
        assert one.open(POLICE).epoch == 2
    assert outcomes == {1, 2}
