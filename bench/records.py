"""How soon the console answers over a database of a million records, on SQLite and on PostgreSQL.

The records are made up, and plausible: thirty agencies with four contacts each over ninety days; a message is a
submission, one decision or two and what came of them; some are refused, a few break the glass and are reviewed,
auditors look records up. They are filled in through `RecordsDb.take`, as the projector does it. Each screen is asked
what the console's own routes ask of `broker.console.reading`, many times over with other values; what a screen asks of
the bus (a head, the record behind a line) is no part of it, for that does not grow with the records.
"""

import asyncio
import hashlib
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import quantiles
from typing import Any, Final, cast
from zlib import crc32

from audit.record import CONSENT_WITHDRAWN, LEAK_RELEASED, LEAK_SUSPECTED, LOOKED_UP, REVIEW_CLOSED
from bench.figures import Figure, Target, number
from broker.console.reading import Reading
from broker.recordsdb import FACETS, Line, Query, RecordsDb, opened
from broker.service import BrokerHome
from broker.tasks import VITAL, leaves
from bus.connection import Connection
from messages.labels import Kind
from messages.limits import DAY, HOUR

AT_ONCE: Final = 5_000
DAYS: Final = 90
NOW: Final = 1_800_000_000_000
SOON: Final = 100.0
"""Milliseconds within which 95 of 100 answers are there."""

LOOPBACK: Final = "127.0.0.1"

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
_RULES: Final = tuple(f"SC-{n:02}" for n in range(1, 60))
_TYPES: Final = tuple(f"A{n:02}" for n in range(1, 29))
_TOGETHER: Final = tuple(_RULES[n : n + 3] for n in range(57))  # rules that permit together
_PROBED: Final = "R-29"


def _handle(letter: str, number: int) -> str:
    digest = hashlib.sha256(f"{letter}{number}".encode()).digest()
    return letter + "".join(_LETTERS[b % 32] for b in digest[:12])


