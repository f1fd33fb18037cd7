"""What somebody still owes, as far as records tell: a word that a copy is gone, or an answer to a request.

Pure. Records say that a request went and that answers went back, not which answer is to which request, and not until
when: that stands in the messages. So an answer counts for every request before it between the same two agencies.
"""

from collections.abc import Callable, Iterable
from typing import Final

from audit.record import DECISION, PERMITTED, ActRecord
from broker.recordsdb import Line
from messages.labels import Kind

REQUEST, ANSWER = Kind.RFI.value, Kind.RFI_RESPONSE.value
RECALL_DONE: Final = frozenset({"recall-confirmed", "deleted", "not-here"})
"""Words of a recipient on a view that end its recall."""


def unconfirmed(orders: Iterable[ActRecord], words: Iterable[ActRecord]) -> list[ActRecord]:
    """The orders, of an erasure or of a recall, on which their recipient has said nothing about that copy; the oldest
    first. A copy that was never opened was taken away with the order, and nothing is owed.
    """
    done = {(w.subject, w.recipient, w.view) for w in words}
    open_ = (o for o in orders if o.outcome != "undelivered" and (o.subject, o.recipient, o.view) not in done)
    return sorted(open_, key=lambda order: (order.at, order.recipient or ""))


def ends_recall(word: ActRecord) -> bool:
    """Whether a recipient's word on a view ends its recall."""
    return word.outcome in RECALL_DONE


def unanswered(requests: Iterable[Line], answers: Iterable[Line], agency_of: Callable[[str], str | None]) -> list[Line]:
    """The requests after which no answer has gone from the asked agency to the asking one; the oldest first."""
    last: dict[tuple[str, str | None], int] = {}
    for answer in answers:
        if _went(answer, ANSWER):
            pair = (answer.agency, agency_of(answer.recipient))
            last[pair] = max(last.get(pair, 0), answer.at)
    found = (
        r
        for r in requests
        if _went(r, REQUEST) and last.get((agency_of(r.recipient) or r.recipient, r.agency), 0) <= r.at
    )
    return sorted(found, key=lambda line: (line.at, line.index))


def _went(line: Line, kind: str) -> bool:
    return (line.form, line.outcome, line.kind) == (DECISION, PERMITTED, kind)
