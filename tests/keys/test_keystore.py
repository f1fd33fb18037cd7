"""Private keys at rest: loose permissions, wrong passphrases, altered files and absurd costs are refused."""

import os
from pathlib import Path

import pytest

from keys import keystore
from keys.keystore import Cost
from messages import cbor
from messages.errors import KeyTrouble
from tests.keys import world

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
        changed = bytearray(value[field])
        changed[at] ^= 1
        with pytest.raises(KeyTrouble):
            keystore.unseal(cbor.dump(value | {field: bytes(changed)}), WORDS)


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
