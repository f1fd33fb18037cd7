"""Whatever the bytes, a parser returns or raises the one promised family; far more than ten thousand cases.

Three ways to make bytes: random ones, well-formed CBOR of the wrong shape, and real objects damaged. The damage is
seeded, so a failure repeats; its case number is in the message.
"""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keys import content, keystore
from keys.bundle import Verifier, first_root
from keys.domains import Tag
from keys.metadata import FULL, Audience
from keys.repository import Repository
from keys.statements import check as check_statement
from keys.verifying import check_attestations, open_view, verify_envelope, verify_view
from messages import cbor, wire
from messages.acknowledgements import Acknowledgement
from messages.attestations import Consent, GuardAttestation, Release
from messages.directory import KeyStatement
from messages.envelope import Delivery, Envelope, GrantDetail, Outer, SectionDetail
from messages.errors import KeyTrouble, Malformed, RemoteError
from messages.evidence import Answer, Entry, Evidence, Retrieval, Stamp, Step
from messages.leaks import LeakDelivery, LeakReport
from messages.manifest import Manifest
from messages.recalls import Recall, RecallDelivery
from messages.signed import Signed
from messages.unread import UnreadDelivery, UnreadNotice
from messages.withdrawals import (
    ErasureConfirmation,
    Holding,
    Notice,
    NoticeDelivery,
    ReviewClosed,
    WithdrawalSubmission,
)
from tests.keys import trust, world

ENVELOPE_CASES = 10_000
OTHER_CASES = 1_500


def _delivery() -> bytes:
    view = world.refuge_view().to_bytes()
    stamp = world.signer(world.WORKER).sign(Tag.STAMP, world.stamp(world.seed("v"), world.seed("m")).to_bytes())
    return Delivery(view=view, stamp=stamp, record=b"\xa0", salt=world.seed("salt")).to_bytes()


def _answer() -> bytes:
    signed = world.signer(world.WORKER).sign(Tag.EVIDENCE, world.evidence().to_bytes())
    return Answer(submission=world.seed("s"), evidence=signed, repeated=False).to_bytes()


ENVELOPE = world.envelope()
DETAILS = [o.detail or b"" for o in ENVELOPE.openings]
READERS: dict[str, tuple[Callable[[bytes], Any], bytes]] = {
    "view": (wire.decode_view, world.refuge_view().to_bytes()),
    "delivery": (Delivery.from_bytes, _delivery()),
    "signed": (Signed.from_bytes, ENVELOPE.attestations[0].to_bytes()),
    "manifest": (Manifest.from_bytes, ENVELOPE.manifest_bytes),
    "outer": (Outer.from_bytes, ENVELOPE.openings[0].outer),
    "section": (SectionDetail.from_bytes, DETAILS[1]),
    "grant": (GrantDetail.from_bytes, DETAILS[3]),
    "stamp": (Stamp.from_bytes, world.stamp(world.seed("v"), world.seed("m")).to_bytes()),
    "evidence": (Evidence.from_bytes, world.evidence().to_bytes()),
    "entry": (Entry.from_bytes, world.entry().to_bytes()),
    "answer": (Answer.from_bytes, _answer()),
    "retrieval": (Retrieval.from_bytes, world.retrieval(world.seed("v"), world.seed("m")).to_bytes()),
    "guard-attestation": (GuardAttestation.from_bytes, ENVELOPE.attestations[0].body),
    "release": (Release.from_bytes, world.release(world.seed("m")).to_bytes()),
    "consent": (Consent.from_bytes, world.consent().to_bytes()),
    "withdrawal-submission": (WithdrawalSubmission.from_bytes, world.withdrawal_submission().to_bytes()),
    "holding": (Holding.from_bytes, world.holding(world.seed("v")).to_bytes()),
    "notice": (Notice.from_bytes, world.notice(world.seed("v")).to_bytes()),
    "notice-delivery": (NoticeDelivery.from_bytes, world.notice_delivery(world.seed("v")).to_bytes()),
    "leak": (LeakReport.from_bytes, world.leak(world.seed("v")).to_bytes()),
    "acknowledgement": (Acknowledgement.from_bytes, world.acknowledgement(world.seed("v")).to_bytes()),
    "unread": (UnreadNotice.from_bytes, world.unread().to_bytes()),
    "unread delivery": (UnreadDelivery.from_bytes, world.unread_delivery().to_bytes()),
    "recall": (Recall.from_bytes, world.recall().to_bytes()),
    "recall delivery": (RecallDelivery.from_bytes, world.recall_delivery().to_bytes()),
    "step": (Step.from_bytes, world.step().to_bytes()),
    "leak delivery": (LeakDelivery.from_bytes, world.leak_delivery(world.seed("v")).to_bytes()),
    "erasure": (ErasureConfirmation.from_bytes, world.erasure(world.seed("v")).to_bytes()),
    "review-closed": (ReviewClosed.from_bytes, world.review_closed(world.seed("v")).to_bytes()),
}

