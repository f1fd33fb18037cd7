"""What officers search the log by: a projection of RECORDS and LOG into SQL that any host rebuilds.

It holds codes, handles, ids and times of each leaf, by which one finds a record; the record itself and its salt stay in
RECORDS. No content and no personal data: there is none in a record. SQLite (WAL) in the broker's folder by default,
PostgreSQL where `SAFECONDUCT_RECORDS` or `records` in broker.json says so.

Beside the lines stand counts by the hour, for pages that would else count a day's lines each time: `take` keeps them in
the transaction in which it writes or drops a line, so they never say anything else than the lines.

`take` is the only writer. It goes on from the leaf that it was told last, by compare and set in the same transaction,
so two hosts on one database never put a leaf in twice or leave one out. A leaf that says that records expired takes
their lines away. Nothing here decides anything: a database that
is down costs the search, never a delivery.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from itertools import takewhile
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeAlias, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    cast,
    create_engine,
    delete,
    event,
    func,
    insert,
    literal,
    literal_column,
    select,
    text,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from audit.record import RECORDS_EXPIRED, ActRecord, Record, TrustRecord, expired_range
from bus.databases import keep_log
from messages.errors import BadInput, DependencyError
from messages.limits import HOUR

VARIABLE: Final = "SAFECONDUCT_RECORDS"
FILE: Final = "records.db"
VERSION: Final = 3
"""Of the tables: another one is thrown away and filled anew."""
PAGE: Final = 50
MAX_PAGE: Final = 500
MAX_TERM: Final = 80
RARE: Final = 2000
"""Up to how many marks are counted to find the rarest condition of a search."""
STRETCH: Final = 5_000
"""How many leaves with the rarest condition one page looks through: it ends there, short or empty, and says where to go
on. Two frequent conditions that hardly ever meet would else be looked for through all that there is.
"""

PARTY, RULE, TYPE, KIND, OUTCOME, FORM = "party", "rule", "type", "kind", "outcome", "form"
FLOW: Final = "flow"
"""Counted by the hour, as `RULE` and `FORM` are: decisions from one agency to another."""
FACETS: Final = (PARTY, RULE, TYPE, KIND, OUTCOME, FORM)

_WRITES: Final = "safeconduct_writes"
_LOCK: Final = 0x5AFEC0  # of PostgreSQL's locks for applications, ours

_Mark: TypeAlias = tuple[str, str, int]
"""A facet, its value, and the number of the two in `_word`."""

P = ParamSpec("P")
T = TypeVar("T")
_meta = MetaData()
_place = Table("place", _meta, Column("version", Integer, primary_key=True), Column("next", BigInteger, nullable=False))
_word = Table(
    "word",
    _meta,
    Column("id", Integer, primary_key=True),
    Column("facet", Text, nullable=False),
    Column("value", Text, nullable=False),
    UniqueConstraint("facet", "value"),
)
_record = Table(
    "record",
    _meta,
    # SQLite looks a row up at once by an INTEGER key, and through an index of its own by any other.
    Column("idx", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("form", "kind", "agency", "sender", "recipient")),
    *(Column(name, Text, nullable=False) for name in ("outcome", "subject", "rules", "types", "signers")),
    Column("receiver", Text, nullable=False),  # the recipient's agency when it was taken; else the recipient
    Index("record_at", "at", "idx"),
    Index("record_subject", "subject", "at", "idx"),
)
_mark = Table(
    "mark",
    _meta,
    Column("word", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

_tally = Table(
    "tally",
    _meta,
    Column("what", Text, primary_key=True),  # FLOW, RULE or FORM
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("first", Text, primary_key=True),  # of a flow the sending agency; else the rule or the form
    Column("second", Text, primary_key=True),  # of a flow the receiving agency
    Column("outcome", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


class RecordsDown(DependencyError):
    """The database of records does not answer, or is not one. What is delivered does not wait for it."""

    code = "records-down"
    says = "The database of records does not answer; what is delivered goes on without it. Try again in a moment."


class Moved(Exception):
    """Another host has taken leaves meanwhile: read again where to go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One leaf as a search shows it. An empty text stands for what the record does not have."""

    index: int
    at: int  # milliseconds since the epoch, UTC
    epoch: int
    form: str  # submission, decision, retrieval, trust, act
    kind: str  # of message; of a record about trust its step, of an act the act
    agency: str  # the submitting agency's handle
    sender: str
    recipient: str
    outcome: str
    subject: str  # 32 hexadecimal digits: the message, or what an act is about; of a record about trust a handle
    rules: tuple[str, ...] = ()
    types: tuple[str, ...] = ()  # data types, such as A02
    signers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is searched for; empty conditions do not count, and all others hold together."""

    start: int | None = None  # from this moment on
    end: int | None = None  # until before it
    party: str = ""  # a handle: of an agency (submitting, sending or receiving), a contact, or who signed
    sender: str = ""  # the handle of an agency or a contact, as who sent or submitted it alone
    recipient: str = ""  # the same, as who receives it alone
    rule: str = ""
    type: str = ""
    kind: str = ""
    outcome: str = ""
    form: str = ""
    subject: str = ""

    def __post_init__(self) -> None:
        for name in (*FACETS, "sender", "recipient", "subject"):
            if len(getattr(self, name)) > MAX_TERM or "\0" in getattr(self, name):
                raise BadInput(f"What is searched for as {name} is longer than any such value can be.")
        for moment in (self.start, self.end):
            if moment is not None and not 0 <= moment < 2**53:
                raise BadInput("A search is for moments between 1970 and the far future.")


