"""The trust bundle: two different officers, one body, and mandates that two of them granted."""

from typing import Any

import pytest

from keys.bundle import Anchor, fresh, open_bundle, sign_bundle, write_body
from keys.domains import KeyKind, Tag
from keys.signing import Signer
from messages import cbor
from messages.directory import Bundle, Directory
from messages.errors import KeyTrouble, Malformed, Stale, Unverified
from messages.limits import DAY
from tests.keys import world

FIRST, SECOND, THIRD = world.OFFICERS
ANCHOR = Anchor(officers={o: world.signer(o).public for o in world.OFFICERS})  # type: ignore[misc]
STRANGER = "ozzzzzzzzzzzz"


def body(**changed: Any) -> bytes:
    fields: dict[str, Any] = {
        "epoch": 7,
        "created": world.T0 - DAY,
        "expires": world.T0 + 6 * DAY,
        "directory": world.directory(),
        "agreements": {"POL-NGO-2026": "title: Współpraca\n"},
        "rules_digest": "aa",
        "catalogue_digest": "bb",
    }
    return write_body(**(fields | changed))


def signed_bundle(*officers: str, **changed: Any) -> bytes:
    return sign_bundle(body(**changed), [world.signer(o) for o in officers or (FIRST, SECOND)])


def with_contacts(*contacts: Any) -> Directory:
    """The world's directory with these contacts, past the model's own check: what is signed is only bytes."""
    known = world.directory()
    return known.model_copy(update={"contacts": (*known.contacts, *contacts)})


def test_two_officers_make_a_bundle_and_everything_comes_back() -> None:
    bundle = open_bundle(signed_bundle(), ANCHOR)
    assert (bundle.epoch, bundle.created, bundle.expires) == (7, world.T0 - DAY, world.T0 + 6 * DAY)
    assert bundle.directory == world.directory()
    assert bundle.agreements == {"POL-NGO-2026": "title: Współpraca\n"}
    assert bundle.officers == (FIRST, SECOND)


@pytest.mark.parametrize("officers", [(FIRST,), (SECOND,), (FIRST, STRANGER), (STRANGER,), ()])
def test_fewer_than_two_known_officers_are_not_enough(officers: tuple[str, ...]) -> None:
    data = sign_bundle(body(), [world.signer(o) for o in officers])
    with pytest.raises(Unverified):
        open_bundle(data, ANCHOR)


def test_one_officer_under_two_handles_is_one_officer() -> None:
    key = world.signer(FIRST)
    twice = Anchor(officers={FIRST: key.public, SECOND: key.public, THIRD: world.signer(THIRD).public})  # type: ignore[dict-item]
    signature = key.signature(Tag.BUNDLE, body())
    data = cbor.dump({"body": body(), "signatures": {FIRST: signature, SECOND: signature}})
    with pytest.raises(Unverified, match="it has 1"):
        open_bundle(data, twice)


def test_one_officers_signature_under_anothers_name_is_refused() -> None:
    signature = world.signer(FIRST).signature(Tag.BUNDLE, body())
    data = cbor.dump({"body": body(), "signatures": {FIRST: signature, SECOND: signature}})
    with pytest.raises(Unverified):
        open_bundle(data, ANCHOR)


def test_a_third_signature_that_does_not_hold_spoils_the_bundle() -> None:
    value = cbor.load(signed_bundle(), 10**7)
    value["signatures"][THIRD] = bytes(64)
    with pytest.raises(Unverified):
        open_bundle(cbor.dump(value), ANCHOR)


def test_a_body_altered_after_signing_is_refused() -> None:
    value = cbor.load(signed_bundle(), 10**7)
    value["body"] = value["body"].replace(b'"epoch": 7', b'"epoch": 8')
    with pytest.raises(Unverified):
        open_bundle(cbor.dump(value), ANCHOR)


@pytest.mark.parametrize("handle", [world.DESK, world.GUARD, world.WORKER])
def test_only_officers_sign(handle: str) -> None:
    with pytest.raises(KeyTrouble):
        sign_bundle(body(), [world.signer(FIRST), world.signer(handle)])


@pytest.mark.parametrize("granted_by", [(), (FIRST,), (FIRST, FIRST), (FIRST, STRANGER), (STRANGER, "oyyyyyyyyyyyy")])
def test_a_mandate_that_two_officers_did_not_grant_spoils_the_bundle(granted_by: tuple[str, ...]) -> None:
    contact = world.contact(
        "ckkkkkkkkkkkk", "new", world.COURT, mandates=(world.mandate(), world.mandate(granted_by=granted_by))
    )
    with pytest.raises(Unverified):
        open_bundle(signed_bundle(directory=with_contacts(contact)), ANCHOR)


