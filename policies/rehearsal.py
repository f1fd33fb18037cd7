"""A draft held against what is in force: what would newly pass, what would newly be blocked, and who newly exposed.

Two ways, both by asking the rules themselves, before and after: over every section that could be sent between two
agencies whom the draft concerns (`compare`), and over the decisions that records hold (`replay`). Pure, and the same
report for the same draft, record by record and byte by byte: the officers sign its digest.

What is compared between two agencies: each of their contacts with each, every data type and part that an agreement of
theirs names, every kind and purpose, all roles and flags that some rule tells apart, and with each of these what a
message has to bring along. Codes of handling, basis and crime area are tried where the draft changes what is agreed of
them; else one that is agreed stands for all. Every moment counts at which something of the draft begins or ends, so
that what is dated to next month is seen today. Where the rules themselves change, all classes of agencies are tried
besides, whether the task force has such agencies or not; there one kind of message and one purpose are told of each,
as an example.

Not seen: what contacts of one agency give each other, and what another version of this program would do.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from itertools import combinations, product
from typing import Any, Final

from messages.catalogue.loader import TYPE_IDS
from messages.directory import Agency, Contact, Directory, Mandate
from messages.labels import (
    Basis,
    CrimeArea,
    EvidenceUse,
    Flag,
    HCode,
    Kind,
    PartyClass,
    Purpose,
    Role,
    Tlp,
)
from policies.agreements import Agreement, Agreements, Exchange
from policies.cases import (
    ATTESTED,
    BORNE,
    JSON,
    Case,
    Conditions,
    Setting,
    facts_of,
    parts,
    some_agency,
    stand_in,
    with_all,
)
from policies.consent import PURPOSES
from policies.decide import Engine
from policies.edition import Edition
from policies.facts import ABROAD, BY_REFERRAL, COVER, NGO, SPECIAL
from policies.kept import Recalled
from policies.passage import Frame, corners, needs
from policies.quick import Compact, mask, picker
from policies.words import COMES_WITH

Tick = Callable[[int, int], None]
"""Called with how much of the work is done, and how much there is."""

PASSES, EASIER, BLOCKS, HARDER = "newly passes", "passes with less", "newly blocked", "needs more"
_OPENING: Final = frozenset({PASSES, EASIER})


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two that are held against each other."""

    edition: Edition
    directory: Directory
    agreements: Agreements

    @cached_property
    def agencies(self) -> Mapping[str, Agency]:
        """By their names."""
        return {a.name: a for a in self.directory.agencies}

    def contacts(self, agency: str) -> Mapping[str, Contact]:
        """An agency's contacts by their handles."""
        found = self.agencies.get(agency)
        return {c.handle: c for c in self.directory.contacts_of(found.handle)} if found is not None else {}


# What the draft concerns


def concerns(before: Side, after: Side) -> tuple[tuple[str, str], ...]:
    """The ordered pairs of agencies (by name) for whom anything could come out differently."""
    bound: set[tuple[str, str]] = set()
    for side in (before, after):
        for first, second in (a.parties for a in side.agreements.values()):
            bound |= {(first, second), (second, first)}
    if before.edition.digests != after.edition.digests:
        return tuple(sorted(bound))
    ids = before.agreements.keys() | after.agreements.keys()
    changed = {
        party
        for i in ids
        if (old := before.agreements.get(i)) != (new := after.agreements.get(i))
        for a in (old, new)
        if a is not None
        for party in (frozenset(a.parties),)
    }
    names = before.agencies.keys() | after.agencies.keys()
    others = {n for n in names if _who(before, n) != _who(after, n)}
    return tuple(sorted(p for p in bound if frozenset(p) in changed or others & set(p)))


def _who(side: Side, agency: str) -> object:
    """All of an agency and its contacts that facts can depend on."""
    found = side.agencies.get(agency)
    if found is None:
        return None
    contacts = tuple(
        sorted((c.handle, c.name, c.keeping, c.mandates, c.suspended) for c in side.contacts(agency).values())
    )
    return _agency(found), contacts


def _agency(agency: Agency) -> tuple[object, ...]:
    return agency.party_class, agency.country, agency.written_consent_only


def moments(before: Side, after: Side, pair: tuple[str, str], at: int) -> list[int]:
    """`at`, and every later moment at which something between these two begins or ends."""
    found = {at}
    for side in (before, after):
        for agreement in side.agreements.binding(*pair):
            found |= {agreement.start, agreement.end}
        for agency in pair:
            for contact in side.contacts(agency).values():
                for mandate in contact.mandates:
                    found |= {mandate.start, mandate.end, mandate.revoked or at}
                    found |= {m for a in mandate.absences for m in (a.start, a.end)}
                found |= {m for s in contact.suspended for m in (s.start, s.end)}
    return sorted(m for m in found if m >= at)


