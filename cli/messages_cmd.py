"""Sending and receiving: send, release, outbox, inbox, inspect, contacts."""

import json
import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from adapters import consenting
from adapters.casefile import CaseFile, read_file, with_attachments
from adapters.client import AgencyClient, Sent, connect, offline
from adapters.home import clock, read_bundle, read_settings
from adapters.journal import NEW, QUEUED, Journal
from adapters.planning import Plan
from adapters.receiving import Opened
from audit.logdir import write_atomically
from cli import show
from cli.bars import carrying_bars
from cli.common import (
    DEPENDENCY,
    REFUSED,
    ContactOption,
    HomeOption,
    JsonOption,
    UrlOption,
    command,
    err,
    fail,
    only_contact,
    out,
    passphrase,
    run,
)
from cli.guard_cmd import guard_at_hand
from cli.unlock import own_passphrase
from messages import wire
from messages.attachment import FILE, of_value
from messages.directory import Contact
from messages.errors import BadInput
from messages.evidence import EvidenceType
from messages.ids import MessageId, message_from_text, message_text
from messages.labels import Purpose

inbox_app = typer.Typer(help="What arrived for one of our contacts.", no_args_is_help=True)


_ACTS = {
    "release": "release it with",
    "review": "nobody was known to search for, so a second contact has to read it",
    "break-glass": "a second contact has to agree that it is vital",
}


