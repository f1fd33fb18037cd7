"""Who hands the servers more than any agency has reason to, and how long its logins are shut out for it. Pure: the time
comes in.

What an agency hands in beyond its share, a server refuses by itself; but refusing takes its processor too, which is
everybody's. So whoever goes on at a rate that no adapter has reason for is cut off, and let in again after a while: the
longer, the more often it has happened.

Counted is what the servers count of each connection, whatever became of it: refused, denied and unheard pieces too. It
is the agency's sum that counts, so more connections, or one after the other, or more of its logins help nobody; who is
shut out are its loudest logins, until what the others sent is within bounds, so that a quiet colleague stays inside.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from bus import bounds

K = TypeVar("K", bound=str)

BYTES: Final = 8 * 1024
"""So many bytes cost a server as much as one piece does: what it takes it writes to its disk."""
CONNECTION: Final = 50
"""Pieces that cost as much as letting one connection in: a TLS handshake and the question about its login."""

_DOOR: Final = timedelta(seconds=bounds.TLS_SECONDS + bounds.AUTH_SECONDS)

Place = tuple[str, int]
"""(a server's id, its number of the connection)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """What a server counts of one connection, open or just closed. `began` by the server's own clock."""

    place: Place
    login: str
    began: datetime | None
    pieces: int
    bytes: int
    closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one server says at one moment, `now` by its own clock: of all its connections, or of the loudest and of
    those that ended last.
    """

    server: str
    now: datetime
    connections: tuple[Connected, ...]


@dataclass(frozen=True, slots=True)
class Allowance:
    """So much a second for any length of time, and so much on top of it at once; in pieces, see `load`, or in bytes."""

    rate: float
    burst: float


OPEN: Final = Allowance(*bounds.SENT)
"""What any agency may send."""
FULL: Final = Allowance(*bounds.SENT_FULL)
"""What one may send whose queue is full: its adapters wait then."""
WRITTEN: Final = Allowance(*bounds.SENT_BYTES)
"""How many bytes any agency may send: two adapters at their fastest."""


@dataclass(frozen=True, slots=True)
class Cut(Generic[K]):
    """A login to be cut off: whose it is, and for how many seconds it is shut out from now on. `again` if it was
    before, and is inside all the same.
    """

    agency: K
    seconds: float
    again: bool = False


def load(pieces: float, size: float, connections: float = 0) -> float:
    """What it costs a server, in pieces of ordinary size."""
    return pieces + size / BYTES + connections * CONNECTION


class _Levels(Generic[K]):
    """How far above an allowance each one is: what it sent, less what flowed off meanwhile."""

    def __init__(self, allowance: Allowance) -> None:
        self.allowance = allowance
        self._levels: dict[K, float] = {}

    def passed(self, seconds: float, sent: Mapping[K, float]) -> set[K]:
        """In so many seconds so much was sent: who is over its burst now. Nobody is over it by more than once again:
        what has been answered by shutting out counts no longer than it takes to flow off.
        """
        off, burst = self.allowance.rate * seconds, self.allowance.burst
        levels = {who: self._levels.get(who, 0.0) + sent.get(who, 0.0) - off for who in self._levels.keys() | sent}
        self._levels = {who: min(level, 2 * burst) for who, level in levels.items() if level > 0}
        return {who for who, level in self._levels.items() if level > burst}


class Overruns(Generic[K]):
    """What a broker remembers between two looks. Each broker looks for itself, and all see the same.

    New connections count for what any agency may send, not beside a full queue: after a broker was away everybody
    comes back at once, and queues are full.
    """

    def __init__(self, first: float = bounds.SHUT_SECONDS, longest: float = bounds.SHUT_LONGEST) -> None:
        """`first` and `longest`: seconds that a login is shut out for."""
        self._open, self._full, self._written = _Levels[K](OPEN), _Levels[K](FULL), _Levels[K](WRITTEN)
        self._first = first
        self._longest = longest
        self._totals: dict[str, float] = {}
        self._totals_at: float | None = None
        self._seen: dict[Place, tuple[int, int]] = {}
        self._heard: dict[str, datetime] = {}
        self._at: float | None = None
        self._until: dict[str, float] = {}  # of a login that is shut out
        self._times: dict[K, tuple[int, float]] = {}  # how often, and when it is forgotten

    def worth(self, totals: Mapping[str, float], now: float) -> bool:
        """Whether anybody can be over by what each server took since the last time: else its connections need not be
        looked at. At the first time nothing is known.
        """
        before, self._totals = self._totals, dict(totals)
        since, self._totals_at = self._totals_at, now
        if since is None:
            return False
        grown = (total - known if total >= (known := before.get(s, 0.0)) else total for s, total in totals.items())
        return sum(grown) > self._full.allowance.rate * (now - since)

    def look(
        self,
        readings: Iterable[Reading],
        agency_of: Callable[[str], K | None],
        full: Collection[K],
        now: float,
        excused: float = 0.0,
        excused_bytes: float = 0.0,
    ) -> dict[str, Cut[K]]:
        """Logins to be cut now. `full` are the agencies whose queue is full; `excused` is what all together had reason
        to send besides, in pieces, and how many bytes that was. Between two looks nothing was `worth` one.
        """
        since, self._at = self._at, now
        sent, inside = self._sent(readings)
        self._until = {login: until for login, until in self._until.items() if now < until}
        found = {
            login: Cut(agency, self._until[login] - now, again=True)
            for login in sorted(inside & self._until.keys())
            if (agency := agency_of(login)) is not None
        }
        if since is None or now <= since:
            return found
        came: dict[K, dict[str, _Sent]] = defaultdict(dict)
        for login, one in sent.items():
            if login not in self._until and (agency := agency_of(login)) is not None:
                came[agency][login] = one
        every = {agency: {login: one.whole for login, one in logins.items()} for agency, logins in came.items()}
        turned = {a: {login: one.pieces for login, one in came[a].items()} for a in came if a in full}
        sizes = {agency: {login: float(one.bytes) for login, one in logins.items()} for agency, logins in came.items()}
        for levels, logins_of, besides in (
            (self._open, every, excused),
            (self._full, turned, excused),
            (self._written, sizes, excused_bytes),
        ):
            sums = {agency: max(0.0, sum(logins.values()) - besides) for agency, logins in logins_of.items()}
            for agency in sorted(levels.passed(now - since, sums) & logins_of.keys()):
                loudest = _loudest(logins_of[agency], levels.allowance.rate * (now - since) + besides)
                fresh = [login for login in loudest if login not in self._until]
                if fresh:
                    cut = Cut(agency, self._seconds(agency, now))
                    self._until |= dict.fromkeys(fresh, now + cut.seconds)
                    found |= dict.fromkeys(fresh, cut)
        return found

    def shut(self, login: str, now: float) -> bool:
        """Whether this login is shut out."""
        until = self._until.get(login)
        if until is not None and now >= until:
            del self._until[login]
            return False
        return until is not None

    def _seconds(self, agency: K, now: float) -> float:
        """How long its logins are shut out this time."""
        times, forgotten = self._times.get(agency, (0, now))
        times = times + 1 if now < forgotten else 1
        seconds = min(self._longest, self._first * 2.0 ** min(times - 1, 30))
        self._times[agency] = times, now + seconds + 2 * self._longest
        return seconds

    def _sent(self, readings: Iterable[Reading]) -> tuple[dict[str, "_Sent"], set[str]]:
        """What each login sent since the last look, and which are inside. A connection that is seen for the first time
        counts from its beginning if that was after the last look, or so shortly before that it was still at the door
        then, and else from now on.
        """
        sent: dict[str, _Sent] = defaultdict(_Sent)
        inside: set[str] = set()
        seen: dict[Place, tuple[int, int]] = {}
        for reading in readings:
            heard = self._heard.get(reading.server)
            for one in reading.connections:
                seen[one.place] = one.pieces, one.bytes
                if not one.closed:
                    inside.add(one.login)
                known, who = self._seen.get(one.place), sent[one.login]
                if known is not None:
                    who.count(max(0, one.pieces - known[0]), max(0, one.bytes - known[1]))
                elif heard is not None and one.began is not None and one.began > heard - _DOOR:
                    who.count(one.pieces, one.bytes)
                    who.connections += 1
            self._heard[reading.server] = reading.now
        self._seen = seen
        return sent, inside


@dataclass(slots=True)
class _Sent:
    """What one login sent in the time between two looks."""

    pieces: float = 0.0
    bytes: int = 0
    connections: int = 0

    def count(self, pieces: int, size: int) -> None:
        self.pieces += load(pieces, size)
        self.bytes += size

    @property
    def whole(self) -> float:
        return load(self.pieces, 0, self.connections)


def _loudest(logins: Mapping[str, float], allowed: float) -> list[str]:
    """Those without whom the rest is within what is allowed: as few as there can be."""
    left = sum(logins.values())
    found: list[str] = []
    for login, one in sorted(logins.items(), key=lambda item: (-item[1], item[0])):
        if left <= allowed:
            break
        found.append(login)
        left -= one
    return found
