"""The SDK: `async with connect(home, contact="desk") as agency: await agency.send(case, to=[…])`.

Sending: plan, seal (or have the guard seal), sign, journal, submit, and wait for the broker's signed evidence, with the
same bytes again until it comes. Receiving: journal, acknowledge, check, decide again, and hand each view to people
once. Offline is normal: what cannot be sent now stays in the journal and goes when the bus is back.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

import structlog

from adapters.casefile import CaseFile
from adapters.guard import SOCKET, GuardClient, GuardRefused, GuardRequest, GuardSection, known_bytes
from adapters.home import ContactKeys, Home, clock
from adapters.journal import ACCEPTED, DONE, HELD, NEW, QUARANTINED, QUEUED, Incoming, Journal
from adapters.planning import MessagePlan, Plan, Planner
from adapters.receiving import Opened, Receiver
from audit.checkpoint import VerifierKey
from audit.checkpoint import verify as verify_head
from audit.errors import AuditError
from audit.proofs import verify_consistency, verify_inclusion
from bus import subjects
from bus.connection import connected
from bus.queue import AgencyPort, NatsAgency
from keys import composing, statements
from keys.bundle import fresh
from keys.domains import Tag
from keys.pseudonyms import pseudonym, reference
from keys.signing import verify
from keys.verifying import manifest_digest
from messages import cbor, limits, wire
from messages.attestations import Release
from messages.catalogue import load as load_catalogue
from messages.cbor import Reader
from messages.directory import Contact
from messages.envelope import Envelope
from messages.errors import BadInput, DependencyError, NotPermitted, RemoteError, ShareError, Unverified
from messages.evidence import Answer, Evidence, EvidenceType, Retrieval
from messages.ids import AgencyHandle, MessageId, ViewId, message_text
from messages.labels import Duty
from messages.signed import Signed
from policies.agreements import read_all
from policies.decide import Engine
from policies.sentences import says

log = structlog.get_logger("adapters.client")

ANSWER_SECONDS: Final = 5.0
TRIES: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One message that was handed in, and the broker's signed word on it (None while it is held or on its way)."""

    message: MessageId
    plan: MessagePlan
    submission: bytes
    state: str
    evidence: Evidence | None = None
    repeated: bool = False
    bytes: int = 0
    says: str = ""  # why, where the guard refused it


