"""Two agencies witness the log; a third sees that they did, and a broker that shows them two logs is found out."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from adapters.client import AgencyClient, connect
from adapters.home import clock
from adapters.witness import open_key
from cli import practice
from keys import decisions
from messages.directory import Witness
from messages.errors import Unverified
from tests.support.orchid import DESK, PROSECUTOR, SHELTER, TaskForce, fresh_task_force
from tests.support.processes import command, start, stop

AGENCIES = ("district-prosecutor", "wrenfold-support")


@dataclass
class Town:
    force: TaskForce
    passphrase: str

    def home(self, address: str) -> Path:
        return self.force.practice.party(address.partition("/")[0])

    async def cosigns(self, agency: AgencyClient, address: str) -> bool:
        return await agency.cosign(open_key(self.home(address), self.passphrase))

    def connected(self, address: str) -> AbstractAsyncContextManager[AgencyClient]:
        return connect(self.home(address), address.partition("/")[2], self.passphrase)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("witnesses")
    force = fresh_task_force(folder / "task-force")
    _, decided = practice.published(force.practice.folder / "officers" / "work")
    for name in AGENCIES:
        made = command("adapter", "witness", "--home", str(force.practice.party(name)))
        assert made.returncode == 0, made.stderr
        vkey = made.stdout.strip()
        decided = decisions.add_witness(decided, Witness(label=vkey.partition("+")[0], vkey=vkey))
        again = command("adapter", "witness", "--home", str(force.practice.party(name)))
        assert again.returncode == 2 and "exists already" in again.stderr
    practice.publish(force.practice.folder, replace(decided), clock())
    broker = start("up", "--home", str(force.practice.broker), log=folder / "broker.log")
    try:
        yield Town(force, (force.practice.folder / "passphrase").read_text().strip())
    finally:
        stop(broker)


async def test_a_head_becomes_final_once_two_witnesses_saw_it_and_a_third_agency_has_it_proved(town: Town) -> None:
    async with (
        town.connected(PROSECUTOR) as court,
        town.connected(SHELTER) as shelter,
        town.connected(DESK) as police,
    ):
        while await court._watch().head() is None:  # the log's first entry is its broker's epoch
            pass
        assert await town.cosigns(court, PROSECUTOR)
        assert not await town.cosigns(court, PROSECUTOR), "once for each head"
        assert await police.check_witnessed() is None
        assert await town.cosigns(shelter, SHELTER)
        final = await police.check_witnessed()
        assert final is not None and final.witnesses == 2 and final.head.size > 0
    told = command("promises", "--home", str(town.home(DESK)), "--as", "desk")
    assert told.returncode == 0 and f"2 witnesses saw the log with {final.head.size} leaves" in told.stdout
    found = command("doctor", "--home", str(town.home(DESK)))
    assert "2 of them saw the log" in found.stdout, found.stdout + found.stderr


async def test_a_witness_that_saw_another_log_signs_nothing(town: Town) -> None:
    async with town.connected(SHELTER) as shelter:
        offered = await shelter._watch().offered()
        assert offered is not None
        shelter.journal._db.execute("DELETE FROM head")
        shelter.journal.saw_head(offered[0].size, bytes(32))
        with pytest.raises(Unverified, match="forked"):
            await town.cosigns(shelter, SHELTER)
