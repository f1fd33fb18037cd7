"""When an urgent message that nobody has opened becomes somebody else's business too. Pure; times are milliseconds.

The clock is the shorter of the urgency's and the kind's (CATALOGUE B.3, C.2), from admission on. It is urgent where it
ends within a day. At fractions of it the recipient is reminded, then its deputies and its agency's duty desk are told,
and at last the sender is told to telephone while there is time left for an answer.
"""

from enum import StrEnum
from typing import Final

from messages.catalogue import Catalogue
from messages.limits import DAY
from messages.manifest import Manifest


class Stage(StrEnum):
    """Who is told, in this order."""

    CONTACT = "contact"
    DEPUTIES = "deputies"
    DUTY_DESK = "duty-desk"
    SENDER = "sender"  # telephone


_AT: Final = {Stage.CONTACT: (1, 8), Stage.DEPUTIES: (1, 4), Stage.DUTY_DESK: (1, 2), Stage.SENDER: (3, 4)}


def clock_of(manifest: Manifest, catalogue: Catalogue) -> int:
    """How long the clock of this message runs: its urgency's or its kind's, whichever is shorter; 0: none."""
    found = (manifest.urgency.limit, catalogue.kinds[manifest.kind].deadline.limit)
    return min((limit for limit in found if limit), default=0)


def urgent(clock: int) -> bool:
    """Whether a message with this clock (0: none) escalates."""
    return 0 < clock <= DAY


def due(admitted: int, clock: int, stage: Stage) -> int:
    """When this stage is reached by a message that nobody has opened."""
    part, whole = _AT[stage]
    return admitted + clock * part // whole


def reached(admitted: int, clock: int, now: int) -> tuple[Stage, ...]:
    """The stages that an unopened message has reached by `now`, in order; none where it is not urgent."""
    return tuple(s for s in Stage if due(admitted, clock, s) <= now) if urgent(clock) else ()
