"""Consents on the agency's side: terms of a record, what is taken down, what the guard believes, what is planned."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters import consenting as taking
from adapters.casefile import read
from adapters.consents import Held, at_guard, encode, for_guard, record_of, renamed, terms
from adapters.guard import GuardRefused
from adapters.shelf import FILE, Shelf, Waiting
from keys.consents import consent_id, paper_digest, register_salt, with_id
from keys.domains import Tag
from keys.signing import verify
from messages.attestations import ConsentForm, ConsentPurpose, ConsentRoute, Review
from messages.errors import BadInput, ContentRefused, KeyTrouble, NotPermitted, Unverified
from messages.evidence import Evidence, Outcome, RecipientOutcome
from messages.ids import AgencyHandle, ContactHandle, MessageId
from messages.labels import Flag, Keeping, Purpose
from messages.limits import DAY, HOUR
from tests.support.consenting import ABOUT, OTHER, Consenting, consenting, granted, written
from tests.support.orchid import DESK, RELEASER, SAFEGUARDING, SHELTER

DESK_HANDLE, SHELTER_HANDLE = ContactHandle("c" + "b" * 12), AgencyHandle("a" + "c" * 12)
NAMES = ("wrenfold-support", "NGO-S", SHELTER_HANDLE)
RECORD: dict[str, Any] = {
    "type": "A23",
    "about": ABOUT,
    "purposes_allowed": ["services"],
    "disclose_to": ["named"],
    "named_recipients": ["wrenfold-support"],
    "form": "written",
    "language_explained": "ron",
    "given_on": "2026-11-13T11:20:00Z",
    "expires_on": "2027-02-13T00:00:00Z",
}
SALT = bytes(range(16))
DLS = (Flag.DIRECT, Flag.LOCATION, Flag.SENSITIVE)


@pytest.fixture(scope="module")
def force() -> Consenting:
    return consenting()


def of(**changes: Any) -> Any:
    record = encode({k: v for k, v in (RECORD | changes).items() if v is not None})
    return terms(record, SALT, DESK_HANDLE, SHELTER_HANDLE, NAMES)


# terms of a record


def test_a_record_without_items_lets_a_service_have_what_a_referral_carries() -> None:
    assert of().items == (("A22", DLS), ("A24", DLS))
    assert (of().language, of().interpreter, of().form) == ("ron", False, ConsentForm.WRITTEN)
    assert of(interpreter_used=True).interpreter
    assert of(purposes_allowed=["tracing"]).items == (), "of other purposes nothing, unless the record names it"


def test_a_record_s_own_items_are_the_terms() -> None:
    items = [{"data_type": "A24", "flags": ["L", "D"]}, {"data_type": "A02", "flags": ["D"]}]
    assert of(items=items).items == (("A02", (Flag.DIRECT,)), ("A24", (Flag.DIRECT, Flag.LOCATION)))


@pytest.mark.parametrize(
    ("what", "from_whom", "left"),
    [
        ("whereabouts", "wrenfold-support", {"A22": "DS", "A24": "DS"}),
        ("whereabouts", "NGO-S", {"A22": "DS", "A24": "DS"}),
        ("whereabouts", "somebody-else", {"A22": "DLS", "A24": "DLS"}),
        ("whereabouts", "anyone who asks on behalf of family", {"A22": "DS", "A24": "DS"}),
        ("whereabouts", "everybody", {"A22": "DS", "A24": "DS"}),
        ("health", "wrenfold-support", {"A22": "DL", "A24": "DL"}),
        ("A24", "wrenfold-support", {"A22": "DLS"}),
        ("what she told me", "wrenfold-support", {}),
        ("my brother's name", "anyone", {}),
    ],
)
def test_what_is_withheld_from_the_recipient_is_no_item_and_in_doubt_it_is_withheld(
    what: str, from_whom: str, left: dict[str, str]
) -> None:
    items = of(withhold=[{"what": what, "from_whom": from_whom, "reason": "fear"}]).items
    assert {t: "".join(flags) for t, flags in items} == left


@pytest.mark.parametrize("missing", ["form", "given_on", "expires_on"])
def test_a_record_that_says_too_little_is_not_relied_on(missing: str) -> None:
    with pytest.raises(ContentRefused, match="relied on"):
        of(**{missing: None})


def test_the_terms_of_one_record_are_the_same_in_every_message_and_tell_nothing_of_it() -> None:
    obj = RECORD | {"id": "11111111-1111-4111-8111-111111111111", "created": "2026-11-20T00:00:00Z", "handling": {}}
    again = RECORD | {"id": "22222222-2222-4222-8222-222222222222", "created": "2026-11-21T00:00:00Z"}
    assert record_of(obj) == record_of(again)
    key = bytes(range(32))
    salt = register_salt(key, record_of(obj))
    consent = terms(record_of(obj), salt, DESK_HANDLE, SHELTER_HANDLE, NAMES)
    assert consent.id == consent_id(consent) and ABOUT.encode() not in consent.to_bytes()
    assert register_salt(bytes(32), record_of(obj)) != salt
    with pytest.raises(KeyTrouble):
        register_salt(b"", record_of(obj))


# what the guard believes


def test_the_guard_takes_a_consent_only_with_the_record_that_its_terms_name(force: Consenting) -> None:
    held = force.take_down()
    assert at_guard(for_guard(held), ()).about == ABOUT
    stranger = encode({"about": "V-2222-3333-44", "paper": None})
    for bad in (
        replace(held, about="V-2222-3333-44"),
        replace(held, record=stranger),
        replace(held, about="V-2222-3333-44", record=stranger),
        replace(held, salt=bytes(16)),
        replace(held, consent=replace(held.consent, items=(("A02", DLS),))),
    ):
        with pytest.raises(Unverified):
            at_guard(for_guard(bad), ())
    wider = with_id(replace(held.consent, items=(("A02", DLS),)))
    assert at_guard(for_guard(replace(held, consent=wider)), ()), "terms of their own are the collector's to sign"


def test_the_guard_makes_the_terms_of_a_record_again(force: Consenting) -> None:
    record = encode(RECORD)
    consent = terms(record, SALT, DESK_HANDLE, SHELTER_HANDLE, NAMES)
    held = Held(consent=consent, about=ABOUT, record=record, salt=SALT)
    assert at_guard(for_guard(held), NAMES).consent == consent
    wider = with_id(replace(consent, items=(("A02", DLS),)))
    with pytest.raises(Unverified, match="terms are not those"):
        at_guard(for_guard(replace(held, consent=wider)), NAMES)


def test_persons_are_known_by_the_ids_of_objects_under_both_names() -> None:
    ours = [{"id": "1", "case_pseudonym": "V-A"}, {"id": "2", "about": "V-A"}, {"id": "3", "case_pseudonym": "V-B"}]
    theirs = [{"id": "1", "case_pseudonym": "V-X"}, {"id": "3", "case_pseudonym": "V-Y"}, {"id": "9", "about": "V-Z"}]
    assert renamed(ours, theirs) == {"V-A": "V-X", "V-B": "V-Y"}


def test_a_sender_that_hangs_somebody_else_s_consent_on_a_person_is_refused_by_the_guard(force: Consenting) -> None:
    """The planner says that the consent is this person's; the guard reads in the record that it is another's."""
    other = force.countersigned(force.take_down(about="V-2222-3333-44"))
    message = force.resting(force.countersigned(force.take_down()))
    with pytest.raises(GuardRefused):
        force.compose(replace(message, consents=(replace(other, about=ABOUT),)))
    honest = force.admit(force.compose(replace(message, consents=(other,))))
    assert outcome(honest).outcome is Outcome.REFUSED and "R-07" in outcome(honest).rules


def outcome(admitted: Any) -> RecipientOutcome:
    (one,) = Evidence.from_bytes(admitted.evidence.body).outcomes
    return one


# what is taken down


def test_a_consent_that_is_taken_down_is_signed_by_its_collector_and_names_nobody(force: Consenting) -> None:
    held = force.take_down()
    (paper,) = held.papers
    assert verify(paper, Tag.CONSENT, force.contact(DESK).signing_key) == held.consent.to_bytes()
    assert held.consent.id == consent_id(held.consent)
    assert held.consent.paper == paper_digest(held.salt, held.record)
    assert ABOUT.encode() not in held.consent.to_bytes()
    assert force.take_down().consent.paper != held.consent.paper, "equal papers have different digests"


NO = {
    "a real name": ({"about": "Ilse Vantongeren"}, "own register"),
    "no purpose": ({"purposes": []}, "purpose"),
    "an unknown purpose": ({"purposes": ["fun"]}, "purposes are of"),
    "nobody": ({"recipient": None}, "one agency"),
    "two recipients": ({"class": "NGO-S"}, "one agency"),
    "an unknown agency": ({"recipient": "nobody"}, "no agency"),
    "no paper": ({"paper": None}, "paper"),
    "a paper that is not there": ({"paper": "none.pdf"}, "cannot be read"),
    "no witness": ({"form": "verbal-witnessed"}, "witness"),
    "no end": ({"expires": None}, "expires"),
    "no zone": ({"expires": "2027-01-01T00:00:00"}, "time zone"),
    "an unknown flag": ({"items": {"A02": "DX"}}, "Flags"),
    "an unknown type": ({"items": {"passport": "D"}}, "data type"),
    "a field too many": ({"name": "x"}, "no field"),
    "a child without a ground": ({"route": "child"}, "ground"),
    "a ground without a child": ({"ground": "best-interests"}, "ground"),
    "a child for an investigation": (
        {"route": "child", "ground": "best-interests", "purposes": ["investigation"]}, "protection",
    ),
    "identity by the anonymous route": ({"route": "anonymous", "purposes": []}, "R-26"),
}  # fmt: skip


@pytest.mark.parametrize("what", NO)
def test_a_consent_is_not_taken_down_with(force: Consenting, what: str) -> None:
    changes, says = NO[what]
    with pytest.raises(BadInput, match=says) as caught:
        force.take_down(**changes)
    assert "Ilse" not in str(caught.value)


def test_a_consent_lasts_a_year_at_most(force: Consenting) -> None:
    assert force.take_down(expires=written(force.now + 364 * DAY))
    with pytest.raises(BadInput, match="a year at most"):
        force.take_down(expires=written(force.now + 367 * DAY))
    with pytest.raises(BadInput, match="after it was given"):
        force.take_down(expires=written(force.now - 2 * HOUR))
    with pytest.raises(BadInput, match="taken down after"):
        force.take_down(given=written(force.now + HOUR))


def test_word_of_mouth_needs_a_witness_and_no_paper(force: Consenting) -> None:
    held = force.take_down(form="verbal-witnessed", paper=None, witness="the night nurse")
    assert held.consent.form is ConsentForm.VERBAL_WITNESSED and b"nurse" not in held.consent.to_bytes()
    assert json.loads(held.record)["witness"] == "the night nurse"


def test_the_collector_does_not_countersign_itself(force: Consenting) -> None:
    with pytest.raises(NotPermitted, match="second contact"):
        taking.countersign(force.take_down(), force.keys(DESK), force.now)


def test_what_another_agency_passes_on_is_taken_only_as_it_was_signed(force: Consenting) -> None:
    held = force.countersigned(force.take_down(SHELTER, recipient="labour-inspectorate"), SAFEGUARDING)
    directory = force.bundle.directory
    passed = taking.to_file(held)
    taken = taking.from_file(passed, "V-2222-3333-44", directory, force.now)
    assert (taken.consent, taken.record, taken.salt) == (held.consent, b"", b"")
    assert taken.countersigned and taken.about == "V-2222-3333-44"
    unsigned = taking.to_file(replace(held, papers=held.papers[1:]))
    changed = taking.to_file(replace(held, consent=replace(held.consent, items=(("A02", DLS),))))
    for bad in (unsigned, changed, b"", b"\xa0", passed[:-1]):
        with pytest.raises(BadInput):
            taking.from_file(bad, "V-2222-3333-44", directory, force.now)
    with pytest.raises(BadInput, match="own register"):
        taking.from_file(passed, "Ilse", directory, force.now)


# what is planned, and what the broker says to it


def test_identity_goes_under_a_consent_that_names_recipient_purpose_and_items(force: Consenting) -> None:
    held = force.countersigned(force.take_down())
    message = force.resting(held)
    assert granted(message) == {"A02/facts", "A02/identity", "cover"} and not message.needs()
    admitted = force.admit(force.compose(message))
    assert outcome(admitted).outcome is Outcome.PERMITTED
    opened = force.open(admitted.views[0].data, SHELTER)
    assert opened.sections["a02.1.identity"]["mailing_address"]


NOT = {
    "none at all": None,
    "that names another agency": {"recipient": "labour-inspectorate"},
    "for another purpose": {"purposes": ["tracing"]},
    "for other items": {"items": {"A02": "D"}},
    "of another person": {"about": "V-2222-3333-44"},
    "of yesterday": {"expires": "yesterday"},
}


@pytest.mark.parametrize("what", NOT)
def test_identity_does_not_go_under_a_consent(force: Consenting, what: str) -> None:
    changes = NOT[what]
    now = force.now
    if changes == {"expires": "yesterday"}:
        changes = {"given": written(now - 3 * DAY), "expires": written(now - DAY)}
    consents = [] if changes is None else [force.countersigned(force.take_down(**changes))]
    plan = force.planned(force.told(), SHELTER, *consents)
    assert not plan.messages and "R-07" in plan.refused[0].rules


def test_a_consent_without_its_countersignature_counts_for_nothing_and_the_plan_says_so(force: Consenting) -> None:
    bare = force.take_down()
    plan = force.planned(force.told(), SHELTER, bare)
    assert not plan.messages and [h.consent.id for h in plan.uncountersigned] == [bare.consent.id]
    own = replace(
        bare, papers=(*bare.papers, force.keys(DESK).signer.sign(Tag.CONSENT_COUNTER, bare.consent.to_bytes()))
    )
    assert force.planned(force.told(), SHELTER, own).uncountersigned, "the collector's own is none"
    forced = force.forced_identity(force.resting(force.countersigned(bare)))
    refused = force.admit(force.compose(replace(forced, consents=(bare,))))
    assert outcome(refused).outcome is Outcome.REFUSED and "R-07" in outcome(refused).rules


def test_a_withdrawn_consent_is_refused_by_its_rule_before_anything_is_sealed(force: Consenting) -> None:
    held = force.countersigned(force.take_down())
    for plan in (
        force.planned(force.told(), SHELTER, held, withdrawn={held.consent.id}),
        force.planned(force.told(), SHELTER, replace(held, withdrawn=force.now)),
    ):
        assert not plan.messages and "R-08" in plan.refused[0].rules
    refused = force.rests(held, withdrawn={held.consent.id})
    assert "R-08" in outcome(refused).rules


def test_a_class_may_be_named_and_then_serves_every_agency_of_it(force: Consenting) -> None:
    held = force.countersigned(force.take_down(recipient=None, **{"class": "NGO-S"}))
    for to in (SHELTER, OTHER):
        assert "A02/identity" in granted(force.resting(held, to=to))


def test_a_third_agency_s_consent_serves_the_sender_and_its_collector_cannot_be_the_one_who_countersigns(
    force: Consenting,
) -> None:
    held = force.take_down(SHELTER, recipient="labour-inspectorate")
    taken = taking.from_file(taking.to_file(held), ABOUT, force.bundle.directory, force.now)
    assert not force.planned(force.told(), OTHER, taken).messages
    for second in (SAFEGUARDING, RELEASER):  # of the collector's agency or of the sender's
        whole = force.countersigned(taken, second)
        message = force.resting(whole, to=OTHER)
        admitted = force.admit(force.compose(message))
        assert outcome(admitted).outcome is Outcome.PERMITTED
        assert force.open(admitted.views[0].data, OTHER).sections["a02.1.identity"]


# the routes that need no consent of the person


CHILD = {"is_minor": True}
DISPUTED = {"is_minor": "unknown", "age_disputed": True}


def child_route(force: Consenting, **changes: Any) -> Held:
    return force.countersigned(
        force.take_down(
            **({"route": "child", "ground": "best-interests", "form": "verbal-witnessed", "paper": None} | changes)
        )
    )


@pytest.mark.parametrize(
    ("person", "route", "allowed"),
    [
        (CHILD, True, True),
        (DISPUTED, True, True),
        ({}, True, False),
        (CHILD, False, False),
        (DISPUTED, False, False),
        ({}, False, False),
    ],
    ids=["child", "adult of disputed age", "adult claimed a child", "child, no route", "disputed, no route", "adult"],
)
def test_a_child_is_protected_without_its_consent_and_so_is_whoever_s_age_is_disputed(
    force: Consenting, person: dict[str, Any], route: bool, allowed: bool
) -> None:
    """E.1 test 4: child, consent absent, allowed; adult, consent absent, refused; disputed age as child."""
    consents = [child_route(force)] if route else []
    case = force.told(**person)
    plan = force.planned(case, SHELTER, *consents)
    assert bool(plan.messages) is allowed
    if allowed:
        admitted = force.admit(force.compose(plan.messages[0]))
        assert outcome(admitted).outcome is Outcome.PERMITTED
        assert force.open(admitted.views[0].data, SHELTER).sections["a02.1.identity"]
    else:
        assert "R-07" in plan.refused[0].rules


def test_the_guard_hangs_no_child_s_route_on_an_adult_whatever_the_planner_says(force: Consenting) -> None:
    adult = force.resting(force.countersigned(force.take_down()))
    refused = force.admit(force.compose(replace(adult, consents=(child_route(force),))))
    assert outcome(refused).outcome is Outcome.REFUSED and "R-07" in outcome(refused).rules


def test_a_child_s_route_never_serves_to_expose(force: Consenting) -> None:
    route = child_route(force)
    wide = with_id(replace(route.consent, purposes=tuple(sorted(ConsentPurpose))))
    signed = force.keys(DESK).signer.sign(Tag.CONSENT, wide.to_bytes())
    forged = force.countersigned(
        Held(consent=wide, about=ABOUT, record=route.record, salt=route.salt, papers=(signed,))
    )
    case = replace(force.told(**CHILD), purpose=Purpose.INVESTIGATE)
    for one in (route, forged):
        assert force.planned(force.told(**CHILD), SHELTER, one).messages
        assert not force.planned(case, SHELTER, one).messages


def test_a_notification_without_consent_is_refused_for_one_direct_field_and_goes_without_any(
    force: Consenting,
) -> None:
    """E.1 test 3: a duty-to-notify message with one D field is refused; without any it is accepted."""
    nameless = {"first_name": None, "second_name": None, "mailing_address": None}
    for sender, to in ((SHELTER, DESK), (DESK, SHELTER)):
        one = force.planned(force.told(**(nameless | {"first_name": "Ilse"})), to, sender=sender)
        assert not one.messages and "R-26" in one.refused[0].rules
        known = ({**force.told().objects[0], "id": "k1"},)  # whom the guard searches for, and nobody sends
        plan = force.planned(replace(force.told(**nameless), known=known), to, sender=sender)
        (message,) = plan.messages
        assert not plan.refused and not message.consents and not message.needs()
        unknown = force.planned(force.told(**nameless), to, sender=sender).messages[0]
        assert list(unknown.needs()) == ["review"], "where nobody is known a person reads the words"
        admitted = force.admit(force.compose(message, sender=sender), sender)
        assert outcome(admitted).outcome is Outcome.PERMITTED
        assert not any(Flag.DIRECT in s.flags for s in message.sections)


def test_the_broker_refuses_an_identity_in_an_anonymous_notification_whoever_forces_it(force: Consenting) -> None:
    whole = force.resting(force.countersigned(force.take_down()))
    bare = replace(force.forced_identity(whole), consents=())
    refused = outcome(force.admit(force.compose(bare)))
    assert refused.outcome is Outcome.REFUSED and {"R-07", "R-26"} <= set(refused.rules)


# vital interest


class Agency:
    """As much of an adapter as claiming a vital interest needs."""

    def __init__(self, force: Consenting) -> None:
        self.home = force.homes["harbour-police"]
        self.keys = force.keys(DESK)


def vital(force: Consenting, **items: str) -> Held:
    read_ = taking.read_items([f"{t}:{flags}" for t, flags in (items or {"A02": "DL"}).items()])
    client: Any = Agency(force)
    (held,) = taking.vital_interest(force.told(), client, [SHELTER], read_, force.now)
    return held


def test_a_vital_interest_goes_to_one_named_person_for_a_day_after_a_glass_was_broken(force: Consenting) -> None:
    held = vital(force)
    assert held.consent.route is ConsentRoute.VITAL_INTEREST and held.consent.expires - held.consent.given == DAY
    message = force.resting(held)
    assert message.needs() == {"break-glass": [force.contact(SHELTER).handle]}
    assert message.header.expires <= force.now + DAY
    envelope = force.compose(message, countersign=RELEASER)
    assert outcome(force.admit(envelope)).outcome is Outcome.REFUSED, "nobody has broken the glass"
    from keys import composing

    whole = composing.attach(envelope, force.glass(envelope, SHELTER))
    admitted = force.admit(whole)
    assert outcome(admitted).outcome is Outcome.PERMITTED and "SC-63" in outcome(admitted).rules
    assert force.open(admitted.views[0].data, SHELTER).sections["a02.1.identity"]
    uncountersigned = force.compose(message)
    alone = composing.attach(uncountersigned, force.glass(uncountersigned, SHELTER))
    assert outcome(force.admit(alone)).outcome is Outcome.REFUSED, "whoever breaks it countersigns the terms too"


def test_a_vital_interest_covers_the_items_it_names_and_no_more(force: Consenting) -> None:
    plan = force.planned(force.told(), SHELTER, vital(force, A02="D"))
    assert not plan.messages and "R-07" in plan.refused[0].rules


def test_a_vital_interest_names_items_and_one_person(force: Consenting) -> None:
    client: Any = Agency(force)
    with pytest.raises(BadInput, match="one named person"):
        taking.vital_interest(force.told(), client, [SHELTER, SAFEGUARDING], {"A02": DLS}, force.now)
    with pytest.raises(BadInput, match="one named person"):
        taking.vital_interest(force.told(), client, ["national-rapporteur/statistics"], {"A02": DLS}, force.now)
    assert force.contact("national-rapporteur/statistics").keeping is Keeping.SERVICE
    with pytest.raises(BadInput, match="items"):
        taking.vital_interest(force.told(), client, [SHELTER], {}, force.now)
    nobody = replace(force.told(), objects=({"type": "A13", "id": "o"},))
    with pytest.raises(BadInput, match="nobody"):
        taking.vital_interest(nobody, client, [SHELTER], {"A02": DLS}, force.now)


# reviews


def screening(force: Consenting) -> Any:
    return read(
        {
            "kind": "VICTIM-REFERRAL", "area": "THB-LAB", "purpose": "PROTECT-VICTIM", "basis": "GDPR-6-1-a",
            "urgency": "REF-URGENT", "handling": {"tlp": "RED", "h": "H2", "pap": "RED"},
            "cover": {"subject_line": "One adult"},
            "objects": [
                {
                    "type": "A22", "id": "n1", "assertion": "fact", "case_pseudonym": ABOUT, "adult_child": "adult",
                    "screened_on": "2026-11-12", "screener_class": "POL", "exploitation_track": "labour",
                    "indicators": [
                        {"dimension": "exploitative-conditions", "code": 1, "observed": True, "note": "works at night"}
                    ],
                }
            ],
        }
    )  # fmt: skip


def test_free_text_is_refused_where_no_identity_was_given_to_search_for(force: Consenting) -> None:
    (message,) = force.planned(screening(force), SHELTER).messages
    refused = outcome(force.admit(force.compose(message)))
    assert refused.outcome is Outcome.REFUSED and refused.rules == ("SC-43",)


def test_words_about_people_nobody_knows_need_a_person_who_reads_them(force: Consenting) -> None:
    (message,) = force.planned(screening(force), SHELTER).messages
    assert message.needs() == {"review": [force.contact(SHELTER).handle]}
    envelope = force.compose(message)
    refused = outcome(force.admit(envelope))
    assert refused.outcome is Outcome.REFUSED and refused.rules == ("SC-43",)
    from keys import composing
    from keys.verifying import manifest_digest

    def reviewed(*sections: str, by: str = RELEASER) -> RecipientOutcome:
        word = Review(
            message=envelope.manifest.id,
            manifest=manifest_digest(envelope.manifest_bytes),
            recipient=force.contact(SHELTER).handle,
            sections=tuple(sorted(sections)),
            at=force.now,
        )
        signed = force.keys(by).signer.sign(Tag.REVIEW, word.to_bytes())
        return outcome(force.admit(composing.attach(envelope, [signed])))

    assert reviewed("cover").outcome is Outcome.REFUSED, "only what was read"
    assert reviewed(*message.recipients[0].granted).outcome is Outcome.PERMITTED
    known = replace(screening(force), known=force.told().objects)
    assert not force.planned(known, SHELTER).messages[0].needs(), "where somebody is known the guard searches"


# the shelf


def test_the_shelf_tells_neither_who_nor_what_to_whoever_steals_it(tmp_path: Path, force: Consenting) -> None:
    shelf = Shelf(tmp_path, bytes(range(32)))
    held = force.take_down(form="verbal-witnessed", paper=None, witness="the night nurse")
    shelf.keep(held, force.now)
    shelf.hold(Waiting(message=MessageId(bytes(16)), needs={"review": ["c"]}, keys={"x": b"\x07" * 32}))
    waiting = shelf.waiting(MessageId(bytes(16)))
    assert waiting is not None and waiting.keys == {"x": b"\x07" * 32}
    for path in tmp_path.glob(f"{FILE}*"):
        data = path.read_bytes()
        for secret in (ABOUT.encode(), b"nurse", b"\x07" * 32, (b"\x07" * 32).hex().encode()):
            assert secret not in data
    assert path.stat().st_mode & 0o077 == 0
    shelf.close()
    stolen = Shelf(tmp_path, bytes(32))
    with pytest.raises(KeyTrouble):
        stolen.consents()
    stolen.close()


def test_the_shelf_finds_a_consent_by_how_its_id_begins_and_keeps_its_papers_once(
    tmp_path: Path, force: Consenting
) -> None:
    shelf = Shelf(tmp_path, bytes(range(32)))
    held, other = force.take_down(), force.take_down()
    for one in (held, other, held):
        shelf.keep(one, force.now)
    found = shelf.find(held.consent.id.hex()[:12].upper())
    assert (found, len(found.papers)) == (held, 1)
    shelf.add(held.consent.id, taking.countersign(held, force.keys(RELEASER), force.now))
    assert shelf.find(held.consent.id.hex()).countersigned
    for text in ("", "zz", "g" * 8):
        with pytest.raises(BadInput):
            shelf.find(text)
    shelf.withdrawn(held.consent.id, 7)
    shelf.withdrawn(held.consent.id, 9)
    shelf.withdrawn(bytes(16), 8)
    assert shelf.find(held.consent.id.hex()).withdrawn == 7
    assert shelf.withdrawn_ids() == {held.consent.id, bytes(16)}
    shelf.close()
