"""Every kind of damage to a genuine log is found and named; everything that a crash can leave is accepted."""

import base64
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from audit import logdir
from audit.fsck import ENTRIES_KEPT_MS, check, first_break
from audit.logdir import DeliveryLine, EntryLine, RecordLine
from audit.readers import cbor
from audit.record import Record, leaf, submission_record
from audit.witness import WitnessKey, cosign, joined
from tests.audit.genuine import (
    AGENCY,
    FIRST,
    LOG_KEY,
    NGO,
    SECOND,
    T0,
    WORKER,
    Broker,
    Parts,
    empty,
    genuine,
    head_over,
    private,
    public,
    run,
    signed,
    some,
)
from tests.support.tampering import flipped

STORY = run()


@pytest.fixture
def parts() -> Parts:
    return STORY.parts.copy()


def with_record(line: RecordLine, **changes: object) -> RecordLine:
    record = dataclasses.replace(Record.from_bytes(line.record), **changes)  # type: ignore[arg-type]
    return dataclasses.replace(line, record=record.to_bytes())


def entry_parts(line: EntryLine) -> tuple[dict[str, cbor.Value], dict[str, cbor.Value]]:
    outer = cbor.loads(line.entry)
    assert isinstance(outer, dict)
    body = outer["body"]
    assert isinstance(body, bytes)
    inner = cbor.loads(body)
    assert isinstance(inner, dict)
    return outer, inner


def resign_entry(parts: Parts, at: int, change: Callable[[dict[str, cbor.Value]], None]) -> None:
    _, inner = entry_parts(parts.entries[at])
    change(inner)
    parts.entries[at] = dataclasses.replace(parts.entries[at], entry=signed("entry", cbor.dumps(inner)))


def change_delivery(parts: Parts, at: int, **fields: cbor.Value) -> None:
    value = cbor.loads(parts.deliveries[at].delivery)
    assert isinstance(value, dict)
    parts.deliveries[at] = dataclasses.replace(parts.deliveries[at], delivery=cbor.dumps({**value, **fields}))


def delivery_field(parts: Parts, at: int, name: str) -> bytes:
    value = cbor.loads(parts.deliveries[at].delivery)
    assert isinstance(value, dict)
    field = value[name]
    assert isinstance(field, bytes)
    return field


def restamp(parts: Parts, at: int, key: str = WORKER, **fields: cbor.Value) -> None:
    stamp = cbor.loads(delivery_field(parts, at, "stamp"))
    assert isinstance(stamp, dict) and isinstance(stamp["body"], bytes)
    body = cbor.loads(stamp["body"])
    assert isinstance(body, dict)
    change_delivery(parts, at, stamp=signed("stamp", cbor.dumps({**body, **fields}), key=key))


# --- what holds ------------------------------------------------------------------------------------------------------


def test_a_genuine_log_holds(parts: Parts, tmp_path: Path) -> None:
    report = check(parts.write(tmp_path))
    assert report.first is None and report.holds and not report.notes
    assert (report.size, report.leaves, report.records, report.entries, report.deliveries) == (8, 8, 8, 4, 2)
    assert [step.holds for step in report.steps] == [True] * 9
    assert json.loads(json.dumps(report.to_json()))["holds"] is True


def test_an_empty_log_holds_with_or_without_its_first_head(tmp_path: Path) -> None:
    parts = empty()
    assert first_break(parts.write(tmp_path)) is None
    parts.checkpoint = b""
    assert first_break(parts.write(tmp_path)) is None


@pytest.mark.parametrize("step", range(len(STORY.states)), ids=lambda step: f"{step}: {STORY.states[step][0]}")
def test_a_broker_killed_after_any_write_leaves_a_log_that_holds(step: int, tmp_path: Path) -> None:
    _, state, unsequenced = STORY.states[step]
    report = check(state.write(tmp_path))
    assert report.first is None
    assert report.unsequenced == unsequenced
    assert (f"{unsequenced} entry not yet sequenced." in report.notes) == (unsequenced == 1)


