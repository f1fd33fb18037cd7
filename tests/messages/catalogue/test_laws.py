"""Every content law with what it allows and its twin that it refuses."""

from typing import Any

import pytest

from messages.catalogue import load
from messages.catalogue.laws import LAWS
from messages.errors import ContentRefused
from tests.messages.catalogue.samples import CONSENT, OBJECTS, SHA256, sample

CITY = {"country": "NL", "place": "Breda", "precision": "city"}
CREATED = OBJECTS["A01"]["created"]
SHA512 = {"alg": "sha512", "value": "ab" * 64}
MD5 = {"alg": "md5", "value": "ef" * 16}
FALSE_ZONE = OBJECTS["A12"]["mrz"].replace("740812", "740813")
CHILD = {"kind": "child-interview", "maker_role": "victim"}
NO_COPY = {**CHILD, "redacted_version": None}
PHYSICAL = {"kind": "biological", "hashes": None, "file_carried": False}
TWINS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    # law, type, changes that are allowed, changes that are refused
    ("palermo-means", "A05", {"means": None, "child_victim": True}, {"means": None, "child_victim": False}),
    ("palermo-means", "A05", {"means": ["fraud"], "child_victim": None}, {"means": None, "child_victim": None}),
    ("palermo-means", "A05", {"means": [], "child_victim": True}, {"means": [], "child_victim": None}),
    ("dates-in-order", "A05", {"date_from": "2026-03-09", "date_to": "2026-03"}, {"date_to": "2025-11-01"}),
    ("dates-in-order", "A05", {"date_from": "2025", "date_to": "2025-01"}, {"date_from": "2027"}),
    (
        "seen-in-order",
        "A07",
        {"first_seen": "2026-01-02T10:00:00+02:00", "last_seen": "2026-01-02T09:00:00Z"},
        {"first_seen": "2026-01-02T10:00:00Z", "last_seen": "2026-01-02T10:30:00+02:00"},
    ),
    ("precision-place", "A05", {"place": CITY}, {"place": {**CITY, "precision": "country"}}),
    (
        "precision-place",
        "A05",
        {"place": {"country": "NL", "lat": 1.5, "lon": 2, "precision": "point"}},
        {"place": {"country": "NL", "lat": 1.5, "lon": 2, "precision": "city"}},
    ),
    (
        "precision-place",
        "A05",
        {"place": {"country": "NL", "admin1": "NL-ZH", "precision": "admin1"}},
        {"place": {"country": "NL", "admin1": "NL-ZH", "precision": "country"}},
    ),
    (
        "precision-place",
        "A05",
        {"place": {"country": "NL", "precision": "country"}},
        {"place": {"country": "NL", "lat": 1, "precision": "point"}},
    ),
    ("precision-address", "A13", {"address": CITY}, {"address": {**CITY, "precision": "admin1"}}),
    ("precision-victim-places", "A02", {"current_location": CITY}, {"current_location": {**CITY, "lat": 1, "lon": 1}}),
    ("precision-suspect-places", "A03", {"addresses": [CITY]}, {"addresses": [CITY, {**CITY, "precision": "country"}]}),
    ("no-small-cell", "A28", {"value": 11}, {"value": 10}),
    ("no-small-cell", "A28", {"value": None, "method": "suppressed"}, {"value": 0, "method": "suppressed"}),
    ("no-small-cell", "A28", {"value": 12}, {"value": None}),
    ("no-small-cell", "A28", {"value": 20, "method": "rounded"}, {"value": 20, "method": "suppressed"}),
    ("no-small-cell", "A28", {"method": "dp"}, {"method": "dp", "epsilon": None}),
    ("no-small-cell", "A28", {"method": "dp", "release_no": 2}, {"method": "exact", "release_no": 2}),
    ("consent-or-reason", "A24", {"no_consent_reason": None}, {"no_consent_reason": None, "consent_ref": None}),
    (
        "consent-or-reason",
        "A24",
        {"consent_ref": None, "no_consent_reason": "child", "adult_child": "child", "age_band": "9-17"},
        {"consent_ref": None, "no_consent_reason": "child"},
    ),
    (
        "consent-or-reason",
        "A24",
        {"consent_ref": None, "no_consent_reason": "emergency-vital-interest", "priority": "emergency-24h"},
        {"consent_ref": None, "no_consent_reason": "emergency-vital-interest", "priority": "normal-2w"},
    ),
    ("band-fits-adult-child", "A24", {"age_band": "18-20"}, {"age_band": "9-17"}),
    (
        "band-fits-adult-child",
        "A24",
        {"adult_child": "unknown", "age_band": "9-17"},
        {"adult_child": "child", "age_band": "48+"},
    ),
    ("identifier-fits-kind", "A07", {"value": "0031 (6) 5550-0199"}, {"value": "Ilse Vantongeren"}),
    ("identifier-fits-kind", "A07", {"kind": "imei", "value": "3" * 15}, {"kind": "imei", "value": "3" * 13}),
    ("identifier-fits-kind", "A07", {"kind": "imsi", "value": "3" * 15}, {"kind": "imsi", "value": "3" * 16}),
    ("identifier-fits-kind", "A07", {"kind": "iccid", "value": "8" * 19}, {"kind": "iccid", "value": "8" * 17}),
    ("identifier-fits-kind", "A07", {"kind": "email", "value": "a@example.org"}, {"kind": "email", "value": "a"}),
    ("identifier-fits-kind", "A07", {"kind": "handle", "value": "@ilka_99"}, {"kind": "handle", "value": "il ka"}),
    ("identifier-fits-kind", "A07", {"kind": "messenger-id", "value": "any thing"}, {"kind": "url", "value": "x"}),
    ("identifier-fits-kind", "A07", {"kind": "url", "value": "https://e.org/a"}, {"kind": "url", "value": "e.org"}),
    ("identifier-fits-kind", "A07", {"kind": "ip", "value": "2001:db8::1"}, {"kind": "ip", "value": "300.1.1.1"}),
    ("identifier-fits-kind", "A07", {"kind": "mac", "value": "00:1A:2b:3C:4d:5E"}, {"kind": "mac", "value": "00:1A"}),
    (
        "indicator-numbers",
        "A22",
        {"indicators": [{"dimension": "recruitment-by-abuse-of-vulnerability", "code": 16}]},
        {"indicators": [{"dimension": "exploitative-conditions", "code": 10}]},
    ),
    ("consent-is-timed", "A23", {}, {"expires_on": "2026-03-12T11:00:00Z"}),
    ("consent-is-timed", "A23", {"withdrawn_on": "2026-03-12T11:00:00Z"}, {"withdrawn_on": "2026-03-12T10:59:59Z"}),
    (
        "named-are-named",
        "A23",
        {"disclose_to": ["authorities"], "named_recipients": None},
        {"disclose_to": ["named"], "named_recipients": None},
    ),
    ("named-are-named", "A23", {}, {"disclose_to": ["authorities"]}),
    ("hashes-fit-document", "A23", {"document_hash": SHA512}, {"document_hash": {**SHA512, "alg": "sha256"}}),
    ("minor-is-said", "A03", {"dob": "2008", "is_minor": True}, {"dob": "2008"}),
    ("minor-is-said", "A03", {"dob": "2010-01-01", "is_minor": "unknown"}, {"dob": "2010-01-01", "is_minor": None}),
    ("no-shelter", "A06", {"place_role": "stash-house"}, {"place_role": "shelter"}),
    ("precision-place", "A06", {"place": CITY}, {"place": {**CITY, "precision": "admin1"}}),
    ("presence-in-order", "A06", {"seen_from": None}, {"seen_to": "2026-01-31T00:00:00Z"}),
    ("data-authorisation", "A08", {"authorised_until": CREATED}, {"authorised_until": "2026-03-14T09:25:59Z"}),
    (
        "data-authorisation",
        "A08",
        {"category": "subscriber", "authorised_until": None},
        {"category": "content", "authorised_until": None},
    ),
    ("data-authorisation", "A08", {"period": [CREATED, CREATED]}, {"period": [CREATED, "2026-04-01T00:00:01Z"]}),
    ("no-capture-of-a-child", "A09", {"apparent_minor": True, "capture": None}, {"apparent_minor": True}),
    ("hashes-fit-capture", "A09", {"capture_hash": SHA512}, {"capture_hash": {**SHA512, "alg": "sha384"}}),
    (
        "vehicle-is-told",
        "A10",
        {"plate": None, "vin": None, "model": None},
        {"plate": None, "vin": None, "model": None, "make": None},
    ),
    ("plate-has-country", "A10", {"plate": None, "plate_country": None}, {"plate_country": None}),
    (
        "precision-sightings",
        "A10",
        {"sightings": [{"place": CITY, "time": CREATED}]},
        {"sightings": [{"place": CITY, "time": CREATED}, {"place": {**CITY, "precision": "country"}, "time": CREATED}]},
    ),
    ("journey-is-told", "A11", {"from": None}, {"from": None, "to": None}),
    ("precision-journey", "A11", {"to": {"country": "NL", "precision": "country"}}, {"to": {**CITY, "lat": 1.0}}),
    ("document-in-order", "A12", {"issued": "2024", "expires": "2024-04-15"}, {"expires": "2014-04-14"}),
    ("mrz-checks", "A12", {"mrz": None, "number": "ZX4410023"}, {"number": "ZX4410023"}),
    ("mrz-checks", "A12", {"mrz": FALSE_ZONE, "status": "forged"}, {"mrz": FALSE_ZONE}),
    ("lei-checks", "A13", {"lei": None}, {"lei": "5493001KJTIIGC8Y1R13"}),
    ("precision-site", "A14", {"site": CITY}, {"site": {**CITY, "precision": "country"}}),
    ("no-more-than-found", "A14", {"workers_found": None}, {"workers_found": 11}),
    ("identifier-fits-asset", "A16", {"identifier": "NL91ABNA0417164300"}, {"identifier": "NL92ABNA0417164300"}),
    ("identifier-fits-asset", "A16", {"identifier": "0417-164-300"}, {"kind": "vehicle", "identifier": "a b"}),
    (
        "identifier-fits-asset",
        "A16",
        {"kind": "crypto-wallet", "identifier": "bc1q" + "x" * 38},
        {"kind": "crypto-wallet", "identifier": "bc1q"},
    ),
    ("child-is-accompanied", "A17", CHILD, {**CHILD, "guardian_present": None}),
    ("child-is-accompanied", "A17", {"guardian_present": None}, {**CHILD, "support_person_present": None}),
    ("child-has-redacted-copy", "A17", {**CHILD, "document": None, "redacted_version": None}, NO_COPY),
    ("statement-fits-maker", "A17", {"maker_role": "presumed-victim"}, {"maker_role": "suspect"}),
    (
        "statement-fits-maker",
        "A17",
        {"kind": "suspect-interview", "maker_role": "suspect"},
        {"kind": "suspect-interview", "maker_role": "victim"},
    ),
    (
        "statement-fits-maker",
        "A17",
        {"kind": "expert", "maker_role": "third-party"},
        {"kind": "witness", "maker_role": "suspect"},
    ),
    ("sha256-is-there", "A18", {"hashes": [SHA256]}, {"hashes": [{"alg": "sha1", "value": "cd" * 20}]}),
    ("sha256-is-there", "A18", PHYSICAL, {**PHYSICAL, "kind": "image", "intimate_or_child": "no"}),
    ("sha256-is-there", "A18", {"hashes": [SHA256, MD5]}, {"hashes": [MD5, {"alg": "sha1", "value": "cd" * 20}]}),
    ("hashes-fit-exhibit", "A18", {"hashes": [SHA256, SHA512]}, {"hashes": [SHA256, {**MD5, "alg": "sha1"}]}),
    ("precision-seizure", "A18", {"seized_place": CITY}, {"seized_place": {**CITY, "precision": "admin1"}}),
    ("abuse-material-stays", "A18", {"contains_csam": "yes", "file_carried": False}, {"contains_csam": "yes"}),
    ("abuse-material-stays", "A18", {"contains_csam": "possible", "file_carried": None}, {"contains_csam": "possible"}),
    ("abuse-material-stays", "A18", {"contains_csam": None, "file_carried": None}, {"contains_csam": None}),
    ("abuse-material-stays", "A18", {"kind": "image"}, {"kind": "image", "intimate_or_child": None}),
    (
        "abuse-material-stays",
        "A18",
        {"kind": "image", "intimate_or_child": "yes", "portrait_released": True},
        {"kind": "image", "intimate_or_child": "yes"},
    ),
    (
        "abuse-material-stays",
        "A18",
        {"kind": "video", "intimate_or_child": "yes", "file_carried": False},
        {"kind": "video", "intimate_or_child": "yes", "portrait_released": True},
    ),
    ("abuse-material-stays", "A18", {"kind": "physical", "file_carried": False}, {"kind": "physical"}),
    ("abuse-material-stays", "A18", {"file_carried": False, "size": None}, {"size": None}),
    (
        "custody-links",
        "A19",
        {"seq": 1, "prev_event_hash": {**SHA256, "value": "0" * 64}},
        {"seq": 2, "prev_event_hash": {**SHA256, "value": "0" * 64}},
    ),
    ("custody-links", "A19", {"seq": 3}, {"seq": 1}),
    ("custody-parties", "A19", {"action": "sealed", "to_party": None}, {"to_party": None}),
    (
        "custody-change",
        "A19",
        {"hash_after": SHA256, "unavoidable_change": None},
        {"unavoidable_change": None},
    ),
    ("hashes-fit-custody", "A19", {"hash_before": None}, {"hash_before": {**SHA256, "alg": "sha512"}}),
    ("precision-place", "A19", {"place": CITY}, {"place": {**CITY, "precision": "country"}}),
    ("surveillance-authorisation", "A21", {"authorised_until": CREATED}, {"authorised_until": "2026-03-14T00:00:00Z"}),
    (
        "surveillance-authorisation",
        "A21",
        {"observed_to": "2026-05-01T00:00:00Z"},
        {"observed_to": "2026-05-01T00:00:01Z"},
    ),
    ("observed-in-order", "A21", {"observed_from": None}, {"observed_from": "2026-03-10T00:00:00Z"}),
    ("provided-in-order", "A25", {"provided_to": "2026-03"}, {"provided_to": "2026-03-14"}),
    (
        "outcome-is-told",
        "A25",
        {"status": "rejected", "reject_reason": "no-capacity"},
        {"reject_reason": "no-capacity"},
    ),
    ("outcome-is-told", "A25", {"closure_reason": None, "case_status": "Active"}, {"case_status": "Active"}),
    ("outcome-is-told", "A25", {}, {"status": "rejected"}),
    ("measure-in-order", "A26", {"issued_on": "2026"}, {"expires_on": "2026-03-09"}),
    (
        "precision-protected-places",
        "A26",
        {"protected_places": [CITY]},
        {"protected_places": [{**CITY, "precision": "country"}]},
    ),
    ("offences-are-coded", "A27", {"stage": "investigation", "offences": None}, {"stage": "charged", "offences": None}),
    (
        "offences-are-coded",
        "A27",
        {"offences": [{"uniform": "THB"}]},
        {"offences": [{"uniform": "THB"}, {"label": "x"}]},
    ),
    ("order-is-named", "A27", {"stage": "order-issued"}, {"stage": "order-issued", "order_kind": None}),
    ("order-is-named", "A27", {"heads": None, "restitution": None}, {"restitution": None}),
]
SEALED = [
    "name_used",
    "contact",
    "dietary_religious",
    "medical_needs",
    "medication",
    "disability",
    "risk_detail",
    "perpetrator_nearby",
]
ANONYMOUS = {"no_consent_reason": "duty-to-notify-anonymous", "consent_ref": None, **dict.fromkeys(SEALED)}