# Over everything that could be sent


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Line:
    """One thing that would come out differently: from whom to whom, what, and under what it passes before and after."""

    change: str
    sender: str  # agency and contacts, or a class
    recipient: str
    recipient_class: str
    data_type: str
    part: str
    roles: tuple[str, ...]
    flags: tuple[str, ...]
    needs_before: tuple[str, ...]  # each one way, its conditions joined by " + "; empty: it does not pass
    needs_after: tuple[str, ...]
    kinds: tuple[str, ...]
    purposes: tuple[str, ...]
    codes: tuple[str, ...]  # of handling, basis and area, where it depends on them
    since: int  # from when
    count: int  # how many of the cases that were tried

    @property
    def exposes(self) -> bool:
        """Whether it opens the identity, whereabouts or secrets of a protected person to somebody."""
        return (
            self.change in _OPENING
            and any(Role(r).protected for r in self.roles)
            and bool({Flag.DIRECT, Flag.LOCATION, Flag.SENSITIVE} & set(map(Flag, self.flags)))
        )


@dataclass(frozen=True, slots=True)
class _Differs:
    """A difference between two sides, before names are put to it."""

    sections: tuple[tuple[str, str], ...]  # data type and part, of all that are told apart by nothing
    kinds: tuple[Kind, ...]
    purposes: tuple[Purpose, ...]
    roles: tuple[Role, ...]
    flags: tuple[Flag, ...]
    before: tuple[Conditions, ...]
    after: tuple[Conditions, ...]
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Given:
    """One side of one comparison: the setting under each agreement in force, and the words that these agree to."""

    edition: Edition
    settings: tuple[Setting, ...]

    @property
    def agreements(self) -> Iterator[Agreement]:
        return (s.agreement for s in self.settings if s.agreement is not None)

    def exchanges(self) -> list[tuple[Agreement, Exchange]]:
        return [
            (s.agreement, e)
            for s in self.settings
            if s.agreement is not None
            for e in s.agreement.exchanges(s.sender_agency.name, s.recipient_agency.name)
        ]


