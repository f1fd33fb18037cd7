"""What holds for any text, any name and any way of writing it."""

from __future__ import annotations

import json
import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.redaction.engine import Matcher, redact, search
from policies.redaction.errors import RedactionError, StillIdentifying, UnsupportedScript
from policies.redaction.forms import words_of
from policies.redaction.identity import Finding, Identity, Name, Settings
from policies.redaction.replace import LABELS, PLACEHOLDER, replacement
from policies.redaction.scripts import clean, fold, supported
from policies.redaction.words import COMMON
from tests.policies.redaction.people import EVERYONE, OKSANA, SUSPECTS

GIVEN = (
    "Oksana",
    "Maria",
    "Ioana",
    "Fatima",
    "Chiamaka",
    "Linh",
    "Xiuying",
    "Svetlana",
    "Guadalupe",
    "Zsófia",
    "Łucja",
    "Ayşe",
)
FAMILY = (
    "Kovalenko",
    "Popescu",
    "Osagiede",
    "Nguyễn",
    "Al-Khatib",
    "Dimaculangan",
    "Szabó",
    "Żółkiewska",
    "Hernández",
    "Yılmaz",
)
MATCHERS = {
    (given, family): Matcher((Identity(pseudonym="V-7K3Q-9MXA-TR", names=(Name(given=given, family=family),)),))
    for given in GIVEN
    for family in FAMILY
}
THEIR_NAMES = {
    fold(word)
    for who in EVERYONE
    for name in who.names
    for text in (name.given, name.middle, name.family, *name.aliases)
    for word in words_of(text)
}
ORDERS = (
    "{g} {f}",
    "{f} {g}",
    "{f}, {g}",
    "{i}. {f}",
    "{f} {i}.",
    "{g}",
    "{f}",
    "{g} {f}'s",
    "the {f}s",
    "Ms {f}",
    "{g}{f}",
    "@{g}_{f}",
)


def _spaced(text: str) -> str:
    return " ".join(text.replace("-", "").replace(" ", "  ")) if text.isalpha() else text


def _zero_width(text: str) -> str:
    return "\u200b".join(text)


def _hyphenated(text: str) -> str:
    return text[: len(text) // 2] + "-\n" + text[len(text) // 2 :] if text.isalpha() and len(text) > 4 else text


def _look_alike(text: str) -> str:
    return text.replace("a", "а").replace("o", "о").replace("e", "е")


DRESSES = (
    str,
    str.upper,
    str.lower,
    str.title,
    _spaced,
    _zero_width,
    _hyphenated,
    _look_alike,
    lambda t: unicodedata.normalize("NFD", t),
    lambda t: t.replace(" ", "\u00a0"),
    lambda t: "".join(c for c in unicodedata.normalize("NFD", t) if not unicodedata.combining(c)),
)


@settings(max_examples=400, deadline=None)
@given(
    name=st.sampled_from(sorted(MATCHERS)),
    order=st.sampled_from(ORDERS),
    dress=st.sampled_from(DRESSES),
    before=st.sampled_from(("", "They saw ", "On Monday, ", "(", "\n")),
    after=st.sampled_from(("", " there.", ", who left", ")", "\nat noon")),
)
def test_no_folded_form_of_a_name_survives(
    name: tuple[str, str], order: str, dress: object, before: str, after: str
) -> None:
    assert callable(dress)
    given_name, family = name
    text = before + dress(order.format(g=given_name, f=family, i=given_name[0])) + after
    result = MATCHERS[name].redact(text)
    left = fold("".join(clean(result.text.replace("V-7K3Q-9MXA-TR", "|")).text.split()))
    for part in (given_name, family):
        assert fold(part) not in left
    assert result.findings


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_redacted_or_refused_with_the_promised_errors(text: str) -> None:
    try:
        result = redact(text, EVERYONE, kept=SUSPECTS)
    except RedactionError:
        return
    assert redact(result.text, EVERYONE, kept=SUSPECTS).text == result.text


PIECES = (
    "Oksana",
    "Popescu",
    "Ion Popescu",
    "Hope",
    "hope",
    "Lan",
    "O.P.",
    "said",
    "the",
    "victim",
    "OP",
    "is",
    "17 April 1998",
    "07700 900588",
    "passport",
    "FH 736204",
    "@oks_k94",
    "王小明",
    "الخطيب",
    "born in 1998",
    ".",
    ",",
    "-",
    "\n",
    "\u200b",
    "on",
    "3 March 2024",
    "12 Harbour Steps",
    "AB12 CDE",
    "tel",
    "+40722123456",
    "a@b.example",
    "Marin Dobre",
    "May",
    "[phone]",
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14), st.sampled_from((" ", "", "\n")))
def test_redacting_twice_changes_nothing_more(pieces: list[str], glue: str) -> None:
    try:
        once = redact(glue.join(pieces), EVERYONE, kept=SUSPECTS).text
    except StillIdentifying:
        return
    assert redact(once, EVERYONE, kept=SUSPECTS).text == once
    assert search(once, EVERYONE, strict=True, kept=SUSPECTS) == ()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14))
