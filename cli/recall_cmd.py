"""`safeconduct recall` and `correct`: take back a message that we sent, or put another one in its place."""

from pathlib import Path
from typing import Annotated

import typer

from adapters.casefile import read_file
from adapters.client import AgencyClient, connect
from cli import show
from cli.common import (
    DEPENDENCY,
    REFUSED,
    ContactOption,
    HomeOption,
    JsonOption,
    UrlOption,
    command,
    fail,
    only_contact,
    out,
    passphrase,
    run,
)
from cli.guard_cmd import guard_at_hand
from cli.messages_cmd import report
from cli.unlock import own_passphrase
from messages.errors import BadInput
from messages.evidence import Evidence, EvidenceType
from messages.ids import MessageId, message_from_text, message_text
from messages.recalls import RecallGround

MessageArgument = Annotated[str, typer.Argument(help="The message's id, as send printed it.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="inaccurate, unlawfully-sent or court-order.")]


@command
def recall(
    message: MessageArgument,
    reason: ReasonOption,
    corrected_by: Annotated[
        str | None, typer.Option("--corrected-by", help="Another message of ours that stands in its place.")
    ] = None,
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a message back: what waits is taken away, whoever has it is told, keeps people from it, and confirms."""
    identifier, why = message_from_text(message), _ground(reason)
    other = message_from_text(corrected_by) if corrected_by is not None else None
    name, secret = only_contact(home, contact), passphrase(home)

    async def main() -> None:
        async with connect(home, name, secret, url, or_offline=True, ask=own_passphrase) as agency:
            _said(identifier, await agency.recall(identifier, why, corrected_by=other), as_json=as_json)

    run(main())


@command
def correct(
    message: MessageArgument,
    file: Annotated[Path, typer.Option("--with", help="The case file that stands in its place.")],
    reason: ReasonOption = RecallGround.INACCURATE.value,
    home: HomeOption = Path(),
    contact: ContactOption = "",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a case file to everybody who got a message, and say that it stands in its place."""
    identifier, why, case = message_from_text(message), _ground(reason), read_file(file)
    name, secret = only_contact(home, contact), passphrase(home)

    async def main() -> None:
        async with connect(home, name, secret, url, ask=own_passphrase) as agency:
            async with guard_at_hand(home, secret):
                plan, sent, evidence = await agency.correct(identifier, case, why)
            report(agency, plan, sent, home, as_json=as_json)
            if any(s.evidence is None for s in sent):
                out.print(_later(agency, identifier, why, sent[0].message), soft_wrap=True, markup=False)
            elif not as_json or evidence is None:
                _said(identifier, evidence, as_json=False)

    run(main())


def _ground(text: str) -> RecallGround:
    try:
        return RecallGround(text)
    except ValueError:
        raise BadInput(f"--reason is one of {', '.join(RecallGround)}.") from None


def _later(agency: AgencyClient, identifier: MessageId, why: RecallGround, other: MessageId) -> str:
    return (
        "Nothing is said of the first message yet. Once the correction is accepted: safeconduct recall "
        f"{message_text(identifier)} --reason {why.value} --corrected-by {message_text(other)}"
        f" --home {agency.home.folder} --as {agency.keys.contact.name}"
    )


def _said(identifier: MessageId, evidence: Evidence | None, *, as_json: bool) -> None:
    if evidence is None:
        fail("The broker did not answer; the word is in the journal and goes with: safeconduct outbox", DEPENDENCY)
    if as_json:
        out.print_json(data={"message": message_text(identifier), "code": evidence.code, "at": evidence.at})
    if evidence.type is EvidenceType.SUBMISSION_REJECTION:
        if not as_json:
            out.print(f"refused: {show.rules_text([evidence.code or ''])}", style="red", markup=False)
        raise typer.Exit(REFUSED)
    if not as_json:
        out.print(f"taken back; who confirms: safeconduct timeline {message_text(identifier)}", soft_wrap=True)
