"""The log of a running broker as an auditor gets it."""

import asyncio
import shutil
from pathlib import Path

from audit import fsck
from broker.service import Serving, all_records, export_log, stores


async def exported(broker: Serving, folder: Path) -> tuple[fsck.Report, list[bytes]]:
    """The check of the log and its records, once everything that was promised is in it."""
    for _ in range(100):
        async with stores(broker.home, broker.urls[0]) as connection:
            shutil.rmtree(folder, ignore_errors=True)
            await export_log(broker.home, connection, folder)
            records = await all_records(connection)
        report = fsck.check(folder)
        if not report.unsequenced:
            return report, records
        await asyncio.sleep(0.1)  # the sequencer is another task; nothing here is woken by it
    raise AssertionError("the log does not catch up")
