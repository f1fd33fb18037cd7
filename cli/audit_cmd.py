"""`safeconduct audit`: the log as files, and its records searched by people, who leave a record of that."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from audit.expiry import Expiry, Hold, expiries
from audit.expiry import holds as holds_of
from audit.record import RECORDS_EXPIRED, RECORDS_HELD, ActRecord, Record, TrustRecord, read_record
from broker import misuse
from broker.expiring import never, ranges
from broker.holds import MOST as MOST_HOLDS
from broker.holds import about, checked, entered, find, gathered, in_force
from broker.lookups import Deed, asked, look_up
from broker.misuse import Thresholds
from broker.naming import Names, as_csv, query_of
from broker.projecting import Projector, pairs
from broker.recordsdb import Query, RecordsDb, alike, opened
from broker.service import BrokerHome, clock, export_log, stores
from broker.worker import Worker
from bus.connection import Connection
from bus.queue import NatsBroker, NatsSequencer
from cli.ceremonies.work import moment, moment_text
from cli.common import BrokerOption, JsonOption, UrlOption, command, err, out, passphrase, run
from cli.enrol import officer_signer
from cli.unlock import own_passphrase
from keys.domains import Tag
from keys.signing import Signer
from messages.errors import BadInput
from messages.holds import RANGES, HoldGround, HoldStanding, HoldWord
from messages.ids import message_from_text
from messages.limits import DAY

audit_app = typer.Typer(help="The log of what was decided.", no_args_is_help=True)

OfficerOption = Annotated[
    Path | None,
    typer.Option("--officer", help="Your folder as an officer: the look-up is recorded as yours, else as the host's."),
]
MOST: Final = 100_000
"""Lines that one export has at most."""


def _warn(sentence: str) -> None:
    err.print(f"safeconduct: {sentence}", style="yellow", markup=False, soft_wrap=True)


def _running(home: Path, url: str | None) -> str | None:
    address = home / "run" / "address"
    return url or (address.read_text(encoding="utf-8").strip() if address.is_file() else None)


@audit_app.command("export")
@command
def audit_export(
    target: Annotated[Path, typer.Argument(help="Where to write the log.")], home: BrokerOption, url: UrlOption = None
) -> None:
    """Write the log as files that `python -m audit verify` checks without trusting the broker."""
    broker = BrokerHome.open(home, passphrase(home))

    async def main() -> int:
        async with stores(broker, _running(home, url)) as connection:
            return await export_log(broker, connection, target)

    size = run(main())
    out.print(f"wrote {size} leaves to {target}", soft_wrap=True)
    out.print(f"check them with: python -m audit verify {target}", soft_wrap=True)


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where somebody looks records up: the database, up to date, and the log that learns of it."""

    broker: BrokerHome
    connection: Connection
    db: RecordsDb
    who: str

    async def read(self, indices: list[int]) -> dict[int, Record | TrustRecord | ActRecord]:
        """The records of these leaves that are held, by index."""
        port = NatsSequencer(self.connection)
        try:
            found = await pairs(port, indices)
        finally:
            await port.close()
        return {i: read_record(pair[1]) for i, pair in zip(indices, found, strict=True) if pair is not None}

    async def acts(self, act: str) -> dict[int, Record | TrustRecord | ActRecord]:
        """All records of such acts."""
        return await self.read(sorted(line.index for line in self.db.each(Query(kind=act), MOST_HOLDS)))

    async def holds(self) -> tuple[list[Hold], list[Expiry]]:
        """What is or was held, and what has expired."""
        return holds_of(await self.acts(RECORDS_HELD)), expiries(await self.acts(RECORDS_EXPIRED))

    async def hold(self, signer: Signer, word: HoldWord) -> None:
        """Sign and store a word on records; raises the `RemoteError` that says why it does not count."""
        signed, world, now = signer.sign(Tag.RECORDS_HOLD, word.to_bytes()), self.broker.world(), clock()
        known, expired = await self.holds()
        made = entered(signed, checked(signed, self.db.next(), known, expired, world, now), world, now)
        port = await NatsBroker.open(self.connection)
        try:
            await Worker(port, world, clock).announce(made)
        finally:
            await port.close()

    async def record(self, deed: Deed, what: bytes) -> None:
        """Store that it was asked, before it is answered."""
        world, now = self.broker.world(), clock()
        port = await NatsBroker.open(self.connection)
        try:
            await Worker(port, world, clock).announce(
                [look_up(self.who, deed, what, world, now, secrets.token_bytes(16))]
            )
        finally:
            await port.close()


