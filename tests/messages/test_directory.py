"""Look-ups as of a moment; ended mandates stay, intervals are half-open, one key has one holder."""

import pytest
from pydantic import ValidationError

from messages.directory import Directory, key_id_text
from messages.errors import Malformed
from messages.limits import DAY
from tests.keys import world


def test_a_mandate_is_in_force_from_its_start_until_before_its_end() -> None:
    mandate = world.mandate(start=10, end=20)
    assert [t for t in range(8, 23) if mandate.in_force(t)] == list(range(10, 20))


def test_where_several_mandates_are_in_force_the_latest_granted_counts() -> None:
    old, new = world.mandate(start=0, end=100), world.mandate(start=50, end=80)
    for mandates in ((old, new), (new, old)):
        contact = world.contact("ckkkkkkkkkkkk", "k", world.POLICE, mandates=mandates)
        assert [contact.mandate_at(t) for t in (49, 50, 79, 80, 100)] == [old, new, new, old, None]


@pytest.mark.parametrize(("types", "asked", "covered"), [
    ({"*"}, "A02", True), ({"A02"}, "A02", True), ({"A02"}, "A03", False), (set(), "A02", False),
    (set(), "cover", True), ({"a02"}, "A02", False),
])  # fmt: skip
def test_a_mandate_covers_the_types_it_names_and_the_cover_goes_with_any(
    types: set[str], asked: str, covered: bool
) -> None:
    assert world.mandate(types=frozenset(types)).covers_type(asked) is covered


def test_contacts_are_found_by_handle_and_by_address() -> None:
    directory = world.directory()
    found = directory.find("harbour-police/duty-desk")
    assert found.handle == world.DESK
    assert directory.contact(world.DESK) == found
    assert directory.address(found) == "harbour-police/duty-desk"
    assert directory.agency_of(found).handle == world.POLICE
    assert {c.handle for c in directory.contacts_of(world.POLICE)} == {world.DESK, world.CHIEF, world.LAPSED}  # type: ignore[arg-type]


@pytest.mark.parametrize("handle", [world.POLICE, "czzzzzzzzzzzz", ""])
def test_who_is_not_in_it_is_not_found(handle: str) -> None:
    directory = world.directory()
    assert directory.contact(handle) is None
    assert directory.guard(handle) is None
    assert directory.worker(handle) is None
    with pytest.raises(Malformed):
        directory.find(handle)


def test_a_lapsed_contact_is_still_found_so_that_what_it_signed_can_be_checked() -> None:
    contact = world.directory().contact(world.LAPSED)
    assert contact is not None
    assert contact.mandate_at(world.T0) is None
    assert contact.mandate_at(world.T0 - 2 * DAY) is not None


def test_guards_and_workers_are_found_with_their_agency() -> None:
    found = world.directory().guard(world.GUARD)
    assert found is not None
    assert found[0].handle == world.POLICE
    assert world.directory().worker(world.WORKER) is not None


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33)])
def test_a_signing_key_has_thirty_two_bytes(key: bytes) -> None:
    with pytest.raises(ValidationError):
        world.contact("ckkkkkkkkkkkk", "k", world.POLICE, signing_key=key)


def test_a_field_outside_the_model_is_refused() -> None:
    with pytest.raises(ValidationError):
        world.mandate(may_break_glass=True)
    with pytest.raises(ValidationError):
        Directory.model_validate(world.directory().model_dump() | {"more": 1})


def test_nothing_in_a_directory_can_be_changed() -> None:
    with pytest.raises(ValidationError):
        world.directory().agencies[0].name = "other"


def test_a_key_id_is_read_in_groups_of_four() -> None:
    assert key_id_text(bytes(range(16))) == "0001 0203 0405 0607 0809 0a0b 0c0d 0e0f"


def test_a_revoked_contact_does_not_log_in_whatever_mandates_it_had_before() -> None:
    """One that ended by its date stays unrevoked for ever; it lets nobody in after a later one was revoked."""
    earlier = world.mandate(start=world.T0 - 90 * DAY, end=world.T0 - 30 * DAY)
    now = world.mandate(start=world.T0 - 30 * DAY, revoked=world.T0)
    contact = world.contact(world.DESK, "desk", world.POLICE, mandates=(earlier, now))
    assert contact.may_log_in(world.T0 - 1) and not contact.may_log_in(world.T0)
    again = contact.model_copy(update={"mandates": (earlier, now, world.mandate(start=world.T0 + DAY))})
    assert not again.may_log_in(world.T0) and again.may_log_in(world.T0 + DAY)
    ended = contact.model_copy(update={"mandates": (earlier,)})
    assert ended.may_log_in(world.T0), "what was delivered before its end may still be collected"
    assert not contact.may_log_in(world.T0 - 91 * DAY)
