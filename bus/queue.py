"""The ports that broker and adapters use, and their implementation on NATS.

`BrokerPort`, `SequencerPort` and `AgencyPort` are the contracts; `NatsBroker`, `NatsSequencer` and `NatsAgency` keep
them on a real server, tests/fakes/bus.py in memory, and tests/contracts/ holds both to the same assertions.

What every port promises:
- bytes go in and come out unchanged, and nothing here looks inside them but for the one check below;
- who handed in a submission is read from its *subject*, which the server let only that agency publish to;
- delivery is at least once: whatever is not acknowledged comes again, also to another worker or device;
- what does not belong (a server's reply in a place a stranger named, a subject of the wrong form, an answer that is no
  CBOR map) is dropped and counted in `foreign`, never handed on. A reader that finds no worker's signature on what it
  was handed calls `report_foreign`, which counts it too. `foreign` above zero means that somebody is trying something.
"""

import asyncio
import json
import math
import secrets
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Final, Protocol

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from bus import bounds, subjects
from bus.connection import Connection, NoAnswer, completed, mapped, status
from bus.intake import Bucket, Company, Pace, Rests, Turns, cost, portion, shares, weight
from bus.store import EXPECT_OF, EXPECT_STREAM, EXPECT_SUBJECT, TTL, Conflict, Fenced, Outgoing, Store, within_batches
from bus.store import AlreadyStored as AlreadyStored
from bus.store import ConsentWithdrawn as ConsentWithdrawn
from bus.subjects import Kind, Lane, Watch
from messages.errors import DependencyError, LocalError
from messages.ids import AgencyHandle, ContactHandle, ViewId

Settle = Callable[[bytes], Awaitable[None]]
Handler = Callable[[AgencyHandle, str, bytes], Awaitable[bytes]]
Report = Callable[[str], None]

_ACK: Final = b"+ACK"
_NAK: Final = b"-NAK"


def _nak(delay: float) -> bytes:
    return _NAK if delay <= 0 else b'%b {"delay": %d}' % (_NAK, round(delay * 1e9))


# What travels through the ports


@dataclass(frozen=True, slots=True)
class Submission:
    """What an agency handed in. `agency` and `kind` are from the subject alone; `attempt` counts hand-outs from 1."""

    agency: AgencyHandle
    kind: Kind
    data: bytes = field(repr=False)  # never in a log line by accident
    attempt: int
    settle: Settle = field(repr=False)

    async def ack(self) -> None:
        """Done: it leaves the queue. Not waited for; if it is lost, the submission comes again and is found
        repeated.
        """
        await self.settle(_ACK)

    async def nak(self, delay: float = 0.0) -> None:
        """Not done: hand it out again, to anybody, after `delay` seconds."""
        await self.settle(_nak(delay))


@dataclass(frozen=True, slots=True)
class View:
    """One view to be stored for one contact."""

    agency: AgencyHandle
    contact: ContactHandle
    lane: Lane
    view_id: ViewId
    data: bytes = field(repr=False)
    ttl_seconds: int | None = None
    watch: Watch | None = None  # of a message's view; None for notices


@dataclass(frozen=True, slots=True)
class Outline:
    """A view that waits, seen from outside: where it stands, and what watching goes by."""

    seq: int
    agency: AgencyHandle
    contact: ContactHandle
    lane: Lane
    view_id: ViewId
    watch: Watch


@dataclass(frozen=True, slots=True)
class Holding:
    """That a view rests on a consent: stored with it, and only as long as the consent was not withdrawn."""

    consent: bytes
    view_id: ViewId
    data: bytes = field(repr=False)
    ttl_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """An entry, its views and what they rest on: stored together or not at all (law 4). `key` is stored at most once
    for an agency.
    """

    agency: AgencyHandle
    key: str
    entry: bytes = field(repr=False)
    ttl_seconds: int | None = None
    views: Sequence[View] = ()
    holdings: Sequence[Holding] = ()


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as FLOW holds it. `seq` is its FLOW sequence: entries have one order, for ever."""

    seq: int
    subject: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A view that waits for a contact. The names are from the subject; the view's stamp has to say the same."""

    agency: AgencyHandle
    contact: ContactHandle
    lane: Lane
    view_id: ViewId
    data: bytes = field(repr=False)  # never in a log line by accident
    attempt: int
    settle: Settle = field(repr=False)

    async def ack(self) -> None:
        """Journaled: it is not handed out again."""
        await self.settle(_ACK)

    async def nak(self, delay: float = 0.0) -> None:
        """Not journaled: hand it out again after `delay` seconds."""
        await self.settle(_nak(delay))


# The ports


