"""Conditions are inherited: on every axis the strictest of all sources, and only the originator loosens."""

from dataclasses import replace
from itertools import combinations, product

import pytest

from messages.attestations import Permission
from messages.errors import BadInput, NotPermitted
from messages.ids import AgencyHandle, ContactHandle, MessageId
from messages.labels import Caveat, EvidenceUse, HCode, Kind, Lift, Lineage, Pap, Purpose, Tlp
from messages.limits import DAY
from messages.manifest import Handling, Manifest
from policies.inherit import (
    Restriction,
    Source,
    answers,
    check,
    check_object,
    conditions,
    floor,
    lineage,
    permitted,
    restrictions,
)
from tests.policies.world import MANIFEST, NOW

POLICE, COURT, SHELTER = (AgencyHandle(h) for h in ("apolice234567", "acourt2345672", "ashelter23456"))
DELETE_BY = NOW + 30 * DAY


def source(number: int = 1, agency: AgencyHandle = POLICE, **changed: object) -> Source:
    header = {k: v for k, v in changed.items() if k in Manifest.__dataclass_fields__}
    rest = {k: v for k, v in changed.items() if k not in header}
    header = {"evidence_use": EvidenceUse.INTELLIGENCE_ONLY} | header
    manifest = replace(MANIFEST, id=MessageId(bytes([number]) * 16), **header)
    fields = {
        "view": f"{number:032x}",
        "manifest": manifest,
        "agency": agency,
        "address": f"agency-{number}/desk",
        "thread": bytes([number]) * 16,
        "delete_by": DELETE_BY,
    }
    return Source(**(fields | rest))


def handling(**changed: object) -> Handling:
    return Handling(**({"tlp": Tlp.GREEN, "h": HCode.H0, "pap": Pap.CLEAR} | changed))


HANDLINGS = [
    handling(tlp=t, h=h, pap=p, caveats=c, rel_to=r)
    for t, h, p, c, r in product(
        (Tlp.CLEAR, Tlp.AMBER, Tlp.RED),
        HCode,
        (Pap.CLEAR, Pap.RED),
        ((), (Caveat.ORCON,), (Caveat.JIT, Caveat.NOFORN)),
        ((), ("GB", "NL"), ("NL",)),
    )
]


def holds(child: Handling, *parents: Handling) -> bool:
    bound = floor([source(n, handling=p) for n, p in enumerate(parents, 1)], Lineage.DERIVED)
    try:
        check(child, EvidenceUse.INTELLIGENCE_ONLY, False, bound, NOW)
    except NotPermitted:
        return False
    return True


def test_the_floor_of_two_is_what_holds_for_each_of_them_and_nothing_more() -> None:
    some = HANDLINGS[::7]
    assert len(some) > 30
    for first, second in combinations(some, 2):
        for child in HANDLINGS[::11]:
            assert holds(child, first, second) == (holds(child, first) and holds(child, second))


@pytest.mark.parametrize("number", range(len(HANDLINGS)))
def test_what_a_message_draws_on_may_be_kept_as_it_is_and_its_floor_is_kept_too(number: int) -> None:
    parent = HANDLINGS[number]
    assert holds(parent, parent)
    bound = floor([source(handling=parent)], Lineage.FORWARD)
    assert holds(bound.handling(), parent)


def test_the_loosest_handling_of_any_two_keeps_both() -> None:
    for first, second in combinations(HANDLINGS[::5], 2):
        bound = floor([source(1, handling=first), source(2, handling=second)], Lineage.DERIVED)
        assert holds(bound.handling(), first, second)


