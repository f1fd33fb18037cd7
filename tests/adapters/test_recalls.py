"""A recall that overtook its view: it counts only once it is held to the view that arrives."""

import shutil
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from adapters.client import AgencyClient, offline
from audit.record import RECALL_ORDERED, ActRecord
from broker.admit import ViewOut
from bus.queue import Delivery
from keys.domains import Tag
from keys.signing import digest
from messages import wire
from messages.envelope import Delivery as Stamped
from messages.recalls import Recall, RecallDelivery, RecallGround
from tests.support.orchid import ANALYSTS, DESK, PROSECUTOR, TaskForce


@pytest.fixture
async def holder(force: TaskForce, tmp_path: Path) -> AsyncIterator[AgencyClient]:
    agency, _, name = PROSECUTOR.partition("/")
    home = shutil.copytree(force.practice.party(agency), tmp_path / agency)
    async with offline(home, name, force.passphrase) as client:
        yield client


def admitted(force: TaskForce) -> ViewOut:
    (view,) = force.admit(force.send("08-organisations.json", PROSECUTOR)).views
    return view


async def settled(_: object) -> None:
    """Nobody waits for the acknowledgement here."""


def arriving(view: ViewOut, data: bytes | None = None) -> Delivery:
    return Delivery(
        agency=view.agency,
        contact=view.contact,
        lane=view.lane,
        view_id=view.view_id,
        data=view.data if data is None else data,
        attempt=1,
        settle=settled,
    )


def recall(force: TaskForce, view: ViewOut, by: str, *, of: bytes | None = None) -> bytes:
    """A recall by this contact with a record that fits it, whoever ordered it; `of`: the digest of another view."""
    raw = Stamped.from_bytes(view.data).view
    message = wire.decode_view(raw).manifest.id
    word = Recall(message=message, ground=RecallGround.INACCURATE, corrected_by=None, at=force.now)
    signed = force.keys(by).signer.sign(Tag.RECALL, word.to_bytes())
    record = ActRecord(
        at=force.now,
        epoch=force.bundle.epoch,
        by=force.broker.worker.handle,
        act=RECALL_ORDERED,
        agency=force.agency(by),
        subject=message,
        recipient=view.contact,
        view=digest("view", raw) if of is None else of,
        outcome="recalled",
        ground=None,
        digest=sha256(signed.to_bytes()).digest(),
        signer=force.contact(by).handle,
    )
    return RecallDelivery(recall=signed, view_id=view.view_id, record=record.to_bytes(), salt=bytes(32)).to_bytes()


async def test_a_view_is_kept_from_people_by_a_recall_of_its_sender_that_overtook_it(
    holder: AgencyClient, force: TaskForce
) -> None:
    view = admitted(force)
    for _ in range(2):  # handed out again
        assert not holder._journaled(arriving(view, recall(force, view, DESK)))
    assert [kind for kind, _ in holder.shelf.unsaid()] == ["acknowledgement"]
    for _ in range(2):
        assert not holder._journaled(arriving(view))
    kept = holder.journal.exactly(view.view_id)
    assert kept is not None and (kept.delivery, kept.code) == (b"", "recalled")
    assert holder.look(view.view_id).code == "recalled"


@pytest.mark.parametrize("other", [False, True], ids=["another-agency", "another-view"])
async def test_no_view_vanishes_by_a_recall_that_is_not_of_it_or_not_by_its_sender(
    holder: AgencyClient, force: TaskForce, other: bool
) -> None:
    view = admitted(force)
    word = recall(force, view, DESK, of=bytes(32)) if other else recall(force, view, ANALYSTS)
    holder._journaled(arriving(view, word))
    with capture_logs() as logs:
        assert holder._journaled(arriving(view))
    assert [entry["what"] for entry in logs if entry["event"] == "alarm"] == ["recall-not-verified"]
    assert holder.look(view.view_id).opened is not None
    assert holder.journal.early_recalls(view.view_id) == []


async def test_a_recall_that_does_not_hold_stands_in_the_way_of_none_that_does(
    holder: AgencyClient, force: TaskForce
) -> None:
    view = admitted(force)
    for by in (ANALYSTS, DESK):
        holder._journaled(arriving(view, recall(force, view, by)))
    assert not holder._journaled(arriving(view))
    assert holder.look(view.view_id).code == "recalled"