class Comparison:
    """Compares two sides over everything that could be sent; alike pairs are compared once."""

    def __init__(self, before: Side, after: Side) -> None:
        self.before, self.after = before, after
        self._known: dict[object, tuple[_Differs, ...]] = {}
        self._delta = _Delta(before.edition, after.edition)
        self._decided: dict[object, tuple[Conditions, ...]] = {}
        self.tried = 0

    def lines(self, at: int, tick: Tick | None = None) -> list[Line]:
        """All differences for the pairs whom the draft concerns, and, where the rules change, for all classes."""
        pairs = concerns(self.before, self.after)
        found: list[tuple[int, tuple[str, str, str], _Differs]] = []
        classes = self._classes(at) if self.before.edition.digests != self.after.edition.digests else []
        total = len(pairs) + len(classes)
        for n, pair in enumerate(pairs):
            if tick is not None:
                tick(n, total)
            found += self._pair(pair, at)
        for n, (names, old, new) in enumerate(classes, len(pairs)):
            if tick is not None:
                tick(n, total)
            found += [(at, names, d) for d in self._between(old, new, once=True)]
        if tick is not None:
            tick(total, total)
        return _grouped(found)

    def _pair(self, pair: tuple[str, str], at: int) -> Iterator[tuple[int, tuple[str, str, str], _Differs]]:
        sender, recipient = pair
        sending = self.before.contacts(sender).keys() | self.after.contacts(sender).keys()
        receiving = self.before.contacts(recipient).keys() | self.after.contacts(recipient).keys()
        told: set[object] = set()
        for moment in moments(self.before, self.after, pair, at):
            for s, r in product(sorted(sending), sorted(receiving)):
                old, new = (self._given(side, pair, s, r, moment) for side in (self.before, self.after))
                key = _key(old), _key(new)
                if key[0] == key[1] and self.before.edition.digests == self.after.edition.digests:
                    continue
                if key not in self._known:
                    self._known[key] = tuple(self._between(old, new))
                for differs in self._known[key]:
                    names = self._address(sender, s), self._address(recipient, r), self._class(recipient)
                    if (names, differs) not in told:  # a later moment that says the same again is no news
                        told.add((names, differs))
                        yield moment, names, differs

    def _address(self, agency: str, handle: str) -> str:
        found = self.after.contacts(agency).get(handle) or self.before.contacts(agency)[handle]
        return f"{agency}/{found.name}"

    def _class(self, agency: str) -> str:
        return str((self.after.agencies.get(agency) or self.before.agencies[agency]).party_class)

    def _given(self, side: Side, pair: tuple[str, str], sender: str, recipient: str, moment: int) -> _Given:
        giver, taker = side.contacts(pair[0]).get(sender), side.contacts(pair[1]).get(recipient)
        if giver is None or taker is None:
            return _Given(side.edition, ())
        return _Given(
            side.edition,
            tuple(
                Setting(
                    sender=giver,
                    sender_agency=side.agencies[pair[0]],
                    recipient=taker,
                    recipient_agency=side.agencies[pair[1]],
                    agreement=agreement,
                    catalogue=side.edition.catalogue,
                    moment=moment,
                )
                for agreement in side.agreements.between(*pair, moment)
            ),
        )

    def _classes(self, at: int) -> list[tuple[tuple[str, str, str], _Given, _Given]]:
        """Every class of agencies with every other, at home and abroad, as if they had agreed to everything.

        Classes that nothing tells apart on either side are tried once.
        """
        groups: dict[object, tuple[list[PartyClass], list[PartyClass], bool, _Given, _Given]] = {}
        for giver, taker, abroad in product(PartyClass, PartyClass, (False, True)):
            if abroad and not self._delta.looks_at("abroad"):
                continue
            key = self._sends(giver), self._takes(taker), abroad or taker in ABROAD
            if key in groups:
                groups[key][0].append(giver)
                groups[key][1].append(taker)
                continue
            sender, recipient = some_agency(giver, letter="b"), some_agency(taker, "BB" if abroad else "AA", letter="d")
            agreement = _everything(sender.name, recipient.name)
            given = []
            for side in (self.before, self.after):
                setting = Setting(
                    sender=stand_in(sender, at, name="somebody"),
                    sender_agency=sender,
                    recipient=stand_in(recipient, at, name="somebody"),
                    recipient_agency=recipient,
                    agreement=agreement,
                    catalogue=side.edition.catalogue,
                    moment=at,
                )
                given.append(_Given(side.edition, (setting,)))
            groups[key] = [giver], [taker], abroad, given[0], given[1]
        found = []
        for givers, takers, abroad, old, new in groups.values():
            where = " abroad" if abroad else ""
            names = f"any {_listed(givers)}", f"any {_listed(takers)}{where}", _listed(takers)
            found.append((names, old, new))
        return found

    def _sends(self, party: PartyClass) -> object:
        """What of a sender's class makes a difference to facts, and to the rules that differ."""
        engines = (self.before.edition.engine, self.after.edition.engine)
        looked = self._delta.looks_at("sender_class")
        return (
            party in NGO,
            party is PartyClass.FIU,
            *(e.alike.classes("Class", PartyClass)[party] for e in engines if looked),
        )

    def _takes(self, party: PartyClass) -> object:
        """The same of a recipient's, which every type's receivers and rights tell apart."""
        engines = (self.before.edition.engine, self.after.edition.engine)
        found: list[object] = [party in NGO, *(e.alike.classes("Class", PartyClass)[party] for e in engines)]
        for side in (self.before, self.after):
            types = side.edition.catalogue.types
            found.append(tuple((t, types[t].receivers.get(party), side.edition.rights.right(t, party)) for t in types))
        return tuple(found)

    def _few_kinds(self, kinds: list[tuple[Kind, ...]]) -> list[tuple[Kind, ...]]:
        """All, where a rule that differs looks at the kind; else one, and one in which identities may go."""
        if self._delta.looks_at("kind"):
            return kinds
        named = [g for g in kinds if any(self.after.edition.catalogue.kinds[k].identity for k in g)]
        return list(dict.fromkeys([*kinds[:1], *named[:1]]))

    def _between(self, old: _Given, new: _Given, *, once: bool = False) -> Iterator[_Differs]:
        """Every difference between two sides of one comparison.

        `once`: of what concerns the same section and the same people the first only, in whatever kind and purpose.
        """
        axes, same = _axes(old, new), old.edition.digests == new.edition.digests
        frames = {id(g): [Frame(s) for s in g.settings] for g in (old, new)}
        decided = self._decided
        media = next((m for g in (new, old) for _, e in g.exchanges() for m in e.media), JSON)
        for sections in _sections(old, new):
            data_type, part = sections[0]
            persons, told = _persons(old, new, data_type), set[object]()
            if not same and not self._delta.touches(old, new, data_type, part):
                continue
            kinds_tried, purposes_tried = _kinds(old, new, data_type), _purposes(old, new)
            if once:
                kinds_tried = self._few_kinds(kinds_tried)
                purposes_tried = purposes_tried if self._delta.looks_at("purpose") else purposes_tried[:1]
            for kinds, purposes in product(kinds_tried, purposes_tried):
                for codes, words in axes:
                    case = codes.case(kind=kinds[0], data_type=data_type, part=part, purpose=purposes[0], media=media)
                    cases = tuple(replace(case, evidence_use=use) for use in _USES)
                    self.tried += len(persons)
                    if same and _alike(old, new, frames, cases):
                        continue
                    seen = self._delta.seen(cases, old, new, frames) if not same else None
                    for roles, flags in persons:
                        if once and (roles, flags) in told:
                            continue
                        who = frozenset(roles[:1]), frozenset(f[0] for f in flags)
                        if not self._delta.matters(seen, cases, *who, old, new, frames):
                            continue
                        before, after = (_best(cases, *who, g, frames[id(g)], decided) for g in (old, new))
                        if before != after:
                            told.add((roles, flags))
                            yield _Differs(
                                sections=sections,
                                kinds=kinds,
                                purposes=purposes,
                                roles=roles,
                                flags=tuple(f for group in flags for f in group),
                                before=before,
                                after=after,
                                codes=words,
                            )


