"""A request for information: open → acknowledged → (paused-judicial) → answered | refused | overdue → closed (C.4).

The clock runs from the receipt, stands while a judicial authorisation is needed, and runs again when the authorisation
is there. An answer that comes late is an answer; an overdue request is told to both contacts and a security officer.
"""

from typing import Final

from messages.workflows.machine import Machine, table

RFI: Final = Machine(
    name="RFI",
    start="open",
    moves=table(
        """
        open             acknowledge  acknowledged
        open             pause        paused-judicial
        open             answer       answered
        open             refuse       refused
        acknowledged     pause        paused-judicial
        acknowledged     answer       answered
        acknowledged     refuse       refused
        paused-judicial  resume       acknowledged
        paused-judicial  answer       answered
        paused-judicial  refuse       refused
        answered         answer       answered
        answered         close        closed
        refused          close        closed
        overdue          answer       answered
        overdue          refuse       refused
        overdue          close        closed
        """
    ),
    waiting=frozenset({"open", "acknowledged"}),
    late="overdue",
    says={
        "open": "asked, and not acknowledged yet",
        "acknowledged": "acknowledged, and not answered yet",
        "paused-judicial": "waiting for a judicial authorisation; the clock stands",
        "answered": "answered",
        "refused": "refused, with a ground",
        "overdue": "overdue: call the contact, and tell a security officer",
        "closed": "closed",
    },
)