LOOSER = [
    (handling(tlp=Tlp.RED), handling(tlp=Tlp.AMBER_STRICT), "TLP is at least RED"),
    (handling(h=HCode.H1), handling(), "h is H1"),
    (handling(h=HCode.H2), handling(), "h is H2"),
    (handling(h=HCode.H2), handling(h=HCode.H1), "h is H2"),
    (handling(h=HCode.H1), handling(h=HCode.H2), "h is H1"),
    (handling(h=HCode.H3), handling(h=HCode.H2), "h is H3"),
    (handling(pap=Pap.RED), handling(pap=Pap.AMBER), "PAP is at least RED"),
    (handling(caveats=(Caveat.NOFORN,)), handling(), "caveats hold NOFORN"),
    (handling(caveats=(Caveat.EGMONT,)), handling(h=HCode.H2), "caveats hold EGMONT"),
    (handling(rel_to=("NL",)), handling(), "no country but NL"),
    (handling(rel_to=("NL",)), handling(rel_to=("NL", "RO")), "no country but NL"),
]


@pytest.mark.parametrize(("parent", "child", "says"), LOOSER)
def test_a_looser_message_is_refused_in_words_that_name_the_axis_and_who_may_loosen_it(
    parent: Handling, child: Handling, says: str
) -> None:
    bound = floor([source(handling=parent)], Lineage.DERIVED)
    with pytest.raises(NotPermitted, match=says) as caught:
        check(child, EvidenceUse.INTELLIGENCE_ONLY, False, bound, NOW)
    assert "agency-1/desk may loosen" in str(caught.value) and "permit ask" in str(caught.value)


def test_h1_and_h2_together_are_h1_with_the_originators_caveat() -> None:
    bound = floor([source(1, handling=handling(h=HCode.H1)), source(2, handling=handling(h=HCode.H2))], Lineage.DERIVED)
    assert (bound.handling().h, bound.handling().caveats) == (HCode.H1, (Caveat.ORCON,))
    for one in (HCode.H1, HCode.H2):
        with pytest.raises(NotPermitted, match="h is H1 with the caveat ORCON"):
            check(handling(h=one), EvidenceUse.INTELLIGENCE_ONLY, False, bound, NOW)
    check(bound.handling(), EvidenceUse.INTELLIGENCE_ONLY, False, bound, NOW)
    assert restrictions(handling(h=HCode.H3)) == frozenset(Restriction)


def test_what_may_go_to_different_countries_goes_to_none() -> None:
    parents = [source(1, handling=handling(rel_to=("NL",))), source(2, handling=handling(rel_to=("RO",)))]
    with pytest.raises(NotPermitted, match="different countries"):
        floor(parents, Lineage.DERIVED)


def test_intelligence_passed_on_is_no_evidence_unless_its_originator_says_so() -> None:
    parents = [source(1), source(2, evidence_use=EvidenceUse.EVIDENCE)]
    bound = floor(parents, Lineage.DERIVED)
    for use in (EvidenceUse.EVIDENCE, EvidenceUse.WITH_CONSENT):
        with pytest.raises(NotPermitted, match="evidence_use is INTELLIGENCE-ONLY"):
            check(MANIFEST.handling, use, False, bound, NOW)
    lifted = floor(parents, Lineage.DERIVED, [permission(1, lifts=(Lift.PROCEEDINGS,))])
    check(MANIFEST.handling, EvidenceUse.EVIDENCE, False, lifted, NOW)
    onward = floor(parents, Lineage.DERIVED, [permission(1)])
    assert onward.evidence_use is EvidenceUse.INTELLIGENCE_ONLY


def test_a_reply_gives_the_originator_its_own_and_what_somebody_else_gave_it_stays_bound() -> None:
    check(MANIFEST.handling, EvidenceUse.EVIDENCE, False, floor([source()], Lineage.REPLY), NOW)
    passed_on = floor([source(lineage=Lineage.FORWARD)], Lineage.REPLY)
    with pytest.raises(NotPermitted, match="evidence_use"):
        check(MANIFEST.handling, EvidenceUse.EVIDENCE, False, passed_on, NOW)
    closed = floor([source(handling=handling(tlp=Tlp.RED))], Lineage.REPLY)
    with pytest.raises(NotPermitted, match="TLP"):  # but handling is inherited by replies too
        check(handling(), EvidenceUse.INTELLIGENCE_ONLY, False, closed, NOW)


