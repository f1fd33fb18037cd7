"""An agency's folder: whose passphrase opens which key, and what is never shown."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.home import ADAPTER_KEY, Ask, Home, read_settings, read_trust
from keys import keystore
from keys.keystore import Cost
from keys.unlocking import Passphrase, Source
from keys.verifying import verify_envelope
from messages import wire
from messages.errors import BadInput, KeyTrouble, ShareError, Unverified
from messages.labels import Keeping
from tests.keys.test_pkcs11 import MODULES, PIN, needs_token
from tests.support.orchid import DESK, TaskForce

ROOT = Path(__file__).resolve().parents[2]
OWN = "what only the sergeant knows"
CHEAP = Cost(1, keystore.MIN_MEMORY)


@pytest.fixture
def folder(force: TaskForce, tmp_path: Path) -> Path:
    """A copy of the police's folder, whose desk's key is in earnest: a person's, under a passphrase of its own."""
    home = tmp_path / "harbour-police"
    shutil.copytree(force.practice.party("harbour-police"), home)
    path = home / "keys" / "desk.key"
    secrets = keystore.read(path, force.passphrase)
    keystore.write(path, {**secrets, "keeping": Keeping.PERSON.value, "practice": False}, OWN, CHEAP)
    return home


class Asked:
    """Somebody who is there, and what they were asked for."""

    def __init__(self, *words: str) -> None:
        self.words, self.whose = list(words), list[str]()

    def __call__(self, whose: str) -> Passphrase:
        self.whose.append(whose)
        return Passphrase(self.words.pop(0), Source.PROMPT)


def opened(folder: Path, force: TaskForce, source: Source, ask: Ask | None = None) -> Home:
    return Home.open(folder, Passphrase(force.passphrase, source), ask=ask)


def alter(folder: Path, words: str, **changed: object) -> None:
    path = folder / "keys" / "desk.key"
    keystore.change(path, words, lambda secrets: {**secrets, **changed})


# Whose passphrase


@pytest.mark.parametrize("source", [Source.FILE, Source.CREDENTIAL])
def test_a_person_is_asked_for_their_own_where_the_machines_lies_on_it(
    force: TaskForce, folder: Path, source: Source
) -> None:
    ask = Asked(OWN)
    home = opened(folder, force, source, ask)
    keys = home.unlock("desk")
    assert ask.whose == ["the key of desk"]
    assert keys.passphrase is not None and keys.passphrase.source is Source.PROMPT
    assert [k.key.public for k in home.stored_keys(keys)] == [k.public for k in keys.decryption]


def test_even_if_the_machines_passphrase_opens_it_a_person_is_asked(force: TaskForce, folder: Path) -> None:
    shutil.copy(force.practice.party("harbour-police") / "keys" / "desk.key", folder / "keys" / "desk.key")
    alter(folder, force.passphrase, practice=False, keeping=Keeping.PERSON.value)
    ask = Asked(force.passphrase)
    opened(folder, force, Source.FILE, ask).unlock("desk")
    assert ask.whose == ["the key of desk"]
    with pytest.raises(KeyTrouble, match="does not open with a passphrase from a file"):
        opened(folder, force, Source.FILE).unlock("desk")


def test_somebody_who_typed_the_agencys_passphrase_is_asked_for_a_colleagues_own(
    force: TaskForce, folder: Path
) -> None:
    ask = Asked(OWN)
    home = opened(folder, force, Source.PROMPT, ask)
    home.unlock("release-officer")
    assert ask.whose == []
    home.unlock("desk")
    assert ask.whose == ["the key of desk"]


@pytest.mark.parametrize("source", [Source.PROMPT, Source.FD])
def test_somebody_who_is_there_is_not_asked_twice_for_one_passphrase(
    force: TaskForce, folder: Path, source: Source
) -> None:
    secrets = keystore.read(folder / "keys" / "desk.key", OWN)
    keystore.write(folder / "keys" / "desk.key", secrets, force.passphrase, CHEAP)
    ask = Asked()
    assert opened(folder, force, source, ask).unlock("desk").passphrase is not None
    assert ask.whose == []


def test_a_wrong_answer_opens_nothing(force: TaskForce, folder: Path) -> None:
    with pytest.raises(KeyTrouble, match="does not open this key file"):
        opened(folder, force, Source.FILE, Asked("not it")).unlock("desk")


def test_where_nobody_is_there_to_ask_it_stays_locked(force: TaskForce, folder: Path) -> None:
    for source in Source:
        with pytest.raises(KeyTrouble):
            opened(folder, force, source).unlock("desk")


@pytest.mark.parametrize("source", list(Source))
def test_a_service_gets_no_persons_key_and_asks_nobody(force: TaskForce, folder: Path, source: Source) -> None:
    ask = Asked(OWN)
    with pytest.raises(KeyTrouble):
        opened(folder, force, source, ask).unlock("desk", unattended=True)
    keystore.write(
        folder / "keys" / "desk.key", keystore.read(folder / "keys" / "desk.key", OWN), force.passphrase, CHEAP
    )
    with pytest.raises(KeyTrouble, match="belongs to a person; a service cannot hold it"):
        opened(folder, force, source, ask).unlock("desk", unattended=True)
    assert ask.whose == []


def test_its_owner_alone_does_not_make_a_persons_key_a_services(force: TaskForce, folder: Path) -> None:
    secrets = keystore.read(folder / "keys" / "desk.key", OWN)
    keystore.write(folder / "keys" / "desk.key", {**secrets, "keeping": Keeping.SERVICE.value}, force.passphrase, CHEAP)
    with pytest.raises(KeyTrouble, match="belongs to a person"):
        opened(folder, force, Source.FILE).unlock("desk", unattended=True)


