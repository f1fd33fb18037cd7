"""A contact's encryption keys over time: nothing is sealed to a key that nobody has, and none goes that is needed.

Real key files, journal and signatures; the broker's answers are made by its own rules, on a bus in memory.
"""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters import keyring
from adapters.client import AgencyClient
from adapters.home import ContactKeys, Home
from adapters.journal import NEW, OPENED, QUARANTINED, Journal
from broker.admit import Admitted, refuse_stray
from broker.trust import KEY_OFF_SCHEDULE, KEY_UNKNOWN, statement
from bus.subjects import ALL_VERBS
from keys import keystore, retiring, statements
from keys.domains import Tag
from keys.retiring import StoredKey
from keys.sealing import key_id
from messages import cbor
from messages.ceremony import KeyDestroyed, StatementSubmission
from messages.directory import Contact, KeyStatement
from messages.envelope import Delivery
from messages.errors import DependencyError, NotPermitted, Replayed
from messages.evidence import Answer
from messages.limits import DAY, KEY_STATEMENT_LIFETIME, LIFETIME, MINUTE
from tests.adapters.test_receiving import FIRMS, delivered
from tests.fakes.bus import FakeAgency, FakeBus
from tests.support.orchid import DESK, PROSECUTOR, TaskForce
from tests.support.patience import PATIENCE


class Killed(BaseException):
    """What happens to a process that is killed."""


def killed(*_: Any, **__: Any) -> Any:
    raise Killed


@dataclass
class Place:
    """A copy of an agency's folder, one of its contacts unlocked, and its journal."""

    force: TaskForce
    home: Home
    keys: ContactKeys
    journal: Journal

    @property
    def path(self) -> Path:
        return self.home.folder / "keys" / f"{self.keys.contact.name}.key"

    @property
    def scheduled(self) -> int:
        """The moment from which on the next key is due."""
        contact = self.keys.contact
        newest = max(s.start for s in contact.statements)
        return newest + contact.rotation_days * DAY - keyring.EARLY

    @property
    def gone(self) -> int:
        """A moment at which nothing can need the first key any more."""
        return retiring.needed_until(self.keys.contact.statements[0].end) + 1

    def stored(self) -> tuple[StoredKey, ...]:
        return self.home.stored_keys(self.keys)

    def numbers(self) -> list[int]:
        return sorted(k.number for k in self.stored())

    def words(self) -> list[StatementSubmission]:
        return [StatementSubmission.from_bytes(data) for data in self.journal.unsaid()]

    def next(self, now: int, **options: Any) -> int | None:
        return keyring.state_next(self.home, self.keys, self.journal, now, **options)

    def again(self) -> None:
        keyring.take_up(self.home, self.keys, self.journal)

    def judged(self, word: bytes, now: int, *known: KeyStatement) -> Admitted:
        """What the broker says to it, which knows of these statements beside the bundle's."""
        contact = self.keys.contact
        world = self.force.world(stated={contact.handle: known} if known else {})
        return statement(word, contact.agency, world, now)

    def arrives(self, view: str = "ab" * 16, state: str = NEW) -> None:
        """A view that is sealed to the contact's first key."""
        self.journal.received(view, self.keys.contact.handle, delivered(self.force, FIRMS, PROSECUTOR), 0)
        if state != NEW:
            self.journal.mark(view, state)

    def with_statements(self, *made: KeyStatement) -> "Place":
        """Under a bundle that has these statements too."""
        contact = self.keys.contact.model_copy(update={"statements": (*self.keys.contact.statements, *made)})
        return replace(self, keys=replace(self.keys, contact=contact))


def at_home(force: TaskForce, folder: Path, address: str) -> Place:
    agency, _, name = address.partition("/")
    home = folder / agency
    if not home.exists():
        shutil.copytree(force.practice.party(agency), home)
    opened = Home.open(home, force.passphrase)
    return Place(force, opened, opened.unlock(name), Journal(home / "journal.db"))


@pytest.fixture
def desk(force: TaskForce, tmp_path: Path) -> Iterator[Place]:
    place = at_home(force, tmp_path, DESK)
    yield place
    place.journal.close()