class BrokerPort(Protocol):
    """What a worker needs."""

    @property
    def foreign(self) -> int:
        """How much has been dropped because it did not belong."""

    def report_foreign(self, what: str) -> None:
        """Count one more; `what` is a short code, never content."""

    async def take_from(self, agencies: Iterable[AgencyHandle]) -> None:
        """Pull what these agencies hand in too, from now on, and what anybody has handed in that waits. Idempotent."""

    async def pull(self, limit: int, wait: float) -> list[Submission]:
        """Up to `limit` submissions: urgent ones first, the agencies in turns (`bus.intake`), each agency's oldest
        first. Waits up to `wait` seconds for the first and may return none. They are in hand together until each has
        been acknowledged or given back; meanwhile more may be pulled.
        """

    async def handed_in(self) -> Mapping[AgencyHandle, int]:
        """How many submissions of each agency wait, of the kind of which most do."""

    async def store(self, admissions: Sequence[Admission]) -> None:
        """Store all, each with its views, none in part. In one atomic batch as long as 1,000 messages hold them, else
        in several, in order. Raises `AlreadyStored` with the keys that stood before; then nothing of that batch is
        stored. After a lost reply this may be the caller's own doing: read `entry` and compare. Raises
        `ConsentWithdrawn` where none of them stood and a consent of a holding was withdrawn; then nothing is either.
        """

    async def set_aside(self, submission: Submission, tries: int) -> None:
        """Keep a copy of it for the operator, and how often it was tried by itself: one copy of the same bytes. The
        submission stays in the queue until it is acknowledged.
        """

    async def tries(self, submission: Submission) -> int:
        """What was noted when it was set aside last; 0 where it was not, or was taken back."""

    async def take_back(self, submission: Submission) -> None:
        """Remove the copy."""

    async def entry(self, agency: AgencyHandle, key: str) -> StoredEntry | None:
        """The stored entry, as of now."""

    async def withdrawals(self, after_flow_seq: int) -> tuple[list[bytes], int]:
        """Consents withdrawn after this FLOW sequence, and the sequence up to which that is all. Raises nothing for
        what no worker wrote: who is told a consent too many shares less.
        """

    async def holdings(self, consent: bytes) -> list[bytes]:
        """What was stored about views that rest on this consent. After its withdrawal was stored, that is all there
        will ever be.
        """

    async def answer(self, agency: AgencyHandle, data: bytes) -> None:
        """Tell an agency, if it is listening. `data` is a CBOR map; whoever missed it hands in again and hears it
        then.
        """

    async def waiting(self, agency: AgencyHandle, contact: ContactHandle) -> int:
        """How many views this contact's devices have not acknowledged."""

    async def outlines(self, after_flow_seq: int, limit: int) -> tuple[list[Outline], int]:
        """Up to `limit` views that wait, stored after this FLOW sequence, in order, and the sequence up to which that
        is all. Notices are left out, so there may be none before the end. Does not wait for more to come; call it again
        until that sequence stays as it was. Then there is none: raises `DependencyError` where something waits that
        does not come.
        """

    async def handed_over(self, contact: ContactHandle, lane: Lane) -> int:
        """The FLOW sequence up to which this contact's devices have acknowledged everything in this lane."""

    async def view(self, agency: AgencyHandle, contact: ContactHandle, view_id: ViewId) -> bytes | None:
        """What waits under this id, in whatever lane; None where nothing does any more."""

    async def take_view(self, agency: AgencyHandle, contact: ContactHandle, view_id: ViewId) -> bytes | None:
        """Take one view away, in whatever lane; what it was, None if it was not there."""

    async def remove_view(self, agency: AgencyHandle, contact: ContactHandle, view_id: ViewId) -> bool:
        """Take one view away, in whatever lane; False if it was not there."""

    async def remove_notices(self, agency: AgencyHandle, contact: ContactHandle) -> int:
        """Take away what waits for a contact and is no view of a message, as `outlines` leaves it out; how many there
        were.
        """

    async def ensure_consumers(self, agency: AgencyHandle, contact: ContactHandle) -> None:
        """Make sure that this contact can pull. Idempotent."""

    def serve_asks(
        self, handler: Handler, verbs: Collection[str] = subjects.ALL_VERBS
    ) -> AbstractAsyncContextManager[None]:
        """For the time of the block, answer what agencies ask: `await handler(agency, verb, data)` gives the reply. A
        handler that fails, or returns nothing, makes the asker's `ask` fail, and so does asking for more than
        `bounds.ASKS_OF_AGENCY` things at once; several workers share the asking. With `verbs`, of these alone.
        """

    async def close(self) -> None:
        """Give back what was pulled and not handed out."""


class SequencerPort(Protocol):
    """What the one sequencer needs. The store fences a second one."""

    async def tail(self) -> tuple[int, int]:
        """(last LOG sequence, FLOW sequence of the entry its leaf came from); (0, 0) while the log is empty."""

    async def newest(self) -> int:
        """The FLOW sequence of the newest entry; 0 while there is none."""

    async def entries(self, after_flow_seq: int, limit: int, wait: float) -> list[StoredEntry]:
        """Up to `limit` entries that follow `after_flow_seq`, in FLOW order, none left out; may be none after
        `wait`.
        """

    async def append(
        self,
        first_index: int,
        records: Sequence[bytes],
        leaves: Sequence[bytes],
        flow_seqs: Sequence[int],
        expected_last_sequence: int,
    ) -> int:
        """Write RECORDS, then LOG, and return LOG's new last sequence. The leaves of one entry (equal `flow_seqs`,
        which never decrease) go in one batch. Raises `Fenced` if LOG's last sequence is not the expected one.
        """

    async def leaves(self, from_index: int, count: int) -> list[bytes]:
        """Up to `count` leaves from index `from_index` on."""

    async def record(self, index: int) -> bytes | None:
        """The readable form of a leaf, or None when its retention has ended."""

    async def records(self, from_index: int, count: int) -> list[bytes | None]:
        """The same of `count` leaves from index `from_index` on."""

    async def remove_record(self, index: int) -> None:
        """Overwrite the readable form of a leaf and its salt; nothing where they are gone."""

    async def entry_held(self, index: int) -> bool:
        """Whether the entry from which a leaf came is still in FLOW."""

    async def put_head(self, data: bytes) -> None:
        """Publish a checkpoint."""

    async def last_head(self) -> bytes | None:
        """The latest checkpoint."""

    async def close(self) -> None:
        """Let go of what reading needed."""


class AgencyPort(Protocol):
    """What one agency's adapter needs."""

    @property
    def foreign(self) -> int:
        """How much has been dropped because it did not belong."""

    def report_foreign(self, what: str) -> None:
        """Count one more; `what` is a short code, never content."""

    async def submit(self, kind: Kind, data: bytes) -> None:
        """Hand in. Returning means that the bytes have arrived at the queue, and nothing about acceptance."""

    def answers(self) -> AsyncGenerator[bytes, None]:
        """What workers tell this agency: signed bytes, unchecked. Since the port was opened, whether read or not."""

    def deliveries(self, contact: ContactHandle) -> AsyncGenerator[Delivery, None]:
        """Views for one contact as they come, all that is urgent before anything normal. Ends only with the port; close
        the iterator (`aclosing`) to give back what was pulled and not handed out.
        """

    async def ask(self, verb: str, data: bytes, timeout: float = bounds.REQUEST_SECONDS) -> bytes:  # noqa: ASYNC109
        """Ask a worker. Raises `DependencyError` when nobody answers, or a worker could not."""

    async def close(self) -> None:
        """Stop listening."""


# On NATS


class _Foreign:
    """The counter behind `foreign`, and who is told."""

    def __init__(self, on_foreign: Report | None) -> None:
        self.count = 0
        self._tell = on_foreign

    def __call__(self, what: str) -> None:
        self.count += 1
        if self._tell is not None:
            self._tell(what)


def _counts(reply: str) -> tuple[int, int, int, int]:
    """(hand-outs, stream sequence, consumer sequence, still pending) from the acknowledgement subject the server
    made.
    """
    tokens = reply.split(".")
    base = 4 if len(tokens) == 9 else 6
    try:
        return int(tokens[base]), int(tokens[base + 1]), int(tokens[base + 2]), int(tokens[base + 4])
    except (IndexError, ValueError):
        return 1, 0, 0, 0


