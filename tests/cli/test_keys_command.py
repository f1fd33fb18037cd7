"""`safeconduct keys`: what a contact sees of its encryption keys, and the next one stated now."""

import asyncio
import json
import shutil
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from adapters.home import Home
from broker.service import BrokerHome, serving
from tests.support.orchid import TaskForce
from tests.support.processes import command

REFUSED, MISTAKE = 1, 2


def keys(home: Path, *arguments: str) -> CompletedProcess[str]:
    return command("keys", "--home", str(home), "--as", "desk", *arguments)


@pytest.fixture
def folder(force: TaskForce, tmp_path: Path) -> Path:
    """A copy of the task force."""
    shutil.copytree(force.practice.folder, tmp_path / "force")
    return tmp_path / "force"


def test_a_contacts_keys_are_shown_with_their_periods_and_no_secret(force: TaskForce, folder: Path) -> None:
    home = folder / "harbour-police"
    shown, told = keys(home), keys(home, "--json")
    assert (shown.returncode, told.returncode, shown.stderr) == (0, 0, "")
    opened = Home.open(home, force.passphrase)
    (stated,) = opened.unlock("desk").contact.statements
    row = {"number": 1, "from": stated.start, "until": stated.end, "published": True, "here": True}
    handle = force.contact("harbour-police/desk").handle
    assert json.loads(told.stdout) == {"contact": handle, "due": False, "keys": [row]}
    assert "in the trust bundle" in shown.stdout and shown.stdout.count("yes") == 2
    assert "the next key is due" not in shown.stdout


def test_a_countersignature_without_a_renewal_is_a_mistake(folder: Path) -> None:
    done = keys(folder / "harbour-police", "--countersign", "release-officer")
    assert done.returncode == MISTAKE and "goes with --renew" in done.stderr


async def test_a_key_off_its_schedule_is_refused_by_the_rule_and_taken_with_a_countersignature(
    force: TaskForce, folder: Path
) -> None:
    home = folder / "harbour-police"
    before = json.loads(keys(home, "--json").stdout)
    async with serving(BrokerHome.open(folder / "broker", force.passphrase)) as broker:
        refused = await asyncio.to_thread(keys, home, "--renew")
        assert refused.returncode == REFUSED, refused.stderr
        assert "[key-off-schedule]" in refused.stderr and "stated encryption key" not in refused.stdout
        assert json.loads(keys(home, "--json").stdout) == before, "the refused key is forgotten"

        own = await asyncio.to_thread(keys, home, "--renew", "--countersign", "desk")
        assert own.returncode == REFUSED, "nobody countersigns for itself"
        assert json.loads(keys(home, "--json").stdout) == before

        taken = await asyncio.to_thread(keys, home, "--renew", "--countersign", "release-officer", "--json")
        assert taken.returncode == 0, taken.stderr
        rows = {r["number"]: (r["published"], r["here"]) for r in json.loads(taken.stdout)["keys"]}
        assert rows == {2: (False, True), 1: (True, True)}
        contact = force.contact("harbour-police/desk")
        assert [s.number for s in broker.worker.world.stated[contact.handle]] == [2]

        former = await asyncio.to_thread(command, "keys", "--home", str(home), "--as", "former-liaison", "--renew")
        assert former.returncode != 0 and "stated encryption key" not in former.stdout
