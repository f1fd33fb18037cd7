"""The journal: saved before it is sent, saved before it is acknowledged, whatever kills the process."""

import random
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.journal import ACCEPTED, DONE, HELD, NEW, OPENED, QUARANTINED, QUEUED, REJECTED, Journal, Unread
from messages.errors import DependencyError
from tests.adapters.writer import submission, view
from tests.support.databases import work

ROOT = Path(__file__).resolve().parent.parent.parent


def start(path: Path, first: int, *limit: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-m", "tests.adapters.writer", str(path), str(first), *map(str, limit)]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def assert_consistent(path: Path, said: list[str], kills: int = 1) -> int:
    """Everything that was said to be durable is there, each kill cost at most one round's rest, nothing is in part."""
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    journal = Journal(path)
    try:
        out = {int.from_bytes(o.submission, "big"): o for o in journal.outgoing()}
        inbox = {int(i.view, 16): i for i in journal.incoming()}
        signed = {int(v, 16): s for v, s in journal.unsent_retrievals()}
        for line in said:
            what, _, text = line.partition(" ")
            number = int(text) if text.isdigit() else -1
            match what:
                case "saved":
                    assert number in out
                case "received":
                    assert number in inbox
                case "opened":
                    assert inbox[number].state == OPENED and signed[number] == b"signed %d" % number
                case "answered":
                    assert (out[number].state, out[number].evidence) == (ACCEPTED, b"evidence %d" % number)
                case _:
                    raise AssertionError(line)
        for number, outgoing in out.items():
            assert outgoing.data == number.to_bytes(4, "big") * 800
            assert (outgoing.state == ACCEPTED) == (outgoing.evidence is not None)
        for number, incoming in inbox.items():
            assert number in out and (incoming.state == OPENED) == (number in signed)
            assert not journal.received(view(number), "c1", b"again", 0)  # the same view is handed to people once
        numbers = sorted(out)
        assert numbers == list(range(len(numbers)))
        assert 0 <= len(out) - len(inbox) <= kills and 0 <= len(inbox) - len(signed) <= kills
        assert 0 <= len(out) - sum(o.state == ACCEPTED for o in out.values()) <= kills
        return len(numbers)
    finally:
        journal.close()


def test_killed_between_any_two_writes_it_opens_again_complete(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    chance = random.Random(7)
    written, wrote = 0, 0
    for kills in range(1, 9):
        process = start(path, written)
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(chance.randrange(1, 40))]
        process.kill()
        rest = process.stdout.read()
        process.wait()
        process.stdout.close()
        said += [line for line in rest.split("\n")[:-1] if line]
        assert process.returncode == -9
        wrote += len(said)
        written = assert_consistent(path, said, kills)
    assert written > 4 and wrote > 20


@pytest.mark.parametrize("limit", [60_000, 90_000, 150_000])
def test_a_full_disk_is_one_sentence_and_the_journal_still_opens(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "journal.db"
    Journal(path).close()
    process = start(path, 0, limit)
    output, _ = process.communicate(timeout=60)
    *said, last = output.strip().split("\n")
    assert last == "trouble The journal cannot be written; free some disk space, then try again."
    assert process.returncode == 0
    assert len(said) > 3
    assert assert_consistent(path, said) >= 1
    journal = Journal(path)
    journal.save(submission(10**6), bytes(16), "c1", b"x", 1, state=QUEUED)  # with room again it goes on
    journal.close()


def test_a_journal_that_cannot_be_opened_is_a_dependency_that_failed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "noise").write_bytes(b"no database at all " * 100)
    for path in (tmp_path / "folder", tmp_path / "missing" / "journal.db", tmp_path / "noise"):
        with pytest.raises(DependencyError, match="cannot be opened"):
            Journal(path)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.db")


def test_only_its_owner_can_read_it(tmp_path: Path, journal: Journal) -> None:
    journal.save(b"s" * 32, b"m" * 16, "c1", b"d", 1, state=QUEUED)
    modes = {stat.S_IMODE(p.stat().st_mode) for p in tmp_path.glob("journal.db*")}
    assert modes == {0o600}


def test_the_same_bytes_are_kept_once_and_the_first_evidence_stays(journal: Journal) -> None:
    for _ in range(2):
        journal.save(b"s" * 32, b"m" * 16, "c1", b"d", 1, state=QUEUED)
    assert len(journal.outgoing(QUEUED)) == 1
    journal.answered(b"s" * 32, b"first", accepted=False, repeated=False)
    journal.answered(b"s" * 32, b"second", accepted=True, repeated=True)
    (one,) = journal.outgoing()
    assert (one.state, one.evidence, one.repeated) == (REJECTED, b"first", False)


def test_what_the_operator_had_tried_again_counts_as_accepted_after_its_rejection(journal: Journal) -> None:
    journal.save(b"s" * 32, b"m" * 16, "c1", b"d", 1, state=QUEUED)
    journal.answered(b"s" * 32, b"failed", accepted=False, repeated=False)
    journal.answered(b"s" * 32, b"mended", accepted=True, repeated=False)
    journal.answered(b"s" * 32, b"failed", accepted=False, repeated=False)
    (one,) = journal.outgoing()
    assert (one.state, one.evidence) == (ACCEPTED, b"mended")
    assert journal.sent(b"m" * 16) == one and journal.sent(b"n" * 16) is None


def test_a_released_message_takes_the_place_of_the_held_one_once(journal: Journal) -> None:
    journal.save(b"h" * 32, b"m" * 16, "c1", b"held", 1, state=HELD)
    journal.replace_held(b"h" * 32, b"r" * 32, b"released")
    journal.replace_held(b"h" * 32, b"x" * 32, b"again")
    (one,) = journal.outgoing()
    assert (one.submission, one.data, one.state) == (b"r" * 32, b"released", QUEUED)


def test_a_view_is_handed_out_once_and_its_first_retrieval_stays(journal: Journal) -> None:
    assert journal.received("v" * 32, "c1", b"d", 1)
    assert not journal.received("v" * 32, "c1", b"other", 2)
    assert journal.opening("v" * 32, b"first") == b"first"
    assert journal.opening("v" * 32, b"second") == b"first"
    (one,) = journal.incoming("c1")
    assert (one.state, one.delivery) == (OPENED, b"d")
    assert journal.incoming("c2") == []
    journal.retrieval_sent("v" * 32)
    assert journal.unsent_retrievals() == []
    journal.mark("v" * 32, DONE)
    journal.opening("v" * 32, b"third")
    assert journal.incoming()[0].state == DONE  # opening again does not undo what people did
    assert journal.received("w" * 32, "c1", b"d", 3)
    journal.mark("w" * 32, QUARANTINED, "unverified")
    journal.opening("w" * 32, b"s")
    assert (journal.incoming()[1].state, journal.incoming()[1].code) == (QUARANTINED, "unverified")
    assert NEW not in {i.state for i in journal.incoming()}


def test_the_newest_head_and_key_number_are_remembered(journal: Journal) -> None:
    assert journal.head() is None
    for size in (3, 9, 5):
        journal.saw_head(size, bytes([size]) * 32)
    assert journal.head() == (9, b"\x09" * 32)
    assert [journal.key_number("c1", n) for n in (1, 3, 2)] == [1, 3, 3]


def test_a_pseudonym_is_noted_for_good_and_never_twice(journal: Journal) -> None:
    journal.name("a1", "p1", "V-1")
    assert journal.pseudonym("a1", "p1") == "V-1" and journal.pseudonym("a2", "p1") is None
    for agency, person, name in (("a1", "p1", "V-2"), ("a2", "p2", "V-1")):
        with pytest.raises(DependencyError):
            journal.name(agency, person, name)
    assert journal.pseudonyms_taken() == {"V-1"}


def test_the_word_that_nobody_opened_a_message_ends_with_the_messages_clock(journal: Journal) -> None:
    """A deputy or a duty desk never sees the view itself, so nothing else would end it."""
    word = Unread("deputy", "deputies", bytes(16), view(1), "desk", "other", due=1000, at=500)
    assert journal.told_unread("first", word, 600)
    assert not journal.told_unread("first", word, 600)
    assert journal.unread("deputy", 999) == [word] and journal.unread("desk", 999) == []
    assert journal.unread("deputy", 1000) == []
    assert not journal.told_unread("first", word, 2000)  # handed out again: no second alarm
    assert journal.told_unread("second", replace(word, due=3000), 2000)
    assert [one.due for one in journal.unread("deputy", 0)] == [3000]  # the first is gone


def test_what_may_still_miss_evidence_is_what_this_contact_sent_of_late_and_was_not_refused(journal: Journal) -> None:
    for number, (contact, state, at) in enumerate(
        [("c1", ACCEPTED, 30), ("c1", QUEUED, 20), ("c1", HELD, 30), ("c2", ACCEPTED, 30), ("c1", ACCEPTED, 19)]
    ):
        journal.save(bytes([number]) * 32, bytes([number]) * 16, contact, b"x", at, state=state)
    journal.save(b"r" * 32, b"r" * 16, "c1", b"x", 30, state=QUEUED)
    journal.answered(b"r" * 32, b"evidence", accepted=False, repeated=False)
    assert journal.accepted_since(20, "c1") == [b"\x01" * 16, b"\x00" * 16]


def test_of_the_leaves_that_are_asked_for_those_are_named_that_the_log_was_proved_to_hold(journal: Journal) -> None:
    journal.promised([(b"a" * 32, 1), (b"b" * 32, 1), (b"c" * 32, 1)])
    for leaf in (b"a" * 32, b"c" * 32):
        journal.kept_promise(leaf)
    assert journal.proved([b"a" * 32, b"b" * 32, b"d" * 32]) == {b"a" * 32}


def test_what_a_timeline_asks_costs_no_more_for_what_was_sent_long_ago(journal: Journal) -> None:
    def costs() -> list[int]:
        questions = (lambda: journal.accepted_since(10**6, "c1"), lambda: journal.proved([b"x" * 32]))
        return [work(journal, question) for question in questions]

    journal.save(b"x" * 32, b"x" * 16, "c1", b"x", 10**6, state=QUEUED)
    journal.promised([(b"x" * 32, 1)])
    before = costs()
    for number in range(200):
        journal.save(submission(number), submission(number)[:16], "c1", b"x", number, state=ACCEPTED)
        journal.promised([(submission(number), 1)])
        journal.kept_promise(submission(number))
    assert [now <= then + 10 for now, then in zip(costs(), before, strict=True)] == [True, True]
