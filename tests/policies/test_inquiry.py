"""Questions about sections nobody has sent: asked of the same rules, by names, over what whoever asks may know."""

from dataclasses import fields, replace
from typing import Any

import pytest

from messages.directory import Contact
from messages.errors import BadInput
from messages.labels import Caveat, CrimeArea, Flag, HCode, Keeping, Kind, Purpose, Role, Tlp
from messages.limits import DAY
from messages.manifest import Handling, Manifest
from policies import explain, inquiry
from policies.agreements import Agreements
from policies.cases import ATTESTED, BORNE, CONSENT, RELEASED, Case, Setting, case_of, facts_of, shifted, stand_in
from policies.decide import Engine
from policies.facts import Facts
from policies.inquiry import Known
from tests.policies import world
from tests.policies.world import AGENCIES, CATALOGUE, DESKS, DIRECTORY, LATER, MANIFEST, NOW, agreement

ENGINE = Engine.load()
AGREEMENTS = Agreements(agreement("police", other) for other in ("prosecutor", "shelter", "counterpart", "labour"))
KNOWN = Known(directory=DIRECTORY, agreements=AGREEMENTS, engine=ENGINE, catalogue=CATALOGUE)
VICTIM = {"roles": frozenset({Role.VICTIM}), "flags": frozenset({Flag.DIRECT, Flag.QUASI})}


def setting(to: str = "prosecutor", /, **changes: Any) -> Setting:
    given: dict[str, Any] = {
        "sender": DESKS["police"],
        "sender_agency": AGENCIES["police"],
        "recipient": DESKS[to],
        "recipient_agency": AGENCIES[to],
        "agreement": agreement("police", to),
        "catalogue": CATALOGUE,
        "moment": LATER,
        "created": NOW,
    }
    return Setting(**{**given, **changes})


def case(**changes: Any) -> Case:
    given: dict[str, Any] = {
        "kind": Kind.EVIDENCE_TRANSFER,
        "evidence_use": MANIFEST.evidence_use,
        "lineage": MANIFEST.lineage,
        "data_type": "A02",
        "part": "identity",
        "area": CrimeArea.LAB,
        "tlp": Tlp.AMBER_STRICT,
        **VICTIM,
    }
    return Case(**{**given, **changes})


# ── the facts of a case are those of a message ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("recipient", ["prosecutor", "shelter", "counterpart", "labour"])
@pytest.mark.parametrize("attested", [True, False])
def test_a_case_has_the_facts_that_a_message_like_it_has(recipient: str, attested: bool) -> None:
    claim = world.Claimed()
    real = world.facts(recipient=recipient, attested=world.attest(claim) if attested else None)
    assert facts_of(case(brings=frozenset({ATTESTED} if attested else ())), setting(recipient)) == real


def test_what_a_message_brings_along_is_found_as_it_would_be() -> None:
    found = facts_of(case(brings=frozenset({RELEASED, CONSENT, "accepted"})), setting("counterpart"))
    assert found.released and found.consent_covers and found.accepted and found.attested
    assert found.class_may_receive, "who has a right by release receives the type by that release"
    none = facts_of(case(), setting("counterpart"))
    assert not any(getattr(none, name) for name in BORNE)


def test_the_case_of_a_message_gives_its_facts_again() -> None:
    handling = replace(MANIFEST.handling, caveats=(Caveat.NOFORN,), h=HCode.H1)
    manifest = replace(MANIFEST, handling=handling, purpose=Purpose.PROSECUTE)
    facts = world.facts(manifest=manifest, attested=world.attest(world.Claimed()))
    again = case_of(manifest, "application/json", facts)
    assert facts_of(again, setting()) == facts


def test_no_field_of_the_manifest_is_lost_on_the_way_into_a_case() -> None:
    told = {"kind", "purpose", "basis", "area", "handling", "exercise", "lineage", "evidence_use"}
    random = {"id", "sender", "urgency", "created", "expires", "epoch", "checkpoint", "digests"}
    assert told | random == {f.name for f in fields(Manifest)}
    handling = {"tlp", "h", "caveats", "rel_to"}
    assert handling | {"pap"} == {f.name for f in fields(Handling)}
    assert told - {"handling"} | handling <= {f.name for f in fields(Case)}


def test_facts_shift_by_just_what_differs_between_two_cases() -> None:
    facts = replace(facts_of(case(), setting()), released=True)  # what no case knows of
    moved = shifted(facts, facts_of(case(), setting()), facts_of(case(kind=Kind.RFI), setting()))
    assert moved == replace(facts, kind=Kind.RFI)


def test_a_stand_in_may_do_everything_that_a_mandate_can_allow() -> None:
    somebody = stand_in(AGENCIES["police"], NOW)
    found = facts_of(case(), setting(sender=somebody, recipient=stand_in(AGENCIES["prosecutor"], NOW)))
    assert found.sender_mandated and found.recipient_mandated and found.named_person


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_says_rules_sources_facts_and_ways() -> None:
    answer = inquiry.ask(case(kind=Kind.RFI), setting(), ENGINE)
    assert not answer.permitted and [r.id for r in answer.rules] == ["SC-23"]
    text = explain.answer(answer)
    assert text.startswith("REFUSED  A02 (victim profile), part identity, which names and describes a person of")
    assert "SC-23 A victim's profile goes in clear only" in text and "(CATALOGUE C.3" in text
    assert "it goes in a message of kind EVIDENCE-TRANSFER" in text
    assert max(map(len, text.splitlines())) <= explain.WIDTH
    value = answer.to_value()
    assert value["decision"] == "refuse" and not value["nothing_helps"]
    assert set(value["facts"]) == {f.name for f in fields(Facts)}


