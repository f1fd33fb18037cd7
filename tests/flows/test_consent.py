"""A consent from being given to being withdrawn, between real adapters, guards and a real broker with its server."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from adapters import consenting as taking
from adapters.casefile import CaseFile
from adapters.client import AgencyClient, Received, connect
from adapters.consents import Held
from adapters.guard import open_key
from adapters.guard import serving as guarding
from adapters.home import clock
from adapters.journal import ERASED
from audit import fsck
from broker.service import BrokerHome, Serving, serving
from cli.adapter_cmd import _receive
from cli.practice import Practice, sought
from messages.errors import NotPermitted
from messages.evidence import EvidenceType
from messages.labels import EvidenceUse, Flag, Ground
from messages.withdrawals import KeepGround
from tests.support.consenting import ABOUT, NAME, OTHER, PLACE, SAFEGUARDING, Consenting, consenting
from tests.support.exported import exported
from tests.support.folders import contents
from tests.support.orchid import DESK, RELEASER, SHELTER
from tests.support.patience import PATIENCE


@dataclass
class Town:
    """A task force of this test's own, its running broker, guards and adapters."""

    force: Consenting
    broker: Serving
    stack: AsyncExitStack
    guards: set[str]

    async def adapter(self, address: str) -> AgencyClient:
        agency, _, name = address.partition("/")
        if agency not in self.guards:
            self.guards.add(agency)
            folder = self.force.practice.party(agency) / "guard"
            await self.stack.enter_async_context(guarding(folder, open_key(folder, self.force.passphrase), clock))
        return await self.stack.enter_async_context(
            connect(self.force.practice.party(agency), name, self.force.passphrase)
        )

    async def consent(self, desk: AgencyClient, **changes: Any) -> Held:
        """A countersigned consent on this contact's shelf."""
        held = self.force.take_down(self.force.bundle.directory.address(desk.keys.contact), now=clock(), **changes)
        desk.shelf.keep(held, clock())
        second = RELEASER if desk.home.agency.name == "harbour-police" else SAFEGUARDING
        desk.shelf.add(held.consent.id, taking.countersign(held, self.force.keys(second), clock()))
        return held

    def case(self, *consents: Held, **changes: Any) -> CaseFile:
        return replace(self.force.told(**changes), consents=tuple(h.consent.id.hex() for h in consents))

    async def send(self, desk: AgencyClient, case: CaseFile, to: str) -> None:
        _, (sent,) = await desk.send(case, [to])
        assert sent.evidence is not None and sent.evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE, sent

    async def log(self, folder: Path) -> fsck.Report:
        """The log as an auditor gets it, once everything is in it."""
        return (await exported(self.broker, folder))[0]


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Town]:
    made = consenting()
    shutil.copytree(made.practice.folder, folder)
    force = Consenting(Practice(folder), made.now)
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(serving(BrokerHome.open(folder / "broker", force.passphrase)))
        adapters = await stack.enter_async_context(AsyncExitStack())
        yield Town(force, broker, adapters, set())


@pytest.fixture
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with running(tmp_path_factory.mktemp("t") / "force") as one:  # short: the path of a socket has 107 bytes
        yield one


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.02)


async def receive(adapter: AgencyClient) -> Received:
    async with asyncio.timeout(PATIENCE), aclosing(adapter.deliveries()) as deliveries:
        return await anext(deliveries)


async def collect_until(adapter: AgencyClient, holds: Callable[[], bool]) -> None:
    collecting = asyncio.create_task(adapter.collect(PATIENCE))
    await until(holds)
    collecting.cancel()
    await asyncio.gather(collecting, return_exceptions=True)


def stands_in(folder: Path, word: str) -> list[str]:
    """In which files of a folder these bytes stand."""
    look = sought([word])[word]
    return [path.name for path, data in contents(folder) if look.search(data)]


