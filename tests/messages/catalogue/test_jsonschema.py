"""The JSON Schemas and our own validator accept and refuse the same, but for what the schemas list as beyond them."""

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.catalogue import DataType, Field, load, values
from messages.catalogue.jsonschema import BEYOND, schema
from messages.catalogue.laws import LAWS
from messages.errors import ContentRefused
from tests.messages.catalogue.samples import OBJECTS, sample
from tests.messages.catalogue.test_laws import TWINS
from tests.messages.catalogue.test_validation import GOOD_AND_BAD

SECTIONS = [(t.id, part) for t in load().types.values() for part in t.parts]


@cache
def _document(identifier: str) -> dict[str, Any]:
    """As it is read by somebody else: through JSON."""
    found: dict[str, Any] = json.loads(json.dumps(schema(load().type(identifier), load())))
    return found


@cache
def _checker(identifier: str, part: str = "") -> jsonschema.Draft202012Validator:
    document = _document(identifier)
    if part:
        document = {"$ref": f"#/$defs/part-{part}", "$defs": document["$defs"]}
    return jsonschema.Draft202012Validator(document)


def _fits(identifier: str, obj: object, part: str = "") -> bool:
    return bool(_checker(identifier, part).is_valid(obj))


def _shape_holds(data_type: DataType, obj: Any, part: str = "") -> bool:
    """What our own validator says of the shape alone, content laws left out."""
    bare = _bare(data_type.id)
    try:
        if part:
            bare.validate_part(part, obj)
        else:
            bare.validate(obj)
    except ContentRefused:
        return False
    return True


@cache
def _bare(identifier: str) -> DataType:
    return replace(load().type(identifier), laws=())


def test_every_schema_is_one_of_the_dialect_it_names() -> None:
    for identifier in load().types:
        jsonschema.Draft202012Validator.check_schema(_document(identifier))
        assert _document(identifier)["$schema"].endswith("2020-12/schema")


