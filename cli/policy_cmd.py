"""`safeconduct policy`: why something may go or not, who may send what to whom, and what a draft would change."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from adapters.home import clock
from adapters.journal import Journal
from adapters.recalling import Recalled, Recaller
from audit.logdir import write_atomically
from audit.record import PERMITTED, Record
from broker.proposals import assemble
from cli.agreements_cmd import read_file, refuse_errors
from cli.ceremonies import rehearsing
from cli.ceremonies.work import moment, moment_text, work_of
from cli.common import REFUSED, HomeOption, JsonOption, command, out
from cli.policy_home import bundle_of, known
from cli.records import decisions, write_report
from cli.records import past as records_of
from keys.ceremony import Assembled
from keys.fingerprints import fingerprint
from messages import wire
from messages.catalogue import load as load_catalogue
from messages.catalogue.loader import TYPE_IDS, catalogue_texts
from messages.directory import Bundle
from messages.envelope import Delivery
from messages.errors import BadInput, RemoteError
from messages.ids import message_from_text, message_text
from messages.labels import Basis, Caveat, CrimeArea, Flag, HCode, Kind, Purpose, Role, Tlp
from policies import edition, inquiry, picture, report
from policies import explain as words_of
from policies.agreements import Agreements, examine, nearest, read_all
from policies.cases import ATTESTED, BORNE, CONSENT, RELEASED, Setting
from policies.facts import COVER
from policies.inquiry import Answer, Known
from policies.kept import recall
from policies.lint import Against, lint
from policies.picture import Level
from policies.rehearsal import Side
from policies.sentences import says

policy_app = typer.Typer(
    help="The rules: why something may go or not, who may send what to whom, and what a draft would change.",
    no_args_is_help=True,
)
W = TypeVar("W")


def word(text: str | None, words: Iterable[W], what: str) -> W | None:
    """A word of a code list, however it is capitalised, or raise `BadInput` with the nearest one."""
    if text is None:
        return None
    listed = {str(w).casefold(): w for w in words}
    found = listed.get(text.casefold())
    if found is None:
        raise BadInput(f"There is no {what} {text[:60]!r}{nearest(text, map(str, listed.values()))}")
    return found


# Explain


@dataclass(frozen=True, slots=True)
class _Brought:
    """What a message brings along, as the options say it."""

    consent: bool
    released: bool
    checked: bool
    holds: Sequence[str]

    def conditions(self) -> frozenset[str]:
        found = {word(name.replace("-", "_"), BORNE, "such thing to bring along:") for name in self.holds}
        found |= {n for n, yes in ((CONSENT, self.consent), (RELEASED, self.released), (ATTESTED, self.checked)) if yes}
        return frozenset(n for n in found if n is not None)


@policy_app.command("explain")
@command
def explain(
    message: Annotated[
        str | None, typer.Argument(metavar="[MESSAGE-ID]", help="A message that we sent or received, by its id.")
    ] = None,
    home: HomeOption = Path(),
    sender: Annotated[str | None, typer.Option("--from", help="Who would send: AGENCY or AGENCY/CONTACT.")] = None,
    recipient: Annotated[str | None, typer.Option("--to", help="Who would receive: AGENCY or AGENCY/CONTACT.")] = None,
    data_type: Annotated[str | None, typer.Option("--type", help="The data type, such as A02, or cover.")] = None,
    part: Annotated[str | None, typer.Option(help="Its part, such as identity; see: safeconduct types A02")] = None,
    kind: Annotated[str | None, typer.Option(help="The kind of message, such as RFI.")] = None,
    purpose: Annotated[str | None, typer.Option(help="What for, such as PROTECT-VICTIM.")] = None,
    basis: Annotated[str | None, typer.Option(help="On which legal basis, such as LED-8.")] = None,
    area: Annotated[str | None, typer.Option(help="The crime area, such as THB-LAB.")] = None,
    roles: Annotated[
        list[str] | None, typer.Option("--role", help="Whose data it is, such as victim; repeat for several.")
    ] = None,
    flags: Annotated[
        str, typer.Option(help="What it does to the person: D names, Q describes, L locates, S exposes; such as DL.")
    ] = "",
    tlp: Annotated[str | None, typer.Option(help="The TLP marking, such as AMBER.")] = None,
    h: Annotated[str | None, typer.Option(help="The handling code, H0 to H3.")] = None,
    caveats: Annotated[list[str] | None, typer.Option("--caveat", help="A caveat, such as NOFORN.")] = None,
    media: Annotated[str | None, typer.Option(help="The file format, such as application/json.")] = None,
    agreement: Annotated[str, typer.Option(help="Under which agreement, if not the first that fits.")] = "",
    consent: Annotated[bool, typer.Option("--consent/--no-consent", help="The person has consented to this.")] = False,
    released: Annotated[bool, typer.Option("--released/--not-released", help="A second contact released it.")] = False,
    checked: Annotated[
        bool, typer.Option("--checked/--unchecked", help="The sender's release guard has checked it.")
    ] = False,
    records: Annotated[
        Path | None,
        typer.Option("--records", help="For officers: find the message in a folder of safeconduct audit export."),
    ] = None,
    holds: Annotated[
        list[str] | None, typer.Option("--with", help=f"What else the message brings along: {', '.join(BORNE)}.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Why something may go or not, by which rules, and what would have to change.

    Name a message that this agency sent or received, or describe one: --from, --to and --type, and as much of the
    rest as you like. What you leave out is taken as the agreement makes it most likely to pass, and the answer says how
    it was taken. It is worked out from this folder's own trust bundle, so it tells nothing of anybody who is not in it.
    """
    if message is not None:
        if sender or recipient or data_type:
            raise BadInput("Name a message by its id, or describe one with --from, --to and --type; not both.")
        _explain_message(message, home, records, as_json=as_json)
        return
    if sender is None or recipient is None or data_type is None:
        raise BadInput("Name a message by its id, or say at least --from, --to and --type.")
    all_known, now = known(bundle_of(home)), clock()
    named = word(data_type, (*TYPE_IDS, COVER), "data type") or COVER
    setting, others = inquiry.between(all_known, sender, recipient, named, now, agreement)
    letters = flags.replace(",", "").replace(" ", "")
    case = inquiry.favourable(
        named,
        setting,
        {
            "part": word(part, _parts(named), f"part of {named}"),
            "kind": word(kind, Kind, "kind of message"),
            "purpose": word(purpose, Purpose, "purpose"),
            "basis": word(basis, Basis, "legal basis"),
            "area": word(area, CrimeArea, "crime area"),
            "tlp": word(tlp.removeprefix("TLP:") if tlp else None, Tlp, "TLP marking"),
            "h": word(h, HCode, "handling code"),
            "caveats": tuple(word(c, Caveat, "caveat") for c in caveats or ()),
            "media": media,
            "roles": frozenset(word(r, Role, "role") for r in roles or ()),
            "flags": frozenset(word(f, Flag, "flag") for f in letters),
            "brings": _Brought(consent, released, checked, holds or ()).conditions(),
        },
    )
    found = inquiry.ask(case, setting, all_known.engine, others)
    taken = {
        "from": f"{found.sender}/{setting.sender.name}",
        "to": f"{found.recipient}/{setting.recipient.name}",
        "part": f"{case.data_type}/{case.part}",
        "kind": case.kind.value,
        "purpose": case.purpose.value,
        "basis": case.basis.value,
        "area": case.area.value,
        "handling": f"TLP:{case.tlp} {case.h}{''.join(f' {c}' for c in case.caveats)}",
        "roles": sorted(case.roles),
        "flags": sorted(case.flags),
        "brings": sorted(case.brings),
        "agreement": found.agreement or None,
    }
    if as_json:
        out.print_json(data={**found.to_value(), "taken_as": taken})
    elif out.is_terminal:
        out.print(answer_panel(found))
        out.print(Text(f"taken as: {_taken(taken)}", style="dim"))
    else:
        _plain(words_of.answer(found))
        _plain(f"\ntaken as: {_taken(taken)}")
    if not found.permitted:
        raise typer.Exit(REFUSED)


