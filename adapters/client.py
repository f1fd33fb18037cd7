"""The SDK: `async with connect(home, contact="desk") as agency: await agency.send(case, to=[…])`.

Sending: plan, seal (or have the guard seal), sign, journal, submit, and wait for the broker's signed evidence, with the
same bytes again until it comes. Receiving: journal, acknowledge, check, decide again, and hand each view to people
once. Offline is normal: what cannot be sent now stays in the journal and goes when the bus is back.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import structlog

from adapters import (
    acknowledging,
    answering,
    erasure,
    evidences,
    keyring,
    packets,
    quarantine,
    recalls,
    seconding,
    threads,
    unopened,
    unsealed,
)
from adapters.casefile import MAX_FILE, CaseFile
from adapters.casefile import read as read_case
from adapters.casefile import write as write_case
from adapters.consents import Held, for_guard
from adapters.erasure import Eraser
from adapters.evidencefiles import carrier, carrying
from adapters.evidencefiles.carrier import Way
from adapters.evidencefiles.exhibits import Exhibit, Progress, quiet
from adapters.evidencefiles.spool import Spool
from adapters.guard import (
    GuardClient,
    GuardRefused,
    GuardRequest,
    GuardSection,
    GuardUnreachable,
    known_bytes,
    socket_of,
)
from adapters.home import Ask, ContactKeys, Home, clock
from adapters.journal import (
    ACCEPTED,
    DONE,
    ERASED,
    HELD,
    NEW,
    OPENED,
    QUARANTINED,
    QUEUED,
    Aside,
    Incoming,
    Journal,
    Outgoing,
    Unread,
)
from adapters.journal import Step as ThreadStep
from adapters.pacing import Pacing
from adapters.planning import MessagePlan, Plan, Planner
from adapters.receiving import Opened, Receiver
from adapters.retention import Retention
from adapters.seconding import Reading
from adapters.shelf import ALARM, Shelf, Waiting
from adapters.shelf import NEW as UNREAD
from adapters.threads import Standing
from adapters.timeline import Timeline, timeline
from adapters.trust import MISSED, REFRESH
from adapters.watching import FinalHead, Inclusion, LogWatch, witnessed
from adapters.witness import Witness
from audit.witness import NEEDED, readable
from bus import subjects
from bus.connection import connected
from bus.queue import AgencyPort, NatsAgency
from bus.queue import Delivery as Waits
from bus.subjects import Kind as Submitted
from keys import atrest, composing, statements
from keys.consents import register_salt
from keys.domains import Tag
from keys.pseudonyms import pseudonym, reference
from keys.retiring import StoredKey
from keys.signing import Signer, verify
from keys.unlocking import Passphrase
from messages import cbor, evidencefile, limits, wire
from messages.attestations import Acceptance, Permission
from messages.catalogue import load as load_catalogue
from messages.catalogue.jsontext import parse_json
from messages.directory import Bundle, Contact
from messages.envelope import COVER, Delivery, Envelope
from messages.errors import (
    BadInput,
    BundleRefused,
    DependencyError,
    Disagrees,
    NewerEpoch,
    NotPermitted,
    RemoteError,
    Replayed,
    ShareError,
    Stale,
    Unverified,
)
from messages.escalation import Stage
from messages.evidence import Answer, Evidence, EvidenceType, Retrieval, Stamp, Step, is_step
from messages.ids import AgencyHandle, ContactHandle, MessageId, ViewId, agency_handle, message_from_text, message_text
from messages.labels import Duty, Ground, Keeping, Kind, Lane, Lift, Purpose
from messages.leaks import LeakGround
from messages.limits import ENVELOPE_BYTES, GRANTS, HOUR, LIFETIME
from messages.raised import Raised, What, raised_in
from messages.recalls import Recall, RecallGround
from messages.recalls import Standing as Taken
from messages.signed import Signed
from messages.waiting import claimed
from messages.withdrawals import KeepGround, Notice, NoticeDelivery
from messages.workflows import BEGIN
from policies.agreements import Agreements, read_all
from policies.agreements import Reader as AgreementReader
from policies.decide import Engine
from policies.facts import ACCEPTED_WITHIN, SEALED
from policies.inherit import Source
from policies.sentences import says

log = structlog.get_logger("adapters.client")

ANSWER_SECONDS: Final = 5.0
_SAID: Final[Mapping[str, Submitted]] = {
    "erasure": "erasure",
    "leak": "leak",
    "acknowledgement": "acknowledgement",
    "recall": "recall",
    "alarm": "alarm",
}
"""Under which kind what is kept to be said is handed in; everything else is a withdrawal."""
TRIES: Final = 12
STEPS: Final = 16 * GRANTS  # most that a broker tells of one message


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


class AgencyClient:
    """One agency's adapter, for one of its contacts. Make it with `connect` or `offline`."""

    def __init__(self, home: Home, keys: ContactKeys, journal: Journal, port: AgencyPort | None) -> None:
        self.keys = keys
        self.journal = journal
        self.shelf = Shelf(home.folder, home.register_key)
        self._spool: Spool | None = None
        self.progress: Progress = quiet  # told of evidence files as they go
        self._port = port
        self._retrievals = asyncio.Event()
        self._pacing = Pacing(time.monotonic)
        self._tending = asyncio.Lock()
        self._refreshing = asyncio.Lock()
        self.refused_keys: dict[int, str] = {}  # codes with which statements of our encryption keys were refused
        self._renewed = asyncio.Event()  # set when another trust bundle was taken
        self._stale = asyncio.Event()  # something was signed under a newer trust bundle than ours
        self._saying: dict[bytes, float] = {}  # until when we wait for the answer to what we said of a consent
        self._waiting: dict[bytes, asyncio.Future[tuple[Evidence, bool]]] = {}
        self._engine = Engine.load()
        self._catalogue = load_catalogue()
        self._reader = AgreementReader()
        self._take(home)

    @property
    def spool(self) -> Spool:
        """Our evidence files on their way, made when the first one is."""
        if self._spool is None:
            self._spool = Spool(self.home.folder)
            self._spool.sweep(clock())
        return self._spool

    def close(self) -> None:
        """Close what was opened here; the journal is the caller's."""
        self.shelf.close()
        if self._spool is not None:
            self._spool.close()

    def _take(self, home: Home) -> None:
        """Go on under another trust bundle."""
        self.home = home
        self._agreements = self._reader.under(home.bundle.agreements)
        self._receiver = self._receiver_of(home.bundle)
        contact = home.bundle.directory.contact(self.keys.contact.handle)
        if contact is not None:
            self.keys = replace(self.keys, contact=contact)

    def _receiver_of(self, bundle: Bundle) -> Receiver:
        known = bundle is self.home.bundle
        return Receiver(
            bundle=bundle,
            agreements=self._agreements if known else Agreements(read_all(bundle.agreements.items())),
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
        return self._planner(case).plan(self.resolved(case), recipients, clock())

    def resolved(self, case: CaseFile) -> CaseFile:
        """The case with what it draws on, found in our journal and checked once more; raises `BadInput`."""
        if len(case.sources) == len(case.draws_on):
            return case
        return replace(case, sources=tuple(self.source(view) for view in case.draws_on))

    def opened(self, view: str) -> Opened:
        """A message that a person of ours has opened, checked once more; raises `BadInput`, leaves no trace."""
        incoming = self._incoming(view)
        if incoming.state not in (OPENED, DONE):
            raise BadInput("This message has not been opened yet; open it first.")
        try:
            return self._opened(incoming)
        except RemoteError as error:
            raise BadInput(f"This message does not hold any more: {error}") from None

    def source(self, view: str) -> Source:
        """What such a message binds to whoever draws on it."""
        incoming, opened = self._incoming(view), self.opened(view)
        return threads.source_of(incoming.view, opened, incoming.received, self._agreements, self.home.bundle.directory)

    def _find(self, address: str) -> Contact:
        try:
            return self.home.bundle.directory.find(address)
        except RemoteError as error:
            raise BadInput(str(error)) from None

    def _planner(self, case: CaseFile) -> Planner:
        return Planner(
            sender=self.keys.contact,
            bundle=self.home.bundle,
            agreements=self._agreements,
            engine=self._engine,
            catalogue=self._catalogue,
            pseudonym=self._pseudonym,
            new_id=composing.new_message_id,
            checkpoint=self.journal.head(),
            held=threads.held(self.journal, self.home.bundle.directory, clock()).papers,
            consents=tuple(self._valid(self.shelf.find(text)) for text in case.consents),
            withdrawn=self.shelf.withdrawn_ids(),
            salt=lambda record: register_salt(self.home.register_key, record),
            kept=lambda held: self._valid(self.shelf.with_papers(held)),
        )

    def _valid(self, held: Held) -> Held:
        """The consent with those of its papers that count now: signed by keys in force of contacts with a mandate."""
        directory, now = self.home.bundle.directory, clock()
        counting = []
        for paper in held.papers:
            contact = directory.contact(paper.by)
            if contact is None or contact.mandate_at(now) is None or paper.body != held.consent.to_bytes():
                continue
            with suppress(RemoteError):
                verify(paper, Tag(paper.tag), contact.key_at(now))
                counting.append(paper)
        return replace(held, papers=tuple(counting))

    def _signed_consents(self, held: Held) -> list[Signed]:
        """The papers of a consent as they are attached; what we collected ourselves is signed here if it was not yet.

        Raises `BadInput` where another collector's signature is missing or no longer counts.
        """
        if held.consent.collector in held.signed_by(Tag.CONSENT):
            return list(held.papers)
        if held.consent.collector != self.keys.contact.handle:
            raise BadInput(
                f"The consent {held.consent.id.hex()[:12]} has no signature of its collector that counts now; have the "
                "collector sign it again, or take the consent again: safeconduct consent sign"
            )
        signed = self.keys.signer.sign(Tag.CONSENT, held.consent.to_bytes())
        self.shelf.add(held.consent.id, signed)
        return [signed, *held.papers]

    def _pseudonym(self, agency: AgencyHandle, person: str) -> str:
        """From the register, or a new one, noted before it is used."""
        known = self.journal.pseudonym(agency, person)
        if known is None:
            known = pseudonym(self.home.register_key, agency, person, self.journal.pseudonyms_taken())
            self.journal.name(agency, person, known)
        return known

    async def send(
        self, case: CaseFile, to: Sequence[str], *, papers: Sequence[Signed] = ()
    ) -> tuple[Plan, list[Sent]]:
        """Plan, seal, sign, journal and submit; raises `NotPermitted` where no recipient may get anything, or where a
        consent that the file relies on lacks the countersignature that is due.

        A message that needs a second contact's act is kept in the journal as held: see `release`, `review` and
        `break_glass`. One that the guard refuses comes back with the state "refused" and the guard's sentence; one for
        which it does not answer waits for it in the journal ("waiting") and goes with a later `flush`; the others go
        all the same. `papers` are of our own: a decision on an offer, or a permission, that goes beside the message.
        """
        self.home.trust.check_sendable(self.home.bundle, clock())
        asked, case = case, self.resolved(case)
        plan = self.plan(case, to)
        for message in plan.messages:
            for held in message.consents:
                self.shelf.keep(held, clock())
        if plan.uncountersigned:
            for held in plan.uncountersigned:
                self.shelf.keep(held, clock())
            raise NotPermitted(self._countersignature_due(plan.uncountersigned))
        if not plan.messages:
            raise NotPermitted(self.sentence(plan.refused[0].rules))
        for message in plan.messages:
            self._check_moves(message)
        sent: list[Sent] = []
        for message in plan.messages:
            try:
                envelope, keys = await self._compose(message, papers)
            except GuardRefused as refusal:
                sent.append(
                    Sent(message=message.header.id, plan=message, submission=b"", state="refused", says=str(refusal))
                )
                continue
            except GuardUnreachable as trouble:
                sent.append(self._wait_for_guard(asked, message, papers, str(trouble)))
                continue
            sent.append(await self._hand_over(case, message, envelope, keys))
        return plan, sent

    async def _hand_over(
        self,
        case: CaseFile,
        message: MessagePlan,
        envelope: Envelope,
        keys: dict[str, bytes],
        waited: bytes | None = None,
    ) -> Sent:
        """Hold a sealed message for a second contact, or submit it."""
        await self._seal_files(case, message)  # before the message is journaled: what is journaled can go
        needs = message.needs()
        if needs:
            read = keys if "review" in needs else {}
            self.shelf.hold(Waiting(message=message.header.id, needs=needs, keys=read))
        self._keep_offer(case, message)
        return await self.submit(envelope, message, held=bool(needs), waited=waited)

    async def _seal_files(self, case: CaseFile, message: MessagePlan) -> None:
        """Seal the evidence files of a message: all of them, or none where one cannot be."""
        names, sealed = {s.name for s in message.sections}, list[Exhibit]()
        exhibits = [exhibit for exhibit in case.exhibits if exhibit.section in names]
        for exhibit in exhibits:
            self.spool.check_new(exhibit)
        try:
            for exhibit in exhibits:
                await carrier.seal(self.home.folder, exhibit, message.header.id, self.progress)
                self.spool.note(exhibit, message.header.id, message.header.expires)
                sealed.append(exhibit)
        except ShareError:
            for exhibit in sealed:  # no message will name it, and it may be what the disk has no room for
                self.spool.done(exhibit.object)
            raise

    def _wait_for_guard(self, case: CaseFile, message: MessagePlan, papers: Sequence[Signed], says: str) -> Sent:
        """Keep, sealed for ourselves, what the guard could not seal now."""
        to = [self.home.bundle.directory.address(r.contact) for r in message.recipients]
        sealed = atrest.seal(self.home.register_key, message.header.id, unsealed.write(unsealed.of(case, to, papers)))
        self.journal.keep_unsealed(message.header.id, self.keys.contact.handle, sealed, clock())
        log.warning("guard-unreachable", message=message_text(message.header.id))
        return Sent(message=message.header.id, plan=message, submission=b"", state="waiting", says=says)

    async def _resume(self) -> int:
        """Send what waited for the guard, as long as it answers; how many went. What may not go any more is told."""
        done = 0
        for kept in self.journal.unsealed(self.keys.contact.handle):
            if kept.reason is not None:
                continue
            try:
                waits = unsealed.read(atrest.open_(self.home.register_key, kept.message, kept.sealed))
                if clock() > waits.until(kept.created):
                    raise NotPermitted("It waited for the release guard for too long; look at it again, then send it.")
                case = self.resolved(waits.case)
                plan = self.plan(case, waits.to)
                if not plan.messages:
                    raise NotPermitted(self.sentence(plan.refused[0].rules))
                ready = [(m, *await self._compose(m, waits.papers)) for m in plan.messages]  # or none goes yet
                for number, (message, envelope, keys) in enumerate(ready, 1):
                    last = number == len(ready) and not plan.refused
                    await self._hand_over(case, message, envelope, keys, kept.message if last else None)
                    done += 1
                if plan.refused:  # since it was asked for: the others have it
                    raise NotPermitted(f"Not everybody may have it any more: {self.sentence(plan.refused[0].rules)}")
            except GuardUnreachable:
                return done
            except ShareError as error:
                log.error("not-sent", message=message_text(kept.message), code=error.code)
                self.journal.unsendable(kept.message, str(error))
        return done

    def _check_moves(self, message: MessagePlan) -> None:
        """Raise `BadInput` where a workflow cannot take this step, before anything of it is sent."""
        for agency in {r.agency.handle for r in message.recipients}:
            thread = self._thread(message, agency)
            threads.check_move(self.journal, self._catalogue, agency, thread, message.event, clock())

    def _thread(self, message: MessagePlan, agency: AgencyHandle) -> bytes:
        """The thread's reference towards an agency: the one that it gave us, or a new one of ours."""
        return message.thread or reference(self.home.register_key, agency, message_text(message.header.id))

    def _steps(self, message: MessagePlan) -> list[ThreadStep]:
        """What is about to go as a step of its threads."""
        return [
            ThreadStep(
                message=message.header.id,
                agency=agency,
                outgoing=True,
                contact=self.keys.contact.handle,
                thread=self._thread(message, agency),
                kind=message.header.kind.value,
                event=message.event,
                urgency=message.header.urgency.value,
                at=clock(),
                view=None,
            )
            for agency in {r.agency.handle for r in message.recipients}
        ]

    def _keep_offer(self, case: CaseFile, message: MessagePlan) -> None:
        """Keep the case of an offer, sealed for ourselves, until it is accepted: its sealed part follows only then."""
        if message.event == BEGIN and case.kind is Kind.VICTIM_REFERRAL and case.accepts is None:
            sealed = atrest.seal(self.home.register_key, message.header.id, write_case(case))
            self.journal.keep_sealed(message.header.id, sealed, clock() + ACCEPTED_WITHIN)

    def _countersignature_due(self, consents: Sequence[Held]) -> str:
        """What to do about consents that would let more pass if they were countersigned."""
        first = consents[0].consent.id.hex()[:12]
        many = f"{len(consents)} consents lack" if len(consents) > 1 else f"The consent {first} lacks"
        return (
            f"{many} a second contact's countersignature, without which they count for nothing towards this recipient "
            f"[R-07]. Have it read and countersigned, then send again: safeconduct consent countersign {first} --as "
            "SECOND. Or take it out of the case file, and what rests on it is withheld."
        )

    def sentence(self, rules: Sequence[str]) -> str:
        """The rules' own words."""
        return " ".join(f"{says(rule)} [{rule}]" for rule in rules)

    async def compose(self, message: MessagePlan, *, papers: Sequence[Signed] = ()) -> Envelope:
        """Seal every section, have every grant sealed, sign the manifest; nothing is sent yet."""
        return (await self._compose(message, papers))[0]

    async def _compose(self, message: MessagePlan, papers: Sequence[Signed] = ()) -> tuple[Envelope, dict[str, bytes]]:
        """The envelope, and the keys of the sections that are granted to anybody: for a reviewer."""
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
            thread = self._thread(message, recipient.agency.handle)
            if message.guarded:
                request = GuardRequest(
                    message=header.id,
                    kind=header.kind,
                    sender=header.sender,
                    recipient=recipient.contact.handle,
                    public=statement,
                    sections=tuple(
                        GuardSection(detail=s.detail, sealed=s.sealed, key=s.key, granted=name in recipient.granted)
                        for name, s in sealed.items()
                    ),
                    known=known_bytes(message.known),
                    consents=tuple(map(for_guard, message.consents)),
                    names=(recipient.agency.name, recipient.agency.handle, recipient.agency.party_class.value),
                )
                grant, attestation = await GuardClient(socket_of(self.home.folder)).attest(request)
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
            attestations += self._signed_consents(consent)
        signed = threads.held(self.journal, self.home.bundle.directory, clock()).signed
        attestations += [signed[p.to_bytes()] for p in message.permissions]
        attestations += [signed[a.to_bytes()] for a in message.acceptances]
        attestations += papers
        envelope = composing.sign_envelope(self.keys.signer, header, list(sealed.values()), grants, attestations)
        granted = {name for recipient in message.recipients for name in recipient.granted}
        return envelope, {name: sealed[name].key.raw for name in granted}

    def _encryption_key(self, contact: Contact, moment: int) -> bytes:
        """The newest stated key, checked, and never an older one than we have seen."""
        statement = statements.usable(contact, moment)
        if self.journal.key_number(contact.handle, statement.number) > statement.number:
            raise Unverified("The trust bundle offers an older encryption key of the recipient than one seen before.")
        return statement.key

    async def submit(
        self, envelope: Envelope, plan: MessagePlan, *, held: bool = False, waited: bytes | None = None
    ) -> Sent:
        """Journal, then hand in and wait for the evidence; a held message is journaled only."""
        data = envelope.to_bytes()
        submission = sha256(data).digest()
        message = envelope.manifest.id
        state = HELD if held else QUEUED
        self.journal.save(
            submission,
            message,
            self.keys.contact.handle,
            data,
            clock(),
            state=state,
            steps=self._steps(plan),
            waited=waited,
        )
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

    async def hand_in(
        self, data: bytes, *, tries: int = TRIES, kind: Submitted = "message"
    ) -> tuple[Evidence, bool] | None:
        """Submit these bytes until a worker's signed evidence about them comes; None where none came in time. A message
        goes once its evidence files are at the broker; raises `NotPermitted` where that refuses one.
        """
        if self._port is None or (kind == "message" and not await self._files_sent(data)):
            return None
        if kind == "message" and wire.decode(data).manifest.urgency.lane is Lane.URGENT:
            kind = "urgent"
        submission = sha256(data).digest()
        future = self._waiting.setdefault(submission, asyncio.get_running_loop().create_future())
        try:
            for attempt in range(tries):
                try:
                    await self._pacing.turn(kind, data)
                    await self._port.submit(kind, data)
                    return await asyncio.wait_for(asyncio.shield(future), ANSWER_SECONDS)
                except TimeoutError:
                    log.info("no-answer-yet", attempt=attempt)
                except DependencyError as error:
                    log.info("bus-trouble", attempt=attempt, code=error.code)
                    self._pacing.turned_away(kind)
                    try:
                        return await asyncio.wait_for(asyncio.shield(future), min(0.2 * 2**attempt, 3.0))
                    except TimeoutError:
                        continue
            return None
        finally:
            self._waiting.pop(submission, None)

    async def _files_sent(self, data: bytes) -> bool:
        """Whether all evidence files of a message are at the broker, once they were sent as far as it goes now."""
        if self._spool is None and not Spool.begun(self.home.folder):
            return True
        for file in self.spool.outgoing(wire.decode(data).manifest.id):
            try:
                await carrier.send(self.home.folder, file, self._way(), self.progress)
            except DependencyError as error:
                log.info("file-not-sent", code=error.code)
                return False
        return True

    async def fetch_file(self, view: str, section: str, target: Path) -> None:
        """Fetch the evidence file that an opened message names in this section, into `target`.

        What has arrived stays, so a second call goes on. Raises `BadInput` where there is none or `target` exists,
        `NotPermitted` where the broker hands it out no more, `Unverified` where it is not what was signed.
        """
        incoming, opened = self._incoming(view), self.opened(view)
        file, stored = opened.files.get(section), evidencefile.object_of(section)
        if file is None or stored is None:
            raise BadInput("The message names no evidence file in that section; see: safeconduct inbox open")
        self.spool.check_target(target)
        if self.spool.arrived(stored[0]) < stored[1]:
            delivery = Delivery.from_bytes(incoming.delivery)
            of = (stored[0], delivery, opened.manifest.id, self.keys.signer, clock, self.ask)
            opening = partial(carrying.ticket, *of)
            await carrier.fetch(self.home.folder, stored, self._way(), opening, self.progress)
        await carrier.open_into(self.home.folder, target, stored[0], file, opened.manifest.id, self.progress)

    def _way(self) -> Way:
        """How evidence files get to the bus: as we do. Raises `DependencyError` where we do not."""
        home, contact = self.home, self.keys.contact
        if self._port is None or home.url is None:
            raise DependencyError("There is no connection to the bus; connect first.")
        return Way(
            url=home.url,
            seed=self.keys.nkey_seed,
            agency=home.agency.handle,
            contact=contact.handle,
            tls=home.tls_folder,
        )

    async def release(self, message: MessageId, releaser: ContactKeys) -> Sent | None:
        """Release a held message as a second contact whose mandate names that duty, then hand it in."""
        held, envelope, needed = self._held(message, "release")
        seconding.check_second("release", envelope, releaser, clock())
        return await self._seconded(held, "release", seconding.release(envelope, releaser, needed, clock()))

    def readings(self, message: MessageId, reviewer: ContactKeys) -> list[Reading]:
        """What each recipient of a message held for a review would get, for the reviewer's eyes alone."""
        _, envelope, needed = self._held(message, "review")
        seconding.check_second("review", envelope, reviewer, clock())
        waiting = self.shelf.waiting(message)
        return seconding.readings(envelope, self.home.bundle.directory, waiting.keys if waiting else {}, needed)

    async def review(self, message: MessageId, reviewer: ContactKeys) -> Sent | None:
        """Sign, as a second contact whose mandate names that duty, that what `readings` showed was read."""
        held, envelope, _ = self._held(message, "review")
        papers = seconding.review(envelope, reviewer, self.readings(message, reviewer), clock())
        return await self._seconded(held, "review", papers)

    async def break_glass(self, message: MessageId, second: ContactKeys, ground: Ground) -> Sent | None:
        """Let a message go in a vital interest, as a second contact whose mandate names that duty; officers review it
        afterwards.
        """
        held, envelope, needed = self._held(message, "break-glass")
        seconding.check_second("break-glass", envelope, second, clock())
        return await self._seconded(
            held, "break-glass", seconding.break_glass(envelope, second, needed, ground, clock())
        )

    def _held(self, message: MessageId, act: str) -> tuple[Outgoing, Envelope, list[str]]:
        """A held message, and for which recipients it needs this act; raises `BadInput` where it needs no such."""
        held = next((o for o in self.journal.outgoing(HELD) if o.message == message), None)
        waiting = self.shelf.waiting(message)
        if held is None or act not in (waiting.needs if waiting is not None else ("release",)):
            raise BadInput(f"No message of that id waits for a {act}; see: safeconduct outbox")
        envelope = wire.decode(held.data)
        return held, envelope, waiting.needs[act] if waiting is not None else list(envelope.grants)

    async def _seconded(self, held: Outgoing, act: str, papers: Sequence[Signed]) -> Sent | None:
        """Attach what a second contact signed; hand the message in, or go on holding it for the next act."""
        self.home.trust.check_sendable(self.home.bundle, clock())
        envelope = composing.attach(wire.decode(held.data), papers)
        message, data = envelope.manifest.id, envelope.to_bytes()
        submission = sha256(data).digest()
        plan = MessagePlan(header=envelope.manifest, guarded=False, sections=(), recipients=(), known=())
        waiting = self.shelf.waiting(message)
        needs = {what: whom for what, whom in waiting.needs.items() if what != act} if waiting else {}
        if waiting is not None and needs:
            self.journal.replace_held(held.submission, submission, data, state=HELD)
            self.shelf.hold(replace(waiting, needs=needs, keys=waiting.keys if "review" in needs else {}))
            return Sent(message=message, plan=plan, submission=submission, state=HELD, bytes=len(data))
        self.journal.replace_held(held.submission, submission, data)
        self.shelf.released([message])
        answer = await self.hand_in(data)
        if answer is None:
            return None
        evidence, repeated = answer
        return Sent(
            message=message,
            plan=plan,
            submission=submission,
            state=ACCEPTED if evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE else "rejected",
            evidence=evidence,
            repeated=repeated,
            bytes=len(data),
        )

    # answers

    def reply(self, view: str, value: Mapping[str, Any]) -> tuple[CaseFile, str]:
        """A reply as a case, and the address it goes to: whoever sent the message that it answers."""
        source = self.source(view)
        return read_case(answering.reply(source, value, self._catalogue), "the reply"), source.address

    def forward(
        self, view: str, *, purpose: Purpose | None = None, kind: Kind | None = None
    ) -> tuple[CaseFile, tuple[str, ...]]:
        """What we hold of a message as a case to be passed on, and the types of which we hold too little for that."""
        source = self.source(view)
        value, lacking = answering.forward(source, self.opened(view), self._catalogue, purpose=purpose, kind=kind)
        return read_case(value, "the message"), lacking

    async def decide(self, view: str, *, accepted: bool, reason: str | None = None) -> tuple[Plan, list[Sent]]:
        """Accept or decline a referral that was offered to us: the decision, and our signed word beside it (R-27)."""
        source, opened = self.source(view), self.opened(view)
        case = read_case(answering.decision(source, opened, accepted=accepted, reason=reason), "the decision")
        acceptance = Acceptance(
            message=source.message,
            manifest=opened.manifest_digest,
            referrer=source.agency,
            recipient=self.keys.contact.handle,
            accepted=accepted,
            at=clock(),
        )
        signed = self.keys.signer.sign(Tag.ACCEPTANCE, acceptance.to_bytes())
        return await self.send(case, [source.address], papers=[signed])

    async def complete(self, offer: MessageId, consents: Sequence[str] = ()) -> tuple[Plan, list[Sent]]:
        """Send the sealed part of an accepted referral to the provider that accepted it, and to nobody else.

        `consents`: ids of those it rests on, besides those that the offer named. Raises `BadInput` where no acceptance
        is here, or what was kept for it is gone.
        """
        case, to = self.completing(offer, consents)
        planned = self.plan(case, [to])
        if planned.uncountersigned:
            raise NotPermitted(self._countersignature_due(planned.uncountersigned))
        granted = [m.section(n) for m in planned.messages for r in m.recipients for n in r.granted]
        types = self._catalogue.types
        if not any(d.type != COVER and types[d.type].purposes[d.part] == SEALED for d in granted):
            raise NotPermitted(
                "The rules let nothing of the sealed part go to this provider; --plan names the rules, and a consent "
                "that covers it may change that: --consent."
            )
        plan, sent = await self.send(case, [to])
        if any(s.state == ACCEPTED for s in sent):
            self.journal.forget_sealed(clock(), offer)
        return plan, sent

    async def follow(self, received: Received) -> list[Sent]:
        """What a service does by itself after a message: it completes a referral of ours that was accepted.

        For contacts that may sign alone; nobody else's key is at hand. Raises nothing: what fails is in the log, and a
        person can do it.
        """
        opened = received.opened
        if self.keys.contact.keeping is not Keeping.SERVICE or opened is None:
            return []
        sent: list[Sent] = []
        for signed in opened.papers:
            if signed.tag != Tag.ACCEPTANCE.value:
                continue
            acceptance = Acceptance.from_bytes(signed.body)
            if acceptance.accepted and acceptance.referrer == self.home.agency.handle:
                try:
                    sent += (await self.complete(acceptance.message))[1]
                except ShareError as error:
                    log.error("referral-not-completed", message=message_text(acceptance.message), code=error.code)
        return sent

    def completing(self, offer: MessageId, consents: Sequence[str] = ()) -> tuple[CaseFile, str]:
        """The offer's case as the message that completes it, resting on these consents too, and who accepted."""
        held = threads.held(self.journal, self.home.bundle.directory, clock()).papers
        accepted = next((a for a, _ in held.acceptances if a.message == offer and a.accepted), None)
        if accepted is None:
            raise BadInput("No provider has accepted this referral, so its sealed part stays closed.")
        contact = self.home.bundle.directory.contact(accepted.recipient)
        sealed = self.journal.sealed(offer, clock())
        if sealed is None or contact is None:
            raise BadInput(
                "What was kept for this referral is not here any more: it was completed, or its time is over."
            )
        data = atrest.open_(self.home.register_key, offer, sealed)
        case = read_case(parse_json(data, max_bytes=MAX_FILE), "the referral")
        steps = self.journal.steps(contact.agency)
        thread = next((s.thread for s in steps if s.message == offer and s.outgoing), None)
        decided = next((s for s in steps if s.thread == thread and s.event == "accept" and not s.outgoing), None)
        if decided is None or decided.view is None:
            raise BadInput("The provider's decision is not in this inbox; open it first: safeconduct inbox list")
        view = decided.view
        rests_on = tuple(dict.fromkeys((*case.consents, *consents)))
        completed = replace(case, draws_on=(view,), sources=(self.source(view),), accepts=offer, consents=rests_on)
        return completed, self.home.bundle.directory.address(contact)

    async def ask_permission(
        self, view: str, agency: str, *, purposes: Sequence[Purpose], lifts: Sequence[Lift], reason: str
    ) -> tuple[Plan, list[Sent]]:
        """Ask the originator of a message whether it may be passed on to an agency (H2, ORCON, third-party rule)."""
        found = next((a for a in self.home.bundle.directory.agencies if agency in (a.name, a.handle)), None)
        if found is None:
            raise BadInput(f"There is no agency {agency!r} in our trust bundle; see: safeconduct contacts")
        source = self.source(view)
        value = answering.permission_asked(
            source, recipient=(found.title, found.handle), purposes=purposes, lifts=lifts, reason=reason
        )
        return await self.send(read_case(value, "the request"), [source.address])

    async def grant_permission(
        self,
        view: str,
        *,
        until: int,
        by: ContactKeys,
        purposes: Sequence[Purpose] = (),
        lifts: Sequence[Lift] = (),
        conditions: str = "",
        recipient: str | None = None,
    ) -> tuple[Plan, list[Sent]]:
        """Grant what was asked (or less), signed by a contact of ours whose mandate names the duty `release`."""
        source, opened = self.source(view), self.opened(view)
        asked = threads.cover_of(opened)
        answer: dict[str, Any] = {
            "permission": "granted",
            "recipient_handle": asked.get("recipient_handle"),
            "use": [p.value for p in purposes] or asked.get("use"),
            "lifts": [lift.value for lift in lifts] or asked.get("lifts"),
        }
        case = read_case(
            answering.permission_answered(source, opened, answer | ({"conditions": conditions} if conditions else {})),
            "the answer",
        )
        now = clock()
        mandate = by.contact.mandate_at(now)
        if by.contact.agency != self.home.agency.handle or mandate is None or Duty.RELEASE not in mandate.duties:
            raise NotPermitted("Only a contact of ours whose mandate names the duty `release` can permit it; see --by.")
        permission = Permission(
            message=self._own_message(source.agency, str(asked["original_message"])),
            originator=by.contact.handle,
            grantee=source.agency,
            recipient=agency_handle(case.cover["recipient_handle"]),
            purposes=tuple(sorted(Purpose(p) for p in case.cover["use"])),
            lifts=tuple(sorted(Lift(lift) for lift in case.cover["lifts"])),
            at=now,
            expires=until,
        )
        if not (set(permission.purposes) <= set(asked["use"]) and set(permission.lifts) <= set(asked["lifts"])):
            raise BadInput("More cannot be granted than was asked for; they can ask again.")
        named = self.home.bundle.directory.agency(permission.recipient)
        if recipient not in (None, permission.recipient, named.name if named is not None else None):
            raise BadInput("They asked for another agency than the one that --to-agency names.")
        if until <= now:
            raise BadInput("A permission ends after now; give another --until.")
        signed = by.signer.sign(Tag.PERMISSION, permission.to_bytes())
        return await self.send(case, [source.address], papers=[signed])

    async def refuse_permission(self, view: str, *, code: str, reason: str = "") -> tuple[Plan, list[Sent]]:
        """Refuse what was asked, on a listed ground."""
        source = self.source(view)
        answer = {"permission": "refused", "refusal_code": code} | ({"reason": reason} if reason else {})
        value = answering.permission_answered(source, self.opened(view), answer)
        return await self.send(read_case(value, "the answer"), [source.address])

    def _own_message(self, agency: AgencyHandle, text: str) -> MessageId:
        """A message that we sent this agency as our own; raises `NotPermitted` where it is not ours to permit."""
        identifier = message_from_text(text)
        known = any(s.message == identifier and s.outgoing for s in self.journal.steps(agency))
        sent = self.journal.sent(identifier) if known else None
        if sent is None:
            raise NotPermitted("The message that it is about is none that we sent them, so it is not ours to permit.")
        if wire.decode(sent.data).manifest.lineage.passed_on:
            raise NotPermitted("The message that it is about draws on somebody else's content: they have to permit it.")
        return identifier

    def standing(self) -> list[Standing]:
        """How every request, referral, transfer and permission of ours stands, and what is due when."""
        return threads.all_standing(self.journal, self._catalogue, clock())

    async def keep_keys(self) -> None:
        """State the next encryption key when it is due, destroy those that nothing needs, and hand in what was said of
        them; every hour, until cancelled.
        """
        while True:
            try:
                await self.tend_keys()
            except DependencyError as error:
                log.info("bus-trouble", code=error.code)
            except ShareError as error:
                log.error("keys-not-tended", code=error.code, says=str(error))
            except OSError as error:
                log.error("keys-not-tended", code="system", says=error.strerror)
            await asyncio.sleep(HOUR / 1000)

    async def tend_keys(
        self, *, renew: bool = False, counter: ContactKeys | None = None
    ) -> tuple[int | None, tuple[int, ...]]:
        """What `keep_keys` does once: the number of the key that was stated (with `renew`, whether due or not, then
        countersigned by `counter`), and the numbers of those that were destroyed.
        """
        if self._port is None:
            raise DependencyError("There is no connection to the bus; connect first.")
        async with self._tending:
            return await self._tend_keys(self._port, renew, counter)

    async def _tend_keys(
        self, port: AgencyPort, renew: bool, counter: ContactKeys | None
    ) -> tuple[int | None, tuple[int, ...]]:
        keyring.take_up(self.home, self.keys, self.journal)
        stored, stated = self.home.stored_keys(self.keys), None
        if self.keys.contact.mandate_at(clock()) is None:
            if renew:
                raise NotPermitted("This contact has no mandate in force, so it states no encryption key.")
        elif renew or keyring.due(self.keys.contact, stored, clock()):
            stated = keyring.state_next(self.home, self.keys, self.journal, clock(), renew=renew, counter=counter)
            stored = self.home.stored_keys(self.keys)
        self._hold(stored)  # before anybody can seal to them, whatever breaks off below
        await self._hand_in_words(port)
        told = cbor.load(await port.ask("time", b""), 16, "time")
        if type(told) is not int:
            raise Unverified("The broker does not tell its time.")
        destroyed = keyring.destroy_old(self.home, self.keys, self.journal, min(told, clock()))
        if destroyed:
            self._hold(self.home.stored_keys(self.keys))
            await self._hand_in_words(port)
        return stated, destroyed

    def _hold(self, stored: Sequence[StoredKey]) -> None:
        """Open with these private keys from now on."""
        self.keys = replace(self.keys, decryption=tuple(k.key for k in stored))

    async def _hand_in_words(self, port: AgencyPort) -> None:
        """Words of this contact alone: those of others are their own adapters' matter."""
        for data in self.journal.unsaid():
            if keyring.speaker(data) == self.keys.contact.handle:
                await port.submit("statement", data)

    async def flush(self) -> int:
        """Hand in everything that is queued, and every retrieval that was not taken yet; how many messages went.

        Under a trust bundle that does not hold, messages stay queued: only what was opened is reported.
        """
        await self._send_retrievals()
        await self._say_of_consents()
        queued, done = self.journal.outgoing(QUEUED), 0
        try:
            self.home.trust.check_sendable(self.home.bundle, clock())
        except Stale as error:
            if queued:
                log.warning("not-sent", waiting=len(queued), says=str(error))
            return 0
        for outgoing in queued:
            try:
                done += await self.hand_in(outgoing.data) is not None
            except NotPermitted as refusal:  # an evidence file, for which the broker has no room yet
                log.error("not-sent", message=message_text(MessageId(outgoing.message)), says=str(refusal))
        return done + await self._resume()

    async def listen(self) -> None:
        """Take workers' answers, until cancelled. Only an evidence that a worker of the bundle signed counts."""
        if self._port is None:
            return
        async for data in self._port.answers():
            if is_step(data):
                self._heard_step(data)
                continue
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
            await self._heard(evidence)
            refused = evidence.type is EvidenceType.SUBMISSION_REJECTION
            self.shelf.answered(evidence.submission, evidence.code if refused else None)
            self.journal.promised(
                (leaf, evidence.include_by) for leaf in (evidence.leaf, *(o.leaf for o in evidence.outcomes))
            )
            self._saw_epoch(evidence.epoch)
            future = self._waiting.get(evidence.submission)
            if future is not None and not future.done():
                future.set_result((evidence, answer.repeated))

    def _heard_step(self, data: bytes) -> bool:
        """Keep a step of a message of ours; whether it is new. What does not hold is counted, and not kept."""
        try:
            step = Step.from_bytes(data)
            proof = evidences.check(step, self.home.bundle.directory)
            outgoing = self.journal.sent(proof.message)
            evidences.ours(proof, outgoing.data if outgoing is not None else None)
        except RemoteError as error:
            if self._port is not None:
                self._port.report_foreign(error.code)
            log.warning("foreign-step", code=error.code)
            return False
        if proof.head is not None:  # before the step is kept: what is known already is not looked at again
            self.journal.heard_head(proof.recipient, *proof.head, clock())
        new = self.journal.told(proof.message, proof.promised, step.to_bytes(), proof.include_by)
        if new:
            ids = {"message": message_text(proof.message), "recipient": proof.recipient}
            if proof.type in (EvidenceType.NON_DELIVERY, EvidenceType.NON_RETRIEVAL, EvidenceType.REJECTION):
                log.error("alarm", what=proof.type.value, code=proof.code, **ids)
            else:
                log.info("step", what=proof.type.value, **ids)
        return new

    async def ask_steps(self, message: MessageId) -> int:
        """Ask for the steps of a message of ours that we may have missed; how many were new. Raises `DependencyError`
        where nobody answers.
        """
        value = cbor.load(await self.ask("timeline", message), ENVELOPE_BYTES, "timeline")
        reader = cbor.Reader(value, "timeline")
        steps = reader.items("steps", STEPS)
        reader.end()
        return sum(type(step) is bytes and self._heard_step(step) for step in steps)

    def timeline(self, message: MessageId) -> Timeline:
        """Every step of a message of ours as far as it is told, and what is missing; raises `BadInput` for no message
        of ours.
        """
        outgoing = self.journal.sent(message)
        if outgoing is None:
            raise BadInput("No message of that id was written here; see: safeconduct outbox")
        return self._timeline(outgoing)

    def _timeline(self, outgoing: Outgoing) -> Timeline:
        directory, accepted = self.home.bundle.directory, None
        if outgoing.evidence is not None:
            signed = Signed.from_bytes(outgoing.evidence)
            accepted = (Evidence.from_bytes(signed.body), signed.by)
        proofs = []
        for raw in self.journal.steps_told(outgoing.message):
            with suppress(RemoteError):  # by a worker that the trust bundle no longer names
                proofs.append(evidences.check(Step.from_bytes(raw), directory))
        leaves = [proof.promised for proof in proofs] + ([accepted[0].leaf] if accepted else [])
        manifest = wire.decode(outgoing.data).manifest
        return timeline(manifest, outgoing.created, accepted, proofs, self.journal.proved(leaves), self._catalogue)

    def open_timelines(self) -> list[Timeline]:
        """Those of this contact's messages of which some evidence is missing, oldest first."""
        found = []
        for message in self.journal.accepted_since(clock() - LIFETIME, self.keys.contact.handle):
            made = self.timeline(message)
            if made.missing or any(line.missing for line in made.lines):
                found.append(made)
        return found

    async def _heard(self, evidence: Evidence) -> None:
        """What follows from an answer about a word on an encryption key: of a refused one the private half goes.

        The word counts as answered only then, so that a crash before is made good when it is answered again. Another
        contact's word is left to that contact's own adapter, which hands it in again and hears the same.
        """
        word = self.journal.unanswered(evidence.submission)
        if word is None or keyring.speaker(word) != self.keys.contact.handle:
            return
        if evidence.type is not EvidenceType.SUBMISSION_ACCEPTANCE:
            code = evidence.code or ""
            number = keyring.stated_number(word)
            if number is None and code == Replayed.code:
                log.info("keys-destroyed", told="before")  # in other bytes: the log knows
            else:
                log.error("alarm", what="key-word-refused", code=code)
            if number is not None:
                try:
                    await asyncio.to_thread(keyring.drop_refused, self.home, self.keys, word)
                except (ShareError, OSError) as error:
                    log.error("keys-not-tended", code=getattr(error, "code", "system"))
                    return
                self.refused_keys[number] = code
        self.journal.said(evidence.submission)

    # receiving

    async def collect(self, seconds: float) -> int:
        """Journal whatever waits for this contact, for at most `seconds`; how many views were new."""
        self.take_notices()
        self.delete_due()
        if self._port is None:
            return 0
        new = 0
        stream = self._port.deliveries(self.keys.contact.handle)
        try:
            async with asyncio.timeout(seconds):
                async for delivery in stream:
                    new += self._journaled(delivery)
                    await delivery.ack()
                    await self._say_of_consents()
        except TimeoutError:
            pass
        finally:
            await _close(stream)
        return new

    async def deliveries(self) -> AsyncIterator[Received]:
        """Views as they come: journaled, acknowledged, checked, and each handed out once."""
        if self._port is None:
            raise DependencyError("There is no connection to the bus; connect first.")
        self.take_notices()
        for incoming in self.journal.incoming(self.keys.contact.handle):
            if incoming.state == NEW:
                yield await self.open(ViewId(incoming.view))
        stream = self._port.deliveries(self.keys.contact.handle)
        coming = asyncio.ensure_future(anext(stream))
        try:
            while True:
                renewed = asyncio.ensure_future(self._renewed.wait())
                await asyncio.wait({coming, renewed}, return_when=asyncio.FIRST_COMPLETED)
                renewed.cancel()
                if self._renewed.is_set():  # what waited for this trust bundle opens now
                    self._renewed.clear()
                    self.take_notices()
                    for incoming in self.journal.incoming(self.keys.contact.handle):
                        if incoming.state == NEW:
                            yield await self.open(ViewId(incoming.view))
                if not coming.done():
                    continue
                delivery = coming.result()
                fresh_one = self._journaled(delivery)
                await delivery.ack()
                await self._say_of_consents()
                if fresh_one:
                    yield await self.open(delivery.view_id)
                coming = asyncio.ensure_future(anext(stream))
        except StopAsyncIteration:
            return
        finally:
            coming.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration, ShareError):
                await coming
            await _close(stream)

    def _journaled(self, delivery: Waits) -> bool:
        """Keep what was handed out to us, before it is acknowledged; whether it is a view that people should see."""
        own, now = self.keys.contact.handle, clock()
        match claimed(delivery.data):
            case "notice":
                if self.shelf.noticed(delivery.view_id, own, delivery.data, now):
                    self.take_notices(again=False)
                return False
            case "leak":
                self._heard_of_leak(delivery.view_id, delivery.data)
                return False
            case "recall":
                self._heard_of_recall(delivery.data)
                return False
            case "unread":
                self._heard_of_unread(delivery.view_id, delivery.data)
                return False
            case None:
                pass
        if self._taken_back_before(delivery.view_id, own, delivery.data, now):
            return False
        about = self.shelf.about(delivery.view_id)
        if about is not None and self.journal.exactly(delivery.view_id) is None and about.state != ALARM:
            self.journal.never(delivery.view_id, own, now, erasure.WITHDRAWN)  # withdrawn while it was on its way
            return False
        return self.journal.received(delivery.view_id, own, delivery.data, now)

    def _heard_of_leak(self, identifier: ViewId, data: bytes) -> None:
        """Keep what a recipient says of a message of ours; what does not hold is an alarm, and nothing is kept."""
        try:
            leak = quarantine.heard(data, self.keys.contact.handle, self.home.bundle, self.journal)
        except RemoteError as error:
            log.error("alarm", what="leak-report-not-verified", code=error.code, says=str(error))
            return
        if self.journal.told_leak(identifier, leak) and leak.ground is None:
            log.error("alarm", what="leak-suspected", message=message_text(leak.message), places=len(leak.places))

    def _heard_of_recall(self, data: bytes) -> None:
        """Take a message out of people's hands because its sender says so, and confirm it. What does not hold is an
        alarm and changes nothing. Every step can be done again.
        """
        own, directory = self.keys.contact.handle, self.home.bundle.directory
        try:
            checked = recalls.check(data, own, directory)
            incoming = self.journal.exactly(checked.view_id)
            if incoming is None:
                self._recalled_before(checked, data)
                return
            here = incoming if incoming is not None and incoming.delivery else None
            if here is not None:
                recalls.belongs(checked, here, directory)
        except RemoteError as error:
            log.error("alarm", what="recall-not-verified", code=error.code, says=str(error))
            return
        recall = checked.recall
        for path in self.shelf.files(checked.view_id):
            erasure.wipe(path, erasure.tombstone(checked.view_id, f"{recall.standing.value} by its sender"))
        said = acknowledging.withdrawn_from_use(checked, here, checked.signer, self.keys, clock())
        if self.journal.taken_back(checked.view_id) != recalls.taken_back(recall):
            self._acknowledge(said)  # before it is noted: a crash in between says it twice, which the broker takes once
            self._note_recall(checked)

    def _note_recall(self, checked: recalls.Checked) -> None:
        recall = checked.recall
        self.journal.recalled(checked.view_id, recalls.taken_back(recall))
        ids = {"message": message_text(recall.message), "view": checked.view_id}
        log.error("alarm", what=recall.standing.value, ground=recall.ground.value, **ids)

    def _recalled_before(self, checked: recalls.Checked, data: bytes) -> None:
        """Keep a recall whose view is not here, and say so, once: nothing else follows until it is held to the view."""
        if any(data == kept for kept, _ in self.journal.early_recalls(checked.view_id)):
            return
        now = clock()
        self._acknowledge(acknowledging.withdrawn_from_use(checked, None, checked.signer, self.keys, now))
        self.journal.early_recall(checked.view_id, data, checked.agency, now)

    def _taken_back_before(self, view: ViewId, own: ContactHandle, delivery: bytes, now: int) -> bool:
        """Whether a view that arrives was taken back while it was on its way; then it is not kept. A recall that is not
        of this very view, or not by its sender's agency, is an alarm. Every step can be done again.
        """
        early = self.journal.early_recalls(view)
        if not early or self.journal.exactly(view) is not None:
            return False
        arrived = Incoming(view, own, delivery, now, NEW, None)
        for data, agency in early:
            try:
                checked = recalls.held_before(data, AgencyHandle(agency))
                recalls.belongs(checked, arrived, self.home.bundle.directory)
            except RemoteError as error:
                log.error("alarm", what="recall-not-verified", code=error.code, says=str(error))
            else:
                self._note_recall(checked)
        taken = self.journal.taken_back(view)
        if taken is not None:
            self.journal.never(view, own, now, taken.standing)
        self.journal.drop_early(view)
        return taken is not None

    async def recall(
        self, message: MessageId, ground: RecallGround, *, corrected_by: MessageId | None = None
    ) -> Evidence | None:
        """Take a message of ours back, or say which other one corrects it: whoever got it is told, and confirms. The
        worker's evidence, None where none came in time: then it is said again with the next connection.

        Raises `BadInput` where it is no message of ours that the broker took.
        """
        outgoing = self.journal.sent(message)
        if outgoing is None or outgoing.state != ACCEPTED:
            raise BadInput("No message of that id was accepted by the broker; see: safeconduct outbox")
        word = Recall(message=message, ground=ground, corrected_by=corrected_by, at=clock())
        data = self.keys.signer.sign(Tag.RECALL, word.to_bytes()).to_bytes()
        self.shelf.say(sha256(data).digest(), "recall", data)
        answer = await self.hand_in(data, kind="recall")
        return answer[0] if answer is not None else None

    async def correct(
        self, message: MessageId, case: CaseFile, ground: RecallGround
    ) -> tuple[Plan, list[Sent], Evidence | None]:
        """Send what corrects a message of ours, to everybody who got that one, and say so.

        Raises `BadInput` where it is no message of ours, or the correction would become several messages: then nothing
        is sent. Where it was not accepted at once (a second contact has to act, or nobody answered) nothing is said of
        the first message yet.
        """
        line = self.timeline(message).lines
        to = [self.home.bundle.directory.contact(li.recipient) for li in line if not li.refused]
        addresses = [self.home.bundle.directory.address(c) for c in to if c is not None]
        if not addresses:
            raise BadInput("Nobody got that message, so there is nothing to correct; send the new one.")
        if len(self.plan(case, addresses).messages) != 1:
            raise BadInput(
                "The correction would become several messages. Send it, then name the one that replaces the first: "
                "safeconduct recall --corrected-by"
            )
        plan, sent = await self.send(case, addresses)
        if [s.state for s in sent] != [ACCEPTED]:
            return plan, sent, None
        return plan, sent, await self.recall(message, ground, corrected_by=sent[0].message)

    def _heard_of_unread(self, identifier: ViewId, data: bytes) -> None:
        """Keep the word that an urgent message was not opened, and raise the alarm: once for each stage."""
        try:
            notice = unopened.check(data, self.keys.contact.handle, self.home.bundle)
        except RemoteError as error:
            log.error("alarm", what="unread-notice-not-verified", code=error.code, says=str(error))
            return
        self._saw_epoch(notice.epoch)
        kept = Unread(
            notice.to, notice.stage.value, notice.message, notice.view_id, notice.recipient, notice.sender, notice.due,
            notice.at,
        )  # fmt: skip
        if self.journal.told_unread(identifier, kept, clock()):
            ids = {"message": message_text(notice.message), "recipient": notice.recipient, "due": notice.due}
            log.error("alarm", what="telephone" if notice.stage is Stage.SENDER else "unopened", **ids)

    def unread(self) -> list[Unread]:
        """Urgent messages of which this contact was told that nobody opened them, whose clock still runs, and that were
        not opened since as far as we know: a view by this adapter's journal, a message that we sent by its evidence.
        What a colleague opened, only the end of the clock tells.
        """
        found = []
        for one in self.journal.unread(self.keys.contact.handle, clock()):
            outgoing = self.journal.sent(one.message) if one.stage == Stage.SENDER else None
            lines = self._timeline(outgoing).lines if outgoing is not None else ()
            if not any(line.recipient == one.recipient and not line.missing for line in lines):
                found.append(one)
        return found

    def take_notices(self, *, again: bool = True) -> None:
        """Carry out every notice that waits for it; with `again` also those that could not be verified before."""
        for stored in self.shelf.notices(self.keys.contact.handle):
            if stored.state == UNREAD or (again and stored.state == ALARM):
                with suppress(RemoteError):
                    self._saw_epoch(Notice.from_bytes(NoticeDelivery.from_bytes(stored.data).notice.body).epoch)
                try:
                    self._eraser.take(stored, self.home.bundle)
                except DependencyError as error:  # a file or the disk: nothing is confirmed, and it is tried again
                    log.error("alarm", what="not-erased", says=str(error))

    @property
    def _eraser(self) -> Eraser:
        return Eraser(self.journal, self.shelf, lambda: self.keys, clock)

    async def erase(self, view: ViewId, *, unverified: bool = False) -> None:
        """Erase a copy whose consent was withdrawn, or whose time to be kept is over, because a person says so."""
        if self.shelf.about(view) is None:
            self.retention.delete(view)
        else:
            self._eraser.erase(view, unverified=unverified)
        await self._say_of_consents()

    async def keep(self, view: ViewId, ground: KeepGround) -> None:
        """Note that the law demands to keep a copy; where its consent was withdrawn, the broker is told."""
        self._eraser.keep(view, ground)
        await self._say_of_consents()

    async def _say_of_consents(self) -> None:
        """Hand in what we say of consents until a worker has answered; what does not go now goes later."""
        if self._port is None:
            return
        now = asyncio.get_running_loop().time()
        for kind, data in self.shelf.unsaid():
            submission = sha256(data).digest()
            if kind == "alarm" and Raised.from_bytes(Signed.from_bytes(data).body).hour < clock() - limits.DAY:
                self.shelf.answered(submission, Stale.code)  # whatever lasts has been raised anew since
                continue
            if now < self._saying.get(submission, 0.0):
                continue  # said a moment ago, and not answered yet
            try:
                await self._port.submit(_SAID.get(kind, "withdrawal"), data)
                self._saying[submission] = now + 2 * ANSWER_SECONDS
            except DependencyError as error:
                log.info("bus-trouble", code=error.code)
                return

    def look(self, view: ViewId) -> Received:
        """Check and open a journaled view without leaving a trace; for lists. Never shows content to a person."""
        incoming = self._incoming(view)
        taken = self.journal.taken_back(view)
        if taken is not None and incoming.state in (NEW, ERASED):  # nobody has read it, and nobody shall
            says = recalls.warning(taken.standing, taken.ground, taken.corrected_by)
            return Received(view_id=view, received=incoming.received, opened=None, code=taken.standing, sentence=says)
        why = erasure.blocked(view, self.journal, self.shelf)
        if why is not None:
            return Received(view_id=view, received=incoming.received, opened=None, code=erasure.WITHDRAWN, sentence=why)
        try:
            opened = self._opened(incoming)
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

    def _opened(self, incoming: Incoming) -> Opened:
        """All checks of one delivery, or the `RemoteError` that says why it is kept aside.

        Where we decide otherwise than the broker did, its decision is held once more against the bundle that was in
        force when it admitted the message, if we have that one: an agreement may have been narrowed since.
        """
        keys = self.keys
        try:
            opened = self._receiver.open(incoming.delivery, keys.contact, keys.decryption)
        except NewerEpoch as newer:
            self.journal.saw_epoch(newer.epoch, clock())
            self._stale.set()
            raise
        except Disagrees:
            before = self._bundle_then(incoming.delivery)
            contact = before.directory.contact(keys.contact.handle) if before is not None else None
            if before is None or contact is None:
                raise
            opened = self._receiver_of(before).open(incoming.delivery, contact, keys.decryption)
        named = threads.cover_of(opened).get("in_reply_to")
        ours = reference(self.home.register_key, opened.sender.agency, named) if isinstance(named, str) else None
        threads.check_reply(opened, self.journal, ours)
        opened = quarantine.screened(opened, incoming.view, self.journal, self._catalogue)
        taken = self.journal.taken_back(incoming.view)
        if taken is not None:
            says = recalls.warning(taken.standing, taken.ground, taken.corrected_by)
            opened = replace(opened, warnings=(says, *opened.warnings))
        return replace(opened, warnings=(*opened.warnings, *self.home.trust.warnings(self.home.bundle, clock())))

    def _bundle_then(self, delivery: bytes) -> Bundle | None:
        """The bundle that was in force for us when the stamp was made, where it is another one than now.

        The stamp's own word for the epoch is not enough: a broker could name an old one to go by old mandates. It must
        have been the newest one published when the message was admitted, as far as we have them; and where we lack the
        one that the stamp names, no older one takes its place.
        """
        stamp = Stamp.from_bytes(Delivery.from_bytes(delivery).stamp.body)
        try:
            state, bundle = self.home.trust.copy.at(stamp.admitted)
        except ShareError:
            return None
        return bundle if state.epoch == stamp.epoch != self.home.bundle.epoch else None

    async def open(self, view: ViewId) -> Received:
        """Check, sign the retrieval, and only then hand the content over. Quarantines what does not hold."""
        received = self.look(view)
        if received.code == NewerEpoch.code and await self._caught_up():
            received = self.look(view)
        if received.code == NewerEpoch.code:
            return received  # it stays new: it opens when the bundle has been fetched
        if received.code in (erasure.WITHDRAWN, *Taken):
            return received  # no retrieval is signed for what is not shown
        if received.opened is None:
            incoming = self._incoming(view)
            if incoming.state == NEW:
                self._acknowledge(acknowledging.rejection(incoming, received.code or "", self.keys, clock()))
            self.journal.mark(view, QUARANTINED, received.code)
            log.warning("quarantined", view=view, code=received.code)
            await self._say_of_consents()
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
        threads.keep_papers(opened, self.journal, self.home.agency.handle)
        self.journal.opening(
            view,
            signed.to_bytes(),
            (opened.stamp.leaf, opened.stamp.include_by),
            threads.incoming_step(view, opened, received.received),
            self._keep_until(view, opened),
        )
        self._retrievals.set()
        if opened.manifest.checkpoint is not None:
            self.journal.heard_head(opened.sender.handle, *opened.manifest.checkpoint, clock())
        if opened.aside:
            self._keep_aside(view, opened)
            await self._say_of_consents()
        return received

    def _keep_until(self, view: ViewId, opened: Opened) -> int | None:
        """Until when the copy may be kept, by the agreement on which it was given and the days that its objects name;
        None where no agreement says so any more.
        """
        if opened.agreement not in self._agreements:
            return None
        return threads.source_of(view, opened, clock(), self._agreements, self.home.bundle.directory).delete_by

    @property
    def retention(self) -> Retention:
        """What becomes of copies whose time to be kept is over."""
        return Retention(self.journal, self.shelf, lambda: self.keys, clock)

    def delete_due(self) -> int:
        """Delete the copies whose time is over; how many went. What the disk does not let go is tried again."""
        try:
            return self.retention.enforce()
        except DependencyError as error:
            log.error("alarm", what="not-deleted", says=str(error))
            return 0

    def _keep_aside(self, view: ViewId, opened: Opened) -> None:
        """Note, once, that words are kept aside, and have it reported. Saying it comes first: noting it twice is
        nothing, and a report that a crash left out would never be made.
        """
        if self.journal.asides(view):
            return
        now = clock()
        data = quarantine.report(opened, self._incoming(view), self.keys, now)
        self.shelf.say(sha256(data).digest(), "leak", data)
        self.journal.keep_aside(Aside(view=view, places=opened.aside, at=now))
        log.warning("kept-aside", view=view, places=len(opened.aside))

    async def release_aside(self, view: ViewId, ground: LeakGround, by: ContactKeys | None = None) -> None:
        """Let people read what was kept aside of a view, because a named person says so; sender and officers are told.

        Raises `NotPermitted` where that person may not, `BadInput` where nothing is kept aside.
        """
        now, incoming = clock(), self._incoming(view)
        opened = self._opened(incoming)
        aside = quarantine.released(view, by or self.keys, self.home.agency.handle, ground, self.journal, now)
        data = quarantine.report(opened, incoming, self.keys, now, aside)
        self.shelf.say(sha256(data).digest(), "leak", data)
        self.journal.release_aside(aside)
        log.warning("released", view=view, ground=ground.value)
        await self._say_of_consents()

    async def _send_retrievals(self) -> None:
        if self._port is None:
            return
        sent: list[str] = []
        try:
            for view, signed in self.journal.unsent_retrievals():
                await self._pacing.turn("retrieval", signed)
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
        if incoming.state == ERASED:
            raise BadInput("This message is erased.")
        if incoming.state == OPENED:
            self._acknowledge(acknowledging.acceptance(incoming, self.keys, clock()))
        self.journal.mark(view, DONE)

    def _acknowledge(self, signed: bytes | None) -> None:
        """Keep a signed word on a view, to be handed in until it is answered."""
        if signed is not None:
            self.shelf.say(sha256(signed).digest(), "acknowledgement", signed)

    async def say(self) -> None:
        """Hand in what was said and not answered yet: words on views and consents, and retrievals."""
        await self._send_retrievals()
        await self._say_of_consents()

    def _incoming(self, view: str) -> Incoming:
        found = self.journal.arrived(self.keys.contact.handle, view)
        if len(found) != 1:
            raise BadInput(f"There is no one message {view!r} in this inbox; see: safeconduct inbox list")
        return found[0]

    def find_view(self, text: str) -> ViewId:
        """The full id of the view that begins with `text`, or of the one that brought the message of this id."""
        if len(text) == 36:
            identifier = message_from_text(text)
            brought = [s.view for s in self.journal.steps() if s.message == identifier and s.view is not None]
            text = brought[0] if brought else text
        return ViewId(self._incoming(text).view)

    async def packet(self, text: str) -> packets.Exported:
        """The message of this id (sent or received), or the view that begins so, with all that proves it, as a file."""
        sent = self.journal.sent(message_from_text(text)) if len(text) == 36 else None
        if sent is not None:
            bare, _ = packets.of_sent(sent)
        else:
            incoming = self._incoming(self.find_view(text))
            bare, _ = packets.of_received(incoming, self.journal.retrieval(incoming.view))
        ask = self.ask if self.online else None
        return await packets.export(bare, self.home.trust, self.home.agency.handle, self.home.bundle.directory, ask)

    # the trust bundle

    def _saw_epoch(self, epoch: int) -> None:
        if epoch > self.home.bundle.epoch:
            self.journal.saw_epoch(epoch, clock())
            self._stale.set()

    async def refresh(self) -> bool:
        """Fetch the newest trust bundle and go on under it; whether it is another one than before.

        Raises `DependencyError`, or `BundleRefused` naming what was tried: then nothing is sent until one holds.
        """
        async with self._refreshing:
            home, taken = await self.home.refreshed()
            self._take(home)
            await self._find_keys()
        if taken.changed:
            self._renewed.set()
            log.info("trust-bundle", epoch=taken.bundle.epoch)
        return taken.changed

    async def _find_keys(self) -> None:
        """Read our private keys anew where others may seal to one that another process of ours has made."""
        here = {key.public for key in self.keys.decryption}
        if all(s.key in here for s in self.keys.contact.statements if clock() < s.end):
            return
        try:
            self._hold(await asyncio.to_thread(self.home.stored_keys, self.keys))
        except (ShareError, OSError) as error:
            log.error("keys-not-tended", code=getattr(error, "code", "system"))

    async def _caught_up(self) -> bool:
        try:
            return await self.refresh()
        except (ShareError, OSError) as error:
            log.warning("trust-bundle", code=getattr(error, "code", "system"))
            if isinstance(error, BundleRefused) and error.why != "refused":  # else our login may be revoked: no lie
                self.raise_alarm(What.BUNDLE_REFUSED)
            return False

    async def keep_fresh(self) -> None:
        """Fetch the trust bundle every minute, and at once when something was signed under a newer one; until
        cancelled. Raises nothing: what is refused or missed is an alarm in the log and in `doctor`.
        """
        while True:
            try:
                async with asyncio.timeout(REFRESH / 1000):
                    await self._stale.wait()
            except TimeoutError:
                pass
            self._stale.clear()
            if not await self._caught_up():
                await asyncio.sleep(1)
            try:
                await self.check_epochs()
            except DependencyError as error:
                log.info("bus-trouble", code=error.code)
            except RemoteError as error:
                log.error("alarm", what=error.code, says=str(error))
                self.raise_alarm(What.BUNDLE_DIFFERS)

    async def check_epochs(self) -> list[int]:
        """Have our extract's place in the log proved, and name the epochs that we saw and could not get for an hour.

        Raises `Unverified` where the log holds another extract for us than the one we were given: then the broker
        shows different bundles to different people.
        """
        ours = self.home.bundle.epoch
        if self._port is not None:
            await self._watch().confirm_epoch(clock())
        missed = [epoch for epoch, seen in self.journal.newer_epochs(ours) if clock() - seen > MISSED]
        for epoch in missed:
            log.error("alarm", what="epoch-missed", epoch=epoch)
        if missed:
            self.raise_alarm(What.EPOCH_MISSED)
        return missed

    # alarms

    def raise_alarm(self, what: What) -> None:
        """Have the officers hear of what our log says as well: once an hour for as long as it lasts, by a code alone.

        It is kept, and handed in until the broker has answered. A broker that lies will not show it to anybody; so
        nothing of what is said here takes the place of the alarm in our own log.
        """
        alarm = Raised(what=what, contact=self.keys.contact.handle, hour=raised_in(clock()))
        signed = self.keys.signer.sign(Tag.ADAPTER_ALARM, alarm.to_bytes()).to_bytes()
        self.shelf.say(sha256(signed).digest(), "alarm", signed)

    # the log

    async def prove(self, leaf: bytes) -> Inclusion | None:
        """Ask for the proof that a leaf is in the log, check it against a head the log signed, and keep the head.

        None while the leaf is not in the log yet. Raises `Unverified` where the log proves something else: an alarm.
        """
        return await self._watch().prove(leaf)

    async def ask(self, verb: str, data: bytes) -> bytes:
        """Ask a worker; raises `DependencyError` where nobody answers."""
        if self._port is None:
            raise DependencyError("There is no connection to the bus; connect first.")
        return await self._port.ask(verb, data)

    def _watch(self) -> LogWatch:
        if self._port is None:
            raise DependencyError("There is no connection to the bus; connect first.")
        return LogWatch(self.home.bundle, self.journal, self._port)

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
        if broken:
            self.raise_alarm(What.NOT_IN_LOG)
        return broken

    async def cosign(self, signer: Signer) -> bool:
        """As a witness, cosign the head that the broker offers; whether there was a new one."""
        if self._port is None:
            raise DependencyError("There is no connection to the bus; connect first.")
        head = await Witness(signer, self._watch(), self._port).once(clock())
        if head is not None:
            log.info("cosigned", size=head.size)
        return head is not None

    async def check_witnessed(self) -> FinalHead | None:
        """The newest head that enough witnesses saw, if the task force names that many.

        Raises `Unverified` where the log has gone on without them for too long: then nobody but the broker says that
        there is one log.
        """
        if len(readable(w.vkey for w in self.home.bundle.witnesses)) < NEEDED:
            return None
        return await witnessed(self._watch(), clock())

    async def check_heads(self) -> list[ContactHandle]:
        """Hold the log heads that others told us of, in their messages and when they opened ours, against the log that
        is shown to us; the contacts whose head is not of it.

        One exchanged message thus betrays a broker that shows two versions of its log. A head that is longer than what
        we are shown is waited for as long as a promised leaf.
        """
        other = []
        for contact, size, root, heard in self.journal.unproved_heads():
            try:
                if await self._watch().compare(size, root):
                    self.journal.proved_head(contact, size)
                    continue
                if clock() <= heard + limits.INCLUDE_BY:
                    continue
            except Unverified:
                pass
            other.append(ContactHandle(contact))
            log.error("alarm", what="log-differs", contact=contact, size=size)
        if other:
            self.raise_alarm(What.LOG_DIFFERS)
        return other


