"""Trust in force: what the officers publish takes effect between real adapters and a real broker, over TLS, with every
login asked of the broker.

Each test works on a copy of one practice task force of its own. A new epoch is published by the officers' own means
while the broker runs, and nothing tells the broker but the files.
"""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from adapters.casefile import CaseFile
from adapters.client import AgencyClient, Received, connect
from adapters.home import Home, clock, read_bundle
from adapters.journal import NEW, OPENED
from broker.service import BrokerHome, Serving, serving
from bus import subjects
from bus.connection import Connection, connected
from bus.queue import NatsAgency, NatsBroker
from cli import practice
from keys import composing
from keys.content import Content
from keys.metadata import Audience
from keys.nkey import sign_request
from keys.online import Extracts, export
from keys.sealing import DecryptionKey
from keys.tls import Files, client_context
from messages import cbor
from messages.directory import Contact, Span
from messages.errors import BundleRefused, DependencyError, NewerEpoch, NotPermitted, ShareError, Stale, Unverified
from messages.evidence import Evidence, EvidenceType
from messages.ids import AgencyHandle, ContactHandle
from messages.limits import DAY, HOUR
from tests.support.orchid import DESK, FOREIGN, INSPECTORS, PROSECUTOR, RAPPORTEUR, TaskForce, task_force
from tests.support.patience import PATIENCE, within

FIRMS = "08-organisations.json"
DEPUTY = "harbour-police/analyst-deputy"
RELEASER = "harbour-police/release-officer"
WITHIN = 5.0  # seconds from the publication until a revocation is in force everywhere


@dataclass
class Town:
    """A task force of this test's own, its running broker, and its adapters."""

    folder: Path
    passphrase: str
    cases: TaskForce
    broker: Serving
    stack: AsyncExitStack

    def home(self, address: str) -> Path:
        return self.folder / address.partition("/")[0]

    async def adapter(self, address: str) -> AgencyClient:
        """An adapter of this contact, connected until the test ends."""
        agency, _, name = address.partition("/")
        return await self.stack.enter_async_context(connect(self.folder / agency, name, self.passphrase))

    def contact(self, address: str) -> Contact:
        return self.broker.home.bundle.directory.find(address)

    def case(self, name: str = FIRMS) -> CaseFile:
        return self.cases.case(name)

    async def publish(self, change: Callable[[Content], Content], *, taken: bool = True) -> int:
        """The officers decide something; returns the epoch, when the broker goes on under it."""

        def sign() -> int:
            _, decided = practice.published(self.folder / "officers" / "work")
            return practice.publish(self.folder, change(decided), clock()).epoch

        epoch = await asyncio.to_thread(sign)
        if taken:
            await until(lambda: self.broker.worker.world.bundle.epoch == epoch)
        return epoch

    async def waiting(self, address: str) -> int:
        """How many views wait for a contact at the broker."""
        contact = self.contact(address)
        pattern = subjects.deliver_contact(contact.agency, contact.handle)
        port = self.broker.worker._port
        assert isinstance(port, NatsBroker)
        return len([one async for one in port.streams.each(subjects.FLOW, pattern)])

    def stick(self, address: str, *, epoch: int | None = None, at: int | None = None) -> Path:
        """An agency's extract as its files: of the newest epoch or an older one, with signatures of then."""
        repository = self.broker.home.trust.repository
        extracts = Extracts(repository, self.broker.home.trust._online)
        extracts.take(repository.state(epoch or self.broker.home.bundle.epoch))
        target = self.folder / f"stick-{len(list(self.folder.glob('stick-*')))}"
        audience = Audience(self.contact(address).agency)
        for name, data in export(extracts, audience, clock() if at is None else at).items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes(data)
        return target


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Town]:
    force = task_force()
    shutil.copytree(force.practice.folder, folder)
    home = BrokerHome.open(folder / "broker", force.passphrase)
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(serving(home))
        adapters = await stack.enter_async_context(AsyncExitStack())  # they leave before the broker stops
        yield Town(folder, force.passphrase, force, broker, adapters)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with running(tmp_path / "force") as one:
        yield one


