"""A transfer of evidence (C.4): prepared → sealed → in-transit → received (else quarantine) → held.

Then it is returned or destroyed.
"""

from typing import Final

from messages.workflows.machine import Machine, table

EVIDENCE: Final = Machine(
    name="EVIDENCE",
    start="prepared",
    moves=table(
        """
        prepared    seal      sealed
        sealed      send      in-transit
        prepared    send      in-transit
        in-transit  receive   received
        in-transit  mismatch  quarantine
        quarantine  receive   received
        quarantine  return    returned
        received    hold      held
        held        return    returned
        held        destroy   destroyed
        """
    ),
    waiting=frozenset({"in-transit"}),
    late="overdue",
    says={
        "prepared": "prepared",
        "sealed": "sealed",
        "in-transit": "sent, and not received yet",
        "received": "received, and every digest is the one that was sent",
        "quarantine": "set aside: a digest differs, or something is missing",
        "overdue": "no receipt in time: call the contact",
        "held": "held",
        "returned": "returned",
        "destroyed": "destroyed",
    },
)
