"""One signature for every view; no view tells of another recipient or of more than it may."""

from dataclasses import replace
from typing import Any

import pytest

from keys import composing
from keys.signing import digest
from keys.verifying import check_signature, manifest_digest, open_view, verify_envelope, verify_view
from messages import limits, wire
from messages.envelope import Envelope, Opening, View
from messages.errors import BadInput, Malformed, Unverified
from messages.limits import digest_slots
from tests.keys import world

FULL, PART = world.prosecutor_view(), world.refuge_view()
SENDER = world.sender()
IDENTITY = "a02.1.identity"
T0 = world.T0


def test_each_recipient_opens_exactly_what_it_was_granted() -> None:
    full = verify_view(wire.decode_view(FULL.to_bytes()), SENDER, world.PROSECUTOR, T0)
    assert open_view(full, world.decryption_key(world.PROSECUTOR)) == {
        "cover": world.COVER_TEXT,
        "a02.1.facts": world.FACTS_TEXT,
        IDENTITY: world.IDENTITY_TEXT,
    }
    part = verify_view(wire.decode_view(PART.to_bytes()), SENDER, world.REFUGE, T0)
    assert open_view(part, world.decryption_key(world.REFUGE)) == {"a02.1.facts": world.FACTS_TEXT}


def test_two_views_of_one_message_carry_the_same_manifest_and_signature() -> None:
    assert FULL.signature == PART.signature == world.envelope().signature
    assert FULL.manifest_bytes == PART.manifest_bytes
    check_signature(PART.manifest_bytes, PART.signature, SENDER, T0)


def traces(of: str) -> dict[str, bytes]:
    """Everything in an envelope that is one recipient's alone."""
    grant, opening = world.verified().grants[of], world.verified().grant_openings[of]  # type: ignore[index]
    assert opening.detail is not None
    return {
        "handle": of.encode(),
        "key id": grant.key,
        "grant": world.envelope().grants[of],  # type: ignore[index]
        "grant digest": grant.digest,
        "agreement": grant.agreement.encode(),
        "thread": grant.thread,
        "detail": opening.detail,
        "detail digest": digest("description-detail", opening.detail),
        "salt": grant.salt,
        "outer": opening.outer,
        "public key": world.decryption_key(of).public,
    }


@pytest.mark.parametrize(
    ("view", "own", "other"), [(PART, world.REFUGE, world.PROSECUTOR), (FULL, world.PROSECUTOR, world.REFUGE)]
)
def test_a_view_holds_nothing_of_the_other_recipient(view: View, own: str, other: str) -> None:
    data = view.to_bytes()
    for what, trace in traces(other).items():
        assert trace not in data, what
    for what, trace in traces(own).items():
        assert trace in data or what in ("public key", "detail digest"), f"the search would not find the {what}"


def test_a_view_holds_of_a_withheld_section_its_kind_alone() -> None:
    data, detail = PART.to_bytes(), world.verified().sections[IDENTITY]
    opening = world.verified().section_openings[IDENTITY]
    assert opening.outer in data
    assert opening.detail is not None
    for trace in (opening.detail, detail.salt, detail.digest, detail.commitment, detail.name.encode()):
        assert trace not in data
    assert world.envelope().sections[IDENTITY] not in data  # type: ignore[operator]
    assert world.verified().section_openings["cover"].outer not in data


def test_the_recipient_learns_withheld_kinds_and_no_more() -> None:
    assert verify_view(PART, SENDER, world.REFUGE, T0).withheld == ("A02/identity",)
    assert verify_view(FULL, SENDER, world.PROSECUTOR, T0).withheld == ()


@pytest.mark.parametrize("extra", range(12))
def test_the_number_of_digests_tells_only_a_power_of_two(extra: int) -> None:
    message = composing.new_message_id()
    sections = [
        composing.seal(message, name=f"s.{i}", data_type="A01", part="p", media="m", roles=(), flags=(), plaintext=b"x")
        for i in range(1 + extra)
    ]
    grant = composing.grant(
        message, world.DESK, sections, recipient=world.REFUGE, agreement="X",
        public=world.decryption_key(world.REFUGE).public, thread=bytes(16),
    )  # fmt: skip
    envelope = composing.sign_envelope(world.signer(world.DESK), world.header(id=message), sections, [grant])
    digests = envelope.manifest.digests
    assert len(digests) == digest_slots(2 + extra)
    assert list(digests) == sorted(set(digests))
    assert {digest("description", o.outer) for o in envelope.openings} <= set(digests)
    verify_envelope(wire.decode(envelope.to_bytes()), SENDER, T0)


def test_the_same_sections_described_twice_share_no_digest() -> None:
    parts = world.make_parts()
    one, two = (world.make_envelope(parts) for _ in range(2))
    assert not set(one.manifest.digests) & set(two.manifest.digests)


def refused(view: View, recipient: str = world.REFUGE) -> None:
    with pytest.raises(Unverified):
        verify_view(view, SENDER, recipient, T0)


