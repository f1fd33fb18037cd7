"""The ten types against an own list, written from the printed catalogue and not from the data files."""

import pytest

from messages.catalogue import load
from messages.errors import ContentRefused
from messages.labels import Flag, HCode, PartyClass, Tlp

# type: (TLP, H, receivers, fields). A field is name[*]:kind[:flags]; a star means required.
TABLE: dict[str, tuple[str, str, str, str]] = {
    "A01": (
        "AMBER+STRICT",
        "H1",
        "POL PRO BOR FOR IOL LAB FIU",
        """report_no*:str report_date*:time activity_period:period title*:str narrative*:text:D subject_refs:ref[]
        source_type:code source_id:id:D collection_method:str likelihood:code confidence:code crime_area*:code
        related_requirement:id precedence:code dissemination_line:code[] gist:text""",
    ),
    "A02": (
        "RED",
        "H2",
        "POL PRO SOC NGO-S",
        """case_pseudonym*:pseudonym subject_role*:code status*:code status_by:code salutation:str:Q first_name:str:D
        middle_name:str:D second_name:str:D also_known_as:str[]:D birthdate:date:Q+D age_when_trafficked:int:Q
        is_minor*:tri:Q age_disputed:bool gender:code:Q+S citizenship:code[]:Q primary_language:language:Q
        secondary_language:language:Q marital_status:code:Q number_of_children:int:Q education:code:Q
        identity_number:str:D email:str:D home_phone:str:D mobile_phone:str:D mailing_address:geo:DL
        physical_description:text:Q distinguishing_marks:text:D photo:ref:D relationship_to_trafficker:code:Q
        current_location:geo:DL immigration_status:str:SQ family_refs:ref[]:Q age_band:code:Q""",
    ),
    "A03": (
        "AMBER+STRICT",
        "H1",
        "POL PRO BOR FOR IOL",
        """subject_role*:code grounds*:text:DS names:object[]:D dob:date:Q+D sex:code:Q nationality:code[]:Q
        place_of_birth:geo:Q+D identity_documents:ref[]:D addresses:geo[]:DL comms:ref[]:D physical:object:Q
        photo:ref:D role_in_process:code[]:S warnings:code[]:S possible_victim:bool record_refs:ref[]:S""",
    ),
    "A05": (
        "AMBER+STRICT",
        "H1",
        "POL PRO FOR IOL LAB BOR RAP",
        """event_type*:code acts*:code[] means:code[] purposes*:code[] date_from:date:Q date_to:date:Q place:geo:Q+D
        venue:code:Q industry:code:Q method_of_recruitment:code[]:Q methods_of_control:code[]:S
        recruitment_sites:str[]:+D exploitation_sites:str[]:+D sex_exploitation:code[]:S victim_refs:ref[]
        suspect_refs:ref[] victim_count:int:+Q description:text:DS child_victim:bool""",
    ),
    "A07": (
        "AMBER+STRICT",
        "H1",
        "POL PRO FOR IOL",
        """kind*:code value*:str:D platform:str subscriber_ref:ref:D owner_role*:code first_seen:time last_seen:time
        basis:code""",
    ),
    "A13": (
        "AMBER",
        "H0",
        "POL LAB FIU BOR FOR IOL",
        """legal_name*:str:Q trade_names:str[]:Q registration_no:str jurisdiction:jurisdiction lei:lei tax_no:str
        sector:sector address:geo:Q officers:ref[] beneficial_owners:ref[] licence:code role:code""",
    ),
    "A22": (
        "AMBER+STRICT",
        "H2",
        "SOC NGO-S POL LAB BOR",
        """case_pseudonym*:pseudonym screened_on*:date:Q screener_class*:code screening_role:code adult_child*:code
        exploitation_track*:code indicators:object[] result:code urgency:code""",
    ),
    "A23": (
        "AMBER+STRICT",
        "H2",
        "POL PRO CRT BOR LAB SOC FOR IOL NGO-S",
        """about*:pseudonym given_by*:code capacity_checked:bool language_explained:language informed_of*:code[]
        purposes_allowed*:code[] disclose_to*:code[] named_recipients:agency[] withhold:object[] form:code
        given_on*:time expires_on*:time withdrawn_on:time document:ref:D document_hash:hash:D
        legitimate_basis:code""",
    ),
    "A24": (
        "RED",
        "H2",
        "NGO-S SOC",
        """referral_id*:id case_pseudonym*:pseudonym priority*:code adult_child*:code gender*:code:Q+S age_band*:code:Q
        languages:language[]:Q country_of_exploitation:code:Q needs*:code[] accompanied_by_children:int
        accommodation_type:code safety_risk*:code safe_contact_method*:code transport_needed:bool
        interpreter_gender_preference:code consent_ref:ref no_consent_reason:code referring_poc*:contact
        name_used:str:D contact:str:DL dietary_religious:text:S medical_needs:text:S medication:text:S
        disability:text:S risk_detail:text:S perpetrator_nearby:bool:L""",
    ),
    "A28": (
        "GREEN",
        "H0",
        "RAP NGO-P POL PRO CRT BOR LAB FIU SOC FOR IOL NGO-S",
        """return_period*:return-period reporting_entity*:agency measure*:code dimensions:object value:int method*:code
        k:int epsilon:number release_no:int""",
    ),
}
COMMON = """id*:id type*:code version*:code created*:time handling*:handling evaluation:evaluation assertion*:code
    originator_conditions:condition[] lawful_basis*:code collected_on:time valid_until:time derived_from:id[]
    language:language"""

