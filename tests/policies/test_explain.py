"""What an officer reads: plain sentences with the rule and its source, and a matrix of who may send what to whom."""

from dataclasses import replace

from messages.directory import Directory
from messages.labels import Kind, Purpose
from messages.limits import DAY
from policies import explain
from policies.decide import Engine
from policies.matrix import Identity, Row, rows
from tests.policies.casebook import scenarios
from tests.policies.world import AGENCIES, CATALOGUE, DESKS, DIRECTORY, NOW, START, agreement

ENGINE = Engine.load()


def test_a_refused_view_says_which_section_which_rule_and_which_source() -> None:
    refused = ENGINE.decide_view(
        [
            ("cover", scenarios()["cover-to-shelter"]),
            ("referral", replace(scenarios()["referral-to-shelter"], attested=False)),
        ]
    )
    text = explain.view("The shelter", refused)
    assert text.splitlines()[0] == (
        "The shelter may not have this message: 1 of 2 sections is refused, and then nothing is delivered."
    )
    assert text.index("REFUSED    referral") < text.index("permitted  cover")
    assert "SC-40: The recipient has no right of its own to identities" in text
    assert "(docs/design.md section 7.3 (release guard); CATALOGUE R-05)" in text
    assert max(map(len, text.splitlines())) <= explain.WIDTH


def test_a_permitted_view_says_why_too() -> None:
    good = ENGINE.decide_view([("cover", scenarios()["cover-to-shelter"])])
    text = explain.view("The shelter", good)
    assert text.startswith("The shelter may have this message.") and "SC-62" in text


def test_a_view_of_nothing_and_one_decision_have_words() -> None:
    assert "gets nothing" in explain.view("The shelter", ENGINE.decide_view([]))
    decided = ENGINE.decide(scenarios()["report-to-prosecutor"])
    assert explain.decision("report", decided).startswith("permitted  report")


def test_every_rule_s_sentence_can_be_had_by_its_id_and_a_strange_id_is_named() -> None:
    known = [rule.id for rule in ENGINE.rules]
    assert explain.sentences(known) == tuple(rule.says for rule in ENGINE.rules)
    assert explain.sentences(["SC-77"]) == ("Rule SC-77 is not part of this edition of the rules.",)


def row(found: tuple[Row, ...], sender: str, recipient: str, data_type: str) -> Row:
    (only,) = [r for r in found if (r.sender, r.recipient, r.data_type) == (sender, recipient, data_type)]
    return only


def test_the_matrix_shows_every_agreed_and_receivable_type_in_both_directions() -> None:
    agreements = (agreement("police", "prosecutor"), agreement("police", "shelter"), agreement("police", "counterpart"))
    found = rows(DIRECTORY, agreements, CATALOGUE, NOW)
    assert {(r.sender, r.recipient) for r in found} == {
        ("police", "prosecutor"),
        ("prosecutor", "police"),
        ("police", "shelter"),
        ("shelter", "police"),
        ("police", "counterpart"),
        ("counterpart", "police"),
    }
    victim = row(found, "police", "prosecutor", "A02")
    assert victim.identity is Identity.RIGHT and not victim.guard and not victim.release and victim.open
    assert Kind.EVIDENCE_TRANSFER in victim.kinds and Purpose.PROSECUTE in victim.purposes
    assert victim.senders == victim.recipients == ("duty-desk",)
    abroad = row(found, "police", "counterpart", "A02")
    assert abroad.identity is Identity.RELEASE and abroad.release
    offer = row(found, "police", "shelter", "A24")
    assert offer.identity is Identity.CONSENT and offer.guard and offer.kinds == (Kind.VICTIM_REFERRAL,)
    back = row(found, "shelter", "police", "A02")
    assert back.identity is Identity.CONSENT and back.guard
    statistics = row(found, "police", "shelter", "A28")
    assert statistics.identity is Identity.NEVER and statistics.guard
    assert not [r for r in found if (r.recipient, r.data_type) == ("prosecutor", "A24")], "no receiver of referrals"


def test_outside_its_dates_an_agreement_has_no_row_and_an_ended_mandate_closes_one() -> None:
    agreements = (agreement("police", "prosecutor"),)
    assert rows(DIRECTORY, agreements, CATALOGUE, START - DAY) == ()
    desk = DESKS["prosecutor"]
    ended = desk.model_copy(update={"mandates": tuple(m.model_copy(update={"end": NOW}) for m in desk.mandates)})
    contacts = tuple(ended if c.handle == desk.handle else c for c in DIRECTORY.contacts)
    directory = Directory(agencies=DIRECTORY.agencies, contacts=contacts, operator=DIRECTORY.operator)
    closed = row(rows(directory, agreements, CATALOGUE, NOW), "police", "prosecutor", "A02")
    assert closed.recipients == () and not closed.open
    assert AGENCIES["prosecutor"].name == closed.recipient