class _Delta:
    """Which rules differ between two editions, so that only what they could decide otherwise is looked into.

    Rules do not depend on each other: where the facts are the same and every rule that differs applies or not as
    before, whatever a message brings along, the decision is the same.
    """

    def __init__(self, before: Edition, after: Edition) -> None:
        self._old, self._new = before.engine, after.engine
        texts = before.statements, after.statements
        ids = texts[0].keys() | texts[1].keys()
        self._changed = tuple(sorted(i for i in ids if texts[0].get(i) != texts[1].get(i)))
        looked = [r.looks_at for e in (before, after) for r in e.engine.rules if r.id in self._changed]
        self._looks_at = frozenset().union(*looked)
        names = sorted({ATTESTED} | (self._looks_at & frozenset(BORNE)))
        self._brought = [with_all(frozenset(s)) for n in range(len(names) + 1) for s in combinations(names, n)]
        # A schema that declares other words can refuse what no rule does.
        self._mask, self._words = mask(self._looks_at), picker(self._looks_at - {"roles", "flags"})
        self._matter: dict[object, bool] = {}
        self._any = before.texts.get(_SCHEMA_FILE) != after.texts.get(_SCHEMA_FILE)

    def looks_at(self, name: str) -> bool:
        """Whether a rule that differs looks at this fact; where the schema differs, all may."""
        return self._any or name in self._looks_at

    def touches(self, old: _Given, new: _Given, data_type: str, part: str) -> bool:
        """Whether anything of this type and part could come out differently."""
        return bool(self._changed) or self._any or _section(old, data_type, part) != _section(new, data_type, part)

    def seen(self, cases: Sequence[Case], old: _Given, new: _Given, frames: Mapping[int, Sequence[Frame]]) -> object:
        """All that `matters` can depend on besides whose data it is; None where it has to be looked into anyway."""
        if self._any or len(frames[id(old)]) != len(frames[id(new)]):
            return None
        found: list[object] = []
        for a, b in self._both(cases, frozenset({Role.VICTIM}), frozenset(), old, new, frames):
            if a != b:
                return None
            found.append((a.bits & self._mask, self._words(a)))
        # Whether nobody's data can be meant is a property of the type, at which a rule that differs may look.
        return cases[0].data_type if "roles_declared" in self._looks_at else "", *found

    def matters(
        self,
        seen: object,
        cases: Sequence[Case],
        roles: frozenset[Role],
        flags: frozenset[Flag],
        old: _Given,
        new: _Given,
        frames: Mapping[int, Sequence[Frame]],
    ) -> bool:
        """Whether it has to be looked into: facts differ, or a rule that differs applies otherwise."""
        if seen is None:
            return True
        key = seen, roles, flags
        found = self._matter.get(key)
        if found is None:
            found = self._matter[key] = any(
                self._old.applies(i, a) != self._new.applies(i, b)
                for a, b in self._both(cases, roles, flags, old, new, frames)
                for i in self._changed
            )
        return found

    def _both(
        self,
        cases: Sequence[Case],
        roles: frozenset[Role],
        flags: frozenset[Flag],
        old: _Given,
        new: _Given,
        frames: Mapping[int, Sequence[Frame]],
    ) -> Iterator[tuple[Compact, Compact]]:
        for case in cases:
            for one, other in zip(frames[id(old)], frames[id(new)], strict=True):
                first, second = one.about(case, roles, flags), other.about(case, roles, flags)
                for brings in self._brought:
                    with old.edition.deciding():
                        a = first.with_(brings)
                    with new.edition.deciding():
                        yield a, second.with_(brings)


_SCHEMA_FILE: Final = "schema.cedarschema"


def _alike(old: _Given, new: _Given, frames: Mapping[int, Sequence[Frame]], cases: Sequence[Case]) -> bool:
    """Whether the same facts are found on both sides: then it does not matter whose data it is."""
    found = []
    for given in (old, new):
        with given.edition.deciding():
            found.append(
                {
                    corners(frame.about(case, roles, frozenset()))
                    for frame in frames[id(given)]
                    for case in cases
                    for roles in (frozenset({Role.VICTIM}), frozenset[Role]())
                }
            )
    return found[0] == found[1]


