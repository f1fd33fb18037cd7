"""Withdrawals, orders, confirmations and reviews in a log: what the auditor finds wrong with them."""

import dataclasses
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import pytest

from audit import fsck
from audit.findings import Break
from audit.logdir import DeliveryLine, write_log_dir
from audit.readers import cbor
from audit.readers.envelope import view_digest
from audit.record import ActRecord, act_record, leaf, read_record
from audit.tree import leaf_hash
from tests.audit.genuine import (
    AGENCY,
    FIRST,
    HOUR,
    LOG_KEY,
    NGO,
    SENDER,
    T0,
    WORKER,
    Broker,
    Parts,
    make_view,
    message_id,
    public,
    signed,
    some,
)

CONSENT = some("consent", 16)
WITHDRAWAL = signed("consent-withdrawal", b"body", by=SENDER, key=SENDER)
VIEW, _ = make_view("one", FIRST)
OFFICER = "o" + "a" * 12


def act(**changes: Any) -> ActRecord:
    fields: dict[str, Any] = {
        "at": T0 + HOUR,
        "epoch": 7,
        "by": WORKER,
        "act": "erasure-ordered",
        "subject": CONSENT,
        "recipient": FIRST,
        "view": view_digest(VIEW),
        "outcome": "undelivered",
        "digest": sha256(WITHDRAWAL).digest(),
        "signer": SENDER,
    }
    return act_record(**(fields | changes))


def withdrawn(**changes: Any) -> ActRecord:
    return act(
        **(
            {"act": "consent-withdrawn", "agency": AGENCY, "recipient": None, "view": None, "outcome": "withdrawn"}
            | changes
        )
    )


def confirmed(**changes: Any) -> ActRecord:
    return act(**({"act": "erasure-confirmed", "agency": NGO, "outcome": "erased", "signer": FIRST} | changes))


def reviewed(**changes: Any) -> ActRecord:
    given = {"act": "review-closed", "subject": message_id("one id"), "outcome": "justified", "signer": OFFICER}
    return act(**(given | changes))


LEAK = signed("leak-report", b"body", by=FIRST, key=FIRST)


def leaking(**changes: Any) -> ActRecord:
    given = {"act": "leak-suspected", "subject": message_id("one id"), "outcome": "kept-aside", "signer": FIRST}
    return act(**(given | {"agency": NGO, "digest": sha256(LEAK).digest()} | changes))


def stepped(**changes: Any) -> ActRecord:
    given = {"act": "view-delivered", "subject": message_id("one id"), "outcome": "handed-over", "signer": WORKER}
    return act(**(given | {"agency": AGENCY} | changes))


def escalated(**changes: Any) -> ActRecord:
    return stepped(**({"act": "unread-escalated", "outcome": "contact"} | changes))


def unread(broker: Broker, record: ActRecord, **changes: Any) -> DeliveryLine:
    """The notice to the recipient, as it waits beside the views."""
    raw = record.to_bytes()
    salt = next(line.salt for line in broker.parts.records if line.record == raw)
    body: dict[str, Any] = {
        "v": 1, "to": FIRST, "stage": "contact", "message": message_id("one id"), "view_id": some("id", 16).hex(),
        "recipient": FIRST, "sender": SENDER, "due": T0 + 9 * HOUR, "at": T0 + HOUR, "epoch": 7,
        "leaf": leaf_hash(leaf(salt, raw)), "include_by": T0 + HOUR + 600_000,
    } | {k: v for k, v in changes.items() if k not in ("salt", "by")}  # fmt: skip
    delivery: dict[str, Any] = {
        "v": 1, "unread": signed("unread-notice", cbor.dumps(body), key=changes.get("by", WORKER)), "record": raw,
        "salt": changes.get("salt", salt),
    }  # fmt: skip
    return DeliveryLine(subject=f"deliver.{NGO}.{FIRST}.urgent.{some('u', 16).hex()}", delivery=cbor.dumps(delivery))


def test_a_word_on_an_unopened_message_is_the_one_that_was_recorded(tmp_path: Path) -> None:
    def told(**changes: Any) -> Broker:
        broker, record = story(), escalated()
        broker.admit(AGENCY, key("u", record, b"contact"), some("stamp"), [record])  # type: ignore[list-item]
        broker.parts.deliveries = [unread(broker, record, **changes)]
        return broker

    assert first(tmp_path / "log", told().parts) is None
    for number, changes in enumerate(
        (
            {"leaf": bytes(32)},
            {"message": message_id("two id")},
            {"stage": "sender", "to": SENDER},
            {"salt": bytes(32)},
            {"by": "somebody else"},
            {"stage": "deputies"},
        )
    ):
        found = first(tmp_path / str(number), told(**changes).parts)
        assert found is not None and found.where.startswith("deliveries"), changes


