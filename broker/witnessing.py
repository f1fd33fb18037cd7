"""Heads of the log that witnesses cosign: one is offered until enough of them did, then it is final.

A busy log has a new head several times a second; witnesses that each took the newest would never sign the same. So one
head stands as *offered* until it is final, or for `OFFERED` milliseconds. Whoever lies here is found out by the
witnesses, who cosign only what continues the log that they saw, and by every adapter that looks for a final head.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

from audit.checkpoint import VerifierKey, verify
from audit.errors import AuditError
from audit.witness import Cosignature, WitnessKey, cosignatures, final, joined, readable
from messages.directory import Bundle
from messages.errors import Malformed, Unverified
from messages.limits import CLOCK_SKEW, MINUTE

OFFERED: Final = 2 * MINUTE


class Heads(Protocol):
    """Where final heads are kept, for every broker on the same store."""

    async def put_final(self, note: bytes) -> None:
        """Keep a note that enough witnesses cosigned."""

    async def last_final(self) -> bytes | None:
        """The one kept last."""


class Witnessing:
    """What a broker offers its witnesses, and takes from them."""

    def __init__(self, heads: Heads, head: Callable[[], bytes | None], bundle: Callable[[], Bundle]) -> None:
        """`head` gives the newest signed head, `bundle` the trust bundle in force."""
        self._heads = heads
        self._head = head
        self._bundle = bundle
        self._offered: bytes | None = None
        self._since = 0
        self._taking = asyncio.Lock()

    def offered(self, now: int) -> bytes | None:
        """The note to cosign, with what it bears already; None while the log has no head."""
        if self._offered is None or now >= self._since + OFFERED or self._final(self._offered):
            newest = self._head()
            if newest is not None and (self._offered is None or not self._offered.startswith(newest)):
                self._offered, self._since = newest, now
        return self._offered

    async def take(self, note: bytes, now: int) -> bytes:
        """Add a witness's line to the head offered; the note as it stands then. `note` is the head with that line.

        A note that became final is kept before anybody is told of it. Raises as `with_words_of` does, and
        `DependencyError` where it cannot be kept: then nothing was added.
        """
        async with self._taking:
            offered = self._offered
            taken = with_words_of(note, offered, self._log(), self._keys(), now)
            if self._final(taken) and not (offered is not None and self._final(offered)):
                await self._heads.put_final(taken)
            if self._offered is offered:  # else its time was over meanwhile
                self._offered = taken
            return taken

    def _final(self, note: bytes) -> bool:
        return final(note, self._keys()) is not None

    def _keys(self) -> tuple[WitnessKey, ...]:
        return readable(w.vkey for w in self._bundle().witnesses)

    def _log(self) -> VerifierKey:
        return VerifierKey.parse(self._bundle().directory.operator.log_vkey)


def with_words_of(note: bytes, offered: bytes | None, log: VerifierKey, keys: Sequence[WitnessKey], now: int) -> bytes:
    """The note `offered` with the lines of those of these witnesses who cosigned `note` and not yet that one: one of
    each, and no other line, so whoever hands in many fills it for nobody.

    Raises `Malformed` where `note` is none, or bears a witness's line that does not hold; `Unverified` where it is of
    another head than the one offered, by nobody who is a witness, or dated later than `now` (milliseconds) and what
    clocks may differ.
    """
    try:
        if offered is None or verify(note, log) != verify(offered, log):
            raise Unverified("That head is not the one offered to witnesses now; ask for it again.")
        words = list(_words(note, keys))
        if not words:
            raise Unverified("None of the task force's witnesses cosigned that head.")
        known = {word.witness for word in cosignatures(offered, keys)}
        taken = offered
        for word, line in words:
            if word.witness in known:
                continue
            if word.time * 1000 > now + CLOCK_SKEW:
                raise Unverified("A witness's word is dated in the future; check the clock of its machine.")
            known.add(word.witness)
            taken = joined(taken, [line])
    except AuditError:
        raise Malformed("What the witness signed is not a note of the log's head.") from None
    return taken


def _words(note: bytes, keys: Sequence[WitnessKey]) -> Iterator[tuple[Cosignature, bytes]]:
    """What each signature line says, where it is by one of these witnesses. Raises as `cosignatures` does."""
    text, blank, lines = note.rpartition(b"\n\n")
    for line in lines.splitlines(keepends=True):
        for word in cosignatures(text + blank + line, keys):
            yield word, line