def test_a_mandate_granted_by_one_key_under_two_handles_spoils_the_bundle() -> None:
    officers = {o: world.signer(o).public for o in world.OFFICERS} | {STRANGER: world.signer(FIRST).public}
    contact = world.contact(
        "ckkkkkkkkkkkk", "new", world.COURT, mandates=(world.mandate(granted_by=(FIRST, STRANGER)),)
    )
    with pytest.raises(Unverified):
        open_bundle(signed_bundle(directory=with_contacts(contact)), Anchor(officers=officers))  # type: ignore[arg-type]


def test_an_ended_mandate_stays_in_with_its_dates() -> None:
    contact = open_bundle(signed_bundle(), ANCHOR).directory.contact(world.LAPSED)
    assert contact is not None
    assert contact.mandate_at(world.T0) is None
    assert contact.mandate_at(world.T0 - DAY - 1) is not None
    assert contact.mandate_at(world.T0 - DAY) is None, "intervals are half-open"


def test_a_bundle_is_fresh_until_its_expiry_and_stale_from_then_on() -> None:
    bundle = open_bundle(signed_bundle(), ANCHOR)
    fresh(bundle, bundle.expires - 1)
    with pytest.raises(Stale):
        fresh(bundle, bundle.expires)


DESK_KEY = world.signer(world.DESK).public


@pytest.mark.parametrize(
    "contact",
    [
        world.contact(world.DESK, "new", world.POLICE, signing_key=world.signer("ckkkkkkkkkkkk").public),
        world.contact("ckkkkkkkkkkkk", "duty-desk", world.POLICE),
        world.contact("ckkkkkkkkkkkk", "new", "azzzzzzzzzzzz"),
        world.contact("ckkkkkkkkkkkk", "new", world.POLICE, signing_key=DESK_KEY),
        world.contact("ckkkkkkkkkkkk", "new", world.POLICE, signing_key=world.signer(world.GUARD).public),
        world.contact("ckkkkkkkkkkkk", "new", world.POLICE, signing_key=world.signer(world.WORKER).public),
        world.contact("ckkkkkkkkkkkk", "New Name", world.POLICE),
    ],
    ids=["handle", "address", "no-agency", "contact-key", "guard-key", "worker-key", "name"],
)
def test_a_signed_directory_that_contradicts_itself_is_malformed(contact: Any) -> None:
    with pytest.raises(Malformed):
        open_bundle(signed_bundle(directory=with_contacts(contact)), ANCHOR)


def changed_directory(**agency: Any) -> Directory:
    known = world.directory()
    return known.model_copy(update={"agencies": (known.agencies[0].model_copy(update=agency), *known.agencies[1:])})


def test_two_guards_under_one_handle_are_refused() -> None:
    known = world.directory().agencies
    stolen = known[1].guards[0].model_copy(update={"key": world.seed("x"), "handle": world.GUARD})
    with pytest.raises(Malformed):
        open_bundle(signed_bundle(directory=changed_directory(guards=(*known[0].guards, stolen))), ANCHOR)


def test_two_guards_with_one_key_are_refused() -> None:
    guard = world.directory().agencies[0].guards[0]
    again = guard.model_copy(update={"handle": "gccccccccccca"})
    with pytest.raises(Malformed):
        open_bundle(signed_bundle(directory=changed_directory(guards=(guard, again))), ANCHOR)


@pytest.mark.parametrize("agency", [{"name": "refuge"}, {"handle": world.SHELTER}, {"name": "Not A Name"}])
def test_agencies_have_handles_and_names_of_their_own(agency: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        open_bundle(signed_bundle(directory=changed_directory(**agency)), ANCHOR)


def test_an_anchor_comes_back_from_its_text() -> None:
    assert Anchor.from_json(ANCHOR.to_json()) == ANCHOR


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "[]", '{"officers": {}, "threshold": 2}', '{"officers": [], "threshold": 2}',
        ANCHOR.to_json().replace('"threshold": 2', '"threshold": 1'),
        ANCHOR.to_json().replace('"threshold": 2', '"threshold": 4'),
        ANCHOR.to_json().replace(world.signer(SECOND).public.hex(), world.signer(FIRST).public.hex())
        .replace(world.signer(THIRD).public.hex(), world.signer(FIRST).public.hex()),
        ANCHOR.to_json().replace(FIRST, world.DESK),
    ],
)  # fmt: skip
def test_an_anchor_of_fewer_than_two_officers_is_trouble_with_keys(text: str) -> None:
    with pytest.raises(KeyTrouble):
        Anchor.from_json(text)


def test_an_officers_other_signature_does_not_sign_a_bundle() -> None:
    officer = world.signer(SECOND)
    other = officer.signature(Tag.CEREMONY, body())
    value = {"body": body(), "signatures": {FIRST: world.signer(FIRST).signature(Tag.BUNDLE, body()), SECOND: other}}
    with pytest.raises(Unverified):
        open_bundle(cbor.dump(value), ANCHOR)
    assert officer.kind is KeyKind.OFFICER
    assert isinstance(officer, Signer)
    assert isinstance(open_bundle(signed_bundle(), ANCHOR), Bundle)
