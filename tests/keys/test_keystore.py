"""Private keys at rest: loose permissions, wrong passphrases, altered files and absurd costs are refused.

A writer killed at any step leaves the old file or the new one, and whole.
"""

import os
import signal
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keys import keystore
from keys.keystore import Cost
from keys.unlocking import Passphrase, Source
from messages import cbor
from messages.errors import KeyTrouble
from tests.keys import world
from tests.support.tampering import flipped

CHEAP = Cost(1, keystore.MIN_MEMORY)
SECRETS = {"signing": world.seed("signing"), "note": "Ánh"}
WORDS = "правильная лошадь"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "desk.key"
    keystore.write(path, SECRETS, WORDS, CHEAP)
    return path


def test_what_was_written_is_read_back(file: Path) -> None:
    assert keystore.read(file, WORDS) == SECRETS
    assert keystore.secret(keystore.read(file, WORDS), "signing") == SECRETS["signing"]


def test_file_and_folder_are_the_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = tmp_path / "loose" / "desk.key"
        keystore.write(path, SECRETS, WORDS, CHEAP)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_no_key_is_put_into_a_loose_folder_and_its_mode_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir(mode=0o755)
    with pytest.raises(KeyTrouble, match="chmod 700"):
        keystore.write(folder / "desk.key", SECRETS, WORDS, CHEAP)
    assert folder.stat().st_mode & 0o777 == 0o755
    assert not list(folder.iterdir())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o601, 0o620, 0o610])
def test_a_file_that_others_can_touch_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(KeyTrouble, match="chmod 600"):
        keystore.read(file, WORDS)


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o755, 0o770, 0o777, 0o710, 0o701])
def test_a_folder_that_others_can_enter_is_refused(file: Path, mode: int) -> None:
    file.parent.chmod(mode)
    with pytest.raises(KeyTrouble, match="chmod 700"):
        keystore.read(file, WORDS)


def test_a_missing_file_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(KeyTrouble, match="no key file"):
        keystore.read(tmp_path / "none.key", WORDS)


@pytest.mark.parametrize("words", ["", "wrong", WORDS + " ", WORDS.upper(), "\ud800"])
def test_a_wrong_passphrase_opens_nothing(file: Path, words: str) -> None:
    with pytest.raises(KeyTrouble):
        keystore.read(file, words)


def test_an_empty_passphrase_seals_nothing() -> None:
    with pytest.raises(KeyTrouble):
        keystore.seal(SECRETS, "", CHEAP)


@pytest.mark.parametrize("field", ["box", "salt"])
def test_an_altered_file_opens_nothing(field: str) -> None:
    for at in range(0, 16, 3):
        value = cbor.load(keystore.seal(SECRETS, WORDS, CHEAP), 10**6)
        with pytest.raises(KeyTrouble):
            keystore.unseal(cbor.dump(value | {field: flipped(value[field], at)}), WORDS)


@pytest.mark.parametrize("box", [b"x", bytes(24), bytes(39), bytes(40)])
def test_a_box_too_short_to_be_one_opens_nothing(box: bytes) -> None:
    value = cbor.load(keystore.seal(SECRETS, WORDS, CHEAP), 10**6)
    with pytest.raises(KeyTrouble):
        keystore.unseal(cbor.dump(value | {"box": box}), WORDS)