# What is missing or wrong


def test_a_contact_whose_keys_are_not_here_is_named_with_those_that_are(force: TaskForce, folder: Path) -> None:
    with pytest.raises(BadInput, match=r"'nobody'.*desk"):
        opened(folder, force, Source.PROMPT).unlock("nobody")
    with pytest.raises(BadInput):
        opened(folder, force, Source.PROMPT).unlock("adapter")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"handle": "cnobodyaaaaaa"}, "not in the trust bundle"),
        ({"handle": 7}, "not in the trust bundle"),
        ({"sign": bytes(32)}, "may have been rotated"),
        ({"sign": None}, "no sign key"),
        ({"nkey": None}, "no nkey key"),
        ({"decrypt": [b"short"]}, "cannot be read"),
    ],
)
def test_a_key_file_that_does_not_fit_is_refused_in_a_sentence(
    force: TaskForce, folder: Path, changed: dict[str, object], words: str
) -> None:
    alter(folder, OWN, **changed)
    with pytest.raises(KeyTrouble, match=words):
        opened(folder, force, Source.FILE, Asked(OWN)).unlock("desk")


@pytest.mark.parametrize("settings", [None, b"", b"{", b"[]", b"\xff", b"{}", b'{"handle": "x"}', b'{"handle": 3}'])
def test_settings_that_do_not_name_an_agency_are_a_mistake(folder: Path, settings: bytes | None) -> None:
    (folder / "agency.json").unlink()
    if settings is not None:
        (folder / "agency.json").write_bytes(settings)
    with pytest.raises(BadInput):
        read_trust(folder, read_settings(folder))


def test_another_agencys_handle_does_not_open_our_extract(force: TaskForce, folder: Path) -> None:
    text = (folder / "agency.json").read_text()
    other = force.agency("district-prosecutor")
    (folder / "agency.json").write_text(text.replace(force.agency("harbour-police"), other))
    with pytest.raises(ShareError):
        opened(folder, force, Source.PROMPT)


# What is shown


def test_neither_the_folder_nor_a_contact_shows_a_secret_when_it_is_printed(force: TaskForce, folder: Path) -> None:
    home = opened(folder, force, Source.FILE, Asked(OWN))
    keys = home.unlock("desk")
    adapter = keystore.read(folder / ADAPTER_KEY, force.passphrase)
    contact = keystore.read(folder / "keys" / "desk.key", OWN)
    secrets = [adapter["nkey"], adapter["register"], contact["sign"], contact["nkey"]]
    secrets += [k.raw for k in home.stored_keys(keys)]
    shown = f"{home!r} {home} {keys!r} {keys} {home.trust!r} {home.stored_keys(keys)!r}"
    assert OWN not in shown and force.passphrase not in shown
    for secret in secrets:
        assert isinstance(secret, bytes)
        assert secret.hex() not in shown and repr(secret)[2:-1] not in shown and secret[:8].hex() not in shown


# A key in a token


SIGNING = """
import sys
from dataclasses import replace
from pathlib import Path
from adapters.home import Home
from cli.practice import Practice
from keys import keystore, pkcs11
from messages.directory import Directory
from tests.support.orchid import PROSECUTOR, TaskForce

task_force, folder, module, pin, words, now = sys.argv[1:]
place = pkcs11.TokenKey(module=module, token="desk", label="sign", pin=pin)
public = pkcs11.make_key(place)
with_token = lambda s: {**{k: v for k, v in s.items() if k != "sign"}, "token": place.to_map()}
keystore.change(Path(folder) / "keys" / "desk.key", words, with_token)
force = TaskForce(Practice(Path(task_force)), int(now))
home = Home.open(Path(folder), words)
known = home.bundle.directory
contacts = [
    c.model_copy(update={"signing_key": public, "former_keys": ()}) if c.name == "desk" else c for c in known.contacts
]
fields = {n: getattr(known, n) for n in Directory.model_fields} | {"contacts": tuple(contacts)}
home = home.under(replace(home.bundle, directory=Directory(**fields)))
keys = home.unlock("desk")
assert pin not in repr(home) + repr(keys)
envelope = force.compose(force.one("08-organisations.json", PROSECUTOR), signer=keys.signer)
home.tokens.close()
print(public.hex(), envelope.to_bytes().hex())
"""


@needs_token
def test_a_token_signs_a_message_that_its_recipient_verifies(force: TaskForce, folder: Path, tmp_path: Path) -> None:
    """In a process of its own: SoftHSM reads its configuration once, when it is loaded."""
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
    here = {**os.environ, "SOFTHSM2_CONF": str(tmp_path / "softhsm2.conf"), "PYTHONPATH": str(ROOT)}
    init = ["softhsm2-util", "--init-token", "--free", "--label", "desk", "--pin", PIN, "--so-pin", "1234567890"]
    subprocess.run(init, env=here, check=True, capture_output=True)
    shutil.copy(force.practice.party("harbour-police") / "keys" / "desk.key", folder / "keys" / "desk.key")
    given = [str(force.practice.folder), str(folder), str(MODULES[0]), PIN, force.passphrase, str(force.now)]
    done = subprocess.run(
        [sys.executable, "-c", SIGNING, *given], env=here, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    public, data = (bytes.fromhex(word) for word in done.stdout.split())
    desk = force.contact(DESK)
    assert public != desk.signing_key
    envelope = wire.decode(data)
    sender = desk.model_copy(update={"signing_key": public, "former_keys": ()})
    assert verify_envelope(envelope, sender, force.now).manifest.sender == desk.handle
    with pytest.raises(Unverified):
        verify_envelope(envelope, desk, force.now)
