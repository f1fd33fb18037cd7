"""Every text of the console goes through the catalogue, and the catalogue's file is up to date."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from audit.record import ACTS
from broker.console import words
from broker.console.access import Person
from broker.console.app import FILES, MANAGES, READS_RECORDS, STATIC, templates
from broker.console.words import WORDS, Words, languages
from messages.errors import BadInput
from messages.labels import Keeping
from policies.matrix import Identity
from tests.console import catalogue

TEMPLATES = sorted((catalogue.CONSOLE / "templates").glob("*.html"))
LETTERS = re.compile(r"[A-Za-z]{2,}")
SPOKEN = ("aria-label", "placeholder", "title", "alt")
"""Attributes that a person hears or sees."""
AS_TYPED = ("pre", "code", "script", "style")
"""Commands, ids and hashes: the same in every language."""


class Visible(HTMLParser):
    """What a page shows and says, apart from `AS_TYPED` and from what says of itself that it is English."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._left_out: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._left_out or tag in AS_TYPED or (tag != "html" and ("lang", "en") in attrs):
            self._left_out += [tag] if tag not in ("br", "input") else []
            return
        self.texts += [value or "" for name, value in attrs if name in SPOKEN]

    def handle_endtag(self, tag: str) -> None:
        if self._left_out:
            assert self._left_out.pop() == tag, "the page is not well-formed"

    def handle_data(self, data: str) -> None:
        if not self._left_out:
            self.texts.append(data.strip())

    def outside(self) -> list[str]:
        """In the pseudo-language: what stands outside its brackets, which may begin and end in different elements."""
        left, before = "\n".join(self.texts), ""
        while left != before:
            left, before = re.sub("⟦[^⟦⟧]*⟧", " ", left), left
        return [text.strip() for text in left.splitlines() if LETTERS.search(text)]


def literal(source: str) -> list[str]:
    """What a template shows that comes neither from the catalogue nor from data."""
    bare = re.sub(r"{%-? trans.*?endtrans -?%}", "", source, flags=re.S)
    found = [
        text
        for expression in re.findall(r"{{(.*?)}}", bare, flags=re.S)
        for text in re.findall(r'"([^"]*)"', re.sub(r'(_\(|get\(|replace\(|join\()"[^"]*"(, "[^"]*")?', "", expression))
    ]
    shown = Visible(re.sub(r"{%.*?%}|{{.*?}}", "", bare, flags=re.S))
    return [text for text in (*found, *shown.texts) if LETTERS.search(text) and text.strip() not in PARTS]


PARTS = {
    "bad", "plain", "holds", "fails", "yes", "no", "T", "from", "to", "form", "outcome", "permitted", "refused",
    "accepted", "retrieved", "soon", "revoked", "suspended", "ended", "overdue", "open", "harbour-police", "UTC",
}  # fmt: skip
"""Names of classes and fields, words that `badge` says through the catalogue, and what is one in every language."""


def test_the_file_for_translators_holds_every_text_and_where_it_stands() -> None:
    assert catalogue.written() == catalogue.told(catalogue.collected()), "run python -m tests.console.catalogue"
    assert len(catalogue.written()) > 200


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.stem)
def test_a_template_shows_no_text_that_is_not_in_the_catalogue(path: Path) -> None:
    assert literal(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "wrong",
    ["<p>Nothing here</p>", '<a aria-label="Remove">{{ x }}</a>', '{{ "nobody" if x else "" }}',
     '<input placeholder="Who">', "{% if x %}<b>Yes, it is</b>{% endif %}"],
)  # fmt: skip
def test_a_text_that_passes_the_catalogue_by_is_found(wrong: str) -> None:
    assert literal(wrong)


def test_words_of_data_that_have_a_meaning_are_in_the_catalogue() -> None:
    outcomes = {outcome for found in ACTS.values() for outcome in found}
    for word in (*outcomes, *READS_RECORDS, *MANAGES, *(i.value for i in Identity), *(k.value for k in Keeping)):
        assert word in WORDS, word


def test_the_console_s_script_says_nothing_of_its_own() -> None:
    script = (STATIC / "console.js").read_text(encoding="utf-8")
    assert "console.js" in FILES and not re.search(r'textContent = "[^"]', script) and "says.dataset.unused" in script


@pytest.fixture
def strange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A language of which there is a catalogue: the pseudo-language."""
    place = tmp_path / "xx" / "LC_MESSAGES"
    place.mkdir(parents=True)
    (place / "console.mo").write_bytes(catalogue.compiled())
    monkeypatch.setattr(words, "LOCALE", tmp_path)
    return "xx"


def test_a_page_speaks_the_language_that_it_is_asked_for(strange: str) -> None:
    person = Person("o" + "a" * 12, "auditor", 'A "title" & <b>')  # type: ignore[arg-type]
    made = templates(Words(strange)).get_template("failed.html")
    page = made.render(person=person, screens=[], path="/", says="That was too large.", title="")
    assert '<html lang="xx">' in page and "⟦Thát wás tóó lárgé.⟧" in page and "⟦áúdítór⟧" in page
    assert "A &#34;title&#34; &amp; &lt;b&gt;" in page
    assert Visible(page).outside() == ['A "title" & <b>,']
    assert Words(strange).say("") == "", "an empty text is no catalogue's header"


@pytest.mark.parametrize("language", ["", "nl", "EN", "../xx", "xx/..", "x" * 300, "en\0"])
def test_a_language_without_a_catalogue_is_refused(language: str, strange: str) -> None:
    assert languages() == ["en", strange] and Words("en").say("Log in") == "Log in"
    with pytest.raises(BadInput, match="it has: en, xx"):
        Words(language)
