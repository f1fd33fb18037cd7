"""What a draft would change is found by asking the rules on both sides, and nothing that would change is missed."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from messages.directory import Directory
from messages.errors import Malformed
from messages.labels import EvidenceUse, Flag, HCode, Kind, Purpose, Role, Tlp
from messages.limits import DAY
from messages.manifest import Handling
from policies import edition, report
from policies.agreements import Agreements, read
from policies.cases import BORNE, Case, Setting, facts_of, parts
from policies.facts import COVER
from policies.kept import keep, recall
from policies.rehearsal import BLOCKS, EASIER, HARDER, PASSES, Comparison, Line, Past, Side, concerns, replay
from policies.report import Report, rehearse
from tests.policies.test_lint import TEXT, directory
from tests.policies.world import AGENCIES, DESKS, DIRECTORY, LATER, MANDATE, MANIFEST, NOW, START

SHELTER = """\
id: AG-2
title: Police and shelter
parties: [police, shelter]
valid: {from: 2026-01-01, until: 2026-12-31}
purposes: [PROTECT-VICTIM]
bases: [GDPR-6-1-d, GDPR-9-2-a]
areas: [THB-SEX]
handling: {max_tlp: RED, h: [H0, H2]}
retention_days: 90
exchange:
  - from: police
    to: shelter
    types: [A22, A24]
    kinds: [VICTIM-REFERRAL]
    media: [application/json]
    identity: [A24]
"""
ABROAD = TEXT.replace("AG-1", "AG-3").replace("prosecutor", "counterpart").replace("[A01, A02]", "[A01]")


def side(*texts: str, directory: Directory = DIRECTORY, rules: Mapping[str, str] | None = None) -> Side:
    made = edition.installed() if rules is None else edition.read({**edition.installed().texts, **rules})
    return Side(edition=made, directory=directory, agreements=Agreements(read(t, "draft.yaml") for t in texts))


def lines(before: Side, after: Side) -> list[Line]:
    return Comparison(before, after).lines(NOW)


def changed(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


# Over everything that could be sent


def test_a_draft_that_changes_nothing_changes_nothing() -> None:
    retitled = changed(TEXT, ("Police and prosecutor", "Another name"), ("365", "90"))
    assert lines(side(TEXT), side(TEXT)) == lines(side(TEXT), side(retitled)) == []


def test_a_new_identity_newly_passes_and_says_whose_and_to_whom() -> None:
    wider = changed(SHELTER, ("identity: [A24]", "identity: [A22, A24]"))
    found = lines(side(SHELTER), side(wider))
    assert {line.change for line in found} == {PASSES}
    assert {(line.data_type, line.recipient) for line in found} == {("A22", "shelter/duty-desk")}
    assert all(line.exposes and "consent_covers" in line.needs_after[0] for line in found)
    assert all(set(line.roles) == {r for r in Role if r.protected} for line in found)
    narrowed = lines(side(wider), side(SHELTER))
    assert {(line.change, line.exposes) for line in narrowed} == {(BLOCKS, False)}


def test_what_is_no_longer_agreed_is_newly_blocked() -> None:
    found = lines(
        side(TEXT),
        side(changed(TEXT, ("types: [A01, A02]", "types: [A02]"), ("identity: [A01, A02]", "identity: [A02]"))),
    )
    assert {(line.change, line.data_type) for line in found} == {(BLOCKS, "A01")}
    ended = lines(side(TEXT), side())
    assert {line.data_type for line in ended} == {"A01", "A02", COVER}


def test_a_code_that_is_agreed_anew_is_told_with_what_passes_under_it() -> None:
    found = lines(side(TEXT), side(changed(TEXT, ("areas: [THB-SEX, THB-LAB]", "areas: [THB-SEX, THB-LAB, THB-BEG]"))))
    assert found and {line.codes for line in found} == {("THB-BEG",)}
    lower = lines(side(TEXT), side(changed(TEXT, ("max_tlp: AMBER+STRICT", "max_tlp: AMBER"))))
    assert lower and {(line.change, line.codes) for line in lower} == {(BLOCKS, ("TLP:AMBER+STRICT H0/H2",))}


def test_what_is_dated_to_later_is_seen_today_with_its_day() -> None:
    later = changed(TEXT, ("from: 2026-01-01", "from: 2026-09-01"))
    found = lines(side(), side(later))
    assert {report.day(line.since) for line in found} == {"2026-09-01"}
    absence = {"mandates": (MANDATE.model_copy(update={"end": NOW + 40 * DAY}),)}
    ends = lines(side(TEXT), side(TEXT, directory=directory(prosecutor=absence)))
    assert {(line.change, line.since) for line in ends} == {(BLOCKS, NOW + 40 * DAY)}


def test_mandates_and_classes_count_as_agreements_do() -> None:
    for changes in ({"mandates": ()}, {"mandates": (MANDATE.model_copy(update={"may_receive": False}),)}):
        found = lines(side(TEXT), side(TEXT, directory=directory(prosecutor=changes)))
        assert found and {(line.change, line.recipient) for line in found} == {(BLOCKS, "prosecutor/duty-desk")}
    narrow = {"mandates": (MANDATE.model_copy(update={"types": frozenset({"A02"})}),)}
    assert {x.data_type for x in lines(side(TEXT), side(TEXT, directory=directory(police=narrow)))} == {"A01"}


def test_only_those_whom_it_concerns_are_looked_at() -> None:
    wider = changed(SHELTER, ("identity: [A24]", "identity: [A22, A24]"))
    before, after = side(TEXT, SHELTER), side(TEXT, wider)
    assert concerns(before, after) == (("police", "shelter"), ("shelter", "police"))
    suspended = side(TEXT, SHELTER, directory=directory(prosecutor={"mandates": ()}))
    assert concerns(before, suspended) == (("police", "prosecutor"), ("prosecutor", "police"))


RELEASE = "abroad.cedar"
POLICE_CLASS = "any BOR/CRT/FOR/IOL/LAB/POL/PRO/RAP/SOC"


@pytest.fixture(params=[1])
def few_classes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules are tried over all classes of agencies; one pair shows what all of them would, in less time."""
    real = Comparison._classes

    def few(self: Comparison, at: int) -> Any:
        found = real(self, at)
        assert len(found) > 10
        return [row for row in found if row[0][:2] == (POLICE_CLASS, "any FIU abroad")][: request.param]

    monkeypatch.setattr(Comparison, "_classes", few)