def changed(address: str, change: Callable[[Contact], Contact]) -> Callable[[Content], Content]:
    """The same with one contact changed."""

    def apply(decided: Content) -> Content:
        agency, _, name = address.partition("/")
        (handle,) = (h for h, a in decided.agencies.items() if a.name == agency)
        contacts = [change(c) if c.name == name else c for c in decided.contacts[handle]]
        assert contacts != list(decided.contacts[handle])
        return decided.with_contacts(handle, contacts)

    return apply


def mandates(**values: Any) -> Callable[[Contact], Contact]:
    return lambda c: c.model_copy(update={"mandates": tuple(m.model_copy(update=values) for m in c.mandates)})


def revoked() -> Callable[[Contact], Contact]:
    return mandates(revoked=clock())


def absent() -> Callable[[Contact], Contact]:
    """Its principal is away today, so this deputy is on duty."""
    return mandates(absences=(Span(start=clock() - DAY, end=clock() + DAY),))


def retitled(name: str) -> Callable[[Content], Content]:
    """A change that shows in the top of every extract that tells of this agency."""

    def apply(decided: Content) -> Content:
        (agency,) = (a for a in decided.agencies.values() if a.name == name)
        return decided.with_agency(agency.model_copy(update={"title": f"{agency.title}, renamed"}))

    return apply


async def until(what: Callable[[], bool], seconds: float = PATIENCE) -> None:
    async with asyncio.timeout(seconds):
        while not what():
            await asyncio.sleep(0.02)


async def first(agency: AgencyClient) -> Received:
    """The next view as it is handed to people."""
    async with asyncio.timeout(PATIENCE), aclosing(agency.deliveries()) as stream:  # type: ignore[type-var]
        return await anext(stream)


def port(agency: AgencyClient) -> NatsAgency:
    found = agency._port
    assert isinstance(found, NatsAgency)
    return found


def line(agency: AgencyClient) -> Connection:
    return port(agency).connection


async def handed_in(agency: AgencyClient, data: bytes) -> Evidence:
    answer = await agency.hand_in(data, tries=3)
    assert answer is not None
    return answer[0]


# A revocation


async def test_a_revoked_contact_is_cut_off_within_five_seconds_and_nobody_else_is(town: Town) -> None:
    await town.publish(changed(DEPUTY, absent()))
    desk, deputy, prosecutor = [await town.adapter(a) for a in (DESK, DEPUTY, PROSECUTOR)]
    _, sent = await prosecutor.send(town.case(), [DESK])  # to the desk, and to its deputy on duty
    assert sent[0].evidence is not None and sent[0].evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE
    assert (await town.waiting(DESK), await town.waiting(DEPUTY)) == (1, 1)
    (message,) = desk.plan(town.case(), [PROSECUTOR]).messages
    written = (await desk.compose(message)).to_bytes()  # before the revocation, by the very contact

    epoch = await town.publish(changed(DESK, revoked()), taken=False)
    async with within(WITHIN):
        await until(lambda: line(desk).refused and not line(desk).connected)
        await until(lambda: town.broker.worker.world.bundle.epoch == epoch)

    trying = asyncio.create_task(desk.hand_in(written))
    with pytest.raises(DependencyError, match="does not know this login"):
        async with connect(town.home(DESK), "desk", town.passphrase):
            raise AssertionError("a revoked contact was let in")
    refusal = await handed_in(deputy, written)  # its agency's colleague hands in what it signed
    assert refusal.type is EvidenceType.SUBMISSION_REJECTION
    assert [o.rules for o in refusal.outcomes] == [("SC-01",)]
    async with asyncio.timeout(PATIENCE):
        while await town.waiting(DESK):  # what waited for it is taken away
            await asyncio.sleep(0.05)
    assert await town.waiting(DEPUTY) == 1

    for other in (deputy, prosecutor):  # theirs are the connections of before
        assert line(other).connected and line(other).reconnects == 0
    _, still = await deputy.send(town.case(), [PROSECUTOR])
    _, back = await prosecutor.send(town.case(), [DEPUTY])
    for one in (*still, *back):
        assert one.evidence is not None and one.evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE
    assert (await first(deputy)).opened is not None
    assert not trying.done() and not line(desk).connected
    trying.cancel()


