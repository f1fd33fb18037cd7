"""A client that says what it likes to a nats-server, line by line: for what no proper client would send."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import nkeys

from tests.support.patience import PATIENCE


class RawClient:
    """One TCP connection and the server's first line. Made by `raw_client`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, info: dict[str, Any]) -> None:
        self.reader, self.writer, self.info = reader, writer, info

    @property
    def nonce(self) -> str:
        return str(self.info["nonce"])

    async def connect(self, **shown: object) -> list[bytes]:
        """Send CONNECT with exactly `shown`, and PING; every line of the server until it hangs up or says PONG."""
        options = {"verbose": False, "pedantic": False, "lang": "raw", "version": "0", "protocol": 1, **shown}
        self.writer.write(b"CONNECT " + json.dumps(options).encode() + b"\r\nPING\r\n")
        lines: list[bytes] = []
        async with asyncio.timeout(PATIENCE):
            while line := await self.reader.readline():
                if line == b"PING\r\n" or line.startswith(b"INFO "):
                    continue
                lines.append(line)
                if line == b"PONG\r\n":
                    break
        return lines


@asynccontextmanager
async def raw_client(port: int) -> AsyncIterator[RawClient]:
    """A connection that has read the server's greeting and said nothing yet."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield RawClient(reader, writer, json.loads((await reader.readline())[5:]))
    finally:
        writer.close()


def signature(seed: bytes, nonce: str) -> str:
    """What a proper client shows for `nonce`."""
    return base64.urlsafe_b64encode(bytes(nkeys.from_seed(bytearray(seed)).sign(nonce.encode()))).rstrip(b"=").decode()