@pytest.mark.parametrize(
    "asked",
    [
        {"ops": 0}, {"ops": keystore.MAX_OPS + 1}, {"ops": 2**40}, {"memory": 0},
        {"memory": keystore.MIN_MEMORY - 1}, {"memory": keystore.MAX_MEMORY + 1}, {"memory": 2**50},
    ],
)  # fmt: skip
def test_a_file_that_asks_for_unreasonable_work_is_refused_before_any_is_done(
    asked: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    value = cbor.load(keystore.seal(SECRETS, WORDS, CHEAP), 10**6) | asked
    monkeypatch.setattr("keys.keystore.pwhash.argon2id.kdf", lambda *_: pytest.fail("the work was done"))
    with pytest.raises(KeyTrouble, match="unreasonable"):
        keystore.unseal(cbor.dump(value), WORDS)


def test_a_file_of_another_format_is_refused() -> None:
    value = cbor.load(keystore.seal(SECRETS, WORDS, CHEAP), 10**6)
    for data in (b"", b"\x00", cbor.dump(value | {"format": "other-1"}), cbor.dump(value | {"more": 1})):
        with pytest.raises(KeyTrouble):
            keystore.unseal(data, WORDS)


def test_no_secret_stands_in_the_file(file: Path) -> None:
    data = file.read_bytes()
    assert SECRETS["signing"] not in data  # type: ignore[operator]
    assert "Ánh".encode() not in data
    assert WORDS.encode() not in data


def test_two_files_of_the_same_secrets_differ_in_salt_and_box() -> None:
    one, two = (cbor.load(keystore.seal(SECRETS, WORDS, CHEAP), 10**6) for _ in range(2))
    assert one["salt"] != two["salt"]
    assert one["box"] != two["box"]


def test_a_failed_write_leaves_the_old_file_whole(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("keys.keystore.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        keystore.write(file, {"signing": bytes(32)}, WORDS, CHEAP)
    monkeypatch.undo()
    assert keystore.read(file, WORDS) == SECRETS
    keystore.write(file, {"signing": bytes(32)}, WORDS, CHEAP)
    assert keystore.read(file, WORDS) == {"signing": bytes(32)}


def test_asking_a_file_for_a_key_it_does_not_hold_is_trouble_with_keys() -> None:
    for name in ("absent", "note"):
        with pytest.raises(KeyTrouble):
            keystore.secret(SECRETS, name)


def test_a_passphrase_opens_alike_with_or_without_the_word_where_it_came_from(file: Path) -> None:
    assert keystore.read(file, Passphrase(WORDS, Source.PROMPT)) == SECRETS


# whose file it is


def test_a_key_file_that_is_a_link_is_refused(file: Path) -> None:
    link = file.with_name("link.key")
    link.symlink_to(file)
    with pytest.raises(KeyTrouble, match="link"):
        keystore.read(link, WORDS)


def test_a_link_put_there_between_look_and_opening_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = file.with_name("link.key")
    link.symlink_to(file)
    monkeypatch.setattr("keys.keystore.stat.S_ISLNK", lambda _: False)  # the look was before the link
    with pytest.raises(OSError, match="symbolic links"):
        keystore.read(link, WORDS)


@pytest.mark.parametrize("kind", [stat.S_ISREG, stat.S_ISDIR], ids=["file", "folder"])
@pytest.mark.parametrize("owner", [0, 12345])
def test_a_key_file_or_folder_of_another_user_is_refused_and_roots_is_not(
    file: Path, monkeypatch: pytest.MonkeyPatch, kind: Callable[[int], bool], owner: int
) -> None:
    real = os.fstat

    def given_away(descriptor: int) -> os.stat_result:
        status = list(real(descriptor))
        status[4] = owner if kind(status[0]) else os.geteuid()
        return os.stat_result(status)

    monkeypatch.setattr("keys.keystore.os.fstat", given_away)
    if owner == 0:
        assert keystore.read(file, WORDS) == SECRETS
        return
    with pytest.raises(KeyTrouble, match="another user"):
        keystore.read(file, WORDS)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path, int], None]) -> None:
    tmp_path.chmod(0o700)
    make(tmp_path / "desk.key", 0o600)
    with pytest.raises(KeyTrouble, match="not a file"):
        keystore.read(tmp_path / "desk.key", WORDS)


# damage and crashes


@pytest.mark.parametrize("left", [0, 1, 60, -1])
def test_a_truncated_file_says_to_restore_it_and_stays_as_it_is(file: Path, left: int) -> None:
    damaged = file.read_bytes()[:left]
    file.write_bytes(damaged)
    with pytest.raises(KeyTrouble, match="damaged; restore it from your backup") as told:
        keystore.read(file, WORDS)
    assert str(file) in str(told.value)
    assert file.read_bytes() == damaged


def test_what_a_crash_left_beside_the_file_is_neither_read_nor_kept(file: Path) -> None:
    left = file.with_name("desk.key.new")
    left.write_bytes(b"half")
    assert keystore.read(file, WORDS) == SECRETS
    keystore.write(file, {"signing": bytes(32)}, WORDS, CHEAP)
    assert [p.name for p in file.parent.iterdir()] == [file.name]


