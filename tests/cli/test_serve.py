"""What a service starts beside itself, and what an adapter goes on looking at whatever fails."""

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog.testing

from bench import world
from broker.supervisor import FIRST_PAUSE, kept_running
from cli import adapter_cmd
from cli.logs import FIELDS
from cli.services import start_service
from keys.unlocking import Passphrase, Source
from messages.errors import DependencyError, Malformed, Unverified
from messages.raised import What
from tests.support.patience import PATIENCE

SECRET = Passphrase("nothing that opens anything", Source.FD)


def no_room(*_: Any, **__: Any) -> Any:
    raise OSError(errno.EAGAIN, "no room")


async def test_that_no_process_or_file_is_left_is_told_as_trouble_of_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as full:
        full.setattr(asyncio, "create_subprocess_exec", no_room)
        with pytest.raises(DependencyError, match="safeconduct worker --home"):
            await start_service("worker", "--home", "somewhere", tied=True)
    with monkeypatch.context() as full:
        full.setattr(os, "pipe", no_room)
        with pytest.raises(DependencyError):
            await start_service("worker", "--home", "somewhere", secret=SECRET, tied=True)


async def test_a_service_is_not_left_behind_by_whoever_is_told_to_stop_while_it_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    really, started = asyncio.create_subprocess_exec, asyncio.Event()
    processes: list[asyncio.subprocess.Process] = []

    async def exec_(python: str, *_: str, **given: Any) -> asyncio.subprocess.Process:
        processes.append(await really(python, "-c", "import time; time.sleep(600)", **given))
        started.set()
        return processes[0]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", exec_)
    starting = asyncio.create_task(start_service("worker", "--home", "somewhere", tied=True))
    await started.wait()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert processes[0].returncode == -signal.SIGKILL


def test_a_worker_whose_broker_goes_while_it_begins_ends_at_once(tmp_path: Path) -> None:
    made = world.make(tmp_path / "task-force")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and says nothing
        address = f"tls://127.0.0.1:{silent.getsockname()[1]}"
        arguments = [
            sys.executable,
            "-m",
            "cli.main",
            "worker",
            "--home",
            str(made.folder / "broker"),
            "--nats",
            address,
        ]
        given = {**os.environ, "SAFECONDUCT_PASSPHRASE": made.passphrase}
        with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=given) as process:
            try:
                silent.accept()[0].close()  # it has begun: it knocks, and will for half a minute
                said, _ = process.communicate(timeout=PATIENCE)
            finally:
                process.kill()
    assert (said, process.returncode) == (b"", 0)


async def test_a_worker_that_found_no_room_is_started_again_later_and_later(monkeypatch: pytest.MonkeyPatch) -> None:
    ready = ["-c", "print('ready', flush=True); input()"]
    really, starts, pauses = asyncio.create_subprocess_exec, 0, list[float]()
    back = asyncio.Event()

    async def exec_(python: str, *_: str, **given: Any) -> asyncio.subprocess.Process:
        nonlocal starts
        starts += 1
        if starts in (2, 3):
            no_room()
        process = await really(python, *ready, **given)
        if starts == 1:
            assert process.stdin is not None
            process.stdin.write(b"\n")  # it ends as soon as it is ready
        else:
            back.set()
        return process

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", exec_)
    async with kept_running(1, lambda: start_service("worker", "--home", "somewhere", tied=True), pause):
        async with asyncio.timeout(PATIENCE):
            await back.wait()
    assert pauses == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (DependencyError(), "not-cosigned"),
        (ValueError("a cosignature carries the time"), "not-cosigned"),
        (Unverified(), "alarm"),
        (Malformed(), "alarm"),
    ],
)
async def test_a_witness_that_cannot_cosign_goes_on_watching_as_everybody_does(
    monkeypatch: pytest.MonkeyPatch, error: Exception, event: str
) -> None:
    looked = asyncio.Event()
    raised: list[What] = []
    rounds = 0

    async def nothing(*_: object) -> None:
        return

    async def cosign(_: object) -> None:
        raise error

    async def check_witnessed() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 2:
            looked.set()
        raise Malformed  # nor does a broker that answers nonsense end it

    agency: Any = SimpleNamespace(
        flush=nothing, check_promises=nothing, check_heads=nothing, cosign=cosign, check_witnessed=check_witnessed,
        delete_due=lambda: None, open_timelines=list, standing=list, raise_alarm=raised.append,
    )  # fmt: skip
    monkeypatch.setattr(adapter_cmd, "WATCH_SECONDS", 0)
    with structlog.testing.capture_logs() as logs:
        watching = asyncio.create_task(adapter_cmd._watch(agency, object()))  # type: ignore[arg-type]
        async with asyncio.timeout(10):
            await asyncio.wait({watching, asyncio.create_task(looked.wait())}, return_when=asyncio.FIRST_COMPLETED)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert looked.is_set() and event in [one["event"] for one in logs]
    assert raised and set(raised) == {What.LOG_UNWITNESSED}, "the officers hear of it too"
    assert not {name for one in logs for name in one} - FIELDS.keys() - {"event", "log_level"}
