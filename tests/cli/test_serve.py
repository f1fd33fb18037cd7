"""What a service starts beside itself: where the machine has no room for it, that is trouble to wait out."""

import asyncio
import errno
import os
from typing import Any

import pytest

from broker.supervisor import FIRST_PAUSE, kept_running
from cli.serve import start_service
from keys.unlocking import Passphrase, Source
from messages.errors import DependencyError

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
        async with asyncio.timeout(30):
            await back.wait()
    assert pauses == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