def without(rule: str, name: str) -> dict[str, str]:
    """The packaged file without one rule."""
    text = edition.installed().texts[name]
    start = text.index(f'@id("{rule}")')
    return {name: text[:start] + text[text.index(";\n", start) + 2 :]}


@pytest.mark.usefixtures("few_classes")
def test_a_rule_that_is_taken_out_lets_pass_with_less_and_is_told_for_all_classes() -> None:
    before, after = side(ABROAD), side(ABROAD, rules=without("R-29", RELEASE))
    found = lines(before, after)
    assert {line.change for line in found} == {EASIER}
    named = [line for line in found if line.recipient == "counterpart/duty-desk"]
    assert named and all(any("released" in way for way in line.needs_before) for line in named)
    assert any(line.exposes for line in named)
    assert any(line.recipient.startswith("any ") for line in found)


@pytest.mark.parametrize("few_classes", [0], indirect=True)
@pytest.mark.usefixtures("few_classes")
def test_a_rule_that_is_put_in_needs_more() -> None:
    found = lines(side(ABROAD, rules=without("R-29", RELEASE)), side(ABROAD))
    assert {line.change for line in found} == {HARDER} and not any(line.exposes for line in found)


@pytest.mark.parametrize("few_classes", [0], indirect=True)
@pytest.mark.usefixtures("few_classes")
def test_rules_that_are_written_otherwise_and_say_the_same_change_nothing() -> None:
    text = edition.installed().texts[RELEASE]
    moved = {
        RELEASE: text.replace(
            "context has no_foreign && context has abroad", "context has abroad && context has no_foreign"
        )
    }
    assert moved[RELEASE] != text
    assert lines(side(ABROAD), side(ABROAD, rules=moved)) == []


DRAFTS = {
    "identity": [("identity: [A01, A02]", "identity: []")],
    "kinds": [("kinds: [INTEL-REPORT, EVIDENCE-TRANSFER]", "kinds: [INTEL-REPORT, ALERT]")],
    "purposes": [("purposes: [INVESTIGATE, PROSECUTE]", "purposes: [PROSECUTE, PROTECT-VICTIM]")],
    "bases": [("bases: [LED-8, LED-10]", "bases: [LED-8]")],
    "types": [("types: [A01, A02]", "types: [A02, A17]"), ("identity: [A01, A02]", "identity: [A02]")],
    "handling": [("h: [H0, H2]", "h: [H0]")],
}


