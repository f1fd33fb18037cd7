"""What `gather` makes of mandates, agreements, claims, attestations, consents and releases."""

from dataclasses import replace
from typing import Any

import pytest

from messages.attestations import Papers
from messages.directory import Contact
from messages.labels import Basis, Caveat, CrimeArea, Flag, HCode, Keeping, Kind, Purpose, Role, Tlp, Urgency
from messages.limits import CLOCK_SKEW, DAY
from policies.agreements import Agreement, Ceiling
from policies.decide import Engine
from policies.facts import Facts, gather
from tests.policies.world import (
    AGENCIES,
    CATALOGUE,
    CONSENT,
    CONSENT_ID,
    DESKS,
    LATER,
    MANDATE,
    MANIFEST,
    NOW,
    RELEASE,
    START,
    Claimed,
    agreement,
    attest,
    facts,
)

ENGINE = Engine.load()
COVER = Claimed(type="cover", part="cover", roles=(), flags=())


def _between(**changes: Any) -> Facts:
    """Facts of one section from the police to the prosecutor, anything replaced."""
    given = {
        "manifest": MANIFEST,
        "sender": DESKS["police"],
        "sender_agency": AGENCIES["police"],
        "recipient": DESKS["prosecutor"],
        "recipient_agency": AGENCIES["prosecutor"],
        "claim": Claimed(),
        "attested": None,
        "agreement": agreement("police", "prosecutor"),
        "catalogue": CATALOGUE,
        "admitted": LATER,
    }
    return gather(**{**given, **changes})


def test_when_everything_holds_a_victim_s_identity_goes_to_the_prosecutor() -> None:
    found = facts()
    assert ENGINE.decide(found).because == ("SC-60",)
    assert hash(found) == hash(facts()) and found == facts()


# ── mandates ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def desk(name: str, **changes: Any) -> Contact:
    return DESKS[name].model_copy(update={"mandates": (MANDATE.model_copy(update=changes),)})


@pytest.mark.parametrize(
    "changes",
    [
        {"end": NOW},  # ended as the message was made
        {"end": LATER},  # ended between creation and admission: half-open
        {"start": NOW + 1},
        {"areas": frozenset({CrimeArea.SEX})},
        {"types": frozenset({"A01"})},
    ],
)
def test_a_mandate_must_cover_creation_and_admission_area_and_type(changes: dict[str, Any]) -> None:
    assert not _between(sender=desk("police", **changes)).sender_mandated
    assert not _between(recipient=desk("prosecutor", **changes)).recipient_mandated


def test_a_mandate_to_send_is_none_to_receive() -> None:
    found = _between(sender=desk("police", may_receive=False), recipient=desk("prosecutor", may_send=False))
    assert found.sender_mandated and found.recipient_mandated
    found = _between(sender=desk("police", may_send=False), recipient=desk("prosecutor", may_receive=False))
    assert not found.sender_mandated and not found.recipient_mandated


def test_two_mandates_that_abut_may_share_one_message() -> None:
    first, second = MANDATE.model_copy(update={"end": LATER}), MANDATE.model_copy(update={"start": LATER})
    assert _between(sender=DESKS["police"].model_copy(update={"mandates": (first, second)})).sender_mandated
    assert not _between(sender=DESKS["police"].model_copy(update={"mandates": ()})).sender_mandated


def test_a_mandate_for_one_type_covers_the_cover_and_no_other_type() -> None:
    narrow = desk("police", types=frozenset({"A01"}))
    assert _between(sender=narrow, claim=COVER).sender_mandated
    assert not _between(sender=narrow).sender_mandated


# ── agreements ───────────────────────────────────────────────────────────────────────────────────────────────────────

AGREED = (
    "agreement_in_force",
    "type_agreed",
    "kind_agreed",
    "media_agreed",
    "purpose_agreed",
    "basis_agreed",
    "area_agreed",
    "handling_agreed",
    "identity_right",
)


def test_without_an_agreement_nothing_is_agreed() -> None:
    for missing in (None, agreement("police", "labour"), agreement("prosecutor", "labour")):
        found = _between(agreement=missing)
        assert not any(getattr(found, name) for name in AGREED)
    assert all(getattr(_between(), name) for name in AGREED)


@pytest.mark.parametrize(("created", "admitted"), [(START - 1, NOW), (NOW, START + 365 * DAY)])
def test_an_agreement_must_be_in_force_at_creation_and_at_admission(created: int, admitted: int) -> None:
    assert not _between(manifest=replace(MANIFEST, created=created), admitted=admitted).agreement_in_force