def test_a_permitted_answer_says_why_and_asks_for_nothing() -> None:
    answer = inquiry.ask(case(), setting(), ENGINE)
    assert answer.permitted and not answer.outlook.ways
    assert "Permitted by" in explain.answer(answer) and "would pass" not in explain.answer(answer)


def test_where_a_law_of_the_class_table_stands_the_answer_says_that_nothing_helps() -> None:
    answer = inquiry.ask(case(data_type="A24", part="referral"), setting("labour"), ENGINE)
    assert "SC-20" in [r.id for r in answer.standing]
    assert "Nothing that anybody could change would let it pass" in explain.answer(answer)


def test_another_agreement_of_the_same_two_agencies_is_told() -> None:
    narrow = agreement("police", "prosecutor").model_copy(update={"id": "narrow", "purposes": (Purpose.PREVENT,)})
    wide = agreement("police", "prosecutor")
    answer = inquiry.ask(case(), setting(agreement=narrow), ENGINE, (narrow, wide))
    assert any("it goes under the agreement police-prosecutor" in c.says for way in answer.outlook.ways for c in way)


def test_a_stricter_marking_than_agreed_is_told_to_be_loosened_by_its_originator_alone() -> None:
    low = agreement("police", "prosecutor")
    low = low.model_copy(update={"handling": low.handling.model_copy(update={"max_tlp": Tlp.GREEN})})
    ways = inquiry.ask(case(), setting(agreement=low), ENGINE).outlook.ways
    assert "its originator marks it TLP:CLEAR or TLP:GREEN" in [c.says for way in ways for c in way]


def test_an_identity_part_is_told_to_be_left_out_and_never_to_be_redacted() -> None:
    ways = inquiry.ask(case(), setting("labour"), ENGINE).outlook.ways
    told = [c.says for way in ways for c in way]
    assert not any("redacted" in t for t in told)
    ways = inquiry.ask(case(kind=Kind.RFI), setting(), ENGINE).outlook.ways
    assert any("the part A02/facts is sent instead" in c.says for way in ways for c in way)


# ── by names ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_agency_is_found_by_its_name_and_a_stranger_is_answered_with_the_nearest_name() -> None:
    found, live = inquiry.between(KNOWN, "police", "shelter", "A24", NOW)
    assert (found.sender, found.recipient) == (DESKS["police"], DESKS["shelter"])
    assert [a.id for a in live] == ["police-shelter"] and found.agreement == live[0]
    with pytest.raises(BadInput, match="did you mean prosecutor"):
        inquiry.between(KNOWN, "police", "prosecutr", "A02", NOW)
    with pytest.raises(BadInput, match="no contact"):
        inquiry.between(KNOWN, "police/nobody", "prosecutor", "A02", NOW)
    with pytest.raises(BadInput, match="no agreement"):
        inquiry.between(KNOWN, "police", "prosecutor", "A02", NOW, "AGR-77")


def test_of_an_agency_s_contacts_the_one_that_may_do_it_is_taken() -> None:
    desk = DESKS["police"]
    idle = desk.model_copy(update={"handle": "cidleaaaaaaaa", "name": "idle", "mandates": (), "signing_key": b"i" * 32})
    directory = DIRECTORY.model_copy(update={"contacts": (idle, *DIRECTORY.contacts)})
    found, _ = inquiry.between(replace(KNOWN, directory=directory), "police", "shelter", "A24", NOW)
    assert found.sender == desk


def test_an_agreement_that_has_ended_is_the_reason_and_not_no_agreement() -> None:
    found, live = inquiry.between(KNOWN, "police", "shelter", "A24", NOW + 400 * DAY)
    assert live == () and found.agreement is not None
    answer = inquiry.ask(inquiry.favourable("A24", found, {}), found, ENGINE, live)
    assert "SC-10" in [r.id for r in answer.rules]


def test_what_is_left_out_is_taken_as_the_agreement_makes_it_most_likely_to_pass() -> None:
    found, _ = inquiry.between(KNOWN, "police", "shelter", "A24", NOW)
    taken = inquiry.favourable("A24", found, {"brings": frozenset({ATTESTED}), "purpose": None})
    assert taken.kind is Kind.VICTIM_REFERRAL and taken.part == "referral"
    assert inquiry.ask(taken, found, ENGINE).permitted
    assert inquiry.favourable("A24", found, {"flags": frozenset({Flag.DIRECT})}).part == "sealed"


def test_tlp_red_to_a_service_is_refused_with_its_two_ways_out() -> None:
    service: Contact = DESKS["prosecutor"].model_copy(update={"keeping": Keeping.SERVICE})
    answer = inquiry.ask(case(tlp=Tlp.RED), setting(recipient=service), ENGINE)
    told = [[c.says for c in way] for way in answer.outlook.ways]
    assert ["it is addressed to a contact whose key one named person unlocks"] in told
    assert any(way[0].startswith("its originator marks it") for way in told)
