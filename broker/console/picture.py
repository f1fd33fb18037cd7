"""Flows between agencies as a picture: senders on the left, recipients on the right, and ribbons as wide as decisions
were many. Pure: counts in, geometry out; the template draws it, and the table beside it says the same in words.

An agency that sends and receives stands on both sides. Beyond `SHOWN` on a side the rest is gathered as others, so that
names stay legible however many agencies a task force has.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

SHOWN: Final = 14
"""Agencies on each side, with the others that are gathered as one."""
WIDTH: Final = 640.0
LEFT: Final = 190.0
"""Where the left bars begin, and as far from the other edge the right ones end; outside stand the names."""
BAR: Final = 10.0
ROW: Final = 18.0
"""Height of a bar at least: that of a name."""
GAP: Final = 8.0
THIN: Final = 1.5
"""Width of a ribbon at least: one refusal among thousands is still seen."""
SPREAD: Final = 220.0
"""Height of all ribbons together, where none is thinner than that."""
EACH: Final = 16.0
"""Width of one decision at most: where there are few, a ribbon is no wall."""

Flow = tuple[str, str, int, int]
"""From whom, to whom, how many permitted, how many refused."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One agency on one side. `party` is None where it stands for `others` that are gathered."""

    party: str | None
    others: int
    permitted: int
    refused: int
    y: float
    height: float

    @property
    def middle(self) -> float:
        """Where its name stands."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Ribbon:
    """The decisions of one outcome between two bars, by their places on each side."""

    sender: int
    recipient: int
    permitted: bool
    count: int
    width: float
    path: str


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn, in units of its own width."""

    height: float
    left: tuple[Bar, ...]
    right: tuple[Bar, ...]
    ribbons: tuple[Ribbon, ...]
    total: int
    width: float = WIDTH
    bar: float = BAR
    left_at: float = LEFT  # where the bars of each side begin
    right_at: float = WIDTH - LEFT - BAR


def picture(flows: Iterable[Flow]) -> Picture:
    """The picture of these flows; of none, or of none with a decision, one without ribbons."""
    known = [flow for flow in flows if flow[2] + flow[3] > 0]
    senders = _busiest((sender, yes + no) for sender, _, yes, no in known)
    recipients = _busiest((recipient, yes + no) for _, recipient, yes, no in known)
    counts: Counter[tuple[int, int, bool]] = Counter()
    for sender, recipient, yes, no in known:
        counts[senders[sender], recipients[recipient], True] += yes
        counts[senders[sender], recipients[recipient], False] += no
    total = counts.total()
    widths = {at: max(min(SPREAD / total, EACH) * count, THIN) for at, count in sorted(counts.items()) if count}
    left = _side(senders, 0, counts, widths)
    right = _side(recipients, 1, counts, widths)
    ribbons: list[Ribbon] = []
    from_left, from_right = [bar.y for bar in left], [bar.y for bar in right]
    for (start, end, permitted), width in sorted(widths.items(), key=lambda w: (w[0][:2], not w[0][2])):
        path = _path(from_left[start], from_right[end], width)
        ribbons.append(Ribbon(start, end, permitted, counts[start, end, permitted], width, path))
        from_left[start] += width
        from_right[end] += width
    height = max((bar.y + bar.height for bar in (*left, *right)), default=0.0)
    return Picture(round(height, 1), left, right, tuple(ribbons), total)


_Places = dict[str, int]


def _busiest(counted: Iterable[tuple[str, int]]) -> _Places:
    """Each party's place on its side, the busiest first; where there are too many, the rest have the last place."""
    totals: Counter[str] = Counter()
    for party, count in counted:
        totals[party] += count
    order = sorted(totals, key=lambda party: (-totals[party], party))
    shown = len(order) if len(order) <= SHOWN else SHOWN - 1
    return {party: min(place, shown) for place, party in enumerate(order)}


def _bars(places: _Places) -> list[list[str]]:
    """The parties at each place."""
    found: list[list[str]] = [[] for _ in range(max(places.values(), default=-1) + 1)]
    for party, place in places.items():
        found[place].append(party)
    return found


def _side(
    places: _Places, side: int, counts: Counter[tuple[int, int, bool]], widths: dict[tuple[int, int, bool], float]
) -> tuple[Bar, ...]:
    made, y = [], 0.0
    for place, parties in enumerate(_bars(places)):
        height = max(ROW, sum(width for at, width in widths.items() if at[side] == place))
        here = {at: n for at, n in counts.items() if at[side] == place}
        yes, no = (sum(n for at, n in here.items() if at[2] == outcome) for outcome in (True, False))
        name, others = (parties[0], 0) if len(parties) == 1 else (None, len(parties))
        made.append(Bar(name, others, yes, no, round(y, 1), round(height, 1)))
        y += height + GAP
    return tuple(made)


def _path(y0: float, y1: float, width: float) -> str:
    """A band from the left bars to the right ones, curved so that crossings can be followed."""
    x0, x1 = LEFT + BAR, WIDTH - LEFT - BAR
    middle = (x0 + x1) / 2
    there = f"M{x0:.1f} {y0:.1f}C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
    low0, low1 = y0 + width, y1 + width
    return f"{there}L{x1:.1f} {low1:.1f}C{middle:.1f} {low1:.1f} {middle:.1f} {low0:.1f} {x0:.1f} {low0:.1f}Z"