@dataclass(slots=True, kw_only=True)
class Received:
    """One view as it is handed to people: opened, or quarantined with a code and a sentence."""

    view_id: ViewId
    received: int
    opened: Opened | None
    code: str | None = None
    sentence: str = ""
    raw: bytes = field(repr=False, default=b"")


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Where a leaf stands in the log, proved against a head that the log signed."""

    index: int
    size: int
    root: bytes


class AgencyClient:
    """One agency's adapter, for one of its contacts. Make it with `connect` or `offline`."""

    def __init__(self, home: Home, keys: ContactKeys, journal: Journal, port: AgencyPort | None) -> None:
        self.home = home
        self.keys = keys
        self.journal = journal
        self._port = port
        self._retrievals = asyncio.Event()
        self._waiting: dict[bytes, asyncio.Future[tuple[Evidence, bool]]] = {}
        self._agreements = read_all(home.bundle.agreements.items())
        self._engine = Engine.load()
        self._catalogue = load_catalogue()
        self._receiver = Receiver(
            bundle=home.bundle,
            agreements={a.id: a for a in self._agreements},
            engine=self._engine,
            catalogue=self._catalogue,
        )

    @property
    def online(self) -> bool:
        """Whether there is a connection to the bus."""
        return self._port is not None

    # sending

    def plan(self, case: CaseFile, to: Sequence[str]) -> Plan:
        """Who would get what, and why not; nothing is sealed and nothing is sent."""
        recipients = [self._find(address) for address in to]
        return self._planner().plan(case, recipients, clock())

    def _find(self, address: str) -> Contact:
        try:
            return self.home.bundle.directory.find(address)
        except RemoteError as error:
            raise BadInput(str(error)) from None

    def _planner(self) -> Planner:
        return Planner(
            sender=self.keys.contact,
            bundle=self.home.bundle,
            agreements=self._agreements,
            engine=self._engine,
            catalogue=self._catalogue,
            pseudonym=self._pseudonym,
            new_id=composing.new_message_id,
            checkpoint=self.journal.head(),
        )

    def _pseudonym(self, agency: AgencyHandle, person: str) -> str:
        """From the register, or a new one, noted before it is used."""
        known = self.journal.pseudonym(agency, person)
        if known is None:
            known = pseudonym(self.home.register_key, agency, person, self.journal.pseudonyms_taken())
            self.journal.name(agency, person, known)
        return known

    async def send(
        self, case: CaseFile, to: Sequence[str], *, countersigner: ContactKeys | None = None
    ) -> tuple[Plan, list[Sent]]:
        """Plan, seal, sign, journal and submit; raises `NotPermitted` where no recipient may get anything.

        A message that needs a second contact's release is kept in the journal as held: see `release`. One that the
        guard refuses comes back with the state "refused" and the guard's sentence; the others go all the same.
        """
        fresh(self.home.bundle, clock())
        plan = self.plan(case, to)
        if not plan.messages:
            raise NotPermitted(self.sentence(plan.refused[0].rules))
        sent: list[Sent] = []
        for message in plan.messages:
            try:
                envelope = await self.compose(message, countersigner=countersigner)
            except GuardRefused as refusal:
                sent.append(
                    Sent(message=message.header.id, plan=message, submission=b"", state="refused", says=str(refusal))
                )
                continue
            held = any(r.needs_release for r in message.recipients)
            sent.append(await self.submit(envelope, message, held=held))
        return plan, sent

    def sentence(self, rules: Sequence[str]) -> str:
        """The rules' own words."""
        return " ".join(f"{says(rule)} [{rule}]" for rule in rules)

    async def compose(self, message: MessagePlan, *, countersigner: ContactKeys | None = None) -> Envelope:
        """Seal every section, have every grant sealed, sign the manifest; nothing is sent yet."""
        header = message.header
        sealed = {
            draft.name: composing.seal(
                header.id,
                name=draft.name,
                data_type=draft.type,
                part=draft.part,
                media=draft.media,
                roles=draft.roles,
                flags=draft.flags,
                plaintext=draft.plaintext,
            )
            for draft in message.sections
        }
        grants: list[composing.SealedGrant] = []
        attestations: list[Signed] = []
        for recipient in message.recipients:
            statement = self._encryption_key(recipient.contact, header.created)
            if recipient.agreement is None:
                raise NotPermitted(self.sentence(recipient.rules))
            case = (
                reference(self.home.register_key, recipient.agency.handle, f"case:{message.case}")
                if message.case
                else None
            )
            thread = reference(self.home.register_key, recipient.agency.handle, message_text(header.id))
            if message.guarded:
                request = GuardRequest(
                    message=header.id,
                    sender=header.sender,
                    recipient=recipient.contact.handle,
                    public=statement,
                    sections=tuple(
                        GuardSection(detail=s.detail, sealed=s.sealed, key=s.key, granted=name in recipient.granted)
                        for name, s in sealed.items()
                    ),
                    known=known_bytes(message.known),
                    consents=tuple(c.to_bytes() for c in message.consents),
                )
                grant, attestation = await GuardClient(self.home.folder / "guard" / SOCKET).attest(request)
                attestations.append(attestation)
                grants.append(
                    composing.describe_grant(
                        grant,
                        recipient=recipient.contact.handle,
                        agreement=recipient.agreement.id,
                        public=statement,
                        sections=recipient.granted,
                        thread=thread,
                        case=case,
                    )
                )
            else:
                own = [sealed[name] for name in recipient.granted]
                grants.append(
                    composing.grant(
                        header.id,
                        header.sender,
                        own,
                        recipient=recipient.contact.handle,
                        agreement=recipient.agreement.id,
                        public=statement,
                        thread=thread,
                        case=case,
                    )
                )
        for consent in message.consents:
            body = consent.to_bytes()
            attestations.append(self.keys.signer.sign(Tag.CONSENT, body))
            if countersigner is not None:
                attestations.append(countersigner.signer.sign(Tag.CONSENT_COUNTER, body))
        return composing.sign_envelope(self.keys.signer, header, list(sealed.values()), grants, attestations)

    def _encryption_key(self, contact: Contact, moment: int) -> bytes:
        """The newest stated key, checked, and never an older one than we have seen."""
        statement = statements.usable(contact, moment)
        if self.journal.key_number(contact.handle, statement.number) > statement.number:
            raise Unverified("The trust bundle offers an older encryption key of the recipient than one seen before.")
        return statement.key

    async def submit(self, envelope: Envelope, plan: MessagePlan, *, held: bool = False) -> Sent:
        """Journal, then hand in and wait for the evidence; a held message is journaled only."""
        data = envelope.to_bytes()
        submission = sha256(data).digest()
        message = envelope.manifest.id
        state = HELD if held else QUEUED
        self.journal.save(submission, message, self.keys.contact.handle, data, clock(), state=state)
        if held:
            return Sent(message=message, plan=plan, submission=submission, state=HELD, bytes=len(data))
        answer = await self.hand_in(data)
        if answer is None:
            return Sent(message=message, plan=plan, submission=submission, state=QUEUED, bytes=len(data))
        evidence, repeated = answer
        accepted = evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE
        return Sent(
            message=message,
            plan=plan,
            submission=submission,
            state=ACCEPTED if accepted else "rejected",
            evidence=evidence,
            repeated=repeated,
            bytes=len(data),
        )

    async def hand_in(self, data: bytes, *, tries: int = TRIES) -> tuple[Evidence, bool] | None:
        """Submit these bytes until a worker's signed evidence about them comes; None where none came in time."""
        if self._port is None:
            return None
        submission = sha256(data).digest()
        future = self._waiting.setdefault(submission, asyncio.get_running_loop().create_future())
        try:
            for attempt in range(tries):
                try:
                    await self._port.submit("message", data)
                    return await asyncio.wait_for(asyncio.shield(future), ANSWER_SECONDS)
                except TimeoutError:
                    log.info("no-answer-yet", attempt=attempt)
                except DependencyError as error:
                    log.info("bus-trouble", attempt=attempt, code=error.code)
                    try:
                        return await asyncio.wait_for(asyncio.shield(future), min(0.2 * 2**attempt, 3.0))
                    except TimeoutError:
                        continue
            return None
        finally:
            self._waiting.pop(submission, None)

    async def release(self, message: MessageId, releaser: ContactKeys) -> Sent | None:
        """Release a held message as a second contact whose mandate names that duty, then hand it in."""
        held = next((o for o in self.journal.outgoing(HELD) if o.message == message), None)
        if held is None:
            raise BadInput("No message of that id waits for a release; see: safeconduct outbox")
        now = clock()
        mandate = releaser.contact.mandate_at(now)
        if mandate is None or Duty.RELEASE not in mandate.duties:
            raise NotPermitted("Only a contact whose mandate names the duty `release` can release a message.")
        envelope = wire.decode(held.data)
        if releaser.contact.handle == envelope.manifest.sender:
            raise NotPermitted("The sender cannot release its own message; a second contact has to.")
        digest = manifest_digest(envelope.manifest_bytes)
        releases = [
            releaser.signer.sign(
                Tag.RELEASE,
                Release(message=message, manifest=digest, recipient=recipient, at=now).to_bytes(),
            )
            for recipient in envelope.grants
        ]
        data = composing.attach(envelope, releases).to_bytes()
        self.journal.replace_held(held.submission, sha256(data).digest(), data)
        answer = await self.hand_in(data)
        if answer is None:
            return None
        evidence, repeated = answer
        return Sent(
            message=message,
            plan=MessagePlan(header=envelope.manifest, guarded=False, sections=(), recipients=(), known=()),
            submission=sha256(data).digest(),
            state=ACCEPTED if evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE else "rejected",
            evidence=evidence,
            repeated=repeated,
            bytes=len(data),
        )

    async def flush(self) -> int:
        """Hand in everything that is queued, and every retrieval that was not taken yet; how many went."""
        done = 0
        for outgoing in self.journal.outgoing(QUEUED):
            if await self.hand_in(outgoing.data) is not None:
                done += 1
        await self._send_retrievals()
        return done

    async def listen(self) -> None:
        """Take workers' answers, until cancelled. Only an evidence that a worker of the bundle signed counts."""
        if self._port is None:
            return
        async for data in self._port.answers():
            try:
                answer = Answer.from_bytes(data)
                worker = self.home.bundle.directory.worker(answer.evidence.by)
                if worker is None:
                    raise Unverified("An answer is not by a worker of the trust bundle.")
                evidence = Evidence.from_bytes(verify(answer.evidence, Tag.EVIDENCE, worker.key))
                if evidence.submission != answer.submission:
                    raise Unverified("An answer is about another submission than its evidence.")
            except ShareError as error:
                self._port.report_foreign(error.code)
                log.warning("foreign-answer", code=error.code)
                continue
            self.journal.answered(
                evidence.submission,
                answer.evidence.to_bytes(),
                accepted=evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE,
                repeated=answer.repeated,
            )
            self.journal.promised(
                (leaf, evidence.include_by) for leaf in (evidence.leaf, *(o.leaf for o in evidence.outcomes))
            )
            future = self._waiting.get(evidence.submission)
            if future is not None and not future.done():
                future.set_result((evidence, answer.repeated))

    # receiving

    async def collect(self, seconds: float) -> int:
        """Journal whatever waits for this contact, for at most `seconds`; how many views were new."""
        if self._port is None:
            return 0
        new = 0
        stream = self._port.deliveries(self.keys.contact.handle)
        try:
            async with asyncio.timeout(seconds):
                async for delivery in stream:
                    new += self.journal.received(delivery.view_id, self.keys.contact.handle, delivery.data, clock())
                    await delivery.ack()
        except TimeoutError:
            pass
        finally:
            await _close(stream)
        return new

    async def deliveries(self) -> AsyncIterator[Received]:
        """Views as they come: journaled, acknowledged, checked, and each handed out once."""
        if self._port is None:
            raise DependencyError("There is no connection to the bus; connect first.")
        for incoming in self.journal.incoming(self.keys.contact.handle):
            if incoming.state == NEW:
                yield await self.open(ViewId(incoming.view))
        stream = self._port.deliveries(self.keys.contact.handle)
        try:
            async for delivery in stream:
                fresh_one = self.journal.received(delivery.view_id, self.keys.contact.handle, delivery.data, clock())
                await delivery.ack()
                if fresh_one:
                    yield await self.open(delivery.view_id)
        finally:
            await _close(stream)

    def look(self, view: ViewId) -> Received:
        """Check and open a journaled view without leaving a trace; for lists. Never shows content to a person."""
        incoming = self._incoming(view)
        try:
            opened = self._receiver.open(incoming.delivery, self.keys.contact, self.keys.decryption, clock())
        except RemoteError as error:
            return Received(
                view_id=view,
                received=incoming.received,
                opened=None,
                code=error.code,
                sentence=str(error),
                raw=incoming.delivery,
            )
        return Received(view_id=view, received=incoming.received, opened=opened, raw=incoming.delivery)

    async def open(self, view: ViewId) -> Received:
        """Check, sign the retrieval, and only then hand the content over. Quarantines what does not hold."""
        received = self.look(view)
        if received.opened is None:
            self.journal.mark(view, QUARANTINED, received.code)
            log.warning("quarantined", view=view, code=received.code)
            return received
        opened = received.opened
        retrieval = Retrieval(
            view_id=view,
            view=opened.view_digest,
            manifest=opened.manifest_digest,
            message=opened.manifest.id,
            recipient=self.keys.contact.handle,
            at=clock(),
            checkpoint=self.journal.head(),
        )
        signed = self.keys.signer.sign(Tag.RETRIEVAL, retrieval.to_bytes())
        self.journal.opening(view, signed.to_bytes(), (opened.stamp.leaf, opened.stamp.include_by))
        self._retrievals.set()
        return received

    async def _send_retrievals(self) -> None:
        if self._port is None:
            return
        sent: list[str] = []
        try:
            for view, signed in self.journal.unsent_retrievals():
                await self._port.submit("retrieval", signed)
                sent.append(view)
        except DependencyError as error:
            log.info("bus-trouble", code=error.code)  # the rest stays in the journal and goes with the next flush
        finally:
            if sent:
                self.journal.retrieval_sent(*sent)

    async def report_retrievals(self) -> None:
        """Send retrieval evidences as they are made, until cancelled; they were journaled before the text was shown."""
        while True:
            await self._retrievals.wait()
            self._retrievals.clear()
            await self._send_retrievals()

    def done(self, view: ViewId) -> None:
        """Mark a view as handled by people."""
        incoming = self._incoming(view)
        if incoming.state == NEW:
            raise BadInput("This message has not been opened yet; open it first.")
        self.journal.mark(view, DONE)

    def _incoming(self, view: str) -> Incoming:
        found = self.journal.arrived(self.keys.contact.handle, view)
        if len(found) != 1:
            raise BadInput(f"There is no one message {view!r} in this inbox; see: safeconduct inbox list")
        return found[0]

    def find_view(self, text: str) -> ViewId:
        """The full id of the view that begins with `text`."""
        return ViewId(self._incoming(text).view)

    # the log

    async def prove(self, leaf: bytes) -> Inclusion | None:
        """Ask for the proof that a leaf is in the log, check it against a head the log signed, and keep the head.

        None while the leaf is not in the log yet. Raises `Unverified` where the log proves something else: an alarm.
        """
        if self._port is None:
            raise DependencyError("There is no connection to the bus; connect first.")
        value = cbor.load(await self._port.ask("proof", leaf), limits.ENVELOPE_BYTES, "proof")
        if value is None:
            return None
        reader = Reader(value, "proof")
        index, size = reader.number("index"), reader.number("size")
        proof = cbor.bytes_list(reader.items("proof", 64), "proof", 32, 32)
        root = await self._head(reader.raw("checkpoint"), size)
        reader.end()
        try:
            verify_inclusion(index, size, leaf, proof, root)
        except AuditError:
            raise Unverified("The log's proof does not hold: tell the security officers.") from None
        return Inclusion(index, size, root)

    async def check_promises(self) -> list[bytes]:
        """Ask for the proof of every leaf that was promised to us and not proved yet; the broken promises.

        A leaf that is not in the log by its include-by is an alarm: the broker has shown a record that it does not
        keep. Raises `Unverified` where a proof or head does not hold, which is a worse one.
        """
        broken = []
        for leaf, include_by in self.journal.open_promises():
            if await self.prove(leaf) is not None:
                self.journal.kept_promise(leaf)
            elif clock() > include_by:
                broken.append(leaf)
                log.error("alarm", what="not-in-log", leaf=leaf.hex(), include_by=include_by)
        return broken

    async def _head(self, note: bytes, size: int) -> bytes:
        """The root of a head of this size, if the log signed it and it continues the last one we verified."""
        if self._port is None:
            raise DependencyError("There is no connection to the bus; connect first.")
        operator = self.home.bundle.directory.operator
        try:
            head = verify_head(note, VerifierKey.parse(operator.log_vkey))
            if head.size != size or head.origin != operator.log_origin:
                raise Unverified("The log's head is about another log or size.")
            last = self.journal.head()
            if last is not None and last[0] < head.size:
                answer = cbor.load(
                    await self._port.ask("consistency", cbor.dump(last[0])), limits.ENVELOPE_BYTES, "proof"
                )
                reader = Reader(answer, "consistency proof")
                proof = cbor.bytes_list(reader.items("proof", 128), "proof", 32, 32)
                newest = verify_head(reader.raw("checkpoint"), VerifierKey.parse(operator.log_vkey))
                verify_consistency(last[0], newest.size, last[1], newest.root, proof)
                self.journal.saw_head(newest.size, newest.root)
            elif last is None:
                self.journal.saw_head(head.size, head.root)
            elif last == (head.size, head.root):
                pass
            elif last[0] == head.size:
                raise Unverified("The log has forked: two heads of one size differ. Tell the security officers.")
        except AuditError:
            raise Unverified("The log's head or its consistency does not hold: tell the security officers.") from None
        return head.root


