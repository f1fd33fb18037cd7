"""A real server for every test of this folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.nats_server import RunningBus, running_bus


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[RunningBus]:
    async with running_bus(tmp_path / "bus") as running:
        yield running
