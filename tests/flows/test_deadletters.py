"""Dead letters, from the failure to the recipient: set aside, listed, tried again, delivered, accepted."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bench import world
from broker import worker as module
from broker.service import BrokerHome, serving
from tests.faults.load import Traffic
from tests.support.processes import command


async def test_what_failed_is_listed_and_goes_through_when_it_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = await asyncio.to_thread(world.make, tmp_path / "task-force")
    folder = str(bench.folder / "broker")
    broken = True
    whole = module.admit

    def admit(*given: Any) -> Any:
        if broken:
            raise ZeroDivisionError
        return whole(*given)

    monkeypatch.setattr(module, "admit", admit)
    async with (
        serving(BrokerHome.open(bench.folder / "broker", bench.passphrase)) as broker,
        Traffic.on(bench, broker.urls) as traffic,
    ):
        await traffic.send(1)
        await traffic.answered(1)
        [(message, code)] = traffic.ledger.refused.items()
        assert code == "broker-failed"
        listed = await asyncio.to_thread(command, "deadletters", "list", "--home", folder, "--json")
        [letter] = json.loads(listed.stdout)
        assert letter["kind"] == "message" and bytes.fromhex(letter["name"]) in {
            digest[:16] for digest in traffic.ledger.submitted
        }
        other = ("0" if letter["name"][0] != "0" else "1") * 4
        wrong = await asyncio.to_thread(command, "deadletters", "retry", other, "--home", folder)
        assert wrong.returncode == 2 and "deadletters list" in wrong.stderr
        done = await asyncio.to_thread(command, "deadletters", "retry", letter["name"][:8], "--home", folder)
        assert (done.returncode, done.stdout.strip()) == (0, "1 went through, 0 failed again"), done.stderr
        traffic.ledger.refused.clear()
        await traffic.settled()
        assert set(traffic.ledger.arrived) == {message}
        traffic.ledger.check()
        listed = await asyncio.to_thread(command, "deadletters", "list", "--home", folder, "--json")
        assert json.loads(listed.stdout) == []
