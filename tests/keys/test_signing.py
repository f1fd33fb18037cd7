"""A signature of one kind never passes for another, and a kind of key signs only what its row of the table says."""

from dataclasses import replace
from itertools import product

import pytest

from keys.domains import TABLE, KeyKind, Tag, may_sign
from keys.signing import Signer, check, verify
from messages.errors import KeyTrouble, Unverified
from messages.signed import Signed, pae
from tests.keys import world
from tests.support.tampering import flipped

BODY = "Операция «Орхидея»".encode()


def signer_for(tag: Tag) -> Signer:
    kind = TABLE[tag].signers[0]
    return Signer(kind, f"{kind.value[0]}aaaaaaaaaaaa", world.seed(kind.value))


@pytest.mark.parametrize("tag", Tag)
def test_what_is_signed_under_a_tag_verifies_under_that_tag_and_no_other(tag: Tag) -> None:
    signer = signer_for(tag)
    signed = signer.sign(tag, BODY)
    for wanted in Tag:
        rewritten = Signed(tag=wanted.value, by=signed.by, body=BODY, signature=signed.signature)
        if wanted is tag:
            assert verify(signed, wanted, signer.public) == BODY
            continue
        with pytest.raises(Unverified):
            verify(signed, wanted, signer.public)
        with pytest.raises(Unverified):
            verify(rewritten, wanted, signer.public)
        with pytest.raises(Unverified):
            check(signer.public, wanted, BODY, signed.signature)


@pytest.mark.parametrize(("kind", "tag"), list(product(KeyKind, Tag)))
def test_a_kind_of_key_signs_what_its_rows_say_and_nothing_else(kind: KeyKind, tag: Tag) -> None:
    signer = Signer(kind, "caaaaaaaaaaaa", world.seed("any"))
    assert may_sign(kind, tag) is (kind in TABLE[tag].signers)
    if may_sign(kind, tag):
        check(signer.public, tag, BODY, signer.signature(tag, BODY))
    else:
        with pytest.raises(KeyTrouble):
            signer.signature(tag, BODY)
        with pytest.raises(KeyTrouble):
            signer.sign(tag, BODY)


@pytest.mark.parametrize("kind", KeyKind)
def test_log_heads_are_signed_by_the_log_and_its_witnesses_alone(kind: KeyKind) -> None:
    signer = Signer(kind, "caaaaaaaaaaaa", world.seed("any"))
    if kind in (KeyKind.LOG, KeyKind.WITNESS):
        assert len(signer.sign_note(b"head")) == 64
        assert not any(may_sign(kind, tag) for tag in Tag)
    else:
        with pytest.raises(KeyTrouble):
            signer.sign_note(b"head")


def test_a_paper_that_names_another_tag_is_refused_although_the_signature_is_the_wanted_one() -> None:
    signer = world.signer(world.DESK)
    signed = replace(signer.sign(Tag.RELEASE, BODY), tag=Tag.CONSENT.value)
    with pytest.raises(Unverified):
        verify(signed, Tag.RELEASE, signer.public)


def test_every_tag_has_a_row_and_every_row_a_signer() -> None:
    assert set(TABLE) == set(Tag)
    for row in TABLE.values():
        assert row.signers
        assert row.fields
        assert row.checked
        assert row.since in ("v1", "later")


def test_no_two_kinds_and_payloads_give_the_same_bytes_to_sign() -> None:
    pieces = ["", "a", "a 1 b", "1", " ", "é", "e\u0301", "manifest", "manifest 2 hi"]
    made = {}
    for kind, payload in product(pieces, pieces):
        encoded = pae(kind, payload.encode())
        assert made.setdefault(encoded, (kind, payload)) == (kind, payload)
    assert len(made) == len(pieces) ** 2


def test_a_signature_by_another_key_does_not_hold() -> None:
    signed = world.signer(world.DESK).sign(Tag.MANIFEST, BODY)
    with pytest.raises(Unverified):
        verify(signed, Tag.MANIFEST, world.signer(world.CHIEF).public)


@pytest.mark.parametrize("at", range(64))
def test_a_signature_with_any_byte_altered_does_not_hold(at: int) -> None:
    signer = world.signer(world.DESK)
    altered = flipped(signer.signature(Tag.MANIFEST, BODY), at)
    with pytest.raises(Unverified):
        check(signer.public, Tag.MANIFEST, BODY, altered)


@pytest.mark.parametrize("public", [b"", b"x", bytes(31), bytes(32), b"\xff" * 32, b"\x01" + bytes(31), bytes(33)])
@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65), b"\x01" + bytes(63)])
def test_a_key_that_is_none_verifies_nothing(public: bytes, signature: bytes) -> None:
    with pytest.raises(Unverified):
        check(public, Tag.MANIFEST, BODY, signature)


def test_a_signer_does_not_show_its_key() -> None:
    signer = world.signer(world.DESK)
    assert world.seed(world.DESK).hex() not in repr(signer)
    assert repr(world.seed(world.DESK)) not in repr(signer)
    with pytest.raises(KeyTrouble):
        Signer(KeyKind.CONTACT, world.DESK, bytes(31))


def test_a_refusal_does_not_repeat_what_a_stranger_wrote_as_tag() -> None:
    signed = Signed(tag="Anna Kowalska", by=world.DESK, body=BODY, signature=bytes(64))
    with pytest.raises(Unverified) as caught:
        verify(signed, Tag.MANIFEST, world.signer(world.DESK).public)
    assert "Anna" not in str(caught.value)
