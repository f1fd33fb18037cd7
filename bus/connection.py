"""Connect to NATS by NKEY, stay connected, and say every failure in our own words.

A `Connection` reconnects for ever once it has connected; the first connection fails within `patience` with one
sentence. Whatever the client library raises becomes a `DependencyError` here (`mapped`), so no other folder knows its
errors. What the server denied is kept in `denied`: subjects only, which hold handles and nothing else.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from bus import bounds
from keys.nkey import public_of
from messages.errors import DependencyError, LocalError


class NoAnswer(DependencyError):
    """Nobody answered in time, or nobody was there: what was asked may or may not have happened."""

    code = "bus-no-answer"
    says = "The message bus did not answer in time; try again."


@contextmanager
def mapped(doing: str) -> Iterator[None]:
    """Turn what the client library raises while `doing` into a `DependencyError` of one sentence."""
    try:
        yield
    except nats.errors.MaxPayloadError:
        raise LocalError(
            f"This is larger than the message bus carries ({bounds.MAX_PAYLOAD // 2**20} MB); send less at once."
        ) from None
    except (nats.errors.TimeoutError, nats.errors.NoRespondersError, TimeoutError):
        raise NoAnswer(f"The message bus did not answer while {doing}; try again.") from None
    except (nats.errors.Error, OSError) as error:
        raise DependencyError(f"The message bus failed while {doing} ({type(error).__name__}).") from None


def status(message: Msg) -> str | None:
    """The status code of a message by which the server itself speaks (empty, with an inline status), or None."""
    if message.data or not message.headers:
        return None
    return message.headers.get("Status")


class Connection:
    """One connection of one login, and the small machinery of requests on it.

    Made by `connect` only. Requests do not use the library's: here a request's publish is on its way when `ask`
    returns, so the messages of an atomic batch keep their order, and no task is made for each reply.
    """

    def __init__(self, client: Client, prefix: str) -> None:
        self.client = client
        self.prefix = prefix
        self.denied: deque[str] = deque(maxlen=100)
        self.reconnects = 0
        self._listeners: list[Callable[[], None]] = []
        self._replies: dict[str, asyncio.Future[Msg]] = {}
        self._numbers = itertools.count()
        self._inbox = ""

    async def _open(self) -> None:
        self._inbox = f"{self.client.new_inbox()}."
        await self.client.subscribe(f"{self._inbox}*", cb=self._replied, pending_msgs_limit=0, pending_bytes_limit=0)

    async def _replied(self, message: Msg) -> None:
        waiting = self._replies.pop(message.subject, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(message)

    def on_reconnect(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after every reconnection; the returned function ends that."""
        self._listeners.append(listener)

        def forget() -> None:
            with suppress(ValueError):
                self._listeners.remove(listener)

        return forget

    async def _disconnected(self) -> None:
        """Whatever was asked on the broken connection gets no reply any more: say so now, not when time is up."""
        lost, self._replies = self._replies, {}
        for future in lost.values():
            if not future.done():
                future.set_result(Msg(_client=self.client, headers={"Status": "503"}))

    async def _reconnected(self) -> None:
        self.reconnects += 1
        for listener in tuple(self._listeners):
            listener()

    async def publish(self, subject: str, data: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Publish without confirmation."""
        with mapped("publishing"):
            await self.client.publish(subject, data, headers=headers)  # type: ignore[arg-type]

    async def ask(self, subject: str, data: bytes, headers: Mapping[str, str] | None = None) -> "asyncio.Future[Msg]":
        """Publish a request and return the future of its one reply. `reply` awaits it; drop it with `cancel`."""
        inbox = f"{self._inbox}{next(self._numbers)}"
        future: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        self._replies[inbox] = future
        try:
            await self.client.publish(subject, data, reply=inbox, headers=headers)  # type: ignore[arg-type]
        except BaseException:
            self._replies.pop(inbox, None)
            raise
        return future

    async def reply(self, future: "asyncio.Future[Msg]", timeout: float = bounds.REQUEST_SECONDS) -> Msg:  # noqa: ASYNC109
        """The reply, or `NoAnswer` (raised inside `mapped`) when there is none in time or nobody listens."""
        try:
            async with asyncio.timeout(timeout):
                message = await future
        except TimeoutError:
            self._forget(future)
            raise
        if status(message) == "503":
            raise nats.errors.NoRespondersError
        return message

    def _forget(self, future: "asyncio.Future[Msg]") -> None:
        future.cancel()
        for inbox in [inbox for inbox, waiting in self._replies.items() if waiting is future]:
            del self._replies[inbox]

    async def request(
        self,
        subject: str,
        data: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float = bounds.REQUEST_SECONDS,  # noqa: ASYNC109
        doing: str = "asking",
    ) -> Msg:
        """One request and its reply; `NoAnswer` when there is none."""
        with mapped(doing):
            return await self.reply(await self.ask(subject, data, headers), timeout)

    async def flush(self) -> None:
        """Return when the server has seen everything published before: a barrier, also for what it denied."""
        with mapped("flushing"):
            # Twice: the library writes its PING past what it has not written yet, so one flush can overtake a publish.
            await self.client.flush()
            await self.client.flush()

    @property
    def connected(self) -> bool:
        """Whether the connection stands at this moment."""
        return bool(self.client.is_connected)

    @property
    def closed(self) -> bool:
        """Whether it has ended for good: by `close`, or because the server revoked the login."""
        return bool(self.client.is_closed)

    async def close(self) -> None:
        """End the connection. Safe to call twice."""
        with suppress(nats.errors.Error, OSError, TimeoutError, asyncio.TimeoutError):
            if self.client.is_connected:
                await self.client.flush(timeout=2)
                await self.client.flush(timeout=2)
            await self.client.close()


async def connect(
    url: str,
    seed: bytes,
    *,
    inbox_prefix: str,
    name: str = "safeconduct",
    patience: float = bounds.CONNECT_SECONDS,
) -> Connection:
    """Connect to `url` with the NKEY `seed`; replies come to `inbox_prefix` only.

    A key the server does not know fails at once; a server that is not there, after `patience` seconds.
    """
    public_of(seed)  # or `KeyTrouble`, before anything is sent
    client = Client()
    connection = Connection(client, inbox_prefix)
    refused = asyncio.Event()

    async def trouble(error: Exception) -> None:
        text = str(error)
        lowered = text.lower()
        if "permissions violation" in lowered:
            connection.denied.append(text)
        if "authorization violation" in lowered:
            refused.set()

    options: dict[str, Any] = {
        "nkeys_seed_str": seed.decode("ascii"),
        "inbox_prefix": inbox_prefix,
        "name": name,
        "error_cb": trouble,
        "disconnected_cb": connection._disconnected,
        "reconnected_cb": connection._reconnected,
        "allow_reconnect": True,
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": bounds.RECONNECT_PAUSE,
        "connect_timeout": 5,
        "pending_size": bounds.BATCH_BYTES,
    }
    connecting = asyncio.ensure_future(client.connect(url, **options))
    denial = asyncio.ensure_future(refused.wait())
    try:
        await asyncio.wait({connecting, denial}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if connecting.done():
            with mapped("connecting"):
                connecting.result()
                await connection._open()
            return connection
    finally:
        denial.cancel()
        if not connecting.done():
            connecting.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await connecting
            with suppress(Exception):
                await client.close()
    if refused.is_set():
        raise DependencyError("The message bus does not know this login, or has revoked it.")
    raise DependencyError("The message bus does not answer at its address; start it, or correct the address.")


@asynccontextmanager
async def connected(
    url: str,
    seed: bytes,
    *,
    inbox_prefix: str,
    name: str = "safeconduct",
    patience: float = bounds.CONNECT_SECONDS,
) -> AsyncIterator[Connection]:
    """`connect` for the time of a block."""
    connection = await connect(url, seed, inbox_prefix=inbox_prefix, name=name, patience=patience)
    try:
        yield connection
    finally:
        await connection.close()
