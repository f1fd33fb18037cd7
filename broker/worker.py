"""The shell around `broker.admit`: pull, decide, store entry and views together, answer, acknowledge, in that order.

A crash anywhere is safe. Before the store: the submission is handed out again. After the store and before the
acknowledgement: it is handed out again and the compare-and-set finds the entry, whose evidence is answered again.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

import structlog

from broker.admit import WAITING, Admitted, World, admit, refuse_stray, retrieve
from bus.queue import Admission, AlreadyStored, BrokerPort, Submission
from bus.queue import View as StoredView
from keys.domains import Tag
from keys.signing import verify
from messages.errors import DependencyError, ShareError, Unverified
from messages.evidence import Answer, Entry
from messages.ids import AgencyHandle, ContactHandle
from messages.signed import Signed

log = structlog.get_logger("broker.worker")

BATCH: Final = 100
"""Submissions taken at once: one fsync for all of them; larger batches gain little and wait longer."""
WAIT: Final = 1.0
RECOUNT: Final = 10_000
"""Milliseconds between two counts of one contact's waiting views."""


class Worker:
    """One worker; any number may run on one queue."""

    def __init__(
        self,
        port: BrokerPort,
        world: World,
        clock: Callable[[], int],
        may_admit: Callable[[], bool] = lambda: True,
    ) -> None:
        self._port = port
        self._counts: dict[ContactHandle, int] = {}
        self._counted: dict[ContactHandle, int] = {}
        self.world = replace(world, waiting=self._counts)
        self._clock = clock
        self._may_admit = may_admit
        self.admitted = 0

    def renew(self, world: World) -> None:
        """Go on under another trust bundle."""
        self.world = replace(world, waiting=self._counts)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; what is in hand is finished first."""
        pause = 0.05
        while not stop.is_set():
            if not self._may_admit() or self._clock() >= self.world.bundle.expires:
                # The log is behind by more than include-by, so nothing may be promised; or the trust bundle has
                # expired. What was submitted stays in the queue.
                log.error("admission-stopped", reason="log-behind-or-bundle-expired")
                await _wait(stop, 1.0)
                continue
            try:
                await self.step(WAIT)
                pause = 0.05
            except DependencyError as error:
                log.warning("bus-trouble", code=error.code)
                await _wait(stop, pause)
                pause = min(2 * pause, 2.0)

    async def step(self, wait: float) -> int:
        """Take up to `BATCH` submissions through all steps; how many there were."""
        submissions = await self._port.pull(BATCH, wait)
        if not submissions:
            return 0
        now = self._clock()
        first: dict[tuple[AgencyHandle, str], tuple[Submission, Admitted]] = {}
        again: list[tuple[Submission, Admitted]] = []
        for submission in submissions:
            admitted = self._judge(submission, now)
            if (admitted.agency, admitted.key) in first:
                again.append((submission, admitted))
            else:
                first[admitted.agency, admitted.key] = (submission, admitted)
        again += await self._store_all(first)
        for submission, admitted in first.values():
            await self._done(submission, admitted, repeated=False)
        for submission, admitted in again:
            await self._repeat(submission, admitted, now)
        await self._recount(a for _, a in first.values())
        return len(submissions)

    def _judge(self, submission: Submission, now: int) -> Admitted:
        function = admit if submission.kind == "message" else retrieve
        try:
            return function(submission.data, submission.agency, self.world, now)
        except Exception as error:  # fail closed: whatever breaks the flow is refused on record, and the others pass
            # Not the traceback: it can quote what nobody may see, and rendering one costs more than the message.
            log.error("flow-failed", kind=submission.kind, error=type(error).__name__)
            return refuse_stray(submission.data, submission.agency, self.world, now, code="broker-failed")

    async def _store_all(
        self, first: dict[tuple[AgencyHandle, str], tuple[Submission, Admitted]]
    ) -> list[tuple[Submission, Admitted]]:
        """Store all in one batch; take out of `first` and return those whose entry stood before."""
        again: list[tuple[Submission, Admitted]] = []
        while first:
            try:
                await self._port.store([_stored(a) for _, a in first.values()])
                return again
            except AlreadyStored as standing:
                known = [key for key in standing.keys if key in first]
                if not known:  # it stood and went between the two looks: try again
                    await asyncio.sleep(0)
                again += [first.pop(key) for key in known]
        return again

    async def _repeat(self, submission: Submission, admitted: Admitted, now: int) -> None:
        """Answer a repeat with the first evidence; refuse other bytes under a used id, on record."""
        evidence = await self._standing(admitted)
        if evidence is not None and evidence[0] == admitted.submission:
            await self._done(submission, replace(admitted, evidence=evidence[1]), repeated=True)
            return
        refusal = refuse_stray(submission.data, submission.agency, self.world, now)
        try:
            await self._port.store([_stored(refusal)])
            await self._done(submission, refusal, repeated=False)
        except AlreadyStored:
            evidence = await self._standing(refusal)
            if evidence is None:
                await submission.nak(1.0)
                return
            await self._done(submission, replace(refusal, evidence=evidence[1]), repeated=True)

    async def _standing(self, admitted: Admitted) -> tuple[bytes, Signed] | None:
        """Digest and evidence of the entry that stands under this key, if a worker of ours wrote it."""
        stored = await self._port.entry(admitted.agency, admitted.key)
        if stored is None:
            return None
        try:
            signed = Signed.from_bytes(stored.data)
            worker = self.world.bundle.directory.worker(signed.by)
            if worker is None:
                raise Unverified("An entry is not by a worker of the directory.")
            entry = Entry.from_bytes(verify(signed, Tag.ENTRY, worker.key))
        except ShareError:
            self._port.report_foreign("entry")
            return None
        return entry.submission, entry.evidence

    async def _done(self, submission: Submission, admitted: Admitted, *, repeated: bool) -> None:
        if admitted.retrieved is not None:
            contact, view = admitted.retrieved
            await self._port.remove_view(admitted.agency, contact, view)
        answer = Answer(submission=admitted.submission, evidence=admitted.evidence, repeated=repeated)
        await self._port.answer(admitted.agency, answer.to_bytes())
        await submission.ack()
        self.admitted += 1
        log.info(
            "submission",
            agency=admitted.agency,
            entry=admitted.key,
            views=len(admitted.views),
            repeated=repeated,
        )

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


def _stored(admitted: Admitted) -> Admission:
    return Admission(
        agency=admitted.agency,
        key=admitted.key,
        entry=admitted.entry,
        ttl_seconds=-(-admitted.ttl // 1000),
        views=[
            StoredView(v.agency, v.contact, v.lane.value, v.view_id, v.data, max(1, -(-v.ttl // 1000)))
            for v in admitted.views
        ],
    )


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
