"""What an agency exports about a message, checked by the independent implementation: it holds, and no byte is loose."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import packets
from adapters.journal import Incoming, Outgoing
from audit import packet
from audit.__main__ import main
from audit.packet import Packet, Verdict, check
from keys.domains import Tag
from keys.signing import digest
from messages import cbor, limits, wire
from messages.envelope import Delivery
from messages.errors import BadInput
from messages.evidence import Outcome, Retrieval, Stamp
from messages.ids import ViewId
from messages.limits import DAY
from tests.support.orchid import DESK, INSPECTORS, PROSECUTOR, TaskForce
from tests.support.packets import Log, exported
from tests.support.tampering import flipped

NO_WITNESSES = b"[]\n"
ALL = ["packet", "root", "bundle", "epoch", "contacts", "message", "papers", "broker", "record", "retrieval", "log"]


@dataclass(frozen=True)
class Made:
    """A packet of what was received, one of what was sent, and the root of trust."""

    received: bytes
    guarded: bytes
    sent: bytes
    root: bytes


def received(force: TaskForce, delivery: bytes, address: str) -> Packet:
    stamp = Stamp.from_bytes(Delivery.from_bytes(delivery).stamp.body)
    opened = force.open(delivery, address)
    view = ViewId("0" * 32)
    retrieval = Retrieval(
        view_id=view,
        view=stamp.view,
        manifest=stamp.manifest,
        message=opened.manifest.id,
        recipient=stamp.recipient,
        at=force.now,
        checkpoint=None,
    )
    signed = force.keys(address).signer.sign(Tag.RETRIEVAL, retrieval.to_bytes()).to_bytes()
    incoming = Incoming(view, stamp.recipient, delivery, force.now, "opened", None)
    return packets.of_received(incoming, signed)[0]


@pytest.fixture(scope="module")
def made(force: TaskForce) -> Made:
    return asyncio.run(make(force))


async def make(force: TaskForce) -> Made:
    envelope = force.send("01-full-report.json", PROSECUTOR)
    admitted, guarded = force.admit(envelope), force.admit(force.send("02-labour-disclosure.json", INSPECTORS))
    data = envelope.to_bytes()
    sent = Outgoing(b"", envelope.manifest.id, "", data, "accepted", force.now, admitted.evidence.to_bytes(), False)
    log = Log(force, PROSECUTOR)
    log.add(admitted, guarded)
    return Made(
        received=await exported(force, PROSECUTOR, received(force, admitted.views[0].data, PROSECUTOR), log),
        guarded=await exported(
            force, INSPECTORS, received(force, guarded.views[0].data, INSPECTORS), replace(log, asker=INSPECTORS)
        ),
        sent=await exported(force, DESK, packets.of_sent(sent)[0], replace(log, asker=DESK)),
        root=(force.homes["harbour-police"].trust.copy.folder / "root.json").read_bytes(),
    )


def names(verdict: Verdict) -> list[str]:
    return [step.name for step in verdict.steps]


def test_what_was_received_is_proved_in_every_step(made: Made) -> None:
    for data, skipped in ((made.received, {"papers"}), (made.guarded, set[str]())):
        verdict = check(data, made.root)
        assert verdict.holds, verdict.steps[-1]
        assert names(verdict) == [n for n in ALL if n not in skipped]
        assert [u for u in verdict.unchecked if "recipients might" in u] == []
        assert any("holds no attestation" in u for u in verdict.unchecked) == ("papers" in skipped)
        assert not any("root of trust" in u or "no proof" in u for u in verdict.unchecked)


def test_what_was_sent_is_proved_as_far_as_a_sender_can(made: Made) -> None:
    verdict = check(made.sent, made.root)
    assert verdict.holds, verdict.steps[-1]
    assert names(verdict) == [n for n in ALL if n not in ("papers", "record", "retrieval")]
    for what in ("The records of the decisions", "Whether the recipients might receive", "holds no attestation"):
        assert any(what in u for u in verdict.unchecked), what


def test_it_says_that_it_took_the_root_of_trust_from_the_packet_and_refuses_another(made: Made) -> None:
    assert any("Whether the root of trust" in u for u in check(made.received).unchecked)
    other = json.loads(made.root)
    other["signed"]["expires"] = "2199-01-01T00:00:00Z"
    forged = check(made.received, json.dumps(other, sort_keys=True, separators=(",", ":")).encode())
    assert (forged.holds, forged.comparable, names(forged)[-1]) == (False, True, "root")


@pytest.mark.parametrize("version", [0, 2, 7, None])
def test_a_root_from_before_or_after_those_in_the_packet_makes_it_not_comparable_and_not_broken(
    made: Made, version: int | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert packet.read(made.received).roots == (made.root,)
    value = json.loads(made.root)
    value["signed"]["version"] = version
    known = made.root + b" " if version is None else json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    verdict = check(made.received, known)
    assert (verdict.holds, verdict.comparable, names(verdict)) == (False, False, ["packet", "root"])
    assert version is None or f"is number {version}, and the packet holds number 1" in verdict.steps[-1].says
    path, root = tmp_path / "a.packet", tmp_path / "root.json"
    path.write_bytes(made.received)
    root.write_bytes(known)
    assert main(["packet", "verify", str(path), "--root", str(root)]) == 2
    told = capsys.readouterr().out
    assert "NOT COMPARABLE" in told and "BROKEN" not in told
    assert main(["packet", "verify", str(path), "--root", str(root), "--json"]) == 2
    said = json.loads(capsys.readouterr().out)
    assert (said["holds"], said["comparable"]) == (False, False)


def test_a_packet_holds_a_list_of_every_recipients_agency_and_the_senders_and_no_more() -> None:
    def packed(count: int) -> bytes:
        lists = {f"a{chr(97 + n // 26)}{chr(97 + n % 26)}{'a' * 10}": b"x" for n in range(count)}
        empty = Packet(
            kind=packet.SENT, message=b"", evidence=None, retrieval=None, epoch=1, audience="a" + "b" * 12, roots=(),
            top=b"", lists=lists, files=(), stated=None, proofs=(),
        )  # fmt: skip
        return packet.write(empty)

    assert len(packet.read(packed(limits.GRANTS + 1)).lists) == limits.GRANTS + 1
    with pytest.raises(packet.Unreadable, match="at most 257 lists"):
        packet.read(packed(limits.GRANTS + 2))


async def test_what_the_broker_did_not_answer_is_named_as_not_checked(force: TaskForce) -> None:
    admitted = force.admit(force.send("01-full-report.json", PROSECUTOR))
    bare = received(force, admitted.views[0].data, PROSECUTOR)
    verdict = check(await exported(force, PROSECUTOR, replace(bare, retrieval=None), None))
    assert verdict.holds and names(verdict) == ["packet", "root", "bundle", "contacts", "message", "broker", "record"]
    said = " ".join(verdict.unchecked)
    for what in ("in force together", "has opened it", "is in the log", "root of trust", "sealed", "witnesses"):
        assert what in said


@dataclass
class Lying(Log):
    """A broker that answers about its log with `nonsense`, or else says of `lied` something that is not so."""

    nonsense: bytes | None = None
    lied: str = ""
    changes: dict[str, Any] = field(default_factory=dict)

    async def ask(self, verb: str, data: bytes) -> bytes:
        if self.nonsense is not None:
            return self.nonsense
        answer = await super().ask(verb, data)
        value = cbor.load(answer, len(answer))
        return cbor.dump({**value, **self.changes} if verb == self.lied else value)


LIES: dict[str, dict[str, Any]] = {
    "nothing": {"nonsense": b""},
    "no CBOR": {"nonsense": b"\xff"},
    "a list": {"nonsense": cbor.dump([])},
    "half an answer": {"nonsense": cbor.dump({"index": 1})},
    "text": {"nonsense": cbor.dump("x" * 500)},
    "another place": {"lied": "proof", "changes": {"index": 0}},
    "a place far away": {"lied": "proof", "changes": {"index": 2**53 - 1, "size": 2**53 - 1}},
    "a long way": {"lied": "proof", "changes": {"proof": [bytes(32)] * 128}},
    "no head": {"lied": "proof", "changes": {"checkpoint": b"x"}},
    "an endless head": {"lied": "proof", "changes": {"checkpoint": bytes(2**21)}},
    "another epoch": {"lied": "epoch", "changes": {"statement": b"x"}},
    "another extract": {"lied": "epoch", "changes": {"index": 2**53 - 1}},
    "another record": {"lied": "epoch", "changes": {"record": b"x"}},
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_broker_that_lies_about_its_log_keeps_nobody_from_exporting_what_it_signed(
    force: TaskForce, lie: str
) -> None:
    admitted = force.admit(force.send("01-full-report.json", PROSECUTOR))
    log = Lying(force, PROSECUTOR, **LIES[lie])
    log.add(admitted)
    home, bare = force.homes[PROSECUTOR.partition("/")[0]], received(force, admitted.views[0].data, PROSECUTOR)
    made = await packets.export(bare, home.trust, home.agency.handle, home.bundle.directory, log.ask)
    whole = packet.read(made.data)
    assert check(made.data).holds and (whole.stated, whole.proofs) == (None, ())
    assert made.lacks is not None and "does not hold" in made.lacks
    honest = Log(force, PROSECUTOR)
    honest.add(admitted)
    told = await packets.export(bare, home.trust, home.agency.handle, home.bundle.directory, honest.ask)
    assert told.lacks is None and packet.read(told.data).proofs


async def test_nothing_is_exported_of_what_cannot_be_proved(force: TaskForce) -> None:
    with pytest.raises(BadInput, match="not answered"):
        packets.of_sent(Outgoing(b"", b"", "", b"", "queued", 0, None, False))
    admitted = force.admit(force.send("01-full-report.json", PROSECUTOR))
    bare = received(force, admitted.views[0].data, PROSECUTOR)
    with pytest.raises(BadInput, match="epoch 9 is not kept"):
        await exported(force, PROSECUTOR, replace(bare, epoch=9), None)


def swapped(made: Made, **changes: object) -> bytes:
    return packet.write(replace(packet.read(made.received), **changes))  # type: ignore[arg-type]


def mixed(whole: Packet, other: Packet) -> bytes:
    """This view under the other message's stamp."""
    return replace(Delivery.from_bytes(whole.message), stamp=Delivery.from_bytes(other.message).stamp).to_bytes()