@asynccontextmanager
async def _desk(broker: BrokerHome, url: str | None, who: str, *, anew: bool = False) -> AsyncIterator[_Desk]:
    async with stores(broker, _running(broker.folder, url)) as connection:
        with opened(broker.records) as db:
            if anew:
                db.rebuild()
            port = NatsSequencer(connection)
            try:
                await Projector(db, port, lambda: broker.bundle.directory).catch_up()
            finally:
                await port.close()
            yield _Desk(broker, connection, db, who)


def _opened(home: Path, officer: Path | None) -> tuple[BrokerHome, str]:
    """The broker, and by whose word it is asked: an officer's who can open that key, or the host's own."""
    # The person's key first: it is asked for, while the broker's may lie in a file or a descriptor.
    signer = officer_signer(officer, own_passphrase("the officer's key")) if officer is not None else None
    broker = BrokerHome.open(home, passphrase(home))
    if signer is None:
        return broker, broker.worker.handle
    known = broker.bundle.directory.officer(signer.handle)
    if known is None or known.key != signer.public or not known.start <= clock() < known.end:
        raise BadInput("That is no key of an officer who is in office.")
    return broker, signer.handle


@audit_app.command("rebuild")
@command
def audit_rebuild(home: BrokerOption, url: UrlOption = None) -> None:
    """Fill the database of records anew from the log; the broker may go on meanwhile."""
    broker = BrokerHome.open(home, passphrase(home))

    async def main() -> int:
        async with _desk(broker, url, broker.worker.handle, anew=True) as desk:
            return desk.db.next()

    out.print(f"the database of records has {run(main())} leaves")


@audit_app.command("search")
@command
def audit_search(
    home: BrokerOption,
    start: Annotated[str | None, typer.Option("--from", help="From this day (UTC) or moment on.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Until the end of this day (UTC), or this moment.")] = None,
    party: Annotated[str, typer.Option("--agency", "--party", help="An agency, a contact, or who signed.")] = "",
    rule: Annotated[str, typer.Option(help="A rule's id, or another code that decided, such as SC-63.")] = "",
    outcome: Annotated[str, typer.Option(help="accepted, refused, permitted, retrieved; or that of an act.")] = "",
    data_type: Annotated[str, typer.Option("--type", help="A data type, such as A02.")] = "",
    kind: Annotated[str, typer.Option(help="A kind of message, a step of a ceremony, an act.")] = "",
    form: Annotated[str, typer.Option(help="submission, decision, retrieval, trust, act.")] = "",
    message: Annotated[str, typer.Option(help="A message's id.")] = "",
    most: Annotated[int, typer.Option("--most", min=1, max=MOST, help="Lines at most, the newest first.")] = 50,
    officer: OfficerOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
    to_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, safe to open in a spreadsheet.")] = False,
) -> None:
    """Search the records of the log. That you searched becomes a record; what for, only as a digest."""
    broker, who = _opened(home, officer)
    names = Names(broker.bundle)
    query = query_of(
        names,
        start=moment(start, 0) if start else None,
        end=moment(end, 0, last=True) if end else None,
        party=party,
        message=message,
        rule=rule,
        outcome=outcome,
        type=data_type,
        kind=kind,
        form=form,
    )

    async def main() -> tuple[list[dict[str, str]] | str, bool]:
        async with _desk(broker, url, who) as desk:
            await desk.record(Deed.EXPORTED if as_json or to_csv else Deed.SEARCHED, asked(query))
            lines, more = desk.db.newest(query, most)
            return as_csv(names, lines) if to_csv else [names.row(line) for line in lines], more

    found, more = run(main())
    if more:
        _warn(f"There are older records that are such; these are the {most:,} newest. Say --most, or a shorter time.")
    if isinstance(found, str):
        typer.echo(found, nl=False)
        return
    if as_json:
        out.print_json(data=found)
        return
    table = Table("leaf", "at", "what", "from", "to", "outcome", "rules")
    for row in found:
        what = " ".join(filter(None, (row["form"], row["kind"])))
        table.add_row(
            row["leaf"], row["at"], what, row["sender"] or row["agency"] or row["signers"], row["recipient"],
            row["outcome"], row["rules"],
        )  # fmt: skip
    out.print(table if found else "No record is such.")


