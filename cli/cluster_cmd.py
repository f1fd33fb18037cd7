"""`safeconduct cluster demo`: messages go on while a server and a broker are killed."""

import asyncio
import shutil
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.panel import Panel

from adapters.casefile import CaseFile, read_file
from adapters.client import AgencyClient, connect
from adapters.home import clock
from adapters.journal import ACCEPTED
from audit import fsck
from broker.service import export_log, stores
from bus import subjects
from cli import loopback, practice
from cli.common import command, fail, out, run
from cli.loopback import Loopback

cluster_app = typer.Typer(help="Several servers and brokers.", no_args_is_help=True)

DESK: Final = "desk"
POLICE: Final = "harbour-police"
TO: Final = "district-prosecutor/trafficking-desk"
CASE: Final = "07-supplementary-report.json"
PATIENCE: Final = 90.0


@cluster_app.command("demo")
@command
def demo(
    folder: Annotated[Path, typer.Option("--out", help="Where to leave what it made.")] = Path("cluster-out"),
    messages: Annotated[int, typer.Option("--messages", min=6, max=5000, help="How many are sent.")] = 60,
) -> None:
    """Three nats-servers with every stream on all three, two brokers; one of each is killed while messages flow."""
    practice.stage(folder)
    run(_Play(folder, messages).all())


class _Play:
    def __init__(self, folder: Path, messages: int) -> None:
        self.folder = folder
        self.count = messages
        self.sent: dict[bytes, str] = {}  # message -> state
        self.arrived: Counter[bytes] = Counter()

    async def all(self) -> None:
        out.print(
            Panel(
                "Two brokers share one queue on three servers. Each stream lies on all three, so any one may go. "
                "Either broker may go as well, for the store alone says what was accepted.",
                title="A cluster on this machine",
                title_align="left",
            )
        )
        made = await asyncio.to_thread(practice.make, self.folder, practice.example_folder(), clock())
        passphrase = (made.folder / "passphrase").read_text(encoding="utf-8")
        case = self.folder / CASE
        practice.moved_file(practice.example_folder() / "cases" / CASE, case, clock())
        ports = loopback.free_ports(loopback.NODES)
        async with loopback.running(self.folder, passphrase, ports) as town, AsyncExitStack() as stack:
            out.print(f"three servers and two brokers are up: {town.url}", soft_wrap=True)
            party, _, name = TO.partition("/")
            police = await stack.enter_async_context(connect(self.folder / POLICE, DESK, passphrase, town.url))
            other = await stack.enter_async_context(connect(self.folder / party, name, passphrase, town.url))
            receiving = asyncio.create_task(self._receive(other))
            try:
                await self._acts(town, police, read_file(case))
            finally:
                receiving.cancel()
                await asyncio.gather(receiving, return_exceptions=True)
            await self._proof(town)

    async def _acts(self, town: Loopback, police: AgencyClient, case: CaseFile) -> None:
        part = self.count // 3
        await self._send(police, case, part)
        out.print(f"  {self._so_far()}")
        leader = await town.leader()
        out.print(f"killed: {town.servers[leader].name}, the server that led the stream of entries and views")
        town.servers[leader].kill()
        await self._send(police, case, part)
        out.print(f"  {self._so_far()}; {town.servers[await town.leader()].name} leads now")
        out.print("killed: the first broker, which had been answering logins and writing the log")
        await town.kill_broker(0)
        await self._send(police, case, self.count - 2 * part)
        out.print(f"  {self._so_far()}")
        await asyncio.gather(town.servers[leader].start(), town.start_broker(0))
        out.print("started again: both")
        async with asyncio.timeout(PATIENCE):
            while not self._complete(police):
                await police.flush()
                await asyncio.sleep(0.2)
        out.print(f"  {self._so_far()}")

    async def _send(self, police: AgencyClient, case: CaseFile, count: int) -> None:
        for _ in range(count):
            _, sent = await police.send(case, [TO])
            for one in sent:
                self.sent[one.message] = one.state

    async def _receive(self, other: AgencyClient) -> None:
        async for received in other.deliveries():
            if received.opened is not None:
                self.arrived[received.opened.manifest.id] += 1

    def _complete(self, police: AgencyClient) -> bool:
        accepted = {o.message for o in police.journal.outgoing(ACCEPTED)}
        return self.sent.keys() <= accepted and self.sent.keys() <= self.arrived.keys()

    def _so_far(self) -> str:
        return f"{len(self.sent)} sent, {len(self.arrived)} opened by {TO}"

    async def _proof(self, town: Loopback) -> None:
        target = self.folder / "log"
        async with stores(town.home, town.url) as connection:
            for _ in range(100):
                shutil.rmtree(target, ignore_errors=True)
                await export_log(town.home, connection, target)
                report = await asyncio.to_thread(fsck.check, target)
                if not report.unsequenced:
                    break
                await asyncio.sleep(0.2)
        twice = [m for m, times in self.arrived.items() if times > 1]
        lost = self.sent.keys() - self.arrived.keys()
        wrong = [
            *([f"{len(lost)} messages were lost"] if lost else []),
            *([f"{len(twice)} messages arrived twice"] if twice else []),
            *([f"the log does not hold: {report.first}"] if report.first is not None else []),
        ]
        if wrong:
            fail(f"The demonstration did not go as it must: {'; '.join(wrong)}.", 1)
        out.print(f"{len(self.sent)} sent, each opened once; the log of {report.leaves} leaves holds: {target}")
        out.print(f"streams: {', '.join(spec.name for spec in subjects.STREAMS)}, each on {loopback.NODES} servers")
