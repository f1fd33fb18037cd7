"""What a sender sees of its message: what was done, and what is missing and due when."""

from dataclasses import replace

import pytest

from adapters.evidences import Proof
from adapters.timeline import ANSWER, Missing, Timeline, timeline
from messages.escalation import clock_of
from messages.evidence import Evidence, EvidenceType, Outcome, RecipientOutcome
from messages.ids import contact_handle
from messages.labels import Kind, Urgency
from messages.limits import DAY, HOUR
from messages.manifest import Manifest
from tests.support.orchid import PROSECUTOR, TaskForce

FIRST, SECOND, THIRD = (contact_handle("c" + letter * 12) for letter in "abc")
TYPES = EvidenceType
AT = 1_790_000_000_000


@pytest.fixture(scope="module")
def manifest(force: TaskForce) -> Manifest:
    """An RFI to be answered within eight hours, that expires after a month."""
    header = force.one("08-organisations.json", PROSECUTOR).header
    return replace(header, kind=Kind.RFI, urgency=Urgency.ISD_URGENT_DIRECT, created=AT, expires=AT + 30 * DAY)


def accepted(manifest: Manifest, *permitted: str) -> tuple[Evidence, str]:
    outcomes = [
        RecipientOutcome(recipient=contact_handle(r), outcome=Outcome.PERMITTED, rules=(), leaf=r.encode()[:1] * 32)
        for r in permitted
    ]
    refused = RecipientOutcome(recipient=THIRD, outcome=Outcome.REFUSED, rules=("SC-01",), leaf=bytes(32))
    evidence = Evidence(
        type=TYPES.SUBMISSION_ACCEPTANCE,
        submission=bytes(32),
        message=manifest.id,
        at=AT,
        epoch=1,
        code=None,
        outcomes=(*outcomes, refused),
        leaf=b"s" * 32,
        include_by=AT + 1,
    )
    return evidence, "w" + "a" * 12


def proof(manifest: Manifest, type_: EvidenceType, recipient: str = FIRST, after: int = HOUR) -> Proof:
    return Proof(
        message=manifest.id,
        recipient=recipient,
        type=type_,
        at=AT + after,
        signer=recipient,
        worker="w" + "a" * 12,
        code=None,
        promised=type_.value.encode().ljust(32, b"."),
        include_by=AT + 1,
        other=None,
    )


def made(force: TaskForce, manifest: Manifest, *proofs: Proof, logged: tuple[bytes, ...] = ()) -> Timeline:
    return timeline(manifest, AT - 1, accepted(manifest, FIRST, SECOND), proofs, logged, force.catalogue)


def test_a_submission_without_an_answer_is_late_after_ten_minutes(force: TaskForce, manifest: Manifest) -> None:
    found = timeline(manifest, AT, None, (), (), force.catalogue)
    (missing,) = found.missing
    assert (missing.type, missing.due) == (TYPES.SUBMISSION_ACCEPTANCE, AT + ANSWER) and found.lines == ()
    assert found.overdue(AT + ANSWER) == [] and found.overdue(AT + ANSWER + 1) == [(None, missing)]


def test_what_is_missing_falls_due_at_fractions_of_the_messages_clock(force: TaskForce, manifest: Manifest) -> None:
    first, second, third = made(force, manifest).lines
    hours = {TYPES.DELIVERY: AT + HOUR, TYPES.RETRIEVAL: AT + 2 * HOUR}
    assert {m.type: m.due for m in first.missing} == {m.type: m.due for m in second.missing} == hours
    assert (third.refused, third.missing) == (("SC-01",), ())
    late = made(force, manifest).overdue(AT + HOUR + 1)
    assert [(who, m.type) for who, m in late] == [(FIRST, TYPES.DELIVERY), (SECOND, TYPES.DELIVERY)]


@pytest.mark.parametrize(
    ("done", "missing"),
    [
        ([TYPES.DELIVERY], [TYPES.RETRIEVAL]),
        ([TYPES.RETRIEVAL], []),
        ([TYPES.DELIVERY, TYPES.RETRIEVAL, TYPES.ACCEPTANCE], []),
        ([TYPES.DELIVERY, TYPES.NON_RETRIEVAL], []),
        ([TYPES.NON_DELIVERY], []),
        ([TYPES.DELIVERY, TYPES.REJECTION], []),
    ],
)
def test_nothing_is_missing_of_what_was_opened_or_came_to_nothing(
    force: TaskForce, manifest: Manifest, done: list[EvidenceType], missing: list[EvidenceType]
) -> None:
    first, second, _ = made(force, manifest, *(proof(manifest, t) for t in reversed(done))).lines
    assert [d.type for d in first.done] == done and [m.type for m in first.missing] == missing
    assert len(second.missing) == 2


def test_a_step_is_shown_as_logged_once_the_log_was_seen_to_hold_it(force: TaskForce, manifest: Manifest) -> None:
    step = proof(manifest, TYPES.RETRIEVAL)
    for logged in (False, True):
        found = made(force, manifest, step, logged=(step.promised, b"s" * 32) if logged else ())
        assert found.lines[0].done[0].logged is found.submitted.logged is logged  # type: ignore[union-attr]


def test_the_shorter_of_two_clocks_counts_and_nothing_is_due_after_the_message_expires(
    force: TaskForce, manifest: Manifest
) -> None:
    catalogue = force.catalogue
    assert clock_of(manifest, catalogue) == 8 * HOUR
    danger = replace(manifest, kind=Kind.OFFICER_SAFETY)
    assert clock_of(danger, catalogue) == HOUR // 4
    quiet = replace(manifest, kind=Kind.INTEL_REPORT, urgency=Urgency.NONE, expires=AT + HOUR)
    assert clock_of(quiet, catalogue) == 0
    found = timeline(quiet, AT, accepted(quiet, FIRST), (), (), catalogue)
    assert found.lines[0].missing == (
        Missing(type=TYPES.DELIVERY, due=AT + HOUR),
        Missing(type=TYPES.RETRIEVAL, due=AT + HOUR),
    )