CBOR = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.binary(max_size=70) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(
                ["v", "manifest", "sig", "openings", "sections", "grants", "grant", "attestations", "id", "body"]
            )
            | st.text(max_size=4),
            inner,
            max_size=8,
        )
    ),
    max_leaves=20,
)

WORDS = (
    "signed signatures _type version expires targets delegations keys roles spec_version safeconduct epoch at root tops"
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(WORDS.split()),
            inner,
            max_size=8,
        )
    ),
    max_leaves=20,
).map(lambda value: json.dumps(value).encode())


def damaged(good: bytes, cases: int, seed: str) -> Iterator[tuple[int, bytes]]:
    """Bit flips, truncations, splices of the object with itself, edited lengths, edited fields: one or a few a case."""
    draw = random.Random(seed)
    for case in range(cases):
        data = bytearray(good)
        for _ in range(draw.choice((1, 1, 1, 2, 5))):
            at = draw.randrange(len(data)) if data else 0
            match draw.randrange(8):
                case 0:
                    data[at : at + 1] = bytes([(data[at] if data else 0) ^ 1 << draw.randrange(8)])
                case 1:
                    data[at : at + 1] = bytes(
                        [draw.choice((0x00, 0x1B, 0x5B, 0x5F, 0x7B, 0x9B, 0xBB, 0xC0, 0xF9, 0xFF))]
                    )
                case 2:
                    del data[at:]
                case 3:
                    del data[at : at + draw.randrange(1, 40)]
                case 4:
                    start = draw.randrange(len(good))
                    data[at:at] = good[start : start + draw.randrange(1, 80)]
                case 5:
                    start = draw.randrange(len(good))
                    piece = good[start : start + draw.randrange(1, 80)]
                    data[at : at + len(piece)] = piece
                case 6:  # a length or number byte after a head, up or down by one
                    data[at : at + 1] = bytes([((data[at] if data else 0) + draw.choice((-1, 1))) % 256])
                case 7:
                    data[at:at] = draw.randbytes(draw.randrange(1, 20))
        yield case, bytes(data)


def replaced(good: bytes, seed: str) -> Iterator[bytes]:
    """Every field and item of a well-formed object, in turn replaced by something of another form, or removed."""
    stuff: list[Any] = [None, True, -1, 2**64 - 1, b"", b"\0" * 64, "", "Орхидея", "x" * 300, [], [[]], {}, {"v": 1}]

    def places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in items:
            yield (*path, key)
            yield from places(inner, (*path, key))

    for path in places(cbor.load(good, 10**7), ()):
        for thing in [*stuff, "remove"]:
            value = cbor.load(good, 10**7)
            into = value
            for step in path[:-1]:
                into = into[step]
            if thing == "remove":
                del into[path[-1]]
            else:
                into[path[-1]] = thing
            yield cbor.dump(value)


def decoded(data: bytes) -> Envelope | None:
    try:
        found = wire.decode(data)
    except Malformed:
        return None
    assert type(found) is Envelope
    return found


