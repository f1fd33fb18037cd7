"""`safeconduct consent`, `erasure`, `review`, `break-glass`: what people do about consents and vital interests."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table

from adapters import consenting
from adapters.client import AgencyClient, Sent, connect, offline
from adapters.consents import Held, decode
from adapters.home import clock
from adapters.journal import ERASED
from adapters.seconding import Reading
from audit.logdir import write_atomically
from cli import show
from cli.common import (
    REFUSED,
    ContactOption,
    HomeOption,
    JsonOption,
    UrlOption,
    command,
    only_contact,
    out,
    passphrase,
    run,
)
from cli.enrol import officer_signer
from cli.unlock import own_passphrase
from keys.domains import Tag
from messages.directory import Directory
from messages.errors import BadInput
from messages.evidence import EvidenceType
from messages.ids import message_from_text, message_text
from messages.labels import Ground
from messages.withdrawals import KeepGround
from policies.consent import purposes_of
from policies.sentences import says

consent_app = typer.Typer(help="Consents: take down, countersign, pass on, withdraw.", no_args_is_help=True)
erasure_app = typer.Typer(help="Copies whose consent was withdrawn: erase, or say why not.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(help="The consent's id, or how it begins.")]


@consent_app.command("new")
@command
def consent_new(
    file: Annotated[Path | None, typer.Argument(help="A consent as JSON (docs/consent.md), or none.")] = None,
    about: Annotated[str | None, typer.Option("--about", help="The person's name in our register: V-….")] = None,
    to: Annotated[str | None, typer.Option("--to", help="The agency that may get the items.")] = None,
    to_class: Annotated[str | None, typer.Option("--to-class", help="Or a class of agencies, such as NGO-S.")] = None,
    purpose: Annotated[list[str] | None, typer.Option("--purpose", help="services, tracing, …; repeat.")] = None,
    item: Annotated[list[str] | None, typer.Option("--item", help="Type and flags, such as A24:DL; repeat.")] = None,
    form: Annotated[str | None, typer.Option("--form", help="written, verbal-witnessed or thumbprint.")] = None,
    language: Annotated[str | None, typer.Option("--language", help="In which it was explained.")] = None,
    interpreter: Annotated[bool, typer.Option("--interpreter", help="An interpreter helped.")] = False,
    given: Annotated[str | None, typer.Option("--given", help="When; now without it.")] = None,
    expires: Annotated[str | None, typer.Option("--expires", help="Until when, within a year.")] = None,
    paper: Annotated[Path | None, typer.Option("--paper", help="The signed paper's scan; it stays here.")] = None,
    witness: Annotated[str | None, typer.Option("--witness", help="Who heard it; stays here.")] = None,
    route: Annotated[str | None, typer.Option("--route", help="consent, child, anonymous.")] = None,
    ground: Annotated[
        str | None, typer.Option("--ground", help="For a child: best-interests, guardian-agreed.")
    ] = None,
    home: HomeOption = Path(),
    contact: ContactOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take a person's consent down and sign its terms. Neither name nor paper leaves this folder."""
    value = consenting.read_file(file) if file is not None else {}
    typed: dict[str, Any] = {
        "about": about, "recipient": to, "class": to_class, "purposes": purpose, "form": form, "language": language,
        "given": given, "expires": expires, "paper": str(paper.absolute()) if paper else None, "witness": witness,
        "route": route, "ground": ground, "interpreter": interpreter or None,
        "items": {t: "".join(f) for t, f in consenting.read_items(item).items()} if item else None,
    }  # fmt: skip
    value |= {name: given_ for name, given_ in typed.items() if given_ is not None}
    name, secret = only_contact(home, contact), passphrase(home)

    async def main() -> None:
        async with offline(home, name, secret, ask=own_passphrase) as agency:
            directory, folder = agency.home.bundle.directory, file.parent if file is not None else Path()
            held = consenting.take_down(value, agency.keys, directory, folder, clock())
            agency.shelf.keep(held, clock())
            if as_json:
                out.print_json(data=_json(directory, held, agency))
                return
            out.print(_panel(directory, held, agency))
            short = held.consent.id.hex()[:12]
            out.print(f'name it in a case file: "consents": ["{short}"]', soft_wrap=True, markup=False)
            out.print(f"have it countersigned: safeconduct consent countersign {short} --as SECOND", soft_wrap=True)

    run(main())


