"""An agency's eye on the log: every head that it is shown continues the last one that it verified.

A log that shows two histories has to show one of them to somebody who has seen the other. So no head is believed
before it has been proved to belong to the same log as the newest head we kept; where that cannot be proved, either the
broker that answered lags behind (`DependencyError`: ask again), or the log has forked (`Unverified`: an alarm).
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from adapters.journal import Journal
from audit.checkpoint import Checkpoint, VerifierKey
from audit.checkpoint import verify as verify_head
from audit.errors import AuditError
from audit.proofs import verify_consistency, verify_inclusion
from audit.record import SALT_BYTES, TrustRecord, read_record
from audit.record import leaf as record_leaf
from audit.tree import leaf_hash
from audit.witness import NEEDED, cosignatures, readable
from bus.queue import AgencyPort
from keys.epochs import check_path, epoch_leaf
from messages import cbor, limits
from messages.cbor import Reader
from messages.ceremony import EpochStatement
from messages.directory import Bundle
from messages.errors import DependencyError, Malformed, Unverified

WITNESSED: Final = limits.HOUR
_PROOF: Final = 128
_TRIES: Final = 5
_FORKED: Final = "The log has forked: two heads that it signed are not of one log. Tell the security officers."


class LogShorter(DependencyError):
    """The broker knows of a shorter log than we have seen."""

    code = "log-shorter"
    says = (
        "The broker knows of a shorter log than we have seen; try again, and tell the security officers if it stays so."
    )


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Where a leaf stands in the log, proved against a head that the log signed."""

    index: int
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class FinalHead:
    """A head that enough witnesses cosigned, by `witnesses` of them so far. `at` (milliseconds) is the newest time such
    that `NEEDED` of them say to have seen it then or later.
    """

    head: Checkpoint
    at: int
    witnesses: int


