"""What a log says about trust: read, held together, and said in words a person understands."""

import dataclasses
from pathlib import Path

import pytest

from audit import __main__ as command
from audit.errors import Unreadable
from audit.fsck import check
from audit.logdir import EntryLine
from audit.readers import cbor, codes
from audit.readers.entries import OPERATOR, read_entry_subject
from audit.readers.signed import read_signed
from audit.record import TRUST_STEPS, Record, TrustRecord, leaf, read_record, trust_record
from tests.audit.genuine import AGENCY, FIRST, SECOND, T0, WORKER, Broker, run, signed, some

OFFICER = "o" + "a" * 12
KEY = trust_record(
    at=T0, epoch=7, by=WORKER, step="key-statement", digest=some("d"), signers=(FIRST,), subject=FIRST, number=4
)
EPOCH = trust_record(at=T0, epoch=12, by=WORKER, step="epoch", digest=some("d"), signers=("o" + "b" * 12, OFFICER))
REVOKED = trust_record(at=T0, epoch=7, by=WORKER, step="revoke", digest=some("d"), signers=(OFFICER,), subject=FIRST)


def told() -> Broker:
    """Epoch 7, a message and the rest of the story, keys of two contacts, a revocation, epoch 8, a message under 7."""
    broker = Broker()
    broker.epoch(7, T0 - 1)
    broker.message("one", T0, {FIRST: "permitted", SECOND: "permitted"})
    broker.key(1, T0 + 1)
    broker.key(2, T0 + 2)
    broker.key(1, T0 + 3, contact=SECOND)
    broker.key(1, T0 + 4, step="key-destroyed")
    broker.trust(dataclasses.replace(REVOKED, at=T0 + 5))
    broker.epoch(8, T0 + 6)
    broker.message("two", T0 + 7, {FIRST: "refused"})  # by a worker that has not heard of epoch 8
    return broker


# --- the record ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", [KEY, EPOCH, REVOKED], ids=lambda record: record.step)
def test_a_record_about_trust_is_read_as_it_was_written(record: TrustRecord) -> None:
    assert TrustRecord.from_bytes(record.to_bytes()) == record == read_record(record.to_bytes())
    with pytest.raises(Unreadable):
        Record.from_bytes(record.to_bytes())
    assert EPOCH.signers == (OFFICER, "o" + "b" * 12), "one set has one form"


def test_a_record_of_a_message_is_none_about_trust() -> None:
    raw = run().parts.records[0].record
    assert isinstance(read_record(raw), Record)
    with pytest.raises(Unreadable):
        TrustRecord.from_bytes(raw)


@pytest.mark.parametrize(
    "changes",
    [
        {"at": -1},
        {"by": FIRST},
        {"step": "gossip"},
        {"subject": None},
        {"subject": "Anna"},
        {"number": None},
        {"number": True},
        {"digest": b"short"},
        {"signers": ()},
        {"signers": (SECOND,)},
        {"signers": (OFFICER, FIRST)},
        {"signers": tuple(sorted((FIRST, *("c" * 12 + letter for letter in "abcdefghijklmnop"))))},
        {"step": "epoch"},
        {"step": "revoke"},
    ],
    ids=str,
)
def test_a_record_about_trust_that_is_not_one_is_not_written(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="record"):
        dataclasses.replace(KEY, **changes).to_bytes()  # type: ignore[arg-type]


def test_a_step_that_nobody_took_is_not_written() -> None:
    with pytest.raises(ValueError, match="signed"):
        dataclasses.replace(REVOKED, signers=()).to_bytes()


@pytest.mark.parametrize("step", sorted(TRUST_STEPS))
def test_every_step_is_said_in_one_sentence(step: str) -> None:
    about_key = step in ("key-statement", "key-destroyed")
    record = trust_record(
        at=T0, epoch=12, by=WORKER, step=step, digest=some("d"), signers=(FIRST,),
        subject=None if step == "epoch" else FIRST, number=4 if about_key else None,
    )  # fmt: skip
    record.to_bytes()
    assert record.says.endswith(".") and len(record.says) > 20
    assert ("key 4" in record.says) == about_key and ("poch 12" in record.says) == (step == "epoch")
    assert (FIRST in record.says) == (step != "epoch")


