"""The second reading of envelopes: what the sender signed is returned, and whatever else is refused."""

from collections.abc import Callable

import pytest

from audit.errors import BadSignature, ProofFailed, Unproved, Unreadable
from audit.readers import cbor
from audit.readers.cbor import Value
from audit.readers.envelope import (
    CheckedView,
    check_envelope,
    check_view,
    read_delivery,
    read_envelope,
    read_manifest,
    read_view,
)
from audit.readers.signed import digest, pae, read_signed, verify
from tests.audit.genuine import FIRST, HOUR, SECOND, SENDER, T0, genuine, make_view, public, signed, some

DAY = 24 * HOUR
VIEW, MANIFEST = make_view("one", FIRST)


def parts(raw: bytes = VIEW) -> dict[str, Value]:
    value = cbor.loads(raw)
    assert isinstance(value, dict)
    return value


def opened(value: dict[str, Value]) -> CheckedView:
    return check_view(read_view(cbor.dumps(value)), public(SENDER), FIRST)


def test_a_view_verifies_under_its_senders_key() -> None:
    checked = opened(parts())
    assert checked.manifest.sender == SENDER
    assert checked.manifest.handling.tlp == "AMBER"
    assert checked.manifest.checkpoint == (3, some("root"))
    assert [section.name for section in checked.sections] == ["a01.1"]
    assert checked.grant.recipient == FIRST
    assert checked.withheld == ("A02/identity",)


def test_a_view_does_not_verify_under_another_key() -> None:
    with pytest.raises(BadSignature):
        check_view(read_view(VIEW), public("stranger"), FIRST)


def test_a_view_need_not_say_what_was_withheld() -> None:
    value = parts()
    openings = value["openings"]
    assert isinstance(openings, list)
    value["openings"] = openings[:2]
    assert opened(value).withheld == ()


def other(raw: bytes = VIEW) -> dict[str, Value]:
    return parts(make_view("two", FIRST)[0])


