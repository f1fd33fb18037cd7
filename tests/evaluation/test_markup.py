"""Narratives are read as they are written, and one that is written wrongly is not read at all."""

import unicodedata

import pytest

from evaluation.markup import TRAPS, BadMarkup, Span, read


def test_marks_become_spans_that_lie_on_the_text() -> None:
    text, spans = read("{given|Ana} called\n{not-phone|0700 555 010}, twice.")
    assert text == "Ana called\n0700 555 010, twice."
    assert [(text[s.start : s.end], s.trap, s.role, s.kind) for s in spans] == [
        ("Ana", "given", "known", "name"),
        ("0700 555 010", "not-phone", "near", "phone"),
    ]


def test_a_mark_may_hold_a_line_end_and_stand_within_a_word() -> None:
    text, spans = read("x_{in-file|ana}_1 {line|Ana\nPop}")
    assert [text[s.start : s.end] for s in spans] == ["ana", "Ana\nPop"]


def test_what_cannot_be_seen_is_written_out() -> None:
    text, (span,) = read(r"({zero-width|A\x{200b}na}) \x{a0}")
    assert text == "(A\u200bna) \u00a0"
    assert text[span.start : span.end] == "A\u200bna"
    text, (span,) = read(r"{decomposed|\nfd{Zoë}}")
    assert text == unicodedata.normalize("NFD", "Zoë") != "Zoë"
    assert span == Span(0, 4, "decomposed")


@pytest.mark.parametrize("wrong", [
    "{nickname-of|Ana}", "{given|}", "{given| }", "{given|Ana", "given|Ana}", "a { b", "a | b", "{Given|Ana}",
    r"\x{zz}",
])  # fmt: skip
def test_wrong_markup_is_refused(wrong: str) -> None:
    with pytest.raises(BadMarkup):
        read(wrong)


def test_every_trap_has_a_role_a_kind_and_a_meaning() -> None:
    for trap, (role, kind, meaning) in TRAPS.items():
        assert role in ("known", "other", "kept", "near", "free"), trap
        assert kind in ("name", "date", "phone", "email", "document", "number", "address", "word", "place"), trap
        assert len(meaning) > 8, trap