def test_a_view_with_more_than_its_own_is_refused() -> None:
    of, others = world.verified(), world.verified().grant_openings[world.PROSECUTOR]  # type: ignore[index]
    refused(replace(PART, openings=(*PART.openings, others)))
    refused(replace(PART, openings=(others, *PART.openings)))
    refused(replace(PART, openings=(*PART.openings, Opening(outer=others.outer, detail=None))))
    refused(replace(PART, openings=(Opening(outer=others.outer, detail=None), *PART.openings)))
    both = {**PART.sections, IDENTITY: of.envelope.sections[IDENTITY]}
    refused(replace(PART, openings=(*PART.openings[:2], of.section_openings[IDENTITY]), sections=both))
    refused(replace(PART, openings=(*PART.openings[:2], of.section_openings[IDENTITY])))
    refused(replace(PART, sections={**PART.sections, IDENTITY: of.envelope.sections[IDENTITY]}))
    refused(replace(PART, openings=(*PART.openings, PART.openings[2])))
    stranger = composing.open_description("A28/counts", PART.openings[0].detail or b"")
    refused(replace(PART, openings=(*PART.openings, stranger)))


def test_a_view_with_less_than_its_own_is_refused() -> None:
    refused(replace(PART, openings=PART.openings[1:]))
    refused(replace(PART, openings=(PART.openings[0], PART.openings[2])))
    refused(replace(PART, sections={}))
    refused(replace(PART, openings=PART.openings[1:], sections={}))
    refused(replace(FULL, sections={"cover": FULL.sections["cover"]}), world.PROSECUTOR)


def test_a_view_is_nobody_elses() -> None:
    refused(PART, world.PROSECUTOR)
    refused(FULL, world.REFUGE)
    with pytest.raises(Unverified):
        verify_view(PART, world.directory().contact(world.CHIEF) or SENDER, world.REFUGE, T0)


def test_a_withheld_kind_is_one_the_sender_signed() -> None:
    outer = bytearray(PART.openings[2].outer)
    outer[outer.index(b"identity")] ^= 1
    refused(replace(PART, openings=(*PART.openings[:2], Opening(outer=bytes(outer), detail=None))))


def test_an_envelope_gives_the_broker_every_detail() -> None:
    envelope = world.envelope()
    first = envelope.openings[0]
    hidden = replace(envelope, openings=(Opening(outer=first.outer, detail=None), *envelope.openings[1:]))
    with pytest.raises(Unverified):
        verify_envelope(hidden, SENDER, T0)


@pytest.mark.parametrize("drop", range(5))
def test_an_envelope_may_not_keep_a_description_back(drop: int) -> None:
    envelope = world.envelope()
    fewer = tuple(o for i, o in enumerate(envelope.openings) if i != drop)
    with pytest.raises(Unverified):
        verify_envelope(replace(envelope, openings=fewer), SENDER, T0)


def test_attestations_are_attached_without_touching_the_signature() -> None:
    envelope = world.envelope()
    more = composing.attach(envelope, [envelope.attestations[0]])
    assert more.signature == envelope.signature
    assert len(more.attestations) == len(envelope.attestations) + 1
    assert manifest_digest(more.manifest_bytes) == manifest_digest(envelope.manifest_bytes)


def sign(sections: list[Any], grants: list[Any]) -> Envelope:
    return composing.sign_envelope(world.signer(world.DESK), world.header(), sections, grants)


def test_a_message_of_nothing_or_to_nobody_or_beyond_the_bounds_is_the_senders_mistake() -> None:
    parts = world.make_parts()
    for sections, grants in (
        ([], parts.grants),
        (parts.sections, []),
        (parts.sections * 22, parts.grants),
        (parts.sections, parts.grants * 129),
    ):
        with pytest.raises(BadInput):
            sign(sections, grants)


def test_two_sections_of_one_name_or_two_grants_to_one_recipient_are_the_senders_mistake() -> None:
    parts = world.make_parts()
    with pytest.raises(BadInput):
        sign([*parts.sections, parts.cover], parts.grants)
    with pytest.raises(BadInput):
        sign(parts.sections, [*parts.grants, parts.to_refuge])


def test_the_largest_message_the_bounds_allow_fits_into_them() -> None:
    message, public = composing.new_message_id(), world.decryption_key(world.REFUGE).public
    sections = [
        composing.seal(message, name=f"{'s' * 16}.{'x' * 16}.{'y' * 16}.{i:016d}", data_type="A01", part="p" * 16,
                       media="m" * 128, roles=(), flags=(), plaintext=b"x")
        for i in range(limits.SECTIONS)
    ]  # fmt: skip
    alphabet = "abcdefghijklmnop"
    grants = [
        composing.grant(message, world.DESK, sections, recipient=f"c{alphabet[i // 16]}{alphabet[i % 16]}{'a' * 10}",
                        agreement="A" * 64, public=public, thread=bytes(16), case=bytes(16))
        for i in range(limits.GRANTS)
    ]  # fmt: skip
    envelope = composing.sign_envelope(world.signer(world.DESK), world.header(id=message), sections, grants)
    assert len(envelope.manifest_bytes) <= limits.MANIFEST_BYTES
    assert max(len(o.detail or b"") for o in envelope.openings) <= limits.OPENING_BYTES
    data = envelope.to_bytes()
    assert len(data) <= limits.ENVELOPE_BYTES
    verify_envelope(wire.decode(data), SENDER, T0)


def test_message_ids_are_random_uuids() -> None:
    made = {composing.new_message_id() for _ in range(200)}
    assert len(made) == 200
    for raw in made:
        assert raw[6] >> 4 == 4
        assert raw[8] >> 6 == 2


def test_a_view_is_not_an_envelope_nor_an_envelope_a_view() -> None:
    with pytest.raises(Malformed):
        wire.decode(PART.to_bytes())
    with pytest.raises(Malformed):
        wire.decode_view(world.envelope().to_bytes())
    assert wire.decode(wire.encode(world.envelope())) == world.envelope()
