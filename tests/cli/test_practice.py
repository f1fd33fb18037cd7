"""The practice task force: made, renewed, and looked at through the commands a person would type."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters.home import Home, clock, read_bundle
from cli import practice
from cli.main import app
from keys.statements import usable
from messages import cbor
from messages.catalogue.loader import TYPE_IDS
from messages.errors import BadInput
from messages.limits import DAY

NOW = clock()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> practice.Practice:
    return practice.make(tmp_path_factory.mktemp("practice") / "force", practice.example_folder(), NOW)


def secret(force: practice.Practice) -> str:
    return (force.folder / "passphrase").read_text(encoding="utf-8")


def test_nobody_else_can_enter_its_folders_or_read_its_keys(made: practice.Practice) -> None:
    files = list(made.folder.rglob("*.key"))
    assert len(files) > 20
    assert all(path.stat().st_mode & 0o077 == 0 and path.parent.stat().st_mode & 0o077 == 0 for path in files)
    assert made.folder.stat().st_mode & 0o077 == 0


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(BadInput, match="name a new folder"):
        practice.make(tmp_path, practice.example_folder(), NOW)
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_renewing_signs_the_next_epoch_with_fresh_keys_and_keeps_the_old_ones(tmp_path: Path) -> None:
    force = practice.make(tmp_path / "force", practice.example_folder(), NOW)
    police = force.party("harbour-police")
    before = read_bundle(police)
    now = clock()
    assert practice.renew(force.folder, now) == before.epoch + 1
    state, _ = practice.published(force.folder / "officers" / "work")
    assert (state.epoch, set(state.tops.values())) == (2, {2})  # also what did not change was signed anew
    practice.carry_out(force.folder, now)
    after = read_bundle(police)
    assert after.epoch == before.epoch + 1
    assert before.expires <= after.expires <= now + 7 * DAY
    assert after.agreements == before.agreements
    for old in before.directory.contacts:
        new = after.directory.contact(old.handle)
        assert new is not None
        assert usable(new, now).number == usable(old, now).number + 1
        assert set(old.statements) < set(new.statements)  # what was sealed to the old key still has its statement
    keys = Home.open(police, secret(force)).unlock("desk")
    assert {k.public for k in keys.decryption} == {s.key for s in keys.contact.statements}


def test_only_a_practice_task_force_is_renewed(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a practice task force"):
        practice.renew(tmp_path, NOW)


def test_a_part_of_a_trust_bundle_tells_its_outside(made: practice.Practice) -> None:
    trust = made.broker / "trust"
    for path, kind, whose in (
        (trust / "repository" / "top" / "full" / "1.json", "targets", {"for": "full", "epoch": 1}),
        (trust / "root.json", "root", {}),
    ):
        done = CliRunner().invoke(app, ["inspect", str(path), "--json"])
        told = json.loads(done.stdout)
        assert (told["is"], told["version"], told["signatures"]) == (f"part of a trust bundle ({kind})", 1, 2)
        assert whose.items() <= told.items() and told["expires"] > NOW


@pytest.mark.parametrize("name", ["A01", "A24", "service-needs"])
def test_types_and_code_lists_can_be_looked_up(name: str) -> None:
    done = CliRunner().invoke(app, ["types", name, "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)
    assert name in CliRunner().invoke(app, ["types", name]).stdout


def test_all_types_are_listed() -> None:
    assert len(json.loads(CliRunner().invoke(app, ["types", "--json"]).stdout)) == len(TYPE_IDS)


def test_what_is_no_type_is_a_mistake() -> None:
    assert CliRunner().invoke(app, ["types", "A99"]).exit_code == 2


def test_a_short_word_is_found_as_a_word_in_whatever_holds_it_and_not_within_a_key() -> None:
    words = practice.sought(["Ioana", "Ioana Dobrescu", "Zoë"])
    held = [
        *("said Ioana, who", "Ioana's coat", "xx Ioana", '{"n":"Ioana"}', "<td>Ioana</td>", "(Ioana/Maria)"),
        *(r"said\nIoana\nwho", "key=Ioana&", "?q=Ioana%20", "“Ioana”", "«Ioana»", "—Ioana—", "&lt;Ioana&gt;"),
        *("*Ioana*", "|Ioana|", "{Ioana}", "`Ioana`", "#Ioana#", "\0Ioana\0", "Ioana@x", "IoanaX", "XIoana"),
    ]
    for data in (*map(str.encode, held), cbor.dump({"n": "Ioana", "o": 1}), b"\xffIoana\xff"):
        assert [w for w, look in words.items() if look.search(data)] == ["Ioana"], data
    assert words["Zoë"].search(cbor.dump(["Zoë"])) and words["Zoë"].search("x, Zoëx".encode())
    for key in (b"k3IoanaQ9", b"k+Ioana0", b"/Ioana_", "xZoëx".encode()):
        assert not any(look.search(key) for look in words.values()), key
    assert words["Ioana Dobrescu"].search(b"k3Ioana DobrescuQ9")
