"""Killing the guard stops releases, not the system: a real process, killed, and started again."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from shutil import copytree

import pytest
from typer.testing import CliRunner

from adapters.client import connect
from broker.service import BrokerHome, serving
from cli.main import app
from cli.practice import Practice
from messages.ids import message_text
from tests.flows.test_consent import collect_until, receive
from tests.support.orchid import DESK, INSPECTORS, PROSECUTOR, TaskForce, leaks, task_force
from tests.support.processes import start, stop


@pytest.fixture
async def force(tmp_path: Path) -> AsyncIterator[TaskForce]:
    """A task force of its own, its broker running."""
    made = task_force()
    copytree(made.practice.folder, tmp_path / "force")
    force = TaskForce(Practice(tmp_path / "force"), made.now)
    async with serving(BrokerHome.open(force.practice.broker, force.passphrase)):
        yield force


async def test_killing_the_guard_stops_releases_and_nothing_else(force: TaskForce, tmp_path: Path) -> None:
    police = force.practice.party("harbour-police")
    command = ("guard", "run", "--home", str(police))
    guard = start(*command, log=tmp_path / "guard.log")
    async with AsyncExitStack() as stack:
        desk, prosecutor, inspectors = [
            await stack.enter_async_context(connect(force.practice.party(agency), name, force.passphrase))
            for agency, name in (address.split("/") for address in (DESK, PROSECUTOR, INSPECTORS))
        ]
        guard.kill()
        guard.wait()

        _, (sent,) = await desk.send(force.case("02-labour-disclosure.json"), [INSPECTORS])
        assert (sent.state, sent.evidence) == ("waiting", None) and "guard" in sent.says
        _, (other,) = await desk.send(force.case("01-full-report.json"), [PROSECUTOR])
        assert other.state == "accepted"  # who has identity rights needs no guard
        assert (await receive(prosecutor)).opened is not None
        assert await desk.flush() == 0 and len(desk.journal.unsealed()) == 1
        assert await inspectors.collect(0.3) == 0
        for path in police.glob("journal.db*"):
            assert leaks(path.read_bytes()) == []
        listed = CliRunner().invoke(app, ["outbox", "--home", str(police)])
        assert "waiting" in listed.stdout and message_text(sent.message) in listed.stdout

        again = start(*command, log=tmp_path / "guard.log")
        try:
            assert await desk.flush() == 1
            await collect_until(inspectors, lambda: len(inspectors.journal.incoming()) == 1)
            opened = (await inspectors.open(inspectors.find_view(""))).opened
            assert opened is not None and opened.guarded
            assert desk.journal.unsealed() == [] and await desk.flush() == 0  # once
        finally:
            stop(again)