def test_every_pattern_is_anchored_and_uses_no_class_that_dialects_read_differently() -> None:
    def patterns(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for name, inner in value.items():
                if name == "pattern" and isinstance(inner, str):
                    yield inner
                yield from patterns(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from patterns(inner)

    found = {pattern for identifier in load().types for pattern in patterns(_document(identifier))}
    assert len(found) > 25
    for pattern in found:
        assert pattern.startswith("^") and pattern.endswith(r"(?![\s\S])"), pattern
        assert not re.search(r"\\[dwWDbBZAzx]|\(\?P|\(\?<[^!=]|\\p", pattern.replace(r"[\s\S]", "")), pattern
        assert r"\s" not in pattern.replace(r"[\s\S]", ""), pattern


@pytest.mark.parametrize("identifier", OBJECTS)
def test_every_sample_and_each_of_its_sections_fits(identifier: str) -> None:
    data_type = load().type(identifier)
    whole = sample(identifier)
    _checker(identifier).validate(whole)
    for part, section in data_type.split(whole).items():
        _checker(identifier, part).validate(section)
        others = [other for other in data_type.parts if other != part]
        assert all(_fits(identifier, section, other) == _shape_holds(data_type, section, other) for other in others)


@pytest.mark.parametrize(("identifier", "name", "good", "bad"), GOOD_AND_BAD)
def test_types_of_values_and_their_bounds_are_the_same(
    identifier: str, name: str, good: list[Any], bad: list[Any]
) -> None:
    for value in good:
        assert _fits(identifier, {**sample(identifier), name: value})
    for value in bad:
        if not _beyond(value):
            assert not _fits(identifier, {**sample(identifier), name: value}), value


def _beyond(value: object) -> bool:
    """Whether `x-beyond` names what is wrong with it: nothing else may differ."""
    if isinstance(value, float):
        return value.is_integer() or not math.isfinite(value)
    if isinstance(value, tuple) or _backwards(value):
        return True  # no tuple comes out of JSON
    if isinstance(value, str):
        return "\ud800" in value or (len(value) <= values.TEXT_BYTES < len(value.encode(errors="replace")))
    return False


@pytest.mark.parametrize(("law", "identifier", "allowed", "refused"), TWINS)
def test_what_a_content_law_refuses_is_listed_under_the_laws_of_the_schema(
    law: str, identifier: str, allowed: dict[str, Any], refused: dict[str, Any]
) -> None:
    assert _document(identifier)["x-laws"][law] == LAWS[law].says
    assert _fits(identifier, sample(identifier, **allowed))
    assert _fits(identifier, sample(identifier, **refused)) == _shape_holds(
        load().type(identifier), sample(identifier, **refused)
    )


def test_every_law_of_every_type_and_part_is_listed() -> None:
    for data_type in load().types.values():
        document = _document(data_type.id)
        assert set(document["x-laws"]) == {law for law, _ in data_type.laws}
        assert document["x-beyond"] == list(BEYOND)
        for part in data_type.parts:
            listed = set(document["$defs"][f"part-{part}"]["x-laws"])
            assert listed == {law for law, needs in data_type.laws if needs == (part,)}


@pytest.mark.parametrize("identifier", OBJECTS)
def test_required_unknown_and_null_fields_are_refused_alike(identifier: str) -> None:
    data_type = load().type(identifier)
    assert not _fits(identifier, {**sample(identifier), "nickname": "x"})
    for name, spec in data_type.fields.items():
        assert _fits(identifier, sample(identifier, **{name: None})) != spec.required
        assert not _fits(identifier, {**sample(identifier), name: None})
    for part in data_type.parts:
        listed = _document(identifier)["$defs"][f"part-{part}"]["properties"]
        assert set(listed) == set(data_type.part_fields(part))


ODD: list[Any] = [
    None, True, False, 0, 1, -1, 7, 10**12, 10**16, 0.5, "", " ", "x", "NO", "unknown", "en", "é", "\u0663\u0664",
    "2026", "2026-13", "2024-02-29", "2023-02-29", "1900-02-29", "2000-02-29", "0000", "2026-04-31",
    "2026-03-14T09:26:00Z", "2026-02-30T09:26:00Z", "2026-03-14T24:00:00Z", "2026-03-14T09:26:00+24:00",
    "2026-03-14T09:26:60Z", "2026-03-14T09:26:00.1234567Z", "V-7K3Q-9MXA-TR", "V-7K3Q-9MXA-TR\n",
    "0b1f3a52-7a51-4c5e-9d0e-2b7c1a9f0001", "a\nb", "a\x00", "a\u2028b", "\u00a0", "NAT-PL.12", "NAT-",
    [], {}, ["x"], [None], [[]], [{}], ["NO", "RO"], {"country": "NL"}, {"country": "NL", "precision": "country"},
    {"amount": "1.5", "currency": "EUR"}, {"amount": 1, "currency": "EUR"}, {"tlp": "RED", "h": "H1"},
    {"alg": "sha256", "value": "ab" * 32}, {"alg": "md5", "value": "ab" * 16},
    ["2026-03-14T09:26:00Z"] * 2, ["2026-03-14T09:26:00Z"] * 3, "x" * 200, "x" * 201, ["x"] * 201,
]  # fmt: skip


@pytest.mark.parametrize("identifier", OBJECTS)
def test_every_odd_value_in_every_field_is_taken_or_refused_alike(identifier: str) -> None:
    """Each field's own schema is asked, the whole one once for each field."""
    data_type, document, whole = load().type(identifier), _document(identifier), sample(identifier)
    says = {keyword for keyword in document if not keyword.startswith(("$", "x-"))} - {"title", "description"}
    assert says == {"type", "properties", "required", "additionalProperties"}  # nothing of two fields together
    assert _fits(identifier, whole)
    for name in data_type.fields if identifier == "A01" else data_type.own:  # the common fields are the same everywhere
        field = _checker(identifier).evolve(schema=document["properties"][name])
        for value in ODD:
            assert field.is_valid(value) == _shape_holds(data_type, {**whole, name: value}), (name, value)
        assert not _fits(identifier, {**whole, name: value}), name


def _values(spec: Field) -> st.SearchStrategy[Any]:
    """Values of the field, right and nearly right."""
    if spec.kind == "code":
        one: st.SearchStrategy[Any] = st.sampled_from(sorted(spec.codes)) | st.text(max_size=6)
    elif spec.fields:
        one = st.fixed_dictionaries(
            {name: _values(inner) for name, inner in spec.fields.items() if inner.required},
            optional={name: _values(inner) for name, inner in spec.fields.items() if not inner.required},
        )
    elif spec.kind in ("int", "number"):
        one = st.integers(spec.low - 1, spec.high + 1) | st.floats(allow_nan=False, allow_infinity=False)
    elif spec.kind in ("bool", "tri"):
        one = st.booleans() | st.sampled_from(["unknown", "true", 0, 1])
    elif spec.kind == "period":
        one = st.lists(_shaped("time"), max_size=3)
    elif spec.free:
        one = _text()
    else:
        one = _shaped(spec.pattern or spec.kind) | _text()
    return st.lists(one, max_size=3) | one if spec.many else one


def _text() -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def _shaped(name: str) -> st.SearchStrategy[str]:
    """Strings of the shape, with a sign more, less or another at times."""
    right = st.from_regex(re.compile(values.shape(name), re.ASCII), fullmatch=True)
    more = st.tuples(right, st.sampled_from(["\n", " ", "0", "A", "\u0660"])).map("".join)
    return right | more | right.map(lambda text: text[1:])


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(OBJECTS)), st.data())
def test_whatever_stands_in_a_field_the_two_agree(identifier: str, data: st.DataObject) -> None:
    data_type = load().type(identifier)
    name = data.draw(st.sampled_from(sorted(data_type.fields)))
    value = data.draw(_values(data_type.fields[name]))
    obj = {**sample(identifier), name: value}
    if _any(value, _beyond):
        return
    assert _fits(identifier, obj) == _shape_holds(data_type, obj)
    part = data.draw(st.sampled_from(data_type.parts))
    section = {n: v for n, v in obj.items() if n in data_type.part_fields(part)}
    assert _fits(identifier, section, part) == _shape_holds(data_type, section, part)


def _any(value: Any, wanted: Callable[[object], bool]) -> bool:
    if isinstance(value, dict):
        return any(_any(inner, wanted) for inner in value.values())
    if isinstance(value, list):
        return wanted(value) or any(_any(inner, wanted) for inner in value)
    return wanted(value)


def _backwards(value: Any) -> bool:
    """A period whose times both exist and stand the wrong way round."""
    try:
        return isinstance(value, list) and len(value) == 2 and values.moment(value[1]) < values.moment(value[0])
    except (ValueError, TypeError):
        return False
