"""`safeconduct console`: the officers' console beside a running broker."""

import ssl
from typing import Annotated

import typer

from broker.console.serving import LOOPBACK, Running, consoling
from broker.console.words import SOURCE
from broker.service import BrokerHome, clock
from cli.common import BrokerOption, UrlOption, command, passphrase, run, service_logs, settled, until, until_stopped
from keys import tls

PORT = 8480

PortOption = Annotated[int, typer.Option("--port", min=0, max=65535, help="Where it listens; 0: any free port.")]
OriginOption = Annotated[
    str | None, typer.Option("--origin", help="What the browser's address bar shows, if it is another name or proxy.")
]
LanguageOption = Annotated[str, typer.Option("--language", help="Of its pages: one that there is a catalogue of.")]


def say(running: Running) -> None:
    """Where it is, and the code for the first passkey where no account has one."""
    typer.echo(f"console {running.url}")
    if running.code is not None:
        typer.echo(f"no account has a passkey yet; register the first at {running.url}/enrol with: {running.code}")


@command
def console(
    home: BrokerOption,
    port: PortOption = PORT,
    host: Annotated[str, typer.Option("--host", help="Another address than this machine's own needs TLS.")] = LOOPBACK,
    origin: OriginOption = None,
    url: UrlOption = None,
    language: LanguageOption = SOURCE,
) -> None:
    """Run the officers' console until Ctrl-C: decisions, matrix, trust, proposals, log and tasks; never content."""
    service_logs()
    broker = BrokerHome.open(home, passphrase(home))
    address = home / "run" / "address"
    running = url or (address.read_text(encoding="utf-8").strip() if address.is_file() else None)

    async def main() -> None:
        context: ssl.SSLContext | None = None
        if host != LOOPBACK and broker.tls is not None:
            context = tls.server_context(broker.tls, clock(), mutual=False)
        async with consoling(
            broker, running, host=host, port=port, origin=origin, tls=context, language=language
        ) as serving:
            settled()
            stopped = until_stopped()
            typer.echo(f"ready {serving.url}")
            say(serving)
            await until(serving.failed, stopped)

    run(main())
