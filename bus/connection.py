"""Connect to NATS by NKEY, stay connected, and say every failure in our own words.

A `Connection` reconnects for ever once it has connected; the first connection fails within `patience` with one
sentence. Logins are short: when one expires the server ends the connection, and it is back a moment later with nothing
lost; a `request` that was under way is asked again. A login that the server no longer takes is tried more and more
slowly (`refused`), because a callout that is being restarted looks no different, and is given up after
`REFUSED_SECONDS`. With TLS the handshake comes before the first word, so nobody on the way can talk it away.

Whatever the client library raises becomes a `DependencyError` here (`mapped`), so no other folder knows its errors.
What the server denied is kept in `denied`: subjects only, which hold handles and nothing else.
"""

import asyncio
import itertools
import random
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

import nats.errors
from nats.aio.client import DEFAULT_BUFFER_SIZE, Client, Server
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.aio.transport import TcpTransport

from bus import bounds
from keys.nkey import public_of
from messages.errors import DependencyError, LocalError

_EXPIRED: Final = "login-expired"  # stands for a reply that will not come, as the server's own 503 does


class NoAnswer(DependencyError):
    """Nobody answered in time, or nobody was there: what was asked may or may not have happened."""

    code = "bus-no-answer"
    says = "The message bus did not answer in time; try again."


class NobodyThere(NoAnswer):
    """Nobody listens where it was asked: no stream leads there yet, or the service is down. Nothing has happened."""


@contextmanager
def mapped(doing: str) -> Iterator[None]:
    """Turn what the client library raises while `doing` into a `DependencyError` of one sentence."""
    try:
        yield
    except nats.errors.MaxPayloadError:
        raise LocalError(
            f"This is larger than the message bus carries ({bounds.MAX_PAYLOAD // 2**20} MB); send less at once."
        ) from None
    except nats.errors.NoRespondersError:
        raise NobodyThere(f"The message bus did not answer while {doing}; try again.") from None
    except (nats.errors.TimeoutError, TimeoutError):
        raise NoAnswer(f"The message bus did not answer while {doing}; try again.") from None
    except (nats.errors.Error, OSError) as error:
        raise DependencyError(f"The message bus failed while {doing} ({type(error).__name__}).") from None


def status(message: Msg) -> str | None:
    """The status code of a message by which the server itself speaks (empty, with an inline status), or None."""
    if message.data or not message.headers:
        return None
    return message.headers.get("Status")


def completed(message: Msg) -> bool:
    """Whether the server says that a request for messages is at its end as it should be: all of it came, or as many
    bytes as were asked for. It does so under the number of its refusals, 409.
    """
    return status(message) == "409" and (message.headers or {}).get("Description") == "Batch Completed"


class LoginExpired(nats.errors.NoRespondersError):
    """The login ended before the reply came. `Connection.request` asks again; others take it for no answer."""


class _Transport(TcpTransport):
    """The library's, but for two things. It waits for a connection's end for so long at most: where a handshake failed,
    or the server hung up at the same moment, nobody would ever say that it has come, and one that connects would wait
    for that before it tries again. And to write to one that is gone is a broken connection, as the library expects it:
    uvloop's own error for that would end whoever closes it.
    """

    @property
    def gone(self) -> bool:
        return self._io_writer is None or self._io_writer.transport.is_closing()

    def write(self, payload: bytes) -> None:
        self._check()
        super().write(payload)  # type: ignore[no-untyped-call]

    def writelines(self, payload: list[bytes]) -> None:
        self._check()
        super().writelines(payload)  # type: ignore[no-untyped-call]

    def _check(self) -> None:
        if self.gone:
            raise ConnectionResetError

    async def wait_closed(self) -> None:
        async with asyncio.timeout(bounds.CLOSE_SECONDS / 2):
            await super().wait_closed()  # type: ignore[no-untyped-call]


