"""When an answer is due: from receipt, in calendar time, and paused for one reason only."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from messages.catalogue import load
from messages.clocks import Pause, PauseReason, due, overdue, working_days
from messages.errors import BadInput
from messages.labels import Urgency
from messages.limits import DAY, HOUR

PARIS = ZoneInfo("Europe/Paris")


def at(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


FRIDAY = at("2026-11-20T22:00")


def test_eight_hours_and_three_days_run_over_nights_and_weekends() -> None:
    assert due(Urgency.ISD_URGENT_DIRECT, FRIDAY) == at("2026-11-21T06:00")
    assert due(Urgency.ISD_URGENT_INDIRECT, FRIDAY) == at("2026-11-23T22:00")
    assert due(Urgency.ISD_NORMAL, FRIDAY) == at("2026-11-27T22:00")


def test_a_change_of_the_clocks_moves_nothing() -> None:
    before = at("2027-03-27T22:00", "Europe/Paris")  # the clocks go forward in this night
    assert due(Urgency.ISD_URGENT_DIRECT, before) == at("2027-03-28T07:00", "Europe/Paris")
    before = at("2026-10-24T22:00", "Europe/Paris")  # and back in this one
    assert due(Urgency.ISD_URGENT_DIRECT, before) == at("2026-10-25T05:00", "Europe/Paris")


def test_a_pause_moves_what_is_due_by_its_length() -> None:
    pause = Pause(FRIDAY + HOUR, FRIDAY + 5 * HOUR)
    assert due(Urgency.ISD_URGENT_DIRECT, FRIDAY, [pause]) == FRIDAY + 12 * HOUR
    second = Pause(FRIDAY + 6 * HOUR, FRIDAY + 7 * HOUR)
    assert due(Urgency.ISD_URGENT_DIRECT, FRIDAY, [pause, second]) == FRIDAY + 13 * HOUR


def test_while_a_clock_stands_nothing_is_due_and_nothing_is_late() -> None:
    standing = due(Urgency.ISD_URGENT_DIRECT, FRIDAY, [Pause(FRIDAY + HOUR)])
    assert standing is None
    assert not overdue(standing, FRIDAY + 1000 * DAY)


def test_only_a_judicial_authorisation_pauses_and_only_the_clocks_of_that_directive() -> None:
    assert [r.value for r in PauseReason] == ["judicial-authorisation-needed"]
    for urgency in Urgency:
        if urgency.clock is None:
            continue
        if urgency.value.startswith("ISD-"):
            assert due(urgency, FRIDAY, [Pause(FRIDAY, FRIDAY + HOUR)]) == FRIDAY + HOUR + (urgency.limit or 0)
        else:
            with pytest.raises(BadInput):
                due(urgency, FRIDAY, [Pause(FRIDAY, FRIDAY + HOUR)])


def test_a_pause_does_not_run_backwards() -> None:
    with pytest.raises(BadInput):
        due(Urgency.ISD_NORMAL, FRIDAY, [Pause(FRIDAY + HOUR, FRIDAY)])


def test_working_days_skip_the_weekend_and_begin_on_a_monday() -> None:
    assert due(Urgency.NRM_RG, FRIDAY) == at("2026-11-27T22:00")
    assert working_days(at("2026-11-21T09:00"), 1) == at("2026-11-24T00:00")
    assert working_days(at("2026-11-25T09:00"), 5) == at("2026-12-02T09:00")


def test_what_is_due_is_late_only_after_it() -> None:
    assert not overdue(FRIDAY, FRIDAY)
    assert overdue(FRIDAY, FRIDAY + 1)
    assert not overdue(None, FRIDAY)
    assert due(Urgency.NONE, FRIDAY) is None


def test_every_clock_names_its_law_and_says_whether_it_was_read() -> None:
    for urgency in Urgency:
        if urgency.clock is not None:
            assert urgency.clock.source and urgency.clock.limit > 0
            assert due(urgency, FRIDAY) is not None and (due(urgency, FRIDAY) or 0) > FRIDAY
    assert not Urgency.SIRENE_12H.clock.read and Urgency.PRUM_CORE.clock.read  # type: ignore[union-attr]


def test_the_catalogue_lists_the_same_urgencies_with_the_same_limits() -> None:
    listed = load().codes["urgencies"]
    assert set(listed.codes) == {u.value for u in Urgency}
    for urgency in Urgency:
        limit = listed.attributes.get(urgency.value, {}).get("limit")
        if limit is None:
            assert urgency is Urgency.NONE
            continue
        number, unit = limit.split()
        assert urgency.clock is not None
        if unit == "wd":
            assert urgency.clock.working == int(number)
        else:
            assert urgency.limit == int(number) * {"h": HOUR, "d": DAY}[unit]
        assert urgency.clock.read == (listed.state_of(urgency.value) == "V")
