"""The same bus twice: in memory, and on a real nats-server."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from bus.queue import AgencyPort, BrokerPort, SequencerPort
from messages.ids import AgencyHandle
from tests.fakes.bus import FakeBus
from tests.support.nats_server import CONTACTS, running_bus


@dataclass(frozen=True)
class Ports:
    """How to open one more port on the bus under test."""

    broker: Callable[[], Awaitable[BrokerPort]]
    sequencer: Callable[[], Awaitable[SequencerPort]]
    agency: Callable[[AgencyHandle], Awaitable[AgencyPort]]


@pytest.fixture(params=["in-memory", "nats-server"])
async def bus(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ports]:
    async with AsyncExitStack() as stack:
        if request.param == "nats-server":
            real = await stack.enter_async_context(running_bus(tmp_path / "bus"))
            yield Ports(broker=real.broker, sequencer=real.sequencer, agency=real.agency)
            return
        fake = FakeBus()

        async def broker() -> BrokerPort:
            return fake.broker()

        async def sequencer() -> SequencerPort:
            return fake.sequencer()

        async def agency(handle: AgencyHandle) -> AgencyPort:
            return fake.agency(handle)

        for handle, contacts in CONTACTS.items():
            for contact in contacts:
                await fake.broker().ensure_consumers(handle, contact)
        yield Ports(broker=broker, sequencer=sequencer, agency=agency)
