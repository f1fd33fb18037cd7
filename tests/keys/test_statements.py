"""Encryption keys are stated by their contact alone, for at most thirty days, and never go back."""

from typing import Any

import pytest

from keys import statements
from keys.domains import Tag
from messages import cbor
from messages.directory import Contact, KeyStatement
from messages.errors import BadInput, Malformed, RemoteError, Unverified
from messages.limits import DAY
from tests.keys import world

T0 = world.T0


def holder(*held: KeyStatement) -> Contact:
    return world.contact(world.REFUGE, "referrals", world.SHELTER, statements=held)


def made(number: int = 1, start: int = T0, end: int = T0 + DAY, by: str = world.REFUGE) -> KeyStatement:
    return statements.make(world.signer(by), world.decryption_key(world.REFUGE, number), number, start, end)


def forged(**changed: Any) -> KeyStatement:
    """Signed by the contact itself, past the check that `make` does."""
    fields = {
        "v": 1, "contact": world.REFUGE, "number": 1, "key": world.decryption_key(world.REFUGE).public,
        "start": T0, "end": T0 + DAY,
    } | changed  # fmt: skip
    return KeyStatement(signed=world.signer(world.REFUGE).sign(Tag.KEY_STATEMENT, cbor.dump(fields)).to_bytes())


def test_the_newest_statement_in_force_is_the_one_to_use() -> None:
    old, new, later = made(1), made(2), made(3, T0 + DAY, T0 + 2 * DAY)
    assert statements.usable(holder(old, new, later), T0) == new
    assert statements.usable(holder(new, old), T0) == new
    assert statements.usable(holder(old, new, later), T0 + DAY) == later


@pytest.mark.parametrize("moment", [T0 - 1, T0 + DAY])
def test_outside_its_dates_a_statement_is_not_used(moment: int) -> None:
    with pytest.raises(Unverified):
        statements.usable(holder(made()), moment)


def test_a_contact_without_statements_cannot_be_sealed_to() -> None:
    with pytest.raises(Unverified):
        statements.usable(holder(), T0)


@pytest.mark.parametrize("end", [T0, T0 - 1, T0 + 30 * DAY + 1])
def test_a_key_is_stated_for_up_to_thirty_days(end: int) -> None:
    with pytest.raises(BadInput):
        made(end=end)
    with pytest.raises(Unverified):
        statements.check(holder(), forged(end=end))
    statements.check(holder(), made(end=T0 + 30 * DAY))


def test_an_older_number_than_the_newest_seen_is_refused() -> None:
    assert statements.usable(holder(made(4)), T0, newest_seen=4).number == 4
    with pytest.raises(Unverified):
        statements.usable(holder(made(4)), T0, newest_seen=5)


def test_a_statement_by_another_contact_is_refused() -> None:
    with pytest.raises(Unverified):
        statements.check(holder(), made(by=world.DESK))


def test_a_statement_about_another_contact_is_refused_although_the_signer_is_right() -> None:
    with pytest.raises(Unverified):
        statements.check(holder(), forged(contact=world.DESK))


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"v": 2}, "version"), ({"number": -1}, "number"), ({"number": True}, "number"), ({"start": "1"}, "start"),
        ({"end": None}, "end"), ({"key": bytes(1215)}, "key"), ({"contact": 1}, "contact"),
        ({"more": 1}, "does not know"),
    ],
)  # fmt: skip
def test_what_a_statement_says_is_read_on_use_and_refused_where_it_has_another_form(
    changed: dict[str, Any], wrong: str
) -> None:
    contact = holder(forged(**changed))  # of all contacts it harms its own alone
    with pytest.raises(Malformed, match=wrong):
        contact.statement_at(T0)
    with pytest.raises(Malformed, match=wrong):
        statements.usable(contact, T0)
    with pytest.raises(Malformed, match=wrong):
        statements.read(contact.statements[0].signed)


def test_a_statement_signed_as_something_else_is_refused() -> None:
    body = cbor.dump({"v": 1})
    other = world.signer(world.REFUGE).sign(Tag.RETRIEVAL, body).to_bytes()
    for signed in (other, other.replace(b"retrieval-evidence", b"key-statement\x00\x00\x00\x00\x00"), b"", b"\x00"):
        with pytest.raises(RemoteError):
            statements.check(holder(), KeyStatement(signed=signed))