@pytest.fixture
def prosecutor(force: TaskForce, tmp_path: Path) -> Iterator[Place]:
    place = at_home(force, tmp_path, PROSECUTOR)
    yield place
    place.journal.close()


def stated(word: StatementSubmission) -> KeyStatement:
    return statements.read(word.statement.to_bytes())


# When


def test_the_next_key_is_due_a_day_before_the_enrolled_schedule_says_so(desk: Place) -> None:
    assert not keyring.due(desk.keys.contact, desk.stored(), desk.scheduled - 1)
    assert keyring.due(desk.keys.contact, desk.stored(), desk.scheduled)


def test_a_newer_key_that_is_not_published_yet_counts_too(desk: Place) -> None:
    assert desk.next(desk.scheduled) == 2
    assert not keyring.due(desk.keys.contact, desk.stored(), desk.scheduled)
    later = desk.scheduled + desk.keys.contact.rotation_days * DAY - keyring.EARLY
    assert not keyring.due(desk.keys.contact, desk.stored(), later - 1)
    assert keyring.due(desk.keys.contact, desk.stored(), later)


def test_a_contact_without_any_key_states_its_first_at_once(desk: Place) -> None:
    none: Contact = desk.keys.contact.model_copy(update={"statements": ()})
    assert keyring.due(none, (), desk.force.now)


# The next key


def test_a_stated_key_is_in_the_file_and_the_broker_takes_its_statement(desk: Place) -> None:
    now = desk.scheduled
    assert desk.next(now) == 2
    (word,) = desk.words()
    made = stated(word)
    assert (made.number, made.start, made.end) == (2, now, now + KEY_STATEMENT_LIFETIME)
    assert made.key in {k.key.public for k in desk.stored()}
    assert desk.judged(word.to_bytes(), now).stated == (desk.keys.contact.handle, made)
    assert desk.path.stat().st_mode & 0o077 == 0


def test_one_off_its_schedule_is_taken_if_a_colleague_countersigned_it(desk: Place) -> None:
    now = desk.force.now
    assert desk.next(now) is None, "it is not due"
    assert desk.next(now, renew=True) == 2
    assert desk.judged(desk.words()[0].to_bytes(), now).evidence.body.find(KEY_OFF_SCHEDULE.encode()) > 0
    assert keyring.drop_refused(desk.home, desk.keys, desk.words()[0].to_bytes()) == 2
    assert desk.next(now + 1, renew=True, counter=desk.home.unlock("release-officer")) == 2
    assert desk.judged(desk.words()[1].to_bytes(), now + 1).stated is not None


