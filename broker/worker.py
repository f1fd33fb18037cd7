"""The shell around `broker.admit`: pull, decide, store entry and views together, answer, acknowledge, in that order.

A crash anywhere is safe. Before the store: the submission is handed out again. After the store and before the
acknowledgement: it is handed out again and the compare-and-set finds the entry, whose evidence is answered again.

Several batches are in hand at once, as if each were another worker's: one is judged while others are being stored. What
depends on what is in hand waits for it.

Withdrawals of consents are taken first in their batch: nothing of it may rest on a consent that its person has just
withdrawn. Words about encryption keys are taken one by one, after the messages: each changes what the next one may say.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

import structlog

from broker import acknowledgements, leaks, raised, recalls, steps
from broker.admit import WAITING, Admitted, World, admit, refuse_stray, retrieve, retrieved_key, submission_digest
from broker.entries import entry_of
from broker.rounds import stopped
from broker.trust import statement, statement_key
from broker.withdrawals import WITHDRAWN, Word, confirm, order, withdraw
from bus.intake import Bucket, Once
from bus.queue import Admission, AlreadyStored, BrokerPort, ConsentWithdrawn, Submission
from bus.queue import Holding as StoredHolding
from bus.queue import View as StoredView
from keys import statements
from keys.domains import Tag
from keys.signing import verify
from messages import limits, wire
from messages.acknowledgements import Acknowledgement
from messages.attestations import Consent, Withdrawal
from messages.ceremony import StatementSubmission
from messages.directory import Directory, KeyStatement
from messages.errors import DependencyError, Malformed, RemoteError, ShareError, Unverified
from messages.evidence import Answer, Entry, Retrieval
from messages.ids import AgencyHandle, ContactHandle, ViewId
from messages.leaks import LeakReport
from messages.limits import HOLDING_LIFETIME
from messages.raised import BYTES as ALARM_BYTES
from messages.raised import Raised
from messages.recalls import Recall
from messages.signed import Signed
from messages.withdrawals import ErasureConfirmation, Holding, WithdrawalSubmission

log = structlog.get_logger("broker.worker")

BATCH: Final = 100
"""Submissions taken at once: one fsync for all of them; larger batches gain little and wait longer."""
WAIT: Final = 1.0
HANDS: Final = 3
"""Batches in hand at once: while one is on its way into the store, the next is taken and judged. With few, each has all
that came meanwhile; with many, each its own fsync.
"""
RECOUNT: Final = 10_000
"""Milliseconds between two counts of one contact's waiting views."""

OnStatement = Callable[[ContactHandle, KeyStatement], None]
"""Told of each encryption key that was accepted, before anybody is answered; what it keeps comes back in a `World`.
Where it cannot keep it, it raises `DependencyError`: then the word is taken again.
"""


_FUNCTIONS: Final[Mapping[str, Callable[[bytes, AgencyHandle, World, int], Admitted]]] = {
    "message": lambda *given: admit(*given),
    "urgent": lambda *given: admit(*given),
    "retrieval": lambda *given: retrieve(*given),
    "statement": lambda *given: statement(*given),
    "erasure": lambda *given: confirm(*given),
}


def _signed(of: Callable[[bytes], object]) -> Callable[[bytes], object]:
    return lambda raw: of(Signed.from_bytes(raw, limits.ATTESTATION_BYTES).body)


def _alarm(raw: bytes) -> None:
    Raised.from_bytes(Signed.from_bytes(raw, ALARM_BYTES).body)


def _withdrawal(raw: bytes) -> None:
    submitted = WithdrawalSubmission.from_bytes(raw)
    Withdrawal.from_bytes(submitted.withdrawal.body)
    if submitted.terms is not None:
        Consent.from_bytes(submitted.terms)


def _statement(raw: bytes) -> None:
    if statement_key(raw) is None:
        raise Malformed