class _Puller:
    """Pulls from one consumer into `ready`. Keeps at most one request open, and knows how much of it is still to
    come.
    """

    def __init__(
        self,
        connection: Connection,
        stream: str,
        consumer: str,
        belongs: Callable[[Msg], bool],
        foreign: Report,
        wake: asyncio.Event | None = None,
        heard: Callable[[], None] | None = None,
    ) -> None:
        """`heard` is called whenever something came, or a request ended."""
        self.ready: deque[Msg] = deque()
        self.wake = wake or asyncio.Event()
        self._heard = heard
        self.trouble: str | None = None
        self._connection = connection
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._reply = f"$JS.ACK.{stream}.{consumer}."
        self._belongs = belongs
        self._foreign = foreign
        self._wanted = 0
        self._pending = 0
        self._stale = False
        self._until = 0.0
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._forget: Callable[[], None] | None = None
        self._clock = asyncio.get_running_loop().time

    async def open(self) -> None:
        client = self._connection.client
        self._inbox = client.new_inbox()
        with mapped("opening a queue"):
            self._subscription = await client.subscribe(
                self._inbox, cb=self._arrived, pending_msgs_limit=0, pending_bytes_limit=0
            )
        self._forget = self._connection.on_reconnect(self._lost)

    def _lost(self) -> None:
        """A request that was open when the connection broke brings nothing any more, but the server may keep it: as
        long as somebody hears its inbox, a message would be sent there, reach nobody, and wait for the end of its time
        to be acknowledged. So the next request has an inbox of its own, and this one falls silent.
        """
        self._wanted = 0
        self._stale = True
        self._stir()

    def _stir(self) -> None:
        if self._heard is not None:
            self._heard()
        self.wake.set()

    async def _arrived(self, message: Msg) -> None:
        # A message that was pulled keeps its own subject. What comes to the inbox *by name* is the server's word
        # about the request, or something that a stranger had sent here.
        if message.subject == self._inbox:
            word = status(message)
            if word is None:
                self._foreign("reply-in-inbox")
            elif word != "100" and not self._counted_out(message):
                self._wanted = 0
                if word in ("409", "503") and not completed(message):
                    self.trouble = word
                self._stir()
        elif message.reply.startswith(self._reply) and self._belongs(message):
            self._wanted -= 1
            self._pending = _counts(message.reply)[3]
            self.ready.append(message)
            self._stir()
        else:
            self._foreign("not-ours")
            if message.reply.startswith(self._reply):  # ours to hand out, of a form nobody should have stored: end it
                await self._connection.client.publish(message.reply, b"+TERM")

    def _counted_out(self, message: Msg) -> bool:
        """Whether the server says of a request that all of it came: that we know, and the next one may be open."""
        return completed(message) and (message.headers or {}).get("Nats-Pending-Messages") == "0"

    async def request(self, count: int, seconds: float, size: int = 0) -> None:
        """Open a request for up to `count` messages and, unless `size` is 0, so many bytes; unless one is open."""
        now = self._clock()
        if not self.over(now):
            return
        if self._stale:
            await self._leave()
            await self.open()
            self._stale = False
        self._wanted, self._until = count, now + seconds
        most = b',"max_bytes":%d' % size if size else b""
        body = b'{"batch":%d,"expires":%d%b}' % (count, max(1, round(seconds * 1e9)), most)
        with mapped("pulling"):
            await self._connection.client.publish(self._next, body, reply=self._inbox)

    def over(self, now: float) -> bool:
        """Whether no request is open, as far as we know."""
        return self._wanted <= 0 or now >= self._until

    @property
    def behind(self) -> int:
        """How many the server had left when it sent the last one."""
        return self._pending

    @property
    def more_on_its_way(self) -> bool:
        """Whether a request is open that the server has more for."""
        return self._wanted > 0 and self._pending > 0

    def _complete(self, limit: int) -> bool:
        """Whether waiting longer would bring nothing: enough, or the server says there is no more."""
        return len(self.ready) >= limit or self._wanted <= 0 or _counts(self.ready[-1].reply)[3] == 0

    async def _woken(self, until: float) -> bool:
        try:
            async with asyncio.timeout_at(until):
                await self.wake.wait()
        except TimeoutError:
            return False
        return True

    async def pull(self, limit: int, wait: float) -> list[Msg]:
        """Up to `limit` messages, waiting up to `wait` seconds for the first."""
        end = self._clock() + wait
        self.trouble = None
        while not self.ready:
            now = self._clock()
            if now >= end and wait > 0:
                return []
            self.wake.clear()
            await self.request(limit, max(end - now, bounds.LINGER_SECONDS))
            if not await self._woken(max(end, now + bounds.LINGER_SECONDS)):
                break
            if self.trouble:  # no such consumer, or no leader: the caller tries again, but not in a tight circle
                await asyncio.sleep(min(wait, bounds.RETRY_PAUSE))
                break
        linger = self._clock() + bounds.LINGER_SECONDS
        while self.ready and not self._complete(limit):
            self.wake.clear()
            if not await self._woken(linger):
                break
        return [self.ready.popleft() for _ in range(min(limit, len(self.ready)))]

    async def _leave(self, *, hear_out: bool = False) -> None:
        """Stop listening. `hear_out`: take what is on its way, which would else wait until it may come again."""
        if self._forget is not None:
            self._forget()
        with suppress(nats.errors.Error, OSError, TimeoutError):
            if self._subscription is None:
                return
            if hear_out and self._wanted > 0 and self._connection.client.is_connected:
                async with asyncio.timeout(bounds.CLOSE_SECONDS):
                    await self._subscription.drain()  # type: ignore[no-untyped-call]
            else:
                await self._subscription.unsubscribe()

    async def close(self, give_back: bool = True) -> None:
        """Stop listening, and hand back what is in `ready`."""
        await self._leave(hear_out=give_back)
        client = self._connection.client
        with suppress(nats.errors.Error, OSError):
            while self.ready:
                reply = self.ready.popleft().reply
                if give_back:
                    await client.publish(reply, _NAK)


@dataclass(slots=True, eq=False)
class _Intake:
    """What one agency hands in, in one lane: where it comes from, and how fast."""

    agency: AgencyHandle
    lane: Lane
    puller: _Puller
    bucket: Bucket


