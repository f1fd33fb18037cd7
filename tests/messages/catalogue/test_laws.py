"""Every content law with what it allows and its twin that it refuses."""

from typing import Any

import pytest

from messages.catalogue import load
from messages.catalogue.laws import LAWS
from messages.errors import ContentRefused
from tests.messages.catalogue.samples import CONSENT, OBJECTS, sample

CITY = {"country": "NL", "place": "Breda", "precision": "city"}
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
    ],
)
def test_a_forbidden_field_is_refused_with_the_reason_and_never_dropped(identifier: str, name: str) -> None:
    data_type = load().type(identifier)
    with pytest.raises(ContentRefused, match=data_type.refused[name][:20]):
        data_type.validate(sample(identifier, **{name: "x"}))
