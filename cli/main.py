"""`safeconduct`: the command, put together."""

import sys
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from cli import answers_cmd as answers
from cli import ceremonies, consent_cmd, console_cmd, keys_cmd, policy_cmd, serve
from cli import demo as demo_command
from cli import messages_cmd as messages
from cli.agreements_cmd import agreement_app
from cli.audit_cmd import audit_app
from cli.cluster_cmd import cluster_app
from cli.common import MISTAKE, JsonOption, command, err, out
from cli.deadletters_cmd import deadletters_app
from cli.doctor import doctor
from cli.packet_cmd import packet_app
from cli.quarantine_cmd import quarantine_app
from cli.recall_cmd import correct, recall
from cli.redact_cmd import redact
from cli.tasks_cmd import tasks_app
from cli.timeline_cmd import timeline
from cli.tls_cmd import tls_app
from cli.unlock import DescriptorOption

app = typer.Typer(
    name="safeconduct",
    help="An inter-agency, victim-safe message broker for anti-trafficking task forces.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
practice_app = typer.Typer(help="A practice task force on this machine, to learn with.", no_args_is_help=True)


@app.callback()
def options(passphrase_fd: DescriptorOption = None) -> None:
    """An inter-agency, victim-safe message broker for anti-trafficking task forces."""


app.command()(messages.send)
app.command()(messages.release)
app.command()(consent_cmd.review)
app.command("break-glass")(consent_cmd.break_glass)
app.command()(messages.outbox)
app.command()(timeline)
app.command()(recall)
app.command()(correct)
app.command()(messages.promises)
app.command()(messages.contacts)
app.command()(messages.inspect)
app.command()(answers.reply)
app.command()(answers.forward)
app.command()(answers.accept)
app.command()(answers.decline)
app.command()(answers.requests)
app.command()(keys_cmd.keys)
app.command()(doctor)
app.command("matrix")(policy_cmd.matrix)
app.command()(redact)
app.command()(ceremonies.fingerprint)
app.command()(serve.up)
app.command()(console_cmd.console)
app.command(hidden=True)(serve.worker)
app.command("demo")(demo_command.demo)
app.add_typer(messages.inbox_app, name="inbox")
app.add_typer(packet_app, name="packet")
app.add_typer(answers.permit_app, name="permit")
app.add_typer(answers.referral_app, name="referral")
app.add_typer(consent_cmd.consent_app, name="consent")
app.add_typer(consent_cmd.erasure_app, name="erasure")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(tasks_app, name="tasks")
app.add_typer(serve.adapter_app, name="adapter")
app.add_typer(serve.guard_app, name="guard")
app.add_typer(practice_app, name="practice")
app.add_typer(ceremonies.officer_app, name="officer")
app.add_typer(ceremonies.agency_app, name="agency")
app.add_typer(ceremonies.contact_app, name="contact")
app.add_typer(ceremonies.operator_app, name="operator")
app.add_typer(ceremonies.bundle_app, name="bundle")
app.add_typer(policy_cmd.policy_app, name="policy")
app.add_typer(agreement_app, name="agreement")
app.add_typer(tls_app, name="tls")
app.add_typer(cluster_app, name="cluster")
app.add_typer(deadletters_app, name="deadletters")
app.add_typer(audit_app, name="audit")


@practice_app.command("new")
@command
def practice_new(
    folder: Annotated[Path, typer.Argument(help="A new folder for the task force.")],
    example: Annotated[
        Path | None, typer.Option("--parties", help="A folder with parties.yaml and agreements/; else Orchid's.")
    ] = None,
) -> None:
    """Make a practice task force: seven parties with keys, mandates and agreements, and a broker."""
    from adapters.home import clock
    from cli import practice

    made = practice.make(folder, example or practice.example_folder(), clock())
    parties = sorted(p.name for p in made.folder.iterdir() if (p / "agency.json").is_file())
    out.print(f"made {made.folder} with {len(parties)} parties: {', '.join(parties)}", soft_wrap=True)
    out.print(f"next: safeconduct up --home {made.broker}", soft_wrap=True)


@practice_app.command("renew")
@command
def practice_renew(folder: Annotated[Path, typer.Argument(help="The practice task force.")]) -> None:
    """Sign the trust bundle again for seven days, with fresh encryption keys; a running broker takes it over."""
    from adapters.home import clock
    from cli import practice

    out.print(f"signed epoch {practice.renew(folder, clock())}; broker and adapters take it over by themselves")


@app.command()
@command
def rules(
    identifier: Annotated[str | None, typer.Argument(help="A rule's id; all without one.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The rules in plain words, with their sources."""
    from messages.errors import BadInput
    from policies.decide import Engine
    from policies.sentences import FLOW

    engine = Engine.load()
    found = [r for r in engine.rules if identifier in (None, r.id)]
    flow = {code: says for code, says in FLOW.items() if identifier in (None, code)}
    if not found and not flow:
        raise BadInput(f"There is no rule {str(identifier)[:40]!r}; see: safeconduct rules")
    if as_json:
        rows = [{"id": r.id, "kind": r.kind, "says": r.says, "source": r.source} for r in found]
        out.print_json(data=[*rows, *({"id": code, "kind": "flow", "says": says} for code, says in flow.items())])
        return
    table = Table("id", "kind", "says", "source", show_lines=True)
    for rule in found:
        table.add_row(rule.id, rule.kind, rule.says, rule.source)
    for code, says in flow.items():
        table.add_row(code, "flow", says, "docs/protocol.md")
    out.print(table)


@app.command()
@command
def types(
    identifier: Annotated[str | None, typer.Argument(help="A data type such as A24, or a code list.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The data types: their fields, parts and identity flags; or the words of one code list."""
    from cli import catalogue_view

    catalogue_view.show(identifier, as_json=as_json)


@app.command()
@command
def bench(
    as_json: JsonOption = False,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer messages: for trying, not for quoting.")] = False,
) -> None:
    """Measure speed as ratios against a raw relay and a naive service, in one run."""
    import runpy
    import sys

    from messages.errors import BadInput

    root = Path(__file__).resolve().parent.parent
    if not (root / "bench" / "run.py").is_file():
        raise BadInput("The benchmarks are part of the source tree: run this from a clone of the project.")
    sys.path.insert(0, str(root))
    runpy.run_module("bench.run")["main"](as_json=as_json, quick=quick)


_UsageError = typer.BadParameter.__mro__[1]
"""Typer carries its own copy of click and exports only this child of its usage errors."""


@cache
def program() -> Any:
    """Every command there is, put together once: that takes as long as a small command itself."""
    return typer.main.get_command(app)


def run_app() -> None:
    """The entry point: a wrong command line ends in one sentence too."""
    try:
        code = program()(standalone_mode=False)
    except typer.Abort:
        err.print("safeconduct: Stopped.")
        sys.exit(130)
    except Exception as error:
        if not isinstance(error, _UsageError):
            raise
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "safeconduct"
        sentence = getattr(error, "format_message", str)()
        err.print(f"safeconduct: {sentence} See: {path} --help", markup=False, soft_wrap=True)
        sys.exit(MISTAKE)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    run_app()