class _Intakes:
    """Every agency's intakes, and which of them anything is to be done about: of thousands a moment concerns a few."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.all: dict[tuple[Lane, AgencyHandle], _Intake] = {}
        self.filled: dict[Lane, dict[AgencyHandle, _Intake]] = {lane: {} for lane in subjects.LANES}
        self._due: set[_Intake] = set()  # nothing is left of them, and perhaps no request is open
        self._flowing: set[_Intake] = set()  # of whose requests the server may have more
        self._troubled: set[_Intake] = set()
        self._clock = clock
        self._round = 0.0  # when all are looked at again

    def add(self, intake: _Intake) -> None:
        self.all[intake.lane, intake.agency] = intake
        self._due.add(intake)

    def heard(self, lane: Lane, agency: AgencyHandle) -> None:
        """Something came from this one, or its request ended."""
        intake = self.all[lane, agency]
        if intake.puller.ready:
            self.filled[intake.lane][intake.agency] = intake
        else:
            self._due.add(intake)
        self._flowing.add(intake)
        if intake.puller.trouble is not None:
            self._troubled.add(intake)

    def taken(self, lane: Lane) -> None:
        """Something was taken of those that are filled: whoever has nothing left may be asked again."""
        empty = [intake for intake in self.filled[lane].values() if not intake.puller.ready]
        for intake in empty:
            del self.filled[lane][intake.agency]
        self._due.update(empty)

    async def ask(self, most: Callable[[AgencyHandle, Lane], int]) -> bool:
        """Ask for more wherever nothing is left, so that it travels while the rest is worked on; no more than `most`,
        and as much as the agency's rate allows. Whether some agency has to wait for its rate.
        """
        now = self._clock()
        if now >= self._round:  # the word that a request has ended may be lost
            self._due.update(intake for intake in self.all.values() if intake.puller.over(now))
            self._round = now + bounds.INTAKE_ROUND
        share = shares(len(self.all), bounds.INTAKE_BATCH, bounds.INTAKE_HELD)
        dry = False
        for intake in sorted(self._due, key=lambda due: subjects.LANES.index(due.lane)):  # urgent ones answer first
            allowed = intake.bucket.available(now)
            if not allowed:
                dry = True
                continue
            self._due.discard(intake)  # before it is asked: what it says meanwhile counts
            if intake.puller.ready:
                continue
            try:
                count = min(share, allowed, most(intake.agency, intake.lane))
                await intake.puller.request(count, bounds.INTAKE_SECONDS, bounds.INTAKE_BYTES)
            except BaseException:
                self._due.add(intake)
                raise
        return dry

    def more_on_its_way(self, rests: Callable[[Lane, AgencyHandle], bool]) -> bool:
        """Whether the server has more for a request that is open, of an agency that does not rest."""
        self._flowing = {intake for intake in self._flowing if intake.puller.more_on_its_way}
        return any(not rests(intake.lane, intake.agency) for intake in self._flowing)

    def trouble(self) -> bool:
        """Whether the server could not do what one of them asked for, since this was asked last."""
        found = bool(self._troubled)
        for intake in self._troubled:
            intake.puller.trouble = None
        self._troubled.clear()
        return found


@dataclass(slots=True, eq=False)
class _Batch:
    """What was handed out together: since when, how much of it has not been settled, and for whose backlogs."""

    since: float
    count: int = 0
    left: set[str] = field(default_factory=set)
    backlogs: list[tuple[Lane, AgencyHandle]] = field(default_factory=list)


class NatsBroker:
    """`BrokerPort` on a worker's connection. Make it with `open`."""

    def __init__(self, connection: Connection, on_foreign: Report | None = None) -> None:
        self.report_foreign = _Foreign(on_foreign)
        self.connection = connection
        self.streams = Store(connection)
        self._intakes = _Intakes(asyncio.get_running_loop().time)
        self._turns: dict[Lane, Turns[AgencyHandle]] = {lane: Turns() for lane in subjects.LANES}
        self._company: Company[AgencyHandle] = Company(bounds.COMPANY_SECONDS)
        self._senders: Company[AgencyHandle] = Company(bounds.REST_SECONDS)
        self._rests: dict[Lane, Rests[AgencyHandle]] = {
            "urgent": Rests(bounds.REST_URGENT, bounds.PER_SUBJECT, bounds.ACK_SECONDS),
            "normal": Rests(bounds.REST, bounds.PER_SUBJECT, bounds.ACK_SECONDS),
        }
        self._pace = Pace()
        self._seen = 0.0  # when the last batch had been seen to
        self._wake = asyncio.Event()
        self._clock = asyncio.get_running_loop().time
        self._publish = connection.client.publish
        self._outlines: _FlowReader | None = None

    @classmethod
    async def open(cls, connection: Connection, on_foreign: Report | None = None) -> "NatsBroker":
        """A port on `connection`; the streams must exist (`Store.ensure_streams`). It pulls nothing before
        `take_from`.
        """
        return cls(connection, on_foreign)

    @property
    def foreign(self) -> int:
        return self.report_foreign.count

    async def take_from(self, agencies: Iterable[AgencyHandle]) -> None:
        known = {agency for lane, agency in self._intakes.all if lane == "normal"}
        wanted = {*agencies, *await self.streams.handed_in()} - known
        for start in range(0, len(wanted), bounds.ASKS_AT_ONCE):
            await asyncio.gather(*map(self._take_from, sorted(wanted)[start : start + bounds.ASKS_AT_ONCE]))

    async def _take_from(self, agency: AgencyHandle) -> None:
        await self.streams.ensure_intake(agency)
        rates: dict[Lane, tuple[float, float]] = {"urgent": bounds.RATE_URGENT, "normal": bounds.RATE_NORMAL}
        for lane, rate in rates.items():
            puller = _Puller(
                self.connection,
                subjects.SUBMIT.name,
                subjects.intake(agency, lane),
                lambda message: (read := subjects.read_submit(message.subject)) is not None and read[0] == agency,
                self.report_foreign,
                self._wake,
                partial(self._intakes.heard, lane, agency),
            )
            await puller.open()
            self._intakes.add(_Intake(agency, lane, puller, Bucket(*rate)))

    async def pull(self, limit: int, wait: float) -> list[Submission]:
        end = self._clock() + wait
        linger: float | None = None
        taken: list[Msg] = []
        most, limit = limit, self._pace.fit(bounds.BATCH_SECONDS, min(limit, bounds.COMPANY_BATCH), limit)
        while True:
            self._wake.clear()
            limit = self._portion(limit)
            rested = self._rested(self._clock())  # before anything is taken: a rest may end at any moment after
            taken += self._next(limit - len(taken), most - len(taken))
            dry = await self._intakes.ask(self._most)
            now = self._clock()
            if taken and (len(taken) >= limit or not self._intakes.more_on_its_way(self._resting)):
                break
            if taken and linger is None:
                linger = now + bounds.LINGER_SECONDS
            until = end if linger is None else linger
            if now >= until:
                break
            waking = min(until, now + bounds.RETRY_PAUSE) if dry else until
            if not await self._woken(min(waking, rested)) and not dry and rested >= until:
                taken += self._next(limit - len(taken), most - len(taken))
                break
            if (
                not taken and self._intakes.trouble()
            ):  # a consumer is being made, or a leader elected: not in a tight circle
                await asyncio.sleep(min(wait, bounds.RETRY_PAUSE))
        return self._handed_out(taken)

    def _handed_out(self, taken: Sequence[Msg]) -> list[Submission]:
        """These as one batch, which is in hand from now on until all of it has been settled."""
        now = self._clock()
        batch = _Batch(now)
        found = [one for message in taken if (one := self._submission(message, batch)) is not None]
        batch.count = len(found)
        for one in found:
            if one.kind not in subjects.UNHURRIED_KINDS:
                self._senders.came(one.agency, now)
        about = self._senders.size(now)
        for lane in subjects.LANES:
            parts = [one for one in found if subjects.lane_of(one.kind) == lane]
            counts, least = Counter(one.agency for one in parts), sum(cost(one.data) for one in parts)
            who = self._rests[lane].took(counts, self._left(lane, counts), about, now, least)
            if who is not None:
                batch.backlogs.append((lane, who))
        return found

    def _seen_to(self, batch: _Batch) -> None:
        """All of it has been settled."""
        now = self._clock()
        self._pace.took(batch.count, now - max(batch.since, self._seen))
        self._seen = now
        for lane, who in batch.backlogs:
            self._rests[lane].done(who, now)
            self._wake.set()  # its rest ends at another time now

    def _waiting(self) -> Counter[AgencyHandle]:
        waiting: Counter[AgencyHandle] = Counter()
        for filled in self._intakes.filled.values():
            for agency, intake in filled.items():
                waiting[agency] += len(intake.puller.ready)
        return waiting

    def _most(self, agency: AgencyHandle, lane: Lane) -> int:
        """How many are asked for at once. All comes on one connection, and what others hand in would come after it; and
        what is here is handed out again where it is not settled in time, so none is to lie here for long.
        """
        if self._resting(lane, agency):
            return bounds.COMPANY_BATCH
        return bounds.INTAKE_BATCH if self._company.alone(agency, self._clock()) else bounds.COMPANY_ASKED

    def _left(self, lane: Lane, agencies: Iterable[AgencyHandle]) -> dict[AgencyHandle, int]:
        """What waits of these and of whoever has something here: here and, as far as the server has said, there."""
        pullers = {who: self._intakes.all[lane, who].puller for who in {*agencies, *self._intakes.filled[lane]}}
        return {who: len(puller.ready) + puller.behind for who, puller in pullers.items()}

    def _resting(self, lane: Lane, agency: AgencyHandle) -> bool:
        return self._rests[lane].until(agency, self._clock()) is not None

    def _rested(self, now: float) -> float:
        """When the first of those that rest and have something waiting may go on."""
        ends = [self._rests[lane].until(who, now) for lane in subjects.LANES for who in self._intakes.filled[lane]]
        return min((end for end in ends if end is not None), default=math.inf)

    def _portion(self, limit: int) -> int:
        """How many are taken at once: less than `limit` while several agencies hand in."""
        now = self._clock()
        waiting = self._waiting()
        for agency in waiting:
            self._company.came(agency, now)
        return portion(waiting.values(), self._company.size(now), limit, bounds.COMPANY_BATCH)

    def _next(self, limit: int, most: int) -> list[Msg]:
        """What is taken now of what has come, urgent before normal and the agencies in turns: `limit`, and of those who
        have nothing urgent a few come along with what is, as long as all are no more than `most`.
        """
        found: list[Msg] = []
        urgent: set[AgencyHandle] = set()
        now = self._clock()
        for lane in subjects.LANES:
            filled = self._intakes.filled[lane]
            queues = {who: intake.puller.ready for who, intake in filled.items() if not self._resting(lane, who)}
            room = limit - len(found)
            if urgent and room < bounds.COMPANY_BATCH:
                room = max(0, min(bounds.COMPANY_BATCH, most - len(found)))
                queues = {agency: ready for agency, ready in queues.items() if agency not in urgent}
            for agency, message in self._turns[lane].take(queues, lambda m: weight(m.data), room):
                filled[agency].bucket.take(1, now)
                found.append(message)
                if lane == "urgent":
                    urgent.add(agency)
            self._intakes.taken(lane)
        return found

    async def _woken(self, until: float) -> bool:
        try:
            async with asyncio.timeout(until - self._clock()):
                await self._wake.wait()
        except TimeoutError:
            return False
        return True

    def _submission(self, message: Msg, batch: _Batch) -> Submission | None:
        read = subjects.read_submit(message.subject)
        if read is None:
            return None
        batch.left.add(message.reply)
        settle = partial(self._settle, message.reply, batch)
        return Submission(read[0], read[1], message.data, _counts(message.reply)[0], settle)

    async def handed_in(self) -> Mapping[AgencyHandle, int]:
        return await self.streams.handed_in()

    async def _settle(self, reply: str, batch: _Batch, word: bytes) -> None:
        with mapped("acknowledging"):
            await self._publish(reply, word)
        if reply in batch.left:
            batch.left.discard(reply)
            if not batch.left:
                self._seen_to(batch)

    async def store(self, admissions: Sequence[Admission]) -> None:
        names = [(admission.agency, admission.key) for admission in admissions]
        if len(set(names)) != len(names):
            raise LocalError("One entry is given twice in one call.")
        for batch in within_batches(_outgoing(admission) for admission in admissions):
            try:
                await self.streams.batch(batch, "storing an entry with its views")
            except Conflict:
                found = await asyncio.gather(*(self.entry(agency, key) for agency, key in _entries_of(batch)))
                standing = [name for name, entry in zip(_entries_of(batch), found, strict=True) if entry]
                withdrawn = [] if standing else await self._withdrawn(batch)
                if withdrawn:
                    raise ConsentWithdrawn(withdrawn) from None
                raise AlreadyStored(standing) from None

    async def _withdrawn(self, batch: Sequence[Outgoing]) -> list[bytes]:
        """The consents that this batch rests on and that were withdrawn."""
        named = {message.headers[EXPECT_OF] for message in batch if EXPECT_OF in message.headers}
        found = [subject for subject in sorted(named) if await self.streams.last(subjects.FLOW, subject)]
        keys = [read[1] for subject in found if (read := subjects.read_entry(subject)) is not None]
        return [consent for key in keys if (consent := subjects.read_withdrawn(key)) is not None]

    async def set_aside(self, submission: Submission, tries: int) -> None:
        await self.streams.put(_dead(submission), submission.data, "setting aside", {subjects.TRIES: str(tries)})

    async def tries(self, submission: Submission) -> int:
        found = await self.streams.last(subjects.DEAD, _dead(submission))
        return int(found.headers.get(subjects.TRIES, "0")) if found is not None else 0

    async def take_back(self, submission: Submission) -> None:
        await self.streams.purge(subjects.DEAD, _dead(submission))

    async def entry(self, agency: AgencyHandle, key: str) -> StoredEntry | None:
        found = await self.streams.last(subjects.FLOW, subjects.entry(agency, key))
        return StoredEntry(found.seq, found.subject, found.data) if found else None

    async def put_final(self, note: bytes) -> None:
        """Keep a head that enough witnesses cosigned."""
        await self.streams.put(subjects.FINAL, note, "publishing a final checkpoint")

    async def last_final(self) -> bytes | None:
        """The latest of them."""
        found = await self.streams.last(subjects.HEADS, subjects.FINAL)
        return found.data if found else None

    async def withdrawals(self, after_flow_seq: int) -> tuple[list[bytes], int]:
        found, last = [], after_flow_seq
        async for stored in self.streams.each(subjects.FLOW, subjects.entry_of_operator(), after_flow_seq + 1):
            read, last = subjects.read_entry(stored.subject), stored.seq
            consent = subjects.read_withdrawn(read[1]) if read is not None else None
            if consent is not None:
                found.append(consent)
        return found, last

    async def holdings(self, consent: bytes) -> list[bytes]:
        return [stored.data async for stored in self.streams.each(subjects.FLOW, subjects.holdings(consent))]

    async def answer(self, agency: AgencyHandle, data: bytes) -> None:
        await self.connection.publish(subjects.answer(agency), data)

    async def waiting(self, agency: AgencyHandle, contact: ContactHandle) -> int:
        counts = [
            await self.streams.waiting(subjects.FLOW, subjects.consumer(contact, lane)) for lane in subjects.LANES
        ]
        return sum(counts)

    async def outlines(self, after_flow_seq: int, limit: int) -> tuple[list[Outline], int]:
        found: list[Outline] = []
        for seq, message in await self._deliveries(after_flow_seq, limit):
            read = subjects.read_deliver(message.subject)
            watch = Watch.read((message.headers or {}).get(subjects.WATCH, ""))
            if read is not None and watch is not None:
                found.append(Outline(seq, *read, watch))
        return found, self._outlines.after if self._outlines is not None else after_flow_seq

    async def _deliveries(self, after: int, limit: int) -> list[tuple[int, Msg]]:
        """The next of what waits, without its content. That nothing came yet does not say that nothing is there: on a
        slow way the first message takes longer than we wait, so the store's leader is asked.
        """
        for wait in (bounds.LINGER_SECONDS, bounds.REQUEST_SECONDS):
            reader = self._outlines
            if reader is None or reader.after != after:
                await self._close_outlines()
                reader = self._outlines = await _FlowReader.open(
                    self.streams, after, "watch", subjects.deliveries(), headers_only=True
                )
            messages = await reader.read(limit, wait)
            if messages:
                return messages
            if messages is None:
                await self._close_outlines()
            if not await self.streams.holds(subjects.FLOW, subjects.deliveries(), after + 1):
                return []
        await self._close_outlines()
        raise DependencyError("The message bus did not tell in time which views wait; try again.")

    async def _close_outlines(self) -> None:
        if self._outlines is not None:
            reader, self._outlines = self._outlines, None
            await reader.close()

    async def handed_over(self, contact: ContactHandle, lane: Lane) -> int:
        return await self.streams.acknowledged(subjects.FLOW, subjects.consumer(contact, lane))

    async def view(self, agency: AgencyHandle, contact: ContactHandle, view_id: ViewId) -> bytes | None:
        found = await self.streams.last(subjects.FLOW, subjects.deliver_any_lane(agency, contact, view_id))
        return found.data if found else None

    async def take_view(self, agency: AgencyHandle, contact: ContactHandle, view_id: ViewId) -> bytes | None:
        # Not erased: its holder has it. Each erasure writes up to 8 MB, and retrievals are as many as messages.
        return await self._taken(agency, contact, view_id, erase=False)

    async def remove_view(self, agency: AgencyHandle, contact: ContactHandle, view_id: ViewId) -> bool:
        return await self._taken(agency, contact, view_id, erase=True) is not None

    async def _taken(
        self, agency: AgencyHandle, contact: ContactHandle, view_id: ViewId, *, erase: bool
    ) -> bytes | None:
        # By its sequence, not by a purge: the server does not count what a purge in any lane takes from a consumer, and
        # `waiting` would count it for ever.
        found = await self.streams.last(subjects.FLOW, subjects.deliver_any_lane(agency, contact, view_id))
        if found is None or not await self.streams.delete(subjects.FLOW, found.seq, erase=erase):
            return None
        return found.data

    async def remove_notices(self, agency: AgencyHandle, contact: ContactHandle) -> int:
        removed = 0
        async for found in self.streams.each(subjects.FLOW, subjects.deliver_contact(agency, contact)):
            if Watch.read(found.headers.get(subjects.WATCH, "")) is None:
                removed += await self.streams.delete(subjects.FLOW, found.seq)
        return removed

    async def ensure_consumers(self, agency: AgencyHandle, contact: ContactHandle) -> None:
        await self.streams.ensure_consumers(agency, contact)

    @asynccontextmanager
    async def serve_asks(self, handler: Handler, verbs: Collection[str] = subjects.ALL_VERBS) -> AsyncIterator[None]:
        tasks: set[asyncio.Task[None]] = set()
        room = asyncio.Semaphore(bounds.ASKS_AT_ONCE)
        in_hand: Counter[AgencyHandle] = Counter()
        client = self.connection.client

        async def answered(agency: AgencyHandle, verb: str, message: Msg) -> None:
            reply = b""
            try:
                reply = await handler(agency, verb, message.data)
            except Exception as error:  # the asker hears nothing of it, and the others are served
                self._ask_failed(verb, error)
            finally:
                room.release()
                in_hand[agency] -= 1
            with suppress(nats.errors.Error, OSError):
                await client.publish(message.reply, reply)

        async def asked(message: Msg) -> None:
            read = subjects.read_ask(message.subject)
            # The account border replaces the reply subject that the asker named by one of its own. Any other is not
            # answered: a worker never publishes to a subject taken from a message.
            if read is None or not message.reply.startswith("_R_."):
                self.report_foreign("ask-with-foreign-reply")
                return
            if in_hand[read[0]] >= bounds.ASKS_OF_AGENCY:  # waiting here would make everybody else wait
                with suppress(nats.errors.Error, OSError):
                    await client.publish(message.reply, b"")
                return
            in_hand[read[0]] += 1
            await room.acquire()
            task = asyncio.create_task(answered(read[0], read[1], message))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        subscriptions: list[Subscription] = []
        try:
            with mapped("serving"):
                for subject in map(subjects.asks, sorted(verbs)):
                    subscriptions.append(await client.subscribe(subject, queue=subjects.WORKERS, cb=asked))
                await self.connection.flush()  # whoever asks after this block has begun is heard
            yield
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(bounds.CLOSE_SECONDS):
                    await asyncio.gather(*map(client.finish, subscriptions), return_exceptions=True)
            if tasks:
                await asyncio.wait(tasks, timeout=bounds.REQUEST_SECONDS)
            for task in tasks:
                task.cancel()

    def _ask_failed(self, verb: str, error: Exception) -> None:
        """A hook for whoever logs: asyncio's own handler, which a program sets to its log."""
        asyncio.get_running_loop().call_exception_handler(
            {"message": f"answering {verb} failed ({type(error).__name__})"}
        )

    async def close(self) -> None:
        await self._close_outlines()
        open_ones = [intake.puller for intake in self._intakes.all.values()]
        await asyncio.gather(*(puller.close() for puller in open_ones))


