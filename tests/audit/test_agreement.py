"""The product's readers and those of `audit` share no code and accept the same bytes, whatever field is spoiled."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from audit.errors import AuditError
from audit.readers import cbor, entries, envelope, trust
from audit.readers.signed import read_signed
from keys.verifying import verify_envelope, verify_view
from messages import wire
from messages.ceremony import CeremonyStep, EpochStatement, KeyDestroyed
from messages.envelope import Delivery, GrantDetail, Outer, SectionDetail
from messages.errors import RemoteError
from messages.evidence import Entry, Evidence, Stamp
from messages.manifest import Manifest
from messages.signed import Signed
from tests.audit.test_vectors import load, raw
from tests.keys import world
from tests.support.tampering import flipped


def first(file: str, **wanted: str) -> dict[str, Any]:
    """The first good vector of a file."""
    return next(v for v in load(file) if v["expect"] == "ok" and wanted.items() <= v.items())


def _detail(kind: str) -> Callable[[bytes], object]:
    def read(detail: bytes) -> object:
        outer = cbor.dumps([bytes(16), kind, bytes(32)])
        return envelope.read_opening({"outer": outer, "detail": detail})

    return read


def _outer(outer: bytes) -> object:
    return envelope.read_opening({"outer": outer, "detail": None})


ENVELOPE, VIEW = first("envelopes"), first("views", name="refuge")
CONTACT = world.sender().model_copy(update={"signing_key": raw(ENVELOPE, "public")})
SECTION, GRANT = first("descriptions", name="section"), first("descriptions", name="grant")


@dataclass(frozen=True, kw_only=True)
class Both:
    """One format: good bytes, and its two readers."""

    good: bytes
    product: Callable[[bytes], object]
    audit: Callable[[bytes], object]


FORMATS: dict[str, Both] = {
    "manifest": Both(
        good=raw(first("manifests"), "manifest"), product=Manifest.from_bytes, audit=envelope.read_manifest
    ),
    "outer": Both(good=raw(SECTION, "outer"), product=Outer.from_bytes, audit=_outer),
    "section": Both(good=raw(SECTION, "detail"), product=SectionDetail.from_bytes, audit=_detail("A02/facts")),
    "grant": Both(good=raw(GRANT, "detail"), product=GrantDetail.from_bytes, audit=_detail("grant")),
    "signed": Both(good=raw(first("attestations"), "signed"), product=Signed.from_bytes, audit=read_signed),
    "stamp": Both(
        good=raw(first("bodies", of="stamp"), "body"), product=Stamp.from_bytes, audit=entries.read_stamp
    ),
    "evidence": Both(
        good=raw(first("bodies", of="evidence"), "body"), product=Evidence.from_bytes, audit=entries.read_evidence
    ),
    "entry": Both(
        good=raw(first("bodies", of="entry"), "body"), product=Entry.from_bytes, audit=entries.read_entry
    ),
    "key-destroyed": Both(
        good=raw(first("bodies", of="key-destroyed"), "body"),
        product=KeyDestroyed.from_bytes,
        audit=trust.read_key_destroyed,
    ),
    "ceremony-step": Both(
        good=raw(first("bodies", of="ceremony-step"), "body"),
        product=CeremonyStep.from_bytes,
        audit=trust.read_ceremony_step,
    ),
    "epoch-statement": Both(
        good=raw(first("bodies", of="epoch-statement"), "body"),
        product=EpochStatement.from_bytes,
        audit=trust.read_epoch_statement,
    ),
    "delivery": Both(
        good=raw(first("bodies", of="delivery"), "body"), product=Delivery.from_bytes, audit=envelope.read_delivery
    ),
    "envelope": Both(
        good=raw(ENVELOPE, "envelope"),
        product=lambda data: verify_envelope(wire.decode(data), CONTACT, world.T0),
        audit=lambda data: envelope.check_envelope(envelope.read_envelope(data), CONTACT.signing_key),
    ),
    "view": Both(
        good=raw(VIEW, "view"),
        product=lambda data: verify_view(wire.decode_view(data), CONTACT, VIEW["recipient"], world.T0),
        audit=lambda data: envelope.check_view(envelope.read_view(data), CONTACT.signing_key, VIEW["recipient"]),
    ),
}  # fmt: skip

LENGTHS = st.sampled_from([0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 1167, 1168, 8192, 8193, 32_768, 32_769])
CODES = st.sampled_from(
    ["", "RED", "H3", "permitted", "refused", "accepted", "Retrieval", "INTEL-REPORT", "ORCON", "victim", "D", "cover",
     "grant", "a02.1.facts", "A02 facts", "AGR-1", "-x", "Орхидея", "c" + "a" * 12, "a" + "a" * 12, "z" + "a" * 12]
)  # fmt: skip
ATOMS: st.SearchStrategy[Any] = (
    st.sampled_from([None, True, False, -1, 0, 1, 2, 2**21, 2**21 + 1, 2**53 - 1, 2**53, 2**64 - 1])
    | LENGTHS.map(bytes)
    | st.sampled_from([16, 17, 40, 41, 64, 65, 128, 129, 256, 257]).map(lambda length: "x" * length)
    | CODES
)
VALUES = ATOMS | st.lists(ATOMS, max_size=3) | st.lists(CODES, max_size=3)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a tree of lists and maps."""
    found: list[tuple[Any, Any]] = []
    pairs = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for key, item in pairs:
        found += [(value, key), *_places(item)]
    return found