NESTED = {
    ("A03", "names"): "given family alias native_script",
    ("A03", "physical"): "height weight eyes hair marks",
    ("A22", "indicators"): "dimension code strength observed note",
    ("A23", "withhold"): "what from_whom reason",
    ("A28", "dimensions"): "sex age_band citizenship_group form legal_status",
    ("A02", "mailing_address"): "country admin1 place lat lon precision",
}

CODES = {
    ("A01", "source_type"): "HUMINT CI SIGINT ELINT IMINT OSINT MASINT TECHINT FININT SOCMINT All-source Other",
    ("A01", "crime_area"): "THB-SEX THB-LAB THB-CRIM THB-BEG THB-ORG THB-OTH",
    ("A01", "precedence"): "ROUTINE PRIORITY IMMEDIATE FLASH",
    ("A01", "confidence"): "low moderate high",
    ("A02", "subject_role"): "victim presumed-victim family-of-victim",
    ("A02", "status"): "PossibleVictimOfTrafficking ActualVictimOfTrafficking NotAVictimOfTrafficking",
    ("A02", "status_by"): "Police NGO CourtOrProsecution NonPoliceGovernmentalOrganization Other",
    (
        "A02",
        "gender",
    ): "Feminine Masculine TransgenderFeminine TransgenderMasculine NonConforming NonSpecifiedUnknown",
    ("A02", "relationship_to_trafficker"): "Familial Acquainted Unacquainted",
    ("A03", "subject_role"): "suspect convicted associate person-of-interest",
    ("A03", "role_in_process"): (
        "TravellingPartner Transporter RecruiterOrIntermediary BrokerTravelAgent TransferredIndividual "
        "HarbouredIndividual SoldIndividual BoughtIndividual ReceivedIndividual ControlledIndividual Smuggler Abuser "
        "Kidnapper Exploiter Other"
    ),
    ("A03", "warnings"): "armed violent escape-risk self-harm",
    ("A05", "event_type"): "Recruitment Transit Exploitation",
    ("A05", "acts"): "recruitment transportation transfer harbouring receipt",
    ("A05", "means"): (
        "threat-or-use-of-force other-coercion abduction fraud deception abuse-of-power abuse-of-vulnerability "
        "payments-or-benefits-to-controller"
    ),
    ("A05", "purposes"): (
        "prostitution-of-others other-sexual-exploitation forced-labour-or-services slavery "
        "practices-similar-to-slavery servitude organ-removal surrogacy forced-marriage illegal-adoption "
        "forced-begging exploitation-of-criminal-activities"
    ),
    ("A05", "methods_of_control"): (
        "PhysicalThreats ThreatsLawEnforcement ThreatensChildrenFamily DebtBondage FalsePromises PhysicalAbuse "
        "SexualAbuse TakesEarnings RestrictsFinancialAccess RestrictsMedicalCare WithholdsNecessities "
        "PsychologicalAbuse PsychoactiveSubstance ExcessiveWorkingHours WithholdsDocuments Other"
    ),
    ("A05", "sex_exploitation"): "Prostitution Pornography RemoteInteractiveServices PrivateSexualServices",
    ("A07", "kind"): "msisdn imei imsi iccid email handle messenger-id url ip mac",
    ("A07", "basis"): "subscriber-record device statement advert",
    ("A13", "licence"): "recruitment-agency transport hospitality care other",
    ("A13", "role"): "recruiter employer front carrier landlord platform payment",
    ("A22", "adult_child"): "adult child unknown",
    ("A22", "result"): "indicators-present insufficient none",
    ("A23", "given_by"): "individual caregiver guardian other",
    ("A23", "purposes_allowed"): ("services tracing investigation prosecution statistics-non-identifiable research"),
    ("A23", "disclose_to"): "family authorities unhcr other_organizations named",
    ("A23", "form"): "written verbal-witnessed thumbprint",
    ("A24", "priority"): "emergency-24h urgent-72h normal-2w",
    ("A24", "age_band"): "0-8 9-17 18-20 21-23 24-26 27-29 30-38 39-47 48+",
    ("A24", "accommodation_type"): "women men family children mixed",
    ("A24", "safe_contact_method"): "via-referrer phone none",
    ("A24", "no_consent_reason"): "child emergency-vital-interest duty-to-notify-anonymous",
    ("A28", "method"): "exact suppressed rounded dp",
    ("A28", "measure"): (
        "offences-recorded victims-identified victims-supported persons-suspected persons-prosecuted "
        "persons-convicted referrals-made referrals-accepted assets-frozen restitution-paid"
    ),
}
COUNTS = {
    ("A05", "venue"): 34,
    ("A05", "industry"): 21 + 31,
    ("A05", "method_of_recruitment"): 10,
    ("A24", "needs"): 15 + 9 + 4,
    ("A23", "informed_of"): 7,
    ("A02", "citizenship"): 249,
    ("A02", "education"): 9,
    ("A01", "likelihood"): 7,
}