def test_several_entries_behind_are_counted(tmp_path: Path) -> None:
    broker = run()
    broker.message("three", T0 + 4000, {FIRST: "permitted"}, sequence=False)
    broker.message("four", T0 + 5000, {FIRST: "refused"}, sequence=False)
    report = check(broker.parts.write(tmp_path))
    assert report.first is None
    assert "2 entries not yet sequenced." in report.notes


def test_an_export_killed_between_two_files_leaves_a_log_that_holds(tmp_path: Path) -> None:
    old, new = STORY.states[8][1], STORY.parts
    source = new.write(tmp_path / "new")
    for done in range(len(logdir.WRITE_ORDER) + 1):
        target = old.write(tmp_path / f"killed after {done}")
        for name in logdir.WRITE_ORDER[:done]:
            (target / name).write_bytes((source / name).read_bytes())
        assert first_break(target) is None, logdir.WRITE_ORDER[:done]


def test_a_torn_end_of_the_leaves_is_a_note_where_the_checkpoint_does_not_reach(parts: Parts, tmp_path: Path) -> None:
    parts.checkpoint = head_over(parts.leaves[:5])
    parts.write(tmp_path)
    whole = (tmp_path / logdir.LEAVES).read_bytes()
    for length in range(5 * 32, 8 * 32):
        (tmp_path / logdir.LEAVES).write_bytes(whole[:length])
        report = check(tmp_path)
        assert report.first is None, length
        assert any("torn" in note for note in report.notes) == bool(length % 32)


def test_a_torn_last_line_is_left_out(parts: Parts, tmp_path: Path) -> None:
    broker = run()
    broker.message("late", T0 + 4000, {FIRST: "permitted"}, sequence=False)
    broker.parts.write(tmp_path)
    file = tmp_path / logdir.ENTRIES
    file.write_bytes(file.read_bytes()[:-20])
    report = check(tmp_path)
    assert report.unsequenced == 0
    assert any("entries.jsonl is torn" in note for note in report.notes)
    # The delivery that came with the torn entry is now without a record: that is more than a torn line can excuse.
    assert report.first is not None and report.first.kind == "delivery-without-record"


def test_expired_entries_are_counted_and_no_excuse_for_a_missing_record(tmp_path: Path) -> None:
    broker = run()
    broker.message("a day later", T0 + 3000 + ENTRIES_KEPT_MS, {FIRST: "permitted"})
    parts = broker.parts
    parts.entries = parts.entries[2:]
    report = check(parts.write(tmp_path))
    assert report.first is None
    assert any(note.startswith("4 leaves whose entry is no longer held") for note in report.notes)
    parts.records = parts.records[3:]
    report = check(parts.write(tmp_path))
    assert report.expired == ()
    assert [(b.kind, b.index) for b in report.breaks] == [("record-removed", n) for n in range(3)]


def test_a_view_that_neither_waits_nor_was_retrieved_is_reported(parts: Parts, tmp_path: Path) -> None:
    parts.deliveries.pop()
    report = check(parts.write(tmp_path))
    assert report.first is None
    assert any(note.startswith("1 permitted view neither waiting nor retrieved") for note in report.notes)


def test_what_was_never_a_workers_is_dropped_and_counted(parts: Parts, tmp_path: Path) -> None:
    acknowledgement = b'{"stream":"SUBMIT","seq":9}'
    stranger = signed("entry", b"body", by="w" + "z" * 12, key="stranger")
    parts.entries += [
        EntryLine(seq=90, subject=f"entry.{AGENCY}.{some('x', 16).hex()}", entry=acknowledgement),
        EntryLine(seq=91, subject="entry.of.nobody", entry=stranger),
    ]
    retrieved = some("one" + FIRST, 16).hex()
    for view_id in (some("y", 16).hex(), retrieved, parts.deliveries[0].subject[-32:]):
        subject = f"deliver.{NGO}.{FIRST}.normal.{view_id}"
        parts.deliveries.append(DeliveryLine(subject=subject, delivery=acknowledgement))
    report = check(parts.write(tmp_path))
    assert report.first is None
    assert "2 things among the entries not a worker's: dropped." in report.notes
    assert "3 things among the deliveries not a worker's: dropped." in report.notes
    assert (report.entries, report.deliveries) == (4, 2)


