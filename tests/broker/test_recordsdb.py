"""The database of records says of any search just what the records say, on SQLite and on PostgreSQL."""

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from audit.record import act_record, expired_subject, trust_record
from broker.recordsdb import (
    MAX_PAGE,
    Line,
    Moved,
    Query,
    RecordsDb,
    RecordsDown,
    Tallies,
    alike,
    handles,
    line_of,
    marks_of,
    opened,
)
from messages.errors import BadInput
from messages.limits import HOUR
from tests.support.postgres import needs_postgresql, postgresql

A, B = "a" + "b" * 12, "a" + "c" * 12
DESK, OTHER, OFFICER, WORKER = "c" + "d" * 12, "c" + "e" * 12, "o" + "f" * 12, "w" + "g" * 12
T0 = 1_800_000_000_000
HOSTILE = ["' OR 1=1 --", '"; DROP TABLE record; --', "%", "_", "\\", "<script>", "\u202e", "é" * 80, "*", "[a-z]"]


def agency_of(handle: str) -> str | None:
    return {DESK: A, OTHER: B}.get(handle)


def line(index: int, **changes: Any) -> Line:
    fields: dict[str, Any] = {
        "index": index, "at": T0 + 1000 * index, "epoch": 1, "form": "decision", "kind": "INTEL-REPORT", "agency": A,
        "sender": DESK, "recipient": OTHER, "outcome": "permitted", "subject": f"{index:032x}",
        "rules": ("SC-01", "SC-02"), "types": ("A02",),
    }  # fmt: skip
    return Line(**(fields | changes))


def many(count: int) -> list[Line]:
    """Lines that differ in everything, and share moments, so that an order by time alone would not do."""
    chance = random.Random(7)
    made = []
    for index in range(count):
        made.append(
            line(
                index,
                at=T0 + 1000 * (index // 3),
                agency=chance.choice((A, B)),
                sender=chance.choice((DESK, OTHER, "")),
                recipient=chance.choice((DESK, OTHER, "")),
                form=chance.choice(("decision", "submission", "retrieval")),
                kind=chance.choice(("INTEL-REPORT", "RFI", "")),
                outcome=chance.choice(("permitted", "refused", "refused", "accepted")),
                rules=tuple(sorted(chance.sample(("SC-01", "SC-02", "SC-63", "R-29"), chance.randrange(3)))),
                types=tuple(sorted(chance.sample(("A01", "A02", "A24"), chance.randrange(3)))),
            )
        )
    return made


LINES = many(700)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgresql)])
def server_or_file(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    """A database of its own for a test, empty."""
    if request.param == "sqlite":
        yield tmp_path / "own.db"
        return
    url = request.getfixturevalue("server").removesuffix("/postgres")
    with create_engine(url.replace("postgresql:", "postgresql+pg8000:") + "/postgres").connect() as control:
        control = control.execution_options(isolation_level="AUTOCOMMIT")
        control.execute(text("drop database if exists own with (force)"))
        control.execute(text("create database own"))
    yield f"{url}/own"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=needs_postgresql)])
def db(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordsDb]:
    """700 leaves of which every tenth has expired, taken in batches."""
    sqlite = request.param == "sqlite"
    where = tmp_path_factory.mktemp("records") / "records.db" if sqlite else request.getfixturevalue("server")
    with opened(where) as made:
        for start in range(0, len(LINES), 100):
            made.take(start, start + 100, [x for x in LINES[start : start + 100] if x.index % 10], agency_of)
        yield made


def expected(query: Query) -> list[Line]:
    """What a search must find, by looking at every line."""

    def holds(x: Line) -> bool:
        marks = marks_of(x, agency_of)
        facets = ("party", "rule", "type", "kind", "outcome", "form")
        return (
            all((f, getattr(query, f)) in marks for f in facets if getattr(query, f))
            and (not query.subject or x.subject == query.subject)
            and query.sender in ("", x.agency, x.sender)
            and query.recipient in ("", x.recipient, agency_of(x.recipient))
            and (query.start is None or x.at >= query.start)
            and (query.end is None or x.at < query.end)
        )

    return sorted((x for x in LINES if x.index % 10 and holds(x)), key=lambda x: (-x.at, -x.index))


QUERIES = [
    Query(),
    Query(party=A),
    Query(party=DESK, rule="SC-63"),
    Query(rule="R-29", outcome="refused", type="A24"),
    Query(form="decision", kind="RFI", party=OTHER, outcome="permitted"),
    Query(start=T0 + 50_000, end=T0 + 100_000),
    Query(start=T0 + 50_000, end=T0 + 100_000, party=B, rule="SC-01"),
    Query(subject=f"{123:032x}"),
    Query(party=OFFICER),
    Query(outcome="refused", start=T0 + 200_000),
    Query(sender=A),
    Query(recipient=A, outcome="permitted"),
    Query(sender=A, recipient=OTHER, kind="RFI"),
    Query(sender=B, recipient=B, party=DESK, rule="SC-01"),
    Query(rule="no-such"),
    Query(start=T0 + 10**9),
]