async def test_a_withdrawal_stops_grants_erases_copies_and_tells_who_confirmed(town: Town, tmp_path: Path) -> None:
    desk, shelter = await town.adapter(DESK), await town.adapter(SHELTER)
    held = await town.consent(desk)
    await town.send(desk, town.case(held), SHELTER)
    received = await receive(shelter)
    assert received.opened is not None and received.opened.sections["a02.1.identity"]["first_name"] == NAME.split()[0]
    target = tmp_path / "into" / f"{received.view_id}.json"
    target.parent.mkdir()
    shelter.shelf.wrote(received.view_id, target)
    target.write_text(json.dumps(received.opened.sections["a02.1.identity"]))
    await town.send(desk, town.case(held), SHELTER)  # a second one, which the shelter has not fetched
    await until(lambda: bool(shelter.journal.incoming()))

    assert await taking.withdraw(desk, held, desk.keys.signer, clock()) == ""
    with pytest.raises(NotPermitted, match="R-08"):
        await desk.send(town.case(held), [SHELTER])
    assert (await taking.status(desk, held)).withdrawn is not None

    await collect_until(
        shelter, lambda: all(n.said for n in shelter.shelf.notices()) and len(shelter.shelf.notices()) == 2
    )
    assert {n.said for n in shelter.shelf.notices()} == {"erased", "not-here"}
    (tombstone,) = shelter.journal.incoming()
    assert (tombstone.state, tombstone.delivery) == (ERASED, b"")
    seen = await shelter.open(received.view_id)
    assert seen.opened is None and seen.sentence.startswith("erased: consent withdrawn on 20")
    assert "erased" in target.read_text() and stands_in(target.parent, NAME.split()[0]) == []

    async def told() -> taking.Status:
        return await taking.status(desk, held)

    async with asyncio.timeout(PATIENCE):
        while {c.outcome for c in (await told()).copies} != {"erased", "not-here"}:
            await asyncio.sleep(0.1)
    assert {c.recipient for c in (await told()).copies} == {shelter.keys.contact.handle}
    await collect_until(desk, lambda: len(desk.shelf.notices()) == 2)
    assert {(n.part, n.state) for n in desk.shelf.notices()} == {("sender", "done")}
    report = await town.log(tmp_path / "log")
    assert report.first is None, report.breaks[:3]
    async with asyncio.timeout(PATIENCE):
        while not all(c.proved for c in (await told()).copies):
            await asyncio.sleep(0.1)


async def test_what_waits_is_taken_away_and_the_sender_hears_that_it_was_not_delivered(town: Town) -> None:
    desk = await town.adapter(DESK)
    held = await town.consent(desk)
    await town.send(desk, town.case(held), SHELTER)
    assert await taking.withdraw(desk, held, desk.keys.signer, clock()) == ""
    shelter = await town.adapter(SHELTER)
    await collect_until(shelter, lambda: bool(shelter.shelf.notices()))
    assert not shelter.journal.incoming()
    await collect_until(desk, lambda: bool(desk.shelf.notices()))
    assert [(n.part, n.said) for n in desk.shelf.notices()] == [("sender", "undelivered")]


async def test_a_receiving_service_takes_back_the_file_that_it_wrote(town: Town, tmp_path: Path) -> None:
    desk, shelter = await town.adapter(DESK), await town.adapter(SHELTER)
    held = await town.consent(desk)
    target = tmp_path / "into"
    target.mkdir()
    service = asyncio.create_task(_receive(shelter, target))
    await town.send(desk, town.case(held), SHELTER)
    await until(lambda: bool(stands_in(target, NAME.split()[0])))
    await taking.withdraw(desk, held, desk.keys.signer, clock())
    await until(lambda: [n.said for n in shelter.shelf.notices()] == ["erased"])
    assert stands_in(target, NAME.split()[0]) == []
    (file,) = target.glob("*.json")
    assert json.loads(file.read_text())["erased"] == "the consent was withdrawn"
    service.cancel()
    await asyncio.gather(service, return_exceptions=True)


async def test_a_view_that_arrives_after_its_withdrawal_is_not_kept(town: Town) -> None:
    """The notice is urgent and overtakes; the view was handed out already and is journaled last."""
    desk, shelter = await town.adapter(DESK), await town.adapter(SHELTER)
    held = await town.consent(desk)
    await town.send(desk, town.case(held), SHELTER)
    assert shelter._port is not None
    stream = shelter._port.deliveries(shelter.keys.contact.handle)
    late = await anext(stream)
    await taking.withdraw(desk, held, desk.keys.signer, clock())
    await stream.aclose()
    await collect_until(shelter, lambda: [n.said for n in shelter.shelf.notices()] == ["not-here"])
    assert not shelter._journaled(late)
    (kept,) = shelter.journal.incoming()
    assert (kept.state, kept.delivery) == (ERASED, b"")
    assert shelter.look(late.view_id).sentence.startswith("erased: consent withdrawn on ")


async def test_the_agency_of_the_collector_or_an_officer_may_withdraw_and_nobody_else(town: Town) -> None:
    desk, shelter = await town.adapter(DESK), await town.adapter(SHELTER)
    held = await town.consent(desk)
    await town.send(desk, town.case(held), SHELTER)
    shelter.shelf.keep(held, clock())
    assert await taking.withdraw(shelter, held, shelter.keys.signer, clock()) == "unverified"
    assert held.consent.id not in town.broker.worker.world.withdrawn
    colleague = await town.adapter(RELEASER)
    assert await taking.withdraw(colleague, held, colleague.keys.signer, clock()) == ""
    assert held.consent.id in town.broker.worker.world.withdrawn
    assert await taking.withdraw(desk, held, desk.keys.signer, clock()) == "consent-withdrawn"  # it was before
    await collect_until(desk, lambda: {n.part for n in desk.shelf.notices()} == {"collector", "sender"})


