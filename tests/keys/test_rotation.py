"""A signing key that was given up says nothing more: not for a message of any date, nor beside one."""

from collections.abc import Callable

import pytest

from keys import composing, statements
from keys.domains import KeyKind, Tag
from keys.signing import Signer
from keys.verifying import check_attestations, check_signature, manifest_digest, verify_envelope, verify_view
from messages.directory import Contact, Directory, FormerKey
from messages.envelope import Envelope
from messages.errors import Unverified
from messages.limits import DAY, HOUR
from messages.signed import Signed
from tests.keys import world

T0 = world.T0
ROTATED = T0 + DAY
ENVELOPE = world.envelope()
HASH = manifest_digest(ENVELOPE.manifest_bytes)


def new_key(handle: str) -> Signer:
    return Signer(KeyKind.CONTACT, handle, world.seed(f"{handle} after the rotation"))


def rotated(handle: str) -> Contact:
    """The contact, whose key at first was the one of the test world, and from `ROTATED` on is a new one."""
    contact = world.directory().contact(handle)
    assert contact is not None
    former = FormerKey(key=contact.signing_key, start=0, end=ROTATED)
    return contact.model_copy(update={"signing_key": new_key(handle).public, "former_keys": (former,)})


def directory(*handles: str) -> Directory:
    known = world.directory()
    contacts = tuple(rotated(c.handle) if c.handle in handles else c for c in known.contacts)
    return Directory(agencies=known.agencies, contacts=contacts, operator=known.operator)


def resigned() -> Envelope:
    """The same message, signed with the new key; dated before the rotation as the old one is."""
    parts = world.make_parts()
    return composing.sign_envelope(new_key(world.DESK), world.header(), parts.sections, parts.grants, [])


def test_the_key_that_counts_changes_with_the_moment_of_the_rotation() -> None:
    contact = rotated(world.DESK)
    old, new = world.signer(world.DESK).public, new_key(world.DESK).public
    assert [contact.key_at(at) for at in (T0, ROTATED - 1, ROTATED, ROTATED + DAY)] == [old, old, new, new]


def test_before_the_rotation_the_old_key_holds_and_the_new_one_does_not() -> None:
    desk = rotated(world.DESK)
    verify_envelope(ENVELOPE, desk, ROTATED - 1)
    verify_view(world.refuge_view(), desk, world.REFUGE, ROTATED - 1)
    with pytest.raises(Unverified):
        verify_envelope(resigned(), desk, ROTATED - 1)


def test_after_the_rotation_a_message_dated_before_it_is_refused_if_the_old_key_signed_it() -> None:
    desk = rotated(world.DESK)
    assert ENVELOPE.manifest.created < ROTATED
    for attempt in (
        lambda: check_signature(ENVELOPE.manifest_bytes, ENVELOPE.signature, desk, ROTATED),
        lambda: verify_envelope(ENVELOPE, desk, ROTATED),
        lambda: verify_view(world.refuge_view(), desk, world.REFUGE, ROTATED),
    ):
        with pytest.raises(Unverified):
            attempt()
    verify_envelope(resigned(), desk, ROTATED)


def attestation(tag: Tag, signer: Callable[[str], Signer]) -> tuple[Signed, ...]:
    """One attestation by a contact, and what has to stand beside it."""
    consent = world.signer(world.DESK).sign(Tag.CONSENT, world.consent().to_bytes())
    if tag is Tag.RELEASE:
        return (signer(world.CHIEF).sign(tag, world.release(HASH).to_bytes()),)
    if tag is Tag.CONSENT:
        return (signer(world.DESK).sign(tag, world.consent().to_bytes()),)
    return consent, signer(world.CHIEF).sign(tag, world.consent().to_bytes())


@pytest.mark.parametrize(
    ("tag", "by"),
    [(Tag.RELEASE, world.CHIEF), (Tag.CONSENT, world.DESK), (Tag.CONSENT_COUNTER, world.CHIEF)],
    ids=lambda value: str(value),
)
def test_an_attestation_by_a_key_that_was_given_up_makes_the_message_unverified(tag: Tag, by: str) -> None:
    def attested(signer: Callable[[str], Signer], at: int) -> None:
        papers = attestation(tag, signer)
        check_attestations(papers, directory(by), world.sender(), ENVELOPE.manifest, HASH, at)

    attested(world.signer, ROTATED - 1)
    attested(new_key, ROTATED)
    for signer, at in ((world.signer, ROTATED), (new_key, ROTATED - 1)):
        with pytest.raises(Unverified):
            attested(signer, at)


def test_nothing_is_sealed_to_an_encryption_key_that_the_old_signing_key_stated() -> None:
    refuge = rotated(world.REFUGE)
    assert statements.usable(refuge, ROTATED - 1).number == 1
    with pytest.raises(Unverified):
        statements.usable(refuge, ROTATED)
    key = world.decryption_key(world.REFUGE, 2)
    second = statements.make(new_key(world.REFUGE), key, 2, ROTATED - HOUR, ROTATED + DAY)
    both = refuge.model_copy(update={"statements": (*refuge.statements, second)})
    assert statements.usable(both, ROTATED).number == 2


def test_a_statement_of_the_past_still_shows_that_its_contact_made_it() -> None:
    refuge = rotated(world.REFUGE)
    (stated,) = refuge.statements
    statements.check(refuge, stated)
    strange = statements.make(
        Signer(KeyKind.CONTACT, world.REFUGE, world.seed("a stranger")),
        world.decryption_key(world.REFUGE),
        1,
        T0,
        T0 + DAY,
    )
    with pytest.raises(Unverified):
        statements.check(refuge, strange)
