"""The four workflows as tables: every transition that is, and every one that is not."""

from itertools import product

import pytest

from messages.catalogue import load
from messages.errors import BadInput
from messages.labels import Kind
from messages.workflows import ASKS, BEGIN, MACHINES, event
from messages.workflows.evidence import EVIDENCE
from messages.workflows.machine import Machine, table
from messages.workflows.permission import PERMISSION
from messages.workflows.referral import REFERRAL
from messages.workflows.rfi import RFI

EXPECTED: dict[str, dict[str, dict[str, str]]] = {
    "RFI": {
        "open": {"acknowledge": "acknowledged", "pause": "paused-judicial", "answer": "answered", "refuse": "refused"},
        "acknowledged": {"pause": "paused-judicial", "answer": "answered", "refuse": "refused"},
        "paused-judicial": {"resume": "acknowledged", "answer": "answered", "refuse": "refused"},
        "overdue": {"answer": "answered", "refuse": "refused", "close": "closed"},
        "answered": {"answer": "answered", "close": "closed"},
        "refused": {"close": "closed"},
        "closed": {},
    },
    "REFERRAL": {
        "offered": {"accept": "accepted", "reject": "rejected", "revoke": "revoked"},
        "accepted": {"disclose": "accepted", "arrive": "arrived", "progress": "in_progress", "revoke": "revoked"},
        "rejected": {},
        "lapsed": {},
        "arrived": {"progress": "in_progress", "revoke": "revoked"},
        "in_progress": {"progress": "in_progress", "finish": "done", "revoke": "revoked"},
        "done": {},
        "revoked": {},
    },
    "EVIDENCE": {
        "prepared": {"seal": "sealed", "send": "in-transit"},
        "sealed": {"send": "in-transit"},
        "in-transit": {"receive": "received", "mismatch": "quarantine"},
        "quarantine": {"receive": "received", "return": "returned"},
        "received": {"hold": "held"},
        "held": {"return": "returned", "destroy": "destroyed"},
        "overdue": {},
        "returned": {},
        "destroyed": {},
    },
    "PERMISSION": {
        "asked": {"grant": "granted", "refuse": "refused"},
        "granted": {},
        "refused": {},
        "lapsed": {},
    },
}
EVERY = [(m, s, e) for m in MACHINES for s, e in product(sorted(m.states), sorted(m.events))]


def test_there_are_four_machines_with_these_states() -> None:
    assert {m.name: m.states for m in MACHINES} == {n: frozenset(t) for n, t in EXPECTED.items()}
    assert len(EVERY) > 150


@pytest.mark.parametrize(("machine", "state", "happened"), EVERY, ids=lambda v: getattr(v, "name", v))
def test_every_transition_is_as_the_catalogue_says_or_refused(machine: Machine, state: str, happened: str) -> None:
    wanted = EXPECTED[machine.name][state].get(happened)
    if wanted is None:
        with pytest.raises(BadInput, match=machine.name):
            machine.move(state, happened)
        assert machine.moves.get((state, happened)) is None
    else:
        assert machine.move(state, happened) == wanted


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: m.name)
def test_every_state_has_words_and_can_be_reached(machine: Machine) -> None:
    assert set(machine.says) == machine.states
    reached, frontier = {machine.start}, [machine.start]
    while frontier:
        state = frontier.pop()
        following = {to for (s, _), to in machine.moves.items() if s == state}
        following |= {machine.late} if state in machine.waiting else set()
        frontier += following - reached
        reached |= following
    assert reached == machine.states
    assert machine.ends == {s for s in machine.states if not EXPECTED[machine.name][s]}


def test_only_what_waits_for_an_answer_becomes_late_and_only_by_looking_at_the_clock() -> None:
    for machine in MACHINES:
        for state in machine.states:
            assert machine.seen(state, None, 10) == state
            assert machine.seen(state, 10, 10) == state
            assert machine.seen(state, 10, 11) == (machine.late if state in machine.waiting else state)
    assert (RFI.late, REFERRAL.late, PERMISSION.late) == ("overdue", "lapsed", "lapsed")
    assert "paused-judicial" not in RFI.waiting  # the clock stands


def test_no_answer_is_ever_automatic() -> None:
    for machine in MACHINES:
        assert machine.after([]) == machine.start
        assert machine.seen(machine.start, 0, 10**15) in (machine.late, machine.start)