def _dead(submission: Submission) -> str:
    return subjects.dead(submission.agency, submission.kind, sha256(submission.data).digest())


def _outgoing(admission: Admission) -> list[Outgoing]:
    lifetime = {TTL: str(admission.ttl_seconds)} if admission.ttl_seconds else {}
    messages = [
        Outgoing(subjects.entry(admission.agency, admission.key), admission.entry, {EXPECT_SUBJECT: "0", **lifetime})
    ]
    for view in admission.views:
        messages.append(
            Outgoing(
                subjects.deliver(view.agency, view.contact, view.lane, view.view_id),
                view.data,
                ({TTL: str(view.ttl_seconds)} if view.ttl_seconds else {})
                | ({subjects.WATCH: view.watch.header()} if view.watch else {}),
            )
        )
    for holding in admission.holdings:
        condition = {EXPECT_SUBJECT: "0", EXPECT_OF: subjects.withdrawn(holding.consent)}
        lives = {TTL: str(holding.ttl_seconds)} if holding.ttl_seconds else {}
        messages.append(Outgoing(subjects.holding(holding.consent, holding.view_id), holding.data, condition | lives))
    return messages


def _entries_of(batch: Sequence[Outgoing]) -> list[tuple[AgencyHandle, str]]:
    return [read for message in batch if (read := subjects.read_entry(message.subject)) is not None]