def test_the_log_continues_a_checkpoint_that_was_kept(parts: Parts, tmp_path: Path) -> None:
    parts.write(tmp_path)
    for size in range(9):
        assert check(tmp_path, known=head_over(parts.leaves[:size])).holds
    assert check(tmp_path, key=LOG_KEY).holds


# --- what does not ---------------------------------------------------------------------------------------------------

Damage = Callable[[Parts], None]
DAMAGE: list[tuple[str, str, int | None, Damage]] = []


def damage(kind: str, index: int | None = None) -> Callable[[Damage], Damage]:
    def note(function: Damage) -> Damage:
        DAMAGE.append((function.__name__, kind, index, function))
        return function

    return note


@damage("leaf-changed", 3)
def one_bit_of_a_leaf(parts: Parts) -> None:
    parts.leaves[3] = flipped(parts.leaves[3], 7, 5)


@damage("leaf-missing", 3)
def a_leaf_cut_out(parts: Parts) -> None:
    del parts.leaves[3]


@damage("leaf-missing", 7)
def the_last_leaf_cut_off(parts: Parts) -> None:
    parts.leaves.pop()


@damage("leaf-missing", 0)
def all_leaves_gone(parts: Parts) -> None:
    parts.leaves.clear()


@damage("leaf-added", 3)
def a_leaf_put_in(parts: Parts) -> None:
    parts.leaves.insert(3, some("foreign"))


@damage("leaf-moved", 2)
def two_leaves_exchanged(parts: Parts) -> None:
    parts.leaves[2], parts.leaves[5] = parts.leaves[5], parts.leaves[2]


@damage("record-removed", 8)  # its record, it seems: who can tell?
def a_leaf_added_at_the_end(parts: Parts) -> None:
    parts.leaves.append(some("foreign"))


@damage("record-removed", 8)
def a_leaf_added_by_the_operator(parts: Parts) -> None:
    parts.leaves.append(some("foreign"))
    parts.sign_head()


@damage("leaf-added", 8)
def a_leaf_repeated_by_the_operator(parts: Parts) -> None:
    parts.leaves.append(parts.leaves[1])
    parts.sign_head()


@damage("record-changed", 3)
def a_leaf_changed_by_the_operator(parts: Parts) -> None:
    parts.leaves[3] = some("foreign")
    parts.sign_head()


@damage("leaf-changed", 7)
def a_leaf_changed_that_no_checkpoint_covers_yet(parts: Parts) -> None:
    parts.checkpoint = head_over(parts.leaves[:4])
    parts.leaves[7] = some("foreign")


@damage("root-differs")
def the_leaf_of_an_expired_record_changed(parts: Parts) -> None:
    del parts.records[3]
    parts.leaves[3] = flipped(parts.leaves[3], 0)


@damage("checkpoint-signature")
def another_root_in_the_checkpoint(parts: Parts) -> None:
    lines = parts.checkpoint.split(b"\n")
    lines[2] = base64.b64encode(some("root"))
    parts.checkpoint = b"\n".join(lines)


@damage("checkpoint-signature")
def another_size_in_the_checkpoint(parts: Parts) -> None:
    parts.checkpoint = parts.checkpoint.replace(b"\n8\n", b"\n7\n")


@damage("checkpoint-signature")
def a_checkpoint_by_another_key(parts: Parts) -> None:
    parts.checkpoint = head_over(parts.leaves, key="stranger")


