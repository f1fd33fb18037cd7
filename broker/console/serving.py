"""The console as a running service: beside the broker, in its process or in one of its own.

Either way it has its own connection, its own reader of the log and its own tree, and takes newer trust bundles over as
the broker does. It listens on the loopback, under the name `localhost`; beyond that behind TLS alone.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog
from aiohttp import web

from broker.apart import Apart
from broker.console.access import Access, Site
from broker.console.app import Console
from broker.console.reading import Reading
from broker.console.waiting import Waits
from broker.console.words import SOURCE, Words
from broker.projecting import Projector
from broker.recordsdb import opened
from broker.service import LOOK_SECONDS, BrokerHome, clock, stores
from broker.worker import Worker
from bus.queue import NatsBroker, NatsSequencer
from bus.store import Store
from messages.errors import BadInput, DependencyError

log = structlog.get_logger("broker.console")

LOOPBACK = "127.0.0.1"
DRAIN = 5.0
"""Seconds for requests that are being answered when it ends."""
NAME = "localhost"
"""A passkey is bound to a name, and an address is none."""


@dataclass(frozen=True, slots=True)
class Running:
    """A console that answers. `code` registers the first passkey, where no account has one. `failed` raises what ended
    a part of it; by then it listens no more, for an account that has ended since would go on opening it.
    """

    url: str
    code: str | None
    access: Access
    reading: Reading
    failed: "asyncio.Future[None]"


@asynccontextmanager
async def consoling(
    home: BrokerHome,
    url: str | None,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    origin: str | None = None,
    tls: ssl.SSLContext | None = None,
    follow: bool = True,
    language: str = SOURCE,
) -> AsyncIterator[Running]:
    """Serve the console while the block runs. `url`: of the broker's NATS. `follow`: look for newer bundles ourselves.

    `origin` is what a browser's address bar shows, where a proxy or a host's name stands before us. Raises `BadInput`
    or `DependencyError`.
    """
    if host != LOOPBACK and tls is None:
        raise DependencyError("Without TLS the console listens on this machine alone; see: safeconduct tls")
    if origin is not None and not (origin.startswith(("https://", f"http://{NAME}:")) and origin.count("/") == 2):
        raise BadInput("The console's origin is such as https://console.example.org, without a path.")
    words = Words(language)
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(stores(home, url))
        db = stack.enter_context(opened(home.records))
        publishing = await NatsBroker.open(connection)
        stack.push_async_callback(publishing.close)
        reading = Reading(home, connection, db, clock)
        stack.push_async_callback(reading.close)
        site = Site("")
        access = Access(site, lambda: home.bundle.accounts, clock)
        waits = Waits(publishing, Store(connection), clock)
        console = Console(access, reading, waits, Worker(publishing, home.world(), clock), words)
        runner = web.AppRunner(
            console.application(), access_log=None, handle_signals=False, logger=_silent(), shutdown_timeout=DRAIN
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        try:
            await web.TCPSite(runner, host, port, ssl_context=tls).start()
        except OSError as error:
            raise DependencyError(f"The console cannot listen on {host}:{port} ({error.strerror}).") from None
        scheme = "https" if tls is not None else "http"
        access.site = Site(origin or f"{scheme}://{NAME}:{runner.addresses[0][1]}")
        stop = asyncio.Event()
        tasks: list[asyncio.Task[None]] = []
        if follow:  # else the broker in this process does both
            writing = Apart(db, home.records)
            stack.push_async_callback(writing.close)
            projector = Projector(db, NatsSequencer(connection), lambda: home.bundle.directory, writing)
            tasks += [asyncio.create_task(projector.run(stop)), asyncio.create_task(_following(home))]
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        watching = asyncio.create_task(_ending(tasks, runner, failed))
        try:
            code = access.invite("host") if not access.usable() else None
            log.info("console-up", accounts=len(access.usable()))
            yield Running(access.site.origin, code, access, reading, failed)
        finally:
            stop.set()
            for task in (watching, *tasks):
                task.cancel()
            await asyncio.gather(watching, *tasks, return_exceptions=True)
            if failed.done():
                failed.exception()  # seen, also where nobody waits for it


async def _ending(tasks: "list[asyncio.Task[None]]", runner: web.AppRunner, failed: "asyncio.Future[None]") -> None:
    """Stop listening as soon as a part has failed."""
    if not tasks:
        return
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    error = next((e for task in done if not task.cancelled() and (e := task.exception()) is not None), None)
    if error is not None:
        log.error("console-failed", error=type(error).__name__)
        try:
            await runner.cleanup()
        finally:
            failed.set_exception(error)


async def _following(home: BrokerHome) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        await asyncio.to_thread(home.trust.look)


def _silent() -> logging.Logger:
    """What the library says of requests that it cannot read are strangers' bytes: no log of ours repeats them."""
    made = logging.getLogger("broker.console.library")
    made.propagate, made.handlers = False, [logging.NullHandler()]
    return made
