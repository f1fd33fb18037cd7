"""What somebody still owes, from records alone."""

from typing import Any

from audit.record import (
    ERASURE_CONFIRMED,
    ERASURE_ORDERED,
    RECALL_ORDERED,
    VIEW_ACKNOWLEDGED,
    ActRecord,
    act_record,
)
from broker.dues import ends_recall, unanswered, unconfirmed
from tests.broker.test_recordsdb import DESK, OTHER, T0, A, B, agency_of, line

CONSENT, VIEW = bytes([7]) * 16, bytes([9]) * 32


def act(kind: str, **changes: Any) -> ActRecord:
    said: dict[str, Any] = {
        "at": T0, "epoch": 1, "by": "w" + "b" * 12, "act": kind, "subject": CONSENT, "recipient": OTHER, "view": VIEW,
        "digest": bytes(32), "signer": OTHER,
    }  # fmt: skip
    return act_record(**(said | changes))


def order(**changes: Any) -> ActRecord:
    return act(ERASURE_ORDERED, **{"outcome": "retrieved", "signer": DESK, **changes})


def test_an_order_is_open_until_its_recipient_says_what_became_of_that_very_copy() -> None:
    later, other = order(at=T0 + 5, view=bytes(32)), order(at=T0 + 3, recipient=DESK)
    orders = [later, order(), other]
    assert unconfirmed(orders, []) == [order(), other, later], "the oldest first"
    for outcome, ground in (("erased", None), ("not-here", None), ("impossible", "court-order")):
        word = act(ERASURE_CONFIRMED, agency=B, outcome=outcome, ground=ground, at=T0 + 9)
        assert unconfirmed(orders, [word]) == [other, later]
    assert unconfirmed(orders, [act(ERASURE_CONFIRMED, agency=B, outcome="erased", subject=bytes(16))]) == [
        order(), other, later
    ]  # fmt: skip


def test_for_a_copy_that_was_never_opened_nothing_is_owed() -> None:
    assert unconfirmed([order(outcome="undelivered")], []) == []


def test_a_recall_is_ended_by_three_words_and_by_no_other() -> None:
    recalled = act(RECALL_ORDERED, agency=A, outcome="recalled", signer=DESK)
    for outcome, ends in (
        ("accepted", False), ("rejected", False), ("recall-confirmed", True), ("not-here", True), ("deleted", True),
    ):  # fmt: skip
        word = act(VIEW_ACKNOWLEDGED, agency=B, outcome=outcome, ground="malformed" if outcome == "rejected" else None)
        assert ends_recall(word) is ends
        assert unconfirmed([recalled], [word] if ends else []) == ([] if ends else [recalled])


def test_a_request_is_answered_by_what_goes_back_between_the_two_agencies_afterwards() -> None:
    asked = line(5, kind="RFI", agency=A, sender=DESK, recipient=OTHER)
    back: dict[str, Any] = {"kind": "RFI-RESPONSE", "agency": B, "sender": OTHER, "recipient": DESK}
    assert unanswered([asked], [line(6, **back)], agency_of) == []
    no_answers = (
        [],
        [line(4, **back)],
        [line(6, **{**back, "kind": "INTEL-REPORT"})],
        [line(6, **{**back, "outcome": "refused"})],
        [line(6, **{**back, "form": "retrieval"})],
        [line(6, **{**back, "agency": A, "recipient": OTHER})],
    )
    for answers in no_answers:
        assert unanswered([asked], answers, agency_of) == [asked]
    older, refused = line(1, kind="RFI"), line(2, kind="RFI", outcome="refused")
    retrieved = line(3, kind="RFI", form="retrieval", outcome="retrieved")
    assert unanswered([asked, refused, older, retrieved], [], agency_of) == [older, asked]
    assert unanswered([asked, older], [line(4, **back)], agency_of) == [asked], "an answer is to what was asked before"
    gone = line(7, kind="RFI", recipient="c" + "z" * 12)
    assert unanswered([gone], [line(8, **back)], agency_of) == [gone], "of whom the directory knows nothing"
