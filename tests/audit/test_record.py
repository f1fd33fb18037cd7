import dataclasses
from hashlib import sha256

import pytest

from audit.errors import Unreadable
from audit.readers import cbor
from audit.readers.envelope import read_delivery
from audit.record import Record, decision_record, leaf, retrieval_record, submission_record
from tests.audit.genuine import AGENCY, FIRST, SENDER, T0, WORKER, make_view, signed, some

DECISION = decision_record(
    at=T0,
    epoch=7,
    by=WORKER,
    agency=AGENCY,
    submission=some("s"),
    message=some("m", 16),
    manifest=some("mf"),
    sender=SENDER,
    recipient=FIRST,
    kind="INTEL-REPORT",
    outcome="permitted",
    rules=("designated-contact",),
    sections=(("a01.1", "A01/report", "permitted"),),
    view=some("v"),
)
FACTS = (
    ("from=POL", "to=PRO", "agreement=AGR-1", "purpose=INVESTIGATE"),
    ("attested", "released"),
    (("application/json", ("child", "victim"), ("D",), ("free_text",)),),
)
CONSIDERED = dataclasses.replace(DECISION, facts=FACTS)
SUBMISSION = submission_record(
    at=T0, epoch=7, by=WORKER, agency=AGENCY, submission=some("s"), outcome="refused", rules=("malformed",)
)
RETRIEVAL = retrieval_record(
    at=T0, epoch=7, by=WORKER, agency=AGENCY, submission=some("s"), recipient=FIRST, view=some("v")
)


@pytest.mark.parametrize("record", [DECISION, CONSIDERED, SUBMISSION, RETRIEVAL])
def test_a_record_is_read_as_it_was_written(record: Record) -> None:
    assert Record.from_bytes(record.to_bytes()) == record


def test_a_record_has_exactly_the_fields_of_the_format() -> None:
    value = cbor.loads(DECISION.to_bytes())
    assert isinstance(value, dict)
    names = "v type at epoch by agency message submission manifest sender recipient kind outcome rules sections view"
    assert sorted(value) == sorted(names.split(" "))


def test_a_decision_may_keep_what_the_rules_looked_at_and_has_no_such_field_where_it_does_not() -> None:
    value = cbor.loads(CONSIDERED.to_bytes())
    assert isinstance(value, dict) and value["facts"] == [
        list(FACTS[0]),
        list(FACTS[1]),
        [["application/json", ["child", "victim"], ["D"], ["free_text"]]],
    ]
    assert b"facts" not in DECISION.to_bytes()


@pytest.mark.parametrize(
    "facts",
    [
        (FACTS[0], FACTS[1], ()),
        (FACTS[0], FACTS[1], FACTS[2] * 2),
        (FACTS[0], ("released", "attested"), FACTS[2]),
        (FACTS[0], ("attested", "attested"), FACTS[2]),
        (("from=POL and words",), FACTS[1], FACTS[2]),
        (FACTS[0] * 20, FACTS[1], FACTS[2]),
        (FACTS[0], FACTS[1], (("application/json", ("victim", "child"), ("D",), ()),)),
    ],
)
def test_facts_are_codes_in_order_and_one_for_each_section(facts: object) -> None:
    with pytest.raises(ValueError, match="record: facts"):
        dataclasses.replace(DECISION, facts=facts).to_bytes()  # type: ignore[arg-type]


def test_only_a_decision_has_facts() -> None:
    for record in (SUBMISSION, RETRIEVAL):
        with pytest.raises(ValueError, match="facts go with a decision"):
            dataclasses.replace(record, facts=(FACTS[0], FACTS[1], ())).to_bytes()


@pytest.mark.parametrize("value", [None, [], [[], []], [[], [], [1]], "x", {}])
def test_facts_of_another_shape_are_not_read(value: object) -> None:
    whole = cbor.loads(CONSIDERED.to_bytes())
    assert isinstance(whole, dict)
    with pytest.raises(Unreadable):
        Record.from_bytes(cbor.dumps({**whole, "facts": value}))  # type: ignore[dict-item]


def test_the_commitment_is_over_salt_and_record_under_their_own_tag() -> None:
    raw = DECISION.to_bytes()
    text = b"safeconduct/1 6 record %d %b" % (32 + len(raw), some("salt") + raw)
    assert leaf(some("salt"), raw) == sha256(text).digest()
    with pytest.raises(ValueError, match="32 bytes"):
        leaf(b"short", raw)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "gossip"},
        {"at": -1},
        {"at": 1 << 53},
        {"epoch": True},
        {"by": SENDER},
        {"by": "w" + "B" * 12},
        {"agency": "harbour-police"},
        {"message": b"short"},
        {"submission": None},
        {"manifest": None},
        {"sender": "Ana"},
        {"recipient": None},
        {"outcome": ""},
        {"outcome": "two words"},
        {"rules": ("a sentence with a name",)},
        {"rules": tuple("r" for _ in range(300))},
        {"sections": (("a01.1", "A01/report"),)},
        {"view": None},
        {"outcome": "refused"},
        {"outcome": "retrieved"},
        {"type": "submission"},
        {"type": "retrieval"},
    ],
    ids=str,
)
def test_a_record_that_is_not_one_is_not_written(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"record|format|CBOR"):
        dataclasses.replace(DECISION, **changes).to_bytes()  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["v", "type", "view", "sections"])
def test_a_field_missing_or_left_over_is_unreadable(name: str) -> None:
    value = cbor.loads(DECISION.to_bytes())
    assert isinstance(value, dict)
    with pytest.raises(Unreadable, match=name):
        Record.from_bytes(cbor.dumps({key: item for key, item in value.items() if key != name}))
    with pytest.raises(Unreadable, match="does not know"):
        Record.from_bytes(cbor.dumps({**value, "note": "x"}))


def test_another_version_is_unreadable() -> None:
    value = cbor.loads(DECISION.to_bytes())
    assert isinstance(value, dict)
    with pytest.raises(Unreadable):
        Record.from_bytes(cbor.dumps({**value, "v": 2}))


def test_a_record_has_one_byte_form() -> None:
    raw = DECISION.to_bytes()
    assert raw[:1] == b"\xb0"  # a map of 16
    with pytest.raises(Unreadable):
        Record.from_bytes(b"\xb8\x10" + raw[1:])  # the same map, its length written longer


def of_length(length: int) -> Record:
    """A decision whose bytes are exactly so many, somewhat over 32 kB."""
    sections = (("n" * 200, "k" * 200, "o" * 200),) * 53
    large = dataclasses.replace(DECISION, sections=sections, rules=("r" * 30, "r" * 30))
    more = length - len(large.to_bytes())
    return dataclasses.replace(large, rules=("r" * (30 + more // 2), "r" * (30 + more - more // 2)))


def test_a_record_is_as_long_as_a_delivery_takes_and_no_longer() -> None:
    longest = of_length(32_768)
    raw = longest.to_bytes()
    assert len(raw) == 32_768 and Record.from_bytes(raw) == longest
    view, _ = make_view("one", FIRST)
    delivery: dict[str, cbor.Value] = {"v": 1, "view": view, "stamp": signed("stamp", b"x"), "salt": some("salt")}
    assert read_delivery(cbor.dumps({**delivery, "record": raw})).record == raw
    with pytest.raises(ValueError, match="32769 bytes are more"):
        of_length(32_769).to_bytes()
    with pytest.raises(Unreadable, match="32769 bytes"):
        read_delivery(cbor.dumps({**delivery, "record": raw + b"x"}))