def _narrowed(**exchange: Any) -> Agreement:
    whole = agreement("police", "prosecutor")
    return whole.model_copy(update={"exchange": tuple(e.model_copy(update=exchange) for e in whole.exchange)})


@pytest.mark.parametrize(
    ("changes", "lost"),
    [
        ({"types": ("A01",)}, {"type_agreed", "kind_agreed", "media_agreed", "identity_right"}),
        ({"kinds": (Kind.RFI,)}, {"kind_agreed", "media_agreed", "identity_right"}),
        ({"media": ("text/plain",)}, {"media_agreed", "identity_right"}),
        ({"identity": ("A01",)}, {"identity_right"}),
        (
            {"sender": "prosecutor", "recipient": "police"},
            {"type_agreed", "kind_agreed", "media_agreed", "identity_right"},
        ),
    ],
)
def test_an_exchange_agrees_to_what_it_lists_in_its_direction(changes: dict[str, Any], lost: set[str]) -> None:
    found = _between(agreement=_narrowed(**changes))
    assert {name for name in AGREED if not getattr(found, name)} == lost


def test_two_exchanges_do_not_add_up_to_a_third() -> None:
    whole = agreement("police", "prosecutor")
    exchange = whole.exchange[0]
    apart = (
        exchange.model_copy(update={"types": ("A02",), "kinds": (Kind.RFI,)}),
        exchange.model_copy(update={"types": ("A01",), "kinds": (Kind.EVIDENCE_TRANSFER,)}),
    )
    found = _between(agreement=whole.model_copy(update={"exchange": apart}))
    assert found.type_agreed and not found.kind_agreed


@pytest.mark.parametrize(
    ("manifest", "fact"),
    [
        ({"purpose": Purpose.PREVENT}, "purpose_agreed"),
        ({"basis": Basis.DTN}, "basis_agreed"),
        ({"area": CrimeArea.BEG}, "area_agreed"),
        ({"handling": replace(MANIFEST.handling, tlp=Tlp.RED)}, "handling_agreed"),
        ({"handling": replace(MANIFEST.handling, h=HCode.H2)}, "handling_agreed"),
    ],
)
def test_purpose_basis_area_and_handling_must_be_agreed(manifest: dict[str, Any], fact: str) -> None:
    narrow = agreement(
        "police",
        "prosecutor",
        purposes=(Purpose.INVESTIGATE,),
        bases=(Basis.LED_8,),
        areas=(CrimeArea.LAB,),
        handling=Ceiling(max_tlp=Tlp.AMBER_STRICT, h=(HCode.H0,)),
    )
    assert getattr(_between(agreement=narrow), fact)
    assert not getattr(_between(agreement=narrow, manifest=replace(MANIFEST, **manifest)), fact)


def test_colleagues_need_no_agreement_but_their_class_s_right_stays() -> None:
    mine = facts("police", "police", agreement=None)
    assert mine.own_agency and mine.identity_right and ENGINE.decide(mine).permitted
    theirs = facts("labour", "labour", agreement=None)
    assert theirs.own_agency and not theirs.identity_right and not ENGINE.decide(theirs).permitted


# ── type, part, roles, flags ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("claim", "roles", "flags"),
    [
        (Claimed("A02", "facts", roles=(), flags=()), {Role.UNKNOWN}, set()),
        (Claimed("A02", "facts", roles=(Role.VICTIM,), flags=(Flag.QUASI,)), {Role.VICTIM}, {Flag.QUASI}),
        (Claimed("A01", "narrative", roles=(), flags=()), {Role.UNKNOWN}, {Flag.DIRECT}),
        (Claimed("A03", "grounds", roles=(Role.SUSPECT,), flags=()), {Role.SUSPECT, Role.UNKNOWN}, {Flag.DIRECT}),
        (Claimed("A28", "statistics", roles=(), flags=()), set(), set()),
        (Claimed("A99", "facts", roles=(Role.SUSPECT,), flags=()), {Role.SUSPECT, Role.UNKNOWN}, {Flag.DIRECT}),
        (Claimed("A02", "rumour", roles=(Role.SUSPECT,), flags=()), {Role.SUSPECT, Role.UNKNOWN}, {Flag.DIRECT}),
        (COVER, {Role.UNKNOWN}, {Flag.DIRECT}),
    ],
)
def test_where_nobody_attested_the_worst_is_assumed(claim: Claimed, roles: set[Role], flags: set[Flag]) -> None:
    found = facts(claim=claim)
    assert (found.roles, found.flags) == (roles, flags)


