"""What a worker promised to log is asked for, proved, and missed loudly."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from adapters.client import AgencyClient, Inclusion
from adapters.journal import Journal
from messages.raised import What

LEAF, OTHER = bytes(32), bytes([1]) * 32


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal.db")
    yield opened
    opened.close()


def client(journal: Journal, proved: set[bytes]) -> AgencyClient:
    """A client of which only the journal and the asking matter."""

    async def prove(leaf: bytes) -> Inclusion | None:
        return Inclusion(0, 1, bytes(32)) if leaf in proved else None

    made = cast(Any, object.__new__(AgencyClient))
    made.journal = journal
    made.prove = prove
    made.raised = []
    made.raise_alarm = made.raised.append
    return cast(AgencyClient, made)


async def test_a_leaf_with_a_proof_is_a_kept_promise_and_is_not_asked_for_again(journal: Journal) -> None:
    journal.promised([(LEAF, 1)])
    assert await client(journal, {LEAF}).check_promises() == []
    assert journal.open_promises() == []
    assert await client(journal, set()).check_promises() == []


async def test_a_leaf_that_is_not_in_the_log_by_its_time_is_a_broken_promise(journal: Journal) -> None:
    journal.promised([(LEAF, 1), (OTHER, 1)])
    made = cast(Any, client(journal, {OTHER}))
    assert await made.check_promises() == [LEAF] and made.raised == [What.NOT_IN_LOG]
    assert [leaf for leaf, _ in journal.open_promises()] == [LEAF]


async def test_a_leaf_whose_time_has_not_come_is_waited_for(journal: Journal) -> None:
    journal.promised([(LEAF, 2**52)])
    assert await client(journal, set()).check_promises() == []
    assert len(journal.open_promises()) == 1


def test_the_first_time_that_was_promised_stays(journal: Journal) -> None:
    journal.promised([(LEAF, 5)])
    journal.promised([(LEAF, 2**52)])
    assert journal.open_promises() == [(LEAF, 5)]