def _parts(data_type: str) -> Sequence[str]:
    entry = load_catalogue().types.get(data_type)
    return (COVER,) if data_type == COVER else entry.parts if entry is not None else ()


def _taken(values: dict[str, Any]) -> str:
    def shown(value: object) -> str:
        return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value or "none")

    return "; ".join(f"{name} {shown(value)}" for name, value in values.items())


def _plain(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)


def answer_panel(found: Answer, title: str = "") -> RenderableType:
    """An answer for a terminal."""
    colour = "green" if found.permitted else "red"
    parts: list[RenderableType] = [
        Text(found.section[:1].upper() + found.section[1:], style="bold"),
        Text(
            f"from {found.sender} to {found.recipient}"
            + (f", under the agreement {found.agreement}" if found.agreement else ", without an agreement"),
            style="dim",
        ),
    ]
    for heading, items in words_of.paragraphs(found):
        parts += [Text(), Text(heading, style=f"bold {colour}" if heading.startswith(("Ref", "Per")) else "bold")]
        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True, style="bold")
        table.add_column()
        for mark, text in items:
            said, _, source = text.partition("\n")
            table.add_row(f"  {mark}", Text(said).append(f"\n{source}" if source else "", style="dim"))
        parts.append(table)
    outcome = "permitted" if found.permitted else "refused"
    named = escape(f"{title}: {outcome}" if title else outcome)
    return Panel(Group(*parts), title=named, title_align="left", border_style=colour)