def acknowledged(**changes: Any) -> ActRecord:
    given = {"act": "view-acknowledged", "subject": message_id("one id"), "outcome": "accepted", "signer": FIRST}
    return act(**(given | {"agency": NGO} | changes))


def step_key(record: ActRecord) -> str:
    about = record.subject + (record.recipient or "").encode() + (record.view or b"")
    return "v" + blake2b(record.act.encode() + about, digest_size=16).hexdigest()


def key(letter: str, record: ActRecord, more: bytes = b"") -> str:
    about = record.subject + (record.recipient or "").encode() + (record.view or b"") + more
    return letter + blake2b(about, digest_size=16).hexdigest()


def story(order: ActRecord | None = None) -> Broker:
    """A message, its consent withdrawn, its copy ordered to be erased and confirmed, and a review."""
    broker = Broker()
    broker.message("one", T0, {FIRST: "permitted"})
    broker.admit("operator", "w" + CONSENT.hex(), some("word"), [withdrawn()])  # type: ignore[list-item]
    ordered = order or act()
    broker.admit("operator", key("o", ordered), some("word"), [ordered])  # type: ignore[list-item]
    broker.parts.deliveries = [notice(broker, ordered)]  # the view was taken away
    broker.admit(NGO, key("k", confirmed(), b"erased"), some("said"), [confirmed()])  # type: ignore[list-item]
    broker.admit("operator", key("t", reviewed()), some("review"), [reviewed()])  # type: ignore[list-item]
    for step in (stepped(), stepped(act="view-expired", outcome="unretrieved")):
        broker.admit(AGENCY, step_key(step), some("stamp"), [step])  # type: ignore[list-item]
    broker.admit(NGO, key("a", acknowledged(), b"accepted"), some("ack"), [acknowledged()])  # type: ignore[list-item]
    return broker


def notice(broker: Broker, record: ActRecord, to: str = FIRST, **changes: Any) -> DeliveryLine:
    """The notice to the holder, as it waits beside the views."""
    raw = record.to_bytes()
    salt = next(line.salt for line in broker.parts.records if line.record == raw)
    body: dict[str, Any] = {
        "v": 1, "consent": CONSENT, "withdrawal": sha256(WITHDRAWAL).digest(), "to": FIRST, "part": "holder",
        "message": message_id("one id"), "view_id": some("id", 16).hex(), "view": view_digest(VIEW),
        "recipient": FIRST, "retrieved": False, "at": T0 + HOUR, "confirm_by": T0 + 73 * HOUR, "epoch": 7,
        "leaf": leaf_hash(leaf(salt, raw)), "include_by": T0 + HOUR + 600_000,
    } | {k: v for k, v in changes.items() if k not in ("record", "salt", "by", "word")}  # fmt: skip
    delivery: dict[str, Any] = {
        "v": 1, "notice": signed("withdrawal-notice", cbor.dumps(body), key=changes.get("by", WORKER)),
        "withdrawal": changes.get("word", WITHDRAWAL), "terms": None, "record": changes.get("record", raw),
        "salt": changes.get("salt", salt),
    }  # fmt: skip
    return DeliveryLine(subject=f"deliver.{NGO}.{to}.urgent.{some('n', 16).hex()}", delivery=cbor.dumps(delivery))


def first(folder: Path, parts: Parts) -> Break | None:
    write_log_dir(
        folder,
        leaves=parts.leaves,
        records=parts.records,
        entries=parts.entries,
        deliveries=parts.deliveries,
        workers={WORKER: public(WORKER)},
        vkey=str(LOG_KEY),
        checkpoint=parts.checkpoint,
    )
    return fsck.first_break(folder)


@pytest.mark.parametrize(
    "record",
    [
        withdrawn(),
        act(),
        confirmed(),
        reviewed(),
        leaking(),
        leaking(act="leak-released", outcome="false-alarm"),
        stepped(),
        stepped(act="view-expired", outcome="undelivered"),
        stepped(act="view-purged", outcome="unretrieved"),
        acknowledged(),
        acknowledged(outcome="rejected", ground="unverified"),
        escalated(),
        escalated(outcome="sender"),
    ],
    ids=lambda r: r.act,
)
def test_a_record_of_an_act_is_read_as_it_was_written_and_says_what_happened(record: ActRecord) -> None:
    assert read_record(record.to_bytes()) == record
    assert record.says.endswith(".") and len(record.says) > 20


def test_a_log_with_a_withdrawal_its_orders_notices_and_a_review_holds(tmp_path: Path) -> None:
    assert first(tmp_path / "log", story().parts) is None


