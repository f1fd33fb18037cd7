"""A proposal that an officer hands in, worked out in a process of its own, into words.

Megabytes that somebody else wrote, and a rehearsal that may take a minute: neither is for the process that answers
officers and may hold the broker's keys. This one gets a folder to read what is in force from, the proposal and past
decisions; it has no key and no connection, goes behind whatever else the machine does, and ends at its limits. What it
answers is for people to read. It is the broker's word: whoever signs sees the same on their own machine, and compares
the digits.

    python -m broker.console.reviewing TRUST NOW < frames > {"refused": sentence} or the fields of `Reviewed`
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog

from audit.errors import AuditError
from audit.record import DECISION, Record, read_record
from broker import proposals
from broker.console.words import mark
from bus.processes import begun, frame, give_way, read_frame
from keys import ceremony
from keys.ceremony import Assembled, Proposal
from keys.fingerprints import fingerprint
from keys.repository import Repository
from messages.errors import BadInput, DependencyError, ShareError, Stale
from messages.limits import CLOCK_SKEW
from policies import report
from policies.rehearsal import Past

log = structlog.get_logger("broker.console")

PROPOSAL_BYTES: Final = 16 * 1024 * 1024
"""Of a proposal on the console; the founding one, which can be larger, is signed before there is a console."""
SECONDS: Final = 300
MEMORY: Final = 4 * 1024**3
SHOWN: Final = 1_000
"""Changes that are shown at most, and sentences under one heading; how many more there are is told."""
ODD: Final = mark("This proposal cannot be worked out here. Review it on your own machine: safeconduct bundle review")

Paragraphs = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerSeen:
    """One of the two who are to sign."""

    title: str
    handle: str
    signed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """A proposal in words: the same as `safeconduct bundle review` shows, and what it means for past decisions."""

    digest: str  # hexadecimal; signatures do not change it
    base: int  # the epoch that was in force
    at: int
    expires: int
    changes: tuple[str, ...]
    renews: bool  # unchanged parts are signed again too
    signers: tuple[SignerSeen, ...]
    signatures: tuple[str, ...]  # by which keys, so that none gets lost
    root: tuple[int, int] | None  # root holders who signed a new root, and how many are needed
    rehearsal: Paragraphs | None  # None: nothing in it changes who may get what
    headline: str
    rehearsal_digits: str
    past: Paragraphs  # over the decisions that this broker has records of

    @property
    def epoch(self) -> int:
        """The epoch that it leads to."""
        return self.base + 1

    @property
    def digits(self) -> str:
        """What the two signers compare."""
        return fingerprint(bytes.fromhex(self.digest))

    @property
    def complete(self) -> bool:
        """Whether nobody is needed any more."""
        return all(s.signed for s in self.signers) and (self.root is None or self.root[0] >= self.root[1])


def worked_out(data: bytes, trust: Path, records: Sequence[bytes], now: int) -> Reviewed:
    """The proposal held against what is in force in the folder `trust`.

    Raises `ShareError` where it cannot be read, was made for another epoch, is too old, carries a signature or a step
    that does not hold, or a rehearsal that does not come out the same here.
    """
    past = [_past(raw) for raw in records]
    proposal = Proposal.from_bytes(data)
    standing = ceremony.published(Repository(trust / "repository"), (trust / "root.json").read_bytes())
    found = proposals.assemble(proposal, standing)
    if not proposal.at - CLOCK_SKEW <= now < found.expires:
        raise Stale(mark("The proposal is too old to be signed, or dated in the future; propose again."))
    both = proposals.compared(found, past or None)
    carried, made = both if both is not None else (None, None)
    done = {p.handle for p in found.given()}
    people = (ceremony.person(found.after, handle) for handle in proposal.signers)
    return Reviewed(
        digest=found.digest.hex(),
        base=proposal.base,
        at=proposal.at,
        expires=found.expires,
        changes=_short(proposals.difference(found)),
        renews=proposal.renew or found.root is not None,
        signers=tuple(SignerSeen(title=p.title, handle=p.handle, signed=p.handle in done) for p in people),
        signatures=_signatures(found),
        root=(len(found.root_holders()), found.root.signed.roles["root"].threshold) if found.root is not None else None,
        rehearsal=_paragraphs(report.paragraphs(carried)) if carried is not None else None,
        headline=report.headline(carried) if carried is not None else "",
        rehearsal_digits=fingerprint(carried.digest) if carried is not None else "",
        past=_paragraphs(report.past_traffic(made.traffic)) if made is not None and made.traffic is not None else (),
    )


def _signatures(found: Assembled) -> tuple[str, ...]:
    """The keys whose signatures it carries, and root holders' among them: nobody has signed a part of it only."""
    own = {key for given in found.proposal.signatures.values() for key in given}
    return tuple(sorted([*own, *(f"root {key.hex()}" for key in found.root_holders())]))