@damage("checkpoint-unreadable")
def a_checkpoint_that_is_no_note(parts: Parts) -> None:
    parts.checkpoint = b"8 leaves, I swear\n"


@damage("checkpoint-unreadable")
def a_checkpoint_that_is_empty(parts: Parts) -> None:
    parts.checkpoint = b""


@damage("root-differs")
def a_checkpoint_over_another_log(parts: Parts) -> None:
    parts.checkpoint = head_over([some(str(number)) for number in range(8)])


@damage("keys-unreadable")
def a_key_that_is_no_key(parts: Parts) -> None:
    parts.vkey = parts.vkey[:-3]


@damage("checkpoint-signature")
def the_logs_key_exchanged(parts: Parts) -> None:
    parts.vkey = str(dataclasses.replace(LOG_KEY, public=public("stranger")))


@damage("record-changed", 4)
def a_record_with_another_outcome(parts: Parts) -> None:
    parts.records[6] = parts.records[6]
    parts.records[4] = with_record(parts.records[4], outcome="refused")


@damage("record-changed", 6)
def a_refusal_turned_into_a_permission(parts: Parts) -> None:
    parts.records[6] = with_record(parts.records[6], outcome="permitted", view=some("view"))


@damage("record-changed", 5)
def one_bit_of_a_record(parts: Parts) -> None:
    line = parts.records[5]
    parts.records[5] = dataclasses.replace(line, record=flipped(line.record, 40))


@damage("record-changed", 5)
def one_bit_of_a_salt(parts: Parts) -> None:
    line = parts.records[5]
    parts.records[5] = dataclasses.replace(line, salt=flipped(line.salt, 0))


@damage("record-moved", 1)
def two_records_exchanged(parts: Parts) -> None:
    first, second = parts.records[1], parts.records[2]
    parts.records[1] = dataclasses.replace(second, index=1)
    parts.records[2] = dataclasses.replace(first, index=2)


@damage("record-removed", 2)
def a_record_removed_whose_entry_is_still_held(parts: Parts) -> None:
    del parts.records[2]


@damage("record-added", 8)
def a_record_added_for_a_leaf_that_is_not_there(parts: Parts) -> None:
    parts.records.append(dataclasses.replace(parts.records[0], index=8))


@damage("record-added", 2)
def a_second_record_for_one_leaf(parts: Parts) -> None:
    parts.records.insert(3, dataclasses.replace(parts.records[0], index=2))


@damage("entry-signature", 1)
def one_bit_of_an_entrys_body(parts: Parts) -> None:
    outer, _ = entry_parts(parts.entries[0])
    assert isinstance(outer["body"], bytes)
    outer["body"] = flipped(outer["body"], 30)
    parts.entries[0] = dataclasses.replace(parts.entries[0], entry=cbor.dumps(outer))


@damage("entry-signature", 1)
def an_entry_by_somebody_who_is_no_worker(parts: Parts) -> None:
    outer, _ = entry_parts(parts.entries[0])
    assert isinstance(outer["body"], bytes)
    entry = signed("entry", outer["body"], by="w" + "z" * 12, key="stranger")
    parts.entries[0] = dataclasses.replace(parts.entries[0], entry=entry)


@damage("entry-signature", 1)
def an_entry_signed_under_another_tag(parts: Parts) -> None:
    outer, _ = entry_parts(parts.entries[0])
    assert isinstance(outer["body"], bytes)
    parts.entries[0] = dataclasses.replace(parts.entries[0], entry=signed("stamp", outer["body"]))


@damage("entry-signature", 1)
def a_workers_key_exchanged(parts: Parts) -> None:
    parts.workers[WORKER] = public("stranger")


@damage("entry-unreadable", 4)
def an_entry_that_is_no_entry(parts: Parts) -> None:
    assert parts.entries[1].seq == 4
    parts.entries[1] = dataclasses.replace(parts.entries[1], entry=b"\x00")


