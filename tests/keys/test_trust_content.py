"""What the officers decide comes back from its files; reading them keeps its promise, whatever the bytes."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys import content
from keys.repository import State
from messages.directory import (
    Account,
    AlarmAddress,
    Contact,
    FormerKey,
    Guard,
    Mandate,
    Officer,
    Operator,
    Span,
    Witness,
)
from messages.errors import BundleRefused, Malformed
from messages.labels import CrimeArea, Duty, Keeping
from tests.keys import trust, world
from tests.keys.trust import COURT, OFFICERS, POLICE, REFUGE, replace

MOMENTS = st.integers(min_value=0, max_value=2**52)
SPANS = st.builds(lambda start, length: Span(start=start, end=start + length), MOMENTS, st.integers(1, 10**12))
TITLES = st.text(max_size=20)
KEYS = st.binary(min_size=32, max_size=32)
MANDATES = st.builds(
    Mandate,
    start=MOMENTS,
    end=MOMENTS,
    areas=st.frozensets(st.sampled_from(CrimeArea)),
    types=st.frozensets(st.sampled_from(["*", "A01", "A02"])),
    may_send=st.booleans(),
    may_receive=st.booleans(),
    duties=st.frozensets(st.sampled_from(Duty)),
    deputy_for=st.none() | st.just("c" + "d" * 12),
    absences=st.lists(SPANS, max_size=2).map(tuple),
    granted_by=st.lists(st.sampled_from(OFFICERS), max_size=2).map(tuple),
    granted_in=st.integers(0, 2**40),
    revoked=st.none() | MOMENTS,
)
STATED = world.statement(world.DESK)
CONTACTS = st.builds(
    Contact,
    handle=st.from_regex(r"c[a-z2-7]{12}", fullmatch=True),
    name=st.just("desk"),
    title=TITLES,
    agency=st.just(COURT),
    signing_key=KEYS,
    keeping=st.sampled_from(Keeping),
    mandates=st.lists(MANDATES, max_size=2).map(tuple),
    statements=st.sampled_from([(), (STATED,)]),
    former_keys=st.lists(st.builds(FormerKey, key=KEYS, start=MOMENTS, end=MOMENTS), max_size=2).map(tuple),
    suspended=st.lists(SPANS, max_size=2).map(tuple),
    nkey=st.none() | TITLES,
    rotation_days=st.integers(1, 30),
)


def everything() -> content.Content:
    """Every field in use."""
    decided = trust.decided()
    guard = Guard(handle="g" + "a" * 12, key=trust.seed("guard"), start=5, end=6)
    court = decided.agencies[COURT].model_copy(
        update={"guards": (guard,), "retired": 12, "title": 'Prokuratura „Łódź"\n'}
    )
    deputy = trust.mandate(deputy_for="c" + "d" * 12, absences=(Span(start=1, end=2),), duties={Duty.REVIEW}, revoked=9)
    contact = trust.contact(
        COURT,
        "desk",
        mandates=(trust.mandate(), deputy),
        statements=(STATED,),
        former_keys=(FormerKey(key=trust.seed("former"), start=0, end=4),),
        suspended=(Span(start=3, end=4),),
        nkey="U" + "C" * 55,
    )
    return replace(
        decided.with_agency(court).with_contacts(COURT, (contact,)),
        witnesses=(Witness(label="wit", vkey="wit+abc+def"),),
        accounts=(Account(officer=OFFICERS[0], role="reader"),),
        rules=content.edition("rules", {"a.cedar": "permit;\u2028"}),
        operator=decided.operator.model_copy(
            update={
                "trust_url": "https://broker.example/trust",
                "alarms": (AlarmAddress(to="mailto:duty@ministry.example", outside=True),),
            }
        ),
    )


def test_every_field_comes_back_from_the_files() -> None:
    decided = everything()
    assert content.from_files(content.files(decided)) == decided


def test_writing_is_deterministic_and_knows_no_order_of_agencies() -> None:
    decided = everything()
    turned = replace(decided, agencies=dict(reversed(decided.agencies.items())))
    assert content.files(turned) == content.files(decided)
    assert content.files(content.from_files(content.files(decided))) == content.files(decided)


@given(st.lists(CONTACTS, max_size=3))
@settings(max_examples=60, deadline=None)
def test_any_contacts_come_back(contacts: list[Contact]) -> None:
    assert content.read_contacts(content.write_contacts(contacts)) == tuple(contacts)


def test_a_key_statement_is_stored_as_its_contact_signed_it() -> None:
    held = trust.contact(POLICE, "desk", statements=(STATED,))
    (back,) = content.read_contacts(content.write_contacts((held,)))
    assert [s.signed for s in back.statements] == [STATED.signed]


@pytest.mark.parametrize("missing", ["operator.json", "officers.json", "rules.json", "console.json"])
def test_a_missing_file_is_named(missing: str) -> None:
    files = content.files(everything())
    del files[missing]
    with pytest.raises(Malformed, match=missing):
        content.from_files(files)


def test_the_whole_directory_is_checked_as_one() -> None:
    decided = trust.decided()
    twin = decided.contacts[COURT][0].model_copy(update={"agency": REFUGE})
    with pytest.raises(Malformed, match="handle stands twice"):
        decided.with_contacts(REFUGE, (twin,)).directory()


# Whatever the bytes

NASTY = [
    b"", b"null", b"{}", b"[null]", b"[[]]", b"[1]", b"\xff\xfe", b'["\xed\xa0\x80"]', b"[" * 100_000, b'[{"a":' * 5000,
    b'[{"handle":"x","handle":"y"}]', b"[NaN]", b'[{"start":' + b"9" * 5000 + b"}]", b'[{"key":"****"}]',
    b'[{"statements":["AA=="]}]', b'[{"statements":[1]}]', b'[{"statements":null}]', b'{"digest":1}',
]  # fmt: skip


def readers() -> list[Any]:
    return [
        content.read_contacts,
        lambda data: content.read(data, Officer, "list of officers"),
        lambda data: content.read_one(data, Officer, "officer"),
        lambda data: content.read_digest(data, "rules"),
        lambda data: content.from_files({**content.files(trust.decided()), "officers.json": data}),
    ]


@pytest.mark.parametrize("data", NASTY, ids=range(len(NASTY)))
def test_a_file_of_nonsense_is_malformed_or_empty(data: bytes) -> None:
    for read in readers():
        with pytest.raises(Malformed):
            read(data)


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_a_damaged_file_is_read_or_malformed(data: st.DataObject) -> None:
    whole = content.write_contacts(everything().contacts[COURT])
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:at] + data.draw(st.binary(max_size=3)) + whole[at + data.draw(st.integers(0, 3)) :]
    for read in (content.read_contacts, readers()[1]):
        try:
            read(damaged)
        except Malformed:
            continue


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_a_damaged_state_is_read_or_refused(data: st.DataObject) -> None:
    state = State(
        epoch=3, at=5, root=1, tops={trust.WHOLE: 3}, roles={POLICE: 2}, steps=(b"s",), online={"snapshot": b"x"}
    )
    whole = state.to_bytes()
    assert State.from_bytes(whole) == state
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:at] + data.draw(st.binary(max_size=3)) + whole[at + data.draw(st.integers(0, 3)) :]
    try:
        State.from_bytes(damaged)
    except BundleRefused as refusal:
        assert refusal.why == "unreadable"


@pytest.mark.parametrize("data", NASTY, ids=range(len(NASTY)))
def test_a_state_of_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(BundleRefused):
        State.from_bytes(data)


@pytest.mark.parametrize(
    "lie",
    [
        {"epoch": -1}, {"epoch": True}, {"at": "1"}, {"root": 1.0}, {"tops": {"../x": 1}}, {"roles": {"full": 1}},
        {"roles": {POLICE: True}}, {"roles": {POLICE: -1}}, {"roles": {POLICE: 2**53}}, {"tops": {"full": "1"}},
        {"tops": {POLICE: 1.0}},
    ],
)  # fmt: skip
def test_a_state_names_numbers_and_handles_only(lie: dict[str, Any]) -> None:
    fields: dict[str, Any] = {"epoch": 1, "at": 1, "root": 1, "tops": {}, "roles": {}}
    with pytest.raises(BundleRefused):
        State.from_bytes(State(**(fields | lie)).to_bytes())


def test_an_operator_without_addresses_of_alarms_is_written_as_before_there_were_any() -> None:
    operator = trust.decided().operator
    raw = content.write(operator)
    assert b"alarms" not in raw
    assert content.read_one(raw, Operator, "operator") == operator
