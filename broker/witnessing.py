"""Heads of the log that witnesses cosign: one is offered until enough of them did, then it is final.

A busy log has a new head several times a second; witnesses that each took the newest would never sign the same. So one
head stands as *offered* until it is final, or for `OFFERED` milliseconds. Whoever lies here is found out by the
witnesses, who cosign only what continues the log that they saw, and by every adapter that looks for a final head.
"""

from collections.abc import Callable, Iterable
from typing import Final, Protocol

from audit.checkpoint import VerifierKey, verify
from audit.errors import AuditError
from audit.witness import WitnessKey, cosignatures, final, joined, readable
from messages.directory import Bundle
from messages.errors import Malformed, Unverified
from messages.limits import MINUTE

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

    def offered(self, now: int) -> bytes | None:
        """The note to cosign, with what it bears already; None while the log has no head."""
        if self._offered is None or now >= self._since + OFFERED or self._final(self._offered):
            newest = self._head()
            if newest is not None and (self._offered is None or not self._offered.startswith(newest)):
                self._offered, self._since = newest, now
        return self._offered

    async def take(self, note: bytes) -> bytes:
        """Add a witness's line to the head offered; the note as it stands then. `note` is the head with that line.

        Raises `Malformed` where it is no such note, `Unverified` where it is of another head than the one offered now,
        or by nobody who is a witness.
        """
        offered = self._offered
        try:
            if offered is None or verify(note, self._log()) != verify(offered, self._log()):
                raise Unverified("That head is not the one offered to witnesses now; ask for it again.")
            keys = self._keys()
            if not cosignatures(note, keys):
                raise Unverified("None of the task force's witnesses cosigned that head.")
            lines = [line for line in note.splitlines(keepends=True) if _by(line, keys)]
            taken = joined(offered, lines)
            cosignatures(taken, keys)  # nothing joins it that others would have to refuse
        except AuditError:
            raise Malformed("What the witness signed is not a note of the log's head.") from None
        self._offered = taken
        if self._final(taken) and not self._final(offered):
            await self._heads.put_final(taken)
        return taken

    def _final(self, note: bytes) -> bool:
        return final(note, self._keys()) is not None

    def _keys(self) -> tuple[WitnessKey, ...]:
        return readable(w.vkey for w in self._bundle().witnesses)

    def _log(self) -> VerifierKey:
        return VerifierKey.parse(self._bundle().directory.operator.log_vkey)


def _by(line: bytes, keys: Iterable[WitnessKey]) -> bool:
    return any(line.startswith(f"— {key.name} ".encode()) for key in keys)
