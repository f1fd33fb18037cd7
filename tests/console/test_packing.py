"""A packet of what the log has of a message: it holds, says what it is without, and no byte of it can be changed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, cast

import pytest

from audit import packet
from audit.packet import Packet, Proof, check
from audit.record import ActRecord, Record, act_record, leaf, read_record
from audit.tree import leaf_hash
from broker.admit import Admitted
from broker.console.packing import packed, together
from broker.console.reading import Reading
from broker.recordsdb import Line, Query, line_of
from messages import cbor
from messages.errors import BadInput, DependencyError, Unverified
from messages.evidence import Entry
from messages.signed import Signed
from tests.support.orchid import INSPECTORS, PROSECUTOR, TaskForce, task_force
from tests.support.packets import Log, parts

STEPS = ["packet", "root", "bundle", "epoch", "contacts", "broker", "record", "log"]


def entry_of(admitted: Admitted) -> Entry:
    return Entry.from_bytes(Signed.from_bytes(admitted.entry).body)


@dataclass
class Held:
    """What of `Reading` a packet is made of, over a log in memory."""

    force: TaskForce
    log: Log
    records: list[tuple[bytes, bytes]]
    answered: bytes | None
    proves: Callable[[int], bool] = lambda _: True

    @property
    def home(self) -> Any:
        return self.force.broker

    @property
    def bundle(self) -> Any:
        return self.force.broker.bundle

    async def about(self, query: Query, most: int) -> list[Line]:
        found = [line_of(index, read_record(raw)) for index, (_, raw) in enumerate(self.records)]
        return [x for x in found if query.subject in ("", x.subject) and query.kind in ("", x.kind)][:most]

    async def pairs(self, indices: list[int]) -> list[tuple[int, tuple[bytes, bytes]]]:
        return [(index, self.records[index]) for index in sorted(indices)]

    async def evidence(self, decided: Record) -> bytes | None:
        return self.answered

    async def proved(self, index: int, hashed: bytes) -> Proof | None:
        value = cbor.load(await self.log.ask("proof", hashed), 2**20)
        if value is None or not self.proves(index):
            return None
        return Proof(
            leaf=hashed, index=value["index"], size=value["size"], path=tuple(value["proof"]), head=value["checkpoint"]
        )

    async def packed(self, subject: str) -> bytes:
        made = await packed(cast("Reading", self), subject)
        assert made is not None
        return made


@dataclass(frozen=True)
class Story:
    """A log of two messages and of the epoch, and the packet of the first."""

    force: TaskForce
    held: Held
    subject: str
    data: bytes
    other: Entry
    root: bytes

    @property
    def whole(self) -> Packet:
        return packet.read(self.data)


@pytest.fixture(scope="module")
def story() -> Story:
    force = task_force()
    first = force.admit(force.send("01-full-report.json", PROSECUTOR))
    other = force.admit(force.send("02-labour-disclosure.json", INSPECTORS))
    log = Log(force, PROSECUTOR)
    log.add(first, other)
    told = cbor.load(asyncio.run(log.ask("epoch", b"")), 2**20)
    mine = entry_of(first)
    records = [*mine.records, *entry_of(other).records, (told["salt"], told["record"])]
    assert log.leaves == [leaf(*pair) for pair in records]
    (message,) = {r.message for _, raw in mine.records if isinstance(r := read_record(raw), Record)}
    assert message is not None
    held = Held(force, log, records, first.evidence.to_bytes())
    root = (force.broker.trust.folder / "root.json").read_bytes()
    data = asyncio.run(held.packed(message.hex()))
    return Story(force, held, message.hex(), data, entry_of(other), root)


def steps(data: bytes) -> list[str]:
    return [step.name for step in check(data).steps]


def test_every_step_that_needs_no_message_is_shown_and_the_others_are_named_as_not_checked(story: Story) -> None:
    verdict = check(story.data, story.root)
    assert verdict.holds and [step.name for step in verdict.steps] == STEPS, verdict.steps[-1]
    said = " ".join(verdict.unchecked)
    for what in ("holds no envelope", "attested beside it", "Who opened it", "when it made the message", "witnesses"):
        assert what in said, what
    assert "permitted by" in next(step.says for step in verdict.steps if step.name == "record")
    assert len(story.whole.proofs) == len(entry_of_packet(story)) + 1, "each record, and that of the epoch"


def entry_of_packet(story: Story) -> list[tuple[bytes, bytes]]:
    value = cbor.load(story.whole.message, 2**20)
    return [(salt, raw) for salt, raw in value["records"]]


def test_no_byte_of_it_can_be_changed(story: Story) -> None:
    for part in parts(story.data):
        if not part:
            continue
        at = story.data.index(part)
        for place in {0, len(part) // 2, len(part) - 1}:
            changed = bytearray(story.data)
            changed[at + place] ^= 1
            assert not check(bytes(changed), story.root).holds


def changed(story: Story, *records: tuple[bytes, bytes], **changes: Any) -> bytes:
    return packet.write(replace(story.whole, message=packet.write_records(records), **changes))


def test_what_was_not_decided_together_or_is_nobodys_word_breaks_it(story: Story) -> None:
    mine, others = entry_of_packet(story), list(story.other.records)
    subject = bytes.fromhex(story.subject)
    act = act_record(at=1, epoch=1, by="w" + "b" * 12, act="message-recalled", agency=story.whole.audience,
                     subject=subject, outcome="recalled", digest=bytes(32), signer="c" + "b" * 12)  # fmt: skip
    forged = (bytes(32), act.to_bytes())
    agreement = next(
        data
        for a in story.force.broker.trust.repository.folder.rglob("*")
        if a.is_file() and b"\nid: " in b"\n" + (data := a.read_bytes())
    )
    broken = {
        "no record": changed(story),
        "a record twice": changed(story, *mine, mine[0]),
        "another message's record": changed(story, *mine, others[0]),
        "another message's records": changed(story, *others),
        "another salt": changed(story, (bytes(32), mine[0][1]), *mine[1:]),
        "a record that nobody promised": changed(story, *mine, forged),
        "the same without a worker's word": changed(story, *mine, forged, evidence=None),
        "no word and no proof": changed(story, *mine, evidence=None, proofs=()),
        "another message's evidence": changed(story, *mine, evidence=story.other.evidence.to_bytes()),
        "an epoch later": changed(story, *mine, epoch=story.whole.epoch + 1),
        "a retrieval": changed(story, *mine, retrieval=b"x"),
        "a record about trust": changed(story, *mine, story.held.records[-1]),
        "a file that no step looks at": changed(story, *mine, files=(*story.whole.files, b"idle")),
        "an agreement": changed(story, *mine, files=(*story.whole.files, agreement)),
        "no list of the sender's": changed(story, *mine, lists={}),
    }
    assert check(changed(story, *mine), story.root).holds
    assert {name: check(data, story.root).holds for name, data in broken.items()} == dict.fromkeys(broken, False)


def test_without_the_answer_to_the_sender_the_log_alone_vouches_for_the_records(story: Story) -> None:
    data = asyncio.run(replace(story.held, answered=None).packed(story.subject))
    verdict = check(data, story.root)
    assert verdict.holds and [s.name for s in verdict.steps] == [n for n in STEPS if n != "broker"]
    assert any("signed evidence is not in the packet" in what for what in verdict.unchecked)


def test_records_that_no_head_counts_yet_wait_and_those_that_were_promised_go_without_a_proof(story: Story) -> None:
    new = replace(story.held, proves=lambda index: index == 0)
    assert len(packet.read(asyncio.run(new.packed(story.subject))).proofs) == 1
    held = asyncio.run(replace(new, answered=None).packed(story.subject))
    assert check(held).holds and len(cbor.load(packet.read(held).message, 2**20)["records"]) == 1
    none = replace(story.held, answered=None, proves=lambda _: False)
    with pytest.raises(DependencyError, match="in a moment"):
        asyncio.run(none.packed(story.subject))


def test_nobody_gets_a_packet_that_would_not_hold_or_of_nothing(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asyncio.run(packed(cast("Reading", story.held), "0" * 32)) is None
    salted = [(bytes(32), raw) for _, raw in story.held.records]
    with pytest.raises(Unverified, match="would not hold"):
        asyncio.run(replace(story.held, records=salted).packed(story.subject))
    monkeypatch.setattr(type(story.force.broker.trust.repository), "epochs", lambda _: [])
    with pytest.raises(BadInput, match="is not kept here"):
        asyncio.run(story.held.packed(story.subject))


def test_other_bytes_under_the_same_id_are_another_story(story: Story) -> None:
    mine = {n: (*pair, cast("Record", read_record(pair[1]))) for n, pair in enumerate(entry_of_packet(story))}
    salt, raw, first = mine[0]
    again = replace(first, submission=sha256(b"other").digest(), at=first.at + 5, outcome="refused", type="submission")
    act = (salt, raw, cast("ActRecord", object.__new__(ActRecord)))
    held: Any = {**mine, 7: (salt, raw, again), 8: act}
    assert together(held).keys() == {*mine, 8}
    assert together({7: (salt, raw, again)}).keys() == {7} and together({8: act}) == {}
    assert leaf_hash(leaf(salt, raw)) in {proof.leaf for proof in story.whole.proofs}