async def test_a_suspension_shuts_out_and_its_end_lets_in_again(town: Town) -> None:
    desk = await town.adapter(DESK)
    away = lambda c: c.model_copy(update={"suspended": (Span(start=clock(), end=clock() + DAY),)})  # noqa: E731
    await town.publish(changed(DESK, away), taken=False)
    async with within(WITHIN):
        await until(lambda: line(desk).refused and not line(desk).connected)
    await town.publish(changed(DESK, lambda c: c.model_copy(update={"suspended": ()})))
    await until(lambda: line(desk).connected)
    assert cbor.load(await port(desk).ask("time", b""), 16, "time")


# A newer epoch than ours


async def test_a_message_of_a_newer_epoch_is_opened_after_fetching_it_at_once(town: Town) -> None:
    prosecutor = await town.adapter(PROSECUTOR)
    before = prosecutor.home.bundle.epoch
    epoch = await town.publish(retitled("harbour-police"))
    assert prosecutor.home.bundle.epoch == before
    desk = await town.adapter(DESK)
    assert desk.home.bundle.epoch == epoch
    await desk.send(town.case(), [PROSECUTOR])
    received = await first(prosecutor)
    assert received.opened is not None and received.opened.stamp.epoch == epoch
    assert prosecutor.home.bundle.epoch == read_bundle(town.home(PROSECUTOR)).epoch == epoch


async def test_a_message_whose_epoch_cannot_be_fetched_stays_new_and_opens_later(town: Town) -> None:
    prosecutor = await town.adapter(PROSECUTOR)
    trust, before = prosecutor.home.trust, prosecutor.home.bundle.epoch
    honest, trust.url = trust.url, "https://127.0.0.1:1/trust"
    epoch = await town.publish(retitled("harbour-police"))
    await (await town.adapter(DESK)).send(town.case(), [PROSECUTOR])
    received = await first(prosecutor)
    assert (received.opened, received.code, received.sentence) == (None, NewerEpoch.code, NewerEpoch.says)
    (kept,) = prosecutor.journal.incoming()
    assert (kept.state, kept.code) == (NEW, None)
    assert [e for e, _ in prosecutor.journal.newer_epochs(before)] == [epoch]
    trust.url = honest
    await prosecutor.refresh()
    opened = await first(prosecutor)
    assert opened.view_id == received.view_id and opened.opened is not None
    assert [i.state for i in prosecutor.journal.incoming()] == [OPENED]


async def test_an_epoch_that_was_seen_an_hour_ago_and_cannot_be_fetched_is_an_alarm(town: Town) -> None:
    desk = await town.adapter(DESK)
    desk.journal.saw_epoch(7, clock() - 2 * HOUR)
    desk.journal.saw_epoch(8, clock())
    assert await desk.check_epochs() == [7]


# Bundles that do not hold


def mix(newest: Path, older: Path) -> None:
    """Put an older epoch's list of contacts where the newest one's belongs."""
    top = next(p for p in (newest / "metadata").iterdir() if p.name.endswith(".targets.json"))
    old = next(p for p in (older / "metadata").iterdir() if p.name.endswith(".targets.json"))
    assert top.read_bytes() != old.read_bytes()
    top.write_bytes(old.read_bytes())


async def _expired(town: Town, desk: AgencyClient) -> None:
    desk._take(desk.home.under(replace(desk.home.bundle, expires=clock() - 1)))


