"""Copies whose time to be kept is over: deleted by the holder, said once, and not where a person or the law decides."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.erasure import blocked
from adapters.home import ContactKeys
from adapters.journal import DONE, ERASED, OPENED, Incoming, Journal
from adapters.retention import RETENTION, Retention
from adapters.shelf import Shelf
from keys.domains import Tag
from keys.signing import verify
from messages.acknowledgements import Acknowledgement, Said
from messages.errors import BadInput
from messages.ids import ViewId
from messages.labels import EvidenceUse
from messages.signed import Signed
from messages.withdrawals import KeepGround
from tests.support.orchid import PROSECUTOR, TaskForce

VIEW = ViewId("0123456789abcdef" * 2)
UNTIL = 1000


@dataclass
class Holder:
    """One opened copy, in a journal and shelf of its own; `now` is its time."""

    force: TaskForce
    folder: Path
    delivery: bytes
    now: int = UNTIL

    def __post_init__(self) -> None:
        self.journal = Journal(self.folder / "journal.db")
        self.shelf = Shelf(self.folder, bytes(32))

    @property
    def keys(self) -> ContactKeys:
        return self.force.keys(PROSECUTOR)

    @property
    def retention(self) -> Retention:
        return Retention(self.journal, self.shelf, lambda: self.keys, lambda: self.now)

    def arrives(self) -> None:
        self.journal.received(VIEW, self.keys.contact.handle, self.delivery, 1)
        self.journal.opening(VIEW, b"signed", until=UNTIL)

    @property
    def copy(self) -> Incoming:
        found = self.journal.exactly(VIEW)
        assert found is not None
        return found

    def said(self) -> list[Acknowledgement]:
        key = self.keys.contact.signing_key
        words = [Signed.from_bytes(data) for kind, data in self.shelf.unsaid() if kind == "acknowledgement"]
        return [Acknowledgement.from_bytes(verify(w, Tag.ACKNOWLEDGEMENT, key)) for w in words]

    def close(self) -> None:
        self.journal.close()
        self.shelf.close()


@pytest.fixture
def holder(force: TaskForce, tmp_path: Path) -> Iterator[Holder]:
    (view,) = force.admit(force.send("08-organisations.json", PROSECUTOR)).views
    made = Holder(force, tmp_path, view.data)
    made.arrives()
    yield made
    made.close()


def test_a_copy_is_kept_to_its_last_moment_and_then_deleted_with_its_files_and_said_once(
    holder: Holder, tmp_path: Path
) -> None:
    path = tmp_path / "written.json"
    path.write_text("Fenwick Lettings")
    holder.shelf.wrote(VIEW, path)
    holder.now = UNTIL - 1
    assert (holder.retention.enforce(), holder.retention.due()) == (0, [])
    with pytest.raises(BadInput, match="not over"):
        holder.retention.delete(VIEW)
    holder.now = UNTIL
    assert [until for _, until in holder.retention.due()] == [UNTIL]
    assert holder.retention.enforce() == 1
    assert (holder.copy.state, holder.copy.code, holder.copy.delivery) == (ERASED, RETENTION, b"")
    assert "Fenwick" not in path.read_text() and "time to keep it is over" in path.read_text()
    assert "time to keep" in str(blocked(VIEW, holder.journal, holder.shelf))
    (word,) = holder.said()
    assert (word.said, word.view_id, word.fault) == (Said.DELETED, VIEW, None)
    assert (holder.retention.enforce(), holder.retention.due(), len(holder.said())) == (0, [], 1)


def test_a_copy_that_the_law_keeps_or_that_may_be_evidence_waits_for_a_person(
    holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder.shelf.keep_copy(VIEW, KeepGround.COURT_ORDER, 5)
    assert (holder.retention.enforce(), holder.retention.due()) == (0, [])
    holder.shelf.let_go(VIEW)
    monkeypatch.setattr("adapters.retention.may_be_evidence", lambda _: True)
    assert holder.retention.enforce() == 0 and len(holder.retention.due()) == 1
    holder.retention.delete(VIEW)
    assert holder.copy.state == ERASED and len(holder.said()) == 1


def test_what_may_be_evidence_is_read_from_what_its_sender_signed(
    force: TaskForce, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adapters import retention

    (view,) = force.admit(force.send("08-organisations.json", PROSECUTOR)).views
    incoming = Incoming(VIEW, view.contact, view.data, 1, OPENED, None)
    use = retention.wire.decode_view(retention.Delivery.from_bytes(view.data).view).manifest.evidence_use
    assert retention.may_be_evidence(incoming) == (use is not EvidenceUse.INTELLIGENCE_ONLY)


def test_a_handled_copy_goes_like_an_opened_one(holder: Holder) -> None:
    holder.journal.mark(VIEW, DONE)
    assert holder.retention.enforce() == 1


class Killed(BaseException):
    """What happens to a process that is killed."""


@pytest.mark.parametrize("step", ["deleting", "erase", "deleted", "say"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_deletion_that_is_broken_off_anywhere_is_finished_and_said_once(
    holder: Holder, monkeypatch: pytest.MonkeyPatch, step: str, *, after: bool
) -> None:
    owner: Any = holder.shelf if step == "say" else holder.journal
    whole = getattr(owner, step)

    def dies(*given: Any) -> None:
        if after:
            whole(*given)
        raise Killed

    monkeypatch.setattr(owner, step, dies)
    with pytest.raises(Killed):
        holder.retention.enforce()
    monkeypatch.undo()
    holder.now += 1
    holder.retention.enforce()
    assert holder.copy.state == ERASED and holder.copy.delivery == b""
    assert [w.said for w in holder.said()] == [Said.DELETED]
    assert holder.journal.deletions() == []