def test_findings_are_ordered_apart_and_inside_the_original_text(pieces: list[str]) -> None:
    text = " ".join(pieces)
    try:
        result = redact(text, EVERYONE, kept=SUSPECTS)
    except StillIdentifying:
        return
    at, rebuilt = 0, []
    for finding in result.findings:
        assert at <= finding.start < finding.end <= len(text)
        rebuilt += [text[at : finding.start], replacement(finding)]
        at = finding.end
    assert "".join([*rebuilt, text[at:]]) == result.text


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(sorted(COMMON - THEIR_NAMES - {"may", "march", "roxy"})), min_size=1, max_size=30))
def test_ordinary_lower_case_words_stay_that_are_nobodys_name(words: list[str]) -> None:
    text = " ".join(words)
    assert redact(text, EVERYONE).text == text


def test_offsets_count_the_characters_of_the_original() -> None:
    text = "é e\u0301 😀 \u200bOk\u00adsa\u0301na, tel 07700\u00a0900588"
    first, second = redact(text, (OKSANA,)).findings
    assert text[first.start : first.end] == "Ok\u00adsa\u0301na"
    assert text[second.start : second.end] == "07700\u00a0900588"
    assert (first.kind, first.whose, second.kind) == ("name", OKSANA.pseudonym, "phone")


@pytest.mark.parametrize("text", ["ᏣᎳᎩ", "ᠮᠣᠩ", "ꦧꦱ", "\ud800", "\ue000", "\U000e0041", "⠓⠑", "ߒߞߏ"])
def test_other_scripts_are_refused(text: str) -> None:
    with pytest.raises(UnsupportedScript) as refused:
        redact(f"ab {text}", EVERYONE)
    assert refused.value.at == 3
    assert text not in str(refused.value)
    with pytest.raises(UnsupportedScript):
        search(f"ab {text}", EVERYONE, strict=True)


@pytest.mark.parametrize(
    "text",
    ["", "plain", "Łódź, Ελένη, Київ, القاهرة, 北京", "שלום ภาษา 한국 かな देश", "— “x” € ½ 😀 →", "e\u0301", "٣"],
)
def test_declared_scripts_are_supported(text: str) -> None:
    supported(text)


def test_what_only_the_looser_search_finds_in_the_output_goes_too() -> None:
    assert redact("Ok...//sana Pope..//scu", (OKSANA,)).text == OKSANA.pseudonym


def test_what_still_identifies_is_refused_by_kind_and_pseudonym_without_the_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    matcher = Matcher((OKSANA,))
    found = (Finding(0, 2, "name", OKSANA.pseudonym, 0.7, "squeezed"),)
    monkeypatch.setattr(Matcher, "search", lambda self, text, **_: found)
    with pytest.raises(StillIdentifying) as refused:
        matcher.redact("Ok, sana")
    assert refused.value.found == (("name", OKSANA.pseudonym),)
    assert "sana" not in str(refused.value).replace(OKSANA.pseudonym, "")


def test_the_strict_search_sees_at_least_what_the_redaction_sees() -> None:
    for text in ("Oksana", "img_oksana.png", '{"note": "O. Popescu, 07700900588"}', "FH736204.pdf", "oks_k94"):
        assert search(text, EVERYONE, strict=False)
        assert search(text, EVERYONE, strict=True)


def test_the_strict_search_reads_phones_inside_longer_numbers() -> None:
    assert not search("ref 997700900588123", EVERYONE, strict=False)
    assert search("ref 997700900588123", EVERYONE, strict=True)


def test_the_values_of_json_are_searched_as_text() -> None:
    assert search(json.dumps({"a": ["x", {"b": "Оксана"}]}, ensure_ascii=False), EVERYONE, strict=True)


def test_no_identities_leave_only_the_patterns() -> None:
    assert redact("Oksana, +40722123456", ()).text == "Oksana, [phone]"
    assert redact("Oksana, +40722123456", (), settings=Settings(patterns=False)).text == "Oksana, +40722123456"


@pytest.mark.parametrize("name", [Name(), Name(given="A"), Name(given="Li"), Name(given="-"), Name(aliases=("", "  "))])
def test_odd_names_are_taken(name: Name) -> None:
    identity = Identity(pseudonym="V-O", names=(name,), numbers=("",), phones=("",), emails=("",), addresses=("",))
    assert redact("a man on a boat", (identity,)).text == "a man on a boat"


def test_an_identity_never_shows_itself() -> None:
    assert "Oksana" not in repr(OKSANA)
    assert "Oksana" not in repr(OKSANA.names)


def test_every_kind_has_words_and_is_recognised_again() -> None:
    for label in LABELS.values():
        assert PLACEHOLDER.fullmatch(label)
    for reason in ("in 2024-03", "in 2024", "in 03", "in "):
        assert PLACEHOLDER.fullmatch(replacement(Finding(0, 1, "date", None, 1.0, reason)))


def test_the_length_of_the_original_leaves_no_trace() -> None:
    assert redact("FH736204", (OKSANA,)).text == redact("F H 7 3 6 2 0 4", (OKSANA,)).text


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "1 " * 60_000,
        "O." * 60_000,
        "@" * 100_000,
        "a.b" * 40_000,
        "A1-" * 40_000,
        "\u200b" * 100_000,
        "王" * 20_000,
        "x_" * 60_000,
        "1.1." * 30_000,
        "Oksa-\n" * 20_000,
        "+" * 50_000 + "1",
        "at [at] " * 10_000,
    ],
)
def test_hostile_repetition_ends(text: str) -> None:
    with suppress(RedactionError):
        redact(text, EVERYONE, kept=SUSPECTS)
