"""`safeconduct redact`: one text, and batches in which a line that cannot be promised stops nobody else's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app

RUNNER = CliRunner()
PERSON = {
    "names": ["Ms Oksana Kovalenko"],
    "aliases": ["Ksyu"],
    "date_of_birth": "14 March 2001",
    "documents": ["FE482913"],
    "phones": ["+380 44 123 45 67"],
    "emails": ["oks.kov@post.example"],
    "address": "14 Harbour Street, Portwick, PW4 2AB",
    "other_numbers": ["18403/91"],
}


def batch(tmp_path: Path, *lines: object) -> tuple[int, list[dict[str, Any]], str]:
    """Exit code, the answers, and what was said on standard error."""
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    source.write_bytes(b"\n".join(raw) + b"\n")
    result = RUNNER.invoke(app, ["redact", "--batch", str(source), str(target)])
    answers = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    return result.exit_code, answers, result.stderr


def test_a_text_on_standard_input_is_redacted(tmp_path: Path) -> None:
    person = tmp_path / "person.json"
    person.write_text(json.dumps(PERSON), encoding="utf-8")
    result = RUNNER.invoke(app, ["redact", "--identity", str(person)], input="Ksyu, born 14/3/2001, has FE 482 913.\n")
    assert result.exit_code == 0
    assert result.stdout == "[name], born [date of birth], has [document number].\n"


def test_findings_tell_place_kind_whose_score_and_reason() -> None:
    result = RUNNER.invoke(app, ["redact", "--findings"], input="Write to a@b.example")
    assert json.loads(result.stdout) == {
        "redacted": "Write to [e-mail]",
        "findings": [{"start": 9, "end": 20, "kind": "email", "reason": "pattern", "whose": None, "score": 0.95}],
    }


def test_a_batch_answers_each_line_with_offsets_into_its_own_text(tmp_path: Path) -> None:
    text = "е\u0301 Оксана Коваленко (18403/91) and Viktor Kovalenko"
    code, answers, _ = batch(
        tmp_path,
        {"id": "a", "text": text, "identity": PERSON, "keep_names": ["Viktor Kovalenko"], "lang": "uk"},
        {"id": 2, "text": "Tel. +40 722 123 456"},
        {"id": None, "text": ""},
    )
    assert code == 0
    assert [answer["id"] for answer in answers] == ["a", 2, None]
    assert answers[0]["redacted"] == "е\u0301 [name] ([number]) and Viktor Kovalenko"
    assert [text[f["start"] : f["end"]] for f in answers[0]["findings"]] == ["Оксана Коваленко", "18403/91"]
    assert all(f["reason"].startswith("known: ") for f in answers[0]["findings"])
    assert answers[1]["redacted"] == "Tel. [phone]"
    assert answers[2] == {"id": None, "redacted": "", "findings": []}


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b"\xff\xfe",
        {"id": "x"},
        {"id": "x", "text": 3},
        {"id": "x", "text": "ᏣᎳᎩ Oksana"},
        b'{"id": "x", "text": "\\ud800 Oksana"}',
        {"id": "x", "text": "Oksana", "identity": "Oksana"},
        {"id": "x", "text": "Oksana", "identity": {"names": ["Oksana" * 1000]}},
        b'{"id": "\\udc80", "text": 3}',
    ],
)
def test_a_line_that_cannot_be_promised_is_refused_in_a_sentence_and_the_others_go_on(
    tmp_path: Path, line: object
) -> None:
    code, answers, said = batch(tmp_path, line, {"id": "y", "text": "Oksana", "identity": PERSON})
    assert code == 1
    assert set(answers[0]) == {"id", "refused"}
    assert answers[0]["refused"].endswith(".")
    assert "Oksana" not in answers[0]["refused"]
    assert answers[1]["redacted"] == "[name]"
    assert "1 of 2 texts could not be promised" in said


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"identity": None},
        {"identity": {}},
        {"identity": {"names": []}, "keep_names": None, "lang": None},
        {"identity": {"names": None, "date_of_birth": None, "address": ""}, "keep_names": []},
        {"lang": "xx"},
        {"unknown": 1},
    ],
)
def test_missing_and_empty_fields_are_fine(tmp_path: Path, extra: dict[str, Any]) -> None:
    code, answers, _ = batch(tmp_path, {"id": 1, "text": "Mail a@b.example", **extra})
    assert code == 0
    assert answers[0]["redacted"] == "Mail [e-mail]"


@pytest.mark.parametrize(
    ("options", "redacted"),
    [
        ([], "[name] rang +40 722 123 456 on 3 May 2024"),
        (["--patterns"], "[name] rang [phone] on [a date in May 2024]"),
        (["--no-patterns"], "[name] rang +40 722 123 456 on 3 May 2024"),
    ],
)
def test_where_somebody_is_known_other_peoples_dates_and_phones_stay_unless_patterns_are_asked_for(
    tmp_path: Path, options: list[str], redacted: str
) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    line = {"id": 1, "text": "Oksana rang +40 722 123 456 on 3 May 2024", "identity": [PERSON, {"names": ["Ion Pop"]}]}
    source.write_text(json.dumps(line) + "\n", encoding="utf-8")
    assert RUNNER.invoke(app, ["redact", *options, "--batch", str(source), str(target)]).exit_code == 0
    assert json.loads(target.read_text(encoding="utf-8"))["redacted"] == redacted


def test_a_batch_does_not_overwrite_itself(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"id": 1, "text": "a"}\n', encoding="utf-8")
    result = RUNNER.invoke(app, ["redact", "--batch", str(source), str(source)])
    assert result.exit_code == 2
    assert source.read_text(encoding="utf-8") == '{"id": 1, "text": "a"}\n'


def test_a_refused_text_on_standard_input_prints_nothing_of_it() -> None:
    result = RUNNER.invoke(app, ["redact"], input="ᏣᎳᎩ Oksana")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "Oksana" not in result.stderr
    assert "script" in result.stderr


def test_input_that_is_no_text_is_a_mistake() -> None:
    assert RUNNER.invoke(app, ["redact"], input=b"\xff\xfe").exit_code == 2


def test_a_missing_net_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    from adapters import ner

    def missing(name: str) -> None:
        raise ImportError(name)

    ner.load.cache_clear()
    monkeypatch.setattr(ner, "import_module", missing)
    result = RUNNER.invoke(app, ["redact", "--net"], input="Oksana")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "pip install" in result.stderr
    ner.load.cache_clear()