class _Client(Client):
    """The library's client, but for three things. It takes any last word of a server for the end of everything, also
    "User Authentication Expired": here such a word ends this connection only, and the client connects again. And its
    connections are of `_Transport`; of one that is gone nothing is left to be sent when the client closes. And it
    knows when it asked to be let in.
    """

    expired = False
    asked = 0.0
    """When it last said who it is, as `time.monotonic` tells."""
    _transport: _Transport | None

    async def _connect_to_server(self, s: Any) -> None:
        s.last_attempt = time.monotonic()
        if self._transport is None:
            self._transport = _Transport()  # type: ignore[no-untyped-call]
        await self._transport.connect(s.uri, DEFAULT_BUFFER_SIZE, self.options["connect_timeout"])

    def _connect_command(self) -> bytes:
        self.asked = time.monotonic()
        return super()._connect_command()

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        if self._transport is None or self._transport.gone:
            self._pending, self._pending_data_size = [], 0  # else the library ends in the midst of its clearing up
        await super()._close(status, do_cbs)

    async def _process_err(self, err_msg: str) -> None:
        word = err_msg.strip("' ").lower()
        if "permissions violation" in word:
            await super()._process_err(err_msg)
            return
        self.expired = "authentication expired" in word
        await self._process_op_err(nats.errors.Error(f"nats: {word}"))

    async def finish(self, subscription: Subscription) -> None:
        """Hear no more of it, once what the server has handed to us is seen to: nobody else would. Whatever breaks that
        off, it is over here, and is not taken up again by a reconnection.
        """
        try:
            if self.is_connected:
                await subscription.drain()  # type: ignore[no-untyped-call]
        finally:
            self._remove_sub(subscription._id)
            subscription._stop_processing()


class Connection:
    """One connection of one login, and the small machinery of requests on it.

    Made by `connect` only. Requests do not use the library's: here a request's publish is on its way when `ask`
    returns, so the messages of an atomic batch keep their order, and no task is made for each reply.
    """

    def __init__(self, client: _Client, prefix: str) -> None:
        self.client = client
        self.prefix = prefix
        self.denied: deque[str] = deque(maxlen=100)
        self.reconnects = 0
        self.opened = False  # whether it has ever stood
        self._listeners: list[Callable[[], None]] = []
        self._replies: dict[str, asyncio.Future[Msg]] = {}
        self._numbers = itertools.count()
        self._inbox = ""
        self._refusals = 0
        self._refused_since = 0.0
        self._giving_up: asyncio.Task[None] | None = None

    async def _open(self) -> None:
        self.opened = True
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
        word = _EXPIRED if self.client.expired else "503"
        self.client.expired = False
        for future in lost.values():
            if not future.done():
                future.set_result(Msg(_client=self.client, headers={"Status": word}))

    async def _reconnected(self) -> None:
        self.reconnects += 1
        self._refusals = 0
        for listener in tuple(self._listeners):
            listener()

    def _refused_again(self) -> None:
        """The server has turned our login away while reconnecting."""
        now = asyncio.get_running_loop().time()
        if not self._refusals:
            self._refused_since = now
        self._refusals += 1
        if now - self._refused_since >= bounds.REFUSED_SECONDS and self._giving_up is None:
            self._giving_up = asyncio.create_task(self.client.close())

    def _next(self, servers: list[Server], info: dict[str, Any]) -> tuple[Server, float]:
        """Which server to try, and after what pause: the one that failed least often, and a refused login slowly."""
        chosen = min(servers, key=lambda server: server.reconnects)
        if self._refusals:
            longest = min(bounds.REFUSED_PAUSE, bounds.RECONNECT_PAUSE * 2**self._refusals)
            return chosen, random.uniform(longest / 2, longest)  # noqa: S311 - so that not all knock at once
        return chosen, bounds.RECONNECT_PAUSE if chosen.reconnects else 0.0

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
        word = status(message)
        if word == _EXPIRED:
            raise LoginExpired
        if word == "503":
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
        """One request and its reply; `NoAnswer` when there is none. Asked again if the login expires meanwhile, so it
        may be heard twice.
        """
        clock = asyncio.get_running_loop().time
        end = clock() + timeout
        with mapped(doing):
            while True:
                try:
                    return await self.reply(await self.ask(subject, data, headers), end - clock())
                except LoginExpired:
                    if clock() >= end:
                        raise

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
        """Whether it has ended for good: by `close`, or because the server has refused the login for too long."""
        return bool(self.client.is_closed)

    @property
    def refused(self) -> bool:
        """Whether the server turns this login away at present: it is revoked, or nobody is there who could check it."""
        return self._refusals > 0 and not self.connected

    async def close(self) -> None:
        """End the connection. Safe to call twice."""
        with suppress(nats.errors.Error, OSError, TimeoutError, asyncio.TimeoutError):
            if self.client.is_connected:
                await self.client.flush(timeout=2)
                await self.client.flush(timeout=2)
            await _closed(self.client)
        if self.client._reconnection_task is not None:
            await _ended(self.client._reconnection_task)


async def _ended(connecting: "asyncio.Future[None]") -> None:
    """Cancel it until it has ended. Cancelled just when a try to connect ends, the library goes on
    (`asyncio.wait_for` of Python 3.11 swallows the word), and whoever waits for it would wait for ever.
    """
    while not connecting.done():
        connecting.cancel()
        await asyncio.wait([connecting], timeout=0.1)
    if not connecting.cancelled():
        connecting.exception()  # nobody asks any more


