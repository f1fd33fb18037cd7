"""A sender whose redaction is broken: what its guard cannot know, the recipient's own look keeps from being read."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.casefile import CaseFile, read
from adapters.client import AgencyClient, connect
from adapters.guard import open_key
from adapters.guard import serving as guarding
from adapters.guarding import examining
from adapters.guarding.arriving import ASIDE
from adapters.home import clock
from adapters.journal import Leak
from adapters.planning import _Counter
from audit.record import ActRecord, read_record
from broker.service import BrokerHome, Serving, serving
from cli.main import app
from cli.practice import Practice
from cli.show import received_json
from keys.domains import Tag
from messages.errors import BadInput, NotPermitted
from messages.evidence import EvidenceType
from messages.ids import ViewId
from messages.leaks import LeakGround, LeakPlace, LeakReport
from tests.flows.test_consent import collect_until, receive
from tests.support.exported import exported
from tests.support.orchid import DESK, INSPECTORS, SHELTER, TaskForce, task_force

PHONE = "+44 7700 900999"
MAIL = "somebody@mail.example"
LEAKS = ("leak-suspected", "leak-released")  # beside them stands that a view was delivered, or not, as the clock falls


class Town:
    """A task force of its own, its running broker and the police's guard."""

    def __init__(self, force: TaskForce, broker: Serving, stack: AsyncExitStack) -> None:
        self.force, self.broker, self._stack = force, broker, stack

    async def adapter(self, address: str) -> AgencyClient:
        agency, _, name = address.partition("/")
        home = self.force.practice.party(agency)
        return await self._stack.enter_async_context(connect(home, name, self.force.passphrase))

    async def log(self, folder: Path) -> list[ActRecord]:
        """What is in the log of acts, once all of it is there and an auditor finds nothing wrong."""
        report, records = await exported(self.broker, folder)
        assert not report.breaks, report.breaks
        return [r for r in map(read_record, records) if isinstance(r, ActRecord)]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    made = task_force()
    shutil.copytree(made.practice.folder, tmp_path / "force")
    force = TaskForce(Practice(tmp_path / "force"), made.now)
    folder = force.practice.party("harbour-police") / "guard"
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(serving(BrokerHome.open(force.practice.broker, force.passphrase)))
        await stack.enter_async_context(guarding(folder, open_key(folder, force.passphrase), clock))
        yield Town(force, broker, await stack.enter_async_context(AsyncExitStack()))


def case(force: TaskForce) -> CaseFile:
    """An urgent one, with people whom the sender knows and one whom it does not."""
    whole = force.case("02-labour-disclosure.json")
    value: dict[str, Any] = json.loads(force.file("02-labour-disclosure.json").read_text(encoding="utf-8"))
    report = next(o for o in value["objects"] if o["type"] == "A01")
    report["gist"] = f"One of them called us from {PHONE}."
    report |= {"subject_refs": ["v1", "v5"], "narrative": "Forty people are locked in."}
    return replace(
        read(value | {"objects": [report], "known": [o for o in value["objects"] if o["type"] == "A02"]}),
        cover={**whole.cover, "subject_line": "Fire doors are locked tonight", "reason": f"Ask {MAIL}; open them."},
    )