def test_the_steps_are_those_of_ceremonies_and_three_more() -> None:
    assert {"epoch", "key-statement", "key-destroyed"} == TRUST_STEPS - codes.STEP


@pytest.mark.parametrize("form", ["", "x", "r", "s", "d", "c", "e"])
def test_what_no_agency_submitted_stands_under_the_operator_and_nothing_else_does(form: str) -> None:
    key = form + "cd" * 16  # begins with a letter that is a digit too
    mine = OPERATOR if form in ("c", "e") else AGENCY
    assert read_entry_subject(f"entry.{mine}.{key}") == (mine, key)
    with pytest.raises(Unreadable):
        read_entry_subject(f"entry.{AGENCY if mine == OPERATOR else OPERATOR}.{key}")


# --- the log ---------------------------------------------------------------------------------------------------------


def test_a_log_with_words_about_trust_holds_and_says_what_it_knows(tmp_path: Path) -> None:
    report = check(told().parts.write(tmp_path))
    assert report.first is None and not report.notes
    assert report.steps[-1].name == "trust"
    assert report.steps[-1].says == (
        "Epochs 7 to 8 of the trust bundle took effect, 2 of them. 3 encryption keys stated, 1 destroyed;"
        " 1 step of ceremonies."
    )


@pytest.mark.parametrize("step", range(len(told().states)))
def test_a_broker_killed_after_any_write_about_trust_leaves_a_log_that_holds(step: int, tmp_path: Path) -> None:
    _, state, unsequenced = told().states[step]
    report = check(state.write(tmp_path))
    assert (report.first, report.unsequenced) == (None, unsequenced)


def first_kind(broker: Broker, tmp_path: Path) -> str | None:
    first = check(broker.parts.write(tmp_path)).first
    return first.kind if first else None


def test_an_epoch_that_took_effect_twice_is_a_break(tmp_path: Path) -> None:
    broker = told()
    broker.epoch(8, T0 + 10, digest=some("another bundle"))
    report = check(broker.parts.write(tmp_path))
    assert report.first is not None and report.first.kind == "epoch-twice"
    assert "as something else" in report.first.says and report.first.index == len(broker.parts.leaves) - 1


def test_an_epoch_that_goes_back_is_a_break(tmp_path: Path) -> None:
    broker = told()
    broker.epoch(6, T0 + 10)
    assert first_kind(broker, tmp_path) == "epoch-order"


def test_a_decision_under_an_epoch_that_had_not_taken_effect_is_a_break(tmp_path: Path) -> None:
    broker = Broker()
    broker.epoch(6, T0 - 1)
    broker.message("one", T0, {FIRST: "permitted"})  # under epoch 7
    broker.epoch(7, T0 + 1)
    assert first_kind(broker, tmp_path) == "epoch-unannounced"


def test_a_log_that_began_before_epochs_were_announced_holds(tmp_path: Path) -> None:
    broker = run()
    broker.epoch(8, T0 + 10)
    assert first_kind(broker, tmp_path) is None


def test_an_epoch_whose_record_is_gone_was_removed(tmp_path: Path) -> None:
    broker = Broker()
    broker.epoch(6, T0 - 2)
    broker.epoch(7, T0 - 1)
    broker.message("one", T0, {FIRST: "permitted"})  # under epoch 7
    broker.epoch(8, T0 + 48 * 3_600_000)
    parts = broker.parts
    del parts.records[1], parts.entries[1]  # epoch 7's, long ago
    report = check(parts.write(tmp_path))
    assert [(b.kind, b.index) for b in report.breaks] == [("record-removed", 1)]