@pytest.mark.parametrize("query", QUERIES, ids=repr)
def test_a_search_finds_what_looking_at_every_record_finds_page_by_page(db: RecordsDb, query: Query) -> None:
    found: list[Line] = []
    after = None
    while True:
        page = db.search(query, after=after, size=23)
        assert len(page.lines) <= 23
        found += page.lines
        after = page.older
        if after is None:
            break
        assert len(page.lines) == 23
    assert found == expected(query)
    assert list(db.each(query, 31)) == expected(query)[:31]
    assert list(db.each(query, 10_000)) == expected(query)
    whole = expected(query)
    for most in (len(whole) - 1, len(whole), len(whole) + 1):
        assert most < 0 or db.newest(query, most) == (whole[:most], most < len(whole))


@pytest.mark.parametrize("query", QUERIES, ids=repr)
def test_a_search_that_looks_through_a_stretch_at_a_time_finds_the_same(
    db: RecordsDb, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.recordsdb.STRETCH", 17)
    found: list[Line] = []
    after, pages = None, 0
    while True:
        page = db.search(query, after=after, size=23)
        found, after, pages = found + list(page.lines), page.older, pages + 1
        if after is None:
            break
        assert pages < 100
    assert found == expected(query)


@pytest.mark.parametrize(
    "query", [Query(), Query(outcome="refused"), Query(form="decision", start=T0 + 50_000)], ids=repr
)
def test_leaves_are_counted_together_as_looking_at_each_counts_them(db: RecordsDb, query: Query) -> None:
    every = expected(query)
    for most in (40, len(every), 10_000):
        counted, more = db.grouped(query, ("agency", "outcome", "rules"), most)
        found = Counter({alike(("agency", "outcome", "rules"), values): n for values, n in counted})
        empty = {"index": -1, "at": 0, "epoch": 0, "form": "", "kind": "", "sender": "", "recipient": "", "subject": "",
                 "types": (), "signers": ()}  # fmt: skip
        assert found == Counter(replace(x, **empty) for x in every[:most])
        assert more == (most < len(every))
    assert db.grouped(Query(rule="no-such"), ("agency",), 10) == ([], False)
    with pytest.raises(BadInput):
        db.grouped(Query(rule="SC-01", outcome="refused"), ("agency",), 10)


def test_the_newest_with_each_of_several_marks_are_those_that_each_search_finds(db: RecordsDb) -> None:
    asked = (("rule", "SC-63"), ("kind", "RFI"), ("rule", "x"), ("party", DESK))
    queries = {(facet, value): Query(**{facet: value}) for facet, value in asked}
    for most in (1, 40, 700):
        found = {mark: expected(query)[:most] for mark, query in queries.items()}
        assert db.latest_lines(dict.fromkeys(queries, most)) == found
        assert db.latest(dict.fromkeys(queries, most)) == {m: [x.index for x in lines] for m, lines in found.items()}
    several = {("rule", "SC-63"): 1, ("kind", "RFI"): 3}
    assert {mark: len(lines) for mark, lines in db.latest(several).items()} == several
    assert db.latest({}) == {} and db.latest({("kind", "none"): 5}) == {("kind", "none"): []}


def test_the_oldest_come_in_the_order_of_the_log_until_one_is_too_young(db: RecordsDb) -> None:
    held = [x for x in LINES if x.index % 10]
    assert db.oldest(-1, T0 + 10**9, 50) == held[:50]
    assert db.oldest(held[49].index, T0 + 10**9, 50) == held[50:100]
    assert db.oldest(-1, held[30].at, 500) == [x for x in held if x.at < held[30].at]
    assert db.oldest(-1, T0, 50) == []


def test_a_leaf_that_says_that_records_expired_takes_their_lines_away(server_or_file: Path | str) -> None:
    said = line(60, form="act", kind="records-expired", subject=expired_subject(10, 50, 400).hex(), signers=(WORKER,))
    beyond = line(61, form="act", kind="records-expired", subject=expired_subject(55, 500, 400).hex())
    with opened(server_or_file) as db:
        db.rebuild()
        db.take(0, 60, LINES[:60], agency_of)
        db.take(60, 61, [said], agency_of)
        kept = [x for x in LINES[:60] if not 10 <= x.index < 50]
        assert sorted(db.each(Query(), 500), key=lambda x: x.index) == [*kept, said]
        for query in QUERIES:
            assert not any(10 <= x.index < 50 for x in db.each(query, 500))
        db.take(61, 63, [beyond, line(62)], agency_of)
        assert {x.index for x in db.each(Query(), 500)} == {*range(10), *range(50, 55), 61, 62}


def test_the_queries_tried_find_something_and_not_everything() -> None:
    assert sum(0 < len(expected(q)) < 630 for q in QUERIES) >= 8


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_a_value_that_nothing_has(db: RecordsDb, text: str) -> None:
    for facet in ("party", "rule", "type", "kind", "outcome", "form", "subject"):
        assert db.search(Query(**{facet: text[:80]})).lines == ()
    assert len(db.search(Query()).lines) == 50, "and nothing was lost by it"


@pytest.mark.parametrize(
    "after", ["", "1", "-", "1-", "-1", "1-x", "x-1", "1-1-1", "9" * 39, "²-1", f"{2**63}-1", "1 -1"]
)
def test_only_our_own_page_ends_are_taken(db: RecordsDb, after: str) -> None:
    with pytest.raises(BadInput):
        db.search(Query(), after=after)


def test_what_is_too_long_for_any_value_or_holds_a_zero_byte_is_refused() -> None:
    for bad in ("x" * 81, "a\0b"):
        with pytest.raises(BadInput):
            Query(rule=bad)
    for moment in (-1, 2**53):
        with pytest.raises(BadInput):
            Query(start=moment)


def test_a_page_has_a_bound_whatever_is_asked_for(db: RecordsDb) -> None:
    assert len(db.search(Query(), size=10**9).lines) == MAX_PAGE
    assert len(db.search(Query(), size=0).lines) == 1


def tallies(lines: list[Line], start: int, end: int) -> Tallies:
    """What the hours of a span must count, by looking at every line."""
    within = [x for x in lines if start // HOUR <= x.at // HOUR <= end // HOUR]
    decisions = [x for x in within if x.form == "decision"]
    return Tallies(
        Counter((x.agency, agency_of(x.recipient) or x.recipient, x.outcome) for x in decisions),
        Counter((x.form, x.outcome, x.at // HOUR) for x in within),
        Counter((rule, x.outcome, x.at // HOUR) for x in within for rule in x.rules),
    )


def slow(lines: list[Line]) -> list[Line]:
    """The same ones, spread over the hours."""
    return [replace(x, at=T0 + x.index * HOUR // 7) for x in lines]


def test_hours_count_what_looking_at_each_of_their_records_counts(server_or_file: Path | str) -> None:
    spread = slow(LINES[:300])
    with opened(server_or_file) as db:
        for first in range(0, 300, 60):
            db.take(first, first + 60, spread[first : first + 60], agency_of)
        for start, end in ((T0, T0), (T0 + 3 * HOUR, T0 + 20 * HOUR + 1), (0, 2 * T0), (T0 + 40 * HOUR, T0)):
            assert db.tallied(start, end) == tallies(spread, start, end)
        said = line(300, form="act", kind="records-expired", subject=expired_subject(20, 250, 400).hex())
        db.take(300, 301, [replace(said, outcome="", rules=())], lambda _: None)  # contacts may be gone by then
        left = [*spread[:20], *spread[250:]]
        assert db.tallied(0, 2 * T0) == tallies(left, 0, 2 * T0), "and what expired is counted no more"
        db.rebuild()
        assert db.tallied(0, 2 * T0) == Tallies({}, {}, {})


def test_values_are_those_of_the_records(db: RecordsDb) -> None:
    assert db.values("type", "none") == {"type": ["A01", "A02", "A24"], "none": []}


def test_a_leaf_is_taken_once_and_none_is_left_out(db: RecordsDb) -> None:
    place = db.next()
    for first in (place - 100, place + 1):
        with pytest.raises(Moved):
            db.take(first, first + 1, [line(first)], agency_of)
    assert db.next() == place
    assert db.search(Query(subject=f"{place + 1:032x}")).lines == ()


def test_what_a_transaction_did_not_finish_is_not_remembered(db: RecordsDb) -> None:
    place = db.next()
    twice = [line(place, rules=("NEW-1",)), line(place, rules=("NEW-2",))]
    with pytest.raises(RecordsDown):
        db.take(place, place + 1, twice, agency_of)
    assert db.next() == place
    db.take(place, place + 1, [line(place, rules=("NEW-2",))], agency_of)
    assert [x.index for x in db.search(Query(rule="NEW-2")).lines] == [place]
    assert db.search(Query(rule="NEW-1")).lines == ()


def test_a_rebuilt_database_begins_with_the_first_leaf(tmp_path: Path) -> None:
    with opened(tmp_path / "records.db") as db:
        db.take(0, 2, [line(0), line(1)], agency_of)
        db.rebuild()
        assert (db.next(), db.search(Query()).lines) == (0, ())
        db.take(0, 1, [line(0)], agency_of)
    with opened(tmp_path / "records.db") as db:
        assert (db.next(), len(db.search(Query()).lines)) == (1, 1), "and what is there stays when it is opened again"


def test_a_database_that_is_rebuilt_beside_a_host_that_goes_on_finds_what_the_records_say(tmp_path: Path) -> None:
    lines = [line(0, outcome="permitted", rules=("SC-01",))]
    lines += [line(n, outcome="refused", rules=("SC-63",)) for n in (1, 2)]
    with opened(tmp_path / "records.db") as host:
        for one in lines[:2]:
            host.take(one.index, one.index + 1, [one], agency_of)
        with opened(tmp_path / "records.db") as rebuilding:
            rebuilding.rebuild()
            rebuilding.take(0, 2, lines[:2], agency_of)
        host.take(2, 3, lines[2:], agency_of)
        for outcome, rule, found in (("refused", "SC-63", [2, 1]), ("permitted", "SC-01", [0])):
            assert [x.index for x in host.search(Query(outcome=outcome)).lines] == found
            assert [x.index for x in host.search(Query(rule=rule)).lines] == found
        assert host.tallied(T0, T0) == tallies(lines, T0, T0)


def test_tables_of_another_version_are_made_anew_and_not_only_emptied(tmp_path: Path) -> None:
    with opened(tmp_path / "records.db") as db:
        db.take(0, 1, [line(0)], agency_of)
    engine = create_engine(f"sqlite:///{tmp_path / 'records.db'}")
    with engine.begin() as raw:
        raw.exec_driver_sql("UPDATE place SET version = 0")
        raw.exec_driver_sql("DROP TABLE record")
        raw.exec_driver_sql("CREATE TABLE record (idx INTEGER PRIMARY KEY, old TEXT)")
    engine.dispose()
    with opened(tmp_path / "records.db") as db:
        assert db.next() == 0
        db.take(0, 1, [line(0)], agency_of)
        assert db.search(Query(rule="SC-01")).lines == (line(0),)


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=needs_postgresql)])
def test_hosts_that_open_a_new_database_at_the_same_time_all_find_it(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    where: Path | str = tmp_path / "records.db"
    if kind == "postgresql":
        server = request.getfixturevalue("server")
        engine = create_engine(server.replace("postgresql:", "postgresql+pg8000:"), isolation_level="AUTOCOMMIT")
        with engine.connect() as db:
            db.exec_driver_sql("CREATE DATABASE fresh")
        engine.dispose()
        where = server.removesuffix("postgres") + "fresh"

    def open_and_take(number: int) -> int:
        with opened(where) as db:
            for _ in range(20):
                first = db.next()
                with suppress(Moved):
                    db.take(first, first + 1, [line(first)], agency_of)
            return number

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(open_and_take, range(8))) == list(range(8))
    with opened(where) as db:
        lines = db.search(Query(), size=500).lines
        assert len(lines) == db.next() >= 20 and len({x.index for x in lines}) == len(lines)


def test_a_database_that_is_none_or_is_away_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "records.db").write_bytes(b"not a database" * 100)
    with pytest.raises(RecordsDown), opened(tmp_path / "records.db"):
        pass
    with pytest.raises(RecordsDown) as raised, opened("postgresql://u:geheim@127.0.0.1:1/x"):
        pass
    assert "geheim" not in str(raised.value)
    assert raised.value.__cause__ is None
    for url in ("mysql://u:geheim@h/x", "geheim", "sqlite:///geheim"):
        with pytest.raises(BadInput) as refused:
            RecordsDb.open(url)
        assert "geheim" not in str(refused.value)


def test_every_form_of_record_has_its_line() -> None:
    trust = line_of(
        3, trust_record(at=5, epoch=2, by=WORKER, step="revoke", digest=bytes(32), signers=(OFFICER,), subject=DESK)
    )
    assert (trust.form, trust.kind, trust.subject, trust.signers) == ("trust", "revoke", DESK, (OFFICER,))
    assert {("party", DESK), ("party", A), ("party", OFFICER), ("kind", "revoke")} <= marks_of(trust, agency_of)
    act = act_record(
        at=5, epoch=2, by=WORKER, act="review-closed", subject=b"\x07" * 16, outcome="justified", digest=bytes(32),
        signer=OFFICER, recipient=OTHER, view=bytes(32),
    )  # fmt: skip
    told = line_of(4, act)
    assert (told.form, told.kind, told.outcome, told.subject) == ("act", "review-closed", "justified", "07" * 16)
    assert {("party", OTHER), ("party", B), ("outcome", "justified")} <= marks_of(told, agency_of)
    assert handles([trust, told]) == {OFFICER, OTHER}
    assert not any(value == "" for _, value in marks_of(replace(trust, kind="", outcome=""), agency_of))
