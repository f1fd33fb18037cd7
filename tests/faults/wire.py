"""A line between a client and a server that can be cut and made slow: a plain TCP relay, blind to what passes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Wire:
    """Relays to one port. Made by `laid`."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.delay = 0.0
        self.cuts = 0
        self.port = 0
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Break every connection without a word; new ones are taken at once."""
        for writer in tuple(self._open):
            writer.transport.abort()
            self.cuts += 1

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        self._open.add(writer)
        far: asyncio.StreamWriter | None = None
        try:
            with suppress(OSError):
                far_reader, far = await asyncio.open_connection("127.0.0.1", self.target)
                self._open.add(far)
                both = [
                    asyncio.ensure_future(self._copy(reader, far)),
                    asyncio.ensure_future(self._copy(far_reader, writer)),
                ]
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                for one in both:
                    one.cancel()
                await asyncio.gather(*both, return_exceptions=True)
        finally:
            for one in (writer, far):
                if one is not None:
                    self._open.discard(one)
                    one.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()


@asynccontextmanager
async def laid(*targets: int) -> AsyncIterator[list[Wire]]:
    """A wire to each of these ports of this machine, for the time of the block."""
    wires = [Wire(target) for target in targets]
    servers = [await asyncio.start_server(wire.relay, "127.0.0.1", 0) for wire in wires]
    for wire, server in zip(wires, servers, strict=True):
        wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wires
    finally:
        for wire, server in zip(wires, servers, strict=True):
            server.close()
            wire.cut()
