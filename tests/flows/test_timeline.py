"""A message as its sender sees it, from submission to what its recipients did: real adapters, broker and server."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.client import AgencyClient, connect
from audit.logdir import LogDir
from audit.record import ActRecord, read_record
from audit.tree import Tree
from broker.service import BrokerHome, Serving, serving
from cli.main import app
from cli.practice import Practice
from messages.evidence import EvidenceType
from messages.ids import MessageId, message_text
from messages.limits import DAY
from messages.raised import What
from messages.recalls import RecallGround
from tests.flows.test_consent import collect_until, receive, until
from tests.support.exported import exported
from tests.support.orchid import DESK, PROSECUTOR, TaskForce, task_force

FIRMS = "08-organisations.json"


@dataclass
class Town:
    """A task force of this test's own, its running broker and adapters."""

    force: TaskForce
    broker: Serving
    stack: AsyncExitStack

    async def adapter(self, address: str) -> AgencyClient:
        agency, _, name = address.partition("/")
        home = self.force.practice.party(agency)
        return await self.stack.enter_async_context(connect(home, name, self.force.passphrase))

    async def send(self, desk: AgencyClient, *to: str) -> MessageId:
        _, (sent,) = await desk.send(self.force.case(FIRMS), to)
        assert sent.evidence is not None and sent.evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE
        return sent.message

    def done(self, desk: AgencyClient, message: MessageId, address: str) -> list[EvidenceType]:
        handle = self.force.contact(address).handle
        return [d.type for line in desk.timeline(message).lines if line.recipient == handle for d in line.done]

    def shown(self, message: MessageId) -> tuple[int, dict[str, Any]]:
        """What the command says."""
        home = self.force.practice.party("harbour-police")
        words = ["timeline", message_text(message), "--home", str(home), "--as", "desk", "--json"]
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        return done.exit_code, json.loads(done.stdout)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    made = task_force()
    shutil.copytree(made.practice.folder, tmp_path / "force")
    force = TaskForce(Practice(tmp_path / "force"), made.now)
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(serving(BrokerHome.open(force.practice.broker, force.passphrase)))
        yield Town(force, broker, await stack.enter_async_context(AsyncExitStack()))


async def test_a_sender_sees_each_step_of_each_recipient_and_an_auditor_finds_them_in_the_log(
    town: Town, tmp_path: Path
) -> None:
    desk, prosecutor = await town.adapter(DESK), await town.adapter(PROSECUTOR)
    message = await town.send(desk, PROSECUTOR)
    await collect_until(prosecutor, lambda: len(prosecutor.journal.incoming()) == 1)
    await until(lambda: town.done(desk, message, PROSECUTOR) == [EvidenceType.DELIVERY])

    view = prosecutor.find_view(prosecutor.journal.incoming()[0].view)
    assert (await prosecutor.open(view)).opened is not None
    prosecutor.done(view)
    await prosecutor.say()
    await until(lambda: EvidenceType.ACCEPTANCE in town.done(desk, message, PROSECUTOR))
    steps = [EvidenceType.DELIVERY, EvidenceType.RETRIEVAL, EvidenceType.ACCEPTANCE]
    assert town.done(desk, message, PROSECUTOR) == steps

    for agency in (desk, prosecutor):
        assert await agency._watch().head() is not None
    second = await town.send(desk, PROSECUTOR)
    received = await receive(prosecutor)  # as soon as it is there
    assert received.opened is not None and received.opened.manifest.id == second
    await until(lambda: EvidenceType.RETRIEVAL in town.done(desk, second, PROSECUTOR))
    assert [contact for contact, *_ in desk.journal.unproved_heads()] == [town.force.contact(PROSECUTOR).handle]
    assert await desk.check_heads() == [] == desk.journal.unproved_heads()  # both are shown one log

    for _ in range(2):  # handed in until it is answered, and an hour long in the same bytes
        desk.raise_alarm(What.LOG_DIFFERS)
        await desk.say()
        await until(lambda: not desk.shelf.unsaid())

    report, records = await exported(town.broker, tmp_path / "log")
    assert not report.breaks, report.breaks
    acts = [r for r in map(read_record, records) if isinstance(r, ActRecord)]
    assert {"view-delivered", "view-acknowledged"} <= {r.act for r in acts}
    raised = [r for r in acts if r.act == "alarm-raised"]
    assert {(r.outcome, r.signer) for r in raised} == {("log-differs", desk.keys.contact.handle)}
    assert len(raised) == len({r.subject for r in raised})  # two only where an hour ended in between

    desk.journal._db.execute("DELETE FROM evidence")  # the sender was away: it asks
    assert await desk.ask_steps(message) == 3
    assert town.done(desk, message, PROSECUTOR) == steps
    assert await desk.ask_steps(message) == 0
    assert await desk.check_promises() == []
    line = next(li for li in desk.timeline(message).lines if li.recipient == town.force.contact(PROSECUTOR).handle)
    assert all(d.logged for d in line.done) and line.done[1].signer == line.recipient

    # The prosecutor was shown another log: all leaves of ours, and a last one of its own.
    shown = await prosecutor._watch().head()
    assert shown is not None
    fork = Tree()
    fork.extend(LogDir(tmp_path / "log").leaves()[: shown.size - 1])
    fork.append(b"another leaf")
    prosecutor.journal._db.execute("DELETE FROM head")
    prosecutor.journal.saw_head(fork.size, fork.root())
    third = await town.send(desk, PROSECUTOR)
    assert (await receive(prosecutor)).opened is not None
    await until(lambda: EvidenceType.RETRIEVAL in town.done(desk, third, PROSECUTOR))
    assert await desk.check_heads() == [town.force.contact(PROSECUTOR).handle]


