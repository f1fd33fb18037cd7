"""What a message inherits from those it draws on: the originators' conditions bind whoever holds their content (R-17).

Pure. `floor` joins the conditions of all sources, each axis at its strictest; `check` refuses a composition that is
looser on any of them, and says on which and who may loosen it: the originator alone. `lineage` says what a message is,
by whom its sources are from and to whom it goes.

H codes are no ladder: H1 keeps content out of proceedings, H2 keeps it from others, and neither does the other's work.
So they are compared by what they restrict, and the caveats ORCON and EGMONT count as H2. H3 carries words, which no
machine reads, so it stands for every restriction and is the only code that keeps the words of another H3.

Not checked here: whether a recipient may have what is passed on. That are the rules SC-70, SC-71 and R-17.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from messages.attestations import Permission
from messages.errors import BadInput, NotPermitted
from messages.ids import AgencyHandle, ContactHandle, MessageId, message_text
from messages.labels import Caveat, EvidenceUse, HCode, Kind, Lift, Lineage, Pap, Purpose, Tlp
from messages.limits import CLOCK_SKEW
from messages.manifest import Handling, Manifest

CONDITIONS: Final = "conditions"
"""The cover's field for conditions in words."""
_OF_ORIGINATOR: Final = "Of the originator: "


class Restriction(StrEnum):
    """What an H code or a caveat keeps content from."""

    PROCEEDINGS = "proceedings"  # H1
    ONWARD = "onward"  # H2, ORCON, EGMONT
    WORDS = "words"  # H3: conditions in words


_H: Final[Mapping[HCode, frozenset[Restriction]]] = {
    HCode.H0: frozenset(),
    HCode.H1: frozenset({Restriction.PROCEEDINGS}),
    HCode.H2: frozenset({Restriction.ONWARD}),
    HCode.H3: frozenset(Restriction),
}
_ORIGINATOR: Final = frozenset({Caveat.ORCON, Caveat.EGMONT})
_EVIDENCE: Final = (EvidenceUse.EVIDENCE, EvidenceUse.WITH_CONSENT, EvidenceUse.INTELLIGENCE_ONLY)  # strictest last


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One message that another one draws on, as its recipient holds it: opened, and every check passed."""

    view: str
    manifest: Manifest
    agency: AgencyHandle  # of whoever sent it
    address: str  # the same as people read it
    thread: bytes
    delete_by: int  # milliseconds: the originator's own date, else what the agreement says, whichever comes first
    conditions: str = ""  # in words
    marks: tuple[str, ...] = ()  # conditions of the originator that its objects carry, as codes

    @property
    def message(self) -> MessageId:
        return self.manifest.id

    @property
    def sender(self) -> ContactHandle:
        return self.manifest.sender

    @property
    def closed(self) -> bool:
        """Whether nobody may pass it on without its originator: H2, ORCON, EGMONT, or a TLP over GREEN."""
        handling = self.manifest.handling
        return Restriction.ONWARD in restrictions(handling) or not Tlp.GREEN.covers(handling.tlp)


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The loosest that a message may be on each axis, and by whose word."""

    tlp: Tlp
    pap: Pap
    restrictions: frozenset[Restriction]
    caveats: frozenset[Caveat]
    rel_to: frozenset[str] | None  # None: no such limit
    evidence_use: EvidenceUse
    exercise: bool
    delete_by: int
    conditions: tuple[str, ...]
    marks: frozenset[str]
    whose: str  # addresses of those who may loosen it

    def handling(self) -> Handling:
        """The loosest handling that keeps it all."""
        needed = set(self.restrictions)
        caveats = set(self.caveats)
        if Restriction.WORDS in needed:
            h = HCode.H3
        elif Restriction.PROCEEDINGS in needed:
            h = HCode.H1
            caveats |= {Caveat.ORCON} if Restriction.ONWARD in needed and not caveats & _ORIGINATOR else set()
        else:
            h = HCode.H2 if Restriction.ONWARD in needed and not caveats & _ORIGINATOR else HCode.H0
        return Handling(
            tlp=self.tlp, h=h, pap=self.pap, caveats=tuple(sorted(caveats)), rel_to=tuple(sorted(self.rel_to or ()))
        )

    @property
    def delete_on(self) -> str:
        """The last day on which it may be kept, as objects say it."""
        return datetime.fromtimestamp(self.delete_by / 1000, UTC).date().isoformat()