async def test_words_that_seem_to_identify_somebody_are_kept_aside_told_and_released_by_a_person(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, inspectors, shelter = [await town.adapter(a) for a in (DESK, INSPECTORS, SHELTER)]
    monkeypatch.setattr(_Counter, "redact", lambda _, text: text)
    _, (refused,) = await desk.send(case(town.force), [INSPECTORS])
    assert refused.state == "refused" and "gist identifies somebody by its form (phone)" in refused.says
    assert "reason identifies somebody by its form (email)" in refused.says and PHONE not in refused.says
    monkeypatch.setattr(examining, "_by_form", lambda *_: [])  # a guard that is as blind
    _, (sent,) = await desk.send(case(town.force), [INSPECTORS])
    assert sent.evidence is not None and sent.evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE, sent.says

    received = await receive(inspectors)
    opened = received.opened
    assert opened is not None
    places = (LeakPlace("a01.1.narrative", "gist", "phone"), LeakPlace("cover", "reason", "email"))
    assert opened.aside == places
    assert opened.sections["a01.1.narrative"]["gist"] == ASIDE
    assert opened.sections["a01.1.narrative"]["narrative"] == "Forty people are locked in."  # all the rest is there
    assert opened.sections["cover"]["subject_line"] == "Fire doors are locked tonight"
    assert opened.sections["cover"]["reason"] == f"Ask {ASIDE}; open them."  # an urgent message is still understood
    assert "quarantine" in opened.warnings[0]
    said = json.dumps(received_json(inspectors.home.bundle.directory, received))
    assert PHONE not in said and MAIL not in said

    await collect_until(desk, lambda: bool(desk.journal.leaks()))
    (told,) = desk.journal.leaks()
    assert told == Leak(
        message=sent.message, recipient=inspectors.keys.contact.handle, ground=None, places=places, at=told.at
    )
    (act,) = [a for a in await town.log(tmp_path / "log") if a.act in LEAKS]
    assert (act.act, act.subject, act.signer) == ("leak-suspected", sent.message, inspectors.keys.contact.handle)

    view = received.view_id
    with pytest.raises(NotPermitted):
        await inspectors.release_aside(view, LeakGround.FALSE_ALARM, desk.keys)  # not a person of ours
    await inspectors.open(view)
    await inspectors.release_aside(view, LeakGround.VITAL_INTEREST)
    after = inspectors.look(view).opened
    assert after is not None and PHONE in after.sections["a01.1.narrative"]["gist"] and after.aside == ()
    with pytest.raises(BadInput):
        await inspectors.release_aside(view, LeakGround.FALSE_ALARM)
    await collect_until(desk, lambda: len(desk.journal.leaks()) == 2)
    assert desk.journal.leaks()[1].ground is LeakGround.VITAL_INTEREST
    acts = [a for a in await town.log(tmp_path / "log") if a.act in LEAKS]
    assert [(a.act, a.outcome) for a in acts] == [("leak-suspected", "kept-aside"), ("leak-released", "vital-interest")]

    false = LeakReport(
        message=sent.message, view_id=ViewId("0" * 32), view=opened.view_digest, sender=desk.keys.contact.handle,
        recipient=shelter.keys.contact.handle, by=None, ground=None, places=places, at=clock(),
    )  # fmt: skip
    signed = shelter.keys.signer.sign(Tag.LEAK, false.to_bytes()).to_bytes()
    answer = await shelter.hand_in(signed, kind="leak")
    assert answer is not None and answer[0].type is EvidenceType.SUBMISSION_REJECTION  # it never got that message
    await desk.collect(0.3)
    assert len(desk.journal.leaks()) == 2

    shown = CliRunner().invoke(app, ["quarantine", "list", "--json", "--home", str(inspectors.home.folder)])
    assert [r["state"] for r in json.loads(shown.stdout)] == ["released [vital-interest]"]
    home = ["--home", str(inspectors.home.folder)]
    shown = CliRunner().invoke(app, ["quarantine", "show", view[:12], *home])
    assert "section a01.1.narrative, gist: phone" in shown.stdout and PHONE not in shown.stdout
    for wrong in (
        ["show", ("0" if view[0] != "0" else "1") * 4],
        ["release", view[:12], "--ground", "habit", "--as", "inspections"],
    ):
        assert CliRunner().invoke(app, ["quarantine", *wrong, *home]).exit_code == 2
    broker = str(town.broker.home.folder)
    officers = await asyncio.to_thread(CliRunner().invoke, app, ["tasks", "leaks", "--json", "--home", broker])
    assert [(r["recipient"], r["outcome"]) for r in json.loads(officers.stdout)] == [
        (INSPECTORS, "kept-aside"),
        (INSPECTORS, "vital-interest"),
    ]
    for agency in (inspectors, desk):
        assert all(PHONE.encode() not in f.read_bytes() for f in agency.home.folder.glob("*.db*"))
    assert sha256(signed).digest() == answer[0].submission
