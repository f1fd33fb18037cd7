"""A broker that starts while the servers of its cluster are still choosing who leads: some questions meet silence."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench import world
from broker.service import BrokerHome, serving
from bus.connection import NoAnswer
from bus.queue import NatsBroker, NatsSequencer
from bus.store import Store
from tests.faults.load import Traffic


def silent_at_first(whole: Callable[..., Any], met: list[str]) -> Callable[..., Any]:
    async def asked(*arguments: Any) -> Any:
        if whole.__qualname__ not in met:
            met.append(whole.__qualname__)
            raise NoAnswer
        return await whole(*arguments)

    return asked


async def test_a_broker_begins_although_nobody_answers_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = await asyncio.to_thread(world.make, tmp_path / "task-force")
    met: list[str] = []
    for owner, name in (
        (Store, "_remove"),
        (NatsSequencer, "tail"),
        (NatsSequencer, "put_head"),
        (NatsBroker, "withdrawals"),
        (NatsBroker, "take_from"),
        (NatsBroker, "ensure_consumers"),
    ):
        monkeypatch.setattr(owner, name, silent_at_first(getattr(owner, name), met))
    home = BrokerHome.open(bench.folder / "broker", bench.passphrase)
    async with serving(home) as broker, Traffic.on(bench, broker.urls) as traffic:
        await traffic.send(2)
        await traffic.settled()
        traffic.ledger.check()
    assert len(met) == 6
