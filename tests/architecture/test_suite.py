"""Tests leave nothing behind for those that run after them in the same process, and share nothing with those beside."""

import os
import socket
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from cli.common import quiet_logs, service_logs
from tests.conftest import LONGEST, _as_it_was, turn
from tests.support import ports

TESTS = Path(__file__).parents[1]


def test_the_environment_is_as_it_was_whatever_a_test_did_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFECONDUCT_CHANGED", "before")
    monkeypatch.setenv("SAFECONDUCT_GONE", "here")
    with pytest.raises(KeyError), _as_it_was():
        os.environ["SAFECONDUCT_NEW"] = "new"
        os.environ["SAFECONDUCT_CHANGED"] = "after"
        del os.environ["SAFECONDUCT_GONE"]
        raise KeyError
    assert "SAFECONDUCT_NEW" not in os.environ
    assert (os.environ["SAFECONDUCT_CHANGED"], os.environ["SAFECONDUCT_GONE"]) == ("before", "here")


def test_what_a_command_logs_no_more_is_logged_again_after_its_test() -> None:
    log = structlog.get_logger("tests")
    with _as_it_was():
        service_logs()
        with _as_it_was():
            quiet_logs()
            with capture_logs() as said:
                log.info("once")
            assert said == []
        with capture_logs() as said:
            log.info("twice")
        assert [one["event"] for one in said] == ["twice"]
        quiet_logs()
    with capture_logs() as said:
        log.info("thrice")
    assert [one["event"] for one in said] == ["thrice"]


def test_ports_for_tests_are_free_different_and_not_the_system_s_to_give() -> None:
    first, second = ports.free(3), ports.free(3)
    assert len({*first, *second}) == 6
    for port in (*first, *second):
        assert ports.FIRST <= port < 32_768
        with socket.create_server(("127.0.0.1", port)):
            assert port not in ports.free(ports.EACH - 10)


def test_every_file_has_its_turn_the_longest_first_and_no_two_at_once() -> None:
    files = [path.relative_to(TESTS.parent).as_posix() for path in TESTS.rglob("test_*.py")]
    assert [file.removeprefix("tests/") for file in sorted(files, key=turn)[: len(LONGEST)]] == list(LONGEST)
    assert len({turn(file) for file in files}) == len(files) > 200