def restrictions(handling: Handling) -> frozenset[Restriction]:
    """What this handling keeps content from."""
    found = _H[handling.h]
    return found | {Restriction.ONWARD} if _ORIGINATOR.intersection(handling.caveats) else found


def lineage(sources: Sequence[Source], recipients: Collection[AgencyHandle], typed: Lineage | None) -> Lineage:
    """What a message that draws on these and goes to those is, or raise `BadInput` where `typed` says something else.

    A reply goes to nobody but the agency that sent all it draws on. Everything else passes content on: as it is
    (which its author has to say) or made into something of one's own.
    """
    if not sources:
        if typed is Lineage.REPLY:
            raise BadInput("A reply names under draws_on the message that it answers.")
        return typed or Lineage.ORIGINAL
    if {s.agency for s in sources} == set(recipients) and len(set(recipients)) == 1:
        found = Lineage.REPLY
    else:
        found = Lineage.FORWARD if typed is Lineage.FORWARD else Lineage.DERIVED
    if typed not in (None, found):
        raise BadInput(
            f"The file says {typed.value}, but a message that draws on these and goes to these recipients is"
            f" {found.value}; leave lineage out, or name other recipients."
        )
    return found


def floor(sources: Sequence[Source], of: Lineage, permissions: Iterable[Permission] = ()) -> Floor:
    """The strictest of all sources on each axis, or raise `NotPermitted` where two cannot be kept together.

    Permissions (verified, for these messages) can lift that a source is no evidence; nothing else is lifted here.
    """
    if not sources:
        raise ValueError("there is no floor without a source")
    handlings = [s.manifest.handling for s in sources]
    limits = [frozenset(h.rel_to) for h in handlings if h.rel_to]
    rel_to = frozenset.intersection(*limits) if limits else None
    if rel_to is not None and not rel_to:
        raise NotPermitted("The messages that it draws on may go to different countries only, and so both to none.")
    exercises = {s.manifest.exercise for s in sources}
    if len(exercises) > 1:
        raise NotPermitted("An exercise and what is real are not mixed: draw on the one or on the other.")
    lifted = {p.message for p in permissions if Lift.PROCEEDINGS in p.lifts}
    # In a reply its own originator gets its content back; what somebody else gave it first stays bound.
    bound = [s for s in sources if (of.passed_on or s.manifest.lineage.passed_on) and s.message not in lifted]
    worded = [s for s in sources if of.passed_on or s.manifest.handling.h is HCode.H3]
    return Floor(
        tlp=max((h.tlp for h in handlings), key=lambda t: t.rank),
        pap=max((h.pap for h in handlings), key=lambda p: p.rank),
        restrictions=frozenset().union(*(restrictions(h) for h in handlings)),
        caveats=frozenset().union(*(h.caveats for h in handlings)),
        rel_to=rel_to,
        evidence_use=max((s.manifest.evidence_use for s in bound), key=_EVIDENCE.index, default=EvidenceUse.EVIDENCE),
        exercise=exercises.pop(),
        delete_by=min(s.delete_by for s in sources),
        conditions=tuple(dict.fromkeys(s.conditions for s in worded if s.conditions)),
        marks=frozenset().union(*(s.marks for s in sources)),
        whose=", ".join(sorted({s.address for s in sources})),
    )


