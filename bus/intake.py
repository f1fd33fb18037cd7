"""Whose submissions are taken next, so that an agency which floods slows itself alone. Pure: the time comes in.

Four rules. A `Bucket` bounds how fast one agency is served on average, and how much of it at once. `Turns` shares what
is taken among those who wait, by bytes and in turns (deficit round robin): whoever hands in ten thousand messages gets
the same share of the next batch as whoever hands in one. One agency's backlog makes no large batch while others are
about (`Company`, `portion`): who comes while it is judged waits for that, however fair the next one is. And it rests
after each (`Rests`), the longer the more of it waits, because what the server does for it costs the others too.
"""

from collections import deque
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

TURN_BYTES: Final = 16 * 1024
"""What one turn gives: some three ordinary messages. A larger one waits until as many turns have come round."""
MESSAGE_BYTES: Final = 2 * 1024
"""What a message counts besides its bytes: verifying and deciding cost the same for a small one."""

MESSAGE_SECONDS: Final = 0.005
BYTE_SECONDS: Final = 1e-8
"""Of `cost`: what a slow disk takes for one write, and for each MB 10 ms."""


class Bucket:
    """At most `burst` at once, and `rate` a second on average; full at the beginning."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at: float | None = None

    def available(self, now: float) -> int:
        """How many may be taken at `now` (seconds of any clock that never goes back)."""
        if self._at is not None and now > self._at:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now if self._at is None else max(now, self._at)
        return max(0, int(self._tokens))

    def take(self, count: float, now: float) -> None:
        """Note that so many were taken; more than there were is owed."""
        self.available(now)
        self._tokens -= count

    def owed(self, now: float) -> float:
        """Seconds until nothing is owed any more."""
        self.available(now)
        return max(0.0, -self._tokens / self._rate)


class Turns(Generic[K]):
    """Deficit round robin over queues that their owner fills."""

    def __init__(self, turn: int = TURN_BYTES) -> None:
        self._turn = turn
        self._order: deque[K] = deque()
        self._left: dict[K, int] = {}

    def take(self, queues: Mapping[K, deque[T]], size: Callable[[T], int], limit: int) -> list[tuple[K, T]]:
        """Up to `limit` of what waits in `queues`, taken out of them. Within one queue the order stays."""
        known = set(self._order)
        self._order.extend(key for key, queue in queues.items() if queue and key not in known)
        taken: list[tuple[K, T]] = []
        while self._order and len(taken) < limit:
            key = self._order.popleft()
            queue = queues.get(key)
            left = self._left.pop(key, 0) + self._turn
            while queue and size(queue[0]) <= left and len(taken) < limit:
                one = queue.popleft()
                left -= size(one)
                taken.append((key, one))
            if queue:  # who has nothing waiting saves nothing up
                self._left[key] = min(left, self._turn) if len(taken) >= limit else left
                self._order.append(key)
        return taken


class Company(Generic[K]):
    """Who has handed in something within the last `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last: dict[K, float] = {}

    def came(self, who: K, now: float) -> None:
        """Note that something of this one's was taken."""
        self._last.pop(who, None)
        self._last[who] = now  # so the longest away come first

    def size(self, now: float) -> int:
        """How many are about."""
        while self._last:
            who, last = next(iter(self._last.items()))
            if now - last <= self._seconds:
                break
            del self._last[who]
        return len(self._last)

    def alone(self, who: K, now: float) -> bool:
        """Whether this one is about, and nobody else."""
        return self.size(now) == 1 and who in self._last


class Once(Generic[K]):
    """Says of each source at most once in `seconds` that something is to be recorded, and how often it has been."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next: dict[K, float] = {}
        self._count: dict[K, int] = {}

    def due(self, source: K, now: float) -> int | None:
        """Count one more; how many there were since the last time it was recorded, or None while it is too early."""
        count = self._count.get(source, 0) + 1
        if now < self._next.get(source, now):
            self._count[source] = count
            return None
        self._next[source], self._count[source] = now + self._seconds, 0
        return count


def cost(data: bytes) -> float:
    """Seconds that one submission costs the others at least, whatever becomes of it: its way through the server."""
    return MESSAGE_SECONDS + len(data) * BYTE_SECONDS


def weight(data: bytes) -> int:
    """What one submission takes of a turn."""
    return MESSAGE_BYTES + len(data)


def portion(waiting: Collection[int], about: int, most: int, least: int) -> int:
    """How many to take at once of agencies that have so much `waiting`: `most` where one alone is about.

    Else no more of whoever has most than all the others have together, or `least` where they have less: what several
    hand in at once is worth a large batch, and one agency's backlog alone is not worth the others' wait.
    """
    if about <= 1:
        return most
    others = sum(waiting) - max(waiting, default=0)
    return min(most, others + max(others, least))


class Pace:
    """How many fit into a time, by how long the last batches took."""

    def __init__(self) -> None:
        self._each: float | None = None

    def took(self, count: int, seconds: float) -> None:
        """So many were seen to in `seconds`."""
        each = seconds / max(1, count)
        self._each = each if self._each is None else 0.7 * self._each + 0.3 * each

    def fit(self, seconds: float, least: int, most: int) -> int:
        """How many, between `least` and `most`; `most` before anything is known."""
        return most if not self._each else max(least, min(most, int(seconds / self._each)))


class Rests(Generic[K]):
    """Whoever alone filled most of a batch, and had more than went into it, leaves the worker to the others while that
    batch is in hand, and after that for up to `factor` times as long as it was: all of that where `full` are left and
    all of them are its own, and as much less as there are fewer, or more of others. So a flood rests long, whoever is a
    little behind hardly at all, and two that flood rest half as long each. Whoever had no more than went into a batch
    has no backlog, however much comes meanwhile.

    A batch counts as in hand for no longer than `longest`, whatever becomes of it.
    """

    def __init__(self, factor: float, full: int, longest: float) -> None:
        self._factor = factor
        self._full = full
        self._longest = longest
        self._in_hand: dict[K, tuple[float, float, float]] = {}  # since when; the least time, and times as long as that
        self._until: dict[K, float] = {}

    def took(
        self, batch: Mapping[K, int], left: Mapping[K, int], about: int, now: float, least: float = 0.0
    ) -> K | None:
        """A batch of so many from each begins, which left so many behind, and counts as in hand for `least` seconds
        (`cost`). Who rests while it is in hand: nobody where no more than one is `about`.
        """
        most = max(batch, key=lambda who: batch[who], default=None)
        if about <= 1 or most is None or not left.get(most) or 2 * batch[most] <= (whole := sum(batch.values())):
            return None
        much = min(1.0, left[most] / self._full) * left[most] / sum(left.values())
        self._in_hand[most] = now, least, self._factor * much * batch[most] / whole
        return most

    def done(self, who: K, now: float) -> None:
        """The batch for which this one rests has been seen to."""
        if who in self._in_hand:
            since, least, factor = self._in_hand.pop(who)
            self._until[who] = now + factor * min(self._longest, max(least, now - since))

    def until(self, who: K, now: float) -> float | None:
        """When this one's rest ends, or is looked at again; None where it does not rest."""
        if who in self._in_hand:
            end = self._in_hand[who][0] + self._longest
            if now < end:
                return end
            self.done(who, end)
        if self._until.get(who, now) > now:
            return self._until[who]
        self._until.pop(who, None)
        return None


def shares(lanes: int, most: int, held: int) -> int:
    """How many to ask for at once from each of `lanes` queues, so that all together hold no more than about `held`."""
    return max(1, min(most, held // max(1, lanes)))