@consent_app.command("list")
@command
def consent_list(home: HomeOption = Path(), contact: ContactOption = "", as_json: JsonOption = False) -> None:
    """The consents that are kept here."""

    def table(agency: AgencyClient) -> None:
        directory = agency.home.bundle.directory
        rows = [_json(directory, held, agency) for held in agency.shelf.consents()]
        if as_json:
            out.print_json(data=rows)
            return
        shown = Table("consent", "about", "to", "items", "until", "route", "state")
        shown.columns[0].no_wrap = True
        for row in rows:
            shown.add_row(
                row["consent"][:12], row["about"], row["to"], row["items"], row["expires"][:10], row["route"],
                row["state"],
            )  # fmt: skip
        out.print(shown if rows else "No consent is kept here.")

    _offline(home, contact, table)


@consent_app.command("show")
@command
def consent_show(
    consent: IdArgument,
    paper: Annotated[Path | None, typer.Option("--paper", help="Say whether this file is the signed paper.")] = None,
    home: HomeOption = Path(),
    contact: ContactOption = "",
    as_json: JsonOption = False,
) -> None:
    """One consent in full, with what stays here."""

    def shown(agency: AgencyClient) -> None:
        held = agency.shelf.find(consent)
        directory = agency.home.bundle.directory
        if as_json:
            out.print_json(data=_json(directory, held, agency))
        else:
            out.print(_panel(directory, held, agency))
        if paper is not None:
            fits = consenting.paper_fits(held, paper)
            out.print("this is the paper that was signed" if fits else "this is another file than the signed paper")
            if not fits:
                raise typer.Exit(REFUSED)

    _offline(home, contact, shown)


@consent_app.command("countersign")
@command
def consent_countersign(consent: IdArgument, home: HomeOption = Path(), contact: ContactOption = "") -> None:
    """Countersign a consent as a second contact, after reading its terms."""

    def sign(agency: AgencyClient) -> None:
        held = agency.shelf.find(consent)
        out.print(_panel(agency.home.bundle.directory, held, agency))
        agency.shelf.add(held.consent.id, consenting.countersign(held, agency.keys, clock()))
        out.print("countersigned")

    _offline(home, contact, sign)


@consent_app.command("sign")
@command
def consent_sign(consent: IdArgument, home: HomeOption = Path(), contact: ContactOption = "") -> None:
    """Sign one's own consent again, after one's signing key was followed by a new one."""

    def sign(agency: AgencyClient) -> None:
        held = agency.shelf.find(consent)
        if held.consent.collector != agency.keys.contact.handle:
            raise BadInput("Only the contact who collected a consent signs it.")
        agency.shelf.add(held.consent.id, agency.keys.signer.sign(Tag.CONSENT, held.consent.to_bytes()))
        out.print("signed again")

    _offline(home, contact, sign)


@consent_app.command("export")
@command
def consent_export(
    consent: IdArgument,
    into: Annotated[Path, typer.Option("--into", help="The file to write.")],
    home: HomeOption = Path(),
    contact: ContactOption = "",
) -> None:
    """Write the signed terms for another agency that may rely on them: nothing of the person is in the file."""

    def write(agency: AgencyClient) -> None:
        write_atomically(into, [consenting.to_file(agency.shelf.find(consent))])
        out.print(f"wrote {into}: terms and signatures, nothing of the person", soft_wrap=True)

    _offline(home, contact, write)