def _parse(text: str) -> dict[str, tuple[bool, str, bool, frozenset[Flag], frozenset[Flag]]]:
    found = {}
    for word in text.split():
        name, kind, *rest = word.split(":")
        always, _, sometimes = (rest[0] if rest else "").partition("+")
        found[name.removesuffix("*")] = (
            name.endswith("*"),
            kind.removesuffix("[]"),
            kind.endswith("[]"),
            frozenset(Flag(letter) for letter in always),
            frozenset(Flag(letter) for letter in sometimes),
        )
    return found


def test_the_ten_types_are_there_and_no_other() -> None:
    assert set(load().types) == set(TABLE)


@pytest.mark.parametrize("identifier", TABLE)
def test_every_field_stands_as_in_the_catalogue(identifier: str) -> None:
    data_type = load().type(identifier)
    expected = _parse(TABLE[identifier][3])
    shown = {
        name: (
            spec.required,
            spec.kind,
            spec.many,
            spec.flags,
            frozenset(flag for _, flags in spec.flags_if for flag in flags),
        )
        for name, spec in data_type.own.items()
    }
    assert shown == expected


@pytest.mark.parametrize("identifier", TABLE)
def test_every_common_field_stands_in_every_type_and_part(identifier: str) -> None:
    data_type = load().type(identifier)
    for name, (required, kind, many, *_) in _parse(COMMON).items():
        needed = required or (identifier == "A01" and name == "evaluation")
        for fields in (data_type.fields, *(data_type.part_fields(part) for part in data_type.parts)):
            assert (fields[name].required, fields[name].kind, fields[name].many) == (needed, kind, many)


