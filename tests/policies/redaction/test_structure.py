"""What a recipient without identity rights gets of each section."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.catalogue import identities, load
from messages.errors import ContentRefused
from messages.labels import Flag, Role
from policies.redaction.structure import generalise, treatment
from tests.messages.catalogue.samples import OBJECTS, PSEUDONYM, SUSPECT, VICTIM, sample

DANGEROUS = {Flag.DIRECT, Flag.LOCATION, Flag.SENSITIVE}


def _names_for(agency: str) -> Callable[[str], str]:
    def pseudonym_of(known: str) -> str:
        digits = blake2b(f"{agency} {known}".encode(), digest_size=5).hexdigest().upper()
        return f"V-{digits[:4]}-{digits[4:8]}-{digits[8:]}"

    return pseudonym_of


shelter, ministry = _names_for("shelter"), _names_for("ministry")


def _got(identifier: str, part: str, /, **changes: Any) -> dict[str, Any]:
    data_type = load().type(identifier)
    return generalise(data_type, part, data_type.validate(sample(identifier, **changes)), pseudonym_of=shelter)


PARTS = [(t.id, part) for t in load().types.values() for part in t.parts]
VICTIM_SIDE: dict[str, dict[str, Any]] = {
    "A03": {"possible_victim": True},
    "A07": {"owner_role": "victim"},
    "A10": {"keeper_role": "victim"},
}
MAKES_NO_SENSE = {  # of a protected person
    ("A03", "grounds"),
    ("A07", "identifier"),
    ("A12", "number"),
    ("A16", "identifier"),
    ("A26", "protected"),
}


@pytest.mark.parametrize(("identifier", "part"), PARTS)
def test_nothing_dangerous_is_left_of_a_protected_person_once_the_text_is_searched(identifier: str, part: str) -> None:
    data_type = load().type(identifier)
    whole = data_type.validate(sample(identifier, **VICTIM_SIDE.get(identifier, {})))
    if (identifier, part) in MAKES_NO_SENSE:
        with pytest.raises(ContentRefused, match="without identity"):
            generalise(data_type, part, whole, pseudonym_of=shelter)
        return
    section = generalise(data_type, part, whole, pseudonym_of=shelter)
    assert data_type.validate_part(part, section) == section
    assert not data_type.flags(part, section, data_type.roles(whole), text_cleared=True) & DANGEROUS
    assert data_type.subject(section) == data_type.subject(whole) or not data_type.role.fields


@pytest.mark.parametrize(("identifier", "part"), PARTS)
def test_no_word_of_the_known_identity_is_left_in_any_field_that_is_kept(identifier: str, part: str) -> None:
    data_type = load().type(identifier)
    whole = data_type.validate(sample(identifier, **VICTIM_SIDE.get(identifier, {})))
    if (identifier, part) in MAKES_NO_SENSE:
        return
    section = str(generalise(data_type, part, whole, pseudonym_of=shelter))
    for person in identities(whole):
        for words in (person.names[0] if person.names else (), person.aliases, person.birthdates, person.numbers):
            assert not [word for word in words if word in section]
        for words in (person.phones, person.emails, person.addresses, person.places, person.pseudonyms):
            assert not [word for word in words if word in section]
    assert PSEUDONYM not in section
    assert whole["id"] not in section


def test_the_facts_of_a_victim_are_pseudonym_band_region_and_codes() -> None:
    facts = _got("A02", "facts")
    own = {name: value for name, value in facts.items() if name in load().type("A02").own}
    assert own == {
        "case_pseudonym": shelter(PSEUDONYM),
        "subject_role": "victim",
        "status": "ActualVictimOfTrafficking",
        "status_by": "Police",
        "is_minor": False,
        "age_disputed": False,
        "gender": "Feminine",
        "citizenship": ["RO", "MD"],
        "age_band": "27-29",
    }


def test_of_the_identity_section_only_whom_it_is_about_is_left() -> None:
    own = set(_got("A02", "identity")) & set(load().type("A02").own)
    assert own == {"case_pseudonym", "subject_role", "is_minor", "age_disputed", "age_band"}


@pytest.mark.parametrize(
    ("birthdate", "band"),
    [
        ("2026-03-14", "0-8"),
        ("2017-03-15", "0-8"),
        ("2017-03-14", "9-17"),
        ("2008-03-15", "9-17"),
        ("2008-03-14", "18-20"),
        ("2008", "9-17"),
        ("2005-03", "18-20"),
        ("2005-03-01", "21-23"),
        ("2002-03-14", "24-26"),
        ("1999-02-03", "27-29"),
        ("1996-03-14", "30-38"),
        ("1987-03-14", "39-47"),
        ("1978-03-15", "39-47"),
        ("1978-03-14", "48+"),
        ("1900", "48+"),
        ("2040", "0-8"),
    ],
)
def test_the_age_band_is_that_at_the_making_of_the_object_and_in_doubt_the_younger(birthdate: str, band: str) -> None:
    assert _got("A02", "facts", birthdate=birthdate)["age_band"] == band


def test_a_stated_age_band_stands_and_without_a_birthdate_there_is_none() -> None:
    assert _got("A02", "facts", age_band="24-26")["age_band"] == "24-26"
    assert "age_band" not in _got("A02", "facts", birthdate=None)


@pytest.mark.parametrize(("identifier", "part"), [("A02", "facts"), ("A24", "referral")])
def test_a_gender_that_is_sensitive_becomes_unspecified(identifier: str, part: str) -> None:
    assert _got(identifier, part, gender="TransgenderFeminine")["gender"] == "NonSpecifiedUnknown"
    assert _got(identifier, part, gender="Masculine")["gender"] == "Masculine"


def test_an_event_keeps_palermo_month_and_region_and_names_victims_by_pseudonym() -> None:
    event = _got("A05", "event")
    own = {name: value for name, value in event.items() if name in load().type("A05").own}
    assert own == {
        "event_type": "Exploitation",
        "acts": ["harbouring", "receipt"],
        "means": ["deception", "abuse-of-vulnerability"],
        "purposes": ["forced-labour-or-services"],
        "child_victim": False,
        "date_from": "2025-11",
        "date_to": "2026-03",
        "place": {"country": "NL", "admin1": "NL-ZH", "precision": "admin1"},
        "industry": "S",
        "method_of_recruitment": ["ThroughOnlineSocialNetworks"],
        "victim_refs": [shelter(VICTIM)],
        "suspect_refs": [shelter(SUSPECT)],
    }
    assert list(load().type("A05").free_strings(event)) == []


def test_a_count_under_eleven_is_gone_and_one_from_eleven_stays() -> None:
    assert "victim_count" not in _got("A05", "event", victim_count=10)
    assert _got("A05", "event", victim_count=11)["victim_count"] == 11


def test_a_place_without_a_region_becomes_its_country() -> None:
    place = {"country": "NL", "place": "Kade 14", "lat": 51.9, "lon": 4.5, "precision": "point"}
    assert _got("A05", "event", place=place)["place"] == {"country": "NL", "precision": "country"}


def test_an_account_of_abuse_is_gone_even_though_it_could_be_searched() -> None:
    assert set(_got("A05", "description", exploitation_sites=["Other"])) & set(load().type("A05").own) == {
        "child_victim",
        "recruitment_sites",
        "exploitation_sites",
    }


def test_a_narrative_stays_for_the_text_pass_and_counts_as_d_until_then() -> None:
    data_type = load().type("A01")
    section = _got("A01", "narrative")
    assert section["narrative"] == OBJECTS["A01"]["narrative"]
    assert Flag.DIRECT in data_type.flags("narrative", section)
    assert "source_id" not in section


def test_times_of_a_report_become_months_and_the_objects_own_times_are_coarser() -> None:
    report = _got("A01", "report", collected_on="2026-03-01T04:05:06Z", valid_until="2026-09-08T07:06:05Z")
    assert report["report_date"] == "2026-03-01T00:00:00Z"
    assert report["activity_period"] == ["2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z"]
    assert report["created"] == "2026-03-01T00:00:00Z"
    assert report["valid_until"] == "2026-09-08T00:00:00Z"
    assert "collected_on" not in report


def test_a_suspect_stays_as_he_is_and_a_possible_victim_does_not() -> None:
    suspect = _got("A03", "profile")
    assert suspect["names"] == OBJECTS["A03"]["names"]
    possible = _got("A03", "profile", possible_victim=True)
    assert set(possible) & set(load().type("A03").own) == {
        "subject_role",
        "possible_victim",
        "is_minor",
        "sex",
        "nationality",
        "place_of_birth",
    }


@pytest.mark.parametrize("role", Role)
def test_the_identifier_of_a_protected_owner_cannot_be_given_at_all(role: Role) -> None:
    if role.protected:
        with pytest.raises(ContentRefused) as caught:
            _got("A07", "identifier", owner_role=role.value)
        assert OBJECTS["A07"]["value"] not in str(caught.value)
    else:
        assert _got("A07", "identifier", owner_role=role.value)["value"] == OBJECTS["A07"]["value"]
    assert _got("A07", "facts", owner_role=role.value)["kind"] == "msisdn"


KEPT = {
    # part of a type: what a recipient without identity rights gets of somebody protected
    "A04/assessment": "source_code subject_role reliability protection_level handler_poc",
    "A04/access": "source_code subject_role access",
    "A06/route": "place place_role victims_present leg_no transport seen_from seen_to basis",
    "A08/request": "category provider authorisation_ref authorised_until period privileged_material",
    "A08/summary": "summary",
    "A08/records": "",
    "A09/content": (
        "kind subject_role platform captured_at capture_hash apparent_minor grooming_or_recruitment takedown_requested"
    ),
    "A09/extract": "subject_role apparent_minor",
    "A09/link": "subject_role apparent_minor",
    "A10/vehicle": "keeper_role colour",
    "A10/registration": "keeper_role plate_country",
    "A10/sightings": "keeper_role",
    "A11/movement": "kind subject_role person_ref from to",
    "A11/journey": "subject_role",
    "A12/document": "doc_type holder_role issuing_state issued expires holder_ref status",
    "A14/finding": (
        "inspection_no date site employer_ref workers_found workers_without_contract findings wage_withheld "
        "hours_per_week accommodation_on_site documents_withheld measures"
    ),
    "A14/narrative": "narrative",
    "A15/report": "report_code fiu_ref_number entity_reference submission_date indicators consent",
    "A15/reason": "reason action",
    "A15/transactions": "",
    "A15/parties": "",
    "A16/asset": (
        "kind holder_role institution_bic holder_refs beneficial_owner_refs jurisdiction status order_ref victim_claim "
        "frozen_since"
    ),
    "A17/record": (
        "kind maker_ref maker_role taken_on taken_by recorded guardian_present support_person_present signed withdrawn "
        "redacted_version"
    ),
    "A17/extract": "kind maker_role caution_or_warning",
    "A17/document": "kind maker_role",
    "A18/item": (
        "exhibit_no root_exhibit kind hashes size media_type seized_at seized_by authority_ref container encryption "
        "contains_csam intimate_or_child portrait_released file_carried"
    ),
    "A18/description": "description contains_csam",
    "A18/seizure": "seized_place contains_csam",
    "A19/event": (
        "exhibit_ref seq action at place from_party from_person to_party to_person seal_no hash_before hash_after "
        "prev_event_hash signature"
    ),
    "A19/words": "reason authority unavoidable_change",
    "A20/product": (
        "exhibit_ref examiner_code tool acquisition_method evidence_type authorisation_ref third_party_data_removed"
    ),
    "A20/findings": "findings",
    "A20/extracts": "",
    "A21/product": (
        "kind authorisation_ref authorised_until observed_from observed_to operator_code deconfliction_ref"
    ),
    "A21/words": "collateral_intrusion gist",
    "A21/persons": "",
    "A25/outcome": (
        "referral_ref status service_type provided_from provided_to planned_end objective_met case_status "
        "closure_reason onward_referral_needed"
    ),
    "A25/recurrence": "referral_ref",
    "A26/measure": "kind protected_role issued_by issued_on expires_on",
    "A27/outcome": "subject_role stage date restitution heads",
    "A27/proceedings": "subject_role person_ref authority offences sentence aggravating order_kind",
    "A27/judgment": "subject_role",
}


@pytest.mark.parametrize("kept", KEPT)
def test_what_is_kept_of_somebody_protected(kept: str) -> None:
    identifier, _, part = kept.partition("/")
    section = _got(identifier, part, **VICTIM_SIDE.get(identifier, {}))
    assert {name for name in section if name in load().type(identifier).own} == set(KEPT[kept].split())


def test_every_part_is_in_that_list_or_has_a_test_of_its_own() -> None:
    own = {"A01", "A02", "A03", "A05", "A07", "A13", "A22", "A23", "A24", "A28"}
    listed = {tuple(kept.split("/")) for kept in KEPT}
    assert {p for p in PARTS if p[0] not in own} == listed | {p for p in MAKES_NO_SENSE if p[0] not in own}


UNPROTECTED: dict[tuple[str, str], dict[str, Any]] = {
    ("A10", "registration"): {},
    ("A12", "number"): {"holder_role": "suspect"},
    ("A16", "identifier"): {"holder_role": "convicted"},
    ("A09", "link"): {"subject_role": "suspect"},
    ("A11", "journey"): {"subject_role": "suspect"},
    ("A27", "proceedings"): {"subject_role": "convicted"},
    ("A26", "protected"): {"protected_role": "third-party"},
    ("A06", "route"): {"victims_present": False},
}


@pytest.mark.parametrize(("identifier", "part"), UNPROTECTED)
def test_of_whoever_is_not_protected_everything_is_kept_under_this_agencys_names(identifier: str, part: str) -> None:
    data_type = load().type(identifier)
    changes = UNPROTECTED[identifier, part]
    before = data_type.split(data_type.validate(sample(identifier, **changes)))[part]
    after = _got(identifier, part, **changes)
    assert set(after) == set(before)
    for (_, spec, old), (_, _, new) in zip(data_type.strings(before), data_type.strings(after), strict=True):
        assert (new == old) == (spec.kind not in ("id", "ref", "pseudonym"))


def test_of_a_traffickers_vehicle_only_what_was_seen_with_a_victim_aboard_is_gone() -> None:
    seen = OBJECTS["A10"]["sightings"]
    assert _got("A10", "sightings")["sightings"] == [seen[1]]
    assert _got("A10", "registration")["plate"] == OBJECTS["A10"]["plate"]
    assert "sightings" not in _got("A10", "sightings", sightings=[seen[0]])
    unsaid = [{name: value for name, value in seen[1].items() if name != "victim_aboard"}]
    assert "sightings" not in _got("A10", "sightings", sightings=unsaid)


def test_fellow_travellers_who_are_protected_are_gone_and_the_others_go_by_this_agencys_name() -> None:
    people = [{"person_ref": i, "subject_role": role} for i, role in ((VICTIM, "victim"), (SUSPECT, "suspect"))]
    journey = _got("A11", "journey", subject_role="suspect", co_travellers=people)
    assert journey["co_travellers"] == [{"person_ref": shelter(SUSPECT), "subject_role": "suspect"}]
    assert "co_travellers" not in _got("A11", "journey", subject_role="suspect", co_travellers=people[:1])


def test_nationalities_are_gone_while_one_group_is_small() -> None:
    groups = [{"country": "RO", "n": 12}, {"country": "MD", "n": 11}]
    assert _got("A14", "finding", nationalities_count=groups)["nationalities_count"] == groups
    assert "nationalities_count" not in _got(
        "A14", "finding", nationalities_count=[*groups, {"country": "UA", "n": 10}]
    )
    assert "minors_found" not in _got("A14", "finding")


def test_a_generalised_authorisation_still_holds() -> None:
    product = _got("A21", "product", authorised_until="2026-03-14T09:26:00Z")
    assert (product["created"], product["observed_to"]) == ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z")
    assert product["authorised_until"] == "2026-03-14T09:26:00Z"


def test_the_referral_part_is_whole_and_the_sealed_part_is_empty() -> None:
    referral = _got("A24", "referral")
    fields = set(load().type("A24").part_fields("referral"))
    assert set(referral) == fields & set(sample("A24"))
    assert referral["age_band"] == "27-29"
    assert set(_got("A24", "sealed")) & set(load().type("A24").own) == {"case_pseudonym", "adult_child", "age_band"}


def test_statistics_keep_every_number() -> None:
    assert {k: v for k, v in _got("A28", "statistics").items() if k in load().type("A28").own} == {
        k: v for k, v in OBJECTS["A28"].items() if k in load().type("A28").own
    }


@pytest.mark.parametrize(("identifier", "part"), [p for p in PARTS if p not in MAKES_NO_SENSE])
def test_two_agencies_share_no_id_no_reference_and_no_pseudonym(identifier: str, part: str) -> None:
    data_type = load().type(identifier)
    whole = data_type.validate(sample(identifier, **VICTIM_SIDE.get(identifier, {})))

    def links(names: Callable[[str], str]) -> set[str]:
        section = generalise(data_type, part, whole, pseudonym_of=names)
        return {text for _, spec, text in data_type.strings(section) if spec.kind in ("id", "ref", "pseudonym")}

    assert links(shelter)
    assert not links(shelter) & links(ministry)


def test_references_and_ids_agree_within_one_agency() -> None:
    assert _got("A05", "event")["victim_refs"] == [_got("A02", "facts")["id"]]
    assert _got("A22", "screening")["case_pseudonym"] == _got("A02", "facts")["case_pseudonym"]
    assert _got("A24", "referral")["consent_ref"] == _got("A23", "terms")["id"]


@pytest.mark.parametrize(("identifier", "part"), [p for p in PARTS if p not in MAKES_NO_SENSE])
def test_a_section_gives_what_the_whole_object_gives_but_for_the_age_band(identifier: str, part: str) -> None:
    data_type = load().type(identifier)
    whole = data_type.validate(sample(identifier))
    section = data_type.split(whole)[part]
    from_whole = generalise(data_type, part, whole, pseudonym_of=shelter)
    from_whole.pop("age_band", None)
    from_section = generalise(data_type, part, section, pseudonym_of=shelter)
    from_section.pop("age_band", None)
    assert from_section == from_whole


@pytest.mark.parametrize(("identifier", "part"), PARTS)
def test_the_input_is_left_alone(identifier: str, part: str) -> None:
    data_type = load().type(identifier)
    whole = sample(identifier)
    if (identifier, part) not in MAKES_NO_SENSE:
        generalise(data_type, part, whole, pseudonym_of=shelter)
    assert whole == sample(identifier)


@pytest.mark.parametrize(("identifier", "part"), PARTS)
def test_treatment_says_what_is_done(identifier: str, part: str) -> None:
    data_type = load().type(identifier)
    told = treatment(data_type, part)
    assert set(told) == set(data_type.part_fields(part))
    if (identifier, part) in MAKES_NO_SENSE:
        return
    whole = data_type.validate(sample(identifier, **VICTIM_SIDE.get(identifier, {})))
    section = generalise(data_type, part, whole, pseudonym_of=shelter)
    for name, value in data_type.split(whole)[part].items():
        if told[name] == "drop":
            assert name not in section
        elif told[name] == "text":
            assert section[name] == value
        elif told[name] in ("name", "month", "region"):
            assert section[name] != value or value == [] or len(str(value)) == 7


@given(st.text(max_size=20))
def test_an_unknown_part_is_refused(part: str) -> None:
    if part not in load().type("A02").parts:
        with pytest.raises(ContentRefused):
            generalise(load().type("A02"), part, sample("A02"), pseudonym_of=shelter)