def test_a_notice_that_names_another_record_withdrawal_view_or_addressee_is_a_break(tmp_path: Path) -> None:
    other = signed("consent-withdrawal", b"other", by=SENDER, key=SENDER)
    second = "c" + "e" * 12
    for number, changes in enumerate(
        (
            {"leaf": bytes(32)},
            {"consent": bytes(16)},
            {"withdrawal": bytes(32)},
            {"word": other},
            {"word": other, "withdrawal": sha256(other).digest()},
            {"to": second, "part": "sender"},
            {"view": bytes(32)},
            {"salt": bytes(32)},
            {"part": "collector", "message": None, "view_id": None, "view": None, "recipient": None},
            {"by": "somebody else"},
        )
    ):
        broker = story()
        broker.parts.deliveries = [notice(broker, act(), **changes)]
        found = first(tmp_path / str(number), broker.parts)
        assert found is not None and found.where.startswith("deliveries"), changes
    broker = story()
    broker.parts.deliveries = [notice(broker, act(), to=second)]
    misaddressed = first(tmp_path / "misaddressed", broker.parts)
    assert misaddressed is not None and misaddressed.kind == "delivery-misaddressed"


def leaked(**changes: Any) -> Broker:
    """A leak that was reported, and the report on its way to the sender."""
    broker = story()
    record = leaking()
    broker.admit(NGO, key("l", record, b"kept-aside"), some("report"), [record])  # type: ignore[list-item]
    raw = record.to_bytes()
    salt = next(line.salt for line in broker.parts.records if line.record == raw)
    body = {"v": 1, "leak": LEAK, "record": raw, "salt": salt} | changes
    subject = f"deliver.{AGENCY}.{SENDER}.urgent.{some('l', 16).hex()}"
    broker.parts.deliveries = [DeliveryLine(subject=subject, delivery=cbor.dumps(body))]
    return broker


def test_a_report_of_a_leak_that_waits_for_the_sender_is_the_one_that_was_recorded(tmp_path: Path) -> None:
    assert first(tmp_path / "log", leaked().parts) is None
    for number, changes in enumerate(
        (
            {"leak": signed("leak-report", b"other", by=FIRST, key=FIRST)},
            {"salt": bytes(32)},
            {"record": leaking(at=T0).to_bytes()},
            {"record": confirmed().to_bytes()},
        )
    ):
        found = first(tmp_path / str(number), leaked(**changes).parts)
        assert found is not None and found.where.startswith("deliveries"), changes


def test_what_becomes_of_a_copy_is_said_by_its_recipient_alone() -> None:
    for record in (leaking, confirmed, acknowledged):
        with pytest.raises(ValueError, match="recipient"):
            record(signer=SENDER).to_bytes()


@pytest.mark.parametrize(
    ("agency", "letter", "record"),
    [
        ("operator", "w", withdrawn(subject=some("another", 16))),
        ("operator", "o", act(view=some("another view"))),
        ("operator", "t", reviewed(recipient="c" + "e" * 12)),
        (NGO, "k", confirmed(outcome="not-here")),
        (NGO, "l", leaking()),
        (AGENCY, "v", stepped(view=some("another view"))),
        (AGENCY, "u", escalated()),
        (NGO, "a", acknowledged(outcome="rejected", ground="content")),
    ],
)
def test_an_act_under_another_key_than_its_own_is_a_break(
    tmp_path: Path, agency: str, letter: str, record: ActRecord
) -> None:
    broker = story()
    broker.admit(agency, letter + some("a place of its own", 16).hex(), some("word"), [record])  # type: ignore[list-item]
    found = first(tmp_path / "log", broker.parts)
    assert found is not None and found.kind == "entry-inconsistent" and "key" in found.says


def test_an_act_of_another_agency_or_beside_other_records_is_a_break(tmp_path: Path) -> None:
    broker = story()
    foreign = confirmed(outcome="not-here", agency=AGENCY)
    broker.admit(NGO, key("k", foreign, b"not-here"), some("said"), [foreign])  # type: ignore[list-item]
    found = first(tmp_path / "one", broker.parts)
    assert found is not None and "another agency" in found.says
    broker = story()
    pair = [withdrawn(subject=some("c2", 16)), withdrawn(subject=some("c2", 16), at=T0 + 2 * HOUR)]
    broker.admit("operator", "w" + some("c2", 16).hex(), some("word"), pair)  # type: ignore[arg-type]
    found = first(tmp_path / "two", broker.parts)
    assert found is not None and "stands with others" in found.says


def test_a_withdrawal_that_is_taken_out_again_is_missed(tmp_path: Path) -> None:
    broker = story()
    gone = [e for e in broker.parts.entries if ".w" in e.subject]
    assert len(gone) == 1
    parts = dataclasses.replace(broker.parts, entries=[e for e in broker.parts.entries if e not in gone])
    found = first(tmp_path / "log", parts)
    assert found is not None
