"""An adapter and the epochs of the trust bundle: what a newer one makes wait, what an older one may still open, and
that the log holds the extract we were given.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.client import AgencyClient, Received
from adapters.home import Home
from adapters.journal import ACCEPTED, NEW, OPENED, QUARANTINED, QUEUED, Journal
from adapters.trust import MISSED
from adapters.watching import LogWatch
from audit.checkpoint import Checkpoint, VerifierKey, sign_checkpoint
from audit.record import EPOCH, KEY_STATED, SALT_BYTES, trust_record
from audit.record import leaf as record_leaf
from audit.tree import Tree
from broker import records
from keys.domains import KeyKind
from keys.epochs import EpochTree, epoch_leaf, epoch_tree, lined_up
from keys.signing import Signer
from keys.updating import Taken
from messages import cbor
from messages.ceremony import EpochStatement
from messages.directory import Bundle, Directory
from messages.envelope import Delivery
from messages.errors import BundleRefused, DependencyError, Disagrees, Malformed, NewerEpoch, RemoteError, Unverified
from messages.evidence import Stamp
from messages.limits import DAY
from tests.adapters.test_receiving import FIRMS, delivered, restamped
from tests.fakes.bus import FakeBus
from tests.keys.world import seed
from tests.support.orchid import PROSECUTOR, TaskForce
from tests.support.patience import PATIENCE

VIEW = "ab" * 16


@dataclass
class Place:
    """A copy of the prosecutor's folder and its adapter, on a bus in memory; `bus` is what it hears and says."""

    force: TaskForce
    client: AgencyClient
    journal: Journal
    bus: FakeBus

    @property
    def handle(self) -> str:
        return self.client.keys.contact.handle

    def arrives(self, data: bytes, view: str = VIEW) -> None:
        self.journal.received(view, self.handle, data, 0)

    def delivery(self, **stamp: Any) -> bytes:
        """An honest message; with `stamp`, as a dishonest broker stamps it."""
        return restamped(self.force, delivered(self.force, FIRMS, PROSECUTOR), stamp=lambda s: replace(s, **stamp))

    def under(self, epoch: int, **changed: Any) -> None:
        """Go on under another bundle, as if it had been fetched."""
        self.client._take(self.client.home.under(replace(self.client.home.bundle, epoch=epoch, **changed)))

    def publish(self, epoch: int, patch: pytest.MonkeyPatch) -> None:
        """What the next refresh finds."""
        bundle = replace(self.client.home.bundle, epoch=epoch)
        patch.setattr(self.client.home.trust, "refresh", lambda *_: Taken(bundle, True))

    def state(self) -> tuple[str, str | None]:
        (kept,) = self.journal.incoming()
        return kept.state, kept.code


@pytest.fixture
def place(force: TaskForce, tmp_path: Path) -> Iterator[Place]:
    folder = tmp_path / "district-prosecutor"
    shutil.copytree(force.practice.party("district-prosecutor"), folder)
    home = Home.open(folder, force.passphrase)
    journal, bus = Journal(folder / "journal.db"), FakeBus()
    keys = home.unlock("trafficking-desk")
    bus.consumers.add((keys.contact.agency, keys.contact.handle))
    yield Place(force, AgencyClient(home, keys, journal, bus.agency(keys.contact.agency)), journal, bus)
    journal.close()


async def soon(stream: AsyncIterator[Received]) -> Received:
    async with asyncio.timeout(PATIENCE):
        return await anext(stream)


# A newer epoch than ours


