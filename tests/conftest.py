"""With CI=true nothing may be skipped: a test that did not run for lack of something proves nothing."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """What a command sets in our environment while it is tried here must not reach the processes of later tests."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]


def pytest_collection_finish(session: pytest.Session) -> None:
    if not session.items:
        pytest.exit("no tests were collected", returncode=5)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped and os.environ.get("SAFECONDUCT_NOTHING_SKIPPED"):
        terminalreporter.write_line(f"{len(skipped)} tests were skipped, and here none may be", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped") and os.environ.get("SAFECONDUCT_NOTHING_SKIPPED"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