def _spoil(draw: st.DrawFn, tree: Any) -> None:
    container, key = draw(st.sampled_from(_places(tree)))
    held = container[key]
    match draw(st.integers(0, 6)):
        case 0:
            del container[key]
        case 1 if isinstance(held, list):
            held.append(draw(ATOMS) if not held or draw(st.booleans()) else held[0])
        case 2 if isinstance(held, list):
            container[key] = held * draw(st.sampled_from([2, 33, 65, 129, 257])) if len(held) < 8 else held[::-1]
        case 3 if isinstance(held, dict):
            held[draw(CODES)] = draw(VALUES)
        case 4 if isinstance(held, int):
            container[key] = held + draw(st.sampled_from([-1, 1, 7_776_000_000, 7_776_000_001]))
        case 5 if isinstance(held, bytes) and held:
            at = draw(st.integers(0, len(held) - 1))
            container[key] = flipped(held, at, draw(st.integers(0, 7)))
        case _:
            container[key] = draw(VALUES)


@st.composite
def spoiled(draw: st.DrawFn, good: bytes) -> bytes:
    tree = [cbor.loads(good)]
    for _ in range(draw(st.integers(1, 2))):
        if _places(tree):
            _spoil(draw, tree)
    try:
        return cbor.dumps(tree[0] if tree else None)
    except ValueError:  # a number or a depth that cannot be written
        return b"\xff"


@pytest.mark.parametrize("name", FORMATS)
def test_both_accept_the_same(name: str) -> None:
    both = FORMATS[name]

    @settings(max_examples=400, deadline=None)
    @given(spoiled(both.good))
    @example(both.good)
    def run(data: bytes) -> None:
        found = []
        for read in (both.product, both.audit):
            try:
                read(data)
                found.append("accepted")
            except (RemoteError, AuditError):
                found.append("refused")
        assert found[0] == found[1], f"the product {found[0]}, audit {found[1]}"

    run()
    both.product(both.good)
    both.audit(both.good)


V1 = bytes(6) + b"\x10\x00\x80" + bytes(7)
BY_AGENCY = cbor.dumps({"body": b"x", "by": "a" + "a" * 12, "sig": bytes(64), "tag": "Orchid"})


@pytest.mark.parametrize(
    ("name", "field", "value", "accepted"),
    [
        ("signed", "by", "a" + "a" * 12, True),
        ("signed", "tag", "x" * 64, True),
        ("signed", "tag", "x" * 65, False),
        ("signed", "tag", " ~", True),
        ("signed", "tag", "Орхидея", False),
        ("signed", "tag", "\x1b[2J", False),
        ("signed", "tag", "a\nb", False),
        ("evidence", "message", V1, False),
        ("evidence", "type", "Accepted", False),
        ("evidence", "code", "x" * 64, True),
        ("evidence", "code", "x" * 65, False),
        ("stamp", "outcome", "accepted", False),
        ("stamp", "rules", ["r"] * 64, True),
        ("stamp", "rules", ["r"] * 65, False),
        ("stamp", "rules", ["r" * 65], False),
        ("entry", "evidence", b"\xa0", False),
        ("entry", "evidence", BY_AGENCY, True),
        ("delivery", "stamp", b"\xa0", False),
        ("ceremony-step", "subject", "", True),
        ("ceremony-step", "subject", None, False),
        ("ceremony-step", "subject", "oaaaaaaaaaaaa", True),
        ("ceremony-step", "step", "epoch", False),
        ("epoch-statement", "previous", None, True),
        ("key-destroyed", "contact", "oaaaaaaaaaaaa", False),
        ("section", "size", 2**21, True),
        ("section", "size", 2**21 + 1, False),
        ("grant", "agreement", "-x", False),
        ("outer", 1, "", False),
        ("outer", 1, "é" * 40, True),
        ("outer", 1, "x" * 41, False),
    ],
)
def test_both_judge_a_field_alike(name: str, field: Any, value: Any, accepted: bool) -> None:
    both = FORMATS[name]
    tree: Any = cbor.loads(both.good)
    tree[field] = value
    for read, refusal in ((both.product, RemoteError), (both.audit, AuditError)):
        if accepted:
            read(cbor.dumps(tree))
        else:
            with pytest.raises(refusal):
                read(cbor.dumps(tree))