@dataclass(frozen=True, slots=True)
class Tallies:
    """Counts of a span of hours: decisions by sending and receiving agency and outcome; and, by the hour (counted from
    the epoch on), leaves by form and outcome, and what was permitted and refused by rule.
    """

    flows: dict[tuple[str, str, str], int]
    forms: dict[tuple[str, str, int], int]
    rules: dict[tuple[str, str, int], int]


@dataclass(frozen=True, slots=True)
class Page:
    """The newest lines first, and where the next page begins, or None where there is none."""

    lines: tuple[Line, ...]
    older: str | None


def line_of(index: int, record: Record | TrustRecord | ActRecord) -> Line:
    """What a record is found by."""
    if isinstance(record, TrustRecord):
        return Line(
            index=index,
            at=record.at,
            epoch=record.epoch,
            form="trust",
            kind=record.step,
            agency="",
            sender="",
            recipient="",
            outcome="",
            subject=record.subject or "",
            signers=record.signers,
        )
    if isinstance(record, ActRecord):
        return Line(
            index=index,
            at=record.at,
            epoch=record.epoch,
            form="act",
            kind=record.act,
            agency=record.agency or "",
            sender="",
            recipient=record.recipient or "",
            outcome=record.outcome,
            subject=record.subject.hex(),
            signers=(record.signer,),
        )
    return Line(
        index=index,
        at=record.at,
        epoch=record.epoch,
        form=record.type,
        kind=record.kind or "",
        agency=record.agency,
        sender=record.sender or "",
        recipient=record.recipient or "",
        outcome=record.outcome,
        subject=record.message.hex() if record.message else "",
        rules=record.rules,
        types=tuple(sorted({kind.partition("/")[0] for _, kind, _ in record.sections})),
    )


def marks_of(line: Line, agency_of: Callable[[str], str | None]) -> set[tuple[str, str]]:
    """Under which conditions a search finds a line. `agency_of` a contact, so that an agency's own are found by it."""
    parties = {line.agency, line.sender, line.recipient, *line.signers}
    if line.form == "trust":
        parties.add(line.subject)
    parties |= {agency_of(handle) or "" for handle in parties}
    found = {(PARTY, handle) for handle in parties}
    found |= {(RULE, rule) for rule in line.rules} | {(TYPE, kind) for kind in line.types}
    found |= {(KIND, line.kind), (OUTCOME, line.outcome), (FORM, line.form)}
    return {(facet, value) for facet, value in found if value}


def _mapped(method: Callable[P, T]) -> Callable[P, T]:
    """Whatever the driver raises becomes `RecordsDown`: its own words may quote an address or a statement."""

    @wraps(method)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except (SQLAlchemyError, OSError):
            raise RecordsDown from None

    return wrapped


