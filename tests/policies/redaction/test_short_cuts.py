"""What is done in a faster way finds what the plain way finds."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation import corpus
from policies.redaction import engine, memo, number_words, numbers, patterns
from policies.redaction.lexica import function_words, languages
from policies.redaction.page import Page, tokens_of
from policies.redaction.scripts import TOKEN, clean, fold
from policies.redaction.senses import Traits

ODD = (
    "",
    "naïve_user@mail.example.org, b@c, a @ b.co.uk and x.y(at)z[dot]com; write to j dot doe or jane at mail dot com",
    "HTTP://Example.org/a www.b.example mailto:c@d.example tel:+123 hwww.no.example xhttps://e.example",
    "Vasárnapi út 5. és Kossuth Lajos utca 12, then Upper King Road, 7 and Baker Street 221",
    "ﬁne ½ ² ªº Ǆ ℵ Ⅷ № тест_слово Ελλάδα 10-я",
    "北京的张伟 and 서울 박수진, עברית-text, नमस्ते_दुनिया!",
)
TEXTS = [*ODD, *(document.text for document in corpus.load()[::9])]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_cut_into_the_words_that_one_match_a_word_gives(text: str) -> None:
    plain = clean(text).text
    assert tokens_of(plain) == [(m.group(), m.start(), m.end()) for m in TOKEN.finditer(plain)]


@pytest.mark.parametrize("text", TEXTS)
def test_the_words_of_a_page_are_found_by_their_folded_forms(text: str) -> None:
    page = Page.of(clean(text).text)
    assert page.folds == {fold(word) for word in page.distinct}
    assert sorted(page.folded(page.folds)) == sorted(page.distinct)


@pytest.mark.parametrize("text", TEXTS)
def test_the_languages_are_those_that_most_words_speak_for(text: str) -> None:
    plain = clean(text).text
    score: Counter[str] = Counter()
    for word in {word for word in map(fold, TOKEN.findall(plain)) if len(word) > 1}:
        for language in (spoken := function_words().get(word, ())):
            score[language] += 12 // len(spoken)
    best = sorted(score.items(), key=lambda item: (-item[1], item[0]))[:3]
    told = languages(Page.of(plain).folds)
    assert set(told) - {"", "en"} <= {language for language, _ in best}
    assert not best or best[0][0] in told
    assert Traits.of(plain) == Traits.of(plain, page=Page.of(plain))


@pytest.mark.parametrize("text", TEXTS)
def test_what_a_mark_shows_is_found_where_a_search_of_the_whole_text_finds_it(text: str) -> None:
    plain = clean(text).text
    ways = (
        (patterns._EMAIL, patterns._AT_SPELT, 66),
        (patterns._HANDLE, patterns._AT, 0),
        (patterns._LINK, patterns._LINK_MARK, 10),
    )
    for pattern, mark, before in ways:
        marks = [m.start() for m in mark.finditer(plain)]
        near = [m.span() for m in patterns._beginning_near(pattern, plain, marks, before)]
        assert near == [m.span() for m in pattern.finditer(plain)]


def test_streets_are_found_where_a_search_of_the_whole_text_finds_them() -> None:
    for text in TEXTS:
        page = Page.of(clean(text).text)
        marks = [page.tokens[i][1] for i in page.places(page.distinct & patterns._STREETS_OF_OTHERS)]
        near = [m.span() for m in patterns._beginning_near(patterns._STREET_THEN_NUMBER, page.text, marks, 81)]
        assert near == [m.span() for m in patterns._STREET_THEN_NUMBER.finditer(page.text)]


@pytest.mark.parametrize("text", TEXTS)
def test_a_word_that_is_said_to_begin_no_number_begins_none(text: str) -> None:
    plain = clean(text).text
    tokens = tokens_of(plain)
    for i in range(len(tokens)):
        read = tokens[i][0].isalpha() and list(number_words._readings(plain, tokens, i, 4))
        assert not read or number_words._may_begin(plain, tokens, i)


def test_few_heads_and_many_are_found_alike() -> None:
    text = "AB12CD34EF56AB12\x0099XY"
    heads = {text[at : at + size] for size in (2, 4) for at in range(0, len(text) - 4, 3)} | {"ZZ99", "12", ""}
    many = heads | {f"none {n}" for n in range(numbers._FEW + 1)}
    assert numbers._standing_in(text, heads - {""}) == numbers._standing_in(text, many - {""}) == heads - {"ZZ99", ""}


@given(
    st.sets(st.text("AV1-", min_size=1, max_size=4), min_size=1, max_size=4),
    st.lists(st.sampled_from(["A", "V", "1", "-", " ", "é", ".", "V-1", "A1A1"]), max_size=14).map("".join),
)
def test_pseudonyms_are_found_as_a_pattern_that_looks_for_each_finds_them(own: set[str], text: str) -> None:
    several = sorted(own, key=len, reverse=True)
    glued = "|".join(re.escape(name) for name in several if any(c.isdigit() or c == "-" for c in name))
    repeated = f"|(?>(?:{glued})+)" if glued else ""
    each = re.compile(rf"(?<!\w)(?:(?:{'|'.join(map(re.escape, several))})(?!\w){repeated})(?!\w)")
    quick = engine._pattern_of(own)
    assert quick is not None
    assert [m.span() for m in quick.finditer(text)] == [m.span() for m in each.finditer(text)]


def test_what_is_remembered_of_a_word_is_what_is_made_of_it_also_when_too_much_was_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memo, "_MOST", 3)
    made: list[str] = []

    @memo.remembered
    def backwards(word: str) -> str:
        made.append(word)
        return word[::-1]

    assert [backwards(word) for word in ("ab", "cd", "ab", "ef", "gh", "ab")] == ["ba", "dc", "ba", "fe", "hg", "ba"]
    assert made == ["ab", "cd", "ef", "gh", "ab"]