def _best(
    cases: Sequence[Case],
    roles: frozenset[Role],
    flags: frozenset[Flag],
    given: _Given,
    frames: Sequence[Frame],
    decided: dict[object, tuple[Conditions, ...]],
) -> tuple[Conditions, ...]:
    """The minimal conditions under which a section passes, in whichever case and under whichever agreement."""
    engine = given.edition.engine
    found: list[Conditions] = []
    with given.edition.deciding():
        for frame, case in product(frames, cases):
            section = frame.about(case, roles, flags)
            key = id(engine), *(engine.short(of) for of in corners(section))
            if key not in decided:
                decided[key] = needs(section, engine)[0]
            found += decided[key]
            if not all(found):  # it passes with nothing: no other case asks for less
                break
    return tuple(sorted({f for f in found if not any(o < f for o in found)}, key=sorted))


_USES: Final = (EvidenceUse.INTELLIGENCE_ONLY, EvidenceUse.EVIDENCE)
"""The sender chooses whether its content may be used as evidence."""


# What is tried


@dataclass(frozen=True, slots=True)
class _Codes:
    area: CrimeArea
    basis: Basis
    handling: tuple[Tlp, HCode]

    def case(self, **rest: Any) -> Case:
        return Case(area=self.area, basis=self.basis, tlp=self.handling[0], h=self.handling[1], **rest)


def _axes(old: _Given, new: _Given) -> list[tuple[_Codes, tuple[str, ...]]]:
    """Codes of handling, basis and area to try, with the words for all that nothing tells from them.

    All, where what is agreed or mandated of them differs between the sides; else one that is agreed stands for all.
    """

    def terms(of: Callable[[Agreement], Iterable[Any]]) -> tuple[set[Any], set[Any]]:
        return ({v for a in old.agreements for v in of(a)}, {v for a in new.agreements for v in of(a)})

    def ceiling(agreement: Agreement) -> Iterable[Any]:
        return ((t, h) for t in Tlp for h in HCode if agreement.handling.admits(t, h))

    def covered(given: _Given) -> set[CrimeArea]:
        return {a for s in given.settings for m in _mandates(s) for a in m.areas}

    areas, mandates = terms(lambda a: a.areas), (covered(old), covered(new))
    bases, handling = terms(lambda a: a.bases), terms(ceiling)
    both_areas = (areas[0] & mandates[0] & areas[1] & mandates[1]) or areas[0] & areas[1] or areas[0] | areas[1]
    usual = _Codes(
        area=min(both_areas, default=CrimeArea.SEX),
        basis=min(bases[0] & bases[1] or bases[0] | bases[1], key=lambda b: (b not in SPECIAL, b), default=Basis.LED_8),
        handling=min(handling[0] & handling[1] or handling[0] | handling[1], key=_strictness, default=_LOWEST),
    )
    tried: dict[str, tuple[Any, ...]] = {
        "area": tuple(CrimeArea) if areas[0] != areas[1] or mandates[0] != mandates[1] else (usual.area,),
        "basis": tuple(Basis) if bases[0] != bases[1] else (usual.basis,),
        "handling": tuple(product(Tlp, HCode)) if handling[0] != handling[1] else (usual.handling,),
    }
    groups = {name: _told_apart(old, new, usual, name, values) for name, values in tried.items()}
    return [
        (
            replace(usual, **{name: group[0] for name, group in zip(groups, chosen, strict=True)}),
            tuple(
                word
                for name, group in zip(groups, chosen, strict=True)
                if len(tried[name]) > 1
                for word in _words(name, group)
            ),
        )
        for chosen in product(*groups.values())
    ]


_LOWEST: Final = (Tlp.CLEAR, HCode.H0)


