"""The broker's HTTP endpoint: each agency's extract of the trust bundle, for that agency alone.

`GET /trust/metadata/…` and `GET /trust/targets/…` answer as a TUF repository does, `GET /trust/news/EPOCH` with what is
newer than an epoch, all at once. Who asks is known by a signature
with the agency's login key over just this request (`keys.nkey`), under TLS besides where the endpoint is not on the
loopback; whose extract is served follows from that alone. Whoever is unknown, revoked or late hears "Refused." and
nothing else, whatever it asks for, and what an agency's extract does not hold is not there, whoever else may have it.
"""

import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from broker.bundles import BrokerTrust
from keys.metadata import Audience
from keys.nkey import check_request
from messages.errors import DependencyError, ShareError

log = structlog.get_logger("broker.http")

LOOPBACK: Final = "127.0.0.1"
HEADERS: Final = {
    "Server": "safeconduct",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
}
REQUEST_BYTES: Final = 1024
_NEAR: Final = {"0.0.0.0": LOOPBACK}  # noqa: S104 - a look-up, not a bind


class _Untold(logging.Handler):
    """Takes what the library says of requests that it cannot read: strangers' bytes, which no log of ours repeats."""

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0] if record.exc_info else None
        log.info("unreadable", error=kind.__name__ if kind is not None else record.levelname)


_library = logging.getLogger("broker.http.library")
_library.propagate = False
_library.setLevel(logging.WARNING)
_library.handlers = [_Untold()]


@dataclass(slots=True)
class Endpoint:
    """Where the endpoint listens, and how often it refused."""

    url: str
    refused: int = 0


def application(trust: BrokerTrust, clock: Callable[[], int], endpoint: Endpoint) -> web.Application:
    """The one route. `trust` is asked anew for each request, so a revocation counts from the next one on."""

    async def serve(request: web.Request) -> web.Response:
        audience = _audience(trust, request, clock()) if request.method == "GET" else None
        if audience is None:
            endpoint.refused += 1
            log.info("refused")
            return web.Response(status=403, text="Refused.\n", headers=HEADERS)
        folder, _, path = request.match_info["path"].partition("/")
        try:
            data = trust.answer(audience, path, clock()) if folder == "trust" else None
        except ShareError as error:
            log.error("extract", code=error.code)
            return web.Response(status=503, text="Try again later.\n", headers=HEADERS)
        if data is None:
            return web.Response(status=404, text="There is nothing here.\n", headers=HEADERS)
        return web.Response(body=data, content_type="application/octet-stream", headers=HEADERS)

    app = web.Application(client_max_size=REQUEST_BYTES)
    app.router.add_route("*", "/{path:.*}", serve)
    return app


def _audience(trust: BrokerTrust, request: web.Request, now: int) -> Audience | None:
    try:
        nkey = check_request(request.headers.get("Authorization"), "GET", request.host, request.raw_path, now)
    except ShareError:
        return None
    return trust.audience_of(nkey, now)


@asynccontextmanager
async def listening(
    trust: BrokerTrust,
    clock: Callable[[], int],
    *,
    host: str = LOOPBACK,
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Endpoint]:
    """Serve while the block runs. Without TLS it listens on the loopback alone, or raises `DependencyError`."""
    if tls is None and host != LOOPBACK:
        raise DependencyError("Without TLS the trust endpoint listens on this machine alone; see: safeconduct tls")
    endpoint = Endpoint(url="")
    app = application(trust, clock, endpoint)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, logger=_library)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, ssl_context=tls)
        try:
            await site.start()
        except OSError as error:
            raise DependencyError(f"The trust endpoint cannot listen on {host}:{port} ({error.strerror}).") from None
        actual = runner.addresses[0][1]
        endpoint.url = f"{'https' if tls else 'http'}://{_NEAR.get(host, host)}:{actual}/trust"
        yield endpoint
    finally:
        await runner.cleanup()
