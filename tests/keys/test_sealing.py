"""A key opens only what was signed, a grant opens only for its recipient, sender and message, and nothing else fits."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as raw_open

from keys import composing
from keys.sealing import (
    PUBLIC_KEY_BYTES,
    DecryptionKey,
    SectionKey,
    commitment,
    grant_length,
    key_id,
    open_grant,
    open_section,
    pad,
    seal_grant,
    seal_section,
    section_context,
    unpad,
)
from messages import limits
from messages.envelope import GrantDetail, SectionDetail
from messages.errors import BadInput, KeyTrouble, Unverified
from tests.keys import world
from tests.support.tampering import flipped
from tests.vectors import check as checker

PARTS = world.make_parts()
FACTS = PARTS.facts
OTHER_MESSAGE = bytes.fromhex("0f0e0d0c0b0a4908870605040302aabc")


def opened(section: composing.SealedSection, **changed: Any) -> bytes:
    given: dict[str, Any] = {"key": section.key, "sealed": section.sealed, "message": world.MESSAGE} | changed
    detail = given.pop("detail", section.detail)
    detail = replace(detail, digest=sha256(given["sealed"]).digest())
    return open_section(given["key"], given["sealed"], detail, given["message"])


def refused(**changed: Any) -> str:
    with pytest.raises(Unverified) as caught:
        opened(FACTS, **changed)
    return str(caught.value)


def test_a_section_opens_to_what_was_sealed() -> None:
    assert opened(FACTS) == world.FACTS_TEXT


def test_another_key_does_not_open_it() -> None:
    refused(key=PARTS.cover.key)


@pytest.mark.parametrize("field", ["name", "type", "part"])
def test_a_section_moved_to_another_place_does_not_open(field: str) -> None:
    refused(detail=replace(FACTS.detail, **{field: "other"}))


def test_a_section_moved_to_another_message_does_not_open() -> None:
    refused(message=OTHER_MESSAGE)


@pytest.mark.parametrize("at", range(0, len(FACTS.sealed), 7))
def test_a_ciphertext_altered_anywhere_does_not_open_even_if_described(at: int) -> None:
    refused(sealed=flipped(FACTS.sealed, at, 4))


@pytest.mark.parametrize("length", [0, 1, 23, 24, 25, 39, 40, 41, len(FACTS.sealed) - 1])
def test_a_truncated_ciphertext_does_not_open_even_if_described(length: int) -> None:
    refused(sealed=FACTS.sealed[:length])


def test_a_ciphertext_that_the_description_does_not_name_does_not_open() -> None:
    with pytest.raises(Unverified):
        open_section(FACTS.key, FACTS.sealed, replace(FACTS.detail, digest=bytes(32)), world.MESSAGE)


def test_a_size_that_differs_is_refused() -> None:
    refused(detail=replace(FACTS.detail, size=FACTS.detail.size - 1))


def test_a_key_that_opens_the_same_ciphertext_to_something_else_is_refused_by_the_commitment() -> None:
    vectors = {v["name"]: v for v in checker.load("sections")}
    first, second = vectors["two-keys-first"], vectors["two-keys-second"]
    assert first["sealed"] == second["sealed"]
    assert first["key"] != second["key"]
    sealed, detail = bytes.fromhex(second["sealed"]), SectionDetail.from_bytes(bytes.fromhex(second["detail"]))
    context = section_context(world.MESSAGE, detail.name, detail.type, detail.part)
    texts = [unpad(raw_open(sealed[24:], context, sealed[:24], bytes.fromhex(v["key"]))) for v in (first, second)]
    assert texts[0] != texts[1], "the seal itself accepts both keys"
    assert open_section(SectionKey(bytes.fromhex(first["key"])), sealed, detail, world.MESSAGE) == texts[0]
    with pytest.raises(Unverified, match="not what was signed"):
        open_section(SectionKey(bytes.fromhex(second["key"])), sealed, detail, world.MESSAGE)


def test_a_commitment_to_another_section_is_refused() -> None:
    assert "not what was signed" in refused(detail=replace(FACTS.detail, commitment=PARTS.cover.detail.commitment))


def test_a_commitment_depends_on_the_key_so_that_nobody_without_it_can_guess_the_plaintext() -> None:
    assert commitment(FACTS.key, b"a") != commitment(PARTS.cover.key, b"a")
    assert commitment(FACTS.key, b"a") != commitment(FACTS.key, b"b")


@pytest.mark.parametrize(
    "padding", [b"\x80" + bytes(5) + b"\x01", b"\x80\x01", b"\x00\x80", b"\x00\x00", b"\x80" + bytes(300), b"\x81\x00"]
)
def test_padding_that_is_not_ours_is_refused_although_the_seal_holds(padding: bytes) -> None:
    context = section_context(world.MESSAGE, FACTS.detail.name, FACTS.detail.type, FACTS.detail.part)
    padded = world.FACTS_TEXT + padding
    sealed = composing.random(24)
    sealed += checker.ChaCha20Poly1305(checker.hchacha20(FACTS.key.raw, sealed[:16])).encrypt(
        bytes(4) + sealed[16:], padded, context
    )
    assert "padding" in refused(sealed=sealed, detail=replace(FACTS.detail, size=len(padded)))


@given(st.binary(max_size=5000))
def test_padding_comes_off_and_costs_at_most_an_eighth(text: bytes) -> None:
    padded = pad(text)
    assert unpad(padded) == text
    assert len(padded) == limits.padme(len(text) + 1)
    assert len(padded) <= max((len(text) + 1) * 1.12, len(text) + 2)


@given(st.integers(0, 2 * limits.SECTION_BYTES))
def test_padded_lengths_never_shrink_and_pad_to_themselves(length: int) -> None:
    padded = limits.padme(length)
    assert length <= padded <= limits.padme(length + 1)
    assert limits.padme(padded) == padded


@given(st.binary(max_size=600))
def test_what_unpads_is_what_pad_writes(padded: bytes) -> None:
    try:
        text = unpad(padded)
    except Unverified:
        return
    assert pad(text) == padded


@pytest.mark.parametrize("length", [0, limits.SECTION_BYTES + 1])
def test_an_empty_or_too_long_section_is_the_senders_mistake(length: int) -> None:
    with pytest.raises(BadInput):
        seal_section(FACTS.key, bytes(24), bytes(length), b"")


def test_the_longest_section_opens() -> None:
    text = bytes(limits.SECTION_BYTES)
    section = composing.seal(
        world.MESSAGE, name="x", data_type="A01", part="p", media="m", roles=(), flags=(), plaintext=text
    )
    assert opened(section) == text
    assert SectionDetail.from_bytes(section.detail.to_bytes()) == section.detail


def test_every_section_has_a_key_and_nonce_of_its_own() -> None:
    made = [world.make_parts() for _ in range(20)]
    sections = [s for parts in made for s in parts.sections]
    assert len({s.key.raw for s in sections}) == len(sections)
    assert len({s.sealed[:24] for s in sections}) == len(sections)
    assert len({s.detail.salt for s in sections} | {g.detail.salt for p in made for g in p.grants}) == 100


# --- grants ---------------------------------------------------------------------------------------------------------

GRANT = PARTS.to_prosecutor
KEY = world.decryption_key(world.PROSECUTOR)


def granted(grant: bytes = GRANT.sealed, private: DecryptionKey = KEY, **changed: Any) -> dict[str, SectionKey]:
    message, sender = changed.pop("message", world.MESSAGE), changed.pop("sender", world.DESK)
    detail: GrantDetail = replace(GRANT.detail, **{"digest": sha256(grant).digest()} | changed)
    return open_grant(private, grant, detail, message, sender)


def test_a_grant_opens_to_the_key_of_each_section_by_name() -> None:
    assert granted() == {s.detail.name: s.key for s in PARTS.sections}


@pytest.mark.parametrize("sections", range(1, 9))
def test_a_grant_has_exactly_one_length_for_its_number_of_sections(sections: int) -> None:
    keys = [SectionKey(world.seed(str(i))) for i in range(sections)]
    sealed = seal_grant(keys, KEY.public, world.MESSAGE, world.DESK, world.PROSECUTOR)
    assert len(sealed) == grant_length(sections) == 1120 + 32 * sections + 16


@pytest.mark.parametrize(
    "changed",
    [
        {"private": world.decryption_key(world.REFUGE)},
        {"private": world.decryption_key(world.PROSECUTOR, 2)},
        {"sender": world.CHIEF},
        {"message": OTHER_MESSAGE},
        {"recipient": world.REFUGE},
        {"key": key_id(world.decryption_key(world.REFUGE).public)},
        {"digest": bytes(32)},
        {"sections": GRANT.detail.sections[:2]},
        {"sections": (*GRANT.detail.sections, "z")},
    ],
    ids=["recipient", "old-key", "sender", "message", "recipient-named", "key-id", "digest", "fewer", "more"],
)
def test_a_grant_for_another_recipient_sender_or_message_does_not_open(changed: dict[str, Any]) -> None:
    with pytest.raises(Unverified):
        granted(**changed)


@pytest.mark.parametrize("at", [0, 500, 1087, 1088, 1119, 1120, 1150, len(GRANT.sealed) - 1])
def test_a_grant_altered_anywhere_does_not_open_even_if_described(at: int) -> None:
    with pytest.raises(Unverified):
        granted(flipped(GRANT.sealed, at))


@pytest.mark.parametrize("grant", [b"", GRANT.sealed[:-1], GRANT.sealed + b"\0", GRANT.sealed[:1120]])
def test_a_grant_of_another_length_does_not_open(grant: bytes) -> None:
    with pytest.raises(Unverified):
        granted(grant)


def test_a_grant_that_smuggles_a_message_beside_the_keys_does_not_open() -> None:
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

    from keys import sealing

    info = sealing.grant_context(world.MESSAGE, world.DESK, world.PROSECUTOR, key_id(KEY.public))
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    smuggled = suite.encrypt(bytes(3 * 32) + b"her name is", sealing._public(KEY.public), info=info)
    with pytest.raises(Unverified):
        granted(smuggled)


@pytest.mark.parametrize(
    "public", [b"", bytes(PUBLIC_KEY_BYTES - 1), bytes(PUBLIC_KEY_BYTES + 1), b"\xff" * PUBLIC_KEY_BYTES]
)
def test_what_is_no_encryption_key_is_trouble_with_keys(public: bytes) -> None:
    with pytest.raises(KeyTrouble):
        seal_grant([FACTS.key], public, world.MESSAGE, world.DESK, world.PROSECUTOR)


def test_private_keys_do_not_show_in_their_representation() -> None:
    for shown in (repr(KEY), repr(FACTS.key), repr(FACTS)):
        assert KEY.export().hex() not in shown
        assert FACTS.key.raw.hex() not in shown
        assert repr(FACTS.key.raw) not in shown
        assert repr(KEY.export()) not in shown


@pytest.mark.parametrize("length", [0, 31, 33, 95, 97])
def test_keys_of_another_length_are_trouble_with_keys(length: int) -> None:
    with pytest.raises(KeyTrouble):
        DecryptionKey(bytes(length))
    if length != 32:
        with pytest.raises(KeyTrouble):
            SectionKey(bytes(length))


@settings(max_examples=50, deadline=None)
@given(st.binary(min_size=1, max_size=400))
def test_both_implementations_open_what_was_sealed(text: bytes) -> None:
    section = composing.seal(
        world.MESSAGE, name="x.1", data_type="A01", part="p", media="m", roles=(), flags=(), plaintext=text
    )
    detail = checker.cbor(section.detail.to_bytes())
    assert checker.open_section(section.key.raw, section.sealed, detail, world.MESSAGE) == text