def test_exercise_and_earnest_are_not_mixed() -> None:
    with pytest.raises(NotPermitted, match="not mixed"):
        floor([source(1, exercise=True), source(2)], Lineage.DERIVED)
    for parent, child in ((True, False), (False, True)):
        bound = floor([source(exercise=parent)], Lineage.DERIVED)
        with pytest.raises(NotPermitted, match="exercise"):
            check(MANIFEST.handling, EvidenceUse.INTELLIGENCE_ONLY, child, bound, NOW)
        check(MANIFEST.handling, EvidenceUse.INTELLIGENCE_ONLY, parent, bound, NOW)


def test_the_first_date_of_deletion_counts_and_after_it_nothing_is_used() -> None:
    bound = floor([source(1), source(2, delete_by=NOW + DAY)], Lineage.DERIVED)
    assert bound.delete_by == NOW + DAY
    check(MANIFEST.handling, EvidenceUse.INTELLIGENCE_ONLY, False, bound, NOW)
    with pytest.raises(NotPermitted, match="kept until"):
        check(MANIFEST.handling, EvidenceUse.INTELLIGENCE_ONLY, False, bound, NOW + DAY)


def test_an_object_of_its_own_handling_is_not_looser_and_not_kept_longer() -> None:
    bound = floor([source(handling=handling(tlp=Tlp.AMBER, h=HCode.H2))], Lineage.DERIVED)
    check_object({}, "objects[0]", bound)
    good = {"tlp": "RED", "h": "H2", "pap": "RED", "delete_on": bound.delete_on}
    check_object({"handling": good}, "objects[0]", bound)
    for worse, says in (
        ({"tlp": "GREEN"}, "looser"),
        ({"h": "H1"}, "looser"),
        ({"delete_on": "2099-01-01"}, "longer"),
    ):
        with pytest.raises(NotPermitted, match=says) as caught:
            check_object({"handling": good | worse}, "objects[0]", bound)
        assert "objects[0]" in str(caught.value)


def test_conditions_in_words_go_with_what_is_passed_on_and_once() -> None:
    bound = floor([source(1, conditions="Ask first."), source(2, conditions="Ask first.")], Lineage.DERIVED)
    assert conditions({}, bound, 2000) == "Of the originator: Ask first."
    assert conditions({"conditions": "Ours."}, bound, 2000) == "Ours.\nOf the originator: Ask first."
    assert conditions({"conditions": "Of the originator: Ask first."}, bound, 2000) == "Of the originator: Ask first."
    with pytest.raises(BadInput, match="longer"):
        conditions({"conditions": "x" * 1990}, bound, 2000)
    assert conditions({}, floor([source(conditions="Ask first.")], Lineage.REPLY), 2000) == ""
    worded = source(conditions="Ask first.", handling=handling(h=HCode.H3))
    assert "Ask first." in conditions({}, floor([worded], Lineage.REPLY), 2000)


def test_a_message_is_a_reply_only_where_it_goes_to_nobody_but_who_sent_all_of_it() -> None:
    one, two, other = source(1), source(2), source(3, COURT)
    assert lineage([one, two], {POLICE}, None) is Lineage.REPLY
    assert lineage([one], {POLICE}, Lineage.REPLY) is Lineage.REPLY
    for sources, to in (([one], {COURT}), ([one], {POLICE, COURT}), ([one, other], {POLICE}), ([one, other], {COURT})):
        assert lineage(sources, to, None) is Lineage.DERIVED
        assert lineage(sources, to, Lineage.FORWARD) is Lineage.FORWARD
    assert lineage([], {POLICE}, None) is Lineage.ORIGINAL
    for typed in (Lineage.ORIGINAL, Lineage.FORWARD, Lineage.DERIVED):
        assert lineage([], {POLICE}, typed) is typed


