"""With CI=true nothing may be skipped: a test that did not run for lack of something proves nothing."""

import gc
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import PurePosixPath
from zlib import crc32

import pytest
import structlog
import typer.testing
from hypothesis import HealthCheck, settings

# Hundreds of commands run in the tests' own processes: each would put the whole command line together again.
typer.testing._get_command = cache(typer.testing._get_command)

# The tests themselves and what they import stay to the end: while they are collected none of it is looked through for
# garbage, and afterwards seldom.
gc.disable()

# No example may fail for the time it took: a machine pauses when it likes. All else is as it was, with CI=true or not.
settings.register_profile("safeconduct", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("safeconduct")

_PYTESTS_OWN = "PYTEST_CURRENT_TEST"


def _environment() -> dict[object, object]:
    """All but pytest's own, as it is kept: a fiftieth of the time that `os.environ` takes, twice a test."""
    kept: dict[object, object] = os.environ._data.copy()
    kept.pop(os.environ.encodekey(_PYTESTS_OWN), None)
    return kept


@contextmanager
def _as_it_was() -> Iterator[None]:
    """The environment and what is logged as they were before the block, whatever was set, changed or taken out of them
    meanwhile.
    """
    before, level = _environment(), logging.getLogger("asyncio").level
    logs = structlog.get_config() if structlog.is_configured() else None
    try:
        yield
    finally:
        after = _environment()
        for name in after.keys() | before.keys() if after != before else ():
            if name not in before:
                del os.environ[os.environ.decodekey(name)]
            elif after.get(name) != before[name]:
                os.environ[os.environ.decodekey(name)] = os.environ.decodevalue(before[name])
        logging.getLogger("asyncio").setLevel(level)
        if logs is None:
            structlog.reset_defaults()
        else:
            structlog.configure(**logs)


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """What a command sets in our process while it is tried here must not reach later tests and their processes."""
    with _as_it_was():
        yield


@pytest.fixture(autouse=True, scope="module")
def _own_environment_of_a_module() -> Iterator[None]:
    """Nor what a module's fixtures set for all its tests."""
    with _as_it_was():
        yield


LONGEST = (
    "flows/test_operation_orchid.py",
    "console/test_browser.py",
    "faults/test_kit.py",
    "cli/test_ceremonies.py",
    "flows/test_workflows.py",
    "flows/test_between_processes.py",
    "flows/test_trust_in_force.py",
    "bench/test_bench_runs.py",
    "flows/test_consent.py",
    "adapters/test_guard_second.py",
)
"""Files that begin first: one of them that began last would be waited for alone."""


def turn(file: str) -> tuple[int, int]:
    """When a file has its turn: the longest first, the others mixed, those that compute beside those that wait."""
    name = PurePosixPath(file).as_posix().removeprefix("tests/")
    return (LONGEST.index(name) if name in LONGEST else len(LONGEST), crc32(name.encode()))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: turn(item.nodeid.partition("::")[0]))


def pytest_collection_finish(session: pytest.Session) -> None:
    if not session.items:
        pytest.exit("no tests were collected", returncode=5)
    gc.freeze()
    gc.unfreeze()  # what is there counts as old
    gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped and os.environ.get("SAFECONDUCT_NOTHING_SKIPPED"):
        terminalreporter.write_line(f"{len(skipped)} tests were skipped, and here none may be", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped") and os.environ.get("SAFECONDUCT_NOTHING_SKIPPED"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