@damage("entry-inconsistent", 1)
def an_entry_under_another_agency(parts: Parts) -> None:
    parts.entries[0] = dataclasses.replace(parts.entries[0], subject=parts.entries[0].subject.replace(AGENCY, NGO))


@damage("entry-inconsistent", 1)
def an_entry_under_another_message(parts: Parts) -> None:
    parts.entries[0] = dataclasses.replace(parts.entries[0], subject=f"entry.{AGENCY}.{some('other', 16).hex()}")


@damage("entry-inconsistent", 1)
def an_entry_that_lists_a_view_its_records_do_not_permit(parts: Parts) -> None:
    def change(inner: dict[str, cbor.Value]) -> None:
        views = inner["views"]
        assert isinstance(views, list)
        views.append([some("x", 16).hex(), FIRST, some("x")])

    resign_entry(parts, 0, change)


@damage("entry-inconsistent", 1)
def an_entry_that_hides_a_permitted_view(parts: Parts) -> None:
    resign_entry(parts, 0, lambda inner: inner.update(views=[]))


@damage("entry-inconsistent", 1)
def an_entry_without_a_record(parts: Parts) -> None:
    resign_entry(parts, 0, lambda inner: inner.update(records=[], views=[]))


@damage("entry-inconsistent", 7)
def a_retrieval_kept_with_another_word_than_was_submitted(parts: Parts) -> None:
    resign_entry(parts, 3, lambda inner: inner.update(word=b"opened"))


@damage("entry-inconsistent", 1)
def a_message_with_a_word_that_belongs_to_a_retrieval(parts: Parts) -> None:
    resign_entry(parts, 0, lambda inner: inner.update(word=b"opened"))


@damage("entry-inconsistent", 1)
def an_entry_whose_evidence_promises_another_leaf(parts: Parts) -> None:
    def change(inner: dict[str, cbor.Value]) -> None:
        records = inner["records"]
        assert isinstance(records, list)
        salt_and_record = records[0]
        assert isinstance(salt_and_record, list)
        records[0] = [some("another salt"), salt_and_record[1]]

    resign_entry(parts, 0, change)


@damage("leaf-without-entry", 3)
def an_entry_removed(parts: Parts) -> None:
    del parts.entries[1]


@damage("leaf-without-entry", 7)
def the_last_entry_removed(parts: Parts) -> None:
    parts.entries.pop()


@damage("entry-skipped", 4)
def an_entry_the_log_leaves_out(parts: Parts) -> None:
    del parts.leaves[3]
    parts.records = [
        dataclasses.replace(line, index=line.index - (line.index > 3)) for line in parts.records if line.index != 3
    ]
    parts.sign_head()


@damage("leaf-moved", 0)
def entries_in_another_order_than_their_leaves(parts: Parts) -> None:
    first, second = parts.entries[0], parts.entries[1]
    parts.entries[0] = dataclasses.replace(second, seq=first.seq)
    parts.entries[1] = dataclasses.replace(first, seq=second.seq)


@damage("entry-order", 1)
def the_file_of_entries_in_another_order(parts: Parts) -> None:
    parts.entries[0], parts.entries[1] = parts.entries[1], parts.entries[0]


@damage("delivery-without-record", 3)
def a_delivery_that_no_record_knows(parts: Parts) -> None:
    broker = Broker()
    broker.message("smuggled", T0 + 2500, {SECOND: "permitted"})
    parts.deliveries += broker.parts.deliveries


@damage("delivery-without-record", 1)
def a_delivery_with_its_record_exchanged(parts: Parts) -> None:
    record = Record.from_bytes(delivery_field(parts, 0, "record"))
    change_delivery(parts, 0, record=dataclasses.replace(record, rules=("bribed",)).to_bytes())


@damage("stamp-signature", 1)
def a_stamp_by_another_key(parts: Parts) -> None:
    restamp(parts, 0, key="stranger")