@pytest.mark.parametrize(
    ("sources", "to", "typed"),
    [
        ([], {POLICE}, Lineage.REPLY),
        ([source()], {POLICE}, Lineage.ORIGINAL),
        ([source()], {POLICE}, Lineage.FORWARD),
        ([source()], {POLICE}, Lineage.DERIVED),
        ([source()], {COURT}, Lineage.ORIGINAL),
        ([source()], {COURT}, Lineage.REPLY),
        ([source()], {POLICE, COURT}, Lineage.REPLY),
    ],
)
def test_a_lineage_typed_by_hand_that_is_another_is_refused(
    sources: list[Source], to: set[AgencyHandle], typed: Lineage
) -> None:
    with pytest.raises(BadInput):
        lineage(sources, to, typed)


def permission(number: int, **changed: object) -> Permission:
    fields = {
        "message": MessageId(bytes([number]) * 16),
        "originator": ContactHandle("coriginator23"),
        "grantee": COURT,
        "recipient": SHELTER,
        "purposes": (Purpose.PROTECT_VICTIM,),
        "lifts": (Lift.ONWARD,),
        "at": NOW - 1,
        "expires": NOW + DAY,
    }
    return Permission(**(fields | changed))  # type: ignore[arg-type]


def allowed(sources: list[Source], *permissions: Permission) -> tuple[Permission, ...]:
    return permitted(sources, permissions, grantee=COURT, recipient=SHELTER, purpose=Purpose.PROTECT_VICTIM, moment=NOW)


CLOSED = source(1, handling=handling(h=HCode.H2))


def test_a_permission_counts_for_its_message_recipient_purpose_and_time_alone() -> None:
    assert allowed([CLOSED], permission(1)) == (permission(1),)
    for wrong in (
        permission(2),
        permission(1, grantee=POLICE),
        permission(1, recipient=POLICE),
        permission(1, purposes=(Purpose.INVESTIGATE,)),
        permission(1, expires=NOW),
        permission(1, at=NOW + 3 * 60_000),
        permission(1, lifts=(Lift.PROCEEDINGS,)),
    ):
        assert allowed([CLOSED], wrong) == ()


def test_one_originators_permission_says_nothing_of_what_another_one_gave() -> None:
    second = source(2, COURT, handling=handling(caveats=(Caveat.ORCON,)))
    assert allowed([CLOSED, second], permission(1)) == ()
    assert set(allowed([CLOSED, second], permission(1), permission(2))) == {permission(1), permission(2)}
    assert allowed([CLOSED, source(3, handling=handling())], permission(1)) == (permission(1),)  # the other is open


def test_what_is_open_needs_no_permission_and_what_is_closed_is_known() -> None:
    assert allowed([source(handling=handling())]) == ()
    for changed, closed in (
        ({}, False),
        ({"h": HCode.H1}, False),
        ({"h": HCode.H2}, True),
        ({"h": HCode.H3}, True),
        ({"tlp": Tlp.AMBER}, True),
        ({"caveats": (Caveat.EGMONT,)}, True),
        ({"caveats": (Caveat.NOFORN,)}, False),
    ):
        assert source(handling=handling(**changed)).closed is closed


def test_a_reply_says_what_it_answers() -> None:
    one, two = source(1), source(2)
    from messages.ids import message_text

    fields = ("subject_line", "in_reply_to")
    assert answers(Kind.ACK, {}, [one, two], fields) == {"in_reply_to": message_text(one.message)}
    named = {"in_reply_to": message_text(two.message)}
    assert answers(Kind.ACK, named, [one, two], fields) == named
    assert answers(Kind.ACK, {"a": "b"}, [one], ("a",)) == {"a": "b"}
    with pytest.raises(BadInput, match="none of the messages"):
        answers(Kind.ACK, {"in_reply_to": "x"}, [one], fields)
