"""Answering and passing on: reply, forward, accept, decline, referral complete, permit, requests."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from adapters.casefile import CaseFile, load_value
from adapters.client import AgencyClient, Sent, connect, offline
from adapters.home import clock
from adapters.journal import Unread
from adapters.planning import Plan
from cli import show
from cli.ceremonies.work import moment
from cli.common import (
    REFUSED,
    ContactOption,
    HomeOption,
    JsonOption,
    UrlOption,
    command,
    err,
    only_contact,
    out,
    passphrase,
    run,
)
from cli.guard_cmd import guard_at_hand
from cli.messages_cmd import report
from cli.unlock import own_passphrase
from messages.directory import Directory
from messages.errors import BadInput
from messages.escalation import Stage
from messages.ids import MessageId, message_from_text, message_text
from messages.labels import Kind, Lift, Purpose

permit_app = typer.Typer(
    help="Permission to pass on, or to use in proceedings, what somebody else gave (H1, H2, ORCON).",
    no_args_is_help=True,
)
referral_app = typer.Typer(help="Referrals that we made.", no_args_is_help=True)

ViewArgument = Annotated[str, typer.Argument(metavar="VIEW", help="The view's id, how it begins, or the message's id.")]
PlanOption = Annotated[bool, typer.Option("--plan", help="Show each recipient's exact view; send nothing.")]
PurposeOption = Annotated[str | None, typer.Option("--purpose", help="Purpose, if not that of the message.")]
PurposesOption = Annotated[list[str] | None, typer.Option("--purpose", help="For this purpose; repeat for several.")]
LiftsOption = Annotated[str, typer.Option("--lifts", help="What is asked for or granted: onward, proceedings.")]
Sending = Callable[[AgencyClient], Awaitable[tuple[Plan, list[Sent]]]]


def _word(word: str, of: Any, what: str) -> Any:
    try:
        return of(word)
    except ValueError:
        raise BadInput(f"There is no {what} {word[:40]!r}; known are {', '.join(of)}.") from None


def _lifts(text: str) -> tuple[Lift, ...]:
    return tuple(_word(w.strip(), Lift, "permission") for w in text.split(",") if w.strip())


def _send(home: Path, contact: str, url: str | None, work: Sending, *, as_json: bool) -> None:
    """Do `work` on the bus, with the guard at hand, for most answers need it, and say what became of it."""
    name, secret = only_contact(home, contact), passphrase(home)

    async def main() -> None:
        async with connect(home, name, secret, url, or_offline=True, ask=own_passphrase) as agency:
            await agency.collect(0.5)
            if (home / "guard").is_dir():
                async with guard_at_hand(home, secret):
                    made, sent = await work(agency)
            else:
                made, sent = await work(agency)
            report(agency, made, sent, home, as_json=as_json)

    run(main())


def _plan(
    home: Path, contact: str, make: Callable[[AgencyClient], tuple[CaseFile, Sequence[str]]], *, as_json: bool
) -> None:
    name, secret = only_contact(home, contact), passphrase(home)

    async def main() -> None:
        async with offline(home, name, secret, ask=own_passphrase) as agency:
            case, to = make(agency)
            made = agency.plan(case, to)
            directory = agency.home.bundle.directory
            if as_json:
                out.print_json(data=show.plan_json(directory, made))
            else:
                out.print(show.plan_view(directory, made, content=True))
            if not made.messages:
                raise typer.Exit(REFUSED)

    run(main())


@command
def reply(
    view: ViewArgument,
    file: Annotated[Path, typer.Argument(help="A case file; what it leaves out is taken from the message.")],
    plan: PlanOption = False,
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a message: it goes to its sender alone, in its thread, under the conditions of what it answers."""
    value = load_value(file)

    def made(agency: AgencyClient) -> tuple[CaseFile, Sequence[str]]:
        case, to = agency.reply(agency.find_view(view), value)
        return case, [to]

    if plan:
        _plan(home, contact, made, as_json=as_json)
        return

    async def work(agency: AgencyClient) -> tuple[Plan, list[Sent]]:
        case, to = made(agency)
        return await agency.send(case, to)

    _send(home, contact, url, work, as_json=as_json)