def _told_apart(old: _Given, new: _Given, usual: _Codes, name: str, values: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Values of one axis in groups under which the facts are the same on both sides.

    Where the rules stay as they are, what is agreed on neither side passes on neither.
    """
    groups: dict[object, list[Any]] = {}
    same = old.edition.digests == new.edition.digests
    for value in values:
        case = replace(usual, **{name: value}).case(kind=Kind.INTEL_REPORT, data_type=COVER, part=COVER)
        facts = [facts_of(case, s) for g in (old, new) for s in g.settings]
        if same and not any(f.area_agreed and f.basis_agreed and f.handling_agreed for f in facts):
            continue
        groups.setdefault(tuple(facts), []).append(value)
    return [tuple(group) for group in groups.values()]


def _words(name: str, group: Sequence[Any]) -> list[str]:
    if name != "handling":
        return [str(value) for value in group]
    by_tlp: dict[Tlp, list[str]] = {}
    for tlp, h in group:
        by_tlp.setdefault(tlp, []).append(str(h))
    return [f"TLP:{tlp} {'/'.join(codes)}" for tlp, codes in by_tlp.items()]


def _strictness(handling: tuple[Tlp, HCode]) -> tuple[int, int]:
    return handling[0].rank, handling[1].rank


def _mandates(setting: Setting) -> list[Mandate]:
    found = (setting.sender.mandate_at(setting.moment), setting.recipient.mandate_at(setting.moment))
    return [m for m in found if m is not None]


def _sections(old: _Given, new: _Given) -> list[tuple[tuple[str, str], ...]]:
    """Types and parts that are agreed on either side, and the cover, in groups that nothing tells apart."""
    groups: dict[object, list[tuple[str, str]]] = {}
    agreed = sorted({t for g in (old, new) for _, e in g.exchanges() for t in e.types})
    for data_type in (*agreed, COVER):
        for part in dict.fromkeys(p for g in (old, new) for p in parts(g.edition.catalogue, data_type)):
            key = tuple(_section(g, data_type, part) for g in (old, new))
            groups.setdefault(key, []).append((data_type, part))
    return [tuple(group) for group in groups.values()]


def _section(given: _Given, data_type: str, part: str) -> object:
    """All of a type and part on which facts and rules can depend on one side."""
    edition = given.edition
    entry = edition.catalogue.types.get(data_type)
    ways = tuple((data_type in e.types, data_type in e.identity, e.kinds, e.media) for _, e in given.exchanges())
    if entry is None or part not in entry.parts or not given.settings:
        return data_type, part, ways
    party = given.settings[0].recipient_agency.party_class
    return (
        edition.engine.alike.section(data_type, part),
        ways,
        tuple(m.covers_type(data_type) for s in given.settings for m in _mandates(s)),
        entry.receivers.get(party),
        edition.rights.right(data_type, party),
        entry.purposes[part],
        entry.has_free_text(part),
        entry.role.none,
        frozenset(k for k, kind in edition.catalogue.kinds.items() if data_type in kind.types),
    )


def _kinds(old: _Given, new: _Given, data_type: str) -> list[tuple[Kind, ...]]:
    """Kinds of message that carry a type and are agreed on either side, in groups that nothing tells apart."""
    groups: dict[object, list[Kind]] = {}
    for kind in Kind:
        key = tuple(_kind(g, data_type, kind) for g in (old, new))
        if any(agreed and carries for agreed, carries, *_ in key):
            groups.setdefault((key, kind in BY_REFERRAL), []).append(kind)
    return [tuple(group) for group in groups.values()]


def _kind(given: _Given, data_type: str, kind: Kind) -> tuple[bool, bool, bool, Kind]:
    agreed = any(kind in e.kinds and data_type in (COVER, *e.types) for _, e in given.exchanges())
    carries = data_type == COVER or data_type in given.edition.catalogue.kinds[kind].types
    wordless = data_type == COVER and given.edition.catalogue.kinds[kind].wordless
    return agreed, carries, wordless, given.edition.engine.alike.classes("Action", Kind)[kind]


def _purposes(old: _Given, new: _Given) -> list[tuple[Purpose, ...]]:
    """Purposes that are agreed on either side, in groups that neither consents nor rules tell apart."""
    agreed = [{p for a in g.agreements for p in a.purposes} for g in (old, new)]
    consentable = frozenset().union(*PURPOSES.values())
    alike = [g.edition.engine.alike.classes("Purpose", Purpose) for g in (old, new)]
    groups: dict[object, list[Purpose]] = {}
    for purpose in sorted(agreed[0] | agreed[1]):
        key = (purpose in agreed[0], purpose in agreed[1], purpose in consentable, *(a[purpose] for a in alike))
        groups.setdefault(key, []).append(purpose)
    return [tuple(group) for group in groups.values()]


def _persons(old: _Given, new: _Given, data_type: str) -> list[tuple[tuple[Role, ...], tuple[tuple[Flag, ...], ...]]]:
    """Whose data it could be and what it could do to them, in groups that no rule tells apart."""
    engines = [g.edition.engine for g in (old, new)]
    roles = _groups([e.alike.classes("Role", Role) for e in engines], Role)
    flags = _groups([e.alike.classes("Flag", Flag) for e in engines], Flag)
    chosen: list[tuple[tuple[Flag, ...], ...]] = [(), *((group,) for group in flags)]
    impersonal = all((entry := g.edition.catalogue.types.get(data_type)) is None or entry.role.none for g in (old, new))
    whose: list[tuple[Role, ...]] = [(), *roles] if impersonal and data_type != COVER else roles
    return [(role, flag) for role in whose for flag in chosen]


def _groups(classes: Sequence[Mapping[Any, Any]], words: Iterable[Any]) -> list[tuple[Any, ...]]:
    found: dict[tuple[Any, ...], list[Any]] = {}
    for word in words:
        found.setdefault(tuple(c[word] for c in classes), []).append(word)
    return [tuple(group) for group in found.values()]


def _key(given: _Given) -> object:
    """All that a comparison depends on, without names: equal keys, equal differences."""
    if not given.settings:
        return ()
    first = given.settings[0]
    terms = []
    for setting in given.settings:
        a = setting.agreement
        if a is not None:
            ways = tuple(
                (e.types, e.kinds, e.media, e.identity)
                for e in a.exchanges(setting.sender_agency.name, setting.recipient_agency.name)
            )
            terms.append((ways, a.purposes, a.bases, a.areas, a.handling.max_tlp, a.handling.h, a.joint_team))
    same = first.sender_agency.country == first.recipient_agency.country
    return (
        _class_of(first.sender_agency),
        _class_of(first.recipient_agency),
        same,
        _may(first.sender, first.moment, sending=True),
        _may(first.recipient, first.moment, sending=False),
        tuple(terms),
    )


def _class_of(agency: Agency) -> tuple[object, ...]:
    return agency.party_class, agency.written_consent_only


def _may(contact: Contact, moment: int, *, sending: bool) -> object:
    mandate = contact.mandate_at(moment)
    if mandate is None:
        return contact.keeping, None
    may = mandate.may_send if sending else mandate.may_receive
    return contact.keeping, may, mandate.areas, mandate.types, mandate.exercise


def _everything(sender: str, recipient: str) -> Agreement:
    way = {"from": sender, "to": recipient, "types": TYPE_IDS, "identity": TYPE_IDS}
    return Agreement.model_validate(
        {
            "id": "everything",
            "title": "Everything",
            "parties": (sender, recipient),
            "valid": {"from": date(1971, 1, 1), "until": date(2999, 12, 31)},
            "purposes": tuple(Purpose),
            "bases": tuple(Basis),
            "areas": tuple(CrimeArea),
            "handling": {"max_tlp": Tlp.RED, "h": tuple(HCode)},
            "retention_days": 365,
            "joint_team": True,
            "exchange": ({**way, "kinds": tuple(Kind), "media": (JSON,)},),
        }
    )


# What is told


def _grouped(found: Iterable[tuple[int, tuple[str, str, str], _Differs]]) -> list[Line]:
    """Differences told together: what differs in kind, purpose, code, flag or contact only is one line."""
    groups: dict[_Group, list[tuple[tuple[str, str, str], _Differs]]] = {}
    for since, names, d in found:
        sender, recipient = names[0].partition("/")[0], names[1].partition("/")[0]
        for data_type, part in d.sections:
            group = _Group(sender, recipient, names[2], data_type, part, d.roles, d.before, d.after, since)
            groups.setdefault(group, []).append((names, d))
    return _merged(
        Line(
            change=_change(group.before, group.after),
            sender=_people(names[0] for names, _ in items),
            recipient=_people(names[1] for names, _ in items),
            recipient_class=group.party_class,
            data_type=group.data_type,
            part=group.part,
            roles=tuple(sorted(group.roles)),
            flags=tuple(f for f in Flag if any(f in d.flags for _, d in items)),
            needs_before=tuple(" + ".join(_shown(c)) for c in group.before),
            needs_after=tuple(" + ".join(_shown(c)) for c in group.after),
            kinds=tuple(sorted({k.value for _, d in items for k in d.kinds})),
            purposes=tuple(sorted({p.value for _, d in items for p in d.purposes})),
            codes=tuple(sorted({w for _, d in items for w in d.codes})),
            since=group.since,
            count=sum(len(d.kinds) * len(d.purposes) * max(1, len(d.flags)) for _, d in items),
        )
        for group, items in groups.items()
    )


def _merged(lines: Iterable[Line]) -> list[Line]:
    """Lines that differ in whose data it is only, as one."""
    groups: dict[Line, list[Line]] = {}
    for line in lines:
        groups.setdefault(replace(line, roles=(), count=0), []).append(line)
    return sorted(
        replace(same, roles=tuple(sorted({r for line in of for r in line.roles})), count=sum(line.count for line in of))
        for same, of in groups.items()
    )


@dataclass(frozen=True, slots=True)
class _Group:
    sender: str
    recipient: str
    party_class: str
    data_type: str
    part: str
    roles: tuple[Role, ...]
    before: tuple[Conditions, ...]
    after: tuple[Conditions, ...]
    since: int


def _people(addresses: Iterable[str]) -> str:
    """One agency with those of its contacts whom it concerns."""
    found = sorted(set(addresses))
    agency = found[0].partition("/")[0]
    names = [a.partition("/")[2] for a in found]
    return agency if not names[0] else f"{agency}/{','.join(names)}"


def _listed(words: Iterable[str]) -> str:
    return "/".join(sorted(set(words)))


def _shown(conditions: Conditions) -> list[str]:
    """Conditions, without those that another one of them brings about anyway."""
    implied = frozenset().union(*(COMES_WITH.get(n, frozenset()) for n in conditions))
    return sorted(conditions - implied) or ["nothing"]


def _change(before: tuple[Conditions, ...], after: tuple[Conditions, ...]) -> str:
    if not before:
        return PASSES
    if not after:
        return BLOCKS
    easier = any(not any(b <= a for b in before) for a in after)
    return EASIER if easier else HARDER


# Over what was decided before


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One decision of the past, as its record holds it."""

    message: str  # the message's id, in words
    at: int
    sender: str  # handles
    recipient: str
    outcome: str
    sections: tuple[Recalled, ...]


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Replayed:
    """Past messages that would come out differently, together."""

    change: str
    sender: str
    recipient: str
    kind: str
    types: tuple[str, ...]
    rules_before: tuple[str, ...]
    rules_after: tuple[str, ...]
    since: int
    count: int
    messages: tuple[str, ...]  # the ids of a few


EXAMPLES: Final = 5


@dataclass(slots=True)
class Traffic:
    """What became of past decisions under the draft."""

    looked_at: int = 0
    alike: int = 0
    unknown: int = 0  # whose contacts neither side knows, or that were kept in other words
    changed: list[Replayed] = field(default_factory=list)


def replay(past: Iterable[Past], before: Side, after: Side, at: int, tick: Tick | None = None) -> Traffic:
    """Decide past messages before and after, as if they were sent when the draft is in force."""
    traffic = Traffic()
    affected = set(concerns(before, after))
    groups: dict[tuple[Any, ...], list[str]] = {}
    when: dict[tuple[str, str], list[int]] = {}
    for n, one in enumerate(past):
        if tick is not None:
            tick(n, n)
        traffic.looked_at += 1
        names = _names(one, before, after)
        if names is None or not one.sections:
            traffic.unknown += 1
            continue
        pair, people = names
        if pair not in affected:
            traffic.alike += 1
            continue
        if pair not in when:
            when[pair] = moments(before, after, pair, at)
        for moment in when[pair]:
            old, new = (_again(one, side, pair, moment) for side in (before, after))
            if old[0] != new[0]:
                types = tuple(sorted({r.facts.section_kind for r in one.sections}))
                change = PASSES if new[0] else BLOCKS
                key = (change, *people, one.sections[0].facts.kind.value, types, old[1], new[1], moment)
                groups.setdefault(key, []).append(one.message)
                break
        else:
            traffic.alike += 1
    traffic.changed = sorted(
        Replayed(
            change=k[0], sender=k[1], recipient=k[2], kind=k[3], types=k[4], rules_before=k[5], rules_after=k[6],
            since=k[7], count=len(messages), messages=tuple(sorted(messages)[:EXAMPLES]),
        )
        for k, messages in groups.items()
    )  # fmt: skip
    return traffic


def _names(one: Past, before: Side, after: Side) -> tuple[tuple[str, str], tuple[str, str]] | None:
    found = []
    for handle in (one.sender, one.recipient):
        contact = after.directory.contact(handle) or before.directory.contact(handle)
        side = after if after.directory.contact(handle) is not None else before
        if contact is None:
            return None
        found.append((side.directory.agency_of(contact).name, contact.name))
    (s, sn), (r, rn) = found
    return (s, r), (f"{s}/{sn}", f"{r}/{rn}")


_SAID: Final = ("declared_as_attested", "searched", "consent_stands", "roles_declared")
"""Facts of the message itself that no case of ours can make otherwise."""


def _again(one: Past, side: Side, pair: tuple[str, str], moment: int) -> tuple[bool, tuple[str, ...]]:
    """Whether it would be permitted on this side, and by which rules, under whichever agreement lets it pass."""
    sender, recipient = side.directory.contact(one.sender), side.directory.contact(one.recipient)
    if sender is None or recipient is None:
        return False, ("undesignated-recipient",)
    agreements: Sequence[Agreement | None] = side.agreements.between(*pair, moment) or (None,)
    best: tuple[bool, tuple[str, ...]] | None = None
    with side.edition.deciding():
        for agreement in agreements:
            setting = Setting(
                sender=sender,
                sender_agency=side.directory.agency_of(sender),
                recipient=recipient,
                recipient_agency=side.directory.agency_of(recipient),
                agreement=agreement,
                catalogue=side.edition.catalogue,
                moment=moment,
            )
            found = _decided(one.sections, setting, side.edition.engine)
            if best is None or (found[0] and not best[0]):
                best = found
    return best or (False, ())


def _decided(sections: Sequence[Recalled], setting: Setting, engine: Engine) -> tuple[bool, tuple[str, ...]]:
    refused: set[str] = set()
    permitted: set[str] = set()
    for recalled in sections:
        facts = facts_of(recalled.case, setting)
        said: dict[str, Any] = {name: getattr(recalled.facts, name) for name in _SAID}
        decision = engine.decide_alike(replace(facts, **said))
        (permitted if decision.permitted else refused).update(decision.because)
    return not refused, tuple(sorted(refused or permitted))
