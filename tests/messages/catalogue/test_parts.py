"""Splitting into sections, checking a section alone, and the strings inside."""

import pytest

from messages.catalogue import load
from messages.errors import ContentRefused
from tests.messages.catalogue.samples import OBJECTS, sample


@pytest.mark.parametrize("identifier", OBJECTS)
def test_split_validate_and_join_give_the_object_back(identifier: str) -> None:
    data_type = load().type(identifier)
    whole = data_type.validate(sample(identifier))
    sections = data_type.split(whole)
    assert set(sections) == set(data_type.parts)
    for part, section in sections.items():
        assert data_type.validate_part(part, section) == section
        assert data_type.split(section)[part] == section
    gone = set(data_type.withheld_by_originator(whole))
    assert data_type.join(sections) == {name: value for name, value in whole.items() if name not in gone}


@pytest.mark.parametrize("identifier", OBJECTS)
def test_each_own_field_stands_in_the_sections_of_its_parts_and_in_no_other(identifier: str) -> None:
    data_type = load().type(identifier)
    sections = data_type.split(data_type.validate(sample(identifier)))
    for name, spec in data_type.own.items():
        if name in OBJECTS[identifier]:
            assert {part for part, section in sections.items() if name in section} == set(spec.parts), name


def test_the_informants_id_stands_in_no_section_and_is_named_as_withheld() -> None:
    data_type = load().type("A01")
    whole = data_type.validate(sample("A01"))
    assert data_type.withheld_by_originator(whole) == ("source_id",)
    assert data_type.withheld_by_originator(sample("A01", source_id=None)) == ()
    assert whole["source_id"] not in str(data_type.split(whole))
    with pytest.raises(ContentRefused, match="source_id"):
        data_type.validate_part("narrative", {**data_type.split(whole)["narrative"], "source_id": whole["source_id"]})


def test_a_part_without_anything_of_its_own_is_left_out_except_the_first() -> None:
    bare = {n: v for n, v in sample("A02").items() if n in load().type("A02").part_fields("facts")}
    assert list(load().type("A02").split(bare)) == ["facts"]
    assert list(load().type("A07").split(sample("A07"))) == ["facts", "identifier"]
    screening = sample("A22")
    del screening["indicators"][0]["note"]
    assert list(load().type("A22").split(screening)) == ["screening"]


def test_notes_of_a_screening_are_cut_out_of_their_indicators_and_stay_matched() -> None:
    sections = load().type("A22").split(load().type("A22").validate(sample("A22")))
    assert "note" not in str(sections["screening"])
    assert sections["notes"]["indicators"] == [
        {"dimension": "ilo-11", "code": 7, "note": "passport in a safe"},
        {"dimension": "exploitative-conditions", "code": 9},
    ]


def test_an_indicator_with_nothing_but_its_number_stays_in_the_screening() -> None:
    bare = [{"dimension": "ilo-11", "code": 7}]
    sections = load().type("A22").split(load().type("A22").validate(sample("A22", indicators=bare)))
    assert sections["screening"]["indicators"] == bare
    assert "notes" not in sections


def test_a_section_holds_nothing_of_another_part() -> None:
    data_type = load().type("A02")
    sections = data_type.split(sample("A02"))
    with pytest.raises(ContentRefused, match="first_name"):
        data_type.validate_part("facts", {**sections["facts"], "first_name": "Ilse"})
    with pytest.raises(ContentRefused):
        data_type.validate_part("cover", sections["facts"])


@pytest.mark.parametrize("identifier", OBJECTS)
def test_required_fields_of_a_part_are_required_in_its_section(identifier: str) -> None:
    data_type = load().type(identifier)
    for part, section in data_type.split(sample(identifier)).items():
        for name, spec in data_type.part_fields(part).items():
            if spec.required:
                with pytest.raises(ContentRefused, match=name):
                    data_type.validate_part(part, {n: v for n, v in section.items() if n != name})


@pytest.mark.parametrize("identifier", OBJECTS)
def test_strings_are_every_string_that_the_json_text_holds(identifier: str) -> None:
    def leaves(value: object) -> list[str]:
        if isinstance(value, dict):
            return [text for inner in value.values() for text in leaves(inner)]
        if isinstance(value, list):
            return [text for inner in value for text in leaves(inner)]
        return [value] if isinstance(value, str) else []

    data_type = load().type(identifier)
    assert [text for _, _, text in data_type.strings(sample(identifier))] == leaves(sample(identifier))
    assert len({path for path, _, _ in data_type.strings(sample(identifier))}) == len(leaves(sample(identifier)))


def test_paths_of_strings_lead_to_them() -> None:
    paths = {path: text for path, _, text in load().type("A03").free_strings(sample("A03"))}
    assert paths == {
        "grounds": "Rented the house and kept the passports.",
        "names[0].given": "Bogdan",
        "names[0].family": "Wierzba",
        "names[0].alias": "Boss",
        "names[0].native_script": OBJECTS["A03"]["names"][0]["native_script"],
        "place_of_birth.place": "Opole",
        "addresses[0].place": "Havenstraat 9",
        "physical.marks": "scar on the chin",
    }


@pytest.mark.parametrize("identifier", OBJECTS)
def test_map_text_changes_free_form_strings_and_nothing_else(identifier: str) -> None:
    data_type = load().type(identifier)
    before = sample(identifier)
    after = data_type.map_text(before, lambda text: f"<{text}>")
    assert before == sample(identifier)
    for (path, spec, old), (same, _, new) in zip(data_type.strings(before), data_type.strings(after), strict=True):
        assert path == same
        assert new == (f"<{old}>" if spec.free else old)


def test_strings_of_something_outside_the_catalogue_are_not_skipped() -> None:
    with pytest.raises(ContentRefused):
        list(load().type("A02").strings({**sample("A02"), "nickname": "x"}))
    place = {**OBJECTS["A02"]["mailing_address"], "street": "x"}
    with pytest.raises(ContentRefused):
        list(load().type("A02").strings({**sample("A02"), "mailing_address": place}))
