"""Whether anything of a type can pass between two agencies at all, and what a message has to bring along for it. Pure.

The rules themselves are asked, over sections that somebody might send (`policies.cases`): about a victim, a child, a
suspect or nobody, naming somebody or pointing at nobody. So what is found here cannot say otherwise than the rules.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Final

from messages.catalogue import Catalogue
from messages.labels import EvidenceUse, Flag, Kind, Purpose, Role
from policies.agreements import Exchange
from policies.cases import (
    ATTESTED,
    BORNE,
    CONSENT,
    RELEASED,
    Case,
    Claimed,
    Conditions,
    Setting,
    effective,
    facts_of,
    parts,
    with_all,
)
from policies.decide import SILENCE, Decision, Engine
from policies.facts import COVER, SPECIAL
from policies.quick import Compact, compact, mask
from policies.words import COMES_WITH, words


class About(StrEnum):
    """Whose data is tried, and whether it points at them."""

    VICTIM = "a victim's identity"
    CHILD = "a child's identity"
    CODED = "facts about a victim that point at nobody"
    SUSPECT = "a suspect's data"
    NOBODY = "data about nobody"


PROBES: Final[dict[About, tuple[frozenset[Role], frozenset[Flag]]]] = {
    About.VICTIM: (frozenset({Role.VICTIM}), frozenset({Flag.DIRECT})),
    About.CHILD: (frozenset({Role.CHILD}), frozenset({Flag.DIRECT})),
    About.CODED: (frozenset({Role.VICTIM}), frozenset()),
    About.SUSPECT: (frozenset({Role.SUSPECT}), frozenset({Flag.DIRECT})),
    About.NOBODY: (frozenset(), frozenset()),
}
IDENTITY: Final = (About.VICTIM, About.CHILD)
VITAL: Final = "vital_interest"
REVIEWED: Final = "reviewed"
MOST: Final = 3
"""Things that a message may have to bring along at once; more than these is told as not passing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """How one part may go in one kind of message: each of `needs` is enough by itself, and minimal."""

    data_type: str
    part: str
    kind: Kind
    purpose: Purpose
    about: About
    needs: tuple[Conditions, ...]
    decision: Decision  # with everything brought along: by which rules it passes, or which stand in the way

    @property
    def possible(self) -> bool:
        """Whether it can pass at all."""
        return bool(self.needs)


