"""The manifest holds codes, times, random ids and digests only; whatever people write is sealed elsewhere."""

from dataclasses import fields
from enum import Enum
from typing import Any

import pytest

from messages import cbor, ids
from messages.errors import Malformed
from messages.limits import DAY, digest_slots
from messages.manifest import Handling, Manifest
from tests.keys import world

CODE, TIME, RANDOM, DIGEST, FLAG, NUMBER = "a code of a list", "a time", "a random id", "digests", "a flag", "a number"
WHAT_STANDS_IN_IT = {
    "v": NUMBER,
    "id": RANDOM,
    "kind": CODE,
    "sender": RANDOM,
    "purpose": CODE,
    "basis": CODE,
    "area": CODE,
    "handling": CODE,
    "urgency": CODE,
    "lineage": CODE,
    "evidence_use": CODE,
    "created": TIME,
    "expires": TIME,
    "exercise": FLAG,
    "epoch": NUMBER,
    "checkpoint": DIGEST,
    "digests": DIGEST,
}


def raw() -> dict[str, Any]:
    return dict(cbor.load(world.envelope().manifest_bytes, 99_999))


def refused(**changed: Any) -> None:
    with pytest.raises(Malformed):
        Manifest.from_bytes(cbor.dump(raw() | changed))


def test_every_field_is_a_code_a_time_a_random_id_or_a_digest() -> None:
    assert raw().keys() == WHAT_STANDS_IN_IT.keys()
    assert {f.name for f in fields(Manifest)} | {"v"} == WHAT_STANDS_IN_IT.keys()
    assert {f.name for f in fields(Handling)} == raw()["handling"].keys() == {"tlp", "h", "pap", "caveats", "rel_to"}


@pytest.mark.parametrize("field", [f for f, what in WHAT_STANDS_IN_IT.items() if what == CODE and f != "handling"])
def test_a_code_field_takes_the_codes_of_its_list_and_no_other_text(field: str) -> None:
    listed = type(getattr(world.envelope().manifest, field))
    assert issubclass(listed, Enum)
    for code in listed:
        assert getattr(Manifest.from_bytes(cbor.dump(raw() | {field: code.value})), field) is code
    for text in ("Anna Kowalska", "", raw()[field].lower(), raw()[field] + " ", None, 1, b"RFI"):
        refused(**{field: text})


@pytest.mark.parametrize("field", ["tlp", "h", "pap"])
def test_handling_takes_codes_only(field: str) -> None:
    for text in ("Anna", "red", "", None, 2):
        refused(handling=raw()["handling"] | {field: text})


def test_caveats_are_codes_in_rising_order() -> None:
    for caveats in (["Anna"], ["ORCON", "NOFORN"], ["ORCON", "ORCON"], "ORCON", None):
        refused(handling=raw()["handling"] | {"caveats": caveats})


@pytest.mark.parametrize("field", [f for f, what in WHAT_STANDS_IN_IT.items() if what == TIME])
def test_a_time_is_an_unsigned_number_of_milliseconds(field: str) -> None:
    for value in (-1, "2026-09-21T00:00:00Z", True, None, 2**53, b"\x01"):
        refused(**{field: value})


def test_a_random_id_has_one_form_that_no_name_fits() -> None:
    for value in (b"Anna Kowalska 01", "Anna", bytes(16), bytes(15), None):
        refused(id=value)
    for value in ("harbour-police/duty-desk", world.POLICE, world.DESK.upper(), None):
        refused(sender=value)


@pytest.mark.parametrize("value", [b"\x00" * 31, "x" * 32, None, 7, [b"\x00" * 32]])
def test_a_digest_is_thirty_two_bytes(value: object) -> None:
    refused(digests=[*raw()["digests"][:7], value])
    refused(checkpoint=[1, value])


def test_the_exercise_flag_is_true_or_false() -> None:
    for value in (0, 1, None, "true"):
        refused(exercise=value)


@pytest.mark.parametrize("value", [0, 2, True, 1.0, "1", None, -1])
def test_another_version_is_refused_and_true_is_not_one(value: object) -> None:
    refused(v=value)


@pytest.mark.parametrize("field", WHAT_STANDS_IN_IT)
def test_no_field_may_be_missing(field: str) -> None:
    body = raw()
    del body[field]
    with pytest.raises(Malformed):
        Manifest.from_bytes(cbor.dump(body))


def test_a_field_outside_the_list_is_refused_and_never_dropped() -> None:
    refused(subject="Operation Орхидея")


def test_the_number_of_digests_is_four_eight_sixteen() -> None:
    digests = sorted(world.seed(str(i)) for i in range(600))
    for count in range(600):
        body = cbor.dump(raw() | {"digests": digests[:count]})
        if count in (4, 8, 16, 32, 64, 128, 256, 512):
            assert len(Manifest.from_bytes(body).digests) == count
        else:
            with pytest.raises(Malformed):
                Manifest.from_bytes(body)


def test_slots_are_the_next_power_of_two_and_never_fewer_than_the_descriptions() -> None:
    for count in range(513):
        slots = digest_slots(count)
        assert slots >= count
        assert slots in (4, 8, 16, 32, 64, 128, 256, 512)
        assert slots == 4 or slots // 2 < count


def test_digests_stand_in_rising_order_so_that_their_places_tell_nothing() -> None:
    digests = raw()["digests"]
    refused(digests=digests[::-1])
    refused(digests=[digests[0], *digests[:7]])


@pytest.mark.parametrize("life", [0, -1, 90 * DAY + 1])
def test_expiry_lies_within_ninety_days_after_creation(life: int) -> None:
    refused(expires=world.T0 + life)


@pytest.mark.parametrize("life", [1, 90 * DAY])
def test_expiry_may_be_as_late_as_the_ninetieth_day(life: int) -> None:
    body = cbor.dump(raw() | {"expires": world.T0 + life})
    assert Manifest.from_bytes(body).expires == world.T0 + life


def test_reading_and_writing_give_back_the_same_bytes() -> None:
    manifest = Manifest.from_bytes(world.envelope().manifest_bytes)
    assert manifest.to_bytes() == world.envelope().manifest_bytes
    assert ids.message_text(manifest.id) == "0f0e0d0c-0b0a-4908-8706-05040302aabb"


@pytest.mark.parametrize(
    "value", [[1], [1, b"\0" * 32, 2], [True, b"\0" * 32], [-1, b"\0" * 32], [2**53, b"\0" * 32], 7]
)
def test_a_gossiped_checkpoint_is_a_size_and_a_root(value: object) -> None:
    refused(checkpoint=value)
