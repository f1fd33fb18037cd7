"""A broker's folder is copied, lost, and put back: as docs/operations.md says it is done."""

import asyncio
import shutil
from pathlib import Path

from audit import fsck
from bench import world
from broker.service import BrokerHome, export_log, serving, stores
from tests.faults.load import Traffic


async def test_a_broker_restored_from_its_copy_holds_what_it_held_and_takes_again_what_came_after(
    tmp_path: Path,
) -> None:
    bench = await asyncio.to_thread(world.make, tmp_path / "task-force")
    home, copy = bench.folder / "broker", tmp_path / "copy"

    def opened() -> BrokerHome:
        return BrokerHome.open(home, bench.passphrase)

    async with serving(opened()) as broker, Traffic.on(bench, broker.urls) as traffic:
        await traffic.send(4)
        await traffic.settled()
    shutil.copytree(home, copy)
    async with serving(opened()) as broker, Traffic.on(bench, broker.urls) as later:
        await later.send(3)
        await later.settled()
    shutil.rmtree(home)
    shutil.copytree(copy, home)
    async with serving(opened()) as broker, Traffic.on(bench, broker.urls) as again:
        for before in (traffic, later):  # as the senders' journals do
            again.ledger.submitted |= before.ledger.submitted
            again.everything |= before.everything
        await again.send_everything_again()
        again.ledger.arrived |= traffic.ledger.arrived
        await again.settled()
        again.ledger.check()
        assert {m: again.ledger.accepted[m] for m in traffic.ledger.accepted} == traffic.ledger.accepted
        for message, views in later.ledger.arrived.items():  # the same view ids: nobody is shown one twice
            assert again.ledger.arrived[message].keys() == views.keys()
        async with stores(broker.home, broker.urls[0]) as connection:
            for _ in range(100):
                shutil.rmtree(tmp_path / "log", ignore_errors=True)
                await export_log(broker.home, connection, tmp_path / "log")
                if not fsck.check(tmp_path / "log").unsequenced:
                    break
                await asyncio.sleep(0.1)
    assert fsck.first_break(tmp_path / "log") is None