async def _rolled_back(town: Town, desk: AgencyClient) -> None:
    desk.home.trust.carry_in(town.stick(DESK, epoch=1))


async def _frozen(town: Town, desk: AgencyClient) -> None:
    desk.home.trust.carry_in(town.stick(DESK, at=clock() - 5 * DAY))


async def _mixed(town: Town, desk: AgencyClient) -> None:
    newest = town.stick(DESK)
    mix(newest, town.stick(DESK, epoch=1))
    desk.home.trust.carry_in(newest)


LIES: Mapping[str, tuple[Callable[[Town, AgencyClient], Awaitable[None]], str]] = {
    "expired": (_expired, "expired"),
    "rolled-back": (_rolled_back, "older"),
    "frozen": (_frozen, "last days"),
    "mixed": (_mixed, "."),
}


@pytest.mark.parametrize("why", LIES)
async def test_nothing_is_sent_under_a_bundle_that_does_not_hold_but_what_came_still_opens(
    town: Town, why: str
) -> None:
    epoch = await town.publish(retitled("harbour-police"))
    desk, prosecutor = await town.adapter(DESK), await town.adapter(PROSECUTOR)
    await prosecutor.send(town.case(), [DESK])
    await town.publish(retitled("harbour-police"))  # which the desk has not fetched yet
    lie, word = LIES[why]
    with suppress(Unverified):
        await lie(town, desk)
    refused = desk.home.trust.refused()
    assert (refused.why if refused else "expired") == why
    assert desk.home.bundle.epoch == read_bundle(town.home(DESK)).epoch == epoch  # the one before stays
    with pytest.raises(Stale, match=word):
        await desk.send(town.case(), [PROSECUTOR])
    assert desk.journal.outgoing() == []

    received = await first(desk)
    assert received.opened is not None and received.opened.warnings

    await desk.refresh()  # from the honest broker
    assert desk.home.trust.refused() is None
    _, (sent,) = await desk.send(town.case(), [PROSECUTOR])
    assert sent.evidence is not None and sent.evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE
    assert not desk.look(received.view_id).opened.warnings  # type: ignore[union-attr]


async def test_another_agencys_extract_is_not_taken_for_ours(town: Town) -> None:
    inspectors = await town.adapter(INSPECTORS)
    await town.publish(retitled("harbour-police"))
    with pytest.raises(BundleRefused, match="another agency") as refusal:
        inspectors.home.trust.carry_in(town.stick(DESK))
    assert refusal.value.why == "not-for-us"
    with pytest.raises(Stale, match="another agency"):
        await inspectors.send(town.case(), [DESK])
    assert read_bundle(town.home(INSPECTORS)).epoch == 1


async def test_a_held_message_is_not_released_under_a_bundle_that_has_expired(town: Town) -> None:
    desk = await town.adapter(DESK)
    _, (held,) = await desk.send(town.case(), [FOREIGN])
    assert held.state == "held"
    releaser = desk.home.unlock("release-officer")
    await _expired(town, desk)
    with pytest.raises(Stale, match="expired"):
        await desk.release(held.message, releaser)
    assert [o.state for o in desk.journal.outgoing()] == ["held"]
    await desk.refresh()
    sent = await desk.release(held.message, releaser)
    assert sent is not None and sent.state == "accepted"


# A broker that shows different bundles to different agencies


@pytest.mark.parametrize("part", ["top", "contacts"])
async def test_an_extract_that_the_log_does_not_hold_is_found_out(town: Town, part: str) -> None:
    prosecutor = await town.adapter(PROSECUTOR)
    us, police = prosecutor.home.agency.handle, town.contact(DESK).agency
    # The log takes a leaf or two of other entries first, so that a proof is more than a single leaf.
    await town.publish(retitled("harbour-police") if part == "top" else changed(DESK, revoked()))
    extracts = town.broker.home.trust.extracts
    state = extracts.state
    assert state is not None and state.tops[Audience(us)] + state.roles[police] > 2
    if part == "top":
        shown = replace(state, tops={**state.tops, Audience(us): 1})
    else:
        shown = replace(state, roles={**state.roles, police: 1})
    extracts.take(shown)  # to the prosecutor alone, and the log's statement of the epoch is the right one
    await prosecutor.refresh()
    assert prosecutor.home.bundle.epoch == state.epoch
    with pytest.raises(Unverified):
        await prosecutor.check_epochs()
    assert not prosecutor.journal.is_confirmed(state.epoch)