async def test_evidence_is_kept_until_a_person_decides_and_then_says_why(town: Town) -> None:
    desk, shelter = await town.adapter(DESK), await town.adapter(SHELTER)
    held = await town.consent(desk)
    await town.send(desk, replace(town.case(held), evidence_use=EvidenceUse.EVIDENCE), SHELTER)
    received = await receive(shelter)
    await taking.withdraw(desk, held, desk.keys.signer, clock())
    await collect_until(shelter, lambda: bool(shelter.shelf.notices()))
    (notice,) = shelter.shelf.notices()
    assert (notice.state, notice.said) == ("due", None)
    blocked = await shelter.open(received.view_id)
    assert blocked.opened is None and "erasure erase" in blocked.sentence
    await shelter.keep(received.view_id, KeepGround.PROCEEDINGS)
    assert (await shelter.open(received.view_id)).opened is not None
    async with asyncio.timeout(PATIENCE):
        while (await taking.status(desk, held)).copies[0].ground != "evidence-in-proceedings":
            await asyncio.sleep(0.1)
    await shelter.erase(received.view_id)  # the proceedings are over
    async with asyncio.timeout(PATIENCE):
        while (await taking.status(desk, held)).copies[0].outcome != "erased":
            await asyncio.sleep(0.1)


async def test_another_agency_s_consent_is_passed_on_and_serves(town: Town) -> None:
    """The shelter collects it, the police send under it, and the second provider checks all of it."""
    shelter, desk, other = [await town.adapter(a) for a in (SHELTER, DESK, OTHER)]
    held = await town.consent(shelter, recipient="labour-inspectorate")
    passed = taking.to_file(shelter.shelf.find(held.consent.id.hex()[:10]))
    assert ABOUT.encode() not in passed and NAME.encode() not in passed
    taken = taking.from_file(passed, "V-2222-3333-44", desk.home.bundle.directory, clock())
    desk.shelf.keep(taken, clock())
    await town.send(desk, town.case(taken, case_pseudonym="V-2222-3333-44"), OTHER)
    received = await receive(other)
    assert received.opened is not None and received.opened.sections["a02.1.identity"]["second_name"] == NAME.split()[1]
    assert await taking.withdraw(desk, taken, desk.keys.signer, clock()) == "unverified"  # not ours to withdraw
    assert await taking.withdraw(shelter, held, shelter.keys.signer, clock()) == ""
    await collect_until(other, lambda: [n.said for n in other.shelf.notices()] == ["erased"])
    async with asyncio.timeout(PATIENCE):
        while (copies := (await taking.status(shelter, held)).copies)[0].outcome != "erased":
            await asyncio.sleep(0.1)
    assert copies[0].recipient == other.keys.contact.handle  # the shelter's own extract names it


async def test_a_vital_interest_goes_after_a_glass_was_broken_and_for_a_day(town: Town) -> None:
    desk, shelter = await town.adapter(DESK), await town.adapter(SHELTER)
    releaser = await town.adapter(RELEASER)
    vital = taking.vital_interest(town.case(), desk, [SHELTER], {"A02": (Flag.DIRECT, Flag.LOCATION)}, clock())
    for one in vital:
        desk.shelf.keep(one, clock())
    _, (sent,) = await desk.send(town.case(*vital), [SHELTER])
    assert sent.state == "held" and sent.plan.needs() == {"break-glass": [shelter.keys.contact.handle]}
    assert sent.plan.header.expires <= clock() + 24 * 3_600_000
    with pytest.raises(NotPermitted, match="duty"):
        await desk.break_glass(sent.message, desk.keys, Ground.LIFE)
    done = await releaser.break_glass(sent.message, releaser.keys, Ground.LIFE)
    assert done is not None and done.evidence is not None and "SC-63" in done.evidence.outcomes[0].rules
    received = await receive(shelter)
    assert (
        received.opened is not None and received.opened.sections["a02.1.identity"]["mailing_address"]["place"] == PLACE
    )


async def test_withdrawn_consents_are_known_again_after_a_restart_of_the_broker(town: Town, tmp_path: Path) -> None:
    desk = await town.adapter(DESK)
    held = await town.consent(desk)
    await taking.withdraw(desk, held, desk.keys.signer, clock())
    await town.stack.aclose()
    folder = tmp_path / "again"
    shutil.copytree(town.force.practice.folder, folder, ignore=shutil.ignore_patterns("*.sock"))
    async with serving(BrokerHome.open(folder / "broker", town.force.passphrase)) as broker:
        assert held.consent.id in broker.worker.world.withdrawn


async def test_no_name_of_a_person_stands_in_what_the_broker_or_the_journals_hold(town: Town) -> None:
    desk, shelter = await town.adapter(DESK), await town.adapter(SHELTER)
    held = await town.consent(desk)
    await town.send(desk, town.case(held), SHELTER)
    await receive(shelter)
    await taking.withdraw(desk, held, desk.keys.signer, clock())
    await collect_until(shelter, lambda: bool(shelter.shelf.notices()))
    for party in ("broker", "harbour-police", "wrenfold-support"):
        folder = town.force.practice.folder / party
        for word in (*NAME.split(), PLACE):
            assert stands_in(folder, word) == []
    with sqlite3.connect(town.force.practice.party("harbour-police") / "consents.db") as db:
        assert ABOUT not in json.dumps([str(r) for r in db.execute("SELECT * FROM consent")])
