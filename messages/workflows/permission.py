"""A permission to pass content on (H2, ORCON, third-party rule; C.4): asked → granted | refused | lapsed.

Lapsed is refused.
"""

from typing import Final

from messages.workflows.machine import Machine, table

PERMISSION: Final = Machine(
    name="PERMISSION",
    start="asked",
    moves=table(
        """
        asked  grant   granted
        asked  refuse  refused
        """
    ),
    waiting=frozenset({"asked"}),
    late="lapsed",
    says={
        "asked": "asked, and not decided yet",
        "granted": "granted, under conditions",
        "refused": "refused",
        "lapsed": "not decided in time, which is a refusal",
    },
)
