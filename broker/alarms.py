"""Which alarms leave the broker, when, and what they say: a kind, a count, a time, and that one should log in.

Pure. No alarm names a case, a person, a message, an agency or a contact: whoever reads the mail on its way, or runs the
receiver of a webhook, learns that something needs somebody, and where to look.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from enum import StrEnum
from typing import Final

from broker.naming import moment
from messages.limits import DAY, HOUR

EXPIRES_SOON: Final = 2 * DAY
GROWN: Final = HOUR
"""A kind is told again after an hour where there is more of it than was told; else after a day."""


class Kind(StrEnum):
    """What alarms are about."""

    GLASS = "glass-to-review"
    OVERDUE = "review-overdue"
    LEAK = "leak-suspected"
    LOG_BEHIND = "log-behind"
    RECORD_MISSING = "record-missing"
    RECORDS_DOWN = "records-down"
    ADAPTER = "adapter-alarm"
    SHUT_OUT = "login-shut-out"
    BUNDLE_ENDS = "bundle-ends"


SAYS: Final = {
    Kind.GLASS: "Broken glasses wait for their review.",
    Kind.OVERDUE: "Broken glasses were not reviewed within 72 hours.",
    Kind.LEAK: "Recipients kept something aside in the last day that seems to identify somebody.",
    Kind.LOG_BEHIND: "The log is behind by more than was promised, and nothing is admitted.",
    Kind.RECORD_MISSING: "A record is missing, and the log does not say that it expired.",
    Kind.RECORDS_DOWN: "The database of records does not answer, so tasks cannot be counted.",
    Kind.ADAPTER: "Adapters of agencies raised alarms in the last day: about log, trust bundle or missing evidence.",
    Kind.SHUT_OUT: "Logins were shut out in the last day: far too much came from them. The broker's log says whose.",
    Kind.BUNDLE_ENDS: "The trust bundle ends within two days, or has ended; then nothing is sent.",
}
DO: Final = "Log in to the console, or run safeconduct doctor on the broker's host."


@dataclass(frozen=True, slots=True)
class Told:
    """When a kind was told last at an address, and how many there were then."""

    at: int
    count: int


def due(counts: Mapping[Kind, int], told: Mapping[Kind, Told], now: int) -> dict[Kind, int]:
    """What is to be told at an address now, of what there is."""
    found: dict[Kind, int] = {}
    for kind, count in counts.items():
        last = told.get(kind)
        if count and (last is None or now - last.at >= (GROWN if count > last.count else DAY)):
            found[kind] = count
    return found


def hook(installation: str, counts: Mapping[Kind, int], now: int) -> bytes:
    """The body of a webhook: JSON."""
    alarms = [{"kind": kind.value, "count": count, "says": SAYS[kind]} for kind, count in counts.items()]
    return json.dumps({"v": 1, "installation": installation, "at": moment(now), "alarms": alarms, "do": DO}).encode()


def mail(installation: str, counts: Mapping[Kind, int], now: int, sender: str, box: str) -> EmailMessage:
    """The same as a mail."""
    made = EmailMessage(SMTP)
    made["From"], made["To"] = sender, box
    made["Subject"] = f"Safeconduct: {', '.join(counts)}"
    made["Auto-Submitted"] = "auto-generated"
    lines = [f"{SAYS[kind]} ({kind.value}: {count})" for kind, count in counts.items()]
    made.set_content("\n".join([f"{installation}, {moment(now)}", "", *lines, "", DO, ""]))
    return made
