"""Message kinds: what a cover must say is said by each kind, and whatever is written an error never quotes it."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.catalogue import CoverField, MessageKind, load
from messages.catalogue.kinds import ALWAYS, DRIVERS
from messages.errors import ContentRefused
from messages.labels import Kind

KINDS = load().kinds
MARKER = "Zzyzx-Marker-Ioana"
VALUES = {
    "text": "Something",
    "texts": ["One", "Two"],
    "date": "2026-12-01",
    "message": "3fae4b20-5b0b-4c8e-9a6a-3d1f0b7c2e11",
    "messages": ["3fae4b20-5b0b-4c8e-9a6a-3d1f0b7c2e11"],
    "agency": "aabcdefghijk2",
    "digests": ["a" * 64],
    "number": "3",
    "language": "en",
}
WRONG = {
    "text": ["", "   ", "a\x00b", "x" * 2001, 7, None, ["x"], {}],
    "texts": [[], "x", [""], ["x"] * 51, [7], None],
    "date": ["2026", "2026-13-01", "2026-02-30", "01.12.2026", "", 20261201],
    "message": ["", "x", "3fae4b20-5b0b-1c8e-9a6a-3d1f0b7c2e11", 7],
    "messages": [[], "3fae4b20-5b0b-4c8e-9a6a-3d1f0b7c2e11", ["x"]],
    "agency": ["Harbour Police", "", 7],
    "digests": [[], ["abc"], ["A" * 64], "a" * 64],
    "number": ["", "-1", "1.5", "one", "٣", 3],
    "language": ["English", "EN", "", 7],
    "code": [MARKER, "", 7, None, ["x"]],
    "codes": [[], [MARKER], "x", [7]],
}


def value(field: CoverField) -> Any:
    if field.code_list:
        first = next(iter(field.codes))
        return first if field.type == "code" else [first]
    return VALUES[field.type]


def full(kind: MessageKind) -> dict[str, Any]:
    """A cover that has all that the kind demands, with the first code of each list."""
    cover = {name: value(kind.fields[name]) for name in kind.cover}
    return {name: value(kind.fields[name]) for name in kind.demands(cover)} | cover | kind.fixed


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda k: k.kind.value)
def test_a_cover_with_all_that_is_demanded_is_accepted_and_copied(kind: MessageKind) -> None:
    cover = full(kind)
    assert kind.check(cover) == cover
    assert kind.check(cover) is not cover


@pytest.mark.parametrize(
    ("kind", "name"), [(k, n) for k in KINDS.values() for n in k.cover], ids=lambda v: getattr(v, "number", v)
)
def test_every_demanded_field_is_demanded(kind: MessageKind, name: str) -> None:
    cover = full(kind)
    del cover[name]
    with pytest.raises(ContentRefused, match=name):
        kind.check(cover)


CONDITIONAL = [
    (kind, field, code, demanded)
    for kind in KINDS.values()
    for field, codes in kind.when.items()
    for code, names in codes.items()
    for demanded in names
]


def test_some_codes_demand_more() -> None:
    assert {k.kind for k, _, _, _ in CONDITIONAL} == {
        Kind.RFI_RESPONSE,
        Kind.MLA_RESPONSE,
        Kind.DISSEMINATION_PERMISSION,
    }


@pytest.mark.parametrize(
    ("kind", "field", "code", "demanded"), CONDITIONAL, ids=lambda v: getattr(v, "number", None) or str(v)
)
def test_a_code_that_demands_a_field_is_refused_without_it(
    kind: MessageKind, field: str, code: str, demanded: str
) -> None:
    cover = full(kind) | {field: code}
    cover |= {name: value(kind.fields[name]) for name in kind.when[field][code]}
    assert kind.check(cover)
    del cover[demanded]
    with pytest.raises(ContentRefused, match=demanded):
        kind.check(cover)


@pytest.mark.parametrize(
    ("kind", "name"), [(k, n) for k in KINDS.values() for n in k.fields], ids=lambda v: getattr(v, "number", v)
)
def test_a_wrong_value_is_refused_in_words_that_name_the_field_and_never_the_value(
    kind: MessageKind, name: str
) -> None:
    field = kind.fields[name]
    assert len(WRONG[field.type]) >= 3
    for wrong in WRONG[field.type]:
        with pytest.raises(ContentRefused) as caught:
            kind.check(full(kind) | {name: wrong})
        text = str(caught.value)
        assert name in text and kind.kind.value in text and text.endswith(".")
        assert MARKER not in text


wild = st.recursive(
    st.just(MARKER) | st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.just(MARKER) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(KINDS)), wild)
def test_whatever_is_given_as_a_cover_the_answer_is_a_cover_or_a_refusal_that_quotes_nothing(
    kind: Kind, cover: object
) -> None:
    try:
        KINDS[kind].check(cover)
    except ContentRefused as error:
        assert MARKER not in str(error)


def test_a_field_that_the_kind_does_not_have_is_refused_and_never_dropped() -> None:
    for kind in KINDS.values():
        for more in ({MARKER: "x"}, {"notice_colour": "red", "alert_kind": "abducted"}):
            with pytest.raises(ContentRefused) as caught:
                kind.check(full(kind) | more)
            assert MARKER not in str(caught.value)


def test_what_is_written_freely_and_every_date_is_searched_and_nothing_else_can_name_anybody() -> None:
    kind = KINDS[Kind.ALERT]
    cover = full(kind)
    searched = dict(kind.words(cover))
    assert set(searched) == {"subject_line", "last_seen", "circumstances", "authority", "cancel_by"}
    mapped = kind.map_words(cover, lambda text: f"<{text}>")
    for name in cover:
        assert (mapped[name] != cover[name]) == (name in searched)
    exhibits = full(KINDS[Kind.EVIDENCE_TRANSFER])
    assert [w for n, w in KINDS[Kind.EVIDENCE_TRANSFER].words(exhibits) if n == "exhibit_list"] == ["One", "Two"]
    for field in (f for k in KINDS.values() for f in k.fields.values()):
        assert field.searched or field.code_list or field.type in (
            "message", "messages", "agency", "digests", "number", "language",
        )  # fmt: skip


def test_a_query_and_its_answer_carry_no_narrative() -> None:
    for kind in (KINDS[Kind.HIT_QUERY], KINDS[Kind.HIT_REPLY]):
        assert not kind.types
        assert not set(kind.fields) & (set(ALWAYS) - {"in_reply_to"})
    assert set(KINDS[Kind.HIT_QUERY].fields["subject_categories"].codes) == {"suspect", "convicted"}
    for kind in KINDS.values():
        if not kind.plain:
            assert set(ALWAYS) <= set(kind.fields)


def test_a_decision_on_a_referral_has_no_words_of_its_own_and_is_the_only_kind_without() -> None:
    """R-13: a status and nothing else; so nobody has to be searched for in it."""
    decision = KINDS[Kind.REFERRAL_DECISION]
    assert [k.kind for k in KINDS.values() if k.wordless] == [Kind.REFERRAL_DECISION]
    with pytest.raises(ContentRefused, match="subject_line is always"):
        decision.check({"subject_line": "Maria is with us"})
    with pytest.raises(ContentRefused, match="not permitted"):
        decision.check({"subject_line": "Decision on a referral", "reason": "Maria is with us"})


def test_every_kind_says_what_drives_it_when_it_is_due_and_what_answers_it() -> None:
    driven = {k.driven_by for k in KINDS.values()}
    assert driven == DRIVERS
    assert {k.kind for k in KINDS.values() if not k.validate_only} == {
        Kind.INTEL_REPORT, Kind.SPONTANEOUS_DISCLOSURE, Kind.RFI, Kind.RFI_RESPONSE, Kind.HIT_FOLLOWUP,
        Kind.VICTIM_REFERRAL, Kind.REFERRAL_DECISION, Kind.REFERRAL_OUTCOME, Kind.EVIDENCE_TRANSFER,
        Kind.EVIDENCE_RECEIPT, Kind.DISSEMINATION_PERMISSION,
    }  # fmt: skip
    for kind in KINDS.values():
        assert kind.deadline.says
        assert kind.deadline.limit is None or kind.deadline.limit >= 0
        assert set(kind.reply) <= set(Kind)
    assert KINDS[Kind.OFFICER_SAFETY].deadline.limit == 15 * 60 * 1000
    assert KINDS[Kind.EVIDENCE_RECEIPT].deadline.limit == 24 * 3600 * 1000
    assert KINDS[Kind.CORRECTION].deadline.limit == 72 * 3600 * 1000


REQUIRED: Mapping[Kind, str] = {
    Kind.INTEL_REPORT: "evaluation h_code crime_area source_protection",
    Kind.RFI: (
        "legal_basis requested purpose_and_offence why_addressee link_person_purpose urgency_reason"
        " restrictions_on_use language evidence_use_wish"
    ),
    Kind.RFI_RESPONSE: "in_reply_to outcome evaluation evidence_use_granted copy_to_europol",
    Kind.HIT_QUERY: "matching_profile purpose subject_categories",
    Kind.HIT_REPLY: "in_reply_to match_strength",
    Kind.HIT_FOLLOWUP: "confirmed_by reason requested",
    Kind.MLA_REQUEST: (
        "requesting_authority subject_matter summary_of_facts assistance_wished purpose_of_evidence legal_text"
        " confidentiality specialty language deadline_and_reason"
    ),
    Kind.MLA_RESPONSE: "in_reply_to execution custody_list costs remedies restrictions_on_use return_of_exhibits",
    Kind.EXTRADITION: (
        "identity nationality warrant offence_and_penalty dual_criminality facts sentence_remaining assurances"
        " hearing_date provisional_arrest"
    ),
    Kind.DATA_PRODUCTION: (
        "issuing_authority validating_authority data_category provider account_ids time_range offence urgency_reason"
        " user_notification"
    ),
    Kind.EVIDENCE_TRANSFER: (
        "exhibit_list authority seal_numbers custody_head receiving_officer purpose retention_or_return evidence_use"
    ),
    Kind.EVIDENCE_RECEIPT: "in_reply_to hash_results seal_intact received_by received_on",
    Kind.VICTIM_REFERRAL: "priority response_needed_by consent_ref",
    Kind.REFERRAL_DECISION: "in_reply_to decision",
    Kind.REFERRAL_OUTCOME: "in_reply_to status",
    Kind.DUTY_TO_NOTIFY: "route",
    Kind.ALERT: "alert_kind last_seen circumstances release_scope authority cancel_by",
    Kind.NOTICE_DRAFT: "notice_colour ground",
    Kind.ASSET_TRACE: "order_or_basis persons jurisdictions egmont_consent_chain victims_claims no_tipping_off",
    Kind.FREEZE_REQUEST: "order certificate affected_persons amount necessity urgency_reason restitution_wish",
    Kind.SPONTANEOUS_DISCLOSURE: "originator_conditions reason",
    Kind.DISSEMINATION_PERMISSION: "original_message permission",
    Kind.DECONFLICTION: "operation_type",
    Kind.CORRECTION: "correction_ground required_action messages confirm_by",
    Kind.STATISTICS_RETURN: "period definitions_used suppression_method release_no",
    Kind.OFFICER_SAFETY: "imminent_danger addressee_on_duty",
    Kind.ACK: "in_reply_to",
}


@pytest.mark.parametrize("kind", Kind)
def test_what_the_catalogue_requires_of_each_kind_is_demanded_or_stands_elsewhere(kind: Kind) -> None:
    found = KINDS[kind]
    assert set(REQUIRED[kind].split()) <= {*found.cover, *found.computed}