async def _closed(client: _Client) -> None:
    """Close it, or leave it alone after `CLOSE_SECONDS`: what it has still to send may find nobody who takes it."""
    async with asyncio.timeout(bounds.CLOSE_SECONDS):
        await client.close()


def _check_tls(urls: Sequence[str], tls: ssl.SSLContext | None) -> None:
    for url in urls:
        if url.startswith("tls://") != (tls is not None):
            raise LocalError(
                "The message bus is to be reached with TLS, which needs this machine's certificate."
                if tls is None
                else "An address of the message bus does not begin with tls://, so nothing is sent there."
            )
    if tls is not None and not (tls.verify_mode == ssl.CERT_REQUIRED and tls.check_hostname):
        raise LocalError("This TLS context would take any server for the message bus.")


async def connect(
    url: str | Sequence[str],
    seed: bytes,
    *,
    inbox_prefix: str,
    name: str = "safeconduct",
    patience: float = bounds.CONNECT_SECONDS,
    tls: ssl.SSLContext | None = None,
) -> Connection:
    """Connect to `url`, or to one of several servers of a cluster (a list, or with commas between), with the NKEY
    `seed`; replies come to `inbox_prefix` only. With `tls` (it checks host names and shows our certificate) every
    address begins with tls://.

    A key the server does not know fails at once, and so does a certificate that either side does not take; a server
    that is not there, after `patience` seconds, and one that is there when nobody checks logins.
    """
    public_of(seed)  # or `KeyTrouble`, before anything is sent
    urls = url.split(",") if isinstance(url, str) else list(url)
    _check_tls(urls, tls)
    client = _Client()
    connection = Connection(client, inbox_prefix)
    denial = asyncio.get_running_loop().create_future()  # why the first connection fails at once
    unchecked = False

    async def trouble(error: Exception) -> None:
        nonlocal unchecked
        text = str(error)
        lowered = text.lower()
        if "permissions violation" in lowered:
            connection.denied.append(text)
        if connection.opened and ("authorization violation" in lowered or "authentication timeout" in lowered):
            connection._refused_again()
        elif "authentication timeout" in lowered:
            unchecked = True  # we were late ourselves
        elif "authorization violation" in lowered and time.monotonic() - client.asked > 0.9 * bounds.AUTH_SECONDS:
            unchecked = True  # a server whose question nobody has answered refuses in the same words
        elif "authorization violation" in lowered and not denial.done():
            denial.set_result(
                "The message bus does not know this login, has revoked it, or has shut it out for some minutes because"
                " too much came from it."
            )
        if isinstance(error, ssl.SSLError) and not denial.done():
            denial.set_result(
                "This machine and the message bus do not take each other's TLS certificates; check both with"
                " `safeconduct doctor`."
            )

    options: dict[str, Any] = {
        "servers": urls,
        "nkeys_seed_str": seed.decode("ascii"),
        "inbox_prefix": inbox_prefix,
        "name": name,
        "error_cb": trouble,
        "disconnected_cb": connection._disconnected,
        "reconnected_cb": connection._reconnected,
        "reconnect_to_server_handler": connection._next,
        "allow_reconnect": True,
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": bounds.RECONNECT_PAUSE,
        "connect_timeout": 5,
        "pending_size": bounds.BATCH_BYTES,
    }
    if tls is not None:
        options |= {"tls": tls, "tls_handshake_first": True}
    connecting = asyncio.ensure_future(client.connect(**options))
    try:
        await asyncio.wait({connecting, denial}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if connecting.done():
            with mapped("connecting"):
                connecting.result()
                await connection._open()
            return connection
    finally:
        if not connecting.done():
            await _ended(connecting)
            with suppress(Exception):
                await _closed(client)
    if denial.done():
        raise DependencyError(denial.result())
    if unchecked:
        raise DependencyError("The message bus did not check this login in time; start a broker, or try again.")
    raise DependencyError("The message bus does not answer at its address; start it, or correct the address.")


@asynccontextmanager
async def connected(
    url: str | Sequence[str],
    seed: bytes,
    *,
    inbox_prefix: str,
    name: str = "safeconduct",
    patience: float = bounds.CONNECT_SECONDS,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Connection]:
    """`connect` for the time of a block."""
    connection = await connect(url, seed, inbox_prefix=inbox_prefix, name=name, patience=patience, tls=tls)
    try:
        yield connection
    finally:
        await connection.close()
