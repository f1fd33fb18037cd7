"""No field gets into a service's log that is not on the list, whatever a program hands over."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from cli.common import quiet_logs, service_logs
from cli.logs import ADDED, FIELDS, only_allowed
from tests.support.orchid import search_for

ROOT = Path(__file__).resolve().parent.parent.parent
LOGGING = ("debug", "info", "warning", "error", "critical", "exception")
VALUES = st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.binary(), st.lists(st.text()), st.floats())


@given(st.dictionaries(st.one_of(st.text(), st.sampled_from(sorted(FIELDS))), VALUES))
def test_whatever_is_logged_only_fields_of_the_list_in_their_form_come_through(given: dict[str, object]) -> None:
    kept = only_allowed(None, "info", dict(given))
    assert kept.keys() <= FIELDS.keys() | ADDED
    assert all(FIELDS[name](value) for name, value in kept.items() if name in FIELDS)


def test_no_string_that_identifies_a_victim_fits_any_field_but_our_own_sentence() -> None:
    for name in FIELDS.keys() - {"says"}:
        for word in ("Ana Popescu", "+44 1632 960001", "12 Harbour Lane, flat 3", "ana@example.org", "née Ionescu"):
            assert name not in only_allowed(None, "info", {name: word}), (name, word)
    assert len(search_for()) > 100
    for raw in search_for():
        kept = only_allowed(None, "info", {name: raw.decode() for name in FIELDS.keys() - {"says", "error"}})
        for name, value in kept.items():
            assert name in ADDED or (raw.decode() == value and raw.decode().isalnum()), (name, value)


def test_an_exception_a_traceback_and_a_free_text_are_left_out_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    service_logs()
    try:
        try:
            raise ValueError("Ana Popescu")
        except ValueError as error:
            structlog.get_logger("x").error("it failed for Ana Popescu", exc_info=error, subject="Ana", code="fine")
        line = json.loads(capsys.readouterr().err)
    finally:
        quiet_logs()
    assert line.pop("timestamp")
    assert line == {"event": "unnamed", "level": "error", "code": "fine", "dropped": ["exc_info", "subject"]}


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of a logger in the program."""
    for folder in ("messages", "keys", "policies", "bus", "broker", "adapters", "cli"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr in LOGGING
                    and isinstance(node.func.value, ast.Name)
                    and node.func.value.id == "log"
                ):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_every_field_that_the_program_logs_is_on_the_list() -> None:
    found = list(calls())
    assert len(found) > 60
    for place, call in found:
        for keyword in call.keywords:
            assert keyword.arg is None or keyword.arg in FIELDS, f"{place}: {keyword.arg}"
        assert call.args and isinstance(call.args[0], ast.Constant | ast.Name | ast.Attribute), place