@consent_app.command("import")
@command
def consent_import(
    file: Annotated[Path, typer.Argument(help="What `consent export` wrote.")],
    about: Annotated[str, typer.Option("--about", help="The same person's name in our own register: V-….")],
    home: HomeOption = Path(),
    contact: ContactOption = "",
) -> None:
    """Keep a consent that another agency collected, and say who it is in our own register."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror}).") from None

    def keep(agency: AgencyClient) -> None:
        directory = agency.home.bundle.directory
        held = consenting.from_file(data, about, directory, clock())
        agency.shelf.keep(held, clock())
        out.print(_panel(directory, held, agency))

    _offline(home, contact, keep)


@consent_app.command("withdraw")
@command
def consent_withdraw(
    consent: IdArgument,
    officer: Annotated[Path | None, typer.Option("--officer", help="Sign as an officer, with this folder.")] = None,
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
) -> None:
    """Withdraw a consent: from now on nothing rests on it, and everybody who holds a copy is told to erase it."""
    signing = officer_signer(officer, own_passphrase("the officer's key")) if officer is not None else None
    name, secret = only_contact(home, contact), passphrase(home)

    async def main() -> None:
        async with connect(home, name, secret, url, or_offline=True, ask=own_passphrase) as agency:
            held = agency.shelf.find(consent)
            code = await consenting.withdraw(agency, held, signing or agency.keys.signer, clock())
            short = held.consent.id.hex()[:12]
            if code is None:
                out.print("withdrawn here; the broker did not answer yet, it is told as soon as it can be reached by:")
                out.print(f"  safeconduct outbox --flush --home {home} --as {name}", soft_wrap=True, markup=False)
            elif code and code != "consent-withdrawn":
                out.print(f"refused by the broker: {says(code)} [{code}]", style="red", markup=False)
                raise typer.Exit(REFUSED)
            else:
                before = " before" if code else ""
                out.print(f"withdrawn{before}; what became of copies: safeconduct consent status {short}")

    run(main())


@consent_app.command("status")
@command
def consent_status(
    consent: IdArgument,
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """What became of the copies after a withdrawal: who confirmed, who has not yet, who is late."""
    name, secret = only_contact(home, contact), passphrase(home)

    async def main() -> None:
        async with connect(home, name, secret, url, ask=own_passphrase) as agency:
            held = agency.shelf.find(consent)
            status = await consenting.status(agency, held)
            directory, now = agency.home.bundle.directory, clock()
            rows = [
                {
                    "holder": show.address(directory, c.recipient) if c.recipient else None,
                    "state": c.outcome or ("overdue" if c.overdue(now) else "not yet"),
                    "ground": c.ground,
                    "at": show.moment(c.at) if c.at else None,
                    "in_the_log": c.proved,
                }
                for c in status.copies
            ]
            if as_json:
                out.print_json(data={"withdrawn": status.withdrawn, "copies": rows})
            elif status.withdrawn is None:
                out.print("The broker knows of no withdrawal of this consent.")
            else:
                out.print(f"withdrawn at the broker on {show.moment(status.withdrawn)}")
                table = Table("holder", "copy", "since", "proved in the log")
                for row in rows:
                    state = f"{row['state']} ({row['ground']})" if row["ground"] else str(row["state"])
                    known = str(row["holder"] or "an agency that we do not see")
                    table.add_row(known, state, str(row["at"] or ""), "yes" if row["in_the_log"] else "")
                out.print(table if rows else "Nobody holds a copy.")
            if any(c.overdue(now) for c in status.copies):
                raise typer.Exit(REFUSED)

    run(main())


@erasure_app.command("list")
@command
def erasure_list(
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Withdrawals that reached us and copies whose time to be kept is over, and what becomes of our copies."""
    name, secret = only_contact(home, contact), passphrase(home)

    async def main() -> None:
        async with connect(home, name, secret, url, or_offline=True, ask=own_passphrase) as agency:
            await agency.collect(0.5)
            rows = []
            for notice in agency.shelf.notices(agency.keys.contact.handle):
                copy = agency.journal.exactly(notice.view) if notice.view else None
                gone = copy is not None and copy.state == ERASED
                rows.append(
                    {
                        "view": notice.view,
                        "part": notice.part,
                        "consent": notice.consent.hex() if notice.consent else None,
                        "state": "erased" if gone else notice.said or notice.state,
                        "confirm_by": show.moment(notice.confirm_by) if notice.confirm_by else None,
                    }
                )
            for incoming, until in agency.retention.due():
                rows.append(
                    {
                        "view": incoming.view,
                        "part": "holder",
                        "consent": None,
                        "state": "due",
                        "confirm_by": show.moment(until),
                    }
                )
            if as_json:
                out.print_json(data=rows)
                return
            table = Table("view", "we are its", "consent", "state", "answer by")
            for row in rows:
                table.add_row(*(str(row[n] or "")[:16] for n in ("view", "part", "consent", "state", "confirm_by")))
            nothing = "No consent was withdrawn on which anything of ours rests, and no copy is due to be deleted."
            out.print(table if rows else nothing)

    run(main())


