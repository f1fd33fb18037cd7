"""How something stands, in words for people: one line of `safeconduct doctor`.

A finding that is not good says what to do, with the command to type. It names folders, addresses, days and counts,
never content or key bytes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from messages.errors import ShareError


class Health(StrEnum):
    """How it stands, the worst last."""

    GOOD = "good"
    SKIPPED = "skipped"  # it was not looked at, and `says` tells why
    WARN = "warn"  # it works, and will not for long, or not in all cases
    BAD = "bad"  # something does not work, or somebody is trying something


_ORDER = tuple(Health)


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` was looked at, how it stands, one or two sentences on that, and what to do ("" where nothing)."""

    what: str
    health: Health
    says: str
    do: str = ""

    def to_map(self) -> dict[str, str]:
        """For `--json`."""
        return {"what": self.what, "health": self.health.value, "says": self.says, "do": self.do}


def good(what: str, says: str) -> Finding:
    """Nothing to do."""
    return Finding(what, Health.GOOD, says)


def skipped(what: str, says: str) -> Finding:
    """It was not looked at."""
    return Finding(what, Health.SKIPPED, says)


def warn(what: str, says: str, do: str) -> Finding:
    """To be seen to, in time."""
    return Finding(what, Health.WARN, says, do)


def bad(what: str, says: str, do: str) -> Finding:
    """To be seen to now."""
    return Finding(what, Health.BAD, says, do)


def refused(what: str, error: ShareError, do: str = "") -> Finding:
    """An error of ours as a finding. Its sentence is "what is wrong; what to do"; `do` where it does not say more."""
    says, _, advice = str(error).partition("; ")
    if not advice:
        return bad(what, says, do or "Mend that, then run safeconduct doctor again.")
    return bad(what, f"{says}.", f"{advice[0].upper()}{advice[1:]}" + (f" {do}" if do else ""))


def worst(findings: Iterable[Finding]) -> Health:
    """The worst of them; good where there are none."""
    return max((f.health for f in findings), key=_ORDER.index, default=Health.GOOD)
