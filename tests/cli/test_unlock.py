"""Unlocking: where a passphrase comes from, and where neither it nor a key may ever be seen."""

import dataclasses
import json
import os
import pty
import select
import stat
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.home import ContactKeys, Home
from broker.admit import World
from broker.service import BrokerHome
from cli import unlock
from cli.unlock import CREDENTIAL, DESCRIPTOR_VARIABLE
from keys import keystore
from keys.domains import KeyKind
from keys.keystore import Cost
from keys.nkey import new_nkey
from keys.sealing import DecryptionKey, SectionKey
from keys.signing import Signer
from keys.unlocking import Passphrase, Source
from messages.errors import BadInput, KeyTrouble
from tests.keys import world
from tests.support.patience import PATIENCE
from tests.support.processes import ROOT, environment

WORDS = "correct-horse-battery-staple"
CHEAP = Cost(1, keystore.MIN_MEMORY)
SEED = world.seed("guard of the unlocking tests")


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (DESCRIPTOR_VARIABLE, "CREDENTIALS_DIRECTORY"):
        monkeypatch.setenv(name, "")  # so that it is put back as it was, whoever takes it out
        monkeypatch.delenv(name)
    monkeypatch.setattr("sys.stdin", None)
    monkeypatch.setattr("cli.unlock.sys.stdin", open(os.devnull))  # noqa: SIM115


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An agency's folder with a guard's key; its settings name no passphrase."""
    folder = tmp_path / "agency"
    folder.mkdir(mode=0o700)
    (folder / "agency.json").write_text(json.dumps({"agency": "harbour-police"}))
    secrets = {"handle": "g" + "a" * 12, "sign": SEED}
    keystore.write(folder / "guard" / "guard.key", secrets, WORDS, CHEAP)
    return folder


def piped(words: str | bytes) -> int:
    """The reading end of a pipe that holds `words` and is closed."""
    reading, writing = os.pipe()
    os.write(writing, words if isinstance(words, bytes) else words.encode())
    os.close(writing)
    return reading


def in_file(home: Path, words: str = "from-the-file", mode: int = 0o600) -> Path:
    path = home / "secret"
    path.write_text(words)
    path.chmod(mode)
    (home / "agency.json").write_text(json.dumps({"agency": "harbour-police", "passphrase_file": "secret"}))
    return path


def as_credential(folder: Path, monkeypatch: pytest.MonkeyPatch, file: int = 0o400, directory: int = 0o500) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    path = folder / CREDENTIAL
    path.unlink(missing_ok=True)
    path.write_text("from-the-credential\n")
    path.chmod(file)
    folder.chmod(directory)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return path


# sources


def test_a_descriptor_comes_before_a_credential_and_a_credential_before_a_file(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_file(home)
    assert (unlock.passphrase(home).reveal(), unlock.passphrase(home).source) == ("from-the-file", Source.FILE)
    as_credential(tmp_path / "credentials", monkeypatch)
    found = unlock.passphrase(home)
    assert (found.reveal(), found.source) == ("from-the-credential", Source.CREDENTIAL)
    monkeypatch.setenv(DESCRIPTOR_VARIABLE, str(piped(WORDS + "\n")))
    found = unlock.passphrase(home)
    assert (found.reveal(), found.source) == (WORDS, Source.FD)


def test_a_descriptor_is_read_once_and_closed_and_no_child_hears_of_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = piped(WORDS)
    monkeypatch.setenv(DESCRIPTOR_VARIABLE, str(number))
    unlock.passphrase(home)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)
    assert DESCRIPTOR_VARIABLE not in os.environ
    with pytest.raises(KeyTrouble, match="locked"):
        unlock.passphrase(home)


@pytest.mark.parametrize("named", ["", "three", "-1", "999", "99999999999999999999", "1", "2"])
def test_a_descriptor_that_cannot_be_read_is_said_in_a_sentence(
    home: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    in_file(home)  # and nothing else is taken in its place
    monkeypatch.setenv(DESCRIPTOR_VARIABLE, named)
    with pytest.raises(KeyTrouble, match="descriptor"):
        unlock.passphrase(home)


def test_a_terminal_is_no_descriptor_to_read_from_because_it_would_show_what_is_typed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, ours = pty.openpty()
    try:
        monkeypatch.setenv(DESCRIPTOR_VARIABLE, str(ours))
        with pytest.raises(KeyTrouble, match="pipe"):
            unlock.passphrase(home)
    finally:
        os.close(theirs)
        os.close(ours)


@pytest.mark.parametrize("words", ["", "\n", "a\nb", "a\0b", b"\xff\xfe", "x" * 5000])
def test_what_is_no_single_line_of_text_is_no_passphrase(
    home: Path, monkeypatch: pytest.MonkeyPatch, words: str | bytes
) -> None:
    monkeypatch.setenv(DESCRIPTOR_VARIABLE, str(piped(words)))
    with pytest.raises(KeyTrouble, match="one line"):
        unlock.passphrase(home)


def test_a_descriptor_that_opens_a_file_on_the_disk_counts_as_that_file(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "words"
    path.write_text(WORDS)
    path.chmod(0o600)
    monkeypatch.setenv(DESCRIPTOR_VARIABLE, str(os.open(path, os.O_RDONLY)))
    assert unlock.passphrase(home).source is Source.FILE
    path.chmod(0o644)
    monkeypatch.setenv(DESCRIPTOR_VARIABLE, str(os.open(path, os.O_RDONLY)))
    with pytest.raises(KeyTrouble, match="chmod 600"):
        unlock.passphrase(home)


def test_a_file_without_a_name_is_a_pipe_to_us(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    number = os.memfd_create("words")
    os.write(number, WORDS.encode())
    os.lseek(number, 0, os.SEEK_SET)
    monkeypatch.setenv(DESCRIPTOR_VARIABLE, str(number))
    assert unlock.passphrase(home).source is Source.FD


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o601, 0o660])
def test_a_passphrase_file_that_others_can_touch_is_refused(home: Path, mode: int) -> None:
    in_file(home, mode=mode)
    with pytest.raises(KeyTrouble, match="chmod 600"):
        unlock.passphrase(home)


def test_a_passphrase_file_that_is_not_there_or_is_a_link_is_refused(home: Path, tmp_path: Path) -> None:
    path = in_file(home)
    path.rename(tmp_path / "elsewhere")
    with pytest.raises(KeyTrouble, match="cannot be read"):
        unlock.passphrase(home)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyTrouble, match="link"):
        unlock.passphrase(home)


@pytest.mark.parametrize(("file", "directory"), [(0o400, 0o500), (0o440, 0o550), (0o600, 0o700)])
def test_a_credential_is_taken_as_systemd_lays_it_out(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: int, directory: int
) -> None:
    as_credential(tmp_path / "credentials", monkeypatch, file, directory)
    assert unlock.passphrase(home).source is Source.CREDENTIAL


@pytest.mark.parametrize(("file", "directory"), [(0o404, 0o500), (0o460, 0o500), (0o400, 0o505), (0o400, 0o770)])
def test_a_credential_that_others_can_touch_is_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: int, directory: int
) -> None:
    as_credential(tmp_path / "credentials", monkeypatch, file, directory)
    with pytest.raises(KeyTrouble, match="Others can"):
        unlock.passphrase(home)


def test_a_service_may_have_other_credentials_and_not_ours(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    in_file(home)
    assert unlock.passphrase(home).source is Source.FILE


def test_where_nobody_can_be_asked_the_keys_stay_locked(home: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyTrouble, match="locked"):
        unlock.passphrase(home)
    with pytest.raises(BadInput, match="--home"):
        unlock.passphrase(tmp_path)


def test_a_person_is_asked_for_their_own_whatever_lies_on_the_machine(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_file(home)
    as_credential(tmp_path / "credentials", monkeypatch)
    with pytest.raises(KeyTrouble, match="locked"):
        unlock.own_passphrase("desk")
    monkeypatch.setenv(DESCRIPTOR_VARIABLE, str(piped(WORDS)))
    assert unlock.own_passphrase("desk").source is Source.FD


def test_what_is_typed_at_the_prompt_is_not_shown(home: Path) -> None:
    """On a terminal of its own: the process asks, reads, opens the key, and echoes nothing."""
    program = (
        "import sys; from pathlib import Path; from cli.unlock import passphrase; from adapters.guard import open_key;"
        "home = Path(sys.argv[1]); found = passphrase(home); open_key(home / 'guard', found); print(found)"
    )
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.execve(sys.executable, [sys.executable, "-c", program, str(home)], environment())  # noqa: S606
    deadline = time.monotonic() + 60
    while termios.tcgetattr(terminal)[3] & termios.ECHO:  # until it listens without showing
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.write(terminal, WORDS.encode() + b"\n")
    shown = b""
    try:
        while select.select([terminal], [], [], 60)[0] and (part := os.read(terminal, 1024)):
            shown += part
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(terminal)
    assert os.waitpid(child, 0)[1] == 0, shown
    assert b"Passphrase: " in shown and b"Passphrase(prompt)" in shown
    assert WORDS.encode() not in shown


# where no secret may be seen


@pytest.fixture
def guard(home: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """The release guard as a service, unlocked through a descriptor, and the file of its log."""
    log = home / "guard.log"
    with unlock.handing_over(Passphrase(WORDS, Source.FD)) as handed, log.open("wb") as sink:
        given = handed.arguments()
        given["env"] = {**environment(), DESCRIPTOR_VARIABLE: str(handed.descriptor)}
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "guard", "run", "--home", str(home)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=sink, text=True, **given,
        )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("ready"), log.read_text()
    yield process, log
    process.terminate()
    process.wait(timeout=PATIENCE)
    process.stdout.close()


def test_a_running_service_shows_no_secret_in_its_arguments_environment_descriptors_or_log(
    guard: tuple[subprocess.Popen[str], Path], home: Path
) -> None:
    process, log = guard
    proc = Path(f"/proc/{process.pid}")
    told = b"".join((proc / name).read_bytes() for name in ("cmdline", "environ", "comm"))
    assert b"guard" in told and b"PATH=" in told
    for text in (told, log.read_bytes()):
        for secret in (WORDS.encode(), SEED, SEED.hex().encode()):
            assert secret not in text
    pipes = {os.readlink(p) for p in (proc / "fd").iterdir() if p.name not in ("0", "1", "2")}
    assert not any(p.startswith(str(home / "guard" / "guard.key")) for p in pipes)


def test_a_passphrase_handed_over_is_in_the_pipe_and_not_in_the_childs_environment() -> None:
    with unlock.handing_over(Passphrase(WORDS, Source.PROMPT)) as handed:
        assert WORDS not in str(handed.arguments()) + repr(handed)
        assert stat.S_ISFIFO(os.fstat(handed.descriptor).st_mode)
        assert not os.get_inheritable(handed.descriptor)
        assert os.read(handed.descriptor, 100) == WORDS.encode()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(handed.descriptor)


def test_the_option_before_the_command_names_the_descriptor(home: Path) -> None:
    number = piped(WORDS)
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "--passphrase-fd", str(number), "guard", "run", "--home", str(home)],
        cwd=ROOT, env=environment(), pass_fds=(number,), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(number)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("ready")
    process.terminate()
    process.wait(timeout=PATIENCE)
    process.stdout.close()


SECRET_FIELDS = {"passphrase", "pin", "secret", "seed", "nkey_seed", "register_key", "raw", "words", "sign", "token"}


@pytest.mark.parametrize("kind", [Home, BrokerHome, ContactKeys, World])
def test_what_holds_secrets_leaves_them_out_when_it_is_printed(kind: type) -> None:
    shown = {f.name for f in dataclasses.fields(kind) if f.repr and f.type is not Passphrase}
    assert not shown & SECRET_FIELDS


def test_no_key_shows_itself_when_it_is_printed() -> None:
    seed, _ = new_nkey()
    raw = (SEED * 3)[:96]
    keys = [
        Signer(KeyKind.GUARD, "g" + "a" * 12, SEED),
        DecryptionKey(raw),
        SectionKey(SEED),
        Passphrase(WORDS, Source.FD),
    ]
    contact = ContactKeys(contact=None, signer=keys[0], decryption=(keys[1],), nkey_seed=seed)  # type: ignore[arg-type]
    text = repr([*keys, contact]) + "".join(str(k) for k in keys) + f"{contact}"
    assert "Signer(guard" in text
    for secret in (SEED, raw, seed, WORDS.encode()):
        assert secret.hex()[:16] not in text
        assert repr(secret)[2:12] not in text
