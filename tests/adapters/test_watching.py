"""An agency's eye on the log: what continues is believed, what forks is an alarm, what lags is asked again."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from adapters.client import AgencyClient
from adapters.examining import log
from adapters.home import clock
from adapters.journal import Journal
from adapters.watching import WITNESSED, LogWatch, witnessed
from audit.checkpoint import Checkpoint, VerifierKey, sign_checkpoint
from audit.tree import Tree, leaf_hash
from audit.witness import WitnessKey, cosign, joined
from keys.domains import KeyKind
from keys.signing import Signer
from messages import cbor, limits
from messages.directory import Bundle, Directory, Operator, Witness
from messages.errors import DependencyError, Unverified
from messages.health import Health
from messages.raised import What
from tests.keys.world import seed

SIGNER = Signer(KeyKind.LOG, "waaaaaaaaaaaa", seed("log"))
KEY = VerifierKey(name="force/log", public=SIGNER.public)


def history(*leaves: str) -> Tree:
    tree = Tree()
    tree.extend(leaf.encode() for leaf in leaves)
    return tree


HONEST = history("a", "b", "c", "d", "e")
FORK = history("a", "b", "X", "d", "e")


def head(tree: Tree, size: int, signer: Signer = SIGNER) -> bytes:
    key = VerifierKey(name=KEY.name, public=signer.public)
    return sign_checkpoint(Checkpoint(origin=KEY.name, size=size, root=tree.root(size)), key, signer.sign_note)


@dataclass
class Broker:
    """A broker that shows whatever it is told to show: of each answer, from which tree and at which size."""

    shows: tuple[Tree, int] = (HONEST, 5)
    proves: tuple[Tree, int] = (HONEST, 5)
    extends: list[tuple[Tree, int]] = field(default_factory=lambda: [(HONEST, 5)])  # in turn; the last one stays
    foreign = 0
    final: bytes | None = None

    async def ask(self, verb: str, data: bytes, timeout: float = 0) -> bytes:
        match verb:
            case "head":
                return head(*self.shows)
            case "final" | "offered":
                return cbor.dump(self.final)
            case "proof":
                tree, size = self.proves
                index = next((i for i in range(size) if tree.leaf(i) == data), None)
                if index is None:
                    return cbor.dump(None)
                proof = tree.inclusion_proof(index, size)
                return cbor.dump({"index": index, "size": size, "proof": proof, "checkpoint": head(tree, size)})
            case "consistency":
                tree, size = self.extends.pop(0) if len(self.extends) > 1 else self.extends[0]
                old = cbor.load(data, 16, "size")
                if not isinstance(old, int) or not 0 < old <= size:
                    return cbor.dump(None)
                return cbor.dump({"proof": tree.consistency_proof(old, size), "checkpoint": head(tree, size)})
        raise AssertionError(verb)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    kept = Journal(tmp_path / "journal.db")
    yield kept
    kept.close()


SIGNERS = [Signer(KeyKind.WITNESS, f"witness-{n}", seed(f"witness {n}")) for n in range(3)]
WITNESSES = [WitnessKey(name=s.handle, public=s.public) for s in SIGNERS]


def seen(note: bytes, *by: int, at: int = 1) -> bytes:
    """The note with the word of these witnesses, in seconds one after the other."""
    return joined(note, [cosign(note, WITNESSES[n], at + place, SIGNERS[n].sign_note) for place, n in enumerate(by)])


def watch(broker: Broker, journal: Journal) -> LogWatch:
    operator = Operator(name="force", nkey="U", workers=(), log_origin=KEY.name, log_vkey=str(KEY))
    directory = Directory(agencies=(), contacts=(), operator=operator)
    bundle = Bundle(
        epoch=1,
        created=0,
        expires=1,
        directory=directory,
        witnesses=tuple(Witness(label=w.name, vkey=str(w)) for w in WITNESSES),
    )
    return LogWatch(bundle, journal, broker)  # type: ignore[arg-type]


def saw(journal: Journal, tree: Tree, size: int) -> None:
    journal.saw_head(size, tree.root(size))


async def test_the_first_head_is_kept_and_later_ones_continue_it(journal: Journal) -> None:
    first = watch(Broker(shows=(HONEST, 3)), journal)
    assert (await first.head() or pytest.fail()).size == 3
    assert journal.head() == (3, HONEST.root(3))
    assert (await watch(Broker(), journal).head() or pytest.fail()).size == 5
    assert journal.head() == (5, HONEST.root(5))


async def test_an_empty_log_is_no_head_to_keep(journal: Journal) -> None:
    await watch(Broker(shows=(HONEST, 0)), journal).head()
    assert journal.head() is None


@pytest.mark.parametrize("seen", [3, 5])
async def test_a_fork_is_an_alarm_whether_it_is_as_long_or_longer(journal: Journal, seen: int) -> None:
    saw(journal, HONEST, seen)
    with pytest.raises(Unverified, match="forked"):
        await watch(Broker(shows=(FORK, 5), extends=[(FORK, 5)]), journal).head()
    assert journal.head() == (seen, HONEST.root(seen))


async def test_a_forked_head_is_not_hidden_by_an_honest_proof_about_another(journal: Journal) -> None:
    saw(journal, HONEST, 2)  # up to here both are one
    with pytest.raises(Unverified, match="forked"):
        await watch(Broker(shows=(FORK, 4), extends=[(HONEST, 5)]), journal).head()
    with pytest.raises(Unverified, match="forked"):
        await watch(Broker(shows=(FORK, 4), extends=[(HONEST, 5), (FORK, 5)]), journal).head()


async def test_a_shorter_fork_is_an_alarm_too(journal: Journal) -> None:
    saw(journal, HONEST, 5)
    with pytest.raises(Unverified, match="forked"):
        await watch(Broker(shows=(FORK, 4)), journal).head()
    assert (await watch(Broker(shows=(HONEST, 4)), journal).head() or pytest.fail()).size == 4


async def test_a_broker_that_lags_behind_is_asked_again_later(journal: Journal) -> None:
    saw(journal, HONEST, 5)
    with pytest.raises(DependencyError, match="shorter log"):
        await watch(Broker(shows=(HONEST, 4), extends=[(HONEST, 4)]), journal).head()


async def test_a_log_that_grows_between_two_answers_is_still_compared(journal: Journal) -> None:
    saw(journal, HONEST, 2)
    growing = Broker(shows=(HONEST, 3), extends=[(HONEST, 4), (HONEST, 5)])
    assert (await watch(growing, journal).head() or pytest.fail()).size == 3
    assert journal.head() == (5, HONEST.root(5))


async def test_a_proof_counts_only_under_a_head_that_continues_ours(journal: Journal) -> None:
    saw(journal, HONEST, 3)
    found = await watch(Broker(), journal).prove(leaf_hash(b"d"))
    assert found is not None and (found.index, found.size, found.root) == (3, 5, HONEST.root())
    assert await watch(Broker(), journal).prove(leaf_hash(b"?")) is None
    with pytest.raises(Unverified, match="forked"):
        await watch(Broker(proves=(FORK, 5)), journal).prove(leaf_hash(b"X"))


async def test_a_head_by_another_key_is_nobodys(journal: Journal) -> None:
    class Other(Broker):
        async def ask(self, verb: str, data: bytes, timeout: float = 0) -> bytes:
            return head(HONEST, 5, Signer(KeyKind.LOG, "wbbbbbbbbbbbb", seed("other")))

    with pytest.raises(Unverified, match="its key signed"):
        await watch(Other(), journal).head()


async def test_the_doctor_says_of_a_fork_to_call_and_to_send_nothing(journal: Journal) -> None:
    saw(journal, HONEST, 5)
    (found,) = await log(watch(Broker(shows=(FORK, 5)), journal), journal, 1, 0)
    assert found.health is Health.BAD
    assert "forked" in found.says and "send nothing" in found.do


async def test_the_doctor_names_records_that_were_promised_and_are_not_there(journal: Journal) -> None:
    journal.confirmed_epoch(1, 0)
    journal.promised([(leaf_hash(b"d"), 10), (leaf_hash(b"?"), 10), (leaf_hash(b"!"), 30)])
    good, broken = await log(watch(Broker(), journal), journal, 1, 20)
    assert (good.health, broken.health) == (Health.GOOD, Health.BAD)
    assert "1 record " in broken.says
    assert {leaf for leaf, _ in journal.open_promises()} == {leaf_hash(b"?"), leaf_hash(b"!")}


# What others say that they were shown


@pytest.mark.parametrize("size", [2, 4, 5])
async def test_a_head_that_another_verified_is_of_the_log_that_is_shown_to_us(journal: Journal, size: int) -> None:
    saw(journal, HONEST, 4)
    assert await watch(Broker(), journal).compare(size, HONEST.root(size))


async def test_a_longer_log_than_is_shown_to_us_is_waited_for(journal: Journal) -> None:
    saw(journal, HONEST, 3)
    assert not await watch(Broker(extends=[(HONEST, 4)]), journal).compare(5, HONEST.root(5))


@pytest.mark.parametrize("size", [3, 4, 5])
async def test_one_head_of_a_fork_is_noticed_whoever_was_shown_which(journal: Journal, size: int) -> None:
    saw(journal, HONEST, 4)
    with pytest.raises(Unverified, match="forked"):
        await watch(Broker(), journal).compare(size, FORK.root(size))


async def test_a_broker_that_shows_its_fork_to_whoever_asks_is_noticed_too(journal: Journal) -> None:
    saw(journal, HONEST, 4)
    with pytest.raises(Unverified, match="forked"):
        await watch(Broker(extends=[(FORK, 5)]), journal).compare(5, FORK.root(5))
    assert journal.head() == (4, HONEST.root(4))


def gossiping(journal: Journal, broker: Broker) -> AgencyClient:
    """A client of which only the journal and its eye on the log matter."""
    made: Any = object.__new__(AgencyClient)
    made.journal = journal
    made._watch = lambda: watch(broker, journal)
    made.raised = []
    made.raise_alarm = made.raised.append
    return made  # type: ignore[no-any-return]


async def test_of_each_contact_the_newest_head_is_compared_once_and_another_one_stays_an_alarm(
    journal: Journal,
) -> None:
    saw(journal, HONEST, 4)
    journal.heard_head("a", 2, HONEST.root(2), 1)
    journal.heard_head("a", 5, HONEST.root(5), 2)
    journal.heard_head("a", 3, FORK.root(3), 3)  # smaller: it had verified both itself
    journal.heard_head("b", 3, FORK.root(3), 4)
    for _ in range(2):
        assert await gossiping(journal, Broker()).check_heads() == ["b"]
        assert journal.unproved_heads() == [("b", 3, FORK.root(3), 4)]
    journal.heard_head("a", 5, FORK.root(5), 5)  # of the same size another one
    made: Any = gossiping(journal, Broker())
    assert await made.check_heads() == ["a", "b"] and made.raised == [What.LOG_DIFFERS]


async def test_a_head_that_is_longer_than_ours_is_an_alarm_once_its_time_is_over(journal: Journal) -> None:
    shorter = Broker(extends=[(HONEST, 4)])
    journal.heard_head("a", 5, HONEST.root(5), clock())
    assert await gossiping(journal, shorter).check_heads() == []
    journal.heard_head("b", 5, HONEST.root(5), clock() - limits.INCLUDE_BY - 1)
    assert await gossiping(journal, shorter).check_heads() == ["b"]
    assert await gossiping(journal, Broker()).check_heads() == []  # it has caught up


async def test_doctor_tells_of_a_contact_that_was_shown_another_log(journal: Journal) -> None:
    saw(journal, HONEST, 4)
    journal.confirmed_epoch(1, 0)
    journal.heard_head("a", 3, FORK.root(3), 1)
    found = await log(watch(Broker(), journal), journal, 1, 2)
    assert [f.health for f in found] == [Health.GOOD, Health.BAD]
    assert "another log" in found[1].says
    journal.heard_head("a", 5, HONEST.root(5), 1)
    assert [f.health for f in await log(watch(Broker(), journal), journal, 1, 2)] == [Health.GOOD]


# Witnesses


async def test_a_head_that_two_witnesses_saw_is_final_and_both_say_when(journal: Journal) -> None:
    final = await watch(Broker(final=seen(head(HONEST, 4), 2, 0, at=100)), journal).final()
    assert final is not None
    assert (final.head.size, final.at, final.witnesses) == (4, 100_000, 2)
    assert await watch(Broker(final=seen(head(HONEST, 4), 1)), journal).final() is None
    assert await watch(Broker(), journal).final() is None


async def test_a_final_head_of_a_fork_is_an_alarm_whoever_saw_it(journal: Journal) -> None:
    saw(journal, HONEST, 4)
    with pytest.raises(Unverified, match="forked"):
        await watch(Broker(final=seen(head(FORK, 5), 0, 1)), journal).final()


@pytest.mark.parametrize("lie", [b"", b"nonsense", head(HONEST, 4, SIGNERS[0])], ids=["nothing", "nonsense", "key"])
async def test_what_is_no_head_of_the_log_is_not_believed(journal: Journal, lie: bytes) -> None:
    for call in (watch(Broker(final=lie), journal).final, watch(Broker(final=lie), journal).offered):
        with pytest.raises(Unverified):
            await call()


async def test_a_witnesss_word_on_another_head_is_a_lie(journal: Journal) -> None:
    word = seen(head(HONEST, 3), 0)[len(head(HONEST, 3)) :]
    with pytest.raises(Unverified, match="witness"):
        await watch(Broker(final=joined(head(HONEST, 4), [word])), journal).final()


async def test_a_log_that_goes_on_unseen_for_an_hour_is_an_alarm_and_one_that_stands_still_is_none(
    journal: Journal,
) -> None:
    at, later = 1000, WITNESSED + 1001
    final = seen(head(HONEST, 4), 0, 1, at=0 + 1)
    grown = Broker(final=final)
    assert await witnessed(watch(grown, journal), at + WITNESSED) is not None
    with pytest.raises(Unverified, match="hour"):
        await witnessed(watch(grown, journal), later + at)
    still = Broker(final=seen(head(HONEST, 5), 0, 1))
    assert await witnessed(watch(still, journal), later * 2) is not None
    assert await witnessed(watch(Broker(), journal), later) is None  # nobody has begun


@pytest.mark.parametrize("honest", [1, 2])
async def test_one_witness_that_dates_its_word_ahead_does_not_hide_that_nobody_looks(
    journal: Journal, honest: int
) -> None:
    note = seen(head(HONEST, 4), *range(honest), at=1)
    lied = joined(note, [cosign(note, WITNESSES[2], 10**9, SIGNERS[2].sign_note)])
    grown = Broker(final=lied)
    assert await witnessed(watch(grown, journal), WITNESSED) is not None
    with pytest.raises(Unverified, match="hour"):
        await witnessed(watch(grown, journal), WITNESSED + honest * 1000 + 1)


@pytest.mark.parametrize("lie", [1, 10**9])
async def test_of_three_witnesses_one_moves_the_time_no_further_than_the_two_others_say(
    journal: Journal, lie: int
) -> None:
    note = seen(head(HONEST, 4), 0, 1, at=500)
    final = await watch(
        Broker(final=joined(note, [cosign(note, WITNESSES[2], lie, SIGNERS[2].sign_note)])), journal
    ).final()
    assert final is not None and 500_000 <= final.at <= 501_000


async def test_doctor_tells_whether_witnesses_see_the_log(journal: Journal) -> None:
    journal.confirmed_epoch(1, 0)
    for final, health in ((None, Health.WARN), (seen(head(HONEST, 4), 0, 1), Health.BAD)):
        found = await log(watch(Broker(final=final), journal), journal, 1, 3 * WITNESSED, named=3)
        assert (found[-1].what, found[-1].health) == ("witnesses", health)
    found = await log(watch(Broker(final=seen(head(HONEST, 5), 0, 1)), journal), journal, 1, 3 * WITNESSED, named=3)
    assert found[-1].health is Health.GOOD
    assert [f.what for f in await log(watch(Broker(), journal), journal, 1, 0, named=1)] == ["log"]