@pytest.mark.parametrize(("law", "identifier", "allowed", "refused"), TWINS)
def test_a_law_allows_one_twin_and_refuses_the_other(
    law: str, identifier: str, allowed: dict[str, Any], refused: dict[str, Any]
) -> None:
    data_type = load().type(identifier)
    data_type.validate(sample(identifier, **allowed))
    bad = sample(identifier, **refused)
    with pytest.raises(ContentRefused, match=identifier):
        data_type.validate(bad)
    needs = dict(data_type.laws)[law]
    if len(needs) == 1:  # a section alone is judged by the same law
        fields = data_type.part_fields(needs[0])
        with pytest.raises(ContentRefused):
            data_type.validate_part(needs[0], {n: v for n, v in bad.items() if n in fields})


@pytest.mark.parametrize("name", SEALED)
def test_the_anonymous_route_takes_no_sealed_field_at_all(name: str) -> None:
    data_type = load().type("A24")
    data_type.validate(sample("A24", **ANONYMOUS))
    with pytest.raises(ContentRefused):
        data_type.validate(sample("A24", **{**ANONYMOUS, name: OBJECTS["A24"][name]}))


def test_the_anonymous_route_carries_no_consent_that_would_name_the_person() -> None:
    with pytest.raises(ContentRefused):
        load().type("A24").validate(sample("A24", **{**ANONYMOUS, "consent_ref": CONSENT}))


