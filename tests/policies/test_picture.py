"""The matrix says what the rules say, explains every cell, and is a page that loads and runs nothing."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from messages.directory import Directory
from messages.labels import Kind
from policies import edition, picture
from policies.agreements import Agreements, read
from policies.cases import Case, Setting, facts_of
from policies.facts import COVER
from policies.matrix import rows
from policies.passage import PROBES, About
from policies.picture import Cell, Level
from policies.words import words
from tests.policies.test_lint import TEXT, directory, mandate
from tests.policies.test_rehearsal import ABROAD, SHELTER
from tests.policies.world import AGENCIES, CATALOGUE, DESKS, DIRECTORY, NOW

ENGINE = edition.installed().engine
AGREED = Agreements(read(t, "x") for t in (TEXT.replace("[A01, A02]", "[A01, A02, A15]"), SHELTER, ABROAD))
CLASSES = {a.name: a.party_class for a in DIRECTORY.agencies}
SAYS = {r.id: r.says for r in ENGINE.rules}
SVG = "{http://www.w3.org/2000/svg}"


def cells(where: Directory = DIRECTORY, agreed: Agreements = AGREED) -> tuple[Cell, ...]:
    return picture.cells(where, agreed, edition.installed(), NOW)


FOUND = cells()
NAMES = picture.shown_agencies(FOUND)


def cell(sender: str, recipient: str, data_type: str, found: tuple[Cell, ...] = FOUND) -> Cell:
    (one,) = [c for c in found if (c.sender, c.recipient, c.data_type) == (sender, recipient, data_type)]
    return one


def test_how_far_a_type_goes_follows_right_release_consent_and_guard() -> None:
    assert cell("police", "prosecutor", "A01").level is Level.FULL
    assert cell("police", "counterpart", "A01").level is Level.RELEASE
    assert cell("police", "shelter", "A24").level is Level.CONSENT
    assert cell("police", "shelter", "A22").level is Level.REDACTED
    assert cell("police", "prosecutor", "A15").level is Level.NEVER, "financial intelligence travels in no such message"
    assert "release" in cell("police", "counterpart", "A01").needs[0]
    assert {(c.sender, c.recipient, c.data_type) for c in FOUND} >= {
        (r.sender, r.recipient, r.data_type) for r in rows(DIRECTORY, AGREED.values(), CATALOGUE, NOW)
    }


def test_a_cell_is_what_is_decided_of_a_message_that_brings_what_the_cell_asks_for() -> None:
    roles, flags = PROBES[About.VICTIM]
    agreement = next(a for a in AGREED.values() if "counterpart" in a.parties)
    setting = Setting(
        sender=DESKS["police"], sender_agency=AGENCIES["police"], recipient=DESKS["counterpart"],
        recipient_agency=AGENCIES["counterpart"], agreement=agreement, catalogue=CATALOGUE, moment=NOW,
    )  # fmt: skip
    asked = Case(kind=Kind.INTEL_REPORT, data_type="A01", part="report", roles=roles, flags=flags)
    without = ENGINE.decide(facts_of(asked, setting))
    released = replace(asked, brings=frozenset({"released"}))
    assert not without.permitted and ENGINE.decide(facts_of(released, setting)).permitted
    assert words("released").change in cell("police", "counterpart", "A01").needs[0]


def test_a_cell_for_which_nobody_is_mandated_is_closed_and_says_so() -> None:
    found = cells(directory(prosecutor=mandate(may_receive=False)))
    closed = cell("police", "prosecutor", "A01", found)
    assert (closed.level, closed.open, closed.recipients) == (Level.FULL, False, ())
    assert "nobody is mandated" in closed.says and "nobody is mandated" not in cell("police", "prosecutor", "A01").says
    assert " closed'" in picture.svg(found, NAMES, CLASSES)


def test_the_picture_is_well_formed_named_and_has_a_mark_for_every_type_of_every_cell() -> None:
    tree = ElementTree.fromstring(picture.svg(FOUND, NAMES, CLASSES))  # noqa: S314  # ours
    assert tree.get("role") == "img" and tree.get("aria-labelledby") == "mt" and tree.get("aria-describedby") == "md"
    assert tree.findtext(f"{SVG}title") == "Who may send what to whom"
    assert f"A grid of {len(NAMES)} agencies" in (tree.findtext(f"{SVG}desc") or "")
    said = [mark.findtext(f"{SVG}title") for mark in tree.iter(f"{SVG}path") if mark.find(f"{SVG}title") is not None]
    assert sorted(filter(None, said)) == sorted(f"{c.sender} → {c.recipient}, {c.says}" for c in FOUND)
    assert "prefers-color-scheme:dark" in picture.svg(FOUND, NAMES, CLASSES)


def test_each_level_has_a_shape_of_its_own() -> None:
    assert len(set(picture._MARKS.values())) == len(Level) == len(picture._MARKS) == len(picture.SAYS)


@pytest.fixture(scope="module")
def page() -> str:
    return picture.html(FOUND, NAMES, CLASSES, NOW, SAYS)


def test_every_cell_of_the_page_is_reached_by_keyboard_and_leads_to_its_words(page: str) -> None:
    links = re.findall(r"<a class='cell' href='#([^']+)' aria-label='([^']+)'>", page)
    assert {link for link, _ in links} == {f"{c.sender}--{c.recipient}" for c in FOUND}
    assert all(f"<div class='scroll' id='{link}'>" in page for link, _ in links)
    assert "1 consent and 1 redacted" in dict(links)["police--shelter"]
    assert "role='group'" in page and "role='img'" not in page  # what stands in an image cannot be reached


def test_the_page_explains_every_cell_with_its_rules(page: str) -> None:
    for c in FOUND:
        assert f"<span class='chip {c.level}'>" in page
        for need in c.needs:
            assert need.replace("'", "&#x27;") in page
        for rule in c.rules:
            assert f"<dt>{rule}</dt>" in page
            assert SAYS[rule].replace("'", "&#x27;") in page
    assert page.count("<tr>") == len(FOUND) + len({(c.sender, c.recipient) for c in FOUND})


def test_the_page_loads_nothing_and_runs_nothing_and_quotes_what_people_wrote() -> None:
    nasty = "po<script>lice"
    found = [replace(c, sender=nasty) for c in FOUND]
    page = picture.html(found, [nasty, *NAMES], CLASSES, NOW, SAYS, title="<i>")
    assert "po&lt;script&gt;lice" in page and "default-src 'none'" in page
    for loaded in ("<script", "https://", " src=", "url(", "<link", "@import", "<i>"):
        assert loaded not in page
    assert set(re.findall(r"http://[^' ]+", page)) == {"http://www.w3.org/2000/svg"}


def test_without_an_agreement_there_is_nothing_to_see_and_the_page_says_so() -> None:
    assert cells(agreed=Agreements()) == ()
    assert "No agreement is in force." in picture.html((), (), {}, NOW, SAYS)


def test_of_very_many_one_agency_and_its_partners_are_shown() -> None:
    assert picture.shown_agencies(FOUND, "shelter") == ["shelter", "police"]
    assert COVER not in {c.data_type for c in FOUND}