SPOILED: dict[str, Callable[[dict[str, Value]], object]] = {
    "another manifest": lambda v: v.update(manifest=other()["manifest"]),
    "another signature": lambda v: v.update(sig=other()["sig"]),
    "descriptions of another message": lambda v: v.update(openings=other()["openings"]),
    "a description twice": lambda v: v.update(openings=[*v["openings"], v["openings"][0]]),  # type: ignore
    "what was withheld, twice": lambda v: v.update(openings=[*v["openings"], v["openings"][2]]),  # type: ignore
    "a detail with another size": lambda v: v["openings"][0].update(  # type: ignore
        detail=cbor.dumps({**parts(v["openings"][0]["detail"]), "size": 61})  # type: ignore
    ),
    "no grant's description": lambda v: v.update(openings=[v["openings"][0]]),  # type: ignore
    "no section's description": lambda v: v.update(openings=[v["openings"][1]]),  # type: ignore
    "another detail": lambda v: v["openings"][0].update(detail=other()["openings"][0]["detail"]),  # type: ignore
    "another ciphertext": lambda v: v.update(sections={"a01.1": some("x", 100)}),
    "another section's name": lambda v: v.update(sections={"a01.2": v["sections"]["a01.1"]}),  # type: ignore
    "a section more": lambda v: v["sections"].update({"a01.2": some("x", 100)}),  # type: ignore
    "no section": lambda v: v.update(sections={}),
    "another grant": lambda v: v.update(grant=some("x", 1168)),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_view_is_unproved(name: str) -> None:
    value = parts()
    SPOILED[name](value)
    with pytest.raises(Unproved):
        opened(value)


@pytest.mark.parametrize("granted", [("a01.1", "a01.2"), ("a01.2",)], ids=str)
def test_a_view_of_other_sections_than_its_signed_grant_names_is_unproved(granted: tuple[str, ...]) -> None:
    view, _ = make_view("one", FIRST, granted=granted)
    with pytest.raises(ProofFailed, match="not those of the grant"):
        opened(parts(view))


@pytest.mark.parametrize("kind", ["A02/report", "A01/identity", "A01", "cover"])
def test_a_section_signed_as_another_kind_than_its_type_and_part_is_unproved(kind: str) -> None:
    view, _ = make_view("one", FIRST, kind=kind)
    with pytest.raises(ProofFailed, match="kind and detail differ"):
        opened(parts(view))


def test_a_view_made_for_somebody_else_is_unproved() -> None:
    with pytest.raises(ProofFailed, match="not made for"):
        check_view(read_view(VIEW), public(SENDER), SECOND)


def test_a_view_that_hints_at_another_grant_is_unproved() -> None:
    view, _ = make_view("one", FIRST, withheld=("grant",))
    with pytest.raises(ProofFailed, match="number of grants"):
        opened(parts(view))


def test_an_envelope_verifies_with_every_description_open() -> None:
    view, _ = make_view("whole", FIRST, withheld=())
    value = parts(view)
    value["grants"] = {FIRST: value.pop("grant")}
    checked = check_envelope(read_envelope(cbor.dumps(value)), public(SENDER))
    assert [grant.recipient for grant in checked.grants] == [FIRST]
    for grants in ({}, {SECOND: value["grants"][FIRST]}, {FIRST: some("x", 1168)}):  # type: ignore
        with pytest.raises(ProofFailed):
            check_envelope(read_envelope(cbor.dumps({**value, "grants": grants})), public(SENDER))  # type: ignore


def test_an_envelope_with_something_unopened_is_unproved() -> None:
    value = parts()
    value["grants"] = {FIRST: value.pop("grant")}
    with pytest.raises(ProofFailed):
        check_envelope(read_envelope(cbor.dumps(value)), public(SENDER))


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2},
        {"sender": "somebody"},
        {"digests": []},
        {"digests": [some("a")] * 4},
        {"digests": sorted((some("a"), some("b"), some("c")))},
        {"digests": sorted((some("a"), some("b"), some("c"), some("d")), reverse=True)},
        {"handling": {}},
        {"handling": None},
        {"checkpoint": [1]},
        {"checkpoint": [-1, some("r")]},
        {"exercise": 0},
        {"purpose": "to find Ana"},
        {"created": 1 << 60},
        {"expires": T0},
        {"expires": T0 - 1},
        {"expires": T0 + 90 * DAY + 1},
        {"id": some("an id", 16)},
        {"id": bytes(6) + b"\x40" + bytes(9)},
        {"kind": "GOSSIP"},
        {"area": "RED"},
        {"handling": {"tlp": "AMBER", "h": "H1", "pap": "AMBER", "caveats": ["ORCON", "NOFORN"]}},
        {"handling": {"tlp": "AMBER", "h": "H1", "pap": "AMBER", "caveats": ["ORCON", "ORCON"]}},
        {"handling": {"tlp": "AMBER", "h": "H1", "pap": "AMBER+STRICT", "caveats": []}},
        {"subject": "x"},
    ],
    ids=str,
)
def test_a_manifest_of_another_form_is_unreadable(changes: dict[str, Value]) -> None:
    manifest = cbor.dumps({**parts(MANIFEST), **changes})
    with pytest.raises(Unreadable):
        read_view(cbor.dumps({**parts(), "manifest": manifest}))


def test_a_manifest_may_expire_after_ninety_days_to_the_millisecond() -> None:
    assert read_manifest(cbor.dumps({**parts(MANIFEST), "expires": T0 + 90 * DAY})).expires == T0 + 90 * DAY


def test_a_delivery_is_read_and_its_stamp_verifies() -> None:
    delivery = read_delivery(genuine().deliveries[0].delivery)
    stamp = read_signed(delivery.stamp)
    assert verify(stamp, "stamp", public(stamp.by)) == stamp.body
    with pytest.raises(BadSignature):
        verify(stamp, "evidence", public(stamp.by))


def test_a_signature_of_one_kind_never_passes_for_another() -> None:
    evidence = read_signed(signed("evidence", b"body"))
    relabelled = read_signed(signed("evidence", b"body").replace(b"evidence", b"entry___"))
    assert verify(evidence, "evidence", public(evidence.by)) == b"body"
    with pytest.raises(BadSignature):
        verify(relabelled, "entry___", public(relabelled.by))


def test_the_signed_bytes_count_bytes_and_not_characters() -> None:
    assert pae("résumé", b"hi") == b"safeconduct/1 8 r\xc3\xa9sum\xc3\xa9 2 hi"
    assert digest("a", b"b") != digest("b", b"a")