def check(handling: Handling, evidence_use: EvidenceUse, exercise: bool, floor: Floor, now: int) -> None:
    """Raise `NotPermitted` where a message is looser than `floor`: on which axis, and who may loosen it."""
    wanted = floor.handling()
    missing = floor.restrictions - restrictions(handling)
    dropped = floor.caveats - set(handling.caveats)
    looser: list[str] = []
    if not handling.tlp.covers(floor.tlp):
        looser.append(f"TLP is at least {floor.tlp.value}")
    if missing:
        also = " with the caveat ORCON" if Caveat.ORCON in set(wanted.caveats) - floor.caveats else ""
        looser.append(f"h is {wanted.h.value}{also}")
    if not handling.pap.covers(floor.pap):
        looser.append(f"PAP is at least {floor.pap.value}")
    if dropped:
        looser.append(f"the caveats hold {', '.join(sorted(dropped))}")
    if floor.rel_to is not None and (not handling.rel_to or not set(handling.rel_to) <= floor.rel_to):
        looser.append(f"rel_to names no country but {', '.join(sorted(floor.rel_to))}")
    if _EVIDENCE.index(evidence_use) < _EVIDENCE.index(floor.evidence_use):
        looser.append(f"evidence_use is {floor.evidence_use.value}")
    if looser:
        raise NotPermitted(
            f"The message is looser than what it draws on: {'; '.join(looser)}. Only {floor.whose} may loosen that;"
            " ask with: safeconduct permit ask"
        )
    if exercise is not floor.exercise:
        what = "an exercise" if floor.exercise else "no exercise"
        raise NotPermitted(f"What it draws on is {what}, so the message is {what} either.")
    if now >= floor.delete_by:
        raise NotPermitted(f"What it draws on was to be kept until {floor.delete_on} only, so it is not used any more.")


def check_object(value: Mapping[str, Any], where: str, floor: Floor) -> None:
    """The same for an object that brings a handling of its own: it may be stricter than the message, not looser."""
    own = value.get("handling")
    if not isinstance(own, Mapping):
        return
    try:
        tlp, h, pap = Tlp(own["tlp"]), HCode(own["h"]), Pap(own.get("pap", floor.pap.value))
    except (KeyError, ValueError):
        return  # its data type says so
    handling = Handling(tlp=tlp, h=h, pap=pap, caveats=tuple(floor.caveats))
    if not tlp.covers(floor.tlp) or not pap.covers(floor.pap) or floor.restrictions - restrictions(handling):
        raise NotPermitted(f"{where} has a handling of its own that is looser than what the message draws on.")
    until = own.get("delete_on")
    if isinstance(until, str) and until > floor.delete_on:
        raise NotPermitted(f"{where} would be kept longer than what the message draws on: until {floor.delete_on}.")


def conditions(cover: Mapping[str, Any], floor: Floor, limit: int) -> str:
    """The cover's conditions with those of the originators behind them, or raise `BadInput` where it is too long."""
    own = str(cover.get(CONDITIONS, ""))
    parts = [own] if own else []
    parts += [f"{_OF_ORIGINATOR}{text}" for text in floor.conditions if text not in own]
    joined = "\n".join(parts)
    if len(joined) > limit:
        raise BadInput(f"The conditions in words, the originators' included, are longer than {limit:,} characters.")
    return joined


def permitted(
    sources: Sequence[Source],
    permissions: Iterable[Permission],
    *,
    grantee: AgencyHandle,
    recipient: AgencyHandle,
    purpose: Purpose,
    moment: int,
) -> tuple[Permission, ...]:
    """The permissions to go beside a message to this recipient: none unless every closed source has one of its own.

    One originator's permission says nothing of what another one gave.
    """
    fitting = [
        p
        for p in permissions
        if (p.grantee, p.recipient) == (grantee, recipient)
        and purpose in p.purposes
        and p.at <= moment + CLOCK_SKEW
        and moment < p.expires
    ]
    found: list[Permission] = []
    for source in sources:
        own = [p for p in fitting if p.message == source.message]
        if source.closed and not any(Lift.ONWARD in p.lifts for p in own):
            return ()
        found += own
    return tuple(dict.fromkeys(found))


def answers(kind: Kind, cover: Mapping[str, Any], sources: Sequence[Source], fields: Collection[str]) -> dict[str, Any]:
    """The cover of a reply with what it answers, or raise `BadInput` where it names another message."""
    named = cover.get("in_reply_to")
    texts = [message_text(s.message) for s in sources]
    if named is not None and named not in texts:
        raise BadInput(f"in_reply_to of the {kind.value} is none of the messages that it draws on.")
    if named is None and texts and "in_reply_to" in fields:
        return {**cover, "in_reply_to": texts[0]}
    return dict(cover)
