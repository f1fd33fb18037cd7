"""A workflow as a table: which events move it from which state to which. Pure; a state is what its events make of it.

Nothing moves by itself: a clock makes something overdue or lapsed only when somebody looks, and no answer is ever
given automatically. An event that the table does not have in a state is refused, never ignored: the message that would
have caused it is wrong, or came twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from messages.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """States, events and moves. `waiting` are those in which an answer is due; `late` is what such a state becomes."""

    name: str
    start: str
    moves: Mapping[tuple[str, str], str]
    waiting: frozenset[str]
    late: str
    says: Mapping[str, str]  # each state in words

    @property
    def states(self) -> frozenset[str]:
        """Every state that it can be in."""
        return frozenset({self.start, self.late} | {s for s, _ in self.moves} | set(self.moves.values()))

    @property
    def events(self) -> frozenset[str]:
        """Every event that its table knows."""
        return frozenset(event for _, event in self.moves)

    @property
    def ends(self) -> frozenset[str]:
        """States that nothing leaves."""
        return self.states - {state for state, _ in self.moves}

    def move(self, state: str, event: str) -> str:
        """The next state, or raise `BadInput` where the table has no such move."""
        found = self.moves.get((state, event))
        if found is None:
            known = ", ".join(sorted(e for s, e in self.moves if s == state)) or "nothing more"
            raise BadInput(f"In the state {state} of {self.name} there can be {known}, and not {event}.")
        return found

    def after(self, events: Iterable[str]) -> str:
        """The state after these events, in order; what does not fit is left out, for a stranger may send anything."""
        state = self.start
        for event in events:
            state = self.moves.get((state, event), state)
        return state

    def seen(self, state: str, due: int | None, now: int) -> str:
        """The state as somebody sees it who looks at `now`: what waits and is late is overdue, or has lapsed."""
        return self.late if state in self.waiting and due is not None and now > due else state


def table(text: str) -> dict[tuple[str, str], str]:
    """Moves from lines such as "open  answer  answered"."""
    rows = [line.split() for line in text.strip().splitlines()]
    found = {(state, event): to for state, event, to in rows}
    if len(found) != len(rows):
        raise ValueError("a state and an event stand twice")
    return found
