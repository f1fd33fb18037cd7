"""What waits for the release guard: kept whole and sealed, too old after its time, gone in the moment that it goes."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import unsealed
from adapters.attachments.preparing import prepared
from adapters.casefile import CaseFile
from adapters.journal import QUEUED, Journal
from keys.domains import Tag
from messages.errors import BadInput, Malformed
from messages.limits import DAY
from tests.support.orchid import DESK, INSPECTORS, TaskForce


def whole(force: TaskForce) -> CaseFile:
    case = force.case("02-labour-disclosure.json")
    files = (
        prepared("notes.txt", b"Doors are locked.", case.objects[0]["id"]),
        prepared("notes.zip", b"PK\x05\x06" + bytes(18), case.objects[0]["id"]),
    )
    return replace(case, attachments=files, accepts=bytes(16))


def test_case_attachments_recipients_and_papers_come_back_as_they_were(force: TaskForce) -> None:
    case = whole(force)
    papers = [force.keys(DESK).signer.sign(Tag.PERMISSION, b"a paper")]
    again = unsealed.read(unsealed.write(unsealed.of(case, [INSPECTORS], papers)))
    assert (again.to, again.papers) == ((INSPECTORS,), tuple(papers))
    assert again.case == case
    assert again.case.attachments[0].text == "Doors are locked." and again.case.attachments[1].text is None


def test_it_may_be_sent_by_itself_as_long_as_it_could_have_been_admitted(force: TaskForce) -> None:
    case = force.case("02-labour-disclosure.json")
    assert unsealed.of(case, [], []).until(0) == 7 * DAY
    urgent = replace(case, urgency=force.case("03-referral-adult.json").urgency)
    assert unsealed.of(replace(urgent, urgency=type(case.urgency)("REF-EMERGENCY")), [], []).until(0) == DAY


@given(st.binary(max_size=200))
def test_whatever_the_bytes_reading_returns_or_raises_what_it_promises(data: bytes) -> None:
    with pytest.raises((Malformed, BadInput)):
        unsealed.read(data)


def test_it_is_gone_in_the_moment_that_the_message_is_journaled(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    journal.keep_unsealed(b"one", "c1", b"sealed", 1)
    journal.keep_unsealed(b"one", "c1", b"other", 2)  # the first stays
    journal.keep_unsealed(b"two", "c2", b"sealed", 3)
    assert [(u.message, u.sealed, u.reason) for u in journal.unsealed("c1")] == [(b"one", b"sealed", None)]
    journal.save(b"submission", b"message", "c1", b"data", 4, state=QUEUED, waited=b"one")
    assert [u.message for u in journal.unsealed()] == [b"two"]
    journal.unsendable(b"two", "Too old.")
    assert journal.unsealed()[0].reason == "Too old."
    assert journal.drop_unsealed(b"two") and not journal.drop_unsealed(b"two")
