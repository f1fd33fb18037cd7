"""Whether anything of a type can pass between two agencies at all, and what a message has to bring along for it. Pure.

The rules themselves are asked, over sections that somebody might send (`policies.cases`): about a victim, a child, a
suspect or nobody, naming somebody or pointing at nobody. So what is found here cannot say otherwise than the rules.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from messages.catalogue import Catalogue
from messages.labels import EvidenceUse, Flag, Kind, Purpose, Role
from policies.agreements import Exchange
from policies.cases import ATTESTED, BORNE, CONSENT, RELEASED, Case, Conditions, Setting, also, facts_of, parts
from policies.decide import SILENCE, Decision, Engine
from policies.facts import COVER, SPECIAL, Facts
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


def needs(case: Case, setting: Setting, engine: Engine) -> tuple[tuple[Conditions, ...], Decision]:
    """The minimal sets of what a message must bring along for this section to pass, and the decision with all of it.

    Led by the rules that refuse: only a condition that changes a fact at which such a rule looks can satisfy it.
    """
    given = _Given(case, setting)
    bare = given.facts(frozenset())
    decision = engine.decide_alike(bare)
    if decision.permitted:
        return (frozenset(),), decision
    permits = frozenset().union(*(r.looks_at for r in engine.rules if r.permits))
    found: list[Conditions] = []
    seen: set[Conditions] = set()
    level: list[Conditions] = [frozenset()]
    for _ in range(MOST):
        following: list[Conditions] = []
        for brings in level:
            facts = given.facts(brings)
            rule = engine.decide_alike(facts).because[0]
            looked_at = permits if rule == SILENCE.id else engine.rule(rule).looks_at
            for name in BORNE:
                more = brings | {name} | COMES_WITH.get(name, frozenset())
                if more in seen or name in brings or any(other <= more for other in found):
                    continue
                seen.add(more)
                reached = given.facts(more)
                if not any(getattr(reached, n, None) != getattr(facts, n, None) for n in looked_at):
                    continue
                decided = engine.decide_alike(reached)
                if decided.permitted:
                    found.append(more)
                    decision = decided
                else:
                    following.append(more)
        level = following
    minimal = [f for f in found if not any(other < f for other in found)]
    if minimal:
        return tuple(minimal), decision
    most = (frozenset(BORNE), frozenset(BORNE) - {ATTESTED, CONSENT})
    return (), min((engine.decide_alike(given.facts(b)) for b in most), key=lambda d: len(d.because))


class _Given:
    """The facts of one case under any conditions; `gather` is asked once for each that it can see."""

    def __init__(self, case: Case, setting: Setting) -> None:
        self._case, self._setting = case, setting
        self._seen: dict[Conditions, Facts] = {}

    def facts(self, brings: Conditions) -> Facts:
        made = brings & {ATTESTED, CONSENT, RELEASED}
        if made not in self._seen:
            self._seen[made] = facts_of(replace(self._case, brings=made), self._setting)
        found = self._seen[made]
        return also(found, brings - made)


def _corners(case: Case, setting: Setting, engine: Engine) -> tuple[Facts, ...]:
    """The facts under what `gather` can see being brought along: where they are equal, everything is.

    Purposes that no consent tells apart make most of them equal.
    """
    return tuple(engine.alike.facts(facts_of(replace(case, brings=frozenset(brings)), setting)) for brings in _CORNERS)


_CORNERS: Final = ((), (ATTESTED, CONSENT), (RELEASED,))


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
    known: dict[tuple[Facts, ...], tuple[tuple[Conditions, ...], Decision]] = {}
    carried = [k for k in exchange.kinds if data_type == COVER or data_type in catalogue.kinds[k].types]
    for part in parts(catalogue, data_type):
        for kind in carried:
            for purpose in purposes if purposes is not None else agreement.purposes:
                for about in tried if tried is not None else abouts(catalogue, data_type):
                    roles, flags = PROBES[about]
                    case = replace(
                        usual, data_type=data_type, part=part, kind=kind, purpose=purpose, roles=roles, flags=flags
                    )
                    for use in (EvidenceUse.INTELLIGENCE_ONLY, EvidenceUse.EVIDENCE):  # as its sender chooses
                        key = _corners(chosen := replace(case, evidence_use=use), setting, engine)
                        if key not in known:
                            known[key] = needs(chosen, setting, engine)
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
