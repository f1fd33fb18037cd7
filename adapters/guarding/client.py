"""The adapter's line to its guard. Whatever goes wrong on it, nothing is released."""

import asyncio
import os
from pathlib import Path
from typing import Final

from adapters.guarding import wire
from adapters.guarding.protocol import ANSWER_BYTES, GuardRefused, GuardRequest, read_answer
from messages.errors import DependencyError, Malformed
from messages.signed import Signed

SOCKET: Final = "guard.sock"
VARIABLE: Final = "SAFECONDUCT_GUARD"
SECONDS: Final = 120
BUSY_TRIES: Final = 6


def socket_of(home: Path) -> Path:
    """Where the guard of this agency's folder answers: `SAFECONDUCT_GUARD`, or `guard/guard.sock` in the folder."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else home / "guard" / SOCKET


class GuardUnreachable(DependencyError):
    """The guard does not answer, answers nonsense, or is busy for too long. Nothing was released."""

    code = "guard-unreachable"
    says = (
        "The release guard does not answer, so nothing goes to a recipient without identity rights; start it with: "
        "safeconduct guard run"
    )


class GuardClient:
    """Asks the guard behind one socket."""

    def __init__(self, socket: Path, seconds: float = SECONDS) -> None:
        self._socket = socket
        self._seconds = seconds

    async def attest(self, request: GuardRequest) -> tuple[bytes, Signed]:
        """The grant and the attestation, or raise `GuardRefused`, or `GuardUnreachable` if nobody answers."""
        asked = request.to_bytes()
        try:
            async with asyncio.timeout(self._seconds):
                for attempt in range(BUSY_TRIES):
                    answer = read_answer(await self._ask(asked))
                    if answer is not None:
                        return answer
                    await asyncio.sleep(0.2 * 2**attempt)
        except GuardRefused:
            raise
        except (OSError, TimeoutError, asyncio.IncompleteReadError, Malformed):
            raise GuardUnreachable from None
        raise GuardUnreachable("The release guard is busy with other messages; try again in a minute.")

    async def _ask(self, asked: bytes) -> bytes:
        reader, writer = await wire.connect(self._socket)
        try:
            await wire.write(writer, asked)
            return await wire.read(reader, ANSWER_BYTES)
        finally:
            writer.close()
