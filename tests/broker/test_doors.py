"""Whom a new epoch, or the hour, shuts out: found by agency, and the same as if all were looked through."""

from collections.abc import Callable

import pytest

from broker.doors import Doors
from bus import subjects
from bus.subjects import Login
from messages.directory import Directory, Span
from messages.ids import AgencyHandle
from tests.keys import trust
from tests.keys.trust import COURT, POLICE

NOW = 1_000_000
LookUp = Callable[[str], Login | None]


def nkey(letter: str) -> str:
    return "U" + letter * 55


def directory(**of_desk: object) -> Directory:
    """Police and court, each with a desk and a night desk that may log in; `of_desk` is the police desk's."""
    decided = trust.decided()
    for agency, letters in ((POLICE, "CD"), (COURT, "EF")):
        desk, night = decided.contacts[agency]
        changed = of_desk if agency == POLICE else {}
        decided = decided.with_contacts(
            agency,
            (
                desk.model_copy(update={"nkey": nkey(letters[0]), **changed}),
                night.model_copy(update={"nkey": nkey(letters[1])}),
            ),
        )
    return decided.directory()


def rights(found: Directory, now: int) -> LookUp:
    def login(public: str) -> Login | None:
        whose = found.login(public, now)
        if whose is None:
            return None
        agency, contact = whose
        return Login(
            public_key=public,
            permissions=subjects.contact_permissions(agency.handle, contact.handle)
            if contact is not None
            else subjects.agency_permissions(agency.handle, ()),
        )

    return login


def look(doors: Doors, found: Directory, now: int = NOW) -> None:
    doors.look(found, now, rights(found, now))


@pytest.fixture
def doors() -> Doors:
    made = Doors()
    look(made, directory())
    return made


def test_at_the_start_nobody_is_cut(doors: Doors) -> None:
    assert (doors.to_cut, doors.to_purge) == (set(), {})


def test_whoever_is_suspended_is_cut_and_its_waiting_views_go(doors: Doors) -> None:
    found = directory(suspended=(Span(start=NOW - 1, end=NOW + 100),))
    look(doors, found)
    assert doors.to_cut == {nkey("C")}
    assert list(doors.to_purge) == [found.contacts_of(POLICE)[0].handle]


def test_a_moment_shuts_out_without_a_new_epoch(doors: Doors) -> None:
    found = directory(suspended=(Span(start=NOW + 10, end=NOW + 100),))
    look(doors, found)
    assert doors.to_cut == set()
    look(doors, found, NOW + 9)
    assert doors.to_cut == set()
    look(doors, found, NOW + 10)
    assert doors.to_cut == {nkey("C")}


def test_whoever_comes_back_is_not_purged_any_more_and_is_purged_again_the_next_time(doors: Doors) -> None:
    found = directory(suspended=(Span(start=NOW, end=NOW + 100),))
    look(doors, found)
    (desk,) = doors.to_purge
    doors.purged(desk)
    look(doors, found, NOW + 50)
    assert doors.to_purge == {}
    look(doors, found, NOW + 100)
    look(doors, directory(suspended=(Span(start=NOW, end=NOW + 200),)), NOW + 150)
    assert list(doors.to_purge) == [desk]


def test_what_was_not_done_stays_to_be_done(doors: Doors) -> None:
    suspended = directory(suspended=(Span(start=NOW, end=NOW + 100),))
    look(doors, suspended)
    look(doors, suspended, NOW + 1)
    assert doors.to_cut == {nkey("C")}
    assert len(doors.to_purge) == 1


def test_a_login_that_another_contact_has_now_is_cut(doors: Doors) -> None:
    """Its rights are another's: the connection that is open has the old ones."""
    found = directory()
    desk, night = found.contacts_of(COURT)
    police = found.contacts_of(POLICE)
    moved = found.with_contacts(
        {
            POLICE: (police[0].model_copy(update={"nkey": None}), police[1]),
            COURT: (desk.model_copy(update={"nkey": nkey("C")}), night),
        }
    )
    look(doors, moved)
    assert doors.to_cut == {nkey("C"), nkey("E")}


def test_all_of_an_agency_that_is_gone_are_cut(doors: Doors) -> None:
    found = directory()
    gone = Directory(
        agencies=tuple(a for a in found.agencies if a.handle != COURT),
        contacts=tuple(c for c in found.contacts if c.agency != COURT),
        operator=found.operator,
        officers=found.officers,
    )
    look(doors, gone)
    assert doors.to_cut == {nkey("E"), nkey("F"), agency_login(found, COURT)}


def test_only_what_changed_is_looked_through(doors: Doors) -> None:
    found = directory().with_contacts({POLICE: directory(title="Another desk").contacts_of(POLICE)})
    asked: list[str] = []
    plain = rights(found, NOW)

    def counted(public: str) -> Login | None:
        asked.append(public)
        return plain(public)

    doors.look(found, NOW, counted)
    assert set(asked) == {nkey("C"), nkey("D"), agency_login(found, POLICE)}
    assert doors.to_cut == set()


def agency_login(found: Directory, handle: AgencyHandle) -> str:
    agency = found.agency(handle)
    assert agency is not None
    return agency.nkey


def test_a_change_of_contacts_alone_is_seen_and_so_is_what_is_due_besides(doors: Doors) -> None:
    """The agencies are the very same; what one looks at then is what has changed, and whose hour has come."""
    found = directory()
    look(doors, found)
    court, police = found.contacts_of(COURT), found.contacts_of(POLICE)
    ending = court[0].model_copy(update={"suspended": (Span(start=NOW + 50, end=NOW + 90),)})
    first = found.with_contacts({COURT: (ending, court[1])})
    look(doors, first)
    assert doors.to_cut == set()
    look(doors, first.with_contacts({POLICE: (police[0].model_copy(update={"nkey": None}), police[1])}), NOW + 50)
    assert doors.to_cut == {nkey("C"), nkey("E")}