@erasure_app.command("erase")
@command
def erasure_erase(
    view: Annotated[str, typer.Argument(help="The view's id, or how it begins.")],
    unverified: Annotated[
        bool, typer.Option("--unverified", help="Also where the withdrawal could not be verified.")
    ] = False,
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
) -> None:
    """Erase a copy whose consent was withdrawn, or whose time to be kept is over, and say so."""
    name, secret = only_contact(home, contact), passphrase(home)

    async def main() -> None:
        async with connect(home, name, secret, url, or_offline=True, ask=own_passphrase) as agency:
            await agency.erase(agency.find_view(view), unverified=unverified)
            out.print("erased")

    run(main())


@erasure_app.command("keep")
@command
def erasure_keep(
    view: Annotated[str, typer.Argument(help="The view's id, or how it begins.")],
    ground: Annotated[str, typer.Option("--ground", help="Why: evidence-in-proceedings, court-order, …")],
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
) -> None:
    """Note that the law demands to keep a copy; where its consent is withdrawn, the withdrawer hears why."""
    name, secret = only_contact(home, contact), passphrase(home)
    try:
        why = KeepGround(ground)
    except ValueError:
        raise BadInput(f"--ground is one of {', '.join(KeepGround)}.") from None

    async def main() -> None:
        async with connect(home, name, secret, url, or_offline=True, ask=own_passphrase) as agency:
            await agency.keep(agency.find_view(view), why)
            out.print(f"kept: {why.value}")

    run(main())


@command
def review(
    message: Annotated[str, typer.Argument(help="The message's id, as send printed it.")],
    sign: Annotated[bool, typer.Option("--sign", help="Sign without asking: it was read before.")] = False,
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
) -> None:
    """Read, as a second contact, exactly what each recipient of a held message would get; then let it go."""
    identifier = message_from_text(message)
    name, secret = only_contact(home, contact), passphrase(home)

    async def main() -> None:
        async with connect(home, name, secret, url, or_offline=True, ask=own_passphrase) as agency:
            directory = agency.home.bundle.directory
            for reading in agency.readings(identifier, agency.keys):
                _show_reading(directory, reading)
            if not sign and not typer.confirm("I have read all of it, and nobody in it is exposed. Sign?", err=True):
                out.print("not signed; the message stays held")
                raise typer.Exit(REFUSED)
            _told(directory, await agency.review(identifier, agency.keys), "reviewed")

    run(main())


