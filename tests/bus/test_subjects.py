"""Subjects are made of checked tokens only, and read back strictly."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus import subjects
from messages.errors import LocalError
from messages.ids import AgencyHandle, ContactHandle, ViewId
from tests.support.nats_server import DESK, HARBOUR, HELPER, SHELTER

BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
agencies = st.text(BASE32, min_size=12, max_size=12).map(lambda t: AgencyHandle("a" + t))
contacts = st.text(BASE32, min_size=12, max_size=12).map(lambda t: ContactHandle("c" + t))
views = st.text("0123456789abcdef", min_size=32, max_size=32).map(ViewId)
keys = st.tuples(st.sampled_from(["", *"xrsdcewoktlvaumnq"]), views).map("".join)
HOSTILE = [
    "",
    ">",
    "*",
    "a.b",
    "a" * 13 + ".x",
    " ",
    "a" * 13 + "\r\nPUB x 1",
    "A" * 13,
    "a" + "0" * 12,
    "a" * 40,
    "á" * 13,
]


@given(agencies | st.just(subjects.OPERATOR), keys)
def test_an_entry_is_read_back_as_it_was_named(agency: AgencyHandle, key: str) -> None:
    assert subjects.read_entry(subjects.entry(agency, key)) == (agency, key)


@given(agencies, contacts, st.sampled_from(subjects.LANES), views)
def test_a_delivery_is_read_back_as_it_was_named(
    agency: AgencyHandle, contact: ContactHandle, lane: subjects.Lane, view: ViewId
) -> None:
    assert subjects.read_deliver(subjects.deliver(agency, contact, lane, view)) == (agency, contact, lane, view)


@given(agencies, st.sampled_from(subjects.KINDS))
def test_a_submission_is_read_back_as_it_was_named(agency: AgencyHandle, kind: subjects.Kind) -> None:
    assert subjects.read_submit(subjects.submit(agency, kind)) == (agency, kind)


@given(st.text(max_size=80) | st.text(".>*submitdelvrnyaskcgo0123 \n", max_size=80))
def test_reading_any_text_gives_one_of_ours_or_nothing(text: str) -> None:
    for read, form in (
        (
            subjects.read_submit,
            r"submit\.a[a-z2-7]{12}\.(message|retrieval|statement|withdrawal|erasure|leak|acknowledgement|recall|alarm)",
        ),
        (subjects.read_entry, r"entry\.(operator|a[a-z2-7]{12})\.[xrsdcewoktlvaumnqp]?[0-9a-f]{32}"),
        (subjects.read_deliver, r"deliver\.a[a-z2-7]{12}\.c[a-z2-7]{12}\.(urgent|normal)\.[0-9a-f]{32}"),
        (subjects.read_ask, r"ask\.a[a-z2-7]{12}\.[a-z]{1,32}"),
    ):
        assert (read(text) is not None) == bool(re.fullmatch(form, text, re.ASCII))


def test_the_operator_has_entries_and_nothing_else() -> None:
    for make in (
        lambda: subjects.submit(subjects.OPERATOR, "statement"),
        lambda: subjects.answer(subjects.OPERATOR),
        lambda: subjects.ask(subjects.OPERATOR, "head"),
        lambda: subjects.inbox(subjects.OPERATOR),
        lambda: subjects.agency_permissions(subjects.OPERATOR, []),
    ):
        with pytest.raises(LocalError):
            make()
    assert subjects.read_submit("submit.operator.statement") is None


@pytest.mark.parametrize("bad", HOSTILE)
def test_no_subject_is_made_of_an_unchecked_token(bad: str) -> None:
    agency, contact, view = AgencyHandle(bad), ContactHandle(bad), ViewId(bad)
    good = ViewId("0" * 32)
    for make in (
        lambda: subjects.submit(agency, "message"),
        lambda: subjects.submit(HARBOUR, bad),  # type: ignore[arg-type]
        lambda: subjects.entry(agency, good),
        lambda: subjects.entry(HARBOUR, bad),
        lambda: subjects.deliver(agency, DESK, "normal", good),
        lambda: subjects.deliver(HARBOUR, contact, "normal", good),
        lambda: subjects.deliver(HARBOUR, DESK, bad, good),  # type: ignore[arg-type]
        lambda: subjects.deliver(HARBOUR, DESK, "normal", view),
        lambda: subjects.deliver_contact(HARBOUR, contact),
        lambda: subjects.deliver_any_lane(HARBOUR, DESK, view),
        lambda: subjects.answer(agency),
        lambda: subjects.inbox(agency),
        lambda: subjects.ask(HARBOUR, bad),
        lambda: subjects.consumer(contact, "normal"),
        lambda: subjects.agency_permissions(agency, [DESK]),
        lambda: subjects.agency_permissions(HARBOUR, [contact]),
        lambda: subjects.holding(bytes(16), view),
        lambda: subjects.holding(bad.encode(), good),
        lambda: subjects.holdings(bad.encode()),
        lambda: subjects.withdrawn(bad.encode()),
    ):
        with pytest.raises(LocalError):
            make()


def test_no_right_of_an_agency_names_another() -> None:
    rights = subjects.agency_permissions(HARBOUR, [DESK])
    assert rights.account == "AGENCIES"
    assert not rights.replies
    for subject in (*rights.publish, *rights.subscribe):
        assert HARBOUR in subject or DESK in subject
        assert SHELTER not in subject
        assert HELPER not in subject


def test_the_rights_of_an_agency_are_exactly_these() -> None:
    rights = subjects.agency_permissions(HARBOUR, [DESK])
    assert sorted(rights.publish) == [
        f"$JS.ACK.FLOW.{DESK}-normal.>",
        f"$JS.ACK.FLOW.{DESK}-urgent.>",
        f"$JS.API.CONSUMER.MSG.NEXT.FLOW.{DESK}-normal",
        f"$JS.API.CONSUMER.MSG.NEXT.FLOW.{DESK}-urgent",
        f"ask.{HARBOUR}.*",
        f"submit.{HARBOUR}.acknowledgement",
        f"submit.{HARBOUR}.alarm",
        f"submit.{HARBOUR}.erasure",
        f"submit.{HARBOUR}.leak",
        f"submit.{HARBOUR}.message",
        f"submit.{HARBOUR}.recall",
        f"submit.{HARBOUR}.retrieval",
        f"submit.{HARBOUR}.statement",
        f"submit.{HARBOUR}.urgent",
        f"submit.{HARBOUR}.withdrawal",
    ]
    assert sorted(rights.subscribe) == [f"_INBOX_{HARBOUR}.>", f"answer.{HARBOUR}"]


def test_not_even_a_worker_may_delete_a_stream_or_touch_the_log_behind_its_back() -> None:
    rights = subjects.worker_permissions().publish
    assert not any("STREAM.DELETE" in right or right in (">", "$JS.>", "$JS.API.>") for right in rights)
    assert not any(
        right.endswith((".LOG", ".LOG.>")) and ("PURGE" in right or "MSG.DELETE" in right) for right in rights
    )
    assert (subjects.LOG.deny_delete, subjects.LOG.deny_purge) == (True, True)


def test_a_login_is_a_public_user_nkey_and_nothing_else() -> None:
    rights = subjects.agency_permissions(HARBOUR, [DESK])
    for bad in ("", "SU" + "A" * 56, "U" + "A" * 54, 'U"}]', "U" + "A" * 55 + "\n"):
        with pytest.raises(LocalError):
            subjects.Login(public_key=bad, permissions=rights)


@given(st.binary(min_size=16, max_size=16), views)
def test_a_withdrawn_consent_is_read_back_and_nothing_else_is_taken_for_one(consent: bytes, view: ViewId) -> None:
    read = subjects.read_entry(subjects.withdrawn(consent))
    assert read is not None and read[0] == subjects.OPERATOR
    assert subjects.read_withdrawn(read[1]) == consent
    for other in (view, *(letter + view for letter in "xrsdceokt"), "w" + view[1:], "w" + view.upper() + "g"):
        assert subjects.read_withdrawn(other) is None
    assert subjects.holding(consent, view).startswith(subjects.holdings(consent)[:-1])


@given(st.text(max_size=80) | st.text("0123456789,-", max_size=80))
def test_what_stands_beside_a_view_is_read_as_three_numbers_or_not_at_all(text: str) -> None:
    read = subjects.Watch.read(text)
    assert (read is not None) == bool(re.fullmatch(r"\d{1,19},\d{1,19},\d{1,19}", text, re.ASCII))
    assert read is None or subjects.Watch.read(read.header()) == read