STEPS = ("open", "write", "fsync", "replace")


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do `work` in a process that is killed at its n-th touch of the disk, half of a write done; whether it was."""
    child = os.fork()
    if child == 0:
        try:
            _fail_at(step)
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _fail_at(step: int) -> None:
    count = iter(range(1000))

    def dying(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            if next(count) == step:
                if name == "write":
                    real(args[0], bytes(args[1])[: len(args[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **named)

        return call

    for name in STEPS:
        setattr(os, name, dying(name, getattr(os, name)))


NEW = {"signing": world.seed("new")}


@pytest.mark.parametrize("way", ["write", "change"])
def test_a_writer_killed_at_any_step_leaves_the_old_file_or_the_new_one(file: Path, way: str) -> None:
    def work() -> None:
        if way == "write":
            keystore.write(file, NEW, WORDS, CHEAP)
        else:
            keystore.change(file, WORDS, lambda _: NEW, wipe=True)

    seen = []
    step = 0
    while killed_at(step, work):
        found = keystore.read(file, WORDS)
        assert found in (SECRETS, NEW)
        seen.append(found == NEW)
        keystore.write(file, SECRETS, WORDS, CHEAP)  # and the next write is not held up by what was left
        assert [p.name for p in file.parent.iterdir()] == [file.name]
        step += 1
    assert step >= 6
    assert {False, True} == set(seen)
    assert keystore.read(file, WORDS) == NEW


def test_a_first_write_that_is_killed_leaves_no_key_file_or_a_whole_one(tmp_path: Path) -> None:
    step = 0
    while True:
        path = tmp_path / str(step) / "desk.key"
        killed = killed_at(step, lambda: keystore.write(path, NEW, WORDS, CHEAP))  # noqa: B023
        if path.exists():
            assert keystore.read(path, WORDS) == NEW
        if not killed:
            break
        step += 1
    assert step >= 5


def test_the_bytes_are_on_the_disk_before_the_name_and_the_name_before_we_return(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    for name in STEPS:
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, _n=name, _r=real, **k: (done.append(_n), _r(*a, **k))[1])
    keystore.write(file, NEW, WORDS, CHEAP)
    assert done[-4:] == ["write", "fsync", "replace", "fsync"]


def test_two_writers_at_once_leave_one_of_their_files_whole(file: Path) -> None:
    values = [{"signing": bytes([n]) * 32} for n in range(6)]
    failures: list[BaseException] = []

    def work(value: dict[str, object]) -> None:
        try:
            for _ in range(5):
                keystore.write(file, value, WORDS, CHEAP)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(v,)) for v in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert keystore.read(file, WORDS) in values
    assert [p.name for p in file.parent.iterdir()] == [file.name]


def test_no_change_is_lost_between_two_who_change_the_same_file(file: Path) -> None:
    keystore.write(file, {"count": 0}, WORDS, CHEAP)

    def work() -> None:
        for _ in range(5):
            keystore.change(file, WORDS, lambda s: {"count": int(str(s["count"])) + 1})

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keystore.read(file, WORDS) == {"count": 20}


def test_a_change_keeps_the_cost_and_changes_nothing_where_it_fails(file: Path) -> None:
    before = file.read_bytes()

    def fails(_: dict[str, object]) -> dict[str, object]:
        raise KeyTrouble("no")

    with pytest.raises(KeyTrouble, match="no"):
        keystore.change(file, WORDS, fails)
    with pytest.raises(KeyTrouble, match="passphrase"):
        keystore.change(file, "wrong", lambda s: s)
    assert file.read_bytes() == before
    keystore.change(file, WORDS, lambda s: s)
    now = cbor.load(file.read_bytes(), 10**6)
    assert (now["ops"], now["memory"]) == (CHEAP.ops, CHEAP.memory)


def test_wiping_overwrites_the_bytes_that_the_file_had(file: Path) -> None:
    before = file.read_bytes()
    other = file.with_name("other-name-of-the-same-bytes")
    os.link(file, other)
    keystore.change(file, WORDS, lambda _: NEW, wipe=True)
    after = other.read_bytes()
    assert len(after) == len(before)
    assert sum(a == b for a, b in zip(after, before, strict=True)) < len(before) // 8
    assert keystore.read(file, WORDS) == NEW