def _past(raw: bytes) -> Past:
    record = read_record(raw)
    if not isinstance(record, Record) or record.type != DECISION:
        raise BadInput(mark("A proposal is rehearsed over decisions alone."))
    return proposals.past(record)


def _paragraphs(found: list[tuple[str, list[str]]]) -> Paragraphs:
    return tuple((title, _short(items)) for title, items in found)


def _short(items: list[str]) -> tuple[str, ...]:
    more = [f"… and {len(items) - SHOWN} more: safeconduct bundle review"] if len(items) > SHOWN else []
    return (*items[:SHOWN], *more)


# The process, from outside


class Reviewer:
    """Works one proposal out at a time; the others wait."""

    def __init__(self, trust: Path) -> None:
        self._trust = trust
        self._one = asyncio.Lock()

    async def review(self, data: bytes, records: Sequence[bytes], now: int) -> Reviewed:
        """Raises `BadInput` with the sentence why it does not hold, or `DependencyError`."""
        async with self._one:
            answer = await self._asked(b"".join(frame(f) for f in (data, *records)), now)
        if answer is None:
            log.error("proposal-not-worked-out")
            raise BadInput(ODD)
        if "refused" in answer:
            raise BadInput(str(answer["refused"]))
        return _read(answer)

    async def _asked(self, frames: bytes, now: int) -> dict[str, Any] | None:
        try:
            process = await begun(__name__, str(self._trust.absolute()), str(now))
        except OSError:
            raise DependencyError(mark("The machine has no room now to work it out; try again later.")) from None
        try:
            async with asyncio.timeout(SECONDS):
                out, _ = await process.communicate(frames)
        except TimeoutError:
            raise DependencyError(ODD) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            return None
        answer: dict[str, Any] = json.loads(out)
        return answer


def _read(answer: dict[str, Any]) -> Reviewed:
    def paragraphs(rows: list[Any]) -> Paragraphs:
        return tuple((title, tuple(items)) for title, items in rows)

    return Reviewed(
        **answer
        | {
            "changes": tuple(answer["changes"]),
            "signers": tuple(SignerSeen(**s) for s in answer["signers"]),
            "signatures": tuple(answer["signatures"]),
            "root": tuple(answer["root"]) if answer["root"] is not None else None,
            "rehearsal": paragraphs(answer["rehearsal"]) if answer["rehearsal"] is not None else None,
            "past": paragraphs(answer["past"]),
        }
    )


# The process, from inside


def _main(trust: str, now: str) -> None:
    out, sys.stdout = sys.stdout, sys.stderr  # a log line is no answer
    _bounded()
    data, *records = iter(partial(read_frame, sys.stdin.buffer), None)
    try:
        answer = asdict(worked_out(data, Path(trust), records, int(now)))
    except (ShareError, AuditError) as error:
        answer = {"refused": str(error)}
    out.write(json.dumps(answer))


def _bounded() -> None:
    """No more time and memory than a proposal can need; deliveries go first."""
    give_way()
    try:
        import resource  # not everywhere
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    _main(*sys.argv[1:])
