"""Real messages under way, and a ledger that compares what was accepted with what arrived.

    async with Traffic.on(bench, urls) as traffic:
        await traffic.send(200)          # submitted, and again with the same bytes until each is answered
        await traffic.settled()          # every accepted message has arrived, or `AssertionError`
    traffic.ledger.check()               # nothing lost, nothing twice

The sender keeps each submission until it has its evidence, as an adapter's journal does; the recipient notes a view
before it acknowledges it. Both go on through any trouble of the bus, for they hand in and pull again.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256

from adapters.home import Home
from bench import world
from bench.world import Bench
from bus import subjects
from bus.connection import connected
from bus.queue import NatsAgency
from keys.domains import Tag
from keys.signing import verify
from messages import wire
from messages.envelope import Delivery
from messages.errors import DependencyError
from messages.evidence import Answer, Evidence, EvidenceType, is_step

AT_ONCE = 64
AGAIN: float = 8.0
"""Seconds after which a submission without an answer is handed in again."""


@dataclass
class Ledger:
    """What was handed in, what was accepted, and what arrived. Message ids in hex."""

    submitted: dict[bytes, str] = field(default_factory=dict)  # digest of the bytes -> message
    accepted: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))  # -> distinct evidence
    refused: dict[str, str] = field(default_factory=dict)
    arrived: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # message -> view -> times
    answers: int = 0

    def unanswered(self) -> set[str]:
        return set(self.submitted.values()) - self.accepted.keys() - self.refused.keys()

    def missing(self) -> set[str]:
        """Accepted, and not arrived."""
        return self.accepted.keys() - self.arrived.keys()

    def check(self) -> None:
        """Nothing lost, nothing delivered as two views, nothing that nobody accepted, one evidence for each."""
        assert self.submitted, "nothing was handed in"
        assert not self.refused, f"refused: {Counter(self.refused.values())}"
        assert not self.unanswered(), f"{len(self.unanswered())} submissions were never answered"
        assert not self.missing(), f"{len(self.missing())} accepted messages were lost"
        twice = [m for m, views in self.arrived.items() if len(views) > 1]
        assert not twice, f"{len(twice)} messages arrived as two different views"
        unknown = self.arrived.keys() - self.accepted.keys()
        assert not unknown, f"{len(unknown)} messages arrived that were not accepted"
        changed = [m for m, evidence in self.accepted.items() if len(evidence) != 1]
        assert not changed, f"{len(changed)} messages have two different evidences"


class Traffic:
    """One sender and one recipient on the bus."""

    def __init__(self, bench: Bench, sender: NatsAgency, recipient: NatsAgency) -> None:
        self.bench = bench
        self.ledger = Ledger()
        self._sender = sender
        self._recipient = recipient
        self._open: dict[bytes, bytes] = {}
        self.everything: dict[bytes, bytes] = {}  # digest -> bytes, of all that was handed in
        self._changed = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def on(cls, bench: Bench, urls: Sequence[str], *, receive: bool = True) -> AsyncIterator["Traffic"]:
        """Without `receive` somebody else takes what arrives, and notes it in `ledger.arrived`."""
        async with AsyncExitStack() as stack:
            ports = []
            for party, name in ((world.POLICE, world.SENDER), (world.PROSECUTOR, world.TO.partition("/")[2])):
                home = Home.open(bench.folder / party, bench.passphrase, url=urls[0])
                keys = home.unlock(name)
                inbox = subjects.contact_inbox(keys.contact.handle)
                connecting = connected(urls, keys.nkey_seed, inbox_prefix=inbox, tls=home.tls())
                port = await NatsAgency.open(await stack.enter_async_context(connecting), home.agency.handle)
                stack.push_async_callback(port.close)
                ports.append(port)
            traffic = cls(bench, *ports)
            tasks = [asyncio.create_task(part) for part in (traffic._hear(), traffic._again())]
            if receive:
                tasks.append(asyncio.create_task(traffic._receive()))
            try:
                yield traffic
            finally:
                for task in tasks:
                    task.cancel()
                for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                    if isinstance(outcome, Exception):
                        raise outcome

    async def send(self, count: int, pause: float = 0.0, under_way: int = 1 << 30) -> None:
        """Compose and hand in so many, one after the other; no more than `under_way` have not arrived yet."""
        for _ in range(count):
            while len(self.ledger.submitted) - len(self.ledger.arrived) > under_way:
                await asyncio.sleep(0.05)
            envelope = world.compose(self.bench)
            raw = envelope.to_bytes()
            digest = sha256(raw).digest()
            self.ledger.submitted[digest] = envelope.manifest.id.hex()
            self._open[digest] = self.everything[digest] = raw
            await self._submit(raw)
            await asyncio.sleep(pause)

    async def _submit(self, raw: bytes) -> None:
        with suppress(DependencyError):  # then it is handed in again
            await self._sender.submit("message", raw)

    async def send_everything_again(self) -> None:
        """Hand in once more, with the same bytes, whatever was ever handed in; each is answered again."""
        self._open |= self.everything
        waiting = list(self.everything.values())
        for start in range(0, len(waiting), AT_ONCE):
            await asyncio.gather(*map(self._submit, waiting[start : start + AT_ONCE]))

    async def _again(self) -> None:
        while True:
            before = dict(self._open)
            await asyncio.sleep(AGAIN)
            late = [raw for digest, raw in before.items() if digest in self._open]
            for start in range(0, len(late), AT_ONCE):
                await asyncio.gather(*map(self._submit, late[start : start + AT_ONCE]))

    async def _hear(self) -> None:
        async for raw in self._sender.answers():
            if is_step(raw):
                continue  # what became of the view later; the ledger asks the recipients themselves
            answer = Answer.from_bytes(raw)
            worker = self.bench.broker.bundle.directory.worker(answer.evidence.by)
            assert worker is not None
            evidence = Evidence.from_bytes(verify(answer.evidence, Tag.EVIDENCE, worker.key))
            message = self.ledger.submitted[answer.submission]
            self.ledger.answers += 1
            if evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE:
                self.ledger.accepted[message].add(answer.evidence.to_bytes())
            else:
                self.ledger.refused[message] = str(evidence.code)
            self._open.pop(answer.submission, None)
            self._changed.set()

    async def _receive(self) -> None:
        async for delivery in self._recipient.deliveries(self.bench.recipient.handle):
            view = wire.decode_view(Delivery.from_bytes(delivery.data).view)
            self.ledger.arrived[view.manifest.id.hex()][delivery.view_id] += 1
            self._changed.set()
            with suppress(DependencyError):  # then it comes again, under the same view id
                await delivery.ack()

    async def answered(self, least: int, patience: float = 120.0) -> None:
        """Until at least so many submissions have been answered."""
        await self._until(lambda: len(self.ledger.accepted) + len(self.ledger.refused) >= least, patience)

    async def settled(self, patience: float = 120.0) -> None:
        """Until everything handed in was answered and everything accepted has arrived, or `patience` seconds."""
        await self._until(
            lambda: not self._open and not self.ledger.unanswered() and not self.ledger.missing(), patience
        )

    def changed(self) -> None:
        """Somebody else has noted what arrived."""
        self._changed.set()

    async def _until(self, done: Callable[[], bool], patience: float) -> None:
        try:
            async with asyncio.timeout(patience):
                while not done():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            self.ledger.check()
            raise
