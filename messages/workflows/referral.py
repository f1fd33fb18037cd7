"""A referral: offered → accepted | rejected | lapsed → arrived → in_progress → done | revoked (C.4, R-27).

Only after an acceptance does the sealed part follow, to that provider alone. After a rejection or a lapse it stays
sealed for good: no key to it was ever given away, and the next provider gets another pseudonym.
"""

from typing import Final

from messages.workflows.machine import Machine, table

REFERRAL: Final = Machine(
    name="REFERRAL",
    start="offered",
    moves=table(
        """
        offered      accept    accepted
        offered      reject    rejected
        offered      revoke    revoked
        accepted     disclose  accepted
        accepted     arrive    arrived
        accepted     progress  in_progress
        accepted     revoke    revoked
        arrived      progress  in_progress
        arrived      revoke    revoked
        in_progress  progress  in_progress
        in_progress  finish    done
        in_progress  revoke    revoked
        """
    ),
    waiting=frozenset({"offered"}),
    late="lapsed",
    says={
        "offered": "offered, and not decided yet",
        "accepted": "accepted",
        "rejected": "declined; the sealed part stays closed",
        "lapsed": "not decided in time; the sealed part stays closed",
        "arrived": "the person has arrived",
        "in_progress": "in progress",
        "done": "done",
        "revoked": "revoked",
    },
)