async def test_a_message_of_a_newer_epoch_stays_new_until_that_is_fetched(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.arrives(place.delivery(epoch=7))
    received = await place.client.open(place.client.find_view(VIEW))
    assert (received.opened, received.code) == (None, NewerEpoch.code)
    assert place.state() == (NEW, None)
    assert [e for e, _ in place.journal.newer_epochs(1)] == [7]
    assert place.journal.unsent_retrievals() == []
    place.publish(7, monkeypatch)
    assert (await place.client.open(place.client.find_view(VIEW))).opened is not None
    assert place.state() == (OPENED, None) and place.client.home.bundle.epoch == 7


async def test_whoever_waits_for_deliveries_gets_it_when_the_bundle_was_fetched(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.arrives(place.delivery(epoch=7))
    async with aclosing(place.client.deliveries()) as stream:  # type: ignore[type-var]
        assert (await soon(stream)).opened is None
        following = asyncio.ensure_future(soon(stream))
        place.publish(7, monkeypatch)
        await place.client.refresh()
        assert (await following).opened is not None
    assert place.state() == (OPENED, None)


@pytest.mark.parametrize("error", [DependencyError(), BundleRefused("mixed"), OSError(28, "No space left on device")])
async def test_a_refresh_that_fails_loses_no_message(
    place: Place, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(*_: object) -> Taken:
        raise error

    monkeypatch.setattr(place.client.home.trust, "refresh", fails)
    place.arrives(place.delivery(epoch=7))
    assert (await place.client.open(place.client.find_view(VIEW))).code == NewerEpoch.code
    assert place.state() == (NEW, None)


async def test_refreshes_at_once_follow_each_other(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    running: list[int] = []

    async def refreshed(_: Home) -> tuple[Home, Taken]:
        assert not running, "a trust copy is not for two at once"
        running.append(1)
        await asyncio.sleep(0)
        running.pop()
        return place.client.home, Taken(place.client.home.bundle, False)

    monkeypatch.setattr(Home, "refreshed", refreshed)
    assert await asyncio.gather(*(place.client.refresh() for _ in range(3))) == [False] * 3


async def test_an_epoch_that_is_missed_for_an_hour_is_an_alarm_and_not_before(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = place.force.now
    place.journal.confirmed_epoch(1, seen)
    place.journal.saw_epoch(9, seen)
    place.journal.saw_epoch(9, seen + MISSED)  # the first time counts
    for now, missed in ((seen + MISSED, []), (seen + MISSED + 1, [9])):
        monkeypatch.setattr("adapters.client.clock", lambda now=now: now)
        with capture_logs() as logs:
            assert await place.client.check_epochs() == missed
        assert [(e["event"], e["what"], e["epoch"]) for e in logs] == [("alarm", "epoch-missed", e) for e in missed]
    place.under(9)
    place.journal.confirmed_epoch(9, seen)
    assert await place.client.check_epochs() == []


# An agreement that was narrowed since


def narrowed(place: Place, epoch: int = 2) -> None:
    """The agreements by which the message was permitted are no more."""
    place.under(epoch, agreements={})


def kept(place: Place, patch: pytest.MonkeyPatch, epoch: int) -> None:
    """Of the time of the admission, our copy has this epoch as the newest, and it still permits the message."""
    state, bundle = place.client.home.trust.copy.at(place.force.now)
    then = (replace(state, epoch=epoch), replace(bundle, epoch=epoch))
    patch.setattr(place.client.home.trust.copy, "at", lambda moment: then)


async def test_what_was_permitted_when_it_was_admitted_opens_under_a_narrower_bundle(place: Place) -> None:
    place.arrives(place.delivery())
    narrowed(place)
    received = await place.client.open(place.client.find_view(VIEW))
    assert received.opened is not None and place.state() == (OPENED, None)


async def test_what_was_admitted_before_the_first_bundle_we_have_is_kept_aside(place: Place) -> None:
    place.arrives(place.delivery(admitted=place.force.now - DAY // 24))
    narrowed(place)
    assert (await place.client.open(place.client.find_view(VIEW))).opened is None
    assert place.state()[0] == QUARANTINED


@pytest.mark.parametrize(
    ("stamped", "newest_then", "opens"),
    [(2, 2, True), (1, 2, False), (3, 2, False), (3, 3, False), (2, 1, False), (1, 3, False)],
    ids=["in force then", "an old one", "one we took later", "ours", "one we lack", "an old one, ours in force"],
)
async def test_a_stamp_does_not_choose_the_bundle_to_decide_by(
    place: Place, monkeypatch: pytest.MonkeyPatch, stamped: int, newest_then: int, opens: bool
) -> None:
    place.arrives(place.delivery(epoch=stamped))
    narrowed(place, 3)
    kept(place, monkeypatch, newest_then)
    received = await place.client.open(place.client.find_view(VIEW))
    assert (received.opened is not None) == opens
    assert place.state() == ((OPENED, None) if opens else (QUARANTINED, Disagrees.code))


async def test_a_decision_that_the_older_bundle_does_not_give_either_is_kept_aside(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.arrives(place.delivery(rules=("XX-1",)))
    narrowed(place)
    received = await place.client.open(place.client.find_view(VIEW))
    assert (received.opened, received.code) == (None, Disagrees.code)


async def test_who_was_no_contact_of_ours_then_opens_nothing_by_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.arrives(place.delivery())
    narrowed(place)
    state, bundle = place.client.home.trust.copy.at(place.force.now)
    known = bundle.directory
    contacts = tuple(c for c in known.contacts if c.handle != place.handle)
    fields = {n: getattr(known, n) for n in Directory.model_fields} | {"contacts": contacts}
    then = (state, replace(bundle, directory=Directory(**fields)))
    monkeypatch.setattr(place.client.home.trust.copy, "at", lambda _: then)
    assert (await place.client.open(place.client.find_view(VIEW))).code == Disagrees.code


# What is queued


async def test_what_is_queued_does_not_go_under_a_bundle_that_does_not_hold(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.journal.save(b"s" * 32, b"m" * 16, place.handle, b"data", 0, state=QUEUED)
    place.arrives(place.delivery())
    await place.client.open(place.client.find_view(VIEW))
    expires = place.client.home.bundle.expires
    monkeypatch.setattr("adapters.client.clock", lambda: expires)
    with capture_logs() as logs:
        assert await place.client.flush() == 0
    assert [e["waiting"] for e in logs if e["event"] == "not-sent"] == [1]
    assert [k.subject.rpartition(".")[2] for k in place.bus.submissions.values()] == ["retrieval"]
    assert [o.state for o in place.journal.outgoing()] == [QUEUED] != [ACCEPTED]


# The log holds the extract that we were given


OURS = b"\x11" * 32
LOG = Signer(KeyKind.LOG, "waaaaaaaaaaaa", seed("log"))
KEY = VerifierKey(name="force/log", public=LOG.public)
SALT = bytes(SALT_BYTES)


class Broker:
    """A broker that confirms epoch 5 to us, with whatever a test changes in its answer or in its log."""

    foreign = 0

    def __init__(
        self,
        *,
        epoch: int = 5,
        leaf: bytes = OURS,
        answer: Callable[[dict[str, object]], object] = lambda a: a,
        record: Callable[[Any], Any] = lambda r: r,
        logged: bool = True,
    ) -> None:
        self.asked: list[str] = []
        tree: EpochTree = epoch_tree(lined_up([epoch_leaf(5, leaf), b"\x22" * 32]))
        stated = EpochStatement(
            epoch=epoch, at=1, root=tree.root, extracts=len(tree.leaves), full=bytes(32), previous=None
        )
        index, path = tree.path(epoch_leaf(5, leaf))
        named = sha256(stated.to_bytes()).digest()
        noted = trust_record(at=1, epoch=5, by="waaaaaaaaaaaa", step=EPOCH, digest=named, signers=("oaaaaaaaaaaaa",))
        raw = records.write_trust(record(noted))
        self.log = Tree()
        self.log.extend([b"first", *([record_leaf(SALT, raw)] if logged else []), b"last"])
        self._answer = answer(
            {"statement": stated.to_bytes(), "index": index, "path": list(path), "salt": SALT, "record": raw}
        )

    async def ask(self, verb: str, data: bytes, timeout: float = 0) -> bytes:
        self.asked.append(verb)
        if verb == "epoch":
            assert cbor.load(data, 16, "epoch") == 5
            return self._answer if isinstance(self._answer, bytes) else cbor.dump(self._answer)
        assert verb == "proof"
        size = self.log.size
        index = next((i for i in range(size) if self.log.leaf(i) == data), None)
        if index is None:
            return cbor.dump(None)
        head = sign_checkpoint(Checkpoint(origin=KEY.name, size=size, root=self.log.root(size)), KEY, LOG.sign_note)
        proof = self.log.inclusion_proof(index, size)
        return cbor.dump({"index": index, "size": size, "proof": proof, "checkpoint": head})


def watch(broker: Broker, journal: Journal, force: TaskForce) -> LogWatch:
    operator = force.bundle.directory.operator.model_copy(update={"log_origin": KEY.name, "log_vkey": str(KEY)})
    directory = Directory(agencies=(), contacts=(), operator=operator)
    bundle = Bundle(epoch=5, created=0, expires=1, directory=directory, digest=OURS)
    return LogWatch(bundle, journal, broker)  # type: ignore[arg-type]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal.db")
    yield made
    made.close()


async def test_an_epoch_is_confirmed_once_and_for_good(force: TaskForce, journal: Journal) -> None:
    broker = Broker()
    assert await watch(broker, journal, force).confirm_epoch(1)
    assert broker.asked == ["epoch", "proof"] and journal.is_confirmed(5)
    assert await watch(broker, journal, force).confirm_epoch(2)
    assert broker.asked == ["epoch", "proof"], "it is not asked again"


@pytest.mark.parametrize(
    "broker",
    [Broker(logged=False), Broker(answer=lambda _: None)],
    ids=["the log does not hold it yet", "the broker is at another epoch"],
)
async def test_what_is_not_there_yet_is_asked_again(force: TaskForce, journal: Journal, broker: Broker) -> None:
    assert not await watch(broker, journal, force).confirm_epoch(1)
    assert not journal.is_confirmed(5)


LIES: dict[str, Broker] = {
    "another extract of ours": Broker(leaf=b"\x33" * 32),
    "another place": Broker(answer=lambda a: {**a, "index": (int(str(a["index"])) + 1) % 4}),
    "a place beyond": Broker(answer=lambda a: {**a, "index": 4}),
    "a shorter path": Broker(answer=lambda a: {**a, "path": list(a["path"])[:-1]}),  # type: ignore[call-overload]
    "a longer path": Broker(answer=lambda a: {**a, "path": [*a["path"], bytes(32)]}),  # type: ignore[misc]
    "another epoch's statement": Broker(epoch=4),
    "a record of another epoch": Broker(record=lambda r: replace(r, epoch=4)),
    "a record of another statement": Broker(record=lambda r: replace(r, digest=bytes(32))),
    "a record of another step": Broker(
        record=lambda r: replace(r, step=KEY_STATED, subject="caaaaaaaaaaaa", number=1, signers=("caaaaaaaaaaaa",))
    ),
    "bytes that are no record": Broker(answer=lambda a: {**a, "record": b"nothing"}),
}


@pytest.mark.parametrize("lie", LIES)
async def test_an_extract_that_the_log_does_not_hold_for_us_is_an_alarm(
    force: TaskForce, journal: Journal, lie: str
) -> None:
    with pytest.raises(Unverified):
        await watch(LIES[lie], journal, force).confirm_epoch(1)
    assert not journal.is_confirmed(5)


@pytest.mark.parametrize(
    "answer",
    [
        lambda a: {},
        lambda a: {**a, "more": 1},
        lambda a: {**a, "salt": b"short"},
        lambda a: {**a, "path": [b"short"]},
        lambda a: {**a, "statement": b"nothing"},
        lambda a: [1],
        lambda a: b"\xff\xff",
    ],
)
async def test_an_answer_that_cannot_be_read_confirms_nothing(
    force: TaskForce, journal: Journal, answer: Callable[[dict[str, object]], object]
) -> None:
    with pytest.raises(RemoteError) as caught:
        await watch(Broker(answer=answer), journal, force).confirm_epoch(1)
    assert isinstance(caught.value, Malformed | Unverified) and not journal.is_confirmed(5)


async def test_the_salt_is_part_of_what_the_log_holds(force: TaskForce, journal: Journal) -> None:
    other = Broker(answer=lambda a: {**a, "salt": b"\x01" * SALT_BYTES})
    assert not await watch(other, journal, force).confirm_epoch(1)


async def test_without_a_connection_only_what_was_seen_is_told(place: Place) -> None:
    place.client._port = None
    place.journal.saw_epoch(9, place.force.now - MISSED - DAY)
    assert await place.client.check_epochs() == [9]


def test_a_stamp_is_what_these_tests_say(place: Place) -> None:
    """The epoch of an honest stamp is the one in force."""
    assert Stamp.from_bytes(Delivery.from_bytes(place.delivery()).stamp.body).epoch == place.client.home.bundle.epoch
