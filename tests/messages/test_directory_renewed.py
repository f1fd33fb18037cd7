"""A directory with other contacts is the one that would have been made anew, or is refused as that would be."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from messages.directory import Contact, Directory, FormerKey
from messages.ids import AgencyHandle
from tests.keys import trust

AGENCIES = (trust.POLICE, trust.COURT, trust.REFUGE)
NKEYS = [None, *("U" + letter * 55 for letter in "BCDEF"), "U" + trust.POLICE.upper().ljust(55, "A")]
"""Logins to draw from: the operator's and the police's own are among them, so that some are taken already."""
KEYS = [bytes([number]) * 32 for number in range(6)]


@st.composite
def contacts(draw: st.DrawFn, agency: AgencyHandle) -> Contact:
    name = draw(st.sampled_from(["desk", "night", "chief"]))
    whose = draw(st.sampled_from([agency, agency, agency, trust.STRANGER]))
    former = draw(st.lists(st.sampled_from(KEYS), max_size=1))
    return trust.contact(
        whose,
        name,
        handle="c" + draw(st.sampled_from("abcdef")) * 12,
        signing_key=draw(st.sampled_from(KEYS)),
        nkey=draw(st.sampled_from(NKEYS)),
        former_keys=tuple(FormerKey(key=key, start=0, end=1) for key in former),
    )


def lists(agencies: tuple[AgencyHandle, ...] = AGENCIES) -> st.SearchStrategy[dict[AgencyHandle, tuple[Contact, ...]]]:
    one = {h: st.lists(contacts(h), max_size=2).map(tuple) for h in agencies}
    return st.fixed_dictionaries({}, optional=one)


def directory(listed: Mapping[AgencyHandle, tuple[Contact, ...]]) -> Directory:
    """Made anew, and checked as a whole."""
    decided = trust.decided()
    agencies = tuple(decided.agencies[h] for h in AGENCIES)
    return Directory(
        agencies=agencies,
        contacts=tuple(c for a in agencies for c in listed.get(a.handle, ())),
        operator=decided.operator,
        officers=decided.officers,
    )


def tables(found: Directory) -> tuple[object, ...]:
    """What every look-up answers."""
    logins = {nkey: found.login(nkey, 1) for nkey in NKEYS if nkey is not None}
    by_agency = [found.contacts_of(h) for h in AGENCIES]
    return (
        found.contacts,
        logins,
        by_agency,
        found.addresses(),
        {c.handle: found.contact(c.handle) for c in found.contacts},
    )


@given(before=lists(), changed=lists((*AGENCIES, trust.STRANGER)), asked=st.booleans())
def test_with_other_contacts_it_is_the_directory_made_anew(
    before: dict[AgencyHandle, tuple[Contact, ...]], changed: dict[AgencyHandle, tuple[Contact, ...]], asked: bool
) -> None:
    try:
        old = directory(before)
    except ValidationError:
        return
    if asked:
        tables(old)  # tables that were made already may not answer for the new one
    try:
        anew = directory({**before, **changed})
        expected = None if trust.STRANGER in changed else anew
    except ValidationError:
        expected = None
    if expected is None:
        with pytest.raises(ValueError, match="directory"):
            old.with_contacts(changed)
    else:
        new = old.with_contacts(changed)
        assert new == expected
        assert tables(new) == tables(expected)
        assert new.with_contacts({h: before.get(h, ()) for h in changed}) == old


def test_what_did_not_change_is_the_very_same() -> None:
    old = trust.decided().directory()
    one = old.contacts_of(trust.COURT)[0].model_copy(update={"title": "changed"})
    new = old.with_contacts({trust.COURT: (one,)})
    assert new.contacts_of(trust.POLICE) is old.contacts_of(trust.POLICE)
    assert old.contacts_of(trust.COURT)[0].title != "changed"
    assert new.contacts_of(trust.COURT) == (one,)


def test_what_may_have_changed_since_is_named_and_nothing_else() -> None:
    old = trust.decided().directory()
    desk, night = old.contacts_of(trust.COURT)
    one = old.with_contacts({trust.COURT: (desk.model_copy(update={"title": "changed"}), night)})
    two = one.with_contacts({trust.POLICE: (), trust.REFUGE: old.contacts_of(trust.REFUGE)})
    assert list(one.changed_since(one)) == list(old.changed_since(old)) == []
    assert list(one.changed_since(old)) == list(old.changed_since(one)) == [trust.COURT]
    assert list(two.changed_since(one)) == list(one.changed_since(two)) == [trust.POLICE]
    assert set(two.changed_since(old)) == {trust.POLICE, trust.COURT}
    everybody = {a.handle for a in old.agencies}
    assert set(old.changed_since(None)) == set(two.changed_since(trust.decided().directory())) == everybody


OPERATORS = trust.decided().operator.nkey
OF_POLICE = trust.decided().directory().contacts_of(trust.POLICE)[0]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"nkey": OPERATORS}, "a login stands twice"),
        ({"nkey": trust.decided().agencies[trust.POLICE].nkey}, "a login stands twice"),
        ({"signing_key": OF_POLICE.signing_key}, "a signing key stands twice"),
        ({"former_keys": (FormerKey(key=OF_POLICE.signing_key, start=0, end=1),)}, "a signing key stands twice"),
        ({"signing_key": trust.officer(trust.HEAD).public}, "a signing key stands twice"),
        ({"handle": OF_POLICE.handle}, "a contact's handle stands twice"),
        ({"name": "night"}, "a contact's address stands twice"),
        ({"agency": trust.POLICE}, "a contact belongs to no agency"),
    ],
)
def test_nothing_stands_twice_that_stood_once(changed: dict[str, object], says: str) -> None:
    old = trust.decided().directory()
    desk, night = old.contacts_of(trust.COURT)
    with pytest.raises(ValueError, match=says):
        old.with_contacts({trust.COURT: (desk.model_copy(update=changed), night)})
