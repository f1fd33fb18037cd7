"""What an object says about who somebody is."""

from dataclasses import replace
from typing import Any

import pytest

from messages.catalogue import KnownPerson, identities, load
from messages.errors import ContentRefused
from messages.labels import Role
from tests.messages.catalogue.samples import OBJECTS, PSEUDONYM, sample


def _one(identifier: str, **changes: Any) -> KnownPerson:
    (person,) = identities(load().type(identifier).validate(sample(identifier, **changes)))
    return person


def test_a_victim_profile_gives_all_it_knows() -> None:
    person = _one("A02", current_location={"country": "NL", "place": "Breda", "precision": "city"})
    assert person == KnownPerson(
        role=Role.VICTIM,
        reference=OBJECTS["A02"]["id"],
        pseudonyms=(PSEUDONYM,),
        names=(("Ilse", "Maria", "Vantongeren"),),
        aliases=("Ilka",),
        birthdates=("1999-02-03",),
        numbers=("ZX 4410023",),
        phones=("+40 21 555 0100", "+40 721 555 010"),
        emails=("ilka@example.org",),
        addresses=("Strada Noua 3",),
        places=("Breda",),
        languages=("ron", "rus"),
    )


def test_every_d_field_of_a_victim_profile_that_is_text_is_found_in_the_known_person() -> None:
    """Except what no search can find word by word: marks and photographs."""
    person = str(_one("A02"))
    data_type = load().type("A02")
    for name, spec in data_type.own.items():
        if "D" in {flag.value for flag in data_type.flags("identity", sample("A02"))} and spec.kind in ("str", "date"):
            value = OBJECTS["A02"][name]
            if "D" in {str(flag) for flag in spec.flags_of(value)}:
                assert all(str(item) in person for item in spec.items(value)), name


def test_the_identity_section_alone_is_enough() -> None:
    whole = load().type("A02").validate(sample("A02"))
    section = load().type("A02").split(whole)["identity"]
    assert identities(section) == (replace(_one("A02"), languages=()),)


@pytest.mark.parametrize(
    ("contact", "bucket"),
    [("+40 721 555 010", "phones"), ("a@b.example", "emails"), ("@ilka", "handles"), ("ask Ana", "handles")],
)
def test_the_contact_of_a_referral_is_sorted(contact: str, bucket: str) -> None:
    person = _one("A24", contact=contact)
    assert getattr(person, bucket) == (contact,)
    assert person.names == (("Ilka", "Vantongeren"),)


@pytest.mark.parametrize("role", Role)
def test_an_identifier_identifies_only_a_protected_owner(role: Role) -> None:
    found = identities(sample("A07", owner_role=role.value))
    assert bool(found) == role.protected
    if found:
        assert found[0].role is role
        assert found[0].phones == (OBJECTS["A07"]["value"],)


@pytest.mark.parametrize(
    ("kind", "value", "bucket"),
    [
        ("imei", "3" * 15, "numbers"),
        ("email", "a@b.example", "emails"),
        ("handle", "@x", "handles"),
        ("messenger-id", "x", "handles"),
        ("url", "https://e.org/x", "urls"),
        ("ip", "192.0.2.1", "numbers"),
    ],
)
def test_identifiers_are_sorted_by_kind(kind: str, value: str, bucket: str) -> None:
    assert getattr(_one("A07", owner_role="victim", kind=kind, value=value), bucket) == (value,)


def test_a_suspect_is_a_known_person_only_if_possibly_a_victim_or_a_child() -> None:
    assert identities(sample("A03")) == ()
    person = _one("A03", possible_victim=True)
    assert person.role is Role.PRESUMED_VICTIM
    assert person.names[0] == ("Bogdan", "Wierzba")
    assert len(person.names) == 2
    assert (person.aliases, person.birthdates) == (("Boss",), ("1980-05",))
    assert (person.addresses, person.places) == (("Havenstraat 9",), ("Opole",))
    assert _one("A03", dob="2012").role is Role.CHILD


@pytest.mark.parametrize("identifier", ["A01", "A05", "A13", "A22", "A23", "A28"])
def test_other_types_identify_nobody_by_field(identifier: str) -> None:
    assert identities(sample(identifier)) == ()


@pytest.mark.parametrize("identifier", ["A02", "A24"])
def test_a_section_without_identity_gives_nobody(identifier: str) -> None:
    data_type = load().type(identifier)
    assert identities(data_type.split(sample(identifier))[data_type.parts[0]]) == ()


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(ContentRefused):
        identities({"type": "A99"})