@settings(max_examples=1_000, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes_are_an_envelope_or_malformed(data: bytes) -> None:
    decoded(data)


@settings(max_examples=400, deadline=None)
@given(CBOR)
def test_cbor_of_any_shape_is_an_envelope_or_malformed(value: Any) -> None:
    decoded(cbor.dump(value))


def test_a_damaged_envelope_is_an_envelope_or_malformed_and_never_verified_unless_it_is_the_same() -> None:
    good, sender, read = ENVELOPE.to_bytes(), world.sender(), 0
    for case, data in damaged(good, ENVELOPE_CASES, "envelope"):
        try:
            envelope = decoded(data)
            if envelope is None:
                continue
            read += 1
            checked = verify_envelope(envelope, sender, world.T0)
        except RemoteError:
            continue
        except Exception as error:
            raise AssertionError(f"case {case}") from error
        # What is not covered by the sender's signature are the attestations, each with a signature of its own.
        assert checked.envelope.manifest_bytes == ENVELOPE.manifest_bytes, f"case {case}"
        assert checked.envelope.sections == ENVELOPE.sections, f"case {case}"
        assert checked.envelope.grants == ENVELOPE.grants, f"case {case}"
        try:
            check_attestations(
                envelope.attestations, world.directory(), sender, envelope.manifest, checked.manifest_digest, world.T0
            )
        except RemoteError:
            continue
        assert {(a.tag, a.body) for a in envelope.attestations} <= {(a.tag, a.body) for a in ENVELOPE.attestations}
    assert read > ENVELOPE_CASES / 20, "too few cases got past the first reader to say anything"


def test_an_envelope_with_any_field_replaced_is_an_envelope_or_malformed() -> None:
    cases = list(replaced(ENVELOPE.to_bytes(), "envelope"))
    assert len(cases) > 300
    for data in cases:
        decoded(data)


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_object_is_read_or_malformed(name: str) -> None:
    read, good = READERS[name]
    read(good)
    for case, data in damaged(good, OTHER_CASES, name):
        try:
            read(data)
        except Malformed:
            continue
        except Exception as error:
            raise AssertionError(f"case {case}: {data.hex()}") from error


@pytest.mark.parametrize("name", READERS)
def test_an_object_with_any_field_replaced_is_read_or_malformed(name: str) -> None:
    read, good = READERS[name]
    cases = list(replaced(good, name))
    assert len(cases) > 40
    for data in cases:
        try:
            read(data)
        except Malformed:
            continue
        except Exception as error:
            raise AssertionError(data.hex()) from error


@settings(max_examples=300, deadline=None)
@given(CBOR | st.binary(max_size=200))
def test_every_reader_takes_anything(value: Any) -> None:
    data = value if isinstance(value, bytes) else cbor.dump(value)
    for read, _ in READERS.values():
        try:
            read(data)
        except Malformed:
            continue


def test_a_damaged_view_opens_to_the_same_text_or_not_at_all() -> None:
    good = world.refuge_view().to_bytes()
    sender, key = world.sender(), world.decryption_key(world.REFUGE)
    for case, data in damaged(good, OTHER_CASES, "opened view"):
        try:
            plain = open_view(verify_view(wire.decode_view(data), sender, world.REFUGE, world.T0), key)
        except RemoteError:
            continue
        except Exception as error:
            raise AssertionError(f"case {case}") from error
        assert plain == {"a02.1.facts": world.FACTS_TEXT}, f"case {case}"


def test_a_damaged_key_statement_holds_or_is_refused() -> None:
    holder = world.contact(world.REFUGE, "referrals", world.SHELTER)
    statement = holder.statements[0]
    for _, data in damaged(statement.signed, OTHER_CASES, "statement"):
        try:
            check_statement(holder, KeyStatement(signed=data))
        except RemoteError:
            continue


class Altered(Repository):
    """A published bundle in which one stored file has other bytes."""

    name, data = "", b""

    def _maybe(self, name: str) -> bytes | None:
        return self.data if name == self.name else super()._maybe(name)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> trust.Force:
    force = trust.Force(tmp_path_factory.mktemp("bundle") / "repository")
    force.publish()
    return force


def _refused(force: trust.Force, name: str, data: bytes, case: object) -> bool:
    """Whether a stored file with these bytes is refused. Whatever opens says the same as before."""
    repository = Altered(force.folder)
    repository.name, repository.data = name, data
    audience = Audience(FULL)
    honest = Verifier(force.root, audience).open(force.repository, force.repository.state(1))
    try:
        bundle = Verifier(force.root, audience).open(repository, repository.state(1))
    except RemoteError:
        return True
    except Exception as error:
        raise AssertionError(f"{name}, case {case}") from error
    assert (bundle.directory, bundle.agreements) == (honest.directory, honest.agreements), f"{name}, case {case}"
    return False


def test_a_damaged_part_of_a_trust_bundle_is_refused_or_changes_nothing(published: trust.Force) -> None:
    names = [f"top/{FULL}/1.json", f"role/{trust.POLICE}/1.json", "epoch/1.json"]
    files = sorted((published.folder / "file").iterdir(), key=lambda p: p.stat().st_size)
    names += [f"file/{files[0].name}", f"file/{files[-1].name}"]
    refused = 0
    for name in names:
        good = (published.folder / name).read_bytes()
        assert not _refused(published, name, good, "good")
        refused += sum(_refused(published, name, data, case) for case, data in damaged(good, 60, name))
    assert refused > 200


@pytest.mark.parametrize("part", ["top/full/1.json", f"role/{trust.POLICE}/1.json", "epoch/1.json"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200) | JSON)
def test_anything_given_as_a_part_of_a_trust_bundle_is_refused(published: trust.Force, part: str, data: bytes) -> None:
    assert _refused(published, part, data, data)


def test_whatever_the_officers_signed_is_read_or_malformed(published: trust.Force) -> None:
    """Two careless officers: the signatures hold, and a file is whatever it is."""
    draw = random.Random("json")
    good = content.files(published.content)
    assert content.from_files(good).directory() == published.content.directory()
    junk = (b"", b"null", b"[]", b"{}", b"[1e999]", b'[{"epoch": 1e999}]', b"[" * 100_000, b"\xff", b'["\\ud800"]')
    for name, known in good.items():
        _read(good, name, known)
        for data in junk:
            _read(good, name, data)
        for _ in range(60):
            data = bytearray(known)
            at = draw.randrange(len(data))
            data[at : at + draw.randrange(3)] = draw.choice((b"", b"0", b"null", b'"', b"{}", b"\xff", b"1e999"))
            _read(good, name, bytes(data))


def _read(good: dict[str, bytes], name: str, data: bytes) -> None:
    try:
        content.from_files({**good, name: data}).directory()
    except Malformed:
        return
    except Exception as error:
        raise AssertionError((name, data[:200])) from error


def test_any_bytes_given_as_the_root_of_trust_are_one_or_refused(published: trust.Force) -> None:
    for case, data in damaged(published.root, 400, "root"):
        try:
            first_root(data)
        except RemoteError:
            continue
        except Exception as error:
            raise AssertionError(f"case {case}") from error


def test_a_damaged_key_file_opens_to_its_secrets_or_is_trouble_with_keys() -> None:
    cost = keystore.Cost(1, keystore.MIN_MEMORY)
    good = keystore.seal({"signing": world.seed("x")}, "correct horse", cost)
    for case, data in damaged(good, 400, "keystore"):
        try:
            found = keystore.unseal(data, "correct horse")
        except KeyTrouble:
            continue
        except Exception as error:
            raise AssertionError(f"case {case}") from error
        assert found == {"signing": world.seed("x")}, f"case {case}"


@settings(max_examples=300, deadline=None)
@given(CBOR | st.binary(max_size=200))
def test_anything_given_as_a_key_file_is_trouble_with_keys(value: Any) -> None:
    data = value if isinstance(value, bytes) else cbor.dump(value)
    with pytest.raises(KeyTrouble):
        keystore.unseal(data, "correct horse")
