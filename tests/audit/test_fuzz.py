"""Whatever bytes come in, every reader returns or raises `Unreadable`, and every verifier returns or `AuditError`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import __main__ as command
from audit import checkpoint as heads
from audit import logdir
from audit.errors import AuditError, Unreadable
from audit.fsck import check
from audit.readers import cbor, entries, envelope, trust
from audit.readers.signed import read_signed
from audit.record import Record, read_record, trust_record
from tests.audit.genuine import FIRST, LOG_KEY, SENDER, WORKER, genuine, make_view, public

PARTS = genuine()
ENTRY = read_signed(PARTS.entries[0].entry).body
DELIVERY = PARTS.deliveries[0].delivery
STAMP = read_signed(envelope.read_delivery(DELIVERY).stamp).body
EVIDENCE = read_signed(entries.read_entry(ENTRY).evidence).body
TOLD = trust_record(at=1, epoch=7, by=WORKER, step="revoke", digest=bytes(32), signers=("o" + "a" * 12,))
VIEW, MANIFEST = make_view("fuzz", FIRST)

READERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "cbor": (cbor.loads, VIEW),
    "signed": (read_signed, PARTS.entries[0].entry),
    "manifest": (envelope.read_manifest, MANIFEST),
    "view": (envelope.read_view, VIEW),
    "envelope": (envelope.read_envelope, VIEW),
    "delivery": (envelope.read_delivery, DELIVERY),
    "entry": (entries.read_entry, ENTRY),
    "evidence": (entries.read_evidence, EVIDENCE),
    "stamp": (entries.read_stamp, STAMP),
    "record": (Record.from_bytes, PARTS.records[1].record),
    "record of either form": (read_record, TOLD.to_bytes()),
    "key statement": (
        trust.read_key_statement,
        cbor.dumps({"v": 1, "contact": FIRST, "number": 1, "key": bytes(1216), "start": 1, "end": 2}),
    ),
    "epoch statement": (
        trust.read_epoch_statement,
        cbor.dumps(
            {"v": 1, "epoch": 1, "at": 1, "root": bytes(32), "extracts": 4, "full": bytes(32), "previous": None}
        ),
    ),
    "destroyed key": (
        trust.read_key_destroyed,
        cbor.dumps({"v": 1, "contact": FIRST, "number": 1, "key_id": bytes(16), "at": 1}),
    ),
    "ceremony step": (
        trust.read_ceremony_step,
        cbor.dumps({"v": 1, "step": "sign", "subject": "", "proposal": bytes(32), "epoch": 1, "at": 1}),
    ),
    "note": (heads.read_note, PARTS.checkpoint),
    "checkpoint": (lambda raw: heads.read_checkpoint(raw.decode("utf-8", "replace")), PARTS.checkpoint),
    "verifier key": (lambda raw: heads.VerifierKey.parse(raw.decode("utf-8", "replace")), PARTS.vkey.encode()),
    "entry subject": (lambda raw: entries.read_entry_subject(raw.decode("latin-1")), PARTS.entries[0].subject.encode()),
    "delivery subject": (
        lambda raw: entries.read_delivery_subject(raw.decode("latin-1")),
        PARTS.deliveries[0].subject.encode(),
    ),
    "json": (lambda raw: logdir.load_json(raw, "it"), json.dumps({"index": 1, "salt": "AAAA"}).encode()),
}


@st.composite
def mutated(draw: st.DrawFn, genuine_bytes: bytes) -> bytes:
    """Genuine bytes with a few cuts, flips and insertions."""
    raw = bytearray(genuine_bytes)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(raw)))
        match draw(st.integers(0, 3)):
            case 0:
                raw[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case 1:
                raw[at:at] = draw(st.binary(max_size=9))
            case 2:
                del raw[at : at + draw(st.integers(1, 40))]
            case _:
                del raw[at:]
    return bytes(raw)


@pytest.mark.parametrize("name", READERS)
def test_a_reader_returns_or_says_unreadable(name: str) -> None:
    reader, genuine_bytes = READERS[name]

    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=200) | mutated(genuine_bytes))
    def run(raw: bytes) -> None:
        try:
            reader(raw)
        except Unreadable as error:
            assert str(error)

    run()
    if name != "envelope" and name != "checkpoint":
        reader(genuine_bytes)


@settings(max_examples=300, deadline=None)
@given(mutated(VIEW))
def test_a_mutated_view_is_refused_or_shows_what_was_signed(raw: bytes) -> None:
    try:
        checked = envelope.check_view(envelope.read_view(raw), public(SENDER), FIRST)
    except AuditError:
        return
    genuine_view = envelope.check_view(envelope.read_view(VIEW), public(SENDER), FIRST)
    assert (checked.manifest, checked.sections, checked.grant) == (
        genuine_view.manifest,
        genuine_view.sections,
        genuine_view.grant,
    )


@settings(max_examples=300, deadline=None)
@given(mutated(PARTS.checkpoint))
def test_a_mutated_checkpoint_is_refused_or_the_genuine_one(raw: bytes) -> None:
    try:
        head = heads.verify(raw, LOG_KEY)
    except AuditError:
        return
    assert head == heads.verify(PARTS.checkpoint, LOG_KEY)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return PARTS.write(tmp_path_factory.mktemp("log"))


@pytest.mark.parametrize("name", logdir.WRITE_ORDER)
def test_a_check_of_mutated_files_reports_and_never_stumbles(name: str, exported: Path) -> None:
    file = exported / name
    genuine_bytes = file.read_bytes()

    @settings(max_examples=40, deadline=None)
    @given(st.binary(max_size=100) | mutated(genuine_bytes))
    def run(raw: bytes) -> None:
        file.write_bytes(raw)
        report = check(exported)
        assert (report.first is None) == report.holds
        json.dumps(report.to_json())

    try:
        run()
    finally:
        file.write_bytes(genuine_bytes)
    assert check(exported).holds


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("A" * 43 + "="),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from(["leafIdx", "treeSize", "root", "leafHash", "proof", "size1", "size2", "root1", "root2"])


@settings(max_examples=150, deadline=None)
@given(value=JSON | st.dictionaries(FIELDS, JSON, min_size=4))
def test_a_proof_of_any_json_gets_an_answer(value: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "proof.json"
    file.write_text(json.dumps(value), "utf-8")
    assert command.main(["check-proof", str(file)]) in (command.HOLDS, command.BROKEN, command.MISTAKE)
