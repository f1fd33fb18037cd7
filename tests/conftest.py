"""With CI=true nothing may be skipped: a test that did not run for lack of something proves nothing."""

import os

import pytest


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
