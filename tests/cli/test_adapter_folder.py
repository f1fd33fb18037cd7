"""What an adapter had opened when it was killed, and not yet written for people, is written at its next start."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.journal import NEW, OPENED
from cli import adapter_cmd

LOST, BROKEN, THERE, TAKEN, BEFORE, FRESH = (digit * 32 for digit in "abcdef")


def agency(rows: list[tuple[str, int, str]], noted: set[str]) -> Any:
    async def opened(view: str) -> Any:
        return SimpleNamespace(view_id=view, opened=None, code="x", sentence="y")

    async def none() -> Any:
        return
        yield

    return SimpleNamespace(
        keys=SimpleNamespace(contact=SimpleNamespace(handle="c")),
        home=SimpleNamespace(bundle=SimpleNamespace(directory=None)),
        journal=SimpleNamespace(
            incoming=lambda _: [SimpleNamespace(view=v, received=at, state=state) for v, at, state in rows]
        ),
        shelf=SimpleNamespace(files=lambda view: [Path("x")] if view in noted else [], wrote=lambda *_: None),
        open=opened,
        deliveries=none,
    )


async def test_exactly_what_was_opened_and_not_written_is_written_and_nothing_that_was_taken_away(
    tmp_path: Path,
) -> None:
    (tmp_path / ".since").write_text("100")
    (tmp_path / f".{BROKEN}").touch()
    (tmp_path / f"{THERE}.json").write_text("there")
    rows = [
        (LOST, 150, OPENED),
        (BROKEN, 150, OPENED),
        (THERE, 150, OPENED),
        (TAKEN, 150, OPENED),
        (BEFORE, 50, OPENED),
        (FRESH, 150, NEW),
    ]
    await adapter_cmd._receive(agency(rows, noted={BROKEN, THERE, TAKEN}), tmp_path)
    assert {p.stem for p in tmp_path.glob("*.json")} == {LOST, BROKEN, THERE}
    assert (tmp_path / f"{THERE}.json").read_text() == "there"
    assert not (tmp_path / f".{BROKEN}").exists()


async def test_a_folder_that_is_new_begins_with_what_comes_from_now_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter_cmd, "clock", lambda: 100)
    await adapter_cmd._receive(agency([(BEFORE, 50, OPENED)], set()), tmp_path)
    assert not list(tmp_path.glob("*.json"))
    await adapter_cmd._receive(agency([(BEFORE, 50, OPENED), (LOST, 150, OPENED)], set()), tmp_path)
    assert [p.stem for p in tmp_path.glob("*.json")] == [LOST]