async def _close(stream: object) -> None:
    closing = getattr(stream, "aclose", None)
    if closing is not None:
        await closing()


@asynccontextmanager
async def offline(
    folder: Path, contact: str, passphrase: Passphrase | str, *, ask: Ask | None = None
) -> AsyncIterator[AgencyClient]:
    """The adapter without a bus: it can plan, compose into the journal, and open what has arrived."""
    home = Home.open(folder, passphrase, ask=ask)
    keys = home.unlock(contact)
    journal = Journal(folder / "journal.db")
    try:
        client = AgencyClient(home, keys, journal, None)
        try:
            yield client
        finally:
            client.close()
    finally:
        journal.close()
        home.tokens.close()
        home.trust.close()


@asynccontextmanager
async def connect(
    folder: Path,
    contact: str,
    passphrase: Passphrase | str,
    url: str | None = None,
    *,
    or_offline: bool = False,
    unattended: bool = False,
    ask: Ask | None = None,
) -> AsyncIterator[AgencyClient]:
    """The adapter on the bus, for one contact, under the newest trust bundle that can be had.

    Where the bus does not answer: raises `DependencyError`, or with `or_offline` goes on without it (`online` tells).
    A bundle that is refused does not stop it: what was delivered still opens, and sending says what is wrong.
    `unattended` where a service asks, which may not hold a person's key; `ask` asks a person for its passphrase.
    """
    home = Home.open(folder, passphrase, url, ask=ask)
    try:
        home, _ = await home.refreshed()
    except DependencyError as error:
        log.info("trust-bundle", code=error.code)
    except RemoteError as error:
        log.warning("trust-bundle", code=error.code)
    keys = home.unlock(contact, unattended=unattended)
    async with AsyncExitStack() as stack:
        stack.callback(home.tokens.close)
        stack.callback(home.trust.close)
        journal = Journal(folder / "journal.db")
        stack.callback(journal.close)
        try:
            if home.url is None:
                raise DependencyError(
                    "The address of the bus is not known: start the broker (safeconduct up), or give --url."
                )
            connection = await stack.enter_async_context(
                connected(
                    home.url,
                    keys.nkey_seed,
                    inbox_prefix=subjects.contact_inbox(keys.contact.handle),
                    name="adapter",
                    tls=home.tls(),
                )
            )
        except DependencyError:
            if not or_offline:
                raise
            client = AgencyClient(home, keys, journal, None)
            stack.callback(client.close)
            yield client
            return
        port = await NatsAgency.open(connection, home.agency.handle)
        stack.push_async_callback(port.close)
        client = AgencyClient(home, keys, journal, port)
        stack.callback(client.close)
        tasks = [
            asyncio.create_task(client.listen()),
            asyncio.create_task(client.report_retrievals()),
            asyncio.create_task(client.keep_fresh()),
            asyncio.create_task(client.keep_keys()),
        ]
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
