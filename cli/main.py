"""`safeconduct`: the command, put together."""

import sys
from functools import cache
from importlib import import_module
from typing import Any, Final

import typer

from cli.common import MISTAKE, err
from cli.lazily import Where, group
from cli.unlock import DescriptorOption

COMMANDS: Final = {
    "send": Where(lambda: import_module("cli.messages_cmd"), "send"),
    "release": Where(lambda: import_module("cli.messages_cmd"), "release"),
    "review": Where(lambda: import_module("cli.consent_cmd"), "review"),
    "break-glass": Where(lambda: import_module("cli.consent_cmd"), "break_glass"),
    "outbox": Where(lambda: import_module("cli.messages_cmd"), "outbox"),
    "timeline": Where(lambda: import_module("cli.timeline_cmd"), "timeline"),
    "recall": Where(lambda: import_module("cli.recall_cmd"), "recall"),
    "correct": Where(lambda: import_module("cli.recall_cmd"), "correct"),
    "promises": Where(lambda: import_module("cli.messages_cmd"), "promises"),
    "contacts": Where(lambda: import_module("cli.messages_cmd"), "contacts"),
    "inspect": Where(lambda: import_module("cli.messages_cmd"), "inspect"),
    "reply": Where(lambda: import_module("cli.answers_cmd"), "reply"),
    "forward": Where(lambda: import_module("cli.answers_cmd"), "forward"),
    "accept": Where(lambda: import_module("cli.answers_cmd"), "accept"),
    "decline": Where(lambda: import_module("cli.answers_cmd"), "decline"),
    "requests": Where(lambda: import_module("cli.answers_cmd"), "requests"),
    "keys": Where(lambda: import_module("cli.keys_cmd"), "keys"),
    "doctor": Where(lambda: import_module("cli.doctor"), "doctor"),
    "matrix": Where(lambda: import_module("cli.policy_cmd"), "matrix"),
    "redact": Where(lambda: import_module("cli.redact_cmd"), "redact"),
    "fingerprint": Where(lambda: import_module("cli.ceremonies.people"), "fingerprint"),
    "up": Where(lambda: import_module("cli.serve"), "up"),
    "console": Where(lambda: import_module("cli.console_cmd"), "console"),
    "worker": Where(lambda: import_module("cli.serve"), "worker", hidden=True),
    "demo": Where(lambda: import_module("cli.demo"), "demo"),
    "rules": Where(lambda: import_module("cli.reference_cmd"), "rules"),
    "types": Where(lambda: import_module("cli.reference_cmd"), "types"),
    "bench": Where(lambda: import_module("cli.reference_cmd"), "bench"),
    "inbox": Where(lambda: import_module("cli.messages_cmd"), "inbox_app"),
    "packet": Where(lambda: import_module("cli.packet_cmd"), "packet_app"),
    "permit": Where(lambda: import_module("cli.answers_cmd"), "permit_app"),
    "referral": Where(lambda: import_module("cli.answers_cmd"), "referral_app"),
    "consent": Where(lambda: import_module("cli.consent_cmd"), "consent_app"),
    "erasure": Where(lambda: import_module("cli.consent_cmd"), "erasure_app"),
    "quarantine": Where(lambda: import_module("cli.quarantine_cmd"), "quarantine_app"),
    "tasks": Where(lambda: import_module("cli.tasks_cmd"), "tasks_app"),
    "adapter": Where(lambda: import_module("cli.adapter_cmd"), "adapter_app"),
    "guard": Where(lambda: import_module("cli.guard_cmd"), "guard_app"),
    "practice": Where(lambda: import_module("cli.practice_cmd"), "practice_app"),
    "officer": Where(lambda: import_module("cli.ceremonies.people"), "officer_app"),
    "agency": Where(lambda: import_module("cli.ceremonies.people"), "agency_app"),
    "contact": Where(lambda: import_module("cli.ceremonies.people"), "contact_app"),
    "operator": Where(lambda: import_module("cli.ceremonies.people"), "operator_app"),
    "bundle": Where(lambda: import_module("cli.ceremonies.bundle"), "bundle_app"),
    "policy": Where(lambda: import_module("cli.policy_cmd"), "policy_app"),
    "agreement": Where(lambda: import_module("cli.agreements_cmd"), "agreement_app"),
    "tls": Where(lambda: import_module("cli.tls_cmd"), "tls_app"),
    "cluster": Where(lambda: import_module("cli.cluster_cmd"), "cluster_app"),
    "deadletters": Where(lambda: import_module("cli.deadletters_cmd"), "deadletters_app"),
    "audit": Where(lambda: import_module("cli.audit_cmd"), "audit_app"),
}

app = typer.Typer(
    cls=group(COMMANDS),
    name="safeconduct",
    help="An inter-agency, victim-safe message broker for anti-trafficking task forces.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def options(passphrase_fd: DescriptorOption = None) -> None:
    """An inter-agency, victim-safe message broker for anti-trafficking task forces."""


_UsageError = typer.BadParameter.__mro__[1]
"""Typer carries its own copy of click and exports only this child of its usage errors."""


@cache
def program() -> Any:
    """The command with its table; each command in it is read when it is asked for."""
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