@pytest.mark.parametrize("number", [1, 2])
def test_a_key_number_that_does_not_rise_is_a_break(number: int, tmp_path: Path) -> None:
    broker = told()
    broker.key(number, T0 + 10)
    assert first_kind(broker, tmp_path) == "key-number"


def test_words_not_yet_sequenced_are_judged_as_well(tmp_path: Path) -> None:
    broker = told()
    broker.trust(dataclasses.replace(EPOCH, epoch=6, at=T0 + 10), sequence=False)
    assert first_kind(broker, tmp_path) == "epoch-order"


def rewritten(broker: Broker, at: int, subject: str | None = None, **fields: cbor.Value) -> EntryLine:
    """An entry with other fields, signed again by the worker: what only a dishonest one makes."""
    line = broker.parts.entries[at]
    body = cbor.loads(read_signed(line.entry).body)
    assert isinstance(body, dict)
    return dataclasses.replace(
        line, subject=subject or line.subject, entry=signed("entry", cbor.dumps({**body, **fields}))
    )


@pytest.mark.parametrize("which", ["another key", "an agency's", "two records"])
def test_an_entry_about_trust_stands_where_it_belongs(which: str, tmp_path: Path) -> None:
    broker = Broker()
    broker.epoch(7, T0)
    (line,) = broker.parts.entries
    raw = broker.parts.records[0].record
    if which == "another key":
        changed = rewritten(broker, 0, f"entry.{OPERATOR}.e{'0' * 32}")
    elif which == "an agency's":
        changed = rewritten(broker, 0, line.subject.replace(OPERATOR, AGENCY))
    else:
        salt = broker.parts.records[0].salt
        changed = rewritten(broker, 0, records=[[salt, raw], [some("salt"), raw]])
        broker.parts.leaves.append(leaf(some("salt"), raw))
    broker.parts.entries[0] = changed
    assert first_kind(broker, tmp_path) in (
        "entry-inconsistent",
        "entry-unreadable",
        "leaves",
        "leaf-added",
        "record-removed",
    )
    kinds = {item.kind for item in check(tmp_path).breaks}
    assert kinds & {"entry-inconsistent", "entry-unreadable"}


def test_what_the_operator_announces_is_named_by_its_own_digest(tmp_path: Path) -> None:
    broker = Broker()
    broker.epoch(7, T0)
    raw, key = broker.parts.records[0].record, broker.parts.entries[0].subject.rpartition(".")[2]
    other = Broker()
    other.admit(OPERATOR, key, some("another submission"), [TrustRecord.from_bytes(raw)])
    assert first_kind(broker, tmp_path / "own") is None
    assert first_kind(other, tmp_path / "another's") == "entry-inconsistent"


def test_a_record_of_a_message_does_not_stand_under_a_key_of_trust(tmp_path: Path) -> None:
    broker = Broker()
    broker.unreadable("noise", T0)
    key = broker.parts.entries[0].subject.rpartition(".")[2]
    broker.parts.entries[0] = rewritten(broker, 0, f"entry.{AGENCY}.s{key[1:]}")
    assert first_kind(broker, tmp_path) == "entry-inconsistent"


# --- the command -----------------------------------------------------------------------------------------------------


def test_inspect_record_says_what_happened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broker = told()
    log = broker.parts.write(tmp_path)
    wanted = {
        0: "Epoch 7 of the trust bundle took effect.",
        4: f"Contact {FIRST} stated encryption key 1.",
        7: f"Contact {FIRST} destroyed the private half of encryption key 1.",
        8: f"{OFFICER} revoked a mandate about {FIRST}.",
    }
    for index, sentence in wanted.items():
        assert command.main(["inspect-record", str(log), str(index)]) == command.HOLDS
        assert f"says       {sentence}" in capsys.readouterr().out


def test_verify_says_which_epochs_took_effect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["verify", str(told().parts.write(tmp_path))]) == command.HOLDS
    assert "9  trust       holds   Epochs 7 to 8" in capsys.readouterr().out