def test_the_guard_s_word_replaces_the_sender_s() -> None:
    claim = Claimed("A01", "narrative", roles=(Role.UNKNOWN,), flags=())
    clean = facts(claim=claim, attested=attest(claim))
    assert clean.attested and clean.free_text and clean.flags == frozenset() and clean.declared_as_attested
    dirty = facts(claim=claim, attested=attest(claim, flags=(Flag.DIRECT,), roles=(Role.CHILD,)))
    assert (dirty.roles, dirty.flags) == ({Role.CHILD}, {Flag.DIRECT}) and not dirty.declared_as_attested


def test_flags_that_the_guard_found_on_nobody_in_particular_are_somebody_s() -> None:
    claim = Claimed("A13", "organisation", roles=(), flags=(Flag.QUASI,))
    assert facts(claim=claim, attested=attest(claim)).roles == {Role.UNKNOWN}
    clean = Claimed("A28", "statistics", roles=(), flags=())
    assert facts(claim=clean, attested=attest(clean)).roles == frozenset()


@pytest.mark.parametrize(
    "found",
    [
        {"type": "A03"},
        {"part": "facts"},
        {"media": "text/plain"},
        {"roles": (Role.SUSPECT,)},
        {"flags": (Flag.DIRECT,)},
        {"flags": (Flag.DIRECT, Flag.QUASI, Flag.LOCATION)},
        {"flags": ()},
        {"roles": (Role.VICTIM, Role.CHILD)},
    ],
)
def test_any_difference_between_claim_and_attestation_is_a_false_label(found: dict[str, Any]) -> None:
    claim = Claimed()
    assert facts(claim=claim, attested=attest(claim)).declared_as_attested
    mislabelled = facts(claim=claim, attested=attest(claim, **found))
    assert not mislabelled.declared_as_attested and "SC-41" in ENGINE.decide(mislabelled).because


def test_the_order_of_roles_and_flags_is_no_difference() -> None:
    claim = Claimed(flags=(Flag.DIRECT, Flag.QUASI))
    assert facts(claim=claim, attested=attest(claim, flags=(Flag.QUASI, Flag.DIRECT))).declared_as_attested


@pytest.mark.parametrize(
    ("recipient", "claim", "kind", "expected"),
    [
        ("prosecutor", "A02", Kind.EVIDENCE_TRANSFER, (True, True)),
        ("prosecutor", "A24", Kind.VICTIM_REFERRAL, (False, True)),
        ("prosecutor", "A03", Kind.EVIDENCE_TRANSFER, (True, False)),
        ("labour", "A02", Kind.EVIDENCE_TRANSFER, (False, True)),
        ("shelter", "A24", Kind.VICTIM_REFERRAL, (True, True)),
        ("shelter", "A24", Kind.RFI_RESPONSE, (False, True)),  # by referral only
        ("shelter", "A02", Kind.DUTY_TO_NOTIFY, (True, True)),
        ("rapporteur", "A28", Kind.STATISTICS_RETURN, (True, True)),
        ("rapporteur", "A99", Kind.RFI_RESPONSE, (False, False)),
        ("rapporteur", "cover", Kind.ACK, (True, True)),
    ],
)
def test_class_and_kind_are_those_of_the_catalogue(
    recipient: str, claim: str, kind: Kind, expected: tuple[bool, bool]
) -> None:
    found = facts("police", recipient, claim=Claimed(claim, "facts"), manifest=replace(MANIFEST, kind=kind))
    assert (found.class_may_receive, found.kind_carries_type) == expected


def test_labour_inspectors_get_an_event_redacted_and_a_rapporteur_coded() -> None:
    event = Claimed("A05", "event", roles=(Role.UNKNOWN,), flags=(Flag.QUASI,))
    for recipient, expected in (("labour", True), ("rapporteur", True), ("prosecutor", False)):
        assert facts("police", recipient, claim=event).redacted_only is expected


@pytest.mark.parametrize(
    ("type_", "part", "expected"),
    [("A24", "sealed", True), ("A24", "referral", False), ("A23", "document", True), ("A02", "identity", False)],
)
def test_sealed_parts_are_those_of_the_catalogue(type_: str, part: str, expected: bool) -> None:
    found = facts("police", "shelter", claim=Claimed(type_, part))
    assert found.sealed_part is expected and not found.accepted
    assert ("R-27" in ENGINE.decide(found).because) is expected