@pytest.mark.parametrize("identifier", TABLE)
def test_defaults_and_normal_receivers(identifier: str) -> None:
    tlp, h, receivers, _ = TABLE[identifier]
    data_type = load().type(identifier)
    assert data_type.defaults == (Tlp(tlp), HCode(h))
    assert set(data_type.receivers) == {PartyClass(party) for party in receivers.split()}
    assert data_type.source
    assert data_type.basis
    assert data_type.media == ("application/json",)


def test_how_each_class_receives_an_event() -> None:
    receivers = load().type("A05").receivers
    assert {receivers[PartyClass(party)] for party in ("POL", "PRO", "FOR", "IOL")} == {"full"}
    assert receivers[PartyClass.LAB] == receivers[PartyClass.BOR] == "redacted"
    assert receivers[PartyClass.RAP] == "coded"
    assert load().type("A02").receivers[PartyClass.NGO_S] == "referral"
    assert set(load().type("A24").receivers.values()) == {"referral"}


@pytest.mark.parametrize(("identifier", "name"), NESTED)
def test_nested_fields(identifier: str, name: str) -> None:
    assert set(load().type(identifier).own[name].fields) == set(NESTED[identifier, name].split())


@pytest.mark.parametrize(("identifier", "name"), CODES)
def test_enumerations(identifier: str, name: str) -> None:
    assert load().type(identifier).own[name].codes == frozenset(CODES[identifier, name].split())


@pytest.mark.parametrize(("identifier", "name"), COUNTS)
def test_long_enumerations_have_their_number_of_codes(identifier: str, name: str) -> None:
    assert len(load().type(identifier).own[name].codes) == COUNTS[identifier, name]


def test_every_code_list_names_its_source_and_no_code_became_a_boolean_or_number() -> None:
    assert load().codes
    for codes in load().codes.values():
        assert codes.source
        assert all(isinstance(code, str) and code == code.strip() for code in codes.codes)
    assert "NO" in load().codes["countries"]
    assert "N" in load().codes["industries"]


@pytest.mark.parametrize("identifier", ["A04", "A29", "a02", "", None, 2, ["A02"]])
def test_what_is_not_a_listed_type_is_refused(identifier: object) -> None:
    with pytest.raises(ContentRefused):
        load().type(identifier)


def test_identity_and_sealed_parts_are_those_that_hold_people() -> None:
    found = {(t.id, part) for t in load().types.values() for part in t.parts if t.identity_part(part)}
    assert found == {("A02", "identity"), ("A24", "sealed"), ("A23", "document")}


def test_coded_parts_hold_no_free_text() -> None:
    coded = {(t.id, part) for t in load().types.values() for part in t.parts if not t.has_free_text(part)}
    assert coded == {
        ("A01", "report"),
        ("A02", "facts"),
        ("A07", "facts"),
        ("A22", "screening"),
        ("A23", "document"),
        ("A24", "referral"),
        ("A28", "statistics"),
    }


def test_every_d_l_and_s_field_of_a_victim_profile_is_in_the_identity_part_only() -> None:
    """Gender is the one exception: it is coded, and S only for some values, which the flags then say."""
    for name, spec in load().type("A02").own.items():
        flags = spec.flags.union(*(extra for _, extra in spec.flags_if)) - {Flag.QUASI}
        if flags and name != "gender":
            assert spec.parts == ("identity",), name


def test_nobody_is_asked_whether_a_victim_consented_to_exploitation() -> None:
    for data_type in load().types.values():
        assert not [name for name in data_type.own if "consent" in name and data_type.id not in ("A23", "A24")]
    assert not [name for name in load().type("A24").own if "immigration" in name or "statement" in name]