@pytest.mark.parametrize("changes", DRAFTS.values(), ids=DRAFTS)
def test_whatever_case_is_decided_otherwise_is_in_the_report(changes: Sequence[tuple[str, str]]) -> None:
    """Cases drawn at random and decided on both sides by the whole set of rules, apart from how the report is made."""
    before, after = side(TEXT), side(changed(TEXT, *changes))
    told = lines(before, after)
    chance, differing = random.Random(7), 0
    settings = [_setting(s) for s in (before, after)]
    for case in _cases(chance, 900):
        facts = [facts_of(case, s) for s in settings]
        if facts[0] == facts[1]:
            continue
        old, new = (s.edition.engine.decide(f).permitted for s, f in zip((before, after), facts, strict=True))
        if old is not new:
            differing += 1
            assert any(_tells(line, case, opens=new) for line in told), case
    assert differing > 10
    assert told


def _setting(of: Side) -> Setting:
    return Setting(
        sender=DESKS["police"], sender_agency=AGENCIES["police"], recipient=DESKS["prosecutor"],
        recipient_agency=AGENCIES["prosecutor"], agreement=next(iter(of.agreements.values())),
        catalogue=of.edition.catalogue, moment=NOW,
    )  # fmt: skip


def _cases(chance: random.Random, count: int) -> list[Case]:
    brought = [frozenset(c) for n in range(3) for c in combinations(BORNE, n) if "vital_interest" not in c]
    catalogue = edition.installed().catalogue
    found = []
    for _ in range(count):
        data_type = chance.choice(["A01", "A02", "A17", COVER])
        found.append(
            Case(
                kind=chance.choice([Kind.INTEL_REPORT, Kind.EVIDENCE_TRANSFER, Kind.ALERT]),
                data_type=data_type,
                part=chance.choice(parts(catalogue, data_type)),
                purpose=chance.choice([Purpose.INVESTIGATE, Purpose.PROSECUTE, Purpose.PROTECT_VICTIM]),
                basis=chance.choice(list(read(TEXT, "x").bases)),
                tlp=chance.choice([Tlp.GREEN, Tlp.AMBER_STRICT]),
                h=chance.choice([HCode.H0, HCode.H2]),
                evidence_use=EvidenceUse.EVIDENCE,
                roles=frozenset({chance.choice([Role.VICTIM, Role.CHILD, Role.SUSPECT, Role.WITNESS])}),
                flags=frozenset(chance.sample(list(Flag), chance.randint(0, 1))),
                brings=chance.choice(brought),
            )
        )
    return found


def _tells(line: Line, case: Case, *, opens: bool) -> bool:
    return (
        (line.data_type, line.part) == (case.data_type, case.part)
        and (line.change in (PASSES, EASIER)) is opens
        and case.kind in line.kinds
        and case.purpose in line.purposes
        and case.roles <= set(line.roles)
        and case.flags <= set(line.flags)
    )


# Over what was decided before


def past(text: str = TEXT, recipient: str = "prosecutor", **case: Any) -> Past:
    """A message from the police as a broker's record holds it."""
    agreed = read(text, "x")
    setting = replace(
        _setting(side(text)), recipient=DESKS[recipient], recipient_agency=AGENCIES[recipient], agreement=agreed
    )
    codes = {"kind": Kind.EVIDENCE_TRANSFER, "data_type": "A02", "part": "facts", "roles": frozenset({Role.VICTIM})}
    codes["evidence_use"] = EvidenceUse.EVIDENCE
    asked = Case(**{**codes, "brings": frozenset({"attested"}), **case})
    facts = facts_of(asked, setting)
    manifest = replace(
        MANIFEST, kind=asked.kind, purpose=asked.purpose, basis=asked.basis, area=asked.area,
        handling=Handling(tlp=asked.tlp, h=asked.h, pap=MANIFEST.handling.pap), evidence_use=asked.evidence_use,
    )  # fmt: skip
    kept = keep(manifest, agreed.id, [(facts, asked.media)])
    assert kept is not None
    return Past(
        message="5f0c", at=START, sender=DESKS["police"].handle, recipient=DESKS[recipient].handle, outcome="permitted",
        sections=recall(asked.kind, [facts.section_kind], kept),
    )  # fmt: skip


def test_past_messages_that_a_draft_would_block_or_let_pass_are_told_with_their_rules() -> None:
    narrower = changed(TEXT, ("kinds: [INTEL-REPORT, EVIDENCE-TRANSFER]", "kinds: [INTEL-REPORT]"))
    seen = [
        past(),
        past(),
        past(data_type="A01", part="report", kind=Kind.INTEL_REPORT, roles=frozenset({Role.SUSPECT})),
    ]
    traffic = replay(seen, side(TEXT), side(narrower), NOW)
    assert (traffic.looked_at, traffic.alike, traffic.unknown) == (3, 1, 0)
    (row,) = traffic.changed
    assert (row.change, row.kind, row.count, row.rules_after) == (BLOCKS, "EVIDENCE-TRANSFER", 2, ("SC-12",))
    (back,) = replay(seen, side(narrower), side(TEXT), NOW).changed
    assert (back.change, back.rules_before) == (PASSES, ("SC-12",))