@pytest.mark.parametrize("step", ["intend", "change", "say"])
def test_killed_anywhere_no_statement_leaves_without_its_private_half_and_the_next_one_is_stated(
    desk: Place, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as patch:
        if step == "change":
            patch.setattr(keystore, "_replace", killed)
        else:
            patch.setattr(desk.journal, step, killed)
        with pytest.raises(Killed):
            desk.next(desk.scheduled)
    assert desk.words() == []
    desk.again()
    said = [stated(w).key for w in desk.words()]
    assert said == [k.key.public for k in desk.stored() if k.number == 2]
    assert len(said) == (1 if step == "say" else 0)
    desk.next(desk.scheduled)
    (word,) = desk.words()
    assert desk.judged(word.to_bytes(), desk.scheduled).stated is not None, "its number is the next one"
    assert desk.numbers() == [1, 2]


def test_a_countersignature_survives_a_crash(desk: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, suppress(Killed):
        patch.setattr(desk.journal, "say", killed)
        desk.next(desk.force.now, renew=True, counter=desk.home.unlock("release-officer"))
    desk.again()
    assert desk.judged(desk.words()[0].to_bytes(), desk.force.now).stated is not None


def test_a_colleagues_words_are_not_taken_up_for_it(desk: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, suppress(Killed):
        patch.setattr(retiring, "destroy", killed)
        destroy(desk, desk.gone)
    assert desk.journal.intended()
    other = replace(desk, keys=desk.home.unlock("release-officer"))
    other.again()
    assert desk.words() == [], "the desk's key is still there"


def test_two_processes_that_find_a_key_due_at_once_make_one(desk: Place) -> None:
    ready, made = threading.Barrier(2), []

    def tend() -> None:
        own = Journal(desk.home.folder / "journal.db")
        try:
            assert keyring.due(desk.keys.contact, desk.stored(), desk.scheduled)
            ready.wait(PATIENCE)
            made.append(keyring.state_next(desk.home, desk.keys, own, desk.scheduled))
        finally:
            own.close()

    threads = [threading.Thread(target=tend) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made, key=str) == [2, None]
    assert desk.numbers() == [1, 2] and len(desk.words()) == 1


# A refused statement


def test_a_refused_statements_key_is_forgotten_and_its_number_is_free_again(desk: Place) -> None:
    desk.next(desk.scheduled)
    before = desk.path.read_bytes()
    assert keyring.drop_refused(desk.home, desk.keys, desk.words()[0].to_bytes()) == 2
    assert desk.numbers() == [1] and desk.path.read_bytes() != before
    assert keyring.drop_refused(desk.home, desk.keys, desk.words()[0].to_bytes()) is None
    assert desk.next(desk.scheduled + 1) == 2


def test_a_refusal_that_comes_late_costs_no_other_key_of_that_number(desk: Place) -> None:
    desk.next(desk.scheduled)
    old = desk.words()[0].to_bytes()
    keyring.drop_refused(desk.home, desk.keys, old)
    desk.next(desk.scheduled + 1)
    kept = desk.stored()
    assert keyring.drop_refused(desk.home, desk.keys, old) is None
    assert desk.stored() == kept


def test_a_key_that_the_officers_published_is_kept_whatever_the_broker_said(desk: Place) -> None:
    desk.next(desk.scheduled)
    published = desk.with_statements(stated(desk.words()[0]))
    assert keyring.drop_refused(published.home, published.keys, desk.words()[0].to_bytes()) is None
    assert desk.numbers() == [1, 2]


def test_a_word_that_is_not_ours_or_states_nothing_costs_no_key(desk: Place) -> None:
    desk.next(desk.scheduled)
    word = desk.words()[0].to_bytes()
    assert keyring.drop_refused(desk.home, desk.home.unlock("release-officer"), word) is None
    ended = statements.destroyed(desk.keys.signer, 2, bytes(16), 0)
    assert keyring.drop_refused(desk.home, desk.keys, StatementSubmission(statement=ended).to_bytes()) is None
    assert desk.numbers() == [1, 2]


# Destruction


def destroy(place: Place, moment: int) -> tuple[int, ...]:
    return keyring.destroy_old(place.home, place.keys, place.journal, moment)


def test_a_key_is_destroyed_when_no_message_can_need_it_and_not_a_millisecond_before(desk: Place) -> None:
    assert desk.gone > desk.keys.contact.statements[0].end + LIFETIME
    desk.next(desk.scheduled)
    assert destroy(desk, desk.gone - 1) == ()
    assert desk.numbers() == [1, 2]
    assert destroy(desk, desk.gone) == (1,)
    assert desk.numbers() == [2]
    _, word = desk.words()
    assert word.statement.tag == Tag.KEY_DESTROYED.value
    told = KeyDestroyed.from_bytes(word.statement.body)
    assert (told.number, told.key_id, told.at) == (1, key_id(desk.keys.contact.statements[0].key), desk.gone)
    assert desk.judged(word.to_bytes(), desk.gone).key.startswith("d")
    assert destroy(desk, desk.gone) == ()
    assert len(desk.words()) == 2


@pytest.mark.parametrize("state", [NEW, QUARANTINED])
def test_a_key_stays_while_a_view_that_was_not_opened_needs_it(prosecutor: Place, state: str) -> None:
    prosecutor.arrives(state=state)
    assert destroy(prosecutor, prosecutor.gone) == ()
    prosecutor.journal.mark("ab" * 16, OPENED)
    assert destroy(prosecutor, prosecutor.gone) == (1,)


def test_a_delivery_that_does_not_parse_needs_no_key_and_hides_none_that_does(prosecutor: Place) -> None:
    handle = prosecutor.keys.contact.handle
    prosecutor.journal.received("cd" * 16, handle, b"nothing", 0)
    assert keyring.needed_by(prosecutor.journal.incoming(handle)) == frozenset()
    prosecutor.arrives()
    ours = key_id(prosecutor.keys.contact.statements[0].key)
    assert ours in keyring.needed_by(prosecutor.journal.incoming(handle))
    assert Delivery.from_bytes(prosecutor.journal.incoming(handle)[1].delivery).view


@pytest.mark.parametrize("step", ["intend", "destroy", "say"])
def test_killed_anywhere_a_key_is_said_to_be_gone_only_when_it_is_and_once(
    desk: Place, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(retiring if step == "destroy" else desk.journal, step, killed)
        with pytest.raises(Killed):
            destroy(desk, desk.gone)
    assert desk.words() == []
    before = desk.journal.intended()
    desk.again()
    assert bool(desk.words()) == (desk.numbers() == [])
    destroy(desk, desk.gone + MINUTE)
    assert desk.numbers() == [] and len(desk.words()) == 1
    if before:
        assert desk.journal.unsaid() == before, "the very word that was signed first"


# In the adapter


@asynccontextmanager
async def connected(place: Place, bus: FakeBus, told: int) -> AsyncIterator[AgencyClient]:
    """The adapter on a bus in memory, whose broker says it is `told`."""

    async def answer(*_: object) -> bytes:
        return cbor.dump(told)

    bus._handlers.append((ALL_VERBS, answer))
    client = AgencyClient(place.home, place.keys, place.journal, bus.agency(place.keys.contact.agency))
    listening = asyncio.create_task(client.listen())
    try:
        yield client
        assert not listening.done(), "it still listens"
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


def hear(client: AgencyClient, admitted: Admitted) -> None:
    port = client._port
    assert isinstance(port, FakeAgency)
    port.hear(Answer(submission=admitted.submission, evidence=admitted.evidence, repeated=False).to_bytes())


async def until_answered(place: Place) -> None:
    async with asyncio.timeout(PATIENCE):
        while place.journal.unsaid():
            await asyncio.sleep(0.01)


async def until_taken(place: Place) -> None:
    """Until the adapter has done with an answer: last of all it notes what the log promised."""
    async with asyncio.timeout(PATIENCE):
        while not place.journal.open_promises():
            await asyncio.sleep(0.01)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The adapter's clock: its last element."""
    times = [0]
    monkeypatch.setattr("adapters.client.clock", lambda: times[-1])
    return times


async def test_a_due_key_is_stated_handed_in_and_opens_at_once(desk: Place, clock: list[int]) -> None:
    bus, now = FakeBus(), desk.scheduled
    clock.append(now)
    async with connected(desk, bus, now) as client:
        assert await client.tend_keys() == (2, ())
        (handed,) = bus.submissions.values()
        assert handed.data == desk.words()[0].to_bytes()
        assert {k.public for k in client.keys.decryption} == {k.key.public for k in desk.stored()}
        hear(client, desk.judged(handed.data, now))
        await until_answered(desk)
        assert client.refused_keys == {} and await client.tend_keys() == (None, ())


async def test_two_tends_at_once_state_one_key(desk: Place, clock: list[int]) -> None:
    clock.append(desk.scheduled)
    async with connected(desk, FakeBus(), desk.scheduled) as client:
        assert sorted([n for n, _ in await asyncio.gather(client.tend_keys(), client.tend_keys())], key=str) == [
            2,
            None,
        ]


async def test_a_broker_that_does_not_answer_keeps_no_stated_key_from_opening(desk: Place, clock: list[int]) -> None:
    bus = FakeBus(failing={"ask"})
    clock.append(desk.scheduled)
    async with connected(desk, bus, desk.scheduled) as client:
        with pytest.raises(DependencyError):
            await client.tend_keys()
        assert len(client.keys.decryption) == 2 and len(bus.submissions) == 1


@pytest.mark.parametrize(("ours", "theirs"), [(0, 1), (1, 0)], ids=["our clock is behind", "the broker's is"])
async def test_no_key_is_destroyed_unless_both_clocks_say_so(
    desk: Place, clock: list[int], ours: int, theirs: int
) -> None:
    desk.next(desk.scheduled)
    clock.append(desk.gone - 1 + ours)
    async with connected(desk, FakeBus(), desk.gone - 1 + theirs) as client:
        assert (await client.tend_keys())[1] == ()
    clock.append(desk.gone)
    async with connected(desk, FakeBus(), desk.gone) as client:
        assert (await client.tend_keys())[1] == (1,)
        assert key_id(desk.keys.contact.statements[0].key) not in {key_id(k.public) for k in client.keys.decryption}


async def test_a_refused_key_goes_and_the_next_one_gets_its_number(desk: Place, clock: list[int]) -> None:
    bus, now = FakeBus(), desk.force.now
    clock.append(now)
    async with connected(desk, bus, now) as client:
        assert (await client.tend_keys(renew=True))[0] == 2
        hear(client, desk.judged(desk.words()[0].to_bytes(), now))
        await until_answered(desk)
        assert client.refused_keys == {2: KEY_OFF_SCHEDULE}
        assert desk.numbers() == [1]
        assert (await client.tend_keys(renew=True, counter=desk.home.unlock("release-officer")))[0] == 2


async def test_a_refusal_is_heard_again_while_the_key_file_cannot_be_changed(desk: Place, clock: list[int]) -> None:
    bus, now = FakeBus(), desk.force.now
    clock.append(now)
    async with connected(desk, bus, now) as client:
        await client.tend_keys(renew=True)
        refusal = desk.judged(desk.words()[0].to_bytes(), now)
        desk.path.chmod(0o644)
        hear(client, refusal)
        await until_taken(desk)
        assert desk.words(), "nothing is lost"
        desk.path.chmod(0o600)
        hear(client, refusal)
        await until_answered(desk)
        assert desk.numbers() == [1]


async def test_a_colleagues_refusal_is_left_to_its_own_adapter(desk: Place, clock: list[int]) -> None:
    bus, now = FakeBus(), desk.force.now
    clock.append(now)
    other = replace(desk, keys=desk.home.unlock("release-officer"))
    other.next(now, renew=True)
    refusal = other.judged(desk.words()[0].to_bytes(), now)
    async with connected(desk, bus, now) as client:
        await client.tend_keys()
        assert not bus.submissions, "it hands in words of its own contact alone"
        hear(client, refusal)
        await until_taken(desk)
        assert desk.words() and other.numbers() == [1, 2]
    async with connected(other, bus, now) as theirs:
        hear(theirs, refusal)
        await until_answered(other)
        assert other.numbers() == [1]


@pytest.mark.parametrize(("code", "alarms"), [(Replayed.code, 0), (KEY_UNKNOWN, 1)])
async def test_a_destruction_that_the_log_knows_already_is_no_alarm_and_one_of_no_key_is(
    desk: Place, clock: list[int], code: str, alarms: int
) -> None:
    destroy(desk, desk.gone)
    clock.append(desk.gone)
    (word,) = desk.words()
    async with connected(desk, FakeBus(), desk.gone) as client:
        with capture_logs() as logs:
            hear(client, refuse_stray(word.to_bytes(), desk.keys.contact.agency, desk.force.world(), desk.gone, code))
            await until_answered(desk)
    assert [e["event"] for e in logs].count("alarm") == alarms


async def test_without_a_mandate_no_key_is_stated(desk: Place, clock: list[int]) -> None:
    former = replace(desk, keys=desk.home.unlock("former-liaison"))
    clock.append(desk.scheduled)
    async with connected(former, FakeBus(), desk.scheduled) as client:
        assert (await client.tend_keys())[0] is None
        with pytest.raises(NotPermitted, match="no mandate in force"):
            await client.tend_keys(renew=True)


async def test_a_key_that_another_process_made_opens_here_once_it_is_published(desk: Place, clock: list[int]) -> None:
    clock.append(desk.scheduled)
    async with connected(desk, FakeBus(), desk.scheduled) as client:
        desk.next(desk.scheduled)
        made = stated(desk.words()[0])
        client.keys = replace(client.keys, contact=desk.with_statements(made).keys.contact)
        await client._find_keys()
        assert made.key in {k.public for k in client.keys.decryption}


def test_no_word_of_the_keyring_holds_a_private_half(desk: Place) -> None:
    desk.next(desk.scheduled)
    destroy(desk, desk.gone)
    raw = [k.raw for k in desk.stored()]
    assert raw and all(secret not in data for secret in raw for data in desk.journal.unsaid())
