"""Copies whose time to be kept is over: deleted by the holder's own adapter, and said so (R-19, LED art. 5).

How long a copy may be kept follows from the agreement on which it was given, from the moment at which it was opened,
and from days of deletion that its objects name; the earliest counts. A copy that may be evidence is not deleted by
itself: a person decides, and so may the law (`safeconduct erasure keep`). Every step can be done again after a crash:
the signed word is kept before the copy goes, and handed in after it is gone.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Final

import structlog

from adapters import acknowledging, erasure
from adapters.home import ContactKeys
from adapters.journal import DONE, ERASED, OPENED, Incoming, Journal
from adapters.shelf import Shelf
from messages import wire
from messages.envelope import Delivery
from messages.errors import BadInput
from messages.ids import ViewId
from messages.labels import EvidenceUse

log = structlog.get_logger("adapters.retention")

RETENTION: Final = "retention"
"""The code under which a copy that was deleted is shown."""


class Retention:
    """Deletes what is due of one contact's copies."""

    def __init__(
        self, journal: Journal, shelf: Shelf, keys: Callable[[], ContactKeys], clock: Callable[[], int]
    ) -> None:
        self._journal = journal
        self._shelf = shelf
        self._keys = keys
        self._clock = clock

    def due(self) -> list[tuple[Incoming, int]]:
        """Copies whose time is over and that nothing demands to keep, each with the moment at which it ended."""
        found = []
        for view, until in self._journal.keep_until(self._clock()):
            incoming = self._journal.exactly(view)
            if incoming is None or incoming.state not in (OPENED, DONE):
                continue
            mine = incoming.contact == self._keys().contact.handle
            if mine and self._shelf.kept_for(ViewId(view)) is None:
                found.append((incoming, until))
        return found

    def enforce(self) -> int:
        """Delete what is due and need not be decided by a person; how many copies went."""
        self._finish()
        gone = 0
        for incoming, _ in self.due():
            if may_be_evidence(incoming):
                continue
            self._delete(incoming)
            gone += 1
        return gone

    def delete(self, view: ViewId) -> None:
        """Delete a copy whose time is over because a person says so; raises `BadInput` for any other."""
        found = next((incoming for incoming, _ in self.due() if incoming.view == view), None)
        if found is None:
            raise BadInput("The time to keep that copy is not over, and no consent was withdrawn on which it rests.")
        self._delete(found)

    def _delete(self, incoming: Incoming) -> None:
        word = acknowledging.deletion(incoming, self._keys(), self._clock())
        self._journal.deleting(incoming.view, word or b"")
        self._finish()

    def _finish(self) -> None:
        """Carry out every deletion that was begun, also in a run that broke off: the copy goes, then the word on it."""
        for name, word in self._journal.deletions():
            view, incoming = ViewId(name), self._journal.exactly(name)
            if incoming is not None and incoming.state != ERASED:
                for path in self._shelf.files(view):
                    erasure.wipe(path, erasure.tombstone(view, "the time to keep it is over"))
                self._journal.erase(view, RETENTION)
                log.info("deleted", view=view)
            if word:
                self._shelf.say(sha256(word).digest(), "acknowledgement", word)
            self._journal.deleted(view)


def may_be_evidence(incoming: Incoming) -> bool:
    """Whether its sender allowed the copy to be used as evidence: then a person decides what becomes of it."""
    manifest = wire.decode_view(Delivery.from_bytes(incoming.delivery).view).manifest
    return manifest.evidence_use is not EvidenceUse.INTELLIGENCE_ONLY