def test_every_law_is_tried() -> None:
    used = {law for data_type in load().types.values() for law, _ in data_type.laws}
    assert used == set(LAWS)
    assert used == {law for law, *_ in TWINS} | {"anonymous-is-anonymous"}


@pytest.mark.parametrize("name", ["acts", "purposes"])
def test_an_event_needs_an_act_and_a_purpose(name: str) -> None:
    values: list[Any] = [None, []]
    for value in values:
        with pytest.raises(ContentRefused, match=name):
            load().type("A05").validate(sample("A05", **{name: value}))


@pytest.mark.parametrize(
    ("identifier", "name"),
    [
        ("A02", "health_notes"),
        ("A05", "victim_consented"),
        ("A24", "immigration_status"),
        ("A24", "statement"),
        ("A24", "sexual_history"),
        ("A23", "cooperates_with_police"),
        ("A04", "true_identity"),
        ("A04", "name"),
        ("A06", "shelter_name"),
        ("A09", "image"),
        ("A14", "immigration_status"),
        ("A14", "work_permit"),
        ("A20", "examiner_name"),
        ("A21", "operator_name"),
        ("A25", "text"),
        ("A25", "location"),
    ],
)
def test_a_forbidden_field_is_refused_with_the_reason_and_never_dropped(identifier: str, name: str) -> None:
    data_type = load().type(identifier)
    with pytest.raises(ContentRefused, match=data_type.refused[name][:20]):
        data_type.validate(sample(identifier, **{name: "x"}))