@command
def send(
    file: Annotated[Path, typer.Argument(help="A case file (see docs/case-files.md).")],
    to: Annotated[list[str], typer.Option("--to", help="Recipient as AGENCY/CONTACT; repeat for several.")],
    purpose: Annotated[str | None, typer.Option("--purpose", help="Purpose, if not the one in the file.")] = None,
    vital: Annotated[
        bool, typer.Option("--vital-interest", help="For a day, to one named person, once a second contact agrees.")
    ] = False,
    item: Annotated[
        list[str] | None, typer.Option("--item", help="With --vital-interest: what is needed, such as A02:DL.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show each recipient's exact view; send nothing.")] = False,
    attach: Annotated[
        list[str] | None,
        typer.Option("--attach", help="A file of up to 5 GB for the first object, or ID=FILE."),
    ] = None,
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a case file: each recipient gets exactly what the agreement, the law and the consent allow it."""
    with carrying_bars() as bars:
        case = read_file(file, bars)
        if attach:
            named = [_attached(text, {str(o["id"]) for o in case.objects}) for text in attach]
            case = with_attachments(case, named, bars)
    if purpose is not None:
        try:
            case = replace(case, purpose=Purpose(purpose))
        except ValueError:
            raise BadInput(f"There is no purpose {purpose[:40]!r}; known are {', '.join(Purpose)}.") from None
    if item and not vital:
        raise BadInput("--item goes with --vital-interest: else consents and agreements say what may go.")
    items = consenting.read_items(item or [])
    secret = passphrase(home)
    name = only_contact(home, contact)

    def with_vital(agency: AgencyClient) -> CaseFile:
        """The case, resting on a vital interest too where one is claimed."""
        if not vital:
            return case
        claimed = consenting.vital_interest(case, agency, to, items, clock())
        for held in claimed:
            agency.shelf.keep(held, clock())
        return replace(case, consents=(*case.consents, *(h.consent.id.hex() for h in claimed)))

    async def planned() -> None:
        async with offline(home, name, secret, ask=own_passphrase) as agency:
            made = agency.plan(with_vital(agency), to)
            directory = agency.home.bundle.directory
            if as_json:
                out.print_json(data=show.plan_json(directory, made))
            else:
                out.print(show.plan_view(directory, made, content=True))
            if not made.messages:
                raise typer.Exit(REFUSED)

    async def sending() -> None:
        async with connect(home, name, secret, url, or_offline=True, ask=own_passphrase) as agency:
            ready = with_vital(agency)
            with carrying_bars() as agency.progress:
                if any(m.guarded for m in agency.plan(ready, to).messages):
                    async with guard_at_hand(home, secret):
                        made, sent = await agency.send(ready, to)
                else:
                    made, sent = await agency.send(ready, to)
            report(agency, made, sent, home, as_json=as_json)

    run(planned() if plan else sending())


def report(agency: AgencyClient, made: Plan, sent: Sequence[Sent], home: Path, *, as_json: bool) -> None:
    """Say what became of each message; the exit code is that of the worst."""
    directory = agency.home.bundle.directory
    if as_json:
        refused = [show.recipient_json(directory, r, None) for r in made.refused]
        out.print_json(data={"sent": [show.sent_json(directory, s) for s in sent], "refused": refused})
    else:
        out.print(show.plan_view(directory, made, content=False))
        for one in sent:
            mark = "EXERCISE " if one.plan.header.exercise else ""
            out.print(f"{mark}message {message_text(one.message)}: {one.state}")
            if one.says:
                out.print(f"  {one.says}", style="red", markup=False)
            elif one.evidence:
                out.print(show.evidence_lines(directory, one.evidence, repeated=one.repeated))
            elif one.state == "held":
                for act in one.plan.needs():
                    more = " --ground GROUND" if act == "break-glass" else ""
                    hint = f"safeconduct {act} {message_text(one.message)} --home {home} --as CONTACT{more}"
                    out.print(f"  {_ACTS[act]}: {hint}", soft_wrap=True, markup=False)
            else:
                hint = f"safeconduct outbox --home {home} --as {agency.keys.contact.name} --flush"
                out.print(f"  no answer yet; it stays in the journal and goes with: {hint}", soft_wrap=True)
    if any(s.state == "refused" or _rejected(s) for s in sent):
        raise typer.Exit(REFUSED)
    if any(s.state == "waiting" for s in sent):
        fail(
            "What waits for the guard is in the journal and goes with: safeconduct outbox --flush",
            DEPENDENCY,
        )
    if any(s.state == QUEUED for s in sent):
        fail("The broker did not answer; what was not sent is safe in the journal.", DEPENDENCY)


def _attached(text: str, known: Collection[str]) -> tuple[Path, str]:
    """`ID=FILE`, where ID is an object of the case, or a file for its first object."""
    identifier, sign, file = text.partition("=")
    return (Path(file), identifier) if sign and identifier in known else (Path(text), "")


def _rejected(sent: Sent) -> bool:
    return sent.evidence is not None and sent.evidence.type is EvidenceType.SUBMISSION_REJECTION


@command
def release(
    message: Annotated[str, typer.Argument(help="The message's id, as send printed it.")],
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
) -> None:
    """Release a held message as a second contact with that duty, and hand it in."""
    identifier = message_from_text(message)
    secret = passphrase(home)
    name = only_contact(home, contact)

    async def main() -> None:
        async with connect(home, name, secret, url, ask=own_passphrase) as agency:
            sent = await agency.release(identifier, agency.keys)
            if sent is None or sent.evidence is None:
                if sent is not None and sent.state == "held":
                    out.print("released; it still waits for another second contact, see: safeconduct outbox")
                    return
                out.print("released; the broker did not answer yet, it goes with: safeconduct outbox --flush")
                return
            if sent.plan.header.exercise:
                out.print(show.banner())
            out.print(show.evidence_lines(agency.home.bundle.directory, sent.evidence, repeated=sent.repeated))
            if sent.evidence.type is EvidenceType.SUBMISSION_REJECTION:
                raise typer.Exit(REFUSED)

    run(main())


@command
def outbox(
    home: HomeOption = Path(),
    contact: ContactOption = "",
    flush: Annotated[bool, typer.Option("--flush", help="Hand in what is queued.")] = False,
    save: Annotated[str | None, typer.Option("--save", help="Write this message's sealed envelope to --into.")] = None,
    into: Annotated[Path, typer.Option("--into", help="The file that --save writes.")] = Path("message.cbor"),
    drop: Annotated[str | None, typer.Option("--drop", help="Take back a message that waits for the guard.")] = None,
    url: UrlOption = None,
) -> None:
    """What we sent, what waits for a release or for the guard, and what has not gone yet."""

    async def flushing() -> None:
        async with connect(home, only_contact(home, contact), passphrase(home), url, ask=own_passphrase) as agency:
            agency.home.trust.check_sendable(agency.home.bundle, clock())  # or the sentence that says why nothing goes
            with carrying_bars() as agency.progress:
                handed_in = await agency.flush()
            out.print(f"{handed_in} handed in")

    read_settings(home)
    if flush:
        run(flushing())
    journal = Journal(home / "journal.db")
    try:
        if save is not None:
            kept = journal.sent(message_from_text(save))
            if kept is None:
                raise BadInput("No message of that id was written here; see: safeconduct outbox")
            write_atomically(into, [kept.data])
            out.print(
                f"wrote {into}: sealed, so it tells its outside only; see: safeconduct inspect {into}", soft_wrap=True
            )
            return
        if drop is not None:
            if not journal.drop_unsealed(message_from_text(drop)):
                raise BadInput("No message of that id waits for the guard; see: safeconduct outbox")
            out.print("taken back; it will not be sent")
            return
        table = Table("message", "state", "written", "bytes")
        table.columns[0].no_wrap = True
        for item in journal.outgoing():
            mark = " EXERCISE" if wire.decode(item.data).manifest.exercise else ""
            written = show.moment(item.created)[:16]
            table.add_row(message_text(item.message), item.state + mark, written, str(len(item.data)))
        for one in journal.unsealed():
            state = "waiting" if one.reason is None else "not sent"
            table.add_row(message_text(MessageId(one.message)), state, show.moment(one.created)[:16], "")
        out.print(table)
        for one in journal.unsealed():
            if one.reason is not None:
                out.print(f"{message_text(MessageId(one.message))}: {one.reason}", markup=False, soft_wrap=True)
    finally:
        journal.close()


@inbox_app.command("list")
@command
def inbox_list(
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
    seconds: Annotated[float, typer.Option("--wait", help="How long to look for new ones, in seconds.")] = 2.0,
    as_json: JsonOption = False,
) -> None:
    """Fetch what waits for us and list it: kinds and times, no content."""
    name = only_contact(home, contact)
    secret = passphrase(home)

    async def main() -> None:
        async with connect(home, name, secret, url, or_offline=True, ask=own_passphrase) as agency:
            _say_offline(agency)
            await agency.collect(seconds)
            _list(agency, as_json=as_json)

    run(main())


def _say_offline(agency: AgencyClient) -> None:
    if not agency.online:
        err.print("safeconduct: the broker cannot be reached; this is what had arrived before.", style="yellow")


def _list(agency: AgencyClient, *, as_json: bool) -> None:
    directory = agency.home.bundle.directory
    rows = []
    for item in agency.journal.incoming(agency.keys.contact.handle):
        seen = agency.look(agency.find_view(item.view))
        taken = agency.journal.taken_back(item.view)
        state = item.state if seen.opened or item.state != NEW else "kept aside"
        state = taken.standing if taken is not None else state
        rows.append(
            {
                "view": item.view,
                "message": message_text(seen.opened.manifest.id) if seen.opened else None,
                "state": state,
                "from": directory.address(seen.opened.sender) if seen.opened else None,
                "kind": seen.opened.manifest.kind.value if seen.opened else None,
                "urgency": seen.opened.manifest.urgency.value if seen.opened else None,
                "due": show.due(seen),
                "exercise": seen.opened.manifest.exercise if seen.opened else None,
                "received": show.moment(item.received),
                "code": seen.code or item.code,
            }
        )
    if as_json:
        out.print_json(data=rows)
        return
    table = Table("view", "state", "from", "kind", "urgency", "received")
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.overflow = "fold"
    for row in rows:
        table.add_row(
            str(row["view"])[:12],
            str(row["state"]),
            str(row["from"] or "—"),
            str(row["kind"] or f"[{row['code']}]") + (" EXERCISE" if row["exercise"] else ""),
            str(row["urgency"] or ""),
            str(row["received"])[:16],
        )
    out.print(table if rows else "Nothing has arrived.")


@inbox_app.command("open")
@command
def inbox_open(
    view: Annotated[str, typer.Argument(help="The view's id, or how it begins.")],
    files: Annotated[
        Path | None, typer.Option("--files", help="Write attachments and evidence files into this folder.")
    ] = None,
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
    acknowledge: Annotated[
        bool, typer.Option("--acknowledge-conditions", help="You will keep the conditions in words (H3).")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Open a message: its signature, stamp and decision are checked first, and a retrieval is signed."""
    name = only_contact(home, contact)
    secret = passphrase(home)

    async def main() -> None:
        async with connect(home, name, secret, url, or_offline=True, ask=own_passphrase) as agency:
            _say_offline(agency)
            await agency.collect(0.5)
            found = agency.find_view(view)
            directory = agency.home.bundle.directory
            before = agency.look(found)
            if show.worded(before) and not acknowledge:
                if as_json:
                    out.print_json(data=show.received_json(directory, before))
                else:
                    out.print(Panel(Text(show.conditions(before) or "(none were granted)"), title="conditions"))
                fail(show.CONDITIONS, REFUSED)
            received = await agency.open(found)
            if as_json:
                out.print_json(data=show.received_json(directory, received, acknowledged=acknowledge))
            else:
                out.print(show.received_view(directory, received))
            if received.opened is None:
                raise typer.Exit(REFUSED)
            if files is not None:
                _make(files)
                await _fetch_files(agency, found, received.opened, files)  # first: this may break off, and goes on
                _write_files(received.opened, files)
            proof = await agency.prove(received.opened.stamp.leaf) if agency.online else None
            if not as_json:
                out.print(
                    f"in the log as leaf {proof.index} of {proof.size}, proof verified"
                    if proof
                    else f"not in the log yet; it must be by {show.moment(received.opened.stamp.include_by)}",
                    style="dim",
                )

    run(main())


def _write_files(opened: Opened, folder: Path) -> None:
    """Each attachment under the name of its section and its own, never over a file that is there."""
    for name in sorted(n for n, d in opened.details.items() if d.part == FILE and n not in opened.files):
        value = opened.sections[name]
        path = folder / f"{name}-{value['name']}"
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(of_value(value))
        except OSError as error:
            raise BadInput(f"The attachment cannot be written to {path} ({error.strerror}).") from None
        err.print(f"wrote {path}", soft_wrap=True, markup=False)


def _make(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


async def _fetch_files(agency: AgencyClient, view: str, opened: Opened, folder: Path) -> None:
    """Each evidence file under its own name; one that is there already is left alone. What breaks off goes on later."""
    for name, file in sorted(opened.files.items()):
        path = folder / f"evidence-{name.split('.')[1][:8]}-{file.name}"
        if path.exists():
            err.print(f"{path} is there already", soft_wrap=True, markup=False)
            continue
        with carrying_bars() as agency.progress:
            await agency.fetch_file(view, name, path)
        err.print(f"wrote {path}, its digest is the one that was signed", soft_wrap=True, markup=False)


@inbox_app.command("ack")
@command
def inbox_ack(
    view: Annotated[str, typer.Argument(help="The view's id, or how it begins.")],
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
) -> None:
    """Mark an opened message as handled: its sender gets your signed Acceptance, that people have taken it on."""
    name = only_contact(home, contact)
    secret = passphrase(home)

    async def main() -> None:
        async with connect(home, name, secret, url, or_offline=True, ask=own_passphrase) as agency:
            agency.done(agency.find_view(view))
            await agency.say()
            out.print("handled")

    run(main())


@command
def promises(home: HomeOption = Path(), contact: ContactOption = "", url: UrlOption = None) -> None:
    """Check that everything the broker promised to log is in the log, and that it shows others the same log as us; what
    does not hold is an alarm (exit 1).
    """
    name = only_contact(home, contact)
    secret = passphrase(home)

    async def main() -> None:
        async with connect(home, name, secret, url, ask=own_passphrase) as agency:
            broken = await agency.check_promises()
            waiting = len(agency.journal.open_promises()) - len(broken)
            head = agency.journal.head()
            out.print(f"log head verified: {head[0]} leaves" if head else "no log head seen yet")
            if waiting:
                out.print(f"{waiting} not in the log yet, and not due")
            if broken:
                fail(f"{len(broken)} promised leaves are not in the log; tell the security officers.", REFUSED)
            out.print("every due promise is kept")
            differ = await agency.check_heads()
            if differ:
                told = ", ".join(show.address(agency.home.bundle.directory, handle) for handle in differ)
                fail(f"Not the log that is shown to us, by the word of {told}; tell the security officers.", REFUSED)
            out.print("those who wrote to us, or opened what we sent, are shown the same log")
            final = await agency.check_witnessed()
            if final is not None:
                out.print(f"{final.witnesses} witnesses saw the log with {final.head.size} leaves")

    run(main())


@command
def contacts(home: HomeOption = Path(), as_json: JsonOption = False) -> None:
    """The designated contacts of the task force, with their mandates."""
    from adapters.home import clock
    from keys.fingerprints import fingerprint

    bundle = read_bundle(home)
    now = clock()
    rows: list[dict[str, Any]] = []
    for contact in sorted(bundle.directory.contacts, key=bundle.directory.address):
        last = max(contact.mandates, key=lambda m: m.end) if contact.mandates else None
        principal = bundle.directory.contact(last.deputy_for) if last and last.deputy_for else None
        rows.append(
            {
                "address": bundle.directory.address(contact),
                "title": contact.title,
                "class": bundle.directory.agency_of(contact).party_class.value,
                "keeping": contact.keeping.value,
                "mandate": _standing(contact, now),
                "deputy_for": principal.name if principal else None,
                "until": show.moment(last.end)[:10] if last else None,
                "types": sorted(last.types) if last else [],
                "duties": sorted(d.value for d in last.duties) if last else [],
                "exercise": bool(last and last.exercise),
                "fingerprint": fingerprint(contact.signing_key),
            }
        )
    if as_json:
        out.print_json(data=rows)
        return
    caption = f"trust bundle of epoch {bundle.epoch}, signed until {show.moment(bundle.officers_until)}"
    if bundle.expires < bundle.officers_until:
        caption += f"; without a refresh good until {show.moment(bundle.expires)}"
    table = Table("address", "class", "mandate", "types", caption=caption, caption_justify="left")
    table.columns[0].no_wrap = True
    for row in rows:
        until = "in force until" if row["mandate"] == "in force" else f"{row['mandate']};"
        drills = "; takes part in exercises" if row["exercise"] else ""
        table.add_row(
            str(row["address"]),
            str(row["class"]),
            f"{until} {row['until'] or '—'}{drills}",
            " ".join(map(str, row["types"])),
        )
    out.print(table)


def _standing(contact: Contact, now: int) -> str:
    """Whether a contact may act now, and why not."""
    if any(span.holds(now) for span in contact.suspended):
        return "suspended"
    if contact.mandate_at(now) is not None:
        return "in force"
    running = [m for m in contact.mandates if m.start <= now < m.end]
    if any(m.revoked is None for m in running):
        return "deputy, off duty"
    return "revoked" if running else "ended or not begun"


@command
def inspect(
    file: Annotated[Path, typer.Argument(help="An envelope, view, delivery, stamp or trust bundle.")],
    home: HomeOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """What a file is and what its outside says. Opens nothing that is sealed; checks no signature."""
    from cli.inspecting import describe

    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror}).") from None
    description = describe(data)
    if description is None:
        fail(f"{file} is nothing that Safeconduct writes.", 2)
    if as_json:
        out.print_json(data=description)
    else:
        out.print(json.dumps(description, indent=2, ensure_ascii=False))


__all__ = ["contacts", "inbox_app", "inspect", "outbox", "promises", "release", "send"]
