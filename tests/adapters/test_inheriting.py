"""Planning what draws on others: their conditions come along, and their originators decide where it goes."""

from dataclasses import replace
from typing import Any

import pytest

from adapters.casefile import CaseFile, read, write
from adapters.threads import source_of
from messages.attestations import Papers, Permission
from messages.catalogue.jsontext import parse_json
from messages.errors import BadInput, NotPermitted
from messages.ids import message_text
from messages.labels import Caveat, HCode, Kind, Lift, Lineage, PartyClass, Purpose, Tlp
from messages.limits import DAY
from policies.inherit import Source
from tests.support.orchid import DESK, FOREIGN, INSPECTORS, PROSECUTOR, TaskForce

VIEW = "ab12" * 8


def given(force: TaskForce, **handling: Any) -> Source:
    """A report that the prosecutor gave the police, as the police hold it."""
    case = force.case("08-organisations.json")
    case = replace(case, handling=replace(case.handling, h=HCode.H2, **handling))
    (view,) = force.admit(force.send(case, DESK, sender=PROSECUTOR), PROSECUTOR).views
    opened = force.open(view.data, DESK)
    return source_of(VIEW, opened, force.now, {a.id: a for a in force.agreements}, force.bundle.directory)


def drawing(force: TaskForce, source: Source, **changes: Any) -> CaseFile:
    case = force.case("08-organisations.json")
    handling = source.manifest.handling
    return replace(case, handling=handling, draws_on=(VIEW,), sources=(source,), **changes)


def permission(force: TaskForce, source: Source, **changes: Any) -> Papers:
    values: dict[str, Any] = {
        "message": source.message,
        "originator": source.sender,
        "grantee": force.agency("harbour-police"),
        "recipient": force.agency("valea-police"),
        "purposes": (Purpose.INVESTIGATE,),
        "lifts": (Lift.ONWARD,),
        "at": force.now,
        "expires": force.now + DAY,
    }
    granted = Permission(**(values | changes))
    return Papers(permissions=((granted, source.agency, PartyClass.PRO),))


def test_what_somebody_else_gave_is_refused_to_others_and_returned_to_its_sender(force: TaskForce) -> None:
    source = given(force)
    refused = force.plan(drawing(force, source), FOREIGN)
    assert refused.messages == () and "SC-70" in refused.refused[0].rules
    (message,) = force.plan(drawing(force, source), PROSECUTOR).messages
    assert (message.header.lineage, message.thread) == (Lineage.REPLY, source.thread)
    assert message.section("cover").value()["in_reply_to"] == message_text(source.message)


@pytest.mark.parametrize("h", [HCode.H2, HCode.H3])
def test_no_rule_reads_words_so_the_planner_itself_keeps_h3_closed(force: TaskForce, h: HCode) -> None:
    source = given(force)
    manifest = replace(source.manifest, handling=replace(source.manifest.handling, h=h, tlp=Tlp.GREEN, caveats=()))
    plan = force.plan(drawing(force, replace(source, manifest=manifest)), FOREIGN)
    assert plan.messages == () and "SC-70" in plan.refused[0].rules


def test_with_its_originators_permission_it_is_planned_and_the_permission_goes_beside_it(force: TaskForce) -> None:
    source = given(force)
    planner = replace(force.planner(), held=permission(force, source))
    plan = planner.plan(drawing(force, source), [force.contact(FOREIGN)], force.now)
    (message,) = plan.messages
    assert message.header.lineage is Lineage.DERIVED and message.thread is None
    assert [p.message for p in message.permissions] == [source.message]
    for wrong in (
        {"message": bytes(16)},
        {"recipient": force.agency("labour-inspectorate")},
        {"purposes": (Purpose.PROSECUTE,)},
        {"expires": force.now},
        {"lifts": (Lift.PROCEEDINGS,)},
    ):
        planner = replace(force.planner(), held=permission(force, source, **wrong))
        plan = planner.plan(drawing(force, source), [force.contact(FOREIGN)], force.now)
        assert plan.messages == () and "SC-70" in plan.refused[0].rules, wrong


def test_every_originator_has_to_permit_it(force: TaskForce) -> None:
    first, second = given(force), given(force)
    case = replace(drawing(force, first), draws_on=(VIEW, "cd34" * 8), sources=(first, second))
    planner = replace(force.planner(), held=permission(force, first))
    assert planner.plan(case, [force.contact(FOREIGN)], force.now).messages == ()
    both = (*permission(force, first).permissions, *permission(force, second).permissions)
    planner = replace(force.planner(), held=Papers(permissions=both))
    (message,) = planner.plan(case, [force.contact(FOREIGN)], force.now).messages
    assert {p.message for p in message.permissions} == {first.message, second.message}


