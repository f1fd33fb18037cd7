"""Case files: every mistake is one sentence that names file and field, and never what was typed there."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.casefile import MAX_FILE, complete, complete_known, opaque_id, read, read_file
from messages.errors import BadInput
from tests.support.orchid import CASES, TaskForce, task_force

MARKER = "Zzyzx-Marker-Ioana"
GOOD: dict[str, Any] = {
    "kind": "INTEL-REPORT",
    "area": "THB-LAB",
    "purpose": "INVESTIGATE-THB",
    "basis": "LED-8",
    "handling": {"tlp": "AMBER", "h": "H2", "pap": "GREEN"},
    "cover": {"subject_line": "x", "source_protection": "no-human-source"},
    "objects": [{"id": "o1", "type": "A13"}],
}


def base(force: TaskForce) -> dict[str, Any]:
    """A real case file, as JSON."""
    value: dict[str, Any] = json.loads(force.file("08-organisations.json").read_text(encoding="utf-8"))
    return value


def assert_one_sentence(error: BadInput) -> None:
    text = str(error)
    assert text.endswith(".") and "\n" not in text and "Traceback" not in text
    assert MARKER.lower() not in text.lower()


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_case_of_the_example_can_be_read_and_completed(force: TaskForce, name: str) -> None:
    case = force.case(name)
    objects = complete(case, b"m" * 16, force.now, force.catalogue)
    assert len(objects) == len(case.objects) > 0
    assert len(complete_known(case, b"m" * 16, force.now, force.catalogue)) == len(case.known)


def test_a_file_that_is_not_there_or_no_case_file_is_named(tmp_path: Path) -> None:
    attempts: dict[str, bytes | None] = {
        "missing.json": None,
        "empty.json": b"",
        "list.json": b"[]",
        "text.json": b'"' + MARKER.encode() + b'"',
        "broken.json": b'{"kind": "' + MARKER.encode() + b'", }',
        "twice.json": b'{"kind": "INTEL-REPORT", "kind": "' + MARKER.encode() + b'"}',
        "latin.json": b'{"kind": "\xe9' + MARKER.encode() + b'"}',
        "deep.json": b"[" * 100_000,
        "large.json": b" " * (MAX_FILE + 1),
    }
    for name, data in attempts.items():
        path = tmp_path / name
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(BadInput, match=name) as caught:
            read_file(path)
        assert_one_sentence(caught.value)
    with pytest.raises(BadInput) as caught:
        read_file(tmp_path)  # a folder
    assert_one_sentence(caught.value)


@pytest.mark.parametrize("field", ["kind", "area", "purpose", "basis", "handling", "cover", "objects"])
def test_a_field_that_is_missing_is_named(force: TaskForce, field: str) -> None:
    value = base(force)
    del value[field]
    with pytest.raises(BadInput, match=field) as caught:
        read(value, "case.json")
    assert "case.json" in str(caught.value)
    assert_one_sentence(caught.value)


FIELDS = [
    "kind", "area", "purpose", "basis", "urgency", "handling", "handling.tlp", "handling.h", "handling.pap",
    "handling.caveats", "case", "cover", "cover.subject_line", "objects", "known", "objects.0.id", "narratives",
]  # fmt: skip

wrong = st.recursive(
    st.just(MARKER) | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.just(MARKER) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(FIELDS), wrong)
def test_whatever_is_typed_into_a_field_the_error_never_quotes_it(field: str, value: object) -> None:
    case = deepcopy(base(task_force()))
    *path, last = field.split(".")
    target: Any = case
    for step in path:
        target = target[int(step)] if step.isdigit() else target[step]
    target[last] = value
    try:
        read(case, "case.json")
    except BadInput as error:
        assert_one_sentence(error)
        assert "case.json" in str(error)


@settings(max_examples=100, deadline=None)
@given(wrong, st.none() | wrong)
def test_whatever_stands_in_place_of_narratives_and_objects_is_the_users_mistake(
    tmp_path_factory: pytest.TempPathFactory, narratives: object, objects: object
) -> None:
    path = tmp_path_factory.mktemp("case") / "case.json"
    path.write_text(json.dumps({**GOOD, "narratives": narratives, "objects": objects or GOOD["objects"]}))
    try:
        read_file(path)
    except BadInput as error:
        assert str(error).endswith(".") and "\n" not in str(error)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path


def everywhere(force: TaskForce) -> list[tuple[str, tuple[Any, ...]]]:
    found = []
    for name in ("02-labour-disclosure.json", "03-referral-adult.json", "04-statistics-return.json"):
        value = json.loads(force.file(name).read_text(encoding="utf-8"))
        found += [(name, path) for path in leaves({"objects": value["objects"], "known": value.get("known", [])})]
    assert len(found) > 200
    return found


def test_a_word_in_place_of_any_value_of_any_object_is_never_quoted(force: TaskForce) -> None:
    refused = 0
    values = {n: json.loads(force.file(n).read_text(encoding="utf-8")) for n in CASES}
    for name, path in everywhere(force):
        if path[-1] == "id":
            continue  # an object's id is how errors name the object
        for wrong_value in (MARKER, {MARKER: MARKER}, [[MARKER]], 7.5):
            case = deepcopy(values[name])
            case.pop("narratives", None)
            for obj in case["objects"]:
                if obj["type"] == "A01":
                    obj.setdefault("narrative", "x")
            target: Any = case
            for step in path[:-1]:
                target = target[step]
            target[path[-1]] = wrong_value
            try:
                found = read(case, "case.json")
                complete(found, b"m" * 16, force.now, force.catalogue)
                complete_known(found, b"m" * 16, force.now, force.catalogue)
            except BadInput as error:
                refused += 1
                assert_one_sentence(error)
    assert refused > 400


def test_a_field_outside_the_catalogue_is_refused_by_object_and_never_dropped(force: TaskForce) -> None:
    value = base(force)
    value["objects"][0]["zzyzx_marker"] = "x"
    with pytest.raises(BadInput, match=r"objects\[0\]"):
        complete(read(value), b"m" * 16, force.now, force.catalogue)


def test_a_top_level_field_that_is_not_known_is_refused() -> None:
    with pytest.raises(BadInput, match="no field"):
        read({**GOOD, "recipients": []})


def test_two_objects_of_one_id_or_none_are_refused(force: TaskForce) -> None:
    value = base(force)
    value["objects"][1]["id"] = value["objects"][0]["id"]
    with pytest.raises(BadInput, match="id of its own"):
        read(value)


@pytest.mark.parametrize(
    ("narratives", "words"),
    [
        ({"nobody.narrative": "n.txt"}, "no object"),
        ({"o1": "n.txt"}, "no object"),
        ({"o1.narrative": "missing.txt"}, "missing.txt"),
        ({"o1.narrative": "latin.txt"}, "latin.txt"),
        ({"o1.narrative": "a\x00b"}, "cannot be read"),
        ({"o1.narrative": 7}, "names a text file"),
        ([["o1", "n.txt"]], "names a text file"),
    ],
)
def test_a_narrative_that_cannot_be_used_is_named(tmp_path: Path, narratives: object, words: str) -> None:
    (tmp_path / "latin.txt").write_bytes(b"\xe9" + MARKER.encode())
    path = tmp_path / "case.json"
    path.write_text(json.dumps({**GOOD, "narratives": narratives}), encoding="utf-8")
    with pytest.raises(BadInput, match=words) as caught:
        read_file(path)
    assert_one_sentence(caught.value)


def test_ids_that_leave_say_nothing_and_differ_in_every_message(force: TaskForce) -> None:
    first, second = bytes(16), bytes(15) + b"\x01"
    assert opaque_id(first, "v1") == opaque_id(first, "v1")
    assert len({opaque_id(m, i) for m in (first, second) for i in ("v1", "v2")}) == 4
    case = force.case("01-full-report.json")
    one, two = (complete(case, m, force.now, force.catalogue) for m in (first, second))
    assert {o["id"] for o in one}.isdisjoint({o["id"] for o in two})
    local = {str(o["id"]) for o in case.objects}
    assert not local & {o["id"] for o in one}
    references = [v for o in one for k, v in o.items() if k in ("victim", "subjects", "linked_to", "participants")]
    assert not local & {str(r) for r in references}


def test_a_cover_is_what_its_kind_demands(force: TaskForce) -> None:
    value = base(force)
    del value["cover"]["source_protection"]
    with pytest.raises(BadInput, match="needs source_protection"):
        read(value, "case.json")
    value = base(force)
    value["cover"]["source_protection"] = MARKER
    with pytest.raises(BadInput, match="source_protection must be one of") as caught:
        read(value, "case.json")
    assert_one_sentence(caught.value)
    value["cover"] = {**base(force)["cover"], MARKER: "x"}
    with pytest.raises(BadInput, match="not permitted") as caught:
        read(value, "case.json")
    assert_one_sentence(caught.value)


def test_a_type_that_the_kind_does_not_carry_is_named_before_anything_is_planned(force: TaskForce) -> None:
    value = base(force)
    value["objects"].append({"type": "A24", "id": "f1"})
    with pytest.raises(BadInput, match=r"objects\[\d+\]: a message of the kind INTEL-REPORT does not carry A24"):
        read(value, "case.json")
    value = {**GOOD, "purpose": "INVESTIGATE", "kind": "HIT-QUERY", "objects": [{"type": "A03", "id": "s1"}]}
    value["cover"] = {
        "subject_line": "x",
        "matching_profile": "person",
        "subject_categories": ["suspect"],
        "keyed_hashes": ["a" * 64],
    }
    with pytest.raises(BadInput, match="its cover goes alone"):
        read(value, "case.json")
    del value["objects"]
    assert read(value, "case.json").objects == ()


def test_a_query_about_a_victim_cannot_be_written() -> None:
    value = {**GOOD, "purpose": "INVESTIGATE", "kind": "HIT-QUERY", "objects": []}
    cover = {"subject_line": "x", "matching_profile": "person", "keyed_hashes": ["a" * 64]}
    for category in ("victim", "presumed-victim", "child", "witness", "unknown"):
        with pytest.raises(BadInput, match="subject_categories"):
            read({**value, "cover": {**cover, "subject_categories": [category]}})
    for narrative in ("reason", "conditions", "operation"):
        with pytest.raises(BadInput, match="not permitted"):
            read({**value, "cover": {**cover, "subject_categories": ["suspect"], narrative: "She was seen there."}})


def test_an_intelligence_report_evaluates_what_it_tells(force: TaskForce) -> None:
    value = json.loads(force.file("02-labour-disclosure.json").read_text(encoding="utf-8"))
    value.pop("narratives", None)
    for obj in value["objects"]:
        if obj["type"] == "A01":
            obj.setdefault("narrative", "x")
    assert read(value)
    event = next(o for o in value["objects"] if o["type"] == "A05")
    del event["evaluation"]
    with pytest.raises(BadInput, match="A05 needs an evaluation"):
        read(value)
