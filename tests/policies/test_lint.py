"""What an agreement that can be read is refused or warned for: by the rules, the class table and the mandates."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from messages.directory import Directory
from messages.labels import Keeping
from messages.limits import DAY
from policies import edition
from policies.agreements import Agreements, examine, read
from policies.lint import Against, Finding, Severity, errors, lint
from tests.policies.world import DESKS, DIRECTORY, MANDATE, NOW, START

TEXT = """\
id: AG-1
title: Police and prosecutor
parties: [police, prosecutor]
valid: {from: 2026-01-01, until: 2026-12-31}
purposes: [INVESTIGATE, PROSECUTE]
bases: [LED-8, LED-10]
areas: [THB-SEX, THB-LAB]
handling: {max_tlp: AMBER+STRICT, h: [H0, H2]}
retention_days: 365
exchange:
  - from: police
    to: prosecutor
    types: [A01, A02]
    kinds: [INTEL-REPORT, EVIDENCE-TRANSFER]
    media: [application/json]
    identity: [A01, A02]
"""
AGAINST = Against(edition=edition.installed(), moment=NOW, directory=DIRECTORY)


def found(*changes: tuple[str, str], against: Against = AGAINST, text: str = TEXT) -> tuple[Finding, ...]:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return lint([examine(text, "ag.yaml")], against)


def codes(findings: tuple[Finding, ...]) -> list[tuple[str, int]]:
    return [(f.code, f.line) for f in findings]


def directory(**desks: Mapping[str, Any]) -> Directory:
    """The task force with some desks changed."""
    contacts = tuple(
        c.model_copy(update=dict(desks[name])) if (name := _name(c.handle)) in desks else c for c in DIRECTORY.contacts
    )
    return Directory(agencies=DIRECTORY.agencies, contacts=contacts, operator=DIRECTORY.operator)


def _name(handle: str) -> str:
    return next(n for n, c in DESKS.items() if c.handle == handle)


def mandate(**changes: Any) -> dict[str, Any]:
    return {"mandates": (MANDATE.model_copy(update=changes),)}


def test_a_good_agreement_has_no_finding() -> None:
    assert found() == ()


def test_a_finding_is_written_as_editors_read_it() -> None:
    (finding,) = found(("[police, prosecutor]", "[police, prosecutr]"), ("to: prosecutor", "to: prosecutr"))
    assert str(finding) == (
        "ag.yaml:3:19: error: prosecutr is no agency of this task force; did you mean prosecutor? [unknown-party]"
    )


def test_every_fault_of_a_text_that_cannot_be_read_is_an_error() -> None:
    unread = found(("INVESTIGATE", "INVESTIGAT"), ("[LED-8, LED-10]", "[]"))
    assert codes(unread) == [("unreadable", 5), ("unreadable", 6)]
    assert errors(unread) == list(unread)


# ── wider than the law ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("data_type", ["A24", "A13"])
def test_a_type_that_no_agency_of_the_class_receives_is_an_error(data_type: str) -> None:
    (wider, *_) = found(
        ("types: [A01, A02]", f"types: [A01, A02, {data_type}]"), ("kinds: [I", "kinds: [RFI, RFI-RESPONSE, I")
    )
    assert (wider.code, wider.severity, wider.line) == ("wider-than-law", Severity.ERROR, 13)
    assert "class PRO do not receive" in wider.says and "it goes to" in wider.do


def test_an_identity_for_a_class_that_may_never_hold_one_is_an_error() -> None:
    labour = found(
        ("prosecutor", "labour"), ("[A01, A02]", "[A01, A05]"), ("EVIDENCE-TRANSFER", "SPONTANEOUS-DISCLOSURE")
    )
    assert {(f.code, f.line) for f in errors(labour)} == {("identity-never", 16)}
    assert "LAB never hold the identity of a protected person" in errors(labour)[0].says


def test_what_abroad_receives_by_release_alone_is_no_error() -> None:
    assert not errors(found(("prosecutor", "counterpart")))


def test_an_identity_that_no_listed_kind_lets_pass_is_a_warning_with_the_rule() -> None:
    (finding,) = [f for f in found(("INTEL-REPORT, EVIDENCE-TRANSFER", "INTEL-REPORT")) if f.code.startswith("iden")]
    assert (finding.code, finding.line, finding.severity) == ("identity-never-passes", 16, Severity.WARNING)
    assert "(SC-23)" in finding.says


def test_purposes_under_which_no_rule_lets_anything_pass_are_warnings() -> None:
    border = found(
        ("prosecutor", "border"), ("[INVESTIGATE, PROSECUTE]", "[INVESTIGATE, STATISTICS]"), ("[A01, A02]", "[A01]"),
        ("EVIDENCE-TRANSFER", "ALERT"),
    )  # fmt: skip
    assert not [f for f in border if f.code == "code-never-passes"], "suspects' data go for any purpose"


# ── words that fit no other word ─────────────────────────────────────────────────────────────────────────────────────


def test_a_kind_that_carries_none_of_the_types_and_a_type_that_no_kind_carries_are_warnings() -> None:
    assert ("carries-none", 14) in codes(found(("INTEL-REPORT,", "STATISTICS-RETURN, INTEL-REPORT,")))
    only = found(("[INTEL-REPORT, EVIDENCE-TRANSFER]", "[VICTIM-REFERRAL]"))
    assert {c for c, _ in codes(only)} >= {"carried-by-none", "carries-none"}
    (first, *_) = [f for f in only if f.code == "carried-by-none"]
    assert "INTEL-REPORT" in first.do


def test_a_format_in_which_none_of_the_types_travels_is_a_warning() -> None:
    assert ("media-unknown", 15) in codes(found(("[application/json]", "[application/json, audio/midi]")))
    assert ("media-of-type", 15) in codes(found(("[application/json]", "[audio/midi]")))


# ── dates ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("now", "code", "severity"),
    [
        (START + 365 * DAY, "expired", Severity.WARNING),
        (START + 340 * DAY, "ends-soon", Severity.NOTE),
        (START - DAY, "not-yet", Severity.NOTE),
    ],
)
def test_dates_are_told(now: int, code: str, severity: Severity) -> None:
    wide = directory(police=mandate(start=0, end=2**50), prosecutor=mandate(start=0, end=2**50))
    (finding,) = found(against=replace(AGAINST, moment=now, directory=wide))
    assert (finding.code, finding.severity, finding.line) == (code, severity, 4)


# ── who is there ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_bundle_it_is_said_what_was_not_looked_at() -> None:
    assert codes(found(against=replace(AGAINST, directory=None))) == [("no-bundle", 3)]


@pytest.mark.parametrize(("side", "verb"), [("police", "send"), ("prosecutor", "receive")])
def test_a_type_or_an_area_without_a_mandate_on_either_side_is_a_warning(side: str, verb: str) -> None:
    narrow = directory(**{side: mandate(types=frozenset({"A01"}))})
    (finding,) = found(against=replace(AGAINST, directory=narrow))
    assert (finding.code, finding.line) == ("no-mandate", 13)
    assert finding.says.startswith(f"No contact of {side} has a mandate to {verb} A02 (victim profile)")
    here = directory(**{side: mandate(areas=frozenset({"THB-SEX"}))})
    assert codes(found(against=replace(AGAINST, directory=here))) == [("area-without-mandate", 7)]
    none = directory(**{side: {"mandates": ()}})
    assert ("no-contact", 11 if side == "police" else 12) in codes(found(against=replace(AGAINST, directory=none)))


def test_a_mandate_that_was_revoked_or_ends_before_the_agreement_begins_is_none() -> None:
    for changes in ({"revoked": NOW}, {"end": NOW}):
        gone = directory(police=mandate(**changes))
        assert ("no-contact", 11) in codes(found(against=replace(AGAINST, directory=gone)))


def test_an_agency_that_has_left_is_a_warning() -> None:
    agencies = tuple(a.model_copy(update={"retired": NOW}) if a.name == "prosecutor" else a for a in DIRECTORY.agencies)
    left = DIRECTORY.model_copy(update={"agencies": agencies})
    assert ("retired-party", 3) in codes(found(against=replace(AGAINST, directory=left)))


def test_tlp_red_where_all_keys_are_held_by_services_is_a_warning() -> None:
    desk = directory(prosecutor={"keeping": Keeping.SERVICE})
    red = found(("AMBER+STRICT", "RED"), against=replace(AGAINST, directory=desk))
    assert ("red-to-nobody", 8) in codes(red)
    assert "red-to-nobody" not in [c for c, _ in codes(found(("AMBER+STRICT", "RED")))]


# ── two agreements ───────────────────────────────────────────────────────────────────────────────────────────────────


def beside(*changes: tuple[str, str], text: str = TEXT) -> tuple[Finding, ...]:
    """Of a second agreement that differs by `changes`, beside the one in force."""
    standing = Agreements([read(TEXT, "one.yaml")])
    return found(("id: AG-1", "id: AG-2"), *changes, against=replace(AGAINST, standing=standing), text=text)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ([("identity: [A01, A02]", "identity: [A01]")], "there with identities in A02, here without"),
        ([("AMBER+STRICT", "RED")], "here at most TLP:RED with H0 and H2, there at most TLP:AMBER+STRICT"),
        ([("365", "30")], "here kept for 30 days, there for 365"),
    ],
)
def test_two_agreements_of_the_same_two_agencies_that_disagree_are_an_error(
    changes: list[tuple[str, str]], says: str
) -> None:
    (finding,) = errors(beside(*changes))
    assert (finding.code, finding.line, finding.source) == ("disagrees", 13, "ag.yaml")
    assert "AG-1" in finding.says and says in finding.says


def test_two_that_say_the_same_are_a_warning() -> None:
    (finding,) = beside()
    assert (finding.code, finding.severity) == ("overlaps", Severity.WARNING)


@pytest.mark.parametrize(
    "change",
    [
        ("until: 2026-12-31}", "until: 2026-12-31}  # after\n"),
        ("[A01, A02]", "[A03]"),
        ("[INTEL-REPORT, EVIDENCE-TRANSFER]", "[RFI]"),
        ("[INVESTIGATE, PROSECUTE]", "[PREVENT]"),
        ("[THB-SEX, THB-LAB]", "[THB-BEG]"),
    ],
)
def test_two_that_speak_of_different_things_do_not_disagree(change: tuple[str, str]) -> None:
    later = [("valid: {from: 2026-01-01", "valid: {from: 2026-01-01")]
    if "# after" in change[1]:
        ended = Agreements([read(TEXT.replace("until: 2026-12-31", "until: 2026-03-31"), "one.yaml")])
        assert found(("id: AG-1", "id: AG-2"), ("365", "30"), against=replace(AGAINST, standing=ended)) == ()
        return
    assert not [f for f in beside(*later, change, ("365", "30")) if f.code in ("disagrees", "overlaps")]


def test_two_drafts_are_held_against_each_other_too() -> None:
    drafts = [examine(TEXT, "one.yaml"), examine(TEXT.replace("AG-1", "AG-2").replace("365", "30"), "two.yaml")]
    (finding,) = errors(lint(drafts, AGAINST))
    assert (finding.code, finding.source) == ("disagrees", "two.yaml")
    same = [examine(TEXT, "one.yaml"), examine(TEXT, "two.yaml")]
    assert [f.code for f in errors(lint(same, AGAINST))] == ["id-twice"]


def test_an_id_of_other_parties_is_taken() -> None:
    standing = Agreements([read(TEXT.replace("prosecutor", "shelter"), "one.yaml")])
    assert "id-twice" in [f.code for f in errors(found(against=replace(AGAINST, standing=standing)))]


def test_a_draft_of_an_agreement_that_is_in_force_is_not_held_against_itself() -> None:
    standing = Agreements([read(TEXT, "one.yaml")])
    assert found(("365", "30"), against=replace(AGAINST, standing=standing)) == ()