# ── identity, consent, release ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        ("prosecutor", (True, False)),
        ("counterpart", (True, False)),
        ("shelter", (True, True)),
        ("labour", (False, False)),
        ("border", (False, False)),
        ("rapporteur", (False, False)),
    ],
)
def test_the_right_is_the_class_s_even_where_an_agreement_lists_everything(
    recipient: str, expected: tuple[bool, bool]
) -> None:
    found = facts("police", recipient)
    assert (found.identity_right, found.consent_demanded) == expected


def test_what_an_ngo_tells_about_its_clients_demands_consent_too() -> None:
    assert facts("shelter", "prosecutor").consent_demanded
    assert not facts("police", "prosecutor").consent_demanded


def test_the_cover_needs_a_right_to_at_least_one_agreed_identity() -> None:
    assert _between(claim=COVER).identity_right
    assert not _between(claim=COVER, agreement=_narrowed(identity=())).identity_right
    assert not facts("police", "labour", claim=COVER).identity_right
    assert ENGINE.decide(_between(claim=COVER)).because == ("SC-62",)


NOTES = Claimed("A22", "notes", roles=(Role.PRESUMED_VICTIM,), flags=(Flag.SENSITIVE,))
REFERRAL = replace(MANIFEST, kind=Kind.VICTIM_REFERRAL, purpose=Purpose.PROTECT_VICTIM)


def _to_shelter(**changes: Any) -> Facts:
    given = {
        "claim": NOTES,
        "attested": attest(NOTES, CONSENT_ID),
        "manifest": REFERRAL,
        "papers": Papers(consents=(CONSENT,)),
    }
    return facts("police", "shelter", **{**given, **changes})


def test_a_note_goes_to_the_shelter_under_the_consent_that_the_guard_names() -> None:
    assert ENGINE.decide(_to_shelter()).permitted


@pytest.mark.parametrize(
    "changes",
    [
        {"papers": Papers()},
        {"attested": attest(NOTES)},  # the guard does not say whose section it is
        {"attested": attest(NOTES, b"another-consent!")},
        {"attested": None},
        {"papers": Papers(consents=(CONSENT,), withdrawn={CONSENT_ID})},
        {"manifest": replace(REFERRAL, purpose=Purpose.INVESTIGATE)},
        {"admitted": CONSENT.expires},
    ],
)
def test_without_that_consent_the_note_stays(changes: dict[str, Any]) -> None:
    found = _to_shelter(**changes)
    assert not found.consent_covers and "R-07" in ENGINE.decide(found).because


def test_a_release_is_of_this_message_and_to_this_recipient() -> None:
    def released(**changes: Any) -> bool:
        return bool(facts("police", "counterpart", papers=Papers(releases=(replace(RELEASE, **changes),))).released)

    assert released() and released(at=LATER + CLOCK_SKEW)
    assert not released(message=bytes(16)) and not released(recipient=DESKS["prosecutor"].handle)
    assert not released(at=LATER + CLOCK_SKEW + 1)
    assert not facts("police", "counterpart").released


def test_a_victim_s_profile_goes_abroad_only_by_release_though_counterparts_are_no_normal_receivers() -> None:
    request = replace(MANIFEST, kind=Kind.MLA_REQUEST)
    alone = facts("police", "counterpart", manifest=request)
    assert set(ENGINE.decide(alone).because) == {"R-29", "SC-20"}
    assert ENGINE.decide(facts("police", "counterpart", manifest=request, papers=Papers(releases=(RELEASE,)))).permitted


def test_another_country_s_police_is_abroad_too() -> None:
    assert facts("police", "farpolice").abroad and facts("police", "counterpart").abroad
    assert not facts("police", "prosecutor").abroad


def test_handling_becomes_three_booleans() -> None:
    plain = facts()
    assert not (plain.named_only or plain.no_foreign or plain.not_in_proceedings)
    strict = replace(MANIFEST.handling, tlp=Tlp.RED, h=HCode.H1, caveats=(Caveat.NOFORN,))
    found = facts(manifest=replace(MANIFEST, handling=strict))
    assert found.named_only and found.no_foreign and found.not_in_proceedings
    service = DESKS["prosecutor"].model_copy(update={"keeping": Keeping.SERVICE})
    assert facts().named_person and not _between(recipient=service).named_person


def test_times_do_not_enter_the_facts() -> None:
    moved = replace(MANIFEST, created=NOW + DAY, expires=NOW + 20 * DAY, urgency=Urgency.REF_EMERGENCY, epoch=9)
    assert facts(manifest=moved, admitted=NOW + 2 * DAY) == facts()
