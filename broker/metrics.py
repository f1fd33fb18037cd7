"""What a broker tells whoever watches it: metrics for Prometheus, and whether it is alive and ready.

    GET /metrics         counters and gauges, in Prometheus' text format
    GET /health/live     200 while the process answers
    GET /health/ready    200 while messages are admitted, else 503 with the code of what is in the way

On the loopback alone, without a login: whoever is to see it from elsewhere puts a proxy with mTLS before it. Nothing in
it is about an agency, a contact, a case or a person: the only label is the name of a stream. Totals of what all workers
and brokers did follow from the streams' last sequences; the other counters are of this process.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from broker.http import HEADERS, LOOPBACK
from messages.errors import DependencyError

STREAM: Final = "stream"
LABELS: Final = frozenset({STREAM})
"""Every label there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """The state of one process at one moment. Times in milliseconds since the Unix epoch."""

    now: int
    admitted: int
    dropped: int
    set_aside: int
    foreign: int
    shut_out: int
    leaves: int
    epoch: int
    expires: int
    keeps_up: bool  # the log does
    streams: dict[str, dict[str, int]] = field(default_factory=dict)  # empty while the bus does not answer

    def trouble(self) -> str | None:
        """Why nothing is admitted now, or None."""
        if not self.streams:
            return "bus-down"
        if self.now >= self.expires:
            return "bundle-expired"
        return None if self.keeps_up else "log-behind"


def text(readings: Readings) -> bytes:
    """In Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    for name, says, value in (
        ("submissions_done", "Submissions this process has finished", readings.admitted),
        (
            "garbage_dropped",
            "Submissions this process dropped unrecorded, because too many failed to parse",
            readings.dropped,
        ),
        ("set_aside", "Submissions this process set aside for the operator", readings.set_aside),
        ("foreign", "Messages of the bus this process dropped because they did not belong", readings.foreign),
        ("shut_out", "Logins this process shut out for a while, because too much came from them", readings.shut_out),
        ("log_leaves", "Leaves of the log that this process has seen", readings.leaves),
        ("epoch", "Epoch of the trust bundle in force here", readings.epoch),
        ("bundle_expires_seconds", "Seconds until the trust bundle expires", (readings.expires - readings.now) / 1000),
        ("log_keeps_up", "Whether the log keeps up with its promise", int(readings.keeps_up)),
        ("ready", "Whether messages are admitted", int(readings.trouble() is None)),
    ):
        Gauge(f"safeconduct_{name}", says, registry=registry).set(value)
    by_stream = {
        "messages": Gauge("safeconduct_stream_messages", "Messages a stream holds", [STREAM], registry=registry),
        "bytes": Gauge("safeconduct_stream_bytes", "Bytes a stream holds", [STREAM], registry=registry),
        "last_seq": Gauge("safeconduct_stream_sequence", "Messages a stream ever took", [STREAM], registry=registry),
    }
    for stream, state in readings.streams.items():
        for name, gauge in by_stream.items():
            gauge.labels(stream).set(state[name])
    return generate_latest(registry)


@asynccontextmanager
async def watched(read: Callable[[], Awaitable[Readings]], port: int) -> AsyncIterator[str]:
    """Serve on this port of the loopback (0: any) while the block runs; yields the address."""

    async def metrics(_: web.Request) -> web.Response:
        body = text(await read())
        return web.Response(body=body, headers={**HEADERS, "Content-Type": CONTENT_TYPE_LATEST})

    async def live(_: web.Request) -> web.Response:
        return web.Response(text="live\n", headers=HEADERS)

    async def ready(_: web.Request) -> web.Response:
        trouble = (await read()).trouble()
        return web.Response(text=f"{trouble or 'ready'}\n", status=503 if trouble else 200, headers=HEADERS)

    app = web.Application(client_max_size=1024)
    app.add_routes([web.get("/metrics", metrics), web.get("/health/live", live), web.get("/health/ready", ready)])
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, LOOPBACK, port).start()
        except OSError as error:
            raise DependencyError(f"Metrics cannot be served on port {port} ({error.strerror}).") from None
        yield f"http://{LOOPBACK}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
