"""The passes, with redactors made by hand: one that knows the marks, one that masks nothing, everything, or misses."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from evaluation import __main__ as command
from evaluation import cases, measure, report
from evaluation.corpus import Prose, load
from evaluation.measure import Column
from evaluation.redactor import Answer, Finding, Redactor, Request, holds_together
from evaluation.scores import Rate
from tests.evaluation.test_cases import CASE

DOCUMENTS = load()[::8]
Places = list[tuple[int, int]]


def redactor(find: Callable[[Request], Places | None]) -> Redactor:
    """A redactor that masks what `find` says, and refuses where it says None."""

    def redact(requests: Sequence[Request], done: Callable[[int], None]) -> dict[str, Answer]:
        answers = {}
        for request in requests:
            places = find(request)
            if places is None:
                answers[request["id"]] = Answer(id=request["id"], refused="cannot promise anything")
                continue
            text, at, pieces = request["text"], 0, []
            for start, end in sorted(places):
                pieces += [text[at:start], "█"]
                at = end
            answers[request["id"]] = Answer(
                id=request["id"],
                redacted="".join([*pieces, text[at:]]),
                findings=tuple(Finding(a, b, "name", "") for a, b in sorted(places)),
            )
            assert holds_together(text, answers[request["id"]])
            done(1)
        return answers

    return redact


def by_marks(grow: int, *roles: str) -> Redactor:
    known = {d.id: d for d in DOCUMENTS}

    def find(request: Request) -> Places:
        document = known.get(request["id"])
        return [(s.start, s.end + grow) for s in document.of(*roles)] if document else []

    return redactor(find)


def narratives(redact: Redactor) -> measure.Narratives:
    return measure.narratives(DOCUMENTS, redact, lambda _: None)


def test_a_redactor_that_masks_nothing_leaks_every_document_and_spoils_nothing() -> None:
    result = narratives(redactor(lambda _: []))
    assert result.documents.all == Rate(len(DOCUMENTS), len(DOCUMENTS))
    assert result.mentions.all.value == 1.0
    assert result.others.all.hits == result.near.all.hits == result.kept.all.hits == result.words.all.hits == 0


def test_a_redactor_that_masks_everything_leaks_nothing_and_spoils_everything() -> None:
    result = narratives(redactor(lambda r: [(0, len(r["text"]))]))
    assert result.documents.all.hits == result.mentions.all.hits == 0
    assert result.others.all.value == result.near.all.value == result.kept.all.value == result.words.all.value == 1.0
    assert result.near_for_identity.all.hits == 0  # it does so with nobody known as well


def test_a_redactor_that_masks_exactly_the_marks_makes_no_error() -> None:
    result = narratives(by_marks(0, "known", "other"))
    assert result.documents.all == Rate(0, len(DOCUMENTS))
    assert result.others.all.value == 1.0
    assert result.near.all.hits == result.kept.all.hits == result.words.all.hits == 0
    assert result.precision.value == 1.0
    assert result.failures == []


def test_a_redactor_that_is_off_by_one_letter_leaks_every_document() -> None:
    result = narratives(by_marks(-1, "known"))
    assert result.documents.all.value == 1.0
    assert result.words.all.hits == 0


def test_what_is_masked_only_when_the_person_is_known_is_held_against_knowing_the_person() -> None:
    result = narratives(by_marks(0, "known", "near"))
    assert result.near.all.value == result.near_for_identity.all.value == 1.0
    assert {what for what, *_ in result.failures} == {"masked"}


def test_a_refused_document_leaks_nothing_and_is_counted_as_refused() -> None:
    result = narratives(redactor(lambda _: None))
    assert result.documents.all == Rate(0, len(DOCUMENTS))
    assert len(result.refused) == len(DOCUMENTS)
    assert result.mentions.all.total == 0


def test_a_name_that_can_be_read_in_the_output_is_left_whatever_the_findings_say() -> None:
    document = next(d for d in DOCUMENTS if any(s.trap == "full" for s in d.spans))
    everything = Finding(0, len(document.text), "name", "")
    span = next(s for s in document.spans if s.trap == "full")
    lying = Answer(id=document.id, redacted=document.text[span.start : span.end], findings=(everything,))
    result = measure.Narratives()
    measure.count_narrative(result, document, lying, Answer(id="?"))
    assert result.documents.all.hits == 1
    assert result.mentions["full"].hits >= 1


def test_prose_is_asked_for_with_nobody_and_with_three_people_known() -> None:
    passages = (Prose("en-prose-1", "en", "Two doors and a key."),)
    documents = [d for d in load() if d.lang == "en"]
    masked, refused = measure.prose(passages, documents, redactor(lambda r: [(0, 3)]), lambda _: None)
    assert masked["en"] == Rate(4, 20)
    assert refused == 0


def test_forms_in_sentences_survive_a_redactor_that_masks_nothing_and_no_other() -> None:
    nothing = measure.in_sentences(redactor(lambda _: []), lambda _: None, only=2)
    assert nothing.survivors.all.value == 1.0
    assert len(nothing.failures) == nothing.survivors.all.total >= 160
    everything = measure.in_sentences(redactor(lambda r: [(0, len(r["text"]))]), lambda _: None, only=2)
    assert everything.survivors.all == Rate(0, nothing.survivors.all.total)


def one_case() -> list[cases.Case]:
    return list(cases.read([json.dumps(CASE)]))


def test_court_cases_are_counted_by_mention_and_by_entity() -> None:
    sample = one_case()
    exact = redactor(lambda r: [(m.start, m.end) for m in sample[0].marks])
    result = measure.court_cases(sample, exact, lambda _: None)
    assert result.leaking == []
    assert result.entities["DIRECT"] == result.entities["QUASI"] == Rate(2, 2)
    assert result.words_precision.value == 1.0
    result = measure.court_cases(sample, redactor(lambda r: []), lambda _: None)
    assert result.leaking == ["T-1"]
    assert result.entities["DIRECT"] == Rate(0, 2)


def test_forms_written_into_a_case_are_judged_in_the_whole_text_or_by_paragraph_where_that_is_refused() -> None:
    sample = one_case()
    nothing = measure.in_court_cases(sample, redactor(lambda _: []), lambda _: None)
    assert nothing.survivors.all.value == 1.0
    whole_refused = measure.in_court_cases(
        sample, redactor(lambda r: None if "/" not in r["id"] else []), lambda _: None
    )
    assert whole_refused.survivors == nothing.survivors
    assert whole_refused.refused == 0
    all_refused = measure.in_court_cases(sample, redactor(lambda _: None), lambda _: None)
    assert all_refused.survivors.all.hits == 0
    assert all_refused.refused == all_refused.survivors.all.total


def test_a_form_in_any_paragraph_is_judged_where_it_stands() -> None:
    (case,) = one_case()
    long = cases.Case(
        id="T-2", text="\n\n".join([case.text] * 40), marks=(), name=case.name, codes=case.codes, country=""
    )
    parts = measure.write_into(long).parts
    assert sum(bool(placed) for _, placed in parts) >= 20

    def exactly(request: Request) -> Places:
        pieces = request["text"].split("\n\n")
        starts = [sum(len(p) + 2 for p in pieces[:n]) for n in range(len(pieces))]
        return [
            (start + f.start, start + f.end) for start, (_, placed) in zip(starts, parts, strict=True) for f in placed
        ]

    assert measure.in_court_cases([long], redactor(exactly), lambda _: None).survivors.all.hits == 0


def measured() -> Column:
    return command.measured("without the model", redactor(lambda _: []), DOCUMENTS, one_case(), quick=True)


def test_the_report_names_cases_by_id_and_never_by_their_text() -> None:
    column = measured()
    about = {"date": "2001-01-01", "versions": "x", "documents": 1, "languages": 1, "cultures": 1}
    page = report.as_markdown([column], about)
    data = str(report.as_json([column], about))
    assert "Doe" not in page + data
    assert "own narratives: documents that leak | 26 of 26 = 100.0 %" in page


def test_the_section_is_written_between_its_markers_and_nothing_else_changes(tmp_path: Path) -> None:
    page = tmp_path / "redaction.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write(page, "new")
    assert page.read_text() == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"
    page.write_text("before")
    with pytest.raises(ValueError, match="markers"):
        report.write(page, "new")
