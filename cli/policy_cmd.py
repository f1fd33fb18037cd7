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
from cli.ceremonies.work import moment_text
from cli.common import REFUSED, HomeOption, JsonOption, command, out
from cli.policy_home import bundle_of, known
from messages import wire
from messages.catalogue import load as load_catalogue
from messages.catalogue.loader import TYPE_IDS
from messages.envelope import Delivery
from messages.errors import BadInput, RemoteError
from messages.ids import message_from_text, message_text
from messages.labels import Basis, Caveat, CrimeArea, Flag, HCode, Kind, Purpose, Role, Tlp
from policies import explain as words_of
from policies import inquiry
from policies.agreements import nearest
from policies.cases import ATTESTED, BORNE, CONSENT, RELEASED
from policies.facts import COVER
from policies.inquiry import Answer
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
        _explain_message(message, home, as_json=as_json)
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


def _explain_message(text: str, home: Path, *, as_json: bool) -> None:
    identifier = message_from_text(text)
    bundle = bundle_of(home)
    if bundle.audience is None:
        raise BadInput("The broker's folder holds no messages.")
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
