"""A message as its sender sees it: every step of every recipient with who says so, and what is missing, due when. Pure.

What is due when follows the message's own clock (CATALOGUE B.3, or its kind's limit): a recipient that has not opened
a message when a part of that clock has run is late, and its sender should know while there is time left to telephone.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from adapters.evidences import Proof
from messages.catalogue import Catalogue
from messages.escalation import clock_of
from messages.evidence import Evidence, EvidenceType, Outcome
from messages.ids import MessageId
from messages.limits import CONFIRM_BY, DAY, MINUTE
from messages.manifest import Manifest

ANSWER: Final = 10 * MINUTE
"""A submission that no worker has answered by then is late: it waits in the journal, or the broker is away."""
DELIVERED: Final = 8
"""An adapter that runs fetches at once; one that is started by a person gets an eighth of the clock."""
OPENED: Final = 4
"""A quarter of the clock to open it, and the rest to answer."""
NO_CLOCK: Final = 7 * DAY
"""What is reckoned with where neither urgency nor kind has a clock."""

CONFIRMED: Final = "recall confirmed"
_END: Final = frozenset({EvidenceType.NON_DELIVERY, EvidenceType.NON_RETRIEVAL, EvidenceType.REJECTION})
_PLACES: Final = list(EvidenceType)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One step that has its evidence. `logged` tells whether the log was seen to hold its record."""

    type: EvidenceType
    at: int
    signer: str  # a contact's handle, or a worker's
    worker: str
    code: str | None = None
    other: str | None = None  # of a recall, which has no name of ETSI's: recalled, corrected, recall confirmed
    logged: bool = False

    @property
    def name(self) -> str:
        """How it is shown."""
        return self.other if self.type is EvidenceType.SUBMISSION_ACCEPTANCE and self.other else self.type.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """One evidence that is not here, and from when on its absence is an alarm."""

    type: EvidenceType | None  # None: that a recall is confirmed
    due: int

    @property
    def name(self) -> str:
        """How it is shown."""
        return self.type.value if self.type is not None else CONFIRMED

    def overdue(self, now: int) -> bool:
        """Whether somebody should look after it now."""
        return now > self.due


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One recipient."""

    recipient: str  # handle
    done: tuple[Done, ...]
    missing: tuple[Missing, ...]
    refused: tuple[str, ...] = field(default=())  # the rules, where it gets nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """One message."""

    message: MessageId
    submitted: Done | None
    missing: tuple[Missing, ...]  # of the submission itself
    lines: tuple[Line, ...]

    def overdue(self, now: int) -> list[tuple[str | None, Missing]]:
        """What is missing past its time, each with the recipient it is about (None: the submission)."""
        late: list[tuple[str | None, Missing]] = [(None, m) for m in self.missing if m.overdue(now)]
        return late + [(line.recipient, m) for line in self.lines for m in line.missing if m.overdue(now)]


def timeline(
    manifest: Manifest,
    saved: int,
    accepted: tuple[Evidence, str] | None,
    proofs: Iterable[Proof],
    logged: Collection[bytes],
    catalogue: Catalogue,
) -> Timeline:
    """The message as its sender knows it: when it was saved, the worker's evidence of its submission with who signed
    it, the steps that were told, and the leaves that the log was seen to hold.
    """
    if accepted is None:
        due = Missing(type=EvidenceType.SUBMISSION_ACCEPTANCE, due=saved + ANSWER)
        return Timeline(message=manifest.id, submitted=None, missing=(due,), lines=())
    evidence, worker = accepted
    told: dict[str, list[Done]] = {}
    for proof in proofs:
        done = Done(
            type=proof.type,
            at=proof.at,
            signer=proof.signer,
            worker=proof.worker,
            code=proof.code,
            other=proof.other,
            logged=proof.promised in logged,
        )
        told.setdefault(proof.recipient, []).append(done)
    clock = clock_of(manifest, catalogue) or NO_CLOCK
    return Timeline(
        message=manifest.id,
        submitted=Done(
            type=evidence.type,
            at=evidence.at,
            signer=worker,
            worker=worker,
            code=evidence.code,
            logged=evidence.leaf in logged,
        ),
        missing=(),
        lines=tuple(
            _line(o.recipient, o.outcome, o.rules, told, evidence.at, clock, manifest.expires)
            for o in evidence.outcomes
        ),
    )


def _line(
    recipient: str,
    outcome: Outcome,
    rules: tuple[str, ...],
    told: Mapping[str, list[Done]],
    admitted: int,
    clock: int,
    expires: int,
) -> Line:
    if outcome is not Outcome.PERMITTED:
        return Line(recipient=recipient, done=(), missing=(), refused=rules)
    done = sorted(told.get(recipient, ()), key=lambda d: (d.at, _PLACES.index(d.type)))
    types = {d.type for d in done}
    missing: list[Missing] = []
    opened = EvidenceType.RETRIEVAL in types
    if not types & _END and not opened:
        if EvidenceType.DELIVERY not in types:
            missing.append(Missing(type=EvidenceType.DELIVERY, due=min(admitted + clock // DELIVERED, expires)))
        missing.append(Missing(type=EvidenceType.RETRIEVAL, due=min(admitted + clock // OPENED, expires)))
    others = {d.other for d in done}
    ordered = [d.at for d in done if d.other in ("recalled", "corrected")]
    if ordered and CONFIRMED not in others:
        missing = [Missing(type=None, due=ordered[-1] + CONFIRM_BY)]
    return Line(recipient=recipient, done=tuple(done), missing=tuple(missing))