def stated(whole: Packet, **changes: object) -> dict[str, object]:
    assert whole.stated is not None
    return {"stated": replace(whole.stated, **changes)}  # type: ignore[arg-type]


def lines(whole: Packet) -> tuple[str, ...]:
    assert whole.stated is not None and whole.stated.lines
    return whole.stated.lines


def place(whole: Packet) -> int:
    assert whole.stated is not None
    return whole.stated.index


# What is changed in the packet of a message, by that of another; of what chance orders (digests), each one in turn.
VARIANTS: dict[str, Callable[[Packet, Packet], dict[str, object]]] = {
    "the other's stamp": lambda whole, other: {"message": mixed(whole, other)},
    "the other's retrieval": lambda whole, other: {"retrieval": other.retrieval},
    "the other's audience": lambda whole, other: {"audience": other.audience},
    "the other's top": lambda whole, other: {"top": other.top},
    "the next epoch": lambda whole, other: {"epoch": whole.epoch + 1},
    "no root": lambda whole, other: {"roots": ()},
    "a root twice": lambda whole, other: {"roots": (*whole.roots, *whole.roots)},
    "an idle file": lambda whole, other: {"files": (*whole.files, b"idle")},
    "a file twice": lambda whole, other: {"files": (*whole.files, whole.files[0])},
    "a line less": lambda whole, other: stated(whole, lines=lines(whole)[1:]),
    "another place": lambda whole, other: stated(whole, index=place(whole) + 1),
    "a proof twice": lambda whole, other: {"proofs": (*whole.proofs, whole.proofs[0])},
    "a proof of another place": lambda whole, other: {
        "proofs": (replace(whole.proofs[0], index=whole.proofs[0].index + 1), *whole.proofs[1:])
    },
    "evidence": lambda whole, other: {"evidence": whole.retrieval},
    "another kind": lambda whole, other: {"kind": packet.SENT},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_parts_of_another_message_do_not_pass(made: Made, variant: str) -> None:
    whole, other = packet.read(made.received), packet.read(made.guarded)
    broken = swapped(made, **VARIANTS[variant](whole, other))
    assert broken != made.received
    assert not check(broken, made.root).holds


def test_without_a_list_or_a_file_that_it_needs_it_does_not_pass(made: Made) -> None:
    whole = packet.read(made.received)
    assert len(whole.lists) > 1
    for agency in whole.lists:
        less = {a: data for a, data in whole.lists.items() if a != agency}
        assert not check(swapped(made, lists=less), made.root).holds
    needed = [f for f in whole.files if not f.startswith(b"id: ") and f != NO_WITNESSES]
    assert len(needed) == len(whole.files) - 2  # the others are the agreement and the list of witnesses
    for file in needed:
        assert not check(swapped(made, files=tuple(f for f in whole.files if f != file)), made.root).holds


def test_an_agreement_of_the_extract_on_which_no_grant_rests_does_not_pass(made: Made, force: TaskForce) -> None:
    whole, repository = packet.read(made.received), force.homes[PROSECUTOR.partition("/")[0]].trust.copy.repository
    listed = json.loads(whole.top)["signed"]["targets"]
    idle = repository.file(listed["agreement/AGR-2026-06-fiu.yaml"]["hashes"]["sha256"])
    verdict = check(swapped(made, files=(*whole.files, idle)), made.root)
    assert (verdict.holds, verdict.steps[-1].name) == (False, "message")


def test_an_agreement_or_a_proof_that_is_not_in_it_is_named_as_not_checked(made: Made) -> None:
    whole = packet.read(made.received)
    less = check(swapped(made, files=tuple(f for f in whole.files if not f.startswith(b"id: "))), made.root)
    assert less.holds and any("does not hold AGR-2026-01" in u for u in less.unchecked)
    assert not any("the agreement were" in u for u in less.unchecked)
    full = check(made.received, made.root)
    assert full.holds and any("the agreement were: they are here" in u for u in full.unchecked)
    assert not any("does not hold AGR" in u for u in full.unchecked)
    assert (
        "Whether witnesses saw the same log: 0 of 0 witnesses cosigned a head in it, and 2 have to." in full.unchecked
    )
    shorter = check(swapped(made, proofs=whole.proofs[1:]))
    assert shorter.holds and any("the packet holds no proof of it" in u for u in shorter.unchecked)


def test_a_view_from_which_something_was_left_out_is_not_the_one_that_was_stamped(made: Made) -> None:
    whole = packet.read(made.guarded)
    delivery = Delivery.from_bytes(whole.message)
    view = wire.decode_view(delivery.view)
    assert view.attestations
    less = replace(view, attestations=()).to_bytes()
    verdict = check(packet.write(replace(whole, message=replace(delivery, view=less).to_bytes())), made.root)
    assert (verdict.holds, verdict.steps[-1].name) == (False, "broker")


def restamped(force: TaskForce, data: bytes, *, view: bytes | None = None, **changes: object) -> bytes:
    """A packet from a dishonest broker: another view, or another stamp, signed by its real worker."""
    whole = packet.read(data)
    delivery = Delivery.from_bytes(whole.message)
    shown = view or delivery.view
    stamp = replace(Stamp.from_bytes(delivery.stamp.body), view=digest("view", shown), **changes)  # type: ignore[arg-type]
    signed = force.broker.worker.sign(Tag.STAMP, stamp.to_bytes())
    made = replace(delivery, view=shown, stamp=signed)
    return packet.write(replace(whole, message=made.to_bytes(), retrieval=None))


def test_what_a_dishonest_broker_stamps_is_found(made: Made, force: TaskForce) -> None:
    view = wire.decode_view(Delivery.from_bytes(packet.read(made.guarded).message).view)
    paper = view.attestations[0]
    forged = replace(view, attestations=(replace(paper, body=flipped(paper.body)),)).to_bytes()
    for data, broken in (
        (restamped(force, made.guarded, view=forged), "papers"),
        (restamped(force, made.received, rules=("SC-99",)), "record"),
        (restamped(force, made.received, leaf=bytes(32)), "record"),
        (restamped(force, made.received, manifest=bytes(32)), "broker"),
        (restamped(force, made.received, outcome=Outcome.REFUSED), "broker"),
        (restamped(force, made.received, recipient=force.contact(INSPECTORS).handle), "contacts"),
        (restamped(force, made.received, admitted=force.now + 300 * DAY), "bundle"),
    ):
        verdict = check(data, made.root)
        assert (verdict.holds, verdict.steps[-1].name) == (False, broken), verdict.steps[-1]


@pytest.mark.parametrize("kind", ["received", "guarded", "sent"])
def test_every_byte_that_is_changed_is_found(made: Made, kind: str) -> None:
    """A few hundred places spread over the packet, with every bit in turn; 7 is prime to the widths of all fields."""
    data = getattr(made, kind)
    step = max(1, len(data) // 250) | 1
    places = range(0, len(data), step)
    assert len(places) > 200
    loose = [p for number, p in enumerate(places) if check(flipped(data, p, number % 8), made.root).holds]
    assert loose == []


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=400))
def test_whatever_the_bytes_a_packet_is_judged_and_nothing_is_raised(data: bytes) -> None:
    assert not check(data).holds


def test_the_command_says_each_step_and_what_it_does_not_show(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, root = tmp_path / "a.packet", tmp_path / "root.json"
    path.write_bytes(made.guarded)
    root.write_bytes(made.root)
    assert main(["packet", "verify", str(path), "--root", str(root)]) == 0
    told = capsys.readouterr().out
    assert "The packet holds." in told and "not checked: What the sections say" in told
    assert [line.split()[1] for line in told.splitlines() if line[:2].strip().isdigit()] == ALL
    path.write_bytes(flipped(made.guarded, len(made.guarded) // 2, 0))
    assert main(["packet", "verify", str(path)]) == 1
    assert "BROKEN" in capsys.readouterr().out
    assert main(["packet", "verify", str(tmp_path / "absent")]) == 2