@command
def break_glass(
    message: Annotated[str, typer.Argument(help="The message's id, as send printed it.")],
    ground: Annotated[str, typer.Option("--ground", help="threat-to-life, threat-to-integrity, child-in-danger.")],
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
) -> None:
    """Let a held message go in a vital interest, as a second contact; officers review it within 72 hours."""
    identifier = message_from_text(message)
    name, secret = only_contact(home, contact), passphrase(home)
    try:
        why = Ground(ground)
    except ValueError:
        raise BadInput(f"--ground is one of {', '.join(Ground)}.") from None

    async def main() -> None:
        async with connect(home, name, secret, url, or_offline=True, ask=own_passphrase) as agency:
            sent = await agency.break_glass(identifier, agency.keys, why)
            _told(agency.home.bundle.directory, sent, "glass broken")

    run(main())


def _told(directory: Directory, sent: Sent | None, what: str) -> None:
    if sent is None:
        out.print(f"{what}; the broker did not answer yet, it goes with: safeconduct outbox --flush")
    elif sent.evidence is None:
        out.print(f"{what}; message {message_text(sent.message)} is still {sent.state}, for another second contact")
    else:
        out.print(show.evidence_lines(directory, sent.evidence, repeated=sent.repeated))
        if sent.evidence.type is EvidenceType.SUBMISSION_REJECTION:
            raise typer.Exit(REFUSED)


def _show_reading(directory: Directory, reading: Reading) -> None:
    out.print(f"what {show.address(directory, reading.recipient)} would get:", style="bold")
    for name in sorted(reading.sections):
        text = json.dumps(reading.sections[name], ensure_ascii=False, indent=2)
        shown = Syntax(text, "json", word_wrap=True, background_color="default")
        out.print(Panel(shown, title=f"{name}  {reading.kinds[name]}", title_align="left"))


def _offline(home: Path, contact: str, do: Any) -> None:
    name, secret = only_contact(home, contact), passphrase(home)

    async def main() -> None:
        async with offline(home, name, secret, ask=own_passphrase) as agency:
            do(agency)

    run(main())


def _json(directory: Directory, held: Held, agency: AgencyClient) -> dict[str, Any]:
    consent = held.consent
    recipient = directory.agency(consent.recipient) if consent.recipient else None
    expired = clock() >= consent.expires
    state = (
        "withdrawn" if held.withdrawn else "expired" if expired else "countersigned" if held.countersigned else "signed"
    )
    private = decode(held.record) if held.record else {}
    return {
        "consent": consent.id.hex(),
        "about": held.about,
        "collector": show.address(directory, consent.collector),
        "to": recipient.name if recipient else consent.party_class.value if consent.party_class else "?",
        "purposes": [p.value for p in consent.purposes],
        "serves": sorted(p.value for p in purposes_of(consent)),
        "items": " ".join(f"{t}:{''.join(flags)}" for t, flags in consent.items) or "none",
        "form": consent.form.value,
        "language": consent.language,
        "interpreter": consent.interpreter,
        "given": show.moment(consent.given),
        "expires": show.moment(consent.expires),
        "route": consent.route.value,
        "state": state,
        "withdrawn": show.moment(held.withdrawn) if held.withdrawn else None,
        "countersigned_by": sorted(show.address(directory, by) for by in held.signed_by(Tag.CONSENT_COUNTER)),
        "kept_here": {name: value for name, value in private.items() if name != "about"},
        "ours": consent.collector in {c.handle for c in directory.contacts_of(agency.home.agency.handle)},
    }


def _panel(directory: Directory, held: Held, agency: AgencyClient) -> Panel:
    row = _json(directory, held, agency)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name in (
        "about", "to", "purposes", "items", "form", "language", "interpreter", "given", "expires", "route",
        "collector", "countersigned_by", "state",
    ):  # fmt: skip
        value = row[name]
        text = ", ".join(map(str, value)) if isinstance(value, list) else "yes" if value is True else str(value)
        table.add_row(name.replace("_", " "), text)
    return Panel(table, title=f"consent {row['consent'][:12]}", title_align="left")
