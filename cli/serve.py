"""`safeconduct up`: the broker with its embedded server and its workers."""

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import Annotated

import typer

from audit.logdir import write_atomically
from broker.metrics import watched
from broker.service import BrokerHome, Cluster, serving, working
from broker.supervisor import kept_running
from cli.common import BrokerOption, command, passphrase, run, service_logs, settled, until, until_stopped
from cli.services import READY, start_service


@command
def up(
    home: BrokerOption,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=64, help="How many processes admit messages, this one included.")
    ] = 1,
    nats: Annotated[
        list[str] | None,
        typer.Option(
            "--nats",
            help="Address of a server of a NATS cluster that runs already; none of our own is started. Repeat it.",
        ),
    ] = None,
    replicas: Annotated[
        int, typer.Option("--replicas", min=1, max=5, help="With --nats: on how many servers each stream is kept.")
    ] = 3,
    metrics: Annotated[
        int | None,
        typer.Option(
            "--metrics", min=0, max=65535, help="Serve metrics and health on this port of the loopback; 0: any."
        ),
    ] = None,
    with_console: Annotated[
        int | None, typer.Option("--console", help="The officers' console too, on this port.")
    ] = None,
) -> None:
    """Run the broker: embedded NATS server, workers and log. Stops on Ctrl-C, after finishing what is in hand."""
    service_logs()
    cluster = Cluster(urls=tuple(nats), replicas=replicas) if nats else None

    async def main() -> None:
        secret = passphrase(home)
        broker = BrokerHome.open(home, secret)
        async with serving(broker, cluster) as running:

            async def one_more() -> asyncio.subprocess.Process:
                addresses = [part for url in running.urls for part in ("--nats", url)]
                return await start_service("worker", "--home", str(home), *addresses, secret=secret, tied=True)

            async with AsyncExitStack() as stack:
                await stack.enter_async_context(kept_running(workers - 1, one_more))
                if metrics is not None:
                    address = await stack.enter_async_context(watched(running.readings, metrics))
                    write_atomically(home / "run" / "metrics", [address.encode()])
                console = None
                if with_console is not None:
                    from broker.console.serving import consoling  # pages and a database that few brokers serve
                    from cli.console_cmd import say

                    serving_console = consoling(broker, ",".join(running.urls), port=with_console, follow=False)
                    console = await stack.enter_async_context(serving_console)
                settled()
                stopped = until_stopped()
                where = f"{running.urls[0]} epoch {broker.bundle.epoch} trust {running.endpoint.url}"
                print(f"{READY} {where}", flush=True)  # noqa: T201
                if console is not None:
                    say(console)
                await until(running.failed, stopped)

    run(main())


@command
def worker(
    home: BrokerOption, nats: Annotated[list[str], typer.Option("--nats", help="Addresses of the bus.")]
) -> None:
    """One worker beside a broker, which starts it and keeps it running. Ends when its standard input does."""
    service_logs()

    async def serve(ended: asyncio.Event, begun: asyncio.Event) -> None:
        async with working(BrokerHome.open(home, passphrase(home)), nats) as failed:
            begun.set()
            settled()
            stopped = until_stopped()
            print(READY, flush=True)  # noqa: T201
            await until(failed, stopped, ended.wait())

    async def main() -> None:
        ended, begun = asyncio.Event(), asyncio.Event()
        serving = asyncio.ensure_future(serve(ended, begun))
        loop, stdin = asyncio.get_running_loop(), sys.stdin.fileno()

        def left_alone() -> None:
            loop.remove_reader(stdin)  # else it would be called without a pause until we have drained
            ended.set()
            if not begun.is_set():
                serving.cancel()  # it may be waiting for a server that went with the broker

        loop.add_reader(stdin, left_alone)  # nothing else tells us that the broker was killed
        try:
            await serving
        except asyncio.CancelledError:
            if not ended.is_set():
                raise

    run(main())
