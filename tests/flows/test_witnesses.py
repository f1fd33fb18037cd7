"""Two agencies witness the log; a third sees that they did, and a broker that shows them two logs is found out."""

import asyncio
import base64
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from adapters.client import AgencyClient, connect
from adapters.home import clock
from adapters.witness import open_key
from audit import packet
from audit.packet import Verdict
from cli import practice
from keys import decisions
from messages.directory import Witness
from messages.errors import Unverified
from messages.ids import message_text
from tests.support.orchid import DESK, PROSECUTOR, SHELTER, TaskForce, fresh_task_force
from tests.support.patience import PATIENCE
from tests.support.processes import command, start, stop
from tests.support.tampering import flipped

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
        async with asyncio.timeout(PATIENCE):  # for the log's first entry, its broker's epoch
            while (head := await court._watch().head()) is None or not head.size:
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


async def test_a_packet_shows_who_witnessed_the_head_that_its_proofs_lead_to(town: Town) -> None:
    async with (
        town.connected(PROSECUTOR) as court,
        town.connected(SHELTER) as shelter,
        town.connected(DESK) as police,
    ):
        _, (sent,) = await police.send(town.force.case("01-full-report.json"), [PROSECUTOR])
        assert sent.state == "accepted"
        told: Verdict | None = None
        async with asyncio.timeout(60):
            while told is None or told.steps[-1].name != "witnesses":
                await town.cosigns(court, PROSECUTOR)
                await town.cosigns(shelter, SHELTER)
                exported = await police.packet(message_text(sent.message))
                told = packet.check(exported.data)
                assert told.holds, told.steps[-1].says
    assert told.steps[-1].says == "2 of 2 witnesses cosigned each head that the proofs lead to."
    assert not any("witness" in line for line in told.unchecked)
    whole = packet.read(exported.data)

    def with_heads(change: Callable[[bytes], bytes]) -> Verdict:
        return packet.check(
            packet.write(replace(whole, proofs=tuple(replace(p, head=change(p.head)) for p in whole.proofs)))
        )

    def shorter(head: bytes) -> bytes:
        return b"".join(head.splitlines(keepends=True)[:-1])

    one = with_heads(shorter)
    assert one.holds and "witnesses" not in [step.name for step in one.steps]
    assert "Whether witnesses saw the same log: 1 of 2 witnesses cosigned a head in it, and 2 have to." in one.unchecked
    twice = with_heads(lambda head: shorter(head) + shorter(head).splitlines(keepends=True)[-1])
    assert "witnesses" not in [step.name for step in twice.steps]

    def forged(head: bytes) -> bytes:
        name, line = head.splitlines()[-1].rsplit(b" ", 1)
        return shorter(head) + name + b" " + base64.b64encode(flipped(base64.b64decode(line))) + b"\n"

    lied = with_heads(forged)
    assert not lied.holds and lied.steps[-1].name == "witnesses"
    unknown = packet.check(packet.write(replace(whole, files=tuple(f for f in whole.files if b'"vkey"' not in f))))
    assert (
        unknown.holds
        and "Whether witnesses saw the same log: the packet does not hold their keys." in unknown.unchecked
    )


async def test_a_witness_that_saw_another_log_signs_nothing(town: Town) -> None:
    async with town.connected(SHELTER) as shelter:
        offered = await shelter._watch().offered()
        assert offered is not None
        shelter.journal._db.execute("DELETE FROM head")
        shelter.journal.saw_head(offered[0].size, bytes(32))
        with pytest.raises(Unverified, match="forked"):
            await town.cosigns(shelter, SHELTER)
