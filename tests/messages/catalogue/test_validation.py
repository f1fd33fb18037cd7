"""Types of values and their bounds; an error names the type and the path, never what was typed."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.catalogue import Field, load, values
from messages.errors import ContentRefused
from tests.messages.catalogue.samples import OBJECTS, sample


@pytest.mark.parametrize("identifier", OBJECTS)
def test_a_valid_object_comes_back_equal_and_as_a_copy(identifier: str) -> None:
    original = sample(identifier)
    checked = load().type(identifier).validate(MappingProxyType(original))
    assert checked == original
    checked["handling"]["tlp"] = "CLEAR"
    assert original["handling"]["tlp"] != "CLEAR"


@pytest.mark.parametrize("identifier", OBJECTS)
def test_every_required_field_is_required(identifier: str) -> None:
    data_type = load().type(identifier)
    for name, spec in data_type.fields.items():
        if spec.required:
            with pytest.raises(ContentRefused, match=name):
                data_type.validate(sample(identifier, **{name: None}))


@pytest.mark.parametrize("identifier", OBJECTS)
def test_null_is_no_value(identifier: str) -> None:
    data_type = load().type(identifier)
    for name in data_type.fields:
        with pytest.raises(ContentRefused, match=name):
            data_type.validate({**sample(identifier), name: None})


@pytest.mark.parametrize("identifier", OBJECTS)
def test_an_unknown_field_is_refused_at_every_level(identifier: str) -> None:
    data_type = load().type(identifier)
    with pytest.raises(ContentRefused):
        data_type.validate({**sample(identifier), "nickname": "x"})
    for name, spec in data_type.fields.items():
        value = sample(identifier).get(name)
        if spec.fields and value is not None:
            deeper = [{**item, "nickname": "x"} for item in spec.items(value)]  # type: ignore[dict-item]
            with pytest.raises(ContentRefused, match=name):
                data_type.validate({**sample(identifier), name: deeper if spec.many else deeper[0]})
    for part, section in data_type.split(sample(identifier)).items():
        with pytest.raises(ContentRefused):
            data_type.validate_part(part, {**section, "nickname": "x"})


def test_an_unknown_field_is_named_only_by_a_word_of_ours() -> None:
    with pytest.raises(ContentRefused, match="medication"):
        load().type("A02").validate({**sample("A02"), "medication": "x"})
    with pytest.raises(ContentRefused) as caught:
        load().type("A02").validate({**sample("A02"), "Ilse Vantongeren": "x"})
    assert "Ilse" not in str(caught.value)


GOOD_AND_BAD: list[tuple[str, str, list[Any], list[Any]]] = [
    ("A02", "id", ["V-7K3Q-9MXA-TR"], ["ilse-1999", "0B1F3A52-7A51-4C5E-9D0E-2B7C1A9F0001", "", 5]),
    ("A02", "case_pseudonym", ["V-0000-0000-00"], ["Ilse", "V-7K3Q-9MXA", "v-7k3q-9mxa-tr", "V-7K3Q-9MXA-TR\n"]),
    ("A02", "type", [], ["A03", "a02", 2]),
    ("A02", "version", [], ["2", 1]),
    ("A02", "created", ["2026-03-14T09:26:00.5+01:00"], ["2026-03-14", "2026-13-14T09:26:00Z", "2026-03-14T09:26:00"]),
    ("A02", "birthdate", ["1999", "1999-02"], ["1999-02-30", "99", "1999-2-3", "03.02.1999", 1999]),
    ("A02", "is_minor", [True, False, "unknown"], ["yes", 0, 1, "true"]),
    ("A02", "age_disputed", [True], ["true", 1]),
    ("A02", "age_when_trafficked", [0, 120], [-1, 121, 3.0, "12", True, 10**400]),
    ("A02", "first_name", ["Ñandú", "李", "x" * 200], ["", "   ", "x" * 201, "a\nb", "a\x00", "\ud800", 5, ["Ilse"]]),
    ("A02", "physical_description", ["two\nlines\tand a tab"], ["\x07", "x" * 100_001, "é" * 50_001, ""]),
    ("A02", "also_known_as", [[], ["a"] * 200], [["a"] * 201, "a", [5], ("a",)]),
    ("A02", "citizenship", [["NO", "RO"]], [["XX"], ["no"], "NO"]),
    ("A02", "email", ["a@b.example"], ["a b@c.example", "@"]),
    ("A02", "mobile_phone", ["0040 721 555 010"], ["call me", "+40"]),
    ("A02", "mailing_address", [{"country": "RO", "precision": "country"}], [{}, [], {"country": "RO"}, "Strada"]),
    ("A02", "primary_language", ["ro", "ron"], ["Romanian", "r"]),
    ("A02", "handling", [{"tlp": "RED", "h": "H3", "caveats": ["ORCON", "REL-TO-NL"]}], [{"tlp": "WHITE", "h": "H1"}]),
    ("A02", "originator_conditions", [["NOFORN"]], [["tell nobody about Ilse"]]),
    ("A02", "lawful_basis", ["NAT-PL.12", "LED-9(3)"], ["NAT-", "because"]),
    (
        "A01",
        "activity_period",
        [],
        [["2026-03-12T00:00:00Z", "2026-01-01T00:00:00Z"], ["2026-03-12T00:00:00Z"], [1, 2]],
    ),
    (
        "A01",
        "evaluation",
        [{"source": "X", "information": "4"}],
        [{"source": "E", "information": "4"}, {"source": "A"}],
    ),
    ("A13", "lei", [], ["529900ABCDEFGHIJKL1"]),
    ("A13", "sector", ["I", "I56"], ["Z", "56"]),
    ("A13", "jurisdiction", ["US-TX"], ["Texas"]),
    ("A23", "named_recipients", [["abcdefghijklm"]], [["Her Uncle"]]),
    ("A23", "document_hash", [], [{"alg": "md5", "value": "ab" * 16}, {"alg": "sha256", "value": "xyz"}]),
    ("A24", "referring_poc", ["cabcdefghijkl"], ["Inspector Jansen", "harbour-police"]),
    ("A24", "languages", [["ro"]], ["ro", [""]]),
    ("A28", "return_period", ["2026", "2026-Q3", "2026-09"], ["2026-13", "summer"]),
    ("A28", "value", [11], [11.0, True, "11"]),
    ("A28", "k", [25], [10]),
    ("A28", "epsilon", [1, 0.01], [float("nan"), float("inf"), -1, "0.5", 10**400]),
    ("A28", "dimensions", [{}, {"citizenship_group": "RO"}], [{"citizenship_group": "Romanian"}]),
]


@pytest.mark.parametrize(("identifier", "name", "good", "bad"), GOOD_AND_BAD)
def test_types_of_values_and_their_bounds(identifier: str, name: str, good: list[Any], bad: list[Any]) -> None:
    data_type = load().type(identifier)
    for value in good:
        assert data_type.validate({**sample(identifier), name: value})[name] == value
    for value in bad:
        with pytest.raises(ContentRefused, match=f"{identifier}.{name}"):
            data_type.validate({**sample(identifier), name: value})


@pytest.mark.parametrize("thing", [None, [], "A02", 5, object()])
def test_what_is_no_object_is_refused(thing: Any) -> None:
    with pytest.raises(ContentRefused):
        load().type("A02").validate(thing)


_SECRET = "zqx"  # in no word of ours, so its appearance in an error is a leak
_secrets = st.text(min_size=0, max_size=20).map(lambda tail: f"{_SECRET}{tail}")
_junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _secrets,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_secrets | st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@given(data=st.data(), identifier=st.sampled_from(sorted(OBJECTS)))
def test_an_error_never_quotes_what_was_typed_and_nothing_else_is_raised(data: st.DataObject, identifier: str) -> None:
    data_type = load().type(identifier)
    obj: dict[Any, Any] = sample(identifier)
    for name in data.draw(st.lists(st.sampled_from(sorted(obj)), min_size=1, max_size=3, unique=True)):
        value = obj[name]
        if isinstance(value, dict) and data.draw(st.booleans()):
            value[data.draw(st.sampled_from(sorted(value)) | _secrets)] = data.draw(_junk)
        elif isinstance(value, list) and value and data.draw(st.booleans()):
            value[0] = data.draw(_junk)
        else:
            obj[name] = data.draw(_junk)
    for extra in data.draw(st.lists(_secrets | st.integers(), max_size=1)):
        obj[extra] = data.draw(_junk)
    _try(lambda: data_type.validate(obj))
    for part in data_type.parts:
        _try(lambda part=part: data_type.validate_part(part, obj))
        _try(lambda part=part: data_type.flags(part, obj))
    _try(lambda: list(data_type.strings(obj)))
    data_type.roles(obj)


def _try(action: Any) -> None:
    try:
        action()
    except ContentRefused as error:
        assert _SECRET not in str(error)
        assert error.__cause__ is None
        assert error.__suppress_context__ or error.__context__ is None


def test_no_word_of_ours_is_the_secret_of_that_test() -> None:
    def words(fields: Mapping[str, Field]) -> str:
        return " ".join(f"{name} {spec.expects} {words(spec.fields)}" for name, spec in fields.items())

    assert all(_SECRET not in words(data_type.fields) for data_type in load().types.values())


@given(st.text(max_size=60))
def test_no_sentence_fits_into_an_id_a_code_or_a_pseudonym(text: str) -> None:
    for shape in ("id", "ref", "pseudonym", "condition", "admin1", "currency", "hash-value"):
        assert not values.shaped(shape, text + " ")
        if values.shaped(shape, text):
            assert " " not in text