@audit_app.command("signs")
@command
def audit_signs(
    home: BrokerOption,
    days: Annotated[int, typer.Option(min=1, max=366, help="Over the last so many days.")] = 7,
    refusals: Annotated[int, typer.Option(min=1, help="Refusals, from how many on.")] = Thresholds.refusals,
    probing: Annotated[int, typer.Option(min=1, help="Answers `not-deliverable`.")] = Thresholds.probing,
    fan_out: Annotated[int, typer.Option(min=1, help="Recipients of one contact.")] = Thresholds.fan_out,
    break_glass: Annotated[int, typer.Option(min=1, help="Broken glasses.")] = Thresholds.break_glass,
    look_ups: Annotated[int, typer.Option(min=1, help="Look-ups of one person.")] = Thresholds.look_ups,
    exports: Annotated[int, typer.Option(min=1, help="Exports of one person.")] = Thresholds.exports,
    officer: OfficerOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Signs of misuse: counts over records with their reasons. A reason to ask, and never a verdict."""
    broker, who = _opened(home, officer)
    names = Names(broker.bundle)
    query = Query(start=clock() - days * DAY)
    wanted = Thresholds(
        refusals=refusals,
        probing=probing,
        fan_out=fan_out,
        break_glass=break_glass,
        look_ups=look_ups,
        exports=exports,
    )

    async def main() -> tuple[list[dict[str, str | int]], bool]:
        async with _desk(broker, url, who) as desk:
            await desk.record(Deed.SEARCHED, asked(query, signs=days))
            counted, more = await asyncio.to_thread(desk.db.grouped, query, misuse.BY, misuse.COUNTED)
            told = misuse.signs(((alike(misuse.BY, values), count) for values, count in counted), wanted)
            rows: list[dict[str, str | int]] = [
                {
                    "sign": t.sign.value,
                    "party": names.of(t.party),
                    "count": t.count,
                    "from": t.threshold,
                    "says": t.says.format(party=names.of(t.party)),
                }
                for t in told
            ]
            return rows, more

    rows, more = run(main())
    if more:
        _warn(f"There are more records than are counted; these are counts over the {misuse.COUNTED:,} newest.")
    if as_json:
        out.print_json(data=rows)
        return
    table = Table("sign", "count", "told from", "")
    for row in rows:
        table.add_row(str(row["sign"]), str(row["count"]), str(row["from"]), str(row["says"]))
    out.print(table if rows else "No count reaches what is told.")


@audit_app.command("hold")
@command
def audit_hold(
    what: Annotated[str, typer.Argument(help="A message's id, or a leaf's number: all that is about the same.")],
    ground: Annotated[str, typer.Option("--ground", help=f"Why: {', '.join(HoldGround)}.")],
    until: Annotated[str, typer.Option("--until", help="Until the end of this day (UTC); within ten years.")],
    officer: Annotated[Path, typer.Option("--officer", help="The officer's folder, whose key signs.")],
    home: BrokerOption,
    url: UrlOption = None,
) -> None:
    """Hold the records of a message, for a court say: they do not expire before. Records alone: there is no content."""
    try:
        why = HoldGround(ground)
    except ValueError:
        raise BadInput(f"--ground is one of {', '.join(HoldGround)}.") from None
    ends = moment(until, 0, last=True)
    signer = officer_signer(officer, own_passphrase("the officer's key"))
    broker = BrokerHome.open(home, passphrase(home))

    async def main() -> int:
        async with _desk(broker, url, signer.handle) as desk:
            leaves = await _about_the_same(desk, what)
            found = ranges(leaves)
            if len(found) > RANGES:
                raise BadInput("More was done with that message than one hold can name; hold its leaves one by one.")
            word = HoldWord(standing=HoldStanding.HELD, ranges=tuple(found), ends=ends, ground=why, at=clock())
            await desk.hold(signer, word)
            return len(leaves)

    count = run(main())
    out.print(f"{count} records are held until {moment_text(ends)}; see: safeconduct audit holds", soft_wrap=True)


async def _about_the_same(desk: _Desk, what: str) -> list[int]:
    """The leaves whose records are about this message, or about the same as this leaf's."""
    if what.isdecimal():
        index = int(what)
        record = (await desk.read([index])).get(index)
        if record is None:
            raise BadInput(f"The record of leaf {index} is not there: it has expired, or the log has no such leaf.")
        if never(record):
            raise BadInput("A record about trust, or of an expiry, never expires; there is nothing to hold.")
        subject = about(record)
        if subject is None:
            return [index]
    else:
        subject = message_from_text(what)
    leaves = sorted(desk.db.indices(Query(subject=subject.hex()), MOST_HOLDS))
    if not leaves:
        raise BadInput("No record is about that message, or all of them have expired.")
    return leaves


@audit_app.command("release")
@command
def audit_release(
    hold: Annotated[str, typer.Argument(help="The hold's id, or how it begins.")],
    officer: Annotated[Path, typer.Option("--officer", help="The folder of another officer than the one who held.")],
    home: BrokerOption,
    url: UrlOption = None,
) -> None:
    """Release held records before their time, as another officer than the one who held them."""
    signer = officer_signer(officer, own_passphrase("the officer's key"))
    broker = BrokerHome.open(home, passphrase(home))

    async def main() -> str:
        async with _desk(broker, url, signer.handle) as desk:
            found = find(in_force((await desk.holds())[0], clock()), hold)
            spans = tuple(sorted((h.first, h.until) for h in found))
            released = HoldStanding.RELEASED
            word = HoldWord(standing=released, ranges=spans, ends=found[0].ends, ground=None, at=clock())
            await desk.hold(signer, word)
            return found[0].id

    out.print(f"hold {run(main())} is released; the log has it")


@audit_app.command("holds")
@command
def audit_holds(
    home: BrokerOption,
    everything: Annotated[bool, typer.Option("--all", help="Those that have ended or were released too.")] = False,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Records that officers hold back from expiry."""
    broker = BrokerHome.open(home, passphrase(home))

    async def main() -> list[Hold]:
        async with _desk(broker, url, broker.worker.handle) as desk:
            return (await desk.holds())[0]

    now, names = clock(), Names(broker.bundle)
    rows = []
    for of in gathered(run(main())):
        state = "in force" if in_force(of, now) else "released" if of[0].released else "ended"
        if everything or state == "in force":
            leaves = (str(h.first) if h.until == h.first + 1 else f"{h.first}-{h.until - 1}" for h in of)
            rows.append(
                {
                    "hold": of[0].id,
                    "until": moment_text(of[0].ends),
                    "ground": of[0].ground,
                    "officer": names.of(of[0].officer),
                    "leaves": ", ".join(leaves),
                    "state": state,
                }
            )
    if as_json:
        out.print_json(data=rows)
        return
    table = Table("hold", "until", "ground", "officer", "leaves", "state")
    for row in rows:
        table.add_row(*row.values())
    out.print(table if rows else "No record is held.")