def _explain_message(text: str, home: Path, records: Path | None, *, as_json: bool) -> None:
    identifier = message_from_text(text)
    bundle = bundle_of(home)
    if records is not None:
        _explain_records(records, identifier, bundle, as_json=as_json)
        return
    if bundle.audience is None:
        raise BadInput("The broker's folder holds no messages; name exported records with --records.")
    mine = known(bundle)
    recaller = Recaller(
        directory=mine.directory, agreements=mine.agreements, engine=mine.engine, catalogue=mine.catalogue
    )
    journal = Journal(home / "journal.db")
    try:
        code, found = _recalled(recaller, journal, identifier)
    finally:
        journal.close()
    if as_json:
        rows = [_value(r) for r in found]
        out.print_json(data={"message": message_text(identifier), "refused": code, "recipients": rows})
    else:
        _show_message(message_text(identifier), code, found)
    if code is not None or any(not r.permitted for r in found):
        raise typer.Exit(REFUSED)


def _recalled(recaller: Recaller, journal: Journal, identifier: bytes) -> tuple[str | None, tuple[Recalled, ...]]:
    outgoing = journal.sent(identifier)
    if outgoing is not None:
        return recaller.sent(outgoing, clock())
    found = []
    for incoming in journal.incoming():
        try:
            view = wire.decode_view(Delivery.from_bytes(incoming.delivery).view)
            if view.manifest.id == identifier:
                found.append(recaller.received(incoming))
        except RemoteError:
            continue  # another one that was kept aside as unreadable
    if not found:
        raise BadInput("This agency's journal holds no message with this id; see: safeconduct outbox")
    return None, tuple(found)


def _value(found: Recalled) -> dict[str, Any]:
    return {
        "recipient": found.recipient,
        "decision": "permit" if found.permitted else "refuse",
        "told": [{"id": rule, "says": says(rule)} for rule in found.told],
        "admitted": found.admitted,
        "sections": [{"name": name, **answer.to_value()} for name, answer in found.answers],
    }


def _show_message(identifier: str, code: str | None, found: Sequence[Recalled]) -> None:
    if code is not None:
        _plain(f"Message {identifier} was refused whole, before any rule was asked:\n  {code}: {says(code)}")
        return
    for one in found:
        verb = "was delivered to" if one.permitted else "was refused to"
        when = f" on {moment_text(one.admitted)}" if one.admitted is not None else " (no broker has answered yet)"
        _plain(f"Message {identifier} {verb} {one.recipient}{when}.")
        if not one.permitted and len(one.answers) > 1:
            refused = sum(not a.permitted for _, a in one.answers)
            verb = "is" if refused == 1 else "are"
            _plain(f"{refused} of its {len(one.answers)} sections {verb} refused, and then nothing is delivered.")
        answered = {rule for _, a in one.answers for rule in a.outlook.decision.because}
        for rule in one.told:
            if rule not in answered:
                _plain(f"  The broker answered {rule}: {says(rule)}")
        for names, answer in _alike(one.answers):
            if out.is_terminal:
                out.print(answer_panel(answer, names))
            else:
                _plain(f"\n[{names}]\n{words_of.answer(answer)}")
        _plain("")


def _alike(answers: Iterable[tuple[str, Answer]]) -> list[tuple[str, Answer]]:
    """What is refused first; sections that are answered alike, once."""
    groups: dict[tuple[object, ...], tuple[list[str], Answer]] = {}
    for name, found in answers:
        key = (found.section, found.permitted, found.rules, found.because, found.outlook.ways)
        groups.setdefault(key, ([], found))[0].append(name)
    return sorted(((", ".join(names), a) for names, a in groups.values()), key=lambda item: item[1].permitted)


# Matrix