async def test_a_copy_whose_time_is_over_is_deleted_at_the_next_look_and_its_sender_hears_it(town: Town) -> None:
    desk, prosecutor = await town.adapter(DESK), await town.adapter(PROSECUTOR)
    message = await town.send(desk, PROSECUTOR)
    received = await receive(prosecutor)
    assert received.opened is not None
    days = town.force.agreements
    kept = next(a for a in days if a.id == received.opened.agreement).retention_days
    ((view, until),) = prosecutor.journal.keep_until(10**15)
    assert view == received.view_id and until <= received.received + (kept + 1) * DAY
    prosecutor.journal._db.execute("UPDATE retention SET until = 0")  # as if that day had come
    await prosecutor.collect(0.1)
    await prosecutor.say()
    await until_named(desk, message, "deleted")
    shown = prosecutor.look(received.view_id)
    assert shown.opened is None and "time to keep it is over" in shown.sentence


async def until_named(desk: AgencyClient, message: MessageId, name: str) -> None:
    await until(lambda: name in [d.name for line in desk.timeline(message).lines for d in line.done])


async def test_a_view_that_does_not_hold_is_rejected_by_its_recipient_and_the_sender_hears_why(town: Town) -> None:
    desk, prosecutor = await town.adapter(DESK), await town.adapter(PROSECUTOR)
    message = await town.send(desk, PROSECUTOR)
    await collect_until(prosecutor, lambda: len(prosecutor.journal.incoming()) == 1)
    view = prosecutor.find_view(prosecutor.journal.incoming()[0].view)
    prosecutor._hold([])  # its private keys are gone
    received = await prosecutor.open(view)
    assert received.opened is None and received.code == "unverified"
    await until(lambda: EvidenceType.REJECTION in town.done(desk, message, PROSECUTOR))
    (told,) = (d for d in desk.timeline(message).lines[0].done if d.type is EvidenceType.REJECTION)
    assert (told.code, desk.timeline(message).lines[0].missing) == ("unverified", ())


async def test_the_command_shows_what_is_missing_and_when_it_falls_due(town: Town) -> None:
    async with AsyncExitStack() as stack:
        town.stack = stack
        message = await town.send(await town.adapter(DESK), PROSECUTOR)
    code, shown = await asyncio.to_thread(town.shown, message)
    assert code == 0 and not shown["overdue"]
    assert [d["evidence"] for d in shown["submission"]["done"]] == ["SubmissionAcceptance"]
    (line,) = shown["recipients"]
    assert line["recipient"] == PROSECUTOR
    assert [m["evidence"] for m in line["missing"]] == ["Delivery", "Retrieval"]
    assert all(m["due"] > town.force.now and not m["overdue"] for m in line["missing"])


async def test_a_message_that_is_corrected_and_one_that_is_recalled_are_kept_from_people_and_confirmed(
    town: Town, tmp_path: Path
) -> None:
    desk, prosecutor = await town.adapter(DESK), await town.adapter(PROSECUTOR)
    first = await town.send(desk, PROSECUTOR)
    received = await receive(prosecutor)
    assert received.opened is not None
    await until(lambda: EvidenceType.RETRIEVAL in town.done(desk, first, PROSECUTOR))
    path = tmp_path / "written.json"  # as a running adapter writes it
    prosecutor.shelf.wrote(received.view_id, path)
    path.write_text("Fenwick Lettings")

    _, (sent,), evidence = await desk.correct(first, town.force.case(FIRMS), RecallGround.INACCURATE)
    assert evidence is not None and evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE

    def confirmed(message: MessageId) -> bool:
        return "recall confirmed" in [d.name for line in desk.timeline(message).lines for d in line.done]

    collecting = asyncio.create_task(prosecutor.collect(30))
    await until(lambda: confirmed(first))
    shown = prosecutor.look(received.view_id).opened
    assert shown is not None and "CORRECTED" in shown.warnings[0] and message_text(sent.message) in shown.warnings[0]
    assert "Fenwick" not in path.read_text() and "corrected" in path.read_text()
    names = [d.name for d in desk.timeline(first).lines[0].done]
    assert names[-2:] == ["corrected", "recall confirmed"] and desk.timeline(first).lines[0].missing == ()

    await until(lambda: len(prosecutor.journal.incoming()) == 2)  # the correction itself, not opened
    second = prosecutor.find_view(prosecutor.journal.incoming()[-1].view)
    assert await desk.recall(sent.message, RecallGround.UNLAWFULLY_SENT) is not None
    await until(lambda: confirmed(sent.message))
    collecting.cancel()
    await asyncio.gather(collecting, return_exceptions=True)
    opened = await prosecutor.open(second)
    assert (opened.opened, opened.code) == (None, "recalled") and "RECALLED" in opened.sentence
    assert EvidenceType.RETRIEVAL not in town.done(desk, sent.message, PROSECUTOR)
    await prosecutor.flush()
    report, _ = await exported(town.broker, tmp_path / "log")
    assert not report.breaks, report.breaks
