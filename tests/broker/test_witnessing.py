"""A head is offered to all witnesses until it is final; what joins it is a witness's word on that very head."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from audit.checkpoint import MAX_SIGNATURES, Checkpoint, VerifierKey, read_note, sign_checkpoint
from audit.tree import Tree
from audit.witness import WitnessKey, cosign, final, joined
from broker.witnessing import OFFERED, Witnessing
from keys.domains import KeyKind
from keys.signing import Signer
from messages.errors import DependencyError, Malformed, RemoteError, Unverified
from messages.limits import CLOCK_SKEW
from tests.keys.world import seed

NOW = 1_790_000_000_000
LOG = Signer(KeyKind.LOG, "waaaaaaaaaaaa", seed("log"))
KEY = VerifierKey(name="force/log", public=LOG.public)
SIGNERS = [Signer(KeyKind.WITNESS, f"witness-{n}", seed(f"witness {n}")) for n in range(4)]
WITNESSES = [WitnessKey(name=s.handle, public=s.public) for s in SIGNERS]
STRANGER = 3  # not in the bundle


def head(size: int, word: str = "") -> bytes:
    tree = Tree()
    tree.extend(f"{word}{n}".encode() for n in range(size))
    return sign_checkpoint(Checkpoint(origin=KEY.name, size=size, root=tree.root()), KEY, LOG.sign_note)


def seen(note: bytes, by: int, at: int = NOW) -> bytes:
    return joined(note, [cosign(note, WITNESSES[by], at // 1000, SIGNERS[by].sign_note)])


@dataclass
class Town:
    newest: bytes | None = field(default_factory=lambda: head(3))
    kept: list[bytes] = field(default_factory=list)
    down: bool = False

    def __post_init__(self) -> None:
        operator = SimpleNamespace(log_vkey=str(KEY))
        vkeys = [str(w) for w in WITNESSES[:STRANGER]] + ["nonsense"]
        bundle: Any = SimpleNamespace(
            directory=SimpleNamespace(operator=operator), witnesses=[SimpleNamespace(vkey=v) for v in vkeys]
        )
        self.witnessing = Witnessing(self, lambda: self.newest, lambda: bundle)

    async def put_final(self, note: bytes) -> None:
        if self.down:
            raise DependencyError
        self.kept.append(note)

    async def last_final(self) -> bytes | None:
        return self.kept[-1] if self.kept else None

    def offered(self, now: int = NOW) -> bytes:
        found = self.witnessing.offered(now)
        assert found is not None
        return found


async def test_a_head_is_final_with_the_second_witness_and_kept_once() -> None:
    town = Town()
    first = town.offered()
    await town.witnessing.take(seen(first, 0), NOW)
    assert town.kept == []
    await town.witnessing.take(seen(first, 1), NOW)  # it was asked for before the other's word had come
    (kept,) = town.kept
    assert final(kept, WITNESSES) is not None
    await town.witnessing.take(seen(town.offered(), 2), NOW)
    assert len(town.kept) == 1


async def test_one_head_is_offered_while_the_log_grows_and_the_next_when_it_is_final_or_its_time_is_over() -> None:
    town = Town()
    first = town.offered()
    town.newest = head(9)
    assert town.offered(NOW + OFFERED - 1) == first
    assert town.offered(NOW + OFFERED) == town.newest
    town.newest = head(12)
    for by in (0, 1):
        await town.witnessing.take(seen(town.offered(NOW + OFFERED), by), NOW)
    assert town.offered(NOW + OFFERED + 1) == town.newest


async def test_a_head_that_is_final_stays_on_offer_until_there_is_another() -> None:
    town = Town()
    for by in (0, 1):
        await town.witnessing.take(seen(town.offered(), by), NOW)
    assert town.offered(NOW + 2 * OFFERED) == town.kept[0]


def test_an_empty_log_offers_nothing() -> None:
    assert Town(newest=None).witnessing.offered(NOW) is None


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda note: note, id="nobody's word"),
        pytest.param(lambda note: seen(note, STRANGER), id="a stranger's"),
        pytest.param(lambda _: seen(head(4), 0), id="of another head"),
        pytest.param(lambda _: seen(head(3, "fork"), 0), id="of a fork"),
        pytest.param(lambda note: seen(note, 0).replace(b"force/log", b"other/log"), id="of another log"),
        pytest.param(lambda note: note + seen(note, 0)[len(note) :].replace(b"witness-0", b"witness-1"), id="renamed"),
        pytest.param(lambda note: seen(note, 0)[:-20] + b"\n", id="cut"),
        pytest.param(lambda _: b"", id="nothing"),
        pytest.param(lambda _: b"\xff" * 400, id="nonsense"),
    ],
)
async def test_what_is_not_a_witnesss_word_on_the_head_on_offer_is_refused(wrong: Any) -> None:
    town = Town()
    note = town.offered()
    with pytest.raises(RemoteError) as refused:
        await town.witnessing.take(wrong(note), NOW)
    assert isinstance(refused.value, Malformed | Unverified)
    assert town.offered() == note


async def test_what_a_stranger_adds_beside_a_witness_is_left_out() -> None:
    town = Town()
    note = seen(seen(town.offered(), STRANGER), 0)
    assert b"witness-3" not in await town.witnessing.take(note, NOW)


async def test_before_anything_was_offered_nothing_is_taken() -> None:
    with pytest.raises(Unverified):
        await Town().witnessing.take(seen(head(3), 0), NOW)


async def test_whoever_hands_in_many_lines_fills_the_note_for_nobody() -> None:
    town = Town()
    first = town.offered()
    start = len(first)
    namesakes = [  # of a witness's name, by a key that is not the witness's
        cosign(first, WitnessKey(name=WITNESSES[0].name, public=s.public), NOW // 1000, s.sign_note)
        for s in (Signer(KeyKind.WITNESS, WITNESSES[0].name, seed(f"namesake {n}")) for n in range(90))
    ]
    await town.witnessing.take(joined(seen(first, 0), namesakes), NOW)
    assert len(read_note(town.offered()).signatures) == 2
    for n in range(1, MAX_SIGNATURES + 1):  # and a witness that cosigns at every second
        await town.witnessing.take(seen(first, 0, NOW - 1000 * n), NOW)
    assert town.offered() == first + seen(first, 0)[start:]
    await town.witnessing.take(seen(first, 1), NOW)
    assert final(town.kept[0], WITNESSES) is not None


async def test_of_lines_by_two_witnesses_the_new_one_joins_and_one_that_does_not_hold_ends_all() -> None:
    town = Town()
    both = seen(seen(town.offered(), 0), 1)
    with pytest.raises(Malformed):
        await town.witnessing.take(both[:-30] + b"A" * 20 + both[-10:], NOW)
    assert len(read_note(town.offered()).signatures) == 1
    await town.witnessing.take(both, NOW)
    assert town.kept == [both]


@pytest.mark.parametrize(("ahead", "taken"), [(CLOCK_SKEW, True), (CLOCK_SKEW + 1000, False), (10**14, False)])
async def test_a_word_of_tomorrow_is_not_taken(ahead: int, taken: bool) -> None:
    town = Town()
    first = town.offered()
    word = seen(first, 0, NOW + ahead)
    if taken:
        await town.witnessing.take(word, NOW)
    else:
        with pytest.raises(Unverified, match="clock"):
            await town.witnessing.take(word, NOW)
    assert (town.offered() == first) is not taken


async def test_a_final_head_that_could_not_be_kept_is_taken_the_next_time() -> None:
    town = Town()
    await town.witnessing.take(seen(town.offered(), 0), NOW)
    before, town.down = town.offered(), True
    with pytest.raises(DependencyError):
        await town.witnessing.take(seen(before, 1), NOW)
    assert town.offered() == before
    town.down = False
    await town.witnessing.take(seen(before, 1), NOW)
    assert len(town.kept) == 1 and town.offered() == town.kept[0]