@policy_app.command("matrix")
@command
def matrix(
    home: HomeOption = Path(),
    agency: Annotated[str, typer.Option("--agency", help="Only what this agency sends and receives.")] = "",
    page: Annotated[Path | None, typer.Option("--html", help="Write a page: every cell explained.")] = None,
    picture_file: Annotated[Path | None, typer.Option("--svg", help="Write the picture alone.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Who may send what to whom, under the agreements and mandates in force, and how far.

    Each cell is found by asking the rules: whether a victim's identity may go along, and on what condition, or whether
    only what points at nobody may. It is worked out from this folder's own trust bundle.
    """
    mine, now = known(bundle_of(home)), clock()
    if agency:
        mine.agency(agency)
    found = picture.cells(mine.directory, mine.agreements, edition.installed(), now)
    if agency:
        found = tuple(c for c in found if agency in (c.sender, c.recipient))
    if as_json:
        out.print_json(data=[picture.to_value(c) for c in found])
    names = picture.shown_agencies(found, agency)
    if (page or picture_file) and len(names) > picture.MOST:
        raise BadInput(f"A picture shows at most {picture.MOST} agencies; name one with --agency.")
    classes = {a.name: a.party_class for a in mine.directory.agencies}
    rules_say = {r.id: r.says for r in mine.engine.rules}
    if page is not None:
        write_atomically(page, [picture.html(found, names, classes, now, rules_say).encode()])
    if picture_file is not None:
        write_atomically(picture_file, [picture.svg(found, names, classes).encode()])
    if as_json:
        return
    for path in (page, picture_file):
        if path is not None:
            out.print(f"wrote {path}", markup=False, soft_wrap=True)
    if page is None and picture_file is None:
        out.print(_matrix_table(found))


_LEVEL_COLOURS = {
    Level.FULL: "red", Level.RELEASE: "dark_orange", Level.CONSENT: "yellow", Level.REDACTED: "green",
    Level.CODED: "blue", Level.NEVER: "bright_black",
}  # fmt: skip


def _matrix_table(found: Sequence[picture.Cell]) -> RenderableType:
    if not found:
        return Text("No agreement is in force.")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("from", "to"):
        table.add_column(name, no_wrap=True)
    table.add_column("how far", ratio=3)
    table.add_column("data types", ratio=2)
    rows: dict[tuple[str, str, Level, bool], list[str]] = {}
    for cell in found:
        rows.setdefault((cell.sender, cell.recipient, cell.level, cell.open), []).append(cell.data_type)
    last = ("", "")
    for (sender, recipient, level, is_open), types in rows.items():
        pair = (sender, recipient) if (sender, recipient) != last else ("", "")
        closed = "" if is_open or level is Level.NEVER else " (nobody is mandated now)"
        says = Text(picture.SAYS[level] + closed, style=_LEVEL_COLOURS[level])
        table.add_row(*pair, says, " ".join(dict.fromkeys(types)))
        last = sender, recipient
    return table


# Rehearse


@policy_app.command("rehearse")
@command
def rehearse(
    drafts: Annotated[
        list[Path],
        typer.Argument(
            metavar="DRAFT…",
            help="Agreements as YAML files; a folder with agreements/, rules/ or catalogue/ in it; or the officers' "
            "common folder with a proposal in it.",
        ),
    ],
    home: Annotated[
        Path,
        typer.Option(
            "--home",
            envvar="SAFECONDUCT_HOME",
            help="What is in force: an agency's folder, the broker's, or for a common folder the officer's own.",
            show_default=".",
        ),
    ] = Path(),
    records: Annotated[
        Path | None, typer.Option("--records", help="Past decisions: a folder of safeconduct audit export.")
    ] = None,
    since: Annotated[str | None, typer.Option("--since", help="Only decisions from this day on.")] = None,
    page: Annotated[Path | None, typer.Option("--html", help="Write the report as a page of its own.")] = None,
    data: Annotated[Path | None, typer.Option("--json", help="Write the report for programs.")] = None,
) -> None:
    """What a draft would newly let pass, newly block, and newly expose, before anybody signs it.

    The draft is held against what is in force, over everything that could be sent between those it concerns, and with
    --records over what was decided before. Nothing is changed by it. In a ceremony the same is done by bundle rehearse.
    """
    if since is not None and records is None:
        raise BadInput("--since chooses among past decisions; name them with --records.")
    past = None if records is None else records_of(records, moment(since, 0))
    if len(drafts) == 1 and (drafts[0] / "proposal.json").is_file():
        found = assemble_work(drafts[0], home)
        made = rehearsing.rehearse(found, past)
        title = f"Rehearsal of epoch {found.proposal.epoch}"
    else:
        bundle = bundle_of(home)
        before, after = _draft_sides(drafts, bundle)
        with rehearsing.progress("rehearsing") as tick:
            made = report.rehearse(before, after, clock(), past, tick, base=bundle.epoch)
        title = f"Rehearsal of {', '.join(d.name for d in drafts)}"
    out.print(report.text(made), markup=False, soft_wrap=True)
    out.print(f"\ndigits of this report: {fingerprint(made.digest)}", markup=False, soft_wrap=True)
    write_report(made, page, data, title)


def assemble_work(work: Path, home: Path) -> Assembled:
    """The proposal in a common folder, as the person with `home` sees it."""
    place = work_of(work, home)
    return assemble(place.wanted(), place.standing())


def _draft_sides(drafts: Sequence[Path], bundle: Bundle) -> tuple[Side, Side]:
    """What is in force, and the same with the drafts in the place of what they are drafts of."""
    texts, rules, catalogue, drafted = dict(bundle.agreements), {}, {}, {}
    ids = {a.id: name for name, text in texts.items() for a in read_all([(name, text)])}
    edition.check(bundle)
    for path in _draft_files(drafts):
        text = read_file(path)
        if path.suffix in (".cedar", ".cedarschema") or path.name == edition.RIGHTS:
            rules[path.name] = text
        elif path.parent.name == "catalogue":
            catalogue[path.name] = text
        else:
            (draft,) = read_all([(str(path), text)])
            texts[ids.get(draft.id, f"{draft.id}.yaml")] = drafted[str(path)] = text
    installed = edition.installed()
    made = installed
    if rules or catalogue:
        whole = {**catalogue_texts(), **catalogue} if catalogue else None
        made = edition.read({**installed.texts, **rules}, whole)
    before = Agreements(read_all(bundle.agreements.items()))
    after = Agreements(read_all(texts.items()))
    against = Against(edition=made, moment=clock(), directory=bundle.directory, standing=before)
    refuse_errors(lint([examine(text, source) for source, text in drafted.items()], against))
    return (
        Side(edition=installed, directory=bundle.directory, agreements=before),
        Side(edition=made, directory=bundle.directory, agreements=after),
    )


def _draft_files(drafts: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for draft in drafts:
        if draft.is_dir():
            inside = [p for name in ("agreements", "rules", "catalogue") for p in sorted((draft / name).glob("*"))]
            inside += [p for p in (draft / edition.RIGHTS,) if p.is_file()]
            if not inside:
                raise BadInput(f"{draft} holds no proposal, and no agreements, rules or catalogue.")
            found += inside
        else:
            found.append(draft)
    return found


# Explaining from records


def _explain_records(folder: Path, identifier: bytes, bundle: Bundle, *, as_json: bool) -> None:
    """What records say of a message, for officers: each recipient's decision, and what would have to change."""
    wanted = [r for r in decisions(folder) if r.message == identifier]
    if not wanted:
        raise BadInput("The records hold no decision about a message with this id.")
    mine = known(bundle)
    found = tuple(_of_record(record, mine) for record in wanted)
    text = message_text(identifier)
    if as_json:
        out.print_json(data={"message": text, "refused": None, "recipients": [_value(r) for r in found]})
    else:
        _show_message(text, None, found)
    if any(not r.permitted for r in found):
        raise typer.Exit(REFUSED)


def _of_record(record: Record, mine: Known) -> Recalled:
    sender = mine.directory.contact(record.sender or "")
    recipient = mine.directory.contact(record.recipient or "")
    address = mine.directory.address(recipient) if recipient is not None else str(record.recipient)
    answers: list[tuple[str, Answer]] = []
    if record.facts is not None and record.kind is not None:
        kept = recall(record.kind, [kind for _, kind, _ in record.sections], record.facts)
        for (name, _, _), one in zip(record.sections, kept, strict=True):
            if sender is None or recipient is None:
                who = str(record.agency), address
                answers.append((name, inquiry.answer(one.facts, mine.engine, sender=who[0], recipient=who[1])))
                continue
            setting = Setting(
                sender=sender,
                sender_agency=mine.directory.agency_of(sender),
                recipient=recipient,
                recipient_agency=mine.directory.agency_of(recipient),
                agreement=mine.agreements.get(one.agreement),
                catalogue=mine.catalogue,
                moment=record.at,
            )
            names = setting.sender_agency.name, setting.recipient_agency.name
            others = mine.agreements.between(*names, record.at)
            answers.append((name, inquiry.ask(one.case, setting, mine.engine, others, one.facts)))
    return Recalled(
        recipient=address,
        permitted=record.outcome == PERMITTED,
        told=record.rules,
        admitted=record.at,
        answers=tuple(answers),
    )