@command
def forward(
    view: ViewArgument,
    to: Annotated[list[str], typer.Option("--to", help="Recipient as AGENCY/CONTACT; repeat for several.")],
    purpose: PurposeOption = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Kind, if not that of the message.")] = None,
    plan: PlanOption = False,
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pass on what we hold of a message, as it is, if its originator lets us: see safeconduct permit."""
    wanted = _word(purpose, Purpose, "purpose") if purpose is not None else None
    as_kind = _word(kind, Kind, "kind") if kind is not None else None

    def made(agency: AgencyClient) -> tuple[CaseFile, Sequence[str]]:
        case, lacking = agency.forward(agency.find_view(view), purpose=wanted, kind=as_kind)
        if lacking:
            err.print(
                f"safeconduct: not passed on, for only a part was granted to us: {', '.join(lacking)}", style="yellow"
            )
        return case, to

    if plan:
        _plan(home, contact, made, as_json=as_json)
        return

    async def work(agency: AgencyClient) -> tuple[Plan, list[Sent]]:
        case, recipients = made(agency)
        return await agency.send(case, recipients)

    _send(home, contact, url, work, as_json=as_json)


@command
def accept(
    view: ViewArgument,
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accept a referral that was offered to us: its sealed part can then be sent to us, and to nobody else."""

    async def work(agency: AgencyClient) -> tuple[Plan, list[Sent]]:
        return await agency.decide(agency.find_view(view), accepted=True)

    _send(home, contact, url, work, as_json=as_json)


@command
def decline(
    view: ViewArgument,
    reason: Annotated[
        str, typer.Option("--reason", help="no-capacity, outside-scope, client-declined, safety, unreachable or other.")
    ],
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decline a referral that was offered to us: its sealed part stays closed."""

    async def work(agency: AgencyClient) -> tuple[Plan, list[Sent]]:
        return await agency.decide(agency.find_view(view), accepted=False, reason=reason)

    _send(home, contact, url, work, as_json=as_json)


@referral_app.command("complete")
@command
def referral_complete(
    message: Annotated[str, typer.Argument(help="The id of the offer, as send printed it.")],
    consents: Annotated[
        list[str] | None, typer.Option("--consent", help="A consent it rests on, as consent list shows it; repeat.")
    ] = None,
    plan: PlanOption = False,
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send the sealed part of an accepted referral to the provider that accepted it."""
    offer = message_from_text(message)

    def made(agency: AgencyClient) -> tuple[CaseFile, Sequence[str]]:
        case, to = agency.completing(offer, consents or ())
        return case, [to]

    if plan:
        _plan(home, contact, made, as_json=as_json)
        return

    async def work(agency: AgencyClient) -> tuple[Plan, list[Sent]]:
        return await agency.complete(offer, consents or ())

    _send(home, contact, url, work, as_json=as_json)


@permit_app.command("ask")
@command
def permit_ask(
    view: ViewArgument,
    agency_name: Annotated[str, typer.Option("--for", help="The agency to which it shall go.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, in words.")],
    purpose: PurposesOption = None,
    lifts: LiftsOption = "onward",
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the originator of a message whether it may go to an agency, for a purpose."""
    wanted = [_word(p, Purpose, "purpose") for p in purpose or ()]
    if not wanted:
        raise BadInput("Say for what purpose, with --purpose PROTECT-VICTIM.")

    async def work(agency: AgencyClient) -> tuple[Plan, list[Sent]]:
        return await agency.ask_permission(
            agency.find_view(view), agency_name, purposes=wanted, lifts=_lifts(lifts), reason=reason
        )

    _send(home, contact, url, work, as_json=as_json)


@permit_app.command("grant")
@command
def permit_grant(
    view: ViewArgument,
    until: Annotated[str, typer.Option("--until", help="Until the end of this day (UTC).")],
    to_agency: Annotated[
        str | None, typer.Option("--to-agency", help="The agency, to be sure: name or handle, as it was asked.")
    ] = None,
    lifts: LiftsOption = "",
    purpose: PurposesOption = None,
    by: Annotated[str | None, typer.Option("--by", help="Our contact with the duty `release`, who signs it.")] = None,
    conditions: Annotated[str, typer.Option("--conditions", help="Conditions in words.")] = "",
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Grant what was asked, or less, until a day."""
    wanted = [_word(p, Purpose, "purpose") for p in purpose or ()]

    async def work(agency: AgencyClient) -> tuple[Plan, list[Sent]]:
        found = agency.find_view(view)
        signer = agency.home.unlock(by) if by else agency.keys
        return await agency.grant_permission(
            found,
            until=moment(until, 0, last=True),
            by=signer,
            purposes=wanted,
            lifts=_lifts(lifts),
            conditions=conditions,
            recipient=to_agency,
        )

    _send(home, contact, url, work, as_json=as_json)


@permit_app.command("refuse")
@command
def permit_refuse(
    view: ViewArgument,
    code: Annotated[str, typer.Option("--code", help="The ground, such as R04; see: safeconduct types refusals")],
    reason: Annotated[str, typer.Option("--reason", help="Why, in words.")] = "",
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Refuse what was asked, on a listed ground."""

    async def work(agency: AgencyClient) -> tuple[Plan, list[Sent]]:
        return await agency.refuse_permission(agency.find_view(view), code=code, reason=reason)

    _send(home, contact, url, work, as_json=as_json)


@command
def requests(home: HomeOption = Path(), contact: ContactOption = "", as_json: JsonOption = False) -> None:
    """How every request, referral, transfer and permission stands, and what is due when. Nothing answers by itself."""
    name, secret = only_contact(home, contact), passphrase(home)

    async def main() -> None:
        async with offline(home, name, secret, ask=own_passphrase) as agency:
            directory = agency.home.bundle.directory
            rows = [
                {
                    "workflow": s.machine.name,
                    "with": found.name if (found := directory.agency(s.agency)) is not None else s.agency,
                    "asked": "we" if s.ours else "they",
                    "message": message_text(s.message),
                    "kind": s.kind.value,
                    "state": s.state,
                    "says": s.machine.says[s.state],
                    "due": show.moment(s.due) if s.due is not None else None,
                    "overdue": s.state == s.machine.late,
                }
                for s in agency.standing()
            ]
            unread = [_unread(directory, one) for one in agency.unread()]
        if as_json:
            out.print_json(data=[*rows, *unread])
            return
        for one in unread:
            out.print(
                f"{one['message']}: {one['says']} Its clock runs out {one['due']}.", style="bold red", markup=False
            )
        table = Table("message", "what", "with", "asked", "state", "due")
        table.columns[0].no_wrap = True
        for row in rows:
            state = f"{row['state']}: {row['says']}"
            table.add_row(
                str(row["message"]), str(row["kind"]), str(row["with"]), str(row["asked"]), state,
                str(row["due"] or "—")[:16],
            )  # fmt: skip
        out.print(table if rows else "Nothing was asked, on either side.")

    run(main())


_UNREAD = {
    Stage.CONTACT: "It is urgent and waits for you, unopened: open it now.",
    Stage.DEPUTIES: "It is urgent, and {recipient}, for whom you stand in, has not opened it: find them.",
    Stage.DUTY_DESK: "It is urgent, and your colleague {recipient} has not opened it: find them.",
    Stage.SENDER: "It is urgent, and {recipient} has not opened it: telephone.",
}


def _unread(directory: Directory, one: Unread) -> dict[str, Any]:
    """One urgent message that nobody opened, in the form of the rows of `requests`."""
    recipient = show.address(directory, one.recipient)
    return {
        "workflow": "unopened",
        "with": show.address(directory, one.sender if one.stage != Stage.SENDER else one.recipient),
        "asked": "we" if one.stage == Stage.SENDER else "they",
        "message": message_text(MessageId(one.message)),
        "kind": None,
        "state": one.stage,
        "says": _UNREAD[Stage(one.stage)].format(recipient=recipient),
        "due": show.moment(one.due),
        "overdue": clock() > one.due,
    }


__all__ = ["accept", "decline", "forward", "permit_app", "referral_app", "reply", "requests"]