def test_after_a_rejection_or_a_lapse_nothing_opens_the_sealed_part_any_more() -> None:
    for state in ("rejected", "lapsed"):
        assert not {e for s, e in REFERRAL.moves if s == state}
    assert REFERRAL.after(["reject", "accept", "disclose"]) == "rejected"
    assert PERMISSION.after(["refuse", "grant"]) == "refused"


def test_events_that_do_not_fit_change_nothing() -> None:
    assert RFI.after(["resume", "acknowledge", "resume", "pause", "resume", "answer"]) == "answered"
    assert EVIDENCE.after(["receive", "send", "mismatch", "receive", "hold", "destroy", "return"]) == "destroyed"


def test_a_table_with_a_row_twice_is_a_fault() -> None:
    with pytest.raises(ValueError, match="twice"):
        table("a go b\na go c")


EVENTS = [
    (Kind.RFI, {}, [], BEGIN),
    (Kind.HIT_FOLLOWUP, {}, [], BEGIN),
    (Kind.RFI_RESPONSE, {"outcome": "full"}, [], "answer"),
    (Kind.RFI_RESPONSE, {"outcome": "partial"}, [], "answer"),
    (Kind.RFI_RESPONSE, {"outcome": "no-data"}, [], "answer"),
    (Kind.RFI_RESPONSE, {"outcome": "refused"}, [], "refuse"),
    (Kind.RFI_RESPONSE, {"outcome": "delayed-judicial"}, [], "pause"),
    (Kind.ACK, {"result": "received"}, [], "acknowledge"),
    (Kind.ACK, {"result": "authorisation-received"}, [], "resume"),
    (Kind.ACK, {"result": "done"}, [], ""),
    (Kind.VICTIM_REFERRAL, {}, [], BEGIN),
    (Kind.REFERRAL_DECISION, None, [{"type": "A25", "status": "accepted"}], "accept"),
    (Kind.REFERRAL_DECISION, None, [{"type": "A25", "status": "rejected"}], "reject"),
    (Kind.REFERRAL_OUTCOME, {}, [{"type": "A25", "status": "in_progress"}], "progress"),
    (Kind.REFERRAL_OUTCOME, {}, [{"type": "A25", "status": "done"}], "finish"),
    (Kind.REFERRAL_OUTCOME, {}, [{"type": "A25", "status": "revoked"}], "revoke"),
    (Kind.REFERRAL_DECISION, {}, [{"type": "A25", "status": "done"}, {"type": "A25", "status": "accepted"}], ""),
    (Kind.REFERRAL_DECISION, {}, [], ""),
    (Kind.EVIDENCE_TRANSFER, {}, [], "send"),
    (Kind.EVIDENCE_RECEIPT, {"hash_results": "all-match"}, [], "receive"),
    (Kind.EVIDENCE_RECEIPT, {"hash_results": "mismatch"}, [], "mismatch"),
    (Kind.EVIDENCE_RECEIPT, {"hash_results": "missing"}, [], "mismatch"),
    (Kind.DISSEMINATION_PERMISSION, {"permission": "asked"}, [], BEGIN),
    (Kind.DISSEMINATION_PERMISSION, {"permission": "granted"}, [], "grant"),
    (Kind.DISSEMINATION_PERMISSION, {"permission": "refused"}, [], "refuse"),
    (Kind.INTEL_REPORT, {"result": "received"}, [], ""),
    (Kind.RFI_RESPONSE, None, [], ""),
]


@pytest.mark.parametrize(("kind", "cover", "objects", "wanted"), EVENTS)
def test_codes_alone_say_which_event_a_message_is(
    kind: Kind, cover: dict[str, str] | None, objects: list[dict[str, str]], wanted: str
) -> None:
    assert event(kind, cover, objects) == wanted


def test_the_sealed_part_of_a_referral_is_no_second_offer() -> None:
    assert event(Kind.VICTIM_REFERRAL, {}, [], completing=True) == "disclose"


def test_every_code_of_a_cover_that_drives_a_workflow_is_an_event_that_its_machine_knows() -> None:
    kinds = load().kinds
    for kind, field, machine in (
        (Kind.RFI_RESPONSE, "outcome", RFI),
        (Kind.EVIDENCE_RECEIPT, "hash_results", EVIDENCE),
        (Kind.DISSEMINATION_PERMISSION, "permission", PERMISSION),
    ):
        for code in kinds[kind].fields[field].codes:
            happened = event(kind, {field: code}, [])
            assert happened == BEGIN or happened in machine.events, (kind, code)
    assert {kinds[k].driven_by for k in ASKS} == {"rfi", "referral", "evidence", "permission"}