def test_every_refused_word_is_explained_and_is_no_field_of_its_type() -> None:
    for data_type in load().types.values():
        for word, why in data_type.refused.items():
            assert why.endswith(".") and word not in data_type.fields


def test_every_law_says_what_it_demands_without_values() -> None:
    for name, law in LAWS.items():
        assert law.says.endswith(".") and 10 < len(law.says) < 220, name


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TEXTS = [(t.id, name) for t in load().types.values() for name, spec in t.own.items() if spec.kind == "text"]


@pytest.mark.parametrize(("identifier", "name"), TEXTS)
@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("see data: image 4 of the ledger", True),
        ("https://example.org/" + "a" * 900, True),
        (("word " * 15 + "\n") * 40, True),
        (f"data:image/png;base64,{PIXEL}", False),
        (f"see DATA:Video/mp4,{PIXEL}", False),
        ("A" * 1000, False),
        ("\n".join("A1b2" * 19 for _ in range(14)), False),
    ],
)
def test_no_text_embeds_a_picture_a_sound_or_a_film(identifier: str, name: str, text: str, allowed: bool) -> None:
    data_type = load().type(identifier)
    obj = sample(identifier, **{name: text})
    if allowed:
        assert data_type.validate(obj)[name] == text
        return
    with pytest.raises(ContentRefused, match="embedded"):
        data_type.validate(obj)
    for part, fields in ((p, data_type.part_fields(p)) for p in data_type.parts if name in data_type.part_fields(p)):
        with pytest.raises(ContentRefused, match="embedded"):
            data_type.validate_part(part, {n: v for n, v in obj.items() if n in fields})


@pytest.mark.parametrize(
    ("identifier", "name"),
    [
        ("A17", "interpreter_code"),
        ("A18", "seized_by"),
        ("A19", "from_person"),
        ("A19", "to_person"),
        ("A20", "examiner_code"),
        ("A21", "operator_code"),
    ],
)
def test_who_does_the_work_is_named_by_a_code_and_never_by_a_name(identifier: str, name: str) -> None:
    for code in ("OP-4471", "HP20417", "V-7K3Q-9MXA-TR", "cabcdefghijkl"):
        load().type(identifier).validate(sample(identifier, **{name: code}))
    for wrong in ("Ilse Vantongeren", "Jansen", "JANSEN", "J. Jansen 1", "harbour-police/jansen", "JAN-12", "1234"):
        with pytest.raises(ContentRefused, match="never a name"):
            load().type(identifier).validate(sample(identifier, **{name: wrong}))
