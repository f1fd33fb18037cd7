"""Cosignatures: what a witness signs, who is believed to have seen a head, and when a head is final."""

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.checkpoint import Checkpoint, VerifierKey, read_note, sign_checkpoint, verify
from audit.errors import AuditError, BadSignature, Unreadable
from audit.witness import WitnessKey, cosign, cosignatures, final, joined
from tests.support.tampering import flipped

TIME = 1_790_000_000


def secret(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)


def public(number: int) -> bytes:
    return secret(number).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


LOG = VerifierKey(name="force/log", public=public(9))
HEAD = Checkpoint(origin="force/log", size=42, root=sha256(b"root").digest())
NOTE = sign_checkpoint(HEAD, LOG, secret(9).sign)
OTHER = sign_checkpoint(Checkpoint(origin="force/log", size=42, root=sha256(b"fork").digest()), LOG, secret(9).sign)
WITNESSES = [WitnessKey(name=f"w-{letter * 8}", public=public(n)) for n, letter in enumerate("abc", 1)]


def line(number: int, note: bytes = NOTE, time: int = TIME) -> bytes:
    return cosign(note, WITNESSES[number - 1], time, secret(number).sign)


def test_a_line_is_what_the_specification_says_read_by_hand() -> None:
    """C2SP tlog-cosignature: id of name, newline, 0x04 and key; eight bytes of time; over header, time, and text."""
    dash, name, encoded = line(1).decode().rstrip("\n").split(" ")
    raw = base64.b64decode(encoded)
    assert (dash, name) == ("—", "w-aaaaaaaa")
    assert raw[:4] == sha256(b"w-aaaaaaaa\n\x04" + public(1)).digest()[:4]
    assert int.from_bytes(raw[4:12], "big") == TIME
    text = NOTE.decode().rpartition("\n\n")[0] + "\n"
    Ed25519PublicKey.from_public_bytes(public(1)).verify(
        raw[12:], f"cosignature/v1\ntime {TIME}\n".encode() + text.encode()
    )


def test_a_note_keeps_the_logs_signature_whatever_is_added_to_it() -> None:
    both = joined(NOTE, [line(1), line(2), line(1)])
    assert verify(both, LOG) == HEAD
    assert len(read_note(both).signatures) == 3
    assert [(c.witness, c.time) for c in cosignatures(both, WITNESSES)] == [(w, TIME) for w in WITNESSES[:2]]


@pytest.mark.parametrize(("lines", "is_final"), [([], False), ([1], False), ([1, 1], False), ([1, 3], True)])
def test_a_head_is_final_once_two_different_witnesses_saw_it(lines: list[int], is_final: bool) -> None:
    note = joined(NOTE, [line(n, time=TIME + place) for place, n in enumerate(lines)])
    assert final(note, WITNESSES) == (HEAD if is_final else None)


def test_one_key_under_two_labels_that_stand_in_the_list_is_two_for_whoever_made_the_list_alone() -> None:
    """That witnesses are different people is decided where they are named; here a key counts once under one name."""
    note = joined(NOTE, [line(1), line(1, time=TIME + 5)])
    assert final(note, [WITNESSES[0], WITNESSES[0]]) is None


def test_what_a_stranger_added_is_passed_over() -> None:
    note = joined(NOTE, [line(1), line(2)])
    assert final(note, WITNESSES[2:]) is None
    assert cosignatures(note, WITNESSES[2:]) == ()


@pytest.mark.parametrize("place", [12, 20, 75])
def test_a_line_in_a_witnesss_name_that_does_not_hold_is_a_lie(place: int) -> None:
    _, name, encoded = line(1).decode().rstrip("\n").split(" ")
    raw = flipped(base64.b64decode(encoded), place)
    forged = f"— {name} {base64.b64encode(raw).decode()}\n".encode()
    with pytest.raises(BadSignature):
        cosignatures(joined(NOTE, [forged]), WITNESSES)


def test_a_cosignature_of_one_head_is_none_of_another() -> None:
    with pytest.raises(BadSignature):
        cosignatures(joined(OTHER, [line(1)]), WITNESSES)


def test_the_time_is_part_of_what_is_signed() -> None:
    raw = base64.b64decode(line(1).split(b" ")[2])
    moved = raw[:4] + (TIME + 1).to_bytes(8, "big") + raw[12:]
    with pytest.raises(BadSignature):
        cosignatures(joined(NOTE, [f"— w-aaaaaaaa {base64.b64encode(moved).decode()}\n".encode()]), WITNESSES)


@pytest.mark.parametrize("time", [0, -1, 253_402_300_800, 2**63])
def test_nothing_is_cosigned_at_no_time(time: int) -> None:
    with pytest.raises(ValueError, match="time"):
        line(1, time=time)


@pytest.mark.parametrize("time", [0, 253_402_300_800, 2**64 - 1])
def test_a_line_of_a_time_that_no_calendar_has_is_no_cosignature(time: int) -> None:
    text = NOTE.decode().rpartition("\n\n")[0] + "\n"
    signature = secret(1).sign(f"cosignature/v1\ntime {time}\n{text}".encode())
    raw = WITNESSES[0].id + time.to_bytes(8, "big") + signature
    with pytest.raises(BadSignature):
        cosignatures(joined(NOTE, [f"— w-aaaaaaaa {base64.b64encode(raw).decode()}\n".encode()]), WITNESSES)


def test_a_witness_key_is_read_back_and_is_not_taken_for_a_logs() -> None:
    for key in WITNESSES:
        assert WitnessKey.parse(str(key)) == key
        with pytest.raises(Unreadable):
            VerifierKey.parse(str(key))
    for wrong in (str(LOG), "w-a", "w-a+00000000+BA==", str(WITNESSES[0]).replace("w-a", "w-b"), "", "a b+1+2", "++"):
        with pytest.raises(Unreadable):
            WitnessKey.parse(wrong)


@given(st.binary(max_size=200) | st.sampled_from([NOTE, line(1)]).map(lambda b: b[:-9]))
@settings(max_examples=150, deadline=None)
def test_whatever_the_bytes_a_note_or_line_is_read_or_refused(data: bytes) -> None:
    for call in (lambda: cosignatures(data, WITNESSES), lambda: joined(NOTE, [data]), lambda: joined(data, [line(1)])):
        try:
            call()
        except AuditError:
            continue


def test_two_lines_in_one_are_not_taken_for_one() -> None:
    with pytest.raises(AuditError):
        joined(NOTE, [line(1) + line(2)])
