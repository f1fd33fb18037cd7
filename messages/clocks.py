"""When an answer is due: reckoned from the receipt, never typed (CATALOGUE B.3). Pure; all times are milliseconds.

A clock starts when the contact point receives the message and runs in calendar time, nights, weekends and changes of
the clocks included. Working days alone are Monday to Friday (UTC); public holidays are not known here, so they count,
and the answer is due rather too early. Only the clocks of Directive (EU) 2023/977 can be paused, only for a judicial
authorisation that is needed, and what has been paused and not resumed is due at no time that could be named yet.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from messages.errors import BadInput
from messages.labels import Urgency
from messages.limits import DAY

_SATURDAY: Final = 5
_EPOCH_WEEKDAY: Final = 3  # 1 January 1970 was a Thursday


class PauseReason(StrEnum):
    """Why a clock may stand still: there is one reason (Directive (EU) 2023/977 art. 5(2))."""

    JUDICIAL = "judicial-authorisation-needed"


@dataclass(frozen=True, slots=True)
class Pause:
    """A clock that stands from `start` to `end` (None: still), of which the requester was told at once."""

    start: int
    end: int | None = None
    reason: PauseReason = PauseReason.JUDICIAL


def due(urgency: Urgency, received: int, pauses: Iterable[Pause] = ()) -> int | None:
    """When the answer is due, or None where there is no clock or it stands.

    Raises `BadInput` for a pause of a clock that cannot be paused, or one that ends before it began.
    """
    clock = urgency.clock
    if clock is None:
        return None
    stood = 0
    for pause in pauses:
        if not clock.pausable:
            raise BadInput("This clock cannot be paused; only those of Directive (EU) 2023/977 can.")
        if pause.end is None:
            return None
        if pause.end < pause.start:
            raise BadInput("A pause ends before it began.")
        stood += max(0, pause.end - max(pause.start, received))
    if clock.working:
        return working_days(received, clock.working) + stood
    return received + clock.limit + stood


def working_days(start: int, days: int) -> int:
    """The same time of day, so many working days later; what begins at a weekend begins on Monday."""
    day, time = divmod(start, DAY)
    if _weekend(day):
        time = 0
        while _weekend(day):
            day += 1
    for _ in range(days):
        day += 1
        while _weekend(day):
            day += 1
    return day * DAY + time


def _weekend(day: int) -> bool:
    return (day + _EPOCH_WEEKDAY) % 7 >= _SATURDAY


def overdue(at: int | None, now: int) -> bool:
    """Whether something that is due at `at` is late. What stands or has no clock is never late."""
    return at is not None and now > at
