"""What is done in a faster way finds what the plain way finds."""

from __future__ import annotations

from collections import Counter

import pytest

from evaluation import corpus
from policies.redaction import patterns
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
