"""What must hold between the objects of one message: each law with what it allows and its twin that it refuses."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.catalogue import across, load
from messages.errors import ContentRefused
from messages.labels import Kind, Role
from tests.messages.catalogue.samples import DOCUMENT, OBJECTS, ORDER, PAPER, SUSPECT, VICTIM, sample

Objects = list[dict[str, Any]]
NAMES = [{"given": "Ilse", "family": "Vantongeren"}]


def _all(**changes: dict[str, Any]) -> Objects:
    """All 28 samples as one message, with `changes` by type."""
    found = [sample(identifier, **changes.get(identifier, {})) for identifier in OBJECTS]
    for obj in found:
        load().type(obj["type"]).validate(obj)
    return found


def test_all_samples_together_are_a_message_that_holds() -> None:
    across.check(_all())
    across.check(_all(), Kind.INTEL_REPORT)
    across.check([])


Change = dict[str, dict[str, Any]]
TWINS: list[tuple[str, Change, Change]] = [
    ("references-fit", {"A05": {"victim_refs": [VICTIM]}}, {"A05": {"victim_refs": [SUSPECT]}}),
    ("references-fit", {"A18": {"authority_ref": ORDER}}, {"A18": {"authority_ref": PAPER}}),
    (
        "references-fit",
        {"A21": {"persons_seen": [{"person_ref": VICTIM, "subject_role": "victim"}]}},
        {"A21": {"persons_seen": [{"person_ref": ORDER, "subject_role": "victim"}]}},
    ),
    ("one-category", {"A12": {"holder_role": "presumed-victim"}}, {"A12": {"holder_role": "suspect"}}),
    ("one-category", {"A16": {"holder_role": "victim"}}, {"A16": {"holder_role": "third-party"}}),
    ("one-category", {"A11": {"subject_role": "unknown"}}, {"A11": {"subject_role": "contact"}}),
    ("one-category", {"A26": {"protected_role": "witness"}}, {"A26": {"protected_role": "associate"}}),
    ("one-category", {"A27": {"subject_role": "victim"}}, {"A27": {"subject_role": "suspect"}}),
    (
        "one-category",
        {"A21": {"persons_seen": [{"person_ref": VICTIM, "subject_role": "unknown"}]}},
        {"A21": {"persons_seen": [{"person_ref": VICTIM, "subject_role": "suspect"}]}},
    ),
    (
        "possible-victim-is-said",
        {"A03": {"names": NAMES, "possible_victim": True}},
        {"A03": {"names": NAMES, "dob": None}},
    ),
    (
        "possible-victim-is-said",
        {"A03": {"names": NAMES, "dob": "1980-05"}},
        {"A03": {"names": NAMES, "dob": "1999-02", "possible_victim": None}},
    ),
    (
        "possible-victim-is-said",
        {"A03": {"names": [{"given": "Ilse", "family": "Jansen"}], "dob": None}},
        {
            "A03": {"names": [{"given": "ILSE Marie", "family": "van-tongeren"}], "dob": None},
            "A02": {"second_name": "Van Tongeren"},
        },
    ),
    (
        "possible-victim-is-said",
        {"A03": {"identity_documents": [DOCUMENT], "possible_victim": True}},
        {"A03": {"identity_documents": [DOCUMENT]}},
    ),
    (
        "possible-victim-is-said",
        {"A03": {"identity_documents": [DOCUMENT]}, "A12": {"holder_ref": None}},
        {
            "A03": {"identity_documents": [DOCUMENT]},
            "A12": {"holder_ref": None},
            "A02": {"identity_number": "l898902-c3"},
        },
    ),
    (
        "possible-victim-is-said",
        {"A15": {"parties": [{"role": "PYEE", "ref": SUSPECT}]}},
        {"A15": {"parties": [{"role": "VCTM", "ref": SUSPECT}]}},
    ),
    (
        "possible-victim-is-said",
        {"A17": {"maker_ref": SUSPECT, "maker_role": "suspect", "kind": "suspect-interview"}},
        {"A17": {"maker_ref": SUSPECT}},
    ),
    ("consent-is-theirs", {}, {"A23": {"about": "V-0000-0000-00"}}),
]


@pytest.mark.parametrize(("law", "allowed", "refused"), TWINS)
def test_a_law_between_objects_allows_one_twin_and_refuses_the_other(
    law: str, allowed: Change, refused: Change
) -> None:
    # where a suspect is a possible victim, whoever speaks of the person says so too
    kept = ["A02", "A03", "A12"] if allowed.get("A03", {}).get("possible_victim") else list(OBJECTS)
    across.check([obj for obj in _all(**allowed) if obj["type"] in kept])
    bad = _all(**refused)
    with pytest.raises(ContentRefused) as caught:
        across.check(bad)
    with pytest.raises(across.Broken):
        across.ACROSS[law].check(bad, None)
    assert "objects[" in str(caught.value)
    written = [text for obj in bad for _, spec, text in load().type(obj["type"]).strings(obj) if spec.kind != "code"]
    assert not [text for text in written if len(text) > 4 and text in str(caught.value)]


@pytest.mark.parametrize("kind", Kind)
def test_a_portrait_is_released_for_an_alert_and_for_nothing_else(kind: Kind) -> None:
    portrait = [sample("A18", kind="image", intimate_or_child="yes", portrait_released=True)]
    load().type("A18").validate(portrait[0])
    if kind is Kind.ALERT:
        across.check(portrait, kind)
        return
    with pytest.raises(ContentRefused, match="alert"):
        across.check(portrait, kind)


def test_custody_events_of_one_exhibit_have_numbers_of_their_own_in_the_order_of_time() -> None:
    one = sample("A19")
    other = sample("A19", id=OBJECTS["A20"]["id"], seq=3, at="2026-03-05T09:00:00Z")
    across.check([other, one])
    for changes in ({"seq": 2}, {"at": "2026-03-04T08:59:59Z"}):
        with pytest.raises(ContentRefused, match="A19"):
            across.check([one, {**other, **changes}])
    across.check([one, {**other, "seq": 2, "exhibit_ref": OBJECTS["A22"]["id"]}])


def test_every_law_between_objects_is_tried_and_says_what_it_demands() -> None:
    assert set(across.ACROSS) == {law for law, *_ in TWINS} | {"portrait-in-alert", "custody-in-order"}
    assert all(law.says.endswith(".") and law.source for law in across.ACROSS.values())


@given(
    st.permutations(list(OBJECTS)).flatmap(lambda order: st.lists(st.sampled_from(order), max_size=8, unique=True)),
    st.sampled_from([None, *Kind]),
)
def test_any_samples_in_any_order_hold_and_nothing_but_the_promised_error_is_raised(
    chosen: list[str], kind: Kind | None
) -> None:
    across.check([sample(identifier) for identifier in chosen], kind)


LINKS: list[Callable[[str], dict[str, Any]]] = [
    lambda role: sample("A12", holder_role=role),
    lambda role: sample("A16", holder_role=role),
    lambda role: sample("A11", subject_role=role),
    lambda role: sample("A27", subject_role=role),
]


@pytest.mark.parametrize("role", Role)
def test_a_protected_person_keeps_a_protected_category_wherever_the_message_speaks_of_them(role: Role) -> None:
    for make in LINKS:
        objects = [sample("A02"), make(role.value)]
        if role.protected:
            across.check(objects)
        else:
            with pytest.raises(ContentRefused, match="R-01"):
                across.check(objects)