async def test_an_honest_epoch_is_confirmed_in_the_log(town: Town) -> None:
    prosecutor = await town.adapter(PROSECUTOR)
    epoch = await town.publish(retitled("harbour-police"))
    await prosecutor.refresh()
    async with asyncio.timeout(PATIENCE):
        while not prosecutor.journal.is_confirmed(epoch):  # when the sequencer has it
            await prosecutor.check_epochs()
            await asyncio.sleep(0.1)


# Deputies


async def test_a_deputy_acts_and_receives_in_an_absence_alone(town: Town) -> None:
    deputy, prosecutor = await town.adapter(DEPUTY), await town.adapter(PROSECUTOR)
    handles = {a: town.contact(a).handle for a in (DESK, DEPUTY)}
    _, (sent,) = await prosecutor.send(town.case(), [DESK])
    assert sent.evidence is not None and [o.recipient for o in sent.evidence.outcomes] == [handles[DESK]]
    assert (await town.waiting(DESK), await town.waiting(DEPUTY)) == (1, 0)
    with pytest.raises(NotPermitted, match="SC-01"):
        await deputy.send(town.case(), [PROSECUTOR])
    desks = await town.adapter(DESK)
    (message,) = desks.plan(town.case(), [PROSECUTOR]).messages  # past its own planner
    forced = replace(message, header=replace(message.header, sender=handles[DEPUTY]))
    refusal = await handed_in(deputy, (await deputy.compose(forced)).to_bytes())
    assert refusal.type is EvidenceType.SUBMISSION_REJECTION and refusal.outcomes[0].rules == ("SC-01",)

    await town.publish(changed(DEPUTY, absent()))
    await prosecutor.refresh()
    await deputy.refresh()
    _, (sent,) = await prosecutor.send(town.case(), [DESK])
    assert sent.evidence is not None
    assert {o.recipient for o in sent.evidence.outcomes} == set(handles.values())
    assert (await town.waiting(DESK), await town.waiting(DEPUTY)) == (2, 1)
    received = await first(deputy)
    assert received.opened is not None and received.opened.recipient.handle == handles[DEPUTY]
    assert received.opened.manifest.id == sent.message
    _, (own,) = await deputy.send(town.case(), [PROSECUTOR])
    assert own.evidence is not None and own.evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE


# Membership is confidential: what an agency without an agreement can learn of another


def traces(town: Town, address: str) -> list[bytes]:
    """Everything by which an agency and its contacts could be known."""
    contact = town.contact(address)
    directory = town.broker.home.bundle.directory
    agency = directory.agency_of(contact)
    found = [agency.name, agency.title, agency.handle, agency.nkey, "AGR-2026-03"]
    for one in directory.contacts_of(agency.handle):
        found += [one.handle, one.nkey or one.handle, one.signing_key.hex(), one.title]
    raw = [one.signing_key for one in directory.contacts_of(agency.handle)]
    return [*(text.encode() for text in found), *raw]


def told(data: bytes, names: list[bytes]) -> list[bytes]:
    return [name for name in names if name in data]