class NatsSequencer:
    """`SequencerPort` on a worker's connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.streams = Store(connection)
        self._reader: _FlowReader | None = None

    async def tail(self) -> tuple[int, int]:
        last = await self.streams.last(subjects.LOG, subjects.LEAF)
        if last is None:
            return 0, 0
        try:
            return last.seq, int(last.headers[subjects.FLOW_SEQUENCE])
        except (KeyError, ValueError):
            raise DependencyError(
                "The last leaf of the log was not written by a sequencer; run the log check."
            ) from None

    async def newest(self) -> int:
        last = await self.streams.last(subjects.FLOW, subjects.ENTRIES)
        return last.seq if last is not None else 0

    async def entries(self, after_flow_seq: int, limit: int, wait: float) -> list[StoredEntry]:
        if self._reader is None or self._reader.after != after_flow_seq:
            await self.close()
            self._reader = await _FlowReader.open(self.streams, after_flow_seq, "sequencer", subjects.ENTRIES)
        found = await self._reader.read(limit, wait)
        if found is None:
            await self.close()
            return []
        return [StoredEntry(seq, message.subject, message.data) for seq, message in found]

    async def append(
        self,
        first_index: int,
        records: Sequence[bytes],
        leaves: Sequence[bytes],
        flow_seqs: Sequence[int],
        expected_last_sequence: int,
    ) -> int:
        if not len(records) == len(leaves) == len(flow_seqs):
            raise LocalError("Every leaf has one record and one FLOW sequence.")
        if first_index != expected_last_sequence:
            raise LocalError("The index of a leaf is its LOG sequence less one.")
        if list(flow_seqs) != sorted(flow_seqs):
            raise LocalError("Leaves are in the order of their entries.")
        await self._put_records(first_index, records)
        by_entry: dict[int, list[Outgoing]] = {}
        for leaf, flow_seq in zip(leaves, flow_seqs, strict=True):
            message = Outgoing(subjects.LEAF, leaf, {subjects.FLOW_SEQUENCE: str(flow_seq)})
            by_entry.setdefault(flow_seq, []).append(message)
        last = expected_last_sequence
        for batch in within_batches(by_entry.values()):
            head = batch[0]
            batch[0] = Outgoing(head.subject, head.data, {EXPECT_STREAM: str(last), **head.headers})
            try:
                stored = await self.streams.batch(batch, "writing the log")
            except Conflict:
                raise Fenced from None
            last += len(batch)
            if stored != last:
                raise DependencyError("The log's sequence is not what was written; run the log check.")
        return last

    async def _put_records(self, first_index: int, records: Sequence[bytes]) -> None:
        """Unconditional, for a record follows from its entry alone: whoever writes index n writes the same bytes."""
        messages = [Outgoing(subjects.record(index), data, {}) for index, data in enumerate(records, start=first_index)]
        for batch in within_batches([message] for message in messages):
            await self.streams.batch(batch, "writing records")

    async def leaves(self, from_index: int, count: int) -> list[bytes]:
        found = await self.streams.several(subjects.LOG, subjects.LEAF, from_index + 1, count)
        if [leaf.seq for leaf in found] != list(range(from_index + 1, from_index + 1 + len(found))):
            raise DependencyError("A leaf of the log is missing; run the log check.")
        return [leaf.data for leaf in found]

    async def record(self, index: int) -> bytes | None:
        found = await self.streams.direct(subjects.RECORDS, subjects.record(index))
        if found is None:  # perhaps of a replica that lags: only the leader knows that something is not there
            found = await self.streams.last(subjects.RECORDS, subjects.record(index))
        return found.data if found else None

    async def records(self, from_index: int, count: int) -> list[bytes | None]:
        if count == 1:
            return [await self.record(from_index)]
        wanted = range(from_index, from_index + count)
        begin = await self.streams.direct(subjects.RECORDS, subjects.record(from_index))
        found: dict[str, bytes] = {}
        if begin is not None:  # they stand in the order of their leaves, but where a crash made one be written again
            read = await self.streams.several(subjects.RECORDS, subjects.RECORDS_OF_LEAVES, begin.seq, count)
            found = {one.subject: one.data for one in read}
        missing = [index for index in wanted if subjects.record(index) not in found]
        for first in range(0, len(missing), bounds.ASKS_AT_ONCE):
            some = missing[first : first + bounds.ASKS_AT_ONCE]
            for index, raw in zip(some, await asyncio.gather(*map(self.record, some)), strict=True):
                if raw is not None:
                    found[subjects.record(index)] = raw
        return [found.get(subjects.record(index)) for index in wanted]

    async def remove_record(self, index: int) -> None:
        found = await self.streams.last(subjects.RECORDS, subjects.record(index))
        if found is not None:
            await self.streams.delete(subjects.RECORDS, found.seq)

    async def entry_held(self, index: int) -> bool:
        leaf = await self.streams.at(subjects.LOG, index + 1)
        try:
            seq = int(leaf.headers[subjects.FLOW_SEQUENCE]) if leaf is not None else 0
        except (KeyError, ValueError):
            return True  # nobody can tell: so it is kept
        return await self.streams.at(subjects.FLOW, seq) is not None

    async def put_head(self, data: bytes) -> None:
        await self.streams.put(subjects.HEAD, data, "publishing a checkpoint")

    async def last_head(self) -> bytes | None:
        found = await self.streams.last(subjects.HEADS, subjects.HEAD)
        return found.data if found else None

    async def close(self) -> None:
        if self._reader is not None:
            reader, self._reader = self._reader, None
            await reader.close()


class _FlowReader:
    """Reads a part of FLOW in order through a consumer of its own, which lives in the server's memory and expires by
    itself.

    Nothing is acknowledged. Instead the consumer's own numbering is checked: a number that is missing (a reconnection
    in the middle) ends this reader, and the next begins where the caller stands.
    """

    def __init__(self, streams: Store, after: int, name: str) -> None:
        self.after = after
        self._streams = streams
        self._name = name
        self._count = 0
        self._puller = _Puller(
            streams.connection,
            subjects.FLOW.name,
            name,
            lambda m: subjects.read_entry(m.subject) is not None or subjects.read_deliver(m.subject) is not None,
            lambda _: None,
        )

    @classmethod
    async def open(
        cls, streams: Store, after: int, who: str, pattern: str, *, headers_only: bool = False
    ) -> "_FlowReader":
        name = f"{who}-{secrets.token_hex(8)}"
        config = {
            "name": name,
            "filter_subject": pattern,
            "headers_only": headers_only,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": after + 1,
            "ack_policy": "none",
            "replay_policy": "instant",
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": round(60e9),
        }
        await streams._consumer(subjects.FLOW.name, config)
        reader = cls(streams, after, name)
        await reader._puller.open()
        return reader

    async def read(self, limit: int, wait: float) -> list[tuple[int, Msg]] | None:
        """FLOW sequences and messages, or none yet; None when this reader is at its end."""
        found: list[tuple[int, Msg]] = []
        for message in await self._puller.pull(limit, wait):
            _, seq, number, _ = _counts(message.reply)
            if number != self._count + 1:
                return found or None
            self._count, self.after = number, seq
            found.append((seq, message))
        if not found and self._puller.trouble:
            return None
        return found

    async def close(self) -> None:
        await self._puller.close(give_back=False)
        with suppress(DependencyError):
            await self._streams.api(f"CONSUMER.DELETE.{subjects.FLOW.name}.{self._name}", None, "closing a reader")


class NatsAgency:
    """`AgencyPort` on the connection of one agency's adapter. Make it with `open`."""

    def __init__(self, connection: Connection, agency: AgencyHandle, on_foreign: Report | None = None) -> None:
        self.report_foreign = _Foreign(on_foreign)
        self.connection = connection
        self.agency = agency
        self._answers: asyncio.Queue[bytes] = asyncio.Queue(maxsize=bounds.ANSWERS_WAITING)
        self._listening: Subscription | None = None

    @classmethod
    async def open(cls, connection: Connection, agency: AgencyHandle, on_foreign: Report | None = None) -> "NatsAgency":
        """A port on `connection` that hears answers from now on."""
        port = cls(connection, agency, on_foreign)
        with mapped("listening for answers"):
            port._listening = await connection.client.subscribe(subjects.answer(agency), cb=port._answered)
            await connection.flush()
        return port

    @property
    def foreign(self) -> int:
        return self.report_foreign.count

    async def _answered(self, message: Msg) -> None:
        if message.subject != subjects.answer(self.agency) or not is_answer(message.data):
            self.report_foreign("answer")
        elif self._answers.full():
            self.report_foreign("answers-overflow")
        else:
            self._answers.put_nowait(message.data)

    async def submit(self, kind: Kind, data: bytes) -> None:
        # The server drops a second message with the same id for a short time, whoever sends it: the id begins with
        # our handle and cannot be guessed. It is for our own second try only.
        headers = {"Nats-Msg-Id": f"{self.agency}.{secrets.token_hex(16)}"}
        subject = subjects.submit(self.agency, kind)
        async for last in Store.tries():
            try:
                reply = await self.connection.request(subject, data, headers, doing="handing in")
            except NoAnswer:
                if last:
                    raise
                continue
            if not _is_confirmation(reply.data):
                raise DependencyError("The message bus did not take the submission; try again.")
            return

    async def answers(self) -> AsyncGenerator[bytes, None]:
        while True:
            yield await self._answers.get()

    async def deliveries(self, contact: ContactHandle) -> AsyncGenerator[Delivery, None]:
        wake = asyncio.Event()
        lanes = [
            _Puller(
                self.connection,
                subjects.FLOW.name,
                subjects.consumer(contact, lane),
                partial(self._for, contact, lane),
                self.report_foreign,
                wake,
            )
            for lane in subjects.LANES
        ]
        clock = asyncio.get_running_loop().time
        try:
            for lane in lanes:
                await lane.open()
            while True:
                wake.clear()
                for lane in lanes:
                    if not lane.ready:
                        await lane.request(bounds.LANE_BATCH, bounds.PULL_SECONDS)
                taken = next((lane.ready.popleft() for lane in lanes if lane.ready), None)
                if taken is not None:
                    if (delivery := self._delivery(taken)) is not None:
                        yield delivery
                    continue
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(clock() + bounds.PULL_SECONDS):
                        await wake.wait()
                if any(lane.trouble for lane in lanes):  # a consumer is being made, or a leader elected
                    for lane in lanes:
                        lane.trouble = None
                    await asyncio.sleep(bounds.RETRY_PAUSE)
        finally:
            for lane in lanes:
                await lane.close()

    def _for(self, contact: ContactHandle, lane: Lane, message: Msg) -> bool:
        read = subjects.read_deliver(message.subject)
        return read is not None and read[:3] == (self.agency, contact, lane)

    def _delivery(self, message: Msg) -> Delivery | None:
        read = subjects.read_deliver(message.subject)
        if read is None:
            return None
        return Delivery(*read, message.data, _counts(message.reply)[0], partial(self._settle, message.reply))

    async def _settle(self, reply: str, word: bytes) -> None:
        with mapped("acknowledging"):
            await self.connection.client.publish(reply, word)

    async def ask(self, verb: str, data: bytes, timeout: float = bounds.REQUEST_SECONDS) -> bytes:  # noqa: ASYNC109
        reply = await self.connection.request(
            subjects.ask(self.agency, verb), data, timeout=timeout, doing=f"asking for {verb}"
        )
        if not reply.data:
            raise DependencyError("The broker could not answer; try again.")
        return reply.data

    async def close(self) -> None:
        if self._listening is not None:
            with suppress(nats.errors.Error, OSError):
                await self._listening.unsubscribe()
            self._listening = None


def is_answer(data: bytes) -> bool:
    """Whether `data` begins as a CBOR map, as every answer does. A server's own replies are JSON or empty, and never
    do.
    """
    return bool(data) and data[0] >> 5 == 5


def _is_confirmation(data: bytes) -> bool:
    try:
        answer = json.loads(data)
        return answer["stream"] == subjects.SUBMIT.name and "error" not in answer
    except (ValueError, TypeError, KeyError):
        return False
