"""Evidence files over a real server: they cross byte for byte, go on after a kill, and go to nobody else."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from shutil import copytree
from typing import Any, NoReturn

import pytest

from adapters.client import AgencyClient, connect
from adapters.evidencefiles import carrying
from adapters.home import clock
from audit.packet import check
from broker import chunkserver
from broker.service import BrokerHome, serving
from cli.practice import Practice
from messages.envelope import Delivery
from messages.errors import BadInput, NotPermitted
from messages.evidencefile import CHUNK, object_of
from messages.ids import message_text
from tests.flows.test_consent import receive
from tests.support import exhibit
from tests.support.orchid import DESK, FOREIGN, PROSECUTOR, TaskForce, task_force
from tests.support.patience import PATIENCE
from tests.support.peaks import children, words
from tests.support.processes import command, environment


@pytest.fixture
def force(tmp_path: Path) -> TaskForce:
    made = task_force()
    copytree(made.practice.folder, tmp_path / "force")
    return TaskForce(Practice(tmp_path / "force"), made.now)


class Cut(Exception):
    """The process dies here."""


def cut_after(parts: int) -> Any:
    """A progress that kills whatever tells it for the so manieth time."""
    told = 0

    def progress(what: str, done: int, of: int) -> None:
        nonlocal told
        told += what in ("sending", "fetching")
        if told == parts:
            raise Cut

    return progress


async def party(stack: AsyncExitStack, force: TaskForce, address: str) -> AgencyClient:
    agency, name = address.split("/")
    return await stack.enter_async_context(connect(force.practice.party(agency), name, force.passphrase))


async def test_a_file_crosses_byte_for_byte_though_sender_broker_and_recipient_are_killed(
    force: TaskForce, tmp_path: Path
) -> None:
    path = exhibit.image(tmp_path)
    case = exhibit.case(path)
    home = BrokerHome.open(force.practice.broker, force.passphrase)
    async with serving(home):
        with suppress(Cut):
            async with AsyncExitStack() as stack:
                desk = await party(stack, force, DESK)
                desk.progress = cut_after(1)
                await desk.send(case, [PROSECUTOR])
    path.unlink()  # what was sealed is enough
    async with serving(home), AsyncExitStack() as stack:
        desk = await party(stack, force, DESK)
        (waits,) = desk.spool.outgoing()
        assert (waits.sent, waits.chunks) == (carrying.WINDOW, 6)
        handed_in: list[int] = []
        desk.progress = lambda what, done, of: handed_in.append(done // CHUNK)
        assert await desk.flush() == 1
        assert handed_in == [6]  # it went on where it had stopped
        assert desk.spool.outgoing() == [] and list((desk.home.folder / "files" / "out").iterdir()) == []

        prosecutor = await party(stack, force, PROSECUTOR)
        opened = (await receive(prosecutor)).opened
        assert opened is not None
        ((section, file),) = opened.files.items()
        view = prosecutor.journal.incoming()[0].view
        prosecutor.progress = cut_after(1)
        with pytest.raises(Cut):
            await prosecutor.fetch_file(view, section, tmp_path / "got.e01")
    async with serving(home), AsyncExitStack() as stack:
        prosecutor = await party(stack, force, PROSECUTOR)
        stored = object_of(section)
        assert stored is not None and prosecutor.spool.arrived(stored[0]) == carrying.WINDOW
        await prosecutor.fetch_file(view, section, tmp_path / "got.e01")
        assert sha256((tmp_path / "got.e01").read_bytes()).digest() == file.digest
        assert (tmp_path / "got.e01").stat().st_size == exhibit.SIZE
        with pytest.raises(BadInput, match="there already"):
            await prosecutor.fetch_file(view, section, tmp_path / "got.e01")
        for folder in (force.practice.broker, prosecutor.home.folder, force.practice.party("harbour-police")):
            for kept in folder.rglob("*"):  # nobody keeps it in the clear, nor its key
                if kept.is_file():
                    assert exhibit.MAGIC not in (data := kept.read_bytes()), kept
                    assert file.key not in data, kept
        assert repr(file.key)[2:-1] not in repr(opened) and "key" not in opened.sections[section]


KILLED = """
import os, signal
from adapters.client import AgencyClient
from cli.main import run_app
AgencyClient.submit = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
run_app()
"""
"""The command, killed when the evidence files are sealed and nothing is journaled."""


async def test_a_send_that_was_killed_before_its_message_was_journaled_is_said_again(
    force: TaskForce, tmp_path: Path
) -> None:
    agency, name = DESK.split("/")
    path, file, home = exhibit.image(tmp_path), tmp_path / "case.json", force.practice.party(agency)
    file.write_text(json.dumps(exhibit.value(path)))
    send = ("send", str(file), "--attach", f"e1={path}", "--to", PROSECUTOR, "--home", str(home), "--as", name)
    async with serving(BrokerHome.open(force.practice.broker, force.passphrase)):
        killed = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", KILLED, *send], env=environment(), capture_output=True, timeout=60
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        (left,) = (home / "files" / "out").iterdir()
        again = await asyncio.to_thread(command, *send)
        assert again.returncode == 0, again.stderr
        async with AsyncExitStack() as stack:
            desk, prosecutor = await party(stack, force, DESK), await party(stack, force, PROSECUTOR)
            (went,) = desk.journal.outgoing()
            assert went.state == "accepted" and desk.spool.outgoing(went.message) == []
            assert [f.object.hex() for f in desk.spool.outgoing()] == [left.name]  # until it is swept away
            opened = (await receive(prosecutor)).opened
            assert opened is not None
            (section,) = opened.files
            await prosecutor.fetch_file(prosecutor.journal.incoming()[0].view, section, tmp_path / "got.e01")
            assert (tmp_path / "got.e01").read_bytes() == path.read_bytes()


@pytest.fixture
async def sent(force: TaskForce, tmp_path: Path) -> AsyncIterator[tuple[AgencyClient, AgencyClient, AgencyClient]]:
    """Sender, recipient, and an agency that has nothing to do with it; the file is at the broker."""
    async with serving(BrokerHome.open(force.practice.broker, force.passphrase)), AsyncExitStack() as stack:
        desk, prosecutor, foreign = [await party(stack, force, a) for a in (DESK, PROSECUTOR, FOREIGN)]
        _, (one,) = await desk.send(exhibit.case(exhibit.image(tmp_path)), [PROSECUTOR])
        assert one.state == "accepted"
        yield desk, prosecutor, foreign


async def test_only_whoever_holds_a_view_that_names_a_file_gets_its_chunks(
    sent: tuple[AgencyClient, AgencyClient, AgencyClient], tmp_path: Path
) -> None:
    desk, prosecutor, foreign = sent
    opened = (await receive(prosecutor)).opened
    assert opened is not None
    (section,) = opened.files
    stored = object_of(section)
    assert stored is not None
    delivery = Delivery.from_bytes(prosecutor.journal.incoming()[0].delivery)

    async def fetching(who: AgencyClient, of: tuple[bytes, int]) -> None:
        opening = partial(carrying.ticket, of[0], delivery, opened.manifest.id, who.keys.signer, clock, who.ask)
        await carrying.fetch(of, opening, who.spool, who.ask)

    with pytest.raises(NotPermitted):  # a stranger that somehow has the whole view
        await fetching(foreign, stored)
    with pytest.raises(NotPermitted):  # nor the sender, by a stamp that is not for it
        await fetching(desk, stored)
    with pytest.raises(NotPermitted):  # the right view, and another object
        await fetching(prosecutor, (bytes(16), 6))
    await fetching(prosecutor, stored)
    assert prosecutor.spool.arrived(stored[0]) == 6 and foreign.spool.arrived(stored[0]) == 0


def chunk_servers() -> list[int]:
    return [pid for pid in children(os.getpid()) if words(pid)[:1] == ["broker.chunkserver"]]


async def test_chunks_go_through_a_process_of_their_own_and_go_on_where_that_is_killed(
    force: TaskForce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunkserver, "PATIENCE", PATIENCE)
    monkeypatch.setattr(chunkserver, "PAUSE", 0.0)
    killed: dict[str, int] = {}

    def kill(what: str, *_: object) -> None:
        if what in ("sending", "fetching") and what not in killed:
            (killed[what],) = chunk_servers()
            os.kill(killed[what], signal.SIGKILL)

    path = exhibit.image(tmp_path)
    async with serving(BrokerHome.open(force.practice.broker, force.passphrase)), AsyncExitStack() as stack:
        assert chunk_servers() == []  # nobody has a file yet
        desk, prosecutor = await party(stack, force, DESK), await party(stack, force, PROSECUTOR)
        desk.progress = prosecutor.progress = kill
        await desk.send(exhibit.case(path), [PROSECUTOR])
        opened = (await receive(prosecutor)).opened
        assert opened is not None
        (section,) = opened.files
        await prosecutor.fetch_file(prosecutor.journal.incoming()[0].view, section, tmp_path / "got.e01")
        assert (tmp_path / "got.e01").read_bytes() == path.read_bytes()
        (last,) = chunk_servers()
        assert len({last, *killed.values()}) == 3
    assert chunk_servers() == []


async def test_where_no_such_process_can_be_started_the_broker_answers_itself(
    force: TaskForce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none_left(*_: str) -> NoReturn:
        raise OSError

    monkeypatch.setattr(chunkserver, "begun", none_left)
    path = exhibit.image(tmp_path)
    async with serving(BrokerHome.open(force.practice.broker, force.passphrase)), AsyncExitStack() as stack:
        desk, prosecutor = await party(stack, force, DESK), await party(stack, force, PROSECUTOR)
        _, (one,) = await desk.send(exhibit.case(path), [PROSECUTOR])
        assert one.state == "accepted" and chunk_servers() == []
        opened = (await receive(prosecutor)).opened
        assert opened is not None
        (section,) = opened.files
        await prosecutor.fetch_file(prosecutor.journal.incoming()[0].view, section, tmp_path / "got.e01")
        assert (tmp_path / "got.e01").read_bytes() == path.read_bytes()


async def test_a_message_is_exported_with_the_logs_proofs_and_holds_offline(
    sent: tuple[AgencyClient, AgencyClient, AgencyClient], tmp_path: Path
) -> None:
    desk, prosecutor, _ = sent
    opened = (await receive(prosecutor)).opened
    assert opened is not None
    async with asyncio.timeout(30):
        while await prosecutor.prove(opened.stamp.leaf) is None:
            await asyncio.sleep(0.05)  # the sequencer is another task; nothing here is woken by it
    root = (desk.home.trust.copy.folder / "root.json").read_bytes()
    message = message_text(opened.manifest.id)
    got, gave = await prosecutor.packet(message), await desk.packet(message)
    for data, lacks in ((got.data, "papers"), (gave.data, "record")):
        verdict = check(data, root)
        assert verdict.holds and verdict.steps[-1].name == "log", verdict
        assert lacks not in [s.name for s in verdict.steps]
        assert not any("holds no proof" in what or "in force together" in what for what in verdict.unchecked)
    path = tmp_path / "message.packet"
    told = await asyncio.to_thread(
        command, "packet", "export", message, "--into", str(path), "--home", str(prosecutor.home.folder), "--as",
        "trafficking-desk",
    )  # fmt: skip
    assert told.returncode == 0 and check(path.read_bytes(), root).holds