@damage("delivery-changed", 1)
def a_view_exchanged_under_its_stamp(parts: Parts) -> None:
    change_delivery(parts, 0, view=delivery_field(parts, 1, "view"))


@damage("delivery-changed", 1)
def a_stamp_over_another_view(parts: Parts) -> None:
    restamp(parts, 0, view=some("view"))


@damage("delivery-changed", 1)
def a_stamp_over_another_manifest(parts: Parts) -> None:
    restamp(parts, 0, manifest=some("manifest"))


@damage("delivery-changed", 1)
def a_stamp_with_another_leaf(parts: Parts) -> None:
    restamp(parts, 0, leaf=some("leaf"))


@damage("delivery-changed", 1)
def a_stamp_with_other_rules(parts: Parts) -> None:
    restamp(parts, 0, rules=["bribed"])


@damage("delivery-not-permitted", 1)
def a_stamp_that_says_refused(parts: Parts) -> None:
    restamp(parts, 0, outcome="refused")


@damage("delivery-misaddressed", 1)
def a_delivery_in_somebody_elses_queue(parts: Parts) -> None:
    line = parts.deliveries[0]
    assert SECOND in line.subject
    parts.deliveries[0] = dataclasses.replace(line, subject=line.subject.replace(SECOND, FIRST))


@damage("delivery-misaddressed", 1)
def a_delivery_under_another_view_id(parts: Parts) -> None:
    line = parts.deliveries[0]
    subject = line.subject[:-32] + some("another", 16).hex()
    parts.deliveries[0] = dataclasses.replace(line, subject=subject)


@damage("delivery-twice", 2)
def a_delivery_twice(parts: Parts) -> None:
    parts.deliveries[1] = parts.deliveries[0]


@damage("delivery-unreadable", 2)
def a_delivery_that_is_none(parts: Parts) -> None:
    parts.deliveries[1] = DeliveryLine(subject=parts.deliveries[1].subject, delivery=b"\xa0")


@damage("retrieval-without-decision", 3)
def a_retrieval_of_what_nobody_permitted(parts: Parts) -> None:
    broker = Broker()
    broker.message("one", T0, {FIRST: "refused", SECOND: "refused"})
    broker.retrieval("one", FIRST, T0 + 1)
    for name, value in vars(broker.parts).items():
        setattr(parts, name, value)


@pytest.mark.parametrize(("kind", "index", "spoil"), [item[1:] for item in DAMAGE], ids=[item[0] for item in DAMAGE])
def test_finds_and_names(kind: str, index: int | None, spoil: Damage, parts: Parts, tmp_path: Path) -> None:
    spoil(parts)
    found = first_break(parts.write(tmp_path))
    assert found is not None
    assert (found.kind, found.index) == (kind, index), found.says
    assert found.says.endswith(".")


@pytest.mark.parametrize("name", logdir.WRITE_ORDER)
def test_names_a_file_that_is_missing(name: str, parts: Parts, tmp_path: Path) -> None:
    (parts.write(tmp_path) / name).unlink()
    found = first_break(tmp_path)
    assert found is not None and (found.kind, found.where) == ("file-missing", name)


