"""A mail server as far as it takes a mail (RFC 5321), for the time of a block; what it took is in `taken`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class MailServer:
    """Where it listens, and what it took: from whom, to whom, and the mail."""

    port: int = 0
    refuses: bool = False
    taken: list[tuple[str, list[str], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        sender, boxes = "", []
        writer.write(b"220 test\r\n")
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            verb = line.upper()
            if verb.startswith("MAIL FROM:"):
                sender, boxes = line[10:].split()[0].strip("<>"), []
                writer.write(b"451 not now\r\n" if self.refuses else b"250 ok\r\n")
            elif verb.startswith("RCPT TO:"):
                boxes.append(line[8:].split()[0].strip("<>"))
                writer.write(b"250 ok\r\n")
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                self.taken.append((sender, boxes, (await reader.readuntil(b"\r\n.\r\n"))[:-3]))
                writer.write(b"250 ok\r\n")
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 ok\r\n")
            await writer.drain()
        writer.close()


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    """A mail server on a port that the system chooses."""
    made = MailServer()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