async def test_what_an_agency_holds_and_is_answered_names_no_stranger(town: Town) -> None:
    await town.publish(retitled("valea-police"))  # something about the stranger has just changed
    names = traces(town, FOREIGN)
    rapporteur = await town.adapter(RAPPORTEUR)
    await rapporteur.refresh()
    looked_at = 0
    for path in town.home(RAPPORTEUR).rglob("*"):
        if path.is_file():
            looked_at += 1
            assert (path.name, told(path.read_bytes(), names)) == (path.name, [])
    assert looked_at > 20
    police = [p.read_bytes() for p in (town.home(DESK) / "trust").rglob("*") if p.is_file()]
    assert any(told(data, names) for data in police)  # the search finds what is there

    stranger = town.contact(FOREIGN)
    questions = [b"", cbor.dump(None), cbor.dump(1), cbor.dump(2), bytes(32), stranger.handle.encode()]
    questions += [stranger.agency.encode(), cbor.dump(stranger.agency), cbor.dump({"agency": stranger.agency})]
    answered = 0
    for verb in ("time", "epoch", "head", "proof", "consistency", "bundle", "extract", "contacts"):
        for question in questions:
            try:
                answer = await port(rapporteur).ask(verb, question)
            except DependencyError as error:
                assert told(str(error).encode(), names) == []
                continue
            answered += 1
            assert (verb, told(answer, names)) == (verb, [])
    assert answered > 10


async def test_a_message_to_a_stranger_is_refused_like_one_to_nobody(town: Town) -> None:
    """The inspectors have an agreement with the police alone, and write to the foreign police by handle."""
    inspectors = await town.adapter(INSPECTORS)
    stranger = town.contact(FOREIGN)
    nobody = replace_handles(stranger)
    answers = []
    for recipient in (stranger, nobody):
        data = letter(town, inspectors, recipient)
        evidence = await handed_in(inspectors, data)
        assert evidence.type is EvidenceType.SUBMISSION_REJECTION
        answers.append(blinded(evidence, recipient))
        assert told(evidence.to_bytes(), traces(town, FOREIGN)) in ([], [recipient.handle.encode()])
    assert answers[0] == answers[1]
    with pytest.raises(ShareError) as by_name:
        inspectors.plan(town.case("10-inspectors-screening.json"), [FOREIGN])
    with pytest.raises(ShareError) as by_no_name:
        inspectors.plan(town.case("10-inspectors-screening.json"), ["nobody/duty-desk"])
    assert str(by_name.value).replace(FOREIGN, "") == str(by_no_name.value).replace("nobody/duty-desk", "")


def letter(town: Town, sender: AgencyClient, recipient: Contact) -> bytes:
    """A message past the planner, to whoever it is, under the sender's own agreement."""
    own = town.contact(DESK)
    case = town.case("10-inspectors-screening.json")
    planner = sender._planner(case)
    agency = sender.home.bundle.directory.agency_of(own)
    message = planner._message(case, composing.new_message_id(), [(agency, [own])], clock(), guarded=False)
    header = message.header
    sealed = [
        composing.seal(
            header.id,
            name=d.name,
            data_type=d.type,
            part=d.part,
            media=d.media,
            roles=d.roles,
            flags=d.flags,
            plaintext=d.plaintext,
        )
        for d in message.sections
    ]
    grant = composing.grant(
        header.id,
        header.sender,
        sealed,
        recipient=recipient.handle,
        agreement=next(iter(sender._agreements.values())).id,
        public=DecryptionKey(bytes(96)).public,
        thread=header.id,
    )
    return composing.sign_envelope(sender.keys.signer, header, sealed, [grant]).to_bytes()


def blinded(evidence: Evidence, recipient: Contact) -> object:
    """An evidence without what differs from message to message, and without the handle that was asked for."""
    outcomes = tuple(
        replace(o, recipient=ContactHandle("x") if o.recipient == recipient.handle else o.recipient, leaf=b"")
        for o in evidence.outcomes
    )
    return replace(evidence, submission=b"", message=None, at=0, include_by=0, leaf=b"", outcomes=outcomes)