class LogWatch:
    """What may be asked of the log, and is believed only with proof. Heads that hold are kept in the journal."""

    def __init__(self, bundle: Bundle, journal: Journal, port: AgencyPort) -> None:
        self._bundle = bundle
        self._journal = journal
        self._port = port

    async def head(self) -> Checkpoint | None:
        """The head the broker shows, if it continues what we have seen; None while the log has none."""
        try:
            note = await self._port.ask("head", b"")
        except DependencyError:
            if self._journal.head() is not None:
                raise
            return None  # an empty answer: nothing is in the log yet, or nobody answers
        head = self._signed(note)
        await self._continues(head)
        return head

    async def compare(self, size: int, root: bytes) -> bool:
        """Hold a head that somebody else verified against the log that is shown to us.

        False while the broker shows a shorter log than that. Raises `Unverified` where the two are not of one log: then
        it was shown in two versions, or whoever told of that head lied.
        """
        last = self._journal.head()
        if last is not None and last[0] == size:
            if last[1] != root:
                raise Unverified(_FORKED)
            return True
        newest = await self._grown(size, root)
        if newest is None:
            return False
        await self._continues(newest)
        return True

    async def offered(self) -> tuple[Checkpoint, bytes] | None:
        """The head that the broker offers to witnesses, and its note as it is; None while the log has none.

        Like every head it is believed only where it is of the log that we know.
        """
        note = await self._note("offered")
        if note is None:
            return None
        head = self._signed(note)
        await self._continues(head)
        return head, note

    async def final(self) -> FinalHead | None:
        """The newest head that enough of the task force's witnesses saw, and when; None where the broker has none to
        show.

        Raises `Unverified` where it is not what the log's key or a witness signed, or not of the log that we know.
        """
        note = await self._note("final")
        if note is None:
            return None
        head = self._signed(note)
        try:
            seen = sorted(c.time for c in cosignatures(note, readable(w.vkey for w in self._bundle.witnesses)))
        except AuditError:
            raise Unverified("A witness's word on the log does not hold: tell the security officers.") from None
        if len(seen) < NEEDED:
            return None
        await self._continues(head)
        # Not the newest of them: one witness that dates its word ahead could then hide for ever that nobody looks.
        return FinalHead(head, seen[-NEEDED] * 1000, len(seen))

    async def _note(self, verb: str) -> bytes | None:
        value = cbor.load(await self._port.ask(verb, b""), limits.ENVELOPE_BYTES, "head")
        if value is not None and type(value) is not bytes:
            raise Malformed("The broker's answer about the log's head has the wrong form.")
        return value

    async def prove(self, leaf: bytes) -> Inclusion | None:
        """The proof that a leaf (its hash) is in the log; None while it is not.

        Raises `Unverified` where the log proves something else, or has forked: an alarm.
        """
        value = cbor.load(await self._port.ask("proof", leaf), limits.ENVELOPE_BYTES, "proof")
        if value is None:
            return None
        reader = Reader(value, "proof")
        index, size = reader.number("index"), reader.number("size")
        proof = cbor.bytes_list(reader.items("proof", _PROOF), "proof", limits.DIGEST, limits.DIGEST)
        head = self._signed(reader.raw("checkpoint"))
        reader.end()
        if head.size != size:
            raise Unverified("The log's head is of another size than its proof. Tell the security officers.")
        await self._continues(head)
        try:
            verify_inclusion(index, size, leaf, proof, head.root)
        except AuditError:
            raise Unverified("The log's proof does not hold: tell the security officers.") from None
        return Inclusion(index, size, head.root)

    async def confirm_epoch(self, now: int) -> bool:
        """Have our extract's place in the log proved; False while the log does not hold its epoch yet.

        Raises `Unverified` where the log holds another extract for us than the one we were given: then the broker
        shows different bundles to different people.
        """
        ours = self._bundle.epoch
        if self._journal.is_confirmed(ours):
            return True
        value = cbor.load(await self._port.ask("epoch", cbor.dump(ours)), limits.ENVELOPE_BYTES, "epoch")
        if value is None:
            return False  # the broker is at another epoch by now: the next refresh gets there
        reader = Reader(value, "epoch")
        statement = reader.raw("statement", 1, limits.ATTESTATION_BYTES)
        path = cbor.bytes_list(reader.items("path", 64), "path", limits.DIGEST, limits.DIGEST)
        index, salt = reader.number("index"), reader.fixed("salt", SALT_BYTES)
        raw = reader.raw("record", 1, limits.ATTESTATION_BYTES)
        reader.end()
        stated = EpochStatement.from_bytes(statement)
        check_path(epoch_leaf(ours, self._bundle.digest), index, stated.extracts, path, stated.root)
        try:
            record = read_record(raw)
        except AuditError:
            raise Unverified(
                "The log's record of the trust bundle cannot be read: tell the security officers."
            ) from None
        if (
            not isinstance(record, TrustRecord)
            or (record.step, record.epoch, record.digest) != ("epoch", ours, sha256(statement).digest())
            or stated.epoch != ours
        ):
            raise Unverified("The log holds another trust bundle for this epoch: tell the security officers.")
        if await self.prove(leaf_hash(record_leaf(salt, raw))) is None:
            return False
        self._journal.confirmed_epoch(ours, now)
        return True

    def _signed(self, note: bytes) -> Checkpoint:
        operator = self._bundle.directory.operator
        try:
            head = verify_head(note, VerifierKey.parse(operator.log_vkey))
        except AuditError:
            raise Unverified("The log's head is not one that its key signed: tell the security officers.") from None
        if head.origin != operator.log_origin:
            raise Unverified("The log's head is about another log: tell the security officers.")
        return head

    async def _continues(self, head: Checkpoint) -> None:
        """Prove that `head` and the last one that we verified begin one and the same log, and keep the newest.

        Both are held against the newest head of the moment, because that is what a broker proves; while the log grows
        between two answers, they are asked for again.
        """
        if not head.size:
            return  # an empty log begins every other, and nobody proves it
        last = self._journal.head()
        if not last or not last[0]:
            self._journal.saw_head(head.size, head.root)
            return
        if last[0] == head.size:
            if last[1] != head.root:
                raise Unverified(_FORKED)
            return
        for _ in range(_TRIES):
            from_last, from_head = await self._newest(*last), await self._newest(head.size, head.root)
            if from_last.size == from_head.size:
                if from_last.root != from_head.root:
                    raise Unverified(_FORKED)
                self._journal.saw_head(from_last.size, from_last.root)
                return
        raise DependencyError("The log grows faster than its heads can be compared; try again.")

    async def _newest(self, size: int, root: bytes) -> Checkpoint:
        """The newest head, proved to continue the one of this size and root."""
        newest = await self._grown(size, root)
        if newest is None:
            raise LogShorter
        return newest

    async def _grown(self, size: int, root: bytes) -> Checkpoint | None:
        """The same; None while the broker's log is shorter than that."""
        value = cbor.load(await self._port.ask("consistency", cbor.dump(size)), limits.ENVELOPE_BYTES, "proof")
        if value is None:
            return None
        reader = Reader(value, "consistency proof")
        proof = cbor.bytes_list(reader.items("proof", _PROOF), "proof", limits.DIGEST, limits.DIGEST)
        newest = self._signed(reader.raw("checkpoint"))
        reader.end()
        try:
            verify_consistency(size, newest.size, root, newest.root, proof)
        except AuditError:
            raise Unverified(_FORKED) from None
        return newest


async def witnessed(watch: LogWatch, now: int) -> FinalHead | None:
    """The newest final head; None while there is none yet. Raises `Unverified` where the log grew since and no witness
    has seen it for longer than `WITNESSED`.
    """
    found, newest = await watch.final(), await watch.head()
    if found is not None and newest is not None and newest.size > found.head.size and now - found.at > WITNESSED:
        raise Unverified("For an hour no witness has seen the log that the broker shows; tell the security officers.")
    return found