def test_a_permission_is_no_use_for_what_draws_on_nothing(force: TaskForce) -> None:
    source = given(force)
    typed = replace(force.case("08-organisations.json"), lineage=Lineage.FORWARD, typed=True)
    planner = replace(force.planner(), held=permission(force, source))
    plan = planner.plan(typed, [force.contact(FOREIGN)], force.now)
    assert plan.messages == () and "SC-70" in plan.refused[0].rules


def test_a_looser_composition_is_refused_and_a_stricter_one_is_not(force: TaskForce) -> None:
    source = given(force, caveats=(Caveat.ORCON,))
    case = drawing(force, source)
    with pytest.raises(NotPermitted, match="caveats hold ORCON"):
        force.plan(replace(case, handling=replace(case.handling, caveats=())), PROSECUTOR)
    with pytest.raises(NotPermitted, match="TLP is at least"):
        force.plan(replace(case, handling=replace(case.handling, tlp=Tlp.GREEN)), PROSECUTOR)
    stricter = replace(case, handling=replace(case.handling, tlp=Tlp.RED))
    assert force.plan(stricter, PROSECUTOR).messages


def test_the_day_of_deletion_and_the_originators_conditions_stand_on_every_object(force: TaskForce) -> None:
    source = replace(given(force, caveats=(Caveat.ORCON,)), delete_by=force.now + 3 * DAY)
    (message,) = force.plan(drawing(force, source), PROSECUTOR).messages
    values = [s.value() for s in message.sections if s.type != "cover"]
    assert values
    for value in values:
        assert value["handling"]["delete_on"] <= "2099" and "ORCON" in value["originator_conditions"]
    days = {v["handling"]["delete_on"] for v in values}
    assert len(days) == 1
    own = tuple(
        {**o, "handling": {"tlp": "RED", "h": "H2", "pap": "RED", "delete_on": "2000-01-01"}}
        for o in case_objects(force)
    )
    (message,) = force.plan(replace(drawing(force, source), objects=own), PROSECUTOR).messages
    assert {s.value()["handling"]["delete_on"] for s in message.sections if s.type != "cover"} == {"2000-01-01"}
    longer = tuple({**o, "handling": {"tlp": "RED", "h": "H2", "pap": "RED", "delete_on": "2099-01-01"}} for o in own)
    with pytest.raises(NotPermitted, match=r"objects\[0\] would be kept longer"):
        force.plan(replace(drawing(force, source), objects=longer), PROSECUTOR)


def case_objects(force: TaskForce) -> tuple[Any, ...]:
    return tuple(force.case("08-organisations.json").objects)


def test_what_a_file_draws_on_has_to_be_here(force: TaskForce) -> None:
    with pytest.raises(BadInput, match="open them first"):
        force.plan(replace(force.case("08-organisations.json"), draws_on=(VIEW,)), PROSECUTOR)


@pytest.mark.parametrize("wrong", ["x", ["zz"], [VIEW, VIEW], [7], ["ab12"] * 17, {}, [""]])
def test_draws_on_lists_views_once_each(force: TaskForce, wrong: object) -> None:
    value = parse_json(write(force.case("08-organisations.json")))
    with pytest.raises(BadInput, match="draws_on"):
        read({**value, "draws_on": wrong})


def test_a_case_that_was_written_down_reads_as_the_same_case(force: TaskForce) -> None:
    for name in ("03-referral-adult.json", "08-organisations.json", "05-referral-child.json"):
        case = force.case(name)
        assert read(parse_json(write(case), max_bytes=1 << 22)) == case
    typed = replace(force.case("08-organisations.json"), lineage=Lineage.FORWARD, typed=True, draws_on=(VIEW,))
    assert read(parse_json(write(typed))) == typed


def test_an_agency_without_identity_rights_gets_what_is_passed_on_redacted_too(force: TaskForce) -> None:
    case = force.case("13-notebook-disclosure.json")
    handling = replace(case.handling, tlp=Tlp.GREEN, h=HCode.H0)
    (view,) = force.admit(force.send(replace(case, handling=handling), PROSECUTOR)).views
    opened = force.open(view.data, PROSECUTOR)
    assert opened.manifest.kind is Kind.SPONTANEOUS_DISCLOSURE
    source = source_of(VIEW, opened, force.now, {a.id: a for a in force.agreements}, force.bundle.directory)
    derived = replace(case, handling=handling, draws_on=(VIEW,), sources=(source,))
    (message,) = force.plan(derived, INSPECTORS).messages
    assert message.guarded and message.header.lineage is Lineage.DERIVED