async def test_a_strangers_subjects_are_denied_like_nobodys(town: Town) -> None:
    stranger = town.contact(FOREIGN)
    nobody = replace_handles(stranger)
    rapporteur = await town.adapter(RAPPORTEUR)
    home = rapporteur.home
    for seed, inbox in (
        (home.nkey_seed, subjects.inbox(home.agency.handle)),
        (rapporteur.keys.nkey_seed, subjects.contact_inbox(rapporteur.keys.contact.handle)),
    ):
        told_by = []
        for other in (stranger, nobody):
            async with connected(str(home.url), seed, inbox_prefix=inbox, tls=home.tls()) as connection:
                told_by.append(await denials(connection, other))
        assert told_by[0] == told_by[1] and len(told_by[0]) >= 8


def replace_handles(contact: Contact) -> Contact:
    name = "nobody".ljust(12, "2")
    return contact.model_copy(update={"agency": AgencyHandle(f"a{name}"), "handle": ContactHandle(f"c{name}")})


async def denials(connection: Connection, other: Contact) -> list[str]:
    """What the server says to everything that one might try with another agency's handles, these left out."""
    agency, contact = other.agency, other.handle
    for kind in ("message", "retrieval", "statement"):
        await connection.publish(f"submit.{agency}.{kind}", b"x")
    for subject in (f"ask.{agency}.epoch", f"$JS.API.CONSUMER.INFO.FLOW.{contact}-urgent", "$JS.API.STREAM.INFO.FLOW"):
        await connection.publish(subject, b"")
    await connection.publish(f"$JS.API.CONSUMER.MSG.NEXT.FLOW.{contact}-normal", b"1")
    for subject in (f"answer.{agency}", f"deliver.{agency}.{contact}.normal.>", f"entry.{agency}.>"):
        await connection.client.subscribe(subject)
    await connection.client.subscribe(f"_INBOX_{contact}.>")
    await connection.flush()
    await until(lambda: len(connection.denied) >= 11)
    return sorted(
        re.sub(r'"[^"]*"', lambda m: m[0].replace(agency, "A").replace(contact, "C"), d) for d in connection.denied
    )


async def test_a_strangers_files_are_not_there_like_nobodys(town: Town) -> None:
    home = Home.open(town.home(RAPPORTEUR), town.passphrase)
    stranger = town.contact(FOREIGN)
    nobody = replace_handles(stranger)
    repository = town.broker.home.trust.repository
    file = next(p.name for p in (repository.folder / "file").iterdir() if stranger.agency.encode() in p.read_bytes())
    pairs = [
        (f"metadata/1.{stranger.agency}.json", f"metadata/1.{nobody.agency}.json"),
        (f"targets/agency/{file}.{stranger.agency}.json", f"targets/agency/{'0' * 64}.{nobody.agency}.json"),
        (f"targets/{file}.console.json", f"targets/{'1' * 64}.console.json"),
        (f"metadata/{stranger.agency}/timestamp.json", f"metadata/{nobody.agency}/timestamp.json"),
        (f"top/{stranger.agency}/1.json", f"top/{nobody.agency}/1.json"),
    ]
    for theirs, nobodys in pairs:
        one, other = [await asyncio.to_thread(get, home, path) for path in (theirs, nobodys)]
        assert one == other and one[0] == 404
    assert (await asyncio.to_thread(get, home, "metadata/timestamp.json"))[0] == 200


def get(home: Home, path: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """One request as this agency's adapter signs it: status, headers but the date, and body."""
    parts = urlsplit(str(home.trust.url))
    asking = HTTPSConnection(
        str(parts.hostname), parts.port, context=client_context(Files(home.folder / "tls"), clock())
    )
    try:
        full = f"{parts.path}/{path}"
        header = sign_request(home.nkey_seed, "GET", parts.netloc, full, clock())
        asking.request("GET", full, headers={"Host": parts.netloc, "Authorization": header})
        response = asking.getresponse()
        return response.status, [h for h in response.getheaders() if h[0] != "Date"], response.read()
    finally:
        asking.close()