_FORMS: Final[Mapping[str, Callable[[bytes], object]]] = {
    "message": wire.decode,
    "urgent": wire.decode,
    "retrieval": _signed(Retrieval.from_bytes),
    "statement": _statement,
    "withdrawal": _withdrawal,
    "erasure": _signed(ErasureConfirmation.from_bytes),
    "leak": _signed(LeakReport.from_bytes),
    "acknowledgement": _signed(Acknowledgement.from_bytes),
    "recall": _signed(Recall.from_bytes),
    "alarm": _alarm,
}
"""What raises `RemoteError` where bytes are not of the form of their kind. What it reads is unchecked, and acted on by
nobody.
"""

SUSPECT: Final = 3
"""Hand-outs after which a submission is taken by itself: whatever ends a worker ends it alone, not with its batch."""
TRIES: Final = 3
"""How often a submission may end the worker that has it alone; then it is set aside for the operator, and refused on
record.
"""
BROKER_FAILED: Final = "broker-failed"
STRAYS: Final = (1 / 60, 20.0)
"""Refusals of bytes that nobody can be held to (step 1), a second and at once, that are recorded for one agency. What
comes beyond is dropped, and told in the log of this process once a minute."""
MINUTE: Final = 60.0
ALARMS: Final = (1 / 60, 50.0)
"""New alarms, and refusals of such, a second and at once, that are recorded for one agency. What comes beyond is
dropped; an adapter hands its alarm in again until it is answered.
"""

_AFTERWARDS: Final = frozenset({"statement", "leak", "acknowledgement", "recall", "alarm"})
"""Taken one by one, once the messages of their batch are stored."""
_IN_TURN: Final = _AFTERWARDS | {"withdrawal"}
"""Not begun before whatever is in hand is stored: what they do depends on it."""
_First = dict[tuple[AgencyHandle, str], tuple[Submission, Admitted]]
_Again = list[tuple[Submission, Admitted]]
OnRetrieved = Callable[[ViewId, ContactHandle], None]
"""Told of each view that was retrieved, and waits no longer."""