class RecordsDb:
    """The database. Methods block and may be called from any thread; they raise `RecordsDown`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # What is read needs no transaction; on a server beginning and ending one would be two more journeys.
        self._reads = (
            engine if engine.dialect.name == "sqlite" else engine.execution_options(isolation_level="AUTOCOMMIT")
        )
        self._words: dict[tuple[str, str], int] = {}

    @classmethod
    def open(cls, where: Path | str) -> "RecordsDb":
        """The database in a file, or at a URL such as `postgresql://user:secret@host/name`. Nothing is read yet.

        Raises `BadInput` for a URL of another kind, without quoting it: it may hold a password.
        """
        if isinstance(where, Path):
            engine = create_engine(f"sqlite:///{where}", poolclass=QueuePool, pool_size=4)
            event.listen(engine, "connect", _sqlite)
            event.listen(engine, "begin", _begin)
            return cls(engine)
        try:
            url = make_url(where)
        except ArgumentError:
            url = None
        if url is None or url.get_backend_name() != "postgresql":
            raise BadInput("The address of the database of records begins with postgresql://; else leave it out.")
        try:
            return cls(create_engine(url.set(drivername="postgresql+pg8000"), pool_size=4, pool_pre_ping=True))
        except ImportError:
            raise BadInput("PostgreSQL needs a driver: pip install 'safeconduct[postgresql]'") from None

    @_mapped
    def prepare(self) -> None:
        """Make the tables where they are missing, and anew where they are of another version."""
        with self._writing() as db:
            _meta.create_all(db)
            version = db.execute(select(_place.c.version)).scalar()
            if version is not None and version != VERSION:
                _meta.drop_all(db)  # `create_all` leaves a table that is there as it is
                _meta.create_all(db)
            if version != VERSION:
                self._clear(db)

    @_mapped
    def rebuild(self) -> None:
        """Forget everything: the next `take` begins with leaf 0."""
        with self._writing() as db:
            _meta.create_all(db)
            self._clear(db)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that no other writer's runs beside: two that made the tables at once would both fail."""
        with self._engine.connect().execution_options(**{_WRITES: True}) as db, db.begin():
            if db.dialect.name == "postgresql":
                db.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            yield db

    def _clear(self, db: Connection) -> None:
        # Words stay: other processes remember their numbers, and would mark leaves with one that means something else.
        for table in (_mark, _tally, _record, _place):
            db.execute(delete(table))
        db.execute(insert(_place).values(version=VERSION, next=0))
        self._words.clear()

    @_mapped
    def next(self) -> int:
        """The leaf with which `take` goes on: how many leaves were looked at."""
        with self._reads.connect() as db:
            return int(db.execute(select(_place.c.next)).scalar() or 0)

    @_mapped
    def take(self, first: int, after: int, lines: Sequence[Line], agency_of: Callable[[str], str | None]) -> None:
        """Take the leaves from `first` until before `after`; those without a line have expired. Raises `Moved`."""
        with self._writing() as db:
            # First of all, and so the lock: whoever comes second sees that it is late.
            if db.execute(update(_place).where(_place.c.next == first).values(next=after)).rowcount != 1:
                raise Moved
            if not lines:
                return
            marks = {line.index: marks_of(line, agency_of) for line in lines}
            words = self._numbered(db, set().union(*marks.values()))
            receivers = {line.index: agency_of(line.recipient) or line.recipient for line in lines}
            _insert(db, _record, [(*_row(line), receivers[line.index]) for line in lines])
            told = Counter[_Counted]()
            for line in lines:
                receiver = receivers[line.index]
                told.update(_counted(line.at // HOUR, line.form, line.agency, receiver, line.outcome, line.rules))
            _count(db, told)
            marked = [(line, word) for line in lines for word in sorted(words[mark] for mark in marks[line.index])]
            _insert(db, _mark, [(word, line.at, line.index) for line, word in marked])
            for line in lines:
                if line.kind == RECORDS_EXPIRED and line.form == "act":
                    first, until, _ = expired_range(bytes.fromhex(line.subject))
                    self._forget(db, first, min(until, line.index))
        self._words.update(words)  # once they are committed: a number that was rolled back is somebody else's later

    @staticmethod
    def _forget(db: Connection, first: int, until: int) -> None:
        """Drop the lines of these leaves, whose records have expired."""
        there = (_record.c.idx >= first, _record.c.idx < until)
        start, end = db.execute(select(func.min(_record.c.at), func.max(_record.c.at)).where(*there)).one()
        if start is None:
            return
        hour: Any = literal_column(f"at / {HOUR}").label(
            "hour"
        )  # as a value of its own PostgreSQL would group by another
        by = (hour, *(_record.c[name] for name in ("form", "agency", "receiver", "outcome", "rules")))
        told = Counter[_Counted]()
        grouped = select(*by, func.count()).where(*there).group_by(*by)
        for at, form, agency, receiver, outcome, rules, count in _rows(db, grouped):
            for counted in _counted(int(at), form, agency, receiver, outcome, tuple(rules.split())):
                told[counted] -= count
        _count(db, told)
        db.execute(
            delete(_tally).where(_tally.c.hour >= start // HOUR, _tally.c.hour <= end // HOUR, _tally.c.count <= 0)
        )
        marked = (_mark.c.at >= start, _mark.c.at <= end, _mark.c.idx >= first, _mark.c.idx < until)
        for word in db.execute(select(_word.c.id)).scalars().all():  # the key of a mark begins with its word
            db.execute(delete(_mark).where(_mark.c.word == word, *marked))
        db.execute(delete(_record).where(*there))

    def _numbered(self, db: Connection, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], int]:
        found = {pair: self._words[pair] for pair in wanted if pair in self._words}
        missing = sorted(wanted - found.keys())
        while missing:
            rows = db.execute(select(_word).where(tuple_(_word.c.facet, _word.c.value).in_(missing[:200]))).all()
            found.update({(r.facet, r.value): r.id for r in rows})
            for facet, value in missing[:200]:
                if (facet, value) not in found:
                    made = db.execute(insert(_word).values(facet=facet, value=value))
                    assert made.inserted_primary_key is not None  # noqa: S101  the insert was of one row
                    found[facet, value] = int(made.inserted_primary_key[0])
            missing = missing[200:]
        return found

    @_mapped
    def search(self, query: Query, *, after: str | None = None, size: int = PAGE) -> Page:
        """One page, the newest first. `after` is the `older` of the page before; its cost does not grow with depth.

        Raises `BadInput` where `after` is none of ours.
        """
        size = max(1, min(size, MAX_PAGE))
        edge = _edge(after)
        with self._reads.connect() as db:
            words = self._rarest_first(db, query)
            if words is None:
                return Page((), None)
            chosen, stretch = _chosen(query, words, edge)
            statement = select(_record).join(chosen, _record.c.idx == chosen.c.idx)
            statement = statement.order_by(chosen.c.at.desc(), chosen.c.idx.desc()).limit(size + 1)
            names = _record.c.keys()
            found = [dict(zip(names, row, strict=True)) for row in _rows(db, statement)]
            lines = tuple(_line(row) for row in found[:size])
            if len(found) > size:
                return Page(lines, f"{lines[-1].at}-{lines[-1].index}")
            last = db.execute(stretch.offset(STRETCH - 1).limit(1)).first() if stretch is not None else None
        return Page(lines, f"{last.at}-{last.idx}" if last is not None else None)

    @_mapped
    def indices(self, query: Query, most: int) -> list[int]:
        """The indices alone of up to `most` leaves, the newest first: of those with the rarest condition, as far as one
        page looks through them.
        """
        with self._reads.connect() as db:
            words = self._rarest_first(db, query)
            if words is None:
                return []
            chosen, _ = _chosen(query, words, None)
            found = select(chosen.c.idx, chosen.c.at).order_by(chosen.c.at.desc(), chosen.c.idx.desc()).limit(most)
            return [int(index) for index, _ in _rows(db, found)]

    @_mapped
    def latest(self, wanted: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], list[int]]:
        """The indices of the newest leaves with each of these marks (a facet and its value), up to so many of each, the
        newest first: one question for all of them.
        """
        found: dict[tuple[str, str], list[int]] = {mark: [] for mark in wanted}
        with self._reads.connect() as db:
            numbers = self._known(db, wanted)
            if numbers:
                for number, index, _ in _newest_first(_rows(db, select(_latest(numbers, wanted)))):
                    found[numbers[number]].append(int(index))
        return found

    @_mapped
    def latest_lines(self, wanted: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], list[Line]]:
        """The same, with all that a search shows of them."""
        found: dict[tuple[str, str], list[Line]] = {mark: [] for mark in wanted}
        names = _record.c.keys()
        with self._reads.connect() as db:
            numbers = self._known(db, wanted)
            if numbers:
                placed = _latest(numbers, wanted)
                lines = select(*placed.c, *_record.c).join(_record, _record.c.idx == placed.c.place)
                for number, _, _, *row in _newest_first(_rows(db, lines)):
                    found[numbers[number]].append(_line(dict(zip(names, row, strict=True))))
        return found

    def _known(self, db: Connection, wanted: Iterable[tuple[str, str]]) -> dict[int, tuple[str, str]]:
        """Those of the marks that any leaf has, by their numbers."""
        unknown = [mark for mark in wanted if mark not in self._words]
        if unknown:
            rows = _rows(db, select(_word).where(tuple_(_word.c.facet, _word.c.value).in_(unknown)))
            self._words.update({(facet, value): int(number) for number, facet, value in rows})
        return {self._words[mark]: mark for mark in wanted if mark in self._words}

    def _rarest_first(self, db: Connection, query: Query) -> list[_Mark] | None:
        """What is searched for by marks and their numbers, or None where no leaf has one of them."""
        given = [(facet, getattr(query, facet)) for facet in FACETS]
        given += [(PARTY, query.sender), (PARTY, query.recipient)]
        asked = list(dict.fromkeys((facet, value) for facet, value in given if value))
        if len(asked) <= 1 and all(pair in self._words for pair in asked):
            return [(*pair, self._words[pair]) for pair in asked]
        pairs = tuple_(_word.c.facet, _word.c.value).in_(asked)
        found = list(_rows(db, select(_word.c.facet, _word.c.value, _word.c.id, _about(query)).where(pairs)))
        self._words.update({(facet, value): number for facet, value, number, _ in found})
        if len(found) < len(asked):
            return None
        return [(facet, value, number) for facet, value, number, _ in sorted(found, key=lambda row: int(row[3]))]

    @_mapped
    def grouped(self, query: Query, by: Sequence[str], most: int) -> tuple[list[tuple[tuple[str, ...], int]], bool]:
        """How many of the newest `most` leaves of a search have each combination of these columns; and whether there
        are older ones that were not counted.

        A search by at most one condition and by time: all else would have to be looked for.
        """
        facets = [facet for facet in FACETS if getattr(query, facet)]
        if len(facets) > 1 or query.subject:
            raise BadInput("What is counted is found by one condition at most.")
        with self._reads.connect() as db:
            pairs = ((_word.c.facet == f) & (_word.c.value == getattr(query, f)) for f in facets)
            words = [db.execute(select(_word.c.id).where(pair)).scalar() for pair in pairs]
            if None in words:
                return [], False
            places = _places(query, words[0] if words else None, None)
            newest = places.limit(most).subquery()
            columns = [_record.c[name] for name in by]
            found = select(func.count(), *columns).select_from(newest.join(_record, _record.c.idx == newest.c.idx))
            counted = [(tuple(values), int(count)) for count, *values in _rows(db, found.group_by(*columns))]
            whole = sum(count for _, count in counted) < most
            return counted, not whole and db.execute(places.offset(most).limit(1)).first() is not None

    def each(self, query: Query, most: int) -> Iterator[Line]:
        """Up to `most` lines, the newest first, read a page at a time."""
        after, left = None, most
        while left > 0:
            page = self.search(query, after=after, size=min(left, MAX_PAGE))
            yield from page.lines
            left -= len(page.lines)
            after = page.older
            if after is None:
                return

    def newest(self, query: Query, most: int) -> tuple[list[Line], bool]:
        """Up to `most` lines, the newest first, and whether there are older ones: who gets a part is told so."""
        found = list(self.each(query, most + 1))
        return found[:most], len(found) > most

    @_mapped
    def oldest(self, after: int, before: int, size: int) -> list[Line]:
        """Up to `size` leaves behind this index in the order of their indices, as long as each is older than `before`.

        The first that is not ends it: what stands behind it is no older, whatever it says.
        """
        chosen = select(_record).where(_record.c.idx > after).order_by(_record.c.idx).limit(size)
        with self._reads.connect() as db:
            found = [_line(row) for row in db.execute(chosen).mappings()]
        return list(takewhile(lambda line: line.at < before, found))

    @_mapped
    def tallied(self, start: int, end: int) -> "Tallies":
        """What the hours from that of `start` to that of `end` counted."""
        within = (_tally.c.hour >= start // HOUR, _tally.c.hour <= end // HOUR)
        columns, many = (_tally.c.first, _tally.c.second, _tally.c.outcome), func.sum(_tally.c.count)
        flows = select(*columns, many).where(_tally.c.what == FLOW, *within).group_by(*columns)
        hourly = select(_tally.c.what, _tally.c.hour, _tally.c.first, _tally.c.outcome, _tally.c.count)
        hourly = hourly.where(_tally.c.what.in_((FORM, RULE)), *within)
        found = Tallies({}, {}, {})
        with self._reads.connect() as db:
            for sender, receiver, outcome, count in _rows(db, flows):
                found.flows[sender, receiver, outcome] = int(count)
            for what, hour, first, outcome, count in _rows(db, hourly):
                (found.forms if what == FORM else found.rules)[first, outcome, int(hour)] = int(count)
        return found

    @_mapped
    def values(self, *facets: str) -> dict[str, list[str]]:
        """Which values of each of these facets there are, in order: what a form offers."""
        found: dict[str, list[str]] = {facet: [] for facet in facets}
        asked = select(_word.c.facet, _word.c.value).where(_word.c.facet.in_(facets)).order_by(_word.c.value)
        with self._reads.connect() as db:
            for facet, value in _rows(db, asked):
                found[facet].append(value)
        return found

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()


@contextmanager
def opened(where: Path | str) -> Iterator[RecordsDb]:
    """The database for the time of the block, its tables made."""
    db = RecordsDb.open(where)
    try:
        db.prepare()
        yield db
    finally:
        db.close()


def _places(query: Query, word: int | None, edge: tuple[int, int] | None) -> Any:
    """Where the leaves of a span of time stand that have this mark, or all of them; the newest first."""
    table = _record if word is None else _mark
    chosen = select(table.c.at, table.c.idx)
    if word is not None:
        chosen = chosen.where(_mark.c.word == word)
    elif query.subject:
        chosen = chosen.where(_record.c.subject == query.subject)
    if query.start is not None:
        chosen = chosen.where(table.c.at >= query.start)
    if query.end is not None:
        chosen = chosen.where(table.c.at < query.end)
    if edge is not None:
        chosen = chosen.where(tuple_(table.c.at, table.c.idx) < tuple_(literal(edge[0]), literal(edge[1])))
    return chosen.order_by(table.c.at.desc(), table.c.idx.desc())


def _about(query: Query) -> Any:
    """How many leaves have a mark in the time asked for, counted no further than is needed to tell rare ones."""
    some = select(literal(1)).where(_mark.c.word == _word.c.id).correlate(_word)
    if query.start is not None:
        some = some.where(_mark.c.at >= query.start)
    if query.end is not None:
        some = some.where(_mark.c.at < query.end)
    return select(func.count()).select_from(some.limit(RARE).subquery()).scalar_subquery()


def _chosen(query: Query, marks: list[_Mark], edge: tuple[int, int] | None) -> tuple[Any, Any]:
    """Where the leaves of a search stand; and what is looked through for them, where that is a stretch alone."""
    places = _places(query, marks[0][2] if marks and not query.subject else None, edge)
    others = marks if query.subject else marks[1:]
    # What a line has one of is looked up in the line itself, all of it at once.
    own = [_record.c[facet] == value for facet, value, _ in others if facet in (KIND, OUTCOME, FORM)]
    if query.sender:
        own.append((_record.c.agency == query.sender) | (_record.c.sender == query.sender))
    if query.recipient:
        own.append((_record.c.receiver == query.recipient) | (_record.c.recipient == query.recipient))
    if not others and not own:
        return places.subquery(), None
    looked = places.limit(STRETCH).subquery()
    chosen = select(looked.c.at, looked.c.idx)
    for word in (word for facet, _, word in others if facet not in (KIND, OUTCOME, FORM)):
        other = _mark.alias()
        same = (other.c.word == word, other.c.at == looked.c.at, other.c.idx == looked.c.idx)
        chosen = chosen.where(select(literal(1)).where(*same).exists())
    if own:
        chosen = chosen.join(_record, _record.c.idx == looked.c.idx).where(*own)
    return chosen.subquery(), places


def _latest(numbers: Mapping[int, tuple[str, str]], wanted: Mapping[tuple[str, str], int]) -> Any:
    """Where the newest leaves with each of these marks stand, up to as many as are wanted of each."""
    parts = []
    for number, mark in numbers.items():
        newest = select(_mark.c.word, _mark.c.idx.label("place"), _mark.c.at.label("moment"))
        newest = newest.where(_mark.c.word == number).order_by(_mark.c.at.desc(), _mark.c.idx.desc())
        parts.append(select(newest.limit(wanted[mark]).subquery()))
    return union_all(*parts).subquery()


def _newest_first(rows: Iterable[Sequence[Any]]) -> list[Sequence[Any]]:
    return sorted(rows, key=lambda row: (-row[2], -row[1]))


def _rows(db: Connection, statement: Any) -> Iterable[Sequence[Any]]:
    """Many rows. PostgreSQL sends them as one value, in their order: its driver takes apart each cell by itself."""
    if db.dialect.name != "postgresql":
        return db.execute(statement)
    inner = statement.subquery()
    whole = select(cast(func.json_agg(func.json_build_array(*inner.c)), Text)).select_from(inner)
    found: list[Sequence[Any]] = json.loads(db.execute(whole).scalar() or "[]")
    return found


def _insert(db: Connection, table: Table, rows: Sequence[tuple[object, ...]], then: str = "") -> None:
    """All rows at once, with values in the order of the table's columns; `then` is done with those that are there.

    PostgreSQL takes them as arrays: its driver would send them one by one, and wait for each.
    """
    names = ", ".join(column.name for column in table.columns)
    if db.dialect.name == "postgresql":
        arrays = ", ".join(f"cast(:{c.name} as {c.type.compile(db.dialect)}[])" for c in table.columns)
        statement = text(f"insert into {table.name} ({names}) select * from unnest({arrays}) {then}")  # noqa: S608  names of ours
        db.execute(statement, dict(zip(table.columns.keys(), map(list, zip(*rows, strict=True)), strict=True)))
        return
    marks = ", ".join("?" for _ in table.columns)
    db.exec_driver_sql(f"insert into {table.name} ({names}) values ({marks}) {then}", list(rows))  # noqa: S608  names of ours


_Counted: TypeAlias = tuple[str, int, str, str, str]  # the key of `_tally`


def _counted(
    hour: int, form: str, agency: str, receiver: str, outcome: str, rules: tuple[str, ...]
) -> Iterator[_Counted]:
    """Under which keys of `_tally` a line counts."""
    if outcome:
        yield FORM, hour, form, "", outcome
    if form == "decision":
        yield FLOW, hour, agency, receiver, outcome
    for rule in dict.fromkeys(rules):
        yield RULE, hour, rule, "", outcome


def _count(db: Connection, told: Counter[_Counted]) -> None:
    """Add to the counts, or take away from them."""
    rows = [(*key, told[key]) for key in sorted(told)]  # in one order: so two writers never wait for each other
    if rows:
        key = "what, hour, first, second, outcome"
        _insert(db, _tally, rows, f"on conflict ({key}) do update set count = tally.count + excluded.count")


def _sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # SQLAlchemy begins itself; the driver would begin too late for a savepoint
    for pragma in ("busy_timeout=5000", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")
    keep_log(connection)


def _begin(connection: Connection) -> None:
    """SQLite waits for a lock at the begin of a transaction alone, not when one that has read begins to write."""
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _edge(after: str | None) -> tuple[int, int] | None:
    if after is None:
        return None
    at, dash, idx = after.partition("-")
    if not (dash and at.isascii() and at.isdigit() and idx.isascii() and idx.isdigit() and len(after) < 40):
        raise BadInput("This is not where a page of a search begins; search again.")
    if int(at) >= 2**63 or int(idx) >= 2**63:
        raise BadInput("This is not where a page of a search begins; search again.")
    return int(at), int(idx)


def _row(line: Line) -> tuple[object, ...]:
    """The values of `_record`, in the order of its columns."""
    plain = (line.form, line.kind, line.agency, line.sender, line.recipient, line.outcome, line.subject)
    joined = (" ".join(line.rules), " ".join(line.types), " ".join(line.signers))
    return (line.index, line.at, line.epoch, *plain, *joined)


def alike(by: Sequence[str], values: Sequence[str]) -> Line:
    """A line that has these columns of a group, and nothing else."""
    row = dict.fromkeys((*_TEXTS, "rules", "types", "signers"), "") | dict(zip(by, values, strict=True))
    return _line(row | {"idx": -1, "at": 0, "epoch": 0})


_TEXTS: Final = ("form", "kind", "agency", "sender", "recipient", "outcome", "subject")


def _line(row: Any) -> Line:
    plain = ("at", "epoch", *_TEXTS)
    split: dict[str, Any] = {name: tuple(row[name].split()) for name in ("rules", "types", "signers")}
    return Line(index=row["idx"], **{name: row[name] for name in plain}, **split)


def handles(lines: Iterable[Line]) -> set[str]:
    """Everybody whom these lines name."""
    return {h for line in lines for h in (line.agency, line.sender, line.recipient, *line.signers) if h}
