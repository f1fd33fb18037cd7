"""What officers search the log by: a projection of RECORDS and LOG into SQL that any host rebuilds.

It holds codes, handles, ids and times of each leaf, by which one finds a record; the record itself and its salt stay in
RECORDS. No content and no personal data: there is none in a record. SQLite (WAL) in the broker's folder by default,
PostgreSQL where `SAFECONDUCT_RECORDS` or `records` in broker.json says so.

`take` is the only writer. It goes on from the leaf that it was told last, by compare and set in the same transaction,
so two hosts on one database never put a leaf in twice or leave one out. Nothing here decides anything: a database that
is down costs the search, never a delivery.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

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
    create_engine,
    delete,
    event,
    func,
    insert,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from audit.record import ActRecord, Record, TrustRecord
from messages.errors import BadInput, DependencyError

VARIABLE: Final = "SAFECONDUCT_RECORDS"
FILE: Final = "records.db"
VERSION: Final = 1
"""Of the tables: another one is thrown away and filled anew."""
PAGE: Final = 50
MAX_PAGE: Final = 500
MAX_TERM: Final = 80
RARE: Final = 2000
"""Up to how many marks are counted to find the rarest condition of a search."""

PARTY, RULE, TYPE, KIND, OUTCOME, FORM = "party", "rule", "type", "kind", "outcome", "form"
FACETS: Final = (PARTY, RULE, TYPE, KIND, OUTCOME, FORM)

_WRITES: Final = "safeconduct_writes"
_LOCK: Final = 0x5AFEC0  # of PostgreSQL's locks for applications, ours

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
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("form", "kind", "agency", "sender", "recipient")),
    *(Column(name, Text, nullable=False) for name in ("outcome", "subject", "rules", "types", "signers")),
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
    rule: str = ""
    type: str = ""
    kind: str = ""
    outcome: str = ""
    form: str = ""
    subject: str = ""

    def __post_init__(self) -> None:
        for name in (*FACETS, "subject"):
            if len(getattr(self, name)) > MAX_TERM or "\0" in getattr(self, name):
                raise BadInput(f"What is searched for as {name} is longer than any such value can be.")
        for moment in (self.start, self.end):
            if moment is not None and not 0 <= moment < 2**53:
                raise BadInput("A search is for moments between 1970 and the far future.")


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
        for table in (_mark, _record, _place):
            db.execute(delete(table))
        db.execute(insert(_place).values(version=VERSION, next=0))
        self._words.clear()

    @_mapped
    def next(self) -> int:
        """The leaf with which `take` goes on: how many leaves were looked at."""
        with self._engine.connect() as db:
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
            db.execute(insert(_record), [_row(line) for line in lines])
            db.execute(
                insert(_mark),
                [
                    {"word": word, "at": line.at, "idx": line.index}
                    for line in lines
                    for word in sorted(words[mark] for mark in marks[line.index])
                ],
            )
        self._words.update(words)  # once they are committed: a number that was rolled back is somebody else's later

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
        with self._engine.connect() as db:
            words = [
                db.execute(select(_word.c.id).where(_word.c.facet == f, _word.c.value == getattr(query, f))).scalar()
                for f in FACETS
                if getattr(query, f)
            ]
            if None in words:
                return Page((), None)
            found = db.execute(self._statement(db, query, [int(w) for w in words if w], edge, size)).mappings().all()
        lines = tuple(_line(row) for row in found[:size])
        more = len(found) > size
        return Page(lines, f"{lines[-1].at}-{lines[-1].index}" if more else None)

    def _statement(
        self, db: Connection, query: Query, words: list[int], edge: tuple[int, int] | None, size: int
    ) -> Any:
        chosen = select(_record)
        at, idx = _record.c.at, _record.c.idx
        if query.subject:
            chosen = chosen.where(_record.c.subject == query.subject)
        elif words:
            words.sort(key=lambda word: self._about(db, word, query))
            driving = _mark.alias()
            chosen = chosen.join(driving, driving.c.idx == _record.c.idx).where(driving.c.word == words.pop(0))
            at, idx = driving.c.at, driving.c.idx
        for word in words:
            other = _mark.alias()
            same = (other.c.word == word, other.c.at == at, other.c.idx == idx)
            chosen = chosen.where(select(literal(1)).where(*same).exists())
        if query.start is not None:
            chosen = chosen.where(at >= query.start)
        if query.end is not None:
            chosen = chosen.where(at < query.end)
        if edge is not None:
            chosen = chosen.where(tuple_(at, idx) < tuple_(literal(edge[0]), literal(edge[1])))
        return chosen.order_by(at.desc(), idx.desc()).limit(size + 1)

    @staticmethod
    def _about(db: Connection, word: int, query: Query) -> int:
        """How many leaves have this mark in the time asked for, counted no further than is needed to tell rare ones."""
        some = select(literal(1)).where(_mark.c.word == word)
        if query.start is not None:
            some = some.where(_mark.c.at >= query.start)
        if query.end is not None:
            some = some.where(_mark.c.at < query.end)
        return int(db.execute(select(func.count()).select_from(some.limit(RARE).subquery())).scalar() or 0)

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
    def counts(self, facet: str, start: int, end: int) -> dict[str, int]:
        """How many leaves of a span of time have each value of a facet."""
        statement = (
            select(_word.c.value, func.count())
            .join(_mark, _mark.c.word == _word.c.id)
            .where(_word.c.facet == facet, _mark.c.at >= start, _mark.c.at < end)
            .group_by(_word.c.value)
        )
        with self._engine.connect() as db:
            return {str(value): int(count) for value, count in db.execute(statement)}

    @_mapped
    def values(self, facet: str) -> list[str]:
        """Which values of a facet there are, in order: what a form offers."""
        with self._engine.connect() as db:
            return list(
                db.execute(select(_word.c.value).where(_word.c.facet == facet).order_by(_word.c.value)).scalars()
            )

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


def _sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # SQLAlchemy begins itself; the driver would begin too late for a savepoint
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")


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


def _row(line: Line) -> dict[str, object]:
    plain = ("at", "epoch", "form", "kind", "agency", "sender", "recipient", "outcome", "subject")
    joined = {name: " ".join(getattr(line, name)) for name in ("rules", "types", "signers")}
    return {"idx": line.index, **{name: getattr(line, name) for name in plain}, **joined}


def _line(row: Any) -> Line:
    plain = ("at", "epoch", "form", "kind", "agency", "sender", "recipient", "outcome", "subject")
    split: dict[str, Any] = {name: tuple(row[name].split()) for name in ("rules", "types", "signers")}
    return Line(index=row["idx"], **{name: row[name] for name in plain}, **split)


def handles(lines: Iterable[Line]) -> set[str]:
    """Everybody whom these lines name."""
    return {h for line in lines for h in (line.agency, line.sender, line.recipient, *line.signers) if h}