class Worker:
    """One worker; any number may run on one queue."""

    def __init__(
        self,
        port: BrokerPort,
        world: World,
        clock: Callable[[], int],
        may_admit: Callable[[], bool] = lambda: True,
        on_statement: OnStatement = lambda _contact, _statement: None,
        kept_statements: Callable[[], Mapping[ContactHandle, tuple[KeyStatement, ...]]] = dict,
        on_retrieved: OnRetrieved = lambda _view, _contact: None,
    ) -> None:
        """`may_admit` says whether anything may be promised now; `kept_statements` gives the encryption keys that
        workers beside this one accepted, and is asked before each word about one.
        """
        self._port = port
        self._counts: dict[ContactHandle, int] = {}
        self._counted: dict[ContactHandle, int] = {}
        self._stated: dict[ContactHandle, tuple[KeyStatement, ...]] = {}
        self._clock = clock
        self._may_admit = may_admit
        self._on_statement = on_statement
        self._kept_statements = kept_statements
        self._on_retrieved = on_retrieved
        self._withdrawn: set[bytes] = set(world.withdrawn)
        self._in_hand = asyncio.Lock()
        self._finishing: set[asyncio.Task[None]] = set()  # batches that were judged, on their way into the store
        self._strays: dict[AgencyHandle, Bucket] = {}
        self._alarms: dict[AgencyHandle, Bucket] = {}
        self._told: Once[AgencyHandle] = Once(MINUTE)
        self._outlived: dict[tuple[AgencyHandle, str, bytes], tuple[Submission, int]] = {}  # notes that may stand
        self.admitted = 0
        self.refused = 0
        self.dropped = 0
        self.set_aside = 0
        self._go_on_under(world)

    async def take(self, world: World) -> None:
        """Go on under another trust bundle, between two batches: on return, everything that was judged under the one
        before is stored, and whatever follows is judged under this one. So views can be purged then, and stay so.

        Encryption keys stated since, as `world` and this worker know them, count until a bundle holds them.
        """
        async with self._in_hand:
            await self._finished()
            self._go_on_under(world)

    def _go_on_under(self, world: World) -> None:
        self._hear(world.stated, world.bundle.directory)
        for handle in list(self._stated):
            contact = world.bundle.directory.contact(handle)
            held = {s.number for s in contact.statements} if contact else set()
            self._stated[handle] = tuple(s for s in self._stated[handle] if contact and s.number not in held)
            if not self._stated[handle]:
                del self._stated[handle]
        self._withdrawn |= set(world.withdrawn)
        self.world = replace(world, waiting=self._counts, stated=self._stated, withdrawn=self._withdrawn)

    def _hear(self, stated: Mapping[ContactHandle, tuple[KeyStatement, ...]], directory: Directory) -> None:
        """Let these count too, as far as neither the bundle nor we hold them."""
        for handle, known in stated.items():
            contact = directory.contact(handle)
            numbers = {s.number for s in (contact.statements if contact else ()) + self._stated.get(handle, ())}
            if contact and (new := tuple(s for s in known if s.number not in numbers)):
                self._stated[handle] = self._stated.get(handle, ()) + new

    def withdrawn(self, consents: Iterable[bytes]) -> None:
        """Refuse by name, from now on, whatever rests on these consents. The store refuses it in any case."""
        self._withdrawn.update(consents)

    async def announce(self, admitted: Iterable[Admitted]) -> None:
        """Store what the log is to learn about trust, each once, in order; what stands there already is left.

        Raises `Unverified` where something else stands under the same key: an epoch, say, that took effect as another
        one. That is an alarm: nothing may be decided under this bundle until somebody has looked.
        """
        for one in admitted:
            try:
                await self._port.store([stored(one)])
                log.info("announced", entry=one.key)
            except AlreadyStored:
                standing = await self._standing(one.agency, one.key)
                if standing is None or standing[0] != one.submission:
                    log.error("announced-otherwise", entry=one.key)
                    raise Unverified(
                        "The log holds something else about this step or epoch of the trust bundle; call the operator."
                    ) from None

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; what is in hand is finished first."""
        try:
            await self._run(stop)
        finally:  # nothing is left of them, unless we are ended in the midst of it
            for task in self._finishing:
                task.cancel()

    async def _run(self, stop: asyncio.Event) -> None:
        pause = 0.05
        while True:
            try:
                if stop.is_set():
                    await self._free(0)
                    return
                if not self._may_admit() or self._clock() >= self.world.bundle.expires:
                    # The log is behind by more than include-by, so nothing may be promised; or the trust bundle has
                    # expired. What was submitted stays in the queue.
                    log.error("admission-stopped", reason="log-behind-or-bundle-expired")
                    await stopped(stop, 1.0)
                    continue
                await self._free(HANDS - 1)
                await self._begin(await self._pull(WAIT))
                pause = 0.05
            except DependencyError as error:
                log.warning("bus-trouble", code=error.code)
                await stopped(stop, pause)
                pause = min(2 * pause, 2.0)

    async def step(self, wait: float) -> int:
        """Take up to `BATCH` submissions through all steps; how many there were."""
        submissions = await self._pull(wait)
        if submissions:
            await self.handle(submissions)
        return len(submissions)

    async def _pull(self, wait: float) -> list[Submission]:
        await self._take_back_notes()
        return await self._port.pull(BATCH, wait)

    async def _begin(self, submissions: Sequence[Submission]) -> None:
        """Judge these, and let them go on by themselves. Those that are `_IN_TURN`, or suspect, are taken with what
        came with them, to their end.
        """
        if any(s.kind in _IN_TURN or s.attempt > SUSPECT for s in submissions):
            await self.handle(submissions)
        elif submissions:
            async with self._in_hand:
                now = self._clock()
                first, again = await self._judged([s for s in submissions if not await self._dropped(s)], now)
                self._finishing.add(asyncio.create_task(self._finish(first, again, now)))

    async def _free(self, most: int) -> None:
        """Until no more than `most` batches are in hand; raises what one failed on."""
        while True:
            ended = {task for task in self._finishing if task.done()}
            self._finishing -= ended
            failures = [failure for task in ended if (failure := task.exception()) is not None]
            for failure in sorted(failures, key=lambda failure: isinstance(failure, DependencyError)):
                raise failure
            if len(self._finishing) <= most:
                return
            await asyncio.wait(self._finishing, return_when=asyncio.FIRST_COMPLETED)

    async def _finished(self) -> None:
        """Until nothing is in hand any more; what failed is raised where `run` looks."""
        if self._finishing:
            await asyncio.wait(self._finishing)

    async def handle(self, submissions: Sequence[Submission]) -> None:
        """Take these through all steps, once nothing is in hand; one by one those that may have ended a worker
        before.
        """
        async with self._in_hand:
            await self._finished()
            for submission in submissions:
                if submission.attempt > SUSPECT:
                    await self._suspect(submission)
            await self._handle([s for s in submissions if s.attempt <= SUSPECT])

    async def _suspect(self, submission: Submission) -> None:
        """Take one by itself, and note that before: whoever finds the note often enough knows that it ends workers.

        That the bus failed meanwhile does not count against it, so the note is taken back whenever we live on: at the
        latest before we count again, where the bus did not let us at once.
        """
        await self._take_back_notes()
        tries = await self._port.tries(submission)
        if tries >= TRIES:
            log.error("set-aside", agency=submission.agency, kind=submission.kind, attempts=submission.attempt)
            self.set_aside += 1
            now = self._clock()
            refusal = refuse_stray(submission.data, submission.agency, self.world, now, code=BROKER_FAILED)
            await self._settle(submission, refusal, now)
            return
        name = (submission.agency, submission.kind, submission_digest(submission.data))
        before = self.set_aside
        self._outlived[name] = submission, tries + 1  # first: what is not confirmed may be noted all the same
        try:
            await self._port.set_aside(submission, tries + 1)
            await self._handle([submission])
        finally:
            if self.set_aside == before:
                await self._take_back_notes()
            else:
                del self._outlived[name]

    async def _take_back_notes(self) -> None:
        for name, (submission, noted) in list(self._outlived.items()):
            if await self._port.tries(submission) == noted:  # else another worker has it, or has kept it
                await self._port.take_back(submission)
            del self._outlived[name]

    async def _handle(self, submissions: Sequence[Submission]) -> None:
        now = self._clock()
        taken: list[Submission] = []
        later = [s for s in submissions if s.kind in _AFTERWARDS]
        for submission in submissions:
            if submission.kind in _AFTERWARDS or await self._dropped(submission):
                continue
            if submission.kind == "withdrawal":
                await self._withdraw(submission, now)
            else:
                taken.append(submission)
        await self._finish(*await self._judged(taken, now), now)
        for submission in later:
            if await self._dropped(submission):
                continue
            if submission.kind == "leak":
                await self._leak(submission, now)
            if submission.kind == "recall":
                await self._take_back(submission, now)
            if submission.kind == "alarm":
                await self._alarm(submission, now)
            if submission.kind == "acknowledgement":
                await self._acknowledged(submission, now)
            if submission.kind == "statement":
                await self._take_word(submission, now)

    async def _dropped(self, submission: Submission) -> bool:
        """Whether it is one piece of garbage too many: of an agency that has handed in so much that no more is
        recorded. Looking costs a tenth of a refusal.
        """
        bucket = self._strays.get(submission.agency)
        if bucket is None or bucket.available(self._clock() / 1000) or not _garbage(submission):
            return False
        await self._drop(submission)
        return True

    async def _drop(self, submission: Submission) -> None:
        await submission.ack()
        self.dropped += 1
        if (count := self._told.due(submission.agency, self._clock() / 1000)) is not None:
            log.error("garbage-dropped", agency=submission.agency, count=count)

    def _count_garbage(self, agency: AgencyHandle, code: str | None) -> None:
        """Note that a refusal of this agency's is recorded: it counts where the bytes failed in step 1."""
        if code == Malformed.code:
            self._strays.setdefault(agency, Bucket(*STRAYS)).take(1, self._clock() / 1000)

    async def _keep_dead(self, submission: Submission) -> None:
        """Keep for the operator what the flow failed on."""
        await self._port.set_aside(submission, TRIES)
        self.set_aside += 1

    async def _judged(self, submissions: Iterable[Submission], now: int) -> tuple[_First, _Again]:
        first: _First = {}
        again: _Again = []
        for submission in submissions:
            admitted = self._judge(submission, now)
            if admitted.code == BROKER_FAILED:
                await self._keep_dead(submission)
            self._count_garbage(submission.agency, admitted.code)
            if (admitted.agency, admitted.key) in first:
                again.append((submission, admitted))
            else:
                first[admitted.agency, admitted.key] = (submission, admitted)
        return first, again

    async def _finish(self, first: _First, again: _Again, now: int) -> None:
        """Store what was judged, and tell everybody concerned."""
        again += await self._store_all(first)
        for submission, admitted in first.values():
            if admitted.retrieved is None:
                await self._done(submission, admitted, repeated=False)
        # Each takes answers of the store: one after the other they would hold up everybody's next batch.
        await _all(self._done(*one, repeated=False) for one in first.values() if one[1].retrieved is not None)
        await _all(self._repeat(*one, now) for one in again)
        await self._recount(a for _, a in first.values())

    async def _withdraw(self, submission: Submission, now: int) -> None:
        """One withdrawal, to its end: stored, everybody told who holds a copy, what waits taken away, answered.

        Whatever breaks off in between is done when it is handed out again: each piece is stored once.
        """
        word: Word | None = None
        try:
            admitted, word = withdraw(submission.data, submission.agency, self.world, now)
        except Exception as error:  # fail closed, as in `_judge`
            log.error("flow-failed", kind=submission.kind, error=type(error).__name__)
            admitted = refuse_stray(submission.data, submission.agency, self.world, now, code=BROKER_FAILED)
            await self._keep_dead(submission)
        if word is None:
            self._count_garbage(submission.agency, admitted.code)
            await self._settle(submission, admitted, now)
            return
        told, repeated = (admitted.submission, admitted.evidence), False
        try:
            await self._port.store([stored(admitted)])
        except AlreadyStored:
            standing = await self._standing(admitted.agency, admitted.key)
            self._withdrawn.add(word.consent)
            if standing is None or standing[0] != admitted.submission:  # somebody else was first: it holds no longer
                refusal = refuse_stray(submission.data, submission.agency, self.world, now, code=WITHDRAWN)
                await self._settle(submission, refusal, now)
                return
            told, repeated = standing, True
        self._withdrawn.add(word.consent)
        copies = await self._recall(word, now)
        log.info("consent-withdrawn", copies=copies)
        await self._answer(submission, admitted.key, told, len(admitted.views), repeated=repeated)

    async def _recall(self, word: Word, now: int) -> int:
        """Order the erasure of every copy and take away what waits; how many there are.

        The order is stored before the view is taken away: a crash in between leaves a holder who is told to erase
        what it may still get, and then does not show.
        """
        found = 0
        for raw in await self._port.holdings(word.consent):
            holding = self._holding(raw, word.consent)
            if holding is None:
                continue
            found += 1
            key = retrieved_key(holding.contact, holding.view_id)
            retrieved = await self._port.entry(holding.agency, key) is not None
            with suppress(AlreadyStored):  # where it was ordered before a crash
                await self._port.store([stored(order(word, holding, retrieved=retrieved, world=self.world, now=now))])
            await self._port.remove_view(holding.agency, holding.contact, holding.view_id)
        return found

    def _holding(self, raw: bytes, consent: bytes) -> Holding | None:
        """A holding that a worker of the directory signed, else None: then it is reported."""
        try:
            signed = Signed.from_bytes(raw)
            worker = self.world.bundle.directory.worker(signed.by)
            if worker is None:
                raise Unverified("A holding is not by a worker of the directory.")
            holding = Holding.from_bytes(verify(signed, Tag.HOLDING, worker.key))
            if holding.consent != consent:
                raise Unverified("A holding stands under another consent than its own.")
        except ShareError:
            self._port.report_foreign("holding")
            return None
        return holding

    async def _decided(self, submission: Submission, now: int, decide: Callable[[], Awaitable[Admitted]]) -> Admitted:
        """What `decide` says; a refusal where it raises. Fail closed, as in `_judge`: what the flow fails on is kept
        for the operator. That the bus fails is raised, for then the submission is handed out again.
        """
        try:
            return await decide()
        except DependencyError:
            raise
        except RemoteError as error:
            code = error.code
            self._count_garbage(submission.agency, code)
        except Exception as error:
            log.error("flow-failed", kind=submission.kind, error=type(error).__name__)
            code = BROKER_FAILED
            await self._keep_dead(submission)
        return refuse_stray(submission.data, submission.agency, self.world.of(submission.agency), now, code=code)

    async def _leak(self, submission: Submission, now: int) -> None:
        """A report of a leak, held against the entry of the message that it is about."""
        world, raw = self.world.of(submission.agency), submission.data

        async def decide() -> Admitted:
            word = leaks.read(raw, submission.agency, world, now)
            entry = await self._entry(word.sender, word.said.message.hex())
            return leaks.told(raw, word, entry, submission.agency, world, now)

        await self._settle(submission, await self._decided(submission, now, decide), now)

    async def _alarm(self, submission: Submission, now: int) -> None:
        """An adapter's alarm. One that stands already is answered and costs nothing, in whatever bytes it comes."""
        world, raw = self.world.of(submission.agency), submission.data
        recorded = self._alarms.setdefault(submission.agency, Bucket(*ALARMS))

        async def decide() -> Admitted:
            return raised.raised(raw, submission.agency, world, now)

        if not recorded.available(now / 1000):
            await self._drop(submission)
            return
        admitted = await self._decided(submission, now, decide)
        standing = await self._standing(admitted.agency, admitted.key)
        if standing is not None:
            await self._answer(submission, admitted.key, standing, 0, repeated=True)
            return
        recorded.take(1, now / 1000)
        if admitted.code is None:
            log.error("alarm-raised", agency=submission.agency)
        await self._settle(submission, admitted, now)

    async def _take_back(self, submission: Submission, now: int) -> None:
        """One recall or correction, to its end: stored, every holder told, what waits taken away, answered.

        Whatever breaks off in between is done when it is handed out again: each piece is stored once. Where its agency
        hands it in again, it gets the first answer and no more: a recall costs a few hundred round trips.
        """
        world, raw = self.world.of(submission.agency), submission.data
        taken: list[tuple[recalls.Word, Entry]] = []

        async def decide() -> Admitted:
            word = recalls.read(raw, submission.agency, world, now)
            entry = await self._entry(submission.agency, word.recall.message.hex())
            admitted = recalls.recalled(word, entry, world, now)
            if entry is not None and admitted.code is None:
                taken.append((word, entry))
            return admitted

        admitted = await self._decided(submission, now, decide)
        if not taken:
            await self._settle(submission, admitted, now)
            return
        ((word, entry),) = taken
        repeated = False
        try:
            await self._port.store([stored(admitted)])
        except AlreadyStored:
            repeated = True
        standing = await self._standing(admitted.agency, admitted.key)
        if standing is None or standing[0] != admitted.submission:  # it was said before, in other words
            await self._settle(submission, refuse_stray(raw, submission.agency, world, now), now)
            return
        if not repeated or submission.attempt > 1:
            for view in entry.views:
                await self._take_back_view(word, view, now)
        await self._answer(submission, admitted.key, standing, 0, repeated=repeated)

    async def _take_back_view(self, word: recalls.Word, view: tuple[ViewId, ContactHandle, bytes], now: int) -> None:
        view_id, recipient, _ = view
        contact = self.world.bundle.directory.contact(recipient)
        if contact is None:
            return
        retrieved = await self._port.entry(contact.agency, retrieved_key(recipient, view_id)) is not None
        ordered = recalls.order(word, view, retrieved=retrieved, world=self.world, now=now)
        with suppress(AlreadyStored):  # where it was ordered before a crash
            await self._port.store([stored(ordered)])
        if await self._port.remove_view(contact.agency, recipient, view_id):
            self._on_retrieved(view_id, recipient)
        await self._tell(word.agency, ordered)

    async def _acknowledged(self, submission: Submission, now: int) -> None:
        """A recipient's word on a view, held against the entry of its message; its sender is told, once unless we broke
        off before.
        """
        world, raw = self.world.of(submission.agency), submission.data
        senders: list[AgencyHandle] = []

        async def decide() -> Admitted:
            word = acknowledgements.read(raw, submission.agency, world, now)
            entry = await self._entry(word.sender, word.said.message.hex())
            admitted = acknowledgements.told(raw, word, entry, submission.agency, world, now)
            if admitted.code is None:
                senders.append(word.sender)
            return admitted

        admitted = await self._decided(submission, now, decide)
        if await self._settle(submission, admitted, now) or submission.attempt > 1:
            for sender in senders:
                await self._tell(sender, admitted)

    async def _tell(self, sender: AgencyHandle, admitted: Admitted) -> None:
        """Tell a sender what stands about its message; where it does not hear, it asks."""
        standing = await self._port.entry(admitted.agency, admitted.key)
        if standing is not None:
            await self._port.answer(sender, steps.step_of(standing.data).to_bytes())

    async def _settle(self, submission: Submission, admitted: Admitted, now: int) -> bool:
        """Store, once, and answer what was judged already; whether it is new."""
        first = {(admitted.agency, admitted.key): (submission, admitted)}
        for again in await self._store_all(first):
            await self._repeat(*again, now)
        for stored in first.values():
            await self._done(*stored, repeated=False)
        return bool(first)

    async def _take_word(self, submission: Submission, now: int) -> None:
        """One word about an encryption key. If it was accepted before, it is found by the key of its entry: judged
        again, its number would no longer be the next one, nor its dates those of today.
        """
        self._hear(self._kept_statements(), self.world.bundle.directory)
        key = statement_key(submission.data)
        standing = await self._standing(submission.agency, key) if key is not None else None
        if key is None or standing is None or standing[0] != submission_digest(submission.data):
            await self._finish(*await self._judged([submission], now), now)
            return
        signed = StatementSubmission.from_bytes(submission.data).statement
        contact = self.world.bundle.directory.contact(signed.by)
        if signed.tag == Tag.KEY_STATEMENT.value and contact is not None:
            self._keep(contact.handle, statements.read(signed.to_bytes()))
        await self._answer(submission, key, standing, 0, repeated=True)

    def _keep(self, handle: ContactHandle, new: KeyStatement) -> None:
        """Let an accepted encryption key count from now on."""
        contact = self.world.bundle.directory.contact(handle)
        if contact is not None and new.number not in {s.number for s in self.world.statements(contact)}:
            self._on_statement(handle, new)
            self._stated[handle] = (*self._stated.get(handle, ()), new)

    def _judge(self, submission: Submission, now: int) -> Admitted:
        try:
            return _FUNCTIONS[submission.kind](
                submission.data, submission.agency, self.world.of(submission.agency), now
            )
        except Exception as error:  # fail closed: whatever breaks the flow is refused on record, and the others pass
            # Not the traceback: it can quote what nobody may see, and rendering one costs more than the message.
            log.error("flow-failed", kind=submission.kind, error=type(error).__name__)
            return refuse_stray(submission.data, submission.agency, self.world, now, code=BROKER_FAILED)

    async def _store_all(self, first: _First) -> _Again:
        """Store all in one batch; take out of `first` and return those whose entry stood before."""
        again: _Again = []
        while first:
            try:
                await self._port.store([stored(a) for _, a in first.values()])
                return again
            except ConsentWithdrawn as gone:  # by another worker, since these were judged
                self._withdrawn.update(gone.consents)
                for name, (submission, admitted) in list(first.items()):
                    if not {h.consent for h in admitted.holdings}.isdisjoint(gone.consents):
                        first[name] = (submission, self._judge(submission, self._clock()))
            except AlreadyStored as standing:
                known = [key for key in standing.keys if key in first]
                if not known:  # it stood and went between the two looks: try again
                    await asyncio.sleep(0)
                again += [first.pop(key) for key in known]
        return again

    async def _repeat(self, submission: Submission, admitted: Admitted, now: int) -> None:
        """Answer a repeat with the first evidence; refuse other bytes under a used id, on record."""
        evidence = await self._standing(admitted.agency, admitted.key)
        if evidence is not None and evidence[0] == admitted.submission:
            await self._done(submission, replace(admitted, evidence=evidence[1]), repeated=True)
            return
        refusal = refuse_stray(submission.data, submission.agency, self.world, now)
        try:
            await self._port.store([stored(refusal)])
            await self._done(submission, refusal, repeated=False)
        except AlreadyStored:
            evidence = await self._standing(refusal.agency, refusal.key)
            if evidence is None:
                await submission.nak(1.0)
                return
            await self._done(submission, replace(refusal, evidence=evidence[1]), repeated=True)

    async def _standing(self, agency: AgencyHandle, key: str) -> tuple[bytes, Signed] | None:
        """Digest and evidence of the entry that stands under this key, if a worker of ours wrote it."""
        entry = await self._entry(agency, key)
        return (entry.submission, entry.evidence) if entry is not None else None

    async def _entry(self, agency: AgencyHandle, key: str) -> Entry | None:
        """The entry that stands under this key, if a worker of ours wrote it."""
        stored = await self._port.entry(agency, key)
        if stored is None:
            return None
        try:
            return entry_of(stored.data, self.world.bundle.directory)
        except ShareError:
            self._port.report_foreign("entry")
            return None

    async def _done(self, submission: Submission, admitted: Admitted, *, repeated: bool) -> None:
        if admitted.retrieved is not None:
            await self._retrieved(admitted, *admitted.retrieved, repeated=repeated)
        if admitted.stated is not None:
            self._keep(*admitted.stated)
        told = (admitted.submission, admitted.evidence)
        await self._answer(submission, admitted.key, told, len(admitted.views), repeated=repeated)

    async def _retrieved(self, admitted: Admitted, contact: ContactHandle, view: ViewId, *, repeated: bool) -> None:
        """Take a view away. Its sender is told if it was there: else it was told before, or asks."""
        waited = await self._port.take_view(admitted.agency, contact, view)
        if waited is None:
            return
        self._on_retrieved(view, contact)
        sender = None
        if admitted.key == retrieved_key(contact, view):  # not a notice that its holder has answered
            with suppress(RemoteError):
                sender = steps.sender_of(waited, self.world.bundle.directory)
        if sender is not None and repeated:  # another entry stands than the one that would be made now
            await self._tell(sender, admitted)
        elif sender is not None:
            await self._port.answer(sender, steps.step_of(admitted.entry).to_bytes())

    async def _answer(
        self, submission: Submission, key: str, told: tuple[bytes, Signed], views: int, *, repeated: bool
    ) -> None:
        answer = Answer(submission=told[0], evidence=told[1], repeated=repeated)
        await self._port.answer(submission.agency, answer.to_bytes())
        await submission.ack()
        self.admitted += 1
        log.info("submission", agency=submission.agency, entry=key, views=views, repeated=repeated)

    async def _recount(self, done: Iterable[Admitted]) -> None:
        now = self._clock()
        touched = {contact for contact, count in self._counts.items() if count >= WAITING}  # else full for ever
        for admitted in done:
            for view in admitted.views:
                self._counts[view.contact] = self._counts.get(view.contact, 0) + 1
                touched.add(view.contact)
        for handle in touched:
            contact = self.world.bundle.directory.contact(handle)
            if contact is not None and now - self._counted.get(handle, 0) >= RECOUNT:
                self._counted[handle] = now
                self._counts[handle] = await self._port.waiting(contact.agency, handle)


def _garbage(submission: Submission) -> bool:
    """Whether these bytes fail in step 1: they are not even of the form of what they were handed in as."""
    try:
        _FORMS[submission.kind](submission.data)
    except RemoteError:
        return True
    return False


def stored(admitted: Admitted) -> Admission:
    """What was decided, as the store takes it."""
    return Admission(
        agency=admitted.agency,
        key=admitted.key,
        entry=admitted.entry,
        ttl_seconds=None if admitted.ttl is None else -(-admitted.ttl // 1000),
        views=[
            StoredView(v.agency, v.contact, v.lane.value, v.view_id, v.data, max(1, -(-v.ttl // 1000)), v.watch)
            for v in admitted.views
        ],
        holdings=[StoredHolding(h.consent, h.view_id, h.data, HOLDING_LIFETIME // 1000) for h in admitted.holdings],
    )


async def _all(work: Iterable[Coroutine[None, None, None]]) -> None:
    """Do all of it at the same time, to its end; then raise what failed first."""
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if outcome is not None:
            raise outcome