def test_past_messages_of_people_whom_nobody_knows_are_counted_and_not_guessed() -> None:
    stranger = replace(past(), recipient="c" + "z" * 12)
    traffic = replay([stranger, replace(past(), sections=())], side(TEXT), side(), NOW)
    assert (traffic.looked_at, traffic.unknown, traffic.changed) == (2, 2, [])


# The report


@pytest.fixture(scope="module")
def made() -> Report:
    wider = changed(SHELTER, ("identity: [A24]", "identity: [A22, A24]"))
    narrower = changed(TEXT, ("kinds: [INTEL-REPORT, EVIDENCE-TRANSFER]", "kinds: [INTEL-REPORT]"))
    return rehearse(side(TEXT, SHELTER), side(narrower, wider), NOW, [past()], base=7)


def test_the_report_is_the_same_bytes_whenever_it_is_made_and_comes_back_from_them(made: Report) -> None:
    again = Report.from_bytes(made.to_bytes())
    assert (again, again.digest) == (made, made.digest)
    assert again.lines == made.lines
    wider = changed(SHELTER, ("identity: [A24]", "identity: [A22, A24]"))
    first, other = (rehearse(side(SHELTER), side(wider), NOW, base=base) for base in (7, 8))
    assert first.matrix_bytes() != made.matrix_bytes()
    assert first.digest != other.digest, "a report held against another epoch is another report"
    assert first.digest == rehearse(side(SHELTER), side(wider), NOW, base=7).digest
    assert first.digest != rehearse(side(SHELTER), side(wider), LATER, base=7).digest


@pytest.mark.parametrize("spoil", [
    lambda b: b"", lambda b: b[:-1], lambda b: b + b" ", lambda b: b.replace(b'"base":7', b'"base": 7'),
    lambda b: b.replace(b"rehearsal-1", b"rehearsal-2"), lambda b: b"[" * 100_000, lambda b: b"\xff" + b,
    lambda b: b.replace(b'"matrix":{', b'"matrix":{},"x":{', 1),
])  # fmt: skip
def test_bytes_that_no_report_is_written_in_are_none(made: Report, spoil: Any) -> None:
    with pytest.raises(Malformed, match="rehearse again"):
        Report.from_bytes(spoil(made.to_bytes()))


def test_the_report_says_first_who_would_newly_see_whom(made: Report) -> None:
    titles = [title for title, _ in report.paragraphs(made)]
    assert titles[0] == "Newly exposed"
    assert titles[1:3] == ["Newly passes", "Newly blocked"] and "Past messages that would newly be blocked".startswith(
        "P"
    )
    (row,) = made.exposed
    assert (row["to"], row["class"], row["flags"]) == ("shelter/duty-desk", "NGO-S", ["D", "L", "S"])
    said = report.text(made)
    assert "shelter/duty-desk (NGO-S) would newly get what names, locates or exposes any protected person: A22/" in said
    assert "1 message of kind EVIDENCE-TRANSFER from police/duty-desk to prosecutor/duty-desk" in said
    assert json.loads(made.to_bytes())["matrix"]["counts"][BLOCKS] == sum(x.change == BLOCKS for x in made.lines)


def test_the_page_says_the_same_loads_nothing_and_runs_nothing(made: Report) -> None:
    page = report.html(made, "Draft <b>", "12345 67890")
    for _, items in report.paragraphs(made):
        for item in items:
            assert item.replace("'", "&#x27;").replace(">", "&gt;") in page
    assert "Draft &lt;b&gt;" in page and "12345 67890" in page and "default-src 'none'" in page
    for loaded in ("<script", "http://", "https://", " src=", "url(", "<link", "@import", "<b>&lt;"):
        assert loaded not in page


def test_a_report_of_nothing_says_so() -> None:
    assert report.headline(rehearse(side(TEXT), side(TEXT), NOW, base=1)) == (
        "Nothing that could be sent would come out differently."
    )


@pytest.mark.parametrize("few_classes", [0], indirect=True)
@pytest.mark.usefixtures("few_classes")
def test_what_changes_in_the_rules_is_listed_by_rule_right_and_type() -> None:
    found = rehearse(side(), side(rules=without("R-29", RELEASE)), NOW, base=1).matrix["editions"]
    assert (found["rules_removed"], found["rules_added"], found["rules_changed"]) == (["R-29"], [], [])
    assert found["rights_changed"] == [] and found["catalogue_changed"] is False
