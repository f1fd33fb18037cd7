"""What an object says about who somebody is."""

from dataclasses import replace
from typing import Any

import pytest

from messages.catalogue import KnownPerson, identities, load
from messages.errors import ContentRefused
from messages.labels import Flag, Role
from tests.messages.catalogue.samples import OBJECTS, PSEUDONYM, SUSPECT, VICTIM, sample


def _one(identifier: str, /, **changes: Any) -> KnownPerson:
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
    assert _one("A03", dob="2012", is_minor=True).role is Role.CHILD


IDENTIFYING = {
    # type: (bucket, field, whose data it is, the field that says so, the profile)
    "A09": ("urls", "url", "subject_role", OBJECTS["A09"]["id"]),
    "A10": ("plates", "plate", "keeper_role", SUSPECT),
    "A11": ("numbers", "number", "subject_role", VICTIM),
    "A12": ("numbers", "number", "holder_role", VICTIM),
    "A16": ("accounts", "identifier", "holder_role", OBJECTS["A16"]["id"]),
}


@pytest.mark.parametrize("identifier", IDENTIFYING)
@pytest.mark.parametrize("role", Role)
def test_a_thing_identifies_only_whoever_is_protected(identifier: str, role: Role) -> None:
    bucket, name, decider, profile = IDENTIFYING[identifier]
    found = identities(sample(identifier, **{decider: role.value}))
    assert bool(found) == role.protected
    if found:
        assert getattr(found[0], bucket) == (OBJECTS[identifier][name],)
        assert (found[0].role, found[0].reference) == (role, profile)


def test_a_document_gives_the_name_of_its_holder_and_that_of_its_machine_readable_zone() -> None:
    person = _one("A12")
    assert person.names == (("Ilse", "Maria", "Vantongeren"), ("ANNA", "MARIA", "ERIKSSON"))
    card = "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
    assert _one("A12", mrz=card, number="D23145890").names[1] == ("ANNA", "MARIA", "ERIKSSON")
    assert _one("A12", mrz=None, holder_name=None).names == ()


@pytest.mark.parametrize(
    ("kind", "identifier", "bucket"),
    [
        ("crypto-wallet", "bc1q" + "x" * 38, "accounts"),
        ("vehicle", "XX-000-X", "plates"),
        ("real-estate", "RTD01 K 4411", "numbers"),
    ],
)
def test_assets_are_sorted_by_kind(kind: str, identifier: str, bucket: str) -> None:
    assert getattr(_one("A16", kind=kind, identifier=identifier), bucket) == (identifier,)


def test_a_protection_measure_gives_its_places_and_how_to_reach_the_person() -> None:
    person = _one("A26")
    assert (person.addresses, person.phones) == (("Lindelaan 2",), ("+31 6 5550 0177",))
    assert person.reference == VICTIM
    assert _one("A26", emergency_contact="ilka@example.org").emails == ("ilka@example.org",)


def test_a_statement_gives_the_place_where_its_maker_was_heard() -> None:
    assert _one("A17").addresses == ("Kade 14",)
    assert identities(sample("A17", kind="suspect-interview", maker_role="suspect")) == ()


def test_a_childs_interview_is_about_a_child_whatever_else_is_said() -> None:
    changes = {"kind": "child-interview", "maker_role": "third-party"}
    assert _one("A17", **changes).role is Role.CHILD


FOUND_ELSEWHERE = {
    # fields with D or L that no search can find word by word, or that another object knows
    ("A01", "source_id"): "never leaves",
    ("A05", "place"): "a place of the offence, not of a person",
    ("A05", "recruitment_sites"): "an advert is an A09 of its own",
    ("A05", "exploitation_sites"): "an advert is an A09 of its own",
    ("A06", "place"): "a place of the offence, not of a person",
    ("A10", "sightings"): "places, not of a person",
    ("A11", "from"): "a region or a station",
    ("A11", "to"): "a region or a station",
    ("A11", "at"): "a moment",
    ("A12", "mrz"): "its name and number are taken out of it",
    ("A14", "site"): "a place of the offence, not of a person",
    ("A15", "transactions"): "accounts are an A16 of their own",
    ("A15", "parties"): "by reference",
    ("A17", "interpreter_code"): "a code",
    ("A18", "seized_place"): "a place of the offence, not of a person",
    ("A19", "place"): "where exhibits are kept",
    ("A21", "persons_seen"): "by reference",
    ("A24", "perpetrator_nearby"): "yes or no",
}


@pytest.mark.parametrize("identifier", OBJECTS)
def test_every_field_that_identifies_or_locates_is_searched_for_or_listed_with_the_reason(identifier: str) -> None:
    data_type = load().type(identifier)
    protected = {"A03": {"possible_victim": True}, "A07": {"owner_role": "victim"}, "A10": {"keeper_role": "victim"}}
    obj = data_type.validate(sample(identifier, **protected.get(identifier, {})))
    person = str(identities(obj))
    for name, value in obj.items():
        spec = data_type.fields[name]
        if spec.kind in ("ref", "text", "hash") or not spec.flags_of(value) & {Flag.DIRECT, Flag.LOCATION}:
            continue  # a reference leads to the object that knows; a text is searched, not searched for
        told = [text for _, inner, text in data_type.strings({name: value}) if inner.kind == "str"]
        if (identifier, name) in FOUND_ELSEWHERE:
            continue
        assert all(word in person for text in told for word in text.split()), name


KNOWS_PEOPLE = {"A02", "A03", "A07", "A24", "A17", "A26", *IDENTIFYING}


@pytest.mark.parametrize("identifier", sorted(set(OBJECTS) - KNOWS_PEOPLE))
def test_other_types_identify_nobody_by_field(identifier: str) -> None:
    assert identities(sample(identifier)) == ()


@pytest.mark.parametrize("identifier", ["A02", "A24"])
def test_a_section_without_identity_gives_nobody(identifier: str) -> None:
    data_type = load().type(identifier)
    assert identities(data_type.split(sample(identifier))[data_type.parts[0]]) == ()


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(ContentRefused):
        identities({"type": "A99"})