async def _close(stream: object) -> None:
    closing = getattr(stream, "aclose", None)
    if closing is not None:
        await closing()


@asynccontextmanager
async def offline(folder: Path, contact: str, passphrase: str) -> AsyncIterator[AgencyClient]:
    """The adapter without a bus: it can plan, compose into the journal, and open what has arrived."""
    home = Home.open(folder, passphrase)
    keys = home.unlock(contact)
    journal = Journal(folder / "journal.db")
    try:
        yield AgencyClient(home, keys, journal, None)
    finally:
        journal.close()


@asynccontextmanager
async def connect(
    folder: Path, contact: str, passphrase: str, url: str | None = None, *, or_offline: bool = False
) -> AsyncIterator[AgencyClient]:
    """The adapter on the bus, for one contact.

    Where the bus does not answer: raises `DependencyError`, or with `or_offline` goes on without it (`online` tells).
    """
    home = Home.open(folder, passphrase, url)
    keys = home.unlock(contact)
    async with AsyncExitStack() as stack:
        journal = Journal(folder / "journal.db")
        stack.callback(journal.close)
        try:
            if home.url is None:
                raise DependencyError(
                    "The address of the bus is not known: start the broker (safeconduct up), or give --url."
                )
            connection = await stack.enter_async_context(
                connected(home.url, home.nkey_seed, inbox_prefix=subjects.inbox(home.agency.handle), name="adapter")
            )
        except DependencyError:
            if not or_offline:
                raise
            yield AgencyClient(home, keys, journal, None)
            return
        port = await NatsAgency.open(connection, home.agency.handle)
        stack.push_async_callback(port.close)
        client = AgencyClient(home, keys, journal, port)
        tasks = [asyncio.create_task(client.listen()), asyncio.create_task(client.report_retrievals())]
        try:
            yield client
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await client._send_retrievals()


__all__ = [
    "AgencyClient",
    "Inclusion",
    "Received",
    "Sent",
    "connect",
    "offline",
]
