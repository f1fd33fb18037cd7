"""Commands are read when they are used, and are all there."""

import subprocess
import sys
from importlib import import_module

import pytest
import typer

from cli.lazily import Where, group
from cli.main import COMMANDS, app, program

HEAVY = ("broker", "sqlalchemy", "webauthn", "jinja2")


def loaded(*arguments: str) -> set[str]:
    """Which of the heavy packages a command has read when it is about to run."""
    code = (
        "import sys; from cli.main import program\n"
        "try: program()(sys.argv[1:], standalone_mode=False)\n"
        f"finally: print('|'.join(h for h in {HEAVY!r} if h in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(filter(None, done.stderr.strip().split("|")))


@pytest.mark.parametrize("command", [("guard", "run"), ("inbox", "open"), ("send",), ("adapter", "run")])
def test_no_agency_waits_for_the_broker_and_its_database(command: tuple[str, ...]) -> None:
    assert loaded(*command, "--help") == set()


def test_a_broker_without_a_console_does_not_wait_for_its_pages() -> None:
    assert loaded("up", "--help") & {"webauthn", "jinja2"} == set()


def test_every_name_in_the_table_is_a_command_with_a_help_text() -> None:
    commands = program().commands
    assert list(commands) == list(COMMANDS)
    for name, command in commands.items():
        assert command.name == name and (command.help or command.hidden)


def test_what_is_registered_beside_the_table_stands_behind_it() -> None:
    both = typer.Typer(cls=group({"guard": Where(lambda: import_module("cli.guard_cmd"), "guard_app")}))
    both.command("own")(lambda: None)
    found = typer.main.get_group(both)
    assert list(found.commands) == ["guard", "own"] and "run" in found.commands["guard"].commands  # type: ignore[attr-defined]
    assert "nobody" not in found.commands and found.commands.get("nobody") is None


def test_a_name_that_nobody_has_is_told_with_the_nearest() -> None:
    with pytest.raises(Exception, match=r"No such command 'gaurd'\. Did you mean 'guard'"):
        program()(["gaurd"], standalone_mode=False)
    assert app.info.cls is not None
