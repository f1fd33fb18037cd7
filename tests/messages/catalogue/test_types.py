"""All 28 types against an own list, written from the printed catalogue and not from the data files.

What goes beyond the printed catalogue stands last in each list, and in README.md of the catalogue.
"""

from collections.abc import Iterator, Mapping

import pytest

from messages.catalogue import Field, load
from messages.catalogue.loader import TYPE_IDS
from messages.catalogue.media import MIB
from messages.errors import ContentRefused
from messages.labels import Flag, HCode, PartyClass, Role, Tlp
from messages.limits import SECTION_BYTES

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
        photo:ref:D role_in_process:code[]:S warnings:code[]:S possible_victim:bool record_refs:ref[]:S
        is_minor:tri""",
    ),
    "A04": (
        "RED",
        "H2",
        "POL PRO",
        """source_code*:pseudonym subject_role*:code reliability*:code access:text:D protection_level:code
        handler_poc:contact""",
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
    "A06": (
        "AMBER",
        "H1",
        "POL BOR LAB FOR IOL",
        """place*:geo:Q+DL place_role*:code leg_no:int transport:code carrier:str:Q seen_from:time:Q seen_to:time:Q
        basis:code victims_present:tri""",
    ),
    "A07": (
        "AMBER+STRICT",
        "H1",
        "POL PRO FOR IOL",
        """kind*:code value*:str:D platform:str subscriber_ref:ref:D owner_role*:code first_seen:time last_seen:time
        basis:code""",
    ),
    "A08": (
        "RED",
        "H2",
        "POL PRO CRT",
        """category*:code provider*:str authorisation_ref*:id period*:period:Q records:ref:DL summary:text:D
        party_identifiers:ref[]:D privileged_material:code authorised_until:time""",
    ),
    "A09": (
        "AMBER+STRICT",
        "H1",
        "POL PRO FOR IOL",
        """kind*:code platform*:str url:str:D captured_at*:time:Q capture_hash*:hash capture:ref:D
        contact_identifiers:ref[]:D text_extract:text:DS apparent_minor:bool grooming_or_recruitment:bool
        takedown_requested:bool subject_role*:code""",
    ),
    "A10": (
        "AMBER",
        "H1",
        "POL BOR FOR IOL",
        """plate:str:D plate_country:code vin:str:D make:str:Q model:str:Q colour:code:Q year:int:Q keeper_ref:ref:D
        sightings:object[]:L keeper_role*:code""",
    ),
    "A11": (
        "AMBER+STRICT",
        "H2",
        "POL BOR FOR IOL",
        """kind*:code person_ref*:ref document_ref:ref:D carrier:str:Q number:str:DL from:geo:Q+DL to:geo:Q+DL at:time:L
        booked_by_ref:ref:Q paid_by_ref:ref:Q co_travellers:object[]:Q decision_ref:ref:Q subject_role*:code""",
    ),
    "A12": (
        "AMBER+STRICT",
        "H1",
        "POL BOR FOR IOL",
        """doc_type*:code number*:str:D issuing_state*:code:Q issued:date:Q expires:date:Q holder_name:str:D
        holder_ref:ref mrz:str:D status:code image:ref:D holder_role*:code""",
    ),
    "A13": (
        "AMBER",
        "H0",
        "POL LAB FIU BOR FOR IOL",
        """legal_name*:str:Q trade_names:str[]:Q registration_no:str jurisdiction:jurisdiction lei:lei tax_no:str
        sector:sector address:geo:Q officers:ref[] beneficial_owners:ref[] licence:code role:code""",
    ),
    "A14": (
        "AMBER",
        "H1",
        "LAB POL PRO",
        """inspection_no*:str date*:date:Q site*:geo:Q+D employer_ref*:ref workers_found:int:+Q
        workers_without_contract:int:+Q minors_found:int:+Q nationalities_count:object[]:+Q findings:code[]
        wage_withheld:money hours_per_week:int accommodation_on_site:bool documents_withheld:bool
        measures:code[] narrative:text:D""",
    ),
    "A15": (
        "RED",
        "H2",
        "FIU POL PRO",
        """report_code*:code fiu_ref_number*:str entity_reference:str submission_date*:date:Q transactions:object[]:D
        parties:object[]:D accounts:ref[]:D indicators:code[] reason:text:D action:text:D consent*:object""",
    ),
    "A16": (
        "AMBER+STRICT",
        "H1",
        "POL PRO FIU CRT FOR IOL",
        """kind*:code identifier*:str:D institution_bic:str holder_refs:ref[] beneficial_owner_refs:ref[] value:money:Q
        jurisdiction*:jurisdiction status*:code order_ref:ref victim_claim:bool frozen_since:time:Q
        holder_role*:code""",
    ),
    "A17": (
        "RED",
        "H2",
        "PRO POL CRT",
        """kind*:code maker_ref*:ref taken_on*:time:Q taken_by:contact place:geo:DL interpreter_code:str:L
        caution_or_warning:str recorded:code guardian_present:bool support_person_present:bool document:ref:D
        extract:text:DS signed:bool withdrawn:bool redacted_version:ref maker_role*:code""",
    ),
    "A18": (
        "AMBER+STRICT",
        "H1",
        "POL PRO CRT FOR",
        """exhibit_no*:str root_exhibit:ref kind*:code description*:text:D hashes:file-hash[] size:int
        media_type:media-type seized_at:time:Q seized_place:geo:Q+DL seized_by:str seized_from_ref:ref:D
        authority_ref*:ref container:code encryption:code contains_csam:code intimate_or_child:code
        portrait_released:bool file_carried:bool""",
    ),
    "A19": (
        "AMBER+STRICT",
        "H0",
        "POL PRO CRT FOR",
        """exhibit_ref*:ref seq*:int action*:code at*:time place*:geo:Q+DL from_party:agency from_person:str
        to_party:agency to_person:str reason*:text authority*:text seal_no:str hash_before:file-hash
        hash_after:file-hash unavoidable_change:text prev_event_hash*:hash signature*:signature""",
    ),
    "A20": (
        "AMBER+STRICT",
        "H1",
        "POL PRO CRT FOR",
        """exhibit_ref*:ref examiner_code:str tool:object[] acquisition_method:code evidence_type:code
        authorisation_ref*:id findings:text:D report:ref:D extracted_identifiers:ref[]:D
        third_party_data_removed:bool""",
    ),
    "A21": (
        "RED",
        "H2",
        "POL PRO",
        """kind*:code authorisation_ref*:id authorised_until*:time observed_from:time:Q observed_to:time:Q log:ref:DL
        persons_seen:object[]:DL operator_code:str collateral_intrusion:text:D gist:text:D
        deconfliction_ref:id""",
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
    "A25": (
        "AMBER+STRICT",
        "H2",
        "POL SOC NGO-S LAB BOR PRO RAP",
        """referral_ref*:ref status*:code reject_reason:code service_type:code provided_from:date:Q provided_to:date:Q
        planned_end:date:Q objective_met:code case_status:code closure_reason:code onward_referral_needed:bool
        re_trafficked:code:S""",
    ),
    "A26": (
        "RED",
        "H2",
        "POL PRO CRT",
        """kind*:code protected_ref*:ref:D against_ref:ref:Q issued_by:str issued_on:date:Q expires_on*:date:Q
        conditions:text:L protected_places:geo[]:DL emergency_contact:str:DL protected_role*:code""",
    ),
    "A27": (
        "AMBER",
        "H0",
        "POL PRO CRT FOR IOL NGO-S",
        """person_ref:ref stage*:code authority*:str docket_no:str:Q offences:object[] date:date:Q sentence:str
        aggravating:code[] order_kind:code order_doc:ref:D restitution:money heads:code[] subject_role*:code""",
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
    ("A10", "sightings"): "place time basis victim_aboard",
    ("A11", "co_travellers"): "person_ref subject_role",
    ("A14", "nationalities_count"): "country n",
    ("A14", "wage_withheld"): "amount currency",
    ("A15", "transactions"): "number date location description amount_local from_ref to_ref mode",
    ("A15", "parties"): "role ref",
    ("A15", "consent"): "originating_fiu use onward_to",
    ("A18", "hashes"): "alg value",
    ("A20", "tool"): "name version",
    ("A21", "persons_seen"): "person_ref subject_role",
    ("A27", "offences"): "national_code label uniform nibrs",
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
    ("A04", "subject_role"): "witness informant undercover",
    ("A04", "reliability"): "A B C X",
    ("A04", "protection_level"): "none anonymity-requested anonymity-ordered relocated",
    ("A06", "place_role"): (
        "recruitment departure transit border-crossing arrival exploitation stash-house payment shelter"
    ),
    ("A06", "transport"): "air road rail sea foot mixed",
    ("A06", "basis"): "observed reported inferred",
    ("A08", "category"): "subscriber user-identification-only traffic content",
    ("A08", "privileged_material"): "none possible removed",
    ("A09", "kind"): "advert profile post chat page app livestream job-offer",
    ("A11", "kind"): "border-crossing ticket booking visa permit refusal",
    ("A12", "doc_type"): "passport id-card residence visa seaman birth driving laissez-passer",
    ("A12", "status"): ("genuine forged counterfeit fraudulently-obtained stolen lost withheld-by-trafficker unknown"),
    ("A14", "findings"): "1 2 3 4 5 6 7 8 9 10 11",
    ("A14", "measures"): "none notice fine closure police-referral nrm-referral",
    ("A15", "report_code"): "STR CTR EFT IFT CFIR IRD AIFT AIFA LSTRT",
    ("A16", "kind"): "bank-account crypto-wallet cash real-estate vehicle company-share insurance valuable other",
    ("A16", "status"): "identified traced restrained frozen confiscated released returned-to-victim",
    ("A17", "kind"): "victim-interview witness suspect-interview child-interview expert affidavit translation",
    ("A17", "recorded"): "none audio video",
    ("A18", "kind"): ("physical digital-device digital-file image audio video document biological financial-record"),
    ("A18", "container"): "BagIt ASiC-S E01 AFF4 zip none",
    ("A18", "contains_csam"): "no possible yes",
    ("A19", "action"): "seized received released transferred opened copied examined sealed returned destroyed",
    ("A21", "kind"): "physical technical undercover controlled-delivery intercept financial-monitoring",
    ("A25", "status"): "accepted rejected in_progress done revoked",
    ("A25", "reject_reason"): "no-capacity outside-scope client-declined safety unreachable other",
    ("A25", "objective_met"): "yes partly no unknown",
    ("A25", "case_status"): "Active FollowUp Closed ClosedReferred",
    ("A25", "re_trafficked"): "yes no unknown",
    ("A26", "kind"): (
        "protective-order witness-protection non-contact restraining safe-accommodation anonymity-order "
        "reflection-period residence-permit t-visa child-guardian"
    ),
    ("A27", "stage"): (
        "investigation charged trial acquitted convicted sentenced appeal discontinued surrender-ordered order-issued"
    ),
    ("A27", "aggravating"): "minor-victim violence organised-group multiple-victims public-official death",
    ("A27", "order_kind"): "warrant search freezing confiscation production protection compensation",
    ("A27", "heads"): "medical legal psychological lost-earnings other",
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
    ("A20", "acquisition_method"): 7,
    ("A20", "evidence_type"): 7,
    ("A25", "service_type"): 15 + 9 + 4,
}
NESTED_CODES = {
    ("A15", "parties", "role"): 13,
    ("A15", "transactions", "mode"): 16,
    ("A15", "consent", "use"): 2,
    ("A18", "hashes", "alg"): 6,
    ("A27", "offences", "uniform"): 7,
    ("A27", "offences", "nibrs"): 2,
}
MEDIA = {  # beside application/json; the sizes stand in the data files
    "A08": "text/csv application/pdf application/zip",
    "A14": "text/csv",
    "A15": "text/csv",
    "A17": "application/pdf text/plain DOCX audio/wav audio/mpeg video/mp4",
    "A18": (
        "application/pdf text/plain text/csv DOCX XLSX image/jpeg image/png audio/wav audio/mpeg video/mp4 "
        "application/zip application/x-ewf"
    ),
    "A20": "application/pdf text/csv XLSX application/zip",
    "A21": "application/pdf text/csv",
    "A23": "application/pdf image/jpeg image/png",
    "A27": "application/pdf",
    "A28": "text/csv",
}
OFFICE = "application/vnd.openxmlformats-officedocument."


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


def test_all_28_types_are_there_and_no_other() -> None:
    assert list(load().types) == list(TABLE) == list(TYPE_IDS)
    assert len(TABLE) == 28


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
        needed = required or (identifier in ("A01", "A05", "A06") and name == "evaluation")
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
    assert data_type.carries.endswith(".")


@pytest.mark.parametrize("identifier", TABLE)
def test_each_type_lists_its_media_types_with_their_sizes(identifier: str) -> None:
    data_type = load().type(identifier)
    words = MEDIA.get(identifier, "").replace("DOCX", f"{OFFICE}wordprocessingml.document")
    expected = ["application/json", *words.replace("XLSX", f"{OFFICE}spreadsheetml.sheet").split()]
    assert list(data_type.media) == expected
    assert data_type.media_limits["application/json"] == SECTION_BYTES
    assert all(MIB <= limit <= 5 * 1024 * MIB for limit in data_type.media_limits.values())


def test_a_class_that_gets_a_part_only_gets_no_other() -> None:
    assert load().type("A27").parts_for(PartyClass.NGO_S) == ("outcome",)
    assert load().type("A25").parts_for(PartyClass.RAP) == ("outcome",)
    assert load().type("A27").parts_for(PartyClass.PRO) == load().type("A27").parts
    assert load().type("A27").parts_for(PartyClass.SOC) == ()
    assert load().type("A15").parts_for(PartyClass.NGO_S) == ()


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


@pytest.mark.parametrize(("identifier", "name", "inner"), NESTED_CODES)
def test_enumerations_inside_lists(identifier: str, name: str, inner: str) -> None:
    assert len(load().type(identifier).own[name].fields[inner].codes) == NESTED_CODES[identifier, name, inner]


def test_every_code_list_names_its_source_and_no_code_became_a_boolean_or_number() -> None:
    assert load().codes
    for codes in load().codes.values():
        assert codes.source
        assert all(isinstance(code, str) and code == code.strip() for code in codes.codes)
    assert "NO" in load().codes["countries"]
    assert "N" in load().codes["industries"]


@pytest.mark.parametrize("identifier", ["A00", "A29", "a02", "", None, 2, ["A02"]])
def test_what_is_not_a_listed_type_is_refused(identifier: object) -> None:
    with pytest.raises(ContentRefused):
        load().type(identifier)


def test_identity_and_sealed_parts_are_those_that_hold_people() -> None:
    found = {(t.id, part) for t in load().types.values() for part in t.parts if t.identity_part(part)}
    assert found == {
        ("A02", "identity"),
        ("A08", "records"),
        ("A15", "transactions"),
        ("A15", "parties"),
        ("A17", "document"),
        ("A18", "seizure"),
        ("A20", "extracts"),
        ("A21", "persons"),
        ("A23", "document"),
        ("A24", "sealed"),
        ("A25", "recurrence"),
        ("A26", "protected"),
        ("A27", "judgment"),
    }
    assert {t.id for t in load().types.values() if "sealed" in t.purposes.values()} == {"A23", "A24"}


def test_coded_parts_hold_no_free_text() -> None:
    coded = {(t.id, part) for t in load().types.values() for part in t.parts if not t.has_free_text(part)}
    assert coded == {
        ("A01", "report"),
        ("A02", "facts"),
        ("A04", "assessment"),
        ("A07", "facts"),
        ("A08", "records"),
        ("A12", "document"),
        ("A15", "parties"),
        ("A15", "report"),
        ("A16", "asset"),
        ("A16", "identifier"),
        ("A17", "record"),
        ("A18", "item"),
        ("A20", "extracts"),
        ("A20", "product"),
        ("A21", "persons"),
        ("A21", "product"),
        ("A25", "outcome"),
        ("A25", "recurrence"),
        ("A27", "judgment"),
        ("A27", "outcome"),
        ("A10", "registration"),
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


def _names(fields: Mapping[str, Field]) -> Iterator[str]:
    for name, spec in fields.items():
        yield name
        yield from _names(spec.fields)


CONSENTS = {"A15": {"consent"}, "A23": {"disclose_to"}, "A24": {"consent_ref", "no_consent_reason"}}
"""Fields that speak of consent: of an FIU to the use of its report, of a person to sharing; none to exploitation."""


@pytest.mark.parametrize("identifier", TABLE)
def test_nobody_is_asked_whether_a_victim_consented_to_exploitation(identifier: str) -> None:
    words = ("consent", "agreed", "willing", "volunt", "cooperat", "accept")
    found = {name for name in _names(load().type(identifier).own) if any(word in name for word in words)}
    assert found <= CONSENTS.get(identifier, set())
    codes = {code for spec in _specs(load().type(identifier).own) for code in spec.codes}
    assert not [code for code in codes if "consent" in code and identifier not in ("A23", "A24")]


def _specs(fields: Mapping[str, Field]) -> Iterator[Field]:
    for spec in fields.values():
        yield spec
        yield from _specs(spec.fields)


def test_immigration_status_and_statements_stand_where_they_are_allowed_and_nowhere_else() -> None:
    for data_type in load().types.values():
        names = set(_names(data_type.own))
        assert not [n for n in names if "immigration" in n or "residence" in n] or data_type.id == "A02"
        assert "statement" not in names
        assert not {"image", "picture", "thumbnail", "photo", "video"} & {
            n for n in names if data_type.own.get(n) is not None and data_type.own[n].kind != "ref"
        }


def test_every_person_that_an_object_speaks_of_has_one_category_and_it_is_said() -> None:
    """R-01: the field that says whose data it is, is required and holds one code; so in lists of other people."""
    deciders = {t.id: t.role.field for t in load().types.values() if t.role.field}
    assert deciders == {
        "A02": "subject_role",
        "A03": "subject_role",
        "A04": "subject_role",
        "A07": "owner_role",
        "A09": "subject_role",
        "A10": "keeper_role",
        "A11": "subject_role",
        "A12": "holder_role",
        "A16": "holder_role",
        "A17": "maker_role",
        "A26": "protected_role",
        "A27": "subject_role",
    }
    for identifier, name in deciders.items():
        spec = load().type(identifier).own[name]
        assert (spec.required, spec.many, spec.kind) == (True, False, "code")
        assert spec.parts == load().type(identifier).parts
    lists = {(t.id, s.name) for t in load().types.values() for s in t.own.values() if s.whose}
    assert lists == {("A10", "sightings"), ("A11", "co_travellers"), ("A15", "parties"), ("A21", "persons_seen")}


def test_every_code_that_says_whose_data_it_is_means_a_role() -> None:
    for data_type in load().types.values():
        if data_type.role.field:
            for code in data_type.own[data_type.role.field].codes:
                told = data_type.role.roles({data_type.role.field: code})
                assert told and (Role.UNKNOWN not in told or code == "unknown"), (data_type.id, code)


def test_special_categories_of_personal_data_are_listed_and_are_sensitive() -> None:
    """R-20; `LED` art. 10 and GDPR art. 9."""
    listed = {(t.id, spec.name): spec.special for t in load().types.values() for spec in _specs(t.own) if spec.special}
    assert listed == {
        ("A02", "gender"): "sex-life-or-orientation",
        ("A05", "sex_exploitation"): "sex-life-or-orientation",
        ("A24", "gender"): "sex-life-or-orientation",
        ("A24", "dietary_religious"): "religion-or-belief",
        ("A24", "medical_needs"): "health",
        ("A24", "medication"): "health",
        ("A24", "disability"): "health",
    }
    for identifier, name in listed:
        spec = load().type(identifier).own[name]
        assert Flag.SENSITIVE in spec.flags.union(*(flags for _, flags in spec.flags_if))
