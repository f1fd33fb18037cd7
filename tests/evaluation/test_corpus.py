"""The narratives are many, various, invented, and marked without gaps."""

import re
import unicodedata
from pathlib import Path

import pytest

from evaluation import corpus
from evaluation.corpus import Document, counts, folded, load, prose
from evaluation.markup import TRAPS, BadMarkup
from evaluation.scores import ordinary

DOCUMENTS = load()
EACH = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.id)
AT_LEAST = 6  # marks of every trap
ONE = """
- id: xx-01
  culture: none
  genre: note
  who: {names: [Ana Popescu], date_of_birth: 1999-05-17}
  text: |
    TEXT
"""


def loaded(folder: Path, text: str, times: int = 1) -> tuple[Document, ...]:
    (folder / "xx.yaml").write_text(ONE.replace("TEXT", text) * times, encoding="utf-8")
    return load(folder)


def test_loading_no_narratives_fails(tmp_path: Path) -> None:
    with pytest.raises(BadMarkup, match="no narratives"):
        load(tmp_path)


def test_there_are_two_hundred_narratives_in_twelve_languages_of_twenty_naming_cultures() -> None:
    counted = counts(DOCUMENTS)
    assert len(DOCUMENTS) >= 200
    assert len([n for n in counted["language"].values() if n >= 5]) >= 12
    assert len(counted["culture"]) >= 20
    assert len(counted["genre"]) >= 20


def test_every_trap_occurs_often_enough_to_be_measured() -> None:
    counted = counts(DOCUMENTS)["trap"]
    assert {trap: counted[trap] for trap in TRAPS if counted[trap] < AT_LEAST} == {}


@EACH
def test_spans_lie_in_order_within_the_text_and_do_not_touch_white_space(document: Document) -> None:
    at = 0
    for span in document.spans:
        assert at <= span.start < span.end <= len(document.text)
        inside = document.text[span.start : span.end]
        assert inside == inside.strip(), inside
        at = span.end


@EACH
def test_a_narrative_has_prose_round_its_marks(document: Document) -> None:
    assert len(ordinary(document.text, document.spans)) >= 12
    assert len(document.of("known")) >= 3


@EACH
def test_a_trap_holds_what_its_name_says(document: Document) -> None:
    for span in document.spans:
        inside = document.text[span.start : span.end]
        match span.trap:
            case "decomposed":
                assert unicodedata.normalize("NFC", inside) != inside
            case "zero-width":
                assert any(unicodedata.category(c) == "Cf" for c in inside)
            case "no-break":
                assert re.search("[\u00a0\u202f]", inside)
            case "line":
                assert "\n" in inside
            case "hyphen":
                assert "-\n" in inside or "\u00ad" in inside
            case "lookalike":
                scripts = {unicodedata.name(c).split()[0] for c in inside if c.isalpha()}
                assert len(scripts) > 1, inside
            case "lower":
                assert inside == inside.lower()
            case "upper":
                assert inside == inside.upper()
            case "document" | "phone" | "email" | "number" | "address":
                field = {"document": "documents", "phone": "phones", "email": "emails", "number": "other_numbers"}
                listed = document.identity.get(field.get(span.trap, "address"), ())
                assert inside in listed, inside


@EACH
def test_nothing_leads_to_a_real_mailbox_or_page(document: Document) -> None:
    listed = [*document.identity.get("emails", ()), document.text]
    for host in re.findall(r"(?:[\w}]@|https?://)([a-z0-9-]+(?:\.[a-z0-9-]+)+)", " ".join(listed)):
        assert host.endswith(".example"), host


def test_a_name_left_unmarked_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadMarkup, match="'Ana' stands unmarked"):
        loaded(tmp_path, "{given|Ana} came. Then Ana left.")
    with pytest.raises(BadMarkup, match="'Popêscu' stands unmarked"):
        loaded(tmp_path, "{given|Ana} came, Popêscu left.")


def test_a_mark_of_a_plain_form_that_no_name_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadMarkup, match="'ionescu', which no name has"):
        loaded(tmp_path, "{full|Ana Ionescu} came.")


def test_a_narrative_without_its_person_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadMarkup, match="nothing of the known person"):
        loaded(tmp_path, "Nobody came on {not-date|3 May 2020}.")


def test_an_id_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadMarkup, match="xx-01"):
        loaded(tmp_path, "{given|Ana} came.", times=2)


def test_a_title_is_no_part_of_the_mention(tmp_path: Path) -> None:
    (document,) = loaded(tmp_path, "We met {title|Mrs Popescu} and {title|doamna Ana}.")
    assert [document.text[s.start : s.end] for s in document.spans] == ["Popescu", "Ana"]


def test_the_date_of_birth_goes_to_the_redactor_as_iso(tmp_path: Path) -> None:
    (document,) = loaded(tmp_path, "{given|Ana} came.")
    assert document.identity["date_of_birth"] == "1999-05-17"


def test_ordinary_prose_is_there_in_every_language_of_the_narratives_and_names_nobody() -> None:
    passages = prose()
    assert {p.lang for p in passages} == {d.lang for d in DOCUMENTS}
    for passage in passages:
        assert not re.search(r"[\d@#{}|]", passage.text), passage.id
        assert len(ordinary(passage.text, ())) >= 25, passage.id


def test_folding_takes_off_what_a_reader_overlooks() -> None:
    assert folded("Şıł\u200bĐ É") == "sild e"
    assert corpus.words("O’Flaherty-Łęcka") == ["o", "flaherty", "lecka"]