class Frame:
    """A setting, in which `gather` is asked once for whatever it can tell apart.

    Roles and flags change nothing that it finds besides roles and flags themselves (a law, tested), so they are put in
    afterwards.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self._seen: dict[tuple[Case, bool], dict[Conditions, tuple[Compact, bool, bool]]] = {}

    def about(self, case: Case, roles: frozenset[Role], flags: frozenset[Flag]) -> "Asked":
        """The case, about somebody to whom it does something. Its own roles and flags are not looked at."""
        found = self._seen.get((case, bool(roles)))
        if found is None:
            found = self._seen[case, bool(roles)] = {}
        return Asked(case, self.setting, Claimed(case.data_type, case.part, case.media, roles, flags), found)


class Asked:
    """One section under any conditions."""

    __slots__ = ("_case", "_claim", "_known", "_seen", "_setting")

    def __init__(
        self, case: Case, setting: Setting, claim: Claimed, seen: dict[Conditions, tuple[Compact, bool, bool]]
    ) -> None:
        self._case, self._setting, self._claim, self._seen = case, setting, claim, seen
        self._known: dict[Conditions, Compact] = {}

    def with_(self, brings: Conditions) -> Compact:
        """The facts where the message brings all this along."""
        found = self._known.get(brings)
        if found is None:
            made = brings & _MADE
            base = self._seen.get(made)
            if base is None:
                roles = _SOMEBODY if self._claim.roles else _NONE
                facts = facts_of(replace(self._case, roles=roles, flags=_NOTHING, brings=made), self._setting)
                base = self._seen[made] = compact(facts), facts.attested, facts.free_text
            short, attested, free_text = base
            whose, does = effective(self._claim, attested=attested, free_text=free_text)
            found = short._replace(bits=short.bits | _bits(brings - made), roles=whose, flags=does)
            self._known[brings] = found
        return found


@cache
def _bits(brings: Conditions) -> int:
    return mask(with_all(brings))


_SOMEBODY: Final = frozenset({Role.VICTIM})
_NONE: Final = frozenset[Role]()
_NOTHING: Final = frozenset[Flag]()
_MADE: Final = frozenset({ATTESTED, CONSENT, RELEASED})
_EVERYTHING: Final = (
    frozenset(BORNE) - {VITAL},
    frozenset(BORNE) - {VITAL, ATTESTED, CONSENT, REVIEWED},
    frozenset(BORNE),
)
"""As much as can be brought along at once: a check may find worse than was declared, and a vital interest takes the
place of every other ground.
"""


def needs(section: Asked, engine: Engine) -> tuple[tuple[Conditions, ...], Decision]:
    """The minimal sets of what a message must bring along for this section to pass, and the decision with all of it.

    Led by the rules that refuse: only a condition that changes a fact at which such a rule looks can satisfy it.
    """
    decision = engine.decide_compact(section.with_(frozenset()))
    if decision.permitted:
        return (frozenset(),), decision
    refusals = []
    for everything in _EVERYTHING:
        best = engine.decide_compact(section.with_(everything))
        if best.permitted:
            break
        refusals.append(best)
    else:
        return (), min(refusals, key=lambda d: len(d.because))
    found: list[Conditions] = []
    seen: set[Conditions] = set()
    level: list[Conditions] = [frozenset()]
    for _ in range(MOST):
        following: list[Conditions] = []
        for brings in level:
            here = section.with_(brings)
            looked_at = _looked_at(engine, engine.decide_compact(here).because[0])
            for name in BORNE:
                more = brings | {name} | COMES_WITH.get(name, frozenset())
                if more in seen or name in brings or any(other <= more for other in found):
                    continue
                seen.add(more)
                reached = section.with_(more)
                if not _moves(here, reached, looked_at):
                    continue
                decided = engine.decide_compact(reached)
                if decided.permitted:
                    found.append(more)
                    decision = decided
                else:
                    following.append(more)
        level = following
    minimal = [f for f in found if not any(other < f for other in found)]
    return tuple(sorted(minimal, key=sorted)), decision


def _looked_at(engine: Engine, rule: str) -> frozenset[str]:
    if rule == SILENCE.id:
        return frozenset().union(*(r.looks_at for r in engine.rules if r.permits))
    return engine.rule(rule).looks_at


def _moves(here: Compact, there: Compact, looked_at: frozenset[str]) -> bool:
    """Whether any of these facts differs."""
    if (here.bits ^ there.bits) & mask(looked_at):
        return True
    return ("roles" in looked_at and here.roles != there.roles) or ("flags" in looked_at and here.flags != there.flags)


def corners(section: Asked) -> tuple[Compact, ...]:
    """The facts under what `gather` can see being brought along: where they are equal, everything is.

    Purposes that no consent tells apart make most of them equal.
    """
    return tuple(section.with_(brings) for brings in _CORNERS)


_CORNERS: Final[tuple[Conditions, ...]] = (frozenset(), frozenset({ATTESTED, CONSENT}), frozenset({RELEASED}))


def abouts(catalogue: Catalogue, data_type: str) -> Sequence[About]:
    """What can be tried of a type: of one that is about nobody, nothing else; of any other, everything else."""
    entry = catalogue.types.get(data_type)
    if entry is not None and entry.role.none:
        return (About.NOBODY, About.VICTIM, About.CODED)
    return tuple(a for a in About if a is not About.NOBODY)


def passages(
    setting: Setting,
    exchange: Exchange,
    data_type: str,
    engine: Engine,
    *,
    purposes: Iterable[Purpose] | None = None,
    tried: Iterable[About] | None = None,
    base: Case | None = None,
) -> Iterator[Passage]:
    """Every passage of a type that this exchange of `setting.agreement` could open. `base` holds the other codes."""
    agreement, catalogue = setting.agreement, setting.catalogue
    if agreement is None:
        return
    usual = base or usual_case(setting, exchange)
    frame = Frame(setting)
    known: dict[tuple[Compact, ...], tuple[tuple[Conditions, ...], Decision]] = {}
    carried = [k for k in exchange.kinds if data_type == COVER or data_type in catalogue.kinds[k].types]
    for part in parts(catalogue, data_type):
        for kind in carried:
            for purpose in purposes if purposes is not None else agreement.purposes:
                for about in tried if tried is not None else abouts(catalogue, data_type):
                    roles, flags = PROBES[about]
                    case = replace(usual, data_type=data_type, part=part, kind=kind, purpose=purpose)
                    for use in (EvidenceUse.INTELLIGENCE_ONLY, EvidenceUse.EVIDENCE):  # as its sender chooses
                        section = frame.about(replace(case, evidence_use=use), roles, flags)
                        key = tuple(engine.short(of) for of in corners(section))
                        if key not in known:
                            known[key] = needs(section, engine)
                        found, decision = known[key]
                        if found:
                            break
                    yield Passage(
                        data_type=data_type,
                        part=part,
                        kind=kind,
                        purpose=purpose,
                        about=about,
                        needs=found,
                        decision=decision,
                    )


def usual_case(setting: Setting, exchange: Exchange) -> Case:
    """A case with codes that the agreement allows."""
    agreement = setting.agreement
    if agreement is None:
        raise ValueError("without an agreement nothing is usual")
    tlp = agreement.handling.max_tlp
    lowest = next(t for t in type(tlp) if tlp.covers(t))
    return Case(
        kind=exchange.kinds[0],
        data_type=exchange.types[0],
        part="",
        purpose=agreement.purposes[0],
        basis=next((b for b in agreement.bases if b in SPECIAL), agreement.bases[0]),
        area=agreement.areas[0],
        tlp=lowest,
        h=agreement.handling.h[0],
        media=exchange.media[0],
    )


def brought(conditions: Conditions) -> list[str]:
    """What a message has to bring along, in words, as a list; empty where nothing."""
    shown = conditions - {ATTESTED} if CONSENT in conditions else conditions
    return [words(name).change for name in sorted(shown, key=BORNE.index)]