AGENCIES: Final = tuple(_handle("a", n) for n in range(30))
CONTACTS: Final = tuple(_handle("c", n) for n in range(120))
OFFICERS: Final = tuple(_handle("o", n) for n in range(5))
_AGENCY: Final = {contact: AGENCIES[n // 4] for n, contact in enumerate(CONTACTS)}


def agency_of(handle: str) -> str | None:
    """The agency of a contact."""
    return _AGENCY.get(handle)


def lines(count: int, seed: int = 7) -> Iterator[Line]:
    """So many leaves in the order of their time, the same ones every time."""
    chance = random.Random(seed)
    kinds = [kind.value for kind in Kind]
    start, step = NOW - DAYS * DAY, DAYS * DAY / count

    def endless() -> Iterator[dict[str, Any]]:
        while True:
            subject = chance.randbytes(16).hex()
            if chance.random() < 0.06:  # an auditor looks, or something is told of a message
                act = chance.choices((LOOKED_UP, CONSENT_WITHDRAWN, LEAK_SUSPECTED, LEAK_RELEASED), (60, 3, 0.4, 0.2))[
                    0
                ]
                who = chance.choice(OFFICERS if act == LOOKED_UP else CONTACTS)
                said = chance.choice(("searched", "viewed", "viewed", "exported")) if act == LOOKED_UP else "taken"
                yield {"form": "act", "kind": act, "subject": subject, "outcome": said, "signers": (who,)}
                continue
            sender = CONTACTS[min(int(chance.expovariate(0.05)), 119)]  # a few send most
            kind, types = chance.choice(kinds), tuple(sorted(chance.sample(_TYPES, chance.randint(1, 3))))
            same = {"kind": kind, "agency": _AGENCY[sender], "sender": sender, "subject": subject, "types": types}
            if chance.random() < 0.02:
                yield {**same, "form": "submission", "outcome": "refused", "rules": ("stale",)}
                continue
            yield {**same, "form": "submission", "outcome": "accepted"}
            for recipient in chance.sample(CONTACTS, chance.choice((1, 1, 1, 2))):
                judged = {**same, "form": "decision", "recipient": recipient}
                refused, fate = chance.random() < 0.05, chance.random()
                rules = (
                    (_PROBED,)
                    if refused and fate < 0.05
                    else _TOGETHER[crc32(f"{kind}{types}".encode()) % len(_TOGETHER)]
                )
                if refused:
                    yield {**judged, "outcome": "refused", "rules": rules}
                    continue
                if fate < 0.001:
                    yield {**judged, "outcome": "permitted", "rules": (VITAL,)}
                    if fate < 0.0009:
                        officer = (chance.choice(OFFICERS),)
                        yield {"form": "act", "kind": REVIEW_CLOSED, "subject": subject, "recipient": recipient,
                               "outcome": "justified", "signers": officer}  # fmt: skip
                    continue
                yield {**judged, "outcome": "permitted", "rules": rules}
                yield {**judged, "form": "retrieval", "outcome": "retrieved", "types": ()}

    empty = {"epoch": 1, "kind": "", "agency": "", "sender": "", "recipient": ""}
    for index, made in enumerate(islice(endless(), count)):
        yield Line(index=index, at=int(start + index * step), **(empty | made))


def fill(db: RecordsDb, count: int, step: Callable[[str], None] = lambda _: None) -> float:
    """Take so many leaves; seconds."""
    start, source = time.perf_counter(), lines(count)
    for first in range(0, count, AT_ONCE):
        batch = list(islice(source, AT_ONCE))
        db.take(first, first + len(batch), batch, agency_of)
        if first % 100_000 == 0:
            step(f"{first:,} of {count:,} records")
    return time.perf_counter() - start


@dataclass
class Taken:
    """Milliseconds of the answers of one screen."""

    screen: str
    times: list[float] = field(default_factory=list)

    def percentile(self, which: int) -> float:
        """Of 100: the 50th, 95th or 99th."""
        return quantiles(self.times, n=100, method="inclusive")[which - 1]


def screens(reading: Reading, count: int) -> dict[str, Callable[[random.Random], object]]:
    """What each screen asks, with values of its own each time."""
    db = reading.db
    step = DAYS * DAY / count

    def decisions(query: Query, after: str | None = None) -> object:
        db.values(*(facet for facet in FACETS if facet != "party"))
        return db.search(query, after=after)

    def deep(chance: random.Random) -> str:
        index = chance.randrange(count)
        return f"{int(NOW - DAYS * DAY + index * step)}-{index}"

    def span(chance: random.Random) -> dict[str, int]:
        start = NOW - chance.randrange(DAYS) * DAY
        return {"start": start, "end": start + chance.choice((1, 7, 30)) * DAY}

    def subject(chance: random.Random) -> str:
        found = db.search(Query(form="submission"), after=deep(chance), size=1).lines
        return found[0].subject if found else "0" * 32

    subjects = [subject(random.Random(n)) for n in range(50)]
    kinds = [kind.value for kind in Kind]
    return {
        "overview": lambda c: (reading.counted(NOW - c.randrange(7) * HOUR), leaves(db)),
        "decisions, the newest": lambda c: decisions(Query(form="decision")),
        "decisions, a page deep in": lambda c: decisions(Query(form="decision"), deep(c)),
        "all records, a page deep in": lambda c: decisions(Query(), deep(c)),
        "by days": lambda c: decisions(Query(**span(c))),
        "by agency": lambda c: decisions(Query(party=c.choice(AGENCIES)), deep(c)),
        "by contact": lambda c: decisions(Query(party=c.choice(CONTACTS)), deep(c)),
        "by rule": lambda c: decisions(Query(rule=c.choice((*_RULES, VITAL, _PROBED))), deep(c)),
        "by data type": lambda c: decisions(Query(type=c.choice(_TYPES)), deep(c)),
        "by kind": lambda c: decisions(Query(kind=c.choice(kinds)), deep(c)),
        "by outcome": lambda c: decisions(Query(outcome=c.choice(("permitted", "refused", "exported"))), deep(c)),
        "by form": lambda c: decisions(Query(form=c.choice(("submission", "retrieval", "act", "trust"))), deep(c)),
        "by message": lambda c: decisions(Query(subject=c.choice(subjects))),
        "by agency, rule and outcome": lambda c: decisions(
            Query(party=c.choice(AGENCIES), rule=c.choice(_RULES), outcome=c.choice(("permitted", "refused")))
        ),
        "by sender and recipient": lambda c: decisions(
            Query(form="decision", sender=c.choice(AGENCIES), recipient=c.choice(AGENCIES))
        ),
        "by contact, type and days": lambda c: decisions(
            Query(party=c.choice(CONTACTS), type=c.choice(_TYPES), **span(c))
        ),
        "two frequent conditions that never meet": lambda c: decisions(
            Query(form="submission", outcome=c.choice(("permitted", "retrieved")))
        ),
        "matrix and a cell of it": lambda _: reading.matrix(),
        "record": lambda c: db.search(Query(subject=c.choice(subjects)), size=200),
        "tasks and leaks": lambda c: (
            leaves(db),
            reading.leak_lines(),
            reading.owed_leaves(),
        ),
    }


def ask(reading: Reading, count: int, times: int) -> list[Taken]:
    """Ask every screen so many times, in turns: no screen has the others' pages in memory to itself."""
    asked = screens(reading, count)
    taken = {name: Taken(name) for name in asked}
    chance = random.Random(11)
    for _ in range(times):
        for name, screen in asked.items():
            start = time.perf_counter()
            screen(chance)
            taken[name].times.append((time.perf_counter() - start) * 1000)
    return list(taken.values())


@contextmanager
def postgresql() -> Iterator[str | None]:
    """The URL of an empty PostgreSQL as a distribution sets it up, on its own socket; None where there is none here.

    It does not run as root: then as the user that Debian's package made.
    """
    found = [
        *sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")),
        *map(Path, filter(None, [shutil.which("initdb")])),
    ]
    if not found:
        yield None
        return
    programs, user = found[-1].parent, "postgres" if os.geteuid() == 0 else None
    with socket.create_server((LOOPBACK, 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="safeconduct-bench-pg-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        if user is not None:
            shutil.chown(folder, user)

        def said(*words: str | Path) -> None:
            subprocess.run(words, check=True, capture_output=True, user=user, cwd=folder)

        data = folder / "data"
        said(programs / "initdb", "-D", data, "-U", "safeconduct", "-A", "trust", "-E", "UTF8", "--no-sync")
        control = (programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log")
        said(*control, "-o", f"-p {port} -h {LOOPBACK} -k {folder}", "start")
        try:
            yield f"postgresql://safeconduct@{LOOPBACK}:{port}/postgres"
        finally:
            said(*control, "-m", "immediate", "stop")


def figures(home: BrokerHome, folder: Path, sizes: Mapping[str, int], step: Callable[[str], None]) -> list[Figure]:
    """Fill and ask both databases; only SQLite where PostgreSQL is not installed."""
    folder.mkdir(parents=True, exist_ok=True)
    made: list[Figure] = []
    with postgresql() as url:
        for name, where in (("SQLite", folder / "records.db"), ("PostgreSQL", url)):
            if where is not None:
                with opened(where) as db:
                    made += _of_one(home, name, db, sizes, step)
    return made


def _of_one(
    home: BrokerHome, name: str, db: RecordsDb, sizes: Mapping[str, int], step: Callable[[str], None]
) -> list[Figure]:
    count, key = sizes["count"], name.lower()
    seconds = fill(db, count, lambda what: step(f"{name}: {what}"))
    step(f"{name}: asking every screen")
    reading = Reading(home, cast("Connection", None), db, lambda: NOW)  # nothing that is asked here goes to the bus
    try:
        taken = ask(reading, count, sizes["times"])
        start = time.perf_counter()
        reading.count_signs()
        signs = time.perf_counter() - start
    finally:
        asyncio.run(reading.close())
    made = [
        Figure(f"records-{key}-fill", f"{name}: {count:,} records taken", count / seconds, "records/s"),
        Figure(f"records-{key}-signs", f"{name}: signs of misuse counted, in the background", signs * 1000, "ms"),
    ]
    for one in taken:
        word = one.screen.replace(",", "").replace(" ", "-")
        rest = f"p50 {number(one.percentile(50))}, p99 {number(one.percentile(99))}"
        made.append(
            Figure(
                f"records-{key}-{word}",
                f"{name}: {one.screen}, p95",
                one.percentile(95),
                "ms",
                Target("<=", SOON),
                rest,
            )
        )
    return made
