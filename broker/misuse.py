"""Signs of misuse: simple counts over records, each with its reason. A sign is a reason to ask, never a verdict.

Pure: whoever calls gives the lines of a span of time. Nothing is done about anybody here or anywhere else (R-33).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from broker.recordsdb import Line
from broker.tasks import VITAL
from messages.errors import BadInput
from messages.limits import DAY
from policies.judge import BEYOND_EXTRACT

COUNTED: Final = 100_000
"""Records that are counted at most, the newest: the same for everybody who asks."""
SPAN: Final = 7 * DAY
"""What is looked at where nobody says otherwise."""
BY: Final = ("form", "kind", "agency", "sender", "recipient", "outcome", "rules", "signers")
"""All of a line that is looked at: lines that are alike in it may be counted together."""


class Sign(StrEnum):
    """What is counted."""

    REFUSALS = "refusals"
    PROBING = "probing"
    VOLUME = "volume"
    FAN_OUT = "fan-out"
    BREAK_GLASS = "break-glass"
    LOOK_UPS = "look-ups"
    EXPORTS = "exports"


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """From which count on a sign is told; per party and the span that was looked at. Officers tune them."""

    refusals: int = 20  # decisions and submissions refused
    refused_share: float = 0.5  # and at least this part of all that it sent
    probing: int = 3  # decisions of which the sender heard no more than `not-deliverable`
    volume: int = 5  # times the middle agency's submissions
    volume_least: int = 50
    fan_out: int = 10  # different recipients of one contact
    break_glass: int = 2
    look_ups: int = 200
    exports: int = 5

    def __post_init__(self) -> None:
        if not 0 <= self.refused_share <= 1:
            raise BadInput("The share of refusals lies between 0 and 1.")
        names = ("refusals", "probing", "volume", "volume_least", "fan_out", "break_glass", "look_ups", "exports")
        if any(getattr(self, name) < 1 for name in names):
            raise BadInput("A threshold is a number of times, from 1 on.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One sign: about whom, how often, from where on it is told, and the sentence that says why."""

    sign: Sign
    party: str  # a handle
    count: int
    threshold: int
    says: str


def signs(lines: Iterable[tuple[Line, int]], thresholds: Thresholds | None = None) -> list[Told]:
    """All signs in these lines, each with how often there is one like it; the largest excess over its threshold first.

    `{party}` in a sentence is its name.
    """
    limits = thresholds or Thresholds()
    sent: Counter[str] = Counter()
    judged: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    probing: Counter[str] = Counter()
    vital: Counter[str] = Counter()
    looked: Counter[str] = Counter()
    exported: Counter[str] = Counter()
    reached: dict[str, set[str]] = defaultdict(set)
    for line, times in lines:
        if line.form == "submission":
            sent[line.agency] += times
            judged[line.agency] += times
            refused[line.agency] += times * (line.outcome == "refused")
        elif line.form == "decision":
            beyond = line.outcome == "refused" and not BEYOND_EXTRACT.isdisjoint(line.rules)
            reached[line.sender].add(line.recipient)
            judged[line.agency] += times
            refused[line.agency] += times * (line.outcome == "refused")
            probing[line.agency] += times * beyond
            vital[line.sender] += times * (line.outcome == "permitted" and VITAL in line.rules)
        elif line.form == "act" and line.kind == "looked-up":
            for who in line.signers:
                looked[who] += times * (line.outcome in ("searched", "viewed"))
                exported[who] += times * (line.outcome == "exported")
    found: list[Told] = []

    def tell(sign: Sign, party: str, count: int, threshold: int, says: str) -> None:
        if party and count >= threshold:
            found.append(Told(sign=sign, party=party, count=count, threshold=threshold, says=says))

    for party, count in refused.items():
        if count >= limits.refused_share * judged[party]:
            says = f"{count} of {judged[party]} decisions about what {{party}} sent refused it."
            tell(Sign.REFUSALS, party, count, limits.refusals, says)
    for party, count in probing.items():
        says = f"{{party}} was told {count} times that something is not deliverable: it may be trying out who is known."
        tell(Sign.PROBING, party, count, limits.probing, says)
    middle = sorted(sent.values())[(len(sent) - 1) // 2] if sent else 0
    for party, count in sent.items():
        most = max(limits.volume_least, limits.volume * middle)
        says = f"{{party}} sent {count} messages; the agency in the middle sent {middle}."
        tell(Sign.VOLUME, party, count, most, says)
    for party, recipients in reached.items():
        says = f"{{party}} addressed {len(recipients)} different contacts."
        tell(Sign.FAN_OUT, party, len(recipients), limits.fan_out, says)
    for party, count in vital.items():
        tell(Sign.BREAK_GLASS, party, count, limits.break_glass, f"{{party}} broke the glass {count} times.")
    for party, count in looked.items():
        tell(Sign.LOOK_UPS, party, count, limits.look_ups, f"{{party}} searched or looked at records {count} times.")
    for party, count in exported.items():
        tell(Sign.EXPORTS, party, count, limits.exports, f"{{party}} exported records {count} times.")
    return sorted(found, key=lambda t: (-t.count / t.threshold, t.sign, t.party))
