"""The public court cases, where they are."""

import json

import pytest

from evaluation import cases, measure

TEXT = "Mr John Doe (no. 11/22) wrote to Ms Roe on 3 May 1999."
CASE = {
    "text": TEXT,
    "metadata": {"data_id": "T-1", "provenance": {"applicant": "J. Doe", "countries": "GBR"}},
    "entities": [
        {"start_offset": a, "end_offset": b, "span_text": TEXT[a:b], "entity_type": kind, "identifier_type": need,
         "entity_id": name}
        for a, b, kind, need, name in (
            (0, 11, "PERSON", "DIRECT", "e1"), (17, 22, "CODE", "DIRECT", "e2"), (33, 39, "PERSON", "QUASI", "e3"),
            (43, 53, "DATETIME", "QUASI", "e4"),
        )
    ],
}  # fmt: skip
needs_sample = pytest.mark.skipif(not cases.SAMPLE.exists(), reason=cases.MISSING)


def test_a_case_is_read_with_its_longest_name_its_codes_and_its_marks_without_titles() -> None:
    (case,) = cases.read([json.dumps(CASE)])
    assert (case.name, case.codes, case.country) == ("John Doe", ("11/22",), "GBR")
    assert [TEXT[m.start : m.end] for m in case.marks] == ["John Doe", "11/22", "Roe", "3 May 1999"]
    assert case.identity == {"names": ["John Doe"], "other_numbers": ["11/22"]}


def test_a_mark_beside_its_text_is_refused() -> None:
    wrong = {**CASE, "entities": [{**CASE["entities"][0], "span_text": "Mr Jack Doe"}]}  # type: ignore[index]
    with pytest.raises(ValueError, match="T-1"):
        cases.read([json.dumps(wrong)])


def test_forms_written_into_a_case_lie_where_they_are_said_to() -> None:
    (case,) = cases.read([json.dumps(CASE)])
    written = measure.write_into(case)
    forms = [(text, item) for text, placed in written.parts for item in placed]
    assert len(forms) >= 80
    for text, item in forms:
        assert text[item.start : item.end] == item.form.text[item.form.start : item.form.end]
    assert written == measure.write_into(case)
    assert written.identity["names"] == ["John Doe"]


@needs_sample
def test_the_sample_holds_113_cases_each_with_somebody_to_hide() -> None:
    sample = cases.load()
    assert len(sample) == 113
    for case in sample:
        assert case.needing("DIRECT"), case.id
        assert len(case.name) > 3, case.id