def test_names_the_leaf_whichever_bit_of_the_leaves_is_flipped(parts: Parts, tmp_path: Path) -> None:
    parts.write(tmp_path)
    whole = (tmp_path / logdir.LEAVES).read_bytes()
    for at in range(0, len(whole), 3):
        (tmp_path / logdir.LEAVES).write_bytes(flipped(whole, at, at % 8))
        found = first_break(tmp_path)
        assert found is not None and (found.kind, found.index) == ("leaf-changed", at // 32)


@pytest.mark.parametrize(
    ("name", "field"),
    [(logdir.RECORDS, "record"), (logdir.RECORDS, "salt"), (logdir.ENTRIES, "entry"), (logdir.DELIVERIES, "delivery")],
)
def test_finds_any_flipped_bit_of_what_is_signed_or_committed_to(
    name: str, field: str, parts: Parts, tmp_path: Path
) -> None:
    lines = (parts.write(tmp_path) / name).read_text("utf-8").splitlines()
    for number, line in enumerate(lines):
        value = json.loads(line)
        raw = base64.b64decode(value[field])
        for at in range(0, len(raw), 1 + len(raw) // 12):
            value[field] = base64.b64encode(flipped(raw, at, at % 8)).decode()
            changed = [*lines[:number], json.dumps(value), *lines[number + 1 :]]
            (tmp_path / name).write_text("\n".join(changed) + "\n", "utf-8")
            found = first_break(tmp_path)
            assert found is not None and found.where == name, (number, at)


@pytest.mark.parametrize("name", [logdir.RECORDS, logdir.ENTRIES, logdir.DELIVERIES, logdir.WORKERS, logdir.VKEY])
@pytest.mark.parametrize(
    "junk", [b"\xff\xfe\n", b"[]\n", b"{}\n", b"null\n", b'{"a":1,"a":2}\n', b"[" * 100_000 + b"\n"]
)
def test_names_a_file_of_junk(name: str, junk: bytes, parts: Parts, tmp_path: Path) -> None:
    (parts.write(tmp_path) / name).write_bytes(junk)
    found = first_break(tmp_path)
    if (name, junk) == (logdir.WORKERS, b"{}\n"):
        assert found is not None and found.kind == "entry-signature"
        return
    assert found is not None and name in found.where and "unreadable" in found.kind


def test_a_log_rewritten_by_its_operator_does_not_continue_the_checkpoint_that_was_kept(tmp_path: Path) -> None:
    kept = STORY.parts.checkpoint
    broker = Broker()
    broker.message("one", T0, {FIRST: "permitted", SECOND: "refused"})
    broker.unreadable("noise", T0 + 1000)
    assert check(broker.parts.write(tmp_path)).holds  # alone it holds: every signature is the operator's own
    found = check(tmp_path, known=kept).first
    assert found is not None and found.kind == "fork"


def test_a_log_rolled_back_does_not_continue_the_checkpoint_that_was_kept(tmp_path: Path) -> None:
    middle = STORY.states[len(STORY.states) // 2][1]
    found = check(middle.write(tmp_path), known=STORY.parts.checkpoint).first
    assert found is not None and found.kind == "fork"


def test_a_kept_checkpoint_of_another_log_is_named(parts: Parts, tmp_path: Path) -> None:
    found = check(parts.write(tmp_path), known=head_over(parts.leaves, key="stranger")).first
    assert found is not None and found.kind == "known-checkpoint"


def test_a_key_that_came_another_way_must_be_the_one_in_the_directory(parts: Parts, tmp_path: Path) -> None:
    key = dataclasses.replace(LOG_KEY, public=public("stranger"))
    found = check(parts.write(tmp_path), key=key).first
    assert found is not None and found.kind == "key-differs"


def test_a_record_that_opens_its_leaf_and_is_none_is_named(tmp_path: Path) -> None:
    broker = run()
    broker.unreadable("bad", T0 + 9000)
    parts = broker.parts

    salt, raw = some("salt"), b"\xa1\x61v\x01"
    parts.entries.pop()
    parts.records[-1] = RecordLine(index=8, salt=salt, record=raw)
    parts.leaves[-1] = leaf(salt, raw)
    parts.sign_head()
    found = first_break(parts.write(tmp_path))
    assert found is not None and (found.kind, found.index) == ("record-malformed", 8)


def test_beside_a_clock_that_jumped_a_missing_entry_counts_as_expired(tmp_path: Path) -> None:
    broker = run()
    broker.unreadable("late", T0 + 4000)
    parts = broker.parts
    far = submission_record(
        at=T0 + 100 * ENTRIES_KEPT_MS, epoch=7, by=WORKER, agency=AGENCY, submission=some("f"), outcome="refused"
    )
    broker.admit(AGENCY, "x" + some("f", 16).hex(), some("f"), [far])
    del parts.entries[-2]  # its record says T0 + 4000: beside the jump it looks old
    report = check(parts.write(tmp_path))
    assert report.first is None  # accepted, and counted: no file can tell a jumping clock from a quiet month
    assert any("whose entry is no longer held" in note for note in report.notes)


def test_genuine_is_the_same_every_time() -> None:
    assert genuine() == STORY.parts


# Who saw it

SEEN_AT = T0 // 1000
WITNESSES = [WitnessKey(name=name, public=public(name)) for name in ("witness-1", "witness-2", "witness-3")]


def witnessed(directory: Path, head: bytes, *names: str) -> Path:
    note = joined(head, [cosign(head, WITNESSES[int(n[-1]) - 1], SEEN_AT, private(n).sign) for n in names])
    (directory / logdir.FINAL).write_bytes(note)
    return directory


@pytest.mark.parametrize("size", [3, 8])
def test_a_log_that_two_witnesses_saw_holds_however_far_it_has_gone_on(parts: Parts, tmp_path: Path, size: int) -> None:
    witnessed(parts.write(tmp_path), head_over(parts.leaves[:size]), "witness-1", "witness-3")
    report = check(tmp_path, witnesses=WITNESSES)
    assert report.holds
    (step,) = [s for s in report.steps if s.name == "witnesses"]
    assert f"2 of 3 saw it with {size} leaves" in step.says
    assert not check(tmp_path, witnesses=WITNESSES[1:]).holds
    assert check(tmp_path, witnesses=WITNESSES[:1]).holds  # who trusts one witness asks for that one
    assert "--witness" in " ".join(check(tmp_path).notes)


def test_a_log_that_nobody_saw_or_one_alone_is_not_witnessed(parts: Parts, tmp_path: Path) -> None:
    parts.write(tmp_path)
    for names in ((), ("witness-1",)):
        if names:
            witnessed(tmp_path, parts.checkpoint, *names)
        found = check(tmp_path, witnesses=WITNESSES).first
        assert found is not None and (found.kind, found.where) == ("not-witnessed", logdir.FINAL)


def test_another_log_than_the_witnesses_saw_is_a_fork_although_it_holds_by_itself(parts: Parts, tmp_path: Path) -> None:
    shown = head_over([*parts.leaves[:4], parts.leaves[0]])
    witnessed(parts.write(tmp_path), shown, "witness-1", "witness-2")
    assert check(tmp_path).holds
    found = check(tmp_path, witnesses=WITNESSES).first
    assert found is not None and (found.kind, found.index) == ("fork", 5)


def test_a_log_shorter_than_the_witnesses_saw_is_a_fork(parts: Parts, tmp_path: Path) -> None:
    witnessed(parts.write(tmp_path), head_over([*parts.leaves, parts.leaves[0]]), "witness-1", "witness-2")
    found = check(tmp_path, witnesses=WITNESSES).first
    assert found is not None and found.kind == "fork"


@pytest.mark.parametrize("lie", ["stranger", "altered", "nonsense"])
def test_what_witnesses_are_said_to_have_seen_must_hold(parts: Parts, tmp_path: Path, lie: str) -> None:
    head = head_over(parts.leaves, key="stranger") if lie == "stranger" else parts.checkpoint
    witnessed(parts.write(tmp_path), head, "witness-1", "witness-2")
    path = tmp_path / logdir.FINAL
    if lie == "altered":
        note, name, line = path.read_text().rpartition("\n— witness-2 ")
        raw = base64.b64decode(line)
        path.write_text(note + name + base64.b64encode(flipped(raw)).decode() + "\n")
    elif lie == "nonsense":
        path.write_bytes(b"\xff")
    found = check(tmp_path, witnesses=WITNESSES).first
    assert found is not None and found.kind == "witnessed-checkpoint"
