"""What is wrong with an agreement that can be read: what the law, the rules or the mandates make of it. Pure.

Where it can be decided by asking the rules, they are asked (`policies.passage`); so a finding says just what a message
would hear. An `ERROR` is refused before it is proposed: it claims more than the law allows, names nobody, or disagrees
with another agreement. A `WARNING` is a word that can never do anything; a `NOTE` is worth knowing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from messages.directory import Agency, Contact, Directory, Mandate
from messages.labels import CrimeArea, Keeping, Tlp
from messages.limits import DAY
from policies import rights
from policies.agreements import Agreement, Agreements, Examined, Exchange, nearest
from policies.cases import Case, Setting, stand_in
from policies.decide import Engine
from policies.edition import Edition
from policies.passage import IDENTITY, PROBES, Frame, Passage, needs, passages, usual_case
from policies.words import listed, type_name
from policies.yamltext import Steps

SOON: Final = 30 * DAY


class Severity(StrEnum):
    """How much a finding matters, from the worst."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong: where, what, and what to do."""

    severity: Severity
    source: str
    line: int
    column: int
    code: str
    says: str
    do: str = ""

    def __str__(self) -> str:
        """As editors and compilers write it: `file:line:column: severity: sentence`."""
        do = f" {self.do}" if self.do else ""
        return f"{self.source}:{self.line}:{self.column}: {self.severity}: {self.says}{do} [{self.code}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """What agreements are held against. Without a directory, classes and mandates are not looked at."""

    edition: Edition
    moment: int
    directory: Directory | None = None
    standing: Agreements = field(default_factory=Agreements)


def lint(drafts: Sequence[Examined], against: Against) -> tuple[Finding, ...]:
    """All findings about these texts, the worst first and then in the order of their lines."""
    found: list[Finding] = []
    with against.edition.deciding():
        for draft in drafts:
            found += _of_one(draft, against)
        found += _of_several(drafts, against)
    order = {severity: rank for rank, severity in enumerate(Severity)}
    return tuple(sorted(set(found), key=lambda f: (order[f.severity], f.source, f.line, f.column, f.code, f.says)))


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """Those for which an agreement is refused."""
    return [f for f in findings if f.severity is Severity.ERROR]


Note = Callable[..., Finding]


def _of_one(draft: Examined, against: Against) -> Iterator[Finding]:
    for fault in draft.faults:
        yield Finding(
            severity=Severity.ERROR,
            source=fault.source,
            line=fault.line,
            column=fault.column,
            code="unreadable",
            says=fault.says,
        )
    if draft.agreement is None:
        return

    def note(path: Steps, severity: Severity, code: str, says: str, do: str = "") -> Finding:
        line, column = draft.place(path)
        return Finding(severity=severity, source=draft.source, line=line, column=column, code=code, says=says, do=do)

    yield from _dates(draft.agreement, against.moment, note)
    yield from _carrying(draft.agreement, against, note)
    agencies = {a.name: a for a in against.directory.agencies} if against.directory is not None else {}
    if against.directory is None:
        yield note(
            ("parties",),
            Severity.NOTE,
            "no-bundle",
            "Names, classes and mandates were not looked at.",
            "Name a trust bundle with --home.",
        )
        return
    for n, party in enumerate(draft.agreement.parties):
        if party not in agencies:
            yield note(
                ("parties", n),
                Severity.ERROR,
                "unknown-party",
                f"{party} is no agency of this task force{nearest(party, agencies)}",
            )
        elif agencies[party].retired is not None:
            yield note(("parties", n), Severity.WARNING, "retired-party", f"{party} has left the task force.")
    if any(party not in agencies for party in draft.agreement.parties):
        return
    for n, exchange in enumerate(draft.agreement.exchange):
        way = _Way(draft.agreement, n, exchange, agencies[exchange.sender], agencies[exchange.recipient], against, note)
        yield from way.findings()


def _dates(agreement: Agreement, now: int, note: Note) -> Iterator[Finding]:
    until, start = agreement.valid.until, agreement.valid.start
    if agreement.end <= now:
        yield note(
            ("valid", "until"),
            Severity.WARNING,
            "expired",
            f"It ended on {until}: nothing can be sent under it.",
            "Make a new one with another id.",
        )
    elif agreement.end <= now + SOON:
        days = (agreement.end - now) // DAY
        yield note(
            ("valid", "until"),
            Severity.NOTE,
            "ends-soon",
            f"It ends in {days} days, on {until}.",
            "Have its successor signed before.",
        )
    if agreement.start > now:
        yield note(("valid", "from"), Severity.NOTE, "not-yet", f"It begins on {start}; until then nothing is agreed.")


def _carrying(agreement: Agreement, against: Against, note: Note) -> Iterator[Finding]:
    """Words that fit no other word of the same exchange."""
    catalogue = against.edition.catalogue
    for n, exchange in enumerate(agreement.exchange):
        known = [t for t in exchange.types if t in catalogue.types]
        for i, data_type in enumerate(exchange.types):
            if data_type not in catalogue.types:
                yield note(
                    ("exchange", n, "types", i),
                    Severity.WARNING,
                    "not-in-catalogue",
                    f"{data_type} is not in this edition of the catalogue: nothing of it can be sent yet.",
                )
                continue
            if not any(data_type in catalogue.kinds[k].types for k in exchange.kinds):
                carrying = [k.value for k, entry in catalogue.kinds.items() if data_type in entry.types]
                yield note(
                    ("exchange", n, "types", i),
                    Severity.WARNING,
                    "carried-by-none",
                    f"No listed kind of message carries {type_name(data_type)}.",
                    f"It goes in {listed(carrying, 'or')}.",
                )
            media = catalogue.types[data_type].media
            if not set(media) & set(exchange.media):
                yield note(
                    ("exchange", n, "media"),
                    Severity.WARNING,
                    "media-of-type",
                    f"{type_name(data_type)} travels as {listed(list(media), 'or')}, which is not listed.",
                )
        for i, kind in enumerate(exchange.kinds):
            if known and not any(t in catalogue.kinds[kind].types for t in exchange.types):
                yield note(
                    ("exchange", n, "kinds", i),
                    Severity.WARNING,
                    "carries-none",
                    f"A message of kind {kind} carries none of the listed types.",
                )
        for i, media_type in enumerate(exchange.media):
            if known and not any(media_type in catalogue.types[t].media for t in known):
                yield note(
                    ("exchange", n, "media", i),
                    Severity.WARNING,
                    "media-unknown",
                    f"None of the listed types travels as {media_type}.",
                )


@dataclass(frozen=True, slots=True)
class _Way:
    """One direction of one agreement between two agencies that are known."""

    agreement: Agreement
    number: int
    exchange: Exchange
    sender: Agency
    recipient: Agency
    against: Against
    note: Note

    def findings(self) -> Iterator[Finding]:
        setting = self._setting()
        possible: list[Passage] = []
        for i, data_type in enumerate(self.exchange.types):
            if data_type in self.against.edition.catalogue.types:
                found = list(passages(setting, self.exchange, data_type, self._engine))
                possible += [p for p in found if p.possible]
                yield from self._type(i, data_type, found)
                yield from self._identity(data_type, found)
            else:
                yield from self._identity(data_type, ())
        yield from self._codes(setting, possible)
        yield from self._mandates()
        yield from self._red()

    @property
    def _engine(self) -> Engine:
        return self.against.edition.engine

    def _at(self, *path: str | int) -> Steps:
        return ("exchange", self.number, *path)

    def _setting(self) -> Setting:
        """Between two who may do everything, on a day on which the agreement holds."""
        moment = max(self.agreement.start, min(self.against.moment, self.agreement.end - 1))
        return Setting(
            sender=stand_in(self.sender, moment, name="sender"),
            sender_agency=self.sender,
            recipient=stand_in(self.recipient, moment, name="recipient"),
            recipient_agency=self.recipient,
            agreement=self.agreement,
            catalogue=self.against.edition.catalogue,
            moment=moment,
        )

    def _type(self, i: int, data_type: str, found: Sequence[Passage]) -> Iterator[Finding]:
        if not found or any(p.possible for p in found):
            return  # carried by none is said elsewhere
        party = self.recipient.party_class
        standing = min((p.decision.because for p in found), key=len)
        entry = self.against.edition.catalogue.types[data_type]
        right = self.against.edition.rights.right(data_type, party)
        if party not in entry.receivers and right is not rights.Right.RELEASE:
            receive = [c.value for c in entry.receivers]
            yield self.note(
                self._at("types", i),
                Severity.ERROR,
                "wider-than-law",
                f"Agencies of class {party} do not receive {type_name(data_type)}, whatever is agreed.",
                f"Take it out; it goes to {listed(receive) or 'nobody'}.",
            )
            return
        yield self.note(
            self._at("types", i),
            Severity.WARNING,
            "never-passes",
            f"{type_name(data_type)} can never pass here: {self._said(standing)}",
        )

    def _identity(self, data_type: str, found: Sequence[Passage]) -> Iterator[Finding]:
        if data_type not in self.exchange.identity:
            return
        path = self._at("identity", self.exchange.identity.index(data_type))
        party = self.recipient.party_class
        if self.against.edition.rights.right(data_type, party) is rights.Right.NEVER:
            yield self.note(
                path,
                Severity.ERROR,
                "identity-never",
                f"Agencies of class {party} never hold the identity of a protected person in {type_name(data_type)}.",
                "Take it out of identity.",
            )
            return
        named = [p for p in found if p.about in IDENTITY]
        if named and not any(p.possible for p in named):
            standing = min((p.decision.because for p in named), key=len)
            yield self.note(
                path,
                Severity.WARNING,
                "identity-never-passes",
                f"No identity in {type_name(data_type)} can pass with these kinds and purposes: {self._said(standing)}",
            )

    def _codes(self, setting: Setting, possible: Sequence[Passage]) -> Iterator[Finding]:
        """Purposes, bases, handling codes and crime areas under which nothing could ever pass."""
        if not possible:
            return
        usual, frame = usual_case(setting, self.exchange), Frame(setting)
        sample = {(p.data_type, p.part, p.kind, p.about): p for p in possible}.values()

        def passes(case: Case) -> bool:
            for p in sample:
                roles, flags = PROBES[p.about]
                tried = replace(case, data_type=p.data_type, part=p.part, kind=p.kind)
                if needs(frame.about(tried, roles, flags), self._engine)[0]:
                    return True
            return False

        axes: tuple[tuple[str, Steps, Sequence[object]], ...] = (
            ("purpose", ("purposes",), self.agreement.purposes),
            ("basis", ("bases",), self.agreement.bases),
            ("h", ("handling", "h"), self.agreement.handling.h),
        )
        good = {p.purpose for p in possible}
        for axis, path, values in axes:
            for i, value in enumerate(values):
                fine = value in good if axis == "purpose" else passes(replace(usual, **{axis: value}))  # type: ignore[arg-type]
                if not fine:
                    where = f"from {self.sender.name} to {self.recipient.name}"
                    yield self.note(
                        (*path, i),
                        Severity.WARNING,
                        "code-never-passes",
                        f"Under {value} nothing can ever pass {where}.",
                    )

    def _mandates(self) -> Iterator[Finding]:
        """Types and areas for which nobody on one of the sides will have a mandate while the agreement holds."""
        directory = self.against.directory
        if directory is None:
            return
        for agency, verb, sending in ((self.sender, "send", True), (self.recipient, "receive", False)):
            mandates = [m for c in directory.contacts_of(agency.handle) for m in self._usable(c, sending=sending)]
            if not mandates:
                yield self.note(
                    self._at("from" if sending else "to"),
                    Severity.WARNING,
                    "no-contact",
                    f"No contact of {agency.name} has a mandate to {verb} anything while this holds.",
                )
                continue
            for i, data_type in enumerate(self.exchange.types):
                if not any(m.covers_type(data_type) and set(m.areas) & set(self.agreement.areas) for m in mandates):
                    yield self.note(
                        self._at("types", i),
                        Severity.WARNING,
                        "no-mandate",
                        f"No contact of {agency.name} has a mandate to {verb} {type_name(data_type)} in "
                        "these crime areas.",
                        "Grant one: safeconduct contact mandate",
                    )
            for i, area in enumerate(self.agreement.areas):
                if not any(area in m.areas for m in mandates):
                    yield self.note(
                        ("areas", i),
                        Severity.WARNING,
                        "area-without-mandate",
                        f"No contact of {agency.name} has a mandate to {verb} in {CrimeArea(area)}.",
                    )

    def _usable(self, contact: Contact, *, sending: bool) -> Iterator[Mandate]:
        begins = max(self.agreement.start, self.against.moment)
        for mandate in contact.mandates:
            end = min(mandate.end, mandate.revoked if mandate.revoked is not None else mandate.end)
            meets = max(mandate.start, begins) < min(end, self.agreement.end) or self.agreement.end <= begins
            if meets and (mandate.may_send if sending else mandate.may_receive):
                yield mandate

    def _red(self) -> Iterator[Finding]:
        directory = self.against.directory
        if self.agreement.handling.max_tlp is not Tlp.RED or directory is None:
            return
        contacts = directory.contacts_of(self.recipient.handle)
        if contacts and not any(c.keeping is Keeping.PERSON for c in contacts):
            yield self.note(
                ("handling", "max_tlp"),
                Severity.WARNING,
                "red-to-nobody",
                f"TLP:RED goes to named persons only, and {self.recipient.name} has none: all its keys are "
                "held by services.",
            )

    def _said(self, because: Sequence[str]) -> str:
        return " ".join(f"{self._engine.rule(i).says} ({i})" for i in because)


def _of_several(drafts: Sequence[Examined], against: Against) -> Iterator[Finding]:
    """Two agreements of the same two agencies that hold at once and speak of the same."""
    drafted = [(d, d.agreement) for d in drafts if d.agreement is not None]
    mine = {a.id for _, a in drafted}
    for n, (draft, agreement) in enumerate(drafted):
        first, second = agreement.parties
        others = [a for a in against.standing.binding(first, second) if a.id not in mine]
        others += [a for _, a in drafted[:n] if set(a.parties) == set(agreement.parties)]
        for other in others:
            if other.id == agreement.id:
                line, column = draft.place(("id",))
                yield Finding(
                    severity=Severity.ERROR,
                    source=draft.source,
                    line=line,
                    column=column,
                    code="id-twice",
                    says=f"The id {other.id} is used by another agreement.",
                    do="Give this one another id.",
                )
            elif max(agreement.start, other.start, against.moment) < min(agreement.end, other.end):
                yield from _overlap(draft, agreement, other)
    for draft, agreement in drafted:
        same = against.standing.get(agreement.id)
        if same is not None and set(same.parties) != set(agreement.parties):
            line, column = draft.place(("id",))
            yield Finding(
                severity=Severity.ERROR,
                source=draft.source,
                line=line,
                column=column,
                code="id-twice",
                says=f"The id {agreement.id} belongs to an agreement of other parties.",
                do="Give this one another id.",
            )


def _overlap(draft: Examined, agreement: Agreement, other: Agreement) -> Iterator[Finding]:
    if not (set(agreement.purposes) & set(other.purposes) and set(agreement.areas) & set(other.areas)):
        return
    for n, exchange in enumerate(agreement.exchange):
        for their in other.exchanges(exchange.sender, exchange.recipient):
            kinds = set(exchange.kinds) & set(their.kinds)
            both = [t for t in exchange.types if t in their.types]
            if not kinds or not both:
                continue
            until = datetime.fromtimestamp((min(agreement.end, other.end) - 1) / 1000, UTC).date()
            differences = list(_differences(agreement, exchange, other, their, both))
            path: Steps = ("exchange", n, "types", exchange.types.index(both[0]))
            line, column = draft.place(path)
            what = f"{listed(both)} from {exchange.sender} to {exchange.recipient} in {listed(sorted(kinds))}"
            if differences:
                yield Finding(
                    severity=Severity.ERROR,
                    source=draft.source,
                    line=line,
                    column=column,
                    code="disagrees",
                    says=f"It disagrees with {other.id}, which holds until {until} too, about {what}: "
                    f"{'; '.join(differences)}. A sender could choose the laxer one.",
                    do="End the other first, or take out what it says already.",
                )
            else:
                yield Finding(
                    severity=Severity.WARNING,
                    source=draft.source,
                    line=line,
                    column=column,
                    code="overlaps",
                    says=f"{other.id} says the same about {what}, until {until}.",
                    do="Say it once.",
                )


def _differences(
    mine: Agreement, way: Exchange, other: Agreement, their: Exchange, types: Sequence[str]
) -> Iterator[str]:
    more = [t for t in types if t in way.identity and t not in their.identity]
    less = [t for t in types if t in their.identity and t not in way.identity]
    if more:
        yield f"here with identities in {listed(more)}, there without"
    if less:
        yield f"there with identities in {listed(less)}, here without"
    if mine.handling != other.handling:
        yield (
            f"here at most TLP:{mine.handling.max_tlp} with {listed(list(mine.handling.h))}, there at most "
            f"TLP:{other.handling.max_tlp} with {listed(list(other.handling.h))}"
        )
    if mine.retention_days != other.retention_days:
        yield f"here kept for {mine.retention_days} days, there for {other.retention_days}"


def by_source(findings: Iterable[Finding]) -> Mapping[str, list[Finding]]:
    """Findings by the file they are about."""
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.source, []).append(finding)
    return found
